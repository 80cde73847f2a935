//! Whoever stands above a lifeline.

use std::time::Instant;

use bytes::Bytes;
use plenary_sip::endpoint::SendId;
use plenary_sip::message::Message;
use plenary_sip::net_types::Source;

use super::agent::{Agent, Content, Outgoing};
use super::conference::Conference;
use super::label::Label;
use super::phone::Phone;
use super::registrar::Registrar;
use super::remark::Remark;
use super::stranger::Stranger;

#[derive(Debug)]
pub(super) enum Party {
    Phone(Box<Phone>),
    Stranger(Box<Stranger>),
    Conference(Box<Conference>),
    Registrar(Box<Registrar>),
}

impl Party {
    pub fn hear(&mut self, octets: &Bytes, source: Source) {
        match self {
            Self::Phone(phone) => phone.hear(octets, source),
            Self::Stranger(stranger) => stranger.hear(octets, source),
            Self::Conference(conference) => conference.hear(octets, source),
            Self::Registrar(registrar) => registrar.hear(octets, source),
        }
    }

    /// Does what is due, and gives the next message that is to be sent.
    pub fn poll_outgoing(&mut self) -> Option<Outgoing> {
        match self {
            Self::Phone(phone) => phone.poll_outgoing(),
            Self::Stranger(stranger) => stranger.poll_outgoing(),
            Self::Conference(conference) => conference.poll_outgoing(),
            Self::Registrar(registrar) => registrar.poll_outgoing(),
        }
    }

    pub fn poll_timeout(&self) -> Option<Instant> {
        let focus = match self {
            Self::Conference(conference) => conference.poll_timeout(),
            _ => None,
        };
        let endpoint = self.agent().and_then(|agent| agent.endpoint.poll_timeout());
        [focus, endpoint].into_iter().flatten().min()
    }

    pub fn handle_timeout(&mut self) {
        if let Self::Conference(conference) = self {
            conference.handle_timeout();
        }
        if let Some(agent) = self.agent_mut() {
            agent.endpoint.handle_timeout(agent.clock.now());
        }
    }

    /// What became of a send; `way`: None when there was none.
    pub fn handle_sent(&mut self, send: SendId, way: Option<Source>) {
        let Some(agent) = self.agent_mut() else { return };
        let now = agent.clock.now();
        match way {
            Some(way) => agent.endpoint.handle_sent(send, way, now),
            None => agent.endpoint.handle_transport_error(send, now),
        }
    }

    /// The message as it leaves by this way.
    pub fn print(&self, content: Content, way: Source) -> Bytes {
        match (content, self.agent()) {
            (Content::Octets(octets), _) => octets,
            (Content::Open(mut message), agent) => {
                if let Some(agent) = agent {
                    agent.endpoint.complete(&mut message, way.transport, way.local);
                }
                Message::to_bytes(&message)
            }
        }
    }

    /// What the party does so that this message leaves it. False: it can do nothing for it.
    pub fn act(&mut self, label: &Label, remarks: &[Remark], to: &str) -> bool {
        match self {
            Self::Phone(phone) => phone.act(label, to),
            Self::Stranger(stranger) => {
                stranger.act(label, remarks, to);
                true
            }
            // These do what they do by themselves.
            Self::Conference(_) | Self::Registrar(_) => false,
        }
    }

    pub fn is_stranger(&self) -> bool {
        matches!(self, Self::Stranger(_))
    }

    pub fn agent(&self) -> Option<&Agent> {
        match self {
            Self::Phone(phone) => Some(&phone.agent),
            Self::Conference(conference) => Some(&conference.agent),
            Self::Registrar(registrar) => Some(&registrar.agent),
            Self::Stranger(_) => None,
        }
    }

    pub fn agent_mut(&mut self) -> Option<&mut Agent> {
        match self {
            Self::Phone(phone) => Some(&mut phone.agent),
            Self::Conference(conference) => Some(&mut conference.agent),
            Self::Registrar(registrar) => Some(&mut registrar.agent),
            Self::Stranger(_) => None,
        }
    }
}
