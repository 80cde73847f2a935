//! A flood on one leg's port: the others lose nothing, and no tick comes late for it.
#![cfg(feature = "engine")]

mod phones;

use std::net::{SocketAddr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::thread;
use std::time::{Duration, Instant};

use phones::tone::TONES_HZ;
use phones::{Model, Phone};
use plenary_media::LegId;
use plenary_media::engine::{Engine, EngineSettings, LegStats, MediaCommand, MediaEvent, Refusal};

const TICK: Duration = Duration::from_millis(20);
/// Datagrams a millisecond.
const FLOOD: u32 = 100;

/// Sends 100 000 datagrams a second from a stranger's port until told to stop; as many as the machine lets it.
fn flood(to: SocketAddr, stop: &AtomicBool, sent: &AtomicU64) {
    let socket = UdpSocket::bind("127.0.0.2:0").expect("a socket");
    let mut datagram = [0x55; 172];
    datagram[..2].copy_from_slice(&[0x80, 0]);
    let start = Instant::now();
    for millisecond in 0.. {
        if stop.load(Relaxed) {
            return;
        }
        for _ in 0..FLOOD {
            sent.fetch_add(socket.send_to(&datagram, to).is_ok().into(), Relaxed);
        }
        // The pace of the flood.
        thread::sleep((start + Duration::from_millis(millisecond + 1)).saturating_duration_since(Instant::now()));
    }
}

#[test]
fn a_flood_on_one_port_harms_no_other_leg() {
    let settings = EngineSettings {
        bind: std::net::Ipv4Addr::LOCALHOST.into(),
        ports: 42_600..=42_699,
        ..EngineSettings::default()
    };
    let (engine, mut events) = Engine::start(settings).expect("started");
    let room = engine.open_room();
    let mut callers = Vec::new();
    for index in 0..6 {
        let opened = engine.open_leg(room).expect("ports");
        let socket = UdpSocket::bind("127.0.0.1:0").expect("a socket");
        socket.set_nonblocking(true).expect("non-blocking");
        let address = socket.local_addr().expect("bound");
        let phone = Phone::new(opened.leg, address, Model::default(), TONES_HZ.get(index).copied());
        engine.send(MediaCommand::Connect { leg: opened.leg, plan: Box::new(phone.plan()) }).expect("connected");
        engine.send(MediaCommand::Join { leg: opened.leg, room }).expect("joined");
        callers.push((phone, socket, opened.rtp_port));
    }
    let connected = || engine.counters().legs.iter().map(|(_, _, legs)| legs).sum::<u64>();
    let deadline = Instant::now() + Duration::from_secs(5);
    while connected() < 6 && Instant::now() < deadline {
        thread::sleep(TICK);
    }
    // The last one's port is flooded.
    let victim = SocketAddr::from(([127, 0, 0, 1], callers[5].2));
    let (stop, sent) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
    let flooder = thread::spawn({
        let (stop, sent) = (stop.clone(), sent.clone());
        move || flood(victim, &stop, &sent)
    });
    let start = Instant::now();
    let mut datagram = [0; 2_048];
    for packet in 0..150 {
        for (phone, socket, port) in &mut callers {
            socket.send_to(&phone.say(), ("127.0.0.1", *port)).expect("sent");
            while socket.recv_from(&mut datagram).is_ok() {}
        }
        // The pace of a voice.
        thread::sleep((start + (packet + 1) * TICK).saturating_duration_since(Instant::now()));
    }
    stop.store(true, Relaxed);
    flooder.join().expect("flooded");
    // What each leg received is told every few seconds.
    let mut received: Vec<(LegId, Box<LegStats>)> = Vec::new();
    let deadline = Instant::now() + Duration::from_secs(20);
    while Instant::now() < deadline && received.iter().filter(|(_, stats)| stats.packets_received == 150).count() < 5 {
        events.drain(|event| {
            if let MediaEvent::Stats { leg, stats } = event {
                received.retain(|(other, _)| *other != leg);
                received.push((leg, stats));
            }
        });
        thread::sleep(Duration::from_millis(5));
    }
    let flooded = sent.load(Relaxed);
    assert!(flooded > 20_000, "{flooded} datagrams are no flood");
    for (phone, ..) in &callers[..5] {
        let (_, stats) = received.iter().find(|(leg, _)| *leg == phone.leg).expect("told");
        assert_eq!((stats.packets_received, stats.packets_lost, stats.packets_refused), (150, 0, 0));
    }
    // Counters are copied out once a second and tell nobody: they are asked until they show it.
    let published = Instant::now() + Duration::from_secs(2);
    while engine.counters().refused(Refusal::Source) == 0 && Instant::now() < published {
        thread::sleep(TICK);
    }
    let counters = engine.counters();
    let refused = counters.refused(Refusal::Source);
    // 64 in a tick, whatever comes: what is beyond is left to the kernel to drop.
    assert!((100..=64 * 220).contains(&refused), "{refused} of {flooded} were read and refused");
    println!("{flooded} sent, {refused} refused, overruns {}, late {}", counters.tick_overruns, counters.ticks_late);
    engine.shutdown();
}
