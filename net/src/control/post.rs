//! A node's post office: one port, a line to every partner.

use std::collections::BTreeMap;
use std::fmt;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crypto::signature::PublicKey;
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio_stream::wrappers::ReceiverStream;
use tonic::transport::Server;

use super::correspondence::{Correspondence, Partner};
use super::dialler::{WINDOWS, keep_dialling};
use super::doctor::{self, Examination};
use super::greeting::FRAME_BYTES_MAX;
use super::limiter::Limiter;
use super::line::{Line, LineReport};
use super::port::Port;
use super::service::Service;
use super::settings::PostSettings;
use super::splice::{Passage, Routes};
use crate::error::NetError;
use crate::generated::control::control_server::ControlServer;
use crate::identity::Identity;
use crate::route::Route;
use crate::runtime::{on_network, spawn_on_network};
use crate::tls::{self, Admitted};

/// Carries letters between this node and its partners, and passes sessions on to listeners behind
/// the same port. Everything ends when it is dropped.
pub struct Post {
    shared: Arc<Shared>,
    local_address: Option<SocketAddr>,
    accepting: Option<JoinHandle<()>>,
}

/// What every task of the post office knows.
pub(super) struct Shared {
    pub(super) identity: Arc<Identity>,
    pub(super) correspondence: Arc<dyn Correspondence>,
    pub(super) settings: PostSettings,
    pub(super) routes: Arc<Routes>,
    limiter: Mutex<Limiter>,
    lines: Mutex<BTreeMap<PublicKey, Arc<Line>>>,
    /// Held while the partners are read and compared, so that an older list never wins.
    refreshing: Mutex<()>,
}

impl Post {
    /// Opens lines to all partners; listens at `listen` (`host:port`, port 0 is any free one), or
    /// nowhere if this node only dials.
    #[crate::boxed]
    pub async fn open(
        identity: Arc<Identity>,
        listen: Option<&str>,
        correspondence: Arc<dyn Correspondence>,
        settings: PostSettings,
    ) -> Result<Self, NetError> {
        let shared = Arc::new(Shared {
            identity,
            correspondence,
            settings,
            routes: Arc::new(Routes::new()),
            limiter: Mutex::new(Limiter::new(Instant::now())),
            lines: Mutex::new(BTreeMap::new()),
            refreshing: Mutex::new(()),
        });
        let mut post = Self { shared, local_address: None, accepting: None };
        if let Some(address) = listen {
            post.listen(address).await?;
        }
        post.refresh()?;
        Ok(post)
    }

    async fn listen(&mut self, address: &str) -> Result<(), NetError> {
        let wanted = address.to_owned();
        let bound = on_network(async move { TcpListener::bind(wanted).await }).await?;
        let failed = |error: std::io::Error| NetError::InvalidInput {
            what: format!("cannot listen at {address}: {error}; choose another address or port"),
        };
        let listener = bound.map_err(failed)?;
        self.local_address = Some(listener.local_addr().map_err(failed)?);
        let tls = tls::server(&self.shared.identity, Admitted::AnyKey)?;
        let (ready, connections) = mpsc::channel(ACCEPT_QUEUE_LENGTH);
        let port = Port::new(Arc::clone(&self.shared), tls, ready);
        let service = ControlServer::new(Service { shared: Arc::clone(&self.shared) })
            .max_decoding_message_size(FRAME_BYTES_MAX);
        let serve = Server::builder()
            .initial_stream_window_size(WINDOWS.stream)
            .initial_connection_window_size(WINDOWS.connection)
            .max_frame_size(WINDOWS.frame)
            .max_concurrent_streams(STREAMS_MAX)
            .http2_max_header_list_size(HEADER_BYTES_MAX)
            .http2_keepalive_interval(Some(KEEPALIVE))
            .http2_keepalive_timeout(Some(KEEPALIVE))
            .serve_with_incoming(service, ReceiverStream::new(connections));
        self.accepting = Some(spawn_on_network(port.accept(listener))?);
        spawn_on_network(async {
            // Ends with the queue of connections, that is with the port.
            let _ = serve.await;
        })?;
        Ok(())
    }

    /// Where it listens; `None` if this node only dials.
    pub fn local_address(&self) -> Option<SocketAddr> {
        self.local_address
    }

    /// Compares the lines with [`Correspondence::partners`]: opens those of new partners, and ends
    /// those of partners who are gone, with their connections, at once.
    ///
    /// To be called after each change, and never while holding a lock that `partners` takes.
    pub fn refresh(&self) -> Result<(), NetError> {
        let shared = &self.shared;
        let _one_at_a_time = shared.refreshing.lock().unwrap_or_else(PoisonError::into_inner);
        let own_key = shared.identity.public_key();
        let partners = shared.correspondence.partners();
        let partners: BTreeMap<PublicKey, Partner> =
            partners.into_iter().map(|partner| (partner.key, partner)).collect();
        let mut added = Vec::new();
        let mut lines = shared.lines();
        lines.retain(|key, line| {
            let stays = partners.contains_key(key);
            if !stays {
                line.revoke();
            }
            stays
        });
        for (key, partner) in partners {
            if let Some(line) = lines.get(&key) {
                line.becomes(partner);
            } else if key != own_key {
                let line = Arc::new(Line::new(partner, own_key));
                lines.insert(key, Arc::clone(&line));
                added.push(line);
            }
        }
        drop(lines);
        for line in added {
            spawn_on_network(keep_dialling(line, Arc::clone(shared)))?;
        }
        Ok(())
    }

    /// Says that a letter to `partner` was written.
    pub fn letters_written(&self, partner: PublicKey) {
        if let Some(stream) = self.shared.line(partner).and_then(|line| line.stream()) {
            stream.letters_written();
        }
    }

    /// Dials `partner` at once, if it has an address and no line is open.
    pub fn dial_now(&self, partner: PublicKey) {
        if let Some(line) = self.shared.line(partner) {
            line.dial.notify_one();
        }
    }

    /// What is known of the line to `partner`; `None` if that is no partner.
    pub fn report(&self, partner: PublicKey) -> Option<LineReport> {
        self.shared.line(partner).map(|line| line.report())
    }

    /// What is known of all lines, in the order of keys.
    pub fn reports(&self) -> Vec<LineReport> {
        self.shared.lines().values().map(|line| line.report()).collect()
    }

    /// Passes connections that ask for `route` on to a listener of this machine, until what it
    /// returns is dropped. The listener does TLS itself: nothing is read here.
    pub fn lead(&self, route: Route, to: SocketAddr) -> Result<Passage, NetError> {
        self.shared.routes.lead(route, to)
    }

    /// Checks the connection to a partner step by step, both ways if a line is open. Takes up to
    /// some ten seconds.
    #[crate::boxed]
    pub async fn examine(&self, partner: PublicKey) -> Result<Examination, NetError> {
        let line = self.shared.line(partner).ok_or_else(|| NetError::InvalidInput {
            what: format!("{partner} is the key of no partner"),
        })?;
        let identity = Arc::clone(&self.shared.identity);
        on_network(async move { doctor::examine(&identity, &line).await }).await
    }
}

impl Drop for Post {
    fn drop(&mut self) {
        if let Some(accepting) = &self.accepting {
            accepting.abort();
        }
        // Also ends the connections of partners who dialled.
        for line in self.shared.lines().values() {
            line.revoke();
        }
    }
}

impl fmt::Debug for Post {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Post")
            .field("local_address", &self.local_address)
            .finish_non_exhaustive()
    }
}

impl Shared {
    /// The line to a partner; `None` if the key is not pinned.
    pub(super) fn line(&self, key: PublicKey) -> Option<Arc<Line>> {
        self.lines().get(&key).cloned()
    }

    pub(super) fn limiter(&self) -> MutexGuard<'_, Limiter> {
        self.limiter.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn lines(&self) -> MutexGuard<'_, BTreeMap<PublicKey, Arc<Line>>> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Connections that have passed TLS and wait to be served.
const ACCEPT_QUEUE_LENGTH: usize = 4;
/// Calls at a time on one connection.
const STREAMS_MAX: u32 = 4;
/// Headers of one call, in bytes.
const HEADER_BYTES_MAX: u32 = 8 << 10;
/// A connection that does not answer for so long, twice, is closed.
const KEEPALIVE: Duration = Duration::from_secs(10);
