//! What a member's data are about, never what is in them; and looking for data that fit.

use std::collections::{BTreeMap, BTreeSet};

use crypto::signature::PublicKey;
use serde::{Deserialize, Serialize};

use super::MemberId;
use crate::canonical::{Document, Flaw, Signed, line, rule};
use crate::time::Time;

/// Everything that a member shows of its data. Signed by its current key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Catalogue {
    /// Whose data.
    pub member: MemberId,
    /// Counts from 1; a higher one succeeds a lower one.
    pub version: u32,
    /// When it was written.
    pub issued_at: Time,
    /// The data sets by the names that agreements use.
    pub data: BTreeMap<String, DataDescription>,
}

/// One data set.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DataDescription {
    /// What it is about, in a sentence.
    pub about: String,
    /// Whom and what it covers: regions, ages, channels, years.
    pub coverage: String,
    /// Rows, rounded as by [`rounded_rows`], so that no change of a few rows shows.
    pub rows: u64,
    /// How new it is: "daily, two days behind".
    pub freshness: String,
    /// What its use costs, for people; agreements have the binding lines.
    pub price: Option<String>,
    /// Its columns by name.
    pub columns: BTreeMap<String, ColumnDescription>,
}

/// One column.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ColumnDescription {
    /// What kind of values it has.
    pub kind: ColumnKind,
    /// What the values mean.
    pub meaning: String,
    /// The unit of numbers.
    pub unit: Option<String>,
    /// For how many in a hundred rows it is known.
    pub known_percent: u8,
}

/// What kind of values a column has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ColumnKind {
    /// It names people or things: telephone numbers, customer numbers.
    Key,
    /// Numbers.
    Number,
    /// Some of a set of words.
    Category,
    /// Days or times.
    Date,
    /// Free text.
    Text,
}

/// Data sets in one catalogue.
const DATA_MAX: usize = 1_000;
/// Columns of one data set.
const COLUMNS_MAX: usize = 5_000;

/// A number of rows to two digits, upwards; what a catalogue may say.
pub fn rounded_rows(rows: u64) -> u64 {
    let step = 10_u64.pow(rows.checked_ilog10().unwrap_or(0).max(1) - 1).max(1);
    // The largest numbers of 64 bits have no round one above them.
    rows.div_ceil(step).checked_mul(step).unwrap_or(rows / step * step).max(10)
}

impl Document for Catalogue {
    const DOMAIN: &'static str = "governance/catalogue";
    const BYTES_MAX: usize = 768 << 10;

    fn check(&self, _signer: &PublicKey) -> Result<(), Flaw> {
        rule(self.version > 0, "version", "is zero; the first one is 1")?;
        rule(self.data.len() <= DATA_MAX, "data", "has more than 1,000 sets")?;
        for (name, data) in &self.data {
            line("data", name, 120)?;
            line("about", &data.about, 500)?;
            line("coverage", &data.coverage, 500)?;
            line("freshness", &data.freshness, 120)?;
            rule(rounded_rows(data.rows) == data.rows, "rows", "are not rounded to two digits")?;
            data.price.iter().try_for_each(|price| line("price", price, 200))?;
            rule(data.columns.len() <= COLUMNS_MAX, "columns", "are more than 5,000")?;
            for (name, column) in &data.columns {
                line("columns", name, 120)?;
                line("meaning", &column.meaning, 300)?;
                column.unit.iter().try_for_each(|unit| line("unit", unit, 40))?;
                rule(column.known_percent <= 100, "known_percent", "is more than 100")?;
            }
        }
        Ok(())
    }
}

/// A data set in which all words of a search occur.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hit<'a> {
    /// Whose it is.
    pub member: &'a MemberId,
    /// Its name.
    pub data: &'a str,
    /// Columns in whose name, meaning or unit a word occurs.
    pub columns: BTreeSet<&'a str>,
}

/// The data sets whose descriptions have all `words` somewhere, in any case of letters; those with
/// more fitting columns first.
///
/// A word may stand inside another, since Chinese has no spaces. Without words everything is found.
pub fn search<'a>(
    catalogues: impl IntoIterator<Item = &'a Signed<Catalogue>>,
    words: &str,
) -> Vec<Hit<'a>> {
    let words: Vec<String> = words.split_whitespace().map(str::to_lowercase).collect();
    let mut hits = Vec::new();
    for catalogue in catalogues {
        let Catalogue { member, data, .. } = catalogue.content();
        for (name, description) in data {
            let DataDescription { about, coverage, columns, .. } = description;
            let general = format!("{name}\n{about}\n{coverage}").to_lowercase();
            let columns: Vec<_> =
                columns.iter().map(|(name, it)| (name, words_of(name, it))).collect();
            let found = |word: &String| {
                general.contains(word) || columns.iter().any(|(_, text)| text.contains(word))
            };
            if words.iter().all(found) {
                let fits = |text: &str| words.iter().any(|word| text.contains(word));
                let fitting = columns.iter().filter(|(_, text)| fits(text));
                let columns = fitting.map(|(name, _)| name.as_str()).collect();
                hits.push(Hit { member, data: name, columns });
            }
        }
    }
    hits.sort_by_key(|hit| (std::cmp::Reverse(hit.columns.len()), hit.member, hit.data));
    hits
}

fn words_of(name: &str, column: &ColumnDescription) -> String {
    let unit = column.unit.as_deref().unwrap_or_default();
    format!("{name}\n{}\n{unit}", column.meaning).to_lowercase()
}
