//! Asking for a PIN by keypad: digits in, a verdict out. Three tries, then the call ends; who calls again and again to
//! guess it has to wait, ever longer.

use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::registrar::{Patience, Verdict};

/// Longest silence between two keys, and before the first.
const KEY_WITHIN: Duration = Duration::from_secs(15);
const TRIES: u32 = 3;
const LONGEST: usize = 32;

#[derive(Debug)]
pub struct PinEntry {
    typed: String,
    tries_left: u32,
    give_up_at: Instant,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Key {
    /// More digits may come.
    More,
    /// `#`: the whole PIN, to be tried.
    Complete(String),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Retry {
    Again,
    HangUp,
}

impl PinEntry {
    pub fn new(now: Instant) -> Self {
        Self { typed: String::new(), tries_left: TRIES, give_up_at: now + KEY_WITHIN }
    }

    pub fn handle_digit(&mut self, digit: char, now: Instant) -> Key {
        self.give_up_at = now + KEY_WITHIN;
        match digit {
            '#' => return Key::Complete(std::mem::take(&mut self.typed)),
            '*' => self.typed.clear(),
            digit if self.typed.len() < LONGEST => self.typed.push(digit),
            _ => {}
        }
        Key::More
    }

    /// The PIN was wrong.
    pub fn handle_wrong(&mut self, now: Instant) -> Retry {
        self.tries_left -= 1;
        self.give_up_at = now + KEY_WITHIN;
        if self.tries_left == 0 { Retry::HangUp } else { Retry::Again }
    }

    /// When to hang up on a caller who types nothing.
    pub fn poll_timeout(&self) -> Instant {
        self.give_up_at
    }
}

/// Wrong PINs by the address they come from and the conference they are for. The lock is held for one look-up.
#[derive(Clone, Debug)]
pub struct PinPatience(Arc<Mutex<Patience>>);

impl PinPatience {
    pub fn new(free_failures: u32, longest_block: Duration) -> Self {
        Self(Arc::new(Mutex::new(Patience::new(free_failures, longest_block))))
    }

    pub fn is_waiting(&self, source: IpAddr, conference: &str, now: Instant) -> bool {
        matches!(self.lock().verdict(source, conference, now), Verdict::Wait(_))
    }

    pub fn right(&self, source: IpAddr, conference: &str, now: Instant) {
        self.lock().handle_success(source, conference, now);
    }

    pub fn wrong(&self, source: IpAddr, conference: &str, now: Instant) {
        self.lock().handle_failure(source, conference, now);
    }

    fn lock(&self) -> MutexGuard<'_, Patience> {
        // A tally half written is still a tally.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_begins_anew_and_a_hash_ends_the_pin() {
        let now = Instant::now();
        let mut entry = PinEntry::new(now);
        let keys: Vec<_> = "12*3456#".chars().map(|digit| entry.handle_digit(digit, now)).collect();
        assert_eq!(keys.last(), Some(&Key::Complete("3456".into())));
        assert!(keys[..7].iter().all(|key| *key == Key::More));
    }

    #[test]
    fn guessing_across_calls_has_to_wait_and_others_do_not() {
        let now = Instant::now();
        let pins = PinPatience::new(3, Duration::from_secs(300));
        let [guesser, other]: [IpAddr; 2] = [[192, 0, 2, 1].into(), [198, 51, 100, 1].into()];
        (0..4).for_each(|_| pins.wrong(guesser, "3001", now));
        assert!(pins.is_waiting(guesser, "3001", now));
        assert!(pins.is_waiting(guesser, "3002", now), "nor may he try the next conference");
        assert!(!pins.is_waiting(other, "3001", now));
        assert!(!pins.is_waiting(guesser, "3001", now + Duration::from_secs(2)));
    }

    #[test]
    fn the_third_wrong_pin_ends_the_call() {
        let now = Instant::now();
        let mut entry = PinEntry::new(now);
        assert_eq!(entry.handle_wrong(now), Retry::Again);
        assert_eq!(entry.handle_wrong(now), Retry::Again);
        assert_eq!(entry.handle_wrong(now), Retry::HangUp);
    }
}
