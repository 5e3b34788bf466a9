//! The language of what people read.

use std::env;

use report::message::Language;

use crate::arguments::LanguageChoice;

/// The language that was asked for, or that of the environment.
pub(crate) fn choose(asked: Option<LanguageChoice>) -> Language {
    match asked {
        Some(LanguageChoice::En) => Language::English,
        Some(LanguageChoice::Zh) => Language::Chinese,
        None => Language::from_locale(&locale()),
    }
}

/// The first variable that is set decides, as in every program (POSIX, section 8.2).
fn locale() -> String {
    let variables = ["LC_ALL", "LC_MESSAGES", "LANG"];
    let set = variables.into_iter().filter_map(|name| env::var(name).ok());
    set.into_iter().find(|value| !value.is_empty()).unwrap_or_default()
}
