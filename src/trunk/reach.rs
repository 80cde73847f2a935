//! Whether a trunk answers: OPTIONS at intervals, RFC 3261 §11.
//!
//! Any final response of its own shows that it is there, a refusal too; only 503, and 408 or nothing at all, show that
//! it is not. A trunk that does not answer is asked more often, to be back in use soon.

use std::time::{Duration, Instant};

use plenary_sip::message::StatusCode;

const WHEN_DOWN: Duration = Duration::from_secs(15);

#[derive(Debug)]
pub struct Reach {
    interval: Duration,
    next: Next,
    reachable: Option<bool>,
}

#[derive(Debug)]
enum Next {
    At(Instant),
    Asked,
    Never,
}

impl Reach {
    /// `interval` of zero: never asks.
    pub fn new(interval: Duration, now: Instant) -> Self {
        let next = if interval.is_zero() { Next::Never } else { Next::At(now) };
        Self { interval, next, reachable: None }
    }

    /// None: not known yet, or not asked at all.
    pub fn reachable(&self) -> Option<bool> {
        self.reachable
    }

    /// Whether an OPTIONS is due.
    pub fn handle_timeout(&mut self, now: Instant) -> bool {
        let due = matches!(self.next, Next::At(at) if at <= now);
        if due {
            self.next = Next::Asked;
        }
        due
    }

    /// The final response; `answered`: it came from the peer.
    pub fn handle_response(&mut self, status: StatusCode, answered: bool, now: Instant) {
        if !matches!(self.next, Next::Asked) {
            return;
        }
        let there = answered && !matches!(status.as_u16(), 408 | 503);
        self.reachable = Some(there);
        let wait = if there { self.interval } else { self.interval.min(WHEN_DOWN) };
        self.next = Next::At(now + wait);
    }

    pub fn poll_timeout(&self) -> Option<Instant> {
        match self.next {
            Next::At(at) => Some(at),
            Next::Asked | Next::Never => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(status: u16, answered: bool) -> (Option<bool>, Duration) {
        let now = Instant::now();
        let mut reach = Reach::new(Duration::from_secs(60), now);
        assert!(reach.handle_timeout(now) && !reach.handle_timeout(now), "one at a time");
        reach.handle_response(StatusCode::new(status).expect("a status"), answered, now);
        (reach.reachable(), reach.poll_timeout().expect("the next") - now)
    }

    #[test]
    fn any_answer_shows_that_it_is_there_but_503_and_silence() {
        for status in [200, 401, 404, 405, 501] {
            assert_eq!(after(status, true), (Some(true), Duration::from_secs(60)), "{status}");
        }
        for (status, answered) in [(503, true), (408, true), (408, false), (503, false)] {
            assert_eq!(after(status, answered), (Some(false), WHEN_DOWN), "{status}");
        }
    }

    #[test]
    fn an_interval_of_zero_asks_nothing() {
        let now = Instant::now();
        let mut reach = Reach::new(Duration::ZERO, now);
        assert!(!reach.handle_timeout(now) && reach.poll_timeout().is_none() && reach.reachable().is_none());
    }
}
