use proptest::prelude::*;

use super::*;

/// An element as GHASH writes it: a big-endian integer, the first bit the constant coefficient.
fn ghash(hex: u128) -> Gf128 {
    Gf128(hex.reverse_bits())
}

/// The definition: shift, reduce, add where a bit is set.
fn bit_by_bit(left: Gf128, right: Gf128) -> Gf128 {
    let mut power = left;
    let mut product = Gf128::ZERO;
    for bit in 0..128 {
        if right.0 >> bit & 1 == 1 {
            product += power;
        }
        power = power.times_x();
    }
    product
}

/// "The Galois/Counter Mode of Operation (GCM)", submitted to NIST in 2004, appendix B, test case
/// 2: one block of ciphertext, then the block of lengths.
#[test]
fn known_answer_is_ghash() {
    let key = ghash(0x66e9_4bd4_ef8a_2c3b_884c_fa59_ca34_2b2e);
    let ciphertext = ghash(0x0388_dace_60b6_a392_f328_c2b9_71b2_fe78);
    let first = ciphertext * key;
    assert_eq!(first, ghash(0x5e2e_c746_9170_6288_2c85_b068_5353_deb7));
    let hash = (first + ghash(0x80)) * key;
    assert_eq!(hash, ghash(0xf38c_bb1a_d692_23dc_c345_7ae5_b6b0_f885));
}

/// Edges that random elements miss.
#[test]
fn every_engine_multiplies_extremes() {
    let extremes = [0, 1, 2, 1 << 63, 1 << 64, 1 << 127, u128::MAX, u128::MAX >> 64];
    for engine in Engine::available() {
        for left in extremes.map(Gf128) {
            for right in extremes.map(Gf128) {
                assert_eq!(engine.multiply(left, right), bit_by_bit(left, right), "{engine:?}");
            }
        }
    }
}

proptest! {
    #[test]
    fn every_engine_agrees_with_the_definition(
        pairs in prop::collection::vec(any::<[u128; 2]>(), 0..23),
        factor: u128,
    ) {
        let factor = Gf128(factor);
        let (left, right): (Vec<_>, Vec<_>) =
            pairs.into_iter().map(|[left, right]| (Gf128(left), Gf128(right))).unzip();
        let products: Vec<_> =
            left.iter().zip(&right).map(|(left, right)| bit_by_bit(*left, *right)).collect();
        let scaled: Vec<_> = left.iter().map(|left| bit_by_bit(*left, factor)).collect();
        for engine in Engine::available() {
            let mut values = left.clone();
            engine.multiply_each(&mut values, &right);
            prop_assert_eq!(&values, &products);
            let mut values = left.clone();
            engine.scale(&mut values, factor);
            prop_assert_eq!(&values, &scaled);
            engine.add_scaled(&mut values, &left, factor);
            prop_assert!(values.iter().all(|value| *value == Gf128::ZERO));
            let sum: Gf128 = products.iter().copied().sum();
            prop_assert_eq!(engine.inner_product(&left, &right), sum);
        }
    }

    #[test]
    fn the_field_laws_hold(a: u128, b: u128, c: u128) {
        let [a, b, c] = [a, b, c].map(Gf128);
        prop_assert_eq!(a * b, b * a);
        prop_assert_eq!((a * b) * c, a * (b * c));
        prop_assert_eq!(a * (b + c), a * b + a * c);
        prop_assert_eq!(a * Gf128(2), a.times_x());
        prop_assert_eq!(Gf128::from_bytes(a.to_bytes()), a);
        if a != Gf128::ZERO {
            prop_assert_eq!(a * a.invert(), Gf128::ONE);
        }
    }
}

#[test]
fn debug_shows_nothing() {
    assert_eq!(format!("{:?}", Gf128(5)), "Gf128 { .. }");
}
