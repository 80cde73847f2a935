//! How busy a shard is, and what it spares: as it gets busy its encoders search less hard, and after a tick that overran
//! automatic gain, noise suppression, the search for echoes and level reports rest for a second. Speakers never do.
//!
//! ```text
//!  busy    0 ‰ ........ 300 ‰ ........ 600 ‰ ........ 1000 ‰      measured over half a second
//!  effort     a step more  |   as it is   |  a step less           a tick that overran: the least
//! ```

use std::time::{Duration, Instant};

use super::beat::PHASES;
use crate::codec::Effort;

/// Over this much time it is measured how busy the shard is.
const MEASURED: Duration = Duration::from_millis(500);
/// Above this encoders spare effort, ‰ of the shard's time; below the other they try harder again. A step of effort changes
/// what an encode costs by less than the ratio of the two, so that it does not swing.
const BUSY: u64 = 600;
const EASY: u64 = 300;
/// For so long after an overrun things are left out.
const HURRY: Duration = Duration::from_secs(1);

#[derive(Debug, Default)]
pub(super) struct Load {
    since: Option<Instant>,
    /// In the ticks of each phase.
    busy: [Duration; PHASES],
    permille: [u64; PHASES],
    effort: Effort,
    hurries_until: Option<Instant>,
}

impl Load {
    /// A phase's tick that ended at `now` took so long; `overran`: it was not done when the next was due.
    pub fn handle_tick(&mut self, phase: usize, took: Duration, overran: bool, now: Instant) {
        if overran {
            self.hurries_until = Some(now + HURRY);
            self.effort = Effort::Least;
        }
        self.busy[phase] += took;
        let since = *self.since.get_or_insert(now);
        let measured = now.saturating_duration_since(since);
        if measured >= MEASURED {
            let share = |busy: Duration| (1_000 * busy.as_micros() / measured.as_micros().max(1)) as u64;
            self.permille = self.busy.map(share);
            (self.since, self.busy) = (Some(now), [Duration::ZERO; PHASES]);
            self.effort = match self.permille.iter().sum() {
                BUSY.. => self.effort.less(),
                ..EASY if !self.hurries(now) => self.effort.more(),
                _ => self.effort,
            };
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

    /// How hard encoders shall try.
    pub fn effort(&self) -> Effort {
        self.effort
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

    /// Half a second of ticks that take so many milliseconds of their twenty.
    fn half_a_second(load: &mut Load, start: Instant, half: u32, took: u64) {
        for tick in 0..25 {
            let now = start + half * MEASURED + Duration::from_millis(20) * (tick + 1);
            load.handle_tick(0, Duration::from_millis(took), false, now);
        }
    }

    #[test]
    fn encoders_spare_effort_while_the_shard_is_busy() {
        let start = Instant::now();
        let mut load = Load::default();
        load.handle_tick(0, Duration::ZERO, false, start);
        let efforts: Vec<Effort> = [(0, 2), (1, 14), (2, 8), (3, 14), (4, 14), (5, 14), (6, 8), (7, 2), (8, 2)]
            .into_iter()
            .map(|(half, took)| {
                half_a_second(&mut load, start, half, took);
                load.effort()
            })
            .collect();
        let (full, fair, little, least) = (Effort::Full, Effort::Fair, Effort::Little, Effort::Least);
        assert_eq!(efforts, [full, fair, fair, little, least, least, least, little, fair]);
    }

    #[test]
    fn after_an_overrun_they_spare_all_at_once() {
        let start = Instant::now();
        let mut load = Load::default();
        load.handle_tick(0, Duration::from_millis(30), true, start);
        assert_eq!(load.effort(), Effort::Least);
        half_a_second(&mut load, start, 0, 2);
        assert_eq!(load.effort(), Effort::Least, "not in the second of hurry");
        half_a_second(&mut load, start, 1, 2);
        assert_eq!(load.effort(), Effort::Little);
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
