//! What is minimised: losses, their derivatives and links.

use serde::{Deserialize, Serialize};

use super::Labels;
use super::ranking::{GRADE_MAX, has_pairs};
use crate::ModelError;

/// The loss of a row, as a function of its margin `m` and its label `y`.
///
/// Both parties know which one a training uses; only the guest ever evaluates it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Loss {
    /// `(m - y)^2 / 2`; the prediction is `m`.
    Squared,
    /// Log-loss of labels 0 and 1; `m` is the log-odds of 1.
    #[default]
    Logistic,
    /// Log-loss of several classes, one margin for each; chances are their softmax.
    Softmax {
        /// Number of classes: 2 to 64.
        classes: usize,
    },
    /// Poisson deviance of counts; the prediction is `exp(m)`. Second derivatives are damped by
    /// `exp(0.7)`, without which large counts make leaves overshoot.
    Poisson,
    /// Gamma deviance of amounts above 0; the prediction is `exp(m)`.
    Gamma,
    /// Tweedie deviance of amounts of which many are 0; the prediction is `exp(m)`.
    Tweedie {
        /// Variance grows as the mean to this power: above 1, below 2.
        power: f64,
    },
    /// Pinball loss: the prediction `m` is exceeded by a share `1 - level` of the rows. Splits are
    /// found by its first derivative; each leaf is then the quantile of its rows' residuals.
    Quantile {
        /// Above 0, below 1; 0.5 predicts the median and minimises absolute errors.
        level: f64,
    },
    /// The order of rows within groups, by their grades: `LambdaMART` with NDCG, see
    /// [`ndcg`](super::ndcg). Margins say nothing but an order.
    Ranking,
}

/// First and second derivative of a loss in the margin.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Derivatives {
    pub(crate) first: f64,
    pub(crate) second: f64,
}

/// Most classes of [`Loss::Softmax`].
const CLASSES_MAX: usize = 64;
/// Natural logarithm of the factor on second derivatives of [`Loss::Poisson`].
const POISSON_DAMPING: f64 = 0.7;
/// Exponentials take margins up to this, e^80 = 5e34, so that no derivative is infinite.
const EXPONENT_MAX: f64 = 80.0;
/// Labels are at most this in magnitude, for the same reason.
const LABEL_MAX: f64 = 1e30;

impl Loss {
    /// How many margins a row has: the number of classes, or 1.
    pub fn outputs(self) -> usize {
        match self {
            Self::Softmax { classes } => classes,
            _ => 1,
        }
    }

    /// Whether labels are numbers of classes.
    pub fn is_of_classes(self) -> bool {
        matches!(self, Self::Logistic | Self::Softmax { .. })
    }

    /// Refuses values outside the documented ranges.
    pub fn check(self) -> Result<(), ModelError> {
        let rule = match self {
            Self::Softmax { classes } if !(2..=CLASSES_MAX).contains(&classes) => {
                "the number of classes must be 2 to 64"
            }
            Self::Tweedie { power } if !(power > 1.0 && power < 2.0) => {
                "the power of the Tweedie loss must be above 1 and below 2"
            }
            Self::Quantile { level } if !(level > 0.0 && level < 1.0) => {
                "the level of the quantile loss must be above 0 and below 1"
            }
            _ => return Ok(()),
        };
        Err(ModelError::InvalidInput(rule.into()))
    }

    /// The power of the mean that the variance of labels is, of losses with a logarithmic link.
    pub(crate) fn power(self) -> Option<f64> {
        match self {
            Self::Poisson => Some(1.0),
            Self::Gamma => Some(2.0),
            Self::Tweedie { power } => Some(power),
            _ => None,
        }
    }

    /// What the label of a row breaks, if anything.
    pub(super) fn refuses(self, label: f64) -> Option<&'static str> {
        let (holds, rule) = match self {
            Self::Logistic => (label <= 1.0, "needs a label of 0 or 1"),
            Self::Softmax { classes } => {
                (label < classes as f64, "needs a label below the number of classes")
            }
            Self::Squared | Self::Quantile { .. } => {
                (label.abs() <= LABEL_MAX, "needs a label that is a number of at most 1e30")
            }
            Self::Poisson | Self::Tweedie { .. } => {
                ((0.0..=LABEL_MAX).contains(&label), "needs a label of at least 0, at most 1e30")
            }
            Self::Gamma => {
                (label > 0.0 && label <= LABEL_MAX, "needs a label above 0, at most 1e30")
            }
            Self::Ranking => (
                (0.0..=GRADE_MAX).contains(&label) && label.fract() == 0.0,
                "needs a grade that is a whole number from 0 to 31",
            ),
        };
        (!holds).then_some(rule)
    }

    /// The margin at which a prediction is `value`: the inverse of [`predict`](Self::predict).
    /// Nothing where no margin gives it.
    pub fn margin_of(self, value: f64) -> Option<f64> {
        let margin = match self {
            Self::Squared | Self::Quantile { .. } | Self::Ranking => value,
            Self::Logistic | Self::Softmax { .. } => (value / (1.0 - value)).ln(),
            Self::Poisson | Self::Gamma | Self::Tweedie { .. } => value.ln(),
        };
        margin.is_finite().then_some(margin)
    }

    /// Turns the margins of one row into predictions in place: chances of classes (of class 1 for
    /// [`Loss::Logistic`]), else the expected label or its quantile.
    pub fn predict(self, margins: &mut [f64]) {
        match self {
            Self::Squared | Self::Quantile { .. } | Self::Ranking => {}
            Self::Logistic => {
                for margin in margins {
                    *margin = probability(*margin);
                }
            }
            Self::Softmax { .. } => {
                let normaliser = log_sum_exp(margins);
                for margin in margins {
                    *margin = (*margin - normaliser).exp();
                }
            }
            Self::Poisson | Self::Gamma | Self::Tweedie { .. } => {
                for margin in margins {
                    *margin = exponential(*margin);
                }
            }
        }
    }

    /// Derivatives of a loss with one margin. For [`Loss::Softmax`] the margin is that of one class
    /// less the logarithm of the sum of all classes' exponentials, and the label is whether the row
    /// is of that class.
    ///
    /// A row alone has none in a ranking: see [`ranking`](super::ranking).
    ///
    /// Sources: for softmax the bound `2p(1 - p)` on the second derivative, by the diagonal of the
    /// Hessian, as `XGBoost` has it; for quantiles the weight of the row.
    pub(crate) fn derivatives(self, margin: f64, label: f64) -> Derivatives {
        let (first, second) = match self {
            Self::Squared => (margin - label, 1.0),
            Self::Logistic => {
                let chance = probability(margin);
                (chance - label, chance * (1.0 - chance))
            }
            Self::Softmax { .. } => {
                let chance = margin.exp();
                (chance - label, 2.0 * chance * (1.0 - chance))
            }
            Self::Poisson => {
                let mean = exponential(margin);
                (mean - label, mean * POISSON_DAMPING.exp())
            }
            Self::Gamma => {
                let ratio = label * exponential(-margin);
                (1.0 - ratio, ratio)
            }
            Self::Tweedie { power } => {
                let below = label * exponential((1.0 - power) * margin);
                let above = exponential((2.0 - power) * margin);
                (above - below, (2.0 - power) * above + (power - 1.0) * below)
            }
            Self::Quantile { level } => (if label <= margin { 1.0 - level } else { -level }, 1.0),
            Self::Ranking => (0.0, 0.0),
        };
        Derivatives { first, second }
    }

    /// Largest magnitudes of both derivatives, where labels and margins do not matter.
    pub(super) fn bounds(self) -> Option<Derivatives> {
        match self {
            Self::Logistic => Some(Derivatives { first: 1.0, second: 0.25 }),
            Self::Softmax { .. } => Some(Derivatives { first: 1.0, second: 0.5 }),
            _ => None,
        }
    }

    /// The loss of one row that is reported; 0 for a perfect prediction. `margins` are the row's.
    ///
    /// Log-loss in nats, squared and pinball error in the unit of the label, else the deviance; 0
    /// for a ranking, in which a row alone has no loss.
    pub(super) fn of_row(self, margins: &[f64], label: f64) -> f64 {
        let margin = margins[0];
        match self {
            Self::Squared => (margin - label) * (margin - label),
            Self::Logistic => {
                let toward = if label > 0.5 { margin } else { -margin };
                // ln(1 + e^-x), written so that e^x cannot overflow.
                (-toward).max(0.0) + (-toward.abs()).exp().ln_1p()
            }
            Self::Softmax { .. } => log_sum_exp(margins) - margins[label as usize],
            Self::Poisson => {
                let own = if label > 0.0 { label * (label.ln() - margin) } else { 0.0 };
                2.0 * (own - label + exponential(margin))
            }
            Self::Gamma => 2.0 * (label * exponential(-margin) - 1.0 - label.ln() + margin),
            Self::Tweedie { power } => {
                let (below, above) = (1.0 - power, 2.0 - power);
                let own = label.powf(above) / (below * above);
                let fit = label * exponential(below * margin) / below;
                2.0 * (own - fit + exponential(above * margin) / above)
            }
            Self::Quantile { level } => {
                let rest = label - margin;
                if rest > 0.0 { level * rest } else { (level - 1.0) * rest }
            }
            Self::Ranking => 0.0,
        }
    }

    /// Where training begins: the constant margins with the least loss on `rows`, one an output.
    pub(crate) fn start(
        self,
        labels: Labels<'_>,
        weight: impl Fn(usize) -> f64,
        rows: &[u32],
    ) -> Result<Vec<f64>, ModelError> {
        let total: f64 = rows.iter().map(|&row| weight(row as usize)).sum();
        let mean = || {
            let sum = rows.iter().map(|&row| weight(row as usize) * labels.at(row as usize));
            sum.sum::<f64>() / total
        };
        let refuse = |rule: &str| Err(ModelError::InvalidInput(rule.into()));
        if !(total > 0.0 && total.is_finite()) {
            return refuse("the weights of the training rows must add up to more than zero");
        }
        match self {
            Self::Squared => Ok(vec![mean()]),
            Self::Quantile { level } => {
                let pairs = rows.iter().map(|&row| (labels.at(row as usize), weight(row as usize)));
                Ok(vec![weighted_quantile(&mut pairs.collect::<Vec<_>>(), level)])
            }
            Self::Logistic => match self.margin_of(mean()) {
                Some(margin) => Ok(vec![margin]),
                None => refuse("the training rows need both labels, 0 and 1, with weights above 0"),
            },
            Self::Softmax { classes } => {
                let mut weights = vec![0.0; classes];
                for &row in rows {
                    weights[labels.at(row as usize) as usize] += weight(row as usize);
                }
                if weights.contains(&0.0) {
                    return refuse("every class needs training rows with weights above 0");
                }
                Ok(weights.iter().map(|weight| (weight / total).ln()).collect())
            }
            Self::Poisson | Self::Gamma | Self::Tweedie { .. } => match self.margin_of(mean()) {
                Some(margin) => Ok(vec![margin]),
                None => refuse("the training rows need labels above 0, with weights above 0"),
            },
            Self::Ranking if has_pairs(labels, rows) => Ok(vec![0.0]),
            Self::Ranking => refuse("no group of training rows has rows of different grades"),
        }
    }
}

/// What second derivatives of a loss are multiplied by beyond those of its deviance.
pub(crate) fn second_damping(loss: Loss) -> f64 {
    if loss == Loss::Poisson { POISSON_DAMPING.exp() } else { 1.0 }
}

/// The probability of label 1 that a margin (log-odds) stands for.
pub fn probability(margin: f64) -> f64 {
    1.0 / (1.0 + (-margin).exp())
}

/// `ln Σ exp(margin)`.
pub(super) fn log_sum_exp(margins: &[f64]) -> f64 {
    let greatest = margins.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    greatest + margins.iter().map(|margin| (margin - greatest).exp()).sum::<f64>().ln()
}

/// The least value up to which the weights reach the share `level` of their sum. `pairs` of value
/// and weight come in any order, at least one; they are sorted.
pub(super) fn weighted_quantile(pairs: &mut [(f64, f64)], level: f64) -> f64 {
    pairs.sort_unstable_by(|one, other| one.0.total_cmp(&other.0));
    let wanted = level * pairs.iter().map(|(_, weight)| weight).sum::<f64>();
    let mut reached = 0.0;
    let found = pairs.iter().find(|(_, weight)| {
        reached += weight;
        reached >= wanted
    });
    // Rounding may leave the sum a little below the share; then it is the last value.
    found.or(pairs.last()).map_or(0.0, |(value, _)| *value)
}

fn exponential(exponent: f64) -> f64 {
    exponent.min(EXPONENT_MAX).exp()
}
