//! Arithmetic modulo p = 2^255 - 19, eight numbers at a time.
//!
//! A number is five limbs of radix 2^51, one vector each. The multiplier takes factors below 2^52
//! and gives the lower or upper 52 bits of a product, so that limbs have one bit to spare; sums of
//! products stay far below 64 bits. Hence two types: an [`Element`] may be multiplied, a [`Wide`]
//! is a sum on the way there, and [`Wide::carry`] is the only way back. Adding and subtracting
//! before the carry is what makes the formulas of `point` cheap.
//!
//! In multiplications of the processor: a product takes 56 (50 for 25 products in halves, 5 to fold
//! the upper limbs by 2^255 = 19, 1 in the carry), a square 36.
//!
//! The radix is that of de Valence, "An AVX512-IFMA implementation of the vectorized point
//! operation strategy" (notes of curve25519-dalek), which has the four products of one point in
//! its lanes.

use core::arch::x86_64::{
    __m512i, __mmask8, _mm512_add_epi64, _mm512_and_si512, _mm512_cmpeq_epi64_mask,
    _mm512_madd52hi_epu64, _mm512_madd52lo_epu64, _mm512_mask_mov_epi64, _mm512_mullo_epi64,
    _mm512_or_si512, _mm512_set1_epi64, _mm512_setzero_si512, _mm512_slli_epi64, _mm512_srli_epi64,
    _mm512_sub_epi64, _mm512_test_epi64_mask, _mm512_testn_epi64_mask,
};

use super::{Eight, load, store};

const LIMBS: usize = 5;
const LIMB_BITS: u32 = 51;
const LIMB_MASK: i64 = (1 << LIMB_BITS) - 1;

/// Eight numbers modulo p, not reduced to the last: every limb is below 2^51 + 2^17.
#[derive(Clone, Copy)]
pub(super) struct Element([__m512i; LIMBS]);

/// Eight sums of products: limbs below 2^63 that keep no distance from each other.
///
/// A product or square of elements has limbs below 2^59, and what is subtracted must be below 2^60.
#[derive(Clone, Copy)]
pub(super) struct Wide([__m512i; LIMBS]);

impl Element {
    #[inline]
    #[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
    pub(super) fn constant(limbs: [u64; LIMBS]) -> Self {
        Self(limbs.map(|limb| _mm512_set1_epi64(limb as i64)))
    }

    #[inline]
    #[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
    pub(super) fn zero() -> Self {
        Self::constant([0; LIMBS])
    }

    #[inline]
    #[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
    pub(super) fn one() -> Self {
        Self::constant([1, 0, 0, 0, 0])
    }

    /// Reads numbers of 256 bits, the lowest words first, and drops their highest bit (RFC 9496,
    /// section 4.3.4).
    #[inline]
    #[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
    pub(super) fn from_words(words: &[Eight; 4]) -> Self {
        let [first, second, third, fourth] = [0, 1, 2, 3].map(|word| load(&words[word]));
        let mask = _mm512_set1_epi64(LIMB_MASK);
        let limbs = [
            first,
            _mm512_or_si512(_mm512_srli_epi64::<51>(first), _mm512_slli_epi64::<13>(second)),
            _mm512_or_si512(_mm512_srli_epi64::<38>(second), _mm512_slli_epi64::<26>(third)),
            _mm512_or_si512(_mm512_srli_epi64::<25>(third), _mm512_slli_epi64::<39>(fourth)),
            _mm512_srli_epi64::<12>(fourth),
        ];
        Self(limbs.map(|limb| _mm512_and_si512(limb, mask)))
    }

    /// The one representation below p of each number, in words as [`Element::from_words`] reads
    /// them.
    #[inline]
    #[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
    pub(super) fn to_words(self) -> [Eight; 4] {
        let limbs = self.reduced();
        let joined = [
            _mm512_or_si512(limbs[0], _mm512_slli_epi64::<51>(limbs[1])),
            _mm512_or_si512(_mm512_srli_epi64::<13>(limbs[1]), _mm512_slli_epi64::<38>(limbs[2])),
            _mm512_or_si512(_mm512_srli_epi64::<26>(limbs[2]), _mm512_slli_epi64::<25>(limbs[3])),
            _mm512_or_si512(_mm512_srli_epi64::<39>(limbs[3]), _mm512_slli_epi64::<12>(limbs[4])),
        ];
        let mut words = [[0; 8]; 4];
        for (words, joined) in words.iter_mut().zip(joined) {
            store(words, joined);
        }
        words
    }

    /// The limbs of the numbers below p.
    ///
    /// An element is below 2p, so that p goes off once or not at all: just if adding 19 reaches
    /// 2^255.
    #[inline]
    #[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
    fn reduced(self) -> [__m512i; LIMBS] {
        let nineteen = _mm512_set1_epi64(19);
        let mask = _mm512_set1_epi64(LIMB_MASK);
        let mut reaches = _mm512_srli_epi64::<LIMB_BITS>(_mm512_add_epi64(self.0[0], nineteen));
        for limb in &self.0[1..] {
            reaches = _mm512_srli_epi64::<LIMB_BITS>(_mm512_add_epi64(*limb, reaches));
        }
        let mut carry = _mm512_madd52lo_epu64(_mm512_setzero_si512(), reaches, nineteen);
        self.0.map(|limb| {
            let sum = _mm512_add_epi64(limb, carry);
            carry = _mm512_srli_epi64::<LIMB_BITS>(sum);
            _mm512_and_si512(sum, mask)
        })
    }

    /// The product before its carry.
    ///
    /// What has the weight 2^(51 k) are the lower halves of the products of limbs with this weight,
    /// and twice the upper halves of those of one weight less. Consecutive multiplications go to
    /// different columns, so that none waits for the one before.
    #[inline]
    #[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
    pub(super) fn multiply(&self, other: &Self) -> Wide {
        let mut columns = [_mm512_setzero_si512(); 2 * LIMBS];
        for (left_place, left) in self.0.iter().enumerate() {
            for (right_place, right) in other.0.iter().enumerate() {
                let column = &mut columns[left_place + right_place + 1];
                *column = _mm512_madd52hi_epu64(*column, *left, *right);
            }
        }
        for column in &mut columns {
            *column = _mm512_add_epi64(*column, *column);
        }
        for (left_place, left) in self.0.iter().enumerate() {
            for (right_place, right) in other.0.iter().enumerate() {
                let column = &mut columns[left_place + right_place];
                *column = _mm512_madd52lo_epu64(*column, *left, *right);
            }
        }
        Wide::fold(&columns)
    }

    /// The square before its carry: products of different limbs once, then doubled.
    #[inline]
    #[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
    pub(super) fn square(&self) -> Wide {
        let mut columns = [_mm512_setzero_si512(); 2 * LIMBS];
        for (left, right) in PAIRS {
            let column = &mut columns[left + right + 1];
            *column = _mm512_madd52hi_epu64(*column, self.0[left], self.0[right]);
        }
        for column in &mut columns {
            *column = _mm512_add_epi64(*column, *column);
        }
        for (left, right) in PAIRS {
            let column = &mut columns[left + right];
            *column = _mm512_madd52lo_epu64(*column, self.0[left], self.0[right]);
        }
        for (place, limb) in self.0.iter().enumerate() {
            let column = &mut columns[2 * place + 1];
            *column = _mm512_madd52hi_epu64(*column, *limb, *limb);
        }
        for column in &mut columns {
            *column = _mm512_add_epi64(*column, *column);
        }
        for (place, limb) in self.0.iter().enumerate() {
            let column = &mut columns[2 * place];
            *column = _mm512_madd52lo_epu64(*column, *limb, *limb);
        }
        Wide::fold(&columns)
    }

    #[inline]
    #[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
    pub(super) fn times(&self, other: &Self) -> Self {
        self.multiply(other).carry()
    }

    #[inline]
    #[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
    pub(super) fn squared(&self) -> Self {
        self.square().carry()
    }

    #[inline]
    #[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
    pub(super) fn plus(&self, other: &Self) -> Self {
        self.wide().plus(&other.wide()).carry()
    }

    #[inline]
    #[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
    pub(super) fn minus(&self, other: &Self) -> Self {
        self.wide().minus(&other.wide()).carry()
    }

    #[inline]
    #[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
    pub(super) fn negated(&self) -> Self {
        Self::zero().minus(self)
    }

    #[inline]
    #[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
    pub(super) fn wide(&self) -> Wide {
        Wide(self.0)
    }

    /// The lanes of `other` where `mask` says so, of `self` elsewhere.
    #[inline]
    #[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
    pub(super) fn or_if(&self, mask: __mmask8, other: &Self) -> Self {
        Self(select(&self.0, mask, &other.0))
    }

    #[inline]
    #[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
    pub(super) fn negated_if(&self, mask: __mmask8) -> Self {
        self.or_if(mask, &self.negated())
    }

    /// `CT_ABS` of RFC 9496, section 3.2.
    #[inline]
    #[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
    pub(super) fn absolute(&self) -> Self {
        self.negated_if(self.is_negative())
    }

    /// `IS_NEGATIVE` of RFC 9496, section 3.1: whether the number below p is odd.
    #[inline]
    #[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
    pub(super) fn is_negative(&self) -> __mmask8 {
        _mm512_test_epi64_mask(self.reduced()[0], _mm512_set1_epi64(1))
    }

    #[inline]
    #[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
    pub(super) fn is_zero(&self) -> __mmask8 {
        let bits = self
            .reduced()
            .into_iter()
            .fold(_mm512_setzero_si512(), |bits, limb| _mm512_or_si512(bits, limb));
        _mm512_testn_epi64_mask(bits, bits)
    }

    #[inline]
    #[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
    pub(super) fn equals(&self, other: &Self) -> __mmask8 {
        let (left, right) = (self.reduced(), other.reduced());
        left.into_iter()
            .zip(right)
            .fold(0xFF, |equal, (left, right)| equal & _mm512_cmpeq_epi64_mask(left, right))
    }
}

impl Wide {
    /// Takes ten columns back to five: 2^255 is 19.
    ///
    /// The upper columns are below 6.6 · 2^52: limbs below 2^51 + 2^17 have at most four lower
    /// halves below 2^52 and twice five upper halves below 2^50 + 2^18 in a column above the fifth;
    /// the first column is below 2^52. So limbs are below (1 + 19 · 6.6) · 2^52 < 2^59.
    #[inline]
    #[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
    fn fold(columns: &[__m512i; 2 * LIMBS]) -> Self {
        let nineteen = _mm512_set1_epi64(19);
        Self([0, 1, 2, 3, 4].map(|place| {
            let upper = _mm512_mullo_epi64(columns[place + LIMBS], nineteen);
            _mm512_add_epi64(columns[place], upper)
        }))
    }

    #[inline]
    #[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
    pub(super) fn plus(&self, other: &Self) -> Self {
        Self([0, 1, 2, 3, 4].map(|place| _mm512_add_epi64(self.0[place], other.0[place])))
    }

    /// Adds 512 p, so that no limb falls below zero.
    #[inline]
    #[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
    pub(super) fn minus(&self, other: &Self) -> Self {
        let first = _mm512_set1_epi64(512 * (LIMB_MASK - 18));
        let rest = _mm512_set1_epi64(512 * LIMB_MASK);
        let bias = [first, rest, rest, rest, rest];
        Self([0, 1, 2, 3, 4].map(|place| {
            _mm512_add_epi64(self.0[place], _mm512_sub_epi64(bias[place], other.0[place]))
        }))
    }

    /// The lanes of `other` where `mask` says so, of `self` elsewhere.
    #[inline]
    #[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
    pub(super) fn or_if(&self, mask: __mmask8, other: &Self) -> Self {
        Self(select(&self.0, mask, &other.0))
    }

    /// Every limb gives what is above its 51 bits, less than 2^12, to the next, all at once.
    #[inline]
    #[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
    pub(super) fn carry(&self) -> Element {
        let mask = _mm512_set1_epi64(LIMB_MASK);
        let carries = self.0.map(|limb| _mm512_srli_epi64::<LIMB_BITS>(limb));
        let rests = self.0.map(|limb| _mm512_and_si512(limb, mask));
        Element([
            _mm512_madd52lo_epu64(rests[0], carries[4], _mm512_set1_epi64(19)),
            _mm512_add_epi64(rests[1], carries[0]),
            _mm512_add_epi64(rests[2], carries[1]),
            _mm512_add_epi64(rests[3], carries[2]),
            _mm512_add_epi64(rests[4], carries[3]),
        ])
    }
}

/// Places of different limbs, in an order that keeps those of one weight apart.
const PAIRS: [(usize, usize); 10] =
    [(0, 4), (1, 4), (2, 4), (3, 4), (0, 1), (0, 2), (0, 3), (1, 3), (2, 3), (1, 2)];

#[inline]
#[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
fn select(
    others: &[__m512i; LIMBS],
    mask: __mmask8,
    chosen: &[__m512i; LIMBS],
) -> [__m512i; LIMBS] {
    [0, 1, 2, 3, 4].map(|place| _mm512_mask_mov_epi64(others[place], mask, chosen[place]))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The largest limbs of an element.
    const LOOSE: u64 = (1 << 51) + (1 << 17) - 1;

    /// Runs `work` where the processor can.
    fn with_vectors(work: unsafe fn()) {
        if super::super::super::has_avx512_ifma() {
            // SAFETY: the processor was asked.
            unsafe { work() };
        }
    }

    #[test]
    fn loose_limbs_give_the_same_as_tight_ones() {
        #[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
        fn work() {
            for first in 0..32_u32 {
                let limbs = |choice: u32| {
                    std::array::from_fn(|limb| if choice >> limb & 1 == 1 { LOOSE } else { 0 })
                };
                let loose = Element::constant(limbs(first));
                let tight = Element::from_words(&loose.to_words());
                assert_eq!(loose.equals(&tight), 0xFF);
                assert_eq!(loose.squared().to_words(), tight.times(&tight).to_words());
                for second in 0..32_u32 {
                    let other = Element::constant(limbs(second));
                    let other_tight = Element::from_words(&other.to_words());
                    let product = tight.times(&other_tight).to_words();
                    assert_eq!(loose.times(&other).to_words(), product);
                    let sum = loose.plus(&other);
                    assert_eq!(sum.minus(&other).to_words(), tight.to_words());
                    assert_eq!(sum.to_words(), tight.plus(&other_tight).to_words());
                }
            }
        }
        with_vectors(work);
    }

    #[test]
    fn products_and_their_differences_stay_within_their_words() {
        #[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
        fn work() {
            let loose = Element::constant([LOOSE; LIMBS]);
            let tight = Element::from_words(&loose.to_words());
            let (wide, narrow) = (loose.multiply(&loose), tight.squared());
            let mut limbs = Vec::new();
            for limb in wide.0 {
                let mut words = [0; 8];
                store(&mut words, limb);
                limbs.extend(words);
            }
            assert!(limbs.iter().all(|limb| *limb < 1 << 59));
            // The longest sum of the point formulas, F of a double.
            let sum = wide.minus(&Element::zero().wide()).plus(&wide).plus(&wide).carry();
            let expected = narrow.plus(&narrow).plus(&narrow);
            assert_eq!(sum.to_words(), expected.to_words());
            assert_eq!(wide.minus(&wide).carry().is_zero(), 0xFF);
            let negated = Element::zero().wide().minus(&wide).carry();
            assert_eq!(negated.to_words(), narrow.negated().to_words());
        }
        with_vectors(work);
    }

    #[test]
    fn carrying_keeps_the_number_and_the_promise() {
        #[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
        fn work() {
            let scaled = Wide(Element::constant([1 << 62; LIMBS]).0).carry();
            let product = Element::constant([1 << 50; LIMBS]).times(&Element::constant([
                1 << 12,
                0,
                0,
                0,
                0,
            ]));
            assert_eq!(scaled.to_words(), product.to_words());
            let carried = Wide(Element::constant([(1 << 63) - 1; LIMBS]).0).carry();
            for limb in carried.0 {
                let mut words = [0; 8];
                store(&mut words, limb);
                assert!(words.iter().all(|word| *word <= LOOSE));
            }
        }
        with_vectors(work);
    }

    #[test]
    fn numbers_around_the_modulus_are_reduced() {
        #[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
        fn work() {
            for offset in 0..19_u64 {
                let number = Element::constant([
                    (1 << 51) - 19 + offset,
                    (1 << 51) - 1,
                    (1 << 51) - 1,
                    (1 << 51) - 1,
                    (1 << 51) - 1,
                ]);
                assert_eq!(number.to_words(), [[offset; 8], [0; 8], [0; 8], [0; 8]]);
                assert_eq!(number.is_zero(), if offset == 0 { 0xFF } else { 0 });
                assert_eq!(number.is_negative(), if offset % 2 == 1 { 0xFF } else { 0 });
                let negated = number.negated();
                assert_eq!(negated.plus(&number).is_zero(), 0xFF);
            }
        }
        with_vectors(work);
    }
}
