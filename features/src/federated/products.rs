//! One party's encrypted vectors against the other's columns: the set-up and the queries that the
//! protocols of this folder, and of models, share. In this folder the guest has the vectors. See
//! `crypto::lattice::projection` for construction and security.

use crypto::lattice::projection::{Answers, EncryptedVector, Evaluator, Hint, Projection};
use crypto::lattice::{LatticeError, Parameters, Ring};
use mpc::hints::{self, Expected, blame};
use net::{Session, Size};

use super::FederatedError;

/// The side that encrypts vectors and holds its shares of the products.
pub struct KeyHolder {
    projection: Projection,
    hints: Vec<Hint>,
}

impl KeyHolder {
    /// Agrees on the public randomness and receives a hint for each of the peer's `outputs`.
    ///
    /// # Errors
    /// [`FederatedError`] for no rows, or when the peer fails or misbehaves.
    #[net::boxed]
    pub async fn prepare(
        session: &mut Session,
        rows: usize,
        outputs: usize,
    ) -> Result<Self, FederatedError> {
        let mut seed = [0; 32];
        session.rng().fill_bytes(&mut seed);
        session.send_bytes("seed", seed.to_vec()).await?;
        let projection = projection(session, seed, rows).await?;
        let expected = Expected {
            count: outputs,
            bytes: Hint::byte_count(&projection),
            parse: |bytes: &[u8]| Hint::from_bytes(&projection, bytes),
        };
        let hints = hints::receive(session, "hints", expected).await?;
        Ok(Self { projection, hints })
    }

    /// Own shares modulo 2^64 of the products of one vector with every output.
    ///
    /// # Errors
    /// [`FederatedError`] for a vector of another length, or when the peer fails or misbehaves.
    #[net::boxed]
    pub async fn query(
        &self,
        session: &mut Session,
        values: &[u64],
    ) -> Result<Vec<u64>, FederatedError> {
        let mut rng = session.rng();
        let (key, query) = session.compute(|| self.projection.encrypt(values, &mut rng)).await?;
        session.send_bytes("query", query.to_bytes(&self.projection)).await?;
        let outputs = self.hints.len();
        let size = Size::Exactly(Answers::byte_count(&self.projection, outputs));
        let answers = session.receive_bytes("answers", size).await?;
        let answers = Answers::from_bytes(&self.projection, outputs, &answers)
            .map_err(|error| blame(session, "answers", error))?;
        let decrypt = || self.projection.decrypt_shared(&key, &self.hints, &answers);
        Ok(session.compute(decrypt).await?)
    }
}

/// The other side of the agreement, which has the columns.
///
/// # Errors
/// [`FederatedError`] for no rows, or when the peer fails or misbehaves.
#[net::boxed]
pub async fn receive_projection(
    session: &mut Session,
    rows: usize,
) -> Result<Projection, FederatedError> {
    let seed = session.receive_bytes("seed", Size::Exactly(32)).await?;
    let seed = seed.try_into().map_err(|_| session.misbehaved("seed", "a seed has 32 bytes"))?;
    projection(session, seed, rows).await
}

/// Sends the hints of all outputs.
///
/// # Errors
/// [`FederatedError::Secure`] when the peer fails.
#[net::boxed]
pub async fn send_hints(
    session: &mut Session,
    projection: &Projection,
    evaluator: &Evaluator<'_>,
) -> Result<(), FederatedError> {
    let make =
        |group| evaluator.hints(group).iter().map(|hint| hint.to_bytes(projection)).collect();
    Ok(hints::send(session, "hints", evaluator.outputs(), make).await?)
}

/// Answers one query; returns own shares.
///
/// # Errors
/// [`FederatedError::Secure`] when the peer fails or misbehaves.
#[net::boxed]
pub async fn answer(
    session: &mut Session,
    projection: &Projection,
    evaluator: &Evaluator<'_>,
) -> Result<Vec<u64>, FederatedError> {
    let mut rng = session.rng();
    let size = Size::Exactly(EncryptedVector::byte_count(projection));
    let query = session.receive_bytes("query", size).await?;
    let (answers, shares) = session
        .compute(|| {
            let query = EncryptedVector::from_bytes(projection, &query)?;
            let (answers, shares) = evaluator.answer_shared(&query, &mut rng)?;
            Ok::<_, LatticeError>((answers.to_bytes(), shares))
        })
        .await
        .map_err(|error| blame(session, "query", error))?;
    session.send_bytes("answers", answers).await?;
    Ok(shares)
}

async fn projection(
    session: &Session,
    seed: [u8; 32],
    rows: usize,
) -> Result<Projection, FederatedError> {
    let ring = || Ring::new(Parameters::N8192_Q150);
    Ok(session.compute(|| Projection::shared(&ring(), seed, rows)).await?)
}
