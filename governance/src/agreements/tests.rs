use std::collections::{BTreeMap, BTreeSet};

use contract::JobDigest;
use proptest::prelude::*;

use super::*;
use crate::decimal::Decimal;
use crate::metering::{PriceLine, UsageKind};
use crate::sample::{at, bank, clinic, operator};

mod negotiation;

pub(crate) use negotiation::concluded;

fn set(words: &[&str]) -> BTreeSet<String> {
    words.iter().map(|&word| word.to_owned()).collect()
}

fn decimal(text: &str) -> Decimal {
    text.parse().unwrap()
}

pub(crate) fn terms() -> Terms {
    let columns = |columns: &[(&str, Column)]| -> Columns {
        columns.iter().map(|(name, role)| ((*name).to_owned(), [*role].into())).collect()
    };
    let party = |name: &str, table: &str, given: &[(&str, Column)]| PartyTerms {
        name: name.to_owned(),
        gives: BTreeMap::from([(table.to_owned(), columns(given))]),
    };
    let bank_terms =
        party("Bank", "customers", &[("phone", Column::Key), ("bought", Column::Label)]);
    let mut operator_terms =
        party("Operator", "contacts", &[("phone", Column::Key), ("age", Column::Feature)]);
    let contacts = operator_terms.gives.get_mut("contacts").unwrap();
    contacts.get_mut("phone").unwrap().insert(Column::Payload);
    let settings = BTreeMap::from([
        ("depth".to_owned(), Allowed::Between(Decimal::whole(1), Decimal::whole(6))),
        ("sampling".to_owned(), Allowed::OneOf(set(&["goss", "none"]))),
    ]);
    let trees = ComponentTerms { privacy: set(&["strict"]), settings };
    let price = PriceLine {
        payer: bank().id(),
        payee: operator().id(),
        kind: UsageKind::Hits,
        price: 2,
        per: 1,
        included: 100,
        at_most: Some(3_000_000),
    };
    Terms {
        title: "Card marketing".to_owned(),
        version: 1,
        parent: None,
        written_at: at(0),
        parties: BTreeMap::from([(bank().id(), bank_terms), (operator().id(), operator_terms)]),
        purposes: set(&["marketing.activation"]),
        legal_basis: "consent of both sides' customers".to_owned(),
        components: BTreeMap::from([("train.boosted_trees".to_owned(), trees)]),
        disclosures: BTreeMap::from([("intersection.rows".to_owned(), [bank().id()].into())]),
        minimum_group: 50,
        privacy_budget: Some(decimal("4")),
        runs_per_month: Some(2),
        runs: 3,
        attempts: 2,
        valid_from: at(10),
        valid_until: at(1_000_000),
        utc_offset_minutes: 480,
        currency: "CNY".to_owned(),
        prices: [price].into(),
    }
}

pub(crate) fn request() -> Request {
    let terms = terms();
    let tables = |(id, party): (_, &PartyTerms)| (id, party.gives.clone());
    let parties = terms.parties.iter().map(|(id, party)| tables((*id, party))).collect();
    let setting = |value| Setting { value, is_default: false };
    let settings = BTreeMap::from([
        ("depth".to_owned(), setting(Value::Number(Decimal::whole(5)))),
        ("sampling".to_owned(), setting(Value::Word("goss".to_owned()))),
        ("bins".to_owned(), Setting { value: Value::Number(Decimal::whole(32)), is_default: true }),
    ]);
    let trees = ComponentRequest {
        component: "train.boosted_trees".to_owned(),
        privacy: "strict".to_owned(),
        settings,
    };
    Request {
        job: JobDigest::new([7; 32]),
        purpose: "marketing.activation".to_owned(),
        parties,
        components: vec![trees],
        disclosures: [("intersection.rows".to_owned(), bank().id())].into(),
        minimum_group: 50,
        privacy_budget: decimal("0.8"),
    }
}

fn breaches(change: impl FnOnce(&mut Request, &mut Usage)) -> Vec<Breach> {
    let (mut request, mut usage) = (request(), Usage::default());
    change(&mut request, &mut usage);
    covers(&terms(), &request, &usage, at(20)).err().unwrap_or_default()
}

#[test]
fn a_job_within_its_terms_is_covered_and_the_terms_are_sound() {
    assert_eq!(breaches(|_, _| {}), []);
    assert_eq!(terms().rules(), Ok(()));
    assert_eq!(terms().unknown_names(), [].into());
    let mut unknown = terms();
    let trees = unknown.components[&component()].clone();
    unknown
        .components
        .get_mut(&component())
        .unwrap()
        .settings
        .insert("dept".to_owned(), Allowed::Anything);
    unknown.components.insert("train.bosted_trees".to_owned(), trees);
    unknown.disclosures.insert("intersection.row".to_owned(), [bank().id()].into());
    let names = ["dept", "intersection.row", "train.bosted_trees"];
    assert_eq!(unknown.unknown_names(), names.into());
}

type Step = fn(&mut Request, &mut Usage);

fn operators_columns(request: &mut Request) -> &mut Columns {
    request.parties.get_mut(&operator().id()).unwrap().get_mut("contacts").unwrap()
}

fn component() -> String {
    "train.boosted_trees".to_owned()
}

fn setting(setting: &str) -> Line {
    Line::Setting { component: component(), setting: setting.to_owned() }
}

fn column(column: &str, used_as: Column) -> Line {
    let (table, column) = ("contacts".to_owned(), column.to_owned());
    Line::Column { party: operator().id(), table, column, used_as }
}

fn table(table: &str) -> Line {
    Line::Table { party: operator().id(), table: table.to_owned() }
}

/// Ways to step outside what is given and by whom, and the line that each one names.
fn other_data() -> [(Step, Line, Why); 8] {
    [
        (
            |it, _| it.purpose = "credit".to_owned(),
            Line::Purpose("credit".to_owned()),
            Why::NotThere,
        ),
        (
            |it, _| {
                operators_columns(it).insert("income".to_owned(), [Column::Feature].into());
            },
            column("income", Column::Feature),
            Why::NotThere,
        ),
        (
            |it, _| {
                operators_columns(it).get_mut("age").unwrap().insert(Column::Payload);
            },
            column("age", Column::Payload),
            Why::NotThere,
        ),
        (
            |it, _| drop(operators_columns(it).insert("age".to_owned(), BTreeSet::new())),
            table("contacts"),
            Why::NoColumns,
        ),
        (|it, _| operators_columns(it).clear(), table("contacts"), Why::NoColumns),
        (
            |it, _| {
                let tables = it.parties.get_mut(&operator().id()).unwrap();
                tables.insert("salaries".to_owned(), Columns::new());
            },
            table("salaries"),
            Why::NoColumns,
        ),
        (
            |it, _| drop(it.parties.insert(clinic().id(), BTreeMap::new())),
            Line::Party(clinic().id()),
            Why::NotThere,
        ),
        (
            |it, _| drop(it.parties.remove(&operator().id())),
            Line::Party(operator().id()),
            Why::PartyMissing,
        ),
    ]
}

/// Ways to step outside of how it may be used.
fn other_use() -> [(Step, Line, Why); 11] {
    [
        (
            |it, _| it.components[0].privacy = "secureboost".to_owned(),
            Line::Component { component: component(), privacy: "secureboost".to_owned() },
            Why::NotThere,
        ),
        (
            |it, _| {
                let value = Value::Number(Decimal::whole(7));
                it.components[0].settings.get_mut("depth").unwrap().value = value;
            },
            setting("depth"),
            Why::Value(Value::Number(Decimal::whole(7))),
        ),
        (
            |it, _| {
                let value = Value::Word("5.0e0".to_owned());
                it.components[0].settings.get_mut("depth").unwrap().value = value;
            },
            setting("depth"),
            Why::Value(Value::Word("5.0e0".to_owned())),
        ),
        (
            |it, _| it.components[0].settings.get_mut("bins").unwrap().is_default = false,
            setting("bins"),
            Why::Value(Value::Number(Decimal::whole(32))),
        ),
        (|it, _| drop(it.components[0].settings.remove("depth")), setting("depth"), Why::NotShown),
        (
            |it, _| {
                it.disclosures.insert(("intersection.rows".to_owned(), operator().id()));
            },
            Line::Disclosure { key: "intersection.rows".to_owned(), to: operator().id() },
            Why::NotThere,
        ),
        (|it, _| it.minimum_group = 49, Line::MinimumGroup, Why::Group(49)),
        (
            |_, usage| usage.privacy_budget = decimal("2.6"),
            Line::PrivacyBudget,
            Why::Budget(Some(decimal("4.2"))),
        ),
        (
            |it, _| it.privacy_budget = decimal("-1"),
            Line::PrivacyBudget,
            Why::Budget(Some(decimal("-2"))),
        ),
        (|_, usage| usage.runs = 3, Line::Runs, Why::RunsUsed(3)),
        (|_, usage| usage.runs_this_month = 2, Line::RunsPerMonth, Why::RunsUsed(2)),
    ]
}

#[test]
fn whatever_the_terms_do_not_say_is_a_breach_of_its_line() {
    for (step, line, why) in other_data().into_iter().chain(other_use()) {
        let found = breaches(step);
        let [en, zh] = found.first().map(|it| it.text(&terms())).map(|it| [it.en, it.zh]).unwrap();
        assert!(!en.is_empty() && !zh.is_ascii(), "{en} {zh}");
        assert_eq!(found, [Breach { line, why }]);
    }
    let at_time = |now| covers(&terms(), &request(), &Usage::default(), now).unwrap_err();
    assert_eq!(at_time(at(9)), [Breach { line: Line::ValidFrom, why: Why::NotYet }]);
    assert_eq!(at_time(at(1_000_000)), [Breach { line: Line::ValidUntil, why: Why::Over }]);
    let other =
        ComponentRequest { component: "score".to_owned(), ..request().components[0].clone() };
    let found = breaches(|it, _| it.components.extend([other.clone(), other]));
    assert_eq!(found.len(), 1, "two steps with one mistake");
}

#[test]
fn differences_name_every_changed_line_in_words() {
    let mut changed = terms();
    changed.runs_per_month = Some(20);
    changed.purposes = set(&["marketing.activation", "research"]);
    let columns = changed.parties.get_mut(&operator().id()).unwrap().gives.get_mut("contacts");
    columns.unwrap().remove("age");
    let changes = diff(&terms(), &changed);
    let english: Vec<_> = changes.iter().map(|it| it.text(&changed).en.into_owned()).collect();
    assert_eq!(
        english,
        [
            "new: purpose research: allowed",
            "removed: Operator gives column age of table contacts as feature: allowed",
            "runs in a month: 20 instead of 2",
        ]
    );
    assert!(changes.iter().all(|it| !it.text(&changed).zh.is_ascii()));
    assert_eq!(diff(&terms(), &terms()), []);
    let price = Line::Price(terms().prices.first().unwrap().name());
    assert_eq!(price.text(&terms()).en, "Bank pays Operator for hits");
    // A name with braces is a name.
    let purpose = Line::Purpose("{0} {1}".to_owned()).text(&terms());
    assert_eq!(purpose.en, "purpose {0} {1}");
}

#[test]
fn terms_against_the_rules_are_named() {
    let flaw = |change: fn(&mut Terms)| {
        let mut terms = terms();
        change(&mut terms);
        terms.rules().unwrap_err().field
    };
    assert_eq!(flaw(|it| it.title = "a\u{1b}b".to_owned()), "title");
    assert_eq!(flaw(|it| it.version = 2), "parent");
    assert_eq!(flaw(|it| drop(it.parties.remove(&bank().id()))), "parties");
    assert_eq!(flaw(|it| it.valid_until = it.valid_from), "valid_until");
    assert_eq!(flaw(|it| it.currency = "yuan".to_owned()), "currency");
    let reversed = |it: &mut Terms| {
        let bounds = Allowed::Between(Decimal::whole(2), Decimal::whole(1));
        let trees = it.components.get_mut("train.boosted_trees").unwrap();
        trees.settings.insert("depth".to_owned(), bounds);
    };
    assert_eq!(flaw(reversed), "settings");
    let nobody = |it: &mut Terms| drop(it.disclosures.insert("rows".to_owned(), [].into()));
    assert_eq!(flaw(nobody), "disclosures");
    let gives = |it: &mut Terms, columns| {
        let bank = it.parties.get_mut(&bank().id()).unwrap();
        bank.gives.insert("accounts".to_owned(), columns);
    };
    let mut empty = terms();
    gives(&mut empty, Columns::new());
    assert_eq!(empty.rules().unwrap_err().field, "gives");
    gives(&mut empty, [("iban".to_owned(), BTreeSet::new())].into());
    assert_eq!(empty.rules().unwrap_err().field, "gives");
    assert_eq!(flaw(|it| it.attempts = 0), "attempts");
    let twice = |it: &mut Terms| {
        let price = PriceLine { price: 3, ..it.prices.first().unwrap().clone() };
        it.prices.insert(price);
    };
    assert_eq!(flaw(twice), "prices");
    let stranger = |it: &mut Terms| {
        it.disclosures.insert("rows".to_owned(), [clinic().id()].into());
    };
    assert_eq!(flaw(stranger), "disclosures");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// Covering is monotone: what is refused now is refused with more used, too.
    #[test]
    fn more_use_never_allows_more(runs in 0_u32..6, month in 0_u32..4, spent in 0_u32..6) {
        let usage = Usage { runs, runs_this_month: month, privacy_budget: Decimal::whole(spent) };
        let covered = covers(&terms(), &request(), &usage, at(20)).is_ok();
        prop_assert_eq!(covered, runs < 3 && month < 2 && spent <= 2);
    }
}
