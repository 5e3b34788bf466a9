//! Products of two parties' private columns with shared vectors, for training over many passes.
//!
//! # Functionality
//! Each party owns a private integer matrix `X_p` (rows × its columns), fixed for the whole
//! training. [`SharedProduct::forward`] takes shares of a vector w over all columns and gives
//! shares of `Σ_p X_p·w_p`, one for each row, or for the first rows only.
//! [`SharedProduct::backward`] takes shares of a vector r over rows, zero after the first ones, and
//! gives shares of `X_pᵀ·r` for every party's columns. Everything is modulo 2^64; scores are off by
//! at most one unit for each of the two matrices, at random.
//! # Messages
//! 1. `shape` both ways: number of columns and a random seed
//! 2. `row_hints`, `column_hints` both ways, in groups: what of the encrypted products never
//!    changes
//! 3. per forward: `weights` both ways (own share of the peer's block, encrypted), then `scores`
//! 4. per backward: `residuals` both ways (own share, encrypted), then `sums`
//! # Leaks
//! The number of rows and of each party's columns.
//! # Security
//! Semi-honest, ring-LWE with 128-bit (quantum) parameters. What a party sends is encrypted under a
//! secret that it draws anew for every query; what it answers is masked uniformly over the whole
//! modulus; the hints are pseudo-random. Arguments: `crypto::lattice::{projection, expansion}`.
//! # Cost
//! In elements of the ring, 150 KiB each, and shorter ones of 116 KiB. Each direction packs T
//! weights into an element, where T is the power of two for which the stated number of passes is
//! the fewest bytes: `tile` in `crypto::lattice::expansion`, the same at both parties. Once, each
//! way: 48 bytes, a short element for each 8192/T rows and one for each of the sender's columns.
//! Forward: 2 flights; an element for each T of the receiver's columns and one more, then 8 bytes
//! for each row that is asked for. Backward: 2 flights; a short element, and 18.75 bytes for each
//! row and each of the receiver's columns, then 14 for each of the sender's columns. Several
//! vectors take the bytes of each and the flights of one.
//! # Reference
//! Plain features times shared weights: Chen et al., CAESAR, KDD 2021. Hints computed once:
//! Henzinger et al., "One Server for the Price of Two" (`SimplePIR`), USENIX Security 2023, moved
//! to the ring. Coefficient packing: Huang et al., Cheetah, USENIX Security 2022.

use std::ops::Range;

use crypto::hash::digest;
use crypto::lattice::{LatticeError, Parameters, Ring, expansion, projection};
use net::{Session, Size};
use rayon::prelude::*;

use crate::hints::{self, Expected, blame};
use crate::{MpcError, TwoParty};

/// Columns that one party may bring.
pub const COLUMNS_MAX: usize = 1 << 17;
/// Scores can be asked for so many rows, or a multiple of it: every height of a chunk divides it.
pub const ROWS_STEP: usize = Parameters::N8192_Q150.degree();
/// Transformed columns are kept between passes as long as they fit this many bytes.
const CACHE_BYTES: usize = 1 << 26;

/// The public shape of both directions.
pub struct Geometry {
    rows: usize,
    /// This party evaluates, the peer encrypts.
    own: Direction,
    /// The peer evaluates, this party encrypts.
    theirs: Direction,
}

struct Direction {
    columns: usize,
    expansion: expansion::Expansion,
    projection: projection::Projection,
}

/// Shares over the columns of both parties.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Blocks {
    /// This party's shares for its own columns.
    pub own: Vec<u64>,
    /// This party's shares for the peer's columns.
    pub theirs: Vec<u64>,
}

/// Both parties' matrices, ready for passes.
pub struct SharedProduct<'a> {
    geometry: &'a Geometry,
    /// Own columns: the data rows, and after them the rows that only [`SharedProduct::backward`]
    /// uses.
    columns: &'a [Vec<i32>],
    forward: expansion::Evaluator<'a>,
    backward: projection::Evaluator<'a>,
    row_hints: Vec<expansion::Hint>,
    column_hints: Vec<projection::Hint>,
}

impl Geometry {
    /// Agrees on the shape: `rows` data rows (the same on both sides) and own `columns`, for about
    /// so many `passes`, which both parties state alike.
    ///
    /// In [`SharedProduct::backward`] a party's matrix has as many further rows as columns, for
    /// penalties.
    #[net::boxed]
    pub async fn agree(
        party: &mut TwoParty,
        rows: usize,
        columns: usize,
        passes: usize,
    ) -> Result<Self, MpcError> {
        let mut rng = party.session.rng();
        let mut mine = [columns as u64, rows as u64, 0, 0, 0, 0];
        rng.fill_words(&mut mine[2..]);
        let theirs = party.session.exchange_words("shape", &mine, mine.len()).await?;
        let count = usize::try_from(theirs[0]).unwrap_or(usize::MAX);
        if theirs[1] != rows as u64 || !(1..=COLUMNS_MAX).contains(&count) {
            let rule = format!(
                "both need the same rows and 1 to {COLUMNS_MAX} columns; ours are {rows} rows, \
                 theirs {} rows and {} columns",
                theirs[1], theirs[0]
            );
            return Err(party.session.misbehaved("shape", rule).into());
        }
        let (first, second) =
            if party.is_first() { (&mine[..], &theirs[..]) } else { (&theirs[..], &mine[..]) };
        let bytes =
            |words: &[u64]| words.iter().flat_map(|word| word.to_le_bytes()).collect::<Vec<_>>();
        let seed = |owner: &[u8]| digest("mpc.matrix", &[&bytes(first), &bytes(second), owner]);
        let (own_seed, their_seed) = if party.is_first() {
            (seed(b"first"), seed(b"second"))
        } else {
            (seed(b"second"), seed(b"first"))
        };
        let ring = Ring::new(Parameters::N8192_Q150);
        party
            .session
            .compute(|| {
                let own = Direction::new(&ring, own_seed, rows, columns, passes)?;
                let theirs = Direction::new(&ring, their_seed, rows, count, passes)?;
                Ok(Self { rows, own, theirs })
            })
            .await
    }

    /// The number of the peer's columns.
    pub fn their_columns(&self) -> usize {
        self.theirs.columns
    }
}

impl Direction {
    fn new(
        ring: &Ring,
        seed: [u8; 32],
        rows: usize,
        columns: usize,
        passes: usize,
    ) -> Result<Self, LatticeError> {
        Ok(Self {
            columns,
            expansion: expansion::Expansion::new(ring, seed, rows, columns, passes)?.rounded(),
            projection: projection::Projection::shared(ring, seed, rows + columns)?,
        })
    }
}

impl<'a> SharedProduct<'a> {
    /// Exchanges what stays the same over all passes. Each of `columns` has `rows` integers and
    /// then one for each column, all below 2^20 in magnitude.
    #[net::boxed]
    pub async fn prepare(
        party: &mut TwoParty,
        geometry: &'a Geometry,
        columns: &'a [Vec<i32>],
    ) -> Result<Self, MpcError> {
        let mut rng = party.session.rng();
        let rows = geometry.rows;
        let (forward, backward) = party
            .session
            .compute(|| {
                let data = columns.iter().map(|column| &column[..rows.min(column.len())]).collect();
                let all = columns.iter().map(Vec::as_slice).collect();
                let own = &geometry.own;
                Ok::<_, LatticeError>((
                    expansion::Evaluator::new(&own.expansion, data, CACHE_BYTES, &mut rng)?,
                    projection::Evaluator::integers(&own.projection, all, &mut rng)?,
                ))
            })
            .await?;
        let row_hints = exchange_row_hints(&mut party.session, geometry, &forward).await?;
        let column_hints = exchange_column_hints(&mut party.session, geometry, &backward).await?;
        Ok(Self { geometry, columns, forward, backward, row_hints, column_hints })
    }

    /// For each of `weights`, shares of `Σ_p X_p·w_p` for each of the first `rows`: all, or a
    /// multiple of [`ROWS_STEP`].
    #[net::boxed]
    pub async fn forward(
        &self,
        party: &mut TwoParty,
        weights: &[Blocks],
        rows: usize,
    ) -> Result<Vec<Vec<u64>>, MpcError> {
        const QUERY: &str = "weights";
        const ANSWER: &str = "scores";
        let all = self.geometry.rows;
        if rows > all || (rows < all && !rows.is_multiple_of(ROWS_STEP)) {
            let rule = format!("scores of {rows} of {all} rows; possible are steps of {ROWS_STEP}");
            return Err(MpcError::InvalidInput(rule));
        }
        let (own, theirs) = (&self.geometry.own.expansion, &self.geometry.theirs.expansion);
        let session = &mut party.session;
        let mut rng = session.rng();
        let (keys, queries) = session
            .compute(|| {
                let (mut keys, mut queries) = (Vec::new(), Vec::new());
                for weights in weights {
                    let (key, query) = theirs.encrypt(&weights.theirs, &mut rng)?;
                    keys.push(key);
                    queries.extend(query.to_bytes(theirs));
                }
                Ok::<_, LatticeError>((keys, queries))
            })
            .await?;
        let bytes = expansion::EncryptedWeights::byte_count(own);
        let size = Size::Exactly(weights.len() * bytes);
        let queries = session.exchange_bytes(QUERY, queries, size).await?;
        let (answers, mut scores) = session
            .compute(|| {
                let (mut answers, mut scores) = (Vec::new(), Vec::new());
                for query in queries.chunks_exact(bytes) {
                    let query = expansion::EncryptedWeights::from_bytes(own, query)?;
                    let (answer, shares) = self.forward.answer(&query, chunks(own, rows), &mut rng);
                    answers.extend(answer.to_bytes());
                    scores.push(shares);
                }
                Ok::<_, LatticeError>((answers, scores))
            })
            .await
            .map_err(|error| blame(session, QUERY, error))?;
        let chunks = chunks(theirs, rows);
        let bytes = expansion::Answers::byte_count(theirs, &chunks);
        let size = Size::Exactly(weights.len() * bytes);
        let answers = session.exchange_bytes(ANSWER, answers, size).await?;
        session
            .compute(|| {
                let parts = keys.iter().zip(answers.chunks_exact(bytes)).zip(weights);
                for (scores, ((key, answer), weights)) in scores.iter_mut().zip(parts) {
                    let answer = expansion::Answers::from_bytes(theirs, chunks.clone(), answer)?;
                    add_rows(scores, self.columns, &weights.own);
                    add(scores, &theirs.decrypt(key, &self.row_hints, &answer)?);
                }
                Ok(scores)
            })
            .await
            .map_err(|error| blame(session, ANSWER, error))
    }

    /// For each of `vectors`, a pair of r and e, shares of `X_pᵀ·(r, e_p)` for the columns of both
    /// parties, where r is shared over the first data rows and zero for the others, and e over the
    /// further rows of each party's matrix.
    #[net::boxed]
    pub async fn backward<'b>(
        &self,
        party: &mut TwoParty,
        vectors: &[(&'b [u64], &'b Blocks)],
    ) -> Result<Vec<Blocks>, MpcError> {
        const QUERY: &str = "residuals";
        const ANSWER: &str = "sums";
        let (own, theirs) = (&self.geometry.own.projection, &self.geometry.theirs.projection);
        let session = &mut party.session;
        let mut rng = session.rng();
        let whole = |residuals: &[u64], extra: &[u64]| {
            let mut vector = residuals.to_vec();
            vector.resize(self.geometry.rows, 0);
            vector.extend(extra);
            vector
        };
        let (keys, queries) = session
            .compute(|| {
                let (mut keys, mut queries) = (Vec::new(), Vec::new());
                for (residuals, extra) in vectors {
                    let (key, query) =
                        theirs.encrypt(&whole(residuals, &extra.theirs), &mut rng)?;
                    keys.push(key);
                    queries.extend(query.to_bytes(theirs));
                }
                Ok::<_, LatticeError>((keys, queries))
            })
            .await?;
        let bytes = projection::EncryptedVector::byte_count(own);
        let size = Size::Exactly(vectors.len() * bytes);
        let queries = session.exchange_bytes(QUERY, queries, size).await?;
        let (answers, sums) = session
            .compute(|| {
                let (mut answers, mut sums) = (Vec::new(), Vec::new());
                for query in queries.chunks_exact(bytes) {
                    let query = projection::EncryptedVector::from_bytes(own, query)?;
                    let (answer, shares) = self.backward.answer_shared(&query, &mut rng)?;
                    answers.extend(answer.to_bytes());
                    sums.push(shares);
                }
                Ok::<_, LatticeError>((answers, sums))
            })
            .await
            .map_err(|error| blame(session, QUERY, error))?;
        let columns = self.geometry.theirs.columns;
        let bytes = projection::Answers::byte_count(theirs, columns);
        let size = Size::Exactly(vectors.len() * bytes);
        let answers = session.exchange_bytes(ANSWER, answers, size).await?;
        session
            .compute(|| {
                let answers = answers
                    .chunks_exact(bytes)
                    .map(|answer| projection::Answers::from_bytes(theirs, columns, answer))
                    .collect::<Result<Vec<_>, LatticeError>>()?;
                let queries: Vec<_> = keys.iter().zip(&answers).collect();
                let decrypted = theirs.decrypt_shared_batch(&queries, &self.column_hints)?;
                let mut gradients = Vec::with_capacity(vectors.len());
                let parts = sums.into_iter().zip(decrypted).zip(vectors);
                for ((mut own, theirs), (residuals, extra)) in parts {
                    let vector = whole(residuals, &extra.own);
                    let products: Vec<u64> =
                        self.columns.par_iter().map(|column| dot(column, &vector)).collect();
                    add(&mut own, &products);
                    gradients.push(Blocks { own, theirs });
                }
                Ok(gradients)
            })
            .await
            .map_err(|error| blame(session, ANSWER, error))
    }
}

/// The chunks of the first rows.
fn chunks(expansion: &expansion::Expansion, rows: usize) -> Range<usize> {
    0..rows.div_ceil(expansion.height())
}

async fn exchange_row_hints(
    session: &mut Session,
    geometry: &Geometry,
    evaluator: &expansion::Evaluator<'_>,
) -> Result<Vec<expansion::Hint>, MpcError> {
    let (own, theirs) = (&geometry.own.expansion, &geometry.theirs.expansion);
    let expected = Expected {
        count: theirs.chunks(),
        bytes: expansion::Hint::byte_count(theirs),
        parse: |bytes: &[u8]| expansion::Hint::from_bytes(theirs, bytes),
    };
    let make = |group| evaluator.hints(group).iter().map(expansion::SentHint::to_bytes).collect();
    hints::exchange(session, "row_hints", own.chunks(), make, expected).await
}

async fn exchange_column_hints(
    session: &mut Session,
    geometry: &Geometry,
    evaluator: &projection::Evaluator<'_>,
) -> Result<Vec<projection::Hint>, MpcError> {
    let (own, theirs) = (&geometry.own, &geometry.theirs);
    let expected = Expected {
        count: theirs.columns,
        bytes: projection::Hint::byte_count(&theirs.projection),
        parse: |bytes: &[u8]| projection::Hint::from_bytes(&theirs.projection, bytes),
    };
    let make = |group| {
        let hints = evaluator.hints(group);
        hints.iter().map(|hint| hint.to_bytes(&own.projection)).collect()
    };
    hints::exchange(session, "column_hints", own.columns, make, expected).await
}

fn add(target: &mut [u64], terms: &[u64]) {
    for (target, term) in target.iter_mut().zip(terms) {
        *target = target.wrapping_add(*term);
    }
}

/// Adds X·w to `sums`, modulo 2^64.
fn add_rows(sums: &mut [u64], columns: &[Vec<i32>], weights: &[u64]) {
    const ROWS: usize = 4096;
    sums.par_chunks_mut(ROWS).enumerate().for_each(|(chunk, sums)| {
        for (column, weight) in columns.iter().zip(weights) {
            let column = &column[chunk * ROWS..];
            for (sum, value) in sums.iter_mut().zip(column) {
                *sum = sum.wrapping_add(weight.wrapping_mul(i64::from(*value) as u64));
            }
        }
    });
}

pub(crate) fn dot(column: &[i32], vector: &[u64]) -> u64 {
    column.iter().zip(vector).fold(0_u64, |sum, (value, word)| {
        sum.wrapping_add(word.wrapping_mul(i64::from(*value) as u64))
    })
}

#[cfg(test)]
mod tests;
