use proptest::prelude::*;

use super::*;
use crate::field128::subspace::ZETA;

/// The definition, from the side of the element that is added to.
fn by_definition(noise: &[Gf128], taps: &[u32], fixed: Gf128) -> Vec<Gf128> {
    let mut values: Vec<Gf128> = Vec::new();
    for (place, noise) in noise.iter().enumerate() {
        let mut value = *noise;
        for distance in 1..=STATE.min(place) {
            if taps[place - distance] >> (distance - 1) & 1 == 1 {
                value += values[place - distance];
            }
        }
        if let Some(before) = place.checked_sub(STATE + 1) {
            value += values[before] * fixed;
        }
        values.push(value);
    }
    values
}

proptest! {
    #[test]
    fn every_engine_agrees_with_the_definition(
        input in prop::collection::vec(any::<(u128, u32)>(), 0..150),
    ) {
        let (noise, taps): (Vec<_>, Vec<_>) =
            input.into_iter().map(|(noise, taps)| (Gf128(noise), taps)).unzip();
        for fixed in [Gf128::ONE, X, ZETA] {
            let expected = by_definition(&noise, &taps, fixed);
            for engine in Engine::available() {
                let mut values = noise.clone();
                engine.convolute(&mut values, &taps, fixed);
                prop_assert_eq!(&values, &expected, "{:?}", engine);
            }
        }
    }
}
