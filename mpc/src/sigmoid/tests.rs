use world::Side;

use super::*;
use crate::test_support::{assert_drop_is_noticed, both, both_dealt, shares, sums, sweep};

/// Every kind of score: dense around 0, around the saturation on both sides, and far out.
fn scores() -> Vec<f64> {
    let near = (-1000..1000).map(|step| f64::from(step) * 0.0071);
    let edge = (-400..400).map(|step| 12.6 + f64::from(step) * 0.001);
    let far = [20.0, 24.9, 25.0, 25.1, 37.5, 50.0, 62.5, 99.0, 1e3, 1e5, 1.6e6];
    let positive: Vec<f64> = edge.chain(far).collect();
    near.chain(positive.iter().copied()).chain(positive.iter().map(|score| -score)).collect()
}

#[test]
fn correct() {
    assert!(largest_error(&scores(), Accuracy::Fine) < 1e-5);
}

#[test]
fn correct_when_coarse() {
    let possible = |score: &f64| score.abs() < 1600.0;
    let scores: Vec<f64> = scores().into_iter().filter(possible).collect();
    let error = largest_error(&scores, Accuracy::Coarse);
    assert!(error < 0.012, "{error}");
    // It is coarse in fact.
    assert!(error > 1e-4, "{error}");
}

/// Relative to a factor above 1.
fn largest_error(scores: &[f64], accuracy: Accuracy) -> f64 {
    let values: Vec<u64> =
        scores.iter().map(|score| (score * SCORE_UNIT).round() as i64 as u64).collect();
    let scales: Vec<f64> = (0..scores.len()).map(|row| (row % 9) as f64 * 0.5).collect();
    let (first, second) = shares(1, &values);
    let outcome = both(2, async |party| {
        let sigmoid = Sigmoid::prepare(party).await.unwrap();
        let mine = if party.is_first() { &first } else { &second };
        sigmoid.evaluate(party, mine, &scales, 28, accuracy).await.unwrap()
    });
    let results = sums(&outcome.first, &outcome.second);
    let mut worst = 0.0_f64;
    for ((result, score), scale) in results.iter().zip(scores).zip(&scales) {
        let value = *result as i64 as f64 / f64::from(1 << 28);
        let error = (value - scale / (1.0 + (-score).exp())).abs();
        worst = worst.max(error / scale.max(1.0));
    }
    worst
}

/// Three rows with the scores 0, 4 and -40, fine and coarse.
async fn program(party: &mut TwoParty) -> Result<Vec<u64>, MpcError> {
    let sigmoid = Sigmoid::prepare(party).await?;
    let first = party.is_first();
    let share = |score: f64| if first { (score * SCORE_UNIT) as i64 as u64 } else { 0 };
    let shares = [0.0, 4.0, -40.0].map(share);
    let mut results = sigmoid.evaluate(party, &shares, &[1.0; 3], 20, Accuracy::Fine).await?;
    results.extend(sigmoid.evaluate(party, &shares, &[1.0; 3], 20, Accuracy::Coarse).await?);
    Ok(results)
}

#[test]
fn known_answer() {
    let outcome = both_dealt(1, program);
    let results = sums(&outcome.first.unwrap(), &outcome.second.unwrap());
    let expected = [0.5, 0.982_014, 0.0];
    let bounds = [1e-5; 3].into_iter().chain([0.012; 3]);
    for ((result, expected), bound) in results.iter().zip(expected.iter().cycle()).zip(bounds) {
        let value = *result as i64 as f64 / f64::from(1 << 20);
        assert!((value - expected).abs() < bound, "{value} for {expected}");
    }
    assert_eq!(
        outcome.transcript.hash(),
        "ec269e19623fce071dd87be6284cbdbee9f96c9a8dc023d95a5fed10a53056fa"
    );
}

#[test]
fn cost() {
    const FINE: u64 = 150 * 1024;
    const COARSE: u64 = 100 * 1024;
    let transcript = both_dealt(2, program).transcript;
    let bytes = |side, step: &str| transcript.bytes_of(side, step);
    assert_eq!(bytes(Side::Second, "public_key"), 32 + FINE + 32 + COARSE);
    assert_eq!(bytes(Side::Second, "harmonics"), 32 * (32 + FINE) + 8 * (32 + COARSE));
    assert_eq!(bytes(Side::First, "products"), 2 * FINE + 2 * COARSE);
    // Six digits of a comparison take three rounds of ANDs, three digits two.
    let transfers = |rounds: u64| 2 + 2 + 2 * (2 + rounds) + 4;
    assert_eq!(transcript.messages(), 1 + 2 + transfers(3) + 2 + transfers(2));
}

#[test]
fn tampered() {
    sweep(&["public_key", "harmonics", "products"], program);
}

#[test]
fn peer_drops() {
    assert_drop_is_noticed("harmonics", program);
}

#[test]
fn misuse_is_refused() {
    let outcome = both_dealt(3, async |party| {
        let sigmoid = Sigmoid::prepare(party).await?;
        let fine = Accuracy::Fine;
        let errors = [
            sigmoid.evaluate(party, &[0], &[1.0], FRACTION_BITS_MAX + 1, fine).await.err(),
            sigmoid.evaluate(party, &[0], &[ROW_SCALE_MAX * 1.1], 20, fine).await.err(),
            sigmoid.evaluate(party, &[0], &[], 20, fine).await.err(),
        ];
        Ok::<_, MpcError>(errors)
    });
    for error in outcome.first.unwrap() {
        assert!(matches!(error, Some(MpcError::InvalidInput(_))), "{error:?}");
    }
}

#[test]
fn slots_are_nearest_residues() {
    for value in [0.0_f64, 0.4, 0.6, -0.4, -0.6, 1e11 + 0.25, -1e11 - 0.75, 3.0, -3.0] {
        let expected = value.round() as i64;
        let slot = to_slot(value, SLOT_MODULUS);
        assert_eq!(slot, expected.rem_euclid(SLOT_MODULUS as i64) as u64, "{value}");
    }
}
