//! The page of one run.

use contract::Text;
use governance::jobs::Progress;
use governance::roles::Action;
use jobs::spec::JobSpec;
use report::markup::Element;
use report::message::{Languages, neutral};
use report::page::{DisclosedStep, DisclosureStatement};

use super::super::forms::{Form, Mistakes};
use super::super::shell::{
    Fields, Page, Reader, Tone, bounded, button_link, caution, facts, link, name, section, state,
    table, text,
};
use super::super::{models, wording};
use super::{Detail, PartyProgress, Saying};
use crate::office::{Finding, Verdict};

pub(in super::super) fn show(reader: &Reader, detail: &Detail) -> Page {
    let mut page = Page::new(name(&detail.name));
    if detail.has_report && reader.can(Action::SeeResults) {
        let path = format!("/jobs/{}/report", detail.run);
        page = page.action(button_link(reader, path, &wording::open_report()));
    }
    let (agreement, title) = &detail.agreement;
    let tables = detail.tables.iter().map(|(party, table)| {
        Element::new("div").text(format!("{party}: {}", bounded(table, 120)))
    });
    let known = vec![
        (wording::submitted_by(), text(detail.by.as_str())),
        (wording::when(), reader.time(detail.at)),
        (wording::agreement(), link(format!("/agreements/{agreement}"), title.as_str())),
        (wording::tables(), Element::new("div").children(tables)),
        (wording::number(), Element::new("code").text(detail.run.to_string())),
    ];
    // The script fetches this part again while the run is not over.
    let mut part = Element::new("div");
    if !detail.is_final {
        part = part.set("data-live", format!("/jobs/{}/live", detail.run));
    }
    page = page.part(part.child(live(reader, detail)));
    page = page.parts(preflight(reader, &detail.findings));
    page = page.part(sayings(reader, detail)).part(facts(reader, known));
    page = page.parts(models::of_run(reader, &detail.run, &detail.trained));
    let learns = section(reader, &wording::who_learns_what());
    page = page.part(match &detail.plan {
        Ok(plan) => learns.child(statement(reader, &plan.job)),
        Err(why) => learns.child(caution(reader, why)),
    });
    page.parts(detail.file.as_ref().map(|file| {
        Element::new("details")
            .child(reader.tag("summary", &wording::job_file()))
            .child(Element::classed("pre", "code").text(bounded(file, 100_000)))
    }))
}

/// What changes while a run goes on.
pub(in super::super) fn live(reader: &Reader, detail: &Detail) -> Element {
    let mut part = Element::new("div").child(Element::new("p").child(state(
        reader,
        detail.state.0,
        &detail.state.1,
    )));
    if !detail.waiting.is_empty() {
        let wait = |(what, since): &(Text, governance::time::Time)| {
            let ago = reader.ago(*since);
            Element::new("li").text(format!("{} · {}", reader.say(what), reader.say(&ago)))
        };
        let waits = Element::new("ul").children(detail.waiting.iter().map(wait));
        part = part.child(section(reader, &wording::waiting_for()).child(waits));
    }
    let approval = |(party, at): &(String, Option<governance::time::Time>)| {
        let (tone, word) = match at {
            Some(_) => (Tone::Good, wording::approved()),
            None => (Tone::Quiet, wording::not_approved()),
        };
        Element::new("li").text(format!("{party} ")).child(state(reader, tone, &word))
    };
    let approvals = Element::classed("ul", "words").children(detail.approvals.iter().map(approval));
    part = part.child(section(reader, &wording::approvals()).child(approvals));
    let newest_first = detail.attempts.iter().rev().take(ATTEMPTS_MAX);
    part.children(newest_first.map(|(number, parties)| attempt(reader, detail, *number, parties)))
}

fn attempt(reader: &Reader, detail: &Detail, number: u32, parties: &[PartyProgress]) -> Element {
    let row = |party: &PartyProgress| {
        let (tone, word, more) = progress(reader, detail, party);
        vec![text(party.party.as_str()), state(reader, tone, &word), more, reader.time(party.at)]
    };
    let heads = [wording::party(), wording::state(), wording::what(), wording::when()];
    section(reader, &wording::attempt(number.to_string())).child(table(
        reader,
        &heads,
        parties.iter().map(row).collect(),
    ))
}

fn progress(reader: &Reader, detail: &Detail, party: &PartyProgress) -> (Tone, Text, Element) {
    match &party.progress {
        Progress::Begun => (Tone::Going, wording::begun(), text("")),
        Progress::Step(step) => {
            let step_name = detail.steps.get(*step as usize).map_or("", String::as_str);
            let place = format!("{}/{}", step.saturating_add(1), detail.steps.len());
            let bar = Element::new("progress")
                .set("max", detail.steps.len().to_string())
                .set("value", step.to_string())
                .set("aria-label", place.clone());
            let more = text(format!("{place} {} ", bounded(step_name, 80))).child(bar);
            (Tone::Going, wording::in_step(), more)
        }
        Progress::Interrupted(_) => {
            let waits = wording::waits_for(party.other.as_str());
            (Tone::Waiting, wording::interrupted_here(), text(reader.say(&waits)))
        }
        Progress::Failed(code, _, sentence) => {
            let at = wording::at_party(party.other.as_str());
            let sentence = bounded(sentence, 500);
            let what = format!("{} ({}): {sentence}", bounded(code, 60), reader.say(&at));
            (Tone::Bad, wording::failed(), text(what))
        }
        Progress::Finished(results) => {
            let results = wording::results(results.len().to_string());
            (Tone::Good, wording::finished(), text(reader.say(&results)))
        }
    }
}

fn sayings(reader: &Reader, detail: &Detail) -> Element {
    let may = detail.may.iter().filter(|saying| reader.can(saying.action()));
    let (given, mistakes) = (Form::default(), Mistakes::new());
    let fields = Fields { reader, given: &given, mistakes: &mistakes };
    let form = |saying: &Saying| {
        let path = format!("/jobs/{}/{}", detail.run, saying.word());
        let (word, class, has_reason) = match saying {
            Saying::Approve => (wording::approve(), "primary", false),
            Saying::Refuse => (wording::refuse_run(), "danger", true),
            Saying::Retry => (wording::retry(), "", false),
            Saying::Cancel => (wording::cancel_run(), "danger", true),
        };
        let button = reader.button(&word).set("class", class);
        if !has_reason {
            return reader.form(path).child(button);
        }
        let field = fields.line("text", "text", &wording::reason());
        Element::new("details")
            .child(reader.tag("summary", &word))
            .child(reader.form(path).child(field).child(button))
    };
    Element::classed("div", "sayings").children(may.map(form))
}

/// What was looked at before a run is sent or approved.
pub(in super::super) fn preflight(reader: &Reader, findings: &[Finding]) -> Option<Element> {
    let row = |finding: &Finding| {
        let (tone, word) = match finding.verdict {
            Verdict::Fine => (Tone::Good, wording::fine()),
            Verdict::Doubtful => (Tone::Waiting, wording::doubtful()),
            Verdict::Bad => (Tone::Bad, wording::will_fail()),
        };
        let say = |what: &Text| text(bounded(reader.say(what), 300));
        vec![say(&finding.what), state(reader, tone, &word), say(&finding.found)]
    };
    let heads = [wording::what(), wording::state(), wording::found()];
    let rows: Vec<_> = findings.iter().map(row).collect();
    (!rows.is_empty())
        .then(|| section(reader, &wording::preflight()).child(table(reader, &heads, rows)))
}

/// What a job lets its parties learn, as `tombolo plan` lists it.
pub(in super::super) fn statement(reader: &Reader, job: &JobSpec) -> Element {
    let step = |step: jobs::spec::StepDisclosures| DisclosedStep {
        name: neutral(step.step),
        declared: step.disclosures,
        observed: None,
    };
    let statement = DisclosureStatement {
        guest: job.guest.name.clone(),
        hosts: job.hosts.iter().map(|host| host.name.clone()).collect(),
        steps: job.disclosures().into_iter().map(step).collect(),
    };
    statement.table().element(Languages::Only(reader.language))
}

/// Attempts that are shown.
const ATTEMPTS_MAX: usize = 20;
