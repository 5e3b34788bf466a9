//! Members for tests, with keys from fixed seeds.

use crypto::signature::PublicKey;
use ring::signature::{Ed25519KeyPair, KeyPair as _};

use crate::canonical::{Document, Signed, Signer};
use crate::members::{Card, Keyring, MemberId, Rotation};
use crate::time::Time;

pub(crate) struct Party {
    pub(crate) name: &'static str,
    keys: Ed25519KeyPair,
}

impl Party {
    pub(crate) fn new(name: &'static str, seed: u8) -> Self {
        Self { name, keys: Ed25519KeyPair::from_seed_unchecked(&[seed; 32]).unwrap() }
    }

    pub(crate) fn key(&self) -> PublicKey {
        Signer::key(self)
    }

    pub(crate) fn id(&self) -> MemberId {
        MemberId::of_key(self.key())
    }

    pub(crate) fn sign<T: Document>(&self, content: T) -> Signed<T> {
        Signed::new(content, self).unwrap()
    }

    /// The field of the flaw for which a document cannot be signed.
    pub(crate) fn flaw<T: Document + std::fmt::Debug>(&self, content: T) -> &'static str {
        Signed::new(content, self).unwrap_err().field
    }

    /// The content of a card of somebody whose key never changed.
    pub(crate) fn card(&self, version: u32) -> Card {
        Card {
            member: self.id(),
            version,
            name: self.name.to_owned(),
            contact: "Data office, 400 800 1234".to_owned(),
            endpoints: vec!["tombolo.example:7001".to_owned()],
            software: "0.1.0".to_owned(),
            issued_at: at(0),
            rotations: Vec::new(),
        }
    }

    pub(crate) fn rotation(&self, member: MemberId, number: u32, to: &Self) -> Signed<Rotation> {
        let rotation = Rotation { member, number, to: to.key(), at: at(0), compromised: false };
        self.sign(rotation)
    }
}

impl Signer for Party {
    fn key(&self) -> PublicKey {
        PublicKey::new(self.keys.public_key().as_ref().try_into().unwrap())
    }

    fn signature_of(&self, statement: &[u8]) -> Vec<u8> {
        self.keys.sign(statement).as_ref().to_vec()
    }
}

/// Minutes after the tests' beginning of time.
pub(crate) fn at(minutes: u64) -> Time {
    Time::from_milliseconds(1_790_000_000_000 + minutes * 60_000)
}

pub(crate) fn bank() -> Party {
    Party::new("bank", 1)
}

pub(crate) fn operator() -> Party {
    Party::new("operator", 2)
}

pub(crate) fn clinic() -> Party {
    Party::new("clinic", 3)
}

/// A ring with the first keys of all three.
pub(crate) fn keys() -> Keyring {
    let mut keys = Keyring::default();
    for party in [bank(), operator(), clinic()] {
        keys.insert(&party.sign(party.card(1)));
    }
    keys
}
