//! `cargo xtask check`: format, lints, tests, documentation, licences, compiler and tidy.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

use anyhow::{Context as _, bail};

use crate::{licences, say, tidy};

/// Runs every check, cheapest first; all of them, so that one run names all that is wrong.
pub(crate) fn run(root: &Path) -> anyhow::Result<()> {
    type Step = (&'static str, fn(&Path) -> anyhow::Result<()>);
    let steps: [Step; 7] = [
        ("compiler", compiler),
        ("tidy", tidy::run),
        ("format", |root| cargo(root, &["fmt", "--all", "--check"], &[])),
        ("licences", licences::run),
        ("lints", |root| {
            let arguments = ["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"];
            cargo(root, &arguments, &[])
        }),
        ("documentation", |root| {
            let arguments = ["doc", "--workspace", "--no-deps", "--document-private-items"];
            cargo(root, &arguments, &[("RUSTDOCFLAGS", "-D warnings")])
        }),
        ("tests", tests),
    ];
    let mut failed = Vec::new();
    for (name, step) in steps {
        let start = Instant::now();
        let outcome = step(root);
        let seconds = start.elapsed().as_secs_f64();
        match outcome {
            Ok(()) => say(&format!("{name}: passed in {seconds:.1} s")),
            Err(error) => {
                say(&format!("{name}: FAILED in {seconds:.1} s: {error:#}"));
                failed.push(name);
            }
        }
    }
    if !failed.is_empty() {
        bail!("failed: {}", failed.join(", "));
    }
    Ok(())
}

/// Runs cargo with its output shown.
pub(crate) fn cargo(
    root: &Path,
    arguments: &[&str],
    environment: &[(&str, &str)],
) -> anyhow::Result<()> {
    let program = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let status = Command::new(program)
        .args(arguments)
        .envs(environment.iter().copied())
        .current_dir(root)
        .status()
        .context("cargo cannot be started")?;
    if !status.success() {
        bail!("`cargo {}` ended with {status}", arguments.join(" "));
    }
    Ok(())
}

/// Whether a cargo subcommand is installed.
pub(crate) fn has_subcommand(root: &Path, name: &str) -> bool {
    let program = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    Command::new(program)
        .args([name, "--version"])
        .current_dir(root)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}

fn tests(root: &Path) -> anyhow::Result<()> {
    if has_subcommand(root, "nextest") {
        cargo(root, &["nextest", "run", "--workspace"], &[])?;
        // nextest runs no documentation tests.
        return cargo(root, &["test", "--workspace", "--doc"], &[]);
    }
    cargo(root, &["test", "--workspace"], &[])
}

/// The compiler in use is at least the `rust-version` of the workspace.
fn compiler(root: &Path) -> anyhow::Result<()> {
    let manifest = std::fs::read_to_string(root.join("Cargo.toml"))?;
    let wanted = manifest
        .lines()
        .find_map(|line| line.strip_prefix("rust-version = "))
        .context("Cargo.toml states no rust-version")?
        .trim_matches('"');
    let output = Command::new("rustc").arg("--version").current_dir(root).output()?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let used = text.split_whitespace().nth(1).context("rustc says no version")?;
    let (Some(wanted_parts), Some(used_parts)) = (version(wanted), version(used)) else {
        bail!("cannot compare the versions {wanted} and {used}");
    };
    if used_parts < wanted_parts {
        bail!("rustc {used} is older than {wanted}; run `rustup update stable`");
    }
    Ok(())
}

/// Major and minor version of `1.95`, `1.95.0` or `1.96.0-nightly`.
fn version(text: &str) -> Option<(u32, u32)> {
    let mut parts = text.split(['.', '-']);
    Some((parts.next()?.parse().ok()?, parts.next()?.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::version;

    #[test]
    fn versions_compare_as_numbers() {
        assert!(version("1.100.0") > version("1.95"));
        assert_eq!(version("1.96.0-nightly"), Some((1, 96)));
        assert_eq!(version("stable"), None);
    }
}
