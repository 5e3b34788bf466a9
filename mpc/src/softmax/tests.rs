use world::Side;

use super::*;
use crate::test_support::{assert_drop_is_noticed, both, both_dealt, shares, sums, sweep};

const BITS: u32 = 30;

/// Scores of so many classes: near each other, apart, and far out.
fn scores(classes: usize, rows: usize) -> Vec<Vec<f64>> {
    let mut rng = crypto::random::Generator::from_seed([classes as u8; 32]);
    let mut uniform = move || (rng.next_u64() >> 11) as f64 / (1_u64 << 52) as f64 - 1.0;
    let width = |row: usize| [0.01, 1.0, 5.0, 30.0, 1e5][row % 5];
    let mut of_class = |_| (0..rows).map(|row| 3.0 + width(row) * uniform()).collect();
    (0..classes).map(&mut of_class).collect()
}

fn fixed(factor: f64) -> i64 {
    (factor * f64::from(1 << FACTOR_BITS)).round() as i64
}

fn exact(scores: &[Vec<f64>], row: usize) -> Vec<f64> {
    let largest = scores.iter().map(|scores| scores[row]).fold(f64::NEG_INFINITY, f64::max);
    let powers: Vec<f64> = scores.iter().map(|scores| (scores[row] - largest).exp()).collect();
    let sum: f64 = powers.iter().sum();
    powers.into_iter().map(|power| power / sum).collect()
}

/// The largest error in units of what is stated.
fn worst(classes: usize, rows: usize, factor: Option<fn(usize) -> f64>) -> f64 {
    let scores = scores(classes, rows);
    let shared: Vec<(Vec<u64>, Vec<u64>)> = scores
        .iter()
        .zip(1..)
        .map(|(scores, seed)| {
            let words: Vec<u64> =
                scores.iter().map(|score| (score * SCORE_UNIT).round() as i64 as u64).collect();
            shares(seed, &words)
        })
        .collect();
    let own: Vec<f64> = (0..rows).map(|row| factor.map_or(1.5, |factor| factor(row))).collect();
    let own_words: Vec<i64> = own.iter().map(|factor| fixed(*factor)).collect();
    let outcome = both(3, async |party| {
        let first = party.is_first();
        let mine: Vec<Vec<u64>> = shared
            .iter()
            .map(|(one, other)| if first { one.clone() } else { other.clone() })
            .collect();
        let factors = match (factor.is_some(), first) {
            (false, _) => Factors::Even(fixed(1.5)),
            (true, true) => Factors::Own(&own_words),
            (true, false) => Factors::Theirs,
        };
        let softmax = Softmax::prepare(party).await.unwrap();
        softmax.evaluate(party, &mine, factors, BITS).await.unwrap()
    });
    let mut worst: f64 = 0.0;
    for (row, factor) in own.iter().enumerate() {
        for (class, exact) in exact(&scores, row).into_iter().enumerate() {
            let sum = sums(&outcome.first[class], &outcome.second[class])[row];
            let value = sum as i64 as f64 / f64::from(1 << BITS);
            let stated = (classes + 1) as f64 * 1e-5 * factor.max(1.0);
            worst = worst.max((value - factor * exact).abs() / stated);
        }
    }
    worst
}

#[test]
fn correct() {
    for classes in [2, 3, 4, CLASSES_MAX] {
        let worst = worst(classes, 60, None);
        assert!(worst < 1.0, "{classes} classes: {worst}");
    }
}

#[test]
fn correct_with_factors_of_the_first_party() {
    let worst = worst(3, 300, Some(|row| (row % 9) as f64 * 0.5));
    assert!(worst < 1.0, "{worst}");
}

#[test]
fn the_line_is_as_near_as_it_says() {
    for bound in [2.1, 4.5, 11.5, 41.0] {
        let line = Line::new(bound);
        let error = |step: i32| {
            let x = 1.0 + (bound - 1.0) * f64::from(step) / 1000.0;
            (1.0 - x * (line.constant - line.slope * x)).abs()
        };
        let worst = (0..=1000).map(error).fold(0.0, f64::max);
        assert!(worst < line.error && line.error < worst + 0.02, "{bound}: {worst}");
    }
}

/// Three classes of four rows.
async fn program(party: &mut TwoParty) -> Result<Vec<Vec<u64>>, MpcError> {
    let unit = SCORE_UNIT as u64;
    let score = |class: u64| vec![class * unit; 4];
    let shared: Vec<_> = (0..3).map(|class| shares(class + 1, &score(class))).collect();
    let first = party.is_first();
    let mine: Vec<Vec<u64>> =
        shared.into_iter().map(|(one, other)| if first { one } else { other }).collect();
    let softmax = Softmax::prepare(party).await?;
    softmax.evaluate(party, &mine, Factors::Even(fixed(1.0)), BITS).await
}

#[test]
fn known_answer() {
    let outcome = both_dealt(1, program);
    let (first, second) = (outcome.first.unwrap(), outcome.second.unwrap());
    let found = sums(&first[2], &second[2])[0] as f64 / f64::from(1 << BITS);
    assert!((found - 0.665_241).abs() < 2e-5, "{found}");
    assert_eq!(
        outcome.transcript.hash(),
        "1360dbe23a0df3a3aab3a6274f6c789a90cf5ae43ff3c540a3d447c5d49084f9"
    );
}

#[test]
fn cost() {
    const ELEMENT: u64 = 150 * 1024;
    let transcript = both_dealt(2, program).transcript;
    // Three vectors of exponentials share slots.
    assert_eq!(transcript.bytes_of(Side::Second, "exponentials"), 4 * (32 + ELEMENT));
    assert_eq!(transcript.bytes_of(Side::First, "products"), 4 * ELEMENT);
    assert_eq!(transcript.messages(), 92);
}

/// What the module says about many rows, of four classes with public factors.
#[test]
fn cost_of_a_row_and_flights() {
    const ROWS: usize = 8192;
    let program = async |party: &mut TwoParty| {
        let softmax = Softmax::prepare(party).await.unwrap();
        let scores = vec![vec![u64::from(party.is_first()) << 40; ROWS]; 4];
        softmax.evaluate(party, &scores, Factors::Even(fixed(1.0)), BITS).await.unwrap()
    };
    let transcript = both_dealt(6, program).transcript;
    let of_a_row = transcript.bytes() as f64 / ROWS as f64;
    assert_eq!((of_a_row.round(), transcript.rounds()), (4317.0, 39));
}

#[test]
fn tampered() {
    // The steps are those of the blocks below.
    sweep(&["correlations"], program);
}

#[test]
fn peer_drops() {
    assert_drop_is_noticed("exponentials", program);
    assert_drop_is_noticed("correlations", program);
}

#[test]
fn what_is_out_of_bounds_is_refused() {
    let outcome = both_dealt(5, async |party| {
        let softmax = Softmax::prepare(party).await.unwrap();
        let one = [vec![1]];
        let unlike = [vec![1], vec![1, 2]];
        let two = [vec![1], vec![2]];
        [
            softmax.evaluate(party, &one, Factors::Even(fixed(1.0)), 20).await.err(),
            softmax.evaluate(party, &unlike, Factors::Even(fixed(1.0)), 20).await.err(),
            softmax.evaluate(party, &two, Factors::Even(fixed(5.0)), 20).await.err(),
            softmax.evaluate(party, &two, Factors::Even(fixed(1.0)), 39).await.err(),
        ]
    });
    for error in outcome.first.into_iter().chain(outcome.second) {
        assert!(matches!(error, Some(MpcError::InvalidInput(_))), "{error:?}");
    }
}
