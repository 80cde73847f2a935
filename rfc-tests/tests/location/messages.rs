//! MESSAGE, INFO, PUBLISH, and events that nobody keeps: RFC 3428, 6086, 3903, 3842; bodies: RFC 5621.

use anyhow::ensure;
use rfc_tests::coverage::covers;
use rfc_tests::raw::{RawPeer, header};
use rfc_tests::raw_phone::RawPhone;
use rfc_tests::server::Server;
use serde_json::json;

/// A MESSAGE with a text of so many octets.
fn message(phone: &RawPhone, uri: &str, text: &str) -> String {
    let request = phone.request("MESSAGE", uri, "", text);
    request.replace("Content-Type: application/sdp", "Content-Type: text/plain;charset=utf-8")
}

#[test]
fn a_message_reaches_the_phones_of_an_account_and_no_conference() -> anyhow::Result<()> {
    let claim = covers(["3261-01"]).pending();
    let server = Server::start()?;
    let api = server.api()?;
    api.post("/conferences", json!({ "number": "3001", "access": "open" }))?;
    let (mut alice, mut bob) = (RawPhone::new(&server, &api, "alice")?, RawPhone::new(&server, &api, "bob")?);
    let to_bob = bob.address();
    ensure!(alice.ask_once(&message(&alice, &to_bob, "hello"))?.status() == 401, "a guest sends nothing");
    ensure!(alice.ask(message(&alice, &to_bob, "hello"))?.1.status() == 480, "bob has no phone yet");
    bob.register()?;
    // Whatever From claims, the account that was proven stands in the one that arrives.
    let claims = message(&alice, &to_bob, "hello").replace("From: <sip:alice@", "From: \"The boss\" <sip:boss@");
    std::thread::scope(|scope| -> anyhow::Result<()> {
        let sent = scope.spawn(|| alice.ask(claims));
        let came = bob.expect("MESSAGE")?;
        ensure!(header(&came, "From").is_some_and(|from| from.starts_with("<sip:alice@") && !from.contains("boss")));
        ensure!(header(&came, "Content-Type") == Some("text/plain;charset=utf-8") && came.ends_with("\r\n\r\nhello"));
        bob.answer(&came, "200 OK", "", "")?;
        let (_, answer) = sent.join().unwrap_or_else(|_| anyhow::bail!("the sender panicked"))?;
        ensure!(answer.status() == 200, "{}", answer.0);
        Ok(())
    })?;
    ensure!(alice.ask(message(&alice, &to_bob, &"x".repeat(1200)))?.1.status() == 513);
    let nobody = to_bob.replace("bob", "nobody");
    ensure!(alice.ask(message(&alice, &nobody, "hello"))?.1.status() == 404);
    let conference = to_bob.replace("bob", "3001");
    let refused = alice.ask(message(&alice, &conference, "hello all"))?.1;
    // Long enough to earn the whole answer.
    let padding = format!("Subject: {}\r\n", "x".repeat(600));
    let options = alice.ask(alice.request("OPTIONS", &conference, &padding, ""))?.1;
    let served = options.header("Allow");
    ensure!(options.status() == 200 && served.is_some_and(|allow| allow.contains("INVITE")), "{}", options.0);
    ensure!(refused.status() == 405 && refused.header("Allow") == served, "{}", refused.0);
    let unknown = alice.ask(alice.request("FOO", &conference, &padding, ""))?.1;
    ensure!(unknown.status() == 501 && unknown.header("Allow") == served, "{}", unknown.0);
    claim.proven();
    Ok(())
}

#[test]
fn info_carries_keys_and_nothing_that_was_not_agreed_on() -> anyhow::Result<()> {
    let server = Server::start()?;
    let api = server.api()?;
    api.post("/conferences", json!({ "number": "3001", "access": "open" }))?;
    let mut alice = RawPhone::new(&server, &api, "alice")?;
    let mut dialog = alice.join(&format!("sip:3001@{}", server.address))?;
    let relay = "Content-Type: application/dtmf-relay\r\n";
    ensure!(alice.ask_in_with(&mut dialog, "INFO", relay, "Signal=*\r\nDuration=160\r\n")?.status() == 200);
    ensure!(alice.ask_in_with(&mut dialog, "INFO", relay, "Signal=6\r\nDuration=160\r\n")?.status() == 200);
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(5);
    while !api.get("/conferences/3001/live")?.to_string().contains("\"muted\":true") {
        ensure!(std::time::Instant::now() < deadline, "*6 mutes: {}", api.get("/conferences/3001/live")?);
    }
    let media_control = "Content-Type: application/media_control+xml\r\n";
    ensure!(alice.ask_in_with(&mut dialog, "INFO", media_control, "<media_control/>")?.status() == 200);
    let unknown = alice.ask_in_with(&mut dialog, "INFO", "Content-Type: application/x\r\n", "x")?;
    ensure!(unknown.status() == 415 && unknown.header("Accept").is_some_and(|accept| accept.contains("dtmf-relay")));
    let package = alice.ask_in_with(&mut dialog, "INFO", &format!("{relay}Info-Package: foo\r\n"), "Signal=6\r\n")?;
    ensure!((package.status(), package.header("Recv-Info")) == (469, Some("")), "{}", package.0);
    ensure!(alice.ask_in(&mut dialog, "MESSAGE", "")?.status() == 405);
    Ok(())
}

#[test]
fn nothing_is_published_no_mailbox_is_watched_and_notices_unasked_for_are_refused() -> anyhow::Result<()> {
    let server = Server::start()?;
    let api = server.api()?;
    let alice = RawPhone::new(&server, &api, "alice")?;
    let peer = RawPeer::new(&server)?;
    let published = peer.ask(&peer.request("PUBLISH", &alice.address(), "Event: presence\r\n", ""))?;
    ensure!(published.status() == 489 && published.header("Allow-Events").is_some(), "{}", published.0);
    let watched = peer.ask(&peer.request("SUBSCRIBE", &alice.address(), "Event: message-summary\r\n", ""))?;
    ensure!(watched.status() == 489, "{}", watched.0);
    let event = "Event: message-summary\r\nSubscription-State: active\r\n";
    ensure!(peer.ask(&peer.request("NOTIFY", &alice.address(), event, ""))?.status() == 481);
    Ok(())
}

const SDP_PART: &str = "--b\r\nContent-Type: application/sdp\r\n\r\n";

#[test]
fn a_body_is_found_among_parts_and_what_must_be_understood_is() -> anyhow::Result<()> {
    let claim = covers(["3261-05"]).pending();
    let server = Server::start()?;
    let api = server.api()?;
    api.post("/conferences", json!({ "number": "3001", "access": "open" }))?;
    let mut alice = RawPhone::new(&server, &api, "alice")?;
    let uri = format!("sip:3001@{}", server.address);
    let invite = |alice: &RawPhone, content: &str, body: &str| {
        alice.request("INVITE", &uri, "", body).replacen("Content-Type: application/sdp", content, 1)
    };
    let text = alice.ask_once(&invite(&alice, "Content-Type: text/x", "hello"))?;
    ensure!(text.status() == 415, "{}", text.0);
    for (name, value) in [("Accept", "application/sdp"), ("Accept-Encoding", "identity"), ("Accept-Language", "en")] {
        ensure!(text.header(name).is_some_and(|said| said.contains(value)), "{name}: {}", text.0);
    }
    let optional = "Content-Type: text/x\r\nContent-Disposition: x;handling=optional";
    ensure!(alice.ask_once(&invite(&alice, optional, "hello"))?.status() == 200, "as if it had no body");
    let mixed = "Content-Type: multipart/mixed;boundary=b";
    let part = "--b\r\nContent-Type: text/x\r\nContent-Disposition: x;handling=HOW\r\n\r\nhello\r\n--b--\r\n";
    let body = format!("{SDP_PART}{}\r\n{}", alice.sdp()?, part.replace("HOW", "optional"));
    let answer = alice.ask_once(&invite(&alice, mixed, &body))?;
    ensure!(answer.status() == 200, "{}", answer.0);
    let body = format!("{SDP_PART}{}\r\n{}", alice.sdp()?, part.replace("HOW", "required"));
    let answer = alice.ask_once(&invite(&alice, mixed, &body))?;
    ensure!(answer.status() == 415 && answer.header("Accept").is_some(), "SDP does not make up for it: {}", answer.0);
    claim.proven();
    Ok(())
}
