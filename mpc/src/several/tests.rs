use crypto::random::Generator;
use world::{
    Fault, FaultKind, MeshFault, MeshOutcome, MeshSent, Side, hostile, mesh, mesh_with_fault,
};

use super::circuit::{join, split};
use super::reveal::{learn_each, open_bit, open_bits};
use super::sum::sum_for_first;
use super::*;
use crate::boolean::Bits;
use crate::known::Factors;
use crate::test_support::{KEY, dealt};

/// Ends with all other parties, with transfers from a dealer.
pub(crate) fn ready(sessions: Vec<Session>) -> Parties {
    let number = own_place(&sessions).unwrap();
    let ledger = Arc::new(Ledger::new([KEY]));
    Parties { links: sessions.into_iter().map(dealt).collect(), number, ledger }
}

/// Runs `program` at each of so many parties.
pub(crate) fn all<R: Send>(
    seed: u64,
    count: usize,
    program: impl AsyncFn(&mut Parties) -> R + Sync,
) -> MeshOutcome<R> {
    mesh(seed, count, async |_, sessions| program(&mut ready(sessions)).await)
}

/// Additive shares of `values` for each of so many parties, modulo `modulus` (at most 2^64).
pub(crate) fn shares(seed: u8, count: usize, values: &[u64], modulus: u128) -> Vec<Vec<u64>> {
    let mut rng = Generator::from_seed([seed; 32]);
    let mut all = vec![Vec::new(); count];
    for value in values {
        let signed = i128::from(*value as i64).rem_euclid(modulus as i128) as u128;
        let mut rest = signed;
        for shares in &mut all[1..] {
            let share = u128::from(rng.next_u64()) % modulus;
            rest = (rest + modulus - share) % modulus;
            shares.push(share as u64);
        }
        all[0].push(rest as u64);
    }
    all
}

pub(crate) fn sums(shares: &[&[u64]]) -> Vec<u64> {
    let sum = |index| shares.iter().fold(0_u64, |sum, it| sum.wrapping_add(it[index]));
    (0..shares[0].len()).map(sum).collect()
}

fn samples(bits: u32) -> Vec<u64> {
    let mut rng = Generator::from_seed([bits as u8; 32]);
    let edges = [0, 1, u64::MAX, (1 << bits) - 1, (1_u64 << bits).wrapping_neg()];
    (0..65).map(|_| (rng.next_u64() as i64 >> (63 - bits)) as u64).chain(edges).collect()
}

/// Shares of bits that are set where the index is 1 modulo 3, for so many parties.
fn bits_of(number: usize, count: usize, length: usize) -> Bits {
    let mask = |party: usize| {
        let mut words = vec![0; length.div_ceil(64)];
        Generator::from_seed([party as u8; 32]).fill_words(&mut words);
        Bits::from_words(words, length)
    };
    if number > 0 {
        return mask(number);
    }
    let bits = Bits::from_fn(length, |index| index % 3 == 1);
    (1..count).fold(bits, |bits, party| bits.xor(&mask(party)))
}

const PRIME: u128 = 70_368_743_669_761;

#[test]
fn joined_bits_fall_apart_as_they_were() {
    for length in [0, 1, 63, 64, 65, 130] {
        let parts: Vec<Bits> = (0..3)
            .map(|part| Bits::from_fn(length, |index| (index + part).is_multiple_of(3)))
            .collect();
        let joined = join(parts.iter());
        assert_eq!(joined.len(), 3 * length);
        if length > 0 {
            assert!(split(&joined, length) == parts, "{length}");
        }
    }
}

/// What a party computes of shared numbers of 61 bits and 45 bits.
struct Computed {
    products: Vec<u64>,
    scaled: Vec<u64>,
    by_known: Vec<u64>,
    both: Bits,
    selected: Vec<u64>,
    words: Vec<u64>,
    signs: Bits,
    shorter: [Vec<u64>; 3],
    lifted: [Vec<u64>; 2],
}

async fn compute(parties: &mut Parties, wide: &[u64], residues: &[u64]) -> Computed {
    let bits = bits_of(parties.number(), parties.count(), wide.len());
    let mut shorter = Vec::new();
    for shift in [1, 13, 60] {
        shorter.push(truncate(parties, wide, shift).await.unwrap());
    }
    let own: Vec<i64> = (0..wide.len() as i64).map(|index| 7 - index).collect();
    let factors = if parties.is_first() { Factors::Own(&own) } else { Factors::Theirs };
    let mut triples = Triples::of_words(parties, 2).await.unwrap();
    Computed {
        products: multiply(parties, &wide[..9], &wide[9..18]).await.unwrap(),
        scaled: scale(parties, wide[0], &wide[1..4]).await.unwrap(),
        by_known: multiply_by(parties, factors, 8, wide).await.unwrap(),
        both: and_bits(parties, &mut triples, &bits, &bits).await.unwrap(),
        selected: select(parties, &bits, wide).await.unwrap(),
        words: bits_to_words(parties, &bits).await.unwrap(),
        signs: is_negative(parties, wide).await.unwrap(),
        shorter: shorter.try_into().unwrap(),
        lifted: [
            lift(parties, residues, PRIME, 0).await.unwrap(),
            lift(parties, residues, PRIME, 12).await.unwrap(),
        ],
    }
}

#[test]
fn correct() {
    let (wide, narrow) = (samples(60), samples(43));
    for count in 2..=PARTIES_MAX {
        let of_wide = shares(1, count, &wide, 1 << 64);
        let of_narrow = shares(2, count, &narrow, PRIME);
        let outcome = all(count as u64, count, async |parties| {
            let number = parties.number();
            compute(parties, &of_wide[number], &of_narrow[number]).await
        });
        let total = |part: fn(&Computed) -> &[u64]| {
            sums(&outcome.results.iter().map(part).collect::<Vec<_>>())
        };
        let products = wide[..9].iter().zip(&wide[9..18]);
        let products: Vec<u64> = products.map(|(x, y)| x.wrapping_mul(*y)).collect();
        assert_eq!(total(|it| &it.products), products);
        let scaled: Vec<u64> = wide[1..4].iter().map(|it| it.wrapping_mul(wide[0])).collect();
        assert_eq!(total(|it| &it.scaled), scaled);
        let by_known = wide.iter().enumerate();
        let by_known = by_known.map(|(index, it)| it.wrapping_mul((7 - index as i64) as u64));
        assert_eq!(total(|it| &it.by_known), by_known.collect::<Vec<_>>());
        let bit = |index: usize| u64::from(index % 3 == 1);
        let selected: Vec<u64> =
            wide.iter().enumerate().map(|(index, value)| value * bit(index)).collect();
        assert_eq!(total(|it| &it.selected), selected);
        assert_eq!(total(|it| &it.words), (0..wide.len()).map(bit).collect::<Vec<_>>());
        let zeros = Bits::zeros(wide.len());
        let both = outcome.results.iter().fold(zeros.clone(), |sum, it| sum.xor(&it.both));
        assert!(both == Bits::from_fn(wide.len(), |index| index % 3 == 1));
        let signs = outcome.results.iter().fold(zeros, |sum, it| sum.xor(&it.signs));
        assert!(signs == Bits::from_fn(wide.len(), |index| (wide[index] as i64) < 0));
        let bound = count as i64 + 2;
        let near = |found: Vec<u64>, values: &[u64], shift: u32| {
            for (found, value) in found.iter().zip(values) {
                let error = *found as i64 - (*value as i64 >> shift);
                assert!(error.abs() < bound, "{count} parties, {value} by {shift}: {error}");
            }
        };
        near(total(|it| &it.shorter[0]), &wide, 1);
        near(total(|it| &it.shorter[1]), &wide, 13);
        near(total(|it| &it.shorter[2]), &wide, 60);
        near(total(|it| &it.lifted[1]), &narrow, 12);
        assert_eq!(total(|it| &it.lifted[0]), narrow);
    }
}

/// The largest numbers with the shares that wrap least and most often, and those next to them.
#[test]
fn correct_at_every_bound() {
    for modulus in [PRIME, 1 << 64, (1 << 20) + 7] {
        let sixth = (modulus / 6) as u64;
        let values = [0, 1, sixth - 1, sixth, sixth.wrapping_neg(), 1_u64.wrapping_neg()];
        let parts = [0, 1, modulus / 3, modulus / 2, modulus - u128::from(sixth), modulus - 1];
        let mut cases: Vec<([u64; 3], u64)> = Vec::new();
        for value in values {
            for first in parts {
                for second in parts {
                    let whole = i128::from(value as i64).rem_euclid(modulus as i128) as u128;
                    let third = (whole + 2 * modulus - first - second) % modulus;
                    cases.push(([first, second, third].map(|share| share as u64), value));
                }
            }
        }
        let outcome = all(3, 3, async |parties| {
            let number = parties.number();
            let own: Vec<u64> = cases.iter().map(|(shares, _)| shares[number]).collect();
            lift(parties, &own, modulus, u32::from(modulus == 1 << 64)).await.unwrap()
        });
        let found = sums(&outcome.results.iter().map(Vec::as_slice).collect::<Vec<_>>());
        for (found, (shares, value)) in found.iter().zip(&cases) {
            if modulus == 1 << 64 {
                let error = *found as i64 - (*value as i64 >> 1);
                assert!(error.abs() < 5, "{shares:?} of {value}: {error}");
            } else {
                assert_eq!(found, value, "{shares:?} modulo {modulus}");
            }
        }
    }
}

#[test]
fn correct_without_numbers() {
    let outcome = all(4, 3, async |parties| {
        let signs = is_negative(parties, &[]).await.unwrap();
        let selected = select(parties, &Bits::default(), &[]).await.unwrap();
        signs.is_empty()
            && selected.is_empty()
            && truncate(parties, &[], 7).await.unwrap().is_empty()
    });
    assert!(outcome.results.into_iter().all(|it| it));
}

/// Own shares of a product of zeros are as random as those of other numbers.
#[test]
fn correct_shares_look_random() {
    let outcome = mesh(5, 3, async |_, sessions| {
        // The dealer's transfers would be the same ones with either peer.
        let ledger = Arc::new(Ledger::default());
        let mut parties = Parties::setup(sessions, ledger).await.unwrap();
        select(&mut parties, &Bits::zeros(2000), &vec![0; 2000]).await.unwrap()
    });
    for shares in &outcome.results {
        let distinct: std::collections::BTreeSet<&u64> = shares.iter().collect();
        assert_eq!(distinct.len(), shares.len());
        let set: u32 = shares.iter().map(|share| share.count_ones()).sum();
        // Six standard deviations of 128,000 bits.
        assert!((f64::from(set) - 64_000.0).abs() < 1074.0, "{set}");
    }
}

/// Everything that sends messages of its own, and one of each block.
async fn program(number: usize, mut sessions: Vec<Session>) -> Result<Vec<u64>, MpcError> {
    let forks = sessions.iter_mut().map(|session| session.fork("sum"));
    let mut forks = forks.collect::<Result<Vec<_>, _>>()?;
    let mut parties = ready(sessions);
    let own = [7 * number as u64, 3];
    let mut opened = sum_for_first(&mut forks, &own, 2).await?.unwrap_or_default();
    let signs = is_negative(&mut parties, &[own[0].wrapping_sub(20), 5]).await?;
    let products = multiply(&mut parties, &own, &own).await?;
    let shorter = truncate(&mut parties, &products, 2).await?;
    let selected = select(&mut parties, &signs, &shorter).await?;
    opened.push(u64::from(open_bit(&mut parties, KEY, signs.bit(0)).await?));
    let parts: Vec<Vec<u64>> =
        (0..parties.count()).map(|it| selected[..it.min(2)].to_vec()).collect();
    opened.extend(learn_each(&mut parties, KEY, &parts).await?);
    Ok(opened)
}

/// The numbers are 0 + 7 + 14 - 60 and 15; their squares of sums 21² and 9².
#[test]
fn known_answer() {
    let outcome = mesh(6, 3, program);
    let results: Vec<Vec<u64>> =
        outcome.results.iter().map(|it| it.as_ref().unwrap().clone()).collect();
    assert_eq!(results[0], [21, 6, 1]);
    let near = |found: u64, value: i64| (found as i64 - value).abs() < 5;
    assert!(results[1].len() == 2 && results[1][0] == 1 && near(results[1][1], 110));
    assert!(results[2].len() == 3 && near(results[2][1], 110) && results[2][2] == 0);
    assert_eq!(outcome.hash(), "93d1f1ea28c1ea8ce6f8296b8ef39be70fc7acd2a447d88b7d8a859548aab538");
}

#[test]
fn what_is_opened_is_recorded_by_name() {
    let outcome = all(7, 3, async |parties| {
        let parts = [vec![1], vec![2, 3], vec![]];
        let own = learn_each(parties, KEY, &parts).await.unwrap();
        let bit = open_bit(parties, KEY, u64::from(parties.number() == 2)).await.unwrap();
        let undeclared = open_bit(parties, "test.other", 1).await.err();
        let unfit = learn_each(parties, KEY, &parts[..2]).await.err();
        assert!(matches!(undeclared, Some(MpcError::Undeclared(_))), "{undeclared:?}");
        assert!(matches!(unfit, Some(MpcError::InvalidInput(_))), "{unfit:?}");
        (own, bit, parties.ledger.observed())
    });
    let own: Vec<&Vec<u64>> = outcome.results.iter().map(|it| &it.0).collect();
    assert_eq!(own, [&vec![3], &vec![6, 9], &vec![]]);
    for (_, bit, observed) in &outcome.results {
        assert!(bit);
        let seen: Vec<(&str, u64)> = observed.iter().map(|it| (it.to.as_str(), it.count)).collect();
        assert_eq!(seen, [("all", 1), ("party.0", 1), ("party.1", 2), ("party.2", 0)]);
    }
}

#[test]
fn cost() {
    const COUNT: u64 = 128;
    let outcome = all(8, 3, async |parties| {
        let bits = Bits::zeros(COUNT as usize);
        let words = bits_to_words(parties, &bits).await.unwrap();
        select(parties, &bits, &words).await.unwrap();
        is_negative(parties, &words).await.unwrap();
    });
    for ((first, second), transcript) in &outcome.transcripts {
        let bytes = |side, step| transcript.bytes_of(side, step);
        // Of a bit the first of both offers, of a selection both, and the other one chooses.
        assert_eq!(bytes(Side::First, "correlations"), 16 * COUNT, "{first} {second}");
        assert_eq!(bytes(Side::Second, "correlations"), 8 * COUNT);
        // 64 for the carry-save addition, 64 to generate, 2·62 to reduce, in 1 + 1 + 6 layers.
        let gates = (64 + 64 + 124) * COUNT / 8;
        for side in [Side::First, Side::Second] {
            assert_eq!(bytes(side, "masked_bits"), 2 * gates);
            assert_eq!(bytes(side, "triple_bits"), gates + 8 * 8);
        }
    }
}

/// A semi-honest protocol cannot see other words of the right length, but every other length. Of
/// the messages that are all received by their length, those of two steps stand for all.
#[test]
fn tampered() {
    let own = ["blinding", "share"];
    let chosen = |MeshSent { between, sent }: &MeshSent| {
        *between == (1, 2) && sent.from == Side::Second && own.contains(&sent.path_step.as_str())
    };
    let report = hostile::sweep_mesh(9, 3, chosen, program);
    assert!(report.runs > 20, "{}", report.runs);
}

fn fault(path_step: &str, kind: FaultKind) -> MeshFault {
    let (path_step, from) = (path_step.to_owned(), Side::Second);
    MeshFault { between: (1, 2), fault: Fault { path_step, occurrence: 0, kind, from } }
}

#[test]
fn tampered_bit_is_named() {
    let kind = FaultKind::replace(|_| vec![2]);
    let outcome = mesh_with_fault(10, 3, fault("opened_bit", kind), program);
    let text = outcome.results[1].as_ref().unwrap_err().to_string();
    assert!(text.contains("party.2 misbehaved") && text.contains("0 or 1"), "{text}");
}

#[test]
fn peer_drops() {
    for step in ["sum/mask_seed", "masked_bits", "blinding", "share"] {
        let outcome = mesh_with_fault(11, 3, fault(step, FaultKind::Close), program);
        for result in &outcome.results[1..] {
            assert!(matches!(result, Err(MpcError::Net(_))), "{step}: {result:?}");
        }
    }
}

#[test]
fn misuse_is_refused() {
    let outcome = mesh(12, 3, async |number, mut sessions| {
        let mut forks: Vec<Session> =
            sessions.iter_mut().map(|session| session.fork("sum").unwrap()).collect();
        let mut parties = ready(sessions);
        let turned = if number > 0 { Factors::Own(&[1]) } else { Factors::Theirs };
        let mut errors = vec![
            lift(&mut parties, &[0], 1 << 50, 0).await.err(),
            lift(&mut parties, &[0], 1 << 64, 61).await.err(),
            select(&mut parties, &Bits::zeros(2), &[0]).await.err(),
            multiply(&mut parties, &[1, 2], &[0]).await.err(),
            multiply_by(&mut parties, turned, 8, &[0]).await.err(),
            check_count(PARTIES_MAX + 1).err(),
            choose(&mut parties, &[Chosen { owner: 3, bits: None, values: &[] }]).await.err(),
            choose(&mut parties, &[Chosen { owner: number, bits: None, values: &[1] }]).await.err(),
        ];
        if number > 0 {
            errors.push(sum_for_first(&mut forks, &[1_u64], 2).await.err());
        }
        forks.reverse();
        let turned = own_place(&forks).is_err();
        (errors, turned || number != 1)
    });
    for (errors, turned) in outcome.results {
        assert!(turned);
        for error in errors {
            assert!(matches!(error, Some(MpcError::InvalidInput(_))), "{error:?}");
        }
    }
}

/// Private columns times shared vectors, against plain products.
#[test]
fn correct_products_of_columns() {
    use super::matrix::{Geometries, SharedProducts};
    const ROWS: usize = 70;
    let widths = [2, 1, 3];
    let entry = |party: usize, column: usize, row: usize| {
        ((row * (7 * party + 3 * column + 2)) % 200) as i32 - 100
    };
    let matrix = |party: usize| -> Vec<Vec<i32>> {
        let column =
            |column| (0..ROWS + widths[party]).map(|row| entry(party, column, row)).collect();
        (0..widths[party]).map(column).collect()
    };
    let (weights, residuals) = (&samples(60)[..6], &samples(50)[..ROWS]);
    let of_weights = shares(3, 3, weights, 1 << 64);
    let of_residuals = shares(4, 3, residuals, 1 << 64);
    let outcome = all(13, 3, async |parties| {
        let number = parties.number();
        let columns = matrix(number);
        let by_party = |vector: &[u64]| {
            let (first, rest) = vector.split_at(2);
            vec![first.to_vec(), rest[..1].to_vec(), rest[1..].to_vec()]
        };
        let geometries = Geometries::agree(parties, ROWS, columns.len(), 3).await.unwrap();
        assert_eq!(geometries.widths(), widths);
        let product = SharedProducts::prepare(parties, &geometries, &columns).await.unwrap();
        let blocks = by_party(&of_weights[number]);
        let short = vec![blocks[..2].to_vec()];
        assert!(product.forward(parties, &short, ROWS).await.is_err());
        // Two vectors at once, of which the second one is zero.
        let zero = blocks.iter().map(|block| vec![0; block.len()]).collect();
        let (both, none) = (vec![blocks, zero], vec![0; ROWS]);
        let residuals = [of_residuals[number].clone(), none];
        let mut scores = product.forward(parties, &both, ROWS).await.unwrap();
        let mut back = product.backward(parties, &residuals, &both).await.unwrap();
        assert_eq!((scores.len(), back.len()), (2, 2));
        (scores.swap_remove(0), back.swap_remove(0).concat())
    });
    let plain = |value: i32, word: u64| word.wrapping_mul(i64::from(value) as u64);
    let places = [(0, 0), (0, 1), (1, 0), (2, 0), (2, 1), (2, 2)];
    let scores: Vec<u64> = (0..ROWS)
        .map(|row| {
            let terms = places.iter().zip(weights);
            terms.fold(0, |sum: u64, ((party, column), weight)| {
                sum.wrapping_add(plain(entry(*party, *column, row), *weight))
            })
        })
        .collect();
    let found: Vec<&[u64]> = outcome.results.iter().map(|it| it.0.as_slice()).collect();
    // Each of the six products of a matrix with another party's share rounds the last place.
    for (found, score) in sums(&found).iter().zip(&scores) {
        assert!(found.wrapping_sub(*score).wrapping_add(6) <= 12, "{found} {score}");
    }
    let found: Vec<&[u64]> = outcome.results.iter().map(|it| it.1.as_slice()).collect();
    let starts = [0, 2, 3];
    let back: Vec<u64> = places
        .iter()
        .map(|(party, column)| {
            let extra = &weights[starts[*party]..starts[*party] + widths[*party]];
            let vector = residuals.iter().chain(extra).enumerate();
            vector.fold(0, |sum: u64, (row, word)| {
                sum.wrapping_add(plain(entry(*party, *column, row), *word))
            })
        })
        .collect();
    assert_eq!(sums(&found), back);
}

/// Each party chooses of numbers by bits of its own; groups of two owners, one of them twice.
#[test]
fn correct_choices() {
    let values = [samples(60), samples(43), samples(5)];
    let owners = [2, 0, 2];
    let shared = values.each_ref().map(|values| shares(4, 3, values, 1 << 64));
    let is_set = |group: usize, place: usize| (place + group).is_multiple_of(3);
    let outcome = all(13, 3, async |parties| {
        let number = parties.number();
        // More bits than numbers.
        let bits: Vec<Option<Bits>> = (0..3)
            .map(|group| {
                (owners[group] == number).then(|| Bits::from_fn(99, |place| is_set(group, place)))
            })
            .collect();
        let groups: Vec<Chosen<'_>> = (0..3)
            .map(|group| Chosen {
                owner: owners[group],
                bits: bits[group].as_ref(),
                values: &shared[group][number],
            })
            .collect();
        choose(parties, &groups).await.unwrap()
    });
    for (group, values) in values.iter().enumerate() {
        let found =
            sums(&outcome.results.iter().map(|it| it[group].as_slice()).collect::<Vec<_>>());
        let chosen = |(place, value): (usize, &u64)| if is_set(group, place) { *value } else { 0 };
        assert_eq!(found, values.iter().enumerate().map(chosen).collect::<Vec<_>>());
    }
}

#[test]
fn opened_bits_are_the_sum_of_shares() {
    let outcome = all(14, 3, async |parties| {
        let own = bits_of(parties.number(), parties.count(), 70);
        let opened = open_bits(parties, KEY, &own).await.unwrap();
        let undeclared = open_bits(parties, "test.other", &own).await.err();
        assert!(matches!(undeclared, Some(MpcError::Undeclared(_))), "{undeclared:?}");
        (opened, parties.ledger.observed())
    });
    for (opened, observed) in outcome.results {
        assert!(opened == Bits::from_fn(70, |index| index % 3 == 1));
        assert_eq!((observed[0].to.as_str(), observed[0].count), ("all", 70));
    }
}
