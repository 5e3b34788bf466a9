use curve25519_dalek::constants::RISTRETTO_BASEPOINT_POINT;
use curve25519_dalek::ristretto::{CompressedRistretto, RistrettoPoint};
use curve25519_dalek::traits::IsIdentity;
use proptest::prelude::*;

use super::*;
use crate::random::Generator;

/// 2^255 - 19 plus a small number, lowest byte first.
fn near_modulus(offset: i8) -> Encoded {
    let mut bytes = [0xFF; 32];
    bytes[0] = 0xED_u8.wrapping_add_signed(offset);
    bytes[31] = 0x7F;
    bytes
}

fn small(number: u8) -> Encoded {
    let mut bytes = [0; 32];
    bytes[0] = number;
    bytes
}

/// Strings of 32 bytes at the borders of the field, its encoding and the limbs.
fn edges() -> Vec<Encoded> {
    let mut edges: Vec<Encoded> = (0..20).map(small).collect();
    edges.extend((-20..=18).map(near_modulus));
    edges.extend([[0xFF; 32], [0x80; 32], [0x7F; 32]]);
    for bit in [50, 51, 52, 101, 102, 152, 153, 203, 204, 254, 255] {
        let mut power = [0; 32];
        power[bit / 8] = 1 << (bit % 8);
        edges.push(power);
        let mut all_but_one = [0xFF; 32];
        all_but_one[31] = 0x7F;
        all_but_one[bit / 8] ^= 1 << (bit % 8);
        edges.push(all_but_one);
    }
    edges
}

fn exponents() -> Vec<Scalar> {
    let mut generator = Generator::from_seed([2; 32]);
    let mut exponents = vec![Scalar::ZERO, Scalar::ONE, -Scalar::ONE, Scalar::from(8_u64)];
    exponents.push(-Scalar::from(8_u64));
    exponents.push(Scalar::from_bytes_mod_order([0x88; 32]));
    exponents.push(Scalar::from_bytes_mod_order([0x77; 32]));
    exponents.extend((0..4).map(|_| Scalar::random(&mut generator)));
    exponents
}

fn expected(point: &RistrettoPoint, half: &Scalar) -> Encoded {
    (point * (half + half)).compress().to_bytes()
}

/// What the definition says about a set that a peer sent.
fn expected_of_encoded(half: &Scalar, points: &[Encoded]) -> Result<Vec<Encoded>, usize> {
    let blind = |(index, encoded): (usize, &Encoded)| {
        let point = CompressedRistretto(*encoded).decompress().ok_or(index)?;
        if point.is_identity() { Err(index) } else { Ok(expected(&point, half)) }
    };
    points.iter().enumerate().map(blind).collect()
}

fn check_encoded(half: &Scalar, points: &[Encoded]) {
    let expected = expected_of_encoded(half, points);
    for engine in Engine::available() {
        let mut blinded = vec![[0xAA; 32]; points.len()];
        let outcome = engine.decode_and_blind(half, points, &mut blinded).map(|()| blinded);
        assert_eq!(outcome, expected, "{engine:?}");
    }
}

fn check_uniform(half: &Scalar, uniform: &[Uniform]) {
    let expected: Vec<_> = uniform
        .iter()
        .map(|bytes| expected(&RistrettoPoint::from_uniform_bytes(bytes), half))
        .collect();
    for engine in Engine::available() {
        let mut blinded = vec![[0xAA; 32]; uniform.len()];
        engine.map_and_blind(half, uniform, &mut blinded);
        assert_eq!(blinded, expected, "{engine:?}");
    }
}

fn random_uniform(seed: [u8; 32], count: usize) -> Vec<Uniform> {
    let mut uniform = vec![[0; 64]; count];
    Generator::from_seed(seed).fill_bytes(uniform.as_flattened_mut());
    uniform
}

/// Encodings of elements other than the neutral one.
fn random_points(seed: [u8; 32], count: usize) -> Vec<Encoded> {
    let encode = |bytes| RistrettoPoint::from_uniform_bytes(bytes).compress().to_bytes();
    random_uniform(seed, count).iter().map(encode).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn random_points_agree(seed: [u8; 32], count in 0usize..40) {
        let half = Scalar::random(&mut Generator::from_seed(seed));
        check_uniform(&half, &random_uniform(seed, count));
        check_encoded(&half, &random_points(seed, count));
    }

    /// Half of all strings below p that are even are no elements; each is tried in every lane.
    #[test]
    fn random_strings_are_judged_alike(mut bytes: [u8; 32], lane in 0usize..24) {
        bytes[0] &= 0xFE;
        bytes[31] &= 0x7F;
        let mut points = random_points([3; 32], 24);
        points[lane] = bytes;
        check_encoded(&Scalar::from(3_u64), &points);
    }

    #[test]
    fn the_first_of_several_bad_points_is_named(
        bad in prop::collection::vec((0usize..40, 0usize..3), 1..5),
    ) {
        let mut points = random_points([4; 32], 40);
        for (index, kind) in &bad {
            points[*index] = [[0xFF; 32], [0; 32], small(1)][*kind];
        }
        let first = bad.iter().map(|(index, _)| *index).min();
        let half = Scalar::from(5_u64);
        prop_assert_eq!(expected_of_encoded(&half, &points).err(), first);
        check_encoded(&half, &points);
    }
}

#[test]
fn edges_are_judged_alike() {
    let good = random_points([5; 32], 1)[0];
    for (index, edge) in edges().into_iter().enumerate() {
        let mut points = vec![good; 17];
        points[index % 17] = edge;
        check_encoded(&Scalar::from(7_u64), &points);
    }
}

#[test]
fn edges_map_alike() {
    let edges = edges();
    let mut uniform = Vec::new();
    for (index, first) in edges.iter().enumerate() {
        for second in [first, &edges[(index * 7 + 3) % edges.len()]] {
            uniform.push([*first, *second].as_flattened().try_into().unwrap());
        }
    }
    for half in exponents().iter().take(6) {
        check_uniform(half, &uniform);
    }
}

#[test]
fn exponents_at_the_edges_agree() {
    let points = random_points([6; 32], 9);
    for half in exponents() {
        check_encoded(&half, &points);
    }
}

#[test]
fn small_multiples_of_the_generator_agree() {
    let points: Vec<_> = (1..40_u64)
        .map(|multiple| (RISTRETTO_BASEPOINT_POINT * Scalar::from(multiple)).compress().to_bytes())
        .collect();
    for half in (0..40_u64).map(Scalar::from) {
        check_encoded(&half, &points);
    }
}
