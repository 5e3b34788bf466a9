use super::*;
use crate::random::Generator;

const PRIMES: [u64; 2] = [1_125_899_904_679_937, 4_398_046_150_657];

fn residues(rng: &mut Generator, count: usize, prime: u64) -> Vec<u64> {
    (0..count).map(|_| rng.below(prime)).collect()
}

/// The product modulo X^N + 1, coefficient by coefficient.
fn schoolbook(left: &[u64], right: &[u64], modulus: &Modulus) -> Vec<u64> {
    let degree = left.len();
    let mut product = vec![0; degree];
    for (i, left) in left.iter().enumerate() {
        for (j, right) in right.iter().enumerate() {
            let term = modulus.multiply(*left, *right);
            let place = (i + j) % degree;
            product[place] = if i + j < degree {
                modulus.add(product[place], term)
            } else {
                modulus.subtract(product[place], term)
            };
        }
    }
    product
}

#[test]
fn products_agree_with_schoolbook() {
    let mut rng = Generator::from_seed([1; 32]);
    for prime in PRIMES {
        for degree in [2, 4, 8, 16, 32, 64, 128, 256] {
            let table = Table::new(degree, Modulus::new(prime));
            let (left, right) =
                (residues(&mut rng, degree, prime), residues(&mut rng, degree, prime));
            let expected = schoolbook(&left, &right, table.modulus());
            for engine in Engine::available() {
                let (mut left, mut right) = (left.clone(), right.clone());
                engine.forward(&table, &mut left);
                engine.forward(&table, &mut right);
                engine.multiply(table.modulus(), &mut left, &right);
                engine.inverse(&table, &mut left);
                assert_eq!(left, expected, "{engine:?}, degree {degree}");
            }
        }
    }
}

#[test]
fn engines_give_the_same_transforms() {
    let mut rng = Generator::from_seed([2; 32]);
    for (degree, prime) in [(8192, PRIMES[0]), (4096, PRIMES[0]), (8192, PRIMES[1])] {
        let table = Table::new(degree, Modulus::new(prime));
        let mut extremes = vec![prime - 1; degree];
        extremes[degree / 2..].fill(0);
        for values in [residues(&mut rng, degree, prime), vec![prime - 1; degree], extremes] {
            let mut expected = values.clone();
            portable::forward(&table, &mut expected);
            for engine in Engine::available() {
                let mut transformed = values.clone();
                engine.forward(&table, &mut transformed);
                assert_eq!(transformed, expected, "{engine:?}");
                engine.inverse(&table, &mut transformed);
                assert_eq!(transformed, values, "{engine:?}");
            }
        }
    }
}

#[test]
fn sums_of_products_are_exact_to_the_last_term() {
    let modulus = Modulus::new(PRIMES[0]);
    let mut rng = Generator::from_seed([3; 32]);
    let count = 37;
    let left = residues(&mut rng, count, PRIMES[0]);
    let mut right = residues(&mut rng, count, PRIMES[0]);
    right[0] = PRIMES[0] - 1;
    for engine in Engine::available() {
        let (mut low, mut high) = (vec![0; count], vec![0; count]);
        for _ in 0..4095 {
            engine.accumulate(&mut low, &mut high, &left, &right);
        }
        engine.settle(&modulus, &mut low, &high);
        for index in 0..count {
            let product = modulus.multiply(left[index], right[index]);
            assert_eq!(low[index], modulus.multiply(product, 4095), "{engine:?}");
        }
    }
}

#[test]
fn weighted_and_ternary_sums_are_exact() {
    let mut rng = Generator::from_seed([4; 32]);
    for count in [0, 1, 7, 8, 63, 64, 100, 1024, 8192] {
        let mut words = residues(&mut rng, count, PRIMES[0]);
        words.iter_mut().take(20).for_each(|word| *word = (1 << 50) - 1);
        let limit = (1i32 << 20) - 1;
        let mut weights: Vec<i32> =
            (0..count).map(|_| rng.below(1 << 21) as i32 - limit).map(|w| w.min(limit)).collect();
        weights.iter_mut().take(10).for_each(|weight| *weight = -limit);
        let signs: Vec<i64> = (0..count).map(|_| rng.below(3) as i64 - 1).collect();
        let bits = |sign| -> Vec<u64> {
            let word = |signs: &[i64]| {
                let set = signs.iter().enumerate().filter(|(_, value)| **value == sign);
                set.map(|(bit, _)| 1 << bit).sum()
            };
            signs.chunks(64).map(word).collect()
        };
        let products = words.iter().zip(&weights);
        let weighted: i128 = products.map(|(w, x)| i128::from(*w) * i128::from(*x)).sum();
        let signed: i64 = words.iter().zip(&signs).map(|(word, sign)| *word as i64 * sign).sum();
        for engine in Engine::available() {
            assert_eq!(engine.weighted_sum(&weights, &words), weighted, "{engine:?}");
            let sum = engine.ternary_sum(&bits(1), &bits(-1), &words);
            assert_eq!(sum, signed, "{engine:?}, {count} words");
        }
    }
}

#[test]
fn histograms_agree() {
    let mut rng = Generator::from_seed([5; 32]);
    let codes: Vec<u8> = (0..1000).map(|_| rng.below(7) as u8).collect();
    for width in [3, 4, 8, 24] {
        let rows = residues(&mut rng, codes.len() * width, PRIMES[0]);
        let mut expected = vec![0; 7 * width];
        for (code, row) in codes.iter().zip(rows.chunks(width)) {
            for (place, word) in row.iter().enumerate() {
                expected[usize::from(*code) * width + place] += word;
            }
        }
        for engine in Engine::available() {
            let mut table = vec![0; 7 * width];
            engine.histogram(&codes, &rows, width, &mut table);
            assert_eq!(table, expected, "{engine:?}");
        }
    }
}

#[test]
fn element_wise_kernels_agree_with_the_modulus() {
    let modulus = Modulus::new(PRIMES[0]);
    let mut rng = Generator::from_seed([6; 32]);
    let count = 37;
    let (left, mut right) =
        (residues(&mut rng, count, PRIMES[0]), residues(&mut rng, count, PRIMES[0]));
    right[0] = 0;
    let small: Vec<i32> = (0..count as i32).map(|index| (index - 18) * 1_000_003).collect();
    let wide: Vec<u64> = (0..count).map(|_| rng.next_u64() >> 12).collect();
    let factors = [modulus.factor(left[1]), modulus.factor(PRIMES[0] - 1)];
    for engine in Engine::available() {
        let [mut sum, mut difference, mut shifted, mut scaled] = [(); 4].map(|()| left.clone());
        engine.add(&modulus, &mut sum, &right);
        engine.subtract(&modulus, &mut difference, &right);
        engine.add_small(&modulus, &mut shifted, &small);
        engine.add_scaled(&modulus, &mut scaled, [&wide, &right], factors);
        for index in 0..count {
            let word = left[index];
            let signed = modulus.reduce_signed(i128::from(small[index]));
            let products = u128::from(wide[index]) * u128::from(factors[0].value)
                + u128::from(right[index]) * u128::from(factors[1].value);
            let product = (products % u128::from(PRIMES[0])) as u64;
            assert_eq!(sum[index], modulus.add(word, right[index]), "{engine:?}");
            assert_eq!(difference[index], modulus.subtract(word, right[index]), "{engine:?}");
            assert_eq!(shifted[index], modulus.add(word, signed), "{engine:?}");
            let product = modulus.subtract(product, 1);
            assert_eq!(scaled[index], modulus.add(word, product), "{engine:?}");
        }
    }
}

/// Every pair of the residues where carries, borrows and roundings change, in `count` places.
fn extreme_pairs(count: usize, prime: u64) -> [Vec<u64>; 2] {
    let residues =
        [0, 1, 2, (1 << 26) - 1, prime / 4, prime / 2, prime / 2 + 1, prime - 2, prime - 1];
    let at = |index: usize| residues[index % residues.len()];
    [(0..count).map(at).collect(), (0..count).map(|index| at(index / residues.len())).collect()]
}

#[test]
fn engines_agree_on_extremes_at_every_length() {
    for prime in PRIMES {
        let modulus = Modulus::new(prime);
        for count in (0..20).chain([81]) {
            let [left, right] = extreme_pairs(count, prime);
            let wide = vec![(1 << 52) - 1; count];
            let small: Vec<i32> = (0..count).map(|index| [i32::MIN, -1, 0, 1][index % 4]).collect();
            let factors = [modulus.factor(prime - 1), modulus.factor(prime / 2)];
            for engine in Engine::available() {
                let [mut product, mut sum, mut difference, mut shifted, mut scaled] =
                    [(); 5].map(|()| left.clone());
                engine.multiply(&modulus, &mut product, &right);
                engine.add(&modulus, &mut sum, &right);
                engine.subtract(&modulus, &mut difference, &right);
                engine.add_small(&modulus, &mut shifted, &small);
                engine.add_scaled(&modulus, &mut scaled, [&wide, &right], factors);
                let [mut expected_sum, mut expected_difference, mut expected_shifted] =
                    [(); 3].map(|()| left.clone());
                portable::add(&modulus, &mut expected_sum, &right);
                portable::subtract(&modulus, &mut expected_difference, &right);
                portable::add_small(&modulus, &mut expected_shifted, &small);
                let mut expected_scaled = left.clone();
                portable::add_scaled(&modulus, &mut expected_scaled, [&wide, &right], factors);
                for (index, product) in product.iter().enumerate() {
                    let exact = u128::from(left[index]) * u128::from(right[index]);
                    assert_eq!(u128::from(*product), exact % u128::from(prime), "{engine:?}");
                }
                assert_eq!(sum, expected_sum, "{engine:?}");
                assert_eq!(difference, expected_difference, "{engine:?}");
                assert_eq!(shifted, expected_shifted, "{engine:?}");
                assert_eq!(scaled, expected_scaled, "{engine:?}");
            }
        }
    }
}

#[test]
fn engines_accumulate_and_settle_the_same_words() {
    let modulus = Modulus::new(PRIMES[0]);
    let mut rng = Generator::from_seed([7; 32]);
    for count in (0..20).chain([100]) {
        let largest = (1 << 50) - 1;
        let [mut left, mut right] = extreme_pairs(count, PRIMES[0]);
        left.iter_mut().skip(81).for_each(|word| *word = rng.below(largest + 1));
        right.iter_mut().skip(81).for_each(|word| *word = largest);
        // Multiples of 2^52 and of 2^51, and their neighbours, round to either side.
        let edges = [(1 << 26, 1 << 26), (1 << 25, 1 << 26), ((1 << 26) - 1, (1 << 26) + 1)];
        for (index, edge) in edges.into_iter().enumerate().take(count) {
            (left[index], right[index]) = edge;
        }
        let (mut low, mut high) = (vec![5; count], vec![7; count]);
        portable::accumulate(&mut low, &mut high, &left, &right);
        let full_low: Vec<u64> = (0..count).map(|_| u64::MAX - rng.below(3)).collect();
        let full_high: Vec<u64> = (0..count).map(|_| (1 << 61) - 1 - rng.below(3)).collect();
        for engine in Engine::available() {
            let (mut words, mut carries) = (vec![5; count], vec![7; count]);
            engine.accumulate(&mut words, &mut carries, &left, &right);
            assert_eq!((&words, &carries), (&low, &high), "{engine:?}");
            let mut settled = full_low.clone();
            engine.settle(&modulus, &mut settled, &full_high);
            for ((settled, low), high) in settled.iter().zip(&full_low).zip(&full_high) {
                let exact = u128::from(*low) + (u128::from(*high) << 52);
                assert_eq!(u128::from(*settled), exact % u128::from(PRIMES[0]), "{engine:?}");
            }
        }
    }
}
