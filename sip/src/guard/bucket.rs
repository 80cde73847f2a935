//! Token buckets: so many a second in the long run, and ten seconds' worth at once.

use std::time::{Duration, Instant};

/// Seconds of the rate that may come at once.
const BURST: f64 = 10.0;
/// How far ahead of its rate a patient sender may book.
const LONGEST_WAIT: Duration = Duration::from_secs(5);

/// Messages a second.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate(pub u32);

impl Rate {
    fn per_second(self) -> f64 {
        f64::from(self.0.max(1))
    }

    fn burst(self) -> f64 {
        self.per_second() * BURST
    }
}

#[derive(Clone, Copy, Debug)]
pub struct Bucket {
    tokens: f64,
    at: Instant,
}

impl Bucket {
    pub fn full(rate: Rate, now: Instant) -> Self {
        Self { tokens: rate.burst(), at: now }
    }

    /// Takes a token, if one is there.
    pub fn take(&mut self, rate: Rate, now: Instant) -> bool {
        self.fill(rate, now);
        let taken = self.tokens >= 1.0;
        if taken {
            self.tokens -= 1.0;
        }
        taken
    }

    /// Takes a token that may be still to come, and says how long to wait for it; `None`: too long.
    pub fn book(&mut self, rate: Rate, now: Instant) -> Option<Duration> {
        self.fill(rate, now);
        let wait = Duration::from_secs_f64((1.0 - self.tokens).max(0.0) / rate.per_second());
        if wait > LONGEST_WAIT {
            return None;
        }
        self.tokens -= 1.0;
        Some(wait)
    }

    /// Nothing was taken lately: a new one would be the same.
    pub fn is_full(&self, rate: Rate, now: Instant) -> bool {
        let since = now.saturating_duration_since(self.at).as_secs_f64();
        self.tokens + since * rate.per_second() >= rate.burst()
    }

    fn fill(&mut self, rate: Rate, now: Instant) {
        let since = now.saturating_duration_since(self.at).as_secs_f64();
        self.tokens = (self.tokens + since * rate.per_second()).min(rate.burst());
        self.at = now;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RATE: Rate = Rate(10);

    #[test]
    fn a_burst_passes_and_then_the_rate() {
        let start = Instant::now();
        let mut bucket = Bucket::full(RATE, start);
        assert_eq!((0..1000).filter(|_| bucket.take(RATE, start)).count(), 100);
        let later = start + Duration::from_secs(2);
        assert_eq!((0..1000).filter(|_| bucket.take(RATE, later)).count(), 20);
        assert!(!bucket.is_full(RATE, later));
        assert!(bucket.is_full(RATE, later + Duration::from_secs(10)));
    }

    #[test]
    fn who_waits_is_told_how_long_and_not_for_ever() {
        let start = Instant::now();
        let mut bucket = Bucket::full(RATE, start);
        let waits: Vec<_> = std::iter::from_fn(|| bucket.book(RATE, start)).collect();
        assert_eq!(waits.iter().filter(|wait| wait.is_zero()).count(), 100);
        assert_eq!(waits.len(), 150, "five seconds ahead");
        assert!(waits.is_sorted());
    }
}
