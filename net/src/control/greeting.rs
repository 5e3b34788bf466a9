//! The first words on every stream: versions, clocks, how far letters have come.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::sync::mpsc;
use tokio::time::timeout;
use tokio_stream::wrappers::ReceiverStream;
use tonic::transport::Channel;
use tonic::{Code, Streaming};

use super::correspondence::{LETTER_BYTES_MAX, Partner};
use super::exchange::{STEP, misbehaved, words};
use super::line::LineReport;
use super::stream::{QUEUE_LENGTH, Wire, frame};
use crate::error::NetError;
use crate::generated::control::control_client::ControlClient;
use crate::generated::control::frame::Content;
use crate::generated::control::{Frame, Hello};

/// Version of the protocol in `control.proto`.
pub(super) const VERSION: u32 = 1;
/// Version of this program.
const SOFTWARE: &str = env!("CARGO_PKG_VERSION");
const SOFTWARE_BYTES_MAX: usize = 64;
/// Longest wait for the other's hello.
pub(super) const HELLO_TIMEOUT: Duration = Duration::from_secs(10);
/// Largest frame that is taken in, in bytes: a letter and its number.
pub(super) const FRAME_BYTES_MAX: usize = LETTER_BYTES_MAX + 1024;

/// Why there was no stream.
#[derive(Debug)]
pub(super) enum Unwelcome {
    /// The other has not pinned this side's key.
    Stranger,
    /// Both have a line to each other already.
    OpenAlready,
    /// The other speaks another version.
    Version(NetError),
    /// Anything else.
    Failed(NetError),
}

pub(super) fn hello(received: u64, probe: bool) -> Hello {
    let software = SOFTWARE.to_owned();
    Hello { version: VERSION, software, clock_ms: milliseconds(), received, probe }
}

/// Says hello over a dialled connection and hears the other's.
pub(super) async fn greet(
    channel: Channel,
    partner: &Partner,
    mine: Hello,
) -> Result<(Wire, Hello), Unwelcome> {
    let unreachable = |cause: String| {
        Unwelcome::Failed(NetError::Unreachable { peer: partner.name.clone(), cause })
    };
    let (outgoing, queue) = mpsc::channel(QUEUE_LENGTH);
    let mut client = ControlClient::new(channel.clone()).max_decoding_message_size(FRAME_BYTES_MAX);
    // The other answers after our hello, which therefore is in the queue before.
    let said = outgoing.send(frame(Content::Hello(mine))).await;
    said.map_err(|_| unreachable("the connection closed".to_owned()))?;
    let answer = client.exchange(ReceiverStream::new(queue)).await;
    let answer = answer.map_err(|status| match status.code() {
        Code::PermissionDenied => Unwelcome::Stranger,
        Code::AlreadyExists => Unwelcome::OpenAlready,
        _ => unreachable(format!("refused: {}", words(status.message()))),
    })?;
    let mut incoming = answer.into_inner();
    let theirs = hear(&mut incoming, partner).await.map_err(Unwelcome::Failed)?;
    check(partner, &theirs)?;
    Ok((Wire { outgoing, incoming, channel: Some(channel) }, theirs))
}

/// Hears the hello that comes first.
pub(super) async fn hear(
    incoming: &mut Streaming<Frame>,
    partner: &Partner,
) -> Result<Hello, NetError> {
    let unreachable = |cause: String| NetError::Unreachable { peer: partner.name.clone(), cause };
    let word = timeout(HELLO_TIMEOUT, incoming.message()).await;
    let word = word.map_err(|_| unreachable("no hello came".to_owned()))?;
    let word = word.map_err(|status| unreachable(words(status.message())))?;
    let word = word.ok_or_else(|| unreachable("it hung up before its hello".to_owned()))?;
    match word.content {
        Some(Content::Hello(hello)) if is_plain(&hello.software) => Ok(hello),
        Some(Content::Hello(_)) => {
            Err(misbehaved(partner, "sent the name of a version that is none".to_owned()))
        }
        _ => Err(misbehaved(partner, "did not begin with a hello".to_owned())),
    }
}

fn is_plain(software: &str) -> bool {
    software.len() <= SOFTWARE_BYTES_MAX && !software.chars().any(char::is_control)
}

/// Whether both sides can exchange letters.
pub(super) fn check(partner: &Partner, theirs: &Hello) -> Result<(), Unwelcome> {
    if theirs.version == VERSION {
        return Ok(());
    }
    Err(Unwelcome::Version(NetError::PeerIncompatible {
        peer: partner.name.clone(),
        what: format!("protocol version of {STEP}"),
        ours: format!("{VERSION} (Tombolo {SOFTWARE})"),
        theirs: format!("{} (Tombolo {})", theirs.version, theirs.software),
        hint: "install the same release on both sides".to_owned(),
    }))
}

/// Notes what a hello says of the partner.
pub(super) fn note(report: &mut LineReport, theirs: &Hello) {
    report.software = Some(theirs.software.clone());
    report.clock_difference_ms = Some(clock_difference_ms(theirs));
    report.last_heard = Some(SystemTime::now());
}

/// The other's clock less this one's, in milliseconds. Saturates: a clock can say anything.
pub(super) fn clock_difference_ms(theirs: &Hello) -> i64 {
    let difference = i128::from(theirs.clock_ms) - i128::from(milliseconds());
    i64::try_from(difference).unwrap_or(i64::MAX)
}

fn milliseconds() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}
