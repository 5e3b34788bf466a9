//! The description of a component: parameters with bounds, privacy modes with disclosures.

use serde::Serialize;

use crate::{Disclosure, Role, Share, Text};

/// The name of the strictest privacy mode, which a job gets when it names none.
///
/// A component without it must be asked for by the name of one of the modes it has.
pub const STRICT: &str = "strict";

/// What a component is, does, takes and reveals.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ComponentDescriptor {
    /// The name in the catalogue, such as `train.logistic_regression`.
    pub name: &'static str,
    /// The name people read.
    pub title: Text,
    /// What it does, in a sentence or two.
    pub description: Text,
    /// The roles that take part.
    pub roles: &'static [Role],
    /// The privacy modes, strictest first; never empty.
    pub modes: &'static [PrivacyMode],
    /// The parameters, in the order in which a manual lists them.
    pub parameters: &'static [ParameterDescriptor],
}

impl ComponentDescriptor {
    /// The part of the name that a job file writes: `logistic_regression`.
    pub fn short_name(&self) -> &'static str {
        self.name.split_once('.').map_or(self.name, |(_, short)| short)
    }

    /// The mode of this name, if the component has it.
    pub fn mode(&self, name: &str) -> Option<&'static PrivacyMode> {
        self.modes.iter().find(|mode| mode.name == name)
    }

    /// The names of all modes, strictest first.
    pub fn mode_names(&self) -> Vec<&'static str> {
        self.modes.iter().map(|mode| mode.name).collect()
    }

    /// The parameter of this name, if the component has it.
    pub fn parameter(&self, name: &str) -> Option<&'static ParameterDescriptor> {
        self.parameters.iter().find(|parameter| parameter.name == name)
    }
}

/// One way to run a component, with everything each role learns from it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PrivacyMode {
    /// The name that a job file writes after `privacy:`.
    pub name: &'static str,
    /// What the mode gives and gives up, in a sentence.
    pub summary: Text,
    /// Whether it takes several hosts; else one guest and one host.
    pub several_hosts: bool,
    /// The complete list of what is learnt; "the host" is each of several.
    pub disclosures: &'static [Disclosure],
}

/// One setting of a component.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ParameterDescriptor {
    /// The key in a job file.
    pub name: &'static str,
    /// What it sets, with its unit.
    pub description: Text,
    /// Its type, bounds and default.
    #[serde(flatten)]
    pub kind: ParameterKind,
}

/// The type of a setting, its bounds (both ends are allowed) and its default.
///
/// A default of `None` means that leaving the setting out switches off what it controls.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum ParameterKind {
    /// `true` or `false`.
    Flag {
        /// Used when the job does not say.
        default: bool,
    },
    /// A whole number.
    Integer {
        /// Used when the job does not say.
        default: u32,
        /// The smallest allowed value.
        minimum: u32,
        /// The largest allowed value.
        maximum: u32,
    },
    /// A real number.
    Number {
        /// Used when the job does not say.
        default: Option<f64>,
        /// The smallest allowed value.
        minimum: f64,
        /// The largest allowed value.
        maximum: f64,
    },
    /// A part of a whole, such as `30%`.
    Share {
        /// Used when the job does not say.
        default: Share,
        /// The smallest allowed value.
        minimum: Share,
        /// The largest allowed value.
        maximum: Share,
    },
    /// A list of parts of a whole, such as `[1%, 5%]`, without repetition.
    Shares {
        /// Used when the job does not say.
        default: &'static [Share],
    },
    /// For columns of any party one of several words, `{ party: { column: word } }`; none when the
    /// job does not say.
    OfColumns {
        /// The allowed words.
        options: &'static [&'static str],
    },
    /// One of several words.
    Choice {
        /// Used when the job does not say.
        default: &'static str,
        /// The allowed words.
        options: &'static [&'static str],
    },
}
