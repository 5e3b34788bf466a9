//! Private set intersection from a key-value store and vector oblivious linear evaluation (RR22).
//!
//! # Functionality
//! Each learning party gets the positions of those of its rows whose id the other party has too, in
//! one order that is the same on both sides ([`Learn`] says who learns). The order is a random one:
//! it is that of the sender's tags below, which the sender shuffles.
//!
//! # Messages
//! One party is the *receiver*: the one that learns or, if both do, the one with fewer ids (the
//! first, if both have as many). The other is the *sender*. With x and y their ids hashed to 128
//! bits, m cells of a store for the receiver's ids (see [`crate::okvs`]), and hashes V, T and T'
//! under the salt:
//! 1. `sizes` both ways: how many ids
//! 2. below `vole`: the sender gets Δ and B, the receiver A and C = A·Δ + B, m elements of
//!    GF(2^128) each ([`mpc::silent_vole`])
//! 3. `salt` receiver → sender: 128 random bits
//! 4. `cells` receiver → sender: A + P, where the store P maps each x to V(x); in chunks
//! 5. `tags` sender → receiver: T(y, Decode(B + (A + P)·Δ, y) + V(y)·Δ) for each y, shuffled; in
//!    chunks
//! 6. `matches` receiver → sender, if both learn: for each tag one bit, whether it is
//!    T(x, Decode(C, x)) for some x
//! 7. `proof` receiver → sender, if both learn: a digest of T'(x, Decode(C, x)) for all of these
//!
//! Steps 2 to 4 are the pseudo-random function of `oprf`, written out: for an id of
//! both sides the element under T is the same on both. If a set is empty, the protocol ends after
//! step 1.
//!
//! # Leaks
//! Both set sizes, to both parties. To a learning party what it is meant to learn, and what follows
//! from it: of each of its rows, whether the other party has it. A party that does not learn gets
//! the other's size and nothing else.
//!
//! # Security
//! Semi-honest, 128 bits: the assumptions of the vector oblivious linear evaluation (syndrome
//! decoding with regular noise, Diffie-Hellman in ristretto255 for its base transfers); V, T and T'
//! tweakable correlation-robust hashes in the ideal-permutation model. The cells are masked by A,
//! which looks uniform to the sender. To the receiver, the element of an id that it does not have
//! is shifted by Δ times a value that is not zero but with probability 2^-128, hence its tag is
//! random. Salt, Δ and order are fresh for each run, so that two runs cannot be linked. Failures by
//! chance, each with probability 2^-40 at most: the store cannot be encoded (an error), a bin of it
//! overflows (the same error), two different ids have one tag (a wrong row).
//!
//! A dishonest party can enter ids that it does not have. For a receiver their number is *not*
//! limited by the size it announces: cells that decode rightly on more ids than that can be found
//! (Han, Kim, Lee, Son, "Revisiting OKVS-based OPRF and PSI", ASIACRYPT 2024). A dishonest party
//! can leave out ids and so make the result of both smaller, without a trace. A receiver cannot
//! claim matches that it did not find: it has to know T' of each, as hard to guess as a tag.
//! Nothing checks the linear evaluation: what wrong messages there tell about A or Δ is not
//! bounded. Against malicious parties there is [`checked_vole`](super::checked_vole).
//!
//! # Cost
//! For n ids of the receiver, m ≈ 1.35·n cells (n from some 2^16 on) and k ids of the sender, with
//! tags of t = ⌈(40 + ⌈log2 nk⌉) / 8⌉ bytes (nkb in the place of nk for each of b buckets of a
//! set): 16 + 16 + 16·m + t·k bytes and those of step 2, which grow with the logarithm of m; if
//! both learn, ⌈k / 8⌉ + 32 more. Flights: one for the sizes, those of step 2, cells, tags, and one
//! more if both learn.
//!
//! # Reference
//! Raghuraman, Rindal, "Blazing Fast PSI from Improved OKVS and Subfield VOLE", CCS 2022 (eprint
//! 2022/320), semi-honest version; Rindal, Schoppmann, "VOLE-PSI", EUROCRYPT 2021 (eprint
//! 2021/266). The proof of step 7 is ours: the second halves of longer tags, under one hash.

pub(super) mod hashes;
pub(super) mod matches;

use crypto::field128::Gf128;
use net::{NetError, Session, Size};
use table::Alignment;

use crate::MatchingError;
use crate::psi::oprf::{self, CHUNK, Evaluated};
use crate::psi::sets::{self, chunks, shuffled};
use crate::psi::{Identifiers, Learn};
use hashes::Hashes;
use matches::{Matches, PROOF_BYTES, proof_of_all};

/// Runs the protocol; both parties call it with their own ids and the same `learn`.
///
/// Returns, for a party that learns, which of its rows are common, in the common order (none, if
/// there are none); `None` for a party that does not learn.
///
/// # Errors
///
/// [`MatchingError::Net`] if the peer is gone, or blaming it for a bad length or claim;
/// [`MatchingError::NotEncodable`] with probability at most 2^-39;
/// [`MatchingError::TooManyToPack`] for a receiver with more than [`PACKED_MAX`] ids.
pub async fn align(
    session: &mut Session,
    ids: &Identifiers<'_>,
    learn: Learn,
) -> Result<Option<Alignment>, MatchingError> {
    align_in_chunks(session, ids, learn, CHUNK).await
}

/// Ids of the receiver: as many as one run of the linear evaluation has elements for.
pub const PACKED_MAX: usize = oprf::PACKED_MAX;

/// Both sides must use the same `chunk`, which is at least 1.
async fn align_in_chunks(
    session: &mut Session,
    ids: &Identifiers<'_>,
    learn: Learn,
    chunk: usize,
) -> Result<Option<Alignment>, MatchingError> {
    let (own_count, their_count) = (ids.len(), exchange_sizes(session, ids.len()).await?);
    let i_learn = learn.includes(session.is_first());
    if own_count == 0 || their_count == 0 {
        let nothing = Alignment::from_matching(Vec::new(), own_count)?;
        return Ok(i_learn.then_some(nothing));
    }
    let sets = Sets { ids, their_count, proofs: learn == Learn::Both, chunk };
    let i_receive = is_receiver(learn, own_count, their_count, session.is_first());
    let rows = if i_receive { own_count } else { their_count };
    if rows > PACKED_MAX {
        return Err(MatchingError::TooManyToPack { rows, rows_max: PACKED_MAX });
    }
    if i_receive { Ok(Some(receive(session, &sets).await?)) } else { send(session, &sets).await }
}

/// What both roles start from.
struct Sets<'a> {
    ids: &'a Identifiers<'a>,
    their_count: usize,
    /// Whether the sender learns too.
    proofs: bool,
    chunk: usize,
}

/// The party that learns or, if both do, the one with fewer ids: cells cost more than tags, so the
/// smaller set is the better one to pack.
pub(super) fn is_receiver(
    learn: Learn,
    own_count: usize,
    their_count: usize,
    is_first: bool,
) -> bool {
    match learn {
        Learn::Both => own_count < their_count || (own_count == their_count && is_first),
        Learn::First | Learn::Second => learn.includes(is_first),
    }
}

pub(super) async fn exchange_sizes(
    session: &mut Session,
    own_count: usize,
) -> Result<usize, NetError> {
    let theirs = session.exchange_words("sizes", &[own_count as u64], 1).await?;
    sets::size(&theirs).map_err(|rule| session.misbehaved("sizes", rule))
}

/// The receiver's side; returns its matched rows.
async fn receive(session: &mut Session, sets: &Sets<'_>) -> Result<Alignment, MatchingError> {
    let own_count = sets.ids.len();
    let keys = sets.ids.hashes();
    let Evaluated { salt, elements: evaluated } = oprf::receive(session, keys, sets.chunk).await?;
    let hashes = Hashes::new(&salt, own_count * sets.ids.buckets_count(), sets.their_count);
    let mut matches = session.compute(|| Matches::new(hashes.tags(keys, &evaluated))).await;
    for range in chunks(sets.their_count, sets.chunk) {
        let size = Size::Exactly(range.len() * hashes.tag_bytes);
        let tags = session.receive_bytes("tags", size).await?;
        session.compute(|| matches.look_up(&hashes.decode(tags))).await;
    }
    let positions = matches.positions();
    if sets.proofs {
        let prove = || hashes.proofs(&pick(keys, &positions), &pick(&evaluated, &positions));
        let proof = session.compute(|| proof_of_all(&prove())).await;
        session.send_bytes("matches", matches.bitmap()).await?;
        session.send_bytes("proof", proof.to_vec()).await?;
    }
    Ok(Alignment::from_matching(positions, own_count)?)
}

/// The sender's side; returns its matched rows if it learns.
async fn send(session: &mut Session, sets: &Sets<'_>) -> Result<Option<Alignment>, MatchingError> {
    let own_count = sets.ids.len();
    let order = shuffled(own_count, &mut session.rng());
    let keys = session.compute(|| pick(sets.ids.hashes(), &order)).await;

    let function = oprf::send(session, sets.their_count, sets.chunk).await?;
    let buckets_count = sets.ids.buckets_count();
    let hashes = Hashes::new(&function.salt, sets.their_count * buckets_count, own_count);
    let mut evaluated = Vec::with_capacity(if sets.proofs { own_count } else { 0 });
    for range in chunks(own_count, sets.chunk) {
        let evaluate = || {
            let keys = &keys[range];
            let elements = function.evaluate(keys);
            (hashes.encode(&hashes.tags(keys, &elements)), elements)
        };
        let (tags, elements) = session.compute(evaluate).await;
        session.send_bytes("tags", tags).await?;
        if sets.proofs {
            evaluated.extend(elements);
        }
    }
    if !sets.proofs {
        return Ok(None);
    }
    let claimed = claims(session, sets, &hashes, &keys, &evaluated).await?;
    Ok(Some(Alignment::from_matching(pick(&order, &claimed), own_count)?))
}

/// Receives which of the sender's tags, by position, the receiver has too, and checks that it does.
async fn claims(
    session: &mut Session,
    sets: &Sets<'_>,
    hashes: &Hashes,
    keys: &[u128],
    evaluated: &[Gf128],
) -> Result<Vec<u32>, MatchingError> {
    let size = Size::Exactly(keys.len().div_ceil(8));
    let bitmap = session.receive_bytes("matches", size).await?;
    let claimed = matches::claimed(&bitmap, keys.len())
        .filter(|claimed| claimed.len() <= sets.their_count)
        .ok_or_else(|| session.misbehaved("matches", "claimed more matches than there can be"))?;
    let proof = session.receive_bytes("proof", Size::Exactly(PROOF_BYTES)).await?;
    let prove = || hashes.proofs(&pick(keys, &claimed), &pick(evaluated, &claimed));
    let expected = session.compute(|| proof_of_all(&prove())).await;
    if proof != expected {
        return Err(session.misbehaved("proof", "claimed a match without its proof").into());
    }
    Ok(claimed)
}

pub(super) fn pick<T: Copy>(items: &[T], positions: &[u32]) -> Vec<T> {
    positions.iter().map(|position| items[*position as usize]).collect()
}

#[cfg(test)]
mod tests;
