//! When the validation loss has risen for long enough, on shares.
//!
//! A pass is uphill for the validation rows if the gradient of their loss, without penalties, taken
//! at the point ahead, goes along with the move that the pass made: the test that drops the
//! momentum (`optimiser`), asked about other rows. For `patience` p the parties share p bits, of
//! which bit j says that each of the last j + 1 passes was uphill; a pass moves them up by one and
//! takes the AND with its own bit. The last of them and the bit of a small gradient go through an
//! OR, so that the one opened bit does not tell the reasons apart, and the coefficients of p passes
//! earlier are chosen by the same shared bit.

use std::collections::VecDeque;

use mpc::MpcError;
use mpc::boolean::Bits;
use mpc::refresh::Shared;

use super::descent::Arithmetic;

/// The last passes of a training that stops early; everything is shared.
pub(in crate::vertical) struct Patience {
    /// Bit j: each of the last j + 1 passes was uphill for the validation rows.
    uphill: Bits,
    /// The coefficients before each of the last passes, the oldest first; as many as bits.
    earlier: VecDeque<Vec<u64>>,
}

impl Patience {
    /// Stops after this many passes, at least 1.
    pub(in crate::vertical) fn new(passes: usize) -> Self {
        Self { uphill: Bits::zeros(passes), earlier: VecDeque::with_capacity(passes) }
    }

    /// Takes in a pass that began at the coefficients `before`, with a share of whether it was
    /// uphill; a share of whether to stop for this or because the gradient is `small`.
    pub(in crate::vertical) async fn judge<A: Arithmetic>(
        &mut self,
        parties: &mut A,
        before: Vec<u64>,
        uphill: u64,
        small: u64,
    ) -> Result<u64, MpcError> {
        let passes = self.uphill.len();
        if self.earlier.len() == passes {
            self.earlier.pop_front();
        }
        self.earlier.push_back(before);
        // The first party's share of a constant 1, and of a complement.
        let one = parties.constant(1);
        let shifted = |bit: usize| if bit == 0 { one == 1 } else { self.uphill.bit(bit - 1) == 1 };
        let shifted = Bits::from_fn(passes, shifted);
        let now = Bits::from_fn(passes, |_| uphill == 1);
        let mut triples = parties.triples(passes.div_ceil(64) + 1).await?;
        self.uphill = parties.and(&mut triples, &shifted, &now).await?;
        let [goes_on, large] =
            [self.is_over(), small].map(|bit| Bits::from_words(vec![bit ^ one], 1));
        Ok(parties.and(&mut triples, &goes_on, &large).await?.bit(0) ^ one)
    }

    /// Shares of the coefficients before the loss rose, if it did to the end of the patience, else
    /// of `current`.
    pub(in crate::vertical) async fn choose<A: Arithmetic>(
        &self,
        parties: &mut A,
        current: &[u64],
    ) -> Result<Vec<u64>, MpcError> {
        let Some(earlier) = self.earlier.front() else { return Ok(current.to_vec()) };
        let pairs = earlier.iter().zip(current);
        let back: Vec<u64> =
            pairs.map(|(earlier, current)| earlier.wrapping_sub(*current)).collect();
        let is_over = Bits::from_fn(back.len(), |_| self.is_over() == 1);
        let back = parties.select(&is_over, &back).await?;
        Ok(current.iter().zip(back).map(|(current, back)| current.wrapping_add(back)).collect())
    }

    /// Adds all that is shared here to a state.
    pub(in crate::vertical) fn save(&self, shared: &mut Shared) {
        self.earlier.iter().for_each(|earlier| shared.words.extend(earlier));
        shared.bits.extend(self.uphill.words());
    }

    /// Takes over what [`Self::save`] added, of so many coefficients; whether that fits.
    pub(in crate::vertical) fn load(
        &mut self,
        words: &[u64],
        bits: Vec<u64>,
        coefficients: usize,
    ) -> bool {
        let passes = self.uphill.len();
        self.earlier = words.chunks(coefficients.max(1)).map(<[u64]>::to_vec).collect();
        self.uphill = Bits::from_words(bits, passes);
        self.earlier.len() <= passes && words.len().is_multiple_of(coefficients.max(1))
    }

    /// A share of whether every pass that counts was uphill.
    fn is_over(&self) -> u64 {
        self.uphill.bit(self.uphill.len() - 1)
    }
}

#[cfg(test)]
mod tests;
