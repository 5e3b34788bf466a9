//! A pseudo-random function of a set of keys, evaluated without showing the keys (RR22).
//!
//! # Functionality
//! The receiver gets F(x) for each of its keys x; the sender gets the function F, which it can
//! evaluate at any key. F is drawn afresh in each run.
//!
//! # Messages
//! With m cells of a binary store for the receiver's keys (see [`crate::okvs`]), a
//! [`Subspace`] U of GF(2^128), and a hash V under the salt that goes to U:
//! 1. below `vole`: the sender gets Δ and B, the receiver A in U and C = A·Δ + B, m elements of
//!    GF(2^128) each ([`mpc::silent_vole`])
//! 2. `salt` receiver → sender: 128 random bits
//! 3. `cells` receiver → sender: A + P, where the store P maps each x to V(x), as coordinates in U;
//!    in chunks
//!
//! F(y) is Decode(B + (A + P)·Δ, y) + V(y)·Δ. For a key x of the receiver this is Decode(C, x),
//! because decoding is linear and addition is subtraction. Decoding a binary store adds cells, so
//! that it can be done on coordinates.
//!
//! # Leaks
//! Nothing but the number of the receiver's keys and U, which both pass in.
//!
//! # Security
//! Semi-honest, 128 bits: the assumptions of the vector oblivious linear evaluation; V a
//! correlation-robust hash in the ideal-permutation model. The cells are masked by A, which looks
//! uniform in U to the sender. To the receiver, F of a key that it does not have is shifted by Δ,
//! from the whole field, times a value of U that is not zero but with probability 1 / |U|. For U as
//! of `range` that is 2^-40 at most for all pairs of keys together, as the paper asks; that it
//! happens at any of the keys that the sender evaluates is as much less likely as the receiver has
//! keys. Differences of values of F are not random, so that they are to be hashed with a
//! correlation-robust hash, tweaked by the key, before use. A dishonest receiver can get more
//! values than it has keys (Han, Kim, Lee, Son, ASIACRYPT 2024).
//!
//! # Cost
//! 16 + u·m bytes for values of u bytes, 10 for up to 2^40 pairs of keys and one more for each 2^8
//! times as many, and those of step 1; for n keys m ≈ 1.35·n (n from some 2^16 on). The flights of
//! step 1, and one.
//!
//! # Reference
//! Raghuraman, Rindal, "Blazing Fast PSI from Improved OKVS and Subfield VOLE", CCS 2022 (eprint
//! 2022/320); Rindal, Schoppmann, "VOLE-PSI", EUROCRYPT 2021 (eprint 2021/266), section 4. That U
//! is a vector space over GF(2^8) and not a field of its own is ours, see [`mpc::silent_vole`].

use crypto::field128::Gf128;
use crypto::field128::subspace::{Multiples, Subspace};
use crypto::hash::{CorrelationRobust, digest};
use mpc::silent_vole::{vole_as_receiver, vole_as_sender};
use net::{Session, Size};
use rayon::prelude::*;

use crate::MatchingError;
use crate::okvs::Okvs;
use crate::psi::elements;
use crate::psi::sets::{bits_for_pairs, chunks};

/// Random bits that a run's hashes are drawn by.
pub(super) type Salt = [u8; 16];

/// What the receiver gets.
pub(super) struct Evaluated {
    /// The salt of the run.
    pub(super) salt: Salt,
    /// F of each of the receiver's keys, in their order.
    pub(super) elements: Vec<Gf128>,
}

/// What the sender gets: F, to be evaluated at any key.
pub(super) struct Function {
    /// The salt of the run.
    pub(super) salt: Salt,
    store: Okvs,
    cells: Vec<Gf128>,
    /// The products with Δ.
    multiples: Multiples,
    values: CorrelationRobust,
}

/// The range of the values of V, for so many keys of the receiver and so many that the sender
/// evaluates.
pub(super) fn range(keys_count: usize, evaluated_count: usize) -> Subspace {
    let bits = bits_for_pairs(keys_count, evaluated_count);
    Subspace::with_bits(bits).unwrap_or(Subspace::WHOLE)
}

/// The receiver's side, with different keys, at most [`PACKED_MAX`]. Both sides must use the same
/// `range`, and the same `chunk`, which is at least 1.
pub(super) async fn receive(
    session: &mut Session,
    keys: &[u128],
    range: &Subspace,
    chunk: usize,
) -> Result<Evaluated, MatchingError> {
    let mut salt = Salt::default();
    session.rng().fill_bytes(&mut salt);
    let store = Okvs::binary(keys.len(), salt);

    let mut path = session.fork("vole")?;
    let pack = || store.encode(keys, &hash(&value_hash(&salt), keys));
    let (vole, packed) = tokio::join!(
        vole_as_receiver(&mut path, store.cells_count(), range),
        session.compute(pack)
    );
    let ((mut masked, correlated), packed) = (vole.map(|vole| (vole.a, vole.c))?, packed?);
    session.compute(|| add(&mut masked, &packed)).await;
    drop(packed);

    session.send_bytes("salt", salt.to_vec()).await?;
    for cells in chunks(masked.len(), chunk) {
        // Coordinates are the lowest bits: what the sums have above them says nothing.
        let coordinates = masked[cells].iter().map(|element| element.0);
        let bytes = elements::encode_cut(coordinates, range.bytes());
        session.send_bytes("cells", bytes).await?;
    }
    drop(masked);
    let elements = session.compute(|| store.decode(&correlated, keys)).await;
    Ok(Evaluated { salt, elements })
}

/// The sender's side, for a receiver with `keys_count` keys.
pub(super) async fn send(
    session: &mut Session,
    keys_count: usize,
    range: &Subspace,
    chunk: usize,
) -> Result<Function, MatchingError> {
    let mut path = session.fork("vole")?;
    let cells_count = Okvs::binary(keys_count, Salt::default()).cells_count();
    let vole = vole_as_sender(&mut path, cells_count, range).await?;
    let (multiples, mut cells) = (range.multiples(vole.delta), vole.b);

    let salt = session.receive_bytes("salt", Size::Exactly(size_of::<Salt>())).await?;
    // The one chunk of a message of this size.
    let salt = salt.as_chunks().0[0];
    for places in chunks(cells_count, chunk) {
        let size = Size::Exactly(places.len() * range.bytes());
        let masked = session.receive_bytes("cells", size).await?;
        session
            .compute(|| {
                let masked = elements::decode_cut(masked, range.bytes());
                let cells = cells[places].par_iter_mut().with_min_len(BLOCKS_PER_TASK);
                cells.zip(masked).for_each(|(cell, masked)| *cell += multiples.of(masked));
            })
            .await;
    }
    let store = Okvs::binary(keys_count, salt);
    Ok(Function { salt, store, cells, multiples, values: value_hash(&salt) })
}

impl Function {
    /// F of each key. Runs on the current rayon pool.
    pub(super) fn evaluate(&self, keys: &[u128]) -> Vec<Gf128> {
        let mut elements = self.store.decode(&self.cells, keys);
        let values = hash(&self.values, keys);
        let elements_mut = elements.par_iter_mut().with_min_len(BLOCKS_PER_TASK);
        elements_mut
            .zip(values)
            .for_each(|(element, value)| *element += self.multiples.of(value.0));
        elements
    }
}

/// The hash V, of which the lowest bits count: coordinates of an element of the range.
fn value_hash(salt: &Salt) -> CorrelationRobust {
    let mut key = [0; 16];
    key.copy_from_slice(&digest("matching/psi/vole value", &[salt])[..16]);
    CorrelationRobust::with_key(key)
}

/// The hashes of keys. Runs on the current rayon pool.
pub(super) fn hash(hash: &CorrelationRobust, keys: &[u128]) -> Vec<Gf128> {
    let mut values = keys.to_vec();
    values.par_chunks_mut(BLOCKS_PER_TASK).for_each(|values| {
        hash.hash_each(&[0; BLOCKS_PER_TASK][..values.len()], values);
    });
    values.into_iter().map(Gf128).collect()
}

/// Adds each element to the one at the same place. Runs on the current rayon pool.
pub(super) fn add(target: &mut [Gf128], source: &[Gf128]) {
    target.par_iter_mut().zip(source).for_each(|(target, source)| *target += *source);
}

/// Keys of the receiver: as many as one run of the linear evaluation has elements for.
pub(super) const PACKED_MAX: usize = 24_000_000;

/// Cells or tags in one message: at most 512 KiB, so that the other side can begin early.
pub(super) const CHUNK: usize = 1 << 15;

/// A multiple of the widest batch of the AES engines.
pub(super) const BLOCKS_PER_TASK: usize = 1 << 10;

#[cfg(test)]
mod tests;
