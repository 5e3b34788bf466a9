//! The report page: what it consists of, and its rendering as one HTML file.
//!
//! A [`Report`] is a title, a few facts, and sections of [`Part`]s. [`Report::to_html`] writes one
//! file without any outside reference: style and script are inside, it opens offline, prints, and
//! reads well with scripts off. Every text is there in both languages; one attribute on the root
//! element chooses which one is seen. Every figure says where it comes from ([`Provenance`]).

mod comparison;
mod disclosure;
mod document;
mod steps;

pub use comparison::{Better, Comparison, ComparisonRow, Difference};
pub use disclosure::{DisclosedStep, DisclosureStatement};
pub use steps::{StepUse, StepUses};

use crate::chart::Chart;
use crate::message::{Language, Quantity, Text};
use crate::table::Table;

/// Where a figure comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Provenance {
    /// Computed by this job from real data.
    Real,
    /// Computed by this job from simulated data.
    Simulated,
    /// Stated by somebody and not checked by this job.
    Claimed,
}

/// A report for one party, ready to be rendered.
#[derive(Clone, Debug)]
pub struct Report {
    title: Text,
    subtitle: Option<Text>,
    party: Option<String>,
    facts: Vec<(Text, Text)>,
    sections: Vec<Section>,
    language: Language,
}

/// A headed part of a report with its own entry in the contents.
#[derive(Clone, Debug)]
pub struct Section {
    title: Text,
    lead: Option<Text>,
    parts: Vec<Part>,
}

/// One thing on the page.
#[derive(Clone, Debug)]
pub enum Part {
    /// Key figures in large type.
    Tiles(Vec<Tile>),
    /// Scores side by side with their difference.
    Comparison(Comparison),
    /// Charts in cards, two to a row where there is room.
    Charts(Vec<Card>),
    /// A table under its own small heading.
    Table {
        /// The small heading.
        title: Text,
        /// The rows.
        table: Table,
        /// Where its numbers come from; `None` for settings and other things that are not figures.
        provenance: Option<Provenance>,
    },
    /// A sentence or two that the reader must not miss.
    Notice(Notice, Text),
    /// A paragraph.
    Paragraph(Text),
    /// What was approved to be learnt, and what was.
    Disclosure(DisclosureStatement),
    /// Time and traffic per step.
    Steps(StepUses),
    /// Parts behind a heading that the reader opens, for detail that not everybody wants.
    Folded {
        /// The heading that stays visible.
        title: Text,
        /// What opens.
        parts: Vec<Self>,
    },
}

/// How urgent a notice is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Notice {
    /// Something to know when reading the figures.
    Remark,
    /// Something that weakens or forbids a conclusion.
    Caution,
}

/// A key figure.
#[derive(Clone, Debug)]
pub struct Tile {
    /// What it is.
    pub label: Text,
    /// The number.
    pub value: Quantity,
    /// A short addition, such as the figure of the guest alone.
    pub note: Option<Text>,
    /// Where it comes from.
    pub provenance: Provenance,
}

/// A chart on the page.
#[derive(Clone, Debug)]
pub struct Card {
    /// The chart.
    pub chart: Chart,
    /// Where its numbers come from.
    pub provenance: Provenance,
}

impl Report {
    /// A report without content.
    pub fn new(title: Text) -> Self {
        Self {
            title,
            subtitle: None,
            party: None,
            facts: Vec::new(),
            sections: Vec::new(),
            language: Language::default(),
        }
    }

    /// Sets the line below the title.
    #[must_use]
    pub fn subtitle(self, subtitle: Text) -> Self {
        Self { subtitle: Some(subtitle), ..self }
    }

    /// Names the only party that may see the page.
    #[must_use]
    pub fn seen_by(self, party: impl Into<String>) -> Self {
        Self { party: Some(party.into()), ..self }
    }

    /// Adds a line to the facts at the top: the job, its seed, its tables.
    #[must_use]
    pub fn fact(mut self, name: Text, value: Text) -> Self {
        self.facts.push((name, value));
        self
    }

    /// Adds a section.
    #[must_use]
    pub fn section(mut self, section: Section) -> Self {
        self.sections.push(section);
        self
    }

    /// Sets the language that is seen where no script runs and the reader has not chosen.
    #[must_use]
    pub fn language(self, language: Language) -> Self {
        Self { language, ..self }
    }

    /// The page as one HTML file.
    pub fn to_html(&self) -> String {
        document::render(self)
    }
}

impl Section {
    /// A section without content.
    pub fn new(title: Text) -> Self {
        Self { title, lead: None, parts: Vec::new() }
    }

    /// Sets the sentence below the heading.
    #[must_use]
    pub fn lead(self, lead: Text) -> Self {
        Self { lead: Some(lead), ..self }
    }

    /// Adds a part.
    #[must_use]
    pub fn part(mut self, part: Part) -> Self {
        self.parts.push(part);
        self
    }
}
