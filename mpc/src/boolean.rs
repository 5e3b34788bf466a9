//! XOR-shared bits, 64 to a word, and the secure AND.
//!
//! # Functionality
//! [`and_many`] takes XOR shares of x and y and gives XOR shares of x ∧ y, bit by bit.
//! [`and_shared`] does so for W vectors y and one x. [`bit_triples`] prepares the correlated bits
//! that they use up.
//! # Messages
//! 1. `corrections` both ways: random transfers behind the triples (see `transfers`)
//! 2. `triple_bits` both ways: W bits for each triple
//! 3. `masked_bits` both ways: x ⊕ a, and y ⊕ b for each y
//! # Leaks
//! Nothing but lengths, which are public.
//! # Security
//! Semi-honest, perfectly given the triples: the opened bits are masked by fresh random bits. Of a
//! transfer's keys the lowest W bits are used, each for one product.
//! # Cost
//! Triples: 2 flights, 32 + W bits each way for each (with silent transfers 1 flight, W bits); an
//! AND layer: 1 flight, 1 + W bits each way. Triples come in words of 64, the extension's transfers
//! in groups of 128.
//! # Reference
//! Goldreich, Micali, Wigderson, STOC 1987; Beaver, CRYPTO 1991; triples from oblivious transfer as
//! in Asharov, Lindell, Schneider, Zohner, CCS 2013, section 5; triples with one factor in common:
//! Rathee et al., "`CrypTFlow2`", CCS 2020 (eprint 2020/1002), section 3.1.

use crate::transfers::transfer_random;
use crate::{MpcError, TwoParty};

/// A vector of bits, little end first, packed into words; bits past the end are zero.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Bits {
    words: Vec<u64>,
    length: usize,
}

/// Random shared bits with `c_k = a ∧ b_k` for k below `WIDTH`, used once.
pub struct BitTriples<const WIDTH: usize = 1> {
    a: Vec<u64>,
    b: [Vec<u64>; WIDTH],
    c: [Vec<u64>; WIDTH],
    used_words: usize,
}

impl Bits {
    /// `length` zero bits.
    pub fn zeros(length: usize) -> Self {
        Self { words: vec![0; length.div_ceil(64)], length }
    }

    /// From packed words; bits past `length` are cleared.
    ///
    /// # Panics
    /// Never: missing words count as zero, surplus words are dropped.
    pub fn from_words(mut words: Vec<u64>, length: usize) -> Self {
        words.resize(length.div_ceil(64), 0);
        if let (Some(last), used @ 1..) = (words.last_mut(), length % 64) {
            *last &= (1 << used) - 1;
        }
        Self { words, length }
    }

    /// From a function of the position.
    pub fn from_fn(length: usize, mut bit: impl FnMut(usize) -> bool) -> Self {
        let mut words = vec![0_u64; length.div_ceil(64)];
        for index in 0..length {
            words[index / 64] |= u64::from(bit(index)) << (index % 64);
        }
        Self { words, length }
    }

    /// Number of bits.
    pub fn len(&self) -> usize {
        self.length
    }

    /// True without any bit.
    pub fn is_empty(&self) -> bool {
        self.length == 0
    }

    /// The bit at `index`, as 0 or 1; positions past the end read as 0.
    pub fn bit(&self, index: usize) -> u64 {
        self.words.get(index / 64).map_or(0, |word| word >> (index % 64) & 1)
    }

    /// The packed words.
    pub fn words(&self) -> &[u64] {
        &self.words
    }

    /// Bitwise XOR with another vector of the same length.
    #[must_use]
    pub fn xor(&self, other: &Self) -> Self {
        let words = self.words.iter().zip(&other.words).map(|(x, y)| x ^ y).collect();
        Self::from_words(words, self.length.min(other.length))
    }

    /// The complement of every bit: one party of a shared vector calls it to negate the secret.
    #[must_use]
    pub fn complement(&self) -> Self {
        Self::from_words(self.words.iter().map(|word| !word).collect(), self.length)
    }
}

impl<const WIDTH: usize> BitTriples<WIDTH> {
    fn take(&mut self, words: usize) -> Result<std::ops::Range<usize>, MpcError> {
        let start = self.used_words;
        if words > self.a.len() - start {
            return Err(MpcError::InvalidInput(format!(
                "{words} words of bit triples asked for, {} left",
                self.a.len() - start
            )));
        }
        self.used_words += words;
        Ok(start..start + words)
    }
}

/// Prepares triples for `words` words of 64 ANDs, with `WIDTH` (at most 64) products each.
pub async fn bit_triples<const WIDTH: usize>(
    party: &mut TwoParty,
    words: usize,
) -> Result<BitTriples<WIDTH>, MpcError> {
    let count = words * 64;
    let mut rng = party.session.rng();
    let mut random = || {
        let mut bits = vec![0; words];
        rng.fill_words(&mut bits);
        bits
    };
    let (a, b) = (random(), [(); WIDTH].map(|()| random()));
    let (Bits { words: a, .. }, extended) =
        transfer_random::<u64>(party, Bits::from_words(a, count)).await?;
    // As sender of b_k: the message is bit k of the keys' sum ⊕ b_k, this party's cross share is
    // bit k of the first key.
    let mut messages = Vec::with_capacity(words * WIDTH);
    for (index, b) in b.iter().enumerate() {
        let sums = gather(&extended.sent, |[zero, one]| (zero ^ one) >> index);
        messages.extend(sums.iter().zip(b).map(|(sum, b)| sum ^ b));
    }
    let theirs = party.session.exchange_words("triple_bits", &messages, words * WIDTH).await?;
    let c = std::array::from_fn(|index| {
        let mut c = gather(&extended.sent, |[zero, _]| zero >> index);
        let received = gather(&extended.received, |key| key >> index);
        let theirs = &theirs[index * words..];
        for (word, c) in c.iter_mut().enumerate() {
            *c ^= received[word] ^ (a[word] & (theirs[word] ^ b[index][word]));
        }
        c
    });
    Ok(BitTriples { a, b, c, used_words: 0 })
}

/// The lowest bits of `bit` of each item, 64 to a word.
pub(crate) fn gather<T>(items: &[T], bit: impl Fn(&T) -> u64) -> Vec<u64> {
    let word = |items: &[T]| items.iter().rev().fold(0, |word, item| word << 1 | bit(item) & 1);
    items.chunks(64).map(word).collect()
}

/// XOR shares of x ∧ y for each pair of vectors of equal length, all pairs in one flight.
#[net::boxed]
pub async fn and_many(
    party: &mut TwoParty,
    triples: &mut BitTriples,
    pairs: &[(&Bits, &Bits)],
) -> Result<Vec<Bits>, MpcError> {
    let products: Vec<(&Bits, [&Bits; 1])> = pairs.iter().map(|(x, y)| (*x, [*y])).collect();
    Ok(and_shared(party, triples, &products).await?.into_iter().flatten().collect())
}

/// XOR shares of `x ∧ y_k` for each x with its vectors `y_k` of the same length, all in one flight.
pub async fn and_shared<const WIDTH: usize>(
    party: &mut TwoParty,
    triples: &mut BitTriples<WIDTH>,
    products: &[(&Bits, [&Bits; WIDTH])],
) -> Result<Vec<[Bits; WIDTH]>, MpcError> {
    if products.iter().any(|(x, ys)| ys.iter().any(|y| y.length != x.length)) {
        return Err(MpcError::InvalidInput("AND of bit vectors of different lengths".to_owned()));
    }
    let total: usize = products.iter().map(|(x, _)| x.words.len()).sum();
    let range = triples.take(total)?;
    let a = &triples.a[range.clone()];
    let mut masked: Vec<u64> =
        products.iter().flat_map(|(x, _)| &x.words).zip(a).map(|(x, a)| x ^ a).collect();
    for (index, b) in triples.b.iter().enumerate() {
        let ys = products.iter().flat_map(|(_, ys)| &ys[index].words);
        masked.extend(ys.zip(&b[range.clone()]).map(|(y, b)| y ^ b));
    }
    let theirs = party.session.exchange_words("masked_bits", &masked, masked.len()).await?;
    let opened: Vec<u64> = masked.iter().zip(&theirs).map(|(mine, theirs)| mine ^ theirs).collect();
    let (d, es) = opened.split_at(total);
    let first = u64::from(party.is_first()).wrapping_neg();
    let shares: [Vec<u64>; WIDTH] = std::array::from_fn(|index| {
        let (b, c) = (&triples.b[index][range.clone()], &triples.c[index][range.clone()]);
        let e = &es[index * total..][..total];
        let word = |at: usize| (d[at] & (b[at] ^ (e[at] & first))) ^ (e[at] & a[at]) ^ c[at];
        (0..total).map(word).collect()
    });
    let mut start = 0;
    Ok(products
        .iter()
        .map(|(x, _)| {
            let span = start..start + x.words.len();
            start = span.end;
            shares.each_ref().map(|words| Bits::from_words(words[span.clone()].to_vec(), x.length))
        })
        .collect())
}

#[cfg(test)]
mod tests;
