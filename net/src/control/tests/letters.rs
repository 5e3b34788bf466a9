//! Letters between honest nodes, whatever happens to the line and to the nodes.

use std::time::{Duration, Instant};

use super::{Node, PATIENCE, Wirecutter, quick_times, two, until};
use crate::control::{LETTER_BYTES_MAX, LineState};

/// Letters each way.
const COUNT: u64 = 120;

#[test]
fn letters_go_both_ways_once_and_in_order_however_often_the_line_is_cut() {
    crate::block_on(async {
        let (one, two) = two().await;
        let cutter = Wirecutter::before(&one.address).await;
        two.pin(one.key(), Some(&cutter.address.to_string()));
        for number in 1..=COUNT {
            one.write(two.key(), number.to_le_bytes().to_vec());
            two.write(one.key(), vec![number as u8; 1 + (number as usize * 977) % 40_000]);
            if number % 10 == 0 {
                tokio::time::sleep(Duration::from_millis(number % 7)).await;
                cutter.cut();
            }
        }
        one.write(two.key(), vec![7; LETTER_BYTES_MAX]);
        let all = || {
            one.store.acknowledged(two.key()) == COUNT + 1
                && two.store.acknowledged(one.key()) == COUNT
        };
        until("all letters are acknowledged", all).await;
        for (node, other) in [(&one, &two), (&two, &one)] {
            let written = other.store.state().written[&node.key()].clone();
            assert!(node.store.stored(other.key()) == written);
            let state = node.store.state();
            assert_eq!((state.repeated, state.early), (0, 0));
        }
    })
    .unwrap();
}

#[test]
fn either_side_may_start_again() {
    crate::block_on(async {
        let (mut one, mut two) = two().await;
        let (first, second) = (one.key(), two.key());
        for round in 0..4_u8 {
            one.write(second, vec![round]);
            two.write(first, vec![round]);
            let stopped = if round % 2 == 0 { &mut one } else { &mut two };
            stopped.post = None;
            one.write(second, vec![round, 1]);
            two.write(first, vec![round, 1]);
            let stopped = if round % 2 == 0 { &mut one } else { &mut two };
            stopped.open().await;
        }
        let all = || one.store.acknowledged(second) == 8 && two.store.acknowledged(first) == 8;
        until("all letters are acknowledged", all).await;
        for (node, other) in [(&one, second), (&two, first)] {
            assert_eq!(node.store.stored(other).len(), 8);
            assert_eq!(node.store.state().early, 0);
        }
    })
    .unwrap();
}

#[test]
fn a_partner_that_lost_letters_gets_them_again() {
    crate::block_on(async {
        let (one, mut two) = two().await;
        for letter in ["a", "b", "c"] {
            one.write(two.key(), letter);
        }
        until("three are there", || one.store.acknowledged(two.key()) == 3).await;
        // Restored from a backup that has one.
        two.post = None;
        two.store.state().stored.get_mut(&one.key()).unwrap().truncate(1);
        two.open().await;
        until("the others come again", || two.store.stored(one.key()) == ["a", "b", "c"]).await;

        // The other way round: the partner has what this side does not know to have written.
        two.post = None;
        one.store.state().written.get_mut(&two.key()).unwrap().truncate(2);
        two.open().await;
        until("it is said", || one.last_error(two.key()).contains("old backup")).await;
    })
    .unwrap();
}

#[test]
fn when_both_dial_one_line_is_kept() {
    crate::block_on(async {
        let (one, two) = two().await;
        for _ in 0..5 {
            one.pin(two.key(), Some(&two.address));
            one.post().dial_now(two.key());
            two.post().dial_now(one.key());
            let both = || one.is_open(two.key()) && two.is_open(one.key());
            until("both are connected", both).await;
            let count = one.store.stored(two.key()).len();
            two.write(one.key(), "a letter");
            until("it arrives", || one.store.stored(two.key()).len() == count + 1).await;
            // Both ends keep the same one: who dialled is the same from both sides.
            let same = || {
                let dialled_here = |node: &Node, other: &Node| match node
                    .post()
                    .report(other.key())
                    .unwrap()
                    .state
                {
                    LineState::Open { dialled_here, .. } => Some(dialled_here),
                    LineState::Apart { .. } => None,
                };
                let mine = dialled_here(&one, &two);
                mine.is_some() && mine == dialled_here(&two, &one).map(|theirs| !theirs)
            };
            until("both keep the same line", same).await;
            // Pinned anew, without and then with an address.
            one.store.state().partners.clear();
            one.post().refresh().unwrap();
            until("the line is gone", || !two.is_open(one.key())).await;
        }
    })
    .unwrap();
}

#[test]
fn a_store_that_fails_loses_nothing_and_says_so() {
    crate::block_on(async {
        let (one, two) = two().await;
        one.store.state().is_broken = true;
        two.write(one.key(), "kept");
        until("it is said", || one.last_error(two.key()).contains("the disk is full")).await;
        assert_eq!(two.store.acknowledged(one.key()), 0);
        one.store.state().is_broken = false;
        until("it arrives", || two.store.acknowledged(one.key()) == 1).await;
        assert_eq!(one.store.stored(two.key()), ["kept"]);
    })
    .unwrap();
}

#[test]
fn a_partner_who_is_one_no_more_loses_its_line_at_once() {
    crate::block_on(async {
        let (one, two) = two().await;
        until("they are connected", || two.is_open(one.key())).await;
        let start = Instant::now();
        one.store.state().partners.clear();
        one.post().refresh().unwrap();
        until("the line ends", || !two.is_open(one.key())).await;
        assert!(start.elapsed() < Duration::from_secs(1), "{:?}", start.elapsed());
        until("it is said", || two.last_error(one.key()).contains("does not know")).await;
        one.pin(two.key(), None);
        two.post().dial_now(one.key());
        until("it may come again", || two.is_open(one.key())).await;
        let report = two.post().report(one.key()).unwrap();
        assert_eq!(report.software.as_deref(), Some(env!("CARGO_PKG_VERSION")));
        assert!(report.clock_difference_ms.unwrap().abs() < 5_000);
        let measured = || two.post().report(one.key()).unwrap().round_trip.is_some();
        until("the round trip is measured", measured).await;
    })
    .unwrap();
}

#[test]
fn a_slow_store_of_one_partner_holds_up_no_other() {
    crate::block_on(async {
        let (slow, quick) = two().await;
        let third = Node::start("three").await;
        third.pin(slow.key(), Some(&slow.address));
        third.pin(quick.key(), Some(&quick.address));
        slow.pin(third.key(), None);
        quick.pin(third.key(), None);
        slow.store.state().delay = PATIENCE;
        for _ in 0..100 {
            third.write(slow.key(), vec![0; 100_000]);
        }
        third.write(quick.key(), "at once");
        until("it arrives", || third.store.acknowledged(quick.key()) == 1).await;
        assert_eq!(third.store.acknowledged(slow.key()), 0);
        // Slow is not dead: the line lasts longer than silence may, although nothing moves on it.
        let limit = quick_times().silence_timeout + Duration::from_millis(200);
        let lasts = || {
            let state = third.post().report(slow.key()).unwrap().state;
            matches!(state, LineState::Open { since, .. } if since.elapsed().unwrap() > limit)
        };
        until("the line lasts", lasts).await;
        assert_eq!(third.store.acknowledged(slow.key()), 0);
    })
    .unwrap();
}
