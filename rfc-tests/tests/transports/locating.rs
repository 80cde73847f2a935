//! Locating servers, RFC 3263, by a name server of the test's own: the running endpoint and servers on loopback.

use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener, UdpSocket};
use std::time::Duration;

use anyhow::{Context, ensure};
use plenary_sip::endpoint::{
    CallId, Command, ContactTemplate, EndpointSettings, Event, OutgoingInvite, OutgoingRequest, RequestId, Rng,
};
use plenary_sip::message::{Method, NameAddr};
use plenary_sip::net::{Net, NetSettings, RunningEndpoint, spawn_endpoint};
use plenary_sip::transaction::Timing;
use rfc_tests::coverage::covers;
use rfc_tests::deadline::accept;
use rfc_tests::dns::{NameServer, Record, Zone};
use rfc_tests::raw::header;
use rfc_tests::scratch::own_address;
use tokio::time::timeout;

const PATIENCE: Duration = Duration::from_secs(20);

/// A server that answers every request over UDP with this status, or never.
struct Far {
    socket: UdpSocket,
}

impl Far {
    fn at(address: Ipv4Addr, port: u16) -> anyhow::Result<Self> {
        let socket = UdpSocket::bind((address, port))?;
        socket.set_read_timeout(Some(PATIENCE))?;
        Ok(Self { socket })
    }

    fn new() -> anyhow::Result<Self> {
        Self::at(Ipv4Addr::LOCALHOST, 0)
    }

    fn port(&self) -> anyhow::Result<u16> {
        Ok(self.socket.local_addr()?.port())
    }

    /// The next request of this method, and who sent it.
    fn expect(&self, method: &str) -> anyhow::Result<(String, SocketAddr)> {
        let mut octets = [0; 65_536];
        loop {
            let (count, from) = self.socket.recv_from(&mut octets).with_context(|| format!("no {method} came"))?;
            let text = String::from_utf8_lossy(&octets[..count]).into_owned();
            if text.starts_with(&format!("{method} ")) {
                return Ok((text, from));
            }
        }
    }

    fn answer(&self, (request, from): &(String, SocketAddr), status: &str) -> anyhow::Result<()> {
        let of = |name: &str| header(request, name).unwrap_or_default();
        let text = format!(
            "SIP/2.0 {status}\r\nVia: {}\r\nFrom: {}\r\nTo: {};tag=far\r\nCall-ID: {}\r\nCSeq: {}\r\n\
             Contact: <sip:{}>\r\nContent-Length: 0\r\n\r\n",
            of("Via"),
            of("From"),
            of("To"),
            of("Call-ID"),
            of("CSeq"),
            self.socket.local_addr()?,
        );
        self.socket.send_to(text.as_bytes(), from)?;
        Ok(())
    }
}

fn start(zone: Zone) -> anyhow::Result<(RunningEndpoint, NameServer)> {
    let names = NameServer::start(zone)?;
    let any = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    let settings =
        NetSettings { udp: vec![any], tcp: vec![any], name_servers: vec![names.address], ..NetSettings::default() };
    let timing = Timing { t1: Duration::from_millis(20), ..Timing::default() };
    let endpoint = EndpointSettings { timing, ..EndpointSettings::default() };
    Ok((spawn_endpoint(endpoint, Rng::new([7; 32]), Net::start(settings)?), names))
}

async fn status_of(running: &mut RunningEndpoint, uri: &str) -> anyhow::Result<u16> {
    let request = OutgoingRequest {
        method: Method::Options,
        request_uri: uri.parse()?,
        from: "<sip:us@here.example>".parse::<NameAddr>()?,
        to: format!("<{uri}>").parse::<NameAddr>()?,
        route: Vec::new(),
        flow: None,
        headers: Vec::new(),
        body: None,
    };
    running.handle.command(Command::Request { request: RequestId(2), outgoing: Box::new(request) })?;
    loop {
        let event = timeout(PATIENCE, running.events.recv()).await?.context("an outcome")?;
        if let Event::Response { status, .. } = event {
            return Ok(status.as_u16());
        }
    }
}

fn local() -> Record {
    Record::Address(IpAddr::V4(Ipv4Addr::LOCALHOST))
}

fn srv(priority: u16, port: u16) -> Record {
    Record::Srv(priority, 0, port, "host.example".into())
}

/// §4.1 and §4.2: five URIs, one zone.
#[tokio::test(flavor = "multi_thread")]
async fn transport_and_port_of_the_uri_go_before_records() -> anyhow::Result<()> {
    let claim = covers(["3263-01", "3263-04"]).pending();
    let (by_naptr, by_srv, by_port) = (Far::new()?, Far::new()?, Far::new()?);
    let own = own_address();
    let by_default = Far::at(own, 5060)?;
    let tcp = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    let zone = Zone::default()
        .with("host.example", local())
        .with("far.example", local())
        .with("far.example", Record::Naptr(20, "SIP+D2T", "_sip._tcp.far.example".into()))
        .with("far.example", Record::Naptr(10, "SIP+D2U", "_sip._udp.naptr.example".into()))
        .with("_sip._udp.naptr.example", srv(0, by_naptr.port()?))
        .with("_sip._udp.far.example", srv(0, by_srv.port()?))
        .with("_sip._tcp.far.example", srv(0, tcp.local_addr()?.port()))
        .with("plain.example", Record::Address(IpAddr::V4(own)))
        // Nobody is there by IPv6: without a socket for it, the next address is taken.
        .with("both.example", Record::Address("2001:db8::1".parse()?))
        .with("both.example", Record::Address(IpAddr::V4(own)));
    let (mut running, names) = start(zone)?;
    let port = by_port.port()?;
    let rows: [(String, &Far); 5] = [
        ("sip:far.example".into(), &by_naptr),
        ("sip:far.example;transport=udp".into(), &by_srv),
        (format!("sip:far.example:{port}"), &by_port),
        ("sip:plain.example".into(), &by_default),
        ("sip:both.example".into(), &by_default),
    ];
    for (uri, far) in rows {
        let asked = async { tokio::task::block_in_place(|| far.answer(&far.expect("OPTIONS")?, "200 OK")) };
        let (status, answered) = tokio::join!(status_of(&mut running, &uri), asked);
        answered.with_context(|| uri.clone())?;
        ensure!(status? == 200, "{uri}");
    }
    let before = names.asked().len();
    let uri = format!("sip:127.0.0.1:{port}");
    let asked = async { tokio::task::block_in_place(|| by_port.answer(&by_port.expect("OPTIONS")?, "200 OK")) };
    let (status, answered) = tokio::join!(status_of(&mut running, &uri), asked);
    answered?;
    ensure!(status? == 200 && names.asked().len() == before, "an address is nobody's question: {:?}", names.asked());

    // Over TCP where the URI says so.
    let accepted = tokio::task::spawn_blocking(move || accept(&tcp, PATIENCE));
    let request = status_of(&mut running, "sip:far.example;transport=tcp");
    tokio::select! {
        _ = request => anyhow::bail!("nobody has answered"),
        accepted = accepted => { accepted??; }
    }
    ensure!(names.asked().iter().any(|asked| asked.ends_with("SRV _sip._tcp.far.example")), "{:?}", names.asked());
    ensure!(names.asked().iter().any(|asked| asked.ends_with("AAAA both.example")), "{:?}", names.asked());
    claim.proven();
    Ok(())
}

/// §4.1, and S-13: whoever forges or strips records cannot talk us down from TLS.
#[tokio::test(flavor = "multi_thread")]
async fn sips_never_leaves_by_udp() -> anyhow::Result<()> {
    let claim = covers(["3263-02"]).pending();
    let far = Far::new()?;
    let zone = Zone::default()
        .with("host.example", local())
        .with("far.example", local())
        .with("far.example", Record::Naptr(10, "SIP+D2U", "_sip._udp.far.example".into()))
        .with("_sip._udp.far.example", srv(0, far.port()?));
    let (mut running, _names) = start(zone)?;
    ensure!(status_of(&mut running, "sips:far.example").await? == 503);
    far.socket.set_read_timeout(Some(Duration::from_millis(100)))?;
    ensure!(far.socket.recv(&mut [0; 100]).is_err(), "nothing by UDP");
    claim.proven();
    Ok(())
}

/// §4.2 and §4.3: the next server on 503, on silence, and when nobody is there; each time a new branch.
#[tokio::test(flavor = "multi_thread")]
async fn the_next_server_is_asked_when_one_cannot_serve() -> anyhow::Result<()> {
    let claim = covers(["3263-03"]).pending();
    let (busy, silent, good) = (Far::new()?, Far::new()?, Far::new()?);
    let closed = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port();
    let zone = Zone::default()
        .with("host.example", local())
        .with("_sip._udp.busy.example", srv(10, busy.port()?))
        .with("_sip._udp.busy.example", srv(20, good.port()?))
        .with("_sip._udp.silent.example", srv(10, silent.port()?))
        .with("_sip._udp.silent.example", srv(20, good.port()?))
        .with("_sip._udp.all.example", srv(10, busy.port()?))
        .with("gone.example", Record::Naptr(10, "SIP+D2T", "_sip._tcp.gone.example".into()))
        .with("gone.example", Record::Naptr(20, "SIP+D2U", "_sip._udp.good.example".into()))
        .with("_sip._tcp.gone.example", srv(10, closed))
        .with("_sip._udp.good.example", srv(10, good.port()?));
    let (mut running, _names) = start(zone)?;
    let branch = |request: &str| header(request, "Via").and_then(|via| via.split("branch=").nth(1)).map(str::to_owned);

    for (uri, first) in
        [("sip:busy.example", Some(&busy)), ("sip:silent.example", Some(&silent)), ("sip:gone.example", None)]
    {
        let servers = async {
            tokio::task::block_in_place(|| {
                let refused = first.map(|far| far.expect("OPTIONS")).transpose()?;
                if let (Some(refused), "sip:busy.example") = (&refused, uri) {
                    busy.answer(refused, "503 Service Unavailable")?;
                }
                let taken = good.expect("OPTIONS")?;
                good.answer(&taken, "200 OK")?;
                anyhow::Ok((refused, taken))
            })
        };
        let (status, asked) = tokio::join!(status_of(&mut running, uri), servers);
        let (refused, taken) = asked.context(uri)?;
        ensure!(status? == 200, "{uri}");
        if let Some((refused, _)) = refused {
            ensure!(branch(&refused) != branch(&taken.0), "{uri}: a new transaction");
            ensure!(header(&refused, "Call-ID") == header(&taken.0, "Call-ID"), "{uri}: the same request");
        }
    }
    let refusing = async { tokio::task::block_in_place(|| busy.answer(&busy.expect("OPTIONS")?, "503 No")) };
    let (status, answered) = tokio::join!(status_of(&mut running, "sip:all.example"), refusing);
    answered?;
    ensure!(status? == 503, "the last server's word is told");
    claim.proven();
    Ok(())
}

/// §4.3 for INVITE: the refused one is acknowledged where it was sent, CANCEL goes where the INVITE went.
#[tokio::test(flavor = "multi_thread")]
async fn ack_and_cancel_go_where_their_invite_went() -> anyhow::Result<()> {
    let claim = covers(["3263-05"]).pending();
    let (busy, good) = (Far::new()?, Far::new()?);
    let zone = Zone::default()
        .with("host.example", local())
        .with("_sip._udp.far.example", srv(10, busy.port()?))
        .with("_sip._udp.far.example", srv(20, good.port()?));
    let (mut running, _names) = start(zone)?;
    let invite = OutgoingInvite {
        request_uri: "sip:bob@far.example".parse()?,
        from: "<sip:us@here.example>".parse()?,
        to: "<sip:bob@far.example>".parse()?,
        contact: ContactTemplate::default(),
        route: Vec::new(),
        flow: None,
        headers: Vec::new(),
        offer: None,
        login: None,
        named_by: None,
        ring_for: Duration::from_secs(60),
    };
    running.handle.command(Command::Invite { call: CallId(2), invite: Box::new(invite) })?;
    tokio::task::block_in_place(|| -> anyhow::Result<()> {
        let refused = busy.expect("INVITE")?;
        busy.answer(&refused, "100 Trying")?;
        busy.answer(&refused, "503 Service Unavailable")?;
        let ack = busy.expect("ACK")?.0;
        ensure!(header(&ack, "Via") == header(&refused.0, "Via"), "{ack}");
        let taken = good.expect("INVITE")?;
        ensure!(header(&taken.0, "Via") != header(&refused.0, "Via"));
        good.answer(&taken, "180 Ringing")
    })?;
    loop {
        match timeout(PATIENCE, running.events.recv()).await?.context("an event")? {
            Event::Progress { response, .. } if response.status.as_u16() == 180 => break,
            Event::Ended { why, .. } => anyhow::bail!("ended: {why:?}"),
            _ => {}
        }
    }
    running.handle.command(Command::Hangup { call: CallId(2), headers: Vec::new() })?;
    tokio::task::block_in_place(|| good.expect("CANCEL"))?;
    busy.socket.set_read_timeout(Some(Duration::from_millis(100)))?;
    ensure!(busy.expect("CANCEL").is_err(), "not where it was refused");
    claim.proven();
    Ok(())
}

/// S-26 and T-25: long answers come by TCP, slow name servers and endless records cost little, and no DNS is asked for
/// `.invalid` (RFC 5626 §4.2.1).
#[tokio::test(flavor = "multi_thread")]
async fn long_answers_come_whole_and_invalid_names_are_not_asked_for() -> anyhow::Result<()> {
    let claim =
        covers(["5626-07"]).but("asked of the endpoint; a registered browser is shown over its WebSocket").pending();
    let long = covers(["T-25"]).pending();
    let far = Far::new()?;
    let good = Record::Srv(1, 0, far.port()?, "host.example".into());
    let dead =
        |number: u16| Record::Srv(100 + number, 0, 9, format!("a-long-name-that-fills-the-answer-{number}.example"));
    let zone = (0..200).fold(Zone::default(), |zone, number| zone.with("_sip._udp.long.example", dead(number)));
    let zone =
        zone.with("_sip._udp.long.example", good).with("host.example", local()).with("slow.example", Record::Silence);
    let (mut running, names) = start(zone)?;
    let asked = async { tokio::task::block_in_place(|| far.answer(&far.expect("OPTIONS")?, "200 OK")) };
    let (status, answered) = tokio::join!(status_of(&mut running, "sip:long.example"), asked);
    answered?;
    ensure!(status? == 200);
    let seen = names.asked();
    ensure!(seen.iter().any(|asked| asked == "tcp SRV _sip._udp.long.example"), "{seen:?}");
    ensure!(seen.iter().filter(|asked| asked.contains("a-long-name")).count() <= 2 * 2 * 16, "{}", seen.len());
    long.proven();

    ensure!(status_of(&mut running, "sip:x@4r8eu21mkp1b.invalid;transport=ws").await? == 503);
    ensure!(status_of(&mut running, "sip:x@4r8eu21mkp1b.invalid").await? == 503);
    ensure!(!names.asked().iter().any(|asked| asked.contains("invalid")), "{:?}", names.asked());
    // The request gives up before its look-up does.
    ensure!(status_of(&mut running, "sip:slow.example").await? == 408, "within {PATIENCE:?}");
    claim.proven();
    Ok(())
}

/// §5: the connection is closed, nobody listens at the address, so sent-by is looked up.
#[tokio::test(flavor = "multi_thread")]
async fn a_response_without_connection_finds_sent_by_through_its_records() -> anyhow::Result<()> {
    use std::io::{Read, Write};
    let claim = covers(["3263-06"]).pending();
    let elsewhere = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    let zone = Zone::default()
        .with("host.example", local())
        .with("_sip._tcp.far.example", srv(0, elsewhere.local_addr()?.port()));
    let names = NameServer::start(zone)?;
    let settings = NetSettings {
        tcp: vec![SocketAddr::from((Ipv4Addr::LOCALHOST, 0))],
        name_servers: vec![names.address],
        ..NetSettings::default()
    };
    let net = Net::start(settings)?;
    let here = net.listening()[0].address;
    let mut running = spawn_endpoint(EndpointSettings::default(), Rng::new([7; 32]), net);
    let text = rfc_tests::raw::request("TCP", "far.example", "OPTIONS", "sip:here.example", "", "");
    let mut connection = std::net::TcpStream::connect(here)?;
    connection.write_all(text.replacen(";rport", "", 1).as_bytes())?;
    let request = loop {
        if let Event::Request { request, .. } = timeout(PATIENCE, running.events.recv()).await?.context("a request")? {
            break request;
        }
    };
    drop(connection);
    timeout(PATIENCE, running.closed_flows.recv()).await?.context("the connection's end")?;
    let (status, headers, body) = (plenary_sip::message::StatusCode::OK, Vec::new(), None);
    running.handle.command(Command::Respond { request, status, headers, body })?;
    let mut stream = tokio::task::block_in_place(|| accept(&elsewhere, PATIENCE))?;
    stream.set_read_timeout(Some(PATIENCE))?;
    let mut octets = [0; 4096];
    let count = tokio::task::block_in_place(|| stream.read(&mut octets))?;
    ensure!(octets[..count].starts_with(b"SIP/2.0 200 OK\r\n"));
    claim.proven();
    Ok(())
}
