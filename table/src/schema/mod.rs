//! What the columns of a table are: names, kinds, roles, missing values.
//!
//! A [`Schema`] is a statement, never a guess: it is written in a job file or confirmed by a
//! person who has seen a [`ProposedSchema`].

mod column;
mod inference;
mod proposal;
mod sample;

use std::collections::BTreeSet;
use std::fmt;

pub use column::{Column, Kind, Role, UnknownName};
pub use inference::{Hint, Reason};
pub use proposal::{ColumnOverride, Overrides, ProposedColumn, ProposedSchema};
pub(crate) use sample::ColumnSample;

use crate::error::TableError;

/// How many columns a file or a schema may have.
pub const COLUMNS_MAX: usize = 20_000;

/// How many different values a category may have.
pub const LEVELS_MAX: usize = 100_000;

/// The columns of a table that are read, in the order in which the table holds them.
///
/// Columns of the file that the schema does not name are not read.
#[derive(Clone, Debug, PartialEq)]
pub struct Schema {
    columns: Vec<Column>,
}

impl Schema {
    /// States a schema.
    ///
    /// # Errors
    /// [`TableError::Schema`] when a name repeats or is empty, when a role other than feature or
    /// ignore is given twice, when there are more than [`COLUMNS_MAX`] columns, or when a
    /// column's kind does not fit its role: an id is text; a weight is a number; a time is a
    /// time or an integer; a feature is not text and not a time.
    pub fn new(columns: Vec<Column>) -> Result<Self, TableError> {
        let invalid = |rule: String| Err(TableError::Schema { rule });
        if columns.len() > COLUMNS_MAX {
            return invalid(format!(
                "it has {} columns, at most {COLUMNS_MAX} are allowed; ignore some",
                columns.len()
            ));
        }
        let mut names = BTreeSet::new();
        let mut unique_roles = BTreeSet::new();
        for column in &columns {
            if column.name.is_empty() {
                return invalid("a column has an empty name; name it".to_owned());
            }
            if !names.insert(column.name.as_str()) {
                return invalid(format!("column `{}` is stated twice; drop one", column.name));
            }
            if column.role.is_unique() && !unique_roles.insert(column.role) {
                return invalid(format!(
                    "two columns have the role {}; keep one of them",
                    column.role
                ));
            }
            if let Some(rule) = column.contradiction() {
                return invalid(rule);
            }
        }
        Ok(Self { columns })
    }

    /// All columns in order.
    pub fn columns(&self) -> &[Column] {
        &self.columns
    }

    /// The column of this name.
    ///
    /// # Errors
    /// [`TableError::MissingColumn`] with the name that was probably meant.
    pub fn column(&self, name: &str) -> Result<&Column, TableError> {
        Ok(&self.columns[self.position(name)?])
    }

    /// The column with this role, for the roles that only one column can have.
    pub fn with_role(&self, role: Role) -> Option<&Column> {
        self.columns.iter().find(|column| column.role == role)
    }

    pub(crate) fn position(&self, name: &str) -> Result<usize, TableError> {
        self.columns.iter().position(|column| column.name == name).ok_or_else(|| {
            let names = self.columns.iter().map(|column| column.name.as_str());
            TableError::missing_column("the table", name, names)
        })
    }

    /// The schema without ignored columns: what a table holds.
    pub(crate) fn without_ignored(&self) -> Self {
        let read = self.columns.iter().filter(|column| column.role != Role::Ignore);
        Self { columns: read.cloned().collect() }
    }
}

/// The schema as a table for people.
impl fmt::Display for Schema {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rows = self.columns.iter().map(|column| {
            let remarks: Vec<String> =
                column.positive_remark().into_iter().chain(column.missing_remark()).collect();
            [
                column.name.clone(),
                column.kind.to_string(),
                column.role.to_string(),
                remarks.join("; "),
            ]
        });
        write_grid(formatter, ["column", "kind", "role", "remarks"], &rows.collect::<Vec<_>>())
    }
}

/// Writes left-aligned columns; the last one is not padded.
fn write_grid<const N: usize>(
    formatter: &mut fmt::Formatter<'_>,
    head: [&str; N],
    rows: &[[String; N]],
) -> fmt::Result {
    let mut widths = head.map(|title| title.chars().count());
    for row in rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let mut write_row = |cells: [&str; N]| {
        let mut line = String::new();
        for (cell, width) in cells.iter().zip(widths) {
            line.push_str(cell);
            line.extend(std::iter::repeat_n(' ', width - cell.chars().count() + 2));
        }
        writeln!(formatter, "{}", line.trim_end())
    };
    write_row(head)?;
    rows.iter().try_for_each(|row| write_row(std::array::from_fn(|index| row[index].as_str())))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Missing;

    fn column(name: &str, kind: Kind, role: Role) -> Column {
        Column::new(name, kind, role)
    }

    #[test]
    fn contradictions_are_named() {
        for (columns, part) in [
            (vec![column("id", Kind::Integer, Role::Id)], "an id is always text"),
            (vec![column("note", Kind::Text, Role::Feature)], "`note`"),
            (vec![column("w", Kind::Category, Role::Weight)], "weight"),
            (vec![column("t", Kind::Number, Role::Time)], "time"),
            (vec![column("", Kind::Number, Role::Feature)], "empty name"),
            (vec![column("a", Kind::Number, Role::Feature); 2], "twice"),
            (
                vec![column("a", Kind::Text, Role::Id), column("b", Kind::Text, Role::Id)],
                "two columns have the role id",
            ),
            (vec![column("a", Kind::Number, Role::Feature).with_positive("yes")], "positive"),
        ] {
            let message = Schema::new(columns).unwrap_err().to_string();
            assert!(message.contains(part), "{message}");
        }
    }

    #[test]
    fn shows_itself_as_a_table() {
        let schema = Schema::new(vec![
            column("phone", Kind::Text, Role::Id),
            column("年龄", Kind::Integer, Role::Feature)
                .with_missing(Missing::default().and(["999"])),
            column("subscribed", Kind::Category, Role::Label).with_positive("yes"),
        ])
        .unwrap();
        let expected = "\
column      kind      role     remarks
phone       text      id
年龄          integer   feature  also missing: 999
subscribed  category  label    positive: yes
";
        assert_eq!(schema.to_string(), expected);
    }

    #[test]
    fn a_misspelt_column_gets_a_suggestion() {
        let schema = Schema::new(vec![column("phone", Kind::Text, Role::Id)]).unwrap();
        let message = schema.column("phnoe").unwrap_err().to_string();
        assert_eq!(message, "the table has no column `phnoe`; did you mean `phone`?");
    }
}
