//! `[sip]`: listeners, timers, registrations.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::load::Unfit;
use crate::value::{duration, listeners};

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct Sip {
    #[serde(deserialize_with = "listeners::list")]
    pub udp: Vec<SocketAddr>,
    #[serde(deserialize_with = "listeners::list")]
    pub tcp: Vec<SocketAddr>,
    #[serde(deserialize_with = "listeners::list")]
    pub tls: Vec<SocketAddr>,
    /// Name servers for RFC 3263. Empty: those of the system.
    #[serde(deserialize_with = "listeners::list")]
    pub name_servers: Vec<SocketAddr>,
    /// PEM chain, leaf first; together with `tls-key`. Absent: a self-signed one in the data directory.
    pub tls_certificate: Option<PathBuf>,
    pub tls_key: Option<PathBuf>,
    /// Further certificates, each for the names in it (SNI, RFC 5922 §7.8).
    pub tls_certificates: Vec<CertificatePair>,
    /// How often the files are looked at for a change; zero: only SIGHUP has them read anew.
    #[serde(with = "duration")]
    pub tls_watch: Duration,
    /// Authorities of clients, PEM. Absent: clients are not asked who they are.
    pub tls_client_ca: Option<PathBuf>,
    pub tls_clients: TlsClients,
    /// Whether servers that we connect to must prove the host of the SIP URI (RFC 5922).
    pub tls_verify: bool,
    /// Authorities of servers, PEM. Absent: those of the system.
    pub tls_ca: Option<PathBuf>,
    /// Hosts for which a certificate of `*.` will do, against RFC 5922 §7.2.
    pub tls_wildcards: Vec<String>,
    /// Round-trip estimate: RFC 3261 §17.1.1.1.
    #[serde(with = "duration")]
    pub t1: Duration,
    /// Longest interval between repetitions.
    #[serde(with = "duration")]
    pub t2: Duration,
    /// Longest life of a message in the network.
    #[serde(with = "duration")]
    pub t4: Duration,
    /// Addresses and networks whose requests over UDP are answered at the port that they came from, though they do not
    /// ask for it (RFC 3581).
    pub force_rport: Vec<String>,
    /// Shorter registrations are refused with 423 (RFC 3261 §10.3).
    #[serde(with = "duration")]
    pub register_min_expires: Duration,
    /// Longer registrations are cut to this; also granted where none is asked.
    #[serde(with = "duration")]
    pub register_max_expires: Duration,
    /// How often phones that know RFC 5626 show themselves on their connection; after half as long again it is closed.
    #[serde(with = "duration")]
    pub flow_timer: Duration,
    /// The same for phones that registered over UDP, whose registration ends after half as long again.
    #[serde(with = "duration")]
    pub flow_timer_udp: Duration,
    /// Contacts of one account at once: 1 to 100.
    pub max_bindings: usize,
    /// `sip:` URIs of the hops that requests of registered phones are to take, first hop first (RFC 3608).
    pub service_route: Vec<String>,
}

/// A certificate chain (leaf first) and its key, PEM.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct CertificatePair {
    pub certificate: PathBuf,
    pub key: PathBuf,
}

/// Of clients that are asked for a certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TlsClients {
    /// Who shows none is a client like any other.
    Optional,
    /// Who shows none is let go.
    Required,
}

impl Default for Sip {
    fn default() -> Self {
        let any = |port| vec![SocketAddr::from(([0, 0, 0, 0], port))];
        Self {
            udp: any(5060),
            tcp: any(5060),
            tls: any(5061),
            name_servers: Vec::new(),
            tls_certificate: None,
            tls_key: None,
            tls_certificates: Vec::new(),
            tls_watch: Duration::from_secs(10),
            tls_client_ca: None,
            tls_clients: TlsClients::Optional,
            tls_verify: true,
            tls_ca: None,
            tls_wildcards: Vec::new(),
            t1: Duration::from_millis(500),
            t2: Duration::from_secs(4),
            t4: Duration::from_secs(5),
            force_rport: Vec::new(),
            register_min_expires: Duration::from_secs(60),
            register_max_expires: Duration::from_secs(3600),
            flow_timer: Duration::from_secs(120),
            flow_timer_udp: Duration::from_secs(30),
            max_bindings: 10,
            service_route: Vec::new(),
        }
    }
}

impl Sip {
    pub(crate) fn check(&self, unfit: &mut Vec<Unfit>) {
        match (&self.tls_certificate, &self.tls_key) {
            (Some(_), None) => {
                unfit.push(Unfit { key: "sip.tls-key", reason: "is missing beside sip.tls-certificate".into() })
            }
            (None, Some(_)) => {
                unfit.push(Unfit { key: "sip.tls-certificate", reason: "is missing beside sip.tls-key".into() })
            }
            _ => {}
        }
        if self.tls_clients == TlsClients::Required && self.tls_client_ca.is_none() {
            let reason = "\"required\" needs sip.tls-client-ca".into();
            unfit.push(Unfit { key: "sip.tls-clients", reason });
        }
        if self.t1.is_zero() || self.t1 > self.t2 {
            unfit.push(Unfit { key: "sip.t1", reason: "must be above 0 and at most sip.t2".into() });
        }
        if self.t4.is_zero() {
            unfit.push(Unfit { key: "sip.t4", reason: "must be above 0".into() });
        }
        if let Some(bad) = self.force_rport.iter().find(|text| !is_network(text)) {
            unfit.push(Unfit {
                key: "sip.force-rport",
                reason: format!("{bad:?} is neither an address nor ADDRESS/BITS"),
            });
        }
        // RFC 3261 §10.3: a registrar must not refuse an hour or more as too brief.
        if self.register_min_expires.as_secs() == 0 || self.register_min_expires > Duration::from_secs(3600) {
            unfit.push(Unfit { key: "sip.register-min-expires", reason: "must be 1s to 1h".into() });
        }
        if self.register_max_expires < self.register_min_expires
            || self.register_max_expires > Duration::from_secs(604_800)
        {
            let reason = "must be at least sip.register-min-expires and at most 7d".into();
            unfit.push(Unfit { key: "sip.register-max-expires", reason });
        }
        for (key, timer) in [("sip.flow-timer", self.flow_timer), ("sip.flow-timer-udp", self.flow_timer_udp)] {
            if !(1..=3600).contains(&timer.as_secs()) {
                unfit.push(Unfit { key, reason: "must be 1s to 1h".into() });
            }
        }
        let is_uri = |uri: &String| {
            let has_scheme = ["sip:", "sips:"].iter().any(|scheme| uri.to_ascii_lowercase().starts_with(scheme));
            has_scheme && uri.chars().all(|c| c.is_ascii_graphic() && !"<>\",".contains(c))
        };
        if let Some(bad) = self.service_route.iter().find(|uri| !is_uri(uri)) {
            unfit.push(Unfit { key: "sip.service-route", reason: format!("{bad:?} is no sip: URI") });
        }
        if !(1..=100).contains(&self.max_bindings) {
            unfit.push(Unfit { key: "sip.max-bindings", reason: "must be 1 to 100".into() });
        }
    }
}

fn is_network(text: &str) -> bool {
    let (address, bits) = text.split_once('/').map_or((text, None), |(address, bits)| (address, Some(bits)));
    let Ok(address) = address.parse::<IpAddr>() else { return false };
    let width = if address.to_canonical().is_ipv4() { 32 } else { 128 };
    bits.is_none_or(|bits| bits.parse::<u8>().is_ok_and(|bits| bits <= width))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn networks_are_addresses_with_bits_or_without() {
        for good in ["203.0.113.7", "10.1.0.0/16", "0.0.0.0/0", "2001:db8::/64", "::1"] {
            assert!(is_network(good), "{good}");
        }
        for bad in ["", "nat.example", "10.0.0.0/33", "10.0.0.0/", "10.0.0.0/-1", "2001:db8::/129", "10.0.0.1:5060"] {
            assert!(!is_network(bad), "{bad}");
        }
        let mut unfit = Vec::new();
        Sip { force_rport: vec!["10.0.0.1".into(), "nat.example".into()], ..Sip::default() }.check(&mut unfit);
        assert_eq!(unfit.iter().map(|unfit| unfit.key).collect::<Vec<_>>(), ["sip.force-rport"]);
    }
}
