//! Stage 4a: linear, Poisson, gamma and Tweedie regression, joint and on the guest's own columns.

use features::FeatureMatrix;
use features::split::Split;
use models::family::Family;
use models::local::generalized_linear as local;
use models::vertical::course::Course;
use models::vertical::generalized_linear::{self as joint, Targets};
use models::vertical::several::generalized_linear as among_all;
use mpc::TwoParty;
use mpc::several::Parties;

use super::checkpoints::Inputs;
use super::data::{Data, GuestRows, pick, training_period};
use super::evaluate::{Predicted, Scores};
use super::logistic_regression::{GuestTrained, L2_MIN, TEST_SCORES, Trained};
use super::prepare::Prepared;
use super::progress::{Run, Step};
use super::several;
use crate::checkpoints::course;
use crate::error::JobError;
use crate::spec::{ModelStep, Regression, RegressionOf};

/// What the label is taken for.
pub(super) fn family(of: RegressionOf, settings: &Regression) -> Family {
    match of {
        RegressionOf::Linear => Family::Gaussian,
        RegressionOf::Poisson => Family::Poisson,
        RegressionOf::Gamma => Family::Gamma,
        RegressionOf::Tweedie => Family::Tweedie { power: settings.power.unwrap_or(TWEEDIE_POWER) },
    }
}

/// Trains and predicts over a step's conversations: with the partner, or of several hosts with
/// each other party.
pub(super) async fn train(
    run: &Run<'_>,
    (step, model_step): (&mut Step, &ModelStep<'_>),
    (family, settings): (Family, &Regression),
    data: &Data,
    split: &Split,
    prepared: &Prepared,
) -> Result<Trained, JobError> {
    let rows = training_period(split);
    let training = prepared.matrix.take(&rows)?;
    let test = prepared.matrix.take(&split.test)?;
    let known = data.guest().map(|guest| Known::of(guest, &rows));
    let inputs = Inputs { step: &model_step.id, rows: [&rows, &[]], guest: data.guest() };
    let begun = several::begin(run, (step, model_step), &inputs, prepared, &training).await?;
    let several::Begun { start, mut store } = begun;
    let course = Course { start, ..course(&mut store) };
    let targets = known.as_ref().map(|known| Targets {
        values: &known.targets,
        weights: known.weights.as_deref(),
        offsets: known.offsets.as_deref(),
    });
    let columns = training.columns();
    let of_joint = joint_settings(settings);
    let ledger = run.ledger.clone();
    let own = if run.job.hosts.len() > 1 {
        let mut parties = Parties::setup(step.fork("train")?, ledger).await?;
        among_all::train(&mut parties, &columns, targets, family, &of_joint, course).await?
    } else {
        let mut party = TwoParty::setup(step.pair()?.fork("train")?, ledger).await?;
        joint::train_along(&mut party, &columns, targets, family, &of_joint, course).await?
    };
    let mine = own.partial_scores(&test.columns(), test.rows());
    let joint_test = several::predictors(run, step, mine, TEST_SCORES).await?;
    let guest = match (data.guest(), known, joint_test) {
        (Some(guest), Some(known), Some(joint_test)) => {
            let offsets = guest.offsets_of(&split.test);
            let work = || {
                let joint_test = means(family, joint_test, offsets.as_deref());
                let tables = Tables { training: &training, test: &test };
                alone(family, settings, &known, &tables, offsets.as_deref(), joint_test)
            };
            Some(step.compute(work).await?)
        }
        _ => None,
    };
    Ok(Trained { own, guest })
}

/// What the guest alone knows of the training rows.
struct Known {
    targets: Vec<f64>,
    weights: Option<Vec<f64>>,
    offsets: Option<Vec<f64>>,
}

impl Known {
    fn of(guest: &GuestRows, rows: &[u32]) -> Self {
        Self {
            targets: pick(guest.numbers(), rows),
            weights: guest.weights_of(rows),
            offsets: guest.offsets_of(rows),
        }
    }
}

/// The party's own features.
struct Tables<'a> {
    training: &'a FeatureMatrix,
    test: &'a FeatureMatrix,
}

/// The guest's model without the partner, with the same settings.
fn alone(
    family: Family,
    settings: &Regression,
    known: &Known,
    tables: &Tables<'_>,
    test_offsets: Option<&[f64]>,
    joint_test: Vec<f64>,
) -> Result<GuestTrained, JobError> {
    let settings = local::Settings {
        l2: settings.l2.max(L2_MIN),
        l1: settings.l1,
        // Gradients are in units of the target.
        gradient_tolerance: 1e-8 * scale(&known.targets),
        ..local::Settings::default()
    };
    let columns = tables.training.columns();
    let offsets = known.offsets.as_deref();
    let rows = local::Data {
        columns: &columns,
        targets: &known.targets,
        weights: known.weights.as_deref(),
        offsets,
    };
    let alone = local::fit(&rows, family, settings)?;
    let predicted = |table: &FeatureMatrix, offsets| -> Result<Vec<f64>, JobError> {
        let predictors = local::predictors(&alone, &table.columns(), table.rows())?;
        Ok(means(family, predictors, offsets))
    };
    let scores = Scores {
        alone_test: predicted(tables.test, test_offsets)?,
        alone_training: predicted(tables.training, offsets)?,
        joint_test,
        joint_training: None,
    };
    Ok(GuestTrained { alone, predicted: Predicted::One(scores) })
}

/// The largest magnitude of the targets, at least 1.
fn scale(targets: &[f64]) -> f64 {
    targets.iter().fold(1.0, |largest: f64, target| largest.max(target.abs()))
}

/// The means of linear predictors with their offsets.
pub(super) fn means(family: Family, mut predictors: Vec<f64>, offsets: Option<&[f64]>) -> Vec<f64> {
    for (predictor, offset) in predictors.iter_mut().zip(offsets.unwrap_or_default()) {
        *predictor += offset;
    }
    predictors.into_iter().map(|predictor| family.mean(predictor)).collect()
}

fn joint_settings(settings: &Regression) -> joint::Settings {
    joint::Settings {
        l2: settings.l2,
        l1: settings.l1,
        passes_max: settings.rounds as usize,
        tolerance: settings.tolerance,
        standard_errors: settings.standard_errors,
    }
}

/// The default of the descriptor, for settings that were not read from a job.
const TWEEDIE_POWER: f64 = 1.5;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spec::{JobSpec, Model};

    /// A job that says nothing trains like a caller of the model who says nothing.
    #[test]
    fn defaults_are_those_of_the_model() {
        let source = "job: a\npurpose: p\nparties:\n  a: { role: guest, key: k, label: y }\n  b: { \
                      role: host, key: k }\nsplit: { by: random }\ntrain: [ tweedie_regression: {} \
                      ]\n";
        let job = JobSpec::parse("job.yaml", source).unwrap();
        let Model::Regression { of, settings, .. } = &job.train[0].model else {
            panic!("another model")
        };
        assert_eq!(joint_settings(settings), joint::Settings::default());
        assert_eq!(family(*of, settings), Family::Tweedie { power: TWEEDIE_POWER });
    }
}
