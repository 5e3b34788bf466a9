//! Private set intersection of a small set with a large one, whose part is prepared once.
//!
//! # Functionality
//! One party is the *server*, with many ids, the other the *client*, with few. The client gets the
//! positions of those of its rows whose id the server has too, in the order of its table; the
//! server gets nothing. The server's work for its own ids ([`Server::prepare`]) and their way to
//! the client ([`fetch`]) serve any number of later queries ([`query`]), and of clients.
//!
//! # Messages
//! With H hashing ids to the group, the server's secret exponent k and a hash T to 128 bits, the
//! *tag* of x is T(x, k·H(x)). The server puts the tags of its ids into filters, binary fuse
//! filters of 40-bit fingerprints: one of the ids that it had at the start, and one for each time
//! that ids were added (these become one when there would be more than 8).
//!
//! The update, [`offer`] with [`fetch`]:
//! 1. `held` client → server: digests of the filters that it has
//! 2. `filters` server → client: the name of the key, and of each filter size, seed and digest
//! 3. `cells` server → client: the filters that the client lacks; in chunks
//!
//! The query, [`answer`] with [`query`], with a fresh secret exponent r of the client:
//! 4. `opening` both ways: a digest of key's name and filters; of the client also how many ids
//! 5. `points` client → server: r·H(x) for each id x; in chunks, each followed by its
//! 6. `evaluated` server → client: k·r·H(x), off which the client takes r
//!
//! A set ends with a chunk that is not full, if need be an empty one.
//!
//! # Leaks
//! To the server: which of its filters the client had, and how many ids the client asks for. To the
//! client: of each of its ids, whether the server has it; how many ids the server has, and how many
//! were added at each time. Tags stay valid as long as the key: a client that asked once for an id
//! that the server did not have sees in a later update, without asking again, when it was added.
//! Clients that put their tags together learn what one client with all their ids would. A server
//! that prepares anew tells that by its new key.
//!
//! # Security
//! Semi-honest, 128 bits. The server sees points that look random: decisional Diffie-Hellman in
//! ristretto255, as in [`ecdh`](super::ecdh), with r fresh for each query, so that two queries
//! cannot be linked. To the client tags of ids that it did not ask for are random: one-more gap
//! Diffie-Hellman, H and T random oracles (2HashDH). That holds for a client that sends whatever it
//! likes, too, and however it chooses its ids after what it has seen: as many points as it sends,
//! so many ids it can test, which the server limits for each query. The filters depend on the set
//! of tags only.
//!
//! The key is the same for all queries: with q points answered, finding it is easier by up to
//! √q (RFC 9497, section 7.2.3), 20 bits of strength after 2^40 points. Who gets the server's file
//! can test guesses on all clients' filters. A server that deletes its file draws another key:
//! what clients had learnt they still know, but their tags say nothing about later filters. Ids
//! cannot be taken away from filters: a server that has to forget one prepares anew.
//!
//! *False positives.* An id that the server does not have seems common with probability 2^-40 for
//! each filter: for n ids of a client and s filters (at most 8), some id does with probability at
//! most s·n·2^-40, 2^-30 for 2^10 ids and one filter, 2^-27 for eight. Nothing tells the client.
//! Two ids have one tag with probability 2^-128. No common id is ever missed.
//!
//! A dishonest server can answer with another key or send other filters, and thereby make the
//! result wrong (any id seem common or missing), unnoticed; it sees no result.
//!
//! # Cost
//! For N ids of the server: N multiplications and at most 6·N bytes (from 2^17 on; 5.63·N from
//! 2^20), once. For n ids of the client: 72 + 64·n bytes; 2·n multiplications of the client, n of
//! the server. Flights: two and the cells for an update, one and two for each 2^14 ids for a query.
//!
//! # Reference
//! Jarecki, Kiayias, Krawczyk, "Round-Optimal Password-Protected Secret Sharing and T-PAKE",
//! ASIACRYPT 2014 (2HashDH); RFC 9497, mode OPRF, with BLAKE3 in place of SHA-512 and one exponent
//! r for the batch. Kiss, Liu, Schneider, Asokan, Pinkas, "Private Set Intersection for Unequal Set
//! Sizes with Mobile Applications", Proceedings on Privacy Enhancing Technologies 2017 (filters of
//! evaluations sent ahead).

mod file;
mod filter;
mod filters;
mod server;

use std::borrow::Cow;

use crypto::group::{BlindingKey, GroupError, POINT_BYTES};
use crypto::hash;
use net::{NetError, Session, Size};
use rayon::prelude::*;
use table::Alignment;

use crate::MatchingError;
use crate::psi::sets::chunks;
use crate::psi::{Identifiers, ROWS_MAX};
pub use file::CacheError;
use filter::{Filter, HEADER_BYTES, Header};
pub use filters::Filters;
use server::FILTERS_MAX;
pub use server::Server;

/// The server's side of an update.
///
/// # Errors
///
/// [`MatchingError::Net`] if the peer is gone, or blaming it for a bad length.
#[net::boxed]
pub async fn offer(session: &mut Session, server: &Server) -> Result<(), MatchingError> {
    let held = session.receive_bytes("held", Size::AtMost(FILTERS_MAX * DIGEST_BYTES)).await?;
    let (held, []) = held.as_chunks::<DIGEST_BYTES>() else {
        return Err(session.misbehaved("held", "sent a part of a digest").into());
    };
    let mut listed = server.name.to_vec();
    for filter in &server.filters {
        listed.extend(filter.header().to_bytes());
        listed.extend(filter.digest());
    }
    session.send_bytes("filters", listed).await?;
    for filter in server.filters.iter().filter(|filter| !held.contains(&filter.digest())) {
        for range in chunks(filter.cells().len(), CHUNK_BYTES) {
            session.send_bytes("cells", filter.cells()[range].to_vec()).await?;
        }
    }
    Ok(())
}

/// The client's side of an update: afterwards `filters` are the server's present ones, or, if it
/// fails, what they were. Returns whether they changed.
///
/// # Errors
///
/// [`MatchingError::Net`] if the peer is gone, or blaming it for filters that are not what it
/// announced.
#[net::boxed]
pub async fn fetch(session: &mut Session, filters: &mut Filters) -> Result<bool, MatchingError> {
    let held: Vec<_> = filters.filters.iter().map(Filter::digest).collect();
    session.send_bytes("held", held.into_flattened()).await?;
    let size = Size::AtMost(NAME_BYTES + FILTERS_MAX * LISTED_BYTES);
    let listed = session.receive_bytes("filters", size).await?;
    let (name, listed) = parse_list(&listed).map_err(|rule| session.misbehaved("filters", rule))?;
    let mut present = Vec::new();
    for (header, digest) in listed {
        let known = filters.filters.iter().find(|filter| filter.digest() == digest);
        let filter = match known {
            Some(filter) => filter.clone(),
            None => receive_filter(session, header, digest).await?,
        };
        present.push(filter);
    }
    let present = Filters { name, filters: present };
    let has_changed = present.state() != filters.state();
    *filters = present;
    Ok(has_changed)
}

async fn receive_filter(
    session: &mut Session,
    header: Header,
    digest: [u8; DIGEST_BYTES],
) -> Result<Filter, NetError> {
    let mut cells = Vec::new();
    for range in chunks(header.cells_bytes(), CHUNK_BYTES) {
        cells.extend(session.receive_bytes("cells", Size::Exactly(range.len())).await?);
    }
    let filter = session.compute(|| Filter::from_parts(header, cells)).await;
    if filter.digest() != digest {
        return Err(session.misbehaved("cells", "sent another filter than it announced"));
    }
    Ok(filter)
}

/// The client's side of a query: which of its rows the server has too, in the order of its table.
///
/// # Errors
///
/// [`CacheError::OutOfStep`], on both sides, if `filters` are not the server's present ones;
/// [`MatchingError::Net`] if the peer is gone, or blaming it for a bad point or length.
#[net::boxed]
pub async fn query(
    session: &mut Session,
    filters: &Filters,
    ids: &Identifiers<'_>,
) -> Result<Alignment, MatchingError> {
    query_in_chunks(session, filters, ids, CHUNK_POINTS).await
}

/// The server's side of a query, with at most `queries_max` ids.
///
/// # Errors
///
/// [`CacheError::OutOfStep`], on both sides, if the client's filters are not the present ones;
/// [`MatchingError::Net`] if the peer is gone, or blaming it for a bad point or length or for
/// asking for too many ids.
#[net::boxed]
pub async fn answer(
    session: &mut Session,
    server: &Server,
    queries_max: usize,
) -> Result<(), MatchingError> {
    answer_in_chunks(session, server, queries_max, CHUNK_POINTS).await
}

/// Both sides must use the same `chunk`, which is at least 1.
async fn query_in_chunks(
    session: &mut Session,
    filters: &Filters,
    ids: &Identifiers<'_>,
    chunk: usize,
) -> Result<Alignment, MatchingError> {
    let mut opening = filters.state().to_vec();
    opening.extend((ids.len() as u64).to_le_bytes());
    let theirs = session.exchange_bytes("opening", opening, Size::Exactly(DIGEST_BYTES)).await?;
    if theirs != filters.state() {
        return Err(CacheError::OutOfStep.into());
    }
    let blinding = BlindingKey::random(&mut session.rng());
    let unblinding = blinding.inverse();
    let mut common = Vec::new();
    for range in chunks(ids.len(), chunk) {
        let chunk_ids = &ids.pick(range.start as u32..range.end as u32);
        let blinded = session.compute(|| blinding.hash_and_blind(ID_DOMAIN, chunk_ids)).await;
        session.send_bytes("points", blinded.into_flattened()).await?;
        let size = Size::Exactly(range.len() * POINT_BYTES);
        let evaluated = session.receive_bytes("evaluated", size).await?;
        let look_up = || {
            let points = unblinding.decode_and_blind(evaluated.as_chunks().0)?;
            let tags = hash_tags(chunk_ids, &points);
            let found = range.clone().zip(tags).filter(|(_, tag)| filters.contain(*tag));
            Ok(found.map(|(position, _)| position as u32).collect::<Vec<_>>())
        };
        let found = session
            .compute(look_up)
            .await
            .map_err(|error: GroupError| session.misbehaved("evaluated", error.to_string()))?;
        common.extend(found);
    }
    Ok(Alignment::from_matching(common, ids.len())?)
}

async fn answer_in_chunks(
    session: &mut Session,
    server: &Server,
    queries_max: usize,
    chunk: usize,
) -> Result<(), MatchingError> {
    let state = server.state();
    let size = Size::Exactly(DIGEST_BYTES + 8);
    let theirs = session.exchange_bytes("opening", state.to_vec(), size).await?;
    let (their_state, count) = theirs.split_at(DIGEST_BYTES);
    if their_state != state {
        return Err(CacheError::OutOfStep.into());
    }
    let count = count.iter().rev().fold(0, |word, byte| word << 8 | u64::from(*byte));
    if count > queries_max.min(ROWS_MAX) as u64 {
        let rule = format!("asked for {count} ids, at most {queries_max} are allowed");
        return Err(session.misbehaved("opening", rule).into());
    }
    for range in chunks(count as usize, chunk) {
        let size = Size::Exactly(range.len() * POINT_BYTES);
        let points = session.receive_bytes("points", size).await?;
        let evaluate = || server.key.decode_and_blind(points.as_chunks().0);
        let evaluated = session
            .compute(evaluate)
            .await
            .map_err(|error| session.misbehaved("points", error.to_string()))?;
        session.send_bytes("evaluated", evaluated.into_flattened()).await?;
    }
    Ok(())
}

/// The name of the key, and headers and digests of the filters, of which there is at least one.
type List = ([u8; NAME_BYTES], Vec<(Header, [u8; DIGEST_BYTES])>);

fn parse_list(bytes: &[u8]) -> Result<List, &'static str> {
    let Some((name, listed)) = bytes.split_first_chunk() else {
        return Err("sent no name of a key");
    };
    let (listed, []) = listed.as_chunks::<LISTED_BYTES>() else {
        return Err("sent a part of a filter's description");
    };
    if listed.is_empty() {
        return Err("announced no filter at all");
    }
    let parse = |listed: &[u8; LISTED_BYTES]| {
        let (header, digest) = listed.split_first_chunk::<HEADER_BYTES>()?;
        Some((Header::from_bytes(*header)?, *digest.first_chunk()?))
    };
    let listed: Option<Vec<_>> = listed.iter().map(parse).collect();
    let listed = listed
        .filter(|listed| listed.iter().map(|(header, _)| header.rows).sum::<usize>() <= ROWS_MAX)
        .ok_or("announced filters of too many ids")?;
    Ok((*name, listed))
}

/// What both sides must agree on before a query.
fn state(name: &[u8; NAME_BYTES], filters: &[Filter]) -> [u8; DIGEST_BYTES] {
    let digests: Vec<_> = filters.iter().map(Filter::digest).collect();
    hash::digest(STATE_DOMAIN, &[name, digests.as_flattened()])
}

/// T: the tags of ids and of their points under the server's key. Runs on the current rayon pool.
fn hash_tags(ids: &[Cow<'_, [u8]>], points: &[[u8; POINT_BYTES]]) -> Vec<u128> {
    let tag = |(id, point): (&Cow<'_, [u8]>, &[u8; POINT_BYTES])| {
        let mut tag = [0; size_of::<u128>()];
        hash::expand(TAG_DOMAIN, &[&**id, &point[..]], &mut tag);
        u128::from_le_bytes(tag)
    };
    ids.par_iter().zip(points).map(tag).collect()
}

/// Points in one message: 512 KiB.
const CHUNK_POINTS: usize = 1 << 14;
/// Bytes of cells in one message.
const CHUNK_BYTES: usize = 1 << 19;

const NAME_BYTES: usize = 16;
const DIGEST_BYTES: usize = 32;
/// Bytes of a filter's description in the list.
const LISTED_BYTES: usize = HEADER_BYTES + DIGEST_BYTES;

const ID_DOMAIN: &str = "matching/psi/unbalanced id";
const TAG_DOMAIN: &str = "matching/psi/unbalanced tag";
const STATE_DOMAIN: &str = "matching/psi/unbalanced state";

#[cfg(test)]
mod tests;
