use world::{Fault, FaultKind, Outcome, Side, hostile, pair, pair_with_fault};

use super::*;
use crate::ot_extension::{BLOCK_BITS, LEAVES};

const COUNT: usize = 1000;

/// The steps of this protocol, after the base transfers, and who sends.
const STEPS: [(&str, Side); 3] = [
    ("choice_corrections", Side::Second),
    ("value_corrections", Side::Second),
    ("trees", Side::First),
];

fn run(seed: u64, count: usize, range: &Subspace) -> Outcome<VoleSender, VoleReceiver> {
    pair(
        seed,
        async |mut session| vole_as_sender(&mut session, count, range).await.unwrap(),
        async |mut session| vole_as_receiver(&mut session, count, range).await.unwrap(),
    )
}

/// The ranges of A that tests go through.
fn ranges() -> [Subspace; 2] {
    [Subspace::WHOLE, Subspace::with_bits(80).unwrap()]
}

/// The sender's program after base transfers from a dealer.
async fn sends(mut session: Session) -> Result<Vec<Gf128>, MpcError> {
    let (keys, trees) = dealt_punctured();
    let [_, range] = ranges();
    send(&mut session, (&Plan::new(COUNT).unwrap(), &range), &keys, trees).await
}

/// What the dealer gives the sender.
pub(super) fn dealt_punctured() -> ([u128; 2], Vec<Vec<Option<Seed>>>) {
    let (keys, trees) = dealt();
    let hole =
        |tree: usize| (keys[tree / BLOCKS] >> (tree % BLOCKS * BLOCK_BITS)) as usize % LEAVES;
    let without = |(tree, leaves): (usize, Vec<Seed>)| {
        let leaves = leaves.into_iter().enumerate();
        leaves.map(|(leaf, seed)| (leaf != hole(tree)).then_some(seed)).collect()
    };
    (keys, trees.into_iter().enumerate().map(without).collect())
}

/// The receiver's program after base transfers from a dealer.
async fn receives(mut session: Session) -> Result<[Vec<Gf128>; 2], MpcError> {
    let [_, range] = ranges();
    receive(&mut session, (&Plan::new(COUNT).unwrap(), &range), dealt().1).await
}

/// The key of the transfers, Δ, and the leaves of their trees.
pub(super) fn dealt() -> ([u128; 2], Vec<Vec<Seed>>) {
    let mut rng = Generator::from_seed([13; 32]);
    let keys = std::array::from_fn(|_| random_delta(&mut rng));
    let mut seed = || {
        let mut seed = [0; 32];
        rng.fill_bytes(&mut seed);
        seed
    };
    let trees = (0..2 * BLOCKS).map(|_| (0..LEAVES).map(|_| seed()).collect()).collect();
    (keys, trees)
}

/// One batch and several, cut short and whole; the values of A are all different.
#[test]
fn correct() {
    let cases = [(1, 0), (2, 1), (3, 16_400), (4, (1 << 18) + 1)];
    for (range, (seed, count)) in ranges().iter().flat_map(|range| cases.map(|case| (range, case)))
    {
        let outcome = run(seed, count, range);
        let (sender, receiver) = (outcome.first, outcome.second);
        assert!(receiver.a.iter().all(|element| range.element(element.0) == *element));
        assert_eq!([sender.b.len(), receiver.a.len(), receiver.c.len()], [count; 3]);
        let mut sums = sender.b;
        crypto::field128::add_scaled(&mut sums, &receiver.a, sender.delta);
        assert!(sums == receiver.c, "{count} correlations");
        let distinct: std::collections::BTreeSet<u128> =
            receiver.a.iter().map(|element| element.0).collect();
        assert_eq!(distinct.len(), count);
        assert_ne!(sender.delta, Gf128::ZERO);
    }
}

/// The roles do not depend on who is first.
#[test]
fn correct_the_other_way_round() {
    let range = &Subspace::WHOLE;
    let outcome = pair(
        5,
        async |mut session| vole_as_receiver(&mut session, COUNT, range).await.unwrap(),
        async |mut session| vole_as_sender(&mut session, COUNT, range).await.unwrap(),
    );
    let (receiver, sender) = (outcome.first, outcome.second);
    let mut sums = sender.b;
    crypto::field128::add_scaled(&mut sums, &receiver.a, sender.delta);
    assert!(sums == receiver.c);
}

/// Each bit of all three vectors is set in half of the places, up to six standard deviations.
#[test]
fn correct_vectors_look_uniform() {
    let count = 16_000;
    for range in ranges() {
        let outcome = run(6, count, &range);
        for vector in [&outcome.first.b, &outcome.second.a, &outcome.second.c] {
            for bit in 0..128 {
                let set = vector.iter().filter(|element| element.0 >> bit & 1 == 1).count();
                let deviation = (set as f64 - count as f64 / 2.0).abs();
                assert!(deviation < 3.0 * (count as f64).sqrt(), "bit {bit}: {set} of {count}");
            }
        }
    }
}

#[test]
fn known_answer() {
    let expected = [
        ("6794c3e38269cf47ce7ac9138c43de9d431bc12f1d76923942dd5ac01f2b2d71", 0x2020_5b21_90f8_70f1),
        ("1e3bc89545949bf8ddb7eed8007bdeb8cceff7d2e844ed137e1c34975a95cc4e", 0x1d8c_c545_6216_cc65),
    ];
    for (range, expected) in ranges().iter().zip(expected) {
        let outcome = run(7, COUNT, range);
        let results: Vec<u8> = [outcome.first.b, outcome.second.a, outcome.second.c]
            .iter()
            .flatten()
            .flat_map(|element| element.to_bytes())
            .collect();
        let digest = crypto::hash::digest("test", &[&results]);
        let start = u64::from_be_bytes(*digest.first_chunk().unwrap());
        assert_eq!((outcome.transcript.hash().as_str(), start), expected);
    }
}

#[test]
fn cost() {
    for range in ranges() {
        let transcript = run(8, COUNT, &range).transcript;
        let plan = Plan::new(COUNT).unwrap();
        // 2^14 correlations from 200 trees of 164 leaves on 8 levels.
        assert_eq!((plan.batches(), plan.leaves(), plan.depth()), (1, 164, 8));
        assert_eq!(transcript.bytes_of(Side::Second, "choice_corrections"), 1664 * 4);
        let values = 200 * 32 * range.bytes() as u64;
        assert_eq!(transcript.bytes_of(Side::Second, "value_corrections"), values);
        assert_eq!(transcript.bytes_of(Side::First, "trees"), 16 + 200 * (2 * 8 + 1) * 16);
        assert_eq!(transcript.bytes() as usize, bytes(COUNT, &range).unwrap());
        assert_eq!((transcript.messages(), transcript.rounds()), (6, 2));
    }
}

/// The dealer stands for the base transfers.
#[test]
fn correct_after_dealt_base_transfers() {
    let outcome = pair(9, sends, receives);
    let mut sums = outcome.first.unwrap();
    let [a, c] = outcome.second.unwrap();
    crypto::field128::add_scaled(&mut sums, &a, Gf128(dealt().0[1]));
    assert!(sums == c);
}

/// A semi-honest protocol cannot see other masked bytes of the right length, but every other
/// length.
#[test]
fn tampered() {
    let chosen = |sent: &world::Sent| STEPS.iter().any(|(step, _)| *step == sent.path_step);
    let report = hostile::sweep_where(10, chosen, sends, receives);
    assert!(report.runs >= 3 * 8, "{report:?}");
}

#[test]
fn tampered_length_is_named() {
    for (step, from) in STEPS {
        let kind = FaultKind::replace(|bytes| bytes[1..].to_vec());
        let fault = Fault { path_step: step.to_owned(), occurrence: 0, kind, from };
        let outcome = pair_with_fault(11, fault, sends, receives);
        let error = match from {
            Side::First => outcome.second.err(),
            Side::Second => outcome.first.err(),
        };
        let text = error.unwrap().to_string();
        assert!(text.contains("misbehaved") && text.contains(step), "{text}");
    }
}

#[test]
fn peer_drops() {
    for (step, from) in STEPS {
        let kind = FaultKind::Close;
        let fault = Fault { path_step: step.to_owned(), occurrence: 0, kind, from };
        let outcome = pair_with_fault(12, fault, sends, receives);
        for error in [outcome.first.err(), outcome.second.err()] {
            assert!(matches!(error, Some(MpcError::Net(_))), "{step}: {error:?}");
        }
    }
}

#[test]
fn too_many_are_refused() {
    let range = &Subspace::WHOLE;
    let outcome = pair(
        12,
        async |mut session| vole_as_sender(&mut session, COUNT_MAX + 1, range).await.map(drop),
        async |mut session| vole_as_receiver(&mut session, COUNT_MAX + 1, range).await.map(drop),
    );
    assert!(matches!(outcome.first, Err(MpcError::InvalidInput(_))));
    assert!(matches!(outcome.second, Err(MpcError::InvalidInput(_))));
}
