//! Stage 1b: columns of the common rows that the parties send each other.

use matching::join::payload::{self, Expected, Offered};
use table::{Column, Role, Table, Values};

use super::align::Common;
use super::progress::{Run, Step};
use crate::error::JobError;
use crate::open_table::table_kind;
use crate::spec::PartySpec;

/// The columns that the other party sends, in the common order; a job without any has no such step.
pub(super) async fn exchange(
    run: &mut Run<'_>,
    table: Option<&Table>,
    common: Option<&Common>,
) -> Result<Option<Table>, JobError> {
    let is_asked_for = run.job.parties().any(|party| !party.payload.is_empty());
    let (Some(Common::InMemory { order, .. }), Some(table), true) = (common, table, is_asked_for)
    else {
        return Ok(None);
    };
    let mut step = run.begin(STEP, STEP)?;
    let received =
        send_and_receive(run, &mut step, table, order).await.map_err(|it| it.at(STEP))?;
    run.end(step);
    Ok(received)
}

async fn send_and_receive(
    run: &Run<'_>,
    step: &mut Step,
    table: &Table,
    order: &[u32],
) -> Result<Option<Table>, JobError> {
    let session = step.pair()?;
    let [me, peer] = run.own_and_peer(STEP)?;
    for (from, to) in [(peer, me), (me, peer)] {
        if !from.payload.is_empty() {
            run.record("payload.values", to.role.into(), order.len() * from.payload.len())?;
        }
    }
    let mut path = |from: &PartySpec| session.fork(&format!("from_{}", from.role));
    let (mut outward, mut inward) = (path(me)?, path(peer)?);
    let own = offered(me, table)?;
    let theirs = expected(peer);
    // The guest's columns travel first.
    if run.is_guest() && !own.is_empty() {
        payload::send(&mut outward, &own, order).await?;
    }
    let mut received = Vec::new();
    if !theirs.is_empty() {
        received = payload::receive(&mut inward, &theirs, order.len()).await?;
    }
    if !run.is_guest() && !own.is_empty() {
        payload::send(&mut outward, &own, order).await?;
    }
    let mut taken: Vec<String> =
        table.schema().columns().iter().map(|column| column.name.clone()).collect();
    let named = theirs.iter().zip(received).map(|(expected, (kind, values))| {
        let name = free_name(&taken, &peer.name, expected.name);
        taken.push(name.clone());
        (Column::new(name, kind, Role::Carried), values)
    });
    let columns: Vec<(Column, Values)> = named.collect();
    Ok((!columns.is_empty()).then(|| Table::from_columns(columns)).transpose()?)
}

fn offered<'a>(party: &'a PartySpec, table: &'a Table) -> Result<Vec<Offered<'a>>, JobError> {
    let column = |name: &'a String| {
        let kind = table.schema().column(name)?.kind;
        Ok(Offered { name, kind, values: table.column(name)? })
    };
    party.payload.iter().map(column).collect()
}

/// What the other party must send: the job says which columns, and of some the kind.
fn expected(party: &PartySpec) -> Vec<Expected<'_>> {
    let column = |name: &'_ String| party.columns.get(name).and_then(|it| it.kind).map(table_kind);
    party.payload.iter().map(|name| Expected { name, kind: column(name) }).collect()
}

/// The name of a column from another party's table: its own, or behind that party's name where
/// this party has such a column already.
pub(crate) fn free_name(taken: &[String], party: &str, name: &str) -> String {
    let mut free = name.to_owned();
    while taken.contains(&free) {
        free = format!("{party}.{free}");
    }
    free
}

const STEP: &str = "payload";

#[cfg(test)]
mod tests {
    use super::free_name;

    #[test]
    fn a_name_that_is_taken_gets_the_party_before_it() {
        let taken = ["age", "shop.age", "city"].map(str::to_owned);
        assert_eq!(free_name(&taken, "shop", "visits"), "visits");
        assert_eq!(free_name(&taken, "shop", "city"), "shop.city");
        assert_eq!(free_name(&taken, "shop", "age"), "shop.shop.age");
    }
}
