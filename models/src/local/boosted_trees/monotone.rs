//! Features in which predictions may only rise, or only fall.

use serde::{Deserialize, Serialize};

/// How the margin may depend on a feature, all others being equal.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// In any way.
    #[default]
    Any,
    /// It must not fall when the feature grows.
    Increasing,
    /// It must not rise when the feature grows.
    Decreasing,
}

/// Between which values the leaves below a node must lie, before shrinkage.
///
/// A split on a feature with a direction divides the interval of its node at the middle of its
/// children's own values, so that no leaf below one child passes a leaf below the other: as
/// `XGBoost` has it (`monotone_constraints`).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Bounds {
    lower: f64,
    upper: f64,
}

impl Bounds {
    /// No bounds.
    pub(super) const NONE: Self = Self { lower: f64::NEG_INFINITY, upper: f64::INFINITY };

    /// The nearest value within.
    pub(super) fn clamp(self, value: f64) -> f64 {
        value.clamp(self.lower, self.upper)
    }

    /// The bounds of the children whose own values are `left` and `right`.
    pub(super) fn divide(self, direction: Direction, left: f64, right: f64) -> [Self; 2] {
        let middle = f64::midpoint(left, right);
        let (below, above) = (Self { upper: middle, ..self }, Self { lower: middle, ..self });
        match direction {
            Direction::Any => [self, self],
            Direction::Increasing => [below, above],
            Direction::Decreasing => [above, below],
        }
    }
}

impl Direction {
    /// Whether the left child, of lower values of the feature, may have the value `left`.
    pub(super) fn allows(self, left: f64, right: f64) -> bool {
        match self {
            Self::Any => true,
            Self::Increasing => left <= right,
            Self::Decreasing => left >= right,
        }
    }
}
