//! How much noise an answer carries, and whether the parameters leave room for hiding it.
//!
//! Errors and dithered rounding errors are independent, of expectation zero and sub-Gaussian with
//! variance proxies 21/2 and 1/4 (Hoeffding's lemma). A sum with weights w has the proxy
//! `V = Σ w²·proxy`, and exceeds `B = sqrt(2·V·ln 2^65)` with probability at most
//! `2·exp(-B²/2V) = 2^-64`.

use super::LatticeError;
use super::ring::Ring;
use super::sample::ERROR_VARIANCE;

/// The variance proxy of one fresh encryption's error and its dithered rounding.
pub(super) const FRESH_VARIANCE: f64 = ERROR_VARIANCE + 0.25;

/// Bits of statistical security of masks and floods.
pub const STATISTICAL_BITS: u32 = 40;

/// The variance proxy of `u·e_x - e·s`: what a hint adds to an answer.
///
/// Both products have N terms of an error times a coefficient in {-1, 0, 1}.
pub(super) fn hint_variance(ring: &Ring) -> f64 {
    2.0 * ring.degree() as f64 * ERROR_VARIANCE
}

/// log2 of the bound that noise of this variance proxy exceeds with probability below 2^-64.
pub(super) fn bound_bits(variance: f64) -> f64 {
    (2.0 * variance * 65.0 * std::f64::consts::LN_2).sqrt().log2()
}

/// Checks that a uniform mask hides noise of `noise_bits`: the shares of a plaintext modulo
/// t = 2^`plain_bits` are off by one with probability at most 2·noise·t/Q, which must be below
/// 2^-40.
pub(super) fn check_shared(
    ring: &Ring,
    noise_bits: f64,
    plain_bits: f64,
) -> Result<(), LatticeError> {
    let needed = noise_bits + plain_bits + f64::from(STATISTICAL_BITS + 1);
    check(needed, f64::from(ring.parameters().modulus_bits_floor()))
}

/// log2 of the flooding noise of opened answers: a quarter to a half of Q/2t, whatever the columns
/// are, so that its width says nothing about them.
pub(super) fn flood_bits(ring: &Ring, plain_bits: u32) -> u32 {
    ring.parameters().modulus_bits_floor() - plain_bits - 2
}

/// Checks that the flood hides noise of `noise_bits` up to a statistical distance of 2^-40.
pub(super) fn check_opened(
    ring: &Ring,
    noise_bits: f64,
    plain_bits: u32,
) -> Result<(), LatticeError> {
    let needed = noise_bits + f64::from(STATISTICAL_BITS);
    check(needed, f64::from(flood_bits(ring, plain_bits)))
}

fn check(needed: f64, available: f64) -> Result<(), LatticeError> {
    if needed <= available {
        return Ok(());
    }
    Err(LatticeError::NoiseBudget {
        needed_bits: needed.ceil() as u32,
        available_bits: available as u32,
    })
}
