//! The first words on every connection: who we are, what we agreed to run, how far we had come.

use std::time::Duration;

use crypto::hash::hex;
use crypto::random::Generator;
use tokio::sync::mpsc;
use tokio::time::timeout;

use super::Peering;
use super::codec::envelope;
use super::wire::{Wire, unreachable};
use crate::attestation::{Attestation, Attestations, statement};
use crate::error::NetError;
use crate::generated::envelope::Content;
use crate::generated::{Envelope, Hello, Proof};

/// Version of the protocol in `session.proto`.
pub(super) const VERSION: u32 = 1;
const CONVERSATION_DOMAIN: &[u8] = b"tombolo conversation v1";
/// Longest wait for each word of the handshake.
pub(super) const WORD_TIMEOUT: Duration = Duration::from_secs(10);

/// What the parties agreed on.
pub(super) struct Agreement {
    pub(super) conversation: [u8; 32],
    /// How far the peer had come.
    pub(super) peer_received: u64,
    pub(super) attestations: Attestations,
}

/// Where this side stands: at the beginning, or in a conversation that was cut.
#[derive(Clone, Copy)]
pub(super) struct Standing {
    pub(super) conversation: Option<[u8; 32]>,
    pub(super) received: u64,
}

/// This side's hello, which is said before the peer's is known.
pub(super) struct Opening {
    mine: Hello,
    standing: Standing,
}

impl Opening {
    pub(super) fn new(peering: &Peering, standing: Standing) -> Self {
        let mut nonce = vec![0; 32];
        // Nonces make signatures fresh; they are no protocol randomness that a world would inject.
        Generator::from_os().fill_bytes(&mut nonce);
        let mine = Hello {
            version: VERSION,
            job_digest: peering.job_digest.to_vec(),
            from: peering.seat.me.clone(),
            to: peering.seat.peer.clone(),
            nonce,
            conversation: standing.conversation.map_or_else(Vec::new, Vec::from),
            received: standing.received,
        };
        Self { mine, standing }
    }

    pub(super) async fn say(
        &self,
        peering: &Peering,
        outgoing: &mpsc::Sender<Envelope>,
    ) -> Result<(), NetError> {
        say(peering, outgoing, Content::Hello(self.mine.clone())).await
    }

    /// The rest of the handshake for the side that dialled.
    pub(super) async fn dialled(
        self,
        wire: &mut Wire,
        peering: &Peering,
    ) -> Result<Agreement, NetError> {
        let Content::Hello(theirs) = wire.hear(peering).await? else {
            return Err(misbehaved(peering, "did not begin with a hello"));
        };
        let conversation = identifier(&self.mine.nonce, &theirs.nonce, &self.mine.job_digest);
        agree(wire, peering, self.standing, (self.mine, theirs), conversation).await
    }

    /// The rest of the handshake for the side that listened, where the hello came first.
    pub(super) async fn answered(
        self,
        wire: &mut Wire,
        peering: &Peering,
        theirs: Hello,
    ) -> Result<Agreement, NetError> {
        let conversation = identifier(&theirs.nonce, &self.mine.nonce, &self.mine.job_digest);
        agree(wire, peering, self.standing, (self.mine, theirs), conversation).await
    }
}

async fn agree(
    wire: &mut Wire,
    peering: &Peering,
    standing: Standing,
    (mine, theirs): (Hello, Hello),
    new_conversation: [u8; 32],
) -> Result<Agreement, NetError> {
    check(peering, &mine, &theirs)?;
    let my_statement = statement(&mine, &theirs.nonce);
    let their_statement = statement(&theirs, &mine.nonce);
    let signature = peering.identity.sign(&my_statement);
    let proof = Content::Proof(Proof { signature: signature.clone() });
    say(peering, &wire.outgoing, proof).await?;
    let Content::Proof(Proof { signature: their_signature }) = wire.hear(peering).await? else {
        return Err(misbehaved(peering, "did not send its proof after its hello"));
    };
    let theirs_attested = Attestation {
        party: peering.seat.peer.clone(),
        key: peering.peer_key,
        statement: their_statement,
        signature: their_signature,
    };
    if !theirs_attested.is_valid() {
        return Err(misbehaved(peering, "signed something else than what it said in its hello"));
    }
    let mine_attested = Attestation {
        party: peering.seat.me.clone(),
        key: peering.identity.public_key(),
        statement: my_statement,
        signature,
    };
    Ok(Agreement {
        conversation: standing.conversation.unwrap_or(new_conversation),
        peer_received: theirs.received,
        attestations: Attestations { mine: mine_attested, theirs: theirs_attested },
    })
}

fn check(peering: &Peering, mine: &Hello, theirs: &Hello) -> Result<(), NetError> {
    let differs = |what: &str, ours: String, theirs: String, hint: &str| {
        Err(NetError::PeerIncompatible {
            peer: peering.seat.peer.clone(),
            what: what.to_owned(),
            ours,
            theirs,
            hint: hint.to_owned(),
        })
    };
    if mine.version != theirs.version {
        let (ours, theirs) = (mine.version.to_string(), theirs.version.to_string());
        return differs("protocol version", ours, theirs, "install the same release on both sides");
    }
    if (&mine.from, &mine.to) != (&theirs.to, &theirs.from) {
        let ours = format!("{} to {}", mine.from, mine.to);
        let theirs = format!("{} to {}", theirs.to, theirs.from);
        return differs("party names", ours, theirs, "use the same names in both job files");
    }
    if mine.job_digest != theirs.job_digest {
        let hint = "the two job files differ: compare them and start both again";
        return differs("job digest", hex(&mine.job_digest), hex(&theirs.job_digest), hint);
    }
    if mine.conversation != theirs.conversation {
        let hint = "one side was started again: start the job again on both";
        let name = |id: &[u8]| if id.is_empty() { "a new one".to_owned() } else { hex(id) };
        return differs("conversation", name(&mine.conversation), name(&theirs.conversation), hint);
    }
    if theirs.nonce.len() != 32 {
        return Err(misbehaved(peering, "sent a nonce that has not 32 bytes"));
    }
    Ok(())
}

async fn say(
    peering: &Peering,
    outgoing: &mpsc::Sender<Envelope>,
    word: Content,
) -> Result<(), NetError> {
    match timeout(WORD_TIMEOUT, outgoing.send(envelope(word))).await {
        Ok(Ok(())) => Ok(()),
        _ => Err(unreachable(peering, "the connection closed during the handshake")),
    }
}

fn identifier(dialler_nonce: &[u8], listener_nonce: &[u8], job_digest: &[u8]) -> [u8; 32] {
    let mut hasher = blake3::Hasher::new();
    for part in [CONVERSATION_DOMAIN, dialler_nonce, listener_nonce, job_digest] {
        hasher.update(part);
    }
    *hasher.finalize().as_bytes()
}

pub(super) fn misbehaved(peering: &Peering, rule: &str) -> NetError {
    let peer = peering.seat.peer.clone();
    NetError::PeerMisbehaved { peer, step: "handshake".to_owned(), rule: rule.to_owned() }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::identity::Identity;
    use crate::seat::Seat;

    fn peering() -> Peering {
        let identity = Arc::new(Identity::generate("bank").unwrap());
        let peer_key = identity.public_key();
        Peering {
            seat: Seat::new("bank", "operator", true),
            identity,
            peer_key,
            job_digest: [7; 32],
            route: None,
        }
    }

    /// Our hello, and the one that agrees with it.
    fn hellos(peering: &Peering) -> (Hello, Hello) {
        let standing = Standing { conversation: None, received: 0 };
        let mine = Opening::new(peering, standing).mine;
        let (from, to) = (mine.to.clone(), mine.from.clone());
        let theirs = Hello { from, to, nonce: vec![1; 32], ..mine.clone() };
        (mine, theirs)
    }

    #[test]
    fn each_difference_is_named_with_both_values_and_what_to_do() {
        let peering = peering();
        let (mine, good) = hellos(&peering);
        check(&peering, &mine, &good).unwrap();
        let cases = [
            (Hello { version: 9, ..good.clone() }, ["protocol version", "1", "9", "same release"]),
            (
                Hello { from: "telco".into(), ..good.clone() },
                ["party names", "bank to operator", "bank to telco", "same names"],
            ),
            (
                Hello { job_digest: vec![8; 32], ..good.clone() },
                ["job digest", "0707", "0808", "job files differ"],
            ),
            (
                Hello { conversation: vec![9; 32], ..good.clone() },
                ["conversation", "a new one", "0909", "start the job again"],
            ),
        ];
        for (theirs, parts) in cases {
            let error = check(&peering, &mine, &theirs).unwrap_err();
            assert!(matches!(error, NetError::PeerIncompatible { .. }), "{error}");
            for part in parts {
                assert!(error.to_string().contains(part), "{part} missing in: {error}");
            }
        }
        let error = check(&peering, &mine, &Hello { nonce: vec![1], ..good }).unwrap_err();
        assert!(matches!(error, NetError::PeerMisbehaved { .. }), "{error}");
    }

    #[test]
    fn a_proof_is_bound_to_signer_job_and_nonces() {
        let peering = peering();
        let (mine, theirs) = hellos(&peering);
        let signed = statement(&mine, &theirs.nonce);
        let other_job = Hello { job_digest: vec![8; 32], ..mine.clone() };
        for other in [
            statement(&theirs, &mine.nonce),
            statement(&mine, &mine.nonce),
            statement(&other_job, &theirs.nonce),
        ] {
            assert_ne!(signed, other);
        }
    }
}
