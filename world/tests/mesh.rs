//! More than two parties in one process.

use net::{NetError, Session};
use tombolo_world as world;
use world::{Fault, FaultKind, MeshFault, Side};

/// Each party tells its number to each other one, and adds up what it hears.
async fn add(number: usize, sessions: Vec<Session>) -> Result<u64, NetError> {
    let mut sum = number as u64;
    for mut session in sessions {
        let theirs = session.exchange_words("number", &[number as u64], 1).await?;
        sum = sum.wrapping_add(theirs[0]);
    }
    Ok(sum)
}

#[test]
fn each_two_parties_have_a_conversation_of_their_own() {
    let outcome = world::mesh(1, 4, add);
    let sums: Vec<u64> = outcome.results.iter().map(|sum| *sum.as_ref().unwrap()).collect();
    assert_eq!(sums, [6; 4]);
    assert!(outcome.closed.iter().all(Result::is_ok));
    assert_eq!((outcome.transcripts.len(), outcome.bytes()), (6, 6 * 16));
    assert_eq!(outcome.transcripts[&(1, 3)].bytes_of(Side::Second, "number"), 8);
    assert_eq!(world::mesh(1, 4, add).hash(), outcome.hash());
}

#[test]
fn sessions_are_ordered_and_the_smaller_number_is_first() {
    let see = |number, sessions: Vec<Session>| async move {
        let peers: Vec<String> = sessions.iter().map(|it| it.peer().to_owned()).collect();
        let firsts = sessions.iter().filter(|session| session.is_first()).count();
        (number, peers, firsts)
    };
    let seen = world::mesh(1, 3, see).results;
    assert_eq!(seen[1], (1, vec!["party.0".to_owned(), "party.2".to_owned()], 1));
    assert_eq!(seen[0].2, 2);
}

#[test]
fn no_two_sessions_of_a_party_share_randomness() {
    let draw = |_, sessions: Vec<Session>| async move {
        sessions.iter().map(|session| session.rng().next_u64()).collect::<Vec<_>>()
    };
    let mut all = world::mesh(1, 3, draw).results.concat();
    assert_eq!(world::mesh(1, 3, draw).results.concat(), all);
    all.sort_unstable();
    all.dedup();
    assert_eq!(all.len(), 6);
}

#[test]
fn a_fault_between_two_parties_ends_the_run_of_all() {
    let fault = Fault {
        path_step: "number".to_owned(),
        occurrence: 0,
        kind: FaultKind::Drop,
        from: Side::Second,
    };
    let outcome = world::mesh_with_fault(1, 3, MeshFault { between: (0, 1), fault }, add);
    // Each waits for another one that waits.
    assert!(outcome.results.iter().all(Result::is_err));
}

#[test]
fn sweeps_reach_every_pair() {
    let report = world::hostile::sweep_mesh(8, 3, |_| true, add);
    assert_eq!(report.runs, 3 * 2 * 14);
    assert!(report.unnoticed.iter().any(|fault| fault.between == (1, 2)));
}
