//! The Gram matrix of all parties' private columns under weights of the rows that are shared among
//! them.
//!
//! # Functionality
//! That of [`gram`](crate::gram) for two parties, among n: exact shares modulo 2^64 of
//! `Σ_i w_i·x_ij·x_ik` for all pairs of columns of all parties.
//! # Messages
//! 1. `shape` between each two (`gram`); then `widths` between each two: the number of each party's
//!    columns
//! 2. between each two, for the pairs of each party's own columns, `row_weights`, `pair_hints` and
//!    `pair_sums` (`gram`)
//! 3. between each two, `column_hints` of whoever has columns that others' are multiplied with
//! 4. for each party but the widest, in the order of widths, and each group of its columns:
//!    `corrections` and `correlations` with each other party (`known`), which leave shares of these
//!    columns times the weights to all; then `weighted_columns` from every party (its share of
//!    them, encrypted) to each later one, and `column_sums` back
//! # Leaks
//! The numbers of rows and of each party's columns.
//! # Security
//! Semi-honest, against any n - 1 parties together. The share of the weights at a third party
//! cannot meet the columns of two others in one encrypted product, and must be known to neither.
//! Therefore columns are shared first, times the weights: each product of a column with one party's
//! share is the matter of these two, who get fresh uniform shares of it from transfers in which the
//! column's bits are the choices. What is encrypted then are shares, under their holder's key;
//! answers are masked over the whole modulus (`gram`). Of each product with an honest party all
//! others hold uniform shares.
//! # Cost
//! Between each two what `gram` says for pairs of own columns, and a hint of 116 KiB for each
//! column of all but the narrowest party, to each other. For each column of all but the widest
//! party and each row, n - 1 products of 20 bits at 4 bytes there and 8 back, and with l parties
//! behind it in the order of widths l·(n - 1) numbers of 18.75 bytes, with 116 KiB more for each
//! column, and 14 bytes for each of their columns back. With three parties of d columns each that
//! is `4·d·240 + 6·d·18.75` bytes a row. 5 flights for the pairs, 1 for the widths, and for each
//! group of columns at most 6.
//! # Reference
//! See `gram`, and Gilboa, CRYPTO 1999, section 4.1, for products with private factors.

use std::ops::Range;

use crypto::lattice::projection::{Evaluator, Hint, Projection};
use net::together;
use rayon::prelude::*;

use super::Parties;
use super::agreement::compare_widths;
use super::words::accumulate;
use crate::gram::{self, Gram, MAGNITUDE_BITS, Shape};
use crate::known::{self, Factors};
use crate::matrix::dot;
use crate::{MpcError, TwoParty};

/// Bits of an integer of a column, sign included: the largest magnitude itself is allowed.
const FACTOR_BITS: u32 = MAGNITUDE_BITS + 2;

/// For each of some columns, shares of its sums with each column of another party.
type Block = Vec<Vec<u64>>;

/// Shares of `Σ_i w_i·x_ij·x_ik`, for own `columns` and own shares of `weights`, one for each row.
///
/// # Errors
/// [`MpcError::InvalidInput`] for no columns, too many, columns of another length than the weights
/// or too large numbers; [`MpcError::Net`] when a peer fails, brings other rows, or heard of other
/// columns than this party.
#[net::boxed]
pub async fn gram(
    parties: &mut Parties,
    columns: &[Vec<i32>],
    weights: &[u64],
) -> Result<Gram, MpcError> {
    gram::check(columns, weights.len())?;
    let links = parties.links().iter_mut();
    let agree = links.map(|link| gram::agree(link, columns.len(), weights.len()));
    let shapes = together(agree).await?;
    let mut widths: Vec<usize> = shapes.iter().map(|shape| shape.theirs).collect();
    widths.insert(parties.number(), columns.len());
    compare_widths(parties, &widths).await?;
    let own_blocks = own_blocks(parties, &shapes, columns, weights).await?;
    let order = order(&widths);
    let blocks = cross_blocks(parties, (&shapes, &widths, &order), columns, weights).await?;
    let triangle = triangle(&widths, &own_blocks, &blocks);
    Ok(Gram { columns: widths, triangle })
}

/// The places of the parties by their numbers of columns: of two parties the one that comes first
/// brings its columns times the weights, which costs more than what the other one does.
fn order(widths: &[usize]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..widths.len()).collect();
    order.sort_by_key(|place| widths[*place]);
    order
}

/// The pairs of each party's own columns.
async fn own_blocks(
    parties: &mut Parties,
    shapes: &[Shape],
    columns: &[Vec<i32>],
    weights: &[u64],
) -> Result<Vec<Vec<u64>>, MpcError> {
    let both = parties.links().iter_mut().zip(shapes);
    let pairs = both.map(|(link, shape)| gram::cross_pairs(link, shape, columns, weights));
    let pairs = together(pairs).await?;
    let mut own = parties.session().compute(|| gram::pairs_of_own(columns, weights)).await;
    let mut blocks = Vec::with_capacity(parties.count());
    for [of_own, theirs] in pairs {
        accumulate(&mut own, &of_own);
        blocks.push(theirs);
    }
    blocks.insert(parties.number(), own);
    Ok(blocks)
}

/// The sums of columns of two parties each: at the places of whoever brings its columns with the
/// weights, and of whoever multiplies them with its own. Others are empty.
async fn cross_blocks(
    parties: &mut Parties,
    (shapes, widths, order): (&[Shape], &[usize], &[usize]),
    columns: &[Vec<i32>],
    weights: &[u64],
) -> Result<Vec<Vec<Block>>, MpcError> {
    let projections = projections(parties, shapes).await?;
    let ends = ends(parties, &projections, (widths, order), columns).await?;
    let mut blocks = vec![vec![Block::new(); parties.count()]; parties.count()];
    // The same at all parties: it follows from the number of rows.
    let step = shapes.first().map_or(1, Shape::columns_in_message);
    for (rank, owner) in order.iter().enumerate().take(order.len() - 1) {
        for start in (0..widths[*owner]).step_by(step) {
            let part = start..widths[*owner].min(start + step);
            let vectors = weighted(parties, (*owner, part), columns, weights).await?;
            let later = &order[rank + 1..];
            let sums = sums(parties, &ends, later, &vectors, columns).await?;
            blocks[*owner].iter_mut().zip(sums).for_each(|(block, sums)| block.extend(sums));
        }
    }
    Ok(blocks)
}

/// With each other party: what products of own columns are made in, and products of the other's.
async fn projections(
    parties: &Parties,
    shapes: &[Shape],
) -> Result<Vec<[Projection; 2]>, MpcError> {
    let make =
        |shape: &Shape| Ok::<_, MpcError>([shape.own_projection()?, shape.their_projection()?]);
    parties.session().compute(|| shapes.iter().map(make).collect()).await
}

/// What is ready for products with one other party.
struct End<'a> {
    /// Own columns, unless no party comes before this one in the order.
    answers: Option<(&'a Projection, Evaluator<'a>)>,
    /// What stays the same of the other party's columns, likewise.
    asks: Option<(&'a Projection, Vec<Hint>)>,
}

async fn ends<'a>(
    parties: &mut Parties,
    projections: &'a [[Projection; 2]],
    (widths, order): (&[usize], &[usize]),
    columns: &'a [Vec<i32>],
) -> Result<Vec<End<'a>>, MpcError> {
    let (number, first) = (parties.number(), order[0]);
    let both = parties.peers().zip(projections);
    together(both.map(|((place, link), [own, theirs])| async move {
        let mut end = End { answers: None, asks: None };
        for turn in turns(link) {
            if turn == Turn::Answer && number != first {
                let session = &mut link.session;
                let mut rng = session.rng();
                let evaluator = gram::evaluator(session, own, columns, &mut rng).await?;
                gram::send_hints(session, own, &evaluator, columns.len()).await?;
                end.answers = Some((own, evaluator));
            }
            if turn == Turn::Ask && place != first {
                let hints = gram::receive_hints(&mut link.session, theirs, widths[place]).await?;
                end.asks = Some((theirs, hints));
            }
        }
        Ok(end)
    }))
    .await
}

/// What one of two parties does while the other does the opposite.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Turn {
    Answer,
    Ask,
}

/// The party that the job lists first answers first.
fn turns(link: &TwoParty) -> [Turn; 2] {
    if link.is_first() { [Turn::Answer, Turn::Ask] } else { [Turn::Ask, Turn::Answer] }
}

/// Shares of some of one party's columns times the weights, among all.
async fn weighted(
    parties: &mut Parties,
    (owner, part): (usize, Range<usize>),
    columns: &[Vec<i32>],
    weights: &[u64],
) -> Result<Vec<Vec<u64>>, MpcError> {
    let rows = weights.len();
    if parties.number() != owner {
        let repeated = weights.repeat(part.len());
        let link = parties.link(owner)?;
        let shares = known::multiply_by(link, Factors::Theirs, FACTOR_BITS, &repeated).await?;
        return Ok(shares.chunks(rows).map(<[u64]>::to_vec).collect());
    }
    let columns = &columns[part];
    let factors: Vec<i64> = columns.iter().flatten().map(|value| i64::from(*value)).collect();
    let nothing = vec![0; factors.len()];
    let links = parties.links().iter_mut();
    let (factors, nothing) = (Factors::Own(&factors), &nothing);
    let products =
        together(links.map(|link| known::multiply_by(link, factors, FACTOR_BITS, nothing))).await?;
    let mut vectors = parties.session().compute(|| gram::weighted(columns, weights)).await;
    for products in &products {
        vectors.iter_mut().zip(products.chunks(rows)).for_each(|(sum, it)| accumulate(sum, it));
    }
    Ok(vectors)
}

/// For the party at each place shares of the sums of some shared vectors with its columns, if it is
/// among the `later` ones.
async fn sums(
    parties: &mut Parties,
    ends: &[End<'_>],
    later: &[usize],
    vectors: &[Vec<u64>],
    columns: &[Vec<i32>],
) -> Result<Vec<Block>, MpcError> {
    let number = parties.number();
    let answers = later.contains(&number);
    let both = parties.peers().zip(ends);
    let parts = together(both.map(|((place, link), end)| async move {
        let (mut asked, mut answered) = (Block::new(), Block::new());
        for turn in turns(link) {
            let session = &mut link.session;
            match (turn, &end.answers, &end.asks) {
                (Turn::Answer, Some((projection, evaluator)), _) if answers => {
                    let (count, mut rng) = (vectors.len(), session.rng());
                    let answer =
                        gram::answer_group(session, projection, evaluator, count, &mut rng);
                    answered = answer.await?;
                }
                (Turn::Ask, _, Some((projection, hints))) if later.contains(&place) => {
                    asked = gram::ask_group(session, projection, hints, vectors).await?;
                }
                _ => {}
            }
        }
        Ok::<_, MpcError>((place, asked, answered))
    }))
    .await?;
    let mut sums = vec![Block::new(); parties.count()];
    if answers {
        let local = |vector: &Vec<u64>| columns.iter().map(|column| dot(column, vector)).collect();
        let session = parties.session();
        sums[number] = session.compute(|| vectors.par_iter().map(local).collect()).await;
    }
    for (place, asked, answered) in parts {
        sums[number].iter_mut().zip(&answered).for_each(|(sum, it)| accumulate(sum, it));
        sums[place] = asked;
    }
    Ok(sums)
}

/// The lower triangle over the columns of all parties, in their order.
fn triangle(widths: &[usize], own_blocks: &[Vec<u64>], blocks: &[Vec<Block>]) -> Vec<u64> {
    let mut triangle = Vec::new();
    for (place, own) in own_blocks.iter().enumerate() {
        for row in 0..widths[place] {
            let of_place = blocks.iter().map(|blocks| &blocks[place]);
            for (first, second) in of_place.zip(&blocks[place]).take(place) {
                if second.is_empty() {
                    triangle.extend(first.iter().map(|sums| sums[row]));
                } else {
                    triangle.extend(&second[row]);
                }
            }
            triangle.extend(&own[row * (row + 1) / 2..][..=row]);
        }
    }
    triangle
}

#[cfg(test)]
mod tests;
