//! What a shard counts: plain fields while it works, copied out into atomics four times a second for others to read.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use super::beat::PHASES;
use super::placement::Measured;
use crate::plan::AudioCodec;

/// Upper bounds of the buckets of [`Counters::ticks`]; the last bucket, above 20 ms, has none.
pub const TICK_BOUNDS: [Duration; 7] = [
    Duration::from_micros(250),
    Duration::from_micros(500),
    Duration::from_millis(1),
    Duration::from_millis(2),
    Duration::from_millis(5),
    Duration::from_millis(10),
    Duration::from_millis(20),
];

pub const CODECS: [AudioCodec; AudioCodec::ALL.len()] = AudioCodec::ALL;

/// Why a datagram was dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Refusal {
    /// Its first octets or lengths are not those of RTP or RTCP.
    Malformed,
    /// The leg has no plan yet.
    NotConnected,
    /// From an address that is not the peer's.
    Source,
    /// From an address that may be the peer's and is not proven yet.
    Unproven,
    /// A payload type that was not agreed.
    PayloadType,
    /// The SRTP or SRTCP tag does not verify, the packet was there before, or it is not protected at all.
    Authentication,
    /// Our own SSRC came back (RFC 3550 §8.2).
    Looped,
    /// Of a handshake, when the tick had taken as many of those as it may.
    Busy,
    /// Of another medium of the bundle (RFC 9143 §9.2).
    Medium,
    /// Came to the shared port from nobody who proved to belong to a leg.
    Unknown,
}

impl Refusal {
    pub const ALL: [Self; 10] = [
        Self::Malformed,
        Self::NotConnected,
        Self::Source,
        Self::Unproven,
        Self::PayloadType,
        Self::Authentication,
        Self::Looped,
        Self::Busy,
        Self::Medium,
        Self::Unknown,
    ];

    /// As a metric's label.
    pub fn name(self) -> &'static str {
        match self {
            Self::Malformed => "malformed",
            Self::NotConnected => "not_connected",
            Self::Source => "source",
            Self::Unproven => "unproven",
            Self::PayloadType => "payload_type",
            Self::Authentication => "authentication",
            Self::Looped => "looped",
            Self::Busy => "busy",
            Self::Medium => "medium",
            Self::Unknown => "unknown",
        }
    }
}

/// One number that a shard counts: the index of its field.
#[derive(Clone, Copy, Debug)]
pub(super) struct Count(usize);

const PHASE_LOADS: usize = 16;
const REFUSED: usize = PHASE_LOADS + PHASES;
const ENCODES: usize = REFUSED + Refusal::ALL.len();
const LEGS: usize = ENCODES + CODECS.len();
const TICKS: usize = LEGS + 2 * CODECS.len();
const FIELDS: usize = TICKS + TICK_BOUNDS.len() + 1;

impl Count {
    pub const RECEIVED: Self = Self(0);
    pub const SENT: Self = Self(1);
    /// Sends that the system refused: no route, no buffer.
    pub const UNSENT: Self = Self(2);
    pub const LATE: Self = Self(3);
    pub const OVERRUNS: Self = Self(4);
    pub const SKIPPED: Self = Self(5);
    pub const BUSY_NANOS: Self = Self(6);
    pub const DECODES: Self = Self(7);
    pub const LATE_TICKS: Self = Self(8);
    /// Legs now, as those of [`legs`](Self::legs).
    pub const ECHOES: Self = Self(9);
    /// Ticks that left out what can be left out.
    pub const HURRIED: Self = Self(10);
    /// Legs open now.
    pub const OPEN_LEGS: Self = Self(11);
    /// Ends of trunks between parts of a room now.
    pub const TRUNK_ENDS: Self = Self(12);
    /// Voices of other parts of a room that came too late, or that another part did not take.
    pub const LOST_VOICES: Self = Self(13);
    /// Ticks whose encoders did not try as hard as they can.
    pub const SPARING: Self = Self(14);
    /// Blocks of extended reports that could not be read.
    pub const UNREADABLE_BLOCKS: Self = Self(15);

    /// Of the shard's time, lately, in the ticks of a phase: ‰.
    pub fn load(phase: usize) -> Self {
        Self(PHASE_LOADS + phase)
    }

    pub fn refused(why: Refusal) -> Self {
        Self(REFUSED + why as usize)
    }

    pub fn encodes(codec: AudioCodec) -> Self {
        Self(ENCODES + codec.index())
    }

    pub fn legs(codec: AudioCodec, secured: bool) -> Self {
        Self(LEGS + 2 * codec.index() + usize::from(secured))
    }

    pub fn tick(took: Duration) -> Self {
        let bucket = TICK_BOUNDS.iter().position(|bound| took <= *bound);
        Self(TICKS + bucket.unwrap_or(TICK_BOUNDS.len()))
    }
}

/// A shard's own count: nobody else looks at it.
#[derive(Clone, Debug)]
pub(super) struct Tally {
    fields: [u64; FIELDS],
}

impl Default for Tally {
    fn default() -> Self {
        Self { fields: [0; FIELDS] }
    }
}

impl Tally {
    pub fn add(&mut self, count: Count, more: u64) {
        self.fields[count.0] += more;
    }

    fn get(&self, count: Count) -> u64 {
        self.fields[count.0]
    }
}

/// The copy of a shard's tally that others read.
#[derive(Debug)]
pub(super) struct Published {
    fields: [AtomicU64; FIELDS],
}

impl Default for Published {
    fn default() -> Self {
        Self { fields: [const { AtomicU64::new(0) }; FIELDS] }
    }
}

impl Published {
    pub fn publish(&self, tally: &Tally) {
        for (field, value) in self.fields.iter().zip(tally.fields) {
            field.store(value, Relaxed);
        }
    }

    /// How busy the shard was lately, and with how many legs.
    pub fn measured(&self) -> Measured {
        let field = |count: Count| self.fields[count.0].load(Relaxed);
        let phases: [u64; PHASES] = std::array::from_fn(|phase| field(Count::load(phase)));
        let legs = usize::try_from(field(Count::OPEN_LEGS)).unwrap_or(usize::MAX);
        Measured { busy: phases.iter().sum(), phases, legs }
    }

    fn read(&self) -> Tally {
        let mut tally = Tally::default();
        for (value, field) in tally.fields.iter_mut().zip(&self.fields) {
            *value = field.load(Relaxed);
        }
        tally
    }
}

/// What all shards counted since the engine started, a quarter second old at most.
#[derive(Clone, Debug, PartialEq)]
pub struct Counters {
    pub packets_received: u64,
    pub packets_sent: u64,
    /// Packets that the system would not send.
    pub packets_unsent: u64,
    /// Packets that came after their turn to be played.
    pub packets_late: u64,
    pub packets_refused: Vec<(Refusal, u64)>,
    pub encodes: Vec<(AudioCodec, u64)>,
    pub decodes: u64,
    pub ticks: TickHistogram,
    /// Ticks that took longer than until the next one.
    pub tick_overruns: u64,
    /// Ticks that began more than 5 ms after their time.
    pub ticks_late: u64,
    /// Ticks left out after a stall.
    pub ticks_skipped: u64,
    /// Ticks that did without automatic gain, noise suppression and level reports, after one that overran.
    pub ticks_hurried: u64,
    /// Ticks whose encoders searched less hard, because the thread was busy.
    pub ticks_sparing: u64,
    /// Connected legs, by the codec we send and whether SRTP protects it.
    pub legs: Vec<(AudioCodec, bool, u64)>,
    /// Legs that return to others what they say.
    pub echoing_legs: u64,
    /// Trunks between parts of rooms, now.
    pub room_trunks: u64,
    /// Voices of other parts of a room that came too late to be heard, 20 ms each.
    pub voices_lost: u64,
    /// Blocks of extended reports (RFC 3611) that could not be read.
    pub report_blocks_unreadable: u64,
    pub shards: Vec<ShardReading>,
}

/// One shard, lately.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ShardReading {
    pub legs: u64,
    /// Of its time, 0 to 1.
    pub busy: f64,
}

/// How long ticks took.
#[derive(Clone, Debug, PartialEq)]
pub struct TickHistogram {
    /// Ticks up to each bound, not those of the bounds below; `None` is above all.
    pub buckets: Vec<(Option<Duration>, u64)>,
    pub sum: Duration,
}

impl Counters {
    pub(super) fn sum<'a>(shards: impl Iterator<Item = &'a Published>) -> Self {
        let mut all = Tally::default();
        let mut readings = Vec::new();
        for shard in shards {
            let Measured { busy, legs, .. } = shard.measured();
            readings.push(ShardReading { legs: legs as u64, busy: busy as f64 / 1_000.0 });
            for (total, value) in all.fields.iter_mut().zip(shard.read().fields) {
                *total += value;
            }
        }
        Self { shards: readings, ..Self::of(&all) }
    }

    fn of(tally: &Tally) -> Self {
        let bounds = TICK_BOUNDS.into_iter().map(Some).chain([None]);
        let secured = |codec| [(codec, false), (codec, true)];
        Self {
            packets_received: tally.get(Count::RECEIVED),
            packets_sent: tally.get(Count::SENT),
            packets_unsent: tally.get(Count::UNSENT),
            packets_late: tally.get(Count::LATE),
            packets_refused: Refusal::ALL.map(|why| (why, tally.get(Count::refused(why)))).to_vec(),
            encodes: CODECS.map(|codec| (codec, tally.get(Count::encodes(codec)))).to_vec(),
            decodes: tally.get(Count::DECODES),
            ticks: TickHistogram {
                buckets: bounds.zip(tally.fields[TICKS..].iter().copied()).collect(),
                sum: Duration::from_nanos(tally.get(Count::BUSY_NANOS)),
            },
            tick_overruns: tally.get(Count::OVERRUNS),
            ticks_late: tally.get(Count::LATE_TICKS),
            ticks_hurried: tally.get(Count::HURRIED),
            ticks_sparing: tally.get(Count::SPARING),
            ticks_skipped: tally.get(Count::SKIPPED),
            legs: CODECS
                .into_iter()
                .flat_map(secured)
                .map(|(codec, secured)| (codec, secured, tally.get(Count::legs(codec, secured))))
                .collect(),
            echoing_legs: tally.get(Count::ECHOES),
            room_trunks: tally.get(Count::TRUNK_ENDS) / 2,
            voices_lost: tally.get(Count::LOST_VOICES),
            report_blocks_unreadable: tally.get(Count::UNREADABLE_BLOCKS),
            shards: Vec::new(),
        }
    }

    /// Packets dropped for `why`.
    pub fn refused(&self, why: Refusal) -> u64 {
        self.packets_refused.iter().find(|(reason, _)| *reason == why).map_or(0, |(_, count)| *count)
    }

    pub fn encodes_of(&self, codec: AudioCodec) -> u64 {
        self.encodes.iter().find(|(of, _)| of.is_like(codec)).map_or(0, |(_, count)| *count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_shards_add_up() {
        let shards = [Published::default(), Published::default()];
        for (shard, legs) in shards.iter().zip([3, 4]) {
            let mut tally = Tally::default();
            tally.add(Count::legs(AudioCodec::Opus, true), legs);
            tally.add(Count::refused(Refusal::Looped), 1);
            tally.add(Count::tick(Duration::from_millis(30)), 1);
            shard.publish(&tally);
        }
        let counters = Counters::sum(shards.iter());
        assert_eq!(counters.legs.iter().find(|(_, _, legs)| *legs > 0), Some(&(AudioCodec::Opus, true, 7)));
        assert_eq!(counters.refused(Refusal::Looped), 2);
        assert_eq!(counters.ticks.buckets.last(), Some(&(None, 2)));
    }
}
