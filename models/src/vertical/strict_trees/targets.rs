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
//! - log-losses: as they are; labels of several classes are the classes' numbers.
//!
//! The weights of the squared loss are then rounded by chance, once: see
//! [`round_weights`](Targets::round_weights).
//!
//! The true derivatives are then public or secret factors times those in these units: penalties are
//! divided by what second derivatives are multiplied by, and are shared with the host as secrets
//! (`units`). Shared margins begin at 0; what the guest learns it multiplies by s, for the squared
//! loss, and adds the base score.

use mpc::exponential::FACTORS_MAX;

use super::Units;
use crate::ModelError;
use crate::local::boosted_trees::{
    Ensemble, Examples, Labels, Loss, Settings, row_weight, second_damping, weight_stream,
};

/// Labels and weights of validation rows are at most so much in the new units, as is their product:
/// their loss would otherwise not fit.
const LARGEST: f64 = 65_536.0;

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
    /// The margins before the first tree, one an output of the loss.
    pub(super) base_scores: Vec<f64>,
    /// What of each m' has.
    pub(super) starts: Vec<f64>,
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
    /// [`ModelError::InvalidInput`] for labels or weights that the loss does not take, for labels
    /// that are all the same where the loss needs different ones, and for validation rows that are
    /// far beyond the training rows.
    pub(super) fn new(
        examples: &Examples<'_>,
        settings: &Settings,
        rows: usize,
    ) -> Result<Self, ModelError> {
        let loss = settings.loss;
        examples.check(loss, rows)?;
        let weight = |row: usize| row_weight(examples, settings, row);
        let fitted = loss.start(examples.labels, weight, examples.training)?;
        let base_scores = match settings.base_score.and_then(|value| loss.margin_of(value)) {
            Some(margin) => vec![margin; fitted.len()],
            None => fitted,
        };
        // Losses of several classes have no scale.
        let base_score = base_scores.first().copied().unwrap_or_default();
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
        // A row without weight may have any label.
        let label = |row: usize| {
            if weight(row) > 0.0 { (examples.labels.at(row) - shift) / scale } else { 0.0 }
        };
        let labels: Vec<f64> = all().map(label).collect();
        let weights: Vec<f64> = all().map(|row| weight(row) / unit_weight).collect();
        check_size(labels.iter().zip(&weights).skip(examples.training.len()))?;
        if loss.power().is_some() && settings.ensemble == Ensemble::Boosting {
            check_factors(labels.iter().zip(&weights))?;
        }
        let starts =
            if loss.is_of_classes() { base_scores.clone() } else { vec![0.0; base_scores.len()] };
        Ok(Self {
            labels,
            weights,
            base_scores,
            starts,
            scale: if loss == Loss::Squared { scale } else { 1.0 },
            first_unit: first_unit * unit_weight,
            second_unit: second_unit * unit_weight,
        })
    }

    /// Rounds the weights of the first `training` rows by chance to the unit of second derivatives,
    /// so that the squared loss has the same weights in both sums; and scales labels down where
    /// their root mean square is above 1 under these weights, which bounds what sums can be. The
    /// same in each run of the same settings: margins of an earlier one are in these units.
    pub(super) fn round_weights(&mut self, units: Units, training: usize, settings: &Settings) {
        let mut rng = weight_stream(settings);
        let rows = self.weights.iter_mut().zip(&mut self.labels).take(training);
        let mut squares = 0.0_f64;
        for (weight, label) in rows {
            *weight = units.by_chance(*weight, &mut rng);
            if *weight <= 0.0 {
                *label = 0.0;
            }
            squares += *weight * *label * *label;
        }
        let factor = (squares / training as f64).sqrt();
        if factor > 1.0 {
            self.labels.iter_mut().for_each(|label| *label /= factor);
            self.scale *= factor;
            self.first_unit *= factor;
        }
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

/// Refuses rows, each with its label and weight, that are too large for a sum of losses.
fn check_size<'a>(mut rows: impl Iterator<Item = (&'a f64, &'a f64)>) -> Result<(), ModelError> {
    if rows.all(|(label, weight)| label.abs().max(1.0) * weight.max(1.0) <= LARGEST) {
        return Ok(());
    }
    Err(ModelError::InvalidInput(format!(
        "a validation row has a label or a weight more than {LARGEST} times as large as those of \
         training rows usually are, which fixed point does not hold: correct the row or leave it \
         out"
    )))
}

/// Refuses rows, each with its label and weight, whose factors of exponentials are too large.
fn check_factors<'a>(mut rows: impl Iterator<Item = (&'a f64, &'a f64)>) -> Result<(), ModelError> {
    let Some((label, weight)) = rows.find(|(y, w)| y.max(1.0) * **w > FACTORS_MAX) else {
        return Ok(());
    };
    Err(ModelError::InvalidInput(format!(
        "a row's weight, or its label times its weight, is about {:.0} times the mean; fixed point \
         allows {FACTORS_MAX} times: cap large labels",
        label.max(1.0) * weight
    )))
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
        assert_eq!((targets.base_scores[0], targets.starts[0]), (22.5, 0.0));
        let squares = targets.labels.iter().zip(&targets.weights).map(|(y, w)| w * y * y);
        assert!((squares.sum::<f64>() - 3.0).abs() < 1e-12);
        assert_eq!(targets.weights, [1.5, 0.75, 0.75]);
        // A row of weight 4/3 counts 1; a gain of s² per such row counts 1.
        assert!((targets.penalty(4.0) - 3.0).abs() < 1e-12);
        assert!((targets.gain(targets.scale.powi(2) * 4.0) - 3.0).abs() < 1e-12);
    }

    #[test]
    fn light_rows_keep_their_weight_on_average() {
        let settings =
            Settings { loss: Loss::Squared, early_stopping_rounds: 0, ..Settings::default() };
        let labels: Vec<f64> = (0..4000).map(|row| f64::from(row % 7)).collect();
        let weights: Vec<f64> = (0..4000).map(|row| if row % 2 == 0 { 1.0 } else { 1e4 }).collect();
        let mut targets = scaled(&labels, Some(&weights), &settings);
        let light = |targets: &Targets| targets.weights.iter().step_by(2).sum::<f64>();
        let (before, scale) = (light(&targets), targets.scale);
        let units = Units::new(4000, &settings).unwrap();
        targets.round_weights(units, 4000, &settings);
        // A fifth of a unit each: 410 of 2000 rows count one unit, give or take 18.
        assert!((light(&targets) / before - 1.0).abs() < 0.2);
        let unit = f64::from(1 << units.second_bits);
        assert!(targets.weights.iter().all(|weight| (weight * unit).fract().abs() < 1e-9));
        let squares = targets.labels.iter().zip(&targets.weights).map(|(y, w)| w * y * y);
        assert!(squares.sum::<f64>() / 4000.0 < 1.0 + 1e-9);
        assert!((targets.scale / scale - 1.0).abs() < 0.01);

        // A run that goes on has the units of the one before.
        let rounded = |seed: u64| {
            let settings = Settings { seed, ..settings.clone() };
            let mut targets = scaled(&labels, Some(&weights), &settings);
            targets.round_weights(units, 4000, &settings);
            (targets.weights, targets.labels, targets.scale)
        };
        assert_eq!(rounded(settings.seed), (targets.weights, targets.labels, targets.scale));
        assert_ne!(rounded(1).0, rounded(2).0);
    }

    #[test]
    fn validation_rows_far_beyond_the_others_are_refused() {
        let settings = Settings { loss: Loss::Squared, ..Settings::default() };
        let outcome = |label: f64, weight: f64| {
            let (labels, weights) = ([1.0, 2.0, 3.0, label], [1.0, 1.0, 1.0, weight]);
            let examples = Examples {
                labels: Labels::Numbers(&labels),
                weights: Some(&weights),
                training: &[0, 1, 2],
                validation: &[3],
            };
            Targets::new(&examples, &settings, 4)
        };
        assert!(outcome(1e4, 1.0).is_ok());
        // Nor does a label count that has no weight.
        assert!(outcome(1e9, 0.0).is_ok());
        for (label, weight) in [(1e6, 1.0), (1.0, 1e6), (1e3, 1e3)] {
            assert!(matches!(outcome(label, weight), Err(ModelError::InvalidInput(_))));
        }
    }

    #[test]
    fn a_label_far_beyond_the_mean_is_refused_where_exponentials_are_shared() {
        let numbers: Vec<f64> = (0..20_000).map(|row| if row == 7 { 1e6 } else { 1.0 }).collect();
        let rows: Vec<u32> = (0..20_000).collect();
        let labels = Labels::Numbers(&numbers);
        let examples = Examples { labels, weights: None, training: &rows, validation: &[] };
        let outcome = |ensemble| {
            let loss = Loss::Tweedie { power: 1.5 };
            let settings = Settings { loss, ensemble, ..Settings::default() };
            Targets::new(&examples, &settings, rows.len()).map(|_| ())
        };
        assert!(outcome(Ensemble::Forest).is_ok());
        assert!(outcome(Ensemble::Boosting).is_err_and(|error| error.to_string().contains("cap")));
    }

    #[test]
    fn a_logarithmic_link_divides_by_the_mean() {
        let settings = Settings { loss: Loss::Poisson, ..Settings::default() };
        let labels = [0.0, 0.5, 1.0];
        let targets = scaled(&labels, None, &settings);
        assert_eq!((targets.scale, targets.starts[0]), (1.0, 0.0));
        assert!((targets.labels[2] - 2.0).abs() < 1e-12);
        assert!((targets.base_scores[0] - 0.5_f64.ln()).abs() < 1e-12);
        assert!((targets.penalty(0.5 * 0.7_f64.exp()) - 1.0).abs() < 1e-12);
        // A quarter of the mean before the first tree: labels are 4 on average, weights a quarter.
        let settings = Settings { base_score: Some(0.125), ..settings };
        let targets = scaled(&labels, None, &settings);
        assert!((targets.labels[2] - 8.0).abs() < 1e-12);
        assert!((targets.weights[0] - 0.25).abs() < 1e-12);
        assert!((targets.penalty(0.5 * 0.7_f64.exp()) - 1.0).abs() < 1e-12);
    }
}
