//! Looking up the sender's tags among the receiver's while they arrive.

use crypto::hash::digest;

use crate::psi::positions::Positions;
use crate::psi::tags;

/// The receiver's tags, and which of them the sender has sent too.
pub(in crate::psi) struct Matches {
    tags: Vec<u128>,
    positions: Positions,
    is_found: Vec<bool>,
    /// Of each match: the position among the sender's tags, ascending, and among the own.
    found: Vec<[u32; 2]>,
    seen: u32,
}

impl Matches {
    /// Nothing seen yet.
    pub(in crate::psi) fn new(tags: Vec<u128>) -> Self {
        // Of two equal tags, which chance makes with probability 2^-40, the first one counts.
        let positions = Positions::of(&tags, |_, _| {});
        let is_found = vec![false; tags.len()];
        Self { tags, positions, is_found, found: Vec::new(), seen: 0 }
    }

    /// Looks up the sender's next tags. A tag that is sent twice counts once. Runs on the current
    /// rayon pool.
    pub(in crate::psi) fn look_up(&mut self, theirs: &[u128]) {
        for found in self.positions.find_each(&self.tags, theirs) {
            if let Some(position) = found
                && !self.is_found[position as usize]
            {
                self.is_found[position as usize] = true;
                self.found.push([self.seen, position]);
            }
            self.seen += 1;
        }
    }

    /// The own positions of all matches, in the sender's order.
    pub(in crate::psi) fn positions(&self) -> Vec<u32> {
        self.found.iter().map(|[_, own]| *own).collect()
    }

    /// One bit for each tag seen: whether it matches, in the sender's order, the lowest bit first.
    pub(in crate::psi) fn bitmap(&self) -> Vec<u8> {
        let mut bitmap = vec![0; self.seen.div_ceil(8) as usize];
        for [theirs, _] in &self.found {
            bitmap[(theirs / 8) as usize] |= 1 << (theirs % 8);
        }
        bitmap
    }
}

/// The positions of the set bits of a bitmap over `count` tags; `None` if bits beyond are set.
pub(in crate::psi) fn claimed(bitmap: &[u8], count: usize) -> Option<Vec<u32>> {
    let is_set = |position: &u32| bitmap[(position / 8) as usize] >> (position % 8) & 1 == 1;
    let mut positions: Vec<u32> = (0..8 * bitmap.len() as u32).filter(is_set).collect();
    positions.shrink_to_fit();
    positions.last().is_none_or(|last| (*last as usize) < count).then_some(positions)
}

/// What shows that the receiver could compute the proofs of all its claims, in the sender's order:
/// one digest instead of the proofs, each of which is as hard to guess as all.
pub(in crate::psi) fn proof_of_all(proofs: &[u128]) -> [u8; PROOF_BYTES] {
    digest("matching/psi/vole claims", &[&tags::encode(proofs)])
}

/// Bytes of [`proof_of_all`].
pub(in crate::psi) const PROOF_BYTES: usize = 32;

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// Few different tags, so that some are sent twice.
        #[test]
        fn agrees_with_comparing_all(
            own in prop::collection::btree_set((0_u128..30, 0_u128..3), 0..40),
            theirs in prop::collection::vec((0_u128..30, 0_u128..3), 0..60),
            cut in 0_usize..60,
        ) {
            let tag = |(low, high)| low | high << 64;
            let own: Vec<u128> = own.into_iter().map(tag).collect();
            let theirs: Vec<u128> = theirs.into_iter().map(tag).collect();
            let mut matches = Matches::new(own.clone());
            let (first, second) = theirs.split_at(cut.min(theirs.len()));
            matches.look_up(first);
            matches.look_up(second);

            let mut expected: Vec<[u32; 2]> = Vec::new();
            let mut seen = BTreeSet::new();
            for (at, tag) in (0..).zip(&theirs) {
                if let Some(position) = own.iter().position(|it| it == tag) && seen.insert(tag) {
                    expected.push([at, position as u32]);
                }
            }
            let positions: Vec<u32> = expected.iter().map(|[_, own]| *own).collect();
            prop_assert_eq!(matches.positions(), positions);
            let bits: Vec<u32> = expected.iter().map(|[theirs, _]| *theirs).collect();
            prop_assert_eq!(claimed(&matches.bitmap(), theirs.len()), Some(bits));
        }
    }

    #[test]
    fn claims_beyond_the_set_are_refused() {
        assert_eq!(claimed(&[0b0001_0001], 5), Some(vec![0, 4]));
        assert_eq!(claimed(&[0b0010_0001], 5), None);
        assert_eq!(claimed(&[], 0), Some(vec![]));
    }
}
