use std::collections::BTreeSet;

use proptest::prelude::*;
use table::Alignment;
use world::{Fault, FaultKind, Outcome, Side, hostile, pair_with_fault};

use super::*;

const LEARNS: [Learn; 3] = [Learn::Both, Learn::First, Learn::Second];

const CURVES: [Curve; 2] = [Curve::Ristretto255, Curve::Sm2];

type Aligned = Result<Option<Alignment>, MatchingError>;

/// What both parties of a run agree on.
#[derive(Clone, Copy, Debug)]
struct Terms {
    learn: Learn,
    curve: Curve,
    chunk: usize,
}

/// All of them with chunks of this size.
fn all_terms(chunk: usize) -> impl Iterator<Item = Terms> {
    let of_curve = move |curve| LEARNS.map(|learn| Terms { learn, curve, chunk });
    CURVES.into_iter().flat_map(of_curve)
}

async fn play(mut session: Session, ids: &[String], terms: Terms) -> Aligned {
    let ids = Identifiers::new(ids.iter().map(String::as_str))?;
    align_in_chunks(&mut session, &ids, terms.learn, terms.curve, terms.chunk).await
}

fn run(first: &[String], second: &[String], terms: Terms) -> Outcome<Aligned, Aligned> {
    world::pair(7, |session| play(session, first, terms), |session| play(session, second, terms))
}

/// Both learn, in chunks of 8.
fn both(curve: Curve) -> Terms {
    Terms { learn: Learn::Both, curve, chunk: 8 }
}

/// The ids of a run of numbers, in an order that is not the sorted one.
fn numbered(numbers: impl Iterator<Item = u32>) -> Vec<String> {
    numbers.map(|number| format!("id-{:03}", number * 37 % 1000)).collect()
}

fn chosen(ids: &[String], positions: &[u32]) -> Vec<String> {
    positions.iter().map(|&position| ids[position as usize].clone()).collect()
}

fn check(first: &[String], second: &[String], terms: Terms) {
    let outcome = run(first, second, terms);
    let expected: BTreeSet<&String> = first.iter().filter(|id| second.contains(id)).collect();
    let mut orders = Vec::new();
    for (is_first, ids, result) in
        [(true, first, outcome.first.unwrap()), (false, second, outcome.second.unwrap())]
    {
        assert_eq!(result.is_some(), terms.learn.includes(is_first));
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
        terms in (1usize..20).prop_flat_map(|chunk| {
            prop::sample::select(all_terms(chunk).collect::<Vec<_>>())
        }),
    ) {
        let first = numbered(first.into_iter());
        let second = numbered(second.into_iter().rev());
        check(&first, &second, terms);
    }
}

#[test]
fn correct_at_the_edges() {
    let (none, some) = (Vec::new(), numbered(0..9));
    for terms in all_terms(4) {
        check(&none, &none, terms);
        check(&none, &some, terms);
        check(&some, &none, terms);
        check(&some, &some, Terms { chunk: 3, ..terms });
        check(&some, &numbered(20..25), terms);
    }
}

#[test]
fn the_common_order_is_another_for_every_run() {
    let ids = numbered(0..30);
    let order = |seed| {
        let play = |session| play(session, &ids, both(Curve::Ristretto255));
        let alignment = world::pair(seed, play, play).first.unwrap().unwrap();
        alignment.order().to_vec()
    };
    assert_ne!(order(1), order(2));
    assert_ne!(order(1), (0..30).collect::<Vec<u32>>());
}

#[test]
fn known_answer() {
    for (curve, order, hash) in [
        (
            Curve::Ristretto255,
            [18, 15, 16, 17, 12, 11, 14, 19, 10, 13],
            "07c23ec7a08e6a3cf68974ef62fc89ab1a7bc9a11ba74705e46df38929fea357",
        ),
        (
            Curve::Sm2,
            [17, 19, 11, 14, 15, 12, 10, 13, 16, 18],
            "6bc5a9f598c33c03bde9c3880a4893a67fb5a4e13cbde818225be3131109aea1",
        ),
    ] {
        let outcome = run(&numbered(0..20), &numbered(10..40), both(curve));
        let found = outcome.first.unwrap().unwrap().order().to_vec();
        assert_eq!((&found[..], outcome.transcript.hash().as_str()), (&order[..], hash));
    }
}

#[test]
fn cost() {
    let (first, second) = (numbered(0..20), numbered(10..40));
    for terms in all_terms(8) {
        let learn = terms.learn;
        let transcript = run(&first, &second, terms).transcript;
        let point = if terms.curve == Curve::Sm2 { 33 } else { 32 };
        let tags_of = |is_first, count: u64| if learn.includes(is_first) { 16 * count } else { 0 };
        let agreement = if learn == Learn::Both { 64 } else { 0 };
        let expected = 16 + point * (20 + 30) + tags_of(true, 20) + tags_of(false, 30) + agreement;
        assert_eq!(transcript.bytes(), expected);
        assert_eq!(transcript.bytes_of(Side::First, "first_set/points"), point * 20);
        assert_eq!(transcript.bytes_of(Side::Second, "first_tags/tags"), tags_of(true, 20));
        // Sizes and agreement turn around on the root path; all other paths have one direction.
        assert_eq!(transcript.rounds(), if learn == Learn::Both { 2 } else { 1 });
    }
}

/// What an honest first party says about a second party that sends `points`, and nothing more.
fn against(curve: Curve, points: Vec<u8>) -> String {
    let ids = numbered(0..2);
    let terms = Terms { learn: Learn::Second, curve, chunk: 8 };
    let size = if curve == Curve::Sm2 { 66 } else { 64 };
    let outcome = world::pair(
        7,
        |session| play(session, &ids, terms),
        |mut session| async move {
            session.exchange_words("sizes", &[2], 1).await?;
            let mut theirs = session.fork("first_set")?;
            theirs.receive_bytes("points", Size::Exactly(size)).await?;
            session.fork("second_set")?.send_bytes("points", points).await
        },
    );
    outcome.first.unwrap_err().to_string()
}

#[test]
fn tampered_messages_are_noticed_if_both_learn() {
    let (first, second) = (numbered(0..6), numbered(3..8));
    for curve in CURVES {
        let report = hostile::sweep(
            7,
            |session| play(session, &first, both(curve)),
            |session| play(session, &second, both(curve)),
        );
        assert!(report.unnoticed.is_empty(), "{curve:?}: {:?}", report.unnoticed);
    }
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
        let text = against(Curve::Ristretto255, points);
        assert!(text.contains(rule) && text.contains("second_set/points"), "{text}");
    }
}

#[test]
fn tampered_points_on_sm2_are_named() {
    let key = sm2::BlindingKey::random(&mut crypto::random::Generator::from_seed([1; 32]));
    let honest = key.hash_and_blind("test", &[b"x"])[0];
    // Only 2 and 3 say what follows; that the coordinate is one of the curve helps nothing.
    let mut not_canonical = honest;
    not_canonical[0] += 2;
    for (points, rule) in [
        ([honest, not_canonical].concat(), "point at index 1 is not the canonical encoding"),
        ([honest, [0xFF; 33]].concat(), "point at index 1 is not the canonical encoding"),
        ([[0; 33], honest].concat(), "point at index 0 is the neutral element"),
        (honest.to_vec(), "announced 33 bytes where Exactly(66) was due"),
    ] {
        let text = against(Curve::Sm2, points);
        assert!(text.contains(rule) && text.contains("second_set/points"), "{text}");
    }
}

#[test]
fn tampered_curve_is_noticed() {
    let ids = numbered(0..6);
    let outcome = world::pair(
        7,
        |session| play(session, &ids, both(Curve::Ristretto255)),
        |session| play(session, &ids, both(Curve::Sm2)),
    );
    let text = outcome.first.unwrap_err().to_string();
    assert!(text.contains("announced 198 bytes where Exactly(192) was due"), "{text}");
}

#[test]
fn tampered_set_that_goes_on_is_noticed_at_once() {
    let ids = numbered(0..4);
    let outcome = world::pair(
        7,
        |session| {
            let terms = Terms { learn: Learn::First, curve: Curve::Ristretto255, chunk: 4 };
            play(session, &[], terms)
        },
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
        |session| play(session, &[], both(Curve::Ristretto255)),
        |mut session| async move { session.exchange_words("sizes", &[u64::MAX], 1).await },
    );
    let text = outcome.first.unwrap_err().to_string();
    assert!(text.contains("at most 1073741824 are allowed"), "{text}");
}

#[test]
fn peer_drops_and_both_sides_say_so() {
    let ids = numbered(0..6);
    for terms in all_terms(2) {
        let fault = Fault {
            path_step: "second_set/points".to_owned(),
            occurrence: 1,
            kind: FaultKind::Close,
            from: Side::Second,
        };
        let play = |session| play(session, &ids, terms);
        let outcome = pair_with_fault(7, fault, play, play);
        for error in [outcome.first.unwrap_err(), outcome.second.unwrap_err()] {
            assert!(matches!(error, MatchingError::Net(_)), "{error}");
        }
    }
}

#[test]
fn duplicates_are_refused_before_anything_is_sent() {
    let ids = vec!["a".to_owned(), "a".to_owned()];
    let outcome = run(&ids, &numbered(0..2), both(Curve::Ristretto255));
    assert!(matches!(outcome.first, Err(MatchingError::DuplicateIds { count: 1, .. })));
    assert!(outcome.second.is_err());
    assert_eq!(outcome.transcript.bytes_of(Side::First, ""), 0);
}
