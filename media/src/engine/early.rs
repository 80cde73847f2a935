//! Voice that came before the plan: an answer and its key are slower than the first words (RFC 3264 §5.1, RFC 4568 §7.3).
//!
//! The last 200 ms are kept as they came, sealed or not, and judged like all others once the plan is there. What is older,
//! longer than a packet of voice, or no RTP is dropped.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use crate::demux::Kind;

/// So much of a voice is kept.
pub(super) const KEPT: Duration = Duration::from_millis(200);
/// Packets of 10 ms in that time.
const SLOTS: usize = 20;
/// 60 ms of G.711 with header and tag.
const LONGEST: usize = 512;

#[derive(Debug)]
pub(super) struct Early {
    /// A ring: the oldest gives way.
    packets: [Packet; SLOTS],
    next: usize,
    count: usize,
}

#[derive(Clone, Copy, Debug)]
struct Packet {
    octets: [u8; LONGEST],
    len: usize,
    /// From where, and when; absent in a place that is still empty.
    came: Option<(SocketAddr, Instant)>,
}

impl Default for Early {
    fn default() -> Self {
        Self { packets: [Packet { octets: [0; LONGEST], len: 0, came: None }; SLOTS], next: 0, count: 0 }
    }
}

/// What became of a datagram.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Taken {
    Kept,
    /// An older one gave way to it.
    Displaced,
    Dropped,
}

impl Early {
    pub fn handle_datagram(&mut self, datagram: &[u8], from: SocketAddr, arrived: Instant) -> Taken {
        if Kind::of(datagram) != Kind::Rtp || datagram.len() > LONGEST {
            return Taken::Dropped;
        }
        let packet = &mut self.packets[self.next];
        packet.octets[..datagram.len()].copy_from_slice(datagram);
        (packet.len, packet.came) = (datagram.len(), Some((from, arrived)));
        self.next = (self.next + 1) % SLOTS;
        if self.count == SLOTS {
            return Taken::Displaced;
        }
        self.count += 1;
        Taken::Kept
    }

    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Gives what is young enough to `each`, in the order in which it came. Returns how many were too old.
    pub fn drain(&mut self, now: Instant, mut each: impl FnMut(&mut [u8], SocketAddr, Instant)) -> u64 {
        let first = (self.next + SLOTS - self.count) % SLOTS;
        let mut too_old = 0;
        for place in 0..std::mem::take(&mut self.count) {
            let Packet { octets, len, came } = &mut self.packets[(first + place) % SLOTS];
            match came.take() {
                Some((from, arrived)) if now.saturating_duration_since(arrived) <= KEPT => {
                    each(&mut octets[..*len], from, arrived);
                }
                _ => too_old += 1,
            }
        }
        too_old
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn voice(number: u8) -> [u8; 12] {
        [0x80, 0, 0, number, 0, 0, 0, 0, 0, 0, 0, 1]
    }

    #[test]
    fn the_last_fifth_of_a_second_is_kept_in_its_order() {
        let (start, from) = (Instant::now(), SocketAddr::from(([192, 0, 2, 1], 4_000)));
        let mut early = Early::default();
        let at = |n: u8| start + Duration::from_millis(20) * u32::from(n);
        let taken: Vec<Taken> = (0..25).map(|n| early.handle_datagram(&voice(n), from, at(n))).collect();
        assert_eq!(taken.iter().filter(|taken| **taken == Taken::Displaced).count(), 5);
        let mut kept = Vec::new();
        let too_old = early.drain(at(24), |octets, _, arrived| kept.push((octets[3], arrived)));
        assert_eq!(too_old, 9, "of the twenty that are held");
        assert_eq!(kept, (14..25).map(|n| (n, at(n))).collect::<Vec<_>>());
        assert_eq!(early.drain(at(24), |_, _, _| panic!("nothing is left")), 0);
    }

    #[test]
    fn what_is_no_voice_is_dropped() {
        let (now, from) = (Instant::now(), SocketAddr::from(([192, 0, 2, 1], 4_000)));
        let mut early = Early::default();
        let long = [&voice(0)[..], &[0; LONGEST]].concat();
        for datagram in [&long[..], &[0x80, 200, 0, 1], &[0, 1, 0, 0], &[]] {
            assert_eq!(early.handle_datagram(datagram, from, now), Taken::Dropped);
        }
        assert_eq!(early.handle_datagram(&voice(1), from, now), Taken::Kept);
    }
}
