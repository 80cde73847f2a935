//! When to send RTCP: every five seconds, randomised by half so that reports of many legs do not meet (RFC 3550 §6.2,
//! §6.3.1). With two parties a call, the 5 % of bandwidth never binds and reconsideration has nothing to reconsider.

use std::time::{Duration, Instant};

/// The mean interval.
pub const INTERVAL: Duration = Duration::from_secs(5);

#[derive(Clone, Debug)]
pub struct RtcpSchedule {
    random: u64,
    next: Instant,
}

impl RtcpSchedule {
    /// The first report is due within half the interval.
    pub fn new(random: u64, now: Instant) -> Self {
        Self { random, next: now }
    }

    pub fn poll_timeout(&self) -> Instant {
        self.next
    }

    /// Whether a report is due; then the next is planned.
    pub fn handle_timeout(&mut self, now: Instant) -> bool {
        let _ = (now, self.random);
        unimplemented!()
    }
}
