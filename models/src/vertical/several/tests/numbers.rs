//! Models of numbers among several parties.

use super::*;
use crate::family::Family;
use crate::local::generalized_linear as local_linear;
use crate::vertical::generalized_linear as linear;
use crate::vertical::several::generalized_linear::train as train_numbers;

/// What the guest knows of the rows.
pub(super) struct Known {
    pub(super) values: Vec<f64>,
    pub(super) weights: Option<Vec<f64>>,
    pub(super) offsets: Option<Vec<f64>>,
}

impl Known {
    /// The score that all columns make, without weights or offsets.
    pub(super) fn scores(data: &Data) -> Self {
        let score = |row: usize| {
            let all = data.columns.iter().flatten().enumerate();
            let terms = all.map(|(index, column)| column[row] * (0.4 - 0.15 * index as f64));
            terms.sum::<f64>() + 0.3 * (row as f64).sin()
        };
        let values = (0..data.labels.len()).map(score).collect();
        Self { values, weights: None, offsets: None }
    }

    pub(super) fn targets(&self) -> linear::Targets<'_> {
        linear::Targets {
            values: &self.values,
            weights: self.weights.as_deref(),
            offsets: self.offsets.as_deref(),
        }
    }
}

fn run_numbers(
    data: &Data,
    known: &Known,
    family: Family,
    settings: &linear::Settings,
) -> Vec<Result<Trained, ModelError>> {
    let role = async |number: usize, sessions| {
        let ledger = Arc::new(Ledger::new(DISCLOSURES));
        let mut parties = Parties::setup(sessions, Arc::clone(&ledger)).await?;
        let columns = slices(&data.columns[number]);
        let targets = (number == 0).then_some(known.targets());
        let course = Course::default();
        let own = train_numbers(&mut parties, &columns, targets, family, settings, course).await?;
        Ok((own, ledger.observed()))
    };
    mesh(5, data.columns.len(), role).results
}

/// Compares what the parties learn with the optimum of the pooled columns; the number of
/// coefficients that the penalty made 0.
fn assert_fits(data: &Data, known: &Known, family: Family, l1: f64, bound: f64) -> usize {
    let settings = linear::Settings { l1, ..linear::Settings::default() };
    let parts: Vec<Coefficients> = run_numbers(data, known, family, &settings)
        .into_iter()
        .map(|result| result.unwrap().0)
        .collect();
    let pooled = data.columns.concat();
    let rows = local_linear::Data {
        columns: &slices(&pooled),
        targets: &known.values,
        weights: known.weights.as_deref(),
        offsets: known.offsets.as_deref(),
    };
    let reference = local_linear::Settings { l2: settings.l2, l1, ..Default::default() };
    let optimum = local_linear::fit(&rows, family, reference).unwrap();
    assert_near(&parts, &optimum, bound);
    let weights = parts.iter().flat_map(|part| &part.weights);
    weights.filter(|weight| weight.abs() < 1e-3 * bound).count()
}

#[test]
fn correct_squared_loss() {
    let data = data(300, &[2, 1, 2]);
    assert_fits(&data, &Known::scores(&data), Family::Gaussian, 0.0, 1e-4);
}

/// With weights, offsets and a penalty that makes zeros, in units of thousands.
#[test]
fn correct_squared_loss_with_weights_and_four_parties() {
    let data = data(200, &[1, 2, 1, 1]);
    let Known { values, .. } = Known::scores(&data);
    let rows = values.len();
    let known = Known {
        values: values.iter().map(|value| 1000.0 * value).collect(),
        weights: Some((0..rows).map(|row| 0.5 + (row % 3) as f64 * 0.25).collect()),
        offsets: Some((0..rows).map(|row| 500.0 * (row % 2) as f64).collect()),
    };
    let zeros = assert_fits(&data, &known, Family::Gaussian, 100.0, 0.1);
    assert!((1..5).contains(&zeros), "{zeros}");
}

/// Numbers above 0 whose logarithm is the score.
pub(super) fn amounts(data: &Data) -> Known {
    let known = Known::scores(data);
    Known { values: known.values.iter().map(|value| (0.5 * value).exp()).collect(), ..known }
}

#[test]
fn correct_counts() {
    let data = data(300, &[1, 2, 1]);
    let known = amounts(&data);
    let rows = known.values.len();
    let known = Known {
        values: known.values.iter().map(|value| value.floor()).collect(),
        offsets: Some((0..rows).map(|row| 0.2 * (row % 3) as f64).collect()),
        ..known
    };
    assert_fits(&data, &known, Family::Poisson, 0.0, 2e-3);
}

/// Both exponentials, with weights and a penalty that makes zeros.
#[test]
fn correct_amounts() {
    let data = data(200, &[1, 1, 1]);
    let rows = data.labels.len();
    let weights = Some((0..rows).map(|row| 0.5 + (row % 3) as f64 * 0.25).collect());
    let known = Known { weights, ..amounts(&data) };
    assert_fits(&data, &known, Family::Tweedie { power: 1.5 }, 0.02, 2e-3);
}

#[test]
fn correct_amounts_with_four_parties() {
    let data = data(150, &[1, 1, 1, 1]);
    assert_fits(&data, &amounts(&data), Family::Gamma, 0.0, 5e-3);
}

/// Each host learns the power of two of the label's scale, and nothing else that two parties do not
/// open.
#[test]
fn hosts_learn_the_scale_of_the_label() {
    let data = data(64, &[1, 1, 1]);
    let settings = linear::Settings { passes_max: 1, ..linear::Settings::default() };
    let results = run_numbers(&data, &Known::scores(&data), Family::Gaussian, &settings);
    for (number, result) in results.into_iter().enumerate() {
        let (_, observed) = result.unwrap();
        let told = observed.iter().filter(|it| it.key == "train.label_scale");
        let told: Vec<&str> = told.map(|it| it.to.as_str()).collect();
        let all = ["party.1", "party.2"];
        let expected = if number == 0 { &all[..] } else { &all[number - 1..number] };
        assert_eq!(told, expected);
    }
}
