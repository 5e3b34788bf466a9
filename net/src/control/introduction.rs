//! How somebody makes itself known whom the other does not know yet.

use std::sync::Arc;

use crypto::signature::PublicKey;
use tokio::time::timeout;
use tonic::Code;

use super::correspondence::INTRODUCTION_BYTES_MAX;
use super::dialler::{CONTROL_NAME, WINDOWS};
use super::exchange::words;
use super::settings::PostSettings;
use crate::channel::{self, Dialling};
use crate::error::NetError;
use crate::generated::control::Introduction;
use crate::generated::control::control_client::ControlClient;
use crate::identity::Identity;
use crate::runtime::on_network;

/// Brings `bytes`, such as the acceptance of an invitation, to the node at `address` that holds
/// `key`, and returns its answer. Both have at most [`INTRODUCTION_BYTES_MAX`].
#[crate::boxed]
pub async fn introduce(
    identity: Arc<Identity>,
    address: &str,
    key: PublicKey,
    bytes: Vec<u8>,
) -> Result<Vec<u8>, NetError> {
    if bytes.len() > INTRODUCTION_BYTES_MAX {
        let what = format!("an introduction of {} bytes; at most 64 KiB are taken", bytes.len());
        return Err(NetError::InvalidInput { what });
    }
    let address = address.to_owned();
    on_network(async move {
        let attempt = say(&identity, &address, key, bytes);
        let outcome = timeout(PostSettings::default().attempt_timeout, attempt).await;
        outcome.unwrap_or_else(|_| Err(unreachable(&address, "it does not answer".to_owned())))
    })
    .await?
}

async fn say(
    identity: &Identity,
    address: &str,
    key: PublicKey,
    bytes: Vec<u8>,
) -> Result<Vec<u8>, NetError> {
    let dialling = Dialling { identity, peer: address, key, server_name: CONTROL_NAME };
    let channel = channel::open(address, dialling, WINDOWS).await?;
    let mut client =
        ControlClient::new(channel).max_decoding_message_size(INTRODUCTION_BYTES_MAX + 1024);
    let answer = client.introduce(Introduction { bytes }).await.map_err(|status| {
        let said = words(status.message());
        match status.code() {
            Code::FailedPrecondition => NetError::PeerAborted {
                peer: address.to_owned(),
                step: "introduction".to_owned(),
                reason: said,
            },
            _ => unreachable(address, said),
        }
    })?;
    Ok(answer.into_inner().bytes)
}

fn unreachable(address: &str, cause: String) -> NetError {
    NetError::Unreachable { peer: address.to_owned(), cause }
}
