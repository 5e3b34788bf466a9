//! Runs the intersection protocol that a job or a bench asks for.

use matching::MatchingError;
use matching::psi::ecdh::Curve;
use matching::psi::{Identifiers, Learn, checked_vole, ecdh, vole};
use net::Session;
use table::Alignment;

use crate::spec::Intersection;

/// The common rows, for a party that learns them.
pub(crate) async fn intersect(
    protocol: Intersection,
    session: &mut Session,
    ids: &Identifiers<'_>,
    learn: Learn,
) -> Result<Option<Alignment>, MatchingError> {
    match protocol {
        Intersection::Ecdh => ecdh::align(session, ids, learn, Curve::Ristretto255).await,
        Intersection::EcdhOnSm2 => ecdh::align(session, ids, learn, Curve::Sm2).await,
        Intersection::Rr22 => vole::align(session, ids, learn).await,
        Intersection::CheckedRr22 => checked_vole::align(session, ids, learn).await,
    }
}
