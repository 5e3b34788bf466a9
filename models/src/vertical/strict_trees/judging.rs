//! Scores in the units in which they are judged while nobody sees them.

use mpc::TwoParty;
use mpc::conversion::truncate;
use mpc::known::{self, Factors};
use mpc::sigmoid::SCORE_UNIT;

use super::StrictTrees;
use crate::ModelError;

/// Fractional bits of shares of probabilities.
const PROBABILITY_BITS: u32 = 47;
/// Bits that shares of sums of leaves lose before they are multiplied: their unit is then 2^31/25.
const SHORT_BITS: u32 = 16;
/// Units of a factor of 1: times the unit of what is multiplied it is 2^[`PROBABILITY_BITS`].
const FACTOR_UNIT: f64 = (25_u64 << 16) as f64;
/// Bits of a factor, sign included: shares of a class deviate by 1/2 at most, and labels may be
/// scaled down by a little more (see `targets`).
const FACTOR_WIDTH: u32 = 24;
/// The largest such factor.
const SCALE_MAX: f64 = 4.0;

impl StrictTrees {
    /// Shares of the margins in units of [`SCORE_UNIT`], from shares of what [`super::score`]
    /// gives, of a model of one output whose labels have no scale: those of log-losses. The guest
    /// adds its base score.
    pub fn shared_margins(&self, mut sums: Vec<u64>) -> Vec<u64> {
        let base = (self.base_score * SCORE_UNIT).round() as i64 as u64;
        for sum in &mut sums {
            *sum = sum.wrapping_add(base);
        }
        sums
    }

    /// Shares of the probabilities of a forest less 1/2, with 47 fractional bits, from shares of
    /// what [`super::score`] gives. Sums are multiplied by the scale of the labels, which the guest
    /// alone knows; the error is below 2^-21 for each whole of a sum, and 2^-25.
    ///
    /// # Errors
    /// [`ModelError::InvalidInput`] at the guest for a model whose labels are no classes,
    /// [`ModelError::Secure`] when the peer fails.
    #[net::boxed]
    pub async fn shared_probabilities(
        &self,
        party: &mut TwoParty,
        sums: &[u64],
    ) -> Result<Vec<u64>, ModelError> {
        if self.scale > SCALE_MAX || !(-1.0..=2.0).contains(&self.base_score) {
            let rule = "the trees predict numbers, and no shares of a class";
            return Err(ModelError::InvalidInput(rule.to_owned()));
        }
        let short = truncate(party, sums, SHORT_BITS).await?;
        let own = vec![(self.scale * FACTOR_UNIT).round() as i64; sums.len()];
        let factors = if party.is_first() { Factors::Own(&own) } else { Factors::Theirs };
        let mut shares = known::multiply_by(party, factors, FACTOR_WIDTH, &short).await?;
        if party.is_first() {
            let base = (self.base_score - 0.5) * 2_f64.powi(PROBABILITY_BITS as i32);
            let base = base.round() as i64 as u64;
            for share in &mut shares {
                *share = share.wrapping_add(base);
            }
        }
        Ok(shares)
    }
}
