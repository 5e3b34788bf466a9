//! Threads: protocols run where they are called, the network on a thread of its own.

use std::pin::Pin;
use std::sync::OnceLock;

use tokio::runtime::{Builder, Runtime};

use crate::error::NetError;

/// Runs a party's protocol on the calling thread, with timers and without any worker threads; the
/// future need not be `Send`. Must not be called inside another tokio runtime.
pub fn block_on<F: Future>(future: F) -> Result<F::Output, NetError> {
    let mut output = None;
    let store = async { output = Some(future.await) };
    block_on_boxed(Box::pin(store))?;
    output.ok_or_else(|| no_runtime(&"it ended before the work"))
}

/// The same without a type: tokio's loop is compiled once, and not for each future.
fn block_on_boxed(future: Pin<Box<dyn Future<Output = ()> + '_>>) -> Result<(), NetError> {
    let runtime = Builder::new_current_thread().enable_all().build();
    runtime.map_err(|error| no_runtime(&error))?.block_on(future);
    Ok(())
}

/// Runs a future on the network's threads and waits for it, from any runtime.
pub(crate) async fn on_network<T: Send + 'static>(
    future: impl Future<Output = T> + Send + 'static,
) -> Result<T, NetError> {
    network()?.spawn(future).await.map_err(|error| no_runtime(&error))
}

/// Starts a task on the network's threads.
pub(crate) fn spawn_on_network(
    future: impl Future<Output = ()> + Send + 'static,
) -> Result<tokio::task::JoinHandle<()>, NetError> {
    Ok(network()?.spawn(future))
}

/// The process's network threads: two, so that one can encrypt while the other frames.
fn network() -> Result<&'static Runtime, NetError> {
    static NETWORK: OnceLock<Result<Runtime, NetError>> = OnceLock::new();
    let build = || {
        let mut builder = Builder::new_multi_thread();
        builder.worker_threads(NETWORK_THREADS).thread_name("tombolo-net").enable_all();
        builder.build().map_err(|error| no_runtime(&error))
    };
    NETWORK.get_or_init(build).as_ref().map_err(Clone::clone)
}

const NETWORK_THREADS: usize = 2;

fn no_runtime(error: &dyn std::fmt::Display) -> NetError {
    NetError::Runtime { cause: error.to_string() }
}
