//! Oblivious-transfer extension: from 128 base transfers to any number, at 4 bytes each.
//!
//! # Functionality
//! The receiver chooses bits c_j. The sender gets pairs of 128-bit keys (k_j,0, k_j,1), the receiver
//! gets k_j,c_j; all keys are pseudo-random. [`extend`] runs both directions at once, which is what
//! symmetric protocols need.
//! # Messages
//! 1. `corrections` receiver → sender: 32 bits for each transfer (both directions in one exchange)
//! # Leaks
//! The number of transfers, which is public anyway.
//! # Security
//! Semi-honest, random-oracle-like hashing by fixed-key AES (tweakable circular correlation
//! robustness, Guo, Katz, Wang, Yu, S&P 2020). 128 bits: the sender's secret Δ has 128 bits, in 32
//! blocks of [`BLOCK_BITS`] bits, one punctured tree of 16 seeds each.
//! # Cost
//! One flight; `⌈n/128⌉·128·4` bytes for n transfers in each direction.
//! # Reference
//! Lawrence Roy, "SoftSpokenOT", CRYPTO 2022 (eprint 2022/192), sections 3 and 4, subfield VOLE over
//! F_2^4 with the repetition code, semi-honest form.

use crypto::hash::{CorrelationRobust, digest};
use crypto::random::Generator;
use crypto::transpose::transpose_128;
use net::Session;
use rayon::prelude::*;

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

/// A seed of a tree's leaf.
pub type Seed = [u8; 32];

/// The extension's sender: holds Δ, and of every tree all leaves but the one that Δ names.
pub struct ExtensionSender {
    delta: u128,
    /// Per block: per leaf a generator; `None` at the leaf that Δ names.
    leaves: Vec<Vec<Option<Generator>>>,
    hash: CorrelationRobust,
    used: u64,
}

/// The extension's receiver: holds every leaf of every tree.
pub struct ExtensionReceiver {
    leaves: Vec<Vec<Generator>>,
    hash: CorrelationRobust,
    used: u64,
}

/// What one party holds after [`extend`].
pub struct Extended {
    /// For each of this party's choices, the chosen key.
    pub received: Vec<u128>,
    /// For each of the peer's choices, both keys: `[k0, k1]`.
    pub sent: Vec<[u128; 2]>,
}

impl ExtensionSender {
    /// From Δ and, per block, the leaf seeds with the punctured one absent.
    pub(crate) fn new(delta: u128, seeds: Vec<Vec<Option<Seed>>>) -> Self {
        let leaves = seeds
            .into_iter()
            .map(|block| block.into_iter().map(|seed| seed.map(Generator::from_seed)).collect())
            .collect();
        Self { delta, leaves, hash: CorrelationRobust::new(), used: 0 }
    }

    /// Rows of w = v ⊕ Δ·c, transposed: per transfer q_j = t_j ⊕ c_j·Δ.
    fn keys(&mut self, corrections: &[u8], count: usize) -> Vec<[u128; 2]> {
        if count == 0 {
            return Vec::new();
        }
        let row_bytes = padded(count) / 8;
        let delta = self.delta;
        let mut rows = vec![0_u8; 128 * row_bytes];
        rows.par_chunks_mut(BLOCK_BITS * row_bytes)
            .zip(self.leaves.par_iter_mut())
            .zip(corrections.par_chunks(row_bytes))
            .enumerate()
            .for_each(|(block, ((rows, leaves), correction))| {
                let delta_block = (delta >> (block * BLOCK_BITS)) as usize % LEAVES;
                let mut stream = vec![0_u8; row_bytes];
                for (leaf, generator) in leaves.iter_mut().enumerate() {
                    if let Some(generator) = generator {
                        generator.fill_bytes(&mut stream);
                        add_where(rows, &stream, leaf ^ delta_block);
                    }
                }
                add_where(rows, correction, delta_block);
            });
        let mut zero_keys = transpose_128(&rows, padded(count));
        zero_keys.truncate(count);
        let mut one_keys: Vec<u128> = zero_keys.iter().map(|key| key ^ delta).collect();
        self.hash.hash_batch(self.used, &mut zero_keys);
        self.hash.hash_batch(self.used, &mut one_keys);
        self.used += count as u64;
        zero_keys.into_iter().zip(one_keys).map(|(zero, one)| [zero, one]).collect()
    }
}

impl ExtensionReceiver {
    /// From all leaf seeds of every block.
    pub(crate) fn new(seeds: Vec<Vec<Seed>>) -> Self {
        let leaves = seeds
            .into_iter()
            .map(|block| block.into_iter().map(Generator::from_seed).collect())
            .collect();
        Self { leaves, hash: CorrelationRobust::new(), used: 0 }
    }

    /// Returns the corrections to send and the chosen keys.
    fn keys(&mut self, choices: &Bits) -> (Vec<u8>, Vec<u128>) {
        let count = choices.len();
        if count == 0 {
            return (Vec::new(), Vec::new());
        }
        let row_bytes = padded(count) / 8;
        let mut choice_bytes: Vec<u8> =
            choices.words().iter().flat_map(|word| word.to_le_bytes()).collect();
        choice_bytes.resize(row_bytes, 0);
        let mut corrections = vec![0_u8; BLOCKS * row_bytes];
        let mut rows = vec![0_u8; 128 * row_bytes];
        rows.par_chunks_mut(BLOCK_BITS * row_bytes)
            .zip(self.leaves.par_iter_mut())
            .zip(corrections.par_chunks_mut(row_bytes))
            .for_each(|((rows, leaves), correction)| {
                correction.copy_from_slice(&choice_bytes);
                let mut stream = vec![0_u8; row_bytes];
                for (leaf, generator) in leaves.iter_mut().enumerate() {
                    generator.fill_bytes(&mut stream);
                    xor_into(correction, &stream);
                    add_where(rows, &stream, leaf);
                }
            });
        let mut keys = transpose_128(&rows, padded(count));
        keys.truncate(count);
        self.hash.hash_batch(self.used, &mut keys);
        self.used += count as u64;
        (corrections, keys)
    }
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
    let expected = BLOCKS * padded(send_count) / 8;
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

fn xor_into(target: &mut [u8], source: &[u8]) {
    for (target, source) in target.iter_mut().zip(source) {
        *target ^= source;
    }
}

/// Rows of the bit matrix are processed 128 transfers at a time.
fn padded(count: usize) -> usize {
    count.div_ceil(128) * 128
}
