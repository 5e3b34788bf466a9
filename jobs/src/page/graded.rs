//! Models that order rows within groups, on the guest's page.

use models::evaluate::graded::{GradedComparison, GradedEvaluation};
use report::message::{self, Quantity, Text};
use report::page::{Better, Comparison, Part, Tile};

use super::result::{plain, side_by_side};
use super::{View, step_title, wording};
use crate::run::{ModelOutcome, SplitOutcome};

/// A figure with its name.
type Figure = (Text, fn(&GradedEvaluation) -> f64);

fn figures() -> [Figure; 3] {
    [
        (wording::ndcg_5(), |it| it.ndcg_5),
        (wording::ndcg_10(), |it| it.ndcg_10),
        (wording::ndcg_30(), |it| it.ndcg_30),
    ]
}

/// The key figures of the first model on its most honest split; nothing without such a model.
pub(super) fn headline(view: View<'_>, splits: &[&SplitOutcome]) -> Vec<Part> {
    let mut models = splits.iter().flat_map(|split| view.models_of(split));
    let first = models.find_map(|model| model.graded.as_ref().map(|graded| (model, graded)));
    let Some((model, GradedComparison { guest_alone, joint })) = first else { return Vec::new() };
    let tile = |(label, figure): Figure| Tile {
        label,
        value: number(figure(joint)),
        note: Some(wording::alone_is(view.guest_name(), number(figure(guest_alone)))),
        provenance: view.joint_data(),
    };
    let mut tiles: Vec<Tile> = figures().map(tile).into();
    let counts = [(message::test_rows(), joint.rows), (wording::judged_groups(), joint.groups)];
    tiles.extend(counts.map(|(label, count)| Tile {
        label,
        value: Quantity::count(count as u64),
        note: None,
        provenance: view.own_data(),
    }));
    vec![Part::Paragraph(wording::headline_is(step_title(view, model))), Part::Tiles(tiles)]
}

/// The figures of one model.
pub(super) fn comparison(
    view: View<'_>,
    model: &ModelOutcome,
    graded: &GradedComparison,
) -> Comparison {
    let GradedComparison { guest_alone, joint } = graded;
    let row = |(name, figure): Figure| {
        plain(name, [figure(guest_alone), figure(joint)], Better::Higher, number)
    };
    Comparison { title: step_title(view, model), ..side_by_side(view, figures().map(row).into()) }
}

fn number(value: f64) -> Quantity {
    Quantity::decimal(value, 3)
}
