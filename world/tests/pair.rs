//! The memory transport, sessions and the world together.

use net::{NetError, Session, Size};
use tombolo_world as world;
use world::Side;

async fn add(mut session: Session, mine: u64) -> Result<u64, NetError> {
    let mut child = session.fork("child.0")?;
    let theirs = child.exchange_words("share", &[mine], 1).await?;
    if session.is_first() {
        session.send_bytes("big", vec![7; 3_000_000]).await?;
    } else {
        let big = session.receive_bytes("big", Size::AtMost(4_000_000)).await?;
        assert_eq!(big, vec![7; 3_000_000]);
    }
    Ok(session.compute(|| mine + theirs[0]).await)
}

#[test]
fn both_sides_compute_the_sum() {
    let outcome = world::pair(1, |session| add(session, 2), |session| add(session, 40));
    assert_eq!((outcome.first.unwrap(), outcome.second.unwrap()), (42, 42));
    let transcript = outcome.transcript;
    assert_eq!(transcript.bytes(), 16 + 3_000_000);
    assert_eq!(transcript.rounds(), 1);
    assert_eq!(transcript.bytes_of(Side::First, "child.0/"), 8);
    assert_eq!(transcript.messages(), 3);
    let again = world::pair(1, |session| add(session, 2), |session| add(session, 40));
    assert_eq!(again.transcript.hash(), transcript.hash());
}

#[test]
fn randomness_derives_from_seed_party_path_and_count() {
    async fn draw(mut session: Session) -> [u64; 3] {
        let mut child = session.fork("child").unwrap();
        let fork = child.fork("again").unwrap();
        [session.rng().next_u64(), session.rng().next_u64(), fork.rng().next_u64()]
    }
    let outcome = world::pair(5, draw, draw);
    let again = world::pair(5, draw, draw);
    assert_eq!((outcome.first, outcome.second), (again.first, again.second));
    let mut all = [outcome.first, outcome.second].concat();
    all.sort_unstable();
    all.dedup();
    assert_eq!(all.len(), 6);
}

#[test]
fn parties_that_drift_apart_are_told_the_step() {
    let outcome = world::pair(
        2,
        |mut session| async move { session.send_bytes("apples", vec![1]).await },
        |mut session| async move { session.receive_bytes("pears", Size::Exactly(1)).await },
    );
    let error = outcome.second.unwrap_err();
    assert!(matches!(&error, NetError::PeerMisbehaved { step, .. } if step == "pears"), "{error}");
    assert!(error.to_string().contains("apples"), "{error}");
}

#[test]
fn a_message_above_its_bound_is_refused() {
    let outcome = world::pair(
        3,
        |mut session| async move { session.send_bytes("x", vec![0; 100]).await },
        |mut session| async move { session.receive_bytes("x", Size::AtMost(99)).await },
    );
    assert!(matches!(outcome.second, Err(NetError::PeerMisbehaved { .. })));
}

#[test]
fn a_party_that_ends_early_frees_the_other() {
    let outcome = world::pair(
        4,
        |_session| async {},
        |mut session| async move { session.receive_bytes("x", Size::AtMost(99)).await },
    );
    assert!(matches!(outcome.second, Err(NetError::PeerFinished { step, .. }) if step == "x"));
}

#[test]
fn fork_names_are_checked_and_used_once() {
    let check = |mut session: Session| async move {
        session.fork("a").unwrap();
        for name in ["a", "", "a/b", "é"] {
            assert!(matches!(session.fork(name), Err(NetError::InvalidInput { .. })), "{name}");
        }
    };
    world::pair(6, check, check);
}

#[test]
fn siblings_run_side_by_side() {
    async fn run(mut session: Session) -> Result<(), NetError> {
        let mut left = session.fork("left")?;
        let mut right = session.fork("right")?;
        // Opposite orders on the two sides: only separate channels survive this.
        let (a, b) = tokio::join!(left.exchange_words("x", &[1], 1), async {
            if right.is_first() {
                right.send_words("y", &[2]).await?;
                right.receive_words("z", 1).await
            } else {
                let got = right.receive_words("y", 1).await?;
                right.send_words("z", &got).await?;
                Ok(got)
            }
        });
        assert_eq!((a?, b?), (vec![1], vec![2]));
        Ok(())
    }
    let outcome = world::pair(7, run, run);
    outcome.first.and(outcome.second).unwrap();
}

#[test]
fn every_fault_is_noticed_and_nothing_hangs() {
    let run = |session: Session| {
        let mine = if session.is_first() { 2 } else { 40 };
        add_small(session, mine)
    };
    let report = world::hostile::sweep(8, run, run);
    assert_eq!(report.runs, 4 * 14);
    // A shifted summand is a valid summand.
    assert!(!report.unnoticed.is_empty());
}

async fn add_small(mut session: Session, mine: u64) -> Result<u64, NetError> {
    let mut sum = 0;
    for index in 0..3 {
        let mut child = session.fork(&format!("child.{index}"))?;
        let theirs = child.exchange_words("share", &[mine], 1).await?;
        sum = mine.wrapping_add(theirs[0]).wrapping_add(sum);
    }
    Ok(sum)
}
