use super::{Act, Entry, Journal, LOG_BYTES_MAX, Refusal, Taken};
use crate::canonical::{Digest, Flaw, Signed};
use crate::jobs::JobAct;
use crate::members::{Card, Keyring};
use crate::sample::{Party, at, bank, clinic, keys, operator};

const TOPIC: Digest = Digest::new([1; 32]);

fn entry(by: &Party, number: u32, previous: Digest) -> Entry<JobAct> {
    let (author, act) = (by.id(), JobAct::Approve);
    Entry { topic: TOPIC, author, number, previous, made_at: at(1), act }
}

fn taken(by: &Party, number: u32) -> Result<Taken, Refusal> {
    let mut journal = Journal::new(TOPIC, [bank().id(), operator().id()]);
    journal.take(by.sign(entry(by, number, TOPIC)), &keys())
}

#[test]
fn what_cannot_be_placed_is_refused_or_waits() {
    assert_eq!(taken(&bank(), 0), Ok(Taken::New));
    assert_eq!(taken(&bank(), 64), Ok(Taken::Early { wanted: 0 }));
    assert_eq!(taken(&bank(), 65), Err(Refusal::TooEarly { wanted: 0 }));
    let most = JobAct::ENTRIES_MAX;
    assert_eq!(taken(&bank(), most), Err(Refusal::Full { most }));
    assert_eq!(taken(&bank(), u32::MAX), Err(Refusal::Full { most }));
    assert_eq!(taken(&clinic(), 0), Err(Refusal::NoParty));
    assert_eq!(bank().flaw(entry(&bank(), 0, Digest::new([2; 32]))), "previous");
}

fn written(journal: &mut Journal<JobAct>, by: &Party, minutes: u64) -> Signed<Entry<JobAct>> {
    let act = JobAct::Retry { attempt: 1 };
    let entry = journal.write(by.id(), act, at(minutes), by).unwrap();
    journal.restore(entry.clone());
    entry
}

#[test]
fn a_party_gets_what_it_lacks_and_the_evidence() {
    let mut ours = Journal::new(TOPIC, [bank().id(), operator().id()]);
    let first = written(&mut ours, &bank(), 1);
    let mut theirs = ours.clone();
    written(&mut ours, &bank(), 2);
    written(&mut ours, &operator(), 3);
    assert_eq!(ours.missing(&theirs.lengths()).len(), 2);
    for entry in ours.missing(&theirs.lengths()) {
        theirs.take(entry.clone(), &keys()).unwrap();
    }
    assert_eq!(ours, theirs);
    assert!(theirs.missing(&ours.lengths()).is_empty());
    let other = bank().sign(Entry { made_at: at(9), ..first.content().clone() });
    assert_eq!(ours.take(other, &keys()), Ok(Taken::Contradiction));
    for entry in ours.missing(&theirs.lengths()) {
        theirs.take(entry.clone(), &keys()).unwrap();
    }
    assert_eq!(ours, theirs);
    assert!(theirs.contradictions().contains_key(&bank().id()));
}

/// A branch that departs behind an entry known here, whose two ends arrive in either order.
#[test]
fn an_entry_behind_another_branch_is_a_contradiction() {
    let mut ours = Journal::new(TOPIC, [bank().id()]);
    let mut theirs = ours.clone();
    written(&mut ours, &bank(), 1);
    written(&mut theirs, &bank(), 2);
    let second = written(&mut theirs, &bank(), 3);
    assert_eq!(ours.take(second, &keys()), Ok(Taken::Contradiction));
    assert_eq!(ours.contradictions().len(), 1);
}

/// Entries under a stolen key are refused when they arrive, stay when they are read from the
/// store, and are replaced when they come under the new key.
#[test]
fn keys_are_asked_on_arrival_alone() {
    let (bank, new) = (bank(), Party::new("bank", 11));
    let mut ours = Journal::new(TOPIC, [bank.id()]);
    let old = written(&mut ours, &bank, 1);
    let mut keys = Keyring::default();
    let rotation = bank.rotation(bank.id(), 1, &new).content().clone();
    let rotation = bank.sign(crate::members::Rotation { compromised: true, ..rotation });
    keys.insert(&new.sign(Card { rotations: vec![rotation], ..bank.card(2) }));
    let mut theirs = Journal::new(TOPIC, [bank.id()]);
    assert_eq!(theirs.take(old.clone(), &keys), Err(Refusal::Key));
    let again = ours.sign_again(&bank.id(), &new).unwrap();
    assert_eq!(again.len(), 1);
    assert_eq!(ours.take(again[0].clone(), &keys), Ok(Taken::Renewed));
    assert_eq!(ours.take(again[0].clone(), &keys), Ok(Taken::Known));
    assert_eq!(ours.take(old.clone(), &keys), Err(Refusal::Key));
    assert_eq!(theirs.take(again[0].clone(), &keys), Ok(Taken::New));
    let mut stored = Journal::new(TOPIC, [bank.id()]);
    for entry in [old, again[0].clone()] {
        stored.restore(entry);
    }
    assert_eq!((&stored, &theirs), (&ours, &ours));
    assert!(stored.sign_again(&bank.id(), &new).unwrap().is_empty());
}

/// An act of half a mebibyte.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
struct Long(String);

impl Act for Long {
    const DOMAIN: &'static str = "governance/test entry";
    const BYTES_MAX: usize = 1 << 20;
    const ENTRIES_MAX: u32 = 100;

    fn check(&self) -> Result<(), Flaw> {
        Ok(())
    }
}

#[test]
fn a_log_is_full_at_all_parties_alike() {
    let bank = bank();
    let mut ours = Journal::new(TOPIC, [bank.id()]);
    let mut entries = Vec::new();
    let flaw = loop {
        let act = Long("a".repeat(1 << 19));
        match ours.write(bank.id(), act, at(1), &bank) {
            Ok(entry) => {
                ours.restore(entry.clone());
                entries.push(entry);
            }
            Err(flaw) => break flaw,
        }
    };
    assert_eq!((flaw.field, entries.len()), ("log", 15));
    assert!(entries.iter().map(Signed::length).sum::<usize>() <= LOG_BYTES_MAX);
    let mut theirs = Journal::new(TOPIC, [bank.id()]);
    let early = |journal: &Journal<_>| {
        let wait = |it: &&_| matches!(journal.examine(it, &keys()), Ok(Taken::Early { .. }));
        entries.iter().skip(1).filter(wait).count()
    };
    assert_eq!(early(&theirs), 14);
    for entry in entries.iter().skip(1) {
        let _ = theirs.take(entry.clone(), &keys());
    }
    let wanted = Refusal::TooEarly { wanted: 0 };
    assert_eq!(theirs.examine(&entries[9], &keys()), Err(wanted), "no more than 2 MiB wait");
    for entry in &entries {
        theirs.take(entry.clone(), &keys()).unwrap();
    }
    assert_eq!(ours, theirs);
    let (author, previous) = (bank.id(), entries[14].digest());
    let more = Long("a".repeat(1 << 19));
    let more = Entry { topic: TOPIC, author, number: 15, previous, made_at: at(1), act: more };
    assert_eq!(theirs.take(bank.sign(more), &keys()), Err(Refusal::Full { most: 100 }));
}
