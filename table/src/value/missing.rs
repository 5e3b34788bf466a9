//! Which texts and numbers mean "not known".

/// The tokens that mean "missing" unless a column states its own.
const DEFAULT_TOKENS: [&str; 7] = ["", "NA", "N/A", "NaN", "null", "none", "\\N"];

/// The tokens of a column that mean "missing".
///
/// Tokens are compared without regard to ASCII case and surrounding blanks. A token that is a
/// number is also compared as a number in numeric columns: `999` covers `999.0`.
#[derive(Clone, Debug, PartialEq)]
pub struct Missing {
    tokens: Vec<String>,
    numbers: Vec<f64>,
}

impl Default for Missing {
    fn default() -> Self {
        Self::only(DEFAULT_TOKENS)
    }
}

impl Missing {
    /// Exactly these tokens; none at all makes every value, the empty one too, a value.
    pub fn only<T: AsRef<str>>(tokens: impl IntoIterator<Item = T>) -> Self {
        let mut missing = Self { tokens: Vec::new(), numbers: Vec::new() };
        for token in tokens {
            missing.add(token.as_ref());
        }
        missing
    }

    /// The default tokens and these.
    #[must_use]
    pub fn and<T: AsRef<str>>(mut self, tokens: impl IntoIterator<Item = T>) -> Self {
        for token in tokens {
            self.add(token.as_ref());
        }
        self
    }

    /// The tokens in the order in which they were stated.
    pub fn tokens(&self) -> &[String] {
        &self.tokens
    }

    /// Whether the text of a cell, blanks around it removed, means "missing".
    pub fn covers(&self, text: &[u8]) -> bool {
        self.tokens.iter().any(|token| token.as_bytes().eq_ignore_ascii_case(text))
    }

    /// Whether a number means "missing".
    pub fn covers_number(&self, number: f64) -> bool {
        // Exact equality is meant: a sentinel is the same decimal text on both sides.
        self.numbers.iter().any(|sentinel| sentinel.to_bits() == (number + 0.0).to_bits())
    }

    /// Whether a text, blanks around it removed, means "missing" in a column of any kind.
    pub(crate) fn covers_value(&self, text: &[u8]) -> bool {
        let is_sentinel = |number| self.covers_number(number);
        self.covers(text) || super::parse_number(text).is_some_and(is_sentinel)
    }

    fn add(&mut self, token: &str) {
        let token = token.trim();
        if self.covers(token.as_bytes()) {
            return;
        }
        self.tokens.push(token.to_owned());
        if let Some(number) = super::parse_number(token.as_bytes()) {
            // Adding zero turns -0 into 0, so that the bits of both agree.
            self.numbers.push(number + 0.0);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_and_sentinels() {
        let missing = Missing::default().and(["unknown", "999", "-0"]);
        for text in ["", "na", "NULL", "None", "\\n", "Unknown", "999"] {
            assert!(missing.covers(text.as_bytes()), "{text}");
        }
        assert!(!missing.covers(b"nobody"));
        assert!(missing.covers_number(999.0) && missing.covers_number(0.0));
        assert!(!missing.covers_number(99.0));
        assert!(!Missing::only::<&str>([]).covers(b""));
    }
}
