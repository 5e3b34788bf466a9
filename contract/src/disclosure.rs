//! What a party learns, declared before a job runs and counted while it runs.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use crate::{Audience, Text};

/// One thing that a component lets somebody learn.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Disclosure {
    /// Who learns it.
    pub to: Audience,
    /// The name that code, audit records and scripts use, such as `intersection.rows`.
    pub key: Cow<'static, str>,
    /// The same in plain words.
    pub what: Text,
    /// Why it is learnt.
    pub kind: DisclosureKind,
    /// How often at most.
    pub count: Frequency,
}

impl Disclosure {
    /// A disclosure known when the program is compiled, as the catalogue writes them.
    pub(crate) const fn new(
        to: Audience,
        key: &'static str,
        kind: DisclosureKind,
        count: Frequency,
        what: Text,
    ) -> Self {
        Self { to, key: Cow::Borrowed(key), what, kind, count }
    }
}

/// Why something is learnt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DisclosureKind {
    /// It is what the job is run for.
    Result,
    /// A number of rows, columns, messages or rounds.
    Size,
    /// The protocol opens it on the way to the result.
    Intermediate,
    /// Nobody sends it, but it follows from what is opened and what the party knows already.
    Inference,
}

impl DisclosureKind {
    /// The name people read.
    pub const fn title(self) -> Text {
        match self {
            Self::Result => Text::new("result", "结果"),
            Self::Size => Text::new("size", "规模"),
            Self::Intermediate => Text::new("intermediate value", "中间值"),
            Self::Inference => Text::new("can be inferred", "可推断"),
        }
    }
}

/// How often a disclosure happens at most.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Frequency {
    /// Once in the step.
    Once,
    /// Once in each training round.
    PerRound,
    /// Once for each tree.
    PerTree,
    /// Once for each level of each tree.
    PerLevel,
    /// Once for each split that is chosen.
    PerSplit,
    /// Once for each feature.
    PerFeature,
}

impl Frequency {
    /// The name people read.
    pub const fn title(self) -> Text {
        match self {
            Self::Once => Text::new("once", "一次"),
            Self::PerRound => Text::new("once a round", "每轮一次"),
            Self::PerTree => Text::new("once a tree", "每棵树一次"),
            Self::PerLevel => Text::new("once a tree level", "每层一次"),
            Self::PerSplit => Text::new("once a split", "每个分裂一次"),
            Self::PerFeature => Text::new("once a feature", "每个特征一次"),
        }
    }
}

/// What was really opened, counted while a job ran.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Observed {
    /// Who learnt it.
    pub to: Audience,
    /// The learner's name in the job; `None` for every party.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub party: Option<String>,
    /// The key of the [`Disclosure`] that allowed it.
    pub key: Cow<'static, str>,
    /// How many values were opened.
    pub count: u64,
}

/// The observed openings that no declared disclosure covers; anything here is a defect.
///
/// A disclosure to all covers an opening to one role, not the other way round.
pub fn undeclared<'a>(declared: &[Disclosure], observed: &'a [Observed]) -> Vec<&'a Observed> {
    let covers = |opening: &Observed| {
        declared.iter().any(|disclosure| {
            disclosure.key == opening.key
                && (disclosure.to == opening.to || disclosure.to == Audience::All)
        })
    };
    observed.iter().filter(|opening| opening.count > 0 && !covers(opening)).collect()
}

#[cfg(test)]
mod tests {
    use super::{Disclosure, DisclosureKind, Frequency, Observed, undeclared};
    use crate::{Audience, Text};

    #[test]
    fn an_opening_needs_its_own_key_and_audience() {
        let declare = |to, key| {
            let what = Text::new("rows", "行");
            Disclosure::new(to, key, DisclosureKind::Size, Frequency::Once, what)
        };
        let saw =
            |to, key: &'static str, count| Observed { to, party: None, key: key.into(), count };
        let declared = [declare(Audience::All, "rows"), declare(Audience::Guest, "sums")];
        let fine = [
            saw(Audience::Host, "rows", 1),
            saw(Audience::Guest, "sums", 9),
            saw(Audience::Host, "labels", 0),
        ];
        assert!(undeclared(&declared, &fine).is_empty());
        let wrong = [
            saw(Audience::Host, "sums", 1),
            saw(Audience::All, "sums", 1),
            saw(Audience::Guest, "labels", 1),
        ];
        assert_eq!(undeclared(&declared, &wrong).len(), 3);
    }
}
