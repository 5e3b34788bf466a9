//! Two parties in one process: frames go straight from one switchboard to the other.

use std::pin::Pin;
use std::sync::{Arc, Weak};
use std::time::SystemTime;

use crate::conversation::Conversation;
use crate::error::NetError;
use crate::frame::Frame;
use crate::link::Link;
use crate::seat::Seat;
use crate::switchboard::{Ending, Switchboard};

/// Opens a conversation between two seats of this process.
pub fn pair(first: Seat, second: Seat) -> Result<(Conversation, Conversation), NetError> {
    pair_through(first, second, |link| link, |link| link)
}

/// The same with each side's link wrapped, e.g. to make it slow or faulty.
pub fn pair_through(
    first: Seat,
    second: Seat,
    wrap_first: impl FnOnce(Arc<dyn Link>) -> Arc<dyn Link>,
    wrap_second: impl FnOnce(Arc<dyn Link>) -> Arc<dyn Link>,
) -> Result<(Conversation, Conversation), NetError> {
    let first = Arc::new(Switchboard::new(first));
    let second = Arc::new(Switchboard::new(second));
    first.attach(wrap_first(MemoryLink::between(&first, &second)))?;
    second.attach(wrap_second(MemoryLink::between(&second, &first)))?;
    Ok((Conversation::new(first), Conversation::new(second)))
}

/// The way to the other party. Weak, because each party would keep the other alive.
struct MemoryLink {
    from: Weak<Switchboard>,
    to: Weak<Switchboard>,
}

impl MemoryLink {
    fn between(from: &Arc<Switchboard>, to: &Arc<Switchboard>) -> Arc<dyn Link> {
        Arc::new(Self { from: Arc::downgrade(from), to: Arc::downgrade(to) })
    }
}

impl Link for MemoryLink {
    fn transmit(&self, frame: Frame) {
        // A peer that is gone has said so when it went.
        if let Some(to) = self.to.upgrade() {
            to.deliver(frame);
        }
    }

    fn cut(&self, cause: &str) {
        for side in [&self.from, &self.to].into_iter().filter_map(Weak::upgrade) {
            side.end(Ending::Lost { since: SystemTime::now(), cause: cause.to_owned() });
        }
    }

    fn flush(&self) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        Box::pin(std::future::ready(()))
    }
}
