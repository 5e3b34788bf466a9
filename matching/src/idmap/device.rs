//! Identifiers of devices.

/// An International Mobile Equipment Identity as 15 digits: the check digit (Luhn, 3GPP TS 23.003
/// annex B) is verified, or added to 14 digits, or takes the place of the two digits of a software
/// version (16 digits).
pub(super) fn imei(text: &str) -> Option<String> {
    let digits = digits(text)?;
    let body = match digits.len() {
        14 | 16 => &digits[..14],
        15 if luhn_digit(&digits[..14]) == digits[14] => &digits[..14],
        _ => return None,
    };
    if body.iter().all(|digit| *digit == 0) {
        return None;
    }
    let all = body.iter().copied().chain([luhn_digit(body)]);
    Some(all.map(|digit| char::from(b'0' + digit)).collect())
}

/// A UUID with hyphens, in upper case (Apple's IDFA) or lower case (Google's advertising id). All
/// zeros is what a device says whose owner does not want to be followed: nobody's key.
pub(super) fn uuid(text: &str, upper_case: bool) -> Option<String> {
    let text = text.trim();
    let hex: String = text.chars().filter(|it| *it != '-').collect();
    let places: Vec<usize> = text.match_indices('-').map(|(place, _)| place).collect();
    let shape = places.is_empty() || places == [8, 13, 18, 23];
    let sound = hex.len() == 32 && hex.bytes().all(|it| it.is_ascii_hexdigit()) && shape;
    if !sound || is_zero(&hex) {
        return None;
    }
    let parts = [&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]];
    let joined = parts.join("-");
    Some(if upper_case { joined.to_ascii_uppercase() } else { joined.to_ascii_lowercase() })
}

/// An Open Anonymous Device Identifier as the device gives it: makers choose the form, so case and
/// hyphens stay. All zeros means that the owner has switched it off.
pub(super) fn oaid(text: &str) -> Option<String> {
    let text = text.trim();
    let sound = (16..=64).contains(&text.len())
        && text.bytes().all(|it| it.is_ascii_alphanumeric() || it == b'-')
        && !is_zero(text);
    sound.then(|| text.to_owned())
}

/// Whether a text is zeros and hyphens only.
fn is_zero(text: &str) -> bool {
    text.bytes().all(|it| matches!(it, b'0' | b'-'))
}

/// Digits as numbers; spaces and hyphens between them are dropped.
pub(super) fn digits(text: &str) -> Option<Vec<u8>> {
    let kept = text.trim().chars().filter(|it| !matches!(it, ' ' | '-'));
    kept.map(|it| it.to_digit(10).map(|digit| digit as u8)).collect()
}

/// The check digit that follows `digits` (ISO/IEC 7812-1, annex B).
pub(super) fn luhn_digit(digits: &[u8]) -> u8 {
    let weighed = digits.iter().rev().enumerate().map(|(place, digit)| match place % 2 {
        0 => 2 * digit / 10 + 2 * digit % 10,
        _ => *digit,
    });
    let sum: u32 = weighed.map(u32::from).sum();
    ((10 - sum % 10) % 10) as u8
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_imei_gets_its_check_digit() {
        // The example of 3GPP TS 23.003 is one of many: 49-015420-323751 has the check digit 8.
        for text in ["490154203237518", "49-015420-323751", "49015420323751 8", "4901542032375199"]
        {
            assert_eq!(imei(text).as_deref(), Some("490154203237518"), "{text}");
        }
        for text in ["490154203237517", "4901542032", "49015420323751x", "00000000000000", ""] {
            assert_eq!(imei(text), None, "{text}");
        }
    }

    #[test]
    fn uuids_have_one_form_and_zeros_are_nobody() {
        let text = "6d92078a-8246-4ba4-ae5b-76104861e7dc";
        let upper = text.to_uppercase();
        for given in [text, &upper, &text.replace('-', ""), &format!(" {text} ")] {
            assert_eq!(uuid(given, true).as_deref(), Some(upper.as_str()), "{given}");
            assert_eq!(uuid(given, false).as_deref(), Some(text), "{given}");
        }
        let zero = "00000000-0000-0000-0000-000000000000";
        for given in [zero, "6d92078a-8246", "6d9-2078a82464ba4ae5b76104861e7dc", "", "é"] {
            assert_eq!(uuid(given, true), None, "{given}");
        }
    }

    #[test]
    fn an_oaid_keeps_its_case() {
        let given = " 1fe9A970-efbb-b0ff-bf7f-bbe0fbbe0e2d ";
        assert_eq!(oaid(given).as_deref(), Some(given.trim()));
        for given in ["", "0000000000000000", "00000000-0000-0000-0000-000000000000", "x y"] {
            assert_eq!(oaid(given), None, "{given}");
        }
    }
}
