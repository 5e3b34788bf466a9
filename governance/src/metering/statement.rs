//! What a month costs between two parties.

use std::collections::BTreeMap;

use crypto::signature::PublicKey;
use serde::{Deserialize, Serialize};

use super::price::{Charged, PriceLine, UsageKind};
use super::{Meter, PriceName};
use crate::agreements::Terms;
use crate::canonical::{Digest, Document, Flaw, rule};
use crate::members::MemberId;
use crate::time::Month;

/// The use of one month by one payer from one payee, in one currency. Both sides sign the same.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Statement {
    /// Who pays.
    pub payer: MemberId,
    /// Whom.
    pub payee: MemberId,
    /// The month, as the terms count months.
    pub month: Month,
    /// Three capital letters.
    pub currency: String,
    /// What was used, by agreement, version and kind, in this order.
    pub lines: Vec<StatementLine>,
    /// The sum, in minor units.
    pub total: u64,
}

/// One kind of use under one version of terms.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StatementLine {
    /// The digest of the agreement's first version.
    pub agreement: Digest,
    /// The version of it that has the price.
    pub version: u32,
    /// The digest of the terms.
    pub terms: Digest,
    /// What was counted.
    pub kind: UsageKind,
    /// How many events.
    pub events: u64,
    /// How many together.
    pub count: u64,
    /// The price that the terms state; none if they state none, and it costs nothing.
    pub price: Option<PriceLine>,
    /// What it costs, in minor units.
    pub amount: u64,
}

impl Document for Statement {
    const DOMAIN: &'static str = "governance/statement";
    const BYTES_MAX: usize = 512 << 10;

    fn check(&self, _signer: &PublicKey) -> Result<(), Flaw> {
        rule(self.payer != self.payee, "payee", "is the payer")?;
        let order = |line: &StatementLine| (line.agreement, line.version, line.terms, line.kind);
        let sorted = self.lines.is_sorted_by(|one, other| order(one) < order(other));
        rule(sorted, "lines", "are not in order, or have one twice")?;
        let mut charged = Running::default();
        for line in &self.lines {
            if let Some(price) = &line.price {
                let name = PriceName { payer: self.payer, payee: self.payee, kind: line.kind };
                rule(price.name() == name, "price", "is for something else")?;
                price.check()?;
            }
            let amount = charged.amount(line);
            rule(amount == Some(line.amount), "amount", "does not follow from count and price")?;
        }
        let total = self.lines.iter().try_fold(0_u64, |sum, line| sum.checked_add(line.amount));
        rule(total == Some(self.total), "total", "is not the sum of the lines")
    }
}

/// What the lines before have charged, by agreement and kind.
#[derive(Default)]
struct Running(BTreeMap<(Digest, UsageKind), Charged>);

impl Running {
    /// What a line costs, behind those before it; its own amount is not read.
    fn amount(&mut self, line: &StatementLine) -> Option<u64> {
        let before = self.0.entry((line.agreement, line.kind)).or_default();
        let amount = line.price.as_ref().map_or(Some(0), |it| it.amount(line.count, *before))?;
        before.count = before.count.checked_add(line.count)?;
        before.amount = before.amount.checked_add(amount)?;
        Some(amount)
    }
}

/// A month cannot be priced.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum StatementError {
    /// Terms that price something are not here.
    #[error("the terms {0} are not here, so that what was used under them has no price")]
    NoTerms(Digest),
    /// A sum has more than 64 bits.
    #[error("a sum is too large to be counted")]
    TooLarge,
}

/// The statements of a month from `payer` to `payee`, one for each currency; none if nothing was
/// used. `known` has the terms that events name, and all versions before them, by their digests.
///
/// # Errors
/// [`StatementError`].
pub fn statement(
    meter: &Meter,
    (payer, payee): (MemberId, MemberId),
    month: Month,
    known: &BTreeMap<Digest, Terms>,
) -> Result<Vec<Statement>, StatementError> {
    let mut sums = BTreeMap::<(&str, Digest, u32, Digest, UsageKind), (u64, u64)>::new();
    let ours = meter.events().filter(|it| (it.key.payer, it.key.payee) == (payer, payee));
    for event in ours {
        let agreement = first_version(event.terms, known)?;
        let terms = known.get(&event.terms).ok_or(StatementError::NoTerms(event.terms))?;
        if event.at.month(terms.utc_offset_minutes) != month {
            continue;
        }
        let Terms { currency, version, .. } = terms;
        let key = (currency.as_str(), agreement, *version, event.terms, event.key.kind);
        let (events, count) = sums.entry(key).or_default();
        *events += 1;
        *count = count.checked_add(event.count).ok_or(StatementError::TooLarge)?;
    }
    let (mut statements, mut charged) = (BTreeMap::<&str, Statement>::new(), Running::default());
    for ((currency, agreement, version, terms, kind), (events, count)) in sums {
        let name = PriceName { payer, payee, kind };
        let price = known.get(&terms).and_then(|it| it.prices.iter().find(|it| it.name() == name));
        let (price, amount) = (price.cloned(), 0);
        let mut line =
            StatementLine { agreement, version, terms, kind, events, count, price, amount };
        let statement = statements.entry(currency).or_insert_with(|| {
            // A cap in one currency says nothing about another.
            charged = Running::default();
            let (currency, lines) = (currency.to_owned(), Vec::new());
            Statement { payer, payee, month, currency, lines, total: 0 }
        });
        line.amount = charged.amount(&line).ok_or(StatementError::TooLarge)?;
        let total = statement.total.checked_add(line.amount);
        statement.total = total.ok_or(StatementError::TooLarge)?;
        statement.lines.push(line);
    }
    Ok(statements.into_values().collect())
}

/// The digest of the first version of an agreement, from that of any.
fn first_version(
    mut digest: Digest,
    known: &BTreeMap<Digest, Terms>,
) -> Result<Digest, StatementError> {
    // A version names the digest of the one before: the chain has no circle.
    while let Some(parent) = known.get(&digest).ok_or(StatementError::NoTerms(digest))?.parent {
        digest = parent;
    }
    Ok(digest)
}
