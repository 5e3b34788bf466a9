//! Which band a shared score is in.

use mpc::boolean::{BitTriples, Bits, and_many, bit_triples};
use mpc::comparison::{less_than, signs_beside};
use mpc::sigmoid::SCORE_UNIT;
use mpc::{MpcError, TwoParty};

use super::Scale;
use crate::family::sigmoid;

/// Bits of the number of a band.
pub(super) const BITS: usize = 10;
/// Bands that scores are rounded to.
pub const COUNT: usize = 1 << BITS;
/// Logarithm of the width of a band, in units of scores.
const WIDTH_BITS: u32 = 37;
/// Scores of this magnitude are at the end of the bands, 12.5.
const HALF_RANGE: u64 = 1 << (WIDTH_BITS + BITS as u32 - 1);

/// The width of a band in log-odds.
pub const WIDTH: f64 = (1_u64 << WIDTH_BITS) as f64 / SCORE_UNIT;

/// The band of a score in log-odds, that of the lowest scores is 0.
pub fn band_of(score: f64) -> usize {
    let band = (score / WIDTH).floor() + (COUNT / 2) as f64;
    band.clamp(0.0, (COUNT - 1) as f64) as usize
}

/// The score in the middle of a band, in log-odds.
pub fn middle_of(band: usize) -> f64 {
    (band as f64 + 0.5 - (COUNT / 2) as f64) * WIDTH
}

/// The probabilities of both classes, the positive one first, in the middle of a band.
pub(super) fn chances_of(band: usize, scale: Scale) -> [f64; 2] {
    match scale {
        Scale::LogOdds => [sigmoid(middle_of(band)), sigmoid(-middle_of(band))],
        Scale::Probability => {
            let chance = (band as f64 + 0.5) / COUNT as f64;
            [chance, 1.0 - chance]
        }
    }
}

/// Shared bits of the number of the band of each score, the lowest first.
pub(super) async fn bits_of(party: &mut TwoParty, scores: &[u64]) -> Result<Vec<Bits>, MpcError> {
    let ends = [HALF_RANGE, HALF_RANGE.wrapping_neg()];
    let signs = signs_beside(party, scores, &ends, 64).await?;
    let [below, not_above] = &signs[..] else {
        return Err(MpcError::InvalidInput("two ends have two signs".to_owned()));
    };
    let first = party.is_first();
    let offset = party.share_of_public(HALF_RANGE);
    let moved: Vec<u64> = scores.iter().map(|score| score.wrapping_add(offset)).collect();
    let within = add(party, &moved).await?;
    let flip = |bits: &Bits| if first { bits.complement() } else { bits.clone() };
    let (above, inside) = (flip(not_above), not_above.xor(below));
    let pairs: Vec<(&Bits, &Bits)> = within.iter().map(|bits| (&inside, bits)).collect();
    let mut triples = bit_triples(party, pairs.len() * inside.words().len()).await?;
    let kept = and_many(party, &mut triples, &pairs).await?;
    Ok(kept.iter().map(|bits| bits.xor(&above)).collect())
}

/// Shared bits from [`WIDTH_BITS`] up of shared numbers, the lowest first.
async fn add(party: &mut TwoParty, shares: &[u64]) -> Result<Vec<Bits>, MpcError> {
    let (first, count) = (party.is_first(), shares.len());
    let low = (1_u64 << WIDTH_BITS) - 1;
    let operand = |share: &u64| if first { low - (share & low) } else { share & low };
    let operands: Vec<u64> = shares.iter().map(operand).collect();
    // The lower bits carry exactly if 2^w - 1 - first < second.
    let mut carry = less_than(party, &operands, WIDTH_BITS as usize).await?;
    let zeros = Bits::zeros(count);
    let mut triples: BitTriples = bit_triples(party, (BITS - 1) * zeros.words().len()).await?;
    let mut sums = Vec::with_capacity(BITS);
    for bit in 0..BITS {
        let own = Bits::from_fn(count, |at| shares[at] >> (WIDTH_BITS as usize + bit) & 1 == 1);
        sums.push(own.xor(&carry));
        if bit + 1 < BITS {
            let (x, y) = if first { (&own, &zeros) } else { (&zeros, &own) };
            // The majority of x, y and the carry.
            let pair = (&x.xor(&carry), &y.xor(&carry));
            let both = and_many(party, &mut triples, &[pair]).await?;
            carry = both.iter().fold(carry, |carry, both| carry.xor(both));
        }
    }
    Ok(sums)
}

/// For each of the 2^bits values of some shared bits, the highest first, a shared bit that is
/// `root` where the bits have this value, and 0 elsewhere.
pub(super) async fn one_hot(
    party: &mut TwoParty,
    root: &Bits,
    bits: &[&Bits],
) -> Result<Vec<Bits>, MpcError> {
    let nodes = (1 << bits.len()) - 1;
    let mut triples: BitTriples = bit_triples(party, nodes * root.words().len()).await?;
    let mut leaves = vec![root.clone()];
    for bit in bits {
        let pairs: Vec<(&Bits, &Bits)> = leaves.iter().map(|leaf| (*bit, leaf)).collect();
        let set = and_many(party, &mut triples, &pairs).await?;
        let pairs = leaves.iter().zip(set);
        leaves = pairs.flat_map(|(leaf, set)| [leaf.xor(&set), set]).collect();
    }
    Ok(leaves)
}
