//! A party's place in a conversation with one peer.

use std::fmt;
use std::sync::Arc;

use crypto::random::Generator;
use rayon::ThreadPool;

use crate::settings::Settings;

/// Who sits where, and with what means.
#[derive(Clone, Debug)]
pub struct Seat {
    /// This party's name in the job.
    pub me: String,
    /// The peer's name in the job.
    pub peer: String,
    /// Whether this party is the one listed first in the job. True on exactly one side.
    pub is_first: bool,
    /// Megabits per second that the line between the parties has, as they agreed on; `None` if
    /// they said nothing. Protocols may send less and compute more over a slow line, so that both
    /// parties must say the same.
    pub bandwidth: Option<u32>,
    /// Limits and time-outs.
    pub settings: Settings,
    /// Where secret randomness comes from.
    pub entropy: Entropy,
    /// The pool for heavy computation; `None` is the process's global rayon pool.
    pub pool: Option<Arc<ThreadPool>>,
}

impl Seat {
    /// A seat with default settings, the operating system's entropy and the global pool.
    pub fn new(me: impl Into<String>, peer: impl Into<String>, is_first: bool) -> Self {
        Self {
            me: me.into(),
            peer: peer.into(),
            is_first,
            bandwidth: None,
            settings: Settings::default(),
            entropy: Entropy::OperatingSystem,
            pool: None,
        }
    }
}

/// Where a party's secret randomness comes from.
#[derive(Clone)]
pub enum Entropy {
    /// The operating system: always, outside tests.
    OperatingSystem,
    /// Derived from a known seed, party, path and count: NO SECURITY, for repeatable tests only.
    Injected([u8; 32]),
}

impl Entropy {
    /// The generator number `count` of this party on this path.
    pub(crate) fn generator(&self, me: &str, path: &str, count: u64) -> Generator {
        match self {
            Self::OperatingSystem => Generator::from_os(),
            Self::Injected(seed) => {
                let mut hasher = blake3::Hasher::new_keyed(seed);
                for part in [me.as_bytes(), path.as_bytes(), &count.to_le_bytes()] {
                    hasher.update(&(part.len() as u64).to_le_bytes());
                    hasher.update(part);
                }
                Generator::from_seed(*hasher.finalize().as_bytes())
            }
        }
    }
}

impl fmt::Debug for Entropy {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::OperatingSystem => "OperatingSystem",
            Self::Injected(_) => "Injected(..)",
        })
    }
}
