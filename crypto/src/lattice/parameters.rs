//! Which rings are offered, and why they are safe.

/// A ring `Z_Q[X]/(X^N + 1)` with ternary secrets and errors of standard deviation 3.24.
///
/// Every set keeps at least 128 bits against quantum attacks by the newer of the two public tables
/// (see [`SECURITY_TABLE`]); a test holds each set against it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Parameters {
    degree: usize,
    primes: &'static [u64],
}

impl Parameters {
    /// N = 8192, Q of three 50-bit primes: log2 Q < 150, against 161 that 128 quantum bits allow.
    pub const N8192_Q150: Self = Self {
        degree: 8192,
        primes: &[1_125_899_904_679_937, 1_125_899_903_827_969, 1_125_899_903_500_289],
    };

    /// N = 8192, Q of the first two of these primes: for short plaintexts.
    pub const N8192_Q100: Self =
        Self { degree: 8192, primes: &[1_125_899_904_679_937, 1_125_899_903_827_969] };

    /// Every set on offer.
    pub const ALL: &'static [Self] = &[Self::N8192_Q150, Self::N8192_Q100];

    /// A ring far too small to be secure, for tests against schoolbook arithmetic.
    #[cfg(test)]
    pub(crate) const fn insecure(degree: usize) -> Self {
        Self { degree, primes: Self::N8192_Q150.primes }
    }

    /// N, the number of coefficients.
    pub const fn degree(&self) -> usize {
        self.degree
    }

    /// The primes whose product is Q; each has 50 bits and is 1 modulo 2N.
    pub fn primes(&self) -> &'static [u64] {
        self.primes
    }

    /// floor(log2 Q).
    pub fn modulus_bits_floor(&self) -> u32 {
        let bits: f64 = self.primes.iter().map(|prime| (*prime as f64).log2()).sum();
        bits.floor() as u32
    }
}

/// The largest log2 Q for 128 bits of security with ternary secrets and error deviation 3.19:
/// (N, against classical attacks, against quantum attacks).
///
/// Bossuat et al., "Security Guidelines for Implementing Homomorphic Encryption", IACR
/// Communications in Cryptology 1(4), 2025 (eprint 2024/463), table 5.2. Q counts every prime that
/// a sample is ever published under; there is no key switching here, hence no further prime.
pub const SECURITY_TABLE: &[(usize, u32, u32)] = &[
    (1024, 26, 20),
    (2048, 53, 40),
    (4096, 106, 80),
    (8192, 214, 161),
    (16384, 430, 322),
    (32768, 868, 644),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_set_has_128_bits_against_quantum_attacks() {
        for set in Parameters::ALL {
            let row = SECURITY_TABLE.iter().find(|row| row.0 == set.degree());
            let (_, classical, quantum) = row.expect("the degree is in the table");
            assert!(set.modulus_bits_floor() < *quantum && quantum < classical, "{set:?}");
        }
    }

    #[test]
    fn primes_are_distinct_primes_of_50_bits_that_split_the_ring() {
        for set in Parameters::ALL {
            for (index, prime) in set.primes().iter().enumerate() {
                assert_eq!(prime.ilog2(), 49);
                assert_eq!(prime % (2 * set.degree() as u64), 1);
                assert!(!set.primes()[..index].contains(prime));
                // Trial division is quick enough: 2^25 odd candidates at most.
                assert!((3..1u64 << 25).step_by(2).all(|divisor| prime % divisor != 0));
            }
        }
    }
}
