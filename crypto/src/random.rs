//! Randomness: one generator for keys, masks and noise, and for expanding seeds.
//!
//! [`Generator`] is AES-128 in counter mode. Secrets come from [`Generator::from_os`]; a public or
//! agreed seed is expanded by [`Generator::from_seed`]. Nothing else in the house makes randomness.

use core::convert::Infallible;
use core::fmt;

use rand_core::{TryCryptoRng, TryRng};
use zeroize::{Zeroize, Zeroizing};

use crate::arch::aes::{Block, Cipher};

/// A cryptographically secure generator: AES-128 in counter mode under a key derived from a seed.
///
/// The output is one stream of bytes and every method takes the next bytes of it, so that the same
/// calls after the same seed give the same values on every machine.
///
/// Counter mode is a pseudo-random generator as long as far fewer than 2^64 blocks are drawn from
/// one key; [`Generator::child`] starts a new key for anything long-lived.
///
/// The key and what was drawn ahead are zeroised on drop. The generator cannot be cloned, because
/// two copies would hand out the same "random" values, and shows no content in `Debug`.
pub struct Generator {
    cipher: Cipher,
    /// The counter block that is encrypted next.
    counter: u128,
    /// Bytes drawn ahead; those from `used` on have not been handed out.
    buffer: [u8; BUFFER_BYTES],
    used: usize,
}

impl Generator {
    /// Starts a generator from the operating system's entropy.
    ///
    /// # Panics
    ///
    /// If the operating system refuses to give entropy. There is no way to keep anything secret on
    /// such a machine, and no caller could go on.
    pub fn from_os() -> Self {
        let mut seed = Zeroizing::new([0; 32]);
        if let Err(error) = getrandom::fill(&mut *seed) {
            panic!("the operating system gives no entropy ({error}); nothing can be kept secret");
        }
        Self::from_seed(*seed)
    }

    /// Starts a generator from a seed: the same seed gives the same stream.
    ///
    /// The seed is hashed into key and first counter, so that seeds which differ in a single bit
    /// have unrelated streams. The stream is exactly as secret as the seed.
    pub fn from_seed(seed: [u8; 32]) -> Self {
        let seed = Zeroizing::new(seed);
        let derived = Zeroizing::new(blake3::derive_key(KEY_CONTEXT, &*seed));
        let (key, counter) = derived.split_at(16);
        let mut first = Zeroizing::new([0; 16]);
        first.copy_from_slice(counter);
        let mut cipher_key = Zeroizing::new([0; 16]);
        cipher_key.copy_from_slice(key);
        Self {
            cipher: Cipher::new(&cipher_key),
            counter: u128::from_le_bytes(*first),
            buffer: [0; BUFFER_BYTES],
            used: BUFFER_BYTES,
        }
    }

    /// Splits off an independent generator: neither stream says anything about the other.
    #[must_use]
    pub fn child(&mut self) -> Self {
        let mut seed = Zeroizing::new([0; 32]);
        self.fill_bytes(&mut *seed);
        Self::from_seed(*seed)
    }

    /// Fills `out` with the next bytes of the stream.
    pub fn fill_bytes(&mut self, out: &mut [u8]) {
        let ahead = out.len().min(BUFFER_BYTES - self.used);
        let (from_buffer, rest) = out.split_at_mut(ahead);
        from_buffer.copy_from_slice(&self.buffer[self.used..self.used + ahead]);
        self.used += ahead;

        let whole = rest.len() - rest.len() % BUFFER_BYTES;
        let (direct, last) = rest.split_at_mut(whole);
        for chunk in direct.chunks_exact_mut(BUFFER_BYTES) {
            keystream(&self.cipher, &mut self.counter, chunk);
        }
        if !last.is_empty() {
            self.refill();
            last.copy_from_slice(&self.buffer[..last.len()]);
            self.used = last.len();
        }
    }

    /// Fills `out` with uniform words: the next bytes of the stream, eight a word, little endian.
    pub fn fill_words(&mut self, out: &mut [u64]) {
        let mut bytes = Zeroizing::new([0; BUFFER_BYTES]);
        for words in out.chunks_mut(BUFFER_BYTES / 8) {
            let bytes = &mut bytes[..words.len() * 8];
            self.fill_bytes(bytes);
            for (word, bytes) in words.iter_mut().zip(bytes.as_chunks::<8>().0) {
                *word = u64::from_le_bytes(*bytes);
            }
        }
    }

    /// The next uniform word.
    pub fn next_u64(&mut self) -> u64 {
        // Mostly the next eight bytes are there: shuffles draw one word after the other.
        if let Some(bytes) = self.buffer[self.used..].first_chunk() {
            self.used += bytes.len();
            return u64::from_le_bytes(*bytes);
        }
        let mut bytes = [0; 8];
        self.fill_bytes(&mut bytes);
        u64::from_le_bytes(bytes)
    }

    /// A uniform number in `0..bound`, without bias.
    ///
    /// Lemire, "Fast Random Integer Generation in an Interval", 2019, algorithm 5. The number of
    /// draws depends on the bound and on rejected values only, never on the number returned.
    ///
    /// # Panics
    ///
    /// If `bound` is zero: there is no number to return.
    pub fn below(&mut self, bound: u64) -> u64 {
        assert!(bound > 0, "no number is below zero");
        let rejected_below = bound.wrapping_neg() % bound;
        loop {
            let product = u128::from(self.next_u64()) * u128::from(bound);
            if product as u64 >= rejected_below {
                return (product >> 64) as u64;
            }
        }
    }

    /// Puts `items` into a uniformly random order (Fisher and Yates).
    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            items.swap(last, self.below(last as u64 + 1) as usize);
        }
    }

    fn refill(&mut self) {
        keystream(&self.cipher, &mut self.counter, &mut self.buffer);
        self.used = 0;
    }
}

impl TryRng for Generator {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        let mut bytes = [0; 4];
        self.fill_bytes(&mut bytes);
        Ok(u32::from_le_bytes(bytes))
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        Ok(self.next_u64())
    }

    fn try_fill_bytes(&mut self, out: &mut [u8]) -> Result<(), Infallible> {
        self.fill_bytes(out);
        Ok(())
    }
}

impl TryCryptoRng for Generator {}

impl fmt::Debug for Generator {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Generator").finish_non_exhaustive()
    }
}

impl Drop for Generator {
    fn drop(&mut self) {
        // The cipher zeroises its round keys itself.
        self.counter.zeroize();
        self.buffer.zeroize();
    }
}

/// Overwrites `out`, whole blocks, with the encryptions of the next counters.
fn keystream(cipher: &Cipher, counter: &mut u128, out: &mut [u8]) {
    let (blocks, _) = out.as_chunks_mut::<{ size_of::<Block>() }>();
    for block in blocks.iter_mut() {
        *block = counter.to_le_bytes();
        *counter = counter.wrapping_add(1);
    }
    cipher.encrypt(blocks);
}

/// Drawn at once: 64 blocks, a multiple of what every AES engine has in flight.
const BUFFER_BYTES: usize = 64 * 16;

const KEY_CONTEXT: &str = "tombolo 2026-11 random::Generator key and counter";

#[cfg(test)]
mod tests {
    use aes::Aes128Enc;
    use aes::cipher::{Array, BlockCipherEncrypt, KeyInit};
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn known_answer_is_aes_in_counter_mode() {
        let mut expected = [0; 4096];
        let derived = blake3::derive_key(KEY_CONTEXT, &[7; 32]);
        let cipher = Aes128Enc::new_from_slice(&derived[..16]).unwrap();
        let mut counter = u128::from_le_bytes(derived[16..].try_into().unwrap());
        for block in expected.chunks_exact_mut(16) {
            let mut one = Array(counter.to_le_bytes());
            cipher.encrypt_block(&mut one);
            block.copy_from_slice(&one);
            counter = counter.wrapping_add(1);
        }
        let mut actual = [0; 4096];
        Generator::from_seed([7; 32]).fill_bytes(&mut actual);
        assert_eq!(actual, expected);
    }

    proptest! {
        #[test]
        fn every_method_takes_the_next_bytes_of_one_stream(
            sizes in prop::collection::vec(0usize..1500, 1..8)
        ) {
            let total: usize = sizes.iter().sum();
            let mut whole = vec![0; total * 8 + 8];
            Generator::from_seed([1; 32]).fill_bytes(&mut whole);

            let mut generator = Generator::from_seed([1; 32]);
            let mut pieces = Vec::new();
            for (index, &size) in sizes.iter().enumerate() {
                let mut words = vec![0; size];
                if index % 2 == 0 {
                    generator.fill_words(&mut words);
                    pieces.extend(words.iter().flat_map(|word| word.to_le_bytes()));
                } else {
                    let mut bytes = vec![0; size * 8];
                    generator.fill_bytes(&mut bytes);
                    pieces.extend(bytes);
                }
            }
            pieces.extend(generator.next_u64().to_le_bytes());
            prop_assert_eq!(pieces, whole);
        }

        #[test]
        fn below_stays_below(bound in 1u64.., seed: [u8; 32]) {
            prop_assert!(Generator::from_seed(seed).below(bound) < bound);
        }
    }

    #[test]
    fn below_is_uniform() {
        let mut generator = Generator::from_seed([3; 32]);
        let mut counts = [0i64; 6];
        for _ in 0..60_000 {
            counts[generator.below(6) as usize] += 1;
        }
        // Six standard deviations of a binomial(60 000, 1/6) are 548.
        assert!(counts.iter().all(|count| (count - 10_000).abs() < 548), "{counts:?}");
    }

    #[test]
    fn shuffle_keeps_every_item_and_reaches_every_order() {
        let mut generator = Generator::from_seed([4; 32]);
        let mut seen = std::collections::BTreeSet::new();
        for _ in 0..500 {
            let mut items = [0, 1, 2, 3];
            generator.shuffle(&mut items);
            seen.insert(items);
            items.sort_unstable();
            assert_eq!(items, [0, 1, 2, 3]);
        }
        assert_eq!(seen.len(), 24);
    }

    #[test]
    fn seeds_children_and_the_system_give_different_streams() {
        let mut parent = Generator::from_seed([5; 32]);
        let mut neighbour = [5; 32];
        neighbour[31] ^= 1;
        let mut streams = [
            parent.child(),
            parent.child(),
            parent,
            Generator::from_seed(neighbour),
            Generator::from_os(),
            Generator::from_os(),
        ];
        let firsts: std::collections::BTreeSet<u64> =
            streams.iter_mut().map(Generator::next_u64).collect();
        assert_eq!(firsts.len(), streams.len());
    }

    #[test]
    fn debug_shows_nothing() {
        assert_eq!(format!("{:?}", Generator::from_seed([6; 32])), "Generator { .. }");
    }
}
