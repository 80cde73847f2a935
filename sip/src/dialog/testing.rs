//! An INVITE and its sources, for the tests of dialogs and usages.

use crate::message::{Header, HeaderName, Method, Request};
use crate::net_types::{FlowId, Source, Transport};

/// Alice, at 192.0.2.1:5060, calls Bob.
pub fn invite() -> Request {
    let mut request = Request {
        method: Method::Invite,
        uri: "sip:bob@b.example".parse().expect("a URI"),
        headers: Default::default(),
        body: Default::default(),
    };
    for (name, value) in [
        (HeaderName::Via, "SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bK74bf9"),
        (HeaderName::From, "Alice <sip:alice@a.example>;tag=9fxced76sl"),
        (HeaderName::To, "Bob <sip:bob@b.example>"),
        (HeaderName::CallId, "3848276298220188511@a.example"),
        (HeaderName::CSeq, "1 INVITE"),
        (HeaderName::Contact, "<sip:alice@192.0.2.1:5060>"),
        (HeaderName::MaxForwards, "70"),
    ] {
        request.headers.push(Header::new(name, value));
    }
    request
}

pub fn source(remote: &str) -> Source {
    source_by(Transport::Udp, remote)
}

pub fn source_by(transport: Transport, remote: &str) -> Source {
    Source {
        transport,
        local: "192.0.2.100:5060".parse().expect("an address"),
        remote: remote.parse().expect("an address"),
        flow: FlowId(1),
    }
}
