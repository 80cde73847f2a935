//! A SIP endpoint of ours with what drives it: what the `net` shell does on sockets, done on the simulated wire.

use std::collections::VecDeque;
use std::net::SocketAddr;

use bytes::Bytes;
use plenary_sip::endpoint::{CallId, Command, Endpoint, EndpointSettings, Event, Output, RequestId, Rng, SendId};
use plenary_sip::message::{Limits, Message, parse_datagram};
use plenary_sip::net_types::{Destination, Source};

use super::clock::Clock;

#[derive(Debug)]
pub(super) struct Agent {
    pub endpoint: Endpoint,
    pub clock: Clock,
    pub host: SocketAddr,
    settings: EndpointSettings,
    seed: [u8; 32],
    sends: VecDeque<Outgoing>,
    ids: u64,
}

/// What a party wants sent.
#[derive(Debug)]
pub(super) struct Outgoing {
    /// Who sends it wants to know what became of it.
    pub send: Option<SendId>,
    pub destination: Destination,
    pub content: Content,
}

#[derive(Debug)]
pub(super) enum Content {
    /// Its Via and Contact wait for the address of the way.
    Open(Box<Message>),
    Octets(Bytes),
}

impl Agent {
    pub fn new(clock: Clock, host: SocketAddr, seed: [u8; 32], settings: EndpointSettings) -> Self {
        let endpoint = Endpoint::new(settings.clone(), Rng::new(seed));
        Self { endpoint, clock, host, settings, seed, sends: VecDeque::new(), ids: 0 }
    }

    /// Begins anew with other settings; for the time before the first message.
    pub fn set(&mut self, change: impl FnOnce(&mut EndpointSettings)) {
        change(&mut self.settings);
        self.endpoint = Endpoint::new(self.settings.clone(), Rng::new(self.seed));
    }

    pub fn hear(&mut self, octets: &Bytes, source: Source) {
        let now = self.clock.now();
        match parse_datagram(octets, &Limits::default()) {
            Ok(message) => self.endpoint.handle_message(message, source, now),
            Err(error) => self.endpoint.handle_parse_error(&error, source, now),
        }
    }

    pub fn command(&mut self, command: Command) {
        self.endpoint.handle_command(command, self.clock.now());
    }

    /// The next thing that the endpoint tells; what it wants sent is put aside meanwhile.
    pub fn poll_event(&mut self) -> Option<Event> {
        loop {
            match self.endpoint.poll_output()? {
                Output::Event(event) => return Some(event),
                Output::Send { id, destination, message } => {
                    let content = Content::Open(Box::new(message));
                    self.sends.push_back(Outgoing { send: Some(id), destination, content });
                }
            }
        }
    }

    pub fn poll_send(&mut self) -> Option<Outgoing> {
        self.sends.pop_front()
    }

    /// Ids of our own are even.
    pub fn next_call(&mut self) -> CallId {
        CallId(self.next_id())
    }

    pub fn next_request(&mut self) -> RequestId {
        RequestId(self.next_id())
    }

    fn next_id(&mut self) -> u64 {
        self.ids += 2;
        self.ids
    }
}
