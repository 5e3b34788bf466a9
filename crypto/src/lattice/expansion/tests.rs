use super::*;
use crate::arch::ntt::Engine;
use crate::lattice::parameters::Parameters;

fn columns(rng: &mut Generator, rows: usize, count: usize) -> Vec<Vec<i32>> {
    let value = |rng: &mut Generator| rng.below(1 << 21) as i32 - (1 << 20) + 1;
    let limit = (1 << 20) - 1;
    (0..count).map(|_| (0..rows).map(|_| value(rng).clamp(-limit, limit)).collect()).collect()
}

#[test]
fn shares_of_rows_add_up() {
    let ring = Ring::new(Parameters::N8192_Q150);
    let mut rng = Generator::from_seed([1; 32]);
    // Rows, columns, memory, queries, and the columns of an element that follow from them.
    let cases = [
        (1, 1, 0, 1, 1),
        (10_000, 3, 0, 1, 2),
        (10_000, 3, 700_000, 10, 4),
        (1000, 70, 0, 100, 128),
        (3000, 70, 1 << 22, 10, 64),
    ];
    let (mut errors, mut sum_of_errors) = (0, 0);
    for (rows, count, cache_bytes, queries, tile) in cases {
        let mut expansion = Expansion::new(&ring, [9; 32], rows, count, queries).unwrap();
        assert_eq!(expansion.tile, tile, "{rows} {count} {queries}");
        let most = u64::from(tile > 4);
        if most > 0 {
            expansion = expansion.rounded();
        }
        let columns = columns(&mut rng, rows, count);
        let slices = columns.iter().map(Vec::as_slice).collect();
        let evaluator = Evaluator::new(&expansion, slices, cache_bytes, &mut rng).unwrap();
        let hints: Vec<Hint> = evaluator
            .hints(0..expansion.chunks())
            .iter()
            .map(|hint| Hint::from_bytes(&expansion, &hint.to_bytes()).unwrap())
            .collect();
        let weights: Vec<u64> = (0..count).map(|_| rng.next_u64()).collect();
        let (key, query) = expansion.encrypt(&weights, &mut rng).unwrap();
        let query = EncryptedWeights::from_bytes(&expansion, &query.to_bytes(&expansion)).unwrap();
        let all = 0..expansion.chunks();
        for chunks in [all.clone(), all.end / 2..all.end, 0..0] {
            let (answers, ours) = evaluator.answer(&query, chunks.clone(), &mut rng);
            let bytes = answers.to_bytes();
            assert_eq!(bytes.len(), Answers::byte_count(&expansion, &chunks));
            let answers = Answers::from_bytes(&expansion, chunks.clone(), &bytes).unwrap();
            let theirs = expansion.decrypt(&key, &hints, &answers).unwrap();
            let start = chunks.start * expansion.height();
            assert_eq!(ours.len(), expansion.rows_of(&chunks));
            for (index, (ours, theirs)) in ours.iter().zip(&theirs).enumerate() {
                let sum = columns.iter().zip(&weights).fold(0u64, |sum, (column, weight)| {
                    let value = i64::from(column[start + index]) as u64;
                    sum.wrapping_add(value.wrapping_mul(*weight))
                });
                let error = ours.wrapping_add(*theirs).wrapping_sub(sum) as i64;
                assert!(error.unsigned_abs() <= most, "row {}: {error}", start + index);
                errors += error.abs();
                sum_of_errors += error;
            }
        }
    }
    // Short answers round in fact, up as often as down.
    assert!(errors > 100 && sum_of_errors.abs() < errors / 4, "{errors} {sum_of_errors}");
}

#[test]
fn the_cache_changes_nothing_and_hints_repeat() {
    let ring = Ring::new(Parameters::N8192_Q150);
    let columns = columns(&mut Generator::from_seed([2; 32]), 100, 2);
    let expansion = Expansion::new(&ring, [9; 32], 100, 2, 1).unwrap();
    let hints = |cache_bytes| {
        let slices = columns.iter().map(Vec::as_slice).collect();
        let mut rng = Generator::from_seed([3; 32]);
        let evaluator = Evaluator::new(&expansion, slices, cache_bytes, &mut rng).unwrap();
        (evaluator.hints(0..1), evaluator.hints(0..1))
    };
    let (first, second) = hints(0);
    assert_eq!(first, second);
    assert_eq!(first, hints(1 << 20).0);
}

#[test]
fn known_answer_on_every_engine() {
    for engine in Engine::available() {
        let ring = Ring::with_engine(Parameters::N8192_Q150, engine);
        let mut rng = Generator::from_seed([4; 32]);
        let expansion = Expansion::new(&ring, [9; 32], 50, 3, 9).unwrap();
        let columns = columns(&mut rng, 50, 3);
        let slices = columns.iter().map(Vec::as_slice).collect();
        let evaluator = Evaluator::new(&expansion, slices, 0, &mut rng).unwrap();
        let hint = evaluator.hints(0..1).remove(0).to_bytes();
        let (_, query) = expansion.encrypt(&[7, 8, 9], &mut rng).unwrap();
        let (answers, shares) = evaluator.answer(&query, 0..1, &mut rng);
        let shares: Vec<u8> = shares.iter().flat_map(|share| share.to_le_bytes()).collect();
        let parts: [&[u8]; 4] = [&hint, &query.to_bytes(&expansion), &answers.to_bytes(), &shares];
        let digest = crate::hash::digest("lattice/expansion known answer", &parts);
        assert_eq!(digest[..8], [0x84, 0x72, 0x58, 0xb5, 0xe1, 0x5f, 0xfa, 0x11]);
    }
}

#[test]
fn bad_input_is_refused() {
    let ring = Ring::new(Parameters::N8192_Q150);
    let mut rng = Generator::from_seed([5; 32]);
    assert!(Expansion::new(&ring, [0; 32], 0, 1, 1).is_err());
    assert!(Expansion::new(&ring, [0; 32], 1, 0, 1).is_err());
    let expansion = Expansion::new(&ring, [0; 32], 5, 2, 1).unwrap();
    assert!(expansion.encrypt(&[1], &mut rng).is_err());
    let evaluator = |columns: Vec<&[i32]>, rng: &mut Generator| {
        Evaluator::new(&expansion, columns, 0, rng).map(|_| ())
    };
    assert!(evaluator(vec![&[1; 5]], &mut rng).is_err());
    assert!(evaluator(vec![&[1; 5], &[1; 4]], &mut rng).is_err());
    assert!(evaluator(vec![&[1; 5], &[-(1 << 20); 5]], &mut rng).is_err());
    assert!(evaluator(vec![&[1; 5], &[2; 5]], &mut rng).is_ok());
    let (key, _) = expansion.encrypt(&[1, 2], &mut rng).unwrap();
    let answers = Answers { chunks: 0..0, cut: Cut::Long, fractions: Vec::new() };
    assert!(expansion.decrypt(&key, &[], &answers).is_err());
}

#[test]
fn wrong_lengths_and_ranges_are_refused() {
    let ring = Ring::new(Parameters::N8192_Q150);
    let expansion = Expansion::new(&ring, [0; 32], 5, 2, 1).unwrap();
    let length = EncryptedWeights::byte_count(&expansion);
    assert!(EncryptedWeights::from_bytes(&expansion, &vec![0; length - 1]).is_err());
    assert!(EncryptedWeights::from_bytes(&expansion, &vec![255; length]).is_err());
    assert!(Hint::from_bytes(&expansion, &[0; 7]).is_err());
    let length = Answers::byte_count(&expansion, &(0..1));
    assert!(Answers::from_bytes(&expansion, 0..1, &vec![0; length + 1]).is_err());
    assert!(Answers::from_bytes(&expansion, 0..1, &vec![255; length]).is_ok());
}
