//! Checks on an evaluator's columns.

use super::{LatticeError, invalid};

/// Integers of columns must be below 2^20 in magnitude.
///
/// This is what keeps noise, mask and plaintext within Q, and sums within the kernels' words.
pub const INTEGER_BITS: u32 = 20;

/// Checks length and magnitude of columns of integers.
pub(super) fn check_columns(columns: &[&[i32]], rows: usize) -> Result<(), LatticeError> {
    for (index, column) in columns.iter().enumerate() {
        check_length(index, column.len(), rows)?;
        let mut magnitudes = column.iter().map(|integer| integer.unsigned_abs());
        if magnitudes.any(|magnitude| magnitude >= 1 << INTEGER_BITS) {
            return Err(invalid(format!(
                "column {index} has an integer of more than {INTEGER_BITS} bits: scale it down"
            )));
        }
    }
    Ok(())
}

/// Checks the length of one column.
pub(super) fn check_length(index: usize, actual: usize, rows: usize) -> Result<(), LatticeError> {
    if actual == rows {
        return Ok(());
    }
    Err(invalid(format!("column {index} has {actual} rows instead of {rows}")))
}
