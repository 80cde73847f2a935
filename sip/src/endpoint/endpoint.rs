//! The endpoint.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::Instant;

use crate::endpoint::{Command, EndpointSettings, Output, Rng, SendId, complete};
use crate::message::{Message, ParseError};
use crate::net_types::{Source, Transport};

#[derive(Debug)]
pub struct Endpoint {
    settings: EndpointSettings,
    #[expect(dead_code, reason = "calls come next")]
    rng: Rng,
    output: VecDeque<Output>,
}

impl Endpoint {
    pub fn new(settings: EndpointSettings, rng: Rng) -> Self {
        Self { settings, rng, output: VecDeque::new() }
    }

    pub fn handle_message(&mut self, _message: Message, _source: Source, _now: Instant) {}

    /// Answers what could not be read, statelessly.
    pub fn handle_parse_error(&mut self, _error: &ParseError, _source: Source, _now: Instant) {}

    /// A send has left by this flow: what follows in its transaction goes the same way.
    pub fn handle_sent(&mut self, _send: SendId, _flow: Source, _now: Instant) {}

    /// A send could not be done.
    pub fn handle_transport_error(&mut self, _send: SendId, _now: Instant) {}

    pub fn handle_command(&mut self, _command: Command, _now: Instant) {}

    pub fn handle_timeout(&mut self, _now: Instant) {}

    pub fn poll_output(&mut self) -> Option<Output> {
        self.output.pop_front()
    }

    pub fn poll_timeout(&self) -> Option<Instant> {
        None
    }

    /// Completes a message for the transport that the net has chosen; `local`: the socket it will leave by.
    pub fn complete(&self, message: &mut Message, transport: Transport, local: SocketAddr) {
        complete(message, transport, &self.settings.sent_by(transport, local));
    }
}
