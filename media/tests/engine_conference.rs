//! A simulated conference: who hears whom.
#![cfg(feature = "engine")]

mod phones;

use std::sync::Arc;
use std::time::Duration;

use phones::Model;
use phones::party::Party;
use phones::tone::{TONES_HZ, full_level_db};
use plenary_media::engine::{Clip, Deaf, MediaCommand, MediaEvent, Mute};
use plenary_media::plan::{AudioCodec, Direction};

const SECOND: Duration = Duration::from_secs(1);

fn model(codec: AudioCodec) -> Model {
    Model { codec, ..Model::default() }
}

fn three_talkers() -> Party {
    let mut party = Party::new();
    for hz in &TONES_HZ[..3] {
        party.join(Model::default(), Some(*hz));
    }
    party.run(SECOND);
    party.forget();
    party
}

#[test]
fn each_hears_the_others_and_not_itself() {
    let mut party = three_talkers();
    party.run(SECOND);
    party.assert_hears(0, &[1, 2]);
    party.assert_hears(1, &[0, 2]);
    party.assert_hears(2, &[0, 1]);
}

#[test]
fn codecs_mix_with_each_other() {
    let mut party = Party::new();
    let codecs = [AudioCodec::Pcmu, AudioCodec::Pcma, AudioCodec::G722, AudioCodec::Opus];
    for (codec, hz) in codecs.into_iter().zip(TONES_HZ) {
        party.join(model(codec), Some(hz));
    }
    party.run(SECOND);
    party.forget();
    party.run(SECOND);
    for phone in 0..codecs.len() {
        let others: Vec<usize> = (0..codecs.len()).filter(|other| *other != phone).collect();
        party.assert_hears(phone, &others);
    }
}

#[test]
fn silent_listeners_of_one_codec_share_one_encode() {
    let mut party = three_talkers();
    for _ in 0..20 {
        party.join(Model::default(), None);
    }
    party.run(SECOND);
    party.forget();
    let before = party.sim.counters().encodes_of(AudioCodec::Pcmu);
    party.run(SECOND);
    let encodes = party.sim.counters().encodes_of(AudioCodec::Pcmu) - before;
    assert_eq!(encodes, 50 * 4, "one for each of three talkers, one for twenty listeners");
    for listener in 3..23 {
        party.assert_hears(listener, &[0, 1, 2]);
    }
}

#[test]
fn whoever_mutes_is_gone_within_300_ms_and_still_hears() {
    let mut party = three_talkers();
    party.tell(MediaCommand::SetMute { leg: party.leg(0), mute: Mute::Muted });
    party.run(Duration::from_millis(300));
    party.forget();
    party.run(SECOND);
    party.assert_hears(1, &[2]);
    party.assert_hears(0, &[1, 2]);
    party.tell(MediaCommand::SetMute { leg: party.leg(0), mute: Mute::Open });
    party.run(SECOND);
    party.forget();
    party.run(SECOND);
    party.assert_hears(1, &[0, 2]);
}

#[test]
fn the_deafened_is_sent_silence() {
    let mut party = three_talkers();
    party.tell(MediaCommand::SetDeaf { leg: party.leg(0), deaf: Deaf::Deafened });
    party.run(Duration::from_millis(100));
    party.forget();
    party.run(SECOND);
    party.assert_hears(0, &[]);
    assert_eq!(party.phones[0].packets.len(), 50, "silence too is sent");
    party.assert_hears(1, &[0, 2]);
}

#[test]
fn hold_stops_one_direction_at_a_time() {
    let mut party = three_talkers();
    for (direction, sends, receives) in [
        (Direction::SendOnly, true, false),
        (Direction::RecvOnly, false, true),
        (Direction::Inactive, false, false),
        (Direction::SendRecv, true, true),
    ] {
        party.phones[0].model.direction = direction;
        let plan = Box::new(party.phones[0].plan());
        party.tell(MediaCommand::Connect { leg: party.leg(0), plan });
        party.run(SECOND);
        party.forget();
        party.run(SECOND);
        assert_eq!(party.phones[0].packets.len(), if sends { 50 } else { 0 }, "{direction:?}");
        party.assert_hears(1, if receives { &[0, 2] } else { &[2] });
    }
}

#[test]
fn the_stream_runs_on_over_a_hold() {
    let mut party = three_talkers();
    party.run(SECOND);
    let last = party.phones[0].packets.last().expect("a packet").header;
    for direction in [Direction::RecvOnly, Direction::SendRecv] {
        party.phones[0].model.direction = direction;
        let plan = Box::new(party.phones[0].plan());
        party.tell(MediaCommand::Connect { leg: party.leg(0), plan });
        party.forget();
        party.run(SECOND);
    }
    let first = party.phones[0].packets.first().expect("a packet").header;
    assert_eq!(first.ssrc, last.ssrc);
    assert_eq!(first.sequence.since(last.sequence), 1);
    assert_eq!(first.timestamp.since(last.timestamp), 8_000 + 160);
    assert!(first.marker);
}

#[test]
fn contributors_are_named() {
    let mut party = three_talkers();
    let listener = party.join(Model::default(), None);
    party.run(SECOND);
    let named = |party: &Party, phone: usize| {
        let mut csrcs = party.phones[phone].packets.last().expect("a packet").csrcs.clone();
        csrcs.sort_unstable();
        csrcs
    };
    let ssrcs = |phones: &[usize]| {
        let mut ssrcs: Vec<u32> = phones.iter().map(|phone| party.phones[*phone].sender.ssrc().0).collect();
        ssrcs.sort_unstable();
        ssrcs
    };
    assert_eq!(named(&party, listener), ssrcs(&[0, 1, 2]));
    assert_eq!(named(&party, 1), ssrcs(&[0, 2]));
}

#[test]
fn waiting_alone_is_silence_and_echo_is_oneself() {
    let mut party = Party::new();
    let alone = party.call(Model::default(), Some(TONES_HZ[0]));
    party.run(SECOND);
    assert_eq!(party.phones[alone].packets.len(), 50, "the pinhole is kept open");
    assert!(party.phones[alone].packets[0].header.marker);
    party.assert_hears(alone, &[]);
    party.tell(MediaCommand::Echo { leg: party.leg(alone) });
    party.run(SECOND);
    party.forget();
    party.run(SECOND);
    party.assert_hears(alone, &[alone]);
}

#[test]
fn who_leaves_is_neither_heard_nor_hears() {
    let mut party = three_talkers();
    party.tell(MediaCommand::Leave { leg: party.leg(0) });
    party.run(SECOND);
    party.forget();
    party.run(SECOND);
    party.assert_hears(0, &[]);
    party.assert_hears(1, &[2]);
    party.tell(MediaCommand::CloseLeg { leg: party.leg(1) });
    party.run(SECOND);
    party.forget();
    party.run(SECOND);
    party.assert_hears(2, &[]);
    assert!(party.phones[1].packets.is_empty());
}

#[test]
fn a_clip_reaches_one_leg_or_the_whole_room_and_its_end_is_told() {
    let hz = TONES_HZ[4];
    let clip = |rate| Arc::new(Clip { samples: phones::tone::samples(Some(hz), rate, 0, rate as usize) });
    let mut party = three_talkers();
    let listener = party.join(Model::default(), None);
    party.run(SECOND);
    party.forget();
    party.tell(MediaCommand::Play { leg: party.leg(listener), clip: clip(48_000) });
    party.run(SECOND + Duration::from_millis(100));
    assert!(party.phones[listener].level_of(hz) > full_level_db() - 6.0);
    party.assert_hears(listener, &[0, 1, 2]);
    assert!(party.phones[0].level_of(hz) < -50.0);
    assert!(party.events.contains(&MediaEvent::Played { leg: party.leg(listener) }));

    party.forget();
    party.tell(MediaCommand::PlayToRoom { room: party.room, clip: clip(48_000) });
    party.run(SECOND);
    for phone in 0..4 {
        assert!(party.phones[phone].level_of(hz) > full_level_db() - 6.0, "phone {phone}");
    }
}

#[test]
fn music_is_heard_again_and_again_until_it_is_stopped_and_a_clip_interrupts_it() {
    let (music_hz, clip_hz) = (TONES_HZ[4], TONES_HZ[3]);
    let clip = |hz| Arc::new(Clip { samples: phones::tone::samples(Some(hz), 48_000, 0, 48_000) });
    let mut party = three_talkers();
    let (alone, other) = (party.call(Model::default(), None), 0);
    let leg = party.leg(alone);
    let loud = |party: &Party, hz| party.phones[alone].level_of(hz) > full_level_db() - 6.0;
    party.tell(MediaCommand::PlayMusic { leg, clip: clip(music_hz) });
    party.run(2 * SECOND);
    party.forget();
    party.run(SECOND);
    assert!(loud(&party, music_hz), "the clip of a second is in its third round");
    assert!(party.phones[other].level_of(music_hz) < -50.0);

    party.tell(MediaCommand::Play { leg, clip: clip(clip_hz) });
    party.run(Duration::from_millis(40));
    party.forget();
    party.run(Duration::from_millis(140));
    assert!(loud(&party, clip_hz) && !loud(&party, music_hz));
    party.run(SECOND);
    party.forget();
    party.run(SECOND);
    assert!(loud(&party, music_hz), "it goes on");

    party.tell(MediaCommand::StopMusic { leg });
    party.run(SECOND);
    party.forget();
    party.run(SECOND);
    assert!(party.phones[alone].level_of(music_hz) < -50.0);
}

#[test]
fn speakers_are_told_loudest_first_at_most_five_times_a_second() {
    let mut party = three_talkers();
    party.tell(MediaCommand::SetGain { leg: party.leg(0), gain_db: -6.0 });
    party.run(SECOND);
    let told: Vec<_> = party
        .events
        .iter()
        .filter_map(|event| match event {
            MediaEvent::Speakers { speakers, .. } => Some(speakers),
            _ => None,
        })
        .collect();
    assert!((1..=5).contains(&told.len()) || told.is_empty(), "{} times", told.len());
    party.hushed = true;
    party.run(3 * SECOND);
    let last = party.events.iter().rev().find_map(|event| match event {
        MediaEvent::Speakers { speakers, .. } => Some(speakers.clone()),
        _ => None,
    });
    assert!(last.is_some(), "that they fell silent is told");
}

#[test]
fn a_closed_room_leaves_its_legs_in_silence() {
    let mut party = three_talkers();
    party.tell(MediaCommand::CloseRoom { room: party.room });
    party.run(SECOND);
    party.forget();
    party.run(SECOND);
    for phone in 0..3 {
        party.assert_hears(phone, &[]);
        assert_eq!(party.phones[phone].packets.len(), 50);
    }
}

/// Whoever begins to speak leaves the shared encode for one of its own, and comes back some time after the last word.
#[test]
fn to_begin_and_to_end_speaking_does_not_click_in_ones_own_ear() {
    for (codec, allowed) in [(AudioCodec::Pcmu, 1.2), (AudioCodec::G722, 1.3), (AudioCodec::Opus, 1.6)] {
        let mut party = Party::new();
        party.join(model(codec), Some(TONES_HZ[0]));
        let listener = party.join(model(codec), None);
        party.run(2 * SECOND);
        party.forget();
        party.run(SECOND);
        let steady = largest_step(&party.phones[listener].heard);
        party.forget();
        for _ in 0..4 {
            party.phones[listener].tone_hz = Some(TONES_HZ[1]);
            party.run(Duration::from_millis(500));
            party.phones[listener].tone_hz = None;
            party.run(SECOND);
        }
        let changing = largest_step(&party.phones[listener].heard);
        assert!(changing as f64 <= steady as f64 * allowed, "{codec:?}: steps of {changing}, steadily {steady}");
    }
}

/// A click is a step between two samples that the tone itself does not make.
fn largest_step(samples: &[i16]) -> i32 {
    samples.windows(2).map(|pair| (i32::from(pair[1]) - i32::from(pair[0])).abs()).max().unwrap_or(0)
}
