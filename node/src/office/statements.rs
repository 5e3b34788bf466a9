//! What months have cost, and signing it.

use governance::canonical::{Digest, digest_of};
use governance::members::MemberId;
use governance::metering::{Difference, Statement, statement_csv};
use governance::time::{Month, Time};

use super::state::State;
use super::{Office, OfficeError, Outcome, time};

#[cfg(test)]
mod tests;

/// A month between this member and a partner.
#[derive(Clone, Debug)]
pub struct Account {
    /// What this member pays, and then what it is paid, by currency.
    pub statements: Vec<Settling>,
    /// What both sides have not counted alike in the month.
    pub differences: Vec<Difference>,
}

/// A statement, and who has signed it.
#[derive(Clone, Debug)]
pub struct Settling {
    /// What is signed.
    pub statement: Statement,
    /// Its digest.
    pub digest: Digest,
    /// Who has signed exactly this.
    pub signed_by: Vec<MemberId>,
}

impl Office {
    /// Signs a month's statement, if it is still the one with this digest: nobody signs other
    /// figures than they have seen.
    ///
    /// # Errors
    /// [`OfficeError`], for a month that goes on too: it would change behind its signature.
    #[net::boxed]
    pub async fn settle(
        &self,
        by: &str,
        partner: MemberId,
        month: Month,
        statement: Digest,
    ) -> Result<(), OfficeError> {
        let turn = self.turn().await;
        let record = {
            let state = self.state();
            let all = Account::of(&state, partner, month)?.statements;
            let found = all.into_iter().find(|it| it.digest == statement);
            let found = found.ok_or(OfficeError::Unknown("statement"))?;
            if !is_over(month, time()) {
                return Err(OfficeError::MonthGoesOn(month));
            }
            if found.signed_by.contains(&state.own()) {
                return Ok(());
            }
            state.books.settle(found.statement, &self.signer())?
        };
        self.commit(&turn, by, Outcome::of([record]), None).await
    }
}

impl Account {
    /// A month with a partner.
    ///
    /// # Errors
    /// [`OfficeError::Statement`].
    pub fn of(state: &State, partner: MemberId, month: Month) -> Result<Self, OfficeError> {
        let statements = state.books.month(partner, month)?.into_iter().flatten();
        let falls = |it: &Difference| {
            [&it.ours, &it.theirs].into_iter().flatten().any(|event| {
                let terms = state.terms(&event.terms);
                terms.is_none_or(|terms| event.at.month(terms.utc_offset_minutes) == month)
            })
        };
        let differences = state.books.differences(partner).into_iter().filter(falls).collect();
        let statements = statements.map(|it| Settling::of(state, partner, it)).collect();
        Ok(Self { statements, differences })
    }

    /// The statements as one table, for bookkeeping.
    pub fn csv(&self, name: impl Fn(&MemberId) -> String) -> String {
        let mut text = String::new();
        for settling in &self.statements {
            let table = statement_csv(&settling.statement, &name);
            // The first heading is that of all.
            let begin = if text.is_empty() { 0 } else { table.find('\n').map_or(0, |it| it + 1) };
            text += table.get(begin..).unwrap_or_default();
        }
        text
    }
}

impl Settling {
    fn of(state: &State, partner: MemberId, statement: Statement) -> Self {
        let digest = digest_of(&statement);
        let keys = state.books.directory().keys();
        // Nobody else's signature was taken into the books.
        let signer = |key| if keys.speaks_for(key, &partner) { partner } else { state.own() };
        let signed = state.books.signatures(&digest);
        let signed_by = signed.into_iter().map(|it| signer(it.key())).collect();
        Self { statement, digest, signed_by }
    }
}

/// Whether a month is over, wherever on earth its agreement counts months.
pub fn is_over(month: Month, now: Time) -> bool {
    now.month(WESTERNMOST) > month
}

/// Where days end last, in minutes ahead of UTC.
const WESTERNMOST: i16 = -12 * 60;
