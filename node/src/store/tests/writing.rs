//! What is stored, what is not, and in which order.

use std::sync::Arc;

use super::{
    Address, Batch, Cluster, Committed, Databases, Duration, EventFilter, Received, Store,
    StoreError, event, letter, stored,
};
use crate::store::Change;

pub(super) async fn events_are_numbered_and_kept(databases: &Databases<'_>) {
    let address = databases.fresh("events");
    let store = Store::open(&address).await.unwrap();
    assert_eq!(store.last_event().await.unwrap(), 0);
    let mut other = event("bank", None, "job-2");
    other.kind = "test.other".to_owned();
    let events = vec![event("bank", Some(9), "job-1"), other.clone()];
    let committed = store.commit(&Batch { events, ..Batch::default() }).await.unwrap();
    assert_eq!(stored(&committed).0, [1, 2]);
    store.commit(&Batch { events: vec![other], ..Batch::default() }).await.unwrap();
    store.close().await;

    let store = Store::open(&address).await.unwrap();
    assert_eq!(store.last_event().await.unwrap(), 3);
    let all = store.events_after(0, &EventFilter::default(), 10).await.unwrap();
    assert_eq!(all.iter().map(|it| it.sequence).collect::<Vec<_>>(), [1, 2, 3]);
    let first = &all[0];
    assert_eq!(
        (first.number, first.author.as_str(), first.at),
        (Some(9), "bank", 1_800_000_000_000)
    );
    assert_eq!(first.bytes, [0, 255, 10, 34]);
    assert_eq!(all[1].number, None);
    let numbers = async |after, kind: Option<&str>, subject: Option<&str>, limit| {
        let (kind, subject) = (kind.map(str::to_owned), subject.map(str::to_owned));
        let filter = EventFilter { kind, subject };
        let events = store.events_after(after, &filter, limit).await.unwrap();
        events.iter().map(|it| it.sequence).collect::<Vec<_>>()
    };
    let (kind, subject) = (Some("test.other"), Some("job-2"));
    assert_eq!(numbers(1, None, None, 1).await, [2]);
    assert_eq!(numbers(0, kind, None, 9).await, [2, 3]);
    assert_eq!(numbers(2, None, subject, 9).await, [3]);
    assert_eq!(numbers(0, kind, Some("job-1"), 9).await, [0_u64; 0]);
    store.close().await;
}

pub(super) async fn a_conflict_leaves_nothing(databases: &Databases<'_>) {
    let store = Store::open(&databases.fresh("conflict")).await.unwrap();
    let signed = Batch { events: vec![event("bank", Some(1), "a")], ..Batch::default() };
    store.commit(&signed).await.unwrap();
    let again = Batch { events: vec![event("x", None, "b"), signed.events[0].clone()], ..signed };
    let error = store.commit(&again).await.unwrap_err();
    assert!(matches!(error, StoreError::Exists { .. }), "{error}");
    let seen = |after| Batch {
        after: Some(after),
        events: vec![event("bank", None, "c")],
        letters: vec![letter("operator")],
        received: Some(Received { peer: "operator".to_owned(), number: 1 }),
        changes: vec![Change::PutSetting { name: "k", value: "v".to_owned() }],
    };
    let error = store.commit(&seen(0)).await.unwrap_err();
    assert!(matches!(error, StoreError::Conflict { expected: 0, found: 1 }), "{error}");
    assert_eq!(store.last_event().await.unwrap(), 1);
    assert_eq!(store.last_received("operator").await.unwrap(), 0);
    assert_eq!(store.letters_after("operator", 0, 9).await.unwrap(), []);
    assert_eq!(store.setting("k").await.unwrap(), None);
    store.commit(&seen(1)).await.unwrap();
    assert_eq!(store.setting("k").await.unwrap().as_deref(), Some("v"));
    store.close().await;
}

pub(super) async fn letters_and_their_events_come_together(databases: &Databases<'_>) {
    let store = Store::open(&databases.fresh("letters")).await.unwrap();
    let batch = |number, letters: &[&str]| Batch {
        received: Some(Received { peer: "operator".to_owned(), number }),
        events: vec![event("operator", Some(number), "job")],
        letters: letters.iter().map(|peer| letter(peer)).collect(),
        ..Batch::default()
    };
    let committed = store.commit(&batch(1, &["operator", "shop", "operator"])).await.unwrap();
    assert_eq!(stored(&committed), (&[1][..], &[1, 1, 2][..]));
    assert_eq!(store.commit(&batch(1, &["shop"])).await.unwrap(), Committed::Known);
    let error = store.commit(&batch(3, &["shop"])).await.unwrap_err();
    assert!(matches!(error, StoreError::Gap { number: 3, expected: 2, .. }), "{error}");
    store.commit(&batch(2, &["shop"])).await.unwrap();
    assert_eq!(store.last_event().await.unwrap(), 2);
    assert_eq!(store.last_received("operator").await.unwrap(), 2);

    let numbers = async |peer, after| {
        let letters = store.letters_after(peer, after, 9).await.unwrap();
        letters.iter().map(|it| it.number).collect::<Vec<_>>()
    };
    assert_eq!(numbers("shop", 0).await, [1, 2]);
    let acknowledge = |number| Batch {
        changes: vec![Change::Acknowledge { peer: "operator".to_owned(), number }],
        ..Batch::default()
    };
    store.commit(&acknowledge(1)).await.unwrap();
    assert_eq!(numbers("operator", 0).await, [1, 2], "kept for a partner that lost them");
    let error = store.commit(&acknowledge(3)).await.unwrap_err();
    assert!(matches!(error, StoreError::NeverSent { number: 3, last: 2, .. }), "{error}");
    assert_eq!(numbers("shop", 1).await, [2]);
    store.close().await;
}

/// Two programs with several tasks each, as a node and a command beside it would be.
pub(super) async fn many_writers_leave_no_gap(databases: &Databases<'_>) {
    let address = databases.fresh("writers");
    let stores =
        [Store::open(&address).await.unwrap(), Store::open(&address).await.unwrap()].map(Arc::new);
    let mut tasks = Vec::new();
    for (at, store) in stores.iter().enumerate() {
        for task in 0..3 {
            let store = Arc::clone(store);
            tasks.push(tokio::spawn(async move {
                for round in 0..5 {
                    let subject = format!("{at}.{task}.{round}");
                    let events = vec![event("bank", None, &subject)];
                    let letters = vec![letter("operator")];
                    let batch = Batch { events, letters, ..Batch::default() };
                    let committed = store.commit(&batch).await.unwrap();
                    let (events, letters) = stored(&committed);
                    assert_eq!(events, letters, "they come and go together");
                }
            }));
        }
    }
    for task in tasks {
        task.await.unwrap();
    }
    let events = stores[0].events_after(0, &EventFilter::default(), 100).await.unwrap();
    assert_eq!(
        events.iter().map(|it| it.sequence).collect::<Vec<_>>(),
        (1..=30).collect::<Vec<_>>()
    );
    let letters = stores[1].letters_after("operator", 0, 100).await.unwrap();
    assert_eq!(letters.len(), 30);
    for store in stores {
        store.close().await;
    }
}

pub(super) async fn a_commit_waits_for_a_restarted_server(cluster: &mut Cluster, at: &Address) {
    let store = Arc::new(Store::open(at).await.unwrap());
    let batch = |subject| Batch { events: vec![event("bank", None, subject)], ..Batch::default() };
    store.commit(&batch("before")).await.unwrap();
    let waiting = tokio::spawn({
        let (store, batch) = (Arc::clone(&store), batch("during"));
        async move {
            tokio::time::sleep(Duration::from_millis(100)).await;
            store.commit(&batch).await
        }
    });
    tokio::task::block_in_place(|| cluster.restart(Duration::from_millis(300)));
    let committed = waiting.await.unwrap().unwrap();
    assert_eq!(stored(&committed).0, [2]);
    assert_eq!(store.last_event().await.unwrap(), 2);
    store.close().await;
}
