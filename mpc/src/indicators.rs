//! Products of one party's indicator columns with shared vectors, for training over many passes.
//!
//! # Functionality
//! One party, the owner, knows for each row which of L levels it has, if any: the matrix X of rows
//! × levels has a 1 there and is 0 else. [`Indicators::to_levels`] takes shares of a vector r over
//! rows and gives shares of Xᵀ·r; [`Indicators::to_rows`] takes shares of a vector w over levels
//! and gives shares of X·w. [`Indicators::scaled`] multiplies each of L shared words by a power of
//! two from 1 to 2^[`SCALE_MAX`], which the owner chose for its level at the start.
//! # Messages
//! 1. once: `corrections` from the owner: a choice for each step (see `transfers`)
//! 2. per product: `indicator_words` to the owner, or `scale_words`: a word for each step
//! # Leaks
//! The number of rows, and that of levels, rounded up ([`padded`]): levels that do not exist have
//! no rows, and among rows are some that do not exist either, one for each.
//! # Security
//! Semi-honest, from the transfers. The rows, in the order of their levels, are reached by a
//! network of switches (`shuffle`); then the sums of all rows up to the last one of each level
//! (each party has them of its own shares) are brought to the first places by another
//! (`concentration`), and neighbours are subtracted. To the rows it goes backwards, transposed:
//! each switch is its own transpose. Whether a switch exchanges is a choice of the owner, and its
//! difference times the choice comes from a correlated transfer. The choices are the same in every
//! product, so each has one transfer, of two keys of 128 bits, of which the owner knows one; a
//! product expands the keys to pads by the hash of the transfers (correlation robust, so
//! pseudo-random in its number for a random key) under numbers that no other key and no other
//! product has. The owner sees words under fresh pads that it cannot expand, the other party sees
//! nothing but corrections. The addresses in the owner's memory depend on its levels.
//! # Cost
//! 1 flight for each product, 1 for the setup. n rows and the m added ones, as many as L may be
//! rounded up by, take S steps: Σ ⌈log2 i⌉ for i = 1..n+m in the first network, and about half of
//! that in the second, fewer for few levels ([`Indicators::switches`] counts). The setup takes 4
//! bytes for each and for 3·L of the scales, or one bit with silent transfers; a product W/8·S
//! bytes for words of W bits; scales 24·L. In memory 16 bytes for each step at the owner, 32 at the
//! other party, and 8 more.
//! # Reference
//! The network of a known order: Mohassel, Sadeghian, EUROCRYPT 2013 (see `shuffle`). Sums of
//! groups of sorted rows: Nayak et al., "`GraphSC`", S&P 2015, there with secret groups and
//! garbled circuits. Long strings by transfers of short keys: Ishai, Kilian, Nissim, Petrank,
//! "Extending Oblivious Transfers Efficiently", CRYPTO 2003. See ADR 24.

mod concentration;
mod steps;

use std::ops::Range;

use crate::boolean::Bits;
use crate::shuffle::network;
use crate::{MpcError, TwoParty};
use steps::{Doubling, Manner, Transfers};

/// A row without any level.
pub const NO_LEVEL: u32 = u32::MAX;
/// Most rows.
pub const ROWS_MAX: usize = 1 << 20;
/// Most levels.
pub const LEVELS_MAX: usize = 1 << 17;
/// The largest power of two in [`Indicators::scaled`].
pub const SCALE_MAX: u32 = (1 << SCALE_BITS) - 1;
/// The fewest bits of words that go through the networks; others are 48 and 56.
pub const WORD_BITS_MIN: u32 = 40;
/// The most.
pub const WORD_BITS_MAX: u32 = 56;

const SCALE_BITS: u32 = 3;
const WORDS: &str = "indicator_words";
const SCALE_WORDS: &str = "scale_words";

/// What the owner knows.
#[derive(Clone, Copy, Debug)]
pub struct Levels<'a> {
    /// The level of each row, below `count`, or [`NO_LEVEL`]; each level has a row.
    pub of_rows: &'a [u32],
    /// The number of levels, at least 1.
    pub count: usize,
    /// For each level, the power of two that [`Indicators::scaled`] multiplies by: at most
    /// [`SCALE_MAX`].
    pub scales: &'a [u8],
}

/// A party's end of the products.
pub struct Indicators {
    rows: usize,
    levels: usize,
    /// The steps from rows to levels: the first network, then the second.
    switches: Vec<[u32; 2]>,
    /// How many of them are the first network's.
    ordering: usize,
    /// Where the second network ends, for the rows without a level and for each level.
    ends: Vec<u32>,
    doublings: Vec<Doubling>,
    of_switches: Transfers,
    of_doublings: Transfers,
    /// Bits of the words that go through the networks.
    word_bits: u32,
}

/// The number of levels that both parties know, in place of `count`: the next one with five
/// significant bits, so that it says no more than a sixteenth of it.
pub fn padded(count: usize) -> usize {
    count.next_multiple_of(grain(count))
}

/// Numbers of levels are rounded up to a multiple of this.
fn grain(count: usize) -> usize {
    1 << (usize::BITS - count.leading_zeros()).saturating_sub(5)
}

impl Indicators {
    /// Sets the products up, for the owner; the peer calls [`Self::prepare_theirs`] with as many
    /// bits of a word: [`WORD_BITS_MIN`] to [`WORD_BITS_MAX`], whole bytes.
    ///
    /// # Errors
    /// [`MpcError::InvalidInput`] for too many rows or levels, a level without a row, a row of a
    /// level that does not exist, a scale that is too large, or other words; [`MpcError::Net`]
    /// when the peer fails.
    #[net::boxed]
    pub async fn prepare_own<'a>(
        party: &'a mut TwoParty,
        levels: Levels<'a>,
        word_bits: u32,
    ) -> Result<Self, MpcError> {
        check_word(word_bits)?;
        check_levels(&levels)?;
        let size = padded(levels.count);
        let route = || {
            let (order, is_end) = ordered(&levels, size);
            // `None` is impossible: the order was made by sorting all rows.
            let ordering = network::route(&order, order.len()).unwrap_or_default();
            let concentrating = concentration::route(&is_end);
            let first = ordering.len();
            let exchanged = Bits::from_fn(first + concentrating.len(), |index| {
                let bits = if index < first { &ordering } else { &concentrating };
                bits.bit(if index < first { index } else { index - first }) == 1
            });
            let doubled = Bits::from_fn(size * SCALE_BITS as usize, |index| {
                let scale = levels.scales.get(index / SCALE_BITS as usize);
                scale.is_some_and(|scale| scale >> (index % SCALE_BITS as usize) & 1 == 1)
            });
            (Shape::new(levels.of_rows.len(), size), exchanged, doubled)
        };
        let (shape, exchanged, doubled) = party.session.compute(route).await;
        let of_switches = Transfers::of_own(party, exchanged).await?;
        let of_doublings = Transfers::of_own(party, doubled).await?;
        Ok(shape.with(of_switches, of_doublings, word_bits))
    }

    /// Sets the products up with the peer's columns, of so many `rows` and [`padded`] `levels`.
    ///
    /// # Errors
    /// [`MpcError::InvalidInput`] for numbers that are too large, or of levels that nothing is
    /// padded to, or for other words; [`MpcError::Net`] when the peer fails.
    #[net::boxed]
    pub async fn prepare_theirs(
        party: &mut TwoParty,
        rows: usize,
        levels: usize,
        word_bits: u32,
    ) -> Result<Self, MpcError> {
        check_word(word_bits)?;
        if levels == 0 || padded(levels) != levels || levels > padded(rows) {
            return Err(MpcError::InvalidInput(format!(
                "{levels} is no padded number of levels that {rows} rows can have"
            )));
        }
        check_size(rows, levels)?;
        let shape = party.session.compute(|| Shape::new(rows, levels)).await;
        let of_switches = Transfers::of_theirs(party, shape.switches.len()).await?;
        let of_doublings = Transfers::of_theirs(party, shape.doublings.len()).await?;
        Ok(shape.with(of_switches, of_doublings, word_bits))
    }

    /// The padded number of levels: the length of vectors over levels.
    pub fn levels(&self) -> usize {
        self.levels
    }

    /// The steps of a product.
    pub fn switches(&self) -> usize {
        self.switches.len()
    }

    /// Bits by which words are larger in the results of products: what is left of 64.
    pub fn lift_bits(&self) -> u32 {
        64 - self.word_bits
    }

    /// Shares of the sum of the words of each level's rows, times 2^[`lift_bits`](Self::lift_bits)
    /// and over 2^`low`, modulo 2^64: of the words, as many bits count as go through the networks,
    /// from bit `low` on, which is at most `lift_bits`. Each word is rounded by less than 2^`low`
    /// in size, without bias.
    ///
    /// # Errors
    /// [`MpcError::InvalidInput`] for another number of shares than rows or another `low`,
    /// [`MpcError::Net`] when the peer fails.
    #[net::boxed]
    pub async fn to_levels(
        &self,
        party: &mut TwoParty,
        rows: &[u64],
        low: u32,
    ) -> Result<Vec<u64>, MpcError> {
        let lift_bits = self.lift_bits();
        if rows.len() != self.rows || low > lift_bits {
            return Err(MpcError::InvalidInput(format!(
                "{} shares from bit {low} on; needed are {}, from bit {lift_bits} or lower",
                rows.len(),
                self.rows
            )));
        }
        let mut values = narrowed(party, rows, low);
        values.resize(self.rows + grain(self.levels), 0);
        self.run(party, 0..self.ordering, &mut values, false).await?;
        let mut sum = 0_u64;
        for value in &mut values {
            sum = sum.wrapping_add(*value);
            *value = sum;
        }
        self.run(party, self.ordering..self.switches.len(), &mut values, false).await?;
        let sums = self.ends.windows(2).map(|ends| {
            let [before, end] = [ends[0], ends[1]].map(|end| values[end as usize]);
            end.wrapping_sub(before) << lift_bits
        });
        Ok(sums.collect())
    }

    /// Shares of the word of each row's level, modulo 2^64, and of 0 for rows without a level:
    /// rounded by less than 2^[`lift_bits`](Self::lift_bits) in size, without bias, the same for
    /// all rows of a level.
    ///
    /// # Errors
    /// [`MpcError::InvalidInput`] for another number of shares than levels, [`MpcError::Net`] when
    /// the peer fails.
    #[net::boxed]
    pub async fn to_rows(
        &self,
        party: &mut TwoParty,
        levels: &[u64],
    ) -> Result<Vec<u64>, MpcError> {
        self.check_length(levels)?;
        let narrow = narrowed(party, levels, self.lift_bits());
        let mut values = vec![0_u64; self.rows + grain(self.levels)];
        // At the end of each level what it has more than the next one.
        let following = narrow.iter().copied().chain([0]);
        let own = std::iter::once(0).chain(narrow.iter().copied());
        for ((end, own), next) in self.ends.iter().zip(own).zip(following) {
            values[*end as usize] = own.wrapping_sub(next);
        }
        self.run(party, self.ordering..self.switches.len(), &mut values, true).await?;
        let mut sum = 0_u64;
        for value in values.iter_mut().rev() {
            sum = sum.wrapping_add(*value);
            *value = sum;
        }
        self.run(party, 0..self.ordering, &mut values, true).await?;
        values.truncate(self.rows);
        for value in &mut values {
            *value <<= self.lift_bits();
        }
        Ok(values)
    }

    /// Shares of each level's word times its power of two, modulo 2^64.
    ///
    /// # Errors
    /// Those of [`to_rows`](Self::to_rows).
    #[net::boxed]
    pub async fn scaled(&self, party: &mut TwoParty, levels: &[u64]) -> Result<Vec<u64>, MpcError> {
        self.check_length(levels)?;
        let mut values = levels.to_vec();
        let manner = Manner { step: SCALE_WORDS, backward: false, bytes: 8 };
        let all = 0..self.doublings.len();
        self.of_doublings.run(party, &self.doublings, all, &mut values, manner).await?;
        Ok(values)
    }

    /// Runs one of the networks.
    async fn run(
        &self,
        party: &mut TwoParty,
        span: Range<usize>,
        values: &mut [u64],
        backward: bool,
    ) -> Result<(), MpcError> {
        let manner = Manner { step: WORDS, backward, bytes: self.word_bits as usize / 8 };
        self.of_switches.run(party, &self.switches, span, values, manner).await
    }

    fn check_length(&self, levels: &[u64]) -> Result<(), MpcError> {
        if levels.len() == self.levels {
            return Ok(());
        }
        let rule = format!("{} shares for {} levels", levels.len(), self.levels);
        Err(MpcError::InvalidInput(rule))
    }
}

/// What both parties know of the steps.
struct Shape {
    rows: usize,
    levels: usize,
    switches: Vec<[u32; 2]>,
    ordering: usize,
    ends: Vec<u32>,
    doublings: Vec<Doubling>,
}

impl Shape {
    fn new(rows: usize, levels: usize) -> Self {
        let all = rows + grain(levels);
        let mut switches = network::switches(all);
        let ordering = switches.len();
        let (concentrating, ends) = concentration::switches(all, levels + 1);
        switches.extend(concentrating);
        let doubling =
            |place: u32| (0..SCALE_BITS).map(move |bit| Doubling { place, times: 1 << bit });
        let doublings = (0..levels as u32).flat_map(doubling).collect();
        Self { rows, levels, switches, ordering, ends, doublings }
    }

    fn with(self, of_switches: Transfers, of_doublings: Transfers, word_bits: u32) -> Indicators {
        let Self { rows, levels, switches, ordering, ends, doublings } = self;
        Indicators {
            rows,
            levels,
            switches,
            ordering,
            ends,
            doublings,
            of_switches,
            of_doublings,
            word_bits,
        }
    }
}

/// All rows by level, those that do not exist included: first the rows without a level, then those
/// of each level, of which the ones that are only there for the number have one each. And which of
/// them are the last of their level.
fn ordered(levels: &Levels<'_>, padded: usize) -> (Vec<u32>, Vec<bool>) {
    let rows = levels.of_rows.len();
    let all = rows + grain(padded);
    let group = |row: usize| match levels.of_rows.get(row) {
        Some(&NO_LEVEL) => 0,
        Some(level) => *level as usize + 1,
        None if levels.count + row - rows < padded => levels.count + row - rows + 1,
        // At least one, so that the rows without a level have an end as well.
        None => 0,
    };
    let mut order: Vec<(usize, u32)> = (0..all).map(|row| (group(row), row as u32)).collect();
    order.sort_unstable();
    let is_end = |place: usize| order.get(place + 1).is_none_or(|next| next.0 != order[place].0);
    let ends = (0..all).map(is_end).collect();
    (order.into_iter().map(|(_, row)| row).collect(), ends)
}

/// The bits of shares from bit `low` on. What both parties cut off below is one unit
/// on average, which the first party adds.
fn narrowed(party: &TwoParty, shares: &[u64], low: u32) -> Vec<u64> {
    let unit = party.share_of_public(u64::from(low > 0));
    shares.iter().map(|share| (share >> low).wrapping_add(unit)).collect()
}

fn check_size(rows: usize, levels: usize) -> Result<(), MpcError> {
    if (1..=ROWS_MAX).contains(&rows) && (1..=LEVELS_MAX).contains(&levels) {
        return Ok(());
    }
    Err(MpcError::InvalidInput(format!(
        "{rows} rows and {levels} levels; possible are up to {ROWS_MAX} rows and {LEVELS_MAX} levels"
    )))
}

fn check_word(bits: u32) -> Result<(), MpcError> {
    if (WORD_BITS_MIN..=WORD_BITS_MAX).contains(&bits) && bits.is_multiple_of(8) {
        return Ok(());
    }
    Err(MpcError::InvalidInput(format!(
        "words of {bits} bits; possible are {WORD_BITS_MIN} to {WORD_BITS_MAX}, whole bytes"
    )))
}

fn check_levels(levels: &Levels<'_>) -> Result<(), MpcError> {
    check_size(levels.of_rows.len(), levels.count)?;
    let invalid = |rule: &str| Err(MpcError::InvalidInput(rule.to_owned()));
    let mut has_row = vec![false; levels.count];
    for level in levels.of_rows.iter().filter(|level| **level != NO_LEVEL) {
        let Some(has_row) = has_row.get_mut(*level as usize) else {
            return invalid("a row has a level that does not exist");
        };
        *has_row = true;
    }
    if has_row.contains(&false) {
        return invalid("a level has no row");
    }
    let fits = |scale: &u8| u32::from(*scale) <= SCALE_MAX;
    if levels.scales.len() != levels.count || !levels.scales.iter().all(fits) {
        return invalid("each level has one scale, a power of two that is not too large");
    }
    Ok(())
}

#[cfg(test)]
mod tests;
