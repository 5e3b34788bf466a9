//! Private set intersection as that of [`vole`](super::vole), against malicious parties.
//!
//! # Functionality
//! As that of [`vole`](super::vole), or an error. A dishonest party's set is whatever it makes it,
//! up to a bound on its size that stands under *Security*.
//!
//! # Messages
//! Receiver and sender as in [`vole`](super::vole). With x and y their ids hashed to 128 bits, m
//! cells of a store for the receiver's ids, and random oracles V and T that give two elements of
//! GF(2^128) each:
//! 1. `sizes` both ways: how many ids
//! 2. `commitment` sender → receiver: a hash of 256 random bits
//! 3. below `vole`: the sender gets Δ and B, the receiver A and C = A·Δ + B, 2·m elements each,
//!    checked ([`mpc::silent_vole::checked`])
//! 4. `salt` receiver → sender: 128 random bits that rows and V depend on, and 256 more
//! 5. `cells` receiver → sender: A + P, where the two stores of P map x to the two halves of V(x),
//!    over the same rows; in chunks
//! 6. `opening` sender → receiver: the random bits of step 2. These and those of step 4 are the key
//!    of T
//! 7. `tags` sender → receiver: the first half of T(y, Decode(B + (A + P)·Δ, y) + V(y)·Δ) for each
//!    y, shuffled; in chunks. Decode is that of both stores, and gives two elements
//! 8. `matches` receiver → sender, if both learn: for each tag one bit, whether it is the first
//!    half of T(x, Decode(C, x)) for some x
//! 9. `proof` receiver → sender, if both learn: a digest of the second half for all of these
//!
//! If a set is empty, the protocol ends after step 1.
//!
//! # Leaks
//! As of [`vole`](super::vole).
//!
//! # Security
//! Malicious with abort and without fairness, 128 bits computational and 40 statistical: random
//! oracles, and the assumptions of the checked linear evaluation (regular syndrome decoding with
//! one bit known about the noise, Diffie-Hellman in ristretto255). By the argument of Rindal and
//! Schoppmann, section 4, for values from the pairs of field elements.
//!
//! *A malicious receiver* has as its set the x for which it asked V before it sent the cells and
//! which these map to V(x). Of any other y the element under T is shifted by a multiple of Δ that
//! is not zero but with probability 2^-256, and T was never asked with its key before step 6. How
//! many x that can be is a matter of counting (what the papers say about it is too little: Han,
//! Kim, Lee, Son): of the `2^(256·m)` cells some fit n' of q values of V with probability at most
//! `C(q, n')·2^(256·(m-n'))`. With q up to 2^128 that is below 2^-128 for n' = 2·m. A receiver that
//! announces n ids can therefore enter up to 2·m: 2.7·n from some 2^16 on (1.8·n if it asks V 2^80
//! times), more in proportion if there are few ids. Without any search it can enter m. Values of
//! one element would allow some 6·m with 2^128 work.
//!
//! *A malicious sender* has as its set the y for which it asked T for a tag that it sends: no more
//! than the tags that it announced. It sees cells masked by A, and, if both learn, which of its
//! tags the receiver has.
//!
//! Nobody can claim a match that it did not find: T of an id that is not one's own is as hard to
//! guess as 128 bits. A dishonest party can leave out ids, tags or claims, or end the protocol when
//! it knows its result and before the other one does. Failures by chance are those of
//! [`vole`](super::vole), but two ids with one tag: 2^-68 for 2^30 ids of each side.
//!
//! # Cost
//! For n ids of the receiver, m ≈ 1.35·n cells (n from some 2^16 on) and k ids of the sender: 16 +
//! 112 + 32·m + 16·k bytes and those of step 3; if both learn, ⌈k / 8⌉ + 32 more. Flights: those
//! of [`vole`](super::vole) and four more in step 3.
//!
//! # Reference
//! Rindal, Schoppmann, "VOLE-PSI", EUROCRYPT 2021 (eprint 2021/266), the malicious version;
//! Raghuraman, Rindal, CCS 2022 (eprint 2022/320), for the store; Han, Kim, Lee, Son, "Revisiting
//! OKVS-based OPRF and PSI", ASIACRYPT 2024, for the size of the receiver's set. Values of two
//! elements and proofs by the second half of a tag are ours; the key of T stands for the paper's
//! sum under it.

use crypto::field128::{ELEMENT_BYTES, Gf128, add_scaled};
use crypto::hash::{Keyed, digest};
use mpc::silent_vole::checked::{vole_as_receiver, vole_as_sender};
use net::{Session, Size};
use rayon::prelude::*;
use table::Alignment;

use crate::MatchingError;
use crate::okvs::{NotEncodable, Okvs};
use crate::psi::oprf::{CHUNK, Salt};
use crate::psi::sets::{chunks, shuffled};
use crate::psi::tags::{self, TAG_BYTES};
use crate::psi::vole::matches::{Matches, PROOF_BYTES, claimed, proof_of_all};
use crate::psi::vole::{exchange_sizes, is_receiver, pick};
use crate::psi::{Identifiers, Learn, elements};

/// Runs the protocol; both parties call it with their own ids and the same `learn`.
///
/// Returns, for a party that learns, which of its rows are common, in the common order (none, if
/// there are none); `None` for a party that does not learn.
///
/// # Errors
///
/// [`MatchingError::Net`] if the peer is gone, or blaming it for a bad length, claim or check;
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
pub const PACKED_MAX: usize = 12_000_000;

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

/// The receiver's side; returns its matched rows.
async fn receive(session: &mut Session, sets: &Sets<'_>) -> Result<Alignment, MatchingError> {
    let own_count = sets.ids.len();
    let keys = sets.ids.hashes();
    let committed: Coin = receive_array(session, "commitment").await?;
    let (mut salt, mut coin) = (Salt::default(), Coin::default());
    let mut rng = session.rng();
    rng.fill_bytes(&mut salt);
    rng.fill_bytes(&mut coin);
    let store = Okvs::new(own_count, salt);

    let mut path = session.fork("vole")?;
    let vole = vole_as_receiver(&mut path, 2 * store.cells_count());
    let pack = || pack(&store, &values_of(&value_hash(&salt), keys), keys);
    let (vole, packed) = tokio::join!(vole, session.compute(pack));
    let ((mut masked, correlated), packed) = (vole.map(|vole| (vole.a, vole.c))?, packed?);
    session.compute(|| add_scaled(&mut masked, &packed, Gf128::ONE)).await;
    drop(packed);

    session.send_bytes("salt", [&salt[..], &coin].concat()).await?;
    for range in chunks(masked.len(), sets.chunk) {
        session.send_bytes("cells", elements::encode(&masked[range])).await?;
    }
    drop(masked);
    let opened: Coin = receive_array(session, "opening").await?;
    if commitment(&opened) != committed {
        let rule = "opened other random bits than it committed to";
        return Err(session.misbehaved("opening", rule).into());
    }
    let hash = tag_hash(&salt, &opened, &coin);
    let (own, proofs) =
        session.compute(|| tags_of(&hash, &decode(&store, &correlated, keys), keys)).await;
    let mut matches = session.compute(|| Matches::new(own)).await;
    for range in chunks(sets.their_count, sets.chunk) {
        let size = Size::Exactly(range.len() * TAG_BYTES);
        let theirs = session.receive_bytes("tags", size).await?;
        let look_up = || matches.look_up(&tags::decode(&theirs).collect::<Vec<_>>());
        session.compute(look_up).await;
    }
    let positions = matches.positions();
    if sets.proofs {
        session.send_bytes("matches", matches.bitmap()).await?;
        let proof = session.compute(|| proof_of_all(&pick(&proofs, &positions))).await;
        session.send_bytes("proof", proof.to_vec()).await?;
    }
    Ok(Alignment::from_matching(positions, own_count)?)
}

/// The sender's side; returns its matched rows if it learns.
async fn send(session: &mut Session, sets: &Sets<'_>) -> Result<Option<Alignment>, MatchingError> {
    let own_count = sets.ids.len();
    let mut rng = session.rng();
    let order = shuffled(own_count, &mut rng);
    let keys = session.compute(|| pick(sets.ids.hashes(), &order)).await;
    let mut coin = Coin::default();
    rng.fill_bytes(&mut coin);
    session.send_bytes("commitment", commitment(&coin).to_vec()).await?;
    let function = receive_function(session, sets, &coin).await?;

    session.send_bytes("opening", coin.to_vec()).await?;
    let mut proofs = Vec::with_capacity(if sets.proofs { own_count } else { 0 });
    for range in chunks(own_count, sets.chunk) {
        let (tags, second) = session.compute(|| function.evaluate(&keys[range])).await;
        session.send_bytes("tags", tags::encode(&tags)).await?;
        if sets.proofs {
            proofs.extend(second);
        }
    }
    if !sets.proofs {
        return Ok(None);
    }
    let claimed = claims(session, sets, &proofs).await?;
    Ok(Some(Alignment::from_matching(pick(&order, &claimed), own_count)?))
}

/// What the sender makes tags with.
struct Function {
    store: Okvs,
    cells: Vec<Gf128>,
    delta: Gf128,
    values: Keyed,
    tags: Keyed,
}

/// Steps 3 to 5 of the sender.
async fn receive_function(
    session: &mut Session,
    sets: &Sets<'_>,
    coin: &Coin,
) -> Result<Function, MatchingError> {
    let mut path = session.fork("vole")?;
    let cells_count = 2 * Okvs::new(sets.their_count, Salt::default()).cells_count();
    let vole = vole_as_sender(&mut path, cells_count).await?;
    let (delta, mut cells) = (vole.delta, vole.b);

    let message: [u8; SALT_BYTES + COIN_BYTES] = receive_array(session, "salt").await?;
    let (salt, theirs) = message.split_at(SALT_BYTES);
    let (salt, theirs) = (std::array::from_fn(|at| salt[at]), std::array::from_fn(|at| theirs[at]));
    for range in chunks(cells_count, sets.chunk) {
        let size = Size::Exactly(range.len() * ELEMENT_BYTES);
        let masked = session.receive_bytes("cells", size).await?;
        let add = || add_scaled(&mut cells[range], &elements::decode(&masked), delta);
        session.compute(add).await;
    }
    Ok(Function {
        store: Okvs::new(sets.their_count, salt),
        cells,
        delta,
        values: value_hash(&salt),
        tags: tag_hash(&salt, coin, &theirs),
    })
}

impl Function {
    /// Tags and proofs of keys. Runs on the current rayon pool.
    fn evaluate(&self, keys: &[u128]) -> (Vec<u128>, Vec<u128>) {
        let mut evaluated = decode(&self.store, &self.cells, keys);
        for (element, value) in evaluated.iter_mut().zip(&values_of(&self.values, keys)) {
            add_scaled(element, value, self.delta);
        }
        tags_of(&self.tags, &evaluated, keys)
    }
}

/// Receives which of the sender's tags, by position, the receiver has too, and checks that it does.
async fn claims(
    session: &mut Session,
    sets: &Sets<'_>,
    expected: &[u128],
) -> Result<Vec<u32>, MatchingError> {
    let size = Size::Exactly(expected.len().div_ceil(8));
    let bitmap = session.receive_bytes("matches", size).await?;
    let claimed = claimed(&bitmap, expected.len())
        .filter(|claimed| claimed.len() <= sets.their_count)
        .ok_or_else(|| session.misbehaved("matches", "claimed more matches than there can be"))?;
    let proof = session.receive_bytes("proof", Size::Exactly(PROOF_BYTES)).await?;
    let expected = session.compute(|| proof_of_all(&pick(expected, &claimed))).await;
    if proof != expected {
        return Err(session.misbehaved("proof", "claimed a match without its proof").into());
    }
    Ok(claimed)
}

/// Both halves of something, of each key.
type Halves = [Vec<Gf128>; 2];

/// The cells of both stores, one after the other.
fn pack(store: &Okvs, values: &Halves, keys: &[u128]) -> Result<Vec<Gf128>, NotEncodable> {
    let [first, second] = values;
    let mut cells = store.encode(keys, first)?;
    cells.extend(store.encode(keys, second)?);
    Ok(cells)
}

/// What both stores map keys to.
fn decode(store: &Okvs, cells: &[Gf128], keys: &[u128]) -> Halves {
    let (first, second) = cells.split_at(cells.len() / 2);
    [store.decode(first, keys), store.decode(second, keys)]
}

/// The hash V.
fn value_hash(salt: &Salt) -> Keyed {
    Keyed::new("matching/psi/checked_vole value", &[salt])
}

fn values_of(hash: &Keyed, keys: &[u128]) -> Halves {
    let value = |key: &u128| {
        let halves = hash.hash_256(&key.to_le_bytes());
        let [first, second] = [0, 1].map(|half| halves.as_chunks::<ELEMENT_BYTES>().0[half]);
        (Gf128::from_bytes(first), Gf128::from_bytes(second))
    };
    let (first, second) = keys.par_iter().with_min_len(KEYS_PER_TASK).map(value).unzip();
    [first, second]
}

/// The hash T, the key of which nobody knew before the cells were sent.
fn tag_hash(salt: &Salt, senders: &Coin, receivers: &Coin) -> Keyed {
    Keyed::new("matching/psi/checked_vole tag", &[salt, senders, receivers])
}

/// First and second halves of T.
fn tags_of(hash: &Keyed, evaluated: &Halves, keys: &[u128]) -> (Vec<u128>, Vec<u128>) {
    let [first, second] = evaluated;
    let tag = |(key, (first, second)): (&u128, (&Gf128, &Gf128))| {
        let mut input = [0; 3 * ELEMENT_BYTES];
        let parts = [key.to_le_bytes(), first.to_bytes(), second.to_bytes()];
        for (place, part) in input.as_chunks_mut().0.iter_mut().zip(parts) {
            *place = part;
        }
        let halves = hash.hash_256(&input);
        let half = |at: usize| u128::from_le_bytes(halves.as_chunks().0[at]);
        (half(0), half(1))
    };
    let inputs = keys.par_iter().zip(first.par_iter().zip(second));
    inputs.with_min_len(KEYS_PER_TASK).map(tag).unzip()
}

fn commitment(coin: &Coin) -> Coin {
    digest("matching/psi/checked_vole commitment", &[coin])
}

async fn receive_array<const LENGTH: usize>(
    session: &mut Session,
    step: &'static str,
) -> Result<[u8; LENGTH], MatchingError> {
    let bytes = session.receive_bytes(step, Size::Exactly(LENGTH)).await?;
    bytes.try_into().map_err(|_| session.misbehaved(step, "has another length").into())
}

/// Random bits that a party contributes to the key of T.
type Coin = [u8; COIN_BYTES];

const SALT_BYTES: usize = size_of::<Salt>();
const COIN_BYTES: usize = 32;

/// Hashes that are worth a task of their own.
const KEYS_PER_TASK: usize = 1 << 10;

#[cfg(test)]
mod tests;
