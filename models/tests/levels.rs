//! Categories of very many levels in `strict` regressions on real tables, against the optimum over
//! the pooled rows: visits to doctors by age, and grades of students.
//!
//! Reads the folder that the variable `TOMBOLO_DATA` names and is skipped where it is not set.

#![expect(clippy::unwrap_used, reason = "a step that fails fails the test")]

use std::path::PathBuf;
use std::sync::Arc;

use mpc::TwoParty;
use mpc::reveal::Ledger;
use net::Session;
use table::{FeatureValues, Overrides, Schema, Source, Table};
use tombolo_models::family::Family;
use tombolo_models::levels::{LevelColumn, LevelColumns, NO_LEVEL};
use tombolo_models::local::generalized_linear as local;
use tombolo_models::vertical::course::Course;
use tombolo_models::vertical::generalized_linear::{
    LabelScale, Settings, Targets, level_curvature, train_with_levels,
};

/// The half of a table that FATE's example gives to a party.
fn half(set: &str, party: &str, label: Option<&str>) -> Option<Table> {
    let Some(folder) = std::env::var_os("TOMBOLO_DATA").map(PathBuf::from) else {
        #[expect(clippy::print_stderr, reason = "a skipped test says so")]
        {
            eprintln!("skipped: TOMBOLO_DATA does not name the data folder");
        }
        return None;
    };
    let source = Source::csv(folder.join(format!("fate/{set}_hetero_{party}.csv")));
    let overrides = Overrides {
        id: Some("id".to_owned()),
        label: label.map(str::to_owned),
        ..Overrides::default()
    };
    let schema = Schema::propose(&source, &overrides).unwrap().confirm().unwrap();
    Some(Table::read(&source, &schema).unwrap())
}

/// The first rows of each numeric feature, with its name.
fn numbers(table: &Table, rows: usize) -> Vec<(String, Vec<f64>)> {
    let column = |feature: table::Feature<'_>| match feature.values {
        FeatureValues::Numeric(values) => Some((feature.name.to_owned(), values[..rows].to_vec())),
        FeatureValues::Categorical(_) => None,
    };
    table.features().filter_map(column).collect()
}

fn standardised(values: &[f64]) -> Vec<f64> {
    let rows = values.len() as f64;
    let mean = values.iter().sum::<f64>() / rows;
    let variance = values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / rows;
    values.iter().map(|value| (value - mean) / variance.sqrt()).collect()
}

/// Different values as levels, but for those of fewer than three rows.
fn levels(values: &[f64]) -> (Vec<u32>, usize) {
    let values: Vec<u64> = values.iter().map(|value| value.to_bits()).collect();
    let mut different = values.clone();
    different.sort_unstable();
    different.dedup();
    different.retain(|level| values.iter().filter(|value| *value == level).count() >= 3);
    let level = |value: &u64| different.binary_search(value).map_or(NO_LEVEL, |level| level as u32);
    (values.iter().map(level).collect(), different.len())
}

fn slices(columns: &[Vec<f64>]) -> Vec<&[f64]> {
    columns.iter().map(Vec::as_slice).collect()
}

/// Trains on the first rows with one column of the host taken for a category.
fn compare(set: &str, label: &str, category: &str, family: Family, rows: usize) {
    let Some(guest) = half(set, "guest", Some(label)) else { return };
    let Some(host) = half(set, "host", None) else { return };
    let targets = &guest.label_values().unwrap()[..rows];
    let plain = |columns: &[(String, Vec<f64>)]| -> Vec<Vec<f64>> {
        let others = columns.iter().filter(|(name, _)| !name.starts_with(category));
        let varied =
            others.filter(|(_, values)| values.iter().any(|it| (it - values[0]).abs() > 0.0));
        varied.map(|(_, values)| standardised(values)).collect()
    };
    let of_host = numbers(&host, rows);
    let (guest, host) = (plain(&numbers(&guest, rows)), plain(&of_host));
    let (_, values) = of_host.iter().find(|(name, _)| name == category).unwrap();
    let (of_rows, count) = levels(values);
    let columns = [LevelColumn { of_rows: &of_rows, count }];
    let given = |columns| LevelColumns { columns, level_rows: 5.0 };
    let settings = Settings { l2: 0.001, ..Settings::default() };
    let targets = Targets { values: targets, weights: None, offsets: None };
    let side = async |session: Session| {
        let keys = [
            "train.stop",
            "model.own_coefficients",
            "train.weighted",
            "train.label_scale",
            "train.levels",
        ];
        let mut party = TwoParty::setup(session, Arc::new(Ledger::new(keys))).await.unwrap();
        let is_guest = party.is_first();
        let plain = slices(if is_guest { &guest } else { &host });
        let levels = given(if is_guest { &[][..] } else { &columns });
        let targets = is_guest.then_some(targets);
        let course = Course::default();
        train_with_levels(&mut party, (&plain, levels), targets, family, &settings, course)
            .await
            .unwrap()
    };
    let outcome = world::pair(1, side, side);
    let ((guest_part, _), (host_part, of_levels)) = (outcome.first, outcome.second);
    assert!(guest_part.converged && host_part.converged, "{} passes", guest_part.passes);

    let pooled = [guest, host].concat();
    let all = slices(&pooled);
    let data = local::Data { columns: &all, targets: targets.values, weights: None, offsets: None };
    let curvature = level_curvature(family, LabelScale::of(targets, family).unwrap());
    let optimum =
        local::fit_with_levels(&data, (given(&columns), curvature), family, settings.l2).unwrap();
    let joint = [guest_part.weights, host_part.weights, of_levels.concat()].concat();
    let wanted = [optimum.fit.weights, optimum.levels.concat()].concat();
    assert_eq!(joint.len(), wanted.len());
    let intercept = guest_part.intercept + host_part.intercept;
    let worst = joint.iter().zip(&wanted).map(|(one, other)| (one - other).abs());
    let worst = worst.fold((intercept - optimum.fit.intercept).abs(), f64::max);
    assert!(worst < 3e-3, "{worst}, {} passes", guest_part.passes);
    // What the coefficients are worth: the mean deviance.
    let deviance = |weights: &[f64], intercept: f64| {
        let mut scores = vec![intercept; rows];
        for (column, weight) in all.iter().zip(weights) {
            scores.iter_mut().zip(*column).for_each(|(score, value)| *score += weight * value);
        }
        columns[0].add_scores(&weights[all.len()..], &mut scores);
        let rows = scores.iter().zip(targets.values);
        rows.map(|(score, target)| family.deviance(*target, family.mean(*score))).sum::<f64>()
    };
    let [joint, pooled] = [(joint, intercept), (wanted, optimum.fit.intercept)]
        .map(|(weights, intercept)| deviance(&weights, intercept) / rows as f64);
    assert!((joint - pooled).abs() < 1e-4 * pooled, "{joint} {pooled}");
}

#[test]
fn doctors_are_visited_by_age_as_on_pooled_data() {
    compare("dvisits", "doctorco", "age", Family::Poisson, 1200);
}

#[test]
fn students_have_grades_as_on_pooled_data() {
    compare("student", "y", "x5", Family::Gaussian, 350);
}
