//! Jobs that score with a model of an earlier one.

use super::aligned;
use crate::spec::{JobSpec, SpecError};

/// A job that scores, with more said about what it scores with and about the guest.
fn scoring(score: &str, guest: &str, rest: &str) -> Result<JobSpec, SpecError> {
    let text = format!(
        "job: a\npurpose: p\nparties:\n  a: {{ role: guest, key: k{guest} }}\n  b: {{ role: host, \
         key: k }}\nscore: {{ {score} }}\n{rest}"
    );
    JobSpec::parse("job.yaml", &text)
}

#[test]
fn a_job_scores_with_a_model_of_another_one() {
    let job = scoring("model: m, step: boosted_trees.time, privacy: secureboost", "", "").unwrap();
    let score = job.score.as_ref().unwrap();
    assert_eq!((score.model.as_str(), score.step.as_str()), ("m", "boosted_trees.time"));
    assert_eq!(
        (score.component.name, score.privacy.as_str()),
        ("train.boosted_trees", "secureboost")
    );
    assert!(job.needs_common_rows() && !job.only_intersects());
    let statement = job.disclosures();
    let steps: Vec<&str> = statement.iter().map(|step| step.step.as_str()).collect();
    assert_eq!(steps, ["align", "score"]);
    let renamed = scoring("model: m, step: forest, component: boosted_trees", "", "").unwrap();
    assert_eq!(renamed.score.unwrap().privacy, "strict");
    // Where the files are is each party's own affair.
    let plain = scoring("model: m, step: logistic_regression", "", "").unwrap();
    let placed = scoring("model: m, step: logistic_regression", ", models: results/a/model", "");
    let placed = placed.unwrap();
    assert!(placed.guest.models.is_some() && placed.digest() == plain.digest());
    for other in ["model: n, step: logistic_regression", "model: m, step: logistic_regression.x"] {
        assert_ne!(scoring(other, "", "").unwrap().digest(), plain.digest());
    }
}

#[test]
fn what_cannot_be_scored_is_refused() {
    let linear = "model: m, step: logistic_regression";
    for (score, rest, message) in [
        ("step: logistic_regression", "", "lacks `model`"),
        ("model: m", "", "lacks `step`"),
        ("model: m, step: forest", "", "`forest` does not say what kind of model"),
        ("model: m, step: forest.Time", "", "`Time` cannot be the name of a split"),
        ("model: m, step: forest, component: tree", "", "`component` cannot be `tree`"),
        ("model: m, step: logistic_regression, privacy: secureboost", "", "has no privacy mode"),
        ("model: m, step: logistic_regression, digest: x", "", "has no key `digest`"),
        (linear, "train: [ logistic_regression: {} ]\n", "a job with `score` has no `train`"),
        (linear, "split: { test: 20% }\n", "a job with `score` has no `split`"),
        (linear, "prepare: [ bin: {} ]\n", "a job with `score` has no `prepare`"),
        (linear, "align: { learn: guest }\n", "`score` needs every party to know"),
        (linear, "align: { join: left }\n", "are for jobs that only align"),
        (linear, "align: { protocol: totals }\n", "`score` needs both parties"),
    ] {
        let error = scoring(score, "", rest).expect_err(message).to_string();
        assert!(error.contains(message), "{error}");
    }
    let error = aligned("key: p, models: m", "key: p", "").unwrap_err().to_string();
    assert!(error.contains("the job scores nothing"), "{error}");
}

const WARM: &str = "\
job: again
purpose: p
parties:
  a: { role: guest, key: k, label: y }
  b: { role: host, key: k }
train:
  - logistic_regression: { warm_start: { model: last, step: logistic_regression.time } }
";

#[test]
fn a_training_may_begin_with_an_earlier_model() {
    let job = JobSpec::parse("job.yaml", WARM).unwrap();
    let start = job.train[0].warm_start.as_ref().unwrap();
    assert_eq!((&*start.model, &*start.step), ("last", "logistic_regression.time"));
    assert!(job.uses_models());
    let opens = |job: &JobSpec| {
        let mut steps = job.disclosures().into_iter().flat_map(|step| step.disclosures);
        steps.any(|disclosure| disclosure.key == "train.warm_start")
    };
    assert!(opens(&job));
    let cold = WARM.replace("warm_start: { model: last, step: logistic_regression.time }", "");
    let cold = JobSpec::parse("job.yaml", &cold).unwrap();
    assert!(!opens(&cold) && !cold.uses_models());
    assert_ne!(job.digest(), cold.digest());
}

#[test]
fn what_a_warm_start_does_not_go_with_is_said() {
    for (from, to, expected) in [
        ("logistic_regression:", "boosted_trees:", "boosted trees"),
        ("train:", "prepare: [ encode: { categories: woe } ]\ntrain:", "weight of evidence"),
        (", step: logistic_regression.time", "", "`step`"),
        ("model: last", "model: last, split: time", "`split`"),
    ] {
        let error = JobSpec::parse("job.yaml", &WARM.replace(from, to)).unwrap_err().to_string();
        assert!(error.contains(expected), "{expected} is missing in: {error}");
    }
}
