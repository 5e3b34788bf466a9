//! Every protocol says the same things about itself and has the same five tests.

use std::collections::BTreeMap;

use super::{Breach, File};

/// The folders whose modules are protocols when they send messages.
const FOLDERS: [&str; 5] = [
    "matching/src/join/",
    "matching/src/psi/",
    "mpc/src/",
    "models/src/vertical/",
    "features/src/federated/",
];

/// The headings of a protocol's module documentation.
const HEADINGS: [&str; 6] = ["Functionality", "Messages", "Leaks", "Security", "Cost", "Reference"];

/// How the names of a protocol's tests start.
const TESTS: [&str; 5] = ["correct", "known_answer", "tampered", "cost", "peer_drops"];

/// Modules with async functions that are no protocols of their own, with the reason.
const EXEMPT: [(&str, &str); 6] = [
    ("mpc/src/arithmetic", "names what two protocols are made of; holds no messages"),
    ("mpc/src/hints", "the set-up messages of several protocols, declared and tested there"),
    ("features/src/federated/products", "messages of two protocols, declared and tested there"),
    ("models/src/vertical/course", "takes states of trainings up by `mpc::refresh`"),
    ("mpc/src/two_party", "runs the set-up of two protocols; holds no messages"),
    ("mpc/src/test_support", "serves the tests of the protocols"),
];

/// Breaches of all protocols. A protocol is `name.rs`, or `name/mod.rs`, with all below `name/`.
pub(super) fn check(files: &[File]) -> Vec<Breach> {
    let mut breaches = Vec::new();
    for (unit, parts) in units(files) {
        if EXEMPT.iter().any(|(exempt, _)| *exempt == unit) || !parts.iter().any(|it| sends(it)) {
            continue;
        }
        let root = parts
            .iter()
            .find(|it| it.path == format!("{unit}.rs") || it.path == format!("{unit}/mod.rs"));
        let Some(root) = root else { continue };
        for heading in HEADINGS {
            let found = parts.iter().any(|part| has_heading(&part.text, heading));
            if !found {
                let rule = format!("the protocol's documentation lacks `# {heading}`");
                breaches.push(Breach::new(&root.path, 1, rule));
            }
        }
        for test in TESTS {
            if !parts.iter().any(|part| has_test(&part.text, test)) {
                let rule = format!("the protocol has no test `{test}`");
                breaches.push(Breach::new(&root.path, 1, rule));
            }
        }
    }
    breaches
}

/// Files by the module right below a protocol folder that they belong to.
fn units(files: &[File]) -> BTreeMap<String, Vec<&File>> {
    let mut units: BTreeMap<String, Vec<&File>> = BTreeMap::new();
    for file in files {
        for folder in FOLDERS {
            let Some(rest) = file.path.strip_prefix(folder) else { continue };
            if file.code.is_none() {
                continue;
            }
            let name = rest.split('/').next().unwrap_or(rest);
            let name = name.strip_suffix(".rs").unwrap_or(name);
            if !matches!(name, "mod" | "lib") {
                units.entry(format!("{folder}{name}")).or_default().push(file);
            }
        }
    }
    units
}

/// Whether the file has async functions outside its tests.
fn sends(file: &File) -> bool {
    let asynchronous =
        |code: &super::Masked| code.lines().any(|(_, line)| line.contains("async fn "));
    !file.is_test() && file.code.as_ref().is_some_and(asynchronous)
}

/// A line of module documentation that starts with the heading; text may follow on the line.
fn has_heading(text: &str, heading: &str) -> bool {
    let line = format!("//! # {heading}");
    text.lines().any(|it| {
        it.strip_prefix(&line).is_some_and(|rest| rest.is_empty() || rest.starts_with(' '))
    })
}

/// A test whose name is `name` or starts with `name_`.
fn has_test(text: &str, name: &str) -> bool {
    let called = |line: &str| {
        line.trim_start()
            .strip_prefix("fn ")
            .and_then(|rest| rest.strip_prefix(name))
            .is_some_and(|rest| rest.starts_with(['(', '_']))
    };
    let mut after_attribute = false;
    for line in text.lines() {
        if after_attribute && called(line) {
            return true;
        }
        let line = line.trim_start();
        after_attribute = line == "#[test]" || (after_attribute && line.starts_with("#["));
    }
    false
}

#[cfg(test)]
mod tests {
    use super::{File, HEADINGS, TESTS, check};

    fn documentation() -> String {
        HEADINGS.map(|heading| format!("//! # {heading} of it\n//! words\n")).concat()
    }

    fn tests() -> String {
        TESTS.map(|test| format!("    #[test]\n    fn {test}_well() {{}}\n")).concat()
    }

    #[test]
    fn a_complete_protocol_passes_in_one_file_or_several() {
        let code = "pub async fn send() {}\n";
        let one = format!("{}{code}#[cfg(test)]\nmod tests {{\n{}}}\n", documentation(), tests());
        assert!(check(&[File::new("matching/src/psi/ecdh.rs", one)]).is_empty());
        let several = [
            File::new("matching/src/psi/ecdh/mod.rs", documentation()),
            File::new("matching/src/psi/ecdh/sender.rs", code),
            File::new("matching/src/psi/ecdh/tests.rs", tests()),
        ];
        assert!(check(&several).is_empty());
    }

    #[test]
    fn what_a_protocol_lacks_is_named() {
        let bare = File::new("models/src/vertical/magic.rs", "pub async fn train() {}\n");
        let breaches = check(&[bare]);
        assert_eq!(breaches.len(), HEADINGS.len() + TESTS.len());
        let no_leaks = documentation().replace("# Leaks", "# Gives");
        let file = File::new("mpc/src/a.rs", format!("{no_leaks}async fn f() {{}}\n{}", tests()));
        assert_eq!(check(&[file]).len(), 1);
        let not_a_test = tests().replacen("#[test]", "", 1);
        let file = File::new(
            "mpc/src/a.rs",
            format!("{}async fn f() {{}}\n{not_a_test}", documentation()),
        );
        assert_eq!(check(&[file]).len(), 1);
    }

    #[test]
    fn pure_modules_are_no_protocols() {
        assert!(check(&[File::new("mpc/src/fixed_point.rs", "fn f() {}\n")]).is_empty());
        let elsewhere = File::new("net/src/session.rs", "async fn f() {}\n");
        assert!(check(&[elsewhere]).is_empty());
    }
}
