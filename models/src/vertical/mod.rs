//! Models over two parties' columns of the same rows.

#[cfg(test)]
mod attacks;
pub mod boosted_trees;
pub mod course;
pub mod factorization_machine;
pub mod generalized_linear;
pub mod hidden_errors;
pub mod hidden_evaluation;
pub mod hidden_ranking;
pub mod hidden_rows;
mod levels;
pub mod logistic_regression;
pub mod multinomial_regression;
pub mod several;
pub mod standard_errors;
pub mod strict_trees;
