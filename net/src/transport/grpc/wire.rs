//! One connection: a stream of envelopes in each direction.

use tokio::sync::mpsc;
use tokio::time::timeout;
use tonic::Streaming;
use tonic::transport::Channel;

use super::Peering;
use super::handshake::{WORD_TIMEOUT, misbehaved};
use crate::error::NetError;
use crate::generated::Envelope;
use crate::generated::envelope::Content;

/// Envelopes that wait between the writer and HTTP/2.
pub(super) const QUEUE_LENGTH: usize = 2;

/// Both directions of a connection, the same for the side that dialled and the one that listened.
pub(super) struct Wire {
    pub(super) outgoing: mpsc::Sender<Envelope>,
    pub(super) incoming: Streaming<Envelope>,
    /// Keeps the dialled connection alive.
    pub(super) channel: Option<Channel>,
}

impl Wire {
    /// Hears one word of the handshake.
    pub(super) async fn hear(&mut self, peering: &Peering) -> Result<Content, NetError> {
        let word = timeout(WORD_TIMEOUT, self.incoming.message()).await;
        let word = word.map_err(|_| unreachable(peering, "no answer to the handshake"))?;
        match word {
            Ok(Some(word)) => {
                word.content.ok_or_else(|| misbehaved(peering, "sent an empty envelope"))
            }
            Ok(None) => Err(unreachable(peering, "the peer hung up during the handshake")),
            Err(status) => Err(unreachable(peering, status.message())),
        }
    }
}

pub(super) fn unreachable(peering: &Peering, cause: &str) -> NetError {
    NetError::Unreachable { peer: peering.seat.peer.clone(), cause: cause.to_owned() }
}
