//! What the tests of every intersection share.

use std::collections::BTreeSet;

use table::Alignment;
use world::Outcome;

use crate::MatchingError;
use crate::psi::Learn;

pub(super) const LEARNS: [Learn; 3] = [Learn::Both, Learn::First, Learn::Second];

/// What one side of an intersection returns.
pub(super) type Aligned = Result<Option<Alignment>, MatchingError>;

/// The ids of a run of numbers below 100,000, in an order that is not the sorted one.
pub(super) fn numbered(numbers: impl Iterator<Item = u32>) -> Vec<String> {
    numbers.map(|number| format!("id-{:05}", number * 37 % 100_000)).collect()
}

/// Checks that whoever learns got exactly the common ids, each once, in the same order.
pub(super) fn check_outcome(
    first: &[String],
    second: &[String],
    learn: Learn,
    outcome: Outcome<Aligned, Aligned>,
) {
    let theirs: BTreeSet<&String> = second.iter().collect();
    let expected: BTreeSet<&String> = first.iter().filter(|id| theirs.contains(id)).collect();
    let mut orders = Vec::new();
    for (is_first, ids, result) in
        [(true, first, outcome.first.unwrap()), (false, second, outcome.second.unwrap())]
    {
        assert_eq!(result.is_some(), learn.includes(is_first));
        if let Some(alignment) = result {
            let common: Vec<&String> =
                alignment.order().iter().map(|&position| &ids[position as usize]).collect();
            assert_eq!(common.iter().copied().collect::<BTreeSet<_>>(), expected);
            assert_eq!(common.len(), expected.len());
            orders.push(common);
        }
    }
    assert!(orders.windows(2).all(|pair| pair[0] == pair[1]), "both sides use one order");
}
