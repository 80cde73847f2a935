//! What can go wrong with sockets: at start, and with one send.

use std::io;
use std::net::{IpAddr, SocketAddr};

use crate::net_types::Transport;

/// Why the net did not start.
#[derive(Debug, thiserror::Error)]
pub enum NetError {
    #[error("cannot listen on {transport} {address}: {cause}")]
    Listen { transport: Transport, address: SocketAddr, cause: io::Error },
    #[error("{transport} {address} needs a certificate and a key")]
    NoCertificate { transport: Transport, address: SocketAddr },
}

/// Why one message could not be sent. For a transaction each of them is a transport error (RFC 3261 §8.1.3.1).
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SendError {
    #[error("the connection is closed")]
    FlowGone,
    #[error("the peer does not take what it is sent")]
    QueueFull,
    #[error("{host} leads where {named_by}, who named it, could not go himself")]
    OutOfReach { host: String, named_by: IpAddr },
    #[error("{host} is to be reached by TLS alone")]
    NotSecure { host: String },
    #[error("{host} has no address: {reason}")]
    NotFound { host: String, reason: String },
    #[error("no listener of ours fits {transport} {address}")]
    NoSocket { transport: Transport, address: SocketAddr },
    #[error("{transport} is not spoken here")]
    TransportOff { transport: Transport },
    #[error("cannot connect to {transport} {address}: {reason}")]
    Connect { transport: Transport, address: SocketAddr, reason: String },
    #[error("cannot send to {address}: {reason}")]
    Send { address: SocketAddr, reason: String },
}
