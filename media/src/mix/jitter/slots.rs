//! Where packets wait: a ring of slots by sequence number, their octets in one store; allocated once.

use std::time::{Duration, Instant};

use crate::plan::AudioCodec;

/// Packets that can wait: 640 ms of 20 ms each.
pub const SLOTS: usize = 32;
/// Octets of the longest payload kept: what fits an Ethernet frame.
pub const PAYLOAD: usize = 1_460;

/// Octets that one payload takes at least, and a whole number of times.
const CHUNK: usize = 32;
/// 8 KiB in all: a second of G.711 or G.722, two of Opus at 32 kbit/s.
const CHUNKS: usize = 256;

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
    /// Where each slot's octets begin, also while they are read after the packet was removed.
    starts: [usize; SLOTS],
    store: Box<Store>,
}

/// The octets of all slots. A slot for the longest payload each would be six times as large, and G.711 fill a tenth of it.
struct Store {
    octets: [u8; CHUNK * CHUNKS],
    taken: [bool; CHUNKS],
    /// Behind the chunk taken last: packets come and go in order, so mostly the next ones are free.
    next: usize,
}

impl Store {
    /// Takes chunks in a row for so many octets. Returns the first octet's place.
    fn take(&mut self, len: usize) -> Option<usize> {
        let wanted = len.div_ceil(CHUNK).max(1);
        let is_free = |first: usize| {
            self.taken.get(first..first + wanted).is_some_and(|chunks| chunks.iter().all(|taken| !taken))
        };
        let first =
            Some(self.next).filter(|next| is_free(*next)).or_else(|| (0..CHUNKS).find(|first| is_free(*first)))?;
        self.taken[first..first + wanted].fill(true);
        self.next = first + wanted;
        Some(first * CHUNK)
    }

    fn free(&mut self, start: usize, len: usize) {
        let (first, count) = (start / CHUNK, len.div_ceil(CHUNK).max(1));
        self.taken[first..first + count].fill(false);
    }
}

impl Slots {
    pub fn new() -> Self {
        let store = Store { octets: [0; CHUNK * CHUNKS], taken: [false; CHUNKS], next: 0 };
        Self { packets: [None; SLOTS], starts: [0; SLOTS], store: Box::new(store) }
    }

    /// Keeps a copy of the payload; what stood in its slot is gone. False when there is no place for so much.
    pub fn put(&mut self, packet: Packet, payload: &[u8]) -> bool {
        self.remove(packet.at.sequence);
        let slot = slot_of(packet.at.sequence);
        let Some(start) = self.store.take(payload.len()) else { return false };
        self.store.octets[start..start + payload.len()].copy_from_slice(payload);
        self.packets[slot] = Some((packet, payload.len()));
        self.starts[slot] = start;
        true
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
        let start = self.starts[slot_of(sequence)];
        self.store.octets.get(start..start + len).unwrap_or_default()
    }

    /// Frees a slot. Returns how many octets it held; they can still be read.
    pub fn remove(&mut self, sequence: i64) -> usize {
        let slot = slot_of(sequence);
        let Some((_, len)) = self.packets[slot].take() else { return 0 };
        self.store.free(self.starts[slot], len);
        len
    }

    pub fn len_of(&self, sequence: i64) -> usize {
        self.packets[slot_of(sequence)].map_or(0, |(_, len)| len)
    }

    /// Frees all slots before a sequence number. Returns how many were taken.
    pub fn remove_before(&mut self, sequence: i64) -> u64 {
        let mut removed = 0;
        for slot in 0..SLOTS {
            if let Some((packet, _)) = self.packets[slot].filter(|(packet, _)| packet.at.sequence < sequence) {
                self.remove(packet.at.sequence);
                removed += 1;
            }
        }
        removed
    }

    pub fn clear(&mut self) {
        self.packets = [None; SLOTS];
        self.store.taken = [false; CHUNKS];
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

    fn packet(sequence: i64) -> Packet {
        let at = Position { sequence, timestamp: 0 };
        Packet { codec: AudioCodec::Opus, at, units: 960, arrived: Instant::now(), over: Duration::ZERO }
    }

    #[test]
    fn payloads_of_all_lengths_come_and_go_in_any_order() {
        let mut slots = Slots::new();
        let payload = |n: i64| vec![n as u8; (n as usize * 37) % 500];
        for n in 0..2_000 {
            let sequence = n ^ 1;
            assert!(slots.put(packet(sequence), &payload(sequence)), "packet {n}");
            if n % 2 == 1 && n > 8 {
                for gone in [n - 8, n - 9] {
                    let len = slots.remove(gone);
                    assert_eq!(slots.octets(gone, len), payload(gone));
                }
            }
        }
        slots.remove_before(i64::MAX);
        assert!(slots.store.taken.iter().all(|taken| !taken));
    }

    #[test]
    fn who_sends_more_than_there_is_place_for_is_refused_and_loses_nothing() {
        let mut slots = Slots::new();
        let kept = (0..SLOTS as i64).filter(|n| slots.put(packet(*n), &[*n as u8; PAYLOAD])).count() as i64;
        assert_eq!(kept, 5);
        for n in 0..kept {
            let len = slots.len_of(n);
            assert_eq!(slots.octets(n, len), [n as u8; PAYLOAD]);
        }
        slots.remove(2);
        assert!(slots.put(packet(40), &[40; PAYLOAD]));
        slots.clear();
        assert!(slots.put(packet(41), &[41; PAYLOAD]));
    }
}
