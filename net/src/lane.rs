//! One path of a conversation: the queue of what arrived and the credit for what may be sent.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use crate::frame::{Frame, Piece};
use crate::settings::Settings;

/// The two directions of one path. Shared by the session (which takes and sends) and the
/// switchboard (which puts in what arrives); nothing here waits or does IO.
pub(crate) struct Lane {
    path: Arc<str>,
    state: Mutex<State>,
    /// Rings when a piece arrived or the conversation ended.
    pub(crate) arrived: Notify,
    /// Rings when credit arrived or the conversation ended.
    pub(crate) credited: Notify,
}

#[derive(Default)]
struct State {
    /// Whether a session of this side exists (or existed) for the path.
    open: bool,
    queue: VecDeque<Piece>,
    queue_cost: usize,
    /// Frames that the session took, and the cost of those not yet reported to the peer.
    taken: u64,
    unreported_cost: usize,
    /// Costs of the frames sent that the peer has not reported as taken.
    under_way: VecDeque<usize>,
    under_way_cost: usize,
    /// Frames that the peer reported as taken.
    settled: u64,
    /// What the peer allows to be under way.
    peer_window: usize,
}

impl Lane {
    pub(crate) fn new(path: Arc<str>, settings: &Settings) -> Self {
        let state = State { peer_window: settings.unopened_window_bytes, ..State::default() };
        Self { path, state: Mutex::new(state), arrived: Notify::new(), credited: Notify::new() }
    }

    pub(crate) fn is_open(&self) -> bool {
        self.state().open
    }

    pub(crate) fn has_leftovers(&self) -> Option<String> {
        self.state().queue.front().map(|piece| piece.step.to_string())
    }

    /// Opens the path for this side's session. Returns the grant to send to the peer, or `None`
    /// if the path was open already.
    pub(crate) fn open(&self, settings: &Settings) -> Option<Frame> {
        let mut state = self.state();
        if std::mem::replace(&mut state.open, true) {
            return None;
        }
        Some(self.credit(state.taken, settings))
    }

    /// Puts an arrived piece into the queue; an error is the rule that the peer broke.
    pub(crate) fn put(&self, piece: Piece, settings: &Settings) -> Result<(), String> {
        let mut state = self.state();
        let limit = if state.open { settings.window_bytes } else { settings.unopened_window_bytes };
        let cost = piece.cost();
        if !state.queue.is_empty() && state.queue_cost + cost > limit {
            return Err(format!(
                "sent {} bytes where the window allows {limit}",
                state.queue_cost + cost
            ));
        }
        state.queue_cost += cost;
        state.queue.push_back(piece);
        drop(state);
        self.arrived.notify_one();
        Ok(())
    }

    /// Takes the next piece, and the credit to report when it is time to.
    pub(crate) fn take(&self, settings: &Settings) -> Option<(Piece, Option<Frame>)> {
        let mut state = self.state();
        let piece = state.queue.pop_front()?;
        let cost = piece.cost();
        state.queue_cost -= cost;
        state.taken += 1;
        state.unreported_cost += cost;
        // Reporting every small frame would double the traffic; a quarter of the window keeps the
        // sender running.
        let due = state.unreported_cost > settings.window_bytes / 4;
        let credit = due.then(|| {
            state.unreported_cost = 0;
            self.credit(state.taken, settings)
        });
        Some((piece, credit))
    }

    /// Counts a frame of this cost as under way if the window has room for it.
    pub(crate) fn reserve(&self, cost: usize) -> bool {
        let mut state = self.state();
        let room = state.under_way.is_empty() || state.under_way_cost + cost <= state.peer_window;
        if room {
            state.under_way.push_back(cost);
            state.under_way_cost += cost;
        }
        room
    }

    /// Whether no more is under way than the window allows (with an empty window: nothing).
    pub(crate) fn is_within_window(&self) -> bool {
        let state = self.state();
        state.under_way_cost <= state.peer_window
    }

    /// Takes in the peer's report; an error is the rule that the peer broke.
    pub(crate) fn settle(&self, taken: u64, window: u64) -> Result<(), String> {
        let mut state = self.state();
        while state.settled < taken {
            let Some(cost) = state.under_way.pop_front() else {
                return Err("acknowledged a message that was never sent".to_owned());
            };
            state.under_way_cost -= cost;
            state.settled += 1;
        }
        state.peer_window = usize::try_from(window).unwrap_or(usize::MAX);
        drop(state);
        self.credited.notify_one();
        Ok(())
    }

    /// Wakes whoever waits on this path.
    pub(crate) fn wake(&self) {
        self.arrived.notify_one();
        self.credited.notify_one();
    }

    fn credit(&self, taken: u64, settings: &Settings) -> Frame {
        let window = settings.window_bytes as u64;
        Frame::Credit { path: Arc::clone(&self.path), taken, window }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
