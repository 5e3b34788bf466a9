//! The register of the models that runs have trained here: versions, who decided what about them,
//! and which one scoring uses. It is a fold of its events; files are looked at elsewhere.

use std::collections::BTreeMap;
use std::fmt;

use contract::Text;
use governance::canonical::Digest;
use governance::roles::Action;
use governance::time::Time;
use serde::{Deserialize, Serialize};

/// A model as jobs that score name it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ModelName {
    /// The name of the job that trained it.
    pub job: String,
    /// The step in which it did.
    pub step: String,
}

/// What happened to a model.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum ModelEvent {
    /// What a finished run has trained is in the register.
    Registered(Box<ModelVersion>),
    /// Somebody has decided about a version.
    Decided {
        /// The model.
        model: ModelName,
        /// The number of the version.
        version: u32,
        /// What was decided.
        decided: Decided,
    },
}

/// One version of a model: what a run has trained.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ModelVersion {
    /// The model.
    pub model: ModelName,
    /// 1, 2, 3 and so on.
    pub number: u32,
    /// The run that trained it.
    pub run: Digest,
    /// The terms under which it did.
    pub agreement: Digest,
    /// The digest of this party's part of it.
    pub file: Digest,
    /// How good it is, as far as this party may know: decimals by name.
    pub metrics: BTreeMap<String, String>,
    /// Who registered it.
    pub by: String,
    /// When.
    pub at: Time,
}

/// A decision with who made it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Decided {
    /// What.
    pub decision: Decision,
    /// Who.
    pub by: String,
    /// When.
    pub at: Time,
}

/// What is decided about a version.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Decision {
    /// Scoring uses it from now on; publishing an earlier version is going back to it.
    Publish,
    /// It is not published, for a reason.
    Refuse {
        /// Why not.
        reason: String,
    },
    /// Nothing uses it any more, for good.
    Retire,
}

/// Where a version stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Nobody has decided.
    Waiting,
    /// Scoring uses it.
    Published,
    /// It was published, and another version has taken its place.
    Replaced,
    /// It was refused, for a reason.
    Refused(String),
    /// It is out of use for good.
    Retired,
}

/// A version with everything that was decided about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModelEntry {
    /// The version.
    pub version: ModelVersion,
    /// Where it stands.
    pub standing: Standing,
    /// All decisions, in order.
    pub decisions: Vec<Decided>,
}

/// All models by name, with their versions in order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Models(BTreeMap<ModelName, Vec<ModelEntry>>);

/// Why something is not done with a model.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ModelError {
    /// Its run has not finished.
    NotFinished,
    /// The run has left no such model here.
    NoModel(String),
    /// The run's model is in the register.
    Registered(u32),
    /// The version is the published one.
    Published,
    /// It was refused.
    Refused,
    /// It was retired.
    Retired,
    /// Only what waits can be refused.
    NotWaiting,
    /// A reason is missing or too long.
    Reason,
    /// Whoever registered it may not publish it.
    FourEyes,
    /// The file is not there, or cannot be read.
    FileGone(ModelName, u32),
    /// The file is not the one that was registered.
    FileChanged(ModelName, u32),
    /// No version is published.
    NotPublished(ModelName),
    /// The name fits several published models.
    Several(ModelName),
}

impl ModelEvent {
    /// The model.
    pub fn model(&self) -> &ModelName {
        match self {
            Self::Registered(version) => &version.model,
            Self::Decided { model, .. } => model,
        }
    }
}

impl fmt::Display for ModelName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}/{}", self.job, self.step)
    }
}

impl ModelEntry {
    /// Whether a decision can be made by a person who is, or is not, the only one that may.
    ///
    /// # Errors
    /// The rule against it.
    pub fn check(&self, decision: &Decision, by: &str, is_only: bool) -> Result<(), ModelError> {
        let is_final = match self.standing {
            Standing::Retired => Err(ModelError::Retired),
            Standing::Refused(_) => Err(ModelError::Refused),
            _ => Ok(()),
        };
        match decision {
            Decision::Publish if self.standing == Standing::Published => Err(ModelError::Published),
            Decision::Publish => {
                is_final?;
                let needs_another = Action::PublishModel.needs_another_person();
                let is_same = needs_another && self.version.by == by;
                if is_same && !is_only { Err(ModelError::FourEyes) } else { Ok(()) }
            }
            Decision::Refuse { .. } if self.standing != Standing::Waiting => {
                Err(ModelError::NotWaiting)
            }
            Decision::Refuse { reason } => {
                let is_line = !reason.chars().any(char::is_control);
                let is_fine = (1..=REASON_MAX).contains(&reason.chars().count()) && is_line;
                if is_fine { Ok(()) } else { Err(ModelError::Reason) }
            }
            Decision::Retire => is_final,
        }
    }
}

impl Models {
    /// All models with their versions.
    pub fn all(&self) -> impl ExactSizeIterator<Item = (&ModelName, &[ModelEntry])> {
        self.0.iter().map(|(name, entries)| (name, entries.as_slice()))
    }

    /// The versions of a model.
    pub fn versions(&self, name: &ModelName) -> Option<&[ModelEntry]> {
        self.0.get(name).map(Vec::as_slice)
    }

    /// One version.
    pub fn entry(&self, name: &ModelName, number: u32) -> Option<&ModelEntry> {
        self.versions(name)?.iter().find(|entry| entry.version.number == number)
    }

    /// The newest version of a model that a run has trained.
    pub fn of_run(&self, name: &ModelName, run: &Digest) -> Option<&ModelEntry> {
        self.versions(name)?.iter().rev().find(|entry| entry.version.run == *run)
    }

    /// The number that the next version of a model has, if a run's model can be registered.
    ///
    /// # Errors
    /// [`ModelError::Registered`], unless that version was refused.
    pub fn next(&self, name: &ModelName, run: &Digest) -> Result<u32, ModelError> {
        match self.of_run(name, run) {
            Some(entry) if !matches!(entry.standing, Standing::Refused(_)) => {
                Err(ModelError::Registered(entry.version.number))
            }
            _ => {
                let last = self.versions(name).and_then(|entries| entries.last());
                Ok(last.map_or(0, |entry| entry.version.number) + 1)
            }
        }
    }

    /// The published version that a job means by the name of a job and of a step, which may leave
    /// the split out.
    ///
    /// # Errors
    /// [`ModelError::NotPublished`], [`ModelError::Several`].
    pub fn published(&self, wanted: &ModelName) -> Result<&ModelEntry, ModelError> {
        let is_meant = |name: &ModelName| {
            let rest = name.step.strip_prefix(&wanted.step);
            name.job == wanted.job && rest.is_some_and(|it| it.is_empty() || it.starts_with('.'))
        };
        let published = |name: &ModelName| {
            let entries = self.versions(name).unwrap_or_default();
            entries.iter().find(|entry| entry.standing == Standing::Published)
        };
        if let Some(entry) = published(wanted) {
            return Ok(entry);
        }
        let mut found = self.0.keys().filter(|name| is_meant(name)).filter_map(published);
        match (found.next(), found.next()) {
            (Some(entry), None) => Ok(entry),
            (None, _) => Err(ModelError::NotPublished(wanted.clone())),
            (Some(_), Some(_)) => Err(ModelError::Several(wanted.clone())),
        }
    }

    /// Puts what has happened into the register.
    pub(super) fn apply(&mut self, event: &ModelEvent) {
        match event {
            ModelEvent::Registered(version) => {
                let entries = self.0.entry(version.model.clone()).or_default();
                entries.push(ModelEntry {
                    version: (**version).clone(),
                    standing: Standing::Waiting,
                    decisions: Vec::new(),
                });
            }
            ModelEvent::Decided { model, version, decided } => {
                let Some(entries) = self.0.get_mut(model) else { return };
                for entry in entries {
                    let is_meant = entry.version.number == *version;
                    if is_meant {
                        entry.standing = match &decided.decision {
                            Decision::Publish => Standing::Published,
                            Decision::Refuse { reason } => Standing::Refused(reason.clone()),
                            Decision::Retire => Standing::Retired,
                        };
                        entry.decisions.push(decided.clone());
                    } else if decided.decision == Decision::Publish
                        && entry.standing == Standing::Published
                    {
                        entry.standing = Standing::Replaced;
                    }
                }
            }
        }
    }
}

impl ModelError {
    /// What is wrong, in both languages.
    pub fn text(&self) -> Text {
        match self {
            Self::NotFinished => {
                Text::new("the run has not finished; wait until it has", "任务尚未完成，请稍候")
            }
            Self::NoModel(step) => Text::owned(
                format!("the run has left no model `{step}` here"),
                format!("任务未在本节点留下模型“{step}”"),
            ),
            Self::Registered(number) => Text::owned(
                format!("this model of the run is registered, as version {number}"),
                format!("该任务的此模型已登记为第 {number} 版"),
            ),
            Self::Published => Text::new("this version is the published one", "此版本已发布"),
            Self::Refused => Text::new(
                "this version was refused; register the run's model again",
                "此版本已被拒绝；可将任务的模型重新登记",
            ),
            Self::Retired => Text::new(
                "this version was retired and stays so; publish another one",
                "此版本已停用且不可恢复；请发布其他版本",
            ),
            Self::NotWaiting => Text::new(
                "only a version that waits for a decision can be refused; retire this one",
                "只有待审批的版本可以拒绝；请改为停用",
            ),
            Self::Reason => Text::new(
                "a reason of 1 to 480 characters on one line is needed",
                "须填写 1 至 480 个字符的单行原因",
            ),
            Self::FourEyes => Text::new(
                "whoever registered a version does not publish it: ask another person who may",
                "登记者不能发布同一版本：请由另一位有权限的人员发布",
            ),
            Self::FileGone(name, number) => Text::owned(
                format!(
                    "the file of version {number} of {name} is not there or cannot be read; \
                     restore the run's results"
                ),
                format!("{name} 第 {number} 版的文件不存在或无法读取；请恢复该任务的结果"),
            ),
            Self::FileChanged(name, number) => Text::owned(
                format!(
                    "the file of version {number} of {name} was changed after it was registered; \
                     restore the run's results, or publish another version"
                ),
                format!(
                    "{name} 第 {number} 版的文件在登记后被更改；请恢复该任务的结果，或发布其他版本"
                ),
            ),
            Self::NotPublished(name) => Text::owned(
                format!("no version of the model {name} is published here; publish one first"),
                format!("本节点没有已发布的模型 {name}；请先发布一个版本"),
            ),
            Self::Several(name) => Text::owned(
                format!("{name} fits several published models; name the split under `step:` too"),
                format!("{name} 对应多个已发布的模型；请在 `step:` 中写明切分名"),
            ),
        }
    }
}

impl fmt::Display for ModelError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.text().en)
    }
}

impl std::error::Error for ModelError {}

/// The longest reason, in characters.
const REASON_MAX: usize = 480;

#[cfg(test)]
mod tests;
