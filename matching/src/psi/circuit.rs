//! Private set intersection into shares: nobody learns which rows match (circuit PSI).
//!
//! # Functionality
//! The receiver's ids are thrown into bins, at most one into each. For each bin the parties get an
//! XOR share of whether its id is one of the sender's too, and for each payload column of the
//! sender an additive share modulo 2^64 of the number in that row; of a number that nobody knows if
//! the bin has no match. Only the receiver knows which of its rows is in which bin. What is
//! computed from the shares is the matter of other protocols, see [`totals`](super::totals).
//!
//! # Messages
//! With x and y the ids hashed to 128 bits, and β bins, three of which are open to each id:
//! 1. `sizes` both ways: how many ids, and how many payload columns
//! 2. `bin_seed` receiver → sender: 128 random bits that say which ids may stand in which bins
//! 3. `vole/…`, `salt`, `cells`: a pseudo-random function F (`oprf`), which the
//!    receiver gets at (x, j) for each x that it has put into the j-th of its bins
//! 4. `hint_seed` sender → receiver: 128 random bits
//! 5. `hints` sender → receiver: a store that maps (y, j), for each y and j, to H(F(y, j)) added to
//!    64 bits drawn for the j-th bin of y; beside them the number of y less another 64 drawn bits.
//!    With two further columns one store more. In chunks
//! 6. in `party`, see [`mpc::equality`]: whether the lowest 40 + ⌈log2 β⌉ of these bits are what
//!    the receiver finds in its bin
//!
//! If a set is empty, the protocol ends after step 1, without any bin.
//!
//! # Leaks
//! Both set sizes and the number of columns, to both parties. Nothing else: not even how many rows
//! match.
//!
//! # Security
//! Semi-honest, 128 bits: the assumptions of `oprf` and of the transfers behind the
//! comparison; H a tweakable correlation-robust hash. The sender sees nothing of the receiver but a
//! seed and masked cells. To the receiver the store's cells are uniform: free cells are drawn
//! ([`Okvs::encode_obliviously`]), and the values are masked by F, which it knows at one place of a
//! bin at most; there it finds bits drawn for this bin only. All 64 bits are drawn also where fewer
//! are compared or no column is left: zeros would tell the receiver that it has a match. Seeds are
//! drawn after the ids are fixed, and nothing is tried twice.
//!
//! Failures by chance, each with probability 2^-40 at most: the ids have no table without a stash
//! (an error; see `bins` for the bound), one of the two stores cannot be encoded or has a bin that
//! overflows (the same error), a bin without a match is taken for one (a wrong flag).
//!
//! A dishonest party can enter ids that it does not have; a receiver more of them than it announces
//! (see `oprf`). It can change flags and payloads of the shares that it holds.
//!
//! # Cost
//! For n ids of the receiver, k of the sender and c columns: β = 1.31·n + 110 bins, m ≈ 1.35·n
//! cells and h ≈ 4.05·k cells (n and k from some 2^16 on). The receiver's set takes u·m + 64 bytes
//! for values of u bytes (see `oprf`; 11 for 2^20 ids each) and [`mpc::silent_vole::bytes`], the
//! hints 16·h·⌈(1 + c) / 2⌉ + 16, and comparing l bits β·(l - 1)·8.75, which at 2^20 ids is 525 for
//! each bin, 9 in 10 of all. Flights: two for sizes and seed, those of F, one for the hints, and 2
//! + ⌈log2 l⌉ for each 2^17 bins.
//!
//! # Reference
//! Rindal, Schoppmann, "VOLE-PSI", EUROCRYPT 2021 (eprint 2021/266), section 5; Raghuraman, Rindal,
//! CCS 2022 (eprint 2022/320), section 5; the reduction to comparing random bits in bins: Pinkas,
//! Schneider, Tkachenko, Yanai, EUROCRYPT 2019 (eprint 2019/241).

mod bins;

use crypto::field128::{ELEMENT_BYTES, Gf128};
use crypto::random::Generator;
use mpc::boolean::Bits;
use mpc::equality::equal;
use mpc::{MpcError, TwoParty};
use net::{NetError, Session, Size};
use rayon::prelude::*;

use crate::MatchingError;
use crate::okvs::{NotEncodable, Okvs};
use crate::psi::oprf::{self, CHUNK, Salt};
use crate::psi::sets::{self, chunks};
use crate::psi::tweaked::TweakedHash;
use crate::psi::{Identifiers, ROWS_MAX, elements};
use bins::{Bins, CHOICES};

/// One party's share of which rows match, bin by bin.
pub struct HiddenMatches {
    /// XOR shares: whether the bin's row has an id that the sender has too.
    pub flags: Bits,
    /// At the receiver, which of its rows is in each bin, each row in one; `None` at the sender.
    /// It says nothing about matches, but is the receiver's secret.
    pub rows: Option<Vec<Option<u32>>>,
    /// For each payload column of the sender and each bin, an additive share modulo 2^64 of the
    /// number in the matching row; of a random number in a bin without a match.
    pub payloads: Vec<Vec<u64>>,
}

/// Ids of the receiver: the bits that are compared fit 64 for up to 2^24 bins.
pub const RECEIVED_MAX: usize = 12_800_000;

/// Ids of the sender, which packs three keys for each.
pub const SENT_MAX: usize = ROWS_MAX / CHOICES;

/// Payload columns.
pub const COLUMNS_MAX: usize = 1 << 10;

/// How many bins the ids of a receiver take, at most [`RECEIVED_MAX`] of them.
pub fn bins_count(ids_count: usize) -> usize {
    bins::count(ids_count)
}

/// The side whose rows are in the bins. The peer calls [`send`] with as many payload `columns`. If
/// the caller was told before how many ids the peer has, it must have as many as `expected`.
///
/// # Errors
///
/// [`MatchingError::Net`] if the peer is gone, or blaming it for a bad length or another number of
/// ids than `expected`;
/// [`MatchingError::NotEncodable`] with probability at most 2^-38;
/// [`MatchingError::TooManyToPack`] beyond [`RECEIVED_MAX`] or [`SENT_MAX`].
#[net::boxed]
pub async fn receive(
    party: &mut TwoParty,
    ids: &Identifiers<'_>,
    columns: usize,
    expected: Option<usize>,
) -> Result<HiddenMatches, MatchingError> {
    receive_in_chunks(party, ids, (columns, expected), CHUNK).await
}

/// The side with the payloads, columns of one number for each id. The peer calls [`receive`];
/// `expected` as there.
///
/// # Errors
///
/// As of [`receive`], and [`MatchingError::Computation`] for columns of another length than the
/// ids, or more than [`COLUMNS_MAX`].
#[net::boxed]
pub async fn send(
    party: &mut TwoParty,
    ids: &Identifiers<'_>,
    payloads: &[Vec<u64>],
    expected: Option<usize>,
) -> Result<HiddenMatches, MatchingError> {
    send_in_chunks(party, ids, (payloads, expected), CHUNK).await
}

/// Both sides must use the same `chunk`, which is at least 1.
async fn receive_in_chunks(
    party: &mut TwoParty,
    ids: &Identifiers<'_>,
    (columns, expected): (usize, Option<usize>),
    chunk: usize,
) -> Result<HiddenMatches, MatchingError> {
    let session = &mut party.session;
    let their_count = exchange_sizes(session, ids.len(), columns, expected).await?;
    let Some(bits) = tag_bits(ids.len(), their_count)? else {
        return Ok(HiddenMatches::of_nothing(columns, true));
    };
    let mut seed = Salt::default();
    session.rng().fill_bytes(&mut seed);
    let bins = Bins::new(ids.len(), &seed);
    let placed = session.compute(|| Placed::new(&bins, ids)).await?;
    session.send_bytes("bin_seed", seed.to_vec()).await?;
    let range = oprf::range(ids.len(), CHOICES * their_count);
    let evaluated = oprf::receive(session, &placed.names, &range, chunk).await?;

    let seed = receive_salt(session, "hint_seed").await?;
    let store = Okvs::new(CHOICES * their_count, seed);
    let mut rng = session.rng();
    let mut lanes = Vec::new();
    for index in 0..stores(columns) {
        let cells = receive_store(session, &store, chunk).await?;
        let find = || {
            let masks = masks(&evaluated.salt, index, &placed.names, &evaluated.elements);
            placed.lanes(&store.decode(&cells, &placed.names), &masks, &mut rng)
        };
        lanes.extend(session.compute(find).await);
    }
    finish(party, lanes, columns, bits, Some(placed.rows)).await
}

/// Both sides must use the same `chunk`, which is at least 1.
async fn send_in_chunks(
    party: &mut TwoParty,
    ids: &Identifiers<'_>,
    (payloads, expected): (&[Vec<u64>], Option<usize>),
    chunk: usize,
) -> Result<HiddenMatches, MatchingError> {
    check_payloads(ids, payloads)?;
    let (columns, session) = (payloads.len(), &mut party.session);
    let their_count = exchange_sizes(session, ids.len(), columns, expected).await?;
    let Some(bits) = tag_bits(their_count, ids.len())? else {
        return Ok(HiddenMatches::of_nothing(columns, false));
    };
    let bins = Bins::new(their_count, &receive_salt(session, "bin_seed").await?);
    let range = oprf::range(their_count, CHOICES * ids.len());
    let function = oprf::send(session, their_count, &range, chunk).await?;

    let (mut seed, mut rng) = (Salt::default(), session.rng());
    rng.fill_bytes(&mut seed);
    let store = Okvs::new(CHOICES * ids.len(), seed);
    let pads: Vec<Vec<u64>> =
        (0..2 * stores(columns)).map(|_| pad(&mut rng, bins::count(their_count))).collect();
    let (candidates, names, evaluated) = session
        .compute(|| {
            let names = bins.names(ids.hashes()).into_flattened();
            let evaluated = function.evaluate(&names);
            (bins.candidates(ids.hashes()), names, evaluated)
        })
        .await;
    let hints = Hints { candidates, pads: &pads, payloads };
    session.send_bytes("hint_seed", seed.to_vec()).await?;
    for index in 0..stores(columns) {
        let encode = || {
            let masks = masks(&function.salt, index, &names, &evaluated);
            store.encode_obliviously(&names, &hints.values(index, &masks), &mut rng)
        };
        let cells = session.compute(encode).await?;
        for range in chunks(cells.len(), chunk) {
            session.send_bytes("hints", elements::encode(&cells[range])).await?;
        }
    }
    finish(party, pads, columns, bits, None).await
}

/// Compares the first lane, and keeps those of the columns.
async fn finish(
    party: &mut TwoParty,
    mut lanes: Vec<Vec<u64>>,
    columns: usize,
    bits: usize,
    rows: Option<Vec<Option<u32>>>,
) -> Result<HiddenMatches, MatchingError> {
    lanes.truncate(1 + columns);
    let payloads = lanes.split_off(1);
    let flags = equal(party, &lanes.concat(), bits).await?;
    Ok(HiddenMatches { flags, rows, payloads })
}

impl HiddenMatches {
    /// Adds payload columns of the receiver, which passes them with a number for each of its rows;
    /// the sender passes as many empty ones. Nothing is sent: the receiver knows which row is in
    /// which bin, so that its numbers are a sharing with the sender's zeros.
    ///
    /// # Errors
    ///
    /// [`MatchingError::Computation`] at the receiver for columns that are shorter than its rows.
    pub fn add_payloads_of_receiver(&mut self, columns: &[Vec<u64>]) -> Result<(), MatchingError> {
        let Some(rows) = &self.rows else {
            self.payloads.extend(columns.iter().map(|_| vec![0; self.flags.len()]));
            return Ok(());
        };
        for column in columns {
            let number = |row: &Option<u32>| match row {
                Some(row) => column.get(*row as usize).copied(),
                None => Some(0),
            };
            let numbers = rows.iter().map(number).collect::<Option<_>>().ok_or_else(|| {
                MpcError::InvalidInput(format!("a payload has only {} numbers", column.len()))
            })?;
            self.payloads.push(numbers);
        }
        Ok(())
    }

    /// No bins, because a set is empty.
    fn of_nothing(columns: usize, is_receiver: bool) -> Self {
        let rows = is_receiver.then(Vec::new);
        Self { flags: Bits::default(), rows, payloads: vec![Vec::new(); columns] }
    }
}

/// The receiver's ids in their bins.
struct Placed {
    /// For each bin the row in it.
    rows: Vec<Option<u32>>,
    /// The names of the ids in the bins that have one, in the order of the bins.
    names: Vec<u128>,
}

impl Placed {
    fn new(bins: &Bins, ids: &Identifiers<'_>) -> Result<Self, NotEncodable> {
        let candidates = bins.candidates(ids.hashes());
        let rows = bins::place(&candidates, bins::count(ids.len()))?;
        let all = bins.names(ids.hashes());
        let mut names = Vec::with_capacity(ids.len());
        for (bin, row) in (0..).zip(&rows) {
            let Some(row) = row.map(|row| row as usize) else { continue };
            let choices = candidates[row].iter().zip(&all[row]);
            names
                .extend(choices.filter(|(candidate, _)| **candidate == bin).map(|(_, name)| *name));
        }
        Ok(Self { rows, names })
    }

    /// The two numbers of each bin: what was found without its mask, at random in an empty bin.
    fn lanes(&self, found: &[Gf128], masks: &[u128], rng: &mut Generator) -> [Vec<u64>; 2] {
        let mut lanes = [(); 2].map(|()| pad(rng, self.rows.len()));
        let full = (0..).zip(&self.rows).filter(|(_, row)| row.is_some());
        for ((bin, _), (found, mask)) in full.zip(found.iter().zip(masks)) {
            let bin: usize = bin;
            let [low, high] = split(found.0 ^ mask);
            lanes[0][bin] = low;
            lanes[1][bin] = high;
        }
        lanes
    }
}

/// What the sender tells about its ids.
struct Hints<'a> {
    /// The bins of each id.
    candidates: Vec<[u32; CHOICES]>,
    /// For each lane random numbers, one for each bin.
    pads: &'a [Vec<u64>],
    payloads: &'a [Vec<u64>],
}

impl Hints<'_> {
    /// The values of the store with lanes `2·index` and `2·index + 1`, for each id in each bin.
    fn values(&self, index: usize, masks: &[u128]) -> Vec<Gf128> {
        let value = |(position, mask): (usize, &u128)| {
            let (id, choice) = (position / CHOICES, position % CHOICES);
            let bin = self.candidates[id][choice] as usize;
            let [low, high] = [2 * index, 2 * index + 1].map(|lane| {
                let pad = self.pads[lane][bin];
                // The first lane is the one that is compared; the last one may be no column.
                let column = lane.checked_sub(1).and_then(|column| self.payloads.get(column));
                column.map_or(pad, |column| column[id].wrapping_sub(pad))
            });
            Gf128((u128::from(high) << 64 | u128::from(low)) ^ mask)
        };
        masks.par_iter().enumerate().map(value).collect()
    }
}

fn split(word: u128) -> [u64; 2] {
    [word as u64, (word >> 64) as u64]
}

fn pad(rng: &mut Generator, count: usize) -> Vec<u64> {
    let mut words = vec![0; count];
    rng.fill_words(&mut words);
    words
}

/// The masks of the store `index`, from F of the names.
fn masks(salt: &Salt, index: usize, names: &[u128], evaluated: &[Gf128]) -> Vec<u128> {
    let index = (index as u64).to_le_bytes();
    TweakedHash::new("matching/psi/circuit mask", &[salt, &index]).hash_each(names, evaluated)
}

/// Stores for the lane that is compared and these columns: two lanes of 64 bits fit one.
fn stores(columns: usize) -> usize {
    (1 + columns).div_ceil(2)
}

/// How many bits are compared, so that a bin is taken for a match by chance with probability 2^-40
/// over all bins; `None` if a set is empty.
fn tag_bits(receiver_count: usize, sender_count: usize) -> Result<Option<usize>, MatchingError> {
    for (rows, rows_max) in [(receiver_count, RECEIVED_MAX), (sender_count, SENT_MAX)] {
        if rows > rows_max {
            return Err(MatchingError::TooManyToPack { rows, rows_max });
        }
    }
    let is_empty = receiver_count == 0 || sender_count == 0;
    let bins_log2 = bins::count(receiver_count).next_power_of_two().ilog2();
    Ok((!is_empty).then_some(STATISTICAL_BITS + bins_log2 as usize))
}

fn check_payloads(ids: &Identifiers<'_>, payloads: &[Vec<u64>]) -> Result<(), MpcError> {
    let count = ids.len();
    if payloads.len() <= COLUMNS_MAX && payloads.iter().all(|column| column.len() == count) {
        return Ok(());
    }
    let what =
        format!("payloads need {count} numbers in a column, and {COLUMNS_MAX} columns at most");
    Err(MpcError::InvalidInput(what))
}

/// Tells and learns how many ids, `expected` ones if the peer told before; both must expect the
/// same number of columns.
async fn exchange_sizes(
    session: &mut Session,
    own_count: usize,
    columns: usize,
    expected: Option<usize>,
) -> Result<usize, NetError> {
    let own = [own_count as u64, columns as u64];
    let theirs = session.exchange_words("sizes", &own, own.len()).await?;
    if theirs[1..] != own[1..] {
        let rule = format!("announced {} payload columns, expected {columns}", theirs[1]);
        return Err(session.misbehaved("sizes", rule));
    }
    let count = sets::size(&theirs[..1]).map_err(|rule| session.misbehaved("sizes", rule))?;
    match expected.filter(|expected| *expected != count) {
        Some(expected) => {
            let rule = format!("announced {count} ids, and {expected} of them before");
            Err(session.misbehaved("sizes", rule))
        }
        None => Ok(count),
    }
}

pub(super) async fn receive_salt(
    session: &mut Session,
    step: &'static str,
) -> Result<Salt, NetError> {
    let salt = session.receive_bytes(step, Size::Exactly(size_of::<Salt>())).await?;
    // The one chunk of a message of this size.
    Ok(salt.as_chunks().0[0])
}

/// The cells of one store.
pub(super) async fn receive_store(
    session: &mut Session,
    store: &Okvs,
    chunk: usize,
) -> Result<Vec<Gf128>, NetError> {
    let mut cells = Vec::with_capacity(store.cells_count());
    for range in chunks(store.cells_count(), chunk) {
        let size = Size::Exactly(range.len() * ELEMENT_BYTES);
        cells.extend(elements::decode(&session.receive_bytes("hints", size).await?));
    }
    Ok(cells)
}

const STATISTICAL_BITS: usize = 40;

#[cfg(test)]
mod tests;
