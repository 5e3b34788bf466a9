//! The expand-convolute code, which compresses sparse noise into pseudo-random elements.
//!
//! The code has rate 1/2: noise `(p, q)` of twice `n` elements becomes the `n` elements
//! `p + E·C₂·C₁·q`. Each C is a recursive convolution with 24 random binary taps at each place and
//! one fixed tap at the place behind them; taps that point beyond the end go on at the front.
//! Each row of E has one entry in each of [`WEIGHT`] equal segments. This is the transpose of the
//! systematic encoder `m ↦ (m, C₁ᵀ·C₂ᵀ·Eᵀ·m)`. The second convolution is for words whose expansion
//! lies at one end, where a single one reaches little; the authors' own encoder has it too.
//!
//! That the result looks random is the dual learning-parity-with-noise assumption for this code;
//! how much noise it takes is decided where the noise is made.
//!
//! *The fixed tap* is not one, because a binary code over GF(2^128) would treat the 128 bits of an
//! element as 128 codes with one common support, which linear algebra decodes. For noise from the
//! whole field it is `x`: every bit is carried into every other. For noise from a
//! [`Subspace`](crate::field128::subspace::Subspace) it is ζ, a generator of GF(2^8), so that the
//! outputs stay in the subspace. The code is then one over GF(2^8), and the noise in a subspace of
//! d bytes is d words for it with one common support: d is small where 128 was not.
//!
//! For noise that is bits it is one, and so are the outputs' bits: one word of a binary code. The
//! other half of a correlation, which is any elements, is compressed by the same code.
//!
//! The code is public and the same for everybody, derived from its name and size, so that no party
//! can choose a weak one.
//!
//! Reference: Raghuraman, Rindal, Tanguy, "Expand-Convolute Codes for Pseudorandom Correlation
//! Generators from LPN", CRYPTO 2023 (eprint 2023/882), with row weight 21 and state 24.

use core::fmt;
use core::ops::Range;

use rayon::prelude::*;

use crate::arch::convolution::{Engine, STATE, X};
use crate::field128::Gf128;
use crate::field128::subspace::{Subspace, ZETA};
use crate::hash::digest;
use crate::random::Generator;

/// Entries in a row of the expander.
pub const WEIGHT: usize = 21;
/// The outputs of the smallest code: shorter segments could not be told from each other.
pub const OUTPUTS_MIN: usize = 1 << 10;
/// The outputs of the largest code: a segment then has 2^16 elements.
pub const OUTPUTS_MAX: usize = WEIGHT << 16;

/// One expand-convolute code.
///
/// Takes 50 bytes for each output. Making one takes about as long as using it once, so that noise
/// of one length should share it.
pub struct ExpandConvolute {
    /// For each place its binary taps, of both convolutions.
    taps: [Vec<u32>; 2],
    /// Segment by segment: for each output the place of its entry within the segment.
    places: Vec<u16>,
    fixed: Gf128,
}

impl ExpandConvolute {
    /// The code with so many outputs, for noise from this part of the field. Runs on the current
    /// rayon pool.
    ///
    /// # Panics
    ///
    /// Unless `outputs` is in [`OUTPUTS_MIN`]`..=`[`OUTPUTS_MAX`]: the size is the caller's own.
    pub fn new(outputs: usize, values: &Subspace) -> Self {
        Self::with_fixed_tap(outputs, if values.is_whole() { X } else { ZETA })
    }

    /// The code with so many outputs for noise that is bits. Runs on the current rayon pool.
    ///
    /// # Panics
    ///
    /// As [`ExpandConvolute::new`].
    pub fn for_bits(outputs: usize) -> Self {
        Self::with_fixed_tap(outputs, Gf128::ONE)
    }

    fn with_fixed_tap(outputs: usize, fixed: Gf128) -> Self {
        assert!((OUTPUTS_MIN..=OUTPUTS_MAX).contains(&outputs), "no code of {outputs} outputs");
        let taps = [WEIGHT, WEIGHT + 1].map(|part| {
            let mut taps = vec![0; outputs];
            draw(&mut generator(outputs, part), &mut taps, |word| word >> (32 - STATE));
            taps
        });
        let mut places = vec![0; outputs * WEIGHT];
        places.par_chunks_mut(outputs).enumerate().for_each(|(index, places)| {
            let length = segment(outputs, index).len() as u64;
            let place = |word: u32| ((u64::from(word) * length) >> 32) as u16;
            draw(&mut generator(outputs, index), places, place);
        });
        Self { taps, places, fixed }
    }

    /// How many elements one use of the code gives.
    pub fn outputs(&self) -> usize {
        self.taps[0].len()
    }

    /// Compresses noise `(p, q)`: `kept` is `p` and becomes the outputs, `folded` is `q` and is
    /// used up.
    ///
    /// Runs on one thread; the time depends on the size only. All entries of one segment are added
    /// before the next segment's, because a segment fits into a near cache where the whole does
    /// not.
    ///
    /// # Panics
    ///
    /// Unless both halves have [`ExpandConvolute::outputs`] elements.
    pub fn compress(&self, kept: &mut [Gf128], folded: &mut [Gf128]) {
        let outputs = self.outputs();
        assert_eq!([kept.len(), folded.len()], [outputs; 2], "noise of another length");
        self.convolute(folded);
        for (index, places) in self.places.chunks_exact(outputs).enumerate() {
            let segment = &folded[segment(outputs, index)];
            for (output, place) in kept.iter_mut().zip(places) {
                *output += segment[usize::from(*place)];
            }
        }
    }

    /// Compresses eight vectors of bits at once, vector k in bit k of each byte, as
    /// [`ExpandConvolute::compress`] does with elements. Runs on the current rayon pool; the time
    /// depends on the size only.
    ///
    /// # Panics
    ///
    /// Unless this code is one [for bits](ExpandConvolute::for_bits) and both halves have
    /// [`ExpandConvolute::outputs`] bytes.
    pub fn compress_bits(&self, kept: &mut [u8], folded: &mut [u8]) {
        let outputs = self.outputs();
        assert!(self.fixed == Gf128::ONE, "bits under a code that mixes them");
        assert_eq!([kept.len(), folded.len()], [outputs; 2], "noise of another length");
        for taps in &self.taps {
            convolute_bits(folded, taps);
        }
        kept.par_chunks_mut(OUTPUTS_PER_TASK).enumerate().for_each(|(task, kept)| {
            for (index, places) in self.places.chunks_exact(outputs).enumerate() {
                let segment = &folded[segment(outputs, index)];
                let places = &places[task * OUTPUTS_PER_TASK..];
                for (output, place) in kept.iter_mut().zip(places) {
                    *output ^= segment[usize::from(*place)];
                }
            }
        });
    }

    /// Both convolutions, in place.
    fn convolute(&self, values: &mut [Gf128]) {
        for taps in &self.taps {
            Engine::detect().convolute(values, taps, self.fixed);
            go_on_at_the_front(values, taps, self.fixed);
        }
    }
}

/// Adds the last elements to the first ones that their taps name, counted beyond the end.
///
/// The first elements are finished by then: what is added here reaches nothing further.
fn go_on_at_the_front(values: &mut [Gf128], taps: &[u32], fixed: Gf128) {
    let end = values.len();
    for place in end - STATE - 1..end {
        let element = values[place];
        for tap in (0..STATE).filter(|tap| taps[place] >> tap & 1 == 1) {
            if let Some(target) = (place + 1 + tap).checked_sub(end) {
                values[target] += element;
            }
        }
        values[place + 1 + STATE - end] += element * fixed;
    }
}

/// One convolution of eight vectors of bits, with a fixed tap that is one.
///
/// What is still to be added to the [`STATE`] + 1 bytes behind the current one stands in a window
/// of words, the nearest byte lowest.
fn convolute_bits(values: &mut [u8], taps: &[u32]) {
    const WORDS: usize = STATE / 8;
    let mut window = [0_u64; WORDS + 1];
    for (value, taps) in values.iter_mut().zip(taps) {
        *value ^= window[0] as u8;
        for word in 0..WORDS {
            window[word] = window[word] >> 8 | window[word + 1] << 56;
        }
        let spread = u64::from(*value) * 0x0101_0101_0101_0101;
        for (word, taps) in window.iter_mut().zip(taps.to_le_bytes()).take(WORDS) {
            *word ^= spread & BYTES_OF_BITS[usize::from(taps)];
        }
        window[WORDS] = u64::from(*value);
    }
    let beyond = window.iter().flat_map(|word| word.to_le_bytes());
    for (value, beyond) in values.iter_mut().zip(beyond) {
        *value ^= beyond;
    }
}

/// For each byte a word with a full byte in the place of each bit that is set.
static BYTES_OF_BITS: [u64; 256] = {
    let mut table = [0; 256];
    let mut place = 8;
    while place < 8 * table.len() {
        let (byte, bit) = (place / 8, place % 8);
        table[byte] |= (0xFF * (byte >> bit & 1) as u64) << (8 * bit);
        place += 1;
    }
    table
};

impl fmt::Debug for ExpandConvolute {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("ExpandConvolute")
            .field("outputs", &self.outputs())
            .finish_non_exhaustive()
    }
}

/// The places of a segment: equal lengths up to one.
fn segment(outputs: usize, index: usize) -> Range<usize> {
    index * outputs / WEIGHT..(index + 1) * outputs / WEIGHT
}

/// The public randomness of one part of a code.
fn generator(outputs: usize, part: usize) -> Generator {
    let numbers = [outputs, part].map(|number| (number as u64).to_le_bytes());
    Generator::from_seed(digest("crypto.expand_convolute 21x24", &[&numbers[0], &numbers[1]]))
}

/// Fills `out` from uniform 32-bit numbers, the next bytes of the generator.
fn draw<T>(generator: &mut Generator, out: &mut [T], convert: impl Fn(u32) -> T) {
    let mut bytes = [0; DRAWN_BYTES];
    for out in out.chunks_mut(DRAWN_BYTES / 4) {
        generator.fill_bytes(&mut bytes);
        for (out, bytes) in out.iter_mut().zip(bytes.as_chunks::<4>().0) {
            *out = convert(u32::from_le_bytes(*bytes));
        }
    }
}

/// Outputs of bits that one task compresses: they stay in the nearest cache.
const OUTPUTS_PER_TASK: usize = 1 << 14;
/// Bytes of randomness that are drawn at once.
const DRAWN_BYTES: usize = 4096;

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn random(rng: &mut Generator, count: usize) -> Vec<Gf128> {
        (0..count).map(|_| Gf128::random(rng)).collect()
    }

    /// The smallest subspace.
    fn small() -> Subspace {
        Subspace::with_bits(80).unwrap()
    }

    /// Against the rows of the expander, one output at a time.
    #[test]
    fn compresses_by_definition() {
        let outputs = OUTPUTS_MIN + 37;
        let code = ExpandConvolute::new(outputs, &Subspace::WHOLE);
        let mut rng = Generator::from_seed([1; 32]);
        let (noise, folded) = (random(&mut rng, outputs), random(&mut rng, outputs));
        let mut convoluted = folded.clone();
        code.convolute(&mut convoluted);
        let (mut kept, mut used) = (noise.clone(), folded.clone());
        code.compress(&mut kept, &mut used);
        for (row, output) in kept.iter().enumerate() {
            let entry = |index| {
                let place = usize::from(code.places[index * outputs + row]);
                convoluted[segment(outputs, index)][place]
            };
            assert_eq!(*output, noise[row] + (0..WEIGHT).map(entry).sum());
        }
    }

    /// Against the definition: from the front, each finished element is added where its taps
    /// point, around the end.
    #[test]
    fn convolutes_around_the_end() {
        let outputs = OUTPUTS_MIN + 3;
        for (code, fixed) in [
            (ExpandConvolute::for_bits(outputs), Gf128::ONE),
            (ExpandConvolute::new(outputs, &Subspace::WHOLE), X),
            (ExpandConvolute::new(outputs, &small()), ZETA),
        ] {
            let mut values = random(&mut Generator::from_seed([4; 32]), outputs);
            let mut expected = values.clone();
            for taps in &code.taps {
                for place in 0..outputs {
                    let element = expected[place];
                    for tap in (0..STATE).filter(|tap| taps[place] >> tap & 1 == 1) {
                        expected[(place + 1 + tap) % outputs] += element;
                    }
                    expected[(place + 1 + STATE) % outputs] += element * fixed;
                }
            }
            code.convolute(&mut values);
            assert_eq!(values, expected);
        }
    }

    #[test]
    fn noise_from_a_subspace_stays_there() {
        let subspace = small();
        let code = ExpandConvolute::new(OUTPUTS_MIN, &subspace);
        let mut rng = Generator::from_seed([5; 32]);
        let [mut kept, mut folded]: [Vec<Gf128>; 2] =
            std::array::from_fn(|_| (0..OUTPUTS_MIN).map(|_| subspace.random(&mut rng)).collect());
        code.compress(&mut kept, &mut folded);
        assert!(kept.iter().all(|output| subspace.element(output.0) == *output));
    }

    #[test]
    fn is_linear_over_the_field() {
        let code = ExpandConvolute::new(OUTPUTS_MIN, &Subspace::WHOLE);
        let mut rng = Generator::from_seed([2; 32]);
        let factor = Gf128::random(&mut rng);
        let [left, right]: [[Vec<Gf128>; 2]; 2] =
            std::array::from_fn(|_| std::array::from_fn(|_| random(&mut rng, OUTPUTS_MIN)));
        let compress = |[mut kept, mut folded]: [Vec<Gf128>; 2]| {
            code.compress(&mut kept, &mut folded);
            kept
        };
        let combine = |left: &[Gf128], right: &[Gf128]| -> Vec<Gf128> {
            left.iter().zip(right).map(|(left, right)| *left * factor + *right).collect()
        };
        let combined = [0, 1].map(|half| combine(&left[half], &right[half]));
        assert_eq!(compress(combined), combine(&compress(left), &compress(right)));
    }

    /// Eight vectors of bits against elements, bit by bit.
    #[test]
    fn bits_are_compressed_as_elements() {
        let outputs = OUTPUTS_MIN + 5;
        let code = ExpandConvolute::for_bits(outputs);
        let mut rng = Generator::from_seed([6; 32]);
        let [mut kept, mut folded] = [(); 2].map(|()| random(&mut rng, outputs));
        let lowest = |elements: &[Gf128]| elements.iter().map(|it| it.0 as u8).collect::<Vec<_>>();
        let (mut kept_bits, mut folded_bits) = (lowest(&kept), lowest(&folded));
        code.compress(&mut kept, &mut folded);
        code.compress_bits(&mut kept_bits, &mut folded_bits);
        assert_eq!(kept_bits, lowest(&kept));
    }

    /// Two machines must have one code: its hash is pinned.
    #[test]
    fn known_answer() {
        let code = ExpandConvolute::new(OUTPUTS_MIN, &Subspace::WHOLE);
        let taps = code.taps.concat();
        let taps: Vec<u8> = taps.iter().flat_map(|taps| taps.to_le_bytes()).collect();
        let places: Vec<u8> = code.places.iter().flat_map(|place| place.to_le_bytes()).collect();
        let hash = blake3::hash(&[taps, places].concat());
        assert_eq!(
            hash.to_hex().as_str(),
            "6d4e4b7a12d378b36769b59bb323c6bf2c40b91b7907c6417932be90eb4d0ebf"
        );
    }

    /// Taps and places are uniform: six standard deviations around the mean.
    #[test]
    fn taps_and_places_are_uniform() {
        let outputs = 1 << 16;
        let code = ExpandConvolute::new(outputs, &Subspace::WHOLE);
        for taps in &code.taps {
            let set: u32 = taps.iter().map(|taps| taps.count_ones()).sum();
            assert!(taps.iter().all(|taps| taps >> STATE == 0));
            let bits = (outputs * STATE) as f64;
            assert!((f64::from(set) - bits / 2.0).abs() < 6.0 * bits.sqrt() / 2.0, "{set}");
        }
        for (index, places) in code.places.chunks(outputs).enumerate() {
            let length = segment(outputs, index).len() as f64;
            let mean =
                places.iter().map(|place| f64::from(*place) / length).sum::<f64>() / outputs as f64;
            assert!((mean - 0.5).abs() < 6.0 / (12.0 * outputs as f64).sqrt() + 1.0 / length);
            assert!(places.iter().all(|place| f64::from(*place) < length));
        }
    }

    /// One noisy place reaches nearly all outputs, with as many values as there can be: with a
    /// purely binary code they would all be zero or one.
    #[test]
    fn one_place_reaches_all_outputs_with_all_values() {
        let outputs = 1 << 13;
        for (subspace, zeros_max, values) in [
            (Subspace::WHOLE, outputs / 1000, outputs - outputs / 1000),
            (small(), outputs / 128, 256),
        ] {
            let code = ExpandConvolute::new(outputs, &subspace);
            let (mut kept, mut folded) = (vec![Gf128::ZERO; outputs], vec![Gf128::ZERO; outputs]);
            folded[0] = Gf128::ONE;
            code.compress(&mut kept, &mut folded);
            assert!(kept.iter().filter(|output| **output == Gf128::ZERO).count() < zeros_max);
            let distinct: BTreeSet<u128> = kept.iter().map(|output| output.0).collect();
            assert!(distinct.len() >= values, "{} values", distinct.len());
        }
    }

    /// Words of the code from messages of one and of two places have far more than the share of
    /// non-zero places that noise weights assume: a broken expander or convolution shows here. It
    /// says nothing about words from longer messages.
    #[test]
    fn words_of_one_and_two_rows_are_heavy() {
        for subspace in [Subspace::WHOLE, small()] {
            check_words_of_one_and_two_rows(&ExpandConvolute::new(OUTPUTS_MIN, &subspace), 0.35);
        }
        // Half of random bits are zero.
        check_words_of_one_and_two_rows(&ExpandConvolute::for_bits(OUTPUTS_MIN), 0.20);
    }

    fn check_words_of_one_and_two_rows(code: &ExpandConvolute, share_min: f64) {
        let outputs = code.outputs();
        let column = |place: usize| {
            let mut noise = [vec![Gf128::ZERO; outputs], vec![Gf128::ZERO; outputs]];
            noise[1][place] = Gf128::ONE;
            let [kept, folded] = &mut noise;
            code.compress(kept, folded);
            kept.clone()
        };
        let columns: Vec<Vec<Gf128>> = (0..outputs).map(column).collect();
        let share = |word: &dyn Fn(&[Gf128]) -> Gf128| {
            let weight = columns.iter().filter(|column| word(column) != Gf128::ZERO).count();
            weight as f64 / (2 * outputs) as f64
        };
        let mut rng = Generator::from_seed([3; 32]);
        for row in 0..outputs {
            let other = (row + 1 + rng.below(outputs as u64 - 1) as usize) % outputs;
            let factor = Gf128::random(&mut rng);
            let one = share(&|column| column[row]);
            let two = share(&|column| column[row] + column[other]);
            let scaled = share(&|column| column[row] + column[other] * factor);
            let least = one.min(two).min(scaled);
            assert!(least > share_min, "{row}, {other}: {one} {two} {scaled}");
        }
    }
}
