//! Jobs whose common rows nobody learns, and scores that nobody sees.

use crate::spec::{JobSpec, Protocol, ScoresSeen};

const JOB: &str = "\
job: hidden
purpose: test
parties:
  bank: { role: guest, key: id, label: y }
  telco: { role: host, key: id }
align: { protocol: hidden }
split: { by: random, test: 30% }
train:
  - logistic_regression: { l2: 0.01 }
evaluate: { scores: hidden }
";

fn parse(job: &str) -> Result<JobSpec, String> {
    JobSpec::parse("job.yaml", job).map_err(|error| error.to_string())
}

fn keys(job: &JobSpec) -> Vec<(String, Vec<String>)> {
    let of_step = |step: crate::spec::StepDisclosures| {
        let keys = step.disclosures.into_iter().map(|it| it.key.into_owned()).collect();
        (step.step, keys)
    };
    job.disclosures().into_iter().map(of_step).collect()
}

#[test]
fn the_statement_of_hidden_rows_names_no_row_and_no_score() {
    let job = parse(JOB).unwrap();
    assert_eq!(job.align.protocol, Protocol::Hidden { minimum: 100 });
    assert!(job.hides_rows() && job.hides_scores() && job.needs_common_rows());
    let expected = [
        ("align", vec!["table.rows", "hidden.columns", "hidden.rows", "hidden.differences"]),
        (
            "train.logistic_regression.random",
            vec![
                "train.columns",
                "train.stop",
                "model.own_coefficients",
                "model.labels_from_coefficients",
                "evaluate.figures",
                "evaluate.one_class",
                "evaluate.known_scores",
            ],
        ),
    ];
    let found = keys(&job);
    let found: Vec<(&str, Vec<&str>)> = found
        .iter()
        .map(|(step, keys)| (step.as_str(), keys.iter().map(String::as_str).collect()))
        .collect();
    assert_eq!(found, expected);
}

#[test]
fn hidden_scores_go_with_known_rows() {
    let job = parse(&JOB.replace("align: { protocol: hidden }\n", "")).unwrap();
    assert!(!job.hides_rows() && job.hides_scores());
    let steps = keys(&job);
    let of_model = &steps.last().unwrap().1;
    assert!(of_model.iter().all(|key| !key.starts_with("score.")), "{of_model:?}");
    assert!(of_model.contains(&"evaluate.figures".to_owned()));
    assert!(of_model.contains(&"train.rows".to_owned()));
    assert!(steps.iter().any(|(step, _)| step == "split.random"));
}

#[test]
fn a_job_that_does_not_hide_scores_keeps_its_digest() {
    let plain = parse(&JOB.replace("align: { protocol: hidden }\n", "")).unwrap();
    assert_eq!(plain.evaluate.scores, ScoresSeen::Hidden);
    let open = JOB.replace("align: { protocol: hidden }\nsplit", "split");
    let [asked, default] = ["evaluate: { scores: open }", "evaluate: {}"]
        .map(|it| parse(&open.replace("evaluate: { scores: hidden }", it)).unwrap());
    assert_eq!(asked.digest(), default.digest());
    assert!(!default.canonical().contains("scores"));
    assert_ne!(default.digest(), plain.digest());
}

/// Of numbers the statement names the sums that are opened, and the label's order of magnitude.
#[test]
fn numbers_over_hidden_rows_are_judged_by_their_errors() {
    for model in ["linear_regression: {}", "tweedie_regression: { power: 1.3 }"] {
        let job = parse(&JOB.replace("logistic_regression: { l2: 0.01 }", model)).unwrap();
        let of_model = keys(&job).pop().unwrap().1;
        for key in ["train.label_scale", "evaluate.figures"] {
            assert!(of_model.iter().any(|it| it == key), "{of_model:?}");
        }
        let never = ["evaluate.one_class", "train.rows", "score.test_rows"];
        assert!(of_model.iter().all(|key| !never.contains(&key.as_str())), "{of_model:?}");
    }
}

/// What is refused, with a word of the reason.
#[test]
fn what_does_not_go_together_is_refused_with_advice() {
    let train = "  - logistic_regression: { l2: 0.01 }\n";
    let cases = [
        ("evaluate: { scores: hidden }\n", "", "open scores"),
        ("by: random", "by: stratified", "another split"),
        ("split: { by: random, test: 30% }\n", "", "another split"),
        (train, "", "another number of models"),
        (train, &[train, "  - logistic_regression: { name: b }\n"].concat(), "another number"),
        ("logistic_regression: { l2: 0.01 }", "boosted_trees: {}", "another model"),
        (
            "logistic_regression: { l2: 0.01 }",
            "linear_regression: { standard_errors: true }",
            "`standard_errors`",
        ),
        ("l2: 0.01", "early_stopping: 3", "`early_stopping`"),
        ("l2: 0.01", "standard_errors: true", "`standard_errors`"),
        ("train:", "prepare: [ select: {} ]\ntrain:", "`select`"),
        ("train:", "prepare: [ encode: { numbers: woe } ]\ntrain:", "weight of evidence"),
        ("label: y }", "label: y, weight: w }", "`weight`"),
        ("scores: hidden", "scores: hidden, cost: 1, value: 2", "profit curve"),
        ("role: host, key: id", "role: host, key: id, payload: [a]", "`payload`"),
    ];
    for (from, to, reason) in cases {
        assert!(JOB.contains(from), "{from}");
        let error = parse(&JOB.replacen(from, to, 1)).expect_err(reason);
        assert!(error.contains(reason) && error.contains("help: "), "{reason}: {error}");
    }
    let open = JOB.replace("align: { protocol: hidden }\n", "");
    for (from, to, reason) in [
        ("logistic_regression: { l2: 0.01 }", "multinomial_regression: {}", "several classes"),
        (
            "logistic_regression: { l2: 0.01 }",
            "boosted_trees: { privacy: secureboost }",
            "not `strict`",
        ),
        ("train:", "prepare: [ encode: { numbers: woe } ]\ntrain:", "weight of evidence"),
        ("label: y }", "label: y, weight: w }", "`weight`"),
    ] {
        let error = parse(&open.replacen(from, to, 1)).expect_err(reason);
        assert!(error.contains(reason), "{reason}: {error}");
    }
}

#[test]
fn a_least_number_below_what_training_needs_is_refused() {
    let error = parse(&JOB.replace("protocol: hidden", "protocol: hidden, minimum: 63"));
    assert!(error.unwrap_err().contains("`minimum` is `63`"));
}
