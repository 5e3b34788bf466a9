//! The kernel of dense matrix products of floating-point numbers: it is here because this crate is
//! where code is compiled for the vectors of a processor.

use crate::arch::outer::Engine;

/// Numbers of a left vector.
pub const LEFT: usize = 16;
/// Numbers of a right vector: with [`LEFT`], 24 registers of eight sums each.
pub const RIGHT: usize = 12;

/// Entry `[j][i]` belongs to number `i` on the left and `j` on the right.
pub type Sums = [[f64; LEFT]; RIGHT];

/// Adds `left[k][i]·right[k][j]` for every k to `sums[j][i]`, in the order of k and with one
/// rounding for each, so that every processor gives the same numbers.
///
/// A surplus of one side is ignored.
pub fn add_outer_products(left: &[[f64; LEFT]], right: &[[f64; RIGHT]], sums: &mut Sums) {
    Engine::detect().add(left, right, sums);
}
