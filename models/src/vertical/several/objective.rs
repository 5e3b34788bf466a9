//! The objective's gradient on shares among several parties; see `logistic_regression::objective`
//! for the units.

use mpc::refresh::{Shared, refresh_among};
use mpc::several::matrix::SharedProducts;
use mpc::several::reveal::learn_each;
use mpc::several::{Parties, truncate};

use super::response::Response;
use crate::ModelError;
use crate::vertical::course::Start;
use crate::vertical::logistic_regression::objective::{Units, coefficient_unit};
use crate::vertical::logistic_regression::whitening::{Whitened, column_bits};
use crate::vertical::logistic_regression::{Coefficients, Ending, Rows, with_intercept};

/// Everything that one pass over the data needs.
pub(super) struct Objective<'a> {
    pub(super) product: SharedProducts<'a>,
    pub(super) response: Response,
    pub(super) whitened: &'a Whitened,
    /// The number of variables of each party.
    pub(super) widths: &'a [usize],
    pub(super) rows: Rows,
}

impl Objective<'_> {
    fn units(&self) -> Units {
        let (column_bits, log_rows) = (column_bits(self.rows.training), self.rows.log_training());
        Units { column_bits, residual_bits: self.response.residual_bits(), log_rows }
    }

    /// Ring units of a coefficient of 1.0.
    pub(super) fn unit(&self) -> f64 {
        coefficient_unit(column_bits(self.rows.training))
    }

    /// Shares of the gradient at a shared point.
    pub(super) async fn gradient(
        &self,
        parties: &mut Parties,
        point: &[u64],
    ) -> Result<Vec<u64>, ModelError> {
        let units = self.units();
        let residuals = self.residuals(parties, &self.by_party(point)).await?;
        let multiplier = units.penalty_multiplier(1.0);
        let penalties: Vec<u64> = point.iter().map(|v| v.wrapping_mul(multiplier)).collect();
        let excess = units.penalty_shift().min(0).unsigned_abs();
        let penalties = self.by_party(&truncate(parties, &penalties, excess).await?);
        let sums = self.product.backward(parties, &residuals, &penalties).await?;
        Ok(truncate(parties, &sums.concat(), units.gradient_shift()).await?)
    }

    /// Shares of the residuals at a shared point.
    pub(super) async fn residuals(
        &self,
        parties: &mut Parties,
        point: &[Vec<u64>],
    ) -> Result<Vec<u64>, ModelError> {
        let scores = self.product.forward(parties, point, self.rows.all()).await?;
        self.response.residuals(parties, scores).await
    }

    /// The parts of a vector over all variables that belong to each party.
    pub(super) fn by_party(&self, mut vector: &[u64]) -> Vec<Vec<u64>> {
        let part = |width: &usize| {
            let (part, rest) = vector.split_at(*width);
            vector = rest;
            part.to_vec()
        };
        self.widths.iter().map(part).collect()
    }

    /// A vector over all variables with the own values at this party's place; empty without any.
    pub(super) fn beside_zeros(&self, parties: &Parties, own: Vec<u64>) -> Vec<u64> {
        if own.is_empty() {
            return own;
        }
        let mut parts: Vec<Vec<u64>> = self.widths.iter().map(|width| vec![0; *width]).collect();
        parts[parties.number()] = own;
        parts.concat()
    }

    /// Shares of the point at which these coefficients stand.
    pub(super) async fn point_of(
        &self,
        parties: &mut Parties,
        start: &[Start],
        curvature: f64,
    ) -> Result<Vec<u64>, ModelError> {
        let start = start.first().cloned().unwrap_or_default();
        let width = self.whitened.width();
        let coefficients = start.coefficients(parties.is_first(), width)?;
        let variables = self.whitened.variables(&coefficients);
        let own = self.units().begin(&variables, parties.count(), curvature)?;
        let words = self.beside_zeros(parties, own);
        let mut shared = Shared { words, ..Shared::default() };
        refresh_among(parties, &mut shared).await?;
        Ok(shared.words)
    }

    /// Opens to each party its own coefficients.
    pub(super) async fn learn(
        &self,
        parties: &mut Parties,
        result: &[u64],
        ending: Ending,
    ) -> Result<Coefficients, ModelError> {
        let shares = self.by_party(result);
        let own = learn_each(parties, "model.own_coefficients", &shares).await?;
        let values: Vec<f64> =
            own.into_iter().map(|word| word as i64 as f64 / self.unit()).collect();
        let weights = self.whitened.coefficients(&values);
        let (weights, intercept) = with_intercept(self.whitened, parties.is_first(), weights);
        let Ending { passes, converged } = ending;
        Ok(Coefficients { weights, intercept, passes, converged, standard_errors: None })
    }
}
