//! Tokens: what programs sign in with.

use zeroize::Zeroizing;

use super::account::HOUR;
use super::{Act, Caller, Facts, People, PeopleError, Role, Roles, Via, secret};
use crate::store::{Change, TokenRow};

/// The longest life of a token, in days.
pub const TOKEN_DAYS_MAX: u64 = 366;

/// A token that is asked for.
#[derive(Clone, Debug)]
pub struct NewToken {
    /// What it is for.
    pub name: String,
    /// What it may do: nothing that its owner may not.
    pub roles: Roles,
    /// How long it lasts.
    pub days: u64,
}

impl People {
    /// The caller's tokens, or everybody's for an operator.
    #[net::boxed]
    pub async fn tokens(&self, caller: &Caller) -> Result<Vec<TokenRow>, PeopleError> {
        let of = (!caller.roles.has(Role::Operator)).then_some(caller.person.as_str());
        Ok(self.store.tokens(of).await?)
    }

    /// Makes a token; its secret is shown this once.
    #[net::boxed]
    pub async fn add_token(
        &self,
        caller: &Caller,
        new: &NewToken,
        now: u64,
    ) -> Result<(TokenRow, Zeroizing<String>), PeopleError> {
        super::account::check_name(&new.name)?;
        if new.roles.is_empty() {
            return Err(PeopleError::NoRole);
        }
        if !new.roles.are_within(&caller.roles) {
            return Err(PeopleError::TooManyRoles);
        }
        if !(1..=TOKEN_DAYS_MAX).contains(&new.days) {
            return Err(PeopleError::TooLong);
        }
        let secret = self.random(secret::random);
        let secret = Zeroizing::new(format!("{TOKEN_PREFIX}{}", *secret));
        let token = TokenRow {
            id: self.random(|rng| secret::id("tok", rng)),
            person: caller.person.clone(),
            name: new.name.clone(),
            secret_hash: secret::stored(&secret),
            roles: new.roles.to_string(),
            created_at: now,
            expires_at: now + new.days * 24 * HOUR,
            revoked_at: None,
        };
        let facts = Facts {
            name: Some(&new.name),
            roles: Some(&new.roles),
            expires_at: Some(token.expires_at),
            ..Facts::default()
        };
        let by = &caller.person;
        let act = Act { by, kind: "tokens.added", subject: &token.id, facts };
        self.record(act, vec![Change::PutToken(token.clone())], now).await?;
        Ok((token, secret))
    }

    /// Takes a token back: one's own, or anybody's as an operator.
    #[net::boxed]
    pub async fn revoke_token(
        &self,
        caller: &Caller,
        id: &str,
        now: u64,
    ) -> Result<(), PeopleError> {
        let _deciding = self.deciding.lock().await;
        let tokens = self.tokens(caller).await?;
        let Some(mut token) = tokens.into_iter().find(|token| token.id == id) else {
            return Err(PeopleError::Unknown(format!("token {id:?}")));
        };
        if token.revoked_at.is_some() {
            return Ok(());
        }
        token.revoked_at = Some(now);
        let facts = Facts { name: Some(&token.name), ..Facts::default() };
        let act = Act { by: &caller.person, kind: "tokens.revoked", subject: id, facts };
        self.record(act, vec![Change::PutToken(token.clone())], now).await
    }

    /// Who sends this token; `None` for one that is unknown, has ended or was taken back.
    #[net::boxed]
    pub async fn caller_of_token(
        &self,
        secret: &str,
        now: u64,
    ) -> Result<Option<Caller>, PeopleError> {
        if !secret.starts_with(TOKEN_PREFIX) {
            return Ok(None);
        }
        let Some(token) = self.store.token_of(&secret::stored(secret)).await? else {
            return Ok(None);
        };
        let Some(person) = self.store.person(&token.person).await? else { return Ok(None) };
        if token.revoked_at.is_some() || now >= token.expires_at || !person.is_active {
            return Ok(None);
        }
        let roles = |text: &str| text.parse::<Roles>().map_err(|error| super::internal(&error));
        Ok(Some(Caller {
            roles: roles(&token.roles)?.shared_with(&roles(&person.roles)?),
            person: person.id,
            name: person.name,
            via: Via::Token { id: token.id },
            must_choose_password: false,
        }))
    }
}

/// What every token begins with, so that one in the wrong place is recognised.
const TOKEN_PREFIX: &str = "tombolo_";
