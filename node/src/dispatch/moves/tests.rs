//! What follows from what parties have said.

use std::collections::BTreeMap;

use crypto::signature::PublicKey;

use super::*;

fn member(byte: u8) -> MemberId {
    MemberId::of_key(PublicKey::new([byte; 32]))
}

fn at(milliseconds: u64) -> Time {
    Time::from_milliseconds(milliseconds)
}

fn situation() -> Situation {
    Situation {
        own: member(1),
        has_permitted: true,
        is_permitted: true,
        active: None,
        is_first: true,
        has_room: true,
        can_dial: false,
        attempts_max: 3,
        now: at(1_000_000),
    }
}

fn view(state: State, attempts: &[(u32, &[(u8, Progress)])]) -> View {
    let attempt = |(number, parties): &(u32, &[(u8, Progress)])| {
        let party =
            |(party, progress): &(u8, Progress)| (member(*party), (progress.clone(), at(0)));
        (*number, parties.iter().map(party).collect())
    };
    let attempts = attempts.iter().map(attempt).collect();
    View { state, approvals: BTreeMap::new(), attempts, waiting: Vec::new() }
}

fn failed(attempt: u32, code: &str) -> State {
    let failure = (code.to_owned(), member(2), "a sentence".to_owned());
    State::Failed { attempt, failures: BTreeMap::from([(member(2), failure)]) }
}

#[test]
fn nothing_starts_before_all_have_given_their_leave() {
    let queued = view(State::Queued, &[]);
    assert_eq!(next(&view(State::AwaitingApproval, &[]), &situation()), Move::Wait);
    let without = Situation { has_permitted: false, is_permitted: false, ..situation() };
    assert_eq!(next(&queued, &without), Move::Permit);
    assert_eq!(next(&queued, &Situation { is_permitted: false, ..situation() }), Move::Wait);
    assert_eq!(next(&queued, &situation()), Move::Start { attempt: 1 });
}

#[test]
fn the_first_party_waits_for_room_and_others_for_those_before_them() {
    let queued = view(State::Queued, &[]);
    assert_eq!(next(&queued, &Situation { has_room: false, ..situation() }), Move::Wait);
    let second = Situation { is_first: false, has_room: false, ..situation() };
    assert_eq!(next(&queued, &second), Move::Wait);
    let dials = Situation { can_dial: true, ..second };
    assert_eq!(next(&queued, &dials), Move::Start { attempt: 1 });
    assert_eq!(next(&queued, &Situation { active: Some(1), ..dials }), Move::Wait);
}

#[test]
fn what_is_over_is_stopped_and_closed() {
    let over = view(State::Cancelled(BTreeMap::new()), &[]);
    assert_eq!(next(&over, &Situation { active: Some(1), ..situation() }), Move::Stop);
    assert_eq!(next(&over, &situation()), Move::Close);
}

#[test]
fn a_process_of_an_earlier_life_is_given_up_and_a_further_attempt_begun() {
    let running = State::Running { attempt: 1, step: 0, of: 2, at: [member(1)].into() };
    let parties: &[(u8, Progress)] = &[(1, Progress::Step(0)), (2, Progress::Step(0))];
    let lost = view(running, &[(1, parties)]);
    assert_eq!(next(&lost, &situation()), Move::Lost { attempt: 1 });

    let gone = Progress::Failed("killed".to_owned(), member(1), "gone".to_owned());
    let parties: &[(u8, Progress)] = &[(1, gone)];
    let after = view(failed(1, "killed"), &[(1, parties)]);
    assert_eq!(next(&after, &situation()), Move::Retry { attempt: 2 });
    assert_eq!(next(&after, &Situation { now: at(10), ..situation() }), Move::Wait, "a pause");
    assert_eq!(next(&after, &Situation { is_first: false, ..situation() }), Move::Wait);
    assert_eq!(next(&after, &Situation { attempts_max: 1, ..situation() }), Move::Wait);
    let active = Situation { active: Some(1), ..situation() };
    assert_eq!(next(&after, &active), Move::Stop, "the other side is gone");
    assert_eq!(next(&after, &Situation { now: at(10), ..active }), Move::Wait);
    for code in ["data", "partner_misbehaved", "made up"] {
        let after = view(failed(1, code), &[(1, parties)]);
        assert_eq!(next(&after, &situation()), Move::Wait, "{code}: people have to do something");
    }
}
