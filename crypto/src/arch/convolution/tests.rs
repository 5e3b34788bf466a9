use proptest::prelude::*;

use super::*;

/// The definition, from the side of the element that is added to.
fn by_definition(noise: &[Gf128], taps: &[u32]) -> Vec<Gf128> {
    let mut values: Vec<Gf128> = Vec::new();
    for (place, noise) in noise.iter().enumerate() {
        let mut value = *noise;
        for distance in 1..=STATE.min(place) {
            if taps[place - distance] >> (distance - 1) & 1 == 1 {
                value += values[place - distance];
            }
        }
        if let Some(before) = place.checked_sub(STATE + 1) {
            value += values[before] * Gf128(2);
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
        let expected = by_definition(&noise, &taps);
        for engine in Engine::available() {
            let mut values = noise.clone();
            engine.convolute(&mut values, &taps);
            prop_assert_eq!(&values, &expected, "{:?}", engine);
        }
    }
}
