//! The shared port as it runs: sockets on loopback, two shards.

use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::time::{Duration, Instant};

use crate::LegId;
use crate::engine::{Engine, EngineError, EngineHandle, EngineSettings, MediaCommand, MediaEvents, PortUse, Refusal};
use crate::ice::checks::{NOMINATE, PASSWORD, request};
use crate::plan::{
    AudioCodec, AudioPlan, Direction, IceCredentials, IcePlan, Latch, MediaPlan, OpusWishes, ReceiveFormat,
    ReceiveKind, Security, SendFormat,
};

const TICK: Duration = Duration::from_millis(20);
const WITHIN: Duration = Duration::from_secs(5);

/// A peer that checks, and then speaks.
struct Peer {
    leg: LegId,
    ufrag: String,
    socket: UdpSocket,
    server: SocketAddr,
    said: u16,
    heard: usize,
}

impl Peer {
    fn call(engine: &EngineHandle, near: crate::RoomId, ufrag: &str) -> Self {
        let opened = engine.open_leg_at(near, PortUse::Shared).expect("opened");
        assert!(opened.is_shared && opened.rtp_port == opened.rtcp_port);
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).expect("a socket");
        socket.set_nonblocking(true).expect("non-blocking");
        let server = SocketAddr::from((Ipv4Addr::LOCALHOST, opened.rtp_port));
        let audio = plan(ufrag, socket.local_addr().expect("bound"));
        engine.send(MediaCommand::Connect { leg: opened.leg, plan: Box::new(MediaPlan { audio }) }).expect("a plan");
        Self { leg: opened.leg, ufrag: ufrag.into(), socket, server, said: 0, heard: 0 }
    }

    fn send(&self, datagram: &[u8]) {
        self.socket.send_to(datagram, self.server).expect("sent");
    }

    fn speak(&mut self) {
        self.said += 1;
        let [high, low] = self.said.to_be_bytes();
        let time = (u32::from(self.said) * 160).to_be_bytes();
        let header = [0x80, 0, high, low, time[0], time[1], time[2], time[3], 0, 0, self.leg.0 as u8, 7];
        self.send(&[&header[..], &[0x55; 160]].concat());
    }

    fn listen(&mut self) {
        let mut datagram = [0; 2_048];
        while let Ok((len, from)) = self.socket.recv_from(&mut datagram) {
            assert_eq!(from, self.server, "from the shared port");
            self.heard += usize::from(len >= 12 + 160);
        }
    }
}

fn plan(ufrag: &str, remote: SocketAddr) -> AudioPlan {
    let credentials = |ufrag: &str| IceCredentials { ufrag: ufrag.into(), pwd: PASSWORD.into() };
    AudioPlan {
        remote_rtp: remote,
        remote_rtcp: remote,
        rtcp_mux: true,
        direction: Direction::SendRecv,
        receive: vec![ReceiveFormat { payload_type: 0, kind: ReceiveKind::Audio(AudioCodec::Pcmu) }],
        send: SendFormat { payload_type: 0, codec: AudioCodec::Pcmu, ptime: TICK, opus: OpusWishes::default() },
        send_events: None,
        rtcp_interval: Some(crate::rtp::schedule::INTERVAL),
        extended_reports: Default::default(),
        bundle: None,
        levels: Default::default(),
        security: Security::Plain,
        ice: Some(IcePlan::lite(credentials(ufrag), credentials("peer"))),
        latch: Latch { trusted: Vec::new() },
    }
}

fn start(threads: usize) -> (EngineHandle, MediaEvents) {
    let bind = Ipv4Addr::LOCALHOST.into();
    let settings = EngineSettings { bind, threads, ports: 43_000..=43_099, mux_port: Some(0), ..Default::default() };
    Engine::start(settings).expect("started")
}

/// Lets all speak until `done`, which is to happen in time.
fn talk_until(peers: &mut [Peer], done: impl Fn(&[Peer]) -> bool) {
    let start = Instant::now();
    for packet in 1.. {
        assert!(start.elapsed() < WITHIN, "{:?}", peers.iter().map(|peer| peer.heard).collect::<Vec<_>>());
        peers.iter_mut().for_each(Peer::speak);
        std::thread::sleep((start + packet * TICK).saturating_duration_since(Instant::now()));
        peers.iter_mut().for_each(Peer::listen);
        if done(peers) {
            return;
        }
    }
}

#[test]
fn legs_of_two_shards_are_met_at_one_port() {
    let (engine, _events) = start(2);
    let first = engine.open_room();
    let mut peers = vec![Peer::call(&engine, first, "leg0")];
    // The first room's shard has a leg now.
    let rooms = [first, engine.open_room()];
    assert_ne!(rooms[0].0 % 2, rooms[1].0 % 2);
    peers.extend((1..4).map(|i| Peer::call(&engine, rooms[i % 2], &format!("leg{i}"))));
    assert!(peers.iter().all(|peer| peer.server == peers[0].server));
    for (i, peer) in peers.iter().enumerate() {
        engine.send(MediaCommand::Join { leg: peer.leg, room: rooms[i % 2] }).expect("joined");
        peer.send(&request(&format!("{}:peer", peer.ufrag), PASSWORD, &[NOMINATE]));
    }
    talk_until(&mut peers, |peers| peers.iter().all(|peer| peer.heard > 20));

    // To the other shard, and on.
    engine.send(MediaCommand::Join { leg: peers[0].leg, room: rooms[1] }).expect("moved");
    peers.iter_mut().for_each(|peer| peer.heard = 0);
    talk_until(&mut peers, |peers| peers.iter().all(|peer| peer.heard > 20));
    assert_eq!(engine.counters().refused(Refusal::Unknown), 0);
}

#[test]
fn strangers_are_dropped_and_counted_and_who_left_is_one() {
    let (engine, mut events) = start(1);
    let room = engine.open_room();
    let mut peers = vec![Peer::call(&engine, room, "one1")];
    peers[0].send(&request("one1:peer", PASSWORD, &[NOMINATE]));
    talk_until(&mut peers, |peers| peers[0].heard > 5);
    let flood = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).expect("a socket");
    for _ in 0..20 {
        for first in 0..=255_u8 {
            flood.send_to(&[&[first], &[0x2a; 40][..]].concat(), peers[0].server).expect("sent");
        }
        peers[0].heard = 0;
        talk_until(&mut peers, |peers| peers[0].heard > 0);
    }
    // Counters are copied out once a second and tell nobody: they are asked until they show it.
    let refused = |engine: &EngineHandle, least: u64, meanwhile: &mut dyn FnMut()| {
        let start = Instant::now();
        while engine.counters().refused(Refusal::Unknown) < least {
            assert!(start.elapsed() < WITHIN, "{:?}", engine.counters());
            meanwhile();
            std::thread::sleep(TICK);
        }
    };
    // The socket's buffer may be too short for a flood.
    refused(&engine, 1_000, &mut || ());
    engine.send(MediaCommand::CloseLeg { leg: peers[0].leg }).expect("closed");
    events.drain(|_| ());
    let stays = Peer::call(&engine, room, "two2");
    let before = engine.counters().refused(Refusal::Unknown);
    let gone = &mut peers[0];
    refused(&engine, before + 30, &mut || gone.speak());
    assert_ne!(stays.leg, peers[0].leg);
}

#[test]
fn without_a_shared_port_every_leg_has_its_own() {
    let settings = EngineSettings { bind: Ipv4Addr::LOCALHOST.into(), ports: 43_100..=43_103, ..Default::default() };
    let (engine, _events) = Engine::start(settings.clone()).expect("started");
    let room = engine.open_room();
    let opened = engine.open_leg_at(room, PortUse::Shared).expect("opened");
    assert!(!opened.is_shared && opened.rtcp_port == opened.rtp_port + 1);
    let taken = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).expect("a socket");
    let port = taken.local_addr().expect("bound").port();
    let error = Engine::start(EngineSettings { mux_port: Some(port), ..settings }).expect_err("taken");
    assert!(matches!(error, EngineError::MuxPort { .. }), "{error}");
}
