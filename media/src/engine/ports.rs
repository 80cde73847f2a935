//! UDP ports of legs: pairs of an even RTP port and the odd RTCP port above it (RFC 3550 §11).
//!
//! Pairs are lent in random order, so that a port tells nothing of the next (RFC 6056 §3), and a returned
//! pair waits behind all others, so that a late packet of the leg before rarely meets the leg after.

use std::collections::VecDeque;
use std::io;
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::ops::RangeInclusive;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use socket2::{Domain, Protocol, SockRef, Socket, Type};
use tracing::warn;

use super::io::stamp_arrivals;
use super::settings::EngineSettings;
use crate::random::Random;

/// Expedited Forwarding, the class of voice (RFC 4594 §4.1): DSCP 46 in the upper six bits.
const EXPEDITED_FORWARDING: u32 = 46 << 2;
/// Of the shared port: a thousand legs' packets of 20 ms, as the kernel counts them (some 1 KiB each, twice for delays).
const SHARED_BUFFER: usize = 2 << 20;

/// The pairs that are free. Cloned handles share them.
#[derive(Clone, Debug)]
pub(super) struct Ports {
    bind: IpAddr,
    range: RangeInclusive<u16>,
    pairs: usize,
    free: Arc<Mutex<VecDeque<u16>>>,
}

/// Where a leg's packets leave. Dropping a pair closes both and gives it back.
#[derive(Debug)]
pub(super) enum LegSockets {
    Own {
        rtp: UdpSocket,
        rtcp: UdpSocket,
        rtp_port: u16,
        _lease: Lease,
    },
    /// The port of all ICE legs; what comes to it is read elsewhere.
    Shared(Arc<UdpSocket>),
}

impl LegSockets {
    /// `None`: the shared one.
    pub fn rtp_port(&self) -> Option<u16> {
        match self {
            Self::Own { rtp_port, .. } => Some(*rtp_port),
            Self::Shared(_) => None,
        }
    }
}

/// Why no pair could be had.
#[derive(Debug)]
pub(super) struct NoPair {
    pub in_use: usize,
    pub refused: usize,
}

#[derive(Debug)]
pub(super) struct Lease {
    rtp_port: u16,
    free: Arc<Mutex<VecDeque<u16>>>,
}

impl Ports {
    pub fn new(settings: &EngineSettings, random: &mut Random) -> Self {
        let last = *settings.ports.end();
        let mut pairs: Vec<u16> =
            settings.ports.clone().filter(|port| port % 2 == 0 && *port != 0 && *port < last).collect();
        random.shuffle(&mut pairs);
        Self {
            bind: settings.bind,
            range: settings.ports.clone(),
            pairs: pairs.len(),
            free: Arc::new(Mutex::new(pairs.into())),
        }
    }

    pub fn range(&self) -> RangeInclusive<u16> {
        self.range.clone()
    }

    /// Binds the next free pair. Pairs that others hold are passed over and tried again later.
    pub fn open(&self) -> Result<LegSockets, NoPair> {
        let mut refused = 0;
        loop {
            let next = lock(&self.free).pop_front();
            let lease = match next {
                Some(rtp_port) if refused < self.pairs => Lease { rtp_port, free: self.free.clone() },
                next => {
                    let mut free = lock(&self.free);
                    free.extend(next);
                    return Err(NoPair { in_use: self.pairs - free.len(), refused });
                }
            };
            match (self.bind(lease.rtp_port), self.bind(lease.rtp_port + 1)) {
                (Ok(rtp), Ok(rtcp)) => {
                    return Ok(LegSockets::Own { rtp, rtcp, rtp_port: lease.rtp_port, _lease: lease });
                }
                _ => refused += 1, // the lease goes to the end of the queue
            }
        }
    }

    fn bind(&self, port: u16) -> io::Result<UdpSocket> {
        bind(SocketAddr::new(self.bind, port))
    }
}

/// The port of all ICE legs. Its buffer is to hold what all of them send in 5 ms and more; the system may grant less.
pub(super) fn bind_shared(address: SocketAddr) -> io::Result<UdpSocket> {
    let socket = bind(address)?;
    let reference = SockRef::from(&socket);
    reference.set_recv_buffer_size(SHARED_BUFFER)?;
    reference.set_send_buffer_size(SHARED_BUFFER)?;
    let granted = reference.recv_buffer_size()? / 2;
    if granted < SHARED_BUFFER {
        warn!(granted, wanted = SHARED_BUFFER, "the system limits the buffer of media.mux-port (net.core.rmem_max)");
    }
    // Where the system does not tell arrivals, packets count as come when they are read.
    let _ = stamp_arrivals(&socket);
    Ok(socket)
}

fn bind(address: SocketAddr) -> io::Result<UdpSocket> {
    let socket = Socket::new(Domain::for_address(address), Type::DGRAM, Some(Protocol::UDP))?;
    // Marking is a wish: where it is not allowed the call goes on unmarked.
    match address {
        SocketAddr::V4(_) => drop(socket.set_tos_v4(EXPEDITED_FORWARDING)),
        SocketAddr::V6(_) => {
            drop(socket.set_tclass_v6(EXPEDITED_FORWARDING));
            socket.set_only_v6(false)?;
        }
    }
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    Ok(socket.into())
}

impl Drop for Lease {
    fn drop(&mut self) {
        lock(&self.free).push_back(self.rtp_port);
    }
}

/// A queue of numbers is whole at every moment, so a panic elsewhere does not spoil it.
fn lock(free: &Mutex<VecDeque<u16>>) -> MutexGuard<'_, VecDeque<u16>> {
    free.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::Ipv4Addr;

    fn ports(range: RangeInclusive<u16>) -> Ports {
        let settings = EngineSettings { bind: Ipv4Addr::LOCALHOST.into(), ports: range, ..Default::default() };
        Ports::new(&settings, &mut Random::from_seed(3550))
    }

    #[test]
    fn pairs_are_even_and_odd_and_come_back_last() {
        let ports = ports(47_001..=47_007);
        let first = ports.open().expect("a pair");
        let second = ports.open().expect("a second pair");
        let LegSockets::Own { rtcp, rtp_port, .. } = &first else { panic!("a pair") };
        assert_eq!(rtp_port % 2, 0);
        assert_eq!(rtcp.local_addr().expect("bound").port(), rtp_port + 1);
        let third = ports.open().expect("a third pair");
        let none = ports.open().expect_err("47002, 47004 and 47006 are taken");
        assert_eq!((none.in_use, none.refused), (3, 0));
        let returned = second.rtp_port();
        drop(second);
        assert_eq!(ports.open().expect("the returned pair").rtp_port(), returned);
        drop((first, third));
    }

    #[test]
    fn a_pair_that_another_program_holds_is_passed_over() {
        let foreign = UdpSocket::bind((Ipv4Addr::LOCALHOST, 47_013)).expect("free port");
        let ports = ports(47_012..=47_015);
        assert_eq!(ports.open().expect("the other pair").rtp_port(), Some(47_014));
        drop(foreign);
    }
}
