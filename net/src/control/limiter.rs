//! How often strangers may be heard.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use super::tally::Origin;

/// Lets through so many at once, and then one at each interval, in all and from each origin.
#[derive(Debug)]
pub(super) struct Limiter {
    all: Bucket,
    each: BTreeMap<Origin, Bucket>,
}

impl Limiter {
    pub(super) fn new(now: Instant) -> Self {
        Self { all: Bucket::new(now), each: BTreeMap::new() }
    }

    /// Whether one more from `origin` may be heard now. One origin that is refused takes nothing
    /// from the others.
    pub(super) fn admits(&mut self, origin: Origin, now: Instant) -> bool {
        if !self.each.contains_key(&origin) && self.each.len() >= ORIGINS_MAX {
            self.each.retain(|_, bucket| !bucket.is_full(now));
            if self.each.len() >= ORIGINS_MAX {
                return false;
            }
        }
        let own = self.each.entry(origin).or_insert_with(|| Bucket::new(now));
        own.has_one(EACH, now) && self.all.has_one(ALL, now) && {
            own.take(EACH, now);
            self.all.take(ALL, now);
            true
        }
    }
}

#[derive(Clone, Copy)]
struct Rate {
    interval: Duration,
    burst: u32,
}

/// A bucket of tokens, as the time at which it will be full again.
#[derive(Clone, Copy, Debug)]
struct Bucket {
    full_at: Instant,
}

impl Bucket {
    fn new(now: Instant) -> Self {
        Self { full_at: now }
    }

    fn is_full(&self, now: Instant) -> bool {
        self.full_at <= now
    }

    fn has_one(&self, rate: Rate, now: Instant) -> bool {
        self.full_at.saturating_duration_since(now) <= rate.interval * (rate.burst - 1)
    }

    fn take(&mut self, rate: Rate, now: Instant) {
        self.full_at = self.full_at.max(now) + rate.interval;
    }
}

const ALL: Rate = Rate { interval: Duration::from_secs(1), burst: 5 };
const EACH: Rate = Rate { interval: Duration::from_secs(10), burst: 3 };
/// Origins that are remembered; more are refused until some of these have been quiet for a while.
const ORIGINS_MAX: usize = 1024;

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use super::*;

    fn origin(number: u32) -> Origin {
        Origin::new(IpAddr::V4(number.into()))
    }

    #[test]
    fn one_origin_gets_a_few_then_one_at_each_interval() {
        let start = Instant::now();
        let mut limiter = Limiter::new(start);
        let admitted = |limiter: &mut Limiter, seconds: u64| {
            let now = start + Duration::from_secs(seconds);
            (0..10).filter(|_| limiter.admits(origin(1), now)).count()
        };
        assert_eq!(admitted(&mut limiter, 0), 3);
        assert_eq!(admitted(&mut limiter, 9), 0);
        assert_eq!(admitted(&mut limiter, 10), 1);
        assert_eq!(admitted(&mut limiter, 40), 3);
        // The refusals took nothing from somebody else.
        assert!(limiter.admits(origin(2), start + Duration::from_secs(40)));
    }

    #[test]
    fn many_origins_share_one_rate_and_little_memory() {
        let start = Instant::now();
        let mut limiter = Limiter::new(start);
        let mut count = 0;
        for number in 0..20_000_u32 {
            let now = start + Duration::from_millis(u64::from(number));
            count += usize::from(limiter.admits(origin(number), now));
            assert!(limiter.each.len() <= ORIGINS_MAX);
        }
        assert!((20..=25).contains(&count), "{count} in 20 s");
    }
}
