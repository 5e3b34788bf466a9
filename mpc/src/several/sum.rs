//! The sum of what all other parties have, for the first party.
//!
//! # Functionality
//! Every party but the first holds a vector modulo 2^64, or 2^128; the first one gets the vectors'
//! sum.
//! # Messages
//! 1. `mask_seed` between each two of the others, both ways: 256 random bits
//! 2. `masked` to the first party: the own vector with its masks
//! # Leaks
//! The sum, which the caller records under the job's disclosure.
//! # Security
//! Semi-honest, from BLAKE3 as a random oracle and AES as a pseudo-random function. Each two of the
//! others draw one mask, which one adds and the other subtracts. Whatever the first party and some
//! of the others know together, the vectors of those outside are uniform to them but for their sum.
//! With two parties there is no mask, and the sum is the other one's vector.
//! # Cost
//! 2 flights; 32 bytes each way between each two of the others, 8 or 16 for each number from each.
//! # Reference
//! Bonawitz et al., "Practical Secure Aggregation", CCS 2017 (eprint 2017/281), section 4, without
//! the recovery of parties that leave.

use crypto::hash::digest;
use crypto::random::Generator;
use net::{Session, Size, own_place, together};
use zeroize::Zeroizing;

use super::words::accumulate;
use crate::{MpcError, Word};

const SEED_BYTES: usize = 32;

/// The sum, at the first party; the others pass their `values` and get `None`. All know their
/// `count`; `sessions` are those with all other parties, in the order of the job.
///
/// # Errors
/// [`MpcError::InvalidInput`] for another number of values, [`MpcError::Net`] when a peer fails or
/// the sessions come in another order.
pub async fn sum_for_first<W: Word>(
    sessions: &mut [Session],
    values: &[W],
    count: usize,
) -> Result<Option<Vec<W>>, MpcError> {
    const STEP: &str = "masked";
    let place = own_place(sessions)?;
    let size = Size::Exactly(count * W::BYTES);
    if place == 0 {
        let each = sessions.iter_mut();
        let masked = together(each.map(|session| session.receive_bytes(STEP, size))).await?;
        let mut sum = vec![W::from_bit(0); count];
        for bytes in &masked {
            let values: Vec<W> = bytes.chunks_exact(W::BYTES).map(W::read).collect();
            accumulate(&mut sum, &values);
        }
        return Ok(Some(sum));
    }
    if values.len() != count {
        let text = format!("{} values, where {count} are added up", values.len());
        return Err(MpcError::InvalidInput(text));
    }
    let (first, others) = sessions.split_at_mut(1);
    let mut masked = values.to_vec();
    for (seed, adds) in together(others.iter_mut().map(agree_on_mask)).await? {
        let mut mask = Zeroizing::new(vec![0; count * W::BYTES]);
        Generator::from_seed(*seed).fill_bytes(&mut mask);
        for (value, mask) in masked.iter_mut().zip(mask.chunks_exact(W::BYTES).map(W::read)) {
            *value = if adds { value.plus(mask) } else { value.minus(mask) };
        }
    }
    let mut bytes = Vec::with_capacity(count * W::BYTES);
    for value in masked {
        value.write(&mut bytes);
    }
    first[0].send_bytes(STEP, bytes).await?;
    Ok(None)
}

/// A seed that only the two parties know, and whether this party adds its mask.
async fn agree_on_mask(
    session: &mut Session,
) -> Result<(Zeroizing<[u8; SEED_BYTES]>, bool), MpcError> {
    let mut mine = Zeroizing::new(vec![0; SEED_BYTES]);
    session.rng().fill_bytes(&mut mine);
    let size = Size::Exactly(SEED_BYTES);
    let theirs = session.exchange_bytes("mask_seed", mine.to_vec(), size).await?;
    let theirs = Zeroizing::new(theirs);
    let adds = session.is_first();
    let (first, second) = if adds { (&mine, &theirs) } else { (&theirs, &mine) };
    Ok((Zeroizing::new(digest("mpc.several.sum mask", &[first, second])), adds))
}
