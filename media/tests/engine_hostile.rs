//! What a peer may send on an agreed leg, by mistake or on purpose: dropped or concealed, counted, and the call lives.
#![cfg(feature = "engine")]

mod phones;

use std::time::Duration;

use phones::party::Party;
use phones::{Model, payload_type};
use plenary_media::engine::{Channel, Refusal};
use plenary_media::plan::AudioCodec;
use plenary_media::rtp::{RtpHeader, RtpTimestamp, SequenceNumber, Ssrc};

const SECOND: Duration = Duration::from_secs(1);

/// A speaker of each codec, and a listener.
fn party() -> (Party, Vec<usize>) {
    let mut party = Party::new();
    let tones = [400.0, 700.0, 1_100.0, 1_500.0, 1_900.0];
    let speakers: Vec<usize> = AudioCodec::ALL
        .into_iter()
        .zip(tones)
        .map(|(codec, hz)| party.join(Model { codec, ..Model::default() }, Some(hz)))
        .collect();
    party.join(Model::default(), None);
    party.run(2 * SECOND);
    (party, speakers)
}

fn send(party: &mut Party, phone: usize, header: RtpHeader, payload: &[u8]) {
    let mut packet = vec![0; 1_600];
    let start = header.write_extended(&[], None, &mut packet).expect("room");
    packet[start..start + payload.len()].copy_from_slice(payload);
    let (leg, address) = (party.phones[phone].leg, party.phones[phone].address);
    party.sim.arrive(leg, Channel::Rtp, address, &packet[..start + payload.len()]);
}

/// A packet that stands where the phone's next would.
fn next_header(party: &mut Party, phone: usize) -> RtpHeader {
    let position = party.phones[phone].position();
    let phone = &mut party.phones[phone];
    let timestamp = phone.sender.timestamp(position);
    phone.sender.next_header(payload_type(phone.model.codec), false, timestamp, 0)
}

fn assert_all_hear_all(party: &mut Party, speakers: &[usize]) {
    party.run(2 * SECOND);
    party.forget();
    party.run(SECOND);
    for &phone in speakers {
        let others: Vec<usize> = speakers.iter().copied().filter(|other| *other != phone).collect();
        party.assert_hears(phone, &others);
    }
}

#[test]
fn payloads_of_no_octets_of_1500_and_of_noise_leave_the_call_as_it_was() {
    let (mut party, speakers) = party();
    let mut seed = 6_716_u64;
    for round in 0..50 {
        for &phone in &speakers {
            let len = [0, 1, 2, 7, 160, 1_459, 1_460, 1_461, 1_500][round % 9];
            let noise: Vec<u8> = (0..len)
                .map(|_| {
                    seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                    (seed >> 56) as u8
                })
                .collect();
            let header = next_header(&mut party, phone);
            send(&mut party, phone, header, &noise);
        }
        party.run(Duration::from_millis(20));
    }
    assert_all_hear_all(&mut party, &speakers);
}

#[test]
fn payload_types_that_were_not_agreed_are_counted_and_dropped() {
    let (mut party, speakers) = party();
    let before = party.sim.counters().refused(Refusal::PayloadType);
    for payload_type in [1, 13, 72, 95, 127] {
        for &phone in &speakers {
            let header = RtpHeader { payload_type, ..next_header(&mut party, phone) };
            send(&mut party, phone, header, &[0x55; 160]);
        }
    }
    party.run(SECOND);
    let refused = party.sim.counters().refused(Refusal::PayloadType) - before;
    // 72 and 95 lie where RTCP is told from RTP (RFC 5761 §4), and are no payload types on the wire.
    assert!(refused >= 3 * speakers.len() as u64, "{refused}");
    assert_all_hear_all(&mut party, &speakers);
}

#[test]
fn another_source_for_every_packet_does_not_take_the_stream() {
    let (mut party, speakers) = party();
    let before = party.sim.counters().refused(Refusal::Unproven);
    for n in 0..100_u32 {
        for &phone in &speakers {
            let codec = party.phones[phone].model.codec;
            let header = RtpHeader {
                marker: false,
                payload_type: payload_type(codec),
                sequence: SequenceNumber(n as u16 * 321),
                timestamp: RtpTimestamp(n * 77_777),
                ssrc: Ssrc(0x5000_0000 + n * 1_000 + phone as u32),
            };
            send(&mut party, phone, header, &[0x2a; 160]);
        }
        party.run(Duration::from_millis(20));
    }
    let refused = party.sim.counters().refused(Refusal::Unproven) - before;
    assert!(refused >= 99 * speakers.len() as u64, "{refused} of {}", 100 * speakers.len());
    assert_all_hear_all(&mut party, &speakers);
}

#[test]
fn jumps_of_the_sequence_and_standing_timestamps_are_survived() {
    let (mut party, speakers) = party();
    for n in 0..200_u16 {
        for &phone in &speakers {
            let standing = next_header(&mut party, phone);
            let jump = standing.sequence.0.wrapping_add(n.wrapping_mul(9_973));
            let header = match n % 3 {
                0 => RtpHeader { sequence: SequenceNumber(jump), ..standing },
                1 => RtpHeader { timestamp: RtpTimestamp(1), ..standing },
                _ => RtpHeader { timestamp: RtpTimestamp(standing.timestamp.0 ^ 0x8000_0000), ..standing },
            };
            send(&mut party, phone, header, &[0x2a; 160]);
        }
        party.run(Duration::from_millis(20));
    }
    assert_all_hear_all(&mut party, &speakers);
}
