//! Transposing one 128 × 128 bit block: one algorithm, compiled for the vectors a processor has.
#![expect(clippy::inline_always, reason = "inlined code is compiled for its caller's vectors")]

/// A square of bits: bit `c` of element `r` is the bit in row `r`, column `c`.
pub(crate) type Block = [u128; 128];

/// Which instructions transpose a block. Only [`Engine::detect`] and `Engine::available` make
/// one, so that holding an engine proves that the processor can run it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Engine(Vectors);

#[derive(Clone, Copy, Debug)]
enum Vectors {
    Portable,
    #[cfg(target_arch = "x86_64")]
    Avx2,
    #[cfg(target_arch = "x86_64")]
    Avx512,
}

impl Engine {
    /// The widest engine of this processor.
    pub(crate) fn detect() -> Self {
        #[cfg(target_arch = "x86_64")]
        {
            if is_x86_feature_detected!("avx512f") {
                return Self(Vectors::Avx512);
            }
            if is_x86_feature_detected!("avx2") {
                return Self(Vectors::Avx2);
            }
        }
        Self(Vectors::Portable)
    }

    /// Every engine of this processor, so that one test covers them all.
    #[cfg(test)]
    pub(crate) fn available() -> Vec<Self> {
        let mut engines = vec![Self(Vectors::Portable)];
        #[cfg(target_arch = "x86_64")]
        {
            if is_x86_feature_detected!("avx2") {
                engines.push(Self(Vectors::Avx2));
            }
            if is_x86_feature_detected!("avx512f") {
                engines.push(Self(Vectors::Avx512));
            }
        }
        engines
    }

    /// Transposes `block` in place.
    pub(crate) fn transpose(self, block: &mut Block) {
        match self.0 {
            Vectors::Portable => transpose(block),
            #[cfg(target_arch = "x86_64")]
            // SAFETY: an engine with these vectors is only made after the processor was asked.
            Vectors::Avx2 => unsafe { transpose_avx2(block) },
            #[cfg(target_arch = "x86_64")]
            // SAFETY: as above.
            Vectors::Avx512 => unsafe { transpose_avx512(block) },
        }
    }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
fn transpose_avx2(block: &mut Block) {
    transpose(block);
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f")]
fn transpose_avx512(block: &mut Block) {
    transpose(block);
}

/// Transposes by halving: swap the off-diagonal squares of side 64, then, within each square, those
/// of side 32, and so on to single bits.
///
/// Every step is plain word arithmetic over contiguous rows, which the compiler turns into vectors
/// of the width that the calling function enables.
///
/// Eklundh, "A Fast Computer Method for Matrix Transposing", 1972; Warren, "Hacker's Delight",
/// section 7-3.
#[inline(always)]
fn transpose(block: &mut Block) {
    // Side 64 moves whole halves of the 128-bit rows; below, halves never mix.
    let (upper, lower) = block.split_at_mut(64);
    for (upper, lower) in upper.iter_mut().zip(lower) {
        let moved = (*upper >> 64) ^ (*lower & u128::from(u64::MAX));
        *lower ^= moved;
        *upper ^= moved << 64;
    }
    swap_squares::<32>(block, 0x0000_0000_FFFF_FFFF);
    swap_squares::<16>(block, 0x0000_FFFF_0000_FFFF);
    swap_squares::<8>(block, 0x00FF_00FF_00FF_00FF);
    swap_squares::<4>(block, 0x0F0F_0F0F_0F0F_0F0F);
    swap_squares::<2>(block, 0x3333_3333_3333_3333);
    swap_squares::<1>(block, 0x5555_5555_5555_5555);
}

/// Swaps, in every square of side `2 * SIDE` on the diagonal, the upper right with the lower left
/// quarter; `left` selects the columns of the left quarters in a word of 64.
#[inline(always)]
fn swap_squares<const SIDE: usize>(block: &mut Block, left: u64) {
    for square in block.chunks_exact_mut(2 * SIDE) {
        let (upper, lower) = square.split_at_mut(SIDE);
        for (upper, lower) in upper.iter_mut().zip(lower) {
            let (upper_words, lower_words) = (halves(*upper), halves(*lower));
            let moved = [0, 1].map(|half| (upper_words[half] >> SIDE ^ lower_words[half]) & left);
            *lower = joined([0, 1].map(|half| lower_words[half] ^ moved[half]));
            *upper = joined([0, 1].map(|half| upper_words[half] ^ moved[half] << SIDE));
        }
    }
}

#[inline(always)]
fn halves(row: u128) -> [u64; 2] {
    [row as u64, (row >> 64) as u64]
}

#[inline(always)]
fn joined([low, high]: [u64; 2]) -> u128 {
    u128::from(low) | u128::from(high) << 64
}
