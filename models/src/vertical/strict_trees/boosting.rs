//! Boosting, tree by tree, whoever shares the margins.

use super::checkpoint::{Added, Boosted};
use super::derivatives::Derivatives;
use super::stopping::{Stopping, either};
use super::trainers::{Grower, Trainers};
use super::{DIVERGENCE, PartTree, Rows};
use crate::ModelError;
use crate::local::boosted_trees::{Loss, Settings, rows_of_tree};
use crate::vertical::course::Course;

/// The state between trees.
pub(super) struct Boosting<'a, P: Trainers, G> {
    pub(super) derivatives: Derivatives<'a, P>,
    pub(super) growing: &'a G,
    pub(super) products: &'a P::Products,
    pub(super) settings: &'a Settings,
    pub(super) rows: Rows<'a>,
    /// Shares, of training and then of validation rows; a vector an output of the loss.
    pub(super) margins: Vec<Vec<u64>>,
}

impl<P: Trainers, G: Grower<P>> Boosting<'_, P, G> {
    /// Grows all trees on so many `features` of this party.
    pub(super) async fn run(
        &mut self,
        party: &mut P,
        features: usize,
        mut course: Course<'_>,
    ) -> Result<Vec<PartTree>, ModelError> {
        let settings = self.settings;
        let (training, outputs) = (self.rows.training, self.margins.len());
        let patience = settings.early_stopping_rounds;
        let mut stopping = Stopping::new(self.products, patience);
        let mut boosted = Boosted::default();
        if let Some(state) = party.resume(&mut course).await? {
            let sound = |tree: &PartTree| tree.is_sound(party.place(), features);
            let margins = (&mut self.margins[..], self.rows.validation.len());
            boosted = Boosted::of(state, margins, &mut stopping, sound)?;
        }
        for round in boosted.trees.len() / outputs..settings.trees {
            party.session().report_progress(round, settings.trees);
            let derived = self.derivatives.at(party, &self.margins, training.len()).await?;
            let of_validation = |added: &Added| -> Vec<u64> {
                added.iter().flat_map(|added| &added[training.len()..]).copied().collect()
            };
            let last = boosted.added.back().map(of_validation);
            let looks = !self.rows.validation.is_empty();
            let is_over = if looks {
                stopping.look(party, &derived.residuals, last.as_deref()).await?
            } else {
                None
            };
            // Where the loss of validation rows has no say yet, only divergence sets the bit.
            let diverges_only = is_over.is_none();
            if let Some(stop) = either(party, is_over, derived.diverges).await?
                && party.open_stop(stop).await?
            {
                if diverges_only {
                    return Err(diverged(settings.loss, round));
                }
                let cut = patience.min(round);
                for added in boosted.added.iter().rev().take(cut) {
                    move_by(&mut self.margins, added, u64::wrapping_sub);
                }
                boosted.trees.truncate((round - cut) * outputs);
                break;
            }
            let mut gained = Added::with_capacity(outputs);
            for packed in derived.packed {
                let (part, of_tree) = self.tree(party, packed, boosted.trees.len()).await?;
                boosted.trees.push(part);
                gained.push(of_tree);
            }
            move_by(&mut self.margins, &gained, u64::wrapping_add);
            boosted.added.push_back(gained);
            if boosted.added.len() > patience.max(1) {
                boosted.added.pop_front();
            }
            course.keep(round + 1, || boosted.state(&self.margins, &stopping));
        }
        Ok(boosted.trees)
    }

    /// Grows a tree of this number on the packed derivatives of all training rows; also what it
    /// adds to the margins.
    async fn tree(
        &self,
        party: &mut P,
        mut packed: Vec<u64>,
        number: usize,
    ) -> Result<(PartTree, Vec<u64>), ModelError> {
        let Rows { training, validation, .. } = self.rows;
        leave_out(&mut packed, training, &rows_of_tree(self.settings, number, training));
        let rows = training.len() + validation.len();
        self.growing.grow(party, packed, rows, number).await
    }
}

fn diverged(loss: Loss, trees: usize) -> ModelError {
    let (what, why) = match loss {
        Loss::Squared => (
            format!(
                "the squared errors of training rows are more than {DIVERGENCE} times those before \
                 the first"
            ),
            "samples are too small for this learning_rate",
        ),
        _ => (
            "the terms of predictions and of labels in the derivatives of training rows have \
             together grown to more than twice what they can be before the first"
                .to_owned(),
            "steps are too large",
        ),
    };
    ModelError::InvalidInput(format!(
        "after {trees} trees {what}: {why}; take a smaller learning_rate, a larger lambda or \
         min_child_weight, or a larger subsample"
    ))
}

/// Adds to all margins, or takes off.
pub(super) fn move_by(margins: &mut [Vec<u64>], terms: &[Vec<u64>], step: fn(u64, u64) -> u64) {
    for (margin, term) in margins.iter_mut().flatten().zip(terms.iter().flatten()) {
        *margin = step(*margin, *term);
    }
}

/// Zeroes the shares of rows that a tree does not see.
fn leave_out(shares: &mut [u64], training: &[u32], seen: &[u32]) {
    let mut seen = seen.iter().peekable();
    for (share, row) in shares.iter_mut().zip(training) {
        if seen.next_if_eq(&row).is_none() {
            *share = 0;
        }
    }
}
