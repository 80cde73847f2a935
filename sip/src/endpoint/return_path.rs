//! The way back: what we note in the top Via of a request, and where its responses go.
//!
//! RFC 3261 §18.2.1 and §18.2.2, RFC 3581 §4. `maddr` is not followed: it would send our responses anywhere.

use crate::message::{HeaderName, Host, Request, Via};
use crate::net_types::{Destination, Source, Transport};

/// Which port of the sender a response over UDP goes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReplyPort {
    /// That of the socket where `rport` asks for it, else that of sent-by: RFC 3581 §4.
    AsAsked,
    /// That of the socket, whatever the Via says. It is not written into the Via of who did not ask.
    OfSource,
}

/// Writes `received` and `rport` into the top Via, as the socket saw them.
pub fn stamp(request: &mut Request, source: Source) {
    let Ok(mut via) = request.headers.top_via() else { return };
    let remote = source.remote;
    let asks_port = via.rport().is_some();
    if !asks_port && via.host.ip() == Some(remote.ip()) {
        return;
    }
    via.set_received(remote.ip());
    if asks_port {
        via.set_rport(remote.port());
    }
    request.headers.replace_first_value(&HeaderName::Via, &via.to_string());
}

/// Where the responses go, and on a stream where else when the connection is gone.
pub fn return_path(request: &Request, source: Source, port: ReplyPort) -> (Destination, Vec<Destination>) {
    let via = request.headers.top_via().ok();
    if source.transport == Transport::Udp {
        let mut remote = source.remote;
        let asked_elsewhere = |via: &Via| port == ReplyPort::AsAsked && via.rport().is_none();
        if let Some(via) = via.filter(asked_elsewhere) {
            remote.set_port(via.port.unwrap_or(Transport::Udp.default_port()));
        }
        return (Destination::Flow { flow: source.flow, transport: source.transport, remote }, Vec::new());
    }
    (Destination::from(source), via.map(|via| reopened(&via, source)).unwrap_or_default())
}

/// A new connection: to the address that the request came from, at the port of sent-by; then to sent-by itself, a name
/// by its records (RFC 3263 §5). Over TLS only a name can be proven. A browser takes no connection.
fn reopened(via: &Via, source: Source) -> Vec<Destination> {
    let (transport, secure) = (source.transport, source.transport.is_secure());
    if matches!(transport, Transport::Ws | Transport::Wss) {
        return Vec::new();
    }
    let named_by = Some(source.remote.ip());
    let to = |host: String, port| Destination::Host { transport: Some(transport), secure, host, port, named_by };
    let received = to(source.remote.ip().to_string(), Some(via.port.unwrap_or(transport.default_port())));
    match &via.host {
        Host::Name(name) if secure => vec![to(name.clone(), via.port)],
        Host::Name(name) => vec![received, to(name.clone(), via.port)],
        Host::V4(_) | Host::V6(_) => vec![received],
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dialog::testing::{invite, source, source_by};
    use crate::message::Header;

    fn stamped(via: &str, source: Source) -> (String, Destination) {
        let mut request = invite();
        request.headers.set(Header::new(HeaderName::Via, via));
        stamp(&mut request, source);
        let path = return_path(&request, source, ReplyPort::AsAsked).0;
        (request.headers.get(&HeaderName::Via).unwrap_or_default().into_owned(), path)
    }

    fn to(remote: &str) -> Destination {
        Destination::from(source(remote))
    }

    #[test]
    fn an_empty_rport_is_answered_where_the_request_came_from() {
        let (via, path) = stamped("SIP/2.0/UDP 10.0.0.1:5060;rport;branch=z9hG4bKa", source("192.0.2.1:31000"));
        assert!(via.contains(";received=192.0.2.1") && via.contains(";rport=31000"), "{via}");
        assert_eq!(path, to("192.0.2.1:31000"));
    }

    #[test]
    fn without_rport_the_port_is_that_of_sent_by() {
        let (via, path) = stamped("SIP/2.0/UDP 10.0.0.1;branch=z9hG4bKa", source("192.0.2.1:31000"));
        assert!(via.ends_with(";received=192.0.2.1"), "{via}");
        assert_eq!(path, to("192.0.2.1:5060"));
    }

    #[test]
    fn a_forced_rport_is_used_and_not_written() {
        let source = source("192.0.2.1:31000");
        let mut request = invite();
        request.headers.set(Header::new(HeaderName::Via, "SIP/2.0/UDP 10.0.0.1;branch=z9hG4bKa"));
        stamp(&mut request, source);
        assert!(!request.headers.get(&HeaderName::Via).unwrap_or_default().contains("rport"));
        assert_eq!(return_path(&request, source, ReplyPort::OfSource).0, to("192.0.2.1:31000"));
    }

    #[test]
    fn a_true_sent_by_needs_no_note_but_a_name_does() {
        let plain = "SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bKa";
        assert_eq!(stamped(plain, source("192.0.2.1:5060")).0, plain);
        assert!(stamped("SIP/2.0/UDP a.example;branch=z9hG4bKa", source("192.0.2.1:5060")).0.contains("received="));
    }

    #[test]
    fn a_lost_connection_is_opened_anew_to_sent_by() {
        let source = source_by(Transport::Tcp, "192.0.2.1:41000");
        let (_, again) = return_path(&invite(), source, ReplyPort::AsAsked);
        let expected = Destination::Host {
            transport: Some(Transport::Tcp),
            secure: false,
            host: "192.0.2.1".into(),
            port: Some(5060),
            named_by: Some(source.remote.ip()),
        };
        assert_eq!(again, [expected]);
        let mut named = invite();
        named.headers.set(Header::new(HeaderName::Via, "SIP/2.0/TCP a.example;branch=z9hG4bKa"));
        let by_records = Destination::Host {
            transport: Some(Transport::Tcp),
            secure: false,
            host: "a.example".into(),
            port: None,
            named_by: Some(source.remote.ip()),
        };
        assert_eq!(return_path(&named, source, ReplyPort::AsAsked).1.last(), Some(&by_records));
    }
}
