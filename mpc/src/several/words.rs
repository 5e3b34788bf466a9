//! Numbers that are shared among all parties: products, selection, and the way to fewer bits or
//! another modulus.

use net::together;

use super::Parties;
use super::circuit::{add, join};
use crate::boolean::Bits;
use crate::conversion::correlate;
use crate::known::{self, Factors};
use crate::{Element, MpcError, Word, multiplication};

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
    multiply_words(parties, left, right).await
}

/// [`multiply`] in either ring.
pub(super) async fn multiply_words<W: Word>(
    parties: &mut Parties,
    left: &[W],
    right: &[W],
) -> Result<Vec<W>, MpcError> {
    let links = parties.links().iter_mut();
    let shares = links.map(|link| multiplication::multiply(link, left, right));
    let shares = together(shares).await?;
    // With each peer the own product came along; it is to be there once.
    let own: Vec<W> = left.iter().zip(right).map(|(x, y)| x.times(*y)).collect();
    let mut products = vec![W::default(); own.len()];
    for _ in 1..shares.len() {
        products.iter_mut().zip(&own).for_each(|(sum, own)| *sum = sum.minus(*own));
    }
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
    for part in &parts {
        accumulate(&mut products, part);
    }
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

/// Additive shares of the numbers of some groups where a party's private bit is set, of the others
/// zero: of each group the bits are known to the party at its place, who passes them; all others
/// pass `None`.
///
/// # Errors
/// [`MpcError::InvalidInput`] for bits that are missing, surplus or too few, or for a place where
/// nobody is; [`MpcError::Net`] when a peer fails.
#[net::boxed]
pub async fn choose(
    parties: &mut Parties,
    groups: &[Chosen<'_>],
) -> Result<Vec<Vec<u64>>, MpcError> {
    let number = parties.number();
    let fits = |group: &Chosen<'_>| {
        group.owner < parties.count()
            && group.bits.is_some() == (group.owner == number)
            && group.bits.is_none_or(|bits| bits.len() >= group.values.len())
    };
    if !groups.iter().all(fits) {
        let text = "private bits are the matter of their owner, and one for each number";
        return Err(MpcError::InvalidInput(text.to_owned()));
    }
    // The own share times the own bit is the owner's affair; each other share takes a transfer.
    let own = groups.iter().filter_map(|group| Some((group.bits?, group.values.len())));
    let own: Vec<Bits> = own.map(|(bits, length)| first_bits(bits, length)).collect();
    let choices = join(own.iter());
    let crossed = together(parties.peers().map(|(place, link)| {
        let theirs = groups.iter().filter(|group| group.owner == place);
        let deltas: Vec<u64> = theirs.flat_map(|group| group.values).copied().collect();
        let choices = &choices;
        async move {
            let is_idle = choices.is_empty() && deltas.is_empty();
            let shares = if is_idle {
                Default::default()
            } else {
                correlate(link, choices, &deltas).await?
            };
            Ok::<_, MpcError>((place, shares))
        }
    }))
    .await?;
    let mut received = vec![0; choices.len()];
    for (_, (shares, _)) in &crossed {
        accumulate(&mut received, shares);
    }
    let mut sources: Vec<(usize, &[u64])> =
        crossed.iter().map(|(place, (_, sent))| (*place, sent.as_slice())).collect();
    sources.push((number, &received));
    let mut of_group = |group: &Chosen<'_>| {
        let mut shares = match group.bits {
            Some(bits) => {
                let own = group.values.iter().enumerate();
                own.map(|(place, share)| share & bits.bit(place).wrapping_neg()).collect()
            }
            None => vec![0; group.values.len()],
        };
        if let Some((_, rest)) = sources.iter_mut().find(|(place, _)| *place == group.owner) {
            let (part, after) = rest.split_at(shares.len());
            accumulate(&mut shares, part);
            *rest = after;
        }
        shares
    };
    Ok(groups.iter().map(&mut of_group).collect())
}

/// Shared numbers of which the party at one place chooses some.
#[derive(Clone, Copy)]
pub struct Chosen<'a> {
    /// The place of who chooses.
    pub owner: usize,
    /// Its bits, as many as there are numbers or more; at all others nothing.
    pub bits: Option<&'a Bits>,
    /// Shares of the numbers.
    pub values: &'a [u64],
}

fn first_bits(bits: &Bits, length: usize) -> Bits {
    Bits::from_words(bits.words()[..length.div_ceil(64)].to_vec(), length)
}

/// Additive shares of shared bits, in any ring.
///
/// # Errors
/// [`MpcError::Net`] when a peer fails.
pub async fn bits_to_words<W: Element>(
    parties: &mut Parties,
    bits: &Bits,
) -> Result<Vec<W>, MpcError> {
    let ones = vec![W::from_bit(parties.share_of_public(1)); bits.len()];
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
pub(super) async fn times_bits<W: Element>(
    parties: &mut Parties,
    bits: &Bits,
    values: &[W],
    holders: Holders,
) -> Result<Vec<W>, MpcError> {
    if bits.len() != values.len() {
        return Err(MpcError::InvalidInput(format!(
            "selection of {} values by {} bits",
            values.len(),
            bits.len()
        )));
    }
    let number = parties.number();
    let mut products = vec![W::default(); values.len()];
    for chooser in 0..parties.count() {
        let twice = |(value, product): (&W, &W)| value.minus(product.plus(*product));
        let factors: Vec<W> = values.iter().zip(&products).map(twice).collect();
        let holds = |place: usize| holders == Holders::All || place < chooser;
        if number == chooser {
            let peers = parties.peers().filter(|(place, _)| holds(*place));
            let received = together(peers.map(|(_, link)| correlate(link, bits, &[]))).await?;
            for (index, product) in products.iter_mut().enumerate() {
                *product = product.plus(factors[index].times_bit(bits.bit(index)));
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
    let reciprocal = (1_u128 << (64 + fraction_bits(parties))) / fractions_of;
    // The reciprocal has up to 64 - 20 + 5 bits.
    let fraction = |top: &u64| ((u128::from(*top) * reciprocal) >> 64) as u64;
    let wraps = wraps::<u64>(parties, tops.iter().map(fraction).collect()).await?;
    for (bit, wraps) in wraps.chunks_exact(tops.len().max(1)).enumerate() {
        let step = ((modulus << bit) + (1_u128 << shift >> 1)) >> shift;
        for (value, wrap) in shifted.iter_mut().zip(wraps) {
            *value = value.wrapping_sub(wrap.wrapping_mul(step as u64));
        }
    }
    Ok(shifted)
}

/// The number of bits m that [`lift`] takes fractions of shares down to.
pub(super) fn fraction_bits(parties: &Parties) -> u32 {
    (3 * parties.count()).ilog2() + 1
}

/// Shares of the bits of how often shares wrapped around, the lowest bits of all numbers first;
/// from the own fractions `t_i` of the moduli, of [`fraction_bits`] bits. See [`lift`].
pub(super) async fn wraps<W: Element>(
    parties: &mut Parties,
    mut fractions: Vec<u64>,
) -> Result<Vec<W>, MpcError> {
    let from = fraction_bits(parties);
    let half = parties.share_of_public(1 << (from - 1));
    for fraction in &mut fractions {
        *fraction += half;
    }
    let wrap_bits = parties.count().ilog2() + 1;
    let wraps = add(parties, &fractions, from as usize, (from + wrap_bits) as usize).await?;
    bits_to_words(parties, &join(wraps.iter())).await
}

/// Adds up vectors of shares.
pub(crate) fn accumulate<W: Element>(sums: &mut [W], terms: &[W]) {
    sums.iter_mut().zip(terms).for_each(|(sum, term)| *sum = sum.plus(*term));
}
