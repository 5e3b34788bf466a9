//! The guest's change of units before training, so that fixed point suits any target.
//!
//! With the weighted mean m of the targets and 2^e a power of two that both parties know:
//!
//! - squared loss: `y' = (y - offset - m)/2^e`, e from the standard deviation, so that weights are
//!   `2^e` times those of y', the objective is 4^e times that of y', and l1 counts `2^-e` of
//!   itself;
//! - logarithmic link with power p: `y' = y/m` and `η' = η - ln m`, so that the objective is
//!   `m^(2-p)` times that of y'; e is the exponent of that factor, what is left of it, between 0.7
//!   and 1.5, goes into the factors of the rows, and both penalties count `2^-e` of themselves.
//!
//! Offsets are centred, so that e^offset is 1 on average. Everything that is moved out of η comes
//! back in the guest's intercept.

use mpc::TwoParty;
use net::Size;

use super::{Settings, Targets};
use crate::ModelError;
use crate::family::Family;
use crate::vertical::course::Start;
use crate::vertical::logistic_regression::{self as engine, Coefficients};

/// Largest magnitude of the exponent e.
const EXPONENT_MAX: f64 = 100.0;
/// Largest distance of a target from the mean, in standard deviations.
const DEVIATIONS_MAX: f64 = 200.0;

/// The power of two next to the scale of numbers, which both parties know; 1 with the gamma family.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LabelScale {
    exponent: i8,
}

impl LabelScale {
    /// What training on these targets tells the host.
    ///
    /// # Errors
    /// [`ModelError::InvalidInput`] for targets that fixed point cannot hold.
    pub fn of(targets: Targets<'_>, family: Family) -> Result<Self, ModelError> {
        Ok(Scaling::new(targets, family)?.label_scale())
    }

    /// The power itself.
    pub fn power(self) -> f64 {
        2_f64.powi(self.exponent.into())
    }
}

/// What both parties know, and at the guest the targets in the new units.
#[derive(Debug, Default)]
pub(in crate::vertical) struct Scaling {
    /// e.
    exponent: i8,
    /// y'; empty at the host.
    pub(in crate::vertical) targets: Vec<f64>,
    /// The centred offsets; empty without any.
    pub(in crate::vertical) offsets: Vec<f64>,
    /// What is left of the objective's factor, for a logarithmic link.
    pub(in crate::vertical) factor: f64,
    /// What the guest's intercept gets back.
    shift: f64,
}

impl Scaling {
    /// Makes the guest's targets ready and tells the host e, where penalties or weights depend on
    /// it (with the gamma family nothing does).
    pub(in crate::vertical) async fn agree(
        party: &mut TwoParty,
        targets: Option<Targets<'_>>,
        family: Family,
    ) -> Result<Self, ModelError> {
        const STEP: &str = "label_scale";
        let own = targets.map(|targets| Self::new(targets, family)).transpose()?;
        let session = &mut party.session;
        if family != Family::Gamma {
            let host = if own.is_some() { session.peer() } else { session.me() };
            party.ledger.record("train.label_scale", host, 1)?;
        }
        match own {
            Some(own) if family == Family::Gamma => Ok(own),
            Some(own) => {
                session.send_bytes(STEP, own.exponent.to_le_bytes().to_vec()).await?;
                Ok(own)
            }
            None if family == Family::Gamma => Ok(Self::default()),
            None => {
                let byte = session.receive_bytes(STEP, Size::Exactly(1)).await?;
                let exponent = byte.first().map_or(0, |byte| i8::from_le_bytes([*byte]));
                if f64::from(exponent).abs() > EXPONENT_MAX {
                    return Err(session.misbehaved(STEP, "the exponent is within ±100").into());
                }
                Ok(Self { exponent, ..Self::default() })
            }
        }
    }

    fn new(targets: Targets<'_>, family: Family) -> Result<Self, ModelError> {
        Self::of(targets, family, None)
    }

    /// What the host knows after [`Self::agree`].
    pub(in crate::vertical) fn of_scale(scale: LabelScale) -> Self {
        Self { exponent: scale.exponent, ..Self::default() }
    }

    /// 2^e.
    pub(in crate::vertical) fn label_scale(&self) -> LabelScale {
        LabelScale { exponent: self.exponent }
    }

    /// The guest's targets made ready, with a 2^e that both parties know already if one is given.
    pub(in crate::vertical) fn of(
        targets: Targets<'_>,
        family: Family,
        known: Option<LabelScale>,
    ) -> Result<Self, ModelError> {
        let known = known.map(|scale| scale.exponent);
        let rows = targets.values.len();
        let weight = |row: usize| targets.weights.map_or(1.0, |weights| weights[row]);
        let offset = |row: usize| targets.offsets.map_or(0.0, |offsets| offsets[row]);
        let total: f64 = (0..rows).map(weight).sum();
        let mean = |value: &dyn Fn(usize) -> f64| {
            (0..rows).map(|row| weight(row) * value(row)).sum::<f64>() / total
        };
        let Some(power) = family.log_link_power() else {
            let centre = mean(&|row| targets.values[row] - offset(row));
            let distance = |row: usize| targets.values[row] - offset(row) - centre;
            let deviation = mean(&|row| distance(row).powi(2)).sqrt();
            let exponent = exponent_of(deviation, "the target's standard deviation")?;
            let exponent = known.unwrap_or(exponent);
            let unit = 2_f64.powi(exponent.into());
            let values: Vec<f64> = (0..rows).map(|row| distance(row) / unit).collect();
            if let Some(row) = values.iter().position(|value| value.abs() > DEVIATIONS_MAX) {
                return Err(ModelError::InvalidInput(format!(
                    "the target of a training row is {}, more than {DEVIATIONS_MAX} standard \
                     deviations from the mean; cap outliers",
                    targets.values[row]
                )));
            }
            return Ok(Self { exponent, targets: values, shift: centre, ..Self::default() });
        };
        let average = mean(&|row| targets.values[row]);
        let centre = mean(&|row| offset(row).exp()).ln();
        let scale = average.powf(2.0 - power);
        let exponent = known.unwrap_or(exponent_of(scale, "the target's mean")?);
        let offsets = targets.offsets.map_or_else(Vec::new, |offsets| {
            offsets.iter().map(|offset| offset - centre).collect()
        });
        Ok(Self {
            exponent,
            targets: targets.values.iter().map(|target| target / average).collect(),
            offsets,
            factor: scale / 2_f64.powi(exponent.into()),
            shift: average.ln() - centre,
        })
    }

    /// What linear predictors in the new units are brought into those of the target by: what is
    /// added, at the guest, and before that a factor.
    pub(in crate::vertical) fn unit(&self, family: Family) -> (f64, f64) {
        let is_log = family.log_link_power().is_some();
        (self.shift, if is_log { 1.0 } else { self.label_scale().power() })
    }

    /// What is minimised over the new variables.
    pub(in crate::vertical) fn settings(
        &self,
        settings: &Settings,
        family: Family,
    ) -> engine::Settings {
        let unit = 2_f64.powi((-self.exponent).into());
        let l2 = if family.log_link_power().is_some() { settings.l2 * unit } else { settings.l2 };
        engine::Settings {
            l2,
            l1: settings.l1 * unit,
            passes_max: settings.passes_max,
            tolerance: settings.tolerance,
            early_stopping: None,
            standard_errors: settings.standard_errors,
        }
    }

    /// Brings coefficients in the units of the target into those of the training.
    pub(in crate::vertical) fn redo(&self, family: Family, start: &mut Start, guest: bool) {
        let unit = if family.log_link_power().is_some() {
            1.0
        } else {
            2_f64.powi((-self.exponent).into())
        };
        let shift = if guest { self.shift } else { 0.0 };
        start.weights.iter_mut().for_each(|weight| *weight *= unit);
        start.intercept = (start.intercept - shift) * unit;
    }

    /// The party's coefficients in the units of the target.
    pub(in crate::vertical) fn undo(
        &self,
        family: Family,
        mut own: Coefficients,
        guest: bool,
    ) -> Coefficients {
        let scale = 2_f64.powi(self.exponent.into());
        let (unit, of_errors) = match family.log_link_power() {
            // The information is 2^e times that of y'; a dispersion makes up for it.
            Some(_) if !family.has_dispersion() => (1.0, scale.sqrt().recip()),
            Some(_) => (1.0, 1.0),
            None => (scale, scale),
        };
        let shift = if guest { self.shift } else { 0.0 };
        for weight in &mut own.weights {
            *weight *= unit;
        }
        own.intercept = own.intercept * unit + shift;
        if let Some(errors) = &mut own.standard_errors {
            errors.scale(of_errors);
        }
        own
    }
}

/// The power of two next to `scale`.
fn exponent_of(scale: f64, what: &str) -> Result<i8, ModelError> {
    let exponent = scale.log2().round();
    if exponent.is_finite() && exponent.abs() <= EXPONENT_MAX {
        return Ok(exponent as i8);
    }
    Err(ModelError::InvalidInput(format!(
        "{what} is {scale}; it must lie between 2^-{EXPONENT_MAX} and 2^{EXPONENT_MAX}"
    )))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vertical::standard_errors::StandardErrors;

    fn scaling(values: &[f64], offsets: Option<&[f64]>, family: Family) -> Scaling {
        Scaling::new(Targets { values, weights: None, offsets }, family).unwrap()
    }

    #[test]
    fn squared_loss_is_centred_and_near_one() {
        let values = [1000.0, 3000.0, 5000.0];
        let scaling = scaling(&values, None, Family::Gaussian);
        assert_eq!(scaling.exponent, 11);
        assert_eq!(scaling.targets, [-2000.0 / 2048.0, 0.0, 2000.0 / 2048.0]);
        let settings = Settings { l2: 0.5, l1: 2048.0, ..Settings::default() };
        let inner = scaling.settings(&settings, Family::Gaussian);
        assert_eq!((inner.l2, inner.l1), (0.5, 1.0));
        let errors = StandardErrors { weights: vec![0.25], intercept: Some(0.125) };
        let own = Coefficients {
            weights: vec![0.5],
            intercept: 1.0,
            passes: 3,
            converged: true,
            standard_errors: Some(errors),
        };
        let own = scaling.undo(Family::Gaussian, own, true);
        assert_eq!((own.weights[0], own.intercept), (1024.0, 5048.0));
        let mut start = Start { weights: own.weights.clone(), intercept: own.intercept };
        scaling.redo(Family::Gaussian, &mut start, true);
        assert_eq!(start, Start { weights: vec![0.5], intercept: 1.0 });
        let errors = StandardErrors { weights: vec![512.0], intercept: Some(256.0) };
        assert_eq!(own.standard_errors, Some(errors));
    }

    #[test]
    fn a_logarithmic_link_divides_by_the_mean() {
        let values = [0.0, 0.01, 0.11];
        let offsets = [0.0, 2_f64.ln(), 3_f64.ln()];
        let scaling = scaling(&values, Some(&offsets), Family::Poisson);
        assert_eq!(scaling.exponent, -5);
        assert!((scaling.factor - 0.04 * 32.0).abs() < 1e-12);
        assert!((scaling.targets[2] - 2.75).abs() < 1e-12);
        let exposures: f64 = scaling.offsets.iter().map(|offset| offset.exp()).sum();
        assert!((exposures - 3.0).abs() < 1e-12);
        // exp(shift + offset) is then the mean rate times the exposure.
        assert!((scaling.shift.exp() - 0.12 / 6.0).abs() < 1e-12);
    }

    #[test]
    fn targets_that_fixed_point_cannot_hold_are_named() {
        let refused = |values: &[f64], family| {
            Scaling::new(Targets { values, weights: None, offsets: None }, family).is_err()
        };
        assert!(refused(&[1.0, 1.0], Family::Gaussian));
        assert!(refused(&[0.0, 0.0], Family::Poisson));
        let mut outlier = vec![0.0; 100_000];
        outlier[7] = 1.0;
        assert!(refused(&outlier, Family::Gaussian));
        let targets = Targets { values: &outlier, weights: None, offsets: None };
        let error = LabelScale::of(targets, Family::Gaussian).unwrap_err().to_string();
        assert!(error.contains("a training row is 1, more than 200"), "{error}");
    }
}
