//! Every retry has a budget, and every fork its end: who answers strangely does not keep the server busy.

use std::collections::{BTreeSet, HashSet};
use std::io::ErrorKind;
use std::net::{TcpListener, UdpSocket};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use rfc_tests::coverage::covers;
use rfc_tests::deadline::wait_for;
use rfc_tests::dns::{NameServer, Record, Zone};
use rfc_tests::raw::header;
use rfc_tests::raw_phone::RawPhone;
use rfc_tests::scratch::own_address;
use rfc_tests::server::Server;
use serde_json::json;

/// So long without a further try is the end of trying.
const QUIET: Duration = Duration::from_secs(2);

/// Answers each INVITE (or REGISTER) of another Call-ID and CSeq, until there are no more; gives how many there were.
fn answered(
    pbx: &mut RawPhone,
    method: &str,
    answer: impl Fn(usize) -> (&'static str, String),
) -> anyhow::Result<usize> {
    let mut seen = HashSet::new();
    let begun = Instant::now();
    let mut last = Instant::now();
    while last.elapsed() < QUIET && begun.elapsed() < Duration::from_secs(20) {
        let Ok(request) = pbx.expect(method) else { break };
        let id = format!("{:?} {:?}", header(&request, "Call-ID"), header(&request, "CSeq"));
        let (status, extra) = answer(seen.len());
        pbx.answer(&request, status, &extra, "")?;
        if seen.insert(id) {
            last = Instant::now();
        }
    }
    Ok(seen.len())
}

/// AST-2020-002: a new nonce for each INVITE, and Asterisk asked for ever.
#[test]
fn whoever_is_never_satisfied_is_not_asked_for_ever() -> anyhow::Result<()> {
    let claim = covers(["A-16"]).pending();
    let server = Server::start()?;
    let api = server.api()?;
    api.post("/conferences", json!({ "number": "3001", "access": "accounts" }))?;
    let mut pbx = RawPhone::guest_at(&server, "pbx", own_address())?;
    let trunk = json!({
        "name": "pstn", "host": pbx.socket()?.to_string(), "username": "us", "password": "geheim", "realm": "carrier",
        "options_seconds": 0,
    });
    api.post("/trunks", trunk)?;
    let challenge = |name: &str, number: usize| {
        format!("{name}: Digest realm=\"carrier\", nonce=\"n{number}\", stale=true, qop=\"auth\"\r\n")
    };
    let call = |number: usize| {
        api.post("/conferences/3001/participants", json!({ "address": format!("tel:+3905577{number}") }))
    };
    call(1)?;
    let asked = answered(&mut pbx, "INVITE", |number| {
        ("407 Proxy Authentication Required", challenge("Proxy-Authenticate", number))
    })?;
    ensure!((2..=3).contains(&asked), "a challenge that never ends was answered {asked} times");
    call(2)?;
    let asked = answered(&mut pbx, "INVITE", |number| {
        ("422 Session Interval Too Small", format!("Min-SE: {}\r\n", 2000 + number))
    })?;
    ensure!((2..=4).contains(&asked), "an interval that is never long enough was raised {asked} times");
    call(3)?;
    let elsewhere = format!("Contact: <sip:x@{}>\r\n", pbx.socket()?);
    let asked = answered(&mut pbx, "INVITE", |_| ("302 Moved Temporarily", elsewhere.clone()))?;
    ensure!(asked == 1, "a redirection was followed: {asked}");
    call(4)?;
    let asked = answered(&mut pbx, "INVITE", |_| ("491 Request Pending", String::new()))?;
    ensure!(asked == 1, "{asked}");

    let mut registrar = RawPhone::guest_at(&server, "registrar", own_address())?;
    let trunk = json!({
        "name": "carrier", "host": registrar.socket()?.to_string(), "username": "us", "password": "geheim",
        "register": true, "options_seconds": 0,
    });
    api.post("/trunks", trunk)?;
    let asked =
        answered(&mut registrar, "REGISTER", |number| ("401 Unauthorized", challenge("WWW-Authenticate", number)))?;
    ensure!((2..=3).contains(&asked), "{asked} REGISTERs");
    claim.proven();
    Ok(())
}

/// RFC 3263 §4.3: the next server, and the next, and not all that a name can list.
#[test]
fn of_endless_servers_few_are_tried() -> anyhow::Result<()> {
    let claim = covers(["A-16"]).pending();
    let host = own_address();
    let servers = (0..24).map(|_| UdpSocket::bind((host, 0))).collect::<std::io::Result<Vec<_>>>()?;
    let mut zone = Zone::default().with("a.example", Record::Address(host.into()));
    for socket in &servers {
        socket.set_nonblocking(true)?;
        zone = zone.with("_sip._udp.many.example", Record::Srv(0, 0, socket.local_addr()?.port(), "a.example".into()));
    }
    let names = NameServer::start(zone)?;
    let server = Server::start_with(&[&format!("sip.name-servers=[\"{}\"]", names.address)])?;
    let api = server.api()?;
    api.post("/conferences", json!({ "number": "3001", "access": "accounts" }))?;
    api.post("/conferences/3001/participants", json!({ "address": "sip:x@many.example" }))?;
    let mut tried = HashSet::new();
    let (mut last, mut octets) = (Instant::now(), [0; 65_536]);
    while last.elapsed() < QUIET {
        for socket in &servers {
            let (count, from) = match socket.recv_from(&mut octets) {
                Ok(received) => received,
                Err(error) if error.kind() == ErrorKind::WouldBlock => continue,
                Err(error) => return Err(error.into()),
            };
            let text = String::from_utf8_lossy(&octets[..count]).into_owned();
            if !text.starts_with("INVITE ") {
                continue;
            }
            let of = |name: &str| header(&text, name).unwrap_or_default();
            let answer = format!(
                "SIP/2.0 503 Service Unavailable\r\nVia: {}\r\nFrom: {}\r\nTo: {};tag=t\r\nCall-ID: {}\r\nCSeq: {}\r\n\
                 Content-Length: 0\r\n\r\n",
                of("Via"),
                of("From"),
                of("To"),
                of("Call-ID"),
                of("CSeq")
            );
            socket.send_to(answer.as_bytes(), from)?;
            tried.insert(socket.local_addr()?);
            last = Instant::now();
        }
        std::thread::sleep(Duration::from_millis(5)); // between two looks at all of them
    }
    ensure!((2..=16).contains(&tried.len()), "{} servers were tried", tried.len());
    api.wait_for_state("3001", "disconnected", 1, Duration::from_secs(5))?;
    claim.proven();
    Ok(())
}

/// AST-2021-009: the connection went away while its handshake went on.
#[test]
fn a_connection_that_ends_in_its_handshake_ends_only_the_call() -> anyhow::Result<()> {
    let claim = covers(["A-16"]).pending();
    let server = Server::start()?;
    let api = server.api()?;
    api.post("/conferences", json!({ "number": "3001", "access": "accounts" }))?;
    let listener = TcpListener::bind((own_address(), 0))?;
    let host = listener.local_addr()?;
    std::thread::spawn(move || {
        // At once, after a moment, and after some of the hello was read.
        for (number, stream) in listener.incoming().flatten().enumerate() {
            if number % 3 > 0 {
                std::thread::sleep(Duration::from_millis(20 * number as u64 % 60)); // somewhere within the handshake
            }
            if number % 3 == 2 {
                drop(std::io::Read::read(&mut &stream, &mut [0; 40]));
            }
        }
    });
    for number in 0..20 {
        let address = format!("sips:x{number}@{host}");
        api.post("/conferences/3001/participants", json!({ "address": address }))?;
    }
    api.wait_for_state("3001", "disconnected", 20, Duration::from_secs(20))?;
    wait_for("the end of all transactions", Duration::from_secs(40), || {
        (api.metric("sip_transactions").ok()? == 0.0 && api.metric("sip_dialogs").ok()? == 0.0).then_some(())
    })?;
    ensure!(!server.log().contains("panicked"));
    claim.proven();
    Ok(())
}

/// CVE-2022-23608: one INVITE, three phones, two that answer at once and one that rings: nothing of them is left.
#[test]
fn forks_leave_nothing_behind() -> anyhow::Result<()> {
    let claim = covers(["A-19"]).pending();
    const ROUNDS: usize = 30;
    let server = Server::start_with(&["sip.t1=200ms", "log.level=info"])?;
    let api = server.api()?;
    let mut bob = RawPhone::new(&server, &api, "bob")?;
    let mut phones = vec![RawPhone::new(&server, &api, "alice")?];
    for _ in 0..2 {
        phones.push(RawPhone::guest_at(&server, "alice", own_address())?);
    }
    phones.iter_mut().try_for_each(RawPhone::register)?;
    let address = phones[0].address();
    let mut levels = Vec::new();
    for round in 0..ROUNDS {
        std::thread::scope(|scope| -> anyhow::Result<()> {
            let called: Vec<_> = phones
                .iter_mut()
                .enumerate()
                .map(|(place, phone)| scope.spawn(move || if place < 2 { answers(phone) } else { rings(phone) }))
                .collect();
            let mut dialog = bob.join(&address)?;
            ensure!(bob.ask_in(&mut dialog, "BYE", "")?.status() == 200);
            for phone in called {
                phone
                    .join()
                    .map_err(|_| anyhow::anyhow!("a phone panicked"))?
                    .with_context(|| format!("round {round}"))?;
            }
            Ok(())
        })?;
        if round % 10 == 9 {
            wait_for("the end of all transactions and calls", Duration::from_secs(30), || {
                (api.metric("sip_transactions").ok()? == 0.0 && api.metric("sip_dialogs").ok()? == 0.0).then_some(())
            })?;
            levels.push(api.metric("memory_in_use_bytes")?);
        }
    }
    ensure!(api.metric("media_legs")? == 0.0, "a leg is left");
    println!("in use after each third: {levels:?}");
    // The ladders of these calls, which are kept, and what the allocator rounds up.
    ensure!(levels[2] < levels[0] + 3.0 * 1024.0 * 1024.0, "{levels:?}");
    ensure!(!server.log().contains("panicked"));
    claim.proven();
    Ok(())
}

/// A call that was not answered yet: what is said again is not taken for another. Each phone's has a Call-ID of its own.
fn new_call(phone: &mut RawPhone) -> anyhow::Result<String> {
    static SEEN: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());
    loop {
        let invite = phone.expect("INVITE")?;
        let id = header(&invite, "Call-ID").unwrap_or_default().to_owned();
        if SEEN.lock().unwrap_or_else(PoisonError::into_inner).insert(id) {
            return Ok(invite);
        }
    }
}

fn answers(phone: &mut RawPhone) -> anyhow::Result<()> {
    let invite = new_call(phone)?;
    let sdp = phone.sdp()?;
    phone.answer(&invite, "200 OK", "", &sdp)?;
    phone.expect("ACK")?;
    phone.is_hung_up()?;
    Ok(())
}

fn rings(phone: &mut RawPhone) -> anyhow::Result<()> {
    let invite = new_call(phone)?;
    phone.answer(&invite, "180 Ringing", "", "")?;
    let cancel = phone.expect("CANCEL")?;
    phone.answer(&cancel, "200 OK", "", "")?;
    phone.answer(&invite, "487 Request Terminated", "", "")?;
    phone.expect("ACK")?;
    Ok(())
}
