//! People are added, changed and given passwords.

use serde_json::json;
use zeroize::Zeroizing;

use super::{Act, Caller, Facts, People, PeopleError, Role, Roles, SignedIn, secret};
use crate::store::{Change, Person};

/// The longest name, in characters.
pub const NAME_CHARACTERS_MAX: usize = 64;

impl People {
    /// Everybody, by name.
    #[net::boxed]
    pub async fn people(&self) -> Result<Vec<Person>, PeopleError> {
        Ok(self.store.people().await?)
    }

    /// Whether nobody else who may sign in has roles for something.
    pub async fn is_only_one(
        &self,
        person: &str,
        is_enough: impl Fn(&Roles) -> bool,
    ) -> Result<bool, PeopleError> {
        let people = self.people().await?;
        let mut others = people.iter().filter(|it| it.is_active && it.id != person);
        Ok(!others.any(|it| it.roles.parse().is_ok_and(|roles| is_enough(&roles))))
    }

    /// Adds a person, with a one-time password that lasts [`ONE_TIME_HOURS`] hours.
    #[net::boxed]
    pub async fn add(
        &self,
        by: &str,
        name: &str,
        roles: &Roles,
        now: u64,
    ) -> Result<(Person, Zeroizing<String>), PeopleError> {
        check_name(name)?;
        if roles.is_empty() {
            return Err(PeopleError::NoRole);
        }
        let password = self.random(secret::one_time_password);
        let hash = self.hash(&password).await?;
        let _deciding = self.deciding.lock().await;
        // Names that differ by capitals only would be taken for each other.
        let wanted = name.to_lowercase();
        if self.store.people().await?.iter().any(|it| it.name.to_lowercase() == wanted) {
            return Err(PeopleError::Taken(name.to_owned()));
        }
        let person = Person {
            id: self.random(|rng| secret::id("per", rng)),
            name: name.to_owned(),
            roles: roles.to_string(),
            password: hash,
            password_until: Some(now + ONE_TIME_HOURS * HOUR),
            is_active: true,
            created_at: now,
        };
        let facts = Facts { name: Some(name), roles: Some(roles), ..Facts::default() };
        let act = Act { by, kind: "people.added", subject: &person.id, facts };
        self.record(act, vec![Change::PutPerson(person.clone())], now).await?;
        Ok((person, password))
    }

    /// Changes what a person may do. Whoever is switched off is signed out everywhere at once.
    #[net::boxed]
    pub async fn change(
        &self,
        by: &str,
        id: &str,
        roles: Option<&Roles>,
        is_active: Option<bool>,
        now: u64,
    ) -> Result<Person, PeopleError> {
        if roles.is_some_and(Roles::is_empty) {
            return Err(PeopleError::NoRole);
        }
        let _deciding = self.deciding.lock().await;
        let before = self.existing(id).await?;
        let mut person = before.clone();
        if let Some(roles) = roles {
            person.roles = roles.to_string();
        }
        if let Some(is_active) = is_active {
            person.is_active = is_active;
        }
        if is_operator(&before) && !is_operator(&person) {
            let people = self.store.people().await?;
            if !people.iter().any(|it| it.id != person.id && is_operator(it)) {
                return Err(PeopleError::LastOperator);
            }
        }
        let mut changes = vec![Change::PutPerson(person.clone())];
        if !person.is_active {
            changes.push(Change::DropSessions { person: person.id.clone() });
        }
        let before = json!({ "roles": before.roles, "is_active": before.is_active });
        let facts =
            Facts { name: Some(&person.name), roles, is_active, before, ..Facts::default() };
        let act = Act { by, kind: "people.changed", subject: id, facts };
        self.record(act, changes, now).await?;
        Ok(person)
    }

    /// Gives a person a new one-time password in the place of a forgotten one, and signs them out
    /// everywhere.
    #[net::boxed]
    pub async fn reset_password(
        &self,
        by: &str,
        id: &str,
        now: u64,
    ) -> Result<Zeroizing<String>, PeopleError> {
        let password = self.random(secret::one_time_password);
        let hash = self.hash(&password).await?;
        let _deciding = self.deciding.lock().await;
        let mut person = self.existing(id).await?;
        person.password = hash;
        person.password_until = Some(now + ONE_TIME_HOURS * HOUR);
        let facts = Facts { name: Some(&person.name), ..Facts::default() };
        let act = Act { by, kind: "people.password_reset", subject: id, facts };
        let sessions = Change::DropSessions { person: id.to_owned() };
        self.record(act, vec![Change::PutPerson(person.clone()), sessions], now).await?;
        Ok(password)
    }

    /// Sets one's own password and signs out all browsers; this one is signed in anew, so that a
    /// session that somebody else has got hold of ends as well.
    ///
    /// # Errors
    /// [`PeopleError::WrongPassword`] if `old` is wrong; tries are counted as those of signing in.
    #[net::boxed]
    pub async fn choose_password(
        &self,
        caller: &Caller,
        old: &str,
        new: &str,
        now: u64,
    ) -> Result<SignedIn, PeopleError> {
        if caller.is_token() {
            return Err(PeopleError::WrongPassword);
        }
        check_password(&caller.name, old, new)?;
        self.count_own_try(caller, now)?;
        let person = self.existing(&caller.person).await?;
        if !self.verify(old, Some(&person.password)).await? {
            return Err(PeopleError::WrongPassword);
        }
        let hash = self.hash(new).await?;
        let _deciding = self.deciding.lock().await;
        // The password may have been taken away while it was compared.
        if self.existing(&caller.person).await? != person {
            return Err(PeopleError::WrongPassword);
        }
        let person = Person { password: hash, password_until: None, ..person };
        let (session, signed_in) = self.new_session(&person, now)?;
        let changes = vec![
            Change::PutPerson(person.clone()),
            Change::DropSessions { person: person.id.clone() },
            Change::PutSession(session),
        ];
        let facts = Facts { name: Some(&person.name), ..Facts::default() };
        let act =
            Act { by: &person.id, kind: "people.password_chosen", subject: &person.id, facts };
        self.record(act, changes, now).await?;
        self.forgive_own_tries(caller);
        Ok(signed_in)
    }

    pub(super) async fn existing(&self, id: &str) -> Result<Person, PeopleError> {
        let person = self.store.person(id).await?;
        person.ok_or_else(|| PeopleError::Unknown(format!("person {id:?}")))
    }
}

fn is_operator(person: &Person) -> bool {
    person.is_active && person.roles.parse::<Roles>().is_ok_and(|roles| roles.has(Role::Operator))
}

/// Names are shown on pages and in logs: nothing that looks like something else stands in them.
pub(super) fn check_name(name: &str) -> Result<(), PeopleError> {
    let is_sound = (1..=NAME_CHARACTERS_MAX).contains(&name.chars().count())
        && name.chars().all(|it| it.is_alphanumeric() || " ._-@".contains(it))
        && name.trim() == name;
    if is_sound { Ok(()) } else { Err(PeopleError::BadName) }
}

/// Length is what counts (NIST SP 800-63B, section 3.1.1.2).
fn check_password(name: &str, old: &str, new: &str) -> Result<(), PeopleError> {
    let length = new.chars().count();
    let mut letters: Vec<char> = new.chars().collect();
    letters.sort_unstable();
    letters.dedup();
    let rest = new.to_lowercase().replace(&name.to_lowercase(), "");
    let reason = if length < PASSWORD_CHARACTERS_MIN {
        "it needs 12 characters or more"
    } else if new.len() > PASSWORD_BYTES_MAX {
        "it has more than 512 bytes"
    } else if letters.len() < 5 {
        "it repeats a few characters"
    } else if rest.chars().count() < 8 {
        "it is little more than the name"
    } else if new == old {
        "it is the old one"
    } else {
        return Ok(());
    };
    Err(PeopleError::Weak(reason))
}

/// How long a one-time password lasts.
pub(super) const ONE_TIME_HOURS: u64 = 72;
pub(super) const HOUR: u64 = 3_600_000;
const PASSWORD_CHARACTERS_MIN: usize = 12;
/// Longer ones are not hashed.
pub(super) const PASSWORD_BYTES_MAX: usize = 512;
