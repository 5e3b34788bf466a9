use world::Side;

use super::*;
use crate::TwoParty;
use crate::product::Products;
use crate::several;
use crate::test_support::{assert_drop_is_noticed, both, both_dealt, shares, sweep, wide_sums};

/// Columns with unlike sizes, of which neighbours are `alike`: 0 not at all, 1 exactly.
fn matrix(size: usize, alike: f64, unit: f64) -> Vec<f64> {
    let mut rng = crypto::random::Generator::from_seed([size as u8; 32]);
    let mut uniform = move || (rng.next_u64() >> 11) as f64 / (1_u64 << 52) as f64 - 1.0;
    let rows = 8 * size;
    let mut columns: Vec<Vec<f64>> = Vec::new();
    for index in 0..size {
        let scale = 2_f64.powi(-(index as i32 % 7));
        let column = (0..rows).map(|row| {
            let before = columns.last().map_or(0.0, |column| column[row]);
            let before = before * if index % 7 == 0 { 64.0 } else { 0.5 };
            alike * before + (1.0 - alike) * scale * uniform()
        });
        columns.push(column.collect());
    }
    let dot = |left: &[f64], right: &[f64]| -> f64 {
        left.iter().zip(right).map(|(left, right)| left * right).sum::<f64>() / rows as f64
    };
    let rows = (0..size).flat_map(|row| (0..=row).map(move |column| (row, column)));
    rows.map(|(row, column)| (unit * dot(&columns[row], &columns[column])).round()).collect()
}

/// The diagonal of the inverse in the clear, by sweeping in floating point.
fn exact(triangle: &[f64], size: usize) -> Vec<f64> {
    let mut a = triangle.to_vec();
    for pivot in 0..size {
        let reciprocal = 1.0 / a[place(pivot, pivot)];
        let column: Vec<f64> = (0..size).map(|row| a[place(row, pivot)]).collect();
        for row in 0..size {
            for other in (0..=row).filter(|other| row != pivot && *other != pivot) {
                a[place(row, other)] -= column[row] * column[other] * reciprocal;
            }
        }
        for row in (0..size).filter(|row| *row != pivot) {
            a[place(row, pivot)] = column[row] * reciprocal;
        }
        a[place(pivot, pivot)] = -reciprocal;
    }
    (0..size).map(|row| -a[place(row, row)]).collect()
}

/// The diagonal in units of 1 and the opened bit.
fn secure(triangle: &[f64], factor: Option<f64>) -> (Vec<f64>, bool) {
    let words: Vec<u64> = triangle.iter().map(|entry| *entry as i64 as u64).collect();
    let (first, second) = shares(1, &words);
    let outcome = both(2, async |party| {
        let mine = if party.is_first() { &first } else { &second };
        let factor = factor.map(|factor| if party.is_first() { factor as u128 } else { 0 });
        let products = Products::prepare(party).await.unwrap();
        inverse_diagonal(party, &products, mine, factor).await.unwrap()
    });
    let is_singular = outcome.first.is_singular ^ outcome.second.is_singular == 1;
    let unit = match factor {
        Some(_) => 2_f64.powi(UNIT_BITS as i32 - FACTOR_SHIFT as i32),
        None => 2_f64.powi(UNIT_BITS as i32),
    };
    let entries = wide_sums(&outcome.first.entries, &outcome.second.entries);
    (entries.into_iter().map(|entry| entry as f64 / unit).collect(), is_singular)
}

fn worst(triangle: &[f64], size: usize, factor: Option<f64>) -> f64 {
    let (found, is_singular) = secure(triangle, factor);
    assert!(!is_singular);
    let exact = exact(triangle, size);
    let errors = found.iter().zip(&exact).map(|(found, exact)| {
        let exact = exact * factor.unwrap_or(1.0);
        (found / exact - 1.0).abs()
    });
    errors.fold(0.0, f64::max)
}

fn inflation(triangle: &[f64], size: usize) -> f64 {
    let inverse = exact(triangle, size);
    (0..size).map(|row| inverse[row] * triangle[place(row, row)]).fold(0.0, f64::max)
}

/// Small ones by transfers and large ones in slots, from independent columns to near twins.
#[test]
fn correct() {
    for (size, alike, unit) in [(1, 0.0, 1e17), (5, 0.3, 1e18), (24, 0.5, 1e18), (6, 0.9, 1e18)] {
        let triangle = matrix(size, alike, unit);
        let inflation = inflation(&triangle, size);
        let smallest = (0..size).map(|row| triangle[place(row, row)]).fold(f64::INFINITY, f64::min);
        let stated =
            inflation * (2_f64.powi(-24) * (size as f64).sqrt() + 2_f64.powi(23) / smallest);
        let worst = worst(&triangle, size, None);
        assert!(worst < stated, "{size}: {worst:e} of {stated:e}, inflation {inflation}");
    }
}

#[test]
fn a_factor_multiplies() {
    let triangle = matrix(4, 0.3, 1e18);
    let worst = worst(&triangle, 4, Some(2_f64.powi(33) * 1.3));
    assert!(worst < 1e-5, "{worst:e}");
}

#[test]
fn singular_matrices_are_noticed() {
    let sound = matrix(3, 0.2, 1e18);
    // The third row is the sum of the others; a row that is nothing; one that nearly is another.
    let sum = |row: usize| sound[place(0, row)] + sound[place(1, row)];
    let dependent = [&sound[..3], &[sum(0), sum(1), sum(0) + sum(1)]].concat();
    let nothing = [&sound[..3], &[0.0, 0.0, 1e9]].concat();
    let twins = vec![1e17, 1e17, 1e17 + 1e12];
    for triangle in [dependent, nothing, twins] {
        assert!(secure(&triangle, None).1, "{triangle:?}");
    }
}

/// A row whose power of two is 2^20: what is opened does not end in as many zeros.
#[test]
fn low_bits_do_not_tell_the_scale() {
    let outcome = both_dealt(6, async |party| {
        let products = Products::prepare(party).await.unwrap();
        let mut entries = Vec::new();
        for seed in 0..12 {
            let (first, second) = shares(seed, &[3 << 39]);
            let mine = if party.is_first() { first } else { second };
            let inverse = inverse_diagonal(party, &products, &mine, None).await.unwrap();
            entries.extend(inverse.entries);
        }
        entries
    });
    let entries = wide_sums(&outcome.first, &outcome.second);
    let zeros = entries.iter().map(|entry| entry.trailing_zeros());
    assert!(zeros.max().unwrap() < 16, "{entries:?}");
    for entry in entries {
        let value = entry as f64 / 2_f64.powi(UNIT_BITS as i32 - 39);
        assert!((value * 3.0 - 1.0).abs() < 1e-5, "{value}");
    }
}

/// Two rows.
async fn program(party: &mut TwoParty) -> Result<InverseDiagonal, MpcError> {
    let (first, second) = shares(3, &[3 << 56, 1 << 56, 2 << 56]);
    let mine = if party.is_first() { first } else { second };
    let products = Products::prepare(party).await?;
    inverse_diagonal(party, &products, &mine, None).await
}

#[test]
fn known_answer() {
    let outcome = both_dealt(3, program);
    let (first, second) = (outcome.first.unwrap(), outcome.second.unwrap());
    // The inverse of (3, 1; 1, 2) has the diagonal 2/5, 3/5.
    let entries = wide_sums(&first.entries, &second.entries);
    for (entry, fifths) in entries.into_iter().zip([2.0, 3.0]) {
        let value = entry as f64 / 2_f64.powi(UNIT_BITS as i32 - 56);
        assert!((value - fifths / 5.0).abs() < 1e-6, "{value}");
    }
    assert_eq!(
        outcome.transcript.hash(),
        "ce703900d8802c9e0505431ad0427b9f64dfe4a752e14aae435ca9e908963895"
    );
}

/// Products and words that are shortened, of so many rows where products go through transfers.
fn transfers(size: u64) -> [u64; 2] {
    let triangle = size * (size + 1) / 2;
    let updates = (0..size).map(|pivot| pivot + (pivot + 1..size).sum::<u64>());
    let updates: u64 = updates.sum();
    let divisions = size * (size - 1);
    // Each reciprocal takes seven products and eight words, and a product with its power of two.
    let products = 2 * triangle + 8 * size + divisions + updates + 2 * size;
    // The triangle is widened and scaled; powers of two come from bits.
    let words = 2 * triangle + 40 * size + (31 + 8) * size + divisions + updates + 2 * size;
    [products, words]
}

#[test]
fn cost() {
    let run = |size: usize| {
        let words: Vec<u64> =
            matrix(size, 0.0, 1e17).iter().map(|entry| *entry as i64 as u64).collect();
        let (first, second) = shares(4, &words);
        both_dealt(4, async |party| {
            let mine = if party.is_first() { &first } else { &second };
            let products = Products::prepare(party).await.unwrap();
            inverse_diagonal(party, &products, mine, None).await.unwrap();
        })
        .transcript
    };
    let (two, three) = (run(2), run(3));
    assert_eq!(three.rounds() - two.rounds(), 37);
    for (size, transcript) in [(2, two), (3, three)] {
        let [products, words] = transfers(size);
        // So do the bits of broken bounds.
        let first = 16 * (128 * products + words + 3 * size);
        assert_eq!(transcript.bytes_of(Side::First, "correlations"), first, "{size} rows");
        assert_eq!(transcript.bytes_of(Side::Second, "correlations"), 16 * 128 * products);
    }
}

#[test]
fn tampered() {
    // The steps are those of the blocks below.
    sweep(&["correlations"], program);
}

#[test]
fn peer_drops() {
    assert_drop_is_noticed("correlations", program);
}

#[test]
fn what_is_no_triangle_is_refused() {
    let outcome = both_dealt(5, async |party| {
        let products = Products::prepare(party).await.unwrap();
        let too_large = (SIZE_MAX + 1) * (SIZE_MAX + 2) / 2;
        let mut errors = Vec::new();
        for length in [0, 2, too_large] {
            errors.push(inverse_diagonal(party, &products, &vec![1; length], None).await.err());
        }
        errors
    });
    for error in outcome.first.into_iter().chain(outcome.second) {
        assert!(matches!(error, Some(MpcError::InvalidInput(_))), "{error:?}");
    }
}

/// Three parties, from independent columns to near twins.
#[test]
fn correct_with_three_parties() {
    for (size, alike) in [(3, 0.3), (4, 0.85)] {
        let triangle = matrix(size, alike, 1e18);
        let words: Vec<u64> = triangle.iter().map(|entry| *entry as i64 as u64).collect();
        let factor = 2_f64.powi(33) * 1.3;
        let shared = several::tests::shares(5, 3, &words, 1 << 64);
        let outcome = several::tests::all(7, 3, async |parties| {
            let factor = u128::from(parties.share_of_public(factor as u64));
            let products = several::product::Products::prepare(parties).await.unwrap();
            let own = &shared[parties.number()];
            inverse_diagonal(parties, &products, own, Some(factor)).await.unwrap()
        });
        let bit = outcome.results.iter().fold(0, |bit, it| bit ^ it.is_singular);
        assert_eq!(bit & 1, 0);
        let inflation = inflation(&triangle, size);
        let smallest = (0..size).map(|row| triangle[place(row, row)]).fold(f64::INFINITY, f64::min);
        let stated =
            1.5 * inflation * (2_f64.powi(-24) * (size as f64).sqrt() + 2_f64.powi(23) / smallest);
        for (row, exact) in exact(&triangle, size).iter().enumerate() {
            let sum =
                outcome.results.iter().fold(0_u128, |sum, it| sum.wrapping_add(it.entries[row]));
            let unit = 2_f64.powi(UNIT_BITS as i32 - FACTOR_SHIFT as i32);
            let error = (sum as i128 as f64 / unit / (exact * factor) - 1.0).abs();
            assert!(error < stated, "{size}: {error:e} of {stated:e}, inflation {inflation}");
        }
    }
}

#[test]
fn singular_matrices_are_noticed_by_three_parties() {
    let sound = matrix(2, 0.2, 1e18);
    // The second row is twice the first.
    let dependent = [sound[0] / 4.0, sound[0] / 2.0, sound[0]].map(|entry| entry as i64 as u64);
    let shared = several::tests::shares(6, 3, &dependent, 1 << 64);
    let outcome = several::tests::all(8, 3, async |parties| {
        let products = several::product::Products::prepare(parties).await.unwrap();
        let own = &shared[parties.number()];
        inverse_diagonal(parties, &products, own, None).await.unwrap().is_singular
    });
    assert_eq!(outcome.results.iter().fold(0, |bit, it| bit ^ it) & 1, 1);
}
