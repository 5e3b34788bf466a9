//! The best cut of each node of a level, on shares.
//!
//! For a node with sums G and H, and a cut with sums `G_L` and `H_L` on its left, let H' = H + 2λ,
//! `H'_L` = `H_L` + λ, and u, w powers of two that bring H' and the sum B of all |g| of the node to
//! one size for all nodes. Then
//!
//! ```text
//! c = u·H'    e = w·G    α = u·H'_L    γ = w·G_L        exact
//! δ = (c·γ - e·α)/2^…    q = α·(c - α)/2^…    A = δ²/2^…
//! ```
//!
//! and A/q is the gain of the cut times a constant of the node, plus the constant that belongs to
//! no gain at all: `e²·λu/(c - λu)`. B bounds every |`G_L`|, so that nothing overflows; the labels
//! tell the sign of every g, hence B is the difference of the sums over the two classes.
//!
//! A cut leaves enough weight on both sides, `H_L`, `H_R` ≥ m, exactly if `q ≥ μ·(c - μ)` for μ =
//! u·(m + λ) and `H ≥ 2m`.

use mpc::TwoParty;
use mpc::boolean::{Bits, and_many, bit_triples};
use mpc::comparison::is_negative;
use mpc::conversion::select;
use mpc::maximum::{Contenders, DENOMINATOR_BITS, NUMERATOR_BITS, beats, largest};
use mpc::product::{Form, Products};
use mpc::reciprocal::normalisers;
use mpc::reveal::{Learner, learn, open_bits};
use mpc::wide::widen_all;

use super::{OWN_SPLITS, OWNER, Owner, SHAPE, Units};
use crate::ModelError;

/// Shares of the packed sums of one node.
pub(super) struct NodeSums {
    /// Over all its rows.
    pub(super) total: u64,
    /// Over the rows of each class.
    pub(super) classes: [u64; 2],
    /// Left of each cut of the guest, and of the host.
    pub(super) left: [Vec<u64>; 2],
}

/// What was decided for a node that is split.
pub(super) struct Choice {
    pub(super) owner: Owner,
    /// The number of the cut among the owner's, if that is this party.
    pub(super) cut: Option<usize>,
    /// Share of the packed sum of the left child.
    pub(super) left: u64,
}

/// Bits of δ.
const SLOPE_BITS: u32 = 28;
/// Bits by which δ² is shortened.
const SQUARE_SHIFT: u32 = 2 * SLOPE_BITS - NUMERATOR_BITS;
/// Ring in which weights are compared.
const WEIGHT_RING_BITS: usize = DENOMINATOR_BITS as usize + 3;
/// More than the error of a shortened product.
const ROUNDING: u64 = 4;

pub(super) struct Chooser<'a> {
    pub(super) products: &'a Products,
    pub(super) units: Units,
}

/// Shares modulo 2^128 of the parts of packed sums.
struct Parts {
    firsts: Vec<u128>,
    seconds: Vec<u128>,
}

/// What all cuts of a node have in common, one number for each node.
struct Nodes {
    weights: Vec<u128>,
    firsts: Vec<u128>,
    /// u and w.
    weight_powers: Vec<u128>,
    first_powers: Vec<u128>,
}

impl Chooser<'_> {
    /// For each node, whether and how it is split: opens one bit, the owner of a split, and the
    /// number of the cut to the owner.
    pub(super) async fn choose(
        &self,
        party: &mut TwoParty,
        nodes: &[NodeSums],
    ) -> Result<Vec<Option<Choice>>, ModelError> {
        let cuts: Vec<u64> = nodes.iter().flat_map(|node| node.left.concat()).collect();
        if nodes.is_empty() || cuts.is_empty() {
            return Ok(nodes.iter().map(|_| None).collect());
        }
        let sizes = [nodes[0].left[0].len(), nodes[0].left[1].len()];
        let (common, cut_parts) = self.widen(party, nodes, &cuts).await?;
        let (contenders, stays) = self.gains(party, &common, cut_parts, sizes).await?;
        let numbers = (0..nodes.len()).flat_map(|_| (0..sizes[0]).chain(0..sizes[1]));
        let numbers = numbers.map(|number| party.share_of_public(number as u64)).collect();
        let contenders = Contenders { words: [numbers, cuts], ..contenders };
        self.decide(party, contenders, stays, sizes).await
    }

    /// Takes packed sums apart: of all nodes, and of all cuts.
    async fn widen(
        &self,
        party: &mut TwoParty,
        nodes: &[NodeSums],
        cuts: &[u64],
    ) -> Result<(Nodes, Parts), ModelError> {
        let totals = nodes.iter().map(|node| node.total);
        let packed: Vec<u64> = totals.chain(cuts.iter().copied()).collect();
        let classes: Vec<u64> = nodes.iter().flat_map(|node| node.classes).collect();
        let Units { second_bits, lambda, weight_bits, first_sum_bits, .. } = self.units;
        let low = (1_u64 << second_bits) - 1;
        let seconds: Vec<u128> = packed.iter().map(|word| u128::from(word & low)).collect();
        let high = |word: &u64| u128::from(word >> second_bits);
        let firsts: Vec<u128> = packed.iter().chain(&classes).map(high).collect();
        let first_modulus = 1 << (64 - second_bits);
        let parts = [(&seconds[..], 1 << second_bits, 0), (&firsts[..], first_modulus, 0)];
        let mut parts = widen_all(party, &parts).await?.into_iter();
        let (seconds, firsts) =
            (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());

        let add = |share: &u128, number: u64| {
            share.wrapping_add(u128::from(party.share_of_public(number)))
        };
        let (node_seconds, cut_seconds) = seconds.split_at(nodes.len());
        let (node_firsts, rest) = firsts.split_at(nodes.len());
        let (cut_firsts, class_firsts) = rest.split_at(cuts.len());
        let weights: Vec<u128> = node_seconds.iter().map(|share| add(share, 2 * lambda)).collect();
        // The carries of packed sums may take one unit off each.
        let bounds = class_firsts.chunks_exact(2).map(|pair| pair[0].wrapping_sub(pair[1]));
        let bounds: Vec<u128> = bounds.map(|bound| add(&bound, ROUNDING)).collect();
        let cut_parts = Parts {
            firsts: cut_firsts.to_vec(),
            seconds: cut_seconds.iter().map(|share| add(share, lambda)).collect(),
        };
        let node_firsts = node_firsts.to_vec();

        let bits = weight_bits.max(first_sum_bits);
        let powers = normalisers(party, &[&weights[..], &bounds].concat(), bits).await?;
        let (weight_powers, first_powers) = powers.split_at(nodes.len());
        let nodes = Nodes {
            weights,
            firsts: node_firsts,
            weight_powers: weight_powers.to_vec(),
            first_powers: first_powers.to_vec(),
        };
        Ok((nodes, cut_parts))
    }

    /// Each cut as a fraction, and for each node the fraction of no gain.
    async fn gains(
        &self,
        party: &mut TwoParty,
        nodes: &Nodes,
        cuts: Parts,
        sizes: [usize; 2],
    ) -> Result<(Contenders, Contenders), ModelError> {
        let (count, each) = (nodes.weights.len(), sizes[0] + sizes[1]);
        let Units { weight_bits, first_sum_bits, lambda, min_child_weight, .. } = self.units;
        // u and w bring numbers into 2^(bits-1)..2^bits.
        let bits = weight_bits.max(first_sum_bits);
        let spread = |values: &[u128]| -> Vec<u128> {
            let cuts = values.iter().flat_map(|value| std::iter::repeat_n(*value, each));
            cuts.chain(values.iter().copied()).collect()
        };
        let (u, w) = (spread(&nodes.weight_powers), spread(&nodes.first_powers));
        let (weights, firsts) = (
            [cuts.seconds, nodes.weights.clone()].concat(),
            [cuts.firsts, nodes.firsts.clone()].concat(),
        );
        let forms = [Form::product(0, 1, 0), Form::product(2, 3, 0)];
        let scaled = self.products.evaluate(party, &[&weights, &u, &firsts, &w], &forms).await?;
        let [alpha, gamma] = <[Vec<u128>; 2]>::try_from(scaled).unwrap_or_default();
        // The places behind the cuts are the nodes' own.
        let (mut alpha, c) = split(alpha, count);
        let (gamma, e) = split(gamma, count);

        // Behind the cuts two places for each node: one with μ for α, where q becomes the least q
        // allowed; one with (e, 2e, e, e) for (γ, c, e, α), where δ becomes e².
        let least = u128::from(min_child_weight + lambda);
        alpha.extend(nodes.weight_powers.iter().map(|u| u.wrapping_mul(least)));
        alpha.extend(&e);
        let gamma = [&gamma[..], &e, &e].concat();
        let twice: Vec<u128> = e.iter().map(|e| e.wrapping_mul(2)).collect();
        let (c_all, e_all) = ([spread(&c), twice].concat(), [spread(&e), e.clone()].concat());
        let forms = [
            Form { terms: vec![(1, 0, 1), (-1, 2, 3)], shift: 2 * bits - SLOPE_BITS },
            Form { terms: vec![(1, 3, 1), (-1, 3, 3)], shift: 2 * bits - 2 - DENOMINATOR_BITS },
        ];
        let vectors: [&[u128]; 4] = [&gamma, &c_all, &e_all, &alpha];
        let formed = self.products.evaluate(party, &vectors, &forms).await?;
        let [delta, q] = <[Vec<u128>; 2]>::try_from(formed).unwrap_or_default();
        let (delta, e_squares) = split(delta, count);
        let (delta, _) = split(delta, count);
        let (q, _) = split(q, count);
        let (q, least_q) = split(q, count);

        // δ² of the cuts, and e²·λu of the nodes.
        let pull: Vec<u128> =
            nodes.weight_powers.iter().map(|u| u.wrapping_mul(u128::from(lambda))).collect();
        let square = [Form::product(0, 0, SQUARE_SHIFT)];
        let numerators = self.products.evaluate(party, &[&delta], &square).await?.swap_remove(0);
        let stay = [Form::product(0, 1, bits + SLOPE_BITS + 2 - NUMERATOR_BITS)];
        let stay = self.products.evaluate(party, &[&e_squares, &pull], &stay).await?.swap_remove(0);
        let weights = c.iter().zip(&pull).map(|(c, pull)| c.wrapping_sub(*pull));
        let stay_weights = weights.map(|weight| weight << (DENOMINATOR_BITS - bits)).collect();
        let word = || vec![0; count];
        let contenders = Contenders { numerators, denominators: q, words: Default::default() };
        let stays =
            Contenders { numerators: stay, denominators: stay_weights, words: [word(), word()] };
        self.exclude(party, nodes, contenders, stays, &least_q).await
    }

    /// Takes the gain off cuts that leave too little weight on a side, and lets nodes that are too
    /// light stay leaves.
    async fn exclude(
        &self,
        party: &mut TwoParty,
        nodes: &Nodes,
        mut contenders: Contenders,
        mut stays: Contenders,
        least_q: &[u128],
    ) -> Result<(Contenders, Contenders), ModelError> {
        let Units { lambda, min_child_weight, .. } = self.units;
        if min_child_weight == 0 {
            return Ok((contenders, stays));
        }
        let (count, each) = (least_q.len(), contenders.len() / least_q.len());
        let margin = party.share_of_public(ROUNDING);
        let cut_margins =
            contenders.denominators.iter().enumerate().map(|(place, q)| {
                (q.wrapping_sub(least_q[place / each]) as u64).wrapping_add(margin)
            });
        let least = party.share_of_public(2 * (min_child_weight + lambda));
        let node_margins = nodes.weights.iter().map(|weight| (*weight as u64).wrapping_sub(least));
        let margins: Vec<u64> = cut_margins.chain(node_margins).collect();
        let light = is_negative(party, &margins, WEIGHT_RING_BITS).await?;
        // What is added where the bit is set: -A; and for nodes 2^39 - A and -q.
        let large = if party.is_first() { 1_u128 << (NUMERATOR_BITS - 1) } else { 0 };
        let corrections = contenders.numerators.iter().map(|a| a.wrapping_neg());
        let corrections =
            corrections.chain(stays.numerators.iter().map(|a| large.wrapping_sub(*a)));
        let corrections = corrections.chain(stays.denominators.iter().map(|q| q.wrapping_neg()));
        let corrections: Vec<u128> = corrections.collect();
        let total = contenders.len() + count;
        let bits = Bits::from_fn(total + count, |place| {
            light.bit(if place < total { place } else { place - count }) == 1
        });
        let corrections = select(party, &bits, &corrections).await?;
        let (of_cuts, of_nodes) = corrections.split_at(contenders.len());
        let (numerators, denominators) = of_nodes.split_at(count);
        add(&mut contenders.numerators, of_cuts);
        add(&mut stays.numerators, numerators);
        add(&mut stays.denominators, denominators);
        Ok((contenders, stays))
    }

    /// The winner of each node, and whether it gains anything.
    async fn decide(
        &self,
        party: &mut TwoParty,
        contenders: Contenders,
        stays: Contenders,
        sizes: [usize; 2],
    ) -> Result<Vec<Option<Choice>>, ModelError> {
        let count = stays.len();
        let groups: Vec<usize> = (0..count).flat_map(|_| sizes).filter(|size| *size > 0).collect();
        let winners = largest(party, self.products, contenders, &groups).await?;
        let owners: Vec<Owner> = [Owner::Guest, Owner::Host]
            .into_iter()
            .zip(sizes)
            .filter_map(|(owner, size)| (size > 0).then_some(owner))
            .collect();
        let of_owner = |which: usize| {
            let places: Vec<usize> = (0..count).map(|node| node * owners.len() + which).collect();
            winners.at(&places)
        };
        let best: Vec<Contenders> = (0..owners.len()).map(of_owner).collect();
        let (gains, host_wins) = self.last_round(party, &stays, &best).await?;
        let is_split = open_bits(party, SHAPE, &gains).await?;
        let places: Vec<usize> = (0..count).filter(|node| is_split.bit(*node) == 1).collect();
        let host_wins = match host_wins {
            Some(bits) => {
                let chosen = Bits::from_fn(places.len(), |place| bits.bit(places[place]) == 1);
                open_bits(party, OWNER, &chosen).await?
            }
            None => Bits::from_fn(places.len(), |_| owners[0] == Owner::Host),
        };
        let mut choices: Vec<Option<Choice>> = (0..count).map(|_| None).collect();
        for owner in &owners {
            let wanted = u64::from(*owner == Owner::Host);
            let won: Vec<usize> = places
                .iter()
                .enumerate()
                .filter(|(place, _)| host_wins.bit(*place) == wanted)
                .map(|(_, node)| *node)
                .collect();
            let which = owners.iter().position(|known| known == owner).unwrap_or(0);
            let winners = best[which].at(&won);
            let size = sizes[usize::from(*owner == Owner::Host)];
            let cuts = tell(party, *owner, &winners.words[0], size).await?;
            for ((node, cut), left) in won.iter().zip(cuts).zip(&winners.words[1]) {
                choices[*node] = Some(Choice { owner: *owner, cut, left: *left });
            }
        }
        Ok(choices)
    }

    /// Shares of "the best cut gains something", and, if both parties have cuts, of "it is the
    /// host's".
    async fn last_round(
        &self,
        party: &mut TwoParty,
        stays: &Contenders,
        best: &[Contenders],
    ) -> Result<(Bits, Option<Bits>), ModelError> {
        let count = stays.len();
        let [guest, host] = best else {
            return Ok((beats(party, self.products, stays, &best[0]).await?, None));
        };
        let left = join(&[guest, stays, stays]);
        let right = join(&[host, guest, host]);
        let bits = beats(party, self.products, &left, &right).await?;
        let part = |which: usize| Bits::from_fn(count, |node| bits.bit(which * count + node) == 1);
        let (host_wins, guest_gains, host_gains) = (part(0), part(1), part(2));
        let mut triples = bit_triples(party, count.div_ceil(64)).await?;
        let differ = guest_gains.xor(&host_gains);
        let switched = and_many(party, &mut triples, &[(&host_wins, &differ)]).await?;
        Ok((guest_gains.xor(&switched[0]), Some(host_wins)))
    }
}

/// Tells the numbers of its cuts to their owner.
async fn tell(
    party: &mut TwoParty,
    owner: Owner,
    numbers: &[u64],
    cuts: usize,
) -> Result<Vec<Option<usize>>, ModelError> {
    if numbers.is_empty() {
        return Ok(Vec::new());
    }
    let learner = if owner == Owner::Guest { Learner::First } else { Learner::Second };
    let Some(numbers) = learn(party, OWN_SPLITS, learner, numbers).await? else {
        return Ok(vec![None; numbers.len()]);
    };
    if numbers.iter().any(|number| *number >= cuts as u64) {
        let rule = format!("the numbers of cuts must be below {cuts}");
        return Err(party.session.misbehaved("share", rule).into());
    }
    Ok(numbers.into_iter().map(|number| Some(number as usize)).collect())
}

fn join(parts: &[&Contenders]) -> Contenders {
    let wide = |part: fn(&Contenders) -> &Vec<u128>| {
        parts.iter().flat_map(|contenders| part(contenders)).copied().collect()
    };
    let word = |which: usize| {
        parts.iter().flat_map(|contenders| &contenders.words[which]).copied().collect()
    };
    Contenders {
        numerators: wide(|contenders| &contenders.numerators),
        denominators: wide(|contenders| &contenders.denominators),
        words: [word(0), word(1)],
    }
}

fn add(target: &mut [u128], terms: &[u128]) {
    for (target, term) in target.iter_mut().zip(terms) {
        *target = target.wrapping_add(*term);
    }
}

/// The first part, and the last `count`.
fn split(mut all: Vec<u128>, count: usize) -> (Vec<u128>, Vec<u128>) {
    let tail = all.split_off(all.len() - count);
    (all, tail)
}
