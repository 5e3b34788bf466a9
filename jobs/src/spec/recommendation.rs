//! What goes together with recommendation.

use contract::STRICT;

use super::align::has_payload;
use super::fields::Problems;
use super::model::{list_users, test_users};
use super::node::{Key, Node, Value};
use super::problem::Problem;
use super::steps::{leave_one_out, named_key, place_of};
use super::{JobSpec, Model, PartySpec, Protocol, SplitBy, SplitSpec, Target, TrainStep};

/// The splits of the job; where items are recommended and the job does not say, one interaction of
/// each user is left out. A `validation` that the job names would keep nothing, and is refused.
pub(super) fn splits(
    read: Option<Vec<SplitSpec>>,
    train: Option<&[TrainStep]>,
    root: &Node,
    problems: &mut Problems,
) -> Option<Vec<SplitSpec>> {
    let recommends = |step: &TrainStep| step.model.target() == Target::Items;
    if !train.is_some_and(|train| train.iter().any(recommends)) {
        return read;
    }
    let is_stated = ["split", "splits"].into_iter().any(|key| named_key(root, key));
    if !is_stated {
        return Some(vec![leave_one_out(None)]);
    }
    // Of a split by `leave_one_out` it is refused whatever is trained.
    let of_shares = |(_, split): &(&Node, &SplitSpec)| split.by != SplitBy::LeaveOneOut;
    let splits = stated(root).into_iter().zip(read.iter().flatten());
    let names_it = |node: &&Node| named_key(node, "validation");
    for node in splits.filter(of_shares).map(|(node, _)| node).filter(names_it) {
        let message = "recommendation does not go with `validation`".to_owned();
        let help = "leave it out: no pass is judged, and training ends after `passes`";
        problems.push(Problem::new(place_of(node, "validation"), message).help(help));
    }
    read
}

/// The splits as the file has them, in the order in which they are read.
fn stated(root: &Node) -> Vec<&Node> {
    fn entries(node: &Node) -> &[(Key, Node)] {
        match &node.value {
            Value::Mapping(entries) => entries,
            _ => &[],
        }
    }
    let mut nodes = Vec::new();
    for (key, node) in entries(root) {
        match key.text.as_str() {
            "split" => nodes.push(node),
            "splits" => nodes.extend(entries(node).iter().map(|(_, node)| node)),
            _ => {}
        }
    }
    nodes
}

/// A part of a job that recommendation does not go with: whether it is there, the key of the job,
/// what it is, and advice.
type Refusal = (bool, &'static str, &'static str, &'static str);

/// Refuses what recommendation does not go with, and what is for it alone; `add` takes a key of the
/// job, a message and advice.
pub(super) fn check(job: &JobSpec, add: &mut impl FnMut(&str, String, &str)) {
    if !job.recommends() {
        check_others(job, add);
        return;
    }
    if job.guest.item.is_none() {
        let message =
            format!("guest `{}` has no `item`, and items are recommended", job.guest.name);
        let help = "`item:` the column that names the item of an interaction; `key` names its \
                    user, who may have many rows";
        add("parties", message, help);
    }
    let refusals = [of_parties(job), of_steps(job)].concat();
    for (_, key, part, advice) in refusals.iter().filter(|(is_there, ..)| *is_there) {
        add(key, format!("recommendation does not go with {part}"), advice);
    }
    check_settings(job, add);
}

/// What only recommendation has.
fn check_others(job: &JobSpec, add: &mut impl FnMut(&str, String, &str)) {
    if job.guest.item.is_some() {
        let message =
            format!("guest `{}` has `item`, and no items are recommended", job.guest.name);
        let help = "leave it out, or train a `factorization_machine`";
        add("parties", message, help);
    }
    let split = job.splits.iter().find(|split| split.by == SplitBy::LeaveOneOut);
    if let Some(split) = split.filter(|_| !job.train.is_empty()) {
        let message = format!("split `{}` leaves one interaction of each user out", split.name);
        let help = "`by: stratified`, `random` or `time`: only a `factorization_machine` has \
                    interactions";
        add(if job.splits.len() > 1 { "splits" } else { "split" }, message, help);
    }
}

fn of_parties(job: &JobSpec) -> Vec<Refusal> {
    let guest = &job.guest;
    vec![
        (
            guest.label.is_some(),
            "parties",
            "a `label`",
            "leave it out: what users did with items is what is predicted",
        ),
        (
            guest.weight.is_some(),
            "parties",
            "a `weight` of the guest's rows",
            "leave it out: an interaction is there or not, and each user counts alike",
        ),
        (
            job.parties().any(PartySpec::has_several_keys),
            "parties",
            "several `keys`, since the first one groups the rows of a user",
            "a single `key`",
        ),
        (
            has_payload(job),
            "align",
            "`payload`, which is for jobs that only align",
            "leave it out; the model needs no column of the other party",
        ),
    ]
}

fn of_steps(job: &JobSpec) -> Vec<Refusal> {
    vec![
        (
            matches!(job.align.protocol, Protocol::Hidden { .. }),
            "align",
            "hidden rows: the guest recommends to users that it knows to be common",
            "`protocol: ecdh` or `rr22`",
        ),
        (
            job.hides_scores() && !is_strict(job),
            "evaluate",
            "hidden scores in this mode: the guest ranks its items by factors of users that it sees",
            "`privacy: strict`, in which nobody sees a score",
        ),
        (
            is_strict(job)
                && job.score.is_none()
                && job.splits.iter().any(|split| split.by != SplitBy::LeaveOneOut),
            "split",
            "another split in `strict`: it judges one item of a user",
            "`split: { by: leave_one_out }`, which leaves out the latest item where the guest names \
             its `time`",
        ),
        (
            job.evaluate.cost.is_some() || job.evaluate.value.is_some(),
            "evaluate",
            "`cost` and `value`: a profit curve is drawn of scores of rows",
            "leave them out",
        ),
        (
            job.train.len() > 1 && job.train.iter().all(|it| it.model.target() == Target::Items),
            "train",
            "a second model: each tells the guest more of the host's columns",
            "one `factorization_machine` in a job; try settings by the guest's own figures first",
        ),
        (
            job.splits.len() > 1,
            "splits",
            "several splits: each trains a model, which tells the guest more of the host's columns",
            "`split:` with one",
        ),
        (
            job.splits.iter().any(|split| split.by == SplitBy::Stratified) && job.score.is_none(),
            "split",
            "a stratified split: there are no classes",
            "`split: { by: leave_one_out }`, `random` or `time`",
        ),
    ]
}

/// Whether nobody sees a score or a user's factors.
fn is_strict(job: &JobSpec) -> bool {
    let modes = job.train.iter().map(|step| step.model.privacy());
    let mut modes = modes.chain(job.score.as_ref().map(|score| score.privacy.as_str()));
    modes.any(|mode| mode == STRICT)
}

/// Settings that a descriptor cannot bound one by one.
fn check_settings(job: &JobSpec, add: &mut impl FnMut(&str, String, &str)) {
    for step in &job.train {
        let Model::FactorizationMachine { privacy, settings } = &step.model else { continue };
        let name = &step.name;
        if privacy == STRICT && settings.top > PLACES_MAX {
            let message = format!(
                "`top` of `{name}` is {}, and `strict` compares each place of a list with all others",
                settings.top
            );
            add("train", message, &format!("`top: {PLACES_MAX}` or less"));
        }
        for (setting, value, default) in [
            ("test_users", settings.test_users, test_users()),
            ("list_users", settings.list_users, list_users()),
        ] {
            if privacy != STRICT && value != default {
                let message =
                    format!("`{setting}` of `{name}` is {value}, and it counts only in `strict`");
                let help = "leave it out: nothing bounds tests and lists in this mode; or take \
                            `privacy: strict`";
                add("train", message, help);
            }
        }
        for (setting, value) in [("factors", settings.factors), ("directions", settings.directions)]
        {
            if !value.is_multiple_of(4) {
                let message =
                    format!("`{setting}` of `{name}` is {value}, which is no multiple of 4");
                add("train", message, &format!("`{setting}: {}`", value.next_multiple_of(4)));
            }
        }
        if settings.directions < settings.factors {
            let message = format!(
                "`{name}` has {} factors and {} directions",
                settings.factors, settings.directions
            );
            add("train", message, "at least as many `directions` as `factors`");
        }
    }
}

/// Most places of a list in `strict`.
const PLACES_MAX: u32 = 100;
