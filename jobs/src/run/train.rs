//! Stage 4: one model under one split, and at the guest how good it is.

use features::split::Split;
use serde_json::json;

use super::boosted_trees::{self, Part};
use super::data::{Data, pick};
use super::evaluate::{Scores, compare, compare_numbers};
use super::logistic_regression;
use super::outcome::{AloneLinear, Coefficient, LinearPart, ModelOutcome, ModelPart, TestScores};
use super::prepare::Prepared;
use super::progress::{Run, Step};
use super::regression;
use super::weigh::HostWoe;
use crate::error::JobError;
use crate::spec::{Model, ModelStep};

/// Trains the model of `model_step`, whose place in the job is `index`.
pub(super) async fn train(
    run: &mut Run<'_>,
    model_step: &ModelStep<'_>,
    index: usize,
    data: &Data,
    split: &Split,
    prepared: &Prepared,
) -> Result<ModelOutcome, JobError> {
    let id = format!("train.{}", model_step.id);
    let mut step = run.begin(&id, &format!("train.{index}"))?;
    let results = run_step(run, &mut step, model_step, data, split, prepared)
        .await
        .map_err(|error| error.at(&id))?;
    run.end(step);
    Ok(results)
}

async fn run_step(
    run: &Run<'_>,
    step: &mut Step,
    model_step: &ModelStep<'_>,
    data: &Data,
    split: &Split,
    prepared: &Prepared,
) -> Result<ModelOutcome, JobError> {
    let model = &model_step.train.model;
    let mut family = None;
    let (part, scores, settings) = match model {
        Model::LogisticRegression { settings, .. } => {
            let session = step.pair()?;
            let trained =
                logistic_regression::train(run, session, settings, data, split, prepared).await?;
            let (part, scores) = linear(trained, prepared);
            (ModelPart::LogisticRegression(part), scores, json!(settings))
        }
        Model::Regression { of, settings, .. } => {
            let of = regression::family(*of, settings);
            family = Some(of);
            let session = step.pair()?;
            let trained =
                regression::train(run, session, (of, settings), data, split, prepared).await?;
            let (part, scores) = linear(trained, prepared);
            (ModelPart::Regression(part), scores, json!(settings))
        }
        Model::BoostedTrees { settings, .. } => {
            family = boosted_trees::family(settings);
            let spec = (model.privacy(), settings);
            let trained = boosted_trees::train(run, step, spec, data, split, prepared).await?;
            let (part, scores) = trees(trained);
            (part, scores, json!(settings))
        }
    };
    let mut results = ModelOutcome {
        step: model_step.id.clone(),
        component: model.component().name,
        title: model.component().title.clone(),
        privacy: model.privacy().to_owned(),
        settings,
        split: model_step.split.name.clone(),
        comparison: None,
        numeric: None,
        part,
        scores: None,
    };
    if let (Some(guest), Some(scores)) = (data.guest(), scores) {
        let labels = if let Some(family) = family {
            let numeric = compare_numbers(step, family, guest, &split.test, &scores).await?;
            results.numeric = Some(numeric);
            pick(guest.numbers(), &split.test)
        } else {
            let id = &model_step.id;
            let comparison = compare(run, step, id, guest, &split.test, &scores).await?;
            results.comparison = Some(comparison);
            guest.labels_of(&split.test).into_iter().map(f64::from).collect()
        };
        results.scores = Some(TestScores {
            rows: split.test.clone(),
            labels,
            alone: scores.alone_test,
            joint: scores.joint_test,
        });
    }
    Ok(results)
}

fn linear(
    trained: logistic_regression::Trained,
    prepared: &Prepared,
) -> (LinearPart, Option<Scores>) {
    let named = |weights: &[f64]| {
        let replaced = prepared.host_woe.as_ref().map_or(&[][..], HostWoe::names);
        let names = prepared.matrix.names().chain(replaced.iter().map(String::as_str));
        let pairs = names.zip(weights);
        pairs
            .map(|(name, weight)| Coefficient { feature: name.to_owned(), weight: *weight })
            .collect()
    };
    let own = trained.own;
    let (alone, scores) = match trained.guest {
        Some(guest) => {
            let (coefficients, intercept) = (named(&guest.alone.weights), guest.alone.intercept);
            (Some(AloneLinear { coefficients, intercept }), Some(guest.scores))
        }
        None => (None, None),
    };
    let part = LinearPart {
        coefficients: named(&own.weights),
        intercept: own.intercept,
        passes: own.passes,
        converged: own.converged,
        alone,
    };
    (part, scores)
}

fn trees(trained: boosted_trees::Trained) -> (ModelPart, Option<Scores>) {
    let binnings = trained.binnings;
    match trained.part {
        Part::Guest { trees, alone, scores } => {
            (ModelPart::GuestTrees { trees, binnings, alone }, Some(scores))
        }
        Part::Host(trees) => (ModelPart::HostTrees { trees, binnings }, None),
        Part::Strict { trees, guest } => {
            let (alone, scores) = guest.unzip();
            (ModelPart::StrictTrees { trees, binnings, alone }, scores)
        }
    }
}
