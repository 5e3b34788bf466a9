//! A pairwise conversation as protocols see it: named steps, bounded receives, forks.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Instant, SystemTime};

use bytes::Bytes;
use crypto::random::Generator;
use tokio::sync::Notify;

use crate::error::NetError;
use crate::frame::{Frame, Piece, label};
use crate::lane::Lane;
use crate::meter::Meter;
use crate::settings::Settings;
use crate::switchboard::Switchboard;
use crate::wire::{self, Message};

/// One conversation with one peer along one path.
///
/// Both sides call the mirror images of the same steps in the same order. A step may be repeated;
/// occurrences are numbered on both sides and compared, so that parties which drift apart end with
/// an error that names the step. What runs side by side runs on [forks](Session::fork).
///
/// Must be used inside a tokio runtime with timers (see [`block_on`](crate::block_on)).
pub struct Session {
    switchboard: Arc<Switchboard>,
    lane: Arc<Lane>,
    path: Arc<str>,
    sent: BTreeMap<&'static str, u64>,
    received: BTreeMap<&'static str, u64>,
    forks: BTreeSet<String>,
    generators: AtomicU64,
}

/// How long a message may be, in bytes. Checked before anything is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Size {
    /// This length and no other.
    Exactly(usize),
    /// Any length up to this one.
    AtMost(usize),
}

impl Session {
    /// The root session of a conversation; `None` if the path is in use.
    pub(crate) fn open(switchboard: &Arc<Switchboard>, path: &str) -> Option<Self> {
        let path = Arc::from(path);
        let lane = switchboard.open(&path)?;
        Some(Self {
            switchboard: Arc::clone(switchboard),
            lane,
            path,
            sent: BTreeMap::new(),
            received: BTreeMap::new(),
            forks: BTreeSet::new(),
            generators: AtomicU64::new(0),
        })
    }

    /// This party's name.
    pub fn me(&self) -> &str {
        &self.switchboard.seat.me
    }

    /// The peer's name.
    pub fn peer(&self) -> &str {
        &self.switchboard.seat.peer
    }

    /// Whether this party is listed first in the job. True on exactly one side.
    pub fn is_first(&self) -> bool {
        self.switchboard.seat.is_first
    }

    /// Megabits per second of the line, as the parties agreed on; equal on both sides.
    pub fn bandwidth(&self) -> Option<u32> {
        self.switchboard.seat.bandwidth
    }

    /// The names of the forks that lead here, e.g. `train.0/logistic_regression/pass.3`; empty for
    /// the root.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// Opens a child conversation with a channel of its own. Siblings may run side by side.
    ///
    /// A name is 1 to 64 letters, digits, `_`, `-` or `.`, and may be used once per parent;
    /// anything else is [`NetError::InvalidInput`]. The peer must fork the same name.
    /// A path costs about half a kilobyte until the conversation ends.
    pub fn fork(&mut self, name: &str) -> Result<Self, NetError> {
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_-.".contains(&byte);
        if !(1..=FORK_NAME_BYTES_MAX).contains(&name.len()) || !name.bytes().all(is_plain) {
            let what = format!("{name:?} is no name for a fork; use letters, digits, _ - .");
            return Err(NetError::InvalidInput { what });
        }
        let path = label(&self.path, name);
        if path.len() > PATH_BYTES_MAX {
            let what = format!("path {path} is longer than {PATH_BYTES_MAX} bytes");
            return Err(NetError::InvalidInput { what });
        }
        if self.forks.insert(name.to_owned())
            && let Some(child) = Self::open(&self.switchboard, &path)
        {
            return Ok(child);
        }
        let what = format!("fork {path} exists already; a name may be used once per parent");
        Err(NetError::InvalidInput { what })
    }

    /// Sends one message of any length. Waits only while the window is full; over the memory
    /// transport of tests until the peer has received it.
    #[crate::boxed]
    pub async fn send_bytes(&mut self, step: &'static str, bytes: Vec<u8>) -> Result<(), NetError> {
        let occurrence = next(&mut self.sent, step);
        self.push(step, occurrence, bytes).await
    }

    /// Receives one message. A length outside `size` is [`NetError::PeerMisbehaved`], and no more
    /// than one frame of it is ever kept.
    #[crate::boxed]
    pub async fn receive_bytes(
        &mut self,
        step: &'static str,
        size: Size,
    ) -> Result<Vec<u8>, NetError> {
        let occurrence = next(&mut self.received, step);
        self.pull(step, occurrence, size).await
    }

    /// Sends and receives at once: for symmetric steps, where both send first.
    #[crate::boxed]
    pub async fn exchange_bytes(
        &mut self,
        step: &'static str,
        bytes: Vec<u8>,
        size: Size,
    ) -> Result<Vec<u8>, NetError> {
        let sent = next(&mut self.sent, step);
        let received = next(&mut self.received, step);
        let this = &*self;
        let (sent, received) =
            tokio::join!(this.push(step, sent, bytes), this.pull(step, received, size));
        sent.and(received)
    }

    /// Sends words, little endian.
    #[crate::boxed]
    pub async fn send_words(&mut self, step: &'static str, words: &[u64]) -> Result<(), NetError> {
        self.send_bytes(step, bytes_from_words(words)).await
    }

    /// Receives exactly `count` words.
    #[crate::boxed]
    pub async fn receive_words(
        &mut self,
        step: &'static str,
        count: usize,
    ) -> Result<Vec<u64>, NetError> {
        let bytes = self.receive_bytes(step, words_size(count)?).await?;
        Ok(wire::words_from_bytes(&bytes))
    }

    /// Sends words and receives exactly `count` words at once.
    #[crate::boxed]
    pub async fn exchange_words(
        &mut self,
        step: &'static str,
        words: &[u64],
        count: usize,
    ) -> Result<Vec<u64>, NetError> {
        let size = words_size(count)?;
        let bytes = self.exchange_bytes(step, bytes_from_words(words), size).await?;
        Ok(wire::words_from_bytes(&bytes))
    }

    /// Sends one encoded message.
    pub async fn send<M: Message>(
        &mut self,
        step: &'static str,
        message: &M,
    ) -> Result<(), NetError> {
        self.send_bytes(step, wire::encode(message)).await
    }

    /// Receives and decodes one message; leftovers are [`NetError::PeerMisbehaved`].
    pub async fn receive<M: Message>(
        &mut self,
        step: &'static str,
        size: Size,
    ) -> Result<M, NetError> {
        let bytes = self.receive_bytes(step, size).await?;
        wire::decode(&bytes).map_err(|error| self.misbehaved(step, error.to_string()))
    }

    /// Runs heavy work on the party's own pool; the only way to use rayon in async code.
    ///
    /// The protocol's thread waits meanwhile, after siblings had a turn; the network, on a thread
    /// of its own, keeps reading, acknowledging and beating.
    pub async fn compute<R: Send>(&self, work: impl FnOnce() -> R + Send) -> R {
        tokio::task::yield_now().await;
        match &self.switchboard.seat.pool {
            Some(pool) => {
                let mut result = None;
                // Without a type: rayon's hand-over is compiled once, not for each piece of work.
                install(pool, Box::new(|| result = Some(work())));
                result.unwrap_or_else(|| unreachable!("the pool returns after the work"))
            }
            None => work(),
        }
    }

    /// A fresh generator, independent of every other.
    pub fn rng(&self) -> Generator {
        let count = self.generators.fetch_add(1, Ordering::Relaxed);
        self.switchboard.seat.entropy.generator(self.me(), &self.path, count)
    }

    /// How patient the conversation is.
    pub(crate) fn settings(&self) -> &Settings {
        &self.switchboard.seat.settings
    }

    /// The meter of the whole conversation.
    pub fn meter(&self) -> Arc<Meter> {
        Arc::clone(&self.switchboard.meter)
    }

    /// Says how far long work has come, for whoever watches the meter: `done` of at most `planned`.
    pub fn report_progress(&self, done: usize, planned: usize) {
        self.switchboard.meter.report_progress(done as u64, planned as u64);
    }

    /// The error that blames the peer for breaking `rule` at `step`.
    pub fn misbehaved(&self, step: &'static str, rule: impl Into<String>) -> NetError {
        let step = label(&self.path, step);
        NetError::PeerMisbehaved { peer: self.peer().to_owned(), step, rule: rule.into() }
    }

    async fn push(
        &self,
        step: &'static str,
        occurrence: u64,
        bytes: Vec<u8>,
    ) -> Result<(), NetError> {
        let length = bytes.len();
        let hash = *blake3::hash(&bytes).as_bytes();
        self.switchboard.meter.sent(&self.path, step, length, &hash);
        let payload = Bytes::from(bytes);
        let chunk = self.switchboard.seat.settings.chunk_bytes_max.max(1);
        let mut offset = 0;
        loop {
            let end = offset + chunk.min(length - offset);
            let piece = Piece {
                path: Arc::clone(&self.path),
                step: Cow::Borrowed(step),
                occurrence,
                length: length as u64,
                hash,
                offset: offset as u64,
                payload: payload.slice(offset..end),
            };
            let cost = piece.cost();
            self.wait(step, "room to send", &self.lane.credited, || {
                self.lane.reserve(cost).then_some(())
            })
            .await?;
            self.switchboard.transmit(Frame::Data(piece));
            offset = end;
            if offset == length {
                break;
            }
        }
        self.wait(step, "it to receive", &self.lane.credited, || {
            self.lane.is_within_window().then_some(())
        })
        .await
    }

    async fn pull(
        &self,
        step: &'static str,
        occurrence: u64,
        size: Size,
    ) -> Result<Vec<u8>, NetError> {
        let first = self.next_piece(step).await?;
        self.check_head(step, occurrence, size, &first)?;
        let length = first.length as usize;
        let message = if first.payload.len() == length {
            Vec::from(first.payload.clone())
        } else {
            self.assemble(step, &first).await?
        };
        if *blake3::hash(&message).as_bytes() != first.hash {
            return Err(self.misbehaved(step, "the payload does not have the announced hash"));
        }
        self.switchboard.meter.received(&self.path, step, length, &first.hash);
        Ok(message)
    }

    /// Puts a message together from its pieces, the first of which is checked already.
    async fn assemble(&self, step: &'static str, first: &Piece) -> Result<Vec<u8>, NetError> {
        let length = first.length as usize;
        let mut message = Vec::with_capacity(length.min(RESERVE_BYTES_MAX));
        message.extend_from_slice(&first.payload);
        while message.len() < length {
            let piece = self.next_piece(step).await?;
            let fits = piece.offset == message.len() as u64
                && !piece.payload.is_empty()
                && piece.payload.len() <= length - message.len();
            if !fits || !piece.same_message(first) {
                let rule = format!(
                    "sent {} bytes at {} of {} where byte {} of {length} was due",
                    piece.payload.len(),
                    piece.offset,
                    piece.step,
                    message.len(),
                );
                return Err(self.misbehaved(step, rule));
            }
            message.extend_from_slice(&piece.payload);
        }
        Ok(message)
    }

    fn check_head(
        &self,
        step: &'static str,
        occurrence: u64,
        size: Size,
        piece: &Piece,
    ) -> Result<(), NetError> {
        if piece.step != step || piece.occurrence != occurrence {
            let rule = format!(
                "sent step {:?} number {} where {step:?} number {occurrence} was due",
                piece.step, piece.occurrence,
            );
            return Err(self.misbehaved(step, rule));
        }
        let allowed = match size {
            Size::Exactly(count) => piece.length == count as u64,
            Size::AtMost(count) => piece.length <= count as u64,
        };
        if !allowed {
            let rule = format!("announced {} bytes where {size:?} was due", piece.length);
            return Err(self.misbehaved(step, rule));
        }
        let is_start = piece.offset == 0
            && piece.payload.len() as u64 <= piece.length
            && (piece.length == 0 || !piece.payload.is_empty());
        if !is_start {
            return Err(self.misbehaved(step, "the first frame is not the start of the message"));
        }
        Ok(())
    }

    async fn next_piece(&self, step: &'static str) -> Result<Piece, NetError> {
        let settings = &self.switchboard.seat.settings;
        let taken = self.wait(step, "its message", &self.lane.arrived, || self.lane.take(settings));
        let (piece, credit) = taken.await?;
        if let Some(credit) = credit {
            self.switchboard.transmit(credit);
        }
        Ok(piece)
    }

    /// Waits until `ready` gives something, the conversation ends or the step's time is over.
    async fn wait<T>(
        &self,
        step: &'static str,
        waiting_for: &'static str,
        bell: &Notify,
        mut ready: impl FnMut() -> Option<T>,
    ) -> Result<T, NetError> {
        // What is ready at once costs no timer.
        if let Some(value) = ready() {
            return Ok(value);
        }
        let (since, start) = (SystemTime::now(), Instant::now());
        let poll = async {
            loop {
                if let Some(value) = ready() {
                    return Ok(value);
                }
                if let Some(error) = self.switchboard.ending_at(&label(&self.path, step)) {
                    return Err(error);
                }
                bell.notified().await;
            }
        };
        let limit = self.switchboard.seat.settings.step_timeout;
        tokio::time::timeout(limit, poll).await.unwrap_or_else(|_| {
            Err(NetError::Timeout {
                peer: self.peer().to_owned(),
                waiting_for,
                step: label(&self.path, step),
                since,
                waited: start.elapsed(),
            })
        })
    }
}

impl fmt::Debug for Session {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Session")
            .field("me", &self.me())
            .field("peer", &self.peer())
            .field("path", &self.path)
            .finish_non_exhaustive()
    }
}

/// Longest name of a fork, in bytes.
const FORK_NAME_BYTES_MAX: usize = 64;
/// Longest path, in bytes.
pub(crate) const PATH_BYTES_MAX: usize = 512;
/// A message that announces more is given memory as it arrives, not in advance.
const RESERVE_BYTES_MAX: usize = 256 << 20;

fn next(counts: &mut BTreeMap<&'static str, u64>, step: &'static str) -> u64 {
    let count = counts.entry(step).or_default();
    *count += 1;
    *count - 1
}

fn bytes_from_words(words: &[u64]) -> Vec<u8> {
    let mut bytes = Vec::new();
    wire::put_words(&mut bytes, words);
    bytes
}

fn words_size(count: usize) -> Result<Size, NetError> {
    let what = || format!("{count} words are more than any machine can hold");
    let bytes = count.checked_mul(8).ok_or_else(|| NetError::InvalidInput { what: what() })?;
    Ok(Size::Exactly(bytes))
}

fn install(pool: &rayon::ThreadPool, work: Box<dyn FnOnce() + Send + '_>) {
    pool.install(work);
}
