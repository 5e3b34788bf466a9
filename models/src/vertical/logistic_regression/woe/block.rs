//! The block of the host's weight-of-evidence features inside the objective.
//!
//! Nobody could whiten this block alone. It is scaled by a public constant instead: columns of mean
//! 0 and standard deviation 1 have `XᵀX/(4n)` at most `d/4·I` for d features, so
//! `R = √(d/4 + l2)·I` keeps the block's curvature, penalty included, at most 1, as `whitening`
//! does for the others. (If only n of N rows are trained on, `XᵀX/(4n)` can be N/n times as large,
//! and d/4 is multiplied by that.) With the guest's integers `f_jb = round(x_jb·2^c/R)`, c the
//! `column_bits`, everything is exact in the ring: `expand` gives an indicator the weight
//! `f_jb·v_j`, and `collapse` the variable `v_j` the gradient
//! `Σ_b f_jb·(sum of the residuals in bin b)`, as if f were a column of the host's.

use mpc::TwoParty;
use mpc::known::{multiply_by_own, multiply_by_theirs};
use mpc::matrix::Blocks;

use super::{Woe, indicators, repeated};
use crate::ModelError;
use crate::vertical::logistic_regression::Rows;
use crate::vertical::logistic_regression::whitening::column_bits;

/// Bits of the `f_jb`, sign included: `x_jb` is at most √n, hence `f_jb` at most 2^19.
const VALUE_BITS: u32 = 21;

/// The features with weight of evidence; possibly none.
#[derive(Debug, Default)]
pub(in super::super) struct WoeBlock {
    /// Number of bins of each feature.
    bins: Vec<usize>,
    /// At the guest, the `f_jb` of all features one after the other.
    factors: Vec<i64>,
    /// 1/R.
    scale: f64,
    /// l2/R², the curvature of the penalty.
    penalty: f64,
}

impl WoeBlock {
    /// Agrees with the peer on the features; without own part there are none, and nothing is sent.
    pub(in super::super) async fn agree(
        party: &mut TwoParty,
        woe: Option<&Woe<'_>>,
        rows: Rows,
        l2: f64,
    ) -> Result<Self, ModelError> {
        let Some(woe) = woe else { return Ok(Self::default()) };
        let bins = woe.agree(party, rows.all()).await?;
        let spread = rows.all() as f64 / rows.training as f64;
        let squared = bins.len() as f64 / 4.0 * spread + l2;
        let scale = 1.0 / squared.sqrt();
        let factors = match woe {
            Woe::Values(values) => {
                factors(values, scale * 2_f64.powi(column_bits(rows.training) as i32))?
            }
            Woe::Bins(_) => Vec::new(),
        };
        Ok(Self { bins, factors, scale, penalty: l2 / squared })
    }

    /// The number of features, each with one variable.
    pub(in super::super) fn features(&self) -> usize {
        self.bins.len()
    }

    /// The number of the host's columns that stand for them.
    pub(in super::super) fn indicators(&self) -> usize {
        self.bins.iter().sum()
    }

    /// The factor 1/R between the variables and the coefficients.
    pub(in super::super) fn scale(&self) -> f64 {
        self.scale
    }

    /// A party's whitened columns with, at the host, the indicators after them.
    pub(in super::super) fn with_indicators(
        mut whitened: Vec<Vec<i32>>,
        woe: Option<&Woe<'_>>,
        rows: usize,
    ) -> Vec<Vec<i32>> {
        let Some(Woe::Bins(columns)) = woe else { return whitened };
        let bins: usize = columns.iter().map(|column| column.bins).sum();
        // The penalty's rows, one for each column; this block's own penalty is public.
        let further = whitened.len() + bins;
        for column in &mut whitened {
            column.resize(rows + further, 0);
        }
        whitened.extend(indicators(columns, further));
        whitened
    }

    /// From shared variables to shared weights of columns.
    pub(in super::super) async fn expand(
        &self,
        party: &mut TwoParty,
        point: &Blocks,
    ) -> Result<Blocks, ModelError> {
        let host = host(party, point);
        let (plain, variables) = host.split_at(host.len() - self.features());
        let products = self.multiply(party, &repeated(&self.bins, variables)).await?;
        Ok(replace_host(party, point, [plain, &products].concat()))
    }

    /// The variables of the other blocks, and zeros for the indicators.
    pub(in super::super) fn without(&self, party: &TwoParty, point: &Blocks) -> Blocks {
        let mut columns = host(party, point).to_vec();
        columns.truncate(columns.len() - self.features());
        columns.resize(columns.len() + self.indicators(), 0);
        replace_host(party, point, columns)
    }

    /// From the shared gradient by columns to that by variables; `penalty_unit` brings a variable
    /// times 1.0 to the gradient's unit.
    pub(in super::super) async fn collapse(
        &self,
        party: &mut TwoParty,
        gradient: Blocks,
        point: &Blocks,
        penalty_unit: f64,
    ) -> Result<Blocks, ModelError> {
        let by_column = host(party, &gradient);
        let (plain, sums) = by_column.split_at(by_column.len() - self.indicators());
        let products = self.multiply(party, sums).await?;
        let penalty = (self.penalty * penalty_unit).round() as u64;
        let variables = host(party, point);
        let mut products = products.into_iter();
        let mut by_variable = plain.to_vec();
        for (bins, variable) in self.bins.iter().zip(&variables[plain.len()..]) {
            let data = products.by_ref().take(*bins).fold(0, u64::wrapping_add);
            by_variable.push(data.wrapping_add(penalty.wrapping_mul(*variable)));
        }
        Ok(replace_host(party, &gradient, by_variable))
    }

    /// Shares of the guest's values times one shared word for each bin.
    async fn multiply(&self, party: &mut TwoParty, words: &[u64]) -> Result<Vec<u64>, ModelError> {
        Ok(if party.is_first() {
            multiply_by_own(party, &self.factors, VALUE_BITS, words).await?
        } else {
            multiply_by_theirs(party, VALUE_BITS, words).await?
        })
    }
}

fn factors(values: &[Vec<f64>], unit: f64) -> Result<Vec<i64>, ModelError> {
    let limit = f64::from(1_u32 << (VALUE_BITS - 1));
    let factor = |value: &f64| {
        let scaled = (value * unit).round();
        (scaled.abs() < limit).then_some(scaled as i64)
    };
    values.iter().flatten().map(factor).collect::<Option<_>>().ok_or_else(|| {
        ModelError::InvalidInput(
            "a weight of evidence is too large; standardise over the training rows".to_owned(),
        )
    })
}

fn host<'a>(party: &TwoParty, blocks: &'a Blocks) -> &'a [u64] {
    if party.is_first() { &blocks.theirs } else { &blocks.own }
}

/// `blocks` with another vector for the host.
fn replace_host(party: &TwoParty, blocks: &Blocks, host: Vec<u64>) -> Blocks {
    if party.is_first() {
        Blocks { own: blocks.own.clone(), theirs: host }
    } else {
        Blocks { own: host, theirs: blocks.theirs.clone() }
    }
}
