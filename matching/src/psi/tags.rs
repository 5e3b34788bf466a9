//! Tags: short values, equal on both sides for equal ids, that the parties compare.

use rayon::prelude::*;

/// Bytes of a tag on the wire.
pub(super) const TAG_BYTES: usize = size_of::<u128>();

/// The tags of byte strings for the purpose `domain`: their hashes, cut to 128 bits.
///
/// Cutting keeps messages and sorting small. Hashing first makes all bits of a tag uniform, which
/// the leading bits of an encoded point are not. Runs on the current rayon pool.
pub(super) fn tags<const BYTES: usize>(domain: &str, values: &[[u8; BYTES]]) -> Vec<u128> {
    let tag = |value: &[u8; BYTES]| {
        let mut tag = [0; TAG_BYTES];
        crypto::hash::expand(domain, &[value], &mut tag);
        u128::from_le_bytes(tag)
    };
    values.par_iter().map(tag).collect()
}

/// Tags as bytes on the wire, little endian.
pub(super) fn encode(tags: &[u128]) -> Vec<u8> {
    tags.iter().flat_map(|tag| tag.to_le_bytes()).collect()
}

/// Tags from bytes on the wire, a whole number of them.
pub(super) fn decode(bytes: &[u8]) -> impl Iterator<Item = u128> {
    bytes.as_chunks::<TAG_BYTES>().0.iter().map(|tag| u128::from_le_bytes(*tag))
}

/// What both sides have in common, in the common order.
pub(super) struct Common {
    /// The common tags, ascending.
    pub(super) tags: Vec<u128>,
    /// For each of them, the position of the row in this party's table.
    pub(super) positions: Vec<u32>,
}

/// Intersects `own`, where `own[k]` is the tag of the row `positions[k]`, with `theirs`.
///
/// The common order is that of the tags. Both parties hold the same tags, so they find the same
/// order without another message; and a tag is a pseudo-random value under both parties' keys, so
/// that the order is a random one that says nothing about either table.
///
/// A tag that occurs twice on one side, which a peer can send on purpose, counts once. Runs on the
/// current rayon pool.
pub(super) fn intersect(own: &[u128], positions: &[u32], mut theirs: Vec<u128>) -> Common {
    let mut own: Vec<(u128, u32)> =
        own.par_iter().copied().zip(positions.par_iter().copied()).collect();
    rayon::join(|| own.par_sort_unstable(), || theirs.par_sort_unstable());

    let mut common = Common { tags: Vec::new(), positions: Vec::new() };
    let mut theirs = theirs.into_iter().peekable();
    for (tag, position) in own {
        while theirs.next_if(|their| *their < tag).is_some() {}
        let is_new = common.tags.last() != Some(&tag);
        if theirs.peek() == Some(&tag) && is_new {
            common.tags.push(tag);
            common.positions.push(position);
        }
    }
    common
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn agrees_with_an_ordered_map(
            own in prop::collection::vec(0u128..40, 0..40),
            theirs in prop::collection::vec(0u128..40, 0..40),
        ) {
            let positions: Vec<u32> = (0..own.len() as u32).map(|index| 100 + index).collect();
            let mut expected: BTreeMap<u128, u32> = BTreeMap::new();
            for (tag, position) in own.iter().zip(&positions) {
                if theirs.contains(tag) {
                    expected.entry(*tag).or_insert(*position);
                }
            }
            let common = intersect(&own, &positions, theirs);
            prop_assert_eq!(common.tags, expected.keys().copied().collect::<Vec<_>>());
            prop_assert_eq!(common.positions, expected.values().copied().collect::<Vec<_>>());
        }
    }
}
