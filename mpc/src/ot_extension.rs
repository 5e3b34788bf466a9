//! Oblivious-transfer extension: from 128 base transfers to any number, at 4 bytes each.
//!
//! # Functionality
//! The receiver chooses bits `c_j`. The sender gets pairs of keys `(k_j0, k_j1)` of 64 or 128 bits,
//! the receiver gets the one that `c_j` names; all keys are pseudo-random. [`extend`] runs both
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
//!
//! *Checked*, for [`silent_vole::checked`](crate::silent_vole::checked): the receiver also sends
//! the sum of its choices times random coefficients, which 128 transfers with random choices hide,
//! and the same sum of its columns. The sender's columns must add up to it before any key is used.
//! A receiver whose choices differ from block to block passes only by guessing Δ in the blocks that
//! differ: with probability 2^-k it knows k bits of Δ, and 128 - k remain. The coefficients are a
//! hash of corrections and leaves (Fiat, Shamir); who tries q of them gains a factor of q over
//! 2^-128. Section 4 of the reference, its check in the field GF(2^128).
//! # Cost
//! One flight; `⌈n/128⌉·128·4` bytes for n transfers in each direction.
//! # Reference
//! Lawrence Roy, "`SoftSpokenOT`", CRYPTO 2022 (eprint 2022/192), sections 3 and 4, subfield VOLE
//! over `F_2^4` with the repetition code, semi-honest form.

use crypto::field128::{ELEMENT_BYTES, Gf128};
use crypto::hash::{CorrelationRobust, digest};
use crypto::random::Generator;
use crypto::transpose::transpose_128;
use net::{Session, Size};
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

/// Transfers of a checked extension that only hide the others' choices in its proof.
pub(crate) const MASKS: usize = 128;
/// Bytes of the proof of a checked extension.
pub(crate) const PROOF_BYTES: usize = 2 * ELEMENT_BYTES;

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

/// What one party holds after [`extend`], with keys of 64 or 128 bits.
pub struct Extended<K = u64> {
    /// For each of this party's choices, the chosen key.
    pub received: Vec<K>,
    /// For each of the peer's choices, both keys: `[k0, k1]`.
    pub sent: Vec<[K; 2]>,
}

/// What the hash of a transfer is cut to.
pub trait Key: Copy + Default + Send {
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

    /// Both keys of the next `count` transfers, from the receiver's [`corrections_bytes`].
    pub(crate) fn keys<K: Key>(&mut self, corrections: &[u8], count: usize) -> Vec<[K; 2]> {
        let mut keys = vec![[K::default(); 2]; count];
        let (hash, delta, tweak) = (self.hash.clone(), *self.delta, self.next_tweak);
        self.for_each_batch(corrections, count, |start, columns| {
            let keys = &mut keys[start..][..columns.len()];
            hash_pairs(&hash, tweak + start as u64, delta, columns, keys);
        });
        self.next_tweak += count as u64;
        keys
    }

    /// As [`keys`](Self::keys), of transfers whose choices are proven to be the same in all blocks.
    /// `binding` is the hash of all leaves. `None` if the proof is wrong.
    pub(crate) fn checked_keys(
        &mut self,
        binding: &Seed,
        corrections: &[u8],
        proof: &[u8; PROOF_BYTES],
        count: usize,
    ) -> Option<Vec<[u128; 2]>> {
        let mut columns = Zeroizing::new(Vec::with_capacity(count + MASKS));
        self.for_each_batch(corrections, count + MASKS, |_, batch| columns.extend(batch));
        let challenge = choice_challenge(binding, corrections);
        let [choices, own] = proof.as_chunks().0 else { return None };
        let expected =
            combined(challenge, &columns) + Gf128::from_bytes(*choices) * Gf128(*self.delta);
        if expected != Gf128::from_bytes(*own) {
            return None;
        }
        let mut keys = vec![[0; 2]; count];
        hash_pairs(&self.hash, self.next_tweak, *self.delta, &columns[..count], &mut keys);
        self.next_tweak += (count + MASKS) as u64;
        Some(keys)
    }

    /// The hash, and the first of `count` tweaks that no other transfer uses.
    pub(crate) fn next_tweaks(&mut self, count: usize) -> (CorrelationRobust, u64) {
        let first = self.next_tweak;
        self.next_tweak += count as u64;
        (self.hash.clone(), first)
    }

    /// The columns `q_j = t_j ⊕ c_j·Δ` of the next `count` transfers, batch by batch: rows of
    /// w = v ⊕ Δ·c, transposed.
    fn for_each_batch(
        &mut self,
        corrections: &[u8],
        count: usize,
        mut visit: impl FnMut(usize, &[u128]),
    ) {
        let delta = *self.delta;
        let row_bytes = padded(count) / 8;
        let mut matrix = matrix(count);
        for start in (0..count).step_by(BATCH) {
            let length = BATCH.min(count - start);
            let span = span(start, length);
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
            visit(start, &transpose_128(rows, span.len() * 8)[..length]);
        }
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
        let mut keys = vec![K::default(); choices.len()];
        let (hash, tweak) = (self.hash.clone(), self.next_tweak);
        let corrections = self.for_each_batch(choices, |start, columns| {
            let keys = &mut keys[start..][..columns.len()];
            hash_columns(&hash, tweak + start as u64, columns, keys);
        });
        self.next_tweak += choices.len() as u64;
        (corrections, keys)
    }

    /// As [`keys`](Self::keys), with a proof that the choices are the same in all blocks.
    /// `binding` is the hash of all leaves; the last [`MASKS`] choices are to be random, hide the
    /// others, and have no keys.
    pub(crate) fn checked_keys(
        &mut self,
        binding: &Seed,
        choices: &Bits,
    ) -> (Vec<u8>, [u8; PROOF_BYTES], Vec<u128>) {
        let mut columns = Zeroizing::new(Vec::with_capacity(choices.len()));
        let corrections = self.for_each_batch(choices, |_, batch| columns.extend(batch));
        let challenge = choice_challenge(binding, &corrections);
        let bits = (0..choices.len()).map(|index| u128::from(choices.bit(index)));
        let bits = Zeroizing::new(bits.collect::<Vec<_>>());
        let mut proof = [0; PROOF_BYTES];
        let sums = [combined(challenge, &bits), combined(challenge, &columns)];
        for (encoded, sum) in proof.as_chunks_mut().0.iter_mut().zip(sums) {
            *encoded = sum.to_bytes();
        }
        let count = choices.len() - MASKS;
        let mut keys = vec![0; count];
        hash_columns(&self.hash, self.next_tweak, &columns[..count], &mut keys);
        self.next_tweak += choices.len() as u64;
        (corrections, proof, keys)
    }

    /// The hash, and the first of `count` tweaks that no other transfer uses.
    pub(crate) fn next_tweaks(&mut self, count: usize) -> (CorrelationRobust, u64) {
        let first = self.next_tweak;
        self.next_tweak += count as u64;
        (self.hash.clone(), first)
    }

    /// The corrections of the next transfers; their columns `t_j` are visited batch by batch.
    fn for_each_batch(&mut self, choices: &Bits, mut visit: impl FnMut(usize, &[u128])) -> Vec<u8> {
        let count = choices.len();
        let row_bytes = padded(count) / 8;
        let mut choice_bytes: Vec<u8> =
            choices.words().iter().flat_map(|word| word.to_le_bytes()).collect();
        choice_bytes.resize(row_bytes, 0);
        let mut corrections = vec![0_u8; BLOCKS * row_bytes];
        let mut matrix = matrix(count);
        for start in (0..count).step_by(BATCH) {
            let length = BATCH.min(count - start);
            let span = span(start, length);
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
            visit(start, &transpose_128(rows, span.len() * 8)[..length]);
        }
        corrections
    }
}

/// What both sides of a checked extension multiply columns by. Both the choices (by corrections and
/// leaves) and the challenge are fixed by what is hashed.
fn choice_challenge(binding: &Seed, corrections: &[u8]) -> Seed {
    digest("mpc.ot_extension.choices", &[binding, corrections])
}

/// The sum of all columns, each times a coefficient: random ones first, and for the last [`MASKS`]
/// the powers of `x`, so that random bits there hide the sum of bits.
fn combined(challenge: Seed, columns: &[u128]) -> Gf128 {
    let (hidden, masks) = columns.split_at(columns.len() - MASKS);
    let mut rng = Generator::from_seed(challenge);
    let sum: Gf128 = hidden.iter().map(|column| Gf128(*column) * Gf128::random(&mut rng)).sum();
    masks.iter().rev().fold(Gf128::ZERO, |sum, column| sum.times_x() + Gf128(*column)) + sum
}

/// Both keys of each transfer, from its column and the column plus Δ.
pub(crate) fn hash_pairs<K: Key>(
    hash: &CorrelationRobust,
    tweak: u64,
    delta: u128,
    columns: &[u128],
    keys: &mut [[K; 2]],
) {
    keys.par_chunks_mut(KEYS_PER_TASK).zip(columns.par_chunks(KEYS_PER_TASK)).enumerate().for_each(
        |(task, (keys, columns))| {
            let tweak = tweak + (task * KEYS_PER_TASK) as u64;
            let zero = hashed(hash, tweak, columns, 0);
            let one = hashed(hash, tweak, columns, delta);
            for (key, (zero, one)) in keys.iter_mut().zip(zero.iter().zip(&one)) {
                *key = [K::cut(*zero), K::cut(*one)];
            }
        },
    );
}

/// The chosen key of each transfer.
pub(crate) fn hash_columns<K: Key>(
    hash: &CorrelationRobust,
    tweak: u64,
    columns: &[u128],
    keys: &mut [K],
) {
    keys.par_chunks_mut(KEYS_PER_TASK).zip(columns.par_chunks(KEYS_PER_TASK)).enumerate().for_each(
        |(task, (keys, columns))| {
            let tweak = tweak + (task * KEYS_PER_TASK) as u64;
            let hashes = hashed(hash, tweak, columns, 0);
            for (key, hash) in keys.iter_mut().zip(&hashes) {
                *key = K::cut(*hash);
            }
        },
    );
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

/// The bytes of a row that hold `length` transfers of a batch from `start` on.
fn span(start: usize, length: usize) -> std::ops::Range<usize> {
    start / 8..start / 8 + padded(length) / 8
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
pub async fn extend<K: Key>(
    party: &mut TwoParty,
    choices: &Bits,
    send_count: usize,
) -> Result<Extended<K>, MpcError> {
    if choices.len().max(send_count) > TRANSFERS_MAX {
        return Err(MpcError::InvalidInput(format!(
            "at most {TRANSFERS_MAX} transfers at once, asked for {}",
            choices.len().max(send_count)
        )));
    }
    let TwoParty { session, as_sender, as_receiver, .. } = party;
    let (corrections, received) = session.compute(|| as_receiver.keys(choices)).await;
    let expected = corrections_bytes(send_count);
    let theirs = exchange(session, "corrections", corrections, expected).await?;
    let sent = session.compute(|| as_sender.keys(&theirs, send_count)).await;
    Ok(Extended { received, sent })
}

/// Sends and receives at once; nothing is sent in a direction in which there is nothing to say.
pub(crate) async fn exchange(
    session: &mut Session,
    step: &'static str,
    mine: Vec<u8>,
    expected: usize,
) -> Result<Vec<u8>, MpcError> {
    let size = Size::Exactly(expected);
    Ok(match (mine.is_empty(), expected == 0) {
        (true, true) => Vec::new(),
        (false, true) => {
            session.send_bytes(step, mine).await?;
            Vec::new()
        }
        (true, false) => session.receive_bytes(step, size).await?,
        (false, false) => session.exchange_bytes(step, mine, size).await?,
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
