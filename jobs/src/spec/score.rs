//! Scores of new rows by a model that an earlier job trained.

use contract::{ComponentDescriptor, STRICT, catalogue};
use serde::{Serialize, Serializer};

use super::fields::{Fields, Problems, name, suggestion, text, word};
use super::node::{Node, shortened};
use super::problem::Problem;
use super::settings;
use super::{JobSpec, Model};

/// The settings of `score`.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ScoreSpec {
    /// The job that trained the model.
    pub model: String,
    /// The step in which it did, such as `logistic_regression.time`; without the split it is the
    /// only step of that name.
    pub step: String,
    /// What kind of model it is.
    #[serde(serialize_with = "by_name")]
    pub component: &'static ComponentDescriptor,
    /// The privacy mode in which it was trained and is applied.
    pub privacy: String,
}

/// An earlier model of the same kind, by whose coefficients a training begins.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct WarmStart {
    /// The job that trained it.
    pub model: String,
    /// The step in which it did; see [`ScoreSpec::step`].
    pub step: String,
}

impl WarmStart {
    /// What is looked for among the models of a party, by a step that trains `model`.
    pub(crate) fn wanted(&self, model: &Model) -> ScoreSpec {
        ScoreSpec {
            model: self.model.clone(),
            step: self.step.clone(),
            component: model.component(),
            privacy: model.privacy().to_owned(),
        }
    }
}

/// Reads `warm_start:` of a model.
pub(super) fn read_warm_start(node: &Node, problems: &mut Problems) -> Option<WarmStart> {
    let mut fields = Fields::of(node, "`warm_start`".to_owned(), problems)?;
    let (model, step) = read_source(&mut fields, problems);
    fields.finish(problems);
    Some(WarmStart { model: model?, step: step?.1 })
}

/// The job and the step that trained a model, with the place of the step.
fn read_source<'n>(
    fields: &mut Fields<'n>,
    problems: &mut Problems,
) -> (Option<String>, Option<(&'n Node, String)>) {
    let model = fields
        .require("model", "the name of the job that trained the model", problems)
        .and_then(|node| name(text(node, "model", problems)?, "a job", node.place, problems));
    let step = fields.require(
        "step",
        "the model of that job, such as `logistic_regression` or `boosted_trees.time`",
        problems,
    );
    (model, step.and_then(|node| Some((node, read_step(node, problems)?))))
}

/// Reads `score:`.
pub(super) fn read(node: Option<&Node>, problems: &mut Problems) -> Option<ScoreSpec> {
    let node = node?;
    let mut fields = Fields::of(node, "`score`".to_owned(), problems)?;
    let (model, step) = read_source(&mut fields, problems);
    let component_at = fields.take("component");
    let component = match (component_at, &step) {
        (Some(node), _) => named_component(node, problems),
        (None, Some((node, step))) => component_of(step, node, problems),
        (None, None) => None,
    };
    let privacy = match component {
        Some(component) => settings::take_mode(&mut fields, component, node, problems),
        // What is wrong with the component is said; the mode is taken for no unknown key.
        None => fields.take("privacy").map(|_| STRICT.to_owned()),
    };
    fields.finish(problems);
    Some(ScoreSpec { model: model?, step: step?.1, component: component?, privacy: privacy? })
}

/// What a job that scores leaves out; `has` says whether the job has a key, and
/// `add` takes a key of the job, a message and advice.
pub(super) fn check(
    job: &JobSpec,
    has: impl Fn(&str) -> bool,
    add: &mut impl FnMut(&str, String, &str),
) {
    check_warm_starts(job, add);
    if job.score.is_none() {
        if !job.uses_models() {
            for party in job.parties().filter(|party| party.models.is_some()) {
                let message = format!("`{}` has `models`, and the job scores nothing", party.name);
                add(
                    "parties",
                    message,
                    "leave it out, or add `score:` or to a model `warm_start:`",
                );
            }
        }
        return;
    }
    for key in ["train", "split", "splits", "prepare"].into_iter().filter(|key| has(key)) {
        let help = "leave it out: the model brings what was fitted, and nothing is fitted anew";
        add(key, format!("a job with `score` has no `{key}`"), help);
    }
}

/// What training from an earlier model does not go together with.
fn check_warm_starts(job: &JobSpec, add: &mut impl FnMut(&str, String, &str)) {
    for step in job.train.iter().filter(|step| step.warm_start.is_some()) {
        for (is_there, what, help) in [
            (
                matches!(step.model, Model::BoostedTrees { .. }),
                "boosted trees",
                "leave it out: trees are not moved, but added",
            ),
            (
                matches!(step.model, Model::FactorizationMachine { .. }),
                "a factorization machine",
                "leave it out: it is for regressions",
            ),
            (job.hides_rows(), "hidden rows", "leave it out"),
            (
                job.prepare.encode.uses_woe(),
                "weight of evidence",
                "leave it out, or encode otherwise: features mean something else in each run",
            ),
        ] {
            if is_there {
                add("train", format!("`{}` has `warm_start` and {what}", step.name), help);
            }
        }
    }
}

/// A name, or two with a point between: a model and its split.
fn read_step(node: &Node, problems: &mut Problems) -> Option<String> {
    let given = text(node, "step", problems)?;
    let (model, split) = given.split_once('.').map_or((given, None), |(a, b)| (a, Some(b)));
    name(model, "a model", node.place, problems)?;
    if let Some(split) = split {
        name(split, "a split", node.place, problems)?;
    }
    Some(given.to_owned())
}

/// The component that a step is called by, unless its job gave it another name.
fn component_of(
    step: &str,
    node: &Node,
    problems: &mut Problems,
) -> Option<&'static ComponentDescriptor> {
    let model = step.split('.').next().unwrap_or(step);
    let component = models().find(|component| component.short_name() == model);
    if component.is_none() {
        let names: Vec<&str> = models().map(ComponentDescriptor::short_name).collect();
        let message =
            format!("the step `{}` does not say what kind of model it is", shortened(step));
        let help = format!("add `component:`; {}", suggestion(model, &names));
        problems.push(Problem::new(node.place, message).help(help));
    }
    component
}

fn named_component(node: &Node, problems: &mut Problems) -> Option<&'static ComponentDescriptor> {
    let components: Vec<(&str, &'static ComponentDescriptor)> =
        models().map(|component| (component.short_name(), component)).collect();
    word(node, "component", &components, problems)
}

fn models() -> impl Iterator<Item = &'static ComponentDescriptor> {
    catalogue::stage("train")
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes fields by reference")]
fn by_name<S: Serializer>(
    component: &&'static ComponentDescriptor,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(component.name)
}
