//! The side that dials, and dials again.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::{sleep, timeout};
use tokio_stream::wrappers::ReceiverStream;

use super::codec::ENVELOPE_BYTES_MAX;
use super::driver::{self, Source};
use super::handshake::{Agreement, Opening, Standing};
use super::wire::{QUEUE_LENGTH, Wire, unreachable};
use super::{Peering, WINDOWS};
use crate::channel::{self, Dialling};
use crate::conversation::Conversation;
use crate::error::NetError;
use crate::generated::session_client::SessionClient;
use crate::identity::TLS_NAME;
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
        let name = peering.route.map_or_else(|| TLS_NAME.to_owned(), |route| route.to_string());
        let dialling = Dialling {
            identity: &peering.identity,
            peer: &peering.seat.peer,
            key: peering.peer_key,
            server_name: &name,
        };
        let channel = channel::open(&self.address, dialling, WINDOWS).await?;
        let (outgoing, queue) = mpsc::channel(QUEUE_LENGTH);
        let mut client =
            SessionClient::new(channel.clone()).max_decoding_message_size(ENVELOPE_BYTES_MAX);
        // The server answers after our hello, which therefore must be in the queue before.
        let talk = client.talk(ReceiverStream::new(queue));
        let opening = Opening::new(peering, standing);
        let (said, talk) = tokio::join!(opening.say(peering, &outgoing), talk);
        said?;
        let incoming = talk.map_err(|status| {
            let cause = format!("refused by {}: {}", self.address, status.message());
            unreachable(peering, &cause)
        })?;
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
