//! A fingerprint of a table's content, for audit records.

use arrow_array::Array;

use super::Table;
use crate::column::{MISSING_CODE, Values};

/// Separates this use of the hash from all others; the number changes with the encoding.
const CONTEXT: &str = "tombolo table content digest 1";

impl Table {
    /// A BLAKE3 hash of the schema's names, kinds and roles and of all values in row order.
    ///
    /// Equal content gives equal digests whatever file it came from. The digest of rows that
    /// somebody can guess lets them confirm the guess: it is for the party's own audit record
    /// and not for its peers.
    pub fn content_digest(&self) -> [u8; 32] {
        let mut hasher = blake3::Hasher::new_derive_key(CONTEXT);
        hasher.update(&(self.rows as u64).to_le_bytes());
        hasher.update(&(self.columns.len() as u64).to_le_bytes());
        for (column, values) in self.schema.columns().iter().zip(&self.columns) {
            for part in [column.name.as_str(), column.kind.name(), column.role.name()] {
                update_with_text(&mut hasher, part);
            }
            update_with_values(&mut hasher, values);
        }
        hasher.finalize().into()
    }
}

fn update_with_values(hasher: &mut blake3::Hasher, values: &Values) {
    match values {
        Values::Text(texts) => {
            for row in 0..texts.len() {
                let text = texts.is_valid(row).then(|| texts.value(row));
                update_with_optional(hasher, text);
            }
        }
        Values::Numeric(numbers) => {
            for number in numbers.values() {
                let number = if number.is_nan() { f64::NAN } else { *number };
                hasher.update(&number.to_bits().to_le_bytes());
            }
        }
        Values::Categorical(categories) => {
            // Levels without a row differ between equal selections, so codes are not hashed
            // as they are: each used level is renumbered in sorted order.
            let view = categories.view();
            let mut is_used = vec![false; view.levels.len()];
            for code in view.codes.iter().filter(|code| **code != MISSING_CODE) {
                is_used[*code as usize] = true;
            }
            let used = view.levels.iter().zip(&is_used).filter(|(_, is_used)| **is_used);
            hasher.update(&(used.clone().count() as u64).to_le_bytes());
            used.for_each(|(level, _)| update_with_text(hasher, level));
            let mut next = 0_u32;
            let renumbered: Vec<u32> = is_used
                .into_iter()
                .map(|is_used| {
                    next += u32::from(is_used);
                    next.wrapping_sub(1)
                })
                .collect();
            for code in view.codes {
                let code = renumbered.get(*code as usize).copied().unwrap_or(MISSING_CODE);
                hasher.update(&code.to_le_bytes());
            }
        }
        Values::Time(times) => {
            for time in times.values() {
                hasher.update(&time.to_le_bytes());
            }
        }
    }
}

fn update_with_text(hasher: &mut blake3::Hasher, text: &str) {
    hasher.update(&(text.len() as u64).to_le_bytes());
    hasher.update(text.as_bytes());
}

fn update_with_optional(hasher: &mut blake3::Hasher, text: Option<&str>) {
    match text {
        Some(text) => update_with_text(hasher, text),
        // No text is this long.
        None => drop(hasher.update(&u64::MAX.to_le_bytes())),
    }
}
