//! Gradient-boosted trees over the features of two parties or more of the same rows, in the
//! `secureboost` mode.
//!
//! # Functionality
//! The guest holds labels, optional row weights and features, each host other features of the same
//! rows in the same order. The trees are those of [`local`](crate::local::boosted_trees) on the
//! guest's features followed by those of the first host, the second, and so on, node by node: all
//! sums are exact integers, and the guest chooses every split with the same function. The guest
//! ends with the shape of the trees, its own splits, the leaves, and the margin of every row; each
//! host with its own splits.
//!
//! # Messages
//! With each host, and nothing between hosts:
//! 1. `terms`     G→H  seed of the public randomness, digest of what both must agree on
//! 2. `features`  H→G  bins of each of the host's features, and how predictions may depend on it,
//!    shuffled, without names
//! 3. `hints`     H→G  once: one ring element per (feature, bin), in messages of 64
//! 4. where an earlier run is taken up (`course`): `sides` H→G of each split of it
//! 5. until the trees are grown, one of
//!    - `command` G→H `Sums`, then per node `gradients` G→H: both derivatives of the node's rows,
//!      zero for all other training rows, encrypted, the same to every host; back `sums` H→G: one
//!      sum per (feature, bin). Of two children only the smaller one is asked for;
//!    - `command` G→H `Sides` with the level's new cuts of the host's features, back per cut
//!      `sides` H→G: one bit for each row, training or not. No cut is asked for twice;
//!    - `command` G→H `Keep` after a round, if the guest keeps its state: the host keeps its own;
//!    - `command` G→H `Finished`.
//!
//! Scoring new rows, with each host: `model` G→H, which model and how many rows; per split of the
//! host `sides`.
//!
//! # Leaks
//! To the guest: the number of each host's features and the bins of each, without names or edges,
//! and, where the settings give directions, which of them each has (together with the settings'
//! names this may say which feature is which);
//! for each node that is asked for, the sums of the derivatives over the rows in each bin of those
//! anonymous features (of all of them, whichever the tree may use); for each split of a host, on
//! which side every row is (when new rows are scored, this again). The guest knows every row's
//! derivatives, so that the sums of a bin with few rows may tell which rows are in it, and over
//! many trees it may learn the order of a host's values, and can set one host's values beside
//! another's. To a host: the numbers of rows and of nodes that were asked for, and which of its own
//! features and bins are split on; hence how many splits are not its own, not whether they are the
//! guest's or another host's. A host does not learn labels, derivatives, predictions, or which rows
//! are in a node, and hears nothing of another host. This mode is for parties who accept these
//! sums; `strict` modes open none of them.
//!
//! # Security
//! Semi-honest, against any parties that put together what they see. The guest's vectors are
//! hidden by ring-LWE at 128 quantum bits, from all hosts together too, since all get one
//! encryption; a host's rows beyond the opened sums by ring-LWE (hints) and 40-bit flooding
//! (answers): see [`crypto::lattice::projection`]. A host that colludes with the guest adds nothing
//! to what the guest learns of another host. A lying host is caught where its sums do not add up to
//! the node's, and else changes the model; a lying guest learns sums over any rows it likes, but no
//! more of them, and no more sides, than the settings allow for.
//!
//! # Cost
//! With each host, once: 153,600 bytes per (feature, bin), the missing one included; the guest
//! keeps them in memory, 196,608 bytes each. Per node asked for, at most 2^(depth-1) a tree: 18.75
//! bytes per training row and 153,600 more to the host, 18.75 bytes per (feature, bin) back. Per
//! new split of the host: one bit per row. Per level two round trips, and another for each 8 nodes
//! beyond the first, with all hosts at once. The guest encrypts once for all hosts.
//!
//! # Reference
//! Cheng et al., `SecureBoost`: A Lossless Federated Learning Framework, IEEE Intelligent Systems
//! 36(6), 2021, sections 4 and 5, with three changes: node membership is never sent (derivatives
//! are masked to the node instead), ring-LWE with precomputed hints takes the place of Paillier,
//! and both derivatives travel in one plaintext as in Chen et al., `SecureBoost+`,
//! arXiv 2110.10927, section 4.

mod guest;
mod host;
mod messages;
mod packing;
mod parts;
mod remote;
mod remotes;
mod scoring;
#[cfg(test)]
mod tests;

pub use guest::{GuestTraining, train_as_guest, train_as_guest_along};
pub use host::{train_as_host, train_as_host_along};
pub use messages::CELLS_MAX;
pub use parts::{GuestTrees, HostPart, HostSplit, HostTrees, Question};
pub use scoring::{score_as_guest, score_as_host};

/// Keys of the disclosures that are recorded while training and scoring.
pub const DISCLOSURES: [&str; 6] =
    [HOST_BINS, HOST_DIRECTIONS, BIN_SUMS, ROW_PARTITION, OWN_SPLITS, SHAPE];

const HOST_BINS: &str = "trees.host_bins";
const HOST_DIRECTIONS: &str = "trees.host_directions";
const BIN_SUMS: &str = "trees.bin_sums";
const ROW_PARTITION: &str = "trees.row_partition";
const OWN_SPLITS: &str = "trees.own_splits";
const SHAPE: &str = "trees.shape";
