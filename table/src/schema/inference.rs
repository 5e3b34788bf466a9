//! What the first rows of a column suggest about it.

use std::fmt;

use super::{ColumnSample, Kind, Role};
use crate::value::{INTEGER_MAX, Missing, parse_boolean, parse_number, parse_time};

/// Numbers of this many digits are ids: no measurement has so many.
const ID_DIGITS_MIN: usize = 16;

/// Texts with at most this many different values in the sample are categories.
const CATEGORY_LEVELS_MAX: usize = 1_000;

/// However few rows were looked at, this many different texts may still be categories.
const SMALL_SAMPLE_LEVELS_MAX: usize = 20;

/// Of at most this many different words among numbers a hint is given.
const ODD_WORDS_MAX: usize = 3;

/// From this share of rows on, a number of only nines looks like a stand-in for "missing".
const SENTINEL_PERCENT_MIN: usize = 5;

/// Why a column is proposed as it is.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Reason {
    /// Kind and role were stated.
    Stated,
    /// The role was stated; the kind follows from it.
    StatedRole,
    /// Every value is a whole number.
    WholeNumbers,
    /// Every value is a number.
    Numbers,
    /// Numbers with leading zeros are codes.
    LeadingZeros,
    /// Numbers too long to be measurements.
    LongNumbers,
    /// Every value is one of the words for true and false.
    TruthValues,
    /// Every value is a point in time.
    Times,
    /// So few different texts that they are categories.
    FewTexts {
        /// Different texts in the sample.
        distinct: usize,
    },
    /// So many different texts that they are remarks or ids.
    ManyTexts {
        /// Different texts in the sample.
        distinct: usize,
    },
    /// No row of the sample has a value.
    NothingKnown,
}

/// Something that a person should look at before confirming.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Hint {
    /// All other values are numbers.
    OddWords {
        /// The words between the numbers.
        words: Vec<String>,
    },
    /// A number of only nines is the largest value and frequent.
    Sentinel {
        /// The number.
        number: String,
        /// Percent of the sample's rows.
        percent: usize,
    },
}

pub(super) struct Inferred {
    pub(super) kind: Kind,
    pub(super) role: Role,
    pub(super) reason: Reason,
    pub(super) hint: Option<Hint>,
}

/// Judges by the texts of the sample; `missing` says which of them mean nothing.
pub(super) fn infer(sample: &ColumnSample, missing: &Missing) -> Inferred {
    let mut counts = sample.counts();
    counts.retain(|(text, _)| !missing.covers_value(text.as_bytes()));
    let distinct = counts.len();
    let all = |test: fn(&str) -> bool| counts.iter().all(|(text, _)| test(text));
    let any = |test: fn(&str) -> bool| counts.iter().any(|(text, _)| test(text));
    let few = distinct <= CATEGORY_LEVELS_MAX;
    let (kind, role, reason) = if counts.is_empty() {
        (Kind::Text, Role::Ignore, Reason::NothingKnown)
    } else if all(is_number) && any(has_leading_zero) {
        code(few, Reason::LeadingZeros)
    } else if all(is_number) && any(is_long) {
        (Kind::Text, Role::Ignore, Reason::LongNumbers)
    } else if all(is_whole) {
        (Kind::Integer, Role::Feature, Reason::WholeNumbers)
    } else if all(is_number) {
        (Kind::Number, Role::Feature, Reason::Numbers)
    } else if all(|text| parse_boolean(text.as_bytes()).is_some()) {
        (Kind::Boolean, Role::Feature, Reason::TruthValues)
    } else if all(|text| parse_time(text.as_bytes()).is_some()) {
        (Kind::Time, Role::Ignore, Reason::Times)
    } else if few && (2 * distinct <= sample.rows() || distinct <= SMALL_SAMPLE_LEVELS_MAX) {
        (Kind::Category, Role::Feature, Reason::FewTexts { distinct })
    } else {
        (Kind::Text, Role::Ignore, Reason::ManyTexts { distinct })
    };
    let hint = match kind {
        Kind::Integer | Kind::Number => sentinel(&counts, sample.rows()),
        _ => odd_words(&counts),
    };
    Inferred { kind, role, reason, hint }
}

fn code(few: bool, reason: Reason) -> (Kind, Role, Reason) {
    if few { (Kind::Category, Role::Feature, reason) } else { (Kind::Text, Role::Ignore, reason) }
}

fn is_number(text: &str) -> bool {
    parse_number(text.as_bytes()).is_some_and(f64::is_finite)
}

fn is_whole(text: &str) -> bool {
    parse_number(text.as_bytes())
        .is_some_and(|number| number.fract() == 0.0 && number.abs() <= INTEGER_MAX)
        && !text.contains('.')
}

fn is_long(text: &str) -> bool {
    text.len() >= ID_DIGITS_MIN && text.bytes().all(|byte| byte.is_ascii_digit())
}

fn has_leading_zero(text: &str) -> bool {
    let digits = text.as_bytes();
    digits.len() > 1 && digits[0] == b'0' && digits.iter().all(u8::is_ascii_digit)
}

fn odd_words(counts: &[(&str, usize)]) -> Option<Hint> {
    let words: Vec<String> = counts
        .iter()
        .map(|(text, _)| *text)
        .filter(|text| !is_number(text))
        .map(str::to_owned)
        .collect();
    let are_few = words.len() <= ODD_WORDS_MAX && 2 * words.len() < counts.len();
    (are_few && !words.is_empty()).then_some(Hint::OddWords { words })
}

fn sentinel(counts: &[(&str, usize)], rows: usize) -> Option<Hint> {
    let value = |text: &str| parse_number(text.as_bytes()).unwrap_or(f64::NEG_INFINITY);
    let (largest, count) = counts.iter().max_by(|a, b| value(a.0).total_cmp(&value(b.0)))?;
    let percent = 100 * count / rows.max(1);
    let is_nines = largest.len() >= 2 && largest.bytes().all(|byte| byte == b'9');
    let number = (*largest).to_owned();
    (is_nines && percent >= SENTINEL_PERCENT_MIN).then_some(Hint::Sentinel { number, percent })
}

impl fmt::Display for Reason {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Stated => formatter.write_str("stated"),
            Self::StatedRole => formatter.write_str("role stated"),
            Self::WholeNumbers => formatter.write_str("whole numbers"),
            Self::Numbers => formatter.write_str("numbers"),
            Self::LeadingZeros => formatter.write_str("leading zeros: codes, not amounts"),
            Self::LongNumbers => formatter.write_str("16 and more digits: looks like an id"),
            Self::TruthValues => formatter.write_str("true and false"),
            Self::Times => formatter.write_str("points in time; state the role time to use it"),
            Self::FewTexts { distinct } => write!(formatter, "different texts: {distinct}"),
            Self::ManyTexts { distinct } => {
                write!(formatter, "different texts: {distinct} or more, so no category")
            }
            Self::NothingKnown => formatter.write_str("no value in the rows looked at"),
        }
    }
}

impl fmt::Display for Hint {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OddWords { words } => {
                let words = words.join(", ");
                write!(formatter, "mostly numbers; if {words} means missing, state it as missing")
            }
            Self::Sentinel { number, percent } => write!(
                formatter,
                "{number} in {percent} % of the rows; if it means missing, state it as missing"
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn inferred<T: AsRef<str>>(texts: &[T]) -> Inferred {
        let mut sample = ColumnSample::default();
        for text in texts {
            sample.push(text.as_ref());
        }
        infer(&sample, &Missing::default())
    }

    #[test]
    fn kinds_and_roles() {
        for (texts, kind, role, reason) in [
            (vec!["1", "", "-3"], Kind::Integer, Role::Feature, Reason::WholeNumbers),
            (vec!["1.0", "2"], Kind::Number, Role::Feature, Reason::Numbers),
            (vec!["007", "123"], Kind::Category, Role::Feature, Reason::LeadingZeros),
            (vec!["1234567890123456789"], Kind::Text, Role::Ignore, Reason::LongNumbers),
            (vec!["yes", "no", "NA"], Kind::Boolean, Role::Feature, Reason::TruthValues),
            (vec!["2024-01-31"], Kind::Time, Role::Ignore, Reason::Times),
            (vec!["a", "b"], Kind::Category, Role::Feature, Reason::FewTexts { distinct: 2 }),
            (vec!["", "NA"], Kind::Text, Role::Ignore, Reason::NothingKnown),
        ] {
            let found = inferred(&texts);
            assert_eq!((found.kind, found.role, found.reason), (kind, role, reason), "{texts:?}");
        }
        let many: Vec<String> = (0..100).map(|index| format!("remark {index}")).collect();
        assert_eq!(inferred(&many).kind, Kind::Text);
    }

    #[test]
    fn hints() {
        let odd = inferred(&["1", "2", "3", "?"]);
        assert_eq!(odd.hint, Some(Hint::OddWords { words: vec!["?".to_owned()] }));
        let days = inferred(&["999", "999", "3", "6"]);
        let number = "999".to_owned();
        assert_eq!(days.hint, Some(Hint::Sentinel { number, percent: 50 }));
        assert_eq!(inferred(&["1", "2"]).hint, None);
    }
}
