//! What an honest colleague would say beside the figures.
//!
//! Each remark has a condition on the results and one text; none depends on which model one would
//! like to win.

use contract::catalogue;
use features::woe::WoeTable;
use models::evaluate::{Comparison, Evaluation};
use report::message::{Quantity, Text, joined};
use report::page::{Notice, Part};

use super::{View, model_title, split_title, wording};
use crate::run::{ModelOutcome, ModelPart, Outcome, SplitOutcome};
use crate::spec::{self, SplitBy};

/// Test rows with fewer positives give intervals that decide little.
const FEW_POSITIVES: f64 = 100.0;

/// Rates that differ by more than this factor between training and test are another population.
const RATE_SHIFT: f64 = 1.25;

/// The stability index from which on a population counts as changed, by convention.
const INDEX_SHIFT: f64 = 0.25;

/// An information value above this is too good, by convention.
const IV_SUSPICIOUS: f64 = 0.5;

/// Gains that differ by less between two splits are not told apart.
const GAIN_GAP: f64 = 0.005;

/// About the data as a whole.
pub(super) fn on_data(view: View<'_>) -> Vec<Part> {
    let parties = view.outcome.parties.iter();
    let simulated = parties.filter(|party| party.data == spec::Provenance::Simulated);
    let mut remarks: Vec<Part> =
        simulated.map(|party| caution(wording::simulated_data(&party.name))).collect();
    if let Some(positives) = fewest_positives(view.outcome) {
        remarks.push(caution(wording::few_positives(Quantity::decimal(positives, 0))));
    }
    remarks
}

/// Whether the joint model is better, in words that the interval allows.
pub(super) fn on_gain(view: View<'_>, comparison: &Comparison) -> Option<Part> {
    let (guest, host) = (view.guest_name(), view.host_names());
    let difference = &comparison.differences.auc;
    let [value, low, high] = [difference.value, difference.low, difference.high]
        .map(|value| Quantity::decimal(value, 3).signed());
    Some(if difference.low > 0.0 {
        let alone = &comparison.guest_alone;
        if is_ranked_better_only(alone, &comparison.joint) {
            caution(wording::ranks_better_only(host, value))
        } else {
            return None;
        }
    } else if difference.high < 0.0 {
        caution(wording::ranks_worse(guest, host, value, low, high))
    } else {
        remark(wording::no_measurable_gain(guest, value, low, high))
    })
}

/// About how the test rows of a split were chosen, and how they differ from training rows.
pub(super) fn on_split(view: View<'_>, split: &SplitOutcome) -> Vec<Part> {
    let mut remarks: Vec<Part> = calendar(view, split).map(caution).into_iter().collect();
    if let Some(rates) = split.base_rates {
        let (high, low) = (rates.training.max(rates.test), rates.training.min(rates.test));
        if high > low * RATE_SHIFT {
            let [training, test] =
                [rates.training, rates.test].map(|rate| Quantity::percent(rate, 1));
            remarks.push(caution(wording::base_rate_moved(split_title(split), training, test)));
        }
    }
    remarks
}

/// About training that did not come to its end.
pub(super) fn on_training(model: &ModelOutcome) -> Option<Part> {
    let (passes, converged) = match &model.part {
        ModelPart::LogisticRegression(part) | ModelPart::Regression(part) => {
            (part.passes, part.converged)
        }
        ModelPart::MultinomialRegression(part) => (part.passes, part.converged),
        _ => return None,
    };
    let passes = Quantity::count(passes as u64);
    (!converged).then(|| caution(wording::not_converged(passes)))
}

/// What a mode other than `strict` gives away, in the words of its approval.
pub(super) fn on_mode(model: &ModelOutcome) -> Option<Part> {
    if model.privacy == contract::STRICT {
        return None;
    }
    let mode = catalogue::find(model.component)?.mode(&model.privacy)?;
    Some(remark(wording::weaker_mode(&model.privacy, &mode.summary)))
}

/// About the scores of one model: how far they moved from training to test.
pub(super) fn on_stability(view: View<'_>, comparison: &Comparison) -> Vec<Part> {
    let alone = wording::alone(view.guest_name());
    let scores =
        [(alone, &comparison.guest_alone), (report::message::joint_model(), &comparison.joint)];
    let moved = scores.into_iter().filter_map(|(name, evaluation)| {
        let index = evaluation.stability.as_ref()?.index;
        (index > INDEX_SHIFT).then(|| wording::score_moved(name, Quantity::decimal(index, 2)))
    });
    let mut remarks: Vec<Part> = moved.map(remark).collect();
    if comparison.joint.stability.is_none() && view.outcome.scored.is_none() {
        remarks.push(remark(wording::joint_training_scores_stay_shared()));
    }
    remarks
}

/// About features that tell too much.
pub(super) fn on_evidence(split: &SplitOutcome) -> Option<Part> {
    let is_suspicious = |table: &&WoeTable| table.iv > IV_SUSPICIOUS;
    let own = split.evidence.iter().filter(is_suspicious).map(|table| table.feature.clone());
    let hosts = split.host_evidence.iter().flat_map(|of_host| {
        let tables = of_host.tables.iter().filter(is_suspicious);
        tables.map(|table| format!("{} {}", of_host.party, table.feature))
    });
    let names: Vec<String> = own.chain(hosts).collect();
    (!names.is_empty()).then(|| caution(wording::too_good_features(names.join(", "))))
}

/// A random split of rows that have a time lets later rows explain earlier ones.
fn calendar(view: View<'_>, split: &SplitOutcome) -> Option<Text> {
    if split.by == SplitBy::Time || view.recommends() {
        return None;
    }
    let by_time = view.outcome.splits.iter().find(|split| split.by == SplitBy::Time);
    let advice = match by_time {
        Some(honest) => wording::judge_by(split_title(honest)),
        None if view.guest().has_time => wording::add_split_by_time(view.guest_name()),
        None => return None,
    };
    let text = joined(wording::random_split_mixes_times(split_title(split)), advice);
    let gaps = by_time
        .into_iter()
        .flat_map(|honest| view.models_of(split).filter_map(move |model| gap(view, model, honest)));
    Some(gaps.fold(text, joined))
}

/// How much more the partner seems to add under a random split than by time.
fn gap(view: View<'_>, model: &ModelOutcome, honest: &SplitOutcome) -> Option<Text> {
    let title = model_title(model);
    let twin = view.models_of(honest).find(|twin| model_title(twin) == title)?;
    let gain = |model: &ModelOutcome| Some(model.comparison.as_ref()?.differences.auc.value);
    let (random, time) = (gain(model)?, gain(twin)?);
    let write = |gain| Quantity::decimal(gain, 3).signed();
    (random > time + GAIN_GAP).then(|| wording::gain_by_time(title, write(random), write(time)))
}

/// The ranking gained while the probabilities lost.
fn is_ranked_better_only(alone: &Evaluation, joint: &Evaluation) -> bool {
    match (&alone.calibration, &joint.calibration) {
        (Some(alone), Some(joint)) => joint.brier > alone.brier,
        _ => false,
    }
}

fn fewest_positives(outcome: &Outcome) -> Option<f64> {
    let positives = |model: &ModelOutcome| match (&model.comparison, &model.hidden) {
        (Some(comparison), _) => Some(comparison.joint.positives),
        (None, Some(hidden)) => Some(hidden.joint.positives as f64),
        (None, None) => None,
    };
    let fewest = outcome.models.iter().filter_map(positives).reduce(f64::min)?;
    (fewest < FEW_POSITIVES).then_some(fewest)
}

fn remark(text: Text) -> Part {
    Part::Notice(Notice::Remark, text)
}

fn caution(text: Text) -> Part {
    Part::Notice(Notice::Caution, text)
}
