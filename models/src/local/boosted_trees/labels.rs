//! What is predicted.

/// One label a row of the matrix; those of rows in neither part are not read.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Labels<'a> {
    /// Numbers of classes, from 0.
    Classes(&'a [u8]),
    /// Amounts, counts or rates.
    Numbers(&'a [f64]),
}

impl<'a> Labels<'a> {
    /// How many there are.
    #[expect(clippy::len_without_is_empty, reason = "a matrix without rows is refused")]
    pub fn len(self) -> usize {
        match self {
            Self::Classes(classes) => classes.len(),
            Self::Numbers(numbers) => numbers.len(),
        }
    }

    /// The label of a row as a number.
    pub fn at(self, row: usize) -> f64 {
        match self {
            Self::Classes(classes) => f64::from(classes[row]),
            Self::Numbers(numbers) => numbers[row],
        }
    }

    /// The numbers of classes, if that is what the labels are.
    pub fn classes(self) -> Option<&'a [u8]> {
        match self {
            Self::Classes(classes) => Some(classes),
            Self::Numbers(_) => None,
        }
    }
}
