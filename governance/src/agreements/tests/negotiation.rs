//! What parties say about versions, and what follows.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::{table, terms};
use crate::agreements::{Agreement, AgreementAct, Countersigned, Line, Refusal, State, Terms};
use crate::canonical::{Digest, Signed, digest_of};
use crate::journal::{self, Taken};
use crate::sample::{Party, at, bank, clinic, keys, operator};
use crate::time::Time;

/// Says it at `by`'s own copy and returns the entry.
fn say(
    agreement: &mut Agreement,
    by: &Party,
    act: AgreementAct,
    now: Time,
) -> Signed<journal::Entry<AgreementAct>> {
    let act = agreement.decide(&by.id(), act, now).unwrap();
    let entry = agreement.journal().write(by.id(), act, now, by).unwrap();
    assert_eq!(agreement.take(entry.clone(), &keys()), Ok(Taken::New));
    entry
}

fn sign(version: Digest) -> AgreementAct {
    AgreementAct::Sign { version }
}

/// The agreement on the terms above, signed by both.
pub(crate) fn concluded() -> Agreement {
    let mut agreement = Agreement::new(&terms());
    say(&mut agreement, &bank(), AgreementAct::Propose(Box::new(terms())), at(1));
    let version = digest_of(&terms());
    say(&mut agreement, &bank(), sign(version), at(2));
    say(&mut agreement, &operator(), sign(version), at(3));
    agreement
}

fn second() -> Terms {
    let parent = Some(digest_of(&terms()));
    Terms { version: 2, parent, runs: 30, written_at: at(11), ..terms() }
}

#[test]
fn a_version_is_in_force_when_all_have_signed_the_same_digest() {
    let mut agreement = Agreement::new(&terms());
    say(&mut agreement, &bank(), AgreementAct::Propose(Box::new(terms())), at(1));
    let version = digest_of(&terms());
    say(&mut agreement, &bank(), sign(version), at(2));
    assert_eq!(agreement.state(at(20)), State::Negotiating);
    let waiting = agreement.waiting(at(20));
    assert_eq!((waiting[0].digest, &waiting[0].silent), (version, &[operator().id()].into()));
    assert_eq!(agreement.countersigned(&version), None);
    say(&mut agreement, &operator(), sign(version), at(3));
    assert_eq!(agreement.state(at(5)), State::NotYet(version));
    assert_eq!(agreement.in_force(at(20)), Ok((version, terms())));
    assert_eq!(agreement.state(at(1_000_000)), State::Expired(version));
    let copy = agreement.countersigned(&version).unwrap();
    assert!(copy.holds(&keys()));
    let other = Countersigned { terms: second(), ..copy.clone() };
    assert!(!other.holds(&keys()));
    let one = Countersigned { signatures: copy.signatures[..1].to_vec(), ..copy };
    assert!(!one.holds(&keys()));
}

#[test]
fn a_newer_version_takes_the_place_of_the_older_one() {
    let mut agreement = concluded();
    let newer = digest_of(&second());
    say(&mut agreement, &operator(), AgreementAct::Propose(Box::new(second())), at(12));
    say(&mut agreement, &operator(), sign(newer), at(12));
    assert_eq!(agreement.in_force(at(20)).unwrap().1, terms());
    say(&mut agreement, &bank(), sign(newer), at(13));
    assert_eq!(agreement.in_force(at(20)), Ok((newer, second())));
    let refused = |by: &Party, act| agreement.decide(&by.id(), act, at(20)).unwrap_err();
    assert_eq!(refused(&bank(), sign(newer)), Refusal::Already);
    assert_eq!(refused(&bank(), sign(digest_of(&terms()))), Refusal::Already);
    let late = Terms { runs: 5, ..second() };
    assert_eq!(refused(&bank(), AgreementAct::Propose(Box::new(late))), Refusal::Old);
    let orphan = Terms { parent: Some(Digest::new([1; 32])), ..second() };
    assert_eq!(refused(&bank(), AgreementAct::Propose(Box::new(orphan))), Refusal::NoVersion);
    let reason = "no".to_owned();
    let refuse = AgreementAct::Refuse { version: newer, reason };
    assert_eq!(refused(&bank(), refuse), Refusal::Concluded);
    assert_eq!(refused(&operator(), AgreementAct::Withdraw { version: newer }), Refusal::Concluded);
    assert_eq!(refused(&clinic(), AgreementAct::Resume), Refusal::NoParty);
    assert_eq!(refused(&bank(), AgreementAct::Resume), Refusal::Already);
}

#[test]
fn a_version_can_be_refused_withdrawn_and_commented_by_line() {
    let mut agreement = concluded();
    let newer = digest_of(&second());
    say(&mut agreement, &operator(), AgreementAct::Propose(Box::new(second())), at(12));
    let comment = |line| {
        let text = "thirty is\ntoo many".to_owned();
        AgreementAct::Comment { version: newer, line: Some(line), text }
    };
    let elsewhere = agreement.decide(&bank().id(), comment(table("salaries")), at(13));
    assert_eq!(elsewhere, Err(Refusal::NoLine));
    let steering = comment(Line::Purpose("a\u{202e}b".to_owned()));
    let unwritten = agreement.journal().write(bank().id(), steering, at(13), &bank());
    assert_eq!(unwritten.unwrap_err().field, "line");
    say(&mut agreement, &bank(), comment(Line::Runs), at(13));
    let act = AgreementAct::Withdraw { version: newer };
    assert_eq!(agreement.decide(&bank().id(), act.clone(), at(13)), Err(Refusal::NotYours));
    let reason = "too many runs".to_owned();
    say(&mut agreement, &bank(), AgreementAct::Refuse { version: newer, reason }, at(13));
    assert_eq!(agreement.waiting(at(14)), []);
    let signed = agreement.decide(&operator().id(), sign(newer), at(14));
    assert_eq!(signed, Err(Refusal::Refused));
    say(&mut agreement, &operator(), act, at(14));
    assert_eq!(agreement.decide(&bank().id(), sign(newer), at(14)), Err(Refusal::Withdrawn));
    assert_eq!(agreement.in_force(at(20)).unwrap().1, terms());
}

#[test]
fn suspending_stops_and_revoking_ends() {
    let mut agreement = concluded();
    let suspend = AgreementAct::Suspend { reason: "audit".to_owned() };
    say(&mut agreement, &bank(), suspend.clone(), at(20));
    let by = BTreeMap::from([(bank().id(), "audit".to_owned())]);
    let version = digest_of(&terms());
    assert_eq!(agreement.in_force(at(20)), Err(State::Suspended(version, by)));
    assert_eq!(agreement.decide(&bank().id(), suspend, at(20)), Err(Refusal::Already));
    let resume = AgreementAct::Resume;
    assert_eq!(agreement.decide(&operator().id(), resume, at(20)), Err(Refusal::Already));
    say(&mut agreement, &bank(), AgreementAct::Resume, at(21));
    assert!(agreement.in_force(at(21)).is_ok());
    say(&mut agreement, &operator(), AgreementAct::Revoke { reason: "over".to_owned() }, at(22));
    assert!(matches!(agreement.state(at(23)), State::Revoked(_)));
    let ended = agreement.decide(&bank().id(), AgreementAct::Propose(Box::new(second())), at(23));
    assert_eq!(ended, Err(Refusal::Ended));
}

/// The operator signs the new version while the bank takes it back: older versions stay over.
#[test]
fn a_signature_taken_back_at_the_same_time_brings_no_older_version_back() {
    let mut ours = concluded();
    let newer = digest_of(&second());
    let proposal = say(&mut ours, &bank(), AgreementAct::Propose(Box::new(second())), at(12));
    let signature = say(&mut ours, &bank(), sign(newer), at(12));
    let mut theirs = concluded();
    for entry in [signature, proposal] {
        theirs.take(entry, &keys()).unwrap();
    }
    let accepted = say(&mut theirs, &operator(), sign(newer), at(13));
    assert!(theirs.in_force(at(14)).is_ok());
    let withdrawn = say(&mut ours, &bank(), AgreementAct::Withdraw { version: newer }, at(13));
    ours.take(accepted, &keys()).unwrap();
    theirs.take(withdrawn, &keys()).unwrap();
    let state = State::TakenBack(newer, [bank().id()].into());
    assert_eq!((ours.state(at(14)), theirs.state(at(14))), (state.clone(), state));
    assert_eq!(ours.countersigned(&newer), None);
    assert!(ours.decide(&bank().id(), sign(newer), at(14)).is_ok());
}

/// A renewal that both sign before it begins leaves the present version in force until then.
#[test]
fn a_renewal_signed_ahead_begins_when_it_says() {
    let mut agreement = concluded();
    let from = at(500_000);
    let renewal = Terms { valid_from: from, valid_until: at(3_000_000), ..second() };
    let newer = digest_of(&renewal);
    say(&mut agreement, &bank(), AgreementAct::Propose(Box::new(renewal)), at(12));
    say(&mut agreement, &bank(), sign(newer), at(12));
    say(&mut agreement, &operator(), sign(newer), at(13));
    let state = |minutes| agreement.state(at(minutes));
    assert_eq!(state(9), State::NotYet(digest_of(&terms())));
    assert_eq!(state(20), State::Active(digest_of(&terms())));
    assert_eq!((state(500_000), state(3_000_000)), (State::Active(newer), State::Expired(newer)));
}

#[test]
fn entries_for_other_topics_and_by_other_keys_are_refused() {
    let mut agreement = concluded();
    let other = Terms { title: "Other".to_owned(), ..terms() };
    let bank = bank();
    let write = |journal: &Agreement, act| {
        let journal = journal.journal();
        journal.write(bank.id(), act, at(20), &bank).unwrap()
    };
    let replayed = write(&Agreement::new(&other), AgreementAct::Resume);
    assert_eq!(agreement.take(replayed, &keys()), Err(journal::Refusal::OtherTopic));
    let entry = write(&agreement, AgreementAct::Resume).content().clone();
    let forged = operator().sign(entry);
    assert_eq!(agreement.take(forged, &keys()), Err(journal::Refusal::Key));
    // Two statements of one number.
    let one = write(&agreement, AgreementAct::Suspend { reason: "a".to_owned() });
    let two = write(&agreement, AgreementAct::Suspend { reason: "b".to_owned() });
    assert_eq!(agreement.take(one.clone(), &keys()), Ok(Taken::New));
    assert_eq!(agreement.take(one, &keys()), Ok(Taken::Known));
    assert_eq!(agreement.take(two, &keys()), Ok(Taken::Contradiction));
    assert_eq!(agreement.state(at(21)), State::Disputed([bank.id()].into()));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// Both sides end with the same agreement, whatever order entries arrive in.
    #[test]
    fn copies_are_equal_everywhere(order in Just((0_usize..7).collect::<Vec<_>>()).prop_shuffle()) {
        let mut written = concluded();
        let newer = digest_of(&second());
        say(&mut written, &operator(), AgreementAct::Propose(Box::new(second())), at(12));
        say(&mut written, &bank(), sign(newer), at(13));
        say(&mut written, &operator(), sign(newer), at(14));
        say(&mut written, &bank(), AgreementAct::Suspend { reason: "audit".to_owned() }, at(15));
        let entries: Vec<_> =
            written.journal().missing(&BTreeMap::new()).into_iter().cloned().collect();
        prop_assert_eq!(entries.len(), order.len());
        let mut copy = Agreement::new(&terms());
        for index in order.iter().chain(&order) {
            copy.take(entries[*index].clone(), &keys()).unwrap();
        }
        prop_assert_eq!(&copy, &written);
        prop_assert_eq!(copy.state(at(20)), written.state(at(20)));
        prop_assert_eq!(copy.countersigned(&newer), written.countersigned(&newer));
    }
}
