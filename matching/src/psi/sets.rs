//! What protocols do with a set on its way to the other side: size, order, chunks.

use std::ops::Range;

use crypto::random::Generator;

use crate::psi::ROWS_MAX;

/// The size that the peer announced; otherwise the rule that it broke.
pub(super) fn size(words: &[u64]) -> Result<usize, String> {
    match words {
        [count] if *count <= ROWS_MAX as u64 => Ok(*count as usize),
        _ => Err(format!("announced {words:?} ids, at most {ROWS_MAX} are allowed")),
    }
}

/// All positions below `count` in a secret random order.
pub(super) fn shuffled(count: usize, generator: &mut Generator) -> Vec<u32> {
    let mut order: Vec<u32> = (0..count as u32).collect();
    generator.shuffle(&mut order);
    order
}

/// Enough bits for a random number that no two of so many pairs agree on it, but with probability
/// 2^-40.
pub(super) fn bits_for_pairs(left_count: usize, right_count: usize) -> usize {
    let pairs = left_count.max(1) as u128 * right_count.max(1) as u128;
    (STATISTICAL_BITS + pairs.next_power_of_two().ilog2()) as usize
}

const STATISTICAL_BITS: u32 = 40;

/// The chunks of a set of `count`: full ones, then one that is not.
pub(super) fn chunks(count: usize, chunk: usize) -> impl Iterator<Item = Range<usize>> {
    (0..=count / chunk).map(move |index| index * chunk..count.min((index + 1) * chunk))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chunks_end_with_one_that_is_not_full() {
        let of = |count| chunks(count, 4).collect::<Vec<_>>();
        assert_eq!(of(8), [0..4, 4..8, 8..8]);
        assert_eq!(of(7), [0..4, 4..7]);
        assert_eq!(of(0).len(), 1);
    }

    /// 80 bits for two sets of 2^20, 100 for two sets of 2^30.
    #[test]
    fn bits_grow_with_both_sets() {
        let log = |left: u32, right: u32| bits_for_pairs(1 << left, 1 << right);
        assert_eq!([log(0, 0), log(20, 20), log(24, 24), log(30, 30)], [40, 80, 88, 100]);
        assert_eq!(bits_for_pairs((1 << 20) + 1, 1 << 20), 81);
        assert_eq!(log(0, 30), log(30, 0));
        assert_eq!(bits_for_pairs(0, 9), 44);
    }

    #[test]
    fn sizes_beyond_the_limit_are_refused() {
        assert_eq!(size(&[ROWS_MAX as u64]), Ok(ROWS_MAX));
        assert!(size(&[ROWS_MAX as u64 + 1]).unwrap_err().contains("at most 1073741824"));
        assert!(size(&[]).is_err());
    }
}
