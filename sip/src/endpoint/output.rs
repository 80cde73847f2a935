//! What the endpoint wants sent, and how a request is completed once its transport is known.
//!
//! A request to a [`Destination::Host`] leaves the endpoint before anybody knows whether it will go over UDP
//! or TLS (RFC 3263). Until then its Via and Contact name the host [`OPEN_HOST`]; the net, having chosen,
//! calls [`complete`] and prints. What goes out again later (a repetition, the ACK of a refusal, CANCEL)
//! follows the flow of the first packet and so is completed to the same text.

use crate::endpoint::{ContactTemplate, Event, SentBy};
use crate::message::{Header, HeaderName, Host, Message, Method, NameAddr, Request, SipUri, Via};
use crate::net_types::{Destination, Transport};

/// Stands in Via and Contact where our own address comes: RFC 2606 keeps it from being anybody's.
pub const OPEN_HOST: &str = "here.invalid";

/// One for all sends of a transaction, so that the net may tell what became of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SendId(pub u64);

#[derive(Debug)]
pub enum Output {
    /// Send this. For a request the net first chooses the transport, calls [`complete`], and tells
    /// `Endpoint::handle_sent` which flow it took, or `Endpoint::handle_transport_error`.
    ///
    /// A request of more than 1300 bytes to a `Host` that leaves room for it goes over TCP, and over UDP only
    /// when no connection came about (RFC 3261 §18.1.1).
    Send {
        id: SendId,
        destination: Destination,
        message: Message,
    },
    Event(Event),
}

/// Writes our address on `transport` into Via and Contact, where they are open still.
pub fn complete(message: &mut Message, transport: Transport, sent_by: &SentBy) {
    let headers = match message {
        Message::Request(request) => {
            complete_via(request, transport, sent_by);
            &mut request.headers
        }
        Message::Response(response) => &mut response.headers,
    };
    let open = headers.get(&HeaderName::Contact).filter(|value| value.contains(OPEN_HOST));
    if let Some(value) = open {
        let contact = complete_contact(&value, transport, sent_by);
        headers.set(Header::new(HeaderName::Contact, contact));
    }
}

fn complete_via(request: &mut Request, transport: Transport, sent_by: &SentBy) {
    let Ok(mut via) = request.headers.top_via() else { return };
    if via.host != Host::Name(OPEN_HOST.into()) {
        return;
    }
    via.transport = transport.via_name().into();
    via.host = sent_by.host.clone();
    via.port = Some(sent_by.port);
    request.headers.replace_first_value(&HeaderName::Via, &via.to_string());
}

/// RFC 7118 §5.3: `ws` stands for both; a `sips` URI needs no word on TLS.
fn complete_contact(value: &str, transport: Transport, sent_by: &SentBy) -> String {
    let parameter = match transport {
        Transport::Udp => "",
        Transport::Tcp => ";transport=tcp",
        Transport::Tls if value.contains("sips:") => "",
        Transport::Tls => ";transport=tls",
        Transport::Ws | Transport::Wss => ";transport=ws",
    };
    let named = format!(".{OPEN_HOST}");
    if value.contains(&named) {
        return value.replacen(&named, &format!(":{}{parameter}", sent_by.port), 1);
    }
    value.replacen(OPEN_HOST, &format!("{}:{}{parameter}", sent_by.host, sent_by.port), 1)
}

/// A Via of ours, still open; `token` makes its branch. `rport` asks for RFC 3581.
pub(crate) fn open_via(token: &str) -> Header {
    let mut via = Via::new("UDP", Host::Name(OPEN_HOST.into()), None, &format!("{}{token}", Via::COOKIE));
    via.params.push("rport", None);
    Header::new(HeaderName::Via, via.to_string())
}

/// Requests that carry a Contact of ours when they go out in a dialog or make one (§12.1.1, RFC 3311 §5.1).
pub(crate) fn has_contact(method: &Method) -> bool {
    matches!(method, Method::Invite | Method::Update | Method::Subscribe | Method::Notify | Method::Refer)
}

impl ContactTemplate {
    /// The Contact header with its address left open, for the headers of a command.
    pub fn header(&self) -> Header {
        Header::new(HeaderName::Contact, self.open(false))
    }

    /// `sips` when the dialog is (RFC 5630 §3.1.3).
    pub(crate) fn open(&self, sips: bool) -> String {
        let host = self.host.as_ref().map_or_else(|| OPEN_HOST.to_owned(), |host| format!("{host}.{OPEN_HOST}"));
        let uri = SipUri::new(self.user.as_deref(), Host::Name(host), None).sips(sips);
        let contact = NameAddr::new(uri.into());
        let separator = if self.parameters.is_empty() || self.parameters.starts_with(';') { "" } else { ";" };
        format!("{contact}{separator}{}", self.parameters)
    }
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use super::*;

    fn here() -> SentBy {
        "192.0.2.7:5062".parse::<SocketAddr>().expect("an address").into()
    }

    fn open_request() -> Message {
        let contact = ContactTemplate { user: Some("7".into()), parameters: ";isfocus".into(), host: None };
        let mut request = Request {
            method: Method::Invite,
            uri: "sip:bob@b.example".parse().expect("a URI"),
            headers: Default::default(),
            body: Default::default(),
        };
        request.headers.push(open_via("abc"));
        request.headers.push(contact.header());
        Message::Request(request)
    }

    fn completed(transport: Transport) -> (String, String) {
        let mut message = open_request();
        complete(&mut message, transport, &here());
        let Message::Request(request) = message else { unreachable!("made as a request") };
        let text = |name| request.headers.get(&name).expect("a header").into_owned();
        (text(HeaderName::Via), text(HeaderName::Contact))
    }

    #[test]
    fn via_and_contact_get_the_address_of_the_transport() {
        let (via, contact) = completed(Transport::Tcp);
        assert_eq!(via, "SIP/2.0/TCP 192.0.2.7:5062;branch=z9hG4bKabc;rport");
        assert_eq!(contact, "<sip:7@192.0.2.7:5062;transport=tcp>;isfocus");
    }

    #[test]
    fn udp_is_what_a_contact_means_without_a_word() {
        assert_eq!(completed(Transport::Udp).1, "<sip:7@192.0.2.7:5062>;isfocus");
    }

    #[test]
    fn completing_twice_changes_nothing() {
        let mut message = open_request();
        complete(&mut message, Transport::Tls, &here());
        let Message::Request(once) = message.clone() else { unreachable!("made as a request") };
        complete(&mut message, Transport::Udp, &here());
        let Message::Request(twice) = message else { unreachable!("made as a request") };
        assert_eq!(once.to_bytes(), twice.to_bytes());
    }

    /// A session border controller that takes us for nobody without our name (Microsoft Teams).
    #[test]
    fn a_host_of_its_own_stands_in_the_contact_and_the_port_is_the_flows() {
        let host = Some(Host::Name("sbc.example.org".into()));
        let contact = ContactTemplate { user: Some("7".into()), parameters: ";isfocus".into(), host };
        for (transport, expected) in [
            (Transport::Tls, "<sip:7@sbc.example.org:5062;transport=tls>;isfocus"),
            (Transport::Udp, "<sip:7@sbc.example.org:5062>;isfocus"),
        ] {
            let mut message = open_request();
            if let Message::Request(request) = &mut message {
                request.headers.set(contact.header());
            }
            complete(&mut message, transport, &here());
            let Message::Request(request) = message else { panic!("a request") };
            assert_eq!(request.headers.get(&HeaderName::Contact).as_deref(), Some(expected));
            assert!(request.headers.get(&HeaderName::Via).is_some_and(|via| via.contains("192.0.2.7:5062")));
        }
    }
}
