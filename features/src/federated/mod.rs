//! Statistics over two parties' columns of the same rows, with shares in between.
//!
//! - [`evidence`]: the guest learns how its labels spread over the host's anonymous bins;
//! - [`correlation`]: both learn which pairs of features across the parties are strongly
//!   correlated;
//! - [`products`]: products of one party's vectors with the other's columns, which stay shared.

pub mod correlation;
pub mod evidence;
pub mod products;

use crypto::lattice::LatticeError;
use mpc::MpcError;
use net::NetError;

/// Why federated statistics could not be made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FederatedError {
    /// The secure computation with the peer failed, or the peer broke a rule.
    #[error(transparent)]
    Secure(#[from] MpcError),
    /// This party's own input does not fit.
    #[error("federated statistics cannot use this input: {0}")]
    InvalidInput(String),
}

impl From<NetError> for FederatedError {
    fn from(error: NetError) -> Self {
        Self::Secure(error.into())
    }
}

impl From<LatticeError> for FederatedError {
    fn from(error: LatticeError) -> Self {
        Self::Secure(error.into())
    }
}
