//! What is predicted.

/// One label a row of the matrix; those of rows in neither part are not read.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Labels<'a> {
    /// Numbers of classes, from 0.
    Classes(&'a [u8]),
    /// Amounts, counts or rates.
    Numbers(&'a [f64]),
    /// How good rows are among those of their group.
    Graded {
        /// Whole numbers from 0, the more the better.
        grades: &'a [f64],
        /// Rows of one number are of one group.
        groups: &'a [u32],
    },
}

impl<'a> Labels<'a> {
    /// How many there are.
    #[expect(clippy::len_without_is_empty, reason = "a matrix without rows is refused")]
    pub fn len(self) -> usize {
        match self {
            Self::Classes(classes) => classes.len(),
            Self::Numbers(numbers) => numbers.len(),
            Self::Graded { grades, groups } => grades.len().min(groups.len()),
        }
    }

    /// The label of a row as a number.
    pub fn at(self, row: usize) -> f64 {
        match self {
            Self::Classes(classes) => f64::from(classes[row]),
            Self::Numbers(numbers) => numbers[row],
            Self::Graded { grades, .. } => grades[row],
        }
    }

    /// The group of a row; of labels that are not graded all rows are of one group.
    pub fn group(self, row: usize) -> u32 {
        match self {
            Self::Graded { groups, .. } => groups[row],
            Self::Classes(_) | Self::Numbers(_) => 0,
        }
    }

    /// Whether labels are grades within groups.
    pub fn are_graded(self) -> bool {
        matches!(self, Self::Graded { .. })
    }

    /// The numbers of classes, if that is what the labels are.
    pub fn classes(self) -> Option<&'a [u8]> {
        match self {
            Self::Classes(classes) => Some(classes),
            Self::Numbers(_) | Self::Graded { .. } => None,
        }
    }
}
