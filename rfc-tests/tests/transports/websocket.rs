//! SIP over a WebSocket, frame by frame: RFC 7118.

use std::time::{Duration, Instant};

use plenary_media::plan::{DtlsPlan, DtlsRole};
use plenary_media::secure::dtls::{Association, Identity, Output};
use plenary_sip::auth::{Challenge, Login, answer};
use plenary_sip::message::{Method, Uri};
use rfc_tests::coverage::covers;
use rfc_tests::raw::header;
use rfc_tests::raw_media::{RawMedia, RawSrtp, Suite, stun};
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
async fn two_messages_at_once_are_refused_and_fragments_are_one() -> anyhow::Result<()> {
    let claim = covers(["7118-02"]).but("a fragmented message is left to the WebSocket library").pending();
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
