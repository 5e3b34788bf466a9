//! The example of the manual's page on trees.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::support::{documented, failure, json, run};

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

/// The lowest and the highest leaf below a node, after checking that below every split on a column
/// of `rising` no leaf on the left is above one on the right; counts such splits.
fn leaves(nodes: &[Value], place: usize, rising: &[Value], count: &mut usize) -> (f64, f64) {
    if let Some(leaf) = nodes[place].get("leaf") {
        let weight = leaf["weight"].as_f64().unwrap();
        return (weight, weight);
    }
    let split = &nodes[place]["split"];
    let left = split["left"].as_u64().unwrap() as usize;
    let [(least, left_most), (right_least, most)] =
        [left, left + 1].map(|place| leaves(nodes, place, rising, count));
    if rising.contains(&split["question"]["host"]["split"]) {
        *count += 1;
        assert!(left_most <= right_least, "{left_most} before {right_least}");
    }
    (least.min(right_least), most.max(left_most))
}

#[test]
fn predictions_only_rise_with_a_column_that_has_this_direction() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    write_drivers(folder);
    let job = documented("trees.md");
    let (parties, _) = job.split_once("\ntrain:").unwrap();
    // More years mean more claims, which this direction does not let trees say.
    let directions = |columns: &str| {
        let train = format!(
            "\ntrain:\n  - boosted_trees: {{ privacy: secureboost, loss: squared, trees: 6, depth: 3, \
             directions: {{ {columns} }} }}\n"
        );
        fs::write(folder.join("job.yaml"), parties.to_owned() + &train).unwrap();
    };
    directions("insurer: { deductible: down }, carmaker: { kilometres: up, years: down }");
    let output = run(folder);
    let messages = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{messages}");
    let out = folder.join("out");
    let metrics = json(&out.join("insurer/metrics.json"));
    let opened = metrics["disclosed"].as_array().unwrap();
    let line = opened.iter().find(|it| it["what"] == "trees.host_directions").unwrap();
    assert_eq!((&line["to"], &line["count"]), (&"guest".into(), &2.into()), "{metrics}");
    let [guest, host] = ["insurer", "carmaker"]
        .map(|party| json(&out.join(party).join("model/boosted_trees.random.json")));
    let splits = host["part"]["host_trees"]["trees"]["splits"].as_array().unwrap();
    let of_column = |column: &str| -> Vec<Value> {
        let chosen = splits.iter().enumerate().filter(|(_, split)| split["feature"] == column);
        chosen.map(|(number, _)| number.into()).collect()
    };
    assert!(of_column("years").is_empty(), "claims rise with the years, which is not allowed");
    let rising = of_column("kilometres");
    let trees = guest["part"]["guest_trees"]["trees"]["trees"].as_array().unwrap();
    let mut count = 0;
    for tree in trees {
        leaves(tree.as_array().or(tree["nodes"].as_array()).unwrap(), 0, &rising, &mut count);
    }
    assert!(count >= 6, "{count} splits on kilometres");

    for (columns, expected) in [
        ("carmaker: { speed: up }", "`speed` of `carmaker` is no feature of the party"),
        ("insurer: { kilometres: up }", "`kilometres` of `insurer` is no feature"),
    ] {
        directions(columns);
        fs::remove_dir_all(folder.join("out")).ok();
        let error = failure(folder);
        assert!(error.contains(expected), "{error}");
    }
}
