//! Who dials whom.

use std::collections::BTreeMap;

use governance::members::MemberId;

use crate::office::State;

/// A party of a run, in the order in which they start: each listens for all behind it and dials
/// all before it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Seat {
    pub(super) member: MemberId,
    /// Its name in the job.
    pub(super) name: String,
    /// Where its node listens; `None` if it only dials.
    pub(super) address: Option<String>,
}

/// The parties of a run: those whose nodes can be dialled first, otherwise by their keys, so that
/// every node comes to the same order.
pub(super) fn seats(state: &State, names: &BTreeMap<MemberId, String>) -> Vec<Seat> {
    let directory = state.books.directory();
    let seat = |(member, name): (&MemberId, &String)| {
        let card = if *member == state.own() {
            Some(directory.own())
        } else {
            directory.members().get(member).map(|member| &member.card)
        };
        let address = card.and_then(|card| card.content().endpoints.first().cloned());
        Seat { member: *member, name: name.clone(), address }
    };
    let mut seats: Vec<Seat> = names.iter().map(seat).collect();
    seats.sort_by_key(|seat| (seat.address.is_none(), seat.member));
    seats
}
