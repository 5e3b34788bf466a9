use std::collections::BTreeSet;

use crypto::random::Generator;
use proptest::prelude::*;
use world::{Fault, FaultKind, Outcome, Side, hostile, pair_with_fault};

use super::*;
use crate::psi::test_support::{Aligned, LEARNS, check_outcome, numbered};

async fn play(mut session: Session, ids: &[String], learn: Learn, chunk: usize) -> Aligned {
    let ids = Identifiers::new(ids.iter().map(String::as_str))?;
    align_in_chunks(&mut session, &ids, learn, chunk).await
}

fn check(first: &[String], second: &[String], learn: Learn, chunk: usize) {
    let outcome = world::pair(
        7,
        |session| play(session, first, learn, chunk),
        |session| play(session, second, learn, chunk),
    );
    check_outcome(first, second, learn, outcome);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(6))]
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
    check(&none, &some, Learn::Both, 4);
    check(&some, &none, Learn::First, 4);
    check(&one, &one, Learn::Both, 4);
    check(&some, &numbered(20..25), Learn::Second, 4);
}

#[test]
fn correct_over_several_bins() {
    check(&numbered(0..40_000), &numbered(20_000..50_000), Learn::Both, CHUNK);
}

#[test]
fn known_answer() {
    let (first, second) = (numbered(0..20), numbered(10..40));
    let outcome = world::pair(
        7,
        |session| play(session, &first, Learn::Both, 8),
        |session| play(session, &second, Learn::Both, 8),
    );
    let order = outcome.first.unwrap().unwrap().order().to_vec();
    let hash = "c498c217e53792ef76845c5e64d4bf5731326bf75c366c987ad3ae8970092250";
    assert_eq!(
        (&order[..], outcome.transcript.hash().as_str()),
        (&[11, 12, 18, 13, 15, 14, 19, 10, 16, 17][..], hash)
    );
}

#[test]
fn cost() {
    let (first, second) = (numbered(0..20), numbered(10..40));
    for learn in LEARNS {
        let transcript = world::pair(
            7,
            |session| play(session, &first, learn, 8),
            |session| play(session, &second, learn, 8),
        )
        .transcript;
        // The first party packs its 20 ids, unless only the second learns.
        let (receiver, receiver_count, sender_count) =
            if learn == Learn::Second { (Side::Second, 30, 20_u64) } else { (Side::First, 20, 30) };
        let cells = 2 * Okvs::new(receiver_count, [0; 16]).cells_count() as u64;
        let proofs = if learn == Learn::Both { sender_count.div_ceil(8) + 32 } else { 0 };
        let evaluation = mpc::silent_vole::checked::bytes(cells as usize).unwrap() as u64;
        let expected = 16 + 112 + evaluation + 16 * cells + 16 * sender_count + proofs;
        assert_eq!(transcript.bytes(), expected);
        assert_eq!(transcript.bytes_of(receiver, "cells"), 16 * cells);
    }
}

/// The sweep of everything but the linear evaluation, which has its own. Cells that do not decode,
/// another salt and missing tags make the result smaller, as fewer ids would.
#[test]
fn tampered_messages_are_noticed_or_lose_matches() {
    let (first, second) = (numbered(0..6), numbered(3..9));
    let report = hostile::sweep_where(
        7,
        |sent| !sent.path_step.starts_with("vole/"),
        |session| play(session, &first, Learn::Both, 64),
        |session| play(session, &second, Learn::Both, 64),
    );
    let unnoticed: BTreeSet<&str> =
        report.unnoticed.iter().map(|fault| fault.path_step.as_str()).collect();
    assert_eq!(unnoticed, BTreeSet::from(["cells", "salt", "tags"]));
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

fn flipped(bytes: &[u8]) -> Vec<u8> {
    bytes.iter().map(|byte| byte ^ 0x80).collect()
}

#[test]
fn cheating_sender_with_other_tags_is_matched_with_nobody() {
    let outcome = with_payload("tags", Side::Second, flipped);
    for found in [outcome.first, outcome.second] {
        assert!(found.unwrap().unwrap().is_empty());
    }
}

/// One that sends its first tag in place of all others has one match at most.
#[test]
fn cheating_sender_with_one_tag_many_times_is_matched_once() {
    let repeated = |bytes: &[u8]| bytes[..TAG_BYTES].repeat(bytes.len() / TAG_BYTES);
    let outcome = with_payload("tags", Side::Second, repeated);
    assert!(outcome.first.unwrap().unwrap().len() <= 1);
}

#[test]
fn cheating_sender_cannot_choose_its_bits_after_the_cells() {
    let error = with_payload("opening", Side::Second, flipped).first.unwrap_err().to_string();
    assert!(error.contains("opened other random bits"), "{error}");
}

#[test]
fn cheating_receiver_cannot_claim_what_it_did_not_find() {
    let all = |bytes: &[u8]| vec![0xff; bytes.len()];
    let error = with_payload("matches", Side::First, all).second.unwrap_err().to_string();
    assert!(error.contains("claimed more matches than there can be"), "{error}");
    let error = with_payload("proof", Side::First, flipped).second.unwrap_err().to_string();
    assert!(error.contains("claimed a match without its proof"), "{error}");
    // Each tag that matches gives its place to the one after it.
    let moved = |bytes: &[u8]| {
        let bitmap = bytes.iter().rev().fold(0_u64, |bits, byte| bits << 8 | u64::from(*byte));
        let moved = (bitmap << 1 | bitmap >> 29 & 1) & ((1 << 30) - 1);
        moved.to_le_bytes()[..bytes.len()].to_vec()
    };
    let error = with_payload("matches", Side::First, moved).second.unwrap_err().to_string();
    assert!(error.contains("claimed a match without its proof"), "{error}");
}

/// A receiver with other noise values in every block of Δ but one: nobody notices in the unchecked
/// protocol, where it is free to try them; here it gets no tags.
#[test]
fn cheating_receiver_in_the_evaluation_is_named_here_only() {
    let (first, second) = (numbered(0..20), numbered(10..40));
    let wrong = |bytes: &[u8]| {
        let block = bytes.len() / 32;
        bytes.iter().enumerate().map(|(at, byte)| byte ^ u8::from(at >= block)).collect()
    };
    let (path_step, kind) = ("vole/value_corrections".to_owned(), FaultKind::replace(wrong));
    let fault = Fault { path_step, occurrence: 0, kind, from: Side::First };
    let unchecked = async |mut session: Session, ids: &[String]| -> Aligned {
        let ids = Identifiers::new(ids.iter().map(String::as_str))?;
        crate::psi::vole::align(&mut session, &ids, Learn::Both).await
    };
    let outcome = pair_with_fault(
        7,
        fault.clone(),
        |session| unchecked(session, &first),
        |session| unchecked(session, &second),
    );
    assert!(outcome.first.is_ok() && outcome.second.is_ok());
    let play = |session, ids| play(session, ids, Learn::Both, 1 << 10);
    let outcome = pair_with_fault(
        7,
        fault,
        |session| play(session, &first),
        |session| play(session, &second),
    );
    let text = outcome.second.unwrap_err().to_string();
    assert!(text.contains("does not fit the noise values"), "{text}");
    assert_eq!(outcome.transcript.bytes_of(Side::Second, "tags"), 0);
}

/// Cells of which as many of the keys as can be decode to their values, found by elimination and
/// not by peeling, and how many these are. Keys that depend on earlier ones are left out.
fn overfull(store: &Okvs, keys: &[u128], values: &[Gf128]) -> (Vec<Gf128>, usize) {
    let cells_count = store.cells_count();
    let mut unit = vec![Gf128::ZERO; cells_count];
    let mut rows: Vec<Vec<Gf128>> = values.iter().map(|value| vec![*value]).collect();
    for cell in 0..cells_count {
        unit[cell] = Gf128::ONE;
        for (row, coefficient) in rows.iter_mut().zip(store.decode(&unit, keys)) {
            row.push(coefficient);
        }
        unit[cell] = Gf128::ZERO;
    }
    // Every kept row has a pivot cell with coefficient one, where all others have zero.
    let mut kept: Vec<(usize, Vec<Gf128>)> = Vec::new();
    for mut row in rows {
        for (pivot, other) in &kept {
            let factor = row[*pivot];
            add_scaled(&mut row, other, factor);
        }
        let Some(pivot) = (1..row.len()).find(|cell| row[*cell] != Gf128::ZERO) else { continue };
        let inverse = row[pivot].invert();
        crypto::field128::scale(&mut row, inverse);
        for (_, other) in &mut kept {
            let factor = other[pivot];
            add_scaled(other, &row, factor);
        }
        kept.push((pivot, row));
    }
    let mut cells = vec![Gf128::ZERO; cells_count];
    for (pivot, row) in &kept {
        cells[pivot - 1] = row[0];
    }
    (cells, kept.len())
}

/// A receiver that announces `announced` ids and packs as many of `ids` as it can: how many of them
/// it finds, and how many cells a store has. The sender has all of them.
fn stuffing(announced: usize, ids: &[String]) -> (usize, usize) {
    let cheat = async |mut session: Session| -> Result<usize, MatchingError> {
        let ids = Identifiers::new(ids.iter().map(String::as_str))?;
        let keys = ids.hashes();
        let their_count = exchange_sizes(&mut session, announced).await?;
        let _: Coin = receive_array(&mut session, "commitment").await?;
        let (salt, coin) = (Salt::default(), Coin::default());
        let store = Okvs::new(announced, salt);
        let mut path = session.fork("vole")?;
        let vole = vole_as_receiver(&mut path, 2 * store.cells_count()).await?;
        let halves = values_of(&value_hash(&salt), keys);
        let packed = halves.map(|values| overfull(&store, keys, &values).0).concat();
        let mut masked = vole.a;
        add_scaled(&mut masked, &packed, Gf128::ONE);
        session.send_bytes("salt", [&salt[..], &coin].concat()).await?;
        for range in chunks(masked.len(), CHUNK) {
            session.send_bytes("cells", elements::encode(&masked[range])).await?;
        }
        let opened: Coin = receive_array(&mut session, "opening").await?;
        let hash = tag_hash(&salt, &opened, &coin);
        let own = tags_of(&hash, &decode(&store, &vole.c, keys), keys).0;
        let size = Size::Exactly(their_count * TAG_BYTES);
        let theirs: BTreeSet<u128> =
            tags::decode(&session.receive_bytes("tags", size).await?).collect();
        Ok(own.iter().filter(|tag| theirs.contains(tag)).count())
    };
    let outcome = world::pair(7, cheat, |session| play(session, ids, Learn::First, CHUNK));
    assert!(outcome.second.unwrap().is_none());
    (outcome.first.unwrap(), Okvs::new(announced, Salt::default()).cells_count())
}

/// What is documented as possible without a search, and no more: one id for each cell.
#[test]
fn cheating_receiver_enters_as_many_ids_as_cells_without_a_search() {
    let (found, cells) = stuffing(4, &numbered(0..200));
    assert!(cells < 60, "{cells} cells");
    assert_eq!(found, cells);
}

/// The overfitting of Han, Kim, Lee and Son on a scale at which it can be searched for: values of
/// 8 bits stand for 128. Of 2^13 candidates, which is 2^5 for each value (2^133 at full scale), 32
/// more than there are cells fit one store by chance. The second store, with the same work, leaves
/// none of them: both fit with probability 2^-16.
#[test]
fn overfitting_one_store_is_cheap_and_both_is_not() {
    const CANDIDATES: usize = 1 << 13;
    let mut rng = Generator::from_seed([31; 32]);
    let candidates: Vec<u128> = (0..CANDIDATES).map(|_| Gf128::random(&mut rng).0).collect();
    let store = Okvs::new(4, [3; 16]);
    let halves = values_of(&value_hash(&[3; 16]), &candidates);
    let fits = halves.each_ref().map(|values| {
        // More keys than cells would do: the first ones that are independent are packed.
        let (cells, packed) = overfull(&store, &candidates[..80], &values[..80]);
        assert_eq!(packed, store.cells_count());
        let decoded = store.decode(&cells, &candidates);
        let is_near = |(found, value): (&Gf128, &Gf128)| (found.0 ^ value.0).trailing_zeros() >= 8;
        decoded.iter().zip(values).map(is_near).collect::<Vec<bool>>()
    });
    let cells = store.cells_count();
    let in_one = fits[0].iter().filter(|fits| **fits).count();
    let in_both = fits[0].iter().zip(&fits[1]).filter(|(one, other)| **one && **other).count();
    assert!(in_one >= cells + 16, "{in_one} fit one store of {cells} cells");
    assert!((cells..cells + 4).contains(&in_both), "{in_both} fit both");
}

#[test]
fn sets_too_large_to_pack_are_refused_before_the_work() {
    assert!(2 * Okvs::new(PACKED_MAX, [0; 16]).cells_count() <= mpc::silent_vole::COUNT_MAX);
    let outcome = world::pair(
        7,
        |session| async move { play(session, &numbered(0..3), Learn::Second, 8).await },
        |mut session| async move {
            let size = PACKED_MAX as u64 + 1;
            session.exchange_words("sizes", &[size], 1).await
        },
    );
    let text = outcome.first.unwrap_err().to_string();
    assert!(text.contains("12000001 rows and the protocol packs at most 12000000"), "{text}");
}

#[test]
fn peer_drops_and_both_sides_say_so() {
    let ids = numbered(0..6);
    for (step, from) in [("salt", Side::First), ("opening", Side::Second), ("proof", Side::First)] {
        let (path_step, kind) = (step.to_owned(), FaultKind::Close);
        let fault = Fault { path_step, occurrence: 0, kind, from };
        let play = |session| play(session, &ids, Learn::Both, 64);
        let outcome = pair_with_fault(7, fault, play, play);
        for error in [outcome.first.unwrap_err(), outcome.second.unwrap_err()] {
            assert!(matches!(error, MatchingError::Net(_)), "{error}");
        }
    }
}
