//! The torture messages of RFC 4475 that a server asks about first: who sends them? Here with an answer to that.

use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use bytes::Bytes;
use plenary_sip::auth::{Challenge, Login, answer};
use plenary_sip::message::{Limits, Message, parse_datagram};
use rfc_tests::coverage::covers;
use rfc_tests::raw::{Answer, RawPeer};
use rfc_tests::scratch::own_address;
use rfc_tests::server::Server;
use serde_json::json;

use super::torture::{call_id, data, request};

const PASSWORD: &str = "a-phones-password";

/// What `index.tsv` says of them comes after the password.
/// Its date, its length, its parameters and what stands behind it are in nobody's way.
#[test]
fn who_shows_a_password_gets_what_the_index_says() -> anyhow::Result<()> {
    let claims =
        covers(["4475-dblreq", "4475-cparam01", "4475-cparam02", "4475-regescrt", "4475-longreq", "4475-baddate"])
            .pending();
    let of_another =
        covers(["4475-escnull"]).but("no account's name has a NUL: its contacts are registered for another");
    let of_another = of_another.pending();
    let server = Server::start_with(&["server.domain=example.com"])?;
    let api = server.api()?;
    for account in ["j.user", "watson", "user"] {
        api.post("/accounts", json!({ "name": account, "password": PASSWORD }))?;
    }
    let phone = own_address();
    let ask = |name: &str, account: &str| -> anyhow::Result<Answer> {
        let octets = std::fs::read(data("rfc4475").join(format!("{name}.dat")))?;
        let asked = request(&octets).context("a request")?;
        let peer = RawPeer::at(&server, (phone, asked.headers.top_via()?.port.unwrap_or(5060)))?;
        // Two of them have one branch, and to one server would be one request.
        let text = String::from_utf8(octets)?.replace("null-%00-null@", &format!("{account}@"));
        let via = asked.headers.top_via()?;
        let with_branch = |text: &str, tail: &str| match via.branch() {
            Some(branch) => text.replacen(branch, &format!("{branch}{name}{tail}"), 1),
            None => text.to_owned(),
        };
        let challenged = final_answer(&peer, with_branch(&text, "").as_bytes())?;
        let challenge = Challenge::parse(challenged.header("WWW-Authenticate").context("a challenge")?)?;
        let login = Login { user: account.into(), password: PASSWORD.into() };
        let credentials = answer(&challenge, &login, &asked.method, &asked.uri, "0a4f113b", 1);
        // As a phone says it again: another branch, the next CSeq, and the rest as it was.
        let cseq = asked.headers.cseq()?.number;
        let text = with_branch(&text, "again");
        let text = text.replacen(&format!("{cseq} {}", asked.method), &format!("{} {}", cseq + 1, asked.method), 1);
        let text = text.replacen("\r\n", &format!("\r\nAuthorization: {credentials}\r\n"), 1);
        final_answer(&peer, text.as_bytes())
    };
    let registered = |name: &str, answer: &Answer, contact: &str| {
        let starts = answer.header("Contact").is_some_and(|listed| listed.starts_with(contact));
        ensure!(answer.status() == 200 && starts, "{name}: {}", answer.0);
        Ok(())
    };
    registered("dblreq", &ask("dblreq", "j.user")?, "<sip:j.user@host.example.com>;expires=")?;
    let (_, counted) = api.call("GET", "/metrics", None)?;
    ensure!(!counted.contains("sip_requests_total{method=\"INVITE\"} 1"), "the noise was heard: {counted}");
    let bare = "<sip:+19725552222@gw1.example.net>;unknownparam;expires=";
    registered("cparam01", &ask("cparam01", "watson")?, bare)?;
    let answer = ask("cparam02", "watson")?;
    ensure!(answer.status() == 200, "cparam02: {}", answer.0);
    // A parameter that the URI alone has does not make it another (RFC 3261 §19.1.4): the newer binding stands.
    ensure!(answer.0.contains("\r\nContact: <sip:+19725552222@gw1.example.net;unknownparam>;expires="), "{}", answer.0);
    let escaped = "<sip:user@example.com?Route=%3Csip:sip.example.com%3E>;expires=";
    registered("regescrt", &ask("regescrt", "user")?, escaped)?;
    // NULs end nothing: of two that differ by one alone, each is a binding of its own.
    api.post("/accounts", json!({ "name": "null", "password": PASSWORD }))?;
    let answer = ask("escnull", "null")?;
    for contact in ["<sip:%00@host5.example.com>;expires=", "<sip:%00%00@host5.example.com>;expires="] {
        ensure!(answer.0.contains(&format!("\r\nContact: {contact}")), "escnull: {}", answer.0);
    }
    of_another.proven();
    // Nobody answers the binding, or there is none: neither is a refusal of the message.
    api.delete("/accounts/user")?;
    api.post("/accounts", json!({ "name": "user", "password": PASSWORD }))?;
    for name in ["longreq", "baddate"] {
        let answer = ask(name, "watson")?;
        ensure!(answer.status() == 480, "{name}: {}", answer.0);
    }
    claims.proven();
    Ok(())
}

fn final_answer(peer: &RawPeer, octets: &[u8]) -> anyhow::Result<Answer> {
    let call_id = call_id(octets).context("a Call-ID")?;
    let give_up = Instant::now() + Duration::from_secs(10);
    for _ in 0..4 {
        // Said again as over UDP it must: a stranger's first words earn a short answer, or none.
        peer.send(octets)?;
        let again = Instant::now() + Duration::from_millis(500);
        while let Some(text) = peer.receive(again.min(give_up).saturating_duration_since(Instant::now()))? {
            let answer = Answer(text);
            let ours = answer.0.contains(&call_id) && answer.0.starts_with("SIP/2.0 ");
            if ours && answer.status() >= 200 && cseq_of(&answer.0) == cseq_of(&String::from_utf8_lossy(octets)) {
                return Ok(answer);
            }
        }
    }
    anyhow::bail!("no final answer to {}", String::from_utf8_lossy(octets))
}

/// The number, however the header is spelled.
fn cseq_of(message: &str) -> Option<u32> {
    let message = Bytes::copy_from_slice(message.as_bytes());
    match parse_datagram(&message, &Limits::default()).ok()? {
        Message::Request(request) => request.headers.cseq().ok().map(|cseq| cseq.number),
        Message::Response(response) => response.headers.cseq().ok().map(|cseq| cseq.number),
    }
}
