//! Products of very long vectors, about, from those of short ones.
//!
//! A descent compares the squared length of its step with a bound, and asks whether its move went
//! uphill. With a hundred thousand variables the products of all of them would be most of what a
//! pass sends. Instead, places of certain spans are added up in [`BUCKETS`] buckets, each with a
//! random sign: products of such sums are those of the vectors on average, with a standard
//! deviation of at most `√(2/BUCKETS)`, 9 %, of the product of their lengths (Charikar, Chen,
//! Farach-Colton, "Finding Frequent Items in Data Streams", ICALP 2002; the bound: Weinberger et
//! al., "Feature Hashing for Large Scale Multitask Learning", ICML 2009). Buckets and signs are
//! public, and others in each pass. Other places are kept as they are, and spans of no more places
//! than buckets too.

use std::ops::Range;

use crypto::hash::digest;
use crypto::random::Generator;

/// Sums that stand for the places of one span, if these are more.
const BUCKETS: usize = 256;

/// Which places are added up, and what by.
pub(in crate::vertical) struct Sketch {
    spans: [Range<usize>; 2],
    seed: [u8; 32],
}

impl Sketch {
    /// Of places in these spans, which are in order; the seed is public.
    pub(super) fn new(spans: [Range<usize>; 2], seed: [u8; 32]) -> Self {
        Self { spans, seed }
    }

    /// The short vector for a shared one: linear, and the same for all vectors of one `pass`.
    pub(in crate::vertical) fn of(&self, vector: &[u64], pass: u32) -> Vec<u64> {
        let seed = digest("models.levels.sketch", &[&self.seed, &pass.to_le_bytes()]);
        let mut rng = Generator::from_seed(seed);
        let mut short = Vec::new();
        let mut start = 0;
        for span in &self.spans {
            short.extend(&vector[start..span.start]);
            start = span.end;
            let mut buckets = [0_u64; BUCKETS];
            if span.len() <= BUCKETS {
                short.extend(&vector[span.clone()]);
                continue;
            }
            for word in &vector[span.clone()] {
                let random = rng.next_u64();
                let signed = if random >> 63 == 1 { word.wrapping_neg() } else { *word };
                let bucket = &mut buckets[random as usize % BUCKETS];
                *bucket = bucket.wrapping_add(signed);
            }
            short.extend(buckets);
        }
        short.extend(&vector[start..]);
        short
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Products of short vectors are those of long ones on average, and as near as they should be.
    #[test]
    fn products_are_kept_about() {
        let mut rng = Generator::from_seed([7; 32]);
        let mut vector = || -> Vec<u64> { (0..3000).map(|_| rng.below(1000)).collect() };
        let (left, right) = (vector(), vector());
        let product = |left: &[u64], right: &[u64]| -> f64 {
            left.iter().zip(right).map(|(x, y)| (*x as i64 * *y as i64) as f64).sum()
        };
        let exact = product(&left, &right);
        let scale = (product(&left, &left) * product(&right, &right)).sqrt();
        let sketch = Sketch::new([10..1500, 1600..3000], [3; 32]);
        let mut mean = 0.0;
        for pass in 0..50 {
            let (left, right) = (sketch.of(&left, pass), sketch.of(&right, pass));
            assert_eq!(left.len(), 10 + 100 + 2 * BUCKETS);
            let error = (product(&left, &right) - exact) / scale;
            assert!(error.abs() < 0.5, "{error}");
            mean += error / 50.0;
        }
        assert!(mean.abs() < 0.08, "{mean}");
    }

    /// What is kept is kept, and shares of a vector make shares of its sketch.
    #[test]
    fn sketches_are_linear() {
        let sketch = Sketch::new([2..4, 5..305], [0; 32]);
        let [first, second] = [7, u64::MAX / 3]
            .map(|factor| (1..=306_u64).map(|it| it.wrapping_mul(factor)).collect::<Vec<u64>>());
        let sum: Vec<u64> = first.iter().zip(&second).map(|(x, y)| x.wrapping_add(*y)).collect();
        let short = [&first, &second].map(|it| sketch.of(it, 3));
        let sums: Vec<u64> =
            short[0].iter().zip(&short[1]).map(|(x, y)| x.wrapping_add(*y)).collect();
        assert_eq!(sums, sketch.of(&sum, 3));
        assert_eq!((&sums[..5], sums.last()), (&sum[..5], sum.last()));
        assert_eq!(sums.len(), 5 + BUCKETS + 1);
        assert_ne!(sketch.of(&first, 3), sketch.of(&first, 4));
    }
}
