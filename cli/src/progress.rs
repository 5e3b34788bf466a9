//! Bars on the standard error while a job runs; plain lines where nobody watches.

use std::collections::BTreeMap;
use std::time::Duration;

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use jobs::Event;
use report::message::Language;

use crate::screen;

/// What the parties are at.
pub(crate) struct Progress {
    bars: Option<MultiProgress>,
    parties: BTreeMap<String, Line>,
    language: Language,
}

struct Line {
    bar: ProgressBar,
    step: String,
    bytes: u64,
    /// Units of the step that are done, and how many there may be; 0 and 0 if it counts none.
    progress: (u64, u64),
}

impl Progress {
    pub(crate) fn new<'a>(parties: impl Iterator<Item = &'a str>, language: Language) -> Self {
        let bars = screen::is_watched().then(MultiProgress::new);
        let line = |party: &str| {
            let bar = match &bars {
                Some(bars) => bars.add(ProgressBar::new_spinner()),
                None => ProgressBar::hidden(),
            };
            if let Ok(style) = ProgressStyle::with_template(TEMPLATE) {
                bar.set_style(style);
            }
            bar.set_prefix(party.to_owned());
            bar.enable_steady_tick(Duration::from_millis(120));
            (party.to_owned(), Line { bar, step: String::new(), bytes: 0, progress: (0, 0) })
        };
        let parties = parties.map(line).collect();
        Self { bars, parties, language }
    }

    /// Shows an event of a party.
    pub(crate) fn see(&mut self, party: &str, event: &Event) {
        match event {
            Event::Started { step } => {
                if let Some(line) = self.parties.get_mut(party) {
                    line.step.clone_from(step);
                    line.progress = (0, 0);
                    line.show();
                }
            }
            Event::Finished { step, seconds } => {
                self.say(&format!("{party:>12}  {step:<40} {seconds:>7.1} s"));
            }
            Event::Read { rows } => {
                let read = match self.language {
                    Language::English => format!("{:.1} million rows read", *rows as f64 / 1e6),
                    Language::Chinese => format!("已读取 {} 万行", rows / 10_000),
                };
                if let Some(line) = self.parties.get_mut(party) {
                    line.step = read;
                    line.show();
                }
            }
            Event::Note { text } => self.note(party, self.language.of(text)),
        }
    }

    /// Shows words of a party, each line under its name.
    pub(crate) fn note(&self, party: &str, text: &str) {
        for line in text.lines() {
            self.say(&format!("{party:>12}  {line}"));
        }
    }

    /// Shows how much a party has sent and received, and how far its step has come.
    pub(crate) fn count(&mut self, party: &str, bytes: u64, progress: (u64, u64)) {
        if let Some(line) = self.parties.get_mut(party) {
            (line.bytes, line.progress) = (bytes, progress);
            line.show();
        }
    }

    /// Takes the bars away.
    pub(crate) fn finish(&self) {
        self.parties.values().for_each(|line| line.bar.finish_and_clear());
    }

    fn say(&self, text: &str) {
        match &self.bars {
            // A terminal that went away is no reason to stop the job.
            Some(bars) => _ = bars.println(text),
            None => screen::message(text),
        }
    }
}

impl Line {
    fn show(&self) {
        let megabytes = self.bytes as f64 / 1e6;
        let progress = match self.progress {
            (_, 0) => String::new(),
            (done, planned) => format!(" · {done}/{planned}"),
        };
        self.bar.set_message(format!("{}{progress} · {megabytes:.1} MB", self.step));
    }
}

const TEMPLATE: &str = "{spinner} {prefix:>10}  {msg}  {elapsed}";
