//! What is minimised, and in which units of the guest's numbers.

use mpc::TwoParty;

use super::{GuestRows, Own};
use crate::ModelError;
use crate::family::Family;
use crate::vertical::generalized_linear::scaling::Scaling;
use crate::vertical::generalized_linear::{self as numbers, LabelScale, Targets, check_targets};
use crate::vertical::logistic_regression::{self as classes, Settings};

/// What is minimised.
#[derive(Clone, Copy, Debug)]
pub struct Goal<'a> {
    /// What the target is taken for.
    pub family: Family,
    /// What [`agree_on_scale`] gave.
    pub scale: LabelScale,
    /// Penalties, and when to stop.
    pub settings: &'a Settings,
}

/// Agrees on the scale of numbers. The guest passes those of all rows of its table: the host's
/// columns, which are made ready for it, are shared before it is known which rows are for training.
///
/// # Errors
/// [`ModelError::InvalidInput`] for numbers that the family does not allow or that fixed point
/// cannot hold, [`ModelError::Secure`] when the peer fails or `train.label_scale` is not declared.
#[net::boxed]
pub async fn agree_on_scale(
    party: &mut TwoParty,
    family: Family,
    values: Option<&[f64]>,
) -> Result<LabelScale, ModelError> {
    if family == Family::Binomial {
        return Ok(LabelScale::default());
    }
    let targets = values.map(|values| Targets { values, weights: None, offsets: None });
    if let Some(targets) = targets {
        check_targets(targets, targets.values.len(), family)?;
    }
    Ok(Scaling::agree(party, targets, family).await?.label_scale())
}

impl Goal<'_> {
    /// The settings over the variables in the units of training.
    pub(super) fn scaled(&self) -> Settings {
        let settings = self.settings;
        if self.family == Family::Binomial {
            return settings.clone();
        }
        let settings = numbers::Settings {
            l2: settings.l2,
            l1: settings.l1,
            passes_max: settings.passes_max,
            tolerance: settings.tolerance,
            standard_errors: settings.standard_errors,
        };
        Scaling::of_scale(self.scale).settings(&settings, self.family)
    }

    /// The largest curvature of a row's loss; see `generalized_linear` for a logarithmic link.
    pub(super) fn steepness(&self) -> f64 {
        if self.family == Family::Binomial { classes::STEEPNESS } else { numbers::STEEPNESS }
    }

    /// At the guest, its targets for training in the units of training.
    pub(super) fn scaling(&self, own: &Own<'_>, training: usize) -> Result<Scaling, ModelError> {
        let Own::Guest(guest) = own else { return Ok(Scaling::of_scale(self.scale)) };
        if self.family == Family::Binomial {
            return Ok(Scaling::default());
        }
        let values = guest.for_training(training);
        let targets = Targets { values: &values, weights: None, offsets: None };
        check_targets(targets, values.len(), self.family)?;
        Scaling::of(targets, self.family, Some(self.scale))
    }
}

impl GuestRows<'_> {
    /// The targets of rows in the places for training.
    pub(super) fn for_training(&self, training: usize) -> Vec<f64> {
        let targets = self.targets[..training].iter().zip(self.filled);
        targets.filter(|(_, filled)| **filled).map(|(target, _)| *target).collect()
    }

    /// A value for each place for training, from those of the rows there.
    pub(super) fn place(&self, values: &[f64], training: usize) -> Vec<f64> {
        let mut values = values.iter();
        let value = |filled: &bool| if *filled { values.next().copied() } else { None };
        self.filled[..training].iter().map(value).map(Option::unwrap_or_default).collect()
    }
}
