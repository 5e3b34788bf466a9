//! Numbers that are shared among all parties: products, selection, and the way to fewer bits or
//! another modulus.

use net::together;

use super::Parties;
use super::circuit::{add, join};
use crate::boolean::Bits;
use crate::conversion::correlate;
use crate::known::{self, Factors};
use crate::{MpcError, multiplication};

/// Shares of the products, element by element; short vectors only, see `multiplication`.
///
/// # Errors
/// [`MpcError::InvalidInput`] for vectors of different lengths, [`MpcError::Net`] when a peer
/// fails.
#[net::boxed]
pub async fn multiply(
    parties: &mut Parties,
    left: &[u64],
    right: &[u64],
) -> Result<Vec<u64>, MpcError> {
    let links = parties.links().iter_mut();
    let shares = links.map(|link| multiplication::multiply(link, left, right));
    let shares = together(shares).await?;
    // With each peer the own product came along; it is to be there once.
    let surplus = (shares.len() as u64).wrapping_sub(1);
    let mut products: Vec<u64> = left
        .iter()
        .zip(right)
        .map(|(x, y)| x.wrapping_mul(*y).wrapping_mul(surplus).wrapping_neg())
        .collect();
    for share in &shares {
        accumulate(&mut products, share);
    }
    Ok(products)
}

/// Shares of one shared number times each element of a shared vector.
///
/// # Errors
/// [`MpcError::Net`] when a peer fails.
#[net::boxed]
pub async fn scale(
    parties: &mut Parties,
    factor: u64,
    vector: &[u64],
) -> Result<Vec<u64>, MpcError> {
    multiply(parties, &vec![factor; vector.len()], vector).await
}

/// Shares of `f_i·x_i` for shared numbers, and factors that are public and the same, or the first
/// party's; in the latter case `bits` bits each, sign included (see [`known`]).
///
/// The first party's share is multiplied with one other party's, and the shares of the rest each by
/// itself; the others have nothing to do with each other.
///
/// # Errors
/// Those of [`known::multiply_by`], and [`MpcError::InvalidInput`] unless the first party, and only
/// it, brings the factors.
#[net::boxed]
pub async fn multiply_by<'a>(
    parties: &'a mut Parties,
    factors: Factors<'a>,
    bits: u32,
    shares: &'a [u64],
) -> Result<Vec<u64>, MpcError> {
    if let Factors::Even(factor) = factors {
        return Ok(shares.iter().map(|share| share.wrapping_mul(factor as u64)).collect());
    }
    let first = parties.is_first();
    if first != matches!(factors, Factors::Own(_)) {
        let text = "the first party, and only it, brings the factors".to_owned();
        return Err(MpcError::InvalidInput(text));
    }
    let nothing = vec![0; if first { shares.len() } else { 0 }];
    let peers = parties.peers().filter(|(peer, _)| first || *peer == 0);
    let parts = together(peers.map(|(peer, link)| {
        let own = if peer <= 1 { shares } else { &nothing };
        known::multiply_by(link, factors, bits, own)
    }))
    .await?;
    let mut products = vec![0; shares.len()];
    parts.iter().for_each(|part| accumulate(&mut products, part));
    Ok(products)
}

/// Additive shares of `b_i·x_i` for shared bits and shared numbers.
///
/// # Errors
/// [`MpcError::InvalidInput`] for vectors of different lengths, [`MpcError::Net`] when a peer
/// fails.
#[net::boxed]
pub async fn select(
    parties: &mut Parties,
    bits: &Bits,
    values: &[u64],
) -> Result<Vec<u64>, MpcError> {
    times_bits(parties, bits, values, Holders::All).await
}

/// Additive shares of shared bits.
///
/// # Errors
/// [`MpcError::Net`] when a peer fails.
#[net::boxed]
pub async fn bits_to_words(parties: &mut Parties, bits: &Bits) -> Result<Vec<u64>, MpcError> {
    let ones = vec![parties.share_of_public(1); bits.len()];
    times_bits(parties, bits, &ones, Holders::First).await
}

/// Who holds a share of the numbers that are multiplied by bits.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Holders {
    /// Every party.
    All,
    /// The first party has the numbers, the others pass zeros: half of the transfers.
    First,
}

/// Additive shares of `b_i·x_i`, where `b_i` is the XOR of all parties' bits.
///
/// One party after the other brings its bits in: with the product v for the bits before it, x·(b ⊕
/// c) = v + (x - 2v)·c. Whoever has a share of x - 2v offers it to the party with the bits c.
pub(super) async fn times_bits(
    parties: &mut Parties,
    bits: &Bits,
    values: &[u64],
    holders: Holders,
) -> Result<Vec<u64>, MpcError> {
    if bits.len() != values.len() {
        return Err(MpcError::InvalidInput(format!(
            "selection of {} values by {} bits",
            values.len(),
            bits.len()
        )));
    }
    let number = parties.number();
    let mut products = vec![0_u64; values.len()];
    for chooser in 0..parties.count() {
        let twice = |(value, product): (&u64, &u64)| value.wrapping_sub(product.wrapping_mul(2));
        let factors: Vec<u64> = values.iter().zip(&products).map(twice).collect();
        let holds = |place: usize| holders == Holders::All || place < chooser;
        if number == chooser {
            let peers = parties.peers().filter(|(place, _)| holds(*place));
            let received = together(peers.map(|(_, link)| correlate(link, bits, &[]))).await?;
            for (index, product) in products.iter_mut().enumerate() {
                let chosen = factors[index] & bits.bit(index).wrapping_neg();
                *product = product.wrapping_add(chosen);
            }
            for (shares, _) in &received {
                accumulate(&mut products, shares);
            }
        } else if holds(number) {
            let none = Bits::default();
            let (_, shares) = correlate(parties.link(chooser)?, &none, &factors).await?;
            accumulate(&mut products, &shares);
        }
    }
    Ok(products)
}

/// Additive shares of `x_i / 2^shift` for `|x_i| < 2^61`; the error is that of [`lift`].
///
/// # Errors
/// [`MpcError::InvalidInput`] for a shift above 60 bits, [`MpcError::Net`] when a peer fails.
#[net::boxed]
pub async fn truncate(
    parties: &mut Parties,
    shares: &[u64],
    shift: u32,
) -> Result<Vec<u64>, MpcError> {
    if shift == 0 {
        return Ok(shares.to_vec());
    }
    lift(parties, shares, 1 << 64, shift).await
}

/// Additive shares modulo 2^64 of `x_i / 2^shift`, from shares modulo M = `modulus` (2^64, or from
/// 2^20 to 2^47) of `|x_i|` ≤ M/6, all below M; error below n + 2 units for n parties, with a shift
/// of 0 none.
///
/// The shares' sum is x + w·M with an unknown w in 0..=n, so that w·M has to go; unlike with two
/// parties, w takes several values whatever x is. With `f_i = share_i/M` the sum of all f is w +
/// x/M. Its terms are taken down to m bits, `t_i = ⌊f_i·2^m⌋`, and lose less than 1 + 2^-17 units
/// of 2^-m each (the quotient comes from a rounded reciprocal). Thus S = `Σ t_i/2^m` + 1/2 lies in
/// (w + x/M + 1/2 - n·(1 + 2^-17)/2^m, w + x/M + 1/2], and ⌊S⌋ = w because x/M is at most 1/6 in
/// magnitude and 2^m is above 3n. ⌊S⌋ is the upper bits of a sum of private numbers, see [`add`].
/// Then x/2^shift = `Σ ⌊share_i/2^shift⌋` - w·M/2^shift + e, where each of the n terms loses less
/// than one unit, and each of at most three bits of w half a unit if M/2^shift is no integer.
///
/// # Errors
/// [`MpcError::InvalidInput`] for another modulus or a shift above 60 bits, [`MpcError::Net`] when
/// a peer fails.
#[net::boxed]
pub async fn lift(
    parties: &mut Parties,
    shares: &[u64],
    modulus: u128,
    shift: u32,
) -> Result<Vec<u64>, MpcError> {
    let fits = modulus == 1 << 64 || (1 << 20..=1 << 47).contains(&modulus);
    if shift > 60 || !fits {
        return Err(MpcError::InvalidInput(format!(
            "cannot lift from the modulus {modulus} with a shift by {shift} bits"
        )));
    }
    let lifted = shares.iter().map(|share| share >> shift).collect();
    take_off_wraps(parties, shares, modulus, lifted, (modulus, shift)).await
}

/// [`lift`] from a modulus above 2^64, up to 2^100, with a shift by at most 60 bits. The fractions
/// are made of the shares' highest 47 bits, and lose 2^-40 more.
///
/// # Errors
/// Those of [`lift`].
#[net::boxed]
pub async fn lift_wide(
    parties: &mut Parties,
    shares: &[u128],
    modulus: u128,
    shift: u32,
) -> Result<Vec<u64>, MpcError> {
    if shift > 60 || !(1 << 64..=1 << 100).contains(&modulus) {
        return Err(MpcError::InvalidInput(format!(
            "cannot lift from the wide modulus {modulus} with a shift by {shift} bits"
        )));
    }
    let dropped = modulus.ilog2() + 1 - 47;
    let tops: Vec<u64> = shares.iter().map(|share| (share >> dropped) as u64).collect();
    let lifted = shares.iter().map(|share| (share >> shift) as u64).collect();
    // Rounded up, so that fractions are not above what they should be.
    let of_tops = (modulus >> dropped) + 1;
    take_off_wraps(parties, &tops, of_tops, lifted, (modulus, shift)).await
}

/// Takes what shares wrap around off their `shifted` sums. `fractions_of` says what part of the
/// modulus each of the `tops` of the shares is; see [`lift`].
async fn take_off_wraps(
    parties: &mut Parties,
    tops: &[u64],
    fractions_of: u128,
    mut shifted: Vec<u64>,
    (modulus, shift): (u128, u32),
) -> Result<Vec<u64>, MpcError> {
    let count = parties.count();
    let fraction_bits = (3 * count).ilog2() + 1;
    let wrap_bits = count.ilog2() + 1;
    let reciprocal = (1_u128 << (64 + fraction_bits)) / fractions_of;
    let half = parties.share_of_public(1 << (fraction_bits - 1));
    let fraction = |top: &u64| {
        // The reciprocal has up to 64 - 20 + 5 bits.
        let fraction = (u128::from(*top) * reciprocal) >> 64;
        fraction as u64 + half
    };
    let fractions: Vec<u64> = tops.iter().map(fraction).collect();
    let from = fraction_bits as usize;
    let wraps = add(parties, &fractions, from, from + wrap_bits as usize).await?;
    let wraps = bits_to_words(parties, &join(wraps.iter())).await?;
    for (bit, wraps) in wraps.chunks_exact(tops.len().max(1)).enumerate() {
        let step = ((modulus << bit) + (1_u128 << shift >> 1)) >> shift;
        for (value, wrap) in shifted.iter_mut().zip(wraps) {
            *value = value.wrapping_sub(wrap.wrapping_mul(step as u64));
        }
    }
    Ok(shifted)
}

/// Adds up vectors of shares.
pub(super) fn accumulate(sums: &mut [u64], terms: &[u64]) {
    sums.iter_mut().zip(terms).for_each(|(sum, term)| *sum = sum.wrapping_add(*term));
}
