#![expect(clippy::float_cmp, reason = "these results are exact")]

use super::*;
use proptest::prelude::*;
use table::MISSING_CODE;

fn strings(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|text| (*text).to_owned()).collect()
}

fn all_rows(rows: usize) -> Vec<u32> {
    (0..rows as u32).collect()
}

fn settings(change: impl Fn(&mut ColumnSettings)) -> Settings {
    let mut default = ColumnSettings {
        standardise: false,
        encoding: Encoding::OneHot { rows_min: 1 },
        ..Default::default()
    };
    change(&mut default);
    Settings { default, columns: BTreeMap::new() }
}

fn values_of(matrix: &FeatureMatrix, name: &str) -> Vec<f64> {
    let feature = matrix.features().iter().find(|feature| feature.name == name);
    feature.unwrap_or_else(|| panic!("no feature {name:?} in {matrix:?}")).values.clone()
}

#[test]
fn numbers_are_filled_and_standardised_on_training_rows_only() {
    let values = [1.0, 3.0, f64::NAN, 1000.0];
    let columns = [Column::numbers("income", &values)];
    let settings = settings(|column| column.standardise = true);
    let preparation = Preparation::fit(&columns, &[0, 1, 2], &settings).unwrap();
    let matrix = preparation.transform(&columns).unwrap();
    // Mean 2 of 1, 3 and the filled 2; deviation sqrt(2/3).
    let scale = (2.0_f64 / 3.0).sqrt();
    assert_eq!(values_of(&matrix, "income"), [-1.0 / scale, 1.0 / scale, 0.0, 998.0 / scale]);
    // Mean 1/3, deviation sqrt(2)/3.
    let root = 2.0_f64.sqrt();
    let expected = [-1.0 / root, -1.0 / root, root, -1.0 / root];
    let indicator = values_of(&matrix, "income is missing");
    assert!(indicator.iter().zip(expected).all(|(value, want)| (value - want).abs() < 1e-12));
}

#[test]
fn each_imputation_fills_its_value() {
    let values = [1.0, 2.0, 9.0, f64::NAN];
    let columns = [Column::numbers("x", &values)];
    for (imputation, filled) in
        [(Imputation::Mean, 4.0), (Imputation::Median, 2.0), (Imputation::Constant(-1.0), -1.0)]
    {
        let settings = settings(|column| column.imputation = imputation);
        let fitted = Preparation::fit(&columns, &all_rows(4), &settings).unwrap();
        assert_eq!(values_of(&fitted.transform(&columns).unwrap(), "x")[3], filled);
    }
}

#[test]
fn outliers_are_clipped() {
    let values = [0.0, 1.0, 2.0, 3.0, 100.0];
    let columns = [Column::numbers("x", &values)];
    let clipped = |outliers| {
        let settings = settings(|column| column.outliers = outliers);
        let fitted = Preparation::fit(&columns, &all_rows(5), &settings).unwrap();
        values_of(&fitted.transform(&columns).unwrap(), "x")
    };
    let quantiles = clipped(Outliers::Quantiles { low: 0.25, high: 0.75 });
    assert_eq!(quantiles, [1.0, 1.0, 2.0, 3.0, 3.0]);
    // Mean 21.2, deviation (divisor n) 39.4, by numpy.
    let deviations = clipped(Outliers::Deviations(1.0));
    assert!((deviations[4] - (21.2 + 39.412_688_312_544_43)).abs() < 1e-9);
    assert_eq!(deviations[..4], values[..4]);
}

#[test]
fn one_hot_leaves_out_the_most_frequent_level_and_knows_texts_not_codes() {
    let levels = strings(&["red", "blue", "green", "rare"]);
    let codes = [0, 0, 0, 1, 1, 2, 2, 3, MISSING_CODE, MISSING_CODE];
    let columns = [Column::categories("colour", &codes, &levels)];
    let settings = settings(|column| column.encoding = Encoding::OneHot { rows_min: 2 });
    let fitted = Preparation::fit(&columns, &all_rows(10), &settings).unwrap();
    let names: Vec<String> = fitted.provenance().map(ToString::to_string).collect();
    assert_eq!(names, ["colour = blue", "colour = green", "colour is missing"]);

    let later = strings(&["violet", "blue"]);
    let columns = [Column::categories("colour", &[0, 1, MISSING_CODE], &later)];
    let matrix = fitted.transform(&columns).unwrap();
    assert_eq!(matrix.columns(), [&[0.0, 1.0, 0.0], &[0.0; 3], &[0.0, 0.0, 1.0]]);
}

#[test]
fn indicators_standardise_every_frequent_level_and_keep_the_reference() {
    let levels = strings(&["red", "blue", "rare"]);
    let codes = [0, 0, 0, 1, 2, MISSING_CODE, MISSING_CODE, MISSING_CODE];
    let columns = [Column::categories("colour", &codes, &levels)];
    let settings = settings(|column| column.encoding = Encoding::Indicators { rows_min: 2 });
    let fitted = Preparation::fit(&columns, &all_rows(7), &settings).unwrap();
    let matrix = fitted.transform(&columns).unwrap();
    // Of the training rows 3 of 7 are red and 2 of 7 missing, with deviations sqrt(3·4)/7 and
    // sqrt(2·5)/7; the last row is not a training row.
    let (red, missing) = (12.0_f64.sqrt(), 10.0_f64.sqrt());
    let expected = |row: usize| match row {
        0..3 => [4.0 / red, -2.0 / missing],
        3..5 => [-3.0 / red, -2.0 / missing],
        _ => [-3.0 / red, 5.0 / missing],
    };
    assert_eq!(matrix.columns().len(), 2);
    for row in 0..8 {
        for (column, expected) in matrix.columns().iter().zip(expected(row)) {
            assert!((column[row] - expected).abs() < 1e-12, "row {row}: {column:?}");
        }
    }
}

#[test]
fn ordinal_follows_the_order_and_fills_unknown_levels() {
    let levels = strings(&["high", "low", "middle", "?"]);
    let codes = [0, 1, 2, 3];
    let columns = [Column::categories("size", &codes, &levels)];
    let order = strings(&["low", "middle", "high"]);
    let settings = settings(|column| {
        column.encoding = Encoding::Ordinal { order: order.clone() };
        column.imputation = Imputation::Median;
    });
    let fitted = Preparation::fit(&columns, &all_rows(4), &settings).unwrap();
    assert_eq!(fitted.transform(&columns).unwrap().columns(), [&[2.0, 0.0, 1.0, 1.0]]);
}

#[test]
fn what_says_nothing_is_dropped_with_a_note() {
    let (levels, codes) = (strings(&["only"]), [0; 3]);
    let columns = [
        Column::numbers("constant", &[5.0, 5.0, 7.0]),
        Column::numbers("empty", &[f64::NAN, f64::NAN, 1.0]),
        Column::categories("one", &codes, &levels),
        Column::numbers("kept", &[1.0, 2.0, 3.0]),
    ];
    let fitted = Preparation::fit(&columns, &[0, 1], &Settings::default()).unwrap();
    let dropped = |column: &str, reason| Dropped { column: column.to_owned(), reason };
    let expected = [
        dropped("constant", DropReason::Constant),
        dropped("empty", DropReason::AllMissing),
        dropped("one", DropReason::OneLevel),
    ];
    assert_eq!(fitted.dropped(), expected);
    assert_eq!(fitted.provenance().count(), 1);
}

#[test]
fn bad_input_is_a_named_error() {
    let fit = |columns: &[Column<'_>], rows: &[u32], settings: &Settings| {
        Preparation::fit(columns, rows, settings).unwrap_err()
    };
    let good = [Column::numbers("x", &[1.0, 2.0])];
    let defaults = Settings::default();
    assert!(matches!(fit(&good, &[], &defaults), FeaturesError::NoRows { .. }));
    assert!(matches!(fit(&good, &[2], &defaults), FeaturesError::RowOutside { row: 2, .. }));
    let infinite = [Column::numbers("x", &[1.0, f64::INFINITY])];
    assert!(matches!(fit(&infinite, &[0], &defaults), FeaturesError::Infinite { row: 1, .. }));
    let twice = [good[0], good[0]];
    assert!(matches!(fit(&twice, &[0], &defaults), FeaturesError::ColumnTwice { .. }));
    let uneven = [good[0], Column::numbers("y", &[1.0])];
    assert!(matches!(fit(&uneven, &[0], &defaults), FeaturesError::LengthsDiffer { .. }));
    let outside = [Column::categories("x", &[0], &[])];
    assert!(matches!(fit(&outside, &[0], &defaults), FeaturesError::CodeOutside { .. }));
    for outliers in [
        Outliers::Deviations(0.0),
        Outliers::Quantiles { low: 0.9, high: 0.1 },
        Outliers::Quantiles { low: f64::NAN, high: 0.1 },
    ] {
        let settings = settings(|column| column.outliers = outliers);
        assert!(matches!(fit(&good, &[0], &settings), FeaturesError::Setting { .. }));
    }
    let mut unknown = Settings::default();
    unknown.columns.insert("z".to_owned(), ColumnSettings::default());
    assert!(matches!(fit(&good, &[0], &unknown), FeaturesError::ColumnMissing { .. }));
    let fitted = Preparation::fit(&good, &[0, 1], &defaults).unwrap();
    let kind = fitted.transform(&[Column::categories("x", &[], &[])]).unwrap_err();
    assert!(matches!(kind, FeaturesError::WrongKind { .. }));
}

proptest! {
    /// Whatever the other rows hold, what is fitted depends on training rows only, and the training
    /// part of every standardised number has mean 0 and deviation 1.
    #[test]
    fn fitted_on_training_rows_only(
        values in prop::collection::vec(prop_oneof![Just(f64::NAN), -1e6_f64..1e6], 8..80),
        noise in -1e9_f64..1e9,
        low in 0.0_f64..0.4,
    ) {
        let half = values.len() / 2;
        let training = all_rows(half);
        let mut changed = values.clone();
        changed[half..].iter_mut().for_each(|value| *value = noise);
        let settings = settings(|column| {
            column.standardise = true;
            column.outliers = Outliers::Quantiles { low, high: 1.0 - low };
        });
        let columns = [Column::numbers("x", &values)];
        let fitted = Preparation::fit(&columns, &training, &settings).unwrap();
        let other = [Column::numbers("x", &changed)];
        prop_assert_eq!(&fitted, &Preparation::fit(&other, &training, &settings).unwrap());
        let matrix = fitted.transform(&columns).unwrap();
        for feature in matrix.features() {
            if feature.provenance.derivation == Derivation::Number {
                let part = &feature.values[..half];
                let mean = part.iter().sum::<f64>() / half as f64;
                let variance = part.iter().map(|value| value.powi(2)).sum::<f64>() / half as f64;
                prop_assert!(mean.abs() < 1e-9 && (variance - 1.0).abs() < 1e-9);
            }
        }
    }
}

/// What scores later data needs only its own features, and notices a file that was changed.
#[test]
fn a_part_of_a_preparation_gives_the_same_features_and_is_checked() {
    let (levels, codes) = (strings(&["blue", "red"]), [0, 1, 0, MISSING_CODE]);
    let numbers = [1.0, f64::NAN, 3.0, 8.0];
    let columns = [Column::numbers("age", &numbers), Column::categories("colour", &codes, &levels)];
    let settings = settings(|column| {
        column.standardise = true;
        column.outliers = Outliers::Quantiles { low: 0.0, high: 0.9 };
        column.encoding = Encoding::Indicators { rows_min: 1 };
    });
    let whole = Preparation::fit(&columns, &all_rows(4), &settings).unwrap();
    whole.check().unwrap();
    let part = whole.only(&["colour = red", "age is missing"]);
    let (all, some) = (whole.transform(&columns).unwrap(), part.transform(&columns).unwrap());
    assert_eq!(some.names().collect::<Vec<_>>(), ["age is missing", "colour = red"]);
    for name in some.names() {
        assert_eq!(values_of(&some, name), values_of(&all, name));
    }
    // A formula says the same as the program does.
    let formula = whole.formulas().find(|it| it.provenance.to_string() == "age").unwrap();
    let (low, high) = formula.clip.unwrap();
    let by_hand = numbers.map(|value: f64| {
        let value = if value.is_nan() { formula.fill.unwrap() } else { value };
        (value.max(low).min(high) - formula.centre) / formula.scale
    });
    assert_eq!(values_of(&all, "age"), by_hand);

    let text = serde_json::to_string(&whole).unwrap();
    let read = |from: &str, to: &str| -> Result<(), String> {
        assert!(text.contains(from), "{from} in {text}");
        let read: Preparation =
            serde_json::from_str(&text.replace(from, to)).map_err(|it| it.to_string())?;
        read.check().map_err(|error| error.to_string())
    };
    read("\"scale\"", "\"scale\"").unwrap();
    for (from, to, part) in [
        ("\"scale\":", "\"scale\":-", "scale"),
        ("\"derivation\":\"number\"", "\"derivation\":\"is_missing\"", "do not fit together"),
        ("{\"is_level\":\"blue\"}", "{\"is_level\":\"red\"}", "do not fit together"),
        ("\"fill\":", "\"full\":", "full"),
    ] {
        let error = read(from, to).unwrap_err();
        assert!(error.contains(part), "{error}");
    }
}

/// A column of many levels is a category, one of few has features as before; unseen levels are
/// none, in later tables too, whose codes are others.
#[test]
fn columns_of_many_levels_are_categories() {
    use mpc::indicators::NO_LEVEL;
    let (towns, colours) =
        (strings(&["Ahlen", "Bonn", "Celle", "Düren"]), strings(&["red", "blue"]));
    let codes = [3, 1, 1, 0, MISSING_CODE, 3, MISSING_CODE, 2];
    let columns = [
        Column::categories("town", &codes, &towns),
        Column::categories("colour", &[0, 1, 0, 1, 0, 1, 0, 1], &colours),
    ];
    let settings = settings(|column| column.encoding = Encoding::Sparse { rows_min: 2, above: 2 });
    let fitted = Preparation::fit(&columns, &all_rows(7), &settings).unwrap();
    assert_eq!(fitted.check(), Ok(()));
    let matrix = fitted.transform(&columns).unwrap();
    assert_eq!(matrix.names().collect::<Vec<_>>(), ["colour = blue", "colour = red"]);
    let categories = fitted.categories(&columns).unwrap();
    let [category] = &categories[..] else { panic!("{categories:?}") };
    assert_eq!(category.source, "town");
    assert_eq!(category.names, ["town = Bonn", "town = Düren", "town is missing"]);
    assert_eq!(category.of_rows, [1, 0, 0, NO_LEVEL, 2, 1, 2, NO_LEVEL]);
    assert_eq!(fitted.provenance().count(), 5);
    let kept = fitted.only(&["colour = red"]);
    assert_eq!(kept.transform(&columns).unwrap().names().collect::<Vec<_>>(), ["colour = red"]);
    assert_eq!(kept.categories(&columns).unwrap()[0].names, category.names);

    let later = strings(&["Essen", "Düren"]);
    let columns = [
        Column::categories("town", &[0, 1, MISSING_CODE], &later),
        Column::categories("colour", &[0, 0, 0], &colours),
    ];
    assert_eq!(fitted.categories(&columns).unwrap()[0].of_rows, [NO_LEVEL, 1, 2]);
    assert!(fitted.categories(&columns[1..]).is_err());
}
