//! When which leg sends: an absolute schedule, so that no delay adds up.
//!
//! A frame of 20 ms has 20 slices of 1 ms, and every leg its slice, as phones have no beat in common.

use std::time::{Duration, Instant};

/// What every leg sends in one packet.
pub const FRAME: Duration = Duration::from_millis(20);
/// Slices a frame.
pub const SLICES: usize = 20;
const SLICE: Duration = Duration::from_millis(1);
/// Coprime to [`SLICES`]: legs that join one after another spread over the frame.
const STRIDE: usize = 7;

#[derive(Clone, Copy, Debug)]
pub struct Pace {
    start: Instant,
    slice: u32,
}

impl Pace {
    pub fn starting(start: Instant) -> Self {
        Self { start, slice: 0 }
    }

    /// When the slice at hand begins.
    pub fn due(&self) -> Instant {
        self.start + SLICE * self.slice
    }

    /// The place of the slice at hand in its frame.
    pub fn phase(&self) -> usize {
        self.slice as usize % SLICES
    }

    pub fn advance(&mut self) {
        self.slice += 1;
    }
}

/// The slice in which leg `index` sends.
pub fn phase_of(index: usize) -> usize {
    index * STRIDE % SLICES
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_schedule_is_absolute() {
        let start = Instant::now();
        let mut pace = Pace::starting(start);
        for _ in 0..3 * SLICES + 5 {
            pace.advance();
        }
        assert_eq!(pace.due(), start + 3 * FRAME + 5 * SLICE);
        assert_eq!(pace.phase(), 5);
    }

    #[test]
    fn legs_spread_evenly_over_the_frame() {
        let mut legs = [0; SLICES];
        (0..200).for_each(|index| legs[phase_of(index)] += 1);
        assert_eq!(legs, [10; SLICES]);
    }
}
