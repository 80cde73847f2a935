//! G.722, octet for octet and sample for sample as two other implementations make it.
//!
//! `g722/signal.g722` and `g722/signal.pcm` are what FFmpeg (libavcodec's own G.722, by PyAV 18.1.0) gives for [`signal`]; libg722, which
//! descends from SpanDSP, gives the same. The digital test sequences of ITU-T G.722 Appendix II may not be passed on,
//! and go around the quadrature mirror filters, where these do not. Samples are of 16 bits, little-endian.

use plenary_media::codec::g722::{G722Decoder, G722Encoder};
use plenary_media::codec::{Decoder, Encoded, Encoder};

const ENCODED: &[u8] = include_bytes!("g722/signal.g722");
const DECODED: &[u8] = include_bytes!("g722/signal.pcm");

/// 1.28 s at 16 kHz, made of integers alone: a gliding triangle, noise at full scale, the triangle at full scale, and
/// a soft mixture of both.
fn signal() -> Vec<i16> {
    let (mut phase, mut seed) = (0_u32, 1_988_u32);
    (0..20_480_u32)
        .map(|n| {
            seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            phase = (phase + 200 + ((n * 3) & 0x3fff)) & 0xffff;
            let triangle = if phase < 32_768 { phase as i32 } else { 65_535 - phase as i32 } - 16_384;
            let noise = (seed >> 16) as i32 - 32_768;
            let sample =
                [triangle, noise, triangle * 2, (triangle + noise.div_euclid(8)).div_euclid(16)][n as usize / 5_120];
            sample.clamp(-32_768, 32_767) as i16
        })
        .collect()
}

#[test]
fn the_encoder_gives_the_references_octets() {
    let (mut encoder, mut encoded) = (G722Encoder::new(), Vec::new());
    for frame in signal().chunks(320) {
        let mut payload = [0; 160];
        assert_eq!(encoder.encode(frame, &mut payload), Ok(Encoded::Payload(160)));
        encoded.extend_from_slice(&payload);
    }
    assert_eq!(first_difference(&encoded, ENCODED), None);
}

#[test]
fn the_decoder_gives_the_references_samples() {
    let (mut decoder, mut decoded) = (G722Decoder::new(), Vec::new());
    for payload in ENCODED.chunks(160) {
        let mut pcm = [0; 320];
        assert_eq!(decoder.decode(payload, &mut pcm), Ok(320));
        decoded.extend_from_slice(&pcm);
    }
    let expected: Vec<i16> = DECODED.as_chunks::<2>().0.iter().map(|octets| i16::from_le_bytes(*octets)).collect();
    assert_eq!(first_difference(&decoded, &expected), None);
}

/// Where two sequences part, and what stands there in each.
fn first_difference<T: Copy + PartialEq>(made: &[T], expected: &[T]) -> Option<(usize, T, T)> {
    assert_eq!(made.len(), expected.len());
    let mut pairs = made.iter().zip(expected).enumerate();
    pairs.find(|(_, (made, expected))| made != expected).map(|(n, (made, expected))| (n, *made, *expected))
}
