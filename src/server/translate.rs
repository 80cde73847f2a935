//! The settings of the file in the terms of each part: a part takes its own small struct and knows no other.

use std::net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket};

use plenary_config::{Settings, SrtpPolicy as ConfiguredSrtp};
use plenary_media::engine::EngineSettings;
use plenary_media::plan::AudioCodec;
use plenary_sip::endpoint::{EndpointSettings, EventPackage, NewSubscription};
use plenary_sip::guard::{GuardSettings, Rate};
use plenary_sip::message::{Host, Method};
use plenary_sip::net::{Gate, NetSettings};
use plenary_sip::net_types::Transport;
use plenary_sip::transaction::Timing;

use crate::api::{ApiLimits, ApiSettings};
use crate::call::negotiate::{MediaPolicy, SrtpPolicy};
use crate::call::{CallSettings, Names};
use crate::certificate::Identity;
use crate::conference::{DirectorySettings, FocusSettings, Pace, PlanDefaults, notify};
use crate::gateway::{Origins, SipSocket, SocketTiming};
use crate::store::StoreSettings;

pub fn store(settings: &Settings) -> StoreSettings {
    let conference = &settings.conference;
    StoreSettings {
        url: settings.database.url.reveal().to_owned(),
        data_dir: settings.server.data_dir.clone(),
        realm: settings.server.domain.clone(),
        reserved: vec![conference.factory.clone(), conference.echo.clone(), conference.entrance.clone()],
    }
}

pub fn api(settings: &Settings, identity: &Identity) -> ApiSettings {
    ApiSettings {
        listen: vec![settings.http.listen],
        tls: settings.http.tls.then(|| identity.server_config(&[b"h2", b"http/1.1"])),
        limits: ApiLimits {
            session_lifetime: settings.http.session_lifetime,
            max_body: settings.http.max_body.as_usize(),
        },
    }
}

/// `listening`: where the HTTP server does.
pub fn gateway(settings: &Settings, gate: Gate, listening: Option<SocketAddr>) -> SipSocket {
    let listening = listening.unwrap_or(settings.http.listen);
    let host = if listening.ip().is_unspecified() { advertised(settings) } else { listening.ip() };
    SipSocket {
        gate,
        origins: Origins::new(settings.http.origins.clone()),
        local: SocketAddr::new(host, listening.port()),
        transport: if settings.http.tls { Transport::Wss } else { Transport::Ws },
        timing: SocketTiming::default(),
    }
}

pub fn net(settings: &Settings, identity: &Identity) -> NetSettings {
    NetSettings {
        udp: settings.sip.udp.clone(),
        tcp: settings.sip.tcp.clone(),
        tls: settings.sip.tls.clone(),
        tls_server: Some(identity.server_config(&[])),
        advertised: settings.server.advertised_address,
        guard: guard(settings),
        overload_delay: settings.security.overload_delay,
        ..NetSettings::default()
    }
}

fn guard(settings: &Settings) -> GuardSettings {
    let security = &settings.security;
    GuardSettings {
        address: Rate(security.address_rate),
        network: Rate(security.network_rate),
        strangers: Rate(security.strangers_rate),
        acquaintance: Rate(security.phones_rate),
        scanners: security.scanners.iter().map(|part| part.to_lowercase()).collect(),
        ..GuardSettings::default()
    }
}

pub fn endpoint(settings: &Settings) -> EndpointSettings {
    use Method::*;
    EndpointSettings {
        timing: Timing { t1: settings.sip.t1, t2: settings.sip.t2, t4: settings.sip.t4 },
        user_agent: format!("Plenary/{}", env!("CARGO_PKG_VERSION")),
        allow: vec![Invite, Ack, Cancel, Bye, Options, Update, Prack, Info, Register, Subscribe, Notify, Refer],
        supported: vec!["norefersub".into()],
        packages: vec![conference_package(), refer_package()],
        ..EndpointSettings::default()
    }
}

/// RFC 4575 §3.3.
fn conference_package() -> EventPackage {
    EventPackage {
        name: "conference",
        content_type: notify::CONTENT_TYPE,
        opened_by: NewSubscription::BySubscribe,
        min_expires: 60,
        default_expires: 3600,
        max_expires: 7200,
    }
}

/// RFC 3515 §2.4.4; it ends with the final response, at the latest when nobody answers.
fn refer_package() -> EventPackage {
    EventPackage {
        name: "refer",
        content_type: "message/sipfrag",
        opened_by: NewSubscription::ByRefer,
        min_expires: 1,
        default_expires: 600,
        max_expires: 3600,
    }
}

pub fn engine(settings: &Settings) -> EngineSettings {
    EngineSettings {
        threads: settings.media.thread_count(),
        bind: settings.media.bind,
        ports: settings.media.ports.clone(),
        speakers: settings.media.speakers,
        silent_after: settings.media.silent_after,
        ..EngineSettings::default()
    }
}

pub fn directory(settings: &Settings) -> DirectorySettings {
    let conference = &settings.conference;
    DirectorySettings {
        focus: FocusSettings { empty_timeout: conference.empty_timeout, pace: Pace::default() },
        defaults: PlanDefaults {
            domain: settings.server.domain.clone(),
            max_participants: usize::try_from(conference.max_participants).unwrap_or(usize::MAX),
            ring_for: conference.ring_timeout,
        },
    }
}

pub fn calls(settings: &Settings) -> anyhow::Result<CallSettings> {
    let domain = settings.server.domain.clone();
    Ok(CallSettings {
        domain_host: domain.parse::<Host>().map_err(|_| anyhow::anyhow!("server.domain: {domain:?} is no host"))?,
        domain,
        media: media_policy(settings),
        media_address: advertised(settings),
        collect_changes: settings.conference.notify_interval,
    })
}

pub fn names(settings: &Settings) -> Names {
    let conference = &settings.conference;
    Names {
        domain: settings.server.domain.clone(),
        aliases: settings.server.aliases.clone(),
        factory: conference.factory.clone(),
        echo: conference.echo.clone(),
        entrance: conference.entrance.clone(),
    }
}

fn media_policy(settings: &Settings) -> MediaPolicy {
    use plenary_config::AudioCodec as Configured;
    let codec = |codec: &Configured| match codec {
        Configured::Opus => AudioCodec::Opus,
        Configured::G722 => AudioCodec::G722,
        Configured::Pcma => AudioCodec::Pcma,
        Configured::Pcmu => AudioCodec::Pcmu,
    };
    MediaPolicy {
        codecs: settings.media.codecs.iter().map(codec).collect(),
        srtp: match settings.security.srtp {
            ConfiguredSrtp::Required => SrtpPolicy::Required,
            ConfiguredSrtp::Preferred => SrtpPolicy::Preferred,
            ConfiguredSrtp::Off => SrtpPolicy::Off,
        },
        ..MediaPolicy::default()
    }
}

/// What we write into our SDP: as configured, else where media is bound, else the address of the default route.
pub fn advertised(settings: &Settings) -> IpAddr {
    let bound = Some(settings.media.bind).filter(|address| !address.is_unspecified());
    settings.server.advertised_address.or(bound).or_else(route_address).unwrap_or(IpAddr::V4(Ipv4Addr::LOCALHOST))
}

/// Asks the routing table; nothing is sent by connecting a datagram socket.
fn route_address() -> Option<IpAddr> {
    let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).ok()?;
    socket.connect((Ipv4Addr::new(192, 0, 2, 1), 9)).ok()?;
    socket.local_addr().ok().map(|address| address.ip())
}
