use world::Side;

use super::*;
use crate::test_support::{KEY, assert_drop_is_noticed, both_dealt, sweep};

type Revealed = (Vec<u64>, [Option<Vec<u64>>; 2], bool, Bits);

/// Everything that can be revealed, in every way.
async fn program(party: &mut TwoParty) -> Result<Revealed, MpcError> {
    let share = if party.is_first() { [u64::MAX, 7] } else { [3, 1] };
    let opened = open(party, KEY, &share).await?;
    let to_first = learn(party, KEY, Learner::First, &share).await?;
    let to_second = learn(party, KEY, Learner::Second, &share[..1]).await?;
    let bit = open_bit(party, KEY, share[1] >> 1).await?;
    let bits = open_bits(party, KEY, &Bits::from_words(share.to_vec(), 70)).await?;
    Ok((opened, [to_first, to_second], bit, bits))
}

#[test]
fn correct() {
    let outcome = both_dealt(1, async |party| {
        let revealed = program(party).await.unwrap();
        (revealed, party.ledger.observed())
    });
    let bits = Bits::from_words(vec![u64::MAX ^ 3, 7 ^ 1], 70);
    let (first, observed) = outcome.first;
    assert!(first.0 == [2, 8] && first.1 == [Some(vec![2, 8]), None]);
    assert!(first.2 && first.3 == bits);
    let (second, observed_by_second) = outcome.second;
    assert!(second.0 == [2, 8] && second.1 == [None, Some(vec![2])]);
    assert!(second.2 && second.3 == bits);
    assert_eq!(observed, observed_by_second);
    let lines: Vec<(&str, u64)> =
        observed.iter().map(|line| (line.to.as_str(), line.count)).collect();
    assert_eq!(lines, [("all", 2 + 1 + 70), ("first", 2), ("second", 1)]);
}

#[test]
fn wide_words_keep_their_carries() {
    let outcome = both_dealt(6, async |party| {
        let share = if party.is_first() { [u128::MAX, 1 << 70] } else { [3, u128::from(u64::MAX)] };
        let to_first = learn_wide(party, KEY, Learner::First, &share).await.unwrap();
        let to_second = learn_wide(party, KEY, Learner::Second, &share[1..]).await.unwrap();
        ([to_first, to_second], party.ledger.observed())
    });
    let second = (1_u128 << 70) + u128::from(u64::MAX);
    assert_eq!(outcome.first.0, [Some(vec![2, second]), None]);
    assert_eq!(outcome.second.0, [None, Some(vec![second])]);
    let counts: Vec<u64> = outcome.first.1.iter().map(|line| line.count).collect();
    assert_eq!(counts, [2, 1]);
}

/// An undeclared key fails on the spot, in every way of revealing, and nothing is sent.
#[test]
fn undeclared_reveals_are_refused() {
    let outcome = both_dealt(2, async |party| {
        let key = "test.other";
        [
            open(party, key, &[1]).await.err(),
            learn(party, key, Learner::First, &[1]).await.err(),
            learn(party, key, Learner::Second, &[1]).await.err(),
            learn_wide(party, key, Learner::Second, &[1]).await.err(),
            open_bit(party, key, 1).await.err(),
            open_bits(party, key, &Bits::zeros(1)).await.err(),
        ]
    });
    for error in outcome.first.into_iter().chain(outcome.second) {
        assert!(matches!(error, Some(MpcError::Undeclared(key)) if key == "test.other"));
    }
    assert_eq!(outcome.transcript.messages(), 0);
}

#[test]
fn known_answer() {
    let hash = both_dealt(3, program).transcript.hash();
    assert_eq!(hash, "3c81f532bebe87996d3da5b0a1e44115cd63a5b09a0138caccbe2725efd45ffd");
}

#[test]
fn cost() {
    let transcript = both_dealt(4, program).transcript;
    for (side, learnt_by_peer) in [(Side::First, 1), (Side::Second, 2)] {
        assert_eq!(transcript.bytes_of(side, "opened"), 2 * 8 + 1 + 2 * 8);
        assert_eq!(transcript.bytes_of(side, "opened_bit"), 1 + 2 * 8);
        assert_eq!(transcript.bytes_of(side, "share"), 8 * learnt_by_peer);
    }
    assert_eq!(transcript.messages(), 3 * 2 + 2);
}

/// Nothing authenticates shares, so another share of the right form is another value; a bit that is
/// none is seen.
#[test]
fn tampered() {
    sweep(&["opened", "share", "opened_bit", "opened_bits"], program);
}

#[test]
fn tampered_bit_is_named() {
    let fault = world::Fault {
        path_step: "opened_bit".to_owned(),
        occurrence: 0,
        kind: world::FaultKind::replace(|_| vec![2]),
        from: Side::First,
    };
    let side = async |session| {
        let ledger = std::sync::Arc::new(Ledger::new([KEY]));
        open_bit(&mut TwoParty::setup(session, ledger).await?, KEY, 1).await
    };
    let text = world::pair_with_fault(5, fault, side, side).second.unwrap_err().to_string();
    assert!(text.contains("a bit must be 0 or 1"), "{text}");
}

#[test]
fn peer_drops() {
    assert_drop_is_noticed("share", program);
    assert_drop_is_noticed("opened_bit", program);
}
