//! Opus: speech and music from 6 kbit/s up, at 48 kHz (RFC 6716, RFC 7587). The seam to libopus.
//!
//! The `a=fmtp` of a peer says what *it* wants to receive (RFC 7587 §6.1), so its wishes set up our encoder.

use std::fmt;

use ::opus as libopus;
use libopus::{Application, Bandwidth, Bitrate, Channels, Signal};

use super::{CodecError, Decoder, Effort, Encoded, Encoder, SampleRate};
use crate::plan::OpusWishes;

const NAME: &str = "opus";

/// What we send unless the peer wants less: wideband speech without audible loss.
const DEFAULT_BITRATE: u32 = 32_000;
/// The most that we send, to peers that wish for it: nothing is gained above, with one channel.
const MOST_BITRATE: u32 = 64_000;
/// The loss that in-band redundancy is made for; at zero libopus adds none.
const EXPECTED_LOSS_PERCENT: i32 = 5;
/// Packets this short say only that the silence goes on (DTX).
const SILENT_PACKET: usize = 2;
/// 2.5 ms, the grid of all Opus durations.
const GRID: usize = 120;
/// RFC 6716 §2.1.4.
pub const LONGEST_PACKET: usize = 5_760;

pub struct OpusEncoder {
    encoder: libopus::Encoder,
}

impl OpusEncoder {
    pub fn new(wishes: OpusWishes) -> Result<Self, CodecError> {
        Self::set_up(wishes).map(|encoder| Self { encoder }).map_err(setup)
    }

    fn set_up(wishes: OpusWishes) -> Result<libopus::Encoder, libopus::Error> {
        let mut encoder = libopus::Encoder::new(48_000, Channels::Mono, Application::Voip)?;
        encoder.set_bitrate(Bitrate::Bits(bitrate(wishes)))?;
        encoder.set_max_bandwidth(bandwidth(wishes.max_playback_rate))?;
        encoder.set_vbr(!wishes.cbr)?;
        encoder.set_dtx(wishes.dtx)?;
        encoder.set_inband_fec(wishes.inband_fec)?;
        encoder.set_packet_loss_perc(if wishes.inband_fec { EXPECTED_LOSS_PERCENT } else { 0 })?;
        try_so_hard(&mut encoder, Effort::Full)?;
        Ok(encoder)
    }
}

/// A frame at 32 kbit/s takes 158 µs with full effort, 100 with fair, 55 with little and 30 with least.
///
/// Taken for music, speech is coded by the transform alone (CELT), without in-band redundancy, which only SILK makes.
fn try_so_hard(encoder: &mut libopus::Encoder, effort: Effort) -> Result<(), libopus::Error> {
    let (complexity, signal) = match effort {
        Effort::Full => (5, Signal::Auto),
        Effort::Fair => (1, Signal::Auto),
        Effort::Little => (5, Signal::Music),
        Effort::Least => (0, Signal::Music),
    };
    encoder.set_complexity(complexity)?;
    encoder.set_signal(signal)
}

/// bit/s, never more than asked for, and not below what Opus can.
fn bitrate(wishes: OpusWishes) -> i32 {
    let wished = wishes.max_average_bitrate.map_or(DEFAULT_BITRATE, |most| most.clamp(6_000, MOST_BITRATE));
    wished.cast_signed()
}

/// The widest band that a receiver playing at this rate can hear (RFC 7587 §6.1).
fn bandwidth(max_playback_rate: Option<u32>) -> Bandwidth {
    match max_playback_rate {
        Some(..=8_000) => Bandwidth::Narrowband,
        Some(..=12_000) => Bandwidth::Mediumband,
        Some(..=16_000) => Bandwidth::Wideband,
        Some(..=24_000) => Bandwidth::Superwideband,
        _ => Bandwidth::Fullband,
    }
}

fn setup(error: libopus::Error) -> CodecError {
    CodecError::Setup { codec: NAME, reason: error.description() }
}

impl Encoder for OpusEncoder {
    fn sample_rate(&self) -> SampleRate {
        SampleRate::Hz48000
    }

    fn encode(&mut self, pcm: &[i16], out: &mut [u8]) -> Result<Encoded, CodecError> {
        match self.encoder.encode(pcm, out) {
            Ok(..=SILENT_PACKET) => Ok(Encoded::Nothing),
            Ok(len) => Ok(Encoded::Payload(len)),
            Err(_) => Err(CodecError::FrameSize { codec: NAME, samples: pcm.len() }),
        }
    }

    fn set_effort(&mut self, effort: Effort) {
        // libopus refuses only numbers that it does not know.
        let _ = try_so_hard(&mut self.encoder, effort);
    }
}

pub struct OpusDecoder {
    decoder: libopus::Decoder,
}

impl OpusDecoder {
    pub fn new() -> Result<Self, CodecError> {
        let decoder = libopus::Decoder::new(48_000, Channels::Mono).map_err(setup)?;
        Ok(Self { decoder })
    }

    /// Fills what libopus leaves, should it refuse, with silence.
    fn fill(&mut self, packet: &[u8], out: &mut [i16]) {
        let on_grid = (out.len() - out.len() % GRID).min(LONGEST_PACKET);
        let (head, tail) = out.split_at_mut(on_grid);
        tail.fill(0);
        if self.decoder.decode(packet, head, !packet.is_empty()).is_err() {
            head.fill(0);
        }
    }
}

impl Decoder for OpusDecoder {
    fn sample_rate(&self) -> SampleRate {
        SampleRate::Hz48000
    }

    fn decode(&mut self, payload: &[u8], out: &mut [i16]) -> Result<usize, CodecError> {
        let unreadable = CodecError::Payload { codec: NAME, len: payload.len() };
        if payload.is_empty() {
            return Err(unreadable); // libopus would take it for a loss
        }
        self.decoder.decode(payload, out, false).map_err(|_| unreadable)
    }

    fn conceal(&mut self, out: &mut [i16]) {
        self.fill(&[], out);
    }

    fn recover(&mut self, following: &[u8], out: &mut [i16]) {
        self.fill(following, out);
    }
}

impl fmt::Debug for OpusEncoder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OpusEncoder").finish_non_exhaustive()
    }
}

impl fmt::Debug for OpusDecoder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OpusDecoder").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mix::level_dbov;

    /// Something like a voice: harmonics of a gliding pitch, in syllables.
    fn voice(frames: usize) -> Vec<[i16; 960]> {
        let mut phase = 0.0_f64;
        let sample = |n: usize, phase: &mut f64| {
            let t = n as f64 / 48_000.0;
            *phase += (120.0 + 30.0 * (t * 3.0).sin()) / 48_000.0 * std::f64::consts::TAU;
            let syllable = (t * 4.0 * std::f64::consts::PI).sin().abs();
            let sum: f64 = (1..20).map(|h| (*phase * f64::from(h)).sin() / f64::from(h)).sum();
            (6_000.0 * syllable * sum) as i16
        };
        (0..frames).map(|frame| std::array::from_fn(|n| sample(frame * 960 + n, &mut phase))).collect()
    }

    fn encoded(wishes: OpusWishes, frames: &[[i16; 960]]) -> Vec<Vec<u8>> {
        let mut encoder = OpusEncoder::new(wishes).expect("sets up");
        let mut packets = Vec::new();
        for frame in frames {
            let mut out = [0; 1_275];
            packets.push(match encoder.encode(frame, &mut out).expect("encodes") {
                Encoded::Payload(len) => out[..len].to_vec(),
                Encoded::Nothing => Vec::new(),
            });
        }
        packets
    }

    #[test]
    fn the_peers_bitrate_is_not_exceeded() {
        for most in [8_000, 20_000, 32_000, 64_000] {
            let wishes = OpusWishes { max_average_bitrate: Some(most), ..OpusWishes::default() };
            let octets: usize = encoded(wishes, &voice(200)).iter().map(Vec::len).sum();
            let rate = octets * 8 / 4;
            assert!(rate <= most as usize * 11 / 10, "{rate} bit/s where {most} were wished");
        }
    }

    #[test]
    fn the_band_ends_where_the_peer_stops_hearing() {
        for (rate, expected) in [(8_000, Bandwidth::Narrowband), (16_000, Bandwidth::Wideband)] {
            let wishes = OpusWishes { max_playback_rate: Some(rate), ..OpusWishes::default() };
            let packets = encoded(wishes, &voice(20));
            assert_eq!(libopus::packet::get_bandwidth(&packets[19]).expect("readable"), expected);
        }
    }

    #[test]
    fn with_constant_bitrate_all_packets_are_alike() {
        let packets = encoded(OpusWishes { cbr: true, ..OpusWishes::default() }, &voice(50));
        assert!(packets.iter().all(|packet| packet.len() == packets[0].len()));
    }

    #[test]
    fn silence_is_not_sent_with_dtx() {
        let wishes = OpusWishes { dtx: true, ..OpusWishes::default() };
        let packets = encoded(wishes, &[[0; 960]; 100]);
        let sent = packets.iter().filter(|packet| !packet.is_empty()).count();
        assert!(sent < 25, "{sent} of 100 sent");
    }

    #[test]
    fn one_lost_packet_comes_back_from_the_next_ones_redundancy() {
        let frames = voice(60);
        let wishes = OpusWishes { inband_fec: true, max_playback_rate: Some(16_000), ..OpusWishes::default() };
        let packets = encoded(wishes, &frames);
        let error_with = |make_up: fn(&mut OpusDecoder, &[u8], &mut [i16])| {
            let (mut whole, mut lossy) = (OpusDecoder::new().expect("sets up"), OpusDecoder::new().expect("sets up"));
            let mut error = 0.0;
            for n in 0..59 {
                let (mut expected, mut pcm) = ([0; 960], [0; 960]);
                whole.decode(&packets[n], &mut expected).expect("decodes");
                if n % 4 == 3 {
                    make_up(&mut lossy, &packets[n + 1], &mut pcm);
                    let square = |(&a, &b)| (f64::from(a) - f64::from(b)).powi(2);
                    error += pcm.iter().zip(&expected).map(square).sum::<f64>();
                } else {
                    lossy.decode(&packets[n], &mut pcm).expect("decodes");
                }
            }
            error
        };
        let recovered = error_with(|decoder, following, pcm| decoder.recover(following, pcm));
        let concealed = error_with(|decoder, _, pcm| decoder.conceal(pcm));
        assert!(recovered < concealed * 0.8, "error {recovered:.0} with redundancy, {concealed:.0} without");
    }

    #[test]
    fn packets_of_all_durations_are_decoded() {
        let mut encoder = OpusEncoder::new(OpusWishes::default()).expect("sets up");
        for samples in [120, 240, 480, 960, 1_920, 2_880, 5_760] {
            let mut payload = [0; 1_500];
            let pcm = vec![1_000; samples];
            let Ok(Encoded::Payload(len)) = encoder.encode(&pcm, &mut payload) else { panic!("{samples}") };
            let mut decoder = OpusDecoder::new().expect("sets up");
            assert_eq!(decoder.decode(&payload[..len], &mut [0; LONGEST_PACKET]), Ok(samples));
            let units = super::super::payload_units(crate::plan::AudioCodec::Opus, &payload[..len]);
            assert_eq!(units, Some(samples as u32));
        }
    }

    #[test]
    fn rubbish_is_an_error_and_the_decoder_lives_on() {
        let mut decoder = OpusDecoder::new().expect("sets up");
        let mut pcm = [0; LONGEST_PACKET];
        assert!(decoder.decode(&[], &mut pcm).is_err());
        assert!(decoder.decode(&[0xff, 0xff, 0xff], &mut pcm).is_err());
        let packets = encoded(OpusWishes::default(), &voice(10));
        for packet in &packets {
            assert_eq!(decoder.decode(packet, &mut pcm), Ok(960));
        }
        assert!(level_dbov(&pcm[..960]) > -40);
    }
}
