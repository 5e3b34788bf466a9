//! The member's own tables, and what partners see of them.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use contract::Text;
use governance::members::{ColumnKind, MemberId};
use governance::roles::Action;
use governance::time::Time;
use http::StatusCode;
use report::markup::Element;

use super::forms::{Form, Mistakes, encoded, meant};
use super::shell::{
    Fields, Page, Paging, Reader, Tone, bounded, button_link, caution, facts, hidden, link, name,
    nothing, section, state, table, text,
};
use super::{Answered, At, Reply, Trouble, partners, terms, wording};
use crate::office::{OfficeError, Policy, Registration, Table};

/// One own table with who may use it.
pub(super) struct Detail {
    pub(super) table: Table,
    /// Names of the partners that its policy names.
    pub(super) partners: Vec<String>,
    /// Agreements that give it: the newest version, its title, until when.
    pub(super) agreements: Vec<(String, String, Time)>,
}

/// A column that is to be registered, as the first rows show it.
pub(super) struct Proposed {
    pub(super) name: String,
    pub(super) kind: Text,
    pub(super) missing: usize,
    pub(super) examples: Vec<String>,
}

pub(super) async fn answer(at: &At<'_>, is_post: bool, rest: &[&str]) -> Answered {
    match (is_post, rest) {
        (false, []) => Ok(list(at).shown(at.reader)),
        (false, ["new"]) => look(at).await,
        (true, ["new"]) => register(at).await,
        (false, [table]) => {
            let detail = detail(at, &meant(table))?;
            Ok(page(at.reader, &detail).shown(at.reader))
        }
        (true, [table, "retire"]) => {
            at.reader.need(Action::ManageData)?;
            at.house.office.retire(at.by, &meant(table)).await?;
            Ok(Reply::see("/data"))
        }
        _ => Err(Trouble::NotFound),
    }
}

fn list(at: &At<'_>) -> Page {
    let state = at.house.office.state();
    let paging = Paging::of(at.query, state.tables.len());
    let range = paging.range();
    let tables: Vec<&Table> = state.tables.values().skip(range.start).take(range.len()).collect();
    list_page(at.reader, &tables, &paging)
}

pub(super) fn list_page(reader: &Reader, tables: &[&Table], paging: &Paging) -> Page {
    let mut page = Page::new(wording::data()).lead(wording::data_stays());
    if reader.can(Action::ManageData) {
        page = page.action(button_link(reader, "/data/new", &wording::add_table()));
    }
    if tables.is_empty() {
        return page.part(nothing(reader, &wording::no_tables()));
    }
    let row = |table: &&Table| {
        let hidden = table.columns.values().filter(|column| column.is_hidden).count();
        let columns = wording::columns_hidden(table.columns.len().to_string(), hidden.to_string());
        vec![
            link(path_of(table), bounded(&table.name, 120)),
            text(bounded(&table.about, 200)),
            text(reader.say(&columns)),
        ]
    };
    let heads = [wording::table(), wording::about(), wording::columns()];
    page.part(table(reader, &heads, tables.iter().map(row).collect())).parts(paging.links(reader))
}

fn path_of(table: &Table) -> String {
    format!("/data/{}", encoded(&table.name))
}

fn detail(at: &At<'_>, name: &str) -> Result<Detail, Trouble> {
    let state = at.house.office.state();
    let table = state.tables.get(name).ok_or(Trouble::NotFound)?.clone();
    let own = state.own();
    let mut agreements = Vec::new();
    for (_, agreement) in state.books.agreements() {
        let Ok((digest, terms)) = agreement.in_force(at.reader.now) else { continue };
        if terms.parties.get(&own).is_some_and(|party| party.gives.contains_key(name)) {
            agreements.push((digest.to_string(), terms.title, terms.valid_until));
        }
    }
    let partners = table.policy.partners.iter().map(|it| state.name_of(it)).collect();
    Ok(Detail { table, partners, agreements })
}

pub(super) fn page(reader: &Reader, detail: &Detail) -> Page {
    let Detail { table: own, partners, agreements } = detail;
    let policy = &own.policy;
    let all = |set: Vec<String>, none: Text| {
        if set.is_empty() { text(reader.say(&none)) } else { text(bounded(&set.join(", "), 500)) }
    };
    let purposes = policy.purposes.iter().cloned().collect();
    let until = policy
        .until
        .map_or_else(|| text(reader.say(&wording::no_end())), |until| reader.time(until));
    let known = vec![
        (wording::file(), Element::new("code").text(own.path.display().to_string())),
        (wording::registered(), reader.time(own.registered_at)),
        (wording::legal_basis(), text(bounded(&policy.legal_basis, 500))),
        (wording::allowed_partners(), all(partners.clone(), wording::every_partner())),
        (wording::allowed_purposes(), all(purposes, wording::every_purpose())),
        (wording::minimum_group(), text(policy.minimum_group.to_string())),
        (wording::valid_until(), until),
    ];
    let row = |(name, column): (&String, &crate::office::TableColumn)| {
        let (tone, word) = if column.is_hidden {
            (Tone::Quiet, wording::hidden_column())
        } else {
            (Tone::Good, wording::seen_column())
        };
        vec![
            text(bounded(name, 120)),
            text(reader.say(&kind(column.kind))),
            state(reader, tone, &word),
        ]
    };
    let heads = [wording::column(), wording::kind(), wording::as_partners_see()];
    let columns = table(reader, &heads, own.columns.iter().map(row).collect());
    let users = section(reader, &wording::who_may_use());
    let users = if agreements.is_empty() {
        users.child(nothing(reader, &wording::nobody_may_use()))
    } else {
        let row = |(version, title, until): &(String, String, Time)| {
            vec![link(format!("/agreements/{version}"), bounded(title, 120)), reader.time(*until)]
        };
        let heads = [wording::agreement(), wording::valid_until()];
        users.child(table(reader, &heads, agreements.iter().map(row).collect()))
    };
    let mut page = Page::new(name(&own.name))
        .lead(name(&own.about))
        .part(facts(reader, known))
        .part(section(reader, &wording::columns()).child(columns))
        .part(users);
    if reader.can(Action::ManageData) {
        let retire = reader.button_to(format!("{}/retire", path_of(own)), &wording::retire());
        page = page.part(section(reader, &wording::retire_title()).child(retire));
    }
    page
}

fn kind(kind: ColumnKind) -> Text {
    match kind {
        ColumnKind::Key => wording::kind_key(),
        ColumnKind::Number => wording::kind_number(),
        ColumnKind::Category => wording::kind_category(),
        ColumnKind::Date => wording::kind_date(),
        ColumnKind::Text => wording::kind_text(),
    }
}

/// The form, first for the file and then, when its first rows were read, for all else.
async fn look(at: &At<'_>) -> Answered {
    at.reader.need(Action::ManageData)?;
    let path = at.query.text("path");
    if path.is_empty() {
        return Ok(new_page(at, at.query, None, &Mistakes::new()).shown(at.reader));
    }
    match proposed(at, path).await? {
        Ok(columns) => {
            Ok(new_page(at, at.query, Some(&columns), &Mistakes::new()).shown(at.reader))
        }
        Err(mistake) => {
            let mistakes = Mistakes::from([("path".to_owned(), mistake)]);
            let page = new_page(at, at.query, None, &mistakes);
            Ok(page.reply(at.reader, StatusCode::UNPROCESSABLE_ENTITY))
        }
    }
}

/// What the first rows of a file show, or what is wrong with it.
async fn proposed(at: &At<'_>, path: &str) -> Result<Result<Vec<Proposed>, Text>, Trouble> {
    let column = |it: table::ProposedColumn| Proposed {
        kind: kind(match it.column.kind {
            table::Kind::Text => ColumnKind::Text,
            table::Kind::Number | table::Kind::Integer => ColumnKind::Number,
            table::Kind::Category | table::Kind::Boolean => ColumnKind::Category,
            table::Kind::Time => ColumnKind::Date,
        }),
        name: it.column.name,
        missing: it.missing_count,
        examples: it.examples,
    };
    match at.house.office.look(Path::new(path)).await {
        Ok(schema) => Ok(Ok(schema.columns.into_iter().map(column).collect())),
        Err(OfficeError::Store(error)) => Err(error.into()),
        Err(error) => Ok(Err(error.text())),
    }
}

fn new_page(at: &At<'_>, given: &Form, columns: Option<&[Proposed]>, mistakes: &Mistakes) -> Page {
    let reader = at.reader;
    let fields = Fields { reader, given, mistakes };
    let look = Element::new("form")
        .set("method", "get")
        .set("action", "/data/new")
        .child(fields.line("text", "path", &wording::path_of_table()))
        .child(reader.button(&wording::look_at_file()));
    let page = Page::new(wording::add_table()).lead(wording::data_stays()).part(look);
    match columns {
        None => page,
        Some(columns) => page.part(register_form(reader, &fields, columns, &partners::options(at))),
    }
}

/// The form behind the look at a file.
pub(super) fn register_form(
    reader: &Reader,
    fields: &Fields<'_>,
    columns: &[Proposed],
    partners: &[(String, String)],
) -> Element {
    let row = |column: &Proposed| {
        let field = format!("hide/{}", column.name);
        let hide = fields.tick(&field, text(reader.say(&wording::hide())));
        let examples: Vec<String> =
            column.examples.iter().take(3).map(|it| bounded(it, 40)).collect();
        vec![
            text(bounded(&column.name, 120)),
            text(reader.say(&column.kind)),
            text(column.missing.to_string()),
            text(examples.join(", ")),
            hide,
        ]
    };
    let heads = [
        wording::column(),
        wording::kind(),
        wording::missing_values(),
        wording::examples(),
        wording::from_partners(),
    ];
    let with = partners
        .iter()
        .map(|(key, name)| fields.tick(&format!("partner/{key}"), text(name.as_str())));
    let with = Element::new("fieldset")
        .child(reader.tag("legend", &wording::allowed_partners_none()))
        .children(with);
    reader
        .form("/data/new")
        .child(hidden("path", fields.given.text("path")))
        .children(fields.whole())
        .child(fields.line("text", "name", &wording::table_name()))
        .child(fields.line("text", "about", &wording::about_table()))
        .child(fields.line("text", "legal_basis", &wording::legal_basis()))
        .child(fields.lines("purposes", &wording::purposes_one_a_line(), 2, false))
        .child(fields.line("number", "minimum_group", &wording::minimum_group()))
        .child(fields.line("date", "until", &wording::valid_until_perhaps()))
        .child(with)
        .child(table(reader, &heads, columns.iter().map(row).collect()))
        .child(reader.button(&wording::register_table()))
}

async fn register(at: &At<'_>) -> Answered {
    at.reader.need(Action::ManageData)?;
    let (registration, mut mistakes) = registration(at.form);
    if mistakes.is_empty() {
        let name = registration.name.clone();
        match at.house.office.register(at.by, &registration).await {
            Ok(()) => return Ok(Reply::see(&format!("/data/{}", encoded(&name)))),
            Err(OfficeError::Store(error)) => return Err(error.into()),
            Err(error) => mistakes.insert(String::new(), error.text()),
        };
    }
    let page = match proposed(at, at.form.text("path")).await? {
        Ok(columns) => new_page(at, at.form, Some(&columns), &mistakes),
        Err(mistake) => new_page(at, at.form, None, &mistakes).part(caution(at.reader, &mistake)),
    };
    Ok(page.reply(at.reader, StatusCode::UNPROCESSABLE_ENTITY))
}

/// What a form says about a table, and what is wrong with it.
pub(super) fn registration(form: &Form) -> (Registration, Mistakes) {
    let mut mistakes = Mistakes::new();
    for field in ["name", "about", "legal_basis"] {
        if form.text(field).is_empty() {
            mistakes.insert(field.to_owned(), wording::is_needed());
        }
    }
    let least = form.text("minimum_group");
    let minimum_group = if least.is_empty() { Ok(0) } else { least.parse() };
    if minimum_group.is_err() {
        mistakes.insert("minimum_group".to_owned(), wording::not_a_number());
    }
    let until = form.text("until");
    let until_time = terms::day(until, 0);
    if !until.is_empty() && until_time.is_none() {
        mistakes.insert("until".to_owned(), wording::not_a_day());
    }
    let partners = form.within("partner/").filter_map(|(key, _)| key.parse::<MemberId>().ok());
    let policy = Policy {
        partners: partners.collect(),
        purposes: form.lines("purposes").into_iter().collect(),
        minimum_group: minimum_group.unwrap_or_default(),
        until: until_time,
        legal_basis: form.text("legal_basis").to_owned(),
    };
    let hidden: BTreeSet<String> =
        form.within("hide/").map(|(column, _)| column.to_owned()).collect();
    let registration = Registration {
        name: form.text("name").to_owned(),
        path: PathBuf::from(form.text("path")),
        about: form.text("about").to_owned(),
        hidden,
        policy,
    };
    (registration, mistakes)
}
