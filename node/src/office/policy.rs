//! Whether the owners of this member's tables allow what an agreement or a run asks.

use contract::Text;
use governance::agreements::{Request, Terms};
use governance::members::MemberId;
use governance::time::Time;

use super::state::State;
use super::tables::PolicyBreach;

/// What the owners of tables do not allow of terms that this member is to sign.
pub(super) fn of_terms(state: &State, terms: &Terms, now: Time) -> Vec<PolicyBreach> {
    let own = state.own();
    let Some(party) = terms.parties.get(&own) else { return Vec::new() };
    let others: Vec<MemberId> = terms.parties.keys().copied().filter(|it| *it != own).collect();
    let of_table = |(name, columns): (&String, &governance::agreements::Columns)| {
        let Some(table) = state.tables.get(name) else {
            return vec![PolicyBreach::NoTable(name.clone())];
        };
        let others = others.iter().copied();
        table.allows(columns.keys(), others, &terms.purposes, terms.minimum_group, now)
    };
    party.gives.iter().flat_map(of_table).collect()
}

/// What the owners of tables do not allow of a run.
pub(super) fn of_request(state: &State, request: &Request, now: Time) -> Vec<PolicyBreach> {
    let own = state.own();
    let Some(tables) = request.parties.get(&own) else { return Vec::new() };
    let others: Vec<MemberId> = request.parties.keys().copied().filter(|it| *it != own).collect();
    let of_table = |(name, columns): (&String, &governance::agreements::Columns)| {
        let Some(table) = state.tables.get(name) else {
            return vec![PolicyBreach::NoTable(name.clone())];
        };
        let others = others.iter().copied();
        table.allows(columns.keys(), others, [&request.purpose], request.minimum_group, now)
    };
    tables.iter().flat_map(of_table).collect()
}

/// Several sentences as one.
pub(super) fn joined(texts: impl Iterator<Item = Text>) -> Text {
    let (mut en, mut zh) = (Vec::new(), Vec::new());
    for text in texts {
        en.push(text.en.into_owned());
        zh.push(text.zh.into_owned());
    }
    Text::owned(en.join("; "), zh.join("；"))
}
