//! Parties over real connections: mutual TLS on loopback, with a proxy between them that can cut.

use std::fmt;
use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use net::transport::grpc::{Listener, Peering, dial};
use net::{Identity, NetError, Session, Settings};

use crate::{Outcome, party, run};

/// Like [`pair`](crate::pair), over mutual TLS on loopback, as on real machines; the second party
/// dials the first through `proxy`, if there is one.
///
/// # Panics
///
/// When a party panics or the connection cannot be opened.
pub fn pair_over_tls<A, B, FA, FB>(
    seed: u64,
    settings: &Settings,
    proxy: Option<&Proxy>,
    first: impl FnOnce(Session) -> FA + Send,
    second: impl FnOnce(Session) -> FB + Send,
) -> Outcome<A, B>
where
    A: Send,
    B: Send,
    FA: Future<Output = A>,
    FB: Future<Output = B>,
{
    let seed = party::seed_from_environment().unwrap_or(seed);
    let opened = net::block_on(open(seed, settings, proxy)).and_then(|opened| opened);
    let (listener, one, two) = party::opened(opened);
    let outcome = run(&seed.to_string(), (one, two), first, second);
    drop(listener);
    outcome
}

async fn open(
    seed: u64,
    settings: &Settings,
    proxy: Option<&Proxy>,
) -> Result<(Listener, net::Conversation, net::Conversation), NetError> {
    let (one, two) = peerings(seed, settings)?;
    let listener = Listener::bind("127.0.0.1:0", &one.identity).await?;
    let mut address = listener.local_address();
    if let Some(proxy) = proxy {
        proxy.lead_to(address);
        address = proxy.address();
    }
    let address = address.to_string();
    let (one, two) = tokio::join!(listener.accept(one), dial(&address, two));
    Ok((listener, one?, two?))
}

/// Two parties that have pinned each other, with identities made for the occasion.
pub fn peerings(seed: u64, settings: &Settings) -> Result<(Peering, Peering), NetError> {
    let (one, two) = party::seats(seed, settings);
    let first = Arc::new(Identity::generate(&one.me)?);
    let second = Arc::new(Identity::generate(&two.me)?);
    let (first_key, second_key) = (first.public_key(), second.public_key());
    let job_digest = *blake3::hash(&seed.to_le_bytes()).as_bytes();
    let one = Peering { seat: one, identity: first, peer_key: second_key, job_digest, route: None };
    let two = Peering { seat: two, identity: second, peer_key: first_key, job_digest, route: None };
    Ok((one, two))
}

/// A TCP proxy on loopback that can cut the connections through it and let new ones pass again.
pub struct Proxy {
    address: SocketAddr,
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    target: Mutex<Option<SocketAddr>>,
    open: Mutex<Vec<TcpStream>>,
    is_cut: AtomicBool,
    /// Connections with a lower number let nothing through.
    frozen_below: AtomicUsize,
    connections: AtomicUsize,
    is_over: AtomicBool,
}

impl Proxy {
    /// Listens on a free port.
    pub fn start() -> io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared::default());
        let accepting = Arc::clone(&shared);
        thread::spawn(move || accepting.accept(&listener));
        Ok(Self { address, shared })
    }

    /// Where to dial.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where new connections go.
    pub fn lead_to(&self, target: SocketAddr) {
        *lock(&self.shared.target) = Some(target);
    }

    /// Cuts every connection and lets no new one through.
    pub fn cut(&self) {
        self.shared.is_cut.store(true, Ordering::SeqCst);
        for stream in lock(&self.shared.open).drain(..) {
            // Fails if it is closed already.
            let _ = stream.shutdown(Shutdown::Both);
        }
    }

    /// Keeps every connection open but lets nothing through, as if a program had stopped.
    pub fn freeze(&self) {
        self.shared.frozen_below.store(usize::MAX, Ordering::SeqCst);
    }

    /// The same for the connections of now, but not for those to come: as if a router had
    /// forgotten them.
    pub fn forget(&self) {
        self.shared.frozen_below.store(self.connections(), Ordering::SeqCst);
    }

    /// How many connections were led through so far.
    pub fn connections(&self) -> usize {
        self.shared.connections.load(Ordering::SeqCst)
    }

    /// Lets everything through again.
    pub fn restore(&self) {
        self.shared.frozen_below.store(0, Ordering::SeqCst);
        self.shared.is_cut.store(false, Ordering::SeqCst);
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.shared.is_over.store(true, Ordering::SeqCst);
        self.cut();
        // Wakes the accepting thread, which then sees that it is over.
        let _ = TcpStream::connect(self.address);
    }
}

impl fmt::Debug for Proxy {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Proxy").field("address", &self.address).finish_non_exhaustive()
    }
}

impl Shared {
    fn accept(self: &Arc<Self>, listener: &TcpListener) {
        for stream in listener.incoming() {
            if self.is_over.load(Ordering::SeqCst) {
                return;
            }
            let target = *lock(&self.target);
            if let (Ok(stream), Some(target), false) =
                (stream, target, self.is_cut.load(Ordering::SeqCst))
            {
                // A connection that cannot be led on is dropped: the dialler sees it closed.
                let _ = self.lead(stream, target);
            }
        }
    }

    fn lead(self: &Arc<Self>, near: TcpStream, target: SocketAddr) -> io::Result<()> {
        let far = TcpStream::connect(target)?;
        for stream in [&near, &far] {
            stream.set_nodelay(true)?;
        }
        lock(&self.open).extend([near.try_clone()?, far.try_clone()?]);
        let number = self.connections.fetch_add(1, Ordering::SeqCst);
        for (from, to) in [(near.try_clone()?, far.try_clone()?), (far, near)] {
            let shared = Arc::clone(self);
            thread::spawn(move || shared.pump(number, from, to));
        }
        Ok(())
    }

    fn pump(&self, number: usize, mut from: TcpStream, mut to: TcpStream) {
        let mut buffer = vec![0; 64 * 1024];
        while let Ok(count @ 1..) = from.read(&mut buffer) {
            while number < self.frozen_below.load(Ordering::SeqCst)
                && !self.is_over.load(Ordering::SeqCst)
            {
                thread::sleep(Duration::from_millis(20));
            }
            if to.write_all(&buffer[..count]).is_err() {
                break;
            }
        }
        for stream in [from, to] {
            // Fails if it is closed already.
            let _ = stream.shutdown(Shutdown::Both);
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
