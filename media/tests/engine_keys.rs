//! Keys pressed during a call (RFC 4733): told once, and not heard.
#![cfg(feature = "engine")]

mod phones;

use std::time::Duration;

use phones::party::Party;
use phones::tone::TONES_HZ;
use phones::{KEYS, Model};
use plenary_media::dtmf::Event;
use plenary_media::engine::{Channel, MediaCommand, MediaEvent, Mute};

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
