//! A link that misbehaves once, on purpose: for tests that need a broken network or a hostile peer.

use std::borrow::Cow;
use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bytes::Bytes;

use crate::frame::{Frame, Piece, label};
use crate::link::Link;

/// What goes wrong, and where.
#[derive(Clone, Debug)]
pub struct Fault {
    /// Path and step of the message, e.g. `align/points`; just the step on the root path.
    pub label: String,
    /// Which occurrence of that step on that path, from 0.
    pub occurrence: u64,
    /// What happens to it.
    pub kind: FaultKind,
}

/// The ways a message can go wrong. All but the last leave the announced length and hash as they
/// were, as a broken network would; the last makes a valid frame, as a hostile peer would.
#[derive(Clone)]
#[non_exhaustive]
pub enum FaultKind {
    /// The payload loses its last byte.
    Truncate,
    /// The payload gains a byte.
    Extend,
    /// One bit of the payload is flipped.
    FlipBit,
    /// The message comes twice.
    Replay,
    /// The message comes under the name of another step.
    WrongStep,
    /// The message is lost.
    Drop,
    /// The message and everything after it in this direction is lost.
    Stall,
    /// The connection closes for good.
    Close,
    /// The payload is another one, correctly framed.
    ReplacePayload(Replacement),
}

/// Makes the payload of a hostile peer from the honest one.
pub type Replacement = Arc<dyn Fn(&[u8]) -> Vec<u8> + Send + Sync>;

impl FaultKind {
    /// A hostile peer that sends what `replacement` makes of the honest payload.
    pub fn replace(replacement: impl Fn(&[u8]) -> Vec<u8> + Send + Sync + 'static) -> Self {
        Self::ReplacePayload(Arc::new(replacement))
    }
}

impl fmt::Debug for FaultKind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Truncate => "Truncate",
            Self::Extend => "Extend",
            Self::FlipBit => "FlipBit",
            Self::Replay => "Replay",
            Self::WrongStep => "WrongStep",
            Self::Drop => "Drop",
            Self::Stall => "Stall",
            Self::Close => "Close",
            Self::ReplacePayload(_) => "ReplacePayload",
        })
    }
}

/// Wraps a link so that one message meets a fault. A message in several frames meets it in its
/// first frame; replacing a payload wants messages of one frame.
pub struct FaultyLink {
    inner: Arc<dyn Link>,
    fault: Fault,
    happened: Arc<AtomicBool>,
    is_stalled: AtomicBool,
}

impl FaultyLink {
    /// Wraps `inner`; `happened` turns true when the fault has met its message.
    pub fn new(inner: Arc<dyn Link>, fault: Fault, happened: Arc<AtomicBool>) -> Self {
        Self { inner, fault, happened, is_stalled: AtomicBool::new(false) }
    }

    fn is_target(&self, piece: &Piece) -> bool {
        piece.offset == 0
            && piece.occurrence == self.fault.occurrence
            && label(&piece.path, &piece.step) == self.fault.label
            && !self.happened.swap(true, Ordering::SeqCst)
    }

    fn meet(&self, mut piece: Piece) {
        let mut payload = piece.payload.to_vec();
        match &self.fault.kind {
            FaultKind::Drop => return,
            FaultKind::Stall => {
                self.is_stalled.store(true, Ordering::SeqCst);
                return;
            }
            FaultKind::Close => {
                self.inner.cut("closed by a test's fault");
                return;
            }
            FaultKind::Replay => self.inner.transmit(Frame::Data(piece.clone())),
            FaultKind::WrongStep => piece.step = Cow::Owned(format!("{}_wrong", piece.step)),
            FaultKind::Truncate if payload.is_empty() => piece.length += 1,
            FaultKind::Truncate => payload.truncate(payload.len() - 1),
            FaultKind::Extend => payload.push(0),
            FaultKind::FlipBit => {
                let middle = payload.len() / 2;
                match payload.get_mut(middle) {
                    Some(byte) => *byte ^= 1,
                    None => piece.hash[0] ^= 1,
                }
            }
            FaultKind::ReplacePayload(replacement) => {
                payload = replacement(&payload);
                piece.length = payload.len() as u64;
                piece.hash = *blake3::hash(&payload).as_bytes();
            }
        }
        piece.payload = Bytes::from(payload);
        self.inner.transmit(Frame::Data(piece));
    }
}

impl Link for FaultyLink {
    fn transmit(&self, frame: Frame) {
        if self.is_stalled.load(Ordering::SeqCst) {
            return;
        }
        match frame {
            Frame::Data(piece) if self.is_target(&piece) => self.meet(piece),
            other => self.inner.transmit(other),
        }
    }

    fn cut(&self, cause: &str) {
        self.inner.cut(cause);
    }

    fn flush(&self) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        self.inner.flush()
    }
}
