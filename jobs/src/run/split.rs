//! Stage 2: which common rows are for training, for validation and for the test.

use contract::Audience;
use crypto::hash;
use crypto::random::Generator;
use features::FeaturesError;
use features::split::{self, Shares, Split};
use net::{Session, Size, together};

use super::data::{Data, GuestRows};
use super::progress::{Run, Step};
use crate::error::JobError;
use crate::spec::{SplitBy, SplitSpec};

/// The split named in the job; `index` is its place there.
pub(super) async fn split(
    run: &mut Run<'_>,
    data: &Data,
    spec: &SplitSpec,
    index: usize,
) -> Result<Split, JobError> {
    if run.job.recommends() {
        // All users train; which interactions are left out is the guest's own affair.
        let training = (0..data.table.rows() as u32).collect();
        return Ok(Split { training, validation: Vec::new(), test: Vec::new() });
    }
    let id = format!("split.{}", spec.name);
    let mut step = run.begin(&id, &format!("split.{index}"))?;
    let split = agree(run, &mut step, data, spec).await.map_err(|error| error.at(&id))?;
    run.end(step);
    Ok(split)
}

async fn agree(
    run: &Run<'_>,
    step: &mut Step,
    data: &Data,
    spec: &SplitSpec,
) -> Result<Split, JobError> {
    let rows = data.table.rows();
    let shares = Shares { test: spec.test.fraction(), validation: spec.validation.fraction() };
    run.record("split.rows", Audience::Host, rows)?;
    let mut generator = public_generator(run.job.seed, spec);
    let split = match (spec.by, data.guest()) {
        (SplitBy::Random, guest) => {
            let split = split::random(rows, shares, &mut generator)?;
            guest.map_or(Ok(()), |guest| check_classes(guest, &split))?;
            return Ok(split);
        }
        (_, None) => return receive(step.pair()?, rows).await,
        (SplitBy::Stratified | SplitBy::LeaveOneOut, Some(guest)) => {
            split::stratified(guest.labels(), shares, &mut generator)
                .map_err(|error| named(error, guest))?
        }
        (SplitBy::Time, Some(_)) => split::by_time(&data.table.time()?, shares)?,
    };
    data.guest().map_or(Ok(()), |guest| check_classes(guest, &split))?;
    if spec.by == SplitBy::Time {
        run.record("split.late_rows", Audience::Host, split.test.len())?;
    }
    let parts = encode(&split, rows);
    together(step.sessions.iter_mut().map(|host| host.send_bytes(PARTS, parts.clone()))).await?;
    Ok(split)
}

/// That the training and the test rows each have more than one class, before anything is trained.
fn check_classes(guest: &GuestRows, split: &Split) -> Result<(), JobError> {
    let labels = guest.labels();
    if labels.is_empty() {
        return Ok(());
    }
    for (part, rows) in [("training", &split.training), ("test", &split.test)] {
        let label = |row: &u32| labels[*row as usize];
        if rows.first().is_some_and(|first| rows.iter().all(|row| label(row) == label(first))) {
            return Err(JobError::OneClassPart { part, rows: rows.len() });
        }
    }
    Ok(())
}

/// The error with the name of the class, where it has one.
fn named(error: FeaturesError, guest: &GuestRows) -> JobError {
    match error {
        FeaturesError::ClassTooSmall { class, rows } => {
            match guest.class_names().get(usize::from(class)) {
                Some(name) => JobError::RareClass { name: name.clone(), rows },
                None => error.into(),
            }
        }
        error => error.into(),
    }
}

/// All parties compute the same stream from the job's public seed.
pub(super) fn public_generator(seed: u64, spec: &SplitSpec) -> Generator {
    let parts: [&[u8]; 2] = [&seed.to_le_bytes(), spec.name.as_bytes()];
    Generator::from_seed(hash::digest("jobs/run/split", &parts))
}

/// One byte a row: which part it belongs to.
fn encode(split: &Split, rows: usize) -> Vec<u8> {
    let mut parts = vec![TRAINING; rows];
    for (part, members) in [(VALIDATION, &split.validation), (TEST, &split.test)] {
        for row in members {
            parts[*row as usize] = part;
        }
    }
    parts
}

async fn receive(guest: &mut Session, rows: usize) -> Result<Split, JobError> {
    let parts = guest.receive_bytes(PARTS, Size::Exactly(rows)).await?;
    if parts.iter().any(|part| *part > TEST) {
        let rule = "a row is a training, validation or test row (0, 1 or 2)";
        return Err(guest.misbehaved(PARTS, rule).into());
    }
    let of = |wanted: u8| {
        let rows = parts.iter().enumerate().filter(move |(_, part)| **part == wanted);
        rows.map(|(row, _)| row as u32).collect()
    };
    Split::from_lists(rows, of(VALIDATION), of(TEST))
        .map_err(|error| guest.misbehaved(PARTS, error.to_string()).into())
}

const PARTS: &str = "parts";
const TRAINING: u8 = 0;
const VALIDATION: u8 = 1;
const TEST: u8 = 2;
