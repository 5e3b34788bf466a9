//! Both derivatives of a row in one plaintext.

use crate::local::boosted_trees::{Cell, Gradient, sum_bits};

/// `first · 2^s + second`, with `s` such that no sum of second derivatives reaches `2^s`; sums of
/// packed numbers are packed sums.
#[derive(Debug, Clone, Copy)]
pub(super) struct Packing {
    sum_bits: u32,
}

impl Packing {
    /// For sums over at most `rows` training rows.
    pub(super) fn new(rows: usize) -> Self {
        Self { sum_bits: sum_bits(rows) }
    }

    /// Bits of a packed sum with its sign: at most 87, and 64 at least as the lattice asks.
    pub(super) fn plaintext_bits(self) -> u32 {
        (self.second_bits() + self.sum_bits + 1).max(64)
    }

    pub(super) fn pack(self, gradient: Gradient) -> i128 {
        (i128::from(gradient.first) << self.second_bits()) + i128::from(gradient.second)
    }

    pub(super) fn unpack(self, sum: i128) -> Cell {
        let second = sum & ((1 << self.second_bits()) - 1);
        Cell { first: (sum >> self.second_bits()) as i64, second: second as i64 }
    }

    /// A second derivative is at most a quarter of the greatest first one.
    fn second_bits(self) -> u32 {
        self.sum_bits - 2
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packed_sums_are_sums() {
        let packing = Packing::new(3);
        let rows = [(-(1 << 24), 1 << 22), (-(1 << 24), 0), (5, 1 << 22)];
        let gradients = rows.map(|(first, second)| Gradient { first, second });
        let sum = gradients.iter().map(|&gradient| packing.pack(gradient)).sum();
        let expected = Cell { first: 5 - (1 << 25), second: 1 << 23 };
        assert_eq!(packing.unpack(sum), expected);
    }

    #[test]
    fn the_greatest_sums_fit() {
        for rows in [1usize, 1000, (1 << 20) - 1, 1 << 20, 100_000_000] {
            let packing = Packing::new(rows);
            let bits = packing.plaintext_bits();
            assert!((64..=87).contains(&bits));
            let greatest = (1i64 << packing.sum_bits) - 1;
            for first in [-greatest, greatest] {
                let cell = Cell { first, second: greatest / 4 };
                let sum = (i128::from(first) << packing.second_bits()) + i128::from(cell.second);
                assert_eq!(packing.unpack(sum), cell);
                assert!(sum.unsigned_abs() < 1 << (bits - 1));
            }
        }
    }
}
