//! The line to one partner: at most one stream at a time, and what is known of it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use crypto::signature::PublicKey;
use tokio::sync::{Notify, OwnedMutexGuard, watch};
use tokio::time::{Instant, sleep_until};

use super::correspondence::Partner;
use super::stream::{Ending, Stream};
use crate::error::NetError;

/// What a node knows of its line to a partner.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct LineReport {
    /// Whose line it is.
    pub partner: Partner,
    /// Whether it is open.
    pub state: LineState,
    /// The version of the partner's program, as it said last.
    pub software: Option<String>,
    /// The partner's clock less this one's, in milliseconds, as of the last hello; right up to the
    /// time that a frame takes.
    pub clock_difference_ms: Option<i64>,
    /// How long the partner took to answer a heartbeat, last.
    pub round_trip: Option<Duration>,
    /// When anything was heard of the partner, last.
    pub last_heard: Option<SystemTime>,
    /// The highest number of the partner's letters that is stored here; 0 before the first stream.
    pub received: u64,
    /// The highest number of letters to the partner that it has stored; 0 before the first stream.
    pub acknowledged: u64,
    /// What went wrong last, and when; a stream that opens afterwards does not wipe it out.
    pub last_error: Option<(SystemTime, NetError)>,
}

/// Whether a line is open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LineState {
    /// It is.
    Open {
        /// Since when.
        since: SystemTime,
        /// Whether this side dialled.
        dialled_here: bool,
    },
    /// It is not.
    Apart {
        /// Since when, or since the node runs.
        since: SystemTime,
        /// When this side dials next; `None` while it does, and for a partner without an address.
        next_dial: Option<SystemTime>,
    },
}

/// The line to one partner.
pub(super) struct Line {
    pub(super) key: PublicKey,
    /// Whether the stream that this side dials is kept when both dial.
    prefers_own: bool,
    state: Mutex<State>,
    /// Held by the stream in use from its first letter to its last.
    turn: Arc<tokio::sync::Mutex<()>>,
    /// When a stream was let in last.
    admitted_at: tokio::sync::Mutex<Option<Instant>>,
    /// Rings when this side should dial now.
    pub(super) dial: Notify,
    open: watch::Sender<bool>,
    revoked: watch::Sender<bool>,
}

struct State {
    report: LineReport,
    stream: Option<Arc<Stream>>,
}

/// Why a stream was not let in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NotAdmitted {
    /// The one in use answers, and both ends keep it.
    OpenAlready,
    /// A newer one came meanwhile, or the partner is one no more.
    Replaced,
}

/// A stream that was let in. Nobody else carries letters of this partner until it is dropped.
pub(super) struct Admitted {
    pub(super) line: Arc<Line>,
    pub(super) stream: Arc<Stream>,
    turn: Option<OwnedMutexGuard<()>>,
}

impl Drop for Admitted {
    fn drop(&mut self) {
        // Ends the wait of whoever still hopes for an answer on it.
        self.stream.end(Ending::Replaced);
        self.line.leave(&self.stream);
    }
}

impl Line {
    pub(super) fn new(partner: Partner, own_key: PublicKey) -> Self {
        let key = partner.key;
        let state = LineState::Apart { since: SystemTime::now(), next_dial: None };
        let report = LineReport {
            partner,
            state,
            software: None,
            clock_difference_ms: None,
            round_trip: None,
            last_heard: None,
            received: 0,
            acknowledged: 0,
            last_error: None,
        };
        Self {
            key,
            prefers_own: own_key < key,
            state: Mutex::new(State { report, stream: None }),
            turn: Arc::new(tokio::sync::Mutex::new(())),
            admitted_at: tokio::sync::Mutex::new(None),
            dial: Notify::new(),
            open: watch::Sender::new(false),
            revoked: watch::Sender::new(false),
        }
    }

    /// Lets a stream in whose hello was heard.
    ///
    /// The newest takes the place of an older one, except that the one of two dialled streams that
    /// both sides prefer does not give way while it answers: so both ends keep the same one.
    pub(super) async fn admit(
        self: &Arc<Self>,
        dialled_here: bool,
    ) -> Result<Admitted, NotAdmitted> {
        if let Some(current) = self.stream()
            && current.dialled_here != dialled_here
            && current.dialled_here == self.prefers_own
            && current.answers_within(PROBE_TIMEOUT).await
        {
            return Err(NotAdmitted::OpenAlready);
        }
        self.pace().await;
        let mut admitted = self.replace(Stream::new(dialled_here))?;
        // What the older one is about to store, it stores before the new one looks.
        admitted.turn = Some(Arc::clone(&self.turn).lock_owned().await);
        if admitted.stream.has_ended() { Err(NotAdmitted::Replaced) } else { Ok(admitted) }
    }

    /// Each new stream asks the store: one that is replaced all the time must not wear it out.
    async fn pace(&self) {
        let mut admitted_at = self.admitted_at.lock().await;
        if let Some(at) = *admitted_at {
            sleep_until(at + ADMISSION_PAUSE).await;
        }
        *admitted_at = Some(Instant::now());
    }

    fn replace(self: &Arc<Self>, stream: Stream) -> Result<Admitted, NotAdmitted> {
        let mut state = self.state();
        if self.is_revoked() {
            return Err(NotAdmitted::Replaced);
        }
        let dialled_here = stream.dialled_here;
        let stream = Arc::new(stream);
        if let Some(older) = state.stream.replace(Arc::clone(&stream)) {
            older.end(Ending::Replaced);
        }
        state.report.state = LineState::Open { since: SystemTime::now(), dialled_here };
        self.open.send_replace(true);
        Ok(Admitted { line: Arc::clone(self), stream, turn: None })
    }

    fn leave(&self, stream: &Arc<Stream>) {
        let mut state = self.state();
        if state.stream.as_ref().is_some_and(|current| Arc::ptr_eq(current, stream)) {
            state.stream = None;
            state.report.state = LineState::Apart { since: SystemTime::now(), next_dial: None };
            self.open.send_replace(false);
        }
    }

    /// The partner is one no more: its stream ends, and no other is let in.
    pub(super) fn revoke(&self) {
        let state = self.state();
        self.revoked.send_replace(true);
        if let Some(stream) = &state.stream {
            stream.end(Ending::Replaced);
        }
    }

    /// Resolves when the partner is one no more.
    pub(super) fn revoked(&self) -> impl Future<Output = ()> + Send + use<> {
        let mut revoked = self.revoked.subscribe();
        async move {
            // Ends with an error when the line itself is gone, which says the same.
            let _ = revoked.wait_for(|it| *it).await;
        }
    }

    pub(super) fn is_revoked(&self) -> bool {
        *self.revoked.borrow()
    }

    /// Resolves when a stream is open, or none is.
    pub(super) async fn until_open(&self, wanted: bool) {
        let mut open = self.open.subscribe();
        // Fails only when the line is gone, whose method this is.
        let _ = open.wait_for(|open| *open == wanted).await;
    }

    /// The stream in use.
    pub(super) fn stream(&self) -> Option<Arc<Stream>> {
        self.state().stream.clone()
    }

    pub(super) fn partner(&self) -> Partner {
        self.state().report.partner.clone()
    }

    pub(super) fn report(&self) -> LineReport {
        self.state().report.clone()
    }

    /// Notes something about the partner.
    pub(super) fn note(&self, change: impl FnOnce(&mut LineReport)) {
        change(&mut self.state().report);
    }

    /// The partner's name or address changed.
    pub(super) fn becomes(&self, partner: Partner) {
        let mut state = self.state();
        if state.report.partner != partner {
            state.report.partner = partner;
            drop(state);
            self.dial.notify_one();
        }
    }

    /// Says when this side dials next.
    pub(super) fn dials_at(&self, at: Option<SystemTime>) {
        if let LineState::Apart { next_dial, .. } = &mut self.state().report.state {
            *next_dial = at;
        }
    }

    /// Notes what went wrong outside of a stream.
    pub(super) fn failed(&self, error: NetError) {
        self.state().report.last_error = Some((SystemTime::now(), error));
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Streams with one partner follow each other no faster.
const ADMISSION_PAUSE: Duration = Duration::from_millis(50);
/// How long a stream in use has to answer before another takes its place.
const PROBE_TIMEOUT: Duration = Duration::from_secs(3);
