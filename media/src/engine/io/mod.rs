//! Where a shard's packets come from and go to, and how its thread waits: sockets, or the simulation of tests.

pub(super) mod descriptors;
mod epoll;
mod event_fd;
mod mmsg;
pub(super) mod priority;
mod sim;
mod stamp;
mod udp;

use std::net::SocketAddr;
use std::time::Instant;

use crate::id::LegId;

pub(super) use event_fd::EventFd;
pub(super) use mmsg::{BATCH, DATAGRAM_LEN, ReceiveBatch};
pub(super) use sim::SimulatedIo;
pub(super) use stamp::stamp_arrivals;
pub(super) use udp::UdpIo;

/// A leg's place in its shard's tables.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Slot(pub u32);

impl Slot {
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

/// Which of a leg's two ports.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Channel {
    Rtp,
    Rtcp,
}

/// The packets of one shard.
pub(super) trait PacketIo {
    /// A tick of one phase begins: what follows is bounded anew.
    fn begin_tick(&mut self) {}

    /// Hands over what waits on a leg's RTP port, oldest first, and when each datagram came: ticks are 20 ms apart, and
    /// to take the tick for the arrival would make 20 ms of jitter.
    fn receive(&mut self, leg: Slot, each: impl FnMut(&mut [u8], SocketAddr, Instant));

    /// Hands over what waits on the RTCP ports of all legs.
    fn receive_rtcp(&mut self, each: impl FnMut(Slot, &mut [u8], SocketAddr));

    /// Hands over what came to the shared port for legs of this shard. Returns how many datagrams went to nobody.
    fn receive_shared(&mut self, each: impl FnMut(LegId, &mut [u8], SocketAddr, Instant)) -> u64;

    /// Sends from one of the leg's ports. False when the system would not: the packet is lost, as on any network.
    fn send(&mut self, leg: Slot, from: Channel, to: SocketAddr, datagram: &[u8]) -> bool;
}
