//! Connections that are passed on, byte by byte, to a listener behind the port.

use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::net::tcp::{ReadHalf, WriteHalf};
use tokio::time::{Instant, sleep_until, timeout};

use super::tally::{Entered, Tally};
use crate::error::NetError;
use crate::route::Route;

/// Which routes lead where.
#[derive(Debug)]
pub(super) struct Routes {
    leads: Mutex<BTreeMap<Route, SocketAddr>>,
    open: Arc<Tally<Route>>,
}

impl Routes {
    pub(super) fn new() -> Self {
        let open = Tally::new(SPLICES_PER_ROUTE_MAX, SPLICES_MAX);
        Self { leads: Mutex::new(BTreeMap::new()), open }
    }

    /// Leads `route` to a listener on this machine, until what it returns is dropped.
    pub(super) fn lead(
        self: &Arc<Self>,
        route: Route,
        to: SocketAddr,
    ) -> Result<Passage, NetError> {
        if !to.ip().is_loopback() {
            let what = format!("a route leads to an address of this machine, not to {to}");
            return Err(NetError::InvalidInput { what });
        }
        let mut leads = self.leads();
        if leads.contains_key(&route) {
            let what = format!("the route {route} leads somewhere already; make a fresh one");
            return Err(NetError::InvalidInput { what });
        }
        leads.insert(route, to);
        drop(leads);
        Ok(Passage { routes: Arc::clone(self), route })
    }

    /// Where `route` leads, with the right to pass one connection on.
    pub(super) fn find(&self, route: Route) -> Option<(SocketAddr, Entered<Route>)> {
        let to = self.leads().get(&route).copied()?;
        Some((to, self.open.enter(route)?))
    }

    fn leads(&self) -> MutexGuard<'_, BTreeMap<Route, SocketAddr>> {
        self.leads.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A route through the port. When it is dropped no new connection is passed on; those that are
/// open end with either of their ends.
#[must_use = "the route is closed when this is dropped"]
pub struct Passage {
    routes: Arc<Routes>,
    route: Route,
}

impl Passage {
    /// The name to dial.
    pub fn route(&self) -> Route {
        self.route
    }
}

impl fmt::Debug for Passage {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_tuple("Passage").field(&self.route).finish()
    }
}

impl Drop for Passage {
    fn drop(&mut self) {
        self.routes.leads().remove(&self.route);
    }
}

/// Passes a connection on, of which `opening` was read already, until both directions have ended
/// or nothing has moved for `idle`.
pub(super) async fn splice(
    mut caller: TcpStream,
    opening: &[u8],
    to: SocketAddr,
    idle: Duration,
) -> io::Result<()> {
    let connected = timeout(CONNECT_TIMEOUT, TcpStream::connect(to)).await;
    let mut listener = connected.map_err(|_| io::ErrorKind::TimedOut)??;
    listener.set_nodelay(true)?;
    timeout(idle, listener.write_all(opening)).await.map_err(|_| io::ErrorKind::TimedOut)??;
    let life = Life { moved: Mutex::new(Instant::now()) };
    let (from_caller, to_caller) = caller.split();
    let (from_listener, to_listener) = listener.split();
    let both = async {
        tokio::try_join!(
            pump(from_caller, to_listener, &life),
            pump(from_listener, to_caller, &life),
        )
        .map(|_| ())
    };
    tokio::select! {
        ended = both => ended,
        () = life.ended(idle) => Err(io::ErrorKind::TimedOut.into()),
    }
}

/// One direction, to its end; the other one may go on.
async fn pump(mut from: ReadHalf<'_>, mut to: WriteHalf<'_>, life: &Life) -> io::Result<()> {
    let mut buffer = vec![0; BUFFER_BYTES];
    loop {
        let count = from.read(&mut buffer).await?;
        life.moves();
        if count == 0 {
            return to.shutdown().await;
        }
        to.write_all(buffer.get(..count).unwrap_or_default()).await?;
        life.moves();
    }
}

/// When something was last passed on.
struct Life {
    moved: Mutex<Instant>,
}

impl Life {
    fn moves(&self) {
        *self.moved.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
    }

    /// Resolves when nothing has moved for `idle`.
    async fn ended(&self, idle: Duration) {
        loop {
            let end = *self.moved.lock().unwrap_or_else(PoisonError::into_inner) + idle;
            if end <= Instant::now() {
                return;
            }
            sleep_until(end).await;
        }
    }
}

/// Connections that are passed on at the same time.
const SPLICES_MAX: usize = 256;
/// The same for one route: a session has one, and a few that are lost and not noticed yet.
const SPLICES_PER_ROUTE_MAX: usize = 16;
/// What one direction of a connection holds, in bytes.
const BUFFER_BYTES: usize = 64 << 10;
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
