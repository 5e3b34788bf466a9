use super::*;
use proptest::prelude::*;
use table::MISSING_CODE;

fn all_rows(rows: usize) -> Vec<u32> {
    (0..rows as u32).collect()
}

fn fit(values: &[f64], method: Method, bins: usize, labels: Option<&[u8]>) -> Binning {
    let column = Column::numbers("x", values);
    Binning::fit(&column, &all_rows(values.len()), method, bins, labels).unwrap()
}

fn codes(binning: &Binning, values: &[f64]) -> Vec<u8> {
    binning.codes(&Column::numbers("x", values)).unwrap()
}

#[test]
fn quantile_bins_hold_equally_many_rows() {
    let values: Vec<f64> = (1..=100).map(f64::from).collect();
    let binning = fit(&values, Method::Quantile, 4, None);
    assert_eq!(binning.cuts(), Some([25.0, 50.0, 75.0].as_slice()));
    assert_eq!(codes(&binning, &[-9.0, 25.0, 25.1, 75.0, 1e9, f64::NAN]), [1, 1, 2, 3, 4, 0]);
    let labels = ["missing", "(-∞, 25]", "(25, 50]", "(50, 75]", "(75, ∞)"];
    assert_eq!(binning.labels(), labels);
}

#[test]
fn few_distinct_values_get_a_bin_each() {
    let values = [0.0, 0.0, -0.0, 1.0, 7.0, f64::NAN];
    let binning = fit(&values, Method::Quantile, 10, None);
    assert_eq!(codes(&binning, &values), [1, 1, 1, 2, 3, 0]);
}

#[test]
fn heavy_ties_stay_together() {
    let mut values = vec![0.0; 70];
    values.extend((1..=30).map(f64::from));
    let binning = fit(&values, Method::Quantile, 10, None);
    assert_eq!(binning.cuts(), Some([0.0, 10.0, 20.0].as_slice()));
}

#[test]
fn equal_width_divides_the_range() {
    let values = [0.0, 1.0, 10.0];
    let binning = fit(&values, Method::EqualWidth, 4, None);
    assert_eq!(binning.cuts(), Some([2.5, 5.0, 7.5].as_slice()));
    assert_eq!(binning.bins(), 4);
    let extreme = fit(&[f64::MIN, f64::MAX], Method::EqualWidth, 2, None);
    assert_eq!(extreme.cuts(), Some([0.0].as_slice()));
    assert_eq!(fit(&[3.0, 3.0], Method::EqualWidth, 5, None).bins(), 1);
}

#[test]
fn chi_merge_finds_the_step() {
    let values: Vec<f64> = (0..1000).map(f64::from).collect();
    let labels: Vec<u8> =
        (0..1000).map(|row| u8::from(row % 10 < if row < 400 { 1 } else { 6 })).collect();
    let method = Method::ChiMerge { threshold: CHI_SQUARE_95 };
    let binning = fit(&values, method, 10, Some(&labels));
    assert_eq!(binning.cuts(), Some([399.0].as_slice()));
    let column = Column::numbers("x", &values);
    let without = Binning::fit(&column, &all_rows(1000), method, 10, None);
    assert!(matches!(without, Err(FeaturesError::LabelsNeeded { .. })));
}

#[test]
fn chi_merge_of_counts() {
    let bin = |positives, negatives| crate::woe::BinCounts { positives, negatives };
    let counts = [bin(1, 99), bin(2, 98), bin(50, 50), bin(0, 0), bin(52, 48)];
    assert_eq!(chi_merge(&counts, 5, CHI_SQUARE_95), [0, 0, 1, 1, 1]);
    assert_eq!(chi_merge(&counts, 1, 0.0), [0; 5]);
    assert!(chi_merge(&[], 3, 1.0).is_empty());
}

#[test]
fn levels_are_grouped_by_frequency_and_found_by_text() {
    let levels: Vec<String> = ["a", "b", "c", "d"].map(str::to_owned).into();
    let values = [0, 1, 1, 2, 2, 2, 3, MISSING_CODE];
    let column = Column::categories("kind", &values, &levels);
    let training: Vec<u32> = (0..6).chain([7]).collect();
    let binning = Binning::fit(&column, &training, Method::Quantile, 3, None).unwrap();
    assert_eq!(binning.labels(), ["missing", "c", "b", "a"]);
    // "d" was not in training and there is no group of other levels.
    assert_eq!(binning.codes(&column).unwrap(), [3, 2, 2, 1, 1, 1, 0, 0]);
    let fewer = Binning::fit(&column, &training, Method::Quantile, 2, None).unwrap();
    assert_eq!(fewer.labels(), ["missing", "c", "other levels"]);
    assert_eq!(fewer.codes(&column).unwrap(), [2, 2, 2, 1, 1, 1, 2, 0]);
    assert!(!fewer.is_ordered());
}

#[test]
fn merged_bins_are_written_as_intervals() {
    let binning = fit(&[0.1, 0.2, 0.300_000_000_000_000_04, 5.0], Method::Quantile, 4, None);
    assert_eq!(binning.label_of(&[1, 2]), "(-∞, 0.2]");
    assert_eq!(binning.label_of(&[3]), "(0.2, 0.3]");
    assert_eq!(binning.label_of(&[0, 2, 4]), "missing, (0.1, 0.2], (0.3, ∞)");
    let close = fit(&[1.000_001, 1.000_002, 1.000_003], Method::Quantile, 3, None);
    assert_eq!(close.labels()[2], "(1.000001, 1.000002]");
}

#[test]
fn a_table_is_binned_in_one_go() {
    let (age, empty) = ([20.0, 30.0, 40.0], [f64::NAN; 3]);
    let columns = [Column::numbers("age", &age), Column::numbers("empty", &empty)];
    let settings = Settings { bins: 2, ..Settings::default() };
    let binnings = super::fit(&columns, &all_rows(3), &settings, None).unwrap();
    let matrix = apply(&binnings, &columns, 3).unwrap();
    assert_eq!(matrix.features().len(), 1);
    assert_eq!(matrix.features()[0].codes, [1, 1, 2]);
    assert!(matches!(apply(&binnings, &[], 3), Err(FeaturesError::ColumnMissing { .. })));
}

#[test]
fn bad_settings_are_errors() {
    let column = Column::numbers("x", &[1.0, f64::NAN]);
    let fit = |rows: &[u32], bins| Binning::quantile(&column, rows, bins).unwrap_err();
    assert!(matches!(fit(&[0], 1), FeaturesError::Setting { .. }));
    assert!(matches!(fit(&[0], 256), FeaturesError::Setting { .. }));
    assert!(matches!(fit(&[], 5), FeaturesError::NoRows { .. }));
    assert!(matches!(fit(&[1], 5), FeaturesError::AllMissing { .. }));
    assert!(matches!(fit(&[9], 5), FeaturesError::RowOutside { .. }));
}

proptest! {
    #[test]
    fn codes_keep_the_order_and_stay_in_range(
        values in prop::collection::vec(
            prop_oneof![-5.0_f64..5.0, Just(0.0), -1e300..1e300],
            2..300,
        ),
        bins in 2_usize..256,
        by_width in any::<bool>(),
    ) {
        let method = if by_width { Method::EqualWidth } else { Method::Quantile };
        let binning = fit(&values, method, bins, None);
        prop_assert!(binning.bins() <= bins);
        let mut sorted = values.clone();
        sorted.sort_unstable_by(f64::total_cmp);
        let codes = codes(&binning, &sorted);
        prop_assert!(codes.is_sorted());
        prop_assert!(codes.iter().all(|code| (1..=binning.bins()).contains(&usize::from(*code))));
        if !by_width {
            // Every quantile bin holds a training row.
            let mut seen = codes.clone();
            seen.dedup();
            prop_assert_eq!(seen.len(), binning.bins());
        }
    }
}

#[test]
fn bins_that_were_changed_in_a_file_are_noticed() {
    let numbers = fit(&[1.0, 2.0, 3.0, 4.0], Method::Quantile, 4, None);
    numbers.check().unwrap();
    let levels = ["a".to_owned(), "b".to_owned()];
    let column = Column::categories("x", &[0, 1], &levels);
    let categories = Binning::quantile(&column, &[0, 1], 4).unwrap();
    categories.check().unwrap();
    for (binning, from, to, part) in [
        (&numbers, "[1.0,2.0", "[2.0,2.0", "ascending"),
        (&numbers, "[1.0,", "[1e999,", ""),
        (&categories, "\"b\"", "\"a\"", "one bin only"),
        (&categories, "[\"a\",\"b\"]", "[]", "1 to 255"),
    ] {
        let text = serde_json::to_string(binning).unwrap();
        assert!(text.contains(from), "{from} in {text}");
        let read: Result<Binning, _> = serde_json::from_str(&text.replace(from, to));
        let Ok(read) = read else { continue };
        let error = read.check().unwrap_err().to_string();
        assert!(error.contains(part), "{error}");
    }
}
