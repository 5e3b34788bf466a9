//! The diagonal of the inverse of a shared positive definite matrix.
//!
//! # Functionality
//! The parties, two or several ([`Arithmetic`]), hold shares modulo 2^64 of a symmetric matrix A,
//! whole numbers below 2^61, as its lower triangle, row after row, with 1 to [`SIZE_MAX`] rows.
//! [`inverse_diagonal`] gives shares modulo 2^128 of `(A⁻¹)_jj·2^`[`UNIT_BITS`], or with a shared
//! factor of them times `factor/2^`[`FACTOR_SHIFT`], and one shared bit: whether A is too near to a
//! singular matrix. It is when a diagonal entry is below 2^35 or the variance inflation
//! `A_jj·(A⁻¹)_jj` of a row is above 2^[`INFLATION_BITS`], also among the rows before it; the
//! diagonal means nothing then. Relative error of an entry, with m rows and inflation f: below
//! `2^-24·f·√m`, and besides `2^23·f` by the smallest diagonal entry; with n > 2 parties up to n/2
//! times that.
//! # Messages
//! 1. `corrections`, `correlations`: to shares modulo 2^128 (see `wide`)
//! 2. comparisons and products: powers of two that bring the diagonal to one size (see
//!    `reciprocal`), and the matrix times them
//! 3. for each row: the reciprocal of its pivot, and products (see `product`)
//! 4. comparisons of the pivots and inflations with their bounds, and products for the result
//! # Leaks
//! Nothing but the size; the bit stays shared.
//! # Security
//! Semi-honest, as the blocks that it is made of. A bound that is broken shows in the bit and
//! nowhere else, because no step depends on a value. The low bits of a result, below its accuracy,
//! are random: whoever opens it learns nothing from them of how the matrix was scaled.
//! # Cost
//! Of two parties: 37 flights for each row and about 60 more. For each row at most 1.3 MB for
//! products of all entries that still count, and some 45 KB for its reciprocal.
//! # Reference
//! Goodnight, "A Tutorial on the SWEEP Operator", The American Statistician 33 (1979), on a matrix
//! that is scaled first (van der Sluis, Numerische Mathematik 14, 1969), by powers of two. Entries
//! between two rows that are swept already are left out: nothing depends on them but each other.

use crate::product::Form;
use crate::reciprocal::{FRACTION_BITS, reciprocals, root_normalisers};
use crate::{Arithmetic, MpcError};

/// Most rows of a matrix: a triangle that fits into one element of the ring.
pub const SIZE_MAX: usize = 126;
/// Logarithm of the largest variance inflation that is told from infinity.
pub const INFLATION_BITS: u32 = 13;
/// Fractional bits of the result.
pub const UNIT_BITS: u32 = NORMAL_BITS + FRACTION_BITS + ENTRY_SHIFT;
/// Factors are below 2 to this power.
pub const FACTOR_BITS: u32 = 39;
/// What products with the factor are shortened by.
pub const FACTOR_SHIFT: u32 = 26;

/// Bits that entries lose first, so that [`NORMAL_BITS`] are left.
const ENTRY_SHIFT: u32 = 21;
/// Bits of diagonal entries after that, and after they are brought to one size.
const NORMAL_BITS: u32 = 40;
/// Logarithm of the smallest diagonal entry after [`ENTRY_SHIFT`].
const SMALLEST_BITS: u32 = 14;
/// Logarithm of the largest power of two that a diagonal entry was multiplied by.
const SQUARE_BITS: u32 = NORMAL_BITS - SMALLEST_BITS;

/// What [`inverse_diagonal`] gives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InverseDiagonal {
    /// Shares modulo 2^128, one for each row.
    pub entries: Vec<u128>,
    /// An XOR share of "the matrix is not positive definite far enough".
    pub is_singular: u64,
}

/// See the module's documentation; `triangle` are own shares.
///
/// # Errors
/// [`MpcError::InvalidInput`] for a length that is no triangle of 1 to [`SIZE_MAX`] rows,
/// [`MpcError::Net`] when the peer fails.
pub async fn inverse_diagonal<P: Arithmetic>(
    party: &mut P,
    products: &P::Products,
    triangle: &[u64],
    factor: Option<u128>,
) -> Result<InverseDiagonal, MpcError> {
    let size = (1..=SIZE_MAX).find(|size| size * (size + 1) / 2 == triangle.len());
    let Some(size) = size else {
        return Err(MpcError::InvalidInput(format!(
            "{} numbers are no triangle of 1 to {SIZE_MAX} rows",
            triangle.len()
        )));
    };
    let shares: Vec<u128> = triangle.iter().map(|share| u128::from(*share)).collect();
    let entries = party.widen(&[(&shares, 64, ENTRY_SHIFT)]).await?.swap_remove(0);
    let diagonal = diagonal(&entries, size);
    let roots = root_normalisers(party, &diagonal, NORMAL_BITS).await?;
    let scaled = scale(party, products, &entries, &roots).await?;
    let mut sweep = Sweep { size, entries: scaled.entries, pivots: Vec::with_capacity(size) };
    let normal = sweep.diagonal();
    for pivot in 0..size {
        sweep.pivot(party, products, pivot).await?;
    }
    let inverse: Vec<u128> = sweep.diagonal().iter().map(|entry| entry.wrapping_neg()).collect();
    let form = Form::product(0, 1, FRACTION_BITS);
    let inflations = party.evaluate(products, &[&inverse, &normal], &[form]).await?;
    let checked = Checked { diagonal, normal, pivots: sweep.pivots, inflations: &inflations[0] };
    let is_singular = checked.is_beyond(party).await?;
    let inverse = match factor {
        Some(factor) => {
            let form = Form::product(0, 1, FACTOR_SHIFT);
            let factors = vec![factor; size];
            party.evaluate(products, &[&inverse, &factors], &[form]).await?.swap_remove(0)
        }
        None => inverse,
    };
    let entries = scale_back(party, products, &inverse, &scaled.squares).await?;
    Ok(InverseDiagonal { entries, is_singular })
}

/// The entries times their powers of two, with low bits drawn at random: else the zeros at the end
/// of a product would tell the power, and by it how large a diagonal entry of the matrix is.
async fn scale_back<P: Arithmetic>(
    party: &mut P,
    products: &P::Products,
    entries: &[u128],
    squares: &[u128],
) -> Result<Vec<u128>, MpcError> {
    let mut rng = party.rng();
    // Any party's random bits alone hide what the others open; all together they stay below 2^29.
    let finer: Vec<u128> = entries
        .iter()
        .map(|entry| (entry << SQUARE_BITS).wrapping_add(rng.below(1 << SQUARE_BITS).into()))
        .collect();
    // Few places, whose products are exact modulo 2^128; they stay below 2^110.
    const { assert!(SIZE_MAX <= crate::product::FEW) };
    let form = Form::product(0, 1, 0);
    let products = party.evaluate(products, &[&finer, squares], &[form]).await?;
    party.shorten(&products[0], SQUARE_BITS).await
}

/// A matrix whose diagonal lies between 1/4 and 1.
struct Scaled {
    /// The triangle, with [`FRACTION_BITS`].
    entries: Vec<u128>,
    /// The powers of two that the diagonal was multiplied by.
    squares: Vec<u128>,
}

/// Multiplies row and column j by root j, and divides by 2^[`NORMAL_BITS`].
async fn scale<P: Arithmetic>(
    party: &mut P,
    products: &P::Products,
    entries: &[u128],
    roots: &[u128],
) -> Result<Scaled, MpcError> {
    let size = roots.len();
    let places = || (0..size).flat_map(|row| (0..=row).map(move |column| (row, column)));
    let rows: Vec<u128> = places().map(|(row, _)| roots[row]).collect();
    let columns: Vec<u128> = places().map(|(_, column)| roots[column]).collect();
    let powers = party.evaluate(products, &[&rows, &columns], &[Form::product(0, 1, 0)]).await?;
    let form = Form::product(0, 1, NORMAL_BITS - FRACTION_BITS);
    let mut scaled = party.evaluate(products, &[entries, &powers[0]], &[form]).await?;
    Ok(Scaled { entries: scaled.swap_remove(0), squares: diagonal(&powers[0], size) })
}

/// The matrix on the way to minus its inverse.
struct Sweep {
    size: usize,
    /// The lower triangle, with [`FRACTION_BITS`].
    entries: Vec<u128>,
    /// The pivots so far.
    pivots: Vec<u128>,
}

impl Sweep {
    fn diagonal(&self) -> Vec<u128> {
        diagonal(&self.entries, self.size)
    }

    /// Column `pivot`, without its diagonal entry.
    fn column(&self, pivot: usize) -> Vec<u128> {
        let others = (0..self.size).filter(|row| *row != pivot);
        others.map(|row| self.entries[place(row, pivot)]).collect()
    }

    /// Sweeps one row: `a_ij -= a_ik·a_jk/a_kk`, `a_ik /= a_kk`, `a_kk = -1/a_kk`.
    async fn pivot<P: Arithmetic>(
        &mut self,
        party: &mut P,
        products: &P::Products,
        pivot: usize,
    ) -> Result<(), MpcError> {
        let (here, column) = (place(pivot, pivot), self.column(pivot));
        self.pivots.push(self.entries[here]);
        // Pivots are below 2^30, rounding aside.
        let value = [self.entries[here]];
        let (power, rest) = reciprocals(party, products, &value, FRACTION_BITS + 1).await?;
        let form = Form::product(0, 1, 0);
        let reciprocal = party.evaluate(products, &[&power, &rest], &[form]).await?[0][0];
        self.entries[here] = reciprocal.wrapping_neg();
        if column.is_empty() {
            return Ok(());
        }
        let form = Form::product(0, 1, FRACTION_BITS);
        let reciprocals = vec![reciprocal; column.len()];
        let divided =
            party.evaluate(products, &[&column, &reciprocals], std::slice::from_ref(&form)).await?;
        let divided = &divided[0];
        let places = self.places(pivot);
        let index = |row: usize| if row < pivot { row } else { row - 1 };
        let left: Vec<u128> = places.iter().map(|(row, _)| column[index(*row)]).collect();
        let right: Vec<u128> = places.iter().map(|(_, other)| divided[index(*other)]).collect();
        let changes = party.evaluate(products, &[&left, &right], &[form]).await?;
        for ((row, other), change) in places.into_iter().zip(&changes[0]) {
            let entry = &mut self.entries[place(row, other)];
            *entry = entry.wrapping_sub(*change);
        }
        let others = (0..self.size).filter(|row| *row != pivot);
        for (row, divided) in others.zip(divided) {
            self.entries[place(row, pivot)] = *divided;
        }
        Ok(())
    }

    /// The entries beside the pivot's row and column that still count: not those between two rows
    /// that are swept.
    fn places(&self, pivot: usize) -> Vec<(usize, usize)> {
        let of_row = |row: usize| (0..=row).map(move |other| (row, other));
        let counts = |(row, other): &(usize, usize)| {
            let is_beside = *row != pivot && *other != pivot;
            is_beside && (row == other || *row > pivot)
        };
        (0..self.size).flat_map(of_row).filter(counts).collect()
    }
}

/// What has to stay within bounds.
struct Checked<'a> {
    /// Diagonal entries before they were brought to one size.
    diagonal: Vec<u128>,
    /// And after.
    normal: Vec<u128>,
    pivots: Vec<u128>,
    /// `A_jj·(A⁻¹)_jj`, with [`FRACTION_BITS`].
    inflations: &'a [u128],
}

impl Checked<'_> {
    /// An XOR share of "a bound is broken".
    async fn is_beyond<P: Arithmetic>(&self, party: &mut P) -> Result<u64, MpcError> {
        let smallest = party.share_of_public(1 << SMALLEST_BITS);
        let largest = party.share_of_public(1 << (INFLATION_BITS + FRACTION_BITS));
        let entries = self.diagonal.iter().map(|entry| (*entry as u64).wrapping_sub(smallest));
        let pairs = self.pivots.iter().zip(&self.normal);
        let pivots = pairs.map(|(pivot, normal)| {
            ((*pivot as u64) << INFLATION_BITS).wrapping_sub(*normal as u64)
        });
        let inflations = self.inflations.iter().map(|it| largest.wrapping_sub(*it as u64));
        let margins: Vec<u64> = entries.chain(pivots).chain(inflations).collect();
        let broken = party.is_negative(&margins, 64).await?;
        // Their number is above 0 exactly if its negative is negative.
        let broken = party.bits_to_words(&broken).await?;
        let count = broken.into_iter().fold(0_u64, |sum, bit| sum.wrapping_add(bit as u64));
        let any = party.is_negative(&[count.wrapping_neg()], COUNT_BITS).await?;
        Ok(any.bit(0))
    }
}

/// Three bounds for each row, and a sign.
const COUNT_BITS: usize = 10;
const _: () = assert!(3 * SIZE_MAX < 1 << (COUNT_BITS - 1));

/// Where an entry of the symmetric matrix stands in the triangle.
fn place(row: usize, column: usize) -> usize {
    let (row, column) = (row.max(column), row.min(column));
    row * (row + 1) / 2 + column
}

fn diagonal(triangle: &[u128], size: usize) -> Vec<u128> {
    (0..size).map(|row| triangle[place(row, row)]).collect()
}

#[cfg(test)]
mod tests;
