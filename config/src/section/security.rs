//! `[security]`: encryption of media, patience with wrong passwords, and how much strangers may send.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::load::Unfit;
use crate::value::duration;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct Security {
    pub srtp: SrtpPolicy,
    /// Offered to phones that prove a password (RFC 8760); SHA-256 always stands before MD5.
    pub digest: Vec<DigestAlgorithm>,
    /// Wrong passwords from one address before it is made to wait: 1 to 1000.
    pub free_failures: u32,
    /// The wait doubles with each further failure, from 1 s up to this.
    #[serde(with = "duration")]
    pub longest_block: Duration,
    /// SIP messages a second from one address that has proven no password; ten seconds' worth may come at once.
    pub address_rate: u32,
    /// The same from one network: /24 of IPv4, /64 of IPv6.
    pub network_rate: u32,
    /// The same from all such addresses together.
    pub strangers_rate: u32,
    /// From one address where a phone has proven its password within the last two hours.
    pub phones_rate: u32,
    /// Parts of the User-Agent of those who get no answer, in any case.
    pub scanners: Vec<String>,
    /// Domains, each with what lies below it: nothing is taken for them or sent to them but over TLS.
    pub tls_only: Vec<String>,
    /// Calls to the outside that one account may have placed within an hour; 0: any number.
    pub dial_outs: u32,
    /// Calls from one address that prove nothing, ring or were answered, and have no ACK yet: 1 to 100000.
    pub unconfirmed_calls: u32,
    /// When messages wait this long on average before they are handled, new requests get 503.
    #[serde(with = "duration")]
    pub overload_delay: Duration,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SrtpPolicy {
    /// Calls without SRTP are refused.
    Required,
    /// SRTP where the peer can.
    Preferred,
    Off,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum DigestAlgorithm {
    #[serde(rename = "sha-256")]
    Sha256,
    #[serde(rename = "md5")]
    Md5,
}

/// Programs that look for phones to break into, as they call themselves.
const SCANNERS: [&str; 7] = ["friendly-scanner", "sipvicious", "sipcli", "pplsip", "sip-scan", "sundayddr", "iwar"];

impl Default for Security {
    fn default() -> Self {
        let digest = vec![DigestAlgorithm::Sha256, DigestAlgorithm::Md5];
        Self {
            srtp: SrtpPolicy::Preferred,
            digest,
            free_failures: 10,
            longest_block: Duration::from_secs(300),
            address_rate: 200,
            network_rate: 400,
            strangers_rate: 2000,
            phones_rate: 5000,
            scanners: SCANNERS.map(str::to_owned).to_vec(),
            tls_only: Vec::new(),
            dial_outs: 1000,
            unconfirmed_calls: 32,
            overload_delay: Duration::from_millis(250),
        }
    }
}

impl Security {
    pub(crate) fn check(&self, unfit: &mut Vec<Unfit>) {
        if self.digest.is_empty() {
            unfit.push(Unfit { key: "security.digest", reason: "must name at least one algorithm".into() });
        }
        if !(1..=1000).contains(&self.free_failures) {
            unfit.push(Unfit { key: "security.free-failures", reason: "must be 1 to 1000".into() });
        }
        if !(1..=86_400).contains(&self.longest_block.as_secs()) {
            unfit.push(Unfit { key: "security.longest-block", reason: "must be 1s to 24h".into() });
        }
        let rates = [
            ("security.address-rate", self.address_rate),
            ("security.network-rate", self.network_rate),
            ("security.strangers-rate", self.strangers_rate),
            ("security.phones-rate", self.phones_rate),
        ];
        for (key, _) in rates.into_iter().filter(|(_, rate)| !(1..=1_000_000).contains(rate)) {
            unfit.push(Unfit { key, reason: "must be 1 to 1000000".into() });
        }
        if self.scanners.iter().any(|part| part.trim().is_empty()) {
            unfit.push(Unfit {
                key: "security.scanners",
                reason: "must not have empty entries: all would match".into(),
            });
        }
        let is_domain = |text: &String| {
            let good = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | ':' | '[' | ']');
            !text.is_empty() && text.chars().all(good)
        };
        if !self.tls_only.iter().all(is_domain) {
            unfit.push(Unfit { key: "security.tls-only", reason: "must list domains: \"example.org\"".into() });
        }
        if self.dial_outs > 1_000_000 {
            unfit.push(Unfit { key: "security.dial-outs", reason: "must be 0 to 1000000".into() });
        }
        if !(1..=100_000).contains(&self.unconfirmed_calls) {
            unfit.push(Unfit { key: "security.unconfirmed-calls", reason: "must be 1 to 100000".into() });
        }
        if !(10..=60_000).contains(&self.overload_delay.as_millis()) {
            unfit.push(Unfit { key: "security.overload-delay", reason: "must be 10ms to 1m".into() });
        }
    }
}
