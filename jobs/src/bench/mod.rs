//! Benches: protocols at stated sizes between two processes, on simulated data.
//!
//! Each party's process calls [`play`] with the same [`Bench`]. Data are made before the clock
//! starts; what is measured is the protocol with everything it needs (set-up, encryption, traffic).

mod boosted_trees;
mod data;
mod hidden;
mod logistic_regression;
mod multiparty;
mod psi;
mod recommendation;
mod stopwatch;
mod unbalanced;
mod union;

use net::Session;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::JobError;
use crate::spec::{Curve, Security};
pub use stopwatch::Usage;

/// The largest difference of the joint and the pooled model's AUC that a bench accepts.
pub const AUC_BOUND: f64 = 1e-3;

/// What is measured, at what size.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "bench")]
pub enum Bench {
    /// Private set intersection, both parties learning (with `unbalanced` only the guest, with
    /// `circuit` nobody).
    Psi {
        /// The protocol's name in the catalogue, `ecdh` or `rr22`, or `unbalanced`, `union`,
        /// `circuit`, `cardinality`, `sum` or `multiparty`, which are measured with
        /// [`Scope::Protocol`] only.
        protocol: String,
        /// The curve of `ecdh`; the other protocols have only the default one.
        curve: Curve,
        /// Two; with `multiparty` up to [`PARTIES_MAX`].
        parties_count: usize,
        /// The partner that is held off; only `rr22` has a choice.
        security: Security,
        /// Ids of the guest.
        rows: usize,
        /// Ids of each other party; half of the smaller set is common.
        their_rows: usize,
        /// Ids in memory, or files in and aligned files out.
        scope: Scope,
    },
    /// Strict logistic regression.
    VerticalLr {
        /// Common rows.
        rows: usize,
        /// Columns of the guest.
        guest_features: usize,
        /// Columns of the host.
        host_features: usize,
        /// Levels of a sparse category of the host; 0: it has none.
        sparse_levels: usize,
    },
    /// Boosted trees.
    VerticalGbdt {
        /// The privacy mode.
        privacy: String,
        /// Common rows.
        rows: usize,
        /// Features of the guest.
        guest_features: usize,
        /// Features of the host.
        host_features: usize,
        /// Levels of splits.
        depth: usize,
        /// Bins of a feature.
        bins: usize,
        /// Trees.
        trees: usize,
    },
    /// Factorisation machine in the mode `user_factors_known_to_guest`.
    Recommendation {
        /// Common users.
        users: usize,
        /// Items of the guest.
        items: usize,
        /// Columns of the host.
        host_features: usize,
        /// Factors.
        factors: usize,
        /// Directions of items.
        directions: usize,
        /// Passes.
        passes: usize,
    },
}

/// How much of an alignment is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    /// The protocol, ids in memory.
    Protocol,
    /// From CSV files to aligned Parquet files.
    Whole,
}

/// One party's measurement.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// Time, traffic and memory.
    pub usage: Usage,
    /// Figures of the result, by the names that the bench line uses.
    pub figures: Map<String, Value>,
}

/// The most parties of a bench.
pub const PARTIES_MAX: usize = 8;

impl Bench {
    /// How many parties it takes.
    pub fn parties_count(&self) -> usize {
        match self {
            Self::Psi { parties_count, .. } => *parties_count,
            Self::VerticalLr { .. } | Self::VerticalGbdt { .. } | Self::Recommendation { .. } => 2,
        }
    }
}

/// Runs one party's side, with a session to each other party, in their order.
///
/// # Errors
/// [`JobError`] as the protocol itself reports it, or for a protocol or mode that does not exist or
/// is not for so many parties.
#[net::boxed(?Send)]
pub async fn play(bench: &Bench, mut peers: Vec<Session>) -> Result<Record, JobError> {
    if let Bench::Psi { protocol, rows, their_rows, scope: Scope::Protocol, .. } = bench
        && protocol == multiparty::NAME
    {
        return multiparty::play(peers, *rows, *their_rows).await;
    }
    let (Some(session), true) = (peers.pop(), peers.is_empty()) else {
        return Err(JobError::Bench("only `multiparty` is for more than two parties".to_owned()));
    };
    match bench {
        Bench::Psi { protocol, curve, security, rows, their_rows, scope, .. } => {
            let form = (*curve, *security);
            psi::play_named(session, protocol, form, *rows, *their_rows, *scope).await
        }
        Bench::VerticalLr { rows, guest_features, host_features, sparse_levels } => {
            let features = [*guest_features, *host_features];
            logistic_regression::play(session, *rows, features, *sparse_levels).await
        }
        Bench::VerticalGbdt {
            privacy,
            rows,
            guest_features,
            host_features,
            depth,
            bins,
            trees,
        } => {
            boosted_trees::check(privacy)?;
            let shape = boosted_trees::Shape {
                rows: *rows,
                guest_features: *guest_features,
                host_features: *host_features,
                bins: *bins,
            };
            boosted_trees::play(session, &shape, privacy, *depth, *trees).await
        }
        Bench::Recommendation { users, items, host_features, factors, directions, passes } => {
            let shape = recommendation::Shape {
                users: *users,
                items: *items,
                host_features: *host_features,
            };
            let settings = models::local::factorization_machine::Settings {
                factors: *factors,
                directions: *directions,
                passes: *passes,
                ..Default::default()
            };
            recommendation::play(session, shape, &settings).await
        }
    }
}

/// Both parties wait for each other, so that nobody's data making is measured.
async fn start_together(session: &mut Session) -> Result<(), JobError> {
    session.exchange_words("start", &[], 0).await?;
    Ok(())
}

fn figures<const N: usize>(pairs: [(&str, Value); N]) -> Map<String, Value> {
    pairs.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}
