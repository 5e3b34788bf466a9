//! Stage 4a where categories are sparse: logistic regression with a coefficient for each of very
//! many levels, joint and on the guest's own columns.
//!
//! In a part of a model the levels' coefficients stand after those of the columns, named like the
//! indicators that they replace. No states are kept on the way.

use std::collections::HashMap;

use contract::Audience;
use features::FeatureMatrix;
use features::prepare::Category;
use features::split::Split;
use models::levels::{LevelColumn, LevelColumns};
use models::local::logistic_regression::{self as local, fit_with_levels};
use models::vertical::course::Course;
use models::vertical::logistic_regression::{Labels, train_with_levels};
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
use crate::error::JobError;
use crate::spec::{LogisticRegression, SparseSpec};

/// Trains and scores over one step's conversation.
pub(super) async fn train(
    run: &Run<'_>,
    session: &mut Session,
    (settings, sparse): (&LogisticRegression, &SparseSpec),
    data: &Data,
    split: &Split,
    prepared: &Prepared,
) -> Result<Trained, JobError> {
    let rows = training_period(split);
    let (given, test) = (prepared.matrix.take(&rows)?, prepared.matrix.take(&split.test)?);
    let categories = &prepared.categories;
    let [of_training, of_test] = [&rows, &split.test].map(|rows| levels_of(categories, rows));
    let columns = level_columns(categories, &of_training);
    let level_rows = f64::from(sparse.level_rows);
    let levels = LevelColumns { columns: &columns, level_rows };
    run.record("train.rows", Audience::All, 1)?;
    run.record("train.columns", Audience::All, 1)?;
    let labelled = data.guest().map(|guest| (guest.labels_of(&rows), guest.weights_of(&rows)));
    let labels =
        labelled.as_ref().map(|(values, weights)| Labels { values, weights: weights.as_deref() });
    let mut party = TwoParty::setup(session.fork("train")?, run.ledger.clone()).await?;
    let plain = given.columns();
    let joint = joint_settings(settings, 0);
    let (mut own, weights) =
        train_with_levels(&mut party, &plain, levels, labels, &joint, Course::default()).await?;
    drop(party);
    let mut mine = own.partial_scores(&test.columns(), test.rows());
    for (column, weights) in level_columns(categories, &of_test).iter().zip(&weights) {
        column.add_scores(weights, &mut mine);
    }
    own.weights.extend(weights.concat());
    let scores = host_predictors(run, session, mine, TEST_SCORES).await?;
    let joint_test =
        scores.map(|scores| scores.into_iter().map(local::sigmoid).collect::<Vec<f64>>());
    let guest = match (data.guest(), joint_test) {
        (Some(guest), Some(joint_test)) if categories.is_empty() => {
            let work = || alone(settings, guest, &rows, &given, &test, joint_test);
            Some(session.compute(work).await?)
        }
        (Some(guest), Some(joint_test)) => {
            let tests = level_columns(categories, &of_test);
            let (given, test) = ((&given, levels), (&test, &tests[..]));
            let work = || alone_with_levels(settings, (guest, &rows), given, test, joint_test);
            Some(session.compute(work).await?)
        }
        _ => None,
    };
    Ok(Trained { own, guest })
}

/// The guest's model without the partner, with its own categories and the same settings.
fn alone_with_levels(
    settings: &LogisticRegression,
    (guest, rows): (&GuestRows, &[u32]),
    (training, levels): (&FeatureMatrix, LevelColumns<'_>),
    (test, of_test): (&FeatureMatrix, &[LevelColumn<'_>]),
    joint_test: Vec<f64>,
) -> Result<GuestTrained, JobError> {
    let (labels, weights) = (guest.labels_of(rows), guest.weights_of(rows));
    let (columns, l2) = (training.columns(), settings.l2.max(L2_MIN));
    let found = fit_with_levels(&columns, levels, &labels, weights.as_deref(), l2)?;
    let probabilities = |matrix: &FeatureMatrix, columns: &[LevelColumn<'_>]| {
        let mut scores = vec![found.fit.intercept; matrix.rows()];
        for (column, weight) in matrix.columns().iter().zip(&found.fit.weights) {
            scores.iter_mut().zip(*column).for_each(|(score, value)| *score += weight * value);
        }
        for (column, weights) in columns.iter().zip(&found.levels) {
            column.add_scores(weights, &mut scores);
        }
        scores.into_iter().map(local::sigmoid).collect::<Vec<f64>>()
    };
    let scores = Scores {
        alone_test: probabilities(test, of_test),
        alone_training: probabilities(training, levels.columns),
        joint_test,
        joint_training: None,
    };
    let mut alone = found.fit;
    alone.weights.extend(found.levels.concat());
    Ok(GuestTrained { alone, predicted: Predicted::One(scores) })
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

/// For each category the levels of the chosen rows.
fn levels_of(categories: &[Category], rows: &[u32]) -> Vec<Vec<u32>> {
    let of_rows = |category: &Category| {
        rows.iter().map(|row| category.of_rows[*row as usize]).collect::<Vec<u32>>()
    };
    categories.iter().map(of_rows).collect()
}

fn level_columns<'a>(categories: &[Category], of_rows: &'a [Vec<u32>]) -> Vec<LevelColumn<'a>> {
    let pairs = categories.iter().zip(of_rows);
    pairs.map(|(category, of_rows)| LevelColumn { of_rows, count: category.names.len() }).collect()
}
