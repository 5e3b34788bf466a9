//! Stage 4: one model under one split, and at the guest how good it is.

use contract::STRICT;
use crypto::hash;
use features::split::Split;
use models::family::Family;
use models::wald::Wald;
use net::Size;

use super::boosted_trees::{self, Part};
use super::classes::{ClassScore, ClassScores, ClassesPart, TestClassScores};
use super::data::{Data, GuestRows, pick};
use super::evaluate::{Predicted, compare, compare_grades, compare_numbers};
use super::hidden_scores;
use super::logistic_regression;
use super::multinomial_regression;
use super::outcome::{AloneLinear, Coefficient, LinearPart, ModelOutcome, ModelPart, TestScores};
use super::prepare::Prepared;
use super::progress::{Run, Step};
use super::recommendation;
use super::regression;
use super::several;
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
    let path = format!("train.{index}");
    // In the strict model of several hosts each two parties have a part.
    let among_all = run.job.hosts.len() > 1 && model_step.train.model.privacy() == STRICT;
    let mut step =
        if among_all { run.begin_among_all(&id, &path)? } else { run.begin(&id, &path)? };
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
    if run.job.hides_scores() && !run.job.recommends() {
        hidden_scores::check_rows(split.test.len())?;
    }
    let best = prepared.best_for(run, &model_step.train.name)?;
    let prepared = best.as_ref().unwrap_or(prepared);
    let model_id = agree_on_id(run, step, &model_step.id).await?;
    let (model, id) = (&model_step.train.model, &model_step.id);
    let mut family = None;
    let (part, predicted) = match model {
        Model::LogisticRegression { settings, .. } => {
            let trained = if run.job.hosts.len() > 1 {
                let conversations = (&mut *step, model_step);
                several::train(run, conversations, settings, data, split, prepared).await?
            } else {
                let conversation = (step.pair()?, model_step);
                logistic_regression::train(run, conversation, settings, data, split, prepared)
                    .await?
            };
            let (part, predicted) = linear(trained, prepared);
            (ModelPart::LogisticRegression(part), predicted)
        }
        Model::Regression { of, settings, .. } => {
            let of = regression::family(*of, settings);
            family = Some(of);
            let trained = regression::train(
                run,
                (&mut *step, model_step),
                (of, settings),
                data,
                split,
                prepared,
            )
            .await?;
            let (part, predicted) = linear(trained, prepared);
            (ModelPart::Regression(part), predicted)
        }
        Model::MultinomialRegression { settings, .. } => {
            let trained = multinomial_regression::train(
                run,
                (&mut *step, model_step),
                settings,
                data,
                split,
                prepared,
            )
            .await?;
            let (part, scores) = of_classes(trained, prepared);
            (ModelPart::MultinomialRegression(part), scores.map(Predicted::Classes))
        }
        Model::BoostedTrees { settings, .. } => {
            family = boosted_trees::family(settings);
            let spec = (model.privacy(), settings);
            let trained =
                boosted_trees::train(run, (step, id), spec, data, split, prepared).await?;
            trees(trained)
        }
        Model::FactorizationMachine { privacy, settings } => {
            let spec = (&privacy[..], settings, model_step.split);
            let (part, recommendation) =
                recommendation::train(run, step, spec, data, prepared).await?;
            return Ok(ModelOutcome { recommendation, ..outcome(model_step, model_id, part) });
        }
    };
    let mut results = outcome(model_step, model_id, part);
    if let (Some(guest), Some(predicted)) = (data.guest(), predicted) {
        judge(run, step, (guest, split), family, predicted, &mut results).await?;
    }
    Ok(results)
}

/// Compares the two models on the test rows, and keeps what they predict.
async fn judge(
    run: &Run<'_>,
    step: &Step,
    (guest, split): (&GuestRows, &Split),
    family: Option<Family>,
    predicted: Predicted,
    results: &mut ModelOutcome,
) -> Result<(), JobError> {
    let scores = match predicted {
        Predicted::One(scores) => scores,
        Predicted::Hidden(comparison) => {
            results.hidden = Some(comparison);
            return Ok(());
        }
        Predicted::HiddenNumbers(comparison) => {
            results.numeric = Some(comparison);
            return Ok(());
        }
        Predicted::Classes(scores) => {
            let (labels, weights) = (guest.labels_of(&split.test), guest.weights_of(&split.test));
            results.classes = Some(scores.compare(step, &labels, weights.as_deref()).await?);
            results.class_scores = Some(TestClassScores { rows: split.test.clone(), scores });
            return Ok(());
        }
    };
    let labels = if let Some(groups) = guest.groups() {
        let grades = pick(guest.numbers(), &split.test);
        let groups: Vec<u32> = split.test.iter().map(|row| groups[*row as usize]).collect();
        let orders = [&scores.alone_test[..], &scores.joint_test];
        results.graded = compare_grades(run, step, (&grades, &groups), orders).await?;
        grades
    } else if let Some(family) = family {
        let numeric = compare_numbers(step, family, guest, &split.test, &scores).await?;
        results.numeric = Some(numeric);
        pick(guest.numbers(), &split.test)
    } else {
        let comparison = compare(run, step, &results.step, guest, &split.test, &scores).await?;
        results.comparison = Some(comparison);
        guest.labels_of(&split.test).into_iter().map(f64::from).collect()
    };
    results.scores = Some(TestScores {
        rows: split.test.clone(),
        labels,
        alone: scores.alone_test,
        joint: scores.joint_test,
    });
    Ok(())
}

/// A model before it is predicted.
pub(super) fn outcome(
    model_step: &ModelStep<'_>,
    model_id: String,
    part: ModelPart,
) -> ModelOutcome {
    let model = &model_step.train.model;
    ModelOutcome {
        step: model_step.id.clone(),
        model_id,
        component: model.component().name,
        title: model.component().title.clone(),
        privacy: model.privacy().to_owned(),
        settings: model.settings(),
        warm_start: model_step.train.warm_start.clone(),
        split: model_step.split.name.clone(),
        comparison: None,
        numeric: None,
        classes: None,
        hidden: None,
        graded: None,
        recommendation: None,
        part,
        scores: None,
        class_scores: None,
    }
}

/// A name for this training run that no party can choose alone, 32 hexadecimal digits: parts of
/// two runs of one job do not fit together. A guest that tells its hosts different things gets
/// parts that do not fit, which scoring notices.
pub(super) async fn agree_on_id(
    run: &Run<'_>,
    step: &mut Step,
    step_id: &str,
) -> Result<String, JobError> {
    let mut mine = vec![0; ID_BYTES];
    let mut theirs = Vec::new();
    let sessions = step.with_guest(run.is_guest());
    for (index, session) in sessions.iter_mut().enumerate() {
        if index == 0 {
            session.rng().fill_bytes(&mut mine);
        }
        let size = Size::Exactly(ID_BYTES);
        theirs.push(session.exchange_bytes(MODEL_ID, mine.clone(), size).await?);
    }
    let several = run.job.hosts.len() > 1;
    let (guest, hosts) = if run.is_guest() {
        for session in sessions.iter_mut().filter(|_| several) {
            session.send_bytes(HOSTS_IDS, theirs.concat()).await?;
        }
        (mine, theirs.concat())
    } else if several {
        let session = &mut sessions[0];
        let size = Size::Exactly(run.job.hosts.len() * ID_BYTES);
        let hosts = session.receive_bytes(HOSTS_IDS, size).await?;
        let place = run.job.hosts.iter().take_while(|host| host.name != run.own.name).count();
        if hosts.chunks(ID_BYTES).nth(place) != Some(&mine[..]) {
            let rule = "the guest left out this party's part of the name of the run";
            return Err(session.misbehaved(HOSTS_IDS, rule).into());
        }
        (theirs.concat(), hosts)
    } else {
        (theirs.concat(), mine)
    };
    let digest = run.job.digest();
    let parts: [&[u8]; 4] = [digest.as_bytes(), step_id.as_bytes(), &guest, &hosts];
    let id = hash::digest("jobs/run/model id", &parts);
    Ok(hash::hex(&id[..ID_BYTES]))
}

pub(super) fn linear(
    trained: logistic_regression::Trained,
    prepared: &Prepared,
) -> (LinearPart, Option<Predicted>) {
    let named = |weights: &[f64], errors: &[f64]| {
        let replaced = prepared.host_woe.as_ref().map_or(&[][..], HostWoe::names);
        let levels = prepared.categories.iter().flat_map(|category| &category.names);
        let further = replaced.iter().chain(levels).map(String::as_str);
        let names = prepared.matrix.names().chain(further);
        let coefficient = |(index, (name, weight)): (usize, (&str, &f64))| Coefficient {
            feature: name.to_owned(),
            weight: *weight,
            test: errors.get(index).map(|error| Wald::new(*weight, *error)),
        };
        names.zip(weights).enumerate().map(coefficient).collect()
    };
    let own = trained.own;
    let (alone, predicted) = match trained.guest {
        Some(guest) => {
            let (coefficients, intercept) =
                (named(&guest.alone.weights, &[]), guest.alone.intercept);
            (Some(AloneLinear { coefficients, intercept }), Some(guest.predicted))
        }
        None => (None, None),
    };
    let errors = own.standard_errors.as_ref();
    let of_intercept = errors.and_then(|errors| errors.intercept);
    let part = LinearPart {
        coefficients: named(&own.weights, errors.map_or(&[], |errors| &errors.weights)),
        intercept: own.intercept,
        intercept_test: of_intercept.map(|error| Wald::new(own.intercept, error)),
        passes: own.passes,
        converged: own.converged,
        alone,
    };
    (part, predicted)
}

fn of_classes(
    trained: multinomial_regression::Trained,
    prepared: &Prepared,
) -> (ClassesPart, Option<ClassScores>) {
    let named = |weights: &[Vec<f64>], intercepts: &[f64]| -> Vec<ClassScore> {
        let of_class =
            |(weights, intercept): (&Vec<f64>, &f64)| {
                let named = prepared.matrix.names().zip(weights).map(|(name, weight)| {
                    Coefficient { feature: name.to_owned(), weight: *weight, test: None }
                });
                ClassScore { coefficients: named.collect(), intercept: *intercept }
            };
        weights.iter().zip(intercepts).map(of_class).collect()
    };
    let multinomial_regression::Trained { own, guest } = trained;
    let (fit, scores) = guest.unzip();
    let part = ClassesPart {
        names: scores.as_ref().map(|scores| scores.names.clone()),
        classes: named(&own.weights, &own.intercepts),
        passes: own.passes,
        converged: own.converged,
        alone: fit.map(|fit| named(&fit.weights, &fit.intercepts)),
    };
    (part, scores)
}

fn trees(trained: boosted_trees::Trained) -> (ModelPart, Option<Predicted>) {
    let binnings = trained.binnings;
    match trained.part {
        Part::Guest { trees, alone, predicted } => {
            let names = names_of(&predicted);
            (ModelPart::GuestTrees { trees, binnings, alone, names }, Some(predicted))
        }
        Part::Host(trees) => (ModelPart::HostTrees { trees, binnings }, None),
        Part::Strict { trees, guest } => {
            let (alone, predicted) = guest.unzip();
            let names = predicted.as_ref().and_then(names_of);
            (ModelPart::StrictTrees { trees, binnings, alone, names }, predicted)
        }
    }
}

/// The names of the classes, where there are several.
fn names_of(predicted: &Predicted) -> Option<Vec<String>> {
    match predicted {
        Predicted::Classes(scores) => Some(scores.names.clone()),
        Predicted::One(_) | Predicted::Hidden(_) | Predicted::HiddenNumbers(_) => None,
    }
}

const MODEL_ID: &str = "model_id";
/// The step in which the guest tells several hosts the parts of all of them.
const HOSTS_IDS: &str = "hosts_ids";
const ID_BYTES: usize = 16;
