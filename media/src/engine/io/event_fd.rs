//! One bell between two threads: eventfd(2), and ppoll(2) to wait for it or for the next tick.
#![allow(unsafe_code)]

use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::{AsRawFd, FromRawFd, RawFd};
use std::time::Duration;

#[derive(Debug)]
pub(crate) struct EventFd {
    file: File,
}

impl EventFd {
    pub fn new() -> io::Result<Self> {
        // SAFETY: eventfd takes no pointers; the descriptor it returns is new and nobody else's.
        let file = unsafe {
            match libc::eventfd(0, libc::EFD_NONBLOCK | libc::EFD_CLOEXEC) {
                -1 => return Err(io::Error::last_os_error()),
                fd => File::from_raw_fd(fd),
            }
        };
        Ok(Self { file })
    }

    /// Rings. A bell that rings already stays so.
    pub fn ring(&self) {
        // Fails only when 2^64 - 2 rings wait: then it rings already.
        let _ = (&self.file).write(&1_u64.to_ne_bytes());
    }

    /// Silences the bell, and tells whether it rang.
    pub fn clear(&self) -> bool {
        (&self.file).read(&mut [0; 8]).is_ok()
    }

    /// Waits until the bell rings or `timeout` is over; a signal may end it early. Does not silence it.
    pub fn wait(&self, timeout: Option<Duration>) {
        let mut fd = libc::pollfd { fd: self.as_raw_fd(), events: libc::POLLIN, revents: 0 };
        let timeout = timeout.map(|timeout| libc::timespec {
            tv_sec: timeout.as_secs() as libc::time_t,
            tv_nsec: timeout.subsec_nanos().into(),
        });
        let timeout = timeout.as_ref().map_or(std::ptr::null(), std::ptr::from_ref);
        // SAFETY: `fd` is one pollfd on this stack, `timeout` null or a timespec on it; no signal mask is passed.
        unsafe { libc::ppoll(&raw mut fd, 1, timeout, std::ptr::null()) };
    }
}

impl AsRawFd for EventFd {
    fn as_raw_fd(&self) -> RawFd {
        self.file.as_raw_fd()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Instant;

    #[test]
    fn a_ring_ends_the_wait_and_clear_silences_it() {
        let bell = EventFd::new().expect("an eventfd");
        bell.ring();
        bell.ring();
        let start = Instant::now();
        bell.wait(Some(Duration::from_secs(10)));
        assert!(start.elapsed() < Duration::from_secs(5));
        assert!(bell.clear());
        assert!(!bell.clear());
        bell.wait(Some(Duration::from_millis(1)));
    }
}
