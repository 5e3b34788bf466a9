//! A job whose common rows nobody learns: alignment, split, features and training in one.
//!
//! The guest's rows stand in the bins of circuit PSI, places that are random in every run. The
//! split is one of places, by the public seed, and known to both; of the host's rows it says
//! nothing, and which of the guest's rows are in which places the guest alone knows. What the host
//! fits, means and whitening, it fits over all rows of its table, because nobody may tell it which
//! of them are for training; the guest fits over its own rows in places for training. Of neither
//! are labels of test rows looked at.
//!
//! The guest judges its own model in plain, on all its own test rows. Over the common ones it must
//! not: it knows score and label at every place, and figures over the places that count would be
//! equations in which these are.

use contract::Audience;
use features::split::{self, Shares, Split};
use matching::psi::Identifiers;
use matching::psi::circuit::{self, HiddenMatches};
use models::ModelError;
use models::local::logistic_regression as local;
use models::vertical::hidden_evaluation::{Figures, Places, evaluate};
use models::vertical::hidden_rows::{self, Counts, HiddenRows, HostColumns, Own, Tables};
use models::vertical::logistic_regression::Coefficients;
use mpc::TwoParty;
use mpc::boolean::Bits;
use net::Session;
use table::Table;

use super::align::{STEP, check_label_before, identifiers, keys};
use super::data::Data;
use super::evaluate::{Predicted, top_shares};
use super::logistic_regression::{self, GuestTrained, figures_alone, fit_alone, joint_settings};
use super::outcome::{HiddenComparison, ModelOutcome, ModelPart, SplitOutcome};
use super::prepare::{self, Prepared};
use super::progress::{Run, Step};
use super::split as splitting;
use super::train::{agree_on_id, linear, outcome};
use crate::error::JobError;
use crate::own_rows::OwnRows;
use crate::spec::{LogisticRegression, Model, ModelStep, SplitSpec};

/// What such a job gives a party.
pub(super) struct Trained {
    pub(super) split: SplitOutcome,
    pub(super) model: ModelOutcome,
    /// How many rows are common.
    pub(super) common_rows: usize,
}

/// What both parties hold of the common rows.
struct Aligned {
    /// At the guest, which of its rows is in each bin.
    bins: Option<Vec<Option<u32>>>,
    /// The bins in the order of their parts.
    order: Vec<u32>,
    rows: HiddenRows,
    counts: Counts,
    tables: Tables,
    /// At the host.
    columns: Option<HostColumns>,
}

/// A party's side of the training.
struct Side {
    prepared: Prepared,
    rows: HiddenRows,
    counts: Counts,
    tables: Tables,
    role: RoleSide,
}

enum RoleSide {
    Guest(Box<Placed>),
    Host(HostColumns),
}

/// The guest's rows in their places.
struct Placed {
    data: Data,
    /// For each place the row of `data` in it; first come the places for training.
    places: Vec<Option<u32>>,
    /// How rows of `data` are divided by these places.
    split: Split,
}

/// Trains the one model of the job, with at least `minimum` common rows in each part.
pub(super) async fn train(
    run: &mut Run<'_>,
    rows: &OwnRows,
    minimum: usize,
) -> Result<Trained, JobError> {
    let [model_step] = &run.job.model_steps()[..] else { return Err(unfit()) };
    let Model::LogisticRegression { settings, .. } = &model_step.train.model else {
        return Err(unfit());
    };
    let side = side(run, rows, (model_step.split, minimum), settings).await?;
    let id = format!("train.{}", model_step.id);
    let mut step = run.begin(&id, "train.0")?;
    let trained = run_step(run, &mut step, model_step, settings, &side).await;
    let model = trained.map_err(|error| error.at(&id))?;
    run.end(step);
    let common_rows = side.counts.training + side.counts.test;
    Ok(Trained { split: split_outcome(model_step.split, side), model, common_rows })
}

/// Aligns, divides and prepares.
async fn side(
    run: &mut Run<'_>,
    rows: &OwnRows,
    (spec, minimum): (&SplitSpec, usize),
    settings: &LogisticRegression,
) -> Result<Side, JobError> {
    let at_step = |error: JobError| error.at(STEP);
    let table = rows.table().ok_or(JobError::NotInMemory)?;
    check_label_before(run, table).map_err(at_step)?;
    let keys = keys(run, table).map_err(at_step)?;
    let ids = identifiers(&run.own.key.rule, table, &keys).map_err(at_step)?;
    let taking_part: Vec<u32> = (0..ids.len() as u32).map(|at| keys.row(at)).collect();
    let own = table.take(&taking_part)?;
    let at_host = if run.is_guest() { None } else { Some(prepare_all(run, &own, spec).await?) };
    let mut step = run.begin(STEP, STEP)?;
    let aligned = align(run, &mut step, &ids, at_host.as_ref(), (spec, settings)).await;
    let Aligned { bins, order, rows, counts, tables, columns } = aligned.map_err(at_step)?;
    if counts.training.min(counts.test) < minimum {
        let Counts { training, test } = counts;
        return Err(JobError::TooFewInCommon { training, test, minimum }.at(STEP));
    }
    run.end(step);
    let (prepared, role) = if let Some((prepared, columns)) = at_host.zip(columns) {
        (prepared, RoleSide::Host(columns))
    } else {
        let bins = bins.unwrap_or_default();
        let placed = Placed::new(run, &own, &bins, &order, rows.training)?;
        let prepared = prepare::prepare(run, &placed.data, &placed.split, spec, 0).await?;
        (prepared, RoleSide::Guest(Box::new(placed)))
    };
    Ok(Side { prepared, rows, counts, tables, role })
}

/// What the job file refuses.
fn unfit() -> JobError {
    ModelError::InvalidInput("hidden rows are for one logistic regression".to_owned()).into()
}

/// The host's features, fitted on all rows.
async fn prepare_all(
    run: &mut Run<'_>,
    own: &Table,
    spec: &SplitSpec,
) -> Result<Prepared, JobError> {
    let data = Data::new(run, own, None)?;
    let training = (0..own.rows() as u32).collect();
    let split = Split { training, validation: Vec::new(), test: Vec::new() };
    prepare::prepare(run, &data, &split, spec, 0).await
}

/// Shares of which of the guest's rows the host has, and of the host's features there.
async fn align(
    run: &Run<'_>,
    step: &mut Step,
    ids: &Identifiers<'_>,
    prepared: Option<&Prepared>,
    (spec, settings): (&SplitSpec, &LogisticRegression),
) -> Result<Aligned, JobError> {
    let session = step.pair()?;
    let own_columns = prepared.map_or(0, |it| it.matrix.features().len());
    if prepared.is_some() && own_columns == 0 {
        return Err(JobError::NoFeatures { party: run.own.name.clone(), step: STEP.to_owned() });
    }
    run.record("table.rows", Audience::All, 1)?;
    run.record("hidden.columns", Audience::All, 1)?;
    let (their_rows, their_columns) = exchange_sizes(session, ids.len(), own_columns).await?;
    let tables = if run.is_guest() {
        Tables { guest: ids.len(), host: their_rows }
    } else {
        Tables { guest: their_rows, host: ids.len() }
    };
    check_sizes(tables, own_columns.max(their_columns))?;
    let columns = match prepared {
        Some(prepared) => {
            let whiten = || {
                HostColumns::new(&prepared.matrix.columns(), &joint_settings(settings, 0), tables)
            };
            Some(session.compute(whiten).await?)
        }
        None => None,
    };
    let mut party = TwoParty::setup(session.fork("hidden")?, run.ledger.clone()).await?;
    let matches = match &columns {
        Some(columns) => {
            circuit::send(&mut party, ids, &columns.payloads(), Some(their_rows)).await?
        }
        None => circuit::receive(&mut party, ids, their_columns, Some(their_rows)).await?,
    };
    let (order, training) = divide(run, spec, matches.flags.len())?;
    let rows = in_order(&matches, &order, training);
    let counts = hidden_rows::count(&mut party, &rows, tables).await?;
    Ok(Aligned { bins: matches.rows, order, rows, counts, tables, columns })
}

/// Refuses tables, and a number of the host's features, that fixed point or memory do not allow.
fn check_sizes(tables: Tables, columns: usize) -> Result<(), JobError> {
    let Tables { guest, host } = tables;
    if guest > GUEST_ROWS_MAX || host > hidden_rows::ROWS_MAX {
        return Err(ModelError::InvalidInput(format!(
            "hidden rows are trained on for at most {GUEST_ROWS_MAX} rows of the guest and {} of \
             the host; these are {guest} and {host}. Take a sample",
            hidden_rows::ROWS_MAX
        ))
        .into());
    }
    let places = circuit::bins_count(guest);
    if places.saturating_mul(columns) > SHARED_MAX {
        return Err(ModelError::InvalidInput(format!(
            "the guest's {guest} rows take {places} places, and each of the host's {columns} \
             columns is shared there: more than {SHARED_MAX} numbers in all. Leave columns of the \
             host out, encode its categories in fewer levels, or take a sample of the guest's rows"
        ))
        .into());
    }
    Ok(())
}

/// The peer's rows, and the host's number of features.
async fn exchange_sizes(
    session: &mut Session,
    rows: usize,
    columns: usize,
) -> Result<(usize, usize), JobError> {
    const SIZES: &str = "hidden_sizes";
    let mine = [rows as u64, columns as u64];
    let theirs = session.exchange_words(SIZES, &mine, mine.len()).await?;
    let size = |word: u64| usize::try_from(word).unwrap_or(usize::MAX);
    let (their_rows, their_columns) = (size(theirs[0]), size(theirs[1]));
    let columns_max = if columns == 0 { circuit::COLUMNS_MAX } else { 0 };
    if their_columns > columns_max || (columns == 0 && their_columns == 0) {
        let rule = format!(
            "the host, and only it, shares 1 to {} features; the other party has {their_columns}",
            circuit::COLUMNS_MAX
        );
        return Err(session.misbehaved(SIZES, rule).into());
    }
    Ok((their_rows, their_columns))
}

/// The places in the order of their parts, and how many are for training.
fn divide(run: &Run<'_>, spec: &SplitSpec, places: usize) -> Result<(Vec<u32>, usize), JobError> {
    let shares = Shares { test: spec.test.fraction(), validation: 0.0 };
    let mut generator = splitting::public_generator(run.job.seed, spec);
    let split = split::random(places, shares, &mut generator)?;
    Ok(([&split.training[..], &split.test].concat(), split.training.len()))
}

/// The shares, place by place in this order.
fn in_order(matches: &HiddenMatches, places: &[u32], training: usize) -> HiddenRows {
    let present = Bits::from_fn(places.len(), |at| matches.flags.bit(places[at] as usize) == 1);
    let ordered = |column: &Vec<u64>| places.iter().map(|bin| column[*bin as usize]).collect();
    HiddenRows { present, shared: matches.payloads.iter().map(ordered).collect(), training }
}

impl Placed {
    fn new(
        run: &Run<'_>,
        own: &Table,
        rows_of_bins: &[Option<u32>],
        order: &[u32],
        training: usize,
    ) -> Result<Self, JobError> {
        let row_of = |bin: &u32| rows_of_bins.get(*bin as usize).copied().flatten();
        let rows: Vec<u32> = order.iter().filter_map(row_of).collect();
        let fitted = order[..training].iter().filter_map(row_of).count() as u32;
        let mut next = 0..rows.len() as u32;
        let places = order.iter().map(|bin| row_of(bin).and_then(|_| next.next())).collect();
        let (training, test) = ((0..fitted).collect(), (fitted..rows.len() as u32).collect());
        let data = Data::new(run, &own.take(&rows)?, None)?;
        let split = Split { training, validation: Vec::new(), test };
        Ok(Self { data, places, split })
    }

    /// Values of rows at their places, and the default at empty ones.
    fn spread<T: Copy + Default>(&self, values: &[T]) -> Vec<T> {
        let value = |row: &Option<u32>| row.map_or_else(T::default, |row| values[row as usize]);
        self.places.iter().map(value).collect()
    }
}

async fn run_step(
    run: &Run<'_>,
    step: &mut Step,
    model_step: &ModelStep<'_>,
    settings: &LogisticRegression,
    side: &Side,
) -> Result<ModelOutcome, JobError> {
    let model_id = agree_on_id(run, step, &model_step.id).await?;
    // The guest's, which the host learns with the widths; the host's were told at the alignment.
    run.record("train.columns", Audience::All, 1)?;
    let session = step.pair()?;
    let mut party = TwoParty::setup(session.fork("train")?, run.ledger.clone()).await?;
    let (own, test_scores) = fit(&mut party, settings, side).await?;
    let guest = if let RoleSide::Guest(placed) = &side.role {
        let labels = placed.spread(placed.data.guest().map_or(&[], |guest| guest.labels()));
        let labels = &labels[side.rows.training..];
        let joint = joint_figures(run, &mut party, side, &test_scores, Some(labels)).await?;
        let work = || alone(run, settings, placed, &side.prepared);
        let (alone, guest_alone) = party.session.compute(work).await?;
        joint.map(|joint| GuestTrained {
            alone,
            predicted: Predicted::Hidden(HiddenComparison { guest_alone, joint }),
        })
    } else {
        joint_figures(run, &mut party, side, &test_scores, None).await?;
        None
    };
    let (part, predicted) = linear(logistic_regression::Trained { own, guest }, &side.prepared);
    let mut model = outcome(model_step, model_id, ModelPart::LogisticRegression(part));
    if let Some(Predicted::Hidden(comparison)) = predicted {
        model.hidden = Some(comparison);
    }
    Ok(model)
}

/// The party's coefficients, and its shares of the scores in the places of the test.
async fn fit(
    party: &mut TwoParty,
    settings: &LogisticRegression,
    side: &Side,
) -> Result<(Coefficients, Vec<u64>), JobError> {
    let mut columns = Vec::new();
    let (mut filled, mut labels) = (Vec::new(), Vec::new());
    if let RoleSide::Guest(placed) = &side.role {
        columns = side.prepared.matrix.columns().iter().map(|it| placed.spread(it)).collect();
        filled = placed.places.iter().map(Option::is_some).collect();
        labels = placed.spread(placed.data.guest().map_or(&[], |guest| guest.labels()));
    }
    let columns: Vec<&[f64]> = columns.iter().map(Vec::as_slice).collect();
    let guest = hidden_rows::GuestRows { columns: &columns, filled: &filled, labels: &labels };
    let own = match &side.role {
        RoleSide::Guest(_) => Own::Guest(guest),
        RoleSide::Host(columns) => Own::Host(columns),
    };
    let settings = joint_settings(settings, 0);
    let trained =
        hidden_rows::train(party, &side.rows, side.counts, &own, side.tables, &settings).await?;
    Ok((trained.coefficients, trained.test_scores))
}

/// The guest's own model over its rows for training, common or not, and figures about it over its
/// test rows, common or not.
fn alone(
    run: &Run<'_>,
    settings: &LogisticRegression,
    placed: &Placed,
    prepared: &Prepared,
) -> Result<(local::Fit, Figures), JobError> {
    let Some(guest) = placed.data.guest() else { return Err(unfit()) };
    let Split { training, test, .. } = &placed.split;
    let fit = fit_alone(settings, guest, training, &prepared.matrix.take(training)?)?;
    let figures = figures_alone(run, &fit, guest, &placed.split, &prepared.matrix.take(test)?)?;
    Ok((fit, figures))
}

/// Figures about the shared joint scores in the places of the test; `labels` are the guest's.
async fn joint_figures(
    run: &Run<'_>,
    party: &mut TwoParty,
    side: &Side,
    scores: &[u64],
    labels: Option<&[u8]>,
) -> Result<Option<Figures>, JobError> {
    let HiddenRows { present, training, .. } = &side.rows;
    let present = Bits::from_fn(scores.len(), |at| present.bit(training + at) == 1);
    let places = Places { scores, present: &present, count: side.counts.test, labels };
    Ok(evaluate(party, &places, &top_shares(run.job)).await?)
}

fn split_outcome(spec: &SplitSpec, side: Side) -> SplitOutcome {
    let Side { prepared, counts, .. } = side;
    SplitOutcome {
        name: spec.name.clone(),
        by: spec.by,
        training_rows: counts.training,
        validation_rows: 0,
        test_rows: counts.test,
        base_rates: None,
        period: None,
        evidence: prepared.evidence,
        host_evidence: Vec::new(),
        selection: None,
        weighed: None,
        features: prepared.matrix.names().map(str::to_owned).collect(),
        dropped: prepared.preparation.dropped().to_vec(),
        preparation: prepared.preparation,
    }
}

/// Rows of the guest whose places, 1.31 for each, fit [`hidden_rows::PLACES_MAX`].
const GUEST_ROWS_MAX: usize = 800_000;
/// Places times columns of the host, each a shared number of 24 bytes in memory: 6.4 GB.
const SHARED_MAX: usize = 1 << 28;

#[cfg(test)]
mod tests;
