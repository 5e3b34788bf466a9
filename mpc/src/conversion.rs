//! Conversions between kinds of shares: selection by a shared bit, bits to words, truncation, and
//! lifting from a prime modulus to `Z_2^64`.
//!
//! # Functionality
//! [`select`]: XOR-shared bit b, additive v → additive b·v. [`bits_to_words`]: XOR-shared bit →
//! additive 0 or 1. [`truncate`]: additive x with |x| < 2^61 → additive ⌊x/2^shift⌋ with an error
//! of at most one unit in the last place. [`lift`]: additive modulo a prime t, |x| < t/6 → additive
//! modulo 2^64 of x/2^shift, error at most two units.
//! # Messages
//! 1. `corrections` (see `transfers`)
//! 2. `correlations` sender → receiver: 8 bytes for each transfer
//! # Leaks
//! Nothing but lengths.
//! # Security
//! Semi-honest. The last-place error depends on the shares, so the ideal functionality outputs the
//! rounding with its randomness; no truncated value is opened at full precision except final
//! coefficients, whose last places are below the stated accuracy.
//! # Cost
//! 2 flights. For n transfers of words of 64 bits 8·n bytes from the sender (of 128 bits 16·n) and
//! 4·n, n in whole groups of 128, from the receiver. A selection takes one transfer in each
//! direction, the others take one from the first party to the second.
//! # Reference
//! Selection: Asharov et al., CCS 2013, section 5.1. Wrap of a sum of two shares of a number below
//! a third of the modulus from one AND: Guo et al., USENIX Security 2025; the argument is at
//! `product_of_bits`.

use rayon::prelude::*;

use crate::boolean::Bits;
use crate::ot_extension::exchange;
use crate::transfers::transfer;
use crate::{Element, MpcError, TwoParty, Word};

/// Correlated transfers in both directions. For each of this party's choices `c_j` the parties get
/// additive shares of `c_j·δ_j`, where the peer holds `δ_j`: returns (shares for own choices,
/// shares for own δ).
pub async fn correlate<W: Element>(
    party: &mut TwoParty,
    choices: &Bits,
    deltas: &[W],
) -> Result<(Vec<W>, Vec<W>), MpcError> {
    let extended = transfer::<W>(party, choices, deltas.len()).await?;
    let session = &mut party.session;
    let correlation = |([zero, one], delta): (&[W; 2], &W)| zero.plus(*delta).minus(*one);
    let (messages, sent) = session
        .compute(|| {
            let messages: Vec<W> = extended.sent.par_iter().zip(deltas).map(correlation).collect();
            let sent = extended.sent.par_iter().map(|[zero, _]| W::default().minus(*zero));
            let mut bytes = Vec::with_capacity(messages.len() * W::BYTES);
            for message in &messages {
                message.write(&mut bytes);
            }
            (bytes, sent.collect())
        })
        .await;
    let theirs = exchange(session, "correlations", messages, choices.len() * W::BYTES).await?;
    // Constant time in the choice: the message is added under an arithmetic mask.
    let chosen = |(index, (key, message)): (usize, (&W, &[u8]))| {
        key.plus(W::read(message).times_bit(choices.bit(index)))
    };
    let received = session
        .compute(|| {
            let messages = theirs.par_chunks_exact(W::BYTES);
            extended.received.par_iter().zip(messages).enumerate().map(chosen).collect()
        })
        .await;
    Ok((received, sent))
}

/// Additive shares of `b_i·v_i` for XOR-shared bits and additively shared values.
pub async fn select<W: Word>(
    party: &mut TwoParty,
    bits: &Bits,
    values: &[W],
) -> Result<Vec<W>, MpcError> {
    if bits.len() != values.len() {
        return Err(MpcError::InvalidInput(format!(
            "selection of {} values by {} bits",
            values.len(),
            bits.len()
        )));
    }
    // b·v = Σ over both parties' v: own b·v, plus (own v)(1 - 2·own b) if the peer's bit is set.
    let signed = |(index, value): (usize, &W)| {
        let twice = value.plus(*value).times_bit(bits.bit(index));
        value.minus(twice)
    };
    let deltas: Vec<W> = values.iter().enumerate().map(signed).collect();
    let (received, sent) = correlate(party, bits, &deltas).await?;
    let cross = received.iter().zip(&sent);
    Ok(values
        .iter()
        .zip(cross)
        .enumerate()
        .map(|(index, (value, (received, sent)))| {
            value.times_bit(bits.bit(index)).plus(*received).plus(*sent)
        })
        .collect())
}

/// Additive shares of XOR-shared bits.
pub async fn bits_to_words<W: Word>(party: &mut TwoParty, bits: &Bits) -> Result<Vec<W>, MpcError> {
    // b0 ⊕ b1 = b0 + b1 - 2·b0·b1.
    let products = product_of_bits::<W>(party, bits).await?;
    let word =
        |(index, product): (usize, W)| W::from_bit(bits.bit(index)).minus(product.plus(product));
    Ok(products.into_iter().enumerate().map(word).collect())
}

/// Additive shares of `⌊x_i / 2^shift⌋` for `|x_i| < 2^61`, with an error of at most one unit.
#[net::boxed]
pub async fn truncate(
    party: &mut TwoParty,
    shares: &[u64],
    shift: u32,
) -> Result<Vec<u64>, MpcError> {
    const OFFSET: u64 = 1 << 61;
    const THIRD: u64 = u64::MAX / 3;
    if shift == 0 {
        return Ok(shares.to_vec());
    }
    if shift > 60 {
        return Err(MpcError::InvalidInput(format!("cannot truncate by {shift} bits")));
    }
    let first = party.is_first();
    let offset = party.share_of_public(OFFSET);
    let moved: Vec<u64> = shares.iter().map(|share| share.wrapping_add(offset)).collect();
    let small = Bits::from_fn(moved.len(), |index| moved[index] <= THIRD);
    let no_wrap = product_of_bits::<u64>(party, &small).await?;
    Ok(moved
        .iter()
        .zip(no_wrap)
        .map(|(share, no_wrap)| {
            // x = first + second - (1 - no_wrap)·2^64, so after the shift 2^(64-shift) has to go.
            let wrap = u64::from(first).wrapping_sub(no_wrap);
            let wrapped = wrap.wrapping_mul(1_u64 << (64 - shift));
            let offset = if first { OFFSET >> shift } else { 0 };
            (share >> shift).wrapping_sub(wrapped).wrapping_sub(offset)
        })
        .collect())
}

/// Additive shares modulo 2^64 of `x_i / 2^shift`, from shares modulo the prime `modulus` < 2^62,
/// for `|x_i|` < modulus/6; error at most two units.
#[net::boxed]
pub async fn lift(
    party: &mut TwoParty,
    shares: &[u64],
    modulus: u64,
    shift: u32,
) -> Result<Vec<u64>, MpcError> {
    if modulus >= 1 << 62 {
        return Err(cannot_lift(modulus.into(), shift));
    }
    let shares: Vec<u128> = shares.iter().map(|share| u128::from(*share)).collect();
    lift_wide(party, &shares, modulus.into(), shift).await
}

/// As [`lift`], from shares modulo a `modulus` < 2^126; all are below it.
#[net::boxed]
pub async fn lift_wide(
    party: &mut TwoParty,
    shares: &[u128],
    modulus: u128,
    shift: u32,
) -> Result<Vec<u64>, MpcError> {
    if shift > 60 || modulus >= 1 << 126 {
        return Err(cannot_lift(modulus, shift));
    }
    let first = party.is_first();
    let offset = if first { modulus / 6 } else { 0 };
    let moved = |share: &u128| {
        let sum = share + offset;
        // Constant time: the borrow's sign says whether the modulus has to stay.
        let less = sum.wrapping_sub(modulus);
        less.wrapping_add(modulus & ((less as i128) >> 127) as u128)
    };
    let moved: Vec<u128> = shares.iter().map(moved).collect();
    let small = Bits::from_fn(moved.len(), |index| moved[index] <= modulus / 3);
    let no_wrap = product_of_bits::<u64>(party, &small).await?;
    Ok(moved
        .iter()
        .zip(no_wrap)
        .map(|(share, no_wrap)| {
            let wrap = u64::from(first).wrapping_sub(no_wrap);
            let wrapped = wrap.wrapping_mul((modulus >> shift) as u64);
            ((share >> shift) as u64).wrapping_sub(wrapped).wrapping_sub((offset >> shift) as u64)
        })
        .collect())
}

fn cannot_lift(modulus: u128, shift: u32) -> MpcError {
    MpcError::InvalidInput(format!(
        "cannot lift from the modulus {modulus} with a shift by {shift} bits"
    ))
}

/// Additive shares of the product of the first party's bit and the second party's bit.
///
/// For two shares of a number x' in [0, M/3] modulo M, with the bits "my share is at most M/3", the
/// product says that the shares did not wrap: without a wrap both shares are at most x' ≤ M/3, and
/// with one they sum to at least M, so one of them is at least M/2.
pub(crate) async fn product_of_bits<W: Word>(
    party: &mut TwoParty,
    bits: &Bits,
) -> Result<Vec<W>, MpcError> {
    if party.is_first() {
        let deltas: Vec<W> = (0..bits.len()).map(|index| W::from_bit(bits.bit(index))).collect();
        Ok(correlate(party, &Bits::zeros(0), &deltas).await?.1)
    } else {
        Ok(correlate(party, bits, &[]).await?.0)
    }
}

#[cfg(test)]
mod tests;
