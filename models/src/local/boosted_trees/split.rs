//! The best cut of a node, given its histogram.

use serde::{Deserialize, Serialize};

use super::{Bits, Cell, Histogram, Layout, Settings};

/// One question about a row: is its bin at most `bin`?
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Cut {
    /// The feature, by its place in the list that the cut was made for.
    pub feature: usize,
    /// Bins `1..=bin` go left, those above go right.
    pub bin: u8,
    /// Whether rows without a value go left.
    pub missing_left: bool,
}

impl Cut {
    /// Whether a row with this code goes left.
    pub fn is_left(self, code: u8) -> bool {
        // A missing value (0) wraps to 255, which is below no bin.
        code.wrapping_sub(1) < self.bin || (self.missing_left && code == 0)
    }

    /// One bit a row: whether it goes left.
    pub fn sides(self, codes: &[u8]) -> Bits {
        Bits::collect(codes, |code| self.is_left(code))
    }
}

/// The cut with the greatest gain
/// `G_L^2/(H_L+l2) + G_R^2/(H_R+l2) - G^2/(H+l2)` (Chen and Guestrin, KDD 2016, equation 7,
/// without the factor 1/2), if one gains more than `min_gain` and than what rounding makes of no
/// gain, and its gain.
///
/// For every cut missing values are tried on both sides. Equal gains: the lowest feature, then
/// the lowest bin, then missing values left. A node that saw no missing value sends later ones
/// to its heavier side. `total` are the sums of the whole node.
pub fn best_cut(
    settings: &Settings,
    unit: f64,
    layout: &Layout,
    histogram: &Histogram,
    total: Cell,
) -> Option<(Cut, f64)> {
    let scorer = Scorer::new(settings, unit, total);
    let mut best: Option<(Cut, f64)> = None;
    for feature in 0..layout.features() {
        let cells = layout.of(&histogram.0, feature);
        let missing = cells[0];
        let mut left = Cell::default();
        for (bin, &cell) in (1..).zip(&cells[1..]) {
            left = left + cell;
            for missing_left in [true, false] {
                let side = if missing_left { left + missing } else { left };
                let gain = scorer.gain(side);
                if gain > best.map_or(scorer.least_gain, |(_, gain)| gain) {
                    best = Some((Cut { feature, bin, missing_left }, gain));
                }
                if missing == Cell::default() {
                    break;
                }
            }
        }
    }
    best.map(|(cut, gain)| (scorer.with_default_side(cut, layout, histogram), gain))
}

/// Turns sums into gains for one node.
struct Scorer {
    total: Cell,
    unit: f64,
    l2: f64,
    min_child_weight: f64,
    whole: f64,
    /// A cut must gain more.
    least_gain: f64,
}

/// Share of a node's own score below which a gain may be a matter of rounding: each of the three
/// terms is exact to about 2^-51.
const ROUNDING: f64 = 1e-12;

impl Scorer {
    fn new(settings: &Settings, unit: f64, total: Cell) -> Self {
        let Settings { l2, min_child_weight, min_gain, .. } = *settings;
        let mut scorer =
            Self { total, unit, l2, min_child_weight, whole: 0.0, least_gain: min_gain };
        scorer.whole = scorer.score(total).unwrap_or(0.0);
        scorer.least_gain = min_gain.max(scorer.whole * ROUNDING);
        scorer
    }

    /// `G^2/(H+l2)` in the unit of the loss, or nothing where the rows weigh too little.
    fn score(&self, sums: Cell) -> Option<f64> {
        let first = sums.first as f64 * self.unit;
        let second = sums.second as f64 * self.unit;
        let heavy = sums.second > 0 && second >= self.min_child_weight;
        heavy.then(|| first * first / (second + self.l2))
    }

    /// The gain of a cut with these sums on its left; minus infinity where a side is too light.
    fn gain(&self, left: Cell) -> f64 {
        match (self.score(left), self.score(self.total - left)) {
            (Some(left), Some(right)) => left + right - self.whole,
            _ => f64::NEG_INFINITY,
        }
    }

    fn with_default_side(&self, cut: Cut, layout: &Layout, histogram: &Histogram) -> Cut {
        let cells = layout.of(&histogram.0, cut.feature);
        if cells[0] != Cell::default() {
            return cut;
        }
        let left: i64 = cells[1..=usize::from(cut.bin)].iter().map(|cell| cell.second).sum();
        Cut { missing_left: left >= self.total.second - left, ..cut }
    }
}

/// The value of a leaf: `-learning_rate G/(H+l2)` (equation 5), zero where nothing weighs.
pub(super) fn leaf_weight(settings: &Settings, unit: f64, total: Cell) -> f64 {
    let curvature = total.second as f64 * unit + settings.l2;
    if curvature > 0.0 {
        -settings.learning_rate * (total.first as f64 * unit) / curvature
    } else {
        0.0
    }
}
