//! Regressions over the columns of one guest and several hosts, in `strict` privacy.
//!
//! # Functionality
//! Those of [`logistic_regression`](super::logistic_regression),
//! [`multinomial_regression`](super::multinomial_regression) and
//! [`generalized_linear`](super::generalized_linear) for two parties, among n: the first party is
//! the guest, all others are hosts, and each ends with its own coefficients, and if asked for with
//! their standard errors (of one class; see `standard_errors`). There is no weight of evidence that
//! stays with the guest.
//! # Messages
//! 1. once: `weighted` guest → each host, `classes` and `label_scale` where the model has them, and
//!    `told_by_guest` between each two, whether it told all the same; with early stopping
//!    `early_stopping` between each two; the parts of the encrypted products that never change,
//!    between each two parties (`mpc::several::matrix`), and keys of what the residuals need; where
//!    an earlier run is taken up or training begins with coefficients, `refresh` between each two
//!    (`mpc::refresh`)
//! 2. per pass: the scores, the residuals, the gradient, truncations, and one stop bit; with a
//!    logarithmic link also products with the secret step; with early stopping the gradient of the
//!    validation rows, and the count of passes
//! 3. if asked for, those of `standard_errors`
//! 4. `share` to each party, at the end: its own coefficients
//! # Leaks
//! To all: numbers of rows and of each party's columns, whether rows have weights, the number of
//! passes, one stop bit per pass; with standard errors whether columns are collinear. To each
//! party: its own final coefficients, of every class, and the variances if asked for. To
//! each host, of several classes: how many there are; of linear, Poisson and Tweedie regression:
//! the order of magnitude of the target, as a power of two.
//! # Security
//! Semi-honest, against any n - 1 parties together; see `mpc::several`. The columns of two hosts
//! meet in shares only.
//! # Cost
//! Per pass, for each row in whole 8192, what the block of the residuals says
//! (`mpc::several::{sigmoid, softmax, exponential}`), and between each two parties what
//! `mpc::matrix` says, for all classes but the last; every pass is over all rows.
//! # Reference
//! Those of the modules for two parties; the joint curvature of n blocks is at most n
//! (`whitening`).

pub mod generalized_linear;
mod information;
pub mod logistic_regression;
pub mod multinomial_regression;
mod objective;
mod response;
mod standard_errors;

use mpc::refresh::Shared;
use mpc::several::matrix::{Geometries, SharedProducts};
use mpc::several::reveal::open_bit;
use mpc::several::{Parties, compare};
use mpc::sigmoid::Accuracy;
use net::together;

use super::course::{Course, Passes, misfit};
use super::generalized_linear::damped::Damped;
use super::logistic_regression::descent::{Descent, Pass};
use super::logistic_regression::early_stopping::Patience;
use super::logistic_regression::objective::Space;
use super::logistic_regression::optimiser::{INVERSE_STEP_PER_BLOCK, soften};
use super::logistic_regression::{
    Coefficients, Ending, QUERIES, Rows, Settings, agree_on_stopping, agree_on_weights, curvature,
    thresholds_of_columns, whiten,
};
use super::standard_errors::StandardErrors;
use crate::ModelError;
use objective::{Gradients, Objective};
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
    /// How many classes have coefficients: 1 but for a label of several.
    classes: usize,
}

/// What a party has after training.
struct Trained {
    /// The own weights and intercept of each class, of which there is one but for a label of
    /// several.
    of_classes: Vec<(Vec<f64>, f64)>,
    ending: Ending,
    standard_errors: Option<StandardErrors>,
}

impl Trained {
    /// Those of a model with one vector.
    fn coefficients(self) -> Coefficients {
        let (weights, intercept) = self.of_classes.into_iter().next().unwrap_or_default();
        let Ending { passes, converged } = self.ending;
        let standard_errors = self.standard_errors;
        Coefficients { weights, intercept, passes, converged, standard_errors }
    }
}

/// Trains with the residuals of `response`.
async fn train(
    parties: &mut Parties,
    task: &Task<'_>,
    response: impl AsyncFnOnce(&mut Parties) -> Result<Response, ModelError>,
    course: &mut Course<'_>,
) -> Result<Trained, ModelError> {
    let &Task { columns, rows, settings, steepness, .. } = task;
    let is_guest = parties.is_first();
    compare_told(parties, task).await?;
    let links = parties.links().iter_mut();
    together(links.map(|link| agree_on_stopping(link, settings, rows))).await?;
    let whitened = whiten(parties.session(), is_guest, columns, rows, settings, steepness).await?;
    let passes = task.classes * QUERIES.min(settings.passes_max);
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
    let standard_errors =
        standard_errors::learn(parties, columns, &objective, &result, settings).await?;
    let of_classes = objective.learn(parties, &result).await?;
    Ok(Trained { of_classes, ending, standard_errors })
}

/// Whether rows have weights, which the guest passes and says to each host.
async fn weighted(parties: &mut Parties, weighted: Option<bool>) -> Result<bool, ModelError> {
    let peers = peers_of_guest(parties);
    let links = parties.links().iter_mut().take(peers);
    let answers = together(links.map(|link| agree_on_weights(link, weighted))).await?;
    Ok(answers.contains(&true))
}

/// Makes sure that the guest told every host the same of the label and the rows.
async fn compare_told(parties: &mut Parties, task: &Task<'_>) -> Result<(), ModelError> {
    let told = [task.classes as u64, u64::from(task.weighted)];
    let guest = parties.name(0).to_owned();
    let says = |place: usize, [theirs, ours]: [u64; 2]| {
        let what = ["a number of classes", "whether rows have weights"][place];
        let rule = format!("{guest} told it {theirs} as {what}, and here it is {ours}");
        (guest.clone(), rule)
    };
    Ok(compare(parties.sessions(), "told_by_guest", &told, says).await?)
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
    let mut at = Position::zero(objective, settings);
    let mut passes = at.begin(parties, objective, course, curvature).await?;
    while passes.converged.is_none() {
        parties.session().report_progress(passes.done, settings.passes_max);
        let Gradients { training, validation } = objective.gradients(parties, &at.ahead).await?;
        let next = descent.propose(parties, &at.ahead, &training, 1.0).await?;
        let next = soften(parties, next, &thresholds).await?;
        let Position { current, ahead, .. } = &at;
        let pass = Pass { current, ahead, next: &next, validation: &validation };
        let (beyond, verdict) = descent.judge(parties, &pass, bound, passes.done as u32).await?;
        at.ahead = beyond;
        let before = std::mem::replace(&mut at.current, next);
        let stop = match &mut at.patience {
            Some(patience) => {
                let uphill = verdict.uphill_validation;
                patience.judge(parties, before, uphill, verdict.small).await?
            }
            None => verdict.small,
        };
        let stop = open_bit(parties, "train.stop", stop).await?;
        passes.count(stop, settings.passes_max);
        course.keep(passes.done, || passes.state(at.save()));
    }
    let result = match &at.patience {
        Some(patience) => patience.choose(parties, &at.current).await?,
        None => at.current,
    };
    Ok((result, passes.into()))
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
    let (own, blocks) = (objective.variables(), parties.count());
    let space = Space { own, theirs: 0, blocks, unit: objective.unit() };
    let mut optimiser = Damped::among(parties, space, &settings, pulls);
    let mut passes = Passes::new(Accuracy::Fine);
    if let Some(state) = course.resume(parties).await? {
        passes = Passes::of(&state)?;
        optimiser.load(state.shared, passes.done)?;
    } else if let Some(start) = &course.start {
        optimiser.begin(objective.point_of(parties, start, 1.0).await?);
    }
    while passes.converged.is_none() {
        parties.session().report_progress(passes.done, settings.passes_max);
        let gradients = objective.gradients(parties, optimiser.ahead()).await?;
        let small = optimiser.advance(parties, gradients.training).await?;
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
    /// The last passes, if training stops early.
    patience: Option<Patience>,
}

impl Position {
    fn zero(objective: &Objective<'_>, settings: &Settings) -> Self {
        let zero = vec![0; objective.variables()];
        let patience = settings.early_stopping.map(|it| Patience::new(it.patience));
        Self { current: zero.clone(), ahead: zero, patience }
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
            let passes = Passes::of(&state)?;
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
        let mut shared = Shared { words, ..Shared::default() };
        if let Some(patience) = &self.patience {
            patience.save(&mut shared);
        }
        shared
    }

    fn load(&mut self, shared: Shared) -> Result<(), ModelError> {
        let Shared { words, wide, bits } = shared;
        let size = self.current.len();
        let (Some(current), Some(ahead)) = (words.get(..size), words.get(size..2 * size)) else {
            return Err(misfit());
        };
        let earlier = &words[2 * size..];
        let fits = match &mut self.patience {
            Some(patience) => patience.load(earlier, bits, size),
            None => earlier.is_empty() && bits.is_empty(),
        };
        if !fits || !wide.is_empty() {
            return Err(misfit());
        }
        (self.current, self.ahead) = (current.to_vec(), ahead.to_vec());
        Ok(())
    }
}

#[cfg(test)]
mod tests;
