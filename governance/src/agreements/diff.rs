//! What changes from one version to another, line by line.

use super::line::{Entry, Line};
use super::terms::Terms;

/// One line that is not the same in both versions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// Which line.
    pub line: Line,
    /// What it said; `None` if it was not there.
    pub before: Option<Entry>,
    /// What it says; `None` if it is not there any more.
    pub after: Option<Entry>,
}

/// All changes from `before` to `after`, in the order in which an agreement reads.
pub fn diff(before: &Terms, after: &Terms) -> Vec<Change> {
    let (old, new) = (before.lines(), after.lines());
    let mut lines: Vec<&Line> = old.keys().chain(new.keys()).collect();
    lines.sort();
    lines.dedup();
    let change = |line: &Line| {
        let (before, after) = (old.get(line).cloned(), new.get(line).cloned());
        (before != after).then(|| Change { line: line.clone(), before, after })
    };
    lines.into_iter().filter_map(change).collect()
}
