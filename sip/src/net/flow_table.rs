//! The connections that are open: by their id, and by who is at the other end (connection reuse, RFC 3261 §18).
//!
//! Over TLS an address says nothing of who is there. A connection that we opened is for the host that it was opened to
//! and that its certificate proved. One that was opened to us serves our requests only where both sides have proven
//! who they are and the other wants it so: RFC 5923 §8.1 (`alias`), §9.3.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::mpsc::error::TrySendError;

use super::error::SendError;
use super::event::{OpenFlow, Outgoing, Peer};
use crate::endpoint::SendId;
use crate::message::Request;
use crate::net_types::{FlowId, Source, Transport};

/// Of one connection: names that its certificate proves, and ports that its peer gives.
const MAX_ALIASES: usize = 64;

#[derive(Debug, Default)]
pub(super) struct FlowTable {
    flows: HashMap<FlowId, Entry>,
    by_peer: HashMap<Peer, FlowId>,
}

#[derive(Debug)]
struct Entry {
    flow: OpenFlow,
    /// Under which it stands in `by_peer`, unless another has taken that place.
    keys: Vec<Peer>,
}

impl FlowTable {
    pub(super) fn insert(&mut self, flow: OpenFlow) {
        let Source { transport, remote, flow: id, .. } = flow.source;
        let theirs = || (!transport.is_secure()).then(|| Peer { transport, address: remote, host: String::new() });
        let key = flow.asked.as_ref().map(key).or_else(theirs);
        self.by_peer.extend(key.clone().map(|key| (key, id)));
        self.flows.insert(id, Entry { flow, keys: key.into_iter().collect() });
    }

    pub(super) fn remove(&mut self, id: FlowId) -> bool {
        let Some(entry) = self.flows.remove(&id) else { return false };
        for key in entry.keys {
            if self.by_peer.get(&key) == Some(&id) {
                self.by_peer.remove(&key);
            }
        }
        true
    }

    pub(super) fn source(&self, id: FlowId) -> Option<Source> {
        self.flows.get(&id).map(|entry| entry.flow.source)
    }

    /// An open connection to that peer; over TLS to that name, whatever is at the same address.
    pub(super) fn to(&self, peer: &Peer) -> Option<Source> {
        self.source(*self.by_peer.get(&key(peer))?)
    }

    /// `alias` in the top Via: what we send to the domains that the peer has proven to be, at its sent-by port, may take
    /// this connection.
    pub(super) fn handle_request(&mut self, request: &Request, source: Source) {
        if source.transport != Transport::Tls {
            return;
        }
        let Some(Entry { flow, keys }) = self.flows.get_mut(&source.flow) else { return };
        if flow.proven.is_empty() {
            return;
        }
        let Ok(via) = request.headers.top_via() else { return };
        if !via.params.contains("alias") {
            return;
        }
        let port = via.port.unwrap_or(Transport::Tls.default_port());
        let address = SocketAddr::new(source.remote.ip(), port);
        for domain in flow.proven.domains() {
            let peer = Peer { transport: Transport::Tls, address, host: domain.to_owned() };
            if keys.len() < MAX_ALIASES && !self.by_peer.contains_key(&peer) {
                keys.push(peer.clone());
                self.by_peer.insert(peer, source.flow);
            }
        }
    }

    /// The peer was told to show itself at least so often (Flow-Timer, RFC 5626 §4.4), or the flow is no more: half as
    /// long again, for the network takes its time.
    pub(super) fn expect_signs(&self, id: FlowId, every: Duration) {
        if let Some(entry) = self.flows.get(&id) {
            entry.flow.patience.send_replace(every.saturating_add(every / 2));
        }
    }

    /// Puts a message into a connection's queue. A peer whose queue is full is dropped.
    pub(super) fn write(&mut self, id: FlowId, send: SendId, message: Bytes) -> Result<Source, SendError> {
        let flow = &self.flows.get(&id).ok_or(SendError::FlowGone)?.flow;
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

/// Without TLS nobody proves a name: the address is all.
fn key(peer: &Peer) -> Peer {
    let host = if peer.transport.is_secure() { peer.host.to_ascii_lowercase() } else { String::new() };
    Peer { host, ..*peer }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use tokio::sync::{mpsc, watch};

    use super::super::tls::DomainIdentities;
    use super::super::tls::testing::certificate;
    use super::*;
    use crate::dialog::testing::invite;
    use crate::message::{Header, HeaderName};

    fn flow(id: u64, remote: &str, host: Option<&str>) -> (OpenFlow, mpsc::Receiver<Outgoing>) {
        let (queue, received) = mpsc::channel(1);
        let source = Source {
            transport: Transport::Tls,
            local: "127.0.0.1:5061".parse().expect("address"),
            remote: remote.parse().expect("address"),
            flow: FlowId(id),
        };
        let asked = host.map(|host| peer(remote, host));
        (
            OpenFlow { source, queue, asked, proven: Arc::default(), patience: watch::Sender::new(Duration::MAX) },
            received,
        )
    }

    fn peer(address: &str, host: &str) -> Peer {
        Peer { transport: Transport::Tls, address: address.parse().expect("address"), host: host.into() }
    }

    fn found(table: &FlowTable, address: &str, host: &str) -> Option<FlowId> {
        table.to(&peer(address, host)).map(|source| source.flow)
    }

    /// RFC 5923 §9.3.
    #[test]
    fn each_name_at_an_address_has_a_connection_of_its_own() {
        let mut table = FlowTable::default();
        let (one, _queue) = flow(7, "10.0.0.1:5061", Some("a.example"));
        let (other, _queue) = flow(8, "10.0.0.1:5061", Some("b.example"));
        table.insert(one);
        assert_eq!(found(&table, "10.0.0.1:5061", "b.example"), None);
        table.insert(other);
        assert_eq!(found(&table, "10.0.0.1:5061", "A.example"), Some(FlowId(7)));
        assert_eq!(found(&table, "10.0.0.1:5061", "b.example"), Some(FlowId(8)));
        assert_eq!(found(&table, "10.0.0.1:5061", "10.0.0.1"), None);
        assert!(table.remove(FlowId(7)));
        assert_eq!(found(&table, "10.0.0.1:5061", "a.example"), None);
    }

    /// RFC 5923 §8.1.
    #[test]
    fn an_alias_counts_for_what_the_peer_has_proven_and_nothing_else() {
        let mut request = invite();
        request.headers.set(Header::new(HeaderName::Via, "SIP/2.0/TLS a.example:5071;branch=z9hG4bKa;alias"));
        let mut table = FlowTable::default();
        let (anybody, _queue) = flow(7, "10.0.0.1:40000", None);
        let source = anybody.source;
        table.insert(anybody);
        table.handle_request(&request, source);
        for address in ["10.0.0.1:5071", "10.0.0.1:40000"] {
            assert_eq!(found(&table, address, "a.example"), None, "one-sided TLS");
            assert_eq!(found(&table, address, "10.0.0.1"), None, "one-sided TLS");
        }

        let (mut proven, _queue) = flow(8, "10.0.0.1:40001", None);
        proven.proven = Arc::new(DomainIdentities::of(&certificate("x", &["a.example"])));
        let source = proven.source;
        table.insert(proven);
        assert_eq!(found(&table, "10.0.0.1:5071", "a.example"), None, "not asked for");
        table.handle_request(&request, source);
        assert_eq!(found(&table, "10.0.0.1:5071", "a.example"), Some(FlowId(8)));
        assert_eq!(found(&table, "10.0.0.1:5071", "b.example"), None);
        assert_eq!(found(&table, "10.0.0.2:5071", "a.example"), None);
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
