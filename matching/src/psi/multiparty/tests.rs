use std::collections::BTreeSet;

use proptest::prelude::*;
use world::{
    Fault, FaultKind, MeshFault, MeshOutcome, MeshSent, Pair, Side, hostile, mesh, mesh_with_fault,
};

use super::*;

const LEARNERS: [Learners; 2] = [Learners::Leader, Learners::All];

type Aligned = Result<Option<Alignment>, MatchingError>;

async fn play(
    mut peers: Vec<Session>,
    ids: &[String],
    learners: Learners,
    chunk: usize,
) -> Aligned {
    let ids = Identifiers::new(ids.iter().map(String::as_str))?;
    align_in_chunks(&mut peers, &ids, learners, chunk).await
}

fn run(sets: &[Vec<String>], learners: Learners, chunk: usize) -> MeshOutcome<Aligned> {
    mesh(7, sets.len(), |number, peers| play(peers, &sets[number], learners, chunk))
}

/// The ids of a run of numbers, in an order that is not the sorted one.
fn numbered(numbers: impl Iterator<Item = u32>) -> Vec<String> {
    numbers.map(|number| format!("id-{:05}", number * 37 % 100_000)).collect()
}

fn chosen(ids: &[String], alignment: &Alignment) -> Vec<String> {
    alignment.order().iter().map(|&position| ids[position as usize].clone()).collect()
}

fn check(sets: &[Vec<String>], learners: Learners, chunk: usize) {
    let outcome = run(sets, learners, chunk);
    let others: Vec<BTreeSet<&String>> = sets[1..].iter().map(|ids| ids.iter().collect()).collect();
    let expected: BTreeSet<&String> =
        sets[0].iter().filter(|id| others.iter().all(|ids| ids.contains(id))).collect();
    let mut orders = Vec::new();
    for (number, result) in outcome.results.into_iter().enumerate() {
        let alignment = result.unwrap();
        assert_eq!(alignment.is_some(), number == 0 || learners == Learners::All);
        if let Some(alignment) = alignment {
            let common = chosen(&sets[number], &alignment);
            assert_eq!(common.iter().collect::<BTreeSet<_>>(), expected);
            assert_eq!(common.len(), expected.len());
            orders.push(common);
        }
    }
    assert!(orders.windows(2).all(|pair| pair[0] == pair[1]), "all use one order");
    assert!(outcome.closed.iter().all(Result::is_ok));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(10))]
    #[test]
    fn correct(
        sets in prop::collection::vec(prop::collection::btree_set(0_u32..40, 0..40), 2..5),
        learners in prop::sample::select(&LEARNERS[..]),
        chunk in 1_usize..40,
    ) {
        let sets: Vec<Vec<String>> =
            sets.into_iter().map(|set| numbered(set.into_iter().rev())).collect();
        check(&sets, learners, chunk);
    }
}

#[test]
fn correct_at_the_edges() {
    let (none, one, some) = (Vec::new(), numbered(3..4), numbered(0..9));
    let other = numbered(20..25);
    for learners in LEARNERS {
        for sets in [
            [&none, &none, &none],
            [&none, &some, &some],
            [&some, &none, &some],
            [&some, &some, &none],
            [&one, &one, &one],
            [&one, &some, &some],
            [&some, &some, &one],
            [&some, &some, &some],
            [&some, &some, &other],
            [&some, &other, &other],
        ] {
            check(&sets.map(Clone::clone), learners, 3);
        }
    }
}

#[test]
fn correct_over_several_bins() {
    let sets = [numbered(0..30_000), numbered(20_000..50_000), numbered(10_000..27_000)];
    check(&sets, Learners::All, CHUNK);
}

/// An id that all but one have leaves no trace at the leader: what its store gives is not zero,
/// and not the same for two ids.
#[test]
fn correct_sums_say_nothing_of_ids_that_not_all_have() {
    let sets = [numbered(0..9), numbered(0..9), numbered(0..2)];
    let outcome = mesh(7, 3, async |number, mut peers: Vec<Session>| {
        let ids = Identifiers::new(sets[number].iter().map(String::as_str))?;
        if number > 0 {
            align_in_chunks(&mut peers, &ids, Learners::Leader, 8).await?;
            return Ok(BTreeSet::new());
        }
        let conversations = peers.iter_mut().map(|helper| gather(helper, ids.hashes(), 8));
        let gathered: Vec<Gathered> =
            together(conversations).await?.into_iter().flatten().collect();
        let shares = gathered.iter().flat_map(|helper| &helper.shares);
        Ok::<_, MatchingError>(shares.map(|share| share.0).collect())
    });
    // Of the two ids that everybody has both helpers have the same share.
    let shares = outcome.results.into_iter().next().unwrap().unwrap();
    assert_eq!(shares.len(), 2 + 2 * 7);
    assert!(!shares.contains(&0));
}

#[test]
fn the_common_order_is_another_for_every_run() {
    let ids = numbered(0..30);
    let order = |seed| {
        let play = |_, peers| play(peers, &ids, Learners::All, 64);
        let first = mesh(seed, 3, play).results.into_iter().next().unwrap();
        first.unwrap().unwrap().order().to_vec()
    };
    assert_ne!(order(1), order(2));
    assert_ne!(order(1), (0..30).collect::<Vec<u32>>());
}

#[test]
fn known_answer() {
    let sets = [numbered(0..20), numbered(10..40), numbered(5..16)];
    let outcome = run(&sets, Learners::All, 8);
    let hash = outcome.hash();
    let order = outcome.results.into_iter().next().unwrap().unwrap().unwrap().order().to_vec();
    assert_eq!(
        (&order[..], hash.as_str()),
        (
            &[11, 12, 15, 13, 14, 10][..],
            "ad32aad1c4ec585243bcf725139753e17eca37eab160a715294f366e6970c9e1"
        )
    );
}

#[test]
fn cost() {
    let sets = [numbered(0..20), numbered(10..40), numbered(5..16), numbered(0..50)];
    for learners in LEARNERS {
        let outcome = run(&sets, learners, 8);
        let cells = |count| Okvs::new(count, Salt::default()).cells_count() as u64;
        let packed = Okvs::binary(20, Salt::default()).cells_count() as u64;
        let range = oprf::range(20, 50);
        let evaluation = mpc::silent_vole::bytes(packed as usize, &range).unwrap() as u64;
        // log2 of 600, 220 and 1000 is 9.2, 7.8 and 10. Six ids are common.
        for (helper, count, tag_bytes) in [(1, 30, 7), (2, 11, 6), (3, 50, 7)] {
            let announcement = if learners == Learners::All { 8 + 6 * tag_bytes } else { 0 };
            let sent = 10 * packed + 16 * cells(count) + 48;
            let expected = sent + evaluation + announcement;
            assert_eq!(outcome.transcripts[&(0, helper)].bytes(), expected);
        }
        assert_eq!(outcome.transcripts[&(1, 3)].bytes(), 16);
        assert_eq!(outcome.transcripts[&(2, 3)].bytes_of(Side::First, "seed"), 16);
    }
}

/// The sweep of the first helper's messages, and of the leader's to it; the function has its own.
/// Wrong hints and seeds make the result smaller, as fewer ids would.
#[test]
fn tampered_messages_are_noticed_or_lose_matches() {
    let sets = [numbered(0..6), numbered(3..9), numbered(2..8)];
    let is_chosen = |message: &MeshSent| {
        let step = &message.sent.path_step;
        let is_functions = step.starts_with("vole/") || step == "salt" || step == "cells";
        message.between != (0, 2) && !is_functions
    };
    let report = hostile::sweep_mesh(7, 3, is_chosen, |number, peers| {
        play(peers, &sets[number], Learners::All, 1 << 10)
    });
    let unnoticed: BTreeSet<(Pair, &str)> = report
        .unnoticed
        .iter()
        .map(|fault| (fault.between, fault.fault.path_step.as_str()))
        .collect();
    let expected = [((0, 1), "hint_seed"), ((0, 1), "hints"), ((1, 2), "seed")];
    assert_eq!(unnoticed, BTreeSet::from(expected));
}

fn with_fault(between: Pair, from: Side, path_step: &str, kind: FaultKind) -> MeshOutcome<Aligned> {
    let ids = numbered(0..9);
    let fault = Fault { path_step: path_step.to_owned(), occurrence: 0, kind, from };
    mesh_with_fault(7, 3, MeshFault { between, fault }, |_, peers| {
        play(peers, &ids, Learners::All, 64)
    })
}

#[test]
fn tampered_announcements_are_named() {
    let error = |step, change: fn(&[u8]) -> Vec<u8>| {
        let outcome = with_fault((0, 2), Side::First, step, FaultKind::replace(change));
        outcome.results.into_iter().nth(2).unwrap().unwrap_err().to_string()
    };
    let text = error("common", |_| 10_u64.to_le_bytes().to_vec());
    assert!(text.contains("announced 10 common ids"), "{text}");
    let text = error("tags", |bytes| bytes.iter().map(|byte| byte ^ 1).collect());
    assert!(text.contains("named an id that is not ours"), "{text}");
    let text = error("tags", |bytes| bytes[..6].repeat(bytes.len() / 6));
    assert!(text.contains("or one twice"), "{text}");
}

#[test]
fn tampered_sizes_are_named() {
    let huge = FaultKind::replace(|_| u64::MAX.to_le_bytes().to_vec());
    let outcome = with_fault((0, 1), Side::Second, "sizes", huge);
    let text = outcome.results[0].as_ref().unwrap_err().to_string();
    assert!(text.contains("at most 1073741824 are allowed"), "{text}");

    let large = FaultKind::replace(|_| (PACKED_MAX as u64 + 1).to_le_bytes().to_vec());
    let outcome = with_fault((0, 1), Side::First, "sizes", large);
    let text = outcome.results[1].as_ref().unwrap_err().to_string();
    assert!(text.contains("24000001 rows and the protocol packs at most 24000000"), "{text}");
}

#[test]
fn peer_drops_and_everybody_says_so() {
    for (between, from, step) in [
        ((1, 2), Side::First, "seed"),
        ((0, 1), Side::First, "cells"),
        ((0, 2), Side::Second, "hints"),
        ((0, 2), Side::First, "tags"),
    ] {
        let outcome = with_fault(between, from, step, FaultKind::Close);
        let (first, second) = between;
        for number in [first, second] {
            let error = outcome.results[number].as_ref().unwrap_err();
            assert!(matches!(error, MatchingError::Net(_)), "{error}");
        }
        assert!(outcome.closed.iter().any(Result::is_err));
    }
}

#[test]
fn sessions_in_another_order_are_refused() {
    let ids = numbered(0..3);
    let results = mesh(7, 3, |_, mut peers| {
        peers.reverse();
        play(peers, &ids, Learners::All, 8)
    })
    .results;
    let text = results[1].as_ref().unwrap_err().to_string();
    assert!(text.contains("in the order of the job"), "{text}");
    let alone = mesh(7, 1, |_, peers| play(peers, &ids, Learners::All, 8)).results;
    assert!(alone[0].as_ref().unwrap_err().to_string().contains("in the order of the job"));
}
