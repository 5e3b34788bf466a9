//! Dividing large sets, so that an intersection of any size takes bounded memory.
//!
//! Both parties put each id into the bucket that its hash names and intersect bucket by bucket. How
//! many ids fall into a bucket says something about the set, so every bucket is filled up with
//! random values to a capacity that follows from the size of the whole set alone.

use crypto::hash::Keyed;
use crypto::random::Generator;

use super::Identifiers;
use crate::MatchingError;

/// The pieces into which a party divides its set before it knows the size of the other one. A
/// bucket is one or more of them, so that this bounds the number of buckets.
pub const SHARDS: usize = 256;

/// The hash of a key: the same on both sides for the same key, uniform over different ones.
///
/// White space at both ends does not count, as in [`Identifiers::new`].
#[derive(Clone, Debug)]
pub struct KeyHash(Keyed);

impl Default for KeyHash {
    fn default() -> Self {
        Self(Keyed::new("matching/psi id", &[]))
    }
}

impl KeyHash {
    /// The hash of one key.
    pub fn of(&self, key: &str) -> u128 {
        self.0.hash_128(key.trim().as_bytes())
    }
}

/// The shard, below [`SHARDS`], of a key with this hash.
pub const fn shard_of(hash: u128) -> usize {
    (hash >> 120) as usize
}

/// How two sets of stated sizes are divided; the same for both parties.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Buckets {
    count: usize,
}

impl Buckets {
    /// How many buckets a table wants, a power of two: so many that one holds about 2^20 rows and
    /// 512 MiB at most, as long as there are no more than [`SHARDS`].
    pub fn wanted(rows: usize, bytes: usize) -> usize {
        let count = rows.div_ceil(BUCKET_ROWS).max(bytes.div_ceil(BUCKET_BYTES));
        count.next_power_of_two().min(SHARDS)
    }

    /// The division into what the party with the larger table wants; `None` unless both wishes are
    /// a power of two up to [`SHARDS`].
    pub fn agreed(wishes: [usize; 2]) -> Option<Self> {
        let is_possible = |wish: &usize| wish.is_power_of_two() && *wish <= SHARDS;
        let count = wishes[0].max(wishes[1]);
        wishes.iter().all(is_possible).then_some(Self { count })
    }

    /// How many buckets.
    pub fn count(self) -> usize {
        self.count
    }

    /// The shards that make up a bucket, which is below [`count`](Self::count).
    pub fn shards(self, bucket: usize) -> std::ops::Range<usize> {
        let each = SHARDS / self.count;
        bucket * each..(bucket + 1) * each
    }

    /// The size to which every bucket of a set of `rows` ids is filled up.
    ///
    /// The number of ids in a bucket is binomial with mean μ = rows / count. By Bernstein's
    /// inequality it exceeds μ + t with probability at most exp(-t² / (2(μ + t/3))); t is chosen so
    /// that this is below 2^-40 for all buckets of both sets together.
    pub fn capacity(self, rows: usize) -> usize {
        let mean = rows as f64 / self.count as f64;
        let bits = STATISTICAL_BITS + (2 * self.count).ilog2();
        let exponent = f64::from(bits) * std::f64::consts::LN_2;
        let third = exponent / 3.0;
        let excess = third + (third * third + 2.0 * mean * exponent).sqrt();
        // Sets have at most 2^30 ids, so that this is exact.
        ((mean + excess).ceil() as usize).min(rows)
    }

    /// The ids of one bucket of a set of `rows` ids, filled up to the capacity with values from
    /// `rng` that stand behind the `hashes` of the keys.
    ///
    /// # Errors
    /// [`MatchingError::DuplicateIds`]; [`MatchingError::UnevenIds`] if more ids fall into the
    /// bucket than chance explains.
    pub fn fill(
        self,
        mut hashes: Vec<u128>,
        rows: usize,
        rng: &mut Generator,
    ) -> Result<Identifiers<'static>, MatchingError> {
        let capacity = self.capacity(rows);
        if hashes.len() > capacity {
            return Err(MatchingError::UnevenIds { rows: hashes.len(), capacity });
        }
        hashes.resize_with(capacity, || {
            u128::from(rng.next_u64()) << 64 | u128::from(rng.next_u64())
        });
        Identifiers::from_hashes(hashes, self.count)
    }
}

/// The aim for the rows of a bucket: large enough that what each run costs once is a small part,
/// small enough that a party takes a few hundred megabytes.
const BUCKET_ROWS: usize = 1 << 20;

/// The aim for the memory that the rows of a bucket take.
const BUCKET_BYTES: usize = 1 << 29;

const STATISTICAL_BITS: u32 = 40;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_larger_wish_holds() {
        assert_eq!(Buckets::wanted(0, 0), 1);
        assert_eq!(Buckets::wanted(5_000_000, 0), 8);
        assert_eq!(Buckets::wanted(10, 8 << 30), 16);
        assert_eq!(Buckets::wanted(1 << 30, 0), SHARDS);
        assert_eq!(Buckets::agreed([8, 128]).unwrap().count(), 128);
        for wishes in [[0, 8], [8, 3], [512, 8]] {
            assert_eq!(Buckets::agreed(wishes), None);
        }
    }

    #[test]
    fn shards_of_all_buckets_are_all_shards() {
        for count in [1, 8, SHARDS] {
            let buckets = Buckets { count };
            let shards: Vec<usize> = (0..count).flat_map(|it| buckets.shards(it)).collect();
            assert_eq!(shards, (0..SHARDS).collect::<Vec<_>>());
        }
        assert_eq!((shard_of(0), shard_of(u128::MAX)), (0, SHARDS - 1));
    }

    /// 2^20 ids in a bucket take 0.8 % more, ten take 50.
    #[test]
    fn capacity_grows_with_the_root_of_the_mean() {
        let buckets = Buckets { count: 128 };
        assert_eq!(buckets.capacity(1 << 27), 1_056_941);
        assert_eq!(buckets.capacity(1280), 50);
        assert_eq!(buckets.capacity(7), 7);
        assert_eq!(Buckets { count: 1 }.capacity(9), 9);
    }

    proptest! {
        /// Uniform hashes fit, with room to spare.
        #[test]
        fn uniform_hashes_fit(seed in any::<u64>(), rows in 1_usize..3000) {
            let buckets = Buckets { count: 16 };
            let mut rng = Generator::from_seed([seed as u8; 32]);
            let hash = KeyHash::default();
            let mut sizes = vec![0; 16];
            for row in 0..rows {
                let shard = shard_of(hash.of(&format!("{seed} {row}")));
                sizes[shard / (SHARDS / 16)] += 1;
            }
            let largest = sizes.into_iter().max().unwrap_or(0);
            prop_assert!(largest <= buckets.capacity(rows));
            let hashes: Vec<u128> = (0..largest as u128).collect();
            let filled = buckets.fill(hashes, rows, &mut rng).unwrap();
            prop_assert_eq!(filled.len(), buckets.capacity(rows));
        }
    }

    #[test]
    fn ids_that_chance_does_not_explain_are_refused() {
        let buckets = Buckets { count: 16 };
        let mut rng = Generator::from_seed([0; 32]);
        let capacity = buckets.capacity(3200);
        let hashes: Vec<u128> = (0..=capacity as u128).collect();
        let error = buckets.fill(hashes, 3200, &mut rng).err().unwrap().to_string();
        assert!(error.contains("made up"), "{error}");
        let error = buckets.fill(vec![1, 2, 1], 3200, &mut rng).err().unwrap();
        assert!(matches!(error, MatchingError::DuplicateIds { count: 1, .. }));
    }
}
