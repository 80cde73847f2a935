//! Loudness beside the voice: RFC 6464 from the peers, RFC 6465 to them.
#![cfg(feature = "engine")]

mod phones;

use std::time::Duration;

use phones::Model;
use phones::party::Party;
use phones::tone::TONES_HZ;
use plenary_media::engine::{EngineSettings, MediaCommand, MediaEvent, Mute};
use plenary_media::plan::{AudioCodec, AudioLevels};

const SECOND: Duration = Duration::from_secs(1);
const LEVELS: AudioLevels = AudioLevels { peer: Some(2), own: None, voice_bit: false, contributors: Some(5) };

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

/// RFC 6464 §3: the level of what is sent, with the bit for a voice where that was agreed, and 127 of silence.
#[test]
fn who_agreed_is_told_how_loud_it_is_all_together() {
    for voice_bit in [true, false] {
        let mut party = Party::new();
        let told = AudioLevels { peer: None, own: Some(3), voice_bit, contributors: None };
        let speaker = party.join(Model { levels: told, ..Model::default() }, Some(TONES_HZ[0]));
        let listener = party.join(Model { levels: told, ..Model::default() }, None);
        let other = party.join(Model::default(), None);
        party.run(2 * SECOND);
        party.forget();
        party.run(SECOND);
        let levels = |party: &Party, phone: usize| -> Vec<u8> {
            let packets = party.phones[phone].packets.iter();
            packets.map(|packet| packet.own_level.expect("told in every packet")).collect()
        };
        let bit = if voice_bit { 0x80 } else { 0 };
        // A sine of 6000 is at −17.8 dBov.
        assert!(levels(&party, listener).iter().all(|level| (bit | 17..=bit | 19).contains(level)));
        assert!(levels(&party, speaker).iter().all(|level| *level == 127), "itself nobody hears");
        assert!(party.phones[other].packets.iter().all(|packet| packet.own_level.is_none()));
        let leg = party.leg(speaker);
        party.tell(MediaCommand::SetMute { leg, mute: Mute::Muted });
        party.run(SECOND);
        party.forget();
        party.run(SECOND);
        assert!(levels(&party, listener).iter().all(|level| *level == 127), "all are muted");
    }
}

/// RFC 6464 §3: what a phone calls no voice does not take the only place from a softer voice; without `vad=on` the bit
/// says nothing, and where nobody else speaks it is heard.
#[test]
fn noise_that_is_called_so_yields_to_a_voice() {
    for (voice_bit, wins) in [(true, false), (false, true)] {
        let mut party = Party::with(&EngineSettings { speakers: 1, ..EngineSettings::default() });
        let levels = AudioLevels { voice_bit, ..LEVELS };
        let noise = party
            .join(Model { levels, tells_dbov: Some(-18), tells_voice: false, ..Model::default() }, Some(TONES_HZ[0]));
        let listener = party.join(Model::default(), None);
        party.run(2 * SECOND);
        party.forget();
        party.run(SECOND);
        party.assert_hears(listener, &[noise]);
        let voice = party.join(Model { softer: 0.4, ..Model::default() }, Some(TONES_HZ[1]));
        party.run(3 * SECOND);
        party.forget();
        party.run(SECOND);
        let loudest = if wins { noise } else { voice };
        let heard = |phone: usize| party.phones[listener].level_of(party.phones[phone].tone_hz.expect("a tone"));
        let (winner, loser) = (heard(loudest), heard(noise + voice - loudest));
        assert!(winner > loser + 20.0, "voice_bit {voice_bit}: {winner:.1} dB over {loser:.1} dB");
    }
}

#[test]
fn while_a_thread_is_busy_its_encoders_spare_effort_and_everyone_is_heard() {
    let mut party = Party::new();
    let opus = Model { codec: AudioCodec::Opus, ..Model::default() };
    for hz in &TONES_HZ[..3] {
        party.join(opus.clone(), Some(*hz));
    }
    party.run(SECOND);
    assert_eq!(party.sim.counters().ticks_sparing, 0);
    party.sim.slow_down(Duration::from_millis(13));
    party.run(SECOND);
    let busy = party.sim.counters();
    assert!((10..=45).contains(&busy.ticks_sparing), "{} of the second's 50 ticks", busy.ticks_sparing);
    assert_eq!(busy.ticks_hurried, 0);
    party.run(2 * SECOND);
    party.forget();
    party.run(SECOND);
    party.assert_hears(0, &[1, 2]);
    // It has time again, and after three steps tries as hard as before.
    party.sim.slow_down(Duration::ZERO);
    party.run(3 * SECOND);
    let before = party.sim.counters().ticks_sparing;
    party.run(SECOND);
    assert_eq!(party.sim.counters().ticks_sparing, before);
}

#[test]
fn a_tick_that_overruns_sheds_reports_and_never_speakers() {
    let mut party = Party::new();
    for hz in &TONES_HZ[..3] {
        party.join(Model::default(), Some(*hz));
    }
    party.run(SECOND);
    assert_eq!(party.sim.counters().ticks_hurried, 0);
    assert!(party.sim.check_headroom().is_ok());
    let reports = |party: &Party| party.events.iter().filter(|e| matches!(e, MediaEvent::Speakers { .. })).count();

    party.sim.slow_down(Duration::from_millis(21));
    party.run(SECOND);
    party.forget();
    for phone in [0, 1, 2] {
        party.phones[phone].tone_hz = None;
    }
    party.run(3 * SECOND);
    assert_eq!(reports(&party), 0, "that they fell silent is not told");
    assert!(party.sim.counters().ticks_hurried >= 140);
    let refused = party.sim.check_headroom().expect_err("no room for another");
    assert!(refused.to_string().contains("85 %"), "{refused}");
    for (phone, hz) in TONES_HZ[..3].iter().enumerate() {
        party.phones[phone].tone_hz = Some(*hz);
    }
    party.run(SECOND);
    party.forget();
    party.run(SECOND);
    party.assert_hears(0, &[1, 2]);

    party.sim.slow_down(Duration::from_millis(1));
    party.run(3 * SECOND);
    assert!(party.sim.check_headroom().is_ok());
    party.hushed = true;
    party.run(3 * SECOND);
    assert!(reports(&party) > 0, "reports come again");
}

/// Words of uneven length at a pitch that wanders, with pauses; `who` tells voices apart.
fn speech(t: f64, who: f64) -> f64 {
    let word = (0.5 + 0.5 * (7.3 * t + 3.0 * (1.7 * t + who).sin()).sin()).powi(2);
    let pause = if (2.1 * t + who).sin() > -0.3 { 1.0 } else { 0.0 };
    let phase = std::f64::consts::TAU * ((110.0 + 20.0 * who) * t - 12.0 * (2.3 * t + who).cos());
    6_000.0 * word * pause * (1..12).map(|h| (phase * f64::from(h)).sin() / f64::from(h)).sum::<f64>()
}

#[test]
fn the_one_who_returns_what_others_say_is_named_and_nobody_else() {
    for codec in [AudioCodec::Pcmu, AudioCodec::Opus] {
        let mut party = Party::new();
        let model = Model { codec, ..Model::default() };
        let returns = Some((Duration::from_millis(180), 0.1));
        for (returns, speech) in
            [(None, Some((|t| speech(t, 0.0)) as fn(f64) -> f64)), (None, Some(|t| speech(t, 1.0))), (returns, None)]
        {
            let phone = party.join(Model { returns, ..model.clone() }, None);
            party.phones[phone].speech = speech;
        }
        party.run(40 * SECOND);
        let echoes: Vec<_> = (0..3)
            .map(|phone| {
                let leg = party.leg(phone);
                party.events.iter().rev().find_map(|event| match event {
                    MediaEvent::Stats { leg: of, stats } if *of == leg => Some(stats.echo),
                    _ => None,
                })
            })
            .collect();
        assert_eq!(echoes[..2], [Some(None), Some(None)], "{codec:?}");
        let echo = echoes[2].flatten().expect("found");
        println!("{codec:?}: {echo:?}");
        // Besides its own 180 ms there are the jitter buffer and the phone's packets.
        assert!((180..=330).contains(&echo.delay.as_millis()), "{codec:?}: {echo:?}");
        // Gain by itself brings the soft return up by up to 12 dB.
        assert!((6.0..=24.0).contains(&echo.return_loss_db), "{codec:?}: {echo:?}");
        party.sim.run(SECOND);
        assert_eq!(party.sim.counters().echoing_legs, 1);
    }
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
