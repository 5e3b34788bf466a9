//! What use costs: counted by both sides, priced by the agreement, in whole minor units.
//!
//! Each side counts [`UsageEvent`]s into a [`Meter`] of its own, under keys that make double
//! counting impossible, and reports them to the other ([`UsageReport`]). A [`Statement`] prices a
//! month between two parties; both sides make the same one from the same events, and [`reconcile`]
//! names every event in which they differ.

mod csv;
mod meter;
mod price;
mod statement;
#[cfg(test)]
mod tests;

pub use csv::{differences_csv, statement_csv};
pub use meter::{
    Added, Difference, Meter, NotCounted, UsageEvent, UsageKey, UsageReport, reconcile,
};
pub use price::{Charged, PriceLine, PriceName, UsageKind};
pub use statement::{Statement, StatementError, StatementLine, statement};
