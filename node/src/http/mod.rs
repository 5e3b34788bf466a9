//! What people and programs reach over HTTPS: an API of JSON under `/api/v1`, and pages.

mod endpoint;
mod endpoints;
mod gate;
mod idle;
mod limit;
mod openapi;
mod pages;
mod problem;
#[cfg(test)]
mod tests;
mod tls;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::routing::{MethodFilter, MethodRouter};
use crypto::hash::hex;
use crypto::random::Generator;
use crypto::signature::PublicKey;
use http::{Method, Request};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use hyper_util::server::graceful::GracefulShutdown;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_rustls::TlsAcceptor;
use tower::ServiceExt as _;

use crate::config::PeopleConfig;
use crate::console;
use crate::dispatch::Dispatcher;
use crate::log::{Level, Log};
use crate::metrics::Metrics;
use crate::office::Office;
use crate::people::People;
use crate::store::Store;

pub use tls::{fingerprint, make_certificate};

use endpoint::Endpoint;

use idle::Calls;
use limit::Limit;
use problem::Problem;

/// What a node says about itself.
#[derive(Clone, Debug)]
pub struct Facts {
    /// The member's name.
    pub name: String,
    /// The key that partners know it by.
    pub key: PublicKey,
    /// When it started, in milliseconds since 1970.
    pub started_at: u64,
    /// Where partners meet it.
    pub partners_address: Option<String>,
    /// Where its database is, without any password.
    pub database: String,
}

/// Everything that answers calls.
#[derive(Debug)]
pub struct Server {
    store: Arc<Store>,
    people: People,
    office: Arc<Office>,
    dispatcher: Arc<Dispatcher>,
    facts: Facts,
    log: Arc<Log>,
    metrics: Metrics,
    per_address: Limit,
    per_person: Limit,
    /// Random at each start, so that no two requests ever have one id.
    request_prefix: String,
    requests: AtomicU64,
    is_stopping: AtomicBool,
}

/// The parts of a node that calls are about.
#[derive(Debug)]
pub struct Parts {
    /// What it remembers.
    pub store: Arc<Store>,
    /// Who may use it.
    pub people: People,
    /// What it says to partners.
    pub office: Arc<Office>,
    /// What lets agreed runs happen.
    pub dispatcher: Arc<Dispatcher>,
    /// Where it tells what it does.
    pub log: Arc<Log>,
}

/// HTTPS cannot be served.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum HttpError {
    /// The certificate cannot be made or used.
    #[error("the certificate for browsers cannot be used: {0}")]
    Certificate(String),
    /// The address is taken, or not this machine's.
    #[error("cannot listen on {address}: {cause}; `people: listen:` in node.yaml names another")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// What the system says.
        cause: std::io::Error,
    },
}

impl Server {
    /// A server of these parts of a node.
    pub fn new(parts: Parts, facts: Facts, calls_per_minute: u32) -> Self {
        let Parts { store, people, office, dispatcher, log } = parts;
        let mut prefix = [0; 6];
        Generator::from_os().fill_bytes(&mut prefix);
        Self {
            store,
            people,
            office,
            dispatcher,
            facts,
            log,
            metrics: Metrics::default(),
            // Many people may sit behind one address.
            per_address: Limit::new(calls_per_minute.saturating_mul(10)),
            per_person: Limit::new(calls_per_minute),
            request_prefix: hex(&prefix),
            requests: AtomicU64::new(1),
            is_stopping: AtomicBool::new(false),
        }
    }

    fn is_stopping(&self) -> bool {
        self.is_stopping.load(Ordering::Relaxed)
    }
}

/// A listener that has its address.
#[derive(Debug)]
pub struct Listener {
    socket: TcpListener,
    acceptor: Acceptor,
    /// Where it listens: the port that the system chose, if the configuration left it open.
    pub address: SocketAddr,
    /// The SHA-256 fingerprint of the certificate.
    pub fingerprint: String,
}

/// TLS, without anything to show.
#[derive(Clone)]
struct Acceptor(TlsAcceptor);

impl std::fmt::Debug for Acceptor {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Acceptor")
    }
}

impl Listener {
    /// Listens for people.
    #[net::boxed]
    pub async fn bind(folder: &std::path::Path, people: &PeopleConfig) -> Result<Self, HttpError> {
        let (config, fingerprint) = tls::server_config(folder, people)?;
        let failed = |cause| HttpError::Listen { address: people.listen, cause };
        let listener = TcpListener::bind(people.listen).await.map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        let acceptor = Acceptor(TlsAcceptor::from(config));
        Ok(Self { socket: listener, acceptor, address, fingerprint })
    }

    /// Serves until `stop` ends, then lets open calls come to their end.
    pub async fn serve(self, server: Arc<Server>, stop: impl Future<Output = ()>) {
        let router = router(&server);
        let graceful = GracefulShutdown::new();
        let places = Arc::new(Semaphore::new(CONNECTIONS_MAX));
        let mut stop = std::pin::pin!(stop);
        loop {
            let place = tokio::select! {
                place = Arc::clone(&places).acquire_owned() => place,
                () = &mut stop => break,
            };
            let Ok(place) = place else { break };
            let accepted = tokio::select! {
                accepted = self.socket.accept() => accepted,
                () = &mut stop => break,
            };
            let (stream, address) = match accepted {
                Ok(accepted) => accepted,
                Err(error) => {
                    // Mostly too many open files: others may close some.
                    let cause = error.to_string().into();
                    server.log.write(Level::Error, "cannot accept", &[("cause", cause)]);
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                    continue;
                }
            };
            let (acceptor, router) = (self.acceptor.0.clone(), router.clone());
            let watcher = graceful.watcher();
            tokio::spawn(async move {
                let _place = place;
                connection(stream, address, acceptor, router, watcher).await;
            });
        }
        server.is_stopping.store(true, Ordering::Relaxed);
        drop(self.socket);
        // Whoever does not finish in time is cut off.
        let _ = tokio::time::timeout(SHUTDOWN_MAX, graceful.shutdown()).await;
    }
}

/// One connection from its TLS hello to its end.
async fn connection(
    stream: TcpStream,
    address: SocketAddr,
    acceptor: TlsAcceptor,
    router: Router,
    watcher: hyper_util::server::graceful::Watcher,
) {
    // Answers are small: they leave at once.
    let _ = stream.set_nodelay(true);
    let hello = tokio::time::timeout(HELLO_MAX, acceptor.accept(stream)).await;
    let Ok(Ok(stream)) = hello else { return };
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder.http1().timer(TokioTimer::new()).header_read_timeout(HEADERS_MAX);
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(64)
        .max_header_list_size(64 << 10)
        .keep_alive_interval(HEADERS_MAX)
        .keep_alive_timeout(HEADERS_MAX);
    let calls = Arc::new(Calls::default());
    let its_calls = Arc::clone(&calls);
    let service = hyper::service::service_fn(move |request: Request<hyper::body::Incoming>| {
        let open = its_calls.begin();
        let mut request = request.map(Body::new);
        request.extensions_mut().insert(address);
        let answer = router.clone().oneshot(request);
        async move {
            let _open = open;
            answer.await
        }
    });
    let connection = builder.serve_connection(TokioIo::new(stream), service);
    tokio::select! {
        // What went wrong with a connection is the business of whoever opened it.
        _ = watcher.watch(connection) => (),
        () = calls.idle(IDLE_MAX) => (),
    }
}

/// The routes of the table.
fn router(server: &Arc<Server>) -> Router {
    let mut by_path: BTreeMap<&str, MethodRouter> = BTreeMap::new();
    for endpoint in endpoints::all() {
        let server = Arc::clone(server);
        let run = move |request| gate::answer(Arc::clone(&server), Ok(endpoint), request);
        let methods = by_path.remove(endpoint.path).unwrap_or_default();
        by_path.insert(endpoint.path, methods.on(filter(endpoint), run));
    }
    let mut router = Router::new();
    for (path, methods) in by_path {
        let server = Arc::clone(server);
        let refuse = move |request: Request<Body>| {
            gate::answer(Arc::clone(&server), Err(Problem::wrong_method()), request)
        };
        router = router.route(path, methods.fallback(refuse));
    }
    let server = Arc::clone(server);
    router.fallback(move |request: Request<Body>| async move {
        if console::is_page(request.uri().path()) {
            return pages::answer(server, request).await;
        }
        let path = request.uri().path().chars().take(100).collect::<String>();
        let problem = Problem::not_found(format!("{path:?}"));
        gate::answer(server, Err(problem), request).await
    })
}

fn filter(endpoint: &Endpoint) -> MethodFilter {
    match endpoint.method {
        Method::POST => MethodFilter::POST,
        Method::PUT => MethodFilter::PUT,
        Method::PATCH => MethodFilter::PATCH,
        Method::DELETE => MethodFilter::DELETE,
        _ => MethodFilter::GET,
    }
}

/// Connections at a time.
const CONNECTIONS_MAX: usize = 512;
/// How long a TLS hello may take.
const HELLO_MAX: Duration = Duration::from_secs(10);
/// How long the head of a request may take, and how long a connection may say nothing.
const HEADERS_MAX: Duration = Duration::from_secs(30);
/// How long a connection may be held without a call.
const IDLE_MAX: Duration = Duration::from_mins(1);
/// How long open calls may take to end when the node stops.
const SHUTDOWN_MAX: Duration = Duration::from_secs(10);
/// How long nobody is accepted after it failed.
const ACCEPT_PAUSE: Duration = Duration::from_millis(200);
