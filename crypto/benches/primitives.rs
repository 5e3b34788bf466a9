//! Speed of the primitives: `cargo bench -p tombolo-crypto`.
//!
//! One line each: name, nanoseconds per item, items a second. Wall time, best of several runs, on
//! one thread; it informs and never gates.
#![expect(clippy::print_stdout, reason = "a benchmark's lines are its result")]

use std::hint::black_box;
use std::time::Instant;

use tombolo_crypto::hash::CorrelationRobust;
use tombolo_crypto::random::Generator;
use tombolo_crypto::transpose::transpose_128;

fn main() {
    let mut generator = Generator::from_seed([1; 32]);
    let mut bytes = vec![0; 1 << 24];
    report("random: fill_bytes, a byte", bytes.len(), || generator.fill_bytes(&mut bytes));
    let mut words = vec![0; 1 << 21];
    report("random: fill_words, a word", words.len(), || generator.fill_words(&mut words));
    report("random: next_u64", 1 << 20, || {
        for _ in 0..1 << 20 {
            black_box(generator.next_u64());
        }
    });

    let hash = CorrelationRobust::new();
    let mut blocks = vec![7; 1 << 20];
    report("hash: correlation robust, a block", blocks.len(), || hash.hash_batch(0, &mut blocks));

    let rows = &bytes[..128 << 14];
    report("transpose: a column of 128 bits", 1 << 17, || {
        black_box(transpose_128(rows, 1 << 17));
    });
}

/// Runs `work`, which handles `items`, a few times and prints the best.
fn report(name: &str, items: usize, mut work: impl FnMut()) {
    let best = (0..7)
        .map(|_| {
            let start = Instant::now();
            work();
            start.elapsed().as_secs_f64()
        })
        .fold(f64::INFINITY, f64::min);
    let each = best / items as f64;
    println!("{name:<44} {:>12.3} ns {:>16.0} /s", each * 1e9, each.recip());
}
