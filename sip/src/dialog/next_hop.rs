//! By which way requests reach the peer: RFC 3261 §8.1.2 and §12.2.1.1, and where a NAT makes that impossible.
//!
//! The first of the route set, else the remote target, is where a request goes. But a phone behind a NAT
//! writes an address into its Contact that nobody else can reach, a browser one that does not exist
//! (RFC 7118 §5), and a phone on TCP often listens nowhere. So a peer that speaks with us directly, through
//! no proxy, is answered down the flow it uses, unless its Contact is plainly the better address. One that we
//! called down the flow of its registration is asked for nowhere else: its Contact may be a third host's.

use std::net::{IpAddr, SocketAddr};

use crate::dialog::RouteSet;
use crate::message::{HeaderName, Headers, Request, Uri};
use crate::net_types::{ByFlow, Destination, Source, Transport};

/// The flow by which a peer was last heard.
#[derive(Clone, Copy, Debug)]
pub struct Peer {
    source: Source,
    /// No proxy between: what comes by the flow comes from the peer itself.
    direct: bool,
    /// We called it down this flow, the only way to it.
    called: bool,
}

impl Peer {
    pub fn of_request(headers: &Headers, source: Source) -> Self {
        let direct = headers.vias().is_ok_and(|vias| vias.len() == 1);
        Self { source, direct, called: false }
    }

    /// A request that was sent down a known flow, without a route, meets the peer itself there.
    pub fn of_response(request: &Request, sent_by: Option<ByFlow>, source: Source) -> Self {
        let direct = sent_by.is_some() && !request.headers.contains(&HeaderName::Route);
        let called = matches!(sent_by, Some(ByFlow::Only(_)));
        Self { source: sent_by.map_or(source, ByFlow::source), direct, called }
    }

    /// The peer was heard by another flow: its connection broke, or its NAT forgot it.
    pub fn refresh(&mut self, source: Source) {
        self.source = source;
    }

    /// Where a request goes, and where it goes when that fails.
    pub fn next_hops(&self, routes: &RouteSet, target: &Uri) -> Vec<Destination> {
        let by_address = next_hop_of(routes.first().unwrap_or(target));
        let by_address = by_address.map(|hop| hop.named_by(self.source.remote.ip()));
        if self.direct && routes.first().is_none() && self.prefers_flow(target) {
            let flow = Destination::from(self.source);
            let browser = matches!(self.source.transport, Transport::Ws | Transport::Wss);
            let by_address = by_address.filter(|_| !browser && (!self.called || self.is_host_of(target)));
            return [flow].into_iter().chain(by_address).collect();
        }
        by_address.into_iter().collect()
    }

    fn prefers_flow(&self, target: &Uri) -> bool {
        if self.source.transport.is_reliable() {
            return true;
        }
        let Uri::Sip(target) = target else { return true };
        // A GRUU names its registrar as host (RFC 5627): who is one himself would call himself.
        if target.has_param("gr") {
            return true;
        }
        match target.host().ip() {
            Some(ip) => ip != self.source.remote.ip() && (self.called || is_private(ip)),
            None => self.called || target.host().to_string().ends_with(".invalid"),
        }
    }

    fn is_host_of(&self, target: &Uri) -> bool {
        target.as_sip().and_then(|uri| uri.host().ip()) == Some(self.source.remote.ip())
    }
}

/// What a URI says about where it is reached: the input of RFC 3263. None for one that is no SIP URI.
///
/// `maddr` is not followed: it would let anybody send our requests anywhere.
pub fn next_hop_of(uri: &Uri) -> Option<Destination> {
    let Uri::Sip(uri) = uri else { return None };
    let transport = uri.transport().and_then(|name| transport_named(&name, uri.is_sips()));
    let host = uri.host().ip().map_or_else(|| uri.host().to_string(), |ip| ip.to_string());
    Some(Destination::Host { transport, secure: uri.is_sips(), host, port: uri.port(), named_by: None })
}

fn transport_named(name: &str, sips: bool) -> Option<Transport> {
    match name.to_ascii_lowercase().as_str() {
        "udp" => Some(Transport::Udp),
        "tcp" if sips => Some(Transport::Tls),
        "tcp" => Some(Transport::Tcp),
        "tls" => Some(Transport::Tls),
        "ws" if !sips => Some(Transport::Ws),
        "ws" | "wss" => Some(Transport::Wss),
        _ => None,
    }
}

/// Addresses that mean something else on the other side of a NAT: RFC 1918, 6598, 3927, 4193, loopback.
fn is_private(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => {
            let [a, b, ..] = ip.octets();
            let shared = a == 100 && (64..128).contains(&b);
            ip.is_private() || shared || ip.is_link_local() || ip.is_loopback() || ip.is_unspecified()
        }
        IpAddr::V6(ip) => ip.is_unique_local() || ip.is_unicast_link_local() || ip.is_loopback() || ip.is_unspecified(),
    }
}

impl From<Source> for Destination {
    /// Back down the flow a message came by.
    fn from(source: Source) -> Self {
        let remote: SocketAddr = source.remote;
        Self::Flow { flow: source.flow, transport: source.transport, remote }
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{invite, source, source_by};
    use super::*;
    use crate::message::{Header, NameAddr};

    fn hops(contact: &str, source: Source) -> Vec<Destination> {
        let peer = Peer::of_request(&invite().headers, source);
        peer.next_hops(&RouteSet::default(), &contact.parse().expect("a URI"))
    }

    fn host(host: &str, port: Option<u16>) -> Destination {
        let named_by = Some([192, 0, 2, 1].into());
        Destination::Host { transport: None, secure: false, host: host.into(), port, named_by }
    }

    #[test]
    fn over_udp_a_contact_that_can_be_true_is_believed() {
        assert_eq!(hops("sip:a@192.0.2.1:7000", source("192.0.2.1:5060")), [host("192.0.2.1", Some(7000))]);
        assert_eq!(hops("sip:a@198.51.100.9", source("192.0.2.1:5060")), [host("198.51.100.9", None)]);
        assert_eq!(hops("sip:a@a.example", source("192.0.2.1:5060")), [host("a.example", None)]);
    }

    #[test]
    fn behind_a_nat_the_flow_is_used_first() {
        let nat = source("192.0.2.1:31000");
        assert_eq!(hops("sip:a@10.0.0.7:5060", nat)[0], Destination::from(nat));
    }

    /// Else its REGISTER and its 200 would send our ACK and BYE to whomever it likes.
    #[test]
    fn who_was_called_down_his_flow_is_not_looked_for_at_a_third_host() {
        let hops = |contact: &str, flow: Source| {
            let peer = Peer::of_response(&invite(), Some(ByFlow::Only(flow)), flow);
            peer.next_hops(&RouteSet::default(), &contact.parse().expect("a URI"))
        };
        let (udp, tcp) = (source("192.0.2.1:5060"), source_by(Transport::Tcp, "192.0.2.1:40000"));
        for flow in [udp, tcp] {
            for third in ["sip:a@198.51.100.9", "sip:a@victim.example"] {
                assert_eq!(hops(third, flow), [Destination::from(flow)], "{third}");
            }
        }
        assert_eq!(hops("sip:a@192.0.2.1:7000", udp), [host("192.0.2.1", Some(7000))]);
        assert_eq!(hops("sip:a@192.0.2.1:7000", tcp), [Destination::from(tcp), host("192.0.2.1", Some(7000))]);
    }

    #[test]
    fn a_connection_is_used_while_it_stands_and_a_browser_is_nowhere_else() {
        let tcp = source_by(Transport::Tcp, "192.0.2.1:40000");
        assert_eq!(hops("sip:a@192.0.2.1", tcp), [Destination::from(tcp), host("192.0.2.1", None)]);
        let browser = source_by(Transport::Wss, "192.0.2.1:40000");
        assert_eq!(hops("sip:a@df7jal23ls0d.invalid;transport=ws", browser), [Destination::from(browser)]);
    }

    #[test]
    fn behind_a_proxy_only_addresses_count() {
        let mut request = invite();
        request.headers.push_front(Header::new(HeaderName::Via, "SIP/2.0/TCP p.example;branch=z9hG4bKp"));
        let peer = Peer::of_request(&request.headers, source_by(Transport::Tcp, "192.0.2.9:5060"));
        let target = "sip:a@10.0.0.7".parse().expect("a URI");
        let by_contact = host("10.0.0.7", None).named_by([192, 0, 2, 9].into());
        assert_eq!(peer.next_hops(&RouteSet::default(), &target), [by_contact]);
        let route: NameAddr = "<sip:p.example;lr;transport=tcp>".parse().expect("a route");
        let by_route = Destination::Host {
            transport: Some(Transport::Tcp),
            secure: false,
            host: "p.example".into(),
            port: None,
            named_by: Some([192, 0, 2, 9].into()),
        };
        assert_eq!(peer.next_hops(&RouteSet::preloaded(vec![route]), &target), [by_route]);
    }

    #[test]
    fn sips_lifts_every_transport_to_tls() {
        let hop = next_hop_of(&"sips:a@a.example;transport=tcp".parse().expect("a URI"));
        let expected = Destination::Host {
            transport: Some(Transport::Tls),
            secure: true,
            host: "a.example".into(),
            port: None,
            named_by: None,
        };
        assert_eq!(hop, Some(expected));
        assert_eq!(next_hop_of(&"tel:+4930".parse().expect("a URI")), None);
    }
}
