//! The objective's gradient over hidden rows; units as in the objective of
//! [`logistic_regression`](crate::vertical::logistic_regression), where c is that of the larger
//! table and m that of the rows that both parties have.

use std::slice;

use mpc::TwoParty;
use mpc::boolean::Bits;
use mpc::conversion::select;
use mpc::matrix::{Blocks, Geometry, ROWS_STEP, SharedProduct};
use mpc::sigmoid::Accuracy;

use super::columns::Widths;
use super::{Counts, HiddenRows};
use crate::ModelError;
use crate::family::Family;
use crate::vertical::generalized_linear::response::{Residuals, Response};
use crate::vertical::generalized_linear::scaling::Scaling;
use crate::vertical::logistic_regression::objective::{Gradients, Space, Units, coefficient_unit};

/// Everything that one pass over the places needs.
pub(super) struct Objective<'a> {
    product: SharedProduct<'a>,
    response: Response,
    is_guest: bool,
    widths: Widths,
    units: Units,
    /// All places, and those for training.
    places: usize,
    training: usize,
    /// Whether both parties have the row, in the places for training.
    present: Bits,
}

impl<'a> Objective<'a> {
    /// Sets the encrypted products up. `targets`, in the units of `scaling`, has one for each place
    /// for training at the guest, and none at the host.
    pub(super) async fn prepare(
        party: &mut TwoParty,
        (geometry, columns): (&'a Geometry, &'a [Vec<i32>]),
        (rows, counts): (&HiddenRows, Counts),
        (widths, column_bits): (Widths, u32),
        (family, scaling, targets): (Family, &Scaling, &[f64]),
    ) -> Result<Self, ModelError> {
        let product = SharedProduct::prepare(party, geometry, columns).await?;
        let (places, training) = (rows.present.len(), rows.training);
        let log_rows = counts.training.next_power_of_two().ilog2();
        // From 1 to 2: the mean over the rows that both have becomes a sum, times 2^m.
        let scale = counts.training.next_power_of_two() as f64 / counts.training as f64;
        let response = Response::even(party, family, scaling, targets, (training, scale)).await?;
        Ok(Self {
            product,
            is_guest: party.is_first(),
            widths,
            units: Units { column_bits, residual_bits: response.residual_bits(), log_rows },
            places,
            training,
            present: Bits::from_fn(training, |place| rows.present.bit(place) == 1),
            response,
        })
    }

    /// What an optimiser needs to know of the variables.
    pub(super) fn space(&self) -> Space {
        let Widths { guest, shared } = self.widths;
        let (own, theirs) = if self.is_guest { (guest, shared) } else { (shared, guest) };
        let unit = coefficient_unit(self.units.column_bits);
        Space { own, theirs, blocks: 2, unit }
    }

    /// Shares of the gradient at the shared point.
    pub(super) async fn gradients(
        &self,
        party: &mut TwoParty,
        point: &Blocks,
    ) -> Result<Gradients, ModelError> {
        let is_guest = self.is_guest;
        let asked = self.places.min(self.training.next_multiple_of(ROWS_STEP));
        let weights = Widths::expand(is_guest, point);
        let mut scores = only(self.product.forward(party, &[weights], asked).await?);
        scores.truncate(self.training);
        let residuals = self.response.residuals(party, scores, Accuracy::Fine).await?;
        let residuals = select(party, &self.present, &residuals).await?;
        let penalties = self.units.penalties(party, slice::from_ref(point), 1.0).await?;
        let penalty = self.widths.penalties(is_guest, only(penalties));
        let sums = only(self.product.backward(party, &[(&residuals, &penalty)]).await?);
        let sums = self.widths.collapse(is_guest, sums);
        let training = only(self.units.gradients(party, vec![sums]).await?);
        Ok(Gradients { training, validation: None })
    }

    /// Shares of the linear predictors in the places of the test.
    pub(super) async fn test_scores(
        &self,
        party: &mut TwoParty,
        point: &Blocks,
    ) -> Result<Vec<u64>, ModelError> {
        let weights = Widths::expand(self.is_guest, point);
        let mut scores = only(self.product.forward(party, &[weights], self.places).await?);
        Ok(scores.split_off(self.training))
    }
}

/// What came of a list of one.
fn only<T: Default>(list: Vec<T>) -> T {
    list.into_iter().next().unwrap_or_default()
}
