//! Numbers of the guest as shares that say nothing to anybody.

use mpc::TwoParty;
use mpc::several::Parties;
use net::{NetError, Session, Size, together};

use crate::ModelError;

const BYTES: usize = 16;

/// Shares modulo 2^128 of `count` numbers that the guest passes, and the host does not: the host's
/// are uniform.
pub(super) async fn share(
    party: &mut TwoParty,
    values: Option<&[u128]>,
    count: usize,
) -> Result<Vec<u128>, ModelError> {
    let session = &mut party.session;
    let Some(values) = values else { return receive(session, count).await };
    Ok(hand_over(session, values).await?)
}

/// [`share`] among a guest and several hosts.
pub(super) async fn share_among(
    parties: &mut Parties,
    values: Option<&[u128]>,
    count: usize,
) -> Result<Vec<u128>, ModelError> {
    let Some(values) = values else {
        // The guest is the first of a host's peers.
        return receive(&mut parties.links()[0].session, count).await;
    };
    let zeros = &vec![0; count];
    let links = parties.links().iter_mut();
    let shares = together(links.map(|link| hand_over(&mut link.session, zeros))).await?;
    let mut own = values.to_vec();
    for shares in &shares {
        own.iter_mut().zip(shares).for_each(|(own, share)| *own = own.wrapping_add(*share));
    }
    Ok(own)
}

const STEP: &str = "guest_numbers";

async fn receive(session: &mut Session, count: usize) -> Result<Vec<u128>, ModelError> {
    let bytes = session.receive_bytes(STEP, Size::Exactly(count * BYTES)).await?;
    let words = bytes.as_chunks::<BYTES>().0;
    Ok(words.iter().map(|word| u128::from_le_bytes(*word)).collect())
}

/// Sends the peer uniform shares; what is left of the values without them.
async fn hand_over(session: &mut Session, values: &[u128]) -> Result<Vec<u128>, NetError> {
    let mut theirs = vec![0; values.len() * BYTES];
    session.rng().fill_bytes(&mut theirs);
    let masks = theirs.as_chunks::<BYTES>().0.iter().map(|word| u128::from_le_bytes(*word));
    let own = values.iter().zip(masks).map(|(value, mask)| value.wrapping_sub(mask)).collect();
    session.send_bytes(STEP, theirs).await?;
    Ok(own)
}
