//! `[security]`: encryption of media, and patience with wrong passwords.

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

impl Default for Security {
    fn default() -> Self {
        let digest = vec![DigestAlgorithm::Sha256, DigestAlgorithm::Md5];
        Self { srtp: SrtpPolicy::Preferred, digest, free_failures: 10, longest_block: Duration::from_secs(300) }
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
    }
}
