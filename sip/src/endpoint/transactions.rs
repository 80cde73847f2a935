//! The table of open transactions: who each belongs to, which way it takes, when it must be woken.

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::sync::Arc;
use std::time::Instant;

use crate::endpoint::machine::Machine;
use crate::endpoint::timers::Timers;
use crate::endpoint::{CallId, RequestId, SendId, SubscriptionId};
use crate::message::{Header, Message, Method, Request, Response, StatusCode};
use crate::net_types::{Destination, FlowId, Source, Transport};
use crate::transaction::{
    Client, ClientKey, Failure, InviteClient, InviteServer, MergeKey, Output, Server, ServerKey, Timing, TransactionId,
    cancel_for,
};
use crate::usage::Purpose;

#[derive(Debug)]
pub struct Transactions {
    pub(super) timing: Timing,
    next: u64,
    // Looked up only, never walked: their order reaches nobody.
    pub(super) open: HashMap<TransactionId, Box<Transaction>>,
    servers: HashMap<Arc<ServerKey>, TransactionId>,
    pub(super) clients: HashMap<ClientKey, TransactionId>,
    merged: HashMap<Arc<MergeKey>, TransactionId>,
    timers: Timers<TransactionId>,
    /// Clients that wait for an answer by a connection.
    pub(super) by_flow: BTreeSet<(FlowId, TransactionId)>,
    output: VecDeque<Upward>,
}

#[derive(Debug)]
pub(super) struct Transaction {
    pub(super) machine: Machine,
    pub(super) owner: Owner,
    pub(super) destination: Destination,
    /// Other ways, for when this one cannot be sent by.
    pub(super) others: VecDeque<Destination>,
    /// Of a client: the other servers that the name stands for, to be tried when this one cannot serve.
    pub(super) alternatives: VecDeque<Destination>,
    pub(super) keys: Keys,
    /// Of a server that has not given its last answer: what it answers, and whence that came.
    pub(super) request: Option<(Arc<Request>, Source)>,
}

#[derive(Debug)]
pub(super) enum Keys {
    Client(Option<ClientKey>),
    Server(Arc<ServerKey>, Option<Arc<MergeKey>>),
}

/// Whom the outcome of a client transaction is told; and whose INVITE a server transaction is.
#[derive(Clone, Debug, PartialEq)]
pub enum Owner {
    Nobody,
    Call(CallId, Purpose),
    /// A server's: the call that the INVITE makes or is within.
    Invited(CallId),
    User(RequestId),
    /// A NOTIFY of this subscription.
    Subscription(SubscriptionId),
}

/// What leaves the table: downwards a message, upwards an outcome.
#[derive(Debug)]
pub enum Upward {
    Send {
        id: SendId,
        destination: Destination,
        message: Message,
    },
    Response {
        owner: Owner,
        response: Response,
    },
    Failed {
        owner: Owner,
        failure: Failure,
    },
    /// Nothing more comes for this owner.
    Closed {
        owner: Owner,
    },
}

impl Transactions {
    pub fn new(timing: Timing) -> Self {
        Self {
            timing,
            next: 0,
            open: HashMap::new(),
            servers: HashMap::new(),
            clients: HashMap::new(),
            merged: HashMap::new(),
            timers: Timers::default(),
            by_flow: BTreeSet::new(),
            output: VecDeque::new(),
        }
    }

    pub fn len(&self) -> usize {
        self.open.len()
    }

    /// A number that no transaction has: for what is sent outside of any.
    pub fn fresh_id(&mut self) -> TransactionId {
        self.next += 1;
        TransactionId(self.next)
    }

    pub fn find_server(&self, key: &ServerKey) -> Option<TransactionId> {
        self.servers.get(key).copied()
    }

    /// Another copy of the same request has come by another way and is still open: §8.2.2.2.
    pub fn is_merged(&self, request: &Request, own: TransactionId) -> bool {
        MergeKey::of(request).and_then(|key| self.merged.get(&key)).is_some_and(|first| *first != own)
    }

    /// `key`: of the request.
    pub fn open_server(
        &mut self,
        key: ServerKey,
        request: Arc<Request>,
        source: Source,
        path: (Destination, Vec<Destination>),
        now: Instant,
    ) -> TransactionId {
        let key = Arc::new(key);
        let id = self.fresh_id();
        let reliable = source.transport.is_reliable();
        let machine = if request.method == Method::Invite {
            Machine::InviteServer(Box::new(InviteServer::new(request.clone(), reliable, self.timing, now)))
        } else {
            Machine::Server(Box::new(Server::new(request.clone(), reliable, self.timing, now)))
        };
        self.servers.insert(key.clone(), id);
        let merge = MergeKey::of(&request).map(Arc::new);
        if let Some(merge) = &merge {
            self.merged.entry(merge.clone()).or_insert(id);
        }
        let transaction = Transaction {
            machine,
            owner: Owner::Nobody,
            destination: path.0,
            others: path.1.into(),
            alternatives: VecDeque::new(),
            keys: Keys::Server(key, merge),
            request: Some((request, source)),
        };
        self.open.insert(id, Box::new(transaction));
        self.settle(id);
        id
    }

    /// `request` has its Via. The way is the first of `destinations`.
    pub fn open_client(
        &mut self,
        owner: Owner,
        request: Request,
        destinations: Vec<Destination>,
        now: Instant,
    ) -> Option<TransactionId> {
        let mut others = VecDeque::from(destinations);
        let destination = others.pop_front()?;
        let id = self.fresh_id();
        let key = ClientKey::of_request(&request);
        if let Some(key) = &key {
            self.clients.insert(key.clone(), id);
        }
        let machine = client(request, &destination, self.timing, now);
        let keys = Keys::Client(key);
        self.note_flow(id, &destination);
        let alternatives = VecDeque::new();
        let transaction = Transaction { machine, owner, destination, others, alternatives, keys, request: None };
        self.open.insert(id, Box::new(transaction));
        self.settle(id);
        Some(id)
    }

    /// CANCELs an INVITE of ours: down the same way, with the same branch.
    pub fn cancel(&mut self, invite: TransactionId, headers: Vec<Header>, owner: Owner, now: Instant) -> bool {
        let Some(transaction) = self.open.get_mut(&invite) else { return false };
        let Machine::InviteClient(client) = &transaction.machine else { return false };
        let destination = &transaction.destination;
        transaction.alternatives.clear();
        let mut cancel = cancel_for(client.invite());
        headers.into_iter().for_each(|header| cancel.headers.push(header));
        let destination = destination.clone();
        self.open_client(owner, cancel, vec![destination], now).is_some()
    }

    /// What a server transaction answers, and whence that came.
    pub fn request(&self, id: TransactionId) -> Option<(Arc<Request>, Source)> {
        self.open.get(&id)?.request.clone()
    }

    /// Nothing more will be answered. What comes again is absorbed without it.
    pub fn drop_request(&mut self, id: TransactionId) {
        if let Some(transaction) = self.open.get_mut(&id) {
            transaction.request = None;
        }
    }

    pub fn owner(&self, id: TransactionId) -> Option<&Owner> {
        self.open.get(&id).map(|transaction| &transaction.owner)
    }

    pub fn set_owner(&mut self, id: TransactionId, owner: Owner) {
        if let Some(transaction) = self.open.get_mut(&id) {
            transaction.owner = owner;
        }
    }

    /// Its 2xx is out, so that an ACK with its branch is for the dialog.
    pub fn is_accepted(&self, id: TransactionId) -> bool {
        let machine = self.open.get(&id).map(|transaction| &transaction.machine);
        matches!(machine, Some(Machine::InviteServer(server)) if server.is_accepted())
    }

    pub fn handle_repeated(&mut self, id: TransactionId) {
        self.touch(id, Machine::handle_repeated);
    }

    pub fn handle_ack(&mut self, id: TransactionId, now: Instant) {
        self.touch(id, |machine| machine.handle_ack(now));
    }

    pub fn respond(&mut self, id: TransactionId, response: Response, now: Instant) {
        let is_last = response.status.is_final();
        self.touch(id, |machine| machine.respond(response, now));
        let open = self.open.get(&id);
        if is_last && open.is_some_and(|transaction| matches!(transaction.machine, Machine::Server(_))) {
            self.drop_request(id);
        }
    }

    /// A response without transaction is nobody's: RFC 6026 §7.3.
    pub fn handle_response(&mut self, response: Response, now: Instant) {
        let key = ClientKey::of_response(&response);
        let Some(id) = key.and_then(|key| self.clients.get(&key).copied()) else { return };
        if response.status == StatusCode::SERVICE_UNAVAILABLE && self.try_next_server(id, Some(&response), now) {
            return;
        }
        self.touch(id, |machine| machine.handle_response(response, now));
    }

    /// The net chose this flow: all that follows takes it too (RFC 3263 §4.3).
    pub fn handle_sent(&mut self, id: TransactionId, flow: Source, now: Instant) {
        if let Some(transaction) = self.open.get_mut(&id)
            && matches!(transaction.keys, Keys::Client(_))
        {
            transaction.destination = Destination::from(flow);
            self.note_flow(id, &Destination::from(flow));
        }
        self.touch(id, |machine| machine.handle_sent(flow.transport, now));
    }

    /// A send failed: by the next way, if there is one.
    pub fn handle_transport_error(&mut self, id: TransactionId, now: Instant) {
        if self.try_next_server(id, None, now) {
            return;
        }
        let Some(transaction) = self.open.get_mut(&id) else { return };
        let unanswered = transaction.machine.unanswered_request().cloned();
        let is_server = matches!(transaction.keys, Keys::Server(..));
        let next = if is_server || unanswered.is_some() { transaction.others.pop_front() } else { None };
        match (next, unanswered) {
            (Some(next), Some(request)) => {
                transaction.machine = client(request, &next, self.timing, now);
                transaction.destination = next;
            }
            (Some(next), None) => {
                transaction.destination = next;
                transaction.machine.handle_repeated();
            }
            (None, _) => transaction.machine.handle_transport_error(),
        }
        self.settle(id);
    }

    pub fn handle_timeout(&mut self, now: Instant) {
        while let Some(id) = self.timers.pop_due(now) {
            let gives_up = self.open.get(&id).is_some_and(|transaction| transaction.machine.gives_up(now));
            if !(gives_up && self.try_next_server(id, None, now)) {
                self.touch(id, |machine| machine.handle_timeout(now));
            }
        }
    }

    pub fn poll_output(&mut self) -> Option<Upward> {
        self.output.pop_front()
    }

    pub fn poll_timeout(&self) -> Option<Instant> {
        self.timers.next()
    }

    pub(super) fn touch(&mut self, id: TransactionId, input: impl FnOnce(&mut Machine)) {
        if let Some(transaction) = self.open.get_mut(&id) {
            input(&mut transaction.machine);
            self.settle(id);
        }
    }

    /// Takes the machine's outputs, notes its next deadline, and forgets it when it has ended.
    pub(super) fn settle(&mut self, id: TransactionId) {
        let Some(transaction) = self.open.get_mut(&id) else { return };
        while let Some(output) = transaction.machine.poll_output() {
            match output {
                Output::Send(message) => {
                    let destination = transaction.destination.clone();
                    self.output.push_back(Upward::Send { id: SendId(id.0), destination, message });
                }
                Output::Deliver(response) => {
                    let last = is_last(&transaction.machine, &response);
                    let owner = transaction.owner.clone();
                    self.output.push_back(Upward::Response { owner, response });
                    if last {
                        close(&mut transaction.owner, &mut self.output);
                    }
                }
                Output::Failed(failure) => {
                    self.output.push_back(Upward::Failed { owner: transaction.owner.clone(), failure });
                }
            }
        }
        self.timers.set(id, transaction.machine.poll_timeout());
        if transaction.machine.is_terminated() {
            self.forget(id);
        }
    }

    /// Ends a transaction whatever its state.
    pub fn forget(&mut self, id: TransactionId) {
        self.timers.set(id, None);
        let Some(mut transaction) = self.open.remove(&id) else { return };
        close(&mut transaction.owner, &mut self.output);
        if let Destination::Flow { flow, .. } = transaction.destination {
            self.by_flow.remove(&(flow, id));
        }
        match transaction.keys {
            Keys::Client(key) => {
                key.map(|key| self.clients.remove(&key));
            }
            Keys::Server(key, merge) => {
                self.servers.remove(&key);
                if let Some(merge) = merge.filter(|merge| self.merged.get(merge) == Some(&id)) {
                    self.merged.remove(&merge);
                }
            }
        }
    }
}

pub(super) fn client(request: Request, destination: &Destination, timing: Timing, now: Instant) -> Machine {
    let transport = match destination {
        Destination::Address { transport, .. } => Some(*transport),
        Destination::Flow { transport, .. } if transport.is_reliable() => Some(*transport),
        Destination::Host { transport: Some(transport), .. } if transport.is_reliable() => Some(*transport),
        // Even where UDP is meant, a large request may go over TCP; and a name must be looked up first.
        Destination::Flow { .. } | Destination::Host { .. } => None::<Transport>,
    };
    if request.method == Method::Invite {
        Machine::InviteClient(Box::new(InviteClient::new(request, transport, timing, now)))
    } else {
        Machine::Client(Box::new(Client::new(request, transport, timing, now)))
    }
}

/// After it the owner hears nothing more: any final response, but a 2xx to INVITE may have siblings.
fn is_last(machine: &Machine, response: &Response) -> bool {
    let invite = matches!(machine, Machine::InviteClient(_));
    response.status.is_final() && !(invite && response.status.is_success())
}

fn close(owner: &mut Owner, output: &mut VecDeque<Upward>) {
    let owner = std::mem::replace(owner, Owner::Nobody);
    if owner != Owner::Nobody {
        output.push_back(Upward::Closed { owner });
    }
}
