//! Stage 4a: logistic regression, joint and on the guest's own columns.

use contract::Audience;
use features::FeatureMatrix;
use features::split::Split;
use models::local::logistic_regression as local;
use models::vertical::logistic_regression::woe::score_with_woe;
use models::vertical::logistic_regression::{self as joint, Coefficients, Labels};
use mpc::TwoParty;
use net::Session;

use super::data::{Data, GuestRows, training_period};
use super::evaluate::Scores;
use super::prepare::Prepared;
use super::progress::Run;
use super::weigh::WoeOfRows;
use crate::error::JobError;
use crate::spec::LogisticRegression;

/// What a party has after training: its own part of the model, and at the guest the scores.
pub(super) struct Trained {
    /// This party's coefficients.
    pub(super) own: Coefficients,
    /// At the guest: the model on its own columns alone, and both models' scores.
    pub(super) guest: Option<GuestTrained>,
}

/// What only the guest has.
pub(super) struct GuestTrained {
    /// The model on the guest's own columns.
    pub(super) alone: local::Fit,
    /// The scores of both models.
    pub(super) scores: Scores,
}

/// Trains and scores over one step's conversation.
pub(super) async fn train(
    run: &Run<'_>,
    session: &mut Session,
    settings: &LogisticRegression,
    data: &Data,
    split: &Split,
    prepared: &Prepared,
) -> Result<Trained, JobError> {
    let rows = training_period(split);
    let training = prepared.matrix.take(&rows)?;
    let test = prepared.matrix.take(&split.test)?;
    let labels = data.guest().map(|guest| (guest.labels_of(&rows), guest.weights_of(&rows)));

    run.record("train.rows", Audience::All, 1)?;
    run.record("train.columns", Audience::All, 1)?;
    let mut party = TwoParty::setup(session.fork("train")?, run.ledger.clone()).await?;
    let given =
        labels.as_ref().map(|(values, weights)| Labels { values, weights: weights.as_deref() });
    let woe = prepared.host_woe.as_ref().map(|woe| woe.of_rows(&rows));
    let part = woe.as_ref().map(WoeOfRows::part);
    let settings_of_joint = joint_settings(settings);
    let columns = training.columns();
    let own = joint::train_with_woe(&mut party, &columns, given, part.as_ref(), &settings_of_joint)
        .await?;

    let joint_test = match &prepared.host_woe {
        Some(woe) => {
            let part = woe.of_rows(&split.test);
            score_with_woe(&mut party, &own, &test.columns(), &part.part(), test.rows())
                .await?
                .map(|scores| scores.into_iter().map(local::sigmoid).collect())
        }
        None => score(run, session, &own, &test).await?,
    };
    drop(party);
    let guest = match (data.guest(), joint_test) {
        (Some(guest), Some(joint_test)) => {
            let work = || alone(settings, guest, &rows, &training, &test, joint_test);
            Some(session.compute(work).await?)
        }
        _ => None,
    };
    Ok(Trained { own, guest })
}

/// The joint scores of the test rows, at the guest: the host adds its part of each, which the
/// guest could compute from them anyway.
async fn score(
    run: &Run<'_>,
    session: &mut Session,
    own: &Coefficients,
    test: &FeatureMatrix,
) -> Result<Option<Vec<f64>>, JobError> {
    let mine = own.partial_scores(&test.columns(), test.rows());
    run.record("score.test_rows", Audience::Guest, test.rows())?;
    if !run.is_guest() {
        let words: Vec<u64> = mine.iter().map(|score| score.to_bits()).collect();
        session.send_words(HOST_SCORES, &words).await?;
        return Ok(None);
    }
    let words = session.receive_words(HOST_SCORES, mine.len()).await?;
    let theirs: Vec<f64> = words.into_iter().map(f64::from_bits).collect();
    if theirs.iter().any(|score| !score.is_finite()) {
        return Err(session.misbehaved(HOST_SCORES, "a score is a finite number").into());
    }
    let joint = mine.iter().zip(theirs).map(|(mine, theirs)| local::sigmoid(mine + theirs));
    Ok(Some(joint.collect()))
}

/// The guest's model without the partner, with the same settings.
fn alone(
    settings: &LogisticRegression,
    guest: &GuestRows,
    rows: &[u32],
    training: &FeatureMatrix,
    test: &FeatureMatrix,
    joint_test: Vec<f64>,
) -> Result<GuestTrained, JobError> {
    let settings =
        local::Settings { l2: settings.l2, l1: settings.l1, ..local::Settings::default() };
    let (labels, weights) = (guest.labels_of(rows), guest.weights_of(rows));
    let alone = local::fit(&training.columns(), &labels, weights.as_deref(), settings)?;
    let scores = Scores {
        alone_test: local::probabilities(&alone, &test.columns(), test.rows())?,
        alone_training: local::probabilities(&alone, &training.columns(), training.rows())?,
        joint_test,
        joint_training: None,
    };
    Ok(GuestTrained { alone, scores })
}

fn joint_settings(settings: &LogisticRegression) -> joint::Settings {
    joint::Settings {
        l2: settings.l2,
        l1: settings.l1,
        passes_max: settings.rounds as usize,
        tolerance: settings.tolerance,
    }
}

const HOST_SCORES: &str = "host_scores";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spec::{JobSpec, Model};

    /// A job that says nothing trains like a caller of the model who says nothing.
    #[test]
    fn defaults_are_those_of_the_model() {
        let source = "job: a\npurpose: p\nparties:\n  a: { role: guest, key: k, label: y }\n  b: { \
                      role: host, key: k }\ntrain: [ logistic_regression: {} ]\n";
        let job = JobSpec::parse("job.yaml", source).unwrap();
        let Model::LogisticRegression { settings, .. } = &job.train[0].model else {
            panic!("another model")
        };
        assert_eq!(joint_settings(settings), joint::Settings::default());
    }
}
