//! Regressions over rows of which nobody knows which of them both parties have, in `strict`
//! privacy.
//!
//! # Functionality
//! The rows stand in places that the guest (first party) filled: in each at most one row of its
//! table, with its columns and its label. The parties share, for each place, whether the host
//! (second party) has this row too, and what the host's columns are there (as circuit PSI gives
//! them, see `matching::psi::circuit`; where the host has no such row they may be anything). The
//! first places are for training, the others for the test. [`count`] opens how many rows of each
//! part both have. [`train`] gives each party its own coefficients of the model that minimises the
//! mean loss of the [`Family`] + l2/2·‖w‖² + l1·‖w‖₁ over those training rows that both have, with
//! a free intercept at the guest, and shares of the linear predictors in all places of the test.
//! With a logarithmic link predictors are clamped as in `generalized_linear`.
//! # Messages
//! 1. of numbers, before the columns are shared: `label_scale` guest → host, a power of two (not
//!    for gamma; [`agree_on_scale`])
//! 2. for the count: `corrections`, `correlations` (see `mpc::conversion`), `opened` both ways
//! 3. once: `widths` both ways, how many variables and columns there are, and their fractional
//!    bits; the parts of the encrypted products that never change (`mpc::matrix`)
//! 4. per pass: the scores (`mpc::matrix`), the means (`mpc::sigmoid`, `mpc::exponential`, or for
//!    linear regression truncations), the residuals where both have the row (`mpc::conversion`),
//!    the gradient (`mpc::matrix`), truncations, products with the secret step
//!    (`mpc::multiplication`), and one stop bit
//! 5. once more the scores; then `share` both ways: each party's own coefficients
//! # Leaks
//! To both: numbers of places, of columns, and of the training and test rows that both have; the
//! number of passes and one stop bit per pass. To the host, of numbers but with the gamma family:
//! their order of magnitude in all rows of the guest, as a power of two. To each party: its own
//! final coefficients. Nothing else: which rows both have, scores, gradients and the step's size
//! stay shared.
//! # Security
//! Semi-honest, two parties, no third. Ring-LWE at 128 bits (quantum) for the products, correlated
//! transfers for comparisons; see `mpc`. No message and no time depends on which rows both have.
//! # Cost
//! A column of the host counts as eight: four for each party, which hold its share (`columns`). Per
//! pass, both ways together, 1.1 KB for each place (in whole 8192) and 39 flights; of linear
//! regression 84 bytes beside whole ciphertexts, and 32 flights, of Poisson regression 267 bytes
//! and 40; 150 KiB for each T columns and 530 KiB more, T as in `mpc::matrix`. Once, 116 KiB for
//! each column, and twice as much for each 8192/T places. Memory: 24 bytes for each place and
//! column of the host, at each party: a share and its digits.
//! # Reference
//! Features of one party in plain beside shares of the other's, after circuit PSI: Pinkas,
//! Schneider, Tkachenko, Yanai, EUROCRYPT 2019 (eprint 2019/241). Products of private numbers with
//! shared vectors: Chen et al., "When homomorphic encryption marries secret sharing", KDD 2021;
//! here the private numbers are digits of shares. The optimiser is that of `generalized_linear`,
//! whose step shortens itself: each party whitens over rows that both may not have, which bounds
//! the curvature only by the ratio of the counts. Its fixed point serves ratios up to
//! [`RATIO_MAX`], and where residuals are not bounded by 1, up to [`LINEAR_RATIO_MAX`] and
//! [`LOG_RATIO_MAX`]; beyond them training is refused.

mod checks;
mod columns;
mod goal;
mod objective;

use mpc::TwoParty;
use mpc::boolean::Bits;
use mpc::conversion::bits_to_words;
use mpc::matrix::{Blocks, Geometry};
use mpc::reveal::open;

pub use super::generalized_linear::LabelScale;
use super::generalized_linear::damped::Damped;
use super::hidden_errors::Unit;
use super::logistic_regression::objective::learn_own;
use super::logistic_regression::whitening::{Shape, Whitened, column_bits};
use super::logistic_regression::{Coefficients, ROWS_MIN, Settings};
use crate::ModelError;
use crate::family::Family;
use checks::check;
use columns::{Widths, guest_columns, host_columns};
pub use goal::{Goal, agree_on_scale};
use objective::Objective;

/// Places that fixed point and memory allow.
pub const PLACES_MAX: usize = 1 << 20;

/// Rows of a party's table that fixed point allows.
pub const ROWS_MAX: usize = 1 << 22;

/// Rows of either party's table for each common training row, up to which the secret step can
/// shorten itself.
pub const RATIO_MAX: usize = 250;

/// The same of linear regression, whose residuals grow with the step: at the first point a gradient
/// is at most twice the ratio, and after a step that is too long by the ratio as many times as
/// large, which has to stay below the 2^11 that `damped` is made for.
pub const LINEAR_RATIO_MAX: usize = 32;

/// The same with a logarithmic link, with which a gradient over known rows stays below half of that
/// and grows with the root of the ratio.
pub const LOG_RATIO_MAX: usize = 4;

/// Passes that the products are packed for.
const QUERIES: usize = 30;

/// The disclosure that lists how many rows both parties have.
pub const COUNTS: &str = "hidden.rows";

/// What a party holds of the places.
#[derive(Clone)]
pub struct HiddenRows {
    /// An XOR share of whether both parties have the row, for each place.
    pub present: Bits,
    /// For each of the host's payload columns and each place an additive share modulo 2^64.
    pub shared: Vec<Vec<u64>>,
    /// How many places, the first ones, are for training.
    pub training: usize,
}

/// How many rows both parties have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Counts {
    /// Among the places for training.
    pub training: usize,
    /// Among the places for the test.
    pub test: usize,
}

/// The host's columns, made ready to be shared.
pub struct HostColumns {
    whitened: Whitened,
    column_bits: u32,
}

/// The guest's rows in their places.
#[derive(Clone, Copy)]
pub struct GuestRows<'a> {
    /// Own columns, all finite, standardised, with a value for each place; those of empty places
    /// do not count.
    pub columns: &'a [&'a [f64]],
    /// Whether a row stands in each place.
    pub filled: &'a [bool],
    /// What is to be predicted in each place, for two classes 0 or 1; those of empty places do not
    /// count.
    pub targets: &'a [f64],
}

/// A party's own side of the training.
#[derive(Clone, Copy)]
pub enum Own<'a> {
    /// The first party.
    Guest(GuestRows<'a>),
    /// The second party.
    Host(&'a HostColumns),
}

/// What training gives a party.
#[derive(Clone, Debug, PartialEq)]
pub struct Trained {
    /// Its own coefficients. The host's intercept makes its part of the score 0 on average over all
    /// rows of its table.
    pub coefficients: Coefficients,
    /// For each place of the test an additive share of the linear predictor in this `unit`, in
    /// [`mpc::sigmoid::SCORE_UNIT`].
    pub test_scores: Vec<u64>,
    /// The unit of these predictors.
    pub unit: Unit,
}

/// How many rows both parties' tables have, which both know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tables {
    /// Rows of the guest.
    pub guest: usize,
    /// Rows of the host.
    pub host: usize,
}

impl Tables {
    /// Fractional bits of both parties' columns.
    fn column_bits(self) -> u32 {
        column_bits(self.guest.max(self.host))
    }
}

impl HostColumns {
    /// Whitens the host's `columns` (all finite, standardised) over all rows of its table.
    ///
    /// # Errors
    /// [`ModelError::InvalidInput`] for no columns, and values that are not finite or that fixed
    /// point cannot hold.
    ///
    /// Call inside `Session::compute`.
    pub fn new(columns: &[&[f64]], goal: Goal<'_>, tables: Tables) -> Result<Self, ModelError> {
        let settings = goal.scaled();
        let column_bits = tables.column_bits();
        let rows = columns.first().map_or(0, |column| column.len());
        if rows == 0 || columns.iter().any(|column| column.len() != rows) {
            return invalid("the host needs a column, and columns of equal length".to_owned());
        }
        let shape = Shape {
            training: rows,
            column_bits,
            penalised: &vec![true; columns.len()],
            l2: settings.l2,
            steepness: goal.steepness(),
            separate: settings.l1 > 0.0,
            centred: true,
        };
        Ok(Self { whitened: Whitened::new(columns, &shape)?, column_bits })
    }

    /// The numbers to be shared: for each column one modulo 2^64 for each row.
    pub fn payloads(&self) -> Vec<Vec<u64>> {
        let width = self.whitened.width();
        let payload = |column: &Vec<i32>| {
            column[..column.len() - width].iter().map(|entry| i64::from(*entry) as u64).collect()
        };
        self.whitened.columns.iter().map(payload).collect()
    }
}

impl HiddenRows {
    fn places(&self) -> usize {
        self.present.len()
    }

    /// How many columns of the host are shared.
    fn width(&self) -> usize {
        self.shared.len()
    }
}

/// Opens to both parties how many rows of each part both have.
///
/// # Errors
/// [`ModelError::InvalidInput`] for places that [`train`] would refuse, [`ModelError::Secure`] when
/// the peer fails or makes the counts larger than a table, or [`COUNTS`] is not declared.
#[net::boxed]
pub async fn count(
    party: &mut TwoParty,
    rows: &HiddenRows,
    tables: Tables,
) -> Result<Counts, ModelError> {
    rows.check()?;
    let words = bits_to_words::<u64>(party, &rows.present).await?;
    let (training, test) = words.split_at(rows.training);
    let sums = [training, test].map(|part| part.iter().fold(0, |sum, it| it.wrapping_add(sum)));
    let opened = open(party, COUNTS, &sums).await?;
    let places = [rows.training, rows.places() - rows.training];
    let counts: Option<Vec<usize>> = opened
        .iter()
        .zip(places)
        .map(|(count, places)| usize::try_from(*count).ok().filter(|count| *count <= places))
        .collect();
    if let Some(&[training, test]) = counts.as_deref()
        && training + test <= tables.guest.min(tables.host)
    {
        return Ok(Counts { training, test });
    }
    let rule = "no more rows can be common than there are places, or rows of the smaller table";
    Err(party.session.misbehaved("opened", rule).into())
}

/// Trains on the training rows that both parties have, `counts` of them.
///
/// # Errors
/// [`ModelError::InvalidInput`] for settings that hidden rows do not go with, too few rows, tables
/// of more rows for each common training row than [`RATIO_MAX`], [`LINEAR_RATIO_MAX`] or
/// [`LOG_RATIO_MAX`], labels of one class, numbers that the family does not allow, values that are
/// not finite; [`ModelError::Secure`] when the peer fails or misbehaves.
#[net::boxed]
pub async fn train(
    party: &mut TwoParty,
    rows: &HiddenRows,
    counts: Counts,
    own: &Own<'_>,
    tables: Tables,
    goal: &Goal<'_>,
) -> Result<Trained, ModelError> {
    check(party, rows, (counts, tables), own, *goal)?;
    let (scaling, settings) = (goal.scaling(own, rows.training)?, &goal.scaled());
    let column_bits = tables.column_bits();
    let made;
    let whitened = match own {
        Own::Guest(guest) => {
            let steepness = goal.steepness();
            let shape = (settings, steepness, column_bits);
            let whiten = || whiten_guest(*guest, rows.training, shape);
            made = party.session.compute(whiten).await?;
            &made
        }
        Own::Host(host) => &host.whitened,
    };
    let widths = exchange_widths(party, whitened.width(), rows.width(), column_bits).await?;
    let columns = party
        .session
        .compute(|| match own {
            Own::Guest(guest) => guest_columns(whitened, guest.filled, &rows.shared, widths),
            Own::Host(_) => host_columns(whitened, &rows.shared, rows.places(), widths),
        })
        .await;
    let passes = QUERIES.min(settings.passes_max);
    let geometry = Geometry::agree(party, rows.places(), columns.len(), passes).await?;
    let theirs = if party.is_first() { widths.of_host() } else { widths.of_guest() };
    if geometry.their_columns() != theirs {
        let rule = format!("{theirs} columns follow from the widths that both know");
        return Err(party.session.misbehaved("shape", rule).into());
    }
    let targets = match own {
        Own::Guest(guest) if goal.family == Family::Binomial => {
            guest.targets[..rows.training].to_vec()
        }
        Own::Guest(guest) => guest.place(&scaling.targets, rows.training),
        Own::Host(_) => Vec::new(),
    };
    let objective = Objective::prepare(
        party,
        (&geometry, &columns),
        (rows, counts),
        (widths, column_bits),
        (goal.family, &scaling, &targets),
    )
    .await?;
    let thresholds = thresholds(party, whitened, settings);
    let (point, passes, converged) = descend(party, &objective, settings, &thresholds).await?;
    let test_scores = objective.test_scores(party, &point).await?;
    let values = learn_own(party, &point, objective.space().unit).await?;
    let mut weights = whitened.coefficients(&values);
    let offset = whitened.offset(&weights);
    // The guest's intercept is the last of its columns.
    let intercept = if party.is_first() { weights.pop().unwrap_or(offset) } else { offset };
    let coefficients =
        Coefficients { weights, intercept, passes, converged, standard_errors: None };
    if goal.family == Family::Binomial {
        let unit = Unit { shift: 0.0, scale: 1.0 };
        return Ok(Trained { coefficients, test_scores, unit });
    }
    let (shift, scale) = scaling.unit(goal.family);
    let coefficients = scaling.undo(goal.family, coefficients, party.is_first());
    Ok(Trained { coefficients, test_scores, unit: Unit { shift, scale } })
}

async fn descend(
    party: &mut TwoParty,
    objective: &Objective<'_>,
    settings: &Settings,
    thresholds: &[f64],
) -> Result<(Blocks, usize, bool), ModelError> {
    let mut optimiser = Damped::new(party, objective.space(), settings, thresholds);
    let mut passes = 0;
    let converged = loop {
        party.session.report_progress(passes, settings.passes_max);
        passes += 1;
        let point = optimiser.point(party);
        let gradients = objective.gradients(party, &point).await?;
        let stop = optimiser.step(party, gradients).await?;
        if stop || passes >= settings.passes_max {
            break stop;
        }
    };
    Ok((optimiser.result(party), passes, converged))
}

/// Whitens the guest's rows over those for training; its intercept is the last column.
fn whiten_guest(
    guest: GuestRows<'_>,
    training: usize,
    (settings, steepness, column_bits): (&Settings, f64, u32),
) -> Result<Whitened, ModelError> {
    let dense = |column: &&[f64]| -> Vec<f64> {
        let filled = column.iter().zip(guest.filled).filter(|(_, filled)| **filled);
        filled.map(|(value, _)| *value).collect()
    };
    let mut columns: Vec<Vec<f64>> = guest.columns.iter().map(dense).collect();
    let mut penalised = vec![true; columns.len()];
    let rows = guest.filled.iter().filter(|filled| **filled).count();
    columns.push(vec![1.0; rows]);
    penalised.push(false);
    let shape = Shape {
        training: guest.filled[..training].iter().filter(|filled| **filled).count(),
        column_bits,
        penalised: &penalised,
        l2: settings.l2,
        steepness,
        separate: settings.l1 > 0.0,
        centred: false,
    };
    let columns: Vec<&[f64]> = columns.iter().map(Vec::as_slice).collect();
    Whitened::new(&columns, &shape)
}

/// The number of the guest's variables and of the host's columns, which both must know alike.
async fn exchange_widths(
    party: &mut TwoParty,
    own: usize,
    shared: usize,
    column_bits: u32,
) -> Result<Widths, ModelError> {
    const STEP: &str = "widths";
    let first = party.is_first();
    let variables = if first { own } else { 0 };
    let mine = [variables as u64, shared as u64, u64::from(column_bits)];
    let theirs = party.session.exchange_words(STEP, &mine, mine.len()).await?;
    let guest = if first { mine[0] } else { theirs[0] };
    let is_sound = theirs[1..] == mine[1..]
        && (1..=mpc::matrix::COLUMNS_MAX as u64).contains(&guest)
        && (!first || theirs[0] == 0);
    if !is_sound {
        let rule = format!(
            "the guest has variables, and both share {shared} columns with {column_bits} \
             fractional bits; theirs are {theirs:?}"
        );
        return Err(party.session.misbehaved(STEP, rule).into());
    }
    Ok(Widths { guest: guest as usize, shared })
}

/// For each own variable, how far one step of the l1 penalty moves it; empty without one.
fn thresholds(party: &TwoParty, whitened: &Whitened, settings: &Settings) -> Vec<f64> {
    if settings.l1 == 0.0 {
        return Vec::new();
    }
    let width = whitened.width();
    let free = if party.is_first() { width - 1 } else { width };
    let threshold =
        |column| if column == free { 0.0 } else { settings.l1 * whitened.scale(column) };
    (0..width).map(threshold).collect()
}

fn invalid<T>(what: String) -> Result<T, ModelError> {
    Err(ModelError::InvalidInput(what))
}

#[cfg(test)]
mod tests;
