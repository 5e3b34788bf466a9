//! Runs the intersection protocol that a job or a bench names.

use matching::MatchingError;
use matching::psi::{Identifiers, Learn, checked_vole, ecdh, vole};
use net::Session;
use table::Alignment;

use crate::spec::Protocol;

/// The common rows, for a party that learns them.
pub(crate) async fn intersect(
    protocol: Protocol,
    session: &mut Session,
    ids: &Identifiers<'_>,
    learn: Learn,
) -> Result<Option<Alignment>, MatchingError> {
    match protocol {
        Protocol::Ecdh => ecdh::align(session, ids, learn).await,
        Protocol::Rr22 => vole::align(session, ids, learn).await,
        Protocol::CheckedRr22 => checked_vole::align(session, ids, learn).await,
    }
}
