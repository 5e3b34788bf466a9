//! Texts in Chinese and English from one catalogue.
//!
//! A text that people read is a [`Text`]: both languages side by side, so that a page can carry
//! both and switch. Texts come from typed keys: [`messages!`](crate::messages) turns a table of
//! entries into one function per key whose arguments are checked by the compiler and written the
//! way each language writes numbers. Other crates declare their own tables with the same macro and
//! hand the resulting texts over; [`problems`] checks a table in a test.

mod catalogue;
mod quantity;

pub use catalogue::*;
pub use contract::Text;
pub use quantity::{Quantity, Unit};

/// A language that pages, reports and the command line speak.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Language {
    /// English.
    #[default]
    English,
    /// Chinese in simplified characters.
    Chinese,
}

impl Language {
    /// The language tag for the `lang` attribute of HTML and SVG: `en` or `zh`.
    pub fn tag(self) -> &'static str {
        match self {
            Self::English => "en",
            Self::Chinese => "zh",
        }
    }

    /// The text in this language.
    pub fn of(self, text: &Text) -> &str {
        match self {
            Self::English => &text.en,
            Self::Chinese => &text.zh,
        }
    }

    /// The language that a locale name such as `zh_CN.UTF-8` asks for; English unless it is
    /// Chinese.
    pub fn from_locale(locale: &str) -> Self {
        let name = locale.split(['_', '-', '.']).next().unwrap_or_default();
        if name.eq_ignore_ascii_case("zh") { Self::Chinese } else { Self::English }
    }
}

/// Which languages a rendering carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Languages {
    /// Both, each marked by its `lang` attribute; the page around shows one of them.
    Both,
    /// One language, for a file that stands alone.
    Only(Language),
}

/// A text that reads the same in both languages: a name, a code, a formula.
pub fn neutral(name: impl Into<String>) -> Text {
    let name = name.into();
    Text::owned(name.clone(), name)
}

/// Names one after the other, as each language lists them.
pub fn listed(names: &[String]) -> Text {
    let english = match names {
        [front @ .., last] if !front.is_empty() => format!("{} and {last}", front.join(", ")),
        _ => names.concat(),
    };
    Text::owned(english, names.join("、"))
}

/// Something that can stand in a message, written as each language writes it.
pub trait Argument {
    /// The argument as it reads inside a sentence of `language`.
    fn write(&self, language: Language) -> String;
}

impl Argument for Text {
    fn write(&self, language: Language) -> String {
        language.of(self).to_owned()
    }
}

impl Argument for str {
    fn write(&self, _: Language) -> String {
        self.to_owned()
    }
}

impl Argument for String {
    fn write(&self, _: Language) -> String {
        self.clone()
    }
}

impl Argument for Quantity {
    fn write(&self, language: Language) -> String {
        Self::write(*self, language)
    }
}

impl<A: Argument + ?Sized> Argument for &A {
    fn write(&self, language: Language) -> String {
        A::write(self, language)
    }
}

/// One key of a catalogue with its two patterns, as [`messages!`](crate::messages) lists them.
#[derive(Clone, Copy, Debug)]
pub struct Entry {
    /// The function that makes the text.
    pub key: &'static str,
    /// The English pattern with `{argument}` places.
    pub en: &'static str,
    /// The Chinese pattern with the same places.
    pub zh: &'static str,
}

/// What is wrong with a catalogue, one sentence each: an empty side, places that differ between the
/// languages, or a side that was left untranslated. `neutral_keys` lists the keys whose two sides
/// are meant to be equal.
pub fn problems(entries: &[Entry], neutral_keys: &[&str]) -> Vec<String> {
    let mut found = Vec::new();
    for entry in entries {
        if entry.en.trim().is_empty() || entry.zh.trim().is_empty() {
            found.push(format!("{}: a language is empty", entry.key));
        }
        if places(entry.en) != places(entry.zh) {
            found.push(format!("{}: the languages name different arguments", entry.key));
        }
        let untranslated = entry.en == entry.zh || entry.zh.is_ascii();
        if untranslated != neutral_keys.contains(&entry.key) {
            found.push(format!("{}: untranslated, or wrongly listed as neutral", entry.key));
        }
    }
    found
}

/// The names between braces, sorted.
fn places(pattern: &str) -> Vec<&str> {
    let mut names: Vec<&str> =
        pattern.split('{').skip(1).filter_map(|rest| rest.split('}').next()).collect();
    names.sort_unstable();
    names.dedup();
    names
}

/// Declares a catalogue: one public function per key, and `ENTRIES` with all keys for tests.
///
/// ```
/// report::messages! {
///     /// How many customers both sides have.
///     common_customers(count) { "{count} customers in common", "共同客户 {count} 人" }
/// }
/// # fn main() {
/// let text = common_customers(report::message::Quantity::count(12_345));
/// assert_eq!(text.zh, "共同客户 12,345 人");
/// assert_eq!(ENTRIES.len(), 1);
/// # }
/// ```
#[macro_export]
macro_rules! messages {
    ($(
        $(#[$meta:meta])*
        $key:ident ( $($argument:ident),* ) { $en:literal, $zh:literal }
    )*) => {
        $(
            $(#[$meta])*
            pub fn $key($($argument: impl $crate::message::Argument),*) -> $crate::message::Text {
                let en = {
                    $(let $argument = $argument.write($crate::message::Language::English);)*
                    format!($en)
                };
                let zh = {
                    $(let $argument = $argument.write($crate::message::Language::Chinese);)*
                    format!($zh)
                };
                $crate::message::Text::owned(en, zh)
            }
        )*

        /// Every key of this catalogue with both patterns.
        pub const ENTRIES: &[$crate::message::Entry] = &[
            $($crate::message::Entry { key: stringify!($key), en: $en, zh: $zh },)*
        ];
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_catalogue_has_both_languages_everywhere() {
        let none: Vec<String> = Vec::new();
        assert_eq!(problems(ENTRIES, &["joined", "signed", "area_under_curve", "metric_ks"]), none);
    }

    #[test]
    fn names_are_listed_as_each_language_does() {
        let list = |names: &[&str]| {
            let text = listed(&names.iter().map(|&name| name.to_owned()).collect::<Vec<_>>());
            [text.en.into_owned(), text.zh.into_owned()]
        };
        assert_eq!(list(&["a"]), ["a", "a"]);
        assert_eq!(list(&["a", "b"]), ["a and b", "a、b"]);
        assert_eq!(list(&["a", "b", "c"]), ["a, b and c", "a、b、c"]);
    }

    #[test]
    fn a_bad_catalogue_is_found_out() {
        let bad = [
            Entry { key: "empty", en: "x", zh: "" },
            Entry { key: "places", en: "{a} rows", zh: "{b} 行" },
            Entry { key: "forgotten", en: "rows", zh: "rows" },
        ];
        let found = problems(&bad, &[]);
        for key in ["empty: a", "places: the", "forgotten: un"] {
            assert!(found.iter().any(|line| line.starts_with(key)), "{key} in {found:?}");
        }
    }

    #[test]
    fn arguments_are_written_per_language() {
        let text = seen_by("bank");
        assert_eq!((&*text.en, &*text.zh), ("Seen by bank only", "仅 bank 可见"));
        let text = first_of(Quantity::count(25), Quantity::count(1200));
        assert_eq!(text.en, "The first 25 of 1,200 are shown.");
        assert_eq!(text.zh, "共 1,200 项，仅显示前 25 项。");
    }

    #[test]
    fn a_locale_names_its_language() {
        assert_eq!(Language::from_locale("zh_CN.UTF-8"), Language::Chinese);
        assert_eq!(Language::from_locale("zh-Hans"), Language::Chinese);
        assert_eq!(Language::from_locale("C"), Language::English);
        assert_eq!(Language::from_locale(""), Language::English);
    }
}
