//! Features: from a party's columns to what models take.
//!
//! Local work is plaintext arithmetic of one party over its own columns, in pure functions over
//! slices. Whatever is fitted (fill values, scales, levels, bins, WOE, selection) is fitted on
//! training rows only and then applied to all rows:
//!
//! - [`split`]: which rows are training, validation and test rows, agreed by both parties;
//! - [`prepare`]: missing values, outliers, standardisation, encoding, to a [`FeatureMatrix`];
//! - [`binning`]: bins of numbers and groups of levels, as codes of one byte ([`binned`]);
//! - [`woe`]: weight of evidence and information value from counts per bin;
//! - [`correlation`]: Pearson and Spearman;
//! - [`select`]: which features are kept;
//! - [`stability`]: whether a feature or score is distributed as it was in training.
//!
//! Functions that say "uses rayon" must be called inside `Session::compute` in a protocol.

pub mod arithmetic;
pub mod binned;
pub mod binning;
pub mod correlation;
pub mod federated;
pub mod prepare;
pub mod select;
pub mod split;
pub mod stability;
pub mod woe;

mod column;
mod error;
mod matrix;

pub use column::{Column, Values, columns};
pub use error::FeaturesError;
pub use matrix::{Derivation, Feature, FeatureMatrix, Provenance};
