//! Key presses out of event packets: each told once, by its timestamp, whatever packets are lost or repeated.
//!
//! RFC 4733 §2.5.2.2: packets of one press share the timestamp of its beginning and repeat its growing duration, and
//! the end comes three times. A press longer than the duration field holds goes on in segments, each starting where the
//! one before ended (§2.5.1.3). A press is told at its end: with an end packet, with the next press, or when nothing
//! more of it came for a while.

use std::time::{Duration, Instant};

use super::event::{Event, key_of};
use crate::rtp::timestamp::duration_of;
use crate::rtp::{RtpHeader, RtpTimestamp, SequenceNumber, Ssrc};

/// A press of which nothing more comes has ended: three of the longest usual intervals between its packets.
const PATIENCE: Duration = Duration::from_millis(150);
/// A segment may start this far from the end of the one before; phones round.
const SEGMENT_SLACK: i32 = 800;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyPress {
    /// 0–9, `*`, `#`, A–D.
    pub key: char,
    pub duration: Duration,
}

#[derive(Debug, Default)]
pub struct KeyReceiver {
    pressed: Option<Pressed>,
    /// The press told last: its other packets are still to come.
    told: Option<Told>,
}

/// A key that is held down.
#[derive(Clone, Copy, Debug)]
struct Pressed {
    key: char,
    code: u8,
    ssrc: Ssrc,
    clock_rate: u32,
    /// Of its last segment.
    start: RtpTimestamp,
    duration: u16,
    /// Clock units of the segments before.
    before: u32,
    sequence: SequenceNumber,
    until: Instant,
}

#[derive(Clone, Copy, Debug)]
struct Told {
    ssrc: Ssrc,
    code: u8,
    start: RtpTimestamp,
    sequence: SequenceNumber,
}

impl KeyReceiver {
    /// Takes an event packet. Returns the key press that it ends: its own, or an earlier one whose end was lost.
    pub fn handle_packet(
        &mut self,
        header: &RtpHeader,
        payload: &[u8],
        clock_rate: u32,
        now: Instant,
    ) -> Option<KeyPress> {
        let event = Event::parse(payload)?;
        let key = key_of(event.code)?;
        if self.was_told(header, &event) {
            return None;
        }
        let mut ended = None;
        if !self.pressed.as_mut().is_some_and(|pressed| pressed.continues(header, &event, now)) {
            if self.is_stale(header) {
                return None;
            }
            ended = self.release();
            self.pressed = Some(Pressed {
                key,
                code: event.code,
                ssrc: header.ssrc,
                clock_rate,
                start: header.timestamp,
                duration: event.duration,
                before: 0,
                sequence: header.sequence,
                until: now + PATIENCE,
            });
        }
        // A press cut short by the next leaves its own end for the next packet: two cannot be told at once.
        if event.end && ended.is_none() { self.release() } else { ended }
    }

    /// Ends a press of which nothing more is heard.
    pub fn handle_timeout(&mut self, now: Instant) -> Option<KeyPress> {
        if self.poll_timeout()? > now { None } else { self.release() }
    }

    pub fn poll_timeout(&self) -> Option<Instant> {
        self.pressed.map(|pressed| pressed.until)
    }

    /// Whether a packet belongs to the press told last.
    fn was_told(&self, header: &RtpHeader, event: &Event) -> bool {
        self.told
            .is_some_and(|told| told.ssrc == header.ssrc && told.code == event.code && told.start == header.timestamp)
    }

    /// Whether a packet of an older press comes behind its time.
    fn is_stale(&self, header: &RtpHeader) -> bool {
        let newest = self.pressed.map(|pressed| (pressed.ssrc, pressed.sequence));
        let newest = newest.or(self.told.map(|told| (told.ssrc, told.sequence)));
        newest.is_some_and(|(ssrc, sequence)| {
            ssrc == header.ssrc && !header.sequence.is_after(sequence) && near(header.sequence, sequence)
        })
    }

    fn release(&mut self) -> Option<KeyPress> {
        let pressed = self.pressed.take()?;
        self.told =
            Some(Told { ssrc: pressed.ssrc, code: pressed.code, start: pressed.start, sequence: pressed.sequence });
        let units = pressed.before.saturating_add(u32::from(pressed.duration));
        Some(KeyPress { key: pressed.key, duration: duration_of(units, pressed.clock_rate) })
    }
}

/// Within the misorder that a network makes; farther back the stream started again.
fn near(a: SequenceNumber, b: SequenceNumber) -> bool {
    a.since(b).unsigned_abs() < 100
}

impl Pressed {
    /// Takes up another packet of this press, or its next segment. False: it is another press.
    fn continues(&mut self, header: &RtpHeader, event: &Event, now: Instant) -> bool {
        if header.ssrc != self.ssrc || event.code != self.code {
            return false;
        }
        if header.timestamp != self.start {
            let from_end = header.timestamp.since(self.start + u32::from(self.duration));
            let full = self.duration > u16::MAX / 2;
            if !full || from_end.abs() > SEGMENT_SLACK {
                return false;
            }
            self.before = self.before.saturating_add(u32::from(self.duration));
            (self.start, self.duration) = (header.timestamp, 0);
        }
        self.duration = self.duration.max(event.duration);
        if header.sequence.is_after(self.sequence) {
            self.sequence = header.sequence;
        }
        self.until = now + PATIENCE;
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Phone {
        keys: KeyReceiver,
        sequence: u16,
        clock_rate: u32,
        now: Instant,
    }

    impl Phone {
        fn new() -> Self {
            Self { keys: KeyReceiver::default(), sequence: 65_530, clock_rate: 8_000, now: Instant::now() }
        }

        /// One packet; lost on its way if so marked.
        fn packet(&mut self, code: u8, start: u32, duration: u16, end: bool, lost: bool) -> Option<KeyPress> {
            self.sequence = self.sequence.wrapping_add(1);
            self.now += Duration::from_millis(20);
            if lost { None } else { self.again(code, start, duration, end) }
        }

        fn again(&mut self, code: u8, start: u32, duration: u16, end: bool) -> Option<KeyPress> {
            let header = RtpHeader {
                marker: duration <= 160,
                payload_type: 101,
                sequence: SequenceNumber(self.sequence),
                timestamp: RtpTimestamp(start),
                ssrc: Ssrc(7),
            };
            let payload = Event { code, end, volume: 10, duration }.write();
            self.keys.handle_packet(&header, &payload, self.clock_rate, self.now)
        }

        /// A press of 100 ms; `lost`: the numbers of its eight packets that do not come.
        fn press(&mut self, code: u8, start: u32, lost: &[u8]) -> Vec<KeyPress> {
            (0..8)
                .filter_map(|n: u8| {
                    let duration = u16::from(n + 1).min(6) * 160;
                    self.packet(code, start, duration, n >= 5, lost.contains(&n))
                })
                .collect()
        }
    }

    fn keys(presses: &[KeyPress]) -> String {
        presses.iter().map(|press| press.key).collect()
    }

    #[test]
    fn a_press_is_told_once_with_its_duration() {
        let presses = Phone::new().press(5, 1_000, &[]);
        assert_eq!(presses, [KeyPress { key: '5', duration: Duration::from_millis(120) }]);
    }

    #[test]
    fn any_one_packet_that_comes_is_enough() {
        for kept in 0..8 {
            let lost: Vec<u8> = (0..8).filter(|&n| n != kept).collect();
            let mut phone = Phone::new();
            let mut presses = phone.press(10, 1_000, &lost);
            presses.extend(phone.keys.handle_timeout(phone.now + PATIENCE));
            assert_eq!(keys(&presses), "*", "of packet {kept} alone");
        }
    }

    #[test]
    fn lost_ends_are_made_up_by_the_next_press_or_by_time() {
        let mut phone = Phone::new();
        let mut presses = phone.press(1, 1_000, &[5, 6, 7]);
        assert_eq!(presses, []);
        presses.extend(phone.press(1, 3_000, &[5, 6, 7]));
        assert_eq!(keys(&presses), "1", "two presses of one key have two timestamps");
        let until = phone.keys.poll_timeout().expect("held");
        assert_eq!(phone.keys.handle_timeout(until - Duration::from_millis(1)), None);
        presses.extend(phone.keys.handle_timeout(until));
        assert_eq!(keys(&presses), "11");
        assert_eq!(phone.keys.poll_timeout(), None);
    }

    #[test]
    fn a_pin_is_read_in_order() {
        let mut phone = Phone::new();
        let presses: Vec<KeyPress> = [1, 2, 2, 9, 11]
            .into_iter()
            .enumerate()
            .flat_map(|(n, code)| phone.press(code, n as u32 * 2_000, &[n as u8]))
            .collect();
        assert_eq!(keys(&presses), "1229#");
    }

    #[test]
    fn the_end_of_the_next_press_is_not_forgotten_when_it_ends_the_one_before() {
        let mut phone = Phone::new();
        let mut presses = phone.press(1, 1_000, &[5, 6, 7]);
        presses.extend(phone.press(2, 3_000, &[0, 1, 2, 3, 4]));
        presses.extend(phone.keys.handle_timeout(phone.now + PATIENCE));
        assert_eq!(keys(&presses), "12");
    }

    #[test]
    fn reordered_packets_of_a_press_told_do_not_press_again() {
        let mut phone = Phone::new();
        assert_eq!(keys(&phone.press(3, 1_000, &[])), "3");
        assert_eq!(keys(&phone.press(4, 3_000, &[])), "4");
        phone.sequence = phone.sequence.wrapping_sub(12);
        assert_eq!(phone.again(3, 1_000, 320, false), None);
        assert_eq!(phone.keys.handle_timeout(phone.now + PATIENCE), None);
    }

    /// RFC 4733 §2.5.1.3: ten seconds at 8 kHz are 80 000 units.
    #[test]
    fn a_key_held_for_ten_seconds_is_one_press_in_two_segments() {
        let mut phone = Phone::new();
        let mut presses = Vec::new();
        for total in (400..=80_000_u32).step_by(400) {
            let (start, duration) = if total <= 0xffff { (0, total) } else { (0xffff, total - 0xffff) };
            presses.extend(phone.packet(7, 5_000 + start, duration as u16, total == 80_000, false));
            if total == 65_200 {
                presses.extend(phone.packet(7, 5_000, 0xffff, false, false));
            }
        }
        assert_eq!(presses, [KeyPress { key: '7', duration: Duration::from_secs(10) }]);
    }

    #[test]
    fn the_clock_is_that_of_the_format() {
        let mut phone = Phone { clock_rate: 48_000, ..Phone::new() };
        let press = phone.packet(5, 1_000, 4_800, true, false).expect("ended");
        assert_eq!(press.duration, Duration::from_millis(100));
    }

    #[test]
    fn tones_that_are_no_keys_are_nothing() {
        let mut phone = Phone::new();
        assert_eq!(phone.packet(36, 1_000, 400, true, false), None);
        assert_eq!(phone.keys.poll_timeout(), None);
    }

    proptest::proptest! {
        #[test]
        fn no_octets_panic(octets in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..12), rate in 0u32..96_000) {
            let header = RtpHeader {
                marker: false,
                payload_type: 101,
                sequence: SequenceNumber(1),
                timestamp: RtpTimestamp(2),
                ssrc: Ssrc(3),
            };
            let mut keys = KeyReceiver::default();
            keys.handle_packet(&header, &octets, rate, Instant::now());
        }
    }
}
