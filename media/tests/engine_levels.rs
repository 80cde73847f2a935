//! Loudness beside the voice: RFC 6464 from the peers, RFC 6465 to them.
#![cfg(feature = "engine")]

mod phones;

use std::time::Duration;

use phones::Model;
use phones::party::Party;
use phones::tone::TONES_HZ;
use plenary_media::engine::{EngineSettings, MediaEvent};
use plenary_media::plan::{AudioCodec, AudioLevels};

const SECOND: Duration = Duration::from_secs(1);
const LEVELS: AudioLevels = AudioLevels { peer: Some(2), contributors: Some(5) };

#[test]
fn each_contributor_has_its_level_in_the_order_of_the_list() {
    let mut party = Party::new();
    party.join(Model { levels: LEVELS, ..Model::default() }, Some(TONES_HZ[0]));
    party.join(Model::default(), Some(TONES_HZ[1]));
    party.join(Model::default(), Some(TONES_HZ[2]));
    let listener = party.join(Model { levels: LEVELS, ..Model::default() }, None);
    party.run(2 * SECOND);
    party.forget();
    party.run(SECOND);
    for (phone, contributors) in [(0, 2), (listener, 3)] {
        for packet in &party.phones[phone].packets {
            assert_eq!((packet.csrcs.len(), packet.levels.len()), (contributors, contributors));
            // A sine of 6000 is at −17.8 dBov.
            assert!(packet.levels.iter().all(|level| (17..=19).contains(level)), "{:?}", packet.levels);
        }
    }
    assert!(party.phones[1].packets.iter().all(|packet| packet.levels.is_empty()), "who did not agree gets none");
}

/// RFC 6464 §6: with one place for speakers, a silent phone that claims to shout must not hold it.
#[test]
fn who_claims_to_shout_and_is_silent_does_not_pin_the_speaker() {
    let mut party = Party::with(&EngineSettings { speakers: 1, ..EngineSettings::default() });
    let opus = Model { codec: AudioCodec::Opus, levels: LEVELS, ..Model::default() };
    let liar = party.join(Model { tells_dbov: Some(0), ..opus.clone() }, None);
    let talker = party.join(Model { tells_dbov: Some(-18), ..opus.clone() }, Some(TONES_HZ[0]));
    let listener = party.join(opus, None);
    party.run(2 * SECOND);
    party.forget();
    party.run(SECOND);
    party.assert_hears(listener, &[talker]);
    let liar = party.leg(liar);
    let pinned = party.events.iter().any(|event| match event {
        MediaEvent::Speakers { speakers, .. } => speakers.iter().any(|speaker| speaker.leg == liar),
        _ => false,
    });
    assert!(!pinned);
}

/// RFC 6464 §1: who tells that it is silent need not be decoded.
#[test]
fn silence_that_is_told_is_not_decoded() {
    let decodes = |tells_dbov| {
        let mut party = Party::new();
        party
            .join(Model { codec: AudioCodec::Opus, levels: LEVELS, tells_dbov, ..Model::default() }, Some(TONES_HZ[0]));
        party.run(2 * SECOND);
        let before = party.sim.counters().decodes;
        party.run(2 * SECOND);
        party.sim.counters().decodes - before
    };
    assert_eq!(decodes(Some(-127)), 0);
    assert!(decodes(None) > 0);
}
