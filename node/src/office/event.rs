//! What the office remembers: one kind of event for each thing that can happen, as it stands in
//! the store.

use contract::JobDigest;
use governance::books::Record;
use governance::canonical::Digest;
use governance::members::{self, MemberId};
use governance::permit::RunEvent;
use serde::{Deserialize, Serialize};

use super::models::ModelEvent;
use super::schedules::ScheduleEvent;
use super::shows::ShowEvent;
use super::tables::TableEvent;
use crate::store::Event as Stored;

/// Something that happened at this member or came from a partner.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum OfficeEvent {
    /// In the books that it keeps with others.
    Book(Record),
    /// The file of a job came, or was written here.
    JobFile {
        /// The digest of the job.
        job: JobDigest,
        /// The file.
        text: String,
    },
    /// A table of this member was registered, changed or taken away.
    Table(TableEvent),
    /// A run is asked for again and again, or no longer.
    Schedule(ScheduleEvent),
    /// A model was registered, or somebody has decided about it.
    Model(ModelEvent),
    /// What partners are told of this member's tables.
    Show(ShowEvent),
    /// Runs under an agreement are approved by rule from now on, or by people again.
    ByRule {
        /// The digest of the agreement's first version.
        agreement: Digest,
        /// Whether by rule.
        is_on: bool,
    },
    /// A partner's party of an attempt listens.
    Route {
        /// The partner.
        from: MemberId,
        /// The run.
        run: Digest,
        /// The attempt.
        attempt: u32,
        /// The name under which its node's port leads there, as [`net::Route`] writes it.
        route: String,
    },
    /// A partner's letter was not taken.
    Refused {
        /// The partner.
        from: MemberId,
        /// Why.
        why: String,
    },
}

/// The kind of events about members.
pub(super) const KIND_OF_MEMBERS: &str = "office.member";

impl OfficeEvent {
    /// The kind by which the audit is searched.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Book(Record::Member(_)) => KIND_OF_MEMBERS,
            Self::Book(Record::Agreement(_)) => "office.agreement",
            Self::Book(Record::Submission(_)) => "office.submission",
            Self::Book(Record::Job(_)) => "office.run",
            Self::Book(Record::Permit { .. }) => "office.permit",
            Self::Book(Record::Run { .. }) => "office.counted",
            Self::Book(Record::Usage(_)) => "office.usage",
            Self::Book(Record::Report(_)) => "office.report",
            Self::Book(Record::Statement { .. }) => "office.statement",
            Self::Book(Record::Rejection { .. }) => "office.rejection",
            Self::JobFile { .. } => "office.job_file",
            Self::Table(_) => "office.table",
            Self::Schedule(_) => "office.schedule",
            Self::Model(_) => "office.model",
            Self::Show(_) => "office.show",
            Self::ByRule { .. } => "office.by_rule",
            Self::Route { .. } => "office.route",
            Self::Refused { .. } => "office.refused",
        }
    }

    /// What it is about: a member, an agreement, a run, a job, a table or a model.
    pub fn subject(&self) -> String {
        match self {
            Self::Book(record) => subject_of(record),
            Self::JobFile { job, .. } => job.to_string(),
            Self::Table(event) => event.name().to_owned(),
            Self::Schedule(event) => event.number().to_string(),
            Self::Model(event) => event.model().to_string(),
            Self::Show(event) => event.subject(),
            Self::ByRule { agreement, .. } => agreement.to_string(),
            Self::Route { run, .. } => run.to_string(),
            Self::Refused { from, .. } => from.to_string(),
        }
    }

    /// The form in the store.
    pub(super) fn bytes(&self) -> Vec<u8> {
        governance::canonical::encode(self)
    }

    /// Reads what the store holds; `None` for events of other parts of the node.
    ///
    /// # Errors
    /// What is wrong with the bytes, if somebody else has changed the store.
    pub fn read(stored: &Stored) -> Result<Option<Self>, String> {
        if !stored.kind.starts_with("office.") {
            return Ok(None);
        }
        let event = serde_json::from_slice(&stored.bytes).map_err(|error| error.to_string())?;
        Ok(Some(event))
    }
}

fn subject_of(record: &Record) -> String {
    match record {
        Record::Member(event) => subject_of_member(event),
        Record::Agreement(entry) => entry.content().topic.to_string(),
        Record::Submission(submission) => submission.digest().to_string(),
        Record::Job(entry) => entry.content().topic.to_string(),
        Record::Permit { permit, .. } => permit.content().run.to_string(),
        Record::Run { event, .. } => match event {
            RunEvent::Claimed { permit, .. } => permit.run.to_string(),
            RunEvent::Opened(run) | RunEvent::Closed(run) => run.to_string(),
        },
        Record::Usage(event) => event.key.run.to_string(),
        Record::Report(report) => report.content().by.to_string(),
        Record::Statement { statement, .. } => statement.digest().to_string(),
        Record::Rejection { by, .. } => by.to_string(),
    }
}

fn subject_of_member(event: &members::Event) -> String {
    use members::Event;
    match event {
        Event::Issued(invitation) => invitation.content().meant_for.clone(),
        Event::Withdrawn(nonce) => String::from(*nonce),
        Event::Used { by: member, .. }
        | Event::Standing { member, .. }
        | Event::Settled(member) => member.to_string(),
        Event::Card(card) | Event::Forked(card) => card.content().member.to_string(),
        Event::Catalogue(catalogue) => catalogue.content().member.to_string(),
        Event::Introduction { introduction, .. } => {
            introduction.content().card.content().member.to_string()
        }
    }
}
