//! What happens in a directory, and why something does not.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::directory::{INTRODUCTIONS_MAX, MEMBERS_MAX};
use super::{Card, Catalogue, Introduction, Invitation, MemberId, Nonce};
use crate::canonical::Signed;
use crate::time::Time;

/// Another member.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// Its newest card.
    pub card: Signed<Card>,
    /// What it says of its data.
    pub catalogue: Option<Signed<Catalogue>>,
    /// What it is to this member.
    pub standing: Standing,
    /// Who vouches for it, and for which alliance.
    pub introductions: BTreeMap<MemberId, Signed<Introduction>>,
    /// A card whose chain of keys leads elsewhere than that of [`Self::card`], if one came.
    pub fork: Option<Fork>,
}

/// The evidence that two people have had one key of a member.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fork {
    /// The card that was not taken.
    pub card: Signed<Card>,
    /// Whether somebody here has made sure that the card that was taken is the member's.
    pub settled: bool,
}

/// What a member is to another.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Standing {
    /// A partner introduced it; nobody here has decided yet.
    Known,
    /// A partner by an invitation that one side sent and the other accepted.
    Invited {
        /// Since when.
        since: Time,
    },
    /// A partner because somebody here adopted the introduction of another partner.
    Introduced {
        /// Whose introduction.
        by: MemberId,
        /// Since when.
        since: Time,
    },
    /// Nothing from it is taken any more.
    Blocked {
        /// Since when.
        since: Time,
        /// Why, in words of this side.
        reason: String,
    },
}

/// Something that happened in a directory.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Event {
    /// This side wrote an invitation.
    Issued(Signed<Invitation>),
    /// It took one back.
    Withdrawn(Nonce),
    /// Its invitation was accepted by this member.
    Used {
        /// Of the invitation.
        nonce: Nonce,
        /// By whom.
        by: MemberId,
    },
    /// A card was taken; of somebody new, or in place of an older one.
    Card(Signed<Card>),
    /// A catalogue was taken.
    Catalogue(Signed<Catalogue>),
    /// A partner vouched for somebody.
    Introduction {
        /// The partner.
        by: MemberId,
        /// Its word.
        introduction: Signed<Introduction>,
    },
    /// Somebody stands otherwise now.
    Standing {
        /// Who.
        member: MemberId,
        /// How.
        standing: Standing,
    },
    /// A card came whose chain of keys leads elsewhere than that of the card known here.
    Forked(Signed<Card>),
    /// Somebody here made sure that the card known here is the member's.
    Settled(MemberId),
}

/// Why something was not taken into the directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// There is no such invitation.
    #[error("this side has written no such invitation")]
    NoInvitation,
    /// It is too late.
    #[error("the invitation has expired; ask for a new one")]
    Expired,
    /// It was taken back.
    #[error("the invitation was withdrawn")]
    Withdrawn,
    /// Somebody else was faster.
    #[error("the invitation was accepted by somebody else; if that was not meant, block them")]
    Used,
    /// Its own invitation, card or introduction came back.
    #[error("it is this member's own, or an earlier one")]
    Own,
    /// A card of this member with a change of key that this node does not know.
    #[error(
        "the card changes this member's key, and this node did not: either it was restored from a \
         backup, or somebody has a stolen key; rotate it as compromised and call your partners"
    )]
    OwnKeyElsewhere,
    /// Two chains of keys are known of the member.
    #[error(
        "two cards of this member lead to different keys: one key was stolen; call the member and \
         compare pair codes, then settle it or block the member"
    )]
    Forked,
    /// Its owner has given the key up as stolen.
    #[error("the key that signed was given up by its owner as stolen; ask for a new invitation")]
    OldKey,
    /// The member was blocked here.
    #[error("this member is blocked here")]
    Blocked,
    /// Nobody introduced or invited it.
    #[error("this member is not known here; invite it, or have a partner introduce it")]
    Unknown,
    /// It is known, but no partner.
    #[error("this member is no partner; adopt its introduction, or invite it")]
    NoPartner,
    /// The key is not the member's.
    #[error("the key that signed does not speak for the member it names")]
    Key,
    /// A partner by introduction cannot introduce others.
    #[error("only partners by invitation introduce others; trust does not travel further")]
    NoIntroducer,
    /// Nothing to adopt.
    #[error("nobody who is a partner by invitation has introduced this member")]
    NotIntroduced,
    /// Nothing to do.
    #[error("that is already so")]
    Already,
    /// There is no room.
    #[error("there is no room: {MEMBERS_MAX} members, {INTRODUCTIONS_MAX} by one introducer")]
    Full,
}
