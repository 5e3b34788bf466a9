//! What sparse categories, of very many levels, go together with.

use super::{EncodeCategories, JobSpec, Model, TrainStep};

/// Refuses what sparse categories do not go with; `add` takes a key of the job, a message and
/// advice.
pub(super) fn check(job: &JobSpec, add: &mut impl FnMut(&str, String, &str)) {
    if job.prepare.encode.sparse.is_none() {
        return;
    }
    let mut refuse = |is_there: bool, key: &str, part: &str, advice: &str| {
        if is_there {
            add(key, format!("`sparse_above` does not go with {part}"), advice);
        }
    };
    let encode = &job.prepare.encode;
    refuse(
        encode.categories != EncodeCategories::OneHot || encode.uses_woe(),
        "prepare",
        "weight of evidence",
        "`categories: one_hot` and numbers otherwise, such as `numbers: standardise`",
    );
    refuse(
        job.prepare.select.is_some(),
        "prepare",
        "`select`, which compares columns by their bins",
        "leave it out: the penalty draws levels that say nothing to 0",
    );
    let trains = job.train.iter().any(|it| {
        matches!(
            it.model,
            Model::LogisticRegression { .. }
                | Model::Regression { .. }
                | Model::MultinomialRegression { .. }
        )
    });
    refuse(
        !trains,
        "prepare",
        "a job without a regression",
        "leave it out, or train one: `logistic_regression`, or `linear_regression`, \
         `poisson_regression`, `gamma_regression` or `tweedie_regression`",
    );
    refuse(job.hosts.len() > 1, "parties", "several hosts", "name one host");
    refuse(job.hides_rows(), "align", "hidden rows", "`protocol: ecdh` or `rr22`");
    refuse(
        job.hides_scores(),
        "evaluate",
        "hidden scores",
        "`scores: open`, or leave `sparse_above` out",
    );
    for step in &job.train {
        let name = &step.name;
        for (is_asked, what, advice) in of_model(step) {
            refuse(is_asked, "train", &format!("{what} of `{name}`"), advice);
        }
    }
}

/// What of a model sparse categories do not go with.
fn of_model(step: &TrainStep) -> Vec<(bool, &'static str, &'static str)> {
    const LEAVE_OUT: &str = "leave it out, or `sparse_above`";
    let mut refused = vec![
        (step.warm_start.is_some(), "`warm_start`", LEAVE_OUT),
        (step.best.is_some(), "`best`", LEAVE_OUT),
    ];
    match &step.model {
        Model::LogisticRegression { settings, .. } => refused.extend([
            (settings.l1 > 0.0, "the `l1` penalty", "take `l1: 0`"),
            (
                settings.early_stopping > 0,
                "`early_stopping`",
                "take `early_stopping: 0`: `level_rows` keeps levels from overfitting",
            ),
            (settings.standard_errors, "`standard_errors`", "take `standard_errors: false`"),
        ]),
        Model::Regression { settings, .. } => refused.extend([
            (settings.l1 > 0.0, "the `l1` penalty", "take `l1: 0`"),
            (settings.standard_errors, "`standard_errors`", "take `standard_errors: false`"),
        ]),
        // Trees put levels into bins, and ask for no column of a level.
        Model::BoostedTrees { .. } => {}
        Model::MultinomialRegression { .. } | Model::FactorizationMachine { .. } => refused.push((
            true,
            "the model",
            "it is for regressions of two classes or a number; put others into a job of their own",
        )),
    }
    refused
}
