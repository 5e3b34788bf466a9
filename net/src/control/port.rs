//! The one port for partners: looks whom a caller wants, passes it on or speaks TLS with it.
//!
//! A caller that is slow or hostile holds up nobody else: the first words have a time limit, and
//! at any time an origin has few of them under way.

use std::io;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use crypto::signature::PublicKey;
use rustls::ServerConfig;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use tokio_rustls::StartHandshake;

use super::correspondence::INTRODUCTION_BYTES_MAX;
use super::opening::read_opening;
use super::post::Shared;
use super::splice::splice;
use super::tally::{Entered, Origin, Tally};
use crate::connection::Connection;
use crate::route::Route;
use crate::tls;

/// Who called, as the service sees it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Caller {
    /// The key that it holds; pinned or not.
    pub(super) key: PublicKey,
    pub(super) address: IpAddr,
    /// Whether the key was pinned when the connection was accepted, so that no limits of strangers
    /// are on it.
    pub(super) was_pinned: bool,
}

/// The port's own end of TLS, and who is let in how often.
pub(super) struct Port {
    pub(super) shared: Arc<Shared>,
    tls: Arc<ServerConfig>,
    ready: mpsc::Sender<io::Result<Connection<Caller>>>,
    pending: Arc<Tally<Origin>>,
    members: Arc<Tally<PublicKey>>,
    strangers: Arc<Tally<Origin>>,
}

impl Port {
    /// Connections that have passed TLS come out of `ready`.
    pub(super) fn new(
        shared: Arc<Shared>,
        tls: Arc<ServerConfig>,
        ready: mpsc::Sender<io::Result<Connection<Caller>>>,
    ) -> Arc<Self> {
        Arc::new(Self {
            shared,
            tls,
            ready,
            pending: Tally::new(PENDING_PER_ORIGIN_MAX, PENDING_MAX),
            members: Tally::new(CONNECTIONS_PER_MEMBER_MAX, usize::MAX),
            strangers: Tally::new(STRANGERS_PER_ORIGIN_MAX, STRANGERS_MAX),
        })
    }

    /// Accepts connections until it is dropped, and with it those that are passed on.
    pub(super) async fn accept(self: Arc<Self>, listener: TcpListener) {
        let mut tasks = JoinSet::new();
        loop {
            let Ok((stream, from)) = listener.accept().await else {
                // Out of file descriptors or memory: that may pass.
                sleep(Duration::from_millis(100)).await;
                continue;
            };
            while tasks.try_join_next().is_some() {}
            if let Some(place) = self.pending.enter(Origin::new(from.ip())) {
                let port = Arc::clone(&self);
                tasks.spawn(async move {
                    // What goes wrong here concerns nobody but the caller, who is hung up on.
                    let _ = port.receive(stream, from.ip(), place).await;
                });
            }
        }
    }

    async fn receive(
        &self,
        mut stream: TcpStream,
        address: IpAddr,
        place: Entered<Origin>,
    ) -> io::Result<()> {
        stream.set_nodelay(true)?;
        let opening = timeout(OPENING_TIMEOUT, read_opening(&mut stream)).await;
        let opening = opening.map_err(|_| io::ErrorKind::TimedOut)??;
        let route = opening.name.as_deref().and_then(|name| name.parse::<Route>().ok());
        if let Some(route) = route {
            drop(place);
            let Some((to, _open)) = self.shared.routes.find(route) else {
                return Err(io::ErrorKind::NotFound.into());
            };
            let idle = self.shared.settings.splice_idle_timeout;
            return splice(stream, &opening.bytes, to, idle).await;
        }
        let handshake = StartHandshake::from_parts(opening.accepted, stream);
        let handshake = timeout(TLS_TIMEOUT, handshake.into_stream(Arc::clone(&self.tls))).await;
        let stream = handshake.map_err(|_| io::ErrorKind::TimedOut)??;
        let key = tls::client_key(&stream)?;
        let line = self.shared.line(key);
        let caller = Caller { key, address, was_pinned: line.is_some() };
        let connection = Connection::new(stream, caller);
        let connection = if let Some(line) = line {
            let place = self.members.enter(caller.key).ok_or(io::ErrorKind::ResourceBusy)?;
            let revoked = line.revoked();
            connection.until(Box::pin(async move {
                revoked.await;
                drop(place);
            }))
        } else {
            let place = self.strangers.enter(Origin::new(address));
            let place = place.ok_or(io::ErrorKind::ResourceBusy)?;
            let end = Box::pin(async move {
                sleep(STRANGER_TIMEOUT).await;
                drop(place);
            });
            connection.until(end).reading_at_most(STRANGER_BYTES_MAX)
        };
        // Fails only when nobody serves any more.
        self.ready.send(Ok(connection)).await.map_err(|_| io::ErrorKind::NotConnected.into())
    }
}

/// How long a caller has for its TLS hello.
const OPENING_TIMEOUT: Duration = Duration::from_secs(5);
/// How long the rest of the TLS handshake may take.
const TLS_TIMEOUT: Duration = Duration::from_secs(10);
/// Callers that have not yet shown a key, at a time; more are hung up on.
const PENDING_MAX: usize = 256;
const PENDING_PER_ORIGIN_MAX: usize = 32;
/// A member needs one connection; some may be lost and not noticed yet.
const CONNECTIONS_PER_MEMBER_MAX: usize = 8;
/// Connections of keys that are not pinned.
const STRANGERS_MAX: usize = 32;
const STRANGERS_PER_ORIGIN_MAX: usize = 4;
/// How long such a connection lasts.
const STRANGER_TIMEOUT: Duration = Duration::from_secs(20);
/// What may be read from it: one introduction, and what HTTP/2 says around it.
const STRANGER_BYTES_MAX: usize = INTRODUCTION_BYTES_MAX + (32 << 10);
