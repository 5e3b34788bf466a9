//! Regressions over the columns of one guest and several hosts, in `strict` privacy.
//!
//! # Functionality
//! Those of [`logistic_regression`](super::logistic_regression) and
//! [`generalized_linear`](super::generalized_linear) for two parties, among n: the first party is
//! the guest, all others are hosts, and each ends with its own coefficients. There is no early
//! stopping, no weight of evidence that stays with the guest, and no standard error.
//! # Messages
//! 1. once: `weighted` guest → each host, and `label_scale` where the model has one; the parts of
//!    the encrypted products that never change, between each two parties (`mpc::several::matrix`),
//!    and keys of what the residuals need; where an earlier run is taken up or training begins with
//!    coefficients, `refresh` between each two (`mpc::refresh`)
//! 2. per pass: the scores, the residuals, the gradient, truncations, and one stop bit; with a
//!    logarithmic link also products with the secret step
//! 3. `share` to each party, at the end: its own coefficients
//! # Leaks
//! To all: numbers of rows and of each party's columns, whether rows have weights, the number of
//! passes, one stop bit per pass. To each party: its own final coefficients. To each host, of
//! linear, Poisson and Tweedie regression: the order of magnitude of the target, as a power of two.
//! # Security
//! Semi-honest, against any n - 1 parties together; see `mpc::several`. The columns of two hosts
//! meet in shares only.
//! # Cost
//! Per pass, for each row in whole 8192, what the block of the residuals says
//! (`mpc::several::sigmoid`, `mpc::several::exponential`), and between each two parties what
//! `mpc::matrix` says; every pass is over all rows.
//! # Reference
//! Those of the modules for two parties; the joint curvature of n blocks is at most n
//! (`whitening`).

pub mod generalized_linear;
pub mod logistic_regression;
mod objective;
mod response;

use mpc::refresh::Shared;
use mpc::several::Parties;
use mpc::several::matrix::{Geometries, SharedProducts};
use mpc::several::reveal::open_bit;
use mpc::sigmoid::Accuracy;
use net::together;

use super::course::{Course, Passes, misfit};
use super::generalized_linear::damped::Damped;
use super::logistic_regression::descent::{Descent, Pass};
use super::logistic_regression::objective::Space;
use super::logistic_regression::optimiser::{INVERSE_STEP_PER_BLOCK, soften};
use super::logistic_regression::{
    Coefficients, Ending, QUERIES, Rows, Settings, agree_on_weights, curvature,
    thresholds_of_columns, whiten,
};
use crate::ModelError;
use objective::Objective;
use response::Response;

/// What does not depend on the loss.
struct Task<'a> {
    columns: &'a [&'a [f64]],
    rows: Rows,
    settings: &'a Settings,
    /// Whether rows have weights, as all know.
    weighted: bool,
    /// The largest curvature of a row's loss.
    steepness: f64,
}

/// Trains with the residuals of `response`.
async fn train(
    parties: &mut Parties,
    task: &Task<'_>,
    response: impl AsyncFnOnce(&mut Parties) -> Result<Response, ModelError>,
    course: &mut Course<'_>,
) -> Result<Coefficients, ModelError> {
    let &Task { columns, rows, settings, steepness, .. } = task;
    let is_guest = parties.is_first();
    let whitened = whiten(parties.session(), is_guest, columns, rows, settings, steepness).await?;
    let passes = QUERIES.min(settings.passes_max);
    let geometries = Geometries::agree(parties, rows.all(), whitened.columns.len(), passes).await?;
    let objective = Objective {
        product: SharedProducts::prepare(parties, &geometries, &whitened.columns).await?,
        response: response(parties).await?,
        whitened: &whitened,
        widths: geometries.widths(),
        rows,
    };
    let (result, ending) = if matches!(objective.response, Response::Log { .. }) {
        descend_damped(parties, &objective, task, course).await?
    } else {
        descend(parties, &objective, task, course).await?
    };
    objective.learn(parties, &result, ending).await
}

/// Refuses what needs two parties.
fn check_settings(stops_early: bool, standard_errors: bool) -> Result<(), ModelError> {
    if stops_early || standard_errors {
        let rule = "with several hosts there is no early stopping and no standard error";
        return Err(ModelError::InvalidInput(rule.to_owned()));
    }
    Ok(())
}

/// Whether rows have weights, which the guest passes and says to each host.
async fn weighted(parties: &mut Parties, weighted: Option<bool>) -> Result<bool, ModelError> {
    let peers = peers_of_guest(parties);
    let links = parties.links().iter_mut().take(peers);
    let answers = together(links.map(|link| agree_on_weights(link, weighted))).await?;
    Ok(answers.contains(&true))
}

/// With how many parties this one has a link that the guest is at an end of; these come first.
fn peers_of_guest(parties: &Parties) -> usize {
    if parties.is_first() { parties.count() - 1 } else { 1 }
}

/// Minimises the loss; the shared result.
async fn descend(
    parties: &mut Parties,
    objective: &Objective<'_>,
    task: &Task<'_>,
    course: &mut Course<'_>,
) -> Result<(Vec<u64>, Ending), ModelError> {
    let Task { settings, weighted, .. } = *task;
    let curvature = curvature(weighted, objective.rows.training);
    let inverse_step = INVERSE_STEP_PER_BLOCK * curvature * parties.count() as f64;
    let descent = Descent::new(objective.unit(), inverse_step);
    let rounding = objective.response.rounding(parties.count(), curvature);
    let bound = descent.bound(settings.tolerance.max(rounding));
    let own = thresholds_of_columns(objective.whitened, parties.is_first(), settings);
    let own: Vec<u64> = own.iter().map(|pull| (pull * descent.unit()).round() as u64).collect();
    let thresholds = objective.beside_zeros(parties, own);
    let mut at = Position::zero(objective);
    let mut passes = at.begin(parties, objective, course, curvature).await?;
    while passes.converged.is_none() {
        parties.session().report_progress(passes.done, settings.passes_max);
        let gradient = objective.gradient(parties, &at.ahead).await?;
        let next = descent.propose(parties, &at.ahead, &gradient, 1.0).await?;
        let next = soften(parties, next, &thresholds).await?;
        let Position { current, ahead } = &at;
        let pass = Pass { current, ahead, next: &next, validation: &[] };
        let (beyond, verdict) = descent.judge(parties, &pass, bound, passes.done as u32).await?;
        at = Position { current: next, ahead: beyond };
        let stop = open_bit(parties, "train.stop", verdict.small).await?;
        passes.count(stop, settings.passes_max);
        course.keep(passes.done, || passes.state(at.save()));
    }
    Ok((at.current, passes.into()))
}

/// The same for a loss of unbounded curvature.
async fn descend_damped(
    parties: &mut Parties,
    objective: &Objective<'_>,
    task: &Task<'_>,
    course: &mut Course<'_>,
) -> Result<(Vec<u64>, Ending), ModelError> {
    let curvature = curvature(task.weighted, objective.rows.training);
    let rounding = objective.response.rounding(parties.count(), curvature);
    let tolerance = task.settings.tolerance.max(rounding);
    let settings = Settings { tolerance, ..task.settings.clone() };
    let own = thresholds_of_columns(objective.whitened, parties.is_first(), &settings);
    let pulls = objective.beside_zeros(parties, Damped::pulls(&own));
    let (own, blocks) = (objective.widths.iter().sum(), parties.count());
    let space = Space { own, theirs: 0, blocks, unit: objective.unit() };
    let mut optimiser = Damped::among(parties, space, &settings, pulls);
    let mut passes = Passes::new(Accuracy::Fine);
    if let Some(state) = course.resume(parties).await? {
        passes.resume(&state)?;
        optimiser.load(state.shared, passes.done)?;
    } else if let Some(start) = &course.start {
        optimiser.begin(objective.point_of(parties, start, 1.0).await?);
    }
    while passes.converged.is_none() {
        parties.session().report_progress(passes.done, settings.passes_max);
        let gradient = objective.gradient(parties, optimiser.ahead()).await?;
        let small = optimiser.advance(parties, gradient).await?;
        let stop = open_bit(parties, "train.stop", small).await?;
        passes.count(stop, settings.passes_max);
        course.keep(passes.done, || passes.state(optimiser.save()));
    }
    Ok((optimiser.into_result(), passes.into()))
}

/// Where a descent is; every vector is shared, in party order.
struct Position {
    /// `v_k`, where training would end.
    current: Vec<u64>,
    /// Where the next gradient is taken.
    ahead: Vec<u64>,
}

impl Position {
    fn zero(objective: &Objective<'_>) -> Self {
        let zero = vec![0; objective.widths.iter().sum()];
        Self { current: zero.clone(), ahead: zero }
    }

    /// Goes to where the `course` says that training begins; the passes before.
    async fn begin(
        &mut self,
        parties: &mut Parties,
        objective: &Objective<'_>,
        course: &mut Course<'_>,
        curvature: f64,
    ) -> Result<Passes, ModelError> {
        if let Some(state) = course.resume(parties).await? {
            let mut passes = Passes::new(Accuracy::Fine);
            passes.resume(&state)?;
            self.load(state.shared)?;
            return Ok(passes);
        }
        if let Some(start) = &course.start {
            let growth = objective.response.growth(curvature);
            self.current = objective.point_of(parties, start, growth).await?;
            self.ahead.clone_from(&self.current);
        }
        Ok(Passes::new(Accuracy::Fine))
    }

    fn save(&self) -> Shared {
        let words = [&self.current[..], &self.ahead].concat();
        Shared { words, ..Shared::default() }
    }

    fn load(&mut self, shared: Shared) -> Result<(), ModelError> {
        let Shared { mut words, wide, bits } = shared;
        if words.len() != 2 * self.current.len() || !wide.is_empty() || !bits.is_empty() {
            return Err(misfit());
        }
        self.ahead = words.split_off(self.current.len());
        self.current = words;
        Ok(())
    }
}

#[cfg(test)]
mod tests;
