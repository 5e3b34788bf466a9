//! Several keys for one row, tried one after the other.
//!
//! Round r matches the keys of rank r of the rows that no earlier round matched, so that a row is
//! counted once however many of its keys agree. A row without a key of a rank sits out that round.
//! Policies for invalid and repeated keys are applied to the whole table before the first round:
//! what a key stands for does not depend on who was matched before.
//!
//! This is the greedy match by key rank of Buddhavarapu et al., "Multi-key Private Matching for
//! Compute" (eprint 2021/770), with one intersection for each rank. Only bookkeeping is
//! here; what a round opens is that of the intersection that the caller runs.

use crypto::hash;
use table::Alignment;

use super::Keys;
use crate::MatchingError;

/// Who is left, and who was matched by which key.
pub struct Cascade<'a> {
    keys: Vec<Keys<'a>>,
    is_matched: Vec<bool>,
    found: Vec<Found>,
    rounds: Vec<Round>,
}

/// A matched row.
struct Found {
    row: u32,
    /// Where it stands in the order that both parties share.
    place: [u8; 32],
}

/// What one round was and gave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Round {
    /// Rows of this party that took part.
    pub rows: usize,
    /// How many of them were matched.
    pub matches: usize,
}

impl<'a> Cascade<'a> {
    /// Begins with the keys of a table of `rows` rows, those of the highest rank first.
    ///
    /// # Errors
    /// [`MatchingError::DuplicateIds`], with the first rows concerned, when a key that no policy
    /// has thinned out stands in several rows.
    pub fn new(rows: usize, keys: Vec<Keys<'a>>) -> Result<Self, MatchingError> {
        keys.iter().try_for_each(Keys::check_unique)?;
        Ok(Self { keys, is_matched: vec![false; rows], found: Vec::new(), rounds: Vec::new() })
    }

    /// How many keys a row can have.
    pub fn ranks(&self) -> usize {
        self.keys.len()
    }

    /// The keys of a rank that are left for its round: their positions among [`keys`](Self::keys).
    pub fn left(&self, rank: usize) -> Vec<u32> {
        let keys = &self.keys[rank];
        let is_left = |position: &u32| !self.is_matched[keys.row(*position) as usize];
        (0..keys.texts().len() as u32).filter(is_left).collect()
    }

    /// All keys of a rank, left or not.
    pub fn keys(&self, rank: usize) -> &Keys<'a> {
        &self.keys[rank]
    }

    /// Takes the result of a round over the keys that were [`left`](Self::left).
    ///
    /// `seed` is public and the same for both parties.
    pub fn add(&mut self, rank: usize, left: &[u32], matched: &Alignment, seed: u64) {
        let keys = &self.keys[rank];
        for index in matched.order() {
            let position = left[*index as usize];
            let (row, text) = (keys.row(position), keys.text(position));
            let number = (rank as u64).to_le_bytes();
            let place = hash::digest(DOMAIN, &[&seed.to_le_bytes(), &number, text.as_bytes()]);
            self.is_matched[row as usize] = true;
            self.found.push(Found { row, place });
        }
        self.rounds.push(Round { rows: left.len(), matches: matched.len() });
    }

    /// The matched rows in an order that both parties share, and what each round gave.
    ///
    /// The order is that of a hash of seed, rank and key, which both parties know of every common
    /// row. It says nothing about either table, and does not tell the rows of one round from
    /// those of another.
    ///
    /// # Errors
    /// [`MatchingError::Table`] when a row was matched twice, which [`left`](Self::left) excludes.
    pub fn finish(mut self) -> Result<(Alignment, Vec<Round>), MatchingError> {
        self.found.sort_unstable_by_key(|found| found.place);
        let order = self.found.iter().map(|found| found.row).collect();
        Ok((Alignment::from_matching(order, self.is_matched.len())?, self.rounds))
    }
}

const DOMAIN: &str = "matching/idmap/cascade order";

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::idmap::{DuplicateKeys, InvalidKeys, KeyRule};

    const RANKS: usize = 3;
    type Row = [Option<u8>; RANKS];

    fn texts(rows: &[Row]) -> Vec<Vec<String>> {
        let text = |value: Option<u8>| value.map_or_else(String::new, |value| value.to_string());
        (0..RANKS).map(|rank| rows.iter().map(|row| text(row[rank])).collect()).collect()
    }

    fn rule(duplicates: DuplicateKeys) -> KeyRule {
        KeyRule { invalid: InvalidKeys::Drop, duplicates, ..KeyRule::default() }
    }

    fn cascade<'a>(rows: usize, texts: &'a [Vec<String>], rule: &KeyRule) -> Cascade<'a> {
        let keys = texts.iter().map(|column| Keys::new(column.iter().map(String::as_str), rule));
        Cascade::new(rows, keys.collect::<Result<_, _>>().unwrap()).unwrap()
    }

    /// One round in the clear, in an order that has nothing to do with that of either table.
    fn intersect(ours: &[&str], theirs: &[&str]) -> Alignment {
        let mut common: Vec<&str> = ours.iter().copied().filter(|it| theirs.contains(it)).collect();
        common.sort_by_key(|text| text.bytes().rev().collect::<Vec<u8>>());
        let place = |text: &&str| ours.iter().position(|it| it == text).unwrap() as u32;
        Alignment::from_matching(common.iter().map(place).collect(), ours.len()).unwrap()
    }

    fn run(parties: [&[Row]; 2], rule: &KeyRule) -> [(Alignment, Vec<Round>); 2] {
        let columns = parties.map(texts);
        let mut cascades = [0, 1].map(|it| cascade(parties[it].len(), &columns[it], rule));
        for rank in 0..RANKS {
            let left = cascades.each_ref().map(|it| it.left(rank));
            let ids = [0, 1].map(|it| -> Vec<&str> {
                left[it].iter().map(|at| cascades[it].keys(rank).text(*at)).collect()
            });
            let matched = [intersect(&ids[0], &ids[1]), intersect(&ids[1], &ids[0])];
            for party in [0, 1] {
                cascades[party].add(rank, &left[party], &matched[party], 7);
            }
        }
        cascades.map(|it| it.finish().unwrap())
    }

    /// The rows whose key of a rank is theirs: the first with it, or the only one.
    fn owners(rows: &[Row], rank: usize, duplicates: DuplicateKeys) -> Vec<(u8, u32)> {
        let with = |value| rows.iter().filter(|row| row[rank] == Some(value)).count();
        let is_owner = |index: usize, value| match duplicates {
            DuplicateKeys::First => !rows[..index].iter().any(|row| row[rank] == Some(value)),
            _ => with(value) == 1,
        };
        let pairs = rows.iter().enumerate().filter_map(|(index, row)| {
            row[rank].filter(|value| is_owner(index, *value)).map(|value| (value, index as u32))
        });
        pairs.collect()
    }

    /// Pairs of rows, each row once, and how many pairs each rank gave.
    fn expected(parties: [&[Row]; 2], duplicates: DuplicateKeys) -> (Vec<(u32, u32)>, Vec<usize>) {
        let (mut pairs, mut counts) = (Vec::<(u32, u32)>::new(), Vec::new());
        for rank in 0..RANKS {
            let before = pairs.len();
            let [ours, theirs] = parties.map(|rows| owners(rows, rank, duplicates));
            let earlier = pairs.clone();
            let is_free = |our: u32, their: u32| {
                !earlier.iter().any(|(first, second)| *first == our || *second == their)
            };
            for (value, our) in &ours {
                let same =
                    theirs.iter().filter(|(other, their)| other == value && is_free(*our, *their));
                pairs.extend(same.map(|(_, their)| (*our, *their)));
            }
            counts.push(pairs.len() - before);
        }
        pairs.sort_unstable();
        (pairs, counts)
    }

    fn table() -> impl Strategy<Value = Vec<Row>> {
        prop::collection::vec(prop::array::uniform3(prop::option::of(0_u8..12)), 0..20)
    }

    proptest! {
        #[test]
        fn agrees_with_a_plaintext_cascade(
            first in table(),
            second in table(),
            duplicates in prop::sample::select(vec![DuplicateKeys::First, DuplicateKeys::Drop]),
        ) {
            let parties = [first.as_slice(), second.as_slice()];
            let [(ours, rounds), (theirs, their_rounds)] = run(parties, &rule(duplicates));
            let mut pairs: Vec<(u32, u32)> =
                ours.order().iter().copied().zip(theirs.order().iter().copied()).collect();
            prop_assert_eq!(ours.len(), theirs.len());
            pairs.sort_unstable();
            let (expected, counts) = expected(parties, duplicates);
            prop_assert_eq!(pairs, expected);
            for rounds in [rounds, their_rounds] {
                let matches: Vec<usize> = rounds.iter().map(|it| it.matches).collect();
                prop_assert_eq!(matches, &counts[..]);
                prop_assert!(rounds.iter().all(|it| it.matches <= it.rows));
            }
        }
    }

    #[test]
    fn the_order_mixes_the_rounds() {
        let rows: Vec<Row> = (0..40)
            .map(|row| if row % 2 == 0 { [Some(row), None, None] } else { [None, Some(row), None] })
            .collect();
        let [(ours, rounds), (theirs, _)] = run([&rows, &rows], &rule(DuplicateKeys::First));
        assert_eq!(rounds[0], Round { rows: 20, matches: 20 });
        assert_eq!(ours, theirs);
        let first_half = ours.order()[..20].iter().filter(|row| **row % 2 == 0).count();
        assert!((4..=16).contains(&first_half), "{first_half} of 20 from the first round");
    }

    #[test]
    fn a_key_in_several_rows_is_refused_with_its_rows() {
        let rows = [[Some(1), None, None], [None, None, None], [Some(1), None, None]];
        let columns = texts(&rows);
        let keys = Keys::new(columns[0].iter().map(String::as_str), &rule(DuplicateKeys::Refuse));
        let error = Cascade::new(3, vec![keys.unwrap()]).err().unwrap().to_string();
        assert!(error.contains("rows 1 and 3"), "{error}");
    }
}
