//! Partners that break rules, and strangers.

use std::io::Write;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Code, Status, Streaming};

use super::{Node, two, until};
use crate::channel::{self, Dialling};
use crate::control::dialler::{CONTROL_NAME, WINDOWS};
use crate::control::greeting::hello;
use crate::control::stream::frame;
use crate::control::{INTRODUCTION_BYTES_MAX, LETTER_BYTES_MAX, introduce};
use crate::error::NetError;
use crate::generated::control::control_client::ControlClient;
use crate::generated::control::frame::Content;
use crate::generated::control::{Acknowledgement, Frame, Heartbeat, Hello, Introduction, Letter};
use crate::identity::Identity;

/// A partner that says whatever it likes.
struct Rogue {
    outgoing: mpsc::Sender<Frame>,
    incoming: Streaming<Frame>,
}

impl Rogue {
    async fn dial(node: &Node, identity: &Identity, first: Content) -> Result<Self, Status> {
        let mut client = client(node, identity).await;
        let (outgoing, queue) = mpsc::channel(64);
        outgoing.send(frame(first)).await.unwrap();
        let incoming = client.exchange(ReceiverStream::new(queue)).await?.into_inner();
        Ok(Self { outgoing, incoming })
    }

    async fn say(&self, content: Content) {
        // The node may have hung up already.
        let _ = self.outgoing.send(frame(content)).await;
    }

    /// The next frame that is no sign of life.
    async fn hear(&mut self) -> Option<Content> {
        loop {
            match self.incoming.message().await.ok()??.content? {
                Content::Heartbeat(_) | Content::Hello(_) => {}
                content => return Some(content),
            }
        }
    }
}

async fn client(node: &Node, identity: &Identity) -> ControlClient<tonic::transport::Channel> {
    let key = node.key();
    let dialling = Dialling { identity, peer: "node", key, server_name: CONTROL_NAME };
    let channel = channel::open(&node.address, dialling, WINDOWS).await.unwrap();
    ControlClient::new(channel)
}

fn letter(number: u64, bytes: &'static [u8]) -> Content {
    Content::Letter(Letter { number, bytes: Bytes::from_static(bytes) })
}

/// A node and the identity of a partner that it has pinned.
async fn pinned() -> (Node, Identity) {
    let node = Node::start("node").await;
    let identity = Identity::generate("rogue").unwrap();
    node.pin(identity.public_key(), None);
    (node, identity)
}

/// Longer than a letter may be.
const BIG: &[u8] = &[0; LETTER_BYTES_MAX + 1];

#[test]
fn each_broken_rule_ends_the_line_and_is_named() {
    let greeting = |received| Content::Hello(hello(received, false));
    let cases: Vec<(Content, Option<Content>, &str)> = vec![
        (letter(1, b"early"), None, "did not begin with a hello"),
        (greeting(1), None, "has letters up to 1"),
        (greeting(0), Some(letter(2, b"gap")), "sent letter 2 after letter 0"),
        (greeting(0), Some(letter(0, b"")), "without a number"),
        (greeting(0), Some(letter(1, BIG)), "1048577 bytes"),
        (greeting(0), Some(greeting(0)), "said hello again"),
        (
            greeting(0),
            Some(Content::Acknowledgement(Acknowledgement { number: 1 })),
            "acknowledged letter 1, of which 0 were sent",
        ),
        (Content::Hello(Hello { software: "1\n2".to_owned(), ..hello(0, false) }), None, "is none"),
        (
            Content::Hello(Hello { version: 99, ..hello(0, false) }),
            None,
            "install the same release",
        ),
    ];
    crate::block_on(async {
        for (first, second, expected) in cases {
            let (node, identity) = pinned().await;
            if let Ok(mut rogue) = Rogue::dial(&node, &identity, first).await {
                if let Some(second) = second {
                    rogue.say(second).await;
                }
                assert_eq!(rogue.hear().await, None, "{expected}");
            }
            let said = || node.last_error(identity.public_key()).contains(expected);
            until(expected, said).await;
            assert!(node.store.stored(identity.public_key()).is_empty());
        }
    })
    .unwrap();
}

#[test]
fn repeated_letters_are_acknowledged_and_not_stored_again() {
    crate::block_on(async {
        let (node, identity) = pinned().await;
        let key = identity.public_key();
        let greeting = Content::Hello(hello(0, false));
        let mut rogue = Rogue::dial(&node, &identity, greeting.clone()).await.unwrap();
        for number in [1, 1, 2, 1, 2, 3] {
            rogue.say(letter(number, b"again")).await;
        }
        loop {
            match rogue.hear().await {
                Some(Content::Acknowledgement(Acknowledgement { number: 3 })) => break,
                Some(Content::Acknowledgement(Acknowledgement { number: 1..=2 })) => {}
                other => panic!("{other:?}"),
            }
        }
        assert_eq!(node.store.stored(key).len(), 3);
        // A second line takes the place of the first, and begins at the beginning.
        let mut second = Rogue::dial(&node, &identity, greeting).await.unwrap();
        assert_eq!(rogue.hear().await, None);
        second.say(letter(1, b"again")).await;
        let first = Some(Content::Acknowledgement(Acknowledgement { number: 1 }));
        assert_eq!(second.hear().await, first);
        assert_eq!(node.store.stored(key).len(), 3);
    })
    .unwrap();
}

#[test]
fn a_probe_hears_a_hello_and_touches_no_line() {
    crate::block_on(async {
        let (node, identity) = pinned().await;
        let greeting = Content::Hello(hello(0, false));
        let _line = Rogue::dial(&node, &identity, greeting).await.unwrap();
        until("the line is open", || node.is_open(identity.public_key())).await;
        let probe = Content::Hello(hello(u64::MAX, true));
        let mut probe = Rogue::dial(&node, &identity, probe).await.unwrap();
        assert_eq!(probe.hear().await, None);
        assert!(node.is_open(identity.public_key()));
    })
    .unwrap();
}

#[test]
fn floods_and_silence_of_one_hold_up_nobody() {
    crate::block_on(async {
        let (one, two) = two().await;
        let [flooding, deaf, mute] = ["flooding", "deaf", "mute"].map(|name| {
            let identity = Identity::generate(name).unwrap();
            one.pin(identity.public_key(), None);
            identity
        });
        // One that asks for a hundred thousand pongs and reads none.
        let flood = Rogue::dial(&one, &flooding, Content::Hello(hello(0, false))).await.unwrap();
        let ping = || Content::Heartbeat(Heartbeat { ping: 1, pong: 2 });
        let asked = tokio::spawn(async move {
            for _ in 0..100_000 {
                flood.say(ping()).await;
            }
            flood
        });
        // One that takes no letter in.
        for _ in 0..40 {
            one.write(deaf.public_key(), vec![0; 200_000]);
        }
        let deaf_line = Rogue::dial(&one, &deaf, Content::Hello(hello(0, false))).await.unwrap();
        // One that never says hello, and ones that never say anything.
        let silent = client(&one, &mute).await;
        let quiet: Vec<_> =
            (0..20).map(|_| std::net::TcpStream::connect(&one.address).unwrap()).collect();
        for mut stream in &quiet[10..] {
            stream.write_all(b"GET / HTTP/1.1\r\n\r\n").unwrap();
        }
        let start = Instant::now();
        for number in 1..=20 {
            two.write(one.key(), "in time");
            until("it arrives", || two.store.acknowledged(one.key()) == number).await;
        }
        assert!(start.elapsed() < Duration::from_secs(5), "{:?}", start.elapsed());
        let reason = "nothing heard";
        until("the deaf one is dropped", || one.last_error(deaf.public_key()).contains(reason))
            .await;
        asked.abort();
        drop((deaf_line, silent, quiet));
    })
    .unwrap();
}

#[test]
fn a_stranger_reaches_introduce_alone_and_seldom() {
    crate::block_on(async {
        let node = Node::start("node").await;
        let stranger = Arc::new(Identity::generate("stranger").unwrap());
        let refused = Rogue::dial(&node, &stranger, Content::Hello(hello(0, false))).await;
        assert_eq!(refused.err().unwrap().code(), Code::PermissionDenied);

        let say = |bytes: &[u8]| {
            introduce(Arc::clone(&stranger), &node.address, node.key(), bytes.to_vec())
        };
        assert_eq!(say(b"friend").await.unwrap(), b"welcome, friend");
        let error = say(b"unwanted").await.unwrap_err();
        assert!(error.to_string().contains("has expired"), "{error}");
        let long = vec![0; INTRODUCTION_BYTES_MAX + 1];
        assert!(matches!(say(&long).await, Err(NetError::InvalidInput { .. })));
        // One that does not count what it sends is hung up on before all of it is read.
        let mut rude = client(&node, &stranger).await;
        let bytes = vec![0; 4 * INTRODUCTION_BYTES_MAX];
        assert!(rude.introduce(Introduction { bytes }).await.is_err());

        let mut refusals = 0;
        for _ in 0..5 {
            let answer = say(b"friend").await;
            refusals += u32::from(answer.is_err_and(|it| it.to_string().contains("too many")));
        }
        assert!(refusals >= 4, "{refusals}");
        let introduced = node.store.state().introduced.clone();
        assert!(introduced.iter().all(|(key, _)| *key == stranger.public_key()));
        assert!(introduced.iter().all(|(_, bytes)| bytes.len() < 100));

        let other_key = stranger.public_key();
        let wrong = introduce(Arc::clone(&stranger), &node.address, other_key, Vec::new());
        assert!(matches!(wrong.await, Err(NetError::IdentityMismatch { .. })));
    })
    .unwrap();
}

/// A connection from before its key was pinned stays one of a stranger.
#[test]
fn who_was_a_stranger_dials_again() {
    crate::block_on(async {
        let node = Node::start("node").await;
        let identity = Identity::generate("late").unwrap();
        let mut early = client(&node, &identity).await;
        // The node has looked at the key when it answers this.
        early.introduce(Introduction { bytes: b"friend".to_vec() }).await.unwrap();
        node.pin(identity.public_key(), None);
        let (outgoing, queue) = mpsc::channel(1);
        outgoing.send(frame(Content::Hello(hello(0, false)))).await.unwrap();
        let refused = early.exchange(ReceiverStream::new(queue)).await;
        assert_eq!(refused.err().unwrap().code(), Code::PermissionDenied);
        Rogue::dial(&node, &identity, Content::Hello(hello(0, false))).await.unwrap();
    })
    .unwrap();
}
