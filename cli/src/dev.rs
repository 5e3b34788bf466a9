//! `tombolo dev`: two nodes that have agreed on a job, on this machine, with real data.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use contract::Text;
use governance::agreements::{AgreementAct, State as DealState};
use governance::canonical::Digest;
use governance::jobs::State as RunState;
use governance::time::Time;
use jobs::child::FailureCode;
use node::config::{Config, Draft};
use node::daemon::{self, Daemon};
use node::log::{Log, now};
use node::office::{NewRun, Office, Registration, State};
use node::people::{Cost, People, Role, Roles, THE_NODE};
use node::store::Store;
use report::message::Language;
use zeroize::Zeroizing;

use crate::arguments::DevArguments;
use crate::demo;
use crate::failure::Failure;
use crate::launch::interruption;
use crate::screen;

/// Makes the two nodes if they are not there yet, serves both, and says where.
pub(crate) fn dev(arguments: &DevArguments, language: Language) -> Result<(), Failure> {
    let mut runtime = tokio::runtime::Builder::new_multi_thread();
    let runtime = runtime.worker_threads(2).enable_all().build().map_err(Failure::job)?;
    runtime.block_on(serve(arguments, language))
}

/// One of the two nodes.
struct Side {
    name: &'static str,
    folder: PathBuf,
    config: Config,
    /// The password of its one person, who has every role.
    password: Zeroizing<String>,
}

async fn serve(arguments: &DevArguments, language: Language) -> Result<(), Failure> {
    let folder = &arguments.folder;
    let [first, second, third, fourth] = ports(arguments.any_port);
    let bank = side(folder, "bank", [first, second], language).await?;
    let operator = side(folder, "operator", [third, fourth], language).await?;
    let mut daemons = Vec::new();
    for side in [&bank, &operator] {
        let log = side.folder.join(LOG_FILE);
        let log = std::fs::OpenOptions::new().create(true).append(true).open(log);
        let log = Log::to(log.map_err(Failure::job)?);
        daemons.push(Daemon::start(&side.config, None, log).await.map_err(Failure::job)?);
    }
    let offices: Vec<Arc<Office>> = daemons.iter().map(|it| Arc::clone(it.office())).collect();
    let (ours, theirs) = (Arc::clone(&offices[0]), Arc::clone(&offices[1]));
    let addresses: Vec<_> = daemons.iter().map(Daemon::address).collect();
    let dispatcher = Arc::clone(daemons[0].dispatcher());
    let (stop, stopped) = tokio::sync::watch::channel(false);
    let serving = daemons.into_iter().map(|daemon| {
        let mut stopped = stopped.clone();
        tokio::spawn(daemon.run(async move {
            // It ends with the sender too.
            let _ = stopped.wait_for(|it| *it).await;
        }))
    });
    let serving: Vec<_> = serving.collect();
    let agreement = agree(&ours, &theirs).await?;
    for (side, address) in [&bank, &operator].into_iter().zip(addresses) {
        let Side { name, password, .. } = side;
        let text = Text::owned(
            format!("{name}: https://{address}   sign in as {PERSON}, one-time password"),
            format!("{name}：https://{address}   用户 {PERSON}，一次性密码"),
        );
        screen::message(language.of(&text));
        screen::data(password);
    }
    let done = if arguments.once {
        let run = submit(&ours, &theirs, agreement).await?;
        finished(&ours, &theirs, run).await.map(|run| {
            let results = dispatcher.results(run).unwrap_or_default();
            screen::data(&results.display().to_string());
        })
    } else {
        if ours.state().books.jobs().next().is_none() {
            submit(&ours, &theirs, agreement).await?;
        }
        screen::message(language.of(&READY));
        interruption().await;
        Ok(())
    };
    stop.send_replace(true);
    for it in serving {
        // A node that has failed has said so in its log.
        let _ = it.await;
    }
    done
}

/// Where people and partners meet the bank's node and the operator's, if these have to be made:
/// below the ports that the system gives to whoever asks for any, others for each process. They are
/// written down, since partners remember addresses.
fn ports(are_any: bool) -> [u16; 4] {
    if !are_any {
        return [8441, 7441, 8442, 7442];
    }
    let first = 10_000 + (std::process::id() % 5_000) as u16 * 4;
    [first, first + 1, first + 2, first + 3]
}

/// A node of its own folder, made if it is not there yet.
async fn side(
    folder: &Path,
    name: &'static str,
    [people, partners]: [u16; 2],
    language: Language,
) -> Result<Side, Failure> {
    let home = folder.join(name);
    let address = |port: u16| format!("127.0.0.1:{port}");
    if !home.join(node::config::FILE_NAME).exists() {
        let draft = Draft {
            name: name.to_owned(),
            partners: Some(address(partners)),
            people: address(people),
            database: None,
            passphrase: None,
        };
        daemon::make(&home, &draft, None, THE_OPERATOR, language).await.map_err(Failure::job)?;
    }
    let config = Config::read(&home).map_err(Failure::usage)?;
    let table = config.data.join(TABLE_FILE);
    if !table.exists() {
        // Neither side has what the other has.
        std::fs::write(table, demo::table(name)?).map_err(Failure::job)?;
    }
    let password = person(&config).await?;
    Ok(Side { name, folder: home, config, password })
}

/// A new one-time password for the one person, who has every role.
async fn person(config: &Config) -> Result<Zeroizing<String>, Failure> {
    let store = Arc::new(Store::open(&config.database).await.map_err(Failure::job)?);
    let password = async {
        let people = People::open(Arc::clone(&store), Cost::SIGN_IN).await?;
        if let Some(person) = store.person_named(PERSON).await? {
            people.reset_password(THE_NODE, &person.id, now()).await
        } else {
            let roles = Roles::of(&Role::ALL);
            let (_, password) = people.add(THE_NODE, PERSON, &roles, now()).await?;
            Ok(password)
        }
    };
    let password = password.await.map_err(Failure::job);
    store.close().await;
    password
}

/// Makes the two partners with an agreement in force, if they are not yet; its digest.
async fn agree(ours: &Arc<Office>, theirs: &Arc<Office>) -> Result<Digest, Failure> {
    for office in [ours, theirs] {
        if !office.state().tables.contains_key(TABLE) {
            let registration = Registration {
                name: TABLE.to_owned(),
                path: TABLE_FILE.into(),
                about: ABOUT.to_owned(),
                ..Registration::default()
            };
            office.register(THE_NODE, &registration).await.map_err(Failure::job)?;
        }
    }
    let present = ours.state().books.agreements().next().map(|(digest, _)| *digest);
    if let Some(digest) = present {
        return Ok(digest);
    }
    let invited = ours.invite(THE_NODE, "operator", 1).await.map_err(Failure::job)?;
    theirs.accept(THE_NODE, &invited.line).await.map_err(Failure::job)?;
    let parties = BTreeMap::from([
        ("bank".to_owned(), (ours.state().own(), TABLE.to_owned())),
        ("operator".to_owned(), (theirs.state().own(), TABLE.to_owned())),
    ]);
    let terms = ours.draft(JOB, &parties).map_err(Failure::job)?;
    let version = ours.propose(THE_NODE, terms).await.map_err(Failure::job)?;
    let sign = AgreementAct::Sign { version };
    ours.negotiate(THE_NODE, version, sign.clone()).await.map_err(Failure::job)?;
    until(theirs, |state| state.terms(&version).is_some()).await?;
    theirs.negotiate(THE_NODE, version, sign).await.map_err(Failure::job)?;
    theirs.approve_by_rule(THE_NODE, version, true).await.map_err(Failure::job)?;
    until(ours, |state| {
        let agreement = state.books.agreement(&version);
        let now = Time::from_milliseconds(now());
        agreement.is_some_and(|it| it.state(now) == DealState::Active(version))
    })
    .await?;
    Ok(version)
}

/// Submits the job at the bank.
async fn submit(
    ours: &Arc<Office>,
    theirs: &Arc<Office>,
    agreement: Digest,
) -> Result<Digest, Failure> {
    let parties = [ours.state().own(), theirs.state().own()];
    let tables = parties.map(|party| (party, TABLE.to_owned())).into();
    let new = NewRun { agreement, job: JOB.to_owned(), tables };
    ours.submit(THE_NODE, &new).await.map_err(Failure::job)
}

/// Waits for both sides to finish a run.
async fn finished(
    ours: &Arc<Office>,
    theirs: &Arc<Office>,
    run: Digest,
) -> Result<Digest, Failure> {
    for office in [ours, theirs] {
        let is_over =
            |state: &State| state.books.job(&run).is_some_and(|it| is_over(&it.view().state));
        until_within(office, RUN_MAX, is_over).await?;
    }
    match &ours.state().books.job(&run).map(|job| job.view().state) {
        Some(RunState::Finished { .. }) => Ok(run),
        other => Err(Failure::job(format!("the run did not finish: {other:?}"))),
    }
}

/// Whether nothing more will happen without people.
fn is_over(state: &RunState) -> bool {
    match state {
        RunState::Failed { failures, .. } => failures.values().any(|(code, ..)| {
            let code: Result<FailureCode, _> = code.parse();
            code.is_ok_and(|code| !code.may_pass())
        }),
        state => state.is_final(),
    }
}

async fn until(office: &Office, holds: impl Fn(&State) -> bool) -> Result<(), Failure> {
    until_within(office, Duration::from_secs(30), holds).await
}

async fn until_within(
    office: &Office,
    most: Duration,
    holds: impl Fn(&State) -> bool,
) -> Result<(), Failure> {
    let mut news = office.news();
    let waiting = async {
        loop {
            if holds(&office.state()) || news.changed().await.is_err() {
                return;
            }
        }
    };
    let waited = tokio::time::timeout(most, waiting).await;
    waited.map_err(|_| Failure::job("the two nodes did not come to an agreement in time"))
}

const JOB: &str = include_str!("../../examples/node-term-deposit.yaml");
const PERSON: &str = "you";
const THE_OPERATOR: &str = "operator";
const TABLE: &str = "customers";
const TABLE_FILE: &str = "customers.csv";
const ABOUT: &str = "Real calls of a bank's campaign, cut into what a bank and an operator know";
const LOG_FILE: &str = "node.log";
/// How long the sample job may take.
const RUN_MAX: Duration = Duration::from_mins(10);
const READY: Text = Text::new(
    "\nThe two are partners with an agreement in force, and the bank has submitted a first run, which \
     the\noperator's rule approves. Open the bank's address (its certificate is its own) and look \
     under Jobs.\nCtrl-C ends both nodes.",
    "\n双方已是合作方，协议已生效；银行已提交第一个任务，运营商一侧按规则自动批准。\n打开 bank 的地址\
     （自签名证书），在“任务”中查看。按 Ctrl-C 结束两个节点。",
);
