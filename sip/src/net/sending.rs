//! One message on its way out: the addresses that are left to try, RFC 3263 §4.3.

use std::collections::VecDeque;

use super::error::SendError;
use super::resolve::Target;
use crate::endpoint::SendId;
use crate::message::Message;
use crate::net_types::{Destination, FlowId};

/// One message on its way, and where else it could go when the next try fails.
#[derive(Debug)]
pub(super) struct Sending {
    pub(super) id: SendId,
    pub(super) message: Message,
    pub(super) host: String,
    pub(super) targets: VecDeque<Target>,
    /// The socket that datagrams are to leave by; else any that reaches there.
    pub(super) socket: Option<FlowId>,
    pub(super) failure: Option<SendError>,
}

impl Sending {
    /// Servers, not ways: the same address by another transport is the same server.
    pub(super) fn others_than(&self, tried: Target) -> Vec<Destination> {
        let others = self.targets.iter().filter(|target| target.address != tried.address);
        let host = &self.host;
        let others = others.map(|Target { transport, address }| Destination::Address {
            transport: *transport,
            address: *address,
            host: host.clone(),
        });
        others.collect()
    }
}
