//! Benches, with two parties and more.

use std::process::Command;

use serde_json::Value;

use crate::support::PROGRAM;

fn bench(arguments: &[&str]) -> (bool, Value) {
    let output =
        Command::new(PROGRAM).args(["bench", "psi", "--json"]).args(arguments).output().unwrap();
    let line = serde_json::from_slice(&output.stdout).unwrap_or_default();
    (output.status.success(), line)
}

#[test]
fn several_parties_find_what_all_have() {
    let parties = ["--protocol", "multiparty", "--parties", "4"];
    let rows = ["--rows", "100", "--their-rows", "60"];
    let (succeeded, line) = bench(&[parties, rows].concat());
    assert!(succeeded);
    assert_eq!(line["common"], 30);
    let names: Vec<_> =
        line["parties"].as_array().unwrap().iter().map(|party| &party["name"]).collect();
    assert_eq!(names, ["guest", "host", "host2", "host3"]);
}

#[test]
fn two_parties_find_what_either_has_and_how_many_both_have() {
    let rows = ["--rows", "100", "--their-rows", "60", "--protocol"];
    for (protocol, figure, expected) in
        [("union", "union", 130), ("circuit", "common", 30), ("sum", "common", 30)]
    {
        let (succeeded, line) = bench(&[&rows[..], &[protocol]].concat());
        assert!(succeeded, "{protocol}");
        assert_eq!(line[figure], expected, "{protocol}");
    }
}

#[test]
fn the_curve_is_a_setting_of_ecdh() {
    let on_sm2 = ["--rows", "60", "--curve", "sm2", "--protocol"];
    let (succeeded, line) = bench(&[&on_sm2[..], &["ecdh"]].concat());
    assert!(succeeded);
    assert_eq!((&line["common"], &line["curve"]), (&30.into(), &"sm2".into()));
    assert!(!bench(&[&on_sm2[..], &["rr22"]].concat()).0);
}

#[test]
fn other_protocols_are_for_two_parties() {
    assert!(!bench(&["--protocol", "rr22", "--parties", "3", "--rows", "100"]).0);
}

#[test]
fn a_joint_recommender_ranks_as_the_pooled_one() {
    let sizes = ["--users", "400", "--items", "40", "--host-features", "8"];
    let settings = ["--factors", "4", "--directions", "8", "--passes", "5"];
    let output = Command::new(PROGRAM)
        .args(["bench", "recommendation", "--json"])
        .args(sizes)
        .args(settings)
        .output()
        .unwrap();
    let line: Value = serde_json::from_slice(&output.stdout).unwrap();
    let figure = |name: &str| line[name].as_f64().unwrap();
    assert!(output.status.success(), "{line}");
    assert!((figure("ndcg_10") - figure("ndcg_10_pooled")).abs() < 1e-3, "{line}");
    assert!(figure("ndcg_10") > figure("ndcg_10_guest_alone"), "{line}");
    assert_eq!(line["parties"].as_array().unwrap().len(), 2);
}
