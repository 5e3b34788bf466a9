use matching::idmap::{InvalidKeys, KeyRule};
use proptest::prelude::*;
use table::{Column, Kind, Role, Values};

use super::*;

/// A column of numbers, of which every row takes part, in units of the last place.
fn units(values: &[f64], decimals: u32) -> Result<Vec<u64>, JobError> {
    let column = Column::new("spend", Kind::Number, Role::Carried);
    let table = Table::from_columns(vec![(column, Values::numbers(values.to_vec()))]).unwrap();
    let texts: Vec<String> = (0..values.len()).map(|row| format!("id-{row}")).collect();
    let keys = Keys::new(texts.iter().map(String::as_str), &KeyRule::default()).unwrap();
    Scale { decimals }.column("spend", &table, &keys)
}

fn refusal(values: &[f64], decimals: u32) -> String {
    units(values, decimals).unwrap_err().to_string()
}

proptest! {
    /// The stated error: half a unit of the last place for each number, beside what floating
    /// numbers themselves lose.
    #[test]
    fn a_sum_is_as_exact_as_stated(
        values in prop::collection::vec(-1e5_f64..1e5, 1..50),
        decimals in 0_u32..=9,
    ) {
        let scale = Scale { decimals };
        let sum = units(&values, decimals).unwrap().into_iter().fold(0, u64::wrapping_add);
        let exact: f64 = values.iter().sum();
        let bound = 0.5 * values.len() as f64 / scale.factor();
        prop_assert!((scale.value(sum) - exact).abs() <= bound + 1e-8);
    }
}

#[test]
fn money_is_exact() {
    let sum = units(&[0.1, 0.2, -0.05], 2).unwrap().into_iter().fold(0, u64::wrapping_add);
    assert!((Scale { decimals: 2 }.value(sum) - 0.25).abs() < f64::EPSILON);
}

#[test]
fn numbers_that_do_not_fit_are_named_by_row() {
    let limit = (1_u64 << 53) as f64;
    assert!(units(&[limit, -limit], 0).is_ok());
    let text = refusal(&[1.0, limit, 2.0, -limit], 1);
    assert!(
        text.contains("`spend` cannot be summed: 2 rows are beyond ±900719925474099"),
        "{text}"
    );
    assert!(text.contains("first rows 2, 4"), "{text}");
    let text = refusal(&[1.0, f64::NAN], 4);
    assert!(text.contains("1 rows have no number, first rows 2"), "{text}");
    let text = refusal(&vec![limit; 1025], 0);
    assert!(text.contains("without their signs add up to more than"), "{text}");
    assert!(units(&vec![limit; 1023], 0).is_ok());
}

#[test]
fn rows_that_take_no_part_may_have_any_value() {
    let column = Column::new("spend", Kind::Number, Role::Carried);
    let values = Values::numbers(vec![f64::NAN, 2.0]);
    let table = Table::from_columns(vec![(column, values)]).unwrap();
    let rule = KeyRule { invalid: InvalidKeys::Drop, ..KeyRule::default() };
    let keys = Keys::new(["", "a"], &rule).unwrap();
    assert_eq!(Scale { decimals: 1 }.column("spend", &table, &keys).unwrap(), [20]);
}
