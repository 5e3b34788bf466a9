use crypto::random::Generator;
use proptest::prelude::*;

use super::*;

/// Different keys and values for them.
fn pairs(count: usize, seed: u8) -> (Vec<u128>, Vec<Gf128>) {
    let mut rng = Generator::from_seed([seed; 32]);
    let pair = |_| (Gf128::random(&mut rng).0, Gf128::random(&mut rng));
    (0..count).map(pair).unzip()
}

/// Stores of both kinds.
const KINDS: [fn(usize, [u8; 16]) -> Okvs; 2] = [Okvs::new, Okvs::binary];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn keys_decode_to_their_values(
        count in 0_usize..600,
        extra in 0_usize..9,
        seed: [u8; 16],
        store in prop::sample::select(&KINDS[..]),
    ) {
        let (keys, values) = pairs(count, 1);
        let okvs = store(count + extra, seed);
        let cells = okvs.encode(&keys, &values).unwrap();
        prop_assert_eq!(cells.len(), okvs.cells_count());
        prop_assert!(okvs.decode(&cells, &keys) == values);

        let mut rng = Generator::from_seed([2; 32]);
        let mut encode = || okvs.encode_obliviously(&keys, &values, &mut rng).unwrap();
        let oblivious = [encode(), encode()];
        for cells in &oblivious {
            prop_assert!(okvs.decode(cells, &keys) == values);
            prop_assert!(!cells.contains(&Gf128::ZERO));
        }
        // Cells that were not drawn are sums of some that were; few rows have no free cell at all.
        let same = oblivious[0].iter().zip(&oblivious[1]).filter(|(a, b)| a == b).count();
        prop_assert!(same == 0, "{} cells do not depend on what is free", same);
    }

    #[test]
    fn decoding_is_linear(seed: [u8; 16], factor: u128, cells: [u8; 32]) {
        let okvs = Okvs::new(200, seed);
        let mut rng = Generator::from_seed(cells);
        let mut random = || -> Vec<Gf128> {
            (0..okvs.cells_count()).map(|_| Gf128::random(&mut rng)).collect()
        };
        let (left, right) = (random(), random());
        let mut sum = left.clone();
        crypto::field128::add_scaled(&mut sum, &right, Gf128(factor));
        let (keys, _) = pairs(70, 2);
        let [left, right, sum] = [left, right, sum].map(|cells| okvs.decode(&cells, &keys));
        for ((left, right), sum) in left.into_iter().zip(right).zip(sum) {
            prop_assert!(left + right * Gf128(factor) == sum);
        }
    }

    /// A binary store commutes with whatever is linear over the bits: here with picking some.
    #[test]
    fn decoding_a_binary_store_is_linear_over_the_bits(seed: [u8; 16], picked: u128) {
        let okvs = Okvs::binary(200, seed);
        let mut rng = Generator::from_seed([4; 32]);
        let cells: Vec<Gf128> =
            (0..okvs.cells_count()).map(|_| Gf128::random(&mut rng)).collect();
        let (keys, _) = pairs(70, 2);
        let pick = |elements: &[Gf128]| -> Vec<Gf128> {
            elements.iter().map(|element| Gf128(element.0 & picked)).collect()
        };
        prop_assert!(okvs.decode(&pick(&cells), &keys) == pick(&okvs.decode(&cells, &keys)));
    }
}

#[test]
fn keys_in_many_bins_decode_to_their_values() {
    for count in [(1 << 14) - 1, 1 << 14, (1 << 14) + 1, 100_000] {
        let (keys, values) = pairs(count, 3);
        for store in KINDS {
            let okvs = store(count, [7; 16]);
            let cells = okvs.encode(&keys, &values).unwrap();
            assert!(okvs.decode(&cells, &keys) == values);
            let (others, _) = pairs(1000, 4);
            let others = okvs.decode(&cells, &others);
            assert!(others.iter().zip(&values).all(|(other, own)| other != own));
        }
    }
}

#[test]
fn known_answer() {
    let (keys, values) = pairs(1000, 5);
    let expected =
        [(1437, [194, 120, 199, 13, 83, 245, 5, 22]), (1483, [45, 8, 64, 49, 19, 222, 92, 224])];
    for (store, expected) in KINDS.iter().zip(expected) {
        let cells = store(1000, [8; 16]).encode(&keys, &values).unwrap();
        let bytes: Vec<u8> = cells.iter().flat_map(|cell| cell.to_bytes()).collect();
        let digest = crypto::hash::digest("test", &[&bytes]);
        assert_eq!((cells.len(), *digest.first_chunk().unwrap()), expected);
    }
}

#[test]
fn equal_keys_are_refused() {
    for (count, store) in [2, 100, 20_000].into_iter().flat_map(|it| KINDS.map(|kind| (it, kind))) {
        let (mut keys, mut values) = pairs(count, 6);
        keys[count - 1] = keys[0];
        let okvs = store(count, [9; 16]);
        assert_eq!(okvs.encode(&keys, &values), Err(NotEncodable));
        values[count - 1] = values[0];
        assert_eq!(okvs.encode(&keys, &values), Err(NotEncodable));
    }
}

#[test]
fn more_keys_than_the_store_is_for_are_refused() {
    for (capacity, count) in [(10, 11), (16_384, 16_385), (40_000, 50_000)] {
        let (keys, values) = pairs(count, 7);
        let okvs = Okvs::new(capacity, [10; 16]);
        assert_eq!(okvs.encode(&keys, &values), Err(NotEncodable));
    }
}

/// Loads of 64 bins, against the distribution that the capacity is computed from.
#[test]
fn bins_fill_as_the_bound_assumes() {
    const KEYS: usize = 1 << 20;
    let okvs = Okvs::new(KEYS, [11; 16]);
    let keys: Vec<u128> = (0..KEYS as u128).collect();
    let members = okvs.distribute(&keys).unwrap();
    let loads: Vec<f64> =
        members.ends.windows(2).map(|ends| f64::from(ends[1] - ends[0])).collect();
    let mean = KEYS as f64 / loads.len() as f64;
    let chi_squared: f64 = loads.iter().map(|load| (load - mean).powi(2) / mean).sum();
    // 63 degrees of freedom: mean 63, standard deviation 11.2; the bounds are 6 of these wide.
    assert!((63.0 - 6.0 * 11.2..63.0 + 6.0 * 11.2).contains(&chi_squared), "{chi_squared}");
    // The capacity is 7.7 standard deviations (127 keys each) above the mean.
    assert!(loads.iter().all(|load| *load <= okvs.layout.capacity as f64 - 2.0 * 127.0));
}

/// Without the dense cells a store fails when two rows share all their cells or a larger core is
/// left, which is far rarer than the failure that one gap costs: `sparse` times rarer each.
#[test]
fn gaps_are_as_rare_as_the_sizes_assume() {
    const KEYS: usize = 24;
    const STORES: u32 = 20_000;
    let (keys, values) = pairs(KEYS, 8);
    let layout = Layout::new(KEYS, Dense::Powers);
    let pairs_of_rows = (KEYS * (KEYS - 1) / 2) as f64;
    let triples = (layout.sparse * (layout.sparse - 1) * (layout.sparse - 2) / 6) as f64;
    // Two equal triples are the smallest core, and nearly all of the cores there are.
    let expected = f64::from(STORES) * pairs_of_rows / triples;
    let mut failures = 0;
    for store in 0..STORES {
        let mut seed = [12; 16];
        seed[..4].copy_from_slice(&store.to_le_bytes());
        let mut okvs = Okvs::new(KEYS, seed);
        okvs.layout.gaps = 0;
        failures += u32::from(okvs.encode(&keys, &values).is_err());
        okvs.layout.gaps = layout.gaps;
        assert!(okvs.encode(&keys, &values).is_ok());
    }
    let failures = f64::from(failures);
    assert!(failures > expected - 6.0 * expected.sqrt(), "{failures} of {expected}");
    assert!(failures < 1.5 * expected + 6.0 * expected.sqrt(), "{failures} of {expected}");
}
