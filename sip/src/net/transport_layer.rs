//! The transport layer, RFC 3261 §18: who owns the sockets and flows, and how a message finds its way out.

use std::collections::{HashMap, HashSet, VecDeque};
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};
use tracing::{debug, info};

use super::counters::Counters;
use super::dns::SystemNames;
use super::door::Door;
use super::error::{NetError, SendError};
use super::event::{Inside, NetEvent, Peer};
use super::flow_table::FlowTable;
use super::gate::Gate;
use super::lean;
use super::resolve::{self, Query, Target};
use super::route::OwnAddresses;
use super::sending::Sending;
use super::settings::NetSettings;
use super::silence::Silence;
use super::tap::Direction;
use super::tcp;
use super::udp::{self, Datagrams};
use crate::endpoint::{EndpointSettings, SendId, complete};
use crate::guard::{self, Reason};
use crate::message::{Class, HeaderName, Message, Method};
use crate::net_types::{Destination, FlowId, Source, Transport};

/// Events of the tasks that may wait for the loop; beyond it the tasks wait too.
const INBOX: usize = 1024;
/// §18.1.1: a longer request goes over a connection, where one comes about.
const LONGEST_DATAGRAM: usize = 1300;
/// Phones that take no connection; beyond it all are forgotten, and tried once more.
const MAX_DATAGRAMS_ONLY: usize = 10_000;

/// Sockets and flows. Dropped, it lets the connections write what they have and closes them.
#[derive(Debug)]
pub struct Net {
    datagrams: Vec<Datagrams>,
    streams: FlowTable,
    /// Messages that wait for a connection to open.
    connecting: HashMap<Peer, Vec<Sending>>,
    /// Registered by datagrams, they have refused a connection once already.
    datagrams_only: HashSet<SocketAddr>,
    /// Messages that wait for a name.
    resolving: HashMap<SendId, VecDeque<Sending>>,
    inbox: mpsc::Receiver<Inside>,
    ready: VecDeque<NetEvent>,
    door: Door,
    own: OwnAddresses,
    names: SystemNames,
    listening: Vec<Listening>,
    naming: EndpointSettings,
    listeners: JoinSet<()>,
}

/// Where we listen; with the port that the system chose when 0 was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Listening {
    pub transport: Transport,
    pub address: SocketAddr,
}

/// How one try ended.
enum Try {
    Sent(Source),
    /// The message waits in `connecting`.
    Waits,
    Failed(Box<Sending>, SendError),
}

impl Net {
    /// Opens every listener, or says which one could not be opened and why.
    pub fn start(settings: NetSettings) -> Result<Self, NetError> {
        if let (Some(address), None) = (settings.tls.first(), &settings.tls_configs.borrow().server) {
            return Err(NetError::NoCertificate { transport: Transport::Tls, address: *address });
        }
        let (sender, inbox) = mpsc::channel(INBOX);
        let door = Door::new(sender, settings, Arc::new(Counters::default()));
        let mut net = Self {
            datagrams: Vec::new(),
            streams: FlowTable::default(),
            connecting: HashMap::new(),
            datagrams_only: HashSet::new(),
            resolving: HashMap::new(),
            inbox,
            ready: VecDeque::new(),
            own: OwnAddresses::new(door.settings.advertised, Vec::new()),
            names: SystemNames::new(&door.settings.name_servers),
            door,
            listening: Vec::new(),
            naming: EndpointSettings::default(),
            listeners: JoinSet::new(),
        };
        net.listen()?;
        Ok(net)
    }

    fn listen(&mut self) -> Result<(), NetError> {
        let settings = Arc::clone(&self.door.settings);
        for address in &settings.udp {
            self.datagrams.push(Datagrams::bind(*address, self.door.next_flow())?);
        }
        let mut accepting = Vec::new();
        let tcp = settings.tcp.iter().map(|address| (Transport::Tcp, *address));
        let tls = settings.tls.iter().map(|address| (Transport::Tls, *address));
        for (transport, address) in tcp.chain(tls) {
            let failed = |cause| NetError::Listen { transport, address, cause };
            let listener = tcp::listen(transport, address)?;
            let address = listener.local_addr().map_err(failed)?;
            accepting.push((Listening { transport, address }, listener));
        }
        let udp = self.datagrams.iter().map(|socket| Listening { transport: Transport::Udp, address: socket.bound });
        self.listening = udp.chain(accepting.iter().map(|(listening, _)| *listening)).collect();
        let ports = self.listening.iter().map(|here| (here.transport, here.address)).collect();
        self.own = OwnAddresses::new(settings.advertised, ports);

        for socket in &self.datagrams {
            let failed = |cause| NetError::Listen { transport: Transport::Udp, address: socket.bound, cause };
            let reader = socket.reader().map_err(failed)?;
            self.listeners.spawn(udp::read(reader, socket.bound, socket.flow, self.own.clone(), self.door.clone()));
        }
        for (here, listener) in accepting {
            self.listeners.spawn(tcp::accept(listener, here.transport, self.own.clone(), self.door.clone()));
        }
        for Listening { transport, address } in &self.listening {
            info!(%transport, %address, "listening");
        }
        Ok(())
    }

    pub fn listening(&self) -> &[Listening] {
        &self.listening
    }

    pub(super) fn keeps(&self, transactions: usize, dialogs: usize) {
        self.door.counters.keeps(transactions, dialogs);
    }

    pub fn counters(&self) -> Arc<Counters> {
        Arc::clone(&self.door.counters)
    }

    /// How many received messages wait: 0 none, 1 no more can.
    pub(super) fn fullness(&self) -> f32 {
        self.inbox.len() as f32 / self.inbox.max_capacity() as f32
    }

    pub(super) fn overload_delay(&self) -> Duration {
        self.door.settings.overload_delay
    }

    pub(super) fn door(&self) -> Door {
        self.door.clone()
    }

    /// For flows that others accept.
    pub fn gate(&self) -> Gate {
        Gate::new(self.door.clone())
    }

    /// For those who check passwords.
    pub fn silence(&self) -> Silence {
        Silence::new(self.door.clone())
    }

    /// How we call ourselves in Via and Contact: the names in these settings, else our address towards each peer.
    pub fn name_by(&mut self, settings: EndpointSettings) {
        self.naming = settings;
    }

    /// What has happened already, as the outcome of a send that did not have to wait.
    pub(super) fn poll_ready(&mut self) -> Option<NetEvent> {
        self.ready.pop_front()
    }

    /// The next thing that happened. Nothing is lost when the future is dropped.
    pub async fn receive(&mut self) -> NetEvent {
        loop {
            if let Some(event) = self.ready.pop_front() {
                return event;
            }
            let (silent, look_again) = self.door.poll_silent();
            if let Some((flow, remote)) = silent {
                return NetEvent::FlowSilent { flow, remote };
            }
            let look_again = look_again.map(Instant::from_std);
            tokio::select! {
                inside = self.inbox.recv() => self.handle(inside.expect("our own door holds a sender")),
                () = sleep_until(look_again.unwrap_or_else(Instant::now)), if look_again.is_some() => {}
            }
        }
    }

    fn handle(&mut self, inside: Inside) {
        match inside {
            Inside::Received(received) => {
                if let Ok(Message::Request(request)) = &received.message {
                    self.streams.handle_request(request, received.source);
                }
                self.ready.push_back(NetEvent::Received(received));
            }
            Inside::Opened(flow) => {
                let asked = flow.asked.clone();
                self.streams.insert(flow);
                for waiting in asked.and_then(|peer| self.connecting.remove(&peer)).into_iter().flatten() {
                    self.advance(waiting);
                }
            }
            Inside::NotOpened { asked, error } => {
                debug!(%error, "connection not opened");
                for mut waiting in self.connecting.remove(&asked).into_iter().flatten() {
                    waiting.targets.pop_front();
                    if waiting.socket.is_some() {
                        self.note_datagrams_only(asked.address);
                    }
                    waiting.failure = Some(error.clone());
                    self.advance(waiting);
                }
            }
            Inside::Closed { flow, unsent } => {
                self.streams.remove(flow);
                let lost = unsent.into_iter().map(|id| sent(id, Err(SendError::FlowGone)));
                self.ready.extend(lost);
                self.ready.push_back(NetEvent::FlowClosed(flow));
            }
            Inside::Resolved { id, targets } => self.handle_resolved(id, targets),
        }
    }

    /// Sends; what became of it comes back as [`NetEvent::Sent`]. A request is completed with our address on the
    /// transport that it takes.
    pub fn send(&mut self, id: SendId, destination: Destination, message: Message) {
        self.door.counters.sent(&message);
        match destination {
            Destination::Flow { flow, transport: Transport::Udp, remote }
                if self.wants_connection(&message, remote) =>
            {
                let targets = [Transport::Tcp, Transport::Udp].map(|transport| Target { transport, address: remote });
                let (host, socket) = (remote.ip().to_string(), Some(flow));
                self.advance(Sending { id, message, host, targets: targets.into(), socket, failure: None });
            }
            Destination::Flow { flow, transport: Transport::Udp, remote } => {
                let outcome = self.send_datagram(flow, remote, message);
                self.ready.push_back(sent(id, outcome));
            }
            Destination::Flow { flow, .. } => {
                let outcome = self.write(flow, id, message);
                self.ready.push_back(sent(id, outcome));
            }
            Destination::Address { transport, address, host } => {
                let targets = VecDeque::from([Target { transport, address }]);
                self.advance(Sending { id, message, host, targets, socket: None, failure: None });
            }
            Destination::Host { transport, secure, host, port, named_by } => {
                let secure = secure || self.door.settings.is_tls_only(&host);
                self.send_to_host(id, message, Query { transport, secure, host, port, named_by });
            }
        }
    }

    fn send_to_host(&mut self, id: SendId, message: Message, query: Query) {
        let host = query.host.clone();
        let large = query.transport.is_none() && message.to_bytes().len() > LONGEST_DATAGRAM;
        let sending = Sending { id, message, host, targets: VecDeque::new(), socket: None, failure: None };
        if let Some(target) = query.numeric() {
            return match query.permitted(vec![target]) {
                Ok(targets) => self.start_sending(sending, targets, large),
                Err(error) => self.not_sent(id, error),
            };
        }
        self.resolving.entry(id).or_default().push_back(sending);
        let (names, door, spoken) = (self.names.clone(), self.door.clone(), self.spoken());
        tokio::spawn(async move {
            let targets = resolve::resolve(&query, &spoken, &names, chance).await;
            let targets = targets.and_then(|found| query.permitted(found));
            door.tell(Inside::Resolved { id, targets }).await;
        });
    }

    fn handle_resolved(&mut self, id: SendId, targets: Result<Vec<Target>, SendError>) {
        let Some(waiting) = self.resolving.get_mut(&id) else { return };
        let next = waiting.pop_front();
        if waiting.is_empty() {
            self.resolving.remove(&id);
        }
        let Some(sending) = next else { return };
        match targets {
            Ok(targets) => {
                let large = sending.message.to_bytes().len() > LONGEST_DATAGRAM;
                self.start_sending(sending, targets, large);
            }
            Err(error) => self.not_sent(id, error),
        }
    }

    /// It was not even tried.
    fn not_sent(&mut self, id: SendId, error: SendError) {
        match error {
            SendError::OutOfReach { .. } => self.door.counters.refused(Reason::Target),
            SendError::NotSecure { .. } => self.door.counters.refused(Reason::Insecure),
            _ => {}
        }
        self.ready.push_back(sent(id, Err(error)));
    }

    /// A long request to a phone that registered by datagrams. Behind a NAT, where its Contact names another address than
    /// we see, nobody would take a connection.
    fn wants_connection(&self, message: &Message, remote: SocketAddr) -> bool {
        let Message::Request(request) = message else { return false };
        let is_at_home = || request.uri.as_sip().and_then(|uri| uri.host().ip()) == Some(remote.ip());
        !self.datagrams_only.contains(&remote) && is_at_home() && message.to_bytes().len() > LONGEST_DATAGRAM
    }

    fn note_datagrams_only(&mut self, address: SocketAddr) {
        if self.datagrams_only.len() >= MAX_DATAGRAMS_ONLY {
            self.datagrams_only.clear();
        }
        self.datagrams_only.insert(address);
    }

    /// `large`: each datagram address is tried by TCP before.
    fn start_sending(&mut self, mut sending: Sending, targets: Vec<Target>, large: bool) {
        let tcp = targets.iter().filter(|target| large && target.transport == Transport::Udp);
        let tcp = tcp.map(|target| Target { transport: Transport::Tcp, ..*target });
        sending.targets = tcp.chain(targets.iter().copied()).collect();
        self.advance(sending);
    }

    /// Tries one target after the other until the message is on its way, waits, or has nowhere left to go.
    fn advance(&mut self, mut sending: Sending) {
        loop {
            let Some(target) = sending.targets.front().copied() else {
                let nowhere = SendError::NotFound { host: sending.host, reason: "no address left to try".into() };
                let outcome = Err(sending.failure.unwrap_or(nowhere));
                return self.ready.push_back(sent(sending.id, outcome));
            };
            let id = sending.id;
            let alternatives = sending.others_than(target);
            match self.try_target(sending, target) {
                Try::Waits => return,
                Try::Sent(source) => {
                    return self.ready.push_back(NetEvent::Sent { id, outcome: Ok(source), alternatives });
                }
                Try::Failed(rest, error) => {
                    sending = *rest;
                    sending.targets.pop_front();
                    sending.failure = Some(error);
                }
            }
        }
    }

    fn try_target(&mut self, sending: Sending, target: Target) -> Try {
        let Target { transport, address } = target;
        let sent = match transport {
            Transport::Udp => {
                let any = || self.datagrams.iter().find(|socket| socket.reaches(address)).map(|socket| socket.flow);
                match sending.socket.or_else(any) {
                    Some(flow) => self.send_datagram(flow, address, sending.message.clone()),
                    None => Err(SendError::NoSocket { transport, address }),
                }
            }
            Transport::Tcp | Transport::Tls => {
                let peer = Peer { transport, address, host: sending.host.clone() };
                match self.streams.to(&peer) {
                    Some(source) => self.write(source.flow, sending.id, sending.message.clone()),
                    None => {
                        self.connect(peer, sending);
                        return Try::Waits;
                    }
                }
            }
            Transport::Ws | Transport::Wss => Err(SendError::TransportOff { transport }),
        };
        match sent {
            Ok(source) => Try::Sent(source),
            Err(error) => Try::Failed(sending.into(), error),
        }
    }

    fn connect(&mut self, peer: Peer, sending: Sending) {
        let waiting = self.connecting.entry(peer.clone()).or_default();
        waiting.push(sending);
        if waiting.len() == 1 {
            tokio::spawn(tcp::connect(peer, self.own.clone(), self.door.clone()));
        }
    }

    fn send_datagram(&mut self, flow: FlowId, remote: SocketAddr, mut message: Message) -> Result<Source, SendError> {
        let socket = self.datagrams.iter().find(|socket| socket.flow == flow).ok_or(SendError::FlowGone)?;
        let local = self.own.of_datagrams(socket.bound, remote.ip());
        complete(&mut message, Transport::Udp, &self.naming.sent_by(Transport::Udp, local));
        let source = Source { transport: Transport::Udp, local, remote, flow };
        let flow_timer = flow_timer_of(&message);
        // What is kept back counts as sent: the network might have lost it just as well.
        if let Some(octets) = self.affordable(&mut message, remote.ip()) {
            socket.send(&octets, remote)?;
            self.door.show(Direction::Out, &message, &octets, source);
        }
        if let Some(every) = flow_timer {
            self.door.expect_signs((flow, remote), every);
        }
        Ok(source)
    }

    /// The octets of a message, a response to a stranger as short as it must be. `None`: it is too long even so.
    fn affordable(&self, message: &mut Message, to: IpAddr) -> Option<Bytes> {
        let Some(kind) = kind_of(message) else { return Some(message.to_bytes()) };
        loop {
            let octets = message.to_bytes();
            if self.door.affords(kind, octets.len(), to) {
                return Some(octets);
            }
            let shortened = match message {
                Message::Response(response) => lean::shorten(response),
                Message::Request(_) => false,
            };
            if !shortened {
                return self.door.lets_out(kind, octets.len(), to).then_some(octets);
            }
        }
    }

    fn write(&mut self, flow: FlowId, id: SendId, mut message: Message) -> Result<Source, SendError> {
        let source = self.streams.source(flow).ok_or(SendError::FlowGone)?;
        let Source { transport, local, .. } = source;
        complete(&mut message, transport, &self.naming.sent_by(transport, local));
        let octets = message.to_bytes();
        self.door.show(Direction::Out, &message, &octets, source);
        if let Some(every) = flow_timer_of(&message) {
            self.streams.expect_signs(flow, every);
        }
        self.streams.write(flow, id, octets)
    }

    /// We can always connect; datagrams need a listener.
    fn spoken(&self) -> Vec<Transport> {
        let udp = (!self.datagrams.is_empty()).then_some(Transport::Udp);
        udp.into_iter().chain([Transport::Tcp, Transport::Tls]).collect()
    }
}

fn sent(id: SendId, outcome: Result<Source, SendError>) -> NetEvent {
    NetEvent::Sent { id, outcome, alternatives: Vec::new() }
}

/// How often the phone that is answered shall show itself (RFC 5626 §4.4).
fn flow_timer_of(message: &Message) -> Option<Duration> {
    let Message::Response(response) = message else { return None };
    response.headers.get(&HeaderName::FlowTimer)?.parse().ok().map(Duration::from_secs)
}

/// `None`: a request, which we send of our own will.
fn kind_of(message: &Message) -> Option<guard::Response> {
    let Message::Response(response) = message else { return None };
    let to_invite = || response.headers.cseq().is_ok_and(|cseq| cseq.method == Method::Invite);
    Some(match response.status.class() {
        Class::Provisional => guard::Response::Provisional,
        Class::Success if to_invite() => guard::Response::Accepting,
        _ => guard::Response::Final,
    })
}

/// Which of equal servers is tried first need not be secret, only different.
fn chance() -> u64 {
    use std::hash::{BuildHasher, RandomState};
    RandomState::new().hash_one(0)
}
