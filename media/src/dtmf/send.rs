//! Sending key presses: a packet every 20 ms with growing duration, the end three times (RFC 4733 §2.5.1).

use std::time::Duration;

use super::event::{EVENT_LEN, Event, code_of};
use crate::mix::TICK;
use crate::rtp::timestamp::units_of;

/// Presses that may wait.
const QUEUE: usize = 32;
/// Packets of the end (§2.5.1.4).
const ENDS: u8 = 3;
/// −dBm0 that most telephones send.
const VOLUME: u8 = 10;
/// A press may be this short; less is not a key for many receivers (ITU-T Q.24).
const SHORTEST: Duration = Duration::from_millis(40);
/// A longer press would need segments (§2.5.1.3), and nobody asks for it.
const LONGEST: Duration = Duration::from_millis(1_000);
/// Ticks between two presses.
const PAUSE: u64 = 3;

/// What to send in place of audio at this tick.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyPacket {
    /// Set on the first packet of a press.
    pub marker: bool,
    /// The tick in which the press began.
    pub began: u64,
    pub payload: [u8; EVENT_LEN],
}

#[derive(Debug)]
pub struct KeySender {
    units_per_tick: u32,
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
    /// `sent`: ticks of it sent; `ends`: packets of its end still to send.
    Pressing {
        code: u8,
        ticks: u32,
        started: u64,
        sent: u32,
        ends: u8,
    },
}

impl KeySender {
    /// `clock_rate`: of the telephone-event format that we send with.
    pub fn new(clock_rate: u32) -> Self {
        Self {
            units_per_tick: units_of(TICK, clock_rate),
            queue: [(0, 0); QUEUE],
            first: 0,
            waiting: 0,
            state: State::Idle { not_before: 0 },
        }
    }

    /// Queues a key press, held to 40…1000 ms. False when the key is none, or 32 wait already.
    pub fn press(&mut self, key: char, duration: Duration) -> bool {
        let Some(code) = code_of(key).filter(|_| self.waiting < QUEUE) else { return false };
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
            self.state = State::Pressing { code, ticks, started: tick, sent: 0, ends: ENDS };
        }
        let State::Pressing { code, ticks, started, sent, ends } = &mut self.state else { return None };
        *sent = (*sent + 1).min(*ticks);
        let end = *sent == *ticks;
        let duration = u16::try_from(*sent * self.units_per_tick).unwrap_or(u16::MAX);
        let packet = KeyPacket {
            marker: tick == *started,
            began: *started,
            payload: Event { code: *code, end, volume: VOLUME, duration }.write(),
        };
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

    fn packets(sender: &mut KeySender, ticks: std::ops::Range<u64>) -> Vec<(u64, KeyPacket)> {
        ticks.filter_map(|tick| sender.next_packet(tick).map(|packet| (tick, packet))).collect()
    }

    #[test]
    fn a_press_has_one_timestamp_one_marker_growing_durations_and_three_ends() {
        let mut sender = KeySender::new(8_000);
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
        let mut sender = KeySender::new(48_000);
        assert!(sender.press('1', Duration::from_millis(40)) && sender.press('1', Duration::from_millis(40)));
        let sent = packets(&mut sender, 0..40);
        let ticks: Vec<u64> = sent.iter().map(|(tick, _)| *tick).collect();
        assert_eq!(ticks, [0, 1, 2, 3, 7, 8, 9, 10]);
        assert_eq!(sent[4].1.began, 7);
    }

    #[test]
    fn what_is_no_key_or_too_many_is_refused() {
        let mut sender = KeySender::new(8_000);
        assert!(!sender.press('x', Duration::from_millis(100)));
        assert!((0..32).all(|_| sender.press('1', Duration::from_millis(100))));
        assert!(!sender.press('1', Duration::from_millis(100)));
    }
}
