//! The weights of leaves, which stay shared.

use mpc::Arithmetic;
use mpc::product::Form;
use mpc::reciprocal::{FRACTION_BITS, reciprocals};
use mpc::sigmoid::SCORE_UNIT;

use super::choice::WEIGHT_RING_BITS;
use super::units::{Penalties, WEIGHT_BITS};
use super::{PartNode, PartTree, Units};
use crate::ModelError;
use crate::local::boosted_trees::{Settings, second_damping};

/// Fractional bits of G/(H + λ).
const RATIO_BITS: u32 = 21;
/// Fractional bits of the factor that makes scores of ratios.
const FACTOR_BITS: u32 = 24;

/// Writes into every leaf of `tree` this party's share of `-G/(H + λ)` (Chen and Guestrin, KDD
/// 2016, equation 5) times the learning rate or, in a forest, over the number of trees, from the
/// packed sums of all nodes. The error is below 2^-19 times that factor, and one part in 2^17.
pub(super) async fn fill<P: Arithmetic>(
    party: &mut P,
    products: &P::Products,
    (units, penalties): (Units, &Penalties),
    settings: &Settings,
    tree: &mut PartTree,
    totals: &[u64],
) -> Result<(), ModelError> {
    let is_leaf = |node: &PartNode| matches!(node, PartNode::Leaf { .. });
    let leaves = tree.nodes.iter().zip(totals).filter(|(node, _)| is_leaf(node));
    let packed: Vec<u64> = leaves.map(|(_, total)| *total).collect();
    let Units { first_bits, second_bits, low_bits, .. } = units;
    let low = (1_u64 << low_bits) - 1;
    let seconds: Vec<u128> = packed.iter().map(|word| u128::from(word & low)).collect();
    let firsts: Vec<u128> = packed.iter().map(|word| u128::from(word >> low_bits)).collect();
    let parts = [(&seconds[..], low_bits, 0), (&firsts[..], 64 - low_bits, 0)];
    let mut parts = party.widen(&parts).await?.into_iter();
    let (seconds, firsts) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    let lambda = penalties.lambda;
    let weights = seconds.iter().map(|share| share.wrapping_add(lambda)).collect();
    let weights = raise(party, weights).await?;
    let (powers, inverses) = reciprocals(party, products, &weights, WEIGHT_BITS).await?;
    let scaled = party.evaluate(products, &[&firsts, &powers], &[Form::product(0, 1, 0)]).await?;
    // First derivatives have at least as many fractional bits as second ones.
    let shift = WEIGHT_BITS - 1 + FRACTION_BITS - RATIO_BITS + first_bits - second_bits;
    let ratio = [Form::product(0, 1, shift)];
    let ratios = party.evaluate(products, &[&scaled[0], &inverses], &ratio).await?;
    let unit = SCORE_UNIT / f64::from(1 << RATIO_BITS) * f64::from(1 << FACTOR_BITS);
    let factor = settings.shrinkage() / second_damping(settings.loss) * unit;
    let factor = (factor.round() as u128).wrapping_neg();
    // Shares modulo 2^128 lose their low bits alone: what they sum up to beyond the number is a
    // multiple of 2^128, and of 2^64 afterwards.
    let mut shares =
        ratios[0].iter().map(|ratio| (ratio.wrapping_mul(factor) >> FACTOR_BITS) as u64);
    for node in &mut tree.nodes {
        if let PartNode::Leaf { share } = node {
            *share = shares.next().unwrap_or_default();
        }
    }
    Ok(())
}

/// Puts half of the largest weight in place of weights below one unit, which rounding makes of rows
/// that weigh next to nothing: what such a leaf adds is then next to nothing too, and reciprocals
/// are of numbers that have one.
async fn raise<P: Arithmetic>(
    party: &mut P,
    mut weights: Vec<u128>,
) -> Result<Vec<u128>, ModelError> {
    let one = party.share_of_public(1);
    let margins: Vec<u64> =
        weights.iter().map(|weight| (*weight as u64).wrapping_sub(one)).collect();
    let light = party.is_negative(&margins, WEIGHT_RING_BITS).await?;
    let large = u128::from(one) << (WEIGHT_BITS - 1);
    let missing: Vec<u128> = weights.iter().map(|weight| large.wrapping_sub(*weight)).collect();
    let missing = party.select(&light, &missing).await?;
    for (weight, missing) in weights.iter_mut().zip(missing) {
        *weight = weight.wrapping_add(missing);
    }
    Ok(weights)
}
