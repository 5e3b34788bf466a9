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

type Got = Result<Totals, MatchingError>;

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
const CARDINALITY_DEALT: u64 = 24;
const SUM_DEALT: u64 = 828;

const KEYS: [&str; 3] = [CARDINALITY, SUM, ENOUGH];

async fn play(session: Session, learn: Learn, minimum: u64, keys: &[&str]) -> Got {
    let matches = dealt(session.is_first());
    let ledger = Arc::new(Ledger::new(keys.iter().copied()));
    let mut party = TwoParty::setup(session, ledger).await?;
    sums(&mut party, &matches, learn, minimum).await
}

fn run(learn: Learn, minimum: u64, keys: &[&str]) -> Outcome<Got, Got> {
    let play = |session| play(session, learn, minimum, keys);
    world::pair(7, play, play)
}

/// What a party gets whose number of matches and sums are these.
fn expected(learns: bool, cardinality: u64, is_enough: bool, sums: &[u64]) -> Totals {
    Totals {
        cardinality: learns.then_some(cardinality),
        is_enough: Some(is_enough),
        sums: (learns && is_enough).then(|| sums.to_vec()),
    }
}

/// Totals as the job of a pair of parties would compute them, a column of each party's, and what
/// the ledger saw. The second party's are the numbers times 2^60, the first one's its own.
async fn whole(
    session: Session,
    numbers: &[u64],
    learn: Learn,
    minimum: u64,
) -> Result<(Totals, Vec<Observation>), MatchingError> {
    let ids: Vec<String> = numbers.iter().map(|number| format!("id-{number}")).collect();
    let ids = Identifiers::new(ids.iter().map(String::as_str))?;
    let receives = session.is_first();
    let ledger = Arc::new(Ledger::new(KEYS));
    let mut party = TwoParty::setup(session, Arc::clone(&ledger)).await?;
    let matches = if receives {
        let mut matches = circuit::receive(&mut party, &ids, 1, None).await?;
        matches.add_payloads_of_receiver(&[numbers.to_vec()])?;
        matches
    } else {
        let payload = numbers.iter().map(|number| number.wrapping_mul(1 << 60)).collect();
        let mut matches = circuit::send(&mut party, &ids, &[payload], None).await?;
        matches.add_payloads_of_receiver(&[Vec::new()])?;
        matches
    };
    let totals = sums(&mut party, &matches, learn, minimum).await?;
    Ok((totals, ledger.observed()))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(8))]
    #[test]
    fn correct(
        left in prop::collection::hash_set(0_u64..60, 0..40),
        right in prop::collection::hash_set(0_u64..60, 0..40),
        learn in prop::sample::select(&LEARNS[..]),
        minimum in 0_u64..30,
    ) {
        let common: HashSet<u64> = left.intersection(&right).copied().collect();
        let is_enough = common.len() as u64 >= minimum;
        let total = |factor: u64| {
            common.iter().fold(0_u64, |sum, it| sum.wrapping_add(it.wrapping_mul(factor)))
        };
        let [left, right] = [left, right].map(|set| set.into_iter().collect::<Vec<u64>>());
        let outcome = world::pair(
            3,
            |session| whole(session, &left, learn, minimum),
            |session| whole(session, &right, learn, minimum),
        );
        for (is_first, result) in [(true, outcome.first), (false, outcome.second)] {
            let (totals, observed) = result.unwrap();
            let sums = [total(1 << 60), total(1)];
            let learns = learn.includes(is_first);
            prop_assert_eq!(totals, expected(learns, common.len() as u64, is_enough, &sums));
            let released: Vec<(&str, u64)> =
                observed.iter().map(|it| (it.key.as_str(), it.count)).collect();
            let mut allowed = vec![(CARDINALITY, 1)];
            allowed.extend((learn != Learn::Both).then_some((ENOUGH, 1)));
            allowed.extend(is_enough.then_some((SUM, 2)));
            prop_assert_eq!(released, allowed);
        }
    }
}

#[test]
fn correct_from_shares() {
    for learn in LEARNS {
        for (minimum, is_enough) in [(24, true), (25, false)] {
            let outcome = run(learn, minimum, &KEYS);
            for (is_first, got) in [(true, outcome.first), (false, outcome.second)] {
                let learns = learn.includes(is_first);
                let expected = expected(learns, CARDINALITY_DEALT, is_enough, &[SUM_DEALT]);
                assert_eq!(got.unwrap(), expected);
            }
        }
    }
}

#[test]
fn known_answer() {
    let outcome = run(Learn::Both, 0, &KEYS);
    assert_eq!(outcome.first.unwrap(), expected(true, CARDINALITY_DEALT, true, &[SUM_DEALT]));
    assert_eq!(
        outcome.transcript.hash(),
        "7438dfc0f4008e545c0ac1efe56a3bf4b96518f21dd5b123c5105bc1e56cec88"
    );
}

#[test]
fn cost() {
    for (learn, learners) in [(Learn::Both, 2), (Learn::First, 1), (Learn::Second, 1)] {
        let enough = u64::from(learn != Learn::Both);
        // 70 bins take one group of 128 transfers: one way for the flags, both for the numbers.
        for (minimum, conversions, opened) in [(0, 3, 16), (100, 1, 8)] {
            let transcript = run(learn, minimum, &KEYS).transcript;
            let of = |step| {
                transcript.bytes_of(Side::First, step) + transcript.bytes_of(Side::Second, step)
            };
            assert_eq!(of("corrections"), conversions * 4 * 128);
            assert_eq!(of("correlations"), conversions * 8 * 70);
            assert_eq!(of("opened") + of("share"), opened * learners);
            assert_eq!(of("enough"), enough);
            let all = of("corrections") + of("correlations") + of("opened") + of("share") + enough;
            assert_eq!(transcript.bytes(), of("base_ot") + all);
        }
    }
}

/// A total of other shares is another total; "enough" is the learner's word.
#[test]
fn tampered() {
    for (learn, step) in
        [(Learn::Both, "opened"), (Learn::Second, "share"), (Learn::First, "enough")]
    {
        let play = |session| play(session, learn, 0, &KEYS);
        let report = hostile::sweep_where(7, |sent| sent.path_step == step, play, play);
        let unnoticed: BTreeSet<&str> =
            report.unnoticed.iter().map(|fault| fault.path_step.as_str()).collect();
        let expected = if step == "enough" { BTreeSet::new() } else { BTreeSet::from([step]) };
        assert_eq!(unnoticed, expected);
    }
}

#[test]
fn peer_drops() {
    let (path_step, kind) = ("correlations".to_owned(), FaultKind::Close);
    let fault = Fault { path_step, occurrence: 0, kind, from: Side::Second };
    let play = |session| play(session, Learn::Both, 0, &KEYS);
    let outcome = pair_with_fault(7, fault, play, play);
    for error in [outcome.first.unwrap_err(), outcome.second.unwrap_err()] {
        assert!(matches!(error, MatchingError::Net(_)), "{error}");
    }
}

#[test]
fn undeclared_totals_are_not_sent() {
    for (learn, keys, opened, shared) in [
        (Learn::Both, &[SUM, ENOUGH][..], 0, 0),
        (Learn::Both, &[CARDINALITY, ENOUGH], 8, 0),
        (Learn::Second, &[CARDINALITY, SUM], 0, 8),
    ] {
        let outcome = run(learn, 0, keys);
        let text = outcome.first.unwrap_err().to_string();
        assert!(text.contains("refused to reveal 'psi."), "{text}");
        let sent = |step| outcome.transcript.bytes_of(Side::First, step);
        assert_eq!((sent("opened"), sent("share"), sent("enough")), (opened, shared, 0));
    }
}

#[test]
fn payloads_that_are_too_short_are_refused() {
    let mut matches = dealt(true);
    matches.rows = Some(vec![Some(0), None, Some(2)]);
    let error = matches.add_payloads_of_receiver(&[vec![1, 2]]).unwrap_err().to_string();
    assert!(error.contains("only 2 numbers"), "{error}");
}
