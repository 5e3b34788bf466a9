//! The connection check: what works between two nodes, step by step, and what to do where it does
//! not.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use contract::Text;
use crypto::signature::PublicKey;
use tokio::net::{TcpStream, lookup_host};
use tokio::time::timeout;
use tonic::transport::Channel;

use super::advice::{self, Obstacle};
use super::correspondence::Partner;
use super::dialler::{CONTROL_NAME, WINDOWS};
use super::greeting::{Unwelcome, clock_difference_ms, greet, hello};
use super::line::{Line, LineState};
use crate::channel;
use crate::error::NetError;
use crate::identity::Identity;
use crate::runtime::on_network;
use crate::tls;

/// The steps of a check, in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Step {
    /// There is an address to dial.
    Address,
    /// Its name leads to numbers.
    Name,
    /// Something takes the connection.
    Connection,
    /// It speaks TLS 1.3.
    Tls,
    /// It holds the pinned key.
    Certificate,
    /// It has pinned this node's key.
    Membership,
    /// It speaks the same version of the protocol.
    Version,
    /// The clocks agree.
    Clock,
    /// It can dial this node as well.
    Return,
}

impl Step {
    /// All steps, in order.
    pub const ALL: [Self; 9] = [
        Self::Address,
        Self::Name,
        Self::Connection,
        Self::Tls,
        Self::Certificate,
        Self::Membership,
        Self::Version,
        Self::Clock,
        Self::Return,
    ];

    /// The step's name for programs; also what nodes call it between each other.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Address => "address",
            Self::Name => "name",
            Self::Connection => "connection",
            Self::Tls => "tls",
            Self::Certificate => "certificate",
            Self::Membership => "membership",
            Self::Version => "version",
            Self::Clock => "clock",
            Self::Return => "return",
        }
    }
}

/// How a step went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// As it should.
    Passed,
    /// Work goes on, but somebody should look.
    Warned,
    /// It did not work, and what comes after could not be tried.
    Failed,
    /// There was nothing to try.
    Skipped,
}

/// One step of a check.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// Which.
    pub step: Step,
    /// How it went.
    pub outcome: Outcome,
    /// What was seen: numbers, names, a system's message. One line without control characters.
    pub seen: String,
    /// Why that may be and what to do; nothing where all is well.
    pub advice: Option<Advice>,
}

/// What people can do about a step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Advice {
    /// The likely cause.
    pub cause: Text,
    /// What mends it, and on which side.
    pub fix: Text,
}

/// A whole check, step by step; it ends with the first that failed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Examination {
    /// In the order of steps.
    pub findings: Vec<Finding>,
}

impl Examination {
    /// Whether nothing failed.
    pub fn is_passed(&self) -> bool {
        self.failed().is_none()
    }

    /// The step that failed.
    pub fn failed(&self) -> Option<&Finding> {
        self.findings.iter().find(|finding| finding.outcome == Outcome::Failed)
    }

    /// Name of the step that failed and what was seen there.
    pub(super) fn failure(&self) -> Option<(String, String)> {
        self.failed().map(|finding| (finding.step.name().to_owned(), finding.seen.clone()))
    }

    fn passes(&mut self, step: Step, seen: impl Into<String>) {
        self.add(step, Outcome::Passed, seen.into(), None);
    }

    fn fails(mut self, step: Step, seen: impl Into<String>, obstacle: Obstacle) -> Self {
        self.add(step, Outcome::Failed, seen.into(), Some(advice::on(obstacle)));
        self
    }

    fn add(&mut self, step: Step, outcome: Outcome, seen: String, advice: Option<Advice>) {
        self.findings.push(Finding { step, outcome, seen, advice });
    }

    fn add_clock(&mut self, difference_ms: i64) {
        let seen = format!("{:+.1} s", difference_ms as f64 / 1000.0);
        if difference_ms.unsigned_abs() > CLOCK_MILLISECONDS_MAX {
            let advice = advice::on(Obstacle::ClocksDiffer);
            self.add(Step::Clock, Outcome::Warned, seen, Some(advice));
        } else {
            self.passes(Step::Clock, seen);
        }
    }
}

/// Checks whether the node at `address` (`host:port`) can be reached, holds `key` and knows this
/// node, without a line to it: while pairing, for instance. Never touches a line that is open.
#[crate::boxed]
pub async fn doctor(
    identity: Arc<Identity>,
    address: &str,
    key: PublicKey,
) -> Result<Examination, NetError> {
    let address = address.to_owned();
    on_network(async move { reach(&identity, Some(&address), key).await }).await
}

/// The same for a partner, with what its line knows, and both ways if the line is open.
pub(super) async fn examine(identity: &Identity, line: &Line) -> Examination {
    let report = line.report();
    let mut examination = if report.partner.address.is_some() {
        reach(identity, report.partner.address.as_deref(), line.key).await
    } else {
        let mut examination = Examination::default();
        let advice = Some(advice::on(Obstacle::PartnerOnlyDials));
        examination.add(Step::Address, Outcome::Skipped, String::new(), advice);
        let LineState::Open { .. } = report.state else {
            let seen = report.last_error.map(|(_, error)| error.to_string()).unwrap_or_default();
            return examination.fails(Step::Connection, seen, Obstacle::DoesNotDial);
        };
        examination.passes(Step::Version, report.software.clone().unwrap_or_default());
        examination.add_clock(report.clock_difference_ms.unwrap_or_default());
        examination
    };
    if let Some(stream) = line.stream()
        && matches!(line.report().state, LineState::Open { .. })
    {
        let answer = timeout(RETURN_TIMEOUT, stream.ask_to_dial_back()).await;
        let (outcome, seen, obstacle) = match answer {
            Ok(Ok(answer)) if answer.step.is_empty() => (Outcome::Passed, String::new(), None),
            Ok(Ok(answer)) if answer.step == Step::Address.name() => {
                (Outcome::Skipped, String::new(), Some(Obstacle::NoAddressHere))
            }
            Ok(Ok(answer)) => {
                let seen = format!("{}: {}", answer.step, answer.cause);
                (Outcome::Warned, seen, Some(Obstacle::CannotDialBack))
            }
            _ => (Outcome::Skipped, String::new(), Some(Obstacle::NoAnswerOnReturn)),
        };
        examination.add(Step::Return, outcome, seen, obstacle.map(advice::on));
    }
    examination
}

/// The steps up to the clocks.
pub(super) async fn reach(
    identity: &Identity,
    address: Option<&str>,
    key: PublicKey,
) -> Examination {
    let mut examination = Examination::default();
    let has_port = |address: &&str| {
        let port = address.rsplit_once(':').map(|(host, port)| (host, port.parse::<u16>()));
        matches!(port, Some((host, Ok(1..))) if !host.is_empty())
    };
    let Some(address) = address.filter(has_port) else {
        let seen = address.unwrap_or_default();
        return examination.fails(Step::Address, seen, Obstacle::NoAddress);
    };
    examination.passes(Step::Address, address);
    let numbers = match timeout(STEP_TIMEOUT, lookup_host(address)).await {
        Ok(Ok(numbers)) => numbers.collect::<Vec<_>>(),
        Ok(Err(error)) => return examination.fails(Step::Name, error.to_string(), Obstacle::Name),
        Err(_) => return examination.fails(Step::Name, "no answer", Obstacle::Name),
    };
    let listed: Vec<String> = numbers.iter().map(|it| it.ip().to_string()).collect();
    examination.passes(Step::Name, listed.join(", "));
    let stream = match connect(&numbers).await {
        Ok(stream) => stream,
        Err(error) => {
            let obstacle = match error.kind() {
                io::ErrorKind::ConnectionRefused => Obstacle::Refused,
                io::ErrorKind::TimedOut => Obstacle::Silent,
                _ => Obstacle::NoWay,
            };
            return examination.fails(Step::Connection, error.to_string(), obstacle);
        }
    };
    let from = stream.peer_addr().map(|it| it.to_string()).unwrap_or_default();
    examination.passes(Step::Connection, from);
    converse(identity, address, key, stream, examination).await
}

/// The first address that takes a connection, or the first error.
async fn connect(addresses: &[SocketAddr]) -> io::Result<TcpStream> {
    let mut first = None;
    for address in addresses.iter().take(ADDRESSES_MAX) {
        let connected = timeout(STEP_TIMEOUT, TcpStream::connect(address)).await;
        match connected.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into())) {
            Ok(stream) => return Ok(stream),
            Err(error) => first = first.or(Some(error)),
        }
    }
    Err(first.unwrap_or_else(|| io::Error::other("the name leads nowhere")))
}

/// The steps after the connection.
async fn converse(
    identity: &Identity,
    address: &str,
    key: PublicKey,
    stream: TcpStream,
    mut examination: Examination,
) -> Examination {
    let connected = tls::connect(stream, identity, address, key, CONTROL_NAME);
    let stream = match timeout(STEP_TIMEOUT, connected).await {
        Ok(Ok(stream)) => stream,
        Ok(Err(NetError::IdentityMismatch { seen, .. })) => {
            examination.passes(Step::Tls, "TLS 1.3");
            return examination.fails(Step::Certificate, seen, Obstacle::OtherKey);
        }
        Ok(Err(error)) => {
            return examination.fails(Step::Tls, error.to_string(), Obstacle::NoTls);
        }
        Err(_) => return examination.fails(Step::Tls, "no answer", Obstacle::NoTls),
    };
    examination.passes(Step::Tls, "TLS 1.3");
    examination.passes(Step::Certificate, key.to_string());
    let partner = Partner { key, name: address.to_owned(), address: None };
    let greeting = async {
        let channel: Channel = channel::over(stream, WINDOWS).await.map_err(|error| {
            let cause = error.to_string();
            Unwelcome::Failed(NetError::Unreachable { peer: address.to_owned(), cause })
        })?;
        greet(channel, &partner, hello(0, true)).await
    };
    let theirs = match timeout(GREETING_TIMEOUT, greeting).await {
        Ok(Ok((_, theirs))) => theirs,
        Ok(Err(Unwelcome::Stranger)) => {
            return examination.fails(Step::Membership, "", Obstacle::Stranger);
        }
        Ok(Err(Unwelcome::Version(error))) => {
            examination.passes(Step::Membership, "");
            return examination.fails(Step::Version, error.to_string(), Obstacle::OtherVersion);
        }
        Ok(Err(Unwelcome::Failed(error))) => {
            return examination.fails(Step::Membership, error.to_string(), Obstacle::NoGreeting);
        }
        Ok(Err(Unwelcome::OpenAlready)) | Err(_) => {
            return examination.fails(Step::Membership, "no answer", Obstacle::NoGreeting);
        }
    };
    examination.passes(Step::Membership, "");
    examination.passes(Step::Version, format!("Tombolo {}", theirs.software));
    examination.add_clock(clock_difference_ms(&theirs));
    examination
}

/// How long each step may take.
const STEP_TIMEOUT: Duration = Duration::from_secs(5);
/// The other's hello has its own time limit.
const GREETING_TIMEOUT: Duration = Duration::from_secs(10);
/// The other goes through the same steps.
const RETURN_TIMEOUT: Duration = Duration::from_secs(15);
/// Numbers of one name that are tried.
const ADDRESSES_MAX: usize = 4;
/// Clocks may differ by so much without a word.
const CLOCK_MILLISECONDS_MAX: u64 = 60_000;
