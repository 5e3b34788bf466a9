//! Throughput and latency of the transports, both parties in this process on loopback.
//!
//! `cargo bench -p tombolo-world --profile dev` prints megabytes (10^6 bytes) a second, one way,
//! and microseconds for a round of small messages.

#![expect(clippy::print_stdout, reason = "a bench tells its numbers")]

use std::time::{Duration, Instant};

use net::transport::shaped::Shape;
use net::{NetError, Session, Settings, Size};
use tombolo_world as world;

const MESSAGE_BYTES: usize = 16 << 20;
const MESSAGES: usize = 64;
const ROUNDS: usize = 2000;

fn main() {
    let shape = Shape { megabits_per_second: 1000.0, latency: Duration::from_millis(5) };
    let plain = Settings::default();
    let shaped = Settings { shape: Some(shape), ..Settings::default() };
    let cases = [("mutual TLS", plain, MESSAGES, ROUNDS), ("1 Gbit/s, 5 ms", shaped, 8, 50)];
    for (name, settings, messages, rounds) in cases {
        let run = |session| measure(session, messages, rounds);
        let outcome = world::pair_over_tls(1, &settings, None, run, run);
        report(name, messages, rounds, outcome.second);
    }
    let run = |session| measure(session, MESSAGES, ROUNDS);
    report("memory", MESSAGES, ROUNDS, world::pair(1, run, run).second);
}

fn report(name: &str, messages: usize, rounds: usize, times: Result<[f64; 2], NetError>) {
    match times {
        Ok([bulk, ping]) => {
            let rate = (messages * MESSAGE_BYTES) as f64 / bulk / 1e6;
            println!("{name}: {rate:.0} MB/s, {:.0} us a round", ping * 1e6 / rounds as f64);
        }
        Err(error) => println!("{name}: {error}"),
    }
}

/// Seconds for the bulk and for the rounds, as the receiver sees them.
async fn measure(
    mut session: Session,
    messages: usize,
    rounds: usize,
) -> Result<[f64; 2], NetError> {
    let start = Instant::now();
    for _ in 0..messages {
        if session.is_first() {
            session.send_bytes("bulk", vec![1; MESSAGE_BYTES]).await?;
        } else {
            session.receive_bytes("bulk", Size::Exactly(MESSAGE_BYTES)).await?;
        }
    }
    let bulk = start.elapsed().as_secs_f64();
    let start = Instant::now();
    for _ in 0..rounds {
        session.exchange_words("round", &[1], 1).await?;
    }
    Ok([bulk, start.elapsed().as_secs_f64()])
}
