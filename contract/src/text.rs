//! Text in the two languages of people who approve and read jobs.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

/// One message in English and Chinese. Both are always present.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Text {
    /// The English wording.
    pub en: Cow<'static, str>,
    /// The Chinese wording (simplified characters).
    pub zh: Cow<'static, str>,
}

impl Text {
    /// A text known when the program is compiled.
    pub const fn new(en: &'static str, zh: &'static str) -> Self {
        Self { en: Cow::Borrowed(en), zh: Cow::Borrowed(zh) }
    }

    /// A text put together while the program runs.
    pub const fn owned(en: String, zh: String) -> Self {
        Self { en: Cow::Owned(en), zh: Cow::Owned(zh) }
    }
}
