//! What the net tells the loop, and what its tasks tell the net.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use tokio::sync::{mpsc, watch};

use super::error::SendError;
use super::resolve::Target;
use super::tls::DomainIdentities;
use crate::endpoint::SendId;
use crate::message::{Message, ParseError};
use crate::net_types::{Destination, FlowId, Source, Transport};

#[derive(Debug)]
pub enum NetEvent {
    Received(Received),
    /// A message given to `Net::send` has left by this flow, or could not.
    Sent {
        id: SendId,
        outcome: Result<Source, SendError>,
        /// Other servers that the same name stands for, in the order of trial: RFC 3263 §4.2.
        alternatives: Vec<Destination>,
    },
    /// The connection is gone, and with it the way to whoever registered over it (RFC 5626 §4.2).
    FlowClosed(FlowId),
    /// A phone that registered by datagrams was silent for longer than its Flow-Timer lets it (RFC 5626 §4.4).
    FlowSilent {
        flow: FlowId,
        remote: SocketAddr,
    },
}

#[derive(Debug)]
pub struct Received {
    pub message: Result<Message, ParseError>,
    pub source: Source,
    /// When it stood at the door.
    pub at: Instant,
}

/// From the tasks of listeners and connections to the owner of the flows.
#[derive(Debug)]
pub(super) enum Inside {
    Received(Received),
    Opened(OpenFlow),
    NotOpened { asked: Peer, error: SendError },
    Closed { flow: FlowId, unsent: Vec<SendId> },
    Resolved { id: SendId, targets: Result<Vec<Target>, SendError> },
}

/// A connection and the way to write on it.
#[derive(Debug)]
pub(super) struct OpenFlow {
    pub(super) source: Source,
    pub(super) queue: mpsc::Sender<Outgoing>,
    /// Whom we opened the connection to; nobody, when it was opened to us.
    pub(super) asked: Option<Peer>,
    /// Who has proven by certificate to be there, having opened the connection to us.
    pub(super) proven: Arc<DomainIdentities>,
    /// How long it may be silent.
    pub(super) patience: watch::Sender<Duration>,
}

#[derive(Debug)]
pub(super) struct Outgoing {
    pub(super) id: SendId,
    pub(super) message: Bytes,
}

/// Whom a connection is opened to. Over TLS the same address under two names is two peers (RFC 5922 §7.3).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Peer {
    pub(super) transport: Transport,
    pub(super) address: SocketAddr,
    pub(super) host: String,
}
