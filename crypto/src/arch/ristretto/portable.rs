//! Point by point, for every processor: what the vectors are measured against.

use curve25519_dalek::Scalar;
use curve25519_dalek::ristretto::{CompressedRistretto, RistrettoPoint};
use curve25519_dalek::traits::IsIdentity;

use super::{Encoded, Uniform};

pub(super) fn map_and_blind(half: &Scalar, uniform: &[Uniform], blinded: &mut [Encoded]) {
    let halves: Vec<_> =
        uniform.iter().map(|bytes| RistrettoPoint::from_uniform_bytes(bytes) * half).collect();
    encode_doubles(&halves, blinded);
}

pub(super) fn decode_and_blind(
    half: &Scalar,
    points: &[Encoded],
    blinded: &mut [Encoded],
) -> Result<(), usize> {
    let decode = |(index, encoded): (usize, &Encoded)| {
        let point = CompressedRistretto(*encoded).decompress();
        point.filter(|point| !point.is_identity()).map(|point| point * half).ok_or(index)
    };
    let halves = points.iter().enumerate().map(decode).collect::<Result<Vec<_>, usize>>()?;
    encode_doubles(&halves, blinded);
    Ok(())
}

/// One inversion for all, in place of an inverse square root each.
fn encode_doubles(halves: &[RistrettoPoint], encoded: &mut [Encoded]) {
    let doubles = RistrettoPoint::double_and_compress_batch(halves);
    for (encoded, double) in encoded.iter_mut().zip(doubles) {
        *encoded = double.to_bytes();
    }
}
