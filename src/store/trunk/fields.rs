//! What is asked for when a trunk is made or changed.

use plenary_config::Secret;
use serde::Deserialize;
use utoipa::ToSchema;

use super::{TrunkCodec, TrunkIdentity, TrunkNumber, TrunkSettings, TrunkSrtp, TrunkTransport};
use crate::store::column::present;

/// The fields of a trunk. A new one needs `name` and `host`. In a change absent means as it is, `null` removes; the name
/// stays.
#[derive(Clone, Debug, Default, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct TrunkFields {
    /// 1 to 32 of `a-z 0-9 . _ -`, beginning with a letter or digit.
    pub name: Option<String>,
    pub enabled: Option<bool>,
    pub host: Option<String>,
    #[serde(deserialize_with = "present")]
    #[schema(value_type = Option<String>)]
    pub domain: Option<Option<String>>,
    #[serde(deserialize_with = "present")]
    #[schema(value_type = Option<TrunkTransport>)]
    pub transport: Option<Option<TrunkTransport>>,
    #[serde(deserialize_with = "present")]
    #[schema(value_type = Option<String>)]
    pub outbound_proxy: Option<Option<String>>,
    pub register: Option<bool>,
    pub register_seconds: Option<u32>,
    #[serde(deserialize_with = "present")]
    #[schema(value_type = Option<String>)]
    pub username: Option<Option<String>>,
    /// Can be written, never read.
    #[serde(deserialize_with = "present")]
    #[schema(value_type = Option<String>, write_only)]
    pub password: Option<Option<Secret>>,
    #[serde(deserialize_with = "present")]
    #[schema(value_type = Option<String>)]
    pub realm: Option<Option<String>>,
    #[serde(deserialize_with = "present")]
    #[schema(value_type = Option<String>)]
    pub caller_id: Option<Option<String>>,
    pub numbers: Option<Vec<TrunkNumber>>,
    pub sources: Option<Vec<String>>,
    #[serde(deserialize_with = "present")]
    #[schema(value_type = Option<String>)]
    pub certificate: Option<Option<String>>,
    pub certificate_wildcard: Option<bool>,
    #[serde(deserialize_with = "present")]
    #[schema(value_type = Option<String>)]
    pub contact_host: Option<Option<String>>,
    #[serde(deserialize_with = "present")]
    #[schema(value_type = Option<TrunkSrtp>)]
    pub srtp: Option<Option<TrunkSrtp>>,
    pub codecs: Option<Vec<TrunkCodec>>,
    pub identity: Option<TrunkIdentity>,
    pub trust_identity: Option<bool>,
    pub reliable_provisional: Option<bool>,
    pub q850_reason: Option<bool>,
    pub options_seconds: Option<u32>,
}

impl TrunkFields {
    /// Writes what is asked for into `settings`, all but name and password.
    pub(super) fn apply(self, settings: &mut TrunkSettings) {
        fn put<T>(place: &mut T, value: Option<T>) {
            if let Some(value) = value {
                *place = value;
            }
        }
        put(&mut settings.enabled, self.enabled);
        put(&mut settings.host, self.host);
        put(&mut settings.domain, self.domain);
        put(&mut settings.transport, self.transport);
        put(&mut settings.outbound_proxy, self.outbound_proxy);
        put(&mut settings.register, self.register);
        put(&mut settings.register_seconds, self.register_seconds);
        put(&mut settings.username, self.username);
        put(&mut settings.realm, self.realm);
        put(&mut settings.caller_id, self.caller_id);
        put(&mut settings.numbers, self.numbers);
        put(&mut settings.sources, self.sources);
        put(&mut settings.certificate, self.certificate);
        put(&mut settings.certificate_wildcard, self.certificate_wildcard);
        put(&mut settings.contact_host, self.contact_host);
        put(&mut settings.srtp, self.srtp);
        put(&mut settings.codecs, self.codecs);
        put(&mut settings.identity, self.identity);
        put(&mut settings.trust_identity, self.trust_identity);
        put(&mut settings.reliable_provisional, self.reliable_provisional);
        put(&mut settings.q850_reason, self.q850_reason);
        put(&mut settings.options_seconds, self.options_seconds);
    }
}
