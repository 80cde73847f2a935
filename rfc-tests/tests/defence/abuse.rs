//! Abuse of what the server does for others: relaying, identities, registrations, conferences, proofs.

use std::net::{SocketAddr, UdpSocket};
use std::time::Duration;

use anyhow::{Context, ensure};
use rfc_tests::api::Api;
use rfc_tests::coverage::covers;
use rfc_tests::raw::{RawPeer, header};
use rfc_tests::raw_phone::RawPhone;
use rfc_tests::scratch::own_address;
use rfc_tests::server::Server;
use serde_json::json;

use super::refused;

/// Somewhere else, which is to hear nothing.
pub struct Elsewhere(UdpSocket);

impl Elsewhere {
    pub fn new() -> anyhow::Result<Self> {
        Ok(Self(UdpSocket::bind((own_address(), 0))?))
    }

    pub fn address(&self) -> anyhow::Result<SocketAddr> {
        Ok(self.0.local_addr()?)
    }

    pub fn heard_nothing(&self) -> anyhow::Result<()> {
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
    let claim = covers(["S-16"]).pending();
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
        // Without a Route it is a wrong address (RFC 3261 §8.2.2.1); with one it is a wish to be passed on.
        (format!("sip:x@{foreign}"), String::new(), vec![404]),
        (format!("sip:x@{foreign}"), route.clone(), vec![403]),
        (format!("sip:{}@{foreign}", server.address), route, vec![403]),
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
    let claim = covers(["S-17", "A-07"]).pending();
    let server = Server::start()?;
    let api = server.api()?;
    let mut bob = RawPhone::new(&server, &api, "bob")?;
    bob.register()?;
    api.post("/conferences", json!({ "number": "3001", "access": "members", "members": [{ "address": "bob" }] }))?;
    let stranger = RawPeer::new(&server)?;
    // Trunks next to the stranger: another address, another port of his, and another transport.
    let (ip, port) = (stranger.address()?.ip(), stranger.address()?.port());
    for (name, fields) in [
        ("far", json!({ "sources": ["192.0.2.0/24"] })),
        ("port", json!({ "sources": [format!("{ip}:{}", port ^ 1)] })),
        ("tls", json!({ "sources": [ip.to_string()], "transport": "tls" })),
        ("none", json!({})),
    ] {
        let mut trunk = json!({ "name": name, "host": "192.0.2.1", "options_seconds": 0, "trust_identity": true });
        trunk.as_object_mut().context("fields")?.extend(fields.as_object().cloned().unwrap_or_default());
        api.post("/trunks", trunk)?;
    }
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
    let claim = covers(["S-22"]).pending();
    let server = Server::start_with(&["conference.legs-per-account=2"])?;
    let api = server.api()?;
    let mut alice = RawPhone::new(&server, &api, "alice")?;
    let mut mallory = RawPhone::new(&server, &api, "mallory")?;
    let options = json!({ "tones": true, "announcements": false });
    let members = json!([{ "address": "alice" }]);
    api.post("/conferences", json!({ "number": "3001", "access": "members", "members": members, "options": options }))?;
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
    // Nobody comes in unheard or unseen, and nobody comes in again and again.
    let other = alice.join(&uri)?;
    alice.hears()?;
    alice.notify()?;
    api.wait_for_state("3001", "connected", 2, Duration::from_secs(5))?;
    let third = alice.request("INVITE", &uri, "", &alice.sdp()?);
    let refused_third = alice.ask(third)?.1;
    ensure!(refused_third.status() == 403, "{}", refused_third.0);
    ensure!(refused(&api, "legs")? == 1);
    ensure!(other.call_id != dialog.call_id);
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
