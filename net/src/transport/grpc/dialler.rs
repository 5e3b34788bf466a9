//! The side that dials, and dials again.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio::time::{sleep, timeout};
use tokio_stream::wrappers::ReceiverStream;
use tonic::transport::Endpoint;
use tower::service_fn;

use super::codec::ENVELOPE_BYTES_MAX;
use super::driver::{self, Source};
use super::handshake::{Agreement, Opening, Standing};
use super::wire::{QUEUE_LENGTH, Wire, unreachable};
use super::{CONNECTION_WINDOW_BYTES, HTTP2_FRAME_BYTES_MAX, Peering, STREAM_WINDOW_BYTES, tls};
use crate::conversation::Conversation;
use crate::error::NetError;
use crate::generated::session_client::SessionClient;
use crate::runtime::on_network;

/// Dials a peer at `address` (`host:port`) and opens a conversation.
///
/// A peer that does not listen yet is dialled again until the seat's `connect_timeout`; a peer with
/// another key, version, name or job digest is an error at once.
#[crate::boxed]
pub async fn dial(address: &str, peering: Peering) -> Result<Conversation, NetError> {
    let dialler = Arc::new(Dialler { address: address.to_owned(), peering });
    on_network(async move {
        let standing = Standing { conversation: None, received: 0 };
        let limit = dialler.peering.seat.settings.connect_timeout;
        let (wire, agreement) = dialler.persist(standing, limit).await?;
        let peering = dialler.peering.clone();
        driver::start(&peering, wire, agreement, Source::Dialler(dialler))
    })
    .await?
}

/// How to reach the peer, the first time and after a cut.
pub(super) struct Dialler {
    address: String,
    peering: Peering,
}

impl Dialler {
    /// Dials until it works, something is wrong that waiting does not mend, or time is over.
    pub(super) async fn persist(
        &self,
        standing: Standing,
        limit: Duration,
    ) -> Result<(Wire, Agreement), NetError> {
        let last = Mutex::new(None);
        let attempts = async {
            let mut pause = FIRST_PAUSE;
            loop {
                match timeout(ATTEMPT_TIMEOUT, self.attempt(standing)).await {
                    Ok(Ok(connected)) => return Ok(connected),
                    Ok(Err(error)) if !error.is_connection() => return Err(error),
                    Ok(Err(error)) => remember(&last, error),
                    Err(_) => remember(&last, unreachable(&self.peering, "it does not answer")),
                }
                sleep(pause).await;
                pause = (pause * 2).min(LONGEST_PAUSE);
            }
        };
        let outcome = timeout(limit, attempts).await;
        outcome.unwrap_or_else(|_| {
            let last = last.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
            Err(last.unwrap_or_else(|| unreachable(&self.peering, "it does not answer")))
        })
    }

    async fn attempt(&self, standing: Standing) -> Result<(Wire, Agreement), NetError> {
        let peering = &self.peering;
        let failed = |what: &str, error: &dyn std::fmt::Display| {
            unreachable(peering, &format!("{what} {}: {error}", self.address))
        };
        let stream = TcpStream::connect(&self.address).await;
        let stream = stream.map_err(|error| failed("no connection to", &error))?;
        stream.set_nodelay(true).map_err(|error| failed("no connection to", &error))?;
        let (me, key) = (&peering.identity, peering.peer_key);
        let stream = tls::connect(stream, me, &peering.seat.peer, key).await?;
        let once = Mutex::new(Some(stream));
        let connector = service_fn(move |_| {
            let stream = once.lock().map_or(None, |mut stream| stream.take());
            let stream = stream.ok_or_else(|| std::io::Error::other("the connection was used up"));
            std::future::ready(stream.map(TokioIo::new))
        });
        let channel = Endpoint::from_static("http://tombolo")
            .initial_stream_window_size(STREAM_WINDOW_BYTES)
            .initial_connection_window_size(CONNECTION_WINDOW_BYTES)
            .max_frame_size(HTTP2_FRAME_BYTES_MAX)
            .connect_with_connector(connector)
            .await
            .map_err(|error| failed("no HTTP/2 with", &error))?;
        let (outgoing, queue) = mpsc::channel(QUEUE_LENGTH);
        let mut client =
            SessionClient::new(channel.clone()).max_decoding_message_size(ENVELOPE_BYTES_MAX);
        // The server answers after our hello, which therefore must be in the queue before.
        let talk = client.talk(ReceiverStream::new(queue));
        let opening = Opening::new(peering, standing);
        let (said, talk) = tokio::join!(opening.say(peering, &outgoing), talk);
        said?;
        let incoming = talk.map_err(|status| failed("refused by", &status.message()))?;
        let mut wire = Wire { outgoing, incoming: incoming.into_inner(), channel: Some(channel) };
        let agreement = opening.dialled(&mut wire, peering).await?;
        Ok((wire, agreement))
    }
}

const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(5);

fn remember(last: &Mutex<Option<NetError>>, error: NetError) {
    if let Ok(mut last) = last.lock() {
        *last = Some(error);
    }
}
