//! Trunks: the PBXs and carriers that calls come from and go to.

mod check;
mod fields;
mod table;

use plenary_config::Secret;
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use utoipa::ToSchema;

pub use fields::TrunkFields;

/// A trunk as it is stored; its password is never shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Trunk {
    pub name: String,
    #[serde(flatten)]
    pub settings: TrunkSettings,
    /// Whether a password is stored.
    pub has_password: bool,
    #[serde(with = "time::serde::rfc3339")]
    pub created_at: OffsetDateTime,
    #[serde(with = "time::serde::rfc3339")]
    pub updated_at: OffsetDateTime,
}

/// With its password, for whoever makes calls.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SecretTrunk {
    pub trunk: Trunk,
    pub password: Option<Secret>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(default)]
pub struct TrunkSettings {
    /// Nothing goes out or comes in through a trunk that is switched off.
    pub enabled: bool,
    /// `pbx.example.org`, `192.0.2.10` or with a port; without one RFC 3263 finds it.
    pub host: String,
    /// The domain in the addresses, where it is not the host.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub domain: Option<String>,
    /// Absent: as the DNS says, else UDP.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub transport: Option<TrunkTransport>,
    /// A SIP URI that everything is sent by.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub outbound_proxy: Option<String>,
    pub register: bool,
    /// Seconds that are asked for, 60 to 86400.
    pub register_seconds: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub username: Option<String>,
    /// The only realm that gets the password; absent: the one that the registrar names, or the domain.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub realm: Option<String>,
    /// Who calls out, as the trunk shows it: a number or a user part.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub caller_id: Option<String>,
    /// Numbers that are reached through it, and what of this server they lead to.
    pub numbers: Vec<TrunkNumber>,
    /// Addresses (`192.0.2.10`) and networks (`192.0.2.0/28`) that its calls come from.
    pub sources: Vec<String>,
    /// The host name or address in the certificate that it shows (mutual TLS, `sip.tls-client-ca`). With it a call is the
    /// trunk's only over a connection that has proven this name, and where there are `sources`, from one of them, too.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub certificate: Option<String>,
    /// Whether its certificate may name it by `*.` in place of the first label, which RFC 5922 §7.2 forbids and session
    /// border controllers of clouds do.
    pub certificate_wildcard: bool,
    /// The host in our Contact to it, where it takes us for nobody else; absent: our address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub contact_host: Option<String>,
    /// Absent: as `security.srtp` says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub srtp: Option<TrunkSrtp>,
    /// In order of preference; empty: those of the server.
    pub codecs: Vec<TrunkCodec>,
    /// How it is told who calls.
    pub identity: TrunkIdentity,
    /// Whether its P-Asserted-Identity is believed.
    pub trust_identity: bool,
    /// Asks for reliable ringing (RFC 3262) on every call.
    pub reliable_provisional: bool,
    /// Says the reason of an ending as a Q.850 cause, too.
    pub q850_reason: bool,
    /// Seconds between two OPTIONS, 10 to 3600; 0 asks nothing.
    pub options_seconds: u32,
}

/// A number of the trunk.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TrunkNumber {
    /// `+390551234`, or a block: `+390551*`.
    pub number: String,
    /// The conference, account or service of this server; absent: the dialplan decides by the number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum TrunkTransport {
    Udp,
    Tcp,
    Tls,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum TrunkSrtp {
    Required,
    Preferred,
    Off,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum TrunkCodec {
    Opus,
    G722,
    Pcma,
    Pcmu,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum TrunkIdentity {
    /// From alone.
    #[default]
    From,
    /// P-Asserted-Identity: it trusts us (RFC 3325 §9.1).
    Asserted,
    /// P-Preferred-Identity: it decides itself (RFC 3325 §9.2).
    Preferred,
}

impl Default for TrunkSettings {
    fn default() -> Self {
        Self {
            enabled: true,
            host: String::new(),
            domain: None,
            transport: None,
            outbound_proxy: None,
            register: false,
            register_seconds: 3600,
            username: None,
            realm: None,
            caller_id: None,
            numbers: Vec::new(),
            sources: Vec::new(),
            certificate: None,
            certificate_wildcard: false,
            contact_host: None,
            srtp: None,
            codecs: Vec::new(),
            identity: TrunkIdentity::From,
            trust_identity: false,
            reliable_provisional: false,
            q850_reason: true,
            options_seconds: 60,
        }
    }
}
