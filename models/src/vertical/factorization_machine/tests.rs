//! The five tests of every protocol, against the plaintext reference, and what lengths may say.

use std::sync::Arc;

use mpc::reveal::Ledger;
use net::Session;
use net::transport::faulty::FaultKind;
use world::{Fault, Outcome, Sent, Side, Transcript, pair_with_fault, steps};

use super::*;
use crate::local::factorization_machine as local;
use crate::local::factorization_machine::tests::{World, settings, slices, world as users};

const SCORES: &str = "score.user_factors";

/// What a party ends with.
#[derive(Debug)]
enum Part {
    Guest(GuestPart, Vec<f64>),
    Host,
}

async fn play(session: Session, data: &World, settings: &Settings) -> Result<Part, ModelError> {
    let ledger = Arc::new(Ledger::new([OWN_FACTORS, SCORES]));
    let mut party = TwoParty::setup(session, ledger).await?;
    if party.is_first() {
        let columns = slices(&data.guest);
        let part = train_as_guest(&mut party, &data.data(&columns), settings).await?;
        let own = part.user_factors(&data.interactions, &columns)?;
        let factors = learn_user_factors(&mut party, SCORES, own).await?;
        Ok(Part::Guest(part, factors.unwrap_or_default()))
    } else {
        let columns = slices(&data.host);
        let part = train_as_host(&mut party, &columns, settings).await?;
        let own = part.user_factors(&columns, data.interactions.users())?;
        assert!(learn_user_factors(&mut party, SCORES, own).await?.is_none());
        Ok(Part::Host)
    }
}

/// The largest difference of a score of the joint model to that of the reference, and the
/// deviation of the latter within users.
fn worst(data: &World, settings: &Settings) -> (f64, f64) {
    let side = async |session| play(session, data, settings).await.unwrap();
    let Outcome { first, second, .. } = world::pair(1, side, side);
    let (Part::Guest(guest, factors), Part::Host) = (first, second) else {
        panic!("each party gets its own part")
    };
    let (columns, theirs) = (slices(&data.guest), slices(&data.host));
    let (expected, host) = local::fit(&data.data(&columns), &theirs, settings).unwrap();
    let mut expected_factors = expected.user_factors(&data.interactions, &columns).unwrap();
    let of_host = host.user_factors(&theirs, data.interactions.users()).unwrap();
    expected_factors.iter_mut().zip(of_host).for_each(|(own, theirs)| *own += theirs);
    let (mut error, mut square, mut count): (f64, f64, f64) = (0.0, 0.0, 0.0);
    let k = settings.factors;
    for (found, wanted) in factors.chunks_exact(k).zip(expected_factors.chunks_exact(k)) {
        let scores = guest.scores(found).into_iter().zip(expected.scores(wanted));
        for ((found, wanted), bias) in scores.zip(&expected.item_biases) {
            error = error.max((found - wanted).abs());
            square += (wanted - bias).powi(2);
            count += 1.0;
        }
    }
    (error, (square / count).sqrt())
}

#[test]
fn correct() {
    for (data, settings) in [
        // More directions than items, few products: they go through transfers.
        (users(5, 64, 9), Settings { factors: 4, directions: 12, passes: 3, ..settings() }),
        // Products in slots, the usual passes.
        (users(6, 500, 40), Settings { factors: 4, directions: 24, ..Settings::default() }),
    ] {
        let (error, deviation) = worst(&data, &settings);
        assert!(deviation > 0.02 && error < 1e-5, "{error:e} where scores vary by {deviation}");
    }
}

#[test]
fn correct_without_columns_of_the_guest() {
    let mut data = users(7, 100, 9);
    data.guest.clear();
    let (error, _) = worst(&data, &Settings { passes: 2, ..settings() });
    assert!(error < 1e-5, "{error:e}");
}

/// Two passes over 64 users, 8 items and 6 columns, with 4 factors.
fn small() -> (World, Settings) {
    (users(8, 64, 8), Settings { passes: 2, ..settings() })
}

fn transcript(data: &World, settings: &Settings) -> Transcript {
    let side = async |session| play(session, data, settings).await.unwrap();
    world::pair(3, side, side).transcript
}

#[test]
fn known_answer() {
    let (data, settings) = small();
    assert_eq!(
        transcript(&data, &settings).hash(),
        "68d0d73ee3b11ee99bec38358d532191e5ac7b6395425c278309ea25936c1826"
    );
}

#[test]
fn cost() {
    const SHORT: u64 = 116 * 1024;
    let (data, settings) = small();
    let transcript = transcript(&data, &settings);
    // Eight directions, and a column of the guest's that is filled up to four.
    let (r, f, d, k, users) = (8_u64, 12_u64, 8_u64, 4_u64, 64_u64);
    assert_eq!(transcript.bytes_of(Side::First, "hints"), (f + r) * SHORT);
    let query = SHORT + (users * 150).div_ceil(8);
    assert_eq!(transcript.bytes_of(Side::Second, "query"), d * query);
    let first_group = (f + r) * d * k / 2 + 2 * r * k + r * k * k / 4;
    assert!(first_group > mpc::product::FEW as u64);
    // Only the first group goes through slots, the others through transfers.
    assert_eq!(transcript.bytes_of(Side::Second, "factors"), 2 * 16 * 153_632);
    assert_eq!(transcript.bytes_of(Side::First, "products"), 2 * 614_400);
    assert_eq!(transcript.bytes_of(Side::First, "start"), 16 * (r + (f + r + d) * k));
    // The guest's features and items, the host's columns without what fills them up.
    assert_eq!(transcript.bytes_of(Side::Second, "share"), 16 * (f + r) * k);
    assert_eq!(transcript.bytes_of(Side::First, "share"), 16 * 6 * k);
    assert_eq!(transcript.bytes_of(Side::Second, "user_factors"), 8 * users * k);
    assert_eq!(transcript.bytes_of(Side::First, "user_factors"), 0);
}

/// Other values, but equal public sizes, give the same messages of the same lengths; in particular
/// the number of interactions, and of items above that of directions, say nothing.
#[test]
fn lengths_depend_on_public_sizes_only() {
    let lengths = |seed: u8, items: usize| {
        let data = users(seed, 64, items);
        let settings = Settings { passes: 1, ..settings() };
        let transcript = transcript(&data, &settings);
        let steps = transcript.steps.iter();
        let lengths = steps.map(|step| (step.label(), step.from, step.messages, step.bytes));
        (lengths.collect::<Vec<_>>(), data.interactions.pairs())
    };
    let (one, pairs) = lengths(1, 9);
    let (other, other_pairs) = lengths(2, 30);
    assert_ne!(pairs, other_pairs);
    assert_eq!(one, other);
}

/// What the host gets as its share of the start is the same for other data of the guest.
#[test]
fn the_start_says_nothing_to_the_host() {
    let shape = Shape { users: 64, directions: 8, features: 12, columns: 6, factors: 4 };
    let start = |seed: u8| {
        let data = users(seed, 64, 8);
        let side = async |session| {
            let ledger = Arc::new(Ledger::new([OWN_FACTORS]));
            let mut party = TwoParty::setup(session, ledger).await.unwrap();
            let (point, quarters) = if party.is_first() {
                let own = GuestSide::new(&data.data(&slices(&data.guest)), &settings()).unwrap();
                descent::share_start(&mut party, &own, shape).await.unwrap()
            } else {
                descent::receive_start(&mut party, shape).await.unwrap()
            };
            [quarters.as_slice(), point.guest.entries(), point.items.entries()].concat()
        };
        let outcome = world::pair(1, side, side);
        let sums = outcome.first.iter().zip(&outcome.second);
        let opened: Vec<u128> = sums.map(|(one, other)| one.wrapping_add(*other)).collect();
        (outcome.second, opened)
    };
    let [(one, opened), (other, other_opened)] = [1, 2].map(start);
    assert_eq!(one, other);
    assert_ne!(opened, other_opened);
}

/// Both parties name a setting or a number of users in which they differ, and a host without
/// enough columns is refused before anything is said about them.
#[test]
fn what_does_not_fit_is_named() {
    let (data, mut other) = (users(8, 64, 8), users(8, 64, 8));
    let ours = Settings { passes: 1, ..settings() };
    let theirs = Settings { passes: 2, ..settings() };
    let outcome = world::pair(
        1,
        async |session| play(session, &data, &ours).await,
        async |session| play(session, &data, &theirs).await,
    );
    for result in [outcome.first, outcome.second] {
        assert!(result.unwrap_err().to_string().contains("the same users, factors and passes"));
    }
    other.host.truncate(4);
    let outcome = world::pair(
        1,
        async |session| play(session, &data, &ours).await,
        async |session| play(session, &other, &ours).await,
    );
    assert!(matches!(outcome.second, Err(ModelError::InvalidInput(_))));
    assert!(outcome.first.is_err());
    assert!(check_users(ROWS_MIN - 1).is_err() && check_users(ROWS_MAX + 1).is_err());
}

/// The messages of this protocol itself; those of its blocks are swept with the blocks.
#[test]
fn tampered() {
    let (data, mut settings) = small();
    settings.passes = 1;
    let side = async |session| play(session, &data, &settings).await;
    let own = ["shape", "seed", "hints", "query", "answers", "start", "share", "user_factors"];
    let mut seen = Vec::new();
    for sent in steps(4, side, side) {
        if !own.contains(&sent.path_step.as_str())
            || seen.contains(&(sent.path_step.clone(), sent.from))
        {
            continue;
        }
        seen.push((sent.path_step.clone(), sent.from));
        for kind in [
            FaultKind::WrongStep,
            FaultKind::Extend,
            FaultKind::replace(|_| Vec::new()),
            FaultKind::replace(|bytes| vec![0xff; bytes.len() + 1]),
        ] {
            let Sent { path_step, from, .. } = sent.clone();
            let fault = Fault { path_step, occurrence: 0, kind, from };
            let text = format!("{fault:?}");
            let outcome = pair_with_fault(4, fault, side, side);
            let closed = outcome.closed.iter().all(Result::is_ok);
            assert!(!(outcome.first.is_ok() && outcome.second.is_ok() && closed), "{text}");
        }
    }
    assert_eq!(seen.len(), own.len() + 2, "two of them go both ways: {seen:?}");
}

/// Well-formed values of a hostile host that are no numbers.
#[test]
fn tampered_factors_of_users_are_refused() {
    let (data, mut settings) = small();
    settings.passes = 1;
    let side = async |session| play(session, &data, &settings).await;
    let fault = Fault {
        path_step: "user_factors".to_owned(),
        occurrence: 0,
        kind: FaultKind::replace(|bytes| f64::NAN.to_le_bytes().repeat(bytes.len() / 8)),
        from: Side::Second,
    };
    let error = pair_with_fault(4, fault, side, side).first.unwrap_err();
    assert!(error.to_string().contains("a finite number"), "{error}");
}

#[test]
fn peer_drops() {
    let (data, settings) = small();
    let side = async |session| play(session, &data, &settings).await;
    for (step, from) in [
        ("query", Side::Second),
        ("answers", Side::First),
        ("start", Side::First),
        ("factors", Side::Second),
        ("share", Side::Second),
        ("user_factors", Side::Second),
    ] {
        let (path_step, kind) = (step.to_owned(), FaultKind::Close);
        let fault = Fault { path_step, occurrence: 0, kind, from };
        let outcome = pair_with_fault(5, fault, side, side);
        for result in [outcome.first, outcome.second] {
            assert!(matches!(result, Err(ModelError::Secure(_))), "{step}: {result:?}");
        }
    }
}
