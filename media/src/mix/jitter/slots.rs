//! Where packets wait: a ring of slots by sequence number, and one of their octets; allocated once.

use std::time::{Duration, Instant};

use crate::plan::AudioCodec;

/// Packets that can wait: 640 ms of 20 ms each.
pub const SLOTS: usize = 32;
/// Octets of the longest payload kept: what fits an Ethernet frame.
pub const PAYLOAD: usize = 1_460;

/// What is known of a waiting packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Packet {
    pub codec: AudioCodec,
    pub at: Position,
    /// Duration in RTP clock units.
    pub units: u32,
    pub arrived: Instant,
    /// How much longer it took than the quickest of late.
    pub over: Duration,
}

/// Sequence number and timestamp, counting on over their wraps.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Position {
    pub sequence: i64,
    pub timestamp: i64,
}

pub struct Slots {
    packets: [Option<Packet>; SLOTS],
    /// Of each slot's last packet: where its octets begin, and how many they are.
    spans: [Span; SLOTS],
    octets: Box<[u8]>,
    /// Where the next packet's octets go.
    free: usize,
}

/// Octets of all that wait: a second at 64 kbit/s, and for Opus twice that, or a quarter of a second of the fattest there
/// is. Slots that each hold the longest payload would take three to six times as much, for every leg.
const ROOM: usize = 8 * 1024;
const ROOM_OF_OPUS: usize = 16 * 1024;

#[derive(Clone, Copy, Debug, Default)]
struct Span {
    begin: usize,
    len: usize,
}

impl Span {
    fn overlaps(self, other: Self) -> bool {
        self.begin < other.begin + other.len && other.begin < self.begin + self.len
    }
}

impl Slots {
    /// For packets of these codecs.
    pub fn new(codecs: &[AudioCodec]) -> Self {
        let room = if codecs.contains(&AudioCodec::Opus) { ROOM_OF_OPUS } else { ROOM };
        let octets = vec![0; room].into_boxed_slice();
        Self { packets: [None; SLOTS], spans: [Span::default(); SLOTS], octets, free: 0 }
    }

    /// Keeps a copy of the payload; what stood in its slot, or where its octets go, is gone.
    pub fn put(&mut self, packet: Packet, payload: &[u8]) {
        let slot = slot_of(packet.at.sequence);
        let len = payload.len().min(PAYLOAD);
        let begin = if self.free + len <= self.octets.len() { self.free } else { 0 };
        let span = Span { begin, len };
        for (packet, other) in self.packets.iter_mut().zip(&self.spans) {
            if packet.is_some() && other.overlaps(span) {
                *packet = None;
            }
        }
        self.octets[begin..begin + len].copy_from_slice(&payload[..len]);
        self.free = begin + len;
        self.spans[slot] = span;
        self.packets[slot] = Some(packet);
    }

    pub fn get(&self, sequence: i64) -> Option<Packet> {
        self.packets[slot_of(sequence)].filter(|packet| packet.at.sequence == sequence)
    }

    /// The first packet behind a sequence number.
    pub fn first_after(&self, sequence: i64) -> Option<Packet> {
        let waiting = self.packets.iter().flatten().copied();
        waiting.filter(|packet| packet.at.sequence > sequence).min_by_key(|packet| packet.at.sequence)
    }

    /// The octets of a packet that waits, or that was just removed.
    pub fn octets(&self, sequence: i64, len: usize) -> &[u8] {
        let span = self.spans[slot_of(sequence)];
        &self.octets[span.begin..span.begin + len.min(span.len)]
    }

    /// Frees a slot. Returns how many octets it held; they can still be read.
    pub fn remove(&mut self, sequence: i64) -> usize {
        let slot = slot_of(sequence);
        self.packets[slot].take().map_or(0, |_| self.spans[slot].len)
    }

    pub fn len_of(&self, sequence: i64) -> usize {
        let slot = slot_of(sequence);
        self.packets[slot].map_or(0, |_| self.spans[slot].len)
    }

    /// Frees all slots before a sequence number. Returns how many were taken.
    pub fn remove_before(&mut self, sequence: i64) -> u64 {
        let mut removed = 0;
        for slot in &mut self.packets {
            if matches!(slot, Some(packet) if packet.at.sequence < sequence) {
                *slot = None;
                removed += 1;
            }
        }
        removed
    }

    pub fn clear(&mut self) {
        self.packets = [None; SLOTS];
    }
}

fn slot_of(sequence: i64) -> usize {
    sequence.rem_euclid(SLOTS as i64) as usize
}

impl std::fmt::Debug for Slots {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.packets.iter().flatten()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn put(slots: &mut Slots, sequence: i64, payload: &[u8]) {
        let at = Position { sequence, timestamp: 160 * sequence };
        let (arrived, over) = (Instant::now(), Duration::ZERO);
        slots.put(Packet { codec: AudioCodec::Pcmu, at, units: 160, arrived, over }, payload);
    }

    fn waiting(slots: &Slots) -> Vec<i64> {
        (0..1000).filter(|sequence| slots.get(*sequence).is_some()).collect()
    }

    #[test]
    fn as_many_as_there_are_slots_wait_with_their_octets() {
        let mut slots = Slots::new(&[AudioCodec::Pcmu]);
        for sequence in 0..500 {
            put(&mut slots, sequence, &[sequence as u8; 240]);
        }
        assert_eq!(waiting(&slots), (468..500).collect::<Vec<_>>());
        for sequence in 468..500 {
            let len = slots.remove(sequence);
            assert_eq!(slots.octets(sequence, len), [sequence as u8; 240], "just removed");
        }
    }

    #[test]
    fn the_fattest_push_the_oldest_out_and_nothing_is_mixed_up() {
        let mut slots = Slots::new(&[AudioCodec::Opus]);
        for sequence in 0..40 {
            put(&mut slots, sequence, &[sequence as u8; PAYLOAD]);
        }
        let left = waiting(&slots);
        assert_eq!(left, (29..40).collect::<Vec<_>>(), "the newest eleven");
        assert!(left.iter().all(|at| slots.octets(*at, slots.len_of(*at)) == [*at as u8; PAYLOAD]));
    }
}
