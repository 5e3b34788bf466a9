//! Who may use a node: people with roles, their passwords, browsers and tokens.
//!
//! Everything that changes who may do what is an event of the audit, stored together with the
//! change. Secrets are stored as hashes: passwords by Argon2id, random ones by BLAKE3.

mod account;
mod role;
mod secret;
mod sign_in;
#[cfg(test)]
mod tests;
mod throttle;
mod token;

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

pub use crypto::password::Cost;
use crypto::password::{PasswordError, PasswordHash};
use crypto::random::Generator;
use serde::Serialize;
use serde_json::Value;
use tokio::sync::Semaphore;

use crate::store::{Batch, Change, NewEvent, Store, StoreError};

pub use account::NAME_CHARACTERS_MAX;
pub use role::{Role, Roles, UnknownRole};
pub use sign_in::{Origin, SignedIn};
pub use token::{NewToken, TOKEN_DAYS_MAX};

use throttle::Throttle;

/// The accounts of a node. The node is the only program that changes them while it runs.
pub struct People {
    store: Arc<Store>,
    cost: Cost,
    /// Changes are decided one after the other: each looks at what the one before has left.
    deciding: tokio::sync::Mutex<()>,
    /// Hashing a password takes 19 MiB and tens of milliseconds; more wait.
    hashing: Semaphore,
    throttle: Mutex<Throttle>,
    rng: Mutex<Generator>,
    /// What a password is compared with when nobody has the name: it takes as long.
    nobody: PasswordHash,
    /// The key of [`secret::device_proof`].
    device_key: String,
}

impl fmt::Debug for People {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("People").field("cost", &self.cost).finish_non_exhaustive()
    }
}

/// Somebody who has proved who they are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    /// The person's id.
    pub person: String,
    /// The person's name.
    pub name: String,
    /// What they may do now.
    pub roles: Roles,
    /// How they proved it.
    pub via: Via,
    /// Whether they have to choose a password before they do anything else.
    pub must_choose_password: bool,
}

impl Caller {
    /// Whether a program calls, with a token.
    pub fn is_token(&self) -> bool {
        matches!(self.via, Via::Token { .. })
    }
}

/// How somebody proved who they are. `Debug` shows no secret.
#[derive(Clone, PartialEq, Eq)]
pub enum Via {
    /// By a browser's cookie.
    Session {
        /// The hash of the cookie's secret.
        secret_hash: String,
        /// What a form has to send back.
        csrf: String,
    },
    /// By a token.
    Token {
        /// Its id.
        id: String,
    },
}

impl fmt::Debug for Via {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Session { .. } => formatter.write_str("Session"),
            Self::Token { id } => formatter.debug_tuple("Token").field(id).finish(),
        }
    }
}

/// Why an account cannot be used or changed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PeopleError {
    /// The name or the password is wrong, or the account is switched off: nobody is told which.
    #[error("the name or the password is wrong")]
    WrongPassword,
    /// Too many tries.
    #[error("too many failed tries; try again in {seconds} s")]
    Wait {
        /// How long.
        seconds: u64,
    },
    /// There is no such person or token.
    #[error("there is no {0}")]
    Unknown(String),
    /// Somebody has the name already.
    #[error("there is somebody called {0} already")]
    Taken(String),
    /// The name cannot be one.
    #[error(
        "a name has 1 to {NAME_CHARACTERS_MAX} letters, digits, blanks and . _ - @, and no blank \
         at its ends"
    )]
    BadName,
    /// The password is easy to guess.
    #[error("the password is too weak: {0}")]
    Weak(&'static str),
    /// No role is asked for.
    #[error("at least one role is needed")]
    NoRole,
    /// A token may do what its owner may not.
    #[error("a token has no role that its owner does not have")]
    TooManyRoles,
    /// The token would never end.
    #[error("a token lasts 1 to {TOKEN_DAYS_MAX} days")]
    TooLong,
    /// Nobody could run the node any more.
    #[error("this is the last operator who may sign in; make another one first")]
    LastOperator,
    /// The password could not be hashed.
    #[error(transparent)]
    Password(#[from] PasswordError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The program is at fault.
    #[error("internal error: {0}")]
    Internal(String),
}

impl People {
    /// The accounts in a store. `cost` is that of passwords set from now on.
    #[net::boxed]
    pub async fn open(store: Arc<Store>, cost: Cost) -> Result<Self, PeopleError> {
        let mut rng = Generator::from_os();
        let device_key = if let Some(key) = store.setting(DEVICE_KEY).await? {
            key
        } else {
            let key = secret::random(&mut rng).to_string();
            let put = Change::PutSetting { name: DEVICE_KEY, value: key.clone() };
            store.commit(&Batch { changes: vec![put], ..Batch::default() }).await?;
            key
        };
        let nobody = PasswordHash::new(&secret::random(&mut rng), cost, &mut rng)?;
        Ok(Self {
            store,
            cost,
            deciding: tokio::sync::Mutex::new(()),
            hashing: Semaphore::new(HASHES_AT_ONCE),
            throttle: Mutex::default(),
            rng: Mutex::new(rng),
            nobody,
            device_key,
        })
    }

    fn random<T>(&self, draw: impl FnOnce(&mut Generator) -> T) -> T {
        // A panic while drawing leaves a generator that is as good as before.
        draw(&mut self.rng.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn throttle<T>(&self, act: impl FnOnce(&mut Throttle) -> T) -> T {
        // Counts are never half written.
        act(&mut self.throttle.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Hashes a password on a thread of its own.
    async fn hash(&self, password: &str) -> Result<String, PeopleError> {
        let _turn = self.hashing.acquire().await.map_err(|it| internal(&it))?;
        let (password, cost) = (zeroize::Zeroizing::new(password.to_owned()), self.cost);
        let mut rng = self.random(Generator::child);
        let hashed =
            tokio::task::spawn_blocking(move || PasswordHash::new(&password, cost, &mut rng));
        Ok(hashed.await.map_err(|it| internal(&it))??.to_string())
    }

    /// Compares a password on a thread of its own; of nobody, in the same time.
    async fn verify(&self, password: &str, stored: Option<&str>) -> Result<bool, PeopleError> {
        let _turn = self.hashing.acquire().await.map_err(|it| internal(&it))?;
        let (hash, is_somebody) = match stored {
            Some(stored) => (stored.parse()?, true),
            None => (self.nobody.clone(), false),
        };
        let password = zeroize::Zeroizing::new(password.to_owned());
        let fits = tokio::task::spawn_blocking(move || hash.verify(&password));
        Ok(fits.await.map_err(|it| internal(&it))? && is_somebody)
    }

    /// Stores changes together with the event that tells of them.
    async fn record(
        &self,
        act: Act<'_>,
        changes: Vec<Change>,
        now: u64,
    ) -> Result<(), PeopleError> {
        let bytes = serde_json::to_vec(&act.facts).map_err(|it| internal(&it))?;
        let event = NewEvent {
            at: now,
            author: act.by.to_owned(),
            number: None,
            kind: act.kind.to_owned(),
            subject: act.subject.to_owned(),
            bytes,
        };
        let batch = Batch { events: vec![event], changes, ..Batch::default() };
        self.store.commit(&batch).await?;
        Ok(())
    }
}

/// Something that somebody did to an account.
struct Act<'a> {
    /// Whoever did it: a person's id, or [`THE_NODE`].
    by: &'a str,
    kind: &'static str,
    subject: &'a str,
    facts: Facts<'a>,
}

/// What the audit says about an act.
#[derive(Default, Serialize)]
struct Facts<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    roles: Option<&'a Roles>,
    #[serde(skip_serializing_if = "Option::is_none")]
    is_active: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    expires_at: Option<u64>,
    #[serde(skip_serializing_if = "Value::is_null")]
    before: Value,
}

fn internal(error: &dyn fmt::Display) -> PeopleError {
    PeopleError::Internal(error.to_string())
}

/// Who makes the first operator: whoever has the node's folder.
pub const THE_NODE: &str = "node";
/// The setting that holds the key of device proofs. Whoever reads it can only try passwords faster.
const DEVICE_KEY: &str = "people.device_key";
/// Passwords that are hashed at the same time.
const HASHES_AT_ONCE: usize = 2;
