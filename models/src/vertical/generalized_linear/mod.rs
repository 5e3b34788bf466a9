//! Generalised linear models over two parties' columns, in `strict` privacy: linear, Poisson, gamma
//! and Tweedie regression.
//!
//! # Functionality
//! The guest (first party) holds targets y, optional row weights ω and offsets o, and its columns,
//! the host (second party) holds other columns of the same rows in the same order. Both end with
//! their own coefficients, and if asked for their standard errors (see
//! [`standard_errors`](super::standard_errors)), of the model that minimises
//! `Σ ω_i·loss(y_i, b + o_i + x_i·w)/Σ ω_i + l2/2·‖w‖² + l1·‖w‖₁`, where the loss is the
//! [`Family`]'s; the intercept b is free and belongs to the guest. With a logarithmic link, linear
//! predictors are clamped to where neither term of the loss's derivative is above e^6.25 (403 to
//! 518 times its value at the mean target) and to ±12.1 around it: the model is the optimum as long
//! as those of the training rows stay within. Categories of very many levels
//! ([`train_with_levels`]) add `κ·level_rows/n/2·‖u‖²` for their levels' coefficients u, with the κ
//! of [`level_curvature`].
//! # Messages
//! 1. once: `weighted` guest → host, whether rows have weights; `label_scale` guest → host, a power
//!    of two (not for gamma)
//! 2. once: the parts of the encrypted products that never change (`mpc::matrix`); where an earlier
//!    run is taken up (`course`), `refresh` both ways (`mpc::refresh`)
//! 3. per pass: the linear predictors (`mpc::matrix`), the means (`mpc::exponential`, or for linear
//!    regression truncations and with weights `mpc::known`), the gradient (`mpc::matrix`),
//!    truncations, and one stop bit; with a logarithmic link also products that judge the secret
//!    step (`mpc::multiplication`); with categories, their parts of predictors and gradients
//!    (`levels`)
//! 4. if asked for, those of [`standard_errors`](super::standard_errors)
//! 5. `share` both ways, at the end: each party's own coefficients
//! # Leaks
//! To both: numbers of rows and columns, whether rows have weights, the number of passes, one stop
//! bit per pass. To the host: the order of magnitude of the target, as a power of two (see
//! [`scaling`]), except for gamma; of categories what `levels` says. To each party: its own final
//! coefficients. Nothing else; linear predictors, gradients and the step's size stay shared.
//! # Security
//! Semi-honest, two parties, no third. Ring-LWE at 128 bits (quantum) for the products, correlated
//! transfers for comparisons; see `mpc`.
//! # Cost
//! Per pass and row, rows in whole 8192 and both ways together: 90 bytes for linear regression
//! (380 with weights), 520 for Poisson and gamma, 600 for Tweedie; and 150 KiB for each column and
//! twice more for each party. 21 flights for linear regression, 38 with a logarithmic link; with
//! categories what they cost in `levels`, and 72 bytes for each level, with a logarithmic link 470.
//! # Reference
//! Nelder and Wedderburn, "Generalized Linear Models", 1972. The engine is that of
//! [`logistic_regression`](super::logistic_regression); what differs are the residuals
//! (`response`), the change of units (`scaling`), and with a logarithmic link the step (`damped`).
//! Shared exponentials: Kelkar, Le, Raykova, Seth, "Secure Poisson Regression", USENIX Security
//! 2022.

pub(in crate::vertical) mod damped;
pub(in crate::vertical) mod information;
pub(in crate::vertical) mod response;
pub(in crate::vertical) mod scaling;

use mpc::TwoParty;
use mpc::matrix::Blocks;
use mpc::sigmoid::Accuracy;

pub use super::logistic_regression::{Coefficients, ROWS_MAX, ROWS_MIN};
pub use scaling::LabelScale;

use super::course::{Course, Passes};
use super::levels::{self, LevelBlock, Loss};
use super::logistic_regression::objective::{Objective, Prepared};
use super::logistic_regression::whitening::column_bits;
use super::logistic_regression::{self as engine, Ending, Rows};
use super::standard_errors;
use crate::ModelError;
use crate::family::Family;
use crate::levels::LevelColumns;
use damped::Damped;
use response::{LOG_RESIDUAL_BITS, RESIDUAL_BITS, Response};
use scaling::Scaling;

/// What to minimise and when to stop.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    /// Weight of ‖w‖²/2, at least 0.
    pub l2: f64,
    /// Weight of ‖w‖₁, at least 0.
    pub l1: f64,
    /// Passes over the data after which training ends in any case.
    pub passes_max: usize,
    /// Training ends when the gradient's norm, in whitened variables and units of the target's
    /// scale, is at most this; the step is secret with a logarithmic link, and its share of the
    /// norm too.
    pub tolerance: f64,
    /// Whether each party learns the standard errors of its own coefficients (see
    /// [`standard_errors`](super::standard_errors)); not with an l1 penalty.
    pub standard_errors: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self { l2: 0.01, l1: 0.0, passes_max: 500, tolerance: 5e-6, standard_errors: false }
    }
}

/// What the guest alone knows of the rows.
#[derive(Debug, Clone, Copy)]
pub struct Targets<'a> {
    /// What is to be predicted, within what the family allows.
    pub values: &'a [f64],
    /// Weights of at least 0 for each row; all alike where none are given.
    pub weights: Option<&'a [f64]>,
    /// Known parts of the linear predictors; 0 where none are given.
    pub offsets: Option<&'a [f64]>,
}

/// The largest curvature of a row's loss: exact for the squared one; with a logarithmic link that
/// of a row whose mean is the average target, and secret steps make up for others.
pub(in crate::vertical) const STEEPNESS: f64 = 1.0;

/// Trains on `columns` (own columns, all finite, standardised). The guest passes its targets, the
/// host `None`; both pass the same family and settings.
///
/// # Errors
/// [`ModelError::InvalidInput`] for targets that the family does not allow or that fixed point
/// cannot hold, too few rows, values that are not finite, and the binomial family, which
/// [`logistic_regression`](super::logistic_regression) trains; [`ModelError::Secure`] when the peer
/// fails or misbehaves.
#[net::boxed]
pub async fn train<'a>(
    party: &mut TwoParty,
    columns: &'a [&[f64]],
    targets: Option<Targets<'a>>,
    family: Family,
    settings: &Settings,
) -> Result<Coefficients, ModelError> {
    let trained = train_along(party, columns, targets, family, settings, Course::default()).await?;
    Ok(trained.0)
}

/// [`train`], where the `course` says where training begins and what is kept of it on the way; and
/// the scale of the targets, as both parties know it.
///
/// # Errors
/// Those of [`train`], and [`ModelError::InvalidInput`] for a checkpoint that is none of this
/// training.
#[net::boxed]
pub async fn train_along<'a>(
    party: &mut TwoParty,
    columns: &'a [&[f64]],
    targets: Option<Targets<'a>>,
    family: Family,
    settings: &Settings,
    course: Course<'a>,
) -> Result<(Coefficients, LabelScale), ModelError> {
    let features = Features { columns, levels: None };
    let (own, _, scale) = train_on(party, features, targets, family, settings, course).await?;
    Ok((own, scale))
}

/// [`train_along`] with categories of very many levels besides plain columns, of which the host
/// needs one at least: also returns the coefficients of the levels of each own category. Both
/// parties call it, a party without such categories too. Not with an l1 penalty, standard errors,
/// or coefficients to begin with.
///
/// # Errors
/// Those of [`train_along`], and [`ModelError::InvalidInput`] for what is not possible.
#[net::boxed]
pub async fn train_with_levels<'a>(
    party: &mut TwoParty,
    (columns, levels): (&'a [&[f64]], LevelColumns<'a>),
    targets: Option<Targets<'a>>,
    family: Family,
    settings: &Settings,
    course: Course<'a>,
) -> Result<(Coefficients, Vec<Vec<f64>>), ModelError> {
    levels::check(party, columns, &Scaling::default().settings(settings, family), &course)?;
    let features = Features { columns, levels: Some(levels) };
    let (own, of_levels, _) = train_on(party, features, targets, family, settings, course).await?;
    Ok((own, of_levels))
}

/// κ of [`LevelColumns::level_rows`], as both parties know it: with a logarithmic link the power of
/// two next to the curvature of a row with the average mean, 1 for the squared loss.
pub fn level_curvature(family: Family, scale: LabelScale) -> f64 {
    if family.log_link_power().is_some() { STEEPNESS * scale.power() } else { STEEPNESS }
}

/// What a party trains on.
#[derive(Clone, Copy)]
struct Features<'a> {
    columns: &'a [&'a [f64]],
    levels: Option<LevelColumns<'a>>,
}

/// The party's coefficients, those of the levels of its categories, and the scale of the targets.
async fn train_on<'a>(
    party: &mut TwoParty,
    features: Features<'a>,
    targets: Option<Targets<'a>>,
    family: Family,
    settings: &Settings,
    mut course: Course<'a>,
) -> Result<(Coefficients, Vec<Vec<f64>>, LabelScale), ModelError> {
    let Features { columns, levels } = features;
    let rows = check(party.is_first(), columns, targets, family, settings)?;
    let weighted =
        engine::agree_on_weights(party, targets.map(|targets| targets.weights.is_some())).await?;
    let scaling = Scaling::agree(party, targets, family).await?;
    let scaled = scaling.settings(settings, family);
    let is_guest = party.is_first();
    course.start.iter_mut().flatten().for_each(|start| scaling.redo(family, start, is_guest));
    let mut prepared = engine::prepare(party, columns, None, rows, &scaled, STEEPNESS).await?;
    let (bits, loss) = (column_bits(rows.training), loss_of(family));
    prepared.levels = LevelBlock::agree(party, levels.as_ref(), rows, bits, loss).await?;
    let geometry = engine::agree_on_geometry(party, &prepared, &scaled, 1).await?;
    let weights = targets.and_then(|targets| targets.weights);
    let response = async |party: &mut TwoParty| match family.log_link_power() {
        None => Response::identity(&scaling, weights, rows, weighted),
        Some(power) => Response::log(party, &scaling, power, weights, rows).await,
    };
    let objective = Objective::prepare(party, &prepared, &geometry, response).await?;
    let (result, ending) = if family.log_link_power().is_some() {
        descend_damped(party, &objective, &prepared, &scaled, &mut course).await?
    } else {
        engine::descend(party, &objective, &prepared, &scaled, weighted, &mut course).await?
    };
    let errors =
        standard_errors::learn(party, columns, &objective, &prepared, &result, &scaled).await?;
    let own = engine::learn(party, &objective, &prepared, &result, ending, errors).await?;
    let mut own = scaling.undo(family, own, party.is_first());
    let of_levels = levels::split_off(&mut own.weights, levels.as_ref());
    Ok((own, of_levels, scaling.label_scale()))
}

/// What levels need to know of the loss, in the units of the training. Factors of rows sum to
/// `2^log_rows`.
fn loss_of(family: Family) -> Loss {
    if family.log_link_power().is_some() {
        // Neither term of a row is above e^6.25 times its factor, and these times 1.5, nor times
        // the target, sum to more than 1.5·2^log_rows: at most 777 on average.
        return Loss { steepness: STEEPNESS, residual_bits: LOG_RESIDUAL_BITS, mean_bits: 10 };
    }
    // The mean is at most the root of the mean square, which begins at 1.5 and sinks but for what
    // the momentum overshoots, three times in the worst case.
    Loss { steepness: STEEPNESS, residual_bits: RESIDUAL_BITS, mean_bits: 4 }
}

async fn descend_damped(
    party: &mut TwoParty,
    objective: &Objective<'_>,
    prepared: &Prepared,
    settings: &engine::Settings,
    course: &mut Course<'_>,
) -> Result<(Blocks, Ending), ModelError> {
    let thresholds = engine::thresholds(party, prepared, settings);
    let mut optimiser = Damped::new(party, objective.space(1), settings, &thresholds)
        .with_sketch(objective.sketch(party));
    let mut passes = Passes::new(Accuracy::Fine);
    if let Some(state) = course.resume(party).await? {
        passes = Passes::of(&state)?;
        optimiser.load(state.shared, passes.done)?;
    } else if let Some(start) = &course.start {
        optimiser.begin(objective.point_of(party, start, 1.0).await?);
    }
    while passes.converged.is_none() {
        party.session.report_progress(passes.done, settings.passes_max);
        let point = optimiser.point(party);
        let gradients =
            objective.gradients(party, &point, objective.rows(), Accuracy::Fine).await?;
        let stop = optimiser.step(party, gradients).await?;
        passes.count(stop, settings.passes_max);
        course.keep(passes.done, || passes.state(optimiser.save()));
    }
    Ok((optimiser.result(party), passes.into()))
}

pub(in crate::vertical) fn check(
    is_guest: bool,
    columns: &[&[f64]],
    targets: Option<Targets<'_>>,
    family: Family,
    settings: &Settings,
) -> Result<Rows, ModelError> {
    let invalid = |what: String| Err(ModelError::InvalidInput(what));
    if family == Family::Binomial {
        return invalid("labels of 0 and 1 are for logistic regression".to_owned());
    }
    if let Family::Tweedie { power } = family
        && !(power > 1.0 && power < 2.0)
    {
        return invalid(format!("the power of the variance is {power}; it lies between 1 and 2"));
    }
    if is_guest != targets.is_some() {
        return invalid("the first party, and only it, brings the targets".to_owned());
    }
    let rows = targets.map(|targets| targets.values.len());
    let Some(rows) = rows.or(columns.first().map(|column| column.len())) else {
        return invalid("the host brings no column".to_owned());
    };
    if !(ROWS_MIN..=ROWS_MAX).contains(&rows) {
        return invalid(format!("{rows} rows; needed are {ROWS_MIN} to {ROWS_MAX}"));
    }
    if columns.iter().any(|column| column.len() != rows) {
        return invalid("columns of different lengths".to_owned());
    }
    let penalties = [settings.l2, settings.l1];
    if penalties.iter().any(|penalty| !(0.0..=1e3).contains(penalty)) || settings.tolerance <= 0.0 {
        return invalid("l2 and l1 lie in 0 to 1000, the tolerance above 0".to_owned());
    }
    targets.map_or(Ok(()), |targets| check_targets(targets, rows, family))?;
    if settings.standard_errors {
        let weights = targets.and_then(|targets| targets.weights);
        standard_errors::check(settings.l1, weights)?;
    }
    Ok(Rows { training: rows, validation: 0 })
}

pub(super) fn check_targets(
    targets: Targets<'_>,
    rows: usize,
    family: Family,
) -> Result<(), ModelError> {
    let further = [("weight", targets.weights), ("offset", targets.offsets)];
    for (what, values) in further {
        let Some(values) = values else { continue };
        if values.len() != rows || values.iter().any(|value| !value.is_finite()) {
            return Err(ModelError::InvalidInput(format!("{rows} finite {what}s are needed")));
        }
    }
    match targets.values.iter().position(|target| !family.allows(*target).1) {
        None => Ok(()),
        Some(row) => Err(ModelError::InvalidInput(format!(
            "the target of training row {} is {}; it must be {}",
            row + 1,
            targets.values[row],
            family.allows(0.0).0
        ))),
    }
}

#[cfg(test)]
mod tests;
