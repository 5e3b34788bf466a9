//! Sums of shared vectors over the cells of private codes.
//!
//! # Functionality
//! Each party owns columns of codes over the same rows; a cell is one code of one column.
//! [`Histogram::sums`] takes shares modulo 2^64 of vectors over the rows and gives, for each
//! vector, shares of the sum over the rows of each cell, for the cells of both parties.
//! # Messages
//! 1. `shape` both ways: number of rows and cells, and a random seed
//! 2. `hints` both ways, in groups: what of the encrypted sums never changes
//! 3. for each vector `vectors` both ways (own share, encrypted), then `sums` both ways
//! # Leaks
//! The numbers of rows, and of each party's cells.
//! # Security
//! Semi-honest, ring-LWE with 128-bit (quantum) parameters; see `crypto::lattice::projection`.
//! Every vector is encrypted under a fresh secret, every answer is masked over the whole modulus.
//! # Cost
//! Once, each way: 48 bytes, and 118,784 for each of the sender's cells. For each vector, each way:
//! 18.75 bytes for each row and 118,784 more, then 14 for each of the sender's cells. 2 flights for
//! each [`BATCH`] vectors.
//! # Reference
//! Lu et al., "Squirrel", USENIX Security 2023 (eprint 2023/527), section 4.2, with hints computed
//! once (Henzinger et al., `SimplePIR`, USENIX Security 2023) in place of packed answers.

use crypto::hash::digest;
use crypto::lattice::projection::{
    Answers, BinnedColumn, Codes, EncryptedVector, Evaluator, Hint, Projection, QueryKey,
};
use crypto::lattice::{LatticeError, Parameters, Ring};
use net::Size;
use rayon::prelude::*;

use crate::hints::{self, Expected, blame};
use crate::{MpcError, TwoParty};

/// Cells that one party may bring: the other keeps 131,072 bytes for each.
pub const CELLS_MAX: usize = 1 << 16;
/// Vectors whose ciphertexts are in memory at the same time.
pub const BATCH: usize = 8;

/// One column of codes, one byte a row.
#[derive(Clone, Copy, Debug)]
pub struct Column<'a> {
    /// The code of every row, below `cells`.
    pub codes: &'a [u8],
    /// How many codes there are.
    pub cells: usize,
}

/// The public shape of both directions.
pub struct Geometry {
    own: Projection,
    theirs: Projection,
    own_cells: usize,
    their_cells: usize,
}

/// Shares over the cells of both parties.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cells {
    /// This party's shares for its own cells, column by column.
    pub own: Vec<u64>,
    /// This party's shares for the peer's cells.
    pub theirs: Vec<u64>,
}

/// Both parties' columns, ready for sums.
pub struct Histogram<'a> {
    geometry: &'a Geometry,
    columns: Vec<Column<'a>>,
    evaluator: Evaluator<'a>,
    hints: Vec<Hint>,
}

impl Geometry {
    /// Agrees on the numbers of rows, the same on both sides, and cells.
    ///
    /// # Errors
    /// [`MpcError::InvalidInput`] for no rows or cells or too many, [`MpcError::Net`] blaming the
    /// peer if its numbers do not fit.
    #[net::boxed]
    pub async fn agree(party: &mut TwoParty, rows: usize, cells: usize) -> Result<Self, MpcError> {
        const STEP: &str = "shape";
        if !(1..=CELLS_MAX).contains(&cells) {
            return Err(MpcError::InvalidInput(format!(
                "{cells} cells (bins of all features) where 1 to {CELLS_MAX} are possible"
            )));
        }
        let mut mine = [rows as u64, cells as u64, 0, 0, 0, 0];
        party.session.rng().fill_words(&mut mine[2..]);
        let theirs = party.session.exchange_words(STEP, &mine, mine.len()).await?;
        let their_cells = usize::try_from(theirs[1]).unwrap_or(usize::MAX);
        if theirs[0] != rows as u64 || !(1..=CELLS_MAX).contains(&their_cells) {
            let rule = format!(
                "both need the same rows and 1 to {CELLS_MAX} cells; ours are {rows} rows, theirs \
                 {} rows and {} cells",
                theirs[0], theirs[1]
            );
            return Err(party.session.misbehaved(STEP, rule).into());
        }
        let is_first = party.is_first();
        let (first, second) =
            if is_first { (&mine[..], &theirs[..]) } else { (&theirs[..], &mine[..]) };
        let bytes =
            |words: &[u64]| words.iter().flat_map(|word| word.to_le_bytes()).collect::<Vec<_>>();
        let seed = |owner: &[u8]| digest("mpc.histogram", &[&bytes(first), &bytes(second), owner]);
        let (own, other) = if is_first { (b"first", b"other") } else { (b"other", b"first") };
        let ring = Ring::new(Parameters::N8192_Q150);
        let projection = |owner: &[u8]| Projection::shared(&ring, seed(owner), rows);
        let (own, theirs) = party
            .session
            .compute(|| Ok::<_, LatticeError>((projection(own)?, projection(other)?)))
            .await?;
        Ok(Self { own, theirs, own_cells: cells, their_cells })
    }

    /// The number of the peer's cells.
    pub fn their_cells(&self) -> usize {
        self.their_cells
    }
}

impl<'a> Histogram<'a> {
    /// Exchanges what stays the same for all vectors. `columns` have the agreed cells in all.
    ///
    /// # Errors
    /// [`MpcError::InvalidInput`] or [`MpcError::Lattice`] for columns that do not fit,
    /// [`MpcError::Net`] when the peer fails.
    #[net::boxed]
    pub async fn prepare(
        party: &mut TwoParty,
        geometry: &'a Geometry,
        columns: Vec<Column<'a>>,
    ) -> Result<Self, MpcError> {
        let cells: usize = columns.iter().map(|column| column.cells).sum();
        if cells != geometry.own_cells {
            return Err(MpcError::InvalidInput(format!(
                "columns of {cells} cells, agreed were {}",
                geometry.own_cells
            )));
        }
        let binned = columns
            .iter()
            .map(|column| BinnedColumn { codes: Codes::Narrow(column.codes), bins: column.cells });
        let (binned, mut rng) = (binned.collect(), party.session.rng());
        let (own, theirs) = (&geometry.own, &geometry.theirs);
        let evaluator = party.session.compute(|| Evaluator::binned(own, binned, &mut rng)).await?;
        let expected = Expected {
            count: geometry.their_cells,
            bytes: Hint::byte_count(theirs),
            parse: |bytes: &[u8]| Hint::from_bytes(theirs, bytes),
        };
        let make = |group| evaluator.hints(group).iter().map(|hint| hint.to_bytes(own)).collect();
        let hints = hints::exchange(&mut party.session, "hints", cells, make, expected).await?;
        Ok(Self { geometry, columns, evaluator, hints })
    }

    /// For each shared vector, shares of its sums over every cell.
    ///
    /// # Errors
    /// [`MpcError::Lattice`] for vectors of another length or rows beyond what the parameters can
    /// sum up, [`MpcError::Net`] when the peer fails.
    #[net::boxed]
    pub async fn sums(
        &self,
        party: &mut TwoParty,
        vectors: &[&[u64]],
    ) -> Result<Vec<Cells>, MpcError> {
        let mut cells = Vec::with_capacity(vectors.len());
        for batch in vectors.chunks(BATCH) {
            cells.extend(self.batch(party, batch).await?);
        }
        Ok(cells)
    }

    async fn batch(
        &self,
        party: &mut TwoParty,
        vectors: &[&[u64]],
    ) -> Result<Vec<Cells>, MpcError> {
        const QUERY: &str = "vectors";
        const ANSWER: &str = "sums";
        let Geometry { own, theirs, their_cells, .. } = self.geometry;
        let session = &mut party.session;
        let (keys, queries) = {
            let rngs: Vec<_> = vectors.iter().map(|_| session.rng()).collect();
            let encrypt = |(vector, mut rng): (&&[u64], _)| {
                let (key, query) = theirs.encrypt(vector, &mut rng)?;
                Ok::<_, LatticeError>((key, query.to_bytes(theirs)))
            };
            let work = || vectors.iter().zip(rngs).map(encrypt).collect::<Result<Vec<_>, _>>();
            let encrypted: Vec<(QueryKey, Vec<u8>)> = session.compute(work).await?;
            encrypted.into_iter().unzip::<_, _, Vec<_>, Vec<_>>()
        };
        let each = EncryptedVector::byte_count(own);
        let size = Size::Exactly(each * vectors.len());
        let received = session.exchange_bytes(QUERY, queries.concat(), size).await?;
        let mut rng = session.rng();
        let (answers, mut own_shares) = session
            .compute(|| {
                let parse = |bytes: &[u8]| EncryptedVector::from_bytes(own, bytes);
                let queries: Vec<EncryptedVector> =
                    received.par_chunks_exact(each).map(parse).collect::<Result<_, _>>()?;
                let answers = self.evaluator.answer_shared_batch(&queries, &mut rng)?;
                let (answers, shares): (Vec<_>, Vec<_>) = answers.into_iter().unzip();
                let bytes: Vec<Vec<u8>> = answers.iter().map(Answers::to_bytes).collect();
                Ok::<_, LatticeError>((bytes.concat(), shares))
            })
            .await
            .map_err(|error| blame(session, QUERY, error))?;
        let each = Answers::byte_count(theirs, *their_cells);
        let size = Size::Exactly(each * vectors.len());
        let received = session.exchange_bytes(ANSWER, answers, size).await?;
        let their_shares = session
            .compute(|| {
                add_own_sums(&self.columns, vectors, &mut own_shares);
                let parse = |bytes: &[u8]| Answers::from_bytes(theirs, *their_cells, bytes);
                let answers: Vec<Answers> =
                    received.par_chunks_exact(each).map(parse).collect::<Result<_, _>>()?;
                let pairs: Vec<_> = keys.iter().zip(&answers).collect();
                theirs.decrypt_shared_batch(&pairs, &self.hints)
            })
            .await
            .map_err(|error| blame(session, ANSWER, error))?;
        let cells = own_shares.into_iter().zip(their_shares);
        Ok(cells.map(|(own, theirs)| Cells { own, theirs }).collect())
    }
}

/// Adds the sums of the own vectors over the own columns.
pub(crate) fn add_own_sums(columns: &[Column<'_>], vectors: &[&[u64]], sums: &mut [Vec<u64>]) {
    sums.par_iter_mut().zip(vectors).for_each(|(sums, vector)| {
        let mut rest = sums.as_mut_slice();
        for column in columns {
            let (own, after) = rest.split_at_mut(column.cells);
            let mut table = [0_u64; 256];
            for (code, value) in column.codes.iter().zip(*vector) {
                let cell = &mut table[usize::from(*code)];
                *cell = cell.wrapping_add(*value);
            }
            own.iter_mut().zip(table).for_each(|(sum, cell)| *sum = sum.wrapping_add(cell));
            rest = after;
        }
    });
}

#[cfg(test)]
mod tests;
