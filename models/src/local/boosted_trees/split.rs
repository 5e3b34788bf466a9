//! The best cut of a node, given its histogram.

use serde::{Deserialize, Serialize};

use super::{Bits, Bounds, Cell, Direction, Histogram, Layout, Settings, Units};

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
/// to its heavier side. `total` are the sums of the whole node, `bounds` those of its leaves: with
/// them the children's values are cut to the bounds and gain what they then gain, and cuts against
/// the direction of their feature are left out.
pub fn best_cut(
    settings: &Settings,
    units: Units,
    layout: &Layout,
    histogram: &Histogram,
    total: Cell,
    bounds: Bounds,
) -> Option<(Cut, f64)> {
    let scorer = Scorer::new(settings, units, total, bounds);
    let mut best: Option<(Cut, f64)> = None;
    for feature in 0..layout.features() {
        let cells = layout.of(&histogram.0, feature);
        let (missing, direction) = (cells[0], layout.direction(feature));
        let mut left = Cell::default();
        for (bin, &cell) in (1..).zip(&cells[1..]) {
            left = left + cell;
            for missing_left in [true, false] {
                let side = if missing_left { left + missing } else { left };
                let gain = scorer.gain(side, direction);
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
    units: Units,
    l2: f64,
    min_child_weight: f64,
    bounds: Bounds,
    whole: f64,
    /// A cut must gain more.
    least_gain: f64,
}

/// One side of a cut.
struct Side {
    /// `G^2/(H+l2)`, in the unit of the loss; within bounds `-w(2G + (H+l2)w)`.
    score: f64,
    /// The value `w` of a leaf there, before shrinkage.
    value: f64,
}

/// Share of a node's own score below which a gain may be a matter of rounding: each of the three
/// terms is exact to about 2^-51.
const ROUNDING: f64 = 1e-12;

impl Scorer {
    fn new(settings: &Settings, units: Units, total: Cell, bounds: Bounds) -> Self {
        let Settings { l2, min_child_weight, min_gain, .. } = *settings;
        let (whole, least_gain) = (0.0, min_gain);
        let mut scorer = Self { total, units, l2, min_child_weight, bounds, whole, least_gain };
        scorer.whole = scorer.side(total).map_or(0.0, |side| side.score);
        scorer.least_gain = min_gain.max(scorer.whole * ROUNDING);
        scorer
    }

    /// Nothing where the rows weigh too little.
    fn side(&self, sums: Cell) -> Option<Side> {
        let first = sums.first as f64 * self.units.first;
        let second = sums.second as f64 * self.units.second;
        if sums.second <= 0 || second < self.min_child_weight {
            return None;
        }
        let curvature = second + self.l2;
        let best = -first / curvature;
        let value = self.bounds.clamp(best);
        let score = if value == best {
            first * first / curvature
        } else {
            -value * (2.0 * first + curvature * value)
        };
        Some(Side { score, value })
    }

    /// The gain of a cut with these sums on its left; minus infinity where a side is too light, or
    /// predictions would go against the direction.
    fn gain(&self, left: Cell, direction: Direction) -> f64 {
        match (self.side(left), self.side(self.total - left)) {
            (Some(left), Some(right)) if direction.allows(left.value, right.value) => {
                left.score + right.score - self.whole
            }
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

/// The weight of a leaf: `-G/(H+l2)` (equation 5), within bounds, times the learning rate or, in a
/// forest, over the number of trees; zero where nothing weighs.
pub(super) fn leaf_weight(settings: &Settings, units: Units, total: Cell, bounds: Bounds) -> f64 {
    let (best, value) = leaf_value(settings, units, total, bounds);
    let curvature = total.second as f64 * units.second + settings.l2;
    if value == best && curvature > 0.0 {
        return -settings.shrinkage() * (total.first as f64 * units.first) / curvature;
    }
    settings.shrinkage() * value
}

/// The best value of a leaf before shrinkage, and the nearest within bounds.
pub(super) fn leaf_value(
    settings: &Settings,
    units: Units,
    total: Cell,
    bounds: Bounds,
) -> (f64, f64) {
    let curvature = total.second as f64 * units.second + settings.l2;
    let first = total.first as f64 * units.first;
    let best = if curvature > 0.0 { -first / curvature } else { 0.0 };
    (best, bounds.clamp(best))
}
