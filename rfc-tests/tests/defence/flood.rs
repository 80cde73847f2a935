//! Floods, and answers to forged addresses: nobody else suffers.

use std::net::UdpSocket;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

use anyhow::ensure;
use rfc_tests::coverage::covers;
use rfc_tests::deadline::wait_for;
use rfc_tests::raw::RawPeer;
use rfc_tests::raw_phone::RawPhone;
use rfc_tests::scratch::own_address;
use rfc_tests::server::Server;
use serde_json::json;

use super::{PASSWORD, refused};

/// Packets a second, of all attackers together.
const PACE: u64 = 50_000;
const CALLS: usize = 100;
/// What a transaction may take while it is kept: its key, what it needs of the request, and the answer that it repeats.
/// 1.2 KiB was measured.
const EACH: f64 = 2.0 * 1024.0;
/// So many strangers' transactions are kept at once, however long the flood: by `security.strangers-rate` 2000 a second
/// and ten seconds' worth at once, each for 32 s (RFC 3261 §17.2.2, timer J).
const KEPT: f64 = 20_000.0 + 2_000.0 * 32.0;
/// What tables and ladders may take meanwhile and afterwards.
const GROWTH: f64 = 16.0 * 1024.0 * 1024.0;

/// RFC 3261 §26.3.2.4: 50 000 a second from those who prove nothing, and the calls of others succeed.
#[test]
fn a_flood_of_strangers_harms_nobody_else() -> anyhow::Result<()> {
    let claim = covers(["S-05"]).pending();
    let server = Server::start_with(&["log.level=error"])?;
    let api = server.api()?;
    api.post("/conferences", json!({ "number": "3001", "access": "accounts" }))?;
    let mut phone = RawPhone::new(&server, &api, "alice")?;
    phone.register()?;
    let uri = format!("sip:3001@{}", server.address);
    // Everything has its size before it is measured.
    one_call(&mut phone, &uri)?;
    let before = api.metric("memory_in_use_bytes")?;
    let attackers = (0..4).map(|_| RawPeer::at(&server, (own_address(), 0))).collect::<anyhow::Result<Vec<_>>>()?;
    let (is_over, sent) = (AtomicBool::new(false), AtomicU64::new(0));
    let (succeeded, slowest, lasted) = std::thread::scope(|scope| {
        let (server, over, count) = (&server, &is_over, &sent);
        scope.spawn(move || flood(server, &attackers, over, count));
        while sent.load(Relaxed) < PACE / 5 && !is_over.load(Relaxed) {
            std::thread::yield_now();
        }
        let begun = Instant::now();
        let times: Vec<_> = (0..CALLS)
            .filter_map(|_| {
                let called = Instant::now();
                one_call(&mut phone, &uri).is_ok().then(|| called.elapsed())
            })
            .collect();
        is_over.store(true, Relaxed);
        (times.len(), times.iter().max().copied().unwrap_or_default(), begun.elapsed())
    });
    let pace = sent.load(Relaxed) as f64 / lasted.as_secs_f64();
    let most = api.metric("memory_in_use_bytes")? - before;
    // What was answered is kept for its repetitions, and then no more.
    wait_for("the end of all transactions", Duration::from_secs(90), || {
        (api.metric("sip_transactions").ok()? == 0.0).then_some(())
    })?;
    let grown = api.metric("memory_in_use_bytes")? - before;
    let dropped = refused(&api, "address")? + refused(&api, "network")? + refused(&api, "strangers")?;
    println!(
        "{pace:.0} packets a second, {} in all, {dropped} dropped; {succeeded} of {CALLS} calls, the slowest in {slowest:?}; memory {most:+} octets, {grown:+} afterwards",
        sent.load(Relaxed)
    );
    ensure!(dropped > 1000, "only {dropped} dropped: was it a flood?");
    ensure!(succeeded * 100 >= 99 * CALLS, "{succeeded} of {CALLS} calls");
    let let_in = (sent.load(Relaxed).saturating_sub(dropped) as f64).min(KEPT);
    ensure!(most < GROWTH + let_in * EACH, "{most} octets more for {let_in} transactions");
    ensure!(grown < GROWTH, "{grown} octets more are left");
    claim.proven();
    Ok(())
}

fn one_call(phone: &mut RawPhone, uri: &str) -> anyhow::Result<()> {
    let mut dialog = phone.join(uri)?;
    ensure!(phone.ask_in(&mut dialog, "BYE", "")?.status() == 200);
    Ok(())
}

/// At an even pace, as long as it is not over.
fn flood(server: &Server, attackers: &[RawPeer], is_over: &AtomicBool, sent: &AtomicU64) {
    let methods = ["INVITE", "REGISTER", "SUBSCRIBE", "OPTIONS"];
    let requests: Vec<_> = attackers
        .iter()
        .flat_map(|attacker| {
            let uri = format!("sip:alice@{}", server.address);
            methods.map(|method| (attacker, attacker.request(method, &uri, "Event: conference\r\n", "")))
        })
        .collect();
    let begun = Instant::now();
    let mut number: u64 = 0;
    while !is_over.load(Relaxed) {
        let due = u64::try_from(begun.elapsed().as_micros()).unwrap_or(u64::MAX).saturating_mul(PACE) / 1_000_000;
        // Who was kept from sending does not make up for more than a moment of it.
        number = number.max(due.saturating_sub(PACE / 100));
        while number < due {
            let (attacker, request) = &requests[usize::try_from(number).unwrap_or_default() % requests.len()];
            // Each a request of its own, as far as the server can tell.
            let packet = request.replacen("branch=z9hG4bK", &format!("branch=z9hG4bK{number}"), 1);
            if attacker.send(packet.as_bytes()).is_ok() {
                sent.fetch_add(1, Relaxed);
            }
            number += 1;
        }
        std::thread::sleep(Duration::from_millis(1)); // the pace of the flood
    }
}

/// Whoever forges the address of a victim reaches it with at most twice what he spends.
#[test]
fn answers_to_strangers_are_at_most_twice_as_long_as_their_questions() -> anyhow::Result<()> {
    let claim = covers(["S-06"]).pending();
    let server = Server::start()?;
    server.api()?.post("/accounts", json!({ "name": "alice", "password": PASSWORD }))?;
    let socket = || UdpSocket::bind((own_address(), 0));
    for method in ["OPTIONS", "REGISTER", "INVITE", "SUBSCRIBE", "REFER", "MESSAGE", "DANCE", "BYE"] {
        let stranger = socket()?;
        let local = stranger.local_addr()?;
        // As short as the grammar allows, compact forms included.
        let request = format!(
            "{method} sip:alice@{0} SIP/2.0\r\nv:SIP/2.0/UDP {local};rport;branch=z9hG4bK{method}\r\nf:<sip:a@b>;tag=1\r\n\
             t:<sip:alice@{0}>\r\ni:{method}\r\nCSeq:1 {method}\r\nm:<sip:a@{local}>\r\nMax-Forwards:9\r\n\r\n",
            server.address
        );
        brings(&server, &stranger, method, request.as_bytes())?;
    }
    let binding = [&[0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42][..], &[7; 12]].concat();
    ensure!(brings(&server, &socket()?, "STUN", &binding)? > 0, "a Binding request is answered");
    let mut with_software = [&binding[..], &[0x80, 0x22, 0, 4], b"xxxx"].concat();
    with_software[3] = 8;
    brings(&server, &socket()?, "STUN with SOFTWARE", &with_software)?;
    for (at, value) in [(0, 0x01), (1, 0x11), (3, 4), (4, 0x22)] {
        let mut broken = binding.clone();
        broken[at] = value;
        ensure!(brings(&server, &socket()?, "what is no Binding request", &broken)? == 0, "octet {at}");
    }
    claim.proven();
    Ok(())
}

/// Octets that one datagram brings within two seconds: at most twice its own.
fn brings(server: &Server, socket: &UdpSocket, what: &str, datagram: &[u8]) -> anyhow::Result<usize> {
    socket.send_to(datagram, server.udp())?;
    let (mut received, mut octets) = (0, [0; 65_536]);
    let give_up = Instant::now() + Duration::from_secs(2);
    loop {
        let left = give_up.saturating_duration_since(Instant::now());
        socket.set_read_timeout(Some(left.max(Duration::from_millis(1))))?;
        match socket.recv(&mut octets) {
            Ok(length) => received += length,
            Err(_) if left.is_zero() => break,
            Err(_) => {}
        }
    }
    println!("{what}: {} octets bring {received}", datagram.len());
    ensure!(received <= 2 * datagram.len(), "{what}: {} octets bring {received}", datagram.len());
    Ok(received)
}
