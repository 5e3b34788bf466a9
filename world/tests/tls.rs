//! Conversations over mutual TLS: the same results as in memory, cuts, identities, refusals.

use std::time::{Duration, Instant};

use net::transport::grpc::{Listener, dial};
use net::{Identity, NetError, Session, Settings, Size};
use tombolo_world as world;

const MIB: usize = 1 << 20;

/// Rounds of small messages, then a big one each way.
async fn talk(mut session: Session, rounds: u64, big: usize) -> Result<u64, NetError> {
    let mut sum = 0;
    for round in 0..rounds {
        let mut child = session.fork(&format!("round.{round}"))?;
        sum += child.exchange_words("number", &[round], 1).await?[0];
    }
    let bytes: Vec<u8> = (0..big).map(|index| index as u8).collect();
    let got = session.exchange_bytes("big", bytes.clone(), Size::Exactly(big)).await?;
    assert!(got == bytes);
    Ok(sum)
}

#[test]
fn tls_says_what_memory_says() {
    let run = |session| talk(session, 20, 9 * MIB + 1);
    let settings = Settings::default();
    let over_tls = world::pair_over_tls(1, &settings, None, run, run);
    assert_eq!(over_tls.first.unwrap(), 190);
    assert_eq!(over_tls.second.unwrap(), 190);
    for closed in over_tls.closed {
        closed.unwrap();
    }
    let in_memory = world::pair(1, run, run);
    assert_eq!(over_tls.transcript.hash(), in_memory.transcript.hash());
}

#[test]
fn a_short_cut_loses_and_repeats_nothing() {
    let proxy = world::Proxy::start().unwrap();
    let run = |session| talk(session, 3000, 30 * MIB);
    let outcome = std::thread::scope(|scope| {
        let cutter = scope.spawn(|| {
            for _ in 0..3 {
                std::thread::sleep(Duration::from_millis(150));
                proxy.cut();
                std::thread::sleep(Duration::from_millis(100));
                proxy.restore();
            }
        });
        let settings = Settings::default();
        let outcome = world::pair_over_tls(2, &settings, Some(&proxy), run, run);
        cutter.join().unwrap();
        outcome
    });
    assert_eq!(outcome.first.unwrap(), 2999 * 1500);
    assert_eq!(outcome.second.unwrap(), 2999 * 1500);
    let in_memory = world::pair(2, run, run);
    assert_eq!(outcome.transcript.hash(), in_memory.transcript.hash());
}

#[test]
fn a_cut_beyond_the_window_names_peer_step_and_time() {
    let proxy = world::Proxy::start().unwrap();
    let settings = Settings { reconnect_window: Duration::from_millis(500), ..Settings::default() };
    let wait = |mut session: Session| async move {
        let mut child = session.fork("train")?;
        child.exchange_words("begin", &[1], 1).await?;
        if child.is_first() {
            child.receive_words("never", 1).await
        } else {
            child.receive_words("also.never", 1).await
        }
    };
    let outcome = std::thread::scope(|scope| {
        scope.spawn(|| {
            std::thread::sleep(Duration::from_millis(600));
            proxy.cut();
        });
        world::pair_over_tls(3, &settings, Some(&proxy), wait, wait)
    });
    let text = outcome.first.unwrap_err().to_string();
    assert!(text.contains("second") && text.contains("train/never"), "{text}");
    assert!(text.contains("lost the connection") && text.contains("UTC"), "{text}");
    let error = outcome.second.unwrap_err();
    assert!(matches!(error, NetError::Disconnected { .. }), "{error}");
}

#[test]
fn another_key_is_refused_on_both_sides() {
    let settings = Settings { connect_timeout: Duration::from_millis(800), ..Settings::default() };
    let (mut one, two) = world::peerings(4, &settings).unwrap();
    let wrong = Identity::generate("second").unwrap().public_key();
    one.peer_key = wrong;
    let seen = two.identity.public_key().to_string();
    let (first, second) = meet(one, two);
    let error = first.unwrap_err();
    assert!(matches!(error, NetError::IdentityMismatch { .. }), "{error}");
    let text = error.to_string();
    assert!(text.contains(&wrong.to_string()) && text.contains(&seen), "{text}");
    assert!(second.unwrap_err().is_connection());

    let (one, mut two) = world::peerings(5, &settings).unwrap();
    two.peer_key = wrong;
    let start = Instant::now();
    let (_, second) = meet(one, two);
    let error = second.unwrap_err();
    assert!(matches!(error, NetError::IdentityMismatch { .. }), "{error}");
    assert!(start.elapsed() < Duration::from_secs(5));
}

#[test]
fn different_jobs_are_refused_with_both_digests() {
    let (one, mut two) = world::peerings(6, &Settings::default()).unwrap();
    two.job_digest[0] ^= 1;
    let digests = [one.job_digest, two.job_digest];
    let start = Instant::now();
    let (first, second) = meet(one, two);
    for error in [first.unwrap_err(), second.unwrap_err()] {
        let text = error.to_string();
        assert!(text.contains("the two job files differ"), "{text}");
        for digest in digests {
            let hex = blake3::Hash::from(digest).to_hex();
            assert!(text.contains(hex.as_str()), "{text}");
        }
    }
    assert!(start.elapsed() < Duration::from_secs(5));
}

#[test]
fn both_sides_hold_the_signatures_of_both() {
    let (one, two) = world::peerings(7, &Settings::default()).unwrap();
    let (digest, key) = (one.job_digest, two.identity.public_key());
    let (first, second) = meet(one, two);
    let (first, second) = (first.unwrap(), second.unwrap());
    let theirs = &first.attestations().unwrap().theirs;
    let mine = &second.attestations().unwrap().mine;
    assert_eq!((theirs.key, theirs.statement.clone()), (key, mine.statement.clone()));
    assert!(theirs.is_valid());
    assert!(theirs.statement.windows(32).any(|window| window == digest));
}

type Opened = Result<net::Conversation, NetError>;

fn meet(
    one: net::transport::grpc::Peering,
    two: net::transport::grpc::Peering,
) -> (Opened, Opened) {
    let opened = net::block_on(async {
        let listener = Listener::bind("127.0.0.1:0", &one.identity).await?;
        let address = listener.local_address().to_string();
        Ok(tokio::join!(listener.accept(one), dial(&address, two)))
    });
    match opened.and_then(|opened| opened) {
        Ok(opened) => opened,
        Err(error) => (Err(error.clone()), Err(error)),
    }
}
