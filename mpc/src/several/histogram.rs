//! Sums of vectors that are shared among several parties over the cells of private codes.
//!
//! The sum over a cell of party p is that of `Σ_q v_q` over p's rows of the cell: of the own share
//! p works it out alone, and of each other share with its holder, by
//! [`mpc::histogram`](crate::histogram).

use net::together;

use super::Parties;
use super::words::accumulate;
use crate::MpcError;
use crate::histogram::{self, Column, Geometry, Histogram, add_own_sums};

/// The public shapes, one for each other party.
pub struct Geometries(Vec<Geometry>);

/// All parties' columns, ready for sums.
pub struct Histograms<'a> {
    columns: Vec<Column<'a>>,
    pairs: Vec<Histogram<'a>>,
}

impl Geometries {
    /// Agrees with all others on the shape, see [`Geometry::agree`]; all `cells` are known, one
    /// number for each party.
    ///
    /// # Errors
    /// [`MpcError::InvalidInput`] for no rows or cells or too many, [`MpcError::Net`] when a peer
    /// fails, or has other rows or cells.
    #[net::boxed]
    pub async fn agree(
        parties: &mut Parties,
        rows: usize,
        cells: &[usize],
    ) -> Result<Self, MpcError> {
        if cells.len() != parties.count() {
            let text = format!("cells of {} of {} parties", cells.len(), parties.count());
            return Err(MpcError::InvalidInput(text));
        }
        let own = cells[parties.number()];
        let agreed = together(parties.peers().map(|(place, link)| async move {
            let geometry = Geometry::agree(link, rows, own).await?;
            let (announced, expected) = (geometry.their_cells(), cells[place]);
            if announced != expected {
                let rule = format!("it has {announced} cells, where {expected} are known of");
                return Err(MpcError::from(link.session.misbehaved("shape", rule)));
            }
            Ok(geometry)
        }));
        Ok(Self(agreed.await?))
    }
}

impl<'a> Histograms<'a> {
    /// Exchanges what stays the same for all vectors, see [`Histogram::prepare`].
    ///
    /// # Errors
    /// Those of [`Histogram::prepare`].
    #[net::boxed]
    pub async fn prepare(
        parties: &mut Parties,
        geometries: &'a Geometries,
        columns: Vec<Column<'a>>,
    ) -> Result<Self, MpcError> {
        let both = parties.links().iter_mut().zip(&geometries.0);
        let columns_of_pair = &columns;
        let pairs = together(both.map(|(link, geometry)| async move {
            Histogram::prepare(link, geometry, columns_of_pair.clone()).await
        }))
        .await?;
        Ok(Self { columns, pairs })
    }

    /// For each shared vector, this party's shares of its sums over the cells of each party, in the
    /// order of parties.
    ///
    /// # Errors
    /// Those of [`Histogram::sums`].
    #[net::boxed]
    pub async fn sums(
        &self,
        parties: &mut Parties,
        vectors: &[&[u64]],
    ) -> Result<Vec<Vec<Vec<u64>>>, MpcError> {
        let both = parties.links().iter_mut().zip(&self.pairs);
        let shares = both.map(|(link, pair)| pair.sums(link, vectors));
        let pairs: Vec<Vec<histogram::Cells>> = together(shares).await?;
        // With each peer the own sums came along; they are to be there once.
        let cells = self.columns.iter().map(|column| column.cells).sum();
        let mut surplus = vec![vec![0; cells]; vectors.len()];
        if pairs.len() > 1 {
            let add = || add_own_sums(&self.columns, vectors, &mut surplus);
            parties.session().compute(add).await;
        }
        let mut all: Vec<Vec<Vec<u64>>> = surplus
            .into_iter()
            .map(|own| {
                let times = pairs.len() as u64 - 1;
                vec![own.iter().map(|sum| sum.wrapping_mul(times).wrapping_neg()).collect()]
            })
            .collect();
        for cells in pairs {
            for (all, cells) in all.iter_mut().zip(cells) {
                accumulate(&mut all[0], &cells.own);
                all.push(cells.theirs);
            }
        }
        let number = parties.number();
        for cells in &mut all {
            cells[..=number].rotate_left(1);
        }
        Ok(all)
    }
}

#[cfg(test)]
mod tests;
