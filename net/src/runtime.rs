//! Threads: protocols run where they are called, the network on a thread of its own.

use crate::error::NetError;

/// Runs a party's protocol on the calling thread, with timers and without any worker threads; the
/// future need not be `Send`. Must not be called inside another tokio runtime.
pub fn block_on<F: Future>(future: F) -> Result<F::Output, NetError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| NetError::InvalidInput {
        what: format!("the operating system gives no event queue: {error}"),
    })?;
    Ok(runtime.block_on(future))
}
