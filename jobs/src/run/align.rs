//! Stage 1: the rows that all parties have, in one common order.

use contract::{Audience, Role, Text};
use crypto::hash::Keyed;
use matching::MatchingError;
use matching::idmap::{KeyRule, Keys};
use matching::psi::{self, Identifiers};
use models::local::boosted_trees::GRADE_MAX;
use models::vertical::multinomial_regression::{CLASSES_MAX, CLASSES_MIN};
use table::{Table, check_label_classes};

use super::outcome::KeyRound;
use super::progress::{Run, Step};
use super::{boosted_trees, buckets, cascade, multiparty, regression, unbalanced};
use crate::error::JobError;
use crate::intersection;
use crate::open_table::KeyReader;
use crate::own_rows::OwnRows;
use crate::spec::{Intersection, Learn, Model, Protocol, Target};

/// The rows that all parties have.
pub(super) enum Common {
    /// Rows of a table in memory.
    InMemory {
        /// They, in an order that all parties share.
        table: Table,
        /// Their positions in the party's own table.
        order: Vec<u32>,
        /// What each of several keys gave.
        rounds: Vec<KeyRound>,
    },
    /// Rows in the files of a division.
    Divided {
        /// How many.
        rows: usize,
    },
}

impl Common {
    /// How many rows are common.
    pub(super) fn rows(&self) -> usize {
        match self {
            Self::InMemory { order, .. } => order.len(),
            Self::Divided { rows } => *rows,
        }
    }

    /// What each of several keys gave.
    pub(super) fn rounds(&self) -> Vec<KeyRound> {
        match self {
            Self::InMemory { rounds, .. } => rounds.clone(),
            Self::Divided { .. } => Vec::new(),
        }
    }

    /// Their positions in the party's own table, if that is in memory.
    pub(super) fn into_order(self) -> Option<Vec<u32>> {
        match self {
            Self::InMemory { order, .. } => Some(order),
            Self::Divided { .. } => None,
        }
    }
}

/// Finds the common rows; `None` for a party that does not learn them.
pub(super) async fn align(
    run: &mut Run<'_>,
    rows: &mut OwnRows,
) -> Result<Option<Common>, JobError> {
    let mut step = match run.job.align.protocol {
        Protocol::Multiparty => run.begin_among_all(STEP, STEP)?,
        _ => run.begin(STEP, STEP)?,
    };
    let aligned = find(run, &mut step, rows).await.map_err(|error| error.at(STEP))?;
    run.end(step);
    Ok(aligned)
}

/// Jobs that only intersect may have their tables divided over files; others have them in memory.
async fn find(
    run: &Run<'_>,
    step: &mut Step,
    rows: &mut OwnRows,
) -> Result<Option<Common>, JobError> {
    let protocol = match run.job.align.protocol {
        Protocol::Intersection(protocol) => protocol,
        Protocol::Unbalanced { asked_max } => {
            return unbalanced::intersect(run, step, rows, asked_max as usize).await;
        }
        Protocol::Multiparty => {
            let table = rows.table().ok_or(JobError::NotInMemory)?;
            check_label_before(run, table)?;
            let order = multiparty::match_with_all(run, step, table).await?;
            return order.map(|order| taken(run, step, table, order, Vec::new())).transpose();
        }
        // Such a job has no common rows that anybody learns; see `totals` and `hidden`.
        Protocol::Totals { .. } | Protocol::Hidden { .. } => return Ok(None),
    };
    if run.job.only_intersects()
        && let Some(plan) = buckets::plan(step.pair()?, rows).await?
    {
        run.record("table.rows", Audience::All, 1)?;
        run.record("table.buckets", Audience::All, 1)?;
        let division = rows.divide()?;
        let keys_count = division.keys();
        note_rows_left_out(run, keys_count, division.invalid_rows(), division.duplicate_rows());
        let learn = learn(run);
        let found = buckets::align(run, step, rows, &plan, protocol, learn).await?;
        let Some(rows) = found else { return Ok(None) };
        record_common(run, learn, rows)?;
        return Ok(Some(Common::Divided { rows }));
    }
    match rows.table() {
        Some(table) => intersect(run, step, table, protocol).await,
        None => Err(JobError::NotInMemory),
    }
}

/// Who learns the common rows, by the order of the parties in a session.
pub(super) fn learn(run: &Run<'_>) -> psi::Learn {
    match run.job.align.learn {
        Learn::Both => psi::Learn::Both,
        Learn::Guest => psi::Learn::First,
        Learn::Host => psi::Learn::Second,
    }
}

/// Notes that a party that learns the common rows has got them.
pub(super) fn record_common(run: &Run<'_>, learn: psi::Learn, rows: usize) -> Result<(), JobError> {
    for role in [Role::Guest, Role::Host] {
        if learn.includes(role == Role::Guest) {
            run.record("intersection.rows", role.into(), rows)?;
        }
    }
    Ok(())
}

async fn intersect(
    run: &Run<'_>,
    step: &mut Step,
    table: &Table,
    protocol: Intersection,
) -> Result<Option<Common>, JobError> {
    check_label_before(run, table)?;
    let matched = if run.own.has_several_keys() {
        cascade::match_key_by_key(run, step, table, protocol).await?
    } else {
        let order = match_by_one_key(run, step, table, protocol).await?;
        order.map(|order| (order, Vec::new()))
    };
    matched.map(|(order, rounds)| taken(run, step, table, order, rounds)).transpose()
}

/// The common rows of `table`, which are those at the positions `order`.
fn taken(
    run: &Run<'_>,
    step: &Step,
    table: &Table,
    order: Vec<u32>,
    rounds: Vec<KeyRound>,
) -> Result<Common, JobError> {
    if order.is_empty() && run.job.needs_common_rows() {
        let keys: Vec<&str> = run.own.keys().map(|key| key.column.as_str()).collect();
        return Err(JobError::NothingInCommon {
            peers: step.peers().join(", "),
            rows: table.rows(),
            key: keys.join("`, `"),
        });
    }
    let table = table.take(&order)?;
    check_label_before(run, &table)?;
    Ok(Common::InMemory { table, order, rounds })
}

/// Checks the label at the guest of a job that trains.
pub(super) fn check_label_before(run: &Run<'_>, table: &Table) -> Result<(), JobError> {
    if run.is_guest() && !run.job.train.is_empty() {
        check_label(run, table)?;
    }
    Ok(())
}

/// The positions of the common rows, for a party that learns them.
async fn match_by_one_key(
    run: &Run<'_>,
    step: &mut Step,
    table: &Table,
    protocol: Intersection,
) -> Result<Option<Vec<u32>>, JobError> {
    let keys = keys(run, table)?;
    let ids = identifiers(&run.own.key.rule, table, &keys)?;
    let learn = learn(run);
    run.record("table.rows", Audience::All, 1)?;
    let found = intersection::intersect(protocol, step.pair()?, &ids, learn).await?;
    let Some(alignment) = found else {
        return Ok(None);
    };
    record_common(run, learn, alignment.len())?;
    let mut positions = alignment.order().to_vec();
    if learn == psi::Learn::Both {
        order_by_seed(&mut positions, &ids, run.job.seed);
    }
    Ok(Some(positions.into_iter().map(|position| keys.row(position)).collect()))
}

/// The keys of the party's rows that take part, after saying how many do not.
pub(super) fn keys<'t>(run: &Run<'_>, table: &'t Table) -> Result<Keys<'t>, JobError> {
    let keys = KeyReader::new(run.own, &run.own.key).keys(table)?;
    note_rows_left_out(run, keys.texts().len(), keys.invalid_rows(), keys.duplicate_rows());
    Ok(keys)
}

/// The keys as a set; an error names the rows that share one.
pub(super) fn identifiers<'k>(
    rule: &KeyRule,
    table: &Table,
    keys: &'k Keys<'_>,
) -> Result<Identifiers<'k>, JobError> {
    match Identifiers::new(keys.texts()) {
        // The table knows the lines of its file, if the values themselves are repeated.
        Err(MatchingError::DuplicateIds { .. }) if *rule == KeyRule::default() => {
            table.check_unique_ids()?;
            Ok(Identifiers::new(keys.texts())?)
        }
        ids => Ok(ids?),
    }
}

/// Brings common ids into the order of a hash of seed and id.
///
/// The order that matching gives changes from run to run. All parties know the common ids, so
/// all can compute this one, and the same job with the same seed divides the same rows the same
/// way.
pub(super) fn order_by_seed(positions: &mut [u32], ids: &Identifiers<'_>, seed: u64) {
    let hash = Keyed::new("jobs/run/align order", &[&seed.to_le_bytes()]);
    positions.sort_by_cached_key(|position| hash.hash_128(&ids.hash(*position).to_le_bytes()));
}

/// Says how many rows the job's policy for keys leaves out, if any.
pub(super) fn note_rows_left_out(run: &Run<'_>, kept: usize, invalid: usize, duplicate: usize) {
    if invalid + duplicate > 0 {
        run.note(Text::owned(
            format!(
                "{kept} rows take part in matching; left out: {invalid} without a valid key, \
                 {duplicate} that share a key"
            ),
            format!("{kept} 行参与匹配；{invalid} 行因键无效、{duplicate} 行因键重复而未参与"),
        ));
    }
}

/// Before anything is trained, all classes must be there, or numbers that every model allows.
fn check_label(run: &Run<'_>, table: &Table) -> Result<(), JobError> {
    let column = run.job.guest.label.as_ref().map_or("label", |label| label.column.as_str());
    match run.job.target() {
        Target::TwoClasses => {
            check_label_classes(column, &table.label()?)?;
            return Ok(());
        }
        Target::SeveralClasses => {
            let (names, _) = table.label_classes(CLASSES_MAX as u8)?;
            if names.len() < CLASSES_MIN {
                return Err(JobError::FewClasses { column: column.to_owned(), found: names.len() });
            }
            return Ok(());
        }
        Target::Items => return Ok(()),
        Target::Number => {}
        Target::Graded => return check_grades(run, column, table.label_values()?),
    }
    let numbers = table.label_values()?;
    for step in &run.job.train {
        let family = match &step.model {
            Model::LogisticRegression { .. }
            | Model::MultinomialRegression { .. }
            | Model::FactorizationMachine { .. } => None,
            Model::Regression { of, settings, .. } => Some(regression::family(*of, settings)),
            Model::BoostedTrees { settings, .. } => boosted_trees::family(settings),
        };
        let Some(family) = family else { continue };
        if let Some(row) = numbers.iter().position(|number| !family.allows(*number).1) {
            return Err(JobError::LabelNotAllowed {
                column: column.to_owned(),
                step: step.name.clone(),
                row: row + 1,
                value: numbers[row],
                expected: family.allows(0.0).0,
            });
        }
    }
    Ok(())
}

/// Grades are whole numbers, of which not too many differ.
fn check_grades(run: &Run<'_>, column: &str, grades: &[f64]) -> Result<(), JobError> {
    match grades.iter().position(|grade| !is_grade(*grade)) {
        None => Ok(()),
        Some(row) => Err(JobError::LabelNotAllowed {
            column: column.to_owned(),
            step: run.job.train.first().map(|step| step.name.clone()).unwrap_or_default(),
            row: row + 1,
            value: grades[row],
            expected: "a whole number from 0 to 31",
        }),
    }
}

/// Whether a number can be a grade.
pub(super) fn is_grade(number: f64) -> bool {
    (0.0..=GRADE_MAX).contains(&number) && number.fract() == 0.0
}

pub(super) const STEP: &str = "align";
