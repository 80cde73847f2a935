//! Keys pressed during a call (RFC 4733): told once, and not heard.
#![cfg(feature = "engine")]

mod phones;

use std::time::Duration;

use phones::party::Party;
use phones::tone::TONES_HZ;
use phones::{KEYS, Model};
use plenary_media::dtmf::Event;
use plenary_media::engine::{Channel, MediaCommand, MediaEvent, Mute};
use plenary_media::plan::AudioCodec;

const SECOND: Duration = Duration::from_secs(1);
const TICK: Duration = Duration::from_millis(20);

/// Presses a key for 100 ms; the phone says nothing else meanwhile. `ends`: how many end packets arrive.
fn press(party: &mut Party, phone: usize, code: u8, ends: usize) {
    let position = party.phones[phone].position();
    party.hushed = true;
    for packet in 1..=5 + ends as u16 {
        let end = packet > 5;
        let event = Event { code, end, volume: 10, duration: packet.min(6) * 160 };
        let address = party.phones[phone].address;
        let datagram = party.phones[phone].packet(KEYS, packet == 1, position, &event.write());
        party.sim.arrive(party.leg(phone), Channel::Rtp, address, &datagram);
        party.run(if end { Duration::ZERO } else { TICK });
    }
    party.run(TICK);
    party.hushed = false;
}

fn digits(party: &Party) -> String {
    party
        .events
        .iter()
        .filter_map(|event| match event {
            MediaEvent::Digit { digit, .. } => Some(*digit),
            _ => None,
        })
        .collect()
}

#[test]
fn a_key_is_told_once_whatever_packets_are_lost() {
    let mut party = Party::new();
    party.join(Model::default(), Some(TONES_HZ[0]));
    party.run(SECOND);
    for (code, ends) in [(1, 3), (2, 1), (3, 0), (11, 3)] {
        press(&mut party, 0, code, ends);
        party.run(SECOND);
    }
    assert_eq!(digits(&party), "123#");
}

#[test]
fn a_muted_leg_may_still_press_keys() {
    let mut party = Party::new();
    party.join(Model::default(), Some(TONES_HZ[0]));
    party.tell(MediaCommand::SetMute { leg: party.leg(0), mute: Mute::Muted });
    party.run(SECOND);
    press(&mut party, 0, 10, 3);
    party.run(SECOND);
    assert_eq!(digits(&party), "*");
}

#[test]
fn keys_are_not_heard_and_the_voice_goes_on() {
    let mut party = Party::new();
    party.join(Model::default(), Some(TONES_HZ[0]));
    party.join(Model::default(), None);
    party.run(SECOND);
    party.forget();
    press(&mut party, 0, 5, 3);
    for hz in [770.0, 1_336.0] {
        assert!(party.phones[1].level_of(hz) < -45.0);
    }
    party.run(SECOND);
    party.forget();
    party.run(SECOND);
    party.assert_hears(1, &[0]);
}

#[test]
fn tones_of_a_phone_without_events_are_keys_and_nobody_hears_them() {
    for (codec, mute) in
        [(AudioCodec::Pcmu, Mute::Open), (AudioCodec::Pcma, Mute::Muted), (AudioCodec::Opus, Mute::Open)]
    {
        let mut party = Party::new();
        party.join(Model { codec, events: false, ..Model::default() }, None);
        party.join(Model { codec, ..Model::default() }, None);
        party.tell(MediaCommand::SetMute { leg: party.leg(0), mute });
        party.run(SECOND);
        party.forget();
        let (row, column) = (770.0, 1_336.0);
        for (low, high) in [(row, column), (941.0, 1_477.0)] {
            (party.phones[0].tone_hz, party.phones[0].second_hz) = (Some(low), Some(high));
            party.run(5 * TICK);
            (party.phones[0].tone_hz, party.phones[0].second_hz) = (None, None);
            party.run(5 * TICK);
        }
        assert_eq!(digits(&party), "5#", "{codec:?} {mute:?}");
        let heard: Vec<f64> = [row, column].map(|hz| party.phones[1].level_of(hz)).to_vec();
        assert!(heard.iter().all(|level| *level < -35.0), "{codec:?}: {heard:?}");
    }
}

#[test]
fn a_voice_with_telephone_events_is_not_searched_for_tones() {
    let mut party = Party::new();
    party.join(Model::default(), Some(770.0));
    party.phones[0].second_hz = Some(1_336.0);
    party.join(Model::default(), None);
    party.run(SECOND);
    assert_eq!(digits(&party), "");
    assert!(party.phones[1].level_of(770.0) > -25.0, "it is heard");
}

/// RFC 4733 §2.5.1: marker on the first packet, one timestamp, growing duration, the end three times, numbers of the audio.
#[test]
fn a_key_is_sent_in_place_of_audio() {
    for codec in [AudioCodec::Pcmu, AudioCodec::Opus] {
        let mut party = Party::new();
        party.join(Model { codec, ..Model::default() }, None);
        party.join(Model { codec, ..Model::default() }, Some(TONES_HZ[0]));
        party.run(SECOND);
        party.forget();
        let leg = party.leg(0);
        party.tell(MediaCommand::SendKey { leg, key: '7', duration: 5 * TICK });
        party.run(SECOND);
        let phone = &party.phones[0];
        let (first, event) = phone.keys[0];
        let units = (codec.clock_rate() / 50) as u16;
        assert_eq!((phone.keys.len(), event.code, first.marker, event.duration), (7, 7, true, units));
        let headers: Vec<_> = phone.keys.iter().map(|(header, _)| header).collect();
        assert!(headers.iter().all(|header| header.timestamp == first.timestamp));
        assert!(headers[1..].iter().all(|header| !header.marker));
        let ends: Vec<u16> =
            phone.keys.iter().filter(|(_, event)| event.end).map(|(_, event)| event.duration).collect();
        assert_eq!(ends, [5 * units; 3]);
        let mut numbers: Vec<_> = headers.iter().map(|header| header.sequence).collect();
        numbers.extend(phone.packets.iter().map(|packet| packet.header.sequence));
        numbers.sort_by_key(|number| number.since(phone.packets[0].header.sequence));
        assert!(numbers.windows(2).all(|pair| pair[1].since(pair[0]) == 1), "audio and keys share their numbers");
    }
}

#[test]
fn a_phone_that_takes_no_events_is_sent_none() {
    let mut party = Party::new();
    party.join(Model { events: false, ..Model::default() }, None);
    party.tell(MediaCommand::SendKey { leg: party.leg(0), key: '7', duration: 5 * TICK });
    party.run(SECOND);
    assert!(party.phones[0].keys.is_empty() && party.phones[0].packets.len() >= 49);
}
