//! Where in the input something is wrong: files and lines, counted and with the first examples.

use std::fmt;
use std::sync::Arc;

/// How many examples of one kind of fault an error carries.
pub const EXAMPLES_MAX: usize = 5;

/// How many characters of an offending value an error repeats.
const EXAMPLE_CHARACTERS_MAX: usize = 40;

/// What the number of a [`Location`] counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// Lines of a text file, the first line is 1.
    Line,
    /// Data rows of a Parquet file or of a table in memory, the first row is 1.
    Row,
}

/// One place in one input.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Location {
    /// The file as the user named it, or the name given to bytes in memory.
    pub file: Arc<str>,
    /// What `number` counts.
    pub unit: Unit,
    /// The line or row, from 1.
    pub number: u64,
}

impl fmt::Display for Location {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.unit {
            Unit::Line => write!(formatter, "{}:{}", self.file, self.number),
            Unit::Row => write!(formatter, "{} row {}", self.file, self.number),
        }
    }
}

/// One offending value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Example {
    /// Where it stands.
    pub at: Location,
    /// What stands there, shortened. It is a value of the party's own data: show it to the
    /// party's own people only.
    pub text: String,
}

/// How often something is wrong, and the first places where.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Faults {
    /// How many values or lines are wrong in all.
    pub count: u64,
    /// The first of them, at most [`EXAMPLES_MAX`].
    pub first: Vec<Example>,
}

impl fmt::Display for Faults {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} in all", self.count)?;
        for (index, example) in self.first.iter().enumerate() {
            let separator = if index == 0 { ": " } else { ", " };
            write!(formatter, "{separator}{}", example.at)?;
            if !example.text.is_empty() {
                write!(formatter, " {:?}", example.text)?;
            }
        }
        if self.count > self.first.len() as u64 {
            formatter.write_str(", ...")?;
        }
        Ok(())
    }
}

/// Faults while they are being counted: rows are turned into places at the end.
#[derive(Clone, Debug, Default)]
pub(crate) struct RowFaults {
    count: u64,
    first: Vec<(u64, String)>,
}

impl RowFaults {
    pub(crate) fn push(&mut self, row: u64, text: impl FnOnce() -> String) {
        self.count += 1;
        if self.first.len() < EXAMPLES_MAX {
            self.first.push((row, shortened(&text())));
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.count == 0
    }

    pub(crate) fn locate(&self, origin: &Origin) -> Faults {
        let first = self
            .first
            .iter()
            .map(|(row, text)| Example { at: origin.locate(*row), text: text.clone() })
            .collect();
        Faults { count: self.count, first }
    }
}

/// Which place of which input each row of a table came from.
///
/// Kept as runs of consecutive rows, so that a regular file costs one entry; only quoted line
/// breaks, blank lines and new files begin a new run.
#[derive(Clone, Debug)]
pub(crate) struct Origin {
    runs: Vec<Run>,
}

#[derive(Clone, Debug)]
struct Run {
    row: u64,
    at: Location,
}

impl Origin {
    /// The origin of rows that come from no file.
    pub(crate) fn in_memory(name: &str) -> Self {
        let at = Location { file: Arc::from(name), unit: Unit::Row, number: 1 };
        Self { runs: vec![Run { row: 0, at }] }
    }

    /// An origin to be filled by [`Origin::note`].
    pub(crate) fn empty() -> Self {
        Self { runs: Vec::new() }
    }

    /// Says that `row` (from 0; rows are noted in order) stands at `number` in `file`.
    pub(crate) fn note(&mut self, row: u64, file: &Arc<str>, unit: Unit, number: u64) {
        let continues = self.runs.last().is_some_and(|run| {
            Arc::ptr_eq(&run.at.file, file) && run.at.number + (row - run.row) == number
        });
        if !continues {
            let at = Location { file: Arc::clone(file), unit, number };
            self.runs.push(Run { row, at });
        }
    }

    pub(crate) fn locate(&self, row: u64) -> Location {
        let after = self.runs.partition_point(|run| run.row <= row);
        match after.checked_sub(1).map(|index| &self.runs[index]) {
            Some(run) => Location { number: run.at.number + (row - run.row), ..run.at.clone() },
            None => Location { file: Arc::from("table"), unit: Unit::Row, number: row + 1 },
        }
    }
}

/// The beginning of an offending value, for a message.
pub(crate) fn shortened(text: &str) -> String {
    match text.char_indices().nth(EXAMPLE_CHARACTERS_MAX) {
        Some((end, _)) => format!("{}...", &text[..end]),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn origin_finds_lines_across_files_and_quoted_line_breaks() {
        let (one, two) = (Arc::from("one.csv"), Arc::from("two.csv"));
        let mut origin = Origin::empty();
        for (row, file, line) in [(0, &one, 2), (1, &one, 3), (2, &one, 6), (3, &two, 2)] {
            origin.note(row, file, Unit::Line, line);
        }
        assert_eq!(origin.runs.len(), 3);
        assert_eq!(origin.locate(1).to_string(), "one.csv:3");
        assert_eq!(origin.locate(2).to_string(), "one.csv:6");
        assert_eq!(origin.locate(3).to_string(), "two.csv:2");
        assert_eq!(Origin::in_memory("scores").locate(4).to_string(), "scores row 5");
    }

    #[test]
    fn faults_count_all_and_keep_the_first() {
        let mut faults = RowFaults::default();
        for row in 0..9 {
            faults.push(row, || "长".repeat(50));
        }
        let located = faults.locate(&Origin::in_memory("t"));
        assert_eq!((located.count, located.first.len()), (9, EXAMPLES_MAX));
        assert_eq!(located.first[0].text.chars().count(), EXAMPLE_CHARACTERS_MAX + 3);
        assert!(located.to_string().ends_with(", ..."));
    }
}
