use crypto::random::Generator;
use proptest::prelude::*;
use world::Side;

use super::*;
use crate::TwoParty;
use crate::product::Products;
use crate::test_support::{
    assert_drop_is_noticed, both, both_dealt, shares, sums, sweep, wide_shares, wide_sums,
};

/// (numerator, denominator) of each contender, shared; its place goes along as the first word.
fn shared(fractions: &[(i128, i128)]) -> [Contenders; 2] {
    let numerators: Vec<i128> = fractions.iter().map(|(numerator, _)| *numerator).collect();
    let denominators: Vec<i128> = fractions.iter().map(|(_, denominator)| *denominator).collect();
    let places: Vec<u64> = (0..fractions.len() as u64).collect();
    let others: Vec<u64> = places.iter().map(|place| place * place + 5).collect();
    let (n, d) = (wide_shares(1, &numerators), wide_shares(2, &denominators));
    let (p, o) = (shares(3, &places), shares(4, &others));
    [
        Contenders { numerators: n.0, denominators: d.0, words: [p.0, o.0] },
        Contenders { numerators: n.1, denominators: d.1, words: [p.1, o.1] },
    ]
}

async fn winners(
    party: &mut TwoParty,
    contenders: &[Contenders; 2],
    sizes: &[usize],
) -> Result<Contenders, MpcError> {
    let products = Products::prepare(party).await?;
    let mine = contenders[usize::from(!party.is_first())].clone();
    largest(party, &products, mine, sizes).await
}

fn check(fractions: &[(i128, i128)], sizes: &[usize], [first, second]: [&Contenders; 2]) {
    let places = sums(&first.words[0], &second.words[0]);
    let others = sums(&first.words[1], &second.words[1]);
    let numerators = wide_sums(&first.numerators, &second.numerators);
    let mut start = 0;
    for (group, size) in sizes.iter().enumerate() {
        let place = places[group] as usize;
        assert!((start..start + size).contains(&place));
        assert_eq!(others[group], places[group] * places[group] + 5);
        assert_eq!(numerators[group], fractions[place].0);
        let value = |place: usize| fractions[place].0 as f64 / fractions[place].1 as f64;
        let best = (start..start + size).map(value).fold(0.0, f64::max);
        // One part in 2^14 may be lost in each round, and three units of 2^38 in each difference.
        assert!(value(place) >= best * 0.999 - 1e-3, "{} of {best}", value(place));
        start += size;
    }
}

#[test]
fn correct() {
    let mut rng = Generator::from_seed([3; 32]);
    let sizes = [300, 1, 7];
    let fractions: Vec<(i128, i128)> = (0..308)
        .map(|_| (i128::from(rng.below(1 << 40)), i128::from(rng.below((1 << 30) - 1)) + 1))
        .collect();
    let contenders = shared(&fractions);
    let outcome = both(1, async |party| winners(party, &contenders, &sizes).await.unwrap());
    check(&fractions, &sizes, [&outcome.first, &outcome.second]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(8))]
    #[test]
    fn correct_for_any_groups(
        sizes in prop::collection::vec(1_usize..6, 1..5), seed: u8,
    ) {
        let mut rng = Generator::from_seed([seed; 32]);
        let count: usize = sizes.iter().sum();
        let fractions: Vec<(i128, i128)> = (0..count)
            .map(|_| {
                let scale = rng.below(30) as u32;
                let numerator = i128::from(rng.below(1 << 40)) >> scale;
                (numerator, (1 << 20) + i128::from(rng.below(1 << 29)))
            })
            .collect();
        let contenders = shared(&fractions);
        let program = async |party: &mut _| winners(party, &contenders, &sizes).await.unwrap();
        let outcome = both_dealt(2, program);
        check(&fractions, &sizes, [&outcome.first, &outcome.second]);
    }
}

/// What a tournament of pairs gives, whatever the sizes of blocks.
#[test]
fn blocks_give_the_winners_of_pairs() {
    let mut rng = Generator::from_seed([9; 32]);
    let sizes: Vec<usize> = (1..=17).collect();
    let fractions: Vec<(i128, i128)> = (0..sizes.iter().sum())
        .map(|_: usize| (i128::from(rng.below(9)) << 36, (1 << 29) + i128::from(rng.below(2))))
        .collect();
    let contenders = shared(&fractions);
    let program = async |party: &mut _| winners(party, &contenders, &sizes).await.unwrap();
    let outcome = both_dealt(9, program);
    let places = sums(&outcome.first.words[0], &outcome.second.words[0]);
    let mut start = 0;
    for (size, place) in sizes.iter().zip(places) {
        let best = (start..start + size).map(|it| fractions[it].0).max();
        let first = (start..start + size).find(|it| Some(fractions[*it].0) == best);
        assert_eq!(Some(place as usize), first);
        start += size;
    }
}

#[test]
fn of_equal_fractions_the_first_wins() {
    let equal = (123_456_789_012, 7_654_321);
    let fractions = [(5, 1 << 20), equal, equal, (equal.0 + 1, equal.1), equal, (0, 1), (0, 9)];
    let contenders = shared(&fractions);
    let outcome = both_dealt(3, async |party| winners(party, &contenders, &[5, 2]).await.unwrap());
    assert_eq!(sums(&outcome.first.words[0], &outcome.second.words[0]), [1, 5]);
}

async fn program(party: &mut TwoParty) -> Result<Contenders, MpcError> {
    winners(party, &shared(&[(10, 2), (70, 3), (1 << 39, 4)]), &[3]).await
}

#[test]
fn known_answer() {
    let outcome = both_dealt(4, program);
    let (first, second) = (outcome.first.unwrap(), outcome.second.unwrap());
    assert_eq!(sums(&first.words[0], &second.words[0]), [2]);
    assert_eq!(
        outcome.transcript.hash(),
        "98186003f9fbf699b5887aed5c660daa6abc9287dc4eb6f2202a5ff3e7a4ae3e"
    );
}

#[test]
fn cost() {
    let transcript = both_dealt(5, program).transcript;
    // A block of three: three comparisons of two products and a shortened difference each, then two
    // winners of four words.
    let selections = 2 * 4 * 16;
    let products = 3 * 2 * 128 * 16;
    let correlations = |side| transcript.bytes_of(side, "correlations");
    assert_eq!(correlations(Side::First), products + 3 * 16 + selections);
    assert_eq!(correlations(Side::Second), products + selections);
    // 47 bits below the sign: 12 digits, in words of 64 comparisons.
    assert_eq!(transcript.bytes_of(Side::First, "digit_tables"), 12 * 64 * 4);
}

#[test]
fn tampered() {
    sweep(&["digit_tables"], program);
}

#[test]
fn peer_drops() {
    assert_drop_is_noticed("masked_bits", program);
}

#[test]
fn groups_that_do_not_fit_are_refused() {
    let outcome = both_dealt(6, async |party| {
        let contenders = shared(&[(1, 1), (2, 1)]);
        [
            winners(party, &contenders, &[1]).await.err(),
            winners(party, &contenders, &[2, 0]).await.err(),
        ]
    });
    for error in outcome.first.into_iter().chain(outcome.second) {
        assert!(matches!(error, Some(MpcError::InvalidInput(_))), "{error:?}");
    }
}
