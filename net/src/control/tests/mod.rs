//! Nodes with stores in memory, a line that can be cut, and partners that break every rule.

mod check;
mod hostile;
mod letters;
mod routes;

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use crypto::signature::PublicKey;
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

use super::{Answer, Correspondence, CorrespondenceError, Letter, Partner, Standing};
use super::{LineState, Post, PostSettings};
use crate::identity::Identity;
use crate::runtime::{on_network, spawn_on_network};

/// A store that outlives its node.
#[derive(Default)]
struct Store {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    partners: Vec<Partner>,
    written: BTreeMap<PublicKey, Vec<Bytes>>,
    stored: BTreeMap<PublicKey, Vec<Bytes>>,
    acknowledged: BTreeMap<PublicKey, u64>,
    introduced: Vec<(PublicKey, Bytes)>,
    is_broken: bool,
    delay: Duration,
    /// Letters that were given to the store again, and ones that came too early.
    repeated: usize,
    early: usize,
}

impl Store {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn stored(&self, from: PublicKey) -> Vec<Bytes> {
        self.state().stored.get(&from).cloned().unwrap_or_default()
    }

    fn acknowledged(&self, by: PublicKey) -> u64 {
        self.state().acknowledged.get(&by).copied().unwrap_or_default()
    }
}

impl Correspondence for Store {
    fn partners(&self) -> Vec<Partner> {
        self.state().partners.clone()
    }

    fn standing(&self, partner: PublicKey) -> Answer<'_, Standing> {
        let state = self.state();
        let count = |letters: &BTreeMap<PublicKey, Vec<Bytes>>| {
            letters.get(&partner).map_or(0, |letters| letters.len() as u64)
        };
        let standing = Standing { received: count(&state.stored), written: count(&state.written) };
        Box::pin(async move { Ok(standing) })
    }

    fn letter_after(&self, partner: PublicKey, after: u64) -> Answer<'_, Option<Letter>> {
        let state = self.state();
        let bytes = state.written.get(&partner).and_then(|it| it.get(after as usize)).cloned();
        let letter = bytes.map(|bytes| Letter { number: after + 1, bytes });
        Box::pin(async move { Ok(letter) })
    }

    fn take_in(&self, partner: PublicKey, number: u64, letter: Bytes) -> Answer<'_, ()> {
        Box::pin(async move {
            let delay = self.state().delay;
            tokio::time::sleep(delay).await;
            let mut state = self.state();
            if state.is_broken {
                return Err(CorrespondenceError::Store { cause: "the disk is full".to_owned() });
            }
            let stored = state.stored.entry(partner).or_default();
            match number.cmp(&(stored.len() as u64 + 1)) {
                Ordering::Less => state.repeated += 1,
                Ordering::Equal => stored.push(letter),
                Ordering::Greater => state.early += 1,
            }
            Ok(())
        })
    }

    fn acknowledged(&self, partner: PublicKey, number: u64) -> Answer<'_, ()> {
        self.state().acknowledged.insert(partner, number);
        Box::pin(async { Ok(()) })
    }

    fn introduce(&self, key: PublicKey, _: IpAddr, bytes: Bytes) -> Answer<'_, Vec<u8>> {
        self.state().introduced.push((key, bytes.clone()));
        Box::pin(async move {
            if bytes.as_ref() == b"unwanted" {
                let rule = "the invitation has expired".to_owned();
                return Err(CorrespondenceError::Refused { rule });
            }
            Ok([b"welcome, ", bytes.as_ref()].concat())
        })
    }
}

/// A node: what survives its restarts, and the post office that does not.
struct Node {
    identity: Arc<Identity>,
    store: Arc<Store>,
    address: String,
    post: Option<Post>,
}

impl Node {
    async fn start(name: &str) -> Self {
        let identity = Arc::new(Identity::generate(name).unwrap());
        let address = "127.0.0.1:0".to_owned();
        let mut node = Self { identity, store: Arc::default(), address, post: None };
        node.open().await;
        node
    }

    /// Starts, or starts again on the same port.
    async fn open(&mut self) {
        let deadline = Instant::now() + PATIENCE;
        let post = loop {
            let correspondence = Arc::clone(&self.store) as Arc<dyn Correspondence>;
            let identity = Arc::clone(&self.identity);
            match Post::open(identity, Some(&self.address), correspondence, quick_times()).await {
                Ok(post) => break post,
                // The port may be in use for a moment after its node was stopped.
                Err(error) => assert!(Instant::now() < deadline, "{error}"),
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        };
        self.address = post.local_address().unwrap().to_string();
        self.post = Some(post);
    }

    fn post(&self) -> &Post {
        self.post.as_ref().unwrap()
    }

    fn key(&self) -> PublicKey {
        self.identity.public_key()
    }

    /// Pins another key; without an address that one has to dial.
    fn pin(&self, key: PublicKey, address: Option<&str>) {
        let mut state = self.store.state();
        state.partners.retain(|partner| partner.key != key);
        let address = address.map(str::to_owned);
        state.partners.push(Partner { key, name: "partner".to_owned(), address });
        drop(state);
        self.post().refresh().unwrap();
    }

    fn write(&self, to: PublicKey, letter: impl Into<Bytes>) {
        self.store.state().written.entry(to).or_default().push(letter.into());
        if let Some(post) = &self.post {
            post.letters_written(to);
        }
    }

    fn is_open(&self, to: PublicKey) -> bool {
        let report = self.post().report(to);
        report.is_some_and(|report| matches!(report.state, LineState::Open { .. }))
    }

    fn last_error(&self, of: PublicKey) -> String {
        let error = self.post().report(of).and_then(|report| report.last_error);
        error.map(|(_, error)| error.to_string()).unwrap_or_default()
    }
}

/// The times of these tests.
fn quick_times() -> PostSettings {
    PostSettings {
        heartbeat_interval: Duration::from_millis(50),
        silence_timeout: Duration::from_millis(1500),
        attempt_timeout: Duration::from_secs(5),
        first_pause: Duration::from_millis(20),
        longest_pause: Duration::from_millis(100),
        dial_back_interval: Duration::ZERO,
        splice_idle_timeout: Duration::from_secs(5),
    }
}

/// Two nodes that have pinned each other; the second dials the first.
async fn two() -> (Node, Node) {
    let (one, two) = (Node::start("one").await, Node::start("two").await);
    one.pin(two.key(), None);
    two.pin(one.key(), Some(&one.address));
    (one, two)
}

/// Waits until something is so.
async fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !is_so() {
        assert!(Instant::now() < deadline, "in vain: {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// Longer than anything here takes.
const PATIENCE: Duration = Duration::from_secs(15);

/// A line that can be cut: what dials it is led to `target`.
struct Wirecutter {
    address: SocketAddr,
    cuts: watch::Sender<usize>,
}

impl Wirecutter {
    async fn before(target: &str) -> Self {
        let target = target.to_owned();
        let listener =
            on_network(async { TcpListener::bind("127.0.0.1:0").await }).await.unwrap().unwrap();
        let address = listener.local_addr().unwrap();
        let cuts = watch::Sender::new(0);
        let watched = cuts.subscribe();
        spawn_on_network(async move {
            while let Ok((mut near, _)) = listener.accept().await {
                let (target, mut cut) = (target.clone(), watched.clone());
                cut.mark_unchanged();
                tokio::spawn(async move {
                    let Ok(mut far) = TcpStream::connect(target).await else {
                        return;
                    };
                    tokio::select! {
                        _ = copy_bidirectional(&mut near, &mut far) => {}
                        _ = cut.changed() => {}
                    }
                });
            }
        })
        .unwrap();
        Self { address, cuts }
    }

    fn cut(&self) {
        self.cuts.send_modify(|cuts| *cuts += 1);
    }
}
