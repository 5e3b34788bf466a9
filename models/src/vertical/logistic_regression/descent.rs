//! The steps of the accelerated descent, whoever shares the vectors: see `optimiser`.

use mpc::boolean::{BitTriples, Bits};
use mpc::refresh::{Shared, refresh, refresh_among};
use mpc::several::{self, Parties};
use mpc::{MpcError, TwoParty, boolean, comparison, conversion, multiplication};

use super::objective::GRADIENT_BITS;
use super::optimiser::{FACTOR_BITS, difference, momentum, sum};
use crate::ModelError;
use crate::vertical::levels::sketch::Sketch;

/// Fractional bits, about, of the vectors whose products are compared.
const COMPARE_BITS: u32 = 26;

/// What the parties of a descent, two or several, can do with shares.
pub(in crate::vertical) trait Arithmetic {
    /// Prepared for ANDs of bits.
    type Triples: Send;

    /// Whether this is the party that holds public constants.
    fn holds_constants(&self) -> bool;
    /// The largest error of [`truncate`](Self::truncate), in units.
    fn truncation_error(&self) -> u64;
    /// Shares of `x_i / 2^shift`, for `|x_i| < 2^61`.
    async fn truncate(&mut self, shares: &[u64], shift: u32) -> Result<Vec<u64>, MpcError>;
    /// Shares of the products, element by element.
    async fn multiply(&mut self, left: &[u64], right: &[u64]) -> Result<Vec<u64>, MpcError>;
    /// What ANDs of so many words of bits take.
    async fn triples(&mut self, words: usize) -> Result<Self::Triples, MpcError>;
    /// XOR shares of x ∧ y.
    async fn and(
        &mut self,
        triples: &mut Self::Triples,
        left: &Bits,
        right: &Bits,
    ) -> Result<Bits, MpcError>;
    /// Shares of the signs.
    async fn is_negative(&mut self, shares: &[u64]) -> Result<Bits, MpcError>;
    /// Shares of the values whose bit is set, and of zeros.
    async fn select(&mut self, bits: &Bits, values: &[u64]) -> Result<Vec<u64>, MpcError>;
    /// New shares of the same secrets.
    async fn refresh(&mut self, shared: &mut Shared) -> Result<(), MpcError>;

    /// A share of a public constant.
    fn constant(&self, value: u64) -> u64 {
        if self.holds_constants() { value } else { 0 }
    }
}

impl Arithmetic for TwoParty {
    type Triples = BitTriples;

    fn holds_constants(&self) -> bool {
        self.is_first()
    }

    fn truncation_error(&self) -> u64 {
        1
    }

    async fn truncate(&mut self, shares: &[u64], shift: u32) -> Result<Vec<u64>, MpcError> {
        conversion::truncate(self, shares, shift).await
    }

    async fn multiply(&mut self, left: &[u64], right: &[u64]) -> Result<Vec<u64>, MpcError> {
        multiplication::multiply(self, left, right).await
    }

    async fn triples(&mut self, words: usize) -> Result<BitTriples, MpcError> {
        boolean::bit_triples(self, words).await
    }

    async fn and(
        &mut self,
        triples: &mut BitTriples,
        left: &Bits,
        right: &Bits,
    ) -> Result<Bits, MpcError> {
        let both = boolean::and_many(self, triples, &[(left, right)]).await?;
        Ok(both.into_iter().next().unwrap_or_default())
    }

    async fn is_negative(&mut self, shares: &[u64]) -> Result<Bits, MpcError> {
        comparison::is_negative(self, shares, 64).await
    }

    async fn select(&mut self, bits: &Bits, values: &[u64]) -> Result<Vec<u64>, MpcError> {
        conversion::select(self, bits, values).await
    }

    async fn refresh(&mut self, shared: &mut Shared) -> Result<(), MpcError> {
        refresh(self, shared).await
    }
}

impl Arithmetic for Parties {
    type Triples = several::Triples;

    fn holds_constants(&self) -> bool {
        self.is_first()
    }

    fn truncation_error(&self) -> u64 {
        self.count() as u64 + 2
    }

    async fn truncate(&mut self, shares: &[u64], shift: u32) -> Result<Vec<u64>, MpcError> {
        several::truncate(self, shares, shift).await
    }

    async fn multiply(&mut self, left: &[u64], right: &[u64]) -> Result<Vec<u64>, MpcError> {
        several::multiply(self, left, right).await
    }

    async fn triples(&mut self, words: usize) -> Result<several::Triples, MpcError> {
        several::Triples::of_words(self, words).await
    }

    async fn and(
        &mut self,
        triples: &mut several::Triples,
        left: &Bits,
        right: &Bits,
    ) -> Result<Bits, MpcError> {
        several::and_bits(self, triples, left, right).await
    }

    async fn is_negative(&mut self, shares: &[u64]) -> Result<Bits, MpcError> {
        several::is_negative(self, shares).await
    }

    async fn select(&mut self, bits: &Bits, values: &[u64]) -> Result<Vec<u64>, MpcError> {
        several::select(self, bits, values).await
    }

    async fn refresh(&mut self, shared: &mut Shared) -> Result<(), MpcError> {
        refresh_among(self, shared).await
    }
}

/// The public constants of a descent.
pub(in crate::vertical) struct Descent {
    /// Ring units of one step of the coefficients for a gradient of 1.0.
    unit: f64,
    /// Bits that vectors lose before their products are taken.
    shorten_bits: u32,
    /// What vectors are compared by in their place, where they are very long.
    sketch: Option<Sketch>,
}

/// Shares of where one pass begins and where it leads.
pub(in crate::vertical) struct Pass<'a> {
    /// `v_k`, where training would have ended.
    pub(in crate::vertical) current: &'a [u64],
    /// The point ahead of it at which the gradient was taken.
    pub(in crate::vertical) ahead: &'a [u64],
    /// `v_(k+1)`.
    pub(in crate::vertical) next: &'a [u64],
    /// The gradient of the validation rows; empty without any.
    pub(in crate::vertical) validation: &'a [u64],
}

/// Shares of what one pass says.
pub(in crate::vertical) struct Verdict {
    /// Did the move go uphill?
    uphill: u64,
    /// Is the step small enough to stop?
    pub(in crate::vertical) small: u64,
    /// Did the move go uphill for the validation rows? 0 without any.
    pub(in crate::vertical) uphill_validation: u64,
}

impl Descent {
    /// With variables of which 1.0 is `coefficient_unit`.
    pub(in crate::vertical) fn new(coefficient_unit: f64, inverse_step: f64) -> Self {
        let unit = coefficient_unit / inverse_step;
        let shorten_bits = (unit.log2() as u32).saturating_sub(COMPARE_BITS);
        Self { unit, shorten_bits, sketch: None }
    }

    /// The same, which compares vectors by what `sketch` makes of them.
    pub(super) fn with_sketch(self, sketch: Option<Sketch>) -> Self {
        Self { sketch, ..self }
    }

    /// Ring units of one step of the coefficients for a gradient of 1.0.
    pub(in crate::vertical) fn unit(&self) -> f64 {
        self.unit
    }

    /// The bound on the squared norm of a step, in shortened units, for a gradient of this norm.
    pub(in crate::vertical) fn bound(&self, tolerance: f64) -> u64 {
        let bound = tolerance * self.unit / f64::from(1 << self.shorten_bits);
        (bound * bound).ceil() as u64 + 1
    }

    /// The point to which the gradient at the point `ahead`, over a `share` of the rows, leads.
    pub(in crate::vertical) async fn propose<A: Arithmetic>(
        &self,
        parties: &mut A,
        ahead: &[u64],
        gradient: &[u64],
        share: f64,
    ) -> Result<Vec<u64>, ModelError> {
        let factor = self.unit / (1_u64 << GRADIENT_BITS) as f64 / share;
        let step = times_public(parties, gradient, factor).await?;
        Ok(difference(ahead, &step))
    }

    /// The point of the gradient after `pass`, before which there were so many `passes`, and what
    /// it says; a step is small up to `bound`.
    pub(in crate::vertical) async fn judge<A: Arithmetic>(
        &self,
        parties: &mut A,
        pass: &Pass<'_>,
        bound: u64,
        passes: u32,
    ) -> Result<(Vec<u64>, Verdict), ModelError> {
        let moved = difference(pass.next, pass.current);
        let verdict = match &self.sketch {
            Some(sketch) => {
                let [current, ahead, next] =
                    [pass.current, pass.ahead, pass.next].map(|it| sketch.of(it, passes));
                // Rows for validation are none of what is trained with a sketch.
                let (current, ahead, next) = (&current[..], &ahead[..], &next[..]);
                let pass = Pass { current, ahead, next, validation: &[] };
                self.compare(parties, &pass, &difference(next, current), bound).await?
            }
            None => self.compare(parties, pass, &moved, bound).await?,
        };
        let push = times_public(parties, &moved, momentum(passes)).await?;
        let keep = verdict.uphill ^ u64::from(parties.holds_constants());
        let push = parties.select(&Bits::from_fn(push.len(), |_| keep == 1), &push).await?;
        let beyond = pass.next.iter().zip(push).map(|(next, push)| next.wrapping_add(push));
        Ok((beyond.collect(), verdict))
    }

    /// Judges a pass by its step, its move, and the gradient of the validation rows.
    async fn compare<A: Arithmetic>(
        &self,
        parties: &mut A,
        pass: &Pass<'_>,
        moved: &[u64],
        bound: u64,
    ) -> Result<Verdict, ModelError> {
        let (step, validation) = (difference(pass.ahead, pass.next), pass.validation);
        let short = parties.truncate(&[&step, moved].concat(), self.shorten_bits).await?;
        let (step, moved) = short.split_at(step.len());
        let right = [step, moved, &moved[..validation.len()]].concat();
        let products = parties.multiply(&[step, step, validation].concat(), &right).await?;
        let (squares, slopes) = products.split_at(step.len());
        let (slopes, validation_slopes) = slopes.split_at(step.len());
        let bound = parties.constant(bound);
        let margins = [
            sum(slopes).wrapping_neg(),
            sum(squares).wrapping_sub(bound),
            sum(validation_slopes).wrapping_neg(),
        ];
        let count = if validation.is_empty() { 2 } else { 3 };
        let negative = parties.is_negative(&margins[..count]).await?;
        Ok(Verdict {
            uphill: negative.bit(0),
            small: negative.bit(1),
            uphill_validation: negative.bit(2),
        })
    }
}

/// Shares of a shared vector times a public number below 4 in magnitude.
async fn times_public<A: Arithmetic>(
    parties: &mut A,
    vector: &[u64],
    factor: f64,
) -> Result<Vec<u64>, ModelError> {
    // As many fractional bits as keep vector·factor below 2^61 for vectors below 2^39.
    let factor = (factor * f64::from(1 << FACTOR_BITS)).round() as i64 as u64;
    let scaled: Vec<u64> = vector.iter().map(|word| word.wrapping_mul(factor)).collect();
    Ok(parties.truncate(&scaled, FACTOR_BITS).await?)
}
