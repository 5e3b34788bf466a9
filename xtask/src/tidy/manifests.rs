//! Arrows between crates point down: a crate knows only crates of lower rank.

use super::{Breach, File};

/// The rank of every crate of the house, as ARCHITECTURE.md draws it.
///
/// `world` may be used by the tests of everybody and by nothing else; `xtask` stands apart.
const RANKS: [(&str, u32); 13] = [
    ("contract", 1),
    ("table", 1),
    ("crypto", 1),
    ("net", 2),
    ("governance", 2),
    ("report", 2),
    ("mpc", 3),
    ("matching", 4),
    ("features", 5),
    ("models", 6),
    ("jobs", 9),
    ("node", 10),
    ("cli", 11),
];

/// What `world` itself is built on.
const WORLD_RANK: u32 = 3;

/// Breaches of all manifests below crate folders.
pub(super) fn check(files: &[File]) -> Vec<Breach> {
    let mut breaches = Vec::new();
    for file in files {
        let Some(name) = file.path.strip_suffix("/Cargo.toml") else { continue };
        breaches.extend(check_manifest(name, &file.path, &file.text));
    }
    breaches
}

fn check_manifest(name: &str, path: &str, manifest: &str) -> Vec<Breach> {
    let own = match rank(name) {
        Some(rank) => rank,
        None if name == "world" => WORLD_RANK,
        None if name == "xtask" => 0,
        None => {
            let rule = format!("crate `{name}` has no rank; add it to ARCHITECTURE.md and here");
            return vec![Breach::new(path, 1, rule)];
        }
    };
    let mut breaches = Vec::new();
    let mut section = "";
    for (index, line) in manifest.lines().enumerate() {
        let mut add = |rule: String| breaches.push(Breach::new(path, index + 1, rule));
        if let Some(title) = line.strip_prefix('[') {
            section = title.trim_end_matches(']');
            continue;
        }
        if !section.ends_with("dependencies") {
            continue;
        }
        let end = line.find(['.', ' ', '=']).unwrap_or(line.len());
        let other = &line[..end];
        if other == "world" {
            if section != "dev-dependencies" {
                add(format!("`{name}` uses `world` outside of tests"));
            }
        } else if let Some(rank) = rank(other)
            && rank >= own
        {
            add(format!("`{name}` (rank {own}) must not know `{other}` (rank {rank})"));
        }
        if !other.is_empty() && !other.starts_with('#') && !line.contains("workspace = true") {
            add(format!("the version of `{other}` belongs into the root's Cargo.toml"));
        }
    }
    breaches
}

fn rank(name: &str) -> Option<u32> {
    RANKS.iter().find(|(known, _)| *known == name).map(|(_, rank)| *rank)
}

#[cfg(test)]
mod tests {
    use super::check_manifest;

    fn rules(name: &str, manifest: &str) -> Vec<String> {
        let path = format!("{name}/Cargo.toml");
        check_manifest(name, &path, manifest).into_iter().map(|breach| breach.rule).collect()
    }

    #[test]
    fn arrows_point_down() {
        let down = "[dependencies]\ncontract.workspace = true\nserde.workspace = true\n";
        assert!(rules("net", down).is_empty());
        let up = "[dependencies]\nmodels.workspace = true\n";
        assert_eq!(rules("mpc", up), ["`mpc` (rank 3) must not know `models` (rank 6)"]);
        let same = "[dev-dependencies]\nreport = { workspace = true, features = [\"x\"] }\n";
        assert_eq!(rules("net", same), ["`net` (rank 2) must not know `report` (rank 2)"]);
    }

    #[test]
    fn world_serves_tests_only() {
        assert!(rules("mpc", "[dev-dependencies]\nworld.workspace = true\n").is_empty());
        let wrong = rules("mpc", "[dependencies]\nworld.workspace = true\n");
        assert_eq!(wrong, ["`mpc` uses `world` outside of tests"]);
    }

    #[test]
    fn unknown_crates_and_own_versions_are_named() {
        assert_eq!(rules("magic", "").len(), 1);
        let version = rules("net", "[dependencies]\nbytes = \"1\"\n");
        assert_eq!(version, ["the version of `bytes` belongs into the root's Cargo.toml"]);
    }
}
