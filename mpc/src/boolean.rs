//! XOR-shared bits, 64 to a word, and the secure AND.
//!
//! # Functionality
//! [`and_many`] takes XOR shares of x and y and gives XOR shares of x ∧ y, bit by bit.
//! [`bit_triples`] prepares the correlated bits that [`and_many`] uses up.
//! # Messages
//! 1. `corrections` both ways: the transfers behind the triples (see `ot_extension`)
//! 2. `triple_bits` both ways: one bit for each triple
//! 3. `masked_bits` both ways: x ⊕ a and y ⊕ b for each AND
//! # Leaks
//! Nothing but lengths, which are public.
//! # Security
//! Semi-honest, perfectly given the triples: the opened bits are masked by fresh random bits.
//! # Cost
//! Triples: 2 flights, 4.125 bytes each way for each; an AND layer: 1 flight, 2 bits each way.
//! # Reference
//! Goldreich, Micali, Wigderson, STOC 1987; Beaver, CRYPTO 1991; triples from oblivious transfer as
//! in Asharov, Lindell, Schneider, Zohner, CCS 2013, section 5.

use crate::ot_extension::extend;
use crate::{MpcError, TwoParty};

/// A vector of bits, little end first, packed into words; bits past the end are zero.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Bits {
    words: Vec<u64>,
    length: usize,
}

/// Random shared bits with c = a ∧ b, used once.
pub struct BitTriples {
    a: Vec<u64>,
    b: Vec<u64>,
    c: Vec<u64>,
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

impl BitTriples {
    fn take(&mut self, words: usize) -> Result<std::ops::Range<usize>, MpcError> {
        let start = self.used_words;
        if start + words > self.a.len() {
            return Err(MpcError::InvalidInput(format!(
                "{words} words of bit triples asked for, {} left",
                self.a.len() - start
            )));
        }
        self.used_words += words;
        Ok(start..start + words)
    }
}

/// Prepares triples for `words` words of 64 ANDs.
pub async fn bit_triples(party: &mut TwoParty, words: usize) -> Result<BitTriples, MpcError> {
    let count = words * 64;
    let mut rng = party.session.rng();
    let (mut a, mut b) = (vec![0; words], vec![0; words]);
    rng.fill_words(&mut a);
    rng.fill_words(&mut b);
    let extended = extend(party, &Bits::from_words(a.clone(), count), count).await?;
    // As sender of b: the message bit is k0 ⊕ k1 ⊕ b, this party's cross share is k0.
    let mut messages = vec![0_u64; words];
    let mut c = vec![0_u64; words];
    for (index, [zero, one]) in extended.sent.iter().enumerate() {
        let (word, shift) = (index / 64, index % 64);
        messages[word] |= ((zero ^ one) as u64 & 1) << shift;
        c[word] |= (*zero as u64 & 1) << shift;
    }
    for (message, b) in messages.iter_mut().zip(&b) {
        *message ^= b;
    }
    let theirs = party.session.exchange_words("triple_bits", &messages, words).await?;
    for (index, key) in extended.received.iter().enumerate() {
        c[index / 64] ^= (*key as u64 & 1) << (index % 64);
    }
    for index in 0..words {
        c[index] ^= (a[index] & theirs[index]) ^ (a[index] & b[index]);
    }
    Ok(BitTriples { a, b, c, used_words: 0 })
}

/// XOR shares of x ∧ y for each pair of vectors, all pairs in one flight.
pub async fn and_many(
    party: &mut TwoParty,
    triples: &mut BitTriples,
    pairs: &[(&Bits, &Bits)],
) -> Result<Vec<Bits>, MpcError> {
    let total: usize = pairs.iter().map(|(x, _)| x.words.len()).sum();
    let range = triples.take(total)?;
    let (a, b) = (&triples.a[range.clone()], &triples.b[range.clone()]);
    let xs = pairs.iter().flat_map(|(x, _)| &x.words);
    let ys = pairs.iter().flat_map(|(_, y)| &y.words);
    let mut masked: Vec<u64> = xs.zip(a).map(|(x, a)| x ^ a).collect();
    masked.extend(ys.zip(b).map(|(y, b)| y ^ b));
    let theirs = party.session.exchange_words("masked_bits", &masked, 2 * total).await?;
    let opened: Vec<u64> = masked.iter().zip(&theirs).map(|(mine, theirs)| mine ^ theirs).collect();
    let (d, e) = opened.split_at(total);
    let first = party.is_first();
    let product: Vec<u64> = (0..total)
        .map(|index| {
            let cross =
                (d[index] & b[index]) ^ (e[index] & a[index]) ^ triples.c[range.start + index];
            if first { cross ^ (d[index] & e[index]) } else { cross }
        })
        .collect();
    let mut rest = product.as_slice();
    Ok(pairs
        .iter()
        .map(|(x, _)| {
            let (words, tail) = rest.split_at(x.words.len());
            rest = tail;
            Bits::from_words(words.to_vec(), x.length)
        })
        .collect())
}

#[cfg(test)]
mod tests;
