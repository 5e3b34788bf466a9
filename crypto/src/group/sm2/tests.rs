//! Against the standard's example, RFC 9380's conditions, and a slow reference that knows neither
//! Montgomery form nor projective points.

mod reference;

use proptest::prelude::*;

use super::field::{Element, MODULUS};
use super::map::{MINUS_Z, hash_to_curve, map_to_curve};
use super::point::{B, Digits, Point, encode};
use super::*;
use reference::Affine;

/// The generator: GB/T 32918.5, section 2.
const GENERATOR: &str = "32c4ae2c1f1981195f9904466a39c9948fe30bbff2660be1715a4589334c74c7";
const GENERATOR_Y: &str = "bc3736a2f4f6779c59bdcee36b692153d0a9877cc62a474002df32e52139f0a0";

fn bytes<const N: usize>(hexadecimal: &str) -> [u8; N] {
    assert_eq!(hexadecimal.len(), 2 * N);
    std::array::from_fn(|index| {
        u8::from_str_radix(&hexadecimal[2 * index..2 * index + 2], 16).unwrap()
    })
}

fn number(hexadecimal: &str) -> Words {
    field::words_of(&bytes(hexadecimal))
}

fn generator() -> Point {
    let point = Point::decode(&bytes(&format!("02{GENERATOR}"))).unwrap();
    assert_eq!(point.y.to_bytes(), bytes(GENERATOR_Y), "of the two ordinates the even one");
    point
}

fn encoded(point: Point) -> Encoded {
    let mut encoded = [[0xFF; ENCODED_BYTES]];
    encode(&[point], &mut encoded);
    encoded[0]
}

fn times(point: Point, exponent: &Words) -> Encoded {
    encoded(point.times(&Digits::new(exponent)))
}

fn key(seed: u8) -> BlindingKey {
    BlindingKey::random(&mut Generator::from_seed([seed; 32]))
}

fn items(count: usize) -> Vec<String> {
    (0..count).map(|index| format!("item {index}")).collect()
}

/// Numbers below `p`, many of them at the ends and with words of zeros and ones.
fn below_modulus() -> impl Strategy<Value = Words> {
    let word = prop_oneof![any::<u64>(), Just(0), Just(u64::MAX), Just(1), Just(u64::MAX << 32)];
    [word.clone(), word.clone(), word.clone(), word].prop_map(|words| {
        if field::is_below(&words, &MODULUS) { words } else { reference::minus(&words, &MODULUS) }
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn the_field_agrees_with_the_reference(first in below_modulus(), second in below_modulus()) {
        let (a, b) = (element(&first), element(&second));
        prop_assert_eq!(words(a), first);
        prop_assert_eq!(words(a + b), reference::add(&first, &second));
        prop_assert_eq!(words(a - b), reference::subtract(&first, &second));
        prop_assert_eq!(words(-a), reference::subtract(&[0; 4], &first));
        prop_assert_eq!(words(a * b), reference::multiply(&first, &second));
        prop_assert_eq!(words(a.square()), reference::multiply(&first, &first));
        prop_assert_eq!(a.parity(), first[0] & 1);
        prop_assert_eq!(a.is_zero() == 1, first == [0; 4]);
        prop_assert_eq!(a.equals(b) == 1, first == second);
        prop_assert_eq!(a.or(b, 0), a);
        prop_assert_eq!(a.or(b, 1), b);
        if first != [0; 4] {
            prop_assert_eq!(a * a.invert(), Element::ONE);
            let ratio = b.square() * a.invert();
            let expected = if is_square(ratio) { ratio } else { -ratio };
            prop_assert_eq!(b.square().root_of_ratio(a).0.square(), expected);
        }
    }

    #[test]
    fn wide_bytes_are_reduced(high: [u8; 16], low: [u8; 32]) {
        let mut wide = [0; 48];
        wide[..16].copy_from_slice(&high);
        wide[16..].copy_from_slice(&low);
        let reduced = wide.iter().fold(Element::ZERO, |sum, byte| {
            sum * Element::from_small(256) + Element::from_small(u64::from(*byte))
        });
        prop_assert_eq!(Element::from_wide(&wide), reduced);
    }
}

fn element(words: &Words) -> Element {
    let mut bytes = [0; 32];
    for (bytes, word) in bytes.chunks_mut(8).zip(words.iter().rev()) {
        bytes.copy_from_slice(&word.to_be_bytes());
    }
    Element::from_bytes(&bytes).unwrap()
}

fn words(element: Element) -> Words {
    field::words_of(&element.to_bytes())
}

fn is_square(element: Element) -> bool {
    element.root_of_ratio(Element::ONE).1 == 1
}

#[test]
fn the_curve_is_that_of_the_standard() {
    let b = "28e9fa9e9d9f5e344d5a9e4bcf6509a7f39789f515ab8f92ddbcbd414d940e93";
    assert_eq!(B.to_bytes(), bytes(b));
    let order = "fffffffeffffffffffffffffffffffff7203df6b21c6052b53bbf40939d54123";
    assert_eq!(ORDER, number(order));
    let modulus = "fffffffeffffffffffffffffffffffffffffffff00000000ffffffffffffffff";
    assert_eq!(MODULUS, number(modulus));
    assert_eq!(times(generator(), &ORDER), [0; ENCODED_BYTES], "the order takes all to neutral");
    let before = reference::minus(&ORDER, &[1, 0, 0, 0]);
    assert_eq!(times(generator(), &before), bytes(&format!("03{GENERATOR}")), "-1 negates");
}

/// The key pair of GB/T 32918.5, annex A.2.
#[test]
fn the_key_pair_of_the_standard() {
    let private = number("3945208f7b2144b13f36e38ac6d39f95889393692860b51a42fb81ef4df7c5b8");
    let public = "0309f9df311e5421a150dd7d161e4bc5c672179fad1833fc076bb08ff356f35020";
    assert_eq!(times(generator(), &private), bytes(public));
}

#[test]
fn products_agree_with_the_reference() {
    let mut random = Generator::from_seed([3; 32]);
    let mut exponents =
        vec![[1, 0, 0, 0], [2, 0, 0, 0], [8, 0, 0, 0], [0x88, 0, 0, 0], [u64::MAX; 4]];
    exponents.extend((0..2).map(|_| {
        let mut exponent = [0; 4];
        random.fill_words(&mut exponent);
        exponent
    }));
    let point = Affine { x: number(GENERATOR), y: number(GENERATOR_Y) };
    for exponent in exponents {
        let Affine { x, y } = reference::times(&point, &exponent);
        let product = times(generator(), &exponent);
        assert_eq!(product[0], 2 + (y[0] & 1) as u8);
        assert_eq!(field::words_of(product[1..].try_into().unwrap()), x);
    }
}

#[test]
fn the_formulas_are_complete() {
    let point = generator();
    let neutral = Point::NEUTRAL;
    assert_eq!(encoded(point + neutral), encoded(point));
    assert_eq!(encoded(neutral + point), encoded(point));
    assert_eq!(encoded(neutral + neutral), [0; ENCODED_BYTES]);
    assert_eq!(encoded(neutral.sixteenfold()), [0; ENCODED_BYTES]);
    assert_eq!(encoded(neutral.sixteenfold() + point), encoded(point), "it stays a neutral one");
    assert_eq!(encoded(point + -point), [0; ENCODED_BYTES]);
    let double = point + point;
    assert_eq!(encoded((0..4).fold(point, |sum, _| sum + sum)), encoded(point.sixteenfold()));
    assert_eq!(encoded(double), times(point, &[2, 0, 0, 0]));
    assert_eq!(times(point, &[0; 4]), [0; ENCODED_BYTES]);
    assert_eq!(times(neutral, &[5, 0, 0, 0]), [0; ENCODED_BYTES]);
    let mut all = [[0xFF; ENCODED_BYTES]; 3];
    encode(&[point, neutral, double], &mut all);
    assert_eq!(all, [encoded(point), [0; ENCODED_BYTES], encoded(double)]);
}

#[test]
fn only_the_one_encoding_of_a_point_is_read() {
    let with = |prefix: &str, coordinate: &str| bytes(&format!("{prefix}{coordinate}"));
    let modulus = "fffffffeffffffffffffffffffffffffffffffff00000000ffffffffffffffff";
    let is_point = |x: &u64| {
        let x = Element::from_small(*x);
        is_square((x.square() - Element::from_small(3)) * x + B)
    };
    let on_curve = (1..100).find(is_point).unwrap();
    // The same abscissa and p more, which is one more than 2^64 - 1 in the lowest word.
    let small = with("02", &format!("{on_curve:064x}"));
    assert_eq!(encoded(Point::decode(&small).unwrap()), small);
    let beyond = with(
        "02",
        &format!("fffffffeffffffffffffffffffffffffffffffff00000001{:016x}", on_curve - 1),
    );
    let mut off = [2; ENCODED_BYTES];
    let off_curve = (1..100).find(|x| !is_point(x)).unwrap();
    off[1..].copy_from_slice(&Element::from_small(off_curve).to_bytes());
    let refused = [
        off,
        with("00", GENERATOR),
        with("01", GENERATOR),
        with("04", GENERATOR),
        with("82", GENERATOR),
        with("02", modulus),
        beyond,
        with("03", &"ff".repeat(32)),
        [0xFF; ENCODED_BYTES],
    ];
    for encoded in refused {
        assert!(Point::decode(&encoded).is_none());
        let error = key(1).decode_and_blind(&[encoded]).unwrap_err();
        assert_eq!(error, GroupError::NotCanonical { index: 0 }, "{encoded:?}");
    }
    let error = key(1).decode_and_blind(&[[0; ENCODED_BYTES]]).unwrap_err();
    assert_eq!(error, GroupError::Identity { index: 0 });
    for prefix in ["02", "03"] {
        let point = with(prefix, GENERATOR);
        assert_eq!(encoded(Point::decode(&point).unwrap()), point);
    }
}

/// Computed by an independent program (affine formulas on Python's integers, OpenSSL's SM3), which
/// also gives RFC 9380's vector of the suite of P-256 from that one's constants.
#[test]
fn hashes_are_those_of_another_implementation() {
    for (message, point) in HASHED {
        assert_eq!(encoded(hash_to_curve("test", message)), bytes(point), "{message:?}");
    }
    let all_bytes: Vec<u8> = (0..=255).collect();
    assert_eq!(
        encoded(hash_to_curve("test", &all_bytes)),
        bytes("03a388224b225376d59e6f5fcea41bb95bac44951ec30ad93b255ef4d240632df1")
    );
    assert_ne!(encoded(hash_to_curve("text", b"abc")), bytes(HASHED[1].1), "domains separate");
}

#[test]
fn mapped_elements_are_those_of_another_implementation() {
    let minus_one = -Element::ONE;
    let small = |small| Element::from_small(small);
    for (element, point) in [small(0), small(1), small(2), minus_one].into_iter().zip(MAPPED) {
        assert_eq!(encoded(map_to_curve(element)), bytes(point));
    }
}

/// RFC 9380, appendix H.2: Z is the first of 1, -1, 2, -2, … that is no square and not -1, for
/// which the curve's polynomial minus Z has no root, and whose value at B / (Z A) is a square.
#[test]
fn z_is_what_appendix_h_2_finds() {
    let candidates =
        (1..100).flat_map(|size| [Element::from_small(size), -Element::from_small(size)]);
    let found = candidates.into_iter().find(|z| is_admissible(*z)).unwrap();
    assert_eq!(found, -Element::from_small(MINUS_Z));
}

fn is_admissible(z: Element) -> bool {
    let three = Element::from_small(3);
    let polynomial = |x: Element| (x.square() - three) * x + B;
    let special = B * (-(three * z)).invert();
    !is_square(z)
        && z != -Element::ONE
        && is_square(polynomial(special))
        && reference::cubic_has_no_root(words(B - z))
}

#[test]
fn a_batch_is_the_product_of_each_point() {
    let (key, items) = (key(1), items(BATCH + 3));
    let once = key.hash_and_blind("test", &items);
    assert_eq!(once.len(), items.len());
    for (item, once) in items.iter().zip(&once) {
        assert_eq!(*once, times(hash_to_curve("test", item.as_bytes()), &key.exponent));
    }
    let twice = key.decode_and_blind(&once).unwrap();
    for (once, twice) in once.iter().zip(&twice) {
        assert_eq!(*twice, times(Point::decode(once).unwrap(), &key.exponent));
    }
}

#[test]
fn blinding_commutes() {
    let (ours, theirs) = (key(1), key(2));
    let items = items(10);
    let one_way = theirs.decode_and_blind(&ours.hash_and_blind("test", &items)).unwrap();
    let other_way = ours.decode_and_blind(&theirs.hash_and_blind("test", &items)).unwrap();
    assert_eq!(one_way, other_way);
}

#[test]
fn the_first_bad_point_is_named() {
    let key = key(1);
    let mut points = key.hash_and_blind("test", &items(3 * BATCH));
    points[BATCH + 7] = [0xFF; ENCODED_BYTES];
    points[BATCH + 3] = [0; ENCODED_BYTES];
    points[2 * BATCH] = [0xFF; ENCODED_BYTES];
    let error = key.decode_and_blind(&points).unwrap_err();
    assert_eq!(error, GroupError::Identity { index: BATCH + 3 });
}

#[test]
fn nothing_in_gives_nothing_out() {
    assert!(key(1).hash_and_blind("test", &items(0)).is_empty());
    assert_eq!(key(1).decode_and_blind(&[]), Ok(Vec::new()));
}

#[test]
fn debug_shows_nothing() {
    assert_eq!(format!("{:?}", key(1)), "BlindingKey { .. }");
}

const HASHED: [(&[u8], &str); 3] = [
    (b"", "02eeddaafe91f20636f205581442eb105320e30d2e62c5375a8ebb1d7328dac220"),
    (b"abc", "0213a70132727e9877c614e9778290915b0787ae4823b991e267dae7f21c077f8f"),
    (b"13800000000", "0301d22d311e057f3bd5ed80efe7f8a0203399b07c741840a94bb9d3eb01ad6af6"),
];

/// Of 0 (where the map's inverse does not exist), 1, 2 and -1.
const MAPPED: [&str; 4] = [
    "02993812c2e964b7a31f4f35452d9b7222aa35051b7294938ac5d7953b4eb9a1b9",
    "03b8e2fb07009096cb94b7092ebe8202a125bdbc5ffe162b4d283740595eb2fe55",
    "028a773b4a812deb13356fd6ab70bbc7b0eacb45cab3ed72be02cad09bad512789",
    "02b8e2fb07009096cb94b7092ebe8202a125bdbc5ffe162b4d283740595eb2fe55",
];
