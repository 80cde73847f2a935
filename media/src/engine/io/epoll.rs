//! Which of many quiet sockets have something: epoll(7), level-triggered.
#![allow(unsafe_code)]

use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};

/// So many readable sockets are told at once; the others are told the next time.
const EVENTS: usize = 64;

pub(crate) struct Epoll {
    fd: OwnedFd,
    events: [libc::epoll_event; EVENTS],
}

impl Epoll {
    pub fn new() -> io::Result<Self> {
        // SAFETY: epoll_create1 takes no pointers; the descriptor it returns is new and nobody else's.
        let fd = unsafe {
            match libc::epoll_create1(libc::EPOLL_CLOEXEC) {
                -1 => return Err(io::Error::last_os_error()),
                fd => OwnedFd::from_raw_fd(fd),
            }
        };
        Ok(Self { fd, events: [libc::epoll_event { events: 0, u64: 0 }; EVENTS] })
    }

    /// Watches a socket under a name. Closing the socket ends it.
    pub fn watch(&self, socket: &impl AsRawFd, name: u64) -> io::Result<()> {
        let mut event = libc::epoll_event { events: libc::EPOLLIN as u32, u64: name };
        self.control(libc::EPOLL_CTL_ADD, socket.as_raw_fd(), &mut event)
    }

    pub fn forget(&self, socket: &impl AsRawFd) -> io::Result<()> {
        let mut event = libc::epoll_event { events: 0, u64: 0 };
        self.control(libc::EPOLL_CTL_DEL, socket.as_raw_fd(), &mut event)
    }

    /// The names of the sockets that are readable now.
    pub fn readable(&mut self) -> impl Iterator<Item = u64> + '_ {
        // SAFETY: `events` has room for EVENTS entries and outlives the call.
        let ready = unsafe { libc::epoll_wait(self.fd.as_raw_fd(), self.events.as_mut_ptr(), EVENTS as i32, 0) };
        let ready = usize::try_from(ready).unwrap_or(0);
        self.events.iter().take(ready).map(|event| event.u64)
    }

    fn control(&self, operation: i32, socket: RawFd, event: &mut libc::epoll_event) -> io::Result<()> {
        // SAFETY: `event` is one epoll_event, read before the call returns.
        match unsafe { libc::epoll_ctl(self.fd.as_raw_fd(), operation, socket, event) } {
            0 => Ok(()),
            _ => Err(io::Error::last_os_error()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::UdpSocket;

    #[test]
    fn tells_the_name_of_a_readable_socket() {
        let mut epoll = Epoll::new().expect("an epoll");
        let bound = || UdpSocket::bind("127.0.0.1:0").expect("a socket");
        let (quiet, busy) = (bound(), bound());
        epoll.watch(&quiet, 7).expect("watched");
        epoll.watch(&busy, 8).expect("watched");
        let to = busy.local_addr().expect("bound");
        quiet.send_to(b"x", to).expect("sent");
        assert_eq!(epoll.readable().collect::<Vec<_>>(), [8]);
        epoll.forget(&busy).expect("forgotten");
        assert_eq!(epoll.readable().count(), 0);
    }
}
