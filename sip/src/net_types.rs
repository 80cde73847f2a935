//! Where a message came from and where it goes, in words that need no socket.

mod network;

use std::fmt;
use std::net::{IpAddr, SocketAddr};

pub use network::{Network, NetworkError};

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Transport {
    Udp,
    Tcp,
    Tls,
    Ws,
    Wss,
}

impl Transport {
    pub fn is_reliable(self) -> bool {
        self != Self::Udp
    }

    pub fn is_secure(self) -> bool {
        matches!(self, Self::Tls | Self::Wss)
    }

    /// As in Via, upper case.
    pub fn via_name(self) -> &'static str {
        match self {
            Self::Udp => "UDP",
            Self::Tcp => "TCP",
            Self::Tls => "TLS",
            Self::Ws => "WS",
            Self::Wss => "WSS",
        }
    }

    pub fn default_port(self) -> u16 {
        match self {
            Self::Udp | Self::Tcp => 5060,
            Self::Tls => 5061,
            Self::Ws => 80,
            Self::Wss => 443,
        }
    }
}

impl fmt::Display for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.via_name())
    }
}

/// A connection, or for UDP a listener: a way back that outlives one message (RFC 5626 §3.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FlowId(pub u64);

/// A flow that is no more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FlowEnd {
    /// The connection is gone.
    Closed(FlowId),
    /// By datagrams nothing came from there for longer than its phone was told to be silent at most: RFC 5626 §4.4.
    Silent { flow: FlowId, remote: SocketAddr },
}

/// Where a message came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Source {
    pub transport: Transport,
    /// Ours.
    pub local: SocketAddr,
    /// The peer's, as the socket saw it.
    pub remote: SocketAddr,
    pub flow: FlowId,
}

/// The flow that a request of ours takes, and whether there is another way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ByFlow {
    /// The target registered by it: there is no other way (RFC 5626 §5.3), and what its Contact says is not believed.
    Only(Source),
    /// A server of known address: when the flow is gone, by that.
    First(Source),
}

impl ByFlow {
    pub fn source(self) -> Source {
        match self {
            Self::Only(source) | Self::First(source) => source,
        }
    }
}

/// Where a message goes.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Destination {
    /// Down this connection; for UDP, from this listener to that address.
    Flow { flow: FlowId, transport: Transport, remote: SocketAddr },
    /// This address, one of those that RFC 3263 found for `host`.
    Address { transport: Transport, address: SocketAddr, host: String },
    /// To be found by RFC 3263: transport, host and port of a URI, as far as it names them.
    Host {
        transport: Option<Transport>,
        secure: bool,
        host: String,
        port: Option<u16>,
        /// Where whoever wrote the URI is, if it is none of ours: it leads nowhere that he could not reach himself.
        named_by: Option<IpAddr>,
    },
}

impl Destination {
    /// The same, named by somebody who is there.
    pub fn named_by(self, asker: IpAddr) -> Self {
        match self {
            Self::Host { transport, secure, host, port, .. } => {
                Self::Host { transport, secure, host, port, named_by: Some(asker) }
            }
            known => known,
        }
    }
}
