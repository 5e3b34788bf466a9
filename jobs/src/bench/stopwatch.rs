//! What a stretch of work took from this process.

use std::sync::Arc;
use std::time::Instant;

use net::{Meter, Session, Totals};
use serde::{Deserialize, Serialize};

use crate::process::{cpu_time, peak_memory_bytes};

/// Time, traffic and memory of one party.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Usage {
    /// Wall time.
    pub seconds: f64,
    /// Processor time of all threads.
    pub cpu_seconds: f64,
    /// Payload bytes sent.
    pub bytes_sent: u64,
    /// Changes of direction, with the peer where these are the most.
    pub rounds: u64,
    /// The most memory that the process ever held, data making included.
    pub peak_memory_bytes: u64,
}

/// A running measurement.
pub(super) struct Stopwatch {
    /// Of each conversation, what was counted at the start.
    meters: Vec<(Arc<Meter>, Totals)>,
    wall: Instant,
    cpu: std::time::Duration,
}

impl Stopwatch {
    /// Starts now, over all conversations of this party.
    pub(super) fn start(sessions: &[Session]) -> Self {
        let meters = sessions.iter().map(Session::meter);
        let meters = meters.map(|meter| (Arc::clone(&meter), meter.totals())).collect();
        Self { meters, wall: Instant::now(), cpu: cpu_time() }
    }

    /// What it took until now.
    pub(super) fn stop(&self) -> Usage {
        let totals = self.meters.iter().map(|(meter, start)| meter.totals().since(start));
        Usage {
            seconds: self.wall.elapsed().as_secs_f64(),
            cpu_seconds: cpu_time().saturating_sub(self.cpu).as_secs_f64(),
            bytes_sent: totals.clone().map(|totals| totals.bytes_sent).sum(),
            rounds: totals.map(|totals| totals.rounds).max().unwrap_or_default(),
            peak_memory_bytes: peak_memory_bytes(),
        }
    }
}
