//! Matching by several keys: one intersection for each, over the rows that are left.

use contract::{Audience, Role, Text};
use matching::idmap::{Cascade, Keys};
use matching::psi::{self, Identifiers};
use table::Table;

use super::outcome::KeyRound;
use super::progress::{Run, Step};
use crate::error::JobError;
use crate::intersection;
use crate::open_table::KeyReader;
use crate::spec::{Intersection, KeySpec};

/// The positions of the common rows in the order that both parties share, and what each key gave;
/// `None` for a party that does not learn them, of which a job with several keys has none.
pub(super) async fn match_key_by_key(
    run: &Run<'_>,
    step: &mut Step,
    table: &Table,
    protocol: Intersection,
) -> Result<Option<(Vec<u32>, Vec<KeyRound>)>, JobError> {
    let party = run.own;
    let columns = party.keys().map(|key| KeyReader::new(party, key).keys(table));
    let mut cascade = Cascade::new(table.rows(), columns.collect::<Result<_, _>>()?)?;
    for (rank, key) in party.keys().enumerate() {
        note_rows_that_sit_out(run, key, cascade.keys(rank));
        let left = cascade.left(rank);
        let texts = left.iter().map(|position| cascade.keys(rank).text(*position));
        let ids = Identifiers::new(texts)?;
        let number = rank + 1;
        run.record(&format!("cascade.rows.{number}"), Audience::All, 1)?;
        let mut session = step.pair()?.fork(&format!("key.{number}"))?;
        let found = intersection::intersect(protocol, &mut session, &ids, psi::Learn::Both).await?;
        let Some(matched) = found else { return Ok(None) };
        run.record(&format!("cascade.matches.{number}"), Audience::All, matched.len())?;
        cascade.add(rank, &left, &matched, run.job.seed);
    }
    let (alignment, rounds) = cascade.finish()?;
    for role in [Role::Guest, Role::Host] {
        run.record("intersection.rows", role.into(), alignment.len())?;
    }
    let rounds = party.keys().zip(rounds).map(|(key, round)| KeyRound {
        column: key.column.clone(),
        rows: round.rows,
        matches: round.matches,
    });
    Ok(Some((alignment.order().to_vec(), rounds.collect())))
}

/// Says how many rows have no part in a round whatever the earlier ones give, if any.
fn note_rows_that_sit_out(run: &Run<'_>, key: &KeySpec, keys: &Keys<'_>) {
    let (invalid, duplicate) = (keys.invalid_rows(), keys.duplicate_rows());
    if invalid + duplicate > 0 {
        let column = &key.column;
        run.note(Text::owned(
            format!(
                "key {column}: {invalid} rows have no valid one, {duplicate} share one and are \
                 left out"
            ),
            format!("键 {column}：{invalid} 行没有有效值，{duplicate} 行因重复而不参与"),
        ));
    }
}
