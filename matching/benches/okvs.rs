//! Speed of the binary key-value store: encoding and decoding as many keys as it holds.
//!
//! `cargo bench -p tombolo-matching --bench okvs [-- KEYS]`: one line with the best wall seconds of
//! five runs and the cells for each key.
#![expect(clippy::print_stdout, reason = "a benchmark's lines are its result")]

use std::time::Instant;

use crypto::field128::Gf128;
use crypto::random::Generator;
use tombolo_matching::okvs::{NotEncodable, Okvs};

fn main() -> Result<(), NotEncodable> {
    let count = std::env::args().find_map(|argument| argument.parse().ok()).unwrap_or(1 << 20);
    let mut rng = Generator::from_seed([1; 32]);
    let (keys, values): (Vec<u128>, Vec<Gf128>) =
        (0..count).map(|_| (Gf128::random(&mut rng).0, Gf128::random(&mut rng))).unzip();
    let (mut encoding, mut decoding) = (f64::INFINITY, f64::INFINITY);
    let mut expansion = 0.0;
    for run in 0..5 {
        let okvs = Okvs::binary(count, [run; 16]);
        let start = Instant::now();
        let cells = okvs.encode(&keys, &values)?;
        encoding = start.elapsed().as_secs_f64().min(encoding);
        let start = Instant::now();
        let decoded = okvs.decode(&cells, &keys);
        decoding = start.elapsed().as_secs_f64().min(decoding);
        assert!(decoded == values, "a key decoded to another value");
        expansion = cells.len() as f64 / count as f64;
    }
    println!(
        "okvs keys={count} threads={} encode_seconds={encoding:.3} decode_seconds={decoding:.3} \
         cells_per_key={expansion:.3}",
        rayon::current_num_threads()
    );
    Ok(())
}
