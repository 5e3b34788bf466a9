//! Circuits over bits that are shared among all parties: ANDs in layers, and sums of numbers.

use net::together;

use super::Parties;
use crate::MpcError;
use crate::boolean::{BitTriples, Bits, and_many, bit_triples};

/// Triples for the ANDs of a circuit, with each other party.
pub struct Triples(Vec<BitTriples>);

impl Triples {
    /// For `layers` layers with `gates` ANDs in all, each of vectors of `count` bits.
    pub(super) async fn prepare(
        parties: &mut Parties,
        gates: usize,
        layers: usize,
        count: usize,
    ) -> Result<Self, MpcError> {
        // A layer's last word may be used in part.
        Self::of_words(parties, (gates * count).div_ceil(64) + layers).await
    }

    /// For ANDs of so many words of bits.
    ///
    /// # Errors
    /// [`MpcError::Net`] when a peer fails.
    #[net::boxed]
    pub async fn of_words(parties: &mut Parties, words: usize) -> Result<Self, MpcError> {
        let links = parties.links().iter_mut();
        Ok(Self(together(links.map(|link| bit_triples(link, words))).await?))
    }
}

/// XOR shares of x ∧ y for two vectors of equal length.
///
/// # Errors
/// [`MpcError::InvalidInput`] for vectors of different lengths, [`MpcError::Net`] when a peer
/// fails.
#[net::boxed]
pub async fn and_bits(
    parties: &mut Parties,
    triples: &mut Triples,
    left: &Bits,
    right: &Bits,
) -> Result<Bits, MpcError> {
    Ok(and(parties, triples, &[(left, right)]).await?.pop().unwrap_or_default())
}

/// XOR shares of x ∧ y for each pair of vectors of equal length: one layer.
pub(super) async fn and(
    parties: &mut Parties,
    triples: &mut Triples,
    pairs: &[(&Bits, &Bits)],
) -> Result<Vec<Bits>, MpcError> {
    let length = pairs.first().map_or(0, |(left, _)| left.len());
    let left = join(pairs.iter().map(|(left, _)| *left));
    let right = join(pairs.iter().map(|(_, right)| *right));
    if left.is_empty() || pairs.iter().any(|(x, y)| x.len() != length || y.len() != length) {
        let all_empty = pairs.iter().all(|(x, y)| x.is_empty() && y.is_empty());
        return if all_empty {
            Ok(vec![Bits::default(); pairs.len()])
        } else {
            Err(MpcError::InvalidInput("AND of bit vectors of different lengths".to_owned()))
        };
    }
    let pair = [(&left, &right)];
    let both = parties.links().iter_mut().zip(&mut triples.0);
    let shares = together(both.map(|(link, triples)| and_many(link, triples, &pair))).await?;
    // With each peer the own product came along; it is to be there once.
    let mut products = Bits::zeros(left.len());
    if shares.len() % 2 == 0 {
        let words = left.words().iter().zip(right.words()).map(|(x, y)| x & y).collect();
        products = Bits::from_words(words, left.len());
    }
    for share in shares.iter().flatten() {
        products = products.xor(share);
    }
    Ok(split(&products, length))
}

/// Bit vectors one after the other, without gaps.
pub(super) fn join<'a>(parts: impl Iterator<Item = &'a Bits>) -> Bits {
    let (mut words, mut length) = (Vec::new(), 0);
    for part in parts {
        words.resize((length + part.len()).div_ceil(64) + 1, 0);
        let shift = length % 64;
        for (index, word) in part.words().iter().enumerate() {
            let place = length / 64 + index;
            words[place] |= word << shift;
            if let Some(rest) = word.checked_shr(64 - shift as u32) {
                words[place + 1] |= rest;
            }
        }
        length += part.len();
    }
    Bits::from_words(words, length)
}

/// The inverse of [`join`] for vectors of this length.
pub(super) fn split(joined: &Bits, length: usize) -> Vec<Bits> {
    let words = joined.words();
    let part = |index: usize| {
        let (start, shift) = (index * length / 64, (index * length % 64) as u32);
        let word = |place: usize| {
            let above = words.get(place + 1).and_then(|word| word.checked_shl(64 - shift));
            words[place] >> shift | above.unwrap_or_default()
        };
        Bits::from_words((start..start + length.div_ceil(64)).map(word).collect(), length)
    };
    (0..joined.len().checked_div(length).unwrap_or_default()).map(part).collect()
}

/// The number of layers of [`reduce`] for so many positions.
fn depth(positions: usize) -> usize {
    positions.max(1).next_power_of_two().ilog2() as usize
}

/// Two shared numbers with the same sum: their bits, lowest first.
pub(super) struct Pair {
    /// Both bits are set.
    pub(super) generate: Vec<Bits>,
    /// One of both bits is set.
    pub(super) propagate: Vec<Bits>,
}

impl Pair {
    /// The ANDs and the layers of [`Pair::of`] for so many operands and positions.
    pub(super) fn cost(operands: usize, positions: usize) -> (usize, usize) {
        let (mut rows, mut layers) = (operands, 0);
        while rows > 2 {
            rows -= rows / 3;
            layers += 1;
        }
        ((operands - 2) * positions + positions, layers + 1)
    }

    /// Brings shared numbers down to two by carry-save addition modulo 2^positions.
    pub(super) async fn of(
        parties: &mut Parties,
        triples: &mut Triples,
        mut rows: Vec<Vec<Bits>>,
    ) -> Result<Self, MpcError> {
        while rows.len() > 2 {
            let rest = rows.split_off(rows.len() / 3 * 3);
            // The majority of a, b, c is c ⊕ (a ⊕ c) ∧ (b ⊕ c).
            let factors: Vec<(Bits, Bits)> = rows
                .chunks_exact(3)
                .flat_map(|three| three[0].iter().zip(&three[1]).zip(&three[2]))
                .map(|((a, b), c)| (a.xor(c), b.xor(c)))
                .collect();
            let pairs: Vec<(&Bits, &Bits)> = factors.iter().map(|(x, y)| (x, y)).collect();
            let mut products = and(parties, triples, &pairs).await?.into_iter();
            let mut reduced = Vec::new();
            for three in rows.chunks_exact(3) {
                let bits = three[0].iter().zip(&three[1]).zip(&three[2]);
                reduced.push(bits.map(|((a, b), c)| a.xor(b).xor(c)).collect());
                let mut carries: Vec<Bits> = three[2]
                    .iter()
                    .zip(&mut products)
                    .map(|(c, product)| c.xor(&product))
                    .collect();
                carries.rotate_right(1);
                if let Some(lowest) = carries.first_mut() {
                    *lowest = Bits::zeros(lowest.len());
                }
                reduced.push(carries);
            }
            reduced.extend(rest);
            rows = reduced;
        }
        let both: Vec<(&Bits, &Bits)> = rows[0].iter().zip(&rows[1]).collect();
        let generate = and(parties, triples, &both).await?;
        let propagate = both.iter().map(|(left, right)| left.xor(right)).collect();
        Ok(Self { generate, propagate })
    }

    /// The part of the numbers at these positions.
    pub(super) fn part(&self, positions: std::ops::Range<usize>) -> Self {
        Self {
            generate: self.generate[positions.clone()].to_vec(),
            propagate: self.propagate[positions].to_vec(),
        }
    }

    /// The ANDs and the layers of [`Pair::reduce`].
    pub(super) fn cost_of_reduce(positions: usize) -> (usize, usize) {
        (2 * positions.saturating_sub(1), depth(positions))
    }

    /// Whether all positions together make a carry, and whether they hand one on.
    pub(super) async fn reduce(
        self,
        parties: &mut Parties,
        triples: &mut Triples,
    ) -> Result<[Bits; 2], MpcError> {
        let Self { mut generate, mut propagate } = self;
        while generate.len() > 1 {
            let halves = generate.chunks_exact(2).zip(propagate.chunks_exact(2));
            let pairs: Vec<(&Bits, &Bits)> = halves
                .flat_map(|(generate, propagate)| {
                    [(&propagate[1], &generate[0]), (&propagate[1], &propagate[0])]
                })
                .collect();
            let products = and(parties, triples, &pairs).await?;
            let products = products.chunks_exact(2);
            let odd = generate.len() % 2 == 1;
            let last = odd.then(|| (generate.pop(), propagate.pop()));
            let above = generate.chunks_exact(2).map(|pair| &pair[1]);
            generate = above.zip(products.clone()).map(|(it, carry)| it.xor(&carry[0])).collect();
            propagate = products.map(|pair| pair[1].clone()).collect();
            if let Some((last_generate, last_propagate)) = last {
                generate.extend(last_generate);
                propagate.extend(last_propagate);
            }
        }
        Ok([generate, propagate].map(|mut bits| bits.pop().unwrap_or_default()))
    }
}

/// Numbers that are added up at once: what their triples take stays within memory, and within the
/// most transfers there can be at once.
const PART: usize = 1 << 16;

/// XOR shares of the bits from position `from` up of the sum of all parties' private numbers modulo
/// 2^positions; each passes its own. Position 0 has no carry, and `from` is at least 1.
pub(crate) async fn add(
    parties: &mut Parties,
    own: &[u64],
    from: usize,
    positions: usize,
) -> Result<Vec<Bits>, MpcError> {
    let mut parts = Vec::with_capacity(own.len().div_ceil(PART));
    for part in own.chunks(PART) {
        parts.push(add_part(parties, part, from, positions).await?);
    }
    let bits = |place: usize| join(parts.iter().map(|part| &part[place]));
    Ok((0..positions - from).map(bits).collect())
}

async fn add_part(
    parties: &mut Parties,
    own: &[u64],
    from: usize,
    positions: usize,
) -> Result<Vec<Bits>, MpcError> {
    let (count, operands) = (own.len(), parties.count());
    let (gates, layers) = Pair::cost(operands, positions);
    let (carry_gates, carry_layers) = Pair::cost_of_reduce(from);
    let ripple = positions - from - 1;
    let gates = gates + carry_gates + ripple;
    let mut triples =
        Triples::prepare(parties, gates, layers + carry_layers + ripple, count).await?;
    let rows = operand_rows(parties, own, positions);
    let pair = Pair::of(parties, &mut triples, rows).await?;
    let [mut carry, _] = pair.part(0..from).reduce(parties, &mut triples).await?;
    let mut bits = Vec::with_capacity(positions - from);
    for position in from..positions {
        bits.push(pair.propagate[position].xor(&carry));
        if position + 1 < positions {
            let handed_on = [(&pair.propagate[position], &carry)];
            let handed_on = and(parties, &mut triples, &handed_on).await?;
            carry = pair.generate[position].xor(&handed_on[0]);
        }
    }
    Ok(bits)
}

/// All parties' private numbers as shared ones, by their bits: of others' this party's share is 0.
pub(super) fn operand_rows(parties: &Parties, own: &[u64], positions: usize) -> Vec<Vec<Bits>> {
    let row = |place: usize| {
        let bit = |position: usize| {
            if place == parties.number() {
                Bits::from_fn(own.len(), |index| own[index] >> position & 1 == 1)
            } else {
                Bits::zeros(own.len())
            }
        };
        (0..positions).map(bit).collect()
    };
    (0..parties.count()).map(row).collect()
}

/// XOR shares of the sign of additively shared numbers modulo 2^64.
///
/// # Errors
/// [`MpcError::Net`] when a peer fails.
#[net::boxed]
pub async fn is_negative(parties: &mut Parties, shares: &[u64]) -> Result<Bits, MpcError> {
    signs(parties, shares, 64).await
}

/// [`is_negative`] of numbers modulo 2^bits (2 to 64).
pub(super) async fn signs(
    parties: &mut Parties,
    shares: &[u64],
    bits: usize,
) -> Result<Bits, MpcError> {
    Ok(add(parties, shares, bits - 1, bits).await?.pop().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::several::tests::{all, shares};

    #[test]
    fn more_numbers_than_one_part() {
        let values: Vec<u64> = (0..PART as u64 + 70).map(|index| index % 8).collect();
        let shares = shares(1, 3, &values, 8);
        let outcome =
            all(2, 3, async |parties| signs(parties, &shares[parties.number()], 3).await.unwrap());
        let signs = outcome.results.into_iter().reduce(|signs, part| signs.xor(&part)).unwrap();
        assert!(signs == Bits::from_fn(values.len(), |index| values[index] >= 4));
    }
}
