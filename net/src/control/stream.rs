//! A stream of frames, and what both its ends and the line above know of it.

use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::{Notify, mpsc, oneshot, watch};
use tokio::time::timeout;
use tonic::Streaming;
use tonic::transport::Channel;

use crate::error::NetError;
use crate::generated::control::{Frame, frame::Content};

/// Both directions of a stream, the same for the side that dialled and the one that was dialled.
pub(super) struct Wire {
    pub(super) outgoing: mpsc::Sender<Frame>,
    pub(super) incoming: Streaming<Frame>,
    /// Keeps the dialled connection alive.
    pub(super) channel: Option<Channel>,
}

/// Frames that wait between the writer and HTTP/2.
pub(super) const QUEUE_LENGTH: usize = 2;

pub(super) fn frame(content: Content) -> Frame {
    Frame { content: Some(content) }
}

/// Why a stream ended.
#[derive(Clone, Debug)]
pub(super) enum Ending {
    /// Another stream with the same partner took its place, or this node closes it.
    Replaced,
    /// Something went wrong.
    Failed(NetError),
}

/// What the line knows of the stream in use.
pub(super) struct Stream {
    /// Whether this side dialled.
    pub(super) dialled_here: bool,
    /// Rings when there may be something to write.
    pub(super) work: Notify,
    ending: watch::Sender<Option<Ending>>,
    /// Frames heard so far.
    heard: watch::Sender<u64>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// A letter was written, or one may have been: look.
    has_letters: bool,
    /// Somebody waits to hear whether the peer answers.
    is_probed: bool,
    /// The number of the question whether the peer can dial back, to be asked.
    question: Option<u64>,
    questions: u64,
    asker: Option<oneshot::Sender<DialledBack>>,
    asked_at: Option<Instant>,
}

/// What the peer saw when it dialled back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct DialledBack {
    pub(super) step: String,
    pub(super) cause: String,
}

impl Stream {
    pub(super) fn new(dialled_here: bool) -> Self {
        Self {
            dialled_here,
            work: Notify::new(),
            ending: watch::Sender::new(None),
            heard: watch::Sender::new(0),
            state: Mutex::new(State { has_letters: true, ..State::default() }),
        }
    }

    /// Ends the stream; what it ended with first remains.
    pub(super) fn end(&self, ending: Ending) {
        self.ending.send_if_modified(|known| {
            let is_first = known.is_none();
            if is_first {
                *known = Some(ending);
            }
            is_first
        });
        self.state().asker = None;
    }

    /// Resolves when the stream has ended.
    pub(super) async fn ended(&self) -> Ending {
        let mut ending = self.ending.subscribe();
        let ended = ending.wait_for(Option::is_some).await.ok().and_then(|it| it.clone());
        ended.unwrap_or(Ending::Replaced)
    }

    pub(super) fn has_ended(&self) -> bool {
        self.ending.borrow().is_some()
    }

    /// A frame came.
    pub(super) fn hears(&self) {
        self.heard.send_modify(|count| *count += 1);
    }

    /// Whether the peer says anything within `limit`, for which it is asked.
    pub(super) async fn answers_within(&self, limit: Duration) -> bool {
        let mut heard = self.heard.subscribe();
        self.state().is_probed = true;
        self.work.notify_one();
        let answered = async {
            tokio::select! {
                changed = heard.changed() => changed.is_ok(),
                _ = self.ended() => false,
            }
        };
        timeout(limit, answered).await.unwrap_or(false)
    }

    /// Whether a probe is due.
    pub(super) fn take_probe(&self) -> bool {
        std::mem::take(&mut self.state().is_probed)
    }

    /// There may be letters to send.
    pub(super) fn letters_written(&self) {
        self.state().has_letters = true;
        self.work.notify_one();
    }

    /// Whether to look for letters. Says no until [`Self::letters_written`] is called again.
    pub(super) fn take_letters_written(&self) -> bool {
        std::mem::take(&mut self.state().has_letters)
    }

    /// Asks the peer to dial back. One question at a time: a newer one takes the place of an older.
    pub(super) fn ask_to_dial_back(&self) -> oneshot::Receiver<DialledBack> {
        let (asker, answer) = oneshot::channel();
        let mut state = self.state();
        state.questions += 1;
        state.question = Some(state.questions);
        state.asker = (!self.has_ended()).then_some(asker);
        drop(state);
        self.work.notify_one();
        answer
    }

    /// The question that is to be asked now.
    pub(super) fn take_question(&self) -> Option<u64> {
        self.state().question.take()
    }

    /// The peer has answered a question.
    pub(super) fn dialled_back(&self, number: u64, answer: DialledBack) {
        let mut state = self.state();
        if number == state.questions
            && let Some(asker) = state.asker.take()
        {
            // Fails only when nobody waits any more.
            let _ = asker.send(answer);
        }
    }

    /// Whether the peer may ask this side to dial back now: once in a while.
    pub(super) fn may_be_asked(&self, interval: Duration) -> bool {
        let mut state = self.state();
        let may = state.asked_at.is_none_or(|at| at.elapsed() >= interval);
        if may {
            state.asked_at = Some(Instant::now());
        }
        may
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Stream {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Stream")
            .field("dialled_here", &self.dialled_here)
            .finish_non_exhaustive()
    }
}
