//! One leg's voice on its way in: packets to a frame at every tick.
//!
//! ```text
//!  handle_packet ─▶ level (estimated) ─▶ jitter ─▶ decoder ─▶ resampler ─▶ fifo ─▶ pull
//!                                           └──── nobody wants to hear it ────▶ skip
//! ```

use std::time::Instant;

use super::{Frame, Inserted, JitterStats};
use crate::codec::CodecError;
use crate::plan::AudioCodec;
use crate::rtp::RtpHeader;

/// What a pulled frame holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sound {
    /// Decoded or concealed sound, of this level.
    Voice { level_dbov: i8 },
    /// Nothing was sent: the frame is zero.
    Silence,
}

#[derive(Debug)]
pub struct Playout {}

impl Playout {
    /// Allocates decoders for all codecs that the peer may send, and all buffers.
    pub fn new(codecs: &[AudioCodec]) -> Result<Self, CodecError> {
        let _ = codecs;
        unimplemented!()
    }

    /// Takes a packet of one of the codecs.
    pub fn handle_packet(&mut self, codec: AudioCodec, header: &RtpHeader, payload: &[u8], now: Instant) -> Inserted {
        let _ = (codec, header, payload, now);
        unimplemented!()
    }

    /// Comfort noise (RFC 3389), or a key press (RFC 4733), in place of audio.
    pub fn handle_silence(&mut self, header: &RtpHeader) {
        let _ = header;
    }

    /// How loud the leg is just now, dBov: as estimated of what arrived, else as last decoded. `None`: only decoding
    /// tells, so [`pull`](Self::pull) it.
    pub fn level(&self) -> Option<i8> {
        unimplemented!()
    }

    /// The tick's frame. One of `pull` and `skip` at every tick.
    pub fn pull(&mut self, frame: &mut Frame, now: Instant) -> Sound {
        let _ = (frame, now);
        unimplemented!()
    }

    /// Lets the tick pass without decoding.
    pub fn skip(&mut self, now: Instant) {
        let _ = now;
    }

    pub fn stats(&self) -> JitterStats {
        unimplemented!()
    }
}
