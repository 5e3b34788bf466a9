//! Tables of the party's own rows: what the job aligned, and at the guest the scores.

use contract::Role as PartyRole;
use matching::join::unmatched;
use models::evaluate::classes::predicted;
use table::{Column, Kind, Role, Table, TableError, Values};

use super::Draft;
use crate::error::JobError;
use crate::own_rows::OwnRows;
use crate::run::{ClassScores, Outcome, Recommended, TestClassScores, free_name};
use crate::spec::{JobSpec, Join, PartySpec};

/// Writes `tables/aligned.parquet` (or `unmatched.parquet`, if that is what the job asks for) and,
/// at the guest, `tables/scores.<step>.parquet`, or of a job that scores `tables/scores.parquet`;
/// of a model that recommends `recommendations` in place of `scores`.
pub(super) fn write(
    draft: &Draft,
    job: &JobSpec,
    rows: &OwnRows,
    outcome: &Outcome,
) -> Result<(), JobError> {
    if let Some(division) = rows.division().filter(|_| outcome.common_rows.is_some()) {
        return division.join_common(&draft.place(ALIGNED)?);
    }
    let (Some(order), Some(table)) = (&outcome.common_order, rows.table()) else { return Ok(()) };
    if outcome.join == Join::Anti {
        let rest = table.take(&unmatched(order, table.rows()))?;
        return Ok(rest.write_parquet(draft.place("tables/unmatched.parquet")?)?);
    }
    let aligned = if outcome.join == Join::Left && outcome.role == PartyRole::Guest {
        left_join(table, order, outcome)?
    } else {
        table.take(order)?.with_columns(payload(outcome, 0))?
    };
    aligned.write_parquet(draft.place(ALIGNED)?)?;
    let party = job.party_named(&outcome.party);
    let mut keys: Vec<&str> =
        party.into_iter().flat_map(PartySpec::keys).map(|key| key.column.as_str()).collect();
    keys.dedup();
    if let Some(scores) = outcome.scored.as_ref().and_then(|scored| scored.scores.as_ref()) {
        let label = scores.labels.as_ref().map(|labels| label(outcome, labels));
        let columns = [number("guest_alone", &scores.alone), number("joint", &scores.joint)];
        let table = aligned.select(&keys)?;
        let table = table.with_columns(label.into_iter().chain(columns).collect())?;
        table.write_parquet(draft.place("tables/scores.parquet")?)?;
    }
    if let Some(scores) = outcome.scored.as_ref().and_then(|scored| scored.class_scores.as_ref()) {
        let table = aligned.select(&keys)?.with_columns(of_classes(scores)?)?;
        table.write_parquet(draft.place("tables/scores.parquet")?)?;
    }
    if let Some(lists) = outcome.scored.as_ref().and_then(|scored| scored.recommended.as_ref()) {
        let table = recommendations(&aligned.select(&keys)?, lists)?;
        table.write_parquet(draft.place("tables/recommendations.parquet")?)?;
    }
    for model in &outcome.models {
        let lists = model.recommendation.as_ref().and_then(|it| it.recommended.as_ref());
        if let Some(lists) = lists {
            let table = recommendations(&aligned.select(&keys)?, lists)?;
            let name = format!("tables/recommendations.{}.parquet", model.step);
            table.write_parquet(draft.place(&name)?)?;
        }
        let place = || draft.place(&format!("tables/scores.{}.parquet", model.step));
        if let Some(TestClassScores { rows, scores }) = &model.class_scores {
            let table = aligned.select(&keys)?.take(rows)?.with_columns(of_classes(scores)?)?;
            table.write_parquet(place()?)?;
        }
        let Some(scores) = &model.scores else { continue };
        let table = aligned.select(&keys)?.take(&scores.rows)?.with_columns(vec![
            label(outcome, &scores.labels),
            number("guest_alone", &scores.alone),
            number("joint", &scores.joint),
        ])?;
        table.write_parquet(place()?)?;
    }
    Ok(())
}

/// The items for each user, the best first: its key, the place in the list, the item, and the
/// item's scores by the models whose scores the guest sees.
fn recommendations(users: &Table, lists: &Recommended) -> Result<Table, TableError> {
    let places = lists.places.iter().copied().map(f64::from).collect();
    let mut further = vec![
        (Column::new("place", Kind::Integer, Role::Feature), Values::numbers(places)),
        (
            Column::new("item", Kind::Text, Role::Carried),
            Values::texts(lists.items.iter().map(Some)),
        ),
        number("guest_alone", &lists.alone),
    ];
    further.extend(lists.joint.as_ref().map(|joint| number("joint", joint)));
    let taken: Vec<String> =
        users.schema().columns().iter().map(|column| column.name.clone()).collect();
    let rename = |(column, values): (Column, Values)| {
        let name = free_name(&taken, "list", &column.name);
        (Column { name, ..column }, values)
    };
    users.take(&lists.rows)?.with_columns(further.into_iter().map(rename).collect())
}

/// All rows of the guest: the common ones in the common order with what the other party sent, and
/// behind them the others without. A further column says which are which.
fn left_join(table: &Table, order: &[u32], outcome: &Outcome) -> Result<Table, TableError> {
    let rest = unmatched(order, table.rows());
    let rows = table.take(&[order, &rest].concat())?;
    let joined = rows.with_columns(payload(outcome, rest.len()))?;
    let taken: Vec<String> =
        joined.schema().columns().iter().map(|column| column.name.clone()).collect();
    let others = outcome.parties.iter().filter(|party| party.name != outcome.party);
    let others: Vec<&str> = others.map(|party| party.name.as_str()).collect();
    let is_matched = [vec![1.0; order.len()], vec![0.0; rest.len()]].concat();
    let name = free_name(&taken, &others.join("."), "matched");
    let column = Column::new(name, Kind::Boolean, Role::Carried);
    joined.with_columns(vec![(column, Values::numbers(is_matched))])
}

/// What the other party sent, and behind it nothing for `rows` rows.
fn payload(outcome: &Outcome, rows: usize) -> Vec<(Column, Values)> {
    let Some(payload) = &outcome.payload else { return Vec::new() };
    let columns = payload.schema().columns().iter().cloned();
    columns.zip(payload.values().iter().map(|it| it.followed_by_missing(rows))).collect()
}

const ALIGNED: &str = "tables/aligned.parquet";

/// What happened: a number, or 0 and 1.
fn label(outcome: &Outcome, labels: &[f64]) -> (Column, Values) {
    let is_number = outcome.models.iter().any(|model| model.numeric.is_some());
    let kind = if is_number { Kind::Number } else { Kind::Integer };
    (Column::new("label", kind, Role::Label), Values::numbers(labels.to_vec()))
}

/// What happened, where it is known; what each model takes a row for, and the probability of each
/// class by both.
fn of_classes(scores: &ClassScores) -> Result<Vec<(Column, Values)>, TableError> {
    let category = |name: &str, role, classes: Vec<usize>| -> Result<_, TableError> {
        let names = classes.into_iter().map(|class| scores.names.get(class));
        Ok((Column::new(name, Kind::Category, role), Values::categories(names)?))
    };
    let mut columns = Vec::new();
    if let Some(labels) = &scores.labels {
        let classes = labels.iter().map(|label| usize::from(*label)).collect();
        columns.push(category("label", Role::Label, classes)?);
    }
    let models = [("guest_alone", &scores.alone), ("joint", &scores.joint)];
    for (model, probabilities) in models {
        columns.push(category(model, Role::Feature, predicted(probabilities))?);
    }
    for (model, probabilities) in models {
        let named = scores.names.iter().zip(probabilities);
        columns.extend(named.map(|(name, values)| number(&format!("{model}.{name}"), values)));
    }
    Ok(columns)
}

fn number(name: &str, values: &[f64]) -> (Column, Values) {
    (Column::new(name, Kind::Number, Role::Feature), Values::numbers(values.to_vec()))
}
