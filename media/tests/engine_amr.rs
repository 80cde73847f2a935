//! AMR-WB through the engine: heard, paused, and sent at the mode that the peer asks for.
#![cfg(all(feature = "engine", feature = "amr-wb"))]

mod phones;

use std::time::Duration;

use phones::Model;
use phones::party::Party;
use plenary_media::codec::amr::{FrameType, Layout, Mode, ModeSet};
use plenary_media::plan::{AmrFormat, AudioCodec};

const ALIGNED: AmrFormat = AmrFormat { layout: Layout::OctetAligned, ..AmrFormat::PLAIN };

fn phone(format: AmrFormat, asks: Option<u8>) -> Model {
    Model { codec: AudioCodec::AmrWb(format), asks_mode: asks, ..Model::default() }
}

/// Octets of a payload of one frame in the bandwidth-efficient layout.
fn len_of(mode: u8) -> usize {
    (10 + FrameType::new(mode).expect("a mode").bits()).div_ceil(8)
}

fn lens(party: &Party, phone: usize) -> Vec<usize> {
    party.phones[phone].packets.iter().map(|packet| packet.payload_len).collect()
}

#[test]
fn both_layouts_and_other_codecs_hear_each_other() {
    let mut party = Party::new();
    party.join(phone(AmrFormat::PLAIN, None), Some(500.0));
    party.join(phone(ALIGNED, None), Some(800.0));
    party.join(Model::default(), Some(1_300.0));
    party.run(Duration::from_secs(2));
    party.forget();
    party.run(Duration::from_secs(2));
    party.assert_hears(0, &[1, 2]);
    party.assert_hears(1, &[0, 2]);
    party.assert_hears(2, &[0, 1]);
}

#[test]
fn a_request_is_obeyed_for_who_asks_and_for_nobody_else() {
    let mut party = Party::new();
    party.join(Model::default(), Some(700.0));
    let modes = ModeSet::new([0, 2].map(|mode| Mode::new(mode).expect("a mode")));
    let restricted = AmrFormat { modes, ..AmrFormat::PLAIN };
    // Quiet, so that all but the last could share their encode.
    for (format, asks) in
        [(AmrFormat::PLAIN, None), (AmrFormat::PLAIN, Some(8)), (AmrFormat::PLAIN, Some(0)), (restricted, Some(8))]
    {
        party.join(phone(format, asks), None);
    }
    party.run(Duration::from_secs(2));
    party.forget();
    party.run(Duration::from_secs(1));
    for (phone, mode) in [(1, 2), (2, 8), (3, 0), (4, 2)] {
        let lens = lens(&party, phone);
        assert!(lens.len() >= 48, "phone {phone} got {} packets", lens.len());
        assert!(lens.iter().all(|len| *len == len_of(mode)), "phone {phone} wants mode {mode}: {lens:?}");
        party.assert_hears(phone, &[0]);
    }
}

#[test]
fn silence_is_described_and_not_sent_packet_by_packet() {
    let mut party = Party::new();
    let alone = party.join(phone(AmrFormat::PLAIN, None), None);
    party.run(Duration::from_secs(2));
    party.forget();
    party.run(Duration::from_secs(4));
    let lens = lens(&party, alone);
    assert!((20..35).contains(&lens.len()), "{} packets in 4 s: one each 160 ms", lens.len());
    assert!(lens.iter().all(|len| *len == len_of(9)), "{lens:?}");
}
