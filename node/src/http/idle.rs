//! Connections that nobody uses are closed: only so many are held at a time.
//!
//! The time-outs of the HTTP library begin with the first bytes of a request, and a client of
//! HTTP/2 keeps its connection by answering pings. This counts calls instead.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// The calls of one connection.
#[derive(Debug, Default)]
pub(super) struct Calls {
    begun: AtomicU64,
    open: AtomicU64,
}

/// A call that is being answered.
#[derive(Debug)]
pub(super) struct Open(Arc<Calls>);

impl Calls {
    /// Counts a call, as open until the value is dropped.
    pub(super) fn begin(self: &Arc<Self>) -> Open {
        self.begun.fetch_add(1, Ordering::Relaxed);
        self.open.fetch_add(1, Ordering::Relaxed);
        Open(Arc::clone(self))
    }

    /// Ends when no call is open and none has begun for `pause`, at most twice as long after the
    /// last one.
    pub(super) async fn idle(&self, pause: Duration) {
        let mut before = None;
        loop {
            let begun = self.begun.load(Ordering::Relaxed);
            if before == Some(begun) && self.open.load(Ordering::Relaxed) == 0 {
                return;
            }
            before = Some(begun);
            tokio::time::sleep(pause).await;
        }
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.0.open.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn only_a_connection_without_calls_is_idle() {
        let pause = Duration::from_millis(20);
        let ends =
            async |calls: &Calls| tokio::time::timeout(10 * pause, calls.idle(pause)).await.is_ok();
        let calls = Arc::new(Calls::default());
        assert!(ends(&calls).await, "nobody ever called");
        let open = calls.begin();
        assert!(!ends(&calls).await, "a call is open");
        drop(open);
        assert!(ends(&calls).await);
    }
}
