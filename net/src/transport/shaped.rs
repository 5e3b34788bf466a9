//! A link with the bandwidth and the latency of a line that is not there: for benches and tests.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::sync::{Notify, mpsc};
use tokio::time::{Instant, sleep_until};

use crate::error::NetError;
use crate::frame::Frame;
use crate::link::Link;
use crate::runtime::spawn_on_network;

/// A line between two parties. Each direction has it for itself.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Shape {
    /// Megabits per second (10^6 bits); infinite for no limit.
    pub megabits_per_second: f64,
    /// How long a frame is under way, one way, after its last byte has left.
    pub latency: Duration,
}

impl Shape {
    fn time_on_line(&self, frame: &Frame) -> Duration {
        let payload = if let Frame::Data(piece) = frame { piece.payload.len() } else { 0 };
        let bits = 8.0 * (payload + FRAME_OVERHEAD_BYTES) as f64;
        let seconds = bits / (self.megabits_per_second * 1e6);
        // A line of no bandwidth takes as long as anybody will wait.
        Duration::try_from_secs_f64(seconds).unwrap_or(Duration::from_hours(24))
    }
}

/// Wraps a link: frames leave one after the other at the line's speed and arrive after its latency,
/// in order.
pub struct ShapedLink {
    inner: Arc<dyn Link>,
    line: mpsc::UnboundedSender<(Frame, Instant)>,
    shared: Arc<Shared>,
    shape: Shape,
    busy_until: std::sync::Mutex<Instant>,
}

#[derive(Default)]
struct Shared {
    under_way: AtomicUsize,
    arrived: Notify,
}

impl ShapedLink {
    /// Wraps `inner` into a line of this shape.
    pub fn new(inner: Arc<dyn Link>, shape: Shape) -> Result<Self, NetError> {
        let (line, mut frames) = mpsc::unbounded_channel::<(Frame, Instant)>();
        let shared = Arc::new(Shared::default());
        let (far_end, arrivals) = (Arc::clone(&inner), Arc::clone(&shared));
        spawn_on_network(async move {
            while let Some((frame, arrival)) = frames.recv().await {
                sleep_until(arrival).await;
                far_end.transmit(frame);
                arrivals.under_way.fetch_sub(1, Ordering::SeqCst);
                arrivals.arrived.notify_waiters();
            }
        })?;
        let busy_until = std::sync::Mutex::new(Instant::now());
        Ok(Self { inner, line, shared, shape, busy_until })
    }
}

impl Link for ShapedLink {
    fn transmit(&self, frame: Frame) {
        let mut busy_until =
            self.busy_until.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        *busy_until = (*busy_until).max(Instant::now()) + self.shape.time_on_line(&frame);
        self.shared.under_way.fetch_add(1, Ordering::SeqCst);
        // The far end leaves only with the process. Sent under the lock, to keep the order.
        let _ = self.line.send((frame, *busy_until + self.shape.latency));
    }

    fn cut(&self, cause: &str) {
        self.inner.cut(cause);
    }

    fn flush(&self) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        Box::pin(async {
            loop {
                let arrived = self.shared.arrived.notified();
                tokio::pin!(arrived);
                arrived.as_mut().enable();
                if self.shared.under_way.load(Ordering::SeqCst) == 0 {
                    break;
                }
                arrived.await;
            }
            self.inner.flush().await;
        })
    }
}

/// About what the address of a frame, TLS and TCP add on a real line.
const FRAME_OVERHEAD_BYTES: usize = 200;
