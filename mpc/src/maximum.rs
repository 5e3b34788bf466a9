//! The largest of shared fractions, with what belongs to it.
//!
//! # Functionality
//! The parties, two or several ([`Arithmetic`]), hold shares of groups of [`Contenders`]: fractions
//! with a numerator in 0..2^40 and a denominator in 1..2^30, and two words each. [`largest`] gives
//! shares of the contender with the
//! largest fraction of each group. Among fractions that differ by less than one part in 2^14 the
//! one that comes first in its group is taken. [`beats`] is one round of it: for pairs, whether the
//! second one is larger.
//!
//! A denominator may also be 0 under a numerator above 0, which is then larger than every
//! fraction, but never both denominators of a pair that is compared. A numerator may be a few units
//! below 0, as rounding leaves it, and is then smaller than nothing.
//! # Messages
//! For each round, in which blocks of neighbours meet and one of each goes on:
//! 1. products, see `product`: each numerator with the denominators of the block's others
//! 2. the signs of the differences, see `comparison`
//! 3. in blocks of more than two: `corrections`, `triple_bits`, `masked_bits`, which of the block's
//!    comparisons count
//! 4. for each level of the block `corrections`, `correlations`: the selection of winners, see
//!    `conversion`
//! # Leaks
//! Nothing but the sizes of groups.
//! # Security
//! Semi-honest, as the blocks that it is made of; no result of a comparison is opened.
//! # Cost
//! A block of 2^l contenders in a round replaces l rounds of pairs and gives the same winner.
//! Rounds of pairs have 14 flights, of blocks 12 + 4·l. Blocks have 8 contenders, or fewer where
//! their comparisons would not fit one chunk of slots: 1000 contenders take 86 flights instead of
//! 140; among several parties there are pairs only. For each comparison besides the products 48
//! bits are compared, and for each winner, both ways, four words of 128 bits selected.
//! # Reference
//! Tournament; comparison of fractions by cross-multiplication as in Lu et al., "Squirrel", USENIX
//! Security 2023 (eprint 2023/527), section 4.4, does with square roots instead.

mod blocks;

use crate::boolean::Bits;
use crate::product::Form;
use crate::{Arithmetic, MpcError};
use blocks::Blocks;

/// Numerators are below 2 to this power.
pub const NUMERATOR_BITS: u32 = 40;
/// Denominators are below 2 to this power.
pub const DENOMINATOR_BITS: u32 = 30;

/// How many parts in 2^[`TIE_BITS`] a later contender must be better.
const TIE_BITS: u32 = 14;
/// What differences of products, below 2^84, are shortened by, to [`DIFFERENCE_BITS`].
const DIFFERENCE_SHIFT: u32 = 38;
const DIFFERENCE_BITS: usize = 48;
/// Comparisons whose products fit into one chunk of slots: up to here more of them cost little.
const CHUNK: usize = 8192;

/// Shared fractions, each with two words that go with it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Contenders {
    /// Shares modulo 2^128, below 2^[`NUMERATOR_BITS`]; may be a few units below 0.
    pub numerators: Vec<u128>,
    /// Shares modulo 2^128, below 2^[`DENOMINATOR_BITS`]; of those that meet, one may be 0.
    pub denominators: Vec<u128>,
    /// Shares modulo 2^64.
    pub words: [Vec<u64>; 2],
}

impl Contenders {
    /// How many there are.
    pub fn len(&self) -> usize {
        self.numerators.len()
    }

    /// True without any.
    pub fn is_empty(&self) -> bool {
        self.numerators.is_empty()
    }

    /// Those at `places`.
    #[must_use]
    pub fn at(&self, places: &[usize]) -> Self {
        let wide = |all: &[u128]| places.iter().map(|place| all[*place]).collect();
        let word = |all: &Vec<u64>| places.iter().map(|place| all[*place]).collect();
        Self {
            numerators: wide(&self.numerators),
            denominators: wide(&self.denominators),
            words: self.words.each_ref().map(word),
        }
    }
}

/// XOR shares of "the right one is larger by more than one part in 2^14", pair by pair.
pub async fn beats<P: Arithmetic>(
    party: &mut P,
    products: &P::Products,
    left: &Contenders,
    right: &Contenders,
) -> Result<Bits, MpcError> {
    let part = 1 << TIE_BITS;
    // left·(1 + 2^-14) - right, times the denominators.
    let form = Form { terms: vec![(part + 1, 0, 3), (-part, 2, 1)], shift: DIFFERENCE_SHIFT };
    let vectors: [&[u128]; 4] =
        [&left.numerators, &left.denominators, &right.numerators, &right.denominators];
    let differences = party.evaluate(products, &vectors, &[form]).await?;
    // More than the error of a shortened difference, so that equal contenders count as equal.
    let margin = party.share_of_public(party.rounding());
    let differences: Vec<u64> =
        differences[0].iter().map(|share| (*share as u64).wrapping_add(margin)).collect();
    party.is_negative(&differences, DIFFERENCE_BITS).await
}

/// The right one where the shared bit is set, else the left one.
async fn choose<P: Arithmetic>(
    party: &mut P,
    bits: &Bits,
    left: &Contenders,
    right: &Contenders,
) -> Result<Contenders, MpcError> {
    // Shares modulo 2^64 of a difference are shares modulo 2^128 of a number with the same low
    // words: one selection serves all parts.
    let all = |of: &Contenders| {
        let words = of.words.iter().flatten().map(|word| u128::from(*word));
        of.numerators.iter().chain(&of.denominators).copied().chain(words).collect::<Vec<u128>>()
    };
    let (left, right, count) = (all(left), all(right), left.len());
    let bits = Bits::from_fn(4 * count, |index| bits.bit(index % count) == 1);
    let differences: Vec<u128> =
        left.iter().zip(&right).map(|(left, right)| right.wrapping_sub(*left)).collect();
    let chosen = party.select(&bits, &differences).await?;
    let chosen: Vec<u128> =
        left.iter().zip(chosen).map(|(left, chosen)| left.wrapping_add(chosen)).collect();
    let word = |part: usize| {
        let part = &chosen[part * count..(part + 1) * count];
        part.iter().map(|word| *word as u64).collect()
    };
    Ok(Contenders {
        numerators: chosen[..count].to_vec(),
        denominators: chosen[count..2 * count].to_vec(),
        words: [word(2), word(3)],
    })
}

/// The contender with the largest fraction of each group; groups, of at least one contender, lie
/// one after the other.
///
/// # Errors
/// [`MpcError::InvalidInput`] for sizes that do not add up, [`MpcError::Net`] when the peer fails.
pub async fn largest<P: Arithmetic>(
    party: &mut P,
    products: &P::Products,
    contenders: Contenders,
    sizes: &[usize],
) -> Result<Contenders, MpcError> {
    if sizes.contains(&0) || sizes.iter().sum::<usize>() != contenders.len() {
        return Err(MpcError::InvalidInput(format!(
            "{} contenders for {} groups of at least one",
            contenders.len(),
            sizes.len()
        )));
    }
    let (mut contenders, mut sizes) = (contenders, sizes.to_vec());
    while let Some(levels) = levels_of(&sizes, P::LEVELS_MAX) {
        let blocks = Blocks::new(&sizes, levels);
        let (left, right) = blocks.pairs();
        let compared =
            beats(party, products, &contenders.at(&left), &contenders.at(&right)).await?;
        for bits in blocks.outcomes(party, &compared).await? {
            let round = Round::new(&sizes);
            let (left, right) = (contenders.at(&round.left), contenders.at(&round.right));
            let winners = choose(party, &bits, &left, &right).await?;
            contenders = round.gather(&winners, &contenders);
            for size in &mut sizes {
                *size = size.div_ceil(2);
            }
        }
    }
    Ok(contenders)
}

/// How many levels the next round decides; none where every group has its winner.
fn levels_of(sizes: &[usize], levels_max: usize) -> Option<usize> {
    let most = sizes.iter().copied().max().filter(|most| *most > 1)?;
    let all = (usize::BITS - (most - 1).leading_zeros()) as usize;
    let fits = |levels: &usize| Blocks::comparisons(sizes, *levels) <= CHUNK;
    Some((1..=all.min(levels_max)).rev().find(fits).unwrap_or(1))
}

/// Who meets whom.
struct Round {
    left: Vec<usize>,
    right: Vec<usize>,
    /// Where the next round's contenders come from.
    next: Vec<Source>,
}

enum Source {
    Pair(usize),
    /// Without an opponent.
    Alone(usize),
}

impl Round {
    fn new(sizes: &[usize]) -> Self {
        let mut round = Self { left: Vec::new(), right: Vec::new(), next: Vec::new() };
        let mut start = 0;
        for size in sizes {
            for place in (start..start + size).step_by(2) {
                if place + 1 < start + size {
                    round.next.push(Source::Pair(round.left.len()));
                    round.left.push(place);
                    round.right.push(place + 1);
                } else {
                    round.next.push(Source::Alone(place));
                }
            }
            start += size;
        }
        round
    }

    fn gather(&self, winners: &Contenders, all: &Contenders) -> Contenders {
        fn pick<T: Copy>(next: &[Source], winners: &[T], all: &[T]) -> Vec<T> {
            next.iter()
                .map(|source| match source {
                    Source::Pair(pair) => winners[*pair],
                    Source::Alone(place) => all[*place],
                })
                .collect()
        }
        let word = |which: usize| pick(&self.next, &winners.words[which], &all.words[which]);
        Contenders {
            numerators: pick(&self.next, &winners.numerators, &all.numerators),
            denominators: pick(&self.next, &winners.denominators, &all.denominators),
            words: [word(0), word(1)],
        }
    }
}

#[cfg(test)]
mod tests;
