//! The largest of shared fractions, with what belongs to it.
//!
//! # Functionality
//! The parties hold shares of groups of [`Contenders`]: fractions with a numerator in 0..2^40 and a
//! denominator in 1..2^30, and two words each. [`largest`] gives shares of the contender with the
//! largest fraction of each group. Among fractions that differ by less than one part in 2^14 the
//! one that comes first in its group is taken. [`beats`] is one round of it: for pairs, whether the
//! second one is larger.
//! # Messages
//! For each round, in which neighbours meet and one of them goes on:
//! 1. products, see `product`: each numerator with the other's denominator
//! 2. the sign of the difference, see `comparison`
//! 3. `corrections`, `correlations`: the selection of the winner, see `conversion`
//! # Leaks
//! Nothing but the sizes of groups.
//! # Security
//! Semi-honest, as the blocks that it is made of; no result of a comparison is opened.
//! # Cost
//! ⌈log2 size⌉ rounds. Each has 16 flights, and for each pair besides the products a comparison of
//! 48 bits and, both ways, four selections of 64 bytes in all.
//! # Reference
//! Tournament; comparison of fractions by cross-multiplication as in Lu et al., "Squirrel", USENIX
//! Security 2023 (eprint 2023/527), section 4.4, does with square roots instead.

use crate::boolean::Bits;
use crate::comparison::is_negative;
use crate::conversion::select;
use crate::product::{Form, Products};
use crate::{MpcError, TwoParty};

/// Numerators are below 2 to this power.
pub const NUMERATOR_BITS: u32 = 40;
/// Denominators are below 2 to this power.
pub const DENOMINATOR_BITS: u32 = 30;

/// How many parts in 2^[`TIE_BITS`] a later contender must be better.
const TIE_BITS: u32 = 14;
/// What differences of products, below 2^84, are shortened by, to [`DIFFERENCE_BITS`].
const DIFFERENCE_SHIFT: u32 = 38;
const DIFFERENCE_BITS: usize = 48;
/// More than the error of a shortened difference, so that equal contenders count as equal.
const ROUNDING: u64 = 4;

/// Shared fractions, each with two words that go with it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Contenders {
    /// Shares modulo 2^128, below 2^[`NUMERATOR_BITS`].
    pub numerators: Vec<u128>,
    /// Shares modulo 2^128, below 2^[`DENOMINATOR_BITS`].
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
#[net::boxed]
pub async fn beats(
    party: &mut TwoParty,
    products: &Products,
    left: &Contenders,
    right: &Contenders,
) -> Result<Bits, MpcError> {
    let part = 1 << TIE_BITS;
    // left·(1 + 2^-14) - right, times the denominators.
    let form = Form { terms: vec![(part + 1, 0, 3), (-part, 2, 1)], shift: DIFFERENCE_SHIFT };
    let vectors: [&[u128]; 4] =
        [&left.numerators, &left.denominators, &right.numerators, &right.denominators];
    let differences = products.evaluate(party, &vectors, &[form]).await?;
    let margin = party.share_of_public(ROUNDING);
    let differences: Vec<u64> =
        differences[0].iter().map(|share| (*share as u64).wrapping_add(margin)).collect();
    is_negative(party, &differences, DIFFERENCE_BITS).await
}

/// The right one where the shared bit is set, else the left one.
#[net::boxed]
pub async fn choose(
    party: &mut TwoParty,
    bits: &Bits,
    left: &Contenders,
    right: &Contenders,
) -> Result<Contenders, MpcError> {
    let count = left.len();
    let wide = |all: &Contenders| [&all.numerators[..], &all.denominators[..]].concat();
    let word = |all: &Contenders| all.words.concat();
    let twice = Bits::from_fn(2 * count, |index| bits.bit(index % count) == 1);
    let wide = replace(party, &twice, &wide(left), &wide(right)).await?;
    let word = replace(party, &twice, &word(left), &word(right)).await?;
    let ((numerators, denominators), (one, other)) = (wide.split_at(count), word.split_at(count));
    Ok(Contenders {
        numerators: numerators.to_vec(),
        denominators: denominators.to_vec(),
        words: [one.to_vec(), other.to_vec()],
    })
}

async fn replace<W: crate::Word>(
    party: &mut TwoParty,
    bits: &Bits,
    left: &[W],
    right: &[W],
) -> Result<Vec<W>, MpcError> {
    let differences: Vec<W> =
        left.iter().zip(right).map(|(left, right)| right.minus(*left)).collect();
    let chosen = select(party, bits, &differences).await?;
    Ok(left.iter().zip(chosen).map(|(left, chosen)| left.plus(chosen)).collect())
}

/// The contender with the largest fraction of each group; groups, of at least one contender, lie
/// one after the other.
///
/// # Errors
/// [`MpcError::InvalidInput`] for sizes that do not add up, [`MpcError::Net`] when the peer fails.
#[net::boxed]
pub async fn largest(
    party: &mut TwoParty,
    products: &Products,
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
    while sizes.iter().any(|size| *size > 1) {
        let round = Round::new(&sizes);
        let (left, right) = (contenders.at(&round.left), contenders.at(&round.right));
        let bits = beats(party, products, &left, &right).await?;
        let winners = choose(party, &bits, &left, &right).await?;
        contenders = round.gather(&winners, &contenders);
        for size in &mut sizes {
            *size = size.div_ceil(2);
        }
    }
    Ok(contenders)
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
