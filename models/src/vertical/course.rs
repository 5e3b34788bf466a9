//! The course of a training: where it begins, and what is kept of it on the way.
//!
//! A training whose passes or trees take minutes keeps its [`State`] after each of them, through
//! [`Checkpoints`], which know where. A later run that both parties start from the same state takes
//! it up with new shares (`mpc::refresh`), new keys and new masks, and goes on as if nothing had
//! happened.

use mpc::refresh::Shared;
use mpc::sigmoid::Accuracy;
use net::wire::{self, Message, Reader, WireError};

use super::logistic_regression::descent::Arithmetic;
use crate::ModelError;

/// Keeps the states of one party's training.
pub trait Checkpoints: Send {
    /// The state that all parties go on from, as it was kept; only the first call gives it.
    fn resumed(&mut self) -> Option<Vec<u8>>;

    /// Keeps the state after `number` passes or trees, which grows, and the one before it.
    fn keep(&mut self, number: usize, state: Vec<u8>);
}

/// Where a training begins, and what keeps its states; by default at zero, and nothing.
#[derive(Default)]
pub struct Course<'a> {
    /// Keeps the states, and has the one to go on from.
    pub checkpoints: Option<&'a mut dyn Checkpoints>,
    /// Of regressions: this party's coefficients to begin with, for each class where there are
    /// several. All parties pass some, or none does; a state to go on from comes first.
    pub start: Option<Vec<Start>>,
}

/// Coefficients of one party, in the units in which training gives them.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Start {
    /// One for each own column, those of features with weight of evidence last.
    pub weights: Vec<f64>,
    /// The guest's intercept; a host's has no part in it.
    pub intercept: f64,
}

impl Start {
    /// One for each of so many own variables; the guest's intercept is the last of its own.
    pub(in crate::vertical) fn coefficients(
        &self,
        guest: bool,
        own: usize,
    ) -> Result<Vec<f64>, ModelError> {
        let mut coefficients = self.weights.clone();
        if guest {
            coefficients.push(self.intercept);
        }
        if coefficients.len() == own {
            return Ok(coefficients);
        }
        Err(ModelError::InvalidInput(format!(
            "{} coefficients to begin with, for {own} columns",
            coefficients.len()
        )))
    }
}

impl Course<'_> {
    /// The state to go on from, in new shares.
    pub(in crate::vertical) async fn resume<A: Arithmetic>(
        &mut self,
        parties: &mut A,
    ) -> Result<Option<State>, ModelError> {
        let Some(mut state) = self.resume_alone()? else { return Ok(None) };
        parties.refresh(&mut state.shared).await?;
        Ok(Some(state))
    }

    /// The same where nothing is shared.
    pub(in crate::vertical) fn resume_alone(&mut self) -> Result<Option<State>, ModelError> {
        let kept = self.checkpoints.as_mut().and_then(|checkpoints| checkpoints.resumed());
        kept.map(|bytes| wire::decode(&bytes).map_err(|_| misfit())).transpose()
    }

    /// Keeps the state after so many passes or trees.
    pub(in crate::vertical) fn keep(&mut self, number: usize, state: impl FnOnce() -> State) {
        if let Some(checkpoints) = &mut self.checkpoints {
            checkpoints.keep(number, wire::encode(&state()));
        }
    }
}

/// What a training needs to go on. A training that keeps other things, or the same in another
/// order, must not take up states from before: whoever changes a `state` or `save` raises the
/// version of the files that keep them (`FORMAT` in `jobs::checkpoints`).
#[derive(Debug, Default, PartialEq)]
pub(in crate::vertical) struct State {
    /// Numbers that are not shared.
    pub(in crate::vertical) plain: Vec<u64>,
    /// What is shared.
    pub(in crate::vertical) shared: Shared,
    /// The party's own part of what is trained, if it grows.
    pub(in crate::vertical) part: Vec<u8>,
}

impl Message for State {
    fn encode(&self, out: &mut Vec<u8>) {
        let Shared { words, wide, bits } = &self.shared;
        let wide: Vec<u64> = wide.iter().flat_map(|it| [*it as u64, (it >> 64) as u64]).collect();
        for words in [&self.plain, words, &wide, bits] {
            out.extend((words.len() as u64).to_le_bytes());
            wire::put_words(out, words);
        }
        out.extend((self.part.len() as u64).to_le_bytes());
        out.extend(&self.part);
    }

    fn decode(reader: &mut Reader<'_>) -> Result<Self, WireError> {
        let mut words = || -> Result<Vec<u64>, WireError> {
            let count = reader.u64()? as usize;
            reader.words(count)
        };
        let [plain, words, halves, bits] = [words()?, words()?, words()?, words()?];
        let wide = halves.as_chunks::<2>().0.iter();
        let wide = wide.map(|[low, high]| u128::from(*low) | u128::from(*high) << 64).collect();
        let length = reader.u64()? as usize;
        let part = reader.bytes(length)?.to_vec();
        Ok(Self { plain, shared: Shared { words, wide, bits }, part })
    }
}

/// How far a descent has come, as both parties know.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(in crate::vertical) struct Passes {
    /// Passes over all rows.
    pub(in crate::vertical) done: usize,
    /// How exact the next one is.
    pub(in crate::vertical) accuracy: Accuracy,
    /// Set at the end, to whether training has converged.
    pub(in crate::vertical) converged: Option<bool>,
}

impl Passes {
    /// None yet.
    pub(in crate::vertical) fn new(accuracy: Accuracy) -> Self {
        Self { done: 0, accuracy, converged: None }
    }

    /// Counts a pass, after which the parties learnt whether to `stop`: a coarse one goes over to
    /// fine ones then.
    pub(in crate::vertical) fn count(&mut self, stop: bool, passes_max: usize) {
        self.done += 1;
        let ended = stop && self.accuracy == Accuracy::Fine;
        if ended || self.done >= passes_max {
            self.converged = Some(ended);
        } else if stop {
            self.accuracy = Accuracy::Fine;
        }
    }

    /// The state of a descent that has come so far.
    pub(in crate::vertical) fn state(self, shared: Shared) -> State {
        let Self { done, accuracy, converged } = self;
        let converged = converged.map_or(0, |converged| 1 + u64::from(converged));
        let plain = vec![done as u64, u64::from(accuracy == Accuracy::Fine), converged];
        State { plain, shared, part: Vec::new() }
    }

    /// How far the descent of a state had come.
    pub(in crate::vertical) fn of(state: &State) -> Result<Self, ModelError> {
        let &[done, is_fine @ (0 | 1), converged @ 0..=2] = &state.plain[..] else {
            return Err(misfit());
        };
        let accuracy = if is_fine == 1 { Accuracy::Fine } else { Accuracy::Coarse };
        let converged = (converged > 0).then_some(converged == 2);
        Ok(Self { done: done as usize, accuracy, converged })
    }
}

/// A state that is none of this training.
pub(in crate::vertical) fn misfit() -> ModelError {
    let rule = "the checkpoint of the earlier run is none of this training: remove the folder of \
                checkpoints beside the results, at all parties, and start again";
    ModelError::InvalidInput(rule.to_owned())
}

#[cfg(test)]
mod resuming;

#[cfg(test)]
pub(in crate::vertical) mod tests {
    use std::collections::VecDeque;

    use super::*;

    /// Holds everything in memory, and plays a party that is stopped at will.
    #[derive(Debug, Default)]
    pub(in crate::vertical) struct InMemory {
        pub(in crate::vertical) start: Option<Vec<u8>>,
        pub(in crate::vertical) kept: VecDeque<(usize, Vec<u8>)>,
    }

    impl InMemory {
        /// A run that goes on from the state after so many passes or trees of this one.
        pub(in crate::vertical) fn resuming(&self, number: usize) -> Self {
            let kept = self.kept.iter().find(|(kept, _)| *kept == number).unwrap();
            Self { start: Some(kept.1.clone()), kept: VecDeque::new() }
        }

        /// The numbers of the states, in order.
        pub(in crate::vertical) fn numbers(&self) -> Vec<usize> {
            self.kept.iter().map(|(number, _)| *number).collect()
        }
    }

    impl Checkpoints for InMemory {
        fn resumed(&mut self) -> Option<Vec<u8>> {
            self.start.take()
        }

        fn keep(&mut self, number: usize, state: Vec<u8>) {
            self.kept.push_back((number, state));
        }
    }

    #[test]
    fn states_are_what_was_kept_and_nothing_else_is_a_state() {
        let shared = Shared { words: vec![1, u64::MAX], wide: vec![1 << 100, 7], bits: vec![5] };
        let state = State { plain: vec![3, 1, 0], shared, part: b"part".to_vec() };
        let bytes = wire::encode(&state);
        assert_eq!(wire::decode::<State>(&bytes), Ok(state));
        for broken in [&bytes[..bytes.len() - 1], &[&bytes[..], &[0]].concat(), &[0xff; 64], &[]] {
            let mut checkpoints = InMemory { start: Some(broken.to_vec()), ..InMemory::default() };
            let mut course = Course { checkpoints: Some(&mut checkpoints), start: None };
            assert!(matches!(course.resume_alone(), Err(ModelError::InvalidInput(_))));
        }
    }

    #[test]
    fn a_descent_knows_how_far_it_has_come() {
        let mut passes = Passes::new(Accuracy::Coarse);
        for stop in [false, true, false] {
            passes.count(stop, 9);
            assert_eq!(Passes::of(&passes.state(Shared::default())).unwrap(), passes);
        }
        assert_eq!(passes, Passes { done: 3, accuracy: Accuracy::Fine, converged: None });
        passes.count(true, 9);
        assert_eq!(passes.converged, Some(true));
        assert_eq!(Passes::of(&passes.state(Shared::default())).unwrap(), passes);
        for plain in [vec![], vec![1, 2, 0], vec![1, 0, 3], vec![1, 0, 0, 0]] {
            assert!(Passes::of(&State { plain, ..State::default() }).is_err());
        }
    }
}
