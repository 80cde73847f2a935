//! Pacing of outgoing calls: everybody in parallel, yet never a burst that a trunk or switch would drop.
//!
//! RFC 4579 §5.2. A queue and a clock: who is due comes out of `poll_due`.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use super::roster::ParticipantId;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pace {
    /// INVITEs that may leave at once.
    pub burst: u32,
    /// Then one each.
    pub interval: Duration,
}

impl Default for Pace {
    /// 100 members are all called within half a second.
    fn default() -> Self {
        Self { burst: 10, interval: Duration::from_millis(5) }
    }
}

#[derive(Debug)]
pub struct DialOut {
    pace: Pace,
    queue: VecDeque<ParticipantId>,
    /// When the whole burst is free again: every call moves it on by one interval.
    full_at: Instant,
}

impl DialOut {
    pub fn new(pace: Pace, now: Instant) -> Self {
        Self { pace, queue: VecDeque::new(), full_at: now }
    }

    pub fn enqueue(&mut self, participant: ParticipantId) {
        if !self.queue.contains(&participant) {
            self.queue.push_back(participant);
        }
    }

    pub fn withdraw(&mut self, participant: &ParticipantId) {
        self.queue.retain(|queued| queued != participant);
    }

    /// The next one to be called, when one is due.
    pub fn poll_due(&mut self, now: Instant) -> Option<ParticipantId> {
        if self.poll_timeout()? > now {
            return None;
        }
        self.full_at = self.full_at.max(now) + self.pace.interval;
        self.queue.pop_front()
    }

    /// When `poll_due` will give somebody; `None` while nobody waits.
    pub fn poll_timeout(&self) -> Option<Instant> {
        let head_start = self.pace.interval * self.pace.burst.saturating_sub(1);
        (!self.queue.is_empty()).then(|| self.full_at.checked_sub(head_start).unwrap_or(self.full_at))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thirty_are_called_in_one_burst_and_then_at_a_steady_pace() {
        let start = Instant::now();
        let mut dial_out = DialOut::new(Pace { burst: 10, interval: Duration::from_millis(20) }, start);
        for n in 0..30 {
            dial_out.enqueue(ParticipantId(format!("p{n}")));
        }
        let mut left_at = Vec::new();
        let mut now = start;
        while let Some(due) = dial_out.poll_timeout() {
            now = now.max(due);
            while dial_out.poll_due(now).is_some() {
                left_at.push(now - start);
            }
        }
        assert_eq!(left_at.len(), 30);
        assert!(left_at[..10].iter().all(|at| *at == Duration::ZERO), "{left_at:?}");
        assert!(left_at.windows(2).all(|pair| pair[1] - pair[0] <= Duration::from_millis(20)), "{left_at:?}");
        assert_eq!(left_at[29], Duration::from_millis(400));
    }

    #[test]
    fn who_is_withdrawn_or_asked_for_twice_is_not_called_twice() {
        let now = Instant::now();
        let mut dial_out = DialOut::new(Pace::default(), now);
        let [a, b] = ["a", "b"].map(|id| ParticipantId(id.into()));
        dial_out.enqueue(a.clone());
        dial_out.enqueue(a.clone());
        dial_out.enqueue(b.clone());
        dial_out.withdraw(&b);
        assert_eq!(dial_out.poll_due(now), Some(a));
        assert_eq!(dial_out.poll_due(now), None);
        assert_eq!(dial_out.poll_timeout(), None);
    }
}
