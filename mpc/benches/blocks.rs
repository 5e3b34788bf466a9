//! Speed of the blocks per row, both parties in one process over memory.
//!
//! `cargo bench -p tombolo-mpc [-- ROWS]`: one line for each block with the wall seconds, the CPU
//! microseconds of both parties together per row, and the bytes of both per row. Set-up (base
//! transfers, keys) is not counted. All blocks run twice: on transfers of the extension, then on
//! silent ones.
#![expect(clippy::print_stdout, reason = "a benchmark's lines are its result")]

use std::sync::Arc;
use std::time::Instant;

use crypto::field128::subspace::Subspace;
use crypto::random::Generator;
use tombolo_mpc::boolean::{Bits, and_many, bit_triples};
use tombolo_mpc::comparison::{is_negative, less_than};
use tombolo_mpc::conversion::{correlate, select, truncate};
use tombolo_mpc::elementary::{inverse_square_roots, logarithms, square_roots};
use tombolo_mpc::ot_extension::extend;
use tombolo_mpc::product::Products;
use tombolo_mpc::reveal::Ledger;
use tombolo_mpc::shuffle::shuffle;
use tombolo_mpc::sigmoid::{Accuracy, SCORE_UNIT, Sigmoid};
use tombolo_mpc::silent_vole::{vole_as_receiver, vole_as_sender};
use tombolo_mpc::transfers::{transfer_random, use_silent};
use tombolo_mpc::{MpcError, TwoParty};

/// Additive shares of scores, the sums within 8 of zero, and random words.
struct Input {
    scores: [Vec<u64>; 2],
    words: Vec<u64>,
}

fn main() -> Result<(), MpcError> {
    let rows = std::env::args().find_map(|argument| argument.parse().ok()).unwrap_or(1 << 17);
    let input = Input::new(rows);
    let play = async |session: net::Session| {
        let mut party = TwoParty::setup(session, Arc::new(Ledger::default())).await?;
        let mut lines = blocks(&mut party, &input).await?;
        use_silent(&mut party);
        let silent = blocks(&mut party, &input).await?;
        lines.extend(silent.into_iter().map(|line| format!("silent transfers, {line}")));
        Ok::<_, MpcError>(lines)
    };
    let outcome = world::pair(1, play, play);
    for line in outcome.first? {
        println!("{line}");
    }
    outcome.second.map(drop)
}

impl Input {
    fn new(rows: usize) -> Self {
        let mut rng = Generator::from_seed([1; 32]);
        let mut words = vec![0; rows];
        rng.fill_words(&mut words);
        let mut first = vec![0; rows];
        rng.fill_words(&mut first);
        let score = |row: usize| ((row % 1600) as f64 / 100.0 - 8.0) * SCORE_UNIT;
        let second = first
            .iter()
            .enumerate()
            .map(|(row, share)| (score(row) as i64 as u64).wrapping_sub(*share));
        Self { scores: [first.clone(), second.collect()], words }
    }
}

/// Runs every block once; both parties run the same list.
async fn blocks(party: &mut TwoParty, input: &Input) -> Result<Vec<String>, MpcError> {
    let rows = input.words.len();
    let shares = &input.scores[usize::from(!party.is_first())];
    let bits = Bits::from_words(input.words.clone(), rows);
    let mut lines = Vec::new();
    let start = Mark::new(party);
    extend::<u64>(party, &bits, rows).await?;
    lines.push(start.line(party, "extend both ways", rows));
    let start = Mark::new(party);
    transfer_random::<u64>(party, bits.clone()).await?;
    lines.push(start.line(party, "random transfers both ways", rows));
    let start = Mark::new(party);
    correlate(party, &bits, shares).await?;
    lines.push(start.line(party, "correlate both ways", rows));
    let start = Mark::new(party);
    let mut triples = bit_triples(party, rows / 64).await?;
    lines.push(start.line(party, "bit triples", rows));
    let start = Mark::new(party);
    let whole = Bits::from_words(input.words.clone(), rows / 64 * 64);
    and_many(party, &mut triples, &[(&whole, &whole)]).await?;
    lines.push(start.line(party, "and", rows));
    let start = Mark::new(party);
    less_than(party, &input.words, 64).await?;
    lines.push(start.line(party, "less_than, 64 bits", rows));
    let start = Mark::new(party);
    is_negative(party, shares, 23).await?;
    lines.push(start.line(party, "is_negative, 23 bits", rows));
    let start = Mark::new(party);
    select(party, &bits, shares).await?;
    lines.push(start.line(party, "select", rows));
    let start = Mark::new(party);
    truncate(party, shares, 20).await?;
    lines.push(start.line(party, "truncate", rows));
    let start = Mark::new(party);
    if party.is_first() {
        vole_as_receiver(&mut party.session, rows, &Subspace::WHOLE).await?;
    } else {
        vole_as_sender(&mut party.session, rows, &Subspace::WHOLE).await?;
    }
    lines.push(start.line(party, "silent vole, with base transfers", rows));
    let sigmoid = Sigmoid::prepare(party).await?;
    for (accuracy, name) in [(Accuracy::Fine, "sigmoid"), (Accuracy::Coarse, "coarse sigmoid")] {
        let start = Mark::new(party);
        sigmoid.evaluate(party, shares, &vec![1.0; rows], 30, accuracy).await?;
        lines.push(start.line(party, name, rows));
    }
    lines.extend(elementary(party, rows).await?);
    let start = Mark::new(party);
    shuffle(party, std::slice::from_ref(shares)).await?;
    lines.push(start.line(party, "shuffle", rows));
    Ok(lines)
}

/// Functions of few numbers, as many as a sixteenth of the rows.
async fn elementary(party: &mut TwoParty, rows: usize) -> Result<Vec<String>, MpcError> {
    let rows = rows / 16;
    let mut rng = Generator::from_seed([2; 32]);
    let masks: Vec<u128> = (0..rows).map(|_| u128::from(rng.next_u64()) << 64).collect();
    let number = |row: usize| 1 + row as u128 * 97;
    let share = |(row, mask): (usize, &u128)| {
        if party.is_first() { *mask } else { number(row).wrapping_sub(*mask) }
    };
    let shares: Vec<u128> = masks.iter().enumerate().map(share).collect();
    let products = Products::prepare(party).await?;
    let mut lines = Vec::new();
    let start = Mark::new(party);
    logarithms(party, &products, &shares, 31).await?;
    lines.push(start.line(party, "logarithm, 31 bits", rows));
    let start = Mark::new(party);
    square_roots(party, &products, &shares, 31).await?;
    lines.push(start.line(party, "square root, 31 bits", rows));
    let start = Mark::new(party);
    inverse_square_roots(party, &products, &shares, 31).await?;
    lines.push(start.line(party, "inverse square root, 31 bits", rows));
    Ok(lines)
}

/// Where a measurement began. Both parties work between two marks, and a block ends with the peer's
/// message, so that one party's marks enclose both parties' work but for the peer's last step.
struct Mark {
    start: Instant,
    cpu_seconds: f64,
    bytes: u64,
}

impl Mark {
    fn new(party: &TwoParty) -> Self {
        Self { start: Instant::now(), cpu_seconds: cpu_seconds(), bytes: bytes(party) }
    }

    fn line(&self, party: &TwoParty, name: &str, rows: usize) -> String {
        let seconds = self.start.elapsed().as_secs_f64();
        let cpu = (cpu_seconds() - self.cpu_seconds) * 1e6 / rows as f64;
        let bytes = (bytes(party) - self.bytes) as f64 / rows as f64;
        let cost = format!("cpu_us_per_row={cpu:.2} bytes_per_row={bytes:.1}");
        format!("{name}: rows={rows} seconds={seconds:.3} {cost}")
    }
}

/// Payload bytes of both parties so far.
fn bytes(party: &TwoParty) -> u64 {
    let totals = party.session.meter().totals();
    totals.bytes_sent + totals.bytes_received
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
