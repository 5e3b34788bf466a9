use std::sync::Arc;

use mpc::reveal::Ledger;
use net::Session;
use world::{Fault, FaultKind, Side, Transcript, pair_with_fault};

use super::*;
use crate::family::Family;
use crate::levels::NO_LEVEL;
use crate::local::generalized_linear::{self as local, LevelsFit};
use crate::vertical::generalized_linear::{self as numbers, LabelScale, Targets};
use crate::vertical::logistic_regression::{self as logistic, Coefficients, Labels};

const DISCLOSURES: [&str; 5] =
    ["train.stop", "model.own_coefficients", "train.weighted", "train.label_scale", "train.levels"];

/// A table with a plain column of each party, a category of the host and perhaps one of the guest.
struct Data {
    guest: Vec<f64>,
    host: Vec<f64>,
    guest_levels: Vec<u32>,
    host_levels: Vec<u32>,
    family: Family,
    targets: Vec<f64>,
    weights: Option<Vec<f64>>,
    offsets: Option<Vec<f64>>,
    counts: [usize; 2],
}

/// Level l has a share of the rows like 1/(l + 1), some have one row only, and the target depends
/// on it. Targets other than labels are about `unit` large.
fn data(rows: usize, counts: [usize; 2], family: Family, unit: f64) -> Data {
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
    let target = |row: usize| {
        let levels = effect(guest_levels[row]) + effect(host_levels[row]);
        let noise = f64::from(row as u32 % 7) - 3.0;
        let score = guest[row] - host[row] + levels;
        let mean = unit * (0.4 * score + 0.2 * noise).exp();
        match family {
            Family::Binomial => f64::from(u8::from(score + noise > 0.5)),
            Family::Gaussian => unit * (score + noise),
            Family::Poisson => mean.round(),
            Family::Tweedie { .. } if row.is_multiple_of(3) => 0.0,
            Family::Gamma | Family::Tweedie { .. } => mean,
        }
    };
    let targets = (0..rows).map(target).collect();
    let (weights, offsets) = (None, None);
    Data { guest, host, guest_levels, host_levels, family, targets, weights, offsets, counts }
}

/// With row weights from 1/2 to 3/2, and offsets of numbers.
fn weighted(mut data: Data) -> Data {
    let rows = data.targets.len() as u32;
    data.weights = Some((0..rows).map(|row| 0.5 + f64::from(row % 3) / 2.0).collect());
    if data.family != Family::Binomial {
        data.offsets = Some((0..rows).map(|row| 3.0 + f64::from(row % 4) * 0.2).collect());
    }
    data
}

const LEVEL_ROWS: f64 = 10.0;

type Trained = (Coefficients, Vec<Vec<f64>>);

/// One side of a training after which the rounds that were made are at most `passes_max`.
async fn play(session: Session, data: &Data, passes_max: usize) -> Result<Trained, ModelError> {
    let settings = numbers::Settings { passes_max, ..numbers::Settings::default() };
    play_with(session, data, &settings).await
}

async fn play_with(
    session: Session,
    data: &Data,
    settings: &numbers::Settings,
) -> Result<Trained, ModelError> {
    let ledger = Arc::new(Ledger::new(DISCLOSURES));
    let mut party = TwoParty::setup(session, ledger).await?;
    let guest = party.is_first();
    let (column, of_rows, count) = if guest {
        (&data.guest, &data.guest_levels, data.counts[0])
    } else {
        (&data.host, &data.host_levels, data.counts[1])
    };
    let category = [LevelColumn { of_rows, count }];
    let categories = if count > 0 { &category[..] } else { &[] };
    let levels = LevelColumns { columns: categories, level_rows: LEVEL_ROWS };
    let (columns, course) = ([column.as_slice()], Course::default());
    let (weights, values) = (data.weights.as_deref(), &data.targets[..]);
    if data.family == Family::Binomial {
        let &numbers::Settings { l2, l1, passes_max, tolerance, standard_errors } = settings;
        let early_stopping = None;
        let settings = Settings { l2, l1, passes_max, tolerance, early_stopping, standard_errors };
        let values: Vec<u8> = values.iter().map(|target| *target as u8).collect();
        let labels = guest.then_some(Labels { values: &values, weights });
        return logistic::train_with_levels(
            &mut party, &columns, levels, labels, &settings, course,
        )
        .await;
    }
    let offsets = data.offsets.as_deref();
    let targets = guest.then_some(Targets { values, weights, offsets });
    let own = (&columns[..], levels);
    numbers::train_with_levels(&mut party, own, targets, data.family, settings, course).await
}

/// The optimum on pooled data.
fn optimum(data: &Data) -> LevelsFit {
    let all = [(&data.guest_levels, data.counts[0]), (&data.host_levels, data.counts[1])];
    let categories: Vec<LevelColumn<'_>> = all
        .into_iter()
        .filter(|(_, count)| *count > 0)
        .map(|(of_rows, count)| LevelColumn { of_rows, count })
        .collect();
    let levels = LevelColumns { columns: &categories, level_rows: LEVEL_ROWS };
    let columns = [data.guest.as_slice(), &data.host];
    let (values, weights) = (&data.targets[..], data.weights.as_deref());
    let offsets = data.offsets.as_deref();
    let rows = local::Data { columns: &columns, targets: values, weights, offsets };
    let curvature = if data.family == Family::Binomial {
        0.25
    } else {
        let targets = Targets { values, weights, offsets };
        numbers::level_curvature(data.family, LabelScale::of(targets, data.family).unwrap())
    };
    let l2 = Settings::default().l2;
    local::fit_with_levels(&rows, (levels, curvature), data.family, l2).unwrap()
}

/// All coefficients are within `bound` of the optimum, in units of the target's deviation where it
/// is the unit of the predictor.
fn assert_optimal(data: &Data, unit: f64, bound: f64) {
    let side = async |session| play(session, data, 500).await.unwrap();
    let outcome = world::pair(1, side, side);
    let ((guest, guest_levels), (host, host_levels)) = (outcome.first, outcome.second);
    let family = data.family;
    assert!(guest.converged && host.converged, "{family:?} {}", guest.passes);
    let expected = optimum(data);
    let found = [guest.weights, host.weights, guest_levels.concat(), host_levels.concat()].concat();
    let wanted = [expected.fit.weights, expected.levels.concat()].concat();
    assert_eq!(found.len(), wanted.len());
    let worst = found.iter().zip(&wanted).map(|(x, y)| (x - y).abs()).fold(0.0, f64::max) / unit;
    let intercept = (guest.intercept + host.intercept - expected.fit.intercept).abs() / unit;
    assert!(worst < bound && intercept < bound, "{family:?}: {worst} {intercept} {}", guest.passes);
    assert!(guest.passes < 150, "{family:?}: {}", guest.passes);
    assert!(wanted.iter().any(|weight| weight.abs() > 0.5 * unit), "{family:?} {wanted:?}");
}

/// The optimum is the one on pooled data, and so the one on columns of 0 and 1 (`models::local`).
#[test]
fn correct_for_labels() {
    assert_optimal(&data(2000, [0, 60], Family::Binomial, 1.0), 1.0, 3e-3);
    assert_optimal(&weighted(data(1500, [20, 33], Family::Binomial, 1.0)), 1.0, 3e-3);
}

#[test]
fn correct_for_a_squared_loss() {
    assert_optimal(&weighted(data(700, [9, 33], Family::Gaussian, 1e3)), 1e3, 3e-3);
}

#[test]
fn correct_for_counts() {
    assert_optimal(&weighted(data(700, [9, 33], Family::Poisson, 3.0)), 1.0, 3e-3);
}

#[test]
fn correct_for_amounts() {
    assert_optimal(&data(500, [0, 33], Family::Gamma, 3e5), 1.0, 3e-3);
    assert_optimal(&data(500, [0, 33], Family::Tweedie { power: 1.5 }, 300.0), 1.0, 3e-3);
}

/// So many levels that steps are compared by sketches, most of a single row.
#[test]
fn correct_for_more_levels_than_a_sketch_has_sums() {
    assert_optimal(&data(500, [0, 300], Family::Poisson, 2.0), 1.0, 3e-3);
}

fn transcript(family: Family, passes: usize) -> Transcript {
    let data = data(100, [0, 10], family, 1.0);
    let side = async |session| play(session, &data, passes).await.map(|_| ());
    world::pair(2, side, side).transcript
}

#[test]
fn known_answer() {
    let expected = "d3514edad8cbd930d1e7589e1990d1fb77cc74509986a8cce601cf2ef6f965cb";
    assert_eq!(transcript(Family::Poisson, 2).hash(), expected);
}

/// What a pass sends for a category beside what it sends without: words to the owner.
#[test]
fn cost_of_a_pass_is_words_for_each_switch_and_level() {
    for family in [Family::Binomial, Family::Poisson] {
        let (one, two) = (transcript(family, 1), transcript(family, 2));
        let more = |side, step| two.bytes_of(side, step) - one.bytes_of(side, step);
        let words = one.bytes_of(Side::First, "indicator_words");
        assert!(words > 2 * 5 * 101 * 5);
        assert_eq!(more(Side::First, "indicator_words"), words);
        assert_eq!(more(Side::First, "scale_words"), 2 * 10 * 3 * 8);
        assert_eq!(more(Side::Second, "indicator_words"), 0);
        assert_eq!(one.bytes_of(Side::First, "level_shape"), 8 * SHAPE_WORDS as u64);
    }
}

#[test]
fn tampered_shapes_are_noticed() {
    let data = data(100, [0, 10], Family::Poisson, 1.0);
    let side = async |session| play(session, &data, 500).await.map(|_| ());
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
    // Lengths that nothing has.
    for (step, length) in [(SHAPE, 8 * SHAPE_WORDS - 8), ("indicator_words", 7), ("scale_words", 0)]
    {
        let kind = FaultKind::replace(move |_| vec![0; length]);
        let fault = Fault { path_step: step.to_owned(), occurrence: 0, kind, from: Side::First };
        let outcome = pair_with_fault(3, fault, side, side);
        assert!(matches!(outcome.second, Err(ModelError::Secure(_))), "{:?}", outcome.second);
    }
}

#[test]
fn peer_drops() {
    let data = data(100, [0, 10], Family::Poisson, 1.0);
    let side = async |session| play(session, &data, 1).await.map(|_| ());
    let (path_step, kind) = (SHAPE.to_owned(), FaultKind::Close);
    let fault = Fault { path_step, occurrence: 0, kind, from: Side::Second };
    let outcome = pair_with_fault(5, fault, side, side);
    for result in [outcome.first, outcome.second] {
        assert!(matches!(result, Err(ModelError::Secure(_))), "{result:?}");
    }
}

#[test]
fn what_does_not_go_with_levels_is_refused() {
    for family in [Family::Binomial, Family::Gamma] {
        let data = data(100, [0, 10], family, 1.0);
        for settings in [
            numbers::Settings { l1: 0.1, ..numbers::Settings::default() },
            numbers::Settings { standard_errors: true, ..numbers::Settings::default() },
        ] {
            let side = async |session| play_with(session, &data, &settings).await.map(|_| ());
            let outcome = world::pair(4, side, side);
            for result in [outcome.first, outcome.second] {
                assert!(matches!(result, Err(ModelError::InvalidInput(_))), "{result:?}");
            }
        }
    }
}

/// In the units of the variables every curvature is at most 1, and more than 1/4 below the limit.
#[test]
fn powers_even_curvatures_out() {
    let of_rows: Vec<u32> = (1..=100_000_u32).map(u32::ilog2).collect();
    let column = LevelColumn { of_rows: &of_rows, count: 17 };
    for steepness in [0.25, 1.0] {
        let of_row = steepness / of_rows.len() as f64;
        for (power, count) in powers(&column, 20.0 * of_row, of_row).iter().zip(column.counts()) {
            let curvature = 4_f64.powi(i32::from(*power)) * (count as f64 + 20.0) * of_row;
            assert!(curvature <= 1.0 && (curvature > 0.25 || *power == 7), "{power} {count}");
        }
    }
}

/// For every loss and number of rows the largest sum fits, residuals keep enough of their bits, and
/// what is left can be cut to the gradient's.
#[test]
fn sums_fit_their_words() {
    for (residual_bits, mean_bits) in [(30, 0), (30, 4), (22, 10)] {
        let loss = Loss { steepness: 1.0, residual_bits, mean_bits };
        for log_rows in 6..=20 {
            let Sums { word_bits, low, bits } = loss.sums(log_rows);
            let largest = residual_bits + log_rows + mean_bits - low;
            assert!(largest + SUM_MARGIN <= word_bits && low <= 64 - word_bits, "{log_rows}");
            assert!(low + ROUNDING_BITS <= residual_bits, "{log_rows}");
            assert!((GRADIENT_BITS..=60).contains(&bits) && bits + mean_bits <= 60);
        }
    }
}
