//! The engine as it runs: a thread, sockets on loopback, and three phones.
#![cfg(feature = "engine")]

mod phones;

use std::net::UdpSocket;
use std::time::{Duration, Instant};

use phones::tone::{TONES_HZ, full_level_db};
use phones::{Model, Phone};
use plenary_media::RoomId;
use plenary_media::engine::{Engine, EngineError, EngineHandle, EngineSettings, MediaCommand, MediaEvent};
use plenary_media::plan::SrtpSuite;
use plenary_media::rtp::RtpHeader;

const TICK: Duration = Duration::from_millis(20);

fn settings() -> EngineSettings {
    EngineSettings { bind: std::net::Ipv4Addr::LOCALHOST.into(), ports: 42_000..=42_199, ..EngineSettings::default() }
}

/// A phone with a socket, and where it calls.
struct Caller {
    phone: Phone,
    socket: UdpSocket,
    server_port: u16,
}

/// So many packets each way.
fn talk(callers: &mut [Caller], packets: u32) {
    let start = Instant::now();
    for packet in 0..packets {
        for caller in &mut *callers {
            let datagram = caller.phone.say();
            caller.socket.send_to(&datagram, ("127.0.0.1", caller.server_port)).expect("sent");
            caller.listen();
        }
        std::thread::sleep((start + (packet + 1) * TICK).saturating_duration_since(Instant::now()));
    }
}

impl Caller {
    fn call(engine: &EngineHandle, near: RoomId, suite: Option<SrtpSuite>, hz: f64) -> Self {
        let opened = engine.open_leg(near).expect("ports");
        assert_eq!((opened.rtp_port % 2, opened.rtcp_port), (0, opened.rtp_port + 1));
        let socket = UdpSocket::bind("127.0.0.1:0").expect("a socket");
        socket.set_nonblocking(true).expect("non-blocking");
        let address = socket.local_addr().expect("bound");
        let phone = Phone::new(opened.leg, address, Model { suite, ..Model::default() }, Some(hz));
        engine.send(MediaCommand::Connect { leg: opened.leg, plan: Box::new(phone.plan()) }).expect("connected");
        Self { phone, socket, server_port: opened.rtp_port }
    }

    fn last_header(&self) -> RtpHeader {
        self.phone.packets.last().expect("a packet").header
    }

    fn listen(&mut self) {
        let mut datagram = [0; 2_048];
        while let Ok((len, from)) = self.socket.recv_from(&mut datagram) {
            assert_eq!(from.port(), self.server_port, "symmetric RTP (RFC 4961)");
            self.phone.hear(&datagram[..len], std::time::Instant::now());
        }
    }
}

#[test]
fn three_phones_on_loopback_hear_each_other() {
    let (engine, mut events) = Engine::start(settings()).expect("started");
    let room = engine.open_room();
    let suites = [None, Some(SrtpSuite::AesCm128HmacSha1_80), None];
    let mut callers: Vec<Caller> = suites
        .into_iter()
        .zip(TONES_HZ)
        .map(|(suite, hz)| {
            let caller = Caller::call(&engine, room, suite, hz);
            engine.send(MediaCommand::Join { leg: caller.phone.leg, room }).expect("joined");
            caller
        })
        .collect();
    talk(&mut callers, 50);
    callers.iter_mut().for_each(|caller| caller.phone.forget());
    talk(&mut callers, 50);
    for listener in &callers {
        for speaker in &callers {
            let hz = speaker.phone.tone_hz.expect("a tone");
            let level = listener.phone.level_of(hz) - full_level_db();
            if listener.phone.leg == speaker.phone.leg {
                assert!(level < -25.0, "{} hears itself at {level:.1} dB", listener.phone.leg);
            } else {
                assert!(level > -6.0, "{} hears {hz} Hz at {level:.1} dB", listener.phone.leg);
            }
        }
    }

    assert!(events.as_raw_fd() >= 0);
    let mut latched = 0;
    events.drain(|event| latched += u32::from(matches!(event, MediaEvent::Latched { .. })));
    assert_eq!(latched, 3);
    let counters = engine.counters();
    assert!(counters.packets_received > 100 && counters.packets_sent > 100, "{counters:?}");
    let other = engine.clone();
    engine.shutdown();
    assert!(matches!(other.open_leg(room), Err(EngineError::Stopped { .. })));
}

#[test]
fn ports_come_back_when_legs_close() {
    let (engine, mut events) = Engine::start(EngineSettings { ports: 42_300..=42_303, ..settings() }).expect("started");
    let room = engine.open_room();
    let legs = [engine.open_leg(room).expect("the first pair"), engine.open_leg(room).expect("the second pair")];
    assert!(matches!(engine.open_leg(room), Err(EngineError::NoPorts { in_use: 2, .. })));
    engine.send(MediaCommand::CloseLeg { leg: legs[0].leg }).expect("closed");
    let deadline = Instant::now() + Duration::from_secs(5);
    let again = loop {
        events.drain(|_| ());
        match engine.open_leg(room) {
            Ok(opened) => break opened,
            Err(error) => assert!(Instant::now() < deadline, "{error}"),
        }
        std::thread::sleep(Duration::from_millis(5));
    };
    assert_eq!(again.rtp_port, legs[0].rtp_port);
}

#[test]
fn a_leg_follows_its_room_to_another_shard() {
    let settings = EngineSettings { threads: 2, ports: 42_400..=42_499, ..settings() };
    let (engine, _events) = Engine::start(settings).expect("started");
    let entrance = engine.open_room();
    let mut callers: Vec<Caller> = TONES_HZ[..2].iter().map(|hz| Caller::call(&engine, entrance, None, *hz)).collect();
    // The entrance has legs now, so this room is on the other shard.
    let meeting = engine.open_room();
    for caller in &callers {
        engine.send(MediaCommand::Join { leg: caller.phone.leg, room: entrance }).expect("joined");
    }
    talk(&mut callers, 25);
    assert_eq!(engine.counters().shards.iter().map(|shard| shard.legs).collect::<Vec<_>>(), [2, 0]);
    let before: Vec<_> = callers.iter().map(|caller| caller.last_header()).collect();
    for caller in &callers {
        engine.send(MediaCommand::Join { leg: caller.phone.leg, room: meeting }).expect("moved");
    }
    talk(&mut callers, 25);
    callers.iter_mut().for_each(|caller| caller.phone.forget());
    talk(&mut callers, 50);
    assert_eq!(engine.counters().shards.iter().map(|shard| shard.legs).collect::<Vec<_>>(), [0, 2]);
    for (listener, speaker, before) in [(0, 1, before[0]), (1, 0, before[1])] {
        let hz = callers[speaker].phone.tone_hz.expect("a tone");
        assert!(callers[listener].phone.level_of(hz) > full_level_db() - 6.0);
        let last = callers[listener].last_header();
        assert_eq!(last.ssrc, before.ssrc);
        let packets = i32::from(last.sequence.since(before.sequence));
        let units = last.timestamp.since(before.timestamp);
        assert!((units - packets * 160).abs() <= 3 * 160, "{packets} packets, {units} units");
    }
}
