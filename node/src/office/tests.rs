//! Offices of two members that talk to each other over real lines.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use governance::agreements::{
    AgreementAct, Allowed, Column, ComponentTerms, PartyTerms, State as DealState, Terms,
};
use governance::canonical::Digest;
use governance::jobs::State as RunState;
use tempfile::TempDir;

use super::*;
use crate::store::Address;

pub(crate) struct Member {
    folder: TempDir,
    pub(crate) office: Arc<Office>,
}

/// A member with a table and a port of its own.
pub(crate) async fn member(name: &str, table: &str) -> Member {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("data")).unwrap();
    std::fs::write(folder.path().join("data/table.csv"), table).unwrap();
    let identity = Arc::new(Identity::generate(name).unwrap());
    identity.save(&folder.path().join("keys")).unwrap();
    let office = open(&folder, name, &identity).await;
    let registration = Registration {
        name: "customers".to_owned(),
        path: "table.csv".into(),
        about: "customers".to_owned(),
        ..Registration::default()
    };
    office.register("someone", &registration).await.unwrap();
    Member { folder, office }
}

async fn open(folder: &TempDir, name: &str, identity: &Arc<Identity>) -> Arc<Office> {
    let address = Address::Sqlite(folder.path().join("node.db"));
    let store = Arc::new(Store::open(&address).await.unwrap());
    let profile = Profile { name: name.to_owned(), contact: "desk".to_owned(), endpoint: None };
    let data = folder.path().join("data");
    let office = Office::open(store, Arc::clone(identity), &profile, data).await.unwrap();
    let listen = Some("127.0.0.1:0".parse().unwrap());
    let lines = Arc::clone(&office).open_lines(&profile, listen, PostSettings::default());
    lines.await.unwrap();
    office
}

/// The office of a member without lines to anybody.
pub(crate) async fn alone(folder: &TempDir, store: &Arc<Store>) -> Arc<Office> {
    let identity = Arc::new(Identity::generate("bank").unwrap());
    let profile = Profile { name: "bank".to_owned(), contact: "desk".to_owned(), endpoint: None };
    let data = folder.path().join("data");
    std::fs::create_dir_all(&data).unwrap();
    Office::open(Arc::clone(store), identity, &profile, data).await.unwrap()
}

impl Office {
    /// The state that its store alone gives.
    pub(crate) async fn folded_anew(&self) -> State {
        let own = self.state().books.directory().own().clone();
        read_state(&self.store, &self.identity, own).await.unwrap()
    }
}

/// Waits until something holds at an office.
pub(crate) async fn until(office: &Office, holds: impl Fn(&State) -> bool) {
    let mut news = office.news();
    let waiting = async {
        loop {
            if holds(&office.state()) {
                return;
            }
            news.changed().await.unwrap();
        }
    };
    let in_time = tokio::time::timeout(Duration::from_secs(20), waiting).await;
    assert!(
        in_time.is_ok(),
        "{:?}",
        office.state().books.rejections(&office.state().own()).count()
    );
}

/// Makes two members partners.
pub(crate) async fn introduce(bank: &Member, operator: &Member) {
    let invited = bank.office.invite("ann", "the operator", 7).await.unwrap();
    let member = operator.office.accept("bob", &invited.line).await.unwrap();
    assert_eq!(member, bank.office.state().own());
    let own = operator.office.state().own();
    until(&bank.office, |state| state.books.directory().partners().contains_key(&own)).await;
}

/// Terms under which the common customers may be found.
pub(crate) fn terms(bank: &Office, operator: &Office) -> Terms {
    let keys = BTreeMap::from([("customer".to_owned(), BTreeSet::from([Column::Key]))]);
    let gives = BTreeMap::from([("customers".to_owned(), keys)]);
    let party = |name: &str| PartyTerms { name: name.to_owned(), gives: gives.clone() };
    let parties = [bank.state().own(), operator.state().own()];
    let strict = ComponentTerms {
        privacy: BTreeSet::from(["strict".to_owned()]),
        settings: BTreeMap::<String, Allowed>::new(),
    };
    let known = contract::catalogue::find("align.ecdh").unwrap().modes[0].disclosures;
    let disclosures = known.iter().map(|it| (it.key.to_string(), BTreeSet::from(parties)));
    Terms {
        title: "Overlap".to_owned(),
        version: 1,
        parent: None,
        written_at: time(),
        parties: BTreeMap::from([(parties[0], party("bank")), (parties[1], party("operator"))]),
        purposes: BTreeSet::from(["insight.overlap".to_owned()]),
        legal_basis: "contract".to_owned(),
        components: BTreeMap::from([("align.ecdh".to_owned(), strict)]),
        disclosures: disclosures.collect(),
        minimum_group: 1,
        privacy_budget: None,
        runs_per_month: None,
        runs: 3,
        attempts: 3,
        valid_from: Time::from_milliseconds(0),
        valid_until: time().plus(24 * 60 * 60 * 1000),
        utc_offset_minutes: 0,
        currency: "CNY".to_owned(),
        prices: BTreeSet::new(),
    }
}

/// Both sign what the bank proposes.
pub(crate) async fn agree(bank: &Office, operator: &Office) -> Digest {
    let version = bank.propose("ann", terms(bank, operator)).await.unwrap();
    bank.negotiate("ann", version, AgreementAct::Sign { version }).await.unwrap();
    until(operator, |state| state.terms(&version).is_some()).await;
    operator.negotiate("bob", version, AgreementAct::Sign { version }).await.unwrap();
    for office in [bank, operator] {
        until(office, |state| {
            let agreement = state.books.agreement(&version);
            agreement.is_some_and(|it| it.state(time()) == DealState::Active(version))
        })
        .await;
    }
    version
}

pub(crate) const JOB: &str = "job: overlap
purpose: insight.overlap
parties:
  bank: { role: guest, key: customer, other_columns: ignore }
  operator: { role: host, key: customer, other_columns: ignore }
align: { protocol: ecdh, learn: both }
";

pub(crate) fn run(bank: &Office, operator: &Office, agreement: Digest, job: &str) -> NewRun {
    let parties = [bank.state().own(), operator.state().own()];
    let tables = parties.map(|party| (party, "customers".to_owned()));
    NewRun { agreement, job: job.to_owned(), tables: BTreeMap::from(tables) }
}

pub(crate) const BANK: &str = "customer,age\nc1,31\nc2,42\nc3,53\n";
pub(crate) const OPERATOR: &str = "customer,visits\nc2,7\nc3,9\nc4,1\n";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn partners_agree_and_permit_a_run_and_nothing_else() {
    let bank = member("bank", BANK).await;
    let operator = member("operator", OPERATOR).await;
    introduce(&bank, &operator).await;
    let agreement = agree(&bank.office, &operator.office).await;
    let (ours, theirs) = (&bank.office, &operator.office);

    // A column that the agreement does not give is refused, with the line that lacks it.
    let other =
        JOB.replace("role: guest, key: customer", "role: guest, key: customer, payload: [age]");
    let refused = ours.submit("ann", &run(ours, theirs, agreement, &other)).await;
    let error = refused.unwrap_err().to_string();
    assert!(error.contains("age"), "{error}");

    let request = ours.check_run(&run(ours, theirs, agreement, JOB)).unwrap().request;
    let verdicts = |findings: &[Finding]| findings.iter().map(|it| it.verdict).collect::<Vec<_>>();
    let fine = ours.preflight(&request).await;
    assert!(!verdicts(&fine).contains(&Verdict::Bad), "{fine:?}");
    assert!(fine.iter().any(|it| it.found.en == "it is open"), "{fine:?}");
    std::fs::write(bank.folder.path().join("data/table.csv"), "client,age\nc1,31\n").unwrap();
    let other = ours.preflight(&request).await;
    assert_eq!(verdicts(&other)[0], Verdict::Bad, "{other:?}");
    assert!(other[0].found.en.contains("customer"), "{other:?}");
    std::fs::write(bank.folder.path().join("data/table.csv"), BANK).unwrap();

    let run = ours.submit("ann", &run(ours, theirs, agreement, JOB)).await.unwrap();
    until(theirs, |state| state.books.job(&run).is_some_and(|it| !it.view().approvals.is_empty()))
        .await;
    assert!(theirs.state().plan(&run).is_ok());
    assert_eq!(theirs.to_decide(), [], "nobody said that runs are approved by rule");
    theirs.approve_by_rule("bob", agreement, true).await.unwrap();
    assert_eq!(theirs.to_decide(), [(run, None)]);
    theirs.approve("bob", run).await.unwrap();
    until(ours, |state| state.books.job(&run).unwrap().view().approvals.len() == 2).await;
    ours.permit(run).await.unwrap();
    until(theirs, |state| state.books.permits(&run).is_some_and(|it| it.len() == 1)).await;
    theirs.permit(run).await.unwrap();
    until(ours, |state| state.books.permits(&run).is_some_and(|it| it.len() == 2)).await;
    for office in [ours, theirs] {
        office.open_attempt(run).await.unwrap();
        let state = office.state();
        assert_eq!(state.books.job(&run).unwrap().view().state, RunState::Queued);
    }

    // The store alone gives the same books again.
    let again = ours.folded_anew().await;
    assert_eq!(again.books, ours.state().books);
    assert_eq!(again.sequence, ours.state().sequence);

    // A member that is blocked can say nothing any more.
    let lost = theirs.state().own();
    ours.block("ann", lost, "a lost laptop").await.unwrap();
    theirs.cancel("bob", run, "never mind").await.unwrap();
    tokio::time::sleep(Duration::from_millis(300)).await;
    let state = ours.state();
    assert_eq!(state.books.job(&run).unwrap().view().state, RunState::Queued);
}

/// A schedule leads to one run each time, leaves a time out while the run before is open, and says
/// what keeps a run from being asked for.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_schedule_asks_for_runs_when_it_is_time() {
    let bank = member("bank", BANK).await;
    let operator = member("operator", OPERATOR).await;
    introduce(&bank, &operator).await;
    let agreement = agree(&bank.office, &operator.office).await;
    let (ours, theirs) = (&bank.office, &operator.office);
    let new = run(ours, theirs, agreement, JOB);
    for wrong in ["", "0 3 * *", "61 * * * *"] {
        let refused = ours.schedule("ann", &new, wrong).await;
        assert!(matches!(refused, Err(OfficeError::Job(_))), "{wrong}");
    }
    let number = ours.schedule("ann", &new, "*/5 * * * *").await.unwrap();
    ours.begin_due().await.unwrap();
    assert_eq!(ours.state().books.jobs().count(), 0, "it is not time yet");

    let make_due = || {
        let mut state = ours.state.write().unwrap();
        state.schedules.get_mut(&number).unwrap().next = Some(time());
    };
    let led_to = || ours.state().schedules[&number].last.clone().unwrap().1;
    make_due();
    ours.begin_due().await.unwrap();
    ours.begin_due().await.unwrap();
    let LedTo::Run(first) = led_to() else { panic!("{:?}", led_to()) };
    assert_eq!(ours.state().books.jobs().count(), 1);
    until(theirs, |state| state.plan(&first).is_ok()).await;
    make_due();
    ours.begin_due().await.unwrap();
    assert_eq!(led_to(), LedTo::Left(first));

    // What happened is all there is: the store gives the same schedules again.
    let again = ours.folded_anew().await;
    assert_eq!(again.schedules, ours.state().schedules);

    ours.cancel("ann", first, "enough").await.unwrap();
    ours.negotiate("ann", agreement, AgreementAct::Revoke { reason: "over".to_owned() })
        .await
        .unwrap();
    make_due();
    ours.begin_due().await.unwrap();
    assert!(matches!(led_to(), LedTo::Nothing { .. }), "{:?}", led_to());
    assert_eq!(ours.state().schedules[&number].run, Some(first));
    ours.end_schedule("ann", number).await.unwrap();
    assert!(ours.end_schedule("ann", number).await.is_err());
    assert_eq!(ours.state().schedules_made, number, "numbers are not used twice");
}

fn description(about: &str) -> Description {
    let key = ("customer number".to_owned(), None);
    let visits = ("visits to a shop".to_owned(), Some("visits".to_owned()));
    Description {
        about: about.to_owned(),
        coverage: "all regions".to_owned(),
        freshness: "daily".to_owned(),
        price: Some("1 CNY a run".to_owned()),
        keys: BTreeSet::from(["customer".to_owned()]),
        columns: BTreeMap::from([("customer".to_owned(), key), ("visits".to_owned(), visits)]),
    }
}

/// What an office has found, as names of tables.
fn found(office: &Office, words: &str) -> Vec<String> {
    let (found, left_off) = office.state().find_data(words).unwrap();
    assert_eq!(left_off, 0);
    found.into_iter().map(|it| it.data).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn partners_find_what_is_published_and_nothing_else() {
    let bank = member("bank", BANK).await;
    let operator = member("operator", "customer,visits\nc2,7\nc3,\nc4,1\n").await;
    let (ours, theirs) = (&bank.office, &operator.office);
    let own = theirs.state().own();
    let secret = Registration {
        name: "secretname".to_owned(),
        path: "table.csv".into(),
        ..Registration::default()
    };
    theirs.register("bob", &secret).await.unwrap();
    theirs.describe("bob", "secretname", description("undisclosed")).await.unwrap();
    assert!(theirs.choose("bob", "customers", true).await.is_err(), "it is not described");
    let mut lacking = description("shops");
    lacking.columns.remove("visits");
    assert!(theirs.describe("bob", "customers", lacking).await.is_err());
    theirs.describe("bob", "customers", description("shops")).await.unwrap();
    theirs.choose("bob", "customers", true).await.unwrap();
    theirs.publish("bob").await.unwrap();

    // Published before they were partners: a new partner gets what there is.
    introduce(&bank, &operator).await;
    let version = |state: &State| {
        let member = state.books.directory().members().get(&own)?;
        Some(member.catalogue.as_ref()?.content().version)
    };
    until(ours, |state| version(state) == Some(1)).await;
    assert_eq!(found(ours, "VISITS shops"), ["customers"]);
    assert!(found(ours, "undisclosed").is_empty() && found(ours, "nowhere").is_empty());
    let (all, _) = ours.state().find_data("").unwrap();
    let described = &all[0].description;
    assert_eq!((all.len(), described.rows), (1, 10), "three rows are not told apart from ten");
    let columns = &described.columns;
    assert_eq!(columns["customer"].kind, governance::members::ColumnKind::Key);
    assert_eq!((columns["customer"].known_percent, columns["visits"].known_percent), (100, 66));

    // A newer version replaces it; what is described and not published stays here.
    theirs.describe("bob", "customers", description("kiosks")).await.unwrap();
    theirs.publish("bob").await.unwrap();
    until(ours, |state| version(state) == Some(2)).await;
    assert!(found(ours, "shops").is_empty());
    assert_eq!(found(ours, "kiosks"), ["customers"]);
    theirs.choose("bob", "customers", false).await.unwrap();
    theirs.publish("bob").await.unwrap();
    until(ours, |state| version(state) == Some(3)).await;
    assert!(found(ours, "").is_empty());

    // Everything that came is in the store of who got it.
    let events = ours.store.events_after(0, &EventFilter::default(), PAGE).await.unwrap();
    let has = |word: &str| {
        events.iter().any(|event| String::from_utf8_lossy(&event.bytes).contains(word))
    };
    assert!(has("kiosks"));
    assert!(!has("secretname") && !has("undisclosed"));
    let again = theirs.folded_anew().await;
    assert_eq!(again.shows, theirs.state().shows);
    assert!(ours.state().find_data(&"x".repeat(201)).is_err());
}

#[test]
fn tables_lie_in_the_folder_of_data() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    std::fs::create_dir(&data).unwrap();
    std::fs::write(folder.path().join("secret.csv"), "a\n1\n").unwrap();
    std::fs::write(data.join("open.csv"), "a\n1\n").unwrap();
    std::os::unix::fs::symlink(folder.path().join("secret.csv"), data.join("link.csv")).unwrap();
    assert!(tables::place(&data, "open.csv".as_ref()).is_ok());
    for path in ["../secret.csv", "/etc/passwd", "link.csv", "", ".", "nothing.csv"] {
        let placed = tables::place(&data, path.as_ref());
        assert!(matches!(placed, Err(OfficeError::Path { .. })), "{path}");
    }
}
