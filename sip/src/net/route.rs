//! What our own address is, seen by a peer: for Via, Contact and the address a message came to.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::time::{Duration, Instant};

use crate::net_types::Transport;

/// Routes change when interfaces do: a found one is believed for this long.
const BELIEVED_FOR: Duration = Duration::from_secs(30);
const MAX_KNOWN: usize = 4096;

#[derive(Clone, Debug)]
pub(super) struct OwnAddresses {
    advertised: Option<IpAddr>,
    /// The port of the first listener of each transport: what a connection of ours is answered at.
    listening: Vec<(Transport, SocketAddr)>,
    known: HashMap<IpAddr, (IpAddr, Instant)>,
}

impl OwnAddresses {
    pub(super) fn new(advertised: Option<IpAddr>, listening: Vec<(Transport, SocketAddr)>) -> Self {
        Self { advertised, listening, known: HashMap::new() }
    }

    /// Of a datagram socket bound to `bound`, for `peer`.
    pub(super) fn of_datagrams(&mut self, bound: SocketAddr, peer: IpAddr) -> SocketAddr {
        let ip = if bound.ip().is_unspecified() { self.route_to(peer) } else { bound.ip() };
        SocketAddr::new(self.advertise(ip), bound.port())
    }

    /// Of a connection whose own end is `local`: with the port that we listen on, not the one it went out by.
    pub(super) fn of_connection(&self, transport: Transport, local: SocketAddr) -> SocketAddr {
        let listener =
            self.listening.iter().find(|(of, address)| *of == transport && address.is_ipv4() == local.is_ipv4());
        let port = listener.map_or(local.port(), |(_, address)| address.port());
        SocketAddr::new(self.advertise(local.ip()), port)
    }

    fn advertise(&self, ip: IpAddr) -> IpAddr {
        self.advertised.filter(|advertised| advertised.is_ipv4() == ip.is_ipv4()).unwrap_or(ip)
    }

    fn route_to(&mut self, peer: IpAddr) -> IpAddr {
        let now = Instant::now();
        if let Some((found, until)) = self.known.get(&peer)
            && now < *until
        {
            return *found;
        }
        let found = source_address(peer).unwrap_or(peer);
        if self.known.len() >= MAX_KNOWN {
            self.known.clear();
        }
        self.known.insert(peer, (found, now + BELIEVED_FOR));
        found
    }
}

/// The address that the kernel would send from; a connected datagram socket knows it and sends nothing.
fn source_address(peer: IpAddr) -> Option<IpAddr> {
    let any: IpAddr = match peer {
        IpAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
        IpAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
    };
    let socket = UdpSocket::bind((any, 0)).ok()?;
    socket.connect((peer, 9)).ok()?;
    socket.local_addr().ok().map(|address| address.ip()).filter(|ip| !ip.is_unspecified())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> SocketAddr {
        text.parse().expect("an address")
    }

    #[test]
    fn wildcard_listeners_take_the_address_of_the_route() {
        let mut own = OwnAddresses::new(None, Vec::new());
        let loopback = Ipv4Addr::LOCALHOST.into();
        assert_eq!(own.of_datagrams(address("0.0.0.0:5060"), loopback), address("127.0.0.1:5060"));
        assert_eq!(own.of_datagrams(address("127.0.0.2:5060"), loopback), address("127.0.0.2:5060"));
    }

    #[test]
    fn advertised_address_goes_before_all_of_its_version() {
        let listening = vec![(Transport::Tcp, address("0.0.0.0:5060"))];
        let own = OwnAddresses::new("203.0.113.1".parse().ok(), listening);
        assert_eq!(own.of_connection(Transport::Tcp, address("10.0.0.1:40000")), address("203.0.113.1:5060"));
        assert_eq!(own.of_connection(Transport::Tls, address("10.0.0.1:40000")), address("203.0.113.1:40000"));
        assert_eq!(own.of_connection(Transport::Tcp, address("[::1]:40000")), address("[::1]:40000"));
    }
}
