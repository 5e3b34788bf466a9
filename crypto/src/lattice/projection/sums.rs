//! The sums of a query's words under the columns: plain arithmetic, no transform.

use rayon::prelude::*;

use super::evaluator::{BinnedColumn, Codes};
use super::{EncryptedVector, Projection};

/// Rows that are worked on together: their words stay in the first-level cache, and a chunk is a
/// whole number of blocks.
const BLOCK_ROWS: usize = 1024;

/// Columns that read the words of a query together.
const GROUP_COLUMNS: usize = 32;

/// Words below 2^50 that fit into one sum, with room for a reduced number.
const LAZY_ROWS: usize = 1 << 13;

/// `Σ_i x_ij·b_i` of every column, query and prime.
pub(super) fn integer_sums(
    projection: &Projection,
    columns: &[&[i32]],
    queries: &[EncryptedVector],
) -> Vec<u64> {
    let group_sums = |columns: &[&[i32]]| {
        let primes = projection.ring.primes();
        let mut sums = vec![0i128; columns.len() * queries.len() * primes];
        for start in (0..projection.rows).step_by(BLOCK_ROWS) {
            let rows = start..projection.rows.min(start + BLOCK_ROWS);
            let mut sums = sums.iter_mut();
            for column in columns {
                for query in queries {
                    for (prime, sum) in (0..primes).zip(sums.by_ref()) {
                        let words = query.residues(prime, rows.clone());
                        let engine = projection.ring.engine();
                        *sum += engine.weighted_sum(&column[rows.clone()], words);
                    }
                }
            }
        }
        let reduce = |(index, sum): (usize, i128)| {
            projection.ring.modulus(index % primes).reduce_signed(sum)
        };
        sums.into_iter().enumerate().map(reduce).collect::<Vec<u64>>()
    };
    let group = columns.len().div_ceil(rayon::current_num_threads()).min(GROUP_COLUMNS);
    columns.par_chunks(group).flat_map_iter(group_sums).collect()
}

/// The sum of the rows `b_i` in every bin, for every query and prime.
pub(super) fn binned_sums(
    projection: &Projection,
    columns: &[BinnedColumn<'_>],
    queries: &[EncryptedVector],
) -> Vec<u64> {
    let group = columns.len().div_ceil(rayon::current_num_threads()).min(GROUP_COLUMNS);
    columns
        .par_chunks(group)
        .flat_map_iter(|columns| group_histograms(projection, columns, queries))
        .collect()
}

/// The histograms of a few columns: all queries of a row lie side by side, so that a row costs one
/// pass over whole vectors of words.
fn group_histograms(
    projection: &Projection,
    columns: &[BinnedColumn<'_>],
    queries: &[EncryptedVector],
) -> Vec<u64> {
    let primes = projection.ring.primes();
    let used = queries.len() * primes;
    let width = used.next_multiple_of(if used <= 4 { 4 } else { 8 });
    let table = |column: &BinnedColumn<'_>| vec![0u64; column.bins * width];
    let mut tables: Vec<Vec<u64>> = columns.iter().map(table).collect();
    let mut block = vec![0u64; BLOCK_ROWS * width];
    for start in (0..projection.rows).step_by(BLOCK_ROWS) {
        let rows = start..projection.rows.min(start + BLOCK_ROWS);
        let block = &mut block[..rows.len() * width];
        let residues = |query| (0..primes).map(move |prime| (query, prime));
        for (place, (query, prime)) in (0..queries.len()).flat_map(residues).enumerate() {
            let words = queries[query].residues(prime, rows.clone());
            for (row, word) in block.chunks_exact_mut(width).zip(words) {
                row[place] = *word;
            }
        }
        let reduces = start % LAZY_ROWS == LAZY_ROWS - BLOCK_ROWS;
        for (column, table) in columns.iter().zip(&mut tables) {
            let engine = projection.ring.engine();
            match column.codes {
                Codes::Narrow(codes) => engine.histogram(&codes[rows.clone()], block, width, table),
                Codes::Wide(codes) => engine.histogram(&codes[rows.clone()], block, width, table),
            }
            if reduces {
                reduce(projection, table, width);
            }
        }
    }
    let mut sums = Vec::new();
    for mut table in tables {
        reduce(projection, &mut table, width);
        sums.extend(table.chunks_exact(width).flat_map(|row| row[..used].iter().copied()));
    }
    sums
}

fn reduce(projection: &Projection, table: &mut [u64], width: usize) {
    let primes = projection.ring.primes();
    for row in table.chunks_exact_mut(width) {
        for (place, sum) in row.iter_mut().enumerate() {
            *sum = projection.ring.modulus(place % primes).reduce_wide(u128::from(*sum));
        }
    }
}
