//! The middle of a conversation: routes arriving frames to their paths and tells everybody who
//! waits when the conversation ended.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::SystemTime;

use tokio::sync::Notify;

use crate::error::NetError;
use crate::frame::{Frame, label};
use crate::lane::Lane;
use crate::link::Link;
use crate::meter::Meter;
use crate::seat::Seat;
use crate::transport::shaped::ShapedLink;

/// The state that all sessions of one conversation and its link share.
///
/// Frames may be delivered from any thread; nothing here waits.
pub(crate) struct Switchboard {
    pub(crate) seat: Seat,
    pub(crate) meter: Arc<Meter>,
    link: OnceLock<Arc<dyn Link>>,
    state: Mutex<State>,
    /// Rings when the conversation ended.
    pub(crate) ended: Notify,
}

#[derive(Default)]
struct State {
    lanes: BTreeMap<Arc<str>, Arc<Lane>>,
    unopened: usize,
    ending: Option<Ending>,
}

/// How a conversation ended. The first ending counts.
#[derive(Clone, Debug)]
pub(crate) enum Ending {
    /// The peer's protocol ended in good order.
    Finished,
    /// The peer ended with an error and told why.
    Aborted(String),
    /// The peer broke a rule at a step.
    Misbehaved { step: String, rule: String },
    /// The connection was lost for good.
    Lost { since: SystemTime, cause: String },
    /// Something that waiting does not mend.
    Failed(Box<NetError>),
    /// This side ended the conversation.
    ClosedHere,
}

impl Switchboard {
    pub(crate) fn new(seat: Seat) -> Self {
        Self {
            seat,
            meter: Arc::new(Meter::default()),
            link: OnceLock::new(),
            state: Mutex::default(),
            ended: Notify::new(),
        }
    }

    /// Gives the switchboard its way out, through the line of the settings if there is one. The
    /// first link counts.
    pub(crate) fn attach(&self, link: Arc<dyn Link>) -> Result<(), NetError> {
        let link: Arc<dyn Link> = match self.seat.settings.shape {
            Some(shape) => Arc::new(ShapedLink::new(link, shape)?),
            None => link,
        };
        let _ = self.link.set(link);
        Ok(())
    }

    pub(crate) fn link(&self) -> Option<&Arc<dyn Link>> {
        self.link.get()
    }

    /// Hands a frame to the link. Before a link is attached nothing can be sent, and no session
    /// exists that could.
    pub(crate) fn transmit(&self, frame: Frame) {
        if let Some(link) = self.link.get() {
            link.transmit(frame);
        }
    }

    /// Opens a path for a session of this side. `None` if it was open already.
    pub(crate) fn open(&self, path: &Arc<str>) -> Option<Arc<Lane>> {
        let lane = {
            let mut state = self.state();
            match state.lanes.get(path).cloned() {
                Some(lane) if lane.is_open() => return None,
                Some(lane) => {
                    state.unopened -= 1;
                    lane
                }
                None => {
                    let lane = Arc::new(Lane::new(Arc::clone(path), &self.seat.settings));
                    state.lanes.insert(Arc::clone(path), Arc::clone(&lane));
                    lane
                }
            }
        };
        let grant = lane.open(&self.seat.settings)?;
        self.transmit(grant);
        Some(lane)
    }

    /// Takes in a frame from the link.
    pub(crate) fn deliver(&self, frame: Frame) {
        match frame {
            Frame::Data(piece) => {
                let step = label(&piece.path, &piece.step);
                let put =
                    self.lane(&piece.path).and_then(|lane| lane.put(piece, &self.seat.settings));
                if let Err(rule) = put {
                    self.end(Ending::Misbehaved { step, rule });
                }
            }
            Frame::Credit { path, taken, window } => {
                let settled = self.lane(&path).and_then(|lane| lane.settle(taken, window));
                if let Err(rule) = settled {
                    self.end(Ending::Misbehaved { step: path.to_string(), rule });
                }
            }
            Frame::Finish => self.end(Ending::Finished),
            Frame::Abort { reason } => self.end(Ending::Aborted(reason)),
        }
    }

    /// Ends the conversation and wakes everybody who waits. Later endings are ignored.
    pub(crate) fn end(&self, ending: Ending) {
        let lanes: Vec<_> = {
            let mut state = self.state();
            state.ending.get_or_insert(ending);
            state.lanes.values().cloned().collect()
        };
        for lane in lanes {
            lane.wake();
        }
        self.ended.notify_waiters();
        self.ended.notify_one();
    }

    pub(crate) fn ending(&self) -> Option<Ending> {
        self.state().ending.clone()
    }

    /// The error of whoever waits at `step`, if the conversation ended.
    pub(crate) fn ending_at(&self, step: &str) -> Option<NetError> {
        self.ending().map(|ending| self.ending_error(ending, step))
    }

    pub(crate) fn ending_error(&self, ending: Ending, step: &str) -> NetError {
        let peer = self.seat.peer.clone();
        let step = step.to_owned();
        match ending {
            Ending::Finished => NetError::PeerFinished { peer, step },
            Ending::Aborted(reason) => NetError::PeerAborted { peer, step, reason },
            Ending::Misbehaved { step, rule } => NetError::PeerMisbehaved { peer, step, rule },
            Ending::Lost { since, cause } => NetError::Disconnected { peer, step, since, cause },
            Ending::Failed(error) => *error,
            Ending::ClosedHere => NetError::InvalidInput {
                what: format!("step {step} comes after this side closed the conversation"),
            },
        }
    }

    /// Path and step of a message that arrived and that nobody received, if there is one.
    pub(crate) fn leftover(&self) -> Option<String> {
        let lanes: Vec<_> = {
            let state = self.state();
            state.lanes.iter().map(|(path, lane)| (Arc::clone(path), Arc::clone(lane))).collect()
        };
        lanes
            .into_iter()
            .find_map(|(path, lane)| lane.has_leftovers().map(|step| label(&path, &step)))
    }

    /// The lane of a path that the peer named; it may be one that this side opens only later.
    fn lane(&self, path: &Arc<str>) -> Result<Arc<Lane>, String> {
        let mut state = self.state();
        if let Some(lane) = state.lanes.get(path) {
            return Ok(Arc::clone(lane));
        }
        let limit = self.seat.settings.unopened_paths_max;
        if state.unopened >= limit {
            return Err(format!("wrote to more than {limit} paths that nobody has opened"));
        }
        state.unopened += 1;
        let lane = Arc::new(Lane::new(Arc::clone(path), &self.seat.settings));
        state.lanes.insert(Arc::clone(path), Arc::clone(&lane));
        Ok(lane)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::borrow::Cow;
    use std::pin::Pin;

    use bytes::Bytes;

    use super::*;
    use crate::frame::Piece;
    use crate::settings::Settings;

    /// A link that keeps what is transmitted.
    #[derive(Default)]
    struct Recorder(Mutex<Vec<Frame>>);

    impl Link for Recorder {
        fn transmit(&self, frame: Frame) {
            self.0.lock().unwrap().push(frame);
        }

        fn cut(&self, _cause: &str) {}

        fn flush(&self) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
            Box::pin(std::future::ready(()))
        }
    }

    fn switchboard() -> (Switchboard, Arc<Recorder>) {
        let settings = Settings {
            window_bytes: 10_000,
            unopened_window_bytes: 1_000,
            unopened_paths_max: 2,
            ..Settings::default()
        };
        let board = Switchboard::new(Seat { settings, ..Seat::new("a", "b", true) });
        let link = Arc::new(Recorder::default());
        board.attach(Arc::<Recorder>::clone(&link)).unwrap();
        (board, link)
    }

    fn piece(path: &str, bytes: usize) -> Frame {
        let payload = vec![0; bytes];
        Frame::Data(Piece {
            path: Arc::from(path),
            step: Cow::Borrowed("x"),
            occurrence: 0,
            length: bytes as u64,
            hash: *blake3::hash(&payload).as_bytes(),
            offset: 0,
            payload: Bytes::from(payload),
        })
    }

    fn rule_of(board: &Switchboard) -> String {
        board.ending_at("x").map(|error| error.to_string()).unwrap_or_default()
    }

    #[test]
    fn a_peer_that_ignores_the_window_is_cut_off() {
        let (board, _link) = switchboard();
        // One frame is always allowed, whatever its size.
        board.deliver(piece("unopened", 20_000));
        assert!(board.ending().is_none());
        board.deliver(piece("unopened", 1));
        assert!(rule_of(&board).contains("window allows 1000"), "{}", rule_of(&board));

        let (board, _link) = switchboard();
        board.open(&Arc::from("open")).unwrap();
        board.deliver(piece("open", 4_000));
        board.deliver(piece("open", 4_000));
        assert!(board.ending().is_none());
        board.deliver(piece("open", 4_000));
        assert!(rule_of(&board).contains("window allows 10000"), "{}", rule_of(&board));
    }

    #[test]
    fn a_peer_that_opens_paths_without_end_is_cut_off() {
        let (board, _link) = switchboard();
        for path in ["p", "q"] {
            board.deliver(piece(path, 1));
        }
        // Opening one makes room for another.
        board.open(&Arc::from("p")).unwrap();
        board.deliver(piece("r", 1));
        assert!(board.ending().is_none());
        board.deliver(piece("s", 1));
        assert!(rule_of(&board).contains("more than 2 paths"), "{}", rule_of(&board));
    }

    #[test]
    fn credit_for_what_was_never_sent_is_a_breach() {
        let (board, _link) = switchboard();
        board.open(&Arc::from("")).unwrap();
        board.deliver(Frame::Credit { path: Arc::from(""), taken: 1, window: 0 });
        assert!(rule_of(&board).contains("never sent"), "{}", rule_of(&board));
    }

    #[test]
    fn a_path_is_opened_once_and_its_window_is_granted() {
        let (board, link) = switchboard();
        let path = Arc::from("path");
        assert!(board.open(&path).is_some());
        assert!(board.open(&path).is_none());
        let sent = link.0.lock().unwrap();
        assert!(matches!(sent.as_slice(), [Frame::Credit { taken: 0, window: 10_000, .. }]));
    }

    #[test]
    fn the_first_ending_counts_and_leftovers_are_found() {
        let (board, _link) = switchboard();
        board.deliver(piece("left", 1));
        board.deliver(Frame::Abort { reason: "first".into() });
        board.deliver(Frame::Finish);
        assert!(rule_of(&board).contains("first"));
        assert_eq!(board.leftover().unwrap(), "left/x");
    }
}
