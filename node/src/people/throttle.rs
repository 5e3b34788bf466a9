//! How often somebody may try a password.
//!
//! Each try counts before it is judged, so that many at once are not one. After a few failures a
//! name has to wait between tries, at most [`NAME_PAUSE_MAX`]: long enough that guessing is
//! hopeless, short enough that nobody who fails on purpose keeps others out. Browsers that the
//! person has signed in with before have a count of their own, so that strangers who fail under
//! that name do not even slow them down. Addresses have a count too, against one machine that tries
//! many names.

use std::collections::HashMap;
use std::net::IpAddr;

/// Who tries.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Trier {
    /// Anybody who gives this name.
    Name(String),
    /// A browser that the person with this id has signed in with before.
    Device(String, String),
    /// Whoever is at this address; of IPv6 the network of one customer, 64 bits.
    Address(IpAddr),
}

impl Trier {
    pub(super) fn at(address: IpAddr) -> Self {
        match address.to_canonical() {
            IpAddr::V4(address) => Self::Address(address.into()),
            IpAddr::V6(address) => {
                let mut octets = address.octets();
                octets[8..].fill(0);
                Self::Address(IpAddr::from(octets))
            }
        }
    }

    /// Failures that cost nothing, and the longest pause in milliseconds.
    fn patience(&self) -> (u32, u64) {
        match self {
            Self::Name(_) | Self::Device(..) => (5, NAME_PAUSE_MAX),
            Self::Address(_) => (20, ADDRESS_PAUSE_MAX),
        }
    }
}

/// The tries of the last hour.
#[derive(Debug, Default)]
pub(super) struct Throttle {
    tries: HashMap<Trier, Tries>,
}

#[derive(Clone, Copy, Debug)]
struct Tries {
    failures: u32,
    /// No try counts before.
    until: u64,
    last: u64,
}

impl Throttle {
    /// Counts a try, as failed until [`Throttle::forgive`] is called.
    ///
    /// # Errors
    /// The milliseconds to wait, if it is too early for one.
    pub(super) fn count(&mut self, trier: &Trier, now: u64) -> Result<(), u64> {
        self.make_room(now);
        let (free, pause_max) = trier.patience();
        let tries =
            self.tries.entry(trier.clone()).or_insert(Tries { failures: 0, until: 0, last: now });
        if now.saturating_sub(tries.last) > FORGET_AFTER {
            tries.failures = 0;
        }
        if now < tries.until {
            return Err(tries.until - now);
        }
        tries.failures += 1;
        tries.last = now;
        if tries.failures >= free {
            let doubled = 1_000_u64 << (tries.failures - free).min(20);
            tries.until = now + doubled.min(pause_max);
        }
        Ok(())
    }

    /// Takes back the failures of somebody who knew the password.
    pub(super) fn forgive(&mut self, trier: &Trier) {
        self.tries.remove(trier);
    }

    /// Takes back one try, of an address that others may use as well.
    pub(super) fn take_back(&mut self, trier: &Trier) {
        if let Some(tries) = self.tries.get_mut(trier) {
            tries.failures = tries.failures.saturating_sub(1);
        }
    }

    /// Keeps the number of counts bounded: first the old ones go, then the oldest.
    fn make_room(&mut self, now: u64) {
        if self.tries.len() < TRIERS_MAX {
            return;
        }
        self.tries.retain(|_, tries| now.saturating_sub(tries.last) <= FORGET_AFTER);
        if self.tries.len() >= TRIERS_MAX {
            let mut times: Vec<u64> = self.tries.values().map(|tries| tries.last).collect();
            times.sort_unstable();
            let median = times[times.len() / 2];
            self.tries.retain(|_, tries| tries.last > median);
        }
    }
}

/// The longest pause of a name, in milliseconds.
pub(super) const NAME_PAUSE_MAX: u64 = 60_000;
/// The longest pause of an address, in milliseconds.
const ADDRESS_PAUSE_MAX: u64 = 900_000;
/// Failures are forgotten after an hour without any, in milliseconds.
const FORGET_AFTER: u64 = 3_600_000;
/// Counts that are kept at most: 1 MB or so.
const TRIERS_MAX: usize = 10_000;

#[cfg(test)]
mod tests {
    use super::*;

    fn name() -> Trier {
        Trier::Name("anna".to_owned())
    }

    #[test]
    fn guessing_is_slow_and_nobody_is_locked_out_for_ever() {
        let mut throttle = Throttle::default();
        let (mut now, mut tries) = (0, 0);
        // A day of trying whenever it is allowed.
        while now < 86_400_000 {
            match throttle.count(&name(), now) {
                Ok(()) => tries += 1,
                Err(wait) => {
                    assert!(wait <= NAME_PAUSE_MAX, "{wait}");
                    now += wait;
                }
            }
        }
        assert!((1_400..1_460).contains(&tries), "{tries} tries in a day");
        throttle.forgive(&name());
        assert!(throttle.count(&name(), now).is_ok());
    }

    #[test]
    fn strangers_do_not_slow_down_a_known_browser() {
        let mut throttle = Throttle::default();
        while throttle.count(&name(), 0).is_ok() {}
        let device = Trier::Device("per_1".to_owned(), "d".to_owned());
        assert!(throttle.count(&device, 0).is_ok());
    }

    #[test]
    fn an_address_is_a_customers_network() {
        let at = |text: &str| Trier::at(text.parse().unwrap());
        assert_eq!(at("2001:db8::1"), at("2001:db8::ffff"));
        assert_ne!(at("2001:db8::1"), at("2001:db8:0:1::1"));
        assert_eq!(at("::ffff:10.0.0.1"), at("10.0.0.1"));
        assert_ne!(at("10.0.0.1"), at("10.0.0.2"));
    }

    #[test]
    fn the_number_of_counts_is_bounded() {
        let mut throttle = Throttle::default();
        for number in 0..25_000_u64 {
            let trier = Trier::Name(number.to_string());
            assert!(throttle.count(&trier, number).is_ok());
            assert!(throttle.tries.len() <= TRIERS_MAX);
        }
        assert!(throttle.tries.contains_key(&Trier::Name("24999".to_owned())));
    }
}
