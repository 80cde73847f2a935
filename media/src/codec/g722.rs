//! G.722: 7 kHz of sound at 64 kbit/s, in two bands of ADPCM (ITU-T G.722; RFC 3551 §4.5.2).
//!
//! ```text
//!  16 kHz ─▶ mirror ─┬─ lower, 8 kHz ─▶ 6 bits ─┬─▶ an octet
//!                    └─ higher, 8 kHz ▶ 2 bits ─┘
//! ```
//!
//! A payload octet holds two samples at 16 kHz, while the RTP clock counts one. Checked against two other implementations,
//! bit for bit (`tests/g722_reference.rs`). Left out: the modes of 56 and 48 kbit/s, which RTP does not have.

mod band;
mod mirror;
mod quantise;

use self::band::{Band, saturate};
use self::mirror::Mirror;
use self::quantise::{adapt_higher, adapt_lower, code_higher, code_lower, sample_higher, sample_lower};
use super::conceal::Concealer;
use super::{CodecError, Decoder, Encoded, Encoder, SampleRate};

const NAME: &str = "g722";

#[derive(Clone, Debug)]
struct Bands {
    mirror: Mirror,
    lower: Band,
    higher: Band,
}

impl Bands {
    fn new() -> Self {
        Self { mirror: Mirror::default(), lower: Band::new(32), higher: Band::new(8) }
    }

    fn encode(&mut self, pair: [i16; 2]) -> u8 {
        let (lower, higher) = self.mirror.split(pair);
        let low = code_lower(&self.lower, saturate(lower - self.lower.prediction));
        let high = code_higher(&self.higher, saturate(higher - self.higher.prediction));
        self.adapt(low, high);
        high << 6 | low
    }

    fn decode(&mut self, octet: u8) -> [i16; 2] {
        let (low, high) = (octet & 0x3f, octet >> 6);
        let (lower, higher) = (sample_lower(&self.lower, low), sample_higher(&self.higher, high));
        self.adapt(low, high);
        self.mirror.join(lower, higher)
    }

    fn adapt(&mut self, low: u8, high: u8) {
        adapt_lower(&mut self.lower, low);
        adapt_higher(&mut self.higher, high);
    }
}

#[derive(Debug)]
pub struct G722Encoder {
    bands: Bands,
}

impl G722Encoder {
    pub fn new() -> Self {
        Self { bands: Bands::new() }
    }
}

impl Default for G722Encoder {
    fn default() -> Self {
        Self::new()
    }
}

impl Encoder for G722Encoder {
    fn sample_rate(&self) -> SampleRate {
        SampleRate::Hz16000
    }

    fn encode(&mut self, pcm: &[i16], out: &mut [u8]) -> Result<Encoded, CodecError> {
        let (pairs, rest) = pcm.as_chunks::<2>();
        if !rest.is_empty() {
            return Err(CodecError::FrameSize { codec: NAME, samples: pcm.len() });
        }
        let (needed, len) = (pairs.len(), out.len());
        let out = out.get_mut(..needed).ok_or(CodecError::BufferFull { codec: NAME, needed, len })?;
        for (octet, pair) in out.iter_mut().zip(pairs) {
            *octet = self.bands.encode(*pair);
        }
        Ok(Encoded::Payload(needed))
    }
}

#[derive(Debug)]
pub struct G722Decoder {
    bands: Bands,
    concealer: Concealer,
}

impl G722Decoder {
    pub fn new() -> Self {
        Self { bands: Bands::new(), concealer: Concealer::new(SampleRate::Hz16000) }
    }
}

impl Default for G722Decoder {
    fn default() -> Self {
        Self::new()
    }
}

impl Decoder for G722Decoder {
    fn sample_rate(&self) -> SampleRate {
        SampleRate::Hz16000
    }

    fn decode(&mut self, payload: &[u8], out: &mut [i16]) -> Result<usize, CodecError> {
        let (needed, len) = (2 * payload.len(), out.len());
        let out = out.get_mut(..needed).ok_or(CodecError::BufferFull { codec: NAME, needed, len })?;
        for (pair, octet) in out.as_chunks_mut::<2>().0.iter_mut().zip(payload) {
            *pair = self.bands.decode(*octet);
        }
        self.concealer.handle_heard(out);
        Ok(needed)
    }

    fn conceal(&mut self, out: &mut [i16]) {
        self.concealer.conceal(out);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Signal to noise of encoding and decoding a sine, dB, over its second half and at the best delay.
    fn quality(hz: f64, amplitude: f64) -> f64 {
        let sine: Vec<i16> = (0..6_400)
            .map(|n| (amplitude * (f64::from(n) * hz * std::f64::consts::TAU / 16_000.0).sin()) as i16)
            .collect();
        let (mut encoder, mut decoder) = (G722Encoder::new(), G722Decoder::new());
        let mut heard = Vec::new();
        for frame in sine.chunks(320) {
            let (mut payload, mut pcm) = ([0; 160], [0; 320]);
            assert_eq!(encoder.encode(frame, &mut payload), Ok(Encoded::Payload(160)));
            assert_eq!(decoder.decode(&payload, &mut pcm), Ok(320));
            heard.extend_from_slice(&pcm);
        }
        (0..48)
            .map(|delay| {
                let (mut signal, mut noise) = (0.0, 1.0);
                for (&a, &b) in sine[3_200..6_000].iter().zip(&heard[3_200 + delay..]) {
                    signal += f64::from(a).powi(2);
                    noise += (f64::from(a) - f64::from(b)).powi(2);
                }
                10.0 * (signal / noise).log10()
            })
            .fold(f64::MIN, f64::max)
    }

    #[test]
    fn both_bands_carry_their_sines() {
        for (hz, least) in [(300.0, 30.0), (1_000.0, 30.0), (3_000.0, 25.0), (6_000.0, 12.0)] {
            let snr = quality(hz, 10_000.0);
            assert!(snr > least, "{hz} Hz: {snr:.1} dB");
        }
    }

    #[test]
    fn twenty_milliseconds_are_160_octets_and_320_samples() {
        let mut payload = [0; 200];
        assert_eq!(G722Encoder::new().encode(&[0; 320], &mut payload), Ok(Encoded::Payload(160)));
        assert_eq!(
            G722Decoder::new().decode(&payload[..160], &mut [0; 300]),
            Err(CodecError::BufferFull { codec: "g722", needed: 320, len: 300 })
        );
    }
}
