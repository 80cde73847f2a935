//! TLS as client: RFC 5922 §7.2 and §7.3, RFC 5923. The server's own net meets servers with certificates of every kind.

use std::io::Read;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use anyhow::{Context, ensure};
use plenary_sip::endpoint::SendId;
use plenary_sip::message::{Message, parse_datagram};
use plenary_sip::net::{AskClients, Net, NetEvent, NetSettings, TlsConfigs, VerifyServer, server_config};
use plenary_sip::net_types::{Destination, FlowId, Transport};
use rfc_tests::authority::{Authority, Issued};
use rfc_tests::coverage::covers;
use rfc_tests::dns::{NameServer, Record, Zone};
use rfc_tests::raw::request;
use rfc_tests::raw_tls::RawTls;
use rustls::{ServerConnection, StreamOwned};
use tokio::time::timeout;

const PATIENCE: Duration = Duration::from_secs(10);

/// A server with this certificate; what its clients said to it, connection by connection.
struct Far {
    address: SocketAddr,
    heard: Arc<Mutex<Vec<String>>>,
}

impl Far {
    fn start(issued: &Issued) -> anyhow::Result<Self> {
        let config = server_config(vec![issued.certified()?], None, &[])?;
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let (address, heard) = (listener.local_addr()?, Arc::<Mutex<Vec<String>>>::default());
        let note = Arc::clone(&heard);
        thread::spawn(move || {
            for tcp in listener.incoming().flatten() {
                let (config, note) = (Arc::clone(&config), Arc::clone(&note));
                let place = {
                    let mut note = note.lock().expect("whole");
                    note.push(String::new());
                    note.len() - 1
                };
                thread::spawn(move || {
                    let Ok(tls) = ServerConnection::new(config) else { return };
                    let mut stream = StreamOwned::new(tls, tcp);
                    let mut octets = [0; 4096];
                    while let Ok(count @ 1..) = stream.read(&mut octets) {
                        note.lock().expect("whole")[place] += &String::from_utf8_lossy(&octets[..count]);
                    }
                });
            }
        });
        Ok(Self { address, heard })
    }

    fn connections(&self) -> usize {
        self.heard.lock().expect("whole").len()
    }

    fn has_heard_sip(&self) -> bool {
        self.heard.lock().expect("whole").iter().any(|heard| heard.contains("SIP/2.0"))
    }
}

fn options() -> Message {
    let text = request("UDP", "here.invalid", "OPTIONS", "sip:far.example", "", "");
    parse_datagram(&text.into_bytes().into(), &Default::default()).expect("a request")
}

async fn flow_to(net: &mut Net, host: &str, port: Option<u16>) -> Option<FlowId> {
    net.send(
        SendId(1),
        Destination::Host { transport: None, secure: true, host: host.into(), port, named_by: None },
        options(),
    );
    loop {
        let event = timeout(PATIENCE, net.receive()).await.expect("an outcome in time");
        if let NetEvent::Sent { outcome, .. } = event {
            return outcome.ok().map(|source| source.flow);
        }
    }
}

fn net(authority: &Authority, zone: Zone, wildcards: &[&str]) -> anyhow::Result<Net> {
    let verify = VerifyServer::Authorities {
        pem: authority.pem().into_bytes(),
        wildcards: wildcards.iter().map(|host| (*host).to_owned()).collect(),
    };
    let settings = NetSettings {
        tls_configs: TlsConfigs::new(None, &verify, None)?.fixed(),
        name_servers: vec![NameServer::start(zone)?.address],
        ..NetSettings::default()
    };
    Ok(Net::start(settings)?)
}

/// RFC 5922 §7.1 and §7.2, kind by kind; §7.3: whoever does not prove the host hears no SIP.
#[tokio::test(flavor = "multi_thread")]
async fn a_server_proves_the_host_or_hears_nothing() -> anyhow::Result<()> {
    let claim = covers(["5922-01", "5922-02", "5922-04"]).pending();
    let (ours, others) = (Authority::new("ours")?, Authority::new("others")?);
    let here = Record::Address(Ipv4Addr::LOCALHOST.into());
    let zone =
        ["far.example", "sip.far.example"].iter().fold(Zone::default(), |zone, name| zone.with(name, here.clone()));
    let rows: [(&str, &[&str], &str, bool); 10] = [
        ("x", &["uri:sip:far.example"], "far.example", true),
        ("x", &["FAR.example"], "far.example", true),
        ("far.example", &[], "far.example", true),
        ("far.example", &["other.example"], "far.example", false),
        ("x", &["uri:sip:alice@far.example"], "far.example", false),
        ("x", &["uri:sip:other.example", "far.example"], "far.example", false),
        ("x", &["*.far.example"], "sip.far.example", false),
        ("x", &["far.example"], "sip.far.example", false),
        ("x", &["sip.far.example"], "far.example", false),
        ("x", &["127.0.0.1"], "127.0.0.1", true),
    ];
    let mut net = net(&ours, zone, &[])?;
    for (common_name, names, host, proven) in rows {
        let far = Far::start(&ours.issue(common_name, names)?)?;
        let sent = flow_to(&mut net, host, Some(far.address.port())).await;
        ensure!(sent.is_some() == proven, "{common_name} {names:?} for {host}: {sent:?}");
        ensure!(far.connections() == 1 && (proven || !far.has_heard_sip()), "{names:?} for {host}");
    }
    let far = Far::start(&others.issue("x", &["far.example"])?)?;
    ensure!(flow_to(&mut net, "far.example", Some(far.address.port())).await.is_none() && !far.has_heard_sip());
    claim.proven();
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn wildcards_do_for_the_hosts_that_are_named() -> anyhow::Result<()> {
    let authority = Authority::new("authority")?;
    let here = Record::Address(Ipv4Addr::LOCALHOST.into());
    let zone = Zone::default().with("sip.far.example", here.clone()).with("b.far.example", here);
    let mut net = net(&authority, zone, &["sip.far.example"])?;
    let far = Far::start(&authority.issue("x", &["*.far.example"])?)?;
    ensure!(flow_to(&mut net, "sip.far.example", Some(far.address.port())).await.is_some());
    ensure!(flow_to(&mut net, "b.far.example", Some(far.address.port())).await.is_none());
    Ok(())
}

/// RFC 5922 §7.3: the domain of the URI counts, not where SRV led. RFC 5923 §9.3: each domain has its connection.
#[tokio::test(flavor = "multi_thread")]
async fn the_domain_counts_not_the_target_and_each_domain_has_its_connection() -> anyhow::Result<()> {
    let claim = covers(["5922-03", "5923-02"]).pending();
    let authority = Authority::new("authority")?;
    let target = Far::start(&authority.issue("x", &["edge.provider.example"])?)?;
    let shared = Far::start(&authority.issue("x", &["one.example", "two.example"])?)?;
    let srv = |far: &Far| Record::Srv(0, 0, far.address.port(), "edge.provider.example".into());
    let zone = Zone::default()
        .with("edge.provider.example", Record::Address(Ipv4Addr::LOCALHOST.into()))
        .with("_sips._tcp.far.example", srv(&target))
        .with("_sips._tcp.one.example", srv(&shared))
        .with("_sips._tcp.two.example", srv(&shared));
    let mut net = net(&authority, zone, &[])?;
    ensure!(flow_to(&mut net, "far.example", None).await.is_none(), "the certificate of the SRV target alone");
    ensure!(target.connections() == 1 && !target.has_heard_sip());

    let one = flow_to(&mut net, "one.example", None).await.context("one")?;
    let two = flow_to(&mut net, "two.example", None).await.context("two")?;
    ensure!(one != two && shared.connections() == 2, "two names at one address are two peers");
    ensure!(flow_to(&mut net, "one.example", None).await == Some(one) && shared.connections() == 2);
    claim.proven();
    Ok(())
}

/// RFC 5923 §8.1: a connection that was opened to us serves our requests only if both sides have proven who they are.
#[tokio::test(flavor = "multi_thread")]
async fn an_alias_is_honoured_on_mutual_tls_alone() -> anyhow::Result<()> {
    let claim = covers(["5923-01", "A-06"]).pending();
    let authority = Authority::new("authority")?;
    let ask = AskClients { authorities_pem: authority.pem().into_bytes(), required: false };
    let own = authority.issue("x", &["here.example"])?.certified()?;
    let server = server_config(vec![own], Some(&ask), &[])?;
    let verify = VerifyServer::Authorities { pem: authority.pem().into_bytes(), wildcards: Vec::new() };
    let settings = NetSettings {
        tls: vec![SocketAddr::from((Ipv4Addr::LOCALHOST, 0))],
        tls_configs: TlsConfigs::new(Some(server), &verify, None)?.fixed(),
        name_servers: vec![
            NameServer::start(Zone::default().with("far.example", Record::Address(Ipv4Addr::LOCALHOST.into())))?
                .address,
        ],
        ..NetSettings::default()
    };
    let mut net = Net::start(settings)?;
    let at = net.listening().iter().find(|here| here.transport == Transport::Tls).context("listening")?.address;
    // Nobody listens at the far port: what does not take the connection that stands finds no way.
    let free = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port();
    for (shown, alias, reused) in
        [(None, true, false), (Some("far.example"), false, false), (Some("far.example"), true, true)]
    {
        let shown = shown.map(|name| authority.issue("x", &[name])?.certified()).transpose()?;
        let text = request("TLS", &format!("far.example:{free}"), "OPTIONS", "sip:here.example", "", "");
        let text = if alias { text.replacen(";rport", ";alias", 1) } else { text };
        let mut far = tokio::task::spawn_blocking(move || {
            let mut far = RawTls::connect(at, "here.example", shown)?;
            far.send(&text)?;
            anyhow::Ok(far)
        })
        .await??;
        let theirs = loop {
            if let NetEvent::Received(received) = timeout(PATIENCE, net.receive()).await? {
                break received.source.flow;
            }
        };
        let taken = flow_to(&mut net, "far.example", Some(free)).await;
        ensure!(taken == reused.then_some(theirs), "alias {alias}: {taken:?}");
        ensure!(flow_to(&mut net, "other.example", Some(free)).await.is_none());
        if reused {
            ensure!(tokio::task::spawn_blocking(move || far.receive()).await??.starts_with("OPTIONS "));
        }
    }
    claim.proven();
    Ok(())
}
