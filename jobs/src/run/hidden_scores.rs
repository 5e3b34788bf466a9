//! Figures about the joint scores of test rows that both parties know, where nobody sees a score.

use models::ModelError;
use models::evaluate::Evaluation;
use models::evaluate::regression::NumericEvaluation;
use models::family::Family;
use models::vertical::hidden_errors::{self, COUNT_MIN, Known};
use models::vertical::hidden_evaluation::{self, Figures, PLACES_MAX, Scale};
use mpc::TwoParty;
use mpc::boolean::Bits;

use super::evaluate::{self, top_shares};
use super::progress::Run;
use crate::error::JobError;

/// Refuses numbers of test rows that figures cannot be about: before the training, and at both
/// parties, which know the number.
pub(super) fn check_rows(test: usize) -> Result<(), JobError> {
    let what = if test < COUNT_MIN {
        format!(
            "figures over {test} rows would tell of single ones: hidden scores need {COUNT_MIN} \
             test rows. Take a larger share for the test, or `evaluate: {{ scores: open }}`"
        )
    } else if test > PLACES_MAX {
        format!(
            "hidden scores are judged on at most {PLACES_MAX} test rows, and there are {test}. \
             Take a smaller share for the test, or `evaluate: {{ scores: open }}`"
        )
    } else {
        return Ok(());
    };
    Err(ModelError::InvalidInput(what).into())
}

/// Figures about shared scores that tell two classes apart; `labels` are the guest's. The host gets
/// `None`.
pub(super) async fn figures(
    run: &Run<'_>,
    party: &mut TwoParty,
    scores: &[u64],
    scale: Scale,
    labels: Option<&[u8]>,
) -> Result<Option<Figures>, JobError> {
    let count = scores.len();
    let present = all(party, count);
    let places = hidden_evaluation::Places { scores, scale, present: &present, count, labels };
    Ok(hidden_evaluation::evaluate(party, &places, &top_shares(run.job)).await?)
}

/// Figures about shared linear predictors of numbers; `known` is the guest's. The host gets `None`.
pub(super) async fn errors(
    party: &mut TwoParty,
    scores: &[u64],
    family: Family,
    known: Option<Known<'_>>,
) -> Result<Option<NumericEvaluation>, JobError> {
    let count = scores.len();
    let present = all(party, count);
    let places = hidden_errors::Places { scores, present: &present, count, known };
    Ok(hidden_errors::evaluate(party, &places, family).await?)
}

/// The figures about probabilities that the guest knows, those of its own model.
pub(super) fn figures_of_known(
    run: &Run<'_>,
    probabilities: &[f64],
    labels: &[u8],
) -> Result<Figures, JobError> {
    let settings = evaluate::settings(run.job);
    let evaluation = Evaluation::new(probabilities, labels, None, None, &settings)?;
    Figures::of_known(&evaluation).ok_or_else(|| {
        ModelError::InvalidInput("probabilities have no calibration".to_owned()).into()
    })
}

/// A party's share of that all rows count.
fn all(party: &TwoParty, rows: usize) -> Bits {
    let nothing = Bits::zeros(rows);
    if party.is_first() { nothing.complement() } else { nothing }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn so_many_test_rows_are_judged() {
        let refused = |rows| check_rows(rows).err().map(|error| error.to_string());
        assert_eq!([COUNT_MIN, PLACES_MAX].map(refused), [None, None]);
        assert!(refused(COUNT_MIN - 1).unwrap().contains("Take a larger share"));
        assert!(refused(PLACES_MAX + 1).unwrap().contains("Take a smaller share"));
    }
}
