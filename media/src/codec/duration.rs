//! How long a payload lasts, told without decoding it.

use super::amr::{self, AmrFormat, Payload};
use crate::plan::AudioCodec;

/// 120 ms, Opus's longest and more than any phone sends of G.711.
const LONGEST_OCTETS: usize = 960;

/// The payload's duration in units of the codec's RTP clock; `None` when it cannot be read.
///
/// G.711 has an octet a unit, and so has G.722, whose clock runs at half its sample rate (RFC 3551 §4.5.2).
/// Opus tells it in its first octet, 2.5 to 120 ms; AMR-WB in its table of contents, 20 ms a frame.
pub fn payload_units(codec: AudioCodec, payload: &[u8]) -> Option<u32> {
    match codec {
        AudioCodec::Pcmu | AudioCodec::Pcma | AudioCodec::G722 => {
            u32::try_from(payload.len()).ok().filter(|_| (1..=LONGEST_OCTETS).contains(&payload.len()))
        }
        AudioCodec::Opus => opus_units(payload),
        AudioCodec::AmrWb(format) => amr_units(format, payload),
    }
}

fn amr_units(format: AmrFormat, payload: &[u8]) -> Option<u32> {
    let count = Payload::parse(format.layout, payload).ok()?.count();
    u32::try_from(count * amr::FRAME_SAMPLES).ok()
}

/// RFC 6716 §3.1 (configuration), §3.2 (count of frames).
fn opus_units(payload: &[u8]) -> Option<u32> {
    let (&first, rest) = payload.split_first()?;
    let frame = match first >> 3 {
        config @ 0..=11 => [480, 960, 1_920, 2_880][usize::from(config & 3)],
        config @ 12..=15 => [480, 960][usize::from(config & 1)],
        config => [120, 240, 480, 960][usize::from(config & 3)],
    };
    let frames = match first & 3 {
        0 => 1,
        1 | 2 => 2,
        _ => u32::from(rest.first()? & 0x3f),
    };
    Some(frame * frames).filter(|units| (1..=5_760).contains(units))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn twenty_milliseconds_of_each() {
        assert_eq!(payload_units(AudioCodec::Pcmu, &[0; 160]), Some(160));
        assert_eq!(payload_units(AudioCodec::G722, &[0; 160]), Some(160));
        assert_eq!(payload_units(AudioCodec::Opus, &[9 << 3]), Some(960));
    }

    #[test]
    fn several_opus_frames_add_up_to_120_milliseconds_and_no_more() {
        assert_eq!(payload_units(AudioCodec::Opus, &[16 << 3 | 1, 0]), Some(240));
        assert_eq!(payload_units(AudioCodec::Opus, &[11 << 3 | 3, 2]), Some(5_760));
        assert_eq!(payload_units(AudioCodec::Opus, &[11 << 3 | 3, 3]), None);
        assert_eq!(payload_units(AudioCodec::Opus, &[11 << 3 | 3]), None);
        assert_eq!(payload_units(AudioCodec::Opus, &[3, 0]), None);
    }

    #[test]
    fn nothing_lasts_no_time() {
        for codec in AudioCodec::ALL {
            assert_eq!(payload_units(codec, &[]), None);
        }
    }
}
