//! Typed Arrow arrays as cells.

use arrow_array::cast::AsArray;
use arrow_array::types::{
    ArrowPrimitiveType, Date32Type, Date64Type, Decimal128Type, Float32Type, Float64Type, Int8Type,
    Int16Type, Int32Type, Int64Type, TimestampMicrosecondType, TimestampMillisecondType,
    TimestampNanosecondType, TimestampSecondType, UInt8Type, UInt16Type, UInt32Type, UInt64Type,
};
use arrow_array::{Array, ArrayRef, BooleanArray, LargeStringArray, StringArray, StringViewArray};
use arrow_buffer::NullBuffer;
use arrow_schema::{DataType, TimeUnit};

use crate::column::Cell;

const MICROSECONDS_PER_DAY: i64 = 86_400_000_000;

/// The cells of one array of a type that tables can hold.
pub(crate) struct Cells<'a> {
    nulls: Option<NullBuffer>,
    values: Values<'a>,
}

enum Values<'a> {
    Text(&'a StringArray),
    LargeText(&'a LargeStringArray),
    TextView(&'a StringViewArray),
    Boolean(&'a BooleanArray),
    /// 128 bits, because the largest unsigned 64-bit ids have to survive.
    Integers(Vec<i128>),
    Numbers(Vec<f64>),
    Times(Vec<i64>),
    Dictionary {
        keys: Vec<usize>,
        values: Box<Cells<'a>>,
    },
    Nothing,
}

impl<'a> Cells<'a> {
    /// Whether arrays of this type have cells.
    pub(crate) fn are_in(data_type: &DataType) -> bool {
        match data_type {
            DataType::Dictionary(_, values) => Self::are_in(values),
            DataType::Utf8
            | DataType::LargeUtf8
            | DataType::Utf8View
            | DataType::Boolean
            | DataType::Float32
            | DataType::Float64
            | DataType::Date32
            | DataType::Date64
            | DataType::Timestamp(..)
            | DataType::Decimal128(..)
            | DataType::Null => true,
            other => other.is_integer(),
        }
    }

    /// The cells of an array; `None` for types without cells.
    pub(crate) fn of(array: &'a ArrayRef) -> Option<Self> {
        let values = match array.data_type() {
            DataType::Utf8 => Values::Text(array.as_string()),
            DataType::LargeUtf8 => Values::LargeText(array.as_string()),
            DataType::Utf8View => Values::TextView(array.as_string_view()),
            DataType::Boolean => Values::Boolean(array.as_boolean()),
            DataType::Int8 => integers::<Int8Type>(array),
            DataType::Int16 => integers::<Int16Type>(array),
            DataType::Int32 => integers::<Int32Type>(array),
            DataType::Int64 => integers::<Int64Type>(array),
            DataType::UInt8 => integers::<UInt8Type>(array),
            DataType::UInt16 => integers::<UInt16Type>(array),
            DataType::UInt32 => integers::<UInt32Type>(array),
            DataType::UInt64 => integers::<UInt64Type>(array),
            DataType::Float32 => numbers::<Float32Type>(array),
            DataType::Float64 => numbers::<Float64Type>(array),
            DataType::Decimal128(_, 0) => integers::<Decimal128Type>(array),
            DataType::Decimal128(_, scale) => decimals(array, *scale),
            DataType::Date32 => {
                times::<Date32Type>(array, |day| i64::from(day) * MICROSECONDS_PER_DAY)
            }
            DataType::Date64 => times::<Date64Type>(array, |time| time.saturating_mul(1_000)),
            DataType::Timestamp(unit, _) => timestamps(array, *unit),
            DataType::Dictionary(..) => {
                let dictionary = array.as_any_dictionary();
                let values = Box::new(Self::of(dictionary.values())?);
                // An empty dictionary has no key to normalise; all its rows are null.
                let keys = if dictionary.values().is_empty() {
                    vec![0; array.len()]
                } else {
                    dictionary.normalized_keys()
                };
                Values::Dictionary { keys, values }
            }
            DataType::Null => Values::Nothing,
            _ => return None,
        };
        Some(Self { nulls: array.nulls().cloned(), values })
    }

    /// The cell of a row, which must exist.
    pub(crate) fn cell(&self, row: usize) -> Cell<'_> {
        if self.nulls.as_ref().is_some_and(|nulls| nulls.is_null(row)) {
            return Cell::Missing;
        }
        match &self.values {
            Values::Text(texts) => Cell::Text(texts.value(row)),
            Values::LargeText(texts) => Cell::Text(texts.value(row)),
            Values::TextView(texts) => Cell::Text(texts.value(row)),
            Values::Boolean(truths) => Cell::Boolean(truths.value(row)),
            Values::Integers(integers) => Cell::Integer(integers[row]),
            Values::Numbers(numbers) => Cell::Number(numbers[row]),
            Values::Times(times) => Cell::Time(times[row]),
            Values::Dictionary { keys, values } => values.cell(keys[row]),
            Values::Nothing => Cell::Missing,
        }
    }
}

fn integers<T: ArrowPrimitiveType>(array: &ArrayRef) -> Values<'_>
where
    T::Native: Into<i128>,
{
    Values::Integers(array.as_primitive::<T>().values().iter().map(|v| (*v).into()).collect())
}

fn numbers<T: ArrowPrimitiveType>(array: &ArrayRef) -> Values<'_>
where
    T::Native: Into<f64>,
{
    Values::Numbers(array.as_primitive::<T>().values().iter().map(|v| (*v).into()).collect())
}

fn decimals(array: &ArrayRef, scale: i8) -> Values<'_> {
    let unit = 10_f64.powi(i32::from(scale));
    let values = array.as_primitive::<Decimal128Type>().values();
    Values::Numbers(values.iter().map(|value| *value as f64 / unit).collect())
}

fn timestamps(array: &ArrayRef, unit: TimeUnit) -> Values<'_> {
    match unit {
        TimeUnit::Second => {
            times::<TimestampSecondType>(array, |time| time.saturating_mul(1_000_000))
        }
        TimeUnit::Millisecond => {
            times::<TimestampMillisecondType>(array, |time| time.saturating_mul(1_000))
        }
        TimeUnit::Microsecond => times::<TimestampMicrosecondType>(array, |time| time),
        TimeUnit::Nanosecond => {
            times::<TimestampNanosecondType>(array, |time| time.div_euclid(1_000))
        }
    }
}

fn times<T: ArrowPrimitiveType>(
    array: &ArrayRef,
    microseconds: impl Fn(T::Native) -> i64,
) -> Values<'_> {
    let values = array.as_primitive::<T>().values();
    Values::Times(values.iter().map(|value| microseconds(*value)).collect())
}
