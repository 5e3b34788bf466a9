use std::sync::Arc;

use mpc::TwoParty;
use mpc::reveal::{Ledger, learn, open_bit};
use net::Session;
use world::{Fault, FaultKind, Side, pair_with_fault};

use super::*;
use crate::local::logistic_regression::{self as local, sigmoid};
use crate::vertical::course::Course;
use crate::vertical::logistic_regression::whitening::{Shape, Whitened, column_bits};
use crate::vertical::logistic_regression::woe::{AnonymousColumn, Woe};
use crate::vertical::logistic_regression::{
    Coefficients, EarlyStopping, Labels, ModelError, Settings, train_with_woe,
};

const DISCLOSURES: [&str; 3] = ["train.stop", "model.own_coefficients", "train.weighted"];

/// Few training rows and many columns, of which few matter: the case for early stopping.
#[derive(Clone)]
struct Data {
    guest: Vec<Vec<f64>>,
    host: Vec<Vec<f64>>,
    labels: Vec<u8>,
    weights: Option<Vec<f64>>,
    /// Values of the guest and bins of the host.
    woe: Option<(Vec<Vec<f64>>, Vec<AnonymousColumn>)>,
    settings: Settings,
}

impl Data {
    fn new(training: usize, validation_rows: usize, columns: usize, patience: usize) -> Self {
        let rows = training + validation_rows;
        let mut rng = crypto::random::Generator::from_seed([columns as u8; 32]);
        let mut normal = || {
            let sum: f64 = (0..12).map(|_| rng.next_u64() as f64 / u64::MAX as f64).sum();
            sum - 6.0
        };
        let mut column = |_| (0..rows).map(|_| normal()).collect();
        let guest: Vec<Vec<f64>> = (0..columns).map(&mut column).collect();
        let host: Vec<Vec<f64>> = (0..columns).map(&mut column).collect();
        let noise: Vec<f64> = column(0);
        let label = |row: usize| u8::from(0.7 * guest[0][row] + host[0][row] + noise[row] > 0.3);
        let labels = (0..rows).map(label).collect();
        let early_stopping = Some(EarlyStopping { patience, validation_rows });
        let settings = Settings { l2: 1e-4, early_stopping, ..Settings::default() };
        Self { guest, host, labels, weights: None, woe: None, settings }
    }

    fn validation_rows(&self) -> usize {
        self.settings.early_stopping.map_or(0, |it| it.validation_rows)
    }

    fn training_rows(&self) -> usize {
        self.labels.len() - self.validation_rows()
    }

    /// With two features in bins, one of which says something.
    fn with_woe(mut self) -> Self {
        let rows = self.labels.len();
        let column = |step: usize| AnonymousColumn {
            codes: (0..rows).map(|row| ((row * step + row / 5) % 3) as u8).collect(),
            bins: 3,
        };
        let columns = vec![column(1), column(2)];
        let value = |column: &AnonymousColumn| {
            let count = |bin: usize| {
                column.codes.iter().filter(|code| usize::from(**code) == bin).count() as f64
            };
            let counts = [count(0), count(1), count(2)];
            let plain = [-1.0, 0.2, 0.9];
            let mean_of = |value: &dyn Fn(f64) -> f64| {
                let sum: f64 = plain.iter().zip(counts).map(|(it, count)| value(*it) * count).sum();
                sum / rows as f64
            };
            let mean = mean_of(&|it| it);
            let deviation = mean_of(&|it| (it - mean).powi(2)).sqrt();
            plain.iter().map(|it| (it - mean) / deviation).collect()
        };
        self.woe = Some((columns.iter().map(value).collect(), columns));
        self
    }
}

fn slices(columns: &[Vec<f64>]) -> Vec<&[f64]> {
    columns.iter().map(Vec::as_slice).collect()
}

async fn play(session: Session, data: &Data) -> Result<Coefficients, ModelError> {
    let ledger = Arc::new(Ledger::new(DISCLOSURES));
    let mut party = TwoParty::setup(session, Arc::clone(&ledger)).await?;
    let guest = party.is_first();
    let columns = slices(if guest { &data.guest } else { &data.host });
    let labels = guest.then_some(Labels { values: &data.labels, weights: data.weights.as_deref() });
    let woe = data.woe.as_ref().map(
        |(values, bins)| {
            if guest { Woe::Values(values) } else { Woe::Bins(bins) }
        },
    );
    let own = train_with_woe(
        &mut party,
        &columns,
        labels,
        woe.as_ref(),
        &data.settings,
        Course::default(),
    )
    .await?;
    let observed = ledger.observed();
    let stops: u64 = observed.iter().filter(|it| it.key == "train.stop").map(|it| it.count).sum();
    assert_eq!(stops, own.passes as u64, "one bit a pass");
    Ok(own)
}

/// The parties' weights one after the other, the common intercept, and the passes.
fn train_jointly(data: &Data) -> (Vec<f64>, f64, usize, bool) {
    let side = async |session| play(session, data).await.unwrap();
    let outcome = world::pair(1, side, side);
    let (guest, host) = (outcome.first, outcome.second);
    assert_eq!((guest.passes, guest.converged), (host.passes, host.converged));
    let weights = [guest.weights, host.weights].concat();
    (weights, guest.intercept + host.intercept, guest.passes, guest.converged)
}

/// The same iteration and the same rule in plaintext.
struct Reference {
    /// The variables' columns, of all rows.
    columns: Vec<Vec<f64>>,
    /// The penalty's curvature of each pair of variables.
    penalty: Vec<Vec<f64>>,
    parties: [Whitened; 2],
    woe_scale: f64,
    blocks: f64,
}

impl Reference {
    fn new(data: &Data) -> Self {
        let (training, l2) = (data.training_rows(), data.settings.l2);
        let ones = vec![1.0; data.labels.len()];
        let of = |columns: &[Vec<f64>], centred: bool| {
            let mut all = slices(columns);
            let mut penalised = vec![true; all.len()];
            if !centred {
                all.push(&ones);
                penalised.push(false);
            }
            let penalised = &penalised;
            let shape = Shape {
                training,
                column_bits: column_bits(training),
                penalised,
                l2,
                steepness: 0.25,
                separate: false,
                centred,
            };
            Whitened::new(&all, &shape).unwrap()
        };
        let parties = [of(&data.guest, false), of(&data.host, true)];
        let encoded: Vec<Vec<f64>> = data
            .woe
            .iter()
            .flat_map(|(values, columns)| {
                values.iter().zip(columns).map(|(values, column)| {
                    column.codes.iter().map(|code| values[usize::from(*code)]).collect::<Vec<f64>>()
                })
            })
            .collect();
        let spread = data.labels.len() as f64 / training as f64;
        let curvature = encoded.len() as f64 / 4.0 * spread + l2;
        let woe_scale = 1.0 / curvature.sqrt();
        let widths = parties.each_ref().map(Whitened::width);
        let variables = widths[0] + widths[1] + encoded.len();
        let unit = f64::from(1 << column_bits(training));
        let mut columns = Vec::new();
        let mut penalty = vec![vec![0.0; variables]; variables];
        for party in &parties {
            let first = columns.len();
            for column in &party.columns {
                let (rows, curvature) = column.split_at(data.labels.len());
                for (other, entry) in curvature.iter().enumerate() {
                    penalty[columns.len()][first + other] = f64::from(*entry) / f64::from(1 << 17);
                }
                columns.push(rows.iter().map(|entry| f64::from(*entry) / unit).collect());
            }
        }
        for column in &encoded {
            penalty[columns.len()][columns.len()] = l2 / curvature;
            columns.push(column.iter().map(|value| value * woe_scale).collect());
        }
        let blocks = if encoded.is_empty() { 2.0 } else { 3.0 };
        Self { columns, penalty, parties, woe_scale, blocks }
    }

    /// Weights, intercept and passes.
    fn run(&self, data: &Data) -> (Vec<f64>, f64, usize) {
        let (training, rows) = (data.training_rows(), data.labels.len());
        let patience = data.settings.early_stopping.unwrap().patience;
        let curvature = match data.weights {
            Some(_) => 4.0 * training as f64 / training.next_power_of_two() as f64,
            None => 1.0,
        };
        let inverse_step = 0.75 * curvature * self.blocks;
        let mut path = vec![vec![0.0; self.columns.len()]];
        let mut ahead = path[0].clone();
        let mut risen = 0;
        loop {
            let pass = path.len() - 1;
            let penalty = self.penalty.iter().map(|row| product(row, &ahead));
            let step: Vec<f64> = (self.gradient(data, &ahead, 0..training).into_iter())
                .zip(penalty)
                .map(|(slope, penalty)| (slope + penalty) / inverse_step)
                .collect();
            let next = difference(&ahead, &step);
            let moved = difference(&next, &path[pass]);
            let held_out = self.gradient(data, &ahead, training..rows);
            risen = if product(&held_out, &moved) > 0.0 { risen + 1 } else { 0 };
            let momentum = (19.0 / 21.0_f64).min(pass as f64 / (pass as f64 + 3.0));
            let push = if product(&step, &moved) > 0.0 { 0.0 } else { momentum };
            ahead = next.iter().zip(&moved).map(|(next, moved)| next + push * moved).collect();
            path.push(next);
            let small = product(&step, &step).sqrt() * inverse_step <= data.settings.tolerance;
            if risen == patience || small || path.len() > data.settings.passes_max {
                let back = if risen == patience { patience } else { 0 };
                let (weights, intercept) = self.coefficients(&path[path.len() - 1 - back]);
                return (weights, intercept, path.len() - 1);
            }
        }
    }

    /// The gradient of the mean loss of some rows.
    fn gradient(&self, data: &Data, at: &[f64], rows: std::ops::Range<usize>) -> Vec<f64> {
        let weight = |row: usize| data.weights.as_ref().map_or(1.0, |weights| weights[row]);
        let total: f64 = rows.clone().map(weight).sum();
        let residual = |row: usize| {
            let score: f64 = self.columns.iter().zip(at).map(|(column, v)| column[row] * v).sum();
            weight(row) * (sigmoid(score) - f64::from(data.labels[row])) / total
        };
        let residuals: Vec<f64> = rows.clone().map(residual).collect();
        self.columns.iter().map(|column| product(&column[rows.clone()], &residuals)).collect()
    }

    fn coefficients(&self, variables: &[f64]) -> (Vec<f64>, f64) {
        let [guest, host] = &self.parties;
        let (own, rest) = variables.split_at(guest.width());
        let (theirs, woe) = rest.split_at(host.width());
        let mut weights = guest.coefficients(own);
        let theirs = host.coefficients(theirs);
        let intercept = weights.pop().unwrap() + host.offset(&theirs);
        weights.extend(theirs);
        weights.extend(woe.iter().map(|value| value * self.woe_scale));
        (weights, intercept)
    }
}

fn product(left: &[f64], right: &[f64]) -> f64 {
    left.iter().zip(right).map(|(left, right)| left * right).sum()
}

fn difference(left: &[f64], right: &[f64]) -> Vec<f64> {
    left.iter().zip(right).map(|(left, right)| left - right).collect()
}

fn distance(left: &[f64], right: &[f64]) -> f64 {
    assert_eq!(left.len(), right.len());
    left.iter().zip(right).map(|(left, right)| (left - right).abs()).fold(0.0, f64::max)
}

/// Both runs stop early, at the same pass, with the same coefficients, away from the optimum.
fn assert_stops_like_the_reference(data: &Data) {
    let reference = Reference::new(data);
    let (expected, expected_intercept, passes) = reference.run(data);
    let (weights, intercept, found, converged) = train_jointly(data);
    assert!(converged && found.abs_diff(passes) <= 1, "{found} passes for {passes}");
    let worst = distance(&weights, &expected).max((intercept - expected_intercept).abs());
    assert!(worst < 1e-3, "{weights:?} {intercept} for {expected:?} {expected_intercept}");
    let never = EarlyStopping { patience: 1000, ..data.settings.early_stopping.unwrap() };
    let settings = Settings { early_stopping: Some(never), ..data.settings.clone() };
    let (optimum, _, longest) = reference.run(&Data { settings, ..data.clone() });
    assert!(passes + 3 < longest, "{passes} of {longest} passes");
    assert!(distance(&weights, &optimum) > 0.01, "{weights:?} {optimum:?}");
}

#[test]
fn correct() {
    assert_stops_like_the_reference(&Data::new(130, 90, 8, 3));
}

#[test]
fn correct_with_weights() {
    let mut data = Data::new(140, 70, 9, 2);
    data.weights = Some((0..210).map(|row| 0.5 + f64::from(row % 3) * 0.25).collect());
    assert_stops_like_the_reference(&data);
}

#[test]
fn correct_with_weight_of_evidence() {
    assert_stops_like_the_reference(&Data::new(130, 90, 7, 3).with_woe());
}

/// A patience that never ends leaves the optimum of the training rows.
#[test]
fn correct_without_a_reason_to_stop() {
    let mut data = Data::new(300, 60, 3, 400);
    data.settings.l2 = 0.05;
    let (weights, intercept, passes, converged) = train_jointly(&data);
    assert!(converged && passes < 400);
    let training: Vec<Vec<f64>> =
        (data.guest.iter().chain(&data.host)).map(|column| column[..300].to_vec()).collect();
    let settings = local::Settings { l2: 0.05, ..Default::default() };
    let optimum = local::fit(&slices(&training), &data.labels[..300], None, settings).unwrap();
    assert!(distance(&weights, &optimum.weights) < 1e-3, "{weights:?} {optimum:?}");
    assert!((intercept - optimum.intercept).abs() < 1e-3);
}

#[test]
fn passes_that_run_out_leave_the_last_coefficients() {
    let mut data = Data::new(130, 90, 8, 3);
    data.settings.passes_max = 2;
    let (expected, _, _) = Reference::new(&data).run(&data);
    let (weights, _, passes, converged) = train_jointly(&data);
    assert_eq!((passes, converged), (2, false));
    assert!(distance(&weights, &expected) < 1e-3);
}

/// The shared count against one in the clear, with patience of one pass and beyond a word of bits.
#[test]
fn correct_count_of_passes() {
    for (patience, until) in [(1, 2), (3, 9), (70, 145)] {
        // The last rise begins `patience` passes before the end; an earlier one is too short.
        let uphill = |pass: usize| pass > until - patience || (patience > 2 && pass < patience);
        let side = async |session: Session| {
            let ledger = Arc::new(Ledger::new(DISCLOSURES));
            let mut party = TwoParty::setup(session, ledger).await.unwrap();
            let mut counted = Patience::new(patience);
            let mut rng = crypto::random::Generator::from_seed([9; 32]);
            for pass in 1..=until {
                let mask = rng.next_u64() & 1;
                let bit = u64::from(uphill(pass));
                let share = if party.is_first() { mask } else { bit ^ mask };
                let before = vec![if party.is_first() { 10 * pass as u64 } else { 0 }];
                let stop = counted.judge(&mut party, before, share, 0).await.unwrap();
                let stop = open_bit(&mut party, "train.stop", stop).await.unwrap();
                assert_eq!(stop, pass == until, "pass {pass} with patience {patience}");
            }
            let chosen = counted.choose(&mut party, &[7]).await.unwrap();
            let key = "model.own_coefficients";
            learn(&mut party, key, mpc::reveal::Learner::First, &chosen).await.unwrap()
        };
        let outcome = world::pair(6, side, side);
        let kept = 10 * (until - patience + 1) as u64;
        assert_eq!(outcome.first, Some(vec![kept]), "patience {patience}");
    }
}

/// Two passes over 64 training rows and 16 for validation, with two columns each.
fn short() -> Data {
    let mut data = Data::new(64, 16, 2, 2);
    data.settings.passes_max = 2;
    data
}

#[test]
fn known_answer() {
    let data = short();
    let side = async |session| play(session, &data).await.unwrap();
    let outcome = world::pair(2, side, side);
    assert_eq!(
        outcome.transcript.hash(),
        "819550dd888c1a79d893b0bcfcd6753428ec15d065012531b794d10d89a78174"
    );
}

/// What a pass costs more than one without early stopping over the same rows.
#[test]
fn cost() {
    const SHORT: u64 = 116 * 1024;
    let transcript = |passes_max, stops_early: bool| {
        let mut data = short();
        data.settings.passes_max = passes_max;
        data.settings.early_stopping = data.settings.early_stopping.filter(|_| stops_early);
        let side = async |session| play(session, &data).await.unwrap();
        world::pair(3, side, side).transcript
    };
    let [early, plain] = [true, false].map(|early| [1, 2].map(|passes| transcript(passes, early)));
    let more = |[one, two]: &[world::Transcript; 2], side, step: &str| {
        two.bytes_of(side, step) - one.bytes_of(side, step)
    };
    for (side, theirs) in [(Side::First, 2), (Side::Second, 3)] {
        let residuals = SHORT + ((80 + theirs) * 150_u64).div_ceil(8);
        assert_eq!(more(&plain, side, "residuals"), residuals);
        assert_eq!(more(&early, side, "residuals"), 2 * residuals);
        for step in ["weights", "scores", "opened_bit"] {
            assert_eq!(more(&early, side, step), more(&plain, side, step));
        }
        assert_eq!(early[0].bytes_of(side, "early_stopping"), 24);
    }
    let flights = |[one, two]: &[world::Transcript; 2]| two.rounds() - one.rounds();
    assert_eq!((flights(&plain), flights(&early)), (29, 36));
}

#[test]
fn tampered_rule_is_named() {
    let data = short();
    let side = async |session| play(session, &data).await;
    for occurrence in 0..2 {
        let (path_step, from) =
            ("early_stopping".to_owned(), [Side::First, Side::Second][occurrence]);
        let kind = FaultKind::replace(|bytes| bytes.iter().map(|byte| byte ^ 1).collect());
        let outcome =
            pair_with_fault(4, Fault { path_step, occurrence: 0, kind, from }, side, side);
        let victim = [outcome.second, outcome.first].into_iter().nth(occurrence).unwrap();
        let text = victim.unwrap_err().to_string();
        assert!(text.contains("early_stopping"), "{text}");
    }
}

#[test]
fn peer_drops() {
    let data = short();
    let side = async |session| play(session, &data).await;
    for step in ["early_stopping", "triple_bits", "masked_bits"] {
        let (path_step, kind, from) = (step.to_owned(), FaultKind::Close, Side::Second);
        let fault = Fault { path_step, occurrence: 0, kind, from };
        let outcome = pair_with_fault(5, fault, side, side);
        for result in [outcome.first, outcome.second] {
            assert!(matches!(result, Err(ModelError::Secure(_))), "{step}: {result:?}");
        }
    }
}

#[test]
fn rows_and_patience_that_do_not_fit_are_refused() {
    for (patience, validation_rows) in [(0, 16), (2, 0), (2, 17), (2, 81)] {
        let mut data = short();
        data.settings.early_stopping = Some(EarlyStopping { patience, validation_rows });
        let side = async |session| play(session, &data).await;
        let outcome = world::pair(2, side, side);
        for result in [outcome.first, outcome.second] {
            assert!(matches!(result, Err(ModelError::InvalidInput(_))), "{result:?}");
        }
    }
}
