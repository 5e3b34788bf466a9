//! Accelerated gradient descent with a secret step size, for losses of unbounded curvature.
//!
//! The curvature of a loss with a logarithmic link is the mean itself, so no public step is both
//! safe and quick. Here the step begins as if the mean were everywhere what it is on average, and
//! halves whenever a pass shows that it is too long: from the last point A that counted to the new
//! point y the gradient has changed by `step·⟨∇y - ∇A, y - A⟩ > 4/3·‖y - A‖²`, beyond which the
//! method is not stable (see `optimiser`). Then the pass is undone: the step from A is taken again
//! with half the length and without momentum, like a backtracking line search (Beck, Teboulle,
//! "FISTA", SIAM Journal on Imaging Sciences 2009, section 4). Everything else is as in
//! `optimiser`. Whether a pass is undone, and the step's size, are shares; only the stop bit is
//! opened, and it is never set by a pass that is undone.
//!
//! While a step is tried that is too long, the mean is clamped (`response`), which bounds all
//! numbers: from where trainings come the gradient's norm stays below 2^11 and the comparison with
//! 2·21 fractional bits below 2^62. The square of a step with 2·26 would not fit there: that it
//! does is asked with 2·18.
//!
//! The factor of the step is a power of two, kept as shared bits of how often its smallest is
//! doubled: a gradient times it takes a selection for each power it can be, a fifth of what a
//! product of shares takes.
//!
//! With categories of very many levels the comparisons are those of sketches (`levels::sketch`),
//! right on average and to within 9 % of the product of the lengths of what is compared. Whether a
//! pass is too long is asked of one pair of sketches: where the gradient has changed along the way,
//! both sides of the comparison err alike. A pass that is undone without need costs rounds, and
//! changes nothing of where training ends.

use mpc::TwoParty;
use mpc::boolean::Bits;
use mpc::matrix::Blocks;
use mpc::refresh::Shared;
use mpc::reveal::open_bit;

use crate::ModelError;
use crate::vertical::course::misfit;
use crate::vertical::levels::sketch::Sketch;
use crate::vertical::logistic_regression::Settings;
use crate::vertical::logistic_regression::descent::Arithmetic;
use crate::vertical::logistic_regression::objective::{
    GRADIENT_BITS, Gradients, Space, from_party_order, in_party_order,
};
use crate::vertical::logistic_regression::optimiser::{
    FACTOR_BITS, INVERSE_STEP_PER_BLOCK, difference, momentum, soften, sum,
};

/// How often the step can be halved; its factor begins at 1.
const HALVINGS: u32 = 12;
/// Fractional bits, about, of the vectors by which a pass is found to be too long.
const CHECK_BITS: u32 = 21;
/// Fractional bits, about, of the vectors by which a step is found to be small or uphill.
const COMPARE_BITS: u32 = 26;
/// Fractional bits, about, of the step whose square fits whatever the step is.
const COARSE_BITS: u32 = 18;
/// Steps with a longer one are not small; what [`COMPARE_BITS`] can hold is four times as long.
const COARSE_SQUARE_MAX: u64 = 1 << (2 * (COARSE_BITS + 3));
/// The longest pull of the l1 penalty that fits with the factor of the step.
const PULL_MAX: f64 = 4096.0;
/// What the comparison of curvatures ignores for each variable, in units of the check and for
/// errors of one of them: the rounding of both factors.
const CHECK_MARGIN: u64 = 16;

/// State of the iteration; every vector is shared, in party order.
pub(in crate::vertical) struct Damped {
    own: usize,
    /// `v_k`, where training would end.
    current: Vec<u64>,
    /// Where the next gradient is taken.
    ahead: Vec<u64>,
    /// What a pass that is too long goes back to.
    anchor: Option<Anchor>,
    /// The factor of the step: bit i is set while it is above 2^(i - [`HALVINGS`]).
    doublings: u64,
    /// What vectors are compared by in their place, where they are very long.
    sketch: Option<Sketch>,
    /// The squared norm of a step that is small enough to stop, in compared units.
    bound: u64,
    /// How far the l1 penalty pulls in a step of length 1, with [`GRADIENT_BITS`]; empty without.
    pulls: Vec<u64>,
    passes: u32,
    /// Logarithm of the public step, in units of coefficients.
    step_bits: u32,
    /// Logarithm of the units of a coefficient of 1, rounded down.
    unit_bits: u32,
}

/// The last point that counted.
#[derive(Clone)]
struct Anchor {
    point: Vec<u64>,
    /// The step from it: the gradient times the step's size and, with l1, the pulls times it.
    step: Vec<u64>,
}

/// Shares of what one pass says.
struct Verdict {
    /// Is the pass to be undone?
    undo: u64,
    /// Is the momentum to be kept?
    keep: u64,
    /// Is training over?
    small: u64,
    /// Which bit of the factor is to be cleared?
    cleared: u64,
}

impl Damped {
    /// `thresholds` are those of a step of length 1, for own columns; empty without l1.
    pub(in crate::vertical) fn new(
        party: &TwoParty,
        space: Space,
        settings: &Settings,
        thresholds: &[f64],
    ) -> Self {
        let pulls = Self::pulls(thresholds);
        let pulls = if pulls.is_empty() {
            pulls
        } else {
            in_party_order(party, pulls, vec![0; space.theirs])
        };
        Self::among(party, space, settings, pulls)
    }

    /// Thresholds of a step of length 1 in the units of [`Damped::among`].
    pub(in crate::vertical) fn pulls(thresholds: &[f64]) -> Vec<u64> {
        let unit = (1_u64 << GRADIENT_BITS) as f64;
        // More than any gradient would not fit: nothing leaves zero.
        thresholds.iter().map(|pull| (pull.min(PULL_MAX) * unit).round() as u64).collect()
    }

    /// Among any number of parties. `pulls` are shared, one for each variable; empty without l1.
    pub(in crate::vertical) fn among<A: Arithmetic>(
        parties: &A,
        space: Space,
        settings: &Settings,
        pulls: Vec<u64>,
    ) -> Self {
        let Space { own, theirs, blocks, unit } = space;
        let longest = unit / (INVERSE_STEP_PER_BLOCK * blocks as f64);
        let (step_bits, unit_bits) = (longest.log2() as u32, unit.log2() as u32);
        let shortened = f64::from(1 << (unit_bits - COMPARE_BITS));
        let bound = settings.tolerance * (1_u64 << step_bits) as f64 / shortened;
        let bound = (bound * bound).ceil() as u64 + 1;
        Self {
            own,
            current: vec![0; own + theirs],
            ahead: vec![0; own + theirs],
            anchor: None,
            doublings: parties.constant((1 << HALVINGS) - 1),
            sketch: None,
            bound: parties.constant(bound),
            pulls,
            passes: 0,
            step_bits,
            unit_bits,
        }
    }

    /// The same, which compares vectors by what `sketch` makes of them.
    pub(in crate::vertical) fn with_sketch(self, sketch: Option<Sketch>) -> Self {
        Self { sketch, ..self }
    }

    /// Begins at this shared point, in party order.
    pub(in crate::vertical) fn begin(&mut self, point: Vec<u64>) {
        self.ahead.clone_from(&point);
        self.current = point;
    }

    /// All that is shared between passes, of which there has been one at least.
    pub(in crate::vertical) fn save(&self) -> Shared {
        let anchor = self.anchor.as_ref();
        let anchor = anchor.map_or_else(Vec::new, |it| [&it.point[..], &it.step].concat());
        let words = [&self.current, &self.ahead, &anchor, &[self.bound][..]].concat();
        Shared { words, bits: vec![self.doublings], ..Shared::default() }
    }

    /// Goes on from what was saved after so many `passes`.
    pub(in crate::vertical) fn load(
        &mut self,
        shared: Shared,
        passes: usize,
    ) -> Result<(), ModelError> {
        let (size, words) = (self.current.len(), shared.words);
        // A step, with the pulls behind it.
        let step = size + self.pulls.len();
        let ([doublings], true) = (&shared.bits[..], words.len() == 3 * size + step + 1) else {
            return Err(misfit());
        };
        let (current, rest) = words.split_at(size);
        let (ahead, rest) = rest.split_at(size);
        let (point, rest) = rest.split_at(size);
        let (step, bound) = rest.split_at(step);
        (self.current, self.ahead) = (current.to_vec(), ahead.to_vec());
        self.anchor = Some(Anchor { point: point.to_vec(), step: step.to_vec() });
        (self.doublings, self.bound) = (*doublings, bound[0]);
        self.passes = passes as u32;
        Ok(())
    }

    /// Where to take the next gradient.
    pub(in crate::vertical) fn point(&self, party: &TwoParty) -> Blocks {
        from_party_order(party, self.ahead.clone(), self.own)
    }

    /// The same, in party order.
    pub(in crate::vertical) fn ahead(&self) -> &[u64] {
        &self.ahead
    }

    /// The shared result.
    pub(in crate::vertical) fn result(self, party: &TwoParty) -> Blocks {
        from_party_order(party, self.current, self.own)
    }

    /// The same, in party order.
    pub(in crate::vertical) fn into_result(self) -> Vec<u64> {
        self.current
    }

    /// Takes one step; true (one opened bit) if the gradient was small enough to stop.
    pub(in crate::vertical) async fn step(
        &mut self,
        party: &mut TwoParty,
        gradients: Gradients,
    ) -> Result<bool, ModelError> {
        let gradient = in_party_order(party, gradients.training.own, gradients.training.theirs);
        let small = self.advance(party, gradient).await?;
        Ok(open_bit(party, "train.stop", small).await?)
    }

    /// Takes one step by the gradient, in party order; a share of whether it was small enough to
    /// stop.
    pub(in crate::vertical) async fn advance<A: Arithmetic>(
        &mut self,
        party: &mut A,
        gradient: Vec<u64>,
    ) -> Result<u64, ModelError> {
        let size = self.ahead.len();
        let tried = self.raised(party, &[gradient, self.pulls.clone()].concat()).await?;
        let shift = HALVINGS + GRADIENT_BITS - self.step_bits;
        let tried =
            Anchor { point: self.ahead.clone(), step: party.truncate(&tried, shift).await? };
        let before = self.anchor.clone().unwrap_or_else(|| tried.clone());
        let shorter = self.shorter(party, &before).await?;

        let points = [
            difference(&tried.point, &tried.step[..size]),
            difference(&before.point, &shorter.step[..size]),
        ];
        let pulls = [&tried.step[size..], &shorter.step[size..]].concat();
        let mut points = soften(party, points.concat(), &pulls).await?;
        let undone = points.split_off(size);
        let next = points;

        let moved = difference(&next, &self.current);
        let (verdict, push) = self.judge(party, &tried, &before, &next, &moved).await?;
        // Everything that differs if the pass is undone, and the push if the momentum is kept.
        let tried_state = [&next, &tried.point, &tried.step, &[self.bound][..]].concat();
        let undone_state = [&undone, &before.point, &shorter.step, &[shorter.bound][..]].concat();
        let changes = difference(&undone_state, &tried_state);
        let bits = Bits::from_fn(changes.len() + size, |index| {
            if index < changes.len() { verdict.undo == 1 } else { verdict.keep == 1 }
        });
        let chosen = party.select(&bits, &[changes, push].concat()).await?;
        let (changes, push) = chosen.split_at(tried_state.len());
        self.take(&total(&tried_state, changes), push);
        self.doublings ^= verdict.cleared;
        Ok(verdict.small)
    }

    /// The vector times the factor of the step and 2^[`HALVINGS`].
    async fn raised<A: Arithmetic>(
        &self,
        party: &mut A,
        vector: &[u64],
    ) -> Result<Vec<u64>, ModelError> {
        // Set where the doublings are exactly as many as the bit's place says.
        let at_least = (self.doublings << 1) | party.constant(1);
        let exactly = at_least ^ self.doublings;
        let (size, powers) = (vector.len(), HALVINGS as usize + 1);
        let bits = Bits::from_fn(powers * size, |index| exactly >> (index / size) & 1 == 1);
        let shifted = |power| vector.iter().map(move |word| word << power);
        let values: Vec<u64> = (0..powers).flat_map(shifted).collect();
        let chosen = party.select(&bits, &values).await?;
        let mut sums = vec![0_u64; size];
        for chosen in chosen.chunks_exact(size.max(1)) {
            sums.iter_mut().zip(chosen).for_each(|(sum, word)| *sum = sum.wrapping_add(*word));
        }
        Ok(sums)
    }

    /// The step from `before` and the bound if the step is half as long.
    async fn shorter<A: Arithmetic>(
        &self,
        party: &mut A,
        before: &Anchor,
    ) -> Result<Shorter, ModelError> {
        // Half of all but the bound, which is quartered.
        let doubled = before.step.iter().map(|word| word.wrapping_mul(2));
        let values: Vec<u64> = doubled.chain([self.bound]).collect();
        let mut step = party.truncate(&values, 2).await?;
        let bound = step.pop().unwrap_or_default();
        Ok(Shorter { step, bound })
    }

    /// Judges a pass, and gives the push of the momentum.
    async fn judge<A: Arithmetic>(
        &self,
        party: &mut A,
        tried: &Anchor,
        before: &Anchor,
        next: &[u64],
        moved: &[u64],
    ) -> Result<(Verdict, Vec<u64>), ModelError> {
        let size = next.len();
        let turned = difference(&tried.step[..size], &before.step[..size]);
        let gone = difference(&tried.point, &before.point);
        let step = difference(&tried.point, next);
        let push = times_momentum(party, moved, self.passes).await?;
        let compared = |vector: &[u64]| match &self.sketch {
            Some(sketch) => sketch.of(vector, self.passes),
            None => vector.to_vec(),
        };
        let [turned, gone, step, moved] = [&turned[..], &gone, &step, moved].map(compared);
        let size = step.len();
        // One truncation with the largest shift for all; what needs less is multiplied up before.
        let raised = |vector: &[u64], bits: u32| -> Vec<u64> {
            vector.iter().map(|word| word.wrapping_shl(bits - COARSE_BITS)).collect()
        };
        let checked = [raised(&turned, CHECK_BITS), raised(&gone, CHECK_BITS)].concat();
        let compared = [raised(&step, COMPARE_BITS), raised(&moved, COMPARE_BITS)].concat();
        let short = [checked, compared, step].concat();
        let short = party.truncate(&short, self.unit_bits - COARSE_BITS).await?;
        let [turned, gone, step, short_moved, coarse] =
            [0, 1, 2, 3, 4].map(|index| &short[index * size..][..size]);
        let left = [turned, gone, step, step, coarse].concat();
        let right = [gone, gone, step, short_moved, coarse].concat();
        let products = party.multiply(&left, &right).await?;
        let [change, distance, square, slope, coarse] =
            [0, 1, 2, 3, 4].map(|index| sum(&products[index * size..][..size]));
        let error = party.truncation_error();
        let margin = party.constant(CHECK_MARGIN * error * error * size as u64);
        let signs = [
            distance.wrapping_mul(4).wrapping_add(margin).wrapping_sub(change.wrapping_mul(3)),
            slope.wrapping_neg(),
            square.wrapping_sub(self.bound),
            coarse.wrapping_sub(party.constant(COARSE_SQUARE_MAX)),
        ];
        let negative = party.is_negative(&signs).await?;
        Ok((verdict(party, &negative, self.doublings).await?, push))
    }

    /// Takes over the state that was chosen: the next point, the anchor and the bound.
    fn take(&mut self, state: &[u64], push: &[u64]) {
        let size = self.ahead.len();
        let (next, rest) = state.split_at(size);
        let (point, rest) = rest.split_at(size);
        let (step, bound) = rest.split_at(rest.len().saturating_sub(1));
        self.ahead = total(next, push);
        self.current = next.to_vec();
        self.anchor = Some(Anchor { point: point.to_vec(), step: step.to_vec() });
        self.bound = bound.first().copied().unwrap_or_default();
        self.passes += 1;
    }
}

/// What a shorter step would be.
struct Shorter {
    step: Vec<u64>,
    bound: u64,
}

/// The push of the momentum after so many passes.
async fn times_momentum<A: Arithmetic>(
    party: &mut A,
    moved: &[u64],
    passes: u32,
) -> Result<Vec<u64>, ModelError> {
    let factor = (momentum(passes) * f64::from(1 << FACTOR_BITS)).round() as u64;
    let push: Vec<u64> = moved.iter().map(|word| word.wrapping_mul(factor)).collect();
    Ok(party.truncate(&push, FACTOR_BITS).await?)
}

/// From the bits "too long", "uphill", "small" and "not beyond what the comparison can hold", and
/// the factor of the step.
async fn verdict<A: Arithmetic>(
    party: &mut A,
    bits: &Bits,
    doublings: u64,
) -> Result<Verdict, ModelError> {
    const WIDTH: usize = 2 + HALVINGS as usize;
    let one = party.constant(1);
    let [undo, uphill, small, held] = [0, 1, 2, 3].map(|index| bits.bit(index));
    // The last bit that is set is the one to clear if the pass is undone.
    let last = doublings ^ (doublings >> 1);
    let counts = ((undo ^ one) * 3) | ((undo * ((1 << HALVINGS) - 1)) << 2);
    let counts = Bits::from_words(vec![counts], WIDTH);
    let asked = Bits::from_words(vec![(uphill ^ one) | small << 1 | last << 2], WIDTH);
    let mut triples = party.triples(2).await?;
    let both = party.and(&mut triples, &counts, &asked).await?;
    let (small, held) = (Bits::from_words(vec![both.bit(1)], 1), Bits::from_words(vec![held], 1));
    let small = party.and(&mut triples, &small, &held).await?.bit(0);
    let cleared = both.words().first().map_or(0, |word| word >> 2);
    Ok(Verdict { undo, keep: both.bit(0), small, cleared })
}

fn total(left: &[u64], right: &[u64]) -> Vec<u64> {
    left.iter().zip(right).map(|(left, right)| left.wrapping_add(*right)).collect()
}
