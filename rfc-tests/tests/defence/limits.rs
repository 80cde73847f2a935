//! Too much, too long, too slow: each is answered or let go, and the next message is served.

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use rfc_tests::coverage::covers;
use rfc_tests::raw::{RawPeer, RawStream, request};
use rfc_tests::scratch::own_address;
use rfc_tests::server::Server;
use rfc_tests::websocket::RawWebSocket;
use serde_json::json;
use tokio_tungstenite::tungstenite::Message;

const SDP: &str = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n";

#[test]
fn each_bound_has_its_answer_and_the_next_message_works() -> anyhow::Result<()> {
    let claim = covers(["S-11", "A-11", "A-14"]).pending();
    let server = Server::start()?;
    let api = server.api()?;
    api.post("/conferences", json!({ "number": "3001", "access": "open" }))?;
    let peer = RawPeer::new(&server)?;
    let ours = format!("sip:{}", server.address);
    let options = |extra: &str| peer.request("OPTIONS", &ours, extra, "");
    for (what, request, allowed) in [
        ("headers", options(&"X-A: b\r\n".repeat(300)), &[400][..]),
        ("a header line", options(&format!("Subject: {}\r\n", "x".repeat(10_000))), &[400]),
        ("Vias", options(&"Via: SIP/2.0/UDP a.example;branch=z9hG4bK1\r\n".repeat(75)), &[400]),
        ("Vias in a line", options(&format!("Via: {}\r\n", ["SIP/2.0/UDP a;branch=z9hG4bK1"; 75].join(","))), &[400]),
        ("Accepts", options(&"Accept: application/x\r\n".repeat(200)), &[200, 400]),
        ("a URI", peer.request("OPTIONS", &format!("sip:{}@a", "u".repeat(3_000)), "", ""), &[414]),
        ("a CSeq", options("").replace("CSeq: 1 ", "CSeq: 4294967296 "), &[400]),
        ("a length", options("").replace("Content-Length: 0", "Content-Length: 18446744073709551617"), &[400, 413]),
        (
            "Expires",
            peer.request("SUBSCRIBE", &ours, "Event: conference\r\nExpires: 99999999999999\r\n", ""),
            &[400, 401, 404, 423],
        ),
    ] {
        let answer = peer.ask(&request).with_context(|| what.to_owned())?;
        ensure!(allowed.contains(&answer.status()), "{what}: {}", answer.0);
        peer.ping().context(what)?;
    }
    let uri = format!("sip:3001@{}", server.address);
    let nested = (0..40).fold("--b0--\r\n".to_owned(), |inner, depth| {
        format!("--b{0}\r\nContent-Type: multipart/mixed;boundary=b{depth}\r\n\r\n{inner}--b{0}--\r\n", depth + 1)
    });
    let media = "m=audio 4000 RTP/AVP 0\r\n";
    let formats = (0..2000).map(|format| format!(" {}", format % 128)).collect::<String>();
    for (what, body) in [
        ("media lines", format!("{SDP}{}", media.repeat(1500))),
        ("attributes", format!("{SDP}{media}{}", "a=x\r\n".repeat(8000))),
        ("formats", format!("{SDP}m=audio 4000 RTP/AVP{formats}\r\n")),
        ("a port", format!("{SDP}m=audio 99999999999999999999 RTP/AVP 0\r\n")),
        ("a payload type", format!("{SDP}m=audio 4000 RTP/AVP 4294967296\r\na=rtpmap:4294967296 PCMU/8000\r\n")),
        ("a rate", format!("{SDP}m=audio 4000 RTP/AVP 96\r\na=rtpmap:96 opus/99999999999/99999999999\r\n")),
        ("nesting", nested),
        ("no line end", format!("{SDP}m=audio 4000 RTP/AVP 0\r\na=")),
        ("an empty format list", format!("{SDP}m=audio 4000 RTP/AVP\r\n")),
        ("an empty part", "--b\r\n\r\n\r\n--b--".to_owned()),
    ] {
        let mut invite = peer.request("INVITE", &uri, "", &body);
        if matches!(what, "nesting" | "an empty part") {
            let boundary = if what == "nesting" { "b40" } else { "b" };
            invite = invite.replace("application/sdp", &format!("multipart/mixed;boundary={boundary}"));
        }
        let asked = Instant::now();
        let answer = peer.ask(&invite).with_context(|| what.to_owned())?;
        ensure!(matches!(answer.status(), 200 | 400 | 413 | 415 | 488 | 513), "{what}: {}", answer.0);
        ensure!(asked.elapsed() < Duration::from_secs(1), "{what} took {:?}", asked.elapsed());
        peer.ping().context(what)?;
    }
    ensure!(!server.log().contains("panicked"));
    claim.proven();
    Ok(())
}

/// AST-2016-009: what one element reads as a header, the next must not read as none.
#[test]
fn odd_ways_to_write_a_header_are_refused_or_read_alike() -> anyhow::Result<()> {
    let claim = covers(["S-18"]).pending();
    let server = Server::start()?;
    let peer = RawPeer::new(&server)?;
    let ours = format!("sip:{}", server.address);
    let plain = peer.request("OPTIONS", &ours, "", "");
    for (what, old, new) in [
        ("a control before the colon", "To: ", "To\u{1}: "),
        ("NUL before the colon", "To: ", "To\0: "),
        ("a vertical tab", "To: ", "To\u{b}: "),
        ("NUL within", "To: <", "To: \0<"),
        ("a bare CR", "To: <", "To: \r<"),
        ("two lengths", "Content-Length: 0", "Content-Length: 0\r\nContent-Length: 5"),
        ("two lengths, one short", "Content-Length: 0", "Content-Length: 0\r\nl: 5"),
        ("two Tos", "To: <", "To: <sip:a@b>\r\nt: <"),
        ("two Froms", "From: ", "From: <sip:a@b>;tag=1\r\nf: "),
        ("two CSeqs", "CSeq: ", "CSeq: 2 OPTIONS\r\nCSeq: "),
        ("two Call-IDs", "Call-ID: ", "i: other\r\nCall-ID: "),
        ("no colon", "Contact: ", "Contact\r\nContact: "),
        ("a signed length", "Content-Length: 0", "Content-Length: +0"),
    ] {
        // A Call-ID may be what is odd: any answer to this socket counts.
        peer.send(plain.replacen(old, new, 1).as_bytes())?;
        if let Some(text) = peer.receive(Duration::from_millis(700))? {
            ensure!(text.starts_with("SIP/2.0 400"), "{what}: {text}");
        }
        peer.ping().context(what)?;
    }
    for (what, old, new) in [("space before the colon", "To: ", "To \t: "), ("a folded line", "To: ", "To:\r\n ")] {
        ensure!(peer.ask(&peer.request("OPTIONS", &ours, "", "").replacen(old, new, 1))?.status() == 200, "{what}");
    }
    claim.proven();
    Ok(())
}

#[test]
fn more_than_may_come_ends_the_connection_before_it_has_come() -> anyhow::Result<()> {
    let claim = covers(["S-19", "A-13"]).pending();
    let server = Server::start()?;
    let ours = format!("sip:{}", server.address);
    let peer = RawPeer::new(&server)?;
    let before = resident(&server)?;
    for length in ["104857600", "99999999999999999999"] {
        let mut stream = RawStream::connect(&server)?;
        let options = request("TCP", &stream.local()?, "OPTIONS", &ours, "", "");
        stream.send(options.replace("Content-Length: 0", &format!("Content-Length: {length}")).as_bytes())?;
        let answer = stream.read_within(Duration::from_secs(5), |_| false)?;
        ensure!(answer.starts_with("SIP/2.0 4"), "{length}: {answer}");
    }
    // A head without end.
    let mut stream = RawStream::connect(&server)?;
    let endless = format!("OPTIONS {ours} SIP/2.0\r\n{}", "X-A: b\r\n".repeat(20_000));
    drop(stream.send(endless.as_bytes()));
    stream.read_within(Duration::from_secs(5), |_| false)?;
    // Less body than was said, then the end: of the connection, and of reading it.
    for _ in 0..50 {
        let mut stream = RawStream::connect(&server)?;
        let options = request("TCP", &stream.local()?, "OPTIONS", &ours, "", "");
        stream.send(options.replace("Content-Length: 0", "Content-Length: 50").as_bytes())?;
    }
    peer.ping()?;
    let after = resident(&server)?;
    ensure!(after < before + 20_000, "{before} KiB grew to {after} KiB");
    claim.proven();
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn frames_of_any_length_are_read_and_too_long_ones_close() -> anyhow::Result<()> {
    let claim = covers(["A-12"]).pending();
    let server = tokio::task::spawn_blocking(Server::start).await??;
    let open = || RawWebSocket::open(&server, &[("sec-websocket-protocol", "sip")]);
    let mut socket = open().await?.map_err(|status| anyhow::anyhow!("{status}"))?;
    let options = || request("WSS", "a.invalid", "OPTIONS", &format!("sip:{}", server.address), "", "");
    for length in [0, 1, 125, 126, 127, 65_535] {
        socket.send(Message::binary(vec![b'x'; length])).await?;
        socket.send(Message::text("\r\n\r\n")).await?;
    }
    socket.send(Message::text(options())).await?;
    loop {
        match socket.receive().await? {
            Message::Text(text) if text.starts_with("SIP/2.0 200") => break,
            Message::Close(frame) => anyhow::bail!("closed: {frame:?}"),
            _ => {}
        }
    }
    drop(socket.send(Message::binary(vec![b'x'; 65_537])).await);
    let end = loop {
        match socket.receive().await {
            Ok(Message::Close(_)) | Err(_) => break true,
            Ok(Message::Text(text)) if text.starts_with("SIP/2.0 200") => break false,
            Ok(_) => {}
        }
    };
    ensure!(end, "a message above 64 KiB closes the connection");
    let mut next = open().await?.map_err(|status| anyhow::anyhow!("{status}"))?;
    ensure!(next.ask(&options()).await?.status() == 200);
    claim.proven();
    Ok(())
}

#[test]
fn those_who_dawdle_are_let_go_and_hold_up_nobody() -> anyhow::Result<()> {
    let claim = covers(["S-20"]).pending();
    let server = Server::start()?;
    // Not where the dawdlers are: what they send counts for their address.
    let peer = RawPeer::at(&server, (own_address(), 0))?;
    let ours = format!("sip:{}", server.address);
    let mut half = TcpStream::connect(server.udp())?;
    half.write_all(format!("OPTIONS {ours} SIP/2.0\r\nVia: SIP/2.0/TCP a").as_bytes())?;
    let mut handshake = TcpStream::connect(server.tls())?;
    handshake.write_all(&[22, 3, 1, 2, 0, 1])?;
    // Asks and never reads: what it is to be told fills the queue, and the queue is bounded.
    let mut deaf = TcpStream::connect(server.udp())?;
    deaf.set_write_timeout(Some(Duration::from_secs(2)))?;
    let idle = (0..1500).map(|_| TcpStream::connect(server.udp())).collect::<std::io::Result<Vec<_>>>()?;
    let options = request("TCP", "127.0.0.1:9", "OPTIONS", &ours, "", "");
    for number in 0..3000 {
        let asked = options.replace("branch=z9hG4bK", &format!("branch=z9hG4bK{number}"));
        if deaf.write_all(asked.as_bytes()).is_err() {
            break;
        }
        if number % 500 == 0 {
            peer.ping()?;
        }
    }
    let asked = Instant::now();
    peer.ping()?;
    ensure!(asked.elapsed() < Duration::from_millis(500), "{:?}", asked.elapsed());
    for (what, stream, within) in [("handshake", &mut handshake, 8), ("message", &mut half, 15)] {
        stream.set_read_timeout(Some(Duration::from_secs(within)))?;
        let mut octets = [0; 4096];
        while stream.read(&mut octets).with_context(|| format!("half a {what} is waited for"))? > 0 {}
    }
    drop(idle);
    peer.ping()?;
    claim.proven();
    Ok(())
}

/// Asks and never reads: what it is told fills buffers and queue, and then it is let go. Others are
/// served meanwhile.
#[test]
fn whoever_reads_nothing_is_dropped() -> anyhow::Result<()> {
    let claim = covers(["S-20"]).pending();
    let server = Server::start()?;
    let peer = RawPeer::at(&server, (own_address(), 0))?;
    let before = resident(&server)?;
    let mut deaf = TcpStream::connect(server.udp())?;
    deaf.set_write_timeout(Some(Duration::from_secs(20)))?;
    // Each answer repeats all Vias, so that few fill the buffers.
    let vias = format!("Via: SIP/2.0/TCP a.example;branch=z9hG4bKa;x={}\r\n", "x".repeat(700)).repeat(60);
    let options = request("TCP", "127.0.0.1:9", "OPTIONS", &format!("sip:{}", server.address), &vias, "");
    let begun = Instant::now();
    let mut number = 0;
    let dropped = loop {
        let asked = options.replacen("branch=z9hG4bK", &format!("branch=z9hG4bK{number}"), 1);
        if let Err(error) = deaf.write_all(asked.as_bytes()) {
            break error;
        }
        number += 1;
        if number % 200 == 0 {
            peer.ping()?;
        }
        ensure!(begun.elapsed() < Duration::from_secs(60), "{number} were asked and nobody minds");
    };
    println!("dropped after {number} requests and {:?}: {dropped}", begun.elapsed());
    ensure!(matches!(dropped.kind(), ErrorKind::ConnectionReset | ErrorKind::BrokenPipe), "{dropped}");
    peer.ping()?;
    let grown = resident(&server)?.saturating_sub(before);
    ensure!(grown < 64 * 1024, "{grown} KiB more");
    claim.proven();
    Ok(())
}

/// Names are for people: what they hold is neither obeyed by a terminal nor by a spreadsheet.
#[test]
fn names_do_not_reach_logs_and_lists_as_commands() -> anyhow::Result<()> {
    let claim = covers(["S-25", "A-24"]).pending();
    let server = Server::start_with(&["log.level=trace"])?;
    let api = server.api()?;
    api.post("/conferences", json!({ "number": "3001", "access": "open" }))?;
    let uri = format!("sip:3001@{}", server.address);
    for name in [
        "\"\u{1b}[2J\u{1b}[31mred\"",
        "\"a\\\u{7}b\"",
        "\"=cmd|' /C calc'!A0\"",
        "\"a%0d%0ab {} %s%n\"",
        "\"a\u{9b}31m\"",
    ] {
        let peer = RawPeer::at(&server, (own_address(), 0))?;
        let invite =
            peer.request("INVITE", &uri, "User-Agent: \u{1b}[2J\r\n", &format!("{SDP}m=audio 4000 RTP/AVP 0\r\n"));
        let invite = invite.replace("From: <", &format!("From: {name} <"));
        let answer = peer.ask(&invite)?;
        ensure!(matches!(answer.status(), 200 | 400), "{name:?}: {}", answer.0);
    }
    let log = server.log();
    ensure!(!log.chars().any(|c| c.is_control() && !matches!(c, '\n' | '\t')), "a control character in the log");
    for line in log.lines() {
        ensure!(line.is_empty() || line.starts_with(|c: char| c.is_ascii_digit()) || !line.contains("calc"), "{line}");
    }
    // Nothing is given as a table for spreadsheets: what there is, is JSON, and plain text without control characters.
    let described = api.get("/openapi.json")?.to_string();
    ensure!(!described.contains("text/csv"), "a table needs its own escaping");
    let live = api.call("GET", "/conferences/3001/live", None)?.1;
    let raw = serde_json::from_str::<serde_json::Value>(&live)?;
    for person in raw["participants"].as_array().into_iter().flatten() {
        let name = person["name"].as_str().unwrap_or_default();
        ensure!(!name.chars().any(char::is_control), "{name:?}");
    }
    claim.proven();
    Ok(())
}

fn resident(server: &Server) -> anyhow::Result<u64> {
    super::soak::resident_kib(server)
}
