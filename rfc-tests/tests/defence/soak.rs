//! A million hostile messages: nothing breaks, nothing is kept, and a good phone is answered throughout.
//!
//! Torture messages and the seeds of the fuzz targets, each broken once or more by chance, go by UDP, TCP and WebSocket
//! at once, as fast as they are taken. `SOAK_MESSAGES` says how many (`make soak`: a million), `SOAK_SEED` repeats a run.

use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use rfc_tests::api::Api;
use rfc_tests::coverage::covers;
use rfc_tests::deadline::wait_for;
use rfc_tests::raw::{RawPeer, RawStream, header, request};
use rfc_tests::scratch::own_address;
use rfc_tests::server::Server;
use rfc_tests::stalls::Stalls;
use rfc_tests::websocket::RawWebSocket;
use tokio_tungstenite::tungstenite::Message;

use super::mutants::{Mutants, framed};

const ROUNDS: usize = 10;
/// After the first of them every table and buffer has its size.
const WARM_UP: usize = 2;
/// Between two OPTIONS that prove that all before them were read …
const BATCH: u64 = 32;
/// … or so many octets: fewer than a kernel's buffer holds, else it would lose the OPTIONS of good phones too.
const BATCH_OCTETS: usize = 32 * 1024;
/// TCP connections at once: each broken one costs half a second until it is closed.
const STREAMS: u64 = 8;
/// Growth over the whole run that would not be seen: the memory in use is shown to have grown by less than this, with a
/// confidence of 95 %.
const UNSEEN: f64 = 6.0 * 1024.0 * 1024.0;
/// What of the allocator's own may come on top of that in what the system sees.
const GROWTH_KIB: u64 = 24 * 1024;
/// One-sided 95 % of Student's t, for 8 rounds: 6 degrees of freedom.
const STUDENT: f64 = 1.943;
const T1: Duration = Duration::from_millis(500);

#[test]
fn hostile_messages_break_nothing_and_leave_nothing() -> anyhow::Result<()> {
    let claim = covers(["A-09", "A-10", "A-13", "A-21", "A-22"]).pending();
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    let count = number("SOAK_MESSAGES").unwrap_or(50_000);
    let seed = number("SOAK_SEED").unwrap_or(4475);
    println!("{count} messages, SOAK_SEED={seed}");
    // Rates would keep nearly all of it from the parser; a short T1 lets its transactions end within two seconds.
    let rates = ["address", "network", "strangers", "phones"].map(|who| format!("security.{who}-rate=1000000"));
    let mut settings: Vec<&str> = rates.iter().map(String::as_str).collect();
    settings.extend(["sip.t1=20ms", "sip.t2=1s", "sip.t4=50ms", "log.level=error"]);
    let server = Server::start_with(&settings)?;

    let api = server.api()?;
    let begun = Instant::now();
    let (mut waits, mut levels, mut resident) = (Vec::new(), Vec::new(), Vec::new());
    let each = count / ROUNDS as u64;
    for round in 0..ROUNDS as u64 {
        waits.extend(assault(&server, each, seed + round * 1000)?);
        levels.push(settled(&api)?);
        resident.push(resident_kib(&server)?);
    }
    let pace = count as f64 / begun.elapsed().as_secs_f64();
    let growth = growth(&levels[WARM_UP..]);
    let (slowest, latest) =
        (waits.iter().max_by_key(|wait| wait.whole), waits.iter().max_by_key(|wait| wait.by_server()));
    println!(
        "{pace:.0} messages a second; of {} OPTIONS the slowest took {slowest:?}, the server's slowest {latest:?}",
        waits.len()
    );
    println!("in use after each round, without ladders: {levels:.0?} octets; resident: {resident:?} KiB");
    println!("growth over the run: {:.0} octets, at most {:.0}", growth.0, growth.1);
    ensure!(!server.log().contains("panicked"), "{}", server.log());
    ensure!(growth.1 < UNSEEN, "not level: {growth:?} octets over the run, after {levels:?}");
    let (first, last) = resident.get(WARM_UP).zip(resident.last()).context("rounds")?;
    ensure!(last < &(first + GROWTH_KIB), "grew: {resident:?} KiB");
    ensure!(latest.is_some_and(|latest| latest.by_server() < T1), "an OPTIONS was answered after {T1:?}: {latest:?}");
    claim.proven();
    Ok(())
}

/// By how much the memory grows in as many rounds as the whole run has: the line through the levels, and the upper bound of
/// its slope.
fn growth(levels: &[f64]) -> (f64, f64) {
    let count = levels.len() as f64;
    let (middle, mean) = ((count - 1.0) / 2.0, levels.iter().sum::<f64>() / count);
    let rounds = || levels.iter().enumerate().map(|(round, level)| (round as f64 - middle, level - mean));
    let spread: f64 = rounds().map(|(round, _)| round * round).sum();
    let slope = rounds().map(|(round, level)| round * level).sum::<f64>() / spread;
    let left: f64 = rounds().map(|(round, level)| (level - slope * round).powi(2)).sum();
    let error = (left / (count - 2.0) / spread).sqrt();
    let all = ROUNDS as f64;
    (slope * all, (slope + STUDENT * error) * all)
}

#[test]
fn growth_is_told_from_noise() {
    let noise = [30.0, -20.0, 10.0, 0.0, -30.0, 20.0, -10.0, 0.0];
    let level = growth(&noise.map(|noise| 1e7 + noise * 1e3));
    assert!(level.0.abs() < 60e3 && level.1 < 150e3, "{level:?}");
    let mut round = 0.0;
    let growing = growth(&noise.map(|noise| {
        round += 1.0;
        1e7 + noise * 1e3 + round * 1e6
    }));
    assert!((9.9e6..10.1e6).contains(&growing.0) && growing.1 > growing.0, "{growing:?}");
}

/// Sends so many, three ways at once. Gives how long a good phone waited for each answer meanwhile.
fn assault(server: &Server, count: u64, seed: u64) -> anyhow::Result<Vec<Wait>> {
    let is_over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let good = scope.spawn(|| good_phone(server, &is_over));
        let mut attacks = vec![
            scope.spawn(move || by_udp(server, count * 6 / 10, Mutants::new(seed, server.address))),
            scope.spawn(move || by_websocket(server, count * 2 / 10, Mutants::new(seed + 100, server.address))),
        ];
        attacks.extend((1..=STREAMS).map(|stream| {
            let mutants = Mutants::new(seed + 100 + stream, server.address);
            scope.spawn(move || by_tcp(server, count * 2 / 10 / STREAMS, mutants))
        }));
        let ended: Vec<_> =
            attacks.into_iter().map(|attack| attack.join().expect("an attack does not panic")).collect();
        is_over.store(true, Relaxed);
        let waits = good.join().expect("the phone does not panic")?;
        ended.into_iter().collect::<anyhow::Result<Vec<()>>>()?;
        Ok(waits)
    })
}

/// How long an answer took.
#[derive(Clone, Copy, Debug)]
struct Wait {
    whole: Duration,
    /// Since the question was said for the last time.
    since_last: Duration,
    /// What the machine had to do with it.
    stalls: Stalls,
}

impl Wait {
    /// What is left to the server: not that its threads were ready and others ran. A datagram that the kernel had no room
    /// for was never asked; the next one was.
    fn by_server(&self) -> Duration {
        let asked = if self.stalls.dropped > 0 { self.since_last } else { self.whole };
        asked.saturating_sub(self.stalls.kept_waiting)
    }
}

fn good_phone(server: &Server, is_over: &AtomicBool) -> anyhow::Result<Vec<Wait>> {
    let phone = RawPeer::at(server, (own_address(), 0))?;
    let mut waits = Vec::new();
    while !is_over.load(Relaxed) {
        waits.push(answered(&phone, server)?);
        std::thread::sleep(Duration::from_millis(5)); // a phone's pace, not another flood
    }
    Ok(waits)
}

/// An OPTIONS, repeated as over UDP it must be. Gives how long its answer took.
fn answered(phone: &RawPeer, server: &Server) -> anyhow::Result<Wait> {
    let options = phone.request("OPTIONS", &format!("sip:{}", server.address), "", "");
    let before = Stalls::of(server.id(), server.udp());
    let asked = Instant::now();
    while asked.elapsed() < 64 * T1 {
        let said = Instant::now();
        phone.send(options.as_bytes())?;
        let again_at = said + T1;
        while let Some(text) = phone.receive(again_at.saturating_duration_since(Instant::now()))? {
            let is_ours = header(&text, "Call-ID") == header(&options, "Call-ID");
            if is_ours && !text.starts_with("SIP/2.0 1") {
                ensure!(text.starts_with("SIP/2.0 200"), "{text}");
                let (whole, since_last) = (asked.elapsed(), said.elapsed());
                let stalls = Stalls::of(server.id(), server.udp()).since(before);
                return Ok(Wait { whole, since_last, stalls });
            }
        }
    }
    anyhow::bail!("an OPTIONS was not answered within {:?}", 64 * T1)
}

fn by_udp(server: &Server, count: u64, mut mutants: Mutants) -> anyhow::Result<()> {
    let attacker = RawPeer::at(server, (own_address(), 0))?;
    let probe = RawPeer::at(server, (own_address(), 0))?;
    let (mut messages, mut octets) = (0, 0);
    for _ in 0..count {
        let mutant = mutants.next();
        if messages == BATCH || octets + mutant.len() > BATCH_OCTETS {
            answered(&probe, server)?;
            (messages, octets) = (0, 0);
        }
        messages += 1;
        octets += mutant.len();
        attacker.send(&mutant)?;
    }
    Ok(())
}

fn by_tcp(server: &Server, count: u64, mut mutants: Mutants) -> anyhow::Result<()> {
    let mut left = count;
    while left > 0 {
        let mut stream = RawStream::connect(server)?;
        let local = stream.local()?;
        let mut batch = Vec::new();
        let well_framed = left.min(BATCH).saturating_sub(1);
        (0..well_framed).for_each(|_| batch.extend(framed(&mutants.next())));
        let options = request("TCP", &local, "OPTIONS", &format!("sip:{}", server.address), "", "");
        batch.extend(options.as_bytes());
        // Some mutants break even so; then the server closes, and the next connection goes on.
        let call_id = header(&options, "Call-ID").context("a Call-ID")?;
        if stream.send(&batch).is_ok() {
            drop(stream.read_within(Duration::from_secs(5), |text| text.contains(call_id)));
        }
        // The last of a connection is as broken as it came.
        drop(stream.send(&mutants.next()));
        left -= well_framed + 1;
    }
    Ok(())
}

fn by_websocket(server: &Server, count: u64, mut mutants: Mutants) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let open = || RawWebSocket::open(server, &[("sec-websocket-protocol", "sip")]);
        let mut socket = open().await?.map_err(|status| anyhow::anyhow!("refused: {status}"))?;
        let mut sent = 0;
        while sent < count {
            for _ in 0..BATCH.min(count - sent) {
                sent += 1;
                drop(socket.send(Message::binary(mutants.next())).await);
            }
            if !options_by(&mut socket, server).await {
                socket = open().await?.map_err(|status| anyhow::anyhow!("refused: {status}"))?;
                ensure!(options_by(&mut socket, server).await, "a new WebSocket is not served");
            }
        }
        Ok(())
    })
}

async fn options_by(socket: &mut RawWebSocket, server: &Server) -> bool {
    let options = request("WSS", "raw.invalid", "OPTIONS", &format!("sip:{}", server.address), "", "");
    let call_id = header(&options, "Call-ID").unwrap_or_default();
    if socket.send(Message::text(options.as_str())).await.is_err() {
        return false;
    }
    loop {
        match socket.receive().await {
            Ok(Message::Text(text)) if text.contains(call_id) => return true,
            Ok(Message::Close(_)) | Err(_) => return false,
            Ok(_) => {}
        }
    }
}

/// Octets in use once every transaction has ended, without the ladders that are kept of the last calls: these fill up to a
/// bound of their own.
fn settled(api: &Api) -> anyhow::Result<f64> {
    wait_for("the end of all transactions", Duration::from_secs(60), || {
        api.metric("sip_transactions").is_ok_and(|left| left == 0.0).then_some(())
    })?;
    let mut least = f64::INFINITY;
    // What is being done at one moment is no growth.
    for _ in 0..10 {
        least = least.min(api.metric("memory_in_use_bytes")? - api.metric("ladder_kept_bytes")?);
        std::thread::sleep(Duration::from_millis(50)); // another moment
    }
    Ok(least)
}

pub fn resident_kib(server: &Server) -> anyhow::Result<u64> {
    let status = std::fs::read_to_string(format!("/proc/{}/status", server.id()))?;
    let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let resident = resident.and_then(|text| text.split_whitespace().next()).context("VmRSS")?;
    Ok(resident.parse()?)
}
