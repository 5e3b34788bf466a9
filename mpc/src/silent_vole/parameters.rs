//! How much noise the code takes, and how correlations are cut into batches. The one place that
//! decides the security of silent correlations; read it before changing a number anywhere.
//!
//! | code | assumed relative distance δ | coefficients | noise weight t | status |
//! |---|---|---|---|---|
//! | expand-convolute 21×24, rate 1/2 | 0.20 | GF(2^128) | **200** | used |
//! | expand-convolute 21×24, fixed tap in GF(2^8) | 0.20 | subspaces of 10 to 13 bytes | **200** |
//! used |
//! | expand-convolute 21×24, fixed tap one | 0.11 | bits, all one | **200** | used for transfers |
//! | expand-convolute 7×24 | 0.15 | GF(2^128) | 280 | not used |
//! | any, with the weight for bits (128 at δ = 0.20) | | GF(2^128) | | refused: too little noise |
//! | Silver; Tungsten; expand-accumulate 7, 11, 21 | | | | refused: low-weight words, no proof |
//!
//! *Rule.* `t = ⌈-64 / log2(1 - δ)⌉`, rounded up to a multiple of 8. A test of the result, linear
//! over any subfield, weights the noise with a word of the code, of which at least a share δ is not
//! zero. The test is biased only if all t places of noise, one in each block, miss those: with
//! probability at most `(1 - δ)^t ≤ 2^-64`, a bias that takes 2^128 samples to see. The values are
//! uniform over the field, hence `1 - δ` and not the `1 - 2δ` of bits.
//!
//! *Considered.* Linear tests (Boyle, Couteau, Gilboa, Ishai, Kohl, Rindal, Scholl, CRYPTO 2022,
//! eprint 2022/1014): by the rule. Guessing places free of noise (Prange): at rate 1/2, that half
//! of every block is free holds with probability `2^-t = 2^-200`. Algebraic attacks on regular
//! noise (Briaud, Øygarden, EUROCRYPT 2023, eprint 2023/176): 2^230 with the best guess. What is
//! computed stands in `attacks`, which fails below 128 bits. Not computed: refined decoding of
//! regular noise (Esser, Santini, CRYPTO 2024, eprint 2023/1568; Liu, Wang, Yang, Yu, EUROCRYPT
//! 2024, eprint 2022/712). That δ = 0.20 holds is a heuristic estimate for the family, not a proof
//! and not measured here; a stricter reading, `(1 - δ)^t ≤ 2^-128`, would take t = 400.
//!
//! *Values from a subspace* (of d bytes, a vector space over GF(2^8)) are d words over GF(2^8) with
//! one common support, because the code's entries are in GF(2^8). The rule holds for them as it is:
//! a value is uniform in the subspace, so that a test that is not zero at its place sees a uniform
//! bit. What is new is that noise need not be missed altogether: with fewer than d places of noise
//! in the half that was chosen, the d words are dependent there, and linear algebra finds the
//! combination that is free of noise (Porwal and others, "Interleaved Prange", `PQCrypto` 2022,
//! eprint 2022/374). That takes 2^150 eliminations for 10 bytes and 2^137 for 13, from 10 to 13
//! places of 200 in place of none. The assumption is then: regular syndrome decoding of d words
//! with one support is hard over GF(2^8) for this code.
//!
//! *Bits* (A in GF(2), for oblivious transfer) are one word of a binary code: no second word shares
//! its support. Noise is one at its place, so that a test of a block is biased by `1-2ρ` where
//! it covers a share ρ of it, and, up to the known parity of a block, ρ is at most a
//! half: with an average of δ, the bias of a test is at most `(1 - 2δ)^t`. A binary code of rate
//! 1/2 has no relative distance of 0.20 (the linear-programming bound allows 0.187, random codes
//! have 0.11, Gilbert and Varshamov); at 0.11 the bias is 2^-71, which meets the rule and not its
//! stricter reading. (The blocks' parities add t words to the code; that they leave its distance is
//! part of the assumption.) Guessing takes 2^200 eliminations, with the parities; enumerating some
//! places of noise besides (Stern 1988) 2^211 operations; the hybrid algebraic attack over GF(2)
//! 2^252. All stand in `attacks`. A noise weight of 128, which others take, would leave 2^128,
//! 2^142 and 2^183; it would save nothing but a third of the messages, of 0.4 bytes a transfer.
//!
//! *Bits that never mix.* With purely binary taps each bit would be a word of its own: 80 words or
//! 128 with one support. That is not weaker by a few bits, it is broken: 2^8 eliminations for 80
//! bits and one for 128, and t = 336, which is advised for this case, does not mend it (2^61). The
//! fixed tap is what keeps bits together: ζ as above, whatever the place, and for values from the
//! whole field `x`, which mixes the bits along the convolution, but little within its last 25·128
//! places.
//!
//! *Batches* are independent noise under one code, which is as hard as one of them up to a factor
//! of their number. A batch is as large as it is for speed: its vectors fit the caches.

use crate::MpcError;

/// Correlations of one call at most.
pub const COUNT_MAX: usize = 1 << 25;

/// Trees of one batch: the noise weight t of the table.
pub(super) const TREES: usize = 200;

/// Correlations of one batch, at most and at least (few places of noise need room).
const BATCH_MAX: usize = 1 << 18;
const BATCH_MIN: usize = 1 << 14;

/// Leaves of a full tree at most: batches are of 204,800 correlations, near [`BATCH_MAX`].
const FULL_LEAVES_MAX: usize = 1 << 11;

/// Correlations of one batch that is made for oblivious transfers.
pub(super) const TRANSFERS: usize = TREES / 2 * FULL_LEAVES_MAX;

/// Leaves of a tree come in fours, so that whole vectors are worked on.
const LEAVES_MULTIPLE: usize = 4;

/// How a number of correlations is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Plan {
    batches: usize,
    leaves: usize,
}

impl Plan {
    /// The plan for at least `count` correlations.
    pub(super) fn new(count: usize) -> Result<Self, MpcError> {
        if count > COUNT_MAX {
            return Err(MpcError::InvalidInput(format!(
                "at most {COUNT_MAX} correlations at once, asked for {count}"
            )));
        }
        let batches = count.div_ceil(BATCH_MAX).max(1);
        let outputs = count.div_ceil(batches).max(BATCH_MIN);
        // Noise is twice as long as what it is compressed to.
        let leaves = (2 * outputs).div_ceil(TREES).next_multiple_of(LEAVES_MULTIPLE);
        Ok(Self { batches, leaves })
    }

    /// The plan for at least `count` correlations with trees that are full.
    ///
    /// A tree that is cut on its right is for honest receivers only: one that follows a path into
    /// what was cut off would know all leaves, and from their sum the sender's share of noise value
    /// times Δ, hence Δ.
    pub(super) fn with_full_trees(count: usize) -> Result<Self, MpcError> {
        let full_max = TREES / 2 * FULL_LEAVES_MAX;
        let batches = count.min(COUNT_MAX).div_ceil(full_max).max(1);
        let share = Self::new(count).map(|_| count.div_ceil(batches).max(BATCH_MIN))?;
        let leaves = (2 * share).div_ceil(TREES).next_power_of_two();
        Ok(Self { batches, leaves })
    }

    /// The plan for whole batches of [`TRANSFERS`] correlations, with full trees.
    pub(super) fn of_transfers(batches: usize) -> Self {
        Self { batches, leaves: FULL_LEAVES_MAX }
    }

    pub(super) fn batches(&self) -> usize {
        self.batches
    }

    /// Leaves of one tree, an even number.
    pub(super) fn leaves(&self) -> usize {
        self.leaves
    }

    /// Levels of a tree below its root.
    pub(super) fn depth(&self) -> usize {
        self.leaves.next_power_of_two().ilog2() as usize
    }

    /// Correlations of one batch.
    pub(super) fn outputs(&self) -> usize {
        TREES / 2 * self.leaves
    }

    /// Trees of all batches.
    pub(super) fn trees(&self) -> usize {
        self.batches * TREES
    }

    /// Oblivious transfers of all trees.
    pub(super) fn transfers(&self) -> usize {
        self.trees() * self.depth()
    }
}

#[cfg(test)]
mod attacks;
#[cfg(test)]
mod tests {
    use super::*;

    /// The rule of the table, for its codes.
    #[test]
    fn the_noise_weight_follows_from_the_distance() {
        let weight =
            |distance: f64| ((-64.0 / (1.0 - distance).log2()).ceil() as usize).next_multiple_of(8);
        assert_eq!((weight(0.20), weight(0.15)), (TREES, 280));
        let bias = (1.0_f64 - 0.20).log2() * TREES as f64;
        assert!(bias <= -64.0, "{bias}");
    }

    #[test]
    fn plans_cover_the_count_and_stay_small() {
        for count in [0, 1, BATCH_MIN, BATCH_MAX, BATCH_MAX + 1, 1_415_577, COUNT_MAX] {
            let plan = Plan::new(count).unwrap();
            let made = plan.batches() * plan.outputs();
            assert!(made >= count.max(BATCH_MIN), "{count}: {plan:?}");
            // Rounding adds at most four leaves to each of half the trees.
            let surplus = plan.batches() * (1 + TREES / 2 * LEAVES_MULTIPLE);
            assert!(made <= count.max(BATCH_MIN) + surplus, "{count}: {plan:?}");
            assert!(plan.outputs() <= BATCH_MAX + TREES / 2 * LEAVES_MULTIPLE);
            assert!(plan.leaves() <= 1 << plan.depth() && plan.leaves() > 1 << (plan.depth() - 1));
        }
        assert!(matches!(Plan::new(COUNT_MAX + 1), Err(MpcError::InvalidInput(_))));
    }

    #[test]
    fn full_trees_cover_the_count() {
        for count in [0, 1, BATCH_MIN, 204_800, 204_801, 1_415_577, COUNT_MAX] {
            let plan = Plan::with_full_trees(count).unwrap();
            assert!(plan.batches() * plan.outputs() >= count.max(BATCH_MIN), "{count}: {plan:?}");
            assert!(plan.leaves().is_power_of_two() && plan.leaves() <= FULL_LEAVES_MAX);
            assert_eq!(plan.leaves(), 1 << plan.depth());
        }
        assert_eq!(Plan::with_full_trees(1).unwrap(), Plan { batches: 1, leaves: 256 });
        assert!(matches!(Plan::with_full_trees(COUNT_MAX + 1), Err(MpcError::InvalidInput(_))));
    }
}
