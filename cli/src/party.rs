//! `tombolo party`: one party of a job, as a process of its own.

use std::convert::Infallible;
use std::fmt::Display;
use std::io::{self, Read, Write};
use std::path::{self, Path};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use std::{process, thread};

use chrono::{SecondsFormat, Utc};
use contract::{Role, catalogue};
use jobs::child::{FailureCode, Figure, Message, ModelFigures};
use jobs::folder::{Draft, Seal, checkpoints_folder, kept_folder, models_folder, work_folder};
use jobs::spec::{JobSpec, PartySpec};
use jobs::{Event, HiddenComparison, JobError, Outcome, Watch, open_rows_together, run_party};
use models::evaluate::Comparison;
use models::evaluate::bootstrap::Difference;
use models::evaluate::classes::{ClassComparison, ClassEvaluation};
use models::evaluate::graded::GradedComparison;
use models::evaluate::recommendation::{Judged, PairedDifference, RecommendationComparison};
use models::evaluate::regression::{NumericComparison, NumericEvaluation};
use net::transport::grpc::{Listener, Peering, dial};
use net::{Conversation, Identity, Meter, NetError, Seat, together};
use zeroize::Zeroizing;

use crate::arguments::PartyArguments;
use crate::failure::{Failure, INTERRUPTED, JOB_FAILED, WRONG_USAGE};
use crate::{passphrase, run};

/// Plays the party and tells what happens as lines of JSON on the standard output.
pub(crate) fn party(arguments: &PartyArguments) -> Result<(), Failure> {
    // It is read first: the leash takes everything behind it.
    let passphrase = arguments.passphrase_stdin.then(passphrase::read).transpose();
    if arguments.leash {
        thread::spawn(end_with_standard_input);
    }
    let unread =
        |error| GaveUp::usage(format!("could not read the passphrase of the key: {error}"));
    match passphrase.map_err(unread).and_then(|passphrase| play(arguments, passphrase)) {
        Ok(message) => {
            tell(&message);
            Ok(())
        }
        Err(GaveUp { code, error }) => {
            tell(&Message::Failed { error, code });
            let is_usage = code == FailureCode::Usage;
            Err(Failure::Told(if is_usage { WRONG_USAGE } else { JOB_FAILED }))
        }
    }
}

/// Why this party ends without results.
struct GaveUp {
    code: FailureCode,
    error: String,
}

impl GaveUp {
    fn usage(error: impl Display) -> Self {
        Self { code: FailureCode::Usage, error: error.to_string() }
    }
}

impl From<JobError> for GaveUp {
    fn from(error: JobError) -> Self {
        Self { code: (&error).into(), error: error.to_string() }
    }
}

impl From<NetError> for GaveUp {
    fn from(error: NetError) -> Self {
        Self { code: (&error).into(), error: error.to_string() }
    }
}

/// The job, with what the arguments say about this party's own files.
fn read_job(arguments: &PartyArguments) -> Result<JobSpec, GaveUp> {
    let PartyArguments { party, table, models, .. } = arguments;
    let read = run::read_job(&arguments.job);
    let mut job = read.map_err(|it| GaveUp::usage(it.message().unwrap_or_default()))?;
    // Paths in the job are relative to its file, those in the arguments are not.
    if let (Some(own), Some(models)) = (job.party_named_mut(party), models) {
        let models = path::absolute(models).map_err(GaveUp::usage)?;
        own.models = Some(models_folder(&models, party));
    }
    if let (Some(own), Some(table)) = (job.party_named_mut(party), table) {
        own.table = Some(path::absolute(table).map_err(GaveUp::usage)?);
    }
    Ok(job)
}

fn play(
    arguments: &PartyArguments,
    passphrase: Option<Zeroizing<String>>,
) -> Result<Message, GaveUp> {
    let job = read_job(arguments)?;
    let Some(own) = job.party_named(&arguments.party) else {
        return Err(GaveUp::usage(format!("the job has no party `{}`", arguments.party)));
    };
    let identity =
        Identity::load_sealed(&arguments.keys, passphrase.as_ref().map(|it| it.as_str()));
    let identity = Arc::new(identity.map_err(GaveUp::usage)?);
    drop(passphrase);
    let peerings = peerings(arguments, &job, own, &identity)?;
    keep_models(arguments, own)?;
    let draft = Draft::begin(&arguments.out, &own.name)?;
    let folder = arguments.job.parent().unwrap_or(Path::new("."));
    let work = work_folder(&arguments.out, &own.name);
    let checkpoints = checkpoints_folder(&arguments.out, &own.name, &job.digest());
    let kept = kept_folder(arguments.cache.as_ref().unwrap_or(&arguments.out), &own.name);

    let converse = async {
        let (_listener, mut conversations) = connect(arguments, peerings).await?;
        tell(&Message::Met);
        let sessions = conversations.iter_mut().map(Conversation::session);
        let mut sessions = sessions.collect::<Result<Vec<_>, _>>()?;
        let counting = Counting::start(conversations.iter().map(Conversation::meter).collect());
        let written = async {
            let rows = open_rows_together(&mut sessions, &job, own, folder, &work, &Told).await?;
            let mut rows = rows.keep_in(kept).checkpoints_in(checkpoints);
            let outcome = run_party(&job, own, &mut rows, sessions, &Told).await?;
            let written = Utc::now().to_rfc3339_opts(SecondsFormat::Secs, true);
            let seal = Seal { identity: &identity, written: &written };
            draft.write(&job, &rows, &outcome, &conversations, &seal)?;
            Ok::<_, JobError>((rows, outcome))
        };
        let written = written.await;
        drop(counting);
        match written {
            Ok((rows, outcome)) => {
                close(conversations).await?;
                let folder = draft.publish()?;
                rows.remove_files()?;
                let folder = folder.display().to_string();
                let figures = figures(&outcome);
                Ok::<_, GaveUp>(Message::Done { folder, figures, totals: outcome.totals })
            }
            Err(error) => {
                abort(conversations, own.role, &error).await;
                Err(error.into())
            }
        }
    };
    net::block_on(converse)?
}

/// Refuses results in the place of those that hold the model: they would be replaced.
fn keep_models(arguments: &PartyArguments, own: &PartySpec) -> Result<(), GaveUp> {
    let folder = arguments.job.parent().unwrap_or(Path::new("."));
    let models = own.models.as_ref().and_then(|models| folder.join(models).canonicalize().ok());
    let results = arguments.out.join(&own.name).canonicalize().ok();
    match models.zip(results) {
        Some((models, results)) if models.starts_with(&results) => Err(GaveUp::usage(format!(
            "the results would replace {}, with the model in it; choose another folder with --out",
            results.display()
        ))),
        _ => Ok(()),
    }
}

/// Ends all conversations in good order.
async fn close(mut conversations: Vec<Conversation>) -> Result<(), NetError> {
    // Nobody may wait for this party while it waits for another one to finish.
    conversations.iter_mut().for_each(Conversation::finish);
    together(conversations.into_iter().map(Conversation::close)).await?;
    Ok(())
}

/// Tells all peers why this party gives up; one that is gone keeps the others from nothing.
async fn abort(conversations: Vec<Conversation>, role: Role, error: &JobError) {
    let abort = async |(index, conversation): (usize, Conversation)| {
        // The guest is the first of a host's peers.
        let is_between_hosts = role == Role::Host && index > 0;
        let reason = if is_between_hosts { error.between_hosts() } else { error.for_peers() };
        conversation.abort(&reason).await;
        Ok::<_, Infallible>(())
    };
    let _ = together(conversations.into_iter().enumerate().map(abort)).await;
}

/// What each conversation with another party needs and where it is dialled, in the order of the
/// job.
fn peerings(
    arguments: &PartyArguments,
    job: &JobSpec,
    own: &PartySpec,
    identity: &Arc<Identity>,
) -> Result<Vec<(Option<String>, Peering)>, GaveUp> {
    let others: Vec<&PartySpec> = job.parties().filter(|party| party.name != own.name).collect();
    let contacts = &arguments.network.peers;
    let place = job.parties().take_while(|party| party.name != own.name).count();
    let mut peerings = Vec::with_capacity(others.len());
    for (index, peer) in others.iter().enumerate() {
        let mut named = contacts.iter().filter(|contact| contact.name == peer.name);
        let (Some(contact), None, true) =
            (named.next(), named.next(), contacts.len() == others.len())
        else {
            let names: Vec<&str> = others.iter().map(|party| party.name.as_str()).collect();
            return Err(GaveUp::usage(format!(
                "the other parties of the job are {}: give one --peer for each",
                names.join(", ")
            )));
        };
        let mut seat = Seat::new(&own.name, &peer.name, index >= place);
        seat.bandwidth = job.bandwidth;
        seat.settings.reconnect_window = Duration::from_secs(arguments.network.reconnect_window);
        seat.settings.connect_timeout = Duration::from_secs(arguments.wait);
        let address = contact.address.clone();
        let peering = Peering {
            seat,
            identity: Arc::clone(identity),
            peer_key: contact.key,
            job_digest: *job.digest().as_bytes(),
            route: contact.route,
        };
        peerings.push((address, peering));
    }
    Ok(peerings)
}

/// Dials the parties that have an address and waits for the others. The conversations are in the
/// order of the job; the listener has to live as long as they do.
async fn connect(
    arguments: &PartyArguments,
    peerings: Vec<(Option<String>, Peering)>,
) -> Result<(Option<Listener>, Vec<Conversation>), GaveUp> {
    let awaited = peerings.iter().find(|(address, _)| address.is_none());
    let listener = match (awaited, &arguments.network.listen) {
        (Some((_, peering)), Some(address)) => {
            let bound = Listener::bind(address, &peering.identity).await?;
            tell(&Message::Listening { address: bound.local_address().to_string() });
            Some(bound)
        }
        (None, None) => None,
        (Some((_, peering)), None) => {
            return Err(GaveUp::usage(format!(
                "{peer} has no address: give --listen, where {peer} dials this party, or \
                 --peer {peer}=KEY@HOST:PORT",
                peer = peering.seat.peer
            )));
        }
        (None, Some(_)) => {
            let rule = "all other parties have an address and are dialled: leave --listen out";
            return Err(GaveUp::usage(rule));
        }
    };
    let met = together(peerings.into_iter().map(|(address, peering)| {
        let listener = listener.as_ref();
        async move {
            match (address, listener) {
                (Some(address), _) => dial(&address, peering).await,
                (None, Some(listener)) => listener.accept(peering).await,
                (None, None) => Err(NetError::InvalidInput {
                    what: "nobody listens for a party without an address".to_owned(),
                }),
            }
        }
    }));
    let conversations = met.await?;
    Ok((listener, conversations))
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
    fn start(meters: Vec<Arc<Meter>>) -> Self {
        let is_over = Arc::new(AtomicBool::new(false));
        let stop = Arc::clone(&is_over);
        thread::spawn(move || {
            while !stop.load(Ordering::Relaxed) {
                thread::sleep(COUNT_INTERVAL);
                let totals = meters.iter().map(|meter| meter.totals());
                let bytes = totals.map(|it| it.bytes_sent + it.bytes_received).sum();
                // What is reported once for all conversations stands in the first.
                let progress = meters.first().map(|meter| meter.progress());
                let (done, planned) = progress.unwrap_or_default();
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
    let hides_rows = outcome.declared.iter().any(|step| step.component == catalogue::HIDDEN.name);
    let compared = outcome.models.iter().filter_map(|model| {
        let figures = model.comparison.as_ref().map(of_classes);
        let figures = figures.or_else(|| model.classes.as_ref().map(of_several_classes));
        let figures = figures.or_else(|| model.numeric.as_ref().map(of_numbers));
        let figures = figures.or_else(|| model.graded.as_ref().map(of_grades));
        let figures = figures.or_else(|| model.hidden.as_ref().map(of_hidden));
        let recommendation = model.recommendation.as_ref();
        let figures =
            figures.or_else(|| recommendation.map(|it| of_recommendation(&it.comparison)))?;
        Some(ModelFigures {
            step: model.step.clone(),
            title: model.title.clone(),
            figures,
            alone_on_own_rows: hides_rows,
        })
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

/// How often the likeliest class is right, and how good the probabilities are.
fn of_several_classes(classes: &ClassComparison) -> Vec<Figure> {
    let ClassComparison { guest_alone, joint, .. } = classes;
    let figure = |name: &str, of: fn(&ClassEvaluation) -> f64| {
        plain_figure(name, of(guest_alone), of(joint))
    };
    vec![
        figure("accuracy", |it| it.accuracy),
        figure("macro AUC", |it| it.macro_auc),
        figure("macro F1", |it| it.macro_f1),
        figure("log-loss", |it| it.log_loss),
    ]
}

/// The same, of scores that nobody sees.
fn of_hidden(comparison: &HiddenComparison) -> Vec<Figure> {
    let HiddenComparison { guest_alone, joint } = comparison;
    vec![
        plain_figure("AUC", guest_alone.auc, joint.auc),
        plain_figure("KS", guest_alone.ks, joint.ks),
        plain_figure("lift@5%", guest_alone.lift_5pct, joint.lift_5pct),
    ]
}

/// How good the order within groups is.
fn of_grades(orders: &GradedComparison) -> Vec<Figure> {
    let GradedComparison { guest_alone, joint } = orders;
    vec![
        plain_figure("NDCG@5", guest_alone.ndcg_5, joint.ndcg_5),
        plain_figure("NDCG@10", guest_alone.ndcg_10, joint.ndcg_10),
        plain_figure("NDCG@30", guest_alone.ndcg_30, joint.ndcg_30),
    ]
}

/// How well the items that were left out are ranked, and how many items are shown to anybody.
fn of_recommendation(comparison: &RecommendationComparison) -> Vec<Figure> {
    let RecommendationComparison { guest_alone, joint, differences, .. } = comparison;
    let places = joint.figures.k;
    let figure = |name: String, of: fn(&Judged) -> f64, difference: Option<PairedDifference>| {
        let interval = difference.map(|it| [it.low, it.high]);
        Figure { name, alone: of(guest_alone), joint: of(joint), interval }
    };
    let mut figures = vec![
        figure(format!("NDCG@{places}"), |it| it.figures.ndcg, differences.ndcg),
        figure(format!("HR@{places}"), |it| it.figures.hit_rate, differences.hit_rate),
    ];
    if let (Some(alone), Some(joint)) = (guest_alone.coverage, joint.coverage) {
        figures.push(Figure { name: "coverage".to_owned(), alone, joint, interval: None });
    }
    if let (Some(alone), Some(joint)) = (guest_alone.figures.auc, joint.figures.auc) {
        let interval = differences.auc.map(|it| [it.low, it.high]);
        figures.insert(0, Figure { name: "AUC".to_owned(), alone, joint, interval });
    }
    figures
}

/// Errors, and the shares of variance and deviance that are explained.
fn of_numbers(numeric: &NumericComparison) -> Vec<Figure> {
    let NumericComparison { guest_alone, joint } = numeric;
    let figure = |name: &str, of: &dyn Fn(&NumericEvaluation) -> Option<f64>| {
        Some(plain_figure(name, of(guest_alone)?, of(joint)?))
    };
    let figures = [
        figure("RMSE", &|it| Some(it.errors.rmse)),
        figure("MAE", &|it| Some(it.errors.mae)),
        figure("R²", &|it| it.errors.r2),
        figure("D²", &|it| it.d2),
    ];
    figures.into_iter().flatten().collect()
}

/// A figure without an interval.
fn plain_figure(name: &str, alone: f64, joint: f64) -> Figure {
    Figure { name: name.to_owned(), alone, joint, interval: None }
}

const COUNT_INTERVAL: Duration = Duration::from_millis(250);
