use std::collections::BTreeSet;

use proptest::prelude::*;
use table::Alignment;
use world::{Fault, FaultKind, Outcome, Side, hostile, pair_with_fault};

use super::*;

const LEARNS: [Learn; 3] = [Learn::Both, Learn::First, Learn::Second];

type Aligned = Result<Option<Alignment>, MatchingError>;

async fn play(mut session: Session, ids: &[String], learn: Learn, chunk: usize) -> Aligned {
    let ids = Identifiers::new(ids.iter().map(String::as_str))?;
    align_in_chunks(&mut session, &ids, learn, chunk).await
}

fn run(
    first: &[String],
    second: &[String],
    learn: Learn,
    chunk: usize,
) -> Outcome<Aligned, Aligned> {
    world::pair(
        7,
        |session| play(session, first, learn, chunk),
        |session| play(session, second, learn, chunk),
    )
}

/// The ids of a run of numbers, in an order that is not the sorted one.
fn numbered(numbers: impl Iterator<Item = u32>) -> Vec<String> {
    numbers.map(|number| format!("id-{:03}", number * 37 % 1000)).collect()
}

fn chosen(ids: &[String], positions: &[u32]) -> Vec<String> {
    positions.iter().map(|&position| ids[position as usize].clone()).collect()
}

fn check(first: &[String], second: &[String], learn: Learn, chunk: usize) {
    let outcome = run(first, second, learn, chunk);
    let expected: BTreeSet<&String> = first.iter().filter(|id| second.contains(id)).collect();
    let mut orders = Vec::new();
    for (is_first, ids, result) in
        [(true, first, outcome.first.unwrap()), (false, second, outcome.second.unwrap())]
    {
        assert_eq!(result.is_some(), learn.includes(is_first));
        if let Some(alignment) = result {
            let common = chosen(ids, alignment.order());
            assert_eq!(common.iter().collect::<BTreeSet<_>>(), expected);
            assert_eq!(common.len(), expected.len());
            orders.push(common);
        }
    }
    assert!(orders.windows(2).all(|pair| pair[0] == pair[1]), "both sides use one order");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]
    #[test]
    fn correct(
        first in prop::collection::btree_set(0u32..60, 0..40),
        second in prop::collection::btree_set(0u32..60, 0..40),
        learn in prop::sample::select(&LEARNS[..]),
        chunk in 1usize..20,
    ) {
        let first = numbered(first.into_iter());
        let second = numbered(second.into_iter().rev());
        check(&first, &second, learn, chunk);
    }
}

#[test]
fn correct_at_the_edges() {
    let (none, some) = (Vec::new(), numbered(0..9));
    for learn in LEARNS {
        check(&none, &none, learn, 4);
        check(&none, &some, learn, 4);
        check(&some, &none, learn, 4);
        check(&some, &some, learn, 3);
        check(&some, &numbered(20..25), learn, 4);
    }
}

#[test]
fn the_common_order_is_another_for_every_run() {
    let ids = numbered(0..30);
    let order = |seed| {
        let play = |session| play(session, &ids, Learn::Both, 64);
        let alignment = world::pair(seed, play, play).first.unwrap().unwrap();
        alignment.order().to_vec()
    };
    assert_ne!(order(1), order(2));
    assert_ne!(order(1), (0..30).collect::<Vec<u32>>());
}

#[test]
fn known_answer() {
    let outcome = run(&numbered(0..20), &numbered(10..40), Learn::Both, 8);
    let order = outcome.first.unwrap().unwrap().order().to_vec();
    let hash = "07c23ec7a08e6a3cf68974ef62fc89ab1a7bc9a11ba74705e46df38929fea357";
    assert_eq!(
        (&order[..], outcome.transcript.hash().as_str()),
        (&[18, 15, 16, 17, 12, 11, 14, 19, 10, 13][..], hash)
    );
}

#[test]
fn cost() {
    let (first, second) = (numbered(0..20), numbered(10..40));
    for learn in LEARNS {
        let transcript = run(&first, &second, learn, 8).transcript;
        let tags_of = |is_first, count: u64| if learn.includes(is_first) { 16 * count } else { 0 };
        let agreement = if learn == Learn::Both { 64 } else { 0 };
        let expected = 16 + 32 * (20 + 30) + tags_of(true, 20) + tags_of(false, 30) + agreement;
        assert_eq!(transcript.bytes(), expected);
        assert_eq!(transcript.bytes_of(Side::First, "first_set/points"), 32 * 20);
        assert_eq!(transcript.bytes_of(Side::Second, "first_tags/tags"), tags_of(true, 20));
        // Sizes and agreement turn around on the root path; all other paths have one direction.
        assert_eq!(transcript.rounds(), if learn == Learn::Both { 2 } else { 1 });
    }
}

/// What an honest first party says about a second party that sends `points`, and nothing more.
fn against(points: Vec<u8>) -> String {
    let ids = numbered(0..2);
    let outcome = world::pair(
        7,
        |session| play(session, &ids, Learn::Second, 8),
        |mut session| async move {
            session.exchange_words("sizes", &[2], 1).await?;
            let mut theirs = session.fork("first_set")?;
            theirs.receive_bytes("points", Size::Exactly(64)).await?;
            session.fork("second_set")?.send_bytes("points", points).await
        },
    );
    outcome.first.unwrap_err().to_string()
}

#[test]
fn tampered_messages_are_noticed_if_both_learn() {
    let (first, second) = (numbered(0..6), numbered(3..8));
    let report = hostile::sweep(
        7,
        |session| play(session, &first, Learn::Both, 8),
        |session| play(session, &second, Learn::Both, 8),
    );
    assert!(report.unnoticed.is_empty(), "{:?}", report.unnoticed);
}

#[test]
fn tampered_points_are_named() {
    let honest = crypto::group::hash_to_group("test", b"x").encode();
    let not_canonical = [honest, [0xFF; 32]].concat();
    let neutral = [[0; 32], honest].concat();
    for (points, rule) in [
        (not_canonical, "point at index 1 is not the canonical encoding"),
        (neutral, "point at index 0 is the neutral element"),
        (honest.to_vec(), "announced 32 bytes where Exactly(64) was due"),
    ] {
        let text = against(points);
        assert!(text.contains(rule) && text.contains("second_set/points"), "{text}");
    }
}

#[test]
fn tampered_set_that_goes_on_is_noticed_at_once() {
    let ids = numbered(0..4);
    let outcome = world::pair(
        7,
        |session| play(session, &[], Learn::First, 4),
        |mut session| async move {
            session.exchange_words("sizes", &[4], 1).await?;
            let mut theirs = session.fork("first_set")?;
            theirs.receive_bytes("points", Size::Exactly(0)).await?;
            let points = BlindingKey::random(&mut session.rng()).hash_and_blind("test", &ids);
            let mut own = session.fork("second_set")?;
            own.send_bytes("points", points.as_flattened().to_vec()).await?;
            own.send_bytes("points", points.as_flattened().to_vec()).await
        },
    );
    let text = outcome.first.unwrap_err().to_string();
    assert!(text.contains("announced 128 bytes where Exactly(0) was due"), "{text}");
}

#[test]
fn tampered_sizes_are_named() {
    let outcome = world::pair(
        7,
        |session| play(session, &[], Learn::Both, 8),
        |mut session| async move { session.exchange_words("sizes", &[u64::MAX], 1).await },
    );
    let text = outcome.first.unwrap_err().to_string();
    assert!(text.contains("at most 1073741824 are allowed"), "{text}");
}

#[test]
fn peer_drops_and_both_sides_say_so() {
    let ids = numbered(0..6);
    for learn in LEARNS {
        let fault = Fault {
            path_step: "second_set/points".to_owned(),
            occurrence: 1,
            kind: FaultKind::Close,
            from: Side::Second,
        };
        let play = |session| play(session, &ids, learn, 2);
        let outcome = pair_with_fault(7, fault, play, play);
        for error in [outcome.first.unwrap_err(), outcome.second.unwrap_err()] {
            assert!(matches!(error, MatchingError::Net(_)), "{error}");
        }
    }
}

#[test]
fn duplicates_are_refused_before_anything_is_sent() {
    let ids = vec!["a".to_owned(), "a".to_owned()];
    let outcome = run(&ids, &numbered(0..2), Learn::Both, 8);
    assert!(matches!(outcome.first, Err(MatchingError::DuplicateIds { count: 1, .. })));
    assert!(outcome.second.is_err());
    assert_eq!(outcome.transcript.bytes_of(Side::First, ""), 0);
}
