//! Models that predict numbers, on the guest's page.

use models::evaluate::regression::{NumericComparison, NumericEvaluation};
use report::message::{self, Quantity, Text};
use report::page::{Better, Comparison, ComparisonRow, Part, Tile};

use super::hidden::{alone_is, beside};
use super::result::plain;
use super::{View, step_title, wording};
use crate::run::{ModelOutcome, SplitOutcome};

/// The key figures of the first model on its most honest split; nothing without such a model.
pub(super) fn headline(view: View<'_>, splits: &[&SplitOutcome]) -> Vec<Part> {
    let mut models = splits.iter().flat_map(|split| view.models_of(split));
    let first = models.find_map(|model| model.numeric.as_ref().map(|numeric| (model, numeric)));
    let Some((model, numeric)) = first else { return Vec::new() };
    let NumericComparison { guest_alone, joint } = numeric;
    let tile = |label, write: &dyn Fn(&NumericEvaluation) -> Quantity| Tile {
        label,
        value: write(joint),
        note: Some(alone_is(view, write(guest_alone))),
        provenance: view.joint_data(),
    };
    let mut tiles = vec![
        tile(wording::root_mean_square(), &|it| number(it.errors.rmse)),
        tile(wording::mean_absolute(), &|it| number(it.errors.mae)),
    ];
    if joint.d2.is_some() {
        let share = |it: &NumericEvaluation| Quantity::decimal(it.d2.unwrap_or(0.0), 3);
        tiles.push(tile(wording::explained_deviance(), &share));
    }
    tiles.push(Tile {
        label: message::test_rows(),
        value: Quantity::count(joint.errors.rows as u64),
        note: None,
        provenance: view.own_data(),
    });
    vec![Part::Paragraph(wording::headline_is(step_title(view, model))), Part::Tiles(tiles)]
}

/// The figures of one model.
pub(super) fn comparison(
    view: View<'_>,
    model: &ModelOutcome,
    numeric: &NumericComparison,
) -> Comparison {
    let mut rows = vec![
        row(wording::root_mean_square(), numeric, Better::Lower, |it| Some(it.errors.rmse)),
        row(wording::mean_absolute(), numeric, Better::Lower, |it| Some(it.errors.mae)),
        row(wording::explained_variance(), numeric, Better::Higher, |it| it.errors.r2),
    ];
    rows.push(row(wording::explained_deviance(), numeric, Better::Higher, |it| it.d2));
    let rows = rows.into_iter().flatten().collect();
    Comparison { title: step_title(view, model), ..beside(view, rows) }
}

/// The other figures.
pub(super) fn further(view: View<'_>, numeric: &NumericComparison) -> Comparison {
    let deviance = row(wording::mean_deviance(), numeric, Better::Lower, |it| Some(it.deviance));
    // Neither sign of it is better.
    let bias = [numeric.guest_alone, numeric.joint].map(|it| number(it.errors.bias).signed());
    let bias =
        ComparisonRow { metric: wording::mean_bias(), values: bias.to_vec(), difference: None };
    beside(view, deviance.into_iter().chain([bias]).collect())
}

/// A figure of both models; none where one of them has none.
fn row(
    metric: Text,
    numeric: &NumericComparison,
    better: Better,
    figure: impl Fn(&NumericEvaluation) -> Option<f64>,
) -> Option<ComparisonRow> {
    let values = [figure(&numeric.guest_alone)?, figure(&numeric.joint)?];
    Some(plain(metric, values, better, number))
}

/// A number in the label's unit, with four significant digits or so.
fn number(value: f64) -> Quantity {
    let whole_digits = value.abs().max(1e-6).log10().floor() as i32;
    Quantity::decimal(value, (3 - whole_digits).clamp(0, 8) as usize)
}
