//! Attacks on the SIP port, each from loopback addresses of its own: what they reach, and who is still served.

mod abuse;
mod ladder;
mod limits;
mod mutants;
mod soak;

use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
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

/// RFC 3261 §26.3.2.4: thousands a second from one address, and the others do not notice.
#[test]
fn a_flood_from_one_address_harms_nobody_else() -> anyhow::Result<()> {
    let claim = covers(["S-05"]).but("measured by OPTIONS of another, not by the memory and 99 % of calls").pending();
    let server = Server::start_with(&["security.address-rate=20", "log.level=info"])?;
    let (attacker, phone) = (RawPeer::at(&server, (own_address(), 0))?, RawPeer::new(&server)?);
    let request = attacker.request("OPTIONS", &format!("sip:{}", server.address), "", "");
    let (is_under_way, is_over) = (AtomicBool::new(false), AtomicBool::new(false));
    let (under_way, over) = (&is_under_way, &is_over);
    let slowest = std::thread::scope(|scope| {
        scope.spawn(move || {
            for number in 0_u32.. {
                // Each a request of its own, as far as the server can tell.
                let packet = request.replace("branch=z9hG4bK", &format!("branch=z9hG4bK{number}"));
                under_way.store(number > 500, Relaxed);
                if over.load(Relaxed) || attacker.send(packet.as_bytes()).is_err() {
                    return;
                }
            }
        });
        while !is_under_way.load(Relaxed) {
            std::thread::yield_now();
        }
        let slowest = (0..20).map(|_| {
            let asked = Instant::now();
            phone.ping().map(|()| asked.elapsed())
        });
        let slowest = slowest.collect::<anyhow::Result<Vec<_>>>();
        is_over.store(true, Relaxed);
        slowest
    })?;
    let slowest = slowest.into_iter().max().unwrap_or_default();
    let dropped = refused(&server.api()?, "address")?;
    println!("{dropped} dropped; the slowest OPTIONS of another took {slowest:?}");
    ensure!(dropped > 200, "only {dropped} dropped");
    ensure!(slowest < Duration::from_millis(500), "an OPTIONS took {slowest:?}");
    claim.proven();
    Ok(())
}

/// Whoever forges the address of a victim reaches it with at most twice what he spends.
#[test]
fn answers_to_strangers_are_at_most_twice_as_long_as_their_questions() -> anyhow::Result<()> {
    let claim = covers(["S-06"]).but("STUN, which the SIP port does not answer").pending();
    let server = Server::start()?;
    server.api()?.post("/accounts", json!({ "name": "alice", "password": PASSWORD }))?;
    for method in ["OPTIONS", "REGISTER", "INVITE", "SUBSCRIBE", "DANCE", "BYE"] {
        let peer = RawPeer::at(&server, (own_address(), 0))?;
        let local = peer.address()?;
        // As short as the grammar allows, compact forms included.
        let request = format!(
            "{method} sip:alice@{0} SIP/2.0\r\nv:SIP/2.0/UDP {local};rport;branch=z9hG4bK{method}\r\nf:<sip:a@b>;tag=1\r\n\
             t:<sip:alice@{0}>\r\ni:{method}\r\nCSeq:1 {method}\r\nm:<sip:a@{local}>\r\nMax-Forwards:9\r\n\r\n",
            server.address
        );
        peer.send(request.as_bytes())?;
        let mut received = 0;
        let give_up = Instant::now() + Duration::from_secs(2);
        while let Some(text) = peer.receive(give_up.saturating_duration_since(Instant::now()))? {
            received += text.len();
        }
        println!("{method}: {} octets bring {received}", request.len());
        ensure!(received <= 2 * request.len(), "{method}: {} octets bring {received}", request.len());
    }
    claim.proven();
    Ok(())
}

/// What a phone of ordinary size asks is answered at once, and a challenge comes once, not until the ACK.
#[test]
fn a_challenge_comes_once_for_each_time_it_is_asked_for() -> anyhow::Result<()> {
    let claim = covers(["S-07"]).but("the 200 of an open conference is repeated until its ACK").pending();
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
    let claim = covers(["S-07"]).but("who asked is not asked for a password: the conference is open").pending();
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

/// Who has an account cannot be found out by asking: the same words, after the same time.
#[test]
fn accounts_and_nobody_look_alike() -> anyhow::Result<()> {
    let claim = covers(["S-01", "A-26"]).but("two names many times, not a thousand names").pending();
    const ROUNDS: usize = 60;
    let server = Server::start_with(&["log.level=info"])?;
    server.api()?.post("/accounts", json!({ "name": "alice", "password": PASSWORD }))?;
    let peer = RawPeer::new(&server)?;
    for method in ["REGISTER", "INVITE", "OPTIONS"] {
        let ask = |user: &str| -> anyhow::Result<(Vec<String>, Duration)> {
            let uri = format!("sip:{user}@{}", server.address);
            let asked = Instant::now();
            let answer = peer.ask(&peer.request(method, &uri, "", ""))?;
            Ok((shape(&answer), asked.elapsed()))
        };
        let (mut known, mut unknown) = (Vec::new(), Vec::new());
        for _ in 0..ROUNDS {
            let (alice, nobody) = (ask("alice")?, ask("nobdy")?);
            ensure!(alice.0 == nobody.0, "{method}: {:?} and {:?}", alice.0, nobody.0);
            known.push(alice.1);
            unknown.push(nobody.1);
        }
        known.sort();
        unknown.sort();
        let (known, unknown) =
            (known[ROUNDS / 4..ROUNDS * 3 / 4].to_vec(), unknown[ROUNDS / 4..ROUNDS * 3 / 4].to_vec());
        println!("{method}: {:?}–{:?} and {:?}–{:?}", known[0], known.last(), unknown[0], unknown.last());
        // The middle halves of the two distributions overlap.
        ensure!(known.first() <= unknown.last() && unknown.first() <= known.last(), "{method}: {known:?} {unknown:?}");
    }
    claim.proven();
    Ok(())
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

/// All that could tell one answer from another: status, headers in order, and how long each is.
fn shape(answer: &Answer) -> Vec<String> {
    let lines = answer.0.split("\r\n");
    let own = ["Via", "From", "To", "Call-ID", "CSeq"];
    lines
        .map(|line| match line.split_once(": ") {
            Some((name, _)) if own.contains(&name) => name.to_owned(),
            Some((name, value)) => format!("{name}: {}", value.len()),
            None => line.to_owned(),
        })
        .collect()
}

/// `sip_refused_total{reason}`.
fn refused(api: &Api, reason: &str) -> anyhow::Result<u64> {
    let (_, text) = api.call("GET", "/metrics", None)?;
    let start = format!("sip_refused_total{{reason=\"{reason}\"}} ");
    let count =
        text.lines().find_map(|line| line.strip_prefix(&start)).with_context(|| format!("{start} in {text}"))?;
    Ok(count.parse()?)
}
