//! The unit that the mixer works in.

use std::time::Duration;

/// The mixer's beat.
pub const TICK: Duration = Duration::from_millis(20);
/// One tick at 48 kHz.
pub const FRAME_SAMPLES: usize = 960;

/// One tick of mono sound at 48 kHz.
pub type Frame = [i16; FRAME_SAMPLES];

pub const SILENCE: Frame = [0; FRAME_SAMPLES];
