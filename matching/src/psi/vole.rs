//! Private set intersection from a key-value store and vector oblivious linear evaluation (RR22).
//!
//! # Functionality
//! Each learning party gets the positions of those of its rows whose id the other party has too, in
//! one order that is the same on both sides ([`Learn`] says who learns). The order is a random one:
//! it is that of the sender's tags below.
//!
//! # Messages
//! One party is the *receiver*: the one that learns or, if both do, the one with fewer ids (the
//! first, if both have as many). The other is the *sender*. With x and y their ids hashed to 128
//! bits, m cells of a store for the receiver's ids (see [`crate::okvs`]), hashes V, T and T' under
//! the salt, and U the smallest [`Subspace`](crypto::field128::subspace::Subspace) of GF(2^128)
//! with as many bits as tags have, which is where V goes to:
//! 1. `sizes` both ways: how many ids
//! 2. below `vole`: the sender gets Δ and B, the receiver A in U and C = A·Δ + B, m elements each
//!    ([`mpc::silent_vole`])
//! 3. `salt` receiver → sender: 128 random bits
//! 4. `cells` receiver → sender: A + P, where the store P maps each x to V(x), as coordinates in U;
//!    in chunks
//! 5. `groups` sender → receiver: how many of the tags T(y, Decode(B + (A + P)·Δ, y) + V(y)·Δ) end
//!    in each combination of lowest bits; in chunks
//! 6. `tags` sender → receiver: the other bits of these tags, sorted; in chunks
//! 7. `matches` receiver → sender, if both learn: for each tag one bit, whether it is
//!    T(x, Decode(C, x)) for some x
//! 8. `proof` receiver → sender, if both learn: a digest of T'(x, Decode(C, x)) for all of these
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
//! decoding with regular noise, over GF(2^8) for words with one support, see the parameters of
//! [`mpc::silent_vole`]; Diffie-Hellman in ristretto255 for its base transfers); V, T and T'
//! tweakable correlation-robust hashes in the ideal-permutation model. The cells are masked by A,
//! which looks uniform in U to the sender, and P is in U. To the receiver, the element of an id
//! that it does not have is shifted by Δ times a value of U that is not zero but with probability 1
//! / |U|; Δ is from the whole field, hence the tag of that id is random. |U| is at least 2^40 times
//! the number of pairs of ids: that the value is zero for any of the sender's ids has probability
//! 2^-60 for two sets of 2^20. Sorted random tags say no more than the tags. Salt, Δ and tags are
//! fresh for each run, so that two runs cannot be linked. Failures by chance, each with probability
//! 2^-40 at most: the store cannot be encoded (an error), a bin of it overflows (the same error),
//! two different ids have one tag (a wrong row).
//!
//! A dishonest party can enter ids that it does not have. For a receiver their number is *not*
//! limited by the size it announces: cells that decode rightly on more ids than that can be found
//! (Han, Kim, Lee, Son, "Revisiting OKVS-based OPRF and PSI", ASIACRYPT 2024), and the shorter
//! values are, the more. Nor are they all ids that it has hashed: of the guesses that a dishonest
//! receiver makes afterwards one in |U| (2^80 and more) is among those that it can compare with the
//! sender's tags. A dishonest party can leave out ids and so make the result of both smaller,
//! without a trace. A receiver cannot claim matches that it did not find: it has to know T' of
//! each, as hard to guess as a tag. Nothing checks the linear evaluation: what wrong messages there
//! tell about A or Δ is not bounded. Against malicious parties there is
//! [`checked_vole`](super::checked_vole).
//!
//! # Cost
//! For n ids of the receiver, m ≈ 1.35·n cells (n from some 2^16 on) and k ids of the sender, with
//! tags of t = 40 + ⌈log2 nk⌉ bits (nkb in the place of nk for each of b buckets of a set) and
//! values of u = max(10, ⌈t / 8⌉) bytes: 16 + 16 + u·m bytes, at most t - ⌊log2 k⌋ + 2 bits for
//! each of the k, and those of step 2, which grow with the logarithm of m; if both learn, ⌈k / 8⌉ +
//! 32 more. Flights: one for the sizes, those of step 2, cells, tags, and one more if both learn.
//!
//! # Reference
//! Raghuraman, Rindal, "Blazing Fast PSI from Improved OKVS and Subfield VOLE", CCS 2022 (eprint
//! 2022/320), semi-honest version with short values; Rindal, Schoppmann, "VOLE-PSI", EUROCRYPT 2021
//! (eprint 2021/266). The subspace over GF(2^8), the grouped tags (Elias 1974, Fano 1971) and the
//! proof of step 8, the second halves of longer tags under one hash, are ours.

mod grouped;
pub(super) mod hashes;
pub(super) mod matches;

use net::{NetError, Session, Size};
use table::Alignment;

use crate::MatchingError;
use crate::psi::oprf::{self, CHUNK, Evaluated};
use crate::psi::sets::{self, chunks};
use crate::psi::{Identifiers, Learn};
use grouped::{Grouped, Groups, Sorted};
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
#[net::boxed]
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
    let chances = own_count * sets.ids.buckets_count();
    let range = oprf::range(chances, sets.their_count);
    let Evaluated { salt, elements: evaluated } =
        oprf::receive(session, keys, &range, sets.chunk).await?;
    let hashes = Hashes::new(&salt, chances, sets.their_count);
    let mut matches = session.compute(|| Matches::new(hashes.tags(keys, &evaluated))).await;
    let form = Grouped::new(sets.their_count, hashes.tag_bits);
    let mut groups = receive_groups(session, &form, sets.chunk).await?;
    for range in chunks(sets.their_count, sets.chunk) {
        let count = range.len();
        let size = Size::Exactly(form.rests_bytes(count));
        let rests = session.receive_bytes("tags", size).await?;
        let look_up = || matches.look_up(&form.tags(&mut groups, rests, count));
        session.compute(look_up).await;
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

/// Receives how many tags each group has.
async fn receive_groups(
    session: &mut Session,
    form: &Grouped,
    chunk: usize,
) -> Result<Groups, MatchingError> {
    let mut sizes = Vec::new();
    for range in chunks(form.sizes_bytes(), chunk * SIZES_BYTES) {
        sizes.extend(session.receive_bytes("groups", Size::Exactly(range.len())).await?);
    }
    let groups = form.groups(sizes);
    let rule = "the groups are not of as many tags as announced";
    Ok(groups.ok_or_else(|| session.misbehaved("groups", rule))?)
}

/// The sender's side; returns its matched rows if it learns.
async fn send(session: &mut Session, sets: &Sets<'_>) -> Result<Option<Alignment>, MatchingError> {
    let own_count = sets.ids.len();
    let keys = sets.ids.hashes();
    let chances = sets.their_count * sets.ids.buckets_count();
    let range = oprf::range(chances, own_count);
    let function = oprf::send(session, sets.their_count, &range, sets.chunk).await?;
    let hashes = Hashes::new(&function.salt, chances, own_count);
    let form = Grouped::new(own_count, hashes.tag_bits);
    let (evaluated, sorted) = session
        .compute(|| {
            let evaluated = function.evaluate(keys);
            let sorted = form.sort(&hashes.tags(keys, &evaluated));
            (evaluated, sorted)
        })
        .await;
    drop(function);
    let Sorted { tags, order } = sorted;
    let sizes = session.compute(|| form.sizes(&tags)).await;
    for range in chunks(sizes.len(), sets.chunk * SIZES_BYTES) {
        session.send_bytes("groups", sizes[range].to_vec()).await?;
    }
    for range in chunks(own_count, sets.chunk) {
        let rests = session.compute(|| form.rests(&tags[range])).await;
        session.send_bytes("tags", rests).await?;
    }
    drop(tags);
    if !sets.proofs {
        return Ok(None);
    }
    let claimed = claims(session, sets, own_count).await?;
    let positions = pick(&order, &claimed);
    let prove = || hashes.proofs(&pick(keys, &positions), &pick(&evaluated, &positions));
    let expected = session.compute(|| proof_of_all(&prove())).await;
    let proof = session.receive_bytes("proof", Size::Exactly(PROOF_BYTES)).await?;
    if proof != expected {
        return Err(session.misbehaved("proof", "claimed a match without its proof").into());
    }
    Ok(Some(Alignment::from_matching(positions, own_count)?))
}

/// Receives which of the sender's tags, by position, the receiver says it has too.
async fn claims(
    session: &mut Session,
    sets: &Sets<'_>,
    own_count: usize,
) -> Result<Vec<u32>, NetError> {
    let size = Size::Exactly(own_count.div_ceil(8));
    let bitmap = session.receive_bytes("matches", size).await?;
    matches::claimed(&bitmap, own_count)
        .filter(|claimed| claimed.len() <= sets.their_count)
        .ok_or_else(|| session.misbehaved("matches", "claimed more matches than there can be"))
}

/// Bytes of groups' sizes for each tag of a chunk: messages of 512 KiB, as those of cells.
const SIZES_BYTES: usize = 16;

pub(super) fn pick<T: Copy>(items: &[T], positions: &[u32]) -> Vec<T> {
    positions.iter().map(|position| items[*position as usize]).collect()
}

#[cfg(test)]
mod tests;
