//! Benches: protocols at stated sizes between two processes, on simulated data.
//!
//! Each party's process calls [`play`] with the same [`Bench`]. Data are made before the clock
//! starts; what is measured is the protocol with everything it needs (set-up, encryption, traffic).

mod boosted_trees;
mod data;
mod logistic_regression;
mod psi;
mod stopwatch;
mod unbalanced;

use net::Session;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::JobError;
use crate::spec::Security;
pub use stopwatch::Usage;

/// The largest difference of the joint and the pooled model's AUC that a bench accepts.
pub const AUC_BOUND: f64 = 1e-3;

/// What is measured, at what size.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "bench")]
pub enum Bench {
    /// Private set intersection, both parties learning (with `unbalanced` only the guest).
    Psi {
        /// The protocol's name in the catalogue, `ecdh` or `rr22`, or `unbalanced`.
        protocol: String,
        /// The partner that is held off; only `rr22` has a choice.
        security: Security,
        /// Ids of the guest.
        rows: usize,
        /// Ids of the host; half of the smaller set is common.
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

/// Runs one party's side.
///
/// # Errors
/// [`JobError`] as the protocol itself reports it, or for a protocol or mode that does not exist.
pub async fn play(bench: &Bench, session: Session) -> Result<Record, JobError> {
    match bench {
        Bench::Psi { protocol, security: Security::SemiHonest, rows, their_rows, scope }
            if protocol == unbalanced::NAME =>
        {
            unbalanced::play(session, *rows, *their_rows, *scope).await
        }
        Bench::Psi { protocol, security, rows, their_rows, scope } => {
            let protocol = psi::protocol(protocol, *security)?;
            psi::play(session, protocol, *rows, *their_rows, *scope).await
        }
        Bench::VerticalLr { rows, guest_features, host_features } => {
            logistic_regression::play(session, *rows, *guest_features, *host_features).await
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
            boosted_trees::play(session, &shape, *depth, *trees).await
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
