//! The page of one model.

use contract::Text;
use governance::roles::Action;
use report::markup::Element;

use super::super::forms::{Form, Mistakes, encoded};
use super::super::shell::{
    Fields, Page, Reader, bounded, facts, link, name, remark, section, state, text,
};
use super::super::wording;
use super::{Version, metrics_of, path_of, quality, word_of, words};
use crate::office::{Decision, ModelName, Standing};

pub(in super::super) fn show(reader: &Reader, model: &ModelName, versions: &[Version]) -> Page {
    let mut page = Page::new(name(&model.to_string())).lead(words::what_models_are());
    if reader.can(Action::PublishModel) {
        page = page.part(remark(reader, &words::four_eyes()));
    }
    page.parts(versions.iter().map(|version| part(reader, version)))
}

fn part(reader: &Reader, version: &Version) -> Element {
    let entry = &version.entry;
    let known = &entry.version;
    let (tone, word) = word_of(&entry.standing);
    let table = |(party, table, is_own): &(String, String, bool)| {
        let line = Element::new("div").text(format!("{}: ", bounded(party, 120)));
        let shown = bounded(table, 120);
        line.child(match is_own {
            true => link(format!("/data/{}", encoded(table)), shown),
            false => text(shown),
        })
    };
    let agreement = format!("/agreements/{}", known.agreement);
    let lineage = vec![
        (words::run(), link(format!("/jobs/{}", known.run), bounded(&known.model.job, 120))),
        (wording::agreement(), link(agreement, bounded(&version.agreement, 120))),
        (wording::tables(), Element::new("div").children(version.tables.iter().map(table))),
        (words::quality(), quality(reader, &metrics_of(entry))),
        (words::file_digest(), Element::new("code").text(known.file.to_string())),
        (words::history(), history(reader, version)),
    ];
    let title = wording::version_number(known.number.to_string());
    let part = section(reader, &title)
        .child(Element::new("p").child(state(reader, tone, &word)))
        .child(facts(reader, lineage));
    if reader.can(Action::PublishModel) { part.child(buttons(reader, version)) } else { part }
}

/// Who registered the version and decided about it, and when.
fn history(reader: &Reader, version: &Version) -> Element {
    let mut people = version.people.iter();
    let mut next = || people.next().cloned().unwrap_or_default();
    let line = |what: &Text, at| {
        let what = Element::new("li").text(format!("{} · ", reader.say(what)));
        what.child(reader.time(at))
    };
    let known = &version.entry.version;
    let mut list = Element::new("ul").child(line(&words::registered_by(next()), known.at));
    for decided in &version.entry.decisions {
        let word = match &decided.decision {
            Decision::Publish => words::published(),
            Decision::Refuse { .. } => words::refused(),
            Decision::Retire => words::retired(),
        };
        list = list.child(line(&words::decided_by(word, next()), decided.at));
    }
    list
}

/// What can be decided about a version now.
fn buttons(reader: &Reader, version: &Version) -> Element {
    let known = &version.entry.version;
    let number = || known.number.to_string();
    let path = |word: &str| format!("{}/{}/{word}", path_of(&known.model), known.number);
    let publish = |word: &Text| {
        let button = reader.button(word).set("class", "primary");
        reader.form(path("publish")).child(button)
    };
    let buttons = Element::classed("div", "sayings");
    let buttons = match version.entry.standing {
        Standing::Refused(_) | Standing::Retired => return buttons,
        Standing::Published => buttons,
        Standing::Replaced => buttons.child(publish(&words::go_back(number()))),
        Standing::Waiting => {
            let (given, mistakes) = (Form::default(), Mistakes::new());
            let fields = Fields { reader, given: &given, mistakes: &mistakes };
            let word = words::refuse(number());
            let refuse = reader
                .form(path("refuse"))
                .child(fields.line("text", "reason", &wording::reason()))
                .child(reader.button(&word).set("class", "danger"));
            let refuse = Element::new("details").child(reader.tag("summary", &word)).child(refuse);
            buttons.child(publish(&words::publish(number()))).child(refuse)
        }
    };
    let word = words::retire(number());
    let retire = reader.form(path("retire")).child(reader.button(&word).set("class", "danger"));
    buttons.child(Element::new("details").child(reader.tag("summary", &word)).child(retire))
}
