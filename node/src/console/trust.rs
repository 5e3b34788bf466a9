//! What happened on this node, and what use has cost.

use contract::Text;
use governance::members::MemberId;
use governance::roles::Action;
use governance::time::Time;
use report::markup::Element;

use super::forms::{Form, Mistakes, encoded};
use super::shell::{Fields, Page, Reader, bounded, button_link, nothing, table, text};
use super::{Answered, At, Trouble, statements, wording};
use crate::store::{Event, EventFilter};

/// Events on a page.
const EVENTS_MAX: u32 = 50;
/// Characters of an event that are shown.
const BODY_MAX: usize = 4_000;

pub(super) async fn answer(at: &At<'_>, is_post: bool, rest: &[&str]) -> Answered {
    at.reader.need(Action::ReadAudit)?;
    match (is_post, rest) {
        (false, []) => events(at).await,
        (_, ["statements", rest @ ..]) => statements::answer(at, is_post, rest).await,
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
