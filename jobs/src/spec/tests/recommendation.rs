//! Jobs that recommend items.

use crate::spec::{JobSpec, SplitBy, Target};

const JOB: &str = "\
job: shop
purpose: test
parties:
  shop: { role: guest, key: user, item: product, time: day }
  bank: { role: host, key: user }
train:
  - factorization_machine: { privacy: user_factors_known_to_guest, factors: 8 }
";

const SCORE: &str = "\
score:
  { privacy: user_factors_known_to_guest, model: shop, step: factorization_machine }
";

fn parse(job: &str) -> Result<JobSpec, String> {
    JobSpec::parse("job.yaml", job).map_err(|error| error.to_string())
}

fn refused(job: &str, expected: &[&str]) {
    let error = parse(job).unwrap_err();
    for text in expected {
        assert!(error.contains(text), "{text}: {error}");
    }
}

#[test]
fn one_interaction_of_each_user_is_left_out_unless_the_job_says_otherwise() {
    let job = parse(JOB).unwrap();
    assert!(job.recommends() && job.target() == Target::Items);
    assert_eq!(job.model_steps()[0].id, "factorization_machine.leave_one_out");
    for (split, by) in [("leave_one_out", SplitBy::LeaveOneOut), ("time", SplitBy::Time)] {
        let job = parse(&format!("{JOB}split: {{ by: {split} }}\n")).unwrap();
        assert_eq!((job.splits.len(), job.splits[0].by), (1, by));
    }
    let share = format!("{JOB}split: {{ by: leave_one_out, test: 10% }}\n");
    refused(&share, &["job.yaml:8:", "has `test`", "`by: random`"]);
}

#[test]
fn the_statement_tells_the_host_nothing_of_interactions() {
    let of = |job: &JobSpec| -> Vec<(String, Vec<String>)> {
        let steps = job.disclosures().into_iter();
        let keys = |disclosures: Vec<contract::Disclosure>| {
            disclosures.into_iter().map(|it| it.key.into_owned()).collect()
        };
        steps.map(|step| (step.step, keys(step.disclosures))).collect()
    };
    let steps = of(&parse(JOB).unwrap());
    let names: Vec<&str> = steps.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["align", "train.factorization_machine.leave_one_out"]);
    let expected = [
        "train.shape",
        "model.own_factors",
        "train.user_factors",
        "score.few_valued_columns",
        "score.equal_users",
        "model.tastes_from_factors",
    ];
    assert_eq!(steps[1].1, expected);
    let (parties, _) = JOB.split_once("train:").unwrap();
    let steps = of(&parse(&format!("{parties}{SCORE}")).unwrap());
    let expected = ["score.user_factors", "score.few_valued_columns", "score.equal_users"];
    assert_eq!(steps[1].1[2..], expected);
}

/// What the guest can compute of the host's columns is approved by name, in training and scoring.
#[test]
fn the_mode_has_to_be_named() {
    let mode = "privacy: user_factors_known_to_guest, ";
    let expected =
        ["has no `strict` mode", "`privacy: user_factors_known_to_guest`", "nearly every"];
    refused(&JOB.replace(mode, ""), &expected);
    refused(&JOB.replace(mode, "privacy: strict, "), &["has no privacy mode `strict`"]);
    let (parties, _) = JOB.split_once("train:").unwrap();
    refused(&format!("{parties}{SCORE}").replace(mode, ""), &expected);
}

#[test]
fn what_recommendation_does_not_go_with_is_refused() {
    let guest = |with: &str| JOB.replace("item: product", with);
    refused(&guest("item: product, label: y"), &["job.yaml:3:", "a `label`", "leave it out"]);
    refused(&guest("item: product, weight: w"), &["a `weight`"]);
    refused(&guest("item: product, offset: w"), &["takes the guest's `offset`"]);
    refused(&JOB.replace(", item: product", ""), &["has no `item`", "may have many rows"]);
    refused(&guest("item: user"), &["already the `key`"]);
    refused(
        &JOB.replace("role: host, key: user", "role: host, key: user, item: product"),
        &["has `item`, which only the guest has"],
    );
    let keys = JOB.replace("key: user", "keys: [ user, mail ]");
    refused(&keys, &["several `keys`", "a single `key`"]);
    let two = JOB.replace("  bank:", "  telco: { role: host, key: user }\n  bank:");
    refused(&two, &["is for one guest and one host", "2 hosts"]);
    for (with, expected) in [
        ("align: { protocol: hidden }", "hidden rows"),
        ("align: { protocol: totals }", "unlike `totals`"),
        ("align: { learn: guest }", "every party to know the common rows"),
        ("evaluate: { scores: hidden }", "hidden scores"),
        ("evaluate: { cost: 1, value: 20 }", "profit curve"),
        ("prepare: [ select: {} ]", "weighs features by a label"),
        ("split: { by: stratified }", "there are no classes"),
        ("splits: { a: { by: time }, b: { by: random } }", "several splits"),
        ("split: { by: time, validation: 10% }", "does not go with `validation`"),
        ("splits: { a: { by: random, validation: 5% } }", "does not go with `validation`"),
    ] {
        refused(&format!("{JOB}{with}\n"), &["job.yaml:8:", expected]);
    }
    let other = format!("{JOB}  - logistic_regression: {{}}\n");
    refused(&other, &["predicts which items users take, and `logistic_regression` predicts"]);
    let second = JOB.split_once("train:\n").unwrap().1.replace("{ ", "{ name: more, ");
    let second = format!("{JOB}{second}");
    refused(&second, &["further combinations of the host's columns"]);
    refused(&JOB.replace("factors: 8", "factors: 6"), &["no multiple of 4", "`factors: 8`"]);
    let few = JOB.replace("factors: 8", "factors: 8, directions: 4");
    refused(&few, &["8 factors and 4 directions"]);
    let without_time = JOB.replace(", time: day", "");
    assert!(parse(&without_time).is_ok());
    refused(&format!("{without_time}split: {{ by: time }}\n"), &["has no `time`"]);
}

#[test]
fn items_and_their_split_are_for_recommendation_alone() {
    let job = "\
job: a
purpose: p
parties:
  a: { role: guest, key: k, label: y }
  b: { role: host, key: k }
train:
  - logistic_regression: {}
";
    refused(&job.replace("label: y", "label: y, item: i"), &["no items are recommended"]);
    let split = format!("{job}split: {{ by: leave_one_out }}\n");
    refused(&split, &["job.yaml:8:", "only a `factorization_machine` has interactions"]);
    let (parties, _) = job.split_once("train:").unwrap();
    refused(&format!("{parties}{SCORE}"), &["a `label`", "has no `item`"]);
}
