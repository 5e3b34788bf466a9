//! Multinomial logistic regression over two parties' columns, in `strict` privacy.
//!
//! # Functionality
//! The guest (first party) holds the class y of each row, one of 3 to [`CLASSES_MAX`], optional row
//! weights ω and its columns, the host (second party) holds other columns of the same rows in the
//! same order. Both end with their own coefficients, for each class, of the model that minimises
//! `Σ ω_i·logloss(y_i, softmax(b + x_i·w))/Σ ω_i + l2/2·‖w‖²`; the intercepts b are free and belong
//! to the guest. Coefficients add up to 0 over the classes. Early stopping is that of
//! [`logistic_regression`](super::logistic_regression).
//! # Messages
//! 1. once: `classes` guest → host, how many there are; `weighted` guest → host, whether rows have
//!    weights; `early_stopping` both ways, with early stopping
//! 2. once: the parts of the encrypted products that never change (`mpc::matrix`); where an earlier
//!    run is taken up (`course`), `refresh` both ways (`mpc::refresh`)
//! 3. per pass: the scores of all classes but the last at once (`mpc::matrix`), the probabilities
//!    (`mpc::softmax`), the gradients of these classes at once (`mpc::matrix`), truncations, and
//!    one stop bit; with early stopping, the gradients of the validation rows, and the count of
//!    passes (`mpc::boolean`)
//! 4. `share` both ways, at the end: each party's own coefficients
//! # Leaks
//! To both: numbers of rows and columns, whether rows have weights, the number of passes, one stop
//! bit per pass. To the host: the number of classes. To each party: its own final coefficients of
//! every class, without the classes' names at the host. Nothing else; scores, probabilities and
//! gradients stay shared.
//! # Security
//! Semi-honest, two parties, no third; see `mpc`.
//! # Cost
//! Per pass, for K classes: K - 1 times the bytes of the products of a pass of logistic regression
//! in the flights of one, and the softmax (`mpc::softmax`): for four classes 4.3 KB for each row,
//! rows times classes in whole 8192. Scores and gradients add up to 0 over the classes, so that the
//! last class takes no products. See the bench `vertical-lr` for those of one class.
//! # Reference
//! Hastie, Tibshirani, Friedman, "The Elements of Statistical Learning", 2nd edition, 2009, section
//! 4.4. The softmax's curvature is at most 1/2 of the identity: Böhning, "Multinomial logistic
//! regression algorithm", Annals of the Institute of Statistical Mathematics 44 (1992); the engine
//! is that of [`logistic_regression`](super::logistic_regression).

use mpc::TwoParty;
use mpc::matrix::Blocks;
use mpc::sigmoid::Accuracy;
use mpc::softmax::{FACTOR_BITS, Factors, Softmax};

pub use mpc::softmax::CLASSES_MAX;

use super::course::{Course, Passes, Start};
use super::generalized_linear::response::{RESIDUAL_BITS, Residuals, row_scales};
use super::logistic_regression::objective::{
    Gradients, Objective, from_party_order, in_party_order,
};
use super::logistic_regression::optimiser::Optimiser;
use super::logistic_regression::{self as engine, Ending, Rows, Settings};
use crate::ModelError;

/// Fewest classes: two are for logistic regression.
pub const CLASSES_MIN: usize = 3;

/// The largest curvature of a row's loss.
pub(in crate::vertical) const STEEPNESS: f64 = 0.5;

/// The guest's labels, and weights if rows do not count alike.
#[derive(Debug, Clone, Copy)]
pub struct Labels<'a> {
    /// How many classes there are.
    pub classes: usize,
    /// The class of each row, counted from 0.
    pub values: &'a [u8],
    /// Weights of at least 0 for each row.
    pub weights: Option<&'a [f64]>,
}

/// One party's part of a trained model.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct ClassCoefficients {
    /// For each class one for each of the party's own columns.
    pub weights: Vec<Vec<f64>>,
    /// For each class the guest's intercept; at the host what makes its part of the score 0 on
    /// average over the training rows.
    pub intercepts: Vec<f64>,
    /// Passes over the data.
    pub passes: usize,
    /// Whether training ended before its passes ran out.
    pub converged: bool,
}

impl ClassCoefficients {
    /// For each class, this party's part of the score of each row, from its own plain columns.
    pub fn partial_scores(&self, columns: &[&[f64]], rows: usize) -> Vec<Vec<f64>> {
        let of_class = |(weights, intercept): (&Vec<f64>, &f64)| {
            let mut scores = vec![*intercept; rows];
            for (column, weight) in columns.iter().zip(weights) {
                for (score, value) in scores.iter_mut().zip(*column) {
                    *score += weight * value;
                }
            }
            scores
        };
        self.weights.iter().zip(&self.intercepts).map(of_class).collect()
    }
}

/// What the residuals of all classes follow from.
struct Classes {
    softmax: Softmax,
    rows: ClassRows,
}

/// The rows' classes and factors, which are the guest's.
pub(in crate::vertical) struct ClassRows {
    /// The number of classes.
    pub(in crate::vertical) count: usize,
    /// Whether rows have factors of their own.
    own_factors: bool,
    /// The factor of all rows else, with [`FACTOR_BITS`].
    even: i64,
    /// The factors of the rows, with [`FACTOR_BITS`]; those of ones at hosts.
    scales: Vec<i64>,
    /// The class of each row; empty at hosts.
    labels: Vec<u8>,
}

impl Residuals for Classes {
    fn residual_bits(&self) -> u32 {
        RESIDUAL_BITS
    }
}

/// Trains on `columns` (own columns, all finite, standardised; training rows, and after them the
/// validation rows if training stops early). The guest passes its labels, the host `None`; both
/// pass the same settings, without l1 and standard errors.
///
/// # Errors
/// [`ModelError::InvalidInput`] for labels or settings that do not fit, too few rows, values that
/// are not finite; [`ModelError::Secure`] when the peer fails or misbehaves.
#[net::boxed]
pub async fn train<'a>(
    party: &mut TwoParty,
    columns: &'a [&[f64]],
    labels: Option<Labels<'a>>,
    settings: &Settings,
) -> Result<ClassCoefficients, ModelError> {
    train_along(party, columns, labels, settings, Course::default()).await
}

/// [`train`], where the `course` says where training begins and what is kept of it on the way.
///
/// # Errors
/// Those of [`train`], and [`ModelError::InvalidInput`] for a checkpoint that is none of this
/// training.
#[net::boxed]
pub async fn train_along<'a>(
    party: &mut TwoParty,
    columns: &'a [&[f64]],
    labels: Option<Labels<'a>>,
    settings: &Settings,
    mut course: Course<'a>,
) -> Result<ClassCoefficients, ModelError> {
    let rows = check(party.is_first(), columns, labels, settings)?;
    let count = agree_on_classes(party, labels).await?;
    let weights = labels.map(|labels| labels.weights.is_some());
    let weighted = engine::agree_on_weights(party, weights).await?;
    engine::agree_on_stopping(party, settings, rows).await?;
    let prepared = engine::prepare(party, columns, None, rows, settings, STEEPNESS).await?;
    let geometry = engine::agree_on_geometry(party, &prepared, settings, count).await?;
    let response = async |party: &mut TwoParty| {
        let rows = ClassRows::new(labels, rows, count, weighted)?;
        Ok(Classes { softmax: Softmax::prepare(party).await?, rows })
    };
    let objective = Objective::prepare(party, &prepared, &geometry, response).await?;
    let (result, ending) =
        descend(party, &objective, rows, settings, weighted, &mut course).await?;
    let all = engine::learn_vectors(party, &objective, &prepared, &result).await?;
    let (weights, intercepts) = all.into_iter().unzip();
    let Ending { passes, converged } = ending;
    Ok(ClassCoefficients { weights, intercepts, passes, converged })
}

async fn descend(
    party: &mut TwoParty,
    objective: &Objective<'_, Classes>,
    rows: Rows,
    settings: &Settings,
    weighted: bool,
    course: &mut Course<'_>,
) -> Result<(Blocks, Ending), ModelError> {
    let curvature = engine::curvature(weighted, rows.training);
    let count = objective.response().rows.count;
    let mut optimiser = Optimiser::new(objective.space(count), settings, &[], curvature);
    let mut passes = Passes::new(Accuracy::Fine);
    if let Some(state) = course.resume(party).await? {
        passes = Passes::of(&state)?;
        optimiser.load(party, state.shared, passes.done)?;
    } else if let Some(start) = &course.start {
        let point = point_of(party, objective, start).await?;
        optimiser.begin(party, point);
    }
    while passes.converged.is_none() {
        party.session.report_progress(passes.done, settings.passes_max);
        let gradients = gradients(party, objective, optimiser.point(), rows).await?;
        let stop = optimiser.step(party, gradients, Accuracy::Fine).await?;
        passes.count(stop, settings.passes_max);
        course.keep(passes.done, || passes.state(optimiser.save(party)));
    }
    Ok((optimiser.result(party).await?, passes.into()))
}

/// Shares of the point at which the coefficients of all classes stand. Those of the last class are
/// those of the others with the other sign: only differences between classes count.
async fn point_of(
    party: &mut TwoParty,
    objective: &Objective<'_, Classes>,
    start: &[Start],
) -> Result<Vec<u64>, ModelError> {
    let count = objective.response().rows.count;
    let mut others = centred(start, count)?;
    others.truncate(count - 1);
    let own = (count - 1) * objective.own;
    let point = objective.point_of(party, &others, 1.0).await?;
    let Blocks { own, theirs } = from_party_order(party, point, own);
    let [own, theirs] =
        [(own, objective.own), (theirs, objective.theirs)].map(|(mut all, width)| {
            let last = negated_sum(all.chunks(width.max(1)));
            all.extend(last);
            all
        });
    Ok(in_party_order(party, own, theirs))
}

/// The coefficients of all of so many classes less their mean.
pub(in crate::vertical) fn centred(
    start: &[Start],
    count: usize,
) -> Result<Vec<Start>, ModelError> {
    if start.len() != count {
        return Err(ModelError::InvalidInput(format!(
            "coefficients of {} classes to begin with, for {count}",
            start.len()
        )));
    }
    let mean = |of: &dyn Fn(&Start) -> f64| start.iter().map(of).sum::<f64>() / count as f64;
    let width = start[0].weights.len();
    if start.iter().any(|start| start.weights.len() != width) {
        return Err(ModelError::InvalidInput("classes with different columns".to_owned()));
    }
    let weights: Vec<f64> = (0..width).map(|place| mean(&|it| it.weights[place])).collect();
    let intercept = mean(&|it| it.intercept);
    let centred = |start: &Start| Start {
        weights: start.weights.iter().zip(&weights).map(|(weight, mean)| weight - mean).collect(),
        intercept: start.intercept - intercept,
    };
    Ok(start.iter().map(centred).collect())
}

/// The gradients of all classes, one after the other. What is linear adds up to 0 over the classes,
/// so that the products of the last one are those of the others.
async fn gradients(
    party: &mut TwoParty,
    objective: &Objective<'_, Classes>,
    point: &Blocks,
    rows: Rows,
) -> Result<Gradients, ModelError> {
    let classes = objective.response();
    let count = classes.rows.count;
    let points: Vec<Blocks> = (0..count - 1).map(|class| of_class(point, count, class)).collect();
    let mut scores = objective.scores(party, &points, rows.all()).await?;
    scores.push(negated_sum(scores.iter().map(Vec::as_slice)));
    let factors = classes.rows.factors(party.is_first());
    let mut residuals = classes.softmax.evaluate(party, &scores, factors, RESIDUAL_BITS).await?;
    classes.rows.subtract(&mut residuals);
    residuals.truncate(points.len());
    let gradients = objective.gradients_of(party, &points, residuals).await?;
    let (training, validation): (Vec<_>, Vec<_>) =
        gradients.into_iter().map(|it| (it.training, it.validation)).unzip();
    let validation: Option<Vec<Blocks>> = validation.into_iter().collect();
    Ok(Gradients { training: joined(&training), validation: validation.map(|it| joined(&it)) })
}

impl ClassRows {
    pub(in crate::vertical) fn new(
        labels: Option<Labels<'_>>,
        rows: Rows,
        count: usize,
        weighted: bool,
    ) -> Result<Self, ModelError> {
        let scales = row_scales(labels.and_then(|labels| labels.weights), rows)?;
        let even = (1_u64 << rows.log_training()) as f64 / rows.training as f64;
        Ok(Self {
            count,
            // Validation rows have other factors than training rows.
            own_factors: weighted || rows.validation > 0,
            even: fixed(even),
            scales: scales.into_iter().map(fixed).collect(),
            labels: labels.map_or_else(Vec::new, |labels| labels.values.to_vec()),
        })
    }

    /// What the probabilities are multiplied by.
    pub(in crate::vertical) fn factors(&self, is_guest: bool) -> Factors<'_> {
        match (self.own_factors, is_guest) {
            (false, _) => Factors::Even(self.even),
            (true, true) => Factors::Own(&self.scales),
            (true, false) => Factors::Theirs,
        }
    }

    /// Makes shares of `s·(p - y)` of each class of shares of `s·p`.
    pub(in crate::vertical) fn subtract(&self, probabilities: &mut [Vec<u64>]) {
        for ((row, label), scale) in self.labels.iter().enumerate().zip(&self.scales) {
            let target = (*scale as u64) << (RESIDUAL_BITS - FACTOR_BITS);
            let residual = &mut probabilities[usize::from(*label)][row];
            *residual = residual.wrapping_sub(target);
        }
    }
}

/// A factor of a row with [`FACTOR_BITS`].
fn fixed(factor: f64) -> i64 {
    (factor * f64::from(1 << FACTOR_BITS)).round() as i64
}

/// The vectors of all classes but the last, and of the last.
fn joined(parts: &[Blocks]) -> Blocks {
    let join = |block: fn(&Blocks) -> &[u64]| {
        let mut all: Vec<u64> = parts.iter().flat_map(block).copied().collect();
        all.extend(negated_sum(parts.iter().map(block)));
        all
    };
    Blocks { own: join(|part| &part.own), theirs: join(|part| &part.theirs) }
}

/// Minus the sum of vectors, of which there is at least one.
pub(in crate::vertical) fn negated_sum<'a>(vectors: impl Iterator<Item = &'a [u64]>) -> Vec<u64> {
    let mut sum = Vec::new();
    for vector in vectors {
        sum.resize(vector.len(), 0);
        for (sum, word) in sum.iter_mut().zip(vector) {
            *sum = u64::wrapping_sub(*sum, *word);
        }
    }
    sum
}

/// The part of one of `count` classes, which lie one after the other.
fn of_class(point: &Blocks, count: usize, class: usize) -> Blocks {
    let part = |all: &[u64]| {
        let width = all.len() / count;
        all[class * width..(class + 1) * width].to_vec()
    };
    Blocks { own: part(&point.own), theirs: part(&point.theirs) }
}

/// Tells the host how many classes there are.
pub(in crate::vertical) async fn agree_on_classes(
    party: &mut TwoParty,
    labels: Option<Labels<'_>>,
) -> Result<usize, ModelError> {
    const STEP: &str = "classes";
    let session = &mut party.session;
    let host = if labels.is_some() { session.peer() } else { session.me() };
    party.ledger.record("train.classes", host, 1)?;
    if let Some(labels) = labels {
        session.send_bytes(STEP, vec![labels.classes as u8]).await?;
        return Ok(labels.classes);
    }
    let bytes = session.receive_bytes(STEP, net::Size::Exactly(1)).await?;
    let count = bytes.first().map_or(0, |byte| usize::from(*byte));
    if (CLASSES_MIN..=CLASSES_MAX).contains(&count) {
        return Ok(count);
    }
    let rule = format!("there are {CLASSES_MIN} to {CLASSES_MAX} classes, not {count}");
    Err(session.misbehaved(STEP, rule).into())
}

pub(in crate::vertical) fn check(
    is_guest: bool,
    columns: &[&[f64]],
    labels: Option<Labels<'_>>,
    settings: &Settings,
) -> Result<Rows, ModelError> {
    let invalid = |what: String| Err(ModelError::InvalidInput(what));
    if is_guest != labels.is_some() {
        return invalid("the first party, and only it, brings the labels".to_owned());
    }
    let rows = labels.map(|labels| labels.values.len());
    let Some(rows) = rows.or(columns.first().map(|column| column.len())) else {
        return invalid("the host brings no column".to_owned());
    };
    let Some(rows) = engine::divided(rows, settings.early_stopping) else {
        return invalid(format!(
            "{rows} rows; multinomial regression needs {} to {}, and for early stopping a \
             patience and validation rows besides {0} training rows",
            engine::ROWS_MIN,
            engine::ROWS_MAX
        ));
    };
    if columns.iter().any(|column| column.len() != rows.all()) {
        return invalid("columns of different lengths".to_owned());
    }
    if !(0.0..=1e3).contains(&settings.l2) || settings.tolerance <= 0.0 {
        return invalid("l2 lies in 0 to 1000, the tolerance above 0".to_owned());
    }
    if settings.l1 > 0.0 || settings.standard_errors {
        return invalid("multinomial regression has no l1 and no standard errors".to_owned());
    }
    labels.map_or(Ok(()), |labels| check_labels(labels, rows))?;
    Ok(rows)
}

fn check_labels(labels: Labels<'_>, rows: Rows) -> Result<(), ModelError> {
    let Labels { classes, values, .. } = labels;
    if !(CLASSES_MIN..=CLASSES_MAX).contains(&classes) {
        return Err(ModelError::InvalidInput(format!(
            "{classes} classes; possible are {CLASSES_MIN} to {CLASSES_MAX}"
        )));
    }
    if let Some(row) = values.iter().position(|label| usize::from(*label) >= classes) {
        let (row, label) = (row + 1, values[row]);
        return Err(ModelError::InvalidInput(format!("row {row} is of class {label}")));
    }
    let training = &values[..rows.training];
    match (0..classes).find(|class| !training.iter().any(|label| usize::from(*label) == *class)) {
        None => Ok(()),
        Some(class) => Err(ModelError::InvalidInput(format!(
            "no training row is of class number {}; every class needs some",
            class + 1
        ))),
    }
}

#[cfg(test)]
mod tests;
