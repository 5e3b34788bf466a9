//! Signing in with a browser, and being known again by its cookie.

use std::fmt;
use std::net::IpAddr;

use crypto::hash::hex;
use zeroize::Zeroizing;

use super::account::{HOUR, PASSWORD_BYTES_MAX};
use super::throttle::Trier;
use super::{Act, Caller, Facts, People, PeopleError, Roles, Via, secret};
use crate::store::{Batch, Change, Person, SessionRow};

/// Where somebody signs in from.
#[derive(Clone, Debug)]
pub struct Origin {
    /// The address of the browser.
    pub address: IpAddr,
    /// The cookie that an earlier signing in has left, if there is one.
    pub device: Option<String>,
}

/// What a browser gets when somebody has signed in. `Debug` shows no secret.
pub struct SignedIn {
    /// Who it is.
    pub caller: Caller,
    /// The secret of the session's cookie.
    pub secret: Zeroizing<String>,
    /// The cookie by which the browser is known at the next signing in.
    pub device: String,
    /// What forms have to send back.
    pub csrf: String,
}

impl fmt::Debug for SignedIn {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_tuple("SignedIn").field(&self.caller).finish()
    }
}

impl People {
    /// Signs somebody in.
    ///
    /// # Errors
    /// [`PeopleError::WrongPassword`] whatever is wrong, after the same time;
    /// [`PeopleError::Wait`] before the password is looked at.
    #[net::boxed]
    pub async fn sign_in(
        &self,
        name: &str,
        password: &str,
        origin: &Origin,
        now: u64,
    ) -> Result<SignedIn, PeopleError> {
        if password.len() > PASSWORD_BYTES_MAX || name.len() > PASSWORD_BYTES_MAX {
            return Err(PeopleError::WrongPassword);
        }
        let person = self.store.person_named(name).await?;
        let triers = self.triers(name, person.as_ref(), origin);
        self.count(&triers, now)?;
        // A one-time password that has ended is as good as none.
        let able = person.filter(|person| {
            person.is_active && person.password_until.is_none_or(|until| now < until)
        });
        let stored = able.as_ref().map(|person| person.password.as_str());
        let fits = self.verify(password, stored).await?;
        let Some(person) = able.filter(|_| fits) else {
            return Err(PeopleError::WrongPassword);
        };
        self.throttle(|throttle| {
            for trier in &triers {
                match trier {
                    // Whoever has an account must not win tries at others' by using it.
                    Trier::Address(_) => throttle.take_back(trier),
                    Trier::Name(_) | Trier::Device(..) => throttle.forgive(trier),
                }
            }
        });
        let _deciding = self.deciding.lock().await;
        // The password may have been taken away while it was compared.
        if self.store.person(&person.id).await?.as_ref() != Some(&person) {
            return Err(PeopleError::WrongPassword);
        }
        let (session, signed_in) = self.new_session(&person, now)?;
        let old = Change::DropIdleSessions { before: now.saturating_sub(IDLE_MAX) };
        let facts = Facts { name: Some(&person.name), ..Facts::default() };
        let act = Act { by: &person.id, kind: "people.signed_in", subject: &person.id, facts };
        self.record(act, vec![old, Change::PutSession(session)], now).await?;
        Ok(signed_in)
    }

    /// A session that is still to be stored, and what its browser gets.
    pub(super) fn new_session(
        &self,
        person: &Person,
        now: u64,
    ) -> Result<(SessionRow, SignedIn), PeopleError> {
        let (secret, csrf) = self.random(|rng| (secret::random(rng), secret::random(rng)));
        let device = self.random(|rng| {
            let mut bytes = [0; 16];
            rng.fill_bytes(&mut bytes);
            hex(&bytes)
        });
        let proof = secret::device_proof(&self.device_key, &person.id, &device);
        let session = SessionRow {
            secret_hash: secret::stored(&secret),
            person: person.id.clone(),
            csrf: csrf.to_string(),
            created_at: now,
            seen_at: now,
        };
        let caller = caller_of(person, &session)?;
        let device = format!("{device}.{proof}");
        Ok((session, SignedIn { caller, secret, device, csrf: csrf.to_string() }))
    }

    /// Who sends this cookie; `None` for one that is unknown, or has ended.
    #[net::boxed]
    pub async fn caller_of_session(
        &self,
        secret: &str,
        now: u64,
    ) -> Result<Option<Caller>, PeopleError> {
        let Some(mut session) = self.store.session_of(&secret::stored(secret)).await? else {
            return Ok(None);
        };
        let is_over = now.saturating_sub(session.seen_at) > IDLE_MAX
            || now.saturating_sub(session.created_at) > SESSION_MAX;
        let Some(person) = self.store.person(&session.person).await? else { return Ok(None) };
        let has_ended = person.password_until.is_some_and(|until| now >= until);
        if is_over || !person.is_active || has_ended {
            return Ok(None);
        }
        if now.saturating_sub(session.seen_at) > SEEN_STEP {
            session.seen_at = now;
            self.touch(&session).await?;
        }
        caller_of(&person, &session).map(Some)
    }

    /// Notes that a session is in use, unless it was ended meanwhile.
    async fn touch(&self, session: &SessionRow) -> Result<(), PeopleError> {
        let _deciding = self.deciding.lock().await;
        if self.store.session_of(&session.secret_hash).await?.is_some() {
            let changes = vec![Change::PutSession(session.clone())];
            self.store.commit(&Batch { changes, ..Batch::default() }).await?;
        }
        Ok(())
    }

    /// Ends the caller's session.
    #[net::boxed]
    pub async fn sign_out(&self, caller: &Caller, now: u64) -> Result<(), PeopleError> {
        let Via::Session { secret_hash, .. } = &caller.via else { return Ok(()) };
        let _deciding = self.deciding.lock().await;
        let drop = Change::DropSession { secret_hash: secret_hash.clone() };
        let facts = Facts { name: Some(&caller.name), ..Facts::default() };
        let subject = &caller.person;
        let act = Act { by: subject, kind: "people.signed_out", subject, facts };
        self.record(act, vec![drop], now).await
    }

    /// Who a try counts for.
    fn triers(&self, name: &str, person: Option<&Person>, origin: &Origin) -> Vec<Trier> {
        let known = person.zip(origin.device.as_deref()).and_then(|(person, cookie)| {
            let (device, proof) = cookie.split_once('.')?;
            let expected = secret::device_proof(&self.device_key, &person.id, device);
            let is_known = secret::stored(proof) == secret::stored(&expected);
            is_known.then(|| Trier::Device(person.id.clone(), device.to_owned()))
        });
        match known {
            Some(device) => vec![device],
            None => vec![Trier::at(origin.address), Trier::Name(name.to_lowercase())],
        }
    }

    /// Counts a try for everybody it counts for.
    fn count(&self, triers: &[Trier], now: u64) -> Result<(), PeopleError> {
        for trier in triers {
            let counted = self.throttle(|throttle| throttle.count(trier, now));
            counted.map_err(|wait| PeopleError::Wait { seconds: wait.div_ceil(1000) })?;
        }
        Ok(())
    }

    /// Counts a try at one's own old password.
    pub(super) fn count_own_try(&self, caller: &Caller, now: u64) -> Result<(), PeopleError> {
        let counted = self.throttle(|throttle| throttle.count(&own(caller), now));
        counted.map_err(|wait| PeopleError::Wait { seconds: wait.div_ceil(1000) })
    }

    pub(super) fn forgive_own_tries(&self, caller: &Caller) {
        self.throttle(|throttle| throttle.forgive(&own(caller)));
    }
}

fn own(caller: &Caller) -> Trier {
    Trier::Device(caller.person.clone(), "own password".to_owned())
}

fn caller_of(person: &Person, session: &SessionRow) -> Result<Caller, PeopleError> {
    Ok(Caller {
        person: person.id.clone(),
        name: person.name.clone(),
        roles: person.roles.parse::<Roles>().map_err(|error| super::internal(&error))?,
        via: Via::Session { secret_hash: session.secret_hash.clone(), csrf: session.csrf.clone() },
        must_choose_password: person.password_until.is_some(),
    })
}

/// A session that nobody uses ends after an hour.
const IDLE_MAX: u64 = HOUR;
/// Any session ends after twelve hours.
const SESSION_MAX: u64 = 12 * HOUR;
/// The use of a session is noted once in this time.
const SEEN_STEP: u64 = 60_000;
