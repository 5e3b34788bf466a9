use std::collections::BTreeSet;

use proptest::prelude::*;
use world::{Fault, FaultKind, Outcome, Side, hostile, pair_with_fault};

use super::*;
use crate::okvs::Okvs;
use crate::psi::test_support::{Aligned, LEARNS, check_outcome, numbered};

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

fn check(first: &[String], second: &[String], learn: Learn, chunk: usize) {
    check_outcome(first, second, learn, run(first, second, learn, chunk));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]
    #[test]
    fn correct(
        first in prop::collection::btree_set(0_u32..60, 0..40),
        second in prop::collection::btree_set(0_u32..60, 0..40),
        learn in prop::sample::select(&LEARNS[..]),
        chunk in 1_usize..40,
    ) {
        let first = numbered(first.into_iter());
        let second = numbered(second.into_iter().rev());
        check(&first, &second, learn, chunk);
    }
}

#[test]
fn correct_at_the_edges() {
    let (none, one, some) = (Vec::new(), numbered(3..4), numbered(0..9));
    for learn in LEARNS {
        check(&none, &none, learn, 4);
        check(&none, &some, learn, 4);
        check(&some, &none, learn, 4);
        check(&one, &one, learn, 4);
        check(&one, &some, learn, 4);
        check(&some, &one, learn, 4);
        check(&some, &some, learn, 3);
        check(&some, &numbered(20..25), learn, 4);
    }
}

#[test]
fn correct_over_several_bins() {
    let (first, second) = (numbered(0..40_000), numbered(30_000..50_000));
    for learn in LEARNS {
        check(&first, &second, learn, CHUNK);
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
    let hash = "8a27a134ccfe07df7eff7eab6dd67d86c91fda6d3724da1c47e99c71430a8638";
    assert_eq!(
        (&order[..], outcome.transcript.hash().as_str()),
        (&[19, 16, 14, 12, 17, 11, 18, 15, 10, 13][..], hash)
    );
}

#[test]
fn cost() {
    let (first, second) = (numbered(0..20), numbered(10..40));
    for learn in LEARNS {
        let transcript = run(&first, &second, learn, 8).transcript;
        // The first party packs its 20 ids, unless only the second learns.
        let (receiver, receiver_count, sender_count) =
            if learn == Learn::Second { (Side::Second, 30, 20_u64) } else { (Side::First, 20, 30) };
        let sender = if receiver == Side::First { Side::Second } else { Side::First };
        let cells = Okvs::binary(receiver_count, [0; 16]).cells_count() as u64;
        // log2(600) is 9.2: tags have 50 bits, of which 4 make 16 groups.
        let rests = chunks(sender_count as usize, 8).map(|chunk| (46 * chunk.len()).div_ceil(8));
        let tags = rests.sum::<usize>() as u64;
        let groups = (sender_count + 16).div_ceil(8);
        let proofs = if learn == Learn::Both { sender_count.div_ceil(8) + 32 } else { 0 };
        let range = oprf::range(20, 30);
        let evaluation = mpc::silent_vole::bytes(cells as usize, &range).unwrap() as u64;
        let expected = 16 + evaluation + 16 + 10 * cells + groups + tags + proofs;
        assert_eq!(transcript.bytes(), expected);
        assert_eq!(transcript.bytes_of(receiver, "cells"), 10 * cells);
        assert_eq!(transcript.bytes_of(sender, "groups"), groups);
        assert_eq!(transcript.bytes_of(sender, "tags"), tags);
    }
}

/// The sweep of everything but the linear evaluation, which has its own. Cells that do not decode,
/// another salt and missing tags make the result smaller, as fewer ids would.
#[test]
fn tampered_messages_are_noticed_or_lose_matches() {
    let (first, second) = (numbered(0..6), numbered(3..9));
    for (learn, steps) in
        [(Learn::Both, ["cells", "salt", "tags"]), (Learn::First, ["cells", "salt", "tags"])]
    {
        let report = hostile::sweep_where(
            7,
            |sent| !sent.path_step.starts_with("vole/"),
            |session| play(session, &first, learn, 8),
            |session| play(session, &second, learn, 8),
        );
        let unnoticed = report.unnoticed.iter().map(|fault| fault.path_step.as_str());
        // Groups that are of as many tags as announced are those of other tags; all others are
        // named, see below.
        let unnoticed: BTreeSet<&str> = unnoticed.filter(|step| *step != "groups").collect();
        assert_eq!(unnoticed, BTreeSet::from(steps));
    }
}

/// What both parties find when the payload of `step` is replaced.
fn with_payload(
    step: &str,
    from: Side,
    change: impl Fn(&[u8]) -> Vec<u8> + Send + Sync + 'static,
) -> Outcome<Aligned, Aligned> {
    let (first, second) = (numbered(0..20), numbered(10..40));
    let kind = FaultKind::replace(change);
    let fault = Fault { path_step: step.to_owned(), occurrence: 0, kind, from };
    pair_with_fault(
        7,
        fault,
        |session| play(session, &first, Learn::Both, 1 << 10),
        |session| play(session, &second, Learn::Both, 1 << 10),
    )
}

#[test]
fn tampered_cells_that_decode_to_nothing_match_nothing() {
    let outcome = with_payload("cells", Side::First, |bytes| vec![0; bytes.len()]);
    for found in [outcome.first, outcome.second] {
        assert!(found.unwrap().unwrap().is_empty());
    }
}

#[test]
fn tampered_groups_are_named() {
    for change in [
        // One tag more, one less, and one behind the last group.
        |bytes: &[u8]| with_bit(bytes, 0),
        |bytes: &[u8]| with_bit(bytes, 1),
        |bytes: &[u8]| bytes.iter().map(|byte| byte.reverse_bits()).rev().collect(),
    ] {
        let error = with_payload("groups", Side::Second, change).first.unwrap_err().to_string();
        assert!(error.contains("not of as many tags as announced"), "{error}");
    }
}

/// The first bit of this value is flipped.
fn with_bit(bytes: &[u8], value: u8) -> Vec<u8> {
    let place = (0..8 * bytes.len()).find(|at| bytes[at / 8] >> (at % 8) & 1 == value).unwrap();
    let mut bytes = bytes.to_vec();
    bytes[place / 8] ^= 1 << (place % 8);
    bytes
}

#[test]
fn tampered_claims_are_named() {
    let more = |bytes: &[u8]| vec![0xff; bytes.len()];
    let error = with_payload("matches", Side::First, more).second.unwrap_err().to_string();
    assert!(error.contains("claimed more matches than there can be"), "{error}");

    // One match moves to a tag beside it.
    let moved = |bytes: &[u8]| {
        let mut bytes = bytes.to_vec();
        let at = bytes.iter().position(|it| (it.count_ones() + 1) % 8 > 1).unwrap();
        let pairs = (0..7).find(|bit| matches!(bytes[at] >> bit & 3, 1 | 2)).unwrap();
        bytes[at] ^= 3 << pairs;
        bytes
    };
    let error = with_payload("matches", Side::First, moved).second.unwrap_err().to_string();
    assert!(error.contains("claimed a match without its proof"), "{error}");

    let flipped = |bytes: &[u8]| bytes.iter().map(|byte| byte ^ 0x80).collect();
    let error = with_payload("proof", Side::First, flipped).second.unwrap_err().to_string();
    assert!(error.contains("claimed a match without its proof"), "{error}");
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
fn sets_too_large_to_pack_are_refused_before_the_work() {
    assert!(Okvs::binary(PACKED_MAX, [0; 16]).cells_count() <= mpc::silent_vole::COUNT_MAX);
    let outcome = world::pair(
        7,
        |session| async move { play(session, &numbered(0..3), Learn::Second, 8).await },
        |mut session| async move {
            let size = PACKED_MAX as u64 + 1;
            session.exchange_words("sizes", &[size], 1).await
        },
    );
    let text = outcome.first.unwrap_err().to_string();
    assert!(text.contains("24000001 rows and the protocol packs at most 24000000"), "{text}");
}

#[test]
fn peer_drops_and_both_sides_say_so() {
    let ids = numbered(0..6);
    for (step, from) in [
        ("cells", Side::First),
        ("groups", Side::Second),
        ("tags", Side::Second),
        ("proof", Side::First),
    ] {
        let fault =
            Fault { path_step: step.to_owned(), occurrence: 0, kind: FaultKind::Close, from };
        let play = |session| play(session, &ids, Learn::Both, 2);
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
