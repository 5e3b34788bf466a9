use std::sync::Mutex;

use super::*;

/// Collects what people are told.
#[derive(Default)]
struct Notes(Mutex<Vec<String>>);

impl Watch for Notes {
    fn see(&self, event: Event) {
        if let Event::Note { text } = event {
            self.0.lock().unwrap().push(text.en.into_owned());
        }
    }
}

impl Notes {
    fn taken(&self) -> Vec<String> {
        std::mem::take(&mut self.0.lock().unwrap())
    }
}

const RUN: [u8; RUN_BYTES] = [3; RUN_BYTES];
const ORIGIN: [u8; 32] = [1; 32];

fn ledger() -> Arc<Ledger> {
    Arc::new(Ledger::new(["train.stop"]))
}

fn mark(number: u64) -> Mark {
    Mark { run: RUN, number }
}

/// A run that keeps `states` after a stop bit each.
fn keep(folder: &Path, notes: &Notes, states: std::ops::RangeInclusive<usize>) {
    let ledger = ledger();
    let mut store = Store::open(folder, "train", &ORIGIN, &ledger, notes);
    store.begin(RUN, None).unwrap();
    for number in states {
        ledger.record("train.stop", "all", 1).unwrap();
        store.keep(number, vec![number as u8; 40]);
    }
}

#[test]
fn the_last_two_states_are_there_with_what_was_opened() {
    let (folder, notes) = (tempfile::tempdir().unwrap(), Notes::default());
    let folder = folder.path().join("private");
    keep(&folder, &notes, 1..=5);
    let ledger = ledger();
    let mut store = Store::open(&folder, "train", &ORIGIN, &ledger, &notes);
    assert_eq!(store.marks().len(), 2);
    assert!(store.marks().contains(&mark(4)) && store.marks().contains(&mark(5)));
    store.begin([4; RUN_BYTES], Some(mark(4))).unwrap();
    assert_eq!(store.resumed(), Some(vec![4; 40]));
    assert_eq!(store.resumed(), None);
    assert_eq!(ledger.observed()[0].count, 4, "bits of the earlier run count");

    // What was reached before the stop and not gone on from is no state any more, and the state
    // gone on from stays until there are two newer ones.
    store.keep(5, vec![50; 40]);
    let again = Store::open(&folder, "train", &ORIGIN, &ledger, &notes);
    let newer = |number| Mark { run: [4; RUN_BYTES], number };
    assert!(again.marks().contains(&mark(4)) && again.marks().contains(&newer(5)));
    store.keep(6, vec![60; 40]);
    let again = Store::open(&folder, "train", &ORIGIN, &ledger, &notes);
    assert!(again.marks().contains(&newer(5)) && again.marks().contains(&newer(6)));
    assert!(notes.taken().is_empty());
}

/// A run that begins anew, as where the peer was started with another folder for its results.
#[test]
fn states_that_nobody_goes_on_from_stay_until_newer_ones_take_their_places() {
    let (folder, notes, ledger) = (tempfile::tempdir().unwrap(), Notes::default(), ledger());
    keep(folder.path(), &notes, 1..=5);
    let open = || Store::open(folder.path(), "train", &ORIGIN, &ledger, &notes);
    let mut store = open();
    store.begin([4; RUN_BYTES], None).unwrap();
    assert_eq!(store.resumed(), None);
    assert!(ledger.observed().is_empty());
    let newer = |number| Mark { run: [4; RUN_BYTES], number };
    let holds = |expected: [Mark; 2]| {
        let marks = open().marks();
        marks.len() == 2 && expected.iter().all(|mark| marks.contains(mark))
    };
    assert!(holds([mark(4), mark(5)]));
    store.keep(1, vec![1; 40]);
    assert!(holds([mark(5), newer(1)]));
    store.keep(2, vec![2; 40]);
    assert!(holds([newer(1), newer(2)]));
}

#[cfg(unix)]
#[test]
fn states_are_private_and_nothing_else_is_left() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path().join("private");
    // What others could read, and what a run left that was stopped while it wrote.
    fs::create_dir(&folder).unwrap();
    fs::set_permissions(&folder, fs::Permissions::from_mode(0o755)).unwrap();
    let half = folder.join("train.a.next");
    fs::write(&half, "half a state").unwrap();
    fs::set_permissions(&half, fs::Permissions::from_mode(0o644)).unwrap();
    keep(&folder, &Notes::default(), 1..=3);
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&folder), 0o700);
    let mut names = Vec::new();
    for entry in fs::read_dir(&folder).unwrap() {
        let entry = entry.unwrap();
        assert_eq!(mode(&entry.path()), 0o600);
        names.push(entry.file_name().into_string().unwrap());
    }
    names.sort();
    assert_eq!(names, ["train.a", "train.b"]);
}

/// Every way in which a file can be broken leaves the other one usable, and is told.
#[test]
fn states_that_are_broken_or_of_others_are_not_used() {
    let (folder, notes) = (tempfile::tempdir().unwrap(), Notes::default());
    keep(folder.path(), &notes, 1..=2);
    let broken = folder.path().join("train.b");
    let whole = fs::read(&broken).unwrap();
    let mut flipped = whole.clone();
    flipped[whole.len() / 2] ^= 1;
    let no_line = [&[7_u8; 20][..], &hash(&[7; 20], &[])].concat();
    let no_header = [&b"{}\n"[..], &hash(b"{}", &[])].concat();
    let marks = || Store::open(folder.path(), "train", &ORIGIN, &ledger(), &notes).marks();
    for contents in [&whole[..whole.len() - 1], &whole[..9], &flipped, &no_line, &no_header, &[]] {
        fs::write(&broken, contents).unwrap();
        assert_eq!(marks().len(), 1);
        let why = if contents == no_header { "another version" } else { "damaged" };
        assert!(notes.taken()[0].contains(why));
    }
    let others = Store::open(folder.path(), "train", &[2; 32], &ledger(), &notes).marks();
    assert!(others.is_empty());
    assert!(notes.taken()[0].contains("another job"));
}

#[test]
fn a_state_that_cannot_be_written_is_told_once() {
    let (folder, notes) = (tempfile::tempdir().unwrap(), Notes::default());
    let file = folder.path().join("file");
    fs::write(&file, "no folder").unwrap();
    keep(&file, &notes, 1..=3);
    let told = notes.taken();
    assert!(told.iter().filter(|text| text.contains("could not be written")).count() == 1);

    // Nor is half of it left, where something else is in its place.
    let place = folder.path().join("train.a");
    fs::create_dir(&place).unwrap();
    keep(folder.path(), &notes, 1..=3);
    let told = notes.taken();
    assert!(told.iter().filter(|text| text.contains("could not be written")).count() == 1);
    assert!(place.is_dir() && !folder.path().join("train.a.next").exists());
}
