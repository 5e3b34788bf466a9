use world::{Fault, FaultKind, Outcome, Side, hostile, pair, pair_with_fault};

use super::super::tests::{dealt, dealt_punctured};
use super::*;

const COUNT: usize = 1000;

type Sent = Result<VoleSender, MpcError>;
type Received = Result<VoleReceiver, MpcError>;

async fn sends(mut session: Session) -> Sent {
    vole_as_sender(&mut session, COUNT).await
}

async fn receives(mut session: Session) -> Received {
    vole_as_receiver(&mut session, COUNT).await
}

/// A run in which the payload of `step` is another one.
fn with_payload(
    seed: u64,
    step: &str,
    from: Side,
    change: impl Fn(&[u8]) -> Vec<u8> + Send + Sync + 'static,
) -> Outcome<Sent, Received> {
    let kind = FaultKind::replace(change);
    let fault = Fault { path_step: step.to_owned(), occurrence: 0, kind, from };
    pair_with_fault(seed, fault, sends, receives)
}

fn is_correlated(sender: &VoleSender, receiver: &VoleReceiver) -> bool {
    let mut sums = sender.b.clone();
    crypto::field128::add_scaled(&mut sums, &receiver.a, sender.delta);
    sums == receiver.c
}

/// One batch and several, cut short, in both directions.
#[test]
fn correct() {
    for (seed, count) in [(1, 0), (2, 1), (3, 25_600), (4, (1 << 18) + 1)] {
        let outcome = pair(
            seed,
            async |mut session| vole_as_sender(&mut session, count).await.unwrap(),
            async |mut session| vole_as_receiver(&mut session, count).await.unwrap(),
        );
        let (sender, receiver) = (outcome.first, outcome.second);
        assert_eq!([sender.b.len(), receiver.a.len(), receiver.c.len()], [count; 3]);
        assert!(is_correlated(&sender, &receiver), "{count} correlations");
        let distinct: std::collections::BTreeSet<u128> =
            receiver.a.iter().map(|element| element.0).collect();
        assert_eq!(distinct.len(), count);
    }
    let outcome = pair(5, receives, sends);
    assert!(is_correlated(&outcome.second.unwrap(), &outcome.first.unwrap()));
}

#[test]
fn known_answer() {
    let outcome = pair(7, sends, receives);
    let [first, last] = [0, COUNT - 1].map(|index| outcome.second.as_ref().unwrap().c[index].0);
    let hash = outcome.transcript.hash();
    let expected = "da64af575175cf8a654b0d692cf2344456241093a905250cd69e624f1eebb3b8";
    assert_eq!(
        (hash.as_str(), first, last),
        (
            expected,
            315_172_884_036_246_104_980_751_112_159_467_239_531,
            10_776_788_088_384_029_429_841_135_054_341_713_572
        )
    );
}

#[test]
fn cost() {
    let transcript = pair(8, sends, receives).transcript;
    let plan = Plan::with_full_trees(COUNT).unwrap();
    // 2^14 correlations were enough, 200 trees of 256 leaves make 25,600.
    assert_eq!((plan.batches(), plan.leaves(), plan.depth()), (1, 256, 8));
    assert_eq!(transcript.bytes_of(Side::Second, "tree_proofs"), 65 * 32);
    assert_eq!(transcript.bytes_of(Side::Second, "choice_corrections"), 1792 * 4);
    assert_eq!(transcript.bytes_of(Side::Second, "value_corrections"), 201 * 512);
    assert_eq!(transcript.bytes_of(Side::First, "trees"), 16 + 200 * (2 * 8 + 1) * 16);
    assert_eq!(transcript.bytes() as usize, bytes(COUNT).unwrap());
    assert_eq!(transcript.messages(), 12);
}

/// Whatever is altered is noticed, by one side or the other, before there is an output. The dealer
/// stands for the base transfers.
#[test]
fn tampered() {
    let binding = [1; SEED_BYTES];
    let plan = Plan::with_full_trees(COUNT).unwrap();
    let report = hostile::sweep(
        10,
        async |mut session| {
            let (keys, trees) = dealt_punctured();
            send(&mut session, &plan, &keys, (trees, binding)).await
        },
        async |mut session| receive(&mut session, &plan, (dealt().1, binding)).await,
    );
    assert!(report.unnoticed.is_empty(), "{report:?}");
    assert!(report.runs >= 8 * 14, "{report:?}");
}

/// Of the base transfers, the message that the unchecked form does not have.
#[test]
fn tampered_proofs_of_base_trees() {
    let chosen = |sent: &world::Sent| sent.path_step == "tree_proofs";
    let report = hostile::sweep_where(
        11,
        chosen,
        async |mut session| {
            let mut rng = session.rng();
            checked_punctured_trees(&mut session, &mut rng, &[5]).await
        },
        async |mut session| checked_whole_trees(&mut session, 1).await,
    );
    assert!(report.unnoticed.is_empty(), "{report:?}");
}

/// Sums of a base tree that are wrong on one side are noticed if Δ is on this side; of 256 wrong
/// ones, half are.
#[test]
fn tampered_base_trees_are_named() {
    let left_only = |bytes: &[u8]| {
        let sums = bytes.iter().enumerate();
        sums.map(|(at, byte)| byte ^ u8::from(at % (2 * SEED_BYTES) < SEED_BYTES)).collect()
    };
    let error = with_payload(11, "tree_sums", Side::Second, left_only).first.err().unwrap();
    let text = error.to_string();
    assert!(text.contains("the sums of a tree do not fit its leaves"), "{text}");
}

/// A sender whose first tree has another left half than it says bets that the noise is in this
/// half: it passes exactly if it is, and the outputs are then right.
#[test]
fn cheating_sender_wins_its_bet_or_is_named() {
    let mut passed = 0;
    for seed in 0..12 {
        let wrong = |bytes: &[u8]| {
            let mut bytes = bytes.to_vec();
            bytes[SALT_BYTES] ^= 1;
            bytes
        };
        let outcome = with_payload(seed, "trees", Side::First, wrong);
        match (outcome.first, outcome.second) {
            (Ok(sender), Ok(receiver)) => {
                assert!(is_correlated(&sender, &receiver));
                passed += 1;
            }
            (Err(sender), Err(_)) => {
                let text = sender.to_string();
                assert!(text.contains("does not fit the noise values"), "{text}");
            }
            _ => panic!("one side ended with outputs that the other does not have"),
        }
    }
    assert!((1..12).contains(&passed), "{passed} of 12 bets were won");
}

/// A sender that goes on although the sums differ cannot open what it committed to.
#[test]
fn cheating_sender_cannot_open_another_sum() {
    let flipped = |bytes: &[u8]| bytes.iter().map(|byte| byte ^ 1).collect();
    for step in ["commitment", "opening"] {
        let outcome = with_payload(12, step, Side::First, flipped);
        let text = outcome.second.err().unwrap().to_string();
        assert!(text.contains("the trees do not fit together"), "{text}");
    }
}

/// A receiver whose noise values are other ones in one block of Δ (each of these in turn, because a
/// block that is zero does not show).
#[test]
fn cheating_receiver_with_two_noise_values_is_named() {
    let mut named = 0;
    for block in 0..4 {
        let wrong = move |bytes: &[u8]| {
            let mut bytes = bytes.to_vec();
            let first = block * (bytes.len() / BLOCKS);
            bytes[first] ^= 1;
            bytes
        };
        let outcome = with_payload(13, "value_corrections", Side::Second, wrong);
        if let Err(error) = outcome.first {
            assert!(error.to_string().contains("does not fit the noise values"), "{error}");
            named += 1;
        }
    }
    assert!(named >= 3, "{named} of 4 blocks");
}

/// A receiver whose choices are other ones in one block of the transfers' key gets no trees at all.
#[test]
fn cheating_receiver_with_two_choices_gets_no_trees() {
    let wrong = |bytes: &[u8]| {
        let mut bytes = bytes.to_vec();
        // The first choice in four blocks, in which the key is not all zero.
        for block in 0..4 {
            let at = block * (bytes.len() / BLOCKS);
            bytes[at] ^= 1;
        }
        bytes
    };
    let outcome = with_payload(14, "choice_corrections", Side::Second, wrong);
    let text = outcome.first.err().unwrap().to_string();
    assert!(text.contains("the choices are not the same in all blocks"), "{text}");
    assert_eq!(outcome.transcript.bytes_of(Side::First, "trees"), 0);
}

#[test]
fn peer_drops() {
    for (step, from) in [
        ("tree_proofs", Side::Second),
        ("choice_proof", Side::Second),
        ("challenge", Side::Second),
        ("commitment", Side::First),
        ("sum", Side::Second),
    ] {
        let kind = FaultKind::Close;
        let fault = Fault { path_step: step.to_owned(), occurrence: 0, kind, from };
        let outcome = pair_with_fault(15, fault, sends, receives);
        for error in [outcome.first.err(), outcome.second.err()] {
            assert!(matches!(error, Some(MpcError::Net(_))), "{step}: {error:?}");
        }
    }
}
