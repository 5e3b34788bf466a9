//! Transposing bit matrices, the data movement at the heart of oblivious-transfer extension.

use rayon::prelude::*;

use crate::arch::transpose::{Block, Engine};

/// Transposes a bit matrix of 128 rows: bit `r` of the result's element `c` is bit `c` of row `r`.
///
/// Shapes: `rows` holds the 128 rows one after the other, each of `columns.div_ceil(8)` bytes; bit
/// `c` of a row is bit `c % 8` of its byte `c / 8`. Bits past `columns` in a row's last byte are
/// ignored. One flat slice lets every row be written by its own thread and is read here in
/// whole cache lines.
///
/// Runs on the current rayon pool, with the widest engine that the processor has. The time depends
/// on the shape only.
///
/// # Panics
///
/// If `rows` has not exactly that length: the shape is the caller's own.
pub fn transpose_128(rows: &[u8], columns: usize) -> Vec<u128> {
    transpose_with(Engine::detect(), rows, columns)
}

fn transpose_with(engine: Engine, rows: &[u8], columns: usize) -> Vec<u128> {
    let row_bytes = columns.div_ceil(8);
    assert_eq!(rows.len(), 128 * row_bytes, "the matrix must have 128 rows of {row_bytes} bytes");
    let mut transposed = vec![0; columns];
    transposed.par_chunks_mut(COLUMNS_PER_TASK).enumerate().for_each(|(task, columns)| {
        let first_line = task * (COLUMNS_PER_TASK / COLUMNS_PER_LINE);
        for (line, columns) in columns.chunks_mut(COLUMNS_PER_LINE).enumerate() {
            transpose_line(engine, rows, row_bytes, (first_line + line) * 64, columns);
        }
    });
    transposed
}

/// Transposes up to one cache line of each row, from the byte `offset` of the row on.
///
/// All four blocks of the lines are gathered before any is transposed: rows often lie a large power
/// of two apart, where 128 of them compete for the same few places in the cache and a line that is
/// left half-read would have to be fetched again.
fn transpose_line(
    engine: Engine,
    rows: &[u8],
    row_bytes: usize,
    offset: usize,
    columns: &mut [u128],
) {
    let mut blocks: [Block; 4] = [[0; 128]; 4];
    for (index, row) in rows.chunks_exact(row_bytes).enumerate() {
        let line = &row[offset..row_bytes.min(offset + 64)];
        let (words, tail) = line.as_chunks::<16>();
        for (block, word) in blocks.iter_mut().zip(words) {
            block[index] = u128::from_le_bytes(*word);
        }
        if !tail.is_empty() {
            let mut word = [0; 16];
            word[..tail.len()].copy_from_slice(tail);
            blocks[words.len()][index] = u128::from_le_bytes(word);
        }
    }
    for (block, columns) in blocks.iter_mut().zip(columns.chunks_mut(128)) {
        engine.transpose(block);
        columns.copy_from_slice(&block[..columns.len()]);
    }
}

/// Columns in a cache line of 64 bytes of a row.
const COLUMNS_PER_LINE: usize = 512;

/// Columns that one task of the pool handles: 128 KiB of input, enough to hide its start.
const COLUMNS_PER_TASK: usize = 16 * COLUMNS_PER_LINE;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::random::Generator;

    fn random_rows(columns: usize, seed: u8) -> Vec<u8> {
        let mut rows = vec![0; 128 * columns.div_ceil(8)];
        Generator::from_seed([seed; 32]).fill_bytes(&mut rows);
        rows
    }

    fn bit_by_bit(rows: &[u8], columns: usize) -> Vec<u128> {
        let row_bytes = columns.div_ceil(8);
        let bit = |row: usize, column: usize| {
            u128::from(rows[row * row_bytes + column / 8] >> (column % 8) & 1)
        };
        (0..columns)
            .map(|column| (0..128).map(|row| bit(row, column) << row).fold(0, |all, bit| all | bit))
            .collect()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(16))]
        #[test]
        fn every_engine_agrees_with_the_definition(columns in 0usize..2500, seed: u8) {
            let rows = random_rows(columns, seed);
            let expected = bit_by_bit(&rows, columns);
            for engine in Engine::available() {
                prop_assert_eq!(&transpose_with(engine, &rows, columns), &expected);
            }
        }
    }

    #[test]
    fn tasks_meet_without_a_gap() {
        let columns = 2 * COLUMNS_PER_TASK + 700;
        let rows = random_rows(columns, 9);
        assert_eq!(transpose_128(&rows, columns), bit_by_bit(&rows, columns));
    }

    #[test]
    fn one_set_bit_lands_where_the_documentation_says() {
        let mut rows = vec![0; 128 * 2];
        rows[5 * 2 + 1] = 1 << 3;
        let transposed = transpose_128(&rows, 16);
        assert_eq!(transposed[11], 1 << 5);
        assert_eq!(transposed.iter().filter(|&&column| column != 0).count(), 1);
    }
}
