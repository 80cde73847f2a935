//! Framing on streams, and every transport over IPv6.

use std::io::{Read, Write};
use std::net::{Ipv6Addr, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::time::Duration;

use anyhow::{Context, ensure};
use rfc_tests::coverage::covers;
use rfc_tests::raw::{RawPeer, RawStream, request};
use rfc_tests::raw_tls::RawTls;
use rfc_tests::server::Server;

const SOON: Duration = Duration::from_secs(5);

/// RFC 3261 §18.3.
#[test]
fn content_length_frames_streams_and_bounds_datagrams() -> anyhow::Result<()> {
    let claim = covers(["3261-21"]).pending();
    let server = Server::start()?;
    let uri = format!("sip:{}", server.address);
    let peer = RawPeer::new(&server)?;
    let short = peer.request("OPTIONS", &uri, "", "v=0").replace("Content-Length: 3", "Content-Length: 4");
    ensure!(peer.ask(&short)?.status() == 400, "a body shorter than it says");
    let long = peer.request("OPTIONS", &uri, "", "") + "and noise";
    ensure!(peer.ask(&long)?.status() == 200, "octets behind the body are trimmed");

    let mut stream = RawStream::connect(&server)?;
    let local = stream.local()?;
    let one = request("TCP", &local, "OPTIONS", &uri, "", "");
    for octet in one.as_bytes() {
        stream.send(&[*octet])?;
    }
    let answer = stream.read_until(|read| read.ends_with("\r\n\r\n"))?;
    ensure!(answer.matches("SIP/2.0 200 ").count() == 1, "{answer}");
    let three: String = (0..3).map(|_| request("TCP", &local, "OPTIONS", &uri, "", "")).collect();
    stream.send(three.as_bytes())?;
    let answers = stream.read_until(|read| read.matches("\r\n\r\n").count() == 3)?;
    ensure!(answers.matches("SIP/2.0 200 ").count() == 3, "{answers}");
    let mut lost = RawStream::connect(&server)?;
    lost.send(request("TCP", &lost.local()?, "OPTIONS", &uri, "", "").replace("Content-Length: 0\r\n", "").as_bytes())?;
    let answer = lost.read_until(|_| false)?;
    ensure!(!answer.contains("SIP/2.0 200 "), "without a length, where it ends is unknown: {answer}");
    claim.proven();
    Ok(())
}

#[test]
fn udp_tcp_and_tls_are_there_over_ipv6_too() -> anyhow::Result<()> {
    let free = TcpListener::bind((Ipv6Addr::LOCALHOST, 0))?.local_addr()?;
    let free_tls = TcpListener::bind((Ipv6Addr::LOCALHOST, 0))?.local_addr()?;
    let listeners = [
        format!("sip.udp=[\"127.0.0.1:0\", \"{free}\"]"),
        format!("sip.tcp=[\"127.0.0.1:0\", \"{free}\"]"),
        format!("sip.tls=[\"127.0.0.1:0\", \"{free_tls}\"]"),
    ];
    let _server = Server::start_with(&listeners.each_ref().map(String::as_str))?;
    // Long enough for a stranger to earn the whole answer over UDP at once.
    let extra = format!("Subject: {}\r\n", "x".repeat(600));
    let ask =
        |transport: &str, local: SocketAddr| request(transport, &local.to_string(), "OPTIONS", "sip:[::1]", &extra, "");
    let mut octets = [0; 4096];

    let udp = UdpSocket::bind((Ipv6Addr::LOCALHOST, 0))?;
    udp.set_read_timeout(Some(SOON))?;
    udp.send_to(ask("UDP", udp.local_addr()?).as_bytes(), free)?;
    let count = udp.recv(&mut octets).context("an answer by UDP")?;
    let answer = String::from_utf8_lossy(&octets[..count]).into_owned();
    ensure!(answer.starts_with("SIP/2.0 200 ") && answer.contains("received=") && answer.contains("::1"), "{answer}");

    let mut tcp = TcpStream::connect(free)?;
    tcp.set_read_timeout(Some(SOON))?;
    tcp.write_all(ask("TCP", tcp.local_addr()?).as_bytes())?;
    let count = tcp.read(&mut octets).context("an answer by TCP")?;
    ensure!(octets[..count].starts_with(b"SIP/2.0 200 "));

    ensure!(RawTls::connect(free_tls, "::1", None)?.options("sip:[::1]", "")?.status() == 200);
    Ok(())
}
