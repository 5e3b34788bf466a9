//! What happened on this node, and what use has cost.

use contract::Text;
use governance::books::Books;
use governance::members::MemberId;
use governance::metering::{Statement, StatementError};
use governance::roles::Action;
use governance::time::{Month, Time};
use report::markup::Element;

use super::forms::{Form, Mistakes, encoded};
use super::shell::{
    Fields, Page, Reader, Tone, bounded, button_link, caution, nothing, section, state, table, text,
};
use super::{Answered, At, Trouble, partners, wording};
use crate::store::{Event, EventFilter};

/// Events on a page.
const EVENTS_MAX: u32 = 50;
/// Characters of an event that are shown.
const BODY_MAX: usize = 4_000;

/// What a month has cost between this member and a partner.
pub(super) struct MonthWith {
    pub(super) partner: String,
    /// What this member pays, and what it is paid.
    pub(super) statements: Result<[Vec<Statement>; 2], StatementError>,
    /// How many counts differ between both sides.
    pub(super) differences: usize,
    /// How many have signed each statement, in order.
    pub(super) signed: Vec<usize>,
}

pub(super) async fn answer(at: &At<'_>, is_post: bool, rest: &[&str]) -> Answered {
    at.reader.need(Action::ReadAudit)?;
    match (is_post, rest) {
        (false, []) => events(at).await,
        (false, ["statements"]) => statements(at),
        _ => Err(Trouble::NotFound),
    }
}

async fn events(at: &At<'_>) -> Answered {
    let last = at.house.store.last_event().await?;
    let wanted = |name: &str| Some(at.query.text(name)).filter(|it| !it.is_empty());
    let filter = EventFilter {
        kind: wanted("kind").map(str::to_owned),
        subject: wanted("subject").map(str::to_owned),
    };
    // Without any wish, the newest are shown.
    let newest = || last.saturating_sub(u64::from(EVENTS_MAX));
    let is_free = filter == EventFilter::default();
    let after = match wanted("after").and_then(|after| after.parse::<u64>().ok()) {
        Some(after) => after.min(i64::MAX as u64),
        None if is_free => newest(),
        None => 0,
    };
    let mut events = at.house.store.events_after(after, &filter, EVENTS_MAX + 1).await?;
    let is_more = events.len() > EVENTS_MAX as usize;
    events.truncate(EVENTS_MAX as usize);
    let people = at.house.people.people().await?;
    let state = at.house.office.state();
    let author = |author: &str| {
        let person = people.iter().find(|person| person.id == author);
        let member = || author.parse::<MemberId>().ok().map(|member| state.name_of(&member));
        person.map(|it| it.name.clone()).or_else(member).unwrap_or_else(|| author.to_owned())
    };
    let rows: Vec<(Event, String)> = events
        .into_iter()
        .map(|event| {
            let name = author(&event.author);
            (event, name)
        })
        .collect();
    drop(state);
    Ok(page(at.reader, at.query, &rows, after, is_more).shown(at.reader))
}

pub(super) fn page(
    reader: &Reader,
    query: &Form,
    events: &[(Event, String)],
    after: u64,
    is_more: bool,
) -> Page {
    let mistakes = Mistakes::new();
    let fields = Fields { reader, given: query, mistakes: &mistakes };
    let filter = Element::classed("form", "filter")
        .set("method", "get")
        .set("action", "/trust")
        .child(fields.line("text", "kind", &wording::kind_of_event()))
        .child(fields.line("text", "subject", &wording::subject()))
        .child(reader.button(&wording::show()));
    let row = |(event, author): &(Event, String)| {
        let body = String::from_utf8_lossy(&event.bytes);
        let body = Element::new("details")
            .child(reader.tag("summary", &wording::entry()))
            .child(Element::classed("pre", "code").text(bounded(&body, BODY_MAX)));
        vec![
            text(event.sequence.to_string()),
            reader.time(Time::from_milliseconds(event.at)),
            text(bounded(author, 120)),
            link_to(&event.kind, "kind"),
            link_to(&event.subject, "subject"),
            body,
        ]
    };
    let heads = [
        wording::number(),
        wording::when(),
        wording::who(),
        wording::kind_of_event(),
        wording::subject(),
        wording::entry(),
    ];
    let page = Page::new(wording::trust())
        .action(button_link(reader, "/trust/statements", &wording::statements()))
        .part(filter);
    if events.is_empty() {
        return page.part(nothing(reader, &wording::no_events()));
    }
    let more = |after: u64, text: &Text| {
        let (kind, subject) = (encoded(query.text("kind")), encoded(query.text("subject")));
        let path = format!("/trust?after={after}&kind={kind}&subject={subject}");
        reader.tag("a", text).set("href", path)
    };
    let mut links = Element::classed("p", "paging");
    if after > 0 {
        let before = after.saturating_sub(u64::from(EVENTS_MAX));
        links = links.child(more(before, &wording::earlier()));
    }
    if let (true, Some((last, _))) = (is_more, events.last()) {
        links = links.child(more(last.sequence, &wording::later()));
    }
    page.part(table(reader, &heads, events.iter().map(row).collect())).part(links)
}

fn link_to(value: &str, field: &str) -> Element {
    super::shell::link(format!("/trust?{field}={}", encoded(value)), bounded(value, 24))
        .set("title", bounded(value, 200))
}

#[expect(clippy::unnecessary_wraps, reason = "every page is asked for alike")]
fn statements(at: &At<'_>) -> Answered {
    let options = partners::options(at);
    let mut mistakes = Mistakes::new();
    let partner = at.query.text("partner").parse::<MemberId>().ok();
    let month = at.query.text("month").parse::<Month>();
    if !at.query.text("month").is_empty() && month.is_err() {
        mistakes.insert("month".to_owned(), wording::not_a_month());
    }
    let found = match (partner, month) {
        (Some(partner), Ok(month)) => {
            let state = at.house.office.state();
            let name = state.name_of(&partner);
            Some(of_month(&state.books, partner, name, month))
        }
        _ => None,
    };
    let page = statements_page(at.reader, at.query, &options, &mistakes, found.as_ref());
    Ok(page.shown(at.reader))
}

fn of_month(books: &Books, partner: MemberId, name: String, month: Month) -> MonthWith {
    let statements = books.month(partner, month);
    let all = statements.iter().flatten().flatten();
    let signed = all.map(|it| books.signatures(&governance::canonical::digest_of(it)).len());
    MonthWith {
        partner: name,
        signed: signed.collect(),
        differences: books.differences(partner).len(),
        statements,
    }
}

pub(super) fn statements_page(
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
    let page = if found.differences == 0 {
        page
    } else {
        let text = wording::counts_differ(found.differences.to_string());
        page.part(caution(reader, &text))
    };
    let partner = bounded(&found.partner, 120);
    match &found.statements {
        Err(error) => {
            let text = error.to_string();
            page.part(caution(reader, &Text::owned(text.clone(), text)))
        }
        Ok([paid, earned]) if paid.is_empty() && earned.is_empty() => {
            page.part(nothing(reader, &wording::nothing_used()))
        }
        Ok([paid, earned]) => {
            let (to, from) =
                (wording::paid_to(partner.as_str()), wording::paid_by(partner.as_str()));
            let paid = paid.iter().map(|it| (&to, it));
            let earned = earned.iter().map(|it| (&from, it));
            let all = paid.chain(earned).zip(&found.signed);
            page.parts(all.map(|((title, it), signed)| statement(reader, title, it, *signed)))
        }
    }
}

fn statement(reader: &Reader, title: &Text, statement: &Statement, signed: usize) -> Element {
    let row = |line: &governance::metering::StatementLine| {
        let version = wording::version_number(line.version.to_string());
        vec![
            super::shell::link(format!("/agreements/{}", line.terms), reader.say(&version)),
            text(reader.say(&line.kind.text())),
            text(line.events.to_string()),
            text(line.count.to_string()),
            text(money(line.amount)),
        ]
    };
    let heads = [
        wording::agreement(),
        wording::counted(),
        wording::events(),
        wording::count(),
        wording::amount(statement.currency.as_str()),
    ];
    let total = wording::total(money(statement.total), statement.currency.as_str());
    let (tone, word) = match signed {
        2.. => (Tone::Good, wording::signed_by_both()),
        _ => (Tone::Quiet, wording::not_signed_by_both()),
    };
    section(reader, title)
        .child(table(reader, &heads, statement.lines.iter().map(row).collect()))
        .child(reader.tag("p", &total).set("class", "total"))
        .child(state(reader, tone, &word))
}

/// An amount of minor units, such as fen, in major ones.
fn money(minor: u64) -> String {
    format!("{}.{:02}", minor / 100, minor % 100)
}
