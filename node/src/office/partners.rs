//! Becoming partners, and ceasing to be.

use std::sync::Arc;

use contract::Text;
use crypto::random::Generator;
use governance::books::Record;
use governance::canonical::Signed;
use governance::letter::Letter;
use governance::members::{
    Acceptance, Event, Introduction, Invitation, MemberId, Nonce, Standing, pair_code,
};
use governance::time::Time;
use net::control::Examination;

use super::mail::Mail;
use super::{Office, OfficeError, Outcome, time};
use crate::people::THE_NODE;

/// An invitation that was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invited {
    /// The line of text to send to one person.
    pub line: String,
    /// From when on it is no longer accepted.
    pub expires: Time,
}

/// Whether a partner can be reached, step by step.
#[derive(Clone, Debug)]
pub struct PartnerCheck {
    /// What was found.
    pub examination: Examination,
    /// What both sides read to each other over the telephone.
    pub pair_code: [String; 2],
}

impl Office {
    /// Writes an invitation that one organisation can accept within so many days.
    #[net::boxed]
    pub async fn invite(
        &self,
        by: &str,
        meant_for: &str,
        days: u32,
    ) -> Result<Invited, OfficeError> {
        let mut nonce = [0; 16];
        Generator::from_os().fill_bytes(&mut nonce);
        let turn = self.turn().await;
        let (events, invited) = {
            let state = self.state();
            let days = days.clamp(1, INVITATION_DAYS_MAX);
            let expires = time().plus(u64::from(days) * DAY);
            let card = state.books.directory().own().clone();
            let (nonce, meant_for) = (Nonce(nonce), meant_for.trim().to_owned());
            let invitation = Invitation { card, nonce, meant_for, expires };
            let invitation = Signed::new(invitation, &self.signer())?;
            let line = invitation.to_line();
            (state.books.directory().issue(invitation)?, Invited { line, expires })
        };
        self.commit(&turn, by, Outcome::of(records(events)), None).await?;
        Ok(invited)
    }

    /// Accepts an invitation: asks its writer's node, and if that agrees both are partners.
    #[net::boxed]
    pub async fn accept(&self, by: &str, line: &str) -> Result<MemberId, OfficeError> {
        let invitation = Signed::<Invitation>::from_line(line)?;
        let inviter = invitation.content().card.clone();
        let member = inviter.content().member;
        let acceptance = {
            let state = self.state();
            state.books.directory().accept(&invitation, time())?;
            let (nonce, card) = (invitation.content().nonce, state.books.directory().own().clone());
            let acceptance = Acceptance { invitation: invitation.digest(), nonce, card };
            Letter::Acceptance(Box::new(Signed::new(acceptance, &self.signer())?))
        };
        let Some(address) = inviter.content().endpoints.first() else {
            return Err(OfficeError::Job(Text::new(
                "the inviting node has no address: it only dials; invite it from here instead",
                "邀请方节点没有对外地址（仅能主动连接）；请由本方发出邀请",
            )));
        };
        let identity = Arc::clone(&self.identity);
        net::control::introduce(identity, address, *inviter.key(), acceptance.encode()).await?;
        let turn = self.turn().await;
        let events = self.state().books.directory().accept(&invitation, time())?;
        self.commit(&turn, by, Outcome::of(records(events)), None).await?;
        Ok(member)
    }

    /// A stranger introduces itself; it is told this member's card.
    pub(super) async fn introduced(&self, bytes: &[u8]) -> Result<Vec<u8>, OfficeError> {
        let letter = Letter::decode(bytes).map_err(|error| {
            let error = error.to_string();
            OfficeError::Job(Text::owned(error.clone(), error))
        })?;
        let turn = self.turn().await;
        let (records, own) = {
            let state = self.state();
            (state.books.take_in(None, &letter, time())?, state.books.directory().own().encode())
        };
        self.commit(&turn, THE_NODE, Outcome::of(records), None).await?;
        Ok(own)
    }

    /// Takes back an invitation that nobody has accepted.
    #[net::boxed]
    pub async fn withdraw_invitation(&self, by: &str, nonce: Nonce) -> Result<(), OfficeError> {
        let turn = self.turn().await;
        let events = self.state().books.directory().withdraw(nonce)?;
        self.commit(&turn, by, Outcome::of(records(events)), None).await
    }

    /// Takes nothing from a member any more; its connections end at once.
    #[net::boxed]
    pub async fn block(&self, by: &str, member: MemberId, reason: &str) -> Result<(), OfficeError> {
        let turn = self.turn().await;
        let events =
            self.state().books.directory().block(member, reason.trim().to_owned(), time())?;
        self.commit(&turn, by, Outcome::of(records(events)), None).await
    }

    /// Ends a block: the member can be invited again.
    #[net::boxed]
    pub async fn unblock(&self, by: &str, member: MemberId) -> Result<(), OfficeError> {
        let turn = self.turn().await;
        let events = self.state().books.directory().unblock(member)?;
        self.commit(&turn, by, Outcome::of(records(events)), None).await
    }

    /// Vouches for a partner towards all others, for an alliance if it is named.
    #[net::boxed]
    pub async fn introduce(
        &self,
        by: &str,
        member: MemberId,
        alliance: Option<&str>,
    ) -> Result<(), OfficeError> {
        let turn = self.turn().await;
        let outcome = {
            let state = self.state();
            let card = state.books.directory().partner(&member)?.card.clone();
            let alliance = alliance.map(|name| name.trim().to_owned());
            let introduction = Introduction { card, alliance, at: time() };
            let introduction = Signed::new(introduction, &self.signer())?;
            let mail = Mail::Letter(Letter::Introduction(Box::new(introduction)));
            let partners = state.books.directory().partners().into_keys();
            let others = partners.filter(|partner| *partner != member);
            let mail = others.map(|to| (to, mail.clone())).collect();
            Outcome { events: Vec::new(), mail }
        };
        self.commit(&turn, by, outcome, None).await
    }

    /// Trusts a member because a partner has introduced it.
    #[net::boxed]
    pub async fn adopt(
        &self,
        by: &str,
        member: MemberId,
        introducer: MemberId,
    ) -> Result<(), OfficeError> {
        let turn = self.turn().await;
        let events = self.state().books.directory().adopt(member, introducer, time())?;
        self.commit(&turn, by, Outcome::of(records(events)), None).await
    }

    /// Checks the connection to a partner step by step; takes some seconds.
    #[net::boxed]
    pub async fn examine(&self, member: MemberId) -> Result<PartnerCheck, OfficeError> {
        let (own, theirs) = {
            let state = self.state();
            let keys = state.books.directory().keys();
            let theirs = keys.current(&member).ok_or(OfficeError::Unknown("partner"))?;
            (self.identity.public_key(), theirs)
        };
        let post = self.post().ok_or(OfficeError::Unknown("line to partners"))?;
        let examination = post.examine(theirs).await?;
        Ok(PartnerCheck { examination, pair_code: pair_code(&own, &theirs) })
    }

    /// What both sides read to each other over the telephone, to make sure that nobody stands
    /// between them.
    ///
    /// # Errors
    /// [`OfficeError::Unknown`], if it is no partner.
    pub fn pair_code(&self, member: MemberId) -> Result<[String; 2], OfficeError> {
        let theirs = self.state().books.directory().keys().current(&member);
        let theirs = theirs.ok_or(OfficeError::Unknown("partner"))?;
        Ok(pair_code(&self.identity.public_key(), &theirs))
    }
}

/// Whether a standing makes a partner.
pub(super) fn is_partner(standing: &Standing) -> bool {
    matches!(standing, Standing::Invited { .. } | Standing::Introduced { .. })
}

/// What a directory decided, as records.
fn records(events: Vec<Event>) -> impl Iterator<Item = Record> {
    events.into_iter().map(Record::from)
}

/// A day in milliseconds.
const DAY: u64 = 24 * 60 * 60 * 1000;
/// How long an invitation may hold.
const INVITATION_DAYS_MAX: u32 = 30;
