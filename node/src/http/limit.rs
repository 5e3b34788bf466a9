//! How many calls somebody may make: a bucket that fills evenly and holds one minute's worth.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

/// The calls that are left to each caller.
#[derive(Debug)]
pub(super) struct Limit {
    per_minute: u32,
    buckets: Mutex<HashMap<String, Bucket>>,
}

#[derive(Clone, Copy, Debug)]
struct Bucket {
    /// Calls that are left, in thousandths at the time `at`.
    left: u64,
    at: u64,
}

/// What a caller is told about its calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Allowance {
    /// Calls in a minute.
    pub(super) limit: u32,
    /// Calls that are left.
    pub(super) left: u32,
    /// Seconds until all of them are back; for a caller that has none left, until the next one.
    pub(super) seconds: u64,
    /// Whether this call may be made.
    pub(super) is_allowed: bool,
}

impl Limit {
    pub(super) fn new(per_minute: u32) -> Self {
        Self { per_minute, buckets: Mutex::default() }
    }

    /// Takes one call of `caller` at `now` (milliseconds).
    pub(super) fn take(&self, caller: &str, now: u64) -> Allowance {
        let full = u64::from(self.per_minute) * CALL;
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        if buckets.len() >= CALLERS_MAX {
            // A bucket that has had a minute to fill says nothing any more.
            buckets.retain(|_, bucket| now.saturating_sub(bucket.at) < MINUTE);
            if buckets.len() >= CALLERS_MAX {
                buckets.clear();
            }
        }
        let bucket = buckets.entry(caller.to_owned()).or_insert(Bucket { left: full, at: now });
        let elapsed = now.saturating_sub(bucket.at).min(MINUTE);
        bucket.left = (bucket.left + elapsed * full / MINUTE).min(full);
        bucket.at = now;
        let is_allowed = bucket.left >= CALL;
        if is_allowed {
            bucket.left -= CALL;
        }
        let wanted = if is_allowed { full - bucket.left } else { CALL - bucket.left };
        Allowance {
            limit: self.per_minute,
            left: (bucket.left / CALL) as u32,
            seconds: (wanted * MINUTE).div_ceil(full * 1000),
            is_allowed,
        }
    }
}

/// A call in the unit of buckets.
const CALL: u64 = 1000;
/// Milliseconds.
const MINUTE: u64 = 60_000;
/// Callers that are told apart at most: 1 MB or so.
const CALLERS_MAX: usize = 10_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_minutes_worth_comes_back_in_a_minute() {
        let limit = Limit::new(60);
        for left in (0..60).rev() {
            let allowance = limit.take("anna", 1_000);
            assert!(allowance.is_allowed);
            assert_eq!((allowance.limit, allowance.left), (60, left));
        }
        let refused = limit.take("anna", 1_000);
        assert_eq!((refused.is_allowed, refused.left, refused.seconds), (false, 0, 1));
        assert!(limit.take("ben", 1_000).is_allowed);
        assert!(limit.take("anna", 2_000).is_allowed);
        assert!(!limit.take("anna", 2_000).is_allowed);
        assert_eq!(limit.take("anna", 1_000_000).left, 59);
        // A clock that is set back takes nothing away.
        assert!(limit.take("anna", 0).is_allowed);
    }

    #[test]
    fn the_number_of_callers_is_bounded() {
        let limit = Limit::new(60);
        for number in 0..30_000 {
            assert!(limit.take(&number.to_string(), 5).is_allowed);
        }
        assert!(limit.buckets.lock().unwrap().len() <= CALLERS_MAX);
    }
}
