//! `[capture]`: export of SIP messages to a capture tool, by HEP.

use std::net::SocketAddr;

use serde::{Deserialize, Serialize};

use crate::load::Unfit;
use crate::value::Secret;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct Capture {
    /// Where the capture tool takes HEP version 3 over UDP. Absent: nothing is exported.
    pub address: Option<SocketAddr>,
    /// By which the tool tells this server from others.
    pub node_id: u32,
    /// What the tool wants to be shown, in clear.
    pub password: Option<Secret>,
    /// Whether secrets (proofs of passwords, keys of media, pressed keys) are masked.
    pub mask_secrets: bool,
}

impl Default for Capture {
    fn default() -> Self {
        Self { address: None, node_id: 1, password: None, mask_secrets: true }
    }
}

impl Capture {
    pub(crate) fn check(&self, unfit: &mut Vec<Unfit>) {
        if self.address.is_some_and(|address| address.port() == 0 || address.ip().is_unspecified()) {
            unfit.push(Unfit { key: "capture.address", reason: "must name an address and a port".into() });
        }
        if self.password.as_ref().is_some_and(|password| password.reveal().len() > 256) {
            unfit.push(Unfit { key: "capture.password", reason: "must have at most 256 octets".into() });
        }
    }
}
