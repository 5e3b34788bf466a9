//! The Gram matrix of two parties' private columns under shared weights of the rows.
//!
//! # Functionality
//! Each party owns a private integer matrix (rows × its columns) of numbers up to
//! 2^[`MAGNITUDE_BITS`] in magnitude, and both hold shares modulo 2^64 of a weight `w_i` for each
//! row. [`gram`] gives such shares of `Σ_i w_i·x_ij·x_ik` for all pairs of columns of both parties:
//! the lower triangle, row after row, the first party's columns before the second party's.
//! # Messages
//! 1. `shape` both ways: numbers of columns and rows, and a random seed
//! 2. for each party and each group of pairs of its own columns: `row_weights` to it (the peer's
//!    shares of the weights, encrypted), then `pair_hints` and `pair_sums` back
//! 3. for each party `column_hints` from it, then for each group of the peer's columns
//!    `weighted_columns` to it (columns times own shares of the weights, encrypted) and
//!    `column_sums` back
//! # Leaks
//! The numbers of rows and of each party's columns.
//! # Security
//! Semi-honest, ring-LWE with 128-bit (quantum) parameters, as `matrix`: a fresh secret for every
//! query, answers masked over the whole modulus, pseudo-random hints.
//! # Cost
//! With n rows, elements of the ring of 150 KiB, hints of 116 KiB and N = 8192: for each group of
//! pairs of a party's columns (at most [`ENTRIES_MAX`] entries, two for each pair and row) about
//! `√(2·pairs·n/N)` elements, as many hints and 28 bytes for each pair; between the parties a hint
//! for each column, 18.75 bytes for each column and row and 116 KiB more for each column, and 14
//! bytes for each pair of columns. 5 flights where all fits one
//! group, and 2 for each further one of either party.
//! # Reference
//! Kernels: `crypto::lattice::{expansion, projection}`. With `w = w_1 + w_2` every product of a
//! party's own pair of columns with its own share is local, and what is left are private integers
//! times encrypted numbers, as in Chen et al., CAESAR, KDD 2021.

use std::ops::Range;

use crypto::hash::digest;
use crypto::lattice::expansion::{self, EncryptedWeights, Expansion};
use crypto::lattice::projection::{self, EncryptedVector, Projection, QueryKey};
use crypto::lattice::{LatticeError, Parameters, Ring};
use crypto::random::Generator;
use net::{Session, Size};
use rayon::prelude::*;

use crate::hints::{self, Expected, blame};
use crate::several::accumulate;
use crate::{MpcError, TwoParty};

/// Integers of columns are at most 2 to this power in magnitude.
pub const MAGNITUDE_BITS: u32 = 18;
/// Columns that one party may bring.
pub const COLUMNS_MAX: usize = 256;
/// Entries of the matrix that a group of pairs is worked on as, which bounds memory (256 MiB).
pub const ENTRIES_MAX: usize = 1 << 26;
/// Numbers of weighted columns in one message, which bounds it (80 MiB).
const NUMBERS_MAX: usize = 1 << 22;
/// Transformed entries are kept between hints and sums as long as they fit this many bytes.
const CACHE_BYTES: usize = 1 << 28;
/// Bits of the lower limb of a product of two integers, sign included.
const LIMB_BITS: u32 = 18;

/// Shares of the matrix.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gram {
    /// The number of columns of each party, in their order.
    pub columns: Vec<usize>,
    /// The lower triangle, row after row.
    pub triangle: Vec<u64>,
}

/// What both parties agree on.
pub(crate) struct Shape {
    ring: Ring,
    rows: usize,
    own: usize,
    pub(crate) theirs: usize,
    /// The public randomness of products that this party evaluates, and the peer.
    own_seed: [u8; 32],
    their_seed: [u8; 32],
}

/// Shares of `Σ_i w_i·x_ij·x_ik`, for own `columns` and own shares of `weights`, one for each row.
///
/// # Errors
/// [`MpcError::InvalidInput`] for no columns, too many, columns of another length than the weights
/// or too large numbers; [`MpcError::Net`] when the peer fails or brings other rows.
#[net::boxed]
pub async fn gram(
    party: &mut TwoParty,
    columns: &[Vec<i32>],
    weights: &[u64],
) -> Result<Gram, MpcError> {
    check(columns, weights.len())?;
    let shape = agree(party, columns.len(), weights.len()).await?;
    let [own, theirs] = cross_pairs(party, &shape, columns, weights).await?;
    let mut own = own;
    let local = party.session.compute(|| pairs_of_own(columns, weights)).await;
    accumulate(&mut own, &local);
    let first = party.is_first();
    let session = &mut party.session;
    let mut across = [Vec::new(), Vec::new()];
    for (asker, across) in across.iter_mut().enumerate() {
        *across = if first == (asker == 0) {
            ask_columns(session, &shape, columns, weights).await?
        } else {
            answer_columns(session, &shape, columns).await?
        };
    }
    let (counts, pairs) = if first {
        ([shape.own, shape.theirs], [own, theirs])
    } else {
        ([shape.theirs, shape.own], [theirs, own])
    };
    Ok(Gram { columns: counts.to_vec(), triangle: join(counts, &pairs, &across) })
}

/// Shares of the pairs of own columns and of the peer's, of each with the other one's shares of the
/// weights.
pub(crate) async fn cross_pairs(
    party: &mut TwoParty,
    shape: &Shape,
    columns: &[Vec<i32>],
    weights: &[u64],
) -> Result<[Vec<u64>; 2], MpcError> {
    let session = &mut party.session;
    if session.is_first() {
        let own = answer_pairs(session, shape, columns).await?;
        Ok([own, ask_pairs(session, shape, weights).await?])
    } else {
        let theirs = ask_pairs(session, shape, weights).await?;
        Ok([answer_pairs(session, shape, columns).await?, theirs])
    }
}

/// The triangle from the pairs of each party's columns, and from the sums of each column that the
/// first party asked for and that the second one did.
fn join(counts: [usize; 2], pairs: &[Vec<u64>; 2], across: &[Vec<Vec<u64>>; 2]) -> Vec<u64> {
    let mut triangle = pairs[0].clone();
    for row in 0..counts[1] {
        let entry = |column: usize| across[0][column][row].wrapping_add(across[1][row][column]);
        triangle.extend((0..counts[0]).map(entry));
        triangle.extend(&pairs[1][row * (row + 1) / 2..][..=row]);
    }
    triangle
}

pub(crate) fn check(columns: &[Vec<i32>], rows: usize) -> Result<(), MpcError> {
    let fits = |value: &i32| value.unsigned_abs() <= 1 << MAGNITUDE_BITS;
    let is_valid = (1..=COLUMNS_MAX).contains(&columns.len())
        && rows > 0
        && columns.iter().all(|column| column.len() == rows && column.iter().all(fits));
    if is_valid {
        return Ok(());
    }
    Err(MpcError::InvalidInput(format!(
        "a Gram matrix takes 1 to {COLUMNS_MAX} columns of {rows} numbers up to \
         2^{MAGNITUDE_BITS} in magnitude"
    )))
}

pub(crate) async fn agree(
    party: &mut TwoParty,
    own: usize,
    rows: usize,
) -> Result<Shape, MpcError> {
    const STEP: &str = "shape";
    let mut rng = party.session.rng();
    let mut mine = [own as u64, rows as u64, 0, 0, 0, 0];
    rng.fill_words(&mut mine[2..]);
    let theirs = party.session.exchange_words(STEP, &mine, mine.len()).await?;
    let count = usize::try_from(theirs[0]).unwrap_or(usize::MAX);
    if theirs[1] != rows as u64 || !(1..=COLUMNS_MAX).contains(&count) {
        let rule = format!(
            "both need the same rows and 1 to {COLUMNS_MAX} columns; ours are {rows} rows, theirs \
             {} rows and {} columns",
            theirs[1], theirs[0]
        );
        return Err(party.session.misbehaved(STEP, rule).into());
    }
    let bytes =
        |words: &[u64]| words.iter().flat_map(|word| word.to_le_bytes()).collect::<Vec<_>>();
    let (first, second) =
        if party.is_first() { (&mine[..], &theirs[..]) } else { (&theirs[..], &mine[..]) };
    let seed = |owner: &[u8]| digest("mpc.gram", &[&bytes(first), &bytes(second), owner]);
    let seeds = [seed(b"first"), seed(b"second")];
    let [own_seed, their_seed] = if party.is_first() { seeds } else { [seeds[1], seeds[0]] };
    let ring = party.session.compute(|| Ring::new(Parameters::N8192_Q150)).await;
    Ok(Shape { ring, rows, own, theirs: count, own_seed, their_seed })
}

impl Shape {
    /// Pairs in one group.
    fn group(&self) -> usize {
        (ENTRIES_MAX / (2 * self.rows)).max(1)
    }

    /// Columns in one message.
    pub(crate) fn columns_in_message(&self) -> usize {
        (NUMBERS_MAX / self.rows).max(1)
    }

    /// Two results, the limbs, for each of some pairs, from a number for each row.
    fn expansion(&self, seed: [u8; 32], pairs: usize) -> Result<Expansion, LatticeError> {
        Expansion::new(&self.ring, seed, 2 * pairs, self.rows, 1)
    }

    /// What own columns are multiplied by vectors of the peer's in.
    pub(crate) fn own_projection(&self) -> Result<Projection, LatticeError> {
        Projection::shared(&self.ring, self.own_seed, self.rows)
    }

    /// What the peer's columns are multiplied by own vectors in.
    pub(crate) fn their_projection(&self) -> Result<Projection, LatticeError> {
        Projection::shared(&self.ring, self.their_seed, self.rows)
    }
}

/// All pairs of so many columns, in the order of the triangle.
fn pairs_of(columns: usize) -> Vec<[usize; 2]> {
    (0..columns).flat_map(|row| (0..=row).map(move |column| [row, column])).collect()
}

/// The owner's side of its own pairs, with the peer's shares of the weights.
async fn answer_pairs(
    session: &mut Session,
    shape: &Shape,
    columns: &[Vec<i32>],
) -> Result<Vec<u64>, MpcError> {
    const QUERY: &str = "row_weights";
    let pairs = pairs_of(shape.own);
    let mut sums = Vec::with_capacity(pairs.len());
    for group in pairs.chunks(shape.group()) {
        let mut rng = session.rng();
        let expansion = session.compute(|| shape.expansion(shape.own_seed, group.len())).await?;
        let size = Size::Exactly(EncryptedWeights::byte_count(&expansion));
        let query = session.receive_bytes(QUERY, size).await?;
        let entries = session.compute(|| limbs(columns, group)).await;
        let evaluator = session
            .compute(|| {
                let rows = entries.chunks_exact(2 * group.len()).collect();
                expansion::Evaluator::new(&expansion, rows, CACHE_BYTES, &mut rng)
            })
            .await?;
        let make = |chunks: Range<usize>| {
            evaluator.hints(chunks).iter().map(expansion::SentHint::to_bytes).collect()
        };
        hints::send(session, "pair_hints", expansion.chunks(), make).await?;
        let (answer, shares) = session
            .compute(|| {
                let query = EncryptedWeights::from_bytes(&expansion, &query)?;
                let (answers, shares) = evaluator.answer(&query, 0..expansion.chunks(), &mut rng);
                Ok::<_, LatticeError>((answers.to_bytes(), shares))
            })
            .await
            .map_err(|error| blame(session, QUERY, error))?;
        session.send_bytes("pair_sums", answer).await?;
        sums.extend(joined(&shares));
    }
    Ok(sums)
}

/// The peer's side of [`answer_pairs`].
async fn ask_pairs(
    session: &mut Session,
    shape: &Shape,
    weights: &[u64],
) -> Result<Vec<u64>, MpcError> {
    const ANSWER: &str = "pair_sums";
    let pairs = pairs_of(shape.theirs);
    let mut sums = Vec::with_capacity(pairs.len());
    for group in pairs.chunks(shape.group()) {
        let mut rng = session.rng();
        let expansion = session.compute(|| shape.expansion(shape.their_seed, group.len())).await?;
        let (key, query) = session
            .compute(|| {
                let (key, query) = expansion.encrypt(weights, &mut rng)?;
                Ok::<_, LatticeError>((key, query.to_bytes(&expansion)))
            })
            .await?;
        session.send_bytes("row_weights", query).await?;
        let expected = Expected {
            count: expansion.chunks(),
            bytes: expansion::Hint::byte_count(&expansion),
            parse: |bytes: &[u8]| expansion::Hint::from_bytes(&expansion, bytes),
        };
        let hints = hints::receive(session, "pair_hints", expected).await?;
        let chunks = 0..expansion.chunks();
        let size = Size::Exactly(expansion::Answers::byte_count(&expansion, &chunks));
        let answer = session.receive_bytes(ANSWER, size).await?;
        let shares = session
            .compute(|| {
                let answers = expansion::Answers::from_bytes(&expansion, chunks, &answer)?;
                expansion.decrypt(&key, &hints, &answers)
            })
            .await
            .map_err(|error| blame(session, ANSWER, error))?;
        sums.extend(joined(&shares));
    }
    Ok(sums)
}

/// For each own column, shares of the sums with each of the peer's columns, as far as own shares of
/// the weights are concerned.
async fn ask_columns(
    session: &mut Session,
    shape: &Shape,
    columns: &[Vec<i32>],
    weights: &[u64],
) -> Result<Vec<Vec<u64>>, MpcError> {
    let projection = session.compute(|| shape.their_projection()).await?;
    let hints = receive_hints(session, &projection, shape.theirs).await?;
    let mut sums = Vec::with_capacity(columns.len());
    for group in columns.chunks(shape.columns_in_message()) {
        let vectors = session.compute(|| weighted(group, weights)).await;
        sums.extend(ask_group(session, &projection, &hints, &vectors).await?);
    }
    Ok(sums)
}

/// The peer's side of [`ask_columns`].
async fn answer_columns(
    session: &mut Session,
    shape: &Shape,
    columns: &[Vec<i32>],
) -> Result<Vec<Vec<u64>>, MpcError> {
    let mut rng = session.rng();
    let projection = session.compute(|| shape.own_projection()).await?;
    let evaluator = evaluator(session, &projection, columns, &mut rng).await?;
    send_hints(session, &projection, &evaluator, shape.own).await?;
    let mut sums = Vec::with_capacity(shape.theirs);
    while sums.len() < shape.theirs {
        let count = shape.columns_in_message().min(shape.theirs - sums.len());
        sums.extend(answer_group(session, &projection, &evaluator, count, &mut rng).await?);
    }
    Ok(sums)
}

/// Own columns, ready for products with the peer's vectors.
pub(crate) async fn evaluator<'a>(
    session: &Session,
    projection: &'a Projection,
    columns: &'a [Vec<i32>],
    rng: &mut Generator,
) -> Result<projection::Evaluator<'a>, MpcError> {
    let columns = columns.iter().map(Vec::as_slice).collect();
    let make = || projection::Evaluator::integers(projection, columns, rng);
    Ok(session.compute(make).await?)
}

/// What stays the same for all of the peer's vectors, of so many own columns.
pub(crate) async fn send_hints(
    session: &mut Session,
    projection: &Projection,
    evaluator: &projection::Evaluator<'_>,
    columns: usize,
) -> Result<(), MpcError> {
    let make = |outputs: Range<usize>| {
        evaluator.hints(outputs).iter().map(|hint| hint.to_bytes(projection)).collect()
    };
    hints::send(session, "column_hints", columns, make).await
}

/// The peer's side of [`send_hints`].
pub(crate) async fn receive_hints(
    session: &mut Session,
    projection: &Projection,
    columns: usize,
) -> Result<Vec<projection::Hint>, MpcError> {
    let expected = Expected {
        count: columns,
        bytes: projection::Hint::byte_count(projection),
        parse: |bytes: &[u8]| projection::Hint::from_bytes(projection, bytes),
    };
    hints::receive(session, "column_hints", expected).await
}

/// For each of some own vectors, shares of the sums over rows of its products with each of the
/// peer's columns.
pub(crate) async fn ask_group(
    session: &mut Session,
    projection: &Projection,
    hints: &[projection::Hint],
    vectors: &[Vec<u64>],
) -> Result<Vec<Vec<u64>>, MpcError> {
    const ANSWER: &str = "column_sums";
    let mut rng = session.rng();
    let mut encrypt = |vector: &Vec<u64>| {
        let (key, query) = projection.encrypt(vector, &mut rng)?;
        Ok::<_, LatticeError>((key, query.to_bytes(projection)))
    };
    let queries =
        session.compute(|| vectors.iter().map(&mut encrypt).collect::<Result<Vec<_>, _>>()).await?;
    let (keys, queries): (Vec<QueryKey>, Vec<Vec<u8>>) = queries.into_iter().unzip();
    session.send_bytes("weighted_columns", queries.concat()).await?;
    let bytes = projection::Answers::byte_count(projection, hints.len());
    let answer = session.receive_bytes(ANSWER, Size::Exactly(vectors.len() * bytes)).await?;
    session
        .compute(|| {
            let read = |bytes| projection::Answers::from_bytes(projection, hints.len(), bytes);
            let answers: Vec<_> = answer.chunks_exact(bytes).map(read).collect::<Result<_, _>>()?;
            let queries: Vec<_> = keys.iter().zip(&answers).collect();
            projection.decrypt_shared_batch(&queries, hints)
        })
        .await
        .map_err(|error| blame(session, ANSWER, error))
}

/// The peer's side of [`ask_group`], of so many vectors.
pub(crate) async fn answer_group(
    session: &mut Session,
    projection: &Projection,
    evaluator: &projection::Evaluator<'_>,
    count: usize,
    rng: &mut Generator,
) -> Result<Vec<Vec<u64>>, MpcError> {
    const QUERY: &str = "weighted_columns";
    let bytes = EncryptedVector::byte_count(projection);
    let message = session.receive_bytes(QUERY, Size::Exactly(count * bytes)).await?;
    let answers = session
        .compute(|| {
            let read = |bytes| EncryptedVector::from_bytes(projection, bytes);
            let queries: Vec<_> =
                message.chunks_exact(bytes).map(read).collect::<Result<_, _>>()?;
            evaluator.answer_shared_batch(&queries, rng)
        })
        .await
        .map_err(|error| blame(session, QUERY, error))?;
    let (answers, shares): (Vec<_>, Vec<Vec<u64>>) = answers.into_iter().unzip();
    let answers: Vec<Vec<u8>> = answers.iter().map(projection::Answers::to_bytes).collect();
    session.send_bytes("column_sums", answers.concat()).await?;
    Ok(shares)
}

/// Columns times own shares of the weights.
pub(crate) fn weighted(columns: &[Vec<i32>], weights: &[u64]) -> Vec<Vec<u64>> {
    let times = |(value, weight): (&i32, &u64)| weight.wrapping_mul(i64::from(*value) as u64);
    let column = |column: &Vec<i32>| column.iter().zip(weights).map(times).collect();
    columns.par_iter().map(column).collect()
}

/// For each row the limbs of the products of some pairs of columns, the lower ones before the
/// upper ones.
fn limbs(columns: &[Vec<i32>], pairs: &[[usize; 2]]) -> Vec<i32> {
    let rows = columns.first().map_or(0, Vec::len);
    let mut entries = vec![0; rows * 2 * pairs.len()];
    entries.par_chunks_exact_mut(2 * pairs.len()).enumerate().for_each(|(row, entries)| {
        for (limbs, [left, right]) in entries.as_chunks_mut::<2>().0.iter_mut().zip(pairs) {
            *limbs = split(i64::from(columns[*left][row]) * i64::from(columns[*right][row]));
        }
    });
    entries
}

/// `value = lower + upper·2^18`, the lower limb from -2^17 up to 2^17.
fn split(value: i64) -> [i32; 2] {
    const HALF: i64 = 1 << (LIMB_BITS - 1);
    let lower = ((value + HALF) & ((1 << LIMB_BITS) - 1)) - HALF;
    [lower as i32, ((value - lower) >> LIMB_BITS) as i32]
}

/// One sum for each pair of limbs.
fn joined(shares: &[u64]) -> impl Iterator<Item = u64> {
    let limbs = shares.as_chunks::<2>().0.iter();
    limbs.map(|[lower, upper]| lower.wrapping_add(upper << LIMB_BITS))
}

/// The sums of all pairs of columns over own shares of the weights.
pub(crate) fn pairs_of_own(columns: &[Vec<i32>], weights: &[u64]) -> Vec<u64> {
    let sum = |[left, right]: &[usize; 2]| {
        let products = columns[*left].iter().zip(&columns[*right]).zip(weights);
        products.fold(0_u64, |sum, ((left, right), weight)| {
            let product = i64::from(*left) * i64::from(*right);
            sum.wrapping_add(weight.wrapping_mul(product as u64))
        })
    };
    pairs_of(columns.len()).par_iter().map(sum).collect()
}

#[cfg(test)]
mod tests;
