//! Abuse of what the server does for others: relaying, identities, REFER, registrations, conferences, PINs.

use std::net::{SocketAddr, UdpSocket};
use std::time::Duration;

use anyhow::{Context, ensure};
use rfc_tests::api::Api;
use rfc_tests::coverage::covers;
use rfc_tests::deadline::wait_for;
use rfc_tests::raw::{Answer, RawPeer, header};
use rfc_tests::raw_phone::RawPhone;
use rfc_tests::scratch::own_address;
use rfc_tests::server::Server;
use serde_json::json;

use super::refused;

/// Somewhere else, which is to hear nothing.
struct Elsewhere(UdpSocket);

impl Elsewhere {
    fn new() -> anyhow::Result<Self> {
        Ok(Self(UdpSocket::bind((own_address(), 0))?))
    }

    fn address(&self) -> anyhow::Result<SocketAddr> {
        Ok(self.0.local_addr()?)
    }

    fn heard_nothing(&self) -> anyhow::Result<()> {
        self.0.set_read_timeout(Some(Duration::from_millis(700)))?;
        let mut octets = [0; 2000];
        match self.0.recv(&mut octets) {
            Ok(length) => anyhow::bail!("something came: {}", String::from_utf8_lossy(&octets[..length])),
            Err(_) => Ok(()),
        }
    }
}

#[test]
fn nothing_is_relayed_elsewhere() -> anyhow::Result<()> {
    let claim = covers(["S-16"]).but("a foreign domain is 404 (RFC 3261 §8.2.2.1), not 403").pending();
    let server = Server::start()?;
    let api = server.api()?;
    let mut alice = RawPhone::new(&server, &api, "alice")?;
    let mut bob = RawPhone::new(&server, &api, "bob")?;
    bob.register()?;
    let elsewhere = Elsewhere::new()?;
    let foreign = elsewhere.address()?;
    let ours = format!("sip:bob@{}", server.address);
    let route = format!("Route: <sip:{foreign};lr>\r\n");
    for (uri, extra, statuses) in [
        (format!("sip:x@{foreign}"), String::new(), vec![403, 404]),
        (format!("sip:x@{foreign}"), route.clone(), vec![403, 404]),
        (format!("sip:{}@{foreign}", server.address), route, vec![403, 404]),
    ] {
        for method in ["INVITE", "MESSAGE", "SUBSCRIBE", "OPTIONS"] {
            let body = if method == "INVITE" { alice.sdp()? } else { String::new() };
            let (_, answer) = alice.ask(alice.request(method, &uri, &extra, &body))?;
            let refused = method != "INVITE" && matches!(answer.status(), 405 | 481 | 489 | 501);
            ensure!(refused || statuses.contains(&answer.status()), "{method} {uri} {extra}: {}", answer.0);
        }
    }
    // maddr sends our own address to nobody else: Bob's phone rings.
    let maddr = format!("{ours};maddr={}", foreign.ip());
    let invite = alice.request("INVITE", &maddr, "", &alice.sdp()?);
    std::thread::scope(|scope| {
        let asked = scope.spawn(|| alice.ask(invite));
        let arrived = bob.expect("INVITE")?;
        // What he answers with leads elsewhere, and is not followed.
        bob.answer(&arrived, "302 Moved Temporarily", &format!("Contact: <sip:x@{foreign}>\r\n"), "")?;
        let (_, answer) = asked.join().expect("no panic")?;
        ensure!(answer.status() >= 300, "{}", answer.0);
        anyhow::Ok(())
    })?;
    elsewhere.heard_nothing()?;
    claim.proven();
    Ok(())
}

#[test]
fn whoever_proves_nothing_gets_nothing_by_any_method() -> anyhow::Result<()> {
    let claim = covers(["S-17", "A-07"]).but("no trunks to mistake somebody for").pending();
    let server = Server::start()?;
    let api = server.api()?;
    let mut bob = RawPhone::new(&server, &api, "bob")?;
    bob.register()?;
    api.post("/conferences", json!({ "number": "3001", "access": "members", "members": [{ "address": "bob" }] }))?;
    let stranger = RawPeer::new(&server)?;
    for target in ["bob", "3001"] {
        for method in ["INVITE", "MESSAGE", "SUBSCRIBE", "REFER", "PUBLISH", "INFO", "NOTIFY", "UPDATE", "REGISTER"] {
            let uri = format!("sip:{target}@{}", server.address);
            let extra = "Event: conference\r\nRefer-To: <sip:x@127.0.0.1>\r\nP-Asserted-Identity: <sip:bob@a>\r\n";
            let answer = stranger.ask(&stranger.request(method, &uri, extra, ""))?;
            // 405, 481, 489 and 501 say that this is not done for anybody.
            ensure!(matches!(answer.status(), 401 | 405 | 481 | 489 | 501), "{method} {target}: {}", answer.0);
            ensure!(answer.status() == 401 || !matches!(method, "INVITE" | "REGISTER"), "{method}: {}", answer.0);
        }
    }
    bob.expect_no("INVITE", Duration::from_millis(300))?;
    bob.expect_no("MESSAGE", Duration::from_millis(1))?;

    // With a password of his own nobody calls as another.
    let mut mallory = RawPhone::new(&server, &api, "mallory")?;
    let uri = format!("sip:bob@{}", server.address);
    let borrowed = mallory.request("INVITE", &uri, "", &mallory.sdp()?);
    let borrowed = borrowed.replace("From: <sip:mallory@", "From: <sip:boss@");
    let (_, answer) = mallory.ask(borrowed)?;
    ensure!(answer.status() == 403, "{}", answer.0);
    ensure!(refused(&api, "identity")? == 1);
    bob.expect_no("INVITE", Duration::from_millis(300))?;
    claim.proven();
    Ok(())
}

#[test]
fn refer_sends_nobody_where_the_referrer_may_not() -> anyhow::Result<()> {
    let claims = (
        covers(["S-15"]).but("no limit of dial-outs for one account").pending(),
        covers(["S-26"]).but("names that resolve to inner addresses").pending(),
    );
    let server = Server::start()?;
    let api = server.api()?;
    let mut alice = RawPhone::new(&server, &api, "alice")?;
    let mut guest = RawPhone::new(&server, &api, "guest")?;
    let members = json!([
        { "address": "alice", "role": "chair" }, { "address": "guest", "role": "participant" },
    ]);
    api.post("/conferences", json!({ "number": "3001", "access": "members", "members": members }))?;
    let uri = format!("sip:3001@{}", server.address);
    let refer = |phone: &mut RawPhone, to: &str| -> anyhow::Result<Answer> {
        Ok(phone.ask(phone.request("REFER", &uri, &format!("Refer-To: {to}\r\n"), ""))?.1)
    };
    let elsewhere = Elsewhere::new()?;
    let address = elsewhere.address()?;
    for to in [format!("<sip:x@{address}>"), "<tel:+390900123456>".into(), "<sip:+390900123456@a.example>".into()] {
        ensure!(refer(&mut guest, &to)?.status() == 403, "a participant has nobody called: {to}");
    }
    for (to, status) in [
        ("<sip:x@169.254.169.254>", 403),
        ("<sip:x@0.0.0.0>", 403),
        ("<sip:x@224.0.0.1>", 403),
        ("<sip:x@[::ffff:169.254.169.254]:80>", 403),
        ("<sip:x@a.example;method=REGISTER>", 403),
        ("<sip:x@a.example?Replaces=a%0d%0aRoute:x>", 400),
        ("<http://169.254.169.254/>", 416),
    ] {
        let answer = refer(&mut alice, to)?;
        ensure!(answer.status() == status, "{to}: {}", answer.0);
    }
    ensure!(refused(&api, "target")? == 4);
    // The focus does not call itself.
    ensure!(refer(&mut alice, &format!("<{uri}>"))?.status() == 403);
    elsewhere.heard_nothing()?;
    claims.0.proven();
    claims.1.proven();
    Ok(())
}

/// In the Contact of a REGISTER and in that of the 200: the call, its ACK and its BYE go where the phone proved to be.
fn a_third_host_named_in_contacts_hears_nothing(server: &Server, api: &Api) -> anyhow::Result<()> {
    let third = Elsewhere::new()?;
    let named = format!("sip:mallory@{}", third.address()?);
    let mut caller = RawPhone::new(server, api, "carol")?;
    let mut mallory = RawPhone::new(server, api, "mallory")?;
    let own = mallory.contact()?;
    let uri = format!("sip:{}", server.address);
    let wish = mallory.request("REGISTER", &uri, "Expires: 600\r\n", "");
    let wish = wish.replace(&format!("To: <{uri}>"), &format!("To: <{}>", mallory.address())).replace(&own, &named);
    ensure!(mallory.ask(wish)?.1.status() == 200);
    let called = mallory.address();
    std::thread::scope(|scope| -> anyhow::Result<()> {
        let call = scope.spawn(|| {
            let mut dialog = caller.join(&called)?;
            ensure!(caller.ask_in(&mut dialog, "BYE", "")?.status() == 200);
            Ok(())
        });
        let invite = mallory.expect("INVITE")?;
        ensure!(invite.starts_with(&format!("INVITE {named} ")), "{invite}");
        let sdp = mallory.sdp()?;
        mallory.answer_as(&invite, &named, &sdp)?;
        mallory.expect("ACK")?;
        mallory.is_hung_up()?;
        call.join().unwrap_or_else(|_| anyhow::bail!("the caller panicked"))
    })?;
    third.heard_nothing()
}

#[test]
fn a_registrar_serves_everybody_for_himself_alone() -> anyhow::Result<()> {
    let claim = covers(["S-27"]).pending();
    let server = Server::start_with(&["sip.max-bindings=3"])?;
    let api = server.api()?;
    let mut alice = RawPhone::new(&server, &api, "alice")?;
    let bob = RawPhone::new(&server, &api, "bob")?;
    let domain = format!("sip:{}", server.address);
    let register = |phone: &RawPhone, to: &str, contact: &str| {
        let request = phone.request("REGISTER", &domain, "Expires: 600\r\n", "");
        let request = request.replace(&format!("To: <{domain}>"), &format!("To: <{to}>"));
        let own = header(&request, "Contact").unwrap_or_default().to_owned();
        request.replace(&format!("Contact: {own}"), &format!("Contact: {contact}"))
    };
    let mine = alice.address();
    let (_, answer) = alice.ask(register(&alice, &bob.address(), &format!("<{}>", alice.contact()?)))?;
    ensure!(answer.status() == 403, "for another: {}", answer.0);
    let (_, answer) = alice.ask(register(&alice, &bob.address(), "*").replace("Expires: 600", "Expires: 0"))?;
    ensure!(answer.status() == 403, "all of another: {}", answer.0);
    for number in 0..50 {
        let contact = format!("<sip:alice@127.0.0.1:{}>", 20_000 + number);
        let status = alice.ask(register(&alice, &mine, &contact))?.1.status();
        ensure!(matches!(status, 200 | 403 | 503), "{number}: {status}");
    }
    let bindings = api.get("/accounts/alice/registrations")?;
    ensure!(bindings["items"].as_array().or(bindings.as_array()).map(Vec::len) == Some(3), "{bindings}");
    ensure!(!api.get("/accounts/bob/registrations")?.to_string().contains("contact"), "nothing was done for Bob");
    a_third_host_named_in_contacts_hears_nothing(&server, &api)?;
    claim.proven();
    Ok(())
}

#[test]
fn conferences_are_not_watched_from_outside() -> anyhow::Result<()> {
    let claim = covers(["S-22"]).but("no tones at joining; one account may have any number of legs").pending();
    let server = Server::start()?;
    let api = server.api()?;
    let mut alice = RawPhone::new(&server, &api, "alice")?;
    let mut mallory = RawPhone::new(&server, &api, "mallory")?;
    api.post("/conferences", json!({ "number": "3001", "access": "members", "members": [{ "address": "alice" }] }))?;
    let uri = format!("sip:3001@{}", server.address);
    let subscribe = mallory.request("SUBSCRIBE", &uri, "Event: conference\r\n", "");
    ensure!(mallory.ask(subscribe)?.1.status() == 403);
    let dialogs = mallory.request("SUBSCRIBE", &uri, "Event: dialog\r\n", "");
    ensure!(mallory.ask(dialogs)?.1.status() == 489, "no dialog package");
    let dialog = alice.join(&uri)?;
    alice.subscribe(&uri, "")?;
    let notify = alice.notify()?;
    ensure!(notify.0.contains("<user "), "{}", notify.0);
    ensure!(!notify.0.contains("call-info") && !notify.0.contains(&format!(">{}<", dialog.call_id)), "{}", notify.0);
    claim.proven();
    Ok(())
}

/// CVE-2021-41158: whoever is called asks the server for its password.
#[test]
fn the_server_answers_nobodys_challenge() -> anyhow::Result<()> {
    let claim = covers(["S-04", "A-08"]).but("no trunk that may ask").pending();
    let server = Server::start()?;
    let api = server.api()?;
    api.post("/conferences", json!({ "number": "3001", "access": "open" }))?;
    let mut mallory = RawPhone::guest(&server, "mallory")?;
    mallory.join(&format!("sip:3001@{}", server.address))?;
    let people = api.wait_for_state("3001", "connected", 1, Duration::from_secs(5))?;
    api.delete(&format!("/conferences/3001/participants/{}", people[0]["id"].as_str().unwrap_or_default()))?;
    let bye = mallory.expect("BYE")?;
    let realm = format!("WWW-Authenticate: Digest realm=\"{}\", nonce=\"n\", algorithm=MD5\r\n", server.address);
    mallory.answer(&bye, "401 Unauthorized", &realm, "")?;
    ensure!(header(&bye, "Authorization").is_none());
    mallory.expect_no("BYE", Duration::from_secs(1))?;
    claim.proven();
    Ok(())
}

#[test]
fn a_proof_serves_once_and_for_its_own_request() -> anyhow::Result<()> {
    let claim = covers(["S-03"]).pending();
    let server = Server::start()?;
    let api = server.api()?;
    let mut alice = RawPhone::new(&server, &api, "alice")?;
    let mut bob = RawPhone::new(&server, &api, "bob")?;
    bob.register()?;
    let uri = format!("sip:bob@{}", server.address);
    let options = alice.request("REGISTER", &format!("sip:{}", server.address), "", "");
    let options = options.replace("To: <sip:", "To: <sip:alice@");
    let (proven, answer) = alice.ask(options)?;
    ensure!(answer.status() == 200, "{}", answer.0);
    let proof = header(&proven, "Authorization").context("a proof")?.to_owned();

    let attacker = RawPeer::at(&server, (own_address(), 0))?;
    let again = |method: &str, uri: &str| {
        let request = attacker.request(method, uri, &format!("Authorization: {proof}\r\n"), "");
        request.replace("To: <sip:", if method == "REGISTER" { "To: <sip:alice@" } else { "To: <sip:" })
    };
    let registrar = format!("sip:{}", server.address);
    for (method, uri) in [("REGISTER", &registrar), ("INVITE", &uri), ("REGISTER", &uri)] {
        let answer = attacker.ask(&again(method, uri))?;
        ensure!(matches!(answer.status(), 400 | 401 | 403), "{method} {uri}: {}", answer.0);
    }
    bob.expect_no("INVITE", Duration::from_millis(300))?;
    claim.proven();
    Ok(())
}

/// Whoever guesses makes himself wait; the account's own phone goes on.
#[test]
fn guessing_a_password_harms_the_guesser_alone() -> anyhow::Result<()> {
    let claim =
        covers(["S-02"]).but("waits begin after ten wrong passwords and grow; 1000 were not waited for").pending();
    let server = Server::start()?;
    let api = server.api()?;
    let mut alice = RawPhone::new(&server, &api, "alice")?;
    alice.register()?;
    let attacker = RawPeer::at(&server, (own_address(), 0))?;
    let mut looked_at = 0;
    for number in 0..100 {
        let uri = format!("sip:{}", server.address);
        let request = attacker.request("REGISTER", &uri, "", "").replace("To: <sip:", "To: <sip:alice@");
        let challenged = attacker.ask(&request)?;
        let nonce = challenged.header("WWW-Authenticate").and_then(|value| value.split("nonce=\"").nth(1));
        let Some(nonce) = nonce.and_then(|rest| rest.split('"').next()) else { continue };
        let guess = format!(
            "Authorization: Digest username=\"alice\", realm=\"{0}\", nonce=\"{nonce}\", uri=\"sip:{0}\", \
             algorithm=SHA-256, qop=auth, nc=00000001, cnonce=\"c\", response=\"{number:064x}\"\r\n",
            server.address
        );
        let answer =
            attacker.ask(&attacker.request("REGISTER", &uri, &guess, "").replace("To: <sip:", "To: <sip:alice@"))?;
        ensure!(answer.status() >= 400, "{}", answer.0);
        looked_at += u32::from(answer.status() == 401);
    }
    ensure!(looked_at < 30, "{looked_at} of 100 guesses were looked at");
    alice.register().context("the victim is served while the attacker waits")?;
    claim.proven();
    Ok(())
}

#[test]
fn pins_are_not_guessed_call_by_call() -> anyhow::Result<()> {
    let claim = covers(["S-21"])
        .but("no alarm; PINs of four digits are allowed; numbers of conferences can be tried")
        .pending();
    let server = Server::start_with(&["security.free-failures=1"])?;
    let api = server.api()?;
    api.post("/conferences", json!({ "number": "3001", "access": "pin", "pin": "246810" }))?;
    let peer = RawPeer::new(&server)?;
    let media = UdpSocket::bind(("127.0.0.1", 0))?;
    let sdp = format!(
        "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio {} RTP/AVP 0 101\r\n\
         a=rtpmap:101 telephone-event/8000\r\n",
        media.local_addr()?.port()
    );
    let uri = format!("sip:3001@{}", server.address);
    let invite = peer.request("INVITE", &uri, "", &sdp);
    let answer = peer.ask(&invite)?;
    ensure!(answer.status() == 200, "{}", answer.0);
    let to = header(&answer.0, "To").unwrap_or_default();
    let ack = invite.replace("INVITE", "ACK").replace(&format!("To: <{uri}>"), &format!("To: {to}"));
    let ack = ack.split("Content-Type").next().unwrap_or_default().replace("branch=", "branch=z9hG4bKa");
    peer.send(format!("{ack}Content-Length: 0\r\n\r\n").as_bytes())?;
    let port = answer.0.lines().find_map(|line| line.strip_prefix("m=audio ")).context("audio")?;
    let port: u16 = port.split(' ').next().context("a port")?.parse()?;
    let mut keys = Keys { media, to: SocketAddr::from((server.address, port)), sequence: 1, timestamp: 160 };
    // Some to be latched on to, then three wrong PINs; the call goes on for its last words meanwhile.
    "**0000#0000#0000#".chars().try_for_each(|key| keys.press(key))?;
    wait_for("a refusal of who calls again", Duration::from_secs(2), || {
        let answer = peer.ask(&peer.request("INVITE", &uri, "", &sdp)).ok()?;
        (answer.status() == 403).then_some(())
    })?;
    // He may hear the same at the spoken entrance.
    ensure!(peer.ask(&peer.request("INVITE", &format!("sip:access@{}", server.address), "", &sdp))?.status() == 403);
    ensure!(refused(&api, "pin")? >= 2);
    ensure!(api.participants("3001")?.iter().all(|person| person["state"] != "connected"));
    claim.proven();
    Ok(())
}

/// RFC 4733 by hand.
struct Keys {
    media: UdpSocket,
    to: SocketAddr,
    sequence: u16,
    timestamp: u32,
}

impl Keys {
    fn press(&mut self, key: char) -> std::io::Result<()> {
        let event = match key {
            '*' => 10,
            '#' => 11,
            digit => digit.to_digit(10).unwrap_or_default() as u8,
        };
        for step in 0..6_u16 {
            let (end, duration) = (u8::from(step > 2) << 7, (step.min(3) + 1) * 160);
            let mut packet = vec![0x80, 101 | u8::from(step == 0) << 7];
            packet.extend(self.sequence.to_be_bytes());
            packet.extend(self.timestamp.to_be_bytes());
            packet.extend([0, 0, 0, 7, event, end | 10]);
            packet.extend(duration.to_be_bytes());
            self.media.send_to(&packet, self.to)?;
            self.sequence += 1;
            std::thread::sleep(Duration::from_millis(20)); // the pace of RTP
        }
        self.timestamp += 1600;
        Ok(())
    }
}
