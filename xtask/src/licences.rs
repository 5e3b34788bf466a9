//! Every dependency has a licence that `deny.toml` allows, and none is one that it bans.
//!
//! `cargo deny` does this and more; where it is not installed, the two rules are checked here
//! against what `cargo metadata` says, from the same `deny.toml`.

use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, bail};
use serde_json::Value;

use crate::check::{cargo, has_subcommand};

/// Checks all packages that the workspace is built from.
pub(crate) fn run(root: &Path) -> anyhow::Result<()> {
    if has_subcommand(root, "deny") {
        return cargo(root, &["deny", "check", "licenses", "bans", "sources"], &[]);
    }
    let rules = Rules::parse(&std::fs::read_to_string(root.join("deny.toml"))?)?;
    let problems = problems(&metadata(root)?, &rules);
    if !problems.is_empty() {
        bail!("{}", problems.join("\n"));
    }
    Ok(())
}

/// What `deny.toml` says.
struct Rules {
    allowed: Vec<String>,
    banned: Vec<String>,
}

impl Rules {
    fn parse(deny: &str) -> anyhow::Result<Self> {
        let list = |section: &str, key: &str| {
            texts_of_list(deny, section, key)
                .with_context(|| format!("deny.toml has no list `{key}` in [{section}]"))
        };
        Ok(Self { allowed: list("licenses", "allow")?, banned: list("bans", "deny")? })
    }
}

/// The quoted texts of a list in a section.
fn texts_of_list(text: &str, section: &str, key: &str) -> Option<Vec<String>> {
    let start = text.find(&format!("\n[{section}]"))? + 1;
    let body = &text[start..];
    let body = &body[..body[1..].find("\n[").map_or(body.len(), |end| end + 1)];
    let list = &body[body.find(&format!("\n{key} = ["))?..];
    let list = &list[..list.find("\n]")?];
    let code = list.lines().map(|line| line.split('#').next().unwrap_or_default());
    let code = code.collect::<Vec<_>>().join("\n");
    Some(code.split('"').skip(1).step_by(2).map(str::to_owned).collect())
}

fn metadata(root: &Path) -> anyhow::Result<Value> {
    let program = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(program)
        .args(["metadata", "--format-version", "1", "--locked"])
        .current_dir(root)
        .output()
        .context("cargo cannot be started")?;
    if !output.status.success() {
        bail!("`cargo metadata` failed: {}", String::from_utf8_lossy(&output.stderr));
    }
    Ok(serde_json::from_slice(&output.stdout)?)
}

fn problems(metadata: &Value, rules: &Rules) -> Vec<String> {
    let packages = metadata["packages"].as_array().map_or(&[][..], Vec::as_slice);
    let mut problems = Vec::new();
    for package in packages {
        let name = package["name"].as_str().unwrap_or_default();
        if rules.banned.iter().any(|banned| banned == name) {
            problems.push(format!("{name} is banned by deny.toml"));
        }
        match package["license"].as_str() {
            Some(licence) if is_allowed(licence, &rules.allowed) => {}
            Some(licence) => problems.push(format!("{name}: licence `{licence}` is not allowed")),
            None => problems.push(format!("{name} states no licence")),
        }
    }
    problems
}

/// Whether an SPDX expression can be satisfied with allowed licences only.
///
/// `AND` binds tighter than `OR`; `/` is the old way to write `OR`; `X WITH Y` is allowed where
/// `X WITH Y` or `X` is.
fn is_allowed(expression: &str, allowed: &[String]) -> bool {
    let spaced = expression.replace('/', " OR ").replace('(', " ( ").replace(')', " ) ");
    let tokens: Vec<&str> = spaced.split_whitespace().collect();
    let mut position = 0;
    let fine = any_of(&tokens, &mut position, allowed);
    fine && position == tokens.len()
}

fn any_of(tokens: &[&str], position: &mut usize, allowed: &[String]) -> bool {
    let mut fine = all_of(tokens, position, allowed);
    while tokens.get(*position) == Some(&"OR") {
        *position += 1;
        fine |= all_of(tokens, position, allowed);
    }
    fine
}

fn all_of(tokens: &[&str], position: &mut usize, allowed: &[String]) -> bool {
    let mut fine = one(tokens, position, allowed);
    while tokens.get(*position) == Some(&"AND") {
        *position += 1;
        fine &= one(tokens, position, allowed);
    }
    fine
}

fn one(tokens: &[&str], position: &mut usize, allowed: &[String]) -> bool {
    let Some(token) = tokens.get(*position) else { return false };
    *position += 1;
    if *token == "(" {
        let fine = any_of(tokens, position, allowed);
        let closed = tokens.get(*position) == Some(&")");
        *position += 1;
        return fine && closed;
    }
    let mut fine = allowed.iter().any(|licence| licence == token);
    if tokens.get(*position) == Some(&"WITH") {
        let exception = tokens.get(*position + 1).copied().unwrap_or_default();
        let whole = format!("{token} WITH {exception}");
        fine |= allowed.contains(&whole);
        *position += 2;
    }
    fine
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{Rules, is_allowed, problems};

    #[test]
    fn expressions_are_satisfied_or_not() {
        let allowed = ["MIT", "Apache-2.0", "ISC", "BSD-3-Clause"].map(str::to_owned);
        for (expression, fine) in [
            ("MIT", true),
            ("MIT OR GPL-3.0", true),
            ("GPL-3.0", false),
            ("MIT AND GPL-3.0", false),
            ("(MIT OR Apache-2.0) AND BSD-3-Clause", true),
            ("Unlicense/MIT", true),
            ("GPL-3.0 OR ISC AND MIT", true),
            ("Apache-2.0 WITH LLVM-exception", true),
            ("BSD-3-Clause-Clear", false),
            ("(MIT", false),
            ("MIT)", false),
            ("", false),
        ] {
            assert_eq!(is_allowed(expression, &allowed), fine, "{expression}");
        }
    }

    #[test]
    fn bad_packages_are_named() {
        let deny = "x\n[licenses]\nallow = [\n  \"MIT\", # \"GPL-3.0\"\n]\n[bans]\ndeny = [\n  { \
                    name = \"openssl\" },\n]\n";
        let deny = deny.replace("{ name = ", "").replace(" }", "");
        let rules = Rules::parse(&deny).unwrap();
        let metadata = json!({ "packages": [
            { "name": "fine", "license": "MIT" },
            { "name": "openssl", "license": "MIT" },
            { "name": "copyleft", "license": "GPL-3.0" },
            { "name": "silent", "license": null },
        ]});
        assert_eq!(
            problems(&metadata, &rules),
            [
                "openssl is banned by deny.toml",
                "copyleft: licence `GPL-3.0` is not allowed",
                "silent states no licence"
            ]
        );
    }

    #[test]
    fn the_rules_of_this_repository_are_read() {
        let deny = std::fs::read_to_string(crate::repository().unwrap().join("deny.toml")).unwrap();
        let rules = Rules::parse(&deny).unwrap();
        assert!(rules.allowed.iter().any(|licence| licence == "Apache-2.0"));
        assert!(!rules.allowed.iter().any(|licence| licence.starts_with("AGPL")));
        assert!(rules.banned.iter().any(|name| name == "openssl"));
    }
}
