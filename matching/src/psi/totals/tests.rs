use std::collections::{BTreeSet, HashSet};
use std::sync::Arc;

use crypto::random::Generator;
use mpc::boolean::Bits;
use mpc::reveal::{Ledger, Observation};
use net::Session;
use proptest::prelude::*;
use world::{Fault, FaultKind, Outcome, Side, hostile, pair_with_fault};

use super::*;
use crate::psi::{Identifiers, circuit};

const LEARNS: [Learn; 3] = [Learn::Both, Learn::First, Learn::Second];

type Got = Result<Option<Total>, MatchingError>;

/// Shares of 70 bins, every third with a match, and of their numbers: what the circuit would give.
fn dealt(is_first: bool) -> HiddenMatches {
    let mut rng = Generator::from_seed([5; 32]);
    let mut random = vec![0; 2 * 70];
    rng.fill_words(&mut random);
    let flags = Bits::from_fn(70, |bin| (random[bin] & 1 == 1) ^ (is_first && bin % 3 == 0));
    let number = |bin: usize| {
        let share = random[70 + bin];
        if is_first { (bin as u64).wrapping_sub(share) } else { share }
    };
    HiddenMatches { flags, rows: None, payloads: vec![(0..70).map(number).collect()] }
}

/// The numbers 0, 3, … 69.
const TOTAL: Total = Total { cardinality: 24, sum: 828 };

async fn play(session: Session, learn: Learn, keys: &[&str]) -> Got {
    let matches = dealt(session.is_first());
    let ledger = Arc::new(Ledger::new(keys.iter().copied()));
    let mut party = TwoParty::setup(session, ledger).await?;
    sum(&mut party, &matches, 0, learn).await
}

fn run(learn: Learn, keys: &[&str]) -> Outcome<Got, Got> {
    let play = |session| play(session, learn, keys);
    world::pair(7, play, play)
}

/// Both totals, as the job of a pair of parties would compute them, and what the ledger saw.
async fn whole(
    session: Session,
    numbers: &[u64],
    learn: Learn,
) -> Result<(Option<u64>, Option<Total>, Vec<Observation>), MatchingError> {
    let ids: Vec<String> = numbers.iter().map(|number| format!("id-{number}")).collect();
    let ids = Identifiers::new(ids.iter().map(String::as_str))?;
    let receives = session.is_first();
    let ledger = Arc::new(Ledger::new([CARDINALITY, SUM]));
    let mut party = TwoParty::setup(session, Arc::clone(&ledger)).await?;
    let matches = if receives {
        circuit::receive(&mut party, &ids, 1).await?
    } else {
        let payload = numbers.iter().map(|number| number.wrapping_mul(1 << 60)).collect();
        circuit::send(&mut party, &ids, &[payload]).await?
    };
    let count = cardinality(&mut party, &matches, learn).await?;
    let total = sum(&mut party, &matches, 0, learn).await?;
    Ok((count, total, ledger.observed()))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(8))]
    #[test]
    fn correct(
        left in prop::collection::hash_set(0_u64..60, 0..40),
        right in prop::collection::hash_set(0_u64..60, 0..40),
        learn in prop::sample::select(&LEARNS[..]),
    ) {
        let common: HashSet<u64> = left.intersection(&right).copied().collect();
        let expected = Total {
            cardinality: common.len() as u64,
            sum: common.iter().fold(0, |sum, it| sum.wrapping_add(it.wrapping_mul(1 << 60))),
        };
        let [left, right] = [left, right].map(|set| set.into_iter().collect::<Vec<u64>>());
        let outcome = world::pair(
            3,
            |session| whole(session, &left, learn),
            |session| whole(session, &right, learn),
        );
        for (is_first, result) in [(true, outcome.first), (false, outcome.second)] {
            let (count, total, observed) = result.unwrap();
            let learns = learn.includes(is_first);
            prop_assert_eq!(count, learns.then_some(expected.cardinality));
            prop_assert_eq!(total, learns.then_some(expected));
            let released: Vec<(&str, u64)> =
                observed.iter().map(|it| (it.key.as_str(), it.count)).collect();
            prop_assert_eq!(released, [(CARDINALITY, 2), (SUM, 1)]);
        }
    }
}

#[test]
fn correct_from_shares() {
    for learn in LEARNS {
        let outcome = run(learn, &[CARDINALITY, SUM]);
        assert_eq!(outcome.first.unwrap(), learn.includes(true).then_some(TOTAL));
        assert_eq!(outcome.second.unwrap(), learn.includes(false).then_some(TOTAL));
    }
}

#[test]
fn known_answer() {
    let outcome = run(Learn::Both, &[CARDINALITY, SUM]);
    assert_eq!(outcome.first.unwrap(), Some(TOTAL));
    assert_eq!(
        outcome.transcript.hash(),
        "6efceb3279740b0929fb91f7e28153ea0c80dd54600e7d269fc1141a6ebb3216"
    );
}

#[test]
fn cost() {
    for (learn, learners) in [(Learn::Both, 2), (Learn::First, 1), (Learn::Second, 1)] {
        let transcript = run(learn, &[CARDINALITY, SUM]).transcript;
        let of =
            |step| transcript.bytes_of(Side::First, step) + transcript.bytes_of(Side::Second, step);
        // 70 bins take one group of 128 transfers: one way for the flags, both for the numbers.
        assert_eq!(of("corrections"), 3 * 4 * 128);
        assert_eq!(of("correlations"), 3 * 8 * 70);
        assert_eq!(of("opened") + of("share"), 16 * learners);
        let all = of("corrections") + of("correlations") + of("opened") + of("share");
        assert_eq!(transcript.bytes(), of("base_ot") + all);
    }
}

/// A total of other shares is another total.
#[test]
fn tampered() {
    for (learn, step) in [(Learn::Both, "opened"), (Learn::Second, "share")] {
        let play = |session| play(session, learn, &[CARDINALITY, SUM]);
        let report = hostile::sweep_where(7, |sent| sent.path_step == step, play, play);
        let unnoticed: BTreeSet<&str> =
            report.unnoticed.iter().map(|fault| fault.path_step.as_str()).collect();
        assert_eq!(unnoticed, BTreeSet::from([step]));
    }
}

#[test]
fn peer_drops() {
    let (path_step, kind) = ("correlations".to_owned(), FaultKind::Close);
    let fault = Fault { path_step, occurrence: 0, kind, from: Side::Second };
    let play = |session| play(session, Learn::Both, &[CARDINALITY, SUM]);
    let outcome = pair_with_fault(7, fault, play, play);
    for error in [outcome.first.unwrap_err(), outcome.second.unwrap_err()] {
        assert!(matches!(error, MatchingError::Net(_)), "{error}");
    }
}

#[test]
fn undeclared_totals_are_not_sent() {
    for (keys, opened) in [(&[SUM][..], 0), (&[CARDINALITY], 8)] {
        let outcome = run(Learn::Both, keys);
        let text = outcome.first.unwrap_err().to_string();
        assert!(text.contains("refused to reveal 'psi."), "{text}");
        assert_eq!(outcome.transcript.bytes_of(Side::First, "opened"), opened);
    }
}

#[test]
fn payloads_that_are_not_there_are_refused() {
    let side = async |session: Session| {
        let matches = dealt(session.is_first());
        let mut party = TwoParty::setup(session, Arc::new(Ledger::default())).await?;
        sum(&mut party, &matches, 1, Learn::Both).await
    };
    let text = world::pair(7, side, side).first.unwrap_err().to_string();
    assert!(text.contains("there is no payload 1, but only 1"), "{text}");
}
