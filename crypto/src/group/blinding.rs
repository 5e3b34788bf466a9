//! Multiplying sets of points by one secret.

use core::fmt;

use rayon::prelude::*;
use zeroize::{Zeroize, Zeroizing};

use super::{GroupError, POINT_BYTES, uniform_bytes};
use crate::arch::ristretto::Engine;
use crate::random::Generator;

/// A secret exponent of a group whose elements are encoded in so many bytes: what a protocol needs
/// that only blinds sets, whatever the group.
pub trait Blinding<const ENCODED_BYTES: usize>: Send + Sized + Sync {
    /// Draws a uniform key.
    fn random(generator: &mut Generator) -> Self;

    /// Hashes every item to the group for the purpose `domain` and blinds it.
    ///
    /// Runs on the current rayon pool. The time depends on the number of items and their lengths
    /// only.
    fn hash_and_blind<I>(&self, domain: &str, items: &[I]) -> Vec<[u8; ENCODED_BYTES]>
    where
        I: AsRef<[u8]> + Sync;

    /// Decodes points that a peer sent and blinds them. Runs on the current rayon pool.
    ///
    /// # Errors
    ///
    /// [`GroupError`] for the first point, by index, that is not the one encoding of an element
    /// other than the neutral one.
    fn decode_and_blind(
        &self,
        points: &[[u8; ENCODED_BYTES]],
    ) -> Result<Vec<[u8; ENCODED_BYTES]>, GroupError>;
}

/// A secret exponent that a party raises a whole set to: its *blinding*.
///
/// Blinding commutes, `blind_a(blind_b(P)) = blind_b(blind_a(P))`, and without the key the blinded
/// points of unrelated items look random (decisional Diffie-Hellman). A key that blinds what is
/// sent serves one run of one protocol: reusing it would let a peer link the sets of two runs. A
/// key that evaluates a pseudo-random function may be kept, as [`Self::to_bytes`] does for a cache.
///
/// Zeroised on drop, cannot be cloned, no content in `Debug`.
pub struct BlindingKey {
    /// Half of the exponent. Encoding a single point costs an inverse square root, a tenth of a
    /// multiplication; encoding the *doubles* of many points shares one inversion among them.
    half: curve25519_dalek::Scalar,
}

impl BlindingKey {
    /// Draws a uniform key.
    pub fn random(generator: &mut Generator) -> Self {
        // The exponent is twice this, which is uniform as well: the order of the group is odd.
        Self { half: curve25519_dalek::Scalar::random(generator) }
    }

    /// Reads a key that [`Self::to_bytes`] gave; `None` if it is zero or not reduced.
    pub fn from_bytes(bytes: &[u8; KEY_BYTES]) -> Option<Self> {
        let half = Option::from(curve25519_dalek::Scalar::from_canonical_bytes(*bytes))?;
        (half != curve25519_dalek::Scalar::ZERO).then_some(Self { half })
    }

    /// The key, for a file that only its owner may read.
    pub fn to_bytes(&self) -> Zeroizing<[u8; KEY_BYTES]> {
        Zeroizing::new(self.half.to_bytes())
    }

    /// The key that takes this blinding off again.
    #[must_use]
    pub fn inverse(&self) -> Self {
        // For the exponent e = 2h the exponent 1/e is twice 1/(4h).
        let mut double = self.half + self.half;
        let mut quadruple = double + double;
        let half = quadruple.invert();
        double.zeroize();
        quadruple.zeroize();
        Self { half }
    }

    /// The key that takes the blinding `other` off and puts this one on.
    #[must_use]
    pub fn in_place_of(&self, other: &Self) -> Self {
        // For the exponents e = 2h and f = 2k the exponent e/f is twice h/(2k).
        let mut double = other.half + other.half;
        let mut inverse = double.invert();
        let half = self.half * inverse;
        double.zeroize();
        inverse.zeroize();
        Self { half }
    }

    /// Hashes every item to the group for the purpose `domain` and blinds it.
    ///
    /// Result `k` is the encoding of `exponent * hash_to_group(domain, items[k])`. Runs on the
    /// current rayon pool. The time depends on the number of items and their lengths only.
    pub fn hash_and_blind<I>(&self, domain: &str, items: &[I]) -> Vec<[u8; POINT_BYTES]>
    where
        I: AsRef<[u8]> + Sync,
    {
        let engine = Engine::detect();
        let mut blinded = vec![[0; POINT_BYTES]; items.len()];
        items.par_chunks(BATCH).zip(blinded.par_chunks_mut(BATCH)).for_each(|(items, blinded)| {
            let mut uniform: Vec<_> =
                items.iter().map(|item| uniform_bytes(domain, item.as_ref())).collect();
            engine.map_and_blind(&self.half, &uniform, blinded);
            uniform.zeroize();
        });
        blinded
    }

    /// Decodes points that a peer sent and blinds them.
    ///
    /// Result `k` is the encoding of `exponent * points[k]`. Runs on the current rayon pool.
    ///
    /// # Errors
    ///
    /// The first point, by index, that [`Point::decode`](super::Point::decode) would refuse.
    pub fn decode_and_blind(
        &self,
        points: &[[u8; POINT_BYTES]],
    ) -> Result<Vec<[u8; POINT_BYTES]>, GroupError> {
        let engine = Engine::detect();
        let mut blinded = vec![[0; POINT_BYTES]; points.len()];
        let outcomes: Vec<Result<(), usize>> = points
            .par_chunks(BATCH)
            .zip(blinded.par_chunks_mut(BATCH))
            .enumerate()
            .map(|(batch, (points, blinded))| {
                let outcome = engine.decode_and_blind(&self.half, points, blinded);
                outcome.map_err(|index| batch * BATCH + index)
            })
            .collect();
        // In order, so that the same bad set is always blamed on the same point.
        match outcomes.into_iter().collect::<Result<(), usize>>() {
            Ok(()) => Ok(blinded),
            Err(index) => Err(GroupError::of(index, &points[index])),
        }
    }
}

impl Blinding<POINT_BYTES> for BlindingKey {
    fn random(generator: &mut Generator) -> Self {
        Self::random(generator)
    }

    fn hash_and_blind<I>(&self, domain: &str, items: &[I]) -> Vec<[u8; POINT_BYTES]>
    where
        I: AsRef<[u8]> + Sync,
    {
        self.hash_and_blind(domain, items)
    }

    fn decode_and_blind(
        &self,
        points: &[[u8; POINT_BYTES]],
    ) -> Result<Vec<[u8; POINT_BYTES]>, GroupError> {
        self.decode_and_blind(points)
    }
}

impl fmt::Debug for BlindingKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("BlindingKey").finish_non_exhaustive()
    }
}

impl Drop for BlindingKey {
    fn drop(&mut self) {
        self.half.zeroize();
    }
}

/// Bytes of a stored key.
pub const KEY_BYTES: usize = 32;

/// Points that share one inversion, or eight side by side: its part is lost in the noise, and
/// what waits for it stays in the second-level cache.
const BATCH: usize = 256;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::group::{Point, hash_to_group};

    fn key(seed: u8) -> BlindingKey {
        BlindingKey::random(&mut Generator::from_seed([seed; 32]))
    }

    fn items(count: usize) -> Vec<String> {
        (0..count).map(|index| format!("item {index}")).collect()
    }

    #[test]
    fn a_batch_is_the_product_of_each_point() {
        let key = key(1);
        let exponent = super::super::Scalar(key.half + key.half);
        let items = items(2 * BATCH + 3);
        let once = key.hash_and_blind("test", &items);
        assert_eq!(once.len(), items.len());
        for (item, once) in items.iter().zip(&once) {
            assert_eq!(*once, (hash_to_group("test", item.as_bytes()) * &exponent).encode());
        }
        let twice = key.decode_and_blind(&once).unwrap();
        for (once, twice) in once.iter().zip(&twice) {
            assert_eq!(*twice, (Point::decode(once).unwrap() * &exponent).encode());
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
    fn the_inverse_takes_the_blinding_off() {
        let (key, items) = (key(1), items(20));
        let plain: Vec<_> =
            items.iter().map(|item| hash_to_group("test", item.as_bytes()).encode()).collect();
        let blinded = key.hash_and_blind("test", &items);
        assert_eq!(key.inverse().decode_and_blind(&blinded).unwrap(), plain);
    }

    #[test]
    fn one_blinding_takes_the_place_of_another() {
        let (one, other, items) = (key(1), key(2), items(20));
        let blinded = other.hash_and_blind("test", &items);
        let changed = one.in_place_of(&other).decode_and_blind(&blinded).unwrap();
        assert_eq!(changed, one.hash_and_blind("test", &items));
    }

    #[test]
    fn stored_keys_are_the_same_keys() {
        let (key, items) = (key(1), items(3));
        let stored = BlindingKey::from_bytes(&key.to_bytes()).unwrap();
        assert_eq!(stored.hash_and_blind("test", &items), key.hash_and_blind("test", &items));
        assert!(BlindingKey::from_bytes(&[0xFF; KEY_BYTES]).is_none());
        assert!(BlindingKey::from_bytes(&[0; KEY_BYTES]).is_none());
    }

    #[test]
    fn the_first_bad_point_is_named() {
        let key = key(1);
        let mut points = key.hash_and_blind("test", &items(3 * BATCH));
        points[BATCH + 7] = [0xFF; POINT_BYTES];
        points[BATCH + 3] = [0; POINT_BYTES];
        points[2 * BATCH] = [0xFF; POINT_BYTES];
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
}
