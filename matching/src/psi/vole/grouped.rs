//! Tags in a form that leaves out what their order says.
//!
//! Tags are sorted by their lowest bits, as many as make about one tag for each value of them (a
//! *group*), and then by the rest. What is sent is how many tags each group has, in unary, and of
//! each tag the rest (Elias 1974, Fano 1971). For k tags that saves ⌊log2 k⌋ bits of each, and
//! costs two at most. Lengths depend on how many tags there are and on nothing else, and so does
//! the order: it says nothing about the sender's rows.

/// The form of `count` tags, at least one.
#[derive(Clone, Copy)]
pub(in crate::psi) struct Grouped {
    count: usize,
    group_bits: u32,
    rest_bits: u32,
}

/// Tags in the order of their groups, and which each was before.
pub(in crate::psi) struct Sorted {
    pub(in crate::psi) tags: Vec<u128>,
    pub(in crate::psi) order: Vec<u32>,
}

/// The group of each tag, one after the other.
pub(in crate::psi) struct Groups {
    sizes: Vec<u8>,
    /// How many bits of these were read, and how many zeros were among them.
    place: usize,
    group: u128,
}

impl Grouped {
    /// The form of so many tags of `tag_bits` bits, at most 128 and at least log2 of their number.
    pub(in crate::psi) fn new(count: usize, tag_bits: u32) -> Self {
        let group_bits = count.ilog2();
        Self { count, group_bits, rest_bits: tag_bits - group_bits }
    }

    /// Sorts tags by group, and within a group by the rest.
    pub(in crate::psi) fn sort(&self, tags: &[u128]) -> Sorted {
        let group = |tag: u128| (tag & self.group_mask()) as usize;
        let mut next = vec![0_u32; (1 << self.group_bits) + 1];
        for tag in tags {
            next[group(*tag) + 1] += 1;
        }
        for group in 1..next.len() {
            next[group] += next[group - 1];
        }
        let mut sorted = Sorted { tags: vec![0; tags.len()], order: vec![0; tags.len()] };
        for (position, tag) in (0..).zip(tags) {
            let next = &mut next[group(*tag)];
            let mut at = *next as usize;
            *next += 1;
            // The tags of a group are few: the new one goes to its place among them.
            while at > 0 && group(sorted.tags[at - 1]) == group(*tag) && sorted.tags[at - 1] > *tag
            {
                sorted.tags[at] = sorted.tags[at - 1];
                sorted.order[at] = sorted.order[at - 1];
                at -= 1;
            }
            sorted.tags[at] = *tag;
            sorted.order[at] = position;
        }
        sorted
    }

    /// How many tags each group has: as many ones, and a zero. The lowest bit of a byte first.
    pub(in crate::psi) fn sizes(&self, sorted: &[u128]) -> Vec<u8> {
        let mut sizes = vec![0; self.sizes_bytes()];
        for (before, tag) in sorted.iter().enumerate() {
            let place = before + (tag & self.group_mask()) as usize;
            sizes[place / 8] |= 1 << (place % 8);
        }
        sizes
    }

    /// Bytes of the groups' sizes.
    pub(in crate::psi) fn sizes_bytes(&self) -> usize {
        self.sizes_bits().div_ceil(8)
    }

    /// Reads the groups' sizes, of which there are [`sizes_bytes`](Self::sizes_bytes) bytes; `None`
    /// unless they are for as many tags and groups as there are.
    pub(in crate::psi) fn groups(&self, sizes: Vec<u8>) -> Option<Groups> {
        let tags: usize = sizes.iter().map(|byte| byte.count_ones() as usize).sum();
        let bits = self.sizes_bits();
        // The zero of the last group is the last bit, and what is left of the byte is zero too.
        let rest = sizes.last()? >> ((bits - 1) % 8);
        (tags == self.count && rest == 0).then_some(Groups { sizes, place: 0, group: 0 })
    }

    /// Bytes of the rests of so many tags.
    pub(in crate::psi) fn rests_bytes(&self, count: usize) -> usize {
        (count * self.rest_bits as usize).div_ceil(8)
    }

    /// What the group does not say about some tags.
    pub(in crate::psi) fn rests(&self, tags: &[u128]) -> Vec<u8> {
        let mut rests = vec![0; self.rests_bytes(tags.len()) + WORD_BYTES];
        for (index, tag) in tags.iter().enumerate() {
            let place = index * self.rest_bits as usize;
            let (start, shift) = (place / 8, place % 8);
            let rest = (tag >> self.group_bits) << shift;
            for (byte, more) in rests[start..start + WORD_BYTES].iter_mut().zip(rest.to_le_bytes())
            {
                *byte |= more;
            }
        }
        rests.truncate(self.rests_bytes(tags.len()));
        rests
    }

    /// The next `count` tags from their groups and the rests, of which there are
    /// [`rests_bytes`](Self::rests_bytes). Bits behind the last rest are ignored.
    pub(in crate::psi) fn tags(
        &self,
        groups: &mut Groups,
        mut rests: Vec<u8>,
        count: usize,
    ) -> Vec<u128> {
        rests.resize(rests.len() + WORD_BYTES, 0);
        let mask = u128::MAX >> (u128::BITS - self.rest_bits);
        let tag = |index: usize| {
            let place = index * self.rest_bits as usize;
            let mut word = [0; WORD_BYTES];
            word.copy_from_slice(&rests[place / 8..][..WORD_BYTES]);
            let rest = u128::from_le_bytes(word) >> (place % 8) & mask;
            rest << self.group_bits | groups.next()
        };
        (0..count).map(tag).collect()
    }

    fn sizes_bits(&self) -> usize {
        self.count + (1 << self.group_bits)
    }

    fn group_mask(&self) -> u128 {
        (1 << self.group_bits) - 1
    }
}

impl Groups {
    /// The group of the next tag.
    fn next(&mut self) -> u128 {
        // Asked for as many tags as there are ones, which are fewer than bits.
        while self.sizes[self.place / 8] >> (self.place % 8) & 1 == 0 {
            self.place += 1;
            self.group += 1;
        }
        self.place += 1;
        self.group
    }
}

/// Bytes in which a rest and a shift by up to 7 bits fit: rests have 121 bits at most.
const WORD_BYTES: usize = size_of::<u128>();

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn tags_survive_in_sorted_order(
            tags in prop::collection::vec(any::<u128>(), 1..300),
            tag_bits in 40_u32..=121,
            chunk in 1_usize..70,
            few in prop::bool::ANY,
        ) {
            // Few different tags, so that groups are crowded and some tags equal.
            let kept = if few { 0b101 } else { u128::MAX >> (128 - tag_bits) };
            let tags: Vec<u128> = tags.into_iter().map(|tag| tag & kept).collect();
            let form = Grouped::new(tags.len(), tag_bits);
            let sorted = form.sort(&tags);
            let picked: Vec<u128> = sorted.order.iter().map(|at| tags[*at as usize]).collect();
            prop_assert_eq!(&picked, &sorted.tags);
            let mut expected = tags.clone();
            expected.sort_unstable_by_key(|tag| (tag & form.group_mask(), *tag));
            prop_assert_eq!(&expected, &sorted.tags);

            let sizes = form.sizes(&sorted.tags);
            prop_assert_eq!(sizes.len(), form.sizes_bytes());
            let mut groups = form.groups(sizes).unwrap();
            let mut decoded = Vec::new();
            for tags in sorted.tags.chunks(chunk) {
                let rests = form.rests(tags);
                prop_assert_eq!(rests.len(), form.rests_bytes(tags.len()));
                decoded.extend(form.tags(&mut groups, rests, tags.len()));
            }
            prop_assert_eq!(decoded, sorted.tags);
        }

        /// Whatever a peer says, it is refused or there are as many tags as announced.
        #[test]
        fn any_sizes_are_refused_or_hold(
            count in 1_usize..100,
            mut sizes in prop::collection::vec(any::<u8>(), 30),
        ) {
            let form = Grouped::new(count, 64);
            sizes.truncate(form.sizes_bytes());
            if let Some(mut groups) = form.groups(sizes) {
                let rests = vec![0; form.rests_bytes(count)];
                let tags = form.tags(&mut groups, rests, count);
                prop_assert!(tags.iter().all(|tag| *tag < 1 << form.group_bits));
                prop_assert!(tags.is_sorted());
            }
        }
    }

    /// Five tags of four groups: 1, 0, 3 and 1.
    #[test]
    fn sizes_are_unary() {
        let form = Grouped::new(5, 40);
        let tags = [0b000, 0b010, 0b110, 0b010, 0b011];
        let sizes = form.sizes(&form.sort(&tags).tags);
        assert_eq!(sizes, [0b1011_1001, 0b0]);
        assert!(form.groups(sizes).is_some());
        for (wrong, why) in [
            ([0b1011_1000, 0], "four tags"),
            ([0b1011_1011, 0], "six tags"),
            ([0b1001_1001, 1], "a tag behind the last group"),
            ([0b1001_1001, 2], "a bit behind the last"),
        ] {
            assert!(form.groups(wrong.to_vec()).is_none(), "{why}");
        }
    }

    /// 62 bits for each of 2^20 tags of 80.
    #[test]
    fn tags_are_short() {
        let form = Grouped::new(1 << 20, 80);
        assert_eq!(form.sizes_bytes() + form.rests_bytes(1 << 20), 62 << 17);
    }
}
