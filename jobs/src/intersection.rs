//! Runs the intersection protocol that a job or a bench names.

use matching::MatchingError;
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
        Intersection::Ecdh => ecdh::align(session, ids, learn).await,
        Intersection::Rr22 => vole::align(session, ids, learn).await,
        Intersection::CheckedRr22 => checked_vole::align(session, ids, learn).await,
    }
}
