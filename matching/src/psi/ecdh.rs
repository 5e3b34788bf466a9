//! Private set intersection by commutative blinding on an elliptic curve (ECDH-PSI).
//!
//! # Functionality
//! Each learning party gets the positions of those of its rows whose id the other party has too, in
//! one order that is the same on both sides ([`Learn`] says who learns). The order is a random one:
//! it follows the tags below, which are pseudo-random under both parties' keys. [`Curve`] says on
//! which curve; both parties must name the same one.
//!
//! # Messages
//! With H hashing ids to the group, secret exponents a (first) and b (second), and T hashing points
//! to tags of 128 bits:
//! 1. `sizes` both ways: how many ids
//! 2. `first_set/points` first → second: a·H(x), shuffled; in chunks, like all that follow
//! 3. `second_set/points` second → first: b·H(y), shuffled
//! 4. `first_tags/tags` second → first, if the first learns: T(b·a·H(x)), in the order of step 2
//! 5. `second_tags/tags` first → second, if the second learns: T(a·b·H(y)), in the order of step 3
//! 6. `agreement` both ways, if both learn: a hash of the common tags
//!
//! All paths run side by side, so that both parties compute while the network carries. A set ends
//! with a chunk that is not full, if need be an empty one, so that a set that goes on beyond its
//! announced size is noticed at once.
//!
//! # Leaks
//! Both set sizes, to both parties. To a learning party what it is meant to learn, and what follows
//! from it: of each of its rows, whether the other party has it. A party that does not learn gets
//! the other's size and nothing else.
//!
//! # Security
//! Semi-honest, 128 bits: decisional Diffie-Hellman in the group of the curve, H and T random
//! oracles. Keys and shuffles are fresh for each run, so that two runs cannot be linked. Every
//! point is checked to be the one encoding of an element other than the neutral one (both groups
//! have prime order), every length against the announced size.
//! A dishonest party can still enter ids that it does not have (their number shows in its size),
//! and can make the other's result wrong; if both learn, a difference is noticed at step 6 by
//! whoever is honest, otherwise not.
//!
//! # Cost
//! For n and m ids: 16 + 32(n + m) bytes (33 in place of 32 on SM2), 16n more if the first learns,
//! 16m more if the second learns, 64 more if both learn. Four flights (sizes, points, tags,
//! agreement), whatever n and m. Each party: n + m scalar multiplications, as many hashes to the
//! group as it has ids and decodings as the other has.
//!
//! # Reference
//! Meadows, "A More Efficient Cryptographic Matchmaking Protocol", IEEE S&P 1986; Huberman,
//! Franklin, Hogg, "Enhancing Privacy and Trust in Electronic Communities", EC 1999. Groups:
//! RFC 9496; GB/T 32918.5 with a map built as in RFC 9380 ([`crypto::group::sm2`]).

use std::ops::Range;

use crypto::group::{Blinding, BlindingKey, GroupError, POINT_BYTES, sm2};
use crypto::hash;
use net::{NetError, Session, Size};
use table::Alignment;

use crate::MatchingError;
use crate::psi::sets::{self, chunks, shuffled};
use crate::psi::tags::{self, TAG_BYTES};
use crate::psi::{Identifiers, Learn};

/// The curve on which ids are blinded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Curve {
    /// The prime-order group over Curve25519 (RFC 9496).
    Ristretto255,
    /// The curve of SM2 (GB/T 32918.5), with SM3 in the hash to the curve.
    Sm2,
}

/// Runs the protocol; both parties call it with their own ids and the same `learn` and `curve`.
///
/// Returns, for a party that learns, which of its rows are common, in the common order (none, if
/// there are none); `None` for a party that does not learn.
///
/// # Errors
///
/// [`MatchingError::Net`] if the peer is gone, or blaming it for a bad point, length or result.
#[net::boxed]
pub async fn align(
    session: &mut Session,
    ids: &Identifiers<'_>,
    learn: Learn,
    curve: Curve,
) -> Result<Option<Alignment>, MatchingError> {
    align_in_chunks(session, ids, learn, curve, CHUNK_POINTS).await
}

/// Points in one message: half a MiB, a fraction of a second of work (seconds on SM2), so that the
/// other side can begin early and memory beyond the tags stays small.
const CHUNK_POINTS: usize = 1 << 14;

/// Both sides must use the same `chunk`, which is at least 1.
async fn align_in_chunks(
    session: &mut Session,
    ids: &Identifiers<'_>,
    learn: Learn,
    curve: Curve,
    chunk: usize,
) -> Result<Option<Alignment>, MatchingError> {
    match curve {
        Curve::Ristretto255 => {
            align_on::<BlindingKey, POINT_BYTES>(session, ids, learn, chunk).await
        }
        Curve::Sm2 => {
            align_on::<sm2::BlindingKey, { sm2::ENCODED_BYTES }>(session, ids, learn, chunk).await
        }
    }
}

async fn align_on<Key: Blinding<BYTES>, const BYTES: usize>(
    session: &mut Session,
    ids: &Identifiers<'_>,
    learn: Learn,
    chunk: usize,
) -> Result<Option<Alignment>, MatchingError> {
    let their_count = exchange_sizes(session, ids.len()).await?;
    let key = Key::random(&mut session.rng());
    let order = shuffled(ids.len(), &mut session.rng());
    let (own, theirs) = open_paths(session, learn)?;
    let i_learn = own.tags.is_some();

    let ((), own_tags, their_tags) = tokio::try_join!(
        offer(own.points, (&key, ID_DOMAIN), ids, chunks(ids.len(), chunk).map(|it| &order[it])),
        collect(own.tags, chunks(ids.len(), chunk)),
        answer(theirs, &key, chunks(their_count, chunk), i_learn),
    )?;
    if !i_learn {
        return Ok(None);
    }
    let common = session.compute(|| tags::intersect(&own_tags, &order, their_tags)).await;
    if learn == Learn::Both {
        let rule = format!("found another intersection than our {} rows", common.tags.len());
        agree(session, AGREEMENT_DOMAIN, &common.tags, rule).await?;
    }
    Ok(Some(Alignment::from_matching(common.positions, ids.len())?))
}

/// The two one-way paths that one party's set takes: its points go out, their tags come back.
struct Paths {
    points: Session,
    /// Only if the owner of the set learns.
    tags: Option<Session>,
}

/// The paths of this party's set and those of the peer's.
fn open_paths(session: &mut Session, learn: Learn) -> Result<(Paths, Paths), NetError> {
    let mut open = |is_firsts: bool| {
        let (points, tags) =
            if is_firsts { ("first_set", "first_tags") } else { ("second_set", "second_tags") };
        let is_learnt = learn.includes(is_firsts);
        let points = session.fork(points)?;
        let tags = is_learnt.then(|| session.fork(tags)).transpose()?;
        Ok::<Paths, NetError>(Paths { points, tags })
    };
    let (first, second) = (open(true)?, open(false)?);
    Ok(if session.is_first() { (first, second) } else { (second, first) })
}

/// Tells and learns how many ids.
pub(super) async fn exchange_sizes(
    session: &mut Session,
    own_count: usize,
) -> Result<usize, NetError> {
    let theirs = session.exchange_words("sizes", &[own_count as u64], 1).await?;
    sets::size(&theirs).map_err(|rule| session.misbehaved("sizes", rule))
}

/// Sends this party's set, hashed for the purpose `domain` and blinded once, in the secret order
/// that `chunks` gives.
pub(super) async fn offer<'order, const BYTES: usize>(
    mut points: Session,
    (key, domain): (&impl Blinding<BYTES>, &str),
    ids: &Identifiers<'_>,
    chunks: impl Iterator<Item = &'order [u32]>,
) -> Result<(), NetError> {
    for positions in chunks {
        let blind = || key.hash_and_blind(domain, &ids.pick(positions.iter().copied()));
        let blinded = points.compute(blind).await;
        points.send_bytes("points", blinded.into_flattened()).await?;
    }
    Ok(())
}

/// Blinds the peer's points a second time. Their tags go back to the peer if it learns, and are
/// returned if this party learns.
async fn answer<const BYTES: usize>(
    theirs: Paths,
    key: &impl Blinding<BYTES>,
    chunks: impl Iterator<Item = Range<usize>>,
    i_learn: bool,
) -> Result<Vec<u128>, NetError> {
    let Paths { mut points, tags: mut to_peer } = theirs;
    let mut kept = Vec::new();
    for chunk in chunks {
        let size = Size::Exactly(chunk.len() * BYTES);
        let once = points.receive_bytes("points", size).await?;
        let blind = || {
            let twice = key.decode_and_blind(once.as_chunks().0)?;
            Ok(tags::tags(TAG_DOMAIN, &twice))
        };
        let tags = points
            .compute(blind)
            .await
            .map_err(|error: GroupError| points.misbehaved("points", error.to_string()))?;
        if let Some(to_peer) = &mut to_peer {
            to_peer.send_bytes("tags", tags::encode(&tags)).await?;
        }
        if i_learn {
            kept.extend(tags);
        }
    }
    Ok(kept)
}

/// Receives the tags of this party's set, in the order in which it was sent; none without a path.
async fn collect(
    tags: Option<Session>,
    chunks: impl Iterator<Item = Range<usize>>,
) -> Result<Vec<u128>, NetError> {
    let mut collected = Vec::new();
    if let Some(mut tags) = tags {
        for chunk in chunks {
            let size = Size::Exactly(chunk.len() * TAG_BYTES);
            let bytes = tags.receive_bytes("tags", size).await?;
            collected.extend(tags::decode(&bytes));
        }
    }
    Ok(collected)
}

/// Makes sure that both found the same tags, otherwise the peer broke `rule`: tables aligned in
/// different ways would train a model on nonsense, and nothing after this would notice.
pub(super) async fn agree(
    session: &mut Session,
    domain: &str,
    tags: &[u128],
    rule: String,
) -> Result<(), NetError> {
    let own = hash::digest(domain, &[&tags::encode(tags)]);
    let theirs = session.exchange_bytes("agreement", own.to_vec(), Size::Exactly(32)).await?;
    if theirs == own { Ok(()) } else { Err(session.misbehaved("agreement", rule)) }
}

const ID_DOMAIN: &str = "matching/psi/ecdh id";
const TAG_DOMAIN: &str = "matching/psi/ecdh tag";
const AGREEMENT_DOMAIN: &str = "matching/psi/ecdh agreement";

#[cfg(test)]
mod tests;
