//! Packets over the legs' own UDP sockets.
//!
//! Voice comes in every tick, so RTP sockets are simply read at each tick of their phase: to have each arrival announced
//! by epoll costs more than it saves (200 legs: 0.066 of a core against 0.063). RTCP comes every few seconds; there
//! epoll tells where.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::Instant;

use super::epoll::Epoll;
use super::mmsg::{BATCH, ReceiveBatch};
use super::stamp::stamp_arrivals;
use super::{Channel, PacketIo, Slot};
use crate::engine::ports::LegSockets;

/// Calls a socket in one tick: more datagrams than half a second of 10 ms packets, and an end to a flood of one port.
const READS: usize = 8;
/// Calls beyond each socket's first that all sockets of a phase have together: half a second of 100 legs after a stall, and
/// 3 ms at most when many ports are flooded. What is left is read in the next ticks.
const FURTHER_READS: usize = 256;

pub(crate) struct UdpIo {
    legs: Vec<Option<Box<LegSockets>>>,
    rtcp: Epoll,
    batch: ReceiveBatch,
    /// Left in this tick.
    further_reads: usize,
    /// The sockets are of the IPv6 family, which knows IPv4 addresses as mapped ones.
    maps_v4: bool,
}

impl UdpIo {
    /// `bind`: the address of all legs' sockets.
    pub fn new(legs: usize, bind: IpAddr) -> io::Result<Self> {
        let mut sockets = Vec::new();
        sockets.resize_with(legs, || None);
        Ok(Self {
            legs: sockets,
            rtcp: Epoll::new()?,
            batch: ReceiveBatch::new(),
            further_reads: FURTHER_READS,
            maps_v4: bind.is_ipv6(),
        })
    }

    /// Takes a leg's sockets into use.
    pub fn attach(&mut self, leg: Slot, sockets: Box<LegSockets>) {
        // Where the system does not tell arrivals, packets count as come when they are read.
        let _ = stamp_arrivals(&sockets.rtp);
        // Without RTCP the call goes on: its absence never ends one.
        let _ = self.rtcp.watch(&sockets.rtcp, leg.0.into());
        if let Some(place) = self.legs.get_mut(leg.index()) {
            *place = Some(sockets);
        }
    }

    /// Takes a leg's sockets out of use; whoever drops them closes them.
    pub fn detach(&mut self, leg: Slot) -> Option<Box<LegSockets>> {
        let sockets = self.legs.get_mut(leg.index())?.take()?;
        let _ = self.rtcp.forget(&sockets.rtcp);
        Some(sockets)
    }
}

impl PacketIo for UdpIo {
    fn begin_tick(&mut self) {
        self.further_reads = FURTHER_READS;
    }

    fn receive(&mut self, leg: Slot, mut each: impl FnMut(&mut [u8], SocketAddr, Instant)) {
        let Some(Some(sockets)) = self.legs.get(leg.index()) else { return };
        for _ in 0..READS {
            if self.batch.receive(&sockets.rtp, &mut each) < BATCH {
                return;
            }
            let Some(left) = self.further_reads.checked_sub(1) else { return };
            self.further_reads = left;
        }
    }

    fn receive_rtcp(&mut self, mut each: impl FnMut(Slot, &mut [u8], SocketAddr)) {
        for name in self.rtcp.readable() {
            let leg = Slot(name as u32);
            if let Some(Some(sockets)) = self.legs.get(leg.index()) {
                self.batch.receive(&sockets.rtcp, &mut |datagram, source, _| each(leg, datagram, source));
            }
        }
    }

    fn send(&mut self, leg: Slot, from: Channel, to: SocketAddr, datagram: &[u8]) -> bool {
        let Some(Some(sockets)) = self.legs.get(leg.index()) else { return false };
        let socket = match from {
            Channel::Rtp => &sockets.rtp,
            Channel::Rtcp => &sockets.rtcp,
        };
        let to = match to.ip() {
            IpAddr::V4(ip) if self.maps_v4 => (ip.to_ipv6_mapped(), to.port()).into(),
            _ => to,
        };
        socket.send_to(datagram, to).is_ok()
    }
}
