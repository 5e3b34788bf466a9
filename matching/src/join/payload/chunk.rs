//! A chunk of one column as bytes, and a column made of chunks.

use net::wire::{Reader, WireError};
use table::{Kind, MISSING_TIME, TableError, Values};

/// The longest text of a payload, in bytes: its length travels in 16 bits.
pub(super) const TEXT_BYTES_MAX: usize = u16::MAX as usize;

/// How long the texts of one column may be together, in bytes: so much memory does the receiver
/// set aside, whatever the sender is.
pub(super) fn texts_bytes_max(rows: usize) -> usize {
    (256 * rows).saturating_add(1 << 20)
}

/// How large a chunk may be.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    /// Rows; at least 1.
    pub(super) rows: usize,
    /// Bytes of texts with their lengths; at least those of the longest one.
    pub(super) texts_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { rows: 1 << 14, texts_bytes: 1 << 18 }
    }
}

impl Limits {
    /// The longest chunk of a column of this kind, in bytes.
    pub(super) fn bytes_max(self, kind: Kind) -> usize {
        let values = match kind {
            Kind::Text | Kind::Category => self.texts_bytes,
            Kind::Number | Kind::Integer | Kind::Time => 8 * self.rows,
            Kind::Boolean => self.rows,
        };
        4 + self.rows.div_ceil(8) + values
    }
}

/// The values of as many of the first `rows` as one chunk takes, and how many these are.
pub(super) fn encode(
    kind: Kind,
    values: &Values,
    rows: &[u32],
    limits: Limits,
) -> (Vec<u8>, usize) {
    let mut present = Vec::new();
    let mut encoded = Vec::new();
    for row in rows.iter().take(limits.rows) {
        let row = *row as usize;
        let is_present = !values.is_missing(row);
        if is_present {
            let before = encoded.len();
            encode_value(kind, values, row, &mut encoded);
            if values.text(row).is_some() && encoded.len() > limits.texts_bytes {
                encoded.truncate(before);
                break;
            }
        }
        present.push(is_present);
    }
    let count = present.len();
    let mut bytes = (count as u32).to_le_bytes().to_vec();
    let bit = |(index, is_present): (usize, &bool)| u8::from(*is_present) << index;
    bytes.extend(present.chunks(8).map(|bits| bits.iter().enumerate().map(bit).sum::<u8>()));
    bytes.extend(encoded);
    (bytes, count)
}

fn encode_value(kind: Kind, values: &Values, row: usize, out: &mut Vec<u8>) {
    match values {
        Values::Text(_) | Values::Categorical(_) => {
            let text = values.text(row).unwrap_or_default();
            // Longer texts were refused before the header.
            out.extend((text.len() as u16).to_le_bytes());
            out.extend(text.as_bytes());
        }
        Values::Numeric(numbers) if kind == Kind::Boolean => {
            out.push(u8::from(numbers.value(row) > 0.5));
        }
        Values::Numeric(numbers) => out.extend(numbers.value(row).to_bits().to_le_bytes()),
        Values::Time(times) => out.extend(times.value(row).to_le_bytes()),
    }
}

/// A column of which some rows have arrived.
pub(super) struct Arrived {
    kind: Kind,
    rows: usize,
    store: Store,
}

enum Store {
    /// All texts behind each other, and the length of each, [`NONE`] where there is none.
    Texts(String, Vec<u32>),
    Numbers(Vec<f64>),
    Times(Vec<i64>),
}

impl Arrived {
    pub(super) fn new(kind: Kind, rows: usize) -> Self {
        let store = match kind {
            Kind::Text | Kind::Category => Store::Texts(String::new(), Vec::new()),
            Kind::Number | Kind::Integer | Kind::Boolean => Store::Numbers(Vec::new()),
            Kind::Time => Store::Times(Vec::new()),
        };
        Self { kind, rows, store }
    }

    pub(super) fn is_complete(&self) -> bool {
        self.count() == self.rows
    }

    fn count(&self) -> usize {
        match &self.store {
            Store::Texts(_, lengths) => lengths.len(),
            Store::Numbers(numbers) => numbers.len(),
            Store::Times(times) => times.len(),
        }
    }

    /// Takes a chunk; the error is the rule that it breaks.
    pub(super) fn add(&mut self, bytes: &[u8], limits: Limits) -> Result<(), String> {
        let mut reader = Reader::new(bytes);
        self.read(&mut reader, limits).and_then(|()| reader.finish()).map_err(|it| it.to_string())
    }

    fn read(&mut self, reader: &mut Reader<'_>, limits: Limits) -> Result<(), WireError> {
        let count = reader.count("rows", limits.rows.min(self.rows - self.count()))?;
        if count == 0 {
            return Err(broken("a chunk has no row"));
        }
        let bits = reader.bytes(count.div_ceil(8))?;
        if count % 8 != 0 && bits.last().is_some_and(|last| last >> (count % 8) != 0) {
            return Err(broken("a value is announced behind the last row of a chunk"));
        }
        for index in 0..count {
            let is_present = bits[index / 8] >> (index % 8) & 1 == 1;
            self.read_value(is_present.then_some(&mut *reader))?;
        }
        Ok(())
    }

    /// Reads one value; without a reader it is missing.
    fn read_value(&mut self, reader: Option<&mut Reader<'_>>) -> Result<(), WireError> {
        match (&mut self.store, reader) {
            (Store::Texts(texts, lengths), Some(reader)) => {
                let length = reader.u16()?;
                let text = std::str::from_utf8(reader.bytes(length.into())?)
                    .map_err(|_| broken("a text is not UTF-8"))?;
                if texts.len() + text.len() > texts_bytes_max(self.rows) {
                    return Err(broken("the texts are longer than 256 bytes a row and 1 MiB"));
                }
                texts.push_str(text);
                lengths.push(length.into());
            }
            (Store::Texts(_, lengths), None) => lengths.push(NONE),
            (Store::Numbers(numbers), Some(reader)) => {
                let number = match self.kind {
                    Kind::Boolean => f64::from(u8::from(reader.bool()?)),
                    _ => f64::from_bits(reader.u64()?),
                };
                if !self.kind.holds(number) {
                    let what = format!("a value of kind {} is {number}", self.kind);
                    return Err(WireError::Invalid { what });
                }
                numbers.push(number);
            }
            (Store::Numbers(numbers), None) => numbers.push(f64::NAN),
            (Store::Times(times), Some(reader)) => {
                let time = i64::from_le_bytes(reader.array()?);
                if time == MISSING_TIME {
                    return Err(broken("a time that is there is the one that means missing"));
                }
                times.push(time);
            }
            (Store::Times(times), None) => times.push(MISSING_TIME),
        }
        Ok(())
    }

    /// The values of all rows.
    ///
    /// # Errors
    /// [`TableError::Shape`] when a category has too many levels.
    pub(super) fn finish(self) -> Result<Values, TableError> {
        let is_category = self.kind == Kind::Category;
        match self.store {
            Store::Texts(texts, lengths) if is_category => {
                Values::categories(cut(&texts, &lengths))
            }
            Store::Texts(texts, lengths) => Ok(Values::texts(cut(&texts, &lengths))),
            Store::Numbers(numbers) => Ok(Values::numbers(numbers)),
            Store::Times(times) => Ok(Values::times(times)),
        }
    }
}

/// The single texts.
fn cut<'a>(texts: &'a str, lengths: &'a [u32]) -> impl Iterator<Item = Option<&'a str>> {
    let mut rest = texts;
    lengths.iter().map(move |length| {
        let (text, behind) = rest.split_at_checked(*length as usize).filter(|_| *length != NONE)?;
        rest = behind;
        Some(text)
    })
}

fn broken(rule: &str) -> WireError {
    WireError::Invalid { what: rule.to_owned() }
}

/// The length of a text that is missing.
const NONE: u32 = u32::MAX;
