//! Agreements: the list, one agreement with its versions, and what this member says about it.

pub(super) mod draft;
mod page;

use contract::Text;
use governance::agreements::{Agreement, AgreementAct, State, Word, diff};
use governance::canonical::{Digest, Signed};
use governance::journal::Entry;
use governance::roles::Action;
use governance::time::Time;

use super::shell::{Page, Paging, Reader, Tone, bounded, button_link, link, nothing, state, table};
use super::{Answered, At, Reply, Trouble, wording};
use crate::office;

pub(super) use page::show;

/// One agreement in the list.
pub(super) struct Row {
    pub(super) version: Digest,
    pub(super) title: String,
    pub(super) with: String,
    pub(super) state: (Tone, Text),
    pub(super) until: Time,
}

/// One agreement, seen from one of its versions.
pub(super) struct Detail {
    /// The version that is shown.
    pub(super) version: Digest,
    pub(super) title: String,
    pub(super) number: u32,
    pub(super) state: (Tone, Text),
    pub(super) versions: Vec<VersionRow>,
    /// What the version says, line by line.
    pub(super) lines: Vec<[Text; 2]>,
    /// What it changes, and of which version.
    pub(super) changes: Option<(u32, Vec<Text>)>,
    pub(super) words: Vec<(String, Tone, Text)>,
    pub(super) comments: Vec<(String, Time, String)>,
    pub(super) by_rule: bool,
    /// What this member can say now.
    pub(super) may: Vec<Saying>,
}

/// One version in an agreement's history.
pub(super) struct VersionRow {
    pub(super) version: Digest,
    pub(super) number: u32,
    pub(super) by: String,
    pub(super) at: Time,
    pub(super) words: Vec<(String, Tone, Text)>,
}

/// Something that a member can say about an agreement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Saying {
    Sign,
    Refuse,
    Withdraw,
    Comment,
    Suspend,
    Resume,
    Revoke,
}

impl Saying {
    pub(super) const ALL: [Self; 7] = [
        Self::Sign,
        Self::Refuse,
        Self::Withdraw,
        Self::Comment,
        Self::Suspend,
        Self::Resume,
        Self::Revoke,
    ];

    /// The word in paths.
    pub(super) const fn word(self) -> &'static str {
        match self {
            Self::Sign => "sign",
            Self::Refuse => "refuse",
            Self::Withdraw => "withdraw",
            Self::Comment => "comment",
            Self::Suspend => "suspend",
            Self::Resume => "resume",
            Self::Revoke => "revoke",
        }
    }

    /// Who may say it.
    pub(super) const fn action(self) -> Action {
        match self {
            Self::Sign | Self::Refuse => Action::SignAgreement,
            Self::Withdraw | Self::Comment => Action::NegotiateAgreement,
            Self::Suspend | Self::Resume | Self::Revoke => Action::EndAgreement,
        }
    }

    /// Whether it comes with a reason or a remark.
    pub(super) const fn has_text(self) -> bool {
        matches!(self, Self::Refuse | Self::Comment | Self::Suspend | Self::Revoke)
    }

    /// The act, with a reason or a remark.
    fn act(self, version: Digest, text: &str) -> AgreementAct {
        let text = text.to_owned();
        match self {
            Self::Sign => AgreementAct::Sign { version },
            Self::Refuse => AgreementAct::Refuse { version, reason: text },
            Self::Withdraw => AgreementAct::Withdraw { version },
            Self::Comment => AgreementAct::Comment { version, line: None, text },
            Self::Suspend => AgreementAct::Suspend { reason: text },
            Self::Resume => AgreementAct::Resume,
            Self::Revoke => AgreementAct::Revoke { reason: text },
        }
    }
}

pub(super) async fn answer(at: &At<'_>, is_post: bool, rest: &[&str]) -> Answered {
    match (is_post, rest) {
        (false, []) => Ok(list(at).shown(at.reader)),
        (_, ["new"]) => draft::answer(at, is_post).await,
        (_, [version, act @ ..]) => {
            let version: Digest = version.parse().map_err(|_| Trouble::NotFound)?;
            match (is_post, act) {
                (false, []) => {
                    let detail = {
                        let state = at.house.office.state();
                        detail(&state, version, at.reader.now)?
                    };
                    Ok(show(at.reader, &detail, at.query).shown(at.reader))
                }
                (true, ["rule"]) => rule(at, version).await,
                (true, [word]) => say(at, version, word).await,
                _ => Err(Trouble::NotFound),
            }
        }
        _ => Err(Trouble::NotFound),
    }
}

async fn say(at: &At<'_>, version: Digest, word: &str) -> Answered {
    let saying = Saying::ALL.into_iter().find(|saying| saying.word() == word);
    let saying = saying.ok_or(Trouble::NotFound)?;
    at.reader.need(saying.action())?;
    let text = at.form.text("text").replace("\r\n", "\n");
    let text = if saying == Saying::Comment { text } else { text.replace('\n', " ") };
    at.house.office.negotiate(at.by, version, saying.act(version, &text)).await?;
    Ok(Reply::see(&format!("/agreements/{version}")))
}

async fn rule(at: &At<'_>, version: Digest) -> Answered {
    at.reader.need(Action::ApproveJob)?;
    let topic = {
        let state = at.house.office.state();
        let agreement = state.books.agreement(&version).ok_or(Trouble::NotFound)?;
        agreement.journal().topic()
    };
    at.house.office.approve_by_rule(at.by, topic, at.form.text("is_on") == "yes").await?;
    Ok(Reply::see(&format!("/agreements/{version}")))
}

fn list(at: &At<'_>) -> Page {
    let office = at.house.office.state();
    let mut rows: Vec<Row> =
        office.books.agreements().filter_map(|(_, it)| row(&office, it, at.reader.now)).collect();
    drop(office);
    rows.sort_by(|one, other| one.title.cmp(&other.title).then(one.version.cmp(&other.version)));
    let paging = Paging::of(at.query, rows.len());
    list_page(at.reader, &rows[paging.range()], &paging)
}

fn row(state: &office::State, agreement: &Agreement, now: Time) -> Option<Row> {
    let versions = agreement.versions();
    let own = state.own();
    let in_force = agreement.in_force(now).ok().map(|(digest, _)| digest);
    let newest = versions.iter().max_by_key(|(digest, it)| (it.terms.version, **digest));
    let (version, shown) = match in_force.and_then(|digest| versions.get_key_value(&digest)) {
        Some(found) => found,
        None => newest?,
    };
    let others = shown.terms.parties.iter().filter(|(member, _)| **member != own);
    let with: Vec<String> = others.map(|(_, party)| bounded(&party.name, 120)).collect();
    Some(Row {
        version: *version,
        title: shown.terms.title.clone(),
        with: with.join(", "),
        state: state_of(state, agreement, now),
        until: shown.terms.valid_until,
    })
}

pub(super) fn list_page(reader: &Reader, rows: &[Row], paging: &Paging) -> Page {
    let mut page = Page::new(wording::agreements());
    if reader.can(Action::NegotiateAgreement) {
        page = page.action(button_link(reader, "/agreements/new", &wording::new_agreement()));
    }
    if rows.is_empty() {
        return page.part(nothing(reader, &wording::no_agreements()));
    }
    let cells = |row: &Row| {
        vec![
            link(format!("/agreements/{}", row.version), bounded(&row.title, 120)),
            super::shell::text(row.with.as_str()),
            state(reader, row.state.0, &row.state.1),
            reader.time(row.until),
        ]
    };
    let heads = [wording::agreement(), wording::with(), wording::state(), wording::valid_until()];
    page.part(table(reader, &heads, rows.iter().map(cells).collect())).parts(paging.links(reader))
}

/// What an agreement is now: a word and its tone.
fn state_of(office: &office::State, agreement: &Agreement, now: Time) -> (Tone, Text) {
    let names = |members: &mut dyn Iterator<Item = &governance::members::MemberId>| {
        let names: Vec<String> = members.map(|it| bounded(&office.name_of(it), 60)).collect();
        report::message::listed(&names)
    };
    match agreement.state(now) {
        State::Negotiating => (Tone::Waiting, wording::negotiating()),
        State::Disputed(by) => (Tone::Bad, wording::disputed(names(&mut by.iter()))),
        State::Revoked(by) => (Tone::Quiet, wording::revoked_by(names(&mut by.keys()))),
        State::TakenBack(_, by) => (Tone::Bad, wording::taken_back_by(names(&mut by.iter()))),
        State::Suspended(_, by) => (Tone::Waiting, wording::suspended_by(names(&mut by.keys()))),
        State::NotYet(_) => (Tone::Waiting, wording::not_yet()),
        State::Active(_) => (Tone::Good, wording::in_force()),
        State::Expired(_) => (Tone::Quiet, wording::expired()),
    }
}

/// What the page of a version shows.
fn detail(state: &office::State, version: Digest, now: Time) -> Result<Detail, Trouble> {
    let agreement = state.books.agreement(&version).ok_or(Trouble::NotFound)?;
    let versions = agreement.versions();
    let shown = versions.get(&version).ok_or(Trouble::NotFound)?;
    let terms = &shown.terms;
    let lines = terms.lines();
    let lines = lines.iter().map(|(line, entry)| [line.text(terms), entry.text()]);
    let before = terms.parent.and_then(|parent| versions.get(&parent));
    let changes = before.map(|before| {
        let changes = diff(&before.terms, terms);
        (before.terms.version, changes.iter().map(|it| it.text(terms)).collect())
    });
    let words_of = |it: &governance::agreements::Version| {
        let of = |member| {
            let (tone, word) = word(it.words.get(member));
            (bounded(&it.terms.name_of(member), 120), tone, word)
        };
        it.terms.parties.keys().map(of).collect::<Vec<_>>()
    };
    let mut rows: Vec<VersionRow> = versions
        .iter()
        .map(|(digest, it)| VersionRow {
            version: *digest,
            number: it.terms.version,
            by: bounded(&it.terms.name_of(&it.proposed_by), 120),
            at: it.proposed_at,
            words: words_of(it),
        })
        .collect();
    rows.sort_by_key(|row| (std::cmp::Reverse(row.number), row.version));
    let own = state.own();
    let can = |saying: &Saying| agreement.decide(&own, saying.act(version, "reason"), now).is_ok();
    Ok(Detail {
        version,
        title: terms.title.clone(),
        number: terms.version,
        state: state_of(state, agreement, now),
        lines: lines.collect(),
        changes,
        words: words_of(shown),
        comments: comments(agreement, terms),
        by_rule: state.by_rule.contains(&agreement.journal().topic()),
        may: Saying::ALL.into_iter().filter(can).collect(),
        versions: rows,
    })
}

fn comments(
    agreement: &Agreement,
    terms: &governance::agreements::Terms,
) -> Vec<(String, Time, String)> {
    let entries = agreement.journal().entries();
    let comment = |entry: &Signed<Entry<AgreementAct>>| {
        let Entry { author, made_at, act, .. } = entry.content();
        let AgreementAct::Comment { line, text, .. } = act else { return None };
        let about = line.as_ref().map(|line| format!("[{}] ", line.text(terms).en));
        let text = format!("{}{text}", about.unwrap_or_default());
        Some((bounded(&terms.name_of(author), 120), *made_at, text))
    };
    let mut comments: Vec<_> = entries.filter_map(comment).collect();
    comments.sort_by_key(|(_, at, _)| *at);
    comments
}

fn word(word: Option<&Word>) -> (Tone, Text) {
    match word {
        None => (Tone::Quiet, wording::not_signed()),
        Some(Word::Signed(_)) => (Tone::Good, wording::signed()),
        Some(Word::Refused(_, reason)) => {
            (Tone::Bad, wording::refused_because(bounded(reason, 500)))
        }
        Some(Word::Withdrawn(_)) => (Tone::Quiet, wording::withdrawn()),
    }
}
