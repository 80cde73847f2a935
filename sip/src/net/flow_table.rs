//! The connections that are open: by their id, and by who is at the other end (connection reuse, RFC 3261 §18).

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};

use bytes::Bytes;
use tokio::sync::mpsc::error::TrySendError;

use super::error::SendError;
use super::event::{OpenFlow, Outgoing, Peer};
use crate::endpoint::SendId;
use crate::net_types::{FlowId, Source, Transport};

#[derive(Debug, Default)]
pub(super) struct FlowTable {
    flows: HashMap<FlowId, OpenFlow>,
    by_address: HashMap<(Transport, SocketAddr), FlowId>,
}

impl FlowTable {
    pub(super) fn insert(&mut self, flow: OpenFlow) {
        let Source { transport, remote, flow: id, .. } = flow.source;
        self.by_address.insert((transport, remote), id);
        self.flows.insert(id, flow);
    }

    pub(super) fn remove(&mut self, id: FlowId) -> bool {
        let Some(flow) = self.flows.remove(&id) else { return false };
        let address = (flow.source.transport, flow.source.remote);
        if self.by_address.get(&address) == Some(&id) {
            self.by_address.remove(&address);
        }
        true
    }

    pub(super) fn source(&self, id: FlowId) -> Option<Source> {
        self.flows.get(&id).map(|flow| flow.source)
    }

    /// An open connection to that peer. Over TLS it must have been opened by us under the same name, or by the peer when
    /// that is named by its address alone.
    pub(super) fn to(&self, peer: &Peer) -> Option<Source> {
        let flow = self.flows.get(self.by_address.get(&(peer.transport, peer.address))?)?;
        let same_name = flow.host.as_deref() == Some(peer.host.as_str());
        let theirs = flow.host.is_none() && peer.host.parse::<IpAddr>().is_ok();
        (!peer.transport.is_secure() || same_name || theirs).then_some(flow.source)
    }

    /// Puts a message into a connection's queue. A peer whose queue is full is dropped.
    pub(super) fn write(&mut self, id: FlowId, send: SendId, message: Bytes) -> Result<Source, SendError> {
        let flow = self.flows.get(&id).ok_or(SendError::FlowGone)?;
        match flow.queue.try_send(Outgoing { id: send, message }) {
            Ok(()) => Ok(flow.source),
            Err(TrySendError::Closed(_)) => Err(SendError::FlowGone),
            Err(TrySendError::Full(_)) => {
                self.remove(id);
                Err(SendError::QueueFull)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::sync::mpsc;

    use super::*;

    fn flow(id: u64, remote: &str, host: Option<&str>) -> (OpenFlow, mpsc::Receiver<Outgoing>) {
        let (queue, received) = mpsc::channel(1);
        let source = Source {
            transport: Transport::Tls,
            local: "127.0.0.1:5061".parse().expect("address"),
            remote: remote.parse().expect("address"),
            flow: FlowId(id),
        };
        (OpenFlow { source, queue, host: host.map(str::to_owned) }, received)
    }

    fn peer(address: &str, host: &str) -> Peer {
        Peer { transport: Transport::Tls, address: address.parse().expect("address"), host: host.into() }
    }

    #[test]
    fn connections_are_reused_for_the_same_name_only() {
        let mut table = FlowTable::default();
        let (open, _queue) = flow(7, "10.0.0.1:5061", Some("a.example"));
        table.insert(open);
        let found = |host| table.to(&peer("10.0.0.1:5061", host)).map(|source| source.flow);
        assert_eq!(found("a.example"), Some(FlowId(7)));
        assert_eq!(found("b.example"), None);
        assert_eq!(found("10.0.0.1"), None);
        assert!(table.remove(FlowId(7)));
        assert_eq!(table.to(&peer("10.0.0.1:5061", "a.example")), None);

        let (theirs, _queue) = flow(8, "10.0.0.1:40000", None);
        table.insert(theirs);
        assert!(table.to(&peer("10.0.0.1:40000", "10.0.0.1")).is_some());
        assert_eq!(table.to(&peer("10.0.0.1:40000", "a.example")), None);
    }

    #[test]
    fn peer_that_reads_nothing_is_dropped() {
        let mut table = FlowTable::default();
        let (open, _queue) = flow(7, "10.0.0.1:5061", None);
        table.insert(open);
        assert!(table.write(FlowId(7), SendId(1), Bytes::new()).is_ok());
        assert_eq!(table.write(FlowId(7), SendId(2), Bytes::new()), Err(SendError::QueueFull));
        assert_eq!(table.write(FlowId(7), SendId(3), Bytes::new()), Err(SendError::FlowGone));
    }
}
