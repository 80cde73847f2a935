//! The timers of RFC 3261 §17, table 4, all derived from T1, T2 and T4.

use std::time::{Duration, Instant};

/// The three times everything else is a multiple of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timing {
    /// Round-trip estimate; 500 ms.
    pub t1: Duration,
    /// Longest interval between repetitions of a non-INVITE request or an INVITE response; 4 s.
    pub t2: Duration,
    /// How long a message may stay in the network; 5 s.
    pub t4: Duration,
}

impl Default for Timing {
    fn default() -> Self {
        Self { t1: Duration::from_millis(500), t2: Duration::from_secs(4), t4: Duration::from_secs(5) }
    }
}

impl Timing {
    /// 64·T1: Timers B, F, H, J, L and M, and D, whose "at least 32 seconds" it is.
    pub fn patience(&self) -> Duration {
        self.t1 * 64
    }

    /// How long a non-INVITE client takes until Timer E has grown to T2 (RFC 4320 §4.1): 3.5 s.
    pub fn until_e_is_t2(&self) -> Duration {
        let (mut elapsed, mut interval) = (Duration::ZERO, self.t1);
        while interval < self.t2 && !interval.is_zero() {
            elapsed += interval;
            interval *= 2;
        }
        elapsed
    }

    /// Timers K and I: T4 where packets may still be under way, nothing on a stream.
    pub(super) fn linger(&self, reliable: bool) -> Duration {
        if reliable { Duration::ZERO } else { self.t4 }
    }

    /// Timers D and J: 64·T1, or nothing on a stream.
    pub(super) fn absorb(&self, reliable: bool) -> Duration {
        if reliable { Duration::ZERO } else { self.patience() }
    }
}

/// A message to be said again, at growing intervals: Timers A, E and G, and the 2xx of §13.3.1.4.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Resend {
    pub at: Instant,
    interval: Duration,
    cap: Option<Duration>,
}

impl Resend {
    /// T1 after `now`, then doubling without end: Timer A.
    pub fn doubling(timing: &Timing, now: Instant) -> Self {
        Self { at: now + timing.t1, interval: timing.t1, cap: None }
    }

    /// T1 after `now`, then doubling up to T2: Timers E and G.
    pub fn capped(timing: &Timing, now: Instant) -> Self {
        Self { at: now + timing.t1, interval: timing.t1, cap: Some(timing.t2) }
    }

    /// Every T2: Timer E in Proceeding.
    pub fn steady(timing: &Timing, now: Instant) -> Self {
        Self { at: now + timing.t2, interval: timing.t2, cap: Some(timing.t2) }
    }

    pub fn is_due(&self, now: Instant) -> bool {
        self.at <= now
    }

    /// The timer after this one has fired.
    #[must_use]
    pub fn next(self, now: Instant) -> Self {
        let doubled = self.interval * 2;
        let interval = self.cap.map_or(doubled, |cap| doubled.min(cap));
        Self { at: now + interval, interval, cap: self.cap }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timer_e_reaches_t2_after_three_and_a_half_seconds() {
        assert_eq!(Timing::default().until_e_is_t2(), Duration::from_millis(3500));
    }

    #[test]
    fn resending_doubles_up_to_t2() {
        let start = Instant::now();
        let mut resend = Resend::capped(&Timing::default(), start);
        let mut seconds = Vec::new();
        while resend.at < start + Duration::from_secs(14) {
            seconds.push((resend.at - start).as_secs_f32());
            resend = resend.next(resend.at);
        }
        assert_eq!(seconds, [0.5, 1.5, 3.5, 7.5, 11.5]);
    }
}
