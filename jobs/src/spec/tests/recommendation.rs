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

/// Without a word a job is strict: nobody sees a score or a user's factors. What the guest can
/// compute of the host's columns in the weaker mode is approved by name.
#[test]
fn the_weaker_mode_has_to_be_named() {
    let mode = "privacy: user_factors_known_to_guest, ";
    let keys = |job: &str| -> Vec<String> {
        let statement = parse(job).unwrap().disclosures();
        statement[1].disclosures.iter().map(|it| it.key.clone().into_owned()).collect()
    };
    let strict = JOB.replace(mode, "");
    let expected = [
        "train.shape",
        "model.own_factors",
        "train.ranking_shape",
        "evaluate.ranking",
        "evaluate.ranking_differences",
        "train.lists",
        "score.order_of_lists",
        "model.tastes_from_factors",
    ];
    assert_eq!(keys(&strict), expected);
    assert_eq!(parse(&strict).unwrap().train[0].model.privacy(), "strict");
    // Nothing more is hidden than without the word, and it may be said.
    assert_eq!(keys(&format!("{strict}evaluate: {{ scores: hidden }}\n")), expected);
    let without_lists = strict.replace("factors: 8", "list_users: 0");
    let of_lists = ["train.lists", "score.order_of_lists"];
    let rest: Vec<&str> = expected.into_iter().filter(|key| !of_lists.contains(key)).collect();
    assert_eq!(keys(&without_lists), rest);
    let (parties, _) = JOB.split_once("train:").unwrap();
    let score = format!("{parties}{SCORE}").replace(mode, "");
    let expected =
        ["score.model", "score.count", "score.items", "score.lists", "score.order_of_lists"];
    assert_eq!(keys(&score), expected);
}

#[test]
fn what_strict_recommendation_does_not_go_with_is_refused() {
    let strict = JOB.replace("privacy: user_factors_known_to_guest, ", "");
    for split in ["{ by: time }", "{ by: random, test: 10% }"] {
        let job = format!("{strict}split: {split}\n");
        refused(&job, &["another split in `strict`", "`split: { by: leave_one_out }`"]);
    }
    refused(&strict.replace("factors: 8", "top: 101"), &["`top` of", "`top: 100` or less"]);
    assert!(
        parse(&strict.replace("factors: 8", "top: 100, test_users: 200, list_users: 0")).is_ok()
    );
    refused(&strict.replace("factors: 8", "test_users: 199"), &["test_users"]);
}

/// Whoever bounds tests or lists in a mode that has no bounds would believe them to hold.
#[test]
fn bounds_of_strict_are_refused_elsewhere() {
    for (setting, value, default) in [("test_users", 300, 5_000), ("list_users", 0, 20_000)] {
        let with = |value: u32| JOB.replace("factors: 8", &format!("{setting}: {value}"));
        let message = format!(
            "`{setting}` of `factorization_machine` is {value}, and it counts only in `strict`"
        );
        refused(&with(value), &["job.yaml:6:", &message, "leave it out", "`privacy: strict`"]);
        assert!(parse(&with(default)).is_ok(), "{setting}");
        let strict = with(value).replace("privacy: user_factors_known_to_guest, ", "");
        assert!(parse(&strict).is_ok(), "{setting}");
    }
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
        ("evaluate: { scores: hidden }", "`privacy: strict`, in which nobody sees a score"),
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
    refused(&second, &["each tells the guest more of the host's columns"]);
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
