//! Several classes, and training that stops early.

use super::*;
use crate::local::logistic_regression::sigmoid;
use crate::local::multinomial_regression as local_classes;
use crate::vertical::course::Start;
use crate::vertical::multinomial_regression::{self as classes, ClassCoefficients};
use crate::vertical::several::multinomial_regression as joint_classes;

/// All parties' coefficients of three classes, by the rows' labels and those of another noise.
async fn play_classes(
    number: usize,
    sessions: Vec<Session>,
    (data, values): (&Data, &[u8]),
    (settings, start): (&Settings, Option<Vec<Start>>),
) -> Result<ClassCoefficients, ModelError> {
    let ledger = Arc::new(Ledger::new(DISCLOSURES));
    let mut parties = Parties::setup(sessions, ledger).await?;
    let columns = slices(&data.columns[number]);
    let weights: Vec<f64> = (0..values.len()).map(|row| (1 + row % 3) as f64).collect();
    let labels = classes::Labels { classes: 3, values, weights: Some(&weights) };
    let course = Course { start, ..Course::default() };
    let labels = (number == 0).then_some(labels);
    joint_classes::train(&mut parties, &columns, labels, settings, course).await
}

/// Labels of three classes, of which the last one takes some rows of both others.
fn three_classes(data: &Data) -> Vec<u8> {
    let last = |row: usize| data.columns[1][0][row] + data.columns[2][0][row] > 0.8;
    let labels = data.labels.iter().enumerate();
    labels.map(|(row, label)| if last(row) { 2 } else { *label }).collect()
}

/// The optimum of the pooled columns; a training that begins there ends soon.
#[test]
fn correct_for_several_classes_with_weights() {
    let data = data(300, &[1, 1, 1]);
    let values = three_classes(&data);
    let settings = Settings { l2: 0.1, tolerance: 2e-4, ..Settings::default() };
    let run = |seed, starts: Option<Vec<Vec<Start>>>| -> Vec<ClassCoefficients> {
        let outcome = mesh(seed, 3, async |number, sessions| {
            let start = starts.as_ref().map(|starts| starts[number].clone());
            let from = (&settings, start);
            play_classes(number, sessions, (&data, &values), from).await.unwrap()
        });
        outcome.results
    };
    let parts = run(1, None);
    let pooled = data.columns.concat();
    let weights: Vec<f64> = (0..values.len()).map(|row| (1 + row % 3) as f64).collect();
    let all = local_classes::Data {
        columns: &slices(&pooled),
        classes: 3,
        labels: &values,
        weights: Some(&weights),
    };
    let optimum = local_classes::fit(&all, settings.l2).unwrap();
    for class in 0..3 {
        let joint = parts.iter().flat_map(|part| &part.weights[class]);
        let pairs = joint.zip(&optimum.weights[class]);
        let worst = pairs.map(|(joint, pooled)| (joint - pooled).abs()).fold(0.0, f64::max);
        assert!(worst < 5e-3, "{worst} {parts:?} {optimum:?}");
    }
    let intercept = |class: usize| parts.iter().map(|part| part.intercepts[class]).sum::<f64>();
    let off = |class: usize| intercept(class) - optimum.intercepts[class];
    assert!((off(0) - off(2)).abs() < 5e-3 && (off(1) - off(2)).abs() < 5e-3);

    let start = |part: &ClassCoefficients| -> Vec<Start> {
        let classes = part.weights.iter().zip(&part.intercepts);
        classes
            .map(|(weights, intercept)| Start { weights: weights.clone(), intercept: *intercept })
            .collect()
    };
    let again = run(2, Some(parts.iter().map(start).collect()));
    assert!(again[0].converged && 2 * again[0].passes < parts[0].passes, "{}", again[0].passes);
}

#[test]
fn a_number_of_classes_that_cannot_be_is_named() {
    let data = data(64, &[1, 1, 1]);
    let (values, settings) = (three_classes(&data), one_pass().1);
    let role = async |number, sessions| {
        play_classes(number, sessions, (&data, &values), (&settings, None)).await
    };
    let (path_step, kind) = ("classes".to_owned(), FaultKind::replace(|_| vec![33]));
    let fault = Fault { path_step, occurrence: 0, kind, from: Side::First };
    let outcome = mesh_with_fault(2, 3, MeshFault { between: (0, 2), fault }, role);
    let text = outcome.results[2].as_ref().unwrap_err().to_string();
    assert!(text.contains("party.0 misbehaved") && text.contains("not 33"), "{text}");
}

/// Few rows and many columns. The coefficients that are kept are those of so many passes less
/// without the validation rows, and the loss of these rows has risen since.
#[test]
fn training_stops_early_and_keeps_what_was_before() {
    const PATIENCE: usize = 2;
    const TRAINING: usize = 80;
    let data = data(140, &[5, 5, 5]);
    let validation_rows = data.labels.len() - TRAINING;
    let early_stopping = Some(EarlyStopping { patience: PATIENCE, validation_rows });
    let plain = Settings { l2: 1e-4, ..Settings::default() };
    let train = |data: &Data, settings: Settings| -> Vec<Coefficients> {
        run(data, None, &settings).results.into_iter().map(|it| it.unwrap().0).collect()
    };
    let stopped = train(&data, Settings { early_stopping, ..plain.clone() });
    let passes = stopped[0].passes;
    assert!(stopped[0].converged && (4..100).contains(&passes), "{passes} passes");

    let columns = |data: &Data, rows: std::ops::Range<usize>| -> Vec<Vec<Vec<f64>>> {
        let cut = |column: &Vec<f64>| column[rows.clone()].to_vec();
        data.columns.iter().map(|columns| columns.iter().map(cut).collect()).collect()
    };
    let training =
        Data { columns: columns(&data, 0..TRAINING), labels: data.labels[..TRAINING].to_vec() };
    let after = |passes_max| train(&training, Settings { passes_max, ..plain.clone() });
    let [kept, last] = [passes - PATIENCE, passes].map(after);
    for (one, other) in stopped.iter().zip(&kept) {
        let pairs = one.weights.iter().zip(&other.weights);
        let worst = pairs.map(|(one, other)| (one - other).abs()).fold(0.0, f64::max);
        assert!(worst < 5e-3, "{worst}");
    }
    let held_out = columns(&data, TRAINING..data.labels.len());
    let loss = |parts: &[Coefficients]| -> f64 {
        let scores: Vec<Vec<f64>> = parts
            .iter()
            .zip(&held_out)
            .map(|(part, columns)| part.partial_scores(&slices(columns), validation_rows))
            .collect();
        let of_row = |row: usize| {
            let chance = sigmoid(scores.iter().map(|scores| scores[row]).sum());
            if data.labels[TRAINING + row] == 1 { -chance.ln() } else { -(1.0 - chance).ln() }
        };
        (0..validation_rows).map(of_row).sum()
    };
    assert!(loss(&kept) < loss(&last), "{} {}", loss(&kept), loss(&last));
}
