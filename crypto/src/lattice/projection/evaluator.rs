//! The evaluator: columns, their hints, and answers to queries.

use core::ops::Range;

use rayon::prelude::*;
use zeroize::Zeroizing;

use super::element::Element;
use super::sums::{binned_sums, integer_sums};
use super::{EncryptedVector, Hint, Projection, Purpose};
use crate::hash;
use crate::lattice::columns::{check_columns, check_length};
use crate::lattice::fraction::rounding_variance;
use crate::lattice::noise::{FRESH_VARIANCE, bound_bits, hint_variance};
use crate::lattice::ring::Accumulator;
use crate::lattice::sample::{Ternary, add_errors};
use crate::lattice::{LatticeError, invalid};
use crate::random::Generator;

/// One column of bin codes: it stands for `bins` columns of zeros and ones.
#[derive(Clone, Copy, Debug)]
pub struct BinnedColumn<'a> {
    /// The bin of every row, below `bins`.
    pub codes: Codes<'a>,
    /// How many bins there are.
    pub bins: usize,
}

/// Bin codes of one or two bytes.
#[derive(Clone, Copy, Debug)]
pub enum Codes<'a> {
    /// At most 256 bins.
    Narrow(&'a [u8]),
    /// At most 65,536 bins.
    Wide(&'a [u16]),
}

/// The side that owns the columns.
///
/// Outputs are numbered: column by column for integers, and for binned columns all bins of the
/// first column, then all of the next.
pub struct Evaluator<'a> {
    pub(super) projection: &'a Projection,
    pub(super) columns: Columns<'a>,
    outputs: usize,
    /// Every hint's secret and error come from this, one stream per output.
    seed: Zeroizing<[u8; 32]>,
    /// `u_j` of every output, reversed for dot products.
    pub(super) secrets: Vec<Ternary>,
    /// log2 of the bound of the noise of any answer.
    pub(super) noise_bits: f64,
}

pub(super) enum Columns<'a> {
    Integers(Vec<&'a [i32]>),
    Binned(Vec<BinnedColumn<'a>>),
}

impl<'a> Evaluator<'a> {
    /// Prepares columns of integers, of magnitude below 2^20 ([`crate::lattice::INTEGER_BITS`]).
    ///
    /// # Errors
    ///
    /// [`LatticeError::InvalidInput`] if a column has another length than the projection or a
    /// number that is too large.
    pub fn integers(
        projection: &'a Projection,
        columns: Vec<&'a [i32]>,
        rng: &mut Generator,
    ) -> Result<Self, LatticeError> {
        check_columns(&columns, projection.rows)?;
        let square = |column: &&[i32]| -> u64 {
            column.iter().map(|weight| i64::from(*weight).pow(2) as u64).sum()
        };
        let norm = columns.par_iter().map(square).max().unwrap_or(0);
        let outputs = columns.len();
        Self::new(projection, Columns::Integers(columns), outputs, norm as f64, rng)
    }

    /// Prepares binned columns: every bin is an output, the sum over the rows in the bin.
    ///
    /// # Errors
    ///
    /// [`LatticeError::InvalidInput`] if a column has another length than the projection or a code
    /// beyond its bins.
    pub fn binned(
        projection: &'a Projection,
        columns: Vec<BinnedColumn<'a>>,
        rng: &mut Generator,
    ) -> Result<Self, LatticeError> {
        for (index, column) in columns.iter().enumerate() {
            check_length(index, column.codes.len(), projection.rows)?;
            if column.codes.largest().is_some_and(|largest| largest >= column.bins) {
                return Err(invalid(format!("column {index} has a code beyond its bins")));
            }
        }
        let outputs = columns.iter().map(|column| column.bins).sum();
        let norm = projection.rows as f64;
        Self::new(projection, Columns::Binned(columns), outputs, norm, rng)
    }

    fn new(
        projection: &'a Projection,
        columns: Columns<'a>,
        outputs: usize,
        largest_square: f64,
        rng: &mut Generator,
    ) -> Result<Self, LatticeError> {
        if outputs == 0 {
            return Err(invalid("an evaluator needs at least one column"));
        }
        let mut seed = Zeroizing::new([0; 32]);
        rng.fill_bytes(&mut *seed);
        let mut variance = FRESH_VARIANCE * largest_square + hint_variance(&projection.ring);
        if projection.purpose == Purpose::Shared {
            // That of the hint under the key, and of `b_x` under the hint's secret. Each of these
            // two depends on what the other one meets, so that deviations add up, not variances.
            variance += 4.0 * rounding_variance(&projection.ring);
        }
        let mut evaluator = Self {
            projection,
            columns,
            outputs,
            seed,
            secrets: Vec::new(),
            noise_bits: bound_bits(variance),
        };
        let secrets =
            (0..outputs).into_par_iter().map(|output| evaluator.secret(output).0.reversed());
        evaluator.secrets = secrets.collect();
        Ok(evaluator)
    }

    /// How many sums an answer has.
    pub fn outputs(&self) -> usize {
        self.outputs
    }

    /// `u_j`, and the generator that goes on to `e_j`.
    fn secret(&self, output: usize) -> (Ternary, Generator) {
        let index = (output as u64).to_le_bytes();
        let seed = hash::digest("lattice/projection hint", &[&*self.seed, &index]);
        let mut rng = Generator::from_seed(seed);
        (Ternary::random(self.projection.ring.degree(), &mut rng), rng)
    }

    /// The hints of some outputs, in order; the same output always gives the same hint.
    ///
    /// Each takes n/N + 2 transforms per prime; ask for ranges, so that sending overlaps.
    ///
    /// # Panics
    ///
    /// If the range goes beyond [`Evaluator::outputs`].
    pub fn hints(&self, outputs: Range<usize>) -> Vec<Hint> {
        assert!(outputs.end <= self.outputs, "only {} outputs", self.outputs);
        outputs
            .into_par_iter()
            .map_init(
                || Accumulator::new(&self.projection.ring),
                |sum, output| self.hint(output, sum),
            )
            .collect()
    }

    /// The hint of one output; `sum` is empty before and after.
    fn hint(&self, output: usize, sum: &mut Accumulator) -> Hint {
        let projection = self.projection;
        let ring = &projection.ring;
        let (secret, mut rng) = self.secret(output);
        let factor = Zeroizing::new(ring.forward(secret.to_poly(ring)));
        sum.add(ring, &[(&factor, &projection.public_extra)]);
        let mut coefficients = Zeroizing::new(vec![0; ring.degree()]);
        let mut scratch = Zeroizing::new(vec![0; ring.degree()]);
        for (chunk, public) in projection.public.iter().enumerate() {
            let start = chunk * ring.degree();
            let rows = start..projection.rows.min(start + ring.degree());
            self.columns.reversed_chunk(output, rows, &mut coefficients);
            sum.add_small(ring, &coefficients, public, &mut scratch);
        }
        let mut poly = ring.inverse(sum.take(ring));
        add_errors(ring, &mut poly, &mut rng);
        Hint { element: Element::new(projection, poly) }
    }

    /// `Σ_i x_ij·b_i` of every output, query and prime, in this order of nesting.
    pub(super) fn sums(&self, queries: &[EncryptedVector]) -> Vec<u64> {
        match &self.columns {
            Columns::Integers(columns) => integer_sums(self.projection, columns, queries),
            Columns::Binned(columns) => binned_sums(self.projection, columns, queries),
        }
    }
}

impl core::fmt::Debug for Evaluator<'_> {
    fn fmt(&self, formatter: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        formatter.debug_struct("Evaluator").field("outputs", &self.outputs).finish_non_exhaustive()
    }
}

impl Columns<'_> {
    /// Writes `Σ_i x_i·X^(-i)` over a chunk of rows: `X^(-i) = -X^(N - i)`.
    fn reversed_chunk(&self, output: usize, rows: Range<usize>, out: &mut [i32]) {
        out.fill(0);
        match self {
            Columns::Integers(columns) => {
                reverse(columns[output][rows].iter().copied(), out);
            }
            Columns::Binned(columns) => {
                let (column, bin) = locate(columns, output);
                match column.codes {
                    Codes::Narrow(codes) => {
                        let in_bin = |code: &u8| i32::from(usize::from(*code) == bin);
                        reverse(codes[rows].iter().map(in_bin), out);
                    }
                    Codes::Wide(codes) => {
                        let in_bin = |code: &u16| i32::from(usize::from(*code) == bin);
                        reverse(codes[rows].iter().map(in_bin), out);
                    }
                }
            }
        }
    }
}

/// Moves the first number to coefficient 0 and number i, negated, to coefficient N - i.
fn reverse(mut numbers: impl Iterator<Item = i32>, out: &mut [i32]) {
    if let Some(first) = numbers.next() {
        out[0] = first;
    }
    for (coefficient, number) in out.iter_mut().rev().zip(numbers) {
        *coefficient = -number;
    }
}

/// The column and bin of an output.
fn locate<'a, 'b>(columns: &'b [BinnedColumn<'a>], output: usize) -> (&'b BinnedColumn<'a>, usize) {
    let mut bin = output;
    let mut index = 0;
    while bin >= columns[index].bins {
        bin -= columns[index].bins;
        index += 1;
    }
    (&columns[index], bin)
}

impl Codes<'_> {
    /// How many rows there are.
    #[expect(clippy::len_without_is_empty, reason = "a column without rows is refused")]
    pub fn len(&self) -> usize {
        match self {
            Self::Narrow(codes) => codes.len(),
            Self::Wide(codes) => codes.len(),
        }
    }

    fn largest(&self) -> Option<usize> {
        match self {
            Self::Narrow(codes) => codes.iter().max().map(|code| usize::from(*code)),
            Self::Wide(codes) => codes.iter().max().map(|code| usize::from(*code)),
        }
    }
}
