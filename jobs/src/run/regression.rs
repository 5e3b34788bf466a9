//! Stage 4a: linear, Poisson, gamma and Tweedie regression, joint and on the guest's own columns.

use features::FeatureMatrix;
use features::split::Split;
use models::evaluate::regression::{NumericComparison, NumericEvaluation};
use models::family::Family;
use models::local::generalized_linear as local;
use models::vertical::course::Course;
use models::vertical::generalized_linear::{self as joint, LabelScale, Targets};
use models::vertical::hidden_errors::{Known as KnownTargets, Unit};
use models::vertical::several::generalized_linear as among_all;
use mpc::TwoParty;
use mpc::several::Parties;

use super::checkpoints::Inputs;
use super::data::{Data, GuestRows, pick, training_period};
use super::evaluate::{Predicted, Scores, share_of};
use super::hidden_scores;
use super::logistic_regression::{GuestTrained, L2_MIN, TEST_SCORES, Trained};
use super::prepare::Prepared;
use super::progress::{Run, Step};
use super::several;
use super::sparse;
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
    if let Some(sparse) = &run.job.prepare.encode.sparse {
        let model = (sparse::Model::Numbers(family, settings), sparse);
        return sparse::train(run, step.pair()?, model, data, split, prepared).await;
    }
    let rows = training_period(split);
    let training = prepared.matrix.take(&rows)?;
    let test = prepared.matrix.take(&split.test)?;
    let known = data.guest().map(|guest| Known::of(guest, &rows));
    let inputs = Inputs { step: &model_step.id, rows: [&rows, &[]], guest: data.guest() };
    let begun = several::begin(run, (step, model_step), &inputs, prepared, &training).await?;
    let several::Begun { start, mut store } = begun;
    let course = Course { start, ..course(&mut store) };
    let targets = known.as_ref().map(Known::targets);
    let columns = training.columns();
    let of_joint = joint_settings(settings);
    let ledger = run.ledger.clone();
    let tested = data.guest().map(|guest| Known::of(guest, &split.test));
    let both = known.as_ref().zip(tested.as_ref());
    if let Some((known, tested)) = both
        && run.job.hides_scores()
    {
        check_tested(family, known, tested)?;
    }
    let (own, joint) = if run.job.hosts.len() > 1 {
        let mut parties = Parties::setup(step.fork("train")?, ledger).await?;
        let own =
            among_all::train(&mut parties, &columns, targets, family, &of_joint, course).await?;
        drop(parties);
        let mine = own.partial_scores(&test.columns(), test.rows());
        let seen = several::predictors(run, step, mine, TEST_SCORES).await?;
        (own, seen.map(Joint::Seen))
    } else {
        let mut party = TwoParty::setup(step.pair()?.fork("train")?, ledger).await?;
        let (own, scale) =
            joint::train_along(&mut party, &columns, targets, family, &of_joint, course).await?;
        let mine = own.partial_scores(&test.columns(), test.rows());
        let joint = if run.job.hides_scores() {
            let training = known.as_ref().map(|known| &known.targets[..]);
            let unit = Unit::of_regression(family, scale, training)?;
            unseen(&mut party, family, (mine, unit), tested.as_ref()).await?.map(Joint::Unseen)
        } else {
            drop(party);
            several::predictors(run, step, mine, TEST_SCORES).await?.map(Joint::Seen)
        };
        (own, joint)
    };
    let guest = match (both, joint) {
        (Some((known, tested)), Some(joint)) => {
            let tables = Tables { training: &training, test: &test };
            let work = || alone(family, settings, [known, tested], &tables, joint);
            Some(step.compute(work).await?)
        }
        _ => None,
    };
    Ok(Trained { own, guest })
}

/// Refuses targets of test rows that cannot be judged unseen: before the training, of which each
/// party gets its coefficients.
fn check_tested(family: Family, known: &Known, tested: &Known) -> Result<(), JobError> {
    let scale = LabelScale::of(known.targets(), family)?;
    let unit = Unit::of_regression(family, scale, Some(&known.targets))?;
    Ok(KnownTargets { targets: &tested.targets, filled: None, unit }.check(family)?)
}

/// What the guest gets about the joint predictions of the test rows.
pub(super) enum Joint {
    /// The linear predictors, without offsets.
    Seen(Vec<f64>),
    /// Figures about them.
    Unseen(NumericEvaluation),
}

/// Figures about joint predictions that nobody sees, at the guest, from each party's part of the
/// linear predictors of the test rows, which are to be judged in this unit.
async fn unseen(
    party: &mut TwoParty,
    family: Family,
    (mut part, unit): (Vec<f64>, Unit),
    tested: Option<&Known>,
) -> Result<Option<NumericEvaluation>, JobError> {
    let offsets = tested.and_then(|tested| tested.offsets.as_deref());
    for (place, part) in part.iter_mut().enumerate() {
        *part += offsets.map_or(0.0, |offsets| offsets[place]);
        *part = (*part - unit.shift) / unit.scale;
    }
    let scores = share_of(&part)?;
    let known = tested.map(|tested| KnownTargets { targets: &tested.targets, filled: None, unit });
    hidden_scores::errors(party, &scores, family, known).await
}

/// What the guest alone knows of some rows.
pub(super) struct Known {
    targets: Vec<f64>,
    weights: Option<Vec<f64>>,
    offsets: Option<Vec<f64>>,
}

impl Known {
    pub(super) fn of(guest: &GuestRows, rows: &[u32]) -> Self {
        Self {
            targets: pick(guest.numbers(), rows),
            weights: guest.weights_of(rows),
            offsets: guest.offsets_of(rows),
        }
    }

    pub(super) fn targets(&self) -> Targets<'_> {
        Targets {
            values: &self.targets,
            weights: self.weights.as_deref(),
            offsets: self.offsets.as_deref(),
        }
    }
}

/// The party's own features.
pub(super) struct Tables<'a> {
    pub(super) training: &'a FeatureMatrix,
    pub(super) test: &'a FeatureMatrix,
}

/// The guest's model without the partner, with the same settings, beside the joint one; what is
/// known is of the training rows and of the test rows.
pub(super) fn alone(
    family: Family,
    settings: &Regression,
    [known, tested]: [&Known; 2],
    tables: &Tables<'_>,
    joint: Joint,
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
    let test_offsets = tested.offsets.as_deref();
    let alone_test = predicted(tables.test, test_offsets)?;
    let predicted = match joint {
        Joint::Seen(predictors) => Predicted::One(Scores {
            alone_test,
            alone_training: predicted(tables.training, offsets)?,
            joint_test: means(family, predictors, test_offsets),
            joint_training: None,
        }),
        Joint::Unseen(joint) => {
            let guest_alone = NumericEvaluation::new(&alone_test, &tested.targets, None, family)?;
            Predicted::HiddenNumbers(NumericComparison { guest_alone, joint })
        }
    };
    Ok(GuestTrained { alone, predicted })
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

pub(super) fn joint_settings(settings: &Regression) -> joint::Settings {
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
