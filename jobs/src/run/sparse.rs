//! Stage 4a where categories are sparse: regressions with a coefficient for each of very many
//! levels, joint and on the guest's own columns.
//!
//! In a part of a model the levels' coefficients stand after those of the columns, named like the
//! indicators that they replace. No states are kept on the way.

use std::collections::HashMap;

use contract::Audience;
use features::FeatureMatrix;
use features::prepare::Category;
use features::split::Split;
use models::family::Family;
use models::levels::{LevelColumn, LevelColumns};
use models::local::generalized_linear as local;
use models::local::logistic_regression::fit_with_levels;
use models::vertical::course::Course;
use models::vertical::generalized_linear::{LabelScale, level_curvature};
use models::vertical::logistic_regression::Coefficients;
use models::vertical::{generalized_linear, logistic_regression};
use mpc::TwoParty;
use net::Session;

use super::data::{Data, GuestRows, training_period};
use super::evaluate::{Predicted, Scores};
use super::logistic_regression::{
    GuestTrained, L2_MIN, TEST_SCORES, Trained, alone, host_predictors, joint_settings,
};
use super::outcome::Coefficient;
use super::prepare::Prepared;
use super::progress::Run;
use super::regression::{self, Joint, Known, Tables, means};
use crate::error::JobError;
use crate::spec::{LogisticRegression, Regression, SparseSpec};

/// What is trained.
#[derive(Clone, Copy)]
pub(super) enum Model<'a> {
    /// For a label of two classes.
    Logistic(&'a LogisticRegression),
    /// For a label that is a number.
    Numbers(Family, &'a Regression),
}

/// A party's features of some rows.
struct Part<'a> {
    rows: &'a [u32],
    matrix: FeatureMatrix,
    of_rows: Vec<Vec<u32>>,
    categories: &'a [Category],
}

impl<'a> Part<'a> {
    fn of(prepared: &'a Prepared, rows: &'a [u32]) -> Result<Self, JobError> {
        let (matrix, categories) = (prepared.matrix.take(rows)?, &prepared.categories);
        let of_category = |category: &Category| {
            rows.iter().map(|row| category.of_rows[*row as usize]).collect::<Vec<u32>>()
        };
        let of_rows = categories.iter().map(of_category).collect();
        Ok(Self { rows, matrix, of_rows, categories })
    }

    fn levels(&self) -> Vec<LevelColumn<'_>> {
        let pairs = self.categories.iter().zip(&self.of_rows);
        pairs
            .map(|(category, of_rows)| LevelColumn { of_rows, count: category.names.len() })
            .collect()
    }

    /// Adds what each row gets from its levels.
    fn add_levels(&self, weights: &[Vec<f64>], scores: &mut [f64]) {
        for (column, weights) in self.levels().iter().zip(weights) {
            column.add_scores(weights, scores);
        }
    }
}

/// Trains and scores over one step's conversation.
pub(super) async fn train(
    run: &Run<'_>,
    session: &mut Session,
    (model, sparse): (Model<'_>, &SparseSpec),
    data: &Data,
    split: &Split,
    prepared: &Prepared,
) -> Result<Trained, JobError> {
    let rows = training_period(split);
    let (training, test) = (Part::of(prepared, &rows)?, Part::of(prepared, &split.test)?);
    let (columns, level_rows) = (training.levels(), f64::from(sparse.level_rows));
    let levels = LevelColumns { columns: &columns, level_rows };
    run.record("train.rows", Audience::All, 1)?;
    run.record("train.columns", Audience::All, 1)?;
    let mut party = TwoParty::setup(session.fork("train")?, run.ledger.clone()).await?;
    let (mut own, of_levels) = joint(&mut party, model, data.guest(), &training, levels).await?;
    drop(party);
    let mut mine = own.partial_scores(&test.matrix.columns(), test.matrix.rows());
    test.add_levels(&of_levels, &mut mine);
    own.weights.extend(of_levels.concat());
    let predictors = host_predictors(run, session, mine, TEST_SCORES).await?;
    let guest = match (data.guest(), predictors) {
        (Some(guest), Some(predictors)) => {
            let work = || without_partner(model, guest, [&training, &test], levels, predictors);
            Some(session.compute(work).await?)
        }
        _ => None,
    };
    Ok(Trained { own, guest })
}

/// The party's part of the joint model: its coefficients, and those of its levels.
async fn joint(
    party: &mut TwoParty,
    model: Model<'_>,
    guest: Option<&GuestRows>,
    training: &Part<'_>,
    levels: LevelColumns<'_>,
) -> Result<(Coefficients, Vec<Vec<f64>>), JobError> {
    let (plain, course) = (training.matrix.columns(), Course::default());
    match model {
        Model::Logistic(settings) => {
            let labelled = guest
                .map(|guest| (guest.labels_of(training.rows), guest.weights_of(training.rows)));
            let labels = labelled.as_ref().map(|(values, weights)| logistic_regression::Labels {
                values,
                weights: weights.as_deref(),
            });
            let settings = joint_settings(settings, 0);
            let trained = logistic_regression::train_with_levels(
                party, &plain, levels, labels, &settings, course,
            );
            Ok(trained.await?)
        }
        Model::Numbers(family, settings) => {
            let known = guest.map(|guest| Known::of(guest, training.rows));
            let targets = known.as_ref().map(Known::targets);
            let settings = regression::joint_settings(settings);
            let own = (&plain[..], levels);
            let trained = generalized_linear::train_with_levels(
                party, own, targets, family, &settings, course,
            );
            Ok(trained.await?)
        }
    }
}

/// The guest's model without the partner, with its own categories and the same settings, beside
/// the joint one, which has these linear predictors of the test rows.
fn without_partner(
    model: Model<'_>,
    guest: &GuestRows,
    [training, test]: [&Part<'_>; 2],
    levels: LevelColumns<'_>,
    joint: Vec<f64>,
) -> Result<GuestTrained, JobError> {
    let has_levels = !training.categories.is_empty();
    match model {
        Model::Logistic(settings) => {
            let joint = means(Family::Binomial, joint, None);
            if !has_levels {
                let (given, test) = (&training.matrix, &test.matrix);
                return alone(settings, guest, training.rows, given, test, joint);
            }
            let (labels, weights) =
                (guest.labels_of(training.rows), guest.weights_of(training.rows));
            let (columns, l2) = (training.matrix.columns(), settings.l2.max(L2_MIN));
            let found = fit_with_levels(&columns, levels, &labels, weights.as_deref(), l2)?;
            Ok(predicted(Family::Binomial, found, [(training, None), (test, None)], joint))
        }
        Model::Numbers(family, settings) => {
            let (known, tested) = (Known::of(guest, training.rows), Known::of(guest, test.rows));
            if !has_levels {
                let tables = Tables { training: &training.matrix, test: &test.matrix };
                let joint = Joint::Seen(joint);
                return regression::alone(family, settings, [&known, &tested], &tables, joint);
            }
            let (columns, targets) = (training.matrix.columns(), known.targets());
            let curvature = level_curvature(family, LabelScale::of(targets, family)?);
            let data = local::Data {
                columns: &columns,
                targets: targets.values,
                weights: targets.weights,
                offsets: targets.offsets,
            };
            let (levels, l2) = ((levels, curvature), settings.l2.max(L2_MIN));
            let found = local::fit_with_levels(&data, levels, family, l2)?;
            let test_offsets = tested.targets().offsets;
            let joint = means(family, joint, test_offsets);
            let rows = [(training, targets.offsets), (test, test_offsets)];
            Ok(predicted(family, found, rows, joint))
        }
    }
}

/// The guest's model with what it predicts of training and test rows, which may have offsets.
fn predicted(
    family: Family,
    found: local::LevelsFit,
    rows: [(&Part<'_>, Option<&[f64]>); 2],
    joint_test: Vec<f64>,
) -> GuestTrained {
    let [alone_training, alone_test] = rows.map(|(rows, offsets)| {
        let mut scores = vec![found.fit.intercept; rows.matrix.rows()];
        for (column, weight) in rows.matrix.columns().iter().zip(&found.fit.weights) {
            scores.iter_mut().zip(*column).for_each(|(score, value)| *score += weight * value);
        }
        rows.add_levels(&found.levels, &mut scores);
        means(family, scores, offsets)
    });
    let scores = Scores { alone_test, alone_training, joint_test, joint_training: None };
    let mut alone = found.fit;
    alone.weights.extend(found.levels.concat());
    GuestTrained { alone, predicted: Predicted::One(scores) }
}

/// Adds what each row gets from its levels, whose coefficients stand among others.
pub(super) fn add_scores(categories: &[Category], named: &[Coefficient], scores: &mut [f64]) {
    if categories.is_empty() {
        return;
    }
    let weights: HashMap<&str, f64> =
        named.iter().map(|it| (it.feature.as_str(), it.weight)).collect();
    for Category { names, of_rows, .. } in categories {
        let weight = |name: &String| weights.get(name.as_str()).copied().unwrap_or_default();
        let weights: Vec<f64> = names.iter().map(weight).collect();
        LevelColumn { of_rows, count: names.len() }.add_scores(&weights, scores);
    }
}
