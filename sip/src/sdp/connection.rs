//! Where media goes: the address of `c=` and `o=`, RFC 8866 §5.7.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr};

/// `c=IN IP4 192.0.2.1`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Connection {
    pub address: Address,
}

/// A literal address, or a domain name. Names are kept as they came and never looked up here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Address {
    Ip(IpAddr),
    Name(String),
}

impl Address {
    /// Reads the last field of `c=` or `o=`; a time to live or a count of addresses behind `/` is dropped.
    pub(super) fn read(text: &str) -> Self {
        let bare = text.split('/').next().unwrap_or_default();
        match bare.parse() {
            Ok(address) => Self::Ip(address),
            Err(_) => Self::Name(bare.to_owned()),
        }
    }

    pub fn ip(&self) -> Option<IpAddr> {
        match self {
            Self::Ip(address) => Some(*address),
            Self::Name(_) => None,
        }
    }

    /// The hold of RFC 2543: `0.0.0.0`, or its like in IPv6 (RFC 3264 §8.4).
    pub fn is_unspecified(&self) -> bool {
        self.ip().is_some_and(|address| address.is_unspecified())
    }

    pub(super) fn family(&self) -> sdp_types::AddrType {
        self.ip().unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED)).into()
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ip(address) => address.fmt(f),
            Self::Name(name) => f.write_str(name),
        }
    }
}

impl From<IpAddr> for Address {
    fn from(address: IpAddr) -> Self {
        Self::Ip(address)
    }
}

impl From<IpAddr> for Connection {
    fn from(address: IpAddr) -> Self {
        Self { address: address.into() }
    }
}

impl Connection {
    pub(super) fn read(line: &sdp_types::Connection) -> Self {
        Self { address: Address::read(&line.connection_address) }
    }

    pub(super) fn line(&self) -> sdp_types::Connection {
        sdp_types::Connection::new(sdp_types::NetType::In, self.address.family(), &self.address)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_without_their_suffixes() {
        assert_eq!(Address::read("224.2.1.1/127").ip(), "224.2.1.1".parse().ok());
        assert_eq!(Address::read("2001:db8::1").ip(), "2001:db8::1".parse().ok());
        assert_eq!(Address::read("media.example.com"), Address::Name("media.example.com".into()));
        assert!(Address::read("0.0.0.0").is_unspecified());
        assert!(Address::read("::").is_unspecified());
    }
}
