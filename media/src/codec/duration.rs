//! How long a payload lasts, told without decoding it.

use crate::plan::AudioCodec;

/// The payload's duration in units of the codec's RTP clock; `None` when it cannot be read.
///
/// G.711 has an octet a unit, and so has G.722, whose clock runs at half its sample rate (RFC 3551 §4.5.2).
/// Opus tells it in its first octet (RFC 6716 §3.1), 2.5 to 120 ms.
pub fn payload_units(codec: AudioCodec, payload: &[u8]) -> Option<u32> {
    let _ = (codec, payload);
    unimplemented!()
}
