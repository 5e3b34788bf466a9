//! Partners: who they are, whether they can be reached, and how others become partners.

use contract::Text;
use governance::members::{Member, MemberId, Standing};
use governance::roles::Action;
use net::control::{Finding, LineReport, LineState, Outcome};
use report::markup::Element;

use super::forms::{Form, Mistakes, meant};
use super::shell::{
    Fields, Page, Paging, Reader, Tone, bounded, caution, facts, hidden, link, member_path, name,
    nothing, remark, section, state, table, text,
};
use super::{Answered, At, Reply, Trouble, wording};
use crate::office::{Invited, OfficeError, PartnerCheck};

/// One partner in the list.
pub(super) struct Row {
    pub(super) member: MemberId,
    pub(super) name: String,
    pub(super) standing: Standing,
    pub(super) is_open: Option<bool>,
    pub(super) software: String,
}

/// One partner's page.
pub(super) struct Detail {
    pub(super) member: MemberId,
    pub(super) name: String,
    pub(super) contact: String,
    pub(super) address: String,
    pub(super) standing: Standing,
    pub(super) is_forked: bool,
    pub(super) introduced_by: Vec<(MemberId, String)>,
    pub(super) pair_code: Option<[String; 2]>,
    pub(super) line: Option<LineReport>,
    pub(super) catalogue: Vec<(String, String, usize)>,
}

pub(super) async fn answer(at: &At<'_>, is_post: bool, rest: &[&str]) -> Answered {
    let nothing = Mistakes::new();
    match (is_post, rest) {
        (false, []) => Ok(list(at, None, &nothing).shown(at.reader)),
        (true, ["invite"]) => invite(at).await,
        (true, ["accept"]) => accept(at).await,
        (_, [member, act @ ..]) => {
            let member: MemberId = meant(member).parse().map_err(|_| Trouble::NotFound)?;
            match (is_post, act) {
                (false, []) => Ok(page(at.reader, &detail(at, member)?, None).shown(at.reader)),
                (true, ["check"]) => check(at, member).await,
                (true, ["block"]) => block(at, member).await,
                (true, ["unblock"]) => {
                    at.reader.need(Action::Block)?;
                    at.house.office.unblock(at.by, member).await?;
                    Ok(Reply::see(&member_path(&member)))
                }
                (true, ["adopt"]) => adopt(at, member).await,
                _ => Err(Trouble::NotFound),
            }
        }
        _ => Err(Trouble::NotFound),
    }
}

fn list(at: &At<'_>, invited: Option<&Invited>, mistakes: &Mistakes) -> Page {
    let reports: Vec<LineReport> =
        at.house.office.post().map(net::control::Post::reports).unwrap_or_default();
    let (rows, paging) = {
        let state = at.house.office.state();
        let members = state.books.directory().members();
        let paging = Paging::of(at.query, members.len());
        let range = paging.range();
        let shown = members.iter().skip(range.start).take(range.len());
        let row = |(id, member): (&MemberId, &Member)| row(id, member, &reports);
        (shown.map(row).collect::<Vec<_>>(), paging)
    };
    list_page(at.reader, &rows, &paging, at.form, invited, mistakes)
}

fn row(id: &MemberId, member: &Member, reports: &[LineReport]) -> Row {
    let report = reports.iter().find(|report| report.partner.key == *member.card.key());
    let card = member.card.content();
    Row {
        member: *id,
        name: card.name.clone(),
        standing: member.standing.clone(),
        is_open: report.map(|report| matches!(report.state, LineState::Open { .. })),
        software: report
            .and_then(|it| it.software.clone())
            .unwrap_or_else(|| card.software.clone()),
    }
}

/// The list, with the forms by which others become partners.
pub(super) fn list_page(
    reader: &Reader,
    rows: &[Row],
    paging: &Paging,
    given: &Form,
    invited: Option<&Invited>,
    mistakes: &Mistakes,
) -> Page {
    let mut page = Page::new(wording::partners());
    page = page.parts(mistakes.get("").map(|text| caution(reader, text)));
    page = page.parts(invited.map(|invited| invitation(reader, invited)));
    let cells = |row: &Row| {
        let (tone, word) = standing(&row.standing, row.is_open);
        vec![
            link(member_path(&row.member), bounded(&row.name, 120)),
            state(reader, tone, &word),
            text(bounded(&row.software, 60)),
        ]
    };
    let heads = [wording::organisation(), wording::state(), wording::software()];
    page = page.part(if rows.is_empty() {
        nothing(reader, &wording::no_partners())
    } else {
        table(reader, &heads, rows.iter().map(cells).collect())
    });
    page = page.parts(paging.links(reader));
    if !reader.can(Action::Invite) {
        return page;
    }
    let fields = Fields { reader, given, mistakes };
    let invite = reader
        .form("/partners/invite")
        .child(fields.line("text", "meant_for", &wording::meant_for()))
        .child(fields.line("number", "days", &wording::days_to_accept()))
        .child(reader.button(&wording::write_invitation()));
    let accept = reader
        .form("/partners/accept")
        .child(fields.lines("line", &wording::invitation_line(), 4, true))
        .child(reader.button(&wording::accept_invitation()));
    page.part(section(reader, &wording::invite_partner()).child(invite))
        .part(section(reader, &wording::have_invitation()).child(accept))
}

fn invitation(reader: &Reader, invited: &Invited) -> Element {
    section(reader, &wording::invitation_written())
        .set("role", "status")
        .child(reader.tag("p", &wording::send_invitation()))
        .child(Element::classed("pre", "copy").set("data-copy", "").text(invited.line.as_str()))
        .child(
            Element::new("p")
                .text(format!("{} ", reader.say(&wording::accepted_until())))
                .child(reader.time(invited.expires)),
        )
}

/// What a member is to this one, and whether its line is open.
fn standing(standing: &Standing, is_open: Option<bool>) -> (Tone, Text) {
    match (standing, is_open) {
        (Standing::Blocked { .. }, _) => (Tone::Bad, wording::blocked()),
        (Standing::Known, _) => (Tone::Quiet, wording::introduced_only()),
        (_, Some(true)) => (Tone::Good, wording::connected()),
        (_, Some(false)) => (Tone::Waiting, wording::not_connected()),
        (_, None) => (Tone::Quiet, wording::no_line()),
    }
}

async fn invite(at: &At<'_>) -> Answered {
    at.reader.need(Action::Invite)?;
    let days = at.form.text("days");
    let days = if days.is_empty() { Ok(7) } else { days.parse::<u32>() };
    let mut mistakes = Mistakes::new();
    if at.form.text("meant_for").is_empty() {
        mistakes.insert("meant_for".to_owned(), wording::is_needed());
    }
    if !days.as_ref().is_ok_and(|days| (1..=30).contains(days)) {
        mistakes.insert("days".to_owned(), wording::from_to("1", "30"));
    }
    if !mistakes.is_empty() {
        return Ok(wrong(at, &mistakes));
    }
    let invited =
        at.house.office.invite(at.by, at.form.text("meant_for"), days.unwrap_or(7)).await?;
    // The line is a secret that nothing here keeps: it stands in this answer and nowhere else.
    Ok(list(at, Some(&invited), &mistakes).shown(at.reader))
}

async fn accept(at: &At<'_>) -> Answered {
    at.reader.need(Action::Invite)?;
    match at.house.office.accept(at.by, at.form.text("line")).await {
        Ok(member) => Ok(Reply::see(&member_path(&member))),
        Err(OfficeError::Store(error)) => Err(error.into()),
        Err(error) => {
            let mistakes = Mistakes::from([("line".to_owned(), error.text())]);
            Ok(wrong(at, &mistakes))
        }
    }
}

fn wrong(at: &At<'_>, mistakes: &Mistakes) -> Reply {
    list(at, None, mistakes).reply(at.reader, http::StatusCode::UNPROCESSABLE_ENTITY)
}

fn detail(at: &At<'_>, id: MemberId) -> Result<Detail, Trouble> {
    let pair_code = at.house.office.pair_code(id).ok();
    let state = at.house.office.state();
    let member = state.books.directory().members().get(&id).ok_or(Trouble::NotFound)?;
    let card = member.card.content();
    let line = at.house.office.post().and_then(|post| post.report(*member.card.key()));
    let data = member.catalogue.iter().flat_map(|catalogue| &catalogue.content().data);
    let data = data.map(|(name, it)| (name.clone(), it.about.clone(), it.columns.len()));
    let introducers = member.introductions.keys();
    Ok(Detail {
        member: id,
        name: card.name.clone(),
        contact: card.contact.clone(),
        address: card.endpoints.join(", "),
        standing: member.standing.clone(),
        is_forked: member.is_forked(),
        introduced_by: introducers.map(|by| (*by, state.name_of(by))).collect(),
        pair_code,
        line,
        catalogue: data.take(super::shell::ROWS_MAX).collect(),
    })
}

pub(super) fn page(reader: &Reader, detail: &Detail, check: Option<&PartnerCheck>) -> Page {
    let is_open = detail.line.as_ref().map(|it| matches!(it.state, LineState::Open { .. }));
    let (tone, word) = standing(&detail.standing, is_open);
    let mut page = Page::new(name(&detail.name)).action(state(reader, tone, &word));
    if detail.is_forked {
        page = page.part(caution(reader, &wording::forked()));
    }
    if let Standing::Blocked { reason, .. } = &detail.standing {
        page = page.part(remark(reader, &wording::blocked_because(bounded(reason, 500))));
    }
    let address = if detail.address.is_empty() {
        text(reader.say(&wording::only_dials()))
    } else {
        text(bounded(&detail.address, 500))
    };
    let mut known = vec![
        (wording::contact(), text(bounded(&detail.contact, 200))),
        (wording::address(), address),
        (wording::first_key(), Element::new("code").text(detail.member.to_string())),
    ];
    if let Some(line) = &detail.line {
        known.extend(of_line(reader, line));
    }
    page = page.part(facts(reader, known));
    page = page.parts(detail.pair_code.as_ref().map(|code| pair_code(reader, code)));
    page = page.parts(check.map(|check| findings(reader, &check.examination.findings)));
    page = page.parts(shared_data(reader, detail));
    page.parts(actions(reader, detail))
}

fn of_line(reader: &Reader, line: &LineReport) -> Vec<(Text, Element)> {
    let mut known = Vec::new();
    if let Some(heard) = line.last_heard.and_then(time_of) {
        known.push((wording::last_heard(), text(reader.say(&reader.ago(heard)))));
    }
    if let Some(trip) = line.round_trip {
        known.push((wording::round_trip(), text(format!("{} ms", trip.as_millis()))));
    }
    let letters = wording::letters_both(line.received.to_string(), line.acknowledged.to_string());
    known.push((wording::letters(), text(reader.say(&letters))));
    if let LineState::Apart { next_dial: Some(next), .. } = line.state
        && let Some(next) = time_of(next)
    {
        known.push((wording::next_try(), reader.time(next)));
    }
    if let (LineState::Apart { .. }, Some((_, error))) = (&line.state, &line.last_error) {
        known.push((wording::last_error(), text(bounded(&error.to_string(), 500))));
    }
    known
}

fn time_of(time: std::time::SystemTime) -> Option<governance::time::Time> {
    let since = time.duration_since(std::time::UNIX_EPOCH).ok()?;
    let milliseconds = u64::try_from(since.as_millis()).ok()?;
    Some(governance::time::Time::from_milliseconds(milliseconds))
}

fn pair_code(reader: &Reader, code: &[String; 2]) -> Element {
    section(reader, &wording::pair_code())
        .child(reader.tag("p", &wording::compare_pair_code()))
        .child(Element::classed("pre", "pair").text(code.join("\n")))
}

fn findings(reader: &Reader, findings: &[Finding]) -> Element {
    let row = |finding: &Finding| {
        let (tone, word) = match finding.outcome {
            Outcome::Passed => (Tone::Good, wording::passed()),
            Outcome::Warned => (Tone::Waiting, wording::warned()),
            Outcome::Failed => (Tone::Bad, wording::failed()),
            Outcome::Skipped => (Tone::Quiet, wording::skipped()),
        };
        let mut seen = Element::new("div").child(text(bounded(&finding.seen, 500)));
        if let Some(advice) = &finding.advice {
            seen = seen.child(reader.tag("p", &advice.cause)).child(reader.tag("p", &advice.fix));
        }
        vec![
            text(reader.say(&wording::step_of_check(finding.step.name()))),
            state(reader, tone, &word),
            seen,
        ]
    };
    let heads = [wording::step(), wording::state(), wording::seen()];
    section(reader, &wording::connection_check()).set("role", "status").child(table(
        reader,
        &heads,
        findings.iter().map(row).collect(),
    ))
}

fn shared_data(reader: &Reader, detail: &Detail) -> Option<Element> {
    if detail.catalogue.is_empty() {
        return None;
    }
    let row = |(name, about, columns): &(String, String, usize)| {
        vec![text(bounded(name, 120)), text(bounded(about, 500)), text(columns.to_string())]
    };
    let heads = [wording::table(), wording::about(), wording::columns()];
    let rows = detail.catalogue.iter().map(row).collect();
    Some(section(reader, &wording::their_data()).child(table(reader, &heads, rows)))
}

fn actions(reader: &Reader, detail: &Detail) -> Vec<Element> {
    let path = member_path(&detail.member);
    let mut actions = Vec::new();
    let is_partner =
        matches!(detail.standing, Standing::Invited { .. } | Standing::Introduced { .. });
    if is_partner && reader.can(Action::Invite) {
        let check = reader.button_to(format!("{path}/check"), &wording::check_connection());
        actions.push(section(reader, &wording::connection()).child(check));
    }
    if matches!(detail.standing, Standing::Known) && reader.can(Action::Adopt) {
        let adopt = |(by, name): &(MemberId, String)| {
            reader
                .form(format!("{path}/adopt"))
                .child(hidden("introducer", &by.to_string()))
                .child(reader.button(&wording::adopt(bounded(name, 120))))
        };
        actions.extend(detail.introduced_by.iter().map(adopt));
    }
    if !reader.can(Action::Block) {
        return actions;
    }
    if matches!(detail.standing, Standing::Blocked { .. }) {
        actions.push(reader.button_to(format!("{path}/unblock"), &wording::unblock()));
        return actions;
    }
    let (given, mistakes) = (Form::default(), Mistakes::new());
    let fields = Fields { reader, given: &given, mistakes: &mistakes };
    let block = reader
        .form(format!("{path}/block"))
        .child(fields.line("text", "reason", &wording::reason()))
        .child(reader.button(&wording::block(bounded(&detail.name, 60))).set("class", "danger"));
    actions.push(
        section(reader, &wording::block_title())
            .child(reader.tag("p", &wording::what_blocking_does()))
            .child(block),
    );
    actions
}

async fn check(at: &At<'_>, member: MemberId) -> Answered {
    at.reader.need(Action::Invite)?;
    let check = at.house.office.examine(member).await?;
    Ok(page(at.reader, &detail(at, member)?, Some(&check)).shown(at.reader))
}

async fn block(at: &At<'_>, member: MemberId) -> Answered {
    at.reader.need(Action::Block)?;
    let reason = at.form.text("reason");
    let reason = if reason.is_empty() { "–" } else { reason };
    at.house.office.block(at.by, member, reason).await?;
    Ok(Reply::see(&member_path(&member)))
}

async fn adopt(at: &At<'_>, member: MemberId) -> Answered {
    at.reader.need(Action::Adopt)?;
    let by = at.form.text("introducer").parse().map_err(|_| Trouble::NotFound)?;
    at.house.office.adopt(at.by, member, by).await?;
    Ok(Reply::see(&member_path(&member)))
}

/// Names of partners for a choice, by key.
pub(super) fn options(at: &At<'_>) -> Vec<(String, String)> {
    let state = at.house.office.state();
    let partners = state.books.directory().partners();
    let option = |it: MemberId| (it.to_string(), bounded(&state.name_of(&it), 120));
    partners.into_keys().map(option).collect()
}
