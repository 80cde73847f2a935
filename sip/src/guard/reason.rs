//! Why a message was not served: the labels of `sip_refused_total`.

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Reason {
    /// More from one address than it may send.
    Address,
    /// More from one network: /24 of IPv4, /64 of IPv6.
    Network,
    /// More from all strangers together.
    Strangers,
    /// A known scanner, by its User-Agent.
    Scanner,
    /// Has guessed passwords and goes on though it was told to wait.
    Guesser,
    /// An answer that would make us a weapon against whoever's address was forged.
    Amplification,
    /// Not readable as SIP.
    Unreadable,
    /// One connection too many.
    Connections,
    /// We are behind with our work: 503.
    Overload,
    /// Max-Forwards was used up: 483.
    Hops,
    /// The call came back to us: 482.
    Loop,
    /// Max-Breadth was used up: 440.
    Breadth,
    /// Credentials of one account, From of another: 403.
    Identity,
    /// An address that its sender could not reach himself: 403.
    Target,
    /// Too many wrong PINs from one address: 403.
    Pin,
    /// To be passed on to another server, which is none of ours: 403.
    Relay,
    /// In clear, to or from a domain that is served by TLS alone: 403.
    Insecure,
    /// More calls to the outside than one account may have placed: 403.
    DialOuts,
    /// More legs in one conference than one account may have: 403.
    Legs,
    /// More calls from one address, where nobody has proven anything, that wait for their answer or its ACK: 503.
    Unconfirmed,
}

impl Reason {
    pub const ALL: [Self; 20] = [
        Self::Address,
        Self::Network,
        Self::Strangers,
        Self::Scanner,
        Self::Guesser,
        Self::Amplification,
        Self::Unreadable,
        Self::Connections,
        Self::Overload,
        Self::Hops,
        Self::Loop,
        Self::Breadth,
        Self::Identity,
        Self::Target,
        Self::Pin,
        Self::Relay,
        Self::Insecure,
        Self::DialOuts,
        Self::Legs,
        Self::Unconfirmed,
    ];

    pub fn name(self) -> &'static str {
        match self {
            Self::Address => "address",
            Self::Network => "network",
            Self::Strangers => "strangers",
            Self::Scanner => "scanner",
            Self::Guesser => "guesser",
            Self::Amplification => "amplification",
            Self::Unreadable => "unreadable",
            Self::Connections => "connections",
            Self::Overload => "overload",
            Self::Hops => "hops",
            Self::Loop => "loop",
            Self::Breadth => "breadth",
            Self::Identity => "identity",
            Self::Target => "target",
            Self::Pin => "pin",
            Self::Relay => "relay",
            Self::Insecure => "insecure",
            Self::DialOuts => "dial-outs",
            Self::Legs => "legs",
            Self::Unconfirmed => "unconfirmed",
        }
    }
}
