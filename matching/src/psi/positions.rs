//! Where among many uniform 128-bit values is this one?

use std::hint::black_box;

use rayon::prelude::*;

/// Positions of values in a slice that the caller keeps, found by the value.
///
/// An open hash table at most half full: values are uniform, so that their own bits are the hash. A
/// slot holds 32 bits of the value beside the position, and only a match of these looks at the
/// value itself. The time depends on the values.
pub(super) struct Positions {
    slots: Vec<Slot>,
}

/// Upper half: bits 32 to 64 of the value. Lower half: its position plus one; 0 in an empty slot.
type Slot = u64;

impl Positions {
    /// The positions of all `values`, at most 2^30. Of equal values the first one counts; each
    /// other is told, by the position of the first and its own.
    pub(super) fn of(values: &[u128], mut repeated: impl FnMut(u32, u32)) -> Self {
        let mut all = Self { slots: vec![0; (2 * values.len()).next_power_of_two()] };
        let mut position = 0;
        for batch in values.chunks(BATCH) {
            // All first slots at once, so that the waits for memory overlap.
            let firsts = batch.iter().map(|value| all.slots[all.start(*value)]);
            black_box(firsts.fold(0, |both, slot| both | slot));
            for _ in batch {
                if let Some(first) = all.insert(values, position) {
                    repeated(first, position);
                }
                position += 1;
            }
        }
        all
    }

    /// Puts in the value at `position` of `values`. If an equal one is there already, that one
    /// stays, and its position is returned.
    fn insert(&mut self, values: &[u128], position: u32) -> Option<u32> {
        let value = values[position as usize];
        let mut at = self.start(value);
        while self.slots[at] != 0 {
            if let Some(earlier) = holds(self.slots[at], values, value) {
                return Some(earlier);
            }
            at = self.after(at);
        }
        self.slots[at] = fingerprint(value) | u64::from(position + 1);
        None
    }

    /// Finds each of `wanted` among `values`. Runs on the current rayon pool.
    pub(super) fn find_each(&self, values: &[u128], wanted: &[u128]) -> Vec<Option<u32>> {
        let mut found = vec![None; wanted.len()];
        found.par_chunks_mut(BATCH).zip(wanted.par_chunks(BATCH)).with_min_len(16).for_each(
            |(found, wanted)| {
                // All first slots at once, so that the waits for memory overlap.
                let mut firsts = [0; BATCH];
                for (first, value) in firsts.iter_mut().zip(wanted) {
                    *first = self.slots[self.start(*value)];
                }
                for ((found, value), first) in found.iter_mut().zip(wanted).zip(firsts) {
                    *found = self.find(values, *value, first);
                }
            },
        );
        found
    }

    /// Finds `value`, whose first slot holds `slot`.
    fn find(&self, values: &[u128], value: u128, mut slot: Slot) -> Option<u32> {
        let mut at = self.start(value);
        while slot != 0 {
            if let Some(position) = holds(slot, values, value) {
                return Some(position);
            }
            at = self.after(at);
            slot = self.slots[at];
        }
        None
    }

    fn start(&self, value: u128) -> usize {
        value as u32 as usize & (self.slots.len() - 1)
    }

    fn after(&self, at: usize) -> usize {
        (at + 1) & (self.slots.len() - 1)
    }
}

/// The position in a slot that is not empty, if the value there is this one.
fn holds(slot: Slot, values: &[u128], value: u128) -> Option<u32> {
    let position = slot as u32 - 1;
    let is_near = slot >> 32 == fingerprint(value) >> 32;
    (is_near && values[position as usize] == value).then_some(position)
}

/// The upper half of the value's slot.
fn fingerprint(value: u128) -> Slot {
    value as u64 & !u64::from(u32::MAX)
}

/// Values looked up at once.
const BATCH: usize = 64;

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// Few different values, some of them equal in all bits that the table looks at first.
        #[test]
        fn agrees_with_an_ordered_map(
            values in prop::collection::vec((0_u128..30, 0_u128..3), 0..200),
            wanted in prop::collection::vec((0_u128..35, 0_u128..3), 0..200),
        ) {
            let join = |(low, high)| low | high << 64;
            let values: Vec<u128> = values.into_iter().map(join).collect();
            let wanted: Vec<u128> = wanted.into_iter().map(join).collect();
            let (mut told, mut repeated, mut map) = (Vec::new(), Vec::new(), BTreeMap::new());
            let positions = Positions::of(&values, |first, position| told.push((first, position)));
            for (position, value) in (0..).zip(&values) {
                let first = *map.entry(*value).or_insert(position);
                repeated.extend((first != position).then_some((first, position)));
            }
            prop_assert_eq!(told, repeated);
            let expected: Vec<_> = wanted.iter().map(|value| map.get(value).copied()).collect();
            prop_assert_eq!(positions.find_each(&values, &wanted), expected);
        }
    }
}
