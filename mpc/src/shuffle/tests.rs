use proptest::prelude::*;
use world::Side;

use super::*;
use crate::test_support::{
    assert_drop_is_noticed, both, both_dealt, shares, sums, sweep, wide_shares, wide_sums,
};

/// Shares of two columns of `rows` rows: the row's number, and a function of it.
fn columns(rows: u64) -> [Vec<Vec<u64>>; 2] {
    let values = [(0..rows).collect::<Vec<u64>>(), (0..rows).map(|row| row * row + 7).collect()];
    let shared = values.map(|values| shares(values[rows as usize - 1], &values));
    [shared.iter().map(|it| it.0.clone()).collect(), shared.iter().map(|it| it.1.clone()).collect()]
}

fn mine<'a>(party: &TwoParty, shared: &'a [Vec<Vec<u64>>; 2]) -> &'a [Vec<u64>] {
    &shared[usize::from(!party.is_first())]
}

/// The order in which the rows came out; columns must have the same, and each row once.
fn order(first: &[Vec<u64>], second: &[Vec<u64>]) -> Vec<u64> {
    let rows = sums(&first[0], &second[0]);
    let function: Vec<u64> = rows.iter().map(|row| row.wrapping_mul(*row) + 7).collect();
    assert_eq!(sums(&first[1], &second[1]), function);
    let mut sorted = rows.clone();
    sorted.sort_unstable();
    assert_eq!(sorted, (0..rows.len() as u64).collect::<Vec<_>>());
    rows
}

#[test]
fn correct() {
    for rows in [1, 2, 3, 64, 1000] {
        let shared = columns(rows);
        let outcome = both(rows, async |party| {
            let mine = mine(party, &shared);
            let shuffled = shuffle(party, mine).await.unwrap();
            let again = shuffle(party, &shuffled).await.unwrap();
            (shuffled, again)
        });
        let (first, second) = (outcome.first, outcome.second);
        let orders = [order(&first.0, &second.0), order(&first.1, &second.1)];
        if rows >= 64 {
            assert_ne!(orders[0], (0..rows).collect::<Vec<_>>());
            assert_ne!(orders[0], orders[1]);
        }
        // The shares are fresh.
        assert!(rows == 1 || first.0[0].iter().all(|share| !shared[0][0].contains(share)));
    }
}

/// Every order of three rows is as likely as every other, within six standard deviations.
#[test]
fn correct_orders_are_uniform() {
    const RUNS: usize = 600;
    let shared = columns(3);
    let outcome = both_dealt(2, async |party| {
        let mut results = Vec::new();
        let mine = mine(party, &shared);
        for _ in 0..RUNS {
            results.push(shuffle(party, mine).await.unwrap());
        }
        results
    });
    let mut counts = std::collections::BTreeMap::new();
    for (first, second) in outcome.first.iter().zip(&outcome.second) {
        *counts.entry(order(first, second)).or_insert(0) += 1;
    }
    assert_eq!(counts.len(), 6);
    assert!(counts.values().all(|count| (100_i32 - count).abs() < 55), "{counts:?}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]
    #[test]
    fn correct_by_a_known_order(
        order in (1_u32..60).prop_flat_map(|rows| {
            Just((0..rows).collect::<Vec<_>>()).prop_shuffle()
        }),
        first_knows: bool,
    ) {
        let values: Vec<i128> = order.iter().map(|row| i128::from(*row) << 70).collect();
        let rows: Vec<i128> = (0..order.len() as i128).map(|row| row << 70).collect();
        let shared = wide_shares(3, &rows);
        let outcome = both_dealt(3, async |party| {
            let share = if party.is_first() { &shared.0 } else { &shared.1 };
            let columns = [share.clone()];
            let permuted = if party.is_first() == first_knows {
                permute_by_own(party, &order, &columns).await
            } else {
                permute_by_theirs(party, &columns).await
            };
            permuted.unwrap().remove(0)
        });
        prop_assert_eq!(wide_sums(&outcome.first, &outcome.second), values);
    }
}

async fn program(party: &mut TwoParty) -> Result<Vec<Vec<u64>>, MpcError> {
    let shared = columns(10);
    let mine = mine(party, &shared);
    shuffle(party, mine).await
}

#[test]
fn known_answer() {
    let outcome = both_dealt(4, program);
    order(&outcome.first.unwrap(), &outcome.second.unwrap());
    assert_eq!(
        outcome.transcript.hash(),
        "2f5d197b3c8b9ebdb20b5f9d767d2c38d2b22f4d23c9217037079165c0f0e523"
    );
}

#[test]
fn cost() {
    let transcript = both_dealt(5, program).transcript;
    let switches = [1, 2, 2, 3, 3, 3, 3, 4, 4].iter().sum::<u64>();
    for side in [Side::First, Side::Second] {
        assert_eq!(transcript.bytes_of(side, "corrections"), 128 * 4);
        assert_eq!(transcript.bytes_of(side, "switches"), 2 * switches * 8);
    }
    assert_eq!(transcript.messages(), 4);
}

#[test]
fn tampered() {
    sweep(&["switches"], program);
}

#[test]
fn peer_drops() {
    assert_drop_is_noticed("switches", program);
}

#[test]
fn what_cannot_be_permuted_is_refused() {
    let outcome = both_dealt(6, async |party| {
        let uneven = shuffle(party, &[vec![1_u64], vec![]]).await.err();
        let long = shuffle(party, &[vec![0_u64; ROWS_MAX + 1]]).await.err();
        let order = permute_by_own(party, &[1, 1], &[vec![1_u64, 2]]).await.err();
        [uneven, long, order]
    });
    for error in outcome.first {
        assert!(matches!(error, Some(MpcError::InvalidInput(_))), "{error:?}");
    }
    let outcome = both_dealt(7, async |party| shuffle::<u64>(party, &[]).await.unwrap().len());
    assert_eq!((outcome.first, outcome.second), (0, 0));
}
