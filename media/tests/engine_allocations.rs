//! In the steady state a shard allocates nothing and frees nothing.
#![cfg(feature = "engine")]
#![allow(unsafe_code)]

mod phones;

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::sync::Arc;
use std::time::Duration;

use phones::Model;
use phones::party::Party;
use phones::tone::TONES_HZ;
use plenary_media::engine::{CODECS, Channel, Clip, EngineSettings, MediaCommand, Switch};
use plenary_media::plan::{AudioCodec, DtlsPlan, DtlsRole, Security, SrtpSuite};
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
        for codec in CODECS {
            let tone = tone(&party);
            let phone = party.join(Model { codec, suite, ..Model::default() }, tone);
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
