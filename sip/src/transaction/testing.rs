//! Messages and a reader of outputs for the tests of the four machines.

use super::{Client, Failure, InviteClient, InviteServer, Output, Server};
use crate::message::{Header, HeaderName, Message, Method, Request, Response, StatusCode};

/// What a machine said, short enough to compare.
#[derive(Clone, Debug, PartialEq)]
pub enum Said {
    Request(Method),
    Response(StatusCode),
    Delivered(StatusCode),
    Failed(Failure),
}

pub trait Machine {
    fn next(&mut self) -> Option<Output>;
}

impl Machine for InviteClient {
    fn next(&mut self) -> Option<Output> {
        self.poll_output()
    }
}

impl Machine for InviteServer {
    fn next(&mut self) -> Option<Output> {
        self.poll_output()
    }
}

impl Machine for Client {
    fn next(&mut self) -> Option<Output> {
        self.poll_output()
    }
}

impl Machine for Server {
    fn next(&mut self) -> Option<Output> {
        self.poll_output()
    }
}

/// Everything said since the last look.
pub fn sent(machine: &mut impl Machine) -> Vec<Said> {
    std::iter::from_fn(|| machine.next())
        .map(|output| match output {
            Output::Send(Message::Request(request)) => Said::Request(request.method),
            Output::Send(Message::Response(response)) => Said::Response(response.status),
            Output::Deliver(response) => Said::Delivered(response.status),
            Output::Failed(failure) => Said::Failed(failure),
        })
        .collect()
}

pub fn request(method: Method) -> Request {
    let mut request = Request {
        method: method.clone(),
        uri: "sip:bob@b.example".parse().expect("a URI"),
        headers: Default::default(),
        body: Default::default(),
    };
    for (name, value) in [
        (HeaderName::Via, "SIP/2.0/UDP a.example;branch=z9hG4bK74bf9"),
        (HeaderName::From, "Alice <sip:alice@a.example>;tag=9fxced76sl"),
        (HeaderName::To, "Bob <sip:bob@b.example>"),
        (HeaderName::CallId, "3848276298220188511@a.example"),
        (HeaderName::MaxForwards, "70"),
    ] {
        request.headers.push(Header::new(name, value));
    }
    request.headers.push(Header::new(HeaderName::CSeq, format!("1 {method}")));
    request
}

pub fn with_via(mut request: Request, via: &str) -> Request {
    request.headers.set(Header::new(HeaderName::Via, via));
    request
}

pub fn respond(request: &Request, status: StatusCode) -> Response {
    request.response(status, Some("8321234356"))
}
