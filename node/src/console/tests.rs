//! Pages as text, with hostile names, for every role; and a walk of two members through them.

mod models;
mod pages;
mod statements;
mod walk;

use std::net::IpAddr;
use std::sync::Arc;

use crypto::password::Cost;
use governance::roles::Role as Known;

use super::*;
use crate::log::now;
use crate::office::tests::Member;
use crate::people::{Role, Roles};
use crate::store::Address;

/// A member whose console somebody uses.
struct Desk {
    member: Member,
    people: People,
    store: Arc<Store>,
    folder: tempfile::TempDir,
}

impl Desk {
    async fn of(member: Member) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let address = Address::parse("sqlite:people.db", folder.path()).unwrap();
        let store = Arc::new(Store::open(&address).await.unwrap());
        let people = People::open(Arc::clone(&store), Cost::TEST).await.unwrap();
        Self { member, people, store, folder }
    }

    /// What somebody with these roles is answered.
    async fn ask(&self, roles: &[Role], method: Method, path: &str, form: &str) -> Reply {
        let (path, query) = path.split_once('?').unwrap_or((path, ""));
        let via = Via::Session { secret_hash: String::new(), csrf: "token".to_owned() };
        let caller = Caller {
            person: "per_1".to_owned(),
            name: "ann".to_owned(),
            roles: Roles::of(roles),
            via,
            must_choose_password: false,
        };
        let call = Call {
            method,
            path: path.to_owned(),
            query: query.to_owned(),
            body: Bytes::from(form.to_owned()),
            caller: Some(caller),
            origin: Origin { address: IpAddr::from([127, 0, 0, 1]), device: None },
            language: Language::English,
            now: now(),
        };
        let results = |_: Digest| Some(self.folder.path().to_owned());
        let house = House {
            office: &self.member.office,
            people: &self.people,
            store: &self.store,
            results: Some(&results),
        };
        answer(house, call).await
    }

    /// A page that is there.
    async fn page(&self, path: &str) -> String {
        let reply = self.ask(&Role::ALL, Method::GET, path, "").await;
        let text = reply.text();
        assert_eq!(reply.status, StatusCode::OK, "{path}: {text}");
        text
    }

    /// Sends a form that is taken, and says where it leads.
    async fn send(&self, path: &str, form: &[(&str, &str)]) -> String {
        let reply = self.ask(&Role::ALL, Method::POST, path, &written(form)).await;
        assert_eq!(reply.status, StatusCode::SEE_OTHER, "{path}: {}", reply.text());
        reply.leads_to()
    }
}

impl Reply {
    fn text(&self) -> String {
        String::from_utf8(self.body.clone()).unwrap()
    }

    fn leads_to(&self) -> String {
        let place = self.headers.iter().find(|(name, _)| name == header::LOCATION);
        place.unwrap().1.to_str().unwrap().to_owned()
    }
}

/// A form with its token, as a browser writes it.
fn written(form: &[(&str, &str)]) -> String {
    let pair = |(name, value): &(&str, &str)| {
        format!("&{}={}", forms::encoded(name), forms::encoded(value))
    };
    format!("csrf=token{}", form.iter().map(pair).collect::<String>())
}

/// Somebody with all roles.
fn reader(language: Language) -> Reader {
    let now = governance::time::Time::from_milliseconds(1_800_000_000_000);
    Reader {
        name: "ann".to_owned(),
        roles: Known::ALL.to_vec(),
        csrf: "token".to_owned(),
        node: "Bank".to_owned(),
        waiting: 1,
        now,
        ..Reader::nobody(language)
    }
}

fn time() -> governance::time::Time {
    governance::time::Time::from_milliseconds(now())
}
