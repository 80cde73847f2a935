//! The events' reader: one descriptor to wait on, whatever the number of shards.

use std::io;
use std::os::fd::{AsRawFd, RawFd};
use std::sync::Arc;

use rtrb::{Consumer, RingBuffer};

use super::event::MediaEvent;
use super::io::EventFd;
use super::mailbox::{Outbox, Returned, Told};

/// What the shards tell. Drain it whenever its descriptor is readable: what the shards are done with is
/// freed there too.
#[derive(Debug)]
pub struct MediaEvents {
    bell: Arc<EventFd>,
    shards: Vec<Inbox>,
}

#[derive(Debug)]
struct Inbox {
    events: Consumer<Told>,
    returned: Consumer<Returned>,
}

impl MediaEvents {
    pub(super) fn new() -> io::Result<Self> {
        Ok(Self { bell: Arc::new(EventFd::new()?), shards: Vec::new() })
    }

    pub(super) fn add_shard(&mut self, events: usize, returned: usize) -> Outbox {
        let (events_in, events) = RingBuffer::new(events);
        let (returned_in, returned) = RingBuffer::new(returned);
        self.shards.push(Inbox { events, returned });
        Outbox::new(events_in, returned_in, self.bell.clone())
    }

    /// An eventfd: readable while events wait. Non-blocking; only [`drain`](Self::drain) may read it.
    pub fn as_raw_fd(&self) -> RawFd {
        self.bell.as_raw_fd()
    }

    /// Hands over every event that waits, each shard's in order.
    pub fn drain(&mut self, mut each: impl FnMut(MediaEvent)) {
        self.bell.clear();
        for shard in &mut self.shards {
            while shard.returned.pop().is_ok() {}
            while let Ok(told) = shard.events.pop() {
                each(told.into());
            }
        }
    }
}

impl AsRawFd for MediaEvents {
    fn as_raw_fd(&self) -> RawFd {
        self.bell.as_raw_fd()
    }
}
