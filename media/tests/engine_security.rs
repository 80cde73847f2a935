//! Who is let in: SRTP of every suite, attackers, and addresses behind NAT.
#![cfg(feature = "engine")]

mod phones;

use std::net::SocketAddr;
use std::time::Duration;

use phones::party::Party;
use phones::tone::TONES_HZ;
use phones::{Model, Phone};
use plenary_media::engine::{Channel, MediaCommand, MediaEvent, Refusal};
use plenary_media::plan::{AudioCodec, Bundle, SrtpSuite};
use plenary_media::rtp::rtcp::{Report, write_bye};
use plenary_media::rtp::{RtpHeader, RtpTimestamp, SequenceNumber, Ssrc};

const SECOND: Duration = Duration::from_secs(1);

fn at(address: &str) -> SocketAddr {
    address.parse().expect("an address")
}

#[test]
fn every_suite_meets_every_other_and_plain_in_one_room() {
    let mut party = Party::new();
    let suites = SrtpSuite::ALL.map(Some).into_iter().chain([None]);
    for (index, suite) in suites.enumerate() {
        party.join(Model { suite, ..Model::default() }, TONES_HZ.get(index).copied());
    }
    party.run(SECOND);
    party.forget();
    party.run(SECOND);
    for phone in 0..6 {
        let others: Vec<usize> = (0..5).filter(|other| *other != phone).collect();
        party.assert_hears(phone, &others);
    }
    assert!(party.sim.counters().legs.contains(&(AudioCodec::Pcmu, true, 5)));
}

#[test]
fn a_sprayed_port_neither_answers_nor_plays_nor_moves() {
    let mut party = Party::new();
    party.join(Model::default(), Some(TONES_HZ[0]));
    party.join(Model::default(), Some(TONES_HZ[1]));
    party.run(SECOND);
    party.forget();
    let attacker = at("203.0.113.66:4000");
    let mut noise = Phone::new(party.leg(0), attacker, Model::default(), Some(TONES_HZ[3]));
    for _ in 0..50 {
        let datagram = noise.say();
        party.sim.arrive(noise.leg, Channel::Rtp, attacker, &datagram);
        party.sim.arrive(noise.leg, Channel::Rtcp, attacker, &[0x80, 203, 0, 1, 0, 0, 0, 0]);
        party.sim.arrive(noise.leg, Channel::Rtp, attacker, b"\x00\x01\x00\x00not for us");
        party.run(Duration::from_millis(20));
        party.sim.take_sent(|sent| assert_ne!(sent.to.ip(), attacker.ip()));
    }
    party.assert_hears(0, &[1]);
    party.assert_hears(1, &[0]);
    assert!(party.phones[1].level_of(TONES_HZ[3]) < -50.0);
    let counters = party.sim.counters();
    assert_eq!(counters.refused(Refusal::Source), 100);
    assert_eq!(counters.refused(Refusal::Malformed), 50);
}

#[test]
fn forged_packets_do_not_end_a_secured_call() {
    let mut party = Party::new();
    party.join(Model { suite: Some(SrtpSuite::AesCm128HmacSha1_80), ..Model::default() }, Some(TONES_HZ[0]));
    party.join(Model::default(), Some(TONES_HZ[1]));
    party.run(SECOND);
    party.forget();
    let address = party.phones[0].address;
    let mut forger = Phone::new(party.leg(0), address, Model::default(), Some(TONES_HZ[3]));
    let report = Report {
        ssrc: party.phones[0].sender.ssrc(),
        sender: None,
        blocks: &[],
        cname: "phone",
        extended: Default::default(),
    };
    let mut bye = [0; 128];
    let bye_len = write_bye(&report, &mut bye).expect("written");
    for _ in 0..50 {
        // From the right address, in clear; and a goodbye in clear (RFC 3711 §3.4).
        let datagram = forger.say();
        party.sim.arrive(forger.leg, Channel::Rtp, address, &datagram);
        party.sim.arrive(forger.leg, Channel::Rtcp, address, &bye[..bye_len]);
        party.run(Duration::from_millis(20));
    }
    party.assert_hears(0, &[1]);
    party.assert_hears(1, &[0]);
    assert_eq!(party.sim.counters().refused(Refusal::Authentication), 100);
}

#[test]
fn replayed_packets_are_dropped() {
    let mut party = Party::new();
    party.join(Model { suite: Some(SrtpSuite::AeadAes128Gcm), ..Model::default() }, Some(TONES_HZ[0]));
    let (leg, address) = (party.leg(0), party.phones[0].address);
    let datagram = party.phones[0].say();
    for _ in 0..101 {
        party.sim.arrive(leg, Channel::Rtp, address, &datagram);
    }
    party.run(SECOND);
    assert_eq!(party.sim.counters().refused(Refusal::Authentication), 100);
}

#[test]
fn a_phone_behind_nat_is_found_and_answered_there() {
    let mut party = Party::new();
    party.join(Model::default(), Some(TONES_HZ[0]));
    party.join(Model::default(), Some(TONES_HZ[1]));
    let nat = at("198.51.100.9:61000");
    let leg = party.leg(0);
    let mut plan = party.phones[0].plan();
    plan.audio.remote_rtp = at("10.1.2.3:4000");
    plan.audio.latch.trusted = vec![nat.ip()];
    party.tell(MediaCommand::Connect { leg, plan: Box::new(plan) });
    party.phones[0].address = nat;
    party.run(SECOND);
    party.forget();
    party.run(SECOND);
    party.assert_hears(0, &[1]);
    party.assert_hears(1, &[0]);
    assert_eq!(party.sim.counters().refused(Refusal::Unproven), 2);
}

#[test]
fn the_first_packet_latches_and_is_told_once() {
    let mut party = Party::new();
    party.join(Model::default(), Some(TONES_HZ[0]));
    party.run(SECOND);
    let latched: Vec<_> = party.events.iter().filter(|event| matches!(event, MediaEvent::Latched { .. })).collect();
    assert_eq!(latched, [&MediaEvent::Latched { leg: party.leg(0), address: party.phones[0].address }]);
}

#[test]
fn a_secured_phone_may_move() {
    let mut party = Party::new();
    party.join(Model { suite: Some(SrtpSuite::AesCm128HmacSha1_32), ..Model::default() }, Some(TONES_HZ[0]));
    party.join(Model::default(), Some(TONES_HZ[1]));
    party.run(SECOND);
    party.phones[0].address = at("198.51.100.20:7000");
    party.run(Duration::from_millis(100));
    party.forget();
    party.run(SECOND);
    party.assert_hears(0, &[1]);
}

/// A phone speaks, sealed, before its answer is here: the last fifth of a second is kept, and heard once it has joined.
#[test]
fn what_comes_before_the_plan_is_heard_after_it_and_of_that_only_the_last() {
    for suite in [None, Some(SrtpSuite::AesCm128HmacSha1_80)] {
        let mut party = Party::new();
        let listener = party.join(Model::default(), None);
        let leg = party.sim.open_leg().leg;
        let mut early = Phone::new(leg, at("192.0.2.99:4000"), Model { suite, ..Model::default() }, Some(TONES_HZ[0]));
        for _ in 0..25 {
            let datagram = early.say();
            party.sim.arrive(leg, Channel::Rtp, early.address, &datagram);
            party.run(Duration::from_millis(20));
        }
        assert!(party.phones[listener].level_of(TONES_HZ[0]) < -60.0, "never before it joined");
        party.forget();
        party.tell(MediaCommand::Connect { leg, plan: Box::new(early.plan()) });
        party.tell(MediaCommand::Join { leg, room: party.room });
        party.run(Duration::from_millis(400));
        let refused = party.sim.counters().refused(Refusal::NotConnected);
        assert!((14..=16).contains(&refused), "{refused} of 25");
        let heard: Vec<i16> = std::mem::take(&mut party.phones[listener].heard);
        let loud = heard.chunks(160).filter(|frame| frame.iter().any(|sample| sample.abs() > 2_000)).count();
        assert!((8..=14).contains(&loud), "{loud} frames of 20 ms, of ten that were kept");
    }
}

/// RFC 4568 §7.3: what came early and does not open with the key of the answer is as bad as later.
#[test]
fn what_came_before_the_plan_must_open_with_its_key() {
    let mut party = Party::new();
    let listener = party.join(Model::default(), None);
    let leg = party.sim.open_leg().leg;
    let model = Model { suite: Some(SrtpSuite::AesCm128HmacSha1_80), ..Model::default() };
    let phone = Phone::new(leg, at("192.0.2.99:4000"), model, None);
    let mut forger = Phone::new(leg, phone.address, Model::default(), Some(TONES_HZ[0]));
    for _ in 0..5 {
        let datagram = forger.say();
        party.sim.arrive(leg, Channel::Rtp, phone.address, &datagram);
    }
    party.run(Duration::from_millis(40));
    party.tell(MediaCommand::Connect { leg, plan: Box::new(phone.plan()) });
    party.tell(MediaCommand::Join { leg, room: party.room });
    party.run(SECOND);
    assert_eq!(party.sim.counters().refused(Refusal::Authentication), 5);
    assert!(party.phones[listener].level_of(TONES_HZ[0]) < -60.0);
}

/// RFC 9143 §9.2: packets that name another medium, or have its SSRC, are not the audio's, whatever their payload type.
#[test]
fn other_media_of_a_bundle_are_not_heard() {
    let mut party = Party::new();
    let bundle = Bundle { mid_extension: Some(4), mid: "a".into(), others: vec![Ssrc(0x0bad)], ..Bundle::default() };
    let speaker = party.join(Model { bundle: Some(bundle), ..Model::default() }, Some(TONES_HZ[0]));
    let listener = party.join(Model::default(), None);
    party.run(SECOND);
    party.forget();
    let address = party.phones[speaker].address;
    for n in 0..50_u16 {
        for (ssrc, mid) in [(0x0bad_u32, None), (0x0bee, Some((4, &b"v"[..]))), (0x0bee, None)] {
            let (sequence, timestamp) = (SequenceNumber(n), RtpTimestamp(u32::from(n) * 160));
            let header = RtpHeader { marker: false, payload_type: 0, sequence, timestamp, ssrc: Ssrc(ssrc) };
            let mut packet = [0x2a; 200];
            let start = header.write_extended(&[], mid, &mut packet).expect("room");
            party.sim.arrive(party.leg(speaker), Channel::Rtp, address, &packet[..start + 160]);
        }
        party.run(Duration::from_millis(20));
    }
    assert_eq!(party.sim.counters().refused(Refusal::Medium), 150);
    party.assert_hears(listener, &[speaker]);
}
