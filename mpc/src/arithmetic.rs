//! What the comparison of shared fractions is made of, whoever holds the shares.
//!
//! Shares are modulo 2^128 and of numbers that are far smaller (see `wide`), bits are XOR shares.
//! [`maximum`](crate::maximum) and [`reciprocal`](crate::reciprocal) are written once, for
//! [`TwoParty`] and for [`Parties`](crate::several::Parties).

use crypto::random::Generator;

use crate::boolean::{BitTriples, Bits, and_many, bit_triples};
use crate::product::{Form, Products};
use crate::{MpcError, TwoParty, comparison, conversion, wide};

/// Parties that compute on shares; see the blocks for two parties for what each function gives.
pub trait Arithmetic: Send {
    /// What products need besides.
    type Products: Send + Sync;
    /// Triples for ANDs.
    type Triples: Send;
    /// Levels of a tournament that one round of comparisons decides, at most: more of them take
    /// more comparisons and fewer flights.
    const LEVELS_MAX: usize;

    /// How many parties share.
    fn count(&self) -> usize;

    /// This party's share of a public constant: the first party holds it, the others hold zero.
    fn share_of_public(&self, value: u64) -> u64;

    /// Random numbers of this party's own.
    fn rng(&self) -> Generator;

    /// More units than a shortened number is off by, and than two equal ones are apart.
    fn rounding(&self) -> u64;

    /// See [`Products::evaluate`].
    fn evaluate(
        &mut self,
        products: &Self::Products,
        vectors: &[&[u128]],
        forms: &[Form],
    ) -> impl Future<Output = Result<Vec<Vec<u128>>, MpcError>> + Send;

    /// Shares modulo 2^128 of `x_i / 2^shift`, from shares modulo 2 to a power (2^10 to 2^64) of
    /// numbers `x_i` below a sixth of that in magnitude; exact for shift 0, and off by less than
    /// [`Self::rounding`] else. The shares, the power and the shift, below the power, of each
    /// vector.
    fn widen(
        &mut self,
        vectors: &[(&[u128], u32, u32)],
    ) -> impl Future<Output = Result<Vec<Vec<u128>>, MpcError>> + Send;

    /// See [`wide::shorten`]; off by less than [`Self::rounding`].
    fn shorten(
        &mut self,
        shares: &[u128],
        shift: u32,
    ) -> impl Future<Output = Result<Vec<u128>, MpcError>> + Send;

    /// See [`comparison::is_negative`].
    fn is_negative(
        &mut self,
        shares: &[u64],
        bits: usize,
    ) -> impl Future<Output = Result<Bits, MpcError>> + Send;

    /// See [`conversion::select`].
    fn select(
        &mut self,
        bits: &Bits,
        values: &[u128],
    ) -> impl Future<Output = Result<Vec<u128>, MpcError>> + Send;

    /// See [`conversion::bits_to_words`].
    fn bits_to_words(
        &mut self,
        bits: &Bits,
    ) -> impl Future<Output = Result<Vec<u128>, MpcError>> + Send;

    /// Triples for so many words of 64 ANDs.
    fn triples(
        &mut self,
        words: usize,
    ) -> impl Future<Output = Result<Self::Triples, MpcError>> + Send;

    /// See [`and_many`].
    fn and(
        &mut self,
        triples: &mut Self::Triples,
        pairs: &[(&Bits, &Bits)],
    ) -> impl Future<Output = Result<Vec<Bits>, MpcError>> + Send;
}

impl Arithmetic for TwoParty {
    type Products = Products;
    type Triples = BitTriples;
    const LEVELS_MAX: usize = 3;

    fn count(&self) -> usize {
        2
    }

    fn share_of_public(&self, value: u64) -> u64 {
        Self::share_of_public(self, value)
    }

    fn rng(&self) -> Generator {
        self.session.rng()
    }

    fn rounding(&self) -> u64 {
        4
    }

    async fn evaluate(
        &mut self,
        products: &Products,
        vectors: &[&[u128]],
        forms: &[Form],
    ) -> Result<Vec<Vec<u128>>, MpcError> {
        products.evaluate(self, vectors, forms).await
    }

    async fn widen(&mut self, vectors: &[(&[u128], u32, u32)]) -> Result<Vec<Vec<u128>>, MpcError> {
        let vectors: Vec<(&[u128], u128, u32)> =
            vectors.iter().map(|(shares, bits, shift)| (*shares, 1 << bits, *shift)).collect();
        wide::widen_all(self, &vectors).await
    }

    async fn shorten(&mut self, shares: &[u128], shift: u32) -> Result<Vec<u128>, MpcError> {
        wide::shorten(self, shares, shift).await
    }

    async fn is_negative(&mut self, shares: &[u64], bits: usize) -> Result<Bits, MpcError> {
        comparison::is_negative(self, shares, bits).await
    }

    async fn select(&mut self, bits: &Bits, values: &[u128]) -> Result<Vec<u128>, MpcError> {
        conversion::select(self, bits, values).await
    }

    async fn bits_to_words(&mut self, bits: &Bits) -> Result<Vec<u128>, MpcError> {
        conversion::bits_to_words(self, bits).await
    }

    async fn triples(&mut self, words: usize) -> Result<BitTriples, MpcError> {
        bit_triples(self, words).await
    }

    async fn and(
        &mut self,
        triples: &mut BitTriples,
        pairs: &[(&Bits, &Bits)],
    ) -> Result<Vec<Bits>, MpcError> {
        and_many(self, triples, pairs).await
    }
}
