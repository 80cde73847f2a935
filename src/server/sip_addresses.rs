//! Where phones reach us, for the console and for the first start's greeting.

use std::net::SocketAddr;

use plenary_config::{Settings, SrtpPolicy};
use plenary_sip::net::Net;
use plenary_sip::net_types::Transport;

use super::translate;
use crate::api::{ServerInfo, SipListener};
use crate::certificate::Identity;
use crate::welcome::Welcome;

#[derive(Debug)]
pub struct SipAddresses(Vec<(Transport, SocketAddr)>);

impl SipAddresses {
    pub fn of(net: &Net) -> Self {
        let mut listening: Vec<_> = net.listening().iter().map(|one| (one.transport, one.address)).collect();
        // The safest first: what a phone should be set to.
        listening.sort_by_key(|(transport, _)| match transport {
            Transport::Tls | Transport::Wss => 0,
            Transport::Tcp | Transport::Ws => 1,
            Transport::Udp => 2,
        });
        Self(listening)
    }

    pub fn info(&self, settings: &Settings) -> ServerInfo {
        let advertised = translate::advertised(settings);
        let listener = |(transport, address): &(Transport, SocketAddr)| SipListener {
            transport: transport.via_name().to_ascii_lowercase(),
            host: if address.ip().is_unspecified() { advertised } else { address.ip() }.to_string(),
            port: address.port(),
        };
        ServerInfo {
            version: env!("CARGO_PKG_VERSION").into(),
            domain: settings.server.domain.clone(),
            sip: self.0.iter().map(listener).collect(),
            conference_factory: format!("sip:{}@{}", settings.conference.factory, settings.server.domain),
            srtp: match settings.security.srtp {
                SrtpPolicy::Required => "required",
                SrtpPolicy::Preferred => "preferred",
                SrtpPolicy::Off => "off",
            }
            .into(),
        }
    }

    pub fn welcome(
        &self,
        settings: &Settings,
        identity: &Identity,
        http: Option<&SocketAddr>,
        admin_password: Option<String>,
    ) -> Welcome {
        let of = |wanted: Transport| {
            self.0.iter().filter(|(transport, _)| *transport == wanted).map(|(_, address)| *address).collect()
        };
        let scheme = if settings.http.tls { "https" } else { "http" };
        let console = http.map_or_else(String::new, |address| match address.ip() {
            ip if ip.is_unspecified() => format!("{scheme}://{}:{}/", settings.server.domain, address.port()),
            _ => format!("{scheme}://{address}/"),
        });
        Welcome {
            domain: settings.server.domain.clone(),
            console,
            admin_password,
            udp: of(Transport::Udp),
            tcp: of(Transport::Tcp),
            tls: of(Transport::Tls),
            self_signed: settings.sip.tls_certificate.is_none() && identity.covers("localhost"),
        }
    }
}
