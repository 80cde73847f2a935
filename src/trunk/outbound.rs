//! A call out through a trunk: whom it asks for, and who it says is calling. RFC 3966, RFC 3325, RFC 3323, RFC 3608.
//!
//! | `identity` | not private | `Privacy: id` |
//! |---|---|---|
//! | `from` | From: the caller id | From: anonymous, Privacy |
//! | `asserted` (it trusts us) | and P-Asserted-Identity | From: anonymous, P-Asserted-Identity, Privacy |
//! | `preferred` (it decides) | and P-Preferred-Identity | From: anonymous, P-Preferred-Identity, Privacy |

use plenary_sip::auth::DigestClient;
use plenary_sip::message::{Header, HeaderName, Host, NameAddr, SipUri, Uri};
use plenary_sip::net_types::Source;

use super::live::{LiveTrunk, by_transport, domain, routes};
use crate::store::TrunkIdentity;

/// Who calls.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Presented {
    pub name: String,
    /// The user part of the caller's own address, where the trunk has no caller id.
    pub user: String,
    /// `Privacy: id`: the far end shall not learn who calls.
    pub private: bool,
}

/// The INVITE, as far as the trunk decides it.
#[derive(Clone, Debug)]
pub struct TrunkLeg {
    pub request_uri: Uri,
    pub from: NameAddr,
    pub to: NameAddr,
    pub route: Vec<NameAddr>,
    pub flow: Option<Source>,
    pub headers: Vec<Header>,
    pub login: Option<DigestClient>,
}

impl LiveTrunk {
    /// `number`: as the dialplan made it.
    pub fn leg(&self, number: &str, caller: &Presented) -> TrunkLeg {
        let (host, port) = domain(self.trunk());
        let preloaded = match &self.granted {
            Some(granted) if !granted.service_routes.is_empty() => granted.service_routes.clone(),
            _ => routes(self.trunk()),
        };
        let called = by_transport(self.trunk(), &preloaded, number_uri(number, host.clone(), port));
        let request_uri = Uri::Sip(called);
        TrunkLeg {
            to: NameAddr::new(request_uri.clone()),
            request_uri,
            from: self.from(caller, host.clone()),
            route: preloaded,
            flow: self.granted.as_ref().and_then(|granted| granted.peer),
            headers: self.identity(caller, host),
            login: self.client(),
        }
    }

    fn from(&self, caller: &Presented, host: Host) -> NameAddr {
        if caller.private {
            let nobody = SipUri::new(Some("anonymous"), Host::Name("anonymous.invalid".into()), None);
            return NameAddr::new(nobody.into()).with_display_name("Anonymous");
        }
        let from = NameAddr::new(SipUri::new(Some(&self.caller_user(caller)), host, None).into());
        if caller.name.is_empty() { from } else { from.with_display_name(&caller.name) }
    }

    fn identity(&self, caller: &Presented, host: Host) -> Vec<Header> {
        let settings = &self.trunk().settings;
        let own = || NameAddr::new(SipUri::new(Some(&self.caller_user(caller)), host.clone(), None).into()).to_string();
        let identity = match settings.identity {
            TrunkIdentity::From => None,
            TrunkIdentity::Asserted => Some(Header::new(HeaderName::PAssertedIdentity, own())),
            TrunkIdentity::Preferred => Some(Header::new(HeaderName::PPreferredIdentity, own())),
        };
        let privacy = caller.private.then(|| Header::new(HeaderName::Privacy, "id"));
        let reliable = settings.reliable_provisional.then(|| Header::new(HeaderName::Require, "100rel"));
        identity.into_iter().chain(privacy).chain(reliable).collect()
    }

    fn caller_user(&self, caller: &Presented) -> String {
        let settings = &self.trunk().settings;
        let own = settings.caller_id.as_ref().or(settings.username.as_ref());
        own.cloned().unwrap_or_else(|| caller.user.clone())
    }
}

/// A telephone number is marked as one; an extension of letters is a user.
fn number_uri(number: &str, host: Host, port: Option<u16>) -> SipUri {
    match format!("tel:{number}").parse() {
        Ok(Uri::Tel(tel)) => tel.to_sip(host, port),
        _ => SipUri::new(Some(number), host, port),
    }
}

#[cfg(test)]
pub(super) mod tests {
    use std::time::{Duration, Instant};

    use serde_json::json;
    use time::OffsetDateTime;

    use super::super::registration::Granted;
    use super::super::state::TrunkState;
    use super::*;
    use crate::store::{SecretTrunk, Trunk, TrunkSettings};

    pub fn live(settings: serde_json::Value, granted: Option<Granted>) -> LiveTrunk {
        let mut settings = settings;
        settings.as_object_mut().expect("an object").entry("host").or_insert(json!("pbx.example"));
        let now = OffsetDateTime::UNIX_EPOCH;
        let settings: TrunkSettings = serde_json::from_value(settings).expect("settings");
        let trunk = Trunk { name: "pstn".into(), settings, has_password: false, created_at: now, updated_at: now };
        LiveTrunk::new(SecretTrunk { trunk, password: None }, TrunkState::of(None, Some(true), None), granted)
    }

    fn alice(private: bool) -> Presented {
        Presented { name: "Alice".into(), user: "alice".into(), private }
    }

    fn shown(leg: &TrunkLeg) -> Vec<String> {
        let headers = leg.headers.iter().map(|header| format!("{}: {}", header.name(), header.value()));
        [format!("From: {}", leg.from)].into_iter().chain(headers).collect()
    }

    #[test]
    fn the_number_stands_in_the_request_uri_as_a_number() {
        for (settings, number, uri) in [
            (json!({}), "+39055123", "sip:+39055123@pbx.example;user=phone"),
            (json!({"host": "192.0.2.1:5070"}), "200", "sip:200@192.0.2.1:5070;user=phone"),
            (json!({"transport": "tls"}), "+39055123", "sip:+39055123@pbx.example;user=phone;transport=tls"),
            (json!({"domain": "carrier.example", "transport": "tcp"}), "reception", "sip:reception@carrier.example"),
        ] {
            assert_eq!(live(settings, None).leg(number, &alice(false)).request_uri.to_string(), uri);
        }
    }

    #[test]
    fn a_domain_of_its_own_is_reached_by_way_of_the_host_or_the_proxy() {
        let route = |settings| {
            let leg = live(settings, None).leg("1", &alice(false));
            leg.route.iter().map(ToString::to_string).collect::<Vec<_>>()
        };
        assert_eq!(route(json!({})), [] as [&str; 0]);
        assert_eq!(
            route(json!({"domain": "carrier.example", "transport": "tcp"})),
            ["<sip:pbx.example;transport=tcp;lr>"]
        );
        assert_eq!(route(json!({"outbound_proxy": "sip:edge.example:5080"})), ["<sip:edge.example:5080;lr>"]);
    }

    /// RFC 3608 §6.1: the registrar's Service-Route goes before all.
    #[test]
    fn the_service_route_of_the_registration_is_preloaded() {
        let granted = Granted {
            until: Instant::now() + Duration::from_secs(60),
            service_routes: vec!["<sip:a.example;lr>".parse().expect("a"), "<sip:b.example;lr>".parse().expect("b")],
            peer: None,
            realms: Vec::new(),
        };
        let leg = live(json!({"outbound_proxy": "sip:edge.example"}), Some(granted)).leg("1", &alice(false));
        assert_eq!(
            leg.route.iter().map(ToString::to_string).collect::<Vec<_>>(),
            ["<sip:a.example;lr>", "<sip:b.example;lr>"]
        );
    }

    /// RFC 3325 §9: what is told of the caller depends on who trusts whom and on what the caller wants hidden.
    #[test]
    fn who_calls_is_said_as_far_as_the_trunk_is_trusted() {
        let of = |identity: &str, private| {
            let trunk = live(json!({"identity": identity, "caller_id": "+390551"}), None);
            shown(&trunk.leg("1", &alice(private)))
        };
        let own = "<sip:+390551@pbx.example>";
        let nobody = "From: \"Anonymous\" <sip:anonymous@anonymous.invalid>";
        assert_eq!(of("from", false), [format!("From: \"Alice\" {own}")]);
        assert_eq!(of("asserted", false), [format!("From: \"Alice\" {own}"), format!("P-Asserted-Identity: {own}")]);
        assert_eq!(of("preferred", false)[1..], [format!("P-Preferred-Identity: {own}")]);
        assert_eq!(of("from", true), [nobody, "Privacy: id"]);
        assert_eq!(of("asserted", true), [nobody, &format!("P-Asserted-Identity: {own}"), "Privacy: id"]);
    }

    #[test]
    fn without_a_caller_id_the_account_at_the_trunk_calls_and_else_the_caller_himself() {
        let from = |settings| live(settings, None).leg("1", &alice(false)).from.to_string();
        assert_eq!(from(json!({"username": "us"})), "\"Alice\" <sip:us@pbx.example>");
        assert_eq!(from(json!({})), "\"Alice\" <sip:alice@pbx.example>");
    }
}
