use proptest::prelude::*;
use world::Side;

use super::*;
use crate::test_support::{assert_drop_is_noticed, both_dealt, shares, sums, sweep};

/// Ten rows, two without a level; the second party is the owner.
const OF_ROWS: [u32; 10] = [2, 0, NO_LEVEL, 1, 2, 2, 0, NO_LEVEL, 1, 2];
const SCALES: [u8; 3] = [0, 7, 5];
const WORD_BITS: u32 = WORD_BITS_MIN;
const LIFT_BITS: u32 = 64 - WORD_BITS;

fn levels() -> Levels<'static> {
    Levels { of_rows: &OF_ROWS, count: 3, scales: &SCALES }
}

async fn prepare(
    party: &mut TwoParty,
    levels: Levels<'_>,
    first_owns: bool,
) -> Result<Indicators, MpcError> {
    if party.is_first() == first_owns {
        Indicators::prepare_own(party, levels, WORD_BITS).await
    } else {
        let (rows, levels) = (levels.of_rows.len(), padded(levels.count));
        Indicators::prepare_theirs(party, rows, levels, WORD_BITS).await
    }
}

/// Both products and the scales of one pass, on shares of small numbers.
async fn program(party: &mut TwoParty) -> Result<[Vec<u64>; 3], MpcError> {
    let indicators = prepare(party, levels(), false).await?;
    pass(party, &indicators).await
}

async fn pass(party: &mut TwoParty, indicators: &Indicators) -> Result<[Vec<u64>; 3], MpcError> {
    let mine = |values: &[u64]| {
        let (first, second) = shares(9, values);
        if party.is_first() { first } else { second }
    };
    let rows: Vec<u64> = (1..=10).collect();
    let (rows, levels) = (mine(&rows), mine(&[3 << LIFT_BITS, 5 << LIFT_BITS, 7 << LIFT_BITS]));
    Ok([
        indicators.to_levels(party, &rows, 0).await?,
        indicators.to_rows(party, &levels).await?,
        indicators.scaled(party, &levels).await?,
    ])
}

#[test]
fn correct() {
    let outcome = both_dealt(1, program);
    let (first, second) = (outcome.first.unwrap(), outcome.second.unwrap());
    let [to_levels, to_rows, scaled] = [0, 1, 2].map(|it| sums(&first[it], &second[it]));
    let lifted = |values: &[u64]| values.iter().map(|it| it << LIFT_BITS).collect::<Vec<_>>();
    assert_eq!(to_levels, lifted(&[9, 13, 22]));
    for (row, expected) in to_rows.iter().zip([7, 3, 0, 5, 7, 7, 3, 0, 5, 7_i64]) {
        assert!((*row as i64 - (expected << LIFT_BITS)).abs() <= 1 << LIFT_BITS, "{row}");
    }
    assert_eq!(scaled, lifted(&[3, 5 << 7, 7 << 5]));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]
    /// Any levels of any rows, either owner, in several passes over the same transfers.
    #[test]
    fn correct_for_any_levels(
        rows in proptest::collection::vec((0_u32..40, -1000_i64..1000), 1..200),
        first_owns: bool,
    ) {
        // Levels are numbered as they are met, and some are none.
        let mut met = std::collections::BTreeMap::new();
        let of_rows: Vec<u32> = rows.iter().map(|(level, _)| {
            let next = met.len() as u32;
            if *level > 35 { NO_LEVEL } else { *met.entry(*level).or_insert(next) }
        }).collect();
        prop_assume!(!met.is_empty());
        let scales = vec![0; met.len()];
        let levels = Levels { of_rows: &of_rows, count: met.len(), scales: &scales };
        let size = padded(met.len());
        let values: Vec<u64> = rows.iter().map(|(_, value)| *value as u64).collect();
        let weights: Vec<u64> = (0..size as u64).map(|it| (it * it + 1) << 40).collect();
        let (values, weights) = (shares(1, &values), shares(2, &weights));
        let outcome = both_dealt(2, async |party| {
            let indicators = prepare(party, levels, first_owns).await.unwrap();
            let (values, weights) = if party.is_first() {
                (&values.0, &weights.0)
            } else {
                (&values.1, &weights.1)
            };
            let mut results = Vec::new();
            for _ in 0..2 {
                results.push(indicators.to_levels(party, values, 0).await.unwrap());
                results.push(indicators.to_rows(party, weights).await.unwrap());
            }
            results
        });
        let mut expected = vec![0_i64; size];
        for (level, (_, value)) in of_rows.iter().zip(&rows) {
            if *level != NO_LEVEL {
                expected[*level as usize] += *value;
            }
        }
        for pass in [0, 2] {
            let sums = sums(&outcome.first[pass], &outcome.second[pass]);
            let expected: Vec<u64> = expected.iter().map(|it| (it << LIFT_BITS) as u64).collect();
            prop_assert_eq!(sums, expected);
        }
        for pass in [1, 3] {
            let found = sums(&outcome.first[pass], &outcome.second[pass]);
            for (found, level) in found.iter().zip(&of_rows) {
                let word = |level: u32| (i64::from(level).pow(2) + 1) << 40;
                let expected = if *level == NO_LEVEL { 0 } else { word(*level) };
                prop_assert!((*found as i64 - expected).abs() <= 1 << LIFT_BITS);
            }
        }
    }
}

/// Longer words keep more of their bits, and cost whole bytes more for each step.
#[test]
fn correct_for_longer_words() {
    let rows = shares(8, &(1..=10).map(|row| row << 14).collect::<Vec<u64>>());
    let outcome = both_dealt(8, async |party| {
        let indicators = if party.is_first() {
            Indicators::prepare_theirs(party, 10, 3, 56).await.unwrap()
        } else {
            Indicators::prepare_own(party, levels(), 56).await.unwrap()
        };
        let mine = if party.is_first() { &rows.0 } else { &rows.1 };
        assert!(indicators.to_levels(party, mine, 9).await.is_err());
        let sums = indicators.to_levels(party, mine, 0).await.unwrap();
        (sums, indicators.switches() as u64)
    });
    let ((first, switches), (second, _)) = (outcome.first, outcome.second);
    assert_eq!(sums(&first, &second), [9 << 22, 13 << 22, 22 << 22]);
    assert_eq!(outcome.transcript.bytes_of(Side::First, "indicator_words"), 7 * switches);
}

/// Words are rounded without bias: the sum of many roundings stays small.
#[test]
fn correct_without_bias() {
    const ROWS: usize = 4000;
    const LOW: u32 = 20;
    let of_rows = vec![0; ROWS];
    let values: Vec<u64> = (0..ROWS as u64).map(|row| (row << 22) + 12345).collect();
    let exact: u64 = values.iter().sum();
    let values = shares(3, &values);
    let outcome = both_dealt(3, async |party| {
        let levels = Levels { of_rows: &of_rows, count: 1, scales: &[0] };
        let indicators = prepare(party, levels, true).await.unwrap();
        let mine = if party.is_first() { &values.0 } else { &values.1 };
        indicators.to_levels(party, mine, LOW).await.unwrap()
    });
    let sum = sums(&outcome.first, &outcome.second)[0];
    let error = ((sum >> (LIFT_BITS - LOW)) as i64 - exact as i64) as f64 / f64::from(1 << LOW);
    // Each rounding is within one unit; six standard deviations of their sum.
    assert!(error.abs() < 6.0 * (ROWS as f64).sqrt() * 0.5, "{error}");
}

/// What a word is hidden by is another one in every pass, and nobody's share tells anything: the
/// same shares give fresh ones.
#[test]
fn correct_with_fresh_pads_in_every_pass() {
    let outcome = both_dealt(4, async |party| {
        let indicators = prepare(party, levels(), false).await.unwrap();
        [pass(party, &indicators).await.unwrap(), pass(party, &indicators).await.unwrap()]
    });
    for [once, again] in [outcome.first, outcome.second] {
        for (once, again) in once.iter().zip(&again) {
            assert!(once.iter().zip(again).all(|(once, again)| once != again));
        }
    }
}

#[test]
fn known_answer() {
    let outcome = both_dealt(5, program);
    assert!(outcome.first.is_ok() && outcome.second.is_ok());
    assert_eq!(
        outcome.transcript.hash(),
        "22a9b3d89f3e82031b163fc92fe624fd771979fb151e5496478828f77c8c1240"
    );
}

#[test]
fn cost() {
    let transcript = both_dealt(6, program).transcript;
    // One row that does not exist, and one end for the rows without a level.
    let ordering: u64 =
        (1..=11_usize).map(|rows| u64::from(rows.next_power_of_two().ilog2())).sum();
    let all = Shape::new(10, 3).switches.len() as u64;
    assert!(all > ordering && all < ordering + 20);
    assert_eq!(transcript.bytes_of(Side::First, "indicator_words"), 2 * 5 * all);
    assert_eq!(transcript.bytes_of(Side::First, "scale_words"), 3 * 3 * 8);
    assert_eq!(transcript.bytes_of(Side::Second, "corrections"), 2 * 128 * 4);
    assert_eq!(transcript.messages(), 2 + 4 + 1);
}

/// As many steps as the documentation of ADR 24 says for the reference job.
#[test]
fn cost_at_scale() {
    let levels = padded(100_000);
    assert_eq!(levels, 102_400);
    let rows = 300_000 + grain(levels);
    let (network, ends) = concentration::switches(rows, levels + 1);
    assert_eq!((network.len(), ends.len()), (2_686_641, levels + 1));
    let ordering: usize = (1..=rows).map(|it| it.next_power_of_two().ilog2() as usize).sum();
    assert_eq!(ordering, 5_253_537);
}

#[test]
fn tampered() {
    sweep(&["indicator_words", "scale_words"], program);
}

#[test]
fn peer_drops() {
    // The second party, whose message goes missing, knows nothing of the rows here.
    assert_drop_is_noticed("indicator_words", async |party| {
        let indicators = prepare(party, levels(), true).await?;
        pass(party, &indicators).await
    });
}

#[test]
fn numbers_of_levels_are_rounded_up() {
    for count in (1..5000).chain([99_999, 100_000, LEVELS_MAX]) {
        let padded = padded(count);
        assert!(padded >= count && padded - count <= count / 16, "{count} {padded}");
        assert!(padded - count < grain(padded) && super::padded(padded) == padded);
    }
}

#[test]
fn what_is_no_level_is_refused() {
    let scales = [0, 8];
    let bad = [
        Levels { of_rows: &[0, 2], count: 2, scales: &scales[..1] },
        Levels { of_rows: &[0, 0], count: 2, scales: &[0, 0] },
        Levels { of_rows: &[0, 1], count: 2, scales: &scales },
        Levels { of_rows: &[0, 1], count: 0, scales: &[] },
        Levels { of_rows: &[], count: 1, scales: &[0] },
    ];
    let outcome = both_dealt(7, async |party| {
        let mut errors = Vec::new();
        for levels in bad {
            errors.push(Indicators::prepare_own(party, levels, WORD_BITS).await.err());
        }
        for [rows, levels] in
            [[0, 1], [1, 0], [1, LEVELS_MAX + 1], [ROWS_MAX + 1, 1], [100, 33], [10, 1024]]
        {
            errors.push(Indicators::prepare_theirs(party, rows, levels, WORD_BITS).await.err());
        }
        for word_bits in [32, 44, 64] {
            errors.push(Indicators::prepare_own(party, levels(), word_bits).await.err());
            errors.push(Indicators::prepare_theirs(party, 10, 3, word_bits).await.err());
        }
        errors
    });
    for error in outcome.first {
        assert!(matches!(error, Some(MpcError::InvalidInput(_))), "{error:?}");
    }
}
