//! The steps of a job before it runs, as people call them.

use contract::{Text, catalogue};

use super::{scored_wording, title_of_model, title_of_split, wording};
use crate::spec::{JobSpec, Protocol, SplitSpec};

/// A step that a run will begin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlannedStep {
    /// The name under which events tell of it.
    pub id: String,
    /// What people call it.
    pub title: Text,
}

/// The steps of a run of `job`, in their order, which is that of every party.
pub fn planned_steps(job: &JobSpec) -> Vec<PlannedStep> {
    let mut steps = Vec::new();
    let mut plan = |id: String, title: Text| steps.push(PlannedStep { id, title });
    if job.score.is_some() {
        plan("score.model".to_owned(), scored_wording::which_model());
    }
    plan("align".to_owned(), wording::alignment());
    let hides_rows = matches!(job.align.protocol, Protocol::Hidden { .. });
    if !hides_rows && job.parties().any(|party| !party.payload.is_empty()) {
        plan("payload".to_owned(), wording::payload());
    }
    for split in job.splits.iter().filter(|_| !job.train.is_empty()) {
        let title = title_of_split(split.by, &split.name);
        if !hides_rows {
            before_training(job, split, &title, &mut plan);
        }
        for step in job.model_steps().into_iter().filter(|step| step.split.name == split.name) {
            let component = step.train.model.component();
            let model = title_of_model(component.name, &component.title, &step.train.name);
            plan(format!("train.{}", step.id), wording::model_under_split(model, &title));
        }
    }
    if job.score.is_some() {
        plan("score".to_owned(), scored_wording::scored());
    }
    steps
}

/// What makes features of the rows of a split.
fn before_training(
    job: &JobSpec,
    split: &SplitSpec,
    title: &Text,
    plan: &mut impl FnMut(String, Text),
) {
    let SplitSpec { name, .. } = split;
    if !job.recommends() {
        plan(format!("split.{name}"), wording::splitting(title));
    }
    plan(format!("prepare.{name}"), wording::preparing(title));
    let further = [
        (job.prepare.select.is_some(), &catalogue::SELECT),
        (job.prepare.encode.uses_woe(), &catalogue::ENCODE),
    ];
    for (_, component) in further.into_iter().filter(|(is_asked_for, _)| *is_asked_for) {
        let id = format!("{}.{name}", component.name);
        plan(id, wording::model_under_split(&component.title, title));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ids(job: &str) -> Vec<String> {
        let job = JobSpec::parse("job.yaml", job).unwrap();
        planned_steps(&job).into_iter().map(|step| step.id).collect()
    }

    const JOB: &str = "\
job: small
purpose: test
parties:
  clinic: { role: guest, key: id, label: y }
  laboratory: { role: host, key: id }
";

    #[test]
    fn every_split_has_its_steps_and_every_step_two_languages() {
        let splits = "splits:\n  stratified: { by: stratified, test: 30% }\n  b: { by: random }\n";
        let prepare = "prepare:\n  - select: { iv: 0.0 }\n";
        let train = "train:\n  - logistic_regression: {}\n  - boosted_trees: { name: trees }\n";
        let text = format!("{JOB}{splits}{prepare}{train}");
        let of = |split: &str| {
            ["split", "prepare", "prepare.select", "train.logistic_regression", "train.trees"]
                .map(|stage| format!("{stage}.{split}"))
        };
        let expected = [vec!["align".to_owned()], of("stratified").into(), of("b").into()];
        assert_eq!(ids(&text), expected.concat());
        let job = JobSpec::parse("job.yaml", &text).unwrap();
        for step in planned_steps(&job) {
            assert_ne!(step.title.en, step.title.zh, "{}", step.id);
        }
        let last = planned_steps(&job).pop().unwrap();
        assert_eq!(last.title.en, "Gradient-boosted trees “trees”, random split “b”");
    }

    #[test]
    fn a_job_that_trains_nothing_only_aligns() {
        assert_eq!(ids(JOB), ["align"]);
    }
}
