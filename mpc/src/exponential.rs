//! The exponential function on shares, for scores that are clamped to a stated range.
//!
//! # Functionality
//! The parties hold shares of scores `z_i` in units of [`SCORE_UNIT`]. For each of one or two
//! [`Term`]s, whose rate ρ is public, the first party knows a factor `s_i` for each row. Both get
//! shares of `Σ s_i·exp(ρ·z_i)`, the terms added up, where `z_i` is clamped to a public [`Range`]
//! first, for every `z_i` that the ring can hold. Largest error: `2^-19·Σ max(1, |s_i|)·exp(ρ·z_i)`
//! and two units in the last place. Within one step (0.39) beyond an end of the range a score may
//! count as it is or as clamped.
//! # Messages
//! 1. `public_key` second → first, once
//! 2. `exponentials` second → first: the exponentials of its shares, encrypted modulo two primes,
//!    and the same where its share is small, else zeros
//! 3. `products` first → second: their inner products with the first party's, masked
//! 4. comparison, lifting and selection (see `comparison`, `conversion`)
//! # Leaks
//! Nothing but the number of rows.
//! # Security
//! Semi-honest, from ring-LWE and the transfers. Local arithmetic takes the same time for all
//! shares.
//! # Cost
//! About 14 flights for each 98,304 rows; per row, rows in whole 8192, and for each term 75 bytes
//! of exponentials, 75 of products for all terms, and about 300 of transfers (both parties
//! together).
//! # Reference
//! 2^(a + b) = 2^a·2^b in a prime field, whole octaves by powers of two modulo the prime and the
//! rest in fixed point: Kelkar, Le, Raykova, Seth, "Secure Poisson Regression", USENIX Security
//! 2022. Here the products are taken under encryption modulo two primes of 44 bits, which Chinese
//! remainders join, and the wrap of the shares, `1 - b_1·b_2` with a bit of each party (see
//! `conversion`), is part of the same inner product.

pub(crate) mod powers;

use std::f64::consts::LOG2_E;

use crypto::lattice::slots::{
    EncryptedSlots, MaskedSlots, PAIR_MODULI, PublicKey, SecretKey, SlotRing,
};
use crypto::lattice::{LatticeError, Parameters, Ring};
use crypto::random::Generator;
use net::Size;
use rayon::prelude::*;

use crate::boolean::Bits;
use crate::comparison::signs_beside;
use crate::conversion::{lift_wide, select};
use crate::hints::blame;
pub use crate::sigmoid::SCORE_UNIT;
use crate::{MpcError, TwoParty};
use powers::{PairOfPrimes, Powers, power_of_fraction};

/// Largest sum of the magnitudes of a row's factors.
pub const FACTORS_MAX: f64 = 8192.0;
/// Largest exponent ρ·z at an end of the range, and its negative.
pub const EXPONENT_MAX: f64 = 7.0;
/// See [`EXPONENT_MAX`].
pub const EXPONENT_MIN: f64 = -12.5;
/// Fractional bits that may be asked for.
pub const FRACTION_BITS_MAX: u32 = 36;
/// Most terms of one evaluation.
pub const TERMS_MAX: usize = 2;

/// One exponential of each score.
#[derive(Clone, Copy, Debug)]
pub struct Term<'a> {
    /// The public multiplier ρ of the score, from -1 to 1.
    pub rate: f64,
    /// The factors `s_i`, of either sign; used by the first party only.
    pub factors: &'a [f64],
}

/// What scores are clamped to, in whole steps of 0.39.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Range {
    low: i64,
    high: i64,
}

/// With 2^88 for their product there is room for 13 bits of factors, 11 of the largest exponential,
/// 21 octaves below 1 and twice 20 fractional bits, for the sign, and for a sixth (see `lift`).
const PRIMES: [u64; 2] = PAIR_MODULI;
/// Fractional bits of each party's exponentials.
const WAVE_BITS: u32 = 20;
/// Octaves that are added, so that no product has a negative number of them: 18.1 of
/// [`EXPONENT_MIN`], 0.6 of the step beyond it, and 2 that the fractions of the shares make up for.
const OCTAVES_ADDED: u32 = 21;
/// Fractional bits of an octave in the local arithmetic.
const OCTAVE_BITS: u32 = 104;
/// What makes scores positive before their wrap is decided, as in `truncate`.
const OFFSET: u64 = 1 << 61;

/// Clamping looks at the shares' bits from here up: steps of 2^41 units.
const COARSE_SHIFT: u32 = 41;
/// Bits that are left above.
const COARSE_BITS: usize = 64 - COARSE_SHIFT as usize;
/// Slots of rows that are worked on at once, which bounds memory (14 MiB of exponentials).
const GROUP: usize = 12;

/// The state of one party: ring tables and keys.
pub struct Exponential {
    slots: [SlotRing; 2],
    primes: PairOfPrimes,
    keys: Keys,
}

enum Keys {
    /// The first party multiplies under the second party's key.
    First(PublicKey),
    Second(SecretKey),
}

impl Range {
    /// The smallest range of whole steps around `low` and `high`; `None` unless they are in order,
    /// finite, and below 1000 in magnitude.
    pub fn around(low: f64, high: f64) -> Option<Self> {
        let is_sound = low < high && low > -1000.0 && high < 1000.0;
        let step = Self::step();
        is_sound
            .then(|| Self { low: (low / step).floor() as i64, high: (high / step).ceil() as i64 })
    }

    /// The lower end.
    pub fn low(self) -> f64 {
        self.low as f64 * Self::step()
    }

    /// The upper end.
    pub fn high(self) -> f64 {
        self.high as f64 * Self::step()
    }

    fn step() -> f64 {
        (1_u64 << COARSE_SHIFT) as f64 / SCORE_UNIT
    }

    /// The ends in steps of 2^shift units of the score, for a shift of at most [`COARSE_SHIFT`].
    pub(crate) fn in_steps(self, shift: u32) -> [i64; 2] {
        [self.low, self.high].map(|end| end << (COARSE_SHIFT - shift))
    }

    /// Whether an exponential with this rate stays within its bounds.
    fn suits(self, rate: f64) -> bool {
        let ends = [rate * self.low(), rate * self.high()];
        rate.abs() <= 1.0 && ends.iter().all(|end| (EXPONENT_MIN..=EXPONENT_MAX).contains(end))
    }
}

impl Exponential {
    /// Makes the second party's keys and hands the public one over.
    #[net::boxed]
    pub async fn prepare(party: &mut TwoParty) -> Result<Self, MpcError> {
        const STEP: &str = "public_key";
        let ring = Ring::new(Parameters::N8192_Q150);
        let slots = SlotRing::pair(&ring);
        let first = party.is_first();
        let session = &mut party.session;
        let keys = if first {
            let size = Size::Exactly(slots[0].seeded_bytes());
            let bytes = session.receive_bytes(STEP, size).await?;
            let key = PublicKey::from_bytes(&slots[0], &bytes);
            Keys::First(key.map_err(|error| blame(session, STEP, error))?)
        } else {
            let (secret, public) = slots[0].generate_keys(&mut session.rng());
            session.send_bytes(STEP, public.to_bytes(&slots[0])).await?;
            Keys::Second(secret)
        };
        Ok(Self { slots, primes: PairOfPrimes::new(PRIMES), keys })
    }

    /// Shares of `Σ s_i·exp(ρ·z_i)` over `terms`, with `fraction_bits` fractional bits (1 to
    /// [`FRACTION_BITS_MAX`]), for `scores` that are shares in [`SCORE_UNIT`].
    ///
    /// # Errors
    /// [`MpcError::InvalidInput`] for terms, factors or a range beyond the constants of this
    /// module; [`MpcError::Net`] when the peer fails or misbehaves.
    #[net::boxed]
    pub async fn evaluate(
        &self,
        party: &mut TwoParty,
        scores: &[u64],
        terms: &[Term<'_>],
        range: Range,
        fraction_bits: u32,
    ) -> Result<Vec<u64>, MpcError> {
        check(party.is_first(), scores, terms, range, fraction_bits)?;
        let rows = GROUP * self.slots[0].slots();
        let mut results = Vec::with_capacity(scores.len());
        for start in (0..scores.len()).step_by(rows) {
            let rows = start..scores.len().min(start + rows);
            let terms = terms_of(terms, &rows);
            results.extend(self.group(party, &scores[rows], &terms, range, fraction_bits).await?);
        }
        Ok(results)
    }

    async fn group(
        &self,
        party: &mut TwoParty,
        scores: &[u64],
        terms: &[Term<'_>],
        range: Range,
        fraction_bits: u32,
    ) -> Result<Vec<u64>, MpcError> {
        let shares = match &self.keys {
            Keys::First(key) => self.multiply(party, key, scores, terms).await?,
            Keys::Second(key) => self.offer(party, key, scores, terms).await?,
        };
        let [left, right] = &shares;
        let joined = left.iter().zip(right).map(|(left, right)| self.primes.join(*left, *right));
        let joined: Vec<u128> = joined.collect();
        let shift = 2 * WAVE_BITS + OCTAVES_ADDED - fraction_bits;
        let inside = lift_wide(party, &joined, self.primes.modulus(), shift).await?;
        // Beyond the range: the value at its end.
        let (high, low) = beyond(party, scores, range).await?;
        let count = scores.len();
        let corrections = to_ends(party.is_first(), &inside, terms, range, fraction_bits);
        let bits = Bits::from_fn(2 * count, |index| {
            if index < count { high.bit(index) == 1 } else { low.bit(index - count) == 1 }
        });
        let selected = select(party, &bits, &corrections).await?;
        let (to_high, to_low) = selected.split_at(count);
        let sums = inside.iter().zip(to_high.iter().zip(to_low));
        Ok(sums
            .map(|(inside, (high, low))| inside.wrapping_add(*high).wrapping_add(*low))
            .collect())
    }

    /// The second party's side of the inner products.
    async fn offer(
        &self,
        party: &mut TwoParty,
        key: &SecretKey,
        scores: &[u64],
        terms: &[Term<'_>],
    ) -> Result<[Vec<u64>; 2], MpcError> {
        const ANSWER: &str = "products";
        let session = &mut party.session;
        let mut rng = session.rng();
        let chunks: Vec<&[u64]> = scores.chunks(self.slots[0].slots()).collect();
        for chunk in &chunks {
            let message = session.compute(|| self.encrypt(key, chunk, terms, &mut rng)).await?;
            session.send_bytes("exponentials", message).await?;
        }
        let mut shares = [Vec::new(), Vec::new()];
        let bytes = self.slots[0].masked_bytes();
        for chunk in chunks {
            let answer = session.receive_bytes(ANSWER, Size::Exactly(2 * bytes)).await?;
            let decrypt = |(slots, answer): (&SlotRing, &[u8])| {
                Ok::<_, LatticeError>(slots.decrypt(key, &MaskedSlots::from_bytes(slots, answer)?))
            };
            let decrypted = session
                .compute(|| {
                    let answers: Vec<&[u8]> = answer.chunks_exact(bytes).collect();
                    let pairs = self.slots.par_iter().zip(answers);
                    pairs.map(decrypt).collect::<Result<Vec<_>, _>>()
                })
                .await
                .map_err(|error| blame(session, ANSWER, error))?;
            for (shares, decrypted) in shares.iter_mut().zip(decrypted) {
                shares.extend_from_slice(&decrypted[..chunk.len()]);
            }
        }
        Ok(shares)
    }

    /// The first party's side of the inner products.
    async fn multiply(
        &self,
        party: &mut TwoParty,
        key: &PublicKey,
        scores: &[u64],
        terms: &[Term<'_>],
    ) -> Result<[Vec<u64>; 2], MpcError> {
        const QUERY: &str = "exponentials";
        let session = &mut party.session;
        let slots = self.slots[0].slots();
        let size = Size::Exactly(4 * terms.len() * self.slots[0].seeded_bytes());
        let mut chunks = Vec::new();
        for (index, scores) in scores.chunks(slots).enumerate() {
            let query = session.receive_bytes(QUERY, size).await?;
            let start = index * slots;
            chunks.push((query, scores, terms_of(terms, &(start..start + scores.len()))));
        }
        let rngs: Vec<Generator> = chunks.iter().map(|_| session.rng()).collect();
        let answers = session
            .compute(|| {
                let chunks = chunks.into_par_iter().zip(rngs);
                let answer = |((query, scores, terms), mut rng): ((Vec<u8>, &[u64], Vec<_>), _)| {
                    self.answer(key, &query, scores, &terms, &mut rng)
                };
                chunks.map(answer).collect::<Result<Vec<_>, LatticeError>>()
            })
            .await
            .map_err(|error| blame(session, QUERY, error))?;
        let mut shares = [Vec::new(), Vec::new()];
        for (answer, own) in answers {
            let count = slots.min(scores.len() - shares[0].len());
            for (shares, own) in shares.iter_mut().zip(own) {
                shares.extend_from_slice(&own[..count]);
            }
            session.send_bytes("products", answer).await?;
        }
        Ok(shares)
    }

    /// The second party's vectors of a chunk: for each prime and term, `2^(octaves of its share)`
    /// and the same where the share is small.
    fn encrypt(
        &self,
        key: &SecretKey,
        scores: &[u64],
        terms: &[Term<'_>],
        rng: &mut Generator,
    ) -> Result<Vec<u8>, LatticeError> {
        let mut message = Vec::new();
        for (slots, powers) in self.slots.iter().zip(self.primes.powers()) {
            let vectors: Vec<Vec<u64>> = terms
                .par_iter()
                .flat_map(|term| {
                    let unit = octaves_of_a_unit(term.rate);
                    let power = |score: &u64| power(powers, unit * i128::from(*score), 1.0, 0);
                    let all: Vec<u64> = scores.iter().map(power).collect();
                    let pairs = all.iter().zip(scores);
                    let small = pairs.map(|(power, share)| power & is_small(*share)).collect();
                    [all, small]
                })
                .collect();
            for encrypted in slots.encrypt_many(key, &vectors, rng)? {
                message.extend(encrypted.to_bytes(slots));
            }
        }
        Ok(message)
    }

    /// The masked answer to a query, and the own shares modulo each prime.
    fn answer(
        &self,
        key: &PublicKey,
        query: &[u8],
        scores: &[u64],
        terms: &[Term<'_>],
        rng: &mut Generator,
    ) -> Result<(Vec<u8>, Vec<Vec<u64>>), LatticeError> {
        let (mut message, mut shares) = (Vec::new(), Vec::new());
        let mut parts = query.chunks_exact(self.slots[0].seeded_bytes());
        for (slots, powers) in self.slots.iter().zip(self.primes.powers()) {
            let mut sum = slots.start_sum();
            for term in terms {
                let own = own_powers(powers, scores, term);
                for (own, part) in own.into_iter().zip(parts.by_ref()) {
                    let encrypted = EncryptedSlots::from_bytes(slots, part)?;
                    slots.add_product(&mut sum, &encrypted, &own)?;
                }
            }
            let (answer, own) = slots.mask_and_rerandomise(sum, key, rng);
            message.extend(answer.to_bytes(slots));
            shares.push(own);
        }
        Ok((message, shares))
    }
}

/// The first party's vectors for a term: the scaled power of its share if the shares wrap, and
/// where its share is small the difference to the power if they do not.
fn own_powers(powers: &Powers, scores: &[u64], term: &Term<'_>) -> [Vec<u64>; 2] {
    let unit = octaves_of_a_unit(term.rate);
    let pair = |(score, factor): (&u64, &f64)| {
        let moved = score.wrapping_add(OFFSET);
        let [plain, wrapped] = [0, 1_i128 << 64].map(|wrap| {
            let share = i128::from(moved) - i128::from(OFFSET) - wrap;
            power(powers, unit * share, *factor, OCTAVES_ADDED)
        });
        (wrapped, powers.subtract(plain, wrapped) & is_small(moved))
    };
    let (wrapped, difference) = scores.iter().zip(term.factors).map(pair).unzip();
    [wrapped, difference]
}

/// A mask of ones for a share of at most a third of the ring, else zero.
fn is_small(share: u64) -> u64 {
    u64::from(share <= u64::MAX / 3).wrapping_neg()
}

/// Octaves of one unit of the score times `rate`, with [`OCTAVE_BITS`] fractional bits: below 2^63
/// in magnitude, so that products with shares stay within 128 bits.
fn octaves_of_a_unit(rate: f64) -> i128 {
    (rate * LOG2_E / SCORE_UNIT * 2_f64.powi(OCTAVE_BITS as i32)).round() as i128
}

/// factor · 2^(octaves + added) with [`WAVE_BITS`] fractional bits.
fn power(powers: &Powers, octaves: i128, factor: f64, added: u32) -> u64 {
    const FRACTION_BITS: u32 = 52;
    let whole = (octaves >> OCTAVE_BITS) as i32;
    let rest = (octaves >> (OCTAVE_BITS - FRACTION_BITS)) as u64 & ((1 << FRACTION_BITS) - 1);
    let fraction = rest as f64 / (1_u64 << FRACTION_BITS) as f64;
    let number = power_of_fraction(fraction) * factor * f64::from(1 << WAVE_BITS);
    powers.times_power(nearest(number), whole + added as i32)
}

/// The nearest integer of a number below 2^50 in magnitude, without a call or a branch: adding
/// 1.5·2^52 leaves it in the low bits of a double.
pub(crate) fn nearest(value: f64) -> i64 {
    const ROUNDER: f64 = 1.5 * (1_u64 << 52) as f64;
    (value + ROUNDER).to_bits().wrapping_sub(ROUNDER.to_bits()) as i64
}

/// Bits for "the score is above the range" and "below it", within one step beyond its ends.
async fn beyond(
    party: &mut TwoParty,
    scores: &[u64],
    range: Range,
) -> Result<(Bits, Bits), MpcError> {
    let coarse: Vec<u64> = scores.iter().map(|score| score >> COARSE_SHIFT).collect();
    // The coarse shares add up to the score in steps, or to one less.
    let offsets = [-range.high, 1 - range.low].map(|offset| offset as u64);
    let signs = signs_beside(party, &coarse, &offsets, COARSE_BITS).await?;
    let mut signs = signs.into_iter();
    let (high, low) = (signs.next().unwrap_or_default(), signs.next().unwrap_or_default());
    Ok((if party.is_first() { high.complement() } else { high }, low))
}

/// Shares of what results of scores inside of the range lack to those at its upper end, and after
/// them to those at its lower end.
pub(crate) fn to_ends(
    first: bool,
    inside: &[u64],
    terms: &[Term<'_>],
    range: Range,
    fraction_bits: u32,
) -> Vec<u64> {
    let ends = [range.high(), range.low()].map(|end| ends(first, terms, end, fraction_bits));
    let correction =
        |(index, end): (usize, Option<&u64>)| end.copied().unwrap_or(0).wrapping_sub(inside[index]);
    let count = inside.len();
    ends.iter()
        .flat_map(|end| (0..count).map(|index| correction((index, end.get(index)))))
        .collect()
}

/// At the first party, the result of each row whose score is `score`; empty at others.
fn ends(first: bool, terms: &[Term<'_>], score: f64, fraction_bits: u32) -> Vec<u64> {
    if !first {
        return Vec::new();
    }
    let unit = (1_u64 << fraction_bits) as f64;
    let powers: Vec<f64> = terms.iter().map(|term| (term.rate * score).exp() * unit).collect();
    let rows = terms.first().map_or(0, |term| term.factors.len());
    let sum = |row: usize| {
        let products = terms.iter().zip(&powers).map(|(term, power)| term.factors[row] * power);
        products.sum::<f64>().round() as i64 as u64
    };
    (0..rows).map(sum).collect()
}

/// The terms of some rows.
pub(crate) fn terms_of<'a>(terms: &[Term<'a>], rows: &std::ops::Range<usize>) -> Vec<Term<'a>> {
    let of = |term: &Term<'a>| Term {
        rate: term.rate,
        factors: term.factors.get(rows.clone()).unwrap_or_default(),
    };
    terms.iter().map(of).collect()
}

pub(crate) fn check(
    first: bool,
    scores: &[u64],
    terms: &[Term<'_>],
    range: Range,
    fraction_bits: u32,
) -> Result<(), MpcError> {
    let invalid = |what: String| Err(MpcError::InvalidInput(what));
    if !(1..=FRACTION_BITS_MAX).contains(&fraction_bits) || !(1..=TERMS_MAX).contains(&terms.len())
    {
        return invalid(format!(
            "the exponential gives 1 to {FRACTION_BITS_MAX} fractional bits of 1 to {TERMS_MAX} \
             terms"
        ));
    }
    if !terms.iter().all(|term| range.suits(term.rate)) {
        return invalid(format!(
            "rates lie within -1 to 1, and exponents within {EXPONENT_MIN} to {EXPONENT_MAX}"
        ));
    }
    if !first {
        return Ok(());
    }
    let is_bounded = |row: usize| {
        let sum: f64 = terms.iter().map(|term| term.factors[row].abs()).sum();
        sum <= FACTORS_MAX
    };
    let is_complete = terms.iter().all(|term| term.factors.len() == scores.len());
    if is_complete && (0..scores.len()).all(is_bounded) {
        return Ok(());
    }
    invalid(format!(
        "the exponential needs a factor for each row and term, with a sum of at most {FACTORS_MAX}"
    ))
}

#[cfg(test)]
mod tests;
