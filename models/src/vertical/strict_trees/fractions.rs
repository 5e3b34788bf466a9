//! Cuts as fractions: what they gain, in the same unit for all cuts of a node.
//!
//! For a node with sums G and H, and a cut with sums `G_L` and `H_L` on its left, let H' = H + 2λ
//! and `H'_L` = `H_L` + λ. Then D²/Q with
//!
//! ```text
//! D = G_L·H' - G·H'_L        Q = H'_L·(H' - H'_L)        exact
//! ```
//!
//! is H' times the gain of the cut, plus `G²λ/(H + λ)`, which belongs to no gain at all; with a
//! least gain γ a cut must exceed `G²λ/(H + λ) + γH'`. Two secret powers of two for each node bring
//! the numbers of all nodes to one size: u the weight, `2^29 ≤ uH' < 2^30`, and w the first
//! derivatives, `2^60 ≤ w²S < 2^62` for
//!
//! ```text
//! S = 2·(ΣG_L² + G² + γH')/2^s + what rounding may lose
//! ```
//!
//! over all cuts of the node, with a public s that makes S fit: S bounds the square of every `G_L`
//! and of every G - `G_L`, whatever the derivatives' signs. In these sizes
//!
//! ```text
//! δ = D·uw/2^(33+s/2)   A = δ²/2^16      below 2^40
//! q = Q·u²/2^28                          below 2^30
//! ```
//!
//! and a node's own fraction has `E·uλ/2^28`, E = `G²w²/2^(26+s)`, over uH' - uλ. A sum of squares
//! bounds its largest term to within a factor of the number of cuts, so that δ of the best cut may
//! be shorter than 2^28 by half the bits of that number, 5 for 1000 cuts: as many as the bits by
//! which `G_L` is usually below the sum of all |g|.
//!
//! A cut leaves enough weight on both sides, `H_L`, `H_R` ≥ m, exactly if `Q ≥ μ·(H' - μ)` for μ =
//! m + λ and `H ≥ 2m`.

use mpc::Arithmetic;
use mpc::maximum::Contenders;
use mpc::product::Form;
use mpc::reciprocal::{LEADING_BITS_MAX, LeadingBits, leading_bits};

use super::Units;
use super::units::{Penalties, WEIGHT_BITS};
use crate::ModelError;

/// Shares of the packed sums of one node.
pub(super) struct NodeSums {
    /// Over all its rows.
    pub(super) total: u64,
    /// Left of each cut of the guest, and of each host.
    pub(super) left: Vec<Vec<u64>>,
}

/// Shares of the fractions of all cuts and nodes.
pub(super) struct Fractions {
    /// One a cut, without words; below 0 where a cut gains nothing.
    pub(super) cuts: Contenders,
    /// One a node: what a cut has to exceed.
    pub(super) stays: Contenders,
    /// Q of the least weights allowed, in the size of denominators, one a node.
    pub(super) least: Vec<u128>,
    /// H', one a node.
    pub(super) weights: Vec<u128>,
}

pub(super) struct FractionMaker<'a, P: Arithmetic> {
    pub(super) products: &'a P::Products,
    pub(super) units: Units,
    pub(super) penalties: &'a Penalties,
}

/// Bits of S, which is below 2 to this power.
const SQUARES_BITS: u32 = LEADING_BITS_MAX;
/// Bits of δ.
const SLOPE_BITS: u32 = 28;
/// δ of uH' < 2^30 and wG < 2^31.
const SLOPE_SHIFT: u32 = WEIGHT_BITS + SQUARES_BITS / 2 - SLOPE_BITS;
/// What makes a square of δ a numerator.
const NUMERATOR_SHIFT: u32 = 2 * SLOPE_BITS - mpc::maximum::NUMERATOR_BITS;
/// A product of two parts of uH' is below 2^58.
const DENOMINATOR_SHIFT: u32 = 2 * WEIGHT_BITS - 2 - mpc::maximum::DENOMINATOR_BITS;
/// What is left for E, so that a node's fraction has the unit of its cuts'.
const NODE_SHIFT: u32 = 2 * SLOPE_SHIFT + NUMERATOR_SHIFT - 2 * DENOMINATOR_SHIFT;

/// Shares modulo 2^128 of first derivatives and of weights with their penalty.
struct Sums {
    firsts: Vec<u128>,
    weights: Vec<u128>,
}

/// What is exact: D and Q of all cuts, and behind them places of the nodes.
struct Exact {
    slopes: Vec<u128>,
    weights: Vec<u128>,
    /// `G_L²/2^s`, and G² behind them.
    squares: Vec<u128>,
    /// γH'/2^s, if a gain is asked for.
    gains: Option<Vec<u128>>,
}

/// One number for each node.
struct Sizes {
    /// u², uw.
    weight_squares: Vec<u128>,
    slope_powers: Vec<u128>,
    /// uH' and uλ.
    scaled: Vec<u128>,
    pulls: Vec<u128>,
    /// E, and w²γH' in the same unit.
    squares: Vec<u128>,
    gains: Option<Vec<u128>>,
}

impl<P: Arithmetic> FractionMaker<'_, P> {
    /// From packed sums: `cuts` of all nodes one after the other, equally many each.
    pub(super) async fn fractions(
        &self,
        party: &mut P,
        nodes: &[NodeSums],
        cuts: &[u64],
    ) -> Result<Fractions, ModelError> {
        let each = cuts.len() / nodes.len().max(1);
        let shift = self.square_shift(each);
        let (of_nodes, of_cuts) = self.widen(party, nodes, cuts).await?;
        let exact = self.exact(party, &of_nodes, of_cuts, shift).await?;
        let sizes = self.sizes(party, &of_nodes, &exact, each).await?;
        self.to_size(party, of_nodes, exact, sizes, shift).await
    }

    /// s: S of so many cuts and the node fits, with one bit for the factor 2.
    fn square_shift(&self, cuts: usize) -> u32 {
        let count_bits = usize::BITS - (cuts + 2).leading_zeros();
        let bits = 2 * self.units.first_sum_bits + count_bits + 2;
        bits.saturating_sub(SQUARES_BITS).next_multiple_of(2)
    }

    /// Takes packed sums apart and adds the penalties.
    async fn widen(
        &self,
        party: &mut P,
        nodes: &[NodeSums],
        cuts: &[u64],
    ) -> Result<(Sums, Sums), ModelError> {
        let packed = || nodes.iter().map(|node| node.total).chain(cuts.iter().copied());
        let low_bits = self.units.low_bits;
        let low = (1_u64 << low_bits) - 1;
        let seconds: Vec<u128> = packed().map(|word| u128::from(word & low)).collect();
        let firsts: Vec<u128> = packed().map(|word| u128::from(word >> low_bits)).collect();
        let parts = [(&seconds[..], low_bits, 0), (&firsts[..], 64 - low_bits, 0)];
        let mut parts = party.widen(&parts).await?.into_iter();
        let mut next = || parts.next().unwrap_or_default();
        let (mut weights, mut firsts) = (next(), next());
        let lambda = self.penalties.lambda;
        for (place, weight) in weights.iter_mut().enumerate() {
            let times = if place < nodes.len() { 2 } else { 1 };
            *weight = weight.wrapping_add(lambda.wrapping_mul(times));
        }
        let cut_weights = weights.split_off(nodes.len());
        let cut_firsts = firsts.split_off(nodes.len());
        let of_cuts = Sums { firsts: cut_firsts, weights: cut_weights };
        Ok((Sums { firsts, weights }, of_cuts))
    }

    /// D, Q and the squares. Behind the cuts, for each node a place with (G, μ, G, H') for (`G_L`,
    /// `H'_L`, G, H'), where Q becomes the least Q allowed and the square G²; and if a gain is
    /// asked for one with (G, γ, G, H' + γ), where Q becomes γH'.
    async fn exact(
        &self,
        party: &mut P,
        nodes: &Sums,
        cuts: Sums,
        shift: u32,
    ) -> Result<Exact, ModelError> {
        let (count, total) = (nodes.weights.len(), cuts.weights.len());
        let least = self.penalties.child.wrapping_add(self.penalties.lambda);
        let mut firsts = [&cuts.firsts[..], &nodes.firsts].concat();
        let mut weights = cuts.weights;
        weights.extend(std::iter::repeat_n(least, count));
        let each = total / count.max(1);
        let mut all_firsts = [&spread(&nodes.firsts, each)[..], &nodes.firsts].concat();
        let mut all_weights = [&spread(&nodes.weights, each)[..], &nodes.weights].concat();
        if let Some(gain) = self.penalties.gain {
            firsts.extend(&nodes.firsts);
            all_firsts.extend(&nodes.firsts);
            weights.extend(std::iter::repeat_n(gain, count));
            all_weights.extend(nodes.weights.iter().map(|weight| weight.wrapping_add(gain)));
        }
        let forms = [
            Form { terms: vec![(1, 0, 3), (-1, 2, 1)], shift: 0 },
            Form { terms: vec![(1, 1, 3), (-1, 1, 1)], shift: 0 },
            Form::product(0, 0, shift),
        ];
        let vectors: [&[u128]; 4] = [&firsts, &weights, &all_firsts, &all_weights];
        let formed = party.evaluate(self.products, &vectors, &forms).await?;
        let [slopes, mut weights, mut squares] =
            <[Vec<u128>; 3]>::try_from(formed).unwrap_or_default();
        squares.truncate(total + count);
        let gains = match self.penalties.gain {
            Some(_) => Some(party.shorten(&weights.split_off(total + count), shift).await?),
            None => None,
        };
        Ok(Exact { slopes, weights, squares, gains })
    }

    /// The powers of two of each node, and what they make of its own numbers.
    async fn sizes(
        &self,
        party: &mut P,
        nodes: &Sums,
        exact: &Exact,
        each: usize,
    ) -> Result<Sizes, ModelError> {
        let count = nodes.weights.len();
        let (of_cuts, own) = exact.squares.split_at(count * each);
        // What inexact squares may lose, and twice that.
        let error = 2 * party.rounding() * (each as u64 + 2);
        let error = u128::from(party.share_of_public(error));
        let bound = |node: usize| {
            let cuts = &of_cuts[node * each..(node + 1) * each];
            let gain = exact.gains.as_ref().map_or(0, |gains| gains[node]);
            let sum =
                cuts.iter().fold(own[node].wrapping_add(gain), |sum, it| sum.wrapping_add(*it));
            sum.wrapping_mul(2).wrapping_add(error)
        };
        let raised = nodes.weights.iter().map(|weight| weight << (SQUARES_BITS - WEIGHT_BITS));
        let sizes: Vec<u128> = raised.chain((0..count).map(bound)).collect();
        let leading: LeadingBits = leading_bits(party, &sizes, SQUARES_BITS).await?;
        // A node that weighs less than one unit counts as one unit.
        let weight_powers =
            |times: u32| leading.powers(0..count, move |above| times * above.min(WEIGHT_BITS - 1));
        let (u, w) = (weight_powers(1), leading.powers(count..2 * count, |above| above / 2));
        let w_squares = leading.powers(count..2 * count, |above| above / 2 * 2);
        let lambdas = vec![self.penalties.lambda; count];
        let mut vectors: Vec<&[u128]> = vec![&u, &w, &nodes.weights, &lambdas, own, &w_squares];
        let mut forms = vec![
            Form::product(0, 1, 0),
            Form::product(0, 2, 0),
            Form::product(0, 3, 0),
            Form::product(4, 5, NODE_SHIFT),
        ];
        if let Some(gains) = &exact.gains {
            vectors.push(gains);
            forms.push(Form::product(6, 5, NODE_SHIFT));
        }
        let formed = party.evaluate(self.products, &vectors, &forms).await?;
        let mut formed = formed.into_iter();
        let mut next = || formed.next().unwrap_or_default();
        Ok(Sizes {
            weight_squares: weight_powers(2),
            slope_powers: next(),
            scaled: next(),
            pulls: next(),
            squares: next(),
            gains: exact.gains.as_ref().map(|_| next()),
        })
    }

    /// Brings all numbers to size. Behind the cuts, for each node a place for the least Q, one for
    /// E·uλ, and if a gain is asked for one for w²γH'·(uH' - uλ); δ means nothing there.
    async fn to_size(
        &self,
        party: &mut P,
        nodes: Sums,
        exact: Exact,
        sizes: Sizes,
        shift: u32,
    ) -> Result<Fractions, ModelError> {
        let count = nodes.weights.len();
        let total = exact.weights.len() - count;
        let each = total / count.max(1);
        let weights: Vec<u128> = sizes
            .scaled
            .iter()
            .zip(&sizes.pulls)
            .map(|(scaled, pull)| scaled.wrapping_sub(*pull))
            .collect();
        let mut left = exact.weights;
        let mut right = [&spread(&sizes.weight_squares, each)[..], &sizes.weight_squares].concat();
        left.extend(&sizes.squares);
        right.extend(&sizes.pulls);
        if let Some(gains) = &sizes.gains {
            left.extend(gains);
            right.extend(&weights);
        }
        let filled = |own: &[u128], of_nodes: &[u128]| -> Vec<u128> {
            let fill = of_nodes.iter().cycle().take(left.len() - total);
            own.iter().chain(fill).copied().collect()
        };
        let slopes = filled(&exact.slopes[..total], &nodes.firsts);
        let powers = filled(&spread(&sizes.slope_powers, each), &sizes.slope_powers);
        let forms =
            [Form::product(0, 1, SLOPE_SHIFT + shift / 2), Form::product(2, 3, DENOMINATOR_SHIFT)];
        let vectors: [&[u128]; 4] = [&slopes, &powers, &left, &right];
        let formed = party.evaluate(self.products, &vectors, &forms).await?;
        let [mut delta, mut denominators] = <[Vec<u128>; 2]>::try_from(formed).unwrap_or_default();
        delta.truncate(total);
        let square = [Form::product(0, 0, NUMERATOR_SHIFT)];
        let mut numerators =
            party.evaluate(self.products, &[&delta], &square).await?.swap_remove(0);
        // What rounding makes of no gain is no gain: cuts lose it, and what they must exceed is
        // above nothing.
        let rounding = u128::from(party.share_of_public(party.rounding()));
        for numerator in &mut numerators {
            *numerator = numerator.wrapping_sub(rounding);
        }
        let of_nodes = denominators.split_off(total);
        let (least, stays) = of_nodes.split_at(count);
        let mut stay = stays[..count].to_vec();
        for stay in &mut stay {
            *stay = stay.wrapping_add(rounding.wrapping_mul(2));
        }
        for (stay, gain) in stay.iter_mut().zip(&stays[count..]) {
            *stay = stay.wrapping_add(*gain);
        }
        let words = || [vec![0; count], vec![0; count]];
        Ok(Fractions {
            cuts: Contenders { numerators, denominators, words: Default::default() },
            stays: Contenders { numerators: stay, denominators: weights, words: words() },
            least: least.to_vec(),
            weights: nodes.weights,
        })
    }
}

/// Each value `each` times.
fn spread(values: &[u128], each: usize) -> Vec<u128> {
    values.iter().flat_map(|value| std::iter::repeat_n(*value, each)).collect()
}
