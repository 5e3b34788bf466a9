//! The first rows of a column, counted.

use std::collections::HashMap;

/// How many different texts of a column are told apart.
pub(super) const DISTINCT_MAX: usize = 5_000;

/// How many bytes of a text are kept; what is longer is no number and no time.
const TEXT_BYTES_MAX: usize = 200;

/// How many of the first different texts are kept in order.
const FIRST_MAX: usize = 12;

/// What the rows looked at hold in one column. Its size is bounded whatever the file.
#[derive(Default)]
pub(crate) struct ColumnSample {
    counts: HashMap<String, usize>,
    first: Vec<String>,
    rows: usize,
}

impl ColumnSample {
    /// Counts the text of one row.
    pub(crate) fn push(&mut self, text: &str) {
        self.rows += 1;
        let text = text.trim();
        let text = &text[..text.floor_char_boundary(TEXT_BYTES_MAX)];
        if let Some(count) = self.counts.get_mut(text) {
            *count += 1;
        } else if self.counts.len() < DISTINCT_MAX {
            self.counts.insert(text.to_owned(), 1);
            if self.first.len() < FIRST_MAX {
                self.first.push(text.to_owned());
            }
        }
    }

    /// The number of rows.
    pub(super) fn rows(&self) -> usize {
        self.rows
    }

    /// The different texts with their counts, sorted; texts that were new after
    /// [`DISTINCT_MAX`] others are left out.
    pub(super) fn counts(&self) -> Vec<(&str, usize)> {
        let mut counts: Vec<(&str, usize)> =
            self.counts.iter().map(|(text, count)| (text.as_str(), *count)).collect();
        counts.sort_unstable();
        counts
    }

    /// The first different texts in the order of their rows.
    pub(super) fn first(&self) -> &[String] {
        &self.first
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_and_stays_bounded() {
        let mut sample = ColumnSample::default();
        let long = "长".repeat(1_000);
        for text in ["b", " a ", "b", &long] {
            sample.push(text);
        }
        assert_eq!(sample.rows(), 4);
        assert_eq!(sample.first()[..2], ["b", "a"]);
        assert_eq!(sample.counts()[..2], [("a", 1), ("b", 2)]);
        assert_eq!(sample.counts()[2].0.len(), 198);
        (0..2 * DISTINCT_MAX).for_each(|row| sample.push(&row.to_string()));
        assert_eq!(sample.counts().len(), DISTINCT_MAX);
    }
}
