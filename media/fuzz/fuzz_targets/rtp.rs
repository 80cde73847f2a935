//! An RTP packet, and what a receiver keeps of its stream.

#![no_main]

use std::time::Instant;

use libfuzzer_sys::fuzz_target;
use plenary_media::rtp::{RtpPacket, RtpSource};

fuzz_target!(|octets: &[u8]| {
    let Ok(packet) = RtpPacket::parse(octets) else { return };
    assert!(packet.payload.len() <= octets.len());
    assert!(packet.csrcs().count() <= 15);
    if let Some(extension) = packet.extension {
        for id in 0..=u8::MAX {
            let _ = extension.element(id);
        }
    }
    let now = Instant::now();
    let mut source = RtpSource::new(packet.header.ssrc);
    source.handle_packet(&packet.header, 48_000, now);
    let _ = (source.report(now), source.lost(), source.jitter());
});
