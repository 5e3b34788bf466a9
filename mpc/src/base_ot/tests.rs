use std::sync::Arc;

use world::{Fault, FaultKind, Side, hostile, pair_with_fault};

use super::*;
use crate::TwoParty;
use crate::boolean::Bits;
use crate::ot_extension::extend;
use crate::test_support::both;

/// The base transfers are right exactly if the extension that grows from them is.
#[test]
fn correct() {
    for seed in 0..3 {
        let count = 300;
        let choice = |index: usize| (index * index + seed as usize) % 3 == 1;
        let outcome = both(seed, async |party| {
            let choices = Bits::from_fn(count, choice);
            extend::<u64>(party, &choices, count).await.unwrap()
        });
        for (receiver, sender) in
            [(&outcome.first, &outcome.second), (&outcome.second, &outcome.first)]
        {
            for index in 0..count {
                let pair = sender.sent[index];
                assert_eq!(receiver.received[index], pair[usize::from(choice(index))]);
                assert_ne!(pair[0], pair[1]);
            }
        }
    }
}

/// The set-up alone.
async fn set_up(session: Session) -> Result<(), MpcError> {
    TwoParty::setup(session, Arc::default()).await.map(drop)
}

#[test]
fn known_answer() {
    let transcript = world::pair(1, set_up, set_up).transcript;
    assert_eq!(
        transcript.hash(),
        "a1997bd3cddc1086b398d45ed296a99cf0fb6ae87dd40d4c74bd81d209daa9e8"
    );
}

#[test]
fn cost() {
    let transcript = world::pair(2, set_up, set_up).transcript;
    for (from, path) in [(Side::First, "first_sends"), (Side::Second, "second_sends")] {
        let label = |step: &str| format!("base_ot.{path}/{step}");
        let peer = if from == Side::First { Side::Second } else { Side::First };
        assert_eq!(transcript.bytes_of(peer, &label("sender_point")), 32);
        assert_eq!(transcript.bytes_of(from, &label("receiver_points")), 128 * 64);
        assert_eq!(transcript.bytes_of(peer, &label("tree_sums")), 128 * 64);
    }
    assert_eq!(transcript.bytes(), 2 * (32 + 2 * 128 * 64));
    assert_eq!(transcript.messages(), 6);
}

#[test]
fn tampered() {
    let chosen = |sent: &world::Sent| sent.path_step.starts_with("base_ot.first_sends/");
    let report = hostile::sweep_where(3, chosen, set_up, set_up);
    // Masked seeds of the right length can be anything; points of a wrong form are always seen.
    let seeds = report.unnoticed.iter().all(|fault| fault.path_step.ends_with("/tree_sums"));
    assert!(seeds, "{:?}", report.unnoticed);
}

#[test]
fn tampered_point_is_named() {
    let fault = Fault {
        path_step: "base_ot.first_sends/receiver_points".to_owned(),
        occurrence: 0,
        kind: FaultKind::replace(|bytes| [&bytes[..7 * 32], &[0; 32], &bytes[8 * 32..]].concat()),
        from: Side::First,
    };
    let text = pair_with_fault(4, fault, set_up, set_up).second.unwrap_err().to_string();
    assert!(text.contains("first misbehaved") && text.contains("neutral"), "{text}");
}

#[test]
fn peer_drops() {
    let fault = Fault {
        path_step: "base_ot.first_sends/tree_sums".to_owned(),
        occurrence: 0,
        kind: FaultKind::Close,
        from: Side::Second,
    };
    let outcome = pair_with_fault(5, fault, set_up, set_up);
    for error in [outcome.first.unwrap_err(), outcome.second.unwrap_err()] {
        assert!(matches!(error, MpcError::Net(_)), "{error}");
    }
}
