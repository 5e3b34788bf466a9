//! Jobs with several hosts: what they say, who learns what, and what they cannot ask for.

use super::*;

/// A job that several hosts can do.
const SEVERAL: &str = "\
job: a
purpose: p
parties:
  bank: { role: guest, key: id, label: y }
  telco: { role: host, key: id }
  shop: { role: host, key: id }
align: { protocol: multiparty }
prepare: [ select: { correlation: 1 } ]
train: [ boosted_trees: { privacy: secureboost } ]
";

fn parsed(from: &str, to: &str) -> Result<JobSpec, SpecError> {
    assert!(SEVERAL.contains(from), "{from}");
    JobSpec::parse("job.yaml", &SEVERAL.replacen(from, to, 1))
}

#[test]
fn hosts_keep_the_order_of_the_file() {
    let job = parsed("", "").unwrap();
    let names: Vec<&str> = job.parties().map(|party| party.name.as_str()).collect();
    assert_eq!(names, ["bank", "telco", "shop"]);
    assert_eq!(job.align.protocol, Protocol::Multiparty);
    assert_eq!((job.align.learn, job.align.join), (Learn::Both, Join::Inner));
    assert!(!job.only_intersects());
    // The order is part of the job: splits of the joint model are numbered by it.
    let reordered = SEVERAL.replace("telco", "other").replace("shop", "telco");
    let reordered = JobSpec::parse("job.yaml", &reordered.replace("other", "shop")).unwrap();
    assert_ne!(reordered.digest(), job.digest());
}

/// What a job with one host signs is what it signed before there could be more.
#[test]
fn a_second_host_stands_beside_the_first_in_the_canonical_form() {
    let canonical = |job: JobSpec| serde_json::from_str::<Json>(&job.canonical()).unwrap();
    let several = canonical(parsed("", "").unwrap());
    assert_eq!(several["host"]["name"], "telco");
    assert_eq!(several["further_hosts"][0]["name"], "shop");
    let one = canonical(parsed("  shop: { role: host, key: id }\n", "").unwrap());
    assert_eq!(one["host"]["name"], "telco");
    assert!(one.get("further_hosts").is_none());
}

#[test]
fn the_statement_says_what_each_learns_of_all() {
    let statement = parsed("", "").unwrap().disclosures();
    let steps: Vec<&str> = statement.iter().map(|step| step.step.as_str()).collect();
    assert_eq!(
        steps,
        ["align", "split.stratified", "prepare.select", "train.boosted_trees.stratified"]
    );
    let align: Vec<(&str, &str)> =
        statement[0].disclosures.iter().map(|it| (it.to.name(), it.key.as_ref())).collect();
    assert_eq!(
        align,
        [
            ("guest", "table.rows_of_hosts"),
            ("host", "table.rows_of_guest"),
            ("all", "intersection.rows"),
            ("all", "intersection.membership"),
        ]
    );
    let pairs = |statement: &StepDisclosures| {
        statement.disclosures.iter().any(|it| it.key == "select.correlated_pairs")
    };
    assert!(!pairs(&statement[2]), "no columns are compared");
    assert!(pairs(&example().disclosures()[3]));
    let across = |job: &JobSpec| {
        let mut all = job.disclosures().into_iter().flat_map(|step| step.disclosures);
        all.any(|it| it.key == "trees.across_hosts")
    };
    let one = parsed("  shop: { role: host, key: id }\n", "").unwrap();
    assert!(across(&parsed("", "").unwrap()) && !across(&one));
}

#[test]
fn what_is_between_two_parties_is_refused_with_what_to_write() {
    for (from, to, messages) in [
        (
            "protocol: multiparty",
            "",
            &["`ecdh` is for one guest and one host", "2 hosts", "`multiparty`"][..],
        ),
        ("protocol: multiparty", "protocol: totals", &["`totals` is for one guest and one host"]),
        ("protocol: multiparty", "protocol: rr22, security: malicious", &["`rr22` is for one"]),
        (
            "protocol: multiparty",
            "protocol: multiparty, learn: guest",
            &["every party", "`learn: all`"],
        ),
        ("protocol: multiparty", "protocol: multiparty, learn: host", &["cannot be `host`"]),
        ("protocol: multiparty", "protocol: multiparty, join: left", &["cannot be `left`"]),
        ("protocol: multiparty", "protocol: multiparty, join: anti", &["jobs that only align"]),
        (
            "correlation: 1",
            "correlation: 0.8",
            &["two hosts cannot be compared", "`correlation: 1`"],
        ),
        (
            "correlation: 1 }",
            "correlation: 1 }, encode: { numbers: woe }",
            &["`encode` with `privacy: strict` is for one guest and one host", "leave `woe` out"],
        ),
        (
            "shop: { role: host, key: id",
            "shop: { role: host, key: id, payload: x",
            &["`payload` is for one guest and one host"],
        ),
        ("shop: { role: host, key: id", "shop: { role: host, key: id, sum: x", &["`sum` is for"]),
        (
            "shop: { role: host, key: id",
            "shop: { role: host, keys: [id, phone]",
            &["`bank` has 1 keys and `shop` has 2"],
        ),
        (
            "shop: { role: host, key: id",
            "shop: { role: host, key: { column: id, digest: md5 }",
            &["the keys of `bank` and `shop` are made in different ways"],
        ),
        ("shop:", "telco:", &["telco"]),
    ] {
        let error = parsed(from, to).expect_err(to).to_string();
        for message in messages {
            assert!(error.contains(message), "{message} is missing in: {error}");
        }
    }
}

#[test]
fn what_a_strict_model_of_several_hosts_lacks_is_refused_with_what_to_write() {
    for (from, to, messages) in [
        (
            "boosted_trees: { privacy: secureboost }",
            "logistic_regression: { standard_errors: true, l1: 0.1 }",
            &["`logistic_regression` has `standard_errors` and an `l1` penalty"][..],
        ),
        (
            "boosted_trees: { privacy: secureboost } ]",
            "logistic_regression: {} ]\nevaluate: { scores: hidden }",
            &["`scores: hidden` does not go with several hosts"],
        ),
    ] {
        let error = parsed(from, to).expect_err(to).to_string();
        for message in messages {
            assert!(error.contains(message), "{message} is missing in: {error}");
        }
    }
    for (from, to) in [
        (
            "privacy: secureboost } ]",
            "privacy: strict, early_stopping: 3 } ]\nsplit: { validation: 20% }",
        ),
        ("privacy: secureboost", "privacy: strict, positive_weight: 3, subsample: 0.5"),
        (
            "boosted_trees: { privacy: secureboost } ]",
            "logistic_regression: { early_stopping: 3 } ]\nsplit: { validation: 20% }",
        ),
        (
            "boosted_trees: { privacy: secureboost }",
            "logistic_regression: { standard_errors: true }",
        ),
    ] {
        parsed(from, to).expect(to);
    }
    for model in [
        "boosted_trees: { privacy: strict, loss: poisson }",
        "linear_regression: { standard_errors: true }",
        "multinomial_regression: {}",
    ] {
        let kept = SEVERAL.split_once("prepare:").unwrap().0;
        let split = if model.contains("multinomial") { "" } else { "split: { by: random }\n" };
        JobSpec::parse("job.yaml", &format!("{kept}{split}train: [ {model} ]\n")).expect(model);
    }
    let score = "score: { model: m, step: boosted_trees, privacy: secureboost }";
    let error = parsed("train: [ boosted_trees: { privacy: secureboost } ]", score);
    let error = error.unwrap_err().to_string();
    assert!(error.contains("is not for `boosted_trees` with `privacy: secureboost`"), "{error}");
    assert!(error.contains("it is for `logistic_regression`, `multinomial_regression`"), "{error}");
    assert!(!error.contains("leave `score` out"), "said once: {error}");
}

/// A strict model of several hosts: what the guest learns of their parts is the sum, also of new
/// rows.
#[test]
fn a_strict_model_of_several_hosts_says_what_the_sum_of_their_parts_tells() {
    let train = "boosted_trees: { privacy: secureboost }";
    let keys = |job: &JobSpec| -> Vec<String> {
        let all = job.disclosures().into_iter().flat_map(|step| step.disclosures);
        all.map(|it| it.key.into_owned()).filter(|key| key.starts_with("score.host")).collect()
    };
    let job = parsed(train, "logistic_regression: {}").unwrap();
    assert_eq!(keys(&job), ["score.hosts_sum"]);
    let (kept, _) = SEVERAL.split_once("prepare:").unwrap();
    let score = format!("{kept}score: {{ model: m, step: logistic_regression }}\n");
    assert_eq!(keys(&JobSpec::parse("job.yaml", &score).unwrap()), ["score.hosts_sum"]);
    let numbers = "linear_regression: { l1: 0.1, warm_start: { model: m, step: \
                   linear_regression } } ]\nsplit: { by: random }";
    let several = SEVERAL.replace("prepare: [ select: { correlation: 1 } ]\n", "");
    let several = several.replace(&format!("{train} ]"), numbers);
    assert_eq!(keys(&JobSpec::parse("job.yaml", &several).unwrap()), ["score.hosts_sum"]);
    let one = SEVERAL.replace("  shop: { role: host, key: id }\n", "");
    let one = JobSpec::parse("job.yaml", &one.replace(train, "logistic_regression: {}")).unwrap();
    assert_eq!(keys(&one), ["score.host_part"]);
    let more = ["one", "two", "three"].map(|it| format!("  {it}: {{ role: host, key: id }}\n"));
    let more = more.concat();
    let many = SEVERAL.replace(train, "logistic_regression: {}");
    let many = many.replacen("align:", &format!("{more}align:"), 1);
    let error = JobSpec::parse("job.yaml", &many).unwrap_err().to_string();
    assert!(error.contains("at most 5 parties, and the job has 6"), "{error}");
}

#[test]
fn there_is_a_limit_to_parties_and_several_guests_are_refused() {
    let more = |count: usize| {
        let hosts: Vec<String> =
            (0..count).map(|it| format!("  h{it}: {{ role: host, key: id }}\n")).collect();
        let hosts = hosts.concat();
        parsed("align:", &format!("{hosts}align:"))
    };
    assert_eq!(more(5).unwrap().hosts.len(), 7);
    assert!(more(6).unwrap_err().to_string().contains("9 parties, where 8 are possible"));
    let error = parsed("telco: { role: host", "telco: { role: guest").unwrap_err().to_string();
    assert!(error.contains("a second guest"), "{error}");
}
