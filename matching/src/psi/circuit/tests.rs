use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use mpc::reveal::Ledger;
use proptest::prelude::*;
use world::{Fault, FaultKind, Outcome, Side, hostile, pair_with_fault};

use super::*;

type Matched = Result<HiddenMatches, MatchingError>;

/// One side's ids and, at the sender, its payload columns.
struct Table {
    ids: Vec<String>,
    payloads: Vec<Vec<u64>>,
}

fn table(numbers: impl IntoIterator<Item = u64>, columns: usize) -> Table {
    let numbers: Vec<u64> = numbers.into_iter().collect();
    let column = |column: usize| numbers.iter().map(|it| payload(*it, column)).collect();
    Table {
        ids: numbers.iter().map(|number| format!("id-{number}")).collect(),
        payloads: (0..columns).map(column).collect(),
    }
}

/// What the sender has in a column beside the id of this number.
fn payload(number: u64, column: usize) -> u64 {
    (number + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15 + column as u64)
}

/// The party `receiver` receives; both have columns of the second table.
async fn play(session: Session, receiver: Side, tables: [&Table; 2], chunk: usize) -> Matched {
    let receives = session.is_first() == (receiver == Side::First);
    let mut party = TwoParty::setup(session, Arc::new(Ledger::default())).await?;
    let [own, sender] = [tables[usize::from(!receives)], tables[1]];
    let ids = Identifiers::new(own.ids.iter().map(String::as_str))?;
    if receives {
        receive_in_chunks(&mut party, &ids, (sender.payloads.len(), None), chunk).await
    } else {
        send_in_chunks(&mut party, &ids, (&own.payloads, None), chunk).await
    }
}

fn run(seed: u64, receiver: Side, tables: [&Table; 2], chunk: usize) -> Outcome<Matched, Matched> {
    let play = |session| play(session, receiver, tables, chunk);
    world::pair(seed, play, play)
}

/// What both parties' shares say together, against sets and maps in the clear.
fn check(receiver: Side, tables: [&Table; 2], chunk: usize) {
    let outcome = run(7, receiver, tables, chunk);
    let (first, second) = (outcome.first.unwrap(), outcome.second.unwrap());
    let (received, sent) = if receiver == Side::First { (first, second) } else { (second, first) };
    assert!(sent.rows.is_none());
    let [left, right] = tables;
    let theirs: HashMap<&String, usize> = right.ids.iter().zip(0..).collect();
    let flags = received.flags.xor(&sent.flags);
    let rows = received.rows.unwrap();
    assert_eq!(flags.len(), rows.len());
    let mut placed = HashSet::new();
    for (bin, row) in rows.iter().enumerate() {
        let match_at = row.and_then(|row| {
            assert!(placed.insert(row), "row {row} stands in two bins");
            theirs.get(&left.ids[row as usize])
        });
        assert_eq!(flags.bit(bin) == 1, match_at.is_some(), "bin {bin}");
        let columns = received.payloads.iter().zip(&sent.payloads).zip(&right.payloads);
        for ((received, sent), column) in columns {
            let sum = received[bin].wrapping_add(sent[bin]);
            match match_at {
                Some(position) => assert_eq!(sum, column[*position]),
                None => assert!(!column.contains(&sum), "a number without a match"),
            }
        }
    }
    let nothing = left.ids.is_empty() || right.ids.is_empty();
    assert_eq!(placed.len(), if nothing { 0 } else { left.ids.len() });
    assert_eq!(received.payloads.len(), right.payloads.len());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(8))]
    #[test]
    fn correct(
        left in prop::collection::btree_set(0_u64..60, 0..40),
        right in prop::collection::btree_set(0_u64..60, 0..40),
        columns in 0_usize..4,
        is_first: bool,
        chunk in 1_usize..90,
    ) {
        let receiver = if is_first { Side::First } else { Side::Second };
        check(receiver, [&table(left, 0), &table(right, columns)], chunk);
    }
}

#[test]
fn correct_at_the_edges() {
    for (left, right) in [(0..0, 0..0), (0..0, 0..9), (0..9, 0..0), (3..4, 3..4), (0..9, 20..25)] {
        check(Side::First, [&table(left, 0), &table(right, 2)], 64);
    }
}

/// The store has several bins.
#[test]
fn correct_for_many_rows() {
    check(Side::Second, [&table(0..3_000, 0), &table(2_000..12_000, 1)], CHUNK);
}

/// A receiver that only looks at what it decodes must not see matches: all 64 bits of what it finds
/// in a bin are random, also those that are not compared and those that belong to no column.
#[test]
fn what_the_receiver_finds_says_nothing() {
    let pads: Vec<Vec<u64>> = vec![vec![0x55; 9], vec![0x77; 9]];
    let candidates = vec![[0, 4, 8], [1, 2, 3]];
    let hints = Hints { candidates, pads: &pads, payloads: &[] };
    let values = hints.values(0, &[0, 0, 0, 1, 1, 1]);
    assert!(values[..3].iter().all(|value| value.0 == 0x55 | 0x77 << 64));
    assert!(values[3..].iter().all(|value| value.0 == 0x54 | 0x77 << 64));
    let payloads = [vec![7, 0x87]];
    let hints = Hints { payloads: &payloads, ..hints };
    assert_eq!(hints.values(0, &[0; 6])[5].0, 0x55 | 0x10 << 64);
}

#[test]
fn correct_shares_are_fresh_and_alone_say_nothing() {
    let both = [&table(0..200, 0), &table(0..200, 1)];
    let [one, other] = [1, 2].map(|seed| run(seed, Side::First, both, 512).first.unwrap());
    // Six standard deviations of 372 fair coins are 58.
    let ones: u32 = one.flags.words().iter().map(|word| word.count_ones()).sum();
    assert_eq!(one.flags.len(), 372);
    assert!(ones.abs_diff(186) < 58, "{ones}");
    assert!(one.flags != other.flags && one.payloads[0] != other.payloads[0]);
    assert_ne!(one.rows, other.rows);
}

#[test]
fn known_answer() {
    let tables = [&table(0..20, 0), &table(10..40, 1)];
    let outcome = run(7, Side::First, tables, 100);
    let flags = outcome.first.unwrap().flags.xor(&outcome.second.unwrap().flags);
    let matches: Vec<usize> = (0..flags.len()).filter(|bin| flags.bit(*bin) == 1).collect();
    assert_eq!(
        (&matches[..], outcome.transcript.hash().as_str()),
        (
            &[9, 23, 28, 33, 55, 62, 72, 82, 86, 128][..],
            "a5ff805d8fe19dd506b9665770e51b365583c37182e11074b6409c82bc6373d0"
        )
    );
}

#[test]
fn cost() {
    for (columns, stores) in [(0, 1), (1, 1), (2, 2), (3, 2)] {
        let transcript =
            run(7, Side::First, [&table(0..20, 0), &table(10..40, columns)], 100).transcript;
        let cells = Okvs::binary(20, [0; 16]).cells_count() as u64;
        let hints = Okvs::new(3 * 30, [0; 16]).cells_count() as u64;
        let range = oprf::range(20, 3 * 30);
        let evaluation = mpc::silent_vole::bytes(cells as usize, &range).unwrap() as u64;
        // 1.31·20 + 110 bins in three words of 64; log2(137) is 7.1, and 48 bits need 47 ANDs.
        let ands = 47 * 3 * 64_u64;
        let comparison = 2 * (4 * ands.next_multiple_of(128) + ands / 8 + ands / 4);
        let base = transcript.bytes_of(Side::First, "base_ot")
            + transcript.bytes_of(Side::Second, "base_ot");
        let expected = 32 + 16 + evaluation + 16 + 10 * cells + 16 + 16 * hints * stores;
        assert_eq!(transcript.bytes() - base, expected + comparison);
        assert_eq!(transcript.bytes_of(Side::Second, "hints"), 16 * hints * stores);
        assert_eq!(transcript.bytes_of(Side::First, "cells"), 10 * cells);
    }
}

const OWN_STEPS: [&str; 4] = ["sizes", "bin_seed", "hint_seed", "hints"];

/// Other seeds and hints change what is found, as other ids would; sizes are checked.
#[test]
fn tampered() {
    let tables = [&table(0..6, 0), &table(3..9, 1)];
    let play = |session| play(session, Side::First, tables, 512);
    let report =
        hostile::sweep_where(7, |sent| OWN_STEPS.contains(&sent.path_step.as_str()), play, play);
    let unnoticed: BTreeSet<&str> =
        report.unnoticed.iter().map(|fault| fault.path_step.as_str()).collect();
    assert_eq!(unnoticed, BTreeSet::from(["bin_seed", "hint_seed", "hints"]));
}

/// What both parties get when the payload of `step` is replaced.
fn with_payload(step: &str, from: Side, payload: Vec<u8>) -> Outcome<Matched, Matched> {
    let tables = [&table(0..20, 0), &table(10..30, 1)];
    let kind = FaultKind::replace(move |_| payload.clone());
    let fault = Fault { path_step: step.to_owned(), occurrence: 0, kind, from };
    let play = |session| play(session, Side::First, tables, 1 << 10);
    pair_with_fault(7, fault, play, play)
}

#[test]
fn tampered_hints_match_nothing() {
    let hints = 16 * Okvs::new(60, [0; 16]).cells_count();
    let outcome = with_payload("hints", Side::Second, vec![0; hints]);
    let flags = outcome.first.unwrap().flags.xor(&outcome.second.unwrap().flags);
    assert_eq!(flags.words().iter().sum::<u64>(), 0);
}

#[test]
fn tampered_sizes_are_named() {
    let sizes = |count: u64, columns: u64| [count, columns].map(u64::to_le_bytes).concat();
    let error = |count, columns| {
        let outcome = with_payload("sizes", Side::Second, sizes(count, columns));
        outcome.first.err().unwrap().to_string()
    };
    assert!(error(20, 2).contains("announced 2 payload columns, expected 1"));
    assert!(error(u64::MAX, 1).contains("at most 1073741824 are allowed"));
    assert!(error(SENT_MAX as u64 + 1, 1).contains("packs at most"));
}

/// Whoever was told a number of ids before accepts no other one.
#[test]
fn another_number_of_ids_than_announced_before_is_named() {
    let receiver_expects = |expected| {
        let tables = [&table(0..20, 0), &table(10..30, 1)];
        let receiver = async |session: Session| {
            let mut party = TwoParty::setup(session, Arc::new(Ledger::default())).await?;
            let ids = Identifiers::new(tables[0].ids.iter().map(String::as_str))?;
            receive(&mut party, &ids, 1, expected).await
        };
        let sender = async |session: Session| {
            let mut party = TwoParty::setup(session, Arc::new(Ledger::default())).await?;
            let ids = Identifiers::new(tables[1].ids.iter().map(String::as_str))?;
            send(&mut party, &ids, &tables[1].payloads, Some(20)).await
        };
        let outcome: Outcome<Matched, Matched> = world::pair(7, receiver, sender);
        outcome.first.err().map(|error| error.to_string())
    };
    assert_eq!(receiver_expects(Some(20)), None);
    let error = receiver_expects(Some(21)).unwrap();
    assert!(error.contains("announced 20 ids, and 21 of them before"), "{error}");
}

#[test]
fn peer_drops() {
    let tables = [&table(0..6, 0), &table(3..9, 1)];
    for (step, from) in [("bin_seed", Side::First), ("hints", Side::Second)] {
        let fault =
            Fault { path_step: step.to_owned(), occurrence: 0, kind: FaultKind::Close, from };
        let play = |session| play(session, Side::First, tables, 64);
        let outcome = pair_with_fault(7, fault, play, play);
        for error in [outcome.first.err().unwrap(), outcome.second.err().unwrap()] {
            assert!(matches!(error, MatchingError::Net(_)), "{error}");
        }
    }
}

#[test]
fn payloads_of_another_length_are_refused() {
    let mut short = table(0..5, 2);
    short.payloads[1].pop();
    let outcome = run(7, Side::First, [&table(0..5, 0), &short], 64);
    let text = outcome.second.err().unwrap().to_string();
    assert!(text.contains("payloads need 5 numbers in a column"), "{text}");
}

/// The compared bits fit a word for the largest set, and grow with the bins.
#[test]
fn tags_are_long_enough() {
    assert_eq!(tag_bits(RECEIVED_MAX, 1).unwrap(), Some(64));
    assert_eq!(tag_bits(1 << 20, 1).unwrap(), Some(61));
    assert_eq!(tag_bits(0, 1).unwrap(), None);
    assert!(tag_bits(RECEIVED_MAX + 1, 1).is_err() && tag_bits(1, SENT_MAX + 1).is_err());
    let cells = Okvs::binary(RECEIVED_MAX, [0; 16]).cells_count();
    assert!(cells <= mpc::silent_vole::COUNT_MAX);
}
