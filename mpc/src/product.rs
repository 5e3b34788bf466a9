//! Sums of products of shared numbers, many at a time.
//!
//! # Functionality
//! The parties hold shares modulo 2^128 (see `wide`) of vectors `v_1`, …, `v_k` of the same length.
//! [`Products::evaluate`] gives such shares of `Σ factor·v_i·v_j / 2^shift`, place by place, for
//! each of several [`Form`]s. Numbers are below 2^87 in magnitude, sums before the shift below
//! 2^85; the result is off by at most three units, and exact without a shift.
//! # Messages
//! 1. `public_key` second → first, once
//! 2. `factors` second → first: its shares of all vectors, encrypted in slots modulo two primes
//! 3. `products` first → second: the cross terms of each form, masked
//! 4. `corrections`, `correlations`: back from the primes to the ring (see `wide`)
//! # Leaks
//! Nothing but lengths and forms, which are public.
//! # Security
//! Semi-honest, from ring-LWE (`crypto::lattice::slots`) and the transfers. Cross terms `x_0·y_1 +
//! x_1·y_0` are computed under the second party's key; what comes back is masked over the whole
//! ring and re-randomised. Each party's share modulo a prime is exact but with probability 2^-40,
//! for the re-sharing, and 2^-40 for the number's residue.
//! # Cost
//! 4 flights for each group of at most [`GROUP`] chunks of 8192 places. For each chunk and both
//! primes together 307,264 bytes for each vector and 614,400 back for each form; and 20 bytes for
//! each form and place. Up to [`FEW`] places take transfers instead (`multiplication`): 2560 bytes
//! each way for each product, 2 flights, and 2 more for forms with a shift.
//! # Reference
//! Slots: see `crypto::lattice::slots`. Cross terms under one party's key: Gilboa, CRYPTO 1999,
//! section 4, moved from Paillier to ring-LWE as in Rathee et al., "`CrypTFlow2`", CCS 2020
//! (eprint 2020/1002), section 2.5.

use crypto::lattice::slots::{
    EncryptedSlots, MaskedSlots, PAIR_MODULI, PublicKey, SecretKey, SlotRing,
};
use crypto::lattice::{LatticeError, Parameters, Ring};
use crypto::random::Generator;
use net::Size;
use rayon::prelude::*;

use crate::hints::blame;
use crate::multiplication::multiply;
use crate::wide::{Residues, widen_all};
use crate::{MpcError, TwoParty};

/// Chunks of places that are worked on at once, which bounds memory.
pub const GROUP: usize = 8;
/// Places up to which transfers send less than ciphertexts, whose slots would be empty.
pub const FEW: usize = 256;
/// Products that one form may sum up.
pub const TERMS_MAX: usize = 4;
/// Sums of products stay below 2 to this power before they are shifted: a sixth of the primes'
/// product.
pub const SUM_BITS: u32 = 85;

/// The product of both primes.
pub(crate) const PAIR_PRODUCT: u128 = PAIR_MODULI[0] as u128 * PAIR_MODULI[1] as u128;

/// `Σ factor·v_i·v_j / 2^shift`: each term is (factor, i, j), with factors below 2^40.
#[derive(Clone, Debug)]
pub struct Form {
    /// At most [`TERMS_MAX`].
    pub terms: Vec<(i64, usize, usize)>,
    /// Bits that the sum is shortened by.
    pub shift: u32,
}

/// The state of one party: ring tables and keys.
pub struct Products {
    slots: [SlotRing; 2],
    keys: Keys,
}

enum Keys {
    /// The first party multiplies under the second party's key.
    First(PublicKey),
    Second(SecretKey),
}

impl Form {
    /// The single product `v_i·v_j / 2^shift`.
    pub fn product(i: usize, j: usize, shift: u32) -> Self {
        Self { terms: vec![(1, i, j)], shift }
    }

    /// Whether all is within bounds, for so many vectors.
    fn is_valid(&self, vectors: usize) -> bool {
        let fits = |(factor, i, j): &(i64, usize, usize)| {
            factor.unsigned_abs() < 1 << 40 && *i.max(j) < vectors
        };
        (1..=TERMS_MAX).contains(&self.terms.len()) && self.terms.iter().all(fits)
    }
}

impl Products {
    /// Makes the second party's keys and hands the public one over.
    #[net::boxed]
    pub async fn prepare(party: &mut TwoParty) -> Result<Self, MpcError> {
        const STEP: &str = "public_key";
        let slots = SlotRing::pair(&Ring::new(Parameters::N8192_Q150));
        let first = party.is_first();
        let session = &mut party.session;
        let keys = if first {
            let bytes = session.receive_bytes(STEP, Size::Exactly(slots[0].seeded_bytes())).await?;
            let key = PublicKey::from_bytes(&slots[0], &bytes);
            Keys::First(key.map_err(|error| blame(session, STEP, error))?)
        } else {
            let (secret, public) = slots[0].generate_keys(&mut session.rng());
            session.send_bytes(STEP, public.to_bytes(&slots[0])).await?;
            Keys::Second(secret)
        };
        Ok(Self { slots, keys })
    }

    /// Shares of each form, place by place, of shared vectors of equal length.
    ///
    /// # Errors
    /// [`MpcError::InvalidInput`] for vectors of different lengths or a form beyond its bounds,
    /// [`MpcError::Net`] when the peer fails.
    #[net::boxed]
    pub async fn evaluate(
        &self,
        party: &mut TwoParty,
        vectors: &[&[u128]],
        forms: &[Form],
    ) -> Result<Vec<Vec<u128>>, MpcError> {
        let length = check(vectors, forms)?;
        if length <= FEW {
            return evaluate_few(party, vectors, forms).await;
        }
        let mut results = vec![Vec::with_capacity(length); forms.len()];
        let (step, first) = (self.places(), party.is_first());
        for start in (0..length).step_by(step) {
            let part = start..length.min(start + step);
            let vectors: Vec<&[u128]> = vectors.iter().map(|v| &v[part.clone()]).collect();
            let own = party.session.compute(|| self.residues(&vectors, first)).await;
            let cross = self.cross_terms(party, &own, forms).await?;
            let residues = party.session.compute(|| self.add_own(&own, forms, cross)).await;
            let widened = self.widen(party, &residues, forms, part.len()).await?;
            for (result, part) in results.iter_mut().zip(widened) {
                result.extend(part);
            }
        }
        Ok(results)
    }

    /// Places that are worked on at once.
    pub(crate) fn places(&self) -> usize {
        GROUP * self.slots[0].slots()
    }

    /// The rings of both primes.
    pub(crate) fn slots(&self) -> &[SlotRing; 2] {
        &self.slots
    }

    /// Shares modulo each prime of the terms `x_0·y_1 + x_1·y_0` of each form, from both parties'
    /// private numbers modulo each prime: of each vector, of at most [`Self::places`] places.
    pub(crate) async fn cross_terms(
        &self,
        party: &mut TwoParty,
        own: &[Vec<Vec<u64>>; 2],
        forms: &[Form],
    ) -> Result<[Vec<u64>; 2], MpcError> {
        match &self.keys {
            Keys::First(key) => self.multiply(party, key, own, forms).await,
            Keys::Second(key) => self.offer(party, key, own, forms).await,
        }
    }

    /// Shares modulo 2^128, from shares modulo each prime: form after form, for both primes.
    async fn widen(
        &self,
        party: &mut TwoParty,
        residues: &[Vec<u64>; 2],
        forms: &[Form],
        length: usize,
    ) -> Result<Vec<Vec<u128>>, MpcError> {
        let joined = party.session.compute(|| self.join(residues)).await;
        let joined = joined.chunks(length.max(1)).map(<[u128]>::to_vec).collect();
        widen_by_shift(party, joined, PAIR_PRODUCT, forms).await
    }

    /// Residues modulo the product of both primes.
    pub(crate) fn join(&self, residues: &[Vec<u64>; 2]) -> Vec<u128> {
        let [p, q] = PAIR_MODULI;
        // x = a + p·((b - a)/p modulo q), with 1/p modulo q from Fermat. p is the larger one, and a
        // less than 2q.
        let slots = &self.slots[1];
        let inverse = power(p % q, q - 2, slots);
        let join = |(a, b): (&u64, &u64)| {
            let difference = slots.add(*b, q - slots.reduce(u128::from(*a)));
            u128::from(*a) + u128::from(p) * u128::from(slots.multiply(difference, inverse))
        };
        residues[0].par_iter().zip(&residues[1]).map(join).collect()
    }

    /// The second party's side of the cross terms.
    async fn offer(
        &self,
        party: &mut TwoParty,
        key: &SecretKey,
        own: &[Vec<Vec<u64>>; 2],
        forms: &[Form],
    ) -> Result<[Vec<u64>; 2], MpcError> {
        const ANSWER: &str = "products";
        let session = &mut party.session;
        let mut rng = session.rng();
        let query = session.compute(|| self.encrypt(key, own, &mut rng)).await?;
        session.send_bytes("factors", query).await?;
        let length = own[0].first().map_or(0, Vec::len);
        let chunks = length.div_ceil(self.slots[0].slots());
        let size = Size::Exactly(2 * forms.len() * chunks * self.slots[0].masked_bytes());
        let answer = session.receive_bytes(ANSWER, size).await?;
        session
            .compute(|| self.decrypt(key, &answer, forms.len(), length))
            .await
            .map_err(|error| blame(session, ANSWER, error))
    }

    /// The first party's side of the cross terms.
    async fn multiply(
        &self,
        party: &mut TwoParty,
        key: &PublicKey,
        own: &[Vec<Vec<u64>>; 2],
        forms: &[Form],
    ) -> Result<[Vec<u64>; 2], MpcError> {
        const QUERY: &str = "factors";
        let session = &mut party.session;
        let (length, vectors) = (own[0].first().map_or(0, Vec::len), own[0].len());
        let chunks = length.div_ceil(self.slots[0].slots());
        let size = Size::Exactly(2 * vectors * chunks * self.slots[0].seeded_bytes());
        let query = session.receive_bytes(QUERY, size).await?;
        let mut rng = session.rng();
        let (answer, shares) = session
            .compute(|| self.answer(key, &query, own, forms, length, &mut rng))
            .await
            .map_err(|error| blame(session, QUERY, error))?;
        session.send_bytes("products", answer).await?;
        Ok(shares)
    }

    /// Own shares of every vector modulo each prime.
    fn residues(&self, vectors: &[&[u128]], first: bool) -> [Vec<Vec<u64>>; 2] {
        self.slots.each_ref().map(|slots| {
            let residues = Residues::new(slots, first);
            let reduced = |v: &&[u128]| v.par_iter().map(|share| residues.of(*share)).collect();
            vectors.iter().map(reduced).collect()
        })
    }

    /// Prime after prime, vector after vector, chunk after chunk.
    fn encrypt(
        &self,
        key: &SecretKey,
        own: &[Vec<Vec<u64>>; 2],
        rng: &mut Generator,
    ) -> Result<Vec<u8>, LatticeError> {
        let mut parts = Vec::new();
        for (slots, vectors) in self.slots.iter().zip(own) {
            for chunk in vectors.iter().flat_map(|vector| vector.chunks(slots.slots())) {
                parts.push((slots, chunk, rng.child()));
            }
        }
        let encrypt = |(slots, chunk, mut rng): (&SlotRing, &[u64], Generator)| {
            Ok(slots.encrypt(key, chunk, &mut rng)?.to_bytes(slots))
        };
        let bytes: Vec<Vec<u8>> =
            parts.into_par_iter().map(encrypt).collect::<Result<_, LatticeError>>()?;
        Ok(bytes.concat())
    }

    /// The masked cross terms in wire form, prime after prime, form after form, chunk after chunk;
    /// and the own shares of them.
    fn answer(
        &self,
        key: &PublicKey,
        query: &[u8],
        own: &[Vec<Vec<u64>>; 2],
        forms: &[Form],
        length: usize,
        rng: &mut Generator,
    ) -> Result<(Vec<u8>, [Vec<u64>; 2]), LatticeError> {
        let chunks = length.div_ceil(self.slots[0].slots());
        let mut parts = Vec::new();
        for prime in 0..2 {
            for form in forms {
                parts.extend((0..chunks).map(|chunk| (prime, form, chunk, rng.child())));
            }
        }
        let seeded = self.slots[0].seeded_bytes();
        let answer = |(prime, form, chunk, mut rng): (usize, &Form, usize, Generator)| {
            let (slots, own): (&SlotRing, &Vec<Vec<u64>>) = (&self.slots[prime], &own[prime]);
            let start = chunk * slots.slots();
            let span = start..length.min(start + slots.slots());
            let mut sum = slots.start_sum();
            for (index, partner) in partners(form, own, span.clone(), slots) {
                let place = (prime * own.len() + index) * chunks + chunk;
                let bytes = &query[place * seeded..(place + 1) * seeded];
                slots.add_product(
                    &mut sum,
                    &EncryptedSlots::from_bytes(slots, bytes)?,
                    &partner,
                )?;
            }
            let (masked, mut shares) = slots.mask_and_rerandomise(sum, key, &mut rng);
            shares.truncate(span.len());
            Ok::<_, LatticeError>((masked.to_bytes(slots), shares))
        };
        let answers: Vec<(Vec<u8>, Vec<u64>)> =
            parts.into_par_iter().map(answer).collect::<Result<_, _>>()?;
        let (first, second) = answers.split_at(answers.len() / 2);
        let shares =
            [first, second].map(|half| half.iter().flat_map(|(_, s)| s).copied().collect());
        let bytes: Vec<&[u8]> = answers.iter().map(|(bytes, _)| bytes.as_slice()).collect();
        Ok((bytes.concat(), shares))
    }

    /// The second party's shares of the cross terms.
    fn decrypt(
        &self,
        key: &SecretKey,
        answer: &[u8],
        forms: usize,
        length: usize,
    ) -> Result<[Vec<u64>; 2], LatticeError> {
        let slots_count = self.slots[0].slots();
        let chunks = length.div_ceil(slots_count);
        let decrypted: Vec<Vec<u64>> = answer
            .par_chunks_exact(self.slots[0].masked_bytes())
            .enumerate()
            .map(|(place, bytes)| {
                let slots = &self.slots[place / (forms * chunks)];
                let mut shares = slots.decrypt(key, &MaskedSlots::from_bytes(slots, bytes)?);
                shares.truncate(slots_count.min(length - place % chunks * slots_count));
                Ok(shares)
            })
            .collect::<Result<_, LatticeError>>()?;
        let (first, second) = decrypted.split_at(decrypted.len() / 2);
        Ok([first, second].map(<[Vec<u64>]>::concat))
    }

    /// Adds `Σ factor·x·y` of the own shares to the shares of the cross terms.
    pub(crate) fn add_own(
        &self,
        own: &[Vec<Vec<u64>>; 2],
        forms: &[Form],
        mut cross: [Vec<u64>; 2],
    ) -> [Vec<u64>; 2] {
        for ((slots, vectors), cross) in self.slots.iter().zip(own).zip(&mut cross) {
            let length = vectors.first().map_or(0, Vec::len);
            for (form, cross) in forms.iter().zip(cross.chunks_mut(length.max(1))) {
                let factors = form.terms.iter().map(|(factor, _, _)| signed(*factor, slots));
                let terms: Vec<_> = factors.zip(&form.terms).collect();
                cross.par_iter_mut().enumerate().for_each(|(place, share)| {
                    for (factor, (_, i, j)) in &terms {
                        let product = slots.multiply(vectors[*i][place], vectors[*j][place]);
                        *share = slots.add(*share, slots.multiply(*factor, product));
                    }
                });
            }
        }
        cross
    }
}

/// The number of places of all vectors.
///
/// # Errors
/// [`MpcError::InvalidInput`] for vectors of different lengths or a form beyond its bounds.
pub(crate) fn check(vectors: &[&[u128]], forms: &[Form]) -> Result<usize, MpcError> {
    let length = vectors.first().map_or(0, |vector| vector.len());
    let is_valid = vectors.iter().all(|vector| vector.len() == length)
        && forms.iter().all(|form| form.is_valid(vectors.len()));
    if is_valid {
        return Ok(length);
    }
    Err(MpcError::InvalidInput(format!(
        "products of {} vectors need equal lengths and forms of 1 to {TERMS_MAX} terms",
        vectors.len()
    )))
}

/// Left and right factors of every term of all forms, one after the other.
pub(crate) fn factors(vectors: &[&[u128]], forms: &[Form]) -> [Vec<u128>; 2] {
    let terms = || forms.iter().flat_map(|form| &form.terms);
    let left = terms().flat_map(|(_, i, _)| vectors[*i]).copied().collect();
    let right = terms().flat_map(|(_, _, j)| vectors[*j]).copied().collect();
    [left, right]
}

/// The sum of each form, from shares of the products of its [`factors`].
pub(crate) fn sum_up(products: &[u128], length: usize, forms: &[Form]) -> Vec<Vec<u128>> {
    let mut products = products.chunks(length.max(1));
    let sum = |form: &Form| {
        let mut sums = vec![0_u128; length];
        for ((factor, _, _), products) in form.terms.iter().zip(&mut products) {
            for (sum, product) in sums.iter_mut().zip(products) {
                *sum = sum.wrapping_add(product.wrapping_mul(i128::from(*factor) as u128));
            }
        }
        sums
    };
    forms.iter().map(sum).collect()
}

/// Widens the sums of each form by its shift, all in one message; exact sums modulo a power of two
/// stay as they are.
async fn widen_by_shift(
    party: &mut TwoParty,
    mut sums: Vec<Vec<u128>>,
    modulus: u128,
    forms: &[Form],
) -> Result<Vec<Vec<u128>>, MpcError> {
    let is_power = modulus.is_power_of_two();
    let moves = |form: &Form| !(is_power && form.shift == 0);
    if is_power {
        for (sums, _) in sums.iter_mut().zip(forms).filter(|(_, form)| moves(form)) {
            for sum in sums {
                *sum &= modulus - 1;
            }
        }
    }
    let chosen = sums.iter().zip(forms).filter(|(_, form)| moves(form));
    let vectors: Vec<_> =
        chosen.map(|(sums, form)| (sums.as_slice(), modulus, form.shift)).collect();
    let mut wide = widen_all(party, &vectors).await?.into_iter();
    for (sums, _) in sums.iter_mut().zip(forms).filter(|(_, form)| moves(form)) {
        *sums = wide.next().unwrap_or_default();
    }
    Ok(sums)
}

/// [`Products::evaluate`] by transfers.
async fn evaluate_few(
    party: &mut TwoParty,
    vectors: &[&[u128]],
    forms: &[Form],
) -> Result<Vec<Vec<u128>>, MpcError> {
    /// Sums fit, with the sixth that widening asks for.
    const RING: u128 = 1 << (SUM_BITS + 3);
    let [left, right] = factors(vectors, forms);
    let products = multiply(party, &left, &right).await?;
    let length = vectors.first().map_or(0, |vector| vector.len());
    let results = sum_up(&products, length, forms);
    widen_by_shift(party, results, RING, forms).await
}

/// For each vector of a form, its number and what its encryption is multiplied by: the sum of
/// factors times own shares of the vectors that it is multiplied with.
fn partners(
    form: &Form,
    own: &[Vec<u64>],
    span: std::ops::Range<usize>,
    slots: &SlotRing,
) -> Vec<(usize, Vec<u64>)> {
    let mut partners: Vec<(usize, Vec<u64>)> = Vec::new();
    for (factor, i, j) in &form.terms {
        let factor = signed(*factor, slots);
        for (index, other) in [(*i, *j), (*j, *i)] {
            let terms = own[other][span.clone()].iter().map(|x| slots.multiply(factor, *x));
            match partners.iter_mut().find(|(known, _)| *known == index) {
                Some((_, sums)) => {
                    sums.iter_mut().zip(terms).for_each(|(sum, term)| *sum = slots.add(*sum, term));
                }
                None => partners.push((index, terms.collect())),
            }
        }
    }
    partners
}

/// The residue of a public factor.
fn signed(factor: i64, slots: &SlotRing) -> u64 {
    i128::from(factor).rem_euclid(i128::from(slots.modulus())) as u64
}

/// `base^exponent` modulo a public prime.
fn power(base: u64, exponent: u64, slots: &SlotRing) -> u64 {
    (0..u64::BITS).rev().fold(1, |result, bit| {
        let square = slots.multiply(result, result);
        if exponent >> bit & 1 == 1 { slots.multiply(square, base) } else { square }
    })
}

#[cfg(test)]
mod tests;
