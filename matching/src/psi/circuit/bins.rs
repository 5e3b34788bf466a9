//! A cuckoo table without a stash: each key in one of its three bins, at most one key in a bin.

use crypto::hash::{CorrelationRobust, digest};
use rayon::prelude::*;

use crate::okvs::NotEncodable;
use crate::psi::oprf::{BLOCKS_PER_TASK, Salt};

/// The public description of a table: how many bins, and which three a key may stand in.
///
/// # Failure
/// A table exists unless s + 1 keys have all their bins among some s, for keys that were fixed
/// before the seed was drawn. A smallest such set fills each of these bins at least twice; counting
/// all such sets bounds the probability below 2^-40 for [`count`] bins. The test of this module
/// evaluates the bound. The 1.27 bins for a key that are customary (Pinkas, Schneider, Zohner, ACM
/// TOPS 2018, table 3: fitted to experiments) are 3 % fewer and too few for small sets.
pub(super) struct Bins {
    count: usize,
    hash: CorrelationRobust,
}

/// How many bins the table of `keys_count` keys has.
pub(super) fn count(keys_count: usize) -> usize {
    (131 * keys_count).div_ceil(100) + 110
}

impl Bins {
    /// The bins for `keys_count` keys, at most 2^30. The seed is to be drawn after the keys.
    pub(super) fn new(keys_count: usize, seed: &Salt) -> Self {
        let mut key = [0; 16];
        key.copy_from_slice(&digest("matching/psi/circuit bins", &[seed])[..16]);
        Self { count: count(keys_count), hash: CorrelationRobust::with_key(key) }
    }

    /// The three different bins of each key. Runs on the current rayon pool.
    pub(super) fn candidates(&self, keys: &[u128]) -> Vec<[u32; CHOICES]> {
        let mut candidates = vec![[0; CHOICES]; keys.len()];
        candidates.par_chunks_mut(BLOCKS_PER_TASK).zip(keys.par_chunks(BLOCKS_PER_TASK)).for_each(
            |(candidates, keys)| {
                let mut places = keys.to_vec();
                self.hash.hash_each(&[PLACE_TWEAK; BLOCKS_PER_TASK][..keys.len()], &mut places);
                for (candidates, place) in candidates.iter_mut().zip(places) {
                    *candidates = self.three(place);
                }
            },
        );
        candidates
    }

    /// For each key, what it is called in the first, the second and the third of its bins.
    pub(super) fn names(&self, keys: &[u128]) -> Vec<[u128; CHOICES]> {
        let names = |key: &u128| {
            let mut names = [*key; CHOICES];
            self.hash.hash_each(&NAME_TWEAKS, &mut names);
            names
        };
        keys.par_iter().map(names).collect()
    }

    /// Three different bins from 42 random bits for each; the bias is below 2^-17.
    fn three(&self, hash: u128) -> [u32; CHOICES] {
        let draw = |choice: u32, range: usize| {
            let bits = hash >> (DRAW_BITS * choice) & ((1 << DRAW_BITS) - 1);
            ((bits * range as u128) >> DRAW_BITS) as u32
        };
        let first = draw(0, self.count);
        let mut second = draw(1, self.count - 1);
        second += u32::from(second >= first);
        let mut third = draw(2, self.count - 2);
        third += u32::from(third >= first.min(second));
        third += u32::from(third >= first.max(second));
        [first, second, third]
    }
}

/// Puts keys with these candidates into `bins` bins: for each bin, the index of its key.
///
/// Which memory is touched, and the time, depend on the keys.
///
/// # Errors
///
/// [`NotEncodable`] if no such table exists.
pub(super) fn place(
    candidates: &[[u32; CHOICES]],
    bins: usize,
) -> Result<Vec<Option<u32>>, NotEncodable> {
    let mut table = Table {
        candidates,
        bins: vec![None; bins],
        seen: vec![0; bins],
        from: vec![None; bins],
        queue: Vec::new(),
    };
    (0..candidates.len() as u32).try_for_each(|key| table.insert(key))?;
    Ok(table.bins)
}

/// A table that fills up.
struct Table<'a> {
    candidates: &'a [[u32; CHOICES]],
    /// The key in each bin.
    bins: Vec<Option<u32>>,
    /// The last search that saw each bin: one more than the key that it was for.
    seen: Vec<u32>,
    /// The bin whose key that search would have moved here; none for the new key.
    from: Vec<Option<u32>>,
    /// Full bins whose keys may have to move, in the order of their distance.
    queue: Vec<u32>,
}

impl Table<'_> {
    /// Moves the fewest keys that make room for a new one: a search in breadth, which finds room if
    /// there is any.
    fn insert(&mut self, key: u32) -> Result<(), NotEncodable> {
        self.queue.clear();
        if self.look_at(key, None, key) {
            return Ok(());
        }
        let mut next = 0;
        while let Some(&bin) = self.queue.get(next) {
            next += 1;
            // Only full bins are queued.
            let Some(resident) = self.bins[bin as usize] else { continue };
            if self.look_at(resident, Some(bin), key) {
                return Ok(());
            }
        }
        Err(NotEncodable)
    }

    /// Looks for room in the bins of `moved`, which stands in `from`, in the search for `key`.
    fn look_at(&mut self, moved: u32, from: Option<u32>, key: u32) -> bool {
        for bin in self.candidates[moved as usize] {
            let index = bin as usize;
            if self.seen[index] == key + 1 {
                continue;
            }
            self.seen[index] = key + 1;
            self.from[index] = from;
            if self.bins[index].is_none() {
                self.shift(bin, key);
                return true;
            }
            self.queue.push(bin);
        }
        false
    }

    /// Moves the keys on the way to the empty `bin`, and puts `key` where the way begins.
    fn shift(&mut self, bin: u32, key: u32) {
        let mut to = bin as usize;
        while let Some(from) = self.from[to] {
            self.bins[to] = self.bins[from as usize];
            to = from as usize;
        }
        self.bins[to] = Some(key);
    }
}

/// Bins that a key may stand in.
pub(super) const CHOICES: usize = 3;

const DRAW_BITS: u32 = 42;

const PLACE_TWEAK: u128 = 0;
const NAME_TWEAKS: [u128; CHOICES] = [1, 2, 3];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn every_key_stands_in_one_of_its_bins(count in 0_usize..500, seed: Salt) {
            let keys: Vec<u128> = (0..count as u128).collect();
            let bins = Bins::new(count, &seed);
            let candidates = bins.candidates(&keys);
            let table = place(&candidates, bins.count).unwrap();
            prop_assert_eq!(table.len(), super::count(count));
            let mut placed = BTreeSet::new();
            for (bin, key) in (0..).zip(table) {
                let Some(key) = key else { continue };
                prop_assert!(candidates[key as usize].contains(&bin));
                prop_assert!(placed.insert(key));
            }
            prop_assert_eq!(placed.len(), count);
        }

        /// The search finds a table whenever there is one: against trying everything.
        #[test]
        fn tables_are_found_if_they_exist(
            candidates in prop::collection::vec(prop::array::uniform3(0_u32..7), 0..8),
        ) {
            fn exists(candidates: &[[u32; CHOICES]], used: u32) -> bool {
                let Some((bins, rest)) = candidates.split_first() else { return true };
                bins.iter().any(|bin| used >> bin & 1 == 0 && exists(rest, used | 1 << bin))
            }
            prop_assert_eq!(place(&candidates, 7).is_ok(), exists(&candidates, 0));
        }
    }

    #[test]
    fn large_tables_fill() {
        let keys: Vec<u128> = (0..200_000).collect();
        let bins = Bins::new(keys.len(), &[1; 16]);
        let table = place(&bins.candidates(&keys), bins.count).unwrap();
        assert_eq!(table.iter().flatten().count(), keys.len());
    }

    #[test]
    fn candidates_and_names_are_different_and_depend_on_the_seed() {
        let keys: Vec<u128> = (0..3000).collect();
        let (one, other) = (Bins::new(3000, &[1; 16]), Bins::new(3000, &[2; 16]));
        for [first, second, third] in one.candidates(&keys) {
            assert!(first != second && first != third && second != third);
            assert!(first.max(second).max(third) < one.count as u32);
        }
        let names: BTreeSet<u128> = one.names(&keys).into_iter().flatten().collect();
        assert_eq!(names.len(), 9000);
        assert!(other.names(&keys).iter().flatten().all(|name| !names.contains(name)));
        assert_ne!(one.candidates(&keys), other.candidates(&keys));
    }

    /// All 60 ordered triples of five bins, equally often.
    #[test]
    fn candidates_are_uniform() {
        let mut bins = Bins::new(1, &[3; 16]);
        bins.count = 5;
        let mut counts = std::collections::BTreeMap::new();
        for candidates in bins.candidates(&(0..60_000).collect::<Vec<u128>>()) {
            *counts.entry(candidates).or_insert(0_u32) += 1;
        }
        assert_eq!(counts.len(), 60);
        // Six standard deviations of a binomial(60 000, 1/60) are 188.
        assert!(counts.values().all(|count| count.abs_diff(1000) < 188), "{counts:?}");
    }

    /// The logarithm of the bound on the probability that no table exists: the expected number of
    /// sets of s + 1 keys and s bins in which these keys have all their bins, each bin twice.
    fn failure_log2(keys: usize, bins: usize) -> f64 {
        let mut ln_factorial = vec![0.0_f64];
        for number in 1..=bins.max(3 * keys) {
            ln_factorial.push(ln_factorial[number - 1] + (number as f64).ln());
        }
        let choose = |n: usize, k: usize| ln_factorial[n] - ln_factorial[k] - ln_factorial[n - k];
        let triples = (bins as f64).ln() + ((bins - 1) as f64).ln() + ((bins - 2) as f64).ln();
        let mut sum = 0.0;
        for s in 3..keys {
            // Ways to throw 3(s + 1) balls into s bins, at least 2 into each: at most
            // (3s + 3)!·(e^x - 1 - x)^s / x^(3s + 3) for any x; best where the mean load fits.
            let balls = 3 * (s + 1);
            let mean = balls as f64 / s as f64;
            let (mut low, mut high) = (1e-3_f64, 20.0_f64);
            for _ in 0..50 {
                let x = f64::midpoint(low, high);
                if x * x.exp_m1() / (x.exp_m1() - x) < mean { low = x } else { high = x }
            }
            let twice = ln_factorial[balls] + s as f64 * (high.exp_m1() - high).ln()
                - balls as f64 * high.ln();
            // For few bins it is better to count only that the three of a key are different.
            let different = (s + 1) as f64 * ((s * (s - 1) * (s - 2)) as f64).ln();
            let ways = twice.min(different);
            let all = choose(keys, s + 1) + choose(bins, s) + ways - (s + 1) as f64 * triples;
            sum += all.exp();
        }
        sum.log2()
    }

    #[test]
    fn tables_exist_but_with_probability_2_to_the_minus_40() {
        for keys in (4..300).step_by(7).chain([512, 777, 1024, 1500, 2048, 4096, 10_000]) {
            let found = failure_log2(keys, count(keys));
            assert!(found <= -40.0, "{keys} keys: 2^{found}");
        }
        // The bound says something: the customary size is too small for it.
        assert!(failure_log2(128, 163) > -40.0);
    }
}
