//! What known attacks cost for the parameters that are offered: bits of work, all above 128.
//!
//! Each formula gives less work than the attack takes: memory, and what a step costs beyond what is
//! said, count nothing. Decoding that goes on guessing where it could enumerate (Stern and later)
//! is not computed: one more place of noise makes success some 20 times likelier, and takes the
//! square root at least of the 2^14 places and up that it may be at.

use super::{BATCH_MAX, BATCH_MIN, TRANSFERS, TREES};

/// What the receiver's noise is a word for, or several with one support.
#[derive(Clone, Copy, Debug)]
struct Noise {
    /// Bits of an element of the field that the code is over.
    field_bits: f64,
    /// Words with one support.
    words: usize,
}

/// The whole field and its tap, and the subspaces of 10 to 13 bytes over GF(2^8).
fn offered() -> Vec<Noise> {
    let small = (10..=13).map(|words| Noise { field_bits: 8.0, words });
    [Noise { field_bits: 128.0, words: 1 }].into_iter().chain(small).collect()
}

/// Guessing half of the places so that the words are dependent on the noise within (Porwal,
/// Holzbaur, Liu, Renner, Wachter-Zeh, Weger, "Interleaved Prange", `PQCrypto` 2022, eprint
/// 2022/374): bits of the expected number of guesses, each of which costs an elimination. For one
/// word that is Prange's: no noise within.
///
/// Half is the least share that leaves more equations than unknowns at rate 1/2. That it is half of
/// each block is the best choice: few successes of independent trials are likeliest if these have
/// equal chances (Hoeffding 1956).
fn guessing(weight: usize, noise: Noise) -> f64 {
    let mut chance = 0.0;
    // The share of choices with so many places of noise within, beginning with none.
    let mut share = 0.5_f64.powi(weight as i32);
    for within in 0..=weight {
        let spare = noise.words as f64 - 1.0 - within as f64;
        // Fewer places than words: dependent. Else some combination of words vanishes by chance.
        chance += share * (noise.field_bits * spare.min(0.0)).exp2();
        share *= (weight - within) as f64 / (within + 1) as f64;
    }
    -chance.log2()
}

/// Solving for the noise by Gröbner bases after guessing that a part of every block is free of it
/// (Briaud, Øygarden, EUROCRYPT 2023, eprint 2023/176, the hybrid attack on regular noise in a
/// large field): the least over all parts of the bits of guesses plus twice those of the monomials
/// of the degree where the Hilbert series is no longer positive.
///
/// Products of different places of one block are zero, also across words; for one word that is
/// their system. Elimination is taken to cost the square of the monomials.
fn algebraic(weight: usize, outputs: usize, noise: Noise) -> f64 {
    let block = (2 * outputs / weight) as f64;
    let part = |percent: usize| {
        let left = block * (1.0 - percent as f64 / 100.0);
        let guesses = -(weight as f64) * (left / block).log2();
        guesses + 2.0 * monomials_at_regularity(weight, left, outputs, noise.words).log2()
    };
    (0..50).map(part).fold(f64::INFINITY, f64::min)
}

/// Monomials of the first degree at which `(1 + left·((1 - z)^-w - 1))^t · (1 - z)^(w·outputs)` has
/// a coefficient that is not positive: t blocks of `left` places and w words, and an equation for
/// each output of each word.
fn monomials_at_regularity(weight: usize, left: f64, outputs: usize, words: usize) -> f64 {
    let mut block = vec![1.0; DEGREE_MAX + 1];
    let mut equations = block.clone();
    for degree in 1..=DEGREE_MAX {
        let (at, count) = (degree as f64, (words * outputs) as f64);
        block[degree] = block[degree - 1] * (words as f64 + at - 1.0) / at;
        equations[degree] = -equations[degree - 1] * (count - at + 1.0) / at;
    }
    block[1..].iter_mut().for_each(|coefficient| *coefficient *= left);
    let mut monomials = vec![0.0; DEGREE_MAX + 1];
    monomials[0] = 1.0;
    for _ in 0..weight {
        monomials = product(&monomials, &block);
    }
    let series = product(&monomials, &equations);
    // Rounding cannot hide a crossing: terms are at most 3^DEGREE_MAX times their sum.
    let regularity = series.iter().position(|coefficient| *coefficient <= 0.0);
    monomials[regularity.unwrap_or(DEGREE_MAX)]
}

/// Guessing for bits that are one: half of the places are to be free of noise but for one place of
/// each block, which its parity gives.
fn guessing_bits(weight: usize, outputs: usize) -> f64 {
    let block = (2 * outputs / weight) as f64;
    -(weight as f64) * (1.0 - (block / 2.0 - 1.0) / block).log2()
}

/// Stern's decoding of bits, without the structure of blocks, which no more than the parities
/// change: the least over `enumerated` places of noise in each half of those that are guessed, and
/// over the window of equations, of attempts times the work of one.
fn enumerating_bits(weight: usize, outputs: usize) -> f64 {
    let work = |enumerated: usize, window: usize| {
        let list = log_binomial(outputs / 2, enumerated);
        let attempts = log_binomial(2 * outputs, weight)
            - 2.0 * list
            - log_binomial(outputs - window, weight - 2 * enumerated);
        let matches = 2.0 * list - window as f64;
        attempts + (elimination(outputs).exp2() + list.exp2() + matches.exp2()).log2()
    };
    let windows = |enumerated| (0..100).map(move |window| work(enumerated, window));
    (0..6).flat_map(windows).fold(f64::INFINITY, f64::min)
}

/// [`algebraic`] over GF(2), where squares vanish and the parity of a block takes one place out of
/// it: series `(1 + (left - 1)·z)^t / (1 + z)^outputs`.
fn algebraic_bits(weight: usize, outputs: usize) -> f64 {
    let block = (2 * outputs / weight) as f64;
    let part = |percent: usize| {
        let left = block * (1.0 - percent as f64 / 100.0);
        let mut blocks = vec![1.0; DEGREE_MAX + 1];
        let mut equations = blocks.clone();
        for degree in 1..=DEGREE_MAX {
            let at = degree as f64;
            blocks[degree] = blocks[degree - 1] * (left - 1.0) * (weight as f64 - at + 1.0) / at;
            equations[degree] = -equations[degree - 1] * (outputs as f64 + at - 1.0) / at;
        }
        let series = product(&blocks, &equations);
        let regularity = series.iter().position(|coefficient| *coefficient <= 0.0);
        let monomials: f64 = blocks[..=regularity.unwrap_or(DEGREE_MAX)].iter().sum();
        let guesses = -(weight as f64) * (left / block).log2();
        guesses + 2.0 * monomials.log2()
    };
    (0..50).map(part).fold(f64::INFINITY, f64::min)
}

/// Bits of the number of choices of so many among `count`.
fn log_binomial(count: usize, chosen: usize) -> f64 {
    (0..chosen).map(|index| ((count - index) as f64 / (index + 1) as f64).log2()).sum()
}

fn product(left: &[f64], right: &[f64]) -> Vec<f64> {
    let coefficient = |degree: usize| (0..=degree).map(|at| left[at] * right[degree - at]).sum();
    (0..left.len()).map(coefficient).collect()
}

/// Series are cut here: a degree that is higher is taken for this one.
const DEGREE_MAX: usize = 25;

/// Bits of a single elimination: outputs squared, far less than it takes.
fn elimination(outputs: usize) -> f64 {
    2.0 * (outputs as f64).log2()
}

#[test]
fn guessing_places_takes_more_than_128_bits() {
    for noise in offered() {
        let bits = guessing(TREES, noise);
        assert!(bits > 128.0, "{noise:?}: {bits} bits of guesses");
    }
    let bits = |noise| guessing(TREES, noise).round() as u32;
    let small = |words| Noise { field_bits: 8.0, words };
    assert_eq!([10, 11, 12, 13].map(small).map(bits), [150, 146, 141, 137]);
    assert_eq!(bits(Noise { field_bits: 128.0, words: 1 }), 200);
}

/// Why codes are not binary: words of 80 bits fall to this, with 336 places of noise too.
#[test]
fn binary_codes_fall_to_guessing() {
    let binary =
        |weight, words| guessing(weight, Noise { field_bits: 1.0, words }) + elimination(BATCH_MAX);
    assert!(binary(TREES, 80) < 50.0 && binary(TREES, 128) < 37.0);
    assert!(binary(336, 80) < 100.0);
}

#[test]
fn algebraic_attacks_take_more_than_128_bits() {
    for noise in offered() {
        for outputs in [BATCH_MIN, BATCH_MAX] {
            let bits = algebraic(TREES, outputs, noise);
            assert!(bits > 230.0, "{noise:?}, {outputs} outputs: {bits} bits");
        }
    }
}

/// For oblivious transfers, of which all batches have one size; and what a noise weight of 128,
/// which others take, would leave.
#[test]
fn bits_take_more_than_128_bits() {
    let bits = |weight| {
        let attacks = [guessing_bits, enumerating_bits, algebraic_bits];
        attacks.map(|attack| attack(weight, TRANSFERS).round() as u32)
    };
    assert_eq!(bits(TREES), [200, 211, 252]);
    assert_eq!(bits(128), [128, 142, 183]);
    // The bias of a test at the distance that is assumed, that of random binary codes; 128 places
    // of noise would leave too much.
    let bias = |weight: f64| weight * (1.0_f64 - 2.0 * 0.11).log2();
    assert!(bias(TREES as f64) < -64.0 && bias(128.0) > -64.0);
}

/// The coefficients against the paper's form for one word, `(1 + left·z / (1 - z))^t (1 - z)^n`:
/// 23 is the degree where all of 2^15 places are left.
#[test]
fn regularity_is_that_of_the_series() {
    let monomials = monomials_at_regularity(200, 163.0, 16_300, 1);
    assert!((monomials.log2() - 268.5).abs() < 0.5, "{}", monomials.log2());
    // Two blocks of one place, two equations: the series is one.
    assert!((monomials_at_regularity(2, 1.0, 2, 1) - 2.0).abs() < 1e-9);
}
