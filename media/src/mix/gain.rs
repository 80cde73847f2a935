//! Louder and softer, without clicks: a change of gain ramps over one frame.

use super::Frame;

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Gain {
    current: f32,
    wanted: f32,
}

impl Default for Gain {
    fn default() -> Self {
        Self { current: 1.0, wanted: 1.0 }
    }
}

impl Gain {
    /// Sets the gain; held to −40…+20 dB.
    pub fn set_db(&mut self, gain_db: f32) {
        let _ = gain_db;
        unimplemented!()
    }

    /// Applies the gain in place. Costs nothing at 0 dB.
    pub fn apply(&mut self, frame: &mut Frame) {
        let _ = (frame, self.current, self.wanted);
        unimplemented!()
    }
}
