//! Training that begins with the coefficients of an earlier model.
//!
//! Each party brings its own coefficients into the units of the present columns: the earlier job
//! has scaled them by other means and deviations. The guest's intercept takes what its own columns'
//! means have moved; hosts' means are in no variable of their own, and are left to training.

use std::collections::{HashMap, HashSet};

use contract::{Audience, Text};
use features::prepare::{Formula, Preparation};
use models::ModelError;
use models::vertical::course::Start;
use net::Session;

use super::data::GuestRows;
use super::outcome::{Coefficient, ModelPart};
use super::prepare::Prepared;
use super::progress::Run;
use super::score;
use crate::error::JobError;

/// The coefficients that the training of the step `name` begins with, one vector a class where
/// there are several; `None` if it begins at zero. `sessions` are those with all that train.
pub(super) async fn begin(
    run: &Run<'_>,
    sessions: &mut [Session],
    name: &str,
    prepared: &Prepared,
    guest: Option<&GuestRows>,
) -> Result<Option<Vec<Start>>, JobError> {
    let Some(saved) = run.start(name) else { return Ok(None) };
    run.record("train.warm_start", Audience::All, 1)?;
    for session in sessions {
        score::agree_on_run(session, saved).await?;
    }
    let damaged = || ModelError::InvalidInput("the earlier model's part is damaged".to_owned());
    let old = saved.preparation.as_ref().ok_or_else(damaged)?;
    let units = Units::new(old, prepared);
    let starts = match &saved.part {
        ModelPart::LogisticRegression(part) | ModelPart::Regression(part) => {
            vec![units.start(&part.coefficients, part.intercept)]
        }
        ModelPart::MultinomialRegression(part) => {
            let names = guest.map(GuestRows::class_names);
            if names.is_some_and(|names| part.names.as_deref() != Some(names)) {
                let rule = "the earlier model has other classes than the label: leave \
                            `warm_start` out";
                return Err(ModelError::InvalidInput(rule.to_owned()).into());
            }
            let of_class = part.classes.iter();
            of_class.map(|class| units.start(&class.coefficients, class.intercept)).collect()
        }
        _ => return Err(damaged().into()),
    };
    if let Some(text) = units.told() {
        run.note(text);
    }
    Ok(Some(starts))
}

/// Columns that are told by name when they are left out.
const NAMES_TOLD: usize = 10;

/// The columns of the earlier model and of the present training.
struct Units<'a> {
    /// How the earlier model made each of its features.
    old: HashMap<String, Formula>,
    /// How the present ones are made.
    new: HashMap<String, Formula>,
    /// The present features, in their order.
    names: Vec<&'a str>,
}

impl<'a> Units<'a> {
    fn new(old: &Preparation, prepared: &'a Prepared) -> Self {
        let by_name = |preparation: &Preparation| {
            preparation.formulas().map(|it| (it.provenance.to_string(), it)).collect()
        };
        let names = prepared.matrix.names().collect();
        Self { old: by_name(old), new: by_name(&prepared.preparation), names }
    }

    /// Coefficients of the present features; 0 for one that the earlier model had not.
    fn start(&self, coefficients: &[Coefficient], intercept: f64) -> Start {
        let mut start = Start { weights: Vec::with_capacity(self.names.len()), intercept };
        let weights: HashMap<&str, f64> =
            coefficients.iter().map(|it| (it.feature.as_str(), it.weight)).collect();
        for name in &self.names {
            let weight = weights.get(name).copied();
            let formulas = self.old.get(*name).zip(self.new.get(*name));
            let Some((weight, (old, new))) = weight.zip(formulas) else {
                start.weights.push(0.0);
                continue;
            };
            let of_value = weight / old.scale;
            start.weights.push(of_value * new.scale);
            start.intercept += of_value * (new.centre - old.centre);
        }
        start
    }

    /// What people hear of columns that only one of the two has.
    fn told(&self) -> Option<Text> {
        let added = self.names.iter().filter(|name| !self.old.contains_key(**name)).count();
        let names: HashSet<&str> = self.names.iter().copied().collect();
        let is_there = |name: &&String| names.contains(name.as_str());
        let mut dropped: Vec<&str> =
            self.old.keys().filter(|name| !is_there(name)).map(String::as_str).collect();
        dropped.sort_unstable();
        if added == 0 && dropped.is_empty() {
            return None;
        }
        let count = dropped.len();
        let more = if count > NAMES_TOLD { ", …" } else { "" };
        dropped.truncate(NAMES_TOLD);
        let dropped = dropped.join("`, `");
        Some(Text::owned(
            format!(
                "warm start: {added} of the own features are new and begin at 0; the earlier model \
                 had {count} others, which are left out{}",
                if count > 0 { format!(": `{dropped}`{more}") } else { String::new() }
            ),
            format!(
                "热启动：本方有 {added} 个新特征从 0 开始；旧模型另有 {count} 个特征不再使用{}",
                if count > 0 { format!("：`{dropped}`{more}") } else { String::new() }
            ),
        ))
    }
}

#[cfg(test)]
mod tests;
