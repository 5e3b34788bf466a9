//! What the parties of an agreement have said about its versions, and what follows.

use std::collections::{BTreeMap, BTreeSet};

use super::act::AgreementAct;
use super::countersigned::Countersigned;
use super::terms::Terms;
use crate::canonical::{Digest, Signed, digest_of};
use crate::journal::{self, Journal, Taken};
use crate::members::{Keyring, MemberId};
use crate::time::Time;

/// An agreement: the journal of its parties.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Agreement {
    journal: Journal<AgreementAct>,
    /// The digests of proposed terms, by those of the entries that propose them.
    digests: BTreeMap<Digest, Digest>,
}

/// One version, and what the parties said of it last.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Version {
    /// What it says.
    pub terms: Terms,
    /// Who proposed it.
    pub proposed_by: MemberId,
    /// When.
    pub proposed_at: Time,
    /// The last word of each party that has spoken.
    pub words: BTreeMap<MemberId, Word>,
    /// Whether every party has signed it, whatever they said later.
    pub concluded: bool,
}

/// A version that could still be signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Open {
    /// Its digest.
    pub digest: Digest,
    /// The version; since it was proposed somebody is waited for.
    pub version: Version,
    /// Who has not said a word about it.
    pub silent: BTreeSet<MemberId>,
}

/// A party's last word about a version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Word {
    /// It signed.
    Signed(Time),
    /// It refused, for this reason.
    Refused(Time, String),
    /// It took the version back.
    Withdrawn(Time),
}

/// What an agreement is at some time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum State {
    /// No version was ever signed by all.
    Negotiating,
    /// These parties have signed contradictory statements. Nothing runs.
    Disputed(BTreeSet<MemberId>),
    /// These parties have ended it.
    Revoked(BTreeMap<MemberId, String>),
    /// This version was signed by all, and these parties took their signatures back at the same
    /// time. Nothing runs, under older versions neither, until they sign it or a newer one.
    TakenBack(Digest, BTreeSet<MemberId>),
    /// These parties have suspended it.
    Suspended(Digest, BTreeMap<MemberId, String>),
    /// It begins later, and no earlier version holds until then.
    NotYet(Digest),
    /// It is in force: the newest version that all have signed and that has begun.
    Active(Digest),
    /// It is over.
    Expired(Digest),
}

/// Why a party cannot say something now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// It takes no part.
    #[error("this member is no party of the agreement")]
    NoParty,
    /// Nothing can be said any more.
    #[error("the agreement has ended; propose a new one")]
    Ended,
    /// There is no such version here.
    #[error("there is no such version of this agreement here")]
    NoVersion,
    /// A newer one is in force.
    #[error("a newer version is in force; changes begin from it")]
    Old,
    /// The version before is another one.
    #[error("a new version names the version that it changes, and has the next number")]
    NoChild,
    /// It has other parties.
    #[error("all versions have the same parties; others need an agreement of their own")]
    OtherParties,
    /// All have signed.
    #[error("all have signed this version; revoke or suspend the agreement instead")]
    Concluded,
    /// Another party does not agree.
    #[error("another party has refused this version; propose another one")]
    Refused,
    /// The remark is about a line that is not there.
    #[error("this version has no such line")]
    NoLine,
    /// It was taken back.
    #[error("whoever proposed this version has taken it back")]
    Withdrawn,
    /// It is another's.
    #[error("only the party that proposed a version can take it back")]
    NotYours,
    /// Its time is over.
    #[error("this version would be over already")]
    Over,
    /// Nothing is in force.
    #[error("no version is in force")]
    NotInForce,
    /// It has been said.
    #[error("this party has said so already")]
    Already,
}

impl Agreement {
    /// The agreement that begins with these terms; all entries about it name their digest.
    pub fn new(first: &Terms) -> Self {
        let journal = Journal::new(digest_of(first), first.parties.keys().copied());
        Self { journal, digests: BTreeMap::new() }
    }

    /// Its entries, to write, send and ask for.
    pub fn journal(&self) -> &Journal<AgreementAct> {
        &self.journal
    }

    /// Takes an entry from anybody.
    ///
    /// # Errors
    /// [`journal::Refusal`].
    pub fn take(
        &mut self,
        entry: Signed<journal::Entry<AgreementAct>>,
        keys: &Keyring,
    ) -> Result<Taken, journal::Refusal> {
        let taken = self.journal.examine(&entry, keys)?;
        if taken != Taken::Known {
            self.restore(entry);
        }
        Ok(taken)
    }

    /// Takes an entry that was taken before and stored.
    pub fn restore(&mut self, entry: Signed<journal::Entry<AgreementAct>>) {
        if let AgreementAct::Propose(terms) = &entry.content().act {
            self.digests.entry(entry.digest()).or_insert_with(|| digest_of(&**terms));
        }
        self.journal.restore(entry);
    }

    /// All versions by their digests: the first one, and those that change one that is here.
    pub fn versions(&self) -> BTreeMap<Digest, Version> {
        let mut versions = self.proposals();
        for entry in self.journal.entries().map(Signed::content) {
            let (version, word) = match &entry.act {
                AgreementAct::Sign { version } => (version, Word::Signed(entry.made_at)),
                AgreementAct::Withdraw { version } => (version, Word::Withdrawn(entry.made_at)),
                AgreementAct::Refuse { version, reason } => {
                    (version, Word::Refused(entry.made_at, reason.clone()))
                }
                _ => continue,
            };
            if let Some(version) = versions.get_mut(version) {
                version.words.insert(entry.author, word);
            }
        }
        for (digest, version) in &mut versions {
            version.concluded = self.journal.authors().all(|party| self.has_signed(&party, digest));
        }
        versions
    }

    /// Whether a version of this digest is here.
    pub(crate) fn has(&self, version: &Digest) -> bool {
        let proposed = self.digests.values().any(|digest| digest == version);
        proposed && self.proposals().contains_key(version)
    }

    fn proposals(&self) -> BTreeMap<Digest, Version> {
        let proposal = |entry: &'_ Signed<journal::Entry<AgreementAct>>| {
            let journal::Entry { author, made_at, act, .. } = entry.content();
            let AgreementAct::Propose(terms) = act else { return None };
            let digest = self.digests.get(&entry.digest())?;
            Some((terms.version, *digest, *author, *made_at, terms.clone()))
        };
        let mut proposals: Vec<_> = self.journal.entries().filter_map(proposal).collect();
        proposals.sort_by_key(|(number, digest, author, ..)| (*number, *digest, *author));
        let mut versions = BTreeMap::<Digest, Version>::new();
        for (number, digest, proposed_by, proposed_at, terms) in proposals {
            let follows = match terms.parent {
                None => digest == self.journal.topic(),
                Some(parent) => {
                    versions.get(&parent).is_some_and(|it| it.terms.version + 1 == number)
                }
            };
            let same_parties = terms.parties.keys().copied().eq(self.journal.authors());
            if follows && same_parties {
                let (words, concluded) = (BTreeMap::new(), false);
                let version = Version { terms: *terms, proposed_by, proposed_at, words, concluded };
                versions.entry(digest).or_insert(version);
            }
        }
        versions
    }

    fn has_signed(&self, party: &MemberId, digest: &Digest) -> bool {
        self.signature(party, digest).is_some()
    }

    fn signature(
        &self,
        party: &MemberId,
        digest: &Digest,
    ) -> Option<&Signed<journal::Entry<AgreementAct>>> {
        let sign = AgreementAct::Sign { version: *digest };
        self.journal.log(party).iter().find(|entry| entry.content().act == sign)
    }

    /// What the agreement is now.
    pub fn state(&self, now: Time) -> State {
        self.state_of(&self.versions(), now)
    }

    fn state_of(&self, versions: &BTreeMap<Digest, Version>, now: Time) -> State {
        let disputed: BTreeSet<_> = self.journal.contradictions().into_keys().collect();
        if !disputed.is_empty() {
            return State::Disputed(disputed);
        }
        let (revoked, suspended) = self.stopped();
        if !revoked.is_empty() {
            return State::Revoked(revoked);
        }
        let mut concluded: Vec<(Digest, &Version)> =
            versions.iter().filter(|(_, it)| it.concluded).map(|(id, it)| (*id, it)).collect();
        // Of two with one number, that with the larger digest.
        concluded.sort_by_key(|(digest, it)| std::cmp::Reverse((it.terms.version, *digest)));
        let Some(newest) = concluded.first() else { return State::Negotiating };
        let begun = |(_, it): &&(Digest, &Version)| now >= it.terms.valid_from;
        let present = concluded.iter().find(begun);
        for (digest, version) in [Some(newest), present].into_iter().flatten() {
            let taken_back = version.taken_back();
            if !taken_back.is_empty() {
                return State::TakenBack(*digest, taken_back);
            }
        }
        let (digest, version) = present.unwrap_or(newest);
        let over = now >= version.terms.valid_until;
        // All that are newer than the present one begin later.
        let later = concluded.iter().take_while(|(_, it)| now < it.terms.valid_from);
        let next = later.min_by_key(|(_, it)| it.terms.valid_from);
        match next {
            _ if !suspended.is_empty() => State::Suspended(*digest, suspended),
            _ if present.is_some() && !over => State::Active(*digest),
            Some((next, _)) => State::NotYet(*next),
            None => State::Expired(*digest),
        }
    }

    /// Who has ended the agreement, and who suspends it, with their reasons.
    fn stopped(&self) -> (BTreeMap<MemberId, String>, BTreeMap<MemberId, String>) {
        let (mut revoked, mut suspended) = (BTreeMap::new(), BTreeMap::new());
        for entry in self.journal.entries().map(Signed::content) {
            match &entry.act {
                AgreementAct::Revoke { reason } => {
                    revoked.entry(entry.author).or_insert(reason.clone());
                }
                AgreementAct::Suspend { reason } => {
                    suspended.insert(entry.author, reason.clone());
                }
                AgreementAct::Resume => {
                    suspended.remove(&entry.author);
                }
                _ => {}
            }
        }
        (revoked, suspended)
    }

    /// The terms in force and their digest.
    ///
    /// # Errors
    /// The [`State`], if it is any other than active.
    pub fn in_force(&self, now: Time) -> Result<(Digest, Terms), State> {
        let mut versions = self.versions();
        match self.state_of(&versions, now) {
            State::Active(digest) => match versions.remove(&digest) {
                Some(version) => Ok((digest, version.terms)),
                None => Err(State::Negotiating),
            },
            state => Err(state),
        }
    }

    /// Versions that could still be signed, newest first: what people wait for.
    pub fn waiting(&self, now: Time) -> Vec<Open> {
        let versions = self.versions();
        if matches!(self.state_of(&versions, now), State::Disputed(_) | State::Revoked(_)) {
            return Vec::new();
        }
        let newest = newest_concluded(&versions);
        let open = |version: &Version| {
            let no_word_against = version.words.values().all(Word::is_signature);
            let newer = version.terms.version > newest;
            newer && no_word_against && now < version.terms.valid_until
        };
        let mut waiting: Vec<_> = versions.into_iter().filter(|(_, it)| open(it)).collect();
        waiting
            .sort_by_key(|(digest, version)| (std::cmp::Reverse(version.terms.version), *digest));
        let with_silent = |(digest, version): (Digest, Version)| {
            let parties = self.journal.authors();
            let silent = parties.filter(|party| !version.words.contains_key(party)).collect();
            Open { digest, version, silent }
        };
        waiting.into_iter().map(with_silent).collect()
    }

    /// Whether `party` can say `act` now; what it then writes into the journal.
    ///
    /// # Errors
    /// [`Refusal`].
    pub fn decide(
        &self,
        party: &MemberId,
        act: AgreementAct,
        now: Time,
    ) -> Result<AgreementAct, Refusal> {
        if !self.journal.authors().any(|author| author == *party) {
            return Err(Refusal::NoParty);
        }
        let versions = self.versions();
        let state = self.state_of(&versions, now);
        let comment = matches!(act, AgreementAct::Comment { .. });
        if !comment && matches!(state, State::Disputed(_) | State::Revoked(_)) {
            return Err(Refusal::Ended);
        }
        let newest = newest_concluded(&versions);
        let version_of = |digest: &Digest| versions.get(digest).ok_or(Refusal::NoVersion);
        match &act {
            AgreementAct::Propose(terms) => self.may_propose(&versions, terms, newest)?,
            AgreementAct::Comment { version, line, .. } => {
                let lines = version_of(version)?.terms.lines();
                if line.as_ref().is_some_and(|line| !lines.contains_key(line)) {
                    return Err(Refusal::NoLine);
                }
            }
            AgreementAct::Sign { version } => may_sign(version_of(version)?, party, newest, now)?,
            AgreementAct::Refuse { version, .. } => {
                let version = version_of(version)?;
                if version.concluded {
                    return Err(Refusal::Concluded);
                }
                if matches!(version.words.get(party), Some(Word::Refused(..))) {
                    return Err(Refusal::Already);
                }
            }
            AgreementAct::Withdraw { version } => {
                let version = version_of(version)?;
                if version.proposed_by != *party {
                    return Err(Refusal::NotYours);
                }
                if version.concluded {
                    return Err(Refusal::Concluded);
                }
                if matches!(version.words.get(party), Some(Word::Withdrawn(_))) {
                    return Err(Refusal::Already);
                }
            }
            AgreementAct::Suspend { .. } => match state {
                State::Suspended(_, by) if by.contains_key(party) => return Err(Refusal::Already),
                State::Suspended(..) | State::Active(_) | State::NotYet(_) => {}
                _ => return Err(Refusal::NotInForce),
            },
            AgreementAct::Resume => match state {
                State::Suspended(_, by) if by.contains_key(party) => {}
                _ => return Err(Refusal::Already),
            },
            AgreementAct::Revoke { .. } if newest == 0 => return Err(Refusal::NotInForce),
            AgreementAct::Revoke { .. } => {}
        }
        Ok(act)
    }

    fn may_propose(
        &self,
        versions: &BTreeMap<Digest, Version>,
        terms: &Terms,
        newest: u32,
    ) -> Result<(), Refusal> {
        let digest = digest_of(terms);
        if versions.contains_key(&digest) {
            return Err(Refusal::Already);
        }
        if !terms.parties.keys().copied().eq(self.journal.authors()) {
            return Err(Refusal::OtherParties);
        }
        match terms.parent {
            None if digest == self.journal.topic() => Ok(()),
            None => Err(Refusal::NoChild),
            Some(parent) => {
                let parent = versions.get(&parent).ok_or(Refusal::NoVersion)?;
                match parent.terms.version {
                    number if number + 1 != terms.version => Err(Refusal::NoChild),
                    number if number < newest => Err(Refusal::Old),
                    _ => Ok(()),
                }
            }
        }
    }

    /// A version with the signatures of all parties, that anybody with their keys can check alone.
    /// Every party makes the same bytes. None for one that a party has taken its signature from.
    pub fn countersigned(&self, digest: &Digest) -> Option<Countersigned> {
        let version = self.versions().remove(digest)?;
        if !version.taken_back().is_empty() {
            return None;
        }
        let terms = version.terms;
        let signatures =
            self.journal.authors().map(|party| self.signature(&party, digest).cloned());
        Some(Countersigned { terms, signatures: signatures.collect::<Option<_>>()? })
    }
}

impl Version {
    /// The parties whose last word about it is against it.
    fn taken_back(&self) -> BTreeSet<MemberId> {
        let against = self.words.iter().filter(|(_, word)| !word.is_signature());
        against.map(|(party, _)| *party).collect()
    }
}

impl Word {
    /// Whether it agrees.
    const fn is_signature(&self) -> bool {
        matches!(self, Self::Signed(_))
    }
}

fn may_sign(version: &Version, party: &MemberId, newest: u32, now: Time) -> Result<(), Refusal> {
    let mut others = version.words.iter().filter(|(other, _)| *other != party);
    let against = others.find(|(_, word)| !word.is_signature()).map(|(_, word)| word);
    match version.words.get(party) {
        Some(Word::Signed(_)) => Err(Refusal::Already),
        // A version that all have signed stays concluded: signing it again mends it.
        _ if version.concluded && version.terms.version == newest => Ok(()),
        _ if version.terms.version <= newest => Err(Refusal::Old),
        _ if now >= version.terms.valid_until => Err(Refusal::Over),
        _ => match against {
            Some(Word::Withdrawn(_)) => Err(Refusal::Withdrawn),
            Some(_) => Err(Refusal::Refused),
            None => Ok(()),
        },
    }
}

/// The highest number of a version that all have signed; zero if there is none.
fn newest_concluded(versions: &BTreeMap<Digest, Version>) -> u32 {
    let concluded = versions.values().filter(|version| version.concluded);
    concluded.map(|version| version.terms.version).max().unwrap_or_default()
}
