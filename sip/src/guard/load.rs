//! Whether we keep up: measured by how long messages wait before they are handled (RFC 3261 §21.5.4).

use std::time::{Duration, Instant};

/// Overload ends well below where it began, so that it does not flicker.
const ENDS_BELOW: u32 = 4;
/// A wait below this part of the limit is none.
const HARDLY: u32 = 10;
/// Weight of one message in the running mean: 1/16.
const WEIGHT: u32 = 16;
/// A measure this old says nothing about now.
const FORGET_AFTER: Duration = Duration::from_secs(1);
const LONGEST_RETRY_AFTER: u64 = 30;

#[derive(Debug)]
pub struct Load {
    limit: Duration,
    delay: Duration,
    is_over: bool,
    measured: Option<Instant>,
}

impl Load {
    /// `limit`: the mean wait from which on new work is refused.
    pub fn new(limit: Duration) -> Self {
        Self { limit, delay: Duration::ZERO, is_over: false, measured: None }
    }

    /// A message waited so long. `mailbox`: how full the mailbox it came from is, 0 to 1; a full one hides a queue
    /// of unknown length behind it, unless what comes out of it has hardly waited: then it was a gust of connections.
    pub fn handle_message(&mut self, waited: Duration, mailbox: f32, now: Instant) {
        if self.measured.is_none_or(|last| now.saturating_duration_since(last) > FORGET_AFTER) {
            (self.delay, self.is_over) = (Duration::ZERO, false);
        }
        self.measured = Some(now);
        let waited = if mailbox >= 0.9 && waited >= self.limit / HARDLY { waited.max(self.limit * 2) } else { waited };
        self.delay = self.delay * (WEIGHT - 1) / WEIGHT + waited / WEIGHT;
        let bound = if self.is_over { self.limit / ENDS_BELOW } else { self.limit };
        self.is_over = self.delay > bound;
    }

    /// How long messages waited, in the running mean.
    pub fn mean_wait(&self) -> Duration {
        self.delay
    }

    /// When refused peers shall come again; `None`: we keep up.
    pub fn retry_after(&self) -> Option<Duration> {
        let times = self.delay.as_millis() / self.limit.as_millis().max(1);
        let seconds = u64::try_from(times).unwrap_or(LONGEST_RETRY_AFTER).saturating_mul(5);
        self.is_over.then(|| Duration::from_secs(seconds.clamp(5, LONGEST_RETRY_AFTER)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    #[test]
    fn one_late_message_is_no_overload_and_a_row_of_them_is() {
        let now = Instant::now();
        let mut load = Load::new(250 * MS);
        load.handle_message(900 * MS, 0.1, now);
        assert_eq!(load.retry_after(), None);
        (0..20).for_each(|_| load.handle_message(900 * MS, 0.1, now));
        assert!(load.retry_after().is_some_and(|wait| wait >= Duration::from_secs(5)));
        (0..20).for_each(|_| load.handle_message(MS, 0.1, now));
        assert!(load.retry_after().is_some(), "still above a quarter");
        (0..20).for_each(|_| load.handle_message(MS, 0.1, now));
        assert_eq!(load.retry_after(), None);
    }

    #[test]
    fn a_full_mailbox_is_overload_where_messages_wait() {
        let now = Instant::now();
        let mut load = Load::new(250 * MS);
        (0..20).for_each(|_| load.handle_message(5 * MS, 1.0, now));
        assert_eq!(load.retry_after(), None);
        (0..20).for_each(|_| load.handle_message(50 * MS, 1.0, now));
        assert!(load.retry_after().is_some());
    }

    #[test]
    fn after_a_silence_nothing_is_held_against_anybody() {
        let now = Instant::now();
        let mut load = Load::new(250 * MS);
        (0..50).for_each(|_| load.handle_message(900 * MS, 0.0, now));
        load.handle_message(MS, 0.0, now + Duration::from_secs(2));
        assert_eq!(load.retry_after(), None);
    }
}
