//! SIP over a WebSocket, frame by frame: RFC 7118.

use std::time::{Duration, Instant};

use anyhow::ensure;
use plenary_media::plan::{DtlsPlan, DtlsRole};
use plenary_media::secure::dtls::{Association, Identity, Output};
use plenary_sip::auth::{Challenge, Login, answer};
use plenary_sip::message::{Method, Uri};
use rfc_tests::coverage::covers;
use rfc_tests::raw::header;
use rfc_tests::raw_media::{RawMedia, RawSrtp, Suite, stun};
use rfc_tests::raw_tls::RawTls;
use rfc_tests::server::Server;
use rfc_tests::websocket::RawWebSocket;
use serde_json::json;
use tokio_tungstenite::tungstenite::Message;

const PASSWORD: &str = "a-phones-password";
const SIP: (&str, &str) = ("sec-websocket-protocol", "sip");
/// As JsSIP makes them: a browser knows no address of its own (§5).
const HOST: &str = "4r8eu21mkp1b.invalid";

fn register(server: &Server, number: u32, authorization: &str) -> String {
    format!(
        "REGISTER sip:{domain} SIP/2.0\r\nVia: SIP/2.0/WSS {HOST};branch=z9hG4bK{number}\r\nMax-Forwards: 69\r\n\
         From: <sip:alice@{domain}>;tag=1\r\nTo: <sip:alice@{domain}>\r\nCall-ID: register-1\r\nCSeq: {number} REGISTER\r\n\
         {authorization}Contact: <sip:nk2vlu8d@{HOST};transport=ws>;+sip.ice;reg-id=1;\
         +sip.instance=\"<urn:uuid:e2c5d7d6-15c9-4c0e-a7a1-e5d1e7d0e5a1>\";expires=600\r\nExpires: 600\r\n\
         Supported: path, gruu, outbound\r\n\r\n",
        domain = server.address
    )
}

fn options(server: &Server) -> String {
    format!(
        "OPTIONS sip:{domain} SIP/2.0\r\nVia: SIP/2.0/WSS {HOST};branch=z9hG4bKo\r\nMax-Forwards: 69\r\n\
         From: <sip:alice@{domain}>;tag=2\r\nTo: <sip:{domain}>\r\nCall-ID: options-1\r\nCSeq: 1 OPTIONS\r\n\r\n",
        domain = server.address
    )
}

/// As alice.
async fn registers(phone: &mut RawWebSocket, server: &Server) -> anyhow::Result<()> {
    let challenged = phone.ask(&register(server, 1, "")).await?;
    assert_eq!(challenged.status(), 401, "{}", challenged.0);
    let challenge = Challenge::parse(challenged.header("WWW-Authenticate").expect("a challenge"))?;
    let login = Login { user: "alice".into(), password: PASSWORD.into() };
    let uri: Uri = format!("sip:{}", server.address).parse()?;
    let credentials = answer(&challenge, &login, &Method::Register, &uri, "cnonce", 1);
    let registered = phone.ask(&register(server, 2, &format!("Authorization: {credentials}\r\n"))).await?;
    assert_eq!(registered.status(), 200, "{}", registered.0);
    Ok(())
}

/// RFC 5763 §5: who is called may begin the handshake before its answer gets here.
#[tokio::test(flavor = "multi_thread")]
async fn a_handshake_may_begin_before_the_answer() -> anyhow::Result<()> {
    let claim = covers(["5763-05"]).pending();
    let server = tokio::task::spawn_blocking(Server::start).await??;
    let api = tokio::task::block_in_place(|| {
        let api = server.api()?;
        api.post("/accounts", json!({ "name": "alice", "password": PASSWORD }))?;
        api.post("/conferences", json!({ "number": "3001", "members": [{ "address": "alice" }] }))?;
        anyhow::Ok(api)
    })?;
    let mut phone = RawWebSocket::open(&server, &[SIP]).await?.expect("let in");
    registers(&mut phone, &server).await?;
    tokio::task::block_in_place(|| api.post("/conferences/3001/call-all", json!({})))?;
    let Message::Text(invite) = phone.receive().await? else { panic!("text") };

    let value = |name: &str| invite.lines().find_map(|line| line.strip_prefix(name)).expect(name).to_owned();
    let mut media = RawMedia::new(440.0)?;
    media.follow(&invite)?;
    let identity = Identity::generate()?;
    let plan = DtlsPlan { role: DtlsRole::Active, fingerprints: vec![value("a=fingerprint:").parse()?] };
    let mut association = Association::new(&identity, &plan, Instant::now());
    let (ufrag, pwd) = ("h6vY", "VOkJxbRl1RmTxUk/WvJxBt");
    let check =
        stun::check(&format!("{}:{ufrag}", value("a=ice-ufrag:")), Some(&value("a=ice-pwd:")), &[stun::USE_CANDIDATE]);
    // Before the server can know of either.
    media.send_octets(&check)?;
    let mut hellos = 0;
    let mut shake = |media: &mut RawMedia, hellos: &mut usize| -> anyhow::Result<bool> {
        let now = Instant::now();
        if association.poll_timeout().is_some_and(|due| due <= now) {
            association.handle_timeout(now)?;
        }
        let mut keys = None;
        while let Some(output) = association.poll_output() {
            match output {
                Output::Send(datagram) => {
                    *hellos += usize::from(datagram.get(13) == Some(&1));
                    media.send_octets(datagram)?;
                }
                Output::Keys(agreed) => keys = Some(agreed),
                Output::Failed(why) => anyhow::bail!("{why}"),
            }
        }
        if let Some(keys) = keys {
            let suite = Suite::named(keys.suite.name()).expect("a suite");
            media.srtp = Some(RawSrtp::new(suite, &keys.local, &keys.remote)?);
            return Ok(true);
        }
        media.meanwhile(1, |_, _| Ok(()))?;
        for datagram in std::mem::take(&mut media.others) {
            if matches!(datagram.first(), Some(20..=63)) {
                association.handle_datagram(&datagram, now)?;
            }
        }
        Ok(false)
    };
    tokio::task::block_in_place(|| (0..10).try_for_each(|_| shake(&mut media, &mut hellos).map(|_| ())))?;
    assert!(hellos > 0, "a ClientHello has gone out");

    let lines = format!(
        "a=mid:0\r\na=rtcp-mux\r\na=ice-ufrag:{ufrag}\r\na=ice-pwd:{pwd}\r\na=fingerprint:{}\r\na=setup:active\r\n",
        identity.fingerprint()
    );
    let body = media.sdp("UDP/TLS/RTP/SAVPF 0", &lines);
    let copied = |name: &str| header(&invite, name).map(|value| format!("{name}: {value}\r\n")).expect(name);
    let answer = format!(
        "SIP/2.0 200 OK\r\n{}{}{};tag=browser\r\n{}{}Contact: <sip:nk2vlu8d@{HOST};transport=ws>\r\n\
         Content-Type: application/sdp\r\nContent-Length: {}\r\n\r\n{body}",
        copied("Via"),
        copied("From"),
        copied("To").trim_end(),
        copied("Call-ID"),
        copied("CSeq"),
        body.len()
    );
    phone.send(Message::text(answer)).await?;
    tokio::task::block_in_place(|| {
        let give_up = Instant::now() + Duration::from_secs(15);
        // A browser repeats its check every 50 ms at first.
        loop {
            media.send_octets(&check)?;
            if shake(&mut media, &mut hellos)? {
                break;
            }
            anyhow::ensure!(Instant::now() < give_up, "no keys after {hellos} ClientHellos");
        }
        let heard = media.talk(50)?;
        anyhow::ensure!(heard.len() > 25 && media.srtp.is_some(), "{} packets could be opened", heard.len());
        anyhow::Ok(())
    })?;
    claim.proven();
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_with_an_invalid_contact_registers_and_is_called_down_its_socket() -> anyhow::Result<()> {
    let claim = covers(["7118-04", "7118-05", "5626-07"]).pending();
    let server = tokio::task::spawn_blocking(Server::start).await??;
    let api = tokio::task::block_in_place(|| {
        let api = server.api()?;
        api.post("/accounts", json!({ "name": "alice", "password": PASSWORD }))?;
        api.post("/conferences", json!({ "number": "3001", "members": [{ "address": "alice" }] }))?;
        anyhow::Ok(api)
    })?;
    let mut phone = RawWebSocket::open(&server, &[SIP]).await?.expect("let in");
    let answered = phone.ask(&options(&server)).await?;
    assert_eq!(answered.status(), 200, "{}", answered.0);
    let via = answered.header("Via").expect("a Via");
    assert!(via.starts_with(&format!("SIP/2.0/WSS {HOST}")) && via.contains("received=127.0.0.1"), "{via}");

    registers(&mut phone, &server).await?;
    tokio::task::block_in_place(|| api.post("/conferences/3001/call-all", json!({})))?;
    let Message::Text(invite) = phone.receive().await? else { panic!("text") };
    assert!(invite.starts_with(&format!("INVITE sip:nk2vlu8d@{HOST};transport=ws SIP/2.0\r\n")), "{invite}");
    assert!(header(&invite, "Via").is_some_and(|via| via.starts_with("SIP/2.0/WSS ")), "{invite}");
    assert!(header(&invite, "Contact").is_some_and(|contact| contact.contains(";transport=ws>;isfocus")), "{invite}");
    for line in ["UDP/TLS/RTP/SAVPF", "a=ice-lite", "a=setup:actpass", "a=fingerprint:sha-256 ", "a=rtcp-mux"] {
        assert!(invite.contains(line), "{line} in {invite}");
    }

    // Gone with its socket (§5.4): whom it rang for is unreachable at once, and nobody is left to call, at once.
    drop(phone);
    let nobody =
        || api.get("/accounts/alice/registrations").ok().filter(|known| !known.to_string().contains("contact"));
    tokio::task::block_in_place(|| {
        rfc_tests::deadline::wait_for("the registration's end", std::time::Duration::from_secs(5), nobody)
    })?;
    claim.proven();
    Ok(())
}

/// §5.4: a Contact that could be reached otherwise is not.
#[tokio::test(flavor = "multi_thread")]
async fn a_client_is_reached_by_its_socket_or_not_at_all() -> anyhow::Result<()> {
    let claim = covers(["7118-09"]).pending();
    let server = tokio::task::spawn_blocking(Server::start).await??;
    let elsewhere = std::net::UdpSocket::bind(("127.0.0.1", 0))?;
    elsewhere.set_read_timeout(Some(std::time::Duration::from_millis(500)))?;
    let there = elsewhere.local_addr()?.to_string();
    let listener = std::net::TcpListener::bind(&there)?;
    listener.set_nonblocking(true)?;
    let api = tokio::task::block_in_place(|| {
        let api = server.api()?;
        api.post("/accounts", json!({ "name": "alice", "password": PASSWORD }))?;
        api.post("/conferences", json!({ "number": "3001", "members": [{ "address": "alice" }] }))?;
        anyhow::Ok(api)
    })?;
    let mut phone = RawWebSocket::open(&server, &[SIP]).await?.expect("let in");
    let uri: Uri = format!("sip:{}", server.address).parse()?;
    let login = Login { user: "alice".into(), password: PASSWORD.into() };
    // No flow is asked for; the Contact has an address and no word of WebSockets.
    let register = |number: u32, authorization: &str| {
        let plain = register(&server, number, authorization).replace(";reg-id=1", "").replace(";transport=ws", "");
        plain.replace(&format!("nk2vlu8d@{HOST}"), &format!("nk2vlu8d@{there}"))
    };
    let challenged = phone.ask(&register(1, "")).await?;
    let challenge = Challenge::parse(challenged.header("WWW-Authenticate").expect("a challenge"))?;
    let credentials = answer(&challenge, &login, &Method::Register, &uri, "cnonce", 1);
    let registered = phone.ask(&register(2, &format!("Authorization: {credentials}\r\n"))).await?;
    assert_eq!(registered.status(), 200, "{}", registered.0);
    tokio::task::block_in_place(|| api.post("/conferences/3001/call-all", json!({})))?;
    let Message::Text(invite) = phone.receive().await? else { panic!("text") };
    assert!(invite.starts_with(&format!("INVITE sip:nk2vlu8d@{there} ")), "{invite}");

    // Its socket gone, nobody looks for it where its Contact says.
    drop(phone);
    tokio::task::block_in_place(|| {
        rfc_tests::deadline::wait_for("the call's end", std::time::Duration::from_secs(10), || {
            let live = api.get("/conferences/3001/live").ok()?.to_string();
            (live.contains("\"disconnected\"") && !live.contains("\"calling\"")).then_some(())
        })?;
        api.post("/conferences/3001/call-all", json!({}))?;
        assert!(elsewhere.recv(&mut [0; 2048]).is_err(), "asked by UDP");
        assert!(listener.accept().is_err(), "asked by TCP");
        anyhow::Ok(())
    })?;
    claim.proven();
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn strangers_are_refused_at_the_handshake_and_both_kinds_of_frames_are_read() -> anyhow::Result<()> {
    let claim = covers(["7118-01", "7118-03", "7118-06", "7118-07", "S-24"]).pending();
    let server =
        tokio::task::spawn_blocking(|| Server::start_with(&[r#"http.origins=["https://meet.example"]"#])).await??;
    assert_eq!(RawWebSocket::open(&server, &[]).await?.err(), Some(400));
    assert_eq!(RawWebSocket::open(&server, &[SIP, ("origin", "https://evil.example")]).await?.err(), Some(403));
    let mut page = RawWebSocket::open(&server, &[SIP, ("origin", "https://meet.example")]).await?.expect("named");
    page.send(Message::binary(options(&server).into_bytes())).await?;
    let Message::Text(answer) = page.receive().await? else { panic!("text") };
    assert!(answer.starts_with("SIP/2.0 200 "), "{answer}");
    page.send(Message::text("\r\n\r\n")).await?;
    assert_eq!(page.receive().await?, Message::text("\r\n"));
    page.send(Message::Ping("here".into())).await?;
    assert_eq!(page.receive().await?, Message::Pong("here".into()));
    // Nothing is said: the server asks whether anybody is there. OPTIONS keeps a stranger's socket open for that long.
    let idle = std::time::Instant::now();
    page.await_ping(std::time::Duration::from_secs(32)).await?;
    assert!(idle.elapsed() > std::time::Duration::from_secs(20), "{:?}", idle.elapsed());
    claim.proven();
    Ok(())
}

/// §5: a WebSocket message is one SIP message; the first of two is refused, and neither is served.
#[tokio::test(flavor = "multi_thread")]
async fn two_messages_at_once_are_refused() -> anyhow::Result<()> {
    let claim = covers(["7118-02"]).but("a message in fragments: the next test").pending();
    let server = tokio::task::spawn_blocking(Server::start).await??;
    let mut phone = RawWebSocket::open(&server, &[SIP]).await?.expect("let in");
    let one = options(&server).replacen("CSeq: 1 OPTIONS\r\n", "CSeq: 1 OPTIONS\r\nContent-Length: 0\r\n", 1);
    let answered = phone.ask(&format!("{one}{}", one.replace("options-1", "options-2"))).await?;
    assert_eq!((answered.status(), answered.header("Call-ID")), (400, Some("options-1")), "{}", answered.0);
    let next = phone.ask(&one.replace("options-1", "options-3").replace("z9hG4bKo", "z9hG4bKp")).await?;
    assert_eq!((next.status(), next.header("Call-ID")), (200, Some("options-3")), "{}", next.0);
    claim.proven();
    Ok(())
}

/// JsSIP and SIP.js: no address of their own, `transport=ws` though it is WSS, no Content-Length, a folded header, a long
/// description, the shortest session timer; what the server asks comes down the same socket.
#[tokio::test(flavor = "multi_thread")]
async fn a_call_as_libraries_for_browsers_make_it() -> anyhow::Result<()> {
    let claim = covers(["T-28"]).pending();
    let server = tokio::task::spawn_blocking(Server::start).await??;
    let api = tokio::task::block_in_place(|| {
        let api = server.api()?;
        api.post("/conferences", json!({ "number": "3001", "access": "open" }))?;
        anyhow::Ok(api)
    })?;
    let mut phone = RawWebSocket::open(&server, &[SIP]).await?.expect("let in");
    let domain = server.address;
    let candidates: String = (0..80)
        .map(|n| {
            format!(
                "a=candidate:{n} 1 udp 2113937151 192.0.2.{n} {} typ host generation 0 network-cost 999\r\n",
                50_000 + n
            )
        })
        .collect();
    let fingerprint = ["AB"; 32].join(":");
    let sdp = format!(
        "v=0\r\no=- 1 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=group:BUNDLE 0\r\na=msid-semantic: WMS\r\n\
         m=audio 9 UDP/TLS/RTP/SAVPF 111 0\r\nc=IN IP4 0.0.0.0\r\na=rtcp:9 IN IP4 0.0.0.0\r\na=ice-ufrag:abcd\r\n\
         a=ice-pwd:0123456789abcdef01234567\r\na=fingerprint:sha-256 {fingerprint}\r\na=setup:actpass\r\na=mid:0\r\n\
         a=sendrecv\r\na=rtcp-mux\r\na=rtpmap:111 opus/48000/2\r\na=fmtp:111 minptime=10;useinbandfec=1\r\n{candidates}"
    );
    let invite = format!(
        "INVITE sip:3001@{domain} SIP/2.0\r\nVia: SIP/2.0/WSS {HOST};branch=z9hG4bKi1\r\nMax-Forwards: 69\r\n\
         To: <sip:3001@{domain}>\r\nFrom: \"A\" <sip:guest@{HOST}>;tag=f1\r\nCall-ID: invite-1\r\nCSeq: 1 INVITE\r\n\
         Contact: <sip:x@{HOST};transport=ws;ob>\r\nContent-Type: application/sdp\r\nSession-Expires: 90\r\n\
         Allow: INVITE,ACK,CANCEL,BYE,UPDATE,\r\n MESSAGE,OPTIONS,REFER,INFO,NOTIFY\r\n\
         Supported: timer,ice,replaces,outbound\r\nUser-Agent: JsSIP 3\r\n\r\n{sdp}"
    );
    assert!(invite.len() > 6_000 && !invite.contains("Content-Length"));
    let answered = phone.ask(&invite).await?;
    assert_eq!(answered.status(), 200, "{}", answered.0);
    assert!(answered.header("Session-Expires").is_some_and(|value| value.starts_with("90;")), "{}", answered.0);
    assert!(answered.header("Contact").is_some_and(|contact| contact.contains(";transport=ws")), "{}", answered.0);
    assert!(
        answered.0.contains("a=fingerprint:sha-256 ") && answered.0.contains("UDP/TLS/RTP/SAVPF"),
        "{}",
        answered.0
    );
    let to = answered.header("To").expect("a To");
    let target = answered.header("Contact").and_then(|contact| contact.split(['<', '>']).nth(1)).expect("a Contact");
    let ack = format!(
        "ACK {target} SIP/2.0\r\nVia: SIP/2.0/WSS {HOST};branch=z9hG4bKi2\r\nMax-Forwards: 69\r\nTo: {to}\r\n\
         From: \"A\" <sip:guest@{HOST}>;tag=f1\r\nCall-ID: invite-1\r\nCSeq: 1 ACK\r\n\r\n"
    );
    phone.send(Message::text(ack)).await?;
    tokio::task::block_in_place(|| {
        api.wait_for_state("3001", "connected", 1, std::time::Duration::from_secs(5))?;
        api.post("/conferences/3001/actions/end", json!({}))
    })?;
    let Message::Text(bye) = phone.receive().await? else { panic!("text") };
    assert!(bye.starts_with(&format!("BYE sip:x@{HOST};transport=ws;ob SIP/2.0\r\n")), "{bye}");
    assert!(header(&bye, "Via").is_some_and(|via| via.starts_with("SIP/2.0/WSS ")), "{bye}");
    claim.proven();
    Ok(())
}

/// A frame as a client sends it: masked (RFC 6455 §5.2).
fn frame(opcode: u8, is_last: bool, payload: &[u8]) -> Vec<u8> {
    const MASK: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];
    let mut frame = vec![opcode | if is_last { 0x80 } else { 0 }];
    match u8::try_from(payload.len()) {
        Ok(short) if short < 126 => frame.push(0x80 | short),
        _ => {
            frame.push(0x80 | 126);
            frame.extend(u16::try_from(payload.len()).unwrap_or(u16::MAX).to_be_bytes());
        }
    }
    frame.extend(MASK);
    frame.extend(payload.iter().zip(MASK.iter().cycle()).map(|(octet, mask)| octet ^ mask));
    frame
}

/// §5 and RFC 6455 §5.4: however a message is cut into frames, and whatever control frames come between, it is one; two are
/// not one because they come in the frames of one.
#[test]
fn a_message_in_fragments_is_one_message() -> anyhow::Result<()> {
    let claim = covers(["7118-02"]).pending();
    let server = Server::start()?;
    let host = server.address.to_string();
    let mut socket = RawTls::connect((server.address, 8443).into(), &host, None)?;
    let shaken = socket.ask(&format!(
        "GET /sip HTTP/1.1\r\nHost: {host}:8443\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: sip\r\n\r\n"
    ))?;
    ensure!(
        shaken.0.starts_with("HTTP/1.1 101 ") && shaken.header("Sec-WebSocket-Protocol") == Some("sip"),
        "{}",
        shaken.0
    );
    const TEXT: u8 = 1;
    const BINARY: u8 = 2;
    const PING: u8 = 9;
    let one = |id: &str| {
        let options = options(&server).replace("options-1", id).replace("z9hG4bKo", &format!("z9hG4bK{id}"));
        options.replacen("Max-Forwards", "Subject: Zo\u{eb}\r\nMax-Forwards", 1).into_bytes()
    };
    let umlaut = |message: &[u8]| message.iter().position(|octet| *octet > 0x7f).unwrap_or_default();
    // Within the method, within a character, between CR and LF, before the empty line's LF, and octet by octet.
    /// Where a message is cut.
    type Cuts<'a> = &'a dyn Fn(&[u8]) -> Vec<usize>;
    let cuts: [(&str, Cuts<'_>); 5] = [
        ("method", &|_| vec![3]),
        ("character", &|message| vec![umlaut(message) + 1]),
        ("line", &|message| vec![message.windows(2).position(|pair| pair == b"\r\n").unwrap_or_default() + 1]),
        ("end", &|message| vec![1, message.len() - 1]),
        ("octets", &|message| (1..message.len()).collect()),
    ];
    for (name, cuts) in cuts {
        for kind in [TEXT, BINARY] {
            let id = format!("{name}{kind}");
            let message = one(&id);
            let mut pieces = Vec::new();
            let mut begin = 0;
            for end in cuts(&message).into_iter().chain([message.len()]) {
                let opcode = if begin == 0 { kind } else { 0 };
                pieces.extend(frame(opcode, end == message.len(), &message[begin..end]));
                // Control frames may come between.
                if begin == 0 {
                    pieces.extend(frame(PING, true, b"there?"));
                }
                begin = end;
            }
            socket.send_octets(&pieces)?;
            let answer = socket.receive()?;
            ensure!(
                answer.contains("SIP/2.0 200 ") && answer.contains(&format!("Call-ID: {id}\r\n")),
                "{id}: {answer}"
            );
        }
    }
    let sized = |id: &str| {
        let message = String::from_utf8_lossy(&one(id)).into_owned();
        message.replacen("\r\n\r\n", "\r\nContent-Length: 0\r\n\r\n", 1).into_bytes()
    };
    let mut two = frame(TEXT, false, &sized("first"));
    two.extend(frame(0, true, &sized("second")));
    socket.send_octets(&two)?;
    let answer = socket.receive()?;
    ensure!(answer.contains("SIP/2.0 400 ") && answer.contains("Call-ID: first\r\n"), "{answer}");
    socket.send_octets(&frame(TEXT, true, &one("third")))?;
    let answer = socket.receive()?;
    ensure!(
        answer.contains("SIP/2.0 200 ") && answer.contains("Call-ID: third\r\n"),
        "nothing of the second: {answer}"
    );
    claim.proven();
    Ok(())
}

/// §9.2 and RFC 5630: behind a reverse proxy that ends TLS the server cannot say that sips is kept.
#[tokio::test(flavor = "multi_thread")]
async fn sips_is_refused_where_there_is_no_tls() -> anyhow::Result<()> {
    let claim = covers(["7118-08", "3261-25"]).pending();
    let server = tokio::task::spawn_blocking(|| Server::start_with(&["http.tls=false"])).await??;
    let sips = |transport: &str| {
        rfc_tests::raw::request(transport, "127.0.0.1:9", "INVITE", &format!("sips:echo@{}", server.address), "", "")
    };
    let mut phone = RawWebSocket::open_plain(&server, &[SIP]).await?;
    let refused = phone.ask(&sips("WS")).await?;
    assert!((400..500).contains(&refused.status()) && refused.header("Warning").is_some(), "{}", refused.0);
    tokio::task::block_in_place(|| {
        let peer = rfc_tests::raw::RawPeer::new(&server)?;
        let refused = peer.ask(&sips("UDP"))?;
        anyhow::ensure!(refused.status() == 480 && refused.header("Warning").is_some(), "{}", refused.0);
        let mut tls = rfc_tests::raw_tls::RawTls::connect(server.tls(), &server.address.to_string(), None)?;
        tls.send(&sips("TLS"))?;
        let answer = tls.receive()?;
        anyhow::ensure!(!answer.contains("Warning: 399"), "over TLS it is heard: {answer}");
        anyhow::Ok(())
    })?;
    claim.proven();
    Ok(())
}
