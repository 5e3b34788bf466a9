//! The best cut of each node of a level, on shares.

use mpc::boolean::{Bits, and_many, bit_triples};
use mpc::maximum::{Contenders, DENOMINATOR_BITS, NUMERATOR_BITS, beats, largest};
use mpc::reveal::{Learner, learn, open_bits};
use mpc::{Arithmetic, TwoParty};

use super::fractions::{FractionMaker, Fractions, NodeSums};
use super::{OWN_SPLITS, OWNER, Owner, SHAPE};
use crate::ModelError;

/// What was decided for a node that is split.
pub(super) struct Choice {
    pub(super) owner: Owner,
    /// The number of the cut among the owner's, if that is this party.
    pub(super) cut: Option<usize>,
    /// Share of the packed sum of the left child.
    pub(super) left: u64,
}

/// Ring in which weights are compared.
pub(super) const WEIGHT_RING_BITS: usize = DENOMINATOR_BITS as usize + 3;

pub(super) struct Chooser<'a, P: Arithmetic> {
    pub(super) maker: FractionMaker<'a, P>,
}

impl<P: Arithmetic> Chooser<'_, P> {
    /// Takes the gain off cuts that leave too little weight on a side, and lets nodes that are too
    /// light stay leaves.
    pub(super) async fn exclude(
        &self,
        party: &mut P,
        fractions: Fractions,
    ) -> Result<(Contenders, Contenders), ModelError> {
        let Fractions { cuts: mut contenders, mut stays, least, weights } = fractions;
        let (count, each) = (least.len(), contenders.len() / least.len());
        let margin = party.share_of_public(party.rounding());
        let cut_margins =
            contenders.denominators.iter().enumerate().map(|(place, q)| {
                (q.wrapping_sub(least[place / each]) as u64).wrapping_add(margin)
            });
        let penalties = self.maker.penalties;
        let least = (penalties.child.wrapping_add(penalties.lambda) as u64).wrapping_mul(2);
        let node_margins = weights.iter().map(|weight| (*weight as u64).wrapping_sub(least));
        let margins: Vec<u64> = cut_margins.chain(node_margins).collect();
        let light = party.is_negative(&margins, WEIGHT_RING_BITS).await?;
        // What is added where the bit is set, for 0/2^29 in place of a cut, whose own denominator
        // may be 0, and 2^39/0 in place of what it must exceed.
        let one = u128::from(party.share_of_public(1));
        let public = |bits: u32| one << (bits - 1);
        let to = |values: &[u128], target: u128| -> Vec<u128> {
            values.iter().map(|value| target.wrapping_sub(*value)).collect()
        };
        let corrections = [
            to(&contenders.numerators, 0),
            to(&stays.numerators, public(NUMERATOR_BITS)),
            to(&contenders.denominators, public(DENOMINATOR_BITS)),
            to(&stays.denominators, 0),
        ];
        let total = contenders.len() + count;
        let bits = Bits::from_fn(2 * total, |place| light.bit(place % total) == 1);
        let corrections = party.select(&bits, &corrections.concat()).await?;
        let (numerators, denominators) = corrections.split_at(total);
        add(&mut contenders.numerators, numerators);
        add(&mut stays.numerators, &numerators[contenders.len()..]);
        add(&mut contenders.denominators, denominators);
        add(&mut stays.denominators, &denominators[contenders.len()..]);
        Ok((contenders, stays))
    }
}

impl Chooser<'_, TwoParty> {
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
        let fractions = self.maker.fractions(party, nodes, &cuts).await?;
        let (contenders, stays) = self.exclude(party, fractions).await?;
        let numbers = (0..nodes.len()).flat_map(|_| (0..sizes[0]).chain(0..sizes[1]));
        let numbers = numbers.map(|number| party.share_of_public(number as u64)).collect();
        let contenders = Contenders { words: [numbers, cuts], ..contenders };
        self.decide(party, contenders, stays, sizes).await
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
        let winners = largest(party, self.maker.products, contenders, &groups).await?;
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
            return Ok((beats(party, self.maker.products, stays, &best[0]).await?, None));
        };
        let left = join(&[guest, stays, stays]);
        let right = join(&[host, guest, host]);
        let bits = beats(party, self.maker.products, &left, &right).await?;
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
