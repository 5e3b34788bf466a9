//! One version of an agreement, as data.

use std::collections::{BTreeMap, BTreeSet};

use contract::catalogue;
use crypto::signature::PublicKey;
use serde::{Deserialize, Serialize};

use crate::canonical::{Digest, Document, Flaw, line, rule};
use crate::decimal::Decimal;
use crate::members::MemberId;
use crate::metering::PriceLine;
use crate::time::Time;

/// What a version of an agreement says. Named by its digest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Terms {
    /// What people call it.
    pub title: String,
    /// Counts the versions from 1.
    pub version: u32,
    /// The digest of the version that this one changes; none in the first.
    pub parent: Option<Digest>,
    /// When this version was written.
    pub written_at: Time,
    /// Who takes part, and what each gives. All versions have the same parties.
    pub parties: BTreeMap<MemberId, PartyTerms>,
    /// What results may be used for, as the `purpose` of jobs names it.
    pub purposes: BTreeSet<String>,
    /// On which legal basis: consent, contract, statute.
    pub legal_basis: String,
    /// Which components may run, and how; by their names in the catalogue.
    pub components: BTreeMap<String, ComponentTerms>,
    /// What may be learnt, by the keys of disclosures, and by whom.
    pub disclosures: BTreeMap<String, BTreeSet<MemberId>>,
    /// No job may show figures of a group of fewer rows.
    pub minimum_group: u32,
    /// The privacy budget (epsilon) of all runs together; none if no noise is asked for.
    pub privacy_budget: Option<Decimal>,
    /// Runs in a month; none if only the total counts.
    pub runs_per_month: Option<u32>,
    /// Runs in all.
    pub runs: u32,
    /// How often one run may be started: a partner that stops it and starts it again sees more of
    /// some protocols than one whole run shows. Each may spend the job's privacy budget anew.
    pub attempts: u32,
    /// From when on it holds.
    pub valid_from: Time,
    /// From when on it holds no more.
    pub valid_until: Time,
    /// How far ahead of UTC the clocks are by which months are counted, in minutes.
    pub utc_offset_minutes: i16,
    /// The currency of all prices, three capital letters: `CNY`.
    pub currency: String,
    /// What its use costs.
    pub prices: BTreeSet<PriceLine>,
}

/// One party's side.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PartyTerms {
    /// The organisation as the agreement calls it.
    pub name: String,
    /// The tables it gives, and of each the columns with all that they may be used as.
    pub gives: BTreeMap<String, Columns>,
}

/// Columns of one table by name, and all that each is used as.
pub type Columns = BTreeMap<String, BTreeSet<Column>>;

/// What a column is used as.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Column {
    /// To find common rows.
    Key,
    /// To learn from.
    Label,
    /// To compute with.
    Feature,
    /// To weigh rows.
    Weight,
    /// To order rows in time.
    Time,
    /// As a known part of the prediction.
    Offset,
    /// To tell which rows are ranked among each other.
    Group,
    /// To name the item that a row is about.
    Item,
    /// To be added up over common rows.
    Sum,
    /// To be sent to the other side for common rows.
    Payload,
}

/// How a component may run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ComponentTerms {
    /// The privacy modes.
    pub privacy: BTreeSet<String>,
    /// Settings that may be other than their defaults, and what they may be. A setting that stands
    /// here must also be within it when a job leaves it at its default.
    pub settings: BTreeMap<String, Allowed>,
}

/// What a setting may be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Allowed {
    /// One of these words.
    OneOf(BTreeSet<String>),
    /// A number between these, both allowed.
    Between(Decimal, Decimal),
    /// Anything that the component takes.
    Anything,
}

/// The value of a setting in a job.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Value {
    /// A number.
    Number(Decimal),
    /// Anything else, as a job file writes it. A number that [`Decimal`] cannot hold is one too,
    /// and lies between nothing.
    Word(String),
}

impl Allowed {
    /// Whether the value is allowed.
    pub fn allows(&self, value: &Value) -> bool {
        match (self, value) {
            (Self::Anything, _) => true,
            (Self::OneOf(words), Value::Word(word)) => words.contains(word),
            (Self::OneOf(words), Value::Number(number)) => words.contains(&number.to_string()),
            (Self::Between(least, most), Value::Number(number)) => (least..=most).contains(&number),
            (Self::Between(..), Value::Word(_)) => false,
        }
    }
}

/// Parties of one agreement.
const PARTIES_MAX: usize = 16;
/// The most attempts at one run that terms may allow.
const ATTEMPTS_MAX: u32 = 100;
/// The longest canonical form of terms.
const TERMS_BYTES_MAX: usize = 320 << 10;

impl Document for Terms {
    const DOMAIN: &'static str = "governance/terms";
    const BYTES_MAX: usize = TERMS_BYTES_MAX;

    fn check(&self, _signer: &PublicKey) -> Result<(), Flaw> {
        self.rules()
    }
}

impl Terms {
    /// Checks lengths, ranges, and that everybody named is a party.
    ///
    /// # Errors
    /// [`Flaw`], the first one.
    pub fn rules(&self) -> Result<(), Flaw> {
        line("title", &self.title, 120)?;
        rule(self.version > 0, "version", "is zero; the first one is 1")?;
        rule(
            (self.version == 1) == self.parent.is_none(),
            "parent",
            "is what versions but the first have",
        )?;
        self.check_parties()?;
        rule(!self.purposes.is_empty(), "purposes", "are none")?;
        self.purposes.iter().try_for_each(|purpose| line("purposes", purpose, 120))?;
        line("legal_basis", &self.legal_basis, 500)?;
        self.check_components()?;
        rule(self.minimum_group > 0, "minimum_group", "is zero; the least is 1")?;
        let attempts = (1..=ATTEMPTS_MAX).contains(&self.attempts);
        rule(attempts, "attempts", "are not 1 to 100")?;
        let negative = self.privacy_budget.is_some_and(Decimal::is_negative);
        rule(!negative, "privacy_budget", "is negative")?;
        rule(self.valid_from < self.valid_until, "valid_until", "is not after valid_from")?;
        let offset = self.utc_offset_minutes.unsigned_abs() <= 14 * 60;
        rule(offset, "utc_offset_minutes", "is more than 14 hours")?;
        self.check_prices()
    }

    fn check_parties(&self) -> Result<(), Flaw> {
        let count = (2..=PARTIES_MAX).contains(&self.parties.len());
        rule(count, "parties", "are not 2 to 16")?;
        for party in self.parties.values() {
            line("parties", &party.name, 120)?;
            for (table, columns) in &party.gives {
                line("gives", table, 120)?;
                rule(!columns.is_empty(), "gives", "has a table without columns")?;
                for (column, uses) in columns {
                    line("gives", column, 120)?;
                    rule(!uses.is_empty(), "gives", "has a column that may be used as nothing")?;
                }
            }
        }
        Ok(())
    }

    fn check_components(&self) -> Result<(), Flaw> {
        for (name, terms) in &self.components {
            line("components", name, 80)?;
            rule(
                !terms.privacy.is_empty(),
                "components",
                "have a component without a privacy mode",
            )?;
            terms.privacy.iter().try_for_each(|mode| line("components", mode, 40))?;
            for (setting, allowed) in &terms.settings {
                line("settings", setting, 80)?;
                match allowed {
                    Allowed::OneOf(words) => {
                        rule(!words.is_empty(), "settings", "have one that may be nothing")?;
                        words.iter().try_for_each(|word| line("settings", word, 200))?;
                    }
                    Allowed::Between(least, most) => {
                        rule(least <= most, "settings", "have bounds in the wrong order")?;
                    }
                    Allowed::Anything => {}
                }
            }
        }
        for (key, learners) in &self.disclosures {
            line("disclosures", key, 80)?;
            rule(!learners.is_empty(), "disclosures", "have one that nobody learns")?;
            let parties = learners.iter().all(|it| self.parties.contains_key(it));
            rule(parties, "disclosures", "name somebody who is no party")?;
        }
        Ok(())
    }

    fn check_prices(&self) -> Result<(), Flaw> {
        let capitals = self.currency.len() == 3
            && self.currency.bytes().all(|letter| letter.is_ascii_uppercase());
        rule(capitals, "currency", "is not three capital letters")?;
        let names: BTreeSet<_> = self.prices.iter().map(PriceLine::name).collect();
        rule(names.len() == self.prices.len(), "prices", "have two lines for one thing")?;
        self.prices.iter().try_for_each(|price| {
            let parties = [price.payer, price.payee];
            let known = parties.iter().all(|it| self.parties.contains_key(it));
            rule(known && price.payer != price.payee, "prices", "are not between two parties")?;
            price.check()
        })
    }

    /// Names of components, modes, settings and disclosures that this version of the program does
    /// not know: lines that would allow nothing. For whoever writes terms.
    pub fn unknown_names(&self) -> BTreeSet<&str> {
        let mut unknown = BTreeSet::new();
        let known = catalogue::all().iter().flat_map(|it| it.modes).flat_map(|it| it.disclosures);
        let known: BTreeSet<&str> = known.map(|disclosure| disclosure.key.as_ref()).collect();
        unknown
            .extend(self.disclosures.keys().map(String::as_str).filter(|key| !known.contains(key)));
        for (name, terms) in &self.components {
            let Some(component) = catalogue::find(name) else {
                unknown.insert(name);
                continue;
            };
            let modes = terms.privacy.iter().filter(|mode| component.mode(mode).is_none());
            let settings = terms.settings.keys().filter(|it| component.parameter(it).is_none());
            unknown.extend(modes.chain(settings).map(String::as_str));
        }
        unknown
    }

    /// The name of a party in this agreement, or its key.
    pub fn name_of(&self, member: &MemberId) -> String {
        self.parties.get(member).map_or_else(|| member.to_string(), |party| party.name.clone())
    }
}
