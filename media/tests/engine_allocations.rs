//! In the steady state a shard allocates nothing and frees nothing.
#![cfg(feature = "engine")]
#![allow(unsafe_code)]

mod phones;

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use phones::party::Party;
use phones::tone::TONES_HZ;
use phones::{Model, Phone};
use plenary_media::engine::{Channel, Clip, EngineSettings, MediaCommand, Refusal, Simulation, Switch};
use plenary_media::ice::IceAgent;
use plenary_media::plan::{
    AudioCodec, AudioLevels, AudioPlan, Bundle, DtlsPlan, DtlsRole, ExtendedReports, FullIce, IceCredentials, IcePlan,
    IceRole, MediaPlan, RemoteCandidate, Security, SrtpSuite,
};
use plenary_media::secure::dtls::{Association, Identity, Output};

thread_local! {
    static COUNTED: Cell<Option<u64>> = const { Cell::new(None) };
}

struct Counting;

// SAFETY: every call is passed on to the system's allocator unchanged.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count();
        // SAFETY: the caller keeps the contract of `GlobalAlloc::alloc`, which is the system's too.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        count();
        // SAFETY: as above; `pointer` came from the system's allocator.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn count() {
    let _ = COUNTED.try_with(|counted| counted.set(counted.get().map(|count| count + 1)));
}

/// How often `work` allocates or frees.
fn counted(work: impl FnOnce()) -> u64 {
    COUNTED.set(Some(0));
    work();
    COUNTED.take().unwrap_or(0)
}

/// A phone that keys its media by DTLS, with the handshake done.
fn join_by_handshake(party: &mut Party, codec: AudioCodec, tone: Option<f64>) {
    let index = party.call(Model { codec, ..Model::default() }, tone);
    let (leg, address) = (party.phones[index].leg, party.phones[index].address);
    let identity = Identity::generate().expect("made");
    let mut plan = party.phones[index].plan();
    plan.audio.security =
        Security::Dtls(DtlsPlan { role: DtlsRole::Passive, fingerprints: vec![identity.fingerprint().clone()] });
    party.tell(MediaCommand::Connect { leg, plan: Box::new(plan) });
    party.tell(MediaCommand::Join { leg, room: party.room });
    let own = DtlsPlan { role: DtlsRole::Active, fingerprints: vec![party.sim.fingerprint()] };
    let mut association = Association::new(&identity, &own, party.sim.now());
    for _ in 0..100 {
        let now = party.sim.now();
        if association.poll_timeout().is_some_and(|due| due <= now) {
            association.handle_timeout(now).expect("in time");
        }
        while let Some(output) = association.poll_output() {
            match output {
                Output::Send(datagram) => party.sim.arrive(leg, Channel::Rtp, address, datagram),
                Output::Keys(keys) => party.phones[index].secure(&keys),
                Output::Failed(why) => panic!("{why}"),
            }
        }
        party.sim.run(Duration::from_millis(20));
        party.sim.take_sent(|sent| {
            if sent.to == address && matches!(sent.datagram.first(), Some(20..=63)) {
                association.handle_datagram(sent.datagram, now).expect("of the handshake");
            }
        });
    }
    assert!(party.phones[index].is_secured(), "the handshake is done");
}

/// Three shards with a part of the room each, every codec and suite, keys by DTLS, prompts and music.
#[test]
fn a_second_of_conference_allocates_nothing() {
    let mut party = Party::with(&EngineSettings { threads: 3, room_legs_per_thread: 5, ..EngineSettings::default() });
    let tone = |party: &Party| Some(TONES_HZ[party.phones.len() % TONES_HZ.len()]);
    for suite in [None, Some(SrtpSuite::AesCm128HmacSha1_80), Some(SrtpSuite::AeadAes128Gcm)] {
        for codec in AudioCodec::ALL {
            let tone = tone(&party);
            let levels = AudioLevels { peer: Some(1), own: Some(1), voice_bit: true, contributors: Some(2) };
            let bundle =
                Some(Bundle { mid_extension: Some(3), names_ours: true, mid: "a".into(), ..Bundle::default() });
            let extended_reports = ExtendedReports { round_trip: true, statistics: true, voip_metrics: true };
            let told = Model { levels, tells_dbov: Some(-18), bundle, extended_reports, ..Model::default() };
            let phone = party.join(Model { codec, suite, ..told }, tone);
            party.tell(MediaCommand::SetNoiseSuppression {
                leg: party.leg(phone),
                noise_suppression: if phone.is_multiple_of(2) { Switch::On } else { Switch::Off },
            });
        }
    }
    for codec in [AudioCodec::Opus, AudioCodec::Pcmu] {
        let tone = tone(&party);
        join_by_handshake(&mut party, codec, tone);
    }
    assert_eq!(party.sim.counters().room_trunks, 3);
    let clip = Arc::new(Clip { samples: vec![1_000; 30 * 48_000] });
    party.tell(MediaCommand::PlayToRoom { room: party.room, clip: clip.clone() });
    party.tell(MediaCommand::Play { leg: party.leg(0), clip: clip.clone() });
    party.tell(MediaCommand::PlayMusic { leg: party.leg(13), clip });
    party.run(Duration::from_secs(12));
    for phone in 0..party.phones.len() {
        assert!(party.phones[phone].packets.len() > 400, "phone {phone} hears the conference");
    }

    let before = party.sim.counters();
    let mut total = 0;
    for _ in 0..50 {
        for phone in &mut party.phones {
            let datagram = phone.say();
            party.sim.arrive(phone.leg, Channel::Rtp, phone.address, &datagram);
        }
        total += counted(|| party.sim.run(Duration::from_millis(20)));
        party.sim.take_sent(|_| ());
        party.sim.take_events(|_| ());
    }
    assert_eq!(total, 0);
    let after = party.sim.counters();
    assert!(after.packets_received - before.packets_received >= 50 * 14, "all were read");
    assert_eq!(after.voices_lost, 0);
}

/// Two agents meet at the port of all ICE legs; then voice, checks from ever new addresses, and strangers.
#[test]
fn a_second_at_the_shared_port_allocates_nothing() {
    let mut sim = Simulation::new(&EngineSettings::default(), 8445);
    let leg = sim.open_shared_leg().leg;
    let credentials = |ufrag: &str| IceCredentials { ufrag: ufrag.into(), pwd: format!("{ufrag} and 18 octets more") };
    let (home, server) = (SocketAddr::from(([192, 0, 2, 9], 4_000)), SocketAddr::from(([192, 0, 2, 1], 10_000)));
    let full = |role, address| {
        Some(FullIce { role, tie_breaker: 7, candidates: vec![RemoteCandidate { address, priority: 1 }] })
    };
    let (ours, theirs) = (credentials("ours"), credentials("theirs"));
    let ice = IcePlan { local: ours.clone(), remote: theirs.clone(), full: full(IceRole::Controlled, home) };
    let plan = Phone::new(leg, home, Model::default(), None).plan();
    let audio = AudioPlan { ice: Some(ice), rtcp_mux: true, ..plan.audio };
    sim.send(MediaCommand::Connect { leg, plan: Box::new(MediaPlan { audio }) }).expect("a plan");
    let plan = IcePlan { local: theirs, remote: ours, full: full(IceRole::Controlling, server) };
    let mut peer = IceAgent::new(&plan, *b"peer");

    let (mut total, mut heard) = (0, 0);
    for tick in 0..150_u16 {
        while let Some((_, check)) = peer.poll_check(sim.now()) {
            sim.arrive_shared(home, check.as_slice());
        }
        if tick >= 50 {
            assert_eq!(peer.peer(), Some(server), "found");
            let [high, low] = tick.to_be_bytes();
            let header = [0x80, 0, high, low, 0, 0, high, low, 0, 0, 0, 7];
            sim.arrive_shared(home, &[&header[..], &[0x55; 160]].concat());
            // Whoever knows the password moves about; who does not, gets nowhere.
            let mut moved = IceAgent::new(&plan, *b"peer");
            let (_, check) = moved.poll_check(sim.now()).expect("a check");
            sim.arrive_shared(SocketAddr::from(([192, 0, 2, 9], 5_000 + tick)), check.as_slice());
            sim.arrive_shared(SocketAddr::from(([203, 0, 113, 66], tick)), &header);
        }
        let count = counted(|| sim.run(Duration::from_millis(20)));
        total += if tick >= 100 { count } else { 0 };
        let (now, mut replies) = (sim.now(), Vec::new());
        sim.take_sent(|sent| match sent.datagram[0] {
            0..=3 if sent.to == home => {
                let checked = peer.handle_datagram(sent.datagram, server, now);
                replies.extend(checked.reply);
            }
            0..=3 => {}
            _ => heard += 1,
        });
        replies.iter().for_each(|reply| sim.arrive_shared(home, reply.as_slice()));
        sim.take_events(|_| ());
    }
    assert_eq!(total, 0);
    assert!(heard > 100 && sim.counters().refused(Refusal::Unknown) == 100, "{heard} packets, {:?}", sim.counters());
}
