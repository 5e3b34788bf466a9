//! Speed of the primitives: `cargo bench -p tombolo-crypto`.
//!
//! One line each: name, nanoseconds per item, items a second. Wall time, best of several runs; the
//! group and the transpose use all threads of the pool (`RAYON_NUM_THREADS=1` for one). It informs
//! and never gates.
#![expect(clippy::print_stdout, reason = "a benchmark's lines are its result")]

use std::hint::black_box;
use std::time::Instant;

use tombolo_crypto::expand_convolute::ExpandConvolute;
use tombolo_crypto::field128::subspace::Subspace;
use tombolo_crypto::field128::{Gf128, add_scaled, inner_product};
use tombolo_crypto::group::{Blinding, BlindingKey, sm2};
use tombolo_crypto::hash::{CorrelationRobust, SeedDoubling};
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

    let doubling = SeedDoubling::new(&[1; 16], 1);
    let (parents, children) = blocks.split_at_mut(1 << 13);
    report("hash: seed doubling, a child", 1 << 14, || {
        black_box(doubling.double(parents, &mut children[..1 << 14]));
    });

    let mut target: Vec<Gf128> = blocks.iter().map(|block| Gf128(*block)).collect();
    let source = target.clone();
    report("field128: add scaled, an element", source.len(), || {
        add_scaled(&mut target, &source, source[0]);
    });
    report("field128: inner product, an element", source.len(), || {
        black_box(inner_product(&target, &source));
    });

    let whole = Subspace::WHOLE;
    let mut code = ExpandConvolute::new(1 << 18, &whole);
    report("code: making one, an output", 1 << 18, || code = ExpandConvolute::new(1 << 18, &whole));
    let (kept, folded) = target[..1 << 19].split_at_mut(1 << 18);
    report("code: compressing, an output", 1 << 18, || code.compress(kept, folded));
    // Elements of the whole field do here too: the time does not depend on them.
    let Some(subspace) = Subspace::with_bits(80) else { return };
    let code = ExpandConvolute::new(1 << 18, &subspace);
    report("code over a subspace: compressing, an output", 1 << 18, || code.compress(kept, folded));

    let rows = &bytes[..128 << 14];
    report("transpose: a column of 128 bits", 1 << 17, || {
        black_box(transpose_128(rows, 1 << 17));
    });

    let key = BlindingKey::random(&mut generator);
    let items: Vec<[u8; 11]> = (0..1 << 12).map(phone_number).collect();
    let mut points = Vec::new();
    report("group: hash and blind, an item", items.len(), || {
        points = key.hash_and_blind("bench", &items);
    });
    report("group: decode and blind, a point", points.len(), || {
        black_box(key.decode_and_blind(&points)).ok();
    });

    let key = sm2::BlindingKey::random(&mut generator);
    let mut points = Vec::new();
    report("group: hash and blind on SM2, an item", items.len(), || {
        points = key.hash_and_blind("bench", &items);
    });
    report("group: decode and blind on SM2, a point", points.len(), || {
        black_box(key.decode_and_blind(&points)).ok();
    });
}

fn phone_number(index: u64) -> [u8; 11] {
    let mut digits = *b"13800000000";
    for (place, digit) in digits.iter_mut().rev().take(8).enumerate() {
        *digit = b'0' + (index / 10_u64.pow(place as u32) % 10) as u8;
    }
    digits
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
