//! Backups, and schemas of earlier versions.

use sqlx::{AssertSqlSafe, Row as _};

use super::{Address, Batch, Databases, EventFilter, Store, StoreError, event, letter};
use super::{schema, stored};
use crate::store::{Change, Person, Received, SessionRow, TokenRow, back_up, restore};

/// A store with something in every table.
async fn filled(address: &Address) -> Store {
    let store = Store::open(address).await.unwrap();
    let token = TokenRow {
        id: "tok_1".to_owned(),
        person: "per_1".to_owned(),
        name: "nightly 导出".to_owned(),
        secret_hash: "ab".to_owned(),
        roles: "read_only".to_owned(),
        created_at: 1,
        expires_at: 2,
        revoked_at: None,
    };
    let session = SessionRow {
        secret_hash: "cd".to_owned(),
        person: "per_1".to_owned(),
        csrf: "ef".to_owned(),
        created_at: 1,
        seen_at: 1,
    };
    let events = vec![event("bank", Some(1), "a \"quoted\"\nsubject"), event("bank", None, "b")];
    let batch = Batch {
        after: Some(0),
        received: Some(Received { peer: "operator".to_owned(), number: 1 }),
        events,
        letters: vec![letter("operator"), letter("shop")],
        changes: vec![
            Change::PutPerson(person()),
            Change::PutToken(token),
            Change::PutSession(session),
            Change::PutSetting { name: "node.key", value: "ed25519:00".to_owned() },
            Change::Acknowledge { peer: "operator".to_owned(), number: 1 },
        ],
    };
    store.commit(&batch).await.unwrap();
    store
}

fn person() -> Person {
    Person {
        id: "per_1".to_owned(),
        name: "李雷".to_owned(),
        roles: "operator compliance".to_owned(),
        password: "argon2id:8:1:00:00".to_owned(),
        password_until: Some(5),
        is_active: true,
        created_at: 1,
    }
}

async fn text_of(store: &Store) -> String {
    let mut out = Vec::new();
    back_up(store, &mut out).await.unwrap();
    String::from_utf8(out).unwrap()
}

/// From either database to a file of SQLite and back, and nothing is lost on the way.
pub(super) async fn a_backup_is_the_whole_store(databases: &Databases<'_>) {
    let store = filled(&databases.fresh("origin")).await;
    let text = text_of(&store).await;
    // The node goes on meanwhile.
    store.commit(&Batch { events: vec![event("x", None, "c")], ..Batch::default() }).await.unwrap();
    store.close().await;
    let targets = [databases.file("copied"), databases.fresh("returned")];
    for (step, address) in targets.into_iter().enumerate() {
        let summary = restore(&address, &mut text.as_bytes()).await.unwrap();
        assert_eq!(summary.rows, 8, "step {step}");
        let copy = Store::open(&address).await.unwrap();
        assert_eq!(text_of(&copy).await, text, "step {step}");
        assert_eq!(copy.people().await.unwrap(), [person()]);
        assert_eq!(copy.last_received("operator").await.unwrap(), 1);
        assert!(copy.session_of("cd").await.unwrap().is_none(), "sessions stay behind");
        let events = vec![event("bank", None, "after")];
        let next = copy.commit(&Batch { events, ..Batch::default() }).await.unwrap();
        assert_eq!(stored(&next).0, [3], "the copy goes on where the backup ended");
        copy.close().await;
        let again = restore(&address, &mut text.as_bytes()).await.unwrap_err();
        assert!(again.to_string().contains("is in use"), "{again}");
    }
}

pub(super) async fn a_bad_backup_is_refused_whole(databases: &Databases<'_>) {
    let store = filled(&databases.fresh("source")).await;
    let text = text_of(&store).await;
    store.close().await;
    let lines: Vec<&str> = text.lines().collect();
    let joined = |lines: &[&str]| lines.iter().flat_map(|line| [line, "\n"]).collect::<String>();
    let without_tail = joined(&lines[..lines.len() - 1]);
    let without_row = joined(&[&lines[..2], &lines[3..]].concat());
    let bad = [
        ("cut off", without_tail.as_str()),
        ("cut off", &text[..text.len() - 5]),
        ("does not fit", &without_row),
        ("does not fit", &text.replacen("李雷", "王雷", 1)),
        ("no such table", &text.replacen("\"letters_in\"", "\"letters_up\"", 1)),
        ("cannot hold", &text.replacen("00ff0a22", "00ff0a2", 1)),
        ("follows the end", &format!("{text}{{}}\n")),
        ("no backup", &text.replacen("tombolo node", "something", 1)),
    ];
    let address = databases.fresh("refused");
    for (expected, text) in bad {
        let error = restore(&address, &mut text.as_bytes()).await.unwrap_err();
        assert!(error.to_string().contains(expected), "{expected}: {error}");
    }
    // Nothing of them is left, so that the good one still goes in.
    restore(&address, &mut text.as_bytes()).await.unwrap();
}

pub(super) async fn a_schema_is_brought_up_to_date(databases: &Databases<'_>) {
    let address = databases.fresh("schema");
    let old = Store::connect(&address).await.unwrap();
    schema::upgrade(&old, 1).await.unwrap();
    assert_eq!(old.schema().await.unwrap(), 1);
    let events = vec![event("bank", None, "old")];
    old.commit(&Batch { events, ..Batch::default() }).await.unwrap();
    assert!(old.people().await.is_err(), "version 1 knows no people");
    let old_text = text_of(&old).await;
    old.close().await;

    let store = Store::open(&address).await.unwrap();
    assert_eq!(store.schema().await.unwrap(), schema::LATEST);
    assert_eq!(store.people().await.unwrap(), []);
    let events = store.events_after(0, &EventFilter::default(), 9).await.unwrap();
    assert_eq!(events[0].subject, "old");
    sqlx::query("INSERT INTO schema_versions (version) VALUES (99)")
        .execute(&store.pool)
        .await
        .unwrap();
    store.close().await;
    let error = Store::open(&address).await.unwrap_err();
    assert!(matches!(error, StoreError::Newer { found: 99, .. }), "{error}");

    let address = databases.fresh("older_backup");
    restore(&address, &mut old_text.as_bytes()).await.unwrap();
    let store = Store::open(&address).await.unwrap();
    assert_eq!(store.last_event().await.unwrap(), 1);
    store.close().await;
}

/// Tables and columns that a backup has to hold, as SQLite says they are.
pub(super) async fn columns(store: &Store) -> Vec<(String, String)> {
    let tables = sqlx::query(
        "SELECT name FROM sqlite_master WHERE type = 'table' \
         AND name NOT IN ('sessions', 'schema_versions')",
    );
    let mut found = Vec::new();
    for table in tables.fetch_all(&store.pool).await.unwrap() {
        let table: String = table.get(0);
        let select = format!("SELECT name FROM pragma_table_info('{table}')");
        for column in sqlx::query(AssertSqlSafe(select)).fetch_all(&store.pool).await.unwrap() {
            found.push((table.clone(), column.get(0)));
        }
    }
    found.sort();
    found
}
