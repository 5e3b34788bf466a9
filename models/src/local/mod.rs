//! Plaintext models: references for the joint ones, and what a party trains alone.

pub mod boosted_trees;
pub mod factorization_machine;
pub mod generalized_linear;
pub mod logistic_regression;
pub mod multinomial_regression;
