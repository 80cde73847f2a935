//! The one clock of a simulation: every party reads it, the network alone moves it.

use std::cell::Cell;
use std::rc::Rc;
use std::time::{Duration, Instant};

/// Seconds since 1970 at the beginning of every simulation.
const BEGINNING: u64 = 1_700_000_000;

#[derive(Clone, Debug)]
pub(super) struct Clock {
    start: Instant,
    now: Rc<Cell<Instant>>,
}

impl Clock {
    pub fn new() -> Self {
        let start = Instant::now();
        Self { start, now: Rc::new(Cell::new(start)) }
    }

    pub fn now(&self) -> Instant {
        self.now.get()
    }

    pub fn elapsed(&self) -> Duration {
        self.now() - self.start
    }

    pub fn unix(&self) -> u64 {
        BEGINNING + self.elapsed().as_secs()
    }

    /// Time never runs backwards.
    pub fn advance(&self, to: Instant) {
        self.now.set(self.now().max(to));
    }

    pub fn since_start(&self, at: Instant) -> Duration {
        at - self.start
    }
}
