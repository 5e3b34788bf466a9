//! Decimal numbers, fast where that is exact.

/// Powers of ten that are exact in binary floating point.
const EXACT_POWERS: [f64; 23] = [
    1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16,
    1e17, 1e18, 1e19, 1e20, 1e21, 1e22,
];

/// Integers up to here are exact in binary floating point.
const EXACT_INTEGER_MAX: u64 = 1 << 53;

/// Reads a decimal number such as `-12`, `.5`, `3.`, `+1e-7`, correctly rounded.
///
/// Gives `None` for everything else, also for the words `NaN` and `inf`; a number too large
/// for the format comes out infinite and is for the caller to refuse. Short numbers (up to 2^53
/// without the point, at most 22 decimals) take one exact division, which rounds correctly
/// (Clinger, "How to read floating point numbers accurately", PLDI 1990, section 4); all others
/// go through the standard library.
pub(crate) fn parse_number(text: &[u8]) -> Option<f64> {
    let (negative, digits) = match text.first()? {
        b'-' => (true, &text[1..]),
        b'+' => (false, &text[1..]),
        _ => (false, text),
    };
    // The standard library would also take "inf", "nan" and "infinity".
    if !matches!(digits.first()?, b'0'..=b'9' | b'.') {
        return None;
    }
    match parse_short(digits) {
        Some(number) if negative => Some(-number),
        Some(number) => Some(number),
        None => std::str::from_utf8(text).ok()?.parse().ok(),
    }
}

/// The fast path; `None` means "ask the standard library".
fn parse_short(digits: &[u8]) -> Option<f64> {
    // Nineteen digits always fit a u64.
    if digits.len() > 20 {
        return None;
    }
    let (mut mantissa, mut digit_count, mut decimals) = (0_u64, 0_usize, 0_usize);
    let mut after_point = false;
    for &byte in digits {
        let digit = byte.wrapping_sub(b'0');
        if digit < 10 {
            mantissa = mantissa.wrapping_mul(10).wrapping_add(u64::from(digit));
            digit_count += 1;
            decimals += usize::from(after_point);
        } else if byte == b'.' && !after_point {
            after_point = true;
        } else {
            return None;
        }
    }
    let exact = (1..=19).contains(&digit_count) && mantissa <= EXACT_INTEGER_MAX;
    exact.then(|| mantissa as f64 / EXACT_POWERS[decimals])
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn takes_decimals_and_nothing_else() {
        for (text, number) in [
            ("0", 0.0),
            ("-12", -12.0),
            ("+.5", 0.5),
            ("3.", 3.0),
            ("1e-7", 1e-7),
            ("0.20965599999999998", 0.209_655_999_999_999_98),
            ("9007199254740993", 9_007_199_254_740_992.0),
            ("123456789012345678901234567890", 1.234_567_890_123_456_8e29),
        ] {
            assert_eq!(parse_number(text.as_bytes()), Some(number), "{text}");
        }
        assert_eq!(parse_number(b"1e999"), Some(f64::INFINITY));
        for text in ["", "-", ".", "+-1", "nan", "inf", "-inf", "1,5", "1 2", "0x10", "1.2.3", "e5"]
        {
            assert_eq!(parse_number(text.as_bytes()), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn agrees_with_the_standard_library(mantissa in any::<u64>(), point in 0_usize..20) {
            let mut text = mantissa.to_string();
            text.insert(point.min(text.len()), '.');
            prop_assert_eq!(parse_number(text.as_bytes()), text.parse::<f64>().ok());
        }

        #[test]
        fn every_float_survives_its_own_text(number in proptest::num::f64::NORMAL) {
            prop_assert_eq!(parse_number(number.to_string().as_bytes()), Some(number));
        }

        #[test]
        fn takes_any_bytes(bytes in proptest::collection::vec(any::<u8>(), 0..30)) {
            let _ = parse_number(&bytes);
        }
    }
}
