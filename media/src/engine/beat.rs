//! The beat: ticks of 20 ms in four phases of 5 ms, on an absolute schedule.
//!
//! ```text
//!   phase   0    1    2    3    0    1    2    3    0        rooms are spread over the phases, so that
//!           |····|····|····|····|····|····|····|····|···▶    their bursts do not meet
//!   tick    0    0    0    0    1    1    1    1    2
//! ```
//!
//! Ticks are counted from the start, so neither a late wake-up nor a long tick moves those that follow. After a
//! stall each phase runs once, for its newest tick; the ticks before are left out, and with them their delay.

use std::time::{Duration, Instant};

use crate::mix::TICK;

pub(super) const PHASES: usize = 4;
const SLOT: Duration = TICK.checked_div(PHASES as u32).expect("PHASES is not 0");

/// Which phases have anything to do.
pub(super) type UsedPhases = [bool; PHASES];

#[derive(Clone, Debug)]
pub(super) struct Beat {
    start: Instant,
    /// The next slot of 5 ms, counted from the start; its phase is its remainder by four.
    next: u64,
}

/// A tick of one phase whose time has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Due {
    pub phase: usize,
    /// Counted from the start.
    pub tick: u64,
    /// Ticks left out before it.
    pub skipped: u64,
    /// How long after its time.
    pub late: Duration,
}

impl Beat {
    pub fn new(start: Instant) -> Self {
        Self { start, next: 0 }
    }

    /// The next tick of a phase in use.
    pub fn poll_timeout(&self, used: UsedPhases) -> Option<Instant> {
        self.next_used(used).map(|slot| self.time_of(slot))
    }

    /// The next tick that is due, if one is. Call it until there is none.
    pub fn next_due(&mut self, used: UsedPhases, now: Instant) -> Option<Due> {
        let current = self.slot_at(now)?;
        let planned = self.next_used(used).filter(|planned| *planned <= current)?;
        // Of the slots that are due only the newest of each phase is worth running.
        let newest_round = (current + 1).saturating_sub(PHASES as u64);
        let slot = (planned.max(newest_round)..=current).find(|slot| used[phase_of(*slot)])?;
        let skipped = (planned..slot).filter(|slot| used[phase_of(*slot)]).count() as u64;
        self.next = slot + 1;
        let late = now.saturating_duration_since(self.time_of(slot));
        Some(Due { phase: phase_of(slot), tick: slot / PHASES as u64, skipped, late })
    }

    /// Goes on from `now` after a time without work: nothing was missed.
    pub fn wake(&mut self, now: Instant) {
        self.next = self.next.max(self.slot_at(now).unwrap_or(0));
    }

    fn next_used(&self, used: UsedPhases) -> Option<u64> {
        (self.next..self.next + PHASES as u64).find(|slot| used[phase_of(*slot)])
    }

    fn slot_at(&self, now: Instant) -> Option<u64> {
        let since = now.checked_duration_since(self.start)?;
        Some((since.as_nanos() / SLOT.as_nanos()) as u64)
    }

    fn time_of(&self, slot: u64) -> Instant {
        self.start + Duration::from_nanos(slot * SLOT.as_nanos() as u64)
    }
}

fn phase_of(slot: u64) -> usize {
    (slot % PHASES as u64) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIRST: UsedPhases = [true, false, false, false];
    const FIRST_AND_THIRD: UsedPhases = [true, false, true, false];

    fn due(phase: usize, tick: u64, skipped: u64, late: u64) -> Option<Due> {
        Some(Due { phase, tick, skipped, late: Duration::from_millis(late) })
    }

    #[test]
    fn ticks_come_every_20_ms_and_do_not_drift() {
        let start = Instant::now();
        let mut beat = Beat::new(start);
        assert_eq!(beat.next_due(FIRST, start), due(0, 0, 0, 0));
        assert_eq!(beat.next_due(FIRST, start), None);
        assert_eq!(beat.poll_timeout(FIRST), Some(start + TICK));
        assert_eq!(beat.next_due(FIRST, start + Duration::from_millis(27)), due(0, 1, 0, 7));
        assert_eq!(beat.poll_timeout(FIRST), Some(start + 2 * TICK));
    }

    #[test]
    fn phases_stand_5_ms_apart() {
        let start = Instant::now();
        let mut beat = Beat::new(start);
        beat.next_due(FIRST_AND_THIRD, start);
        assert_eq!(beat.poll_timeout(FIRST_AND_THIRD), Some(start + Duration::from_millis(10)));
        assert_eq!(beat.next_due(FIRST_AND_THIRD, start + Duration::from_millis(11)), due(2, 0, 0, 1));
        assert_eq!(beat.poll_timeout(FIRST_AND_THIRD), Some(start + TICK));
    }

    #[test]
    fn after_a_stall_each_phase_runs_once() {
        let start = Instant::now();
        let mut beat = Beat::new(start);
        beat.next_due(FIRST_AND_THIRD, start);
        beat.next_due(FIRST_AND_THIRD, start + Duration::from_millis(10));
        let later = start + Duration::from_millis(513);
        assert_eq!(beat.next_due(FIRST_AND_THIRD, later), due(0, 25, 48, 13));
        assert_eq!(beat.next_due(FIRST_AND_THIRD, later), due(2, 25, 0, 3));
        assert_eq!(beat.next_due(FIRST_AND_THIRD, later), None);
        assert_eq!(beat.poll_timeout(FIRST_AND_THIRD), Some(start + Duration::from_millis(520)));
    }

    #[test]
    fn without_work_nothing_is_due() {
        let start = Instant::now();
        let mut beat = Beat::new(start);
        assert_eq!(beat.poll_timeout([false; PHASES]), None);
        assert_eq!(beat.next_due([false; PHASES], start + TICK), None);
        let woken = start + Duration::from_secs(60);
        beat.wake(woken);
        assert_eq!(beat.next_due(FIRST, woken), due(0, 3000, 0, 0));
    }
}
