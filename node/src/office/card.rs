//! The member's own card.

use governance::books::Record;
use governance::canonical::Signed;
use governance::members::{Card, Event, MemberId};
use net::Identity;

use super::event::OfficeEvent;
use super::{Key, Office, OfficeError, Outcome, time};
use crate::people::THE_NODE;

/// What the configuration says about the member.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Profile {
    /// The organisation, as partners read it.
    pub name: String,
    /// Whom partners call.
    pub contact: String,
    /// Where the node listens for partners, `host:port`; `None` if it only dials.
    pub endpoint: Option<String>,
}

/// The first card of a member.
pub(super) fn first(identity: &Identity, profile: &Profile) -> Result<Signed<Card>, OfficeError> {
    let member = MemberId::of_key(identity.public_key());
    write(
        identity,
        profile,
        Card {
            member,
            version: 1,
            name: String::new(),
            contact: String::new(),
            endpoints: Vec::new(),
            software: String::new(),
            issued_at: time(),
            rotations: Vec::new(),
        },
    )
}

/// The card that an event brings, if it is this node's own.
pub(super) fn own_in(event: &OfficeEvent, identity: &Identity) -> Option<Signed<Card>> {
    let OfficeEvent::Book(Record::Member(event)) = event else { return None };
    match &**event {
        Event::Card(card) if *card.key() == identity.public_key() => Some(card.clone()),
        _ => None,
    }
}

fn write(
    identity: &Identity,
    profile: &Profile,
    before: Card,
) -> Result<Signed<Card>, OfficeError> {
    let card = Card {
        name: profile.name.clone(),
        contact: profile.contact.clone(),
        endpoints: profile.endpoint.iter().cloned().collect(),
        software: format!("tombolo {}", env!("CARGO_PKG_VERSION")),
        issued_at: time(),
        ..before
    };
    Ok(Signed::new(card, &Key(identity))?)
}

impl Office {
    /// Stores the first card, or a new one if the configuration or the program has changed, and
    /// sends it to all partners.
    pub(super) async fn renew_card(
        &self,
        profile: &Profile,
        is_new: bool,
    ) -> Result<(), OfficeError> {
        let turn = self.turn().await;
        let outcome = {
            let state = self.state();
            let own = state.books.directory().own();
            let present = own.content();
            let mut version = present.version;
            if !is_new {
                version += 1;
            }
            let before = Card { version, ..present.clone() };
            let card = write(&self.identity, profile, before)?;
            let said = |card: &Card| {
                (
                    card.name.clone(),
                    card.contact.clone(),
                    card.endpoints.clone(),
                    card.software.clone(),
                )
            };
            if !is_new && said(card.content()) == said(present) {
                return Ok(());
            }
            let card = if is_new { own.clone() } else { card };
            Outcome::of([Record::from(Event::Card(card))])
        };
        self.commit(&turn, THE_NODE, outcome, None).await
    }
}
