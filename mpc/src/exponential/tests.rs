use world::Side;

use super::*;
use crate::test_support::{assert_drop_is_noticed, both, both_dealt, shares, sums, sweep};

/// Every kind of score: dense within the range, around its ends, and far out.
fn scores(range: Range) -> Vec<f64> {
    let near = (-1200..700).map(|step| f64::from(step) * 0.01);
    let edges = [range.low(), range.high()].into_iter();
    let edges = edges.flat_map(|end| (-100..100).map(move |step| end + f64::from(step) * 0.01));
    let far = [20.0, 25.0, 44.4, 1e3, 1e5, 1.6e6];
    near.chain(edges).chain(far).chain(far.map(|score| -score)).collect()
}

fn words(scores: &[f64]) -> Vec<u64> {
    scores.iter().map(|score| (score * SCORE_UNIT).round() as i64 as u64).collect()
}

/// The largest error relative to what is stated, of terms with these rates.
fn worst(rates: &[f64], low: f64, high: f64) -> f64 {
    const BITS: u32 = 30;
    let range = Range::around(low, high).unwrap();
    let scores = scores(range);
    let factors: Vec<Vec<f64>> = (0..rates.len())
        .map(|term| {
            let factor = |row: usize| (row % 9) as f64 * 0.5 - term as f64;
            (0..scores.len()).map(factor).collect()
        })
        .collect();
    let (first, second) = shares(1, &words(&scores));
    let outcome = both(2, async |party| {
        let exponential = Exponential::prepare(party).await.unwrap();
        let terms: Vec<Term<'_>> = (rates.iter().zip(&factors))
            .map(|(rate, factors)| Term { rate: *rate, factors })
            .collect();
        let mine = if party.is_first() { &first } else { &second };
        exponential.evaluate(party, mine, &terms, range, BITS).await.unwrap()
    });
    let results = sums(&outcome.first, &outcome.second);
    let error = |row: usize| {
        let value = results[row] as i64 as f64 / f64::from(1 << BITS);
        let of = |score: f64| {
            let terms = rates.iter().zip(&factors);
            let (mut sum, mut bound) = (0.0, 0.0);
            for (rate, factors) in terms {
                let power = (rate * score).exp();
                sum += factors[row] * power;
                bound += factors[row].abs().max(1.0) * power;
            }
            ((value - sum).abs() - 2.0 / f64::from(1 << BITS)).max(0.0) / bound
        };
        let clamped = scores[row].clamp(range.low(), range.high());
        // Within a step beyond an end either is right.
        let is_near = (scores[row] - clamped).abs() <= Range::step();
        if is_near { of(clamped).min(of(scores[row])) } else { of(clamped) }
    };
    (0..scores.len()).map(error).fold(0.0, f64::max)
}

#[test]
fn correct() {
    for (rates, low, high) in [
        (&[1.0][..], -12.0, 6.0),
        (&[-1.0], -6.0, 12.0),
        (&[0.5, -0.5], -12.0, 12.0),
        (&[0.3, -0.7], -8.0, 9.5),
    ] {
        let worst = worst(rates, low, high);
        assert!(worst < 2_f64.powi(-19), "rates {rates:?}: largest error {worst:e}");
    }
}

#[test]
fn the_largest_factors_fit() {
    let range = Range::around(-12.3, 6.5).unwrap();
    let values = words(&[range.high(), 0.0, range.low(), 6.2, 1.0]);
    let factors = [FACTORS_MAX, -FACTORS_MAX, FACTORS_MAX, -FACTORS_MAX, 1e-7];
    let (first, second) = shares(3, &values);
    let outcome = both_dealt(4, async |party| {
        let exponential = Exponential::prepare(party).await.unwrap();
        let terms = [Term { rate: 1.0, factors: &factors }];
        let mine = if party.is_first() { &first } else { &second };
        exponential.evaluate(party, mine, &terms, range, 30).await.unwrap()
    });
    let results = sums(&outcome.first, &outcome.second);
    for ((result, score), factor) in
        results.iter().zip([range.high(), 0.0, range.low(), 6.2, 1.0]).zip(factors)
    {
        let value = *result as i64 as f64 / f64::from(1 << 30);
        let expected = factor * score.exp();
        let bound = 2_f64.powi(-19) * factor.abs().max(1.0) * score.exp() + 2e-9;
        assert!((value - expected).abs() < bound, "{value} for {expected}");
    }
}

/// Four rows with the scores 0, 1, -2 and 40, all counted twice.
async fn program(party: &mut TwoParty) -> Result<Vec<u64>, MpcError> {
    let exponential = Exponential::prepare(party).await?;
    let first = party.is_first();
    let share = |score: f64| if first { (score * SCORE_UNIT) as i64 as u64 } else { 0 };
    let range = Range::around(-12.0, 6.0).unwrap();
    let terms = [Term { rate: 1.0, factors: &[2.0; 4] }];
    exponential.evaluate(party, &[0.0, 1.0, -2.0, 40.0].map(share), &terms, range, 30).await
}

#[test]
fn known_answer() {
    let outcome = both_dealt(1, program);
    let results = sums(&outcome.first.unwrap(), &outcome.second.unwrap());
    let end = Range::around(-12.0, 6.0).unwrap().high();
    assert!((end - 6.25).abs() < 1e-9);
    for (result, expected) in results.iter().zip([2.0, 5.436_564, 0.270_671, 2.0 * end.exp()]) {
        let value = *result as i64 as f64 / f64::from(1 << 30);
        assert!((value / expected - 1.0).abs() < 1e-5, "{value} for {expected}");
    }
    assert_eq!(
        outcome.transcript.hash(),
        "677dfba4061c2ae93c8f3504a712ed919a5b71ee6eb352be166314bd3eeb2455"
    );
}

#[test]
fn cost() {
    const ELEMENT: u64 = 150 * 1024;
    let transcript = both_dealt(2, program).transcript;
    assert_eq!(transcript.bytes_of(Side::Second, "public_key"), 32 + ELEMENT);
    assert_eq!(transcript.bytes_of(Side::Second, "exponentials"), 4 * (32 + ELEMENT));
    assert_eq!(transcript.bytes_of(Side::First, "products"), 4 * ELEMENT);
    assert_eq!(transcript.messages(), 3 + 2 + 2 + 2 * (2 + 3) + 4);
}

#[test]
fn tampered() {
    sweep(&["public_key", "exponentials", "products"], program);
}

#[test]
fn peer_drops() {
    assert_drop_is_noticed("exponentials", program);
}

#[test]
fn misuse_is_refused() {
    let range = Range::around(-12.0, 6.0).unwrap();
    let outcome = both_dealt(3, async |party| {
        let exponential = Exponential::prepare(party).await?;
        let term = |rate, factors| Term { rate, factors };
        let cases: [(&[Term<'_>], u32); 6] = [
            (&[], 20),
            (&[term(1.0, &[1.0])], FRACTION_BITS_MAX + 1),
            (&[term(1.0, &[])], 20),
            (&[term(1.0, &[2.0 * FACTORS_MAX])], 20),
            (&[term(-1.0, &[1.0])], 20),
            (&[term(0.1, &[f64::NAN])], 20),
        ];
        let mut errors = Vec::new();
        for (terms, bits) in cases {
            errors.push(exponential.evaluate(party, &[0], terms, range, bits).await.err());
        }
        Ok::<_, MpcError>(errors)
    });
    for error in outcome.first.unwrap() {
        assert!(matches!(error, Some(MpcError::InvalidInput(_))), "{error:?}");
    }
    for (low, high) in [(1.0, 1.0), (2.0, 1.0), (f64::NAN, 1.0), (-1e9, 1.0)] {
        assert_eq!(Range::around(low, high), None);
    }
}
