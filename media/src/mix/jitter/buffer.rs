//! The buffer itself: insertion at one end, the steps of each tick at the other.

use std::time::{Duration, Instant};

use super::delay::{Adjust, Delay};
use super::slots::{PAYLOAD, Packet, Position, SLOTS, Slots};
use super::stream::{Place, Stream};
use crate::codec::payload_units;
use crate::mix::TICK;
use crate::plan::AudioCodec;
use crate::rtp::RtpHeader;
use crate::rtp::timestamp::{duration_of, units_of};

/// Concealed at most before the source counts as silent.
const PATIENCE: Duration = Duration::from_millis(60);
/// A pause or loss within the buffer takes its time up to here, and is jumped over if longer.
const LONGEST_GAP: Duration = Duration::from_millis(100);
/// What may stand in the buffer beyond its aim.
const SPARE: Duration = Duration::from_millis(40);
/// A backlog is caught up with by saying things in a tenth less time.
const CATCHING_UP: u32 = 10;
/// How long a packet is held for a tick to fill.
const LONGEST_FILLING: Duration = Duration::from_millis(40);
/// No piece of sound is shorter.
const SHORTEST_STRETCH: Duration = Duration::from_micros(2_500);
/// The clock while there is no stream.
const IDLE_CLOCK: u32 = 48_000;

/// What became of a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Inserted {
    Kept,
    /// Its turn is over.
    Late,
    Duplicate,
    /// Another SSRC, clock or a jump: the buffer started anew with it.
    Restarted,
    /// Longer than any slot, of no readable duration, or more than there is place for.
    Unusable,
}

/// What to play next. `units` are of the clock that [`JitterBuffer::begin_tick`] told.
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
    /// Steps that had to be concealed.
    pub concealed: u64,
    /// Packets dropped to shed delay.
    pub shed: u64,
    /// Pieces of sound left out or said twice.
    pub stretched: u64,
    /// From arrival to play, of the packet last played.
    pub delay: Duration,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Idle,
    Filling { since: Instant },
    Playing,
}

#[derive(Debug)]
pub struct JitterBuffer {
    slots: Slots,
    stream: Option<Stream>,
    phase: Phase,
    /// What is to be played next.
    next: Position,
    /// Packets before this sequence number had their turn.
    over_before: i64,
    delay: Delay,
    /// The packet last played, for what it tells of those to come.
    last: Option<Packet>,
    /// To fill in this tick yet, and played beyond its end.
    need: u32,
    ahead: u32,
    /// Concealed since the last packet played.
    starved: u32,
    silence_announced: bool,
    /// Shed what stands before this sequence number.
    shed_to: Option<i64>,
    /// Clock units of sound by which the delay is to shrink, or below zero to grow.
    stretch: i64,
    /// What may stand in the buffer of a voice that began before it could be played; less with every tick.
    backlog: Duration,
    now: Option<Instant>,
    stats: JitterStats,
}

impl Default for JitterBuffer {
    fn default() -> Self {
        Self::new()
    }
}

impl JitterBuffer {
    /// Allocates its slots.
    pub fn new() -> Self {
        Self {
            slots: Slots::new(),
            stream: None,
            phase: Phase::Idle,
            next: Position::default(),
            over_before: i64::MIN,
            delay: Delay::default(),
            last: None,
            need: 0,
            ahead: 0,
            starved: 0,
            silence_announced: false,
            shed_to: None,
            stretch: 0,
            backlog: Duration::ZERO,
            now: None,
            stats: JitterStats::default(),
        }
    }

    pub fn insert(&mut self, codec: AudioCodec, header: &RtpHeader, payload: &[u8], now: Instant) -> Inserted {
        let Some(units) = payload_units(codec, payload).filter(|_| payload.len() <= PAYLOAD) else {
            return Inserted::Unusable;
        };
        let (at, inserted) = match self.stream.as_mut().map(|stream| stream.place(codec, header)) {
            Some(Place::At(at)) => (at, Inserted::Kept),
            Some(Place::Duplicate) => {
                self.stats.duplicates += 1;
                return Inserted::Duplicate;
            }
            Some(Place::Elsewhere) => (self.start_stream(codec, header), Inserted::Restarted),
            None => (self.start_stream(codec, header), Inserted::Kept),
        };
        let taken = u64::try_from(at.timestamp).unwrap_or(0) * 1_000_000 / u64::from(self.clock_rate().max(1));
        let over = self.delay.handle_arrival(Duration::from_micros(taken), now);
        if at.sequence < self.over_before {
            self.stats.late += 1;
            return Inserted::Late;
        }
        match self.phase {
            Phase::Idle => {
                self.phase = Phase::Filling { since: now };
                self.next = at;
            }
            Phase::Filling { .. } if at.sequence < self.next.sequence => self.next = at,
            Phase::Filling { .. } | Phase::Playing => {}
        }
        self.make_room(at);
        if !self.slots.put(Packet { codec, at, units, arrived: now, over }, payload) {
            return Inserted::Unusable;
        }
        self.silence_announced = false;
        inserted
    }

    /// The voice began before it could be played: so much of it is played later than it need be, and caught up with.
    pub fn allow_backlog(&mut self, backlog: Duration) {
        self.backlog = backlog;
    }

    /// The peer says that silence follows: comfort noise (RFC 3389) or a key press (RFC 4733) in place of audio.
    pub fn handle_silence(&mut self, header: &RtpHeader) {
        if let Some(stream) = self.stream.as_mut().filter(|stream| stream.ssrc == header.ssrc) {
            stream.note(header.sequence);
            self.silence_announced = true;
        }
    }

    /// Starts a tick: the steps that follow cover its 20 ms. Returns the clock rate that they count in, Hz.
    pub fn begin_tick(&mut self, now: Instant) -> u32 {
        self.now = Some(now);
        let clock_rate = self.clock_rate();
        let tick = units_of(TICK, clock_rate);
        self.need = tick.saturating_sub(self.ahead);
        self.ahead = self.ahead.saturating_sub(tick);
        match self.phase {
            Phase::Filling { since } if self.is_filled(since, now) => {
                self.phase = Phase::Playing;
                self.starved = 0;
                self.delay.start_window();
                if let Some(to) = self.surplus_ends(self.backlog) {
                    self.stats.shed += self.slots.remove_before(to.at.sequence);
                    self.next = to.at;
                }
            }
            Phase::Playing => self.adjust_delay(),
            Phase::Idle | Phase::Filling { .. } => {}
        }
        clock_rate
    }

    /// The tick's next step; `None` when it is filled.
    pub fn next_step(&mut self) -> Option<Step<'_>> {
        if self.need == 0 {
            return None;
        }
        if self.phase != Phase::Playing {
            return Some(self.quiet(self.need));
        }
        let Some(packet) = self.slots.get(self.next.sequence) else {
            return match self.slots.first_after(self.next.sequence) {
                Some(following) => self.lost(following),
                None => Some(self.wait()),
            };
        };
        Some(self.play(packet))
    }

    /// By how much of the sound in hand the delay should shrink, or below zero grow, in clock units; when the reader can.
    pub fn stretch(&self) -> i64 {
        self.stretch
    }

    /// The reader left out so much sound, and needs as much more in this tick.
    pub fn handle_shortened(&mut self, units: u32) {
        let from_ahead = units.min(self.ahead);
        self.ahead -= from_ahead;
        self.need += units - from_ahead;
        self.settle_stretch(self.stretch - i64::from(units));
        self.stats.stretched += 1;
    }

    /// The reader said so much sound twice, and has as much more for the next tick.
    pub fn handle_lengthened(&mut self, units: u32) {
        self.ahead += units;
        self.settle_stretch(self.stretch + i64::from(units));
        self.stats.stretched += 1;
    }

    /// What is less than the shortest piece is as good as nothing; nor is anything overdone made good.
    fn settle_stretch(&mut self, left: i64) {
        let least = i64::from(units_of(SHORTEST_STRETCH, self.clock_rate()));
        let done = left.signum() != self.stretch.signum() || left.abs() < least;
        self.stretch = if done { 0 } else { left };
        if done {
            self.delay.start_window();
        }
    }

    /// Whether nothing is there to play.
    pub fn is_idle(&self) -> bool {
        self.phase == Phase::Idle
    }

    /// Forgets the stream.
    pub fn reset(&mut self) {
        self.slots.clear();
        self.stream = None;
        (self.phase, self.over_before, self.delay, self.last) = (Phase::Idle, i64::MIN, Delay::default(), None);
        (self.ahead, self.starved, self.silence_announced, self.shed_to, self.stretch) = (0, 0, false, None, 0);
    }

    pub fn stats(&self) -> JitterStats {
        self.stats
    }

    fn clock_rate(&self) -> u32 {
        self.stream.map_or(IDLE_CLOCK, |stream| stream.clock_rate)
    }

    fn start_stream(&mut self, codec: AudioCodec, header: &RtpHeader) -> Position {
        self.reset();
        let (stream, at) = Stream::starting_with(codec, header);
        self.stream = Some(stream);
        at
    }

    /// Drops the oldest until a packet fits the ring.
    fn make_room(&mut self, at: Position) {
        while at.sequence - self.next.sequence >= SLOTS as i64 {
            self.next = self.slots.first_after(self.next.sequence).map_or(at, |packet| packet.at);
            self.over_before = self.over_before.max(self.next.sequence);
            self.stats.shed += self.slots.remove_before(self.next.sequence);
        }
    }

    /// Whether the packets of a whole tick are there and the last of them has waited for the margin.
    fn is_filled(&self, since: Instant, now: Instant) -> bool {
        let wanted = self.wanted();
        if now.saturating_duration_since(since) >= LONGEST_FILLING + wanted {
            return true;
        }
        let (tick, mut filled, mut sequence) = (units_of(TICK, self.clock_rate()), 0, self.next.sequence);
        while let Some(packet) = self.slots.get(sequence) {
            filled += packet.units;
            if filled >= tick {
                return now.saturating_duration_since(packet.arrived) >= wanted;
            }
            sequence += 1;
        }
        false
    }

    /// How long packets should wait: the margin, and for redundancy that is needed a packet more.
    fn wanted(&self) -> Duration {
        let redundancy = self.waits_for_redundancy().then(|| self.packet_time());
        self.delay.margin() + redundancy.unwrap_or_default()
    }

    fn waits_for_redundancy(&self) -> bool {
        self.delay.is_lossy() && self.last.is_some_and(|last| last.codec == AudioCodec::Opus)
    }

    fn packet_time(&self) -> Duration {
        self.last.map_or(TICK, |last| duration_of(last.units, self.clock_rate()))
    }

    /// The packet to go on with when the newest would wait a packet and `spare` longer than wanted.
    fn surplus_ends(&self, spare: Duration) -> Option<Packet> {
        let newest = (0..SLOTS as i64).rev().find_map(|n| self.slots.get(self.next.sequence + n))?;
        let most = self.wanted() + self.packet_time() + spare;
        if self.wait_of(&newest, self.next.timestamp) < most {
            return None;
        }
        let end = newest.at.timestamp + i64::from(newest.units);
        let fits = |packet: &Packet| {
            self.wait_of(&newest, packet.at.timestamp) >= self.wanted()
                && end - packet.at.timestamp >= i64::from(self.need)
        };
        (0..SLOTS as i64).rev().filter_map(|n| self.slots.get(self.next.sequence + n)).find(fits)
    }

    /// How long the newest packet waits in all if playing goes on at this timestamp. Packets are taken at ticks.
    fn wait_of(&self, newest: &Packet, from: i64) -> Duration {
        let tick = units_of(TICK, self.clock_rate());
        let played = i64::from(tick.saturating_sub(self.need) + self.ahead);
        let ticks = (newest.at.timestamp - from + played).max(0) / i64::from(tick);
        let age = self.now.map_or(Duration::ZERO, |now| now.saturating_duration_since(newest.arrived));
        age + TICK * u32::try_from(ticks).unwrap_or(u32::MAX >> 8)
    }

    fn adjust_delay(&mut self) {
        let has_backlog = !self.backlog.is_zero();
        self.backlog = self.backlog.saturating_sub(TICK / CATCHING_UP);
        let spare = if has_backlog { self.backlog + 2 * SPARE } else { SPARE };
        if let Some(to) = self.surplus_ends(spare) {
            self.shed_to = Some(to.at.sequence);
            self.stretch = 0;
            self.delay.start_window();
            return;
        }
        if self.stretch != 0 {
            return;
        }
        if has_backlog && self.surplus_ends(self.backlog).is_some() {
            self.stretch = i64::from(units_of(self.packet_time(), self.clock_rate()));
            return;
        }
        self.stretch = match self.delay.handle_tick(self.wanted(), self.packet_time()) {
            Some(Adjust::Grow) => -i64::from(units_of(TICK, self.clock_rate())),
            Some(Adjust::Shrink) => i64::from(units_of(self.packet_time(), self.clock_rate())),
            None => 0,
        };
    }

    /// The packet's turn has come.
    fn play(&mut self, packet: Packet) -> Step<'_> {
        let clock_rate = self.clock_rate();
        let credit = i64::from(std::mem::take(&mut self.starved));
        let pause = packet.at.timestamp - self.next.timestamp;
        if pause > credit && pause - credit <= i64::from(units_of(LONGEST_GAP, clock_rate)) {
            self.next.timestamp += credit;
            let units = u32::try_from(pause - credit).unwrap_or(0).min(self.need);
            self.next.timestamp += i64::from(units);
            return self.quiet(units);
        }
        if credit > 0 && pause <= 0 {
            // It was waited for and came: the delay has grown by the wait.
            self.stretch = 0;
            self.delay.start_window();
        }
        if let Some(to) = self.shed_to.take().filter(|&to| to > packet.at.sequence) {
            return self.shed(packet, to);
        }
        let slack = self.now.map_or(Duration::ZERO, |now| now.saturating_duration_since(packet.arrived));
        self.delay.handle_play(slack, packet.over);
        self.stats.delay = slack;
        self.last = Some(packet);
        self.pass(packet.at.sequence, packet.at.timestamp, packet.units);
        let len = self.slots.remove(packet.at.sequence);
        let payload = self.slots.octets(packet.at.sequence, len);
        Step::Play { codec: packet.codec, payload, units: packet.units }
    }

    /// Gives the first packet away to fade over from, and leaves out all before `to`.
    fn shed(&mut self, packet: Packet, to: i64) -> Step<'_> {
        let len = self.slots.len_of(packet.at.sequence);
        self.stats.shed += self.slots.remove_before(to);
        let following = self.slots.get(to).or_else(|| self.slots.first_after(to));
        let behind = Position { sequence: to, timestamp: packet.at.timestamp + i64::from(packet.units) };
        self.next = following.map_or(behind, |packet| packet.at);
        self.over_before = self.next.sequence;
        Step::Shed { codec: packet.codec, payload: self.slots.octets(packet.at.sequence, len) }
    }

    /// The packet is missing and a later one is here.
    fn lost(&mut self, following: Packet) -> Option<Step<'_>> {
        let clock_rate = self.clock_rate();
        let missing = following.at.timestamp - self.next.timestamp;
        let packets = following.at.sequence - self.next.sequence;
        let adjoining = packets == 1;
        // What was concealed while waiting counts, unless redundancy is worth hearing all the same.
        let starved = i64::from(std::mem::take(&mut self.starved));
        let credit = if adjoining && self.waits_for_redundancy() { 0 } else { starved.min(missing.max(0)) };
        let left = missing - credit;
        if left <= 0 || left > i64::from(units_of(LONGEST_GAP, clock_rate)) {
            if missing > 0 {
                self.delay.handle_loss();
            }
            self.next = following.at;
            self.over_before = following.at.sequence;
            return self.next_step();
        }
        let units = u32::try_from((missing / packets).max(1).min(left)).unwrap_or(1);
        self.delay.handle_loss();
        self.stats.concealed += 1;
        self.pass(self.next.sequence, self.next.timestamp + credit, units);
        let len = self.slots.len_of(following.at.sequence);
        let redundancy = adjoining.then(|| self.slots.octets(following.at.sequence, len));
        Some(Step::Lost { codec: following.codec, units, following: redundancy })
    }

    /// Nothing is here: goes on waiting for a while.
    fn wait(&mut self) -> Step<'_> {
        let patience = units_of(PATIENCE, self.clock_rate());
        let Some(last) = self.last.filter(|_| !self.silence_announced && self.starved < patience) else {
            self.phase = Phase::Idle;
            self.backlog = Duration::ZERO;
            (self.shed_to, self.stretch) = (None, 0);
            return self.quiet(self.need);
        };
        self.starved += self.need;
        self.stats.concealed += 1;
        Step::Starved { codec: last.codec, units: std::mem::take(&mut self.need) }
    }

    fn quiet(&mut self, units: u32) -> Step<'static> {
        self.need -= units;
        Step::Quiet { units }
    }

    /// Moves on behind a packet, played or lost.
    fn pass(&mut self, sequence: i64, timestamp: i64, units: u32) {
        self.next = Position { sequence: sequence + 1, timestamp: timestamp + i64::from(units) };
        self.over_before = self.next.sequence;
        self.ahead += units.saturating_sub(self.need);
        self.need = self.need.saturating_sub(units);
    }
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
