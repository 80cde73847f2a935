//! What a message could make the server fetch, or grow by reading: nothing.

use std::net::TcpListener;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use rfc_tests::coverage::covers;
use rfc_tests::raw::{RawPeer, RawStream, request};
use rfc_tests::raw_phone::RawPhone;
use rfc_tests::scratch::own_address;
use rfc_tests::server::Server;
use serde_json::json;

/// An HTTP server that is never to be called.
struct Lure(TcpListener);

impl Lure {
    fn new() -> anyhow::Result<Self> {
        let listener = TcpListener::bind((own_address(), 0))?;
        listener.set_nonblocking(true)?;
        Ok(Self(listener))
    }

    fn url(&self, path: &str) -> anyhow::Result<String> {
        Ok(format!("http://{}/{path}", self.0.local_addr()?))
    }

    /// A fetch would have begun by now: the server has answered a request that came after.
    fn was_not_called(&self, peer: &RawPeer) -> anyhow::Result<()> {
        peer.ping()?;
        std::thread::sleep(Duration::from_millis(300)); // for a task that has nothing to do with that answer
        match self.0.accept() {
            Ok((_, from)) => anyhow::bail!("called from {from}"),
            Err(_) => Ok(()),
        }
    }
}

/// AST-2022-001: an Identity header had the server fetch a certificate from wherever it said.
#[test]
fn no_header_makes_the_server_fetch_anything() -> anyhow::Result<()> {
    let claim = covers(["A-25"]).pending();
    let server = Server::start()?;
    let api = server.api()?;
    api.post("/conferences", json!({ "number": "3001", "access": "open" }))?;
    let (lure, peer) = (Lure::new()?, RawPeer::new(&server)?);
    let url = |path: &str| lure.url(path);
    let identity = format!("Identity: a.b.c;info=<{}>;alg=ES256;ppt=shaken\r\n", url("certificate")?);
    let uri = format!("sip:3001@{}", server.address);
    for extra in [
        identity,
        format!("Call-Info: <{}>;purpose=icon\r\nAlert-Info: <{}>\r\n", url("icon")?, url("ring")?),
        format!("Error-Info: <{0}>\r\nGeolocation: <{0}>\r\nGeolocation-Routing: yes\r\n", url("where")?),
        format!("Refer-To: <{}>\r\nReplaces: a;to-tag=b;from-tag=c;x=\"{0}\"\r\n", url("refer")?),
        format!("Subject: {}\r\nOrganization: {}\r\n", url("a")?, url("b")?),
    ] {
        for method in ["INVITE", "OPTIONS", "SUBSCRIBE", "REFER"] {
            let sdp = if method == "INVITE" {
                let key = url("key")?;
                format!(
                    "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nu={key}\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nk=uri:{key}\r\n\
                     m=audio 4000 RTP/AVP 0\r\na=icon:{key}\r\n"
                )
            } else {
                String::new()
            };
            peer.ask(&peer.request(method, &uri, &extra, &sdp))?;
        }
    }
    // RFC 4483: the body is elsewhere.
    let external = format!("message/external-body; access-type=\"URL\"; URL=\"{}\"; expiration=\"never\"", url("sdp")?);
    let invite = peer.request("INVITE", &uri, "", "Content-Type: application/sdp\r\n\r\n");
    let answer =
        peer.ask(&invite.replace("Content-Type: application/sdp\r\nC", &format!("Content-Type: {external}\r\nC")))?;
    ensure!(answer.status() == 415, "{}", answer.0);
    lure.was_not_called(&peer)?;
    claim.proven();
    Ok(())
}

/// "Billion laughs", external entities, depth, width: in the document that is read, and in those that are not.
#[test]
fn xml_neither_grows_nor_fetches() -> anyhow::Result<()> {
    let claim = covers(["S-12", "A-20"]).pending();
    let server = Server::start()?;
    let api = server.api()?;
    api.post("/conferences", json!({ "number": "3001", "access": "open" }))?;
    let (lure, peer) = (Lure::new()?, RawPeer::new(&server)?);
    let mut alice = RawPhone::new(&server, &api, "alice")?;
    let uri = format!("sip:3001@{}", server.address);
    let mut dialog = alice.join(&uri)?;
    let laughs: String =
        (1..10).map(|n| format!("<!ENTITY l{n} \"{}\">", format!("&l{};", n - 1).repeat(10))).collect();
    let root = "media_control";
    let nested = format!("{}{}", "<a>".repeat(200), "</a>".repeat(200));
    let attributes: String = (0..100).map(|n| format!(" a{n}=\"\"")).collect();
    let bombs = [
        format!("<!DOCTYPE {root} [<!ENTITY l0 \"lol\">{laughs}]><{root}>&l9;</{root}>"),
        format!("<!DOCTYPE {root} [<!ENTITY x SYSTEM \"{}\">]><{root}>&x;</{root}>", lure.url("entity")?),
        format!("<!DOCTYPE {root} SYSTEM \"{}\"><{root}/>", lure.url("dtd")?),
        format!("<?xml-stylesheet href=\"{}\"?><{root}/>", lure.url("style")?),
        format!("<{root}>{nested}</{root}>"),
        format!("<{root}{attributes}/>"),
        format!("<{root}>{}</{root}>", "<b/>".repeat(8000)),
        format!("<{root}"),
    ];
    let fine = format!("<{root}><vc_primitive><to_encoder><picture_fast_update/></to_encoder></vc_primitive></{root}>");
    ensure!(alice.ask_with(&mut dialog, "INFO", "application/media_control+xml", &fine)?.status() == 200);
    let before = api.metric("memory_in_use_bytes")?;
    let mut slowest = Duration::ZERO;
    for bomb in &bombs {
        let asked = Instant::now();
        let answer = alice.ask_with(&mut dialog, "INFO", "application/media_control+xml", bomb)?;
        slowest = slowest.max(asked.elapsed());
        ensure!(answer.status() == 400, "{}: {}", &bomb[..bomb.len().min(60)], answer.0);
    }
    println!("the slowest was refused after {slowest:?}");
    // There and back on a busy machine; reading alone is measured where the reader is.
    ensure!(slowest < Duration::from_millis(250), "{slowest:?}");

    // Documents that nobody here reads are not read.
    for (method, kind, extra) in [
        ("SUBSCRIBE", "application/simple-filter+xml", "Event: conference\r\n"),
        ("INVITE", "application/resource-lists+xml", "Require: recipient-list-invite\r\n"),
        ("INVITE", "application/rs-metadata+xml", ""),
        ("MESSAGE", "message/cpim", ""),
        ("NOTIFY", "application/conference-info+xml", "Event: conference\r\nSubscription-State: active\r\n"),
        ("PUBLISH", "application/pidf+xml", "Event: presence\r\n"),
    ] {
        for bomb in bombs.iter().filter(|bomb| bomb.len() < 20_000) {
            let message = peer.request(method, &uri, extra, bomb).replace("application/sdp", kind);
            let answer = peer.ask(&message)?;
            ensure!(answer.status() >= 400, "{method} {kind}: {}", answer.0);
        }
    }
    // One that is longer than any may be.
    let mut stream = RawStream::connect(&server)?;
    let long = format!("<{root}>{}</{root}>", "x".repeat(70_000));
    let info = request("TCP", &stream.local()?, "INFO", &uri, "", &long);
    drop(stream.send(info.replace("application/sdp", "application/media_control+xml").as_bytes()));
    let answer = stream.read_within(Duration::from_secs(5), |text| text.contains("\r\n\r\n"))?;
    ensure!(answer.starts_with("SIP/2.0 413") || answer.starts_with("SIP/2.0 513"), "{answer}");
    lure.was_not_called(&peer)?;
    let grown = api.metric("memory_in_use_bytes")? - before;
    ensure!(grown < 8.0 * 1024.0 * 1024.0, "{grown} octets more");
    alice.ask_in(&mut dialog, "BYE", "").context("the call has gone on")?;
    claim.proven();
    Ok(())
}
