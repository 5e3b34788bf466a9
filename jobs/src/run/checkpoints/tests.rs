use std::slice;

use net::NetError;

use super::*;

fn mark(run: u8, number: u64) -> Mark {
    Mark { run: [run; RUN_BYTES], number }
}

/// What both sides go on from, with these states; both must be of one mind.
fn agreed(guest: &[Mark], host: &[Mark]) -> Option<Mark> {
    let outcome = world::pair(
        1,
        async |mut session: Session| choose(slice::from_mut(&mut session), guest).await.unwrap(),
        async |mut session: Session| follow(slice::from_mut(&mut session), host).await.unwrap(),
    );
    assert_eq!(outcome.first, outcome.second);
    outcome.first.1
}

#[test]
fn parties_go_on_from_the_newest_state_that_both_have() {
    let [four, five] = [4, 5].map(|number| mark(1, number));
    assert_eq!(agreed(&[four, five], &[five, four]), Some(five));
    // One is a pass ahead, on either side.
    assert_eq!(agreed(&[four, five], &[mark(1, 3), four]), Some(four));
    assert_eq!(agreed(&[mark(1, 3), four], &[five, four]), Some(four));
    // The same pass, reached again after a stop, is another state.
    assert_eq!(agreed(&[four, five], &[mark(2, 5), four]), Some(four));
    for (guest, host) in [(&[five][..], &[][..]), (&[], &[five]), (&[five], &[mark(1, 7)])] {
        assert_eq!(agreed(guest, host), None);
    }
}

/// A guest that names a state which the host has not, whatever it is.
#[test]
fn only_what_was_offered_can_be_chosen() {
    let own = [mark(1, 4), mark(1, 5)];
    for chosen in [mark(1, 3), mark(2, 5), mark(1, u64::MAX)] {
        let outcome = world::pair(
            2,
            async |mut session: Session| {
                let size = Size::Exactly(2 * MARK_BYTES);
                session.receive_bytes(OFFERS, size).await.unwrap();
                let bytes = [&[9; RUN_BYTES][..], &encode(Some(chosen))].concat();
                session.send_bytes(CHOICE, bytes).await.unwrap();
            },
            async |mut session: Session| follow(slice::from_mut(&mut session), &own).await,
        );
        let refused = outcome.second.unwrap_err();
        assert!(matches!(refused, JobError::Net(NetError::PeerMisbehaved { .. })), "{refused}");
    }
}
