//! Attacks on the SIP port, each from loopback addresses of its own: what they reach, and who is still served.

mod abuse;
mod budgets;
mod challenges;
mod crowd;
mod downgrade;
mod enumeration;
mod fetching;
mod flood;
mod guessing;
mod ladder;
mod lengths;
mod limits;
mod mutants;
mod reasons;
mod referring;
mod soak;
mod unconfirmed;

use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use plenary_sip::auth::{Challenge, Login, answer};
use plenary_sip::message::Method;
use rfc_tests::api::Api;
use rfc_tests::coverage::covers;
use rfc_tests::raw::{Answer, RawPeer, header};
use rfc_tests::scratch::own_address;
use rfc_tests::server::Server;
use serde_json::json;

const PASSWORD: &str = "a-phones-password";

/// What a phone of ordinary size asks is answered at once, and a challenge comes once, not until the ACK.
#[test]
fn a_challenge_comes_once_for_each_time_it_is_asked_for() -> anyhow::Result<()> {
    let claim = covers(["S-07"]).pending();
    let server = Server::start()?;
    let peer = RawPeer::at(&server, (own_address(), 0))?;
    let padding = format!("Subject: {}\r\n", "x".repeat(300));
    let invite = peer.request("INVITE", &format!("sip:alice@{}", server.address), &padding, "");
    for _ in 0..2 {
        ensure!(peer.ask(&invite)?.status() == 401);
        ensure!(peer.receive(Duration::from_millis(1700))?.is_none(), "repeated of its own accord");
    }
    claim.proven();
    Ok(())
}

/// An open conference answers anybody, whose address may be a victim's. Its 200 is repeated as often as it needs on a bad
/// day, and not for as long as §13.3.1.4 would have it.
#[test]
fn a_200_for_a_forged_address_is_not_repeated_for_long() -> anyhow::Result<()> {
    let claim = covers(["S-07"]).pending();
    let server = Server::start()?;
    server.api()?.post("/conferences", json!({ "number": "3001", "access": "open" }))?;
    let peer = RawPeer::at(&server, (own_address(), 0))?;
    let sdp = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0\r\n";
    let invite = peer.request("INVITE", &format!("sip:3001@{}", server.address), "", sdp);
    peer.send(invite.as_bytes())?;
    let (mut octets, mut oks) = (0, 0);
    let give_up = Instant::now() + Duration::from_secs(12);
    while let Some(text) = peer.receive(give_up.saturating_duration_since(Instant::now()))? {
        octets += text.len();
        oks += usize::from(text.starts_with("SIP/2.0 200 "));
    }
    println!("{} octets bring {octets}, of them {oks} times 200", invite.len());
    ensure!((1..=4).contains(&oks), "{oks} times 200");
    ensure!(octets <= 6 * invite.len(), "{} octets bring {octets}", invite.len());
    // Who is really there says ACK, and is served.
    let there = RawPeer::at(&server, (own_address(), 0))?;
    ensure!(there.ask(&there.request("INVITE", &format!("sip:3001@{}", server.address), "", sdp))?.status() == 200);
    claim.proven();
    Ok(())
}

#[test]
fn scanners_hear_nothing() -> anyhow::Result<()> {
    let server = Server::start()?;
    let peer = RawPeer::at(&server, (own_address(), 0))?;
    let uri = format!("sip:100@{}", server.address);
    for name in ["friendly-scanner", "sipcli/v1.8", "PPLSIP"] {
        for method in ["OPTIONS", "REGISTER", "INVITE"] {
            peer.send(peer.request(method, &uri, &format!("User-Agent: {name}\r\n"), "").as_bytes())?;
        }
    }
    ensure!(peer.receive(Duration::from_millis(500))?.is_none());
    ensure!(refused(&server.api()?, "scanner")? == 9);
    peer.ping()
}

/// RFC 3261 §16.3, RFC 5393: what a proxy does, for calls from phone to phone. Nothing is relayed here: what goes on is a
/// call of the server's own, which has its own Via as all calls have, and no more of §16 than the count of hops and the
/// end of loops; Route and Record-Route of one leg are nothing to the other.
#[test]
fn calls_that_go_round_in_circles_end() -> anyhow::Result<()> {
    let claim = covers(["3261-16"]).pending();
    let server = Server::start()?;
    server.api()?.post("/accounts", json!({ "name": "alice", "password": PASSWORD }))?;
    let phone = RawPeer::new(&server)?;
    let aor = format!("sip:alice@{}", server.address);
    let registered = ask_with_password(&phone, "REGISTER", &format!("sip:{}", server.address), &|request| {
        request.replace(&format!("To: <sip:{}>", server.address), &format!("To: <{aor}>"))
    })?;
    ensure!(registered.status() == 200, "{}", registered.0);

    let spent = ask_with_password(&phone, "INVITE", &aor, &|request| request.replace("Forwards: 70", "Forwards: 0"))?;
    ensure!(spent.status() == 483, "{}", spent.0);
    let narrow = ask_with_password(&phone, "INVITE", &aor, &|request| {
        request.replace("Max-Forwards", "Max-Breadth: 0\r\nMax-Forwards")
    })?;
    ensure!(narrow.status() == 440, "{}", narrow.0);

    // The call arrives at her phone, and she sends it back to her own address.
    let hops = format!(
        "Route: <sip:{0};lr>, <sip:elsewhere.invalid;lr>\r\nRecord-Route: <sip:10.0.0.1;lr>\r\nMax-Forwards: 20",
        server.address
    );
    let invite = authorized(&phone, "INVITE", &aor, &|request| request.replace("Max-Forwards: 70", &hops))?;
    phone.send(invite.as_bytes())?;
    let arrived = loop {
        let text = phone.receive(Duration::from_secs(5))?.context("no INVITE arrived")?;
        if text.starts_with("INVITE ") {
            break text;
        }
    };
    ensure!(header(&arrived, "Max-Forwards") == Some("19"), "{arrived}");
    // A call of our own: its way is the binding's, whatever Route and Record-Route the first leg came with.
    ensure!(arrived.matches("\r\nVia: ").count() == 1 && header(&arrived, "Record-Route").is_none(), "{arrived}");
    ensure!(header(&arrived, "Route").is_none() && header(&arrived, "Contact").is_some(), "{arrived}");
    let mark = header(&arrived, "Plenary-Passed").context("no mark of ours")?;
    let again = ask_with_password(&phone, "INVITE", &aor, &|request| {
        request.replace("Max-Forwards", &format!("Plenary-Passed: {mark}\r\nMax-Forwards"))
    })?;
    ensure!(again.status() == 482, "{}", again.0);
    let api = server.api()?;
    for reason in ["hops", "breadth", "loop"] {
        ensure!(refused(&api, reason)? == 1, "{reason}");
    }
    claim.proven();
    Ok(())
}

/// A request that carries alice's password, after the challenge to one without.
fn authorized(phone: &RawPeer, method: &str, uri: &str, change: &dyn Fn(String) -> String) -> anyhow::Result<String> {
    let request = change(phone.request(method, uri, "", ""));
    let asked = phone.ask(&request)?;
    let challenge = header(&asked.0, "WWW-Authenticate").with_context(|| asked.0.clone())?;
    let challenge = Challenge::parse(challenge)?;
    let login = Login { user: "alice".into(), password: PASSWORD.into() };
    let credentials = answer(&challenge, &login, &Method::from(method), &uri.parse()?, "0a4f113b", 1);
    Ok(change(phone.request(method, uri, &format!("Authorization: {credentials}\r\n"), "")))
}

fn ask_with_password(
    phone: &RawPeer,
    method: &str,
    uri: &str,
    change: &dyn Fn(String) -> String,
) -> anyhow::Result<Answer> {
    phone.ask(&authorized(phone, method, uri, change)?)
}

/// `sip_refused_total{reason}`.
fn refused(api: &Api, reason: &str) -> anyhow::Result<u64> {
    let (_, text) = api.call("GET", "/metrics", None)?;
    let start = format!("sip_refused_total{{reason=\"{reason}\"}} ");
    let count =
        text.lines().find_map(|line| line.strip_prefix(&start)).with_context(|| format!("{start} in {text}"))?;
    Ok(count.parse()?)
}
