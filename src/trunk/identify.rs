//! Which trunk a request comes from. Nobody, unless something says so: CVE-2024-35190 was a default that let everybody in.
//!
//! A trunk is known by the addresses that its administrator wrote down, by the certificate that it shows (RFC 5922 §7.4),
//! and where it registers, by the registrar that took our password. What the request says of itself counts nothing.

use plenary_sip::net::DomainIdentities;
use plenary_sip::net_types::{Network, Source, Transport};

/// By what a trunk is known.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Marks {
    pub sources: Vec<Network>,
    /// The only transport that it speaks; absent: any but a browser's.
    pub transport: Option<Transport>,
    /// The host that its certificate stands for. With one, no address stands for the trunk any more.
    pub certificate: Option<String>,
    /// `*.` in place of its first label will do.
    pub wildcard: bool,
    /// The registrar, as it answered our REGISTER.
    pub registrar: Option<Source>,
}

/// Surer than any address.
const BY_REGISTRATION: u8 = u8::MAX;
const BY_CERTIFICATE: u8 = u8::MAX - 1;

impl Marks {
    /// How surely the request comes from this trunk, in bits of the network that it lies in.
    fn fit(&self, source: &Source, proven: &DomainIdentities) -> Option<u8> {
        let spoken = match self.transport {
            Some(transport) => transport == source.transport,
            None => !matches!(source.transport, Transport::Ws | Transport::Wss),
        };
        if !spoken {
            return None;
        }
        let is_registrar = |registrar: &Source| {
            let same_peer = registrar.remote.ip() == source.remote.ip() && registrar.transport == source.transport;
            let same_address = registrar.remote == source.remote && self.certificate.is_none();
            same_peer && (registrar.flow == source.flow || same_address)
        };
        if self.registrar.as_ref().is_some_and(is_registrar) {
            return Some(BY_REGISTRATION);
        }
        let containing = self.sources.iter().filter(|network| network.is_source(source));
        let listed = containing.map(Network::prefix).max();
        let proves = |host: &str| match self.wildcard {
            true => proven.include_with_wildcards(host),
            false => proven.include(host),
        };
        match &self.certificate {
            None => listed,
            Some(host) if !proves(host) => None,
            Some(_) => (self.sources.is_empty() || listed.is_some()).then_some(BY_CERTIFICATE),
        }
    }
}

/// The trunk that fits best, the first by name of those that fit alike.
pub fn identify<'a>(
    trunks: impl Iterator<Item = (&'a str, &'a Marks)>,
    source: &Source,
    proven: &DomainIdentities,
) -> Option<&'a str> {
    let mut best: Option<(u8, &str)> = None;
    for (name, marks) in trunks {
        let fit = marks.fit(source, proven);
        if let Some(fit) = fit.filter(|fit| best.is_none_or(|(before, _)| before < *fit)) {
            best = Some((fit, name));
        }
    }
    best.map(|(_, name)| name)
}

#[cfg(test)]
mod tests {
    use std::net::{IpAddr, Ipv4Addr, SocketAddr};

    use plenary_sip::endpoint::Rng;
    use plenary_sip::net_types::FlowId;

    use super::*;

    fn source(transport: Transport, remote: &str, flow: u64) -> Source {
        Source {
            transport,
            local: "198.51.100.1:5060".parse().expect("an address"),
            remote: remote.parse().expect("an address"),
            flow: FlowId(flow),
        }
    }

    fn marks(sources: &[&str], transport: Option<Transport>) -> Marks {
        let sources = sources.iter().map(|source| source.parse().expect("a network")).collect();
        Marks { sources, transport, ..Marks::default() }
    }

    fn known<'a>(trunks: &'a [(&'a str, Marks)], source: &Source) -> Option<&'a str> {
        known_with(trunks, source, &DomainIdentities::default())
    }

    fn known_with<'a>(trunks: &'a [(&'a str, Marks)], source: &Source, proven: &DomainIdentities) -> Option<&'a str> {
        identify(trunks.iter().map(|(name, marks)| (*name, marks)), source, proven)
    }

    fn shown(host: &str) -> DomainIdentities {
        let made = rcgen::generate_simple_self_signed([host.to_owned()]).expect("a certificate");
        DomainIdentities::of(made.cert.der())
    }

    #[test]
    fn the_narrowest_network_wins() {
        let trunks = [("all", marks(&["192.0.2.0/24"], None)), ("one", marks(&["192.0.2.7"], None))];
        assert_eq!(known(&trunks, &source(Transport::Udp, "192.0.2.7:5060", 1)), Some("one"));
        assert_eq!(known(&trunks, &source(Transport::Tcp, "192.0.2.8:40000", 2)), Some("all"));
        assert_eq!(known(&trunks, &source(Transport::Udp, "192.0.3.7:5060", 1)), None);
    }

    /// Another program on the PBX's machine, or behind its NAT, is not the PBX.
    #[test]
    fn a_port_tells_one_peer_of_an_address_from_another() {
        let trunks = [("pbx", marks(&["192.0.2.7:5060"], None)), ("rest", marks(&["192.0.2.7"], Some(Transport::Tls)))];
        assert_eq!(known(&trunks, &source(Transport::Udp, "192.0.2.7:5060", 1)), Some("pbx"));
        assert_eq!(known(&trunks, &source(Transport::Udp, "192.0.2.7:5080", 1)), None);
        assert_eq!(known(&trunks, &source(Transport::Tcp, "192.0.2.7:5060", 2)), None);
        assert_eq!(known(&trunks, &source(Transport::Tls, "192.0.2.7:40000", 3)), Some("rest"));
    }

    #[test]
    fn another_transport_than_the_trunks_is_another_peer() {
        let trunks = [("tls", marks(&["192.0.2.7"], Some(Transport::Tls))), ("any", marks(&["192.0.2.8"], None))];
        assert_eq!(known(&trunks, &source(Transport::Udp, "192.0.2.7:5060", 1)), None);
        assert_eq!(known(&trunks, &source(Transport::Tls, "192.0.2.7:40000", 3)), Some("tls"));
        assert_eq!(known(&trunks, &source(Transport::Wss, "192.0.2.8:40000", 4)), None, "a browser is no PBX");
    }

    #[test]
    fn the_registrar_that_took_our_password_needs_no_source() {
        let registrar = Some(source(Transport::Udp, "192.0.2.7:5060", 1));
        let trunks = [("pstn", Marks { registrar, ..Marks::default() })];
        assert_eq!(known(&trunks, &source(Transport::Udp, "192.0.2.7:5060", 1)), Some("pstn"));
        assert_eq!(known(&trunks, &source(Transport::Tcp, "192.0.2.7:5060", 9)), None);
        assert_eq!(
            known(&trunks, &source(Transport::Udp, "192.0.2.9:5060", 1)),
            None,
            "one UDP listener has many peers"
        );
    }

    #[test]
    fn a_certificate_is_asked_of_who_has_one_and_no_address_stands_for_it() {
        let certificate = || Some("sbc.example".to_owned());
        let by_name = Marks { certificate: certificate(), ..Marks::default() };
        let by_both = Marks { certificate: certificate(), ..marks(&["192.0.2.7"], None) };
        let trunks = [("both", by_both), ("name", by_name), ("near", marks(&["192.0.2.7", "192.0.2.9"], None))];
        let (sbc, other) = (shown("sbc.example"), shown("sbc.example.org"));
        let (near, far) =
            (source(Transport::Tls, "192.0.2.7:40000", 3), source(Transport::Tls, "198.51.100.9:40000", 3));
        assert_eq!(known_with(&trunks, &near, &sbc), Some("both"));
        assert_eq!(known_with(&trunks[..1], &far, &sbc), None, "an address is asked for, too");
        assert_eq!(known_with(&trunks, &far, &sbc), Some("name"));
        assert_eq!(known_with(&trunks, &far, &other), None);
        assert_eq!(known_with(&trunks[..2], &near, &other), None);
        assert_eq!(known(&trunks[..2], &near), None, "no certificate was shown");
        assert_eq!(known_with(&trunks, &near, &other), Some("near"), "known by its address, as before");
    }

    /// RFC 5922 §7.2 forbids them; who must take one says so for one trunk.
    #[test]
    fn a_wildcard_stands_for_the_trunk_that_says_so_alone() {
        let source = source(Transport::Tls, "192.0.2.7:40000", 2);
        let marks = |wildcard| Marks { certificate: Some("sip.cloud.example".into()), wildcard, ..Marks::default() };
        let fits = |wildcard, host: &str| known_with(&[("sbc", marks(wildcard))], &source, &shown(host)).is_some();
        assert!(fits(true, "*.cloud.example") && fits(true, "sip.cloud.example") && fits(false, "sip.cloud.example"));
        assert!(!fits(false, "*.cloud.example") && !fits(true, "*.example") && !fits(true, "*.sip.cloud.example"));
    }

    #[test]
    fn a_registrar_with_a_certificate_is_known_on_the_connection_that_we_opened() {
        let registrar = Some(source(Transport::Tls, "192.0.2.7:5061", 4));
        let marks = Marks { registrar, certificate: Some("sbc.example".into()), ..Marks::default() };
        let trunks = [("pstn", marks)];
        assert_eq!(known(&trunks, &source(Transport::Tls, "192.0.2.7:5061", 4)), Some("pstn"));
        assert_eq!(known(&trunks, &source(Transport::Tls, "192.0.2.7:5061", 5)), None);
    }

    /// A-23, CVE-2024-35190: whatever trunks there are, a source that none of them names is none of theirs.
    #[test]
    fn an_unknown_source_is_never_identified() {
        let mut rng = Rng::new([23; 32]);
        let proofs = [DomainIdentities::default(), shown("stranger.example")];
        for _ in 0..2000 {
            let trunks: Vec<_> = (0..rng.number() % 5)
                .map(|_| {
                    let sources = (0..rng.number() % 4).map(|_| {
                        let [a, b, c, ..] = rng.number().to_le_bytes();
                        format!("10.{a}.{b}.{c}/{}", 8 + rng.number() % 25).parse().expect("a network")
                    });
                    let sources = sources.collect();
                    let transport = [None, Some(Transport::Udp), Some(Transport::Tls)][(rng.number() % 3) as usize];
                    let peer = source(Transport::Tcp, "10.0.0.1:5060", 1 + rng.number() % 4);
                    let certificate = rng.number().is_multiple_of(2).then(|| "sbc.example".to_owned());
                    let registrar = rng.number().is_multiple_of(2).then_some(peer);
                    (
                        "t",
                        Marks { sources, transport, certificate, wildcard: rng.number().is_multiple_of(2), registrar },
                    )
                })
                .collect();
            let [a, b, c, d, ..] = rng.number().to_le_bytes();
            let outside = if a == 10 { 11 } else { a };
            let remote = SocketAddr::new(IpAddr::V4(Ipv4Addr::new(outside, b, c, d)), 5060);
            let transport =
                [Transport::Udp, Transport::Tcp, Transport::Tls, Transport::Wss][(rng.number() % 4) as usize];
            let stranger = Source { remote, ..source(transport, "10.0.0.1:5060", 1 + rng.number() % 4) };
            for proven in &proofs {
                assert_eq!(known_with(&trunks, &stranger, proven), None, "{trunks:?} {stranger:?} {proven:?}");
            }
        }
    }
}
