//! Comparison of private numbers, with a shared result.
//!
//! # Functionality
//! [`less_than`]: the first party holds `a_i`, the second `b_i`, both below 2^bits; both get XOR
//! shares of `a_i < b_i`. [`is_negative`]: the parties hold additive shares of `x_i` modulo 2^bits;
//! both get XOR shares of the top bit, the sign in two's complement.
//! # Messages
//! 1. `corrections`, `triple_bits`: preparation (see `transfers`, `boolean`)
//! 2. `digit_tables` first → second: for each 4-bit digit a masked table of 16 two-bit answers
//! 3. `masked_bits` both ways, ⌈log2 digits⌉ times: combination of the digits
//! # Leaks
//! Nothing but lengths, which are public.
//! # Security
//! Semi-honest, from the transfers. Entry j of a table is masked by the XOR of four keys, one for
//! each bit of j, each at two key bits that belong to j alone: whoever lacks one of the four keys
//! sees uniform bits. The second party lacks one for every entry but that of its own digit.
//! # Cost
//! 4 + ⌈log2 digits⌉ flights. With n comparisons of d digits, in whole words of 64 comparisons:
//! n·d·4 bytes of tables from the first party, n·d·16 of corrections from the second, and both ways
//! n·(d - 1)·(4.25 + 0.375) for the combination. [`signs_beside`] shares the corrections among k
//! comparisons. With silent transfers n·d·0.5 of corrections, n·(d - 1)·0.625 for the combination,
//! and what batches take.
//! # Reference
//! Rathee et al., "`CrypTFlow2`", CCS 2020 (eprint 2020/1002), section 3.1, digits of 4 bits. One
//! transfer of 16 answers from four of two: Naor, Pinkas, STOC 1999, section 2.

use rayon::prelude::*;

use crate::boolean::{Bits, and_shared, bit_triples};
use crate::transfers::transfer;
use crate::{MpcError, TwoParty};

const DIGIT_BITS: usize = 4;
/// Most first operands that [`signs_beside`] compares with one second operand: a table of the
/// digits takes 32 bits of a key.
pub const BESIDE_MAX: usize = 2;

/// Slots of a table word (two bits each) whose index has bit i clear / set, for i = 0..4.
const SLOTS: [[u32; 2]; DIGIT_BITS] = [
    [0x3333_3333, 0xCCCC_CCCC],
    [0x0F0F_0F0F, 0xF0F0_F0F0],
    [0x00FF_00FF, 0xFF00_FF00],
    [0x0000_FFFF, 0xFFFF_0000],
];

/// XOR shares of `a_i < b_i`, where the first party passes the `a_i` and the second the `b_i`.
///
/// `bits` (1 to 64) bounds all numbers of both sides; higher bits are ignored.
#[net::boxed]
pub async fn less_than(party: &mut TwoParty, mine: &[u64], bits: usize) -> Result<Bits, MpcError> {
    if !(1..=64).contains(&bits) {
        return Err(MpcError::InvalidInput(format!("cannot compare numbers of {bits} bits")));
    }
    let less = compare(party, std::slice::from_ref(&mine), 1, bits).await?;
    Ok(less.into_iter().next().unwrap_or_default())
}

/// XOR shares of the sign of additively shared numbers modulo 2^bits (2 to 64).
#[net::boxed]
pub async fn is_negative(
    party: &mut TwoParty,
    shares: &[u64],
    bits: usize,
) -> Result<Bits, MpcError> {
    let signs = signs_beside(party, shares, &[0], bits).await?;
    Ok(signs.into_iter().next().unwrap_or_default())
}

/// For each of up to [`BESIDE_MAX`] public offsets o, XOR shares of the signs of the additively
/// shared `x_i + o` modulo 2^bits (2 to 64). Cheaper than one call for each.
#[net::boxed]
pub async fn signs_beside(
    party: &mut TwoParty,
    shares: &[u64],
    offsets: &[u64],
    bits: usize,
) -> Result<Vec<Bits>, MpcError> {
    if !(2..=64).contains(&bits) || !(1..=BESIDE_MAX).contains(&offsets.len()) {
        return Err(MpcError::InvalidInput(format!(
            "no signs of numbers of {bits} bits with {} offsets; allowed are 2 to 64 and 1 to \
             {BESIDE_MAX}",
            offsets.len()
        )));
    }
    // The sign is the XOR of the shares' top bits and the carry out of the lower bits, and there is
    // a carry exactly if (2^(bits-1) - 1 - first) < second. The offsets move the first share only.
    let low = (1_u64 << (bits - 1)) - 1;
    let lanes = if party.is_first() { offsets } else { &[0] };
    let moved: Vec<Vec<u64>> = lanes
        .iter()
        .map(|offset| shares.iter().map(|share| share.wrapping_add(*offset)).collect())
        .collect();
    let operand = |share: &u64| if party.is_first() { low - (share & low) } else { share & low };
    let operands: Vec<Vec<u64>> =
        moved.iter().map(|lane| lane.iter().map(operand).collect()).collect();
    let operands: Vec<&[u64]> = operands.iter().map(Vec::as_slice).collect();
    let carries = compare(party, &operands, offsets.len(), bits - 1).await?;
    let top = |lane: &[u64]| Bits::from_fn(lane.len(), |index| lane[index] >> (bits - 1) & 1 == 1);
    let tops = moved.iter().cycle().map(|lane| top(lane));
    Ok(carries.iter().zip(tops).map(|(carry, top)| carry.xor(&top)).collect())
}

/// XOR shares of "less", for each of `lanes` operands of the first party against the second
/// party's.
async fn compare(
    party: &mut TwoParty,
    operands: &[&[u64]],
    lanes: usize,
    bits: usize,
) -> Result<Vec<Bits>, MpcError> {
    let count = operands.first().map_or(0, |operand| operand.len());
    if count == 0 {
        return Ok(vec![Bits::default(); lanes]);
    }
    let digits =
        Digits { operands, words: count.div_ceil(64), count: bits.div_ceil(DIGIT_BITS), bits };
    let leaves = if party.is_first() {
        digits.send_tables(party).await?
    } else {
        digits.receive_tables(party, lanes).await?
    };
    let less = combine(party, leaves).await?;
    let lane = |words: &[u64]| Bits::from_words(words.to_vec(), count);
    Ok(less.words().chunks_exact(digits.words).map(lane).collect())
}

/// Own operands in digits. Digits come in the order of their weight, lowest first, each padded to
/// whole words of 64 comparisons; a slot is one digit of one comparison.
struct Digits<'a> {
    operands: &'a [&'a [u64]],
    /// Words of 64 comparisons.
    words: usize,
    /// Digits of a number.
    count: usize,
    bits: usize,
}

/// Shares of "less" and "equal" for one digit of all comparisons, lane after lane.
struct Leaf {
    less: Bits,
    equal: Bits,
}

impl Digits<'_> {
    fn slots(&self) -> usize {
        self.count * self.words * 64
    }

    fn at(&self, lane: usize, slot: usize) -> u64 {
        let (digit, index) = (slot / (self.words * 64), slot % (self.words * 64));
        let mask = u64::MAX >> (64 - self.bits);
        let value = self.operands[lane].get(index).copied().unwrap_or_default();
        (value & mask) >> (digit * DIGIT_BITS) & 15
    }

    /// The first party's side: sends a table for each slot and lane, keeps the random masks.
    async fn send_tables(&self, party: &mut TwoParty) -> Result<Vec<Leaf>, MpcError> {
        let lanes = self.operands.len();
        let mut rng = party.session.rng();
        let mut masks = vec![0_u64; 2 * lanes * self.count * self.words];
        rng.fill_words(&mut masks);
        // A slot's tables follow one another, and so do its masks: [less, equal] of each lane.
        let extended = transfer(party, &Bits::default(), self.slots() * DIGIT_BITS).await?;
        let message = party
            .session
            .compute(|| {
                let mut message = vec![0_u8; self.slots() * lanes * 4];
                message
                    .par_chunks_mut(64 * lanes * 4)
                    .zip(masks.par_chunks(2 * lanes))
                    .zip(extended.sent.par_chunks(64 * DIGIT_BITS))
                    .enumerate()
                    .for_each(|(word, ((message, masks), keys))| {
                        self.write_tables(word, masks, keys, message);
                    });
                message
            })
            .await;
        party.session.send_bytes("digit_tables", message).await?;
        Ok(self.leaves(&masks, lanes))
    }

    /// The tables of one word of 64 slots.
    fn write_tables(&self, word: usize, masks: &[u64], keys: &[[u64; 2]], message: &mut [u8]) {
        let lanes = self.operands.len();
        let slots = message.chunks_exact_mut(4 * lanes).zip(keys.chunks_exact(DIGIT_BITS));
        for (slot, (tables, keys)) in slots.enumerate() {
            let lanes = tables.as_chunks_mut::<4>().0.iter_mut().zip(masks.as_chunks::<2>().0);
            for (lane, (table, masks)) in lanes.enumerate() {
                let [less, equal] = masks.map(|mask| (mask >> slot) as u32 & 1);
                let digit = self.at(lane, word * 64 + slot) as u32;
                let mut entries = truth_table(digit) ^ spread(less, equal);
                for (slots, [zero, one]) in SLOTS.iter().zip(keys) {
                    let [zero, one] = [zero, one].map(|key| (key >> (32 * lane)) as u32);
                    entries ^= (zero & slots[0]) | (one & slots[1]);
                }
                *table = entries.to_le_bytes();
            }
        }
    }

    /// The second party's side: unmasks one entry of each table.
    async fn receive_tables(
        &self,
        party: &mut TwoParty,
        lanes: usize,
    ) -> Result<Vec<Leaf>, MpcError> {
        let nibbles = |word: usize| {
            (0..16).fold(0, |bits, slot| bits | self.at(0, word * 16 + slot) << (4 * slot))
        };
        let words = self.slots() / 16;
        let choices: Vec<u64> =
            party.session.compute(|| (0..words).into_par_iter().map(nibbles).collect()).await;
        let choices = Bits::from_words(choices, self.slots() * DIGIT_BITS);
        let extended = transfer(party, &choices, 0).await?;
        let size = net::Size::Exactly(self.slots() * lanes * 4);
        let message = party.session.receive_bytes("digit_tables", size).await?;
        let mut shares = vec![0_u64; 2 * lanes * self.count * self.words];
        party
            .session
            .compute(|| {
                shares
                    .par_chunks_mut(2 * lanes)
                    .zip(message.par_chunks(64 * lanes * 4))
                    .zip(extended.received.par_chunks(64 * DIGIT_BITS))
                    .enumerate()
                    .for_each(|(word, ((shares, message), keys))| {
                        self.read_tables(word, message, keys, shares);
                    });
            })
            .await;
        Ok(self.leaves(&shares, lanes))
    }

    /// The entries of one word of 64 slots.
    fn read_tables(&self, word: usize, message: &[u8], keys: &[u64], shares: &mut [u64]) {
        let lanes = shares.len() / 2;
        let slots = message.chunks_exact(4 * lanes).zip(keys.chunks_exact(DIGIT_BITS));
        for (slot, (tables, keys)) in slots.enumerate() {
            let key = keys.iter().fold(0, |sum, key| sum ^ key);
            let digit = self.at(0, word * 64 + slot);
            let lanes = tables.as_chunks::<4>().0.iter().zip(shares.as_chunks_mut::<2>().0);
            for (lane, (table, [less, equal])) in lanes.enumerate() {
                let entry = u32::from_le_bytes(*table) ^ (key >> (32 * lane)) as u32;
                let entry = u64::from(entry >> (2 * digit));
                *less |= (entry & 1) << slot;
                *equal |= (entry >> 1 & 1) << slot;
            }
        }
    }

    /// From [less, equal] of each lane of each word, the digits' shares with lane after lane.
    fn leaves(&self, shares: &[u64], lanes: usize) -> Vec<Leaf> {
        let digit = |shares: &[u64]| {
            let part = |which: usize| {
                let lane = |lane| shares.iter().skip(2 * lane + which).step_by(2 * lanes).copied();
                let words = (0..lanes).flat_map(lane).collect();
                Bits::from_words(words, lanes * self.words * 64)
            };
            Leaf { less: part(0), equal: part(1) }
        };
        shares.chunks_exact(2 * lanes * self.words).map(digit).collect()
    }
}

/// Answers of the sender's digit against each of the 16 digits j: bit 2j is `digit < j`, bit 2j+1
/// is `digit == j`.
fn truth_table(digit: u32) -> u32 {
    // Shifting in two steps keeps the distance below 32; the digit 15 is below nothing.
    let less = (0x5555_5555_u32 << (2 * digit)) << 2;
    less | 2 << (2 * digit)
}

/// The sender's two random bits, repeated over all slots.
fn spread(less: u32, equal: u32) -> u32 {
    (less * 0x5555_5555) ^ (equal * 0xAAAA_AAAA)
}

/// Combines digits, lowest first, pairwise: `less = less_high ⊕ (equal_high ∧ less_low)`.
async fn combine(party: &mut TwoParty, mut leaves: Vec<Leaf>) -> Result<Bits, MpcError> {
    if leaves.len() < 2 {
        return Ok(leaves.pop().map(|leaf| leaf.less).unwrap_or_default());
    }
    let words = leaves[0].less.words().len();
    let mut triples = bit_triples(party, (leaves.len() - 1) * words).await?;
    while leaves.len() > 1 {
        let products: Vec<(&Bits, [&Bits; 2])> = leaves
            .chunks_exact(2)
            .map(|pair| (&pair[1].equal, [&pair[0].less, &pair[0].equal]))
            .collect();
        let products = and_shared(party, &mut triples, &products).await?;
        let mut combined: Vec<Leaf> = leaves
            .chunks_exact(2)
            .zip(products)
            .map(|(pair, [less, equal])| Leaf { less: pair[1].less.xor(&less), equal })
            .collect();
        if leaves.len() % 2 == 1 {
            combined.extend(leaves.pop());
        }
        leaves = combined;
    }
    Ok(leaves.pop().map(|leaf| leaf.less).unwrap_or_default())
}

#[cfg(test)]
mod tests;
