use crypto::lattice::LatticeError;
use net::NetError;

/// Why a block of secure computation could not finish.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MpcError {
    /// The conversation with the peer failed, or the peer broke a rule of the protocol.
    #[error(transparent)]
    Net(#[from] NetError),
    /// A lattice operation refused this party's own input: a length, a range, or the noise bound.
    #[error("encrypted arithmetic cannot use this input: {0}")]
    Lattice(#[from] LatticeError),
    /// The caller's own input does not fit the block.
    #[error("secure computation cannot use this input: {0}")]
    InvalidInput(String),
    /// Something was about to be revealed that no disclosure of the job declares.
    #[error(
        "refused to reveal '{0}': the job's disclosure statement does not list it (this is a \
         defect of the component, not of the data; please report it)"
    )]
    Undeclared(String),
}
