//! Sums of products of numbers that are shared among several parties, many at a time.
//!
//! # Functionality
//! That of [`product`](crate::product) for two parties, among n: shares modulo 2^128 of `Σ
//! factor·v_i·v_j / 2^shift`. Numbers are below 2^87 in magnitude, sums before the shift below
//! 2^85; the result is off by less than n + 2 units, and exact without a shift.
//! # Messages
//! 1. `public_key` between each two, once (`product`)
//! 2. the parties add up leading bits of their shares, see [`lift`](super::lift): how often these
//!    wrapped around, as shares modulo the product of two primes
//! 3. `factors`, `products` between each two (`product`): the cross terms of their shares modulo
//!    the primes
//! 4. leading bits once more, to come back from the primes to the ring
//! # Leaks
//! Nothing but lengths and forms, which are public.
//! # Security
//! Semi-honest, against any n - 1 parties together: cross terms are the matter of two parties, who
//! get fresh uniform shares modulo the primes; see `several` and `product`. Shares modulo the
//! primes' product, of 88 bits, are made of keys of 128, so that the chances of two values differ
//! by at most one part in 2^39: of 2^24 such numbers nothing is told from uniform ones with an
//! advantage above 2^-27 (Pinsker's inequality).
//! # Cost
//! Between each two, for each place of a vector 19 ANDs of bits with three parties and two bits to
//! words of 11 bytes, and of a form likewise with 16 bytes; in whole 8192 places 37.5 bytes for
//! each vector from one of both and 75 for each form from the other. Up to [`FEW`] places take
//! transfers instead: 2560 bytes each way for each product.
//! # Reference
//! See `product`. The primes' residues of a sum of shares: [`lift`](super::lift).

use crypto::lattice::slots::{PAIR_MODULI, SlotRing};
use net::together;
use rayon::prelude::*;

use super::Parties;
use super::wide::{leading, shorten};
use super::words::{accumulate, fraction_bits, multiply_words, wraps};
use crate::ot_extension::Key;
use crate::product::{self, FEW, Form, PAIR_PRODUCT, check, factors, sum_up};
use crate::{Element, MpcError};

/// The state of one party: that with each other party.
pub struct Products(Vec<product::Products>);

/// Shares modulo each prime: of each vector, place by place.
type Residues = [Vec<Vec<u64>>; 2];

impl Products {
    /// Hands keys over, between each two parties.
    ///
    /// # Errors
    /// [`MpcError::Net`] when a peer fails or sends what is no key.
    #[net::boxed]
    pub async fn prepare(parties: &mut Parties) -> Result<Self, MpcError> {
        let links = parties.links().iter_mut();
        Ok(Self(together(links.map(product::Products::prepare)).await?))
    }

    /// Shares of each form, place by place, of shared vectors of equal length.
    ///
    /// # Errors
    /// [`MpcError::InvalidInput`] for vectors of different lengths or a form beyond its bounds,
    /// [`MpcError::Net`] when a peer fails.
    #[net::boxed]
    pub async fn evaluate(
        &self,
        parties: &mut Parties,
        vectors: &[&[u128]],
        forms: &[Form],
    ) -> Result<Vec<Vec<u128>>, MpcError> {
        let length = check(vectors, forms)?;
        if length <= FEW || forms.is_empty() {
            return few(parties, vectors, forms, length).await;
        }
        let mut results = vec![Vec::with_capacity(length); forms.len()];
        for start in (0..length).step_by(self.0[0].places()) {
            let part = start..length.min(start + self.0[0].places());
            let vectors: Vec<&[u128]> = vectors.iter().map(|v| &v[part.clone()]).collect();
            let parts = self.part(parties, &vectors, forms).await?;
            results.iter_mut().zip(parts).for_each(|(result, part)| result.extend(part));
        }
        Ok(results)
    }

    async fn part(
        &self,
        parties: &mut Parties,
        vectors: &[&[u128]],
        forms: &[Form],
    ) -> Result<Vec<Vec<u128>>, MpcError> {
        let own = &self.residues(parties, vectors).await?;
        let both = parties.links().iter_mut().zip(&self.0);
        let cross = both.map(|(link, products)| products.cross_terms(link, own, forms));
        let mut cross = together(cross).await?.into_iter();
        let mut sums = cross.next().unwrap_or_default();
        for (slots, place) in self.slots().iter().zip(0..) {
            let add = |(sum, term): (&mut u64, &u64)| *sum = slots.add(*sum, *term);
            for terms in cross.as_slice() {
                sums[place].iter_mut().zip(&terms[place]).for_each(add);
            }
        }
        let add_own = || self.0[0].join(&self.0[0].add_own(own, forms, sums));
        let joined = parties.session().compute(add_own).await;
        back(parties, &joined, forms).await
    }

    fn slots(&self) -> &[SlotRing; 2] {
        self.0[0].slots()
    }

    /// Shares modulo each prime, from shares modulo 2^128.
    async fn residues(
        &self,
        parties: &mut Parties,
        vectors: &[&[u128]],
    ) -> Result<Residues, MpcError> {
        let shares = vectors.concat();
        let wraps = wraps::<Residue>(parties, leading(parties, &shares)).await?;
        let length = vectors.first().map_or(1, |vector| vector.len().max(1));
        let reduce = || self.slots().each_ref().map(|slots| reduce(slots, &shares, &wraps, length));
        Ok(parties.session().compute(reduce).await)
    }
}

/// Shares modulo the prime of `slots` of vectors of this length, from shares modulo 2^128, one
/// vector after the other, and the bits of how often these wrap around, the lowest of all first.
fn reduce(slots: &SlotRing, shares: &[u128], wraps: &[Residue], length: usize) -> Vec<Vec<u64>> {
    let prime = slots.modulus();
    let modulo = |number: u128| (number % u128::from(prime)) as u64;
    // What one wrap takes off, by bit.
    let ring = u128::from(modulo(u128::MAX)) + 1;
    let bits = wraps.len() / shares.len().max(1);
    let steps: Vec<u64> = (0..bits).map(|bit| prime - modulo(ring << bit)).collect();
    let of_share = |(place, share): (usize, &u128)| {
        let wraps = wraps[place..].iter().step_by(shares.len());
        steps.iter().zip(wraps).fold(modulo(*share), |sum, (step, wrap)| {
            slots.add(sum, slots.multiply(*step, modulo(wrap.0)))
        })
    };
    let residues: Vec<u64> = shares.par_iter().enumerate().map(of_share).collect();
    residues.chunks(length).map(<[u64]>::to_vec).collect()
}

/// [`Products::evaluate`] by transfers.
async fn few(
    parties: &mut Parties,
    vectors: &[&[u128]],
    forms: &[Form],
    length: usize,
) -> Result<Vec<Vec<u128>>, MpcError> {
    let [left, right] = factors(vectors, forms);
    let products = multiply_words(parties, &left, &right).await?;
    let mut results = Vec::with_capacity(forms.len());
    for (sums, form) in sum_up(&products, length, forms).into_iter().zip(forms) {
        results.push(shorten(parties, &sums, form.shift).await?);
    }
    Ok(results)
}

/// Shares modulo 2^128 of each form's sums over 2 to its shift, from shares modulo the primes'
/// product: form after form.
async fn back(
    parties: &mut Parties,
    joined: &[u128],
    forms: &[Form],
) -> Result<Vec<Vec<u128>>, MpcError> {
    let kept = fraction_bits(parties);
    let fractions = joined.iter().map(|share| ((share << kept) / PAIR_PRODUCT) as u64).collect();
    let wraps = wraps::<u128>(parties, fractions).await?;
    let length = joined.len() / forms.len();
    let mut results = Vec::with_capacity(forms.len());
    for (place, form) in forms.iter().enumerate() {
        let span = place * length..(place + 1) * length;
        let mut sums: Vec<u128> = joined[span.clone()].iter().map(|it| it >> form.shift).collect();
        for (bit, wraps) in wraps.chunks_exact(joined.len()).enumerate() {
            let step = ((PAIR_PRODUCT << bit) + (1 << form.shift >> 1)) >> form.shift;
            let step = step.wrapping_neg();
            let off: Vec<u128> =
                wraps[span.clone()].iter().map(|wrap| wrap.wrapping_mul(step)).collect();
            accumulate(&mut sums, &off);
        }
        results.push(sums);
    }
    Ok(results)
}

/// A number below the product of both primes, which has 88 bits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Residue(u128);

impl Key for Residue {
    fn cut(hash: u128) -> Self {
        Self(hash % PAIR_PRODUCT)
    }
}

impl Element for Residue {
    const BYTES: usize = 11;

    fn from_bit(bit: u64) -> Self {
        Self(bit.into())
    }

    fn plus(self, other: Self) -> Self {
        let sum = self.0 + other.0;
        // Without a branch: the top bit of the difference says whether the modulus has to stay.
        let less = sum.wrapping_sub(PAIR_PRODUCT);
        Self(less.wrapping_add(PAIR_PRODUCT & ((less as i128) >> 127) as u128))
    }

    fn minus(self, other: Self) -> Self {
        self.plus(Self(PAIR_PRODUCT - other.0))
    }

    fn times_bit(self, bit: u64) -> Self {
        Self(self.0 & u128::from(bit).wrapping_neg())
    }

    fn write(self, out: &mut Vec<u8>) {
        out.extend(&self.0.to_le_bytes()[..Self::BYTES]);
    }

    fn read(bytes: &[u8]) -> Self {
        let mut number = [0; 16];
        number.iter_mut().zip(bytes).for_each(|(target, byte)| *target = *byte);
        Self(u128::from_le_bytes(number) % PAIR_PRODUCT)
    }
}

const _: () = assert!(PAIR_MODULI[0] > PAIR_MODULI[1] && PAIR_PRODUCT >> 88 == 0);

#[cfg(test)]
mod tests;
