//! A spine: one list of random ids for everything that either party has (Private-ID).
//!
//! # Functionality
//! Both parties get the same list of random ids in the same random order, one for each element of
//! the *union* of their sets, and each party gets for each of its own rows which id is its. Neither
//! learns of any of its rows whether the other party has it too.
//!
//! # Messages
//! With H hashing ids to the group, T hashing points to 128 bits, secret exponents a and r of the
//! first party, b and s of the second, and x an id of the first. All in chunks, and on the paths
//! `first_…` (listed here) and `second_…` (the same with the parties exchanged) side by side:
//! 1. `sizes` both ways: how many ids
//! 2. `first_set/points` first → second: a·H(x), shuffled
//! 3. `first_rows/points` second → first: s·a·H(x), in the order of step 2; r/a times it gives the
//!    first party's own ids T(r·s·H(x))
//! 4. `first_twice/points` second → first: b·a·H(x), shuffled anew. Both parties have these points
//!    of both sets now, and compare them
//! 5. `first_rest/points` first → second: (r/a)·b·a·H(x) = r·b·H(x) for each point of step 4 that
//!    is not among the other set's, ascending by the point; s/b times it gives the second party the
//!    id T(r·s·H(x)) of a row that only the first has
//! 6. `agreement` both ways: a hash of all ids
//!
//! # Leaks
//! Both set sizes and the size of the intersection, hence of the union, to both parties. A party
//! knows which ids are not its own, so that the other one must have those; of its own ids it does
//! not know which the other has.
//!
//! # Security
//! Semi-honest, 128 bits: decisional Diffie-Hellman in ristretto255, H and T random oracles. To the
//! first party b·H(z) and s·H(z) are independent random points. It gets the b-points of its set in
//! an order that it does not know (step 4) and the s-points of its rows in its own order (step 3);
//! nothing connects the two. Which rows are common shows in b-points alone, and ids are made of
//! s-points alone. Keys and shuffles are fresh for each run: ids of two runs cannot be linked.
//! Every point is checked to be a canonical element other than the neutral one, every length
//! against what was announced or counted, and no point may come twice.
//!
//! A dishonest party can enter ids that it does not have. It can also mark its points, by exponents
//! of their own, and then tell which of its rows are common: against such a partner this protocol
//! hides no more than an intersection does. It can make the lists differ, which step 6 shows to
//! whoever is honest.
//!
//! # Cost
//! For n and m ids, d of which only one party has: 80 + 96(n + m) + 32·d bytes; 4(n + m) + 2·d
//! scalar multiplications and n + m hashes to the group, of which each party does half if n = m.
//! Six flights (sizes, set, rows, twice, rest, agreement), whatever the sizes.
//!
//! # Reference
//! Buddhavarapu, Knox, Mohassel, Sengupta, Taubeneck, Vlaskin, "Private Matching for Compute",
//! eprint 2020/599, Private-ID. Its ids hold all four exponents; ours hold r and s alone, which
//! saves a multiplication. Group: RFC 9496.

use std::ops::Range;

use crypto::group::{BlindingKey, GroupError, POINT_BYTES};
use net::{NetError, Session, Size};
use rayon::prelude::*;

use crate::MatchingError;
use crate::psi::ecdh::{agree, exchange_sizes, offer};
use crate::psi::sets::{chunks, shuffled};
use crate::psi::{Identifiers, tags};

/// Random ids for everything that either party has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Spine {
    /// The id of each element of the union, ascending: the same list on both sides.
    pub ids: Vec<u128>,
    /// For each row of this party's table, the position of its id in the list.
    pub rows: Vec<u32>,
}

/// Runs the protocol; both parties call it with their own ids.
///
/// # Errors
///
/// [`MatchingError::Net`] if the peer is gone, or blaming it for a bad point, length or result.
#[net::boxed]
pub async fn spine(session: &mut Session, ids: &Identifiers<'_>) -> Result<Spine, MatchingError> {
    spine_in_chunks(session, ids, CHUNK_POINTS).await
}

/// Points in one message: 512 KiB.
const CHUNK_POINTS: usize = 1 << 14;

/// An encoded element of the group.
type Encoded = [u8; POINT_BYTES];

/// Both sides must use the same `chunk`, which is at least 1.
async fn spine_in_chunks(
    session: &mut Session,
    ids: &Identifiers<'_>,
    chunk: usize,
) -> Result<Spine, MatchingError> {
    let their_count = exchange_sizes(session, ids.len()).await?;
    let keys = Keys::random(session);
    let order = shuffled(ids.len(), &mut session.rng());
    let (mut own, mut theirs) = open_paths(session)?;

    let set = chunks(ids.len(), chunk).map(|range| &order[range]);
    let ((), own_ids, mut their_twice) = tokio::try_join!(
        offer(own.set, (&keys.blinding, ID_DOMAIN), ids, set),
        receive_ids(&mut own.rows, &keys.change, chunks(ids.len(), chunk)),
        answer(&mut theirs.set, &mut theirs.rows, &keys, chunks(their_count, chunk)),
    )?;
    session.rng().shuffle(&mut their_twice);
    let ((), mut own_twice) = tokio::try_join!(
        send_points(&mut theirs.twice, &their_twice, chunk),
        receive_points(&mut own.twice, chunks(ids.len(), chunk)),
    )?;
    session.compute(|| rayon::join(|| own_twice.par_sort(), || their_twice.par_sort())).await;
    for (points, path) in [(&own_twice, &own.twice), (&their_twice, &theirs.set)] {
        if points.array_windows().any(|[one, next]| one == next) {
            return Err(path.misbehaved("points", "sent a point twice").into());
        }
    }
    let (own_rest, their_rest) = (rest(&own_twice, &their_twice), rest(&their_twice, &own_twice));
    let ((), their_ids) = tokio::try_join!(
        convert(&mut own.rest, &keys.change, &own_rest, chunk),
        receive_ids(&mut theirs.rest, &keys.change, chunks(their_rest.len(), chunk)),
    )?;

    let join = || Spine::new(&own_ids, &order, their_ids);
    let spine = session.compute(join).await;
    let spine = spine
        .ok_or_else(|| theirs.rest.misbehaved("points", "sent an id that is ours, or one twice"))?;
    let rule = format!("found another union than our {} ids", spine.ids.len());
    agree(session, AGREEMENT_DOMAIN, &spine.ids, rule).await?;
    Ok(spine)
}

impl Spine {
    /// Joins the own ids, where `own[k]` is that of the row `order[k]`, and those of the rows that
    /// only the peer has; `None` if an id is there twice. Runs on the current rayon pool.
    fn new(own: &[u128], order: &[u32], theirs: Vec<u128>) -> Option<Self> {
        let mut all: Vec<(u128, Option<u32>)> = theirs.into_iter().map(|id| (id, None)).collect();
        all.extend(own.iter().zip(order).map(|(id, row)| (*id, Some(*row))));
        all.par_sort_unstable();
        if all.array_windows().any(|[one, next]| one.0 == next.0) {
            return None;
        }
        let mut rows = vec![0; own.len()];
        for (position, (_, row)) in (0..).zip(&all) {
            if let Some(row) = row {
                rows[*row as usize] = position;
            }
        }
        Some(Self { ids: all.into_iter().map(|(id, _)| id).collect(), rows })
    }
}

/// One party's secrets of one run.
struct Keys {
    /// For comparing sets: a or b.
    blinding: BlindingKey,
    /// For ids: r or s.
    spine: BlindingKey,
    /// From the one to the other: r/a or s/b.
    change: BlindingKey,
}

impl Keys {
    fn random(session: &Session) -> Self {
        let mut rng = session.rng();
        let (blinding, spine) = (BlindingKey::random(&mut rng), BlindingKey::random(&mut rng));
        let change = spine.in_place_of(&blinding);
        Self { blinding, spine, change }
    }
}

/// The paths of what belongs to one party's set, see steps 2 to 5.
struct Paths {
    set: Session,
    rows: Session,
    twice: Session,
    rest: Session,
}

/// The paths of this party's set and those of the peer's.
fn open_paths(session: &mut Session) -> Result<(Paths, Paths), NetError> {
    let mut open = |owner: &str| {
        let mut path = |name| session.fork(&format!("{owner}_{name}"));
        let paths = Paths {
            set: path("set")?,
            rows: path("rows")?,
            twice: path("twice")?,
            rest: path("rest")?,
        };
        Ok::<Paths, NetError>(paths)
    };
    let (first, second) = (open("first")?, open("second")?);
    Ok(if session.is_first() { (first, second) } else { (second, first) })
}

/// Blinds the peer's points under both keys: sends them back for its ids, in its order, and returns
/// them for comparing.
async fn answer(
    set: &mut Session,
    rows: &mut Session,
    keys: &Keys,
    chunks: impl Iterator<Item = Range<usize>>,
) -> Result<Vec<Encoded>, NetError> {
    let mut twice = Vec::new();
    for chunk in chunks {
        let size = Size::Exactly(chunk.len() * POINT_BYTES);
        let once = set.receive_bytes("points", size).await?;
        let once = once.as_chunks().0;
        let blind =
            || Ok((keys.spine.decode_and_blind(once)?, keys.blinding.decode_and_blind(once)?));
        let blinded = set.compute(blind).await;
        let (for_ids, for_comparing) = blinded.map_err(|error| blame(set, error))?;
        rows.send_bytes("points", for_ids.into_flattened()).await?;
        twice.extend(for_comparing);
    }
    Ok(twice)
}

/// Receives points that hold this party's first key and the peer's second, and makes ids of them.
async fn receive_ids(
    path: &mut Session,
    change: &BlindingKey,
    chunks: impl Iterator<Item = Range<usize>>,
) -> Result<Vec<u128>, NetError> {
    let mut ids = Vec::new();
    for chunk in chunks {
        let size = Size::Exactly(chunk.len() * POINT_BYTES);
        let points = path.receive_bytes("points", size).await?;
        let changed = || {
            let changed = change.decode_and_blind(points.as_chunks().0)?;
            Ok(tags::tags(SPINE_DOMAIN, &changed))
        };
        let changed = path.compute(changed).await;
        ids.extend(changed.map_err(|error| blame(path, error))?);
    }
    Ok(ids)
}

/// Sends the points of step 5. They came from the peer, which is to blame for bad ones.
async fn convert(
    path: &mut Session,
    change: &BlindingKey,
    points: &[Encoded],
    chunk: usize,
) -> Result<(), NetError> {
    let changed = path.compute(|| change.decode_and_blind(points)).await;
    let changed = changed.map_err(|error| blame(path, error))?;
    send_points(path, &changed, chunk).await
}

async fn send_points(path: &mut Session, points: &[Encoded], chunk: usize) -> Result<(), NetError> {
    for range in chunks(points.len(), chunk) {
        path.send_bytes("points", points[range].as_flattened().to_vec()).await?;
    }
    Ok(())
}

async fn receive_points(
    path: &mut Session,
    chunks: impl Iterator<Item = Range<usize>>,
) -> Result<Vec<Encoded>, NetError> {
    let mut points = Vec::new();
    for chunk in chunks {
        let size = Size::Exactly(chunk.len() * POINT_BYTES);
        points.extend(path.receive_bytes("points", size).await?.as_chunks().0);
    }
    Ok(points)
}

/// The points of `set` that are not among `others`, both ascending.
fn rest(set: &[Encoded], others: &[Encoded]) -> Vec<Encoded> {
    set.iter().filter(|point| others.binary_search(point).is_err()).copied().collect()
}

fn blame(path: &Session, error: GroupError) -> NetError {
    path.misbehaved("points", error.to_string())
}

const ID_DOMAIN: &str = "matching/psi/union id";
const SPINE_DOMAIN: &str = "matching/psi/union spine";
const AGREEMENT_DOMAIN: &str = "matching/psi/union agreement";

#[cfg(test)]
mod tests;
