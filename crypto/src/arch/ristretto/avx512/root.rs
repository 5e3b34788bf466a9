//! Square roots and inverses, by powers.

use core::arch::x86_64::__mmask8;

use super::field::Element;

/// A square root of -1: the nonnegative one of RFC 9496, section 4.1.
pub(super) const SQRT_M1: [u64; 5] = [
    1_718_705_420_411_056,
    234_908_883_556_509,
    2_233_514_472_574_048,
    2_117_202_627_021_982,
    765_476_049_583_133,
];

/// `SQRT_RATIO_M1` of RFC 9496, section 4.2, for `N` vectors of fractions `u / v` side by side: the
/// powers are one long chain, and two chains keep the multiplier busy.
///
/// Gives the nonnegative root of `u / v` and `true`, or that of `SQRT_M1 · u / v` and `false` where
/// `u / v` is no square.
#[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
pub(super) fn square_roots<const N: usize>(
    fractions: &[(Element, Element); N],
) -> [(Element, __mmask8); N] {
    let sqrt_m1 = Element::constant(SQRT_M1);
    let cubes = fractions.each_ref().map(|(u, v)| u.times(&v.squared().times(v)));
    // u v^7 = u v^3 · v^4
    let mut bases = cubes;
    for (base, (_, v)) in bases.iter_mut().zip(fractions) {
        *base = base.times(&v.squared().squared());
    }
    let (ones, _) = power_of_ones(&bases);
    let powers = products(&square_times(&ones, 2), &bases);
    std::array::from_fn(|index| {
        let (u, v) = &fractions[index];
        let root = cubes[index].times(&powers[index]);
        let check = v.times(&root.squared());
        let minus_u = u.negated();
        let is_correct = check.equals(u);
        let is_flipped = check.equals(&minus_u);
        let is_flipped_i = check.equals(&minus_u.times(&sqrt_m1));
        let turned = root.or_if(is_flipped | is_flipped_i, &root.times(&sqrt_m1));
        (turned.absolute(), is_correct | is_flipped)
    })
}

/// 1 / `x`, that is `x`^(p - 2); zero for zero.
#[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
pub(super) fn inverse(x: &Element) -> Element {
    let (ones, eleventh) = power_of_ones(&[*x]);
    square_times(&ones, 5)[0].times(&eleventh[0])
}

/// `x`^(2^250 - 1) and `x`^11: 249 squares and 11 products, by powers of 5, 10, 20, 40, 50, 100 and
/// 200 ones.
#[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
fn power_of_ones<const N: usize>(x: &[Element; N]) -> ([Element; N], [Element; N]) {
    let second = square_times(x, 1);
    let ninth = products(&square_times(&second, 2), x);
    let eleventh = products(&ninth, &second);
    let ones_5 = products(&square_times(&eleventh, 1), &ninth);
    let ones_10 = products(&square_times(&ones_5, 5), &ones_5);
    let ones_20 = products(&square_times(&ones_10, 10), &ones_10);
    let ones_40 = products(&square_times(&ones_20, 20), &ones_20);
    let ones_50 = products(&square_times(&ones_40, 10), &ones_10);
    let ones_100 = products(&square_times(&ones_50, 50), &ones_50);
    let ones_200 = products(&square_times(&ones_100, 100), &ones_100);
    (products(&square_times(&ones_200, 50), &ones_50), eleventh)
}

#[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
fn square_times<const N: usize>(x: &[Element; N], times: usize) -> [Element; N] {
    let mut power = *x;
    for _ in 0..times {
        for power in &mut power {
            *power = power.squared();
        }
    }
    power
}

#[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
fn products<const N: usize>(left: &[Element; N], right: &[Element; N]) -> [Element; N] {
    let mut products = *left;
    for (product, right) in products.iter_mut().zip(right) {
        *product = product.times(right);
    }
    products
}
