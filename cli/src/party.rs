//! `tombolo party`: one party of a job, as a process of its own.

use std::io::{self, Read, Write};
use std::path::{self, Path};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use std::{process, thread};

use contract::Role;
use jobs::folder::{Draft, kept_folder, models_folder, work_folder};
use jobs::spec::{JobSpec, PartySpec};
use jobs::{Event, JobError, Outcome, Watch, open_rows_together, run_party};
use models::evaluate::Comparison;
use models::evaluate::bootstrap::Difference;
use models::evaluate::regression::{NumericComparison, NumericEvaluation};
use net::transport::grpc::{Listener, Peering, dial};
use net::{Conversation, Identity, Meter, NetError, PublicKey, Seat};

use crate::arguments::PartyArguments;
use crate::failure::{Failure, INTERRUPTED, JOB_FAILED, WRONG_USAGE};
use crate::messages::{Figure, Message, ModelFigures};
use crate::run;

/// Plays the party and tells what happens as lines of JSON on the standard output.
pub(crate) fn party(arguments: &PartyArguments) -> Result<(), Failure> {
    if arguments.leash {
        thread::spawn(end_with_standard_input);
    }
    let played = play(arguments);
    let code = match played {
        Ok(message) => {
            tell(&message);
            return Ok(());
        }
        Err(Failure::Usage(error)) => {
            tell(&Message::Failed { error, is_usage: true });
            WRONG_USAGE
        }
        Err(failure) => {
            let error = failure.message().unwrap_or_default().to_owned();
            tell(&Message::Failed { error, is_usage: false });
            JOB_FAILED
        }
    };
    Err(Failure::Told(code))
}

fn play(arguments: &PartyArguments) -> Result<Message, Failure> {
    let mut job = run::read_job(&arguments.job)?;
    let Some(role) = job.party_named(&arguments.party).map(|party| party.role) else {
        return Err(Failure::usage(format!("the job has no party `{}`", arguments.party)));
    };
    if let Some(models) = &arguments.models {
        let models = path::absolute(models).map_err(Failure::usage)?;
        job.party_mut(role).models = Some(models_folder(&models, &arguments.party));
    }
    let own = job.party(role);
    let peering = peering(arguments, &job, own)?;
    keep_models(arguments, own)?;
    let draft = Draft::begin(&arguments.out, &own.name).map_err(Failure::job)?;
    let folder = arguments.job.parent().unwrap_or(Path::new("."));
    let work = work_folder(&arguments.out, &own.name);
    let kept = kept_folder(arguments.cache.as_ref().unwrap_or(&arguments.out), &own.name);

    let converse = async {
        let (_listener, mut conversation) =
            connect(arguments, peering).await.map_err(Failure::job)?;
        tell(&Message::Met);
        let mut session = conversation.session().map_err(Failure::job)?;
        let counting = Counting::start(conversation.meter());
        let written = async {
            let rows = open_rows_together(&mut session, &job, own, folder, &work, &Told).await?;
            let mut rows = rows.keep_in(kept);
            let outcome = run_party(&job, own.role, &mut rows, session, &Told).await?;
            draft.write(&job, &rows, &outcome, &conversation)?;
            Ok::<_, JobError>((rows, outcome))
        };
        let written = written.await;
        drop(counting);
        match written {
            Ok((rows, outcome)) => {
                conversation.close().await.map_err(Failure::job)?;
                let folder = draft.publish().map_err(Failure::job)?;
                rows.remove_files().map_err(Failure::job)?;
                let folder = folder.display().to_string();
                let figures = figures(&outcome);
                Ok(Message::Done { folder, figures, totals: outcome.totals })
            }
            Err(error) => {
                conversation.abort(&error.for_peers()).await;
                Err(Failure::job(error))
            }
        }
    };
    net::block_on(converse).map_err(Failure::job)?
}

/// Refuses results in the place of those that hold the model: they would be replaced.
fn keep_models(arguments: &PartyArguments, own: &PartySpec) -> Result<(), Failure> {
    let folder = arguments.job.parent().unwrap_or(Path::new("."));
    let models = own.models.as_ref().and_then(|models| folder.join(models).canonicalize().ok());
    let results = arguments.out.join(&own.name).canonicalize().ok();
    match models.zip(results) {
        Some((models, results)) if models.starts_with(&results) => Err(Failure::usage(format!(
            "the results would replace {}, with the model in it; choose another folder with --out",
            results.display()
        ))),
        _ => Ok(()),
    }
}

fn peering(arguments: &PartyArguments, job: &JobSpec, own: &PartySpec) -> Result<Peering, Failure> {
    let peer = match own.role {
        Role::Guest => &job.host,
        Role::Host => &job.guest,
    };
    let mut seat = Seat::new(&own.name, &peer.name, own.role == Role::Guest);
    seat.settings.reconnect_window = Duration::from_secs(arguments.reconnect_window);
    Ok(Peering {
        seat,
        identity: Arc::new(Identity::load(&arguments.keys).map_err(Failure::usage)?),
        peer_key: arguments.peer_key.parse::<PublicKey>().map_err(Failure::usage)?,
        job_digest: *job.digest().as_bytes(),
    })
}

/// The conversation, and the listener that has to live as long as it does.
async fn connect(
    arguments: &PartyArguments,
    peering: Peering,
) -> Result<(Option<Listener>, Conversation), NetError> {
    if let Some(address) = &arguments.dial {
        return Ok((None, dial(address, peering).await?));
    }
    let address = arguments.listen.as_deref().unwrap_or("127.0.0.1:0");
    let listener = Listener::bind(address, &peering.identity).await?;
    tell(&Message::Listening { address: listener.local_address().to_string() });
    let conversation = listener.accept(peering).await?;
    Ok((Some(listener), conversation))
}

/// Tells the events of the run.
struct Told;

impl Watch for Told {
    fn see(&self, event: Event) {
        tell(&Message::Progress(event));
    }
}

/// Tells a few times a second how much went over the line and how far the step has come, until it
/// is dropped.
struct Counting {
    is_over: Arc<AtomicBool>,
}

impl Counting {
    fn start(meter: Arc<Meter>) -> Self {
        let is_over = Arc::new(AtomicBool::new(false));
        let stop = Arc::clone(&is_over);
        thread::spawn(move || {
            while !stop.load(Ordering::Relaxed) {
                thread::sleep(COUNT_INTERVAL);
                let totals = meter.totals();
                let bytes = totals.bytes_sent + totals.bytes_received;
                let (done, planned) = meter.progress();
                tell(&Message::Traffic { bytes, done, planned });
            }
        });
        Self { is_over }
    }
}

impl Drop for Counting {
    fn drop(&mut self) {
        self.is_over.store(true, Ordering::Relaxed);
    }
}

/// One line on the standard output. When nobody reads it any more, the leash ends the process.
fn tell(message: &Message) {
    if let Ok(line) = serde_json::to_string(message) {
        let mut out = io::stdout().lock();
        let _ = writeln!(out, "{line}").and_then(|()| out.flush());
    }
}

/// Waits until whoever started this process is gone.
fn end_with_standard_input() {
    let mut byte = [0];
    while matches!(io::stdin().read(&mut byte), Ok(1)) {}
    process::exit(i32::from(INTERRUPTED));
}

/// The headline figures of every model that this party may judge.
fn figures(outcome: &Outcome) -> Vec<ModelFigures> {
    let compared = outcome.models.iter().filter_map(|model| {
        let figures = model.comparison.as_ref().map(of_classes);
        let figures = figures.or_else(|| model.numeric.as_ref().map(of_numbers))?;
        Some(ModelFigures { step: model.step.clone(), title: model.title.clone(), figures })
    });
    compared.collect()
}

/// AUC, KS and lift of the best-scored 5 %.
fn of_classes(comparison: &Comparison) -> Vec<Figure> {
    let Comparison { guest_alone, joint, differences } = comparison;
    let figure = |name: &str, alone: f64, joint: f64, difference: Difference| Figure {
        name: name.to_owned(),
        alone,
        joint,
        interval: Some([difference.low, difference.high]),
    };
    vec![
        figure("AUC", guest_alone.auc, joint.auc, differences.auc),
        figure("KS", guest_alone.ks, joint.ks, differences.ks),
        figure("lift@5%", guest_alone.lift_5pct, joint.lift_5pct, differences.lift_5pct),
    ]
}

/// Errors, and the shares of variance and deviance that are explained.
fn of_numbers(numeric: &NumericComparison) -> Vec<Figure> {
    let NumericComparison { guest_alone, joint } = numeric;
    let figure = |name: &str, of: &dyn Fn(&NumericEvaluation) -> Option<f64>| {
        let (alone, joint) = (of(guest_alone)?, of(joint)?);
        Some(Figure { name: name.to_owned(), alone, joint, interval: None })
    };
    let figures = [
        figure("RMSE", &|it| Some(it.errors.rmse)),
        figure("MAE", &|it| Some(it.errors.mae)),
        figure("R²", &|it| it.errors.r2),
        figure("D²", &|it| it.d2),
    ];
    figures.into_iter().flatten().collect()
}

const COUNT_INTERVAL: Duration = Duration::from_millis(250);
