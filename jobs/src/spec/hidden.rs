//! What goes together with hidden rows and hidden scores.

use contract::STRICT;
use models::vertical::hidden_evaluation::SHARES_MAX;

use super::align::has_payload;
use super::{JobSpec, Model, SplitBy, Target};

/// A part of a job that hidden rows or scores do not go with: whether it is there, the key of the
/// job, what it is, and advice.
type Refusal = (bool, &'static str, &'static str, &'static str);

/// Refuses what hidden rows and hidden scores do not go with; `add` takes a key of the job, a
/// message and advice.
pub(super) fn check(job: &JobSpec, add: &mut impl FnMut(&str, String, &str)) {
    if job.recommends() {
        // `recommendation` checks these jobs: the mode says what of a score is seen.
        return;
    }
    let mut refuse = |what: &str, refusals: &[Refusal]| {
        for (_, key, part, advice) in refusals.iter().filter(|(is_there, ..)| *is_there) {
            add(key, format!("{what} do not go with {part}"), advice);
        }
    };
    if job.hides_rows() {
        refuse("hidden rows", &of_rows(job));
        refuse("hidden rows", &of_parties(job));
    }
    if job.hides_scores() {
        refuse("hidden scores", &of_scores(job));
    }
}

fn of_rows(job: &JobSpec) -> Vec<Refusal> {
    let encode = &job.prepare.encode;
    let stops_early = |model: &Model| match model {
        Model::LogisticRegression { settings, .. } => settings.early_stopping > 0,
        _ => false,
    };
    let is_fit = |model: &Model| {
        matches!(model, Model::LogisticRegression { .. } | Model::Regression { .. })
    };
    let has = |what: &dyn Fn(&Model) -> bool| job.train.iter().any(|step| what(&step.model));
    vec![
        (
            job.score.is_some(),
            "align",
            "`score`, whose guest gets the score of each common row",
            "`protocol: ecdh` or `rr22`",
        ),
        (
            job.train.len() != 1 && job.score.is_none(),
            "align",
            "another number of models than one",
            "one regression in a job: the host's columns are shared once; for numbers \
             about the rows without a model, `protocol: totals`",
        ),
        (
            !job.hides_scores() && !job.train.is_empty(),
            "align",
            "open scores, which would tell which test rows are common",
            "`evaluate: { scores: hidden }`",
        ),
        (
            job.splits.len() != 1 || job.splits[0].by != SplitBy::Random,
            "align",
            "another split than one at random",
            "`split: { by: random, test: 30% }`: which rows are late, or in which class, is known \
             to one party, and the places of the test to both",
        ),
        (
            job.prepare.select.is_some(),
            "prepare",
            "`select`, which opens information values of the common rows",
            "leave it out; an `l1` penalty takes features out",
        ),
        (
            encode.uses_woe(),
            "prepare",
            "weight of evidence, which is fitted on common rows",
            "`encode` otherwise, such as `numbers: standardise`",
        ),
        (
            has(&stops_early),
            "train",
            "`early_stopping`",
            "`early_stopping: 0`: training ends at the optimum, and `l2` keeps it from \
             overfitting",
        ),
        (
            has(&Model::has_standard_errors),
            "train",
            "`standard_errors`",
            "`standard_errors: false`",
        ),
        (
            has(&|model: &Model| !is_fit(model)),
            "train",
            "another model than a logistic, linear, Poisson, gamma or Tweedie regression",
            "one of these, or known rows with `evaluate: { scores: hidden }`",
        ),
    ]
}

/// What parties cannot ask for where rows are hidden.
fn of_parties(job: &JobSpec) -> Vec<Refusal> {
    vec![
        (
            job.guest.weight.is_some(),
            "parties",
            "a `weight` of the guest's rows",
            "leave it out: each common row counts alike",
        ),
        (
            job.guest.offset.is_some(),
            "parties",
            "an `offset` of the guest's rows",
            "leave it out, or `protocol: ecdh` or `rr22`",
        ),
        (
            has_payload(job),
            "align",
            "`payload`, which is sent for rows that both know",
            "leave it out",
        ),
        (
            job.parties().any(super::PartySpec::has_several_keys),
            "align",
            "several `keys`, which are tried one after another on known rows",
            "a single `key`",
        ),
    ]
}

fn of_scores(job: &JobSpec) -> Vec<Refusal> {
    let is_fit = |model: &Model| {
        model.privacy() == STRICT && matches!(model.target(), Target::TwoClasses | Target::Number)
    };
    let encode = &job.prepare.encode;
    vec![
        (
            job.score.is_some(),
            "evaluate",
            "`score`, which is for scores that the guest sees",
            "leave `scores` out",
        ),
        (
            job.train.iter().any(|step| !is_fit(&step.model)),
            "evaluate",
            "models of several classes or of an order, nor with models that are not `strict`",
            "leave `scores` out, or put these models into a job of their own",
        ),
        (
            encode.uses_woe() && !job.hides_rows(),
            "prepare",
            "weight of evidence",
            "`encode` otherwise, such as `numbers: standardise`; or `evaluate: { scores: open }`",
        ),
        (
            job.guest.weight.is_some() && !job.hides_rows(),
            "parties",
            "a `weight` of the guest's rows",
            "leave it out: each test row counts alike; or `evaluate: { scores: open }`",
        ),
        (
            job.evaluate.cost.is_some() || job.evaluate.value.is_some(),
            "evaluate",
            "`cost` and `value`: a profit curve is drawn of scores",
            "leave them out",
        ),
        (job.report.top.len() > SHARES_MAX, "report", "so many shares under `top`", "at most 20"),
    ]
}
