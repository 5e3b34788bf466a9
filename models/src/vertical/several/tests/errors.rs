//! Standard errors among several parties.

use super::numbers::{Known, amounts};
use super::*;
use crate::family::Family;
use crate::local::generalized_linear as pooled;
use crate::vertical::course::Start;
use crate::vertical::generalized_linear as linear;
use crate::vertical::several::generalized_linear;

/// Guest's and hosts' columns, the latter without their means.
fn centred(data: &Data) -> Vec<Vec<f64>> {
    let of_hosts = data.columns[1..].iter().flatten().map(|column| {
        let mean = column.iter().sum::<f64>() / column.len() as f64;
        column.iter().map(|value| value - mean).collect()
    });
    data.columns[0].iter().cloned().chain(of_hosts).collect()
}

/// Training that begins with `starts`, takes few passes and ends with standard errors.
async fn play_with_errors(
    (number, sessions): (usize, Vec<Session>),
    data: &Data,
    (known, family): (&Known, Family),
    l2: f64,
    starts: Option<&[Start]>,
) -> (Result<Coefficients, ModelError>, Vec<Observation>) {
    let ledger = Arc::new(Ledger::new(DISCLOSURES));
    let mut parties = Parties::setup(sessions, Arc::clone(&ledger)).await.unwrap();
    let columns = slices(&data.columns[number]);
    let start = starts.map(|starts| vec![starts[number].clone()]);
    let course = Course { start, ..Course::default() };
    let (passes_max, standard_errors) = (2, true);
    let result = if family == Family::Binomial {
        let weights = known.weights.as_deref();
        let labels = (number == 0).then_some(Labels { values: &data.labels, weights });
        let settings = Settings { l2, passes_max, standard_errors, ..Settings::default() };
        train(&mut parties, &columns, labels, &settings, course).await
    } else {
        let targets = (number == 0).then(|| known.targets());
        let settings =
            linear::Settings { l2, passes_max, standard_errors, ..linear::Settings::default() };
        generalized_linear::train(&mut parties, &columns, targets, family, &settings, course).await
    };
    (result, ledger.observed())
}

/// The largest relative error of a standard error beside those of the pooled optimum, where
/// training begins.
fn worst(data: &Data, known: &Known, family: Family, l2: f64) -> f64 {
    let columns = centred(data);
    let columns = slices(&columns);
    let linear::Targets { values, weights, offsets } = known.targets();
    // The reference takes weights as they are, not relative to their mean.
    let relative = weights.map(|weights| {
        let mean = weights.iter().sum::<f64>() / weights.len() as f64;
        weights.iter().map(|weight| weight / mean).collect::<Vec<f64>>()
    });
    let weights = relative.as_deref();
    let labels: Vec<f64> = data.labels.iter().map(|label| f64::from(*label)).collect();
    let targets = if family == Family::Binomial { &labels } else { values };
    let rows = pooled::Data { columns: &columns, targets, weights, offsets };
    let settings = pooled::Settings { l2, gradient_tolerance: 1e-6, ..Default::default() };
    let fit = pooled::fit(&rows, family, settings).unwrap();
    let expected = pooled::standard_errors(&fit, &rows, family, settings).unwrap();
    let mut rest = fit.weights.iter().copied();
    let start = |(number, columns): (usize, &Vec<Vec<f64>>)| Start {
        weights: rest.by_ref().take(columns.len()).collect(),
        intercept: if number == 0 { fit.intercept } else { 0.0 },
    };
    let starts: Vec<Start> = data.columns.iter().enumerate().map(start).collect();
    let role = async |number, sessions| {
        play_with_errors((number, sessions), data, (known, family), l2, Some(&starts)).await
    };
    let results = mesh(7, data.columns.len(), role).results;
    let (mut found, mut of_intercept) = (Vec::new(), None);
    for (number, (result, observed)) in results.into_iter().enumerate() {
        let errors = result.unwrap().standard_errors.unwrap();
        assert_eq!(errors.intercept.is_some(), number == 0);
        found.extend(errors.weights);
        of_intercept = of_intercept.or(errors.intercept);
        assert_opened(&observed, data);
    }
    let expected = expected.weights.iter().chain([&expected.intercept]);
    let errors = found.iter().chain(&of_intercept).zip(expected);
    errors.map(|(found, expected)| (found / expected - 1.0).abs()).fold(0.0, f64::max)
}

/// To each party the variances of its own coefficients, and to all one bit.
fn assert_opened(observed: &[Observation], data: &Data) {
    let own = |key: &str| -> Vec<(String, u64)> {
        let of_key = observed.iter().filter(|it| it.key == key);
        of_key.map(|it| (it.to.clone(), it.count)).collect()
    };
    assert_eq!(own("train.collinear"), [("all".to_owned(), 1)]);
    let widths = data.columns.iter().enumerate();
    let expected: Vec<(String, u64)> = widths
        .map(|(number, columns)| {
            let of_intercept = usize::from(number == 0);
            (format!("party.{number}"), (columns.len() + of_intercept) as u64)
        })
        .collect();
    assert_eq!(own("model.standard_errors"), expected);
    assert_eq!(own("model.own_coefficients"), expected);
}

#[test]
fn correct_errors_of_probabilities() {
    let data = data(300, &[2, 1, 2]);
    let weights = Some((0..300).map(|row| 5.0 + f64::from(row % 3) * 2.5).collect());
    let known = Known { weights, ..Known::scores(&data) };
    let worst = worst(&data, &known, Family::Binomial, 0.05);
    assert!(worst < 1e-3, "{worst:e}");
}

#[test]
fn correct_errors_of_numbers() {
    let data = data(200, &[1, 2, 1]);
    let worst = worst(&data, &Known::scores(&data), Family::Gaussian, 0.0);
    assert!(worst < 1e-3, "{worst:e}");
}

#[test]
fn correct_errors_of_counts_and_amounts() {
    let data = data(150, &[1, 1, 1]);
    let known = amounts(&data);
    let counts = Known {
        values: known.values.iter().map(|value| value.floor()).collect(),
        ..amounts(&data)
    };
    for (known, family) in [
        (&counts, Family::Poisson),
        (&known, Family::Gamma),
        (&known, Family::Tweedie { power: 1.5 }),
    ] {
        let worst = worst(&data, known, family, 0.0);
        assert!(worst < 2e-3, "{family:?}: {worst:e}");
    }
}

#[test]
fn correct_errors_with_four_parties() {
    let data = data(100, &[1, 1, 1, 1]);
    let worst = worst(&data, &Known::scores(&data), Family::Binomial, 0.01);
    assert!(worst < 5e-3, "{worst:e}");
}

/// Flights for one coefficient more, between three parties.
#[test]
fn cost_in_flights() {
    let flights = |widths: &[usize]| {
        let data = data(64, widths);
        let known = Known::scores(&data);
        let role = async |number, sessions| {
            let model = (&known, Family::Gaussian);
            play_with_errors((number, sessions), &data, model, 0.1, None).await.0.unwrap()
        };
        mesh(9, 3, role).transcripts.values().map(world::Transcript::rounds).max()
    };
    assert_eq!(flights(&[1, 1, 2]).unwrap() - flights(&[1, 1, 1]).unwrap(), 110);
}

/// A column of the third party is made of one of each of the others: all say so, and nothing of the
/// model is opened.
#[test]
fn collinear_columns_of_three_parties_are_named() {
    let mut data = data(64, &[1, 1, 1]);
    let pairs = data.columns[0][0].iter().zip(&data.columns[1][0]);
    data.columns[2][0] = pairs.map(|(left, right)| left - 2.0 * right).collect();
    let known = Known::scores(&data);
    let role = async |number, sessions| {
        let model = (&known, Family::Gaussian);
        play_with_errors((number, sessions), &data, model, 0.0, None).await
    };
    for (result, observed) in mesh(8, 3, role).results {
        assert!(matches!(result, Err(ModelError::Collinear)), "{result:?}");
        let keys = observed.iter().map(|it| it.key.as_str()).filter(|key| *key != "train.weighted");
        let keys: Vec<&str> = keys.filter(|key| *key != "train.label_scale").collect();
        assert_eq!(keys, ["train.collinear", "train.stop"]);
    }
}

#[test]
fn what_has_no_standard_errors_is_refused_by_all() {
    let data = data(64, &[1, 1, 1]);
    let settings = Settings { l1: 0.1, standard_errors: true, ..Settings::default() };
    for result in run(&data, None, &settings).results {
        assert!(matches!(result, Err(ModelError::InvalidInput(_))), "{result:?}");
    }
}
