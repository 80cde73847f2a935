//! What a conference costs: legs on loopback in one room, three of them talking; prints the processor time of the
//! shards' threads per second of wall time, for several sizes, codecs and kinds of protection.
//!
//! ```text
//! cargo run --release -p plenary-media --example bench_engine [-- SECONDS [FILTER [LEGS [THREADS]]]]
//! ```
//!
//! The load comes from a thread of its own, spread over each 20 ms as the packets of real phones are. The kernel
//! delivers a packet on loopback within the sender's call, so the shard also pays for its listeners' queues.

use std::net::{Ipv4Addr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};
use std::{env, f64::consts::TAU, fs, thread};

use plenary_media::codec::{Encoded, make_encoder};
use plenary_media::engine::{Counters, Engine, EngineSettings, MediaCommand};
use plenary_media::plan::{
    AudioCodec, AudioPlan, Direction, Latch, MediaPlan, OpusWishes, ReceiveFormat, ReceiveKind, Security, SendFormat,
    SrtpKeys, SrtpSuite,
};
use plenary_media::rtp::RtpSender;
use plenary_media::secure::Protector;

/// Who talks says a tone of these; the others hardly breathe.
const TALKERS_HZ: [f64; 3] = [440.0, 613.0, 941.0];
const PTIME: Duration = Duration::from_millis(20);
/// Packets of a talker before it says the same again.
const LOOP: usize = 50;
const WARM_UP: Duration = Duration::from_secs(2);

struct Case {
    name: &'static str,
    codec: AudioCodec,
    suite: Option<SrtpSuite>,
}

const CASES: [Case; 5] = [
    Case { name: "pcmu plain", codec: AudioCodec::Pcmu, suite: None },
    Case { name: "pcmu aes-cm", codec: AudioCodec::Pcmu, suite: Some(SrtpSuite::AesCm128HmacSha1_80) },
    Case { name: "pcmu aes-gcm", codec: AudioCodec::Pcmu, suite: Some(SrtpSuite::AeadAes128Gcm) },
    Case { name: "opus plain", codec: AudioCodec::Opus, suite: None },
    Case { name: "g722 plain", codec: AudioCodec::G722, suite: None },
];

fn main() {
    let seconds = env::args().nth(1).and_then(|seconds| seconds.parse().ok()).unwrap_or(5);
    let filter = env::args().nth(2).unwrap_or_default();
    let number = |nth| env::args().nth(nth).and_then(|number| number.parse().ok());
    let (only, threads) = (number(3), number(4).unwrap_or(1));
    let sizes = only.map_or(vec![10, 50, 100, 200], |legs| vec![legs]);
    println!("case           legs   core   in/s   out/s  encodes/s  tick mean  >5 ms  overruns  rss");
    for case in CASES.iter().filter(|case| case.name.contains(&filter)) {
        for legs in &sizes {
            measure(case, *legs, threads, Duration::from_secs(seconds));
        }
    }
}

fn measure(case: &Case, legs: usize, threads: usize, time: Duration) {
    let settings = EngineSettings {
        threads,
        bind: Ipv4Addr::LOCALHOST.into(),
        ports: 40_000..=44_999,
        room_legs_per_thread: if threads > 1 { legs.div_ceil(threads) } else { 0 },
        ..EngineSettings::default()
    };
    let (engine, mut events) = Engine::start(settings).expect("the engine starts");
    let room = engine.open_room();
    let mut phones = Vec::new();
    for index in 0..legs {
        let opened = engine.open_leg(room).expect("a pair of ports");
        let phone = LoadPhone::new(case, index, opened.rtp_port);
        let plan = Box::new(phone.plan(case));
        engine.send(MediaCommand::Connect { leg: opened.leg, plan }).expect("connected");
        engine.send(MediaCommand::Join { leg: opened.leg, room }).expect("joined");
        phones.push(phone);
    }

    let stop = Arc::new(AtomicBool::new(false));
    let heard = Arc::new(AtomicU64::new(0));
    let load = thread::spawn({
        let (stop, heard) = (stop.clone(), heard.clone());
        move || run_load(phones, &stop, &heard)
    });
    thread::sleep(WARM_UP);
    events.drain(|_| ());
    let before = (engine.counters(), thread_time("media-"), heard.load(Relaxed), Instant::now());
    thread::sleep(time);
    let after = (engine.counters(), thread_time("media-"), heard.load(Relaxed), Instant::now());
    stop.store(true, Relaxed);
    load.join().expect("the load ran");
    print_row(case, legs, &before, &after);
    engine.shutdown();
}

type Sample = (Counters, Duration, u64, Instant);

fn print_row(case: &Case, legs: usize, before: &Sample, after: &Sample) {
    let wall = (after.3 - before.3).as_secs_f64();
    let rate = |after: u64, before: u64| (after - before) as f64 / wall;
    let count = |counters: &Counters| counters.ticks.buckets.iter().map(|(_, count)| count).sum::<u64>();
    let slow = |counters: &Counters| {
        let slow =
            counters.ticks.buckets.iter().filter(|(bound, _)| bound.is_none_or(|b| b > Duration::from_millis(5)));
        slow.map(|(_, count)| count).sum::<u64>()
    };
    let ticks = (count(&after.0) - count(&before.0)).max(1);
    let mean = (after.0.ticks.sum - before.0.ticks.sum) / u32::try_from(ticks).unwrap_or(u32::MAX);
    println!(
        "{:<14} {:>4}  {:.3}  {:>6.0}  {:>6.0}  {:>9.0}  {:>9.1?}  {:>5}  {:>8}  {:.0} MiB",
        case.name,
        legs,
        (after.1 - before.1).as_secs_f64() / wall,
        rate(after.0.packets_received, before.0.packets_received),
        rate(after.2, before.2),
        rate(after.0.encodes_of(case.codec), before.0.encodes_of(case.codec)),
        mean,
        slow(&after.0) - slow(&before.0),
        after.0.tick_overruns - before.0.tick_overruns,
        resident_mib(),
    );
}

/// Sends every phone's packet once in 20 ms, a slice of the phones each millisecond, and reads what comes back.
fn run_load(mut phones: Vec<LoadPhone>, stop: &AtomicBool, heard: &AtomicU64) {
    let slices = PTIME.as_millis() as usize;
    let start = Instant::now();
    let mut datagram = [0; 2_048];
    for slice in 0.. {
        if stop.load(Relaxed) {
            return;
        }
        for phone in phones.iter_mut().skip(slice % slices).step_by(slices) {
            phone.say();
            while phone.socket.recv(&mut datagram).is_ok() {
                heard.fetch_add(1, Relaxed);
            }
        }
        let due = start + Duration::from_millis(slice as u64 + 1);
        thread::sleep(due.saturating_duration_since(Instant::now()));
    }
}

struct LoadPhone {
    socket: UdpSocket,
    sender: RtpSender,
    protector: Option<Protector>,
    suite: Option<SrtpSuite>,
    payload_type: u8,
    units: u64,
    payloads: Vec<Vec<u8>>,
    said: usize,
}

impl LoadPhone {
    fn new(case: &Case, index: usize, server_port: u16) -> Self {
        let socket = UdpSocket::bind("127.0.0.1:0").expect("a socket");
        socket.set_nonblocking(true).expect("non-blocking");
        socket.connect(("127.0.0.1", server_port)).expect("connected");
        Self {
            socket,
            sender: RtpSender::new(0x5eed_0000_0000_u128 + index as u128 * 0x1_0000_0001_0001),
            protector: case.suite.map(|suite| Protector::new(&keys(suite)).expect("keys")),
            suite: case.suite,
            payload_type: payload_type(case.codec),
            units: u64::from(case.codec.clock_rate()) * PTIME.as_millis() as u64 / 1_000,
            payloads: payloads(case.codec, index),
            said: 0,
        }
    }

    fn plan(&self, case: &Case) -> MediaPlan {
        let address = self.socket.local_addr().expect("bound");
        MediaPlan {
            audio: AudioPlan {
                remote_rtp: address,
                remote_rtcp: address,
                rtcp_mux: true,
                direction: Direction::SendRecv,
                receive: vec![ReceiveFormat { payload_type: self.payload_type, kind: ReceiveKind::Audio(case.codec) }],
                send: SendFormat {
                    payload_type: self.payload_type,
                    codec: case.codec,
                    ptime: PTIME,
                    opus: OpusWishes::default(),
                },
                send_events: None,
                rtcp_interval: Some(std::time::Duration::from_secs(5)),
                extended_reports: Default::default(),
                bundle: None,
                levels: Default::default(),
                security: self.suite.map_or(Security::Plain, |suite| Security::Sdes(keys(suite))),
                ice: None,
                latch: Latch { trusted: Vec::new() },
            },
        }
    }

    fn say(&mut self) {
        let payload = &self.payloads[self.said % self.payloads.len()];
        let timestamp = self.sender.timestamp(self.said as u64 * self.units);
        let header = self.sender.next_header(self.payload_type, self.said == 0, timestamp, payload.len());
        let mut packet = [0; 1_600];
        let start = header.write(&[], &mut packet).expect("room");
        packet[start..start + payload.len()].copy_from_slice(payload);
        let mut len = start + payload.len();
        if let Some(protector) = &mut self.protector {
            len = protector.protect_rtp(&mut packet, len).expect("protected");
        }
        self.said += 1;
        let _ = self.socket.send(&packet[..len]);
    }
}

/// One second: a tone for a talker, faint noise for the others.
fn payloads(codec: AudioCodec, index: usize) -> Vec<Vec<u8>> {
    let mut encoder = make_encoder(codec, OpusWishes::default()).expect("an encoder");
    let rate = encoder.sample_rate();
    let samples = rate.samples(PTIME);
    let mut noise = 0x2545_f491_u32;
    let mut sample = |at: usize| {
        noise = noise.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        match TALKERS_HZ.get(index) {
            Some(hz) => (5_000.0 * (TAU * hz * at as f64 / f64::from(rate.hz())).sin()) as i16,
            None => (noise >> 29) as i16 - 4,
        }
    };
    let mut payload = [0; 1_500];
    (0..LOOP)
        .filter_map(|packet| {
            let pcm: Vec<i16> = (0..samples).map(|i| sample(packet * samples + i)).collect();
            match encoder.encode(&pcm, &mut payload) {
                Ok(Encoded::Payload(len)) => Some(payload[..len].to_vec()),
                _ => None,
            }
        })
        .collect()
}

fn keys(suite: SrtpSuite) -> SrtpKeys {
    // One key for both directions: sources differ, and nobody listens here.
    let key: Vec<u8> = (0..suite.key_and_salt_len() as u8).collect();
    SrtpKeys { suite, local: key.clone(), remote: key }
}

fn payload_type(codec: AudioCodec) -> u8 {
    match codec {
        AudioCodec::Pcmu => 0,
        AudioCodec::Pcma => 8,
        AudioCodec::G722 => 9,
        AudioCodec::AmrWb(_) => 98,
        AudioCodec::Opus => 111,
    }
}

/// Processor time of the threads of this process whose names begin so.
fn thread_time(name: &str) -> Duration {
    let tasks = fs::read_dir("/proc/self/task").expect("Linux");
    let nanos = tasks.flatten().filter_map(|task| {
        let comm = fs::read_to_string(task.path().join("comm")).ok()?;
        let times = fs::read_to_string(task.path().join("schedstat")).ok()?;
        comm.starts_with(name).then(|| times.split(' ').next()?.parse::<u64>().ok()).flatten()
    });
    Duration::from_nanos(nanos.sum())
}

fn resident_mib() -> f64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.and_then(|line| line.trim().trim_end_matches(" kB").parse::<f64>().ok()).unwrap_or(0.0) / 1_024.0
}
