//! Waksman's network for any number of rows: its switches, and how they are set for a permutation.
//!
//! A network of n rows has a switch for each pair of neighbours at its entry, two networks of half
//! the size, of which the lower one has the odd row, and switches at its exit but for the last pair
//! of an even number. Rows stay in their places; a switch exchanges what is in two of them.

use crate::boolean::Bits;

/// The places of each switch of the network of `rows` rows, in the order in which they work.
pub(crate) fn switches(rows: usize) -> Vec<[u32; 2]> {
    let places: Vec<u32> = (0..rows as u32).collect();
    let mut found = Vec::new();
    add_switches(&places, &mut found);
    found
}

fn add_switches(places: &[u32], found: &mut Vec<[u32; 2]>) {
    if let [left, right] = places {
        found.push([*left, *right]);
    }
    if places.len() < 3 {
        return;
    }
    let pairs = places.as_chunks::<2>().0;
    found.extend(pairs);
    let (upper, lower) = halves(places);
    add_switches(&upper, found);
    add_switches(&lower, found);
    found.extend(&pairs[..exits(places.len())]);
}

/// The first of each pair; the second of each pair and the odd one.
fn halves(places: &[u32]) -> (Vec<u32>, Vec<u32>) {
    let (pairs, odd) = places.as_chunks::<2>();
    let upper = pairs.iter().map(|[first, _]| *first).collect();
    let lower = pairs.iter().map(|[_, second]| *second).chain(odd.iter().copied()).collect();
    (upper, lower)
}

/// Switches at the exit of a network.
fn exits(rows: usize) -> usize {
    (rows - 1) / 2
}

/// Which of the [`switches`] exchange, so that row `order[i]` becomes row i; `None` unless the
/// order is a permutation of so many rows.
pub(crate) fn route(order: &[u32], rows: usize) -> Option<Bits> {
    let mut is_seen = vec![false; rows];
    for row in order {
        let seen = is_seen.get_mut(*row as usize)?;
        if std::mem::replace(seen, true) {
            return None;
        }
    }
    if order.len() != rows {
        return None;
    }
    let mut exchanged = Vec::new();
    add_routes(order, &mut exchanged);
    Some(Bits::from_fn(exchanged.len(), |index| exchanged[index]))
}

fn add_routes(order: &[u32], exchanged: &mut Vec<bool>) {
    if let [first, _] = order {
        exchanged.push(*first == 1);
    }
    let rows = order.len();
    if rows < 3 {
        return;
    }
    let is_lower = Loops::new(order).close();
    // A row of the upper half enters at the first place of its pair if nothing is exchanged.
    exchanged.extend((0..rows / 2).map(|pair| is_lower[2 * pair]));
    let (mut upper, mut lower) = (Vec::new(), Vec::new());
    for row in order {
        let half = if is_lower[*row as usize] { &mut lower } else { &mut upper };
        half.push(row / 2);
    }
    add_routes(&upper, exchanged);
    add_routes(&lower, exchanged);
    let leaves_lower = |exit: usize| is_lower[order[2 * exit] as usize];
    exchanged.extend((0..exits(rows)).map(leaves_lower));
}

/// The halves that rows go through: two of one pair, at entry or exit, go through different ones.
struct Loops<'a> {
    order: &'a [u32],
    /// Where each row leaves.
    exit: Vec<u32>,
    is_lower: Vec<Option<bool>>,
}

impl<'a> Loops<'a> {
    fn new(order: &'a [u32]) -> Self {
        let mut exit = vec![0; order.len()];
        for (place, row) in order.iter().enumerate() {
            exit[*row as usize] = place as u32;
        }
        Self { order, exit, is_lower: vec![None; order.len()] }
    }

    /// The half of each row: the last exit is the lower half's, for an even number the last but one
    /// the upper half's; other loops begin with the upper half.
    fn close(mut self) -> Vec<bool> {
        let last = self.order.len() - 1;
        self.follow(last, true);
        for exit in 0..last {
            if self.is_lower[self.order[exit] as usize].is_none() {
                self.follow(exit, false);
            }
        }
        self.is_lower.into_iter().map(Option::unwrap_or_default).collect()
    }

    /// From an exit to the entry of its row, to the partner there, to that one's exit, to the
    /// partner there, and so on until a row has its half or has no partner.
    fn follow(&mut self, mut exit: usize, lower: bool) {
        loop {
            let row = self.order[exit] as usize;
            self.is_lower[row] = Some(lower);
            let Some(partner) = self.partner(row) else { return };
            self.is_lower[partner] = Some(!lower);
            let Some(next) = self.partner(self.exit[partner] as usize) else { return };
            if self.is_lower[self.order[next] as usize].is_some() {
                return;
            }
            exit = next;
        }
    }

    /// The other place of a pair.
    fn partner(&self, place: usize) -> Option<usize> {
        let partner = place ^ 1;
        (partner < self.order.len()).then_some(partner)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check(order: &[u32]) {
        let rows = order.len();
        let network = switches(rows);
        let exchanged = route(order, rows).unwrap();
        assert_eq!(network.len(), exchanged.len());
        let mut values: Vec<u32> = (0..rows as u32).collect();
        for (index, [left, right]) in network.iter().enumerate() {
            if exchanged.bit(index) == 1 {
                values.swap(*left as usize, *right as usize);
            }
        }
        assert_eq!(values, order);
    }

    /// All permutations of up to six rows, by Heap's method.
    #[test]
    fn every_permutation_of_few_rows_is_routed() {
        fn permutations(order: &mut Vec<u32>, count: usize) {
            if count < 2 {
                check(order);
                return;
            }
            for index in 0..count {
                permutations(order, count - 1);
                let other = if count.is_multiple_of(2) { index } else { 0 };
                order.swap(other, count - 1);
            }
        }
        for rows in 0..=6 {
            permutations(&mut (0..rows).collect(), rows as usize);
        }
    }

    proptest! {
        #[test]
        fn any_permutation_is_routed(
            order in (0_u32..300).prop_flat_map(|rows| {
                Just((0..rows).collect::<Vec<_>>()).prop_shuffle()
            }),
        ) {
            check(&order);
        }
    }

    /// As many as the best binary insertion needs comparisons.
    #[test]
    fn the_number_of_switches_is_known() {
        let mut expected = 0;
        for rows in 1..200_usize {
            expected += rows.next_power_of_two().ilog2() as usize;
            assert_eq!(switches(rows).len(), expected, "{rows} rows");
        }
    }

    #[test]
    fn what_is_no_permutation_is_refused() {
        for (order, rows) in [(vec![0, 0], 2), (vec![0, 2], 2), (vec![0], 2), (vec![0, 1], 1)] {
            assert!(route(&order, rows).is_none(), "{order:?}");
        }
    }
}
