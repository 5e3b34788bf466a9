//! Agreements: what members let each other use, for what, how often, until when and at what price.
//!
//! [`Terms`] are one version of an agreement, as data. Every single rule in them is a *line* with a
//! name ([`Line`]), and all else speaks of lines: the [`Change`]s between versions, comments, and
//! what stands in the way of a job ([`Breach`]). An [`Agreement`] is what its parties have said
//! about versions; one is in force when all have signed its digest. [`covers()`] says whether a job
//! ([`Request`]) is within terms; everything that terms do not name is not covered.

mod act;
mod agreement;
mod countersigned;
mod covers;
mod diff;
mod line;
mod terms;
#[cfg(test)]
pub(crate) mod tests;
mod wording;

pub use act::AgreementAct;
pub use agreement::{Agreement, Open, Refusal, State, Version, Word};
pub use countersigned::Countersigned;
pub(crate) use covers::reserved;
pub use covers::{Breach, ComponentRequest, Request, Setting, Usage, Why, covers};
pub use diff::{Change, diff};
pub use line::{Entry, Line};
pub use terms::{Allowed, Column, Columns, ComponentTerms, PartyTerms, Terms, Value};
