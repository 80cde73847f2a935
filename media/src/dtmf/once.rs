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

/// A press, by the first way that told of it.
#[derive(Clone, Copy, Debug)]
struct Press {
    key: char,
    at: Instant,
    /// Whether each way has told of it.
    told: [bool; 3],
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
        let way = way as usize;
        let matches = |press: &&mut Press| {
            press.key == key && !press.told[way] && now.saturating_duration_since(press.at) <= TOGETHER
        };
        // The oldest that this way has not told of yet: the ways keep the order of the presses.
        let known = self.recent.iter_mut().flatten().filter(matches).min_by_key(|press| press.at);
        if let Some(known) = known {
            known.told[way] = true;
            return false;
        }
        let mut told = [false; 3];
        told[way] = true;
        self.recent[self.next] = Some(Press { key, at: now, told });
        self.next = (self.next + 1) % REMEMBERED;
        true
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

    /// The second press is no shadow of the first one's second way.
    #[test]
    fn a_slow_hand_presses_twice_though_each_comes_in_two_ways() {
        use KeyWay::*;
        for apart in [600, 850, 950] {
            assert_eq!(told(&[('1', Info, 0), ('1', Event, 150), ('1', Info, apart), ('1', Event, apart + 150)]), "11");
        }
    }

    #[test]
    fn later_or_another_key_is_another_press() {
        use KeyWay::*;
        assert_eq!(told(&[('5', Event, 0), ('6', Info, 50), ('5', Info, 2_000)]), "565");
    }
}
