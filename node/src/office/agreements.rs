//! What this member says about agreements.

use std::collections::BTreeMap;

use governance::agreements::{AgreementAct, Terms};
use governance::canonical::{Digest, digest_of};
use governance::members::MemberId;

use super::event::OfficeEvent;
use super::{Office, OfficeError, Outcome, policy, request, time};

impl Office {
    /// Proposes a first version, or the next one of an agreement; whoever proposes has not signed.
    /// Returns the digest of the version.
    #[net::boxed]
    pub async fn propose(&self, by: &str, terms: Terms) -> Result<Digest, OfficeError> {
        let version = digest_of(&terms);
        let turn = self.turn().await;
        let outcome = {
            let state = self.state();
            Outcome::of([state.books.propose(&terms, time(), &self.signer())?])
        };
        self.commit(&turn, by, outcome, None).await?;
        Ok(version)
    }

    /// The narrowest terms that cover a job, to be changed and proposed; `parties` are the members
    /// that the job's names stand for, each with its table.
    ///
    /// # Errors
    /// [`OfficeError::Job`]: what the job does not say or cannot say.
    pub fn draft(
        &self,
        job: &str,
        parties: &BTreeMap<String, (MemberId, String)>,
    ) -> Result<Terms, OfficeError> {
        let job = request::parse(job).map_err(OfficeError::Job)?;
        request::terms_for(&job, parties, time()).map_err(OfficeError::Job)
    }

    /// Approves runs under an agreement without asking anybody from now on, or no longer.
    #[net::boxed]
    pub async fn approve_by_rule(
        &self,
        by: &str,
        topic: Digest,
        is_on: bool,
    ) -> Result<(), OfficeError> {
        let turn = self.turn().await;
        if self.state().books.agreement(&topic).is_none() {
            return Err(OfficeError::Unknown("agreement"));
        }
        let event = OfficeEvent::ByRule { agreement: topic, is_on };
        let outcome = Outcome { events: vec![event], mail: Vec::new() };
        self.commit(&turn, by, outcome, None).await
    }

    /// Says something about the agreement to which a version belongs.
    #[net::boxed]
    pub async fn negotiate(
        &self,
        by: &str,
        version: Digest,
        act: AgreementAct,
    ) -> Result<(), OfficeError> {
        let turn = self.turn().await;
        let outcome = {
            let state = self.state();
            if matches!(act, AgreementAct::Sign { .. }) {
                let terms = state.terms(&version).ok_or(OfficeError::Unknown("version"))?;
                let breaches = policy::of_terms(&state, &terms, time());
                if !breaches.is_empty() {
                    return Err(OfficeError::Policy(breaches));
                }
            }
            Outcome::of([state.books.negotiate(&version, act, time(), &self.signer())?])
        };
        self.commit(&turn, by, outcome, None).await
    }
}
