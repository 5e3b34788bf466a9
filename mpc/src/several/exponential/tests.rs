use world::{Fault, FaultKind, MeshFault, Side, mesh_with_fault};

use super::*;
use crate::several::tests::{all, ready, shares, sums};

const BITS: u32 = 22;

/// Every kind of score: dense within the range, around its ends, and far out.
fn scores(range: Range) -> Vec<f64> {
    let near = (-300..150).map(|step| f64::from(step) * 0.04);
    let edges = [range.low(), range.high()].into_iter();
    let edges = edges.flat_map(|end| (-30..30).map(move |step| end + f64::from(step) * 0.03));
    let far = [20.0, 44.4, 1e3, 1e5, 1.6e6];
    near.chain(edges).chain(far).chain(far.map(|score| -score)).collect()
}

/// The errors' largest magnitude and deviation, relative to what is stated, of terms with these
/// rates.
fn errors(count: usize, rates: &[f64], low: f64, high: f64) -> (f64, f64) {
    let range = Range::around(low, high).unwrap();
    let scores = scores(range);
    let values: Vec<u64> =
        scores.iter().map(|score| (score * SCORE_UNIT).round() as i64 as u64).collect();
    let factors: Vec<Vec<f64>> = (0..rates.len())
        .map(|term| (0..scores.len()).map(|row| (row % 9) as f64 * 0.5 - term as f64).collect())
        .collect();
    let all_shares = shares(1, count, &values, 1 << 64);
    let outcome = all(2, count, async |parties| {
        let exponential = Exponential::prepare(parties).await.unwrap();
        let first = parties.is_first();
        let terms: Vec<Term<'_>> = (rates.iter().zip(&factors))
            .map(|(rate, factors)| Term { rate: *rate, factors: if first { factors } else { &[] } })
            .collect();
        let own = &all_shares[parties.number()];
        exponential.evaluate(parties, own, &terms, range, BITS).await.unwrap()
    });
    let results = sums(&outcome.results.iter().map(Vec::as_slice).collect::<Vec<_>>());
    let error = |row: usize| {
        let value = results[row] as i64 as f64 / f64::from(1 << BITS);
        let of = |score: f64| {
            let (mut sum, mut bound) = (0.0, 0.0);
            for (rate, factors) in rates.iter().zip(&factors) {
                let power = (rate * score).exp();
                sum += factors[row] * power;
                bound += factors[row].abs().max(1.0) * power;
            }
            ((value - sum).abs() - 8.0 / f64::from(1 << BITS)).max(0.0) / bound
        };
        let clamped = scores[row].clamp(range.low(), range.high());
        // Within n steps beyond an end either is right.
        let is_near = (scores[row] - clamped).abs() <= count as f64 * 0.05;
        if is_near { of(clamped).min(of(scores[row])) } else { of(clamped) }
    };
    let errors: Vec<f64> = (0..scores.len()).map(error).collect();
    let squares: f64 = errors.iter().map(|error| error * error).sum();
    (errors.iter().copied().fold(0.0, f64::max), (squares / errors.len() as f64).sqrt())
}

#[test]
fn correct() {
    for (rates, low, high) in [(&[1.0][..], -12.0, 6.0), (&[0.3, -0.7], -8.0, 9.5)] {
        let (largest, _) = errors(3, rates, low, high);
        assert!(largest < 3e-5 + 6.0 * deviation(3), "rates {rates:?}: largest error {largest:e}");
    }
    let (largest, _) = errors(2, &[-1.0], -6.0, 12.0);
    assert!(largest < 3e-5, "{largest:e}");
}

/// With more parties the rounding is larger, and what is said of it.
#[test]
fn correct_with_more_parties() {
    for count in [4, 5] {
        let (largest, found) = errors(count, &[1.0], -12.0, 6.0);
        let stated = deviation(count);
        assert!(largest < 6.0 * stated && found < 1.3 * stated, "{largest:e} {found:e} {stated:e}");
    }
}

/// The order of 2 divides the period, and the largest product stays where it has to.
#[test]
fn correct_bounds() {
    let primes = PairOfPrimes::new(PRIMES);
    let ring = Ring::new(Parameters::N8192_Q150);
    for (prime, powers) in PRIMES.into_iter().zip(primes.powers()) {
        assert_eq!(powers.times_power(7, PERIOD as i32), 7);
        assert!(SlotRing::with_modulus(&ring, prime).products_max() >= 1);
    }
    let step = f64::from(1 << COARSE_SHIFT.min(30)) * 256.0 / SCORE_UNIT;
    for count in 2..=crate::several::PARTIES_MAX {
        let beyond = count as f64 * step;
        let largest = FACTORS_MAX.log2() + (EXPONENT_MAX + beyond) * LOG2_E;
        let bits = f64::from(product_bits(count) + octaves_added(count));
        assert!(largest + bits + 0.01 < (primes.modulus() as f64 / 6.0).log2(), "{count}");
        let lowest = (EXPONENT_MIN - beyond) * LOG2_E - count as f64;
        assert!(lowest + f64::from(octaves_added(count)) >= 0.0, "{count}");
    }
}

/// Four rows with the scores 0, 1, -2 and 40, all counted twice.
async fn program(parties: &mut Parties) -> Result<Vec<u64>, MpcError> {
    let exponential = Exponential::prepare(parties).await?;
    let first = parties.is_first();
    let share = |score: f64| if first { (score * SCORE_UNIT) as i64 as u64 } else { 0 };
    let range = Range::around(-12.0, 6.0).unwrap();
    let factors: &[f64] = if first { &[2.0; 4] } else { &[] };
    let terms = [Term { rate: 1.0, factors }];
    exponential.evaluate(parties, &[0.0, 1.0, -2.0, 40.0].map(share), &terms, range, BITS).await
}

#[test]
fn known_answer() {
    let outcome = all(3, 3, program);
    let shares: Vec<&[u64]> =
        outcome.results.iter().map(|it| it.as_ref().unwrap().as_slice()).collect();
    let end = Range::around(-12.0, 6.0).unwrap().high();
    for (found, expected) in sums(&shares).iter().zip([2.0, 5.436_564, 0.270_671, 2.0 * end.exp()])
    {
        let value = *found as i64 as f64 / f64::from(1 << BITS);
        assert!((value / expected - 1.0).abs() < 1e-4, "{value} for {expected}");
    }
    assert_eq!(outcome.hash(), "8b0f729b106b69afde67f39be1af033ab9e0b9a1908b2f2332a77537b9a603ca");
}

#[test]
fn cost() {
    const ELEMENT: u64 = 150 * 1024;
    let outcome = all(4, 3, program);
    let bytes = |pair, side, step: &str| outcome.transcripts[&pair].bytes_of(side, step);
    for pair in [(0, 1), (0, 2)] {
        assert_eq!(bytes(pair, Side::First, "public_key"), 32 + ELEMENT);
        assert_eq!(bytes(pair, Side::First, "exponentials"), 2 * (32 + ELEMENT));
        assert_eq!(bytes(pair, Side::Second, "products"), 2 * 2 * ELEMENT);
    }
    assert_eq!(bytes((1, 2), Side::Second, "public_key"), 32 + ELEMENT);
    assert_eq!(bytes((1, 2), Side::Second, "factors"), 2 * (32 + ELEMENT));
    assert_eq!(bytes((1, 2), Side::First, "turned"), 2 * 2 * ELEMENT);
}

/// Messages of another length, and ring elements that are not reduced, are named with their sender.
#[test]
fn tampered() {
    let (first, second) = ((0, 1), (1, 2));
    for (step, between, from) in [
        ("exponentials", first, Side::First),
        ("products", first, Side::Second),
        ("factors", second, Side::Second),
        ("turned", second, Side::First),
    ] {
        for kind in [
            FaultKind::replace(|bytes| bytes[1..].to_vec()),
            FaultKind::replace(|bytes| vec![0xff; bytes.len()]),
        ] {
            let fault = Fault { path_step: step.to_owned(), occurrence: 0, kind, from };
            let role = async |_, sessions| program(&mut ready(sessions)).await;
            let outcome = mesh_with_fault(5, 3, MeshFault { between, fault }, role);
            let (sender, receiver) =
                if from == Side::First { between } else { (between.1, between.0) };
            let text = outcome.results[receiver].as_ref().unwrap_err().to_string();
            let named = format!("party.{sender} misbehaved at step {step}");
            assert!(text.contains(&named), "{text}");
        }
    }
}

#[test]
fn peer_drops() {
    let (from, between) = (Side::Second, (1, 2));
    let fault =
        Fault { path_step: "factors".to_owned(), occurrence: 0, kind: FaultKind::Close, from };
    let role = async |_, sessions| program(&mut ready(sessions)).await;
    let outcome = mesh_with_fault(6, 3, MeshFault { between, fault }, role);
    for number in [1, 2] {
        let result = &outcome.results[number];
        assert!(matches!(result, Err(MpcError::Net(_))), "{result:?}");
    }
}

#[test]
fn misuse_is_refused() {
    let range = Range::around(-12.0, 6.0).unwrap();
    let outcome = all(7, 3, async |parties| {
        let exponential = Exponential::prepare(parties).await.unwrap();
        let term = |rate, factors| Term { rate, factors };
        let mut cases: Vec<(Vec<Term<'_>>, u32)> =
            vec![(vec![], 20), (vec![term(1.0, &[1.0])], FRACTION_BITS_MAX + 1)];
        if parties.is_first() {
            cases.push((vec![term(1.0, &[2.0 * FACTORS_MAX])], 20));
        }
        let mut errors = Vec::new();
        for (terms, bits) in cases {
            errors.push(exponential.evaluate(parties, &[0], &terms, range, bits).await.err());
        }
        errors
    });
    for error in outcome.results.into_iter().flatten() {
        assert!(matches!(error, Some(MpcError::InvalidInput(_))), "{error:?}");
    }
}
