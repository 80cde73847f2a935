//! Input that nobody should send: each piece gets its defined answer, and the server keeps running.

mod odd_phones;

use std::net::UdpSocket;
use std::time::Duration;

use rfc_tests::coverage::covers;
use rfc_tests::raw::{RawPeer, RawStream, request};
use rfc_tests::server::Server;
use serde_json::json;

const SDP: &str = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n";

#[test]
fn garbage_over_udp_is_passed_over_and_the_next_request_is_answered() -> anyhow::Result<()> {
    let server = Server::start()?;
    let peer = RawPeer::new(&server)?;
    let zeros = vec![0; 65_000];
    let endless = format!("INVITE sip:{} SIP/2.0\r\n{}", "x".repeat(30_000), "X: y\r\n".repeat(2_000));
    let cut_off = &request("UDP", "127.0.0.1:9", "OPTIONS", "sip:x@127.0.0.1", "", "")[..90];
    let pieces: [&[u8]; 7] =
        [b"", b"\0", b"hello", b"INVITE", b"SIP/2.0 200 OK\r\n\r\n", endless.as_bytes(), cut_off.as_bytes()];
    for piece in pieces.into_iter().chain([&zeros[..]]) {
        peer.send(piece)?;
        peer.ping()?;
    }
    Ok(())
}

#[test]
fn a_content_length_that_lies_is_400_over_udp_and_ends_the_connection_over_tcp() -> anyhow::Result<()> {
    let claim = covers(["T-23"]).pending();
    let server = Server::start()?;
    let peer = RawPeer::new(&server)?;
    let uri = format!("sip:{}", server.address);
    let long = peer.request("OPTIONS", &uri, "", "").replace("Content-Length: 0", "Content-Length: 9999");
    assert_eq!(peer.ask(&long)?.status(), 400);
    let negative = peer.request("OPTIONS", &uri, "", "").replace("Content-Length: 0", "Content-Length: -1");
    assert_eq!(peer.ask(&negative)?.status(), 400);

    let mut stream = RawStream::connect(&server)?;
    let local = stream.local()?;
    let negative = request("TCP", &local, "OPTIONS", &uri, "", "").replace("Content-Length: 0", "Content-Length: -1");
    stream.send(negative.as_bytes())?;
    stream.read_until(|_| false)?; // until the server closes
    peer.ping()?;
    claim.proven();
    Ok(())
}

#[test]
fn unknown_methods_and_schemes_and_extensions_get_their_statuses() -> anyhow::Result<()> {
    let server = Server::start()?;
    let peer = RawPeer::new(&server)?;
    let ours = format!("sip:{}", server.address);
    let unknown = peer.ask(&peer.request("DANCE", &ours, "", ""))?;
    assert_eq!(unknown.status(), 501);
    assert!(unknown.header("Allow").is_some_and(|allow| allow.contains("INVITE")), "{unknown:?}");
    assert_eq!(peer.ask(&peer.request("OPTIONS", "nobody:x", "", ""))?.status(), 416);
    let required = peer.ask(&peer.request("INVITE", &ours, "Require: teleport\r\n", ""))?;
    assert_eq!((required.status(), required.header("Unsupported")), (420, Some("teleport")));
    assert_eq!(peer.ask(&peer.request("BYE", &ours, "", ""))?.status(), 481);
    Ok(())
}

#[test]
fn bad_digests_are_challenged_anew_and_unknown_users_look_the_same() -> anyhow::Result<()> {
    let server = Server::start()?;
    server.api()?.post("/accounts", json!({ "name": "alice", "password": "a-phones-password" }))?;
    let peer = RawPeer::new(&server)?;
    let register = |user: &str, extra: &str| {
        let uri = format!("sip:{}", server.address);
        let request = peer.request("REGISTER", &uri, extra, "");
        request.replace(&format!("To: <{uri}>"), &format!("To: <sip:{user}@{}>", server.address))
    };
    let known = peer.ask(&register("alice", ""))?;
    let unknown = peer.ask(&register("nobody", ""))?;
    assert_eq!((known.status(), unknown.status()), (401, 401));
    let schemes = |answer: &rfc_tests::raw::Answer| {
        let lines = answer.0.lines().filter(|line| line.starts_with("WWW-Authenticate:"));
        lines.map(|line| (line.contains("Digest"), line.contains("SHA-256"))).collect::<Vec<_>>()
    };
    assert_eq!(schemes(&known), [(true, true), (true, false)]);
    assert_eq!(schemes(&known), schemes(&unknown));
    for authorization in [
        "Basic YWxpY2U6eA==",
        "Digest",
        "Digest username=\"alice\", realm=\"elsewhere\", nonce=\"x\", uri=\"sip:x\", response=\"00\"",
        "Digest username=\"alice\\",
    ] {
        let answer = peer.ask(&register("alice", &format!("Authorization: {authorization}\r\n")))?;
        assert!(matches!(answer.status(), 400 | 401 | 403), "{authorization}: {}", answer.0);
    }
    let registrations = server.api()?.get("/accounts/alice/registrations")?;
    assert!(!registrations.to_string().contains("contact"), "{registrations}");
    Ok(())
}

#[test]
fn sdp_that_cannot_be_used_is_refused_and_nobody_joins() -> anyhow::Result<()> {
    let server = Server::start()?;
    let api = server.api()?;
    api.post("/conferences", json!({ "number": "3001", "access": "open" }))?;
    let peer = RawPeer::new(&server)?;
    let uri = format!("sip:3001@{}", server.address);
    let offers = [
        (format!("{SDP}m=video 4000 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\n"), 488, "no audio"),
        (format!("{SDP}m=audio 4000 RTP/AVP 4\r\n"), 488, "only G.723"),
        (
            format!("{SDP}m=audio 4000 RTP/SAVP 0\r\na=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:short\r\n"),
            488,
            "a bad key",
        ),
        ("this is no sdp".to_owned(), 400, "no SDP"),
    ];
    for (offer, status, what) in offers {
        let invite = peer.request("INVITE", &uri, "", &offer);
        let answer = peer.ask(&invite)?;
        assert_eq!(answer.status(), status, "{what}: {}", answer.0);
        peer.send(ack(&invite, &answer.0).as_bytes())?;
    }
    let invite = peer.request("INVITE", &uri, "", "x").replace("application/sdp", "text/x");
    let answer = peer.ask(&invite)?;
    assert_eq!((answer.status(), answer.header("Accept")), (415, Some("application/sdp")));
    peer.send(ack(&invite, &answer.0).as_bytes())?;
    assert!(!api.participants("3001")?.iter().any(|person| person["state"] == "connected"));
    Ok(())
}

#[test]
fn rtp_from_strangers_is_counted_and_changes_nothing() -> anyhow::Result<()> {
    let server = Server::start()?;
    let api = server.api()?;
    api.post("/conferences", json!({ "number": "3001", "access": "open" }))?;
    let peer = RawPeer::new(&server)?;
    let media = UdpSocket::bind(("127.0.0.1", 0))?;
    media.set_read_timeout(Some(Duration::from_secs(3)))?;
    let offer = format!("{SDP}m=audio {} RTP/AVP 0\r\n", media.local_addr()?.port());
    let invite = peer.request("INVITE", &format!("sip:3001@{}", server.address), "", &offer);
    let answer = peer.ask(&invite)?;
    assert_eq!(answer.status(), 200, "{}", answer.0);
    assert!(answer.header("Contact").is_some_and(|contact| contact.contains("isfocus")), "{}", answer.0);
    peer.send(ack(&invite, &answer.0).as_bytes())?;
    api.wait_for_state("3001", "connected", 1, Duration::from_secs(5))?;
    let line = answer.0.lines().find_map(|line| line.strip_prefix("m=audio ")).expect("an audio line");
    let port: u16 = line.split(' ').next().expect("a port").parse()?;

    // From another loopback address, which is neither in the SDP nor the phone's signalling.
    let stranger = UdpSocket::bind(("127.0.0.9", 0))?;
    stranger.set_read_timeout(Some(Duration::from_millis(600)))?;
    let mut packet = vec![0x80, 0, 0, 1, 0, 0, 0, 160, 1, 2, 3, 4];
    packet.extend([0xff; 160]);
    for octet in 0..=255 {
        packet[0] = octet;
        stranger.send_to(&packet, (server.address, port))?;
    }
    let mut octets = [0; 1500];
    assert!(stranger.recv(&mut octets).is_err(), "a stranger is never answered");
    let (length, _) = media.recv_from(&mut octets)?;
    assert!(length > 12, "the phone still gets its media");
    peer.ping()?;
    Ok(())
}

#[test]
fn a_phone_that_went_dark_leaves_the_roster() -> anyhow::Result<()> {
    let server = Server::start_with(&["media.silent-after=1s", "sip.t1=50ms"])?;
    let api = server.api()?;
    api.post("/conferences", json!({ "number": "3001", "access": "open" }))?;
    let peer = RawPeer::new(&server)?;
    let invite = peer.request(
        "INVITE",
        &format!("sip:3001@{}", server.address),
        "",
        &format!("{SDP}m=audio 4000 RTP/AVP 0\r\n"),
    );
    let answer = peer.ask(&invite)?;
    peer.send(ack(&invite, &answer.0).as_bytes())?;
    api.wait_for_state("3001", "connected", 1, Duration::from_secs(5))?;
    // It sends no media, and answers no OPTIONS: nobody is there.
    let people = api.wait_for_state("3001", "disconnected", 1, Duration::from_secs(20))?;
    assert_eq!((&people[0]["cause"], &people[0]["status"]), (&json!("failed"), &json!(408)));
    Ok(())
}

#[test]
fn json_of_the_wrong_shape_is_a_problem_that_names_what_is_wrong() -> anyhow::Result<()> {
    let server = Server::start()?;
    let api = server.api()?;
    for (method, path, body, word) in [
        ("POST", "/accounts", "{", "JSON"),
        ("POST", "/accounts", r#"{"name": 7}"#, "name"),
        ("POST", "/accounts", r#"{"name": "x", "colour": "red"}"#, "colour"),
        ("POST", "/conferences", r#"{"number": "a b"}"#, "number"),
        ("POST", "/conferences", r#"{"access": "pin"}"#, "pin"),
        ("POST", "/conferences/9999/call-all", "{}", "9999"),
    ] {
        let (status, problem) = api.call(method, path, Some(body))?;
        assert!((400..500).contains(&status), "{path} {body}: {status} {problem}");
        assert!(problem.contains("\"type\"") && problem.contains(word), "{path} {body}: {problem}");
    }
    assert_eq!(api.call("GET", "/no-such-thing", None)?.0, 404);
    Ok(())
}

/// The ACK of a final response, as the caller of `invite` sends it.
fn ack(invite: &str, answer: &str) -> String {
    let to = rfc_tests::raw::header(answer, "To").unwrap_or_default();
    let head = invite.split("\r\n\r\n").next().unwrap_or_default();
    let accepted = answer.starts_with("SIP/2.0 2");
    let lines = head.split("\r\n").filter(|line| !line.starts_with("Content-") && !line.starts_with("Require"));
    let lines = lines.map(|line| match line.split_once(": ") {
        Some(("To", _)) => format!("To: {to}"),
        Some(("CSeq", _)) => "CSeq: 1 ACK".into(),
        // The ACK of a 2xx is a transaction of its own.
        Some(("Via", via)) if accepted => format!("Via: {via}-ack"),
        _ => line.replacen("INVITE ", "ACK ", 1),
    });
    lines.collect::<Vec<_>>().join("\r\n") + "\r\nContent-Length: 0\r\n\r\n"
}
