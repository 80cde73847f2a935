//! Endpoints on a simulated network: seeded loss, fixed delay, a clock that jumps to the next event.
//!
//! Every message is printed and read again on its way, so that only what is on the wire counts.

#![allow(dead_code, reason = "each test file takes what it needs")]

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use plenary_sip::endpoint::{
    Body, CallId, Command, ContactTemplate, Ending, Endpoint, EndpointSettings, Event, OutgoingInvite, Output, Rng,
};
use plenary_sip::message::{Limits, Message, NameAddr, StatusCode, Uri, parse_datagram};
use plenary_sip::net_types::{Destination, FlowId, Source, Transport};

pub const DELAY: Duration = Duration::from_millis(20);

pub struct Wire {
    pub now: Instant,
    start: Instant,
    pub phones: Vec<Phone>,
    pub transport: Transport,
    in_flight: BTreeMap<(Instant, u64), Packet>,
    sent: u64,
    chance: Rng,
    /// Of a hundred packets, how many get lost.
    pub loss: u64,
    /// Loses a packet by its ladder line and how many like it went before.
    drop: Drop,
    /// `alice INVITE bob`, `bob 200 INVITE alice`: in the order of sending, lost ones with a ✗.
    pub ladder: Vec<String>,
}

type Drop = Box<dyn FnMut(&str, usize) -> bool>;

pub struct Phone {
    pub name: &'static str,
    pub address: SocketAddr,
    pub endpoint: Endpoint,
    pub events: Vec<Event>,
    next_id: u64,
}

struct Packet {
    from: SocketAddr,
    to: SocketAddr,
    message: Message,
}

impl Wire {
    pub fn new(seed: u8, names: &[&'static str]) -> Self {
        Self::with(seed, names, |_| {})
    }

    pub fn with(seed: u8, names: &[&'static str], settings: impl Fn(&mut EndpointSettings)) -> Self {
        let start = Instant::now();
        let phones = names.iter().enumerate().map(|(index, name)| {
            let mut own = EndpointSettings::default();
            settings(&mut own);
            let mut phone_seed = [seed; 32];
            phone_seed[0] = u8::try_from(index).expect("few phones");
            Phone {
                name,
                address: format!("192.0.2.{}:5060", index + 1).parse().expect("an address"),
                endpoint: Endpoint::new(own, Rng::new(phone_seed)),
                events: Vec::new(),
                next_id: 0,
            }
        });
        Self {
            now: start,
            start,
            phones: phones.collect(),
            transport: Transport::Udp,
            in_flight: BTreeMap::new(),
            sent: 0,
            chance: Rng::new([seed; 32]),
            loss: 0,
            drop: Box::new(|_, _| false),
            ladder: Vec::new(),
        }
    }

    /// Loses what the function says: it gets the ladder line and how often that has been sent before.
    pub fn lose(&mut self, drop: impl FnMut(&str, usize) -> bool + 'static) {
        self.drop = Box::new(drop);
    }

    pub fn elapsed(&self) -> Duration {
        self.now - self.start
    }

    pub fn phone(&mut self, name: &str) -> &mut Phone {
        self.phones.iter_mut().find(|phone| phone.name == name).expect("a phone of that name")
    }

    /// Calls, with an offer. Returns the caller's id of the call.
    pub fn call(&mut self, from: &str, to: &str) -> CallId {
        self.call_with(from, to, |_| {})
    }

    pub fn call_with(&mut self, from: &str, to: &str, change: impl FnOnce(&mut OutgoingInvite)) -> CallId {
        let target = uri(self.phone(to));
        let caller = NameAddr::new(uri(self.phone(from)));
        let mut invite = OutgoingInvite {
            request_uri: target.clone(),
            from: caller,
            to: NameAddr::new(target),
            contact: ContactTemplate { user: Some(from.into()), parameters: String::new(), host: None },
            route: Vec::new(),
            flow: None,
            headers: Vec::new(),
            offer: Some(Body::sdp("offer")),
            ring_for: Duration::from_secs(60),
            login: None,
            named_by: None,
        };
        change(&mut invite);
        let phone = self.phone(from);
        phone.next_id += 2;
        let call = CallId(phone.next_id);
        self.command(from, Command::Invite { call, invite: Box::new(invite) });
        call
    }

    pub fn command(&mut self, name: &str, command: Command) {
        let now = self.now;
        self.phone(name).endpoint.handle_command(command, now);
        self.collect();
    }

    pub fn ring(&mut self, name: &str, call: CallId) {
        self.command(name, Command::Ring { call, status: StatusCode::RINGING, body: None });
    }

    pub fn accept(&mut self, name: &str, call: CallId) {
        self.command(name, Command::Accept { call, body: Some(Body::sdp("answer")), headers: Vec::new() });
    }

    pub fn hangup(&mut self, name: &str, call: CallId) {
        self.command(name, Command::Hangup { call, headers: Vec::new() });
    }

    pub fn answer_offer(&mut self, name: &str, call: CallId, body: &'static str) {
        self.command(name, Command::AnswerOffer { call, answer: Ok(Body::sdp(body)) });
    }

    /// A call that is up on both sides: the ids of caller and callee.
    pub fn connected(&mut self, from: &str, to: &str) -> (CallId, CallId) {
        let caller = self.call(from, to);
        self.run_for(Duration::from_millis(100));
        let callee = self.phone(to).incoming();
        self.ring(to, callee);
        self.accept(to, callee);
        self.run_for(Duration::from_secs(2));
        assert!(self.phone(from).is_established(caller), "{:#?}", self.ladder);
        assert!(self.phone(to).is_established(callee), "{:#?}", self.ladder);
        (caller, callee)
    }

    /// Lets time pass.
    pub fn run_for(&mut self, span: Duration) {
        let until = self.now + span;
        self.collect();
        while let Some(next) = self.next_time().filter(|next| *next <= until) {
            self.now = self.now.max(next);
            self.step();
        }
        self.now = until;
    }

    /// Lets time pass until nothing more will happen within an hour.
    pub fn run_out(&mut self) {
        self.run_for(Duration::from_secs(3600));
    }

    /// No call and no transaction is left anywhere.
    pub fn assert_nothing_left(&mut self) {
        for phone in &self.phones {
            assert_eq!(phone.endpoint.calls(), 0, "calls of {}\n{:#?}", phone.name, self.ladder);
            assert_eq!(phone.endpoint.transactions(), 0, "transactions of {}\n{:#?}", phone.name, self.ladder);
        }
    }

    /// Ladder lines since the last look.
    pub fn take_ladder(&mut self) -> Vec<String> {
        std::mem::take(&mut self.ladder)
    }

    fn next_time(&self) -> Option<Instant> {
        let packet = self.in_flight.keys().next().map(|(at, _)| *at);
        let timers = self.phones.iter().filter_map(|phone| phone.endpoint.poll_timeout());
        timers.chain(packet).min()
    }

    fn step(&mut self) {
        while let Some(entry) = self.in_flight.first_entry().filter(|entry| entry.key().0 <= self.now) {
            let packet = entry.remove();
            let transport = self.transport;
            let now = self.now;
            if let Some(phone) = self.phones.iter_mut().find(|phone| phone.address == packet.to) {
                let source = Source { transport, local: phone.address, remote: packet.from, flow: FlowId(1) };
                phone.endpoint.handle_message(packet.message, source, now);
            }
            self.collect();
        }
        for phone in &mut self.phones {
            if phone.endpoint.poll_timeout().is_some_and(|at| at <= self.now) {
                phone.endpoint.handle_timeout(self.now);
            }
        }
        self.collect();
    }

    /// Takes what the endpoints have to send and tell.
    fn collect(&mut self) {
        for index in 0..self.phones.len() {
            while let Some(output) = self.phones[index].endpoint.poll_output() {
                match output {
                    Output::Event(event) => self.phones[index].events.push(event),
                    Output::Send { id, destination, message } => {
                        let is_request = matches!(message, Message::Request(_));
                        let remote = self.send(index, destination, message);
                        let phone = &mut self.phones[index];
                        let flow = Source { transport: self.transport, local: phone.address, remote, flow: FlowId(1) };
                        if is_request {
                            phone.endpoint.handle_sent(id, flow, self.now);
                        }
                    }
                }
            }
        }
    }

    fn send(&mut self, from: usize, destination: Destination, mut message: Message) -> SocketAddr {
        let sender = &self.phones[from];
        sender.endpoint.complete(&mut message, self.transport, sender.address);
        let to = match destination {
            Destination::Flow { remote, .. } | Destination::Address { address: remote, .. } => remote,
            Destination::Host { host, port, .. } => {
                format!("{host}:{}", port.unwrap_or(5060)).parse().expect("a literal address")
            }
        };
        let receiver = self.phones.iter().find(|phone| phone.address == to).map_or("nobody", |phone| phone.name);
        let line = format!("{} {} {receiver}", sender.name, what(&message));
        let before = self.ladder.iter().filter(|said| said.trim_end_matches(" ✗") == line).count();
        let lost = (self.drop)(&line, before) || self.chance.number() % 100 < self.loss;
        self.ladder.push(if lost { format!("{line} ✗") } else { line });
        if !lost {
            let message = parse_datagram(&message.to_bytes(), &Limits::default()).expect("we can read what we print");
            self.sent += 1;
            let packet = Packet { from: sender.address, to, message };
            self.in_flight.insert((self.now + DELAY, self.sent), packet);
        }
        to
    }
}

impl Phone {
    /// The latest call that came in.
    pub fn incoming(&self) -> CallId {
        let calls = self.events.iter().rev().filter_map(|event| match event {
            Event::Incoming { call, .. } => Some(*call),
            _ => None,
        });
        calls.into_iter().next().expect("a call has come in")
    }

    pub fn is_established(&self, id: CallId) -> bool {
        self.events.iter().any(|event| matches!(event, Event::Established { call, .. } if *call == id))
    }

    pub fn endings(&self, id: CallId) -> Vec<Ending> {
        let endings = self.events.iter().filter_map(|event| match event {
            Event::Ended { call, why } if *call == id => Some(why.clone()),
            _ => None,
        });
        endings.collect()
    }

    /// How the call ended: once, and with nothing told after it.
    pub fn ending(&self, id: CallId) -> Ending {
        let mut endings = self.endings(id);
        assert_eq!(endings.len(), 1, "{} was told {endings:?}", self.name);
        endings.remove(0)
    }

    /// Outcomes of re-INVITEs: the answer, or the status.
    pub fn reoffers(&self) -> Vec<Result<String, u16>> {
        let outcomes = self.events.iter().filter_map(|event| match event {
            Event::ReofferDone { outcome, .. } => Some(outcome.as_ref().map(text).map_err(|status| status.as_u16())),
            _ => None,
        });
        outcomes.collect()
    }

    /// Offers of the peer: what it offered, or None where it asks for ours.
    pub fn offers(&self) -> Vec<Option<String>> {
        let offers = self.events.iter().filter_map(|event| match event {
            Event::Offered { offer, .. } => Some(offer.as_ref().map(text)),
            _ => None,
        });
        offers.collect()
    }
}

pub fn text(body: &Body) -> String {
    String::from_utf8_lossy(&body.content).into_owned()
}

pub fn uri(phone: &Phone) -> Uri {
    format!("sip:{}@{}", phone.name, phone.address).parse().expect("a URI")
}

fn what(message: &Message) -> String {
    match message {
        Message::Request(request) => request.method.to_string(),
        Message::Response(response) => {
            let method = response.headers.cseq().expect("CSeq").method;
            format!("{} {method}", response.status.as_u16())
        }
    }
}

pub fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}
