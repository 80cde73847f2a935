//! How long packets should wait: as long as the network's jitter asks for, and not much longer.
//!
//! Each packet's way is compared with the quickest one of late; the 99th percentile of what they took longer, and a
//! little for timers, is the wait that a packet on the quickest way needs. The delay grows at once when it is less, and
//! shrinks when for a while a whole packet could be spared. The reader carries out both by stretching sound in time.

use std::time::{Duration, Instant};

/// What sender's and own timers need without any jitter.
const TIMERS: Duration = Duration::from_millis(4);
/// Jitter beyond this is left to concealment.
pub const MOST: Duration = Duration::from_millis(150);
/// Ticks over which a delay too long must be seen before it shrinks.
const WINDOW: u32 = 75;
/// How much the delay may fall short before it grows: ticks and packets keep their own time.
const SHORTFALL: Duration = Duration::from_millis(2);
/// Packets this close to each other left the network together.
const BURST: Duration = Duration::from_millis(3);
/// Percent of loss at which redundancy in the next packet is worth the wait for it.
const LOSSY: f32 = 1.5;

/// What the delay needs at a tick.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Adjust {
    Grow,
    Shrink,
}

#[derive(Clone, Debug)]
pub struct Delay {
    ways: Ways,
    histogram: Histogram,
    margin: Duration,
    /// When the last packet came, and how much longer it took.
    last: Option<(Instant, Duration)>,
    /// The wait of a packet on the quickest way: of the last one, and the least in this window.
    depth: Option<Duration>,
    least: Option<Duration>,
    ticks: u32,
    /// Up by one with a loss, down by a hundredth with a packet: percent.
    loss: f32,
}

impl Default for Delay {
    fn default() -> Self {
        let histogram = Histogram::default();
        let margin = histogram.margin();
        Self { ways: Ways::default(), histogram, margin, last: None, depth: None, least: None, ticks: 0, loss: 0.0 }
    }
}

impl Delay {
    /// How long a packet on the quickest way should wait.
    pub fn margin(&self) -> Duration {
        self.margin
    }

    /// Whether so much is lost that redundancy should be waited for.
    pub fn is_lossy(&self) -> bool {
        self.loss > LOSSY
    }

    /// A packet came. `taken`: its place on the sender's clock since some fixed moment. Returns how much longer it took
    /// than the quickest of late.
    pub fn handle_arrival(&mut self, taken: Duration, now: Instant) -> Duration {
        let over = self.ways.handle_arrival(taken, now);
        // What comes right behind a slower one was held up with it: one event, however many packets.
        let held_up = self.last.is_some_and(|(at, slower)| slower > over && now.saturating_duration_since(at) < BURST);
        if !held_up {
            self.histogram.add(over);
            self.margin = self.histogram.margin();
        }
        self.last = Some((now, over));
        over
    }

    /// A packet is played after this wait; `over`: as [`handle_arrival`](Self::handle_arrival) told.
    pub fn handle_play(&mut self, slack: Duration, over: Duration) {
        let depth = slack + over;
        self.depth = Some(depth);
        self.least = Some(self.least.map_or(depth, |least| least.min(depth)));
        self.loss *= 0.99;
    }

    pub fn handle_loss(&mut self) {
        self.loss += 1.0;
    }

    /// `wanted`: the margin and what is waited for besides; `packet`: by how much the delay would shrink.
    pub fn handle_tick(&mut self, wanted: Duration, packet: Duration) -> Option<Adjust> {
        self.ticks += 1;
        if self.depth.is_some_and(|depth| depth + SHORTFALL < self.margin) {
            self.start_window();
            return Some(Adjust::Grow);
        }
        if self.ticks < WINDOW {
            return None;
        }
        let shrink = self.least.is_some_and(|least| least >= wanted + packet);
        self.start_window();
        shrink.then_some(Adjust::Shrink)
    }

    pub fn start_window(&mut self) {
        (self.depth, self.least, self.ticks) = (None, None, 0);
    }
}

/// The quickest way of late: the least in two spans of time, the current and the one before.
#[derive(Clone, Copy, Debug, Default)]
struct Ways {
    /// Arrival and place of the first packet: ways are counted from there.
    first: Option<(Instant, Duration)>,
    since: Option<Instant>,
    /// Microseconds.
    current: Option<i64>,
    before: Option<i64>,
}

impl Ways {
    const SPAN: Duration = Duration::from_secs(5);
    /// A way so much longer is no way: the sender's clock jumped.
    const FARTHEST: i64 = 1_000_000;

    fn handle_arrival(&mut self, taken: Duration, now: Instant) -> Duration {
        let (first, first_taken) = *self.first.get_or_insert((now, taken));
        if self.since.is_none_or(|since| now.saturating_duration_since(since) >= Self::SPAN) {
            (self.since, self.before, self.current) = (Some(now), self.current, None);
        }
        let way = micros(first, now) - (taken.as_micros() as i64 - first_taken.as_micros() as i64);
        let current = self.current.map_or(way, |current| current.min(way));
        self.current = Some(current);
        let quickest = self.before.map_or(current, |before| before.min(current));
        if way - quickest > Self::FARTHEST {
            *self = Self::default();
            return Duration::ZERO;
        }
        Duration::from_micros((way - quickest).unsigned_abs())
    }
}

/// From one moment to another, negative if that was before.
fn micros(from: Instant, to: Instant) -> i64 {
    let later = to.saturating_duration_since(from).as_micros() as i64;
    later - from.saturating_duration_since(to).as_micros() as i64
}

/// How much longer packets took, in bins of 4 ms; what is long past weighs little.
#[derive(Clone, Debug)]
struct Histogram {
    bins: [f32; Self::BINS],
    total: f32,
    weight: f32,
}

impl Default for Histogram {
    fn default() -> Self {
        let mut bins = [0.0; Self::BINS];
        bins[0] = Self::TRUST;
        Self { bins, total: Self::TRUST, weight: 1.0 }
    }
}

impl Histogram {
    const BINS: usize = 40;
    const BIN: Duration = Duration::from_millis(4);
    /// Each packet weighs so much more than the one before: after some ten seconds one is as good as forgotten.
    const GROWTH: f32 = 1.002;
    /// So many packets without jitter are taken as seen at the beginning: one slow packet is none yet.
    const TRUST: f32 = 100.0;
    const HEAVIEST: f32 = 1e6;
    const FEW: f32 = 0.01;

    fn add(&mut self, over: Duration) {
        let bin = (over.as_micros() / Self::BIN.as_micros()) as usize;
        self.bins[bin.min(Self::BINS - 1)] += self.weight;
        self.total += self.weight;
        self.weight *= Self::GROWTH;
        if self.weight > Self::HEAVIEST {
            self.bins.iter_mut().for_each(|bin| *bin /= Self::HEAVIEST);
            (self.total, self.weight) = (self.total / Self::HEAVIEST, self.weight / Self::HEAVIEST);
        }
    }

    /// Where all but a few are not longer.
    fn margin(&self) -> Duration {
        let few = self.total * Self::FEW;
        let mut longer = 0.0;
        let beyond = self.bins.iter().rev().take_while(|bin| {
            longer += **bin;
            longer <= few
        });
        let bins = (Self::BINS - beyond.count()).max(1);
        (Self::BIN * u32::try_from(bins).unwrap_or(u32::MAX >> 8) + TIMERS).min(MOST)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PACKET: Duration = Duration::from_millis(20);

    fn millis(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    /// A second of packets for each of `seconds`, each this much later than its clock says.
    fn after(seconds: u32, jitter: impl Fn(u32) -> Duration) -> Delay {
        let (start, mut delay) = (Instant::now(), Delay::default());
        for n in 0..seconds * 50 {
            delay.handle_arrival(PACKET * n, start + PACKET * n + jitter(n));
        }
        delay
    }

    fn after_window(delay: &mut Delay, slack: Duration) -> Option<Adjust> {
        (0..WINDOW).find_map(|_| {
            delay.handle_play(slack, Duration::ZERO);
            delay.handle_tick(delay.margin(), PACKET)
        })
    }

    #[test]
    fn the_margin_follows_the_jitter_up_and_down() {
        assert_eq!(after(10, |_| Duration::ZERO).margin(), millis(8));
        let jittery = after(10, |n| millis(u64::from(n * 7 % 60)));
        assert!((millis(60)..=millis(68)).contains(&jittery.margin()), "{:?}", jittery.margin());
        let calmed = after(60, |n| if n < 500 { millis(u64::from(n * 7 % 60)) } else { Duration::ZERO });
        assert_eq!(calmed.margin(), millis(8));
    }

    #[test]
    fn one_packet_in_a_thousand_does_not_count() {
        assert_eq!(after(60, |n| if n % 1_000 == 999 { millis(90) } else { Duration::ZERO }).margin(), millis(8));
    }

    #[test]
    fn a_stall_of_the_network_is_one_slow_packet() {
        let stalled = after(10, |n| PACKET * if n < 400 { (20_u32).saturating_sub(n % 200) } else { 0 });
        assert_eq!(stalled.margin(), millis(8));
    }

    #[test]
    fn a_drifting_clock_is_no_jitter() {
        let fast = after(600, |n| Duration::from_micros(u64::from(n) * 4));
        assert!(fast.margin() <= millis(12), "{:?}", fast.margin());
    }

    #[test]
    fn a_jump_of_the_senders_clock_begins_anew() {
        let delay = after(60, |n| if n < 1_000 { Duration::ZERO } else { Duration::from_secs(20) });
        assert_eq!(delay.margin(), millis(8));
    }

    #[test]
    fn a_packet_too_much_is_spared_and_less_is_left() {
        let mut delay = Delay::default();
        assert_eq!(after_window(&mut delay, millis(8) + PACKET), Some(Adjust::Shrink));
        assert_eq!(after_window(&mut delay, millis(8) + PACKET / 2), None);
    }

    #[test]
    fn too_short_a_wait_grows_at_once() {
        let mut delay = after(10, |n| millis(u64::from(n % 2 * 30)));
        delay.handle_play(millis(10), Duration::ZERO);
        assert_eq!(delay.handle_tick(delay.margin(), PACKET), Some(Adjust::Grow));
        delay.handle_play(millis(10), millis(30));
        assert_eq!(delay.handle_tick(delay.margin(), PACKET), None);
    }
}
