use super::*;
use crate::evaluate::stream::Stream;

struct Data {
    columns: Vec<Vec<f64>>,
    labels: Vec<u8>,
    weights: Vec<f64>,
}

impl Data {
    /// Three features, two of them correlated.
    fn new(rows: usize) -> Self {
        let mut stream = Stream(42);
        let mut data = Self { columns: vec![Vec::new(); 3], labels: vec![], weights: vec![] };
        for row in 0..rows {
            let (a, b, c) = (stream.next() * 4.0 - 2.0, stream.next() * 2.0 - 1.0, stream.next());
            data.columns[0].push(a);
            data.columns[1].push(b + 0.5 * a);
            data.columns[2].push(c);
            let rate = (0.25 + 0.2 * a - 0.15 * b).clamp(0.02, 0.98);
            data.labels.push(u8::from(stream.next() < rate));
            data.weights.push(0.5 + (row % 3) as f64);
        }
        data
    }

    fn columns(&self) -> Vec<&[f64]> {
        self.columns.iter().map(Vec::as_slice).collect()
    }
}

fn settings(l2: f64, l1: f64) -> Settings {
    Settings { l2, l1, ..Settings::default() }
}

fn assert_close(fit: &Fit, weights: [f64; 3], intercept: f64, objective: f64, bound: f64) {
    for (found, expected) in fit.weights.iter().zip(weights) {
        assert!((found - expected).abs() < bound, "{fit:?}, expected {weights:?}");
    }
    assert!((fit.intercept - intercept).abs() < bound, "{fit:?}");
    assert!((fit.objective - objective).abs() < 1e-10, "{fit:?}");
    assert!(fit.gradient_norm <= 1e-8);
}

// Expected values: scikit-learn 1.9, solver newton-cholesky (saga with l1), tolerance 1e-12.

#[test]
fn agrees_with_scikit_learn() {
    let data = Data::new(400);
    let plain = fit(&data.columns(), &data.labels, None, settings(0.0, 0.0)).unwrap();
    let weights = [1.394_789_927_867_429, -0.517_413_918_096_791_6, -0.077_359_669_962_338_49];
    assert_close(&plain, weights, -1.257_073_210_319_672_5, 0.475_265_735_514_699_75, 1e-8);
    let ridge = fit(&data.columns(), &data.labels, None, settings(0.05, 0.0)).unwrap();
    let weights = [0.859_376_403_264_052_5, -0.032_906_576_634_591_34, 0.016_802_574_208_175_047];
    assert_close(&ridge, weights, -1.129_994_475_522_333, 0.504_987_420_222_801_7, 1e-8);
    assert!(ridge.steps <= 8, "{} Newton steps", ridge.steps);
}

#[test]
fn weighted_rows_agree_with_scikit_learn() {
    let data = Data::new(400);
    let fit = fit(&data.columns(), &data.labels, Some(&data.weights), settings(0.02, 0.0)).unwrap();
    let weights = [1.017_734_950_855_768, -0.122_603_011_786_208_89, -0.049_095_920_724_052_08];
    assert_close(&fit, weights, -1.196_589_988_084_635_8, 0.486_108_692_322_598_73, 1e-6);
}

#[test]
fn the_l1_penalty_agrees_with_scikit_learn_and_gives_exact_zeros() {
    let data = Data::new(400);
    let lasso = fit(&data.columns(), &data.labels, None, settings(0.0, 0.03)).unwrap();
    let weights = [0.918_029_241_179_390_9, 0.0, 0.0];
    assert_close(&lasso, weights, -1.153_921_350_604_004_5, 0.512_105_391_983_878_2, 1e-6);
    assert_eq!(lasso.weights[1..], [0.0, 0.0]);
    let both = fit(&data.columns(), &data.labels, None, settings(0.01, 0.02)).unwrap();
    let weights = [0.922_658_448_556_097_6, 0.0, 0.0];
    assert_close(&both, weights, -1.156_103_802_482_389, 0.507_137_091_867_020_2, 1e-6);
}

#[test]
fn standard_errors_are_those_of_the_inverse_information() {
    let data = Data::new(400);
    let settings = settings(0.0, 0.0);
    let fit = fit(&data.columns(), &data.labels, None, settings).unwrap();
    let errors = standard_errors(&fit, &data.columns(), &data.labels, None, settings).unwrap();
    let expected = [0.189_790_627_694_705_84, 0.230_575_326_711_045_4, 0.427_889_902_361_445_03];
    for (found, expected) in errors.weights.iter().zip(expected) {
        assert!((found - expected).abs() < 1e-8, "{errors:?}");
    }
    assert!((errors.intercept - 0.266_346_108_923_462_67).abs() < 1e-8);
}

#[test]
fn without_features_the_intercept_is_the_log_odds() {
    let fit = fit(&[], &[1, 0, 0, 0], None, Settings::default()).unwrap();
    assert!((fit.intercept - (1.0_f64 / 3.0).ln()).abs() < 1e-12);
    assert_eq!(probabilities(&fit, &[], 2).unwrap().len(), 2);
}

#[test]
fn perfect_separation_and_repeated_features_are_named_unless_penalised() {
    let labels = [0, 0, 1, 1];
    let separating: [&[f64]; 1] = [&[1.0, 2.0, 3.0, 4.0]];
    let repeated: [&[f64]; 2] = [&[1.0, -1.0, 1.0, 2.0], &[1.0, -1.0, 1.0, 2.0]];
    for columns in [separating.as_slice(), repeated.as_slice()] {
        let free = fit(columns, &labels, None, Settings::default());
        assert!(matches!(free, Err(FitError::NotReached { .. })), "{free:?}");
        assert!(fit(columns, &labels, None, settings(0.1, 0.0)).is_ok());
    }
}

#[test]
fn bad_input_is_a_named_error() {
    let fit = |columns: &[&[f64]], labels: &[u8], weights: Option<&[f64]>, settings| {
        fit(columns, labels, weights, settings).unwrap_err()
    };
    let defaults = Settings::default();
    assert_eq!(fit(&[], &[], None, defaults), FitError::NoRows);
    assert_eq!(fit(&[], &[1, 1], None, defaults), FitError::OneClass);
    assert_eq!(fit(&[], &[1, 0], Some(&[1.0, 0.0]), defaults), FitError::OneClass);
    let cases: [(&[f64], [u8; 2], [f64; 2]); 3] = [
        (&[1.0, f64::NAN], [0, 1], [1.0, 1.0]),
        (&[1.0, 2.0], [0, 2], [1.0, 1.0]),
        (&[1.0, 2.0], [0, 1], [1.0, -1.0]),
    ];
    for (column, labels, weights) in cases {
        let error = fit(&[column], &labels, Some(&weights), defaults);
        assert!(matches!(error, FitError::Value { row: 1, .. }), "{error:?}");
    }
    let short = fit(&[&[1.0]], &[0, 1], None, defaults);
    assert!(matches!(short, FitError::LengthsDiffer { .. }));
    for l2 in [-1.0, f64::NAN, f64::INFINITY] {
        let error = fit(&[], &[0, 1], None, settings(l2, 0.0));
        assert!(matches!(error, FitError::Setting { name: "l2", .. }));
    }
}

#[test]
fn many_rows_go_through_several_tasks() {
    // More rows than one task of the Hessian takes, and no whole number of blocks.
    let data = Data::new(40_001);
    let fit = fit(&data.columns(), &data.labels, None, settings(0.001, 0.0)).unwrap();
    let scores = probabilities(&fit, &data.columns(), 40_001).unwrap();
    let mean = |values: &mut dyn Iterator<Item = f64>| values.sum::<f64>() / 40_001.0;
    let predicted = mean(&mut scores.iter().copied());
    let observed = mean(&mut data.labels.iter().map(|label| f64::from(*label)));
    // The intercept is free, so that the mean probability is the base rate.
    assert!((predicted - observed).abs() < 1e-8);
}
