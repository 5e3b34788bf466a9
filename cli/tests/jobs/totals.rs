//! Jobs in which nobody learns which rows are common.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::support::{documented, failure, json as read, run};

/// The shop has persons 0 to 399, the platform 250 to 599, in the units of the manual's example.
fn write_people(folder: &Path) {
    let mut shop = "phone,city,spend\n".to_owned();
    for person in 0..400 {
        writeln!(shop, "138{person:08},c{},{person}.25", person % 7).unwrap();
    }
    let mut platform = "mobile,visits,secret\n".to_owned();
    for person in 250..600 {
        writeln!(platform, "+86138{person:08},{},s{person}", person % 10).unwrap();
    }
    fs::write(folder.join("shop.csv"), shop).unwrap();
    fs::write(folder.join("platform.csv"), platform).unwrap();
}

/// Runs a job over these people and returns the folder of its results and what the terminal said.
fn succeed(folder: &Path, job: &str) -> (PathBuf, String) {
    write_people(folder);
    fs::write(folder.join("job.yaml"), job).unwrap();
    let output = run(folder);
    let messages = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{messages}");
    (folder.join("out"), String::from_utf8(output.stdout).unwrap())
}

fn opened(metrics: &Value) -> Vec<(&str, &str, u64)> {
    let lines = metrics["disclosed"].as_array().unwrap().iter();
    lines
        .map(|it| {
            let [what, to] = ["what", "to"].map(|key| it[key].as_str().unwrap());
            (what, to, it["count"].as_u64().unwrap())
        })
        .collect()
}

/// The example of the manual.
#[test]
fn both_parties_learn_sums_and_nobody_the_rows() {
    let folder = tempfile::tempdir().unwrap();
    let job = documented("totals.md");
    assert_eq!(job, documented("totals.zh-CN.md"));
    let (out, terminal) = succeed(folder.path(), &job);
    // Persons 250 to 399.
    let spend = (250..400).map(|person| f64::from(person) + 0.25).sum::<f64>();
    let visits = (250..400).map(|person| f64::from(person % 10)).sum::<f64>();
    for party in ["shop", "platform"] {
        let metrics = read(&out.join(party).join("metrics.json"));
        let totals = &metrics["totals"];
        assert_eq!((&totals["common_rows"], &totals["minimum"]), (&json!(150), &json!(100)));
        let sums = totals["sums"]["opened"].as_array().unwrap();
        assert_eq!(sums.len(), 2);
        for (owner, column, sum) in [("shop", "spend", spend), ("platform", "visits", visits)] {
            let found = sums.iter().find(|it| it["party"] == owner).unwrap();
            assert_eq!((&found["column"], &found["sum"]), (&json!(column), &json!(sum)));
            assert_eq!(found["mean"], json!(sum / 150.0));
        }
        let expected =
            [("psi.cardinality", "all", 1), ("psi.sum", "all", 2), ("table.rows", "all", 1)];
        assert_eq!(opened(&metrics), expected);
        assert!(!out.join(party).join("tables").exists(), "there are no rows to write");
        let page = fs::read_to_string(out.join(party).join("report.html")).unwrap();
        assert!(page.contains("Sums over the common rows") && page.contains("共有行上的合计"));
        assert!(page.contains("48,712.5") && page.contains("150 rows are common"));
    }
    assert!(terminal.contains("150 rows are common") && terminal.contains("visits"), "{terminal}");
}

#[test]
fn too_few_common_rows_open_their_number_and_no_sum() {
    let folder = tempfile::tempdir().unwrap();
    let job = documented("totals.md").replace("minimum: 100", "minimum: 151");
    let (out, terminal) = succeed(folder.path(), &job);
    for party in ["shop", "platform"] {
        let metrics = read(&out.join(party).join("metrics.json"));
        assert_eq!(metrics["totals"]["common_rows"], 150);
        assert_eq!(metrics["totals"]["sums"], "below_minimum");
        assert_eq!(opened(&metrics), [("psi.cardinality", "all", 1), ("table.rows", "all", 1)]);
    }
    assert!(terminal.contains("Sums were not opened"), "{terminal}");
}

#[test]
fn one_party_alone_can_learn() {
    for (learner, other, role, other_role) in
        [("shop", "platform", "guest", "host"), ("platform", "shop", "host", "guest")]
    {
        let folder = tempfile::tempdir().unwrap();
        let job = documented("totals.md").replace("learn: both", &format!("learn: {role}"));
        let (out, _) = succeed(folder.path(), &job);
        let [ours, theirs] =
            [learner, other].map(|party| read(&out.join(party).join("metrics.json")));
        assert_eq!(ours["totals"]["common_rows"], 150);
        assert_eq!(ours["totals"]["sums"]["opened"].as_array().unwrap().len(), 2);
        assert_eq!(theirs["totals"]["common_rows"], Value::Null);
        assert_eq!(theirs["totals"]["sums"], "for_the_other");
        assert_eq!(ours["disclosed"], theirs["disclosed"]);
        assert!(opened(&ours).contains(&("psi.enough", other_role, 1)));
        assert!(opened(&ours).contains(&("psi.sum", role, 2)));
    }
}

#[test]
fn a_column_that_cannot_be_added_up_stops_the_job_with_its_rows() {
    let folder = tempfile::tempdir().unwrap();
    write_people(folder.path());
    let shop = fs::read_to_string(folder.path().join("shop.csv")).unwrap();
    fs::write(folder.path().join("shop.csv"), shop.replace(",7.25\n", ",\n")).unwrap();
    fs::write(folder.path().join("job.yaml"), documented("totals.md")).unwrap();
    let text = failure(folder.path());
    assert!(
        text.contains("`spend` cannot be summed: 1 rows have no number, first rows 8"),
        "{text}"
    );
}
