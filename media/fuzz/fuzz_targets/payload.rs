//! Payloads of every codec on their way to the ear: octets of a length, again and again, some of them lost.

#![no_main]

use libfuzzer_sys::fuzz_target;
use plenary_media::codec::{make_decoder, payload_units};
use plenary_media::plan::AudioCodec;

/// 120 ms at 48 kHz.
const LONGEST: usize = 5_760;

fuzz_target!(|octets: &[u8]| {
    for codec in AudioCodec::ALL {
        let mut decoder = make_decoder(codec).expect("sets up");
        let (mut pcm, mut rest) = ([0; LONGEST], octets);
        while let Some((&len, after)) = rest.split_first() {
            let (payload, after) = after.split_at(usize::from(len).min(after.len()));
            rest = after;
            let units = payload_units(codec, payload);
            assert!(units.is_none_or(|units| units / (codec.clock_rate() / 1_000) <= 120));
            match len % 8 {
                0 => decoder.conceal(&mut pcm[..960]),
                1 => decoder.recover(payload, &mut pcm[..960]),
                _ => assert!(decoder.decode(payload, &mut pcm).is_ok_and(|samples| samples <= LONGEST) || units.is_none() || codec == AudioCodec::Opus),
            }
        }
    }
});
