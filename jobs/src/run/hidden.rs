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

mod judging;

use contract::Audience;
use features::split::{self, Shares, Split};
use matching::psi::Identifiers;
use matching::psi::circuit::{self, HiddenMatches};
use models::ModelError;
use models::evaluate::regression::NumericEvaluation;
use models::family::Family;
use models::vertical::hidden_evaluation::Figures;
use models::vertical::hidden_rows::{
    self, Counts, Goal, HiddenRows, HostColumns, LabelScale, Own, Tables,
};
use models::vertical::logistic_regression::Settings;
use mpc::TwoParty;
use mpc::boolean::Bits;
use net::Session;
use table::Table;

use super::align::{STEP, check_label_before, identifiers, keys};
use super::data::Data;
use super::evaluate::Predicted;
use super::logistic_regression::{self, GuestTrained, joint_settings};
use super::outcome::{HiddenComparison, ModelOutcome, ModelPart, SplitOutcome};
use super::prepare::{self, Prepared};
use super::progress::{Run, Step};
use super::regression;
use super::split as splitting;
use super::train::{agree_on_id, linear, outcome};
use crate::error::JobError;
use crate::own_rows::OwnRows;
use crate::spec::{Model, ModelStep, SplitSpec};
use judging::{alone, check_targets, joint_errors, joint_figures, number_alone};

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
    scale: LabelScale,
    /// At the host.
    columns: Option<HostColumns>,
}

/// A party's side of the training.
struct Side {
    prepared: Prepared,
    rows: HiddenRows,
    counts: Counts,
    tables: Tables,
    scale: LabelScale,
    role: RoleSide,
}

impl Side {
    /// A share of which places of the test count.
    fn test_places(&self) -> Bits {
        let HiddenRows { present, training, .. } = &self.rows;
        Bits::from_fn(present.len() - training, |at| present.bit(training + at) == 1)
    }
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
    let goal = goal(&model_step.train.model)?;
    let side = side(run, rows, (model_step.split, minimum), &goal).await?;
    let id = format!("train.{}", model_step.id);
    let mut step = run.begin(&id, "train.0")?;
    let trained = run_step(run, &mut step, model_step, &goal, &side).await;
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
    goal: &(Family, Settings),
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
    let aligned = align(run, &mut step, (&ids, &own), at_host.as_ref(), (spec, goal)).await;
    let Aligned { bins, order, rows, counts, tables, scale, columns } = aligned.map_err(at_step)?;
    if counts.training.min(counts.test) < minimum {
        let Counts { training, test } = counts;
        return Err(JobError::TooFewInCommon { training, test, minimum }.at(STEP));
    }
    let (prepared, role) = if let Some((prepared, columns)) = at_host.zip(columns) {
        run.end(step);
        (prepared, RoleSide::Host(columns))
    } else {
        let bins = bins.unwrap_or_default();
        let place = || Placed::new(run, &own, &bins, &order, rows.training);
        let placed = step.compute(place).await?;
        check_targets(&placed, goal.0, scale).map_err(at_step)?;
        run.end(step);
        let prepared = prepare::prepare(run, &placed.data, &placed.split, spec, 0).await?;
        (prepared, RoleSide::Guest(Box::new(placed)))
    };
    Ok(Side { prepared, rows, counts, tables, scale, role })
}

/// What the label of a model is taken for, and its settings.
fn goal(model: &Model) -> Result<(Family, Settings), JobError> {
    match model {
        Model::LogisticRegression { settings, .. } => {
            Ok((Family::Binomial, joint_settings(settings, 0)))
        }
        Model::Regression { of, settings, .. } => {
            let (family, joint) =
                (regression::family(*of, settings), regression::joint_settings(settings));
            let settings = Settings {
                l2: joint.l2,
                l1: joint.l1,
                passes_max: joint.passes_max,
                tolerance: joint.tolerance,
                early_stopping: None,
                standard_errors: joint.standard_errors,
            };
            Ok((family, settings))
        }
        _ => Err(unfit()),
    }
}

/// What the job file refuses.
fn unfit() -> JobError {
    ModelError::InvalidInput("hidden rows are for one regression".to_owned()).into()
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
    (ids, own): (&Identifiers<'_>, &Table),
    prepared: Option<&Prepared>,
    (spec, (family, settings)): (&SplitSpec, &(Family, Settings)),
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
    let mut party = TwoParty::setup(session.fork("hidden")?, run.ledger.clone()).await?;
    let has_numbers = run.is_guest() && *family != Family::Binomial;
    let numbers = if has_numbers { Some(own.label_values()?) } else { None };
    let scale = hidden_rows::agree_on_scale(&mut party, *family, numbers).await?;
    let goal = Goal { family: *family, scale, settings };
    let (columns, matches) = match prepared {
        Some(prepared) => {
            let whiten = || {
                let columns = HostColumns::new(&prepared.matrix.columns(), goal, tables)?;
                let payloads = columns.payloads();
                Ok::<_, ModelError>((columns, payloads))
            };
            let (columns, payloads) = party.session.compute(whiten).await?;
            let matches = circuit::send(&mut party, ids, &payloads, Some(their_rows)).await?;
            (Some(columns), matches)
        }
        None => (None, circuit::receive(&mut party, ids, their_columns, Some(their_rows)).await?),
    };
    let (order, training) = divide(run, spec, matches.flags.len())?;
    let rows = party.session.compute(|| in_order(&matches, &order, training)).await;
    let counts = hidden_rows::count(&mut party, &rows, tables).await?;
    Ok(Aligned { bins: matches.rows, order, rows, counts, tables, scale, columns })
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

    /// What is to be predicted, 0 or 1 where it is a class.
    fn targets(&self) -> Vec<f64> {
        let Some(guest) = self.data.guest() else { return Vec::new() };
        let classes = guest.labels().iter().copied().map(f64::from);
        guest.numbers().iter().copied().chain(classes).collect()
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
    goal: &(Family, Settings),
    side: &Side,
) -> Result<ModelOutcome, JobError> {
    let model_id = agree_on_id(run, step, &model_step.id).await?;
    // The guest's, which the host learns with the widths; the host's were told at the alignment.
    run.record("train.columns", Audience::All, 1)?;
    let session = step.pair()?;
    let mut party = TwoParty::setup(session.fork("train")?, run.ledger.clone()).await?;
    let trained = fit(&mut party, goal, side).await?;
    let placed = match &side.role {
        RoleSide::Guest(placed) => Some(placed.as_ref()),
        RoleSide::Host(_) => None,
    };
    let (guest, is_number) = match &model_step.train.model {
        Model::LogisticRegression { settings, .. } => {
            let joint = joint_figures(run, &mut party, side, &trained, placed).await?;
            let work = |(joint, placed): (Figures, &Placed)| {
                let (alone, guest_alone) = alone(run, settings, placed, &side.prepared)?;
                let predicted = Predicted::Hidden(HiddenComparison { guest_alone, joint });
                Ok::<_, JobError>(GuestTrained { alone, predicted })
            };
            let both = joint.zip(placed);
            (party.session.compute(|| both.map(work).transpose()).await?, false)
        }
        Model::Regression { settings, .. } => {
            let joint = joint_errors(&mut party, side, &trained, goal.0, placed).await?;
            let work = |(joint, placed): (NumericEvaluation, &Placed)| {
                number_alone(goal.0, settings, placed, &side.prepared, joint)
            };
            let both = joint.zip(placed);
            (party.session.compute(|| both.map(work).transpose()).await?, true)
        }
        _ => return Err(unfit()),
    };
    let own = trained.coefficients;
    let (part, predicted) = linear(logistic_regression::Trained { own, guest }, &side.prepared);
    let part =
        if is_number { ModelPart::Regression(part) } else { ModelPart::LogisticRegression(part) };
    let mut model = outcome(model_step, model_id, part);
    match predicted {
        Some(Predicted::Hidden(comparison)) => model.hidden = Some(comparison),
        Some(Predicted::HiddenNumbers(comparison)) => model.numeric = Some(comparison),
        Some(Predicted::One(_) | Predicted::Classes(_)) | None => {}
    }
    Ok(model)
}

/// The party's coefficients, and its shares of the predictors in the places of the test.
async fn fit(
    party: &mut TwoParty,
    (family, settings): &(Family, Settings),
    side: &Side,
) -> Result<hidden_rows::Trained, JobError> {
    let (columns, filled, targets) = match &side.role {
        RoleSide::Guest(placed) => {
            let spread = || {
                let own = side.prepared.matrix.columns();
                let columns: Vec<Vec<f64>> = own.iter().map(|it| placed.spread(it)).collect();
                let filled: Vec<bool> = placed.places.iter().map(Option::is_some).collect();
                (columns, filled, placed.spread(&placed.targets()))
            };
            party.session.compute(spread).await
        }
        RoleSide::Host(_) => (Vec::new(), Vec::new(), Vec::new()),
    };
    let columns: Vec<&[f64]> = columns.iter().map(Vec::as_slice).collect();
    let guest = hidden_rows::GuestRows { columns: &columns, filled: &filled, targets: &targets };
    let own = match &side.role {
        RoleSide::Guest(_) => Own::Guest(guest),
        RoleSide::Host(columns) => Own::Host(columns),
    };
    let goal = Goal { family: *family, scale: side.scale, settings };
    let Side { rows, counts, tables, .. } = side;
    Ok(hidden_rows::train(party, rows, *counts, &own, *tables, &goal).await?)
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
