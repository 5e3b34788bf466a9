//! `tombolo plan`: what a job does, and what each party learns.

use std::path::Path;

use contract::{Audience, Text, catalogue};
use jobs::spec::JobSpec;
use report::message::{Language, every_party, listed, neutral};
use report::table::{Cell, Column, Table};

use crate::failure::Failure;
use crate::run::read_job;
use crate::screen;

/// Checks the job and prints its plan.
pub(crate) fn plan(path: &Path, language: Language) -> Result<(), Failure> {
    let job = read_job(path)?;
    screen::data(&heading(&job, language));
    screen::table(&steps(&job), language);
    screen::data(&format!("\n{}", language.of(&STATEMENT)));
    screen::table(&statement(&job), language);
    if job.takes_silent_transfers() {
        screen::data(&format!("\n{}", language.of(&SILENT)));
    }
    Ok(())
}

fn heading(job: &JobSpec, language: Language) -> String {
    let parties: Vec<String> = job
        .parties()
        .map(|party| format!("{} ({})", party.name, language.of(&party.role.title())))
        .collect();
    let text = Text::owned(
        format!(
            "Job {} for {}\nParties: {}\nDigest: {}\n",
            job.job,
            job.purpose,
            parties.join(", "),
            job.digest()
        ),
        format!(
            "任务 {}，用途 {}\n参与方：{}\n摘要：{}\n",
            job.job,
            job.purpose,
            parties.join("、"),
            job.digest()
        ),
    );
    language.of(&text).to_owned()
}

fn steps(job: &JobSpec) -> Table {
    let mut table = Table::new(vec![
        Column::words(Text::new("step", "步骤")),
        Column::words(Text::new("component", "组件")),
        Column::words(Text::new("privacy", "隐私模式")),
        Column::words(Text::new("what it is", "说明")),
    ]);
    for step in job.disclosures() {
        let component = catalogue::find(step.component);
        let summary = component.and_then(|it| it.mode(&step.mode)).map(|it| it.summary.clone());
        let title = component.map_or_else(|| neutral(step.component), |it| it.title.clone());
        table.push(vec![
            Cell::text(neutral(step.step)),
            Cell::text(title),
            Cell::text(neutral(step.mode)),
            Cell::text(summary.unwrap_or_else(|| neutral(""))),
        ]);
    }
    table
}

fn statement(job: &JobSpec) -> Table {
    let mut table = Table::new(vec![
        Column::words(Text::new("step", "步骤")),
        Column::words(Text::new("who learns", "得知方")),
        Column::words(Text::new("what", "内容")),
        Column::words(Text::new("why", "性质")),
        Column::words(Text::new("how often", "频次")),
    ]);
    for step in job.disclosures() {
        for disclosure in step.disclosures {
            table.push(vec![
                Cell::text(neutral(step.step.clone())),
                Cell::text(learners(job, disclosure.to)),
                Cell::text(disclosure.what),
                Cell::text(disclosure.kind.title()),
                Cell::text(disclosure.count.title()),
            ]);
        }
    }
    table
}

/// Who learns something, by name; of several hosts each for itself.
fn learners(job: &JobSpec, to: Audience) -> Text {
    match to {
        Audience::Guest => neutral(&job.guest.name),
        Audience::Host => {
            listed(&job.hosts.iter().map(|host| host.name.clone()).collect::<Vec<_>>())
        }
        Audience::All => every_party(),
    }
}

const SILENT: Text = Text::new(
    "Because of `bandwidth`, strict steps take silent transfers: they assume besides that regular \
     syndrome decoding over GF(2) is hard (docs/THREATS.md).",
    "由于设置了 `bandwidth`，strict 步骤采用静默传输：另需假设 GF(2) 上的正则校验子译码是困难的（见 docs/THREATS.md）。",
);

const STATEMENT: Text = Text::new("Who learns what:", "各方将得知的内容：");
