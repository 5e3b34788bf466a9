//! Threads: protocols run where they are called, the network on a thread of its own.

use std::sync::OnceLock;

use tokio::runtime::{Builder, Runtime};

use crate::error::NetError;

/// Runs a party's protocol on the calling thread, with timers and without any worker threads; the
/// future need not be `Send`. Must not be called inside another tokio runtime.
pub fn block_on<F: Future>(future: F) -> Result<F::Output, NetError> {
    let runtime = Builder::new_current_thread().enable_all().build();
    Ok(runtime.map_err(|error| no_runtime(&error))?.block_on(future))
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
