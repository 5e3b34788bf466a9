use std::fs;
use std::os::unix::fs::PermissionsExt;

use crypto::random::Generator;
use proptest::prelude::*;
use world::{Fault, FaultKind, Outcome, Side, hostile, pair_with_fault};

use super::*;

fn numbered(numbers: impl Iterator<Item = u32>) -> Vec<String> {
    numbers.map(|number| format!("id-{:03}", number * 37 % 1000)).collect()
}

fn set(ids: &[String]) -> Identifiers<'_> {
    Identifiers::new(ids.iter().map(String::as_str)).unwrap()
}

fn prepared(ids: &[String], seed: u8) -> Server {
    Server::prepare(&set(ids), &mut Generator::from_seed([seed; 32]), |_| ())
}

async fn ask(
    session: &mut Session,
    filters: &mut Filters,
    ids: &[String],
    chunk: usize,
) -> Result<Vec<u32>, MatchingError> {
    fetch(&mut session.fork("update")?, filters).await?;
    let alignment = query_in_chunks(&mut session.fork("query")?, filters, &set(ids), chunk).await?;
    Ok(alignment.order().to_vec())
}

async fn serve(session: &mut Session, server: &Server, chunk: usize) -> Result<(), MatchingError> {
    offer(&mut session.fork("update")?, server).await?;
    answer_in_chunks(&mut session.fork("query")?, server, 100, chunk).await
}

type Answer = Result<Vec<u32>, MatchingError>;

/// An update and a query, the client being the first party.
fn run(
    filters: &mut Filters,
    ids: &[String],
    server: &Server,
    chunk: usize,
) -> Outcome<Answer, Result<(), MatchingError>> {
    let cell = std::sync::Mutex::new(filters);
    world::pair(
        7,
        |mut session| {
            let mut filters = std::mem::take(&mut **cell.lock().unwrap());
            let cell = &cell;
            async move {
                let result = ask(&mut session, &mut filters, ids, chunk).await;
                **cell.lock().unwrap() = filters;
                result
            }
        },
        |mut session| async move { serve(&mut session, server, chunk).await },
    )
}

fn common(ids: &[String], theirs: &[String]) -> Vec<u32> {
    (0..).zip(ids).filter(|(_, id)| theirs.contains(id)).map(|(position, _)| position).collect()
}

fn check(ids: &[String], theirs: &[String], chunk: usize) {
    let mut filters = Filters::none();
    let outcome = run(&mut filters, ids, &prepared(theirs, 1), chunk);
    outcome.second.unwrap();
    assert_eq!(outcome.first.unwrap(), common(ids, theirs));
    assert_eq!(filters.rows(), theirs.len());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]
    #[test]
    fn correct(
        ids in prop::collection::btree_set(0_u32..300, 0..20),
        theirs in prop::collection::btree_set(0_u32..300, 0..200),
        chunk in 1_usize..20,
    ) {
        check(&numbered(ids.into_iter().rev()), &numbered(theirs.into_iter()), chunk);
    }
}

#[test]
fn correct_at_the_edges() {
    let (none, some) = (Vec::new(), numbered(0..9));
    check(&none, &none, 4);
    check(&none, &some, 4);
    check(&some, &none, 4);
    check(&some, &some, 3);
    check(&some, &numbered(20..25), 4);
}

#[test]
fn correct_while_the_server_grows_and_only_what_is_new_is_sent() {
    let ids = numbered((0..90).step_by(2));
    let mut filters = Filters::none();
    let mut server = prepared(&numbered(0..10), 1);
    for step in 1..=2 * FILTERS_MAX as u32 {
        // Five of ten are there already.
        let more = numbered(step * 5..step * 5 + 10);
        assert_eq!(server.extend(&set(&more), |_| ()), 5);
        assert_eq!(server.extend(&set(&more), |_| ()), 0);
        let all = numbered(0..step * 5 + 10);
        assert!(server.holds(&set(&all)));
        assert!(!server.holds(&set(&all[1..])));
        assert!(server.filters.len() <= FILTERS_MAX);
        let last = server.filters.len() - 1;

        let outcome = run(&mut filters, &ids, &server, 64);
        assert_eq!(outcome.first.unwrap(), common(&ids, &all));
        let sent = outcome.transcript.bytes_of(Side::Second, "update/cells") as usize;
        let fetched = if step == 1 { &server.filters[..] } else { &server.filters[last..] };
        assert_eq!(sent, fetched.iter().map(|filter| filter.cells().len()).sum::<usize>());
    }
}

#[test]
fn a_query_without_the_present_filters_ends_on_both_sides() {
    let ids = numbered(0..3);
    let (mut server, mut filters) = (prepared(&ids, 1), Filters::none());
    run(&mut filters, &ids, &server, 8).first.unwrap();
    server.extend(&set(&numbered(3..5)), |_| ());
    let (grown, of_another_key) = (&server, &prepared(&ids, 2));
    for (filters, server) in
        [(&filters, grown), (&filters, of_another_key), (&Filters::none(), grown)]
    {
        let ids = &set(&ids);
        let outcome = world::pair(
            7,
            |mut session| async move { query(&mut session, filters, ids).await },
            |mut session| async move { answer(&mut session, server, 10).await },
        );
        let out_of_step = |error| matches!(error, MatchingError::Cache(CacheError::OutOfStep));
        assert!(out_of_step(outcome.first.unwrap_err()));
        assert!(out_of_step(outcome.second.unwrap_err()));
    }
}

#[test]
fn known_answer() {
    let outcome = run(&mut Filters::none(), &numbered(0..20), &prepared(&numbered(10..40), 1), 8);
    assert_eq!(
        (outcome.first.unwrap(), outcome.transcript.hash().as_str()),
        ((10..20).collect(), "c8d056a75ac4422e59aef1a1bf19d1103831e5e800438df58fd79fa87b15e33d")
    );
}

#[test]
fn cost() {
    let (ids, server) = (numbered(0..20), prepared(&numbered(10..40), 1));
    let mut filters = Filters::none();
    let transcript = run(&mut filters, &ids, &server, 8).transcript;
    let cells = server.filters[0].cells().len() as u64;
    assert_eq!(transcript.bytes(), 16 + 48 + cells + 72 + 64 * 20);
    assert_eq!(transcript.bytes_of(Side::Second, "update"), 16 + 48 + cells);
    assert_eq!(transcript.bytes_of(Side::First, "query"), 40 + 32 * 20);
    assert_eq!(transcript.bytes_of(Side::Second, "query"), 32 + 32 * 20);

    let again = run(&mut filters, &ids, &server, 8).transcript;
    assert_eq!(again.bytes_of(Side::First, "update"), 32);
    assert_eq!(again.bytes_of(Side::Second, "update"), 16 + 48);
}

#[test]
fn tampered_messages_end_in_errors() {
    let (ids, server) = (numbered(0..6), &prepared(&numbered(3..8), 1));
    let report = hostile::sweep(
        7,
        |mut session| {
            let ids = &ids;
            async move { ask(&mut session, &mut Filters::none(), ids, 4).await }
        },
        |mut session| async move { serve(&mut session, server, 4).await },
    );
    assert!(report.runs > 0);
    // A digest that the server does not know is that of a filter from before.
    let noticed = |fault: &&Fault| !fault.path_step.ends_with("held");
    assert!(!report.unnoticed.iter().any(|fault| noticed(&fault)), "{:?}", report.unnoticed);
}

/// What a client says about a server that answers `evaluated` to two ids.
fn against(evaluated: Vec<u8>) -> String {
    let ids = numbered(0..2);
    let server = &prepared(&ids, 1);
    let outcome = world::pair(
        7,
        |mut session| {
            let ids = &ids;
            async move { ask(&mut session, &mut Filters::none(), ids, 8).await }
        },
        |mut session| async move {
            offer(&mut session.fork("update")?, server).await?;
            let mut session = session.fork("query")?;
            session.exchange_bytes("opening", server.state().to_vec(), Size::Exactly(40)).await?;
            session.receive_bytes("points", Size::Exactly(64)).await?;
            session.send_bytes("evaluated", evaluated).await?;
            Ok::<(), MatchingError>(())
        },
    );
    outcome.first.unwrap_err().to_string()
}

#[test]
fn tampered_points_are_named() {
    let honest = crypto::group::hash_to_group("test", b"x").encode();
    for (evaluated, rule) in [
        ([honest, [0xFF; 32]].concat(), "point at index 1 is not the canonical encoding"),
        ([[0; 32], honest].concat(), "point at index 0 is the neutral element"),
        (honest.to_vec(), "announced 32 bytes where Exactly(64) was due"),
    ] {
        let text = against(evaluated);
        assert!(text.contains(rule) && text.contains("query/evaluated"), "{text}");
    }
}

/// What a client says about a server that lists `listed` and sends no cells.
fn against_list(listed: Vec<u8>) -> String {
    let outcome = world::pair(
        7,
        |mut session| async move { fetch(&mut session, &mut Filters::none()).await },
        |mut session| async move {
            session.receive_bytes("held", Size::Exactly(0)).await?;
            session.send_bytes("filters", listed).await
        },
    );
    outcome.first.unwrap_err().to_string()
}

#[test]
fn tampered_lists_are_named() {
    let filter = |rows: u64| [&rows.to_le_bytes()[..], &[0; 40]].concat();
    let half = filter((ROWS_MAX / 2 + 1) as u64);
    for (listed, rule) in [
        (vec![0; 15], "sent no name of a key"),
        (vec![0; 16], "announced no filter at all"),
        (vec![0; 63], "sent a part of a filter's description"),
        ([vec![0; 16], filter(u64::MAX)].concat(), "announced filters of too many ids"),
        ([vec![0; 16], half.clone(), half].concat(), "announced filters of too many ids"),
        (vec![0; 16 + 48 * 9], "AtMost(400)"),
    ] {
        let text = against_list(listed);
        assert!(text.contains(rule) && text.contains("filters"), "{text}");
    }
}

#[test]
fn tampered_cells_leave_the_client_with_what_it_had() {
    let (ids, server) = (numbered(0..6), prepared(&numbered(3..8), 1));
    let mut listed = server.name.to_vec();
    listed.extend(server.filters[0].header().to_bytes());
    listed.extend([1; 32]);
    let mut filters = Filters::none();
    run(&mut filters, &ids, &prepared(&ids, 2), 8).first.unwrap();
    let before = filters.state();
    let cells = server.filters[0].cells().to_vec();
    let outcome = world::pair(
        7,
        |mut session| async move {
            let error = fetch(&mut session, &mut filters).await.unwrap_err();
            (error.to_string(), filters.state())
        },
        |mut session| async move {
            session.receive_bytes("held", Size::Exactly(32)).await?;
            session.send_bytes("filters", listed).await?;
            session.send_bytes("cells", cells).await
        },
    );
    let (text, after) = outcome.first;
    assert!(text.contains("sent another filter than it announced"), "{text}");
    assert_eq!(after, before);
}

#[test]
fn tampered_counts_and_digests_are_named() {
    let server = &prepared(&numbered(0..2), 1);
    let against_client = |held: Vec<u8>| {
        let outcome = world::pair(
            7,
            |mut session| async move { session.send_bytes("held", held).await },
            |mut session| async move { offer(&mut session, server).await },
        );
        outcome.second.unwrap_err().to_string()
    };
    assert!(against_client(vec![0; 31]).contains("sent a part of a digest"));
    assert!(against_client(vec![0; 32 * 9]).contains("AtMost(256)"));

    let too_many = [server.state().to_vec(), vec![0xFF; 8]].concat();
    let outcome = world::pair(
        7,
        |mut session| async move {
            session.exchange_bytes("opening", too_many, Size::Exactly(32)).await
        },
        |mut session| async move { answer(&mut session, server, 5).await },
    );
    let text = outcome.second.unwrap_err().to_string();
    assert!(text.contains("asked for 18446744073709551615 ids, at most 5 are allowed"), "{text}");
}

#[test]
fn peer_drops_and_both_sides_say_so() {
    let (ids, server) = (numbered(0..6), &prepared(&numbered(3..8), 1));
    for (path_step, from) in [
        ("update/cells", Side::Second),
        ("query/points", Side::First),
        ("query/evaluated", Side::Second),
    ] {
        let fault =
            Fault { path_step: path_step.to_owned(), occurrence: 0, kind: FaultKind::Close, from };
        let outcome = pair_with_fault(
            7,
            fault,
            |mut session| {
                let ids = &ids;
                async move { ask(&mut session, &mut Filters::none(), ids, 4).await }
            },
            |mut session| async move { serve(&mut session, server, 4).await },
        );
        for error in [outcome.first.unwrap_err(), outcome.second.unwrap_err()] {
            assert!(matches!(error, MatchingError::Net(_)), "{error}");
        }
    }
}

#[test]
fn a_stored_server_and_stored_filters_go_on_as_before() {
    let folder = tempfile::tempdir().unwrap();
    let (server_path, client_path) = (folder.path().join("server"), folder.path().join("client"));
    let (ids, theirs) = (numbered(0..9), numbered(4..30));
    let mut server = prepared(&theirs, 1);
    server.save(&server_path).unwrap();
    server.extend(&set(&numbered(0..2)), |_| ());
    server.save(&server_path).unwrap();
    let mode = fs::metadata(&server_path).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);

    let stored = Server::load(&server_path).unwrap();
    assert!(stored.holds(&set(&[numbered(0..2), theirs].concat())));
    let mut filters = Filters::none();
    let first = run(&mut filters, &ids, &server, 8).first.unwrap();
    assert_eq!(first, [0, 1, 4, 5, 6, 7, 8]);
    filters.save(&client_path).unwrap();
    let mut filters = Filters::load(&client_path).unwrap();
    let outcome = run(&mut filters, &ids, &stored, 8);
    assert_eq!(outcome.first.unwrap(), first);
    assert_eq!(outcome.transcript.bytes_of(Side::Second, "update/cells"), 0);
}

#[test]
fn every_changed_byte_and_every_cut_of_a_file_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("cache");
    let mut server = prepared(&numbered(0..4), 1);
    server.extend(&set(&numbered(4..6)), |_| ());
    let refused = |error| matches!(error, CacheError::Refused { .. });
    server.save(&path).unwrap();
    let written = fs::read(&path).unwrap();
    for index in 0..written.len() {
        let mut changed = written.clone();
        changed[index] ^= 1;
        fs::write(&path, changed).unwrap();
        assert!(refused(Server::load(&path).unwrap_err()), "byte {index}");
        fs::write(&path, &written[..index]).unwrap();
        assert!(refused(Server::load(&path).unwrap_err()), "cut at {index}");
    }
    fs::write(&path, [&written[..], &[0]].concat()).unwrap();
    assert!(refused(Server::load(&path).unwrap_err()));
    fs::write(&path, &written).unwrap();
    assert!(Server::load(&path).is_ok());
    let text = Filters::load(&path).unwrap_err().to_string();
    assert!(text.contains("it is a file of another kind; delete it"), "{text}");
}

/// What a file says whose content is well sealed and wrong.
fn sealed(kind: file::Kind, content: &[u8]) -> String {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("cache");
    file::save(&path, kind, content).unwrap();
    let error = match kind {
        file::Kind::Server => Server::load(&path).map(|_| ()).unwrap_err(),
        file::Kind::Client => Filters::load(&path).map(|_| ()).unwrap_err(),
    };
    error.to_string()
}

proptest! {
    #[test]
    fn no_content_makes_loading_panic(content: Vec<u8>, tail in 0_usize..200, byte: u8) {
        let content = [content, vec![byte; tail]].concat();
        prop_assert!(sealed(file::Kind::Server, &content).contains("is not consistent"));
    }
}

#[test]
fn inconsistent_contents_are_refused() {
    let filters = |count: u64, rows: u64| {
        [vec![0; 16], count.to_le_bytes().to_vec(), rows.to_le_bytes().to_vec(), vec![0; 8]]
            .concat()
    };
    for content in [filters(9, 0), filters(1, u64::MAX), filters(1, 1 << 29), filters(0, 0)] {
        assert!(sealed(file::Kind::Client, &content).contains("is not consistent"));
    }
}

#[test]
fn files_that_others_may_read_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("cache");
    prepared(&numbered(0..4), 1).save(&path).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
    let text = Server::load(&path).unwrap_err().to_string();
    assert!(text.contains("other users may read it"), "{text}");
    let missing = Server::load(&folder.path().join("missing")).unwrap_err();
    assert!(matches!(missing, CacheError::File { action: "read", .. }));
}

#[test]
fn debug_shows_sizes_only() {
    let server = prepared(&numbered(0..4), 1);
    assert_eq!(format!("{server:?}"), "Server { rows: 4, .. }");
    assert_eq!(format!("{:?}", Filters::none()), "Filters { rows: 0, .. }");
}
