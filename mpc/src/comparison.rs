//! Comparison of private numbers, with a shared result.
//!
//! # Functionality
//! [`less_than`]: the first party holds a_i, the second b_i, both below 2^bits; both get XOR shares
//! of `a_i < b_i`. [`is_negative`]: the parties hold additive shares of x_i modulo 2^bits; both get
//! XOR shares of the top bit, the sign in two's complement.
//! # Messages
//! 1. `corrections`, `triple_bits`: preparation (see `ot_extension`, `boolean`)
//! 2. `digit_tables` first → second: for each 4-bit digit a masked table of 16 two-bit answers
//! 3. `masked_bits` both ways, ⌈log2 digits⌉ times: combination of the digits
//! # Leaks
//! Nothing but lengths, which are public.
//! # Security
//! Semi-honest, from the transfers: of each table the second party can unmask one entry.
//! # Cost
//! 4 + ⌈log2(bits/4)⌉ flights; per comparison and digit 20 bytes of tables and corrections, and
//! about 17 bytes for its two ANDs.
//! # Reference
//! Rathee et al., "CrypTFlow2", CCS 2020 (eprint 2020/1002), section 3.1, digits of 4 bits.

use crate::boolean::{Bits, and_many, bit_triples};
use crate::ot_extension::extend;
use crate::{MpcError, TwoParty};

const DIGIT_BITS: usize = 4;

/// Slots of a table word (two bits each) whose index has bit i clear / set, for i = 0..4.
const SLOTS: [[u32; 2]; DIGIT_BITS] = [
    [0x3333_3333, 0xCCCC_CCCC],
    [0x0F0F_0F0F, 0xF0F0_F0F0],
    [0x00FF_00FF, 0xFF00_FF00],
    [0x0000_FFFF, 0xFFFF_0000],
];

/// XOR shares of `a_i < b_i`, where the first party passes the a_i and the second the b_i.
///
/// `bits` (1 to 64) bounds all numbers of both sides; higher bits are ignored.
pub async fn less_than(party: &mut TwoParty, mine: &[u64], bits: usize) -> Result<Bits, MpcError> {
    if !(1..=64).contains(&bits) {
        return Err(MpcError::InvalidInput(format!("cannot compare numbers of {bits} bits")));
    }
    let count = mine.len();
    let words = count.div_ceil(64);
    let digits = bits.div_ceil(DIGIT_BITS);
    let mask = if bits == 64 { u64::MAX } else { (1 << bits) - 1 };
    // Transposed to digit-major order, each digit padded to whole words of 64 comparisons.
    let digit_at = |slot: usize| {
        let (digit, index) = (slot / (words * 64), slot % (words * 64));
        mine.get(index).map_or(0, |value| (value & mask) >> (digit * DIGIT_BITS) & 15)
    };
    let leaves = if party.is_first() {
        digit_tables_send(party, digits, words, digit_at).await?
    } else {
        digit_tables_receive(party, digits, words, digit_at).await?
    };
    combine(party, leaves, words, count).await
}

/// XOR shares of the sign of additively shared numbers modulo 2^bits (2 to 64).
pub async fn is_negative(
    party: &mut TwoParty,
    shares: &[u64],
    bits: usize,
) -> Result<Bits, MpcError> {
    if !(2..=64).contains(&bits) {
        return Err(MpcError::InvalidInput(format!("no sign in numbers of {bits} bits")));
    }
    // The sign is the XOR of the shares' top bits and the carry out of the lower bits, and there is
    // a carry exactly if (2^(bits-1) - 1 - first) < second.
    let low = (1_u64 << (bits - 1)) - 1;
    let first = party.is_first();
    let operands: Vec<u64> =
        shares.iter().map(|share| if first { low - (share & low) } else { share & low }).collect();
    let carry = less_than(party, &operands, bits - 1).await?;
    let top = Bits::from_fn(shares.len(), |index| shares[index] >> (bits - 1) & 1 == 1);
    Ok(carry.xor(&top))
}

/// Shares of "less" and "equal" for one digit of all comparisons.
struct Leaf {
    less: Bits,
    equal: Bits,
}

async fn digit_tables_send(
    party: &mut TwoParty,
    digits: usize,
    words: usize,
    digit_at: impl Fn(usize) -> u64,
) -> Result<Vec<Leaf>, MpcError> {
    let total = digits * words * 64;
    let mut rng = party.session.rng();
    let mut random = vec![0_u64; 2 * digits * words];
    rng.fill_words(&mut random);
    let (less, equal) = random.split_at(digits * words);
    let extended = extend(party, &Bits::zeros(0), total * DIGIT_BITS).await?;
    let mut message = Vec::with_capacity(total * 4);
    for slot in 0..total {
        let digit = digit_at(slot) as u32;
        let own_less = (less[slot / 64] >> (slot % 64)) as u32 & 1;
        let own_equal = (equal[slot / 64] >> (slot % 64)) as u32 & 1;
        let mut table = truth_table(digit) ^ spread(own_less, own_equal);
        let keys = &extended.sent[slot * DIGIT_BITS..][..DIGIT_BITS];
        for (slots, [zero, one]) in SLOTS.iter().zip(keys) {
            table ^= (*zero as u32 & slots[0]) | (*one as u32 & slots[1]);
        }
        message.extend_from_slice(&table.to_le_bytes());
    }
    party.session.send_bytes("digit_tables", message).await?;
    Ok(leaves(less, equal, words))
}

async fn digit_tables_receive(
    party: &mut TwoParty,
    digits: usize,
    words: usize,
    digit_at: impl Fn(usize) -> u64,
) -> Result<Vec<Leaf>, MpcError> {
    let total = digits * words * 64;
    let choices = Bits::from_fn(total * DIGIT_BITS, |choice| {
        digit_at(choice / DIGIT_BITS) >> (choice % DIGIT_BITS) & 1 == 1
    });
    let extended = extend(party, &choices, 0).await?;
    let message =
        party.session.receive_bytes("digit_tables", net::Size::Exactly(total * 4)).await?;
    let mut less = vec![0_u64; digits * words];
    let mut equal = vec![0_u64; digits * words];
    for (slot, table) in message.chunks_exact(4).enumerate() {
        let mut entry = u32::from_le_bytes([table[0], table[1], table[2], table[3]]);
        for key in &extended.received[slot * DIGIT_BITS..][..DIGIT_BITS] {
            entry ^= *key as u32;
        }
        let entry = u64::from(entry >> (2 * digit_at(slot)) & 3);
        less[slot / 64] |= (entry & 1) << (slot % 64);
        equal[slot / 64] |= (entry >> 1) << (slot % 64);
    }
    Ok(leaves(&less, &equal, words))
}

fn leaves(less: &[u64], equal: &[u64], words: usize) -> Vec<Leaf> {
    less.chunks_exact(words.max(1))
        .zip(equal.chunks_exact(words.max(1)))
        .map(|(less, equal)| Leaf {
            less: Bits::from_words(less.to_vec(), words * 64),
            equal: Bits::from_words(equal.to_vec(), words * 64),
        })
        .collect()
}

/// Answers of the sender's digit against each of the 16 digits j: bit 2j is `digit < j`, bit 2j+1 is
/// `digit == j`.
fn truth_table(digit: u32) -> u32 {
    let less = if digit == 15 { 0 } else { 0x5555_5555_u32 << (2 * (digit + 1)) };
    less | 2 << (2 * digit)
}

/// The sender's two random bits, repeated over all slots.
fn spread(less: u32, equal: u32) -> u32 {
    (less * 0x5555_5555) ^ (equal * 0xAAAA_AAAA)
}

/// Combines digits, lowest first, pairwise: less = less_high ⊕ (equal_high ∧ less_low).
async fn combine(
    party: &mut TwoParty,
    mut leaves: Vec<Leaf>,
    words: usize,
    count: usize,
) -> Result<Bits, MpcError> {
    let mut triples = bit_triples(party, 2 * leaves.len().saturating_sub(1) * words).await?;
    while leaves.len() > 1 {
        let pairs: Vec<(&Bits, &Bits)> = leaves
            .chunks_exact(2)
            .flat_map(|pair| {
                let high = &pair[1].equal;
                [(high, &pair[0].less), (high, &pair[0].equal)]
            })
            .collect();
        let products = and_many(party, &mut triples, &pairs).await?;
        let mut combined: Vec<Leaf> = leaves
            .chunks_exact(2)
            .zip(products.chunks_exact(2))
            .map(|(pair, products)| Leaf {
                less: pair[1].less.xor(&products[0]),
                equal: products[1].clone(),
            })
            .collect();
        if leaves.len() % 2 == 1 {
            combined.extend(leaves.pop());
        }
        leaves = combined;
    }
    let less = leaves.pop().map_or_else(|| Bits::zeros(0), |leaf| leaf.less);
    Ok(Bits::from_words(less.words().to_vec(), count))
}

#[cfg(test)]
mod tests;
