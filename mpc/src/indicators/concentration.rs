//! A network that brings some rows to places which everybody knows, in the order of the rows.
//!
//! Which rows are taken is the secret of the party that sets the switches; how many is public, and
//! the last row is always one of them. A network of n rows has a switch for each pair of
//! neighbours; then the rows taken whose place among them has the parity of the last one go through
//! the lower half, which has the odd row, and the others through the upper half. Neighbours that
//! are both taken have different parities, and the odd row, if it is taken, is the last one: so no
//! two rows need one place. Where none or all rows of a part are taken, it has no switches.

use crate::boolean::Bits;

/// The places of the switches for `count` of `rows` rows, in the order in which they work, and
/// where each of the rows taken is in the end.
pub(super) fn switches(rows: usize, count: usize) -> (Vec<[u32; 2]>, Vec<u32>) {
    let places: Vec<u32> = (0..rows as u32).collect();
    let mut found = Vec::new();
    let ends = add_switches(&places, count, &mut found);
    (found, ends)
}

fn add_switches(places: &[u32], count: usize, found: &mut Vec<[u32; 2]>) -> Vec<u32> {
    if count == 0 || count >= places.len() {
        return places[..count.min(places.len())].to_vec();
    }
    let (pairs, odd) = places.as_chunks::<2>();
    found.extend(pairs);
    let upper: Vec<u32> = pairs.iter().map(|[first, _]| *first).collect();
    let lower: Vec<u32> = pairs.iter().map(|[_, second]| *second).chain(odd.to_vec()).collect();
    let upper = add_switches(&upper, count / 2, found);
    let lower = add_switches(&lower, count.div_ceil(2), found);
    let end =
        |place: usize| if goes_lower(place, count) { lower[place / 2] } else { upper[place / 2] };
    (0..count).map(end).collect()
}

/// Which of the [`switches`] exchange, where `is_taken` says which rows are.
pub(super) fn route(is_taken: &[bool]) -> Bits {
    let mut exchanged = Vec::new();
    add_routes(is_taken, &mut exchanged);
    Bits::from_fn(exchanged.len(), |index| exchanged[index])
}

fn add_routes(is_taken: &[bool], exchanged: &mut Vec<bool>) {
    let rows = is_taken.len();
    let count = is_taken.iter().filter(|taken| **taken).count();
    if count == 0 || count >= rows {
        return;
    }
    let (mut upper, mut lower) = (Vec::new(), Vec::new());
    let mut place = 0;
    let (pairs, odd) = is_taken.as_chunks::<2>();
    for [first, second] in pairs {
        let first_lower = *first && goes_lower(place, count);
        place += usize::from(*first);
        let second_lower = *second && goes_lower(place, count);
        place += usize::from(*second);
        lower.push(first_lower || second_lower);
        upper.push((*first && !first_lower) || (*second && !second_lower));
        exchanged.push(first_lower || (*second && !second_lower));
    }
    lower.extend(odd);
    add_routes(&upper, exchanged);
    add_routes(&lower, exchanged);
}

/// Whether the row at this place among `count` that are taken goes through the lower half.
fn goes_lower(place: usize, count: usize) -> bool {
    (count - 1 - place).is_multiple_of(2)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(is_taken: &[bool]) {
        let taken: Vec<u32> =
            (0..is_taken.len() as u32).filter(|row| is_taken[*row as usize]).collect();
        let (network, ends) = switches(is_taken.len(), taken.len());
        let exchanged = route(is_taken);
        assert_eq!(network.len(), exchanged.len());
        let mut values: Vec<u32> = (0..is_taken.len() as u32).collect();
        for (index, [left, right]) in network.iter().enumerate() {
            if exchanged.bit(index) == 1 {
                values.swap(*left as usize, *right as usize);
            }
        }
        let arrived: Vec<u32> = ends.iter().map(|end| values[*end as usize]).collect();
        assert_eq!(arrived, taken, "{is_taken:?}");
    }

    /// All choices of up to eleven rows that take the last one.
    #[test]
    fn every_choice_of_few_rows_is_routed() {
        for rows in 1..=11_usize {
            for choice in 0..1_u32 << (rows - 1) {
                let mut is_taken: Vec<bool> =
                    (0..rows - 1).map(|row| choice >> row & 1 == 1).collect();
                is_taken.push(true);
                check(&is_taken);
            }
        }
    }

    /// At most one switch for each two rows and each halving.
    #[test]
    fn the_number_of_switches_is_bounded() {
        for (rows, count) in [(1000, 1), (1000, 333), (1000, 999), (4097, 64), (5, 5)] {
            let (network, ends) = switches(rows, count);
            assert_eq!(ends.len(), count);
            assert!(network.len() <= rows * (rows.next_power_of_two().ilog2() as usize) / 2);
        }
    }
}
