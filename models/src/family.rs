//! What a generalised linear model says of its target: how the mean follows from the linear
//! predictor η, and which loss is minimised.
//!
//! The loss of a row is half its unit deviance up to terms without η, so that minimising its mean
//! is maximising the (quasi-)likelihood: `McCullagh` and Nelder, "Generalized Linear Models", 2nd
//! edition, 1989, chapter 2; for Tweedie Jørgensen, "The Theory of Dispersion Models", 1997,
//! chapter 4.

use serde::{Deserialize, Serialize};

/// The distribution of the target and the link to the linear predictor.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Family {
    /// Any number; the mean is η itself; squared loss.
    Gaussian,
    /// 0 or 1; the mean is 1/(1 + e^-η).
    Binomial,
    /// A count, at least 0; the mean is e^η.
    Poisson,
    /// An amount above 0; the mean is e^η and the deviation grows with it.
    Gamma,
    /// An amount of at least 0 that is often 0; the mean is e^η, the variance its `power`.
    Tweedie {
        /// Between 1 (Poisson) and 2 (gamma), both excluded.
        power: f64,
    },
}

/// 1 / (1 + e^−x), without overflow at either end.
pub fn sigmoid(x: f64) -> f64 {
    if x >= 0.0 {
        1.0 / (1.0 + (-x).exp())
    } else {
        let e = x.exp();
        e / (1.0 + e)
    }
}

/// Turns the scores of every class, for each class those of all rows, into probabilities.
pub fn softmax(scores: &mut [Vec<f64>]) {
    let rows = scores.first().map_or(0, Vec::len);
    for row in 0..rows {
        let largest = scores.iter().map(|scores| scores[row]).fold(f64::NEG_INFINITY, f64::max);
        let mut sum = 0.0;
        for scores in scores.iter_mut() {
            scores[row] = (scores[row] - largest).exp();
            sum += scores[row];
        }
        for scores in scores.iter_mut() {
            scores[row] /= sum;
        }
    }
}

impl Family {
    /// For a log link, the power of the mean that the variance is: 1 to 2.
    pub fn log_link_power(self) -> Option<f64> {
        match self {
            Self::Gaussian | Self::Binomial => None,
            Self::Poisson => Some(1.0),
            Self::Gamma => Some(2.0),
            Self::Tweedie { power } => Some(power),
        }
    }

    /// Which targets are allowed, in words, and whether `target` is one of them.
    pub fn allows(self, target: f64) -> (&'static str, bool) {
        match self {
            Self::Gaussian => ("a finite number", target.is_finite()),
            Self::Binomial => ("0 or 1", [0.0, 1.0].contains(&target)),
            Self::Poisson | Self::Tweedie { .. } => {
                ("a finite number of at least 0", target.is_finite() && target >= 0.0)
            }
            Self::Gamma => ("a finite number above 0", target.is_finite() && target > 0.0),
        }
    }

    /// Whether the variance has a dispersion that must be estimated.
    pub fn has_dispersion(self) -> bool {
        !matches!(self, Self::Binomial | Self::Poisson)
    }

    /// The mean at a linear predictor.
    pub fn mean(self, predictor: f64) -> f64 {
        match self {
            Self::Gaussian => predictor,
            Self::Binomial => sigmoid(predictor),
            Self::Poisson | Self::Gamma | Self::Tweedie { .. } => predictor.exp(),
        }
    }

    /// The linear predictor whose mean is `mean`.
    pub fn link(self, mean: f64) -> f64 {
        match self {
            Self::Gaussian => mean,
            Self::Binomial => (mean / (1.0 - mean)).ln(),
            Self::Poisson | Self::Gamma | Self::Tweedie { .. } => mean.ln(),
        }
    }

    /// The loss of a row.
    pub fn loss(self, target: f64, predictor: f64) -> f64 {
        match self {
            Self::Gaussian => 0.5 * (predictor - target).powi(2),
            Self::Binomial => {
                // ln(1 + e^−margin), with the margin the score on the target's side.
                let margin = (2.0 * target - 1.0) * predictor;
                (-margin.abs()).exp().ln_1p() + (-margin).max(0.0)
            }
            Self::Poisson => predictor.exp() - target * predictor,
            Self::Gamma => predictor + target * (-predictor).exp(),
            Self::Tweedie { power } => {
                let (rise, fall) = (2.0 - power, 1.0 - power);
                (rise * predictor).exp() / rise - target * (fall * predictor).exp() / fall
            }
        }
    }

    /// The derivative of the loss by η.
    pub fn slope(self, target: f64, predictor: f64) -> f64 {
        match self {
            Self::Gaussian | Self::Binomial | Self::Poisson => self.mean(predictor) - target,
            Self::Gamma => 1.0 - target * (-predictor).exp(),
            Self::Tweedie { power } => {
                ((2.0 - power) * predictor).exp() - target * ((1.0 - power) * predictor).exp()
            }
        }
    }

    /// The second derivative of the loss by η, never negative.
    pub fn curvature(self, target: f64, predictor: f64) -> f64 {
        match self {
            Self::Gaussian => 1.0,
            Self::Binomial => self.variance(self.mean(predictor)),
            Self::Poisson => predictor.exp(),
            Self::Gamma => target * (-predictor).exp(),
            Self::Tweedie { power } => {
                let (rise, fall) = (2.0 - power, 1.0 - power);
                rise * (rise * predictor).exp() - fall * target * (fall * predictor).exp()
            }
        }
    }

    /// What the curvature is on average over targets with this predictor as their mean.
    pub fn information(self, predictor: f64) -> f64 {
        self.curvature(self.mean(predictor), predictor)
    }

    /// The variance of a target with this mean, in units of the dispersion.
    pub fn variance(self, mean: f64) -> f64 {
        match self {
            Self::Gaussian => 1.0,
            Self::Binomial => mean * (1.0 - mean),
            Self::Poisson => mean,
            Self::Gamma => mean * mean,
            Self::Tweedie { power } => mean.powf(power),
        }
    }

    /// The unit deviance of a target from a mean: 0 exactly where they agree.
    pub fn deviance(self, target: f64, mean: f64) -> f64 {
        // t·ln(t/u), which is 0 at t = 0.
        let entropy = |t: f64, u: f64| if t > 0.0 { t * (t / u).ln() } else { 0.0 };
        match self {
            Self::Gaussian => (target - mean).powi(2),
            Self::Binomial => 2.0 * (entropy(target, mean) + entropy(1.0 - target, 1.0 - mean)),
            Self::Poisson => 2.0 * (entropy(target, mean) - target + mean),
            Self::Gamma => 2.0 * (target / mean - 1.0 - (target / mean).ln()),
            Self::Tweedie { power } => {
                let (rise, fall) = (2.0 - power, 1.0 - power);
                2.0 * (target.powf(rise) / (fall * rise) - target * mean.powf(fall) / fall
                    + mean.powf(rise) / rise)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: [(Family, [f64; 3]); 5] = [
        (Family::Gaussian, [-1.5, 0.0, 2.0]),
        (Family::Binomial, [0.0, 1.0, 1.0]),
        (Family::Poisson, [0.0, 1.0, 7.0]),
        (Family::Gamma, [0.01, 1.0, 30.0]),
        (Family::Tweedie { power: 1.5 }, [0.0, 0.3, 12.0]),
    ];

    #[test]
    fn slopes_and_curvatures_are_derivatives() {
        const STEP: f64 = 1e-5;
        for (family, targets) in ALL {
            for target in targets {
                for predictor in [-2.0, -0.3, 0.0, 1.7] {
                    let difference = |of: &dyn Fn(f64) -> f64| {
                        (of(predictor + STEP) - of(predictor - STEP)) / (2.0 * STEP)
                    };
                    let slope = difference(&|at| family.loss(target, at));
                    let error = (slope - family.slope(target, predictor)).abs();
                    assert!(error < 1e-6, "{family:?}: slope at {predictor} for {target}");
                    let curvature = difference(&|at| family.slope(target, at));
                    let error = (curvature - family.curvature(target, predictor)).abs();
                    assert!(error < 1e-6, "{family:?}: curvature at {predictor} for {target}");
                    let mean = family.mean(predictor);
                    assert!((family.link(mean) - predictor).abs() < 1e-9);
                }
            }
        }
    }

    /// Twice the loss and the deviance differ by what does not depend on the predictor.
    #[test]
    fn deviances_are_twice_the_losses() {
        for (family, targets) in ALL {
            for target in targets {
                let rest = |predictor: f64| {
                    family.deviance(target, family.mean(predictor))
                        - 2.0 * family.loss(target, predictor)
                };
                assert!((rest(0.4) - rest(-1.1)).abs() < 1e-9, "{family:?} for {target}");
            }
        }
    }

    #[test]
    fn a_target_deviates_least_from_itself() {
        for (family, target) in [
            (Family::Gaussian, -1.5),
            (Family::Binomial, 0.3),
            (Family::Poisson, 7.0),
            (Family::Gamma, 0.01),
            (Family::Tweedie { power: 1.5 }, 12.0),
        ] {
            assert!(family.deviance(target, target).abs() < 1e-12, "{family:?}");
            assert!(family.deviance(target, target * 1.1) > 1e-6, "{family:?}");
            assert!(family.deviance(target, target * 0.9) > 1e-6, "{family:?}");
        }
    }

    #[test]
    fn targets_out_of_range_are_not_allowed() {
        for (family, bad) in [
            (Family::Gaussian, f64::NAN),
            (Family::Binomial, 0.5),
            (Family::Poisson, -1.0),
            (Family::Gamma, 0.0),
            (Family::Tweedie { power: 1.2 }, f64::INFINITY),
        ] {
            assert!(!family.allows(bad).1, "{family:?} {bad}");
        }
        assert!(ALL.iter().all(|(family, targets)| targets.iter().all(|it| family.allows(*it).1)));
    }
}
