//! Packets over the legs' own UDP sockets, and over the one that many share.
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
use crate::engine::beat::{PHASES, UsedPhases};
use crate::engine::mux::{Guest, MuxEnd};
use crate::engine::ports::LegSockets;
use crate::id::LegId;

/// Calls a socket in one tick: more datagrams than half a second of 10 ms packets, and an end to a flood of one port.
const READS: usize = 8;
/// Calls beyond each socket's first that all sockets of a phase have together: half a second of 100 legs after a stall, and
/// 3 ms at most when many ports are flooded. What is left is read in the next ticks.
const FURTHER_READS: usize = 256;

pub(crate) struct UdpIo {
    legs: Vec<Option<Box<LegSockets>>>,
    rtcp: Epoll,
    mux: MuxEnd,
    batch: ReceiveBatch,
    /// Left in this tick.
    further_reads: usize,
    /// The sockets are of the IPv6 family, which knows IPv4 addresses as mapped ones.
    maps_v4: bool,
}

impl UdpIo {
    /// `bind`: the address of all legs' sockets.
    pub fn new(legs: usize, bind: IpAddr, mux: MuxEnd) -> io::Result<Self> {
        let mut sockets = Vec::new();
        sockets.resize_with(legs, || None);
        Ok(Self {
            legs: sockets,
            rtcp: Epoll::new()?,
            mux,
            batch: ReceiveBatch::new(),
            further_reads: FURTHER_READS,
            maps_v4: bind.is_ipv6(),
        })
    }

    /// Takes a leg's sockets into use.
    pub fn attach(&mut self, leg: Slot, sockets: Box<LegSockets>) {
        if let LegSockets::Own { rtp, rtcp, .. } = &*sockets {
            // Where the system does not tell arrivals, packets count as come when they are read.
            let _ = stamp_arrivals(rtp);
            // Without RTCP the call goes on: its absence never ends one.
            let _ = self.rtcp.watch(rtcp, leg.0.into());
        }
        if let Some(place) = self.legs.get_mut(leg.index()) {
            *place = Some(sockets);
        }
    }

    /// Takes a leg's sockets out of use; whoever drops them closes them.
    pub fn detach(&mut self, leg: Slot) -> Option<Box<LegSockets>> {
        let sockets = self.legs.get_mut(leg.index())?.take()?;
        if let LegSockets::Own { rtcp, .. } = &*sockets {
            let _ = self.rtcp.forget(rtcp);
        }
        Some(sockets)
    }

    /// Expects a leg's peer at the shared port. Returns what is not needed.
    pub fn expect(&mut self, guest: Box<Guest>) -> Option<Box<Guest>> {
        self.mux.expect(guest)
    }

    pub fn move_guest(&mut self, leg: LegId, shard: usize) {
        self.mux.move_to(leg, shard);
    }

    pub fn forget_guest(&mut self, leg: LegId) -> Option<Box<Guest>> {
        self.mux.forget(leg)
    }

    /// Who reads the shared port for others does so in every phase.
    pub fn used_phases(&self, used: UsedPhases) -> UsedPhases {
        if self.mux.has_guests() { [true; PHASES] } else { used }
    }
}

impl PacketIo for UdpIo {
    fn begin_tick(&mut self) {
        self.further_reads = FURTHER_READS;
    }

    fn receive(&mut self, leg: Slot, mut each: impl FnMut(&mut [u8], SocketAddr, Instant)) {
        let Some(LegSockets::Own { rtp, .. }) = self.legs.get(leg.index()).and_then(Option::as_deref) else { return };
        for _ in 0..READS {
            if self.batch.receive(rtp, &mut each) < BATCH {
                return;
            }
            let Some(left) = self.further_reads.checked_sub(1) else { return };
            self.further_reads = left;
        }
    }

    fn receive_rtcp(&mut self, mut each: impl FnMut(Slot, &mut [u8], SocketAddr)) {
        for name in self.rtcp.readable() {
            let leg = Slot(name as u32);
            if let Some(LegSockets::Own { rtcp, .. }) = self.legs.get(leg.index()).and_then(Option::as_deref) {
                self.batch.receive(rtcp, &mut |datagram, source, _| each(leg, datagram, source));
            }
        }
    }

    fn receive_shared(&mut self, each: impl FnMut(LegId, &mut [u8], SocketAddr, Instant)) -> u64 {
        self.mux.receive(&mut self.batch, each)
    }

    fn send(&mut self, leg: Slot, from: Channel, to: SocketAddr, datagram: &[u8]) -> bool {
        let Some(Some(sockets)) = self.legs.get(leg.index()) else { return false };
        let socket = match (&**sockets, from) {
            (LegSockets::Shared(socket), _) => socket,
            (LegSockets::Own { rtp, .. }, Channel::Rtp) => rtp,
            (LegSockets::Own { rtcp, .. }, Channel::Rtcp) => rtcp,
        };
        let to = match to.ip() {
            IpAddr::V4(ip) if self.maps_v4 => (ip.to_ipv6_mapped(), to.port()).into(),
            _ => to,
        };
        socket.send_to(datagram, to).is_ok()
    }
}
