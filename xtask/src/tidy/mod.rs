//! House rules that neither the compiler nor clippy knows. ARCHITECTURE.md says why each stands.

mod documents;
mod manifests;
mod mask;
mod protocols;
mod sources;

use std::fmt;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};

use crate::say;
use mask::Masked;

/// A file of the repository.
pub(crate) struct File {
    /// The path from the root, with `/`.
    pub(crate) path: String,
    /// The content; files that are not UTF-8 text are not read.
    pub(crate) text: String,
    /// For Rust sources: the content without the contents of comments and texts.
    pub(crate) code: Option<Masked>,
}

/// A broken rule, at a place.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Breach {
    path: String,
    line: usize,
    rule: String,
}

impl Breach {
    pub(crate) fn new(path: &str, line: usize, rule: impl Into<String>) -> Self {
        Self { path: path.to_owned(), line, rule: rule.into() }
    }
}

impl fmt::Display for Breach {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}:{}: {}", self.path, self.line, self.rule)
    }
}

/// Checks every rule on every file and names all breaches.
pub(crate) fn run(root: &Path) -> anyhow::Result<()> {
    let files = read_files(root)?;
    let mut breaches = manifests::check(&files);
    for file in &files {
        breaches.extend(sources::check(file));
    }
    breaches.extend(protocols::check(&files));
    breaches.extend(documents::check(&files));
    for warning in sources::warnings(&files) {
        say(&format!("warning: {warning}"));
    }
    if breaches.is_empty() {
        return Ok(());
    }
    breaches.sort();
    for breach in &breaches {
        say(&breach.to_string());
    }
    bail!("{} house rules broken", breaches.len())
}

/// All text files below the root, sorted by path.
fn read_files(root: &Path) -> anyhow::Result<Vec<File>> {
    let mut files = Vec::new();
    let mut folders = vec![PathBuf::new()];
    while let Some(folder) = folders.pop() {
        let place = root.join(&folder);
        let entries = std::fs::read_dir(&place).with_context(|| place.display().to_string())?;
        for entry in entries {
            let entry = entry?;
            let name = entry.file_name();
            let path = folder.join(&name);
            if entry.file_type()?.is_dir() {
                if name != "target" && name != ".git" {
                    folders.push(path);
                }
                continue;
            }
            let Ok(text) = String::from_utf8(std::fs::read(root.join(&path))?) else { continue };
            let path = path.to_string_lossy().replace('\\', "/");
            files.push(File::new(&path, text));
        }
    }
    files.sort_by(|left, right| left.path.cmp(&right.path));
    Ok(files)
}

impl File {
    pub(crate) fn new(path: &str, text: impl Into<String>) -> Self {
        let text = text.into();
        let is_rust = Path::new(path).extension().is_some_and(|extension| extension == "rs");
        let code = is_rust.then(|| Masked::new(&text));
        Self { path: path.to_owned(), text, code }
    }

    /// The crate folder, such as `mpc`; empty at the root.
    pub(crate) fn folder(&self) -> &str {
        self.path.split_once('/').map_or("", |(folder, _)| folder)
    }

    /// Whether the file was made by a program, from a source that is checked instead.
    pub(crate) fn is_generated(&self) -> bool {
        self.path.contains("/generated/")
    }

    /// Whether the whole file holds tests or benches.
    pub(crate) fn is_test(&self) -> bool {
        let parts: Vec<&str> = self.path.split('/').collect();
        parts.iter().any(|part| matches!(*part, "tests" | "benches"))
            || parts.last().is_some_and(|name| name.contains("test"))
    }
}

#[cfg(test)]
mod tests {
    use super::run;

    /// The rules hold in this repository; this is how `cargo test` alone finds a breach.
    #[test]
    fn this_repository_is_tidy() {
        run(&crate::repository().unwrap()).unwrap();
    }
}
