//! An accepted TLS connection, as the gRPC server reads and writes it.

use std::fmt;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::server::TlsStream;
use tonic::transport::server::Connected;

/// A TLS connection together with what is known of the client.
pub(crate) struct Connection<I> {
    stream: TlsStream<TcpStream>,
    client: I,
    end: Option<End>,
    /// Bytes that may still be read.
    budget: usize,
}

/// When a connection ends, whatever happens on it.
pub(crate) type End = Pin<Box<dyn Future<Output = ()> + Send>>;

impl<I> Connection<I> {
    /// A connection that lasts as long as both sides want.
    pub(crate) fn new(stream: TlsStream<TcpStream>, client: I) -> Self {
        Self { stream, client, end: None, budget: usize::MAX }
    }

    /// The same, until `end` resolves.
    pub(crate) fn until(mut self, end: End) -> Self {
        self.end = Some(end);
        self
    }

    /// The same, for at most so many bytes from the client.
    pub(crate) fn reading_at_most(mut self, budget: usize) -> Self {
        self.budget = budget;
        self
    }
}

impl<I: fmt::Debug> fmt::Debug for Connection<I> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Connection").field("client", &self.client).finish_non_exhaustive()
    }
}

impl<I: Clone + Send + Sync + 'static> Connected for Connection<I> {
    type ConnectInfo = I;

    fn connect_info(&self) -> I {
        self.client.clone()
    }
}

impl<I: Unpin> AsyncRead for Connection<I> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.end.as_mut().is_some_and(|end| end.as_mut().poll(context).is_ready()) {
            // Polled once more it would panic: the next look takes the budget as spent.
            self.end = None;
            self.budget = 0;
        }
        if self.budget == 0 {
            return Poll::Ready(Err(io::ErrorKind::ConnectionAborted.into()));
        }
        let before = buffer.filled().len();
        let read = Pin::new(&mut self.stream).poll_read(context, buffer);
        let count = buffer.filled().len() - before;
        self.budget = self.budget.saturating_sub(count);
        read
    }
}

impl<I: Unpin> AsyncWrite for Connection<I> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(context, bytes)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
