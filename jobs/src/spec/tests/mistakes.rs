//! The words with which the parser answers mistakes, one file for all of them.

use std::fmt::Write as _;

use super::EXAMPLE;
use crate::spec::JobSpec;

/// A mistake: what of the example is replaced by what.
const MISTAKES: &[(&str, &str, &str)] = &[
    ("unknown key at the top", "purpose:", "porpose:"),
    ("unknown key of a party", "key: phone, delimiter", "kay: phone, delimiter"),
    ("unknown setting", "l2: 0.01", "l2_penalty: 0.01"),
    ("number out of range", "l2: 0.01", "l2: -1"),
    ("not a number", "trees: 50", "trees: many"),
    ("integer with a point", "depth: 5", "depth: 5.5"),
    ("share out of range", "test: 30%", "test: 95%"),
    ("not a share", "test: 30%", "test: a third"),
    ("wrong word", "method: quantile", "method: quantiles"),
    ("trees in a mode they lack", "privacy: secureboost", "privacy: secure"),
    ("regression in a mode it lacks", "privacy: strict", "privacy: stict"),
    ("unknown model", "- logistic_regression", "- logistic_regresion"),
    ("unknown step", "- bin:", "- binning:"),
    ("steps in the wrong order", "- bin: { method: quantile, bins: 10 }", "- encode: {}"),
    ("no guest", "role: guest", "role: host"),
    ("two guests", "role: host", "role: guest"),
    ("unknown role", "role: guest", "role: boss"),
    ("label at the host", "role: host,", "role: host, label: y,"),
    ("two roles of one column", "time: contacted", "time: phone"),
    ("ignored key", "duration: ignore", "phone: ignore"),
    ("unknown kind", "age: number", "age: numeric"),
    ("missing key column", "    key: phone\n", ""),
    ("unknown form of a key", "    key: phone\n", "    key: { column: phone, form: fax }\n"),
    ("keys made differently", "    key: phone\n", "    key: { column: phone, form: phone }\n"),
    ("digests of no kind", "    key: phone\n", "    key: { column: phone, digested: true }\n"),
    ("no such country", "    key: phone\n", "    key: { column: phone, country: 0 }\n"),
    ("no time column", "    time: contacted\n", ""),
    ("no label", "    label: { column: y, positive: \"yes\" }\n", ""),
    ("trees of numbers beside classes", "trees: 50,", "trees: 50, loss: poisson,"),
    ("no number of columns", "trees: 50,", "trees: 50, best: all,"),
    (
        "best of what is not compared",
        "  - select: { iv: 0.02, correlation: 0.8 }\ntrain:\n",
        "train:\n  - logistic_regression: { name: few, best: 5 }\n",
    ),
    (
        "best of weight of evidence",
        "correlation: 0.8 }\ntrain:\n",
        "correlation: 0.8 }\n  - encode: { numbers: woe }\ntrain:\n  - logistic_regression: { name: few, best: 5 }\n",
    ),
    (
        "strict trees with a loss they lack",
        "privacy: secureboost, trees: 50,",
        "privacy: strict, trees: 50, loss: quantile,",
    ),
    ("unknown loss", "trees: 50,", "trees: 50, loss: hinge,"),
    ("only the guest learns", "learn: both", "learn: guest"),
    ("unknown protocol", "protocol: ecdh", "protocol: edch"),
    ("one of cost and value", "{ cost: 5, value: 100 }", "{ cost: 5 }"),
    ("validation needed", "validation: 10%", "validation: 0%"),
    ("repeated key", "job: term-deposit", "job: term-deposit\njob: other"),
    ("repeated share", "[1%, 5%, 10%]", "[1%, 5%, 0.01]"),
    ("bad name", "job: term-deposit", "job: Term Deposit"),
    ("two splits with one key", "splits:", "split: {}\nsplits:"),
    (
        "same model twice",
        "boosted_trees: { privacy: secureboost, trees: 50, depth: 5, subsample: 80% }",
        "logistic_regression: {}",
    ),
    ("a letter as delimiter", "delimiter: \";\"", "delimiter: a"),
    ("a list for a text", "purpose: marketing.activation", "purpose: [a, b]"),
    ("anchor", "job: term-deposit", "job: &name term-deposit"),
    ("alias", "job: term-deposit", "job: *name"),
    ("tag", "job: term-deposit", "job: !!str term-deposit"),
    ("second document", "align:", "---\nalign:"),
    ("broken YAML", "missing: [unknown]", "missing: [unknown"),
    (
        "after Chinese words",
        "purpose: marketing.activation\n",
        "purpose: 营销\n\"存款\": { 年龄: 1 }\n",
    ),
    ("errors of a lasso", "l2: 0.01", "l1: 0.01, standard_errors: true"),
    ("errors without an optimum", "l2: 0.01", "early_stopping: 3, standard_errors: true"),
    (
        "errors of secret columns",
        "train:\n  - logistic_regression: { privacy: strict, l2: 0.01 }",
        "  - encode: { numbers: woe }\ntrain:\n  - logistic_regression: { standard_errors: true }",
    ),
    (
        "errors of numbers far from 0",
        "train:\n  - logistic_regression: { privacy: strict, l2: 0.01 }",
        "  - encode: { numbers: none }\ntrain:\n  - logistic_regression: { standard_errors: true }",
    ),
    ("a line of no speed", "job: term-deposit", "job: term-deposit\nbandwidth: fast"),
    ("hidden rows beside much else", "protocol: ecdh, learn: both", "protocol: hidden"),
    (
        "hidden scores and a profit",
        "{ cost: 5, value: 100 }",
        "{ scores: hidden, bootstrap: 200, cost: 5, value: 100 }",
    ),
    ("several at once", "l2: 0.01", "l2: x, l1: y, l3: z"),
];

#[test]
fn messages_are_known() {
    let mut text = String::new();
    for (what, from, to) in MISTAKES {
        assert!(EXAMPLE.contains(from), "{what}: the example lost {from}");
        let source = EXAMPLE.replacen(from, to, 1);
        let error = JobSpec::parse("job.yaml", &source).expect_err(what);
        writeln!(text, "### {what}\n{error}\n").unwrap();
    }
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/src/spec/tests/mistakes.txt");
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(path, &text).unwrap();
    }
    assert_eq!(text, std::fs::read_to_string(path).unwrap());
}

#[test]
fn an_empty_file_is_named() {
    let error = JobSpec::parse("job.yaml", "").unwrap_err();
    assert_eq!(error.to_string(), "job.yaml:1:1: the file is empty");
    assert_eq!(error.file(), "job.yaml");
}
