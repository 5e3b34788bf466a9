//! Models whose joint scores nobody sees, on the guest's page.

use contract::catalogue;
use models::evaluate::regression::NumericComparison;
use models::vertical::hidden_evaluation::Figures;
use report::message::{self, Quantity, Text, joined};
use report::page::{Better, Comparison, ComparisonRow, Notice, Part, Tile};
use serde_json::json;

use super::result::{plain, side_by_side, top};
use super::{View, hidden_wording, step_title, wording};
use crate::run::{HiddenComparison, ModelOutcome, SplitOutcome};
use crate::spec::TreeEnsemble;

/// The key figures of the first model on its most honest split; nothing without such a model.
pub(super) fn headline(view: View<'_>, splits: &[&SplitOutcome]) -> Vec<Part> {
    let mut models = splits.iter().flat_map(|split| view.models_of(split));
    let first = models.find_map(|model| model.hidden.as_ref().map(|hidden| (model, hidden)));
    let Some((model, HiddenComparison { guest_alone, joint })) = first else { return Vec::new() };
    let tile = |label, write: &dyn Fn(&Figures) -> Quantity| Tile {
        label,
        value: write(joint),
        note: Some(alone_is(view, write(guest_alone))),
        provenance: view.joint_data(),
    };
    let tiles = vec![
        tile(message::area_under_curve(), &|it| Quantity::decimal(it.auc, 3)),
        tile(message::metric_ks(), &|it| Quantity::decimal(it.ks, 3)),
        tile(message::metric_lift("5%"), &|it| Quantity::factor(it.lift_5pct, 2)),
        Tile {
            label: message::test_rows(),
            value: Quantity::count(joint.rows as u64),
            note: Some(wording::positives_among_them(Quantity::percent(joint.base_rate, 1))),
            provenance: view.joint_data(),
        },
    ];
    vec![Part::Paragraph(wording::headline_is(step_title(view, model))), Part::Tiles(tiles)]
}

/// The figures of one model.
pub(super) fn comparison(
    view: View<'_>,
    model: &ModelOutcome,
    figures: &HiddenComparison,
) -> Comparison {
    let HiddenComparison { guest_alone, joint } = figures;
    let decimal = |value| Quantity::decimal(value, 3);
    let factor = |value| Quantity::factor(value, 2);
    let lift = [guest_alone.lift_5pct, joint.lift_5pct];
    let rows = vec![
        plain(message::area_under_curve(), [guest_alone.auc, joint.auc], Better::Higher, decimal),
        plain(message::metric_ks(), [guest_alone.ks, joint.ks], Better::Higher, decimal),
        plain(message::metric_lift("5%"), lift, Better::Higher, factor),
    ];
    Comparison { title: step_title(view, model), ..beside(view, rows) }
}

/// Both models side by side; over hidden rows that of the guest is judged on other rows.
pub(super) fn beside(view: View<'_>, rows: Vec<ComparisonRow>) -> Comparison {
    let comparison = side_by_side(view, rows);
    if !hides_rows(view) {
        return comparison;
    }
    let alone = hidden_wording::alone_on_own_rows(view.guest_name());
    Comparison { scores: vec![alone, message::joint_model()], ..comparison }
}

fn hides_rows(view: View<'_>) -> bool {
    view.outcome.declared.iter().any(|step| step.component == catalogue::HIDDEN.name)
}

/// How far the figures can be trusted, and of which rows they are.
pub(super) fn remark(view: View<'_>, model: &ModelOutcome, figures: &HiddenComparison) -> Part {
    let HiddenComparison { guest_alone, joint } = figures;
    let bound = Quantity::decimal(joint.auc_error, 4);
    let text = if is_forest(model) {
        hidden_wording::hidden_probabilities(bound)
    } else {
        hidden_wording::hidden_scores(bound)
    };
    if !hides_rows(view) {
        return Part::Notice(Notice::Remark, text);
    }
    let rows = Quantity::count(guest_alone.rows as u64);
    let of_rows = hidden_wording::hidden_rows(view.guest_name(), rows);
    Part::Notice(Notice::Remark, joined(text, of_rows))
}

/// Whether scores are the probabilities of a forest; others are log-odds.
fn is_forest(model: &ModelOutcome) -> bool {
    model.settings["ensemble"] == json!(TreeEnsemble::Forest)
}

/// Where nobody saw a joint prediction of a number, what that means for the figures.
pub(super) fn remark_on_numbers(
    view: View<'_>,
    model: &ModelOutcome,
    figures: &NumericComparison,
) -> Option<Part> {
    if model.scores.is_some() {
        return None;
    }
    let text = hidden_wording::hidden_numbers();
    if !hides_rows(view) {
        return Some(Part::Notice(Notice::Remark, text));
    }
    let rows = Quantity::count(figures.guest_alone.errors.rows as u64);
    let mut text = joined(text, hidden_wording::hidden_rows(view.guest_name(), rows));
    if figures.joint.errors.r2.is_none() {
        text = joined(text, hidden_wording::no_explained_variance());
    }
    Some(Part::Notice(Notice::Remark, text))
}

/// How a figure of the guest's own model is told below the joint one.
pub(super) fn alone_is(view: View<'_>, figure: Quantity) -> Text {
    if hides_rows(view) {
        hidden_wording::alone_on_own_rows_is(view.guest_name(), figure)
    } else {
        wording::alone_is(view.guest_name(), figure)
    }
}

/// The other figures.
pub(super) fn further(view: View<'_>, figures: &HiddenComparison) -> Comparison {
    let HiddenComparison { guest_alone, joint } = figures;
    let pairs = guest_alone.top.iter().zip(&joint.top);
    let mut rows: Vec<_> = pairs.flat_map(|(alone, joint)| top(alone, joint)).collect();
    let fine = |value| Quantity::decimal(value, 4);
    let brier = [guest_alone.brier, joint.brier];
    rows.push(plain(message::metric_brier(), brier, Better::Lower, fine));
    let log_loss = [guest_alone.log_loss, joint.log_loss];
    rows.push(plain(wording::log_loss(), log_loss, Better::Lower, fine));
    beside(view, rows)
}
