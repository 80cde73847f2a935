//! Silence that is not sent: comfort noise (RFC 3389), and DTX of Opus (RFC 7587 §3.1.3), both ways.
#![cfg(feature = "engine")]

mod phones;

use std::time::Duration;

use phones::party::Party;
use phones::tone::TONES_HZ;
use phones::{COMFORT_NOISE, Model};
use plenary_media::engine::{Channel, EngineSettings, LegStats, MediaEvent};
use plenary_media::plan::AudioCodec;

const SECOND: Duration = Duration::from_secs(1);
const TICK: Duration = Duration::from_millis(20);

fn stats(party: &Party, phone: usize) -> LegStats {
    let leg = party.leg(phone);
    let stats = party.events.iter().rev().find_map(|event| match event {
        MediaEvent::Stats { leg: of, stats } if *of == leg => Some(**stats),
        _ => None,
    });
    stats.expect("told every five seconds")
}

#[test]
fn a_peer_that_takes_comfort_noise_is_sent_it_while_nobody_speaks() {
    for codec in [AudioCodec::Pcmu, AudioCodec::Pcma] {
        let mut party = Party::new();
        let talker = party.join(Model::default(), Some(TONES_HZ[0]));
        let taker = party.join(Model { codec, comfort_noise: true, ..Model::default() }, None);
        let other = party.join(Model { codec, ..Model::default() }, None);
        party.run(SECOND);
        assert!(party.phones[taker].comfort.is_empty(), "somebody speaks");
        party.hushed = true;
        party.run(2 * SECOND);
        party.forget();
        party.run(SECOND);
        let taken = &party.phones[taker];
        assert_eq!((taken.comfort.len(), taken.packets.len()), (5, 0));
        assert!(taken.comfort.iter().all(|(_, payload)| payload == &[65]), "§3.1: −65 dBov, no spectrum");
        for pair in taken.comfort.windows(2) {
            let ((before, _), (after, _)) = (&pair[0], &pair[1]);
            assert_eq!(after.sequence.since(before.sequence), 1);
            assert_eq!(after.timestamp.since(before.timestamp), 1_600, "§4: the clock runs on");
        }
        assert_eq!(party.phones[other].packets.len(), 50, "who did not list 13 is never sent it");
        let last = taken.comfort.last().expect("noise").0;

        party.hushed = false;
        party.run(SECOND);
        let first = party.phones[taker].packets.first().expect("a voice").header;
        assert!(first.marker, "a talkspurt begins");
        assert_eq!(first.timestamp.since(last.timestamp) % 160, 0);
        party.run(SECOND);
        party.assert_hears(taker, &[talker]);
    }
}

/// RFC 3389 §3.1, §4: one octet or eleven, the leg is silent in the mix; its pauses are neither loss nor absence.
#[test]
fn comfort_noise_that_comes_is_silence_and_no_loss() {
    let settings = EngineSettings { silent_after: Duration::from_secs(2), ..EngineSettings::default() };
    let mut party = Party::with(&settings);
    let quiet = party.join(Model { comfort_noise: true, ..Model::default() }, Some(TONES_HZ[0]));
    let listener = party.join(Model::default(), None);
    for payload in [&[40][..], &[40, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10]] {
        party.hushed = false;
        party.run(SECOND);
        party.hushed = true;
        party.forget();
        for tick in 0..300 {
            if tick % 50 == 0 {
                let phone = &mut party.phones[quiet];
                let position = phone.position();
                let noise = phone.packet(COMFORT_NOISE, false, position, payload);
                party.sim.arrive(phone.leg, Channel::Rtp, phone.address, &noise);
            }
            party.run(TICK);
        }
        let heard = &party.phones[listener].heard;
        assert!(heard[heard.len() / 2..].iter().all(|sample| sample.abs() <= 8), "silence in the mix");
        let leg = party.leg(quiet);
        let dark = |event: &MediaEvent| matches!(event, MediaEvent::Silent { leg: of, .. } if *of == leg);
        assert!(!party.events.iter().any(dark), "it is there");
        let stats = stats(&party, quiet);
        assert_eq!((stats.packets_lost, stats.packets_late, stats.packets_refused), (0, 0, 0));
    }
    party.hushed = false;
    party.run(SECOND);
    party.forget();
    party.run(SECOND);
    party.assert_hears(listener, &[quiet]);
}

#[test]
fn opus_with_dtx_pauses_while_nobody_speaks_and_goes_on_in_time() {
    let mut party = Party::new();
    let model = Model { codec: AudioCodec::Opus, ..Model::default() };
    let talker = party.join(model.clone(), Some(TONES_HZ[0]));
    let sparse = party.join(Model { dtx: true, ..model.clone() }, None);
    let waiting = party.call(Model { dtx: true, ..model }, None);
    party.run(SECOND);
    let before = party.phones[sparse].packets.last().expect("a voice").header;
    party.hushed = true;
    party.run(2 * SECOND);
    party.forget();
    party.run(4 * SECOND);
    for phone in [sparse, waiting] {
        let packets = party.phones[phone].packets.len();
        assert!((5..=20).contains(&packets), "{packets} packets in four seconds of silence");
    }
    party.hushed = false;
    party.run(SECOND);
    let after = party.phones[sparse].packets.last().expect("a voice").header;
    assert_eq!(after.timestamp.since(before.timestamp), 7 * 48_000, "the clock runs on");
    party.forget();
    party.run(SECOND);
    party.assert_hears(sparse, &[talker]);
    party.run(5 * SECOND);
    assert_eq!(stats(&party, talker).packets_lost, 0, "a peer's own pauses are no loss");
}
