//! Comparisons of shared numbers in batches, and knock-out rounds.

use mpc::boolean::Bits;
use mpc::comparison::is_negative;
use mpc::conversion::{bits_to_words, select};
use mpc::{MpcError, TwoParty};

/// Numbers that are compared at once, which bounds memory; whole words of bits.
const BATCH: usize = 1 << 16;
/// A word of a contender is its value, shifted by this, and the index of the item.
pub(super) const INDEX_BITS: u32 = 32;
/// Bits of a difference of values, with a sign: it is below 2^28.
pub(super) const DIFFERENCE_BITS: usize = 29;

/// XOR shares of the signs of shared numbers of `bits` bits.
pub(super) async fn signs(
    party: &mut TwoParty,
    shares: &[u64],
    bits: usize,
) -> Result<Bits, MpcError> {
    let mut words = Vec::with_capacity(shares.len().div_ceil(64));
    for part in shares.chunks(BATCH) {
        words.extend_from_slice(is_negative(party, part, bits).await?.words());
    }
    Ok(Bits::from_words(words, shares.len()))
}

/// Additive shares of shared bits.
pub(super) async fn numbers(party: &mut TwoParty, bits: &Bits) -> Result<Vec<u64>, MpcError> {
    let mut numbers = Vec::with_capacity(bits.len());
    for start in (0..bits.len()).step_by(BATCH) {
        numbers.extend(bits_to_words::<u64>(party, &part_of(bits, start)).await?);
    }
    Ok(numbers)
}

fn part_of(bits: &Bits, start: usize) -> Bits {
    let length = BATCH.min(bits.len() - start);
    Bits::from_words(bits.words()[start / 64..][..length.div_ceil(64)].to_vec(), length)
}

/// The contender with the largest value in each lane: contenders are vectors of shared words over
/// the same lanes, at least one.
pub(super) async fn knock_out(
    party: &mut TwoParty,
    mut contenders: Vec<Vec<u64>>,
) -> Result<Vec<u64>, MpcError> {
    while contenders.len() > 1 {
        let alone = if contenders.len() % 2 == 1 { contenders.pop() } else { None };
        let lanes = contenders[0].len().max(1);
        let (left, right): (Vec<_>, Vec<_>) =
            contenders.chunks_exact(2).map(|pair| (&pair[0][..], &pair[1][..])).unzip();
        let winners = better(party, left.concat(), &right.concat()).await?;
        contenders = winners.chunks(lanes).map(<[u64]>::to_vec).collect();
        contenders.extend(alone);
    }
    Ok(contenders.pop().unwrap_or_default())
}

/// The word with the larger value of each pair.
async fn better(party: &mut TwoParty, left: Vec<u64>, right: &[u64]) -> Result<Vec<u64>, MpcError> {
    // The values of shares are off by at most one for what the indices carry.
    let values =
        left.iter().zip(right).map(|(left, right)| left.wrapping_sub(*right) >> INDEX_BITS);
    let is_less = signs(party, &values.collect::<Vec<u64>>(), DIFFERENCE_BITS).await?;
    let mut winners = left;
    for start in (0..winners.len()).step_by(BATCH) {
        let bits = part_of(&is_less, start);
        let span = start..start + bits.len();
        let own = winners[span.clone()].iter().zip(&right[span.clone()]);
        let differences: Vec<u64> = own.map(|(left, right)| right.wrapping_sub(*left)).collect();
        let chosen = select(party, &bits, &differences).await?;
        for (winner, chosen) in winners[span].iter_mut().zip(chosen) {
            *winner = winner.wrapping_add(chosen);
        }
    }
    Ok(winners)
}
