//! Whom a certificate stands for in SIP: RFC 5922 §7.1 (which names count) and §7.2 (how they are compared).

use std::net::IpAddr;

use rustls::pki_types::CertificateDer;
use x509_cert::certificate::{CertificateInner, Rfc5280};
use x509_cert::der::Decode;
use x509_cert::ext::pkix::SubjectAltName;
use x509_cert::ext::pkix::name::GeneralName;

/// The domains, and besides RFC 5922 the addresses, that a certificate stands for. Only as good as the chain behind it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DomainIdentities {
    /// Lower case, without a dot at the end; some may begin with `*.`.
    domains: Vec<String>,
    addresses: Vec<IpAddr>,
}

impl DomainIdentities {
    /// `sip:` URIs without user, else DNS names; the common name only where there are no alternative names at all.
    /// What cannot be read stands for nobody.
    pub fn of(certificate: &CertificateDer<'_>) -> Self {
        let Ok(certificate) = CertificateInner::<Rfc5280>::from_der(certificate) else { return Self::default() };
        match certificate.tbs_certificate().get_extension::<SubjectAltName>() {
            Ok(Some((_, SubjectAltName(names)))) => Self::of_alternative_names(&names),
            Ok(None) => {
                let name = certificate.tbs_certificate().subject().common_name().ok().flatten();
                Self { domains: name.into_iter().map(|name| canonical(&name.value())).collect(), addresses: Vec::new() }
            }
            Err(_) => Self::default(),
        }
    }

    fn of_alternative_names(names: &[GeneralName]) -> Self {
        let uris = names.iter().filter_map(|name| match name {
            GeneralName::UniformResourceIdentifier(uri) => sip_domain(uri.as_str()),
            _ => None,
        });
        let dns = names.iter().filter_map(|name| match name {
            GeneralName::DnsName(name) => Some(canonical(name.as_str())),
            _ => None,
        });
        let addresses = names.iter().filter_map(|name| match name {
            GeneralName::IpAddress(octets) => address(octets.as_bytes()),
            _ => None,
        });
        let uris: Vec<String> = uris.collect();
        Self { domains: if uris.is_empty() { dns.collect() } else { uris }, addresses: addresses.collect() }
    }

    /// Whether `host`, a name or an address, is one of them: the whole name, whatever its case. `*` stands for itself.
    pub fn include(&self, host: &str) -> bool {
        match bare(host).parse::<IpAddr>() {
            Ok(address) => self.addresses.contains(&address),
            Err(_) => !host.contains('*') && self.domains.contains(&canonical(host)),
        }
    }

    /// As [`Self::include`], with `*.` standing for one label, as in HTTPS (RFC 6125 §6.4.3). Not for SIP, but for the
    /// providers that have nothing else.
    pub fn include_with_wildcards(&self, host: &str) -> bool {
        let host_name = canonical(host);
        let parent = host_name.split_once('.').filter(|(label, parent)| *label != "*" && parent.contains('.'));
        let parent = parent.map(|(_, parent)| parent);
        let stands_for = |domain: &String| parent.is_some() && domain.strip_prefix("*.") == parent;
        self.include(host) || self.domains.iter().any(stands_for)
    }

    pub fn domains(&self) -> impl Iterator<Item = &str> {
        self.domains.iter().map(String::as_str)
    }

    pub fn is_empty(&self) -> bool {
        self.domains.is_empty() && self.addresses.is_empty()
    }
}

/// A URI with a user names a person, never a domain.
fn sip_domain(uri: &str) -> Option<String> {
    let (scheme, rest) = uri.split_once(':')?;
    let plain = scheme.eq_ignore_ascii_case("sip") && !rest.is_empty() && !rest.contains(['@', ':', ';', '?']);
    plain.then(|| canonical(rest))
}

fn canonical(name: &str) -> String {
    name.trim_end_matches('.').to_ascii_lowercase()
}

fn bare(host: &str) -> &str {
    host.trim_start_matches('[').trim_end_matches(']')
}

fn address(octets: &[u8]) -> Option<IpAddr> {
    match octets.len() {
        4 => <[u8; 4]>::try_from(octets).ok().map(IpAddr::from),
        16 => <[u8; 16]>::try_from(octets).ok().map(IpAddr::from),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::certificate;
    use super::*;

    /// RFC 5922 §7.1, case by case: common name, alternative names, whom that includes.
    #[test]
    fn each_kind_of_certificate_stands_for_its_own() {
        let rows: [(&str, &[&str], &[&str]); 8] = [
            ("cn.example", &[], &["cn.example"]),
            ("cn.example", &["a.example", "B.example"], &["a.example", "b.example"]),
            ("cn.example", &["uri:sip:a.example", "b.example"], &["a.example"]),
            ("cn.example", &["uri:sip:alice@a.example"], &[]),
            ("cn.example", &["uri:sip:alice@a.example", "b.example"], &["b.example"]),
            ("cn.example", &["uri:https://a.example", "b.example"], &["b.example"]),
            ("cn.example", &["192.0.2.7"], &["192.0.2.7"]),
            ("cn.example", &["uri:sip:a.example:5061"], &[]),
        ];
        let hosts = ["cn.example", "a.example", "b.example", "192.0.2.7", "alice@a.example", "sip.a.example"];
        for (common_name, alternative, expected) in rows {
            let identities = DomainIdentities::of(&certificate(common_name, alternative));
            let included: Vec<_> = hosts.into_iter().filter(|host| identities.include(host)).collect();
            assert_eq!(included, expected, "{common_name} {alternative:?}");
        }
    }

    /// RFC 5922 §7.2.
    #[test]
    fn names_are_whole_and_wildcards_are_for_who_asks_for_them() {
        let identities = DomainIdentities::of(&certificate("x", &["*.example.com", "Other.Example"]));
        assert!(identities.include("oTHER.example") && identities.include("other.example."));
        for host in ["sip.other.example", "example", "sip.example.com", "*.example.com", "example.com"] {
            assert!(!identities.include(host), "{host}");
        }
        assert!(identities.include_with_wildcards("sip.example.com"));
        for host in ["a.b.example.com", "example.com", "*.example.com"] {
            assert!(!identities.include_with_wildcards(host), "{host}");
        }
        let greedy = DomainIdentities::of(&certificate("x", &["*.com"]));
        assert!(!greedy.include_with_wildcards("example.com"));
    }

    #[test]
    fn what_is_no_certificate_stands_for_nobody() {
        assert!(DomainIdentities::of(&CertificateDer::from(vec![0x30, 3, 1, 2, 3])).is_empty());
    }
}
