//! What a stretch of work took from this process.

use std::sync::Arc;
use std::time::Instant;

use net::{Meter, Session};
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
    /// Changes of direction.
    pub rounds: u64,
    /// The most memory that the process ever held, data making included.
    pub peak_memory_bytes: u64,
}

/// A running measurement.
pub(super) struct Stopwatch {
    meter: Arc<Meter>,
    wall: Instant,
    cpu: std::time::Duration,
    totals: net::Totals,
}

impl Stopwatch {
    /// Starts now.
    pub(super) fn start(session: &Session) -> Self {
        let meter = session.meter();
        let totals = meter.totals();
        Self { meter, wall: Instant::now(), cpu: cpu_time(), totals }
    }

    /// What it took until now.
    pub(super) fn stop(&self) -> Usage {
        let totals = self.meter.totals().since(&self.totals);
        Usage {
            seconds: self.wall.elapsed().as_secs_f64(),
            cpu_seconds: cpu_time().saturating_sub(self.cpu).as_secs_f64(),
            bytes_sent: totals.bytes_sent,
            rounds: totals.rounds,
            peak_memory_bytes: peak_memory_bytes(),
        }
    }
}
