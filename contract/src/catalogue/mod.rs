//! Every component of Tombolo, described.
//!
//! The registry in `jobs` must run exactly these; a test there compares the two lists.

mod align;
mod classes;
mod evaluate;
mod hidden;
mod multiparty;
mod payload;
mod prepare;
mod recommendation;
mod regression;
mod score;
mod split;
mod totals;
mod train;
mod unbalanced;

pub use align::{ECDH, RR22, cascade};
pub use classes::MULTINOMIAL_REGRESSION;
pub use evaluate::{EVALUATE, REPORT};
pub use hidden::{HIDDEN, hidden_of};
pub use multiparty::MULTIPARTY;
pub use payload::{PAYLOAD, payload_of};
pub use prepare::{BIN, ENCODE, MISSING, OUTLIERS, SELECT, WOE_KNOWN_TO_HOST};
pub use recommendation::{FACTORIZATION_MACHINE, USER_FACTORS_KNOWN_TO_GUEST};
pub use regression::{GAMMA_REGRESSION, LINEAR_REGRESSION, POISSON_REGRESSION, TWEEDIE_REGRESSION};
pub use score::{SCORE, score_of};
pub use split::SPLIT;
pub use totals::{TOTALS, totals_of};
pub use train::{
    BOOSTED_TREES, LABELS_OF_LEVELS, LEVELS, LOGISTIC_REGRESSION, MEANS_OF_LEVELS, ROWS_OF_LEVELS,
    WARM_START, model_of,
};
pub use unbalanced::{UNBALANCED, unbalanced_of};

use crate::{ComponentDescriptor, ParameterDescriptor, ParameterKind, PrivacyMode, STRICT, Text};

/// All components, in the order in which a job uses them.
pub fn all() -> &'static [&'static ComponentDescriptor] {
    &ALL
}

/// The component of this name, such as `train.boosted_trees`.
pub fn find(name: &str) -> Option<&'static ComponentDescriptor> {
    all().iter().copied().find(|component| component.name == name)
}

/// The components of one stage, such as `prepare`, in catalogue order.
pub fn stage(prefix: &str) -> impl Iterator<Item = &'static ComponentDescriptor> {
    all().iter().copied().filter(move |component| {
        component.name.split_once('.').is_some_and(|(stage, _)| stage == prefix)
    })
}

static ALL: [&ComponentDescriptor; 24] = [
    &ECDH,
    &RR22,
    &MULTIPARTY,
    &UNBALANCED,
    &TOTALS,
    &HIDDEN,
    &PAYLOAD,
    &SPLIT,
    &MISSING,
    &OUTLIERS,
    &BIN,
    &SELECT,
    &ENCODE,
    &LOGISTIC_REGRESSION,
    &MULTINOMIAL_REGRESSION,
    &LINEAR_REGRESSION,
    &POISSON_REGRESSION,
    &GAMMA_REGRESSION,
    &TWEEDIE_REGRESSION,
    &BOOSTED_TREES,
    &FACTORIZATION_MACHINE,
    &SCORE,
    &EVALUATE,
    &REPORT,
];

/// The only mode of a component that each party runs on its own data.
const LOCAL: &[PrivacyMode] = &[PrivacyMode {
    name: STRICT,
    summary: Text::new(
        "Each party works on its own rows; nothing is sent.",
        "各方只处理自己的数据，不发送任何内容。",
    ),
    several_hosts: true,
    disclosures: &[],
}];

const fn parameter(
    name: &'static str,
    kind: ParameterKind,
    description: Text,
) -> ParameterDescriptor {
    ParameterDescriptor { name, description, kind }
}

const fn integer(default: u32, minimum: u32, maximum: u32) -> ParameterKind {
    ParameterKind::Integer { default, minimum, maximum }
}

const fn number(default: f64, minimum: f64, maximum: f64) -> ParameterKind {
    ParameterKind::Number { default: Some(default), minimum, maximum }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::{all, find, stage};
    use crate::{ComponentDescriptor, ParameterKind, Share};

    #[test]
    fn names_are_unique_and_found() {
        let names: BTreeSet<_> = all().iter().map(|component| component.name).collect();
        assert_eq!(names.len(), all().len());
        assert!(all().iter().all(|component| find(component.name) == Some(component)));
        assert_eq!(find("train.magic"), None);
        assert_eq!(stage("train").count(), 8);
    }

    #[test]
    fn every_text_is_there_in_both_languages() {
        for component in all() {
            let mut texts = vec![&component.title, &component.description];
            texts.extend(component.parameters.iter().map(|parameter| &parameter.description));
            for mode in component.modes {
                texts.push(&mode.summary);
                texts.extend(mode.disclosures.iter().map(|disclosure| &disclosure.what));
            }
            for text in texts {
                assert!(!text.en.is_empty() && !text.zh.is_empty(), "{}", component.name);
                assert!(!text.zh.is_ascii(), "{}: {} is not Chinese", component.name, text.zh);
            }
        }
    }

    #[test]
    fn defaults_lie_within_their_bounds() {
        for component in all() {
            for parameter in component.parameters {
                let sound = match parameter.kind {
                    ParameterKind::Flag { .. } | ParameterKind::OfColumns { .. } => true,
                    ParameterKind::Integer { default, minimum, maximum } => {
                        (minimum..=maximum).contains(&default)
                    }
                    ParameterKind::Number { default, minimum, maximum } => {
                        minimum <= maximum
                            && default.is_none_or(|value| (minimum..=maximum).contains(&value))
                    }
                    ParameterKind::Share { default, minimum, maximum } => {
                        (minimum..=maximum).contains(&default)
                    }
                    ParameterKind::Shares { default } => {
                        !default.is_empty() && default.iter().all(|share| *share > Share::ZERO)
                    }
                    ParameterKind::Choice { default, options } => options.contains(&default),
                };
                assert!(sound, "{}.{}", component.name, parameter.name);
            }
        }
    }

    #[test]
    fn modes_and_their_disclosures_have_unique_names() {
        for component in all() {
            assert!(!component.modes.is_empty(), "{}", component.name);
            let names: BTreeSet<_> = component.mode_names().into_iter().collect();
            assert_eq!(names.len(), component.modes.len(), "{}", component.name);
            for mode in component.modes {
                let keys: BTreeSet<_> =
                    mode.disclosures.iter().map(|it| (it.to, it.key.as_ref())).collect();
                assert_eq!(keys.len(), mode.disclosures.len(), "{}", component.name);
            }
        }
    }

    /// A job with several hosts can align, split, select and train, if it asks for the right modes.
    #[test]
    fn some_modes_of_each_needed_stage_take_several_hosts() {
        let takes_several = |component: &&ComponentDescriptor| {
            component.modes.iter().any(|mode| mode.several_hosts)
        };
        for (prefix, count) in [("align", 1), ("train", 7)] {
            assert_eq!(stage(prefix).filter(takes_several).count(), count, "{prefix}");
        }
        let modes = &find("train.boosted_trees").unwrap().modes;
        assert!(modes.iter().all(|mode| mode.several_hosts));
        for name in ["split", "prepare.select", "prepare.missing"] {
            assert!(takes_several(&find(name).unwrap()), "{name}");
        }
    }

    #[test]
    fn descriptors_can_be_printed_for_scripts() {
        let print = |component: &ComponentDescriptor| serde_json::to_value(component).unwrap();
        let trees = print(find("train.boosted_trees").unwrap());
        assert_eq!(trees["modes"][0]["name"], "strict");
        let types = trees["parameters"].as_array().unwrap();
        let rounds = types.iter().find(|it| it["name"] == "trees").unwrap();
        assert_eq!(rounds["type"], "integer");
    }
}
