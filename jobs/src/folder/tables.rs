//! Tables of the party's own rows: the aligned table, and at the guest the scores.

use table::{Column, Kind, Role, Table, Values};

use super::Draft;
use crate::error::JobError;
use crate::own_rows::OwnRows;
use crate::run::Outcome;

/// Writes `tables/aligned.parquet` and, at the guest, `tables/scores.<step>.parquet`.
pub(super) fn write(draft: &Draft, rows: &OwnRows, outcome: &Outcome) -> Result<(), JobError> {
    if let Some(division) = rows.division().filter(|_| outcome.common_rows.is_some()) {
        return division.join_common(&draft.place(ALIGNED)?);
    }
    let (Some(order), Some(table)) = (&outcome.common_order, rows.table()) else { return Ok(()) };
    let aligned = table.take(order)?;
    aligned.write_parquet(draft.place(ALIGNED)?)?;
    let ids: Vec<&str> = aligned.ids()?.collect();
    for model in &outcome.models {
        let Some(scores) = &model.scores else { continue };
        let ids = scores.rows.iter().map(|row| Some(ids[*row as usize]));
        let labels = scores.labels.iter().map(|label| f64::from(*label)).collect();
        let table = Table::from_columns(vec![
            (Column::new(table.id_column()?, Kind::Text, Role::Id), Values::texts(ids)),
            (Column::new("label", Kind::Integer, Role::Label), Values::numbers(labels)),
            number("guest_alone", &scores.alone),
            number("joint", &scores.joint),
        ])?;
        table.write_parquet(draft.place(&format!("tables/scores.{}.parquet", model.step))?)?;
    }
    Ok(())
}

const ALIGNED: &str = "tables/aligned.parquet";

fn number(name: &str, values: &[f64]) -> (Column, Values) {
    (Column::new(name, Kind::Number, Role::Feature), Values::numbers(values.to_vec()))
}
