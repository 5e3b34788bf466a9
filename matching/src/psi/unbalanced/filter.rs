//! A set of tags in little room: a 3-wise binary fuse filter with fingerprints of 40 bits.
//!
//! A tag has three cells, one in each of three neighbouring *windows*; the exclusive or of the
//! three is the tag's fingerprint. A filter says yes to every tag that it was built of, and to any
//! other with probability 2^-40. It depends on the *set* of tags only, not on their order.
//!
//! Reference: Graf, Lemire, "Binary Fuse Filters: Fast and Smaller Than Xor Filters", JEA 27, 2022.

use crypto::hash;
use rayon::prelude::*;

use crate::psi::ROWS_MAX;

/// Bytes of a cell, which are those of a fingerprint.
pub(super) const CELL_BYTES: usize = 5;

/// Tags in one filter.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Filter {
    header: Header,
    cells: Vec<u8>,
    digest: [u8; 32],
}

impl Filter {
    /// The filter of a set of tags, which are uniform; repeated ones count once.
    ///
    /// Seeds 0, 1, 2, … are tried until one works. Each does with a probability of more than a
    /// half, whatever the others did, so that this ends.
    pub(super) fn new(mut tags: Vec<u128>) -> Self {
        tags.par_sort_unstable();
        tags.dedup();
        let mut header = Header { rows: tags.len(), seed: 0 };
        loop {
            if let Some(cells) = solve(&tags, header) {
                return Self::from_parts(header, cells);
            }
            header.seed += 1;
        }
    }

    /// `cells` has as many bytes as the header says.
    pub(super) fn from_parts(header: Header, cells: Vec<u8>) -> Self {
        let digest = hash::digest(FILTER_DOMAIN, &[&header.to_bytes(), &cells]);
        Self { header, cells, digest }
    }

    /// Whether the tag is in the set; yes for one that is not, with probability 2^-40.
    pub(super) fn contains(&self, tag: u128) -> bool {
        if self.header.rows == 0 {
            return false;
        }
        let [first, second, third] = Shape::of(self.header.rows).positions(tag, self.header.seed);
        let cell = |position| read(&self.cells, position);
        cell(first) ^ cell(second) ^ cell(third) == fingerprint(tag)
    }

    pub(super) fn header(&self) -> Header {
        self.header
    }

    pub(super) fn cells(&self) -> &[u8] {
        &self.cells
    }

    /// Binds header and cells.
    pub(super) fn digest(&self) -> [u8; 32] {
        self.digest
    }
}

/// What the cells of a filter are read with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Header {
    /// Different tags.
    pub(super) rows: usize,
    seed: u64,
}

impl Header {
    pub(super) fn to_bytes(self) -> [u8; HEADER_BYTES] {
        (self.rows as u128 | u128::from(self.seed) << 64).to_le_bytes()
    }

    /// `None` if there are more rows than a filter takes.
    pub(super) fn from_bytes(bytes: [u8; HEADER_BYTES]) -> Option<Self> {
        let both = u128::from_le_bytes(bytes);
        let (rows, seed) = (both as u64, (both >> 64) as u64);
        (rows <= ROWS_MAX as u64).then_some(Self { rows: rows as usize, seed })
    }

    /// Bytes of all cells; with at most 2^30 rows, less than 2^33.
    pub(super) fn cells_bytes(self) -> usize {
        if self.rows == 0 { 0 } else { Shape::of(self.rows).cells() * CELL_BYTES }
    }
}

/// Bytes of an encoded header.
pub(super) const HEADER_BYTES: usize = 16;

/// How the cells are laid out; follows from the number of rows, in integers, so that all machines
/// agree. The formulas of the reference, section 4, with the logarithm rounded down.
#[derive(Clone, Copy)]
struct Shape {
    window_log: u32,
    /// Windows in which the first cell of a tag can be; two more follow.
    windows: usize,
}

impl Shape {
    fn of(rows: usize) -> Self {
        // 2^⌊ln n / ln 3.33 + 2.25⌋: one step more for each factor of 3.33, from 3.33^0.75 on.
        let mut window_log = 2;
        let mut threshold = 2.465;
        while rows as f64 >= threshold && window_log < WINDOW_LOG_MAX {
            window_log += 1;
            threshold *= 3.33;
        }
        // n · max(1.125, 0.875 + 0.25 · ln 10^6 / ln n), where 0.25 · log2 10^6 is about 5.
        let log = rows.ilog2().clamp(1, 20) as usize;
        let cells = rows * 7 / 8 + (rows * 5).div_ceil(log);
        let windows = (cells.div_ceil(1 << window_log)).saturating_sub(2).max(1);
        Self { window_log, windows }
    }

    fn cells(self) -> usize {
        (self.windows + 2) << self.window_log
    }

    /// The three cells of a tag. The upper half chooses the window and the first cell, 40 bits of
    /// the lower half and the seed the others; the fingerprint has the remaining bits.
    fn positions(self, tag: u128, seed: u64) -> [usize; 3] {
        let upper = tag >> 64;
        let first = ((upper * ((self.windows as u128) << self.window_log)) >> 64) as usize;
        let offsets = mix((tag as u64 & OFFSET_BITS) | seed << 40) as usize;
        let window = 1 << self.window_log;
        let mask = window - 1;
        let second = (first + window) ^ (offsets & mask);
        let third = (first + 2 * window) ^ (offsets >> WINDOW_LOG_MAX & mask);
        [first, second, third]
    }
}

/// 40 bits of the tag that its positions do not depend on.
fn fingerprint(tag: u128) -> u64 {
    let (upper, lower) = ((tag >> 64) as u64, tag as u64);
    (lower >> 40) << 16 | (upper & 0xFFFF)
}

/// A permutation of words that spreads every bit (the finaliser of `MurmurHash3`).
fn mix(mut word: u64) -> u64 {
    word = (word ^ word >> 33).wrapping_mul(0xFF51_AFD7_ED55_8CCD);
    word = (word ^ word >> 33).wrapping_mul(0xC4CE_B9FE_1A85_EC53);
    word ^ word >> 33
}

fn read(cells: &[u8], position: usize) -> u64 {
    let mut word = [0; 8];
    word[..CELL_BYTES].copy_from_slice(&cells[position * CELL_BYTES..][..CELL_BYTES]);
    u64::from_le_bytes(word)
}

fn write(cells: &mut [u8], position: usize, value: u64) {
    cells[position * CELL_BYTES..][..CELL_BYTES]
        .copy_from_slice(&value.to_le_bytes()[..CELL_BYTES]);
}

/// The cells under which every tag has its fingerprint; `None` if peeling gets stuck.
///
/// The tags are sorted, which is the order of their first cells and keeps the work in the cache.
fn solve(tags: &[u128], header: Header) -> Option<Vec<u8>> {
    if tags.is_empty() {
        return Some(Vec::new());
    }
    let shape = Shape::of(tags.len());
    let positions = |tag: u32| shape.positions(tags[tag as usize], header.seed);
    let order = peel(tags.len() as u32, shape.cells(), positions)?;
    let mut cells = vec![0; header.cells_bytes()];
    for (tag, own) in order.into_iter().rev() {
        // The tag's own cell is still 0: it is first written here.
        let others = positions(tag).into_iter().map(|position| read(&cells, position));
        let value = others.fold(fingerprint(tags[tag as usize]), |value, cell| value ^ cell);
        write(&mut cells, own as usize, value);
    }
    Some(cells)
}

/// Takes off, one after the other, tags that have a cell for themselves: each tag and that cell.
fn peel(tags: u32, cells: usize, positions: impl Fn(u32) -> [usize; 3]) -> Option<Vec<(u32, u32)>> {
    // For each cell: how many tags it has left, and the exclusive or of their numbers.
    let mut left = vec![0_u8; cells];
    let mut numbers = vec![0_u32; cells];
    for tag in 0..tags {
        for position in positions(tag) {
            left[position] = left[position].checked_add(1)?;
            numbers[position] ^= tag;
        }
    }
    let mut order = Vec::with_capacity(tags as usize);
    let mut alone = Vec::new();
    for start in 0..cells {
        alone.push(start as u32);
        while let Some(cell) = alone.pop() {
            if left[cell as usize] != 1 {
                continue;
            }
            let tag = numbers[cell as usize];
            order.push((tag, cell));
            for position in positions(tag) {
                left[position] -= 1;
                numbers[position] ^= tag;
                if left[position] == 1 {
                    alone.push(position as u32);
                }
            }
        }
    }
    (order.len() == tags as usize).then_some(order)
}

/// The largest window has 2^18 cells: reference, section 4.
const WINDOW_LOG_MAX: u32 = 18;
const OFFSET_BITS: u64 = (1 << 40) - 1;
const FILTER_DOMAIN: &str = "matching/psi/unbalanced filter";

#[cfg(test)]
mod tests {
    use crypto::random::Generator;
    use proptest::prelude::*;

    use super::*;

    fn uniform(count: usize, seed: u8) -> Vec<u128> {
        let mut generator = Generator::from_seed([seed; 32]);
        let mut word = || u128::from(generator.next_u64());
        (0..count).map(|_| word() | word() << 64).collect()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(200))]
        #[test]
        fn no_tag_is_missed(count in 0_usize..3000, seed: u8) {
            let tags = uniform(count, seed);
            let filter = Filter::new(tags.clone());
            prop_assert!(tags.iter().all(|tag| filter.contains(*tag)));
            prop_assert_eq!(filter.cells().len(), filter.header().cells_bytes());
            prop_assert_eq!(Header::from_bytes(filter.header().to_bytes()), Some(filter.header()));
        }
    }

    #[test]
    fn order_and_repetition_do_not_show() {
        let tags = uniform(500, 1);
        let mut again = tags.clone();
        again.reverse();
        again.extend_from_slice(&tags[..20]);
        let (once, again) = (Filter::new(tags), Filter::new(again));
        assert_eq!(once.digest(), again.digest());
        assert!(once == again);
    }

    /// With only the low 16 of the 40 bits compared, false positives are frequent enough to count:
    /// the other 24 bits are as uniform as these.
    #[test]
    fn foreign_tags_agree_in_each_part_of_the_fingerprint_by_chance_only() {
        let filter = Filter::new(uniform(1 << 14, 1));
        let foreign = uniform(1 << 22, 2);
        let shape = Shape::of(filter.header.rows);
        let difference = |tag: u128| {
            let positions = shape.positions(tag, filter.header.seed);
            positions.iter().fold(fingerprint(tag), |sum, cell| sum ^ read(&filter.cells, *cell))
        };
        for shift in [0, 8, 16, 24] {
            let hits =
                foreign.iter().filter(|tag| (difference(**tag) >> shift) as u16 == 0).count();
            // 64 expected, standard deviation 8.
            assert!((16..=112).contains(&hits), "{hits} at bit {shift}");
        }
        assert!(!foreign.iter().any(|tag| filter.contains(*tag)));
    }

    #[test]
    fn six_bytes_a_row_are_enough() {
        for rows in [1 << 17, 200_000, 300_000, 1 << 19] {
            let filter = Filter::new(uniform(rows, 3));
            assert!(filter.cells().len() <= 6 * rows, "{} for {rows}", filter.cells().len());
            assert!(filter.header.seed < 4, "seed {}", filter.header.seed);
        }
        let large = Header { rows: 1 << 24, seed: 0 };
        assert!(large.cells_bytes() as f64 <= 5.65 * f64::from(1 << 24));
    }

    #[test]
    fn headers_of_too_many_rows_are_refused() {
        let header = Header { rows: ROWS_MAX + 1, seed: 7 };
        assert_eq!(Header::from_bytes(header.to_bytes()), None);
    }
}
