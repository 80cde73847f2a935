//! Packets of a simulation: queues in place of sockets. What it keeps is used over and over.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::Instant;

use super::{Channel, PacketIo, Slot};
use crate::engine::mux::MuxTable;
use crate::id::LegId;

#[derive(Debug)]
pub(crate) struct SimulatedIo {
    /// Not yet received, by leg and channel, in order of arrival.
    waiting: VecDeque<Arrived>,
    /// At the shared port.
    shared: VecDeque<Arrived>,
    pub mux: MuxTable,
    sent: Vec<Departed>,
    /// When what is sent next leaves.
    pub now: Option<Instant>,
    octets: Vec<u8>,
    spare: Vec<Vec<u8>>,
}

#[derive(Debug)]
struct Arrived {
    leg: Slot,
    at: Channel,
    from: SocketAddr,
    now: Instant,
    datagram: Vec<u8>,
}

/// A datagram that left, its octets in the common store.
#[derive(Debug)]
struct Departed {
    leg: Slot,
    from: Channel,
    to: SocketAddr,
    at: Instant,
    start: usize,
    end: usize,
}

/// Legs at the shared port of a simulation.
const GUESTS: usize = 64;

impl Default for SimulatedIo {
    fn default() -> Self {
        Self {
            waiting: VecDeque::new(),
            shared: VecDeque::new(),
            mux: MuxTable::new(GUESTS),
            sent: Vec::new(),
            now: None,
            octets: Vec::new(),
            spare: Vec::new(),
        }
    }
}

impl SimulatedIo {
    /// A datagram comes to a leg's port, and waits there.
    pub fn arrive(&mut self, leg: Slot, at: Channel, from: SocketAddr, datagram: &[u8], now: Instant) {
        let mut kept = self.spare.pop().unwrap_or_default();
        kept.clear();
        kept.extend_from_slice(datagram);
        self.waiting.push_back(Arrived { leg, at, from, now, datagram: kept });
    }

    /// A datagram comes to the shared port, and waits there.
    pub fn arrive_shared(&mut self, from: SocketAddr, datagram: &[u8], now: Instant) {
        let mut kept = self.spare.pop().unwrap_or_default();
        kept.clear();
        kept.extend_from_slice(datagram);
        self.shared.push_back(Arrived { leg: Slot(0), at: Channel::Rtp, from, now, datagram: kept });
    }

    /// Hands over and forgets what was sent: leg, its port, destination, time, datagram.
    pub fn take_sent(&mut self, mut each: impl FnMut(Slot, Channel, SocketAddr, Instant, &[u8])) {
        for Departed { leg, from, to, at, start, end } in self.sent.drain(..) {
            each(leg, from, to, at, &self.octets[start..end]);
        }
        self.octets.clear();
    }

    /// What waits at the ports of a leg that is gone.
    pub fn forget(&mut self, leg: Slot) {
        self.waiting.retain(|arrived| arrived.leg != leg);
    }

    fn receive_where(&mut self, wanted: impl Fn(&Arrived) -> bool, mut each: impl FnMut(&mut Arrived)) {
        for _ in 0..self.waiting.len() {
            let Some(mut arrived) = self.waiting.pop_front() else { return };
            if wanted(&arrived) {
                each(&mut arrived);
                self.spare.push(arrived.datagram);
            } else {
                self.waiting.push_back(arrived);
            }
        }
    }
}

impl PacketIo for SimulatedIo {
    fn receive(&mut self, leg: Slot, mut each: impl FnMut(&mut [u8], SocketAddr, Instant)) {
        let wanted = |arrived: &Arrived| arrived.leg == leg && arrived.at == Channel::Rtp;
        self.receive_where(wanted, |arrived| each(&mut arrived.datagram, arrived.from, arrived.now));
    }

    fn receive_rtcp(&mut self, mut each: impl FnMut(Slot, &mut [u8], SocketAddr)) {
        let wanted = |arrived: &Arrived| arrived.at == Channel::Rtcp;
        self.receive_where(wanted, |arrived| each(arrived.leg, &mut arrived.datagram, arrived.from));
    }

    fn receive_shared(&mut self, mut each: impl FnMut(LegId, &mut [u8], SocketAddr, Instant)) -> u64 {
        let mut refused = 0;
        while let Some(mut arrived) = self.shared.pop_front() {
            match self.mux.route(&arrived.datagram, arrived.from) {
                Ok((leg, _)) => each(leg, &mut arrived.datagram, arrived.from, arrived.now),
                Err(_) => refused += 1,
            }
            self.spare.push(arrived.datagram);
        }
        refused
    }

    fn send(&mut self, leg: Slot, from: Channel, to: SocketAddr, datagram: &[u8]) -> bool {
        let start = self.octets.len();
        self.octets.extend_from_slice(datagram);
        let at = self.now.unwrap_or_else(Instant::now);
        self.sent.push(Departed { leg, from, to, at, start, end: self.octets.len() });
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_port_has_its_own_queue() {
        let from: SocketAddr = "192.0.2.1:4000".parse().expect("an address");
        let mut io = SimulatedIo::default();
        let now = Instant::now();
        for (leg, at, datagram) in
            [(1, Channel::Rtp, b"a"), (2, Channel::Rtp, b"b"), (1, Channel::Rtcp, b"c"), (1, Channel::Rtp, b"d")]
        {
            io.arrive(Slot(leg), at, from, datagram, now);
        }
        let mut got = Vec::new();
        io.receive(Slot(1), |datagram, _, _| got.extend_from_slice(datagram));
        assert_eq!(got, b"ad");
        io.receive_rtcp(|leg, datagram, _| assert_eq!((leg, &*datagram), (Slot(1), &b"c"[..])));
        io.receive(Slot(2), |datagram, _, _| got.extend_from_slice(datagram));
        assert_eq!(got, b"adb");
    }
}
