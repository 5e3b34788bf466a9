use std::collections::{BTreeMap, BTreeSet};

use contract::JobDigest;
use proptest::prelude::*;

use super::*;
use crate::canonical::{Digest, Signed};
use crate::journal::{self, Entry, Taken};
use crate::members::Nonce;
use crate::sample::{Party, at, bank, clinic, keys, operator};
use crate::time::Time;

fn submission(nonce: u8) -> Submission {
    Submission {
        job: JobDigest::new([7; 32]),
        name: "term-deposit".to_owned(),
        agreement: Digest::new([1; 32]),
        parties: [bank(), operator(), clinic()].map(|party| party.id()).into(),
        tables: [bank(), operator(), clinic()].map(|it| (it.id(), "rows".to_owned())).into(),
        submitter: bank().id(),
        submitted_at: at(0),
        nonce: Nonce([nonce; 16]),
        steps: ["align", "train", "evaluate"].map(str::to_owned).into(),
    }
}

fn job(nonce: u8) -> Job {
    Job::new(bank().sign(submission(nonce)), &keys()).unwrap()
}

fn write(job: &Job, by: &Party, act: JobAct, now: Time) -> Signed<Entry<JobAct>> {
    job.journal().write(by.id(), act, now, by).unwrap()
}

fn say(job: &mut Job, by: &Party, act: JobAct, minutes: u64) {
    let act = job.decide(&by.id(), act).unwrap();
    let entry = write(job, by, act, at(minutes));
    assert_eq!(job.take(entry, &keys()), Ok(Taken::New));
}

fn step(attempt: u32, step: u32) -> JobAct {
    JobAct::Step { attempt, step }
}

fn failed(attempt: u32, by: &Party) -> JobAct {
    let (code, sentence) = ("E2107".to_owned(), "the disk is full".to_owned());
    JobAct::Failed { attempt, code, at: by.id(), sentence }
}

fn finished(attempt: u32) -> JobAct {
    let results = BTreeMap::from([("model".to_owned(), Digest::new([attempt as u8; 32]))]);
    JobAct::Finished { attempt, results }
}

fn waiting(job: &Job) -> Vec<(Party, WaitingFor, Time)> {
    let party = |id| [bank(), operator(), clinic()].into_iter().find(|party| party.id() == id);
    let waiting = job.view().waiting.into_iter();
    let mut waiting: Vec<_> =
        waiting.map(|it| (party(it.party).unwrap(), it.what, it.since)).collect();
    waiting.sort_by_key(|(party, ..)| party.name);
    waiting
}

fn names(job: &Job) -> Vec<(&'static str, WaitingFor, Time)> {
    waiting(job).into_iter().map(|(party, what, since)| (party.name, what, since)).collect()
}

fn approved() -> Job {
    let mut job = job(1);
    say(&mut job, &operator(), JobAct::Approve, 5);
    say(&mut job, &clinic(), JobAct::Approve, 6);
    job
}

#[test]
fn a_run_says_in_every_state_who_is_waited_for() {
    use WaitingFor::{Approval, Connection, Finish, Start};
    let mut job = job(1);
    let (bank, operator, clinic) = (bank(), operator(), clinic());
    assert_eq!(job.view().state, State::AwaitingApproval);
    assert_eq!(names(&job), [("clinic", Approval, at(0)), ("operator", Approval, at(0))]);
    assert_eq!(job.decide(&bank.id(), step(1, 0)), Err(Refusal::NotApproved));
    say(&mut job, &operator, JobAct::Approve, 5);
    say(&mut job, &clinic, JobAct::Approve, 6);
    assert_eq!(job.view().state, State::Queued);
    assert_eq!(names(&job).len(), 3);
    for party in [&bank, &operator, &clinic] {
        say(&mut job, party, step(1, 0), 7);
    }
    assert_eq!(names(&job), []);
    say(&mut job, &bank, step(1, 1), 8);
    let at_step = [bank.id()].into();
    assert_eq!(job.view().state, State::Running { attempt: 1, step: 1, of: 3, at: at_step });
    assert_eq!(
        names(&job),
        [("clinic", WaitingFor::Step(1), at(8)), ("operator", WaitingFor::Step(1), at(8))]
    );
    say(&mut job, &bank, JobAct::Interrupted { attempt: 1, waits_for: clinic.id() }, 9);
    assert!(matches!(job.view().state, State::Interrupted { .. }));
    assert_eq!(names(&job), [("clinic", Connection, at(9))]);
    say(&mut job, &bank, JobAct::Retry { attempt: 2 }, 10);
    assert_eq!(names(&job), [("clinic", Start, at(10)), ("operator", Start, at(10))]);
    for party in [&operator, &clinic] {
        say(&mut job, party, JobAct::Retry { attempt: 2 }, 11);
        say(&mut job, party, step(2, 2), 12);
        say(&mut job, party, finished(2), 13);
    }
    assert_eq!(names(&job), [("bank", Finish, at(13))]);
    say(&mut job, &bank, finished(2), 14);
    let view = job.view();
    assert!(matches!(&view.state, State::Finished { attempt: 2, results } if results.len() == 3));
    assert_eq!((view.attempts.len(), view.waiting.len()), (2, 0), "the first attempt stays");
    assert_eq!(job.decide(&bank.id(), JobAct::Retry { attempt: 3 }), Err(Refusal::Over));
}

#[test]
fn failures_name_code_and_party_at_every_party() {
    let mut job = approved();
    say(&mut job, &bank(), step(1, 0), 7);
    say(&mut job, &operator(), failed(1, &operator()), 8);
    let State::Failed { attempt: 1, failures } = job.view().state else { panic!() };
    let (code, at_party, sentence) = &failures[&operator().id()];
    assert_eq!((code.as_str(), *at_party), ("E2107", operator().id()));
    assert_eq!(sentence, "the disk is full");
    assert_eq!(names(&job), [("operator", WaitingFor::Retry, at(8))]);
    let refused = |party: &Party, act| job.decide(&party.id(), act).unwrap_err();
    assert_eq!(refused(&operator(), step(1, 1)), Refusal::GivenUp);
    assert_eq!(refused(&operator(), JobAct::Retry { attempt: 3 }), Refusal::OtherAttempt(1));
    assert_eq!(refused(&bank(), step(2, 0)), Refusal::OtherAttempt(1));
    assert_eq!(refused(&bank(), step(1, 0)), Refusal::NoStep);
    assert_eq!(refused(&bank(), step(1, 3)), Refusal::NoStep);
    assert_eq!(refused(&operator(), JobAct::Approve), Refusal::Already);
    let reason = "no".to_owned();
    assert_eq!(refused(&operator(), JobAct::Refuse { reason }), Refusal::Approved);
    assert_eq!(refused(&Party::new("stranger", 4), JobAct::Approve), Refusal::NoParty);
    say(&mut job, &clinic(), JobAct::Cancel { reason: "enough".to_owned() }, 9);
    assert!(matches!(job.view().state, State::Cancelled(_)));
}

#[test]
fn a_party_refuses_and_the_run_is_over() {
    let mut job = job(1);
    say(&mut job, &clinic(), JobAct::Refuse { reason: "not agreed".to_owned() }, 1);
    let refused = BTreeMap::from([(clinic().id(), "not agreed".to_owned())]);
    assert_eq!(job.view().state, State::Refused(refused));
    assert_eq!(job.decide(&operator().id(), JobAct::Approve), Err(Refusal::Over));
}

#[test]
fn an_approval_of_another_run_or_by_another_key_is_refused() {
    let mut second = job(2);
    let replayed = write(&job(1), &operator(), JobAct::Approve, at(5));
    assert_eq!(second.take(replayed, &keys()), Err(journal::Refusal::OtherTopic));
    let entry = write(&second, &operator(), JobAct::Approve, at(5)).content().clone();
    let forged = second.take(bank().sign(entry), &keys());
    assert_eq!(forged, Err(journal::Refusal::Key));
    assert!(Job::new(operator().sign(submission(1)), &keys()).is_err(), "in the bank's name");
}

#[test]
fn whoever_has_finished_cannot_cancel_but_can_try_again_with_the_others() {
    let mut job = approved();
    say(&mut job, &bank(), finished(1), 8);
    let cancel = JobAct::Cancel { reason: "late".to_owned() };
    assert_eq!(job.decide(&bank().id(), cancel.clone()), Err(Refusal::Finished));
    // Said all the same, it counts nowhere.
    let entry = write(&job, &bank(), cancel, at(9));
    job.take(entry, &keys()).unwrap();
    assert!(matches!(job.view().state, State::Running { .. }));
    say(&mut job, &clinic(), failed(1, &clinic()), 9);
    for party in [bank(), operator(), clinic()] {
        say(&mut job, &party, JobAct::Retry { attempt: 2 }, 10);
        say(&mut job, &party, finished(2), 11);
    }
    assert!(matches!(job.view().state, State::Finished { attempt: 2, .. }));
}

#[test]
fn a_party_that_contradicts_itself_stops_the_run_everywhere() {
    let mut one = approved();
    let mut other = one.clone();
    let says = |act| write(&one, &clinic(), act, at(9));
    let (begun, cancelled) = (says(step(1, 0)), says(JobAct::Cancel { reason: "no".to_owned() }));
    for (job, entries) in [(&mut one, [&begun, &cancelled]), (&mut other, [&cancelled, &begun])] {
        let taken = entries.map(|entry| job.take(entry.clone(), &keys()).unwrap());
        assert_eq!(taken, [Taken::New, Taken::Contradiction]);
    }
    assert_eq!(one.view(), other.view());
    assert_eq!(one.view().state, State::Disputed([clinic().id()].into()));
    assert_eq!(one.journal().contradictions()[&clinic().id()].len(), 2);
}

/// Any act at all, sensible or not.
fn any_act() -> impl Strategy<Value = JobAct> {
    let attempt = 1_u32..4;
    let reason = || "reason".to_owned();
    prop_oneof![
        3 => Just(JobAct::Approve),
        1 => Just(JobAct::Refuse { reason: reason() }),
        1 => Just(JobAct::Cancel { reason: reason() }),
        4 => (attempt.clone(), 0_u32..4).prop_map(|(attempt, it)| step(attempt, it)),
        1 => attempt.clone().prop_map(|attempt| {
            JobAct::Interrupted { attempt, waits_for: operator().id() }
        }),
        1 => attempt.clone().prop_map(|attempt| failed(attempt, &clinic())),
        2 => attempt.clone().prop_map(finished),
        1 => attempt.prop_map(|attempt| JobAct::Retry { attempt }),
    ]
}

/// Three parties' logs of such acts, honest or not, as entries; `fork` is another ending of one.
fn entries(logs: [Vec<JobAct>; 3], fork: Option<JobAct>) -> Vec<Signed<Entry<JobAct>>> {
    let mut written = job(1);
    let mut entries = Vec::new();
    for (party, acts) in [bank(), operator(), clinic()].iter().zip(logs) {
        for (index, act) in acts.into_iter().enumerate() {
            let entry = write(&written, party, act, at(index as u64));
            written.take(entry.clone(), &keys()).unwrap();
            entries.push(entry);
        }
    }
    let last = entries.last().map(Signed::content).filter(|last| last.author == clinic().id());
    if let Some((last, act)) = last.zip(fork) {
        let other = clinic().sign(Entry { act, made_at: at(99), ..last.clone() });
        entries.push(other);
    }
    entries
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    /// Any order and repetition of the same entries gives the same view, and what is final stays.
    #[test]
    fn all_parties_converge(
        logs in prop::array::uniform3(prop::collection::vec(any_act(), 0..6)),
        fork in prop::option::weighted(0.2, any_act()),
        picks in prop::collection::vec(any::<prop::sample::Index>(), 0..30),
        keys_of_order in prop::collection::vec(any::<u32>(), 19),
    ) {
        let entries = entries(logs, fork);
        let mut straight = job(1);
        for entry in &entries {
            straight.take(entry.clone(), &keys()).unwrap();
        }
        let mut shuffled: Vec<usize> = (0..entries.len()).collect();
        shuffled.sort_by_key(|index| keys_of_order[*index]);
        let picks = picks.iter().filter(|_| !entries.is_empty());
        let repeated = picks.map(|it| it.index(entries.len()));
        let mut copy = job(1);
        let mut last: Option<State> = None;
        for index in repeated.chain(shuffled) {
            copy.take(entries[index].clone(), &keys()).unwrap();
            let state = copy.view().state;
            if let Some(last) = last.filter(State::is_final) {
                let finished = |state: &State| matches!(state, State::Finished { .. });
                let disputed = matches!(state, State::Disputed(_));
                let same = finished(&last) == finished(&state);
                let stays = state.is_final() && (same || disputed);
                prop_assert!(stays, "{:?} became {:?}", last, state);
            }
            last = Some(state);
        }
        prop_assert_eq!(copy.view(), straight.view());
        let disputed = matches!(copy.view().state, State::Disputed(_));
        prop_assert!(disputed || copy == straight, "only which statement came first may differ");
    }

    /// A run that is not over says who is waited for, unless all are in one step.
    #[test]
    fn nothing_waits_for_nobody(
        logs in prop::array::uniform3(prop::collection::vec(any_act(), 0..6)),
    ) {
        let mut job = job(1);
        for entry in entries(logs, None) {
            job.take(entry, &keys()).unwrap();
        }
        let view = job.view();
        let together = match &view.state {
            State::Running { at, .. } => at.len() == 3,
            _ => false,
        };
        prop_assert!(view.state.is_final() || together || !view.waiting.is_empty(), "{:?}", view);
        let parties: BTreeSet<_> = submission(1).parties;
        prop_assert!(view.waiting.iter().all(|it| parties.contains(&it.party)));
    }
}
