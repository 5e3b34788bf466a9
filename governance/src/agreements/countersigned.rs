//! A version with the signatures of all its parties, to keep and to show.

use serde::{Deserialize, Serialize};

use super::act::AgreementAct;
use super::terms::Terms;
use crate::canonical::{Signed, digest_of};
use crate::journal;
use crate::members::Keyring;

/// A version, and the entries by which its parties signed it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Countersigned {
    /// What was signed.
    pub terms: Terms,
    /// The parties' entries, in the order of their first keys.
    pub signatures: Vec<Signed<journal::Entry<AgreementAct>>>,
}

impl Countersigned {
    /// Whether these are the signatures of all parties for these terms.
    pub fn holds(&self, keys: &Keyring) -> bool {
        let act = AgreementAct::Sign { version: digest_of(&self.terms) };
        let authors = self.signatures.iter().map(|entry| &entry.content().author);
        authors.eq(self.terms.parties.keys())
            && self.signatures.iter().all(|entry| {
                entry.content().act == act && keys.speaks_for(entry.key(), &entry.content().author)
            })
    }
}
