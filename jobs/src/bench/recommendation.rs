//! The factorisation machine against the same model on pooled data.

use std::slice;
use std::sync::Arc;

use crypto::random::Generator;
use models::local::factorization_machine::{
    GuestData, GuestPart, Interactions, LeftOut, Settings, fit, fit_alone,
};
use models::vertical::factorization_machine::{
    OWN_FACTORS, learn_user_factors, train_as_guest, train_as_host,
};
use mpc::TwoParty;
use mpc::reveal::Ledger;
use net::Session;
use serde_json::{Map, Value};

use super::stopwatch::Stopwatch;
use super::{Record, figures, start_together};
use crate::JobError;

/// What training opens, and scoring.
const DISCLOSURES: [&str; 2] = [OWN_FACTORS, SCORES];
const SCORES: &str = "score.user_factors";
/// Places that NDCG and HR look at.
const PLACES: usize = 10;
/// Numbers in the simulated taste of a user.
const TASTES: usize = 6;

/// The sizes.
#[derive(Clone, Copy)]
pub(super) struct Shape {
    pub(super) users: usize,
    pub(super) items: usize,
    pub(super) host_features: usize,
}

/// Simulated users with tastes, of which the items that they take and the host's columns tell.
struct Data {
    left_out: LeftOut,
    host: Vec<Vec<f64>>,
}

impl Data {
    /// The same in both processes.
    fn simulate(shape: Shape) -> Result<Self, JobError> {
        let Shape { users, items, host_features } = shape;
        let mut rng = Generator::from_seed([42; 32]);
        let mut uniform = || rng.next_u64() as f64 / u64::MAX as f64;
        let mut normal = || ((0..4).map(|_| uniform()).sum::<f64>() - 2.0) * 3_f64.sqrt();
        let mut vectors = |count: usize| -> Vec<[f64; TASTES]> {
            (0..count).map(|_| std::array::from_fn(|_| normal())).collect()
        };
        let (tastes, kinds, sides) = (vectors(users), vectors(items), vectors(host_features));
        let inner = |left: &[f64; TASTES], right: &[f64; TASTES]| {
            left.iter().zip(right).map(|(left, right)| left * right).sum::<f64>()
        };
        let column = |side| {
            let deviation = inner(side, side) + 1.0;
            let value = |taste| (inner(taste, side) + normal()) / deviation.sqrt();
            tastes.iter().map(value).collect::<Vec<f64>>()
        };
        let host = sides.iter().map(column).collect();
        let mut pairs = Vec::new();
        for (user, taste) in (0..).zip(&tastes) {
            for (item, kind) in (0..).zip(&kinds) {
                // About one item in a hundred for a taste of none, popular ones first.
                let score = inner(taste, kind) / 2.0 - 4.0 - 2.0 * f64::from(item) / items as f64;
                if rng.next_u64() as f64 / (u64::MAX as f64) < 1.0 / (1.0 + (-score).exp()) {
                    pairs.push((user, item));
                }
            }
        }
        let all = Interactions::new(users, items, pairs)?;
        Ok(Self { left_out: LeftOut::of(&all, &mut rng)?, host })
    }

    fn guest(&self) -> GuestData<'_> {
        GuestData { interactions: &self.left_out.training, columns: &[], item_features: &[] }
    }

    fn host(&self) -> Vec<&[f64]> {
        self.host.iter().map(Vec::as_slice).collect()
    }
}

pub(super) async fn play(
    mut session: Session,
    shape: Shape,
    settings: &Settings,
) -> Result<Record, JobError> {
    let data = session.compute(|| Data::simulate(shape)).await?;
    start_together(&mut session).await?;
    let watch = Stopwatch::start(slice::from_ref(&session));
    let ledger = Arc::new(Ledger::new(DISCLOSURES));
    let mut party = TwoParty::setup(session.fork("mpc")?, ledger).await?;
    if !party.is_first() {
        let columns = data.host();
        let part = train_as_host(&mut party, &columns, settings).await?;
        let own = party.session.compute(|| part.user_factors(&columns, shape.users)).await?;
        learn_user_factors(&mut party, SCORES, own).await?;
        return Ok(Record { usage: watch.stop(), figures: Map::new() });
    }
    let training = &data.left_out.training;
    let part = train_as_guest(&mut party, &data.guest(), settings).await?;
    let own = party.session.compute(|| part.user_factors(training, &[])).await?;
    let factors = learn_user_factors(&mut party, SCORES, own).await?.unwrap_or_default();
    let usage = watch.stop();
    let mut found = figures([
        ("interactions", Value::from(training.pairs())),
        ("seconds_per_pass", Value::from(usage.seconds / settings.passes as f64)),
    ]);
    found.extend(session.compute(|| judge(&data, (&part, &factors), settings)).await?);
    Ok(Record { usage, figures: found })
}

/// The joint model beside the guest alone and the same model on pooled data.
fn judge(
    data: &Data,
    (part, factors): (&GuestPart, &[f64]),
    settings: &Settings,
) -> Result<Map<String, Value>, JobError> {
    let training = &data.left_out.training;
    let joint = data.left_out.judge(part, factors, PLACES)?.figures;
    let alone = fit_alone(&data.guest(), settings)?;
    let factors = alone.user_factors(training, &[])?;
    let alone = data.left_out.judge(&alone, &factors, PLACES)?.figures;
    let (guest, host) = fit(&data.guest(), &data.host(), settings)?;
    let mut factors = guest.user_factors(training, &[])?;
    let theirs = host.user_factors(&data.host(), training.users())?;
    factors.iter_mut().zip(theirs).for_each(|(own, theirs)| *own += theirs);
    let pooled = data.left_out.judge(&guest, &factors, PLACES)?.figures;
    Ok(figures([
        ("auc", Value::from(joint.auc)),
        ("auc_pooled", Value::from(pooled.auc)),
        ("auc_guest_alone", Value::from(alone.auc)),
        ("ndcg_10", Value::from(joint.ndcg)),
        ("ndcg_10_pooled", Value::from(pooled.ndcg)),
        ("ndcg_10_guest_alone", Value::from(alone.ndcg)),
        ("hr_10", Value::from(joint.hit_rate)),
        ("hr_10_pooled", Value::from(pooled.hit_rate)),
        ("hr_10_guest_alone", Value::from(alone.hit_rate)),
    ]))
}
