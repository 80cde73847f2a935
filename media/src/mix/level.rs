//! How loud: of a frame exactly, of a payload cheaply (RFC 6464 §3: dBov, 0 the loudest, −127 silence).

use crate::plan::AudioCodec;
use crate::rtp::Extension;

/// Level of samples in dBov, −127 to 0.
pub fn level_dbov(samples: &[i16]) -> i8 {
    let _ = samples;
    unimplemented!()
}

/// The level that the peer put into a header extension with this identifier (RFC 6464 §3).
pub fn level_of_extension(extension: &Extension<'_>, id: u8) -> Option<i8> {
    let _ = (extension, id);
    unimplemented!()
}

/// Estimates the level of payloads without decoding them, one for each stream.
#[derive(Clone, Debug, Default)]
pub struct LevelEstimator {}

impl LevelEstimator {
    /// The level of a payload; `None` where only decoding tells it (Opus, unless it says that nobody speaks).
    pub fn estimate(&mut self, codec: AudioCodec, payload: &[u8]) -> Option<i8> {
        let _ = (codec, payload);
        unimplemented!()
    }
}
