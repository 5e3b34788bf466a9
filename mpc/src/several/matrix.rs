//! Products of all parties' private columns with vectors that are shared among them.
//!
//! With `X_p` at party p and `w = Σ_q w_q` shared, `X_p·w` is the sum of the products of `X_p` with
//! each share. That with the own share is local, and each other one the matter of two parties:
//! [`mpc::matrix`](crate::matrix) between each two does both of theirs.

use net::together;
use rayon::prelude::*;

use super::Parties;
use super::agreement::compare_widths;
use super::words::accumulate;
use crate::MpcError;
use crate::matrix::{Blocks, Geometry, SharedProduct, dot};

/// The public shapes, one for each other party.
pub struct Geometries {
    pairs: Vec<Geometry>,
    /// The number of columns of each party.
    widths: Vec<usize>,
}

/// All parties' matrices, ready for passes.
pub struct SharedProducts<'a> {
    geometries: &'a Geometries,
    columns: &'a [Vec<i32>],
    pairs: Vec<SharedProduct<'a>>,
}

impl Geometries {
    /// Agrees with all others on the shape, see [`Geometry::agree`]. Then each two compare what
    /// they heard in `widths`: a party that told two others different numbers of its columns would
    /// make these two blame each other later.
    ///
    /// # Errors
    /// [`MpcError::Net`] when a peer fails, has other rows, or heard of other columns than this
    /// party; the error names both the peer and whose columns they are.
    #[net::boxed]
    pub async fn agree(
        parties: &mut Parties,
        rows: usize,
        columns: usize,
        passes: usize,
    ) -> Result<Self, MpcError> {
        let links = parties.links().iter_mut();
        let pairs =
            together(links.map(|link| Geometry::agree(link, rows, columns, passes))).await?;
        let mut widths: Vec<usize> = pairs.iter().map(Geometry::their_columns).collect();
        widths.insert(parties.number(), columns);
        compare_widths(parties, &widths).await?;
        Ok(Self { pairs, widths })
    }

    /// The number of columns of each party, in their order.
    pub fn widths(&self) -> &[usize] {
        &self.widths
    }
}

impl<'a> SharedProducts<'a> {
    /// Exchanges what stays the same over all passes, see [`SharedProduct::prepare`].
    ///
    /// # Errors
    /// Those of [`SharedProduct::prepare`].
    #[net::boxed]
    pub async fn prepare(
        parties: &mut Parties,
        geometries: &'a Geometries,
        columns: &'a [Vec<i32>],
    ) -> Result<Self, MpcError> {
        let both = parties.links().iter_mut().zip(&geometries.pairs);
        let prepare = both.map(|(link, geometry)| SharedProduct::prepare(link, geometry, columns));
        let pairs = together(prepare).await?;
        Ok(Self { geometries, columns, pairs })
    }

    /// Shares of `Σ_p X_p·w_p` for each of the `rows`, which are all, and for each of some vectors
    /// w in the flights of one; `weights` are shares of each over the columns of each party.
    ///
    /// # Errors
    /// Those of [`SharedProduct::forward`].
    #[net::boxed]
    pub async fn forward(
        &self,
        parties: &mut Parties,
        weights: &[Vec<Vec<u64>>],
        rows: usize,
    ) -> Result<Vec<Vec<u64>>, MpcError> {
        let blocks = self.blocks(parties, weights)?;
        let both = parties.links().iter_mut().zip(&self.pairs).zip(&blocks);
        let forward = both.map(|((link, product), blocks)| product.forward(link, blocks, rows));
        let scores = together(forward).await?;
        let mut sums = vec![vec![0; rows]; weights.len()];
        for scores in &scores {
            sums.iter_mut().zip(scores).for_each(|(sum, scores)| accumulate(sum, scores));
        }
        Ok(sums)
    }

    /// Shares of `X_pᵀ·(r, e_p)` for the columns of each party, where r is shared over the rows and
    /// e over the further rows of each party's matrix; for each of some r and e.
    ///
    /// # Errors
    /// Those of [`SharedProduct::backward`].
    #[net::boxed]
    pub async fn backward(
        &self,
        parties: &mut Parties,
        residuals: &[Vec<u64>],
        extra: &[Vec<Vec<u64>>],
    ) -> Result<Vec<Vec<Vec<u64>>>, MpcError> {
        let number = parties.number();
        let blocks = self.all_blocks(parties, extra)?;
        let both = parties.links().iter_mut().zip(&self.pairs).zip(&blocks);
        let sums = together(both.map(|((link, product), blocks)| async move {
            let residuals = residuals.iter().map(Vec::as_slice);
            let vectors: Vec<(&[u64], &Blocks)> = residuals.zip(blocks).collect();
            product.backward(link, &vectors).await
        }))
        .await?;
        // The own product came along with each peer; it is to be there once.
        let surplus = (self.pairs.len() as u64).wrapping_sub(1);
        let mut sums: Vec<_> = sums.into_iter().map(Vec::into_iter).collect();
        let mut results = Vec::with_capacity(residuals.len());
        for (residuals, extra) in residuals.iter().zip(extra) {
            let vector = [&residuals[..], &extra[number]].concat();
            let local =
                |column: &Vec<i32>| dot(column, &vector).wrapping_mul(surplus).wrapping_neg();
            let session = parties.session();
            let mut own: Vec<u64> =
                session.compute(|| self.columns.par_iter().map(local).collect()).await;
            let mut all = Vec::with_capacity(parties.count());
            for blocks in sums.iter_mut().filter_map(Iterator::next) {
                accumulate(&mut own, &blocks.own);
                all.push(blocks.theirs);
            }
            all.insert(number, own);
            results.push(all);
        }
        Ok(results)
    }

    /// For each other party the shares of each vector over its and the own columns, the own ones
    /// for one of them only: it is with that one that the own product with the own shares is done.
    fn blocks(
        &self,
        parties: &Parties,
        vectors: &[Vec<Vec<u64>>],
    ) -> Result<Vec<Vec<Blocks>>, MpcError> {
        let mut blocks = self.all_blocks(parties, vectors)?;
        blocks.iter_mut().skip(1).flatten().for_each(|blocks| blocks.own.fill(0));
        Ok(blocks)
    }

    fn all_blocks(
        &self,
        parties: &Parties,
        vectors: &[Vec<Vec<u64>>],
    ) -> Result<Vec<Vec<Blocks>>, MpcError> {
        let expected = &self.geometries.widths;
        let fits =
            |shares: &Vec<Vec<u64>>| shares.iter().map(Vec::len).eq(expected.iter().copied());
        if !vectors.iter().all(fits) {
            let text = "shares for other columns than the parties have".to_owned();
            return Err(MpcError::InvalidInput(text));
        }
        let number = parties.number();
        let with = |place: usize| {
            let block = |shares: &Vec<Vec<u64>>| Blocks {
                own: shares[number].clone(),
                theirs: shares[place].clone(),
            };
            vectors.iter().map(block).collect()
        };
        Ok((0..expected.len()).filter(|place| *place != number).map(with).collect())
    }
}

#[cfg(test)]
mod tests;
