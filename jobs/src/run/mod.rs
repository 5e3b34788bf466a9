//! One party's run of a job: align, exchange payload, split, prepare, train, evaluate, each stage
//! once and in order.
//!
//! All parties run the same function with the same job; what differs is their role. No stage
//! reads back from a later one. Everything opened goes through the ledger, which lets through
//! exactly what the job declares.

mod align;
mod boosted_trees;
mod buckets;
mod cascade;
mod checkpoints;
mod classes;
mod data;
mod evaluate;
mod hidden;
mod hidden_scores;
mod logistic_regression;
mod multinomial_regression;
mod multiparty;
mod outcome;
mod payload;
mod prepare;
mod progress;
mod recommendation;
mod regression;
mod score;
mod select;
mod several;
mod sparse;
mod split;
mod totals;
mod train;
mod unbalanced;
mod warm_start;
mod weigh;

use contract::undeclared;
use net::Session;

use crate::error::JobError;
use crate::own_rows::OwnRows;
use crate::spec::{JobSpec, PartySpec, Protocol, SplitSpec};
use crate::watch::Watch;
use align::Common;
pub(crate) use boosted_trees::loss;
pub use classes::{ClassScore, ClassScores, ClassesPart, TestClassScores};
use data::{Data, training_period};
use features::split::Split;
pub(crate) use outcome::opening;
pub use outcome::{
    AloneLinear, BaseRates, Coefficient, ColumnTotal, HiddenComparison, HostEvidence, KeyRound,
    LinearPart, ModelOutcome, ModelPart, NewScores, Outcome, OwnWoe, PartyFacts, ScoredOutcome,
    SelectedFeature, SelectionOutcome, SplitOutcome, StepUse, Sums, TestScores, TotalsOutcome,
    Weighed,
};
pub(crate) use payload::free_name;
use prepare::Prepared;
use progress::Run;
pub use recommendation::{
    GuestFactors, HistoryGroup, HostFactors, RecommendationOutcome, Recommended,
};

/// Runs the side of `party` in `job` with its own `rows`, over the root sessions with all other
/// parties in the order of the job.
///
/// # Errors
/// Everything that can go wrong, with the step at which it did. The caller tells the peers with
/// [`JobError::for_peers`].
#[net::boxed(?Send)]
pub async fn run_party(
    job: &JobSpec,
    party: &PartySpec,
    rows: &mut OwnRows,
    peers: Vec<Session>,
    watch: &dyn Watch,
) -> Result<Outcome, JobError> {
    let mut run = Run::new(job, party, peers, watch)?.with_files_of(rows);
    let own_rows = rows.count();
    let saved = rows.model();
    if let Some(saved) = &saved {
        score::agree(&mut run, saved).await?;
    }
    if let Protocol::Hidden { minimum } = job.align.protocol {
        let hidden::Trained { split, model, common_rows } =
            hidden::train(&mut run, rows, minimum as usize).await?;
        check_disclosures(&run)?;
        let outcome = outcome(run, own_rows, None, vec![split], vec![model]);
        return Ok(Outcome { common_rows: Some(common_rows), ..outcome });
    }
    let totals = match job.align.protocol {
        Protocol::Totals { minimum, decimals } => {
            Some(totals::add_up(&mut run, rows, minimum, decimals).await?)
        }
        Protocol::Intersection(_)
        | Protocol::Multiparty
        | Protocol::Unbalanced { .. }
        | Protocol::Hidden { .. } => None,
    };
    let common = if totals.is_some() { None } else { align::align(&mut run, rows).await? };
    let payload = payload::exchange(&mut run, rows.table(), common.as_ref()).await?;
    let mut splits = Vec::new();
    let mut models = Vec::new();
    if let Some(Common::InMemory { table, order, .. }) = &common
        && !job.train.is_empty()
    {
        let interactions = rows.interactions().map(|items| items.take(order));
        let data = Data::new(&run, table, interactions)?;
        for (index, spec) in job.splits.iter().enumerate() {
            let split = split::split(&mut run, &data, spec, index).await?;
            let prepared = prepare::prepare(&mut run, &data, &split, spec, index).await?;
            let prepared =
                select::select_features(&mut run, &data, &split, spec, index, prepared).await?;
            let prepared = weigh::weigh(&mut run, &data, &split, spec, index, prepared).await?;
            let trained = train_all(&mut run, &data, spec, &split, &prepared).await?;
            splits.push(split_results(spec, &data, &split, prepared, &trained)?);
            models.extend(trained);
        }
    }
    let mut scored = None;
    if let (Some(Common::InMemory { table, order, .. }), Some(saved)) = (&common, &saved) {
        let interactions = rows.interactions().map(|items| items.take(order));
        let score::Scored { model, outcome } =
            score::score(&mut run, saved, table, interactions.as_ref()).await?;
        models.push(model);
        scored = Some(outcome);
    }
    check_disclosures(&run)?;
    Ok(Outcome { payload, totals, scored, ..outcome(run, own_rows, common, splits, models) })
}

/// Every model of the job under one split.
async fn train_all(
    run: &mut Run<'_>,
    data: &Data,
    spec: &SplitSpec,
    split: &Split,
    prepared: &Prepared,
) -> Result<Vec<ModelOutcome>, JobError> {
    let mut models = Vec::new();
    for (index, step) in run.job.model_steps().into_iter().enumerate() {
        if step.split.name == spec.name {
            models.push(train::train(run, &step, index, data, split, prepared).await?);
        }
    }
    Ok(models)
}

fn split_results(
    spec: &SplitSpec,
    data: &Data,
    split: &Split,
    prepared: Prepared,
    trained: &[ModelOutcome],
) -> Result<SplitOutcome, JobError> {
    // Where items are recommended, the users of whom something was left out are those of the test.
    let of_test = trained.iter().find_map(|model| model.recommendation.as_ref());
    let judged = of_test.map(|it| it.comparison.joint.figures.users);
    let classes = data.guest().filter(|guest| guest.has_two_classes());
    let period = data.table.time_span(&training_period(split))?;
    let base_rates = classes.map(|guest| BaseRates {
        training: share_of_ones(&guest.labels_of(&training_period(split))),
        test: share_of_ones(&guest.labels_of(&split.test)),
    });
    Ok(SplitOutcome {
        name: spec.name.clone(),
        by: spec.by,
        training_rows: split.training.len(),
        validation_rows: split.validation.len(),
        test_rows: judged.unwrap_or(split.test.len()),
        base_rates,
        period,
        evidence: prepared.evidence,
        host_evidence: prepared.host_evidence,
        selection: prepared.selection,
        weighed: prepared.weighed,
        features: prepared.matrix.names().map(str::to_owned).collect(),
        dropped: prepared.preparation.dropped().to_vec(),
        preparation: prepared.preparation,
    })
}

fn share_of_ones(labels: &[u8]) -> f64 {
    let ones: f64 = labels.iter().map(|label| f64::from(*label)).sum();
    ones / labels.len().max(1) as f64
}

/// The results of a run that opened what was not declared are worth nothing.
fn check_disclosures(run: &Run<'_>) -> Result<(), JobError> {
    let declared: Vec<_> =
        run.job.disclosures().into_iter().flat_map(|step| step.disclosures).collect();
    let observed = run.observed();
    let excess: Vec<String> = undeclared(&declared, &observed)
        .into_iter()
        .map(|opened| {
            let to = opened.party.as_deref().unwrap_or_else(|| opened.to.name());
            format!("{} to {to}", opened.key)
        })
        .collect();
    if excess.is_empty() {
        return Ok(());
    }
    Err(JobError::Undeclared { keys: excess.join(", ") })
}

fn outcome(
    run: Run<'_>,
    own_rows: usize,
    common: Option<Common>,
    splits: Vec<SplitOutcome>,
    models: Vec<ModelOutcome>,
) -> Outcome {
    let (job, own) = (run.job, run.own);
    let facts = |party: &PartySpec| PartyFacts {
        name: party.name.clone(),
        role: party.role,
        data: party.data,
        has_time: party.time.is_some(),
    };
    Outcome {
        job: job.job.clone(),
        purpose: job.purpose.clone(),
        seed: job.seed,
        digest: job.digest().to_string(),
        party: own.name.clone(),
        role: own.role,
        parties: job.parties().map(facts).collect(),
        own_rows,
        common_rows: common.as_ref().map(Common::rows),
        key_rounds: common.as_ref().map(Common::rounds).unwrap_or_default(),
        common_order: common.and_then(Common::into_order),
        join: job.align.join,
        payload: None,
        totals: None,
        splits,
        models,
        scored: None,
        declared: job.disclosures(),
        observed: run.observed(),
        steps: run.into_uses(),
    }
}
