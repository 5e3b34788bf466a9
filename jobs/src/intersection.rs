//! Runs the intersection protocol that a job or a bench asks for.

use matching::MatchingError;
use matching::psi::{Identifiers, Learn, ecdh, vole};
use net::Session;
use table::Alignment;

use crate::spec::{AlignSpec, Curve, Protocol};

/// The common rows, for a party that learns them: `learn`, whatever `align` says of that.
pub(crate) async fn intersect(
    align: &AlignSpec,
    session: &mut Session,
    ids: &Identifiers<'_>,
    learn: Learn,
) -> Result<Option<Alignment>, MatchingError> {
    match align.protocol {
        Protocol::Ecdh => {
            let curve = match align.curve {
                Curve::Ristretto255 => ecdh::Curve::Ristretto255,
                Curve::Sm2 => ecdh::Curve::Sm2,
            };
            ecdh::align(session, ids, learn, curve).await
        }
        Protocol::Rr22 => vole::align(session, ids, learn).await,
    }
}
