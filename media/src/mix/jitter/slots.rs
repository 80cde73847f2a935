//! Where packets wait: a ring of slots by sequence number, allocated once.

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
    packets: [Option<(Packet, usize)>; SLOTS],
    octets: Box<[[u8; PAYLOAD]]>,
}

impl Slots {
    pub fn new() -> Self {
        Self { packets: [None; SLOTS], octets: vec![[0; PAYLOAD]; SLOTS].into_boxed_slice() }
    }

    /// Keeps a copy of the payload; what stood in its slot is gone.
    pub fn put(&mut self, packet: Packet, payload: &[u8]) {
        let slot = slot_of(packet.at.sequence);
        let len = payload.len().min(PAYLOAD);
        self.octets[slot][..len].copy_from_slice(&payload[..len]);
        self.packets[slot] = Some((packet, len));
    }

    pub fn get(&self, sequence: i64) -> Option<Packet> {
        self.packets[slot_of(sequence)].map(|(packet, _)| packet).filter(|packet| packet.at.sequence == sequence)
    }

    /// The first packet behind a sequence number.
    pub fn first_after(&self, sequence: i64) -> Option<Packet> {
        let waiting = self.packets.iter().flatten().map(|(packet, _)| *packet);
        waiting.filter(|packet| packet.at.sequence > sequence).min_by_key(|packet| packet.at.sequence)
    }

    /// The octets of a packet that waits, or that was just removed.
    pub fn octets(&self, sequence: i64, len: usize) -> &[u8] {
        &self.octets[slot_of(sequence)][..len.min(PAYLOAD)]
    }

    /// Frees a slot. Returns how many octets it held; they can still be read.
    pub fn remove(&mut self, sequence: i64) -> usize {
        self.packets[slot_of(sequence)].take().map_or(0, |(_, len)| len)
    }

    pub fn len_of(&self, sequence: i64) -> usize {
        self.packets[slot_of(sequence)].map_or(0, |(_, len)| len)
    }

    /// Frees all slots before a sequence number. Returns how many were taken.
    pub fn remove_before(&mut self, sequence: i64) -> u64 {
        let mut removed = 0;
        for slot in &mut self.packets {
            if matches!(slot, Some((packet, _)) if packet.at.sequence < sequence) {
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
