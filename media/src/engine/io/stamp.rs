//! When the kernel received a datagram: SO_TIMESTAMPNS, socket(7).
//!
//! The kernel stamps by the wall's clock, the engine counts on the monotonic one; what both agree on is the age.
#![allow(unsafe_code)]

use std::io;
use std::mem;
use std::net::UdpSocket;
use std::os::fd::AsRawFd;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Octets of control data that hold one stamp.
pub(crate) const STAMP_LEN: usize = mem::size_of::<Stamp>();
/// An older stamp is none: the wall's clock was set meanwhile.
const OLDEST: Duration = Duration::from_secs(2);

/// Room for the one control message that is asked for, laid out as cmsg(3) has it on 64 bits.
#[derive(Clone, Copy, Debug, Default)]
#[repr(C)]
pub(crate) struct Stamp {
    len: usize,
    level: i32,
    kind: i32,
    seconds: i64,
    nanos: i64,
}

/// Has the kernel stamp what comes to a socket.
pub(crate) fn stamp_arrivals(socket: &UdpSocket) -> io::Result<()> {
    let on: libc::c_int = 1;
    let len = mem::size_of_val(&on) as libc::socklen_t;
    // SAFETY: the option takes an int, which outlives the call.
    let set = unsafe {
        libc::setsockopt(socket.as_raw_fd(), libc::SOL_SOCKET, libc::SO_TIMESTAMPNS, (&raw const on).cast(), len)
    };
    if set == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// Both clocks at one moment.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock {
    now: Instant,
    since_1970: Duration,
}

impl Clock {
    pub fn now() -> Self {
        Self { now: Instant::now(), since_1970: SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default() }
    }

    /// When a datagram came; without a stamp now. `filled`: the octets of control data that the kernel wrote.
    pub fn arrival(&self, stamp: &Stamp, filled: usize) -> Instant {
        let is_stamp = filled >= STAMP_LEN
            && stamp.len >= STAMP_LEN
            && (stamp.level, stamp.kind) == (libc::SOL_SOCKET, libc::SCM_TIMESTAMPNS);
        let (Ok(seconds), Ok(nanos)) = (u64::try_from(stamp.seconds), u32::try_from(stamp.nanos)) else {
            return self.now;
        };
        let age = self.since_1970.saturating_sub(Duration::from_secs(seconds) + Duration::from_nanos(nanos.into()));
        if is_stamp && age <= OLDEST { self.now.checked_sub(age).unwrap_or(self.now) } else { self.now }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::io::mmsg::ReceiveBatch;

    /// Sends a datagram to itself, reads it 5 ms later, and returns how long it waited by its stamp.
    fn wait_of_a_datagram(socket: &UdpSocket) -> Duration {
        socket.send_to(b"voice", socket.local_addr().expect("bound")).expect("sent");
        let sent = Instant::now();
        while sent.elapsed() < Duration::from_millis(5) {
            std::hint::spin_loop();
        }
        let read = Instant::now();
        let mut wait = Duration::ZERO;
        ReceiveBatch::new().receive(socket, &mut |_, _, arrived| wait = read.saturating_duration_since(arrived));
        wait
    }

    #[test]
    fn a_datagram_that_waited_is_as_old_as_it_waited() {
        let socket = UdpSocket::bind("127.0.0.1:0").expect("a socket");
        stamp_arrivals(&socket).expect("stamped");
        // The kernel begins to stamp some milliseconds after it was asked to.
        let waits = std::iter::repeat_with(|| wait_of_a_datagram(&socket)).take(400);
        let wait = waits.into_iter().find(|wait| *wait >= Duration::from_millis(4)).expect("a stamp");
        assert!(wait < Duration::from_secs(1), "{wait:?}");
    }

    #[test]
    fn without_a_stamp_and_after_the_clock_was_set_it_came_now() {
        let clock = Clock { now: Instant::now(), since_1970: Duration::from_secs(1_700_000_000) };
        let stamp = Stamp {
            len: STAMP_LEN,
            level: libc::SOL_SOCKET,
            kind: libc::SCM_TIMESTAMPNS,
            seconds: 1_700_000_000 - 1,
            nanos: 0,
        };
        assert_eq!(clock.arrival(&stamp, STAMP_LEN), clock.now - Duration::from_secs(1));
        assert_eq!(clock.arrival(&stamp, 0), clock.now);
        assert_eq!(clock.arrival(&Stamp { seconds: 1_600_000_000, ..stamp }, STAMP_LEN), clock.now);
        assert_eq!(clock.arrival(&Stamp { nanos: i64::MAX, ..stamp }, STAMP_LEN), clock.now);
    }
}
