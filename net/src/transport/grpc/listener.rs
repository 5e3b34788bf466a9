//! The side that listens: accepts connections of pinned peers and hands each to the conversation
//! that waits for it.

use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crypto::signature::PublicKey;
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tokio_stream::StreamExt;
use tokio_stream::wrappers::ReceiverStream;
use tonic::transport::Server;
use tonic::{Request, Response, Status, Streaming};

use super::codec::ENVELOPE_BYTES_MAX;
use super::driver::{self, Source};
use super::handshake::{Agreement, Opening, Standing, WORD_TIMEOUT};
use super::relay::Relay;
use super::wire::{QUEUE_LENGTH, Wire, unreachable};
use super::{Peering, WINDOWS};
use crate::connection::Connection;
use crate::conversation::Conversation;
use crate::error::NetError;
use crate::generated::envelope::Content;
use crate::generated::session_server::{Session, SessionServer};
use crate::generated::{Envelope, Hello};
use crate::identity::Identity;
use crate::runtime::{on_network, spawn_on_network};
use crate::tls::{self, Admitted, Pins};

/// A socket on which pinned peers may dial this party. Closed when dropped; conversations that were
/// accepted go on, but can no longer be re-established after a cut.
pub struct Listener {
    local_address: SocketAddr,
    registry: Arc<Registry>,
    tasks: Vec<JoinHandle<()>>,
}

impl Listener {
    /// Listens at `address` (`host:port`; port 0 is any free one) under this party's identity.
    #[crate::boxed]
    pub async fn bind(address: &str, identity: &Identity) -> Result<Self, NetError> {
        let registry = Arc::new(Registry::default());
        let acceptor = tls::server(identity, Admitted::Pinned(Arc::clone(&registry.pins)))?;
        let acceptor = TlsAcceptor::from(acceptor);
        let wanted = address.to_owned();
        let bound = on_network(async move { TcpListener::bind(wanted).await }).await?;
        let failed = |error: io::Error| NetError::InvalidInput {
            what: format!("cannot listen at {address}: {error}; choose another address or port"),
        };
        let listener = bound.map_err(failed)?;
        let local_address = listener.local_addr().map_err(failed)?;
        let (ready, connections) = mpsc::channel(ACCEPT_QUEUE_LENGTH);
        let service = SessionServer::new(Doorman { registry: Arc::clone(&registry) })
            .max_decoding_message_size(ENVELOPE_BYTES_MAX);
        let serve = Server::builder()
            .initial_stream_window_size(WINDOWS.stream)
            .initial_connection_window_size(WINDOWS.connection)
            .max_frame_size(WINDOWS.frame)
            .serve_with_incoming(service, ReceiverStream::new(connections));
        let tasks = vec![
            spawn_on_network(accept_connections(listener, acceptor, ready))?,
            spawn_on_network(async {
                // Ends only with the queue of connections, that is with the listener.
                let _ = serve.await;
            })?,
        ];
        Ok(Self { local_address, registry, tasks })
    }

    /// Where it listens.
    pub fn local_address(&self) -> SocketAddr {
        self.local_address
    }

    /// Waits until the peer dials, at most the seat's `connect_timeout`, and opens a conversation.
    ///
    /// Several peers may be waited for at once, each by its name.
    #[crate::boxed]
    pub async fn accept(&self, peering: Peering) -> Result<Conversation, NetError> {
        let mut arrivals = Arrivals::expect(&self.registry, peering)?;
        on_network(async move {
            let standing = Standing { conversation: None, received: 0 };
            let limit = arrivals.peering.seat.settings.connect_timeout;
            let first = timeout(limit, arrivals.first(standing)).await;
            let (wire, agreement) = first.unwrap_or_else(|_| Err(arrivals.in_vain()))?;
            let peering = arrivals.peering.clone();
            driver::start(&peering, wire, agreement, Source::Listener(Box::new(arrivals)))
        })
        .await?
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        // Only the accepting task: the serving one carries the conversations.
        if let Some(accepting) = self.tasks.first() {
            accepting.abort();
        }
    }
}

impl fmt::Debug for Listener {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Listener")
            .field("local_address", &self.local_address)
            .finish_non_exhaustive()
    }
}

/// Who is waited for.
#[derive(Default)]
struct Registry {
    pins: Arc<Pins>,
    waiting: Mutex<BTreeMap<Names, Waiting>>,
}

/// The peer's and our name.
type Names = (String, String);

struct Waiting {
    key: PublicKey,
    arrivals: mpsc::Sender<(Hello, Wire)>,
}

impl Registry {
    fn waiting(&self) -> MutexGuard<'_, BTreeMap<Names, Waiting>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The connections that arrive for one conversation. Nobody is waited for after it is dropped.
pub(super) struct Arrivals {
    peering: Peering,
    queue: mpsc::Receiver<(Hello, Wire)>,
    registry: Arc<Registry>,
}

impl Arrivals {
    fn expect(registry: &Arc<Registry>, peering: Peering) -> Result<Self, NetError> {
        let (arrivals, queue) = mpsc::channel(1);
        let names = (peering.seat.peer.clone(), peering.seat.me.clone());
        let mut waiting = registry.waiting();
        if waiting.contains_key(&names) {
            let what = format!("a conversation with {} is open or waited for already", names.0);
            return Err(NetError::InvalidInput { what });
        }
        waiting.insert(names, Waiting { key: peering.peer_key, arrivals });
        registry.pins.allow(peering.peer_key);
        drop(waiting);
        Ok(Self { peering, queue, registry: Arc::clone(registry) })
    }

    /// The first connection on which the parties agree.
    async fn first(&mut self, standing: Standing) -> Result<(Wire, Agreement), NetError> {
        loop {
            let (hello, wire) = self.arrival().await?;
            if let Some(agreed) = self.agree(hello, wire, standing).await? {
                return Ok(agreed);
            }
        }
    }

    /// The next connection that continues the conversation.
    pub(super) async fn next(
        &mut self,
        conversation: [u8; 32],
        relay: &Relay,
    ) -> Result<(Wire, Agreement), NetError> {
        loop {
            let (hello, wire) = self.arrival().await?;
            // Read only now: the connection before may have carried frames until a moment ago.
            let received = relay.received();
            let standing = Standing { conversation: Some(conversation), received };
            if let Some(agreed) = self.agree(hello, wire, standing).await? {
                return Ok(agreed);
            }
        }
    }

    /// The error after waiting in vain for the first connection: if somebody with another key
    /// knocked, that is why.
    fn in_vain(&self) -> NetError {
        let peer = self.peering.seat.peer.clone();
        let expected = self.peering.peer_key.to_string();
        match self.registry.pins.turned_away() {
            Some(seen) => NetError::IdentityMismatch { peer, expected, seen },
            None => self.not_dialled(),
        }
    }

    pub(super) fn not_dialled(&self) -> NetError {
        unreachable(&self.peering, "it did not dial in time")
    }

    async fn arrival(&mut self) -> Result<(Hello, Wire), NetError> {
        let arrival = self.queue.recv().await;
        arrival.ok_or_else(|| unreachable(&self.peering, "this side stopped listening"))
    }

    /// Does the handshake; `None` if the connection broke meanwhile and the next one may do.
    async fn agree(
        &self,
        hello: Hello,
        mut wire: Wire,
        standing: Standing,
    ) -> Result<Option<(Wire, Agreement)>, NetError> {
        let opening = Opening::new(&self.peering, standing);
        let agreed = async {
            opening.say(&self.peering, &wire.outgoing).await?;
            opening.answered(&mut wire, &self.peering, hello).await
        };
        match agreed.await {
            Ok(agreement) => Ok(Some((wire, agreement))),
            Err(error) if error.is_connection() => Ok(None),
            Err(error) => {
                linger_after_refusal(wire).await;
                Err(error)
            }
        }
    }
}

impl Drop for Arrivals {
    fn drop(&mut self) {
        let names = (self.peering.seat.peer.clone(), self.peering.seat.me.clone());
        self.registry.waiting().remove(&names);
        self.registry.pins.forget(self.peering.peer_key);
    }
}

/// Gives the peer the time to read our hello, from which it learns what differs.
async fn linger_after_refusal(mut wire: Wire) {
    let drain = async { while let Ok(Some(_)) = wire.incoming.message().await {} };
    // Both outcomes are fine: it hung up, or it takes too long.
    let _ = timeout(Duration::from_secs(1), drain).await;
}

/// Takes a peer's hello and brings the connection to whoever waits for that peer.
struct Doorman {
    registry: Arc<Registry>,
}

#[tonic::async_trait]
impl Session for Doorman {
    type TalkStream = tokio_stream::adapters::Map<
        ReceiverStream<Envelope>,
        fn(Envelope) -> Result<Envelope, Status>,
    >;

    async fn talk(
        &self,
        request: Request<Streaming<Envelope>>,
    ) -> Result<Response<Self::TalkStream>, Status> {
        let key = request.extensions().get::<PublicKey>().copied();
        let key = key.ok_or_else(|| Status::unauthenticated("no key"))?;
        let mut incoming = request.into_inner();
        let word = timeout(WORD_TIMEOUT, incoming.message()).await;
        let word = word.map_err(|_| Status::deadline_exceeded("no hello"))??;
        let Some(Content::Hello(hello)) = word.and_then(|envelope| envelope.content) else {
            return Err(Status::invalid_argument("the first envelope must be a hello"));
        };
        let names = (hello.from.clone(), hello.to.clone());
        let arrivals = {
            let waiting = self.registry.waiting();
            let waiting = waiting.get(&names).filter(|waiting| waiting.key == key);
            waiting.map(|waiting| waiting.arrivals.clone())
        };
        let arrivals = arrivals
            .ok_or_else(|| Status::unavailable("nobody under that name waits for this key here"))?;
        let (outgoing, queue) = mpsc::channel(QUEUE_LENGTH);
        let wire = Wire { outgoing, incoming, channel: None };
        let sent = arrivals.send((hello, wire)).await;
        sent.map_err(|_| Status::unavailable("nobody waits any more"))?;
        let wrap: fn(Envelope) -> Result<Envelope, Status> = Ok;
        Ok(Response::new(ReceiverStream::new(queue).map(wrap)))
    }
}

/// Accepts connections; a slow or hostile client holds up nobody else.
async fn accept_connections(
    listener: TcpListener,
    acceptor: TlsAcceptor,
    ready: mpsc::Sender<io::Result<Connection<PublicKey>>>,
) {
    let mut handshakes = tokio::task::JoinSet::new();
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            // Out of file descriptors or memory: that may pass.
            tokio::time::sleep(Duration::from_millis(100)).await;
            continue;
        };
        while handshakes.try_join_next().is_some() {}
        if handshakes.len() >= HANDSHAKES_MAX {
            continue;
        }
        let (acceptor, ready) = (acceptor.clone(), ready.clone());
        handshakes.spawn(async move {
            let accepted = async {
                stream.set_nodelay(true)?;
                let stream = acceptor.accept(stream).await?;
                let key = tls::client_key(&stream)?;
                Ok::<_, io::Error>((stream, key))
            };
            if let Ok(Ok((stream, key))) = timeout(WORD_TIMEOUT, accepted).await {
                // Fails only when the listener is gone.
                let _ = ready.send(Ok(Connection::new(stream, key))).await;
            }
        });
    }
}

/// Connections that have passed TLS and wait to be served.
const ACCEPT_QUEUE_LENGTH: usize = 4;
/// TLS handshakes at the same time; more are hung up on.
const HANDSHAKES_MAX: usize = 64;
