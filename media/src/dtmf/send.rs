//! Sending key presses: a packet every 20 ms with growing duration, the end three times (RFC 4733 §2.5.1). A press
//! longer than the duration field holds goes on in segments, each beginning where the one before ended (§2.5.1.3).

use std::time::Duration;

use super::event::{EVENT_LEN, Event, code_of};
use crate::mix::TICK;
use crate::plan::SendEvents;
use crate::rtp::timestamp::{duration_of, units_of};

/// Presses that may wait.
const QUEUE: usize = 32;
/// Packets of the end (§2.5.1.4).
const ENDS: u8 = 3;
/// −dBm0 that most telephones send.
const VOLUME: u8 = 10;
/// A press may be this short; less is not a key for many receivers (ITU-T Q.24).
const SHORTEST: Duration = Duration::from_millis(40);
const LONGEST: Duration = Duration::from_secs(10);
/// Units of a whole segment.
const SEGMENT: u32 = 0xffff;
/// Ticks between two presses.
const PAUSE: u64 = 3;

/// What to send in place of audio at this tick.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyPacket {
    /// Set on the first packet of a press.
    pub marker: bool,
    /// The tick in which the press began …
    pub began: u64,
    /// … and how long after that its present segment did.
    pub offset: Duration,
    pub payload: [u8; EVENT_LEN],
}

#[derive(Debug)]
pub struct KeySender {
    clock_rate: u32,
    /// Bit n: event n may be sent.
    taken: u16,
    /// A ring: the first waiting, and how many.
    queue: [(u8, u32); QUEUE],
    first: usize,
    waiting: usize,
    state: State,
}

#[derive(Clone, Copy, Debug)]
enum State {
    Idle {
        not_before: u64,
    },
    /// `sent`: ticks of it sent; `before`: clock units of its segments before; `ends`: packets of its end still to send.
    Pressing {
        code: u8,
        ticks: u32,
        started: u64,
        sent: u32,
        before: u32,
        ends: u8,
    },
}

impl KeySender {
    pub fn new(events: SendEvents) -> Self {
        Self {
            clock_rate: events.clock_rate,
            taken: events.taken,
            queue: [(0, 0); QUEUE],
            first: 0,
            waiting: 0,
            state: State::Idle { not_before: 0 },
        }
    }

    /// Queues a key press, held to 40 ms … 10 s. False when the key is none that the peer takes, or 32 wait already.
    pub fn press(&mut self, key: char, duration: Duration) -> bool {
        let taken = |code: &u8| self.taken & (1 << code) != 0;
        let Some(code) = code_of(key).filter(taken).filter(|_| self.waiting < QUEUE) else { return false };
        let ticks = duration.clamp(SHORTEST, LONGEST).as_millis().div_ceil(TICK.as_millis());
        self.queue[(self.first + self.waiting) % QUEUE] = (code, u32::try_from(ticks).unwrap_or(u32::MAX));
        self.waiting += 1;
        true
    }

    /// The packet of tick number `tick`; while there is one, audio pauses.
    pub fn next_packet(&mut self, tick: u64) -> Option<KeyPacket> {
        if let State::Idle { not_before } = self.state {
            let (code, ticks) = self.queue[self.first];
            if self.waiting == 0 || tick < not_before {
                return None;
            }
            (self.first, self.waiting) = ((self.first + 1) % QUEUE, self.waiting - 1);
            self.state = State::Pressing { code, ticks, started: tick, sent: 0, before: 0, ends: ENDS };
        }
        let State::Pressing { code, ticks, started, sent, before, ends } = &mut self.state else { return None };
        *sent = (*sent + 1).min(*ticks);
        let units = *sent * units_of(TICK, self.clock_rate) - *before;
        // A segment that is full is told of as such; what is beyond it is the next tick's.
        let full = units > SEGMENT;
        let end = *sent == *ticks && !full;
        let duration = u16::try_from(units.min(SEGMENT)).unwrap_or(u16::MAX);
        let packet = KeyPacket {
            marker: tick == *started,
            began: *started,
            offset: duration_of(*before, self.clock_rate),
            payload: Event { code: *code, end, volume: VOLUME, duration }.write(),
        };
        *before += if full { SEGMENT } else { 0 };
        if end {
            *ends -= 1;
            if *ends == 0 {
                self.state = State::Idle { not_before: tick + 1 + PAUSE };
            }
        }
        Some(packet)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sender(clock_rate: u32) -> KeySender {
        KeySender::new(SendEvents { payload_type: 101, clock_rate, taken: SendEvents::ALL })
    }

    fn packets(sender: &mut KeySender, ticks: std::ops::Range<u64>) -> Vec<(u64, KeyPacket)> {
        ticks.filter_map(|tick| sender.next_packet(tick).map(|packet| (tick, packet))).collect()
    }

    #[test]
    fn a_press_has_one_timestamp_one_marker_growing_durations_and_three_ends() {
        let mut sender = sender(8_000);
        assert!(sender.press('5', Duration::from_millis(100)));
        let sent = packets(&mut sender, 10..40);
        let events: Vec<Event> = sent.iter().filter_map(|(_, packet)| Event::parse(&packet.payload)).collect();
        assert!(sent.iter().all(|(_, packet)| packet.began == 10));
        assert_eq!(sent.iter().filter(|(_, packet)| packet.marker).count(), 1);
        assert!(sent[0].1.marker);
        let durations: Vec<u16> = events.iter().map(|event| event.duration).collect();
        assert_eq!(durations, [160, 320, 480, 640, 800, 800, 800]);
        assert_eq!(events.iter().filter(|event| event.end).count(), 3);
        assert!(events.iter().all(|event| event.code == 5));
    }

    #[test]
    fn presses_wait_for_each_other_and_pause_between() {
        let mut sender = sender(48_000);
        assert!(sender.press('1', Duration::from_millis(40)) && sender.press('1', Duration::from_millis(40)));
        let sent = packets(&mut sender, 0..40);
        let ticks: Vec<u64> = sent.iter().map(|(tick, _)| *tick).collect();
        assert_eq!(ticks, [0, 1, 2, 3, 7, 8, 9, 10]);
        assert_eq!(sent[4].1.began, 7);
    }

    /// §2.5.1.3: at 48 kHz a segment lasts 1.37 s, at 8 kHz 8.19 s.
    #[test]
    fn a_key_that_is_held_for_ten_seconds_goes_on_in_segments() {
        for (clock_rate, segments) in [(8_000, 2), (48_000, 8)] {
            let mut sender = sender(clock_rate);
            assert!(sender.press('5', Duration::from_secs(10)));
            let sent = packets(&mut sender, 0..700);
            let mut began: Vec<Duration> = sent.iter().map(|(_, packet)| packet.offset).collect();
            began.dedup();
            let whole = duration_of(SEGMENT, clock_rate);
            assert_eq!(began, (0..segments).map(|n| whole * n).collect::<Vec<_>>());
            let events: Vec<Event> = sent.iter().filter_map(|(_, packet)| Event::parse(&packet.payload)).collect();
            assert_eq!(
                events.iter().filter(|event| event.duration == 0xffff && !event.end).count(),
                segments as usize - 1
            );
            let last = sent.last().expect("an end").1.offset;
            let end = events.last().expect("an end");
            assert!(end.end && events.iter().filter(|event| event.end).count() == 3);
            assert_eq!(last + duration_of(end.duration.into(), clock_rate), Duration::from_secs(10));
            assert_eq!(sent.iter().filter(|(_, packet)| packet.marker).count(), 1);
        }
    }

    #[test]
    fn only_events_that_the_peer_takes_are_sent() {
        let mut sender = KeySender::new(SendEvents { payload_type: 101, clock_rate: 8_000, taken: 0x0fff });
        assert!(sender.press('#', Duration::from_millis(100)));
        assert!(!sender.press('A', Duration::from_millis(100)));
    }

    #[test]
    fn what_is_no_key_or_too_many_is_refused() {
        let mut sender = sender(8_000);
        assert!(!sender.press('x', Duration::from_millis(100)));
        assert!((0..32).all(|_| sender.press('1', Duration::from_millis(100))));
        assert!(!sender.press('1', Duration::from_millis(100)));
    }
}
