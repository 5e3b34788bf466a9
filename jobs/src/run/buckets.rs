//! Alignment of tables that are divided over files, bucket by bucket.
//!
//! A run that was stopped goes on behind the last bucket that both parties have finished: they tell
//! each other what is left of their last run, and what either has not finished is matched afresh,
//! with new keys and masks.

use std::cell::RefCell;
use std::collections::BTreeMap;

use crypto::hash;
use matching::psi::buckets::Buckets;
use matching::psi::{Learn, ROWS_MAX};
use net::Session;

use super::align::order_by_seed;
use super::progress::{Run, Step};
use crate::division::{Division, Progress};
use crate::error::JobError;
use crate::intersection;
use crate::own_rows::OwnRows;
use crate::spec::Intersection;

/// How two parties match: what they tell each other before they begin.
pub(super) struct Plan {
    buckets: Buckets,
    /// Names the run.
    token: [u64; 2],
    /// Buckets that both have finished in an earlier run.
    finished: [u64; 4],
}

/// Finds out whether either party's rows are divided over files; `None` if neither's are.
pub(super) async fn plan(session: &mut Session, rows: &OwnRows) -> Result<Option<Plan>, JobError> {
    let wanted = rows.division().map_or(0, Division::wanted_buckets);
    let earlier = rows.division().and_then(Division::progress);
    let own = Opening::new(wanted, earlier, session);
    let words = session.exchange_words("plan", &own.words(), OPENING_WORDS).await?;
    let theirs = Opening::parse(&words).ok_or_else(|| {
        session.misbehaved("plan", "announced a number of buckets that cannot be")
    })?;
    if own.wanted == 0 && theirs.wanted == 0 {
        return Ok(None);
    }
    let wishes = [own.wanted.max(1), theirs.wanted.max(1)];
    let buckets = Buckets::agreed(wishes)
        .ok_or_else(|| session.misbehaved("plan", "announced no power of two as buckets"))?;
    let goes_on = earlier.is_some_and(|earlier| earlier.buckets == buckets.count())
        && own.token == theirs.token;
    Ok(Some(if goes_on {
        let both = |at: usize| own.finished[at] & theirs.finished[at];
        Plan { buckets, token: own.token, finished: [0, 1, 2, 3].map(both) }
    } else {
        let nonces =
            if session.is_first() { [own.nonce, theirs.nonce] } else { [theirs.nonce, own.nonce] };
        Plan { buckets, token: name(nonces), finished: [0; 4] }
    }))
}

/// Matches all buckets that are left and returns how many rows are common; `None` for a party that
/// does not learn them.
pub(super) async fn align(
    run: &Run<'_>,
    step: &mut Step,
    rows: &mut OwnRows,
    plan: &Plan,
    protocol: Intersection,
    learn: Learn,
) -> Result<Option<usize>, JobError> {
    let session = step.pair()?;
    let i_learn = learn.includes(session.is_first());
    let division = rows.divide()?;
    let progress = begin(division, plan);
    // Both parties have finished the same ones, so that both divide the others alike.
    let left: Vec<usize> =
        (0..plan.buckets.count()).filter(|bucket| !progress.common.contains_key(bucket)).collect();
    let buckets = plan.buckets;
    let work = Work { run, division, buckets, protocol, learn, progress: progress.into() };
    let mut lane = |number: usize| session.fork(&format!("lane_{number}"));
    let lanes: [_; LANES] = [lane(0)?, lane(1)?, lane(2)?];
    let [first, second, third] = lanes;
    tokio::try_join!(
        Box::pin(work.match_lane(first, &left, 0)),
        Box::pin(work.match_lane(second, &left, 1)),
        Box::pin(work.match_lane(third, &left, 2)),
    )?;
    let progress = work.progress.into_inner();
    let common = progress.common.values().sum();
    division.progressed(progress);
    Ok(i_learn.then_some(common))
}

/// What all buckets share.
struct Work<'a> {
    run: &'a Run<'a>,
    division: &'a Division,
    buckets: Buckets,
    protocol: Intersection,
    learn: Learn,
    progress: RefCell<Progress>,
}

impl Work<'_> {
    /// Matches the buckets of one lane, one after the other.
    async fn match_lane(
        &self,
        mut session: Session,
        left: &[usize],
        lane: usize,
    ) -> Result<(), JobError> {
        for bucket in left.iter().skip(lane).step_by(LANES) {
            let mut path = session.fork(&format!("bucket_{bucket:03}"))?;
            let order = self.match_one(&mut path, *bucket).await?;
            let common = order.as_ref().map_or(0, Vec::len);
            if let Some(order) = order {
                let (division, buckets) = (self.division, self.buckets);
                path.compute(|| division.write_common(buckets, *bucket, &order)).await?;
            }
            let mut progress = self.progress.borrow_mut();
            progress.common.insert(*bucket, common);
            session.report_progress(progress.common.len(), self.buckets.count());
            self.division.note(&progress)?;
        }
        Ok(())
    }

    /// The common rows of a bucket, in an order that both parties can compute; `None` for a party
    /// that does not learn them.
    async fn match_one(
        &self,
        session: &mut Session,
        bucket: usize,
    ) -> Result<Option<Vec<u32>>, JobError> {
        let Self { division, buckets, learn, .. } = *self;
        let mut rng = session.rng();
        let prepare = || {
            let own = division.bucket_keys(buckets, bucket)?;
            let ids = buckets.fill(own.hashes, division.keys(), &mut rng)?;
            Ok::<_, JobError>((ids, own.rows))
        };
        let (ids, rows) = session.compute(prepare).await?;
        let found = intersection::intersect(self.protocol, session, &ids, learn).await?;
        let Some(alignment) = found else { return Ok(None) };
        let seed = self.run.job.seed;
        let order = || {
            // What fills a bucket up is random, so that none of it is common.
            let is_own = |position: &&u32| (**position as usize) < rows.len();
            let mut order: Vec<u32> = alignment.order().iter().filter(is_own).copied().collect();
            if learn == Learn::Both {
                order_by_seed(&mut order, &ids, seed);
            }
            order.into_iter().map(|position| rows[position as usize]).collect()
        };
        Ok(Some(session.compute(order).await))
    }
}

/// What is kept of an earlier run.
fn begin(division: &Division, plan: &Plan) -> Progress {
    let is_finished = |bucket: usize| plan.finished[bucket / 64] >> (bucket % 64) & 1 == 1;
    let earlier = division.progress().map(|earlier| earlier.common.clone()).unwrap_or_default();
    let common: BTreeMap<usize, usize> =
        earlier.into_iter().filter(|(bucket, _)| is_finished(*bucket)).collect();
    Progress { token: plan.token, buckets: plan.buckets.count(), common }
}

/// One party's part of the plan.
struct Opening {
    /// Buckets that its rows want; 0 if they are in memory.
    wanted: usize,
    nonce: [u64; 2],
    /// The earlier run; zero if there was none.
    token: [u64; 2],
    /// One bit for each bucket that is done.
    finished: [u64; 4],
}

impl Opening {
    fn new(wanted: usize, earlier: Option<&Progress>, session: &Session) -> Self {
        let mut rng = session.rng();
        let nonce = [rng.next_u64(), rng.next_u64()];
        let token = earlier.map_or([0; 2], |earlier| earlier.token);
        let mut finished = [0; 4];
        for bucket in earlier.iter().flat_map(|earlier| earlier.common.keys()) {
            finished[bucket / 64] |= 1 << (bucket % 64);
        }
        Self { wanted, nonce, token, finished }
    }

    fn words(&self) -> Vec<u64> {
        let wanted = self.wanted as u64;
        [&[wanted], &self.nonce[..], &self.token, &self.finished].concat()
    }

    fn parse(words: &[u64]) -> Option<Self> {
        let [wanted, nonce_0, nonce_1, token_0, token_1, finished @ ..] = words else {
            return None;
        };
        let wanted = usize::try_from(*wanted).ok().filter(|wanted| *wanted <= ROWS_MAX)?;
        let finished = finished.try_into().ok()?;
        Some(Self { wanted, nonce: [*nonce_0, *nonce_1], token: [*token_0, *token_1], finished })
    }
}

/// The name of a new run, from both parties' random words.
fn name(nonces: [[u64; 2]; 2]) -> [u64; 2] {
    let bytes: Vec<u8> = nonces.as_flattened().iter().flat_map(|it| it.to_le_bytes()).collect();
    let digest = hash::digest("jobs/run/buckets run", &[&bytes]);
    let (words, _) = digest.as_chunks();
    [u64::from_le_bytes(words[0]), u64::from_le_bytes(words[1])]
}

const OPENING_WORDS: usize = 9;

/// Buckets in work at once: while some wait for the line, another one is computed.
const LANES: usize = 3;

#[cfg(test)]
mod tests;
