//! Replicated shares among three parties: products for a word each, without oblivious transfer.
//!
//! An explicit choice for jobs with a third party that computes along and does not collude: two of
//! the three together know everything.
//!
//! # Functionality
//! Parties 0, 1 and 2 hold [`Shares`] of vectors: `x = x_0 + x_1 + x_2` modulo 2^64, or the XOR of
//! three words, of which party i has `x_i` and `x_{i+1}`. [`ThreeParty::input`] shares what one
//! party has, [`multiply`](ThreeParty::multiply), [`dot`](ThreeParty::dot) and
//! [`and`](ThreeParty::and) give products, [`signs`](ThreeParty::signs) the top bit of each number,
//! [`bits_to_words`](ThreeParty::bits_to_words) numbers 0 or 1 for bits. [`open`](ThreeParty::open)
//! and [`open_bits`](ThreeParty::open_bits) reveal to all what the job declares. Sums need no
//! message.
//! # Messages
//! 1. `key` i → i - 1, once: the seed of what both draw together
//! 2. `inputs` from the party that shares to both others: what is left of its numbers
//! 3. `products` i → i - 1: the own part of each product, masked
//! 4. `opened` i → i + 1: the share that the other one lacks
//! # Leaks
//! Nothing but lengths, and what is opened.
//! # Security
//! Semi-honest, one party of three, from AES as a pseudo-random function. A product's parts are
//! masked by a sharing of zero, `F(k_i) - F(k_{i+1})`, so that each is uniform for its receiver.
//! All three draw the same number of words from each key in every step.
//! # Cost
//! A product or an AND of words: one flight, 8 bytes from each party; a dot product the same,
//! whatever its length. Signs: 8 flights, 104 bytes from each party and 16 more from party 0. Bits
//! to words: 2 flights, 16 bytes from each. Opening: one flight, 8 bytes from each.
//! # Reference
//! Araki, Furukawa, Lindell, Nof, Ohara, "High-Throughput Semi-Honest Secure Three-Party
//! Computation with an Honest Majority", CCS 2016 (eprint 2016/768), section 2; signs by a
//! parallel-prefix adder over shares of bits: Mohassel, Rindal, "ABY3", CCS 2018 (eprint 2018/403),
//! sections 5.3 and 5.4.

use std::sync::Arc;

use crypto::random::Generator;
use net::{NetError, Session, Size, together};
use zeroize::Zeroize;

use crate::MpcError;
use crate::boolean::Bits;
use crate::reveal::Ledger;

/// How many parties there are.
pub const PARTIES: usize = 3;

/// One party's part of a shared vector: its own share and that of the next party.
#[derive(Clone, Default)]
pub struct Shares {
    own: Vec<u64>,
    next: Vec<u64>,
}

/// One of three parties: conversations with both others, a key in common with each, and the ledger
/// of what may be revealed.
pub struct ThreeParty {
    number: usize,
    previous: Session,
    next: Session,
    ledger: Arc<Ledger>,
    /// In common with the previous and with the next party.
    keys: [Generator; 2],
}

impl Shares {
    /// Number of words.
    pub fn len(&self) -> usize {
        self.own.len()
    }

    /// True without any word.
    pub fn is_empty(&self) -> bool {
        self.own.is_empty()
    }

    /// Shares of a function that commutes with the sharing, word by word: of sums, times public
    /// numbers, shifts of bits.
    fn map(&self, function: impl Fn(u64) -> u64) -> Self {
        let apply = |words: &[u64]| words.iter().map(|word| function(*word)).collect();
        Self { own: apply(&self.own), next: apply(&self.next) }
    }

    /// The same for functions of two vectors; the shorter one's length counts.
    fn zip(&self, other: &Self, function: impl Fn(u64, u64) -> u64) -> Self {
        let apply = |left: &[u64], right: &[u64]| {
            left.iter().zip(right).map(|(left, right)| function(*left, *right)).collect()
        };
        Self { own: apply(&self.own, &other.own), next: apply(&self.next, &other.next) }
    }

    /// Shares of the sums.
    #[must_use]
    pub fn plus(&self, other: &Self) -> Self {
        self.zip(other, u64::wrapping_add)
    }

    /// Shares of the differences.
    #[must_use]
    pub fn minus(&self, other: &Self) -> Self {
        self.zip(other, u64::wrapping_sub)
    }

    /// Shares of the products with a public number.
    #[must_use]
    pub fn times(&self, factor: u64) -> Self {
        self.map(|word| word.wrapping_mul(factor))
    }

    /// Shares of the sums of bits.
    #[must_use]
    pub fn xor(&self, other: &Self) -> Self {
        self.zip(other, |left, right| left ^ right)
    }

    /// The first `count` words, and the others.
    fn split_at(&self, count: usize) -> (Self, Self) {
        let ((own, own_rest), (next, next_rest)) =
            (self.own.split_at(count), self.next.split_at(count));
        let of = |own: &[u64], next: &[u64]| Self { own: own.to_vec(), next: next.to_vec() };
        (of(own, next), of(own_rest, next_rest))
    }

    /// Both vectors as one.
    fn followed_by(&self, other: &Self) -> Self {
        let of = |left: &[u64], right: &[u64]| [left, right].concat();
        Self { own: of(&self.own, &other.own), next: of(&self.next, &other.next) }
    }
}

impl ThreeParty {
    /// Party `number` (0 to 2), with its conversations with both others, the one with the smaller
    /// number first. Exchanges the keys.
    ///
    /// # Errors
    /// [`MpcError::InvalidInput`] for another number, [`MpcError::Net`] when a peer fails.
    #[net::boxed]
    pub async fn setup(
        number: usize,
        sessions: [Session; 2],
        ledger: Arc<Ledger>,
    ) -> Result<Self, MpcError> {
        if number >= PARTIES {
            return Err(MpcError::InvalidInput(format!("there is no party {number} of {PARTIES}")));
        }
        let [first, second] = sessions;
        let (mut previous, mut next) = if number == 1 { (first, second) } else { (second, first) };
        let mut seed = [0; SEED_BYTES];
        previous.rng().fill_bytes(&mut seed);
        let steps = [
            pass(&mut previous, "key", Some(seed.to_vec()), 0),
            pass(&mut next, "key", None, SEED_BYTES),
        ];
        let received = together(steps).await?;
        let mut theirs = [0; SEED_BYTES];
        received[1].iter().zip(&mut theirs).for_each(|(byte, target)| *target = *byte);
        let keys = [seed, theirs].map(Generator::from_seed);
        seed.zeroize();
        theirs.zeroize();
        Ok(Self { number, previous, next, ledger, keys })
    }

    /// Which party this is.
    pub fn number(&self) -> usize {
        self.number
    }

    /// Shares of the numbers that party `owner` has: it passes them, the others pass none. All know
    /// their `count`.
    ///
    /// # Errors
    /// [`MpcError::InvalidInput`] when the owner has another number of them, [`MpcError::Net`] when
    /// a peer fails.
    #[net::boxed]
    pub async fn input(
        &mut self,
        owner: usize,
        values: &[u64],
        count: usize,
    ) -> Result<Shares, MpcError> {
        self.share(owner, values, count, |value, left, right| {
            value.wrapping_sub(left).wrapping_sub(right)
        })
        .await
    }

    /// Shares of a public vector.
    pub fn constant(&self, values: &[u64]) -> Shares {
        self.at_place(0, || values.to_vec(), values.len())
    }

    /// Shares of the products, word by word.
    ///
    /// # Errors
    /// [`MpcError::InvalidInput`] for vectors of different lengths, [`MpcError::Net`] when a peer
    /// fails.
    #[net::boxed]
    pub async fn multiply(&mut self, left: &Shares, right: &Shares) -> Result<Shares, MpcError> {
        check(left, right)?;
        let zeros = self.zeros(left.len(), u64::wrapping_sub);
        let mut parts = parts(left, right, u64::wrapping_mul, u64::wrapping_add);
        parts.iter_mut().zip(zeros).for_each(|(part, zero)| *part = part.wrapping_add(zero));
        self.replicate(parts).await
    }

    /// A share of the inner product.
    ///
    /// # Errors
    /// Those of [`multiply`](Self::multiply).
    #[net::boxed]
    pub async fn dot(&mut self, left: &Shares, right: &Shares) -> Result<Shares, MpcError> {
        check(left, right)?;
        let zero = self.zeros(1, u64::wrapping_sub);
        let parts = parts(left, right, u64::wrapping_mul, u64::wrapping_add);
        let sum = parts.iter().chain(&zero).fold(0, |sum: u64, part| sum.wrapping_add(*part));
        self.replicate(vec![sum]).await
    }

    /// Shares of the AND of bits, 64 in a word.
    ///
    /// # Errors
    /// Those of [`multiply`](Self::multiply).
    #[net::boxed]
    pub async fn and(&mut self, left: &Shares, right: &Shares) -> Result<Shares, MpcError> {
        check(left, right)?;
        let zeros = self.zeros(left.len(), |left, right| left ^ right);
        let mut parts = parts(left, right, |left, right| left & right, |left, right| left ^ right);
        parts.iter_mut().zip(zeros).for_each(|(part, zero)| *part ^= zero);
        self.replicate(parts).await
    }

    /// XOR shares of the top bit of each number, its sign in two's complement, as words 0 or 1.
    ///
    /// # Errors
    /// [`MpcError::Net`] when a peer fails.
    #[net::boxed]
    pub async fn signs(&mut self, numbers: &Shares) -> Result<Shares, MpcError> {
        // Party 0 has two of the shares; the third one, of parties 1 and 2, is as it stands a
        // sharing of itself by XOR. What is left is the top bit of the sum of two words.
        let sums: Vec<u64> = if self.number == 0 {
            numbers
                .own
                .iter()
                .zip(&numbers.next)
                .map(|(own, next)| own.wrapping_add(*next))
                .collect()
        } else {
            Vec::new()
        };
        let count = numbers.len();
        let left = self.share(0, &sums, count, |value, one, two| value ^ one ^ two).await?;
        let third = if self.number == 2 { &numbers.own } else { &numbers.next };
        let right = self.at_place(2, || third.clone(), count);
        let without_carries = left.xor(&right);
        let mut generated = self.and(&left, &right).await?;
        let mut propagated = without_carries.clone();
        for distance in [1, 2, 4, 8, 16, 32] {
            let shifted = |words: &Shares| words.map(|word| word << distance);
            let factors = propagated.followed_by(&propagated);
            let others = shifted(&generated).followed_by(&shifted(&propagated));
            let (carried, spread) = self.and(&factors, &others).await?.split_at(count);
            generated = generated.xor(&carried);
            propagated = spread;
        }
        let carries = generated.map(|word| word << 1);
        Ok(without_carries.xor(&carries).map(|word| word >> 63))
    }

    /// Additive shares of words 0 or 1 that are shared by XOR.
    ///
    /// # Errors
    /// [`MpcError::Net`] when a peer fails.
    #[net::boxed]
    pub async fn bits_to_words(&mut self, bits: &Shares) -> Result<Shares, MpcError> {
        // Each of the three bits is known to two parties, which makes it an additive sharing.
        let count = bits.len();
        let single = |place: usize| {
            let known = if place == self.number { &bits.own } else { &bits.next };
            self.at_place(place, || known.clone(), count)
        };
        let [first, second, third] = [0, 1, 2].map(single);
        let mut sum = first;
        for bit in [second, third] {
            let product = self.multiply(&sum, &bit).await?;
            sum = sum.plus(&bit).minus(&product.times(2));
        }
        Ok(sum)
    }

    /// Reveals additively shared numbers to all.
    ///
    /// # Errors
    /// [`MpcError::Undeclared`] if the job does not declare `key`, [`MpcError::Net`] when a peer
    /// fails.
    #[net::boxed]
    pub async fn open(&mut self, key: &str, shares: &Shares) -> Result<Vec<u64>, MpcError> {
        self.reveal(key, shares, u64::wrapping_add).await
    }

    /// Reveals words 0 or 1 that are shared by XOR to all.
    ///
    /// # Errors
    /// Those of [`open`](Self::open).
    #[net::boxed]
    pub async fn open_bits(&mut self, key: &str, shares: &Shares) -> Result<Bits, MpcError> {
        let words = self.reveal(key, shares, |left, right| left ^ right).await?;
        Ok(Bits::from_fn(words.len(), |index| words[index] & 1 == 1))
    }

    async fn reveal(
        &mut self,
        key: &str,
        shares: &Shares,
        add: impl Fn(u64, u64) -> u64 + Send + Sync,
    ) -> Result<Vec<u64>, MpcError> {
        self.ledger.record(key, "all", shares.len() as u64)?;
        // The next party lacks the own share.
        let steps = [
            pass(&mut self.next, "opened", Some(bytes(&shares.own)), 0),
            pass(&mut self.previous, "opened", None, 8 * shares.len()),
        ];
        let theirs = together(steps).await?;
        let theirs = net::wire::words_from_bytes(&theirs[1]);
        let known = shares.own.iter().zip(&shares.next).zip(theirs);
        Ok(known.map(|((own, next), theirs)| add(add(*own, *next), theirs)).collect())
    }

    /// The owner's numbers in three shares: two are drawn from the keys, one at both places beside
    /// the owner, and `rest` is the third, which both others have.
    async fn share(
        &mut self,
        owner: usize,
        values: &[u64],
        count: usize,
        rest: impl Fn(u64, u64, u64) -> u64 + Send + Sync,
    ) -> Result<Shares, MpcError> {
        let is_owner = self.number == owner;
        if owner >= PARTIES || (is_owner && values.len() != count) {
            return Err(MpcError::InvalidInput(format!(
                "party {owner} shares {} numbers where {count} were agreed on",
                values.len()
            )));
        }
        let [own, next] = self.draw(count);
        if is_owner {
            let drawn = values.iter().zip(own.iter().zip(&next));
            let rest: Vec<u64> =
                drawn.map(|(value, (left, right))| rest(*value, *left, *right)).collect();
            let steps = [&mut self.previous, &mut self.next]
                .map(|session| pass(session, "inputs", Some(bytes(&rest)), 0));
            together(steps).await?;
            return Ok(Shares { own, next });
        }
        let is_next = self.number == (owner + 1) % PARTIES;
        let session = if is_next { &mut self.previous } else { &mut self.next };
        let rest = session.receive_words("inputs", count).await?;
        // The party behind the owner has the second key of the owner as its first.
        Ok(if is_next { Shares { own, next: rest } } else { Shares { own: rest, next } })
    }

    /// A sharing of what the two parties that hold this place know; the other shares are zero.
    fn at_place(&self, place: usize, known: impl Fn() -> Vec<u64>, count: usize) -> Shares {
        let of = |holds: bool| if holds { known() } else { vec![0; count] };
        Shares { own: of(self.number == place), next: of((self.number + 1) % PARTIES == place) }
    }

    /// The next words of both keys.
    fn draw(&mut self, count: usize) -> [Vec<u64>; 2] {
        self.keys.each_mut().map(|key| {
            let mut words = vec![0; count];
            key.fill_words(&mut words);
            words
        })
    }

    /// This party's part of fresh sharings of zero.
    fn zeros(&mut self, count: usize, difference: impl Fn(u64, u64) -> u64) -> Vec<u64> {
        let [own, next] = self.draw(count);
        own.iter().zip(&next).map(|(own, next)| difference(*own, *next)).collect()
    }

    /// Hands the own part of a sharing in three to the previous party, and takes the next one's.
    async fn replicate(&mut self, own: Vec<u64>) -> Result<Shares, MpcError> {
        let steps = [
            pass(&mut self.previous, "products", Some(bytes(&own)), 0),
            pass(&mut self.next, "products", None, 8 * own.len()),
        ];
        let theirs = together(steps).await?;
        Ok(Shares { own, next: net::wire::words_from_bytes(&theirs[1]) })
    }
}

/// Sends the message if there is one, else receives one of exactly so many bytes.
async fn pass(
    session: &mut Session,
    step: &'static str,
    message: Option<Vec<u8>>,
    expected: usize,
) -> Result<Vec<u8>, NetError> {
    match message {
        Some(message) => session.send_bytes(step, message).await.map(|()| Vec::new()),
        None => session.receive_bytes(step, Size::Exactly(expected)).await,
    }
}

/// The products that this party can form, added up: three of nine.
fn parts(
    left: &Shares,
    right: &Shares,
    times: impl Fn(u64, u64) -> u64,
    plus: impl Fn(u64, u64) -> u64,
) -> Vec<u64> {
    let lefts = left.own.iter().zip(&left.next);
    let rights = right.own.iter().zip(&right.next);
    lefts
        .zip(rights)
        .map(|((x, x_next), (y, y_next))| plus(times(*x, plus(*y, *y_next)), times(*x_next, *y)))
        .collect()
}

fn check(left: &Shares, right: &Shares) -> Result<(), MpcError> {
    if left.len() == right.len() {
        return Ok(());
    }
    let (left, right) = (left.len(), right.len());
    Err(MpcError::InvalidInput(format!("product of vectors of {left} and {right} words")))
}

fn bytes(words: &[u64]) -> Vec<u8> {
    words.iter().flat_map(|word| word.to_le_bytes()).collect()
}

const SEED_BYTES: usize = 32;

#[cfg(test)]
mod tests;
