//! `[server]`: who this server is.

use std::net::IpAddr;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::load::Unfit;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct Server {
    /// The SIP domain served: the right side of every address, and the realm of digest.
    pub domain: String,
    /// Further names and addresses that mean `domain`.
    pub aliases: Vec<String>,
    /// Everything that must last: database, certificates, recordings, keys.
    pub data_dir: PathBuf,
    /// Written into SDP, Contact and ICE candidates. Absent: the address of the default route.
    pub advertised_address: Option<IpAddr>,
}

impl Default for Server {
    fn default() -> Self {
        Self { domain: "localhost".into(), aliases: Vec::new(), data_dir: "data".into(), advertised_address: None }
    }
}

impl Server {
    pub(crate) fn check(&self, unfit: &mut Vec<Unfit>) {
        if !is_host(&self.domain) {
            let reason = "must be a host name or an IP address, without port".into();
            unfit.push(Unfit { key: "server.domain", reason });
        }
        if let Some(alias) = self.aliases.iter().find(|alias| !is_host(alias)) {
            let reason = format!("\"{alias}\" is no host name and no IP address");
            unfit.push(Unfit { key: "server.aliases", reason });
        }
        if self.data_dir.as_os_str().is_empty() {
            unfit.push(Unfit { key: "server.data-dir", reason: "is empty".into() });
        }
        if self.advertised_address.is_some_and(|address| address.is_unspecified() || address.is_multicast()) {
            let reason = "must be an address that peers can send to".into();
            unfit.push(Unfit { key: "server.advertised-address", reason });
        }
    }
}

fn is_host(text: &str) -> bool {
    let is_label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    let is_name = text.len() <= 253 && text.trim_end_matches('.').split('.').all(is_label);
    is_name || text.trim_matches(['[', ']']).parse::<IpAddr>().is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_domain_is_a_name_or_an_address() {
        for good in ["localhost", "example.org", "sip-1.example.org", "192.0.2.7", "2001:db8::1", "[::1]"] {
            assert!(is_host(good), "{good}");
        }
        for bad in ["", "exa mple", "a..b", "-a", "host:5060", "sip:host", "ü.example"] {
            assert!(!is_host(bad), "{bad}");
        }
    }
}
