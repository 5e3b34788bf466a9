//! From data to pixels: domains, round tick values, linear scales.

/// Data beyond this size is drawn at this size, so that differences stay finite.
const SIZE_MAX: f64 = 1e100;

/// An axis has at most this many intervals between round values.
const INTERVALS_WANTED: usize = 6;

/// A range of data values, `low < high`, both finite.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Domain {
    low: f64,
    high: f64,
}

impl Domain {
    /// The smallest domain that holds all finite values, widened when they are all alike; none when
    /// there is no finite value.
    pub(crate) fn covering(values: impl IntoIterator<Item = f64>) -> Option<Self> {
        let mut range: Option<(f64, f64)> = None;
        for value in values.into_iter().filter(|value| value.is_finite()) {
            let value = value.clamp(-SIZE_MAX, SIZE_MAX);
            let (low, high) = range.unwrap_or((value, value));
            range = Some((low.min(value), high.max(value)));
        }
        range.map(|(low, high)| Self::widened(low, high))
    }

    /// The domain from `low` to `high`, when that is one.
    pub(crate) fn between(low: f64, high: f64) -> Option<Self> {
        let is_domain = low.is_finite() && high.is_finite() && low < high;
        let inside = |value: f64| value.clamp(-SIZE_MAX, SIZE_MAX);
        is_domain.then(|| Self::widened(inside(low), inside(high)))
    }

    /// The same domain stretched to hold 0.
    pub(crate) fn with_zero(self) -> Self {
        Self { low: self.low.min(0.0), high: self.high.max(0.0) }
    }

    /// The domain stretched outwards to multiples of the tick step.
    pub(crate) fn rounded(self) -> Self {
        let step = self.step();
        // A thousandth of a step is no reason for one more step.
        let low = (self.low / step + 1e-3).floor() * step;
        let high = (self.high / step - 1e-3).ceil() * step;
        Self { low, high }
    }

    /// Round values within the domain, four to eight of them.
    pub(crate) fn ticks(self) -> Ticks {
        let step = self.step();
        let first = (self.low / step - 1e-6).ceil();
        let values = (0..=2 * INTERVALS_WANTED)
            .map(|index| (first + index as f64) * step)
            .take_while(|value| *value <= self.high + step * 1e-6)
            .collect();
        Ticks { values, step }
    }

    /// `count` values spread evenly from end to end (at least the two ends).
    pub(crate) fn spread(self, count: usize) -> impl Iterator<Item = f64> {
        let last = count.max(2) - 1;
        (0..=last)
            .map(move |index| self.low + (self.high - self.low) * (index as f64 / last as f64))
    }

    /// The distance between the ends.
    pub(crate) fn length(self) -> f64 {
        self.high - self.low
    }

    fn widened(low: f64, high: f64) -> Self {
        let size = low.abs().max(high.abs());
        if high - low > size * 1e-9 && high - low > 1e-90 {
            return Self { low, high };
        }
        let margin = if size > 1e-80 { size * 0.1 } else { 1.0 };
        Self { low: low - margin, high: high + margin }
    }

    /// The smallest of 1, 2, 5 times a power of ten that gives at most the wanted intervals.
    fn step(self) -> f64 {
        let least = self.length() / INTERVALS_WANTED as f64;
        let power = 10_f64.powf((least.log10() + 1e-9).floor());
        let factor = [1.0, 2.0, 5.0].into_iter().find(|factor| factor * power >= least * 0.999);
        factor.unwrap_or(10.0) * power
    }
}

/// Round values along an axis.
#[derive(Clone, Debug)]
pub(crate) struct Ticks {
    pub(crate) values: Vec<f64>,
    /// The distance between two neighbours.
    pub(crate) step: f64,
}

/// How many decimals a number needs for multiples of `step` to differ.
pub(crate) fn digits_for(step: f64) -> usize {
    (-(step.log10() + 1e-9).floor()).clamp(0.0, 9.0) as usize
}

/// A linear map from a domain to pixels; what lies outside lands on the border.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Scale {
    domain: Domain,
    from: f64,
    to: f64,
}

impl Scale {
    pub(crate) fn new(domain: Domain, from: f64, to: f64) -> Self {
        Self { domain, from, to }
    }

    /// The pixel of a finite value.
    pub(crate) fn at(&self, value: f64) -> f64 {
        let Domain { low, high } = self.domain;
        let share = ((value.clamp(-SIZE_MAX, SIZE_MAX) - low) / (high - low)).clamp(0.0, 1.0);
        self.from + share * (self.to - self.from)
    }

    pub(crate) fn domain(&self) -> Domain {
        self.domain
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ticks(low: f64, high: f64) -> Vec<f64> {
        Domain::between(low, high).unwrap().ticks().values
    }

    #[test]
    fn ticks_are_round() {
        assert_eq!(ticks(0.0, 1.0).len(), 6);
        assert_eq!(ticks(0.0, 100.0), [0.0, 20.0, 40.0, 60.0, 80.0, 100.0]);
        assert_eq!(ticks(-30.0, 65.0), [-20.0, 0.0, 20.0, 40.0, 60.0]);
    }

    #[test]
    fn a_rounded_domain_ends_on_ticks() {
        let domain = Domain::between(0.013, 0.87).unwrap().rounded();
        assert_eq!(domain.ticks().values.first(), Some(&0.0));
        assert!((domain.high - 1.0).abs() < 1e-12);
    }

    #[test]
    fn degenerate_data_still_has_a_domain() {
        assert_eq!(Domain::covering([f64::NAN, f64::INFINITY]), None);
        for value in [0.0, 7.0, -1e300, 1e-300, f64::MAX] {
            let domain = Domain::covering([value]).unwrap();
            assert!(domain.low < domain.high, "{value}");
            let ticks = domain.rounded().ticks();
            assert!((1..=18).contains(&ticks.values.len()), "{value} {ticks:?}");
        }
    }

    #[test]
    fn a_range_beyond_what_is_drawn_is_still_a_range() {
        let domain = Domain::between(1e200, 1e300).unwrap();
        assert!(domain.low < domain.high);
    }

    #[test]
    fn decimals_follow_the_step() {
        assert_eq!([0.1, 0.2, 0.05, 1.0, 20.0, 0.001].map(digits_for), [1, 1, 2, 0, 0, 3]);
    }

    #[test]
    fn a_scale_stays_on_the_drawing() {
        let scale = Scale::new(Domain::between(0.0, 1.0).unwrap(), 300.0, 20.0);
        for (value, pixel) in [(0.0, 300.0), (0.5, 160.0), (1.0, 20.0), (9.0, 20.0)] {
            assert!((scale.at(value) - pixel).abs() < 1e-9, "{value}");
        }
    }
}
