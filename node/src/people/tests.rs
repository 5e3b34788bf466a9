//! Accounts on a real store.

use std::sync::Arc;

use crypto::password::Cost;

use super::account::HOUR;
use super::{Caller, NewToken, Origin, People, PeopleError, Role, Roles, SignedIn, THE_NODE};
use crate::store::{Address, EventFilter, Store, back_up};

const NOW: u64 = 1_800_000_000_000;
const PASSWORD: &str = "a long walk on the tombolo";

struct House {
    people: People,
    store: Arc<Store>,
    _folder: tempfile::TempDir,
}

impl House {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let address = Address::parse("sqlite:node.db", folder.path()).unwrap();
        let store = Arc::new(Store::open(&address).await.unwrap());
        let people = People::open(Arc::clone(&store), Cost::TEST).await.unwrap();
        Self { people, store, _folder: folder }
    }

    /// Adds somebody, who then chooses [`PASSWORD`].
    async fn with(&self, name: &str, roles: &[Role]) -> SignedIn {
        let added = self.people.add(THE_NODE, name, &Roles::of(roles), NOW).await.unwrap();
        let first = self.sign_in(name, &added.1, NOW).await.unwrap();
        assert!(first.caller.must_choose_password);
        self.people.choose_password(&first.caller, &added.1, PASSWORD, NOW).await.unwrap()
    }

    async fn sign_in(&self, name: &str, password: &str, now: u64) -> Result<SignedIn, PeopleError> {
        let origin = Origin { address: [127, 0, 0, 1].into(), device: None };
        self.people.sign_in(name, password, &origin, now).await
    }

    async fn caller(&self, signed_in: &SignedIn, now: u64) -> Option<Caller> {
        self.people.caller_of_session(&signed_in.secret, now).await.unwrap()
    }

    async fn kinds(&self) -> Vec<String> {
        let events = self.store.events_after(0, &EventFilter::default(), 100).await.unwrap();
        events.into_iter().map(|event| event.kind).collect()
    }
}

#[tokio::test]
async fn a_one_time_password_is_for_choosing_one() {
    let house = House::new().await;
    let roles = Roles::of(&[Role::Operator]);
    let (anna, password) = house.people.add(THE_NODE, "anna", &roles, NOW).await.unwrap();
    for wrong in ["anna", "ANNA", " anna", "", "a\u{202e}b", "a\nb", &"x".repeat(65)] {
        let added = house.people.add(THE_NODE, wrong, &roles, NOW).await;
        assert!(matches!(added, Err(PeopleError::Taken(_) | PeopleError::BadName)), "{wrong:?}");
    }
    let late = NOW + 72 * HOUR;
    let error = house.sign_in("anna", &password, late).await.unwrap_err();
    assert!(matches!(error, PeopleError::WrongPassword), "it has ended: {error}");
    let first = house.sign_in("anna", &password, NOW).await.unwrap();
    assert!(house.caller(&first, late).await.is_none());
    for weak in ["short", "aaaabbbbccccdddd", "anna2026 anna", &password] {
        let chosen = house.people.choose_password(&first.caller, &password, weak, NOW).await;
        assert!(matches!(chosen, Err(PeopleError::Weak(_))), "{weak}");
    }
    let wrong = house.people.choose_password(&first.caller, "no", PASSWORD, NOW).await;
    assert!(matches!(wrong, Err(PeopleError::WrongPassword)));
    let chosen = house.people.choose_password(&first.caller, &password, PASSWORD, NOW).await;
    let chosen = chosen.unwrap();
    assert!(house.caller(&first, NOW).await.is_none(), "its secret and form token are new");
    assert!(!house.caller(&chosen, NOW).await.unwrap().must_choose_password);
    assert!(house.sign_in("anna", &password, NOW).await.is_err());
    house.sign_in("anna", PASSWORD, late).await.unwrap();

    let again = house.people.reset_password(THE_NODE, &anna.id, late).await.unwrap();
    assert!(house.caller(&chosen, NOW).await.is_none(), "signed out everywhere");
    assert!(house.sign_in("anna", PASSWORD, late).await.is_err());
    assert!(house.sign_in("anna", &again, late).await.is_ok());
    let expected = [
        "people.added",
        "people.signed_in",
        "people.password_chosen",
        "people.signed_in",
        "people.password_reset",
        "people.signed_in",
    ];
    assert_eq!(house.kinds().await, expected);
    let mut backup = Vec::new();
    back_up(&house.store, &mut backup).await.unwrap();
    let backup = String::from_utf8(backup).unwrap();
    for secret in [PASSWORD, &*password, &*again, &*first.secret] {
        assert!(!backup.contains(secret), "{secret} is stored");
    }
}

#[tokio::test]
async fn sessions_end() {
    let house = House::new().await;
    let anna = house.with("anna", &[Role::Operator]).await;
    assert_eq!(house.caller(&anna, NOW + HOUR).await.unwrap().name, "anna");
    assert!(house.caller(&anna, NOW + 2 * HOUR + 1).await.is_none(), "idle for too long");
    let mut now = NOW;
    while now < NOW + 12 * HOUR {
        assert!(house.caller(&anna, now).await.is_some());
        now += HOUR / 2;
    }
    assert!(house.caller(&anna, now + 1).await.is_none(), "whatever happens, after 12 hours");
    let anna = house.sign_in("anna", PASSWORD, NOW).await.unwrap();
    house.people.sign_out(&anna.caller, NOW).await.unwrap();
    assert!(house.caller(&anna, NOW).await.is_none());
    assert!(house.people.caller_of_session("00", NOW).await.unwrap().is_none());
}

#[tokio::test]
async fn whoever_is_switched_off_is_out_at_once() {
    let house = House::new().await;
    let anna = house.with("anna", &[Role::Operator]).await;
    let ben = house.with("ben", &[Role::Modeller, Role::ReadOnly]).await;
    let new = NewToken { name: "nightly".to_owned(), roles: ben.caller.roles.clone(), days: 30 };
    let (_, token) = house.people.add_token(&ben.caller, &new, NOW).await.unwrap();
    let by = &anna.caller.person;
    let only_reads = Roles::of(&[Role::ReadOnly]);
    let id = &ben.caller.person;
    house.people.change(by, id, Some(&only_reads), None, NOW).await.unwrap();
    assert_eq!(house.caller(&ben, NOW).await.unwrap().roles, only_reads);
    let caller = house.people.caller_of_token(&token, NOW).await.unwrap().unwrap();
    assert_eq!(caller.roles, only_reads, "a token loses what its owner loses");
    house.people.change(by, id, None, Some(false), NOW).await.unwrap();
    assert!(house.caller(&ben, NOW).await.is_none());
    assert!(house.people.caller_of_token(&token, NOW).await.unwrap().is_none());
    assert!(house.sign_in("ben", PASSWORD, NOW).await.is_err());

    let own = &anna.caller.person;
    for last in [
        house.people.change(by, own, Some(&only_reads), None, NOW).await,
        house.people.change(by, own, None, Some(false), NOW).await,
    ] {
        assert!(matches!(last, Err(PeopleError::LastOperator)));
    }
    let nobody = house.people.change(by, "per_0", None, Some(true), NOW).await;
    assert!(matches!(nobody, Err(PeopleError::Unknown(_))));
}

#[tokio::test]
async fn tokens_are_bounded() {
    let house = House::new().await;
    let anna = house.with("anna", &[Role::Operator]).await;
    let ben = house.with("ben", &[Role::Modeller]).await;
    let new = |roles: &[Role], days| NewToken {
        name: "export".to_owned(),
        roles: Roles::of(roles),
        days,
    };
    for (wrong, asked) in [
        ("no role", new(&[], 1)),
        ("more than its owner", new(&[Role::Operator], 1)),
        ("no time", new(&[Role::Modeller], 0)),
        ("for ever", new(&[Role::Modeller], 367)),
    ] {
        assert!(house.people.add_token(&ben.caller, &asked, NOW).await.is_err(), "{wrong}");
    }
    let asked = new(&[Role::Modeller], 1);
    let (token, secret) = house.people.add_token(&ben.caller, &asked, NOW).await.unwrap();
    let at = async |now| house.people.caller_of_token(&secret, now).await.unwrap();
    assert_eq!(at(NOW).await.unwrap().person, ben.caller.person);
    assert!(at(token.expires_at).await.is_none());
    assert_eq!(house.people.tokens(&anna.caller).await.unwrap().len(), 1);
    let cleo = house.with("cleo", &[Role::Modeller]).await;
    let foreign = house.people.revoke_token(&cleo.caller, &token.id, NOW).await;
    assert!(matches!(foreign, Err(PeopleError::Unknown(_))), "others' tokens are not even there");
    house.people.revoke_token(&anna.caller, &token.id, NOW).await.unwrap();
    assert!(at(NOW).await.is_none());
}

#[tokio::test]
async fn guessing_slows_strangers_down_and_no_known_browser() {
    let house = House::new().await;
    let anna = house.with("anna", &[Role::Operator]).await;
    let from = |last, device: Option<&str>| Origin {
        address: [10, 0, 0, last].into(),
        device: device.map(str::to_owned),
    };
    let guess =
        async |last, password| house.people.sign_in("anna", password, &from(last, None), NOW).await;
    for attempt in 0..5 {
        let error = guess(attempt, "wrong").await.unwrap_err();
        assert!(matches!(error, PeopleError::WrongPassword), "{error}");
    }
    let error = guess(9, PASSWORD).await.unwrap_err();
    assert!(matches!(error, PeopleError::Wait { seconds: 1 }), "{error}");
    let forged = format!("{}.00", anna.device.split('.').next().unwrap());
    let origin = from(9, Some(&forged));
    assert!(house.people.sign_in("anna", PASSWORD, &origin, NOW).await.is_err());
    let origin = from(9, Some(&anna.device));
    house.people.sign_in("anna", PASSWORD, &origin, NOW).await.unwrap();
    // Nobody is kept out for ever.
    let origin = from(9, None);
    house.people.sign_in("anna", PASSWORD, &origin, NOW + 60_000).await.unwrap();
}
