//! Truth values in the spellings that files use.

const TRUE: [&str; 6] = ["true", "yes", "t", "y", "1", "是"];
const FALSE: [&str; 6] = ["false", "no", "f", "n", "0", "否"];

/// Reads a truth value in any case; `None` when the text is not one.
pub(crate) fn parse_boolean(text: &[u8]) -> Option<bool> {
    let is_one_of = |spellings: [&str; 6]| {
        spellings.iter().any(|spelling| text.eq_ignore_ascii_case(spelling.as_bytes()))
    };
    if is_one_of(TRUE) {
        Some(true)
    } else if is_one_of(FALSE) {
        Some(false)
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::parse_boolean;

    #[test]
    fn spellings() {
        assert_eq!(parse_boolean(b"YES"), Some(true));
        assert_eq!(parse_boolean("否".as_bytes()), Some(false));
        assert_eq!(parse_boolean(b"unknown"), None);
        assert_eq!(parse_boolean(b""), None);
    }
}
