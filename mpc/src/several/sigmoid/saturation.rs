//! Where a score lies: within a quarter of the period, or beyond it.

use std::ops::Range;

use super::vectors::PERIOD_BITS;
use crate::MpcError;
use crate::boolean::Bits;
use crate::several::Parties;
use crate::several::circuit::{Pair, Triples, and, operand_rows};

/// Saturation looks at these bits of the shares: steps of 2^40 units, 0.2 scores, and up to the top
/// one, so that no large score counts as a small one. Dropping the lower bits of n shares loses up
/// to n steps, so that the decision falls up to a score late, where the series, symmetric about a
/// quarter of its period, still holds to 1e-5.
const COARSE: Range<usize> = 40..64;
/// Bits of the coarse score, sign included.
const BITS: usize = COARSE.end - COARSE.start;
/// From here up all bits of an offset score are zero if it is inside.
const HALF_BIT: usize = PERIOD_BITS as usize - 1 - COARSE.start;

/// Bits for "the score is within a quarter of the period on either side of 0" and "it is above
/// that".
pub(super) async fn saturation(
    parties: &mut Parties,
    scores: &[u64],
) -> Result<[Bits; 2], MpcError> {
    // With a quarter added, what is inside is in [0, half a period).
    let quarter = parties.share_of_public(1 << (HALF_BIT - 1));
    let coarse = |score: &u64| ((score >> COARSE.start) + quarter) & ((1 << BITS) - 1);
    let coarse: Vec<u64> = scores.iter().map(coarse).collect();
    let (gates, layers) = cost(parties.count());
    let mut triples = Triples::prepare(parties, gates, layers, coarse.len()).await?;
    let rows = operand_rows(parties, &coarse, BITS);
    let pair = Pair::of(parties, &mut triples, rows).await?;
    let [carry, _] = pair.part(0..HALF_BIT).reduce(parties, &mut triples).await?;

    // s + t + carry is 0 exactly if each s ⊕ t is the OR of the bits of s and t below it, the
    // lowest one the carry: then there are carries all the way, or none and no bits.
    let upper = HALF_BIT..BITS;
    let zeros = upper.clone().map(|position| {
        let propagate = &pair.propagate[position];
        if position == HALF_BIT {
            return propagate.xor(&carry);
        }
        let below = pair.propagate[position - 1].xor(&pair.generate[position - 1]);
        propagate.xor(&below)
    });
    let zeros = zeros.map(|bits| complement(parties, bits)).collect();
    let is_inside = all(parties, &mut triples, zeros).await?;

    let top = BITS - 1;
    let [generated, propagated] = pair.part(HALF_BIT..top).reduce(parties, &mut triples).await?;
    let handed_on = and(parties, &mut triples, &[(&propagated, &carry)]).await?;
    let is_negative = pair.propagate[top].xor(&generated).xor(&handed_on[0]);
    let outside = complement(parties, is_inside.clone());
    let positive = complement(parties, is_negative);
    let mut is_high = and(parties, &mut triples, &[(&outside, &positive)]).await?;
    Ok([is_inside, is_high.swap_remove(0)])
}

/// The ANDs and layers of [`saturation`].
fn cost(parties: usize) -> (usize, usize) {
    let upper = BITS - HALF_BIT;
    let parts = [
        Pair::cost(parties, BITS),
        Pair::cost_of_reduce(HALF_BIT),
        (upper - 1, upper.next_power_of_two().ilog2() as usize),
        Pair::cost_of_reduce(upper - 1),
        (2, 2),
    ];
    parts.iter().fold((0, 0), |sum, part| (sum.0 + part.0, sum.1 + part.1))
}

/// Shares of the complement: one party's bits change.
fn complement(parties: &Parties, bits: Bits) -> Bits {
    if parties.is_first() { bits.complement() } else { bits }
}

/// The AND of all vectors.
async fn all(
    parties: &mut Parties,
    triples: &mut Triples,
    mut bits: Vec<Bits>,
) -> Result<Bits, MpcError> {
    while bits.len() > 1 {
        let rest = bits.split_off(bits.len() / 2 * 2);
        let pairs: Vec<(&Bits, &Bits)> =
            bits.chunks_exact(2).map(|pair| (&pair[0], &pair[1])).collect();
        let mut products = and(parties, triples, &pairs).await?;
        products.extend(rest);
        bits = products;
    }
    Ok(bits.pop().unwrap_or_default())
}
