//! Which state a training goes on from, after a run that was stopped.
//!
//! Each host tells the guest which states it has, and the guest chooses the newest that all have.
//! States are of one run: each run has a name of its own, so that a state which was reached again
//! after a stop is not taken for the one from before.

use contract::Text;
use features::FeatureMatrix;
use features::binned::BinnedMatrix;
use net::{Session, Size};

use super::data::GuestRows;
use super::progress::Run;
use crate::checkpoints::{Mark, RUN_BYTES, Store};
use crate::error::JobError;

/// What a party trains on: its states are good for nothing else.
pub(super) struct Inputs<'a> {
    /// The step, in the job.
    pub(super) step: &'a str,
    /// The rows, in their order.
    pub(super) rows: [&'a [u32]; 2],
    /// What only the guest has.
    pub(super) guest: Option<&'a GuestRows>,
}

impl Inputs<'_> {
    /// The hash of everything with features of numbers.
    fn with_numbers(&self, run: &Run<'_>, matrix: &FeatureMatrix) -> [u8; 32] {
        let columns = matrix.columns();
        let columns = columns.iter().map(|column| bytes_of(column));
        self.hash(run, matrix.names().map(str::to_owned).zip(columns))
    }

    /// The hash of everything with features in bins.
    pub(super) fn with_bins(&self, run: &Run<'_>, matrix: &BinnedMatrix) -> [u8; 32] {
        let features = matrix.features().iter();
        self.hash(run, features.map(|feature| (feature.name.clone(), feature.codes.clone())))
    }

    fn hash(&self, run: &Run<'_>, features: impl Iterator<Item = (String, Vec<u8>)>) -> [u8; 32] {
        let digest = |parts: &[&[u8]]| crypto::hash::digest("jobs/run/checkpoints", parts);
        let mut hashes: Vec<[u8; 32]> =
            features.map(|(name, bytes)| digest(&[name.as_bytes(), &bytes])).collect();
        for rows in self.rows {
            let bytes: Vec<u8> = rows.iter().flat_map(|row| row.to_le_bytes()).collect();
            hashes.push(digest(&[&bytes]));
        }
        let of_guest = self.guest.map(GuestRows::columns).unwrap_or_default();
        hashes.extend(of_guest.iter().map(|column| digest(&[&bytes_of(column)])));
        let names = self.guest.map_or(&[][..], GuestRows::class_names);
        hashes.extend(names.iter().map(|name| digest(&[name.as_bytes()])));
        hashes.extend(run.start_ids().map(|id| digest(&[id.as_bytes()])));
        let job = run.job.digest();
        let party = run.own.name.as_bytes();
        let version = env!("CARGO_PKG_VERSION").as_bytes();
        digest(&[version, job.as_bytes(), self.step.as_bytes(), party, hashes.as_flattened()])
    }
}

fn bytes_of(column: &[f64]) -> Vec<u8> {
    column.iter().flat_map(|value| value.to_le_bytes()).collect()
}

/// Agrees on the state that all parties go on from, over the sessions of a step; `origin` makes the
/// hash of this party's [`Inputs`]. `None` if this party keeps no states.
pub(super) async fn agree<'a>(
    run: &Run<'a>,
    sessions: &mut [Session],
    step: &str,
    origin: impl FnOnce() -> [u8; 32] + Send,
) -> Result<Option<Store<'a>>, JobError> {
    let mut store = None;
    if let (Some(folder), Some(session)) = (run.checkpoints(), sessions.first()) {
        let origin = session.compute(origin).await;
        store = Some(Store::open(folder, step, &origin, &run.ledger, run.watch()));
    }
    let own = store.as_ref().map(Store::marks).unwrap_or_default();
    let (name, chosen) =
        if run.is_guest() { choose(sessions, &own).await? } else { follow(sessions, &own).await? };
    if let Some(store) = &mut store {
        store.begin(name, chosen)?;
    }
    if let Some(mark) = chosen {
        run.goes_on_behind(mark.number);
    }
    if let Some(text) = told(&own, chosen) {
        run.note(text);
    }
    Ok(store)
}

/// [`agree`] between parties that train on features of numbers. No states are kept of columns
/// with weight of evidence: which of the host's is which, to the guest, changes from run to run.
pub(super) async fn agree_on_numbers<'a>(
    run: &Run<'a>,
    sessions: &mut [Session],
    inputs: &Inputs<'_>,
    matrix: &FeatureMatrix,
) -> Result<Option<Store<'a>>, JobError> {
    if run.job.prepare.encode.uses_woe() {
        return Ok(None);
    }
    let origin = || inputs.with_numbers(run, matrix);
    agree(run, sessions, inputs.step, origin).await
}

/// The guest's side: the name of this run, and the newest state that all have.
async fn choose(
    sessions: &mut [Session],
    own: &[Mark],
) -> Result<([u8; RUN_BYTES], Option<Mark>), JobError> {
    let mut name = [0; RUN_BYTES];
    let mut common = own.to_vec();
    for (index, session) in sessions.iter_mut().enumerate() {
        if index == 0 {
            session.rng().fill_bytes(&mut name);
        }
        let bytes = session.receive_bytes(OFFERS, Size::Exactly(2 * MARK_BYTES)).await?;
        let theirs: Vec<Mark> = bytes.as_chunks().0.iter().filter_map(decode).collect();
        common.retain(|mark| theirs.contains(mark));
    }
    let chosen = common.into_iter().max_by_key(|mark| mark.number);
    for session in sessions {
        let bytes = [&name[..], &encode(chosen)].concat();
        session.send_bytes(CHOICE, bytes).await?;
    }
    Ok((name, chosen))
}

/// A host's side.
async fn follow(
    sessions: &mut [Session],
    own: &[Mark],
) -> Result<([u8; RUN_BYTES], Option<Mark>), JobError> {
    let mut name = [0; RUN_BYTES];
    let mut chosen = None;
    for session in sessions {
        let offers = [0, 1].map(|place| encode(own.get(place).copied()));
        session.send_bytes(OFFERS, offers.concat()).await?;
        let size = Size::Exactly(RUN_BYTES + MARK_BYTES);
        let bytes = session.receive_bytes(CHOICE, size).await?;
        if let Some((given, [mark])) =
            bytes.split_first_chunk().map(|(name, rest)| (name, rest.as_chunks().0))
        {
            name = *given;
            chosen = decode(mark);
        }
        if chosen.is_some_and(|mark| !own.contains(&mark)) {
            let rule = "chose a checkpoint that was not offered";
            return Err(session.misbehaved(CHOICE, rule).into());
        }
    }
    Ok((name, chosen))
}

/// The run and the number; zeros for none, because no state is after zero passes.
fn encode(mark: Option<Mark>) -> [u8; MARK_BYTES] {
    let mut bytes = [0; MARK_BYTES];
    if let Some(Mark { run, number }) = mark {
        bytes[..RUN_BYTES].copy_from_slice(&run);
        bytes[RUN_BYTES..].copy_from_slice(&number.to_le_bytes());
    }
    bytes
}

fn decode(bytes: &[u8; MARK_BYTES]) -> Option<Mark> {
    let (run, number) = bytes.split_first_chunk()?;
    let number = u64::from_le_bytes(*number.first_chunk()?);
    (number > 0).then_some(Mark { run: *run, number })
}

/// What people hear of it, if there is something to hear.
fn told(own: &[Mark], chosen: Option<Mark>) -> Option<Text> {
    match chosen {
        Some(Mark { number, .. }) => Some(Text::owned(
            format!(
                "an earlier run was stopped; training goes on behind its checkpoint {number} \
                 (remove the folder of checkpoints beside the results to begin anew)"
            ),
            format!(
                "此前的运行曾中断；训练从检查点 {number} 之后继续（删除结果旁的检查点文件夹即可重新开始）"
            ),
        )),
        None if !own.is_empty() => Some(Text::new(
            "an earlier run was stopped, and the parties have no checkpoint in common: training \
             begins anew",
            "此前的运行曾中断，但各方没有共同的检查点：训练重新开始",
        )),
        None => None,
    }
}

const OFFERS: &str = "checkpoints";
const CHOICE: &str = "checkpoint";
const MARK_BYTES: usize = RUN_BYTES + 8;

#[cfg(test)]
mod tests;
