use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use world::{Fault, FaultKind, Outcome, Side, hostile, pair_with_fault};

use super::*;

type Joined = Result<Spine, MatchingError>;

async fn play(mut session: Session, ids: &[String], chunk: usize) -> Joined {
    let ids = Identifiers::new(ids.iter().map(String::as_str))?;
    spine_in_chunks(&mut session, &ids, chunk).await
}

fn run(first: &[String], second: &[String], chunk: usize) -> Outcome<Joined, Joined> {
    world::pair(7, |session| play(session, first, chunk), |session| play(session, second, chunk))
}

/// The ids of a run of numbers, in an order that is not the sorted one.
fn numbered(numbers: impl Iterator<Item = u32>) -> Vec<String> {
    numbers.map(|number| format!("id-{:03}", number * 37 % 1000)).collect()
}

/// What each of a party's rows is called in the spine.
fn names<'a>(ids: &'a [String], spine: &Spine) -> BTreeMap<&'a String, u128> {
    ids.iter().zip(&spine.rows).map(|(id, row)| (id, spine.ids[*row as usize])).collect()
}

fn check(first: &[String], second: &[String], chunk: usize) {
    let outcome = run(first, second, chunk);
    let (one, two) = (outcome.first.unwrap(), outcome.second.unwrap());
    assert_eq!(one.ids, two.ids);
    assert!(one.ids.is_sorted_by(|id, next| id < next));
    let union: BTreeSet<&String> = first.iter().chain(second).collect();
    assert_eq!(one.ids.len(), union.len());
    // As many names as elements, and each element has one name on both sides.
    let mut named = names(first, &one);
    for (id, name) in names(second, &two) {
        assert_eq!(*named.entry(id).or_insert(name), name);
    }
    assert_eq!(named.values().collect::<BTreeSet<_>>(), one.ids.iter().collect());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn correct(
        first in prop::collection::btree_set(0_u32..60, 0..40),
        second in prop::collection::btree_set(0_u32..60, 0..40),
        chunk in 1_usize..40,
    ) {
        let first = numbered(first.into_iter());
        let second = numbered(second.into_iter().rev());
        check(&first, &second, chunk);
    }
}

#[test]
fn correct_at_the_edges() {
    let (none, one, some) = (Vec::new(), numbered(3..4), numbered(0..9));
    check(&none, &none, 4);
    check(&none, &some, 4);
    check(&some, &none, 4);
    check(&one, &one, 4);
    check(&one, &some, 4);
    check(&some, &one, 4);
    check(&some, &some, 3);
    check(&some, &numbered(20..25), 4);
    check(&numbered(0..300), &numbered(290..500), CHUNK_POINTS);
}

#[test]
fn ids_are_others_in_every_run_and_say_nothing_of_the_rows_order() {
    let ids = numbered(0..30);
    let spine = |seed| {
        let play = |session| play(session, &ids, 64);
        world::pair(seed, play, play).first.unwrap()
    };
    let (one, other) = (spine(1), spine(2));
    assert!(one.ids.iter().all(|id| !other.ids.contains(id)));
    assert_ne!(one.rows, other.rows);
    assert!(!one.rows.is_sorted());
}

/// Which points a party sees depends on the number of common ids only: of the paths that come to
/// it, none has another length when other ids are common.
#[test]
fn lengths_depend_on_sizes_and_the_number_of_common_ids_only() {
    let lengths = |first: &[String], second: &[String]| {
        let steps = run(first, second, 4).transcript.steps;
        steps.into_iter().map(|it| (it.path, it.from, it.bytes, it.messages)).collect::<Vec<_>>()
    };
    let one = lengths(&numbered(0..20), &numbered(10..40));
    assert_eq!(one, lengths(&numbered(0..20), &numbered((0..10).chain(100..120))));
    assert_ne!(one, lengths(&numbered(0..20), &numbered(11..41)));
}

#[test]
fn known_answer() {
    let outcome = run(&numbered(0..5), &numbered(3..9), 4);
    let spine = outcome.first.unwrap();
    assert_eq!(
        (&spine.rows[..], spine.ids.len(), outcome.transcript.hash().as_str()),
        (
            &[3, 8, 4, 5, 1][..],
            9,
            "0277ad23b2cf86e5de42acc47679c4ea77fc7583ebfa85f3211eb885392f4387"
        )
    );
}

#[test]
fn cost() {
    let (first, second) = (numbered(0..20), numbered(10..40));
    let transcript = run(&first, &second, 8).transcript;
    // Ten ids are the first's alone, twenty the second's.
    assert_eq!(transcript.bytes(), 80 + 96 * (20 + 30) + 32 * (10 + 20));
    assert_eq!(transcript.bytes_of(Side::First, "first_rest/"), 32 * 10);
    assert_eq!(transcript.bytes_of(Side::First, "second_twice/"), 32 * 30);
}

/// Nothing goes unnoticed: every message decides about the list, which both compare.
#[test]
fn tampered_messages_are_noticed() {
    let (first, second) = (numbered(0..6), numbered(3..9));
    let report =
        hostile::sweep(7, |session| play(session, &first, 4), |session| play(session, &second, 4));
    assert!(report.unnoticed.is_empty(), "{:?}", report.unnoticed);
}

/// What the first party says when the payload of `step` is replaced.
fn blamed(step: &str, change: impl Fn(&[u8]) -> Vec<u8> + Send + Sync + 'static) -> String {
    let (first, second) = (numbered(0..6), numbered(3..9));
    let (kind, from) = (FaultKind::replace(change), Side::Second);
    let fault = Fault { path_step: step.to_owned(), occurrence: 0, kind, from };
    let outcome = pair_with_fault(
        7,
        fault,
        |session| play(session, &first, 64),
        |session| play(session, &second, 64),
    );
    outcome.first.unwrap_err().to_string()
}

#[test]
fn tampered_points_are_named() {
    let repeat = |bytes: &[u8]| bytes[..POINT_BYTES].repeat(bytes.len() / POINT_BYTES);
    for step in ["second_set/points", "first_twice/points"] {
        let text = blamed(step, repeat);
        assert!(text.contains("sent a point twice"), "{step}: {text}");
    }
    let text = blamed("second_rest/points", repeat);
    assert!(text.contains("sent an id that is ours, or one twice"), "{text}");
    for step in ["second_set/points", "first_rows/points", "second_rest/points"] {
        let text = blamed(step, |bytes| vec![0xff; bytes.len()]);
        assert!(text.contains("not the canonical encoding"), "{step}: {text}");
        let text = blamed(step, |bytes| vec![0; bytes.len()]);
        assert!(text.contains("neutral element"), "{step}: {text}");
    }
    let text = blamed("agreement", |bytes| vec![0; bytes.len()]);
    assert!(text.contains("found another union than our 9 ids"), "{text}");
}

#[test]
fn tampered_sizes_are_named() {
    let text = blamed("sizes", |_| u64::MAX.to_le_bytes().to_vec());
    assert!(text.contains("at most 1073741824 are allowed"), "{text}");
}

#[test]
fn peer_drops_and_both_sides_say_so() {
    let ids = numbered(0..6);
    for (step, from) in [
        ("first_set/points", Side::First),
        ("first_rows/points", Side::Second),
        ("first_twice/points", Side::Second),
        ("first_rest/points", Side::First),
    ] {
        let path_step = step.to_owned();
        let fault = Fault { path_step, occurrence: 0, kind: FaultKind::Close, from };
        let play = |session| play(session, &ids, 4);
        let outcome = pair_with_fault(7, fault, play, play);
        for error in [outcome.first.unwrap_err(), outcome.second.unwrap_err()] {
            assert!(matches!(error, MatchingError::Net(_)), "{error}");
        }
    }
}

#[test]
fn ids_that_come_twice_make_no_spine() {
    assert!(Spine::new(&[1, 2], &[0, 1], vec![2]).is_none());
    assert!(Spine::new(&[1], &[0], vec![2, 2]).is_none());
    let spine = Spine::new(&[5, 1], &[1, 0], vec![3]).unwrap();
    assert_eq!(spine, Spine { ids: vec![1, 3, 5], rows: vec![0, 2] });
}
