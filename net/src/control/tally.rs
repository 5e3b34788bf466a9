//! How many of something there are at a time, in all and for each key.

use std::collections::BTreeMap;
use std::fmt;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Counts what is open, and lets no more in than is allowed.
#[derive(Debug)]
pub(super) struct Tally<K> {
    each_max: usize,
    total_max: usize,
    counts: Mutex<BTreeMap<K, usize>>,
}

impl<K: Ord + Clone> Tally<K> {
    pub(super) fn new(each_max: usize, total_max: usize) -> Arc<Self> {
        Arc::new(Self { each_max, total_max, counts: Mutex::new(BTreeMap::new()) })
    }

    /// Lets one more in, until what it returns is dropped; `None` if there are too many.
    pub(super) fn enter(self: &Arc<Self>, key: K) -> Option<Entered<K>> {
        let mut counts = self.counts();
        let own = counts.get(&key).copied().unwrap_or_default();
        if own >= self.each_max || counts.values().sum::<usize>() >= self.total_max {
            return None;
        }
        counts.insert(key.clone(), own + 1);
        drop(counts);
        Some(Entered { tally: Arc::clone(self), key })
    }

    fn counts(&self) -> MutexGuard<'_, BTreeMap<K, usize>> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One that was let in.
pub(super) struct Entered<K: Ord + Clone> {
    tally: Arc<Tally<K>>,
    key: K,
}

impl<K: Ord + Clone> Drop for Entered<K> {
    fn drop(&mut self) {
        let mut counts = self.tally.counts();
        match counts.get_mut(&self.key) {
            Some(count @ 2..) => *count -= 1,
            _ => {
                counts.remove(&self.key);
            }
        }
    }
}

impl<K: Ord + Clone + fmt::Debug> fmt::Debug for Entered<K> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_tuple("Entered").field(&self.key).finish()
    }
}

/// A caller as limits see it: an address, or the network of one customer where addresses are
/// plenty.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Origin(IpAddr);

impl Origin {
    pub(super) fn new(address: IpAddr) -> Self {
        match address.to_canonical() {
            IpAddr::V6(address) => Self(IpAddr::V6((address.to_bits() >> 64 << 64).into())),
            address @ IpAddr::V4(_) => Self(address),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn more_than_allowed_wait_outside_until_one_leaves() {
        let tally = Tally::new(2, 3);
        let first = tally.enter('a').unwrap();
        let _second = tally.enter('a').unwrap();
        assert!(tally.enter('a').is_none(), "one key has its limit");
        let third = tally.enter('b').unwrap();
        assert!(tally.enter('c').is_none(), "all together have theirs");
        drop(third);
        assert_eq!(tally.counts().len(), 1, "who left is forgotten");
        drop(first);
        assert!(tally.enter('a').is_some());
    }

    #[test]
    fn a_customer_with_many_addresses_is_one_origin() {
        let origin = |text: &str| Origin::new(text.parse().unwrap());
        assert_eq!(origin("2001:db8:1:2::1"), origin("2001:db8:1:2:ffff::9"));
        assert_ne!(origin("2001:db8:1:2::1"), origin("2001:db8:1:3::1"));
        assert_eq!(origin("::ffff:192.0.2.1"), origin("192.0.2.1"));
        assert_ne!(origin("192.0.2.1"), origin("192.0.2.2"));
    }
}
