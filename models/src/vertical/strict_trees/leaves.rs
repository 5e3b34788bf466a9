//! The weights of leaves, which stay shared.

use mpc::TwoParty;
use mpc::product::{Form, Products};
use mpc::reciprocal::{FRACTION_BITS, reciprocals};
use mpc::sigmoid::SCORE_UNIT;
use mpc::wide::widen_all;

use super::{PartNode, PartTree, Units};
use crate::ModelError;
use crate::local::boosted_trees::Settings;

/// Fractional bits of G/(H + λ).
const RATIO_BITS: u32 = 21;

/// Writes into every leaf of `tree` this party's share of `-learning_rate·G/(H + λ)` (Chen and
/// Guestrin, KDD 2016, equation 5), from the packed sums of all nodes. The error is below 2^-19
/// times the learning rate, and one part in 2^17.
pub(super) async fn fill(
    party: &mut TwoParty,
    products: &Products,
    units: Units,
    settings: &Settings,
    tree: &mut PartTree,
    totals: &[u64],
) -> Result<(), ModelError> {
    let is_leaf = |node: &PartNode| matches!(node, PartNode::Leaf { .. });
    let leaves = tree.nodes.iter().zip(totals).filter(|(node, _)| is_leaf(node));
    let packed: Vec<u64> = leaves.map(|(_, total)| *total).collect();
    let Units { second_bits, lambda, weight_bits, .. } = units;
    let low = (1_u64 << second_bits) - 1;
    let seconds: Vec<u128> = packed.iter().map(|word| u128::from(word & low)).collect();
    let firsts: Vec<u128> = packed.iter().map(|word| u128::from(word >> second_bits)).collect();
    let parts = [(&seconds[..], 1 << second_bits, 0), (&firsts[..], 1 << (64 - second_bits), 0)];
    let mut parts = widen_all(party, &parts).await?.into_iter();
    let (seconds, firsts) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    let lambda = u128::from(party.share_of_public(lambda));
    let weights: Vec<u128> = seconds.iter().map(|share| share.wrapping_add(lambda)).collect();

    let (powers, inverses) = reciprocals(party, products, &weights, weight_bits).await?;
    let scaled = products.evaluate(party, &[&firsts, &powers], &[Form::product(0, 1, 0)]).await?;
    let shift = weight_bits - 1 + FRACTION_BITS - RATIO_BITS;
    let ratio = [Form::product(0, 1, shift)];
    let ratios = products.evaluate(party, &[&scaled[0], &inverses], &ratio).await?;
    let unit = settings.learning_rate * SCORE_UNIT / f64::from(1 << RATIO_BITS);
    let factor = (unit.round() as u64).wrapping_neg();
    let mut shares = ratios[0].iter().map(|ratio| (*ratio as u64).wrapping_mul(factor));
    for node in &mut tree.nodes {
        if let PartNode::Leaf { share } = node {
            *share = shares.next().unwrap_or_default();
        }
    }
    Ok(())
}
