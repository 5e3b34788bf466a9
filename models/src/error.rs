use crypto::lattice::LatticeError;
use mpc::MpcError;
use net::NetError;

/// Why a model could not be trained or applied.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ModelError {
    /// The secure computation with the peer failed.
    #[error(transparent)]
    Secure(#[from] MpcError),
    /// This party's own data or settings do not fit the model.
    #[error("the model cannot be trained on this input: {0}")]
    InvalidInput(String),
}

impl From<NetError> for ModelError {
    fn from(error: NetError) -> Self {
        Self::Secure(error.into())
    }
}

impl From<LatticeError> for ModelError {
    fn from(error: LatticeError) -> Self {
        Self::Secure(error.into())
    }
}
