//! `kill -9` of a process that writes.

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Command, Stdio};

use super::{Address, Batch, EventFilter, Store, block_on, event, letter};

/// The variable that turns [`writer`] into the process that is killed.
const DATABASE: &str = "TOMBOLO_TEST_CRASH_DATABASE";

/// The events that are waited for before the kill.
const EVENTS_WANTED: usize = 25;

pub(super) fn no_acknowledged_event_is_lost(address: &Address) {
    // The schema stands before, so that all of the writer's time is spent on writing.
    block_on(async { Store::open(address).await.unwrap().close().await });
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["store::tests::crash::writer", "--exact", "--nocapture", "--ignored"])
        .env(DATABASE, address.url())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut acknowledged = 0_u64;
    for line in BufReader::new(child.stderr.take().unwrap()).lines().take(EVENTS_WANTED) {
        let line = line.unwrap();
        let number = line.strip_prefix("acknowledged ").unwrap_or_else(|| panic!("{line}"));
        acknowledged = number.parse().unwrap();
    }
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(acknowledged >= EVENTS_WANTED as u64, "{acknowledged}");
    block_on(async {
        let store = Store::open(address).await.unwrap();
        let events = store.events_after(0, &EventFilter::default(), 100_000).await.unwrap();
        let numbers: Vec<u64> = events.iter().map(|event| event.sequence).collect();
        let last = numbers.last().copied().unwrap_or_default();
        assert!(last >= acknowledged, "{last} of {acknowledged} acknowledged events are left");
        assert_eq!(numbers, (1..=last).collect::<Vec<_>>());
        let letters = store.letters_after("operator", 0, 100_000).await.unwrap();
        assert_eq!(letters.len() as u64, last, "an event without its letter, or the reverse");
        store.close().await;
    });
}

/// Writes until it is killed, and says after each commit how many events are stored.
#[test]
#[ignore = "the process that another test kills"]
fn writer() {
    let Ok(url) = std::env::var(DATABASE) else { return };
    let address = match url.strip_prefix("sqlite://") {
        Some(path) => {
            let path = path.trim_end_matches("?mode=rwc").replace("%20", " ");
            Address::Sqlite(path.into())
        }
        None => Address::Postgres(url),
    };
    block_on(async {
        let store = Store::open(&address).await.unwrap();
        for number in 1_u64.. {
            let events = vec![event("bank", Some(number), "crash")];
            let letters = vec![letter("operator")];
            store.commit(&Batch { events, letters, ..Batch::default() }).await.unwrap();
            writeln!(std::io::stderr().lock(), "acknowledged {number}").unwrap();
        }
    });
}
