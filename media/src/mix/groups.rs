//! Who can share an encode: listeners that hear the same in the same format.
//!
//! All who are silent hear the whole sum, so 100 of them on one codec cost one encode. A speaker hears the sum less
//! itself, and needs an encode of its own.

use std::time::Duration;

use super::{EncodeChain, Frame};
use crate::codec::{CodecError, Effort, packet_time};
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

/// Listeners with equal keys get the same payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EncodeKey {
    pub codec: AudioCodec,
    /// As [`packet_time`] rounds it.
    pub ptime: Duration,
    /// Default for codecs other than Opus, so that wishes do not part them.
    pub opus: OpusWishes,
    pub mix: MixKey,
}

impl EncodeKey {
    pub fn new(format: &SendFormat, mix: MixKey) -> Self {
        let opus = if format.codec == AudioCodec::Opus { format.opus } else { OpusWishes::default() };
        Self { codec: format.codec, ptime: packet_time(format.codec, format.ptime), opus, mix }
    }

    /// A chain that encodes so. Allocates.
    pub fn make_chain(&self) -> Result<EncodeChain, CodecError> {
        EncodeChain::new(self.codec, self.opus, self.ptime)
    }
}

/// The encode chains of one shard, made when legs connect and found by key at every tick.
#[derive(Debug)]
pub struct Groups {
    /// By key.
    groups: Vec<Group>,
    encodes: [u64; AudioCodec::ALL.len()],
}

#[derive(Debug)]
struct Group {
    key: EncodeKey,
    chain: Box<EncodeChain>,
    users: usize,
    encoded: Option<u64>,
}

impl Default for Groups {
    fn default() -> Self {
        Self::new()
    }
}

impl Groups {
    pub fn new() -> Self {
        Self { groups: Vec::with_capacity(64), encodes: [0; AudioCodec::ALL.len()] }
    }

    /// Makes the chain of a key if there is none, and counts one more user of it. Allocates: at Connect and Join.
    pub fn acquire(&mut self, key: EncodeKey) -> Result<(), CodecError> {
        match self.find(&key) {
            Ok(place) => self.groups[place].users += 1,
            Err(_) => {
                let chain = key.make_chain()?;
                self.insert(key, Box::new(chain));
            }
        }
        Ok(())
    }

    /// Adds a ready-made chain for a key; or counts one more user of the one there, and gives the new one back.
    pub fn insert(&mut self, key: EncodeKey, chain: Box<EncodeChain>) -> Option<Box<EncodeChain>> {
        match self.find(&key) {
            Ok(place) => {
                self.groups[place].users += 1;
                Some(chain)
            }
            Err(place) => {
                self.groups.insert(place, Group { key, chain, users: 1, encoded: None });
                None
            }
        }
    }

    /// Counts one user less. Returns the chain when it was the last, to be dropped off the packet path.
    pub fn release(&mut self, key: &EncodeKey) -> Option<Box<EncodeChain>> {
        let place = self.find(key).ok()?;
        let group = &mut self.groups[place];
        group.users -= 1;
        (group.users == 0).then(|| self.groups.remove(place).chain)
    }

    /// The key's payloads of this tick: encoded at the first call of a tick, shared by the others. `heard`: what this
    /// tick sounds like, and those before it, for a chain that nobody listened to meanwhile.
    pub fn encode<'f>(
        &mut self,
        key: &EncodeKey,
        tick: u64,
        effort: Effort,
        heard: impl Fn(u64) -> Option<&'f Frame>,
    ) -> Option<&EncodeChain> {
        let place = self.find(key).ok()?;
        let group = &mut self.groups[place];
        if group.encoded != Some(tick) {
            group.encoded = Some(tick);
            let before = group.chain.encodes();
            group.chain.set_effort(effort);
            group.chain.push_after(heard(tick)?, tick, heard);
            self.encodes[key.codec.index()] += group.chain.encodes() - before;
        }
        Some(&group.chain)
    }

    /// Packets encoded since the start, by codec.
    pub fn encodes(&self, codec: AudioCodec) -> u64 {
        self.encodes[codec.index()]
    }

    pub fn len(&self) -> usize {
        self.groups.len()
    }

    pub fn is_empty(&self) -> bool {
        self.groups.is_empty()
    }

    fn find(&self, key: &EncodeKey) -> Result<usize, usize> {
        self.groups.binary_search_by_key(key, |group| group.key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn format(codec: AudioCodec, opus: OpusWishes) -> SendFormat {
        SendFormat { payload_type: 96, codec, ptime: Duration::from_millis(20), opus }
    }

    #[test]
    fn a_hundred_silent_listeners_share_one_encode() {
        let mut groups = Groups::new();
        let key = EncodeKey::new(&format(AudioCodec::Pcma, OpusWishes::default()), MixKey::Whole(RoomId(1)));
        (0..100).for_each(|_| groups.acquire(key).expect("sets up"));
        for _ in 0..100 {
            let chain = groups.encode(&key, 5, Effort::Full, |tick| (tick == 5).then_some(&[1_000; 960]));
            assert_eq!(chain.expect("known").payloads().count(), 1);
        }
        assert_eq!((groups.encodes(AudioCodec::Pcma), groups.len()), (1, 1));
        assert!((0..99).all(|_| groups.release(&key).is_none()));
        assert!(groups.release(&key).is_some());
        assert!(groups.is_empty());
    }

    #[test]
    fn wishes_part_opus_listeners_and_nobody_else() {
        let narrow = OpusWishes { max_playback_rate: Some(8_000), ..OpusWishes::default() };
        let key = |codec, opus| EncodeKey::new(&format(codec, opus), MixKey::Whole(RoomId(1)));
        assert_ne!(key(AudioCodec::Opus, narrow), key(AudioCodec::Opus, OpusWishes::default()));
        assert_eq!(key(AudioCodec::G722, narrow), key(AudioCodec::G722, OpusWishes::default()));
    }

    #[test]
    fn a_ready_made_chain_is_given_back_when_there_is_one() {
        let mut groups = Groups::new();
        let key = EncodeKey::new(&format(AudioCodec::Pcmu, OpusWishes::default()), MixKey::Own(LegId(1)));
        assert!(groups.insert(key, Box::new(key.make_chain().expect("sets up"))).is_none());
        assert!(groups.insert(key, Box::new(key.make_chain().expect("sets up"))).is_some());
        assert!(groups.release(&key).is_none());
        assert!(groups.release(&key).is_some());
    }
}
