//! Several levels of a tournament from one round of comparisons.
//!
//! In a block of 2^l neighbours everybody is compared with everybody. A match between two winners
//! is one of the comparisons of their halves; which one, the matches before say: a table of
//! comparisons with a row for each of the left half and a column for each of the right one, in
//! which a decided match merges two rows, or two columns.

use crate::boolean::Bits;
use crate::{Arithmetic, MpcError};

/// Neighbours of each group, in blocks of 2^levels; the last one of a group may have fewer.
pub(super) struct Blocks {
    levels: usize,
    /// Where each begins, and how many it has.
    spans: Vec<(usize, usize)>,
}

/// The comparisons of one match, row after row; one bit for each block.
struct Table {
    rows: usize,
    cells: Vec<Bits>,
}

/// What merges: the bit that decides, what stays if it is clear, and what then changes if it is
/// set.
struct Merge {
    bit: Bits,
    kept: Bits,
    change: Bits,
}

impl Blocks {
    pub(super) fn new(sizes: &[usize], levels: usize) -> Self {
        let mut spans = Vec::new();
        let mut start = 0;
        for size in sizes {
            for first in (0..*size).step_by(1 << levels) {
                spans.push((start + first, (size - first).min(1 << levels)));
            }
            start += size;
        }
        Self { levels, spans }
    }

    /// How many comparisons there are in blocks of 2^levels.
    pub(super) fn comparisons(sizes: &[usize], levels: usize) -> usize {
        let pairs = |count: usize| count * count.saturating_sub(1) / 2;
        let width = 1 << levels;
        sizes.iter().map(|size| size / width * pairs(width) + pairs(size % width)).sum()
    }

    /// The two sides of every comparison, pair after pair and for each pair block after block.
    pub(super) fn pairs(&self) -> (Vec<usize>, Vec<usize>) {
        let pairs = self.matches().flat_map(|(level, place)| cells(level, place));
        pairs
            .flat_map(|(left, right)| self.at(right).map(move |it| (it + left, it + right)))
            .unzip()
    }

    /// For each level, the first one first, whether the right one wins, for all pairs of neighbours
    /// that meet there, block after block.
    pub(super) async fn outcomes<P: Arithmetic>(
        &self,
        party: &mut P,
        compared: &Bits,
    ) -> Result<Vec<Bits>, MpcError> {
        let mut tables = self.tables(compared);
        if self.levels == 1 {
            return Ok(vec![self.in_order(0, &tables[0])]);
        }
        let words = products(self.levels) * self.spans.len().div_ceil(64);
        let mut triples = party.triples(words).await?;
        for level in 1..self.levels {
            for merges_rows in [true, false] {
                let (known, open) = tables.split_at_mut(level);
                let merges: Vec<Vec<Merge>> = (0..)
                    .zip(&*open)
                    .flat_map(|(above, tables)| (0..).zip(tables).map(move |it| (above, it)))
                    .map(|(above, (place, table))| {
                        let first = place << (above + 1);
                        let first = if merges_rows { first } else { first + (1 << above) };
                        table.merges(&known[level - 1][first..], merges_rows)
                    })
                    .collect();
                let pairs: Vec<(&Bits, &Bits)> =
                    merges.iter().flatten().map(|merge| (&merge.bit, &merge.change)).collect();
                let mut changes = party.and(&mut triples, &pairs).await?.into_iter();
                for (table, merges) in open.iter_mut().flatten().zip(&merges) {
                    let changed = merges.iter().zip(&mut changes);
                    table.cells = changed.map(|(merge, change)| merge.kept.xor(&change)).collect();
                    table.rows = if merges_rows { table.rows / 2 } else { table.rows };
                }
            }
        }
        Ok((0..).zip(&tables).map(|(level, tables)| self.in_order(level, tables)).collect())
    }

    /// Level and place in a full block of all its matches.
    fn matches(&self) -> impl Iterator<Item = (usize, usize)> {
        let levels = self.levels;
        (0..levels).flat_map(move |level| (0..1 << (levels - 1 - level)).map(move |it| (level, it)))
    }

    /// Where the blocks begin that have a contender at `place`.
    fn at(&self, place: usize) -> impl Iterator<Item = usize> {
        self.spans.iter().filter(move |(_, size)| place < *size).map(|(start, _)| *start)
    }

    /// The comparisons of each match, level after level; where a block has nobody on the right, the
    /// left one wins.
    fn tables(&self, compared: &Bits) -> Vec<Vec<Table>> {
        let mut next = 0;
        let mut of_pair = |right: usize| {
            Bits::from_fn(self.spans.len(), |block| {
                let is_there = right < self.spans[block].1;
                next += usize::from(is_there);
                is_there && compared.bit(next - 1) == 1
            })
        };
        let mut tables: Vec<Vec<Table>> = (0..self.levels).map(|_| Vec::new()).collect();
        for (level, place) in self.matches() {
            let cells = cells(level, place).map(|(_, right)| of_pair(right)).collect();
            tables[level].push(Table { rows: 1 << level, cells });
        }
        tables
    }

    /// The decided matches of a level, of those that have two sides.
    fn in_order(&self, level: usize, tables: &[Table]) -> Bits {
        let mut bits = Vec::new();
        for (block, (_, size)) in self.spans.iter().enumerate() {
            let here = size.div_ceil(1 << level);
            let met = tables.iter().take(here / 2);
            bits.extend(met.map(|table| table.cells[0].bit(block) == 1));
        }
        Bits::from_fn(bits.len(), |place| bits[place])
    }
}

/// The pairs that may meet in a match, row after row.
fn cells(level: usize, place: usize) -> impl Iterator<Item = (usize, usize)> {
    let (first, half) = (place << (level + 1), 1 << level);
    (first..first + half)
        .flat_map(move |left| (first + half..first + 2 * half).map(move |right| (left, right)))
}

/// How many merges there are in a block.
fn products(levels: usize) -> usize {
    let of_match = |level: usize, height: usize| {
        let side = 1 << (height - level + 1);
        (side / 2 * side + side / 2 * (side / 2)) << (levels - 1 - height)
    };
    (1..levels)
        .map(|level| (level..levels).map(|height| of_match(level, height)).sum::<usize>())
        .sum()
}

impl Table {
    /// Pairs of neighbouring rows or columns by the matches that decide them, cell after cell of
    /// the smaller table.
    fn merges(&self, known: &[Self], of_rows: bool) -> Vec<Merge> {
        let (rows, columns) = (self.rows, self.cells.len() / self.rows);
        let shape = if of_rows { (rows / 2, columns) } else { (rows, columns / 2) };
        let places = (0..shape.0).flat_map(|row| (0..shape.1).map(move |column| (row, column)));
        places
            .map(|(row, column)| {
                let (decides, one, other) = if of_rows {
                    (row, 2 * row * columns + column, (2 * row + 1) * columns + column)
                } else {
                    (column, row * columns + 2 * column, row * columns + 2 * column + 1)
                };
                let kept = self.cells[one].clone();
                let change = kept.xor(&self.cells[other]);
                Merge { bit: known[decides].cells[0].clone(), kept, change }
            })
            .collect()
    }
}
