//! Another server when one cannot serve, RFC 3263 §4.3; and what ends with a connection.
//!
//! A name may stand for several servers. When the one that was asked answers 503, does not answer at all, or cannot be
//! reached, the request goes to the next in a transaction of its own: new branch, same Call-ID and CSeq. What belongs
//! to a transaction (ACK, CANCEL) stays with its server.

use std::collections::VecDeque;
use std::mem;
use std::time::Instant;

use crate::endpoint::machine::Machine;
use crate::endpoint::transactions::{Keys, Owner, Transaction, Transactions, client};
use crate::message::{HeaderName, Request, Response};
use crate::net_types::{Destination, FlowId, Transport};
use crate::transaction::{ClientKey, TransactionId};

impl Transactions {
    /// The net found these too, when it looked for the server that the request went to. A repetition finds none, and
    /// takes none away.
    pub fn handle_alternatives(&mut self, id: TransactionId, alternatives: Vec<Destination>) {
        if let Some(transaction) = self.open.get_mut(&id)
            && !alternatives.is_empty()
            && transaction.machine.unanswered_request().is_some()
        {
            transaction.alternatives = alternatives.into();
        }
    }

    /// Goes on with the next server, if there is one. `refused`: the 503, which the old transaction acknowledges by
    /// itself; nobody is told of it.
    pub(super) fn try_next_server(&mut self, id: TransactionId, refused: Option<&Response>, now: Instant) -> bool {
        let Some(transaction) = self.open.get_mut(&id) else { return false };
        let Some(mut request) = transaction.machine.client_request().cloned() else { return false };
        if refused.is_none() && transaction.machine.unanswered_request().is_none() {
            return false;
        }
        let Some(next) = transaction.alternatives.pop_front() else { return false };
        take_new_branch(&mut request);
        let key = ClientKey::of_request(&request);
        let machine = mem::replace(&mut transaction.machine, client(request, &next, self.timing, now));
        let keys = mem::replace(&mut transaction.keys, Keys::Client(key.clone()));
        let destination = mem::replace(&mut transaction.destination, next);
        if let Destination::Flow { flow, .. } = destination {
            self.by_flow.remove(&(flow, id));
        }
        if let Keys::Client(Some(old)) = &keys {
            self.clients.remove(old);
        }
        self.clients.extend(key.map(|key| (key, id)));
        if let Some(refused) = refused {
            let (others, alternatives) = (VecDeque::new(), VecDeque::new());
            let owner = Owner::Nobody;
            let left = Transaction { machine, owner, destination, others, alternatives, keys, request: None };
            self.leave_behind(left, refused, now);
        }
        self.settle(id);
        true
    }

    /// A connection is gone. Who was asked by it and has not answered cannot be waited for.
    pub fn handle_flow_closed(&mut self, flow: FlowId, now: Instant) {
        let first = (flow, TransactionId(0));
        let lost: Vec<_> = self.by_flow.range(first..).take_while(|(of, _)| *of == flow).copied().collect();
        for (flow, id) in lost {
            self.by_flow.remove(&(flow, id));
            let Some(transaction) = self.open.get(&id) else { continue };
            let Destination::Flow { flow: taken, transport, .. } = transaction.destination else { continue };
            if taken != flow {
                continue;
            }
            if transaction.machine.unanswered_request().is_some() {
                self.handle_transport_error(id, now);
            } else if matches!(transport, Transport::Ws | Transport::Wss) {
                // A browser has no other way to us; a phone may open a connection for its answer (RFC 3261 §18.2.2).
                self.touch(id, Machine::handle_flow_lost);
            }
        }
    }

    pub(super) fn note_flow(&mut self, id: TransactionId, destination: &Destination) {
        if let Destination::Flow { flow, transport, .. } = destination
            && transport.is_reliable()
        {
            self.by_flow.insert((*flow, id));
        }
    }

    fn leave_behind(&mut self, transaction: Transaction, refused: &Response, now: Instant) {
        let id = self.fresh_id();
        if let Keys::Client(Some(key)) = &transaction.keys {
            self.clients.insert(key.clone(), id);
        }
        self.open.insert(id, Box::new(transaction));
        self.touch(id, |machine| machine.handle_response(refused.clone(), now));
    }
}

/// Derived from the old one, which nobody else has: `….2`, `….3`.
fn take_new_branch(request: &mut Request) {
    let Ok(mut via) = request.headers.top_via() else { return };
    let old = via.branch().unwrap_or_default();
    let (token, tries) = old.rsplit_once('.').unwrap_or((old, "1"));
    let next = tries.parse::<u32>().unwrap_or(1).saturating_add(1);
    let branch = format!("{token}.{next}");
    via.params.set("branch", Some(&branch));
    request.headers.replace_first_value(&HeaderName::Via, &via.to_string());
}
