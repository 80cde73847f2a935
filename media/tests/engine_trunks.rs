//! A room in parts on several shards: everybody hears the others as in a room of one part.
#![cfg(feature = "engine")]

mod phones;

use std::sync::Arc;
use std::time::Duration;

use phones::Model;
use phones::party::Party;
use phones::tone::{TONES_HZ, full_level_db, samples};
use plenary_media::LegId;
use plenary_media::engine::{Clip, EngineSettings, MediaCommand, MediaEvent, Mute, Switch};
use plenary_media::plan::AudioCodec;

const SECOND: Duration = Duration::from_secs(1);
const TICK: Duration = Duration::from_millis(20);

/// So many legs of a room on each of so many shards.
fn shards(threads: usize, room_legs_per_thread: usize) -> EngineSettings {
    EngineSettings { threads, room_legs_per_thread, auto_gain: Switch::Off, ..EngineSettings::default() }
}

/// Four who talk, two on each of two shards.
fn two_and_two() -> Party {
    let mut party = Party::with(&shards(2, 2));
    join(&mut party, TONES_HZ[..4].iter().copied().map(Some));
    party.run(SECOND);
    party.forget();
    party
}

fn join(party: &mut Party, tones: impl IntoIterator<Item = Option<f64>>) {
    for tone in tones {
        party.join(Model::default(), tone);
    }
}

fn homes(party: &Party) -> Vec<usize> {
    party.phones.iter().filter_map(|phone| party.sim.shard_of(phone.leg)).collect()
}

fn others(phone: usize, all: usize) -> Vec<usize> {
    (0..all).filter(|other| *other != phone).collect()
}

#[test]
fn on_three_shards_everybody_hears_exactly_the_others() {
    let mut party = Party::with(&shards(3, 2));
    let codecs = [AudioCodec::Pcmu, AudioCodec::Opus, AudioCodec::G722, AudioCodec::Pcma, AudioCodec::Pcmu];
    for (codec, hz) in codecs.into_iter().zip(TONES_HZ) {
        party.join(Model { codec, ..Model::default() }, Some(hz));
    }
    let listener = party.join(Model::default(), None);
    assert_eq!(homes(&party), [0, 0, 1, 1, 2, 2]);
    assert_eq!(party.sim.counters().room_trunks, 3);
    party.run(SECOND);
    party.forget();
    party.run(SECOND);
    for phone in 0..5 {
        party.assert_hears(phone, &others(phone, 5));
        let mut named = others(phone, 5).iter().map(|other| party.phones[*other].sender.ssrc().0).collect::<Vec<_>>();
        named.sort_unstable();
        for packet in &party.phones[phone].packets {
            let mut csrcs = packet.csrcs.clone();
            csrcs.sort_unstable();
            assert_eq!(csrcs, named, "contributors of phone {phone}");
        }
    }
    party.assert_hears(listener, &[0, 1, 2, 3, 4]);
    assert_eq!(party.sim.counters().voices_lost, 0);
}

#[test]
fn the_loudest_of_all_parts_are_heard_and_told_once() {
    let mut party = Party::with(&EngineSettings { speakers: 2, ..shards(2, 2) });
    join(&mut party, TONES_HZ[..4].iter().copied().map(Some));
    for loud in [1, 2] {
        party.phones[loud].speech = Some(|t| 9_000.0 * (std::f64::consts::TAU * 250.0 * t).sin());
    }
    party.run(SECOND);
    party.forget();
    party.run(SECOND);
    for (phone, heard) in [(0, vec![1, 2]), (1, vec![2]), (2, vec![1]), (3, vec![1, 2])] {
        party.assert_hears(phone, &heard);
    }
    party.phones[1].speech = None;
    party.phones[3].speech = party.phones[2].speech;
    party.run(SECOND);
    let loudest = |party: &Party| -> Option<Vec<LegId>> {
        let mut told = party.events.iter().filter_map(|event| match event {
            MediaEvent::Speakers { speakers, .. } => Some(speakers.iter().map(|speaker| speaker.leg).collect()),
            _ => None,
        });
        told.next_back()
    };
    let mut last = loudest(&party).expect("told");
    last.sort_unstable();
    assert_eq!(last, [party.leg(2), party.leg(3)]);
    party.forget();
    party.run(SECOND);
    let tellings = party.events.iter().filter(|event| matches!(event, MediaEvent::Speakers { .. })).count();
    assert!(tellings <= 5, "told {tellings} times in a second, by one part alone");
    party.assert_hears(0, &[2, 3]);
}

#[test]
fn another_part_hears_a_voice_one_tick_later() {
    let mut party = Party::with(&shards(2, 2));
    join(&mut party, [None; 4]);
    for speaker in [0, 3] {
        party.run(SECOND);
        party.forget();
        party.phones[speaker].tone_hz = Some(TONES_HZ[0]);
        party.run(SECOND);
        let begins = |phone: usize| {
            let heard = &party.phones[phone].heard;
            heard.iter().position(|sample| sample.unsigned_abs() > 1_000).expect("the tone")
        };
        let (near, far) = if speaker == 0 { (1, 2) } else { (2, 1) };
        assert_eq!(begins(far) - begins(near), 160, "20 ms between the parts");
        party.phones[speaker].tone_hz = None;
    }
}

#[test]
fn mute_prompts_and_hanging_up_reach_all_parts() {
    let mut party = two_and_two();
    party.tell(MediaCommand::SetMute { leg: party.leg(0), mute: Mute::Muted });
    party.run(SECOND / 2);
    party.forget();
    party.run(SECOND);
    [(0, vec![1, 2, 3]), (1, vec![2, 3]), (2, vec![1, 3]), (3, vec![1, 2])]
        .iter()
        .for_each(|(phone, heard)| party.assert_hears(*phone, heard));

    let clip = Arc::new(Clip { samples: samples(Some(TONES_HZ[4]), 48_000, 0, 2 * 48_000) });
    party.tell(MediaCommand::PlayToRoom { room: party.room, clip });
    party.run(SECOND / 2);
    party.forget();
    party.run(SECOND);
    for phone in 0..4 {
        assert!(party.phones[phone].level_of(TONES_HZ[4]) > full_level_db() - 6.0, "phone {phone}");
    }

    party.tell(MediaCommand::CloseLeg { leg: party.leg(3) });
    party.run(2 * SECOND);
    party.forget();
    party.run(SECOND);
    party.assert_hears(1, &[2]);
    party.assert_hears(2, &[1]);
}

#[test]
fn a_shard_that_stalls_does_not_stall_the_other() {
    let mut party = two_and_two();
    party.sim.stall(1);
    party.run(SECOND / 5);
    party.forget();
    party.run(SECOND);
    party.assert_hears(0, &[1]);
    party.assert_hears(1, &[0]);
    assert_eq!(party.phones[0].packets.len(), 50);
    assert!(party.phones[2].packets.is_empty());
    assert!(party.sim.counters().voices_lost > 50, "what the other part did not take is counted");
    party.sim.go_on(1);
    party.run(SECOND);
    party.forget();
    party.run(SECOND);
    (0..4).for_each(|phone| party.assert_hears(phone, &others(phone, 4)));
}

#[test]
fn a_leg_moves_between_parts_and_rooms() {
    let mut party = two_and_two();
    // Another room, on the other shard: it has less to do.
    party.tell(MediaCommand::CloseLeg { leg: party.leg(3) });
    let aside = party.sim.open_room();
    for phone in [1, 2] {
        let leg = party.leg(phone);
        party.tell(MediaCommand::Join { leg, room: aside });
    }
    assert_eq!(homes(&party), [0, 1, 1]);
    party.run(SECOND);
    party.forget();
    party.run(SECOND);
    party.assert_hears(0, &[]);
    party.assert_hears(1, &[2]);
    party.assert_hears(2, &[1]);
    for phone in [2, 1] {
        let leg = party.leg(phone);
        party.tell(MediaCommand::Join { leg, room: party.room });
    }
    assert_eq!(homes(&party), [0, 1, 0], "the first to come back finds a place at home");
    party.run(SECOND);
    party.forget();
    party.run(SECOND);
    (0..3).for_each(|phone| party.assert_hears(phone, &others(phone, 3)));
}

#[test]
fn a_room_closes_in_all_parts() {
    let mut party = two_and_two();
    party.tell(MediaCommand::CloseRoom { room: party.room });
    assert_eq!(party.sim.counters().room_trunks, 0);
    party.run(SECOND / 2);
    party.forget();
    party.run(SECOND);
    for phone in 0..4 {
        party.assert_hears(phone, &[]);
        assert_eq!(party.phones[phone].packets.len(), 50, "silence is still sent");
    }
    let again = party.sim.open_room();
    for phone in 0..4 {
        let leg = party.leg(phone);
        party.tell(MediaCommand::Join { leg, room: again });
    }
    party.run(SECOND);
    party.forget();
    party.run(SECOND);
    (0..4).for_each(|phone| party.assert_hears(phone, &others(phone, 4)));
}

#[test]
fn a_busy_shard_sends_a_rooms_further_legs_to_another() {
    let mut party = Party::with(&shards(2, 0));
    join(&mut party, TONES_HZ[..2].iter().copied().map(Some));
    party.sim.slow_down_shard(0, TICK * 7 / 10);
    party.run(2 * SECOND);
    join(&mut party, TONES_HZ[2..4].iter().copied().map(Some));
    assert_eq!(homes(&party), [0, 0, 1, 1]);
    party.run(SECOND);
    party.forget();
    party.run(SECOND);
    (0..4).for_each(|phone| party.assert_hears(phone, &others(phone, 4)));
}

/// Words of uneven length at a pitch that wanders, with pauses; `who` tells voices apart.
fn speech(t: f64, who: f64) -> f64 {
    let word = (0.5 + 0.5 * (7.3 * t + 3.0 * (1.7 * t + who).sin()).sin()).powi(2);
    let pause = if (2.1 * t + who).sin() > -0.3 { 1.0 } else { 0.0 };
    let phase = std::f64::consts::TAU * ((110.0 + 20.0 * who) * t - 12.0 * (2.3 * t + who).cos());
    6_000.0 * word * pause * (1..12).map(|h| (phase * f64::from(h)).sin() / f64::from(h)).sum::<f64>()
}

#[test]
fn who_returns_voices_of_another_part_is_named() {
    let mut party = Party::with(&EngineSettings { auto_gain: Switch::On, ..shards(2, 2) });
    join(&mut party, [None; 2]);
    party.phones[0].speech = Some(|t| speech(t, 0.0));
    party.phones[1].speech = Some(|t| speech(t, 1.0));
    party.join(Model { returns: Some((Duration::from_millis(180), 0.1)), ..Model::default() }, None);
    assert_eq!(homes(&party), [0, 0, 1]);
    party.run(40 * SECOND);
    let echo = |phone: usize| {
        party.events.iter().rev().find_map(|event| match event {
            MediaEvent::Stats { leg, stats } if *leg == party.leg(phone) => Some(stats.echo.is_some()),
            _ => None,
        })
    };
    assert_eq!([0, 1, 2].map(echo), [Some(false), Some(false), Some(true)]);
}
