//! The connection check.

use std::io::Write;
use std::sync::Arc;

use super::{Node, two, until};
use crate::control::{Examination, Outcome, Step, doctor};
use crate::identity::Identity;

fn outcomes(examination: &Examination) -> Vec<(Step, Outcome)> {
    examination.findings.iter().map(|finding| (finding.step, finding.outcome)).collect()
}

/// Checks that the last step is `step` and that it failed with advice.
fn fails_at(examination: &Examination, step: Step) {
    let last = examination.findings.last().unwrap();
    assert_eq!(last, examination.failed().unwrap(), "{examination:?}");
    assert_eq!(last.step, step, "{examination:?}");
    assert!(last.advice.is_some(), "{examination:?}");
}

#[test]
fn each_obstacle_is_found_at_its_step() {
    crate::block_on(async {
        let (one, two) = two().await;
        let (me, key) = (Arc::clone(&two.identity), one.key());
        let check = |address: &str, key| {
            let (me, address) = (Arc::clone(&me), address.to_owned());
            async move { doctor(me, &address, key).await.unwrap() }
        };
        for address in ["", "host", "host:", ":1", "host:99999", "host:0"] {
            fails_at(&check(address, key).await, Step::Address);
        }
        fails_at(&check("no..where:1", key).await, Step::Name);
        let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        fails_at(&check(&free.to_string(), key).await, Step::Connection);
        let web = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = web.local_addr().unwrap().to_string();
        std::thread::spawn(move || {
            let (mut stream, _) = web.accept().unwrap();
            stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").unwrap();
        });
        fails_at(&check(&address, key).await, Step::Tls);
        fails_at(&check(&one.address, two.key()).await, Step::Certificate);
        let sound = check(&one.address, key).await;
        assert!(sound.is_passed(), "{sound:?}");
        let steps: Vec<Step> = sound.findings.iter().map(|finding| finding.step).collect();
        assert_eq!(steps, Step::ALL[..8]);

        let stranger = Arc::new(Identity::generate("stranger").unwrap());
        let seen = doctor(stranger, &one.address, key).await.unwrap();
        fails_at(&seen, Step::Membership);
    })
    .unwrap();
}

#[test]
fn a_partner_is_asked_to_dial_back() {
    crate::block_on(async {
        let (one, two) = two().await;
        let both = || one.is_open(two.key()) && two.is_open(one.key());
        until("they are connected", both).await;
        // The first has no address of the second: one direction is enough.
        let check = two.post().examine(one.key()).await.unwrap();
        assert!(check.is_passed(), "{check:?}");
        assert_eq!(outcomes(&check).last(), Some(&(Step::Return, Outcome::Skipped)));
        let check = one.post().examine(two.key()).await.unwrap();
        let expected = [
            (Step::Address, Outcome::Skipped),
            (Step::Version, Outcome::Passed),
            (Step::Clock, Outcome::Passed),
            (Step::Return, Outcome::Passed),
        ];
        assert_eq!(outcomes(&check), expected, "{check:?}");

        one.pin(two.key(), Some("127.0.0.1:1"));
        until("they are connected", both).await;
        let check = two.post().examine(one.key()).await.unwrap();
        assert_eq!(outcomes(&check).last(), Some(&(Step::Return, Outcome::Warned)), "{check:?}");
        assert!(check.findings.last().unwrap().seen.starts_with("connection: "), "{check:?}");

        let stranger = Node::start("three").await;
        assert!(one.post().examine(stranger.key()).await.is_err());
        one.pin(stranger.key(), None);
        fails_at(&one.post().examine(stranger.key()).await.unwrap(), Step::Connection);
    })
    .unwrap();
}
