//! What must hold before a table is used: ids once, labels of two or more classes, weights not
//! negative.

use std::collections::{HashMap, HashSet};

use super::{Table, mismatch};
use crate::column::Values;
use crate::error::TableError;
use crate::fault::{RowFaults, shortened};
use crate::schema::{Column, Role};

/// How many labels of each class there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClassCounts {
    /// Labels 0.
    pub negative: usize,
    /// Labels 1.
    pub positive: usize,
}

/// Counts both classes and refuses labels of one class only.
///
/// # Errors
/// [`TableError::OneClass`] when one of the classes has no row.
pub fn check_label_classes(column: &str, labels: &[u8]) -> Result<ClassCounts, TableError> {
    let positive: usize = labels.iter().map(|label| usize::from(*label == 1)).sum();
    let negative = labels.len() - positive;
    if positive == 0 || negative == 0 {
        let value = u8::from(negative == 0);
        return Err(TableError::OneClass { column: column.to_owned(), rows: labels.len(), value });
    }
    Ok(ClassCounts { negative, positive })
}

impl Table {
    /// Makes sure that every id stands in one row only.
    ///
    /// What to do with repeated ids is the caller's decision; matching needs them unique.
    ///
    /// # Errors
    /// [`TableError::DuplicateIds`] with the count and the first lines, [`TableError::NoSuchRole`].
    pub fn check_unique_ids(&self) -> Result<(), TableError> {
        let column = self.id_column()?.to_owned();
        let mut seen = HashSet::with_capacity(self.rows);
        let mut repeated = HashSet::new();
        let mut faults = RowFaults::default();
        for (row, id) in self.ids()?.enumerate() {
            if !seen.insert(id) {
                repeated.insert(id);
                faults.push(row as u64, || id.to_owned());
            }
        }
        if faults.is_empty() {
            return Ok(());
        }
        let (ids, faults) = (repeated.len() as u64, faults.locate(&self.origin));
        Err(TableError::DuplicateIds { column, ids, faults })
    }

    /// The features with fewer than two different values, missing counted as one; they cannot
    /// help a model.
    pub fn constant_features(&self) -> Vec<&str> {
        let columns = self.schema.columns().iter().zip(&self.columns);
        let constant = columns.filter(|(column, values)| match values {
            _ if column.role != Role::Feature => false,
            Values::Numeric(numbers) => {
                // NaN compares by its bits here; reading makes only one kind of NaN.
                all_equal(numbers.values().iter().map(|number| (number + 0.0).to_bits()))
            }
            Values::Categorical(categories) => all_equal(categories.view().codes),
            Values::Text(_) | Values::Time(_) => false,
        });
        constant.map(|(column, _)| column.name.as_str()).collect()
    }

    /// The label as 0 and 1.
    ///
    /// With a stated positive value that value is 1, and exactly one other value, which is 0,
    /// may occur. Without it the label must be 0 and 1 or a boolean.
    ///
    /// # Errors
    /// [`TableError::NoSuchRole`] without a label, [`TableError::LabelValues`] when there are
    /// other values, with their lines. One class only is no error here: see
    /// [`check_label_classes`].
    pub fn label(&self) -> Result<Vec<u8>, TableError> {
        let (column, values) = self.column_with_role(Role::Label)?;
        match (values, &column.positive) {
            (Values::Numeric(numbers), None) => self.binary_label(column, numbers.values()),
            (Values::Numeric(numbers), Some(positive)) => {
                let texts: Vec<String> = numbers.values().iter().map(ToString::to_string).collect();
                let positive = crate::value::parse_number(positive.trim().as_bytes())
                    .map_or_else(|| positive.clone(), |number| number.to_string());
                self.named_label(column, &positive, texts.iter().map(String::as_str))
            }
            (Values::Categorical(categories), Some(positive)) => {
                let view = categories.view();
                let texts = (0..self.rows).map(|row| view.value(row).unwrap_or_default());
                self.named_label(column, positive.trim(), texts)
            }
            (Values::Categorical(_), None) => Err(TableError::Schema {
                rule: format!(
                    "the label `{}` is a category; state its positive value",
                    column.name
                ),
            }),
            _ => Err(mismatch(column, "a label")),
        }
    }

    /// The label as one of several classes: the names of all that occur, by size where all are
    /// numbers, else in the order of their bytes, and for each row the place of its class among
    /// them.
    ///
    /// # Errors
    /// [`TableError::NoSuchRole`] without a label, [`TableError::TooManyClasses`] for more than
    /// `classes_max` different values.
    pub fn label_classes(&self, classes_max: u8) -> Result<(Vec<String>, Vec<u8>), TableError> {
        let (_, labels, found) = self.distinct_labels(classes_max)?;
        let mut names = found.clone();
        let numbers: Option<Vec<f64>> = names.iter().map(|name| name.parse().ok()).collect();
        match numbers {
            Some(numbers) => {
                let mut pairs: Vec<(f64, String)> = numbers.into_iter().zip(names).collect();
                pairs.sort_by(|(left, _), (right, _)| left.total_cmp(right));
                names = pairs.into_iter().map(|(_, name)| name).collect();
            }
            None => names.sort_unstable(),
        }
        let places: Vec<u8> = found
            .iter()
            .map(|name| names.iter().take_while(|it| *it != name).count() as u8)
            .collect();
        let labels = labels.into_iter().map(|label| places[usize::from(label)]).collect();
        Ok((names, labels))
    }

    /// For each row the place of its label among these classes, at most 255.
    ///
    /// # Errors
    /// [`TableError::NoSuchRole`] without a label, [`TableError::LabelValues`] for other labels,
    /// with their lines, [`TableError::TooManyClasses`] for more than 255 different ones.
    pub fn label_among(&self, names: &[String]) -> Result<Vec<u8>, TableError> {
        let (column, labels, found) = self.distinct_labels(u8::MAX)?;
        let place = |name: &String| names.iter().position(|it| it == name);
        let places: Vec<Option<usize>> = found.iter().map(place).collect();
        let mut faults = RowFaults::default();
        let mut classes = Vec::with_capacity(labels.len());
        for (row, label) in labels.iter().map(|label| usize::from(*label)).enumerate() {
            match places[label] {
                Some(place) => classes.push(place as u8),
                None => faults.push(row as u64, || found[label].clone()),
            }
        }
        let expected: Vec<String> = names.iter().map(|name| shortened(name)).collect();
        let advice = "correct them, or drop these rows: the model knows no other classes";
        self.labels_or(column, classes, &faults, expected.join(", "), advice)
    }

    /// For each row the number of its label among the different ones, which stand in the order in
    /// which they come first.
    fn distinct_labels(&self, most: u8) -> Result<(&Column, Vec<u8>, Vec<String>), TableError> {
        let (column, values) = self.column_with_role(Role::Label)?;
        let mut known: HashMap<u64, u8> = HashMap::new();
        let mut labels = Vec::with_capacity(self.rows);
        let mut names = Vec::new();
        for row in 0..self.rows {
            // Reading has refused missing labels.
            let key = match values {
                Values::Numeric(numbers) => (numbers.value(row) + 0.0).to_bits(),
                Values::Categorical(categories) => u64::from(categories.view().codes[row]),
                _ => return Err(mismatch(column, "a label")),
            };
            let next = names.len();
            let number = *known.entry(key).or_insert(next.min(usize::from(u8::MAX)) as u8);
            if usize::from(number) == next {
                if next >= usize::from(most) {
                    return Err(TableError::TooManyClasses { column: column.name.clone(), most });
                }
                names.push(match values {
                    Values::Numeric(numbers) => (numbers.value(row) + 0.0).to_string(),
                    _ => values.text(row).unwrap_or_default().to_owned(),
                });
            }
            labels.push(number);
        }
        Ok((column, labels, names))
    }

    pub(super) fn check_weights(&self, column: &Column, weights: &[f64]) -> Result<(), TableError> {
        let mut faults = RowFaults::default();
        for (row, weight) in weights.iter().enumerate() {
            // Reading has refused missing and infinite weights.
            if *weight < 0.0 {
                faults.push(row as u64, || weight.to_string());
            }
        }
        if faults.is_empty() {
            return Ok(());
        }
        let faults = faults.locate(&self.origin);
        Err(TableError::NegativeWeight { column: column.name.clone(), faults })
    }

    fn binary_label(&self, column: &Column, numbers: &[f64]) -> Result<Vec<u8>, TableError> {
        let mut faults = RowFaults::default();
        let mut labels = Vec::with_capacity(numbers.len());
        for (row, number) in numbers.iter().enumerate() {
            // A difference of floats is zero only for equal ones.
            let is_one = number - 1.0 == 0.0;
            if *number != 0.0 && !is_one {
                faults.push(row as u64, || number.to_string());
            }
            labels.push(u8::from(is_one));
        }
        let advice = "state which value is positive, or choose a model for numbers";
        self.labels_or(column, labels, &faults, "0 and 1".to_owned(), advice)
    }

    /// Labels whose positive class has a name; the first other value names the negative class.
    fn named_label<'a>(
        &self,
        column: &Column,
        positive: &str,
        texts: impl Iterator<Item = &'a str>,
    ) -> Result<Vec<u8>, TableError> {
        let mut negative: Option<&str> = None;
        let mut faults = RowFaults::default();
        let mut labels = Vec::with_capacity(self.rows);
        for (row, text) in texts.enumerate() {
            labels.push(u8::from(text == positive));
            if text != positive && *negative.get_or_insert(text) != text {
                faults.push(row as u64, || text.to_owned());
            }
        }
        let expected = match negative {
            Some(negative) => format!("{positive:?} and {:?}", shortened(negative)),
            None => format!("{positive:?}"),
        };
        let advice = "correct them, drop these rows, or label all other values as one";
        self.labels_or(column, labels, &faults, expected, advice)
    }

    fn labels_or(
        &self,
        column: &Column,
        labels: Vec<u8>,
        faults: &RowFaults,
        expected: String,
        advice: &'static str,
    ) -> Result<Vec<u8>, TableError> {
        if faults.is_empty() {
            return Ok(labels);
        }
        let faults = faults.locate(&self.origin);
        Err(TableError::LabelValues { column: column.name.clone(), expected, faults, advice })
    }
}

fn all_equal<T: PartialEq>(values: impl IntoIterator<Item = T>) -> bool {
    let mut values = values.into_iter();
    let first = values.next();
    first.is_none_or(|first| values.all(|value| value == first))
}
