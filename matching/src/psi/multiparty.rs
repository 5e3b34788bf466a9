//! Private set intersection of three parties or more: which rows does *everybody* have?
//!
//! # Functionality
//! Each learning party gets the positions of those of its rows whose id all other parties have too,
//! in one random order that is the same for all ([`Learners`] says who learns). Nobody learns which
//! ids some of the parties have in common and others have not.
//!
//! # Messages
//! The first party of the job is the *leader*, the others are *helpers*; each two parties have a
//! session. With x and y the ids of the leader and of a helper hashed to 128 bits, T a hash to
//! tags, and H one to elements of GF(2^128):
//! 1. `seed`, between each two helpers, from the one listed earlier: 128 random bits
//! 2. `sizes`, between leader and each helper: how many ids
//! 3. `vole/…`, `salt`, `cells`, likewise: a pseudo-random function F (see `oprf`), which the
//!    leader gets at each x; another one for each helper
//! 4. `hint_seed` helper → leader: 128 random bits
//! 5. `hints` helper → leader: a store that maps each y to H(y, F(y)) + S(y), where S(y), the
//!    helper's share of zero, is the sum of what AES makes of y under each of its seeds; in chunks
//! 6. `common` leader → helper, if all learn: for how many x the shares of all helpers add up to
//!    zero, that is what their stores give less H(x, F(x))
//! 7. `tags` leader → helper, if all learn: T(x, F(x)) for each of these, in the common order
//!
//! In the sum of step 6 each seed occurs twice, at the two helpers that have it, and addition is
//! subtraction. The conversation with a helper ends after step 2 if its set or the leader's is
//! empty.
//!
//! # Leaks
//! To the leader each set size, to each helper the leader's. To a learning party the intersection
//! of all sets, and nothing about that of some. A helper that does not learn gets nothing else.
//!
//! # Security
//! Semi-honest, 128 bits, against any number of parties that put together what they see, up to all
//! but one. Without the leader they know what each of them is meant to. With the leader they learn
//! of each of the *leader's* rows whether all parties outside have it: what they would also learn
//! if they agreed to enter the leader's ids as theirs, which no protocol can stop (the paper's
//! augmented semi-honest model). With one party outside that is the intersection with its set.
//!
//! Assumptions: those of `oprf`; H and T tweakable correlation-robust hashes; AES a pseudo-random
//! permutation. Hints are masked by F, which the leader has at its own ids only, and free cells are
//! drawn, so that elsewhere a store looks uniform. At an id that some helper outside the coalition
//! does not have, the shares of the others outside hold seeds that they have with that helper, and
//! look random. Seeds, functions and order are fresh for each run. The leader needs no share: if it
//! is honest nobody else sees hints, and if not the coalition would know its share.
//!
//! Failures by chance, each with probability 2^-40 at most for each helper: a store cannot be
//! encoded (an error), tags of different ids agree (an error or a wrong row). That shares add up to
//! zero by chance has probability 2^-128 for each id.
//!
//! A dishonest party can enter ids that it does not have, the leader more of them than it announces
//! (see `oprf`). A dishonest helper can take any id out of everybody's result; a dishonest leader
//! can name ids to a helper that these two have and others have not. Neither is noticed.
//!
//! # Cost
//! For n ids of the leader and k of a helper, m ≈ 1.35·n and h ≈ 1.35·k cells (from some 2^16 ids
//! on): u·m + 16·h + 48 bytes for each helper, with values of u bytes (see `oprf`), and
//! [`mpc::silent_vole::bytes`]; if all learn, 8 more and t for each common id, with t = ⌈(40 +
//! ⌈log2 nk⌉) / 8⌉; 16 between each two helpers. Flights: one for the seeds, one for the sizes,
//! those of F, cells, hints, and one more if all learn. The leader's work grows with the number of
//! helpers; a helper's by two calls of AES an id for each.
//!
//! # Reference
//! Kolesnikov, Matania, Pinkas, Rosulek, Trieu, "Practical Multi-party Private Set Intersection
//! from Symmetric-Key Techniques", CCS 2017 (eprint 2017/799), the protocol for the augmented
//! semi-honest model, with the programmable function of Rindal, Schoppmann, EUROCRYPT 2021 (eprint
//! 2021/266), section 5. Steps 6 and 7, and that the leader has no share, are ours.

mod shares;

use crypto::field128::Gf128;
use net::{NetError, Session, Size, own_place, together};
use table::Alignment;

use crate::MatchingError;
use crate::okvs::Okvs;
use crate::psi::circuit::{receive_salt, receive_store};
use crate::psi::ecdh::exchange_sizes;
use crate::psi::oprf::{self, CHUNK, Evaluated, PACKED_MAX, Salt};
use crate::psi::positions::Positions;
use crate::psi::sets::chunks;
use crate::psi::tweaked::TweakedHash;
use crate::psi::vole::hashes::Hashes;
use crate::psi::{Identifiers, elements};
use shares::{Seed, ZeroShares};

/// Who learns the intersection of all sets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Learners {
    /// The leader, which is the party that the job lists first.
    Leader,
    /// Every party.
    All,
}

/// Runs the protocol; all parties call it with their own ids and the same `learners`.
///
/// `peers` are the sessions with all other parties, one each, in the order in which the job lists
/// these; a party's own place follows from them.
///
/// Returns, for a party that learns, which of its rows everybody has, in the common order (none, if
/// there are none); `None` for a party that does not learn.
///
/// # Errors
///
/// [`MatchingError::Net`] if a peer is gone, or blaming it for a bad length or claim, or for
/// sessions in another order; [`MatchingError::NotEncodable`] with probability at most 2^-39 for
/// each helper; [`MatchingError::TooManyToPack`] for a leader with more than 24,000,000 ids. After
/// an error all conversations are to be ended, so that nobody waits.
#[net::boxed]
pub async fn align(
    peers: &mut [Session],
    ids: &Identifiers<'_>,
    learners: Learners,
) -> Result<Option<Alignment>, MatchingError> {
    align_in_chunks(peers, ids, learners, CHUNK).await
}

/// All parties must use the same `chunk`, which is at least 1.
async fn align_in_chunks(
    peers: &mut [Session],
    ids: &Identifiers<'_>,
    learners: Learners,
    chunk: usize,
) -> Result<Option<Alignment>, MatchingError> {
    match own_place(peers)?.checked_sub(1) {
        None => lead(peers, ids, learners, chunk).await.map(Some),
        Some(place) => {
            let (leader, helpers) = peers.split_at_mut(1);
            let shares = ZeroShares::new(&agree_on_seeds(helpers, place).await?);
            help(&mut leader[0], &shares, ids, learners, chunk).await
        }
    }
}

/// What the leader has after the conversation with one helper.
struct Gathered {
    /// For each id the helper's share of zero, if the helper has it.
    shares: Vec<Gf128>,
    /// For each id the helper's function of it.
    evaluated: Vec<Gf128>,
    hashes: Hashes,
}

/// The leader's side.
async fn lead(
    helpers: &mut [Session],
    ids: &Identifiers<'_>,
    learners: Learners,
    chunk: usize,
) -> Result<Alignment, MatchingError> {
    let conversations = helpers.iter_mut().map(|helper| gather(helper, ids.hashes(), chunk));
    let gathered = together(conversations).await?;
    let mut common = everybodys(&gathered, ids.len());
    // A leader has helpers, see `own_place`.
    helpers[0].rng().shuffle(&mut common);
    if learners == Learners::All {
        let conversations = helpers.iter_mut().zip(&gathered).filter_map(|(helper, gathered)| {
            Some(announce(helper, gathered.as_ref()?, ids.hashes(), &common))
        });
        together(conversations).await?;
    }
    Ok(Alignment::from_matching(common, ids.len())?)
}

/// Steps 2 to 5 with one helper; `None` if its set or the own one is empty.
async fn gather(
    helper: &mut Session,
    keys: &[u128],
    chunk: usize,
) -> Result<Option<Gathered>, MatchingError> {
    let Some(their_count) = begin(helper, keys.len(), true).await? else { return Ok(None) };
    let range = oprf::range(keys.len(), their_count);
    let Evaluated { salt, elements: evaluated } =
        oprf::receive(helper, keys, &range, chunk).await?;
    let store = Okvs::new(their_count, receive_salt(helper, "hint_seed").await?);
    let cells = receive_store(helper, &store, chunk).await?;
    let unmask = || {
        let mut shares = store.decode(&cells, keys);
        oprf::add(&mut shares, &masks(&salt, keys, &evaluated));
        shares
    };
    let shares = helper.compute(unmask).await;
    Ok(Some(Gathered { shares, evaluated, hashes: Hashes::new(&salt, keys.len(), their_count) }))
}

/// The positions of the ids that all helpers have.
fn everybodys(gathered: &[Option<Gathered>], own_count: usize) -> Vec<u32> {
    let Some(gathered) = gathered.iter().map(Option::as_ref).collect::<Option<Vec<_>>>() else {
        return Vec::new();
    };
    let is_common = |position: &u32| {
        let shares = gathered.iter().map(|helper| helper.shares[*position as usize].0);
        shares.fold(0, |sum, share| sum ^ share) == 0
    };
    (0..own_count as u32).filter(is_common).collect()
}

/// Steps 6 and 7 with one helper.
async fn announce(
    helper: &mut Session,
    gathered: &Gathered,
    keys: &[u128],
    common: &[u32],
) -> Result<(), NetError> {
    let tags = || {
        let at = common.iter().map(|position| *position as usize);
        let keys: Vec<u128> = at.clone().map(|position| keys[position]).collect();
        let evaluated: Vec<Gf128> = at.map(|position| gathered.evaluated[position]).collect();
        let tags = gathered.hashes.tags(&keys, &evaluated);
        elements::encode_cut(tags.into_iter(), gathered.hashes.tag_bytes())
    };
    let tags = helper.compute(tags).await;
    helper.send_words("common", &[common.len() as u64]).await?;
    helper.send_bytes("tags", tags).await
}

/// Step 1: the seeds that the helper at `place` has in common with the others.
async fn agree_on_seeds(others: &mut [Session], place: usize) -> Result<Vec<Seed>, NetError> {
    let mut seeds = Vec::with_capacity(others.len());
    let (earlier, later) = others.split_at_mut(place);
    for other in earlier {
        seeds.push(receive_salt(other, "seed").await?);
    }
    for other in later {
        let mut seed = Seed::default();
        other.rng().fill_bytes(&mut seed);
        other.send_bytes("seed", seed.to_vec()).await?;
        seeds.push(seed);
    }
    Ok(seeds)
}

/// A helper's side of the conversation with the leader.
async fn help(
    leader: &mut Session,
    shares: &ZeroShares,
    ids: &Identifiers<'_>,
    learners: Learners,
    chunk: usize,
) -> Result<Option<Alignment>, MatchingError> {
    let keys = ids.hashes();
    let Some(their_count) = begin(leader, keys.len(), false).await? else {
        let nothing = Alignment::from_matching(Vec::new(), keys.len())?;
        return Ok((learners == Learners::All).then_some(nothing));
    };
    let range = oprf::range(their_count, keys.len());
    let function = oprf::send(leader, their_count, &range, chunk).await?;
    let (mut seed, mut rng) = (Salt::default(), leader.rng());
    rng.fill_bytes(&mut seed);
    let encode = || {
        let evaluated = function.evaluate(keys);
        let mut values = masks(&function.salt, keys, &evaluated);
        shares.add_to(&mut values, keys);
        let cells = Okvs::new(keys.len(), seed).encode_obliviously(keys, &values, &mut rng)?;
        Ok::<_, MatchingError>((cells, evaluated))
    };
    let (cells, evaluated) = leader.compute(encode).await?;
    leader.send_bytes("hint_seed", seed.to_vec()).await?;
    for range in chunks(cells.len(), chunk) {
        leader.send_bytes("hints", elements::encode(&cells[range])).await?;
    }
    if learners == Learners::Leader {
        return Ok(None);
    }
    let hashes = Hashes::new(&function.salt, their_count, keys.len());
    let tags = leader.compute(|| hashes.tags(keys, &evaluated)).await;
    let common = receive_common(leader, &hashes, &tags, their_count).await?;
    Ok(Some(Alignment::from_matching(common, keys.len())?))
}

/// Receives which of the ids with these tags everybody has.
async fn receive_common(
    leader: &mut Session,
    hashes: &Hashes,
    tags: &[u128],
    their_count: usize,
) -> Result<Vec<u32>, NetError> {
    let count = leader.receive_words("common", 1).await?[0];
    if count > tags.len().min(their_count) as u64 {
        return Err(leader.misbehaved("common", format!("announced {count} common ids")));
    }
    let size = Size::Exactly(count as usize * hashes.tag_bytes());
    let theirs = leader.receive_bytes("tags", size).await?;
    let look_up = || {
        let positions = Positions::of(tags, |_, _| {});
        let mut is_taken = vec![false; tags.len()];
        let found = positions
            .find_each(tags, &elements::decode_cut(theirs, hashes.tag_bytes()))
            .into_iter();
        let fresh = found.map(|position| {
            position.filter(|at| !std::mem::replace(&mut is_taken[*at as usize], true))
        });
        fresh.collect::<Option<Vec<u32>>>()
    };
    let common = leader.compute(look_up).await;
    common.ok_or_else(|| leader.misbehaved("tags", "named an id that is not ours, or one twice"))
}

/// Tells and learns the size of the set; returns the peer's, `None` if either is empty.
async fn begin(
    session: &mut Session,
    own_count: usize,
    i_lead: bool,
) -> Result<Option<usize>, MatchingError> {
    let their_count = exchange_sizes(session, own_count).await?;
    // The leader also keeps a store as large as each helper's set.
    let rows = if i_lead { own_count.max(their_count) } else { their_count };
    if rows > PACKED_MAX {
        return Err(MatchingError::TooManyToPack { rows, rows_max: PACKED_MAX });
    }
    Ok((own_count > 0 && their_count > 0).then_some(their_count))
}

/// H of each key and what it evaluates to.
fn masks(salt: &Salt, keys: &[u128], evaluated: &[Gf128]) -> Vec<Gf128> {
    let masks =
        TweakedHash::new("matching/psi/multiparty mask", &[salt]).hash_each(keys, evaluated);
    masks.into_iter().map(Gf128).collect()
}

#[cfg(test)]
mod tests;
