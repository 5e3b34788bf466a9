//! Which rows of a table are common with a partner's, and the table brought into that order.
//!
//! Data flows one way: `Table` → matching → [`Alignment`] → [`AlignedTable`] → features → models.

use std::fmt;

use zeroize::Zeroizing;

use crate::error::TableError;
use crate::table::Table;

/// Which of the party's rows are common, in the order that all parties share.
///
/// Position `i` of every party's alignment is the same entity. The order must reveal nothing
/// about the other party's rows; the matching protocol that made it says why its order does not.
#[derive(Clone, PartialEq, Eq)]
pub struct Alignment {
    order: Vec<u32>,
    table_rows: usize,
}

impl Alignment {
    /// States the result of a matching protocol: positions of rows of a table of `table_rows`
    /// rows.
    ///
    /// Only `matching` calls this, at the end of a protocol, and tests do: an alignment that
    /// did not come out of a protocol would pair rows of different entities.
    ///
    /// # Errors
    /// [`TableError::Shape`] when a position is not a row or stands twice.
    pub fn from_matching(order: Vec<u32>, table_rows: usize) -> Result<Self, TableError> {
        let mut is_taken = vec![false; table_rows];
        for row in &order {
            let invalid = |what: &str| {
                Err(TableError::Shape { rule: format!("the alignment's row {row} {what}") })
            };
            match is_taken.get_mut(*row as usize) {
                None => return invalid("is not a row of the table"),
                Some(true) => return invalid("is matched twice"),
                Some(taken) => *taken = true,
            }
        }
        Ok(Self { order, table_rows })
    }

    /// The number of common rows.
    pub fn len(&self) -> usize {
        self.order.len()
    }

    /// Whether nothing is common.
    pub fn is_empty(&self) -> bool {
        self.order.is_empty()
    }

    /// The positions of the party's rows, in the common order.
    pub fn order(&self) -> &[u32] {
        &self.order
    }
}

/// Shows sizes only: who is common with whom is a result that belongs to the party.
impl fmt::Debug for Alignment {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Alignment")
            .field("len", &self.order.len())
            .field("table_rows", &self.table_rows)
            .finish_non_exhaustive()
    }
}

/// A table in the common order of all parties, open or hidden.
///
/// *Open*: every row is common, and the party knows that. *Hidden*: the rows are padded, and
/// which of them are common is a bit per row that the parties hold as shares. Models take the
/// bit as a factor of the row's weight (an open table has the factor 1 everywhere), so that one
/// model serves both forms.
#[derive(Clone, Debug)]
pub struct AlignedTable {
    table: Table,
    validity: Validity,
}

#[derive(Clone)]
enum Validity {
    AllRows,
    Shared(Zeroizing<Vec<u64>>),
}

impl AlignedTable {
    /// Brings a table into the common order of an alignment that the party knows.
    ///
    /// # Errors
    /// [`TableError::Shape`] when the alignment was made for a table of another size.
    pub fn open(table: &Table, alignment: &Alignment) -> Result<Self, TableError> {
        if alignment.table_rows != table.rows() {
            let rule = format!(
                "the alignment is for a table of {} rows, this one has {}; align this table",
                alignment.table_rows,
                table.rows()
            );
            return Err(TableError::Shape { rule });
        }
        let table = table.take(alignment.order())?;
        Ok(Self { table, validity: Validity::AllRows })
    }

    /// Joins padded rows with the party's shares of their validity, as a circuit-PSI protocol
    /// gives them.
    ///
    /// Share `i` is this party's additive share modulo 2^64 of the integer 1 when row `i` is
    /// common and 0 when it is padding: the sum over all parties wraps to exactly that.
    /// Additive shares and not exclusive-or bits, because models multiply the bit into weights,
    /// for which they would convert bits to exactly this form.
    ///
    /// # Errors
    /// [`TableError::Shape`] when there is not one share per row.
    pub fn hidden(table: Table, validity_share: Vec<u64>) -> Result<Self, TableError> {
        let validity_share = Zeroizing::new(validity_share);
        if validity_share.len() != table.rows() {
            let rule =
                format!("{} validity shares for {} rows", validity_share.len(), table.rows());
            return Err(TableError::Shape { rule });
        }
        Ok(Self { table, validity: Validity::Shared(validity_share) })
    }

    /// The number of rows, padding included.
    pub fn rows(&self) -> usize {
        self.table.rows()
    }

    /// The party's rows in the common order.
    pub fn table(&self) -> &Table {
        &self.table
    }

    /// Whether it is hidden which rows are common.
    pub fn is_hidden(&self) -> bool {
        matches!(self.validity, Validity::Shared(_))
    }

    /// The party's shares of the validity of each row; `None` when all rows are valid.
    pub fn validity_share(&self) -> Option<&[u64]> {
        match &self.validity {
            Validity::AllRows => None,
            Validity::Shared(share) => Some(share),
        }
    }
}

impl fmt::Debug for Validity {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::AllRows => "AllRows",
            Self::Shared(_) => "Shared(..)",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Column, Kind, Role, Values};

    fn table() -> Table {
        let id = Column::new("id", Kind::Text, Role::Id);
        Table::from_columns(vec![(id, Values::texts([Some("a"), Some("b"), Some("c")]))]).unwrap()
    }

    #[test]
    fn open_takes_the_common_order() {
        let alignment = Alignment::from_matching(vec![2, 0], 3).unwrap();
        let aligned = AlignedTable::open(&table(), &alignment).unwrap();
        assert_eq!(aligned.table().ids().unwrap().collect::<Vec<_>>(), ["c", "a"]);
        assert_eq!((aligned.rows(), aligned.is_hidden()), (2, false));
        assert!(aligned.validity_share().is_none());
    }

    #[test]
    fn wrong_alignments_are_refused() {
        for order in [vec![3], vec![1, 1]] {
            assert!(Alignment::from_matching(order, 3).is_err());
        }
        let other = Alignment::from_matching(vec![0], 9).unwrap();
        assert!(AlignedTable::open(&table(), &other).is_err());
    }

    #[test]
    fn hidden_shows_no_shares() {
        assert!(AlignedTable::hidden(table(), vec![1]).is_err());
        let hidden = AlignedTable::hidden(table(), vec![7_777_777, 1, 2]).unwrap();
        assert!(hidden.is_hidden());
        assert_eq!(hidden.validity_share(), Some([7_777_777, 1, 2].as_slice()));
        assert!(!format!("{hidden:?}").contains("7777777"));
    }
}
