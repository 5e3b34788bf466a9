//! The convolution with four elements in a vector.
//!
//! A window of seven vectors holds the four elements that are finished next and the 24 behind them,
//! so that no step waits for memory. Taps become masks of the window's words.

use core::arch::x86_64::{
    __m512i, _mm512_add_epi64, _mm512_alignr_epi64, _mm512_and_si512, _mm512_mask_xor_epi64,
    _mm512_set_epi64, _mm512_setzero_si512, _mm512_shuffle_epi32, _mm512_shuffle_i64x2,
    _mm512_srai_epi32, _mm512_xor_si512, _pdep_u64,
};
use core::mem::transmute;

use super::{X, portable};
use crate::arch::carryless::x86::multiply_four;
use crate::field128::Gf128;

type Four = [Gf128; 4];

/// Vectors in the window: four elements and the [`super::STATE`] behind the last of them.
const WINDOW: usize = 7;

/// What elements are multiplied by on their way to the place behind the taps.
#[derive(Clone, Copy)]
enum FixedTap {
    One,
    X,
    /// Four times the factor.
    Other(__m512i),
}

#[target_feature(enable = "avx512f,avx512bw,vpclmulqdq,pclmulqdq,bmi2")]
pub(super) fn convolute(values: &mut [Gf128], taps: &[u32], fixed: Gf128) {
    let fixed_tap = match fixed {
        Gf128::ONE => FixedTap::One,
        X => FixedTap::X,
        _ => FixedTap::Other(load(&[fixed; 4])),
    };
    let (fours, _) = values.as_chunks_mut::<4>();
    let steps = fours.len().saturating_sub(WINDOW);
    let mut window = [_mm512_setzero_si512(); WINDOW];
    if steps > 0 {
        for (vector, four) in window.iter_mut().zip(fours.iter()) {
            *vector = load(four);
        }
        for (step, taps) in taps.as_chunks::<4>().0.iter().take(steps).enumerate() {
            let reached = load(&fours[step + WINDOW]);
            let (finished, next) = finish_four(&mut window, taps, fixed_tap, reached);
            store(&mut fours[step], finished);
            // Spelt out so that the window stays in registers.
            for index in 1..WINDOW {
                window[index - 1] = window[index];
            }
            window[WINDOW - 1] = next;
        }
        for (vector, four) in window.iter().zip(&mut fours[steps..]) {
            store(four, *vector);
        }
    }
    for (place, taps) in taps.iter().enumerate().skip(4 * steps) {
        portable::step(&mut values[place..], *taps, |element| element * fixed);
    }
}

/// Finishes the first vector of the window; returns it, and `reached`, the vector behind the
/// window, with what the last element adds to it.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,vpclmulqdq,bmi2")]
fn finish_four(
    window: &mut [__m512i; WINDOW],
    taps: &[u32; 4],
    fixed_tap: FixedTap,
    reached: __m512i,
) -> (__m512i, __m512i) {
    add_where(
        window,
        _mm512_shuffle_i64x2::<0b00_00_00_00>(window[0], window[0]),
        mask(taps[0], 0),
    );
    add_where(
        window,
        _mm512_shuffle_i64x2::<0b01_01_01_01>(window[0], window[0]),
        mask(taps[1], 1),
    );
    add_where(
        window,
        _mm512_shuffle_i64x2::<0b10_10_10_10>(window[0], window[0]),
        mask(taps[2], 2),
    );
    add_where(
        window,
        _mm512_shuffle_i64x2::<0b11_11_11_11>(window[0], window[0]),
        mask(taps[3], 3),
    );
    // The fixed tap is 25 places away: six vectors and one element.
    let zero = _mm512_setzero_si512();
    let product = match fixed_tap {
        FixedTap::One => window[0],
        FixedTap::X => times_x(window[0]),
        FixedTap::Other(factors) => multiply_four(window[0], factors),
    };
    let last = &mut window[WINDOW - 1];
    *last = _mm512_xor_si512(*last, _mm512_alignr_epi64::<6>(product, zero));
    (window[0], _mm512_xor_si512(reached, _mm512_alignr_epi64::<6>(zero, product)))
}

/// The taps of the element at `lane` as a mask of the window's words, two for each element.
#[inline]
#[target_feature(enable = "bmi2")]
fn mask(taps: u32, lane: u32) -> u64 {
    const EVEN: u64 = 0x0000_5555_5555_5555;
    (_pdep_u64(u64::from(taps), EVEN) * 3) << (2 * (lane + 1))
}

#[inline]
#[target_feature(enable = "avx512f")]
fn add_where(window: &mut [__m512i; WINDOW], element: __m512i, mask: u64) {
    for (index, vector) in window.iter_mut().enumerate() {
        *vector = _mm512_mask_xor_epi64(*vector, (mask >> (8 * index)) as u8, *vector, element);
    }
}

/// The product of each element with `x`.
#[inline]
#[target_feature(enable = "avx512f")]
fn times_x(elements: __m512i) -> __m512i {
    // Into the upper word goes the lower word's top bit; into the lower one the polynomial if the
    // upper word's top bit is set.
    let carried = _mm512_set_epi64(1, 0x87, 1, 0x87, 1, 0x87, 1, 0x87);
    let tops = _mm512_shuffle_epi32::<0b01_01_11_11>(_mm512_srai_epi32::<31>(elements));
    let doubled = _mm512_add_epi64(elements, elements);
    _mm512_xor_si512(doubled, _mm512_and_si512(tops, carried))
}

#[inline]
#[target_feature(enable = "avx512f")]
fn load(four: &Four) -> __m512i {
    // SAFETY: both are 64 bytes and any bytes are a vector.
    unsafe { transmute::<Four, __m512i>(*four) }
}

#[inline]
#[target_feature(enable = "avx512f")]
fn store(four: &mut Four, vector: __m512i) {
    // SAFETY: both are 64 bytes and any bytes are elements.
    *four = unsafe { transmute::<__m512i, Four>(vector) };
}
