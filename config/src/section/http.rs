//! `[http]`: console, API and WebSockets.

use std::net::SocketAddr;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::load::Unfit;
use crate::value::{ByteSize, duration, listeners};

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct Http {
    #[serde(deserialize_with = "listeners::one")]
    pub listen: SocketAddr,
    /// HTTPS with the certificate of `sip.tls-certificate`. Off only behind a reverse proxy on the same host.
    pub tls: bool,
    /// Pages of other origins that may open `/sip`, SIP over WebSocket: `https://host`, `https://host:port`.
    pub origins: Vec<String>,
    /// A login that is not used ends after this.
    #[serde(with = "duration")]
    pub session_lifetime: Duration,
    /// Longest request body.
    pub max_body: ByteSize,
}

impl Default for Http {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([0, 0, 0, 0], 8443)),
            tls: true,
            origins: Vec::new(),
            session_lifetime: Duration::from_secs(12 * 3600),
            max_body: ByteSize::mib(1),
        }
    }
}

impl Http {
    pub(crate) fn check(&self, unfit: &mut Vec<Unfit>) {
        if let Some(origin) = self.origins.iter().find(|origin| !is_origin(origin)) {
            unfit.push(Unfit {
                key: "http.origins",
                reason: format!("{origin:?} is not https://host or https://host:port"),
            });
        }
        if self.session_lifetime < Duration::from_secs(60) {
            unfit.push(Unfit { key: "http.session-lifetime", reason: "must be at least 1m".into() });
        }
        if !(ByteSize::kib(4)..=ByteSize::mib(1024)).contains(&self.max_body) {
            unfit.push(Unfit { key: "http.max-body", reason: "must be 4KiB to 1GiB".into() });
        }
    }
}

/// RFC 6454 §6.2: scheme and authority, nothing behind it.
fn is_origin(text: &str) -> bool {
    let rest = text.strip_prefix("https://").or(text.strip_prefix("http://"));
    rest.is_some_and(|host| !host.is_empty() && !host.contains(['/', '?', '#', '@', ' ']))
}
