//! The records of what happened, as an auditor checks them.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;

use crate::support::PROGRAM;

/// Both parties' records hold alone, and against each other.
pub(crate) fn compare_records(out: &Path, parties: [&str; 2]) {
    let [ours, theirs] = parties.map(|party| out.join(party));
    let fits = |output: Output| {
        let text = String::from_utf8(output.stdout).unwrap();
        assert!(output.status.success(), "{text} {}", String::from_utf8_lossy(&output.stderr));
        text
    };
    let verified = fits(audit("verify", &[&ours, &theirs]));
    assert!(parties.iter().all(|party| verified.contains(party)), "{verified}");
    assert_eq!(verified.matches("holds: ").count(), 2, "{verified}");
    let compared = fits(audit("compare", &[&ours, &theirs]));
    assert!(compared.contains("each received as it was sent"), "{compared}");
}

/// What was changed in the clinic's record is found, and one line of it can be proved.
pub(crate) fn changed_records_are_found(out: &Path) {
    let [ours, theirs] = ["clinic", "laboratory"].map(|party| out.join(party));
    let text = fs::read_to_string(ours.join("audit.jsonl")).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    let is_messages = |line: &&str| line.contains("\"record\":\"messages\"");
    let number = lines.iter().position(is_messages).unwrap() + 1;
    let changed = out.join("changed.jsonl");
    let refused = |text: &str, reason: &str| {
        fs::write(&changed, text).unwrap();
        for (command, paths) in [("verify", 1), ("compare", 2)] {
            let output = audit(command, &[changed.as_path(), &theirs][..paths]);
            let error = String::from_utf8(output.stderr).unwrap();
            assert_eq!(output.status.code(), Some(1), "{error}");
            assert!(error.contains(reason), "{error}");
        }
    };
    let line = lines[number - 1];
    let at = |number: usize| format!("changed.jsonl: line {number}: ");
    refused(&text.replace(line, &line.replace("\"sent\":", "\"sent\":1")), &at(number));
    refused(&text.replace(&format!("{line}\n"), ""), &at(number));
    refused(&text.replace(lines[lines.len() - 1], "").replace("\n\n", "\n"), "seal is missing");

    let proof = Command::new(PROGRAM)
        .args(["audit", "prove"])
        .arg(&ours)
        .arg(number.to_string())
        .output()
        .unwrap();
    assert!(proof.status.success());
    fs::write(&changed, &proof.stdout).unwrap();
    let proved = audit("verify", &[&changed]);
    assert!(proved.status.success());
    assert!(String::from_utf8(proved.stdout).unwrap().contains(line));
    let mut proof: Value = serde_json::from_slice(&proof.stdout).unwrap();
    proof["number"] = (number - 1).into();
    fs::write(&changed, proof.to_string()).unwrap();
    assert_eq!(audit("verify", &[&changed]).status.code(), Some(1));
    fs::remove_file(changed).unwrap();
}

fn audit(command: &str, paths: &[&Path]) -> Output {
    Command::new(PROGRAM).args(["--language", "en", "audit", command]).args(paths).output().unwrap()
}
