//! The best cut of each node of a level, among the cuts of several parties.

use mpc::Arithmetic;
use mpc::boolean::Bits;
use mpc::maximum::{Contenders, beats, largest};
use mpc::several::Parties;
use mpc::several::reveal::{learn_each, open_bits};

use super::super::choice::{Choice, Chooser};
use super::super::fractions::NodeSums;
use super::super::{OWN_SPLITS, OWNER, Owner, SHAPE};
use crate::ModelError;

/// Ring in which numbers of cuts are compared: a party has less than 2^18.
const NUMBER_BITS: usize = 24;

impl Chooser<'_, Parties> {
    /// For each node, whether and how it is split: opens one bit, the owner of a split, and the
    /// number of the cut to the owner.
    pub(super) async fn choose_among(
        &self,
        parties: &mut Parties,
        nodes: &[NodeSums],
    ) -> Result<Vec<Option<Choice>>, ModelError> {
        let sizes: Vec<usize> =
            nodes.first().map_or_else(Vec::new, |node| node.left.iter().map(Vec::len).collect());
        let (count, each) = (nodes.len(), sizes.iter().sum::<usize>());
        if each == 0 {
            return Ok(nodes.iter().map(|_| None).collect());
        }
        let cuts: Vec<u64> = nodes.iter().flat_map(|node| node.left.concat()).collect();
        let fractions = self.maker.fractions(parties, nodes, &cuts).await?;
        let (contenders, stays) = self.exclude(parties, fractions).await?;
        // The cuts of all parties are counted one after the other.
        let numbers = (0..count).flat_map(|_| 0..each as u64);
        let numbers = numbers.map(|number| parties.share_of_public(number)).collect();
        let contenders = Contenders { words: [numbers, cuts], ..contenders };
        let groups = vec![each; count];
        let winners = largest(parties, self.maker.products, contenders, &groups).await?;
        let gains = beats(parties, self.maker.products, &stays, &winners).await?;
        let is_split = open_bits(parties, SHAPE, &gains).await?;
        let places: Vec<usize> = (0..count).filter(|node| is_split.bit(*node) == 1).collect();
        if places.is_empty() {
            return Ok(nodes.iter().map(|_| None).collect());
        }
        let winners = winners.at(&places);
        let owners = owners(parties, &winners.words[0], &sizes).await?;
        let cuts = tell(parties, &owners, &winners.words[0], &sizes).await?;
        let mut choices: Vec<Option<Choice>> = (0..count).map(|_| None).collect();
        let chosen = owners.into_iter().zip(cuts).zip(&winners.words[1]);
        for (node, ((owner, cut), left)) in places.into_iter().zip(chosen) {
            choices[node] = Some(Choice { owner: Owner::at(owner), cut, left: *left });
        }
        Ok(choices)
    }
}

/// Opens the place of the party whose cut has each of the shared numbers.
async fn owners(
    parties: &mut Parties,
    numbers: &[u64],
    sizes: &[usize],
) -> Result<Vec<usize>, ModelError> {
    let further = starts(sizes).skip(1);
    let below: Vec<u64> = further
        .flat_map(|start| {
            let start = parties.share_of_public(start);
            numbers.iter().map(move |number| number.wrapping_sub(start))
        })
        .collect();
    let below = parties.is_negative(&below, NUMBER_BITS).await?;
    let turned = parties.share_of_public(1);
    let reached = Bits::from_fn(below.len(), |place| below.bit(place) ^ turned == 1);
    let reached = open_bits(parties, OWNER, &reached).await?;
    let owner = |place: usize| {
        let of_number = (place..reached.len()).step_by(numbers.len());
        of_number.map(|index| reached.bit(index) as usize).sum()
    };
    Ok((0..numbers.len()).map(owner).collect())
}

/// The number of the first cut of each party.
fn starts(sizes: &[usize]) -> impl Iterator<Item = u64> {
    sizes.iter().scan(0, |next, size| {
        let start = *next;
        *next += *size as u64;
        Some(start)
    })
}

/// Tells the numbers of its cuts to each owner, counted from its own first one.
async fn tell(
    parties: &mut Parties,
    owners: &[usize],
    numbers: &[u64],
    sizes: &[usize],
) -> Result<Vec<Option<usize>>, ModelError> {
    let shares: Vec<Vec<u64>> = starts(sizes)
        .enumerate()
        .map(|(place, start)| {
            let start = parties.share_of_public(start);
            let own = owners.iter().zip(numbers).filter(|(owner, _)| **owner == place);
            own.map(|(_, number)| number.wrapping_sub(start)).collect()
        })
        .collect();
    let own = parties.number();
    let learned = learn_each(parties, OWN_SPLITS, &shares).await?;
    if learned.iter().any(|number| *number >= sizes[own] as u64) {
        let rule = format!(
            "the other parties' shares give a cut beyond the {} of this party: one of them does \
             not follow the protocol, or has another version",
            sizes[own]
        );
        return Err(ModelError::InvalidInput(rule));
    }
    let mut learned = learned.into_iter();
    let mut cut = |owner: &usize| {
        if *owner == own { learned.next().map(|number| number as usize) } else { None }
    };
    Ok(owners.iter().map(&mut cut).collect())
}
