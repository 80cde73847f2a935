//! What an endpoint is told once, at construction.

use std::net::SocketAddr;

use crate::endpoint::return_path::ReplyPort;
use crate::message::{Host, Method, Request, Uri, lies_in};
use crate::net_types::{Network, Source, Transport};
use crate::transaction::Timing;
use crate::usage::EventPackage;

#[derive(Clone, Debug)]
pub struct EndpointSettings {
    /// T1, T2 and T4 of RFC 3261 §17.
    pub timing: Timing,
    /// Written into User-Agent and Server; nothing is written when empty.
    pub user_agent: String,
    /// The methods served, as in Allow. What the endpoint does itself should stand here too.
    pub allow: Vec<Method>,
    /// Option tags that the user understands, beside those of the endpoint itself ([`OWN_EXTENSIONS`]).
    pub supported: Vec<String>,
    /// The address to write into Via and Contact, for each transport (and IP version) the first that fits;
    /// the listener's own address where none does.
    pub local: Vec<(Transport, SentBy)>,
    /// Open transactions, beyond which new requests get 503 with Retry-After. Over UDP each is remembered for 32 s, some
    /// 1.5 kB.
    pub max_transactions: usize,
    /// RFC 4028; None leaves session timers to the peer.
    pub session_timers: Option<SessionTimerSettings>,
    /// Whose requests over UDP are answered at the port that they came from, though they do not ask for it by `rport`:
    /// devices behind a NAT that do not know RFC 3581.
    pub force_rport: Vec<Network>,
    /// Domains, each with what lies below it, that are served over TLS alone.
    pub tls_only: Vec<String>,
    /// What can be subscribed to: RFC 6665.
    pub packages: Vec<EventPackage>,
    /// Open subscriptions, beyond which new ones get 503.
    pub max_subscriptions: usize,
}

/// Session timers, RFC 4028 §4 and §5: 90 s ≤ `min_se` ≤ `session_expires`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SessionTimerSettings {
    /// Seconds.
    pub session_expires: u32,
    /// Seconds.
    pub min_se: u32,
}

/// What the endpoint understands by itself: RFC 3262 and RFC 4028.
pub const OWN_EXTENSIONS: [&str; 2] = ["100rel", "timer"];

impl Default for EndpointSettings {
    fn default() -> Self {
        use Method::*;
        Self {
            timing: Timing::default(),
            user_agent: String::new(),
            allow: vec![Invite, Ack, Cancel, Bye, Options, Update, Prack, Info, Message, Refer, Notify, Register],
            supported: Vec::new(),
            local: Vec::new(),
            max_transactions: 200_000,
            session_timers: Some(SessionTimerSettings { session_expires: 1800, min_se: 90 }),
            force_rport: Vec::new(),
            tls_only: Vec::new(),
            packages: Vec::new(),
            max_subscriptions: 20_000,
        }
    }
}

impl EndpointSettings {
    /// What we call ourselves on `transport`: the advertised address, else `local`, where the socket is bound.
    pub fn sent_by(&self, transport: Transport, local: SocketAddr) -> SentBy {
        let of_transport = || self.local.iter().filter(|(of, _)| *of == transport).map(|(_, sent_by)| sent_by);
        let same_version = |sent_by: &&SentBy| match sent_by.host {
            Host::V4(_) => local.is_ipv4(),
            Host::V6(_) => local.is_ipv6(),
            Host::Name(_) => true,
        };
        of_transport().find(same_version).or_else(|| of_transport().next()).cloned().unwrap_or_else(|| local.into())
    }

    /// Where the responses to a request of this source go over UDP.
    pub(crate) fn reply_port(&self, source: &Source) -> ReplyPort {
        let is_forced = self.force_rport.iter().any(|network| network.contains(source.remote.ip()));
        if is_forced { ReplyPort::OfSource } else { ReplyPort::AsAsked }
    }

    /// Whether this request calls a domain that is served over TLS alone, or says that it comes from there.
    pub(crate) fn wants_tls(&self, request: &Request) -> bool {
        let listed = |uri: &Uri| {
            let host = uri.as_sip().map(|uri| uri.host().to_string());
            host.is_some_and(|host| self.tls_only.iter().any(|domain| lies_in(&host, domain)))
        };
        !self.tls_only.is_empty()
            && (listed(&request.uri) || request.headers.from().is_ok_and(|from| listed(&from.uri)))
    }

    pub(crate) fn allow_value(&self) -> String {
        self.allow.iter().map(Method::as_str).collect::<Vec<_>>().join(", ")
    }

    pub(crate) fn supported_value(&self) -> String {
        self.extensions().collect::<Vec<_>>().join(", ")
    }

    pub(crate) fn understands(&self, option_tag: &str) -> bool {
        self.extensions().any(|ours| ours.eq_ignore_ascii_case(option_tag))
    }

    fn extensions(&self) -> impl Iterator<Item = &str> {
        let timers = self.session_timers.is_some();
        let own = OWN_EXTENSIONS.into_iter().filter(move |tag| timers || *tag != "timer");
        own.chain(self.supported.iter().map(String::as_str))
    }
}

/// Where we say that we are: sent-by of Via, host and port of Contact.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SentBy {
    pub host: Host,
    pub port: u16,
}

impl From<SocketAddr> for SentBy {
    fn from(address: SocketAddr) -> Self {
        let host = match address {
            SocketAddr::V4(v4) => Host::V4(*v4.ip()),
            SocketAddr::V6(v6) => Host::V6(*v6.ip()),
        };
        Self { host, port: address.port() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::{Header, HeaderName};

    fn address(text: &str) -> SocketAddr {
        text.parse().expect("an address")
    }

    #[test]
    fn a_domain_that_is_served_over_tls_alone_has_its_subdomains_with_it() {
        let settings = EndpointSettings { tls_only: vec!["secure.example".into()], ..EndpointSettings::default() };
        let asks = |uri: &str, from: &str| {
            let mut request = Request::new(Method::Options, uri.parse().expect("a URI"));
            request.headers.push(Header::new(HeaderName::From, format!("<{from}>;tag=1")));
            settings.wants_tls(&request)
        };
        assert!(asks("sip:a@secure.example", "sip:b@b.example") && asks("sip:a@x.SECURE.example", "sip:b@b.example"));
        assert!(asks("sip:a@a.example", "sip:b@secure.example"), "nor does anybody speak in its name");
        assert!(!asks("sip:a@a.example", "sip:b@insecure.example") && !asks("tel:+391", "sip:b@b.example"));
        assert!(
            !EndpointSettings::default().wants_tls(&Request::new(Method::Options, "sip:a@a".parse().expect("a URI")))
        );
    }

    #[test]
    fn the_advertised_address_fits_transport_and_ip_version() {
        let settings = EndpointSettings {
            local: vec![
                (Transport::Udp, address("198.51.100.1:5060").into()),
                (Transport::Udp, address("[2001:db8::1]:5060").into()),
            ],
            ..EndpointSettings::default()
        };
        assert_eq!(settings.sent_by(Transport::Udp, address("[::1]:7000")), address("[2001:db8::1]:5060").into());
        assert_eq!(settings.sent_by(Transport::Tcp, address("10.0.0.1:7000")), address("10.0.0.1:7000").into());
    }
}
