//! G.722: 7 kHz of sound at 64 kbit/s, in two bands of ADPCM (ITU-T G.722; RFC 3551 §4.5.2).
//!
//! The seam to `audio-codec`. A payload octet holds two samples at 16 kHz, while the RTP clock counts one.

use std::fmt;

use audio_codec::Encoder as _;
use audio_codec::g722;

use super::conceal::Concealer;
use super::{CodecError, Decoder, Encoded, Encoder, SampleRate};

const NAME: &str = "g722";

pub struct G722Encoder {
    encoder: g722::G722Encoder,
}

impl G722Encoder {
    pub fn new() -> Self {
        Self { encoder: g722::G722Encoder::new() }
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
        if !pcm.len().is_multiple_of(2) {
            return Err(CodecError::FrameSize { codec: NAME, samples: pcm.len() });
        }
        let (needed, len) = (pcm.len() / 2, out.len());
        let written = self.encoder.encode_into(pcm, out);
        written.map(Encoded::Payload).map_err(|_| CodecError::BufferFull { codec: NAME, needed, len })
    }
}

pub struct G722Decoder {
    decoder: g722::G722Decoder,
    concealer: Concealer,
}

impl G722Decoder {
    pub fn new() -> Self {
        Self { decoder: g722::G722Decoder::new(), concealer: Concealer::new(SampleRate::Hz16000) }
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
        let fault = CodecError::BufferFull { codec: NAME, needed, len };
        let out = out.get_mut(..needed).ok_or(fault)?;
        self.decoder.decode_frame_into(payload, out).map_err(|_| fault)?;
        self.concealer.handle_heard(out);
        Ok(needed)
    }

    fn conceal(&mut self, out: &mut [i16]) {
        self.concealer.conceal(out);
    }
}

impl fmt::Debug for G722Encoder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("G722Encoder").finish_non_exhaustive()
    }
}

impl fmt::Debug for G722Decoder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("G722Decoder").finish_non_exhaustive()
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
