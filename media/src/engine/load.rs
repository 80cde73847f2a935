//! How busy a shard is, and when it leaves things out: after a tick that overran, automatic gain, noise suppression, the
//! search for echoes and level reports rest for a second. Speakers never do.

use std::time::{Duration, Instant};

use super::beat::PHASES;

/// Over this much time it is measured how busy the shard is.
const MEASURED: Duration = Duration::from_millis(500);
/// For so long after an overrun things are left out.
const HURRY: Duration = Duration::from_secs(1);

#[derive(Debug, Default)]
pub(super) struct Load {
    since: Option<Instant>,
    /// In the ticks of each phase.
    busy: [Duration; PHASES],
    permille: [u64; PHASES],
    hurries_until: Option<Instant>,
}

impl Load {
    /// A phase's tick that ended at `now` took so long; `overran`: it was not done when the next was due.
    pub fn handle_tick(&mut self, phase: usize, took: Duration, overran: bool, now: Instant) {
        if overran {
            self.hurries_until = Some(now + HURRY);
        }
        self.busy[phase] += took;
        let since = *self.since.get_or_insert(now);
        let measured = now.saturating_duration_since(since);
        if measured >= MEASURED {
            let share = |busy: Duration| (1_000 * busy.as_micros() / measured.as_micros().max(1)) as u64;
            self.permille = self.busy.map(share);
            (self.since, self.busy) = (Some(now), [Duration::ZERO; PHASES]);
        }
    }

    /// Nothing is left to do.
    pub fn rest(&mut self) {
        *self = Self::default();
    }

    /// How much of its time the shard worked lately in each phase, ‰.
    pub fn permille(&self) -> [u64; PHASES] {
        self.permille
    }

    /// Whether this tick leaves out what can be left out.
    pub fn hurries(&self, now: Instant) -> bool {
        self.hurries_until.is_some_and(|until| now < until)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_share_of_busy_time_is_measured_and_forgotten_at_rest() {
        let start = Instant::now();
        let mut load = Load::default();
        for tick in 0..100 {
            load.handle_tick(2, Duration::from_millis(15), false, start + Duration::from_millis(20) * tick);
        }
        let [0, 0, busy, 0] = load.permille() else { panic!("{load:?}") };
        assert!((740..=780).contains(&busy), "{busy} ‰");
        load.rest();
        assert_eq!(load.permille(), [0; PHASES]);
    }

    #[test]
    fn an_overrun_is_followed_by_a_second_of_hurry() {
        let start = Instant::now();
        let mut load = Load::default();
        load.handle_tick(0, Duration::from_millis(3), false, start);
        assert!(!load.hurries(start));
        load.handle_tick(0, Duration::from_millis(30), true, start);
        assert!(load.hurries(start + Duration::from_millis(999)));
        assert!(!load.hurries(start + Duration::from_secs(1)));
    }
}
