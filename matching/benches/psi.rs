//! Speed of set intersection, both parties in one process over memory.
//!
//! `cargo bench -p tombolo-matching --bench psi [-- ROWS]`: for each protocol one line with the
//! wall seconds, the CPU seconds of both parties together and the bytes. Half of the rows are
//! common. Making the ids and checking that they are a set is not counted.
#![expect(clippy::print_stdout, reason = "a benchmark's lines are its result")]

use std::sync::Arc;
use std::time::Instant;

use mpc::TwoParty;
use mpc::reveal::Ledger;
use net::Session;
use tombolo_matching::MatchingError;
use tombolo_matching::psi::ecdh::Curve;
use tombolo_matching::psi::{Identifiers, Learn, checked_vole, circuit, ecdh, totals, vole};

fn main() -> Result<(), MatchingError> {
    let rows = std::env::args().find_map(|argument| argument.parse().ok()).unwrap_or(1 << 16);
    let (first, second) = (phone_numbers(0, rows), phone_numbers(rows / 2, rows));
    let first = Identifiers::new(first.iter().map(String::as_str))?;
    let second = Identifiers::new(second.iter().map(String::as_str))?;

    for protocol in ["ecdh", "ecdh on sm2", "rr22", "rr22 malicious", "circuit"] {
        let (start, cpu_start) = (Instant::now(), cpu_seconds());
        let play = |ids| move |session| count(protocol, session, ids);
        let outcome = world::pair(1, play(&first), play(&second));
        let (wall, cpu) = (start.elapsed().as_secs_f64(), cpu_seconds() - cpu_start);
        println!(
            "{protocol} rows={rows} common={} seconds={wall:.2} cpu_seconds={cpu:.2} bytes={}",
            outcome.first?,
            outcome.transcript.bytes()
        );
    }
    Ok(())
}

/// How many ids are common, by the alignment or, after `circuit`, by nothing but their number.
async fn count(
    protocol: &str,
    mut session: Session,
    ids: &Identifiers<'_>,
) -> Result<u64, MatchingError> {
    let aligned = match protocol {
        "ecdh" => ecdh::align(&mut session, ids, Learn::Both, Curve::Ristretto255).await?,
        "ecdh on sm2" => ecdh::align(&mut session, ids, Learn::Both, Curve::Sm2).await?,
        "rr22 malicious" => checked_vole::align(&mut session, ids, Learn::Both).await?,
        "rr22" => vole::align(&mut session, ids, Learn::Both).await?,
        _ => {
            let ledger = Arc::new(Ledger::new([totals::CARDINALITY]));
            let receives = session.is_first();
            let mut party = TwoParty::setup(session, ledger).await?;
            let matches = if receives {
                circuit::receive(&mut party, ids, 0, None).await?
            } else {
                circuit::send(&mut party, ids, &[], None).await?
            };
            let count = totals::cardinality(&mut party, &matches, Learn::Both).await?;
            return Ok(count.unwrap_or_default());
        }
    };
    Ok(aligned.map_or(0, |alignment| alignment.len() as u64))
}

fn phone_numbers(from: usize, count: usize) -> Vec<String> {
    (from..from + count).map(|number| format!("138{number:08}")).collect()
}

/// CPU time of this process so far, all threads; not a number where there is no `/proc`.
fn cpu_seconds() -> f64 {
    /// Fixed by the Linux user interface, whatever the kernel's own tick is.
    const TICKS_PER_SECOND: f64 = 100.0;
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    // The second field, a name in parentheses, may hold spaces; the times are fields 14 and 15.
    let after_name = stat.rsplit(')').next().unwrap_or_default();
    let field = |index| after_name.split_whitespace().nth(index)?.parse::<f64>().ok();
    field(11).zip(field(12)).map_or(f64::NAN, |(user, system)| (user + system) / TICKS_PER_SECOND)
}
