use std::sync::Arc;

use mpc::reveal::Ledger;
use net::Session;
use world::{Fault, FaultKind, Side, pair_with_fault};

use super::super::{Coefficients, Labels, Settings, train_with_levels};
use super::*;
use crate::levels::NO_LEVEL;
use crate::local::logistic_regression::{LevelsFit, fit_with_levels};
use crate::vertical::course::Course;

const DISCLOSURES: [&str; 4] =
    ["train.stop", "model.own_coefficients", "train.weighted", "train.levels"];

/// A table with a plain column of each party, a category of the host and perhaps one of the guest.
struct Data {
    guest: Vec<f64>,
    host: Vec<f64>,
    guest_levels: Vec<u32>,
    host_levels: Vec<u32>,
    labels: Vec<u8>,
    weights: Option<Vec<f64>>,
    counts: [usize; 2],
}

/// Level l has a share of the rows like 1/(l + 1), and the label depends on it.
fn data(rows: usize, counts: [usize; 2]) -> Data {
    let mut rng = crypto::random::Generator::from_seed([rows as u8; 32]);
    let mut normal = || {
        let sum: f64 = (0..12).map(|_| rng.next_u64() as f64 / u64::MAX as f64).sum();
        sum - 6.0
    };
    let guest: Vec<f64> = (0..rows).map(|_| normal()).collect();
    let host: Vec<f64> = guest.iter().map(|it| 0.5 * it + normal()).collect();
    let mut level = |row: usize, count: usize| {
        // Every level has a row, and some rows have none.
        if row < count {
            return row as u32;
        }
        let exponent = rng.below(1 << 20) as f64 / f64::from(1 << 20);
        let level = ((count as f64 + 1.0).powf(exponent) - 1.0) as u32;
        if rng.below(20) == 0 { NO_LEVEL } else { level }
    };
    let [guest_levels, host_levels] =
        counts.map(|count| (0..rows).map(|row| level(row, count)).collect::<Vec<u32>>());
    let effect = |level: u32| if level == NO_LEVEL { 0.0 } else { f64::from(level % 5) - 2.0 };
    let labels = (0..rows)
        .map(|row| {
            let levels = effect(guest_levels[row]) + effect(host_levels[row]);
            u8::from(guest[row] - host[row] + levels + f64::from(row as u32 % 7) - 3.0 > 0.5)
        })
        .collect();
    Data { guest, host, guest_levels, host_levels, labels, weights: None, counts }
}

const LEVEL_ROWS: f64 = 10.0;

async fn play(
    session: Session,
    data: &Data,
    settings: &Settings,
) -> Result<(Coefficients, Vec<Vec<f64>>), ModelError> {
    let ledger = Arc::new(Ledger::new(DISCLOSURES));
    let mut party = TwoParty::setup(session, ledger).await?;
    let guest = party.is_first();
    let (column, of_rows, count) = if guest {
        (&data.guest, &data.guest_levels, data.counts[0])
    } else {
        (&data.host, &data.host_levels, data.counts[1])
    };
    let category = [LevelColumn { of_rows, count }];
    let columns = if count > 0 { &category[..] } else { &[] };
    let levels = LevelColumns { columns, level_rows: LEVEL_ROWS };
    let values = &data.labels;
    let labels = guest.then_some(Labels { values, weights: data.weights.as_deref() });
    let columns = [column.as_slice()];
    train_with_levels(&mut party, &columns, levels, labels, settings, Course::default()).await
}

fn optimum(data: &Data, settings: &Settings) -> LevelsFit {
    let all = [(&data.guest_levels, data.counts[0]), (&data.host_levels, data.counts[1])];
    let categories: Vec<LevelColumn<'_>> = all
        .into_iter()
        .filter(|(_, count)| *count > 0)
        .map(|(of_rows, count)| LevelColumn { of_rows, count })
        .collect();
    let levels = LevelColumns { columns: &categories, level_rows: LEVEL_ROWS };
    let columns = [data.guest.as_slice(), &data.host];
    let weights = data.weights.as_deref();
    fit_with_levels(&columns, levels, &data.labels, weights, settings.l2).unwrap()
}

fn assert_optimal(data: &Data) {
    let settings = Settings::default();
    let side = async |session| play(session, data, &settings).await.unwrap();
    let outcome = world::pair(1, side, side);
    let ((guest, guest_levels), (host, host_levels)) = (outcome.first, outcome.second);
    assert!(guest.converged && host.converged);
    let expected = optimum(data, &settings);
    let found = [guest.weights, host.weights, guest_levels.concat(), host_levels.concat()].concat();
    let wanted = [expected.fit.weights, expected.levels.concat()].concat();
    assert_eq!(found.len(), wanted.len());
    let worst = found.iter().zip(&wanted).map(|(x, y)| (x - y).abs()).fold(0.0, f64::max);
    let intercept = (guest.intercept + host.intercept - expected.fit.intercept).abs();
    assert!(worst < 3e-3 && intercept < 3e-3, "{worst} {intercept} {}", guest.passes);
    assert!(guest.passes < 150, "{}", guest.passes);
    assert!(wanted.iter().any(|weight| weight.abs() > 0.5));
}

/// The optimum is the one on pooled data, and so the one on columns of 0 and 1 (`models::local`).
#[test]
fn the_optimum_of_pooled_levels_is_reached() {
    assert_optimal(&data(2000, [0, 60]));
}

#[test]
fn both_parties_may_have_levels_and_rows_may_have_weights() {
    let mut data = data(1500, [20, 33]);
    data.weights = Some((0..1500).map(|row| 0.5 + f64::from(row % 3) / 2.0).collect());
    assert_optimal(&data);
}

/// What a pass sends for a category beside what it sends without: words to the owner.
#[test]
fn a_pass_costs_words_for_each_switch_and_level() {
    let transcript = |passes_max| {
        let (data, settings) = (data(100, [0, 10]), Settings { passes_max, ..Settings::default() });
        let side = async |session| play(session, &data, &settings).await.map(|_| ());
        world::pair(2, side, side).transcript
    };
    let (one, two) = (transcript(1), transcript(2));
    let more = |side, step| two.bytes_of(side, step) - one.bytes_of(side, step);
    let switches = one.bytes_of(Side::First, "indicator_words") / 2;
    assert!(switches > 5 * 101 * 5);
    assert_eq!(more(Side::First, "indicator_words"), 2 * switches);
    assert_eq!(more(Side::First, "scale_words"), 2 * 10 * 3 * 8);
    assert_eq!(more(Side::Second, "indicator_words"), 0);
    assert_eq!(one.bytes_of(Side::First, "level_shape"), 8 * SHAPE_WORDS as u64);
}

#[test]
fn what_the_peer_says_of_its_levels_is_checked() {
    let (data, settings) = (data(100, [0, 10]), Settings::default());
    let side = async |session| play(session, &data, &settings).await.map(|_| ());
    // Rows, the penalty, a number that is not rounded, too many levels, more than rows, a gap.
    for (word, value) in [(0, 99_u64), (1, 1), (2, 33), (2, 1 << 20), (2, 128), (3, 5)] {
        let replace = move |bytes: &[u8]| {
            let mut bytes = bytes.to_vec();
            bytes[8 * word..][..8].copy_from_slice(&value.to_le_bytes());
            bytes
        };
        let kind = FaultKind::replace(replace);
        let fault = Fault { path_step: SHAPE.to_owned(), occurrence: 0, kind, from: Side::First };
        let outcome = pair_with_fault(3, fault, side, side);
        assert!(matches!(outcome.second, Err(ModelError::Secure(_))), "{:?}", outcome.second);
    }
}

#[test]
fn what_does_not_go_with_levels_is_refused() {
    let data = data(100, [0, 10]);
    for settings in [
        Settings { l1: 0.1, ..Settings::default() },
        Settings { standard_errors: true, ..Settings::default() },
    ] {
        let side = async |session| play(session, &data, &settings).await.map(|_| ());
        let outcome = world::pair(4, side, side);
        for result in [outcome.first, outcome.second] {
            assert!(matches!(result, Err(ModelError::InvalidInput(_))), "{result:?}");
        }
    }
}

/// In the units of the variables every curvature is at most 1, and more than 1/4 below the limit.
#[test]
fn powers_even_curvatures_out() {
    let of_rows: Vec<u32> = (1..=100_000_u32).map(u32::ilog2).collect();

    let column = LevelColumn { of_rows: &of_rows, count: 17 };
    for (power, count) in powers(&column, 20.0, of_rows.len()).iter().zip(column.counts()) {
        let curvature = 4_f64.powi(i32::from(*power)) * (count as f64 + 20.0) / 4.0 / 100_000.0;
        assert!(curvature <= 1.0 && (curvature > 0.25 || *power == 7), "{power} {count}");
    }
}
