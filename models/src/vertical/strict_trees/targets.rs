//! What the guest alone knows of the rows, in the units that fixed point computes in.
//!
//! Weights ω are divided by their mean over the training rows, so that they add up to the number of
//! rows whatever their unit. Labels and margins are scaled so that derivatives are about 1, by a
//! number s that the host never learns:
//!
//! - squared loss: `y' = (y - base)/s` and `m' = (m - base)/s`, with s the root mean square of
//!   y - base;
//! - losses with a logarithmic link: `y' = y/s` and `m' = m - ln s`, with s the prediction before
//!   the first tree; where the mean of y' is above 1, weights are divided by it too;
//! - log-loss: as they are.
//!
//! The true derivatives are then public or secret factors times those in these units: penalties are
//! divided by what second derivatives are multiplied by, and are shared with the host as secrets
//! (`units`). Shared margins begin at 0; what the guest learns it multiplies by s, for the squared
//! loss, and adds the base score.

use crate::ModelError;
use crate::local::boosted_trees::{Examples, Labels, Loss, Settings, row_weight, second_damping};

/// What the guest passes to a training.
#[derive(Debug, Clone, Copy)]
pub struct Known<'a> {
    /// The label of every row of the matrix.
    pub labels: Labels<'a>,
    /// The weight of every row of the matrix; 1 each where there are none.
    pub weights: Option<&'a [f64]>,
}

/// The guest's rows, those of training first, and its scales.
pub(super) struct Targets {
    /// y'.
    pub(super) labels: Vec<f64>,
    /// Weights in the new unit.
    pub(super) weights: Vec<f64>,
    /// The margin before the first tree.
    pub(super) base_score: f64,
    /// What of it m' has.
    pub(super) start: f64,
    /// What margins in the shared unit are multiplied by.
    pub(super) scale: f64,
    /// What derivatives in these units are multiplied by.
    first_unit: f64,
    second_unit: f64,
}

impl Targets {
    /// For training and validation rows of a matrix with so many rows.
    ///
    /// # Errors
    /// [`ModelError::InvalidInput`] for labels or weights that the loss does not take, and for
    /// labels that are all the same where the loss needs different ones.
    pub(super) fn new(
        examples: &Examples<'_>,
        settings: &Settings,
        rows: usize,
    ) -> Result<Self, ModelError> {
        let loss = settings.loss;
        examples.check(loss, rows)?;
        let weight = |row: usize| row_weight(examples, settings, row);
        let fitted = loss.start(examples.labels, weight, examples.training)?;
        let base_score = match settings.base_score.and_then(|value| loss.margin_of(value)) {
            Some(margin) => margin,
            None => fitted.first().copied().unwrap_or_default(),
        };
        let all = || examples.training.iter().chain(examples.validation).map(|row| *row as usize);
        let training = || examples.training.iter().map(|row| *row as usize);
        let total: f64 = training().map(weight).sum();
        let mean = |value: &dyn Fn(f64) -> f64| {
            let terms = training().map(|row| weight(row) * value(examples.labels.at(row)));
            terms.sum::<f64>() / total
        };
        let mut unit_weight = total / examples.training.len() as f64;
        let (shift, scale, first_unit, second_unit) = match loss {
            Loss::Squared => {
                let scale = mean(&|label| (label - base_score).powi(2)).sqrt();
                (base_score, scale, scale, 1.0)
            }
            Loss::Poisson | Loss::Gamma | Loss::Tweedie { .. } => {
                let scale = base_score.exp();
                unit_weight *= (mean(&|label| label) / scale).max(1.0);
                let unit = match loss {
                    Loss::Poisson => scale,
                    Loss::Tweedie { power } => scale.powf(2.0 - power),
                    _ => 1.0,
                };
                (0.0, scale, unit, unit * second_damping(loss))
            }
            _ => (0.0, 1.0, 1.0, 1.0),
        };
        if !(scale > 0.0 && scale.is_finite()) {
            let rule = "all training rows have the same label: there is nothing to learn";
            return Err(ModelError::InvalidInput(rule.to_owned()));
        }
        let label = |row: usize| (examples.labels.at(row) - shift) / scale;
        let is_logistic = loss == Loss::Logistic;
        Ok(Self {
            labels: all().map(label).collect(),
            weights: all().map(|row| weight(row) / unit_weight).collect(),
            base_score,
            start: if is_logistic { base_score } else { 0.0 },
            scale: if loss == Loss::Squared { scale } else { 1.0 },
            first_unit: first_unit * unit_weight,
            second_unit: second_unit * unit_weight,
        })
    }

    /// A penalty in the unit of second derivatives.
    pub(super) fn penalty(&self, value: f64) -> f64 {
        value / self.second_unit
    }

    /// A gain, a squared first derivative over a second one.
    pub(super) fn gain(&self, value: f64) -> f64 {
        value / self.first_unit * (self.second_unit / self.first_unit)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scaled(labels: &[f64], weights: Option<&[f64]>, settings: &Settings) -> Targets {
        let rows: Vec<u32> = (0..labels.len() as u32).collect();
        let labels = Labels::Numbers(labels);
        let examples = Examples { labels, weights, training: &rows, validation: &[] };
        Targets::new(&examples, settings, rows.len()).unwrap()
    }

    #[test]
    fn squared_labels_have_a_root_mean_square_of_one() {
        let settings = Settings { loss: Loss::Squared, ..Settings::default() };
        let targets = scaled(&[10.0, 30.0, 40.0], Some(&[2.0, 1.0, 1.0]), &settings);
        assert_eq!((targets.base_score, targets.start), (22.5, 0.0));
        let squares = targets.labels.iter().zip(&targets.weights).map(|(y, w)| w * y * y);
        assert!((squares.sum::<f64>() - 3.0).abs() < 1e-12);
        assert_eq!(targets.weights, [1.5, 0.75, 0.75]);
        // A row of weight 4/3 counts 1; a gain of s² per such row counts 1.
        assert!((targets.penalty(4.0) - 3.0).abs() < 1e-12);
        assert!((targets.gain(targets.scale.powi(2) * 4.0) - 3.0).abs() < 1e-12);
    }

    #[test]
    fn a_logarithmic_link_divides_by_the_mean() {
        let settings = Settings { loss: Loss::Poisson, ..Settings::default() };
        let labels = [0.0, 0.5, 1.0];
        let targets = scaled(&labels, None, &settings);
        assert_eq!((targets.scale, targets.start), (1.0, 0.0));
        assert!((targets.labels[2] - 2.0).abs() < 1e-12);
        assert!((targets.base_score - 0.5_f64.ln()).abs() < 1e-12);
        assert!((targets.penalty(0.5 * 0.7_f64.exp()) - 1.0).abs() < 1e-12);
        // A quarter of the mean before the first tree: labels are 4 on average, weights a quarter.
        let settings = Settings { base_score: Some(0.125), ..settings };
        let targets = scaled(&labels, None, &settings);
        assert!((targets.labels[2] - 8.0).abs() < 1e-12);
        assert!((targets.weights[0] - 0.25).abs() < 1e-12);
        assert!((targets.penalty(0.5 * 0.7_f64.exp()) - 1.0).abs() < 1e-12);
    }
}
