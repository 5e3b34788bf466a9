use std::sync::Arc;

use crypto::random::Generator;
use mpc::MpcError;
use mpc::reveal::{Ledger, Observation};
use mpc::sigmoid::SCORE_UNIT;
use net::Session;
use world::{Fault, FaultKind, Outcome, Sent, Side, Transcript, pair_with_fault};

use super::*;
use crate::local::generalized_linear as local;

const KEYS: [&str; 3] = [COUNTS, "train.stop", "model.own_coefficients"];
/// Of numbers.
const NUMBER_KEYS: [&str; 4] =
    [COUNTS, "train.stop", "model.own_coefficients", "train.label_scale"];

/// Tables of both parties and which rows they share: the first `common` rows of each.
struct Data {
    family: Family,
    guest: Vec<Vec<f64>>,
    targets: Vec<f64>,
    host: Vec<Vec<f64>>,
    /// The guest's row in each place, and the host's if it has it too.
    places: Vec<(Option<usize>, Option<usize>)>,
    training: usize,
    /// The first row whose target is taken for the scale.
    scaled_from: usize,
}

impl Data {
    /// Each party has twice the `common` rows; those that only the host has are more spread out in
    /// one column and less in another, so that whitening over all of them fits the common ones
    /// badly.
    fn new(common: usize, guest: usize, host: usize) -> Self {
        let mut rng = Generator::from_seed([common as u8; 32]);
        let mut uniform = || rng.next_u64() as f64 / u64::MAX as f64;
        let mut normal = || (0..12).map(|_| uniform()).sum::<f64>() - 6.0;
        let shared: Vec<f64> = (0..2 * common).map(|_| normal()).collect();
        let mut columns = |count: usize| -> Vec<Vec<f64>> {
            let column = |_| shared.iter().map(|it| 0.6 * it + 0.8 * normal()).collect();
            (0..count).map(column).collect()
        };
        let (guest, mut host) = (columns(guest), columns(host));
        let targets = (0..2 * common)
            .map(|row| {
                let columns = guest.iter().chain(&host).enumerate();
                let score: f64 =
                    columns.map(|(index, it)| it[row] * (1.0 - 0.4 * index as f64)).sum();
                f64::from(u8::from(score + normal() > 1.0))
            })
            .collect();
        for row in common..2 * common {
            host[0][row] *= 0.1;
            if let Some(column) = host.get_mut(1) {
                column[row] *= 4.0;
            }
        }
        // Every sixth place is empty; the rows stand in them in a mixed order.
        let count = 2 * common + 2 * common / 5;
        let rows = 2 * common;
        let mut next = 0;
        let place = |place: usize| {
            if place % 6 == 5 || next == rows {
                return (None, None);
            }
            let row = next * 7 % rows;
            next += 1;
            (Some(row), (row < common).then_some(row))
        };
        let places = (0..count).map(place).collect();
        let training = count * 7 / 10;
        Self { family: Family::Binomial, guest, targets, host, places, training, scaled_from: 0 }
    }

    /// The same with numbers that depend on the columns, `unit` large or so.
    fn of_numbers(self, family: Family, unit: f64) -> Self {
        let mut rng = Generator::from_seed([77; 32]);
        let mut luck = || rng.next_u64() as f64 / u64::MAX as f64 + 0.5;
        let target = |row: usize| {
            let columns = self.guest.iter().chain(&self.host).enumerate();
            let score: f64 = columns.map(|(at, it)| it[row] * (0.3 - 0.1 * at as f64)).sum();
            let luck = luck();
            match family {
                Family::Gaussian => unit * (score + luck),
                Family::Poisson => (unit * score.exp() * luck).round(),
                Family::Tweedie { .. } if luck < 0.8 => 0.0,
                _ => unit * score.exp() * luck,
            }
        };
        let targets = (0..self.targets.len()).map(target).collect();
        Self { family, targets, ..self }
    }

    /// The rows that both have in these places.
    fn both(&self, range: std::ops::Range<usize>) -> Vec<usize> {
        self.places[range].iter().filter_map(|(_, both)| *both).collect()
    }

    fn training_rows(&self) -> Vec<usize> {
        self.both(0..self.training)
    }

    fn tables(&self) -> Tables {
        Tables { guest: self.targets.len(), host: self.host[0].len() }
    }

    /// What circuit PSI gives a party.
    fn hidden(&self, is_first: bool, host: &HostColumns) -> HiddenRows {
        let mut rng = Generator::from_seed([7; 32]);
        let mut random = || {
            let mut words = vec![0; self.places.len()];
            rng.fill_words(&mut words);
            words
        };
        let flags = random();
        let present = Bits::from_fn(flags.len(), |place| {
            (flags[place] & 1 == 1) ^ (is_first && self.places[place].1.is_some())
        });
        let mut share = |column: &Vec<u64>| {
            let (masks, others) = (random(), random());
            let number =
                |place: usize| self.places[place].1.map_or(others[place], |row| column[row]);
            let shares = masks.iter().enumerate();
            shares
                .map(|(at, mask)| if is_first { number(at).wrapping_sub(*mask) } else { *mask })
                .collect()
        };
        let shared = host.payloads().iter().map(&mut share).collect();
        HiddenRows { present, shared, training: self.training }
    }
}

fn slices(columns: &[Vec<f64>]) -> Vec<&[f64]> {
    columns.iter().map(Vec::as_slice).collect()
}

type Got = Result<(Counts, Trained), ModelError>;

async fn play(
    session: Session,
    data: &Data,
    settings: &Settings,
    keys: &[&str],
) -> (Got, Vec<Observation>) {
    let ledger = Arc::new(Ledger::new(keys.iter().copied()));
    let mut party = TwoParty::setup(session, Arc::clone(&ledger)).await.unwrap();
    let tables = data.tables();
    let family = data.family;
    let values = party.is_first().then_some(&data.targets[data.scaled_from..]);
    let scale = match agree_on_scale(&mut party, family, values).await {
        Ok(scale) => scale,
        Err(error) => return (Err(error), ledger.observed()),
    };
    let goal = Goal { family, scale, settings };
    let host = HostColumns::new(&slices(&data.host), goal, tables).unwrap();
    let rows = data.hidden(party.is_first(), &host);
    let placed = |column: &Vec<f64>| -> Vec<f64> {
        data.places.iter().map(|(row, _)| row.map_or(f64::NAN, |row| column[row])).collect()
    };
    let columns: Vec<Vec<f64>> = data.guest.iter().map(placed).collect();
    let columns = slices(&columns);
    let filled: Vec<bool> = data.places.iter().map(|(row, _)| row.is_some()).collect();
    let targets: Vec<f64> =
        data.places.iter().map(|(row, _)| row.map_or(0.0, |row| data.targets[row])).collect();
    let guest = GuestRows { columns: &columns, filled: &filled, targets: &targets };
    let own = if party.is_first() { Own::Guest(guest) } else { Own::Host(&host) };
    let counts = match count(&mut party, &rows, tables).await {
        Ok(counts) => counts,
        Err(error) => return (Err(error), ledger.observed()),
    };
    let trained = train(&mut party, &rows, counts, &own, tables, &goal).await;
    (trained.map(|trained| (counts, trained)), ledger.observed())
}

fn run(data: &Data, settings: &Settings) -> Outcome<Got, Got> {
    let keys = if data.family == Family::Binomial { &KEYS[..] } else { &NUMBER_KEYS };
    let side = async |session| play(session, data, settings, keys).await.0;
    world::pair(1, side, side)
}

/// Against the optimum over the pooled rows that both have in places for training; and the shared
/// scores against those of the coefficients.
fn assert_optimal(data: &Data, settings: &Settings) -> usize {
    let outcome = run(data, settings);
    let ((counts, guest), (_, host)) = (outcome.first.unwrap(), outcome.second.unwrap());
    let training = data.training_rows();
    assert_eq!(counts.training, training.len());
    assert_eq!(counts.test, data.both(data.training..data.places.len()).len());
    let pooled: Vec<Vec<f64>> = data
        .guest
        .iter()
        .chain(&data.host)
        .map(|column| training.iter().map(|row| column[*row]).collect())
        .collect();
    let targets: Vec<f64> = training.iter().map(|row| data.targets[*row]).collect();
    let columns = &slices(&pooled)[..];
    let rows = local::Data { columns, targets: &targets, weights: None, offsets: None };
    let reference = local::Settings { l2: settings.l2, l1: settings.l1, ..Default::default() };
    let optimum = local::fit(&rows, data.family, reference).unwrap();
    let (own, theirs) = (&guest.coefficients, &host.coefficients);
    assert!(own.converged && theirs.converged, "{own:?}");
    let joint = own.weights.iter().chain(&theirs.weights);
    let pairs = joint.zip(&optimum.weights);
    let worst = pairs.map(|(joint, pooled)| (joint - pooled).abs()).fold(0.0, f64::max);
    let intercept = (own.intercept + theirs.intercept - optimum.intercept).abs();
    // Coefficients of linear regression are in units of the target.
    let unit = guest.unit.scale;
    assert!(worst < 1e-3 * unit && intercept < 1e-3 * unit, "{own:?} {theirs:?} {optimum:?}");

    let test = &data.places[data.training..];
    let shares = guest.test_scores.iter().zip(&host.test_scores).zip(test);
    for ((left, right), (_, both)) in shares {
        let Some(row) = both else { continue };
        let score = left.wrapping_add(*right) as i64 as f64 / SCORE_UNIT;
        let score = guest.unit.shift + unit * score;
        let part = |coefficients: &Coefficients, columns: &[Vec<f64>]| {
            let terms = coefficients.weights.iter().zip(columns);
            coefficients.intercept + terms.map(|(w, column)| w * column[*row]).sum::<f64>()
        };
        let expected = part(own, &data.guest) + part(theirs, &data.host);
        assert!((score - expected).abs() < 5e-3 * unit, "{score} {expected}");
    }
    own.passes
}

#[test]
fn correct() {
    assert_optimal(&Data::new(1500, 4, 3), &Settings::default());
}

#[test]
fn correct_with_numbers() {
    let settings = Settings { tolerance: 1e-5, ..Settings::default() };
    for (family, unit, l1) in [
        (Family::Gaussian, 5e4, 500.0),
        (Family::Gamma, 700.0, 0.0),
        (Family::Tweedie { power: 1.5 }, 90.0, 0.0),
    ] {
        let data = Data::new(200, 2, 2).of_numbers(family, unit);
        assert_optimal(&data, &Settings { l1, ..settings.clone() });
    }
}

/// Numbers of which so many rows are common, as few as is allowed.
fn at_the_most_rows(common: usize, family: Family, unit: f64, ratio: usize) -> Data {
    let mut data = Data::new(common * ratio * 34 / 100, 1, 1).of_numbers(family, unit);
    for (_, both) in &mut data.places {
        *both = both.filter(|row| *row < common);
    }
    let most = ratio * data.training_rows().len();
    assert!((most * 9 / 10..=most).contains(&data.targets.len()), "{most}");
    data
}

/// One row alone has a level of the host's, and its number is 150 deviations from the others: the
/// first step takes its prediction 2,000 deviations too far.
#[test]
fn correct_with_a_number_far_beyond_the_others() {
    let mut data = at_the_most_rows(100, Family::Gaussian, 5e4, LINEAR_RATIO_MAX);
    let rows = data.targets.len();
    let mean = data.targets.iter().sum::<f64>() / rows as f64;
    let squares = data.targets.iter().map(|target| (target - mean).powi(2)).sum::<f64>();
    assert_eq!(data.places[0].1, Some(0), "the first row is common and for training");
    data.targets[0] = mean + 150.0 * (squares / rows as f64).sqrt();
    data.scaled_from = 1;
    data.host[0].fill(0.0);
    data.host[0][0] = (rows as f64).sqrt();
    assert_optimal(&data, &Settings { tolerance: 1e-5, ..Settings::default() });
}

/// All that varies are the common rows, and there are as few of them as is allowed.
#[test]
fn correct_with_numbers_at_the_most_rows() {
    let settings = Settings { tolerance: 1e-5, ..Settings::default() };
    for (family, unit, ratio) in
        [(Family::Gaussian, 5e4, LINEAR_RATIO_MAX), (Family::Poisson, 3.0, LOG_RATIO_MAX)]
    {
        let common = 100;
        let mut data = at_the_most_rows(common, family, unit, ratio);
        data.targets[common..].fill(0.0);
        for column in data.guest.iter_mut().chain(&mut data.host) {
            let (kept, others) = column.split_at_mut(common);
            for value in kept {
                *value *= (ratio as f64).sqrt();
            }
            others.fill(0.0);
        }
        assert_optimal(&data, &settings);
    }
}

/// The host's columns are spread out five times as much in the common rows as in its table.
#[test]
fn correct_where_the_common_rows_are_unlike_the_others() {
    let mut data = Data::new(600, 2, 2);
    for row in 600..1200 {
        data.host[0][row] = 0.0;
        data.host[1][row] = 0.0;
    }
    data.host.iter_mut().for_each(|column| column.extend(vec![0.0; 24_000]));
    assert_optimal(&data, &Settings { l2: 1e-4, ..Settings::default() });
}

#[test]
fn correct_with_an_l1_penalty() {
    let settings = Settings { l1: 0.02, tolerance: 1e-5, ..Settings::default() };
    assert_optimal(&Data::new(400, 3, 2), &settings);
}

/// A run of so many passes over few rows with two columns and one.
fn passes(count: usize) -> (Data, Settings) {
    (Data::new(100, 2, 1), Settings { passes_max: count, ..Settings::default() })
}

fn transcript(count: usize) -> Transcript {
    let (data, settings) = passes(count);
    run(&data, &settings).transcript
}

#[test]
fn known_answer() {
    let (data, settings) = passes(2);
    let outcome = run(&data, &settings);
    let (counts, trained) = outcome.first.unwrap();
    assert_eq!((counts, trained.coefficients.passes), (Counts { training: 71, test: 29 }, 2));
    assert_eq!(
        outcome.transcript.hash(),
        "5ab8afdb0d27c8bf7f235e84c8944322eda55e4da7bb5e16f4c0ae0ea18d3d7c"
    );
}

#[test]
fn cost() {
    const SHORT: u64 = 116 * 1024;
    let (one, two) = (transcript(1), transcript(2));
    let more = |side, step: &str| two.bytes_of(side, step) - one.bytes_of(side, step);
    let places = 240;
    // The guest has three variables, and each party four digits of its share of a column.
    for (side, own, theirs) in [(Side::First, 7, 4), (Side::Second, 4, 7)] {
        assert_eq!(one.bytes_of(side, "widths"), 24);
        assert_eq!(one.bytes_of(side, "column_hints"), own * SHORT);
        assert_eq!(more(side, "scores"), places * 8);
        assert_eq!(more(side, "residuals"), SHORT + ((places + theirs) * 150_u64).div_ceil(8));
        assert_eq!(more(side, "sums"), own * 14);
        assert_eq!(more(side, "opened_bit"), 1);
        // Two counts, and the stop bit of each pass.
        assert_eq!(two.bytes_of(side, "opened"), 16 + 2);
    }
    assert_eq!(two.bytes_of(Side::First, "share"), 8);
    assert_eq!(two.bytes_of(Side::Second, "share"), 3 * 8);
    assert_eq!(two.rounds() - one.rounds(), 39);
}

/// Bytes of a pass for each place, both ways together and without whole ciphertexts, and its
/// flights; 7 places in 10 are for training.
#[test]
fn cost_with_numbers() {
    let measured = [Family::Gaussian, Family::Poisson].map(|family| {
        let pass = |common| {
            let [one, two] = [1, 2].map(|passes_max| {
                let data = Data::new(common, 2, 1).of_numbers(family, 3.0);
                run(&data, &Settings { passes_max, ..Settings::default() }).transcript
            });
            (two.bytes() - one.bytes(), two.rounds() - one.rounds())
        };
        let ((few, flights), (many, _)) = (pass(100), pass(300));
        ((many - few) / 480, flights)
    });
    assert_eq!(measured, [(84, 32), (267, 40)]);
}

/// The messages of this protocol itself; those of its blocks are swept with the blocks.
#[test]
fn tampered() {
    let (data, settings) = passes(1);
    let side = async |session| play(session, &data, &settings, &KEYS).await.0;
    let own = ["widths", "opened", "opened_bit", "share"];
    let chosen = |sent: &Sent| own.contains(&sent.path_step.as_str());
    let report = world::hostile::sweep_where(4, chosen, side, side);
    // Other counts within the places, another stop bit and other coefficients are well formed.
    assert!(
        report.unnoticed.iter().all(|fault| fault.path_step != "widths"),
        "{:?}",
        report.unnoticed
    );
}

/// A peer that sends another number of columns than the widths say would have hints of its choice
/// received.
#[test]
fn another_number_of_columns_is_refused() {
    let (data, settings) = passes(1);
    let side = async |session| play(session, &data, &settings, &KEYS).await.0;
    for (from, columns) in [(Side::First, 8), (Side::Second, 3)] {
        let kind = FaultKind::replace(move |bytes| [&[columns][..], &bytes[1..]].concat());
        let fault = Fault { path_step: "shape".to_owned(), occurrence: 0, kind, from };
        let outcome = pair_with_fault(6, fault, side, side);
        let error = if from == Side::First { outcome.second.err() } else { outcome.first.err() };
        let error = error.unwrap().to_string();
        assert!(error.contains("columns follow from the widths"), "{error}");
    }
}

/// Shares that add up to more common rows than a table has.
#[test]
fn counts_beyond_the_tables_are_refused() {
    let (data, settings) = passes(1);
    let side = async |session| play(session, &data, &settings, &KEYS).await.0;
    // 71 and 29 rows are common, of 200 in each table and 240 places, of which 168 for training.
    for (added, is_sound) in [([0, 0], true), ([60, 40], true), ([70, 40], false), ([98, 0], false)]
    {
        let add = move |bytes: &[u8]| {
            let words = bytes.as_chunks::<8>().0.iter().zip(added);
            words
                .flat_map(|(word, added)| {
                    u64::from_le_bytes(*word).wrapping_add(added).to_le_bytes()
                })
                .collect::<Vec<u8>>()
        };
        let kind = FaultKind::replace(add);
        let fault =
            Fault { path_step: "opened".to_owned(), occurrence: 0, kind, from: Side::Second };
        let error = pair_with_fault(6, fault, side, side).first.err().map(|it| it.to_string());
        let is_refused = error.as_ref().is_some_and(|it| it.contains("rows of the smaller table"));
        assert_eq!(is_refused, !is_sound, "{added:?}: {error:?}");
    }
}

#[test]
fn peer_drops() {
    let (data, settings) = passes(1);
    let side = async |session| play(session, &data, &settings, &KEYS).await.0;
    for step in ["widths", "column_hints", "harmonics", "residuals", "opened_bit", "share"] {
        let (path_step, kind, from) = (step.to_owned(), FaultKind::Close, Side::Second);
        let outcome =
            pair_with_fault(5, Fault { path_step, occurrence: 0, kind, from }, side, side);
        for result in [outcome.first, outcome.second] {
            let is_lost = matches!(result, Err(ModelError::Secure(MpcError::Net(_))));
            assert!(is_lost, "{step}: {result:?}");
        }
    }
}

#[test]
fn nothing_is_opened_but_counts_stops_and_coefficients() {
    let (data, settings) = passes(3);
    let side = async |session| play(session, &data, &settings, &KEYS).await.1;
    let outcome = world::pair(8, side, side);
    for observed in [outcome.first, outcome.second] {
        let observed: Vec<(&str, &str, u64)> =
            observed.iter().map(|it| (it.key.as_str(), it.to.as_str(), it.count)).collect();
        let expected = [
            (COUNTS, "all", 2),
            ("model.own_coefficients", "first", 3),
            ("model.own_coefficients", "second", 1),
            ("train.stop", "all", 3),
        ];
        assert_eq!(observed, expected);
    }
    for key in KEYS {
        let keys: Vec<&str> = KEYS.into_iter().filter(|other| *other != key).collect();
        let side = async |session| play(session, &data, &settings, &keys).await.0.err();
        let outcome = world::pair(9, side, side);
        let is_refused = |error: &Option<ModelError>| match error {
            Some(ModelError::Secure(MpcError::Undeclared(undeclared))) => undeclared == key,
            _ => false,
        };
        assert!(is_refused(&outcome.first) && is_refused(&outcome.second), "{key}");
    }
}

#[test]
fn input_that_does_not_fit_is_refused() {
    let refused = |change: fn(&mut Data, &mut Settings)| {
        let (mut data, mut settings) = passes(1);
        change(&mut data, &mut settings);
        matches!(run(&data, &settings).first, Err(ModelError::InvalidInput(_)))
    };
    assert!(refused(|_, settings| settings.standard_errors = true));
    assert!(refused(|_, settings| settings.l2 = 1e9));
    assert!(refused(|data, _| data.targets.fill(1.0)));
    assert!(refused(|data, _| data.family = Family::Gamma));
    // Of numbers fewer are too many.
    for (family, rows) in [(Family::Gaussian, 32 * 71 + 1), (Family::Poisson, 4 * 71 + 1)] {
        let (mut data, settings) = passes(1);
        data.family = family;
        data.host[0].resize(rows, 0.0);
        let error = run(&data, &settings).first.unwrap_err().to_string();
        assert!(error.contains("for each of them"), "{error}");
    }
    assert!(refused(|data, _| data.guest[0][3] = f64::NAN));
    // More than 250 rows of the host for each of 71 common training rows.
    assert!(refused(|data, _| data.host[0].resize(250 * 71 + 1, 0.0)));
    // Too few rows are common.
    assert!(refused(|data, _| data.places.iter_mut().for_each(|(_, both)| *both = None)));
    assert!(refused(|data, _| data.training = 63));
}
