//! The loop around the endpoint, on loopback: a message in becomes an event, a command becomes a message out.
#![cfg(feature = "net")]

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use plenary_sip::endpoint::{Command, EndpointSettings, Event, OutgoingRequest, RequestId, Rng};
use plenary_sip::message::{Method, StatusCode};
use plenary_sip::net::{Net, NetSettings, RunningEndpoint, spawn_endpoint};
use plenary_sip::net_types::FlowEnd;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpStream, UdpSocket};
use tokio::time::timeout;

const LOOPBACK: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 0);
const PATIENCE: Duration = Duration::from_secs(10);

/// The endpoint, and its TCP listener.
fn start() -> (RunningEndpoint, SocketAddr) {
    let net = Net::start(NetSettings { udp: vec![LOOPBACK], tcp: vec![LOOPBACK], ..NetSettings::default() });
    let net = net.expect("started");
    let tcp = net.listening().last().expect("a listener").address;
    (spawn_endpoint(EndpointSettings::default(), Rng::new([7; 32]), net), tcp)
}

async fn event(endpoint: &mut RunningEndpoint) -> Event {
    timeout(PATIENCE, endpoint.events.recv()).await.expect("an event in time").expect("the endpoint runs")
}

#[tokio::test]
async fn request_in_is_answered_and_its_flow_missed_when_gone() {
    let (mut endpoint, tcp) = start();
    let mut phone = TcpStream::connect(tcp).await.expect("connected");
    let options = "OPTIONS sip:conference@127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/TCP 127.0.0.1:5999;branch=z9hG4bK1\r\n\
                   From: <sip:a@127.0.0.1>;tag=1\r\nTo: <sip:conference@127.0.0.1>\r\nCall-ID: 1@127.0.0.1\r\n\
                   CSeq: 1 OPTIONS\r\nMax-Forwards: 70\r\nContent-Length: 0\r\n\r\n";
    phone.write_all(options.as_bytes()).await.expect("written");
    let Event::Request { request, source, .. } = event(&mut endpoint).await else { panic!("a request was due") };
    let respond = Command::Respond { request, status: StatusCode::OK, headers: Vec::new(), body: None };
    endpoint.handle.command(respond).expect("taken");
    let mut answer = vec![0; 4096];
    let count = timeout(PATIENCE, phone.read(&mut answer)).await.expect("in time").expect("read");
    assert!(answer[..count].starts_with(b"SIP/2.0 200 OK\r\n"));
    drop(phone);
    let closed = timeout(PATIENCE, endpoint.closed_flows.recv()).await.expect("in time");
    assert_eq!(closed, Some(FlowEnd::Closed(source.flow)));
}

#[tokio::test]
async fn request_out_brings_its_response() {
    let (mut endpoint, _) = start();
    let phone = UdpSocket::bind(LOOPBACK).await.expect("bound");
    let uri = format!("sip:a@{}", phone.local_addr().expect("bound"));
    let name_address = format!("<{uri}>");
    let outgoing = OutgoingRequest {
        method: Method::Options,
        request_uri: uri.parse().expect("a URI"),
        from: "<sip:conference@127.0.0.1>".parse().expect("a name-addr"),
        to: name_address.parse().expect("a name-addr"),
        route: Vec::new(),
        flow: None,
        headers: Vec::new(),
        body: None,
    };
    let ours = RequestId(2);
    endpoint.handle.command(Command::Request { request: ours, outgoing: Box::new(outgoing) }).expect("taken");
    let mut buffer = vec![0; 4096];
    let (count, server) = timeout(PATIENCE, phone.recv_from(&mut buffer)).await.expect("in time").expect("received");
    let text = String::from_utf8_lossy(&buffer[..count]);
    assert!(text.contains(&format!("Via: SIP/2.0/UDP {server};")), "{text}");
    let copied = |name: &str| text.lines().find(|line| line.starts_with(name)).expect("a header").to_owned();
    let headers = ["Via: ", "From: ", "Call-ID: ", "CSeq: "].map(copied).join("\r\n");
    let answer = format!("SIP/2.0 200 OK\r\n{headers}\r\nTo: {name_address};tag=2\r\nContent-Length: 0\r\n\r\n");
    phone.send_to(answer.as_bytes(), server).await.expect("sent");
    let Event::Response { request, status, .. } = event(&mut endpoint).await else { panic!("a response was due") };
    assert_eq!((request, status), (ours, StatusCode::OK));
}

#[tokio::test]
async fn full_mailbox_refuses_and_dropped_handles_stop_the_loop() {
    let (endpoint, _) = start();
    let command = || Command::Hangup { call: plenary_sip::endpoint::CallId(2), headers: Vec::new() };
    let refused = (0..1_000_000).find(|_| endpoint.handle.command(command()).is_err());
    assert!(refused.is_some_and(|taken| taken > 1000));
    let RunningEndpoint { handle, task, .. } = endpoint;
    drop(handle);
    timeout(PATIENCE, task).await.expect("it stops").expect("without fault");
}
