//! Products of private vectors with encrypted vectors, slot by slot, summed up and shared.
//!
//! N numbers modulo a prime t are the values of one plaintext polynomial at the roots of X^N + 1
//! modulo t, so that a product of polynomials multiplies them slot by slot (BFV batching, Smart and
//! Vercauteren, "Fully homomorphic SIMD operations", 2014). The key holder sends encrypted vectors
//! `v_k`; the evaluator, who owns vectors `p_k`, answers with a masked encryption of `Σ_k v_k·p_k`.
//! Both end with additive shares modulo t.
//!
//! # Security
//!
//! Semi-honest parties. The vectors are hidden by ring-LWE under the key holder's secret `s`. With
//! the sum `(a', b')` of the products, the answer is
//!
//! ```text
//! (a' + u·pk_1 + e_2, b' + u·pk_0 + e_1 + r)       evaluator's share = -round(t·r/Q)
//! ```
//!
//! `u·pk + e` is one *fresh* public-key encryption of zero per answer, which makes the first part
//! pseudo-random even for the key holder (ring-LWE under `u`, since `pk_1` is uniform); `r` is
//! uniform over the whole ring, which makes the second part uniform. Left over is that a
//! coefficient of the share sum is off by one with probability at most `2·noise·t/Q`, which
//! [`SlotRing::products_max`] keeps below 2^-40.
//!
//! # Reference
//!
//! Brakerski 2012, Fan and Vercauteren 2012; re-sharing as in Cheetah (Huang et al., USENIX
//! Security 2022, section 3.3), with the mask over the whole ring.

use rayon::prelude::*;
use zeroize::Zeroizing;

use super::modulus::Modulus;
use super::noise::{STATISTICAL_BITS, bound_bits};
use super::packing::packed_bytes;
use super::ring::{Accumulator, CoefficientPoly, Ring, SecretPoly, TransformedPoly};
use super::sample::{ERROR_MAX, ERROR_VARIANCE, Ternary, add_errors};
use super::scale::{Fractions, PrimeScale};
use super::{LatticeError, invalid};
use crate::arch::ntt::Table;
use crate::random::Generator;

/// t: the prime next to 2^42 that is 1 modulo 2N.
pub const SLOT_MODULUS: u64 = 4_398_046_150_657;

/// Two primes below 2^44 that are 1 modulo 2N: slots modulo each are slots modulo their product,
/// which is 2^88·(1 - 2^-24).
pub const PAIR_MODULI: [u64; 2] = [17_592_186_028_033, 17_592_185_438_209];

/// A ring with plaintexts of N slots modulo t.
#[derive(Debug)]
pub struct SlotRing {
    ring: Ring,
    plain: Table,
    scale: PrimeScale,
    fractions: Fractions,
}

/// The key holder's secret; wiped when dropped.
pub struct SecretKey {
    transformed: SecretPoly,
}

/// What the evaluator needs to re-randomise: a·s + e, and the seed of a.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicKey {
    seed: [u8; 32],
    body: TransformedPoly,
}

/// A fresh encryption of N slots: its a is a seed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EncryptedSlots {
    seed: [u8; 32],
    body: TransformedPoly,
}

/// The masked sum of products that goes back to the key holder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MaskedSlots {
    mask: TransformedPoly,
    body: CoefficientPoly,
}

/// The evaluator's running sum of products.
pub struct ProductSum {
    mask: Accumulator,
    body: Accumulator,
    terms: usize,
}

impl SlotRing {
    /// Prepares slots modulo [`SLOT_MODULUS`] over `ring`.
    pub fn new(ring: &Ring) -> Self {
        Self::with_modulus(ring, SLOT_MODULUS)
    }

    /// Prepares slots modulo both of [`PAIR_MODULI`]. One key serves both.
    pub fn pair(ring: &Ring) -> [Self; 2] {
        PAIR_MODULI.map(|modulus| Self::with_modulus(ring, modulus))
    }

    /// Prepares slots modulo another prime over `ring`; keys do not depend on it. It has at most 50
    /// bits and is 1 modulo 2N, and the larger it is, the lower is [`SlotRing::products_max`].
    pub fn with_modulus(ring: &Ring, prime: u64) -> Self {
        let plain = Modulus::new(prime);
        Self {
            ring: ring.clone(),
            scale: PrimeScale::new(ring, plain.clone()),
            plain: Table::new(ring.degree(), plain),
            fractions: Fractions::new(ring),
        }
    }

    /// The ring below.
    pub fn ring(&self) -> &Ring {
        &self.ring
    }

    /// Slots of a vector: N.
    pub fn slots(&self) -> usize {
        self.ring.degree()
    }

    /// t, the modulus of a slot.
    pub fn modulus(&self) -> u64 {
        self.plain.modulus().value()
    }

    /// `x` modulo t, for x below twice the square of the power of two next above t.
    #[inline]
    pub fn reduce(&self, x: u128) -> u64 {
        debug_assert!(x >> (2 * self.plain.modulus().bits() + 1) == 0);
        self.plain.modulus().reduce_wide(x)
    }

    /// The product of two numbers below t, modulo t.
    #[inline]
    pub fn multiply(&self, left: u64, right: u64) -> u64 {
        self.plain.modulus().multiply(left, right)
    }

    /// The sum of two numbers below t, modulo t.
    #[inline]
    pub fn add(&self, left: u64, right: u64) -> u64 {
        self.plain.modulus().add(left, right)
    }

    /// How many products may be summed up into one answer.
    ///
    /// The evaluator's coefficients are at most t/2, N of them meet in each coefficient of a
    /// product. The rounding errors of p products, at most 1/2 each, add up to at most p·N·t/4; the
    /// errors of encryptions are drawn independently of those coefficients and stay below
    /// `9.5·sqrt(p·N·21/2)·t/2` (see `noise`); the zero encryption adds (2N + 1)·21. With the sum
    /// B of these, 2·B·t/Q stays below 2^-40.
    pub fn products_max(&self) -> usize {
        let ring_bits = f64::from(self.ring.parameters().modulus_bits_floor());
        let prime = self.modulus() as f64;
        let room = (ring_bits - prime.log2() - f64::from(STATISTICAL_BITS + 1)).exp2();
        let degree = self.ring.degree() as f64;
        let zero = (2.0 * degree + 1.0) * ERROR_MAX as f64;
        let rounding = degree * prime / 4.0;
        let errors = bound_bits(degree * ERROR_VARIANCE).exp2() * prime / 2.0;
        // rounding·p + errors·√p + zero is at most the room.
        let left = (room - zero).max(0.0);
        let root = ((errors * errors + 4.0 * rounding * left).sqrt() - errors) / (2.0 * rounding);
        (root * root) as usize
    }

    /// Draws a secret key and its public key.
    pub fn generate_keys(&self, rng: &mut Generator) -> (SecretKey, PublicKey) {
        let secret = Ternary::random(self.ring.degree(), rng);
        let transformed = Zeroizing::new(self.ring.forward(secret.to_poly(&self.ring)));
        let key = SecretKey { transformed };
        let EncryptedSlots { seed, body } = self.encrypt_poly(&key, self.ring.zero(), rng);
        (key, PublicKey { seed, body })
    }

    /// Encrypts up to N slots; the rest is zero.
    ///
    /// # Errors
    ///
    /// [`LatticeError::InvalidInput`] for more than N slots or a number that is not below t.
    pub fn encrypt(
        &self,
        key: &SecretKey,
        slots: &[u64],
        rng: &mut Generator,
    ) -> Result<EncryptedSlots, LatticeError> {
        let plain = self.encode(slots)?;
        let mut poly = self.ring.zero();
        self.scale.add(&self.ring, &mut poly, &plain);
        Ok(self.encrypt_poly(key, poly, rng))
    }

    /// Encrypts many vectors of slots, see [`SlotRing::encrypt`].
    ///
    /// # Errors
    ///
    /// As [`SlotRing::encrypt`].
    pub fn encrypt_many(
        &self,
        key: &SecretKey,
        vectors: &[Vec<u64>],
        rng: &mut Generator,
    ) -> Result<Vec<EncryptedSlots>, LatticeError> {
        let rngs: Vec<Generator> = vectors.iter().map(|_| rng.child()).collect();
        let pairs = vectors.par_iter().zip(rngs);
        pairs.map(|(slots, mut rng)| self.encrypt(key, slots, &mut rng)).collect()
    }

    /// `(a, a·s + e + message)` for a fresh `a`.
    fn encrypt_poly(
        &self,
        key: &SecretKey,
        mut message: CoefficientPoly,
        rng: &mut Generator,
    ) -> EncryptedSlots {
        let mut seed = [0; 32];
        rng.fill_bytes(&mut seed);
        add_errors(&self.ring, &mut message, rng);
        let mut body = self.ring.forward(message);
        let mut product = Zeroizing::new(self.public(&seed));
        self.ring.multiply(&mut product, &key.transformed);
        self.ring.add(&mut body.words, &product.words);
        EncryptedSlots { seed, body }
    }

    fn public(&self, seed: &[u8; 32]) -> TransformedPoly {
        self.ring.public(seed, "lattice/slots public", 0)
    }

    /// The plaintext polynomial with the given values in its slots.
    fn encode(&self, slots: &[u64]) -> Result<Zeroizing<Vec<u64>>, LatticeError> {
        let prime = self.modulus();
        if slots.len() > self.slots() || slots.iter().any(|slot| *slot >= prime) {
            return Err(invalid("too many slots, or a slot that is not below the slot modulus"));
        }
        let mut values = Zeroizing::new(vec![0; self.slots()]);
        values[..slots.len()].copy_from_slice(slots);
        self.ring.engine().inverse(&self.plain, &mut values);
        Ok(values)
    }

    /// Starts a sum of products.
    pub fn start_sum(&self) -> ProductSum {
        let (mask, body) = (Accumulator::new(&self.ring), Accumulator::new(&self.ring));
        ProductSum { mask, body, terms: 0 }
    }

    /// Adds the slot-wise product of an encrypted vector with the evaluator's `slots`.
    ///
    /// # Errors
    ///
    /// [`LatticeError::InvalidInput`] for more than N slots or a number that is not below t,
    /// [`LatticeError::NoiseBudget`] beyond [`SlotRing::products_max`] products.
    pub fn add_product(
        &self,
        sum: &mut ProductSum,
        encrypted: &EncryptedSlots,
        slots: &[u64],
    ) -> Result<(), LatticeError> {
        if sum.terms == self.products_max() {
            let available_bits = self.ring.parameters().modulus_bits_floor();
            return Err(LatticeError::NoiseBudget {
                needed_bits: available_bits + 1,
                available_bits,
            });
        }
        sum.terms += 1;
        let plain = self.encode(slots)?;
        let mut poly = self.ring.zero();
        let words = poly.words.chunks_exact_mut(self.ring.degree());
        let prime = self.modulus();
        for (modulus, words) in self.ring.moduli().zip(words) {
            for (word, plain) in words.iter_mut().zip(plain.iter()) {
                // Centred: numbers of at most t/2 keep the noise lowest.
                let above = (prime / 2).wrapping_sub(*plain) as i64 >> 63;
                *word = modulus.signed(*plain as i64 - (prime as i64 & above));
            }
        }
        let factor = Zeroizing::new(self.ring.forward(poly));
        sum.mask.add(&self.ring, &[(&factor, &self.public(&encrypted.seed))]);
        sum.body.add(&self.ring, &[(&factor, &encrypted.body)]);
        Ok(())
    }

    /// Masks and re-randomises a sum: what goes back, and the evaluator's N slot shares modulo t.
    pub fn mask_and_rerandomise(
        &self,
        sum: ProductSum,
        key: &PublicKey,
        rng: &mut Generator,
    ) -> (MaskedSlots, Vec<u64>) {
        let ring = &self.ring;
        let ephemeral = Ternary::random(ring.degree(), rng).to_poly(ring);
        let ephemeral = Zeroizing::new(ring.forward(ephemeral));

        let mut mask = sum.mask.finish(ring);
        let mut zero = self.public(&key.seed);
        ring.multiply(&mut zero, &ephemeral);
        ring.add(&mut mask.words, &zero.words);
        let mut errors = ring.zero();
        add_errors(ring, &mut errors, rng);
        let errors = Zeroizing::new(ring.forward(errors));
        ring.add(&mut mask.words, &errors.words);

        let mut body = sum.body.finish(ring);
        let mut zero = Zeroizing::new(key.body.clone());
        ring.multiply(&mut zero, &ephemeral);
        ring.add(&mut body.words, &zero.words);
        let mut body = ring.inverse(body);
        add_errors(ring, &mut body, rng);
        let random = Zeroizing::new(ring.uniform(rng));
        ring.add(&mut body.words, &random);

        let mut shares = self.round(&random);
        let plain = self.plain.modulus();
        for share in &mut shares {
            *share = plain.subtract(0, *share);
        }
        ring.engine().forward(&self.plain, &mut shares);
        (MaskedSlots { mask, body }, shares)
    }

    /// The key holder's N slot shares modulo t.
    pub fn decrypt(&self, key: &SecretKey, masked: &MaskedSlots) -> Vec<u64> {
        let mut product = masked.mask.clone();
        self.ring.multiply(&mut product, &key.transformed);
        let mut body = masked.body.clone();
        let product = Zeroizing::new(self.ring.inverse(product));
        self.ring.subtract(&mut body.words, &product.words);
        let mut shares = self.round(&body.words);
        self.ring.engine().forward(&self.plain, &mut shares);
        shares
    }

    /// round(t·x/Q) of every coefficient.
    fn round(&self, words: &[u64]) -> Vec<u64> {
        let round = |index| self.scale.round(self.fractions.of_coefficient(words, index));
        (0..self.slots()).map(round).collect()
    }

    /// Bytes of a seed and one element.
    pub fn seeded_bytes(&self) -> usize {
        32 + self.ring.poly_bytes()
    }

    /// Bytes of an answer: two elements.
    pub fn masked_bytes(&self) -> usize {
        2 * self.ring.poly_bytes()
    }

    fn write_seeded(&self, seed: &[u8; 32], body: &TransformedPoly) -> Vec<u8> {
        let mut bytes = Vec::from(*seed);
        bytes.extend(self.ring.pack(&body.words));
        bytes
    }

    fn read_seeded(
        &self,
        bytes: &[u8],
        what: &'static str,
    ) -> Result<([u8; 32], TransformedPoly), LatticeError> {
        let (expected, actual) = (self.seeded_bytes(), bytes.len());
        match bytes.split_first_chunk::<32>() {
            Some((seed, body)) if actual == expected => {
                Ok((*seed, TransformedPoly { words: self.ring.unpack(body, what)? }))
            }
            _ => Err(LatticeError::WrongLength { what, expected, actual }),
        }
    }
}

impl PublicKey {
    /// The wire form.
    pub fn to_bytes(&self, slots: &SlotRing) -> Vec<u8> {
        slots.write_seeded(&self.seed, &self.body)
    }

    /// Reads exactly [`SlotRing::seeded_bytes`] bytes.
    ///
    /// # Errors
    ///
    /// [`LatticeError::WrongLength`] or [`LatticeError::NotReduced`]: the peer misbehaves.
    pub fn from_bytes(slots: &SlotRing, bytes: &[u8]) -> Result<Self, LatticeError> {
        let (seed, body) = slots.read_seeded(bytes, "public key")?;
        Ok(Self { seed, body })
    }
}

impl EncryptedSlots {
    /// The wire form.
    pub fn to_bytes(&self, slots: &SlotRing) -> Vec<u8> {
        slots.write_seeded(&self.seed, &self.body)
    }

    /// Reads exactly [`SlotRing::seeded_bytes`] bytes.
    ///
    /// # Errors
    ///
    /// [`LatticeError::WrongLength`] or [`LatticeError::NotReduced`]: the peer misbehaves.
    pub fn from_bytes(slots: &SlotRing, bytes: &[u8]) -> Result<Self, LatticeError> {
        let (seed, body) = slots.read_seeded(bytes, "encrypted slots")?;
        Ok(Self { seed, body })
    }
}

impl MaskedSlots {
    /// The wire form.
    pub fn to_bytes(&self, slots: &SlotRing) -> Vec<u8> {
        let mut bytes = slots.ring.pack(&self.mask.words);
        bytes.extend(slots.ring.pack(&self.body.words));
        bytes
    }

    /// Reads exactly [`SlotRing::masked_bytes`] bytes.
    ///
    /// # Errors
    ///
    /// [`LatticeError::WrongLength`] or [`LatticeError::NotReduced`]: the peer misbehaves.
    pub fn from_bytes(slots: &SlotRing, bytes: &[u8]) -> Result<Self, LatticeError> {
        let what = "masked slots";
        let (expected, actual) = (slots.masked_bytes(), bytes.len());
        if expected != actual {
            return Err(LatticeError::WrongLength { what, expected, actual });
        }
        debug_assert_eq!(slots.ring.poly_bytes(), packed_bytes(slots.ring.poly_words()));
        let (mask, body) = bytes.split_at(slots.ring.poly_bytes());
        let mask = TransformedPoly { words: slots.ring.unpack(mask, what)? };
        Ok(Self { mask, body: CoefficientPoly { words: slots.ring.unpack(body, what)? } })
    }
}

impl core::fmt::Debug for SecretKey {
    fn fmt(&self, formatter: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        formatter.debug_struct("SecretKey").finish_non_exhaustive()
    }
}

impl core::fmt::Debug for ProductSum {
    fn fmt(&self, formatter: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        formatter.debug_struct("ProductSum").field("terms", &self.terms).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lattice::parameters::Parameters;

    #[test]
    fn shares_add_up_to_the_products() {
        let ring = Ring::new(Parameters::N8192_Q150);
        for slots in [SlotRing::new(&ring), SlotRing::with_modulus(&ring, 17_592_186_028_033)] {
            assert_shares_add_up(&slots);
        }
        let narrow = Ring::new(Parameters::N8192_Q100);
        assert_shares_add_up(&SlotRing::with_modulus(&narrow, 2_752_513));
    }

    fn assert_shares_add_up(slots: &SlotRing) {
        let prime = slots.modulus();
        let mut rng = Generator::from_seed([1; 32]);
        let (key, public) = slots.generate_keys(&mut rng);
        let vector = |rng: &mut Generator| -> Vec<u64> {
            (0..slots.slots()).map(|_| rng.below(prime)).collect()
        };
        let mut sum = slots.start_sum();
        let mut expected = vec![0; slots.slots()];
        let plain = slots.plain.modulus();
        for _ in 0..3 {
            let (theirs, ours) = (vector(&mut rng), vector(&mut rng));
            let encrypted = slots.encrypt(&key, &theirs, &mut rng).unwrap();
            let bytes = encrypted.to_bytes(slots);
            let encrypted = EncryptedSlots::from_bytes(slots, &bytes).unwrap();
            slots.add_product(&mut sum, &encrypted, &ours).unwrap();
            for (expected, (left, right)) in expected.iter_mut().zip(theirs.iter().zip(&ours)) {
                *expected = plain.add(*expected, plain.multiply(*left, *right));
            }
        }
        let public = PublicKey::from_bytes(slots, &public.to_bytes(slots)).unwrap();
        let (masked, ours) = slots.mask_and_rerandomise(sum, &public, &mut rng);
        let masked = MaskedSlots::from_bytes(slots, &masked.to_bytes(slots)).unwrap();
        let theirs = slots.decrypt(&key, &masked);
        let added: Vec<u64> =
            ours.iter().zip(&theirs).map(|(left, right)| plain.add(*left, *right)).collect();
        assert_eq!(added, expected);
        // Either share alone is spread over the whole range.
        let upper_half = theirs.iter().filter(|share| **share > prime / 2).count();
        assert!((3800..4400).contains(&upper_half));
    }

    /// Forms have eight, hidden rankings up to 64 (a factor each); by the formula 496 have room.
    #[test]
    fn a_pair_of_moduli_has_room_for_sums_of_64_products() {
        for (slots, modulus) in
            SlotRing::pair(&Ring::new(Parameters::N8192_Q150)).iter().zip(PAIR_MODULI)
        {
            assert_eq!(modulus % (2 * 8192), 1);
            assert!((3..1_u64 << 22).step_by(2).all(|divisor| !modulus.is_multiple_of(divisor)));
            assert!(slots.products_max() >= 64, "{}", slots.products_max());
        }
    }

    #[test]
    fn the_number_of_products_is_limited() {
        let slots = SlotRing::new(&Ring::new(Parameters::N8192_Q150));
        assert!((1 << 12..1 << 14).contains(&slots.products_max()), "{}", slots.products_max());
        let narrow = SlotRing::with_modulus(&Ring::new(Parameters::N8192_Q100), 2_752_513);
        assert!((8..64).contains(&narrow.products_max()), "{}", narrow.products_max());
        let mut sum = slots.start_sum();
        sum.terms = slots.products_max();
        let mut rng = Generator::from_seed([2; 32]);
        let (key, _) = slots.generate_keys(&mut rng);
        let encrypted = slots.encrypt(&key, &[1, 2], &mut rng).unwrap();
        let refused = slots.add_product(&mut sum, &encrypted, &[1]);
        assert!(matches!(refused, Err(LatticeError::NoiseBudget { .. })));
        assert!(slots.encrypt(&key, &[SLOT_MODULUS], &mut rng).is_err());
    }

    #[test]
    fn wrong_lengths_are_refused() {
        let slots = SlotRing::new(&Ring::new(Parameters::N8192_Q150));
        for length in [0, 31, 32, slots.seeded_bytes() - 1, slots.seeded_bytes() + 1] {
            assert!(EncryptedSlots::from_bytes(&slots, &vec![0; length]).is_err());
            assert!(PublicKey::from_bytes(&slots, &vec![0; length]).is_err());
        }
        assert!(MaskedSlots::from_bytes(&slots, &[0; 100]).is_err());
        assert!(MaskedSlots::from_bytes(&slots, &vec![255; slots.masked_bytes()]).is_err());
    }
}
