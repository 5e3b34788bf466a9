//! Conversations over mutual TLS: the same results as in memory, cuts, identities, refusals.

use std::io::Write;
use std::net::TcpStream;
use std::time::{Duration, Instant};

use net::transport::grpc::{Listener, dial};
use net::transport::shaped::Shape;
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
    let run = |mut session: Session| async {
        let mut sum = 0;
        for cut in 0..3 {
            sum += talk(session.fork(&format!("part.{cut}"))?, 300, 5 * MIB).await?;
            if session.is_first() {
                proxy.cut();
                std::thread::sleep(Duration::from_millis(50));
                proxy.restore();
            }
        }
        Ok::<_, NetError>(sum + talk(session, 300, 5 * MIB).await?)
    };
    let outcome = world::pair_over_tls(2, &Settings::default(), Some(&proxy), run, run);
    assert_eq!(outcome.first.unwrap(), 4 * 299 * 150);
    assert_eq!(outcome.second.unwrap(), 4 * 299 * 150);
    assert_eq!(proxy.connections(), 4);
    proxy.restore();
    let in_memory = world::pair(2, run, run);
    assert_eq!(outcome.transcript.hash(), in_memory.transcript.hash());
}

/// Waits for a message that never comes, after `happens` to the connection.
async fn wait_in_vain(mut session: Session, happens: impl Fn()) -> Result<Vec<u64>, NetError> {
    let mut child = session.fork("train")?;
    child.exchange_words("begin", &[1], 1).await?;
    if child.is_first() {
        happens();
    }
    child.receive_words("never", 1).await
}

#[test]
fn a_cut_beyond_the_window_names_peer_step_and_time() {
    let proxy = world::Proxy::start().unwrap();
    let settings = Settings { reconnect_window: Duration::from_millis(500), ..Settings::default() };
    let wait = |session| wait_in_vain(session, || proxy.cut());
    let outcome = world::pair_over_tls(3, &settings, Some(&proxy), wait, wait);
    let text = outcome.first.unwrap_err().to_string();
    for part in ["second", "train/never", "lost the connection", "UTC"] {
        assert!(text.contains(part), "{part} missing in: {text}");
    }
    let error = outcome.second.unwrap_err();
    assert!(matches!(error, NetError::Disconnected { .. }), "{error}");
}

#[test]
fn a_stopped_peer_is_noticed_by_its_silence() {
    let proxy = world::Proxy::start().unwrap();
    let settings = Settings {
        heartbeat_interval: Duration::from_millis(50),
        silence_timeout: Duration::from_millis(800),
        reconnect_window: Duration::from_millis(300),
        ..Settings::default()
    };
    let wait = |session| wait_in_vain(session, || proxy.freeze());
    let outcome = world::pair_over_tls(8, &settings, Some(&proxy), wait, wait);
    for error in [outcome.first.unwrap_err(), outcome.second.unwrap_err()] {
        assert!(matches!(error, NetError::Disconnected { .. }), "{error}");
        // The freeze may come before the second party has the first message.
        assert!(error.to_string().contains("train/"), "{error}");
    }
}

#[test]
fn a_long_computation_is_not_silence() {
    let settings = Settings {
        heartbeat_interval: Duration::from_millis(50),
        silence_timeout: Duration::from_secs(1),
        reconnect_window: Duration::from_millis(1),
        ..Settings::default()
    };
    let run = |mut session: Session| async move {
        session.compute(|| std::thread::sleep(Duration::from_millis(2500))).await;
        session.exchange_words("after", &[7], 1).await
    };
    let outcome = world::pair_over_tls(9, &settings, None, run, run);
    assert_eq!((outcome.first.unwrap(), outcome.second.unwrap()), (vec![7], vec![7]));
}

#[test]
fn an_error_on_one_side_ends_the_other_at_once() {
    let (one, two) = world::peerings(10, &Settings::default()).unwrap();
    let (first, second) = meet(one, two);
    let (first, mut second) = (first.unwrap(), second.unwrap());
    let start = Instant::now();
    let (error, ()) = net::block_on(async {
        let mut session = second.session().unwrap();
        tokio::join!(
            async { session.receive_words("gradient", 1).await.unwrap_err() },
            first.abort("column age is missing"),
        )
    })
    .unwrap();
    let text = error.to_string();
    assert!(matches!(error, NetError::PeerAborted { .. }), "{text}");
    assert!(text.contains("gradient") && text.contains("column age is missing"), "{text}");
    assert!(start.elapsed() < Duration::from_secs(5));
}

#[test]
fn a_shaped_line_takes_its_time() {
    let shape = Shape { megabits_per_second: 80.0, latency: Duration::from_millis(20) };
    let settings = Settings { shape: Some(shape), ..Settings::default() };
    let run = |mut session: Session| async move {
        session.exchange_words("warm", &[1], 1).await.unwrap();
        let start = Instant::now();
        for _ in 0..3 {
            session.exchange_words("round", &[1], 1).await.unwrap();
        }
        let rounds = start.elapsed();
        let start = Instant::now();
        let bytes = vec![0; 4 * MIB];
        session.exchange_bytes("bulk", bytes, Size::Exactly(4 * MIB)).await.unwrap();
        (rounds, start.elapsed())
    };
    let outcome = world::pair_over_tls(11, &settings, None, run, run);
    for (rounds, bulk) in [outcome.first, outcome.second] {
        assert!(rounds >= Duration::from_millis(60), "{rounds:?}");
        // 4 MiB are 33.6 Mbit; both directions at once have a line each.
        assert!(bulk >= Duration::from_millis(430), "{bulk:?}");
    }
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

#[test]
fn a_connection_that_only_one_side_knows_to_be_lost_is_replaced() {
    let proxy = world::Proxy::start().unwrap();
    let (one, mut two) = world::peerings(12, &Settings::default()).unwrap();
    // Only the dialling side notices in time.
    two.seat.settings.silence_timeout = Duration::from_millis(500);
    two.seat.settings.heartbeat_interval = Duration::from_millis(100);
    let start = Instant::now();
    let sums = net::block_on(async {
        let listener = Listener::bind("127.0.0.1:0", &one.identity).await?;
        proxy.lead_to(listener.local_address());
        let address = proxy.address().to_string();
        let (first, second) = tokio::join!(listener.accept(one), dial(&address, two));
        let (mut first, mut second) = (first?, second?);
        let (mine, theirs) = (first.session()?, second.session()?);
        let run = async |mut session: Session| {
            let sum = talk(session.fork("before")?, 3, 10).await?;
            if session.is_first() {
                proxy.forget();
            }
            Ok::<_, NetError>(sum + talk(session, 3, 10).await?)
        };
        let sums = tokio::join!(run(mine), run(theirs));
        let closed = tokio::join!(first.close(), second.close());
        closed.0.and(closed.1)?;
        Ok::<_, NetError>((sums.0?, sums.1?))
    });
    assert_eq!(sums.unwrap().unwrap(), (6, 6));
    assert_eq!(proxy.connections(), 2);
    assert!(start.elapsed() < Duration::from_secs(8), "the listening side waited for silence");
}

#[test]
fn a_peer_that_starts_again_ends_the_old_conversation() {
    let (one, two) = world::peerings(13, &Settings::default()).unwrap();
    let again = two.clone();
    let errors = net::block_on(async {
        let listener = Listener::bind("127.0.0.1:0", &one.identity).await?;
        let address = listener.local_address().to_string();
        let (first, second) = tokio::join!(listener.accept(one), dial(&address, two));
        let (mut first, _second) = (first?, second?);
        let mut session = first.session()?;
        let wait = session.receive_words("never", 1);
        let (waited, dialled) = tokio::join!(wait, dial(&address, again));
        Ok::<_, NetError>([waited.map(|_| ()).unwrap_err(), dialled.map(|_| ()).unwrap_err()])
    });
    for error in errors.unwrap().unwrap() {
        assert!(error.to_string().contains("start the job again on both"), "{error}");
    }
}

#[test]
fn strangers_who_dawdle_or_talk_nonsense_hold_up_nobody() {
    let (one, two) = world::peerings(14, &Settings::default()).unwrap();
    let start = Instant::now();
    let opened = net::block_on(async {
        let listener = Listener::bind("127.0.0.1:0", &one.identity).await?;
        let address = listener.local_address().to_string();
        let silent: Vec<_> = (0..10).map(|_| TcpStream::connect(&address).unwrap()).collect();
        for mut stream in &silent[5..] {
            stream.write_all(b"GET / HTTP/1.1\r\n\r\n").unwrap();
        }
        let (first, second) = tokio::join!(listener.accept(one), dial(&address, two));
        first.and(second).map(|_| drop(silent))
    });
    opened.unwrap().unwrap();
    assert!(start.elapsed() < Duration::from_secs(5));
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
