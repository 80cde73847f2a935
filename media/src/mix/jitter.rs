//! Jitter buffer: puts packets in order and decides, tick by tick, what is played.

use std::time::{Duration, Instant};

use crate::plan::AudioCodec;
use crate::rtp::RtpHeader;

/// What became of a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Inserted {
    Kept,
    /// Its turn is over.
    Late,
    Duplicate,
    /// Another SSRC, clock or a jump: the buffer started anew with it.
    Restarted,
    /// Longer than a slot, or of no readable duration.
    Unusable,
}

/// What to play next. `units` are of the codec's RTP clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step<'a> {
    /// Decode and play.
    Play { codec: AudioCodec, payload: &'a [u8], units: u32 },
    /// Decode, and fade over from it into what follows: the buffer sheds delay.
    Shed { codec: AudioCodec, payload: &'a [u8] },
    /// A packet is missing: conceal it, with the help of the one behind it if that is here.
    Lost { codec: AudioCodec, units: u32, following: Option<&'a [u8]> },
    /// Nothing came in time: conceal while waiting.
    Starved { codec: AudioCodec, units: u32 },
    /// Nobody is sending.
    Quiet { units: u32 },
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct JitterStats {
    pub late: u64,
    pub duplicates: u64,
    /// Units of time concealed, in ticks started.
    pub concealed: u64,
    /// Dropped to shed delay.
    pub shed: u64,
    /// From arrival to play, of the packet last played.
    pub delay: Duration,
}

#[derive(Debug)]
pub struct JitterBuffer {}

impl Default for JitterBuffer {
    fn default() -> Self {
        Self::new()
    }
}

impl JitterBuffer {
    /// Allocates its slots.
    pub fn new() -> Self {
        Self {}
    }

    pub fn insert(&mut self, codec: AudioCodec, header: &RtpHeader, payload: &[u8], now: Instant) -> Inserted {
        let _ = (codec, header, payload, now);
        unimplemented!()
    }

    /// The peer says that silence follows: comfort noise (RFC 3389) or a key press (RFC 4733) in place of audio.
    pub fn handle_silence(&mut self, header: &RtpHeader) {
        let _ = header;
    }

    /// Starts a tick: the steps that follow cover its 20 ms.
    pub fn begin_tick(&mut self, now: Instant) {
        let _ = now;
    }

    /// The tick's next step; `None` when it is filled.
    pub fn next_step(&mut self) -> Option<Step<'_>> {
        None
    }

    /// Forgets the stream.
    pub fn reset(&mut self) {}

    pub fn stats(&self) -> JitterStats {
        JitterStats::default()
    }
}
