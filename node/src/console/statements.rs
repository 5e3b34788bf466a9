//! What months have cost between this member and a partner, and signing it.

use contract::Text;
use governance::canonical::Digest;
use governance::members::MemberId;
use governance::metering::{Difference, StatementLine, UsageEvent};
use governance::roles::Action;
use governance::time::Month;
use http::{StatusCode, header};
use report::markup::Element;

use super::forms::{Form, Mistakes, encoded};
use super::shell::{
    Fields, Page, ROWS_MAX, Reader, Tone, bounded, button_link, caution, hidden, link, nothing,
    remark, section, state, table, text,
};
use super::{Answered, At, Reply, Trouble, partners, wording};
use crate::office::{Account, OfficeError, Settling, is_over};

/// A month with a partner, as the page shows it.
pub(super) struct MonthWith {
    pub(super) own: (MemberId, String),
    pub(super) partner: (MemberId, String),
    pub(super) month: Month,
    /// The statements, or why they cannot be made.
    pub(super) account: Result<Account, Text>,
}

pub(super) async fn answer(at: &At<'_>, is_post: bool, rest: &[&str]) -> Answered {
    match (is_post, rest) {
        (false, []) => Ok(show(at)),
        (false, ["csv"]) => csv(at),
        (true, ["sign"]) => sign(at).await,
        _ => Err(Trouble::NotFound),
    }
}

/// The partner and the month that a query or a form names.
fn named(form: &Form) -> Option<(MemberId, Month)> {
    Some((form.text("partner").parse().ok()?, form.text("month").parse().ok()?))
}

fn show(at: &At<'_>) -> Reply {
    let options = partners::options(at);
    let mut mistakes = Mistakes::new();
    let month = at.query.text("month");
    if !month.is_empty() && month.parse::<Month>().is_err() {
        mistakes.insert("month".to_owned(), wording::not_a_month());
    }
    let found = named(at.query).map(|(partner, month)| {
        let state = at.house.office.state();
        let name = |member: MemberId| (member, bounded(&state.name_of(&member), 120));
        let account = Account::of(&state, partner, month).map_err(|error| error.text());
        MonthWith { own: name(state.own()), partner: name(partner), month, account }
    });
    page(at.reader, at.query, &options, &mistakes, found.as_ref()).shown(at.reader)
}

fn csv(at: &At<'_>) -> Answered {
    let (partner, month) = named(at.query).ok_or(Trouble::NotFound)?;
    let state = at.house.office.state();
    let table = Account::of(&state, partner, month)?.csv(|member| state.name_of(member));
    // Spreadsheets take a file without the mark for one of another encoding.
    let body = format!("\u{feff}{table}");
    let mut reply = Reply::new(StatusCode::OK, "text/csv; charset=utf-8", body);
    let disposition = format!("attachment; filename=\"statements-{month}.csv\"");
    reply.put(header::CONTENT_DISPOSITION, &disposition);
    Ok(reply)
}

async fn sign(at: &At<'_>) -> Answered {
    at.reader.need(Action::SettleStatement)?;
    let (partner, month) = named(at.form).ok_or(Trouble::NotFound)?;
    let statement: Digest =
        at.form.text("statement").parse().map_err(|_| OfficeError::Unknown("statement"))?;
    at.house.office.settle(at.by, partner, month, statement).await?;
    Ok(Reply::see(&path_of("", partner, month)))
}

fn path_of(under: &str, partner: MemberId, month: Month) -> String {
    let partner = encoded(&partner.to_string());
    format!("/trust/statements{under}?partner={partner}&month={month}")
}

pub(super) fn page(
    reader: &Reader,
    query: &Form,
    options: &[(String, String)],
    mistakes: &Mistakes,
    found: Option<&MonthWith>,
) -> Page {
    let fields = Fields { reader, given: query, mistakes };
    let form = Element::classed("form", "filter")
        .set("method", "get")
        .set("action", "/trust/statements")
        .child(fields.choice("partner", &wording::partner(), options))
        .child(fields.line("month", "month", &wording::month()))
        .child(reader.button(&wording::show()));
    let page = Page::new(wording::statements()).part(form);
    let Some(found) = found else { return page };
    let account = match &found.account {
        Ok(account) => account,
        Err(why) => return page.part(caution(reader, why)),
    };
    let page = page.parts(differences(reader, &account.differences));
    if account.statements.is_empty() {
        return page.part(nothing(reader, &wording::nothing_used()));
    }
    let path = path_of("/csv", found.partner.0, found.month);
    page.parts(account.statements.iter().map(|it| statement(reader, found, it))).part(button_link(
        reader,
        path,
        &wording::download_csv(),
    ))
}

/// What both sides have counted otherwise, before anybody signs.
fn differences(reader: &Reader, differences: &[Difference]) -> Vec<Element> {
    if differences.is_empty() {
        return Vec::new();
    }
    let count = |event: &Option<UsageEvent>| match event {
        Some(event) => whole(event.count.to_string()),
        None => reader.tag("span", &wording::not_counted()),
    };
    let row = |it: &Difference| {
        let run = it.key.run.to_string();
        vec![
            link(format!("/jobs/{run}"), bounded(&run, 24)),
            whole(reader.say(&it.key.kind.text())),
            count(&it.ours),
            count(&it.theirs),
        ]
    };
    let heads =
        [wording::run_of_count(), wording::counted(), wording::our_count(), wording::their_count()];
    let rows = differences.iter().take(ROWS_MAX).map(row).collect();
    vec![
        caution(reader, &wording::counts_differ(differences.len().to_string())),
        table(reader, &heads, rows),
        remark(reader, &wording::differences_first()),
    ]
}

fn statement(reader: &Reader, found: &MonthWith, settling: &Settling) -> Element {
    let Settling { statement, signed_by, .. } = settling;
    let row = |line: &StatementLine| {
        let version = wording::version_number(line.version.to_string());
        let agreement = link(format!("/agreements/{}", line.terms), reader.say(&version));
        vec![
            agreement.set("class", "whole"),
            whole(reader.say(&line.kind.text())),
            whole(line.events.to_string()),
            whole(line.count.to_string()),
            whole(money(line.amount)),
        ]
    };
    let heads = [
        wording::agreement(),
        wording::counted(),
        wording::events(),
        wording::count(),
        wording::amount(statement.currency.as_str()),
    ];
    let partner = found.partner.1.as_str();
    let title = if statement.payer == found.own.0 {
        wording::paid_to(partner)
    } else {
        wording::paid_by(partner)
    };
    let total = wording::total(money(statement.total), statement.currency.as_str());
    let (tone, word) = match signed_by.as_slice() {
        [] => (Tone::Quiet, wording::signed_by_nobody()),
        [one] if *one == found.own.0 => (Tone::Waiting, wording::signed_by(found.own.1.as_str())),
        [_] => (Tone::Waiting, wording::signed_by(partner)),
        _ => (Tone::Good, wording::signed_by_both()),
    };
    let mut section = section(reader, &title)
        .child(table(reader, &heads, statement.lines.iter().map(row).collect()))
        .child(reader.tag("p", &total).set("class", "total"))
        .child(state(reader, tone, &word));
    if let Some(form) = signing(reader, found, settling) {
        section = section.child(form);
    }
    section
}

/// The form that signs, for whoever may and where this member has not yet.
fn signing(reader: &Reader, found: &MonthWith, settling: &Settling) -> Option<Element> {
    if settling.signed_by.contains(&found.own.0) {
        return None;
    }
    if !is_over(found.month, reader.now) {
        return Some(reader.tag("p", &wording::month_not_over()).set("class", "quiet"));
    }
    reader.can(Action::SettleStatement).then(|| {
        reader
            .form("/trust/statements/sign")
            .child(hidden("partner", &found.partner.0.to_string()))
            .child(hidden("month", &found.month.to_string()))
            .child(hidden("statement", &settling.digest.to_string()))
            .child(reader.button(&wording::sign_statement()))
    })
}

/// A short text on one line.
fn whole(value: impl Into<String>) -> Element {
    text(value).set("class", "whole")
}

/// An amount of minor units, such as fen, in major ones.
fn money(minor: u64) -> String {
    format!("{}.{:02}", minor / 100, minor % 100)
}
