//! The state between rounds as words, and back.

use super::{Boosting, Progress};

/// Numbers before those of the rows.
const HEAD: usize = 6;

impl Boosting<'_> {
    /// All that a later run needs to go on from here, where a round has ended.
    pub(crate) fn save(&self) -> Vec<u64> {
        let Self { trees, progress, best, best_margins, margins, is_exhausted, .. } = self;
        let has_loss = progress.first().is_some_and(|it| it.validation_loss.is_some());
        let mut words = vec![
            *trees as u64,
            u64::from(*is_exhausted),
            best.trees as u64,
            best.loss.to_bits(),
            progress.len() as u64,
            u64::from(has_loss),
        ];
        let losses = progress
            .iter()
            .flat_map(|it| [Some(it.training_loss), it.validation_loss].into_iter().flatten());
        let rows = margins.iter().chain(best_margins.iter().flatten()).copied();
        words.extend(losses.chain(rows).map(f64::to_bits));
        words
    }

    /// Goes on from what [`Self::save`] gave in a training on the same rows; `None` if it was
    /// another one.
    pub(crate) fn load(&mut self, words: &[u64]) -> Option<()> {
        let (&[trees, is_exhausted, best, loss, rounds, has_loss], rest) =
            words.split_first_chunk::<HEAD>()?;
        let numbers: Vec<f64> = rest.iter().map(|word| f64::from_bits(*word)).collect();
        let width = 1 + usize::from(has_loss == 1);
        let (losses, rows) = numbers.split_at_checked((rounds as usize).checked_mul(width)?)?;
        let (margins, best_margins) = rows.split_at_checked(self.margins.len())?;
        let has_best = self.best_margins.as_ref().map_or(0, Vec::len) == best_margins.len();
        let is_whole = (trees as usize).is_multiple_of(self.outputs())
            && trees as usize / self.outputs() == rounds as usize
            && best <= trees
            && has_best;
        if !is_whole {
            return None;
        }
        self.margins.copy_from_slice(margins);
        if let Some(kept) = &mut self.best_margins {
            kept.copy_from_slice(best_margins);
        }
        let progress = |losses: &[f64]| Progress {
            training_loss: losses[0],
            validation_loss: losses.get(1).copied(),
        };
        self.progress = losses.chunks_exact(width).map(progress).collect();
        (self.trees, self.best.trees) = (trees as usize, best as usize);
        self.best.loss = f64::from_bits(loss);
        self.is_exhausted = is_exhausted == 1;
        self.has_split = false;
        self.begin_round();
        Some(())
    }
}
