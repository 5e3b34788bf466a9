//! The example of the manual's page on trees.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use crate::support::{documented, json, run};

/// Drivers whose claims depend on their age, which the insurer knows, and on how far they drive and
/// how old the car is, which the maker knows.
fn write_drivers(folder: &Path) {
    let mut policies = "phone,age,deductible,claims\n".to_owned();
    let mut cars = "mobile,kilometres,years\n".to_owned();
    for person in 0..900u32 {
        // Odd multipliers spread the values; the quotient of a prime stands in for chance.
        let (age, kilometres) = (18 + person * 37 % 60, person * 61 % 40);
        let (years, chance) = (person * 29 % 15, person * 7919 % 100);
        let rate = 4 * u32::from(age < 30) + kilometres / 5 + years / 5;
        let claims = rate * (50 + chance) / 100;
        writeln!(policies, "138{person:08},{age},{},{claims}", person % 4 * 100).unwrap();
        if person % 10 > 0 {
            writeln!(cars, "+86138{person:08},{kilometres},{years}").unwrap();
        }
    }
    fs::write(folder.join("policies.csv"), policies).unwrap();
    fs::write(folder.join("cars.csv"), cars).unwrap();
}

#[test]
fn claims_are_predicted_better_with_the_partner() {
    let folder = tempfile::tempdir().unwrap();
    let job = documented("trees.md");
    assert_eq!(job, documented("trees.zh-CN.md"));
    write_drivers(folder.path());
    fs::write(folder.path().join("job.yaml"), job).unwrap();
    let output = run(folder.path());
    let messages = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{messages}");

    let out = folder.path().join("out");
    let metrics = json(&out.join("insurer/metrics.json"));
    for step in ["boosted_trees.random", "forest.random"] {
        let model = &metrics["models"][step];
        let figure = |side: &str, name: &str| model[side][name].as_f64().unwrap();
        assert_eq!(model["test_rows"], 243, "{model}");
        assert!(figure("joint", "r2") > figure("guest_alone", "r2") + 0.2, "{model}");
        assert!(figure("joint", "rmse") < figure("guest_alone", "rmse"), "{model}");
        assert!(figure("joint", "bias").abs() < 0.5, "{model}");
    }
    let part = json(&out.join("insurer/model/boosted_trees.random.json"));
    assert_eq!(part["part"]["guest_trees"]["trees"]["loss"], "poisson");
    let theirs = json(&out.join("carmaker/metrics.json"));
    assert_eq!(theirs["disclosed"], metrics["disclosed"], "both count the same openings");
    assert!(!theirs["models"].to_string().contains("rmse"));
    let page = fs::read_to_string(out.join("insurer/report.html")).unwrap();
    assert!(page.contains("Root mean squared error") && page.contains("均方根误差"));
}
