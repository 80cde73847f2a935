//! An address, with a port or without, or a network of addresses, as an administrator writes it.

use std::net::{IpAddr, SocketAddr};
use std::str::FromStr;

use super::{Source, Transport};

/// `192.0.2.10`, `192.0.2.0/28`, `2001:db8::/64`, `192.0.2.10:5060`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Network {
    address: IpAddr,
    /// In bits.
    prefix: u8,
    /// Of datagrams. The port of a connection is chance and proves nothing, so that none is known by it.
    port: Option<u16>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NetworkError {
    #[error("is neither an address nor ADDRESS/BITS nor ADDRESS:PORT")]
    Malformed,
}

impl Network {
    pub fn contains(&self, address: IpAddr) -> bool {
        match (self.address, address.to_canonical()) {
            (IpAddr::V4(ours), IpAddr::V4(theirs)) => {
                same(ours.to_bits().into(), theirs.to_bits().into(), 32, self.prefix)
            }
            (IpAddr::V6(ours), IpAddr::V6(theirs)) => same(ours.to_bits(), theirs.to_bits(), 128, self.prefix),
            _ => false,
        }
    }

    /// Whether a message may be one from here.
    pub fn is_source(&self, source: &Source) -> bool {
        let by_port = |port| source.transport == Transport::Udp && source.remote.port() == port;
        self.contains(source.remote.ip()) && self.port.is_none_or(by_port)
    }

    /// How narrow it is: of two that contain an address the narrower means it more.
    pub fn prefix(&self) -> u8 {
        self.prefix + u8::from(self.port.is_some())
    }

    /// Wider than a /8, or of IPv6 a /16.
    pub fn is_half_the_world(&self) -> bool {
        self.prefix < if self.address.is_ipv4() { 8 } else { 16 }
    }
}

/// Whether the first `prefix` of `width` bits agree.
fn same(one: u128, other: u128, width: u32, prefix: u8) -> bool {
    let rest = width.saturating_sub(u32::from(prefix));
    one.checked_shr(rest).unwrap_or(0) == other.checked_shr(rest).unwrap_or(0)
}

impl FromStr for Network {
    type Err = NetworkError;

    fn from_str(text: &str) -> Result<Self, NetworkError> {
        if let Ok(socket) = text.parse::<SocketAddr>() {
            let address = socket.ip().to_canonical();
            let prefix = if address.is_ipv4() { 32 } else { 128 };
            let port = Some(socket.port()).filter(|port| *port > 0).ok_or(NetworkError::Malformed)?;
            return Ok(Self { address, prefix, port: Some(port) });
        }
        let (address, prefix) = text.split_once('/').map_or((text, None), |(address, bits)| (address, Some(bits)));
        let address = address.parse::<IpAddr>().map_err(|_| NetworkError::Malformed)?.to_canonical();
        let width = if address.is_ipv4() { 32 } else { 128 };
        let prefix = prefix.map_or(Ok(width), |bits| bits.parse().map_err(|_| NetworkError::Malformed))?;
        match prefix {
            prefix if prefix > width => Err(NetworkError::Malformed),
            prefix => Ok(Self { address, prefix, port: None }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::net_types::FlowId;

    #[test]
    fn an_address_lies_in_its_network_and_in_no_other() {
        for (network, address, inside) in [
            ("192.0.2.10", "192.0.2.10", true),
            ("192.0.2.10", "192.0.2.11", false),
            ("192.0.2.0/28", "192.0.2.15", true),
            ("192.0.2.0/28", "192.0.2.16", false),
            ("192.0.2.7/28", "192.0.2.1", true),
            ("192.0.2.10", "::ffff:192.0.2.10", true),
            ("2001:db8::/64", "2001:db8::1", true),
            ("2001:db8::/64", "2001:db8:0:1::1", false),
            ("2001:db8::/64", "192.0.2.1", false),
        ] {
            let network: Network = network.parse().expect("a network");
            assert_eq!(network.contains(address.parse().expect("an address")), inside, "{network:?} {address}");
        }
    }

    #[test]
    fn a_port_narrows_it_to_datagrams_from_there() {
        let network: Network = "192.0.2.10:5060".parse().expect("an address with a port");
        let from = |transport, remote: &str| {
            let (local, flow) = ("198.51.100.1:5060".parse().expect("an address"), FlowId(1));
            network.is_source(&Source { transport, local, remote: remote.parse().expect("an address"), flow })
        };
        assert!(from(Transport::Udp, "192.0.2.10:5060") && from(Transport::Udp, "[::ffff:192.0.2.10]:5060"));
        assert!(!from(Transport::Udp, "192.0.2.10:5061") && !from(Transport::Udp, "192.0.2.11:5060"));
        assert!(!from(Transport::Tcp, "192.0.2.10:5060"));
        assert!(network.prefix() > "192.0.2.10".parse::<Network>().expect("an address").prefix());
        assert!("[2001:db8::1]:5060".parse::<Network>().is_ok());
    }

    #[test]
    fn what_is_no_network_is_refused_and_nearly_everything_is_told_apart() {
        for text in ["", "pbx.example", "192.0.2.1/33", "192.0.2.1/", "192.0.2.1/x", "192.0.2.1:0", "192.0.2.0/28:5060"]
        {
            assert_eq!(text.parse::<Network>(), Err(NetworkError::Malformed), "{text}");
        }
        for text in ["0.0.0.0/0", "10.0.0.0/7", "::/0"] {
            let network: Network = text.parse().expect("a network");
            assert!(network.is_half_the_world(), "{text}");
        }
        assert!(!"10.0.0.0/8".parse::<Network>().expect("a network").is_half_the_world());
    }
}
