//! Which features are kept: by information value, then by correlation.
//!
//! Pure decisions over given figures: the information values may come from a local table or out of
//! a protocol, and of the correlated pairs only those above the threshold need to be known.

use crate::FeaturesError;
use serde::{Deserialize, Serialize};

/// Two features whose correlation is above the threshold in absolute value.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct CorrelatedPair {
    /// Place of one feature.
    pub first: usize,
    /// Place of the other feature.
    pub second: usize,
    /// Their correlation.
    pub correlation: f64,
}

/// Why a feature was not kept.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// Its information value is below the threshold.
    LowInformation {
        /// Its information value.
        iv: f64,
    },
    /// It is correlated with a feature of at least the same information value that is kept.
    Correlated {
        /// Place of the feature that is kept.
        with: usize,
        /// Their correlation.
        correlation: f64,
    },
}

/// What was decided.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Selection {
    /// Places of the features that are kept, ascending.
    pub kept: Vec<usize>,
    /// Places of the others with the reason, ascending.
    pub dropped: Vec<(usize, Reason)>,
}

/// Keeps features with an information value of at least `iv_min`, and of each correlated pair the
/// one with the higher information value.
///
/// `ivs` has one entry per feature. Features are gone through from the highest information value
/// to the lowest, equal ones by place; each is kept unless it is paired with one that is kept
/// already. So a feature is never dropped because of one that is itself dropped.
///
/// # Errors
///
/// [`FeaturesError::RowOutside`] for a pair that points beyond the features,
/// [`FeaturesError::Setting`] for a threshold or information value that is not a number.
pub fn select(
    ivs: &[f64],
    iv_min: f64,
    pairs: &[CorrelatedPair],
) -> Result<Selection, FeaturesError> {
    let expected = "a number";
    if iv_min.is_nan() {
        return Err(FeaturesError::setting("iv threshold", &iv_min, expected));
    }
    if let Some(iv) = ivs.iter().find(|iv| iv.is_nan()) {
        return Err(FeaturesError::setting("information value", &iv, expected));
    }
    let mut partners: Vec<Vec<(usize, f64)>> = vec![Vec::new(); ivs.len()];
    for pair in pairs {
        for (one, other) in [(pair.first, pair.second), (pair.second, pair.first)] {
            let outside = FeaturesError::RowOutside { row: one, rows: ivs.len() };
            partners.get_mut(one).ok_or(outside)?.push((other, pair.correlation));
        }
    }
    let mut order: Vec<usize> = (0..ivs.len()).collect();
    order.sort_by(|&left, &right| ivs[right].total_cmp(&ivs[left]));

    let mut is_kept = vec![false; ivs.len()];
    let mut dropped = Vec::new();
    for place in order {
        let blocking = partners[place].iter().find(|(other, _)| is_kept[*other] && *other != place);
        let reason = match blocking {
            _ if ivs[place] < iv_min => Some(Reason::LowInformation { iv: ivs[place] }),
            Some(&(with, correlation)) => Some(Reason::Correlated { with, correlation }),
            None => None,
        };
        match reason {
            Some(reason) => dropped.push((place, reason)),
            None => is_kept[place] = true,
        }
    }
    dropped.sort_by_key(|(place, _)| *place);
    Ok(Selection { kept: (0..ivs.len()).filter(|place| is_kept[*place]).collect(), dropped })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn pair(first: usize, second: usize) -> CorrelatedPair {
        CorrelatedPair { first, second, correlation: 0.9 }
    }

    #[test]
    fn a_chain_keeps_its_ends() {
        // 0 – 1 – 2: 1 goes because of 0, and so 2 stays.
        let selection = select(&[0.3, 0.2, 0.1], 0.02, &[pair(0, 1), pair(2, 1)]).unwrap();
        assert_eq!(selection.kept, [0, 2]);
        let reason = Reason::Correlated { with: 0, correlation: 0.9 };
        assert_eq!(selection.dropped, [(1, reason)]);
    }

    #[test]
    fn low_information_goes_first_and_equals_by_place() {
        let selection = select(&[0.1, 0.01, 0.1], 0.02, &[pair(2, 0), pair(1, 0)]).unwrap();
        assert_eq!(selection.kept, [0]);
        assert_eq!(selection.dropped[0], (1, Reason::LowInformation { iv: 0.01 }));
    }

    #[test]
    fn bad_input_is_an_error() {
        assert!(matches!(
            select(&[0.1], 0.0, &[pair(0, 1)]),
            Err(FeaturesError::RowOutside { .. })
        ));
        assert!(select(&[f64::NAN], 0.0, &[]).is_err());
        assert!(select(&[0.1], f64::NAN, &[]).is_err());
    }

    proptest! {
        #[test]
        fn no_kept_pair_is_correlated_and_every_drop_is_justified(
            ivs in prop::collection::vec(0.0_f64..0.6, 1..12),
            edges in prop::collection::vec((0_usize..12, 0_usize..12), 0..30),
        ) {
            let pairs: Vec<_> = edges
                .into_iter()
                .filter(|(a, b)| a != b && *a < ivs.len() && *b < ivs.len())
                .map(|(a, b)| pair(a, b))
                .collect();
            let selection = select(&ivs, 0.1, &pairs).unwrap();
            let kept = |place: &usize| selection.kept.contains(place);
            prop_assert!(!pairs.iter().any(|pair| kept(&pair.first) && kept(&pair.second)));
            for (place, reason) in &selection.dropped {
                match reason {
                    Reason::LowInformation { .. } => prop_assert!(ivs[*place] < 0.1),
                    Reason::Correlated { with, .. } => {
                        prop_assert!(kept(with) && ivs[*with] >= ivs[*place]);
                    }
                }
            }
            prop_assert_eq!(selection.kept.len() + selection.dropped.len(), ivs.len());
        }
    }
}
