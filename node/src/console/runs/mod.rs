//! Runs of jobs: the list, one run with everybody's progress, and what this member says about it.

pub(super) mod new;
mod page;
pub(super) mod schedules;

use contract::Text;
use governance::canonical::Digest;
use governance::jobs::{JobAct, Progress, State as RunState};
use governance::members::MemberId;
use governance::roles::Action;
use governance::time::Time;
use http::StatusCode;
use report::markup::Element;

use super::shell::{
    Page, Paging, Reader, Tone, bounded, button_link, link, nothing, state, table, text,
};
use super::{Answered, At, Reply, Trouble, inbox, models, wording};
use crate::office::{self, Finding, Plan};

pub(super) use page::{live, show};

/// One run in a list.
pub(super) struct Row {
    pub(super) run: Digest,
    pub(super) name: String,
    pub(super) by: String,
    pub(super) at: Time,
    pub(super) state: (Tone, Text),
}

/// One run.
pub(super) struct Detail {
    pub(super) run: Digest,
    pub(super) name: String,
    pub(super) by: String,
    pub(super) at: Time,
    pub(super) state: (Tone, Text),
    pub(super) is_final: bool,
    pub(super) agreement: (Digest, String),
    /// The table of each party.
    pub(super) tables: Vec<(String, String)>,
    pub(super) approvals: Vec<(String, Option<Time>)>,
    /// Who is waited for, on what, since when.
    pub(super) waiting: Vec<(Text, Time)>,
    pub(super) steps: Vec<String>,
    /// Each attempt's number, and how far each party came in it.
    pub(super) attempts: Vec<(u32, Vec<PartyProgress>)>,
    /// What it does, or why that cannot be told.
    pub(super) plan: Result<Plan, Text>,
    pub(super) file: Option<String>,
    pub(super) has_report: bool,
    /// How this node is prepared for it, while it waits for approval.
    pub(super) findings: Vec<Finding>,
    /// What it has trained, once it has finished.
    pub(super) trained: Vec<models::Trained>,
    /// What this member can say now.
    pub(super) may: Vec<Saying>,
}

/// How far a party came in an attempt.
pub(super) struct PartyProgress {
    pub(super) party: String,
    pub(super) progress: Progress,
    pub(super) at: Time,
    /// The name of the party that a failure or an interruption names.
    pub(super) other: String,
}

/// Something that a member can say about a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Saying {
    Approve,
    Refuse,
    Retry,
    Cancel,
}

impl Saying {
    pub(super) const ALL: [Self; 4] = [Self::Approve, Self::Refuse, Self::Retry, Self::Cancel];

    /// The word in paths.
    pub(super) const fn word(self) -> &'static str {
        match self {
            Self::Approve => "approve",
            Self::Refuse => "refuse",
            Self::Retry => "retry",
            Self::Cancel => "cancel",
        }
    }

    /// Who may say it.
    pub(super) const fn action(self) -> Action {
        match self {
            Self::Approve | Self::Refuse => Action::ApproveJob,
            Self::Retry | Self::Cancel => Action::SteerJob,
        }
    }

    fn act(self, attempt: u32, reason: &str) -> JobAct {
        let reason = reason.to_owned();
        match self {
            Self::Approve => JobAct::Approve,
            Self::Refuse => JobAct::Refuse { reason },
            Self::Retry => JobAct::Retry { attempt: attempt + 1 },
            Self::Cancel => JobAct::Cancel { reason },
        }
    }
}

pub(super) async fn answer(at: &At<'_>, is_post: bool, rest: &[&str]) -> Answered {
    match (is_post, rest) {
        (false, []) => Ok(list(at).await?.shown(at.reader)),
        (_, ["new"]) => new::answer(at, is_post).await,
        (true, ["schedules", number, "end"]) => schedules::end(at, number).await,
        (_, [run, act @ ..]) => {
            let run: Digest = run.parse().map_err(|_| Trouble::NotFound)?;
            match (is_post, act) {
                (false, []) => {
                    let mut detail = detail(at, run)?;
                    let waits = detail.may.contains(&Saying::Approve);
                    if let (true, Ok(plan)) = (waits, &detail.plan) {
                        detail.findings = at.house.office.preflight(&plan.request).await;
                    }
                    Ok(show(at.reader, &detail).shown(at.reader))
                }
                (false, ["live"]) => {
                    let detail = detail(at, run)?;
                    let fragment = live(at.reader, &detail);
                    Ok(Reply::html(StatusCode::OK, fragment.to_string()))
                }
                (false, ["report"]) => report_of(at, run).await,
                (true, [word]) => say(at, run, word).await,
                _ => Err(Trouble::NotFound),
            }
        }
        _ => Err(Trouble::NotFound),
    }
}

async fn say(at: &At<'_>, run: Digest, word: &str) -> Answered {
    let saying = Saying::ALL.into_iter().find(|saying| saying.word() == word);
    let saying = saying.ok_or(Trouble::NotFound)?;
    at.reader.need(saying.action())?;
    let reason = at.form.text("text").replace(['\r', '\n'], " ");
    let office = at.house.office;
    match saying {
        Saying::Approve => office.approve(at.by, run).await?,
        Saying::Refuse => office.refuse(at.by, run, &reason).await?,
        Saying::Cancel => office.cancel(at.by, run, &reason).await?,
        Saying::Retry => {
            let last = {
                let state = office.state();
                let job = state.books.job(&run).ok_or(Trouble::NotFound)?;
                job.view().attempts.keys().last().copied().unwrap_or_default()
            };
            office.say(at.by, run, saying.act(last, "")).await?;
        }
    }
    Ok(Reply::see(&format!("/jobs/{run}")))
}

/// The report that a finished run has left on this node; a page of its own that runs no script
/// here, since it brings its own style and switches.
async fn report_of(at: &At<'_>, run: Digest) -> Answered {
    at.reader.need(Action::SeeResults)?;
    let folder = at.house.results.and_then(|results| results(run)).ok_or(Trouble::NotFound)?;
    let page = tokio::fs::read(folder.join(REPORT_FILE)).await.map_err(|_| Trouble::NotFound)?;
    let mut reply = Reply::new(StatusCode::OK, "text/html; charset=utf-8", page);
    reply.put(http::header::CONTENT_SECURITY_POLICY, REPORT_POLICY);
    Ok(reply)
}

/// All runs, the newest first.
pub(super) fn rows(state: &office::State) -> Vec<Row> {
    let row = |(run, job): (&Digest, &governance::jobs::Job)| {
        let submission = job.submission().content();
        Row {
            run: *run,
            name: bounded(&submission.name, 120),
            by: bounded(&state.name_of(&submission.submitter), 120),
            at: submission.submitted_at,
            state: state_of(state, &job.view().state),
        }
    };
    let mut rows: Vec<Row> = state.books.jobs().map(row).collect();
    rows.sort_by_key(|row| (std::cmp::Reverse(row.at), row.run));
    rows
}

async fn list(at: &At<'_>) -> Result<Page, Trouble> {
    let people = at.house.people.people().await?;
    let (rows, schedules) = {
        let state = at.house.office.state();
        (rows(&state), schedules::rows(&state, &people))
    };
    let paging = Paging::of(at.query, rows.len());
    Ok(list_page(at.reader, &rows[paging.range()], &schedules, &paging))
}

pub(super) fn list_page(
    reader: &Reader,
    rows: &[Row],
    schedules: &[schedules::Row],
    paging: &Paging,
) -> Page {
    let mut page = Page::new(wording::jobs());
    if reader.can(Action::SubmitJob) {
        page = page.action(button_link(reader, "/jobs/new", &wording::new_run()));
    }
    let schedules = schedules::part(reader, schedules);
    if rows.is_empty() {
        return page.parts(schedules).part(nothing(reader, &wording::no_runs()));
    }
    page.parts(schedules).part(table_of(reader, rows)).parts(paging.links(reader))
}

/// A list of runs as other pages show it.
pub(super) fn table_of(reader: &Reader, rows: &[Row]) -> Element {
    let cells = |row: &Row| {
        vec![
            link(format!("/jobs/{}", row.run), row.name.as_str()),
            state(reader, row.state.0, &row.state.1),
            text(row.by.as_str()),
            reader.time(row.at),
        ]
    };
    let heads = [wording::job(), wording::state(), wording::submitted_by(), wording::when()];
    table(reader, &heads, rows.iter().map(cells).collect())
}

/// Where a run is: a word and its tone.
pub(super) fn state_of(office: &office::State, run: &RunState) -> (Tone, Text) {
    let names = |members: &mut dyn Iterator<Item = &MemberId>| {
        let names: Vec<String> = members.map(|it| bounded(&office.name_of(it), 60)).collect();
        report::message::listed(&names)
    };
    match run {
        RunState::Disputed(by) => (Tone::Bad, wording::disputed(names(&mut by.iter()))),
        RunState::Refused(by) => (Tone::Bad, wording::refused_by(names(&mut by.keys()))),
        RunState::Finished { .. } => (Tone::Good, wording::finished()),
        RunState::Cancelled(by) => (Tone::Quiet, wording::cancelled_by(names(&mut by.keys()))),
        RunState::AwaitingApproval => (Tone::Waiting, wording::awaiting_approval()),
        RunState::Queued => (Tone::Waiting, wording::queued()),
        RunState::Interrupted { waits, .. } => {
            let mut waited_for = waits.values().map(|(party, _)| party);
            (Tone::Waiting, wording::interrupted(names(&mut waited_for)))
        }
        RunState::Failed { failures, .. } => {
            let mut at = failures.values().map(|(_, at, _)| at);
            (Tone::Bad, wording::failed_at(names(&mut at)))
        }
        RunState::Running { step, of, .. } => {
            (Tone::Going, wording::running((step + 1).to_string(), of.to_string()))
        }
    }
}

/// What the page of a run shows.
fn detail(at: &At<'_>, run: Digest) -> Result<Detail, Trouble> {
    let folder = at.house.results.and_then(|results| results(run));
    let has_report = folder.as_ref().is_some_and(|folder| folder.join(REPORT_FILE).is_file());
    let state = at.house.office.state();
    let job = state.books.job(&run).ok_or(Trouble::NotFound)?;
    let (view, submission) = (job.view(), job.submission().content());
    let own = state.own();
    let name = |member: &MemberId| bounded(&state.name_of(member), 120);
    let terms = state.terms(&submission.agreement);
    let title = terms.map_or_else(String::new, |terms| bounded(&terms.title, 120));
    let folder = folder.filter(|_| matches!(view.state, RunState::Finished { .. }));
    let trained = folder.map(|folder| models::trained(&state, &run, &folder));
    let last = view.attempts.keys().last().copied().unwrap_or_default();
    let can = |saying: &Saying| job.decide(&own, saying.act(last, "reason")).is_ok();
    let attempts = view.attempts.iter().map(|(number, attempt)| {
        let party = |(member, (progress, at)): (&MemberId, &(Progress, Time))| {
            let other = match progress {
                Progress::Failed(_, other, _) | Progress::Interrupted(other) => name(other),
                _ => String::new(),
            };
            PartyProgress { party: name(member), progress: progress.clone(), at: *at, other }
        };
        (*number, attempt.iter().map(party).collect())
    });
    let attempts: Vec<_> = attempts.collect();
    let waits = view.waiting.iter().map(|wait| {
        let who = name(&wait.party);
        let what = inbox::of_run(wait.what, wait.party == own, &who, &submission.name);
        (what, wait.since)
    });
    Ok(Detail {
        run,
        name: submission.name.clone(),
        by: name(&submission.submitter),
        at: submission.submitted_at,
        is_final: view.state.is_final(),
        agreement: (submission.agreement, title),
        tables: submission.tables.iter().map(|(it, table)| (name(it), table.clone())).collect(),
        approvals: submission
            .parties
            .iter()
            .map(|it| (name(it), view.approvals.get(it).copied()))
            .collect(),
        waiting: waits.collect(),
        steps: submission.steps.clone(),
        attempts,
        plan: state.plan(&run).cloned(),
        file: state.job_file(&submission.job).map(str::to_owned),
        has_report,
        findings: Vec::new(),
        trained: trained.unwrap_or_default(),
        may: Saying::ALL.into_iter().filter(can).collect(),
        state: state_of(&state, &view.state),
    })
}

/// A run's report among its results.
const REPORT_FILE: &str = "report.html";
/// The report brings its own style and script and loads nothing; it may not send anything, and
/// stands in an origin of its own, apart from the console.
const REPORT_POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; \
     script-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'; \
     frame-ancestors 'none'; sandbox allow-scripts";
