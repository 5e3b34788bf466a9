//! The convolution, plainly; its last steps are compiled for the vectors of the other engines too.
#![expect(clippy::inline_always, reason = "inlined code is compiled for its caller's vectors")]

use super::STATE;
use crate::field128::Gf128;

pub(super) fn convolute(values: &mut [Gf128], taps: &[u32], times: impl Fn(Gf128) -> Gf128) {
    for (place, taps) in taps.iter().enumerate() {
        step(&mut values[place..], *taps, &times);
    }
}

/// Adds the first of `values`, which is finished, to those behind it; `times` gives its product
/// with the fixed tap.
#[inline(always)]
pub(super) fn step(values: &mut [Gf128], taps: u32, times: impl Fn(Gf128) -> Gf128) {
    let Some((current, behind)) = values.split_first_mut() else { return };
    let reached = behind.len().min(STATE);
    for (bit, value) in behind[..reached].iter_mut().enumerate() {
        value.0 ^= current.0 & u128::from(taps >> bit & 1).wrapping_neg();
    }
    if let Some(last) = behind.get_mut(STATE) {
        *last += times(*current);
    }
}
