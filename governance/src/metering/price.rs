//! Prices as agreements state them.

use serde::{Deserialize, Serialize};

use crate::canonical::{Flaw, rule};
use crate::members::MemberId;

/// What is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UsageKind {
    /// Rows that took part.
    Rows,
    /// Rows that matched.
    Hits,
    /// Questions that were answered.
    Calls,
    /// Finished runs; each event counts one.
    Jobs,
}

impl UsageKind {
    /// The word that files use.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Rows => "rows",
            Self::Hits => "hits",
            Self::Calls => "calls",
            Self::Jobs => "jobs",
        }
    }
}

/// What one party pays another for one kind of use, in a month.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PriceLine {
    /// Who pays.
    pub payer: MemberId,
    /// Whom.
    pub payee: MemberId,
    /// For what.
    pub kind: UsageKind,
    /// The price of `per` of them, in the currency's minor unit (fen, cents).
    pub price: u64,
    /// Of how many the price is; a thousand rows, say.
    pub per: u64,
    /// So many a month cost nothing.
    pub included: u64,
    /// No month costs more than this, in minor units.
    pub at_most: Option<u64>,
}

/// What was counted and charged under earlier versions of an agreement, in one month for one kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Charged {
    /// How many.
    pub count: u64,
    /// For how much, in minor units.
    pub amount: u64,
}

/// What tells price lines apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PriceName {
    /// Who pays.
    pub payer: MemberId,
    /// Whom.
    pub payee: MemberId,
    /// For what.
    pub kind: UsageKind,
}

/// The highest price of one line, and the largest number it may be for.
const PRICE_MAX: u64 = 1_000_000_000_000;

impl PriceLine {
    /// What tells it from others.
    pub fn name(&self) -> PriceName {
        PriceName { payer: self.payer, payee: self.payee, kind: self.kind }
    }

    /// What so many cost in a month, behind what earlier versions of the agreement have charged for
    /// that month and kind: what was free there is not free again, and the cap is one for all.
    /// Rounded down to a whole minor unit. `None` if it has more than 64 bits.
    pub fn amount(&self, count: u64, before: Charged) -> Option<u64> {
        let billed = u128::from(count.saturating_sub(self.included.saturating_sub(before.count)));
        let amount = billed * u128::from(self.price) / u128::from(self.per.max(1));
        let left = |most: u64| most.saturating_sub(before.amount).into();
        let most = self.at_most.map_or(u128::MAX, left);
        u64::try_from(amount.min(most)).ok()
    }

    pub(crate) fn check(&self) -> Result<(), Flaw> {
        rule(self.price <= PRICE_MAX, "price", "is more than a million million")?;
        rule((1..=PRICE_MAX).contains(&self.per), "per", "is not 1 to a million million")
    }
}
