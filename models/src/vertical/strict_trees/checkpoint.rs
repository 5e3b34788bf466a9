//! What is kept after each tree, and taken up again.

use std::collections::VecDeque;

use mpc::refresh::Shared;

use super::stopping::Stopping;
use super::trainers::Trainers;
use super::{PartNode, PartTree};
use crate::ModelError;
use crate::vertical::course::{State, misfit};

/// What the trees so far leave to the next one.
#[derive(Default)]
pub(super) struct Boosted {
    pub(super) trees: Vec<PartTree>,
    /// What each of the last rounds added, which may have to be taken off again.
    pub(super) added: VecDeque<Added>,
}

/// Shares of what was added to the margins of all rows, a vector an output of the loss.
pub(super) type Added = Vec<Vec<u64>>;

impl Boosted {
    /// The state after the last tree, with the shares of all margins, a vector an output.
    pub(super) fn state<P: Trainers>(
        &self,
        margins: &[Vec<u64>],
        stopping: &Stopping<'_, P>,
    ) -> State {
        let mut shared = Shared { words: margins.concat(), ..Shared::default() };
        self.added.iter().flatten().for_each(|added| shared.words.extend(added));
        shared.words.extend(leaves(&self.trees));
        stopping.save(&mut shared);
        // Plain numbers, which JSON can hold.
        let part = serde_json::to_vec(&self.trees).unwrap_or_default();
        State { plain: vec![self.trees.len() as u64, self.added.len() as u64], shared, part }
    }

    /// Takes a state up, of as many margins as there are, the last ones of so many `validation`
    /// rows; a tree of this party is `sound`.
    pub(super) fn of<P: Trainers>(
        state: State,
        (margins, validation): (&mut [Vec<u64>], usize),
        stopping: &mut Stopping<'_, P>,
        sound: impl Fn(&PartTree) -> bool,
    ) -> Result<Self, ModelError> {
        let State { plain, shared, part } = state;
        let mut trees: Vec<PartTree> = serde_json::from_slice(&part).map_err(|_| misfit())?;
        let fits = plain.first() == Some(&(trees.len() as u64))
            && trees.len().is_multiple_of(margins.len())
            && trees.iter().all(sound);
        let mut words = &shared.words[..];
        let mut take = |count: usize| -> Result<Vec<u64>, ModelError> {
            let (taken, rest) = words.split_at_checked(count).ok_or_else(misfit)?;
            words = rest;
            Ok(taken.to_vec())
        };
        let take_all = |take: &mut dyn FnMut(usize) -> Result<Vec<u64>, ModelError>| {
            margins.iter().map(|margins| take(margins.len())).collect::<Result<Added, _>>()
        };
        let kept = take_all(&mut take)?;
        let mut added = VecDeque::new();
        for _ in 0..plain.get(1).copied().unwrap_or_default() {
            added.push_back(take_all(&mut take)?);
        }
        let refreshed = take(leaves(&trees).count())?;
        leaves_mut(&mut trees).zip(refreshed).for_each(|(leaf, share)| *leaf = share);
        let validation = validation * margins.len();
        if !(fits && stopping.load(words, &shared.wide, validation)) {
            return Err(misfit());
        }
        margins.clone_from_slice(&kept);
        Ok(Self { trees, added })
    }
}

/// The shares of all leaves.
fn leaves(trees: &[PartTree]) -> impl Iterator<Item = u64> {
    trees.iter().flat_map(|tree| &tree.nodes).filter_map(|node| match node {
        PartNode::Leaf { share } => Some(*share),
        PartNode::Split { .. } => None,
    })
}

fn leaves_mut(trees: &mut [PartTree]) -> impl Iterator<Item = &mut u64> {
    trees.iter_mut().flat_map(|tree| &mut tree.nodes).filter_map(|node| match node {
        PartNode::Leaf { share } => Some(share),
        PartNode::Split { .. } => None,
    })
}
