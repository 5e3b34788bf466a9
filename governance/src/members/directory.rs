//! Whom a member knows, and whom it trusts: one member's own view.

use std::collections::{BTreeMap, BTreeSet};

use crypto::signature::PublicKey;

use super::card::Succession;
use super::event::{Event, Fork, Member, Refusal, Standing};
use super::keys::is_believed;
use super::{Acceptance, Card, Catalogue, Introduction, Invitation, Keyring, MemberId, Nonce};
use crate::canonical::{Digest, Signed};
use crate::time::Time;

/// Everything that a member knows of others. Methods that decide return [`Event`]s and change
/// nothing; [`Self::apply`] folds events and decides nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Directory {
    own: Signed<Card>,
    members: BTreeMap<MemberId, Member>,
    invitations: BTreeMap<Nonce, Issued>,
    keys: Keyring,
}

/// An invitation that this side sent.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Issued {
    digest: Digest,
    expires: Time,
    state: Use,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Use {
    Open,
    Withdrawn,
    By(MemberId),
}

/// Members in a directory, so that introductions cannot fill the disk.
pub(super) const MEMBERS_MAX: usize = 10_000;
/// Members for whom one partner may vouch.
pub(super) const INTRODUCTIONS_MAX: usize = 1_000;

impl Directory {
    /// The directory of a member that knows only itself, by its own card.
    pub fn new(own: Signed<Card>) -> Self {
        let mut keys = Keyring::default();
        keys.insert(&own);
        Self { own, members: BTreeMap::new(), invitations: BTreeMap::new(), keys }
    }

    /// This member's own card.
    pub fn own(&self) -> &Signed<Card> {
        &self.own
    }

    /// All other members, by their first keys.
    pub fn members(&self) -> &BTreeMap<MemberId, Member> {
        &self.members
    }

    /// The keys of this member and of its partners: whose signatures count here.
    pub fn keys(&self) -> &Keyring {
        &self.keys
    }

    /// Partners and the keys by which they sign now: whose lines the node opens.
    pub fn partners(&self) -> BTreeMap<MemberId, PublicKey> {
        let key = |id: &MemberId| Some((*id, *self.partner(id).ok()?.card.key()));
        self.members.keys().filter_map(key).collect()
    }

    /// Takes a new card of this member's own, after it was signed: another address, another key.
    ///
    /// # Errors
    /// [`Refusal`]: it is another's, or does not succeed the present one.
    pub fn renew(&self, card: &Signed<Card>) -> Result<Vec<Event>, Refusal> {
        if card.content().member != self.own_id() {
            return Err(Refusal::Key);
        }
        match card.succeeds(&self.own) {
            Succession::Newer => Ok(vec![Event::Card(card.clone())]),
            Succession::Older => Err(Refusal::Already),
            Succession::Fork => Err(Refusal::OwnKeyElsewhere),
        }
    }

    fn own_id(&self) -> MemberId {
        self.own.content().member
    }

    /// Keeps an invitation that this side has written, so that it can be accepted.
    ///
    /// # Errors
    /// [`Refusal`]: it is another's, or there already.
    pub fn issue(&self, invitation: Signed<Invitation>) -> Result<Vec<Event>, Refusal> {
        let Invitation { card, nonce, .. } = invitation.content();
        if card.content().member != self.own_id() {
            return Err(Refusal::NoInvitation);
        }
        if self.invitations.contains_key(nonce) {
            return Err(Refusal::Already);
        }
        Ok(vec![Event::Issued(invitation)])
    }

    /// Takes an invitation back.
    ///
    /// # Errors
    /// [`Refusal`]: there is none, or it was used.
    pub fn withdraw(&self, nonce: Nonce) -> Result<Vec<Event>, Refusal> {
        match self.invitations.get(&nonce).map(|issued| issued.state) {
            None => Err(Refusal::NoInvitation),
            Some(Use::Withdrawn) => Err(Refusal::Already),
            Some(Use::By(_)) => Err(Refusal::Used),
            Some(Use::Open) => Ok(vec![Event::Withdrawn(nonce)]),
        }
    }

    /// Accepts another's invitation: its writer becomes a partner here. Send it an [`Acceptance`].
    ///
    /// # Errors
    /// [`Refusal`]: it expired, is this member's own, or the inviter is blocked.
    pub fn accept(
        &self,
        invitation: &Signed<Invitation>,
        now: Time,
    ) -> Result<Vec<Event>, Refusal> {
        let Invitation { card, expires, .. } = invitation.content();
        if now >= *expires {
            return Err(Refusal::Expired);
        }
        self.partnership(card, now)
    }

    /// Somebody accepted an invitation of this side, and becomes a partner.
    ///
    /// A repetition by the same member changes nothing.
    ///
    /// # Errors
    /// [`Refusal`]: there is no such invitation, or it expired, was withdrawn or used by another.
    pub fn accepted(
        &self,
        acceptance: &Signed<Acceptance>,
        now: Time,
    ) -> Result<Vec<Event>, Refusal> {
        let Acceptance { invitation, nonce, card } = acceptance.content();
        let by = card.content().member;
        let issued = self.invitations.get(nonce).filter(|issued| issued.digest == *invitation);
        let issued = issued.ok_or(Refusal::NoInvitation)?;
        match issued.state {
            Use::Withdrawn => return Err(Refusal::Withdrawn),
            Use::By(member) if member != by => return Err(Refusal::Used),
            Use::By(_) => return Ok(Vec::new()),
            Use::Open if now >= issued.expires => return Err(Refusal::Expired),
            Use::Open => {}
        }
        let mut events = self.partnership(card, now)?;
        events.push(Event::Used { nonce: *nonce, by });
        Ok(events)
    }

    /// The events by which the owner of a card becomes a partner by invitation.
    fn partnership(&self, card: &Signed<Card>, now: Time) -> Result<Vec<Event>, Refusal> {
        let member = card.content().member;
        let mut events = match self.succession(card) {
            // The invitation may carry an older card than gossip brought, if its key is believed.
            Err(Refusal::Already) => {
                let known = self.members.get(&member).ok_or(Refusal::Unknown)?;
                let chain = &known.card.content().rotations;
                if !is_believed(card.key(), &member, chain) {
                    return Err(Refusal::OldKey);
                }
                Vec::new()
            }
            Ok(Event::Forked(_)) => return Err(Refusal::Forked),
            result => vec![result?],
        };
        match self.members.get(&member) {
            None if self.members.len() >= MEMBERS_MAX => return Err(Refusal::Full),
            Some(known) if known.is_forked() => return Err(Refusal::Forked),
            _ => {}
        }
        events.push(Event::Standing { member, standing: Standing::Invited { since: now } });
        Ok(events)
    }

    /// A card came, from whomever: it is taken if its owner is known and it succeeds the present
    /// one. One whose chain of keys leads elsewhere is kept as evidence, and its owner is no
    /// partner any more until somebody settles it.
    ///
    /// # Errors
    /// [`Refusal`]; [`Refusal::Already`] for the present card and older ones.
    pub fn card(&self, card: &Signed<Card>) -> Result<Vec<Event>, Refusal> {
        let member = card.content().member;
        if member != self.own_id() && !self.members.contains_key(&member) {
            return Err(Refusal::Unknown);
        }
        Ok(vec![self.succession(card)?])
    }

    /// What follows from a card of somebody known or new.
    fn succession(&self, card: &Signed<Card>) -> Result<Event, Refusal> {
        let content = card.content();
        if content.member == self.own_id() {
            let own = self.own.content().rotations.len() >= content.rotations.len()
                && card.succeeds(&self.own) != Succession::Fork;
            return Err(if own { Refusal::Own } else { Refusal::OwnKeyElsewhere });
        }
        let Some(member) = self.members.get(&content.member) else {
            return Ok(Event::Card(card.clone()));
        };
        if matches!(member.standing, Standing::Blocked { .. }) {
            return Err(Refusal::Blocked);
        }
        match card.succeeds(&member.card) {
            Succession::Newer => Ok(Event::Card(card.clone())),
            Succession::Older => Err(Refusal::Already),
            Succession::Fork if member.fork.is_some() => Err(Refusal::Forked),
            Succession::Fork => Ok(Event::Forked(card.clone())),
        }
    }

    /// A catalogue came: it is taken if a partner's key signed it and it is newer.
    ///
    /// # Errors
    /// [`Refusal`].
    pub fn catalogue(&self, catalogue: &Signed<Catalogue>) -> Result<Vec<Event>, Refusal> {
        let content = catalogue.content();
        let member = self.partner(&content.member)?;
        if !self.keys.speaks_for(catalogue.key(), &content.member) {
            return Err(Refusal::Key);
        }
        // As with cards, all who know two of one version hold the same.
        let rank = |it: &Signed<Catalogue>| (it.content().version, it.digest());
        match &member.catalogue {
            Some(present) if rank(catalogue) <= rank(present) => Err(Refusal::Already),
            _ => Ok(vec![Event::Catalogue(catalogue.clone())]),
        }
    }

    /// A partner introduced somebody, who is known from then on and no partner yet.
    ///
    /// # Errors
    /// [`Refusal`]: `by` is no partner by invitation, the key is not its own, or there is no room.
    pub fn introduce(
        &self,
        by: MemberId,
        introduction: &Signed<Introduction>,
    ) -> Result<Vec<Event>, Refusal> {
        if !matches!(self.partner(&by)?.standing, Standing::Invited { .. }) {
            return Err(Refusal::NoIntroducer);
        }
        if !self.keys.speaks_for(introduction.key(), &by) {
            return Err(Refusal::Key);
        }
        let card = &introduction.content().card;
        let mut events = match self.succession(card) {
            Err(Refusal::Already) => Vec::new(),
            Ok(Event::Forked(card)) => return Ok(vec![Event::Forked(card)]),
            result => vec![result?],
        };
        let known = self.members.get(&card.content().member);
        let before = known.and_then(|member| member.introductions.get(&by));
        if before == Some(introduction) {
            return Err(Refusal::Already);
        }
        let vouched = self.members.values().filter(|it| it.introductions.contains_key(&by));
        let no_room = before.is_none() && vouched.count() >= INTRODUCTIONS_MAX;
        if no_room || (known.is_none() && self.members.len() >= MEMBERS_MAX) {
            return Err(Refusal::Full);
        }
        events.push(Event::Introduction { by, introduction: introduction.clone() });
        Ok(events)
    }

    /// Somebody here decided to trust a member because of the introduction by a partner.
    ///
    /// # Errors
    /// [`Refusal`]: it is unknown, blocked, a partner already, or not introduced by `by`.
    pub fn adopt(&self, member: MemberId, by: MemberId, now: Time) -> Result<Vec<Event>, Refusal> {
        let known = self.members.get(&member).ok_or(Refusal::Unknown)?;
        match known.standing {
            _ if known.is_forked() => return Err(Refusal::Forked),
            Standing::Known => {}
            Standing::Blocked { .. } => return Err(Refusal::Blocked),
            _ => return Err(Refusal::Already),
        }
        if !self.vouches(&by) || !known.introductions.contains_key(&by) {
            return Err(Refusal::NotIntroduced);
        }
        let standing = Standing::Introduced { by, since: now };
        Ok(vec![Event::Standing { member, standing }])
    }

    /// Whether a member's introductions count here.
    fn vouches(&self, member: &MemberId) -> bool {
        let standing = self.partner(member).map(|it| &it.standing);
        matches!(standing, Ok(Standing::Invited { .. }))
    }

    /// Takes nothing from a member any more; its signatures no longer count here.
    ///
    /// # Errors
    /// [`Refusal`]: it is unknown, or blocked already.
    pub fn block(
        &self,
        member: MemberId,
        reason: String,
        now: Time,
    ) -> Result<Vec<Event>, Refusal> {
        let known = self.members.get(&member).ok_or(Refusal::Unknown)?;
        if matches!(known.standing, Standing::Blocked { .. }) {
            return Err(Refusal::Already);
        }
        let standing = Standing::Blocked { since: now, reason };
        Ok(vec![Event::Standing { member, standing }])
    }

    /// Ends a block: the member is known again, and becomes a partner by a new invitation or the
    /// adoption of an introduction. Its chain of keys is not forgotten.
    ///
    /// # Errors
    /// [`Refusal`]: it is unknown, or not blocked.
    pub fn unblock(&self, member: MemberId) -> Result<Vec<Event>, Refusal> {
        let known = self.members.get(&member).ok_or(Refusal::Unknown)?;
        if !matches!(known.standing, Standing::Blocked { .. }) {
            return Err(Refusal::Already);
        }
        Ok(vec![Event::Standing { member, standing: Standing::Known }])
    }

    /// Somebody here has called a member of whom two chains of keys are known, and compared the
    /// pair code: the card known here is its own. If it is the other one, block the member; it has
    /// to begin anew under another first key.
    ///
    /// # Errors
    /// [`Refusal`]: it is unknown, or there is nothing to settle.
    pub fn settle(&self, member: MemberId) -> Result<Vec<Event>, Refusal> {
        let known = self.members.get(&member).ok_or(Refusal::Unknown)?;
        if known.is_forked() { Ok(vec![Event::Settled(member)]) } else { Err(Refusal::Already) }
    }

    /// A partner, by its first key.
    ///
    /// # Errors
    /// [`Refusal`]: it is unknown, blocked, no partner, or has two chains of keys.
    pub fn partner(&self, member: &MemberId) -> Result<&Member, Refusal> {
        let known = self.members.get(member).ok_or(Refusal::Unknown)?;
        match known.standing {
            Standing::Blocked { .. } => Err(Refusal::Blocked),
            _ if known.is_forked() => Err(Refusal::Forked),
            Standing::Invited { .. } | Standing::Introduced { .. } => Ok(known),
            Standing::Known => Err(Refusal::NoPartner),
        }
    }

    /// Who belongs to an alliance, and on whose word: those for whom partners by invitation vouch.
    pub fn alliance(&self, name: &str) -> BTreeMap<MemberId, BTreeSet<MemberId>> {
        let mut members = BTreeMap::<MemberId, BTreeSet<MemberId>>::new();
        for (id, member) in &self.members {
            if matches!(member.standing, Standing::Blocked { .. }) {
                continue;
            }
            for (by, introduction) in &member.introductions {
                let named = introduction.content().alliance.as_deref() == Some(name);
                if named && self.vouches(by) {
                    members.entry(*id).or_default().insert(*by);
                }
            }
        }
        members
    }

    /// To which partners a new card of `member` is passed on: those in an alliance with it.
    /// Whoever has the card already refuses it and passes nothing on, so that gossip ends. Others
    /// do not hear of it: whom this member knows is its own affair.
    pub fn hear_of(&self, member: &MemberId) -> BTreeSet<MemberId> {
        let introductions = self.members.get(member).into_iter().flat_map(|it| &it.introductions);
        let names: BTreeSet<&str> =
            introductions.filter_map(|(_, word)| word.content().alliance.as_deref()).collect();
        let alliances = names.into_iter().map(|name| self.alliance(name));
        let with_it = alliances.filter(|alliance| alliance.contains_key(member));
        let others = with_it.flat_map(BTreeMap::into_keys).filter(|other| other != member);
        others.filter(|other| self.partner(other).is_ok()).collect()
    }

    /// Takes what happened into the directory. Events that were decided here always fit.
    pub fn apply(&mut self, event: Event) {
        match event {
            Event::Issued(invitation) => {
                let Invitation { nonce, expires, .. } = *invitation.content();
                let issued = Issued { digest: invitation.digest(), expires, state: Use::Open };
                self.invitations.insert(nonce, issued);
            }
            Event::Withdrawn(nonce) => self.set_use(nonce, Use::Withdrawn),
            Event::Used { nonce, by } => self.set_use(nonce, Use::By(by)),
            Event::Card(card) => self.set_card(card),
            Event::Catalogue(catalogue) => {
                let member = catalogue.content().member;
                self.change(member, |it| it.catalogue = Some(catalogue));
            }
            Event::Introduction { by, introduction } => {
                let member = introduction.content().card.content().member;
                self.change(member, |it| drop(it.introductions.insert(by, introduction)));
            }
            Event::Standing { member, standing } => {
                self.change(member, |it| it.standing = standing);
            }
            Event::Forked(card) => {
                let member = card.content().member;
                self.change(member, |it| it.fork = Some(Fork { card, settled: false }));
            }
            Event::Settled(member) => self.change(member, |it| {
                if let Some(fork) = &mut it.fork {
                    fork.settled = true;
                }
            }),
        }
    }

    fn set_use(&mut self, nonce: Nonce, state: Use) {
        if let Some(issued) = self.invitations.get_mut(&nonce) {
            issued.state = state;
        }
    }

    fn set_card(&mut self, card: Signed<Card>) {
        let id = card.content().member;
        if id == self.own_id() {
            self.keys.insert(&card);
            self.own = card;
            return;
        }
        let new = || Member {
            card: card.clone(),
            catalogue: None,
            standing: Standing::Known,
            introductions: BTreeMap::new(),
            fork: None,
        };
        self.members.entry(id).or_insert_with(new);
        self.change(id, |it| it.card = card);
    }

    /// Changes a member, and puts its keys on the ring if it is a partner then, or takes them off.
    fn change(&mut self, id: MemberId, change: impl FnOnce(&mut Member)) {
        let Some(member) = self.members.get_mut(&id) else { return };
        change(member);
        match self.partner(&id).map(|member| member.card.clone()) {
            Ok(card) => self.keys.insert(&card),
            Err(_) => self.keys.remove(&id),
        }
    }
}

impl Member {
    /// Whether two chains of keys are known of it, and nobody here has settled which is its own.
    pub fn is_forked(&self) -> bool {
        self.fork.as_ref().is_some_and(|fork| !fork.settled)
    }
}
