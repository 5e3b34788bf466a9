//! The traffic meter: what was said at each step, for bills, cost tests and the audit record.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Counts the messages of one conversation, per path and step.
///
/// Bytes are payload bytes, as protocols declare their cost; what frames, TLS and retransmission
/// add is in the transport's own count.
#[derive(Debug, Default)]
pub struct Meter {
    paths: Mutex<BTreeMap<Arc<str>, PathRecord>>,
    transport_sent: AtomicU64,
    transport_received: AtomicU64,
    done: AtomicU64,
    planned: AtomicU64,
}

#[derive(Debug, Default)]
struct PathRecord {
    steps: BTreeMap<&'static str, Traffic>,
    has_sent: bool,
    rounds: u64,
}

/// The traffic of one step, seen from this party.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Traffic {
    /// Messages sent.
    pub messages_sent: u64,
    /// Messages received.
    pub messages_received: u64,
    /// Payload bytes sent.
    pub bytes_sent: u64,
    /// Payload bytes received.
    pub bytes_received: u64,
    /// Hash chain over the messages sent, in order: `BLAKE3(chain ‖ length ‖ BLAKE3(payload))`,
    /// beginning with zeros. Equals the peer's `hash_received`.
    pub hash_sent: [u8; 32],
    /// The same over the messages received.
    pub hash_received: [u8; 32],
}

/// One line of a snapshot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StepTraffic {
    /// Path of the session.
    pub path: String,
    /// Name of the step.
    pub step: String,
    /// What was counted.
    pub traffic: Traffic,
}

/// Sums over a conversation or a part of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// Messages sent.
    pub messages_sent: u64,
    /// Messages received.
    pub messages_received: u64,
    /// Payload bytes sent.
    pub bytes_sent: u64,
    /// Payload bytes received.
    pub bytes_received: u64,
    /// How often this party received after having sent, counted on each path and added up: paths
    /// that run side by side count as if they ran one after the other.
    pub rounds: u64,
}

impl Totals {
    /// What came on top of an earlier reading of the same meter.
    #[must_use]
    pub fn since(&self, earlier: &Self) -> Self {
        Self {
            messages_sent: self.messages_sent - earlier.messages_sent,
            messages_received: self.messages_received - earlier.messages_received,
            bytes_sent: self.bytes_sent - earlier.bytes_sent,
            bytes_received: self.bytes_received - earlier.bytes_received,
            rounds: self.rounds - earlier.rounds,
        }
    }
}

impl Meter {
    /// Says how far long work has come: `done` of at most `planned` units (passes, trees, chunks);
    /// 0 of 0 where there is nothing to count.
    pub fn report_progress(&self, done: u64, planned: u64) {
        self.planned.store(planned, Ordering::Relaxed);
        self.done.store(done, Ordering::Relaxed);
    }

    /// What was last reported, for people to watch: `(done, planned)`.
    pub fn progress(&self) -> (u64, u64) {
        (self.done.load(Ordering::Relaxed), self.planned.load(Ordering::Relaxed))
    }

    /// Every step so far, ordered by path and step.
    pub fn snapshot(&self) -> Vec<StepTraffic> {
        let paths = self.paths();
        let lines = paths.iter().flat_map(|(path, record)| {
            record.steps.iter().map(|(step, traffic)| StepTraffic {
                path: path.to_string(),
                step: (*step).to_owned(),
                traffic: traffic.clone(),
            })
        });
        lines.collect()
    }

    /// Sums over the whole conversation.
    pub fn totals(&self) -> Totals {
        self.totals_below("")
    }

    /// Sums over one path and everything forked from it.
    pub fn totals_below(&self, path: &str) -> Totals {
        let mut totals = Totals::default();
        for (candidate, record) in self.paths().iter() {
            let rest = candidate.strip_prefix(path);
            if !rest.is_some_and(|rest| path.is_empty() || rest.is_empty() || rest.starts_with('/'))
            {
                continue;
            }
            totals.rounds += record.rounds;
            for traffic in record.steps.values() {
                totals.messages_sent += traffic.messages_sent;
                totals.messages_received += traffic.messages_received;
                totals.bytes_sent += traffic.bytes_sent;
                totals.bytes_received += traffic.bytes_received;
            }
        }
        totals
    }

    /// Bytes that the transport sent and received, with framing, heartbeats and retransmission but
    /// without TLS records. Zero for the memory transport.
    pub fn transport_bytes(&self) -> (u64, u64) {
        let sent = self.transport_sent.load(Ordering::Relaxed);
        (sent, self.transport_received.load(Ordering::Relaxed))
    }

    pub(crate) fn count_transport(&self, sent: usize, received: usize) {
        self.transport_sent.fetch_add(sent as u64, Ordering::Relaxed);
        self.transport_received.fetch_add(received as u64, Ordering::Relaxed);
    }

    pub(crate) fn sent(&self, path: &Arc<str>, step: &'static str, length: usize, hash: &[u8; 32]) {
        let mut paths = self.paths();
        let record = paths.entry(Arc::clone(path)).or_default();
        record.has_sent = true;
        let traffic = record.steps.entry(step).or_default();
        traffic.messages_sent += 1;
        traffic.bytes_sent += length as u64;
        chain(&mut traffic.hash_sent, length, hash);
    }

    pub(crate) fn received(
        &self,
        path: &Arc<str>,
        step: &'static str,
        length: usize,
        hash: &[u8; 32],
    ) {
        let mut paths = self.paths();
        let record = paths.entry(Arc::clone(path)).or_default();
        record.rounds += u64::from(std::mem::take(&mut record.has_sent));
        let traffic = record.steps.entry(step).or_default();
        traffic.messages_received += 1;
        traffic.bytes_received += length as u64;
        chain(&mut traffic.hash_received, length, hash);
    }

    fn paths(&self) -> MutexGuard<'_, BTreeMap<Arc<str>, PathRecord>> {
        self.paths.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn chain(link: &mut [u8; 32], length: usize, hash: &[u8; 32]) {
    let mut hasher = blake3::Hasher::new();
    hasher.update(link).update(&(length as u64).to_le_bytes()).update(hash);
    *link = *hasher.finalize().as_bytes();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rounds_count_receiving_after_having_sent() {
        let meter = Meter::default();
        let path = Arc::from("train.1");
        meter.received(&path, "question", 1, &[0; 32]);
        assert_eq!(meter.totals().rounds, 0);
        for _ in 0..2 {
            meter.sent(&path, "answer", 10, &[1; 32]);
        }
        for _ in 0..2 {
            meter.received(&path, "question", 1, &[0; 32]);
        }
        assert_eq!(meter.totals().rounds, 1);
        let totals = meter.totals();
        assert_eq!((totals.messages_sent, totals.bytes_sent), (2, 20));
        assert_eq!((totals.messages_received, totals.bytes_received), (3, 3));
    }

    #[test]
    fn a_path_counts_with_its_forks_and_no_others() {
        let meter = Meter::default();
        for (path, bytes) in [("", 1), ("train.1", 2), ("train.1/pass.0", 4), ("train.10", 8)] {
            meter.sent(&Arc::from(path), "step", bytes, &[0; 32]);
        }
        for (path, bytes) in [("", 15), ("train.1", 6), ("train.10", 8), ("train", 0)] {
            assert_eq!(meter.totals_below(path).bytes_sent, bytes, "{path}");
        }
        let before = meter.totals();
        meter.sent(&Arc::from(""), "step", 16, &[0; 32]);
        assert_eq!(meter.totals().since(&before).bytes_sent, 16);
    }

    #[test]
    fn the_sender_and_the_receiver_have_one_hash_chain() {
        let (sender, receiver) = (Meter::default(), Meter::default());
        let path = Arc::from("");
        for (length, hash) in [(1, [1; 32]), (2, [2; 32])] {
            sender.sent(&path, "step", length, &hash);
            receiver.received(&path, "step", length, &hash);
        }
        let [sent, received] = [&sender, &receiver].map(|meter| meter.snapshot().remove(0).traffic);
        assert_eq!(sent.hash_sent, received.hash_received);
        receiver.received(&path, "step", 2, &[2; 32]);
        assert_ne!(receiver.snapshot()[0].traffic.hash_received, sent.hash_sent);
    }
}
