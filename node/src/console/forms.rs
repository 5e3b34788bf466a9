//! What a browser sends: pairs of names and values, as forms and queries write them.

use std::collections::BTreeMap;
use std::fmt;

use contract::Text;

/// The most fields of one form; agreements over wide tables have one for each column.
const FIELDS_MAX: usize = 20_000;

/// A form or a query. `Debug` shows no value: some are passwords.
#[derive(Clone, Default, PartialEq, Eq)]
pub(super) struct Form {
    fields: BTreeMap<String, Vec<String>>,
}

/// What is wrong with a form, by the names of its fields; `""` for all of it.
pub(super) type Mistakes = BTreeMap<String, Text>;

impl fmt::Debug for Form {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_tuple("Form").field(&self.fields.keys()).finish()
    }
}

impl Form {
    /// Reads `name=value&…`. Bytes that are no UTF-8 become U+FFFD.
    pub(super) fn parse(bytes: &[u8]) -> Self {
        let mut fields = BTreeMap::<String, Vec<String>>::new();
        let pairs = bytes.split(|byte| *byte == b'&').filter(|pair| !pair.is_empty());
        for pair in pairs.take(FIELDS_MAX) {
            let middle = pair.iter().position(|byte| *byte == b'=').unwrap_or(pair.len());
            let (name, value) = pair.split_at(middle);
            let value = decoded(value.get(1..).unwrap_or_default());
            fields.entry(decoded(name)).or_default().push(value);
        }
        Self { fields }
    }

    /// A form with these fields, for what begins with something.
    pub(super) fn of<N: Into<String>, V: Into<String>>(
        fields: impl IntoIterator<Item = (N, V)>,
    ) -> Self {
        let mut form = Self::default();
        for (name, value) in fields {
            form.fields.entry(name.into()).or_default().push(value.into());
        }
        form
    }

    /// The first value of a field without blanks around it; empty if there is none.
    pub(super) fn text(&self, name: &str) -> &str {
        self.raw(name).trim()
    }

    /// The first value of a field as it came, such as a password.
    pub(super) fn raw(&self, name: &str) -> &str {
        self.fields.get(name).and_then(|values| values.first()).map_or("", String::as_str)
    }

    /// Whether a box is ticked.
    pub(super) fn has(&self, name: &str) -> bool {
        self.fields.contains_key(name)
    }

    /// All values of a field.
    pub(super) fn all(&self, name: &str) -> impl Iterator<Item = &str> {
        self.fields.get(name).into_iter().flatten().map(String::as_str)
    }

    /// The fields whose names begin so, with the rest of the name.
    pub(super) fn within<'a>(
        &'a self,
        prefix: &'a str,
    ) -> impl Iterator<Item = (&'a str, &'a str)> {
        self.fields.iter().filter_map(move |(name, values)| {
            Some((name.strip_prefix(prefix)?, values.first()?.trim()))
        })
    }

    /// The lines of a field that are not empty.
    pub(super) fn lines(&self, name: &str) -> Vec<String> {
        let lines = self.raw(name).lines().map(str::trim).filter(|line| !line.is_empty());
        lines.map(str::to_owned).collect()
    }
}

/// Undoes `+` and `%20`.
fn decoded(bytes: &[u8]) -> String {
    let mut out = Vec::with_capacity(bytes.len());
    let mut rest = bytes;
    while let [first, tail @ ..] = rest {
        let byte = match (first, tail) {
            (b'+', _) => b' ',
            (b'%', [high, low, ..]) => match (digit(*high), digit(*low)) {
                (Some(high), Some(low)) => {
                    rest = &tail[2..];
                    out.push(high << 4 | low);
                    continue;
                }
                _ => b'%',
            },
            _ => *first,
        };
        out.push(byte);
        rest = tail;
    }
    String::from_utf8_lossy(&out).into_owned()
}

fn digit(byte: u8) -> Option<u8> {
    char::from(byte).to_digit(16).map(|digit| digit as u8)
}

/// Writes a value as a path or query takes it.
pub(super) fn encoded(text: &str) -> String {
    use fmt::Write as _;
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            // Writing to a string does not fail.
            let _ = write!(out, "%{byte:02X}");
        }
    }
    out
}

/// A part of a path as it was meant.
pub(super) fn meant(part: &str) -> String {
    decoded(part.replace('+', "%2B").as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_are_read_as_browsers_write_them() {
        let form = Form::parse("a=1+2%2B3&b=%E5%BC%A0&a=&c&=d&e=%zz%4".as_bytes());
        assert_eq!((form.text("a"), form.text("b"), form.text("e")), ("1 2+3", "张", "%zz%4"));
        assert_eq!(form.all("a").collect::<Vec<_>>(), ["1 2+3", ""]);
        assert!(form.has("c") && !form.has("f") && form.text("f").is_empty());
        assert_eq!(Form::parse(b"a=%FF").text("a"), "\u{FFFD}");
        let text = "a b/c+张?&=\"<";
        assert_eq!(meant(&encoded(text)), text);
        assert_eq!(Form::parse(format!("x={}", encoded(text)).as_bytes()).raw("x"), text);
    }

    #[test]
    fn no_value_is_shown_by_debug() {
        assert_eq!(format!("{:?}", Form::parse(b"password=secret")), r#"Form(["password"])"#);
    }
}
