//! The checks of this repository, as one program.
//!
//! - `cargo xtask check`: everything a change must pass before it lands
//! - `cargo xtask tidy`: only the house rules that compiler and clippy do not know, in a second
//! - `cargo xtask licences`: only the licences and bans of dependencies
//! - `cargo xtask nightly`: what takes long: many property cases, and the demo with parties killed

#![forbid(unsafe_code)]

mod check;
mod licences;
mod nightly;
mod tidy;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context as _;

const USAGE: &str = "usage: cargo xtask check | tidy | licences | nightly [REPETITIONS]";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let outcome = match arguments.as_slice() {
        ["check"] => repository().and_then(|root| check::run(&root)),
        ["tidy"] => repository().and_then(|root| tidy::run(&root)),
        ["licences"] => repository().and_then(|root| licences::run(&root)),
        ["nightly"] => repository().and_then(|root| nightly::run(&root, nightly::REPETITIONS)),
        ["nightly", repetitions] => repetitions
            .parse()
            .context("REPETITIONS is a whole number")
            .and_then(|repetitions| repository().and_then(|root| nightly::run(&root, repetitions))),
        _ => Err(anyhow::anyhow!(USAGE)),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            say(&format!("error: {error:#}"));
            ExitCode::FAILURE
        }
    }
}

/// The root of the repository: the parent of this crate.
fn repository() -> anyhow::Result<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().context("xtask has no parent")?;
    Ok(root.to_path_buf())
}

/// Writes a line for the person who waits.
#[expect(clippy::print_stderr, reason = "messages of a command-line tool belong on stderr")]
fn say(line: &str) {
    eprintln!("{line}");
}
