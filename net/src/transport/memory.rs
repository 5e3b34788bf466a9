//! Two parties in one process: frames go straight from one switchboard to the other.

use std::pin::Pin;
use std::sync::{Arc, Weak};

use crate::conversation::Conversation;
use crate::frame::Frame;
use crate::link::Link;
use crate::seat::Seat;
use crate::switchboard::Switchboard;

/// Opens a conversation between two seats of this process.
pub fn pair(first: Seat, second: Seat) -> (Conversation, Conversation) {
    pair_through(first, second, |link| link, |link| link)
}

/// The same with each side's link wrapped, e.g. to make it slow or faulty.
pub fn pair_through(
    first: Seat,
    second: Seat,
    wrap_first: impl FnOnce(Arc<dyn Link>) -> Arc<dyn Link>,
    wrap_second: impl FnOnce(Arc<dyn Link>) -> Arc<dyn Link>,
) -> (Conversation, Conversation) {
    let first = Arc::new(Switchboard::new(first));
    let second = Arc::new(Switchboard::new(second));
    first.attach(wrap_first(Arc::new(MemoryLink { to: Arc::downgrade(&second) })));
    second.attach(wrap_second(Arc::new(MemoryLink { to: Arc::downgrade(&first) })));
    (Conversation::new(first), Conversation::new(second))
}

/// The way to the other party. Weak, because each party would keep the other alive.
struct MemoryLink {
    to: Weak<Switchboard>,
}

impl Link for MemoryLink {
    fn transmit(&self, frame: Frame) {
        // A peer that is gone has said so when it went.
        if let Some(to) = self.to.upgrade() {
            to.deliver(frame);
        }
    }

    fn flush(&self) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        Box::pin(std::future::ready(()))
    }
}
