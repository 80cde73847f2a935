//! Who can share an encode: listeners that hear the same in the same format.
//!
//! All who are silent hear the whole sum, so 100 of them on one codec cost one encode. A speaker hears the sum less
//! itself, and needs an encode of its own.

use std::time::Duration;

use super::{EncodeChain, Frame};
use crate::codec::CodecError;
use crate::id::{LegId, RoomId};
use crate::plan::{AudioCodec, OpusWishes, SendFormat};

/// What is heard.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum MixKey {
    /// The sum of all speakers of a room.
    Whole(RoomId),
    /// Something that only this leg hears: the sum without itself, a prompt, an echo.
    Own(LegId),
}

/// What a listener hears just now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hears {
    Whole,
    Own,
}

/// Listeners with equal keys get the same payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EncodeKey {
    pub codec: AudioCodec,
    pub ptime: Duration,
    /// Default for codecs other than Opus, so that wishes do not part them.
    pub opus: OpusWishes,
    pub mix: MixKey,
}

impl EncodeKey {
    pub fn new(format: &SendFormat, mix: MixKey) -> Self {
        let opus = if format.codec == AudioCodec::Opus { format.opus } else { OpusWishes::default() };
        Self { codec: format.codec, ptime: format.ptime, opus, mix }
    }
}

/// The encode chains of one shard, made when legs connect and found by key at every tick.
#[derive(Debug, Default)]
pub struct Groups {}

impl Groups {
    pub fn new() -> Self {
        Self::default()
    }

    /// Makes the chain of a key if there is none, and counts one more user of it. Allocates: at Connect and Join.
    pub fn acquire(&mut self, key: EncodeKey) -> Result<(), CodecError> {
        let _ = key;
        unimplemented!()
    }

    /// Counts one user less. Returns the chain when it was the last, to be dropped off the packet path.
    pub fn release(&mut self, key: &EncodeKey) -> Option<EncodeChain> {
        let _ = key;
        unimplemented!()
    }

    /// Adds a ready-made chain for a key, or counts one more user and gives the chain back.
    pub fn insert(&mut self, key: EncodeKey, chain: EncodeChain) -> Option<EncodeChain> {
        let _ = key;
        Some(chain)
    }

    /// The key's payloads of this tick: encoded at the first call of a tick, shared by the others.
    /// `frame` is called only when there is something to encode.
    pub fn encode(&mut self, key: &EncodeKey, tick: u64, frame: impl FnOnce(&mut Frame)) -> Option<&EncodeChain> {
        let _ = (key, tick, frame);
        unimplemented!()
    }

    /// Packets encoded since the start, by codec.
    pub fn encodes(&self, codec: AudioCodec) -> u64 {
        let _ = codec;
        unimplemented!()
    }

    pub fn len(&self) -> usize {
        0
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}
