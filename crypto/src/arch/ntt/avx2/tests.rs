use super::*;

const PRIMES: [u64; 2] = [1_125_899_904_679_937, 4_398_046_150_657];

/// The numbers within `limit` of zero where a bound would first be broken, and some in between.
fn numbers(limit: i64) -> Vec<i64> {
    let steps = 1000;
    let spread = (-steps..=steps).map(|step| limit / steps * step);
    let ends = (0..50).flat_map(|offset| [limit - offset, offset - limit, offset]);
    spread.chain(ends).collect()
}

fn lanes_of(vector: __m256d) -> [f64; 4] {
    // SAFETY: both are 32 bytes and any bytes are doubles.
    unsafe { transmute::<__m256d, [f64; 4]>(vector) }
}

#[target_feature(enable = "avx2,fma")]
fn check_products(prime: u64) {
    let modulus = Modulus::new(prime);
    let lanes = Lanes::new(&modulus);
    let whole = prime as i64;
    for factor in [0, 1, 2, whole / 3, whole / 2 - 1, whole / 2, whole / 2 + 1, whole - 1] {
        let twiddle = Twiddle::broadcast(balanced(factor as u64, &modulus));
        for (moduli, far) in [(4, false), (8, true)] {
            for x in numbers(moduli * whole) {
                let vector = _mm256_set1_pd(x as f64);
                let (product, margin) = if far {
                    (lanes.multiply_far(vector, twiddle), 3 * x.abs() / 32)
                } else {
                    (lanes.multiply(vector, twiddle), x.abs() / 32)
                };
                let product = lanes_of(product)[0] as i64;
                assert!(product.abs() <= whole / 2 + margin + 1, "{x} times {factor}: {product}");
                let difference = i128::from(x) * i128::from(factor) - i128::from(product);
                assert_eq!(difference % i128::from(whole), 0, "{x} times {factor}: {product}");
            }
        }
    }
}

#[target_feature(enable = "avx2,fma")]
fn check_residues(prime: u64) {
    let modulus = Modulus::new(prime);
    let lanes = Lanes::new(&modulus);
    let whole = prime as i64;
    for x in numbers(1 << 53).into_iter().chain(numbers(8 * whole)) {
        let residue = lanes.reduce(_mm256_set1_pd(x as f64));
        let near_zero = lanes_of(residue)[0] as i64;
        assert!(near_zero.abs() <= whole / 2 + 1 && (x - near_zero) % whole == 0, "{x}");
        let mut words = [0; 4];
        store(&mut words, lanes.words(residue));
        assert_eq!(words, [x.rem_euclid(whole) as u64; 4]);
    }
    for x in [-whole + 1, -1, 0, 1, whole - 1] {
        let mut words = [0; 4];
        store(&mut words, lanes.words(_mm256_set1_pd(x as f64)));
        assert_eq!(words, [x.rem_euclid(whole) as u64; 4]);
    }
}

#[test]
fn products_and_residues_are_exact_and_as_small_as_stated() {
    if !crate::arch::ntt::has_avx2() {
        return;
    }
    for prime in PRIMES {
        // SAFETY: the processor was just asked.
        unsafe {
            check_products(prime);
            check_residues(prime);
        }
    }
}
