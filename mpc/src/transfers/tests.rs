use world::Side;

use super::*;
use crate::comparison::less_than;
use crate::test_support::{assert_drop_is_noticed, both, both_dealt, sweep};

/// Some choices of either party.
fn choices(first: bool, count: usize) -> Bits {
    Bits::from_fn(count, |index| (index * index + usize::from(first)) % 7 < 3)
}

fn check(choices: &Bits, received: &[u64], sent: &[[u64; 2]]) {
    assert_eq!((received.len(), sent.len()), (choices.len(), choices.len()));
    for (index, (key, pair)) in received.iter().zip(sent).enumerate() {
        assert_eq!(*key, pair[choices.bit(index) as usize], "transfer {index}");
        assert_ne!(pair[0], pair[1]);
    }
}

/// Random bits.
fn random(party: &TwoParty, count: usize) -> Bits {
    let mut words = vec![0; count.div_ceil(64)];
    party.session.rng().fill_words(&mut words);
    Bits::from_words(words, count)
}

/// Transfers of (first, second) receiver: both by the extension, both ways, one way, over the end
/// of a batch, more than one refill makes.
const COUNTS: [(usize, usize); 7] = [
    (5, 130),
    (SILENT_MIN, 0),
    (SILENT_MIN + 7, SILENT_MIN + 1),
    (0, 3),
    (BATCH, BATCH - 100),
    (1, 1),
    (BATCH * BATCHES_MAX + 1, 3 * BATCH),
];

#[test]
fn correct() {
    let outcome = both(1, async |party| {
        use_silent(party);
        let first = party.is_first();
        let mut results = Vec::new();
        for (left, right) in COUNTS {
            let (mine, theirs) = if first { (left, right) } else { (right, left) };
            let extended = transfer::<u64>(party, &choices(first, mine), theirs).await.unwrap();
            results.push(extended);
        }
        results
    });
    for ((left, right), (first, second)) in
        COUNTS.into_iter().zip(outcome.first.iter().zip(&outcome.second))
    {
        check(&choices(true, left), &first.received, &second.sent);
        check(&choices(false, right), &second.received, &first.sent);
    }
}

/// Random choices from either source, of any number.
#[test]
fn correct_for_random_choices() {
    let outcome = both_dealt(2, async |party| {
        let mut results = Vec::new();
        for (index, count) in [70, 70, SILENT_MIN + 3, 100].into_iter().enumerate() {
            if index == 1 {
                use_silent(party);
            }
            let random = random(party, count);
            results.push(transfer_random::<u64>(party, random).await.unwrap());
        }
        results
    });
    for ((mine, first), (theirs, second)) in outcome.first.iter().zip(&outcome.second) {
        check(mine, &first.received, &second.sent);
        check(theirs, &second.received, &first.sent);
        let set: u32 = mine.words().iter().map(|word| word.count_ones()).sum();
        let deviation = (f64::from(set) - mine.len() as f64 / 2.0).abs();
        assert!(deviation < 3.0 * (mine.len() as f64).sqrt(), "{set} of {}", mine.len());
    }
}

/// What is left of a batch serves the next calls, in either form.
#[test]
fn correct_with_transfers_made_ahead() {
    let outcome = both_dealt(3, async |party| {
        use_silent(party);
        let first = party.is_first();
        let (receive, send) = if first { (1, BATCH + 1) } else { (BATCH + 1, 1) };
        produce_ahead(party, receive, send).await.unwrap();
        let made = party.session.meter().totals();
        let (mine, theirs) = if first { (100, 2 * BATCH) } else { (2 * BATCH, 100) };
        let extended = transfer::<u64>(party, &choices(first, mine), theirs).await.unwrap();
        let used = party.session.meter().totals().since(&made);
        (extended, used.bytes_sent)
    });
    let ((first, first_bytes), (second, second_bytes)) = (outcome.first, outcome.second);
    check(&choices(true, 100), &first.received, &second.sent);
    check(&choices(false, 2 * BATCH), &second.received, &first.sent);
    assert_eq!((first_bytes, second_bytes), (2 * 8, 2 * BATCH as u64 / 8));
}

/// Few transfers, then a batch for each direction, then what is left of it.
async fn program(party: &mut TwoParty) -> Result<Vec<u64>, MpcError> {
    use_silent(party);
    let mut keys = Vec::new();
    for count in [5, SILENT_MIN, 130] {
        let extended = transfer::<u64>(party, &choices(party.is_first(), count), count).await?;
        keys.extend(extended.received);
        keys.extend(extended.sent.as_flattened());
    }
    let random = random(party, 64);
    let (_, extended) = transfer_random::<u64>(party, random).await?;
    keys.extend(extended.received);
    Ok(keys)
}

/// No key comes twice, whatever it comes from.
#[test]
fn tweaks_are_used_once() {
    let outcome = both_dealt(4, program);
    let keys = outcome.first.unwrap();
    let distinct: std::collections::BTreeSet<u64> = keys.iter().copied().collect();
    assert_eq!(distinct.len(), keys.len());
}

#[test]
fn known_answer() {
    let outcome = both_dealt(5, program);
    assert_eq!(
        outcome.transcript.hash(),
        "0932bb133a5361357f41976956e69c856c240f935496b2fa74687b70573e6ab5"
    );
}

#[test]
fn cost() {
    let transcript = both_dealt(6, program).transcript;
    let silent = [SILENT_MIN, 130].map(|count| count.div_ceil(64) as u64 * 8);
    let [choices, trees] = crate::silent_vole::transfers::bytes(1);
    let corrections = 512 + choices as u64 + silent.iter().sum::<u64>();
    for side in [Side::First, Side::Second] {
        assert_eq!(transcript.bytes_of(side, "corrections"), corrections);
        assert_eq!(transcript.bytes_of(side, "trees"), trees as u64);
    }
    // Of the extension, of the batch, and two that silent transfers are derived with.
    assert_eq!((transcript.messages(), transcript.rounds()), (2 * 5, 5));
}

/// Comparisons with silent transfers: the same results, a third of the bytes, of which half are
/// for transfers that are left over.
#[test]
fn correct_below_comparisons() {
    const COUNT: usize = 20_000;
    let run = |silent: bool| {
        both_dealt(7, async |party| {
            if silent {
                use_silent(party);
            }
            let factor = if party.is_first() { 0x9E37_79B9 } else { 0x7F4A_7C15 };
            let mine: Vec<u64> =
                (0..COUNT as u64).map(|index| index.wrapping_mul(factor) % (1 << 32)).collect();
            (less_than(party, &mine, 32).await.unwrap(), mine)
        })
    };
    let [extended, silent] = [false, true].map(run);
    for outcome in [&extended, &silent] {
        let ((less, left), (other, right)) = (&outcome.first, &outcome.second);
        for index in 0..COUNT {
            let expected = u64::from(left[index] < right[index]);
            assert_eq!(less.bit(index) ^ other.bit(index), expected);
        }
    }
    let bytes = [extended, silent].map(|outcome| outcome.transcript.bytes());
    assert!(bytes[1] < bytes[0] / 3, "{bytes:?}");
}

/// A semi-honest protocol cannot see other bytes of the right length, but every other length.
#[test]
fn tampered() {
    sweep(&["corrections", "trees"], program);
}

#[test]
fn peer_drops() {
    for step in ["corrections", "trees"] {
        assert_drop_is_noticed(step, program);
    }
}

#[test]
fn what_cannot_be_is_refused() {
    let outcome = both_dealt(8, async |party| {
        let none = produce_ahead(party, 1, 1).await.err();
        use_silent(party);
        let many = produce_ahead(party, 0, TRANSFERS_MAX + 1).await.err();
        let more = transfer::<u64>(party, &Bits::zeros(0), TRANSFERS_MAX + 1).await.err();
        [none, many, more]
    });
    for error in outcome.first {
        assert!(matches!(error, Some(MpcError::InvalidInput(_))), "{error:?}");
    }
}
