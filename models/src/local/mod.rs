//! Plaintext models: references for the joint ones, and what a party trains alone.

pub mod boosted_trees;
pub mod logistic_regression;
