//! The page of a job that scores new rows with a model of an earlier job.

use contract::STRICT;
use report::message::{Quantity, neutral};
use report::page::{Notice, Part, Report, Section};
use report::table::{Cell, Column, Table};

use super::scored_wording as words;
use super::{
    View, classes, front, model, own_part, recommendation, recommendation_wording, step_title,
    with_records, wording,
};
use crate::run::{NewScores, ScoredOutcome};

/// Shares of rows below the scores that are shown.
const QUANTILES: [f64; 9] = [0.0, 0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99, 1.0];

pub(super) fn report(view: View<'_>, scored: &ScoredOutcome) -> Report {
    let (guest, host) = (view.guest_name(), view.host_names());
    let mut report = front(view, words::scored_subtitle(guest, host));
    report = report.section(section(view, scored));
    for judged in &view.outcome.models {
        let is_judged = judged.comparison.is_some()
            || judged.numeric.is_some()
            || judged.classes.is_some()
            || judged.graded.is_some();
        if is_judged {
            report = report.section(model::section(view, judged));
        } else {
            let (card, facts) = own_part::of(view, judged);
            let part = Section::new(step_title(view, judged)).lead(words::own_part_of_model());
            report =
                report.section(part.part(Part::Charts(vec![card])).part(Part::Paragraph(facts)));
        }
    }
    with_records(view, report)
}

fn section(view: View<'_>, scored: &ScoredOutcome) -> Section {
    let rows = Quantity::count(scored.rows as u64);
    let lead = if view.recommends() {
        recommendation_wording::recommended_lead(&scored.step, &scored.model, rows)
    } else {
        words::scored_lead(&scored.step, &scored.model, rows)
    };
    let mut section = Section::new(words::scored()).lead(lead).part(which_model(scored));
    if scored.purpose != view.outcome.purpose {
        let caution = words::another_purpose(&scored.purpose, &view.outcome.purpose);
        section = section.part(Part::Notice(Notice::Caution, caution));
    }
    if let Some(recommended) = &scored.recommended {
        let place = "tables/recommendations.parquet";
        let where_they_are = recommendation::where_the_lists_are(place, recommended);
        return section
            .part(recommendation::most_recommended(view, recommended))
            .part(Part::Paragraph(where_they_are));
    }
    let of_classes = scored.class_scores.as_ref();
    let has_labels = scored.scores.as_ref().map(|scores| scores.labels.is_some());
    let has_labels = has_labels.or(of_classes.map(|scores| scores.labels.is_some()));
    if let Some(has_labels) = has_labels {
        let one = scored.scores.iter().map(|scores| distribution(view, scores));
        let several = of_classes.into_iter().flat_map(|it| classes::distribution(view, it));
        section = one.chain(several).fold(section, Section::part);
        section = section.part(Part::Paragraph(words::where_the_scores_are()));
        if !has_labels {
            section = section.part(Part::Notice(Notice::Remark, words::scored_without_label()));
        }
    } else {
        let guest = view.guest_name();
        let is_strict = view.outcome.models.iter().all(|model| model.privacy == STRICT);
        let remark = match (view.recommends(), is_strict) {
            (true, true) => recommendation_wording::hidden_lists_are_the_guests(guest),
            (true, false) => recommendation_wording::lists_are_the_guests(guest),
            (false, _) => words::scores_are_the_guests(guest),
        };
        section = section.part(Part::Notice(Notice::Remark, remark));
    }
    section
}

/// Which training the model comes from.
fn which_model(scored: &ScoredOutcome) -> Part {
    let columns = [words::card_fact(), wording::value()].map(Column::words);
    let mut table = Table::new(columns.to_vec());
    for (name, value) in [
        (words::training_job_name(), &scored.model),
        (words::training_step(), &scored.step),
        (words::training_job(), &scored.digest),
        (words::training_run(), &scored.model_id),
    ] {
        table.push(vec![Cell::text(name), Cell::text(neutral(value))]);
    }
    Part::Table { title: words::which_model(), table, provenance: None }
}

/// Quantiles of both scores.
fn distribution(view: View<'_>, scores: &NewScores) -> Part {
    let mut table = Table::new(vec![
        Column::numbers(words::share_of_rows_below()),
        Column::numbers(wording::alone(view.guest_name())),
        Column::numbers(report::message::joint_model()),
    ]);
    let sorted = [&scores.alone, &scores.joint].map(|scores| {
        let mut sorted = scores.clone();
        sorted.sort_by(f64::total_cmp);
        sorted
    });
    for share in QUANTILES {
        let values = sorted.each_ref().map(|sorted| {
            let last = sorted.len().saturating_sub(1);
            let place = (share * last as f64).round() as usize;
            Quantity::decimal(sorted.get(place).copied().unwrap_or_default(), 4)
        });
        let share = Cell::quantity(Quantity::percent(share, 0));
        table.push([share].into_iter().chain(values.map(Cell::quantity)).collect());
    }
    let provenance = Some(view.joint_data());
    Part::Table { title: words::distribution_of_scores(), table, provenance }
}
