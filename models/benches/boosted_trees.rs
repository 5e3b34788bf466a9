//! Seconds, processor seconds and bytes per tree: plain, and jointly over memory.
//!
//! `cargo bench -p tombolo-models --bench boosted_trees -- [rows guest_features host_features
//! [trees]]`; one JSON object a line. What is done once (hints) is told apart from what each tree
//! costs by training two numbers of trees.
#![expect(clippy::expect_used, reason = "a step that fails ends the bench")]

use std::time::Instant;

use crypto::random::Generator;
use features::binned::{BinnedFeature, BinnedMatrix};
use mpc::reveal::Ledger;
use net::Session;
use tombolo_models::local::boosted_trees::{self as local, Examples, Settings};
use tombolo_models::vertical::boosted_trees::{DISCLOSURES, train_as_guest, train_as_host};

const BINS: usize = 32;
const DEPTH: usize = 5;
/// The cost of a tree is the difference of two trainings, of so many trees more.
const MORE: usize = 5;

struct Data {
    guest: BinnedMatrix,
    host: BinnedMatrix,
    pooled: BinnedMatrix,
    labels: Vec<u8>,
    training: Vec<u32>,
}

#[derive(Clone, Copy)]
struct Cost {
    seconds: f64,
    cpu_seconds: f64,
    bytes: u64,
    rounds: u64,
}

#[expect(clippy::print_stdout, reason = "a bench speaks on standard output")]
fn main() {
    let numbers: Vec<usize> =
        std::env::args().filter_map(|argument| argument.parse().ok()).collect();
    let (rows, guest, host, more) = match numbers[..] {
        [rows, guest, host] => (rows, guest, host, MORE),
        [rows, guest, host, more] => (rows, guest, host, more.max(1)),
        _ => (30_000, 12, 11, MORE),
    };
    let data = Data::new(rows, guest, host);
    let plain = per_tree(more, |trees| plain(&data, trees));
    println!("{}", line("local", rows, guest, host, plain));
    let joint = per_tree(more, |trees| joint(&data, trees));
    println!("{}", line("secureboost", rows, guest, host, joint));
}

impl Data {
    fn new(rows: usize, guest: usize, host: usize) -> Self {
        let mut generator = Generator::from_seed([3; 32]);
        let mut score = vec![0.0; rows];
        let column = |number: usize| {
            let codes: Vec<u8> =
                (0..rows).map(|_| generator.below(BINS as u64 + 1) as u8).collect();
            let slope = 2.0 / (1 + number % 12) as f64;
            for (score, &code) in score.iter_mut().zip(&codes) {
                *score += slope * (f64::from(code) / BINS as f64 - 0.5);
            }
            BinnedFeature { name: format!("x{number}"), codes, bins: BINS }
        };
        let columns: Vec<BinnedFeature> = (0..guest + host).map(column).collect();
        let matrix = |columns: &[BinnedFeature]| {
            BinnedMatrix::new(rows, columns.to_vec()).expect("codes are within their bins")
        };
        let draw = |score: &f64| {
            generator.below(1 << 20) as f64 / f64::from(1 << 20) < local::probability(*score)
        };
        let labels = score.iter().map(draw).map(u8::from).collect();
        Self {
            guest: matrix(&columns[..guest]),
            host: matrix(&columns[guest..]),
            pooled: matrix(&columns),
            labels,
            training: (0..rows as u32).collect(),
        }
    }

    fn examples(&self) -> Examples<'_> {
        let labels = local::Labels::Classes(&self.labels);
        Examples { labels, weights: None, training: &self.training, validation: &[] }
    }
}

fn settings(trees: usize) -> Settings {
    Settings { trees, depth: DEPTH, ..Settings::default() }
}

fn plain(data: &Data, trees: usize) -> (u64, u64) {
    local::train(&data.pooled, &data.examples(), &settings(trees)).expect("the data are sound");
    (0, 0)
}

fn joint(data: &Data, trees: usize) -> (u64, u64) {
    let settings = settings(trees);
    let outcome = world::pair(
        1,
        async |mut session: Session| {
            let (examples, ledger) = (data.examples(), Ledger::new(DISCLOSURES));
            train_as_guest(
                std::slice::from_mut(&mut session),
                &data.guest,
                &examples,
                &settings,
                &ledger,
            )
            .await
        },
        async |mut session: Session| {
            let ledger = Ledger::new(DISCLOSURES);
            train_as_host(&mut session, &data.host, &data.training, &settings, &ledger).await
        },
    );
    outcome.first.expect("the guest trains");
    outcome.second.expect("the host trains");
    (outcome.transcript.bytes(), outcome.transcript.rounds())
}

/// What is done once, and what a tree costs.
fn per_tree(more: usize, run: impl Fn(usize) -> (u64, u64)) -> (Cost, Cost) {
    let measure = |trees| {
        let (start, cpu) = (Instant::now(), cpu_seconds());
        let (bytes, rounds) = run(trees);
        let seconds = start.elapsed().as_secs_f64();
        Cost { seconds, cpu_seconds: cpu_seconds() - cpu, bytes, rounds }
    };
    let (few, many) = (measure(1), measure(1 + more));
    let tree = Cost {
        seconds: (many.seconds - few.seconds) / more as f64,
        cpu_seconds: (many.cpu_seconds - few.cpu_seconds) / more as f64,
        bytes: (many.bytes - few.bytes) / more as u64,
        rounds: (many.rounds - few.rounds) / more as u64,
    };
    (few, tree)
}

/// Processor time of this process, user and system, as Linux tells it in hundredths of a second.
fn cpu_seconds() -> f64 {
    let text = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let ticks = text.rsplit(')').next().unwrap_or_default().split_whitespace().skip(11).take(2);
    ticks.filter_map(|ticks| ticks.parse::<f64>().ok()).sum::<f64>() / 100.0
}

fn line(name: &str, rows: usize, guest: usize, host: usize, (few, tree): (Cost, Cost)) -> String {
    serde_json::json!({
        "bench": "boosted_trees", "form": name, "rows": rows,
        "guest_features": guest, "host_features": host, "bins": BINS, "depth": DEPTH,
        "seconds_per_tree": tree.seconds, "cpu_seconds_per_tree": tree.cpu_seconds,
        "bytes_per_tree": tree.bytes, "rounds_per_tree": tree.rounds,
        "first_tree_and_setup": { "seconds": few.seconds, "bytes": few.bytes },
    })
    .to_string()
}
