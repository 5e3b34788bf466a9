//! Encoding one bin: peel rows off, solve for the dense cells if need be, fill in backwards.

use crypto::field128::{Gf128, multiply_each};

use super::NotEncodable;
use super::dense;
use super::layout::{Dense, Layout};
use super::rows::{BATCH, RowHash, bits};

/// The rows of one bin and what encoding it needs; reused from bin to bin.
#[derive(Default)]
pub(super) struct Scratch {
    /// The sparse cells of each row.
    columns: Vec<[u16; 3]>,
    /// Each row's element for the dense cells.
    powers: Vec<Gf128>,
    /// The value that each row is to have.
    values: Vec<Gf128>,
    /// For each sparse cell, the rows that are left on it.
    links: Vec<Link>,
    /// Cells that had one row left when they were put here.
    single: Vec<u16>,
    /// Peeled rows in order, each with the cell that no later row has.
    peeled: Vec<(u16, u16)>,
    /// Rows that peeling could not free.
    gaps: Vec<u16>,
}

/// How many rows a cell has (upper half) and the XOR of their indices (lower half): the index of
/// the last one when one is left.
type Link = u32;

/// One row more or less in the upper half of a [`Link`].
const ONE_ROW: Link = 1 << 16;

impl Scratch {
    /// Takes the rows of the keys, and the values they are to have.
    pub(super) fn load(
        &mut self,
        rows: &RowHash,
        layout: &Layout,
        pairs: impl Iterator<Item = (u128, Gf128)>,
    ) {
        self.columns.clear();
        self.powers.clear();
        self.values.clear();
        let mut pairs = pairs.peekable();
        while pairs.peek().is_some() {
            let (mut keys, mut count) = ([0; BATCH], 0);
            for (slot, (key, value)) in keys.iter_mut().zip(pairs.by_ref()) {
                *slot = key;
                count += 1;
                self.values.push(value);
            }
            let batch = rows.batch(&keys[..count]);
            self.columns.extend(batch.places().map(|place| place.columns(layout)));
            self.powers.extend(batch.powers());
        }
    }

    /// Fills the cells of the bin that rows need; those that are free stay as they are.
    pub(super) fn solve(
        &mut self,
        cells: &mut [Gf128],
        layout: &Layout,
    ) -> Result<(), NotEncodable> {
        self.peel(layout.sparse, layout.gaps)?;
        let (sparse, dense) = cells.split_at_mut(layout.sparse);
        self.solve_dense(dense, sparse, layout.kind)?;
        if dense.iter().any(|cell| *cell != Gf128::ZERO) {
            match layout.kind {
                Dense::Powers => self.subtract_powers(dense),
                Dense::Bits => self.subtract_bits(dense),
            }
        }
        for &(row, column) in self.peeled.iter().rev() {
            let [first, second, third] = self.columns[usize::from(row)].map(usize::from);
            // One of the three is the row's own cell: adding the sum cancels what it had.
            let sum = sparse[first] + sparse[second] + sparse[third];
            sparse[usize::from(column)] += self.values[usize::from(row)] + sum;
        }
        Ok(())
    }

    /// Puts all rows into `peeled`, or at most `gaps_max` of them into `gaps`.
    fn peel(&mut self, sparse: usize, gaps_max: usize) -> Result<(), NotEncodable> {
        self.links.clear();
        self.links.resize(sparse, 0);
        self.peeled.clear();
        self.gaps.clear();
        for (row, columns) in self.columns.iter().enumerate() {
            for column in columns {
                let link = &mut self.links[usize::from(*column)];
                *link = (*link + ONE_ROW) ^ row as Link;
            }
        }
        let is_single = |link: &Link| link / ONE_ROW == 1;
        let singles = (0..).zip(&self.links).filter(|(_, link)| is_single(link));
        self.single.clear();
        self.single.extend(singles.map(|(column, _)| column));
        loop {
            self.peel_singles();
            if self.peeled.len() + self.gaps.len() == self.columns.len() {
                return Ok(());
            }
            let freed = self.open_gaps(gaps_max)?;
            self.single.push(freed);
        }
    }

    /// Peels rows until no cell has exactly one row left.
    fn peel_singles(&mut self) {
        while let Some(column) = self.single.pop() {
            let link = self.links[usize::from(column)];
            // Its last row may have gone by way of another cell since.
            if link / ONE_ROW == 1 {
                let row = link as u16;
                self.peeled.push((row, column));
                self.remove(row);
            }
        }
    }

    /// Takes a row off its cells, and notes the cells that have one row left.
    fn remove(&mut self, row: u16) {
        for column in self.columns[usize::from(row)] {
            let link = &mut self.links[usize::from(column)];
            *link = (*link - ONE_ROW) ^ Link::from(row);
            if *link / ONE_ROW == 1 {
                self.single.push(column);
            }
        }
    }

    /// Frees a cell with the fewest rows left: all of these but one become gaps. Happens in few
    /// bins, so that it may look at every row.
    fn open_gaps(&mut self, gaps_max: usize) -> Result<u16, NotEncodable> {
        let left = (0..).zip(&self.links).filter(|(_, link)| **link >= ONE_ROW);
        // Both exist as long as rows are left.
        let (column, _) = left.min_by_key(|(_, link)| **link / ONE_ROW).ok_or(NotEncodable)?;
        let mut is_left = vec![true; self.columns.len()];
        let gone = self.peeled.iter().map(|(row, _)| row).chain(&self.gaps);
        gone.for_each(|row| is_left[usize::from(*row)] = false);
        let on_it = (0..).zip(self.columns.iter().zip(is_left));
        let on_it = on_it.filter(|(_, (columns, is_left))| *is_left && columns.contains(&column));
        let excess: Vec<u16> = on_it.map(|(row, _)| row).skip(1).collect();
        if self.gaps.len() + excess.len() > gaps_max {
            return Err(NotEncodable);
        }
        for row in excess {
            self.gaps.push(row);
            self.remove(row);
        }
        Ok(column)
    }

    /// Finds dense cells that give the gap rows their values.
    ///
    /// A gap row is added up with the peeled rows that clear its cells, in the order of peeling.
    /// What is left of it are free cells, coefficients of the dense cells and a value.
    fn solve_dense(
        &self,
        dense: &mut [Gf128],
        sparse: &[Gf128],
        kind: Dense,
    ) -> Result<(), NotEncodable> {
        let mut equations = Vec::with_capacity(self.gaps.len());
        for &gap in &self.gaps {
            let mut is_set = vec![false; sparse.len()];
            let mut equation = dense::Equation::zero(dense.len());
            let mut add = |row: u16, is_set: &mut [bool]| {
                let row = usize::from(row);
                self.columns[row].iter().for_each(|column| is_set[usize::from(*column)] ^= true);
                match kind {
                    Dense::Powers => equation.add_powers(self.powers[row], self.values[row]),
                    Dense::Bits => equation.add_bits(bits(self.powers[row]), self.values[row]),
                }
            };
            add(gap, &mut is_set);
            for &(row, column) in &self.peeled {
                if is_set[usize::from(column)] {
                    add(row, &mut is_set);
                }
            }
            let free = sparse.iter().zip(is_set).filter(|(_, is_set)| *is_set);
            equation.add_value(free.map(|(cell, _)| *cell).sum());
            equations.push(equation);
        }
        dense::solve(equations, dense).ok_or(NotEncodable)
    }

    /// Takes what the dense cells give each row off its value, if they are multiplied by bits.
    fn subtract_bits(&mut self, dense: &[Gf128]) {
        for (value, element) in self.values.iter_mut().zip(&self.powers) {
            let cells = (0..).zip(dense).filter(|(place, _)| bits(*element) >> place & 1 == 1);
            *value += cells.map(|(_, cell)| *cell).sum();
        }
    }

    /// As [`subtract_bits`](Self::subtract_bits), if they are multiplied by powers.
    fn subtract_powers(&mut self, dense: &[Gf128]) {
        for (values, powers) in self.values.chunks_mut(BATCH).zip(self.powers.chunks(BATCH)) {
            let mut sums = [Gf128::ZERO; BATCH];
            let sums = &mut sums[..values.len()];
            for cell in dense.iter().rev() {
                for sum in sums.iter_mut() {
                    *sum += *cell;
                }
                multiply_each(sums, powers);
            }
            values.iter_mut().zip(sums).for_each(|(value, sum)| *value += *sum);
        }
    }
}

#[cfg(test)]
mod tests {
    use crypto::random::Generator;

    use super::*;

    /// Loads rows as they are.
    fn scratch(columns: &[[u16; 3]]) -> Scratch {
        let mut rng = Generator::from_seed([3; 32]);
        let mut elements = || columns.iter().map(|_| Gf128::random(&mut rng)).collect();
        Scratch {
            columns: columns.to_vec(),
            powers: elements(),
            values: elements(),
            ..Scratch::default()
        }
    }

    fn value(cells: &[Gf128], columns: [u16; 3], power: Gf128, layout: &Layout) -> Gf128 {
        let dense = cells[layout.sparse..].iter().enumerate().rev();
        let dense = dense.fold(Gf128::ZERO, |sum, (place, cell)| match layout.kind {
            Dense::Powers => (sum + *cell) * power,
            Dense::Bits => sum + *cell * Gf128(power.0 >> place & 1),
        });
        columns.iter().map(|column| cells[usize::from(*column)]).sum::<Gf128>() + dense
    }

    fn layout(kind: Dense, gaps: usize) -> Layout {
        Layout { kind, bins: 1, capacity: 16, sparse: 12, dense: gaps, gaps }
    }

    /// Rows that no peeling frees: four rows on four cells, and pairs that share all their cells.
    #[test]
    fn gaps_are_solved_by_the_dense_cells() {
        let core = [[0, 1, 2], [0, 1, 3], [0, 2, 3], [1, 2, 3]];
        let pairs = [[4, 5, 6], [6, 5, 4], [7, 8, 9], [8, 9, 7], [9, 10, 11]];
        for (columns, gaps) in [
            (core.to_vec(), 2),
            (pairs.to_vec(), 2),
            ([&core[..], &pairs].concat(), 4),
            (vec![[0, 1, 2]; 4], 3),
        ] {
            let bits = Layout { dense: 40, ..layout(Dense::Bits, 4) };
            for layout in [layout(Dense::Powers, 4), bits] {
                let zero = vec![Gf128::ZERO; layout.bin_cells()];
                let filled = (1 << 100..).map(Gf128).take(layout.bin_cells()).collect();
                let mut scratch = scratch(&columns);
                let wanted = scratch.values.clone();
                for mut cells in [zero, filled] {
                    scratch.values.clone_from(&wanted);
                    scratch.solve(&mut cells, &layout).unwrap();
                    assert_eq!(scratch.gaps.len(), gaps);
                    for ((row, power), wanted) in columns.iter().zip(&scratch.powers).zip(&wanted) {
                        assert_eq!(value(&cells, *row, *power, &layout), *wanted);
                    }
                }
                let too_few = Layout { gaps: gaps - 1, ..layout };
                let mut cells = vec![Gf128::ZERO; too_few.bin_cells()];
                assert_eq!(scratch.solve(&mut cells, &too_few), Err(NotEncodable));
            }
        }
    }

    #[test]
    fn equal_rows_are_refused() {
        let layout = layout(Dense::Powers, 4);
        let mut cells = vec![Gf128::ZERO; layout.bin_cells()];
        let mut scratch = scratch(&[[0, 1, 2], [3, 4, 5], [0, 1, 2]]);
        scratch.powers[2] = scratch.powers[0];
        assert_eq!(scratch.solve(&mut cells, &layout), Err(NotEncodable));
        scratch.values[2] = scratch.values[0];
        assert_eq!(scratch.solve(&mut cells, &layout), Err(NotEncodable));
    }
}
