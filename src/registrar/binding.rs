//! One binding of an address-of-record: a contact, and the way to it.

use std::net::SocketAddr;

use plenary_sip::message::{Host, NameAddr, SipUri, Uri};
use plenary_sip::net_types::{ByFlow, FlowId, Source, Transport};

use super::gruu::Mark;
use crate::store::StoredBinding;

#[derive(Clone, Debug, PartialEq)]
pub struct Binding {
    /// What tells it from the others of its address-of-record.
    pub key: String,
    /// As it was sent, with all its parameters.
    pub contact: NameAddr,
    pub call_id: String,
    pub cseq: u32,
    /// Seconds since 1970.
    pub expires_at: i64,
    pub user_agent: String,
    /// RFC 3327: the route to the contact, next hop first.
    pub path: Vec<NameAddr>,
    /// With both of these, RFC 5626 applies: the flow is the only way there.
    pub instance: Option<String>,
    pub reg_id: Option<u32>,
    pub transport: Transport,
    /// Where the REGISTER came from.
    pub remote: SocketAddr,
    /// Of its temporary GRUUs; where there is an instance.
    pub mark: Option<Mark>,
    /// The connection it came over. `None` since a restart, or since the connection was closed.
    pub flow: Option<Source>,
}

/// What the API tells of a binding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Registration {
    pub contact: String,
    pub transport: Transport,
    pub remote: SocketAddr,
    pub user_agent: String,
    /// Seconds since 1970.
    pub expires_at: i64,
}

/// Somewhere to send an INVITE.
#[derive(Clone, Debug, PartialEq)]
pub struct Target {
    pub uri: Uri,
    /// The connection to use; without one, the first of `path` or else `uri` is looked up (RFC 3263).
    pub flow: Option<ByFlow>,
    /// To be preloaded as Route, in this order.
    pub path: Vec<NameAddr>,
    /// Of the registration; `None` for an address that is not registered here.
    pub transport: Option<Transport>,
    pub remote: Option<SocketAddr>,
    pub instance: Option<String>,
    /// Whose phone it is, if one that is registered here.
    pub account: Option<String>,
    pub user_agent: String,
    /// Of the contact, RFC 3261 §20.10; 1000 where it has none.
    pub q_thousandths: u16,
    /// Of the same phone, for when this one fails; the newest first (RFC 5626 §5.3).
    pub other_flows: Vec<Target>,
}

impl Binding {
    /// RFC 5626 §6: instance and reg-id name the flow.
    pub fn is_outbound(&self) -> bool {
        self.instance.is_some() && self.reg_id.is_some()
    }

    /// Nothing leads to it but the connection it registered over.
    pub fn lives_by_its_flow(&self) -> bool {
        self.is_outbound() || matches!(self.transport, Transport::Ws | Transport::Wss)
    }

    pub fn is_over(&self, flow: FlowId) -> bool {
        self.flow.is_some_and(|source| source.flow == flow)
    }

    pub fn q_thousandths(&self) -> u16 {
        self.contact.q_thousandths().unwrap_or(1000)
    }

    /// Where to call; `None` when no way is left.
    ///
    /// A contact is never looked up, unless it names the very host that registered it: an account must not be able to
    /// send our calls to somebody else.
    pub fn target(&self) -> Option<Target> {
        let target = |path: Vec<NameAddr>| Target {
            uri: self.contact.uri.clone(),
            flow: self.flow.map(ByFlow::Only),
            path,
            transport: Some(self.transport),
            remote: Some(self.remote),
            instance: self.instance.clone(),
            account: None,
            user_agent: self.user_agent.clone(),
            q_thousandths: self.q_thousandths(),
            other_flows: Vec::new(),
        };
        match (self.flow, self.transport) {
            (Some(_), _) => Some(target(self.path.clone())),
            // Since a restart. A NAT in between still has the way open: the address that was seen is the next hop.
            (None, Transport::Udp) => {
                let mut path = self.path.clone();
                path.insert(0, NameAddr::new(udp_hop(self.remote)));
                Some(target(path))
            }
            (None, Transport::Tcp | Transport::Tls) if !self.is_outbound() && self.is_at_its_source() => {
                Some(target(self.path.clone()))
            }
            (None, _) => None,
        }
    }

    pub fn registration(&self) -> Registration {
        Registration {
            contact: self.contact.uri.to_string(),
            transport: self.transport,
            remote: self.remote,
            user_agent: self.user_agent.clone(),
            expires_at: self.expires_at,
        }
    }

    pub fn stored(&self, aor: &str) -> StoredBinding {
        StoredBinding {
            aor: aor.into(),
            binding: self.key.clone(),
            contact: self.contact.to_string(),
            call_id: self.call_id.clone(),
            cseq: self.cseq,
            expires_at: self.expires_at,
            user_agent: self.user_agent.clone(),
            path: self.path.iter().map(ToString::to_string).collect(),
            instance: self.instance.clone(),
            reg_id: self.reg_id,
            source: self.remote.to_string(),
            transport: self.transport.via_name().into(),
            received: None,
        }
    }

    /// As it was stored by [`Binding::stored`]; without a flow, for connections do not outlive the server, and unmarked.
    pub fn restored(stored: StoredBinding) -> Option<Self> {
        use Transport::{Tcp, Tls, Udp, Ws, Wss};
        let transport = [Udp, Tcp, Tls, Ws, Wss].into_iter().find(|one| one.via_name() == stored.transport)?;
        Some(Self {
            contact: stored.contact.parse().ok()?,
            path: stored.path.iter().map(|hop| hop.parse()).collect::<Result<_, _>>().ok()?,
            remote: stored.source.parse().ok()?,
            key: stored.binding,
            call_id: stored.call_id,
            cseq: stored.cseq,
            expires_at: stored.expires_at,
            user_agent: stored.user_agent,
            instance: stored.instance,
            reg_id: stored.reg_id,
            transport,
            mark: None,
            flow: None,
        })
    }

    fn is_at_its_source(&self) -> bool {
        let host = self.contact.uri.as_sip().and_then(|uri| uri.host().ip());
        self.path.is_empty() && host == Some(self.remote.ip())
    }
}

impl Target {
    /// An address that is not registered here.
    pub fn of_uri(uri: Uri) -> Self {
        Self {
            uri,
            flow: None,
            path: Vec::new(),
            transport: None,
            remote: None,
            instance: None,
            account: None,
            user_agent: String::new(),
            q_thousandths: 1000,
            other_flows: Vec::new(),
        }
    }

    /// The same phone by its next flow, now that this one has failed.
    pub fn by_next_flow(self) -> Option<Self> {
        let mut flows = self.other_flows.into_iter();
        let next = flows.next()?;
        Some(Self { other_flows: flows.collect(), ..next })
    }
}

fn udp_hop(remote: SocketAddr) -> Uri {
    let hop = SipUri::new(None, Host::from(remote.ip()), Some(remote.port()));
    Uri::Sip(hop.with_param("transport", Some("udp")).with_param("lr", None))
}
