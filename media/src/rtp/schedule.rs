//! When to send RTCP: every five seconds, randomised by half so that reports of many legs do not meet (RFC 3550 §6.2,
//! §6.3.1). With two parties a call, the 5 % of bandwidth never binds and reconsideration has nothing to reconsider;
//! less often where the peer leaves RTCP less (RFC 3556).

use std::time::{Duration, Instant};

/// The mean interval, unless told otherwise.
pub const INTERVAL: Duration = Duration::from_secs(5);

#[derive(Clone, Debug)]
pub struct RtcpSchedule {
    random: u64,
    mean: Duration,
    next: Instant,
}

impl RtcpSchedule {
    /// The first report is due within a quarter to three quarters of the interval (§6.2: half of it at the start).
    pub fn new(random: u64, mean: Duration, now: Instant) -> Self {
        let mut schedule = Self { random, mean, next: now };
        schedule.next = now + schedule.randomised(mean / 2);
        schedule
    }

    pub fn poll_timeout(&self) -> Instant {
        self.next
    }

    /// Whether a report is due; then the next is planned.
    pub fn handle_timeout(&mut self, now: Instant) -> bool {
        if now < self.next {
            return false;
        }
        self.next = now + self.randomised(self.mean);
        true
    }

    /// Half to one and a half times `mean`, evenly.
    fn randomised(&mut self, mean: Duration) -> Duration {
        // SplitMix64: one step, well mixed even from seeds that count up.
        self.random = self.random.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.random;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mean / 2 + mean.mul_f64((mixed >> 11) as f64 / (1_u64 << 53) as f64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reports_come_every_five_seconds_in_the_mean_and_never_in_step() {
        let start = Instant::now();
        let mut schedule = RtcpSchedule::new(3550, INTERVAL, start);
        let mut now = schedule.poll_timeout();
        assert!((1250..3750).contains(&(now - start).as_millis()));
        let mut intervals = Vec::new();
        for _ in 0..1000 {
            assert!(schedule.handle_timeout(now));
            assert!(!schedule.handle_timeout(now));
            intervals.push(schedule.poll_timeout() - now);
            now = schedule.poll_timeout();
        }
        assert!(intervals.iter().all(|interval| (2500..=7500).contains(&interval.as_millis())));
        let mean = intervals.iter().sum::<Duration>() / 1000;
        assert!((4850..5150).contains(&mean.as_millis()), "{mean:?}");
    }
}
