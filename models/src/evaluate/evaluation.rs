//! Everything about one score.

use super::bands::{Band, bands};
use super::calibration::{Calibration, calibration};
use super::confusion::Confusion;
use super::discrimination::{CurvePoint, auc, average_precision, curve, gini, ks};
use super::profit::{Economics, Profit, profit};
use super::top::{TopShare, gains, lift_5pct, top};
use super::{EvaluateError, Ranking};
use features::stability::{Stability, score_stability};
use serde::Serialize;

/// What to compute beside the headline figures.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Settings {
    /// Shares whose precision, recall and lift are given, each in (0, 1].
    pub top: Vec<f64>,
    /// Number of score bands.
    pub bands: usize,
    /// Number of rows of the gains table.
    pub gains: usize,
    /// Number of bins of the reliability diagram.
    pub calibration_bins: usize,
    /// Threshold of the confusion matrix; the threshold of the KS statistic where none is given.
    pub threshold: Option<f64>,
    /// Cost and value for the profit curve; no curve where none is given.
    pub economics: Option<Economics>,
    /// Largest number of points of each drawn curve.
    pub curve_points: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            top: vec![0.01, 0.05, 0.1, 0.2],
            bands: 10,
            gains: 20,
            calibration_bins: 10,
            threshold: None,
            economics: None,
            curve_points: 200,
        }
    }
}

/// All figures of one score on one set of rows.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Evaluation {
    /// Number of rows.
    pub rows: usize,
    /// Weight of the positives (their number where there are no weights).
    pub positives: f64,
    /// Positive share of all weight.
    pub base_rate: f64,
    /// Area under the ROC curve.
    pub auc: f64,
    /// 2 AUC − 1.
    pub gini: f64,
    /// Kolmogorov–Smirnov statistic.
    pub ks: f64,
    /// Score from which on rows are selected where the KS statistic is reached.
    pub ks_threshold: f64,
    /// Lift of the best-scored 5 %.
    pub lift_5pct: f64,
    /// Average precision, the area under the precision–recall curve.
    pub average_precision: f64,
    /// Precision, recall and lift of the asked shares.
    pub top: Vec<TopShare>,
    /// Cumulative gains table.
    pub gains: Vec<TopShare>,
    /// Score bands, best first.
    pub bands: Vec<Band>,
    /// Decisions at one threshold.
    pub confusion: Confusion,
    /// Calibration; none where scores are not probabilities.
    pub calibration: Option<Calibration>,
    /// Money; none where no cost and value were stated.
    pub profit: Option<Profit>,
    /// Stability of the score between training and these rows; none without training scores.
    pub stability: Option<Stability>,
    /// ROC and precision–recall curves, for drawing.
    pub curve: Vec<CurvePoint>,
}

impl Evaluation {
    /// Evaluates a score; `training_scores` are those of the rows that the model was fitted on.
    ///
    /// # Errors
    ///
    /// See [`Ranking::new`]; [`EvaluateError::Setting`] for settings out of range;
    /// [`EvaluateError::Stability`] for training scores that cannot be compared.
    pub fn new(
        scores: &[f64],
        labels: &[u8],
        weights: Option<&[f64]>,
        training_scores: Option<&[f64]>,
        settings: &Settings,
    ) -> Result<Self, EvaluateError> {
        let ranking = Ranking::new(scores, labels, weights)?;
        let ks = ks(&ranking);
        let is_probability = scores.iter().all(|score| (0.0..=1.0).contains(score));
        let shares = settings.top.iter().map(|share| top(&ranking, *share));
        Ok(Self {
            rows: ranking.rows(),
            positives: ranking.positives(),
            base_rate: ranking.base_rate(),
            auc: auc(&ranking),
            gini: gini(&ranking),
            ks: ks.value,
            ks_threshold: ks.threshold,
            lift_5pct: lift_5pct(&ranking),
            average_precision: average_precision(&ranking),
            top: shares.collect::<Result<_, _>>()?,
            gains: gains(&ranking, settings.gains)?,
            bands: bands(&ranking, settings.bands)?,
            confusion: Confusion::at(&ranking, settings.threshold.unwrap_or(ks.threshold)),
            calibration: is_probability
                .then(|| calibration(&ranking, settings.calibration_bins))
                .transpose()?,
            profit: settings.economics.map(|money| profit(&ranking, money)).transpose()?,
            stability: training_scores
                .map(|training| score_stability(training, scores, settings.bands))
                .transpose()?,
            curve: curve(&ranking, settings.curve_points),
        })
    }
}
