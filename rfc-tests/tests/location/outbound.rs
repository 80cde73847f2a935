//! RFC 5626: phones that are reached down the flow they opened, and nowhere else.

use std::net::UdpSocket;
use std::thread::scope;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use rfc_tests::api::Api;
use rfc_tests::coverage::covers;
use rfc_tests::deadline::{accept, wait_for};
use rfc_tests::raw::{Answer, RawStream, header, request};
use rfc_tests::raw_phone::RawPhone;
use rfc_tests::server::Server;

use super::{all, register, registered, with};

const AT_ONCE: Duration = Duration::from_millis(400);
const OUTBOUND: &str = "Supported: outbound\r\n";

fn flow(number: u32) -> String {
    format!(";+sip.instance=\"<urn:uuid:1>\";reg-id={number}")
}

fn started(settings: &[&str]) -> anyhow::Result<(Server, Api, RawPhone)> {
    let server = Server::start_with(settings)?;
    let api = server.api()?;
    let bob = RawPhone::new(&server, &api, "bob")?;
    Ok((server, api, bob))
}

fn call_to_alice(bob: &mut RawPhone) -> anyhow::Result<Answer> {
    let alice = bob.address().replace("bob", "alice");
    Ok(bob.ask(bob.request("INVITE", &alice, "", &bob.sdp()?))?.1)
}

/// §6.
#[test]
fn instance_and_reg_id_name_a_binding_whatever_its_contact() -> anyhow::Result<()> {
    let claim = covers(["5626-01"]).pending();
    let (server, api, _) = started(&[])?;
    let mut old = RawPhone::new(&server, &api, "alice")?;
    let first = registered(&mut old, &flow(1), OUTBOUND)?;
    ensure!(first.header("Require") == Some("outbound"), "{}", first.0);
    // The same phone from another port: its flow 1 is replaced, its flow 2 comes beside it.
    let mut new = RawPhone::guest(&server, "alice")?;
    let second = registered(&mut new, &flow(1), OUTBOUND)?;
    let contacts = all(&second.0, "Contact");
    ensure!(contacts.len() == 1 && contacts[0].contains(&new.contact()?), "{}", second.0);
    let third = registered(&mut old, &flow(2), OUTBOUND)?;
    ensure!(all(&third.0, "Contact").len() == 2, "{}", third.0);
    // A reg-id without instance, or of a phone that does not ask for outbound, says nothing.
    for (contact, extra) in [(";reg-id=1", OUTBOUND), (&*flow(1), "")] {
        let mut other = RawPhone::guest(&server, "alice")?;
        let before = all(&registered(&mut old, &flow(2), OUTBOUND)?.0, "Contact").len();
        let ignored = registered(&mut other, contact, extra)?;
        ensure!(ignored.header("Require").is_none(), "{}", ignored.0);
        ensure!(all(&ignored.0, "Contact").len() == before + 1, "it replaced none: {}", ignored.0);
    }
    claim.proven();
    Ok(())
}

/// §5.3 and §7: one flow of a phone at a time, the newest; a failed one is not the end of the call.
#[test]
fn a_call_goes_down_the_newest_flow_and_down_the_next_when_that_fails() -> anyhow::Result<()> {
    let claim = covers(["5626-02"]).pending();
    let (server, api, mut bob) = started(&[])?;
    let elsewhere = UdpSocket::bind(("127.0.0.1", 0))?;
    elsewhere.set_read_timeout(Some(AT_ONCE))?;
    let contact = format!("<sip:alice@{}>", elsewhere.local_addr()?);
    let mut older = RawPhone::new(&server, &api, "alice")?;
    let mut newer = RawPhone::guest(&server, "alice")?;
    for (phone, number) in [(&mut older, 1), (&mut newer, 2)] {
        let wish = register(phone, "", OUTBOUND)?;
        let answer = phone.ask(with(&wish, "Contact", &format!("{contact}{}", flow(number))))?.1;
        ensure!(answer.status() == 200, "{}", answer.0);
    }
    scope(|scope| -> anyhow::Result<()> {
        let call = scope.spawn(|| call_to_alice(&mut bob));
        let by_newer = newer.expect("INVITE")?;
        older.expect_no("INVITE", AT_ONCE)?;
        newer.answer(&by_newer, "430 Flow Failed", "", "")?;
        let by_older = older.expect("INVITE")?;
        older.answer(&by_older, "486 Busy Here", "", "")?;
        let answer = call.join().unwrap_or_else(|_| anyhow::bail!("the caller panicked"))?;
        ensure!(answer.status() == 486, "{}", answer.0);
        Ok(())
    })?;
    // What a person says is no failure of the flow; and 430 is nobody's but ours.
    for (said, heard, tries) in [("486 Busy Here", 486, 1), ("430 Flow Failed", 480, 2)] {
        scope(|scope| -> anyhow::Result<()> {
            let call = scope.spawn(|| call_to_alice(&mut bob));
            for phone in [&mut newer, &mut older].into_iter().take(tries) {
                let invite = phone.expect("INVITE")?;
                phone.answer(&invite, said, "", "")?;
            }
            let answer = call.join().unwrap_or_else(|_| anyhow::bail!("the caller panicked"))?;
            ensure!(answer.status() == heard, "{}", answer.0);
            older.expect_no("INVITE", AT_ONCE)
        })?;
    }
    // A flow that is gone is no way, and nothing is opened to where its Contact says.
    let listener = std::net::TcpListener::bind(("127.0.0.1", 0))?;
    listener.set_nonblocking(true)?;
    let mut newest = RawStream::connect(&server)?;
    let named = listener.local_addr()?.to_string();
    register_naming(&named, &mut newest, &mut RawPhone::guest(&server, "alice")?, &flow(3))?;
    drop(newest);
    scope(|scope| -> anyhow::Result<()> {
        let call = scope.spawn(|| call_to_alice(&mut bob));
        let invite = newer.expect("INVITE")?;
        newer.answer(&invite, "486 Busy Here", "", "")?;
        let answer = call.join().unwrap_or_else(|_| anyhow::bail!("the caller panicked"))?;
        ensure!(answer.status() == 486, "{}", answer.0);
        Ok(())
    })?;
    ensure!(listener.accept().is_err(), "the Contact of a flow that is gone was connected to");
    ensure!(elsewhere.recv(&mut [0; 2048]).is_err(), "the Contact address was asked");
    claim.proven();
    Ok(())
}

/// A registration over TCP; gives its 200. The Contact names the connection's own address.
fn register_by(stream: &mut RawStream, phone: &mut RawPhone, contact: &str) -> anyhow::Result<Answer> {
    let local = stream.local()?;
    register_naming(&local, stream, phone, contact)
}

/// The same with another address in its Contact.
fn register_naming(at: &str, stream: &mut RawStream, phone: &mut RawPhone, contact: &str) -> anyhow::Result<Answer> {
    let by_tcp = |text: &str| text.replacen("SIP/2.0/UDP ", "SIP/2.0/TCP ", 1);
    let wish = register(phone, "", OUTBOUND)?;
    let wish = by_tcp(&with(&wish, "Contact", &format!("<sip:alice@{at};transport=tcp>{contact}")));
    stream.send(wish.as_bytes())?;
    let complete = |read: &str| read.contains("\r\n\r\n");
    let challenge = Answer(stream.read_until(complete)?);
    let again = phone.with_credentials(&wish, &challenge, 1)?;
    stream.send(again.as_bytes())?;
    let answer = Answer(stream.read_until(complete)?);
    ensure!(answer.status() == 200, "{}", answer.0);
    Ok(answer)
}

/// §4.4: who is told a Flow-Timer and stays silent loses the flow and the binding with it; who pings keeps both.
#[test]
fn a_silent_flow_ends_after_its_timer_and_some_slack() -> anyhow::Result<()> {
    let claim = covers(["5626-06"]).pending();
    let (server, api, _) = started(&["sip.flow-timer=2s"])?;
    let mut phone = RawPhone::new(&server, &api, "alice")?;
    let (mut alive, mut silent) = (RawStream::connect(&server)?, RawStream::connect(&server)?);
    let mut plain = RawStream::connect(&server)?;
    let told = register_by(&mut alive, &mut phone, &flow(1))?;
    ensure!(told.header("Flow-Timer") == Some("2"), "{}", told.0);
    register_by(&mut silent, &mut phone, &flow(2))?;
    let begun = Instant::now();
    let untold = register_by(&mut plain, &mut phone, "")?;
    ensure!(untold.header("Flow-Timer").is_none(), "{}", untold.0);
    // Pings every half second, for as long as the other one lives.
    let ended = wait_for("the end of the silent flow", Duration::from_secs(8), || {
        let pong = alive.send(b"\r\n\r\n").and_then(|()| alive.read_within(Duration::from_millis(500), |_| false));
        if !matches!(pong.as_deref(), Ok("\r\n")) {
            return Some(Err(anyhow::anyhow!("no pong: {pong:?}")));
        }
        let bound = api.get("/accounts/alice/registrations").ok()?;
        let count = bound["items"].as_array().or(bound.as_array()).map_or(0, Vec::len);
        (count < 3).then(|| Ok(count))
    })??;
    ensure!(ended == 2, "{ended} are left");
    ensure!(begun.elapsed() >= Duration::from_secs(2), "too soon: {:?}", begun.elapsed());
    ensure!(silent.read_until(|_| false)?.is_empty(), "closed");
    let bound = api.get("/accounts/alice/registrations")?.to_string();
    for kept in [&alive, &plain] {
        ensure!(bound.contains(&kept.local()?), "{bound}");
    }
    claim.proven();
    Ok(())
}

/// §4.4 where the flow is one of datagrams: any of them is a sign of life.
#[test]
fn over_udp_a_silent_flow_ends_too() -> anyhow::Result<()> {
    let claim = covers(["5626-06"]).pending();
    let (server, api, _) = started(&["sip.flow-timer-udp=2s", "sip.flow-timer=1h"])?;
    let mut alive = RawPhone::new(&server, &api, "alice")?;
    let (mut by_stun, mut silent) = (RawPhone::guest(&server, "alice")?, RawPhone::guest(&server, "alice")?);
    let mut plain = RawPhone::guest(&server, "alice")?;
    for (phone, number) in [(&mut alive, 1), (&mut by_stun, 2), (&mut silent, 3)] {
        let told = registered(phone, &flow(number), OUTBOUND)?;
        ensure!(told.header("Flow-Timer") == Some("2"), "{}", told.0);
    }
    let begun = Instant::now();
    let untold = registered(&mut plain, "", "")?;
    ensure!(untold.header("Flow-Timer").is_none(), "{}", untold.0);
    let bound = || Some(api.get("/accounts/alice/registrations").ok()?.to_string());
    ensure!(bound().is_some_and(|bound| silent.contact().is_ok_and(|contact| bound.contains(&contact))));
    wait_for("the end of the silent flow", Duration::from_secs(8), || {
        alive.send("\r\n\r\n").and_then(|()| by_stun.asks_stun()).ok()?;
        bound().filter(|bound| silent.contact().is_ok_and(|contact| !bound.contains(&contact))).map(drop)
    })?;
    ensure!(begun.elapsed() >= Duration::from_secs(2), "too soon: {:?}", begun.elapsed());
    let bound = bound().context("registrations")?;
    for kept in [&alive, &by_stun, &plain] {
        ensure!(bound.contains(&kept.contact()?), "{bound}");
    }
    claim.proven();
    Ok(())
}

/// §5 and §6, as far as a registrar owes it: an edge proxy between that does not keep the flow (no `ob` in its Path) is no
/// way for outbound, and the phone hears so; one that does is. What is in the proxy's flow token is the proxy's own: it
/// comes back in the Route to the letter, and this server, which is no edge proxy, makes none.
#[test]
fn a_first_hop_without_outbound_is_named_and_the_token_of_one_with_it_comes_back() -> anyhow::Result<()> {
    let claim =
        covers(["5626-05"]).but("tokens are made and checked by edge proxies, which this server is not").pending();
    let (server, api, mut bob) = started(&[])?;
    // The test is the edge proxy, too: its Via is the upper one.
    let mut edge = RawPhone::new(&server, &api, "alice")?;
    let socket = edge.socket()?;
    let token = format!("<sip:VskztcQ%2FS8p4WPbOnHbuyh5iJvJIW3ib@{socket};lr;ob>");
    let behind = "Via: SIP/2.0/UDP 10.0.0.1:5060;branch=z9hG4bKphone\r\nMax-Forwards: 70";
    let forwarded = |phone: &RawPhone, path: &str, contact: &str| -> anyhow::Result<String> {
        let wish = register(phone, contact, &format!("{path}Supported: path, outbound\r\n"))?;
        Ok(wish.replacen("Max-Forwards: 70", behind, 1))
    };
    for path in [String::new(), format!("Path: <sip:{socket};lr>\r\n")] {
        let lacking = forwarded(&edge, &path, &flow(1))?;
        let refused = edge.ask(lacking)?.1;
        ensure!(refused.status() == 439, "{path}: {}", refused.0);
        // Who asks for no flow is registered by any proxy.
        let plain = forwarded(&edge, &path, "")?;
        let taken = edge.ask(plain)?.1;
        ensure!(taken.status() == 200 && taken.header("Require").is_none(), "{path}: {}", taken.0);
    }
    let removal = edge.request("REGISTER", &format!("sip:{}", server.address), "Expires: 0\r\n", "");
    let removal = with(&with(&removal, "To", &format!("<{}>", edge.address())), "Contact", "*");
    ensure!(edge.ask(removal)?.1.status() == 200);
    let good = forwarded(&edge, &format!("Path: {token}\r\n"), &flow(1))?;
    let taken = edge.ask(good)?.1;
    ensure!(taken.status() == 200 && taken.header("Require") == Some("outbound"), "{}", taken.0);
    ensure!(taken.header("Flow-Timer").is_none(), "the flow is the proxy's to watch: {}", taken.0);
    scope(|scope| -> anyhow::Result<()> {
        let call = scope.spawn(|| call_to_alice(&mut bob));
        let invite = edge.expect("INVITE")?;
        ensure!(header(&invite, "Route") == Some(&*token), "{invite}");
        // What a proxy says whose token was tampered with.
        edge.answer(&invite, "403 Forbidden", "", "")?;
        let answer = call.join().unwrap_or_else(|_| anyhow::bail!("the caller panicked"))?;
        ensure!((400..500).contains(&answer.status()), "{}", answer.0);
        Ok(())
    })?;
    claim.proven();
    Ok(())
}

/// RFC 3261 §18.1.1: a phone that registered by UDP gets a long INVITE over a connection, where it takes one.
#[test]
fn a_long_invite_goes_over_tcp_and_back_to_udp_where_nobody_listens() -> anyhow::Result<()> {
    let claim = covers(["3261-19", "T-24"]).pending();
    let (server, api, mut bob) = started(&[])?;
    let mut alice = RawPhone::new(&server, &api, "alice")?;
    registered(&mut alice, "", "")?;
    // Far more than 1300 octets with what the caller has to say.
    let long = format!("Reason: SIP;cause=200;text=\"{}\"\r\n", "x".repeat(10));
    let long_name = "n".repeat(1200);
    let call = |bob: &mut RawPhone, name: &str| -> anyhow::Result<Answer> {
        let invite = bob.request("INVITE", &bob.address().replace("bob", "alice"), &long, &bob.sdp()?);
        Ok(bob.ask(invite.replacen("From: <", &format!("From: \"{name}\" <"), 1))?.1)
    };
    scope(|scope| -> anyhow::Result<()> {
        let by_udp = scope.spawn(|| call(&mut bob, &long_name));
        let invite = alice.expect("INVITE")?;
        ensure!(invite.len() > 1300 && invite.contains("SIP/2.0/UDP "), "{invite}");
        alice.answer(&invite, "486 Busy Here", "", "")?;
        by_udp.join().unwrap_or_else(|_| anyhow::bail!("the caller panicked"))?;
        Ok(())
    })?;
    // Another phone, which takes connections.
    let mut carol = RawPhone::new(&server, &api, "carol")?;
    registered(&mut carol, "", "")?;
    let at = carol.contact()?;
    let listener = std::net::TcpListener::bind(at.rsplit('@').next().context("an address")?)?;
    scope(|scope| -> anyhow::Result<()> {
        let caller = scope.spawn(|| {
            let invite = bob.request("INVITE", &bob.address().replace("bob", "carol"), "", &bob.sdp()?);
            Ok(bob.ask(invite.replacen("From: <", &format!("From: \"{long_name}\" <"), 1))?.1)
        });
        let mut stream = RawStream::of(accept(&listener, Duration::from_secs(5))?)?;
        let invite = stream.read_until(|read| read.contains("m=audio"))?;
        ensure!(
            invite.starts_with("INVITE ") && header(&invite, "Via").is_some_and(|via| via.contains("/TCP ")),
            "{invite}"
        );
        let of = |name: &str| header(&invite, name).unwrap_or_default();
        let busy = format!(
            "SIP/2.0 486 Busy Here\r\nVia: {}\r\nFrom: {}\r\nTo: {};tag=1\r\nCall-ID: {}\r\nCSeq: {}\r\nContent-Length: 0\r\n\r\n",
            of("Via"),
            of("From"),
            of("To"),
            of("Call-ID"),
            of("CSeq")
        );
        stream.send(busy.as_bytes())?;
        let answer: Answer = caller.join().unwrap_or_else(|_| anyhow::bail!("the caller panicked"))?;
        ensure!(answer.status() == 486, "{}", answer.0);
        carol.expect_no("INVITE", AT_ONCE)?;
        Ok(())
    })?;
    // What is short goes by datagram, whoever listens.
    scope(|scope| -> anyhow::Result<()> {
        let caller = scope.spawn(|| {
            let invite = bob.request("INVITE", &bob.address().replace("bob", "carol"), "", "");
            Ok(bob.ask(invite)?.1)
        });
        let invite = carol.expect("INVITE")?;
        carol.answer(&invite, "486 Busy Here", "", "")?;
        let answer: Answer = caller.join().unwrap_or_else(|_| anyhow::bail!("the caller panicked"))?;
        ensure!(invite.len() < 1300 && answer.status() == 486, "{}: {}", invite.len(), answer.0);
        Ok(())
    })?;
    claim.proven();
    Ok(())
}

/// §4.4.1 and §5.4, RFC 3261 §7.5.
#[test]
fn a_double_crlf_gets_one_crlf_and_empty_lines_before_a_message_are_passed_over() -> anyhow::Result<()> {
    let claim = covers(["5626-03"]).pending();
    let server = Server::start()?;
    let uri = format!("sip:{}", server.address);
    let mut stream = RawStream::connect(&server)?;
    stream.send(b"\r\n\r\n")?;
    ensure!(stream.read_within(AT_ONCE, |_| false)? == "\r\n", "exactly one");
    // Not a ping before a message: one line alone, or more before the next request.
    let options = request("TCP", &stream.local()?, "OPTIONS", &uri, "", "");
    stream.send(format!("\r\n{options}").as_bytes())?;
    let answer = stream.read_until(|read| read.contains("\r\n\r\n"))?;
    ensure!(answer.starts_with("SIP/2.0 200 "), "{answer}");
    stream.send(b"\r\n\r\n")?;
    ensure!(stream.read_within(AT_ONCE, |_| false)? == "\r\n", "and again between messages");
    let peer = rfc_tests::raw::RawPeer::new(&server)?;
    let padded = peer.request("OPTIONS", &uri, &format!("Subject: {}\r\n", "x".repeat(600)), "");
    peer.send(format!("\r\n\r\n\r\n{padded}").as_bytes())?;
    let answer = peer.receive(Duration::from_secs(3))?.context("an answer by UDP")?;
    ensure!(answer.starts_with("SIP/2.0 200 "), "{answer}");
    peer.send(b"\r\n\r\n")?;
    ensure!(peer.receive(AT_ONCE)?.is_none(), "over UDP nothing answers an empty datagram");
    claim.proven();
    Ok(())
}
