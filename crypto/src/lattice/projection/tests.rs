use super::*;
use crate::arch::ntt::Engine;
use crate::lattice::parameters::Parameters;

fn ring() -> Ring {
    Ring::new(Parameters::N8192_Q150)
}

fn integers(rng: &mut Generator, rows: usize, bits: u32) -> Vec<i32> {
    (0..rows).map(|_| rng.below((2 << bits) - 1) as i32 - (1 << bits) + 1).collect()
}

/// Sends through bytes, as a session would.
fn hints(projection: &Projection, evaluator: &Evaluator<'_>) -> Vec<Hint> {
    let hints = evaluator.hints(0..evaluator.outputs());
    let sent = hints.iter().map(|hint| hint.to_bytes(projection));
    sent.map(|bytes| Hint::from_bytes(projection, &bytes).unwrap()).collect()
}

fn sent_query(projection: &Projection, query: &EncryptedVector) -> EncryptedVector {
    EncryptedVector::from_bytes(projection, &query.to_bytes(projection)).unwrap()
}

fn sent_answers(projection: &Projection, outputs: usize, answers: &Answers) -> Answers {
    Answers::from_bytes(projection, outputs, &answers.to_bytes()).unwrap()
}

#[test]
fn shares_of_integer_columns_add_up() {
    let ring = ring();
    for rows in [1, 8192, 10_000] {
        let mut rng = Generator::from_seed([1; 32]);
        let projection = Projection::shared(&ring, [9; 32], rows).unwrap();
        let columns: Vec<Vec<i32>> = (0..3).map(|_| integers(&mut rng, rows, 20)).collect();
        let slices = columns.iter().map(Vec::as_slice).collect();
        let evaluator = Evaluator::integers(&projection, slices, &mut rng).unwrap();
        let hints = hints(&projection, &evaluator);
        for _ in 0..2 {
            let values: Vec<u64> = (0..rows).map(|_| rng.next_u64()).collect();
            let (key, query) = projection.encrypt(&values, &mut rng).unwrap();
            let query = sent_query(&projection, &query);
            let (answers, ours) = evaluator.answer_shared(&query, &mut rng).unwrap();
            let answers = sent_answers(&projection, 3, &answers);
            let theirs = projection.decrypt_shared(&key, &hints, &answers).unwrap();
            for (column, (ours, theirs)) in columns.iter().zip(ours.iter().zip(theirs)) {
                let products = column.iter().zip(&values);
                let sum = products.fold(0u64, |sum, (weight, value)| {
                    sum.wrapping_add((i64::from(*weight) as u64).wrapping_mul(*value))
                });
                assert_eq!(ours.wrapping_add(theirs), sum);
            }
        }
    }
}

#[test]
fn opened_sums_of_bins_are_exact() {
    let (ring, rows) = (ring(), 20_000);
    let mut rng = Generator::from_seed([2; 32]);
    let projection = Projection::opened(&ring, [9; 32], rows, 92).unwrap();
    let narrow: Vec<u8> = (0..rows).map(|_| rng.below(5) as u8).collect();
    let wide: Vec<u16> = (0..rows).map(|_| rng.below(3) as u16 * 300).collect();
    let columns = vec![
        BinnedColumn { codes: Codes::Narrow(&narrow), bins: 6 },
        BinnedColumn { codes: Codes::Wide(&wide), bins: 601 },
    ];
    let evaluator = Evaluator::binned(&projection, columns, &mut rng).unwrap();
    let outputs = [0, 1, 4, 5, 6, 306, 606];
    let zero = Hint { element: Element::new(&projection, ring.zero()) };
    let mut chosen = vec![zero; evaluator.outputs()];
    for output in outputs {
        chosen[output] = evaluator.hints(output..output + 1).remove(0);
    }
    let vectors: Vec<Vec<i128>> = (0..3)
        .map(|_| (0..rows).map(|_| (i128::from(rng.next_u64()) - (1 << 63)) << 12).collect())
        .collect();
    let (keys, queries): (Vec<QueryKey>, Vec<EncryptedVector>) =
        vectors.iter().map(|values| projection.encrypt(values, &mut rng).unwrap()).unzip();
    let answers = evaluator.answer_opened_batch(&queries, &mut rng).unwrap();
    let pairs: Vec<_> = keys.iter().zip(&answers).collect();
    let opened = projection.decrypt_opened_batch(&pairs, &chosen).unwrap();
    for (values, opened) in vectors.iter().zip(opened) {
        for output in outputs {
            let rows = values.iter().enumerate().filter(|(row, _)| {
                let narrow = output < 6 && usize::from(narrow[*row]) == output;
                narrow || (output >= 6 && usize::from(wide[*row]) == output - 6)
            });
            assert_eq!(opened[output], rows.map(|(_, value)| value).sum::<i128>());
        }
    }
}

/// The sums of the reference job: noise grows with the rows, its room shrinks with the bits.
#[test]
fn three_hundred_thousand_rows_stay_within_the_noise_budget() {
    let (ring, rows) = (ring(), 300_000);
    let mut rng = Generator::from_seed([8; 32]);
    let shared = Projection::shared(&ring, [9; 32], rows).unwrap();
    let column = vec![(1 << 20) - 1; rows];
    let evaluator = Evaluator::integers(&shared, vec![&column], &mut rng).unwrap();
    let values = vec![u64::MAX / 3; rows];
    let (key, query) = shared.encrypt(&values, &mut rng).unwrap();
    let (answers, ours) = evaluator.answer_shared(&query, &mut rng).unwrap();
    let theirs = shared.decrypt_shared(&key, &evaluator.hints(0..1), &answers).unwrap();
    let sum = (rows as u64).wrapping_mul((1 << 20) - 1).wrapping_mul(u64::MAX / 3);
    assert_eq!(ours[0].wrapping_add(theirs[0]), sum);

    let opened = Projection::opened(&ring, [9; 32], rows, 92).unwrap();
    let codes = vec![0u8; rows];
    let column = BinnedColumn { codes: Codes::Narrow(&codes), bins: 1 };
    let evaluator = Evaluator::binned(&opened, vec![column], &mut rng).unwrap();
    let values = vec![(1i128 << 72) / 3; rows];
    let (key, query) = opened.encrypt(&values, &mut rng).unwrap();
    let answers = evaluator.answer_opened(&query, &mut rng).unwrap();
    let sums = opened.decrypt_opened(&key, &evaluator.hints(0..1), &answers).unwrap();
    assert_eq!(sums, [(1i128 << 72) / 3 * rows as i128]);
}

#[test]
fn hints_do_not_depend_on_how_they_are_asked_for() {
    let ring = ring();
    let mut rng = Generator::from_seed([3; 32]);
    let projection = Projection::shared(&ring, [9; 32], 100).unwrap();
    let columns: Vec<Vec<i32>> = (0..3).map(|_| integers(&mut rng, 100, 10)).collect();
    let slices = columns.iter().map(Vec::as_slice).collect();
    let evaluator = Evaluator::integers(&projection, slices, &mut rng).unwrap();
    let all = evaluator.hints(0..3);
    assert_eq!(all[1..2], evaluator.hints(1..2));
    assert_ne!(all[0], all[1]);
}

#[test]
fn known_answer_on_every_engine() {
    for engine in Engine::available() {
        let ring = Ring::with_engine(Parameters::N8192_Q150, engine);
        let mut rng = Generator::from_seed([4; 32]);
        let projection = Projection::shared(&ring, [9; 32], 50).unwrap();
        let column = integers(&mut rng, 50, 20);
        let evaluator = Evaluator::integers(&projection, vec![&column], &mut rng).unwrap();
        let hint = evaluator.hints(0..1).remove(0).to_bytes(&projection);
        let (_, query) = projection.encrypt(&[7u64; 50], &mut rng).unwrap();
        let (answers, shares) = evaluator.answer_shared(&query, &mut rng).unwrap();
        let shares = shares[0].to_le_bytes();
        let parts: [&[u8]; 4] = [&hint, &query.to_bytes(&projection), &answers.to_bytes(), &shares];
        let digest = crate::hash::digest("lattice/projection known answer", &parts);
        assert_eq!(digest[..8], [0xad, 0xd6, 0xc0, 0xd8, 0x59, 0x9e, 0xc9, 0x3c]);
    }
}

#[test]
fn queries_and_answers_look_uniform() {
    let ring = ring();
    let mut rng = Generator::from_seed([5; 32]);
    let projection = Projection::shared(&ring, [9; 32], 8192).unwrap();
    let (_, query) = projection.encrypt(&vec![0u64; 8192], &mut rng).unwrap();
    let bytes = query.to_bytes(&projection);
    let ones: u32 = bytes.iter().map(|byte| byte.count_ones()).sum();
    let deviation =
        (f64::from(ones) - bytes.len() as f64 * 4.0) / (bytes.len() as f64 * 2.0).sqrt();
    assert!(deviation.abs() < 5.0, "{deviation} standard deviations");
    let (_, again) = projection.encrypt(&vec![0u64; 8192], &mut rng).unwrap();
    assert_ne!(query, again);
}

#[test]
fn bad_input_is_refused() {
    let ring = ring();
    let mut rng = Generator::from_seed([6; 32]);
    assert!(Projection::shared(&ring, [0; 32], 0).is_err());
    assert!(Projection::opened(&ring, [0; 32], 5, 97).is_err());
    let projection = Projection::opened(&ring, [0; 32], 5, 80).unwrap();
    assert!(projection.encrypt(&[0u64; 4], &mut rng).is_err());
    assert!(projection.encrypt(&[1i128 << 79; 5], &mut rng).is_err());
    assert!(projection.encrypt(&[-(1i128 << 79); 5], &mut rng).is_ok());
    let evaluator = |column: &[i32], rng: &mut Generator| {
        Evaluator::integers(&projection, vec![column], rng).map(|_| ())
    };
    assert!(evaluator(&[1; 4], &mut rng).is_err());
    assert!(evaluator(&[1 << 20; 5], &mut rng).is_err());
    assert!(evaluator(&[1 - (1 << 20); 5], &mut rng).is_ok());
    let codes = [0, 1, 2, 3, 4];
    let column = BinnedColumn { codes: Codes::Narrow(&codes), bins: 4 };
    assert!(Evaluator::binned(&projection, vec![column], &mut rng).is_err());
    assert!(Evaluator::binned(&projection, Vec::new(), &mut rng).is_err());
}

#[test]
fn noise_beyond_the_budget_is_refused() {
    let ring = ring();
    let mut rng = Generator::from_seed([7; 32]);
    let projection = Projection::opened(&ring, [0; 32], 5, 96).unwrap();
    let column = [(1 << 20) - 1; 5];
    let evaluator = Evaluator::integers(&projection, vec![&column], &mut rng).unwrap();
    let (_, query) = projection.encrypt(&[0i128; 5], &mut rng).unwrap();
    let refused = evaluator.answer_opened(&query, &mut rng);
    assert!(matches!(refused, Err(LatticeError::NoiseBudget { .. })), "{refused:?}");
    let refused = evaluator.answer_shared(&query, &mut rng);
    assert!(matches!(refused, Err(LatticeError::InvalidInput(_))), "{refused:?}");
}

#[test]
fn wrong_lengths_and_ranges_are_refused() {
    let shared = Projection::shared(&ring(), [0; 32], 5).unwrap();
    let opened = Projection::opened(&ring(), [0; 32], 5, 92).unwrap();
    for (projection, hint, answers) in [(&shared, 118_784, 28), (&opened, 153_600, 38)] {
        let length = EncryptedVector::byte_count(projection);
        for length in [0, length - 1, length + 1] {
            let refused = EncryptedVector::from_bytes(projection, &vec![0; length]);
            assert!(matches!(refused, Err(LatticeError::WrongLength { .. })));
        }
        assert!(EncryptedVector::from_bytes(projection, &vec![255; length]).is_err());
        assert!(EncryptedVector::from_bytes(projection, &vec![0; length]).is_ok());
        assert!(Hint::from_bytes(projection, &vec![0; hint - 1]).is_err());
        assert!(Hint::from_bytes(projection, &vec![0; hint]).is_ok());
        assert!(Answers::from_bytes(projection, 2, &vec![0; answers - 1]).is_err());
        assert!(Answers::from_bytes(projection, 2, &vec![0; answers]).is_ok());
    }
    // Every fraction is one, and not every word a residue.
    assert!(Hint::from_bytes(&shared, &vec![255; 118_784]).is_ok());
    assert!(Hint::from_bytes(&opened, &vec![255; 153_600]).is_err());
    assert!(Answers::from_bytes(&shared, 2, &[255; 28]).is_ok());
    assert!(Answers::from_bytes(&opened, 2, &[255; 38]).is_err());
}

#[test]
fn what_is_for_shared_answers_does_not_open_and_the_reverse() {
    let mut rng = Generator::from_seed([9; 32]);
    let shared = Projection::shared(&ring(), [0; 32], 5).unwrap();
    let opened = Projection::opened(&ring(), [0; 32], 5, 64).unwrap();
    let mut side = |projection| {
        let evaluator = Evaluator::integers(projection, vec![&[1; 5]], &mut rng).unwrap();
        let (key, query) = projection.encrypt(&[1u64; 5], &mut rng).unwrap();
        (evaluator.hints(0..1), key, query)
    };
    let [(shared_hints, _, shared_query), (hints, key, query)] = [side(&shared), side(&opened)];
    let columns: [&[i32]; 1] = [&[1; 5]];
    let mut rng = Generator::from_seed([10; 32]);
    let evaluator = Evaluator::integers(&shared, columns.to_vec(), &mut rng).unwrap();
    assert!(evaluator.answer_shared(&query, &mut rng).is_err());
    assert!(evaluator.answer_opened(&shared_query, &mut rng).is_err());
    let (answers, _) = evaluator.answer_shared(&shared_query, &mut rng).unwrap();
    assert!(shared.decrypt_shared(&key, &hints, &answers).is_err());
    assert!(opened.decrypt_opened(&key, &hints, &answers).is_err());
    assert!(opened.openings(&[&key], &shared_hints).is_err());
}
