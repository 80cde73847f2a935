//! Where a shard's packets come from and go to, and how its thread waits.

mod event_fd;

pub(super) use event_fd::EventFd;
