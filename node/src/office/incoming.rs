//! What comes from partners, and what the line asks of the office.

use std::net::IpAddr;
use std::sync::Arc;

use bytes::Bytes;
use crypto::signature::PublicKey;
use governance::canonical::Signed;
use governance::letter::{Letter, Rejection};
use governance::members::{self, MemberId};
use net::control::{Answer, Correspondence, CorrespondenceError, Partner, Standing};

use super::event::OfficeEvent;
use super::mail::Mail;
use super::state::State;
use super::{Office, OfficeError, Outcome, partners, request, runs, time};
use crate::store::{Batch, Change, Received, StoreError};

/// The office behind the lines to its partners.
#[derive(Clone, Debug)]
pub(super) struct Desk(pub(super) Arc<Office>);

impl Correspondence for Desk {
    fn partners(&self) -> Vec<Partner> {
        let state = self.0.state();
        let members = state.books.directory().members().iter();
        let partner = |(id, member): (&MemberId, &members::Member)| {
            let key = state.books.directory().keys().current(id)?;
            let card = member.card.content();
            let address = card.endpoints.first().cloned();
            partners::is_partner(&member.standing).then(|| Partner {
                key,
                name: card.name.clone(),
                address,
            })
        };
        members.filter_map(partner).collect()
    }

    fn standing(&self, partner: PublicKey) -> Answer<'_, Standing> {
        Box::pin(async move {
            let peer = self.peer(&partner)?;
            let store = &self.0.store;
            let received = store.last_received(&peer).await.map_err(|error| of_store(&error))?;
            let written = store.last_written(&peer).await.map_err(|error| of_store(&error))?;
            Ok(Standing { received, written })
        })
    }

    fn letter_after(
        &self,
        partner: PublicKey,
        after: u64,
    ) -> Answer<'_, Option<net::control::Letter>> {
        Box::pin(async move {
            let peer = self.peer(&partner)?;
            let letters = self
                .0
                .store
                .letters_after(&peer, after, 1)
                .await
                .map_err(|error| of_store(&error))?;
            Ok(letters.into_iter().next().map(|letter| net::control::Letter {
                number: letter.number,
                bytes: letter.bytes.into(),
            }))
        })
    }

    fn take_in(&self, partner: PublicKey, number: u64, letter: Bytes) -> Answer<'_, ()> {
        Box::pin(async move {
            let peer = self.peer(&partner)?;
            let received = Received { peer, number };
            self.0.take_in(&partner, received, &letter).await.map_err(of_office)
        })
    }

    fn acknowledged(&self, partner: PublicKey, number: u64) -> Answer<'_, ()> {
        Box::pin(async move {
            let peer = self.peer(&partner)?;
            let changes = vec![Change::Acknowledge { peer, number }];
            let batch = Batch { changes, ..Batch::default() };
            self.0.store.commit(&batch).await.map(drop).map_err(|error| of_store(&error))
        })
    }

    fn introduce(&self, _key: PublicKey, _address: IpAddr, bytes: Bytes) -> Answer<'_, Vec<u8>> {
        // The acceptance is signed by the key of the card in it; whoever brings it gains nothing.
        Box::pin(async move { self.0.introduced(&bytes).await.map_err(of_office) })
    }
}

impl Desk {
    /// The name under which letters to and from a partner are kept.
    fn peer(&self, key: &PublicKey) -> Result<String, CorrespondenceError> {
        let member = self.0.state().partner_of_key(key);
        let refused =
            || CorrespondenceError::Refused { rule: "this key is no partner's".to_owned() };
        Ok(member.ok_or_else(refused)?.to_string())
    }
}

impl Office {
    /// Takes a piece of mail and stores what follows. What cannot be used is taken too, with a note
    /// here and an answer to its sender: it would keep everything later from coming.
    async fn take_in(
        &self,
        key: &PublicKey,
        received: Received,
        bytes: &[u8],
    ) -> Result<(), OfficeError> {
        let turn = self.turn().await;
        let (from, outcome) = {
            let state = self.state();
            let from = state.partner_of_key(key).ok_or(OfficeError::Unknown("partner"))?;
            (from, self.follow(&state, from, bytes))
        };
        self.commit(&turn, &from.to_string(), outcome, Some(received)).await
    }

    /// What follows from a piece of mail.
    fn follow(&self, state: &State, from: MemberId, bytes: &[u8]) -> Outcome {
        let refused = |why: String| Outcome {
            events: vec![OfficeEvent::Refused { from, why }],
            mail: Vec::new(),
        };
        let letter = match Mail::read(bytes) {
            Err(why) => return refused(why),
            Ok(Mail::Letter(letter)) => letter,
            Ok(Mail::JobFile(text)) => {
                if !state.has_room_for_file() {
                    return refused("too many job files wait for their runs".to_owned());
                }
                return match request::parse(&text) {
                    Ok(job) => {
                        let file = OfficeEvent::JobFile { job: job.digest(), text };
                        Outcome { events: vec![file], mail: Vec::new() }
                    }
                    Err(why) => refused(why.en.into_owned()),
                };
            }
            Ok(Mail::Route(route)) => {
                let event = runs::route(state, from, route);
                return event.map_or_else(refused, |event| Outcome {
                    events: vec![event],
                    mail: Vec::new(),
                });
            }
        };
        let room = state.has_room(&from, &letter).map_err(str::to_owned);
        let taken = room.and_then(|()| {
            let records = state.books.take_in(Some(from), &letter, time());
            records.map_err(|why| why.to_string())
        });
        match taken {
            Ok(records) => Outcome::of(records),
            Err(why) => {
                let mut outcome = refused(why.clone());
                if !matches!(letter, Letter::Rejection(_)) {
                    outcome.mail = self.rejection(from, &letter, why).into_iter().collect();
                }
                outcome
            }
        }
    }

    /// The answer to a letter that was not taken.
    fn rejection(
        &self,
        from: MemberId,
        letter: &Letter,
        reason: String,
    ) -> Option<(MemberId, Mail)> {
        let rejection = Rejection { document: letter.digest(), reason };
        let rejection = Signed::new(rejection, &self.signer()).ok()?;
        Some((from, Mail::Letter(Letter::Rejection(Box::new(rejection)))))
    }
}

fn of_store(error: &StoreError) -> CorrespondenceError {
    CorrespondenceError::Store { cause: error.to_string() }
}

fn of_office(error: OfficeError) -> CorrespondenceError {
    match error {
        OfficeError::Store(error) => of_store(&error),
        other => CorrespondenceError::Refused { rule: other.to_string() },
    }
}
