//! Numbers of identity documents and of payment cards.

use super::device::{digits, luhn_digit};

/// A Chinese resident identity number of 18 characters (GB 11643-1999): the check character (ISO
/// 7064, MOD 11-2) is verified; the old form of 15 digits gets its century and check character.
pub(super) fn national_id(text: &str) -> Option<String> {
    let text: String = text.trim().chars().filter(|it| *it != ' ').collect();
    let text = text.to_ascii_uppercase();
    let body = match text.len() {
        18 => text[..text.char_indices().nth(17)?.0].to_owned(),
        15 => format!("{}19{}", text.get(..6)?, text.get(6..)?),
        _ => return None,
    };
    let body = digits(&body).filter(|digits| digits.len() == 17)?;
    let number: String = body.iter().map(|digit| char::from(b'0' + digit)).collect();
    let number = format!("{number}{}", check_character(&body));
    (text.len() == 15 || number == text).then_some(number)
}

/// The check character of 17 digits.
fn check_character(body: &[u8]) -> char {
    let weights = [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2];
    let sum: u32 = body.iter().zip(weights).map(|(digit, weight)| u32::from(*digit) * weight).sum();
    char::from(b"10X98765432"[(sum % 11) as usize])
}

/// The number of a payment card: 12 to 19 digits with a valid check digit (ISO/IEC 7812-1).
pub(super) fn card(text: &str) -> Option<String> {
    let digits = digits(text)?;
    let (check, body) = digits.split_last()?;
    let sound = (12..=19).contains(&digits.len()) && luhn_digit(body) == *check;
    sound.then(|| digits.iter().map(|digit| char::from(b'0' + digit)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identity_numbers_are_checked_and_old_ones_extended() {
        // The example of GB 11643-1999.
        let number = "11010519491231002X";
        for text in [number, "11010519491231002x", " 110105 19491231 002x ", "110105491231002"] {
            assert_eq!(national_id(text).as_deref(), Some(number), "{text}");
        }
        for text in
            ["110105194912310021", "1101051949", "", "11010549123100é", "1101051949123100é2"]
        {
            assert_eq!(national_id(text), None, "{text}");
        }
    }

    #[test]
    fn cards_are_checked() {
        assert_eq!(card("4539 1488 0343 6467").as_deref(), Some("4539148803436467"));
        for text in ["4539148803436468", "453914", "", "4539-1488-0343-646a"] {
            assert_eq!(card(text), None, "{text}");
        }
    }
}
