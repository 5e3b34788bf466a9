//! Documents that point at what exists, in both languages.

use std::collections::BTreeSet;
use std::path::Path;

use super::{Breach, File};

/// The command that the front page gives for testing, and that CI runs.
const TEST_COMMAND: &str = "cargo test --workspace";

/// Files that must give the test command.
const TELL_TESTS: [&str; 3] = ["README.md", "README.zh-CN.md", ".ci/run"];

/// Breaches of all Markdown pages.
pub(super) fn check(files: &[File]) -> Vec<Breach> {
    let paths: BTreeSet<&str> = files.iter().map(|file| file.path.as_str()).collect();
    let folders: BTreeSet<&str> =
        paths.iter().filter_map(|path| path.rsplit_once('/')).map(|(folder, _)| folder).collect();
    let mut breaches = Vec::new();
    for file in files {
        if Path::new(&file.path).extension().is_some_and(|extension| extension == "md") {
            check_links(file, &paths, &folders, &mut breaches);
        }
        if let Some(stem) = file.path.strip_suffix(".zh-CN.md")
            && !paths.contains(format!("{stem}.md").as_str())
        {
            let rule = "this page has no English twin";
            breaches.push(Breach::new(&file.path, 1, rule));
        }
        if TELL_TESTS.contains(&file.path.as_str())
            && !file.text.lines().any(|line| line.trim().ends_with(TEST_COMMAND))
        {
            let rule = format!("`{TEST_COMMAND}` is not here any more");
            breaches.push(Breach::new(&file.path, 1, rule));
        }
    }
    breaches
}

fn check_links(
    file: &File,
    paths: &BTreeSet<&str>,
    folders: &BTreeSet<&str>,
    breaches: &mut Vec<Breach>,
) {
    for (index, line) in file.text.lines().enumerate() {
        for target in line.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            let target = target.split('#').next().unwrap_or_default();
            if target.is_empty() || target.contains("://") {
                continue;
            }
            let found = resolve(&file.path, target);
            let exists = found.is_some_and(|path| {
                paths.contains(path.as_str()) || folders.contains(path.as_str())
            });
            if !exists {
                let rule = format!("the link to `{target}` leads nowhere");
                breaches.push(Breach::new(&file.path, index + 1, rule));
            }
        }
    }
}

/// The path from the root that a relative link means; `None` when it leaves the repository.
fn resolve(page: &str, target: &str) -> Option<String> {
    let mut parts: Vec<&str> = page.split('/').collect();
    parts.pop();
    for part in target.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop()?;
            }
            name => parts.push(name),
        }
    }
    Some(parts.join("/"))
}

#[cfg(test)]
mod tests {
    use super::{File, check};

    #[test]
    fn links_lead_somewhere() {
        let page = |text: &str| {
            check(&[
                File::new("docs/a.md", text),
                File::new("docs/adr/1.md", ""),
                File::new("README.md", "cargo test --workspace\n"),
            ])
        };
        assert!(page("[x](../README.md) [y](adr) [z](adr/1.md#part) [w](https://a.b)").is_empty());
        for broken in ["[x](b.md)", "[x](../../README.md)", "[x](../readme.md)"] {
            assert_eq!(page(broken).len(), 1, "{broken}");
        }
    }

    #[test]
    fn a_lone_translation_and_a_lost_command_are_named() {
        assert_eq!(check(&[File::new("docs/a.zh-CN.md", "")]).len(), 1);
        assert_eq!(check(&[File::new("README.md", "cargo test")]).len(), 1);
    }
}
