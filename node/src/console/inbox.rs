//! What waits for this member, what it waits for, how the node is, and what ran last.

use contract::Text;
use governance::books::{Matter, Wait};
use governance::jobs::WaitingFor;
use governance::roles::Action;
use governance::time::Time;
use net::control::LineState;
use report::markup::Element;

use super::shell::{
    Page, Reader, bounded, button_link, link, nothing, section, state, table, text,
};
use super::{Answered, At, runs, wording};
use crate::office::State;

/// Waits of either kind that are shown.
const WAITS_MAX: usize = 50;
/// Runs that are shown.
const RUNS_MAX: usize = 5;

/// What the page shows.
pub(super) struct Inbox {
    /// What waits for this member.
    pub(super) own: Vec<Waited>,
    /// What waits for others.
    pub(super) others: Vec<Waited>,
    /// Waits of both kinds that are not shown.
    pub(super) more: usize,
    /// Partners whose lines are open, and all.
    pub(super) lines: [usize; 2],
    /// Tables, agreements.
    pub(super) tables: usize,
    pub(super) agreements: usize,
    /// The newest runs.
    pub(super) recent: Vec<runs::Row>,
}

/// Somebody is waited for.
pub(super) struct Waited {
    pub(super) what: Text,
    pub(super) path: String,
    pub(super) since: Time,
}

#[expect(clippy::unnecessary_wraps, reason = "every page is asked for alike")]
pub(super) fn show(at: &At<'_>) -> Answered {
    let post = at.house.office.post();
    let reports = post.map(net::control::Post::reports).unwrap_or_default();
    let open = reports.iter().filter(|it| matches!(it.state, LineState::Open { .. })).count();
    let inbox = {
        let state = at.house.office.state();
        view(&state, at.reader.now, open)
    };
    Ok(page(at.reader, &inbox).shown(at.reader))
}

/// What the page shows of a state.
pub(super) fn view(state: &State, now: Time, open: usize) -> Inbox {
    let waits = state.books.waiting(now);
    let (own, others): (Vec<Wait>, Vec<Wait>) =
        waits.into_iter().partition(|wait| wait.party == state.own());
    let more = own.len().saturating_sub(WAITS_MAX) + others.len().saturating_sub(WAITS_MAX);
    let waited = |waits: Vec<Wait>| -> Vec<Waited> {
        waits.iter().take(WAITS_MAX).filter_map(|wait| of_wait(state, wait)).collect()
    };
    let mut recent = runs::rows(state);
    recent.truncate(RUNS_MAX);
    Inbox {
        own: waited(own),
        others: waited(others),
        more,
        lines: [open, state.books.directory().partners().len()],
        tables: state.tables.len(),
        agreements: state.books.agreements().count(),
        recent,
    }
}

fn of_wait(state: &State, wait: &Wait) -> Option<Waited> {
    let who = bounded(&state.name_of(&wait.party), 120);
    let is_own = wait.party == state.own();
    let (what, path) = match &wait.matter {
        Matter::Signature { version, .. } => {
            let terms = state.terms(version)?;
            let (title, number) = (bounded(&terms.title, 120), terms.version.to_string());
            let what = if is_own {
                wording::to_sign(title, number)
            } else {
                wording::other_to_sign(who, title, number)
            };
            (what, format!("/agreements/{version}"))
        }
        Matter::Run { run, what } => {
            let name = bounded(&state.books.job(run)?.submission().content().name, 120);
            (of_run(*what, is_own, &who, &name), format!("/jobs/{run}"))
        }
    };
    Some(Waited { what, path, since: wait.since })
}

/// On what a run waits, in a sentence.
pub(super) fn of_run(what: WaitingFor, is_own: bool, who: &str, name: &str) -> Text {
    match (what, is_own) {
        (WaitingFor::Approval, true) => wording::to_approve(name),
        (WaitingFor::Approval, false) => wording::other_to_approve(who, name),
        (WaitingFor::Start, _) => wording::to_start(who, name),
        (WaitingFor::Step(step), _) => wording::to_reach(who, name, (step + 1).to_string()),
        (WaitingFor::Connection, _) => wording::to_be_reached(who, name),
        (WaitingFor::Finish, _) => wording::to_finish(who, name),
        (WaitingFor::Retry, true) => wording::to_retry(name),
        (WaitingFor::Retry, false) => wording::other_to_retry(who, name),
    }
}

pub(super) fn page(reader: &Reader, inbox: &Inbox) -> Page {
    let mut page = Page::new(wording::inbox());
    if inbox.lines[1] == 0 && inbox.tables == 0 && inbox.agreements == 0 {
        return page.part(first_steps(reader));
    }
    page = page
        .part(waits(reader, &wording::for_me(), &inbox.own, &wording::nothing_for_me()))
        .part(waits(reader, &wording::for_others(), &inbox.others, &wording::nothing_for_others()));
    if inbox.more > 0 {
        page = page.part(reader.tag("p", &wording::more_waits(inbox.more.to_string())));
    }
    let [open, all] = inbox.lines;
    let strip = Element::classed("p", "strip").text(format!(
        "{} · {}",
        reader.say(&wording::lines_open(open.to_string(), all.to_string())),
        reader.say(&wording::kept_here(inbox.tables.to_string(), inbox.agreements.to_string())),
    ));
    page = page.part(section(reader, &wording::health()).child(strip));
    let recent = section(reader, &wording::recent_runs());
    page.part(if inbox.recent.is_empty() {
        recent.child(nothing(reader, &wording::no_runs()))
    } else {
        recent.child(runs::table_of(reader, &inbox.recent))
    })
}

fn waits(reader: &Reader, title: &Text, waits: &[Waited], none: &Text) -> Element {
    let section = section(reader, title);
    if waits.is_empty() {
        return section.child(nothing(reader, none));
    }
    let row = |wait: &Waited| {
        vec![
            link(wait.path.as_str(), reader.say(&wait.what)),
            text(reader.say(&reader.ago(wait.since))),
        ]
    };
    let heads = [wording::what(), wording::since()];
    section.child(table(reader, &heads, waits.iter().map(row).collect()))
}

/// A node on which nothing has happened: three steps to the first result.
fn first_steps(reader: &Reader) -> Element {
    let step = |path: &str, title: &Text, why: &Text, action: Action| {
        let item = Element::new("li").child(reader.tag("p", why));
        if reader.can(action) {
            item.child(button_link(reader, path, title))
        } else {
            let roles = super::shell::listed_roles(action.allowed());
            item.child(state(reader, super::shell::Tone::Quiet, &wording::done_by(roles)))
        }
    };
    Element::classed("ol", "steps")
        .child(step(
            "/partners",
            &wording::invite_partner(),
            &wording::why_invite(),
            Action::Invite,
        ))
        .child(step("/data/new", &wording::add_table(), &wording::why_table(), Action::ManageData))
        .child(step(
            "/agreements/new",
            &wording::new_agreement(),
            &wording::why_agreement(),
            Action::NegotiateAgreement,
        ))
}
