//! What is made of an alignment: the rows that it leaves over, and columns of the other party.

pub mod payload;

/// The rows of a table of `rows` rows that are not among `matched`, ascending.
pub fn unmatched(matched: &[u32], rows: usize) -> Vec<u32> {
    let mut is_left = vec![true; rows];
    for row in matched {
        is_left[*row as usize] = false;
    }
    (0..rows as u32).filter(|row| is_left[*row as usize]).collect()
}

#[cfg(test)]
mod tests {
    use super::unmatched;

    #[test]
    fn every_row_is_matched_or_not() {
        assert_eq!(unmatched(&[4, 0], 5), [1, 2, 3]);
        assert_eq!(unmatched(&[], 2), [0, 1]);
        assert!(unmatched(&[1, 0], 2).is_empty());
    }
}
