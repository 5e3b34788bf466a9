use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::agreements::Terms;
use crate::agreements::tests::terms;
use crate::canonical::{Digest, digest_of};
use crate::sample::{at, bank, clinic, operator};
use crate::time::Month;

fn event(run: u8, attempt: u32, kind: UsageKind, count: u64) -> UsageEvent {
    let key = UsageKey {
        payer: bank().id(),
        payee: operator().id(),
        run: Digest::new([run; 32]),
        step: 1,
        attempt,
        kind,
    };
    UsageEvent { key, terms: digest_of(&terms()), count, at: at(20) }
}

fn meter(events: &[UsageEvent]) -> Meter {
    let mut meter = Meter::default();
    for event in events {
        meter.add(event.clone()).unwrap();
    }
    meter
}

fn month() -> Month {
    at(20).month(480)
}

fn statements(meter: &Meter) -> Result<Vec<Statement>, StatementError> {
    let known = BTreeMap::from([(digest_of(&terms()), terms())]);
    statement(meter, (bank().id(), operator().id()), month(), &known)
}

#[test]
fn a_month_is_priced_once_and_both_sides_sign_the_same() {
    use UsageKind::{Hits, Rows};
    let events = [event(1, 1, Hits, 70), event(2, 1, Hits, 80), event(2, 1, Rows, 9_000)];
    let statements = statements(&meter(&events)).unwrap();
    let [statement] = statements.as_slice() else { panic!("{statements:?}") };
    // 150 hits of which 100 are free, at two fen; rows have no price.
    assert_eq!((statement.total, statement.lines.len()), (100, 2));
    let [ours, theirs] = [bank(), operator()].map(|party| party.sign(statement.clone()));
    assert_eq!(ours.digest(), theirs.digest());
    let mut wrong = statement.clone();
    wrong.total += 1;
    assert_eq!(bank().flaw(wrong), "total");
    let mut wrong = statement.clone();
    (wrong.lines[0].amount, wrong.lines[1].amount) = (wrong.lines[1].amount, wrong.lines[0].amount);
    assert_eq!(bank().flaw(wrong), "amount");
    let mut twice = statement.clone();
    twice.lines.push(twice.lines[1].clone());
    assert_eq!(bank().flaw(twice), "lines");
    let other: Month = "2020-01".parse().unwrap();
    let known = BTreeMap::from([(digest_of(&terms()), terms())]);
    let parties = (bank().id(), operator().id());
    assert_eq!(super::statement(&meter(&events), parties, other, &known), Ok(Vec::new()));
    let missing = super::statement(&meter(&events), parties, month(), &BTreeMap::new());
    assert_eq!(missing, Err(StatementError::NoTerms(digest_of(&terms()))));
}

#[test]
fn nothing_counts_twice_and_no_count_is_changed() {
    let mut meter = meter(&[event(1, 1, UsageKind::Hits, 70)]);
    assert_eq!(meter.add(event(1, 1, UsageKind::Hits, 70)), Ok(Added::Known));
    let error = meter.add(event(1, 1, UsageKind::Hits, 71)).unwrap_err();
    assert_eq!(error.to_string(), "this use was counted before as 70 and now as 71");
    assert_eq!(meter.add(event(1, 2, UsageKind::Hits, 71)), Ok(Added::New));
    assert_eq!(meter.events().map(|it| it.count).sum::<u64>(), 141);
    let jobs = meter.add(event(1, 1, UsageKind::Jobs, 2)).unwrap_err();
    assert_eq!(jobs.to_string(), "count of jobs is 1 for each run");
}

#[test]
fn a_report_is_of_its_own_use() {
    let report = |by, events| UsageReport { by, events };
    let own = report(bank().id(), vec![event(1, 1, UsageKind::Hits, 70)]);
    assert_eq!(bank().sign(own.clone()).content(), &own);
    assert_eq!(clinic().flaw(report(clinic().id(), own.events)), "by");
    assert_eq!(bank().flaw(report(bank().id(), Vec::new())), "events");
}

/// A month that begins under one version of an agreement and ends under the next has one allowance
/// and one cap.
#[test]
fn a_new_version_gives_nothing_free_again() {
    let price = |price| PriceLine { price, ..terms().prices.first().unwrap().clone() };
    let parent = Some(digest_of(&terms()));
    let second = Terms { version: 2, parent, prices: [price(3)].into(), ..terms() };
    let of_second = |run, count| {
        let terms = digest_of(&second);
        UsageEvent { terms, ..event(run, 1, UsageKind::Hits, count) }
    };
    let known = BTreeMap::from([terms(), second.clone()].map(|it| (digest_of(&it), it)));
    let price = |events: &[UsageEvent]| {
        let parties = (bank().id(), operator().id());
        let statements = statement(&meter(events), parties, month(), &known).unwrap();
        bank().sign(statements[0].clone());
        statements[0].lines.iter().map(|line| line.amount).collect::<Vec<_>>()
    };
    // Of a hundred free hits eighty are used before, and twenty behind.
    assert_eq!(price(&[event(1, 1, UsageKind::Hits, 80), of_second(2, 50)]), [0, 90]);
    let (first, second) = (event(1, 1, UsageKind::Hits, 1_000_100), of_second(2, 1_000_000));
    assert_eq!(price(&[first, second]), [2_000_000, 1_000_000], "three million in all");
}

#[test]
fn amounts_are_whole_capped_and_never_wrap() {
    let line = terms().prices.first().unwrap().clone();
    let amount = |line: &PriceLine, count| line.amount(count, Charged::default());
    let amounts = [0, 100, 101, u64::MAX].map(|count| amount(&line, count));
    assert_eq!(amounts, [Some(0), Some(0), Some(2), Some(3_000_000)]);
    let thousand = PriceLine { price: 5, per: 1_000, included: 0, at_most: None, ..line.clone() };
    assert_eq!(
        [199, 200, 1_999].map(|count| amount(&thousand, count)),
        [Some(0), Some(1), Some(9)]
    );
    let dear = PriceLine { price: 1_000_000, per: 1, at_most: None, ..line };
    assert_eq!(amount(&dear, u64::MAX), None);
    let huge = [event(1, 1, UsageKind::Hits, u64::MAX), event(2, 1, UsageKind::Hits, 1)];
    assert_eq!(statements(&meter(&huge)), Err(StatementError::TooLarge));
}

#[test]
fn both_sides_counts_are_reconciled_event_by_event() {
    let (one, two) = (event(1, 1, UsageKind::Hits, 70), event(2, 1, UsageKind::Hits, 80));
    let other = UsageEvent { count: 79, ..two.clone() };
    let three = event(3, 1, UsageKind::Hits, 5);
    let ours = meter(&[one.clone(), two.clone(), three.clone()]);
    let theirs = meter(&[one, other.clone()]);
    let parties = [bank().id(), operator().id()];
    let differences = reconcile(&ours, &theirs, parties);
    assert_eq!(
        differences,
        [
            Difference { key: two.key, ours: Some(two), theirs: Some(other) },
            Difference { key: three.key, ours: Some(three), theirs: None },
        ]
    );
    assert_eq!(reconcile(&ours, &theirs, [bank().id(), clinic().id()]), []);
    assert_eq!(reconcile(&ours, &ours, parties), []);
    let table = differences_csv(&differences, |id| terms().name_of(id));
    let rows: Vec<&str> = table.lines().collect();
    assert_eq!(rows.len(), 3);
    assert!(rows[1].starts_with("Bank,Operator,0202") && rows[1].contains(",hits,80,79,"));
}

#[test]
fn csv_is_quoted_and_holds_no_formula() {
    let statements = statements(&meter(&[event(1, 1, UsageKind::Hits, 150)])).unwrap();
    let table = statement_csv(&statements[0], |id| {
        if *id == bank().id() { "=HYPERLINK(\"x\")".to_owned() } else { "Operator, Ltd".to_owned() }
    });
    let row = table.lines().nth(1).unwrap();
    let start = "2026-09,\"'=HYPERLINK(\"\"x\"\")\",\"Operator, Ltd\",CNY,";
    assert!(row.starts_with(start), "{row}");
    assert!(row.ends_with(",hits,1,150,100,2,1,100"), "{row}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    /// In whatever order and however often events come, the statement is the same.
    #[test]
    fn order_and_repetition_cost_nothing(
        counts in prop::collection::vec((1_u8..5, 1_u32..3, 0_u64..1_000), 1..12),
        picks in prop::collection::vec(any::<prop::sample::Index>(), 0..12),
    ) {
        let hits = |&(run, attempt, count): &(u8, u32, u64)| {
            event(run, attempt, UsageKind::Hits, count)
        };
        let events: Vec<_> = counts.iter().map(hits).collect();
        let mut straight = Meter::default();
        let mut taken = Vec::new();
        for event in events {
            if straight.add(event.clone()) == Ok(Added::New) {
                taken.push(event);
            }
        }
        let mut other = Meter::default();
        let picked = picks.iter().map(|it| &taken[it.index(taken.len())]);
        for event in picked.chain(taken.iter().rev()) {
            other.add(event.clone()).unwrap();
        }
        prop_assert_eq!(statements(&other), statements(&straight));
        prop_assert_eq!(other, straight);
    }
}
