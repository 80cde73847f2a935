//! The gate: flows that somebody else accepts, such as the HTTP server's WebSockets (RFC 7118).

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::{mpsc, watch};

use super::door::{Admission, Door};
use super::event::{Inside, OpenFlow, Outgoing};
use crate::message::is_keep_alive;
use crate::net_types::{FlowId, Source, Transport};

#[derive(Clone, Debug)]
pub struct Gate {
    door: Door,
}

/// One flow, whole messages each way. Dropped, it is closed.
#[derive(Debug)]
pub struct GateFlow {
    source: Source,
    door: Door,
    outgoing: mpsc::Receiver<Outgoing>,
    _admission: Admission,
}

/// What a peer said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Heard {
    /// A SIP message, or what was meant as one.
    Sip,
    /// A keep-alive that wants this answer at once (RFC 5626 §4.4.1).
    Ping {
        pong: Bytes,
    },
    Pong,
}

impl Gate {
    pub(super) fn new(door: Door) -> Self {
        Self { door }
    }

    /// `local`: our address as the peer reaches it, for Via and Contact. `None`: too many connections are open, in all or
    /// from that address.
    pub async fn open(&self, transport: Transport, local: SocketAddr, remote: SocketAddr) -> Option<GateFlow> {
        let admission = self.door.admit(remote.ip())?;
        let source = Source { transport, local, remote, flow: self.door.next_flow() };
        let (queue, outgoing) = mpsc::channel(self.door.settings.write_queue);
        let open = OpenFlow {
            source,
            queue,
            asked: None,
            proven: Arc::default(),
            patience: watch::Sender::new(Duration::MAX),
        };
        self.door.tell(Inside::Opened(open)).await;
        Some(GateFlow { source, door: self.door.clone(), outgoing, _admission: admission })
    }
}

impl GateFlow {
    pub fn id(&self) -> FlowId {
        self.source.flow
    }

    /// Takes one message of the peer's.
    pub async fn receive(&self, octets: Bytes) -> Heard {
        if is_keep_alive(&octets) {
            return match octets.starts_with(b"\r\n\r\n") {
                true => Heard::Ping { pong: Bytes::from_static(b"\r\n") },
                false => Heard::Pong,
            };
        }
        self.door.receive(&octets, self.source).await;
        Heard::Sip
    }

    /// The next message for the peer; `None` when the flow is to be closed.
    pub async fn next(&mut self) -> Option<Bytes> {
        self.outgoing.recv().await.map(|outgoing| outgoing.message)
    }
}

impl Drop for GateFlow {
    fn drop(&mut self) {
        self.outgoing.close();
        let mut unsent = Vec::new();
        while let Ok(left) = self.outgoing.try_recv() {
            unsent.push(left.id);
        }
        let (door, flow) = (self.door.clone(), self.source.flow);
        // Outside a runtime the server is ending, and with it the net.
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(async move { door.tell(Inside::Closed { flow, unsent }).await });
        }
    }
}
