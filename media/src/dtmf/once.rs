//! A key pressed once is told once, though a telephone may send it as an event, as a tone and by INFO at the same time.

use std::time::{Duration, Instant};

/// The ways of one press lie at most this far apart. Nobody presses the same key again so soon by another way.
const TOGETHER: Duration = Duration::from_millis(800);
/// Presses remembered: more come in no time that counts.
const REMEMBERED: usize = 16;

/// The way that a key took.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyWay {
    /// A named event (RFC 4733).
    Event,
    /// A tone in the voice (ITU-T Q.23).
    Tone,
    /// A SIP INFO.
    Info,
}

#[derive(Clone, Copy, Debug)]
struct Press {
    key: char,
    way: KeyWay,
    at: Instant,
}

/// One leg's presses.
#[derive(Clone, Debug, Default)]
pub struct OnceOnly {
    recent: [Option<Press>; REMEMBERED],
    next: usize,
}

impl OnceOnly {
    /// Whether a press is a new one. Each press is matched by at most one of each other way.
    pub fn handle_press(&mut self, key: char, way: KeyWay, now: Instant) -> bool {
        let told =
            |press: &Press| press.key == key && press.way != way && now.saturating_duration_since(press.at) <= TOGETHER;
        // The first way that told it leads; what follows by another is its shadow, once.
        let shadows = self.recent.iter().flatten().filter(|press| press.key == key && press.way == way);
        let shadows = shadows.filter(|press| now.saturating_duration_since(press.at) <= TOGETHER).count();
        let presses = self.recent.iter().flatten().filter(|press| told(press)).count();
        let is_new = presses <= shadows;
        self.recent[self.next] = Some(Press { key, way, at: now });
        self.next = (self.next + 1) % REMEMBERED;
        is_new
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(presses: &[(char, KeyWay, u64)]) -> String {
        let (start, mut once) = (Instant::now(), OnceOnly::default());
        let new =
            presses.iter().filter(|press| once.handle_press(press.0, press.1, start + Duration::from_millis(press.2)));
        new.map(|press| press.0).collect()
    }

    #[test]
    fn three_ways_of_one_press_are_one() {
        use KeyWay::*;
        assert_eq!(told(&[('5', Info, 0), ('5', Event, 100), ('5', Tone, 160)]), "5");
    }

    #[test]
    fn the_same_key_twice_by_one_way_is_two() {
        use KeyWay::*;
        assert_eq!(told(&[('5', Event, 0), ('5', Event, 200)]), "55");
        assert_eq!(told(&[('5', Event, 0), ('5', Info, 50), ('5', Event, 200), ('5', Info, 250)]), "55");
    }

    #[test]
    fn later_or_another_key_is_another_press() {
        use KeyWay::*;
        assert_eq!(told(&[('5', Event, 0), ('6', Info, 50), ('5', Info, 2_000)]), "565");
    }
}
