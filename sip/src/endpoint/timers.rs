//! Who must be woken when: one deadline each, the earliest found without looking at the rest.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

#[derive(Debug)]
pub struct Timers<K> {
    queue: BTreeSet<(Instant, K)>,
    deadlines: BTreeMap<K, Instant>,
}

impl<K> Default for Timers<K> {
    fn default() -> Self {
        Self { queue: BTreeSet::new(), deadlines: BTreeMap::new() }
    }
}

impl<K: Copy + Ord> Timers<K> {
    /// Replaces the deadline of `key`; None takes it away.
    pub fn set(&mut self, key: K, deadline: Option<Instant>) {
        let old = match deadline {
            Some(at) => self.deadlines.insert(key, at),
            None => self.deadlines.remove(&key),
        };
        if old == deadline {
            return;
        }
        if let Some(old) = old {
            self.queue.remove(&(old, key));
        }
        if let Some(at) = deadline {
            self.queue.insert((at, key));
        }
    }

    pub fn next(&self) -> Option<Instant> {
        self.queue.first().map(|(at, _)| *at)
    }

    /// The earliest whose time has come, and forgets its deadline.
    pub fn pop_due(&mut self, now: Instant) -> Option<K> {
        let (at, key) = *self.queue.first()?;
        if at > now {
            return None;
        }
        self.set(key, None);
        Some(key)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn the_earliest_comes_first_and_a_moved_deadline_counts_once() {
        let start = Instant::now();
        let after = |seconds| start + Duration::from_secs(seconds);
        let mut timers = Timers::default();
        timers.set("a", Some(after(3)));
        timers.set("b", Some(after(2)));
        timers.set("a", Some(after(1)));
        assert_eq!(timers.next(), Some(after(1)));
        assert_eq!(timers.pop_due(after(0)), None);
        assert_eq!(timers.pop_due(after(9)), Some("a"));
        timers.set("b", None);
        assert_eq!(timers.pop_due(after(9)), None);
        assert_eq!(timers.next(), None);
    }
}
