//! What the net is told once, at start.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use tokio::sync::watch;

use super::tap::Tap;
use super::tls::TlsConfigs;
use crate::guard::GuardSettings;
use crate::message::{Limits, lies_in};

#[derive(Clone, Debug)]
pub struct NetSettings {
    /// Listeners; an empty list switches a transport off. Port 0 takes any free one.
    pub udp: Vec<SocketAddr>,
    pub tcp: Vec<SocketAddr>,
    pub tls: Vec<SocketAddr>,
    /// Who we are over TLS and whom we believe, at any time; with `server` when `tls` lists anything.
    pub tls_configs: watch::Receiver<TlsConfigs>,
    /// Name servers; empty, those of the system.
    pub name_servers: Vec<SocketAddr>,
    /// The address that peers reach us at, behind 1:1 NAT. Absent: that of the route to each peer.
    pub advertised: Option<IpAddr>,
    /// Domains, each with what lies below it, to which nothing is sent but by TLS.
    pub tls_only: Vec<String>,
    pub limits: Limits,
    pub timing: NetTiming,
    /// How much strangers may send.
    pub guard: GuardSettings,
    /// The mean wait of received messages from which on new requests get 503.
    pub overload_delay: Duration,
    /// Connections at once, and of them from one address; more are closed as soon as accepted.
    pub max_connections: usize,
    pub max_connections_per_address: usize,
    /// Who is shown the messages that pass, as far as they keep up.
    pub taps: Vec<Tap>,
    /// Messages that wait to be written on one connection; a peer that does not read them is dropped.
    pub write_queue: usize,
}

impl Default for NetSettings {
    fn default() -> Self {
        Self {
            udp: Vec::new(),
            tcp: Vec::new(),
            tls: Vec::new(),
            tls_configs: TlsConfigs::default().fixed(),
            name_servers: Vec::new(),
            advertised: None,
            tls_only: Vec::new(),
            limits: Limits::default(),
            timing: NetTiming::default(),
            guard: GuardSettings::default(),
            overload_delay: Duration::from_millis(250),
            max_connections: 20_000,
            max_connections_per_address: 2_000,
            taps: Vec::new(),
            write_queue: 512,
        }
    }
}

impl NetSettings {
    pub(super) fn is_tls_only(&self, host: &str) -> bool {
        self.tls_only.iter().any(|domain| lies_in(host, domain))
    }
}

/// How long a peer may take.
#[derive(Clone, Copy, Debug)]
pub struct NetTiming {
    /// For a TLS handshake.
    pub handshake: Duration,
    /// For one message, from its first octet to its last.
    pub message: Duration,
    /// For taking what we write.
    pub write: Duration,
    /// For a connection that we open, TLS handshake included.
    pub connect: Duration,
    /// Without any message on a connection that never brought one.
    pub silent: Duration,
    /// Without a message or ping on a connection that did.
    pub idle: Duration,
}

impl Default for NetTiming {
    fn default() -> Self {
        Self {
            handshake: Duration::from_secs(5),
            message: Duration::from_secs(10),
            write: Duration::from_secs(10),
            connect: Duration::from_secs(5),
            silent: Duration::from_secs(30),
            idle: Duration::from_secs(600),
        }
    }
}
