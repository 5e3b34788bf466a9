//! Telephone numbers in the form of E.164: `+`, country code, national number.

/// Digits of an E.164 number, country code included (ITU-T E.164, section 6.2.1: at most 15).
const DIGITS: std::ops::RangeInclusive<usize> = 8..=15;

/// The number in E.164, or `None` if it cannot be one.
///
/// Spaces, hyphens, dots, slashes, parentheses and full-width digits are what people and input
/// methods add. `+` or `00` begins an international number; anything else is national and gets
/// `country`, without the trunk prefix (`0`, in Russia and its neighbours `8`; Italy and San Marino
/// keep theirs, and North America has `1`, which is the country code).
/// A Chinese number of 13 digits that begins with 861 is international without its `+`.
pub(super) fn normalise(text: &str, country: u16) -> Option<String> {
    let (digits, plus) = digits(text)?;
    let international = if plus {
        digits
    } else if let Some(rest) = digits.strip_prefix("00") {
        rest.to_owned()
    } else if country == 86 && digits.len() == 13 && digits.starts_with("861") {
        digits
    } else {
        format!("{country}{}", without_trunk_prefix(&digits, country))
    };
    let valid = DIGITS.contains(&international.len())
        && !international.starts_with('0')
        && chinese_numbers_fit(&international);
    valid.then(|| format!("+{international}"))
}

/// The digits, and whether a `+` stands before them.
fn digits(text: &str) -> Option<(String, bool)> {
    let mut digits = String::with_capacity(text.len());
    let mut plus = false;
    for character in text.trim().chars() {
        match character {
            '0'..='9' => digits.push(character),
            '\u{ff10}'..='\u{ff19}' => {
                digits.push(char::from_digit(u32::from(character) - 0xff10, 10)?);
            }
            '+' | '\u{ff0b}' if digits.is_empty() && !plus => plus = true,
            '-' | '.' | '/' | '(' | ')' | '\u{2010}'..='\u{2015}' | '\u{ff08}' | '\u{ff09}' => {}
            space if space.is_whitespace() => {}
            _ => return None,
        }
    }
    (!digits.is_empty()).then_some((digits, plus))
}

fn without_trunk_prefix(digits: &str, country: u16) -> &str {
    let prefix = match country {
        39 | 378 => return digits,
        7 | 370 | 375 | 992 | 993 => "8",
        1 => "1",
        _ => "0",
    };
    let rest = digits.strip_prefix(prefix).unwrap_or(digits);
    // A national number in these plans has ten digits or fewer: what is left must not be shorter
    // than a subscriber's number, so that a number that merely begins like the prefix survives.
    if matches!(country, 1 | 7) && rest.len() < 10 { digits } else { rest }
}

/// Mainland numbers are mobile (11 digits from 13 to 19) or an area code and 7 or 8 digits.
fn chinese_numbers_fit(international: &str) -> bool {
    let Some(national) = international.strip_prefix("86") else { return true };
    match national.as_bytes() {
        [b'1', b'3'..=b'9', ..] => national.len() == 11,
        _ => (9..=11).contains(&national.len()),
    }
}

#[cfg(test)]
mod tests {
    use super::normalise;

    #[test]
    fn the_same_number_in_many_clothes() {
        for text in [
            "13800000001",
            "138 0000 0001",
            "138-0000-0001",
            "+8613800000001",
            "+86 138 0000 0001",
            "008613800000001",
            "8613800000001",
            "\u{ff11}\u{ff13}\u{ff18}00000001",
            "\u{ff0b}86 13800000001",
            " (138)0000.0001 ",
        ] {
            assert_eq!(normalise(text, 86).as_deref(), Some("+8613800000001"), "{text}");
        }
        assert_eq!(normalise("010-62345678", 86).as_deref(), Some("+861062345678"));
        assert_eq!(normalise("0755 8234567", 86).as_deref(), Some("+867558234567"));
    }

    #[test]
    fn each_country_has_its_trunk_prefix() {
        let cases = [
            ("020 7946 0018", 44, "+442079460018"),
            ("06 12 34 56 78", 33, "+33612345678"),
            ("06 698 12345", 39, "+390669812345"),
            ("(415) 555-2671", 1, "+14155552671"),
            ("1-415-555-2671", 1, "+14155552671"),
            ("8 912 345-67-89", 7, "+79123456789"),
            ("8123456789", 7, "+78123456789"),
            ("+852 2345 6789", 86, "+85223456789"),
        ];
        for (text, country, expected) in cases {
            assert_eq!(normalise(text, country).as_deref(), Some(expected), "{text}");
        }
    }

    #[test]
    fn what_is_no_number_is_refused() {
        for text in ["", "  ", "n/a", "1380000000a", "1+38", "++86138", "138000000012345678"] {
            assert_eq!(normalise(text, 86), None, "{text}");
        }
        for text in ["1380000000", "138000000011", "12345", "11012345678901"] {
            assert_eq!(normalise(text, 86), None, "{text}");
        }
    }
}
