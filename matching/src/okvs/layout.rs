//! How large a store has to be: the only place where its sizes are computed.

/// What rows multiply the dense cells by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Dense {
    /// The powers of one field element.
    Powers,
    /// Random bits.
    Bits,
}

/// The sizes of a store: `bins` bins of `sparse + dense` cells, for at most `capacity` keys each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Layout {
    /// What the dense cells are multiplied by.
    pub(super) kind: Dense,
    /// How many bins.
    pub(super) bins: usize,
    /// The most keys that one bin takes.
    pub(super) capacity: usize,
    /// Cells of a bin that rows have three of.
    pub(super) sparse: usize,
    /// Cells of a bin that all its rows have a coefficient for.
    pub(super) dense: usize,
    /// The most gaps that a bin may have.
    pub(super) gaps: usize,
}

impl Layout {
    /// The sizes for `keys_count` keys; a store for none has the size of a store for one.
    ///
    /// Bin overflow and the failure of a bin are each held below 2^-(40 + log2 bins), so that the
    /// union over all bins stays below 2^-40 for each.
    pub(super) fn new(keys_count: usize, kind: Dense) -> Self {
        let keys_count = keys_count.max(1);
        let bins = keys_count.div_ceil(KEYS_PER_BIN);
        let security = STATISTICAL_BITS + (bins as f64).log2();
        let capacity = bin_capacity(keys_count, bins, security);
        // With bits a bin fails in two ways, too many gaps or dependent ones.
        let security = if kind == Dense::Bits { security + 1.0 } else { security };
        let sparse = sparse_cells(capacity, security);
        // The paper's rule at row weight 3: one more gap is less likely by the number of cells.
        let gaps = (security / (sparse as f64).log2()).floor() as usize;
        // One of the 2^gaps sums of gaps, each of independent bits, is zero with probability
        // 2^(gaps - dense) at most. Sums of powers of different elements are not.
        let more = if kind == Dense::Bits { security.ceil() as usize } else { 0 };
        Self { kind, bins, capacity, sparse, dense: gaps + more, gaps }
    }

    /// Cells of one bin.
    pub(super) fn bin_cells(&self) -> usize {
        self.sparse + self.dense
    }

    /// Cells of all bins.
    pub(super) fn cells_count(&self) -> usize {
        self.bins * self.bin_cells()
    }
}

/// The fitted size of the sparse part for row weight 3 (eprint 2022/320, parameters of the improved
/// OKVS), with the coefficients of the authors' code, which have one digit more than the text.
fn sparse_cells(keys: usize, security: f64) -> usize {
    let weight = 3_f64.log2();
    let slope = 0.555 * (keys as f64).log2() + 0.093 * weight.powi(3) - 1.01 * weight.powi(2)
        + 2.925 * weight
        - 0.133;
    let expansion = 1.223 + (security + 9.2) / slope.exp2();
    (expansion * keys as f64).ceil() as usize
}

/// The smallest capacity that a given bin exceeds with probability at most `2^-security`, when
/// `keys` keys fall into `bins` bins independently.
fn bin_capacity(keys: usize, bins: usize, security: f64) -> usize {
    if bins == 1 {
        return keys;
    }
    let (mut fails, mut holds) = (keys / bins, keys);
    while holds - fails > 1 {
        let middle = fails.midpoint(holds);
        if tail_log2(keys, bins, middle) <= -security {
            holds = middle;
        } else {
            fails = middle;
        }
    }
    holds
}

/// The base-2 logarithm of the probability that more than `load` of `keys` keys, at least the mean,
/// fall into one of `bins` bins: the exact binomial tail, summed until terms no longer count.
fn tail_log2(keys: usize, bins: usize, load: usize) -> f64 {
    if load >= keys {
        return f64::NEG_INFINITY;
    }
    let (n, k) = (keys as f64, (load + 1) as f64);
    let share = 1.0 / bins as f64;
    let choose = ln_factorial(n) - ln_factorial(k) - ln_factorial(n - k);
    let first = choose + k * share.ln() + (n - k) * (-share).ln_1p();
    let odds = share / (1.0 - share);
    let (mut term, mut sum, mut at) = (1.0, 0.0, k);
    while term > sum * f64::EPSILON {
        sum += term;
        term *= (n - at) / (at + 1.0) * odds;
        at += 1.0;
    }
    (first + sum.ln()) / std::f64::consts::LN_2
}

/// The natural logarithm of a factorial: a product up to 16, then Stirling's series, whose error is
/// below 10^-9.
fn ln_factorial(number: f64) -> f64 {
    if number <= 16.0 {
        return (2..=number as u64).map(|factor| (factor as f64).ln()).sum();
    }
    let correction = 1.0 / (12.0 * number) - 1.0 / (360.0 * number.powi(3));
    number * number.ln() - number + 0.5 * (std::f64::consts::TAU * number).ln() + correction
}

/// Keys of a bin on average: a bin's cells, 350 KiB, fit the second-level cache.
const KEYS_PER_BIN: usize = 1 << 14;

/// What may go wrong by chance may do so with probability 2^-40.
pub(crate) const STATISTICAL_BITS: f64 = 40.0;

#[cfg(test)]
mod tests {
    use super::*;

    /// The values that an independent evaluation of the paper's formulas gave.
    #[test]
    fn sizes_are_those_of_the_paper() {
        for (log_keys, capacity, expansion) in
            [(20, 17_360, 1.347), (24, 17_413, 1.355), (28, 17_458, 1.362), (30, 17_479, 1.366)]
        {
            let layout = Layout::new(1 << log_keys, Dense::Powers);
            assert_eq!(layout.bins, 1 << (log_keys - 14));
            assert!(layout.capacity.abs_diff(capacity) <= 2, "2^{log_keys}: {layout:?}");
            let found = layout.cells_count() as f64 / f64::from(1 << log_keys);
            assert!((found - expansion).abs() < 1e-3, "2^{log_keys}: {found} cells a key");
            assert_eq!((layout.dense, layout.gaps), (3, 3));
        }
    }

    /// Half a percent more cells, so that bits are coefficients enough.
    #[test]
    fn binary_stores_are_little_larger() {
        for (log_keys, expansion) in [(16, 1.334), (20, 1.351), (24, 1.359)] {
            let layout = Layout::new(1 << log_keys, Dense::Bits);
            let found = layout.cells_count() as f64 / f64::from(1 << log_keys);
            assert!((found - expansion).abs() < 1e-3, "2^{log_keys}: {found} cells a key");
        }
        let layout = Layout::new(1 << 20, Dense::Bits);
        assert_eq!((layout.gaps, layout.dense), (3, 3 + 47));
    }

    #[test]
    fn small_stores_have_one_bin_for_all_keys() {
        for kind in [Dense::Powers, Dense::Bits] {
            for keys in [1, 2, 3, 10, 100, 1000, 1 << 14] {
                let layout = Layout::new(keys, kind);
                assert_eq!((layout.bins, layout.capacity), (1, keys));
                assert!(layout.sparse > keys && layout.sparse < 13 * keys);
                assert!(layout.gaps >= 2);
            }
            assert_eq!(Layout::new(0, kind), Layout::new(1, kind));
            assert_eq!(Layout::new((1 << 14) + 1, kind).bins, 2);
        }
    }

    /// Cell indices have 16 bits and binary coefficients fit 64, for every size that a set may
    /// have.
    #[test]
    fn indices_fit() {
        for log_keys in 0..=30 {
            for keys in [(1_usize << log_keys) - 1, 1 << log_keys, (1 << log_keys) + 1] {
                let layout = Layout::new(keys, Dense::Bits);
                assert!(layout.sparse <= 1 << 16 && layout.dense <= 64, "{keys}: {layout:?}");
            }
        }
    }

    #[test]
    fn tail_agrees_with_counting() {
        // Ten fair coins: more than 7 heads in 56 of 1024 cases.
        let exact = (56.0_f64 / 1024.0).log2();
        assert!((tail_log2(10, 2, 7) - exact).abs() < 1e-12);
        assert!(tail_log2(10, 2, 10).is_infinite());
        // The same by summing logarithms of a plain product of ratios.
        let (keys, bins, load) = (40_u64, 4.0_f64, 20_u64);
        let probability = |k: u64| {
            let choose: f64 = (0..k).map(|i| (keys - i) as f64 / (i + 1) as f64).product();
            choose * bins.recip().powi(k as i32) * (1.0 - bins.recip()).powi((keys - k) as i32)
        };
        let exact: f64 = (load + 1..=keys).map(probability).sum();
        assert!((tail_log2(40, 4, 20) - exact.log2()).abs() < 1e-9);
    }
}
