//! One endpoint that a test talks to in plain text, and what it says to that.

#![allow(dead_code, reason = "each test file takes what it needs")]

use std::time::{Duration, Instant};

use plenary_sip::endpoint::{CallId, Command, Endpoint, EndpointSettings, Event, Output, RequestId, Rng};
use plenary_sip::message::{HeaderName, Limits, Message, Request, Response, parse_datagram};
use plenary_sip::net_types::{Destination, FlowId, Source, Transport};

pub struct Lone {
    pub endpoint: Endpoint,
    pub now: Instant,
    pub source: Source,
    pub sent: Vec<(Destination, Message)>,
    pub events: Vec<Event>,
}

impl Lone {
    pub fn new() -> Self {
        Self::with(EndpointSettings::default())
    }

    pub fn with(settings: EndpointSettings) -> Self {
        let source = Source {
            transport: Transport::Udp,
            local: "192.0.2.100:5060".parse().expect("an address"),
            remote: "192.0.2.1:5060".parse().expect("an address"),
            flow: FlowId(1),
        };
        let endpoint = Endpoint::new(settings, Rng::new([5; 32]));
        Self { endpoint, now: Instant::now(), source, sent: Vec::new(), events: Vec::new() }
    }

    /// Hands in a message; `\n` ends a line.
    pub fn hear(&mut self, text: &str) {
        let text = text.replace('\n', "\r\n");
        let text = if text.contains("\r\n\r\n") { text } else { format!("{text}\r\n") };
        let message = parse_datagram(&text.into(), &Limits::default()).expect("a readable message");
        self.endpoint.handle_message(message, self.source, self.now);
        self.collect();
    }

    pub fn command(&mut self, command: Command) {
        self.endpoint.handle_command(command, self.now);
        self.collect();
    }

    pub fn run_for(&mut self, span: Duration) {
        let until = self.now + span;
        while let Some(at) = self.endpoint.poll_timeout().filter(|at| *at <= until) {
            self.now = self.now.max(at);
            self.endpoint.handle_timeout(self.now);
            self.collect();
        }
        self.now = until;
    }

    /// What was sent since the last look, as `200 INVITE` or `BYE`.
    pub fn said(&mut self) -> Vec<String> {
        self.sent.drain(..).map(|(_, message)| what(&message)).collect()
    }

    pub fn last_response(&self) -> &Response {
        let responses = self.sent.iter().rev().filter_map(|(_, message)| match message {
            Message::Response(response) => Some(response),
            Message::Request(_) => None,
        });
        responses.into_iter().next().expect("a response was sent")
    }

    pub fn last_request(&self) -> &Request {
        let requests = self.sent.iter().rev().filter_map(|(_, message)| match message {
            Message::Request(request) => Some(request),
            Message::Response(_) => None,
        });
        requests.into_iter().next().expect("a request was sent")
    }

    /// The call that came in last.
    pub fn incoming(&self) -> CallId {
        let calls = self.events.iter().rev().filter_map(|event| match event {
            Event::Incoming { call, .. } => Some(*call),
            _ => None,
        });
        calls.into_iter().next().expect("a call has come in")
    }

    /// The request that came in last.
    pub fn request(&self) -> RequestId {
        let requests = self.events.iter().rev().filter_map(|event| match event {
            Event::Request { request, .. } => Some(*request),
            _ => None,
        });
        requests.into_iter().next().expect("a request has come in")
    }

    fn collect(&mut self) {
        while let Some(output) = self.endpoint.poll_output() {
            match output {
                Output::Event(event) => self.events.push(event),
                Output::Send { id, destination, mut message } => {
                    self.endpoint.complete(&mut message, self.source.transport, self.source.local);
                    if let Message::Request(_) = message {
                        self.endpoint.handle_sent(id, self.source, self.now);
                    }
                    self.sent.push((destination, message));
                }
            }
        }
    }
}

pub fn what(message: &Message) -> String {
    match message {
        Message::Request(request) => request.method.to_string(),
        Message::Response(response) => {
            format!("{} {}", response.status.as_u16(), response.headers.cseq().expect("CSeq").method)
        }
    }
}

/// A request from Alice: `extra` are whole lines, each with its end.
pub fn request(method: &str, branch: &str, cseq: u32, to_tag: &str, extra: &str) -> String {
    let tag = if to_tag.is_empty() { String::new() } else { format!(";tag={to_tag}") };
    format!(
        "{method} sip:bob@192.0.2.100 SIP/2.0\n\
         Via: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bK{branch}\n\
         From: Alice <sip:alice@a.example>;tag=alice\n\
         To: Bob <sip:bob@b.example>{tag}\n\
         Call-ID: call-1\n\
         CSeq: {cseq} {method}\n\
         Contact: <sip:alice@192.0.2.1:5060>\n\
         Max-Forwards: 70\n\
         {extra}Content-Length: 0\n"
    )
}

pub fn invite(branch: &str, extra: &str) -> String {
    request("INVITE", branch, 1, "", extra)
}

/// The same with an offer.
pub fn with_sdp(request: &str) -> String {
    request.replace("Content-Length: 0\n", "Content-Type: application/sdp\nContent-Length: 3\n\nv=0")
}

/// A response of Bob's to a request of ours.
pub fn response(request: &Request, status: u16, to_tag: &str, extra: &str) -> String {
    let header = |name: HeaderName| request.headers.get(&name).expect("a header").into_owned();
    format!(
        "SIP/2.0 {status} Whatever\nVia: {}\nFrom: {}\nTo: {};tag={to_tag}\nCall-ID: {}\nCSeq: {}\n\
         Contact: <sip:{to_tag}@192.0.2.1:5060>\n{extra}Content-Length: 0\n",
        header(HeaderName::Via),
        header(HeaderName::From),
        header(HeaderName::To).split(";tag").next().unwrap_or_default(),
        header(HeaderName::CallId),
        header(HeaderName::CSeq),
    )
}

pub fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}
