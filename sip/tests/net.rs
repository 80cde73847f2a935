//! The net on loopback: real sockets, ephemeral ports, bounded waits.
#![cfg(feature = "net")]

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use plenary_sip::endpoint::{OPEN_HOST, SendId};
use plenary_sip::message::{HeaderName, Message, StatusCode, parse_datagram};
use plenary_sip::net::{
    Heard, Net, NetError, NetEvent, NetSettings, NetTiming, Received, SendError, TlsConfigs, VerifyServer,
};
use plenary_sip::net_types::{Destination, Source, Transport};
use rustls::ServerConfig;
use rustls::pki_types::PrivateKeyDer;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, UdpSocket};
use tokio::time::timeout;

const LOOPBACK: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 0);
const PATIENCE: Duration = Duration::from_secs(10);

fn options(body: &str) -> String {
    format!(
        "OPTIONS sip:conference@127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/TCP 127.0.0.1:5999;branch=z9hG4bK1;rport\r\n\
         From: <sip:a@127.0.0.1>;tag=1\r\nTo: <sip:conference@127.0.0.1>\r\nCall-ID: 1@127.0.0.1\r\nCSeq: 1 OPTIONS\r\n\
         Max-Forwards: 70\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
}

/// A request of ours, its Via still open.
fn open_request(padding: usize) -> Message {
    let text = options(&"x".repeat(padding)).replace("SIP/2.0/TCP 127.0.0.1:5999", &format!("SIP/2.0/UDP {OPEN_HOST}"));
    parse_datagram(&text.into_bytes().into(), &Default::default()).expect("a request")
}

fn settings() -> NetSettings {
    NetSettings { udp: vec![LOOPBACK], tcp: vec![LOOPBACK], ..NetSettings::default() }
}

fn quick() -> NetTiming {
    let short = Duration::from_millis(150);
    NetTiming { handshake: short, message: short, silent: short, ..NetTiming::default() }
}

fn identity() -> (Arc<ServerConfig>, String) {
    let signed = rcgen::generate_simple_self_signed(["localhost".to_owned()]).expect("a certificate");
    let pem = signed.cert.pem();
    let key = PrivateKeyDer::try_from(signed.signing_key.serialize_der()).expect("a key");
    let config = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("TLS 1.2 and 1.3")
        .with_no_client_auth()
        .with_single_cert(vec![signed.cert.der().clone()], key)
        .expect("they belong together");
    (Arc::new(config), pem)
}

fn port_of(net: &Net, transport: Transport) -> SocketAddr {
    net.listening().iter().find(|here| here.transport == transport).expect("a listener").address
}

async fn next(net: &mut Net) -> NetEvent {
    timeout(PATIENCE, net.receive()).await.expect("an event in time")
}

async fn request(net: &mut Net) -> (Message, Source) {
    match next(net).await {
        NetEvent::Received(Received { message: Ok(message), source, .. }) => (message, source),
        other => panic!("a message was due, not {other:?}"),
    }
}

async fn outcome(net: &mut Net) -> Result<Source, SendError> {
    match next(net).await {
        NetEvent::Sent { outcome, .. } => outcome,
        other => panic!("the outcome of a send was due, not {other:?}"),
    }
}

fn ok_to(message: &Message) -> Message {
    let Message::Request(request) = message else { panic!("a request was due") };
    request.response(StatusCode::OK, Some("t")).into()
}

fn back_to(source: Source) -> Destination {
    Destination::Flow { flow: source.flow, transport: source.transport, remote: source.remote }
}

async fn read_some(stream: &mut (impl AsyncRead + Unpin)) -> String {
    let mut buffer = vec![0; 4096];
    let count = timeout(PATIENCE, stream.read(&mut buffer)).await.expect("something in time").expect("readable");
    String::from_utf8_lossy(&buffer[..count]).into_owned()
}

async fn exchange(net: &mut Net, stream: &mut (impl AsyncRead + AsyncWrite + Unpin)) -> Source {
    stream.write_all(options("").as_bytes()).await.expect("written");
    let (message, source) = request(net).await;
    net.send(SendId(1), back_to(source), ok_to(&message));
    assert_eq!(outcome(net).await, Ok(source));
    assert!(read_some(stream).await.starts_with("SIP/2.0 200 "));
    source
}

#[tokio::test]
async fn udp_in_and_out() {
    let mut net = Net::start(settings()).expect("started");
    let phone = UdpSocket::bind(LOOPBACK).await.expect("bound");
    phone.connect(port_of(&net, Transport::Udp)).await.expect("connected");
    for noise in [&b"\r\n\r\n"[..], b"\0\0\0\0", &[0, 1, 0, 0, 33, 18, 164, 66]] {
        phone.send(noise).await.expect("sent");
    }
    phone.send(options("").as_bytes()).await.expect("sent");
    let (message, source) = request(&mut net).await;
    assert_eq!(source.remote, phone.local_addr().expect("bound"));
    assert_eq!(source.local, port_of(&net, Transport::Udp));
    net.send(SendId(1), back_to(source), ok_to(&message));
    assert!(outcome(&mut net).await.is_ok());
    let mut buffer = vec![0; 4096];
    let count = timeout(PATIENCE, phone.recv(&mut buffer)).await.expect("in time").expect("received");
    assert!(buffer[..count].starts_with(b"SIP/2.0 200 "));
    let counted = net.counters().snapshot();
    assert_eq!(counted.requests, [("OPTIONS".to_owned(), 1)]);
    assert_eq!(counted.responses, [("OPTIONS".to_owned(), 2, 1)]);
}

#[tokio::test]
async fn garbage_is_told_with_its_source_and_hurts_nobody() {
    let mut net = Net::start(settings()).expect("started");
    let phone = UdpSocket::bind(LOOPBACK).await.expect("bound");
    let server = port_of(&net, Transport::Udp);
    phone.send_to(b"hello there\r\n\r\n", server).await.expect("sent");
    let NetEvent::Received(Received { message: Err(_), source, .. }) = next(&mut net).await else {
        panic!("an error was due")
    };
    assert_eq!(source.remote, phone.local_addr().expect("bound"));
    phone.send_to(options("").as_bytes(), server).await.expect("sent");
    request(&mut net).await;
    assert_eq!(net.counters().snapshot().parse_errors, 1);
}

#[tokio::test]
async fn tcp_exchange_pong_and_close() {
    let mut net = Net::start(settings()).expect("started");
    let mut phone = TcpStream::connect(port_of(&net, Transport::Tcp)).await.expect("connected");
    phone.write_all(b"\r\n\r\n").await.expect("written");
    assert_eq!(read_some(&mut phone).await, "\r\n");
    let source = exchange(&mut net, &mut phone).await;
    assert_eq!(exchange(&mut net, &mut phone).await.flow, source.flow);
    assert_eq!(net.counters().snapshot().connections, 1);
    drop(phone);
    let NetEvent::FlowClosed(flow) = next(&mut net).await else { panic!("the end of the flow was due") };
    assert_eq!(flow, source.flow);
    net.send(SendId(2), back_to(source), open_request(0));
    assert_eq!(outcome(&mut net).await, Err(SendError::FlowGone));
}

#[tokio::test]
async fn message_in_pieces_and_big_message() {
    let mut net = Net::start(settings()).expect("started");
    let mut phone = TcpStream::connect(port_of(&net, Transport::Tcp)).await.expect("connected");
    phone.set_nodelay(true).expect("set");
    let text = options(&"b".repeat(40_000));
    for piece in text.as_bytes().chunks(7_000) {
        phone.write_all(piece).await.expect("written");
    }
    let (message, _) = request(&mut net).await;
    let Message::Request(request) = message else { panic!("a request was due") };
    assert_eq!(request.body.len(), 40_000);

    phone.write_all(options(&"b".repeat(70_000)).as_bytes()).await.expect("written");
    let NetEvent::Received(Received { message: Err(error), .. }) = next(&mut net).await else {
        panic!("an error was due")
    };
    assert!(error.status.as_u16() == 413 || error.status.as_u16() == 513, "{error}");
    assert!(matches!(next(&mut net).await, NetEvent::FlowClosed(_)));
}

#[tokio::test]
async fn half_a_message_and_silence_are_given_limited_time() {
    let mut net = Net::start(NetSettings { timing: quick(), ..settings() }).expect("started");
    let tcp = port_of(&net, Transport::Tcp);
    let mut slow = TcpStream::connect(tcp).await.expect("connected");
    slow.write_all(b"OPTIONS sip:a@b SIP/2.0\r\nVia: ").await.expect("written");
    assert!(matches!(next(&mut net).await, NetEvent::FlowClosed(_)));
    assert_eq!(read_some(&mut slow).await, "");

    let mut silent = TcpStream::connect(tcp).await.expect("connected");
    assert!(matches!(next(&mut net).await, NetEvent::FlowClosed(_)));
    assert_eq!(read_some(&mut silent).await, "");

    // Whoever has spoken may be silent, a lone CRLF included.
    let mut phone = TcpStream::connect(tcp).await.expect("connected");
    exchange(&mut net, &mut phone).await;
    phone.write_all(b"\r\n").await.expect("written");
    assert!(timeout(Duration::from_millis(400), net.receive()).await.is_err());
    exchange(&mut net, &mut phone).await;
}

#[tokio::test]
async fn too_many_connections_of_one_address_are_refused() {
    let mut net = Net::start(NetSettings { max_connections_per_address: 1, ..settings() }).expect("started");
    let tcp = port_of(&net, Transport::Tcp);
    let mut first = TcpStream::connect(tcp).await.expect("connected");
    exchange(&mut net, &mut first).await;
    let mut second = TcpStream::connect(tcp).await.expect("connected");
    assert_eq!(read_some(&mut second).await, "");
    exchange(&mut net, &mut first).await;
}

#[tokio::test]
async fn requests_to_hosts_open_one_connection_and_use_it_again() {
    let mut net = Net::start(settings()).expect("started");
    let server = TcpListener::bind(LOOPBACK).await.expect("bound");
    let port = server.local_addr().expect("bound").port();
    let to = |host: &str| Destination::Host {
        transport: Some(Transport::Tcp),
        secure: false,
        host: host.into(),
        port: Some(port),
        named_by: None,
    };
    net.send(SendId(1), to("127.0.0.1"), open_request(0));
    net.send(SendId(3), to("127.0.0.1"), open_request(0));
    let accept = async { timeout(PATIENCE, server.accept()).await.expect("in time").expect("accepted").0 };
    let (source, mut stream) = tokio::join!(outcome(&mut net), accept);
    let source = source.expect("sent");
    assert_eq!(outcome(&mut net).await.map(|again| again.flow), Ok(source.flow));
    net.send(SendId(5), to("127.0.0.1"), open_request(0));
    assert_eq!(outcome(&mut net).await.map(|again| again.flow), Ok(source.flow));
    let mut seen = String::new();
    while seen.matches("OPTIONS sip:").count() < 3 {
        seen += &read_some(&mut stream).await;
    }
    // Via and Contact name the port that we listen on.
    let via = format!("Via: SIP/2.0/TCP {};branch=z9hG4bK1;rport", port_of(&net, Transport::Tcp));
    assert_eq!(seen.matches(&via).count(), 3, "{seen}");
}

#[tokio::test]
async fn what_cannot_be_reached_is_told() {
    let mut net = Net::start(settings()).expect("started");
    let free = TcpListener::bind(LOOPBACK).await.expect("bound").local_addr().expect("bound");
    let host = |transport, host: &str| Destination::Host {
        transport,
        secure: false,
        host: host.into(),
        port: Some(free.port()),
        named_by: None,
    };
    net.send(SendId(1), host(Some(Transport::Tcp), "127.0.0.1"), open_request(0));
    assert!(matches!(outcome(&mut net).await, Err(SendError::Connect { .. })));
    net.send(SendId(3), host(Some(Transport::Ws), "127.0.0.1"), open_request(0));
    assert!(matches!(outcome(&mut net).await, Err(SendError::TransportOff { .. })));
    net.send(SendId(5), host(None, "::1"), open_request(0));
    assert!(matches!(outcome(&mut net).await, Err(SendError::NoSocket { .. })));
}

/// RFC 3261 §18.1.1: beyond 1300 octets TCP is tried first, and UDP when nobody listens there.
#[tokio::test]
async fn large_requests_try_tcp_before_udp() {
    let mut net = Net::start(settings()).expect("started");
    let phone = UdpSocket::bind(LOOPBACK).await.expect("bound");
    let address = phone.local_addr().expect("bound");
    let to = Destination::Host {
        transport: None,
        secure: false,
        host: "127.0.0.1".into(),
        port: Some(address.port()),
        named_by: None,
    };
    net.send(SendId(1), to.clone(), open_request(2000));
    assert_eq!(outcome(&mut net).await.map(|source| source.transport), Ok(Transport::Udp));
    let mut buffer = vec![0; 4096];
    let count = timeout(PATIENCE, phone.recv(&mut buffer)).await.expect("in time").expect("received");
    let sent = parse_datagram(&buffer[..count].to_vec().into(), &Default::default()).expect("readable");
    assert!(sent.headers().get(&HeaderName::Via).is_some_and(|via| via.starts_with("SIP/2.0/UDP 127.0.0.1:")));

    let _server = TcpListener::bind(address).await.expect("bound");
    net.send(SendId(3), to, open_request(2000));
    assert_eq!(outcome(&mut net).await.map(|source| source.transport), Ok(Transport::Tcp));
}

#[tokio::test]
async fn tls_both_ways_with_the_name_proven() {
    let (certificate, pem) = identity();
    let tls = |verify_servers| NetSettings {
        udp: Vec::new(),
        tls: vec![LOOPBACK],
        tls_configs: TlsConfigs::new(Some(certificate.clone()), &verify_servers, None).expect("usable").fixed(),
        ..settings()
    };
    let mut server = Net::start(tls(VerifyServer::Nobody)).expect("started");
    let address = port_of(&server, Transport::Tls);
    let to = |host: &str| Destination::Host {
        transport: None,
        secure: true,
        host: host.into(),
        port: Some(address.port()),
        named_by: None,
    };

    let mut trusting =
        Net::start(tls(VerifyServer::Authorities { pem: pem.into_bytes(), wildcards: Vec::new() })).expect("started");
    trusting.send(SendId(1), to("localhost"), open_request(0));
    let (sent, (message, source)) = tokio::join!(outcome(&mut trusting), request(&mut server));
    assert_eq!(sent.map(|source| source.transport), Ok(Transport::Tls));
    assert_eq!(source.transport, Transport::Tls);
    assert!(message.headers().get(&HeaderName::Via).is_some_and(|via| via.starts_with("SIP/2.0/TLS ")));
    server.send(SendId(2), back_to(source), ok_to(&message));
    assert!(outcome(&mut server).await.is_ok());
    assert!(matches!(request(&mut trusting).await.0, Message::Response(_)));

    // The certificate stands for localhost, not for the address.
    trusting.send(SendId(3), to("127.0.0.1"), open_request(0));
    assert!(matches!(outcome(&mut trusting).await, Err(SendError::Connect { .. })));
    let mut unconcerned = Net::start(tls(VerifyServer::Nobody)).expect("started");
    unconcerned.send(SendId(1), to("127.0.0.1"), open_request(0));
    assert!(outcome(&mut unconcerned).await.is_ok());
}

#[tokio::test]
async fn tls_handshakes_are_given_limited_time() {
    let tls_configs = TlsConfigs { server: Some(identity().0), ..TlsConfigs::default() }.fixed();
    let settings = NetSettings { tls: vec![LOOPBACK], tls_configs, timing: quick(), ..settings() };
    let net = Net::start(settings).expect("started");
    let mut silent = TcpStream::connect(port_of(&net, Transport::Tls)).await.expect("connected");
    assert_eq!(read_some(&mut silent).await, "");
    let mut plain = TcpStream::connect(port_of(&net, Transport::Tls)).await.expect("connected");
    plain.write_all(options("").as_bytes()).await.expect("written");
    let mut rest = Vec::new();
    let _ = timeout(PATIENCE, plain.read_to_end(&mut rest)).await.expect("closed in time");
    assert!(!rest.starts_with(b"SIP"));
}

#[tokio::test]
async fn faults_at_start_name_address_and_cause() {
    let taken = UdpSocket::bind(LOOPBACK).await.expect("bound").into_std().expect("std");
    let address = taken.local_addr().expect("bound");
    let error =
        Net::start(NetSettings { udp: vec![address], ..NetSettings::default() }).expect_err("taken").to_string();
    assert!(error.contains(&address.to_string()) && error.contains("in use"), "{error}");

    let no_certificate = Net::start(NetSettings { tls: vec![LOOPBACK], ..NetSettings::default() });
    assert!(matches!(no_certificate, Err(NetError::NoCertificate { .. })));
}

#[tokio::test]
async fn advertised_address_goes_into_via() {
    let advertised = "203.0.113.7".parse().ok();
    let mut net = Net::start(NetSettings { advertised, ..settings() }).expect("started");
    let phone = UdpSocket::bind(LOOPBACK).await.expect("bound");
    let port = phone.local_addr().expect("bound").port();
    let to = Destination::Host {
        transport: None,
        secure: false,
        host: "127.0.0.1".into(),
        port: Some(port),
        named_by: None,
    };
    net.send(SendId(1), to, open_request(0));
    assert!(outcome(&mut net).await.is_ok());
    let mut buffer = vec![0; 4096];
    let count = timeout(PATIENCE, phone.recv(&mut buffer)).await.expect("in time").expect("received");
    let text = String::from_utf8_lossy(&buffer[..count]);
    let here = format!("203.0.113.7:{}", port_of(&net, Transport::Udp).port());
    assert!(text.contains(&format!("Via: SIP/2.0/UDP {here};")), "{text}");
}

#[tokio::test]
async fn flows_of_others_come_in_by_the_gate() {
    let mut net = Net::start(settings()).expect("started");
    let remote = "192.0.2.9:40000".parse().expect("address");
    let mut flow =
        net.gate().open(Transport::Wss, "192.0.2.1:8443".parse().expect("address"), remote).await.expect("let in");
    assert_eq!(flow.receive("\r\n\r\n".into()).await, Heard::Ping { pong: "\r\n".into() });
    assert_eq!(flow.receive(options("").into()).await, Heard::Sip);
    let (message, source) = request(&mut net).await;
    assert_eq!((source.transport, source.remote, source.flow), (Transport::Wss, remote, flow.id()));
    net.send(SendId(1), back_to(source), ok_to(&message));
    assert!(outcome(&mut net).await.is_ok());
    assert!(flow.next().await.is_some_and(|message| message.starts_with(b"SIP/2.0 200 ")));
    drop(flow);
    assert!(matches!(next(&mut net).await, NetEvent::FlowClosed(flow) if flow == source.flow));
}
