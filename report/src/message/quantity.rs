//! Numbers as people read them: grouped digits, percent, bytes, durations.

use super::{Language, Text, neutral};

/// What a missing or undefined number is written as.
const MISSING: &str = "–";

/// More decimals than this say nothing to a reader.
const DIGITS_MAX: usize = 9;

/// Larger numbers are written with an exponent.
const GROUPED_BELOW: f64 = 1e15;

/// How a number is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// A plain number with grouped thousands.
    Number,
    /// A fraction written as percent: 0.123 is `12.3%`.
    Percent,
    /// A difference of two fractions in percentage points: 0.123 is `12.3 pp`.
    Points,
    /// A multiple: 6.1 is `6.1×`.
    Factor,
    /// Bytes in powers of 1000: 1,500,000 is `1.5 MB`.
    Bytes,
    /// A duration in seconds: 65 is `1 min 5 s`.
    Seconds,
}

/// A number with its unit and precision, ready to be written in either language.
///
/// What is not finite is written as a dash: it is missing, and looks so.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Quantity {
    value: f64,
    unit: Unit,
    digits: usize,
    signed: bool,
}

impl Quantity {
    /// A number in `unit` with `digits` decimals (ignored for bytes and seconds, which choose their
    /// own by size).
    pub fn new(value: f64, unit: Unit, digits: usize) -> Self {
        Self { value, unit, digits: digits.min(DIGITS_MAX), signed: false }
    }

    /// A whole number of things.
    pub fn count(count: u64) -> Self {
        Self::new(count as f64, Unit::Number, 0)
    }

    /// A plain number with `digits` decimals.
    pub fn decimal(value: f64, digits: usize) -> Self {
        Self::new(value, Unit::Number, digits)
    }

    /// A fraction (0.123) written as percent with `digits` decimals.
    pub fn percent(fraction: f64, digits: usize) -> Self {
        Self::new(fraction, Unit::Percent, digits)
    }

    /// The difference of two fractions, written in percentage points with `digits` decimals.
    pub fn points(difference: f64, digits: usize) -> Self {
        Self::new(difference, Unit::Points, digits)
    }

    /// A multiple such as a lift.
    pub fn factor(value: f64, digits: usize) -> Self {
        Self::new(value, Unit::Factor, digits)
    }

    /// A number of bytes.
    pub fn bytes(bytes: u64) -> Self {
        Self::new(bytes as f64, Unit::Bytes, 0)
    }

    /// A duration in seconds.
    pub fn seconds(seconds: f64) -> Self {
        Self::new(seconds, Unit::Seconds, 0)
    }

    /// A number that was not measured or may not be shown.
    pub fn missing() -> Self {
        Self::decimal(f64::NAN, 0)
    }

    /// The same number with its sign always written, for differences.
    #[must_use]
    pub fn signed(self) -> Self {
        Self { signed: true, ..self }
    }

    /// The bare number, in the unit's base (fractions, bytes, seconds).
    pub fn value(self) -> f64 {
        self.value
    }

    /// The number as `language` writes it.
    pub fn write(self, language: Language) -> String {
        if !self.value.is_finite() {
            return MISSING.to_owned();
        }
        match self.unit {
            Unit::Number => self.grouped(self.value, self.digits),
            Unit::Percent => self.grouped(self.value * 100.0, self.digits) + "%",
            Unit::Points => {
                let unit = match language {
                    Language::English => " pp",
                    Language::Chinese => " 个百分点",
                };
                self.grouped(self.value * 100.0, self.digits) + unit
            }
            Unit::Factor => self.grouped(self.value, self.digits) + "×",
            Unit::Bytes => self.bytes_text(),
            Unit::Seconds => self.seconds_text(language),
        }
    }

    /// The number as a text of both languages.
    pub fn text(self) -> Text {
        let en = self.write(Language::English);
        match self.unit {
            Unit::Seconds | Unit::Points => Text::owned(en, self.write(Language::Chinese)),
            _ => neutral(en),
        }
    }

    fn bytes_text(self) -> String {
        const UNITS: [&str; 5] = ["B", "kB", "MB", "GB", "TB"];
        let mut size = self.value;
        let mut unit = 0;
        // 999.95 would be written as 1000.0: it belongs to the next unit.
        while size.abs() >= 999.95 && unit + 1 < UNITS.len() {
            size /= 1000.0;
            unit += 1;
        }
        let digits = usize::from(unit > 0);
        format!("{} {}", self.grouped(size, digits), UNITS[unit])
    }

    fn seconds_text(self, language: Language) -> String {
        let [milliseconds, seconds, minutes, hours] = match language {
            Language::English => ["ms", "s", "min", "h"],
            Language::Chinese => ["毫秒", "秒", "分", "小时"],
        };
        let size = self.value.abs();
        if size < 0.9995 {
            let digits = usize::from(size < 0.00995 && size > 0.0);
            return format!("{} {milliseconds}", self.grouped(self.value * 1000.0, digits));
        }
        if size < 59.95 {
            return format!("{} {seconds}", self.grouped(self.value, 1));
        }
        let whole = size.round();
        let (large, small, names) = if whole < 3600.0 {
            ((whole / 60.0).floor(), whole % 60.0, [minutes, seconds])
        } else {
            ((whole / 3600.0).floor(), (whole % 3600.0 / 60.0).floor(), [hours, minutes])
        };
        let large = self.grouped(large.copysign(self.value), 0);
        format!("{large} {} {small:.0} {}", names[0], names[1])
    }

    /// `value` with `digits` decimals, thousands grouped, a true minus sign, and no negative zero.
    fn grouped(self, value: f64, digits: usize) -> String {
        let size = value.abs();
        if size >= GROUPED_BELOW {
            return format!("{}{size:.3e}", self.sign(value));
        }
        let plain = format!("{size:.digits$}");
        let (whole, decimals) = plain.split_at(plain.find('.').unwrap_or(plain.len()));
        let is_zero = plain.bytes().all(|byte| matches!(byte, b'0' | b'.'));
        let mut out = String::from(if is_zero { "" } else { self.sign(value) });
        for (index, digit) in whole.char_indices() {
            if index > 0 && (whole.len() - index).is_multiple_of(3) {
                out.push(',');
            }
            out.push(digit);
        }
        out + decimals
    }

    fn sign(self, value: f64) -> &'static str {
        match (value < 0.0, self.signed) {
            (true, _) => "−",
            (false, true) => "+",
            (false, false) => "",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn en(quantity: Quantity) -> String {
        quantity.write(Language::English)
    }

    #[test]
    fn numbers_group_thousands() {
        assert_eq!(en(Quantity::count(0)), "0");
        assert_eq!(en(Quantity::count(999)), "999");
        assert_eq!(en(Quantity::count(45_211)), "45,211");
        assert_eq!(en(Quantity::count(1_000_000)), "1,000,000");
        assert_eq!(en(Quantity::decimal(-1234.5678, 2)), "−1,234.57");
        assert_eq!(en(Quantity::decimal(2e20, 2)), "2.000e20");
    }

    #[test]
    fn differences_carry_their_sign_and_zero_none() {
        assert_eq!(en(Quantity::decimal(0.0391, 3).signed()), "+0.039");
        assert_eq!(en(Quantity::decimal(-0.0391, 3).signed()), "−0.039");
        assert_eq!(en(Quantity::decimal(-0.0001, 3).signed()), "0.000");
    }

    #[test]
    fn units_are_written_as_people_read_them() {
        assert_eq!(en(Quantity::percent(0.1234, 1)), "12.3%");
        assert_eq!(en(Quantity::points(0.1234, 1).signed()), "+12.3 pp");
        assert_eq!(en(Quantity::factor(6.1, 1)), "6.1×");
        assert_eq!(en(Quantity::bytes(512)), "512 B");
        assert_eq!(en(Quantity::bytes(1_500_000)), "1.5 MB");
        assert_eq!(en(Quantity::bytes(999_999)), "1.0 MB");
        assert_eq!(en(Quantity::seconds(0.12)), "120 ms");
        assert_eq!(en(Quantity::seconds(0.0004)), "0.4 ms");
        assert_eq!(en(Quantity::seconds(4.94)), "4.9 s");
        assert_eq!(en(Quantity::seconds(59.97)), "1 min 0 s");
        assert_eq!(en(Quantity::seconds(7389.0)), "2 h 3 min");
        assert_eq!(Quantity::seconds(65.0).write(Language::Chinese), "1 分 5 秒");
    }

    #[test]
    fn what_is_not_a_number_is_missing() {
        for value in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            assert_eq!(en(Quantity::decimal(value, 3)), "–");
        }
    }
}
