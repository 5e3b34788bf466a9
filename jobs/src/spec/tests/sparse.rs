//! Categories of very many levels.

use crate::spec::{JobSpec, SparseSpec};

const JOB: &str = "\
job: towns
purpose: test
parties:
  bank: { role: guest, key: id, label: y }
  telco: { role: host, key: id }
split: { by: random, test: 30% }
prepare:
  - encode: { sparse_above: 200, level_rows: 5 }
train:
  - logistic_regression: { l2: 0.01 }
";

fn parse(job: &str) -> Result<JobSpec, String> {
    JobSpec::parse("job.yaml", job).map_err(|error| error.to_string())
}

fn opens_levels(job: &JobSpec) -> bool {
    job.disclosures().iter().flat_map(|step| &step.disclosures).any(|it| it.key == "train.levels")
}

#[test]
fn sparse_categories_are_declared_and_others_leave_no_trace() {
    let job = parse(JOB).unwrap();
    let sparse = SparseSpec { above: 200, level_rows: 5 };
    assert_eq!(job.prepare.encode.sparse, Some(sparse));
    assert!(opens_levels(&job));
    let plain = parse(&JOB.replace("sparse_above: 200, level_rows: 5", "sparse_above: 0")).unwrap();
    assert_eq!(plain.prepare.encode.sparse, None);
    assert!(!opens_levels(&plain));
    let without = parse(&JOB.replace("sparse_above: 200, level_rows: 5", "")).unwrap();
    assert_eq!(without.digest(), plain.digest());
    assert_ne!(without.digest(), job.digest());
}

/// Every regression of two classes or a number takes them, and says what follows from levels.
#[test]
fn regressions_take_sparse_categories() {
    for (model, inference) in [
        ("logistic", "model.labels_of_levels"),
        ("linear", "model.means_of_levels"),
        ("poisson", "model.means_of_levels"),
        ("gamma", "model.means_of_levels"),
        ("tweedie", "model.means_of_levels"),
    ] {
        let job = parse(&JOB.replace("logistic", model)).unwrap();
        let statement = job.disclosures();
        let keys: Vec<&str> =
            statement.iter().flat_map(|step| &step.disclosures).map(|it| &*it.key).collect();
        assert!(opens_levels(&job) && keys.contains(&inference), "{model}: {keys:?}");
        assert_eq!(keys.iter().filter(|key| key.contains("_of_levels")).count(), 2, "{keys:?}");
    }
}

/// A penalty of nothing is a mistake, not something to pass over.
#[test]
fn a_penalty_of_levels_without_sparse_categories_is_refused() {
    for other in ["level_rows: 5", "sparse_above: 0, level_rows: 5"] {
        let error = parse(&JOB.replace("sparse_above: 200, level_rows: 5", other)).unwrap_err();
        assert!(error.contains("none is sparse") && error.contains("sparse_above: 50"), "{error}");
    }
}

#[test]
fn what_does_not_go_with_sparse_categories_is_refused_with_what_to_write() {
    for (from, to, message) in [
        ("l2: 0.01", "l1: 0.1", "the `l1` penalty of `logistic_regression`"),
        ("l2: 0.01", "standard_errors: true", "`standard_errors` of"),
        ("test: 30% }", "test: 30%, validation: 10% }", ""),
        ("l2: 0.01", "warm_start: { model: m, step: logistic_regression }", "`warm_start` of"),
        ("level_rows: 5", "categories: woe", "weight of evidence"),
        ("level_rows: 5", "numbers: woe", "weight of evidence"),
        ("prepare:\n", "prepare:\n  - select: {}\n", "`select`"),
        (
            "logistic_regression: {",
            "multinomial_regression: {",
            "the model of `multinomial_regression`",
        ),
        (
            "logistic_regression: { l2: 0.01",
            "poisson_regression: { l1: 0.1",
            "the `l1` penalty of `poisson_regression`",
        ),
        (
            "logistic_regression: { l2: 0.01",
            "gamma_regression: { standard_errors: true",
            "`standard_errors` of `gamma_regression`",
        ),
        ("split:", "align: { protocol: hidden }\nsplit:", "hidden rows"),
        ("train:\n", "evaluate: { scores: hidden }\ntrain:\n", "hidden scores"),
        (
            "logistic_regression: { l2: 0.01 }",
            "boosted_trees: { privacy: secureboost }",
            "a job without a regression",
        ),
        ("split:", "  shop: { role: host, key: id }\nsplit:", "several hosts"),
    ] {
        let job = parse(&JOB.replace(from, to));
        if message.is_empty() {
            job.unwrap();
        } else {
            let error = job.expect_err(to);
            let expected = format!("`sparse_above` does not go with {message}");
            assert!(error.contains(&expected), "{expected} is missing in: {error}");
        }
    }
    let early = JOB
        .replace("test: 30% }", "test: 30%, validation: 10% }")
        .replace("l2: 0.01", "early_stopping: 3");
    assert!(parse(&early).unwrap_err().contains("does not go with `early_stopping` of"));
    // Trees put levels into bins.
    let trees = "logistic_regression: { l2: 0.01 }\n  - boosted_trees: { privacy: strict }";
    parse(&JOB.replace("logistic_regression: { l2: 0.01 }", trees)).unwrap();
}
