//! A member's office: what it says to partners, what they say to it, and what follows.
//!
//! ```text
//!   people ── commands ──┐                       ┌── letters ── partners
//!                        ├── decide ── commit ── apply ── State ── pages
//!   partners ── letters ─┘        (one transaction)
//! ```
//!
//! A command or a letter is decided upon by the present [`State`]; the events that follow, the
//! letters that they cause and the number of the letter that they follow from are stored in one
//! transaction, and only then are they put into the state. The state is a fold of stored events,
//! so that a node that was killed at any point goes on where its store is.

mod agreements;
mod card;
mod event;
mod incoming;
mod mail;
mod models;
mod partners;
mod policy;
mod preflight;
mod registry;
mod request;
mod runs;
mod schedules;
mod shows;
mod state;
mod statements;
mod tables;
#[cfg(test)]
pub(crate) mod tests;
mod usage;

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, OnceLock, PoisonError, RwLock, RwLockReadGuard};

use contract::Text;
use governance::agreements::Terms;
use governance::books::{Record, Refusal};
use governance::canonical::{Flaw, Signed, Signer};
use governance::members::{Card, InvitationError, MemberId};
use governance::metering::StatementError;
use governance::permit::NoPermit;
use governance::time::{Month, Time};
use net::control::{Post, PostSettings};
use net::{Identity, NetError};
use table::TableError;
use tokio::sync::{Mutex, MutexGuard, watch};

use crate::log::now;
use crate::store::{
    Batch, Committed, EventFilter, NewEvent, NewLetter, Received, Store, StoreError,
};

use mail::Mail;

pub use card::Profile;
use event::KIND_OF_MEMBERS;
pub use event::OfficeEvent;
use incoming::Desk;
pub use models::{
    Decided, Decision, ModelEntry, ModelError, ModelEvent, ModelName, ModelVersion, Models,
    Standing,
};
pub use partners::{Invited, PartnerCheck};
pub use preflight::{Finding, Verdict};
pub use registry::{check_file, trained};
pub use runs::NewRun;
pub use schedules::{LedTo, Schedule, ScheduleEvent, Scheduled};
pub use shows::{Description, FOUND_MAX, Found, ShowEvent, Shows};
pub use state::{Plan, State};
pub use statements::{Account, Settling, is_over};
pub use tables::{Policy, PolicyBreach, Registration, Table, TableColumn, TableEvent};
pub use usage::Figures;

/// A member's office.
pub struct Office {
    store: Arc<Store>,
    identity: Arc<Identity>,
    /// The folder that tables have to lie in.
    data: PathBuf,
    state: RwLock<State>,
    /// Decisions are made one after the other: each looks at what the one before has left.
    deciding: Mutex<()>,
    post: OnceLock<Post>,
    /// The number of the last event, for whoever waits for news.
    news: watch::Sender<u64>,
}

impl std::fmt::Debug for Office {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Office").field("data", &self.data).finish_non_exhaustive()
    }
}

/// Why the office does not do something.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OfficeError {
    /// The books refuse.
    #[error("{}", refused(.0, .1.as_deref()).en)]
    Refused(Box<Refusal>, Option<Box<Terms>>),
    /// The text is no invitation.
    #[error(transparent)]
    Invitation(#[from] InvitationError),
    /// A document breaks a rule.
    #[error(transparent)]
    Flaw(#[from] Flaw),
    /// An owner's policy does not allow it.
    #[error("{}", policy::joined(.0.iter().map(PolicyBreach::text)).en)]
    Policy(Vec<PolicyBreach>),
    /// The job cannot be used.
    #[error("{}", .0.en)]
    Job(Text),
    /// A model cannot be registered, published or used.
    #[error(transparent)]
    Model(#[from] ModelError),
    /// A month cannot be priced.
    #[error(transparent)]
    Statement(#[from] StatementError),
    /// The month still goes on.
    #[error("{}", crate::messages::month_goes_on(.0.to_string()).en)]
    MonthGoesOn(Month),
    /// There is no such member, agreement, run, table or statement.
    #[error("there is no such {0} here")]
    Unknown(&'static str),
    /// A table's file cannot be used.
    #[error("the table {} cannot be used: {cause}", path.display())]
    Path {
        /// The path that was given.
        path: PathBuf,
        /// Why not.
        cause: String,
    },
    /// A table cannot be read.
    #[error(transparent)]
    Table(#[from] TableError),
    /// A partner cannot be reached.
    #[error(transparent)]
    Net(#[from] NetError),
    /// The store failed, or holds what cannot be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The store holds what cannot be read.
    #[error("event {sequence} of the store cannot be read: {cause}; restore a backup")]
    Unreadable {
        /// The event.
        sequence: u64,
        /// What is wrong.
        cause: String,
    },
}

impl OfficeError {
    /// What is wrong, in both languages where it is written in both.
    pub fn text(&self) -> Text {
        match self {
            Self::Refused(why, terms) => refused(why, terms.as_deref()),
            Self::Job(text) => text.clone(),
            Self::Model(why) => why.text(),
            Self::MonthGoesOn(month) => crate::messages::month_goes_on(month.to_string()),
            Self::Policy(breaches) => policy::joined(breaches.iter().map(PolicyBreach::text)),
            other => {
                let text = other.to_string();
                Text::owned(text.clone(), text)
            }
        }
    }
}

impl From<Refusal> for OfficeError {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(Box::new(refusal), None)
    }
}

impl From<governance::members::Refusal> for OfficeError {
    fn from(refusal: governance::members::Refusal) -> Self {
        Refusal::from(refusal).into()
    }
}

/// What the books refuse; lines of an agreement are named in its own words.
fn refused(why: &Refusal, terms: Option<&Terms>) -> Text {
    if let (Refusal::Permit(NoPermit::NotCovered(breaches)), Some(terms)) = (why, terms) {
        return policy::joined(breaches.iter().map(|breach| breach.text(terms)));
    }
    let text = why.to_string();
    Text::owned(text.clone(), text)
}

/// The member's key as governance signs with it.
struct Key<'a>(&'a Identity);

impl Signer for Key<'_> {
    fn key(&self) -> crypto::signature::PublicKey {
        self.0.public_key()
    }

    fn signature_of(&self, statement: &[u8]) -> Vec<u8> {
        self.0.sign(statement)
    }
}

/// What a decision leads to, besides the letters that follow from records.
#[derive(Debug, Default)]
struct Outcome {
    events: Vec<OfficeEvent>,
    /// Mail that goes before the letters of the records.
    mail: Vec<(MemberId, Mail)>,
}

impl Outcome {
    fn of(records: impl IntoIterator<Item = Record>) -> Self {
        let events = records.into_iter().map(OfficeEvent::Book).collect();
        Self { events, mail: Vec::new() }
    }
}

impl Office {
    /// Opens the office of a member: reads what is stored, and brings its card up to date.
    #[net::boxed]
    pub async fn open(
        store: Arc<Store>,
        identity: Arc<Identity>,
        profile: &Profile,
        data: PathBuf,
    ) -> Result<Arc<Self>, OfficeError> {
        let first = card::first(&identity, profile)?;
        let state = read_state(&store, &identity, first.clone()).await?;
        let is_new = *state.books.directory().own() == first;
        let (news, _) = watch::channel(state.sequence);
        let office = Arc::new(Self {
            store,
            identity,
            data,
            state: RwLock::new(state),
            deciding: Mutex::new(()),
            post: OnceLock::new(),
            news,
        });
        office.renew_card(profile, is_new).await?;
        Ok(office)
    }

    /// Opens lines to all partners; listens at `listen`, or nowhere if this node only dials. Where
    /// the system chose the port, the member's card names it from then on.
    #[net::boxed]
    pub async fn open_lines(
        self: Arc<Self>,
        profile: &Profile,
        listen: Option<SocketAddr>,
        settings: PostSettings,
    ) -> Result<(), OfficeError> {
        let desk = Arc::new(Desk(Arc::clone(&self)));
        let address = listen.map(|address| address.to_string());
        let identity = Arc::clone(&self.identity);
        let post = Post::open(identity, address.as_deref(), desk, settings).await?;
        let bound = post.local_address();
        // There is one in the life of a process.
        let _ = self.post.set(post);
        if let (Some(bound), Some(0)) = (bound, listen.map(|listen| listen.port())) {
            let profile = Profile { endpoint: Some(bound.to_string()), ..profile.clone() };
            self.renew_card(&profile, false).await?;
        }
        Ok(())
    }

    /// The post office, once there is one.
    pub fn post(&self) -> Option<&Post> {
        self.post.get()
    }

    /// The present state, to look at; not to be held across an `await`.
    pub fn state(&self) -> RwLockReadGuard<'_, State> {
        // A panic while reading leaves the state as it is, and writing does not panic.
        self.state.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Where a table is.
    ///
    /// # Errors
    /// [`OfficeError::Path`], if it is there no longer or leads out of the folder of data.
    pub fn place_of(&self, table: &Table) -> Result<PathBuf, OfficeError> {
        tables::place(&self.data, &table.path)
    }

    /// Follows the number of the last event.
    pub fn news(&self) -> watch::Receiver<u64> {
        self.news.subscribe()
    }

    fn signer(&self) -> Key<'_> {
        Key(&self.identity)
    }

    /// One decision at a time.
    async fn turn(&self) -> MutexGuard<'_, ()> {
        self.deciding.lock().await
    }

    /// Puts what was decided into the state, and stores it with all mail that follows in one
    /// transaction. If that fails, the state is read anew from the store.
    async fn commit(
        &self,
        _turn: &MutexGuard<'_, ()>,
        by: &str,
        outcome: Outcome,
        received: Option<Received>,
    ) -> Result<(), OfficeError> {
        let at = now();
        let Outcome { events, mut mail } = outcome;
        {
            let mut state = self.state.write().unwrap_or_else(PoisonError::into_inner);
            for event in &events {
                state.apply(event);
                mail.extend(shows::mail(&state, event));
                if let OfficeEvent::Book(record) = event {
                    let letters = state.books.letters(record);
                    mail.extend(letters.into_iter().map(|(to, it)| (to, Mail::Letter(it))));
                }
            }
        }
        let new_event = |event: &OfficeEvent| NewEvent {
            at,
            author: by.to_owned(),
            number: None,
            kind: event.kind().to_owned(),
            subject: event.subject(),
            bytes: event.bytes(),
        };
        // Lines are kept by first keys: letters outlive a change of key.
        let new_letter = |(to, mail): &(MemberId, Mail)| NewLetter {
            peer: to.to_string(),
            at,
            bytes: mail.bytes(),
        };
        let batch = Batch {
            after: None,
            received,
            events: events.iter().map(new_event).collect(),
            letters: mail.iter().map(new_letter).collect(),
            changes: Vec::new(),
        };
        let committed = match self.store.commit(&batch).await {
            Ok(committed) => committed,
            Err(error) => {
                self.read_anew().await?;
                return Err(error.into());
            }
        };
        if let Committed::Stored { events, .. } = committed
            && let Some(last) = events.last()
        {
            self.state.write().unwrap_or_else(PoisonError::into_inner).sequence = *last;
            // Whoever does not listen misses nothing: the state is there.
            self.news.send_replace(*last);
        }
        if let Some(post) = self.post.get() {
            if events.iter().any(|it| matches!(it, OfficeEvent::Book(Record::Member(_)))) {
                post.refresh()?;
            }
            let keys: BTreeSet<_> = {
                let state = self.state();
                let keys = state.books.directory().keys();
                mail.iter().filter_map(|(to, _)| keys.current(to)).collect()
            };
            for key in keys {
                post.letters_written(key);
            }
        }
        Ok(())
    }

    /// Replaces the state by what is stored.
    async fn read_anew(&self) -> Result<(), OfficeError> {
        let own = self.state().books.directory().own().clone();
        let state = read_state(&self.store, &self.identity, own).await?;
        *self.state.write().unwrap_or_else(PoisonError::into_inner) = state;
        Ok(())
    }
}

/// The state that follows from what is stored; with the card `first` where there is none yet.
async fn read_state(
    store: &Store,
    identity: &Identity,
    first: Signed<Card>,
) -> Result<State, OfficeError> {
    let mut own = first;
    let of_members = EventFilter { kind: Some(KIND_OF_MEMBERS.to_owned()), subject: None };
    let newest = |_, event: OfficeEvent| {
        if let Some(card) = card::own_in(&event, identity) {
            own = card;
        }
    };
    replay(store, &of_members, newest).await?;
    let mut state = State::new(own);
    let apply = |sequence, event: OfficeEvent| {
        state.apply(&event);
        state.sequence = sequence;
    };
    replay(store, &EventFilter::default(), apply).await?;
    Ok(state)
}

/// Reads events of the office in the store, in order, with their numbers: a part of them at a time,
/// since there may be more than should lie in memory.
async fn replay(
    store: &Store,
    filter: &EventFilter,
    mut take: impl FnMut(u64, OfficeEvent),
) -> Result<(), OfficeError> {
    let mut after = 0;
    loop {
        let page = store.events_after(after, filter, PAGE).await?;
        let Some(last) = page.last() else { return Ok(()) };
        after = last.sequence;
        for stored in &page {
            let sequence = stored.sequence;
            let read = OfficeEvent::read(stored);
            let read = read.map_err(|cause| OfficeError::Unreadable { sequence, cause })?;
            if let Some(event) = read {
                take(sequence, event);
            }
        }
    }
}

/// The present time.
fn time() -> Time {
    Time::from_milliseconds(now())
}

/// Events that are read from the store at once.
const PAGE: u32 = 1000;
