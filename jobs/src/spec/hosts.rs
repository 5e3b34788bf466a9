//! What a job with several hosts can ask for.

use std::collections::BTreeSet;

use contract::{ComponentDescriptor, STRICT, catalogue};
use mpc::several::PARTIES_MAX;

use super::{JobSpec, Model, SelectSpec};

/// Refuses what is for one guest and one host only; `add` takes a key of the job, a message and
/// advice.
pub(super) fn check(job: &JobSpec, add: &mut impl FnMut(&str, String, &str)) {
    let hosts = job.hosts.len();
    if hosts < 2 {
        return;
    }
    let mut refused = BTreeSet::new();
    for step in job.disclosures() {
        let Some(component) = catalogue::find(step.component) else { continue };
        // What is scored by which model has a rule of its own.
        if component.name == catalogue::SCORE.name {
            continue;
        }
        let takes_several = component.mode(&step.mode).is_some_and(|mode| mode.several_hosts);
        if takes_several || !refused.insert((component.name, step.mode.clone())) {
            continue;
        }
        let (key, advice) = place_and_advice(component);
        let what = named(component, &step.mode);
        let message =
            format!("{what} is for one guest and one host, and the job has {hosts} hosts");
        add(key, message, &advice);
    }
    if job.prepare.select.as_ref().is_some_and(SelectSpec::compares_columns) {
        let message =
            "`select` compares columns across parties, and columns of two hosts cannot be compared";
        let help = "`correlation: 1`, which selects by information value alone";
        add("prepare", message.to_owned(), help);
    }
    check_score(job, add);
    check_strict(job, add);
}

/// A model that was trained with several hosts is scored with them.
fn check_score(job: &JobSpec, add: &mut impl FnMut(&str, String, &str)) {
    let Some(score) = &job.score else { return };
    let takes_several = score.component.mode(&score.privacy).is_some_and(|it| it.several_hosts);
    let of_mode = catalogue::SCORE.mode(&score.privacy).is_some_and(|it| it.several_hosts);
    if !takes_several || !of_mode {
        let what = named(score.component, &score.privacy);
        let message = format!("`score` with several hosts is not for {what}");
        let strict = catalogue::stage("train")
            .filter(|component| component.mode(STRICT).is_some_and(|mode| mode.several_hosts));
        let strict: Vec<String> = strict.map(|component| named(component, STRICT)).collect();
        add("score", message, &format!("it is for {}", strict.join(", ")));
    }
}

/// What a strict model of several hosts does not go together with.
fn check_strict(job: &JobSpec, add: &mut impl FnMut(&str, String, &str)) {
    let parties = 1 + job.hosts.len();
    for step in &job.train {
        let among_all = match &step.model {
            Model::LogisticRegression { .. }
            | Model::Regression { .. }
            | Model::MultinomialRegression { .. } => true,
            Model::BoostedTrees { privacy, .. } => privacy == STRICT,
            Model::FactorizationMachine { .. } => false,
        };
        if among_all && parties > PARTIES_MAX {
            let message = format!(
                "`{}` is for at most {PARTIES_MAX} parties, and the job has {parties}",
                step.name
            );
            let help = "name fewer hosts: the more parties share a number, the less exact it is";
            add("train", message, help);
        }
    }
    if job.hides_scores() {
        let help = "leave it out, or name one host";
        add("evaluate", "`scores: hidden` does not go with several hosts".to_owned(), help);
    }
}

/// The key of the job that asks for a component, and what to write with several hosts instead.
fn place_and_advice(component: &ComponentDescriptor) -> (&'static str, String) {
    match component.name.split_once('.') {
        Some(("align", _)) => ("align", format!("with several hosts: {}", possible("align"))),
        Some(("train", _)) => ("train", format!("with several hosts: {}", possible("train"))),
        Some(_) => ("prepare", "leave `woe` out: each party then encodes by itself".to_owned()),
        None => ("parties", format!("leave `{}` out, or name one host", component.name)),
    }
}

/// What of a stage takes several hosts.
fn possible(stage: &str) -> String {
    let modes = catalogue::stage(stage).flat_map(|component| {
        let modes = component.modes.iter().filter(|mode| mode.several_hosts);
        modes.map(|mode| named(component, mode.name))
    });
    modes.collect::<Vec<_>>().join(", ")
}

/// As a job file writes it.
fn named(component: &ComponentDescriptor, mode: &str) -> String {
    let name = component.short_name();
    if component.modes.len() == 1 && mode == STRICT {
        format!("`{name}`")
    } else {
        format!("`{name}` with `privacy: {mode}`")
    }
}
