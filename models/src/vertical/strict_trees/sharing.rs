//! Numbers of the guest as shares that say nothing to either party.

use mpc::TwoParty;
use net::Size;

use crate::ModelError;

const BYTES: usize = 16;

/// Shares modulo 2^128 of `count` numbers that the guest passes, and the host does not: the host's
/// are uniform.
pub(super) async fn share(
    party: &mut TwoParty,
    values: Option<&[u128]>,
    count: usize,
) -> Result<Vec<u128>, ModelError> {
    const STEP: &str = "guest_numbers";
    let session = &mut party.session;
    let Some(values) = values else {
        let bytes = session.receive_bytes(STEP, Size::Exactly(count * BYTES)).await?;
        let words = bytes.as_chunks::<BYTES>().0;
        return Ok(words.iter().map(|word| u128::from_le_bytes(*word)).collect());
    };
    let mut theirs = vec![0; count * BYTES];
    session.rng().fill_bytes(&mut theirs);
    let masks = theirs.as_chunks::<BYTES>().0.iter().map(|word| u128::from_le_bytes(*word));
    let own = values.iter().zip(masks).map(|(value, mask)| value.wrapping_sub(mask)).collect();
    session.send_bytes(STEP, theirs).await?;
    Ok(own)
}
