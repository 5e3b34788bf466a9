use world::{Fault, FaultKind, MeshFault, Side, mesh_with_fault};

use super::*;
use crate::several::tests::{all, ready, shares, sums};

/// Dense around 0, around the saturation on both sides, and far out.
fn scores() -> Vec<f64> {
    let near = (-500..500).map(|step| f64::from(step) * 0.0271);
    let edge = (-300..300).map(|step| 12.6 + f64::from(step) * 0.005);
    let far = [20.0, 24.9, 25.0, 25.1, 37.5, 50.0, 62.5, 99.0, 1e3, 1.499e3];
    let positive: Vec<f64> = edge.chain(far).collect();
    near.chain(positive.iter().copied()).chain(positive.iter().map(|score| -score)).collect()
}

/// The errors' largest magnitude and deviation, relative to factors above 1.
fn errors(count: usize) -> (f64, f64) {
    let scores = scores();
    let values: Vec<u64> =
        scores.iter().map(|score| (score * SCORE_UNIT).round() as i64 as u64).collect();
    let scales: Vec<f64> = (0..scores.len()).map(|row| (row % 9) as f64 * 0.5).collect();
    let all_shares = shares(1, count, &values, 1 << 64);
    let outcome = all(2, count, async |parties| {
        let sigmoid = Sigmoid::prepare(parties).await.unwrap();
        sigmoid.evaluate(parties, &all_shares[parties.number()], &scales, 30).await.unwrap()
    });
    let found = sums(&outcome.results.iter().map(Vec::as_slice).collect::<Vec<_>>());
    let error = |((found, score), scale): ((&u64, &f64), &f64)| {
        let value = *found as i64 as f64 / f64::from(1 << 30);
        (value - scale / (1.0 + (-score).exp())) / scale.max(1.0)
    };
    let errors: Vec<f64> = found.iter().zip(&scores).zip(&scales).map(error).collect();
    let squares: f64 = errors.iter().map(|error| error * error).sum();
    let largest = errors.iter().map(|error| error.abs()).fold(0.0, f64::max);
    (largest, (squares / errors.len() as f64).sqrt())
}

#[test]
fn correct() {
    let (largest, _) = errors(3);
    assert!(largest < 4e-4, "{largest}");
    let (largest, _) = errors(2);
    assert!(largest < 2e-4, "{largest}");
}

/// With more parties the rounding is larger, and what is said of it.
#[test]
fn correct_with_more_parties() {
    for count in [4, 5] {
        let (largest, found) = errors(count);
        let stated = deviation(count);
        assert!(
            largest < 6.0 * stated && (0.4..1.3).contains(&(found / stated)),
            "{found} {stated}"
        );
    }
}

/// The product of waves and the sums of products stay where they have to.
#[test]
fn correct_bounds() {
    let slots = SlotRing::with_modulus(&Ring::new(Parameters::N8192_Q150), PRIME);
    assert!(slots.products_max() >= VECTORS, "{}", slots.products_max());
    let product = (1_u64 << PRODUCT_BITS) as f64;
    assert!(0.53 * ROW_SCALE_MAX * product < PRIME as f64 / 6.0);
}

/// Three rows with the scores 0, 4 and -40.
async fn program(parties: &mut Parties) -> Result<Vec<u64>, MpcError> {
    let sigmoid = Sigmoid::prepare(parties).await?;
    let first = parties.is_first();
    let share = |score: f64| if first { (score * SCORE_UNIT) as i64 as u64 } else { 0 };
    sigmoid.evaluate(parties, &[0.0, 4.0, -40.0].map(share), &[1.0; 3], 20).await
}

#[test]
fn known_answer() {
    let outcome = all(3, 3, program);
    let shares: Vec<&[u64]> =
        outcome.results.iter().map(|it| it.as_ref().unwrap().as_slice()).collect();
    for (found, expected) in sums(&shares).iter().zip([0.5, 0.982_014, 0.0]) {
        let value = *found as i64 as f64 / f64::from(1 << 20);
        assert!((value - expected).abs() < 4e-4, "{value} for {expected}");
    }
    assert_eq!(outcome.hash(), "4882650b632176f04a4362b39b40d5d87cc9791a8d71f1675a95cf28c288e9db");
}

#[test]
fn cost() {
    const ELEMENT: u64 = 150 * 1024;
    let outcome = all(4, 3, program);
    let waves = 20 * (32 + ELEMENT);
    let bytes = |pair, side, step: &str| outcome.transcripts[&pair].bytes_of(side, step);
    for pair in [(0, 1), (0, 2)] {
        assert_eq!(bytes(pair, Side::First, "public_key"), 32 + ELEMENT);
        assert_eq!(bytes(pair, Side::First, "harmonics"), waves);
        assert_eq!(bytes(pair, Side::Second, "products"), 2 * ELEMENT);
    }
    assert_eq!(bytes((1, 2), Side::Second, "public_key"), 32 + ELEMENT);
    assert_eq!(bytes((1, 2), Side::Second, "waves"), waves);
    assert_eq!(bytes((1, 2), Side::First, "turned"), 40 * ELEMENT);
}

/// Messages of another length, and ring elements that are not reduced, are named with their sender.
#[test]
fn tampered() {
    let (first, second) = ((0, 1), (1, 2));
    for (step, between, from) in [
        ("public_key", first, Side::First),
        ("harmonics", first, Side::First),
        ("products", first, Side::Second),
        ("waves", second, Side::Second),
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
    for step in ["waves", "harmonics"] {
        let (from, between) =
            if step == "waves" { (Side::Second, (1, 2)) } else { (Side::First, (0, 2)) };
        let fault =
            Fault { path_step: step.to_owned(), occurrence: 0, kind: FaultKind::Close, from };
        let role = async |_, sessions| program(&mut ready(sessions)).await;
        let outcome = mesh_with_fault(6, 3, MeshFault { between, fault }, role);
        for number in [between.0, between.1] {
            let result = &outcome.results[number];
            assert!(matches!(result, Err(MpcError::Net(_))), "{step}: {result:?}");
        }
    }
}

#[test]
fn misuse_is_refused() {
    let outcome = all(7, 3, async |parties| {
        let sigmoid = Sigmoid::prepare(parties).await.unwrap();
        let mut errors =
            vec![sigmoid.evaluate(parties, &[0], &[1.0], FRACTION_BITS_MAX + 1).await.err()];
        if parties.is_first() {
            errors.push(sigmoid.evaluate(parties, &[0], &[ROW_SCALE_MAX * 1.1], 20).await.err());
            errors.push(sigmoid.evaluate(parties, &[0], &[], 20).await.err());
        }
        errors
    });
    for error in outcome.results.into_iter().flatten() {
        assert!(matches!(error, Some(MpcError::InvalidInput(_))), "{error:?}");
    }
}
