use features::prepare::Settings;
use features::{Column, Values};

use super::*;

/// Numbers around another centre and on another scale, under these names.
fn columns<'a>(names: &[&'a str], values: &'a [Vec<f64>]) -> Vec<Column<'a>> {
    let column =
        |(name, values): (&&'a str, &'a Vec<f64>)| Column { name, values: Values::Numbers(values) };
    names.iter().zip(values).map(column).collect()
}

fn values(centre: f64, scale: f64) -> Vec<Vec<f64>> {
    let column = |step: usize| {
        (0..40).map(move |row| centre + scale * ((row * step % 17) as f64 - 8.0)).collect()
    };
    vec![column(3), column(5)]
}

/// Scores of the same values by the earlier coefficients and by those to begin with are the same,
/// whatever the scales; a new column begins at 0, and one that is gone is told.
#[test]
fn scores_stay_what_they_were() {
    let (then, now) = (values(3.0, 2.0), values(-1.0, 7.0));
    let rows: Vec<u32> = (0..40).collect();
    let fit = |names: &[&str], values: &[Vec<f64>]| {
        Preparation::fit(&columns(names, values), &rows, &Settings::default()).unwrap()
    };
    let (old, new) = (fit(&["age", "gone"], &then), fit(&["new", "age"], &now));
    let formula = |of: &Preparation, name: &str| {
        of.formulas().find(|it| it.provenance.to_string() == name).unwrap()
    };
    let by_name = |of: &Preparation| {
        of.formulas().map(|it| (it.provenance.to_string(), it)).collect::<HashMap<_, _>>()
    };
    let units = Units { old: by_name(&old), new: by_name(&new), names: vec!["new", "age"] };
    let coefficient =
        |feature: &str, weight| Coefficient { feature: feature.to_owned(), weight, test: None };
    let start = units.start(&[coefficient("age", 0.7), coefficient("gone", 2.0)], 0.25);
    assert!(start.weights[0].abs() < 1e-12);
    let (before, after) = (formula(&old, "age"), formula(&new, "age"));
    for value in [-5.0, 0.0, 12.0] {
        let score = 0.25 + 0.7 * (value - before.centre) / before.scale;
        let again = start.intercept + start.weights[1] * (value - after.centre) / after.scale;
        assert!((score - again).abs() < 1e-12, "{score} {again}");
    }
    let told = units.told().unwrap();
    assert!(told.en.contains("1 of the own features are new") && told.en.contains("`gone`"));
}
