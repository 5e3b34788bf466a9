//! What the grammar accepts, what it says about mistakes, and that nothing makes it panic.

mod hidden;
mod hosts;
mod mistakes;
mod properties;
mod recommendation;
mod score;
mod sparse;

use contract::{ComponentDescriptor, Share, catalogue};
use serde::de::DeserializeOwned;
use serde_json::Value as Json;

use super::*;

/// The example of the manual: everything that a first job needs.
const EXAMPLE: &str = r#"
# Which of our customers will take a term deposit?
job: term-deposit
purpose: marketing.activation
parties:
  bank:
    role: guest
    table: bank.csv
    key: phone
    label: { column: y, positive: "yes" }
    time: contacted
    missing: [unknown]
    columns: { age: number, pdays: { kind: number, missing: [999] }, duration: ignore }
  operator: { role: host, table: contacts.csv, key: phone, delimiter: ";", encoding: gbk }
align: { protocol: ecdh, learn: both }
splits:
  by_time: { by: time, test: 30% }
  at_random: { by: stratified, test: 0.3, validation: 10% }
prepare:
  - bin: { method: quantile, bins: 10 }
  - select: { iv: 0.02, correlation: 0.8 }
train:
  - logistic_regression: { privacy: strict, l2: 0.01 }
  - boosted_trees: { privacy: secureboost, trees: 50, depth: 5, subsample: 80% }
evaluate: { cost: 5, value: 100 }
report: { bands: 20, top: [1%, 5%, 10%] }
"#;

fn example() -> JobSpec {
    JobSpec::parse("job.yaml", EXAMPLE).unwrap()
}

#[test]
fn the_example_is_read() {
    let job = example();
    assert_eq!((job.job.as_str(), job.seed), ("term-deposit", 0));
    let label = job.guest.label.as_ref().unwrap();
    assert_eq!((label.column.as_str(), label.positive.as_deref()), ("y", Some("yes")));
    assert!(job.guest.columns["duration"].ignore);
    assert_eq!(job.guest.columns["pdays"].missing, ["999"]);
    assert_eq!(job.hosts[0].format.delimiter, Some(';'));
    assert_eq!(job.hosts[0].format.encoding, Some(Encoding::Gbk));
    assert_eq!(job.splits[0].validation, Share::percent(20));
    assert_eq!(job.splits[1].test, Share::percent(30));
    assert_eq!(job.prepare.missing.numbers, MissingNumbers::Median);
    assert_eq!(job.prepare.outliers, None);
    let Model::BoostedTrees { privacy, settings } = &job.train[1].model else { panic!("trees") };
    assert_eq!((privacy.as_str(), settings.bins), ("secureboost", 32));
    assert_eq!(settings.subsample, Share::percent(80));
    assert_eq!(job.evaluate.cost, Some(5.0));
    assert_eq!(job.report.top.len(), 3);
    let ids: Vec<String> = job.model_steps().into_iter().map(|step| step.id).collect();
    assert_eq!(
        ids,
        [
            "logistic_regression.by_time",
            "boosted_trees.by_time",
            "logistic_regression.at_random",
            "boosted_trees.at_random"
        ]
    );
}

#[test]
fn little_is_enough() {
    let job = JobSpec::parse(
        "job.yaml",
        "job: overlap\npurpose: research\nparties:\n  a: { role: host, key: id }\n  b: { role: \
         guest, key: id }\n",
    )
    .unwrap();
    assert_eq!((job.guest.name.as_str(), job.hosts[0].name.as_str()), ("b", "a"));
    assert!(job.train.is_empty() && job.guest.table.is_none());
    assert_eq!(job.align.protocol, Protocol::Intersection(Intersection::Ecdh));
    assert_eq!(job.splits[0].name, "stratified");
    assert_eq!(job.party_named("b"), Some(&job.guest));
}

/// The digest is what both parties sign: these are the changes that must and must not move it.
#[test]
fn the_digest_covers_everything_but_paths() {
    let digest = example().digest();
    for (from, to) in [
        ("table: bank.csv", "table: /data/customers/2026.csv"),
        ("table: contacts.csv, ", ""),
        ("0.3", "30%"),
        ("l2: 0.01", "l2: 1e-2"),
        ("# Which of", "# Who of"),
    ] {
        let source = EXAMPLE.replace(from, to);
        assert_ne!(source, EXAMPLE);
        assert_eq!(JobSpec::parse("a.yaml", &source).unwrap().digest(), digest, "{from} -> {to}");
    }
    for (from, to) in [
        ("l2: 0.01", "l2: 0.02"),
        ("{ age: number, ", "{ "),
        ("key: phone\n", "key: mobile\n"),
        ("positive: \"yes\"", "positive: \"no\""),
        ("missing: [unknown]", "missing: [unknown, \"?\"]"),
        ("job: term-deposit", "job: term-deposit\nseed: 1"),
        ("job: term-deposit", "job: term-deposit\nbandwidth: 100"),
        ("marketing.activation", "marketing.other"),
        ("role: host,", "role: host, data: simulated,"),
        ("top: [1%, 5%, 10%]", "top: [1%, 5%]"),
    ] {
        let source = EXAMPLE.replace(from, to);
        assert_ne!(source, EXAMPLE);
        assert_ne!(JobSpec::parse("job.yaml", &source).unwrap().digest(), digest, "{from} -> {to}");
    }
}

/// A changed digest of an unchanged job breaks agreements: change `canonical::DOMAIN` with it.
#[test]
fn the_canonical_form_is_known() {
    let job = example();
    let expected = include_str!("canonical.json");
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/src/spec/tests/canonical.json");
        std::fs::write(path, format!("{}\n", job.canonical())).unwrap();
    } else {
        assert_eq!(job.canonical(), expected.trim_end());
    }
}

#[test]
fn the_statement_says_who_learns_what() {
    let statement = example().disclosures();
    let steps: Vec<&str> = statement.iter().map(|step| step.step.as_str()).collect();
    assert_eq!(
        steps,
        [
            "align",
            "split.by_time",
            "split.at_random",
            "prepare.select",
            "train.logistic_regression.by_time",
            "train.boosted_trees.by_time",
            "train.logistic_regression.at_random",
            "train.boosted_trees.at_random"
        ]
    );
    let late = |index: usize| {
        let step: &StepDisclosures = &statement[index];
        step.disclosures.iter().any(|disclosure| disclosure.key == "split.late_rows")
    };
    assert!(late(1) && !late(2), "only a split by time tells who is late");
    assert!(statement.iter().all(|step| !step.disclosures.is_empty()));
}

/// The smallest job without models, with more said about guest, host and alignment.
fn aligned(guest: &str, host: &str, align: &str) -> Result<JobSpec, SpecError> {
    let text = format!(
        "job: a\npurpose: p\nparties:\n  a: {{ role: guest, {guest} }}\n  b: {{ role: host, {host} \
         }}\nalign: {{ {align} }}\n"
    );
    JobSpec::parse("job.yaml", &text)
}

#[test]
fn a_single_key_has_one_canonical_form() {
    let one = aligned("key: id", "key: id", "").unwrap();
    let long = "keys: [{ column: id, invalid: refuse }]";
    assert_eq!(one.digest(), aligned(long, long, "join: inner").unwrap().digest());
    let dropping = aligned("keys: [id]", "keys: [id]", "").unwrap();
    assert_eq!(dropping.guest.key.rule.invalid, matching::idmap::InvalidKeys::Drop);
    assert_ne!(one.digest(), dropping.digest());
}

#[test]
fn the_curve_is_a_setting_of_ecdh_and_stands_in_the_digest() {
    let job = |align| aligned("key: id", "key: id", align).unwrap();
    let protocol = |align| job(align).align.protocol;
    assert_eq!(protocol("protocol: ecdh"), Protocol::Intersection(Intersection::Ecdh));
    assert_eq!(protocol("curve: sm2"), Protocol::Intersection(Intersection::EcdhOnSm2));
    assert_eq!(job("").digest(), job("protocol: ecdh, curve: ristretto255").digest());
    assert_ne!(job("").digest(), job("curve: sm2").digest());
    for (align, message) in [("protocol: rr22, curve: sm2", "`curve`"), ("curve: p256", "`p256`")] {
        let error = aligned("key: id", "key: id", align).unwrap_err().to_string();
        assert!(error.contains(message), "{error}");
    }
}

#[test]
fn the_statement_names_each_key_and_each_column_that_is_sent() {
    let keys = |columns: &str| format!("keys: [{columns}], payload: [x, y]");
    let job = aligned(&keys("phone, email"), &keys("mobile, mail"), "").unwrap();
    let statement = job.disclosures();
    let steps: Vec<&str> = statement.iter().map(|step| step.step.as_str()).collect();
    assert_eq!(steps, ["align", "payload"], "without a model nothing is split");
    let keys: Vec<&str> = statement[0].disclosures.iter().map(|it| it.key.as_ref()).collect();
    assert!(keys.contains(&"cascade.matches.2") && !keys.contains(&"table.rows"), "{keys:?}");
    assert!(statement[0].disclosures.iter().any(|it| it.what.en.contains("(email, mail)")));
    let sent: Vec<&str> = statement[1].disclosures.iter().map(|it| it.what.en.as_ref()).collect();
    assert_eq!(sent[0], "the values of b's columns x, y for each common row");
    let one = aligned("key: id", "key: id, payload: [x]", "").unwrap().disclosures();
    assert_eq!(one[1].disclosures.len(), 1);
    let digests = ["[x]", "[x, y]", "[y, x]"]
        .map(|it| aligned("key: id", &format!("key: id, payload: {it}"), "").unwrap().digest());
    assert!(digests[0] != digests[1] && digests[1] != digests[2]);
}

/// What several keys, joins and payload need of the rest of the job.
#[test]
fn what_cannot_be_joined_is_refused() {
    for (guest, host, align, message) in [
        ("keys: [p, q]", "keys: [p, q]", "learn: guest", "several keys both parties must know"),
        ("keys: [p, q]", "keys: [p]", "", "`a` has 2 keys and `b` has 1"),
        ("keys: [p]", "key: p", "learn: host, join: left", "`join: left` is the guest's"),
        ("key: p", "key: p, payload: [x]", "learn: guest", "`payload` needs both parties"),
        ("key: p", "key: p, payload: [x]", "join: anti", "rows that the other party does not have"),
        ("key: p, keys: [p]", "key: p", "", "both `key` and `keys`"),
        ("keys: []", "key: p", "", "expected 1 to 8 keys"),
        ("keys: [1, 2, 3, 4, 5, 6, 7, 8, 9]", "key: p", "", "expected 1 to 8 keys"),
        ("keys: [p, q], label: q", "keys: [p, q]", "", "`q` is one of `keys` and has another role"),
        (
            "keys: [p, q], columns: { q: ignore }",
            "keys: [p, q]",
            "",
            "`q` is one of `keys` and cann",
        ),
        ("key: p, payload: []", "key: p", "", "expected 1 to 256 columns"),
        ("key: p, payload: [x, x]", "key: p", "", "stands in `payload` twice"),
        ("key: p, payload: x, columns: { x: ignore }", "key: p", "", "in `payload` and cannot be"),
        (
            "keys: [p, { column: q, form: email }]",
            "keys: [p, q]",
            "",
            "`q` of `a` and `q` of `b` are made in different ways",
        ),
    ] {
        let error = aligned(guest, host, align).expect_err(message).to_string();
        assert!(error.contains(message), "{error}");
    }
    for (from, to) in [
        ("key: phone, delimiter", "key: phone, payload: x, delimiter"),
        ("learn: both", "learn: both, join: left"),
    ] {
        let error = JobSpec::parse("job.yaml", &EXAMPLE.replace(from, to)).unwrap_err();
        assert!(error.to_string().contains("are for jobs that only align"), "{error}");
    }
}

/// What the named mode of the encoding tells the host stands in its statement and in no other.
#[test]
fn the_statement_follows_the_mode_of_the_encoding() {
    for (mode, to_host) in [
        ("strict", ["encode.host_without_groups"].as_slice()),
        ("woe_known_to_host", &["encode.host_woe", "encode.host_class_ratio"]),
    ] {
        let encode = format!("  - encode: {{ privacy: {mode}, numbers: woe }}\ntrain:");
        let job = JobSpec::parse("job.yaml", &EXAMPLE.replace("train:", &encode)).unwrap();
        let statement = job.disclosures();
        let keys = |step: &str| -> Vec<&str> {
            let step = statement.iter().find(|it| it.step == step).unwrap();
            let to_host = step.disclosures.iter().filter(|it| it.to == Audience::Host);
            to_host.map(|it| it.key.as_ref()).collect()
        };
        assert_eq!(keys("prepare.encode"), to_host);
        assert_eq!(keys("train.logistic_regression.by_time"), ["train.weighted"]);
    }
}

/// Standard errors are declared where they are asked for, and nowhere else.
#[test]
fn the_statement_follows_the_setting_of_standard_errors() {
    for (asked, expected) in [("l2: 0.01", 0), ("l2: 0.01, standard_errors: true", 2)] {
        let job = JobSpec::parse("job.yaml", &EXAMPLE.replace("l2: 0.01", asked)).unwrap();
        let statement = job.disclosures();
        let step = statement.iter().find(|it| it.step == "train.logistic_regression.by_time");
        let keys = step.unwrap().disclosures.iter().map(|it| it.key.as_ref());
        let of_errors = keys.filter(|key| key.contains("errors") || key.contains("collinear"));
        assert_eq!(of_errors.count(), expected, "{asked}");
    }
}

/// The files that users copy, and the example in the manual.
#[test]
fn templates_and_manual_are_jobs() {
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/..");
    let mut templates = 0;
    let folders = ["jobs/templates", "examples"];
    let entries = folders.map(|folder| std::fs::read_dir(format!("{root}/{folder}")).unwrap());
    for entry in entries.into_iter().flatten() {
        let path = entry.unwrap().path();
        let source = std::fs::read_to_string(&path).unwrap();
        if let Err(error) = JobSpec::parse(&path.display().to_string(), &source) {
            panic!("{error}");
        }
        templates += 1;
    }
    assert!(templates >= 3);
    let blocks = |page: &str| {
        let text = std::fs::read_to_string(format!("{root}/{page}")).unwrap();
        let blocks = text.split("```yaml\n").skip(1);
        blocks.filter_map(|block| block.split("```").next()).collect::<String>()
    };
    for page in [
        "hidden-customers",
        "joins",
        "scoring",
        "several-classes",
        "several-partners",
        "totals",
        "trees",
    ] {
        let jobs = [format!("docs/{page}.md"), format!("docs/{page}.zh-CN.md")].map(|page| {
            JobSpec::parse(&page, &blocks(&page)).unwrap_or_else(|error| panic!("{error}"))
        });
        assert_eq!(jobs[0], jobs[1], "the page on {page} says the same in both languages");
    }
    let jobs = ["docs/first-job.md", "docs/first-job.zh-CN.md", "README.md", "README.zh-CN.md"]
        .map(|page| JobSpec::parse(page, &blocks(page)).unwrap_or_else(|error| panic!("{error}")));
    assert_eq!(jobs[0], jobs[1], "the manual says the same in both languages");
    assert_eq!(jobs[2], jobs[3], "the front page says the same in both languages");
}

/// Every alignment of the catalogue can be asked for, and the statement shows the one that was.
#[test]
fn protocols_are_those_of_the_catalogue() {
    let mut digests = std::collections::BTreeSet::new();
    // Hidden rows need a model; see the tests of `hidden`.
    let protocols = || catalogue::stage("align").filter(|it| *it != &catalogue::HIDDEN);
    for component in protocols() {
        let name = component.short_name();
        let job = aligned("key: id", "key: id", &format!("protocol: {name}")).unwrap();
        assert_eq!(job.align.protocol.component(), component);
        assert_eq!(job.disclosures()[0].component, component.name);
        let canonical: Json = serde_json::from_str(&job.canonical()).unwrap();
        assert_eq!(canonical["align"]["component"], component.name);
        digests.insert(job.digest().to_string());
    }
    assert_eq!(digests.len(), protocols().count());
    for protocol in Intersection::ALL {
        assert_eq!(Intersection::named(protocol.component().short_name()), Some(protocol));
    }
    assert_eq!(Intersection::named("totals"), None);
}

/// The partner that is held off is part of the digest, and asked for where there is a choice only.
#[test]
fn security_is_a_setting_of_rr22() {
    let job = |align: &str| {
        let text = EXAMPLE.replace("protocol: ecdh", align);
        JobSpec::parse("job.yaml", &text)
    };
    let [plain, named, malicious] = [
        "protocol: rr22",
        "protocol: rr22, security: semi_honest",
        "protocol: rr22, security: malicious",
    ]
    .map(|align| job(align).unwrap());
    assert_eq!(plain.digest(), named.digest());
    assert_ne!(plain.digest(), malicious.digest());
    assert_eq!(malicious.align.protocol, Protocol::Intersection(Intersection::CheckedRr22));
    assert_eq!(malicious.disclosures()[0].component, "align.rr22");
    assert!(job("protocol: ecdh, security: malicious").is_err());
}

#[test]
fn totals_and_small_queries_are_read_with_their_settings() {
    let read = |align: &str| aligned("key: p, sum: [x, y]", "key: q, sum: z", align).unwrap();
    let job = read("protocol: totals, minimum: 20, decimals: 2, learn: guest");
    assert_eq!(job.align.protocol, Protocol::Totals { minimum: 20, decimals: 2 });
    assert_eq!((job.guest.sum.len(), job.hosts[0].sum.as_slice()), (2, &["z".to_owned()][..]));
    let default = read("protocol: totals");
    assert_eq!(default.align.protocol, Protocol::Totals { minimum: 100, decimals: 4 });
    assert_eq!(default.align.learn, Learn::Both);
    let digests = ["", ", minimum: 99", ", decimals: 3", ", learn: host"]
        .map(|more| read(&format!("protocol: totals{more}")).digest().to_string());
    assert_eq!(std::collections::BTreeSet::from(digests).len(), 4);
    let fewer = aligned("key: p, sum: x", "key: q, sum: z", "protocol: totals").unwrap();
    assert_ne!(fewer.digest(), default.digest());

    let job = aligned("key: p", "key: q", "protocol: unbalanced, join: left").unwrap();
    assert_eq!(job.align.protocol, Protocol::Unbalanced { asked_max: 100_000 });
    assert_eq!((job.align.learn, job.align.join), (Learn::Guest, Join::Left));
    assert!(!job.only_intersects() && !default.only_intersects());
}

#[test]
fn the_statement_names_who_learns_which_totals() {
    let job = aligned("key: p, sum: [x, y]", "key: q, sum: z", "protocol: totals, learn: host");
    let statement = job.unwrap().disclosures();
    let opened: Vec<(&str, &str)> =
        statement[0].disclosures.iter().map(|it| (it.to.name(), it.key.as_ref())).collect();
    assert!(opened.contains(&("host", "psi.sum")) && opened.contains(&("guest", "psi.enough")));
    assert!(statement[0].disclosures.iter().any(|it| it.what.en.ends_with("a.x, a.y, b.z")));
    assert!(!opened.iter().any(|(_, key)| key.starts_with("intersection")), "{opened:?}");
}

/// What goes with neither totals nor small queries, and what sums are not.
#[test]
fn what_cannot_be_added_up_or_asked_for_is_refused() {
    for (guest, host, align, message) in [
        ("key: p, sum: x", "key: p", "", "`sum` is for jobs in which nobody learns"),
        ("key: p, sum: x", "key: p", "protocol: unbalanced", "`sum` is for jobs in which"),
        ("key: p, payload: x", "key: p", "protocol: totals", "`payload` needs both parties"),
        ("key: p, payload: x", "key: p", "protocol: unbalanced", "unlike `unbalanced`"),
        ("keys: [p, q]", "keys: [p, q]", "protocol: totals", "`keys` needs both parties"),
        ("keys: [p, q]", "keys: [p, q]", "protocol: unbalanced", "`keys` needs both parties"),
        ("key: p", "key: p", "protocol: totals, join: left", "has no key `join`"),
        ("key: p", "key: p", "protocol: totals, minimum: 0", "whole number from 1 to"),
        ("key: p", "key: p", "protocol: totals, decimals: 10", "whole number from 0 to 9"),
        ("key: p", "key: p", "protocol: ecdh, minimum: 5", "has no key `minimum`"),
        ("key: p", "key: p", "protocol: unbalanced, learn: both", "`learn` cannot be `both`"),
        ("key: p", "key: p", "protocol: unbalanced, learn: host, join: left", "is the guest's"),
        ("key: p, sum: p", "key: p", "protocol: totals", "`p` is in `sum` and is a key"),
        ("key: p, sum: [x, x]", "key: p", "protocol: totals", "stands in `sum` twice"),
        ("key: p, sum: []", "key: p", "protocol: totals", "expected 1 to 256 columns"),
        ("key: p, label: y, sum: y", "key: p", "protocol: totals", "has another role too"),
        (
            "key: p, sum: x, columns: { x: category }",
            "key: p",
            "protocol: totals",
            "`x` is in `sum` and holds no numbers",
        ),
        (
            "key: p, sum: x, columns: { x: ignore }",
            "key: p",
            "protocol: totals",
            "`x` is in `sum` and cannot be ignored",
        ),
    ] {
        let error = aligned(guest, host, align).expect_err(message).to_string();
        assert!(error.contains(message), "{error}");
    }
    for protocol in ["totals", "unbalanced"] {
        let to = format!("align: {{ protocol: {protocol} }}");
        let source = EXAMPLE.replace("align: { protocol: ecdh, learn: both }", &to);
        let error = JobSpec::parse("job.yaml", &source).unwrap_err().to_string();
        assert!(
            error.contains(&format!(
                "`train` needs both parties to know the common rows, unlike `{protocol}`"
            )),
            "{error}"
        );
    }
}

/// A label that is a number goes without what needs two classes.
#[test]
fn a_job_that_predicts_numbers_has_no_classes() {
    let job = "job: a\npurpose: p\nparties:\n  a: { role: guest, key: k, label: y, offset: o }\n  \
               b: { role: host, key: k }\nsplit: { by: random }\ntrain:\n  - tweedie_regression: { \
               power: 1.3 }\n";
    let read = JobSpec::parse("job.yaml", job).unwrap();
    assert_eq!(read.target(), Target::Number);
    assert_eq!(read.guest.offset.as_deref(), Some("o"));
    let Model::Regression { of, settings, .. } = &read.train[0].model else { panic!("a model") };
    assert_eq!((*of, settings.power), (RegressionOf::Tweedie, Some(1.3)));
    for (from, to, problem) in [
        ("split: { by: random }\n", "", "is stratified"),
        ("label: y", "label: { column: y, positive: b }", "`positive` value"),
        ("train:", "prepare: [ select: {} ]\ntrain:", "`select`"),
        ("train:", "train:\n  - logistic_regression: {}", "one of two classes"),
        ("tweedie_regression: { power: 1.3 }", "logistic_regression: {}", "guest's `offset`"),
        ("tweedie_regression", "poisson_regression", "power"),
        ("power: 1.3", "power: 2", "from 1.01 to 1.99"),
    ] {
        assert!(job.contains(from), "{from}");
        let error = JobSpec::parse("job.yaml", &job.replace(from, to)).unwrap_err().to_string();
        assert!(error.contains(problem), "{to}: {error}");
    }
}

/// A label of several classes goes without what needs two, and needs no names in the job.
#[test]
fn a_job_of_several_classes_has_no_positive_one() {
    let job = "job: a\npurpose: p\nparties:\n  a: { role: guest, key: k, label: y }\n  b: { role: \
               host, key: k }\nsplit: { by: stratified, validation: 20% }\ntrain:\n  - \
               multinomial_regression: { early_stopping: 3 }\n";
    let read = JobSpec::parse("job.yaml", job).unwrap();
    assert_eq!(read.target(), Target::SeveralClasses);
    let statement = read.disclosures();
    let training = statement.last().unwrap();
    let of_classes = training.disclosures.iter().find(|it| it.key == "train.classes").unwrap();
    assert_eq!(of_classes.to, Audience::Host);
    for (from, to, problem) in [
        ("label: y", "label: { column: y, positive: b }", "`positive` value"),
        ("label: y", "label: y, offset: o", "guest's `offset`"),
        ("train:", "prepare: [ select: {} ]\ntrain:", "`select`"),
        ("train:", "prepare: [ encode: { numbers: woe } ]\ntrain:", "`woe`"),
        ("train:", "train:\n  - logistic_regression: {}", "one of several classes"),
        ("train:", "train:\n  - linear_regression: {}", "predicts numbers"),
        (", validation: 20%", ", validation: 0%", "stops early"),
        ("early_stopping: 3", "l1: 0.1", "l1"),
    ] {
        assert!(job.contains(from), "{from}");
        let error = JobSpec::parse("job.yaml", &job.replace(from, to)).unwrap_err().to_string();
        assert!(error.contains(problem), "{to}: {error}");
    }
}

/// What trees of several classes and directions go together with, and what they open.
#[test]
fn trees_of_classes_and_directions_say_what_they_open() {
    let job = "job: a\npurpose: p\nparties:\n  a: { role: guest, key: k, label: y }\n  b: { role: \
               host, key: k }\nsplit: { by: random, validation: 20% }\ntrain:\n  - boosted_trees: \
               { privacy: secureboost }\n";
    let keys = |settings: &str| -> Vec<String> {
        let source = job.replace("secureboost }", &format!("secureboost, {settings} }}"));
        let job = JobSpec::parse("job.yaml", &source).unwrap();
        let statement = job.disclosures().pop().unwrap();
        statement.disclosures.into_iter().map(|it| it.key.into_owned()).collect()
    };
    let has = |settings: &str| {
        let keys = keys(settings);
        ["train.classes", "trees.host_directions"].map(|key| keys.contains(&key.to_owned()))
    };
    assert_eq!(has("trees: 3"), [false, false]);
    assert_eq!(has("loss: softmax"), [true, false]);
    assert_eq!(has("sampling: goss, top_rate: 30%"), [false, false]);
    let strict =
        JobSpec::parse("job.yaml", &job.replace("secureboost }", "strict, loss: softmax }"));
    let strict = strict.unwrap().disclosures().pop().unwrap();
    assert!(strict.disclosures.iter().any(|it| it.key == "train.classes"));
    assert_eq!(has("directions: { b: { x: up, z: down } }"), [false, true]);
    for (settings, problem) in [
        ("privacy: strict, loss: quantile", "is strict"),
        ("privacy: strict, loss: ranking", "is strict"),
        ("loss: ranking", "the guest has no `group`"),
        ("loss: ranking, ensemble: forest", "a forest and the ranking loss"),
        ("privacy: strict, sampling: goss", "no `sampling: goss`"),
        ("sampling: goss, ensemble: forest", "`sampling: goss` and a forest"),
        ("sampling: goss, loss: quantile", "`sampling: goss` and the quantile loss"),
        ("sampling: goss, subsample: 50%", "`sampling: goss` and a `subsample`"),
        ("sampling: goss, top_rate: 60%, other_rate: 50%", "more than all rows"),
        ("other_rate: 20%", "without `sampling: goss`"),
        ("privacy: strict, directions: { a: { x: up } }", "no `directions`"),
        ("loss: softmax, ensemble: forest", "a forest of several classes"),
        ("loss: softmax, positive_weight: 2", "`positive_weight` and several classes"),
        ("loss: softmax, directions: { a: { x: up } }", "`directions` and several classes"),
        ("loss: quantile, directions: { a: { x: up } }", "the quantile loss"),
        ("directions: { c: { x: up } }", "the parties are `a`, `b`"),
        ("directions: { a: { x: up }, b: { x: down } }", "two for columns `x`"),
        ("directions: { x: up }", "{ party: { column: up or down } }"),
        ("directions: {}", "{ party: { column: up or down } }"),
        ("directions: { a: { x: sideways } }", "sideways"),
    ] {
        let source = match settings.strip_prefix("privacy: strict, ") {
            Some(rest) => job.replace("privacy: secureboost }", &format!("{rest} }}")),
            None => job.replace("secureboost }", &format!("secureboost, {settings} }}")),
        };
        let error = JobSpec::parse("job.yaml", &source).unwrap_err().to_string();
        assert!(error.contains(problem), "{settings}: {error}");
    }
}

/// A group is for models that order rows within groups, and only the guest has one.
#[test]
fn a_group_is_of_the_guest_and_of_rankings() {
    let job = "job: a\npurpose: p\nparties:\n  a: { role: guest, key: k, label: y, group: g }\n  \
               b: { role: host, key: k }\nsplit: { by: random, validation: 20% }\ntrain:\n  - \
               boosted_trees: { privacy: secureboost, loss: ranking }\n";
    let read = JobSpec::parse("job.yaml", job).unwrap();
    assert_eq!(read.guest.group.as_deref(), Some("g"));
    assert_eq!(read.target(), Target::Graded);
    let statement = read.disclosures().pop().unwrap();
    assert!(statement.disclosures.iter().all(|it| it.key != "train.classes"));
    for (from, to, problem) in [
        ("loss: ranking", "loss: squared", "guest's `group`"),
        ("by: random", "by: stratified", "an order within groups, and split"),
        ("b: { role: host", "b: { group: g, role: host", "only the guest has"),
        ("group: g", "group: y", "a column has one role"),
        ("group: g", "group: g, offset: o", "guest's `offset`"),
    ] {
        let error = JobSpec::parse("job.yaml", &job.replace(from, to)).unwrap_err().to_string();
        assert!(error.contains(problem), "{to}: {error}");
    }
}

/// A descriptor and the struct that its values become have the same fields.
#[test]
fn descriptors_and_structs_agree() {
    fn check<T: DeserializeOwned>(component: &ComponentDescriptor) {
        let values = component
            .parameters
            .iter()
            .map(|parameter| (parameter.name.to_owned(), settings::default(&parameter.kind)))
            .collect::<serde_json::Map<String, Json>>();
        if let Err(error) = settings::typed::<T>(values) {
            panic!("{}: {error}", component.name);
        }
    }
    check::<align::IntersectionSettings>(&catalogue::ECDH);
    check::<align::IntersectionSettings>(&catalogue::RR22);
    check::<align::UnbalancedSettings>(&catalogue::UNBALANCED);
    check::<align::MultipartySettings>(&catalogue::MULTIPARTY);
    check::<align::TotalsSettings>(&catalogue::TOTALS);
    check::<align::HiddenSettings>(&catalogue::HIDDEN);
    check::<steps::SplitSettings>(&catalogue::SPLIT);
    check::<MissingSpec>(&catalogue::MISSING);
    check::<OutlierSpec>(&catalogue::OUTLIERS);
    check::<BinSpec>(&catalogue::BIN);
    check::<SelectSpec>(&catalogue::SELECT);
    check::<prepare::EncodeSettings>(&catalogue::ENCODE);
    check::<LogisticRegression>(&catalogue::LOGISTIC_REGRESSION);
    check::<MultinomialRegression>(&catalogue::MULTINOMIAL_REGRESSION);
    check::<Regression>(&catalogue::LINEAR_REGRESSION);
    check::<Regression>(&catalogue::POISSON_REGRESSION);
    check::<Regression>(&catalogue::GAMMA_REGRESSION);
    check::<Regression>(&catalogue::TWEEDIE_REGRESSION);
    check::<BoostedTrees>(&catalogue::BOOSTED_TREES);
    check::<FactorizationMachine>(&catalogue::FACTORIZATION_MACHINE);
    check::<EvaluateSpec>(&catalogue::EVALUATE);
    check::<ReportSpec>(&catalogue::REPORT);
    for component in [&catalogue::PAYLOAD, &catalogue::SCORE] {
        assert!(component.parameters.is_empty());
    }
    assert_eq!(catalogue::all().len(), 24, "a new component needs a line above");
}

/// Every word that a descriptor offers is a value of the struct.
#[test]
fn every_option_is_accepted() {
    for component in catalogue::all() {
        for parameter in component.parameters {
            let contract::ParameterKind::Choice { options, .. } = parameter.kind else { continue };
            for option in options {
                let setting = format!("{{ {}: {option} }}", parameter.name);
                let step = match component.name.split_once('.') {
                    Some(("prepare", short)) => format!("prepare: [ {short}: {setting} ]"),
                    Some(("align", short)) => {
                        format!("align: {{ protocol: {short}, {}: {option} }}", parameter.name)
                    }
                    Some(("train", short)) => {
                        let weakest = component.modes.last().unwrap().name;
                        format!(
                            "split: {{ by: random, validation: 20% }}\ntrain: [ {short}: {{ \
                             privacy: {weakest}, {}: {option} }} ]",
                            parameter.name
                        )
                    }
                    Some((stage, _)) => format!("{stage}: {setting}"),
                    None => format!("{}: {setting}", component.name),
                };
                let label = if *option == "ranking" { "y, group: g" } else { "y" };
                let source = format!(
                    "job: a\npurpose: p\nparties:\n  a: {{ role: guest, key: k, time: t, label: \
                     {label} }}\n  b: {{ role: host, key: k }}\n{step}\n"
                );
                if let Err(error) = JobSpec::parse("job.yaml", &source) {
                    panic!("{error}");
                }
            }
        }
    }
}
