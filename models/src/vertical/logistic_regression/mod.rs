//! Logistic regression over two parties' columns, in `strict` privacy.
//!
//! # Functionality
//! The guest (first party) holds labels y, optional row weights ω and its columns, the host (second
//! party) holds other columns of the same rows in the same order. Both end with their own
//! coefficients of the model that minimises
//! `Σ ω_i·logloss(y_i, b + x_i·w)/Σ ω_i + l2/2·‖w‖² + l1·‖w‖₁`; the intercept b is free and
//! belongs to the guest. Features of the host may be bins whose weight of evidence the guest keeps
//! ([`woe`]). With early stopping the last rows are held out: when their loss has risen in as many
//! passes in a row as the patience says, both end with the coefficients from before these passes.
//! If asked for, each party also learns the standard errors of its own coefficients
//! ([`standard_errors`]). Categories of very many levels ([`train_with_levels`]) add
//! `level_rows/(4·n)/2·‖u‖²` for their levels' coefficients u.
//! # Messages
//! 1. once: `weighted` guest → host, whether rows have weights; `woe_shape` both ways, with weight
//!    of evidence: numbers of rows and bins; `early_stopping` both ways, with early stopping: the
//!    patience, and numbers of training and validation rows; `level_shape` both ways, with
//!    categories: their numbers of levels, and what sets `mpc::indicators` up
//! 2. once: the parts of the encrypted products that never change (`mpc::matrix`)
//! 3. where there are many rows, passes over the first ones as in 4, without a stop bit; where an
//!    earlier run is taken up (`course`), `refresh` both ways instead (`mpc::refresh`)
//! 4. per pass: the scores (`mpc::matrix`), the probabilities (`mpc::sigmoid`), the gradient
//!    (`mpc::matrix`), truncations, and one stop bit; with weight of evidence, products with the
//!    guest's values before the scores and after the gradient (`mpc::known`); with early stopping,
//!    the gradient of the validation rows, and the count of passes (`mpc::boolean`); with
//!    categories, their parts of scores and gradients (`mpc::indicators`)
//! 5. if asked for, those of [`standard_errors`]
//! 6. `share` both ways, at the end: each party's own coefficients
//! # Leaks
//! To both: numbers of rows, columns and bins, of categories and about of their levels, whether
//! rows have weights, the number of passes, one stop bit per pass, which is set when training goes
//! over to the fine sigmoid and when it ends. To each party: its own final coefficients. Nothing
//! else; scores and gradients stay shared, and with early stopping also whether the validation loss
//! rose, in each pass and at the end.
//! # Security
//! Semi-honest, two parties, no third. Ring-LWE at 128 bits (quantum) for the products, correlated
//! transfers for comparisons; see `mpc`.
//! # Cost
//! Per pass 28 flights, with the fine sigmoid 29 (more with l1 or weight of evidence), and, both
//! ways together, 350 bytes for each row, with the fine sigmoid 1 KB (rows in whole 8192), 150 KiB
//! for each T columns and 530 KiB more; T is what `mpc::matrix` packs into one element, about 16
//! for a thousand columns and 300,000 rows. From 65,536 training rows on, and 16 for each variable,
//! there are 8 passes before these over an eighth of the rows at most; they open nothing, and cost
//! 38 bytes for each of all rows and 310 for each row of the sample. See the bench `vertical-lr`.
//! With early stopping every pass is fine and over all rows, and there are 6 flights more (and more
//! with weight of evidence), 37.5 bytes for each row and 116 KiB for each party, and 2 flights at
//! the end. A category of L levels takes 2 products of `mpc::indicators` and 2 scalings in a pass,
//! 72 bytes for each level, and 8 flights.
//! # Reference
//! Products with plain features and shared weights: Chen et al., "When homomorphic encryption
//! marries secret sharing" (CAESAR), KDD 2021. Optimiser: Nesterov's accelerated gradient after
//! each party's own whitening (`whitening`), with secret restarts, proximal for l1 (`optimiser`).

mod dense;
pub(in crate::vertical) mod descent;
pub(in crate::vertical) mod early_stopping;
pub(in crate::vertical) mod objective;
pub(in crate::vertical) mod optimiser;
pub(in crate::vertical) mod whitening;
pub mod woe;

use mpc::TwoParty;
use mpc::matrix::{Blocks, Geometry, ROWS_STEP};
use mpc::sigmoid::Accuracy;
use net::Session;

use super::course::{Course, Passes};
use super::generalized_linear::response::{RESIDUAL_BITS, Residuals, Response};
use super::standard_errors::{self, StandardErrors};
use crate::ModelError;
use crate::levels::LevelColumns;
use crate::vertical::levels::{self, LevelBlock, Loss};
use objective::{Objective, Prepared};
use optimiser::Optimiser;
use whitening::{Shape, Whitened, column_bits};
use woe::{Woe, WoeBlock};

/// Training rows that fixed point can average exactly enough: fewer have no statistics, more would
/// leave the 64-bit ring.
pub const ROWS_MIN: usize = 64;
/// See [`ROWS_MIN`].
pub const ROWS_MAX: usize = 1 << 22;

/// The largest curvature of a row's logistic loss.
pub(in crate::vertical) const STEEPNESS: f64 = 0.25;
/// Residuals are below 1.
const LOSS: Loss = Loss { steepness: STEEPNESS, residual_bits: RESIDUAL_BITS, mean_bits: 0 };

/// Passes over the sample before those over all rows.
const SAMPLE_PASSES: usize = 8;
/// The sample is at most this part of the training rows…
const SAMPLE_PART: usize = 8;
/// … and has at least this many rows for each variable, else its optimum lies too far from that of
/// all rows.
const SAMPLE_ROWS: usize = 16;
/// Passes that the products are packed for; training takes about so many.
pub(in crate::vertical) const QUERIES: usize = 20;

/// What to minimise and when to stop.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    /// Weight of ‖w‖²/2, at least 0.
    pub l2: f64,
    /// Weight of ‖w‖₁, at least 0.
    pub l1: f64,
    /// Passes over the data after which training ends in any case.
    pub passes_max: usize,
    /// Training ends when the gradient's norm, in whitened variables, is at most this.
    pub tolerance: f64,
    /// Whether training also ends when the loss of validation rows rises.
    pub early_stopping: Option<EarlyStopping>,
    /// Whether each party learns the standard errors of its own coefficients (see
    /// [`standard_errors`]); not with an l1 penalty, early stopping or features whose weight of
    /// evidence the guest keeps.
    pub standard_errors: bool,
}

/// Stops training when the validation loss has risen in as many passes in a row as `patience`
/// says, and keeps the coefficients from before these passes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EarlyStopping {
    /// Passes, at least 1.
    pub patience: usize,
    /// How many rows, at least 1 and the last ones, are for validation and not trained on.
    pub validation_rows: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            l2: 0.01,
            l1: 0.0,
            passes_max: 500,
            tolerance: 5e-6,
            early_stopping: None,
            standard_errors: false,
        }
    }
}

/// The guest's labels, and weights if rows do not count alike.
#[derive(Debug, Clone, Copy)]
pub struct Labels<'a> {
    /// 0 or 1 for each row.
    pub values: &'a [u8],
    /// Weights of at least 0 for each row.
    pub weights: Option<&'a [f64]>,
}

/// One party's part of a trained model.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Coefficients {
    /// One for each of the party's own columns; at the host, after them one for each feature whose
    /// weight of evidence the guest keeps.
    pub weights: Vec<f64>,
    /// The guest's intercept; at the host what makes its part of the score 0 on average over the
    /// training rows.
    pub intercept: f64,
    /// Passes over the data.
    pub passes: usize,
    /// Whether training ended before its passes ran out: the gradient fell below the tolerance, or
    /// with early stopping the validation loss rose. Nobody knows which of the two.
    pub converged: bool,
    /// Those of the own coefficients, if they were asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub standard_errors: Option<StandardErrors>,
}

impl Coefficients {
    /// This party's part of the linear predictor of each row, from its own plain columns.
    pub fn partial_scores(&self, columns: &[&[f64]], rows: usize) -> Vec<f64> {
        let mut scores = vec![self.intercept; rows];
        for (column, weight) in columns.iter().zip(&self.weights) {
            for (score, value) in scores.iter_mut().zip(*column) {
                *score += weight * value;
            }
        }
        scores
    }
}

/// How many rows are for what; training rows come first.
#[derive(Debug, Clone, Copy)]
pub(in crate::vertical) struct Rows {
    pub(in crate::vertical) training: usize,
    pub(in crate::vertical) validation: usize,
}

impl Rows {
    pub(in crate::vertical) fn all(self) -> usize {
        self.training + self.validation
    }

    /// The logarithm of the number of training rows, rounded up.
    pub(in crate::vertical) fn log_training(self) -> u32 {
        usize::BITS - (self.training - 1).leading_zeros()
    }
}

/// Trains on `columns` (own columns, all finite, standardised; training rows, and after them the
/// validation rows if training stops early). The guest passes its labels, the host `None`.
///
/// # Errors
/// [`ModelError::InvalidInput`] for labels of one class, too few rows, values that are not finite;
/// [`ModelError::Secure`] when the peer fails or misbehaves.
#[net::boxed]
pub async fn train<'a>(
    party: &mut TwoParty,
    columns: &'a [&[f64]],
    labels: Option<Labels<'a>>,
    settings: &Settings,
) -> Result<Coefficients, ModelError> {
    train_with_woe(party, columns, labels, None, settings, Course::default()).await
}

/// [`train`] with features of the host whose weight of evidence stays with the guest (see [`woe`]);
/// the host's `columns` may be empty then. Both parties pass their part, or both `None`. The
/// `course` says where training begins, and what is kept of it on the way.
///
/// # Errors
/// Those of [`train`], and [`ModelError::InvalidInput`] for a part that does not fit the rows, or a
/// checkpoint that is none of this training.
#[net::boxed]
pub async fn train_with_woe<'a>(
    party: &mut TwoParty,
    columns: &'a [&[f64]],
    labels: Option<Labels<'a>>,
    woe: Option<&Woe<'_>>,
    settings: &Settings,
    course: Course<'a>,
) -> Result<Coefficients, ModelError> {
    let features = Features { columns, woe, levels: None };
    Ok(train_on(party, features, labels, settings, course).await?.0)
}

/// [`train`] with categories of very many levels besides plain columns, of which the host needs one
/// at least: also returns the coefficients of the levels of each own category. Both parties call
/// it, a party without such categories too. Not with an l1 penalty, early stopping, standard
/// errors, or coefficients to begin with.
///
/// # Errors
/// Those of [`train_with_woe`], and [`ModelError::InvalidInput`] for what is not possible.
#[net::boxed]
pub async fn train_with_levels<'a>(
    party: &mut TwoParty,
    columns: &'a [&[f64]],
    levels: LevelColumns<'a>,
    labels: Option<Labels<'a>>,
    settings: &Settings,
    course: Course<'a>,
) -> Result<(Coefficients, Vec<Vec<f64>>), ModelError> {
    levels::check(party, columns, settings, &course)?;
    let features = Features { columns, woe: None, levels: Some(levels) };
    train_on(party, features, labels, settings, course).await
}

/// What a party trains on.
#[derive(Clone, Copy)]
struct Features<'a, 'b> {
    columns: &'a [&'a [f64]],
    woe: Option<&'b Woe<'b>>,
    levels: Option<LevelColumns<'a>>,
}

/// The party's coefficients, and those of the levels of its categories.
async fn train_on<'a>(
    party: &mut TwoParty,
    features: Features<'a, '_>,
    labels: Option<Labels<'a>>,
    settings: &Settings,
    mut course: Course<'a>,
) -> Result<(Coefficients, Vec<Vec<f64>>), ModelError> {
    let Features { columns, woe, levels } = features;
    let rows = check(party.is_first(), columns, labels, woe, settings)?;
    let weighted = agree_on_weights(party, labels.map(|labels| labels.weights.is_some())).await?;
    agree_on_stopping(party, settings, rows).await?;
    let mut prepared = prepare(party, columns, woe, rows, settings, STEEPNESS).await?;
    let bits = column_bits(rows.training);
    prepared.levels = LevelBlock::agree(party, levels.as_ref(), rows, bits, LOSS).await?;
    let geometry = agree_on_geometry(party, &prepared, settings, 1).await?;
    let response = async |party: &mut TwoParty| Response::logistic(party, labels, rows).await;
    let objective = Objective::prepare(party, &prepared, &geometry, response).await?;
    let (result, ending) =
        descend(party, &objective, &prepared, settings, weighted, &mut course).await?;
    let errors =
        standard_errors::learn(party, columns, &objective, &prepared, &result, settings).await?;
    let mut own = learn(party, &objective, &prepared, &result, ending, errors).await?;
    let of_levels = levels::split_off(&mut own.weights, levels.as_ref());
    Ok((own, of_levels))
}

/// How training ended.
#[derive(Debug, Clone, Copy)]
pub(in crate::vertical) struct Ending {
    pub(in crate::vertical) passes: usize,
    pub(in crate::vertical) converged: bool,
}

impl From<Passes> for Ending {
    fn from(passes: Passes) -> Self {
        Self { passes: passes.done, converged: passes.converged == Some(true) }
    }
}

/// Minimises a loss whose curvature the whitening bounds; the shared result.
pub(in crate::vertical) async fn descend(
    party: &mut TwoParty,
    objective: &Objective<'_>,
    prepared: &Prepared,
    settings: &Settings,
    weighted: bool,
    course: &mut Course<'_>,
) -> Result<(Blocks, Ending), ModelError> {
    let thresholds = thresholds(party, prepared, settings);
    let curvature = curvature(weighted, prepared.rows.training);
    let mut optimiser = Optimiser::new(objective.space(1), settings, &thresholds, curvature)
        .with_sketch(objective.sketch(party));
    // With early stopping the way counts, not only where it ends.
    let is_direct = settings.early_stopping.is_none() && objective.has_coarse_residuals();
    let is_plain = is_direct && prepared.levels.categories() == 0;
    let sample = sample(prepared.rows, objective.own + objective.theirs).filter(|_| is_plain);
    let mut passes = Passes::new(if is_direct { Accuracy::Coarse } else { Accuracy::Fine });
    if let Some(state) = course.resume(party).await? {
        passes = Passes::of(&state)?;
        optimiser.load(party, state.shared, passes.done)?;
    } else if let Some(start) = &course.start {
        // Nearer to the optimum than that of a sample. Bounded residuals do not grow with it.
        let growth = if objective.has_coarse_residuals() { 1.0 } else { curvature };
        let point = objective.point_of(party, start, growth).await?;
        optimiser.begin(party, point);
    } else if let Some(sample) = sample {
        let share = sample as f64 / prepared.rows.training as f64;
        for _ in 0..SAMPLE_PASSES.min(settings.passes_max) {
            let point = optimiser.point();
            let gradients = objective.gradients(party, point, sample, Accuracy::Coarse).await?;
            optimiser.approach(party, gradients, share).await?;
        }
        optimiser.rest(party);
    }
    while passes.converged.is_none() {
        party.session.report_progress(passes.done, settings.passes_max);
        let (point, accuracy) = (optimiser.point(), passes.accuracy);
        let gradients = objective.gradients(party, point, prepared.rows.all(), accuracy).await?;
        let stop = optimiser.step(party, gradients, accuracy).await?;
        passes.count(stop, settings.passes_max);
        course.keep(passes.done, || passes.state(optimiser.save(party)));
    }
    Ok((optimiser.result(party).await?, passes.into()))
}

/// Opens to each party its own coefficients.
pub(in crate::vertical) async fn learn(
    party: &mut TwoParty,
    objective: &Objective<'_>,
    prepared: &Prepared,
    result: &Blocks,
    ending: Ending,
    standard_errors: Option<StandardErrors>,
) -> Result<Coefficients, ModelError> {
    let all = learn_vectors(party, objective, prepared, result).await?;
    let (weights, intercept) = all.into_iter().next().unwrap_or_default();
    let Ending { passes, converged } = ending;
    Ok(Coefficients { weights, intercept, passes, converged, standard_errors })
}

/// Opens to each party its own weights and intercept, for each of the vectors of coefficients.
pub(in crate::vertical) async fn learn_vectors<R: Residuals>(
    party: &mut TwoParty,
    objective: &Objective<'_, R>,
    prepared: &Prepared,
    result: &Blocks,
) -> Result<Vec<(Vec<f64>, f64)>, ModelError> {
    let is_guest = party.is_first();
    let all = objective.learn_coefficients(party, result).await?;
    let parts =
        all.into_iter().map(|weights| with_intercept(&prepared.whitened, is_guest, weights));
    Ok(parts.collect())
}

/// A party's weights and its intercept, from its coefficients.
pub(in crate::vertical) fn with_intercept(
    whitened: &Whitened,
    is_guest: bool,
    mut weights: Vec<f64>,
) -> (Vec<f64>, f64) {
    let offset = whitened.offset(&weights);
    // The guest's intercept is the last of its columns; levels follow.
    let intercept = if is_guest { weights.remove(whitened.width() - 1) } else { offset };
    (weights, intercept)
}

/// How many rows, the first ones, the first passes go over; `None` if only all rows will do. The
/// order of rows is public, and random in a job.
fn sample(rows: Rows, variables: usize) -> Option<usize> {
    let sample = rows.training / SAMPLE_PART / ROWS_STEP * ROWS_STEP;
    (sample > 0 && sample >= SAMPLE_ROWS * variables).then_some(sample)
}

/// Agrees on the shape of the products, packed for as many passes as training is likely to take,
/// each with so many `vectors` of coefficients.
pub(in crate::vertical) async fn agree_on_geometry(
    party: &mut TwoParty,
    prepared: &Prepared,
    settings: &Settings,
    vectors: usize,
) -> Result<Geometry, ModelError> {
    let (rows, columns) = (prepared.rows.all(), prepared.columns.len());
    Ok(Geometry::agree(party, rows, columns, vectors * QUERIES.min(settings.passes_max)).await?)
}

/// Makes a party's columns ready for the products; `steepness` bounds the curvature of a row's
/// loss.
pub(in crate::vertical) async fn prepare(
    party: &mut TwoParty,
    columns: &[&[f64]],
    woe: Option<&Woe<'_>>,
    rows: Rows,
    settings: &Settings,
    steepness: f64,
) -> Result<Prepared, ModelError> {
    let block = WoeBlock::agree(party, woe, rows, settings.l2).await?;
    let (session, is_guest) = (&party.session, party.is_first());
    let mut whitened = whiten(session, is_guest, columns, rows, settings, steepness).await?;
    let plain = std::mem::take(&mut whitened.columns);
    let add = || WoeBlock::with_indicators(plain, woe, rows.all());
    let columns = party.session.compute(add).await;
    Ok(Prepared { columns, whitened, woe: block, levels: LevelBlock::default(), rows })
}

/// Tells the host whether rows have weights, which the guest passes.
pub(in crate::vertical) async fn agree_on_weights(
    party: &mut TwoParty,
    weighted: Option<bool>,
) -> Result<bool, ModelError> {
    const STEP: &str = "weighted";
    let session = &mut party.session;
    let host = if weighted.is_some() { session.peer() } else { session.me() };
    party.ledger.record("train.weighted", host, 1)?;
    if let Some(weighted) = weighted {
        session.send_bytes(STEP, vec![u8::from(weighted)]).await?;
        return Ok(weighted);
    }
    match session.receive_bytes(STEP, net::Size::Exactly(1)).await?.as_slice() {
        [weighted @ (0 | 1)] => Ok(*weighted == 1),
        _ => Err(session.misbehaved(STEP, "rows have weights, 1, or they have none, 0").into()),
    }
}

/// With early stopping, makes sure that both parties stop by the same rule on the same rows.
pub(in crate::vertical) async fn agree_on_stopping(
    party: &mut TwoParty,
    settings: &Settings,
    rows: Rows,
) -> Result<(), ModelError> {
    const STEP: &str = "early_stopping";
    let Some(EarlyStopping { patience, .. }) = settings.early_stopping else { return Ok(()) };
    let words = [patience as u64, rows.training as u64, rows.validation as u64];
    if party.session.exchange_words(STEP, &words, words.len()).await? == words {
        return Ok(());
    }
    let rule = "both need the same patience, training rows and validation rows";
    Err(party.session.misbehaved(STEP, rule).into())
}

/// Bound on the curvature of one party's block of the loss in whitened variables, which are made
/// without the guest's weights: the largest weight in units of the mean, as far as a host may know.
pub(in crate::vertical) fn curvature(weighted: bool, rows: usize) -> f64 {
    if weighted {
        mpc::sigmoid::ROW_SCALE_MAX * rows as f64 / rows.next_power_of_two() as f64
    } else {
        1.0
    }
}

/// Own columns after the change of variables; the guest's intercept is its last column.
pub(in crate::vertical) async fn whiten(
    session: &Session,
    is_guest: bool,
    columns: &[&[f64]],
    rows: Rows,
    settings: &Settings,
    steepness: f64,
) -> Result<Whitened, ModelError> {
    let ones = vec![1.0; rows.all()];
    let mut all = columns.to_vec();
    let mut penalised = vec![true; columns.len()];
    if is_guest {
        all.push(&ones);
        penalised.push(false);
    }
    let shape = Shape {
        training: rows.training,
        column_bits: column_bits(rows.training),
        penalised: &penalised,
        l2: settings.l2,
        steepness,
        separate: settings.l1 > 0.0,
        centred: !is_guest,
    };
    session.compute(|| Whitened::new(&all, &shape)).await
}

/// For each own variable, how far one step of the l1 penalty moves it; empty without one.
pub(in crate::vertical) fn thresholds(
    party: &TwoParty,
    prepared: &Prepared,
    settings: &Settings,
) -> Vec<f64> {
    let mut thresholds = thresholds_of_columns(&prepared.whitened, party.is_first(), settings);
    if settings.l1 > 0.0 && !party.is_first() {
        let woe = settings.l1 * prepared.woe.scale();
        thresholds.resize(prepared.whitened.width() + prepared.woe.features(), woe);
    }
    thresholds
}

/// The same for whitened columns alone.
pub(in crate::vertical) fn thresholds_of_columns(
    whitened: &Whitened,
    is_guest: bool,
    settings: &Settings,
) -> Vec<f64> {
    if settings.l1 == 0.0 {
        return Vec::new();
    }
    let width = whitened.width();
    let free = if is_guest { width - 1 } else { width };
    let threshold =
        |column| if column == free { 0.0 } else { settings.l1 * whitened.scale(column) };
    (0..width).map(threshold).collect()
}

pub(in crate::vertical) fn check(
    is_guest: bool,
    columns: &[&[f64]],
    labels: Option<Labels<'_>>,
    woe: Option<&Woe<'_>>,
    settings: &Settings,
) -> Result<Rows, ModelError> {
    let invalid = |what: String| Err(ModelError::InvalidInput(what));
    if is_guest != labels.is_some() {
        return invalid("the first party, and only it, brings the labels".to_owned());
    }
    let rows = labels.map(|labels| labels.values.len());
    let rows = rows.or(columns.first().map(|column| column.len())).or(woe.and_then(Woe::rows));
    let Some(rows) = rows else {
        return invalid("the host brings no column".to_owned());
    };
    let Some(rows) = divided(rows, settings.early_stopping) else {
        return invalid(format!(
            "{rows} rows; logistic regression needs {ROWS_MIN} to {ROWS_MAX}, and for early \
             stopping a patience and validation rows besides {ROWS_MIN} training rows"
        ));
    };
    if columns.iter().any(|column| column.len() != rows.all()) {
        return invalid("columns of different lengths".to_owned());
    }
    let penalties = [settings.l2, settings.l1];
    if penalties.iter().any(|penalty| !(0.0..=1e3).contains(penalty)) || settings.tolerance <= 0.0 {
        return invalid("l2 and l1 lie in 0 to 1000, the tolerance above 0".to_owned());
    }
    if settings.standard_errors {
        standard_errors::check(settings.l1, labels.and_then(|labels| labels.weights))?;
        if settings.early_stopping.is_some() || woe.is_some() {
            return invalid(
                "standard errors are those of an optimum over known columns: with early stopping, \
                 or features whose weight of evidence the guest keeps, set standard_errors to false"
                    .to_owned(),
            );
        }
    }
    if let Some(labels) = labels {
        let training = &labels.values[..rows.training];
        let positives: usize = training.iter().map(|label| usize::from(*label == 1)).sum();
        let one_class = positives == 0 || positives == rows.training;
        if labels.values.iter().any(|label| *label > 1) || one_class {
            return invalid(format!(
                "labels must be 0 or 1 and of both kinds; {positives} of {} training rows are 1",
                rows.training
            ));
        }
    }
    Ok(rows)
}

/// Which of `rows` are for what; `None` if there are too few or too many.
pub(in crate::vertical) fn divided(
    rows: usize,
    early_stopping: Option<EarlyStopping>,
) -> Option<Rows> {
    let validation = early_stopping.map_or(0, |it| it.validation_rows);
    let training = rows.checked_sub(validation)?;
    let can_stop = early_stopping.is_none_or(|it| it.patience > 0 && it.validation_rows > 0);
    let fits = rows <= ROWS_MAX && training >= ROWS_MIN && can_stop;
    fits.then_some(Rows { training, validation })
}

#[cfg(test)]
mod tests;
