//! A party's aligned rows and, at the guest, their labels.

use std::collections::BTreeMap;

use features::split::Split;
use models::ModelError;
use models::vertical::multinomial_regression::CLASSES_MAX;
use table::Table;

use super::progress::Run;
use crate::error::JobError;
use crate::interactions::UserItems;
use crate::spec::Target;

/// What one party holds of the common rows.
pub(super) struct Data {
    /// The rows in the common order.
    pub(super) table: Table,
    guest: Option<GuestRows>,
    interactions: Option<UserItems>,
}

/// What only the guest holds.
pub(super) struct GuestRows {
    label: Label,
    /// A weight for each row, if the job names a column.
    pub(super) weights: Option<Vec<f64>>,
    /// A known part of the linear predictor for each row, if the job names a column.
    offsets: Option<Vec<f64>>,
}

/// What is to be predicted.
enum Label {
    /// 0 or 1 for each row.
    Classes(Vec<u8>),
    /// A number for each row.
    Numbers(Vec<f64>),
    /// The names of several classes, and for each row the place of its class among them.
    Several { names: Vec<String>, classes: Vec<u8> },
    /// A grade for each row, and the number of its group.
    Graded { grades: Vec<f64>, groups: Vec<u32> },
}

impl Data {
    /// `interactions` are those of the rows, where items are recommended.
    pub(super) fn new(
        run: &Run<'_>,
        table: &Table,
        interactions: Option<UserItems>,
    ) -> Result<Self, JobError> {
        let table = table.clone();
        let guest = if run.is_guest() && !run.job.recommends() {
            let weights = table.weight()?.map(<[f64]>::to_vec);
            let label = match run.job.target() {
                Target::TwoClasses => Label::Classes(table.label()?),
                Target::Number | Target::Items => Label::Numbers(table.label_values()?.to_vec()),
                Target::SeveralClasses => {
                    let (names, classes) = table.label_classes(CLASSES_MAX as u8)?;
                    Label::Several { names, classes }
                }
                Target::Graded => {
                    let grades = table.label_values()?.to_vec();
                    let column = run.job.guest.group.as_deref().unwrap_or_default();
                    Label::Graded { grades, groups: groups(&table, column)? }
                }
            };
            let offsets = match &run.job.guest.offset {
                Some(column) => Some(table.numeric(column)?.to_vec()),
                None => None,
            };
            Some(GuestRows { label, weights, offsets })
        } else {
            None
        };
        Ok(Self { table, guest, interactions })
    }

    /// What users did with items; `None` at the host, and where no items are recommended.
    pub(super) fn interactions(&self) -> Option<&UserItems> {
        self.interactions.as_ref()
    }

    /// Labels and weights; `None` at the host, and where items are recommended.
    pub(super) fn guest(&self) -> Option<&GuestRows> {
        self.guest.as_ref()
    }
}

impl GuestRows {
    /// The class of each row, counted from 0; empty where the label is a number.
    pub(super) fn labels(&self) -> &[u8] {
        match &self.label {
            Label::Classes(labels) | Label::Several { classes: labels, .. } => labels,
            Label::Numbers(_) | Label::Graded { .. } => &[],
        }
    }

    /// A number for each row, a grade where rows are ranked; empty where the label is a class.
    pub(super) fn numbers(&self) -> &[f64] {
        match &self.label {
            Label::Numbers(numbers) | Label::Graded { grades: numbers, .. } => numbers,
            Label::Classes(_) | Label::Several { .. } => &[],
        }
    }

    /// Everything in it, as columns of numbers.
    pub(super) fn columns(&self) -> Vec<Vec<f64>> {
        let classes = self.labels().iter().copied().map(f64::from).collect();
        let known = [&self.weights, &self.offsets].map(|it| it.clone().unwrap_or_default());
        let groups = self.groups().unwrap_or_default().iter().copied().map(f64::from).collect();
        [vec![classes, self.numbers().to_vec()], known.to_vec(), vec![groups]].concat()
    }

    /// The names of the classes; empty where there are not several.
    pub(super) fn class_names(&self) -> &[String] {
        match &self.label {
            Label::Several { names, .. } => names,
            Label::Classes(_) | Label::Numbers(_) | Label::Graded { .. } => &[],
        }
    }

    /// The number of each row's group, where rows are ranked.
    pub(super) fn groups(&self) -> Option<&[u32]> {
        match &self.label {
            Label::Graded { groups, .. } => Some(groups),
            Label::Classes(_) | Label::Numbers(_) | Label::Several { .. } => None,
        }
    }

    /// Whether the label is one of two classes.
    pub(super) fn has_two_classes(&self) -> bool {
        matches!(self.label, Label::Classes(_))
    }

    /// The labels of some rows, in their order; only where the label is a class.
    pub(super) fn labels_of(&self, rows: &[u32]) -> Vec<u8> {
        let labels = self.labels();
        rows.iter().map(|row| labels[*row as usize]).collect()
    }

    /// The offsets of some rows, in their order.
    pub(super) fn offsets_of(&self, rows: &[u32]) -> Option<Vec<f64>> {
        Some(pick(self.offsets.as_ref()?, rows))
    }

    /// The weights of some rows, in their order.
    pub(super) fn weights_of(&self, rows: &[u32]) -> Option<Vec<f64>> {
        let weights = self.weights.as_ref()?;
        Some(pick(weights, rows))
    }
}

/// Numbers for the different texts of a column, in the order in which they appear.
pub(super) fn groups(table: &Table, column: &str) -> Result<Vec<u32>, JobError> {
    let mut numbers = BTreeMap::new();
    let number = |(row, text): (usize, Option<&str>)| -> Result<u32, JobError> {
        let Some(text) = text else {
            let row = row + 1;
            let rule = format!("common row {row} has no value in the group column `{column}`");
            return Err(ModelError::InvalidInput(rule).into());
        };
        let next = numbers.len() as u32;
        Ok(*numbers.entry(text.to_owned()).or_insert(next))
    };
    table.texts(column)?.enumerate().map(number).collect()
}

/// The values of some rows, in their order.
pub(super) fn pick(values: &[f64], rows: &[u32]) -> Vec<f64> {
    rows.iter().map(|row| values[*row as usize]).collect()
}

/// Every row that is no test row: what models are fitted on, ascending.
pub(super) fn training_period(split: &Split) -> Vec<u32> {
    let mut rows = [split.training.as_slice(), &split.validation].concat();
    rows.sort_unstable();
    rows
}
