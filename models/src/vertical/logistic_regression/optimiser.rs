//! Accelerated gradient descent on shares, with public step sizes and secret restarts.
//!
//! Nesterov's method with the constant step 1/(0.75·k) in whitened variables. The joint curvature
//! is at most k there for k blocks of curvature at most 1 (one for each party, and one for the
//! host's weight of evidence; with row weights the bound of each is the largest weight that fixed
//! point allows), and the method is stable while step·curvature is at most 4/3 (its characteristic
//! roots stay inside the unit circle for every momentum), so no line search and no data-dependent
//! constant is needed. The momentum is dropped whenever the last move went uphill
//! (O'Donoghue, Candès, "Adaptive restart for accelerated gradient schemes", Foundations of
//! Computational Mathematics 2015, gradient scheme), which makes the rate that of the true
//! condition without knowing it. Whether a pass restarts is computed and used as a share; only the
//! stop bit is opened. An l1 penalty makes the step proximal (Beck, Teboulle, "FISTA", SIAM Journal
//! on Imaging Sciences 2009); the gradient is then the step's mapping.
//! Where there are many rows, the first steps go by the gradient over a sample of them, for an
//! eighth of the cost; they lead to where the sample's optimum is, and the momentum starts anew.
//! With early stopping the same comparison is made with the gradient of the validation rows
//! (`early_stopping`).

use mpc::TwoParty;
use mpc::matrix::Blocks;
use mpc::refresh::Shared;
use mpc::reveal::open_bit;
use mpc::sigmoid::Accuracy;

use super::Settings;
use super::descent::{Arithmetic, Descent, Pass, Verdict};
use super::early_stopping::Patience;
use super::objective::{Gradients, Space, from_party_order, in_party_order};
use crate::ModelError;
use crate::vertical::course::misfit;
use crate::vertical::levels::sketch::Sketch;

/// The step's inverse for each block; see above why 0.75 suffices for a curvature of 1.
pub(in crate::vertical) const INVERSE_STEP_PER_BLOCK: f64 = 0.75;
/// Ratio of curvatures that the momentum is made for; restarts cover what lies below.
const CONDITION: f64 = 400.0;
/// With a coarse sigmoid, training stops at no smaller gradient: it goes on with a fine one. The
/// coarse one's rounding alone moves the gradient by about 0.003·√(variables/rows).
const COARSE_TOLERANCE: f64 = 3e-3;
/// Fractional bits of public factors.
pub(in crate::vertical) const FACTOR_BITS: u32 = 20;

/// State of the iteration; every vector is shared.
pub(in crate::vertical) struct Optimiser {
    descent: Descent,
    /// `v_k`, where training would end.
    current: Vec<u64>,
    /// The point ahead of `v_k` at which the next gradient is taken.
    ahead: Blocks,
    passes: u32,
    own: usize,
    /// Bounds on the squared norm of a step, with a coarse and with a fine sigmoid.
    bounds: [u64; 2],
    /// For each own column, how far the l1 penalty pulls towards zero in a step; empty without it.
    thresholds: Vec<u64>,
    /// The last passes, if training stops early.
    patience: Option<Patience>,
}

impl Optimiser {
    /// `thresholds` are those of a step of length 1, for own columns; empty without l1. `curvature`
    /// bounds that of one block: 1, or more with row weights.
    pub(in crate::vertical) fn new(
        space: Space,
        settings: &Settings,
        thresholds: &[f64],
        curvature: f64,
    ) -> Self {
        let Space { own, theirs, .. } = space;
        let inverse_step = INVERSE_STEP_PER_BLOCK * curvature * space.blocks as f64;
        let descent = Descent::new(space.unit, inverse_step);
        let tolerances = [settings.tolerance.max(COARSE_TOLERANCE), settings.tolerance];
        let pull = |pull: &f64| (pull * descent.unit()).round() as u64;
        Self {
            current: vec![0; own + theirs],
            ahead: Blocks { own: vec![0; own], theirs: vec![0; theirs] },
            passes: 0,
            own,
            bounds: tolerances.map(|tolerance| descent.bound(tolerance)),
            thresholds: thresholds.iter().map(pull).collect(),
            patience: settings.early_stopping.map(|it| Patience::new(it.patience)),
            descent,
        }
    }

    /// The same, which compares vectors by what `sketch` makes of them.
    pub(super) fn with_sketch(self, sketch: Option<Sketch>) -> Self {
        Self { descent: self.descent.with_sketch(sketch), ..self }
    }

    /// Begins at this shared point, in party order.
    pub(in crate::vertical) fn begin(&mut self, party: &TwoParty, point: Vec<u64>) {
        self.ahead = from_party_order(party, point.clone(), self.own);
        self.current = point;
    }

    /// All that is shared between passes.
    pub(in crate::vertical) fn save(&self, party: &TwoParty) -> Shared {
        let Blocks { own, theirs } = self.ahead.clone();
        let words = [self.current.clone(), in_party_order(party, own, theirs)].concat();
        let mut shared = Shared { words, ..Shared::default() };
        if let Some(patience) = &self.patience {
            patience.save(&mut shared);
        }
        shared
    }

    /// Goes on from what was saved after so many `passes`.
    pub(in crate::vertical) fn load(
        &mut self,
        party: &TwoParty,
        shared: Shared,
        passes: usize,
    ) -> Result<(), ModelError> {
        let Shared { words, bits, .. } = shared;
        let size = self.current.len();
        let (Some(current), Some(ahead)) = (words.get(..size), words.get(size..2 * size)) else {
            return Err(misfit());
        };
        let earlier = &words[2 * size..];
        let fits = match &mut self.patience {
            Some(patience) => patience.load(earlier, bits, size),
            None => earlier.is_empty() && bits.is_empty(),
        };
        if !fits {
            return Err(misfit());
        }
        self.current = current.to_vec();
        self.ahead = from_party_order(party, ahead.to_vec(), self.own);
        self.passes = passes as u32;
        Ok(())
    }

    /// Where to take the next gradient.
    pub(in crate::vertical) fn point(&self) -> &Blocks {
        &self.ahead
    }

    /// Takes one step; true (one opened bit) if the gradient, made with this `accuracy`, was small
    /// enough for it, or the validation loss has risen for long enough.
    pub(in crate::vertical) async fn step(
        &mut self,
        party: &mut TwoParty,
        gradients: Gradients,
        accuracy: Accuracy,
    ) -> Result<bool, ModelError> {
        let (before, verdict) = self.advance(party, gradients, 1.0, accuracy).await?;
        let Verdict { small, uphill_validation, .. } = verdict;
        let stop = match &mut self.patience {
            Some(patience) => patience.judge(party, before, uphill_validation, small).await?,
            None => small,
        };
        Ok(open_bit(party, "train.stop", stop).await?)
    }

    /// Takes one step by the gradient over a sample, a `share` of the training rows (at least
    /// 1/16); opens nothing.
    pub(super) async fn approach(
        &mut self,
        party: &mut TwoParty,
        gradients: Gradients,
        share: f64,
    ) -> Result<(), ModelError> {
        self.advance(party, gradients, share, Accuracy::Coarse).await.map(|_| ())
    }

    /// Forgets the momentum: what follows is another objective.
    pub(super) fn rest(&mut self, party: &TwoParty) {
        self.ahead = from_party_order(party, self.current.clone(), self.own);
        self.passes = 0;
    }

    /// One step; the point before it, and what the pass says.
    async fn advance(
        &mut self,
        party: &mut TwoParty,
        gradients: Gradients,
        share: f64,
        accuracy: Accuracy,
    ) -> Result<(Vec<u64>, Verdict), ModelError> {
        let Gradients { training, validation } = gradients;
        let gradient = in_party_order(party, training.own, training.theirs);
        let validation = validation.map(|it| in_party_order(party, it.own, it.theirs));
        let ahead = in_party_order(party, self.ahead.own.clone(), self.ahead.theirs.clone());
        let next = self.descent.propose(party, &ahead, &gradient, share).await?;
        let next = self.pull(party, next).await?;
        let validation = validation.unwrap_or_default();
        let bound = self.bounds[usize::from(accuracy == Accuracy::Fine)];
        let (current, validation) = (&self.current, &validation);
        let pass = Pass { current, ahead: &ahead, next: &next, validation };
        let (beyond, verdict) = self.descent.judge(party, &pass, bound, self.passes).await?;
        self.ahead = from_party_order(party, beyond, self.own);
        let before = std::mem::replace(&mut self.current, next);
        self.passes += 1;
        Ok((before, verdict))
    }

    /// The shared result.
    pub(in crate::vertical) async fn result(
        &self,
        party: &mut TwoParty,
    ) -> Result<Blocks, ModelError> {
        let result = match &self.patience {
            Some(patience) => patience.choose(party, &self.current).await?,
            None => self.current.clone(),
        };
        Ok(from_party_order(party, result, self.own))
    }

    /// The proximal step of the l1 penalty; only the owner of a column knows its threshold.
    async fn pull(&self, party: &mut TwoParty, vector: Vec<u64>) -> Result<Vec<u64>, ModelError> {
        if self.thresholds.is_empty() {
            return Ok(vector);
        }
        let zeros = vec![0; vector.len() - self.own];
        let thresholds = in_party_order(party, self.thresholds.clone(), zeros);
        soften(party, vector, &thresholds).await
    }
}

/// Nesterov's momentum for a strongly convex objective, entered gently.
pub(in crate::vertical) fn momentum(passes: u32) -> f64 {
    let root = CONDITION.sqrt();
    let pass = f64::from(passes);
    ((root - 1.0) / (root + 1.0)).min(pass / (pass + 3.0))
}

/// Moves every element towards zero by its shared threshold, and to zero if it is nearer; without
/// thresholds nothing.
pub(in crate::vertical) async fn soften<A: Arithmetic>(
    parties: &mut A,
    vector: Vec<u64>,
    thresholds: &[u64],
) -> Result<Vec<u64>, ModelError> {
    if thresholds.is_empty() {
        return Ok(vector);
    }
    let count = vector.len();
    let above = difference(&vector, thresholds);
    let below: Vec<u64> =
        vector.iter().zip(thresholds).map(|(word, pull)| word.wrapping_add(*pull)).collect();
    let mut margins: Vec<u64> = above.iter().map(|word| word.wrapping_neg()).collect();
    margins.extend(&below);
    let outside = parties.is_negative(&margins).await?;
    let kept = parties.select(&outside, &[above, below].concat()).await?;
    Ok((0..count).map(|index| kept[index].wrapping_add(kept[count + index])).collect())
}

pub(in crate::vertical) fn sum(terms: &[u64]) -> u64 {
    terms.iter().fold(0, |sum, term| sum.wrapping_add(*term))
}

pub(in crate::vertical) fn difference(left: &[u64], right: &[u64]) -> Vec<u64> {
    left.iter().zip(right).map(|(left, right)| left.wrapping_sub(*right)).collect()
}
