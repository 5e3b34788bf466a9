//! HTTP/2 to one pinned peer: what every gRPC client of the house stands on.

use std::sync::Mutex;

use crypto::signature::PublicKey;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream;
use tonic::transport::{Channel, Endpoint};
use tower::service_fn;

use crate::error::NetError;
use crate::identity::Identity;
use crate::tls;

/// Who is dialled, by whom, under which name.
#[derive(Clone, Copy)]
pub(crate) struct Dialling<'a> {
    pub(crate) identity: &'a Identity,
    /// The peer's name, for errors.
    pub(crate) peer: &'a str,
    /// The key pinned for it.
    pub(crate) key: PublicKey,
    /// The TLS server name.
    pub(crate) server_name: &'a str,
}

/// How much may be under way, in bytes.
#[derive(Clone, Copy)]
pub(crate) struct Windows {
    pub(crate) stream: u32,
    pub(crate) connection: u32,
    pub(crate) frame: u32,
}

/// Connects to `address` (`host:port`), once, without a time limit of its own.
pub(crate) async fn open(
    address: &str,
    dialling: Dialling<'_>,
    windows: Windows,
) -> Result<Channel, NetError> {
    let failed = |what: &str, error: &dyn std::fmt::Display| NetError::Unreachable {
        peer: dialling.peer.to_owned(),
        cause: format!("{what} {address}: {error}"),
    };
    let stream = TcpStream::connect(address).await;
    let stream = stream.map_err(|error| failed("no connection to", &error))?;
    stream.set_nodelay(true).map_err(|error| failed("no connection to", &error))?;
    let Dialling { identity, peer, key, server_name } = dialling;
    let stream = tls::connect(stream, identity, peer, key, server_name).await?;
    over(stream, windows).await.map_err(|error| failed("no HTTP/2 with", &error))
}

/// HTTP/2 over a TLS connection. When that breaks, so does the channel.
pub(crate) async fn over(
    stream: TlsStream<TcpStream>,
    windows: Windows,
) -> Result<Channel, tonic::transport::Error> {
    let once = Mutex::new(Some(stream));
    let connector = service_fn(move |_| {
        let stream = once.lock().map_or(None, |mut stream| stream.take());
        let stream = stream.ok_or_else(|| std::io::Error::other("the connection was used up"));
        std::future::ready(stream.map(TokioIo::new))
    });
    Endpoint::from_static("http://tombolo")
        .initial_stream_window_size(windows.stream)
        .initial_connection_window_size(windows.connection)
        .max_frame_size(windows.frame)
        .connect_with_connector(connector)
        .await
}
