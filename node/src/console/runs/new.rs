//! The form in which a run is asked for.

use std::collections::BTreeMap;

use contract::Text;
use governance::canonical::Digest;
use governance::members::MemberId;
use governance::roles::Action;
use http::StatusCode;
use report::markup::Element;

use super::super::forms::{Form, Mistakes};
use super::super::shell::{Fields, Page, Reader, bounded, hidden, link, nothing, remark, section};
use super::super::{Answered, At, Reply, Trouble, wording};
use super::page::{preflight, statement};
use crate::office::{Finding, NewRun, OfficeError, Plan};

/// The agreement under which a run is to be.
pub(in super::super) struct Under {
    pub(in super::super) agreement: Digest,
    pub(in super::super) title: String,
    /// Each party, its name and the tables that it gives.
    pub(in super::super) parties: Vec<(MemberId, String, Vec<String>)>,
}

pub(super) async fn answer(at: &At<'_>, is_post: bool) -> Answered {
    at.reader.need(Action::SubmitJob)?;
    let given = if is_post { at.form } else { at.query };
    let Some(under) = under(at, given)? else {
        return Ok(choose(at.reader, &in_force(at)).shown(at.reader));
    };
    let mut mistakes = Mistakes::new();
    if !is_post {
        let before = last(at, &under);
        return Ok(page(at.reader, &under, &before, &mistakes, None, &[]).shown(at.reader));
    }
    let table = |(member, ..): &(MemberId, String, Vec<String>)| {
        let table = given.text(&format!("table/{member}"));
        (!table.is_empty()).then(|| (*member, table.to_owned()))
    };
    let new = NewRun {
        agreement: under.agreement,
        job: given.raw("job").replace("\r\n", "\n"),
        tables: under.parties.iter().filter_map(table).collect::<BTreeMap<_, _>>(),
    };
    let checked = at.house.office.check_run(&new);
    let plan = match checked {
        Ok(plan) if given.text("do") == "send" => {
            match at.house.office.submit(at.by, &new).await {
                Ok(run) => return Ok(Reply::see(&format!("/jobs/{run}"))),
                Err(OfficeError::Store(error)) => return Err(error.into()),
                Err(error) => mistakes.insert(String::new(), error.text()),
            };
            Some(plan)
        }
        Ok(plan) if given.text("do") == "schedule" => {
            match at.house.office.schedule(at.by, &new, given.text("when")).await {
                Ok(_) => return Ok(Reply::see("/jobs")),
                Err(OfficeError::Store(error)) => return Err(error.into()),
                Err(error) => mistakes.insert("when".to_owned(), error.text()),
            };
            Some(plan)
        }
        Ok(plan) => Some(plan),
        Err(error) => {
            mistakes.insert("job".to_owned(), error.text());
            None
        }
    };
    let status =
        if mistakes.is_empty() { StatusCode::OK } else { StatusCode::UNPROCESSABLE_ENTITY };
    let findings = match &plan {
        Some(plan) => at.house.office.preflight(&plan.request).await,
        None => Vec::new(),
    };
    let page = page(at.reader, &under, given, &mistakes, plan.as_ref(), &findings);
    Ok(page.reply(at.reader, status))
}

/// The agreement that a query or a form names; `None` if it names none.
fn under(at: &At<'_>, given: &Form) -> Result<Option<Under>, Trouble> {
    if given.text("agreement").is_empty() {
        return Ok(None);
    }
    let agreement: Digest = given.text("agreement").parse().map_err(|_| Trouble::NotFound)?;
    let state = at.house.office.state();
    let terms = state.terms(&agreement).ok_or(Trouble::NotFound)?;
    let parties = terms.parties.iter().map(|(member, party)| {
        (*member, party.name.clone(), party.gives.keys().cloned().collect())
    });
    Ok(Some(Under { agreement, title: terms.title.clone(), parties: parties.collect() }))
}

/// What the last run under an agreement was asked for with, to ask for it again or change it.
fn last(at: &At<'_>, under: &Under) -> Form {
    let state = at.house.office.state();
    let submissions = state.books.jobs().map(|(_, job)| job.submission().content());
    let same = submissions.filter(|it| it.agreement == under.agreement);
    let Some(last) = same.max_by_key(|it| it.submitted_at) else { return Form::default() };
    let tables =
        last.tables.iter().map(|(member, table)| (format!("table/{member}"), table.clone()));
    let file = state.job_file(&last.job).map(|text| ("job".to_owned(), text.to_owned()));
    Form::of(tables.chain(file))
}

/// Agreements under which something may run now.
fn in_force(at: &At<'_>) -> Vec<(String, String)> {
    let state = at.house.office.state();
    let agreements = state.books.agreements();
    let in_force = agreements.filter_map(|(_, it)| it.in_force(at.reader.now).ok());
    in_force.map(|(digest, terms)| (digest.to_string(), bounded(&terms.title, 120))).collect()
}

fn choose(reader: &Reader, agreements: &[(String, String)]) -> Page {
    let page = Page::new(wording::new_run());
    if agreements.is_empty() {
        let none = nothing(reader, &wording::nothing_in_force())
            .child(link("/agreements", reader.say(&wording::agreements())));
        return page.part(none);
    }
    let (given, mistakes) = (Form::default(), Mistakes::new());
    let fields = Fields { reader, given: &given, mistakes: &mistakes };
    let form = Element::new("form")
        .set("method", "get")
        .set("action", "/jobs/new")
        .child(fields.choice("agreement", &wording::under_agreement(), agreements))
        .child(reader.button(&wording::go_on()));
    page.part(form)
}

pub(in super::super) fn page(
    reader: &Reader,
    under: &Under,
    given: &Form,
    mistakes: &Mistakes,
    plan: Option<&Plan>,
    findings: &[Finding],
) -> Page {
    let fields = Fields { reader, given, mistakes };
    let agreement = under.agreement.to_string();
    let table = |(member, name, tables): &(MemberId, String, Vec<String>)| {
        let options: Vec<_> = tables.iter().map(|it| (it.clone(), bounded(it, 120))).collect();
        let label = wording::table_of(bounded(name, 120));
        fields.choice(&format!("table/{member}"), &label, &options)
    };
    let button = |value: &'static str, text: &Text| {
        reader.button(text).set("name", "do").set("value", value)
    };
    let again = Element::new("details")
        .child(reader.tag("summary", &wording::again_and_again()))
        .child(fields.line("text", "when", &wording::when_again()))
        .child(button("schedule", &wording::schedule_run()));
    let again = if mistakes.contains_key("when") { again.set("open", "open") } else { again };
    let form = reader
        .form("/jobs/new")
        .child(hidden("agreement", &agreement))
        .children(fields.whole())
        .children(under.parties.iter().map(table))
        .child(fields.lines("job", &wording::job_file(), 24, true))
        .child(button("check", &wording::check_run()))
        .child(button("send", &wording::send_run()).set("class", "primary"))
        .child(again);
    let page =
        Page::new(wording::new_run()).lead(wording::under(bounded(&under.title, 120))).part(form);
    match plan {
        None => page,
        Some(plan) => page.parts(preflight(reader, findings)).part(
            section(reader, &wording::who_learns_what())
                .set("role", "status")
                .child(remark(reader, &wording::covered()))
                .child(statement(reader, &plan.job)),
        ),
    }
}
