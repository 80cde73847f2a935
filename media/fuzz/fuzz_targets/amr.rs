//! Payloads of AMR-WB in both layouts; what is read is written and read again.

#![no_main]

use libfuzzer_sys::fuzz_target;
use plenary_media::codec::amr::{Layout, Payload, write};

fuzz_target!(|octets: &[u8]| {
    for layout in [Layout::BandwidthEfficient, Layout::OctetAligned] {
        let Ok(payload) = Payload::parse(layout, octets) else { continue };
        let frames: Vec<_> = payload.frames().collect();
        assert_eq!(frames.len(), payload.count());
        let mut out = [0; 512];
        let len = write(layout, &frames, &mut out).expect("six frames fit");
        let again = Payload::parse(layout, &out[..len]).expect("what was written is read");
        assert!(again.frames().eq(frames.iter().copied()));
    }
});
