//! Registering models and deciding about them: where the register meets files.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use governance::canonical::Digest;
use governance::jobs::State as RunState;
use serde_json::Value as Json;

use super::event::OfficeEvent;
use super::models::{Decided, Decision, ModelError, ModelEvent, ModelName, ModelVersion};
use super::{Office, OfficeError, Outcome, time};

/// What a party's part of a model says, besides its content.
struct Found {
    file: Digest,
    metrics: BTreeMap<String, String>,
}

/// The steps whose models lie in a party's results, in order. Blocks while it reads.
pub fn trained(results: &Path) -> BTreeSet<String> {
    // Jobs that train nothing have no such folder.
    let Ok(entries) = results.join(MODELS).read_dir() else { return BTreeSet::new() };
    let names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    let steps = names.filter_map(|name| Some(name.strip_suffix(CARD)?.to_owned()));
    steps.take(STEPS_MAX).collect()
}

impl Office {
    /// Registers what a finished run has trained in a step as the next version of the model;
    /// `results` are those of this member's party.
    #[net::boxed]
    pub async fn register_model(
        &self,
        by: &str,
        run: Digest,
        step: &str,
        results: Option<PathBuf>,
    ) -> Result<(ModelName, u32), OfficeError> {
        let (model, agreement) = {
            let state = self.state();
            let job = state.books.job(&run).ok_or(OfficeError::Unknown("run"))?;
            if !matches!(job.view().state, RunState::Finished { .. }) {
                return Err(ModelError::NotFinished.into());
            }
            let plan = state.plan(&run).map_err(OfficeError::Job)?;
            let model = ModelName { job: plan.job.job.clone(), step: step.to_owned() };
            (model, job.submission().content().agreement)
        };
        let no_model = || OfficeError::from(ModelError::NoModel(step.to_owned()));
        let results = results.ok_or_else(no_model)?;
        let wanted = step.to_owned();
        let found = tokio::task::spawn_blocking(move || found(&results, &wanted));
        let Found { file, metrics } =
            found.await.ok().and_then(Result::ok).flatten().ok_or_else(no_model)?;
        let turn = self.turn().await;
        let number = self.state().models.next(&model, &run)?;
        let version = ModelVersion {
            model: model.clone(),
            number,
            run,
            agreement,
            file,
            metrics,
            by: by.to_owned(),
            at: time(),
        };
        let event = OfficeEvent::Model(ModelEvent::Registered(Box::new(version)));
        let outcome = Outcome { events: vec![event], mail: Vec::new() };
        self.commit(&turn, by, outcome, None).await?;
        Ok((model, number))
    }

    /// Decides about a version of a model. Whether the person is the only one who may is for
    /// the caller to say, and where its run's results are.
    #[net::boxed]
    pub async fn decide_model(
        &self,
        by: &str,
        is_only: bool,
        (model, number): (&ModelName, u32),
        decision: Decision,
        results: Option<PathBuf>,
    ) -> Result<(), OfficeError> {
        let turn = self.turn().await;
        let version = {
            let state = self.state();
            let entry = state.models.entry(model, number);
            let entry = entry.ok_or(OfficeError::Unknown("model"))?;
            entry.check(&decision, by, is_only)?;
            entry.version.clone()
        };
        if decision == Decision::Publish {
            check_file(&version, results.as_deref()).await?;
        }
        let decided = Decided { decision, by: by.to_owned(), at: time() };
        let event = ModelEvent::Decided { model: version.model, version: number, decided };
        let outcome = Outcome { events: vec![OfficeEvent::Model(event)], mail: Vec::new() };
        self.commit(&turn, by, outcome, None).await
    }
}

/// Makes sure that this party's part of a version is the file that was registered.
///
/// # Errors
/// [`ModelError::FileGone`], [`ModelError::FileChanged`].
#[net::boxed]
pub async fn check_file(version: &ModelVersion, results: Option<&Path>) -> Result<(), ModelError> {
    let (model, number) = (version.model.clone(), version.number);
    let Some(results) = results else { return Err(ModelError::FileGone(model, number)) };
    let path = file_of(results, &model.step);
    match tokio::task::spawn_blocking(move || digest_of(&path)).await {
        Ok(Ok(digest)) if digest == version.file => Ok(()),
        Ok(Ok(_)) => Err(ModelError::FileChanged(model, number)),
        _ => Err(ModelError::FileGone(model, number)),
    }
}

/// This party's part of a model of its results, and how good the model is by its card.
fn found(results: &Path, step: &str) -> io::Result<Option<Found>> {
    // What lies there is looked for, and not a path made from what somebody sent.
    if !trained(results).contains(step) {
        return Ok(None);
    }
    let file = digest_of(&file_of(results, step))?;
    let card = File::open(results.join(MODELS).join(format!("{step}{CARD}")))?;
    let card: Json = serde_json::from_reader(card.take(CARD_BYTES_MAX)).map_err(io::Error::from)?;
    Ok(Some(Found { file, metrics: headline(&card["metrics"]) }))
}

/// The numbers of a card's metrics, by names such as `joint.auc`. Hosts have none.
fn headline(metrics: &Json) -> BTreeMap<String, String> {
    let mut numbers = BTreeMap::new();
    for whose in ["joint", "guest_alone"] {
        let Some(fields) = metrics.get(whose).and_then(Json::as_object) else { continue };
        let known = fields.iter().filter(|(_, value)| value.is_number());
        let named = known.map(|(name, value)| (format!("{whose}.{name}"), value.to_string()));
        numbers.extend(named.take(METRICS_MAX));
    }
    numbers
}

fn file_of(results: &Path, step: &str) -> PathBuf {
    results.join(MODELS).join(format!("{step}.json"))
}

fn digest_of(path: &Path) -> io::Result<Digest> {
    let mut hasher = blake3::Hasher::new_derive_key(PART);
    hasher.update_reader(File::open(path)?)?;
    Ok(Digest::new(*hasher.finalize().as_bytes()))
}

/// Where a party's results have its models.
const MODELS: &str = "model";
/// How the name of a model's card ends; what stands before is the step.
const CARD: &str = ".card.json";
/// Bound into the digests of models' files.
const PART: &str = "tombolo part of a model version 1";
/// Models of one run that are listed.
const STEPS_MAX: usize = 200;
/// The largest card.
const CARD_BYTES_MAX: u64 = 8 << 20;
/// Numbers that are taken over from each side of a card's metrics.
const METRICS_MAX: usize = 12;
