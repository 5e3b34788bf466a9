use crypto::lattice::LatticeError;
use features::federated::FederatedError;
use mpc::MpcError;
use net::NetError;

use crate::evaluate::EvaluateError;

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
    /// The parties' columns together do not tell every coefficient apart.
    #[error(
        "no standard errors: given the others, a column of either party is nearly determined (a \
         variance inflation above 8,192), or only rows that are predicted for certain tell of it; \
         leave such columns out, raise l2, or set standard_errors to false"
    )]
    Collinear,
    /// What was trained cannot be judged on the test rows.
    #[error(transparent)]
    Evaluate(#[from] EvaluateError),
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

impl From<FederatedError> for ModelError {
    fn from(error: FederatedError) -> Self {
        match error {
            FederatedError::Secure(error) => Self::Secure(error),
            other => Self::InvalidInput(other.to_string()),
        }
    }
}
