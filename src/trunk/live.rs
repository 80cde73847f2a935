//! A trunk at work: its settings in SIP's terms, and how it stands.

use std::collections::BTreeMap;
use std::sync::Arc;

use plenary_sip::auth::{DigestClient, Login};
use plenary_sip::message::{Host, NameAddr, SipUri, Uri};
use plenary_sip::net::DomainIdentities;
use plenary_sip::net_types::{Source, Transport};

use super::identify::{Marks, identify};
use super::registration::{Granted, RegistrationSettings};
use super::state::{TrunkState, TrunkStatus};
use crate::store::{SecretTrunk, Trunk, TrunkTransport};

#[derive(Clone, Debug)]
pub struct LiveTrunk {
    pub stored: SecretTrunk,
    pub state: TrunkState,
    pub(super) granted: Option<Granted>,
    marks: Marks,
}

/// All trunks, as they stood when it was taken.
#[derive(Clone, Debug, Default)]
pub struct Snapshot {
    pub(super) trunks: BTreeMap<String, Arc<LiveTrunk>>,
}

impl Snapshot {
    pub fn get(&self, name: &str) -> Option<&Arc<LiveTrunk>> {
        self.trunks.get(name)
    }

    /// The trunk that a request comes from; `proven`: who has shown by certificate to be at the other end. One that is
    /// switched off sends nothing that counts.
    pub fn identify(&self, source: &Source, proven: &DomainIdentities) -> Option<&Arc<LiveTrunk>> {
        let on = self.trunks.iter().filter(|(_, live)| live.state.status != TrunkStatus::Off);
        let name = identify(on.map(|(name, live)| (name.as_str(), &live.marks)), source, proven)?;
        self.trunks.get(name)
    }

    /// The telephone numbers that lead to this conference or account, as `tel:` URIs. One without `+` means nothing to who
    /// reads it elsewhere, and a block is no number.
    pub fn numbers_to(&self, target: &str) -> Vec<String> {
        let on = self.trunks.values().filter(|live| live.state.status != TrunkStatus::Off);
        let numbers = on.flat_map(|live| &live.trunk().settings.numbers);
        let global = numbers.filter(|entry| entry.number.starts_with('+') && !entry.number.ends_with('*'));
        let there = global.filter(|entry| entry.to.as_deref() == Some(target));
        there.map(|entry| format!("tel:{}", entry.number)).collect()
    }

    /// The trunks that a call may try, in this order: the one of this name, or all; those that are up.
    pub fn carriers(&self, name: Option<&str>) -> Vec<Arc<LiveTrunk>> {
        let meant = self.trunks.values().filter(|live| name.is_none_or(|name| live.name() == name));
        let able = |status| matches!(status, TrunkStatus::Up | TrunkStatus::Starting);
        let mut carriers: Vec<_> =
            meant.filter(|live| able(live.state.status) && live.is_registered()).cloned().collect();
        carriers.sort_by_key(|live| live.state.status != TrunkStatus::Up);
        carriers
    }

    /// Why [`carriers`](Self::carriers) finds none.
    pub fn why_none(&self, name: Option<&str>) -> String {
        let mut meant = self.trunks.values().filter(|live| name.is_none_or(|name| live.name() == name));
        match (name, meant.next()) {
            (Some(name), None) => format!("there is no trunk {name}"),
            (None, None) => "no trunk is configured".to_owned(),
            (_, Some(live)) => match (live.state.status, &live.state.why) {
                (TrunkStatus::Off, _) => format!("trunk {} is switched off", live.name()),
                (_, Some(why)) => format!("trunk {} is down: {why}", live.name()),
                (_, None) => format!("trunk {} is not registered yet", live.name()),
            },
        }
    }
}

impl LiveTrunk {
    pub fn new(stored: SecretTrunk, state: TrunkState, granted: Option<Granted>) -> Self {
        let settings = &stored.trunk.settings;
        let marks = Marks {
            // Checked when they were stored; what cannot be read stands for nobody.
            sources: settings.sources.iter().filter_map(|source| source.parse().ok()).collect(),
            transport: settings.transport.map(Transport::from),
            certificate: settings.certificate.clone(),
            wildcard: settings.certificate_wildcard,
            registrar: granted.as_ref().and_then(|granted| granted.peer),
        };
        Self { stored, state, granted, marks }
    }

    pub fn trunk(&self) -> &Trunk {
        &self.stored.trunk
    }

    pub fn name(&self) -> &str {
        &self.stored.trunk.name
    }

    /// By which host it knows us, where our address will not do.
    pub fn contact_host(&self) -> Option<Host> {
        contact_host(self.trunk())
    }

    fn is_registered(&self) -> bool {
        !self.trunk().settings.register || self.granted.is_some()
    }

    /// Signalling is encrypted, so that keys may stand in it.
    pub fn is_secure(&self) -> bool {
        match self.granted.as_ref().and_then(|granted| granted.peer) {
            Some(peer) => peer.transport.is_secure(),
            None => self.trunk().settings.transport == Some(TrunkTransport::Tls),
        }
    }

    /// Answers the challenges of this trunk and nobody else's.
    pub(super) fn client(&self) -> Option<DigestClient> {
        let realm = self.trunk().settings.realm.clone();
        let learned = self.granted.as_ref().and_then(|granted| granted.realms.first().cloned());
        let realm = realm.or(learned).unwrap_or_else(|| domain(self.trunk()).0.to_string());
        Some(DigestClient::new(login(&self.stored)?, Some(realm)))
    }
}

/// What the REGISTER says; none for a trunk that does not register.
pub(super) fn registration(stored: &SecretTrunk) -> Option<RegistrationSettings> {
    let settings = &stored.trunk.settings;
    let user = settings.username.clone().filter(|_| settings.register)?;
    let (registrar, route) = server(&stored.trunk);
    Some(RegistrationSettings {
        address: NameAddr::new(registrar.without_param("transport").with_user(&user).into()),
        registrar: registrar.into(),
        user,
        login: login(stored),
        realm: settings.realm.clone(),
        proxy: route.into_iter().next(),
        contact_host: contact_host(&stored.trunk),
        expires: settings.register_seconds,
    })
}

/// The trunk itself, and what leads there.
pub(super) fn server(trunk: &Trunk) -> (SipUri, Vec<NameAddr>) {
    let (host, port) = domain(trunk);
    let route = routes(trunk);
    (by_transport(trunk, &route, SipUri::new(None, host, port)), route)
}

/// Checked when it was stored; what cannot be read is not said.
pub(super) fn contact_host(trunk: &Trunk) -> Option<Host> {
    trunk.settings.contact_host.as_deref().and_then(|host| host.parse().ok())
}

/// A URI of the trunk says by which transport, unless a route does.
pub(super) fn by_transport(trunk: &Trunk, route: &[NameAddr], uri: SipUri) -> SipUri {
    match trunk.settings.transport.filter(|_| route.is_empty() && uri.transport().is_none()) {
        Some(transport) => uri.with_param("transport", Some(&Transport::from(transport).via_name().to_lowercase())),
        None => uri,
    }
}

/// The domain in the trunk's addresses; with the port of the host, where that is the domain.
pub(super) fn domain(trunk: &Trunk) -> (Host, Option<u16>) {
    let text = trunk.settings.domain.as_ref().unwrap_or(&trunk.settings.host);
    match format!("sip:{text}").parse() {
        Ok(Uri::Sip(uri)) => (uri.host().clone(), uri.port()),
        _ => (Host::Name("invalid.invalid".into()), None), // checked when it was stored
    }
}

/// What a request to the trunk is sent by: the outbound proxy, or the host where the addresses name another domain.
pub(super) fn routes(trunk: &Trunk) -> Vec<NameAddr> {
    let settings = &trunk.settings;
    let proxy = settings.outbound_proxy.as_deref().and_then(|proxy| proxy.parse().ok());
    let host = settings.domain.as_ref().and_then(|_| format!("sip:{}", settings.host).parse().ok());
    let Some(Uri::Sip(hop)) = proxy.or(host) else { return Vec::new() };
    vec![NameAddr::new(by_transport(trunk, &[], hop).with_param("lr", None).into())]
}

fn login(stored: &SecretTrunk) -> Option<Login> {
    let user = stored.trunk.settings.username.clone()?;
    stored.password.as_ref().map(|password| Login { user, password: password.reveal().to_owned() })
}

impl From<TrunkTransport> for Transport {
    fn from(transport: TrunkTransport) -> Self {
        match transport {
            TrunkTransport::Udp => Self::Udp,
            TrunkTransport::Tcp => Self::Tcp,
            TrunkTransport::Tls => Self::Tls,
        }
    }
}
