//! The convolution with two elements in a vector.
//!
//! A window of thirteen vectors holds the two elements that are finished next and the 24 behind
//! them, so that no step waits for memory: with an element and its taps, it fills all registers.
//! A tap stands in the top bits of the words that it adds to.

use core::arch::x86_64::{
    __m256i, _mm256_add_epi64, _mm256_and_si256, _mm256_blendv_ps, _mm256_castps_si256,
    _mm256_castsi256_ps, _mm256_permute2x128_si256, _mm256_set_epi32, _mm256_set_epi64x,
    _mm256_set1_epi32, _mm256_setzero_si256, _mm256_shuffle_epi32, _mm256_slli_epi32,
    _mm256_sllv_epi32, _mm256_srai_epi32, _mm256_xor_si256,
};
use core::mem::transmute;

use super::{STATE, X, portable};
use crate::arch::carryless::x86::multiply;
use crate::field128::Gf128;

type Two = [Gf128; 2];

/// Vectors in the window: two elements and the [`STATE`] behind the last of them.
const WINDOW: usize = 13;

#[target_feature(enable = "avx2,pclmulqdq")]
pub(super) fn convolute(values: &mut [Gf128], taps: &[u32], fixed: Gf128) {
    let (twos, _) = values.as_chunks_mut::<2>();
    let steps = twos.len().saturating_sub(WINDOW);
    let mut window = [_mm256_setzero_si256(); WINDOW];
    if steps > 0 {
        for (vector, two) in window.iter_mut().zip(twos.iter()) {
            *vector = load(two);
        }
        for (step, taps) in taps.as_chunks::<2>().0.iter().take(steps).enumerate() {
            let reached = load(&twos[step + WINDOW]);
            let (finished, next) = finish_two(&mut window, *taps, fixed, reached);
            store(&mut twos[step], finished);
            // Spelt out so that the window stays in registers.
            for index in 1..WINDOW {
                window[index - 1] = window[index];
            }
            window[WINDOW - 1] = next;
        }
        for (vector, two) in window.iter().zip(&mut twos[steps..]) {
            store(two, *vector);
        }
    }
    for (place, taps) in taps.iter().enumerate().skip(2 * steps) {
        portable::step(&mut values[place..], *taps, |element| element * fixed);
    }
}

/// Finishes the first vector of the window; returns it, and `reached`, the vector behind the
/// window, with what the last element adds to it.
#[inline]
#[target_feature(enable = "avx2,pclmulqdq")]
fn finish_two(
    window: &mut [__m256i; WINDOW],
    taps: [u32; 2],
    fixed: Gf128,
    reached: __m256i,
) -> (__m256i, __m256i) {
    add_where::<0>(window, _mm256_permute2x128_si256::<0x00>(window[0], window[0]), taps[0]);
    add_where::<1>(window, _mm256_permute2x128_si256::<0x11>(window[0], window[0]), taps[1]);
    // The fixed tap is 25 places away: twelve vectors and one element.
    let product = match fixed {
        Gf128::ONE => window[0],
        X => times_x(window[0]),
        _ => times(window[0], fixed),
    };
    let last = &mut window[WINDOW - 1];
    *last = _mm256_xor_si256(*last, _mm256_permute2x128_si256::<0x08>(product, product));
    let beyond = _mm256_permute2x128_si256::<0x81>(product, product);
    (window[0], _mm256_xor_si256(reached, beyond))
}

/// Adds an element, which stands in the first vector's lane `LANE`, where its taps say.
#[inline]
#[target_feature(enable = "avx2")]
fn add_where<const LANE: i32>(window: &mut [__m256i; WINDOW], element: __m256i, taps: u32) {
    let taps = _mm256_set1_epi32((taps & ((1 << STATE) - 1)) as i32);
    // The last vector of the window, lane 0, is 24 places behind lane 0 of the first: tap 23.
    let (low, high) = (31 - (23 - LANE), 31 - (24 - LANE));
    let places = _mm256_set_epi32(high, high, high, high, low, low, low, low);
    let mut signs = _mm256_sllv_epi32(taps, places);
    for vector in window.iter_mut().rev() {
        let sum = _mm256_castsi256_ps(_mm256_xor_si256(*vector, element));
        let chosen =
            _mm256_blendv_ps(_mm256_castsi256_ps(*vector), sum, _mm256_castsi256_ps(signs));
        *vector = _mm256_castps_si256(chosen);
        signs = _mm256_slli_epi32::<2>(signs);
    }
}

/// The product of each element with a factor.
#[inline]
#[target_feature(enable = "avx2,pclmulqdq")]
fn times(elements: __m256i, factor: Gf128) -> __m256i {
    let mut two = [Gf128::ZERO; 2];
    store(&mut two, elements);
    load(&[multiply(two[0], factor), multiply(two[1], factor)])
}

/// The product of each element with `x`.
#[inline]
#[target_feature(enable = "avx2")]
fn times_x(elements: __m256i) -> __m256i {
    // Into the upper word goes the lower word's top bit; into the lower one the polynomial if the
    // upper word's top bit is set.
    let carried = _mm256_set_epi64x(1, 0x87, 1, 0x87);
    let tops = _mm256_shuffle_epi32::<0b01_01_11_11>(_mm256_srai_epi32::<31>(elements));
    let doubled = _mm256_add_epi64(elements, elements);
    _mm256_xor_si256(doubled, _mm256_and_si256(tops, carried))
}

#[inline]
#[target_feature(enable = "avx2")]
fn load(two: &Two) -> __m256i {
    // SAFETY: both are 32 bytes and any bytes are a vector.
    unsafe { transmute::<Two, __m256i>(*two) }
}

#[inline]
#[target_feature(enable = "avx2")]
fn store(two: &mut Two, vector: __m256i) {
    // SAFETY: both are 32 bytes and any bytes are elements.
    *two = unsafe { transmute::<__m256i, Two>(vector) };
}
