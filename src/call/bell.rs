//! Waiting for media events within tokio.

use std::io;

use plenary_media::engine::MediaEvents;
use tokio::io::unix::AsyncFd;

/// The events of the media engine, readable when there are some.
#[expect(unsafe_code, reason = "registering a descriptor asks for a promise that types cannot give")]
pub(super) fn listen(events: MediaEvents) -> io::Result<AsyncFd<MediaEvents>> {
    // SAFETY: `MediaEvents` owns its event descriptor, gives the same one at every call of `as_raw_fd`, and closes it
    // only when it is dropped; the `AsyncFd` owns the `MediaEvents` and takes the descriptor out of tokio before that.
    unsafe { AsyncFd::register(events) }.map_err(io::Error::from)
}
