//! The telephone's keys as a remote control: `*` and a digit, each a wish like any other.
//!
//! Left out until they are built: `*8` for layouts, `*0` for replay.

use std::time::{Duration, Instant};

/// A digit belongs to its star for so long.
const TOGETHER: Duration = Duration::from_secs(4);

/// What a caller wishes by keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyWish {
    /// `*1`
    WhoIsHere,
    /// `*2`
    HowDoIStand,
    /// `*#`
    Help,
    /// `*6`
    ToggleMute,
    /// `*9`
    ToggleHand,
    /// `*3`
    Softer,
    /// `*4`
    Louder,
    /// `*5`, a chair's
    MuteAll,
    /// `*7`, a chair's
    ToggleLock,
}

/// One caller's keys.
#[derive(Debug, Default)]
pub struct Keypad {
    star_at: Option<Instant>,
}

impl Keypad {
    pub fn handle_key(&mut self, key: char, now: Instant) -> Option<KeyWish> {
        if key == '*' {
            self.star_at = Some(now);
            return None;
        }
        let star_at = self.star_at.take()?;
        if now.saturating_duration_since(star_at) > TOGETHER {
            return None;
        }
        match key {
            '1' => Some(KeyWish::WhoIsHere),
            '2' => Some(KeyWish::HowDoIStand),
            '#' => Some(KeyWish::Help),
            '3' => Some(KeyWish::Softer),
            '4' => Some(KeyWish::Louder),
            '5' => Some(KeyWish::MuteAll),
            '6' => Some(KeyWish::ToggleMute),
            '7' => Some(KeyWish::ToggleLock),
            '9' => Some(KeyWish::ToggleHand),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_and_a_digit_are_a_wish_and_a_digit_alone_is_none() {
        let now = Instant::now();
        let mut keypad = Keypad::default();
        let wishes: Vec<_> = "6*6**9*x6".chars().filter_map(|key| keypad.handle_key(key, now)).collect();
        assert_eq!(wishes, [KeyWish::ToggleMute, KeyWish::ToggleHand]);
    }

    #[test]
    fn a_digit_long_after_its_star_is_none() {
        let now = Instant::now();
        let mut keypad = Keypad::default();
        assert_eq!(keypad.handle_key('*', now), None);
        assert_eq!(keypad.handle_key('6', now + Duration::from_secs(5)), None);
    }
}
