//! From a negotiated codec to what encodes and decodes it.

use std::time::Duration;

#[cfg(feature = "amr-wb")]
use super::amr::{AmrWbDecoder, AmrWbEncoder};
use super::g711::{G711Decoder, G711Encoder, Law};
use super::g722::{G722Decoder, G722Encoder};
use super::opus::{OpusDecoder, OpusEncoder};
use super::{CodecError, Decoder, Encoder};
use crate::plan::{AudioCodec, OpusWishes};

#[cfg(not(feature = "amr-wb"))]
const NO_AMR_WB: CodecError = CodecError::Setup { codec: "amr-wb", reason: "it is not built in (feature amr-wb)" };

/// Makes an encoder. Allocates; not for the packet path.
pub fn make_encoder(codec: AudioCodec, wishes: OpusWishes) -> Result<Box<dyn Encoder>, CodecError> {
    Ok(match codec {
        AudioCodec::Pcmu => Box::new(G711Encoder::new(Law::Mu)),
        AudioCodec::Pcma => Box::new(G711Encoder::new(Law::A)),
        AudioCodec::G722 => Box::new(G722Encoder::new()),
        AudioCodec::Opus => Box::new(OpusEncoder::new(wishes)?),
        #[cfg(feature = "amr-wb")]
        AudioCodec::AmrWb(format) => Box::new(AmrWbEncoder::new(format)?),
        #[cfg(not(feature = "amr-wb"))]
        AudioCodec::AmrWb(_) => return Err(NO_AMR_WB),
    })
}

/// Makes a decoder. Allocates; not for the packet path.
pub fn make_decoder(codec: AudioCodec) -> Result<Box<dyn Decoder>, CodecError> {
    Ok(match codec {
        AudioCodec::Pcmu => Box::new(G711Decoder::new(Law::Mu)),
        AudioCodec::Pcma => Box::new(G711Decoder::new(Law::A)),
        AudioCodec::G722 => Box::new(G722Decoder::new()),
        AudioCodec::Opus => Box::new(OpusDecoder::new()?),
        #[cfg(feature = "amr-wb")]
        AudioCodec::AmrWb(format) => Box::new(AmrWbDecoder::new(format)?),
        #[cfg(not(feature = "amr-wb"))]
        AudioCodec::AmrWb(_) => return Err(NO_AMR_WB),
    })
}

/// The packet time that we really send with: a multiple of 10 ms, 10 to 60, and for Opus one of its frame sizes
/// (RFC 6716 §2.1.4), for AMR-WB a multiple of its 20 ms: the next shorter to the one wished for.
pub fn packet_time(codec: AudioCodec, wished: Duration) -> Duration {
    let tens = u64::try_from(wished.as_millis() / 10).unwrap_or(6).clamp(1, 6);
    let tens = match (codec, tens) {
        (AudioCodec::Opus, 3) => 2,
        (AudioCodec::Opus | AudioCodec::AmrWb(_), 5) => 4,
        (AudioCodec::AmrWb(_), ..=3) => 2,
        (_, tens) => tens,
    };
    Duration::from_millis(10 * tens)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::Encoded;

    #[test]
    fn every_codec_encodes_and_decodes_every_packet_time() {
        for codec in AudioCodec::ALL {
            for millis in 0..80 {
                let mut encoder = make_encoder(codec, OpusWishes::default()).expect("sets up");
                let mut decoder = make_decoder(codec).expect("sets up");
                let ptime = packet_time(codec, Duration::from_millis(millis));
                let samples = encoder.sample_rate().samples(ptime);
                let (mut payload, mut pcm) = ([0; 1_500], [0; 5_760]);
                let Ok(Encoded::Payload(len)) = encoder.encode(&vec![99; samples], &mut payload) else {
                    panic!("{codec:?} of {ptime:?}");
                };
                assert_eq!(decoder.decode(&payload[..len], &mut pcm), Ok(samples));
                assert_eq!(encoder.sample_rate(), decoder.sample_rate());
            }
        }
    }

    #[test]
    fn opus_knows_no_thirty_milliseconds() {
        assert_eq!(packet_time(AudioCodec::Opus, Duration::from_millis(30)), Duration::from_millis(20));
        assert_eq!(packet_time(AudioCodec::Pcma, Duration::from_millis(30)), Duration::from_millis(30));
    }
}
