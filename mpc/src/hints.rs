//! The part of encrypted products that never changes, sent once before the first product.
//!
//! Hints are elements of the ring, 116 or 150 KiB each (see `crypto::lattice`), and travel in
//! groups, so that messages stay bounded whatever their number. They are pseudo-random: sending
//! them reveals nothing. Every length is checked before anything is read.

use std::ops::Range;

use crypto::lattice::LatticeError;
use net::{Session, Size};
use rayon::prelude::*;

use crate::MpcError;

/// Hints in one message: 10 MiB.
const HINTS_PER_MESSAGE: usize = 64;

/// How the peer's hints are read: how many there are, the bytes of each, and its form.
pub struct Expected<F> {
    /// How many hints come.
    pub count: usize,
    /// Bytes of one.
    pub bytes: usize,
    /// Reads one.
    pub parse: F,
}

/// Sends `count` hints; `make` gives those of a range in their wire form and runs inside
/// `Session::compute`.
///
/// # Errors
/// [`MpcError::Net`] if the peer is gone.
pub async fn send(
    session: &mut Session,
    step: &'static str,
    count: usize,
    make: impl Fn(Range<usize>) -> Vec<Vec<u8>> + Sync,
) -> Result<(), MpcError> {
    for group in groups(count, 0..count) {
        let message = session.compute(|| make(group).concat()).await;
        session.send_bytes(step, message).await?;
    }
    Ok(())
}

/// Receives what [`send`] sends.
///
/// # Errors
/// [`MpcError::Net`] if the peer is gone, or blaming it for a hint of the wrong form.
pub async fn receive<H: Send>(
    session: &mut Session,
    step: &'static str,
    expected: Expected<impl Fn(&[u8]) -> Result<H, LatticeError> + Sync>,
) -> Result<Vec<H>, MpcError> {
    let mut hints = Vec::with_capacity(expected.count);
    for group in groups(expected.count, 0..expected.count) {
        let size = Size::Exactly(group.len() * expected.bytes);
        let message = session.receive_bytes(step, size).await?;
        let read = session.compute(|| read(&expected, &message)).await;
        hints.extend(read.map_err(|error| blame(session, step, error))?);
    }
    Ok(hints)
}

/// [`send`] and [`receive`] at once, group by group, in both directions.
///
/// # Errors
/// Those of both.
pub async fn exchange<H: Send>(
    session: &mut Session,
    step: &'static str,
    own: usize,
    make: impl Fn(Range<usize>) -> Vec<Vec<u8>> + Sync,
    expected: Expected<impl Fn(&[u8]) -> Result<H, LatticeError> + Sync>,
) -> Result<Vec<H>, MpcError> {
    let mut hints = Vec::with_capacity(expected.count);
    let all = 0..own.max(expected.count);
    for (ours, theirs) in groups(own, all.clone()).zip(groups(expected.count, all)) {
        let message = session.compute(|| make(ours).concat()).await;
        let size = Size::Exactly(theirs.len() * expected.bytes);
        let message = session.exchange_bytes(step, message, size).await?;
        let read = session.compute(|| read(&expected, &message)).await;
        hints.extend(read.map_err(|error| blame(session, step, error))?);
    }
    Ok(hints)
}

/// An error in what the peer sent is the peer's; the rest is ours.
pub fn blame(session: &Session, step: &'static str, error: LatticeError) -> MpcError {
    match error {
        LatticeError::WrongLength { .. } | LatticeError::NotReduced { .. } => {
            session.misbehaved(step, error.to_string()).into()
        }
        error => error.into(),
    }
}

/// The hints of one message.
fn read<H: Send>(
    expected: &Expected<impl Fn(&[u8]) -> Result<H, LatticeError> + Sync>,
    message: &[u8],
) -> Result<Vec<H>, LatticeError> {
    message.par_chunks_exact(expected.bytes).map(&expected.parse).collect()
}

/// The parts of `0..count` that lie in each group of `all`; empty beyond `count`.
fn groups(count: usize, all: Range<usize>) -> impl Iterator<Item = Range<usize>> {
    let group = move |start: usize| start.min(count)..count.min(start + HINTS_PER_MESSAGE);
    all.step_by(HINTS_PER_MESSAGE).map(group)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_cover_the_count_and_are_empty_beyond_it() {
        let of = |count, all| groups(count, 0..all).collect::<Vec<_>>();
        assert_eq!(of(130, 130), [0..64, 64..128, 128..130]);
        assert_eq!(of(64, 130), [0..64, 64..64, 64..64]);
        assert_eq!(of(0, 0), Vec::<Range<usize>>::new());
    }
}
