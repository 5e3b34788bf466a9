//! Products of one factor at each party, slot by slot, the running product shared among those whose
//! factors are in it.
//!
//! The second party begins with its factors. Each one from the third on, one after the other, and
//! the first at the end, sends its own encrypted to all before it but the first; each of these
//! multiplies them by its share of the running product, and both keep fresh shares of what comes of
//! it. What is multiplied, and in which slots, is the matter of [`sigmoid`](super::sigmoid) and
//! [`exponential`](super::exponential).

use std::ops::Range;

use crypto::lattice::LatticeError;
use crypto::lattice::slots::{PublicKey, SecretKey, SlotRing};
use crypto::random::Generator;
use net::{Size, together};

use super::Parties;
use crate::MpcError;
use crate::hints::blame;

/// Vectors of slots for a chunk of rows.
pub(super) type Vectors = Vec<Vec<u64>>;

/// The keys of one party.
pub(super) struct Chain {
    /// The own key, if the party encrypts.
    secret: Option<SecretKey>,
    /// The keys of the other parties, in their order, of those that encrypt for this one.
    public: Vec<Option<PublicKey>>,
}

/// Names and sizes of the messages of one link of the chain, for each chunk.
pub(super) struct Exchange {
    pub(super) query: &'static str,
    pub(super) answer: &'static str,
    pub(super) query_bytes: usize,
    pub(super) answer_bytes: usize,
}

/// Of two parties, the one that encrypts its factors for the other.
fn encrypts(own: usize, peer: usize) -> bool {
    own == 0 || (peer != 0 && own > peer)
}

impl Chain {
    /// Makes keys and hands the public ones over.
    pub(super) async fn prepare(parties: &mut Parties, slots: &SlotRing) -> Result<Self, MpcError> {
        const STEP: &str = "public_key";
        let number = parties.number();
        let session = parties.session();
        let mut rng = session.rng();
        let (secret, own) = session.compute(|| slots.generate_keys(&mut rng)).await;
        let own = own.to_bytes(slots);
        let own = &own;
        let public = together(parties.peers().map(|(peer, link)| async move {
            let session = &mut link.session;
            if encrypts(number, peer) {
                session.send_bytes(STEP, own.clone()).await?;
                return Ok(None);
            }
            let size = Size::Exactly(slots.seeded_bytes());
            let bytes = session.receive_bytes(STEP, size).await?;
            let key = PublicKey::from_bytes(slots, &bytes);
            Ok::<_, MpcError>(Some(key.map_err(|error| blame(session, STEP, error))?))
        }))
        .await?;
        let secret = (number != 1).then_some(secret);
        Ok(Self { secret, public })
    }

    /// The own key.
    pub(super) fn secret(&self) -> Result<&SecretKey, MpcError> {
        let nothing = || MpcError::InvalidInput("the second party encrypts nothing".to_owned());
        self.secret.as_ref().ok_or_else(nothing)
    }

    /// Sends the messages with a chunk's encrypted factors each to the parties at the places `to`;
    /// of each of these, what `decrypt` makes of the answers.
    pub(super) async fn offer(
        &self,
        parties: &mut Parties,
        exchange: &Exchange,
        messages: &[Vec<u8>],
        to: Range<usize>,
        decrypt: impl Fn(&SecretKey, &[u8]) -> Result<Vectors, LatticeError> + Send + Sync,
    ) -> Result<Vec<Vec<Vectors>>, MpcError> {
        let (key, decrypt) = (self.secret()?, &decrypt);
        let size = Size::Exactly(exchange.answer_bytes);
        let peers = parties.peers().filter(|(peer, _)| to.contains(peer));
        together(peers.map(|(_, link)| async move {
            let session = &mut link.session;
            for message in messages {
                session.send_bytes(exchange.query, message.clone()).await?;
            }
            let mut answers = Vec::with_capacity(messages.len());
            for _ in messages {
                let bytes = session.receive_bytes(exchange.answer, size).await?;
                let answer = session.compute(|| decrypt(key, &bytes)).await;
                answers.push(answer.map_err(|error| blame(session, exchange.answer, error))?);
            }
            Ok::<_, MpcError>(answers)
        }))
        .await
    }

    /// Multiplies the factors of the party at the place `from`, for so many chunks, by the own part
    /// of the running product: `multiply` takes a message and the number of its chunk, and gives
    /// the answer and the own shares, which are returned.
    pub(super) async fn answer(
        &self,
        parties: &mut Parties,
        exchange: &Exchange,
        from: usize,
        chunks: usize,
        multiply: impl Fn(
            &PublicKey,
            &[u8],
            usize,
            &mut Generator,
        ) -> Result<(Vec<u8>, Vectors), LatticeError>
        + Send
        + Sync,
    ) -> Result<Vec<Vectors>, MpcError> {
        let index = from - usize::from(from > parties.number());
        let Some(key) = self.public.get(index).and_then(Option::as_ref) else {
            return Err(MpcError::InvalidInput(format!("no key of the party at place {from}")));
        };
        let session = &mut parties.link(from)?.session;
        let size = Size::Exactly(exchange.query_bytes);
        let mut queries = Vec::with_capacity(chunks);
        for _ in 0..chunks {
            queries.push(session.receive_bytes(exchange.query, size).await?);
        }
        let mut shares = Vec::with_capacity(chunks);
        for (chunk, query) in queries.iter().enumerate() {
            let mut rng = session.rng();
            let answer = session.compute(|| multiply(key, query, chunk, &mut rng)).await;
            let (answer, own) = answer.map_err(|error| blame(session, exchange.query, error))?;
            session.send_bytes(exchange.answer, answer).await?;
            shares.push(own);
        }
        Ok(shares)
    }
}
