//! The features of both parties as cells, and the cuts between them.

use features::binned::{BinnedMatrix, MISSING};
use mpc::TwoParty;
use mpc::boolean::Bits;
use net::Size;
use net::wire::{Message, Reader, WireError};

use super::FEATURE_SIZES;
use crate::ModelError;
use crate::local::boosted_trees::Cut;

/// What the other party learns of a feature.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct FeatureShape {
    /// Bins, the missing one not counted.
    pub(super) bins: u8,
    /// Whether a training row has no value.
    pub(super) has_missing: bool,
}

/// The codes of a feature in the training rows: bins from 0, and after them missing values.
pub(super) struct FeatureCodes {
    pub(super) shape: FeatureShape,
    pub(super) cells: Vec<u8>,
}

/// A cut as a sum over cells of its feature: those before `end`, and perhaps the missing one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct CellCut {
    /// Number of the feature among its party's.
    pub(super) feature: usize,
    /// Bins that go left.
    pub(super) bins: u8,
    pub(super) missing_left: bool,
}

/// Features of both parties.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Shapes {
    pub(super) own: Vec<FeatureShape>,
    pub(super) theirs: Vec<FeatureShape>,
}

/// Most features of a party: each has a cell.
const FEATURES_MAX: usize = mpc::histogram::CELLS_MAX;

struct Features(Vec<FeatureShape>);

/// The codes of all features in `rows`, of which the first `training` are learned from.
pub(super) fn codes(matrix: &BinnedMatrix, rows: &[u32], training: usize) -> Vec<FeatureCodes> {
    let gather = |feature: &features::binned::BinnedFeature| {
        let of_row = |row: &u32| feature.codes[*row as usize];
        let has_missing = rows[..training].iter().any(|row| of_row(row) == MISSING);
        // There are at most 255 bins.
        let bins = feature.bins as u8;
        // A bin counts from 1; a missing value, 0, comes after the last bin.
        let cell = |code: u8| if code == MISSING { bins } else { code - 1 };
        FeatureCodes {
            shape: FeatureShape { bins, has_missing },
            cells: rows.iter().map(|row| cell(of_row(row))).collect(),
        }
    };
    matrix.features().iter().map(gather).collect()
}

impl Shapes {
    /// Tells the other party the sizes of the own features, and learns of its.
    pub(super) async fn exchange(
        party: &mut TwoParty,
        own: Vec<FeatureShape>,
    ) -> Result<Self, ModelError> {
        let theirs = exchange(party, &own).await?;
        Ok(Self { own, theirs })
    }

    /// Refuses a number of cells of the peer that does not follow from its features.
    pub(super) fn check_cells(&self, party: &TwoParty, cells: usize) -> Result<(), ModelError> {
        let expected = self.theirs.iter().map(|shape| shape.cells()).sum::<usize>();
        if cells == expected {
            return Ok(());
        }
        let rule = format!("{cells} cells were announced, its features have {expected}");
        Err(party.session.misbehaved("shape", rule).into())
    }

    /// The cuts of one party's features, of which `used` may be cut, in the order of the reference.
    pub(super) fn cuts(features: &[FeatureShape], used: &[usize]) -> Vec<CellCut> {
        let mut cuts = Vec::new();
        for feature in used {
            let FeatureShape { bins, has_missing } = features[*feature];
            for left in 1..=bins {
                let cut = CellCut { feature: *feature, bins: left, missing_left: true };
                // With all bins on the left only missing values are right.
                if left < bins {
                    cuts.push(cut);
                }
                if has_missing {
                    cuts.push(CellCut { missing_left: false, ..cut });
                }
            }
        }
        cuts
    }
}

/// Tells one other party the sizes of the own features, and learns of its.
pub(super) async fn exchange(
    party: &mut TwoParty,
    own: &[FeatureShape],
) -> Result<Vec<FeatureShape>, ModelError> {
    const STEP: &str = "features";
    if own.is_empty() || own.len() > FEATURES_MAX {
        return Err(ModelError::InvalidInput(format!(
            "{} features where 1 to {FEATURES_MAX} are possible",
            own.len()
        )));
    }
    let ledger = std::sync::Arc::clone(&party.ledger);
    let session = &mut party.session;
    ledger.record(FEATURE_SIZES, session.peer(), own.len() as u64)?;
    let message = net::wire::encode(&Features(own.to_vec()));
    let size = Size::AtMost(4 + 2 * FEATURES_MAX);
    let theirs = session.exchange_bytes(STEP, message, size).await?;
    let Features(theirs) =
        net::wire::decode(&theirs).map_err(|error| session.misbehaved(STEP, error.to_string()))?;
    ledger.record(FEATURE_SIZES, session.me(), theirs.len() as u64)?;
    Ok(theirs)
}

/// This party's share of the packed sum over the left side of each cut, from its shares of cells.
pub(super) fn left_sums(features: &[FeatureShape], cuts: &[CellCut], cells: &[u64]) -> Vec<u64> {
    let mut starts = Vec::with_capacity(features.len());
    let mut start = 0;
    for feature in features {
        starts.push(start);
        start += feature.cells();
    }
    let mut sums = Vec::with_capacity(cuts.len());
    let (mut prefix, mut last) = (0_u64, (usize::MAX, 0_u8));
    for cut in cuts {
        let start = starts[cut.feature];
        if last.0 != cut.feature {
            (prefix, last) = (0, (cut.feature, 0));
        }
        while last.1 < cut.bins {
            prefix = prefix.wrapping_add(cells[start + usize::from(last.1)]);
            last.1 += 1;
        }
        let shape = features[cut.feature];
        let missing = if shape.has_missing && cut.missing_left {
            cells[start + usize::from(shape.bins)]
        } else {
            0
        };
        sums.push(prefix.wrapping_add(missing));
    }
    sums
}

impl CellCut {
    /// Which rows go left, by the codes of the cut's feature.
    pub(super) fn sides(self, feature: &FeatureCodes) -> Bits {
        let FeatureCodes { shape, cells } = feature;
        let is_left = |row: usize| {
            let cell = cells[row];
            cell < self.bins || (cell == shape.bins && self.missing_left)
        };
        Bits::from_fn(cells.len(), is_left)
    }

    /// The cut as the model keeps it.
    pub(super) fn cut(self) -> Cut {
        let Self { feature, bins, missing_left } = self;
        Cut { feature, bin: bins, missing_left }
    }
}

impl Message for Features {
    fn encode(&self, out: &mut Vec<u8>) {
        out.extend((self.0.len() as u32).to_le_bytes());
        for shape in &self.0 {
            out.extend([shape.bins, u8::from(shape.has_missing)]);
        }
    }

    fn decode(reader: &mut Reader<'_>) -> Result<Self, WireError> {
        let count = reader.count("features", FEATURES_MAX)?;
        let shape = |_| Ok(FeatureShape { bins: reader.u8()?, has_missing: reader.bool()? });
        let shapes: Vec<FeatureShape> = (0..count).map(shape).collect::<Result<_, WireError>>()?;
        if shapes.is_empty() || shapes.iter().any(|shape| shape.bins == 0) {
            let what = "a party needs a feature, and each feature a bin".to_owned();
            return Err(WireError::Invalid { what });
        }
        Ok(Self(shapes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cuts_follow_the_reference_and_sum_up_their_left_side() {
        let features = [
            FeatureShape { bins: 3, has_missing: true },
            FeatureShape { bins: 1, has_missing: false },
            FeatureShape { bins: 2, has_missing: false },
        ];
        let cuts = Shapes::cuts(&features, &[0, 1, 2]);
        let described: Vec<_> =
            cuts.iter().map(|cut| (cut.feature, cut.bins, cut.missing_left)).collect();
        let expected =
            [(0, 1, true), (0, 1, false), (0, 2, true), (0, 2, false), (0, 3, false), (2, 1, true)];
        assert_eq!(described, expected);
        // Three bins and the missing one; one bin; two bins.
        let cells = [1, 2, 4, 8, 100, 16, 32];
        assert_eq!(left_sums(&features, &cuts, &cells), [9, 1, 11, 3, 7, 16]);
        assert_eq!(left_sums(&features, &Shapes::cuts(&features, &[2]), &cells), [16]);
    }

    #[test]
    fn nonsense_is_refused() {
        for bytes in [&[0, 0, 0, 0][..], &[1, 0, 0, 0, 0, 1], &[255; 8], &[1, 0, 0, 0, 1, 2]] {
            assert!(net::wire::decode::<Features>(bytes).is_err());
        }
    }
}
