//! The wire between the parties: datagrams that get lost and overtake each other, streams that do not, and NATs.
//!
//! A host is found by its IP address, or by the name `NAME.example` of its party; UDP reaches every port of it. Behind
//! a NAT only the mapped port leads in. Nothing is looked up in any DNS.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::time::Instant;

use bytes::Bytes;
use plenary_sip::endpoint::Rng;
use plenary_sip::message::{Limits, parse_datagram};
use plenary_sip::net_types::{Destination, FlowId, Source, Transport};

use super::clock::Clock;
use super::passage::Passage;
use super::weather::Weather;

/// All datagrams of a party leave and come by this.
const DATAGRAMS: FlowId = FlowId(1);
const SIP_PORT: u16 = 5060;

#[derive(Debug)]
pub(super) struct Wire {
    clock: Clock,
    chance: Rng,
    pub weather: Weather,
    pub passages: Vec<Passage>,
    hosts: Vec<Host>,
    connections: Vec<Connection>,
    under_way: BTreeMap<(Instant, u64), Packet>,
    packets: u64,
}

#[derive(Debug)]
struct Host {
    name: String,
    own: SocketAddr,
    /// What others see of it.
    public: SocketAddr,
}

/// A TCP or TLS connection, from who opened it.
#[derive(Debug)]
struct Connection {
    flow: FlowId,
    transport: Transport,
    ends: [End; 2],
    is_open: bool,
}

#[derive(Clone, Copy, Debug)]
struct End {
    party: usize,
    address: SocketAddr,
    /// Of the last octet that is on its way to here.
    last_arrival: Instant,
}

#[derive(Clone, Debug)]
struct Packet {
    passage: usize,
    /// None for a datagram.
    connection: Option<FlowId>,
}

/// A way that was found.
#[derive(Debug)]
pub(super) struct Way {
    /// What the sender knows of it: for its Via, and for all that follows by the same flow.
    pub sender: Source,
    receiver: Source,
    to: usize,
    /// The way ends before it reaches anybody.
    is_blocked: bool,
}

impl Wire {
    pub fn new(clock: Clock, chance: Rng) -> Self {
        Self {
            clock,
            chance,
            weather: Weather::calm(),
            passages: Vec::new(),
            hosts: Vec::new(),
            connections: Vec::new(),
            under_way: BTreeMap::new(),
            packets: 0,
        }
    }

    /// Gives the next party its address.
    pub fn add_host(&mut self, name: &str) -> SocketAddr {
        let last = u8::try_from(self.hosts.len() + 1).expect("a few parties");
        let own = SocketAddr::from(([192, 0, 2, last], SIP_PORT));
        self.hosts.push(Host { name: name.to_owned(), own, public: own });
        own
    }

    /// Puts a NAT before the party, and tells its private address.
    pub fn put_behind_nat(&mut self, party: usize) -> SocketAddr {
        let last = u8::try_from(party + 1).expect("a few parties");
        let host = &mut self.hosts[party];
        host.own = SocketAddr::from(([10, 0, 0, last], SIP_PORT));
        host.public = SocketAddr::from(([198, 51, 100, last], 31_000 + u16::from(last)));
        host.own
    }

    /// The way to a destination; None: there is none, and whoever wants to send is to be told.
    pub fn way(&mut self, from: usize, destination: &Destination) -> Option<Way> {
        match destination {
            Destination::Flow { transport: Transport::Udp, remote, .. } => self.datagram_way(from, *remote),
            Destination::Flow { flow, .. } => {
                let at = self.connections.iter().position(|connection| connection.flow == *flow)?;
                self.stream_way(from, at)
            }
            // Names of this network stand for one server each.
            Destination::Address { .. } => None,
            Destination::Host { transport, secure, host, port, .. } => {
                let ip = self.address_of(host)?;
                let transport = transport.unwrap_or(if *secure { Transport::Tls } else { Transport::Udp });
                let remote = SocketAddr::new(ip, port.unwrap_or(transport.default_port()));
                if transport == Transport::Udp {
                    return self.datagram_way(from, remote);
                }
                let at = self.connected(from, transport, ip).or_else(|| self.connect(from, transport, remote))?;
                self.stream_way(from, at)
            }
        }
    }

    /// Sends; what becomes of it is the weather's.
    pub fn send(&mut self, from: usize, way: &Way, octets: Bytes) {
        let is_datagram = way.receiver.transport == Transport::Udp;
        let is_lost = way.is_blocked || is_datagram && self.falls_under(self.weather.loss_percent);
        let message = parse_datagram(&octets, &Limits::default()).ok();
        let sent_at = self.clock.now();
        let passage = self.passages.len();
        self.passages.push(Passage { sent_at, from, to: way.to, source: way.receiver, octets, message, is_lost });
        if is_lost {
            return;
        }
        let connection = (!is_datagram).then_some(way.receiver.flow);
        self.put_under_way(Packet { passage, connection });
        if is_datagram && self.falls_under(self.weather.doubled_percent) {
            self.put_under_way(Packet { passage, connection });
        }
    }

    /// Loses what is still on its way.
    pub fn lose(&mut self, passage: usize) {
        self.under_way.retain(|_, packet| packet.passage != passage);
        self.passages[passage].is_lost = true;
    }

    /// Cuts all streams between two parties, with everything in them.
    pub fn cut(&mut self, one: usize, other: usize) {
        for connection in &mut self.connections {
            let parties = connection.ends.map(|end| end.party);
            if parties == [one, other] || parties == [other, one] {
                connection.is_open = false;
                let flow = Some(connection.flow);
                let lost: Vec<usize> = self
                    .under_way
                    .values()
                    .filter(|packet| packet.connection == flow)
                    .map(|packet| packet.passage)
                    .collect();
                self.under_way.retain(|_, packet| packet.connection != flow);
                lost.into_iter().for_each(|passage| self.passages[passage].is_lost = true);
            }
        }
    }

    pub fn next_arrival(&self) -> Option<Instant> {
        self.under_way.first_key_value().map(|((at, _), _)| *at)
    }

    /// The first that has arrived by now.
    pub fn arrived(&mut self) -> Option<Passage> {
        let entry = self.under_way.first_entry().filter(|entry| entry.key().0 <= self.clock.now())?;
        let packet = entry.remove();
        self.passages.get(packet.passage).cloned()
    }

    fn put_under_way(&mut self, packet: Packet) {
        let delay = self.chance.duration(self.weather.delay.clone());
        let mut at = self.clock.now() + delay;
        let to = self.passages[packet.passage].to;
        let connection = self.connections.iter_mut().find(|connection| packet.connection == Some(connection.flow));
        if let Some(end) = connection.and_then(|connection| connection.ends.iter_mut().find(|end| end.party == to)) {
            at = at.max(end.last_arrival);
            end.last_arrival = at;
        }
        self.packets += 1;
        self.under_way.insert((at, self.packets), packet);
    }

    fn datagram_way(&self, from: usize, remote: SocketAddr) -> Option<Way> {
        let sender = &self.hosts[from];
        let to = self.hosts.iter().position(|host| host.public.ip() == remote.ip() || host.own.ip() == remote.ip())?;
        let receiver = &self.hosts[to];
        let has_nat = receiver.own != receiver.public;
        let source = |local, remote| Source { transport: Transport::Udp, local, remote, flow: DATAGRAMS };
        Some(Way {
            sender: source(sender.own, remote),
            receiver: source(SocketAddr::new(receiver.own.ip(), remote.port()), sender.public),
            to,
            is_blocked: has_nat && receiver.public != remote,
        })
    }

    fn stream_way(&self, from: usize, at: usize) -> Option<Way> {
        let connection = self.connections.get(at).filter(|connection| connection.is_open)?;
        let near = connection.ends.iter().position(|end| end.party == from)?;
        let [near, far] = if near == 0 { connection.ends } else { [connection.ends[1], connection.ends[0]] };
        let (transport, flow) = (connection.transport, connection.flow);
        // Who opened it is called by the port that it listens on.
        let own = |end: End| SocketAddr::new(self.hosts[end.party].own.ip(), SIP_PORT);
        Some(Way {
            sender: Source { transport, local: own(near), remote: far.address, flow },
            receiver: Source { transport, local: own(far), remote: near.address, flow },
            to: far.party,
            is_blocked: false,
        })
    }

    fn connected(&self, from: usize, transport: Transport, ip: IpAddr) -> Option<usize> {
        let party = self.hosts.iter().position(|host| host.public.ip() == ip)?;
        self.connections.iter().position(|connection| {
            let parties = connection.ends.map(|end| end.party);
            connection.is_open && connection.transport == transport && parties == [from, party]
        })
    }

    /// Nobody connects to a host behind a NAT.
    fn connect(&mut self, from: usize, transport: Transport, remote: SocketAddr) -> Option<usize> {
        let to = self.hosts.iter().position(|host| host.public.ip() == remote.ip() && host.own == host.public)?;
        let flow = FlowId(self.connections.len() as u64 + 2);
        let port = 49_152 + u16::try_from(self.connections.len()).ok()?;
        let near = SocketAddr::new(self.hosts[from].public.ip(), port);
        let last_arrival = self.clock.now();
        let ends = [(from, near), (to, remote)].map(|(party, address)| End { party, address, last_arrival });
        self.connections.push(Connection { flow, transport, ends, is_open: true });
        Some(self.connections.len() - 1)
    }

    fn address_of(&self, host: &str) -> Option<IpAddr> {
        let named = || self.hosts.iter().find(|known| host.strip_suffix(".example") == Some(&known.name));
        host.trim_matches(['[', ']']).parse().ok().or_else(|| named().map(|host| host.public.ip()))
    }

    fn falls_under(&mut self, percent: u64) -> bool {
        percent > 0 && self.chance.number() % 100 < percent
    }
}
