//! Oblivious-transfer extension: from 128 base transfers to any number, at 4 bytes each.
//!
//! # Functionality
//! The receiver chooses bits `c_j`. The sender gets pairs of 64-bit keys `(k_j0, k_j1)`, the
//! receiver gets the one that `c_j` names; all keys are pseudo-random. [`extend`] runs both
//! directions at once, which is what symmetric protocols need.
//! # Messages
//! 1. `corrections` receiver → sender: 32 bits for each transfer (both directions in one exchange)
//! # Leaks
//! The number of transfers, which is public anyway.
//! # Security
//! Semi-honest, random-oracle-like hashing by fixed-key AES (tweakable circular correlation
//! robustness, Guo, Katz, Wang, Yu, S&P 2020, eprint 2019/074). 128 bits: the sender's secret Δ has
//! 128 bits, in 32 blocks of [`BLOCK_BITS`] bits, one punctured tree of 16 seeds each. Every
//! transfer of a pair of parties has a tweak of its own: a counter whose top bit is the direction.
//! # Cost
//! One flight; `⌈n/128⌉·128·4` bytes for n transfers in each direction.
//! # Reference
//! Lawrence Roy, "`SoftSpokenOT`", CRYPTO 2022 (eprint 2022/192), sections 3 and 4, subfield VOLE
//! over `F_2^4` with the repetition code, semi-honest form.

use crypto::hash::{CorrelationRobust, digest};
use crypto::random::Generator;
use crypto::transpose::transpose_128;
use net::Session;
use rayon::prelude::*;
use zeroize::{Zeroize, Zeroizing};

use crate::boolean::Bits;
use crate::{MpcError, TwoParty};

/// Bits of Δ that one punctured tree covers.
pub const BLOCK_BITS: usize = 4;
/// Leaves of one tree.
pub const LEAVES: usize = 1 << BLOCK_BITS;
/// Trees: 128 / [`BLOCK_BITS`].
pub const BLOCKS: usize = 128 / BLOCK_BITS;
/// Transfers that one call of [`extend`] accepts in one direction (bounds a message to 256 MiB).
pub const TRANSFERS_MAX: usize = 1 << 26;

/// Transfers that are worked on at once: their bit matrix, 512 KiB, stays in the cache.
const BATCH: usize = 1 << 15;
/// Keys that one task hashes.
const KEYS_PER_TASK: usize = 1 << 10;

/// A seed of a tree's leaf.
pub type Seed = [u8; 32];

/// The extension's sender: holds Δ, and of every tree all leaves but the one that Δ names.
pub struct ExtensionSender {
    delta: Zeroizing<u128>,
    /// Per block: per leaf a generator; `None` at the leaf that Δ names.
    leaves: Vec<Vec<Option<Generator>>>,
    hash: CorrelationRobust,
    next_tweak: u64,
}

/// The extension's receiver: holds every leaf of every tree.
pub struct ExtensionReceiver {
    leaves: Vec<Vec<Generator>>,
    hash: CorrelationRobust,
    next_tweak: u64,
}

/// What one party holds after [`extend`].
pub struct Extended {
    /// For each of this party's choices, the chosen key.
    pub received: Vec<u64>,
    /// For each of the peer's choices, both keys: `[k0, k1]`.
    pub sent: Vec<[u64; 2]>,
}

/// What the hash of a transfer is cut to.
pub(crate) trait Key: Copy + Default + Send {
    /// The key that is made from a whole hash.
    fn cut(hash: u128) -> Self;
}

impl Key for u64 {
    fn cut(hash: u128) -> Self {
        hash as Self
    }
}

impl Key for u128 {
    fn cut(hash: u128) -> Self {
        hash
    }
}

/// The tweak of the first transfer of a direction: the two directions never share a tweak.
pub(crate) fn first_tweak(first_party_sends: bool) -> u64 {
    if first_party_sends { 0 } else { 1 << 63 }
}

impl ExtensionSender {
    /// From Δ and, per block, the leaf seeds with the punctured one absent.
    pub(crate) fn new(delta: u128, seeds: Vec<Vec<Option<Seed>>>, first_tweak: u64) -> Self {
        let leaves = seeds
            .into_iter()
            .map(|block| block.into_iter().map(|seed| seed.map(generator)).collect())
            .collect();
        let hash = CorrelationRobust::new();
        Self { delta: Zeroizing::new(delta), leaves, hash, next_tweak: first_tweak }
    }

    /// Both keys of the next `count` transfers, from the receiver's [`corrections_bytes`]: rows of
    /// w = v ⊕ Δ·c, transposed, are per transfer `q_j = t_j ⊕ c_j·Δ`.
    pub(crate) fn keys<K: Key>(&mut self, corrections: &[u8], count: usize) -> Vec<[K; 2]> {
        let delta = *self.delta;
        let row_bytes = padded(count) / 8;
        let mut keys = vec![[K::default(); 2]; count];
        let mut matrix = matrix(count);
        for (batch, keys) in keys.chunks_mut(BATCH).enumerate() {
            let span = span(batch, keys.len());
            let rows = &mut matrix[..128 * span.len()];
            rows.fill(0);
            rows.par_chunks_mut(BLOCK_BITS * span.len())
                .zip(self.leaves.par_iter_mut())
                .zip(corrections.par_chunks(row_bytes))
                .enumerate()
                .for_each(|(block, ((rows, leaves), correction))| {
                    let delta_block = (delta >> (block * BLOCK_BITS)) as usize % LEAVES;
                    let mut stream = [0; BATCH / 8];
                    let stream = &mut stream[..span.len()];
                    for (leaf, generator) in leaves.iter_mut().enumerate() {
                        if let Some(generator) = generator {
                            generator.fill_bytes(stream);
                            add_where(rows, stream, leaf ^ delta_block);
                        }
                    }
                    add_masked(rows, &correction[span.clone()], delta_block);
                });
            let columns = transpose_128(rows, span.len() * 8);
            keys.par_chunks_mut(KEYS_PER_TASK)
                .zip(columns.par_chunks(KEYS_PER_TASK))
                .enumerate()
                .for_each(|(task, (keys, columns))| {
                    let tweak = self.next_tweak + (batch * BATCH + task * KEYS_PER_TASK) as u64;
                    let zero = hashed(&self.hash, tweak, columns, 0);
                    let one = hashed(&self.hash, tweak, columns, delta);
                    for (key, (zero, one)) in keys.iter_mut().zip(zero.iter().zip(&one)) {
                        *key = [K::cut(*zero), K::cut(*one)];
                    }
                });
        }
        self.next_tweak += count as u64;
        keys
    }
}

impl ExtensionReceiver {
    /// From all leaf seeds of every block.
    pub(crate) fn new(seeds: Vec<Vec<Seed>>, first_tweak: u64) -> Self {
        let leaves =
            seeds.into_iter().map(|block| block.into_iter().map(generator).collect()).collect();
        Self { leaves, hash: CorrelationRobust::new(), next_tweak: first_tweak }
    }

    /// Returns the corrections to send and the chosen keys.
    pub(crate) fn keys<K: Key>(&mut self, choices: &Bits) -> (Vec<u8>, Vec<K>) {
        let count = choices.len();
        let row_bytes = padded(count) / 8;
        let mut choice_bytes: Vec<u8> =
            choices.words().iter().flat_map(|word| word.to_le_bytes()).collect();
        choice_bytes.resize(row_bytes, 0);
        let mut corrections = vec![0_u8; BLOCKS * row_bytes];
        let mut keys = vec![K::default(); count];
        let mut matrix = matrix(count);
        for (batch, keys) in keys.chunks_mut(BATCH).enumerate() {
            let span = span(batch, keys.len());
            let rows = &mut matrix[..128 * span.len()];
            rows.fill(0);
            rows.par_chunks_mut(BLOCK_BITS * span.len())
                .zip(self.leaves.par_iter_mut())
                .zip(corrections.par_chunks_mut(row_bytes))
                .for_each(|((rows, leaves), correction)| {
                    let correction = &mut correction[span.clone()];
                    correction.copy_from_slice(&choice_bytes[span.clone()]);
                    let mut stream = [0; BATCH / 8];
                    let stream = &mut stream[..span.len()];
                    for (leaf, generator) in leaves.iter_mut().enumerate() {
                        generator.fill_bytes(stream);
                        xor_into(correction, stream);
                        add_where(rows, stream, leaf);
                    }
                });
            let columns = transpose_128(rows, span.len() * 8);
            keys.par_chunks_mut(KEYS_PER_TASK)
                .zip(columns.par_chunks(KEYS_PER_TASK))
                .enumerate()
                .for_each(|(task, (keys, columns))| {
                    let tweak = self.next_tweak + (batch * BATCH + task * KEYS_PER_TASK) as u64;
                    let hashes = hashed(&self.hash, tweak, columns, 0);
                    for (key, hash) in keys.iter_mut().zip(&hashes) {
                        *key = K::cut(*hash);
                    }
                });
        }
        self.next_tweak += count as u64;
        (corrections, keys)
    }
}

/// The generator of a leaf; this copy of the seed is wiped.
fn generator(mut seed: Seed) -> Generator {
    let generator = Generator::from_seed(seed);
    seed.zeroize();
    generator
}

/// Room for the bit matrix of a batch of at most `count` transfers, wiped afterwards.
fn matrix(count: usize) -> Zeroizing<Vec<u8>> {
    Zeroizing::new(vec![0; 16 * padded(count.min(BATCH))])
}

/// The bytes of a row that hold the `length` transfers of a batch.
fn span(batch: usize, length: usize) -> std::ops::Range<usize> {
    let start = batch * BATCH / 8;
    start..start + padded(length) / 8
}

/// Hashes of up to [`KEYS_PER_TASK`] columns, each ⊕ `offset`, under tweaks that count up.
fn hashed(
    hash: &CorrelationRobust,
    first_tweak: u64,
    columns: &[u128],
    offset: u128,
) -> [u128; KEYS_PER_TASK] {
    let mut blocks = [0; KEYS_PER_TASK];
    for (block, column) in blocks.iter_mut().zip(columns) {
        *block = column ^ offset;
    }
    hash.hash_batch(first_tweak, &mut blocks[..columns.len()]);
    blocks
}

/// Extends in both directions at once: this party receives `choices.len()` keys by its choices and
/// sends `send_count` pairs; the peer calls it with the mirrored numbers.
///
/// # Errors
/// [`MpcError::Net`] when the peer is gone or its message has another length.
pub async fn extend(
    party: &mut TwoParty,
    choices: &Bits,
    send_count: usize,
) -> Result<Extended, MpcError> {
    if choices.len().max(send_count) > TRANSFERS_MAX {
        return Err(MpcError::InvalidInput(format!(
            "at most {TRANSFERS_MAX} transfers at once, asked for {}",
            choices.len().max(send_count)
        )));
    }
    let TwoParty { session, as_sender, as_receiver, .. } = party;
    let (corrections, received) = session.compute(|| as_receiver.keys(choices)).await;
    let expected = corrections_bytes(send_count);
    let theirs = exchange(session, corrections, expected).await?;
    let sent = session.compute(|| as_sender.keys(&theirs, send_count)).await;
    Ok(Extended { received, sent })
}

/// Sends and receives the corrections; a direction without transfers sends nothing.
async fn exchange(
    session: &mut Session,
    mine: Vec<u8>,
    expected: usize,
) -> Result<Vec<u8>, MpcError> {
    const STEP: &str = "corrections";
    Ok(match (mine.is_empty(), expected == 0) {
        (true, true) => Vec::new(),
        (false, true) => {
            session.send_bytes(STEP, mine).await?;
            Vec::new()
        }
        (true, false) => session.receive_bytes(STEP, net::Size::Exactly(expected)).await?,
        (false, false) => session.exchange_bytes(STEP, mine, net::Size::Exactly(expected)).await?,
    })
}

/// The two children of a node of a tree of seeds.
pub(crate) fn children(seed: &Seed) -> [Seed; 2] {
    [digest("mpc.ot_extension.tree.left", &[seed]), digest("mpc.ot_extension.tree.right", &[seed])]
}

/// Adds `stream` to the row of every set bit of `selector`.
fn add_where(rows: &mut [u8], stream: &[u8], selector: usize) {
    for (bit, row) in rows.chunks_exact_mut(stream.len()).enumerate() {
        if selector >> bit & 1 == 1 {
            xor_into(row, stream);
        }
    }
}

/// Adds `stream` to the row of every set bit of the secret `selector`, in the same time for every
/// selector. (What the leaves add takes the same time in total: all but one selector occur once.)
fn add_masked(rows: &mut [u8], stream: &[u8], selector: usize) {
    for (bit, row) in rows.chunks_exact_mut(stream.len()).enumerate() {
        let mask = ((selector >> bit & 1) as u8).wrapping_neg();
        for (target, source) in row.iter_mut().zip(stream) {
            *target ^= source & mask;
        }
    }
}

fn xor_into(target: &mut [u8], source: &[u8]) {
    for (target, source) in target.iter_mut().zip(source) {
        *target ^= source;
    }
}

/// Bytes of the message about so many transfers.
pub(crate) fn corrections_bytes(count: usize) -> usize {
    BLOCKS * padded(count) / 8
}

/// Rows of the bit matrix are processed 128 transfers at a time.
fn padded(count: usize) -> usize {
    count.div_ceil(128) * 128
}

#[cfg(test)]
mod tests;
