//! The settings of the file in the terms of each part: a part takes its own small struct and knows no other.

use std::net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket};
use std::sync::Arc;

use plenary_config::{Ice, Settings, SrtpPolicy as ConfiguredSrtp, TlsClients};
use plenary_media::engine::{EngineSettings, Switch};
use plenary_media::plan::{AmrFormat, AudioCodec};
use plenary_sip::endpoint::{EndpointSettings, EventPackage, NewSubscription};
use plenary_sip::guard::{GuardSettings, Rate};
use plenary_sip::message::{Host, Method};
use plenary_sip::net::{Gate, NetSettings, TlsConfigs};
use plenary_sip::net_types::Transport;
use plenary_sip::transaction::Timing;
use tokio::sync::watch;

use crate::api::{ApiLimits, ApiSettings};
use crate::call::negotiate::{IceMode, MediaPolicy, SrtpPolicy};
use crate::call::{CallSettings, Names, ToldOfConferences};
use crate::certificate::{self, CertificateFiles, Material, WhoMay};
use crate::conference::{DirectorySettings, FocusSettings, Pace, PlanDefaults, notify};
use crate::gateway::{Origins, SipSocket, SocketTiming};
use crate::store::StoreSettings;
use crate::telemetry::capture::CaptureSettings;

pub fn store(settings: &Settings) -> StoreSettings {
    let conference = &settings.conference;
    StoreSettings {
        url: settings.database.url.reveal().to_owned(),
        data_dir: settings.server.data_dir.clone(),
        realm: settings.server.domain.clone(),
        reserved: vec![conference.factory.clone(), conference.echo.clone(), conference.entrance.clone()],
        min_pin: usize::from(conference.min_pin),
    }
}

pub fn api(settings: &Settings, material: &Material) -> ApiSettings {
    ApiSettings {
        listen: vec![settings.http.listen],
        tls: settings.http.tls.then(|| Arc::clone(&material.https)),
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

/// The files that TLS lives by.
pub fn certificates(settings: &Settings) -> CertificateFiles {
    let (sip, server) = (&settings.sip, &settings.server);
    CertificateFiles {
        own: sip.tls_certificate.clone().zip(sip.tls_key.clone()),
        directory: server.data_dir.join("tls"),
        names: certificate::names(&server.domain, &server.aliases, Some(advertised(settings))),
        further: sip.tls_certificates.iter().map(|pair| (pair.certificate.clone(), pair.key.clone())).collect(),
        clients: sip.tls_client_ca.clone().map(|path| (path, sip.tls_clients == TlsClients::Required)),
        servers: match sip.tls_verify {
            true => WhoMay::Proven { authorities: sip.tls_ca.clone(), wildcards: sip.tls_wildcards.clone() },
            false => WhoMay::Anybody,
        },
    }
}

pub fn net(settings: &Settings, tls_configs: watch::Receiver<TlsConfigs>) -> NetSettings {
    NetSettings {
        udp: settings.sip.udp.clone(),
        tcp: settings.sip.tcp.clone(),
        tls: settings.sip.tls.clone(),
        tls_configs,
        name_servers: settings.sip.name_servers.clone(),
        advertised: settings.server.advertised_address,
        guard: guard(settings),
        tls_only: settings.security.tls_only.clone(),
        overload_delay: settings.security.overload_delay,
        ..NetSettings::default()
    }
}

/// `None`: nothing is exported.
pub fn capture(settings: &Settings) -> Option<CaptureSettings> {
    let capture = &settings.capture;
    Some(CaptureSettings {
        address: capture.address?,
        node_id: capture.node_id,
        password: capture.password.as_ref().map(|password| password.reveal().to_owned()),
        mask_secrets: capture.mask_secrets,
    })
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
        allow: vec![
            Invite, Ack, Cancel, Bye, Options, Update, Prack, Info, Message, Register, Subscribe, Notify, Refer,
        ],
        supported: ["norefersub", "nosub", "replaces", "join", "tdialog"].map(String::from).to_vec(),
        // Checked with all other settings; what cannot be read forces nothing.
        force_rport: settings.sip.force_rport.iter().filter_map(|network| network.parse().ok()).collect(),
        tls_only: settings.security.tls_only.clone(),
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
        mux_port: Some(settings.media.mux_port).filter(|port| *port != 0),
        speakers: settings.media.speakers,
        silent_after: settings.media.silent_after,
        auto_gain: switch(settings.media.auto_gain),
        noise_suppression: switch(settings.media.noise_suppression),
        busy_limit: settings.media.busy_limit,
        room_legs_per_thread: settings.media.room_legs_per_thread,
    }
}

fn switch(on: bool) -> Switch {
    if on { Switch::On } else { Switch::Off }
}

pub fn directory(settings: &Settings) -> DirectorySettings {
    let conference = &settings.conference;
    DirectorySettings {
        focus: FocusSettings {
            empty_timeout: conference.empty_timeout,
            pace: Pace::default(),
            legs_per_account: usize::try_from(conference.legs_per_account).unwrap_or(usize::MAX),
        },
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
        told: ToldOfConferences {
            uri: settings.conference.info_uri.clone(),
            email: settings.conference.info_email.clone(),
            phone: settings.conference.info_phone.clone(),
        },
        collect_changes: settings.conference.notify_interval,
        free_failures: settings.security.free_failures,
        longest_block: settings.security.longest_block,
        dial_outs: settings.security.dial_outs,
        unconfirmed_calls: usize::try_from(settings.security.unconfirmed_calls).unwrap_or(usize::MAX),
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
        Configured::AmrWb => AudioCodec::AmrWb(AmrFormat::PLAIN),
    };
    MediaPolicy {
        codecs: settings.media.codecs.iter().map(codec).collect(),
        srtp: match settings.security.srtp {
            ConfiguredSrtp::Required => SrtpPolicy::Required,
            ConfiguredSrtp::Preferred => SrtpPolicy::Preferred,
            ConfiguredSrtp::Off => SrtpPolicy::Off,
        },
        ice: match settings.media.ice {
            Ice::Lite => IceMode::Lite,
            Ice::Full => IceMode::Full,
            Ice::Auto if is_private(advertised(settings)) => IceMode::Full,
            Ice::Auto => IceMode::Adaptive,
        },
        ..MediaPolicy::default()
    }
}

/// Whether others may see us under another address: RFC 1918, RFC 6598, RFC 4193, and link-local ones.
fn is_private(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(ip) => {
            let [first, second, ..] = ip.octets();
            ip.is_private() || ip.is_link_local() || (first == 100 && second & 0xc0 == 64)
        }
        IpAddr::V6(ip) => ip.is_unique_local() || ip.is_unicast_link_local(),
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
