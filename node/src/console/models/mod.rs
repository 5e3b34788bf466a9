//! The register of models: the list, a model with its versions, and what is decided about them.

mod page;
pub(super) mod wording;

use std::path::Path;

use contract::Text;
use governance::canonical::Digest;
use governance::roles::Action;
use report::markup::Element;

use super::forms::{encoded, meant};
use super::shell::{
    Page, Paging, Reader, Tone, bounded, hidden, link, nothing, roles_of, section, state, table,
    text,
};
use super::{Answered, At, Reply, Trouble};
use crate::office::{self, Decision, ModelEntry, ModelError, ModelName, Standing, State};

pub(super) use page::show;
use wording as words;

/// A model in the list.
pub(super) struct Row {
    pub(super) model: ModelName,
    pub(super) published: Option<u32>,
    /// The newest version, and where it stands.
    pub(super) newest: (u32, Standing),
    /// How good the published version is, else the newest.
    pub(super) metrics: Vec<(String, String)>,
}

/// A version with what its page leads to.
pub(super) struct Version {
    pub(super) entry: ModelEntry,
    /// The title of the agreement.
    pub(super) agreement: String,
    /// Each party's name and table, and whether that is this member's.
    pub(super) tables: Vec<(String, String, bool)>,
    /// Names of those who registered it and decided about it, in order.
    pub(super) people: Vec<String>,
}

/// What a run has trained, and as which version that is registered.
pub(super) struct Trained {
    pub(super) model: ModelName,
    pub(super) version: Option<u32>,
}

pub(super) async fn answer(at: &At<'_>, is_post: bool, rest: &[&str]) -> Answered {
    match (is_post, rest) {
        (false, []) => {
            at.reader.need(Action::SeeResults)?;
            Ok(list(at).shown(at.reader))
        }
        (true, ["register"]) => register(at).await,
        (false, [job, step]) => {
            at.reader.need(Action::SeeResults)?;
            let model = ModelName { job: meant(job), step: meant(step) };
            let versions = versions(at, &model).await?;
            Ok(show(at.reader, &model, &versions).shown(at.reader))
        }
        (true, [job, step, version, word]) => {
            at.reader.need(Action::PublishModel)?;
            let model = ModelName { job: meant(job), step: meant(step) };
            let number = version.parse().map_err(|_| Trouble::NotFound)?;
            decide(at, &model, number, word).await
        }
        _ => Err(Trouble::NotFound),
    }
}

/// The path of a model's page.
pub(super) fn path_of(model: &ModelName) -> String {
    format!("/models/{}/{}", encoded(&model.job), encoded(&model.step))
}

fn list(at: &At<'_>) -> Page {
    let state = at.house.office.state();
    let paging = Paging::of(at.query, state.models.all().len());
    let range = paging.range();
    let shown = state.models.all().skip(range.start).take(range.len());
    let row = |(model, entries): (&ModelName, &[ModelEntry])| {
        let newest = entries.last()?;
        let published = entries.iter().find(|entry| entry.standing == Standing::Published);
        Some(Row {
            model: model.clone(),
            published: published.map(|entry| entry.version.number),
            newest: (newest.version.number, newest.standing.clone()),
            metrics: metrics_of(published.unwrap_or(newest)),
        })
    };
    let rows: Vec<Row> = shown.filter_map(row).collect();
    list_page(at.reader, &rows, &paging)
}

pub(super) fn list_page(reader: &Reader, rows: &[Row], paging: &Paging) -> Page {
    let page = Page::new(words::models()).lead(words::what_models_are());
    if rows.is_empty() {
        return page.part(nothing(reader, &words::no_models()));
    }
    let cells = |row: &Row| {
        let published = match row.published {
            Some(number) => number.to_string(),
            None => reader.say(&words::none_published()).to_owned(),
        };
        let (number, standing) = &row.newest;
        let (tone, word) = word_of(standing);
        let newest = text(format!("{number} ")).child(state(reader, tone, &word));
        vec![
            link(path_of(&row.model), bounded(&row.model.to_string(), 120)),
            text(published),
            newest,
            quality(reader, &row.metrics),
        ]
    };
    let heads =
        [words::model(), words::published_version(), words::newest_version(), words::quality()];
    page.part(table(reader, &heads, rows.iter().map(cells).collect())).parts(paging.links(reader))
}

/// The numbers of a version that a list has room for.
fn metrics_of(entry: &ModelEntry) -> Vec<(String, String)> {
    let metrics = entry.version.metrics.iter();
    metrics.map(|(name, value)| (name.clone(), value.clone())).collect()
}

/// How good a version is, in this party's knowledge.
fn quality(reader: &Reader, metrics: &[(String, String)]) -> Element {
    if metrics.is_empty() {
        return text(reader.say(&words::quality_elsewhere()));
    }
    let line = |(name, value): &(String, String)| {
        let value: String = value.chars().take(VALUE_CHARACTERS).collect();
        Element::new("div").text(format!("{} {value}", bounded(name, 60)))
    };
    Element::new("div").children(metrics.iter().map(line))
}

/// A standing as a word with its tone.
fn word_of(standing: &Standing) -> (Tone, Text) {
    match standing {
        Standing::Waiting => (Tone::Waiting, words::waiting()),
        Standing::Published => (Tone::Good, words::published()),
        Standing::Replaced => (Tone::Quiet, words::replaced()),
        Standing::Refused(reason) => (Tone::Bad, words::refused_because(bounded(reason, 480))),
        Standing::Retired => (Tone::Quiet, words::retired()),
    }
}

/// The versions of a model, the newest first.
async fn versions(at: &At<'_>, model: &ModelName) -> Result<Vec<Version>, Trouble> {
    let people = at.house.people.people().await?;
    let name = |id: &str| {
        let person = people.iter().find(|person| person.id == id);
        bounded(person.map_or(id, |person| &person.name), 120)
    };
    let state = at.house.office.state();
    let entries = state.models.versions(model).ok_or(Trouble::NotFound)?;
    let version = |entry: &ModelEntry| {
        let known = &entry.version;
        let own = state.own();
        let job = state.books.job(&known.run);
        let tables = job.into_iter().flat_map(|job| &job.submission().content().tables);
        let by = entry.decisions.iter().map(|decided| name(&decided.by));
        Version {
            entry: entry.clone(),
            agreement: state.terms(&known.agreement).map_or_else(String::new, |it| it.title),
            tables: tables
                .map(|(member, table)| (state.name_of(member), table.clone(), *member == own))
                .collect(),
            people: std::iter::once(name(&known.by)).chain(by).collect(),
        }
    };
    Ok(entries.iter().rev().map(version).collect())
}

async fn register(at: &At<'_>) -> Answered {
    at.reader.need(Action::SubmitJob)?;
    let run: Digest = at.form.text("run").parse().map_err(|_| Trouble::NotFound)?;
    let results = at.house.results.and_then(|results| results(run));
    let office = at.house.office;
    let (model, _) = office.register_model(at.by, run, at.form.text("step"), results).await?;
    Ok(Reply::see(&path_of(&model)))
}

async fn decide(at: &At<'_>, model: &ModelName, number: u32, word: &str) -> Answered {
    let decision = match word {
        "publish" => Decision::Publish,
        "refuse" => Decision::Refuse { reason: at.form.text("reason").to_owned() },
        "retire" => Decision::Retire,
        _ => return Err(Trouble::NotFound),
    };
    let run = {
        let state = at.house.office.state();
        state.models.entry(model, number).ok_or(Trouble::NotFound)?.version.run
    };
    let results = at.house.results.and_then(|results| results(run));
    let is_enough = |roles: &_| Action::PublishModel.is_allowed(&roles_of(roles));
    let is_only = at.house.people.is_only_one(at.by, is_enough).await?;
    let office = at.house.office;
    office.decide_model(at.by, is_only, (model, number), decision, results).await?;
    Ok(Reply::see(&path_of(model)))
}

/// What a finished run has trained, by what lies in its results.
pub(super) fn trained(state: &State, run: &Digest, results: &Path) -> Vec<Trained> {
    let Ok(plan) = state.plan(run) else { return Vec::new() };
    let trained = |step: String| {
        let model = ModelName { job: plan.job.job.clone(), step };
        let version = match state.models.next(&model, run) {
            Err(ModelError::Registered(number)) => Some(number),
            _ => None,
        };
        Trained { model, version }
    };
    office::trained(results).into_iter().map(trained).collect()
}

/// The part of a run's page about what it has trained.
pub(super) fn of_run(reader: &Reader, run: &Digest, trained: &[Trained]) -> Option<Element> {
    if trained.is_empty() || !reader.can(Action::SeeResults) {
        return None;
    }
    let part = |trained: &Trained| {
        let line = Element::new("li").text(format!("{} ", bounded(&trained.model.step, 120)));
        match trained.version {
            Some(number) => {
                let word = words::registered_as(number.to_string());
                line.child(link(path_of(&trained.model), reader.say(&word)))
            }
            None if reader.can(Action::SubmitJob) => line.child(
                reader
                    .form("/models/register")
                    .set("class", "inline")
                    .child(hidden("run", &run.to_string()))
                    .child(hidden("step", &trained.model.step))
                    .child(reader.button(&words::register())),
            ),
            None => line,
        }
    };
    let list = Element::new("ul").children(trained.iter().map(part));
    Some(section(reader, &words::trained_here()).child(list))
}

/// Characters of a number: more say nothing that a page has to show.
const VALUE_CHARACTERS: usize = 8;
