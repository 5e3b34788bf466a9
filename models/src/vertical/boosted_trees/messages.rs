//! What guest and host say besides ciphertexts.

use net::wire::{Message, Reader, WireError};

use crate::local::boosted_trees::{Cut, Direction, Settings};

/// Most (feature, bin) pairs a host may have, missing values counted as a bin: the guest keeps
/// 196,608 bytes for each, at most 12 GiB.
pub const CELLS_MAX: usize = 1 << 16;
/// Most nodes in one `Sums` command: their ciphertexts are in memory at the same time.
pub(super) const BATCH: usize = 8;
/// Most cuts in one `Sides` command: the nodes of the lowest level that is ever split.
const CUTS_MAX: usize = 1 << 11;

/// The first message: what the training is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Terms {
    /// Seed of the public randomness of the lattice; drawn by the guest for each training.
    pub(super) seed: [u8; 32],
    /// See [`agreement`].
    pub(super) agreement: [u8; 32],
}

/// Digest of what both sides must have from the job: rows, training rows, and limits.
pub(super) fn agreement(rows: usize, training: &[u32], settings: &Settings) -> [u8; 32] {
    let training: Vec<u8> = training.iter().flat_map(|row| row.to_le_bytes()).collect();
    let numbers =
        [rows, settings.trees_max(), settings.depth].map(|number| (number as u64).to_le_bytes());
    crypto::hash::digest("models/boosted_trees agreement", &[numbers.as_flattened(), &training])
}

/// What the guest learns of the host's features.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct HostFeatures {
    /// Bins of each, the missing one not counted.
    pub(super) bins: Vec<u8>,
    /// How predictions may depend on each.
    pub(super) directions: Vec<Direction>,
}

/// What the guest wants next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Command {
    /// The sums over so many encrypted vectors, `1..=BATCH`, which follow.
    Sums { nodes: usize },
    /// The sides of all rows at these cuts.
    Sides { cuts: Vec<Cut> },
    /// That the splits so far are kept: so many trees are done.
    Keep { trees: usize },
    /// Nothing any more.
    Finished,
}

/// Which model is applied to how many rows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ScoringTerms {
    pub(super) training_id: String,
    pub(super) rows: u32,
    pub(super) splits: u32,
}

impl Terms {
    pub(super) const BYTES: usize = 64;
}

impl HostFeatures {
    pub(super) const BYTES_MAX: usize = 4 + CELLS_MAX;
}

impl Command {
    pub(super) const BYTES_MAX: usize = 1 + 4 + CUTS_MAX * 6;
}

impl ScoringTerms {
    /// Longest name of a training, in bytes.
    const ID_MAX: usize = 64;
    pub(super) const BYTES_MAX: usize = 4 + Self::ID_MAX + 8;
}

impl Message for Terms {
    fn encode(&self, out: &mut Vec<u8>) {
        out.extend(self.seed);
        out.extend(self.agreement);
    }

    fn decode(reader: &mut Reader<'_>) -> Result<Self, WireError> {
        Ok(Self { seed: reader.array()?, agreement: reader.array()? })
    }
}

impl Message for HostFeatures {
    fn encode(&self, out: &mut Vec<u8>) {
        out.extend((self.bins.len() as u32).to_le_bytes());
        out.extend(&self.bins);
        out.extend(self.directions.iter().map(|direction| *direction as u8));
    }

    fn decode(reader: &mut Reader<'_>) -> Result<Self, WireError> {
        let count = reader.count("features", CELLS_MAX / 2)?;
        let bins = reader.bytes(count)?.to_vec();
        if bins.is_empty() || bins.contains(&0) {
            return Err(invalid("the host needs a feature, and each feature a bin"));
        }
        if bins.iter().map(|&bins| usize::from(bins) + 1).sum::<usize>() > CELLS_MAX {
            return Err(invalid(format!("there are more than {CELLS_MAX} bins")));
        }
        let direction = |byte: &u8| match byte {
            0 => Ok(Direction::Any),
            1 => Ok(Direction::Increasing),
            2 => Ok(Direction::Decreasing),
            other => Err(invalid(format!("there is no direction {other}"))),
        };
        let directions = reader.bytes(count)?.iter().map(direction).collect::<Result<_, _>>()?;
        Ok(Self { bins, directions })
    }
}

impl Message for Command {
    fn encode(&self, out: &mut Vec<u8>) {
        match self {
            Self::Finished => out.push(0),
            Self::Sums { nodes } => {
                out.push(1);
                out.extend((*nodes as u32).to_le_bytes());
            }
            Self::Sides { cuts } => {
                out.push(2);
                out.extend((cuts.len() as u32).to_le_bytes());
                for cut in cuts {
                    out.extend((cut.feature as u32).to_le_bytes());
                    out.extend([cut.bin, u8::from(cut.missing_left)]);
                }
            }
            Self::Keep { trees } => {
                out.push(3);
                out.extend((*trees as u32).to_le_bytes());
            }
        }
    }

    fn decode(reader: &mut Reader<'_>) -> Result<Self, WireError> {
        match reader.u8()? {
            0 => Ok(Self::Finished),
            1 => match reader.count("nodes", BATCH)? {
                0 => Err(invalid("a command without nodes")),
                nodes => Ok(Self::Sums { nodes }),
            },
            2 => {
                let count = reader.count("cuts", CUTS_MAX)?;
                let cuts = (0..count).map(|_| {
                    let feature = reader.u32()? as usize;
                    Ok(Cut { feature, bin: reader.u8()?, missing_left: reader.bool()? })
                });
                Ok(Self::Sides { cuts: cuts.collect::<Result<_, WireError>>()? })
            }
            3 => Ok(Self::Keep { trees: reader.u32()? as usize }),
            other => Err(invalid(format!("there is no command {other}"))),
        }
    }
}

impl Message for ScoringTerms {
    fn encode(&self, out: &mut Vec<u8>) {
        net::wire::put_string(out, &self.training_id);
        out.extend(self.rows.to_le_bytes());
        out.extend(self.splits.to_le_bytes());
    }

    fn decode(reader: &mut Reader<'_>) -> Result<Self, WireError> {
        let training_id = reader.string(Self::ID_MAX)?;
        Ok(Self { training_id, rows: reader.u32()?, splits: reader.u32()? })
    }
}

fn invalid(what: impl Into<String>) -> WireError {
    WireError::Invalid { what: what.into() }
}

#[cfg(test)]
mod tests {
    use net::wire::{decode, encode};

    use super::*;

    #[test]
    fn messages_come_back() {
        let terms = Terms { seed: [7; 32], agreement: [9; 32] };
        assert_eq!(encode(&terms).len(), Terms::BYTES);
        assert_eq!(decode(&encode(&terms)), Ok(terms));
        let directions = vec![Direction::Decreasing, Direction::Any, Direction::Increasing];
        let features = HostFeatures { bins: vec![1, 255, 3], directions };
        assert_eq!(decode(&encode(&features)), Ok(features));
        let cut = Cut { feature: 65_000, bin: 200, missing_left: true };
        for command in [
            Command::Finished,
            Command::Sums { nodes: BATCH },
            Command::Sides { cuts: vec![cut; CUTS_MAX] },
            Command::Keep { trees: 70_000 },
        ] {
            assert!(encode(&command).len() <= Command::BYTES_MAX);
            assert_eq!(decode(&encode(&command)), Ok(command));
        }
        let terms = ScoringTerms { training_id: "ab".into(), rows: 3, splits: 4 };
        assert_eq!(decode(&encode(&terms)), Ok(terms));
    }

    #[test]
    fn nonsense_is_refused() {
        assert!(decode::<HostFeatures>(&[0, 0, 0, 0]).is_err());
        assert!(decode::<HostFeatures>(&[2, 0, 0, 0, 1, 0, 0, 0]).is_err());
        assert!(decode::<HostFeatures>(&[1, 0, 0, 0, 1, 2]).is_ok());
        assert!(decode::<HostFeatures>(&[1, 0, 0, 0, 1, 3]).is_err());
        assert!(decode::<HostFeatures>(&[1, 0, 0, 0, 1]).is_err());
        assert!(decode::<HostFeatures>(&[255, 255, 255, 255]).is_err());
        let (bins, directions) = (vec![255; 257], vec![Direction::Any; 257]);
        assert!(decode::<HostFeatures>(&encode(&HostFeatures { bins, directions })).is_err());
        assert!(decode::<Command>(&[3, 0]).is_err());
        assert!(decode::<Command>(&[0, 0]).is_err());
        assert!(decode::<Command>(&[1, 0, 0, 0, 0]).is_err());
        assert!(decode::<Command>(&[1, 9, 0, 0, 0]).is_err());
        assert!(decode::<Command>(&[2, 1, 0, 0, 0, 0, 0, 0, 0, 1, 2]).is_err());
    }
}
