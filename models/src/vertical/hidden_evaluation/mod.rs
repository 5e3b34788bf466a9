//! How good a score is, without anybody seeing a score.
//!
//! # Functionality
//! For each place the parties hold an additive share of a score (log-odds or a probability, see
//! [`Scale`]) and an XOR share of whether the place counts; the guest (first party) has a label for
//! each. The guest gets [`Figures`] over the places that count: AUC, KS, precision and lift of the
//! best-scored shares, Brier score and log-loss, and how many positives there are. They are those
//! of the score rounded to the middle of a band of 25/1024 log-odds ([`bands`]), and beyond ±12.5
//! to the last band. Rounding moves the AUC by at most [`Figures::auc_error`], which is opened too,
//! a probability by 0.3 points at most, the log-loss by 0.013 and the Brier score by 0.007 at most
//! for scores within ±12.5. Of probabilities the bands are 1/1024 wide: the Brier score moves by
//! 0.001 at most, and the log-loss, which of a row with probability p moves by some 1/(2048·p), is
//! that of probabilities within 1/2048 of 0 and 1. KS is the largest distance at an edge of a band.
//! Of Brier score and log-loss the guest gets sixteen binary digits, of the positives in a share
//! 1/256.
//! # Messages
//! 1. the score's band in ten shared bits (`mpc::comparison`, `mpc::boolean`)
//! 2. for each half of them, a shared one among 32 (`mpc::boolean`), as numbers
//!    (`mpc::conversion`)
//! 3. their products, summed over the places (`mpc::matrix`): how many places of each class are in
//!    each band, shared
//! 4. on these 2048 numbers: products, comparisons and reciprocals (`mpc`)
//! 5. `share` host → guest: the figures
//! # Leaks
//! To both: the numbers of places and of those that count. To the guest: the figures. Nothing else;
//! but the host, too, learns that all places that count are of one class if the guest ends the
//! session with the error that it then gets.
//! # Security
//! Semi-honest, from ring-LWE and the transfers; see `mpc`. Figures over few places tell about
//! single ones: callers agree on a least number. Where the guest knows the scores, because the
//! partner's part hardly changes them, figures are equations in which places count; and where few
//! labels are positive, so is the number of positives. A dishonest guest can hand in labels, and
//! where it chooses scores also scores, that make the figures tell about a few places.
//! # Cost
//! For each place, both ways together, 5.2 KB, in groups of at most 32,768 places each of which
//! takes 23 MB and about 110 flights more; for the figures some 8 MB with five shares. Fewer than
//! 300 flights for one group and the figures.
//! # Reference
//! Carries from a comparison, and AND of shared bits: Rathee et al., "`CrypTFlow2`", CCS 2020
//! (eprint 2020/1002). A histogram as a product of one-hot vectors is elementary. Definitions of
//! the figures: [`evaluate`](crate::evaluate).

pub mod bands;
mod counts;
mod figures;

use mpc::TwoParty;
use mpc::boolean::Bits;
use serde::Serialize;

use crate::ModelError;
use crate::evaluate::Evaluation;
use crate::evaluate::top::TopShare;

pub use figures::{FIGURES, SHARES_MAX};

/// Places that can be judged, the numbers of which stay below 2^20.
pub const PLACES_MAX: usize = (1 << 20) - 1;

/// What scores say of their rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scale {
    /// Log-odds, in [`mpc::sigmoid::SCORE_UNIT`].
    LogOdds,
    /// A probability less 1/2, with 47 fractional bits.
    Probability,
}

/// What is to be judged.
#[derive(Clone, Copy)]
pub struct Places<'a> {
    /// For each place an additive share of the score. Those of places that do not count may be
    /// anything.
    pub scores: &'a [u64],
    /// What the scores are.
    pub scale: Scale,
    /// For each place an XOR share of whether it counts.
    pub present: &'a Bits,
    /// How many count, which both parties know.
    pub count: usize,
    /// At the guest 0 or 1 for each place; those of places that do not count may be any of them.
    pub labels: Option<&'a [u8]>,
}

/// How good a rounded score is.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Figures {
    /// How many places count.
    pub rows: usize,
    /// How many of them are positive.
    pub positives: usize,
    /// Positive share.
    pub base_rate: f64,
    /// Area under the ROC curve; two places in one band count one half.
    pub auc: f64,
    /// How far the AUC of the score that is not rounded can be from it.
    pub auc_error: f64,
    /// Kolmogorov–Smirnov statistic.
    pub ks: f64,
    /// Lift of the best-scored 5 %.
    pub lift_5pct: f64,
    /// Precision, recall and lift of the asked shares; the band at the cut counts in proportion.
    pub top: Vec<TopShare>,
    /// Mean squared distance between probability and label.
    pub brier: f64,
    /// Mean −ln of the probability given to what happened.
    pub log_loss: f64,
}

impl Figures {
    /// Those of scores that are known, without rounding; `None` if they are no probabilities.
    pub fn of_known(evaluation: &Evaluation) -> Option<Self> {
        let calibration = evaluation.calibration.as_ref()?;
        Some(Self {
            rows: evaluation.rows,
            positives: evaluation.positives as usize,
            base_rate: evaluation.base_rate,
            auc: evaluation.auc,
            auc_error: 0.0,
            ks: evaluation.ks,
            lift_5pct: evaluation.lift_5pct,
            top: evaluation.top.clone(),
            brier: calibration.brier,
            log_loss: calibration.log_loss,
        })
    }
}

/// Judges the places by the score; `shares` (in 0 to 1, at most [`SHARES_MAX`]) are the best-scored
/// ones that are looked at. The guest gets the figures, the host `None`.
///
/// # Errors
/// [`ModelError::InvalidInput`] for lengths that do not fit and shares out of range;
/// [`ModelError::Evaluate`] at the guest if all places that count are of one class;
/// [`ModelError::Secure`] when the peer fails or [`FIGURES`] is not declared.
#[net::boxed]
pub async fn evaluate(
    party: &mut TwoParty,
    places: &Places<'_>,
    shares: &[f64],
) -> Result<Option<Figures>, ModelError> {
    check(party, places, shares)?;
    let counts = counts::count(party, places).await?;
    figures::learn(party, &counts, places, shares).await
}

fn check(party: &TwoParty, places: &Places<'_>, shares: &[f64]) -> Result<(), ModelError> {
    let length = places.scores.len();
    let labels_fit = places.labels.map_or(!party.is_first(), |labels| {
        party.is_first() && labels.len() == length && labels.iter().all(|label| *label <= 1)
    });
    let fits = (1..=PLACES_MAX).contains(&length)
        && (1..=length).contains(&places.count)
        && places.present.len() == length
        && labels_fit;
    let shares_fit =
        shares.len() <= SHARES_MAX && shares.iter().all(|share| *share > 0.0 && *share <= 1.0);
    if fits && shares_fit {
        return Ok(());
    }
    Err(ModelError::InvalidInput(format!(
        "a hidden evaluation needs 1 to {PLACES_MAX} places with a score, of which some count, \
         labels of 0 or 1 at the guest alone, and at most {SHARES_MAX} shares of 0 to 1; it got \
         {length} places, of which {} count, and {} shares",
        places.count,
        shares.len()
    )))
}

#[cfg(test)]
mod tests;
