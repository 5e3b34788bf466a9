//! The exponential function on shares among several parties, for scores that are clamped to a
//! stated range.
//!
//! # Functionality
//! That of [`crate::exponential`] for two parties, among n: for each of one or two [`Term`]s of
//! public rate ρ the first party knows a factor `s_i` for each row, and all get shares of `Σ
//! s_i·exp(ρ·z_i)`, where `z_i` is clamped to a public [`Range`] first, for every `z_i` that the
//! ring can hold, but for some hundred at its ends. The error relative to `max(1,
//! |s_i|)·exp(ρ·z_i)`, summed up over the terms, is at most 3e-5 as a function of `z_i` (for scores
//! up to 12.5 in magnitude, and in proportion beyond), and besides rounding of expectation 0, since
//! parties round their exponentials at random, and of the deviation that [`deviation`] states:
//! 1.4e-5 with three parties, 2.7e-4 with four and 2.4e-3 with five. Within n steps of 0.05 beyond
//! an end of the range a score may count as it is or as clamped.
//! # Messages
//! 1. `public_key`, once, from each key holder to who will multiply under its key
//! 2. `factors`, from each party from the third on, one after the other, to all before it but the
//!    first: the exponentials of its shares, encrypted modulo two primes; `turned` back: the
//!    running products times these, masked
//! 3. `exponentials` from the first party to all others, likewise, with the factors in them;
//!    `products` back, masked
//! 4. truncation, lifting, sums and selection, see the blocks
//! # Leaks
//! Nothing but the number of rows.
//! # Security
//! Semi-honest, from ring-LWE between each two parties and the blocks; see
//! [`sigmoid`](super::sigmoid). Local arithmetic takes the same time for all shares.
//! # Cost
//! For each row, rows in whole 8192, and each term: between a party from the third on and each
//! before it but the first 37.5 bytes of factors and 75 turned; from the first party to each other
//! 37.5, and 75 back. With three parties truncation and lifting take 19
//! ANDs of bits each, the ends of the range 200.
//! # Reference
//! 2^(Σ a) = Π 2^a on local shares, see [`crate::exponential`]. There the two shares' wrap is
//! decided beside; here it vanishes, as that of angles does: modulo both primes 2 is a root of
//! unity of the order that [`PERIOD`] divides by, so that octaves count modulo that, and the ring
//! of the shares is made to be one period.

use std::f64::consts::LOG2_E;
use std::ops::Range as Places;

use crypto::lattice::slots::{EncryptedSlots, MaskedSlots, PublicKey, SecretKey, SlotRing};
use crypto::lattice::{LatticeError, Parameters, Ring};
use crypto::random::Generator;
use rayon::prelude::*;

use super::Parties;
use super::chain::{Chain, Exchange, Vectors};
use super::circuit::add;
use super::sigmoid::dither;
use super::words::{accumulate, lift_wide, select, truncate};
use crate::MpcError;
use crate::boolean::Bits;
use crate::exponential::powers::{PairOfPrimes, power_of_fraction};
pub use crate::exponential::{
    EXPONENT_MAX, EXPONENT_MIN, FACTORS_MAX, FRACTION_BITS_MAX, Range, SCORE_UNIT, TERMS_MAX, Term,
};
use crate::exponential::{check, nearest, terms_of, to_ends};

/// Primes of 48 bits that are 1 modulo 16384, with 2^[`PERIOD`] = 1 modulo both; the first is above
/// the second by less than the second. Their product is 2^94.9: room for a sixth, 23.6 bits of
/// factors and the largest exponential, the octaves that are added, and [`product_bits`].
const PRIMES: [u64; 2] = [250_217_282_273_281, 151_456_143_605_761];
/// Octaves after which powers of two modulo the primes begin anew: 2^24.3.
const PERIOD: u64 = 20_643_840;
/// Bits that scores lose before they are counted in octaves; 2^21.4 is left of a score of 1.
const SCORE_SHIFT: u32 = 21;
/// Clamping looks at the shares' bits from here up: steps of 0.05 scores.
const COARSE_SHIFT: u32 = 38;
/// Bits that are left above.
const COARSE_BITS: usize = 64 - COARSE_SHIFT as usize;
/// The fewest fractional bits of results: fewer would be lifted by more bits than `lift_wide` can.
pub const FRACTION_BITS_MIN: u32 = 8;
/// Slots of rows that are worked on at once, which bounds memory.
const GROUP: usize = 12;

/// The state of one party: ring tables and keys.
pub struct Exponential {
    slots: [SlotRing; 2],
    primes: PairOfPrimes,
    chain: Chain,
}

/// The names of a query and its answer: the running products times the factors of another party.
const TURN: [&str; 2] = ["factors", "turned"];
/// The same with the factors of the first party.
const FINISH: [&str; 2] = ["exponentials", "products"];

/// Octaves that are added, so that no product has a negative number of them: 18.4 of
/// [`EXPONENT_MIN`] and the steps beyond it, and up to n that the fractions of the shares make up
/// for.
fn octaves_added(parties: usize) -> u32 {
    19 + parties as u32
}

/// Fractional bits of the product of all parties' exponentials: what the primes have room for.
fn product_bits(parties: usize) -> u32 {
    49 - parties as u32
}

/// Fractional bits of the exponentials of each party but the first, which has the rest.
fn factor_bits(parties: usize) -> u32 {
    product_bits(parties) / parties as u32
}

/// The deviation of the result's rounding for so many parties, relative to the result.
pub fn deviation(parties: usize) -> f64 {
    // With dither the variance is 1/6 on average; that of a number from 1 to 2, in octaves, is
    // divided by its square: 3/(8·ln 2) on average.
    let rounding = (3.0 / (8.0 * std::f64::consts::LN_2) / 6.0).sqrt();
    let others = f64::from(factor_bits(parties)).exp2();
    let first = f64::from(first_bits(parties)).exp2();
    rounding * ((parties as f64 - 1.0) / (others * others) + 1.0 / (first * first)).sqrt()
}

/// Fractional bits of the exponentials of the first party.
fn first_bits(parties: usize) -> u32 {
    product_bits(parties) - (parties as u32 - 1) * factor_bits(parties)
}

impl Exponential {
    /// Makes keys and hands the public ones over.
    ///
    /// # Errors
    /// [`MpcError::Net`] when a peer fails or sends what is no key.
    #[net::boxed]
    pub async fn prepare(parties: &mut Parties) -> Result<Self, MpcError> {
        let ring = Ring::new(Parameters::N8192_Q150);
        let slots = PRIMES.map(|prime| SlotRing::with_modulus(&ring, prime));
        let chain = Chain::prepare(parties, &slots[0]).await?;
        Ok(Self { slots, primes: PairOfPrimes::new(PRIMES), chain })
    }

    /// Shares of `Σ s_i·exp(ρ·z_i)` over `terms`, with `fraction_bits` fractional bits
    /// ([`FRACTION_BITS_MIN`] to [`FRACTION_BITS_MAX`]), for `scores` that are shares in
    /// [`SCORE_UNIT`].
    ///
    /// # Errors
    /// [`MpcError::InvalidInput`] for terms, factors or a range beyond the constants of this
    /// module; [`MpcError::Net`] when a peer fails or misbehaves.
    #[net::boxed]
    pub async fn evaluate(
        &self,
        parties: &mut Parties,
        scores: &[u64],
        terms: &[Term<'_>],
        range: Range,
        fraction_bits: u32,
    ) -> Result<Vec<u64>, MpcError> {
        check(parties.is_first(), scores, terms, range, fraction_bits)?;
        if fraction_bits < FRACTION_BITS_MIN {
            return Err(MpcError::InvalidInput(format!(
                "{fraction_bits} fractional bits of exponentials; at least {FRACTION_BITS_MIN}"
            )));
        }
        let rows = GROUP * self.slots[0].slots();
        let mut results = Vec::with_capacity(scores.len());
        for start in (0..scores.len()).step_by(rows) {
            let rows = start..scores.len().min(start + rows);
            let terms = terms_of(terms, &rows);
            let group = self.group(parties, &scores[rows], &terms, range, fraction_bits);
            results.extend(group.await?);
        }
        Ok(results)
    }

    async fn group(
        &self,
        parties: &mut Parties,
        scores: &[u64],
        terms: &[Term<'_>],
        range: Range,
        fraction_bits: u32,
    ) -> Result<Vec<u64>, MpcError> {
        let sums = self.sums(parties, scores, terms).await?;
        let count = parties.count();
        let shift = product_bits(count) + octaves_added(count) - fraction_bits;
        let inside = lift_wide(parties, &sums, self.primes.modulus(), shift).await?;
        // Beyond the range: the value at its end.
        let beyond = beyond(parties, scores, range).await?;
        let corrections = to_ends(parties.is_first(), &inside, terms, range, fraction_bits);
        let selected = select(parties, &beyond, &corrections).await?;
        let mut results = inside;
        for corrections in selected.chunks(scores.len().max(1)) {
            accumulate(&mut results, corrections);
        }
        Ok(results)
    }

    /// Shares, modulo the product of the primes, of the sums of the terms where the scores are
    /// within the range.
    async fn sums(
        &self,
        parties: &mut Parties,
        scores: &[u64],
        terms: &[Term<'_>],
    ) -> Result<Vec<u128>, MpcError> {
        let (number, count) = (parties.number(), parties.count());
        let short = truncate(parties, scores, SCORE_SHIFT).await?;
        let session = parties.session();
        let rng = session.rng();
        let own = session.compute(|| self.own_factors(number, count, &short, terms, rng)).await;
        // What this party has of the running products.
        let mut running = if number == 1 { own.clone() } else { Vec::new() };
        for next in 2..count {
            if number == next {
                running = self.offer(parties, &own, TURN, 1..next).await?;
            } else if (1..next).contains(&number) {
                running = self.answer(parties, next, &running, TURN).await?;
            }
        }
        let products = if number == 0 {
            self.offer(parties, &own, FINISH, 1..count).await?
        } else {
            self.answer(parties, 0, &running, FINISH).await?
        };
        let mut sums: Vec<u128> =
            products.iter().flat_map(|vectors| self.sums_of_chunk(vectors)).collect();
        sums.truncate(scores.len());
        Ok(sums)
    }

    /// Shares of the sums over the terms of a chunk.
    fn sums_of_chunk(&self, vectors: &Vectors) -> Vec<u128> {
        let mut halves = self.slots.iter().zip(vectors.chunks(vectors.len() / 2));
        let mut sum = || {
            let (slots, vectors) = halves.next()?;
            let add = |mut sums: Vec<u64>, terms: &Vec<u64>| {
                sums.iter_mut().zip(terms).for_each(|(sum, term)| *sum = slots.add(*sum, *term));
                sums
            };
            Some(vectors[1..].iter().fold(vectors[0].clone(), add))
        };
        let residues = sum().into_iter().flatten().zip(sum().into_iter().flatten());
        residues.map(|(left, right)| self.primes.join(left, right)).collect()
    }

    /// The exponentials of the party at the place `number` of `count`, chunk after chunk: modulo
    /// the first prime those of each term, then modulo the second.
    fn own_factors(
        &self,
        number: usize,
        count: usize,
        scores: &[u64],
        terms: &[Term<'_>],
        mut rng: Generator,
    ) -> Vec<Vectors> {
        let first = number == 0;
        let bits = if first { first_bits(count) } else { factor_bits(count) };
        let (unit, added) = (f64::from(bits).exp2(), if first { octaves_added(count) } else { 0 });
        let width = self.slots[0].slots();
        let chunk = |(index, scores): (usize, &[u64])| {
            let rngs: Vec<Generator> = terms.iter().map(|_| rng.child()).collect();
            let of_term = |(term, mut rng): (&Term<'_>, Generator)| {
                let steps = octave_steps(term.rate);
                let row = |(row, score): (usize, &u64)| {
                    let factor = if first { term.factors[index * width + row] } else { 1.0 };
                    let share = score.wrapping_mul(steps as u64);
                    self.power(share, factor * unit, added, dither(&mut rng))
                };
                let (left, right): (Vec<u64>, Vec<u64>) =
                    scores.iter().enumerate().map(row).map(|[left, right]| (left, right)).unzip();
                [left, right]
            };
            let by_term: Vec<[Vec<u64>; 2]> = terms.par_iter().zip(rngs).map(of_term).collect();
            let (left, right): (Vectors, Vectors) =
                by_term.into_iter().map(|[left, right]| (left, right)).unzip();
            [left, right].concat()
        };
        scores.chunks(width).enumerate().map(chunk).collect()
    }

    /// factor · 2^(octaves of a share + added), rounded with this dither, modulo each prime: of the
    /// same integer, times the same power.
    fn power(&self, share: u64, factor: f64, added: u32, dither: f64) -> [u64; 2] {
        const FRACTION_BITS: u32 = 52;
        let octaves = u128::from(share) * u128::from(PERIOD);
        let whole = (octaves >> 64) as i32;
        let rest = octaves as u64 >> (64 - FRACTION_BITS);
        let fraction = rest as f64 / (1_u64 << FRACTION_BITS) as f64;
        let number = nearest(power_of_fraction(fraction) * factor + dither);
        let power =
            |index: usize| self.primes.powers()[index].times_power(number, whole + added as i32);
        [power(0), power(1)]
    }

    /// Sends encrypted factors to the parties at the places `to`; the sums of the shares of what
    /// comes back, for each chunk.
    async fn offer(
        &self,
        parties: &mut Parties,
        chunks: &[Vectors],
        names: [&'static str; 2],
        to: Places<usize>,
    ) -> Result<Vec<Vectors>, MpcError> {
        let key = self.chain.secret()?;
        let session = parties.session();
        let rng = session.rng();
        let messages = session.compute(|| self.encrypt(key, chunks, rng)).await?;
        let decrypt = |key: &SecretKey, answer: &[u8]| self.decrypt(key, answer);
        let exchange = self.exchange(names, chunks);
        let answers = self.chain.offer(parties, &exchange, &messages, to, decrypt).await?;
        let add = |mut sums: Vec<Vectors>, terms: Vec<Vectors>| {
            for (sums, terms) in sums.iter_mut().zip(&terms) {
                for (index, (sum, term)) in sums.iter_mut().zip(terms).enumerate() {
                    let slots = self.slots_of(index, terms.len());
                    for (sum, term) in sum.iter_mut().zip(term) {
                        *sum = slots.add(*sum, *term);
                    }
                }
            }
            sums
        };
        Ok(answers.into_iter().reduce(add).unwrap_or_default())
    }

    /// Multiplies the factors of the party at the place `from` by the own part of the running
    /// products; the own shares of what goes back, for each chunk.
    async fn answer(
        &self,
        parties: &mut Parties,
        from: usize,
        chunks: &[Vectors],
        names: [&'static str; 2],
    ) -> Result<Vec<Vectors>, MpcError> {
        let multiply = |key: &PublicKey, query: &[u8], chunk: usize, rng: &mut Generator| {
            self.multiply(key, query, &chunks[chunk], rng)
        };
        let exchange = self.exchange(names, chunks);
        self.chain.answer(parties, &exchange, from, chunks.len(), multiply).await
    }

    fn exchange(&self, names: [&'static str; 2], chunks: &[Vectors]) -> Exchange {
        let vectors = chunks.first().map_or(0, Vec::len);
        Exchange {
            query: names[0],
            answer: names[1],
            query_bytes: vectors * self.slots[0].seeded_bytes(),
            answer_bytes: vectors * self.slots[0].masked_bytes(),
        }
    }

    /// The slots of a vector at this index of so many, the first half of which are modulo the first
    /// prime.
    fn slots_of(&self, index: usize, vectors: usize) -> &SlotRing {
        &self.slots[2 * index / vectors.max(1)]
    }

    /// The messages with each chunk's encrypted vectors.
    fn encrypt(
        &self,
        key: &SecretKey,
        chunks: &[Vectors],
        mut rng: Generator,
    ) -> Result<Vec<Vec<u8>>, LatticeError> {
        let message = |vectors: &Vectors| {
            let mut message = Vec::new();
            for (slots, vectors) in self.slots.iter().zip(vectors.chunks(vectors.len() / 2)) {
                for encrypted in slots.encrypt_many(key, vectors, &mut rng)? {
                    message.extend(encrypted.to_bytes(slots));
                }
            }
            Ok(message)
        };
        chunks.iter().map(message).collect()
    }

    /// The own shares of a chunk's answer.
    fn decrypt(&self, key: &SecretKey, answer: &[u8]) -> Result<Vectors, LatticeError> {
        let bytes = self.slots[0].masked_bytes();
        let count = answer.len() / bytes;
        let vector = |(index, bytes): (usize, &[u8])| {
            let slots = self.slots_of(index, count);
            Ok(slots.decrypt(key, &MaskedSlots::from_bytes(slots, bytes)?))
        };
        answer.par_chunks(bytes).enumerate().map(vector).collect()
    }

    /// The masked answer to a chunk's factors, and the own shares of it.
    fn multiply(
        &self,
        key: &PublicKey,
        query: &[u8],
        own: &Vectors,
        rng: &mut Generator,
    ) -> Result<(Vec<u8>, Vectors), LatticeError> {
        let own_count = own.len();
        let rngs: Vec<Generator> = own.iter().map(|_| rng.child()).collect();
        let parts = query.par_chunks_exact(self.slots[0].seeded_bytes());
        let answer = |index: usize, part: &[u8], own: &[u64], mut rng: Generator| {
            let slots = self.slots_of(index, own_count);
            let mut sum = slots.start_sum();
            slots.add_product(&mut sum, &EncryptedSlots::from_bytes(slots, part)?, own)?;
            let (answer, shares) = slots.mask_and_rerandomise(sum, key, &mut rng);
            Ok((answer.to_bytes(slots), shares))
        };
        let answers = parts.zip(own).zip(rngs).enumerate();
        let answers = answers.map(|(index, ((part, own), rng))| answer(index, part, own, rng));
        let answers = answers.collect::<Result<Vec<_>, LatticeError>>()?;
        let (answers, shares): (Vec<Vec<u8>>, Vectors) = answers.into_iter().unzip();
        Ok((answers.concat(), shares))
    }
}

/// What a share of a score is multiplied by to count octaves of `rate` times it, where the ring is
/// one [`PERIOD`]: about 2^19, so that rounding moves the result by at most 1.3e-5 of it for scores
/// up to 12.5 in magnitude, and in proportion beyond.
fn octave_steps(rate: f64) -> i64 {
    let octave = 2_f64.powi(64) / PERIOD as f64;
    let unit = SCORE_UNIT / f64::from(1 << SCORE_SHIFT);
    (rate * LOG2_E * octave / unit).round() as i64
}

/// XOR shares of "the score is above the range", and after them of "below it", within n steps
/// beyond its ends.
async fn beyond(parties: &mut Parties, scores: &[u64], range: Range) -> Result<Bits, MpcError> {
    let [low, high] = range.in_steps(COARSE_SHIFT);
    // The coarse shares add up to the score in steps, or to up to n - 1 less.
    let lost = parties.count() as i64 - 1;
    let offsets = [-high, lost - low].map(|offset| parties.share_of_public(offset as u64));
    let moved =
        |offset: u64| scores.iter().map(move |score| (score >> COARSE_SHIFT).wrapping_add(offset));
    let moved: Vec<u64> = offsets.into_iter().flat_map(moved).collect();
    let signs = add(parties, &moved, COARSE_BITS - 1, COARSE_BITS).await?;
    let signs = signs.into_iter().next().unwrap_or_default();
    // Above it is who is not negative after the end is taken off.
    let count = scores.len();
    let turned = u64::from(parties.is_first());
    Ok(Bits::from_fn(2 * count, |index| {
        let bit = signs.bit(index);
        (if index < count { bit ^ turned } else { bit }) == 1
    }))
}

#[cfg(test)]
mod tests;
