//! Columns of integers below 2^20 that stand for both parties' columns, shared ones included.
//!
//! A share modulo 2^64 of a number of the host is written in four digits of 16 bits. Each digit is
//! a column of the party that holds the share, of weight `2^(16k)·w` where w is the weight of the
//! host's column: modulo 2^64 the sum over both parties' digits is the number times w. Both
//! parties multiply their own shares of weights and of gradients by these powers.

use mpc::matrix::Blocks;
use rayon::prelude::*;

use crate::vertical::logistic_regression::whitening::Whitened;

/// Digits of a share.
const DIGITS: usize = 4;
/// Bits of a digit.
const DIGIT_BITS: usize = 16;

/// How many variables there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Widths {
    /// The guest's, its intercept included.
    pub(super) guest: usize,
    /// The host's, all of whose columns are shared.
    pub(super) shared: usize,
}

impl Widths {
    /// Columns of the guest.
    pub(super) fn of_guest(self) -> usize {
        self.guest + self.of_host()
    }

    /// Columns of the host.
    pub(super) fn of_host(self) -> usize {
        DIGITS * self.shared
    }

    /// Weights of columns from weights of variables, at the first party or the second.
    pub(super) fn expand(is_guest: bool, variables: &Blocks) -> Blocks {
        let Blocks { own, theirs } = variables;
        let (guest, host) = if is_guest { (own, theirs) } else { (theirs, own) };
        let digits: Vec<u64> = host
            .iter()
            .flat_map(|weight| (0..DIGITS).map(move |digit| weight << (DIGIT_BITS * digit)))
            .collect();
        let with_digits = [guest.as_slice(), &digits].concat();
        if is_guest {
            Blocks { own: with_digits, theirs: digits }
        } else {
            Blocks { own: digits, theirs: with_digits }
        }
    }

    /// Gradients of variables from gradients of columns.
    pub(super) fn collapse(self, is_guest: bool, columns: Blocks) -> Blocks {
        let Blocks { own, theirs } = columns;
        let (mut guest, of_host) = if is_guest { (own, theirs) } else { (theirs, own) };
        let of_guest = guest.split_off(self.guest.min(guest.len()));
        let sum = |(left, right): (&[u64], &[u64])| {
            let digits = left.iter().zip(right).enumerate();
            digits.fold(0_u64, |sum, (digit, (left, right))| {
                sum.wrapping_add(left.wrapping_add(*right) << (DIGIT_BITS * digit))
            })
        };
        let pairs = of_guest.chunks_exact(DIGITS).zip(of_host.chunks_exact(DIGITS));
        let host: Vec<u64> = pairs.map(sum).collect();
        if is_guest {
            Blocks { own: guest, theirs: host }
        } else {
            Blocks { own: host, theirs: guest }
        }
    }

    /// What the penalty's rows of both parties' columns are multiplied by: those of the host's
    /// variables belong to its own columns.
    pub(super) fn penalties(self, is_guest: bool, mut variables: Blocks) -> Blocks {
        let Blocks { own, theirs } = &mut variables;
        let (guest, host) = if is_guest { (own, theirs) } else { (theirs, own) };
        guest.resize(self.of_guest(), 0);
        host.resize(self.of_host(), 0);
        variables
    }
}

/// The guest's columns: its own, zero in empty places, and the digits of its shares; after the
/// places the penalty's rows.
///
/// Call inside `Session::compute`.
pub(super) fn guest_columns(
    whitened: &Whitened,
    filled: &[bool],
    shared: &[Vec<u64>],
    widths: Widths,
) -> Vec<Vec<i32>> {
    let place = |column: &Vec<i32>| {
        let (rows, penalties) = column.split_at(column.len() - widths.guest);
        let mut rows = rows.iter();
        let next = |filled: &bool| if *filled { rows.next().copied().unwrap_or(0) } else { 0 };
        let mut placed: Vec<i32> = filled.iter().map(next).collect();
        placed.extend(penalties);
        placed.resize(filled.len() + widths.of_guest(), 0);
        placed
    };
    let mut columns: Vec<Vec<i32>> = whitened.columns.par_iter().map(place).collect();
    columns.extend(digits(shared, filled.len() + widths.of_guest()));
    columns
}

/// The host's columns: the digits of its shares, and after the places the penalty's rows.
///
/// Call inside `Session::compute`.
pub(super) fn host_columns(
    whitened: &Whitened,
    shared: &[Vec<u64>],
    places: usize,
    widths: Widths,
) -> Vec<Vec<i32>> {
    let mut columns = digits(shared, places + widths.of_host());
    for (digits, column) in columns.chunks_exact_mut(DIGITS).zip(&whitened.columns) {
        let penalties = &column[column.len() - widths.shared..];
        digits[0][places..places + widths.shared].copy_from_slice(penalties);
    }
    columns
}

/// The digits of every column, the lowest first, with zeros up to a length.
fn digits(shared: &[Vec<u64>], length: usize) -> Vec<Vec<i32>> {
    let digit = |column: &Vec<u64>, digit: usize| {
        let shares = column.iter();
        let mut digits: Vec<i32> =
            shares.map(|share| i32::from((share >> (DIGIT_BITS * digit)) as u16)).collect();
        digits.resize(length, 0);
        digits
    };
    let all = shared.par_iter().flat_map_iter(|column| (0..DIGITS).map(move |k| digit(column, k)));
    all.collect()
}
