//! The sample rates that codecs and the mixer work at.

use std::time::Duration;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SampleRate {
    Hz8000,
    Hz16000,
    Hz48000,
}

impl SampleRate {
    pub const fn hz(self) -> u32 {
        match self {
            Self::Hz8000 => 8_000,
            Self::Hz16000 => 16_000,
            Self::Hz48000 => 48_000,
        }
    }

    /// Samples in `duration`, rounded down.
    pub const fn samples(self, duration: Duration) -> usize {
        (duration.as_micros() as usize * (self.hz() as usize / 1_000)) / 1_000
    }
}
