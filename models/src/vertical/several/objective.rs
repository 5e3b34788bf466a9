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
use crate::vertical::logistic_regression::{Rows, with_intercept};
use crate::vertical::multinomial_regression::{centred, negated_sum};

/// Everything that one pass over the data needs.
pub(super) struct Objective<'a> {
    pub(super) product: SharedProducts<'a>,
    pub(super) response: Response,
    pub(super) whitened: &'a Whitened,
    /// The number of columns of each party. Vectors over all variables have for each party those of
    /// each class, one after the other, of which there is one but for a label of several classes.
    pub(super) widths: &'a [usize],
    pub(super) rows: Rows,
}

/// Shares of the gradients at one point, over all variables.
pub(super) struct Gradients {
    /// Of the objective, at 2^`GRADIENT_BITS`.
    pub(super) training: Vec<u64>,
    /// Of the validation rows' loss without penalties, times an unknown positive factor; empty
    /// without such rows.
    pub(super) validation: Vec<u64>,
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

    /// Shares of the gradients at a shared point.
    pub(super) async fn gradients(
        &self,
        parties: &mut Parties,
        point: &[u64],
    ) -> Result<Gradients, ModelError> {
        let units = self.units();
        let points = self.points(point);
        let mut residuals = self.residuals(parties, &points).await?;
        let Rows { training, validation } = self.rows;
        let held_out: Vec<Vec<u64>> = residuals
            .iter_mut()
            .map(|residuals| {
                let held_out = residuals[training..].to_vec();
                residuals[training..].fill(0);
                [vec![0; training], held_out].concat()
            })
            .collect();
        let penalties = self.penalties(parties, &points).await?;
        let shift = units.gradient_shift();
        let of_training = self.sums(parties, &residuals, &penalties, shift).await?;
        if validation == 0 {
            return Ok(Gradients { training: of_training, validation: Vec::new() });
        }
        let nothing: Vec<Vec<u64>> = self.widths.iter().map(|width| vec![0; *width]).collect();
        let nothing = vec![nothing; points.len()];
        let shift = units.validation_shift(validation);
        let of_validation = self.sums(parties, &held_out, &nothing, shift).await?;
        Ok(Gradients { training: of_training, validation: of_validation })
    }

    /// What the rows of penalties are multiplied by.
    async fn penalties(
        &self,
        parties: &mut Parties,
        points: &[Vec<Vec<u64>>],
    ) -> Result<Vec<Vec<Vec<u64>>>, ModelError> {
        let units = self.units();
        let multiplier = units.penalty_multiplier(1.0);
        let all = points.iter().flatten().flatten();
        let penalties: Vec<u64> = all.map(|v| v.wrapping_mul(multiplier)).collect();
        let excess = units.penalty_shift().min(0).unsigned_abs();
        let penalties = truncate(parties, &penalties, excess).await?;
        let width = self.widths.iter().sum::<usize>().max(1);
        Ok(penalties.chunks(width).map(|vector| parts(vector, self.widths)).collect())
    }

    /// Sums over rows for each of the vectors that products are made with, without `shift` bits, as
    /// a vector over all variables.
    async fn sums(
        &self,
        parties: &mut Parties,
        residuals: &[Vec<u64>],
        penalties: &[Vec<Vec<u64>>],
        shift: u32,
    ) -> Result<Vec<u64>, ModelError> {
        let sums = self.product.backward(parties, residuals, penalties).await?;
        let sums = truncate(parties, &sums.concat().concat(), shift).await?;
        let width = self.widths.iter().sum::<usize>().max(1);
        let by_class: Vec<Vec<Vec<u64>>> =
            sums.chunks(width).map(|vector| parts(vector, self.widths)).collect();
        let of_party = |place: usize| -> Vec<u64> {
            let classes = by_class.iter().map(|parts| parts[place].as_slice());
            self.with_last(classes.collect())
        };
        Ok((0..self.widths.len()).flat_map(of_party).collect())
    }

    /// Shares of the residuals of each of the shared points.
    pub(super) async fn residuals(
        &self,
        parties: &mut Parties,
        points: &[Vec<Vec<u64>>],
    ) -> Result<Vec<Vec<u64>>, ModelError> {
        let scores = self.product.forward(parties, points, self.rows.all()).await?;
        self.response.residuals(parties, scores).await
    }

    /// The points that products are made with, by party: what is linear adds up to 0 over several
    /// classes, so that the last one takes none.
    pub(super) fn points(&self, vector: &[u64]) -> Vec<Vec<Vec<u64>>> {
        let by_party = self.by_party(vector);
        let of_class = |class: usize| {
            let part = |(all, width): (&Vec<u64>, &usize)| all[class * width..][..*width].to_vec();
            by_party.iter().zip(self.widths).map(part).collect()
        };
        (0..(self.response.classes() - 1).max(1)).map(of_class).collect()
    }

    /// One party's parts for each point, and that of the last class if there are several.
    fn with_last(&self, parts: Vec<&[u64]>) -> Vec<u64> {
        let mut all = parts.concat();
        if self.response.classes() > 1 {
            all.extend(negated_sum(parts.into_iter()));
        }
        all
    }

    /// The number of all variables.
    pub(super) fn variables(&self) -> usize {
        self.spans().iter().sum()
    }

    /// The numbers of variables of each party.
    fn spans(&self) -> Vec<usize> {
        self.widths.iter().map(|width| width * self.response.classes()).collect()
    }

    /// The parts of a vector over all variables that belong to each party.
    fn by_party(&self, vector: &[u64]) -> Vec<Vec<u64>> {
        parts(vector, &self.spans())
    }

    /// A vector over all variables with the own values at this party's place; empty without any.
    pub(super) fn beside_zeros(&self, parties: &Parties, own: Vec<u64>) -> Vec<u64> {
        if own.is_empty() {
            return own;
        }
        let mut parts: Vec<Vec<u64>> = self.spans().iter().map(|width| vec![0; *width]).collect();
        parts[parties.number()] = own;
        parts.concat()
    }

    /// Shares of the point at which these coefficients stand, of each class where there are
    /// several: only differences between classes count.
    pub(super) async fn point_of(
        &self,
        parties: &mut Parties,
        start: &[Start],
        curvature: f64,
    ) -> Result<Vec<u64>, ModelError> {
        let width = self.whitened.width();
        let classes = self.response.classes();
        let mut start = match start {
            [start] if classes == 1 => vec![start.clone()],
            start => centred(start, classes)?,
        };
        start.truncate((classes - 1).max(1));
        let mut variables = Vec::with_capacity(start.len() * width);
        for start in &start {
            let coefficients = start.coefficients(parties.is_first(), width)?;
            variables.extend(self.whitened.variables(&coefficients));
        }
        let own = self.units().begin(&variables, parties.count(), curvature)?;
        let own = self.with_last(own.chunks(width.max(1)).collect());
        let words = self.beside_zeros(parties, own);
        let mut shared = Shared { words, ..Shared::default() };
        refresh_among(parties, &mut shared).await?;
        Ok(shared.words)
    }

    /// Opens to each party its own weights and intercept, of each class where there are several.
    pub(super) async fn learn(
        &self,
        parties: &mut Parties,
        result: &[u64],
    ) -> Result<Vec<(Vec<f64>, f64)>, ModelError> {
        let shares = self.by_party(result);
        let own = learn_each(parties, "model.own_coefficients", &shares).await?;
        let values: Vec<f64> =
            own.into_iter().map(|word| word as i64 as f64 / self.unit()).collect();
        let is_guest = parties.is_first();
        let coefficients = |values: &[f64]| {
            with_intercept(self.whitened, is_guest, self.whitened.coefficients(values))
        };
        Ok(values.chunks(self.whitened.width().max(1)).map(coefficients).collect())
    }
}

/// A vector in parts of these widths.
pub(super) fn parts<T: Clone>(mut vector: &[T], widths: &[usize]) -> Vec<Vec<T>> {
    let part = |width: &usize| {
        let (part, rest) = vector.split_at(*width);
        vector = rest;
        part.to_vec()
    };
    widths.iter().map(part).collect()
}
