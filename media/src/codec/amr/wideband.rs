//! Encoder and decoder of AMR-WB, a packet at a time.

use super::ffi::{RawDecoder, RawEncoder};
use super::payload::{self, Payload, StoredFrame};
use super::{AmrFormat, FRAME_SAMPLES, FrameType, Layout, Mode, ModeControl};
use crate::codec::conceal::Concealer;
use crate::codec::{CodecError, Decoder, Encoded, Encoder, SampleRate};
use crate::mix::level_dbov;

const NAME: &str = "amr-wb";
/// Of the packets that we send: 60 ms.
const MOST_SENT: usize = 3;
/// Louder than this nothing is a pause: the library's detector takes music and steady tones for noise.
const QUIET_DBOV: i8 = -55;
const NO_MEMORY: CodecError = CodecError::Setup { codec: NAME, reason: "no memory" };

#[derive(Debug)]
pub struct AmrWbEncoder {
    raw: RawEncoder,
    layout: Layout,
    control: ModeControl,
}

impl AmrWbEncoder {
    pub fn new(format: AmrFormat) -> Result<Self, CodecError> {
        let raw = RawEncoder::new().ok_or(NO_MEMORY)?;
        Ok(Self { raw, layout: format.layout, control: ModeControl::new(format) })
    }
}

impl Encoder for AmrWbEncoder {
    fn sample_rate(&self) -> SampleRate {
        SampleRate::Hz16000
    }

    fn encode(&mut self, pcm: &[i16], out: &mut [u8]) -> Result<Encoded, CodecError> {
        let (pieces, rest) = pcm.as_chunks::<FRAME_SAMPLES>();
        if !rest.is_empty() || !(1..=MOST_SENT).contains(&pieces.len()) {
            return Err(CodecError::FrameSize { codec: NAME, samples: pcm.len() });
        }
        let mut frames = [StoredFrame::empty(FrameType::NoData); MOST_SENT];
        for (frame, piece) in frames.iter_mut().zip(pieces) {
            let mode = self.control.next_mode();
            let may_pause = level_dbov(piece) <= QUIET_DBOV;
            *frame = self.raw.encode(mode, piece, may_pause).unwrap_or(*frame);
        }
        let frames = &frames[..pieces.len()];
        if frames.iter().all(|frame| frame.frame_type() == FrameType::NoData) {
            return Ok(Encoded::Nothing);
        }
        let len = out.len();
        let full = CodecError::BufferFull { codec: NAME, needed: 2 + 61 * pieces.len(), len };
        payload::write(self.layout, frames, out).map(Encoded::Payload).ok_or(full)
    }

    fn handle_mode_request(&mut self, request: Option<Mode>) {
        self.control.handle_request(request);
    }
}

#[derive(Debug)]
pub struct AmrWbDecoder {
    raw: RawDecoder,
    layout: Layout,
    /// The peer said that it pauses: what is missing is no loss.
    pauses: bool,
    concealer: Concealer,
}

impl AmrWbDecoder {
    pub fn new(format: AmrFormat) -> Result<Self, CodecError> {
        Ok(Self {
            raw: RawDecoder::new().ok_or(NO_MEMORY)?,
            layout: format.layout,
            pauses: false,
            concealer: Concealer::new(SampleRate::Hz16000),
        })
    }
}

impl Decoder for AmrWbDecoder {
    fn sample_rate(&self) -> SampleRate {
        SampleRate::Hz16000
    }

    fn decode(&mut self, payload: &[u8], out: &mut [i16]) -> Result<usize, CodecError> {
        let unreadable = CodecError::Payload { codec: NAME, len: payload.len() };
        let payload = Payload::parse(self.layout, payload).map_err(|_| unreadable)?;
        let (needed, len) = (FRAME_SAMPLES * payload.count(), out.len());
        let full = CodecError::BufferFull { codec: NAME, needed, len };
        let (pieces, _) = out.get_mut(..needed).ok_or(full)?.as_chunks_mut::<FRAME_SAMPLES>();
        for (frame, piece) in payload.frames().zip(pieces) {
            match frame.frame_type() {
                FrameType::Speech(_) => self.pauses = false,
                FrameType::Silence => self.pauses = true,
                FrameType::Lost | FrameType::NoData => {}
            }
            self.raw.decode(&frame, piece);
        }
        self.concealer.handle_heard(&mut out[..needed]);
        Ok(needed)
    }

    /// In a pause the noise goes on. Else the last pitch does: measured at 5 % of loss on a synthetic voice, the envelope
    /// keeps a correlation of 0.80, where the library's own way (TS 26.191) keeps 0.64.
    fn conceal(&mut self, out: &mut [i16]) {
        if !self.pauses {
            return self.concealer.conceal(out);
        }
        let frame = StoredFrame::empty(FrameType::NoData);
        for piece in out.chunks_mut(FRAME_SAMPLES) {
            let mut whole = [0; FRAME_SAMPLES];
            self.raw.decode(&frame, &mut whole);
            let len = piece.len();
            piece.copy_from_slice(&whole[..len]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Something like a voice: harmonics of a gliding pitch, in syllables. Nothing below 480 Hz, where the codec's
    /// high-pass filters turn the phase.
    fn voice(frames: usize) -> Vec<[i16; FRAME_SAMPLES]> {
        let mut phase = 0.0_f64;
        let mut sample = |n: usize| {
            let t = n as f64 / 16_000.0;
            phase += (120.0 + 30.0 * (t * 3.0).sin()) / 16_000.0 * std::f64::consts::TAU;
            let syllable = (t * 4.0 * std::f64::consts::PI).sin().abs();
            let sum: f64 = (4..20).map(|h| (phase * f64::from(h)).sin() / f64::from(h)).sum();
            (9_000.0 * syllable * sum) as i16
        };
        (0..frames).map(|frame| std::array::from_fn(|n| sample(frame * FRAME_SAMPLES + n))).collect()
    }

    fn format(layout: Layout) -> AmrFormat {
        AmrFormat { layout, ..AmrFormat::PLAIN }
    }

    fn encode(encoder: &mut AmrWbEncoder, pcm: &[i16]) -> Option<Vec<u8>> {
        let mut out = [0; 256];
        match encoder.encode(pcm, &mut out).expect("encodes") {
            Encoded::Payload(len) => Some(out[..len].to_vec()),
            Encoded::Nothing => None,
        }
    }

    /// Signal to noise at the best delay, dB.
    fn snr(said: &[i16], heard: &[i16]) -> f64 {
        let at = |delay: usize| {
            let (mut signal, mut noise) = (0.0, 1.0);
            for (&a, &b) in said.iter().zip(&heard[delay..]) {
                signal += f64::from(a).powi(2);
                noise += (f64::from(a) - f64::from(b)).powi(2);
            }
            10.0 * (signal / noise).log10()
        };
        (0..400).map(at).fold(f64::MIN, f64::max)
    }

    #[test]
    fn a_voice_comes_back_in_both_layouts_and_the_better_the_more_bits_it_has() {
        for layout in [Layout::BandwidthEfficient, Layout::OctetAligned] {
            let mut ratios = Vec::new();
            for mode in [0, 2, 8] {
                let mut encoder = AmrWbEncoder::new(format(layout)).expect("sets up");
                encoder.handle_mode_request(Mode::new(mode));
                let mut decoder = AmrWbDecoder::new(format(layout)).expect("sets up");
                let frames = voice(100);
                let mut heard = Vec::new();
                for frame in &frames {
                    let payload = encode(&mut encoder, frame).expect("a voice is sent");
                    let mut pcm = [0; FRAME_SAMPLES];
                    assert_eq!(decoder.decode(&payload, &mut pcm), Ok(FRAME_SAMPLES));
                    heard.extend_from_slice(&pcm);
                }
                let said: Vec<i16> = frames.concat();
                ratios.push(snr(&said[16_000..28_000], &heard[16_000..]));
            }
            println!("{layout:?}: {ratios:.1?} dB");
            assert!(ratios[0] > 6.0 && ratios[1] > 10.0 && ratios[2] > 13.0, "{layout:?}: {ratios:.1?} dB");
            assert!(ratios[0] < ratios[2], "{layout:?}: {ratios:.1?} dB");
        }
    }

    #[test]
    fn pauses_are_sent_as_descriptions_and_heard_as_quiet() {
        let mut encoder = AmrWbEncoder::new(AmrFormat::PLAIN).expect("sets up");
        let mut decoder = AmrWbDecoder::new(AmrFormat::PLAIN).expect("sets up");
        let mut pcm = [0; FRAME_SAMPLES];
        let mut sent = 0;
        for _ in 0..100 {
            match encode(&mut encoder, &[0; FRAME_SAMPLES]) {
                Some(payload) => {
                    sent += 1;
                    decoder.decode(&payload, &mut pcm).expect("decodes");
                }
                None => decoder.conceal(&mut pcm),
            }
        }
        assert!((10..30).contains(&sent), "{sent} of 100 packets");
        assert!(decoder.pauses && level_dbov(&pcm) < -60, "{} dBov", level_dbov(&pcm));
    }

    #[test]
    fn a_lost_frame_is_filled_and_a_lasting_loss_fades() {
        let mut encoder = AmrWbEncoder::new(AmrFormat::PLAIN).expect("sets up");
        let mut decoder = AmrWbDecoder::new(AmrFormat::PLAIN).expect("sets up");
        let mut pcm = [0; FRAME_SAMPLES];
        for frame in voice(58) {
            decoder.decode(&encode(&mut encoder, &frame).expect("sent"), &mut pcm).expect("decodes");
        }
        let before = level_dbov(&pcm);
        decoder.conceal(&mut pcm);
        assert!(level_dbov(&pcm) > before - 10, "{} after {before} dBov", level_dbov(&pcm));
        decoder.conceal(&mut [0; 20 * FRAME_SAMPLES]);
        decoder.conceal(&mut pcm[..77]);
        decoder.conceal(&mut pcm);
        assert!(level_dbov(&pcm) < before - 25, "{} dBov after 0.4 s", level_dbov(&pcm));
    }

    #[test]
    fn rubbish_never_breaks_the_decoder() {
        let mut decoder = AmrWbDecoder::new(format(Layout::OctetAligned)).expect("sets up");
        let (mut pcm, mut seed) = ([0; 6 * FRAME_SAMPLES], 4_867_u64);
        let mut decoded = 0;
        for n in 0..3_000_usize {
            let frame_type = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 14, 15][n % 12];
            let mut payload = vec![0xf0, frame_type << 3 | 0x04];
            payload.extend((0..FrameType::new(frame_type).expect("a type").octets()).map(|_| {
                seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                (seed >> 56) as u8
            }));
            decoded += usize::from(decoder.decode(&payload, &mut pcm) == Ok(FRAME_SAMPLES));
        }
        assert_eq!(decoded, 3_000);
        assert!(decoder.decode(&[0xf0, 0xff], &mut pcm).is_err());
    }

    #[test]
    fn sixty_milliseconds_are_one_payload_of_three_frames() {
        let mut encoder = AmrWbEncoder::new(AmrFormat::PLAIN).expect("sets up");
        let payload = encode(&mut encoder, &voice(3).concat()).expect("sent");
        let mut pcm = [0; 3 * FRAME_SAMPLES];
        assert_eq!(AmrWbDecoder::new(AmrFormat::PLAIN).expect("sets up").decode(&payload, &mut pcm), Ok(960));
        assert!(encoder.encode(&[0; 500], &mut [0; 200]).is_err());
    }
}
